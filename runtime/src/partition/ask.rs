//! What clients ask of open runs: checked against the code the run is pinned to, before anything is logged.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use weft_bytecode::wire::{self, Strictness, text};
use weft_bytecode::{Program, TypeId};
use weft_engine::{Input, QueryError, Run, ScheduleInput, Steer, child, history, options};
use weft_protocol::api::{ApiError, RunDescription, RunRow, StartRequest};
use weft_protocol::limits::{Limits, REASON_BYTES_MAX, REQUEST_ID_BYTES_MAX};
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_protocol::{Payload, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

use super::request::{
    Answer, Key, OpenPage, OpenRow, ReplyId, Request, ScheduleAsk, StartOrder, StartedBy, Then, Waiter, With,
};
use super::started::{given_options, with_start};
use super::update::Sent;
use super::{Partition, events_after, name_hash};
use crate::api::ActivityAct;
use crate::closed::number_of;
use crate::filter::{Facts, Field, Filter, Has, Key as Fact, matches, run_key, search};
use crate::refusal;

/// Whether the words that callers choose freely, and that are kept, are short enough.
fn words_fit(request: &Request) -> Result<(), ApiError> {
    let (mut ids, mut reason) = ([None, None], "");
    match request {
        Request::Start(order) => {
            ids[0] = order.request_id.as_deref();
            if let Some(With::Signal { request_id, .. }) = &order.with {
                ids[1] = request_id.as_deref();
            }
        }
        Request::Signal { request_id, .. } => ids[0] = request_id.as_deref(),
        Request::Cancel { reason: why, request_id, .. } => (ids[0], reason) = (request_id.as_deref(), why),
        Request::Terminate { reason: why, .. } => reason = why,
        Request::Reset(order) => (ids[0], reason) = (order.request_id.as_deref(), &order.reason),
        Request::Schedule {
            ask:
                ScheduleAsk::Give(ScheduleInput::Trigger { request_id, .. } | ScheduleInput::Backfill { request_id, .. }),
            ..
        } => ids[0] = request_id.as_deref(),
        Request::Activity { act: ActivityAct::Steer(Steer::Pause { reason: why }), .. } => reason = why,
        _ => {}
    }
    // A variable that was never set would make all requests one.
    if ids.contains(&Some("")) {
        let error = ApiError::new(422, "wrong_input", "the request id is empty");
        return Err(error.at("request_id", "1 byte or more, or no request id"));
    }
    let id = ids.into_iter().flatten().map(str::len).max().unwrap_or(0);
    if id > REQUEST_ID_BYTES_MAX {
        let name = "REQUEST_ID_BYTES_MAX";
        return Err(refusal::too_long("the request id", "request_id", id, name, REQUEST_ID_BYTES_MAX));
    }
    if reason.len() > REASON_BYTES_MAX {
        let name = "REASON_BYTES_MAX";
        return Err(refusal::too_long("the reason", "reason", reason.len(), name, REASON_BYTES_MAX));
    }
    Ok(())
}

impl Partition {
    pub(super) fn ask(&mut self, request: Request, reply: ReplyId, now: Timestamp) {
        if let Err(error) = words_fit(&request) {
            return self.reply(0, reply, Err(error));
        }
        match request {
            Request::Start(order) => self.start(*order, now),
            Request::Signal { key, name, args, request_id } => {
                self.signal(&key, name, &args, request_id, reply, now);
            }
            Request::Update(asked) => self.update(*asked, Sent::Alone, reply, now),
            Request::Query { key, name, args } => {
                self.on_open(&key, reply, |part, run| part.query(run, &name, &args));
            }
            Request::Cancel { key, reason, request_id } => {
                self.input(&key, Input::Cancel { reason, request_id, from: None, client: true }, reply, now);
            }
            Request::Terminate { key, reason } => {
                self.input(&key, Input::Terminate { reason, from: None, next_run: None }, reply, now);
            }
            Request::Reset(order) => self.reset(*order, reply, now),
            Request::Delete(key) => self.delete(&key, reply, now),
            Request::Ended(key) => match self.find(&key).and_then(|run| self.runs.get_mut(&run)) {
                Some(open) => open.waiters.push(Waiter { reply, this_run_only: key.run_id.is_some() }),
                None => self.not_open(&key, reply),
            },
            Request::Describe(key) => self.on_open(&key, reply, |part, run| {
                let open = part.runs.get(&run).ok_or_else(|| refusal::run_not_found(&key.workflow_id.0, None))?;
                Ok(Answer::Description(Box::new(describe(&open.run))))
            }),
            Request::History { key, after, limit, follow } => self.history(&key, after, limit, follow, reply),
            Request::Code(key) => self.on_open(&key, reply, |part, run| {
                let open = part.runs.get(&run).ok_or_else(|| refusal::run_not_found(&key.workflow_id.0, None))?;
                Ok(Answer::Code { program: open.run.loaded().clone(), workflow: open.run.workflow_index() })
            }),
            Request::List(filter) => {
                let rows = self.list(&filter);
                self.reply(self.last_batch(), reply, Ok(Answer::Rows(rows)));
            }
            Request::Count(namespace, filter) => {
                let counts = self.count(&namespace, &filter);
                self.reply(self.last_batch(), reply, Ok(counts));
            }
            Request::Schedule { namespace, name, ask } => self.ask_schedule(namespace, name, ask, reply, now),
            Request::Schedules(namespace) => {
                let rows = self.schedules.rows(&namespace);
                self.reply(self.last_batch(), reply, Ok(Answer::Schedules(rows)));
            }
            Request::DropSchedules(namespace) => self.drop_schedules(&namespace, reply, now),
            Request::Declare { namespace, program } => self.declare_schedules(&namespace, &program, reply, now),
            Request::Try { namespace, program, trying } => self.try_runs(&namespace, program, trying, reply),
            // A token can be made up.
            Request::EndAttempt { namespace, attempt, .. } | Request::Heartbeat { namespace, attempt, .. }
                if self.runs.get(&attempt.run).is_some_and(|open| *open.namespace != *namespace) =>
            {
                self.reply(self.last_batch(), reply, Err(refusal::attempt_gone()));
            }
            Request::EndAttempt { attempt, outcome, .. } => self.worker_ended(attempt, outcome, reply, now),
            Request::Heartbeat { attempt, progress, .. } => self.worker_lives(attempt, progress.as_ref(), reply, now),
            Request::Activity { key, which, act } => self.on_activity(&key, &which, act, reply, now),
        }
    }

    /// Does something with the open run of that name and answers once what it depends on is durable.
    fn on_open(
        &mut self,
        key: &Key,
        reply: ReplyId,
        act: impl FnOnce(&mut Partition, RunId) -> Result<Answer, ApiError>,
    ) {
        let Some(run) = self.find(key) else { return self.not_open(key, reply) };
        let answer = act(self, run);
        // A run that closed in this step is gone, and its end is in the filling batch.
        let batch = self.runs.get(&run).map_or(self.last_batch(), |open| open.batch);
        self.reply(batch, reply, answer);
    }

    /// What is said of an id that no open run has, or asked of the store, waits for this batch: that of the end of its last
    /// run, and of whatever was deleted.
    pub(super) fn ended_in(&self, namespace: &Arc<str>, workflow_id: &WorkflowId) -> u64 {
        let closing = self.closing.get(&(namespace.clone(), workflow_id.clone()));
        closing.map_or(0, |(_, batch)| *batch).max(self.deleted_in)
    }

    /// No open run has the name: either none has, or a closed one that the store knows of when the answer arrives.
    pub(super) fn not_open(&mut self, key: &Key, reply: ReplyId) {
        self.not_open_as(key, Answer::NotOpen, reply);
    }

    /// The same in other words, if a closed run may have the name.
    pub(super) fn not_open_as(&mut self, key: &Key, words: Answer, reply: ReplyId) {
        let hash = name_hash(&key.namespace, key.workflow_id.as_str());
        let batch = self.ended_in(&key.namespace, &key.workflow_id);
        let answer = if self.closed_ids.contains_key(&hash) {
            Ok(words)
        } else {
            let run = key.run_id.map(|run| run.to_string());
            Err(refusal::run_not_found(key.workflow_id.as_str(), run.as_deref()))
        };
        self.reply(batch, reply, answer);
    }

    fn input(&mut self, key: &Key, input: Input, reply: ReplyId, now: Timestamp) {
        match self.find(key) {
            Some(run) => self.apply(run, input, Then::Answer(reply), now),
            None => self.not_open(key, reply),
        }
    }

    fn signal(
        &mut self,
        key: &Key,
        name: String,
        args: &Value,
        request_id: Option<String>,
        reply: ReplyId,
        now: Timestamp,
    ) {
        let Some(open) = self.find(key).and_then(|run| self.runs.get(&run)) else { return self.not_open(key, reply) };
        let (loaded, workflow) = (open.run.loaded(), open.run.workflow_index());
        match checked_signal(loaded.program(), workflow, &name, args, self.setup.limits.payload_bytes_max) {
            Ok(args) => {
                let input = Input::Signal { name, args, request_id, from: None, with_start: false };
                self.input(key, input, reply, now);
            }
            Err(error) => self.reply(0, reply, Err(error)),
        }
    }

    fn query(&self, run: RunId, name: &str, args: &Value) -> Result<Answer, ApiError> {
        let Some(open) = self.runs.get(&run) else { return Ok(Answer::NotOpen) };
        query_run(&open.run, name, args, self.setup.limits.payload_bytes_max).map(Answer::Value)
    }

    fn history(&mut self, key: &Key, after: u64, limit: usize, follow: bool, reply: ReplyId) {
        let Some(open) = self.find(key).and_then(|run| self.runs.get_mut(&run)) else {
            return self.not_open(key, reply);
        };
        if !follow || after < open.run.events() as u64 {
            let (batch, answer) = (open.batch, events_after(&open.run, after, limit, false));
            self.reply(batch, reply, Ok(answer));
        } else {
            open.followers.push((reply, after, limit));
        }
    }

    fn passing(&self, namespace: &str, filter: &Filter) -> impl Iterator<Item = &Run> {
        let open = self.runs.values().filter(move |open| *open.namespace == *namespace);
        open.map(|open| &open.run).filter(move |run| matches(filter, &OpenFacts(run)))
    }

    fn list(&self, page: &OpenPage) -> Vec<OpenRow> {
        let key = |run: &Run| (run.started_at(), run.me().run_id);
        let mut runs: Vec<&Run> = self
            .passing(&page.namespace, &page.filter)
            .filter(|run| page.after.is_none_or(|after| key(run) < after))
            .collect();
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(key(run)));
        runs.truncate(page.limit);
        runs.iter().map(|run| OpenRow { started: run.started_at(), run_id: run.me().run_id, row: row(run) }).collect()
    }

    fn count(&self, namespace: &str, filter: &Filter) -> Answer {
        let mut open = BTreeMap::new();
        for run in self.passing(namespace, filter) {
            match open.get_mut(run.workflow()) {
                Some(count) => *count += 1,
                None => drop(open.insert(run.workflow().to_owned(), 1)),
            }
        }
        Answer::Counts { open, ended: self.ended }
    }

    /// The open runs that started first, at most `limit`, with their namespaces.
    pub(crate) fn oldest(&self, limit: usize) -> Vec<(String, RunRow)> {
        let mut all: Vec<_> = self.runs.iter().map(|(id, open)| (open.run.started_at(), *id)).collect();
        all.sort_unstable();
        all.truncate(limit);
        let runs = all.iter().filter_map(|(_, id)| self.runs.get(id));
        runs.map(|open| (open.namespace.to_string(), row(&open.run))).collect()
    }
}

