//! Whoever works on activities of a sandbox: what waits, what is taken, what is said of an attempt.

use std::collections::BTreeMap;

use serde_json::Value;
use weft_protocol::api::{ApiError, HeartbeatReply};
use weft_protocol::{EventId, Failure, RunId};

use super::{NAMESPACE, Sandbox, key, unexpected};
use crate::activities::{ActivityTask, AttemptOutcome};
use crate::api::{ActivityAct, ActivityKey};
use crate::partition::request::{Answer, AttemptEnd, AttemptRef, Request, WorkerOutcome};
use crate::refusal;

impl Sandbox {
    /// From here on attempts stay in their queues until they are [taken](Sandbox::take).
    pub fn workers_wait(&mut self) {
        self.waiting.get_or_insert_default();
    }

    /// Attempts that wait in their queues.
    pub fn waiting(&self) -> impl Iterator<Item = &ActivityTask> {
        self.waiting.iter().flat_map(BTreeMap::values)
    }

    /// A worker takes an attempt out of its queue.
    ///
    /// # Errors
    /// If it is not there, or the journal does not answer.
    pub async fn take(&mut self, run: RunId, scheduled: EventId) -> Result<(), ApiError> {
        let task = self.waiting.as_mut().and_then(|waiting| waiting.remove(&(run, scheduled)));
        let task = task.ok_or_else(refusal::attempt_gone)?;
        self.taken.insert((run, scheduled), task.attempt);
        self.begin(task);
        self.settle().await.map_err(|error| refusal::of_store(&error))
    }

    /// Attempts that somebody outside works on, by run and `ActivityScheduled`.
    pub fn attempts(&self) -> impl Iterator<Item = &ActivityTask> {
        self.attempts.values()
    }

    /// Ends the running attempt of an activity with a result, checked against the activity's type.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn complete(&mut self, run: RunId, scheduled: EventId, result: Value) -> Result<(), ApiError> {
        self.end(run, scheduled, WorkerOutcome::Completed(result)).await
    }

    /// Ends the running attempt of an activity with a failure.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn fail(
        &mut self,
        run: RunId,
        scheduled: EventId,
        failure: Failure,
        retry_after_ms: Option<i64>,
    ) -> Result<(), ApiError> {
        self.end(run, scheduled, WorkerOutcome::Failed { failure, retry_after_ms }).await
    }

    /// Says that the running attempt lives, and is told what its worker should know.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn heartbeat(
        &mut self,
        run: RunId,
        scheduled: EventId,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        let attempt = self.running(run, scheduled)?;
        self.heartbeat_of(attempt, progress).await
    }

    /// As [`Sandbox::heartbeat`], of any attempt.
    ///
    /// # Errors
    /// If it is not the current one.
    pub async fn heartbeat_of(
        &mut self,
        attempt: AttemptRef,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        match self
            .ask(attempt.run.partition(), Request::Heartbeat { namespace: NAMESPACE.into(), attempt, progress })
            .await?
        {
            Answer::Alive(told) => Ok(told),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends any attempt, as its worker would.
    ///
    /// # Errors
    /// If it is not the current one.
    pub async fn report(&mut self, attempt: AttemptRef, outcome: WorkerOutcome) -> Result<(), ApiError> {
        self.ask(attempt.run.partition(), Request::EndAttempt { namespace: NAMESPACE.into(), attempt, outcome })
            .await
            .map(drop)
    }

    /// Does something to a pending activity of a run, named as a client does.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn activity(
        &mut self,
        workflow_id: &str,
        which: ActivityKey,
        act: ActivityAct,
    ) -> Result<HeartbeatReply, ApiError> {
        let ask = Request::Activity { key: key(workflow_id), which, act };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::Alive(told) => Ok(told),
            Answer::Done => Ok(HeartbeatReply::default()),
            Answer::NotOpen => {
                self.closed(workflow_id).await?;
                Err(refusal::run_closed(workflow_id))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Says that the running attempt stopped because it was asked to.
    ///
    /// # Errors
    /// If no attempt of it is running, or the journal does not answer.
    pub async fn canceled(&mut self, run: RunId, scheduled: EventId) -> Result<(), ApiError> {
        let attempt = self.running(run, scheduled)?;
        self.attempts.remove(&(run, scheduled));
        let now = self.now;
        if let Some(partition) = self.partitions.get_mut(&run.partition()) {
            partition.ended(AttemptEnd { attempt, outcome: AttemptOutcome::Canceled }, now);
        }
        self.settle().await.map_err(|error| refusal::of_store(&error))
    }

    async fn end(&mut self, run: RunId, scheduled: EventId, outcome: WorkerOutcome) -> Result<(), ApiError> {
        let attempt = self.running(run, scheduled)?;
        // A worker of this very attempt is done with it, whatever is said about that.
        self.attempts.remove(&(run, scheduled));
        self.ask(run.partition(), Request::EndAttempt { namespace: NAMESPACE.into(), attempt, outcome }).await.map(drop)
    }

    pub(super) fn running(&self, run: RunId, scheduled: EventId) -> Result<AttemptRef, ApiError> {
        let task = self.attempts.get(&(run, scheduled)).ok_or_else(refusal::attempt_gone)?;
        Ok(AttemptRef { run, scheduled, attempt: task.attempt })
    }
}
