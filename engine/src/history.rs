//! Events as people and clients see them: JSON objects for `show --json`, the API and exports, and one plain
//! line for golden files. Both are functions of the event and the program alone.

mod read;

use serde_json::{Map, Value, json};
use weft_bytecode::wire::text;
use weft_bytecode::{FuncId, Program, ProgramHash};
use weft_protocol::command::{FiberPath, Site};
use weft_protocol::event::{ActivityEnd, EventKind, ParentRef, RunRef};
use weft_protocol::moving::CodeLine;
use weft_protocol::policy::{ResolvedActivity, RunRetry};
use weft_protocol::{Event, Failure, Payload, Timestamp};

pub use read::from_json;

/// An event as JSON: `id at type`, for what a command became `fiber seq source`, then its own fields.
pub fn to_json(program: &Program, event: &Event) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), event.id.0.into());
    out.insert("at".into(), time(event.at));
    out.insert("type".into(), event.kind.name().into());
    if let Some(origin) = event.kind.origin() {
        out.insert("fiber".into(), origin.command.fiber.to_string().into());
        out.insert("seq".into(), origin.command.seq.into());
        out.insert("source".into(), source(program, origin.site).into());
    }
    if let Value::Object(own) = own_fields(program, &event.kind) {
        out.extend(own);
    }
    Value::Object(out)
}

/// `order.wf:14` for a place in the program.
pub fn source(program: &Program, site: Site) -> String {
    program.site(FuncId(site.func), site.pc).map_or_else(|| String::from("?"), |span| program.line(span))
}

/// The line of a place in the program, with what is written there.
pub fn code_line(program: &Program, site: Site) -> CodeLine {
    let span = program.site(FuncId(site.func), site.pc);
    CodeLine { source: source(program, site), text: span.map(|span| program.line_text(span)).unwrap_or_default() }
}

