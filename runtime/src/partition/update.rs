//! Updates of open runs: who waits for which, and what they are told. Answers leave when what they tell is durable: that
//! an update is accepted after its `UpdateAccepted`, that it is refused after the state its check has seen.

use serde_json::Value;
use weft_engine::{Input, Run};
use weft_protocol::api::{ApiError, UpdateReply, UpdateStage, UpdateStatus};
use weft_protocol::event::RunRef;
use weft_protocol::{Failure, RunId, Timestamp, WorkflowId};

use super::Partition;
use super::ask::checked_update;
use super::request::{Answer, Key, OpenRun, Output, ReplyId, Then, With};
use crate::refusal;

/// Who waits for an update of an open run.
#[derive(Debug)]
pub(super) struct UpdateWaiter {
    /// Whom to answer.
    pub(super) reply: ReplyId,
    /// Which update.
    name: String,
    update_id: String,
    /// How far it has to come.
    stage: UpdateStage,
    /// How it was sent.
    sent: Sent,
}

impl UpdateWaiter {
    /// Whether a run has the update.
    pub(super) fn is_of(&self, run: &Run) -> bool {
        run.update_outcome(&self.name, &self.update_id).is_some()
    }
}

/// How an update was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// To a run.
    Alone,
    /// With the start that began its run.
    Starting,
    /// With a start that has joined its run.
    Joining,
}

impl Sent {
    /// The answer to whoever sent it.
    fn answer(self, run: RunRef, update: UpdateReply) -> Answer {
        let update = Box::new(update);
        match self {
            Sent::Alone => Answer::Update(update),
            Sent::Starting => Answer::Started { run, started: true, update: Some(update) },
            Sent::Joining => Answer::Started { run, started: false, update: Some(update) },
        }
    }
}

/// An update as it is asked for.
#[derive(Debug, Clone)]
pub struct UpdateAsked {
    /// To.
    pub key: Key,
    /// Name.
    pub name: String,
    /// Parameters by name, not checked yet.
    pub args: Value,
    /// Names it within the run.
    pub update_id: String,
    /// How far the answer waits.
    pub stage: UpdateStage,
}

impl Partition {
    /// Takes an update, or waits for the one that has the id.
    pub(super) fn update(&mut self, asked: UpdateAsked, sent: Sent, reply: ReplyId, now: Timestamp) {
        let UpdateAsked { key, name, args, update_id, stage } = asked;
        let Some((id, open)) = self.find(&key).and_then(|run| Some((run, self.runs.get_mut(&run)?))) else {
            return self.not_open(&key, reply);
        };
        if open.run.update_outcome(&name, &update_id).is_some() {
            // Whatever it was given, it is that update.
            open.updaters.push(UpdateWaiter { reply, name, update_id, stage, sent });
            return self.answer_updaters(id);
        }
        let (loaded, workflow, max) =
            (open.run.loaded(), open.run.workflow_index(), self.setup.limits.payload_bytes_max);
        let args = match checked_update(loaded.program(), workflow, &name, &args, max) {
            Ok(args) => args,
            Err(error) => return self.reply(0, reply, Err(error)),
        };
        open.updaters.push(UpdateWaiter { reply, name: name.clone(), update_id: update_id.clone(), stage, sent });
        let then = Then::Update(reply, update_id.clone(), sent);
        self.apply(id, Input::Update { name, args, update_id }, then, now);
    }

    /// An update was not taken: whoever sent it hears why, and waits no longer.
    pub(super) fn update_refused(
        &mut self,
        run: RunId,
        gone: Option<&WorkflowId>,
        batch: u64,
        reply: ReplyId,
        (update_id, sent): (String, Sent),
        why: Result<Value, ApiError>,
    ) {
        let open = self.runs.get_mut(&run);
        let me = open.map(|open| {
            open.updaters.retain(|waiter| waiter.reply != reply);
            open.run.me().clone()
        });
        let answer = match (why, sent) {
            (Ok(failure), _) => Ok(failure),
            // Its run is there, whatever became of it.
            (Err(error), Sent::Starting) => Ok(Failure::new(&error.code, error.message).to_json()),
            (Err(error), _) => Err(error),
        };
        let gone = || gone.cloned().unwrap_or_else(|| WorkflowId::from(""));
        let me = me.unwrap_or_else(|| RunRef { workflow_id: gone(), run_id: run });
        let answer = answer.map(|failure| sent.answer(me.clone(), rejected(&me, update_id, failure)));
        self.reply(batch, reply, answer);
    }

    /// Sends the update of a start to the run that the start has found or begun.
    pub(super) fn update_started(&mut self, run: RunRef, with: With, sent: Sent, reply: ReplyId, now: Timestamp) {
        let With::Update { name, args, update_id } = with else { return };
        let batch = self.last_batch();
        let Some(namespace) = self.runs.get(&run.run_id).map(|open| open.namespace.clone()) else {
            // It has ended in its first step.
            let error = refusal::run_closed(run.workflow_id.as_str());
            let failure = Failure::new(&error.code, error.message).to_json();
            let update = rejected(&run, update_id, failure);
            return self.reply(batch, reply, Ok(sent.answer(run, update)));
        };
        let key = Key { namespace, workflow_id: run.workflow_id, run_id: Some(run.run_id) };
        let asked = UpdateAsked { key, name, args, update_id, stage: UpdateStage::Accepted };
        self.update(asked, sent, reply, now);
    }

    /// Whoever waits for an update that has come far enough is told.
    pub(super) fn answer_updaters(&mut self, id: RunId) {
        let Some(open) = self.runs.get_mut(&id).filter(|open| !open.updaters.is_empty()) else { return };
        let batch = open.batch;
        for output in answers(open) {
            self.hold(batch, output);
        }
    }
}

/// What the waiters of a run can be told now; they wait no longer. One whose update is not taken yet waits on.
pub(super) fn answers(open: &mut OpenRun) -> Vec<Output> {
    let run = &open.run;
    let mut outputs = Vec::new();
    open.updaters.retain(|waiter| {
        let Some(outcome) = run.update_outcome(&waiter.name, &waiter.update_id) else { return true };
        if outcome.status == UpdateStatus::Accepted && waiter.stage == UpdateStage::Completed {
            return true;
        }
        outputs.push(Output::Reply(waiter.reply, Ok(waiter.sent.answer(run.me().clone(), outcome))));
        false
    });
    outputs
}

/// What becomes of an update that is refused.
fn rejected(run: &RunRef, update_id: String, failure: Value) -> UpdateReply {
    UpdateReply {
        workflow_id: run.workflow_id.to_string(),
        run_id: run.run_id.to_string(),
        update_id,
        status: UpdateStatus::Rejected,
        result: None,
        failure: Some(failure),
        stuck: None,
    }
}
