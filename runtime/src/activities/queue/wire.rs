//! The words of the queue protocol: what a poll may say, and a task as its worker sees it.

use std::time::Duration;

use weft_bytecode::wire::text;
use weft_protocol::Timestamp;
use weft_protocol::api::{ApiError, PollRequest, QueueTask};
use weft_protocol::limits::Limits;

use super::TaskToken;
use crate::activities::ActivityTask;

/// Tasks one poll may ask for.
const POLL_TASKS_MAX: usize = 1_000;

/// How long a poll waits that does not say.
const POLL_WAIT: Duration = Duration::from_secs(30);

/// A checked [`PollRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollPlan {
    /// Tasks wanted.
    pub max: usize,
    /// How long to wait for the first, never above `long_poll_max`.
    pub wait: Duration,
    /// Attempts the worker is still working on.
    pub holding: Vec<TaskToken>,
}

impl PollPlan {
    /// Checks a request.
    ///
    /// # Errors
    /// The field that is wrong; nothing was taken from the queue.
    pub fn read(request: &PollRequest, limits: &Limits) -> Result<PollPlan, ApiError> {
        let wrong = |message: String| ApiError::new(422, "wrong_input", message);
        let max = request.max.unwrap_or(1);
        if !(1..=POLL_TASKS_MAX).contains(&max) {
            let message = format!("`max` is {max}; a poll may ask for 1 to {POLL_TASKS_MAX} tasks");
            return Err(wrong(message).at("max", format!("a number from 1 to {POLL_TASKS_MAX}")));
        }
        let wait = match request.wait.as_deref() {
            None => POLL_WAIT,
            Some(given) => text::parse_duration(given)
                .and_then(|ms| u64::try_from(ms).ok())
                .map(Duration::from_millis)
                .ok_or_else(|| {
                    wrong(format!("`wait` is no duration: {given:?}")).at("wait", "a duration like \"30s\"")
                })?,
        };
        let longest = Duration::from_millis(u64::try_from(limits.long_poll_max_ms).unwrap_or(0));
        let mut holding = Vec::with_capacity(request.holding.len());
        for (i, token) in request.holding.iter().enumerate() {
            let token = token.parse::<TaskToken>().map_err(|e| {
                wrong(format!("`holding[{i}]`: {e}")).at(format!("holding[{i}]"), "the token of a task")
            })?;
            holding.push(token);
        }
        Ok(PollPlan { max, wait: wait.min(longest), holding })
    }
}

/// A task as its worker sees it; `deadline` counts from the moment it is handed over.
pub fn worker_task(task: &ActivityTask, deadline: Option<Timestamp>) -> QueueTask {
    QueueTask {
        token: TaskToken::of(task).to_string(),
        activity: task.def().name.clone(),
        args: task.args.value(),
        attempt: task.attempt,
        workflow: task.workflow.to_string(),
        workflow_id: task.run.workflow_id.to_string(),
        run_id: task.run.run_id.to_string(),
        idempotency_key: task.idempotency_key(),
        deadline: deadline.map(|at| text::time(at.0)),
        heartbeat: task.options.heartbeat_ms.map(text::duration),
        progress: task.progress.as_ref().map(weft_protocol::Payload::value),
    }
}