fn own_fields(program: &Program, kind: &EventKind) -> Value {
    use EventKind::*;
    match kind {
        RunStarted {
            namespace,
            workflow,
            workflow_id,
            run_id,
            program,
            edition,
            args,
            seed,
            parent,
            schedule,
            request_id,
            options,
            begins,
            deadline,
            attempt,
            ahead,
            continued,
        } => json!({
            "namespace": namespace,
            "workflow": workflow,
            "workflow_id": workflow_id,
            "run_id": run_id.to_string(),
            "program": ProgramHash(*program).to_string(),
            "edition": edition,
            "args": args.value(),
            "seed": hex(seed),
            "parent": parent.as_ref().map(parent_json),
            "schedule": schedule.as_ref().map(|start| json!({ "name": start.name, "fire": start.fire })),
            "request_id": request_id,
            "run_timeout": options.run_timeout_ms.map(text::duration),
            "execution_timeout": options.execution_timeout_ms.map(text::duration),
            "retry": options.retry.as_ref().map(retry_json),
            "memo": options.memo.as_ref().map(Payload::value),
            "priority": options.priority,
            "begins": begins.map(time),
            "deadline": deadline.map(time),
            "attempt": attempt,
            "continued_from": continued_from(kind),
            "origin": continued.as_ref().and_then(|continued| continued.origin).map(|run| run.to_string()),
            "continued_failure": continued.as_ref().and_then(|c| c.failure.as_ref()).map(Failure::to_json),
            "ahead": ahead,
        }),
        ActivityScheduled { activity, args, options, .. } => {
            json!({ "activity": activity, "args": args.value(), "options": options_json(options) })
        }
        ActivityCancelRequested { scheduled } | ChildCancelRequested { scheduled } | ChildCanceled { scheduled } => {
            json!({ "scheduled": scheduled })
        }
        ActivityCompleted { end, result } => with_end(end, json!({ "result": result.value() })),
        ActivityFailed { end, failure } => with_end(end, json!({ "failure": failure.to_json() })),
        ActivityTimedOut { end, timeout, failure } => {
            with_end(end, json!({ "timeout": timeout.name(), "failure": failure.to_json() }))
        }
        ActivityCanceled { end } => with_end(end, json!({})),
        TimerStarted { due, .. } => json!({ "due": time(*due) }),
        TimerFired { timer } | TimerCanceled { timer } => json!({ "timer": timer }),
        SignalReceived { name, args, request_id, from } => json!({
            "name": name,
            "args": args.value(),
            "request_id": request_id,
            "from": from.as_ref().map(run_json),
        }),
        ChildScheduled { workflow, workflow_id, args, options, attached, .. } => json!({
            "workflow": workflow,
            "workflow_id": workflow_id,
            "args": args.value(),
            "on_parent_close": options.on_parent_close,
            "attached": attached,
        }),
        ChildStarted { scheduled, run } => json!({ "scheduled": scheduled, "run_id": run.run_id.to_string() }),
        ChildCompleted { scheduled, result } => json!({ "scheduled": scheduled, "result": result.value() }),
        ChildStartFailed { scheduled, failure }
        | ChildFailed { scheduled, failure }
        | ChildTimedOut { scheduled, failure }
        | ChildTerminated { scheduled, failure } => {
            json!({ "scheduled": scheduled, "failure": failure.to_json() })
        }
        PatchRecorded { patch, origin } => json!({ "patch": patch, "site": source(program, origin.site) }),
        AttributesSet { attributes } => json!({ "attributes": attributes.value() }),
        CancelRequested { reason, request_id, from } => {
            json!({ "reason": reason, "request_id": request_id, "from": from.as_ref().map(run_json) })
        }
        CodeMoved { from, to } => {
            json!({ "from": ProgramHash(*from).to_string(), "to": ProgramHash(*to).to_string() })
        }
        ActivationFailed { event, trap, message, source, program } => json!({
            "event": event,
            "trap": trap,
            "message": message,
            "source": source,
            "program": ProgramHash(*program).to_string(),
        }),
        RunCompleted { result, unread } => json!({ "result": result.value(), "unread": unread_json(unread) }),
        RunFailed { failure, next_run } | RunTimedOut { failure, next_run } => {
            json!({ "failure": failure.to_json(), "next_run": next_run.map(|run| run.to_string()) })
        }
        DelayEnded => json!({}),
        RunCanceled { reason } => json!({ "reason": reason }),
        RunContinuedAsNew { next_run, args, program, unread } => json!({
            "next_run": next_run.to_string(),
            "args": args.value(),
            "program": ProgramHash(*program).to_string(),
            "unread": unread_json(unread),
        }),
        RunTerminated { reason, from, next_run } => json!({
            "reason": reason,
            "from": from.as_ref().map(run_json),
            "next_run": next_run.map(|run| run.to_string()),
        }),
        RunReset { run, from, kept, redo, reason, request_id, seed } => json!({
            "run": run.to_string(),
            "from": from.to_string(),
            "kept": kept,
            "redo": redo,
            "reason": reason,
            "request_id": request_id,
            "seed": hex(seed),
        }),
        UpdateAccepted { update_id, name, args, number } => json!({
            "update_id": update_id,
            "name": name,
            "args": args.value(),
            "fiber": FiberPath::update(*number).to_string(),
        }),
        UpdateCompleted { accepted, result } => json!({ "accepted": accepted, "result": result.value() }),
        UpdateFailed { accepted, failure } => json!({ "accepted": accepted, "failure": failure.to_json() }),
        SignalSent { to, name, args, .. } => json!({ "to": run_json(to), "name": name, "args": args.value() }),
        CancelSent { to, .. } => json!({ "to": run_json(to) }),
        SignalDelivered { sent } | CancelDelivered { sent } => json!({ "sent": sent }),
        SignalRefused { sent, failure } | CancelRefused { sent, failure } => {
            json!({ "sent": sent, "failure": failure.to_json() })
        }
    }
}

/// The run before, of one that another continued as.
pub fn continued_from(first: &EventKind) -> Option<String> {
    match first {
        EventKind::RunStarted { continued: Some(continued), .. } => Some(continued.from.to_string()),
        _ => None,
    }
}

/// One line for golden files: `2 ActivityScheduled charge {"order_id":"7"}`. No times of day, run ids or hashes, so that
/// the same script gives the same lines on every store and day.
pub fn plain(program: &Program, event: &Event) -> String {
    plain_of(&to_json(program, event))
}

