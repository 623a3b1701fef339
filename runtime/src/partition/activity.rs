//! What somebody outside does to a pending activity that he names by its run: end it, keep it alive, steer it.

use weft_engine::Input;
use weft_protocol::api::ApiError;
use weft_protocol::{EventId, RunId, Timestamp};

use super::Partition;
use super::request::{AttemptRef, Key, Output, ReplyId, Then, WorkerOutcome};
use crate::api::{ActivityAct, ActivityKey};
use crate::refusal;

impl Partition {
    pub(super) fn on_activity(
        &mut self,
        key: &Key,
        which: &ActivityKey,
        act: ActivityAct,
        reply: ReplyId,
        now: Timestamp,
    ) {
        let Some(run) = self.find(key) else { return self.not_open(key, reply) };
        let at = match self.named(run, key, which) {
            Ok(at) => at,
            // That it has ended may not be durable yet.
            Err(error) => {
                let batch = self.runs.get(&run).map_or(self.last_batch(), |open| open.batch);
                return self.reply(batch, reply, Err(error));
            }
        };
        match act {
            // A worker that sends something else is wrong for good; a person has mistyped.
            ActivityAct::Complete { result } => match self.result_refused(at, &result) {
                Some(error) => self.reply(0, reply, Err(error)),
                None => self.settle(at, WorkerOutcome::Completed(result), reply, now),
            },
            ActivityAct::Fail { failure, retry_after_ms } => {
                self.settle(at, WorkerOutcome::Failed { failure, retry_after_ms }, reply, now);
            }
            ActivityAct::Heartbeat { progress } => match self.not_begun(at, &which.name) {
                Some(error) => self.reply(self.last_batch(), reply, Err(error)),
                None => self.worker_lives(at, progress.as_ref(), reply, now),
            },
            ActivityAct::Steer(steer) => {
                let scheduled = at.scheduled;
                self.apply(run, Input::Steer { scheduled, steer }, Then::AnswerAlive(reply, scheduled), now);
            }
        }
    }

    /// Why there is no sign of life of an attempt: it waits for somebody to begin with it, who would get it all the same.
    /// A worker that has begun says so by its token, also when that was forgotten in a crash.
    fn not_begun(&self, at: AttemptRef, name: &str) -> Option<ApiError> {
        let pending = self.runs.get(&at.run)?.run.attempt_view(at.scheduled)?;
        (!pending.begun).then(|| refusal::not_begun(name, at.attempt, pending.next_at))
    }

    /// Ends an attempt for whoever knows how it ends; whoever works on it is told to stop.
    fn settle(&mut self, at: AttemptRef, outcome: WorkerOutcome, reply: ReplyId, now: Timestamp) {
        self.worker_ended(at, outcome, reply, now);
        if self.pending(at).is_none() {
            let batch = self.runs.get(&at.run).map_or(self.last_batch(), |open| open.batch);
            self.hold(batch, Output::Stop(at.run, at.scheduled));
        }
    }

    /// The current attempt of the activity that is meant.
    fn named(&self, run: RunId, key: &Key, which: &ActivityKey) -> Result<AttemptRef, ApiError> {
        let not_found = |known: &[(EventId, &str)]| refusal::activity_not_found(key.workflow_id.as_str(), which, known);
        let Some(open) = self.runs.get(&run) else { return Err(not_found(&[])) };
        let all: Vec<(EventId, &str)> = open.run.pending().collect();
        let meant =
            |(id, name): &&(EventId, &str)| *name == which.name && which.event.is_none_or(|event| event == id.0);
        let named: Vec<&(EventId, &str)> = all.iter().filter(meant).collect();
        match named.as_slice() {
            [] => Err(not_found(&all)),
            [(scheduled, _)] => {
                let attempt = open.run.attempt_view(*scheduled).map_or(0, |pending| pending.attempt);
                Ok(AttemptRef { run, scheduled: *scheduled, attempt })
            }
            several => {
                let events: Vec<u64> = several.iter().map(|(id, _)| id.0).collect();
                Err(refusal::activity_ambiguous(&which.name, &events))
            }
        }
    }
}
