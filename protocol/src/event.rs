//! History events: past tense, numbered per run, the truth that decides replay.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{CommandId, Site};
use crate::failure::Failure;
use crate::id::{EventId, RunId, Timestamp, WorkflowId};
use crate::payload::Payload;
use crate::policy::{ChildOptions, OnParentClose, ResolvedActivity, RunOptions};

/// One event of a run's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, from 1.
    pub id: EventId,
    /// The owner's clock, never before the event before it.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// A command's name and place, carried by the event it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The command.
    pub command: CommandId,
    /// Where in the program.
    pub site: Site,
}

/// How an activity or child ended, with what the history tells about its last attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityEnd {
    /// The `ActivityScheduled` event.
    pub scheduled: EventId,
    /// Number of the last attempt, from 1; 0 if none was made.
    pub attempt: u32,
    /// When the last attempt was delivered, if that is known.
    pub started_at: Option<Timestamp>,
    /// Failure of the attempt before.
    pub last_failure: Option<Failure>,
}

impl ActivityEnd {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        if let Some(failure) = &mut self.last_failure {
            failure.payloads(visit);
        }
    }
}

/// Which time limit ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutKind {
    /// `timeout`, per attempt.
    StartToClose,
    /// `total_timeout`, over all attempts.
    ScheduleToClose,
    /// `queue_timeout`.
    ScheduleToStart,
    /// `heartbeat`.
    Heartbeat,
    /// `run_timeout`.
    Run,
    /// `execution_timeout`.
    Execution,
}

impl TimeoutKind {
    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            TimeoutKind::StartToClose => "start_to_close",
            TimeoutKind::ScheduleToClose => "schedule_to_close",
            TimeoutKind::ScheduleToStart => "schedule_to_start",
            TimeoutKind::Heartbeat => "heartbeat",
            TimeoutKind::Run => "run",
            TimeoutKind::Execution => "execution",
        }
    }
}

/// A run by both its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunRef {
    /// Workflow id.
    pub workflow_id: WorkflowId,
    /// Run id.
    pub run_id: RunId,
}

/// The parent of a run and the event that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentRef {
    /// The parent run.
    pub run: RunRef,
    /// Its `ChildScheduled` event.
    pub scheduled: EventId,
    /// Whether the parent wants to know the result.
    pub attached: bool,
    /// What the parent's close does to this run.
    pub on_close: OnParentClose,
    /// How many runs are above this one, each with a stake in the next: 1 below a run that nobody's is. 0 if the parent
    /// neither waits for this run nor ends it.
    pub depth: u32,
}

/// What a run that goes on for another took over from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continued {
    /// The run before.
    pub from: RunId,
    /// The first run of the chain: the one that was started.
    pub first: RunId,
    /// Of a run whose first events were taken over from another: the run that the program was told it is, then.
    pub origin: Option<RunId>,
    /// How the run before failed, of one that is tried again.
    pub failure: Option<Failure>,
    /// Ids of requests that the chain has taken, oldest first: told again, they change nothing.
    pub requests: Vec<String>,
    /// Whether there were more of them, which are forgotten.
    pub requests_forgotten: bool,
    /// The same of requests to cancel, which are remembered however many others come.
    pub cancels: Vec<String>,
    /// How many runs in a row, up to the one before, have gone on without waiting for anything.
    pub idle: u32,
}

