//! Attempts of activities: what an executor needs to run one, and how its end reaches the run.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use weft_bytecode::options::Target;
use weft_bytecode::types::builtin::UNIT;
use weft_bytecode::{ActivityDef, Program};
use weft_engine::Input;
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

    /// An attempt was handed to whoever runs it: its time starts now. False if it is not wanted any more.
    pub fn delivered(&mut self, attempt: AttemptRef, now: Timestamp) -> bool {
        if self.pending(attempt).is_none() {
            return false;
        }
        let input = Input::Delivered { scheduled: attempt.scheduled, attempt: attempt.attempt };
        self.apply(attempt.run, input, Then::Nothing, now);
        true
    }

    /// As [`Partition::delivered`], of an attempt that has been worked on since a time before.
    pub fn delivered_since(&mut self, attempt: AttemptRef, since: Timestamp, now: Timestamp) -> bool {
        if self.pending(attempt).is_none() {
            return false;
        }
        let input = Input::Redelivered { scheduled: attempt.scheduled, attempt: attempt.attempt, since };
        self.apply(attempt.run, input, Then::Nothing, now);
        true
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
    pub(super) fn worker_lives(&mut self, at: AttemptRef, progress: Option<Payload>, reply: ReplyId, now: Timestamp) {
        if self.pending(at).is_none() {
            return self.reply(self.last_batch(), reply, Err(refusal::attempt_gone()));
        }
        let AttemptRef { run, scheduled, attempt } = at;
        let input = Input::Heartbeat { scheduled, attempt, progress };
        self.apply(run, input, Then::AnswerAlive(reply, scheduled), now);
    }

    /// Code and activity of an attempt that is the current one of its activity.
    fn pending(&self, at: AttemptRef) -> Option<(Arc<Loaded>, u16)> {
        let open = self.runs.get(&at.run)?;
        let pending = open.run.attempt_view(at.scheduled).filter(|pending| pending.attempt == at.attempt)?;
        Some((open.run.loaded().clone(), pending.activity?))
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