/// As [`plain`] for an event that is JSON already, as the API sends it.
pub fn plain_of(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or("?");
    let text = |field: &str| event[field].as_str().unwrap_or("").to_owned();
    let shown = |field: &str| event[field].to_string();
    let scheduled = || match event["attempt"].as_u64() {
        Some(attempt) if attempt > 1 => format!("{} attempt={attempt}", event["scheduled"]),
        _ => event["scheduled"].to_string(),
    };
    let detail = match kind {
        "RunStarted" => {
            let again = event["attempt"].as_u64().filter(|attempt| *attempt > 1);
            let again = again.map(|attempt| format!(" attempt={attempt}")).unwrap_or_default();
            let later = lasts(event, "begins").map(|delay| format!(" begins in {delay}")).unwrap_or_default();
            format!("{} {}{again}{later}", text("workflow"), shown("args"))
        }
        "ActivityScheduled" => format!("{} {}", text("activity"), shown("args")),
        "ActivityCompleted" | "ChildCompleted" => format!("{} {}", scheduled(), shown("result")),
        "ActivityTimedOut" => format!("{} {}", scheduled(), text("timeout")),
        "ActivityFailed" | "ChildFailed" | "ChildStartFailed" | "ChildTimedOut" | "ChildTerminated" => {
            format!("{} {}", scheduled(), failed(&event["failure"]))
        }
        "ActivityCancelRequested" | "ActivityCanceled" | "ChildCancelRequested" | "ChildCanceled" | "ChildStarted" => {
            scheduled()
        }
        "TimerStarted" => lasts(event, "due").unwrap_or_default(),
        "TimerFired" | "TimerCanceled" => shown("timer"),
        "RunReset" => format!("kept={} {}", event["kept"], text("reason")).trim_end().to_owned(),
        "SignalReceived" | "UpdateAccepted" => format!("{} {}", text("name"), shown("args")),
        "UpdateCompleted" => format!("{} {}", event["accepted"], shown("result")),
        "UpdateFailed" => format!("{} {}", event["accepted"], failed(&event["failure"])),
        "ChildScheduled" => {
            format!("{} {} {}", text("workflow"), named(&text("workflow"), &text("workflow_id")), shown("args"))
        }
        "SignalSent" => {
            format!("{} {} {}", receiver(event["to"]["workflow_id"].as_str()), text("name"), shown("args"))
        }
        "CancelSent" => receiver(event["to"]["workflow_id"].as_str()).to_owned(),
        "SignalDelivered" | "CancelDelivered" => shown("sent"),
        "SignalRefused" | "CancelRefused" => format!("{} {}", event["sent"], failed(&event["failure"])),
        "PatchRecorded" => text("patch"),
        "AttributesSet" => shown("attributes"),
        "CancelRequested" | "RunCanceled" | "RunTerminated" => text("reason"),
        "ActivationFailed" => format!("{} {} {}", event["event"], text("trap"), text("source")),
        "RunCompleted" | "RunContinuedAsNew"
            if event["unread"].as_object().is_some_and(|unread| !unread.is_empty()) =>
        {
            let value = if kind == "RunCompleted" { "result" } else { "args" };
            format!("{} unread {}", shown(value), shown("unread"))
        }
        "RunContinuedAsNew" => shown("args"),
        "RunCompleted" => shown("result"),
        "RunFailed" => format!("{}{}", failed(&event["failure"]), goes_on(event)),
        "RunTimedOut" => match event["failure"]["kind"].as_str() {
            Some("execution") => String::from("execution"),
            _ => goes_on(event).trim_start().to_owned(),
        },
        _ => String::new(),
    };
    let fiber = match event["fiber"].as_str() {
        Some(fiber) if fiber != "0" => format!("@{fiber}"),
        _ => String::new(),
    };
    let words = [event["id"].to_string(), kind.to_owned(), detail, fiber];
    words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// How long it is to a time that an event names.
fn lasts(event: &Value, until: &str) -> Option<String> {
    let at = |field: &str| text::parse_time(event[field].as_str()?);
    Some(text::duration(at(until)? - at("at")?))
}

/// That another run tries again, if one does.
fn goes_on(event: &Value) -> &'static str {
    if event["next_run"].is_string() { " (tried again)" } else { "" }
}

/// The failure and what caused it, without messages, which may come from anywhere; details only of declared errors.
fn failed(failure: &Value) -> String {
    let kind = failure["type"].as_str().unwrap_or("?");
    let built_in = matches!(kind, "ActivityFailed" | "ChildFailed" | "Timeout" | "Fault");
    let details = failure["details"].as_object().filter(|details| !built_in && !details.is_empty());
    let own = details.map_or_else(|| kind.to_owned(), |_| format!("{kind} {}", failure["details"]));
    match &failure["cause"] {
        Value::Null => own,
        cause => format!("{own} < {}", failed(cause)),
    }
}

