//! Where what may leave the partitions of a sandbox ends: in its memory, for whoever drives it.

use std::collections::BTreeMap;

use weft_bytecode::options::Target;
use weft_protocol::{EventId, PartitionId, RunId, Timestamp};

use super::Sandbox;
use crate::activities::ActivityTask;
use crate::carry::Outside;
use crate::partition::Partition;
use crate::partition::request::{AttemptRef, Message, Probe, Reply, ReplyId};

impl Sandbox {
    /// Gives an attempt to whoever works on it, if it may be begun with.
    pub(super) fn begin(&mut self, task: ActivityTask) {
        let attempt = AttemptRef { run: task.run.run_id, scheduled: task.scheduled, attempt: task.attempt };
        let since = self.since.as_mut().map(|known| {
            let at = known.entry((attempt.run, attempt.scheduled)).or_insert((attempt.attempt, self.now));
            if at.0 != attempt.attempt {
                *at = (attempt.attempt, self.now);
            }
            at.1
        });
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.handing.insert(reply, task);
        if let Some(partition) = self.partitions.get_mut(&attempt.run.partition()) {
            partition.deliver(attempt, since, reply, self.now);
        }
    }

    pub(super) fn answered(&mut self, reply: ReplyId, answer: Reply) {
        match self.handing.remove(&reply) {
            Some(task) if answer.is_ok() => {
                self.attempts.insert((task.run.run_id, task.scheduled), task);
            }
            Some(_) => {}
            None => {
                self.replies.insert(reply, answer);
            }
        }
    }
}

impl Outside for Sandbox {
    fn partitions(&mut self) -> &mut BTreeMap<PartitionId, Partition> {
        &mut self.partitions
    }

    fn reply(&mut self, reply: ReplyId, answer: Reply) {
        self.answered(reply, answer);
    }

    fn hands_out(&self) -> bool {
        true
    }

    fn hand_over(&mut self, attempt: AttemptRef, task: ActivityTask, again: bool, _now: Timestamp) {
        let place = (attempt.run, attempt.scheduled);
        // Who works for a queue hears of a cancel in the answer to a heartbeat; whoever looks at the task alone hears it
        // from the task, after a restart as before.
        if again && self.partitions.get(&attempt.run.partition()).is_some_and(|partition| partition.is_to_stop(attempt))
        {
            task.cancel.cancel();
        }
        match &mut self.waiting {
            Some(waiting) if of_queue(&task) && self.taken.get(&place) != Some(&attempt.attempt) => {
                waiting.insert(place, task);
            }
            _ => self.begin(task),
        }
    }

    fn stop(&mut self, run: RunId, scheduled: EventId) {
        if let Some(waiting) = &mut self.waiting {
            waiting.remove(&(run, scheduled));
        }
        // Whoever works on it may still say how it ended.
        let handing = self.handing.values().filter(|task| (task.run.run_id, task.scheduled) == (run, scheduled));
        handing.chain(self.attempts.get(&(run, scheduled))).for_each(|task| task.cancel.cancel());
    }

    fn send(&mut self, _from: PartitionId, to: PartitionId, message: Message, now: Timestamp) {
        if let Some(partition) = self.partitions.get_mut(&to) {
            partition.receive(message, now);
        }
    }

    fn probe(&mut self, part: PartitionId, probe: Probe) {
        self.probes.push((part, probe));
    }

    fn log(&mut self, run: RunId, level: u8, text: String) {
        self.logs.push((run, level, text));
    }
}

pub(super) fn of_queue(task: &ActivityTask) -> bool {
    matches!(task.def().options.target, Target::Queue(_))
}
