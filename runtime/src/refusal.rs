//! Refusals that more than one place gives, or that need words: status, code, words, what to do. docs/api.md lists all codes.

use serde_json::json;
use weft_bytecode::near::near;
use weft_bytecode::schedule::SpecError;
use weft_bytecode::wire::{WireError, text};
use weft_protocol::api::ApiError;
use weft_protocol::event::RunRef;
use weft_protocol::id::NAMESPACE_RULE;
use weft_protocol::limits::UPDATE_ID_BYTES_MAX;
use weft_protocol::moving::Unmoved;
use weft_protocol::{EventId, Timestamp};

use crate::api::ActivityKey;
use crate::filter::FilterError;
use crate::partition::request::Tried;
use crate::store::StoreError;

/// Pending activities that a refusal names.
const PENDING_SHOWN_MAX: usize = 20;

/// No run has that name.
pub fn run_not_found(workflow_id: &str, run_id: Option<&str>) -> ApiError {
    let message = match run_id {
        Some(run) => format!("there is no run {run} of workflow id `{workflow_id}`"),
        None => format!("there is no run with the workflow id `{workflow_id}`"),
    };
    ApiError::new(404, "run_not_found", message).help("`weft list` shows the runs there are")
}

/// No namespace can have that name.
pub fn wrong_namespace(namespace: &str) -> ApiError {
    ApiError::new(400, "wrong_parameter", format!("{namespace:?} cannot name a namespace"))
        .at("namespace", NAMESPACE_RULE)
}

