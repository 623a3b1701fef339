//! Events from the JSON that they are shown as: what a replay needs of them. What decides nothing in a replay, such as the
//! retries of an activity or who the parent is, is not read, so that histories of other versions can be.

use serde_json::Value;
use weft_bytecode::wire::text;
use weft_protocol::command::{CommandId, FiberPath, Site};
use weft_protocol::event::{ActivityEnd, Continued, EventKind, Origin, RunRef, TimeoutKind};
use weft_protocol::policy::{
    CancelMode, ChildOptions, OnClosed, OnConflict, OnParentClose, ResolvedActivity, RunOptions,
};
use weft_protocol::{Event, EventId, Failure, Payload, RunId, Timestamp, WorkflowId};

/// An event as [`to_json`](super::to_json) writes it. Its place in the program is not known any more.
///
/// # Errors
/// The field that is missing or wrong.
pub fn from_json(value: &Value) -> Result<Event, String> {
    let read = Read(value);
    let kind = read.kind(read.text("type")?)?;
    Ok(Event { id: read.event("id")?, at: read.time("at")?, kind })
}

struct Read<'a>(&'a Value);

impl Read<'_> {
    fn kind(&self, name: &str) -> Result<EventKind, String> {
        use EventKind::*;
        Ok(match name {
            "RunStarted" => self.started()?,
            "ActivityScheduled" => ActivityScheduled {
                origin: self.origin()?,
                activity: self.owned("activity")?,
                args: self.payload("args"),
                options: recorded(),
            },
            "ActivityCancelRequested" => ActivityCancelRequested { scheduled: self.event("scheduled")? },
            "ActivityCompleted" => ActivityCompleted { end: self.end()?, result: self.payload("result") },
            "ActivityFailed" => ActivityFailed { end: self.end()?, failure: self.failure()? },
            "ActivityTimedOut" => {
                ActivityTimedOut { end: self.end()?, timeout: self.timeout(), failure: self.failure()? }
            }
            "ActivityCanceled" => ActivityCanceled { end: self.end()? },
            "TimerStarted" => TimerStarted { origin: self.origin()?, due: self.time("due")? },
            "TimerFired" => TimerFired { timer: self.event("timer")? },
            "TimerCanceled" => TimerCanceled { timer: self.event("timer")? },
            "SignalReceived" => {
                SignalReceived { name: self.owned("name")?, args: self.payload("args"), request_id: None, from: None }
            }
            "UpdateAccepted" => UpdateAccepted {
                update_id: self.owned("update_id")?,
                name: self.owned("name")?,
                args: self.payload("args"),
                number: self.update_number()?,
            },
            "UpdateCompleted" => UpdateCompleted { accepted: self.event("accepted")?, result: self.payload("result") },
            "UpdateFailed" => UpdateFailed { accepted: self.event("accepted")?, failure: self.failure()? },
            "SignalSent" => SignalSent {
                origin: self.origin()?,
                to: Read(&self.0["to"]).run()?,
                name: self.owned("name")?,
                args: self.payload("args"),
            },
            "CancelSent" => CancelSent { origin: self.origin()?, to: Read(&self.0["to"]).run()? },
            "SignalDelivered" => SignalDelivered { sent: self.event("sent")? },
            "CancelDelivered" => CancelDelivered { sent: self.event("sent")? },
            "SignalRefused" => SignalRefused { sent: self.event("sent")?, failure: self.failure()? },
            "CancelRefused" => CancelRefused { sent: self.event("sent")?, failure: self.failure()? },
            "PatchRecorded" => PatchRecorded { origin: self.origin()?, patch: self.owned("patch")? },
            "AttributesSet" => AttributesSet { attributes: self.payload("attributes") },
            "CancelRequested" => CancelRequested { reason: self.reason(), request_id: None, from: None },
            "CodeMoved" => CodeMoved { from: self.program("from")?, to: self.program("to")? },
            "ActivationFailed" => ActivationFailed {
                event: self.event("event")?,
                trap: self.owned("trap")?,
                message: self.owned("message")?,
                source: self.owned("source")?,
                program: self.program("program")?,
            },
            "DelayEnded" => DelayEnded,
            name if name.starts_with("Child") => self.child(name)?,
            name if name.starts_with("Run") => self.closing(name)?,
            other => return Err(format!("there is no event `{other}`")),
        })
    }

    fn started(&self) -> Result<EventKind, String> {
        let run_id = self.run_id("run_id")?;
        let continued = match self.0["continued_from"].as_str() {
            None => None,
            Some(_) => Some(Box::new(Continued {
                from: self.run_id("continued_from")?,
                first: run_id,
                origin: self.0["origin"].as_str().and_then(|run| run.parse().ok()),
                failure: match &self.0["continued_failure"] {
                    Value::Null => None,
                    failure => Some(Failure::from_json(failure).map_err(|why| format!("`continued_failure`: {why}"))?),
                },
                requests: Vec::new(),
                requests_forgotten: false,
                cancels: Vec::new(),
                idle: 0,
            })),
        };
        Ok(EventKind::RunStarted {
            namespace: self.owned("namespace")?,
            workflow: self.owned("workflow")?,
            workflow_id: WorkflowId::from(self.text("workflow_id")?),
            run_id,
            program: self.program("program")?,
            edition: self.owned("edition")?,
            args: self.payload("args"),
            seed: hex(self.text("seed")?).ok_or("`seed` is not 32 hexadecimal digits")?,
            parent: None,
            schedule: None,
            request_id: None,
            options: Default::default(),
            begins: self.0["begins"].as_str().and_then(text::parse_time).map(Timestamp),
            deadline: None,
            attempt: self.0["attempt"].as_u64().unwrap_or(1) as u32,
            ahead: self.0["ahead"].as_u64().unwrap_or(0) as u32,
            continued,
        })
    }

    fn child(&self, name: &str) -> Result<EventKind, String> {
        use EventKind::*;
        Ok(match name {
            "ChildScheduled" => ChildScheduled {
                origin: self.origin()?,
                workflow: self.owned("workflow")?,
                workflow_id: WorkflowId::from(self.text("workflow_id")?),
                args: self.payload("args"),
                options: ChildOptions {
                    on_conflict: OnConflict::Reject,
                    on_closed: OnClosed::Allow,
                    on_parent_close: self.on_parent_close(),
                    on_cancel: CancelMode::Wait,
                    run: RunOptions::default(),
                },
                attached: self.0["attached"].as_bool().ok_or("`attached` is missing")?,
            },
            "ChildStarted" => ChildStarted { scheduled: self.event("scheduled")?, run: self.run()? },
            "ChildStartFailed" => ChildStartFailed { scheduled: self.event("scheduled")?, failure: self.failure()? },
            "ChildCancelRequested" => ChildCancelRequested { scheduled: self.event("scheduled")? },
            "ChildCompleted" => ChildCompleted { scheduled: self.event("scheduled")?, result: self.payload("result") },
            "ChildFailed" => ChildFailed { scheduled: self.event("scheduled")?, failure: self.failure()? },
            "ChildCanceled" => ChildCanceled { scheduled: self.event("scheduled")? },
            "ChildTimedOut" => ChildTimedOut { scheduled: self.event("scheduled")?, failure: self.failure()? },
            "ChildTerminated" => ChildTerminated { scheduled: self.event("scheduled")?, failure: self.failure()? },
            other => return Err(format!("there is no event `{other}`")),
        })
    }

    fn closing(&self, name: &str) -> Result<EventKind, String> {
        use EventKind::*;
        Ok(match name {
            "RunCompleted" => RunCompleted { result: self.payload("result"), unread: Vec::new() },
            "RunFailed" => RunFailed { failure: self.failure()?, next_run: None },
            "RunTimedOut" => RunTimedOut { failure: self.failure()?, next_run: None },
            "RunCanceled" => RunCanceled { reason: self.reason() },
            "RunTerminated" => RunTerminated { reason: self.reason(), from: None, next_run: None },
            "RunReset" => RunReset {
                run: self.run_id("run")?,
                from: self.run_id("from")?,
                kept: self.event("kept")?,
                redo: self.event("redo")?,
                reason: self.reason(),
                request_id: None,
                seed: hex(self.text("seed")?).ok_or("`seed` is not 32 hexadecimal digits")?,
            },
            "RunContinuedAsNew" => RunContinuedAsNew {
                next_run: self.run_id("next_run")?,
                args: self.payload("args"),
                program: self.program("program")?,
                unread: Vec::new(),
            },
            other => return Err(format!("there is no event `{other}`")),
        })
    }

    fn text(&self, field: &str) -> Result<&str, String> {
        self.0[field].as_str().ok_or_else(|| format!("`{field}` is missing or no text"))
    }

    fn owned(&self, field: &str) -> Result<String, String> {
        self.text(field).map(str::to_owned)
    }

    fn number(&self, field: &str) -> Result<u64, String> {
        self.0[field].as_u64().ok_or_else(|| format!("`{field}` is missing or no number"))
    }

    fn event(&self, field: &str) -> Result<EventId, String> {
        self.number(field).map(EventId)
    }

    fn time(&self, field: &str) -> Result<Timestamp, String> {
        text::parse_time(self.text(field)?).map(Timestamp).ok_or_else(|| format!("`{field}` is no time"))
    }

    fn payload(&self, field: &str) -> Payload {
        Payload::from(&self.0[field])
    }

    fn reason(&self) -> String {
        self.0["reason"].as_str().unwrap_or_default().to_owned()
    }

    fn failure(&self) -> Result<Failure, String> {
        Failure::from_json(&self.0["failure"]).map_err(|why| format!("`failure`: {why}"))
    }

    fn end(&self) -> Result<ActivityEnd, String> {
        let last_failure = match &self.0["last_failure"] {
            Value::Null => None,
            failure => Some(Failure::from_json(failure).map_err(|why| format!("`last_failure`: {why}"))?),
        };
        Ok(ActivityEnd {
            scheduled: self.event("scheduled")?,
            attempt: self.0["attempt"].as_u64().unwrap_or(0) as u32,
            started_at: None,
            last_failure,
        })
    }

    fn origin(&self) -> Result<Origin, String> {
        let fiber = fiber(self.text("fiber")?).ok_or("`fiber` is no path of a fiber")?;
        let seq = self.number("seq")? as u32;
        Ok(Origin { command: CommandId { fiber, seq }, site: Site { func: u16::MAX, pc: 0 } })
    }

    fn update_number(&self) -> Result<u32, String> {
        let number = self.text("fiber")?.strip_prefix('u').and_then(|number| number.parse().ok());
        number.ok_or_else(|| String::from("`fiber` is not that of an update"))
    }

    /// A run by its id; what its workflow id is decides nothing.
    fn run(&self) -> Result<RunRef, String> {
        let workflow_id = WorkflowId::from(self.0["workflow_id"].as_str().unwrap_or_default());
        Ok(RunRef { workflow_id, run_id: self.run_id("run_id")? })
    }

    fn run_id(&self, field: &str) -> Result<RunId, String> {
        self.text(field)?.parse().map_err(|_| format!("`{field}` is no run id"))
    }

    fn program(&self, field: &str) -> Result<[u8; 32], String> {
        hex(self.text(field)?).ok_or_else(|| format!("`{field}` is no hash of a program"))
    }

    fn timeout(&self) -> TimeoutKind {
        use TimeoutKind::*;
        let named = |kind: &TimeoutKind| Some(kind.name()) == self.0["timeout"].as_str();
        [StartToClose, ScheduleToClose, ScheduleToStart, Heartbeat, Run, Execution]
            .into_iter()
            .find(named)
            .unwrap_or(StartToClose)
    }

    fn on_parent_close(&self) -> OnParentClose {
        match self.0["on_parent_close"].as_str() {
            Some("abandon") => OnParentClose::Abandon,
            Some("terminate") => OnParentClose::Terminate,
            _ => OnParentClose::Cancel,
        }
    }
}

/// Bytes from two hexadecimal digits each.
fn hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

/// `0.2`, `u3.1`: the path of a fiber.
fn fiber(text: &str) -> Option<FiberPath> {
    let mut parts = text.split('.');
    let root = parts.next()?;
    let mut path = match root.strip_prefix('u') {
        Some(number) => FiberPath::update(number.parse().ok()?),
        None if root == "0" => FiberPath::default(),
        None => return None,
    };
    for part in parts {
        path = path.child(part.parse().ok()?);
    }
    Some(path)
}

/// Options of an activity that is recorded: they decide nothing any more.
fn recorded() -> ResolvedActivity {
    ResolvedActivity { retry_factor_milli: 1_000, ..ResolvedActivity::default() }
}
