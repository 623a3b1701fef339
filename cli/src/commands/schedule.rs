//! `weft schedule`: what starts workflows again and again, on the server; and when it will.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use weft_bytecode::schedule::Definition;
use weft_bytecode::wire::text;
use weft_protocol::api::{BackfillRequest, ScheduleAction, ScheduleDescription, TriggerAnswer, TriggerRequest};
use weft_runtime::api::ScheduleRequest;

use crate::args::{self, For};
use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::{NewSchedule, NextTimes, Schedule};
use crate::output::style;
use crate::project;
use crate::view::event::short;
use crate::view::safe::safe_line;
use crate::view::table::Table;

use super::select::time;
use super::{Context, Remote};

/// How long a command waits until it is known whether a triggered run has started.
const START_AWAITED: Duration = Duration::from_secs(5);

/// How often it asks.
const START_ASKED_EVERY: Duration = Duration::from_millis(50);

/// Does what is asked of a schedule.
pub(crate) async fn schedule(context: &Context, asked: &Schedule) -> Outcome {
    match asked {
        Schedule::List { kept } => list(context, kept).await,
        Schedule::Describe { name, kept } => {
            let remote = context.reader(kept).await?;
            let described = remote.api.schedule(&remote.namespace, name, ScheduleRequest::Describe).await?;
            show(context, described.as_ref())
        }
        Schedule::Create(new) => create(context, new).await,
        Schedule::Pause { name, note } => say(context, name, ScheduleRequest::Pause(note.clone()), "is paused").await,
        Schedule::Resume { name, note } => {
            say(context, name, ScheduleRequest::Resume(note.clone()), "takes times again").await
        }
        Schedule::Trigger { name, overlap, request_id } => {
            let trigger = TriggerRequest { overlap: overlap.clone(), request_id: request_id.clone() };
            triggered(context, name, trigger).await
        }
        Schedule::Backfill { name, from, to, overlap, request_id } => {
            let backfill = BackfillRequest {
                from: time("--from", from)?,
                to: time("--to", to)?,
                overlap: overlap.clone(),
                request_id: request_id.clone(),
            };
            say(context, name, ScheduleRequest::Backfill(backfill), "takes the times of the range").await
        }
        Schedule::Delete { name } => say(context, name, ScheduleRequest::Delete, "is deleted").await,
        Schedule::Next(options) => next(context, options).await,
    }
}

async fn list(context: &Context, kept: &crate::options::Kept) -> Outcome {
    let remote = context.reader(kept).await?;
    let all = remote.api.schedules(&remote.namespace).await?.schedules;
    if context.out.json {
        all.iter().try_for_each(|row| context.out.value(row))?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        context.out.say("no schedules");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["NAME", "WORKFLOW", "NEXT", "FIRED", "OPEN", "NOTE"]);
    for row in all {
        let (next, color) = match (row.paused, row.next) {
            (true, _) => ("paused".to_owned(), Some((2, style::WARN))),
            (false, Some(next)) => (next, None),
            (false, None) => ("-".to_owned(), None),
        };
        let cells = vec![row.name, row.workflow, next, row.fired.to_string(), row.running.to_string(), row.note];
        table.row(cells, color);
    }
    context.out.data(&table.print(context.out.color_out))?;
    Ok(Exit::Done)
}

async fn say(context: &Context, name: &str, request: ScheduleRequest, words: &str) -> Outcome {
    let remote = context.remote().await?;
    let described = remote.api.schedule(&remote.namespace, name, request).await?;
    if context.out.json {
        context.out.value(&described)?;
    } else {
        context.out.say(&format!("`{}` {words}", safe_line(name)));
    }
    Ok(Exit::Done)
}

/// A trigger goes by the overlap policy, so that it may start nothing: then the command has not done what it is for.
async fn triggered(context: &Context, name: &str, trigger: TriggerRequest) -> Outcome {
    let remote = context.remote().await?;
    let described = remote.api.schedule(&remote.namespace, name, ScheduleRequest::Trigger(trigger)).await?;
    let Some(mut described) = described else { return Ok(Exit::Done) };
    await_start(&remote, name, &mut described).await?;
    let (exit, words) = became(&described);
    if context.out.json {
        context.out.value(&described)?;
    } else {
        context.out.say(&format!("`{}` {}", safe_line(name), safe_line(&words)));
    }
    Ok(exit)
}