/// Arguments of a call, checked against their record and in canonical form.
pub(crate) fn checked_args(program: &Program, ty: TypeId, args: &Value, bytes_max: usize) -> Result<Payload, ApiError> {
    let canonical =
        wire::normalize_args(program, ty, args, Strictness::Input).map_err(|error| refusal::wrong_input(&error))?;
    let payload = Payload::from(&canonical);
    if payload.len() > bytes_max {
        return Err(refusal::too_large("the arguments", payload.len(), "payload_bytes_max", bytes_max));
    }
    Ok(payload)
}

/// Arguments of a signal of a workflow.
pub(super) fn checked_signal(
    program: &Program,
    workflow: u16,
    name: &str,
    args: &Value,
    bytes_max: usize,
) -> Result<Payload, ApiError> {
    let workflow = &program.workflows[usize::from(workflow)];
    match workflow.signals.iter().find(|signal| signal.name == name) {
        Some(signal) => checked_args(program, signal.args, args, bytes_max),
        None => {
            let has: Vec<&str> = workflow.signals.iter().map(|signal| signal.name.as_str()).collect();
            Err(refusal::message_not_found("signal", &workflow.name, name, &has))
        }
    }
}

/// Arguments of an update of a workflow.
pub(super) fn checked_update(
    program: &Program,
    workflow: u16,
    name: &str,
    args: &Value,
    bytes_max: usize,
) -> Result<Payload, ApiError> {
    let workflow = &program.workflows[usize::from(workflow)];
    match workflow.updates.iter().find(|update| update.name == name) {
        Some(update) => checked_args(program, update.args, args, bytes_max),
        None => {
            let has: Vec<&str> = workflow.updates.iter().map(|update| update.name.as_str()).collect();
            Err(refusal::message_not_found("update", &workflow.name, name, &has))
        }
    }
}

