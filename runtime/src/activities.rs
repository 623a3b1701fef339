//! Attempts of activities: handed over by the node once their `ActivityScheduled` is durable, run by an executor
//! (`http`, `exec`, `builtin`) or given to a worker (`queue`). Retries, timeouts and cancellation are the engine's; an
//! executor only stops when it is told to.

pub mod builtin;
pub mod decode;
pub mod exec;
pub mod http;
pub mod queue;
pub mod secrets;

#[cfg(test)]
pub(crate) mod fixture;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use weft_bytecode::options::Target;
use weft_bytecode::{ActivityDef, Program};
use weft_protocol::event::RunRef;
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{EventId, Failure, Payload, Timestamp};

use crate::clock::{Clock, SystemClock};
use crate::config::ExecutorConfig;

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

/// Runs the attempts of `http` and `exec` activities. Clones share one client and the same limits.
#[derive(Debug, Clone)]
pub struct Executors {
    http: http::HttpExecutor,
    exec: exec::ExecExecutor,
    http_slots: Arc<Semaphore>,
    exec_slots: Arc<Semaphore>,
}

/// Room for one attempt; given up by dropping it.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl Executors {
    /// Executors with their limits.
    ///
    /// # Errors
    /// If the HTTP client cannot be built, as when the system has no usable TLS.
    pub fn new(config: ExecutorConfig) -> Result<Executors, reqwest::Error> {
        Ok(Executors {
            http_slots: Arc::new(Semaphore::new(config.http.in_flight_max.min(Semaphore::MAX_PERMITS))),
            exec_slots: Arc::new(Semaphore::new(config.exec.in_flight_max.min(Semaphore::MAX_PERMITS))),
            http: http::HttpExecutor::new(config.http, config.secrets, config.payload_bytes_max)?,
            exec: exec::ExecExecutor::new(config.exec, config.payload_bytes_max),
        })
    }

    /// Waits until there is room for this attempt (`in_flight_max`). Its time should only run from then on, so wait here
    /// before the attempt counts as delivered. One that is told to stop needs no room to say that it has.
    pub async fn admit(&self, task: &ActivityTask) -> Slot {
        let slots = match &task.def().options.target {
            Target::Http(_) => &self.http_slots,
            Target::Exec(_) => &self.exec_slots,
            Target::Queue(_) | Target::Builtin(_) => return Slot(None),
        };
        // Nobody closes the semaphore; if somebody did, no limit is better than no work.
        let room = task.cancel.run_until_cancelled(Arc::clone(slots).acquire_owned()).await;
        Slot(room.and_then(Result::ok))
    }

    /// Runs one attempt to its end. What it started is stopped when the attempt is canceled, its time is over or the
    /// future is dropped. Whether an attempt *is* over is the engine's alarm to say: at the deadline the work is
    /// stopped here and its room given up, and the outcome waits for the cancel that the alarm brings.
    pub async fn run(&self, task: ActivityTask, slot: Slot) -> AttemptOutcome {
        let work = async {
            match &task.def().options.target {
                Target::Http(target) => self.http.run(&task, target).await,
                Target::Exec(words) => self.exec.run(&task, words).await,
                Target::Builtin(_) => builtin::run(&task),
                Target::Queue(queue) => decode::lasting_fault(
                    "WrongTarget",
                    format!("queue `{queue}` is for workers, not for this process"),
                ),
            }
        };
        tokio::select! {
            biased;
            () = task.cancel.cancelled() => AttemptOutcome::Canceled,
            outcome = work => outcome,
            () = over(task.deadline) => {
                drop(slot);
                task.cancel.cancelled().await;
                AttemptOutcome::Canceled
            }
        }
    }
}

#[cfg(test)]
impl Executors {
    async fn attempt(&self, task: ActivityTask) -> AttemptOutcome {
        let slot = self.admit(&task).await;
        self.run(task, slot).await
    }
}

async fn over(deadline: Option<Timestamp>) {
    match deadline {
        Some(at) => {
            let left = u64::try_from(at.0.saturating_sub(SystemClock.now().0)).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
        None => std::future::pending().await,
    }
}