/// Waits a moment for the start that a trigger asked for: the partition of its workflow id may refuse it.
async fn await_start(remote: &Remote, name: &str, described: &mut ScheduleDescription) -> Result<(), Failed> {
    let begun = Instant::now();
    while let Some(TriggerAnswer { became, start: Some(start) }) = &described.trigger
        && became == "asked"
        && start.run_id.is_none()
        && begun.elapsed() < START_AWAITED
    {
        tokio::time::sleep(START_ASKED_EVERY).await;
        let now = remote.api.schedule(&remote.namespace, name, ScheduleRequest::Describe).await?;
        let same = |action: &&ScheduleAction| (&action.workflow_id, &action.at) == (&start.workflow_id, &start.at);
        let start = now.as_ref().and_then(|now| now.recent.iter().rfind(same));
        let became = if start.is_some_and(|start| start.status == "Refused") { "refused" } else { "asked" };
        let trigger = Some(TriggerAnswer { became: became.to_owned(), start: start.cloned() });
        // One that is deleted meanwhile tells no more.
        let Some(now) = now else { break };
        *described = ScheduleDescription { trigger, ..now };
    }
    Ok(())
}

fn became(described: &ScheduleDescription) -> (Exit, String) {
    let Some(TriggerAnswer { became, start }) = &described.trigger else {
        // A server from before triggers were answered.
        return (Exit::Done, format!("is triggered: {} so far", counts(described)));
    };
    match (became.as_str(), start) {
        ("refused", start) => {
            let why = start.as_ref().map_or_else(String::new, action);
            (Exit::Refused, format!("has started nothing: {why}"))
        }
        ("skipped", _) => {
            let help = "`--overlap allow_all` starts one beside it";
            (
                Exit::Refused,
                format!("has started nothing: a run is open, and by its overlap the time is left out; {help}"),
            )
        }
        ("waiting", _) => (Exit::Done, "is triggered: the run starts when the open one has ended".to_owned()),
        ("repeated", _) => {
            (Exit::Done, "was triggered under this request id before; nothing new is started".to_owned())
        }
        (_, Some(ScheduleAction { workflow_id, run_id: Some(run_id), .. })) => {
            (Exit::Done, format!("has started `{workflow_id}` (run {run_id})"))
        }
        (_, start) => {
            let id = start.as_ref().map_or("a run", |start| &start.workflow_id);
            (Exit::Done, format!("is triggered: the start of `{id}` is on its way"))
        }
    }
}

fn show(context: &Context, described: Option<&ScheduleDescription>) -> Outcome {
    let Some(described) = described else { return Ok(Exit::Done) };
    if context.out.json {
        context.out.value(described)?;
    } else {
        context.out.data(&words(described))?;
    }
    Ok(Exit::Done)
}

fn words(s: &ScheduleDescription) -> String {
    let mut lines: Vec<(&str, String)> = vec![("schedule", s.row.name.clone()), ("workflow", s.row.workflow.clone())];
    let by = s.row.declared_by.as_ref().map_or("the API".to_owned(), |project| format!("project {project}"));
    lines.push(("made by", format!("{by}, {}", s.created_at)));
    let mut state = if s.row.paused { "paused".to_owned() } else { "active".to_owned() };
    if let Some(remaining) = s.remaining {
        state += &format!(", {remaining} more starts");
    }
    lines.push(("state", state));
    if !s.row.note.is_empty() {
        lines.push(("note", s.row.note.clone()));
    }
    if let Some(fields) = s.definition.as_object() {
        let plain = |(name, value): (&String, &Value)| format!("{name}: {value}");
        let parts = fields.iter().filter(|(name, _)| *name != "workflow").map(plain);
        lines.push(("definition", parts.collect::<Vec<_>>().join("\n")));
    }
    lines.push(("counts", counts(s)));
    let actions = |all: &[ScheduleAction]| all.iter().map(action).collect::<Vec<_>>().join("\n");
    if !s.running.is_empty() {
        lines.push(("open", actions(&s.running)));
    }
    if !s.recent.is_empty() {
        lines.push(("recent", actions(&s.recent)));
    }
    if !s.next.is_empty() {
        lines.push(("next", s.next.join("\n")));
    }
    let mut out = String::new();
    for (label, text) in lines {
        for (n, line) in text.lines().enumerate() {
            out += &format!("{:<11} {}\n", if n == 0 { label } else { "" }, safe_line(line));
        }
    }
    out
}

