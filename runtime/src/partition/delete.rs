//! Forgetting an id: its open run is ended, and then it is as if no run had ever had it.

use weft_engine::{Input, Record};
use weft_protocol::{RunId, Timestamp};

use super::request::{Answer, Key, ReplyId, Then};
use super::{Partition, name_hash};
use crate::refusal;
use crate::store::DeletedId;

impl Partition {
    /// Ends the open run of an id and forgets all runs of it, in one commit.
    pub(super) fn delete(&mut self, key: &Key, reply: ReplyId, now: Timestamp) {
        let name = (key.namespace.clone(), key.workflow_id.clone());
        let closed = self.closed_ids.get(&name_hash(&key.namespace, key.workflow_id.as_str())).copied();
        if let Some(open) = self.names.get(&name).copied() {
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
