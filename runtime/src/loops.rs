//! Executor loops: each owns some partitions and one lane, brings them what arrives, and carries out what may leave.
//! One append of a loop flies at a time; while it does, the next one fills.

mod carry;
mod executor;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use weft_protocol::api::ApiError;
use weft_protocol::limits::Limits;
use weft_protocol::{PartitionId, WorkflowId};

use crate::activities::Executors;
use crate::activities::queue::TaskQueues;
use crate::clock::Clock;
use crate::ownership::Lease;
use crate::partition::Partition;
use crate::partition::request::{AttemptEnd, AttemptRef, Key, Message, Probed, Reply, Request};
use crate::store::{Journal, StoreError};

/// What a loop is sent.
#[derive(Debug)]
pub(crate) enum LoopInput {
    /// Ask a partition.
    Ask(PartitionId, Request, oneshot::Sender<Reply>),
    /// Word between runs.
    Word(PartitionId, Message),
    /// The store has answered a probe.
    Probed(PartitionId, Box<Probed>),
    /// An executor ended an attempt.
    Ended(AttemptEnd),
    /// Somebody is about to get an attempt; answers whether it may.
    Delivered(AttemptRef, oneshot::Sender<Delivery>),
    /// Own these partitions.
    Open(Vec<Partition>),
    /// Write what is decided, then let go of every partition; answers when that is done. Whoever waits for one of them,
    /// or asks meanwhile, is told why.
    Close(ApiError, oneshot::Sender<()>),
}

/// Whether an attempt may be handed to whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is theirs, its time runs.
    Begins,
    /// Its activity has ended, or another attempt has begun.
    Unwanted,
    /// This node cannot tell whether it still owns the run: not before it knows.
    NotNow,
}

/// What the loops tell the node.
#[derive(Debug)]
pub(crate) enum LoopEvent {
    /// The store says that another node owns these partitions.
    Deposed(Vec<PartitionId>),
    /// The store is broken for these partitions; they stay stopped.
    Broken(Vec<PartitionId>, StoreError),
    /// The loop of these partitions ended by a bug; the store is as it was.
    Died(Vec<PartitionId>),
}

/// What all loops of a node share. A loop reports at most once for each partition it has, and a partition comes back only
/// after the node has read the reports: `events` needs no bound.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) executors: Executors,
    pub(crate) queues: TaskQueues,
    pub(crate) lease: Arc<Lease>,
    /// Whether the store does not answer appends.
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) events: mpsc::UnboundedSender<LoopEvent>,
    /// The node has ended: nothing runs on.
    pub(crate) stop: CancellationToken,
}

/// Ways to the loops. Clones share them.
///
/// The channels have no bound of their own. A loop takes everything that has arrived in each turn and never waits for the
/// store, so what stands in its channel is what came during one turn; and each sender is bounded elsewhere: `Ask` is one
/// caller who waits for the answer, that is one open HTTP request; `Ended`, `Delivered` and `Probed` are one attempt or
/// start that the loop itself let out; `Word` comes from runs whose commands are limited (`pending_commands_max`). Loops
/// that could wait for each other's full channels could wait for ever. What grows while the store is away is what is
/// decided, and that is what `pending_bytes_max` limits: above it new work is refused and runs do not go on by themselves.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    senders: Arc<[mpsc::UnboundedSender<LoopInput>]>,
    partitions: u16,
    next: Arc<AtomicUsize>,
    /// Held while partitions are being handed to the loops: none of them acts before all have theirs.
    opening: Arc<Mutex<()>>,
}

impl Links {
    /// Starts the loops.
    pub(crate) fn start(world: &Arc<World>, count: usize) -> Links {
        let partitions = world.journal.partitions();
        let count = count.clamp(1, usize::from(partitions.max(1)));
        let (senders, inputs): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::unbounded_channel()).unzip();
        let links = Links { senders: senders.into(), partitions, next: Arc::default(), opening: Arc::default() };
        for (index, input) in inputs.into_iter().enumerate() {
            let running = tokio::spawn(executor::run(world.clone(), links.clone(), input));
            let (events, all) = (world.events.clone(), (0..partitions).map(PartitionId));
            let theirs: Vec<PartitionId> = all.filter(|part| links.index(*part) == index).collect();
            tokio::spawn(async move {
                // A node without one of its loops must not look as if it served.
                if running.await.is_err() {
                    let _ = events.send(LoopEvent::Died(theirs));
                }
            });
        }
        links
    }

    /// Number of partitions of the store.
    pub(crate) fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The partition of a workflow id.
    pub(crate) fn partition_of(&self, namespace: &str, workflow_id: &WorkflowId) -> PartitionId {
        crate::partition::partition_of(namespace, workflow_id.as_str(), self.partitions)
    }

    /// The partition of a key.
    pub(crate) fn partition_of_key(&self, key: &Key) -> PartitionId {
        self.partition_of(&key.namespace, &key.workflow_id)
    }

    /// Some partition, another one each time.
    pub(crate) fn any_partition(&self) -> PartitionId {
        PartitionId((self.next.fetch_add(1, Ordering::Relaxed) % usize::from(self.partitions)) as u16)
    }

    /// Asks a partition, at once, and gives the wait for the answer.
    pub(crate) fn ask(&self, part: PartitionId, request: Request) -> impl Future<Output = Reply> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.send(part, LoopInput::Ask(part, request, answer));
        async { answered.await.unwrap_or_else(|_| Err(crate::refusal::shutting_down())) }
    }

    /// Sends to the loop of a partition. A loop that has ended takes nothing; whoever waits for an answer sees that.
    pub(crate) fn send(&self, part: PartitionId, input: LoopInput) {
        let _ = self.senders[self.index(part)].send(input);
    }

    /// Says that an attempt is being handed to whoever runs it, and asks whether it may.
    pub(crate) async fn deliver(&self, attempt: AttemptRef) -> Delivery {
        let part = attempt.run.partition();
        if part.0 >= self.partitions {
            return Delivery::Unwanted;
        }
        let (answer, answered) = oneshot::channel();
        self.send(part, LoopInput::Delivered(attempt, answer));
        answered.await.unwrap_or(Delivery::Unwanted)
    }

    /// Opens partitions, each in its loop: word between them never comes before the partition it is for.
    pub(crate) fn open(&self, partitions: Vec<Partition>) {
        let mut by_loop: Vec<Vec<Partition>> = self.senders.iter().map(|_| Vec::new()).collect();
        for partition in partitions {
            by_loop[self.index(partition.id())].push(partition);
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        for (sender, partitions) in self.senders.iter().zip(by_loop) {
            let _ = sender.send(LoopInput::Open(partitions));
        }
    }

    /// Returns when every loop has been sent the partitions that are being opened.
    fn all_sent(&self) {
        drop(self.opening.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets all partitions go, after what is decided is written. Whoever waits for one of them is told `why`.
    pub(crate) async fn close(&self, why: &ApiError) {
        let mut closed = Vec::new();
        for sender in self.senders.iter() {
            let (done, is_done) = oneshot::channel();
            if sender.send(LoopInput::Close(why.clone(), done)).is_ok() {
                closed.push(is_done);
            }
        }
        for is_done in closed {
            let _ = is_done.await;
        }
    }

    /// Whether one loop has both partitions.
    fn in_one_loop(&self, a: PartitionId, b: PartitionId) -> bool {
        self.index(a) == self.index(b)
    }

    fn index(&self, part: PartitionId) -> usize {
        usize::from(part.0) % self.senders.len()
    }
}
