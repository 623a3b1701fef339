//! What may leave partitions, carried to where it goes. Written once: the loops of a node and the sandbox differ in where
//! that is, not in what happens on the way.

use std::collections::BTreeMap;

use weft_protocol::{EventId, PartitionId, RunId, Timestamp};

use crate::activities::ActivityTask;
use crate::partition::Partition;
use crate::partition::attempt::Handout;
use crate::partition::request::{AttemptEnd, AttemptRef, Message, Output, Probe, Reply, ReplyId};

/// Who drives some partitions, and what is around them.
pub(crate) trait Outside {
    /// The partitions, in order, so that what several of them decide at once leaves in the same order everywhere.
    fn partitions(&mut self) -> &mut BTreeMap<PartitionId, Partition>;
    /// An answer for whoever asked.
    fn reply(&mut self, reply: ReplyId, answer: Reply);
    /// Whether attempts may begin: who is leaving begins nothing, the next owner will.
    fn hands_out(&self) -> bool;
    /// An attempt for an executor or a worker; `again` if whoever had it before a restart may still be at work.
    fn hand_over(&mut self, attempt: AttemptRef, task: ActivityTask, again: bool, now: Timestamp);
    /// Attempts of an activity are to stop.
    fn stop(&mut self, run: RunId, scheduled: EventId);
    /// Word from one partition for a run of another, or of the same.
    fn send(&mut self, from: PartitionId, to: PartitionId, message: Message, now: Timestamp);
    /// A question to the store.
    fn probe(&mut self, part: PartitionId, probe: Probe);
    /// A line that a program logged.
    fn log(&mut self, run: RunId, level: u8, text: String);
}

/// Carries out what may leave all partitions, and what follows from that at once; true if there was anything.
pub(crate) fn carry_out(outside: &mut impl Outside, now: Timestamp) -> bool {
    let (mut moved, mut outputs) = (false, Vec::new());
    loop {
        for (id, partition) in outside.partitions() {
            outputs.extend(partition.outputs().map(|output| (*id, output)));
        }
        if outputs.is_empty() {
            return moved;
        }
        moved = true;
        for (part, output) in outputs.drain(..) {
            carry(outside, part, output, now);
        }
    }
}

fn carry(outside: &mut impl Outside, part: PartitionId, output: Output, now: Timestamp) {
    match output {
        Output::Reply(reply, answer) => outside.reply(reply, answer),
        Output::Dispatch(attempt) => dispatch(outside, part, attempt, false, now),
        Output::DispatchAgain(attempt) => dispatch(outside, part, attempt, true, now),
        Output::Stop(run, scheduled) => outside.stop(run, scheduled),
        Output::Send(to, message) => outside.send(part, to, message, now),
        Output::Probe(probe) => outside.probe(part, *probe),
        Output::Log { run, level, text } => outside.log(run, level, text),
    }
}

/// Hands an attempt out. Builtin ones end here and now.
fn dispatch(outside: &mut impl Outside, part: PartitionId, attempt: AttemptRef, again: bool, now: Timestamp) {
    if !outside.hands_out() {
        return;
    }
    let Some(partition) = outside.partitions().get_mut(&part) else { return };
    match partition.hand_out(attempt) {
        None => {}
        Some(Handout::Done(outcome)) => partition.ended(AttemptEnd { attempt, outcome }, now),
        Some(Handout::Task(task)) => outside.hand_over(attempt, *task, again, now),
    }
}