/// What a history can hold. The variant names are the names on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields have the names that clients see in the JSON of a history")]
pub enum EventKind {
    RunStarted {
        namespace: String,
        workflow: String,
        workflow_id: WorkflowId,
        run_id: RunId,
        program: [u8; 32],
        edition: String,
        args: Payload,
        seed: [u8; 16],
        parent: Option<ParentRef>,
        /// The schedule that asked for it.
        schedule: Option<Box<crate::schedule::ScheduleRef>>,
        request_id: Option<String>,
        options: Arc<RunOptions>,
        /// When its program begins, if that is later: it does so with `DelayEnded`.
        begins: Option<Timestamp>,
        /// When all runs of the chain time out.
        deadline: Option<Timestamp>,
        /// Which of the runs that a retry policy allows, from 1.
        attempt: u32,
        /// How many of the events behind this one are there before the program begins.
        ahead: u32,
        /// Of a run that goes on for another.
        continued: Option<Box<Continued>>,
    },
    ActivityScheduled {
        origin: Origin,
        activity: String,
        args: Payload,
        options: ResolvedActivity,
    },
    ActivityCancelRequested {
        scheduled: EventId,
    },
    ActivityCompleted {
        end: ActivityEnd,
        result: Payload,
    },
    /// The declared error, or `ActivityFailed` with the last fault as its cause.
    ActivityFailed {
        end: ActivityEnd,
        failure: Failure,
    },
    /// `failure` is `ActivityFailed` with a `Timeout` as its cause.
    ActivityTimedOut {
        end: ActivityEnd,
        timeout: TimeoutKind,
        failure: Failure,
    },
    ActivityCanceled {
        end: ActivityEnd,
    },
    TimerStarted {
        origin: Origin,
        due: Timestamp,
    },
    TimerFired {
        timer: EventId,
    },
    TimerCanceled {
        timer: EventId,
    },
    SignalReceived {
        name: String,
        args: Payload,
        request_id: Option<String>,
        from: Option<RunRef>,
    },
    ChildScheduled {
        origin: Origin,
        workflow: String,
        workflow_id: WorkflowId,
        args: Payload,
        options: ChildOptions,
        attached: bool,
    },
    ChildStarted {
        scheduled: EventId,
        run: RunRef,
    },
    ChildStartFailed {
        scheduled: EventId,
        failure: Failure,
    },
    ChildCancelRequested {
        scheduled: EventId,
    },
    ChildCompleted {
        scheduled: EventId,
        result: Payload,
    },
    ChildFailed {
        scheduled: EventId,
        failure: Failure,
    },
    ChildCanceled {
        scheduled: EventId,
    },
    ChildTimedOut {
        scheduled: EventId,
        failure: Failure,
    },
    ChildTerminated {
        scheduled: EventId,
        failure: Failure,
    },
    PatchRecorded {
        origin: Origin,
        patch: String,
    },
    AttributesSet {
        attributes: Payload,
    },
    CancelRequested {
        reason: String,
        request_id: Option<String>,
        from: Option<RunRef>,
    },
    CodeMoved {
        from: [u8; 32],
        to: [u8; 32],
    },
    /// The run is parked as stuck: what `event` causes in the program is put off, with all that comes after it, until
    /// `CodeMoved`. Not replayed.
    ActivationFailed {
        event: EventId,
        trap: String,
        message: String,
        source: String,
        program: [u8; 32],
    },
    RunCompleted {
        result: Payload,
        unread: Vec<(String, u32)>,
    },
    RunFailed {
        failure: Failure,
        /// The run that tries again, begun in the same commit.
        next_run: Option<RunId>,
    },
    RunCanceled {
        reason: String,
    },
    RunTerminated {
        reason: String,
        from: Option<RunRef>,
        /// The run that goes on for it from an earlier point, begun in the same commit.
        next_run: Option<RunId>,
    },
    RunTimedOut {
        failure: Failure,
        /// The run that tries again, begun in the same commit.
        next_run: Option<RunId>,
    },
    /// An update has passed its check; its body runs on a fiber of its own.
    UpdateAccepted {
        update_id: String,
        name: String,
        args: Payload,
        /// Which update of the run it is, from 1: names its fiber.
        number: u32,
    },
    UpdateCompleted {
        accepted: EventId,
        result: Payload,
    },
    UpdateFailed {
        accepted: EventId,
        failure: Failure,
    },
    /// The next run of the chain begins in the same commit, with these arguments and on this program.
    RunContinuedAsNew {
        next_run: RunId,
        args: Payload,
        program: [u8; 32],
        /// Messages that went along, by signal.
        unread: Vec<(String, u32)>,
    },
    SignalSent {
        origin: Origin,
        to: RunRef,
        name: String,
        args: Payload,
    },
    /// The other run has taken it durably, though it may not have looked at it yet.
    SignalDelivered {
        sent: EventId,
    },
    SignalRefused {
        sent: EventId,
        failure: Failure,
    },
    CancelSent {
        origin: Origin,
        to: RunRef,
    },
    CancelDelivered {
        sent: EventId,
    },
    CancelRefused {
        sent: EventId,
        failure: Failure,
    },
    /// The start delay or the delay before another try is over, or was cut short: the program begins, and finds the
    /// signals that came before.
    DelayEnded,
    /// What stands before was taken over from the history of `from`: up to `kept` as it was there, then what it was told
    /// later. The program notices that now, beginning with event `redo`.
    RunReset {
        run: RunId,
        from: RunId,
        kept: EventId,
        redo: EventId,
        reason: String,
        request_id: Option<String>,
        /// What `uuid` and `random` draw from here on.
        seed: [u8; 16],
    },
}

