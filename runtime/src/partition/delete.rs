//! Forgetting an id: its open run is ended, and then it is as if no run had ever had it.

use std::collections::VecDeque;

use weft_engine::{Input, Record};
use weft_protocol::{RunId, Timestamp};

use super::request::{Answer, Key, ReplyId, Then};
use super::{Partition, name_hash};
use crate::refusal;
use crate::store::DeletedId;

/// Deletes that are remembered one by one.
const DELETES_KEPT: usize = 1_000;

/// What was deleted of late, for whoever read a history before: of an id that was deleted since, it is no history any more.
#[derive(Debug)]
pub(super) struct Deletes {
    /// Number of the newest. It begins far above all numbers of the owner before.
    newest: u64,
    /// The hashes of the newest names, oldest first.
    names: VecDeque<u64>,
}

impl Deletes {
    pub(super) fn new(epoch: u64) -> Deletes {
        Deletes { newest: epoch << 32, names: VecDeque::new() }
    }

    /// What somebody is to bring back who reads a history from now on.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    fn note(&mut self, name: u64) {
        self.newest += 1;
        self.names.push_back(name);
        if self.names.len() > DELETES_KEPT {
            self.names.pop_front();
        }
    }

    /// Whether a name may have been deleted since the newest delete was this one.
    pub(super) fn perhaps_since(&self, then: u64, name: u64) -> bool {
        let since = self.newest.checked_sub(then).and_then(|since| usize::try_from(since).ok());
        let known = since.filter(|since| *since <= self.names.len());
        known.is_none_or(|since| self.names.iter().rev().take(since).any(|deleted| *deleted == name))
    }
}

impl Partition {
    /// Ends the open run of an id and forgets all runs of it, in one commit. By a run only if it is the newest: else another
    /// would go along, an open one perhaps, that nobody meant.
    pub(super) fn delete(&mut self, key: &Key, reply: ReplyId, now: Timestamp) {
        let name = (key.namespace.clone(), key.workflow_id.clone());
        let hash = name_hash(&key.namespace, key.workflow_id.as_str());
        let closed = self.closed_ids.get(&hash).copied();
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
        self.deletes.note(hash);
        self.writer.record(upto, &Record::Deleted { namespace: namespace.clone(), workflow_id: workflow_id.clone() });
        self.deleted.push(DeletedId { namespace, workflow_id, upto });
        self.deleted_in = self.batch;
        self.reply(self.batch, reply, Ok(Answer::Done));
    }
}
