//! What may leave a partition, on its way out: answers, attempts, word to other runs, questions to the store.

use std::time::Duration;

use weft_bytecode::options::Target;
use weft_protocol::api::ApiError;
use weft_protocol::{PartitionId, Timestamp};

use super::executor::Executor;
use super::{Delivery, LoopInput};
use crate::activities::ActivityTask;
use crate::closed;
use crate::partition::attempt::Handout;
use crate::partition::request::{AttemptEnd, AttemptRef, Output, Probe, Probed, Reply, ReplyId};
use crate::refusal;
use crate::store::StoreError;

/// Pause before the store is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

impl Executor {
    /// Carries out what may leave all partitions, and what follows from that at once. Unless this node is `sure` that it
    /// still owns them, no answer leaves: a silent node may be deposed without knowing, and what it remembers old. That a
    /// run is not there or an attempt is over would be as wrong as what it holds.
    pub(super) fn carry_out(&mut self, now: Timestamp, sure: bool) {
        let (mut outputs, mut answers) = (Vec::new(), Vec::new());
        loop {
            for (id, partition) in &mut self.partitions {
                outputs.extend(partition.outputs().map(|output| (*id, output)));
            }
            if outputs.is_empty() {
                break;
            }
            for (part, output) in outputs.drain(..) {
                self.carry(part, output, now, &mut answers);
            }
        }
        if answers.is_empty() {
            return;
        }
        // Waking whoever is answered takes time that the next commit need not wait for.
        self.launch();
        for (reply, answer) in answers {
            if let Some((_, waiting)) = self.replies.remove(&reply) {
                let answer = if sure { answer } else { Err(silent()) };
                // Whoever asked may have gone; the answer is durable all the same.
                let _ = waiting.send(answer);
            }
        }
    }

    fn carry(&mut self, part: PartitionId, output: Output, now: Timestamp, answers: &mut Vec<(ReplyId, Reply)>) {
        match output {
            Output::Reply(reply, answer) => match self.deliveries.remove(&reply) {
                Some((_, waiting)) => {
                    let delivery = if answer.is_ok() { Delivery::Begins } else { Delivery::Unwanted };
                    let _ = waiting.send(delivery);
                }
                None => answers.push((reply, answer)),
            },
            Output::Dispatch(attempt) => self.dispatch(part, attempt, false, now),
            Output::DispatchAgain(attempt) => self.dispatch(part, attempt, true, now),
            Output::Stop(run, scheduled) => {
                if let Some((_, token)) = self.running.remove(&(run, scheduled)) {
                    token.cancel();
                }
            }
            Output::Send(to, message) if self.links.in_one_loop(to, part) => self.word(to, message, now),
            Output::Send(to, message) => self.links.send(to, LoopInput::Word(to, message)),
            Output::Probe(probe) => self.probe(part, *probe),
            Output::Log { run, level, text } => log(run, level, &text),
        }
    }

    /// Hands an attempt out. Builtin ones end here and now.
    fn dispatch(&mut self, part: PartitionId, attempt: AttemptRef, again: bool, now: Timestamp) {
        // Who is leaving begins nothing: the next owner will.
        if self.is_closing() {
            return;
        }
        let Some(partition) = self.partitions.get_mut(&part) else { return };
        match partition.hand_out(attempt) {
            None => {}
            Some(Handout::Done(outcome)) => partition.ended(AttemptEnd { attempt, outcome }, now),
            Some(Handout::Task(task)) => {
                let running = (attempt.attempt, task.cancel.clone());
                if let Some((_, before)) = self.running.insert((attempt.run, attempt.scheduled), running) {
                    before.cancel();
                }
                self.hand_over(part, attempt, *task, again);
            }
        }
    }

    fn hand_over(&self, part: PartitionId, attempt: AttemptRef, mut task: ActivityTask, again: bool) {
        if let Target::Queue(declared) = &task.def().options.target {
            let queue = task.options.queue.clone().unwrap_or_else(|| declared.clone());
            if again {
                let grace = u64::try_from(self.world.limits.reclaim_grace_ms).unwrap_or(0);
                self.world.queues.reserve(&queue, task, Duration::from_millis(grace));
            } else {
                self.world.queues.push(&queue, task);
            }
            return;
        }
        let (world, links) = (self.world.clone(), self.links.clone());
        tokio::spawn(async move {
            let slot = world.executors.admit(&task).await;
            // Its time runs from here on; and it may have been canceled while it waited for room.
            loop {
                match links.deliver(attempt).await {
                    Delivery::Begins => break,
                    Delivery::Unwanted => return,
                    Delivery::NotNow => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
            task.deadline = task.options.timeout_ms.map(|timeout| world.clock.now().plus_ms(timeout));
            let outcome = world.executors.run(task, slot).await;
            links.send(part, LoopInput::Ended(AttemptEnd { attempt, outcome }));
        });
    }

    /// Asks the store for a closed run, until it answers or says that it never will.
    fn probe(&self, part: PartitionId, probe: Probe) {
        let (world, links) = (self.world.clone(), self.links.clone());
        let stop = world.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            let found = loop {
                let (journal, namespace) = (&*world.journal, probe.asker.namespace());
                match closed::find(journal, part, namespace, &probe.workflow_id, probe.run_id).await {
                    Err(StoreError::Unavailable(_) | StoreError::Conflict) => tokio::time::sleep(ASK_AGAIN).await,
                    answered => break answered,
                }
            };
            links.send(part, LoopInput::Probed(part, Box::new(Probed { probe, found })));
        }));
    }
}

/// For answers that this node is not sure to be allowed to give.
pub(super) fn silent() -> ApiError {
    refusal::store_away("this node has not reached it for longer than its lease")
}

fn log(run: weft_protocol::RunId, level: u8, text: &str) {
    match level {
        0 => tracing::debug!(target: "weft::workflow", %run, "{text}"),
        1 => tracing::info!(target: "weft::workflow", %run, "{text}"),
        2 => tracing::warn!(target: "weft::workflow", %run, "{text}"),
        _ => tracing::error!(target: "weft::workflow", %run, "{text}"),
    }
}