/// A workflow id without the run id that a generated one has in it.
fn named<'a>(workflow: &str, id: &'a str) -> &'a str {
    let generated = id.strip_prefix(workflow).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| {
        rest.len() >= 16 && rest.bytes().take(16).all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    if generated { "(generated)" } else { id }
}

/// The workflow id of who is told something. Of what workflow it is, the event does not say.
fn receiver(id: Option<&str>) -> &str {
    let id = id.unwrap_or("");
    let workflow = id.rsplit('-').nth(1).and_then(|run| id.split_once(&format!("-{run}")));
    named(workflow.map_or("", |(workflow, _)| workflow), id)
}

fn with_end(end: &ActivityEnd, own: Value) -> Value {
    let mut out = Map::new();
    out.insert("scheduled".into(), end.scheduled.0.into());
    out.insert("attempt".into(), end.attempt.into());
    out.insert("started_at".into(), end.started_at.map_or(Value::Null, time));
    out.insert("last_failure".into(), end.last_failure.as_ref().map_or(Value::Null, Failure::to_json));
    if let Value::Object(own) = own {
        out.extend(own);
    }
    Value::Object(out)
}

fn options_json(options: &ResolvedActivity) -> Value {
    json!({
        "timeout": options.timeout_ms.map(text::duration),
        "total_timeout": options.total_timeout_ms.map(text::duration),
        "queue_timeout": options.queue_timeout_ms.map(text::duration),
        "heartbeat": options.heartbeat_ms.map(text::duration),
        "retry": {
            "first": text::duration(options.retry_first_ms),
            "factor": options.retry_factor_milli as f64 / 1_000.0,
            "max": text::duration(options.retry_max_ms),
            "attempts": options.retry_attempts,
        },
        "once": options.once,
        "queue": options.queue,
        "on_cancel": options.on_cancel,
        "priority": options.priority,
        "fairness_key": options.fairness_key,
        "fairness_weight": options.fairness_weight_milli.map(|milli| f64::from(milli) / 1_000.0),
        "summary": options.summary,
    })
}

fn retry_json(retry: &RunRetry) -> Value {
    json!({
        "first": text::duration(retry.first_ms),
        "factor": retry.factor_milli as f64 / 1_000.0,
        "max": text::duration(retry.max_ms),
        "attempts": retry.attempts,
    })
}

fn unread_json(unread: &[(String, u32)]) -> Value {
    Value::Object(unread.iter().map(|(name, count)| (name.clone(), Value::from(*count))).collect())
}

fn run_json(run: &RunRef) -> Value {
    json!({ "workflow_id": run.workflow_id, "run_id": run.run_id.to_string() })
}

fn parent_json(parent: &ParentRef) -> Value {
    let mut out = run_json(&parent.run);
    out["scheduled"] = parent.scheduled.0.into();
    out
}