impl EventKind {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        use EventKind::*;
        match self {
            RunStarted { .. } => "RunStarted",
            ActivityScheduled { .. } => "ActivityScheduled",
            ActivityCancelRequested { .. } => "ActivityCancelRequested",
            ActivityCompleted { .. } => "ActivityCompleted",
            ActivityFailed { .. } => "ActivityFailed",
            ActivityTimedOut { .. } => "ActivityTimedOut",
            ActivityCanceled { .. } => "ActivityCanceled",
            TimerStarted { .. } => "TimerStarted",
            TimerFired { .. } => "TimerFired",
            TimerCanceled { .. } => "TimerCanceled",
            SignalReceived { .. } => "SignalReceived",
            ChildScheduled { .. } => "ChildScheduled",
            ChildStarted { .. } => "ChildStarted",
            ChildStartFailed { .. } => "ChildStartFailed",
            ChildCancelRequested { .. } => "ChildCancelRequested",
            ChildCompleted { .. } => "ChildCompleted",
            ChildFailed { .. } => "ChildFailed",
            ChildCanceled { .. } => "ChildCanceled",
            ChildTimedOut { .. } => "ChildTimedOut",
            ChildTerminated { .. } => "ChildTerminated",
            PatchRecorded { .. } => "PatchRecorded",
            AttributesSet { .. } => "AttributesSet",
            CancelRequested { .. } => "CancelRequested",
            CodeMoved { .. } => "CodeMoved",
            ActivationFailed { .. } => "ActivationFailed",
            RunCompleted { .. } => "RunCompleted",
            RunFailed { .. } => "RunFailed",
            RunCanceled { .. } => "RunCanceled",
            RunTerminated { .. } => "RunTerminated",
            RunTimedOut { .. } => "RunTimedOut",
            UpdateAccepted { .. } => "UpdateAccepted",
            UpdateCompleted { .. } => "UpdateCompleted",
            UpdateFailed { .. } => "UpdateFailed",
            RunContinuedAsNew { .. } => "RunContinuedAsNew",
            SignalSent { .. } => "SignalSent",
            SignalDelivered { .. } => "SignalDelivered",
            SignalRefused { .. } => "SignalRefused",
            CancelSent { .. } => "CancelSent",
            CancelDelivered { .. } => "CancelDelivered",
            CancelRefused { .. } => "CancelRefused",
            DelayEnded => "DelayEnded",
            RunReset { .. } => "RunReset",
        }
    }

    /// Whether the event ends the run.
    pub fn closes(&self) -> bool {
        use EventKind::*;
        matches!(
            self,
            RunCompleted { .. }
                | RunFailed { .. }
                | RunCanceled { .. }
                | RunTerminated { .. }
                | RunTimedOut { .. }
                | RunContinuedAsNew { .. }
        )
    }

    /// The run that goes on for the one that this event ends.
    pub fn next_run(&self) -> Option<RunId> {
        match self {
            EventKind::RunContinuedAsNew { next_run, .. } => Some(*next_run),
            EventKind::RunFailed { next_run, .. }
            | EventKind::RunTimedOut { next_run, .. }
            | EventKind::RunTerminated { next_run, .. } => *next_run,
            _ => None,
        }
    }

    /// Looks at each value in the event: what may be large and is kept beside the log then.
    pub fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        use EventKind::*;
        match self {
            RunStarted { args, options, continued, .. } => {
                visit(args);
                // Not made twice for the many that have none.
                if options.memo.is_some() {
                    Arc::make_mut(options).memo.iter_mut().for_each(&mut *visit);
                }
                let failure = continued.as_mut().and_then(|continued| continued.failure.as_mut());
                failure.into_iter().for_each(|failure| failure.payloads(visit));
            }
            ChildScheduled { args, options, .. } => {
                visit(args);
                options.run.memo.iter_mut().for_each(visit);
            }
            ActivityScheduled { args, .. }
            | SignalReceived { args, .. }
            | UpdateAccepted { args, .. }
            | RunContinuedAsNew { args, .. }
            | SignalSent { args, .. } => visit(args),
            ActivityCompleted { end, result } => {
                end.payloads(visit);
                visit(result);
            }
            ActivityFailed { end, failure } | ActivityTimedOut { end, failure, .. } => {
                end.payloads(visit);
                failure.payloads(visit);
            }
            ActivityCanceled { end } => end.payloads(visit),
            ChildCompleted { result, .. } | UpdateCompleted { result, .. } | RunCompleted { result, .. } => {
                visit(result)
            }
            ChildStartFailed { failure, .. }
            | ChildFailed { failure, .. }
            | ChildTimedOut { failure, .. }
            | ChildTerminated { failure, .. }
            | RunFailed { failure, .. }
            | RunTimedOut { failure, .. }
            | UpdateFailed { failure, .. }
            | SignalRefused { failure, .. }
            | CancelRefused { failure, .. } => failure.payloads(visit),
            AttributesSet { attributes } => visit(attributes),
            ActivityCancelRequested { .. }
            | TimerStarted { .. }
            | TimerFired { .. }
            | TimerCanceled { .. }
            | ChildStarted { .. }
            | ChildCancelRequested { .. }
            | ChildCanceled { .. }
            | PatchRecorded { .. }
            | CancelRequested { .. }
            | CodeMoved { .. }
            | ActivationFailed { .. }
            | DelayEnded
            | RunCanceled { .. }
            | RunTerminated { .. }
            | SignalDelivered { .. }
            | CancelSent { .. }
            | CancelDelivered { .. }
            | RunReset { .. } => {}
        }
    }

    /// The command this event came from, for the events that a fiber's command becomes.
    pub fn origin(&self) -> Option<&Origin> {
        use EventKind::*;
        match self {
            ActivityScheduled { origin, .. }
            | TimerStarted { origin, .. }
            | ChildScheduled { origin, .. }
            | PatchRecorded { origin, .. }
            | SignalSent { origin, .. }
            | CancelSent { origin, .. } => Some(origin),
            _ => None,
        }
    }
}
