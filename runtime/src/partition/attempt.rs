//! Attempts of activities: what an executor needs to run one, and how its end reaches the run.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use weft_bytecode::options::Target;
use weft_bytecode::types::builtin::UNIT;
use weft_bytecode::wire::{self, Strictness};
use weft_bytecode::{ActivityDef, Program};
use weft_engine::{AttemptView, Input};
use weft_protocol::api::{ApiError, HeartbeatReply};
use weft_protocol::{Failure, Payload, Timestamp};
use weft_vm::Loaded;

use super::Partition;
use super::request::{AttemptEnd, AttemptRef, ReplyId, Then, WorkerOutcome};
use crate::activities::{ActivityTask, AttemptOutcome, builtin, decode};
use crate::refusal;

static NULL: LazyLock<Payload> = LazyLock::new(Payload::null);

/// Where an attempt goes.
#[derive(Debug)]
pub enum Handout {
    /// It was a builtin and has ended.
    Done(AttemptOutcome),
    /// To an executor or a worker.
    Task(Box<ActivityTask>),
}

impl Partition {
    /// What is needed to run an attempt; `None` if it is not wanted any more.
    pub fn hand_out(&self, attempt: AttemptRef) -> Option<Handout> {
        let open = self.runs.get(&attempt.run)?;
        let pending = open.run.attempt_view(attempt.scheduled)?;
        if pending.attempt != attempt.attempt {
            return None;
        }
        let activity = pending.activity?;
        let program = open.run.loaded().program();
        let def = &program.activities[usize::from(activity)];
        // What `weft bench` measures: nothing is made that nobody looks at.
        if matches!(&def.options.target, Target::Builtin(name) if name == "noop") && def.result == UNIT {
            return Some(Handout::Done(AttemptOutcome::Completed(NULL.clone())));
        }
        let task = ActivityTask {
            namespace: open.namespace.clone(),
            run: open.run.me().clone(),
            workflow: open.run.workflow().into(),
            scheduled: attempt.scheduled,
            attempt: attempt.attempt,
            program: program.clone(),
            activity,
            args: pending.args.clone(),
            options: pending.options.clone(),
            deadline: None,
            progress: pending.progress.cloned(),
            cancel: CancellationToken::new(),
        };
        Some(match &def.options.target {
            Target::Builtin(_) => Handout::Done(builtin::run(&task)),
            _ => Handout::Task(Box::new(task)),
        })
    }

    /// Somebody is about to get an attempt, or has worked on it `since` a time before: its time starts, and the answer
    /// says whether he may. Where that is written, the answer waits until it is durable; else it leaves at once.
    pub fn deliver(&mut self, at: AttemptRef, since: Option<Timestamp>, reply: ReplyId, now: Timestamp) {
        let AttemptRef { run, scheduled, attempt } = at;
        let Some(open) = self.runs.get(&run).filter(|_| self.pending(at).is_some()) else {
            return self.reply(0, reply, Err(refusal::attempt_gone()));
        };
        let logged = open.run.attempt_view(scheduled).is_some_and(|pending| pending.options.logs_delivery());
        let input = match since {
            None => Input::Delivered { scheduled, attempt },
            Some(since) => Input::Redelivered { scheduled, attempt, since },
        };
        let then = if logged { Then::Answer(reply) } else { Then::Begins(reply) };
        self.apply(run, input, then, now);
    }

    /// Whether an attempt is the current one of its activity and is not handed out again after a restart: whoever had it
    /// before has it still.
    pub(crate) fn stays_out(&self, at: AttemptRef) -> bool {
        let pending = self.runs.get(&at.run).and_then(|open| open.run.attempt_view(at.scheduled));
        pending.is_some_and(|pending| pending.attempt == at.attempt && (pending.paused || pending.options.once))
    }

    /// Whether an attempt is the current one of its activity and was asked to stop.
    pub(crate) fn is_to_stop(&self, at: AttemptRef) -> bool {
        let pending = self.runs.get(&at.run).and_then(|open| open.run.attempt_view(at.scheduled));
        pending.is_some_and(|pending| pending.attempt == at.attempt && pending.cancel_requested)
    }

    /// An executor of this process ended an attempt; its results are checked already.
    pub fn ended(&mut self, end: AttemptEnd, now: Timestamp) {
        let AttemptRef { run, scheduled, attempt } = end.attempt;
        let input = match end.outcome {
            AttemptOutcome::Completed(result) => Input::Completed { scheduled, attempt, result },
            AttemptOutcome::Failed { failure, retry_after_ms } => {
                Input::Failed { scheduled, attempt, failure, retry_after_ms }
            }
            AttemptOutcome::Canceled => Input::CanceledAttempt { scheduled, attempt },
        };
        self.apply(run, input, Then::Nothing, now);
    }