fn counts(s: &ScheduleDescription) -> String {
    let counts = [
        (s.row.fired, "fired"),
        (s.skipped, "skipped"),
        (s.missed, "missed"),
        (s.dropped, "dropped"),
        (s.waiting, "waiting"),
        (s.backfills, "backfills under way"),
    ];
    let counts = counts.iter().enumerate().filter(|(n, (count, _))| *n == 0 || *count > 0);
    counts.map(|(_, (count, what))| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

fn action(action: &ScheduleAction) -> String {
    let mut out = format!("{} {} ({})", action.workflow_id, action.status, action.cause);
    if let Some(failure) = &action.failure {
        out += &format!(": {}", failure["message"].as_str().unwrap_or_default());
    }
    if let Some(result) = &action.result {
        out += &format!(" → {}", short(&result.to_string()));
    }
    out
}

async fn create(context: &Context, new: &NewSchedule) -> Outcome {
    let remote = context.remote().await?;
    let signature = remote.api.workflow(&remote.namespace, &new.workflow).await?;
    let what = For { kind: "workflow", name: &new.workflow };
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    put("workflow", json!(new.workflow));
    put("args", args::read(what, &signature.params, &new.args, new.input.as_deref())?);
    let calendars = |given: &[String]| -> Value {
        // A record is JSON, anything else is for the server to read or to refuse.
        given.iter().map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))).collect()
    };
    for (name, given) in [("cron", &new.cron), ("calendar", &new.calendar), ("exclude", &new.exclude)] {
        if !given.is_empty() {
            put(name, if name == "cron" { json!(given) } else { calendars(given) });
        }
    }
    let texts = [
        ("every", &new.every),
        ("phase", &new.phase),
        ("start", &new.start),
        ("end", &new.end),
        ("zone", &new.zone),
        ("jitter", &new.jitter),
        ("overlap", &new.overlap),
        ("catch_up", &new.catch_up),
        ("note", &new.note),
    ];
    for (name, given) in texts {
        if let Some(given) = given {
            put(name, json!(given));
        }
    }
    if let Some(limit) = new.limit {
        put("limit", json!(limit));
    }
    put("pause_on_failure", json!(new.pause_on_failure));
    put("paused", json!(new.paused));
    let body = Value::Object(body);
    let request = if new.replace { ScheduleRequest::Replace(body) } else { ScheduleRequest::Create(body) };
    let made = remote.api.schedule(&remote.namespace, &new.name, request).await?;
    if context.out.json {
        context.out.value(&made)?;
    } else {
        let next = made.and_then(|made| made.row.next).map_or(String::new(), |next| format!(", next at {next}"));
        context.out.say(&format!("`{}` is there{next}", safe_line(&new.name)));
    }
    Ok(Exit::Done)
}

/// The next times of what a project declares, by this machine's clock; or of a schedule on the server.
async fn next(context: &Context, options: &NextTimes) -> Outcome {
    if !options.what.exists() {
        let name = options.what.to_string_lossy();
        let remote = context.reader(&options.kept).await?;
        let described = remote.api.schedule(&remote.namespace, &name, ScheduleRequest::Describe).await?;
        let Some(described) = described else { return times(context, &name, Vec::new(), false) };
        if described.row.paused {
            context.out.say(&format!("`{}` is paused; resumed, it would fire at these times", safe_line(&name)));
        }
        let spent = !described.row.paused && described.next.is_empty();
        let next = if spent { Vec::new() } else { next_of(&definition_of(&described)?, options)? };
        return times(context, &name, next, false);
    }
    let found = project::load(&options.what)?;
    let program = compile::compile(&context.out, &found, Stream::Talk)?;
    if program.schedules.is_empty() {
        context.out.say("no schedules are declared here");
    }
    for schedule in &program.schedules {
        let next = next_of(&schedule.definition, options)?;
        times(context, &schedule.name, next, program.schedules.len() > 1)?;
    }
    Ok(Exit::Done)
}

/// What a server keeps of a schedule, read back.
fn definition_of(described: &ScheduleDescription) -> Result<Definition, Failed> {
    weft_bytecode::schedule::json::read(&described.definition)
        .map_err(|error| Failed::new(Exit::Refused, "schedule", error.to_string()))
}

/// The times of a definition that are asked for.
fn next_of(definition: &Definition, options: &NextTimes) -> Result<Vec<String>, Failed> {
    let after = match &options.after {
        Some(after) => time("--after", after)?,
        None => Timestamp::now().to_string(),
    };
    let after = text::parse_time(&after).unwrap_or_default();
    let table = definition.check().map_err(|error| Failed::new(Exit::Program, "schedule", error.to_string()))?;
    Ok(table.times(after).take(options.n.get()).map(text::time).collect())
}

fn times(context: &Context, name: &str, next: Vec<String>, named: bool) -> Outcome {
    if context.out.json {
        context.out.value(&json!({ "schedule": name, "next": next }))?;
        return Ok(Exit::Done);
    }
    if next.is_empty() {
        context.out.say(&format!("`{}` fires no more", safe_line(name)));
    }
    for time in next {
        context.out.line(&if named { format!("{name} {time}") } else { time })?;
    }
    Ok(Exit::Done)
}
