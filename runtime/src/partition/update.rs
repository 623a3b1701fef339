//! Updates of open runs: who waits for which, and what they are told. Answers leave when what they tell is durable: that
//! an update is accepted after its `UpdateAccepted`, that it is refused after the state its check has seen.

use serde_json::Value;
use weft_engine::Input;
use weft_protocol::api::{ApiError, UpdateReply, UpdateStage, UpdateStatus};
use weft_protocol::{RunId, Timestamp};

use super::Partition;
use super::ask::checked_args;
use super::request::{Answer, Key, OpenRun, Output, ReplyId, Then};
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
    pub(super) fn update(&mut self, asked: UpdateAsked, reply: ReplyId, now: Timestamp) {
        let UpdateAsked { key, name, args, update_id, stage } = asked;
        let Some((id, open)) = self.find(&key).and_then(|run| Some((run, self.runs.get_mut(&run)?))) else {
            return self.not_open(&key, reply);
        };
        if open.run.update_outcome(&name, &update_id).is_some() {
            // Whatever it was given, it is that update.
            open.updaters.push(UpdateWaiter { reply, name, update_id, stage });
            return self.answer_updaters(id);
        }
        let program = open.run.loaded().program();
        let workflow = &program.workflows[usize::from(open.run.workflow_index())];
        let max = self.setup.limits.payload_bytes_max;
        let checked = match workflow.updates.iter().find(|update| update.name == name) {
            Some(update) => checked_args(program, update.args, &args, max),
            None => {
                let has: Vec<&str> = workflow.updates.iter().map(|update| update.name.as_str()).collect();
                Err(refusal::message_not_found("update", &workflow.name, &name, &has))
            }
        };
        let args = match checked {
            Ok(args) => args,
            Err(error) => return self.reply(0, reply, Err(error)),
        };
        open.updaters.push(UpdateWaiter { reply, name: name.clone(), update_id: update_id.clone(), stage });
        let then = Then::Update(reply, update_id.clone());
        self.apply(id, Input::Update { name, args, update_id }, then, now);
    }

    /// An update was not taken: whoever sent it hears why, and waits no longer.
    pub(super) fn update_refused(&mut self, run: RunId, batch: u64, reply: ReplyId, answer: Result<Answer, ApiError>) {
        if let Some(open) = self.runs.get_mut(&run) {
            open.updaters.retain(|waiter| waiter.reply != reply);
        }
        self.reply(batch, reply, answer);
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
        outputs.push(Output::Reply(waiter.reply, Ok(Answer::Update(Box::new(outcome)))));
        false
    });
    outputs
}

/// What becomes of an update that its check refused.
pub(super) fn rejected(open: Option<&OpenRun>, update_id: String, failure: Value) -> Answer {
    let me = open.map(|open| open.run.me());
    Answer::Update(Box::new(UpdateReply {
        workflow_id: me.map(|me| me.workflow_id.to_string()).unwrap_or_default(),
        run_id: me.map(|me| me.run_id.to_string()).unwrap_or_default(),
        update_id,
        status: UpdateStatus::Rejected,
        result: None,
        failure: Some(failure),
        stuck: None,
    }))
}
