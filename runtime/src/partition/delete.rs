//! Forgetting an id: its open run is ended, and then it is as if no run had ever had it.

use weft_engine::{Input, Record};
use weft_protocol::{RunId, Timestamp};

use super::request::{Answer, Key, ReplyId, Then};
use super::{Partition, name_hash};
use crate::refusal;
use crate::store::DeletedId;

impl Partition {
    /// Ends the open run of an id and forgets all runs of it, in one commit. By a run only if it is the newest: else another
    /// would go along, an open one perhaps, that nobody meant.
    pub(super) fn delete(&mut self, key: &Key, reply: ReplyId, now: Timestamp) {
        let name = (key.namespace.clone(), key.workflow_id.clone());
        let closed = self.closed_ids.get(&name_hash(&key.namespace, key.workflow_id.as_str())).copied();
        let open = self.names.get(&name).copied();
        if let (Some(meant), Some(newest)) = (key.run_id, open.or(closed))
            && newest > meant
        {
            let refused = refusal::newer_run(key.workflow_id.as_str(), &newest.to_string());
            return self.reply(self.last_batch(), reply, Err(refused));
        }
        if let Some(open) = open {
            let reason = "deleted".to_owned();
            self.apply(open, Input::Terminate { reason, from: None, next_run: None }, Then::Nothing, now);
        } else if closed.is_none() {
            return self.reply(0, reply, Err(refusal::run_not_found(key.workflow_id.as_str(), None)));
        }
        // Whatever has the id was begun before now.
        let upto = RunId::new(self.id, self.counter.saturating_sub(1));
        let (namespace, workflow_id) = (key.namespace.to_string(), key.workflow_id.clone());
        self.starts.forget(&namespace, &workflow_id);
        self.closing.remove(&name);
        self.writer.record(upto, &Record::Deleted { namespace: namespace.clone(), workflow_id: workflow_id.clone() });
        self.deleted.push(DeletedId { namespace, workflow_id, upto });
        self.deleted_in = self.batch;
        self.reply(self.batch, reply, Ok(Answer::Done));
    }
}
