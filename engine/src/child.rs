//! Child, from `ChildScheduled` to its one end, and the other side of it: what a run that is a child tells its parent,
//! and what a closing parent does to its children.
//!
//! ```text
//! Scheduled --ChildStarted--> Started      --ChildStartFailed--> ended
//! Started   --ChildCompleted | Failed | Canceled | TimedOut | Terminated--> ended
//! ```
//!
//! Starts, cancels and ends travel as outbox entries that are sent until they arrive; each is a no-op the second time.
//! An end may overtake the start it belongs to: it ends the child all the same, and the start is ignored.

use serde::{Deserialize, Serialize};
use weft_bytecode::options::{self as declared, OnCancel, WorkflowOptions};
use weft_bytecode::wire::template::{self, HoleError};
use weft_bytecode::{Program, WorkflowDef};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::limits::Limits;
use weft_protocol::policy::{CancelMode, ChildOptions, OnClosed, OnConflict, OnParentClose, RunOptions, RunRetry};
use weft_protocol::{Event, EventId, Failure, Payload, RunId, WorkflowId};

use crate::activity::cancel_mode;
use crate::reset;
use crate::transition::Outgoing;

/// A child that has not ended; one started with `start` stays as long as its parent's close matters to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Child {
    /// Whether the result is wanted.
    pub(crate) attached: bool,
    /// When the parent closes.
    pub(crate) on_close: OnParentClose,
    /// The child, once it has started.
    pub(crate) run: Option<RunRef>,
    /// The event that asked it to stop.
    pub(crate) cancel_requested: Option<EventId>,
}

/// Options given where a child is started; what is missing or null is not given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallOptions {
    pub(crate) id: Option<String>,
    on_conflict: Option<OnConflict>,
    on_closed: Option<OnClosed>,
    on_parent_close: Option<OnParentClose>,
    on_cancel: Option<CancelMode>,
    run_timeout: Option<i64>,
    execution_timeout: Option<i64>,
    delay: Option<i64>,
    retry: Option<CallRetry>,
    memo: Option<serde_json::Map<String, serde_json::Value>>,
    priority: Option<i64>,
}

/// A retry policy as a call has it.
#[derive(Debug, Deserialize)]
struct CallRetry {
    first: i64,
    factor_milli: i64,
    max: i64,
    attempts: u32,
}