/// A start whose workflow is known: its arguments checked, its id made, its policies decided.
pub(crate) fn checked_start(
    program: Arc<Loaded>,
    workflow: u16,
    request: StartRequest,
    namespace: &str,
    limits: &Limits,
) -> Result<StartOrder, ApiError> {
    let def = &program.program().workflows[usize::from(workflow)];
    let args = checked_args(program.program(), def.args, &request.args, limits.payload_bytes_max)?;
    let id = match request.id.clone() {
        Some(id) => Some(id),
        None => child::declared_id(def, &args).transpose().map_err(|hole| {
            ApiError::new(422, "wrong_input", format!("the workflow id cannot be made: {hole}"))
                .at(format!("args.{}", hole.path), "a value that has a text")
        })?,
    };
    if let Some(why) = id.as_deref().and_then(|id| child::workflow_id_error(id, limits)) {
        return Err(ApiError::new(422, "wrong_input", why).at("id", "1 to 1,000 bytes without control characters"));
    }
    let given = given_options(&request, limits)?;
    let run = options::resolved(given, def, &args).map_err(|why| ApiError::new(422, "wrong_input", why))?;
    let with = with_start(&program, workflow, &request, &run, limits)?;
    let closed = if with.is_some() { OnClosed::Allow } else { OnClosed::Join };
    let options = &def.options;
    Ok(StartOrder {
        namespace: namespace.into(),
        workflow_id: id.map(|id| WorkflowId(id.into())),
        workflow,
        args,
        request_id: request.request_id,
        on_conflict: request.on_conflict.or(options.on_conflict.map(child::on_conflict)).unwrap_or(OnConflict::Join),
        on_closed: request.on_closed.or(options.on_closed.map(child::on_closed)).unwrap_or(closed),
        options: Box::new(run),
        with,
        // Whoever takes the order names who waits.
        by: StartedBy::Client(ReplyId(0)),
        program,
    })
}