/// There is no such namespace; `known` are those there are.
pub fn namespace_not_found(name: &str, known: &[&str]) -> ApiError {
    let error = ApiError::new(404, "namespace_not_found", format!("there is no namespace `{name}`"));
    match near(name, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`? `weft namespace create {name}` makes it")),
        None => error.help(format!("`weft namespace create {name}` makes it")),
    }
}

/// A namespace of that name is there.
pub fn namespace_exists(name: &str, deleted: bool) -> ApiError {
    let error = ApiError::new(409, "namespace_exists", format!("there is a namespace `{name}` already"));
    if deleted {
        error.help("it is being deleted: its name is free when all of its closed runs are gone")
    } else {
        error.help(format!("`weft namespace update {name}` changes it"))
    }
}

/// A namespace with open runs is not deleted.
pub fn namespace_in_use(name: &str, open: u64) -> ApiError {
    let runs = if open == 1 { "run is" } else { "runs are" };
    ApiError::new(409, "namespace_in_use", format!("{open} {runs} open in the namespace `{name}`"))
        .help(format!("end them first: weft terminate --namespace {name} --filter 'status = Running' --yes"))
}

/// The namespace `default` is always there.
pub fn default_stays() -> ApiError {
    ApiError::new(409, "namespace_in_use", "the namespace `default` cannot be deleted")
        .help("every server has it; its retention can be changed")
}

/// The run has ended.
pub fn run_closed(workflow_id: &str) -> ApiError {
    ApiError::new(409, "run_closed", format!("the run `{workflow_id}` has ended"))
        .help("only open runs take signals, updates and terminations; its result is still there")
}

/// An open run has the id and the policy says `reject`.
pub fn already_running(run: &RunRef) -> ApiError {
    ApiError::new(
        409,
        "already_running",
        format!("an open run has the workflow id `{}` (run {})", run.workflow_id, run.run_id),
    )
    .help("use `on_conflict: join` to be answered with it, or `replace` to end it first")
}

/// A closed run has the id and the policy does not allow another.
pub fn already_closed(run: &RunRef) -> ApiError {
    ApiError::new(
        409,
        "already_closed",
        format!("a closed run has the workflow id `{}` (run {})", run.workflow_id, run.run_id),
    )
    .help("use `on_closed: allow` to start it anew, or `join` to be answered with it")
}

/// The namespace has no such workflow; `known` are those it has.
pub fn workflow_not_found(namespace: &str, name: &str, known: &[String]) -> ApiError {
    let error = ApiError::new(404, "workflow_not_found", format!("namespace `{namespace}` has no workflow `{name}`"));
    match near(name, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.help("nothing is deployed there; `weft deploy` brings a project"),
        None => error.help("`weft deploy` makes the workflows of a project known"),
    }
}

/// Workflows of a namespace disagree about what a search attribute holds.
pub fn attribute_taken(namespace: &str, name: &str, how: &str) -> ApiError {
    let message = format!("the search attribute `{name}` of namespace `{namespace}` has two types: {how}");
    ApiError::new(409, "attribute_taken", message)
        .help("filters compare it over all workflows: give one of them another name, or both the same type")
}

/// A filter that cannot be read.
pub fn wrong_filter(error: &FilterError) -> ApiError {
    let message = format!("column {} of the filter: {}", error.column, error.message);
    let out =
        ApiError::new(400, "wrong_filter", message).at("filter", "a filter, as docs/finding-runs.md describes it");
    match &error.help {
        Some(help) => out.help(help.clone()),
        None => out,
    }
}

/// A batch without a filter.
pub fn empty_filter() -> ApiError {
    ApiError::new(422, "wrong_input", "a batch without a filter would be about every run")
        .at("filter", "a filter; `status = Running` are all open runs")
}

/// An id that is not deleted by one of its runs.
pub fn newer_run(workflow_id: &str, newest: &str) -> ApiError {
    ApiError::new(
        409,
        "newer_run",
        format!("run {newest} of `{workflow_id}` is newer, and the filter is not true of it"),
    )
    .help("an id is deleted with all its runs: by its newest run, or by name")
}

/// A batch id that is none.
pub fn batch_id(max: usize) -> ApiError {
    ApiError::new(422, "wrong_input", "the batch id is empty or too long").at("batch_id", format!("1 to {max} bytes"))
}

/// No schedule has that name.
pub fn schedule_not_found(name: &str) -> ApiError {
    ApiError::new(404, "schedule_not_found", format!("there is no schedule `{name}`"))
        .help("`weft schedule list` shows the schedules there are")
}

/// A schedule has that name.
pub fn schedule_exists(name: &str) -> ApiError {
    ApiError::new(409, "schedule_exists", format!("a schedule `{name}` is there already"))
        .help("replace it (`weft schedule create --replace`, or PUT), or delete it first")
}

/// The schedule is part of a project.
pub fn schedule_declared(name: &str, project: &str) -> ApiError {
    ApiError::new(409, "schedule_declared", format!("the schedule `{name}` is declared by the project `{project}`"))
        .help("change or remove it there and deploy; it can be paused, resumed, triggered and backfilled here")
}

/// A definition that cannot be used.
pub fn wrong_schedule(error: &SpecError) -> ApiError {
    let path = (!error.path.is_empty()).then(|| error.path.clone());
    ApiError { path, ..ApiError::new(422, "wrong_input", error.to_string()) }
}

/// As many backfills as may be are under way.
pub fn too_many_backfills(max: usize) -> ApiError {
    ApiError::new(422, "limit_reached", format!("{max} backfills of this schedule are under way"))
        .help("wait until one is done")
}

/// A range that ends before it begins.
pub fn backward_range() -> ApiError {
    ApiError::new(422, "wrong_input", "`to` is before `from`").at("to", "a time that is not before `from`")
}

/// A range with too many times of a schedule.
pub fn too_long_range(max: usize) -> ApiError {
    let message = format!("the schedule has more than {max} times from `from` to `to`, and a backfill takes no more");
    ApiError::new(422, "limit_reached", message).at("to", "an earlier time").help("backfill the range in pieces")
}

/// The workflow has no such signal, query or update.
pub fn message_not_found(kind: &str, workflow: &str, name: &str, has: &[&str]) -> ApiError {
    let error =
        ApiError::new(404, &format!("{kind}_not_found"), format!("workflow `{workflow}` has no {kind} `{name}`"));
    if has.is_empty() {
        error.help(format!("it has no {kind} at all"))
    } else {
        error.help(format!("it has {}", has.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")))
    }
}

/// Input that does not have its type.
pub fn wrong_input(error: &WireError) -> ApiError {
    let out = ApiError::new(422, "wrong_input", error.to_string());
    let path = if error.path.is_empty() { "args".to_owned() } else { format!("args.{}", error.path) };
    out.at(path, error.expected.clone())
}

/// A limit was reached; nothing was logged.
pub fn limit(name: &str) -> ApiError {
    ApiError::new(422, "limit_reached", format!("this would go over the limit `{name}`"))
        .help(format!("`[limits]` of the configuration sets `{name}`"))
}

/// Something is longer than its limit.
pub fn too_large(what: &str, bytes: usize, name: &str, max: usize) -> ApiError {
    ApiError::new(413, "too_large", format!("{bytes} bytes are too many for {what}; the limit `{name}` is {max}"))
        .help("send a reference to the data instead, or raise the limit in `[limits]`")
}

/// A text that is kept as it is has too many bytes, whatever the configuration says.
pub fn too_long(what: &str, field: &str, bytes: usize, name: &str, max: usize) -> ApiError {
    let message = format!("{what} has {bytes} bytes; the limit `{name}` is {max}");
    ApiError::new(422, "wrong_input", message).at(field, format!("at most {max} bytes"))
}

/// Too much is waiting for the store.
pub fn busy() -> ApiError {
    let message = "more waits to be stored than the limit `pending_bytes_max` allows; nothing of this was kept";
    ApiError::new(429, "busy", message).help("try again in a second")
}

/// The data is read, not served.
pub fn only_read() -> ApiError {
    ApiError::new(409, "only_read", "this data is only looked at here; nothing in it can be changed or go on")
        .help("serve it with `weft dev` or `weft run`, and ask that")
}

/// Another node owns the run's partition.
pub fn not_owner(owner: Option<&str>) -> ApiError {
    let error = ApiError::new(503, "not_owner", "this node does not own the run's partition");
    match owner {
        Some(owner) => error.help(format!("ask {owner}")),
        None => error.help("no node owns it yet; try again in a moment"),
    }
}

/// The partition was taken over while this waited.
pub fn moved() -> ApiError {
    ApiError::new(503, "moved", "another node has taken the run's partition over; what was asked may not have happened")
        .help("ask again with the same workflow id or request id: it will not be done twice")
}

/// The store does not answer.
pub fn store_away(why: &str) -> ApiError {
    ApiError::new(503, "store_unavailable", format!("the store does not answer: {why}"))
        .help("try again; nothing that was acknowledged is lost")
}

/// The store is damaged.
pub fn store_broken(why: &str) -> ApiError {
    ApiError::new(500, "store_broken", why).help("see docs/operations.md on damaged stores")
}

/// What a store error means to a caller.
pub(crate) fn of_store(error: &StoreError) -> ApiError {
    match error {
        StoreError::Unavailable(why) => store_away(why),
        StoreError::Conflict => moved(),
        StoreError::Corrupt(_) | StoreError::Unusable(_) => store_broken(&error.to_string()),
    }
}

/// The attempt is over, or another has begun.
pub fn attempt_gone() -> ApiError {
    ApiError::new(410, "attempt_gone", "the task has ended, timed out or is attempted again under another token")
        .help("drop it; its result is not wanted any more")
}

/// Nobody works on the attempt, so that it gives no sign of life.
pub fn not_begun(name: &str, attempt: u32, next_at: Option<Timestamp>) -> ApiError {
    let message = match next_at {
        Some(at) => format!("`{name}` is between attempts: number {attempt} begins at {}", text::time(at.0)),
        None => {
            format!("nobody is known to work on attempt {attempt} of `{name}`: a heartbeat would keep nothing alive")
        }
    };
    ApiError::new(409, "not_begun", message).help(
        "whoever works on it sends heartbeats with the token of the task; `weft activity pause` holds attempts back",
    )
}

/// The run has no such pending activity; `known` are those it has.
pub fn activity_not_found(workflow_id: &str, which: &ActivityKey, known: &[(EventId, &str)]) -> ApiError {
    let event = which.event.map_or(String::new(), |event| format!(" of event {event}"));
    let message = format!("the run `{workflow_id}` has no pending activity `{}`{event}", which.name);
    let error = ApiError::new(404, "activity_not_found", message);
    if known.is_empty() {
        return error.help("none of its activities is pending: they have ended, or have not been called yet");
    }
    let listed = known.iter().take(PENDING_SHOWN_MAX).map(|(id, name)| format!("`{name}` (event {})", id.0));
    error.help(format!("pending are {}", listed.collect::<Vec<_>>().join(", ")))
}

/// Several pending activities have the name.
pub fn activity_ambiguous(name: &str, events: &[u64]) -> ApiError {
    let shown: Vec<String> = events.iter().take(PENDING_SHOWN_MAX).map(u64::to_string).collect();
    ApiError::new(409, "activity_ambiguous", format!("{} activities `{name}` of the run are pending", events.len()))
        .at("event", format!("one of {}", shown.join(", ")))
        .help("say which one with `event`, the number of its `ActivityScheduled`; `weft describe` shows them")
}

/// A query did not come to a value.
pub fn query_failed(name: &str, why: &str) -> ApiError {
    ApiError::new(422, "query_failed", format!("query `{name}` failed: {why}"))
}

/// The wait ended at shutdown.
pub fn shutting_down() -> ApiError {
    ApiError::new(503, "shutting_down", "this node is shutting down").help("ask again, of the next owner")
}

/// The check of an update did not come to an answer.
pub fn check_failed(why: &str) -> ApiError {
    ApiError::new(422, "check_failed", format!("the check of the update failed: {why}"))
        .help("nothing was logged and the run goes on; mend the check, or send other arguments")
}

/// The run is parked.
pub fn run_stuck() -> ApiError {
    ApiError::new(409, "run_stuck", "the run is stuck, so it takes no updates; nothing was logged")
        .help("`weft describe` says why; send the update again once code that can go on is deployed")
}

/// The run's body is over.
pub fn run_ending() -> ApiError {
    let message = "the run is ending: it waits for the updates it has and takes no other; nothing was logged";
    ApiError::new(409, "run_ending", message)
}

/// The run's program has yet to begin.
pub fn run_not_begun() -> ApiError {
    let message = "the run has not begun: it waits for its start delay, or for the delay before it is tried again";
    ApiError::new(409, "run_not_begun", message)
        .help("signals are kept until it begins; `weft describe` says when that is")
}

/// A run cannot be set back.
pub fn reset_refused(why: &str) -> ApiError {
    ApiError::new(409, "reset_refused", format!("the run cannot be set back: {why}"))
        .help("name an earlier event, keep its code with `same_code`, or leave out what is in the way with `exclude`")
}

/// The run is not of the newest chain of its id.
pub fn not_the_newest(workflow_id: &str) -> ApiError {
    let message = format!("another run of the workflow id `{workflow_id}` was started after this one");
    ApiError::new(409, "not_the_newest", message)
        .help("only the newest run of an id, and those it went on for, are set back")
}

/// Ids were deleted each time between what was read of the run and its reset.
pub fn reset_overtaken() -> ApiError {
    ApiError::new(429, "busy", "ids are being deleted faster than the run can be read; nothing has happened to it")
        .help("ask again in a moment")
}

/// An update id that is none.
pub fn update_id() -> ApiError {
    ApiError::new(422, "wrong_input", "the update id is empty or too long")
        .at("update_id", format!("1 to {UPDATE_ID_BYTES_MAX} bytes"))
}

/// Another update of the run has the id.
pub fn update_id_taken() -> ApiError {
    ApiError::new(409, "update_id_taken", "another update of the run has this id; nothing was logged")
        .help("an id names one update of a run for ever; use another")
}

/// A query arrived in the middle of a long computation.
pub fn computing(name: &str) -> ApiError {
    ApiError::new(503, "computing", format!("the run is computing; `{name}` can be read when it waits again"))
        .help("ask again in a moment")
}

/// Nothing if all runs follow the code that they are to move to.
///
/// # Errors
/// With those that do not.
pub fn unless_all_follow(tried: Tried) -> Result<(), ApiError> {
    let Tried { fit, unmoved: Unmoved { total, named }, .. } = tried;
    if total == 0 {
        return Ok(());
    }
    let runs = |n: u64| if n == 1 { String::from("1 open run") } else { format!("{n} open runs") };
    let does = if total == 1 { "does" } else { "do" };
    let message = format!("{} {does} not follow this code: nothing is deployed and nothing has moved", runs(total));
    let safe = match fit {
        0 => String::new(),
        _ => format!("move only what follows, {} (`weft deploy --move=safe`), or ", runs(fit)),
    };
    let help = format!(
        "put what has changed into a `patch`, so that runs that have passed it keep the old way; or {safe}move nothing \
         (`weft deploy`): the rest finish on the code they have"
    );
    let details = json!({ "would_move": fit, "not_moved_total": total, "not_moved": named });
    Err(ApiError::new(409, "runs_would_diverge", message).help(help).details(details))
}