fn time(at: Timestamp) -> Value {
    text::time(at.0).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        write!(out, "{byte:02x}").expect("writing to a String succeeds");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_protocol::command::{CommandId, FiberPath};
    use weft_protocol::event::Origin;
    use weft_protocol::{EventId, Payload, WorkflowId};

    fn program() -> Program {
        Program {
            edition: "2026".into(),
            project: "test".into(),
            types: weft_bytecode::types::builtin::all(),
            constants: vec![],
            functions: vec![],
            activities: vec![],
            workflows: vec![],
            patches: vec![],
            schedules: vec![],
            sources: vec![],
        }
    }

    fn event(id: u64, kind: EventKind) -> Event {
        Event { id: EventId(id), at: Timestamp(1_500), kind }
    }

    fn origin(fiber: &[u32]) -> Origin {
        let fiber = FiberPath(fiber.iter().copied().collect());
        Origin { command: CommandId { fiber, seq: 1 }, site: Site { func: 0, pc: 0 } }
    }

    #[test]
    fn what_an_earlier_attempt_has_said_counts_and_is_read_back() {
        let said = Failure::fault("busy").with_details(&json!("x".repeat(100_000)));
        let end = ActivityEnd { scheduled: EventId(2), attempt: 2, started_at: None, last_failure: Some(said) };
        let completed = event(3, EventKind::ActivityCompleted { end, result: Payload::json("1") });
        assert!(crate::replay::event_bytes(&completed.kind) > 100_000);
        let read = read::from_json(&to_json(&program(), &completed)).expect("an event");
        assert_eq!(read.kind, completed.kind, "else `history.is_large` would differ in `weft replay`");
    }

    #[test]
    fn lines_are_plain() {
        let end = ActivityEnd { scheduled: EventId(2), attempt: 3, started_at: None, last_failure: None };
        let declined = Failure::new("CardDeclined", "no").with_details(&json!({"code": "x"}));
        let gave_up = Failure::new("ActivityFailed", "m").with_cause(Failure::fault("secret text"));
        let scheduled = |fiber: &[u32]| EventKind::ActivityScheduled {
            origin: origin(fiber),
            activity: "charge".into(),
            args: Payload::json(r#"{"order_id":"7"}"#),
            options: ResolvedActivity {
                timeout_ms: Some(30_000),
                retry_first_ms: 1_000,
                retry_factor_milli: 1_500,
                retry_max_ms: 100_000,
                ..ResolvedActivity::default()
            },
        };
        for (id, kind, expected) in [
            (2, scheduled(&[]), r#"2 ActivityScheduled charge {"order_id":"7"}"#),
            (2, scheduled(&[1, 2]), r#"2 ActivityScheduled charge {"order_id":"7"} @0.1.2"#),
            (
                3,
                EventKind::ActivityCompleted { end: end.clone(), result: Payload::null() },
                "3 ActivityCompleted 2 attempt=3 null",
            ),
            (
                3,
                EventKind::ActivityFailed { end: end.clone(), failure: declined },
                r#"3 ActivityFailed 2 attempt=3 CardDeclined {"code":"x"}"#,
            ),
            (
                3,
                EventKind::ActivityFailed { end, failure: gave_up },
                "3 ActivityFailed 2 attempt=3 ActivityFailed < Fault",
            ),
            (4, EventKind::TimerStarted { origin: origin(&[]), due: Timestamp(31_500) }, "4 TimerStarted 30s"),
            (5, EventKind::CodeMoved { from: [0; 32], to: [1; 32] }, "5 CodeMoved"),
            (
                6,
                EventKind::RunCompleted { result: Payload::json("1"), unread: vec![("change_date".into(), 2)] },
                r#"6 RunCompleted 1 unread {"change_date":2}"#,
            ),
        ] {
            assert_eq!(plain(&program(), &event(id, kind)), expected);
        }
        assert_eq!(named("fulfil", "fulfil-0010000000000001-3"), "(generated)");
        assert_eq!(named("fulfil", "fulfilment-7"), "fulfilment-7");
        assert_eq!(receiver(Some("audit_trail-0010000000000001-3")), "(generated)");
        assert_eq!(receiver(Some("order-7")), "order-7");
        assert_eq!(receiver(Some("letters")), "letters");
        let json = to_json(&program(), &event(2, scheduled(&[2])));
        assert_eq!(
            json.to_string(),
            r#"{"id":2,"at":"1970-01-01T00:00:01.500Z","type":"ActivityScheduled","fiber":"0.2","seq":1,"source":"?","activity":"charge","args":{"order_id":"7"},"options":{"timeout":"30s","total_timeout":null,"queue_timeout":null,"heartbeat":null,"retry":{"first":"1s","factor":1.5,"max":"100s","attempts":0},"once":false,"queue":null,"on_cancel":"try","priority":null,"fairness_key":null,"fairness_weight":null,"summary":null}}"#
                .replace("100s", &text::duration(100_000))
        );
    }

    #[test]
    fn every_event_has_its_fields() {
        let run = RunRef { workflow_id: WorkflowId::from("w"), run_id: weft_protocol::RunId(1) };
        for (kind, fields) in [
            (EventKind::ChildStarted { scheduled: EventId(1), run: run.clone() }, "scheduled run_id"),
            (
                EventKind::SignalReceived {
                    name: "n".into(),
                    args: Payload::null(),
                    request_id: None,
                    from: Some(run),
                },
                "name args request_id from",
            ),
            (EventKind::TimerFired { timer: EventId(1) }, "timer"),
            (EventKind::PatchRecorded { origin: origin(&[]), patch: "p".into() }, "fiber seq source patch site"),
            (EventKind::RunFailed { failure: Failure::fault("x"), next_run: None }, "failure next_run"),
            (
                EventKind::ActivationFailed {
                    event: EventId(3),
                    trap: "Overflow".into(),
                    message: "m".into(),
                    source: "a.wf:1".into(),
                    program: [0; 32],
                },
                "event trap message source program",
            ),
        ] {
            let json = to_json(&program(), &event(1, kind));
            let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).skip(3).collect();
            assert_eq!(names.join(" "), fields);
        }
    }
}