/// Reads a query of a run, open or closed.
pub(crate) fn query_run(run: &Run, name: &str, args: &Value, bytes_max: usize) -> Result<Payload, ApiError> {
    let program = run.loaded().program();
    let workflow = &program.workflows[usize::from(run.workflow_index())];
    let no_such_query = || {
        let has: Vec<&str> = workflow.queries.iter().map(|query| query.name.as_str()).collect();
        refusal::message_not_found("query", &workflow.name, name, &has)
    };
    let query = workflow.queries.iter().find(|query| query.name == name).ok_or_else(no_such_query)?;
    let args = checked_args(program, query.args, args, bytes_max)?;
    run.query(name, &args).map_err(|error| match error {
        QueryError::NoSuchQuery => no_such_query(),
        QueryError::Computing => refusal::computing(name),
        QueryError::NotBegun => refusal::run_not_begun(),
        QueryError::NoState => refusal::query_failed(name, "the run is stuck at its first event and has no state yet"),
        QueryError::Failed(failure) => refusal::query_failed(name, &failure.to_string()),
        QueryError::Trapped(trap) => refusal::query_failed(name, &trap),
    })
}

/// An open run as filters see it.
struct OpenFacts<'a>(&'a Run);

impl Facts for OpenFacts<'_> {
    fn fact(&self, field: &Field) -> Has {
        let run = self.0;
        Has::One(match field {
            Field::Workflow => Fact::Text(run.workflow().to_owned()),
            Field::WorkflowId => Fact::Text(run.me().workflow_id.to_string()),
            Field::RunId => run_key(run.me().run_id),
            Field::Status => Fact::Int(number_of(run.status()).into()),
            Field::Stuck => Fact::Int(run.is_stuck().into()),
            Field::Started => Fact::Int(run.started_at().0),
            Field::Closed | Field::Duration => return Has::Missing,
            Field::Events => search::number(run.events() as u64),
            Field::Parent => match run.parent() {
                Some(parent) => Fact::Text(parent.run.workflow_id.to_string()),
                None => return Has::Missing,
            },
            Field::Attribute(name, kind) => {
                let program = run.loaded().program();
                let workflow = &program.workflows[usize::from(run.workflow_index())];
                return search::attribute(program, workflow, run.attributes(), name, *kind);
            }
        })
    }
}

/// The row of an open run.
fn row(run: &Run) -> RunRow {
    RunRow {
        workflow_id: run.me().workflow_id.to_string(),
        run_id: run.me().run_id.to_string(),
        workflow: run.workflow().to_owned(),
        status: run.status(),
        stuck: run.is_stuck(),
        started_at: text::time(run.started_at().0),
        closed_at: run.closed_at().map(|at| text::time(at.0)),
        attributes: Value::Object(run.attributes().clone()),
    }
}

/// Everything known about an open run.
fn describe(run: &Run) -> RunDescription {
    RunDescription {
        row: row(run),
        program: run.loaded().hash().to_string(),
        history_events: run.events() as u64,
        stuck: run.stuck(),
        cancel_requested: run.cancel_requested(),
        waits: run.waits(),
        activities: run.pending_activities(),
        children: run.pending_children(),
        updates: run.pending_updates(),
        unread: run.unread(),
        result: None,
        failure: None,
        continued_from: run.first_event().and_then(|first| history::continued_from(&first.kind)),
        next_run: None,
        begins_at: run.begins_at().map(|at| text::time(at.0)),
        times_out_at: run.times_out_at().map(|at| text::time(at.0)),
        attempt: run.try_number(),
        memo: options::memo_of(run.options()),
        priority: run.options().priority,
    }
}