impl CallOptions {
    pub(crate) fn read(payload: Option<&Payload>) -> CallOptions {
        let text = payload.and_then(Payload::text);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Call site over declaration over the defaults for children.
    pub(crate) fn resolve(&self, declared: &WorkflowOptions) -> ChildOptions {
        ChildOptions {
            on_conflict: self.on_conflict.or(declared.on_conflict.map(on_conflict)).unwrap_or(OnConflict::Reject),
            on_closed: self.on_closed.or(declared.on_closed.map(on_closed)).unwrap_or(OnClosed::Allow),
            on_parent_close: self
                .on_parent_close
                .or(declared.on_parent_close.map(on_parent_close))
                .unwrap_or(OnParentClose::Cancel),
            on_cancel: self.on_cancel.unwrap_or_else(|| cancel_mode(declared.on_cancel.unwrap_or(OnCancel::Wait))),
            run: RunOptions::default(),
        }
    }

    /// Those of the run itself, as given; the declaration's are not looked at.
    pub(crate) fn of_run(&self) -> RunOptions {
        let retry = self.retry.as_ref().map(|retry| RunRetry {
            first_ms: retry.first,
            factor_milli: retry.factor_milli,
            max_ms: retry.max,
            attempts: retry.attempts,
        });
        RunOptions {
            run_timeout_ms: self.run_timeout,
            execution_timeout_ms: self.execution_timeout,
            delay_ms: self.delay,
            retry,
            memo: self.memo.as_ref().map(|memo| Payload::json(&serde_json::Value::Object(memo.clone()).to_string())),
            priority: self.priority.map(|priority| u8::try_from(priority).unwrap_or(u8::MAX)),
        }
    }
}

/// The declared policy in the words of run time.
pub fn on_conflict(policy: declared::OnConflict) -> OnConflict {
    match policy {
        declared::OnConflict::Join => OnConflict::Join,
        declared::OnConflict::Reject => OnConflict::Reject,
        declared::OnConflict::Replace => OnConflict::Replace,
    }
}

/// The declared policy in the words of run time.
pub fn on_closed(policy: declared::OnClosed) -> OnClosed {
    match policy {
        declared::OnClosed::Join => OnClosed::Join,
        declared::OnClosed::Allow => OnClosed::Allow,
        declared::OnClosed::AllowIfFailed => OnClosed::AllowIfFailed,
        declared::OnClosed::Reject => OnClosed::Reject,
    }
}

fn on_parent_close(policy: declared::OnParentClose) -> OnParentClose {
    match policy {
        declared::OnParentClose::Cancel => OnParentClose::Cancel,
        declared::OnParentClose::Terminate => OnParentClose::Terminate,
        declared::OnParentClose::Abandon => OnParentClose::Abandon,
    }
}

/// What is wrong with a workflow id, if anything.
pub fn workflow_id_error(id: &str, limits: &Limits) -> Option<String> {
    match id {
        "" => Some("a workflow id has at least one character".into()),
        "." | ".." => Some(format!("`{id}` is no workflow id: clients take it for a way through a path")),
        _ if id.len() > limits.workflow_id_bytes_max => Some(format!(
            "a workflow id has at most {} bytes (workflow_id_bytes_max), this one has {}",
            limits.workflow_id_bytes_max,
            id.len()
        )),
        _ if id.chars().any(char::is_control) => Some("a workflow id has no control characters".into()),
        _ => None,
    }
}

/// The id a workflow's own template gives for canonical arguments; `None` if it declares none.
///
/// # Errors
/// A hole that has no text.
pub fn declared_id(def: &WorkflowDef, args: &Payload) -> Option<Result<String, HoleError>> {
    Some(template::render(def.id.as_ref()?, &args.value()))
}

/// The failure a parent sees when its child could not be started, because of `cause`.
pub fn start_refused(workflow: &str, workflow_id: &WorkflowId, cause: Failure) -> Failure {
    let message = format!("child `{workflow}` could not be started: {}", cause.message);
    child_failed(message, workflow_id.as_str(), "", cause)
}

/// What the parent of a child sees whose end nobody can tell any more: it has ended, and its history is gone.
pub fn not_kept(workflow: &str, run: &RunRef) -> Failure {
    let cause = Failure::new("NotKept", "the child has ended and its history is no longer kept");
    let message = format!("it is not known how child `{workflow}` ended");
    child_failed(message, run.workflow_id.as_str(), &run.run_id.to_string(), cause)
}

fn child_failed(message: String, workflow_id: &str, run_id: &str, cause: Failure) -> Failure {
    Failure::new("ChildFailed", message)
        .with_details(&serde_json::json!({ "workflow_id": workflow_id, "run_id": run_id }))
        .with_cause(cause)
}

/// The end of a child as its parent will log it: the child's own closing event in the parent's words. An error the
/// child declares stays itself, anything else becomes the cause of `ChildFailed`. `None` if nobody waits for it.
pub fn ended(
    program: &Program,
    def: &WorkflowDef,
    me: &RunRef,
    parent: &ParentRef,
    closing: &EventKind,
) -> Option<Outgoing> {
    if !parent.attached || closing.next_run().is_some() {
        return None;
    }
    let scheduled = parent.scheduled;
    let wrapped = |how: &str, cause: Failure| {
        let message = format!("child `{}` {how}", def.name);
        child_failed(message, me.workflow_id.as_str(), &me.run_id.to_string(), cause)
    };
    let event = match closing {
        EventKind::RunCompleted { result, .. } => EventKind::ChildCompleted { scheduled, result: result.clone() },
        EventKind::RunFailed { failure, .. } => {
            let declared = def.throws.iter().any(|ty| program.type_name(*ty) == failure.kind);
            let failure = if declared { failure.clone() } else { wrapped("failed", failure.clone()) };
            EventKind::ChildFailed { scheduled, failure }
        }
        EventKind::RunCanceled { .. } => EventKind::ChildCanceled { scheduled },
        EventKind::RunTimedOut { failure, .. } => {
            EventKind::ChildTimedOut { scheduled, failure: wrapped("timed out", failure.clone()) }
        }
        EventKind::RunTerminated { reason, .. } => {
            let cause = Failure::new("Terminated", reason.clone());
            EventKind::ChildTerminated { scheduled, failure: wrapped("was terminated", cause) }
        }
        _ => return None,
    };
    Some(Outgoing::ChildEnded { parent: parent.run.clone(), event })
}

/// What the program sees of a child that was canceled by somebody else than its parent.
pub(crate) fn canceled_by_another(workflow: &str, workflow_id: &WorkflowId, run: Option<&RunRef>) -> Failure {
    let run_id = run.map(|r| r.run_id.to_string()).unwrap_or_default();
    let cause = Failure::new("Canceled", "canceled");
    child_failed(format!("child `{workflow}` was canceled"), workflow_id.as_str(), &run_id, cause)
}

/// What makes what the close of a run does to its children one request, however often they hear of it.
pub fn close_id(closed: RunId) -> String {
    format!("{closed}/closed")
}

/// What the close of a run does to a child that runs.
pub fn on_parent_closed(closed: RunId, to: RunRef, on_close: OnParentClose) -> Option<Outgoing> {
    let (request_id, reason) = (close_id(closed), String::from("the parent has closed"));
    match on_close {
        OnParentClose::Cancel => Some(Outgoing::Cancel { to, reason, request_id }),
        OnParentClose::Terminate => Some(Outgoing::Terminate { to, reason, request_id }),
        OnParentClose::Abandon => None,
    }
}

/// Whether a history has the child that the run `parent` has scheduled with this event, and not its end.
pub fn has_open(events: &[Event], parent: RunId, scheduled: EventId) -> bool {
    let place = (scheduled.0 as usize).wrapping_sub(1);
    let begun = events.get(place).is_some_and(|event| matches!(event.kind, EventKind::ChildScheduled { .. }));
    let ends =
        |kind: &EventKind| !matches!(kind, EventKind::ChildStarted { .. }) && scheduled_of(kind) == Some(scheduled);
    begun && reset::doer(events, scheduled) == Some(parent) && !events.iter().any(|event| ends(&event.kind))
}

/// The event of a child, if the kind is one that a child's life has.
pub(crate) fn scheduled_of(kind: &EventKind) -> Option<EventId> {
    use EventKind::*;
    match kind {
        ChildStarted { scheduled, .. }
        | ChildStartFailed { scheduled, .. }
        | ChildCompleted { scheduled, .. }
        | ChildFailed { scheduled, .. }
        | ChildCanceled { scheduled }
        | ChildTimedOut { scheduled, .. }
        | ChildTerminated { scheduled, .. } => Some(*scheduled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_rules() {
        let limits = Limits::default();
        for (id, fine) in [("a", true), ("", false), ("order 7/ü", true), ("a\nb", false), (&"x".repeat(1_001), false)]
        {
            assert_eq!(workflow_id_error(id, &limits).is_none(), fine, "{id}");
        }
    }

    #[test]
    fn options_of_a_call_win_over_the_declaration() {
        let declared = WorkflowOptions {
            on_conflict: Some(declared::OnConflict::Join),
            run_timeout_ms: Some(5),
            cleanup_timeout_ms: None,
            ..WorkflowOptions::default()
        };
        let plain = CallOptions::default().resolve(&declared);
        assert_eq!((plain.on_conflict, plain.on_closed), (OnConflict::Join, OnClosed::Allow));
        assert_eq!((plain.on_cancel, plain.on_parent_close), (CancelMode::Wait, OnParentClose::Cancel));
        let call = Payload::json(r#"{"id":"x","on_conflict":"replace","on_parent_close":"abandon","run_timeout":7}"#);
        let call = CallOptions::read(Some(&call));
        let resolved = call.resolve(&declared);
        assert_eq!(call.id.as_deref(), Some("x"));
        assert_eq!((resolved.on_conflict, resolved.on_parent_close), (OnConflict::Replace, OnParentClose::Abandon));
        assert_eq!(call.of_run().run_timeout_ms, Some(7));
    }
}
