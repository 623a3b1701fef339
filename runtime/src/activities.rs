//! Attempts of activities: handed over by the node once their `ActivityScheduled` is durable, run by an executor
//! (`http`, `exec`, `builtin`) or given to a worker (`queue`). Retries, timeouts and cancellation are the engine's; an
//! executor only stops when it is told to.

pub mod builtin;
pub mod decode;
pub mod queue;
pub mod secrets;

#[cfg(test)]
pub(crate) mod fixture;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use weft_bytecode::{ActivityDef, Program};
use weft_protocol::event::RunRef;
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{EventId, Failure, Payload, Timestamp};

/// One attempt to run an activity.
#[derive(Debug, Clone)]
pub struct ActivityTask {
    /// Namespace of the run.
    pub namespace: Arc<str>,
    /// The run.
    pub run: RunRef,
    /// Its workflow name.
    pub workflow: Arc<str>,
    /// Its `ActivityScheduled` event.
    pub scheduled: EventId,
    /// From 1.
    pub attempt: u32,
    /// The program the run is pinned to.
    pub program: Arc<Program>,
    /// Index into `Program::activities`.
    pub activity: u16,
    /// Record of the parameters.
    pub args: Payload,
    /// Options as resolved.
    pub options: ResolvedActivity,
    /// When this attempt times out.
    pub deadline: Option<Timestamp>,
    /// Progress of the attempts before.
    pub progress: Option<Payload>,
    /// Canceled when the attempt should stop: its activity was canceled, timed out, or the run has closed.
    pub cancel: CancellationToken,
}

impl ActivityTask {
    /// The declaration.
    pub fn def(&self) -> &ActivityDef {
        &self.program.activities[usize::from(self.activity)]
    }

    /// Equal over all attempts: the run and the event.
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.run.run_id, self.scheduled.0)
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    /// With a result, canonical and checked against the activity's type.
    Completed(Payload),
    /// With a declared error or a `Fault` (`Failure::retryable` says whether to try again).
    Failed {
        /// What.
        failure: Failure,
        /// Replaces the policy's delay once, milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// It stopped because it was asked to.
    Canceled,
}