    /// A worker ended an attempt; what it sent is checked here.
    pub(super) fn worker_ended(&mut self, at: AttemptRef, outcome: WorkerOutcome, reply: ReplyId, now: Timestamp) {
        let AttemptRef { run, scheduled, attempt } = at;
        let Some((program, activity)) = self.pending(at) else {
            return self.reply(self.last_batch(), reply, Err(refusal::attempt_gone()));
        };
        let def = &program.program().activities[usize::from(activity)];
        let input = match outcome {
            WorkerOutcome::Completed(value) => {
                match worker_result(program.program(), def, &value, self.setup.limits.payload_bytes_max) {
                    Ok(result) => Input::Completed { scheduled, attempt, result },
                    Err(failure) => Input::Failed { scheduled, attempt, failure, retry_after_ms: None },
                }
            }
            // What the answer to a heartbeat asked for.
            WorkerOutcome::Failed { failure, .. } if failure.kind == "Canceled" => {
                Input::CanceledAttempt { scheduled, attempt }
            }
            WorkerOutcome::Failed { failure, retry_after_ms } => {
                let failure = decode::reported(program.program(), def, failure).unwrap_or_else(|error| {
                    decode::lasting(
                        "BadError",
                        format!("the error that `{}` reports has wrong fields: {error}", def.name),
                    )
                });
                Input::Failed { scheduled, attempt, failure, retry_after_ms }
            }
        };
        self.apply(run, input, Then::Answer(reply), now);
    }

    /// A worker says that an attempt lives.
    pub(super) fn worker_lives(&mut self, at: AttemptRef, progress: Option<&Value>, reply: ReplyId, now: Timestamp) {
        let Some((program, activity)) = self.pending(at) else {
            return self.reply(self.last_batch(), reply, Err(refusal::attempt_gone()));
        };
        let def = &program.program().activities[usize::from(activity)];
        let max = self.setup.limits.payload_bytes_max;
        let progress = match progress.map(|value| checked_progress(program.program(), def, value, max)).transpose() {
            Ok(progress) => progress,
            Err(error) => return self.reply(0, reply, Err(error)),
        };
        let AttemptRef { run, scheduled, attempt } = at;
        let input = Input::Heartbeat { scheduled, attempt, progress };
        self.apply(run, input, Then::AnswerAlive(reply, scheduled), now);
    }

    /// Why a value cannot be the result of a pending activity.
    pub(super) fn result_refused(&self, at: AttemptRef, value: &Value) -> Option<ApiError> {
        let (program, activity) = self.pending(at)?;
        let def = &program.program().activities[usize::from(activity)];
        let failure = worker_result(program.program(), def, value, self.setup.limits.payload_bytes_max).err()?;
        Some(ApiError::new(422, "wrong_input", failure.message).at("result", "the result of the activity"))
    }

    /// Code and activity of an attempt that is the current one of its activity.
    pub(super) fn pending(&self, at: AttemptRef) -> Option<(Arc<Loaded>, u16)> {
        let open = self.runs.get(&at.run)?;
        let pending = open.run.attempt_view(at.scheduled).filter(|pending| pending.attempt == at.attempt)?;
        Some((open.run.loaded().clone(), pending.activity?))
    }
}

/// What the answer to a heartbeat says; of one that is over, to stop.
pub(super) fn told(pending: Option<&AttemptView<'_>>) -> HeartbeatReply {
    match pending {
        Some(AttemptView { cancel_requested, paused, reset, .. }) => {
            HeartbeatReply { cancel_requested: *cancel_requested, paused: *paused, reset: *reset }
        }
        None => HeartbeatReply { cancel_requested: true, ..HeartbeatReply::default() },
    }
}

/// What a heartbeat reports, in the activity's `progress` type where it declares one.
fn checked_progress(program: &Program, def: &ActivityDef, value: &Value, max: usize) -> Result<Payload, ApiError> {
    let progress = match def.progress {
        None => Payload::from(value),
        Some(ty) => {
            let canonical = wire::normalize(program, ty, value, Strictness::Lenient).map_err(|error| {
                let path = if error.path.is_empty() { "progress".into() } else { format!("progress.{}", error.path) };
                ApiError::new(422, "wrong_input", error.to_string()).at(path, error.expected.clone())
            })?;
            Payload::from(&canonical)
        }
    };
    match progress.len() {
        bytes if bytes > max => Err(refusal::too_large("the progress", bytes, "payload_bytes_max", max)),
        _ => Ok(progress),
    }
}

/// A worker's result in canonical form, or the failure of having sent something else. Another attempt would send the
/// same, so it is not retried.
fn worker_result(program: &Program, def: &ActivityDef, value: &Value, bytes_max: usize) -> Result<Payload, Failure> {
    let result = decode::result(program, def, value)
        .map_err(|e| decode::lasting("BadResult", format!("`{}` does not give its result type: {e}", def.name)))?;
    if result.len() > bytes_max {
        let bytes = result.len();
        return Err(decode::lasting(
            "TooLarge",
            format!("the result of `{}` has {bytes} bytes; the limit `payload_bytes_max` is {bytes_max}", def.name),
        ));
    }
    Ok(result)
}
