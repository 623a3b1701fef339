//! What reaches a run.

use serde::{Deserialize, Serialize};
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::{EventId, Failure, Payload, RunId, Timestamp};

use crate::transition::Steer;

/// One thing that happened to a run. One Input is one activation; inside a run nothing is batched.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A signal; arguments are canonical and checked against the pinned program.
    Signal {
        /// Name.
        name: String,
        /// Record of its parameters.
        args: Payload,
        /// Makes it idempotent.
        request_id: Option<String>,
        /// The sending run, if a run sent it.
        from: Option<RunRef>,
        /// It came with a start of the run's id, which ends the run's start delay.
        with_start: bool,
    },
    /// An update; arguments are canonical and checked against the pinned program. Its check runs before anything is
    /// logged.
    Update {
        /// Name.
        name: String,
        /// Record of its parameters.
        args: Payload,
        /// Names it within the run; one that the run knows changes nothing.
        update_id: String,
    },
    /// An attempt was handed to whoever runs it. Writes nothing; arms the attempt's timeouts.
    Delivered {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
    },
    /// As `Delivered`, of an attempt that whoever runs it has worked on since a time before: its timeouts run from then.
    Redelivered {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// Since when; no later than now.
        since: Timestamp,
    },
    /// An attempt succeeded; the result is canonical and checked.
    Completed {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// The result.
        result: Payload,
    },
    /// An attempt failed.
    Failed {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// The declared error, or a `Fault`.
        failure: Failure,
        /// Replaces the policy's delay once, milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// An attempt stopped because it was asked to.
    CanceledAttempt {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
    },
    /// An attempt is alive.
    Heartbeat {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// What the next attempt gets.
        progress: Option<Payload>,
    },
    /// Somebody outside steers a pending activity.
    Steer {
        /// The activity.
        scheduled: EventId,
        /// What is done.
        steer: Steer,
    },
    /// An alarm is due. Stale ones change nothing.
    Due(AlarmKey),
    /// A child's start, refusal or end, as the event it becomes (`ChildStarted`, `ChildStartFailed`, `ChildCompleted`,
    /// …). One that is no longer awaited changes nothing.
    Child(EventKind),
    /// What became of a message that the run sent. Told again, it changes nothing.
    Told {
        /// The `SignalSent` or `CancelSent`.
        sent: EventId,
        /// Why it was refused, if it was.
        refused: Option<Failure>,
    },
    /// Cancellation is requested.
    Cancel {
        /// Why.
        reason: String,
        /// Makes it idempotent.
        request_id: Option<String>,
        /// The requesting run, if a run did.
        from: Option<RunRef>,
        /// A client asks: it hears of a refusal. A run or a schedule does not.
        client: bool,
    },
    /// End now, run no code.
    Terminate {
        /// Why.
        reason: String,
        /// The requesting run, if a run did.
        from: Option<RunRef>,
        /// The run that goes on for it.
        next_run: Option<RunId>,
    },
    /// The next slice of a long computation.
    Continue,
}

/// What an alarm is about. Alarms are never taken back; a stale one is ignored. Those of one activity that are due at the
/// same time fire in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlarmKey {
    /// A workflow timer, by its `TimerStarted` event.
    Timer(EventId),
    /// The delay before this attempt is over.
    Retry(EventId, u32),
    /// `timeout` of this attempt.
    StartToClose(EventId, u32),
    /// `queue_timeout` of this attempt.
    ScheduleToStart(EventId, u32),
    /// `total_timeout`.
    ScheduleToClose(EventId),
    /// `heartbeat` of this attempt.
    Heartbeat(EventId, u32),
    /// Progress of this attempt that waits to be written.
    Progress(EventId, u32),
    /// `run_timeout` or `execution_timeout`.
    Run,
    /// The end of the delay before the program begins.
    Begin,
}
