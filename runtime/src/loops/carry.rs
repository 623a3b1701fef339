//! Where what may leave a partition goes on a node: to callers, workers, executors, other loops, the store.

use std::collections::BTreeMap;
use std::time::Duration;

use weft_bytecode::options::Target;
use weft_protocol::api::ApiError;
use weft_protocol::{EventId, PartitionId, RunId, Timestamp};

use super::executor::Executor;
use super::{Delivery, LoopInput};
use crate::activities::ActivityTask;
use crate::carry::{self, Outside};
use crate::closed;
use crate::partition::Partition;
use crate::partition::request::{AttemptEnd, AttemptRef, Message, Probe, Probed, Reply, ReplyId};
use crate::refusal;
use crate::store::StoreError;
use crate::telemetry::WORKFLOW_LOG;

/// Pause before the store is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

impl Executor {
    /// Carries out what may leave all partitions, and what follows from that at once. Unless this node is `sure` that it
    /// still owns them, no answer leaves: a silent node may be deposed without knowing, and what it remembers old. That a
    /// run is not there or an attempt is over would be as wrong as what it holds.
    pub(super) fn carry_out(&mut self, now: Timestamp, sure: bool) {
        carry::carry_out(self, now);
        if self.answers.is_empty() {
            return;
        }
        // Waking whoever is answered takes time that the next commit need not wait for.
        self.launch();
        for (reply, answer) in std::mem::take(&mut self.answers) {
            if let Some((_, waiting)) = self.replies.remove(&reply) {
                let answer = if sure { answer } else { Err(silent()) };
                // Whoever asked may have gone; the answer is durable all the same.
                let _ = waiting.send(answer);
            } else if let Some((_, waiting)) = self.deliveries.remove(&reply) {
                // An attempt that two nodes let begin runs twice, and one that a deposed node calls unwanted is a task
                // that its worker drops: like every other answer, neither leaves without a lease. Whoever is told to
                // wait asks again, and an attempt that was let begin already may.
                let delivery = match answer {
                    _ if !sure => Delivery::NotNow,
                    Ok(_) => Delivery::Begins,
                    Err(_) => Delivery::Unwanted,
                };
                let _ = waiting.send(delivery);
            }
        }
    }
}

impl Outside for Executor {
    fn partitions(&mut self) -> &mut BTreeMap<PartitionId, Partition> {
        &mut self.partitions
    }

    fn reply(&mut self, reply: ReplyId, answer: Reply) {
        self.answers.push((reply, answer));
    }

    fn hands_out(&self) -> bool {
        !self.is_closing()
    }

    fn hand_over(&mut self, attempt: AttemptRef, mut task: ActivityTask, again: bool, _now: Timestamp) {
        let running = (attempt.attempt, task.cancel.clone());
        if let Some((_, before)) = self.running.insert((attempt.run, attempt.scheduled), running) {
            before.cancel();
        }
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
            links.send(attempt.run.partition(), LoopInput::Ended(AttemptEnd { attempt, outcome }));
        });
    }

    fn stop(&mut self, run: RunId, scheduled: EventId) {
        if let Some((_, token)) = self.running.remove(&(run, scheduled)) {
            token.cancel();
        }
    }

    fn send(&mut self, from: PartitionId, to: PartitionId, message: Message, now: Timestamp) {
        if self.links.in_one_loop(to, from) {
            self.word(to, message, now);
        } else {
            self.links.send(to, LoopInput::Word(to, message));
        }
    }

    /// Asks the store for a closed run, until it answers or says that it never will.
    fn probe(&mut self, part: PartitionId, probe: Probe) {
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

    fn log(&mut self, run: RunId, level: u8, text: String) {
        match level {
            0 => tracing::debug!(target: WORKFLOW_LOG, %run, "{text}"),
            1 => tracing::info!(target: WORKFLOW_LOG, %run, "{text}"),
            2 => tracing::warn!(target: WORKFLOW_LOG, %run, "{text}"),
            _ => tracing::error!(target: WORKFLOW_LOG, %run, "{text}"),
        }
    }
}

/// For answers that this node is not sure to be allowed to give.
pub(super) fn silent() -> ApiError {
    refusal::store_away("this node has not reached it for longer than its lease")
}
