//! One executor loop: inputs in, appends out, and everything else only after the commit.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use weft_protocol::api::ApiError;
use weft_protocol::{EventId, PartitionId, RunId, Timestamp};

use super::{Delivery, Links, LoopEvent, LoopInput, World};
use crate::commit::{AppendLane, Outcome};
use crate::partition::Partition;
use crate::partition::request::{AttemptRef, Message, Reply, ReplyId, Request, StartedBy};
use crate::refusal;
use crate::store::Append;

/// Inputs taken in one turn, so that an append is never far away.
const INPUTS_MAX: usize = 4_096;
/// Alarms fired in one turn.
const ALARMS_MAX: usize = 4_096;
/// Alarms fired before it is looked again how much waits for the store.
const ALARMS_AT_ONCE: usize = 64;
/// Waiting answers below this are not worth clearing out.
const CLEAR_FROM: usize = 4_096;

/// A loop's state.
pub(super) struct Executor {
    pub(super) world: Arc<World>,
    pub(super) links: Links,
    /// In order, so that what several of them decide in one turn leaves in the same order everywhere.
    pub(super) partitions: BTreeMap<PartitionId, Partition>,
    /// The lane; away with the append that flies.
    lane: Option<AppendLane>,
    flight: Option<BoxFuture<'static, Landed>>,
    /// Who waits for which answer, and of which partition.
    pub(super) replies: FxHashMap<ReplyId, (PartitionId, oneshot::Sender<Reply>)>,
    /// Who waits to be given an attempt.
    pub(super) deliveries: FxHashMap<ReplyId, (PartitionId, oneshot::Sender<Delivery>)>,
    /// Answers that leave at the end of the present step.
    pub(super) answers: Vec<(ReplyId, Reply)>,
    next_reply: u64,
    /// Attempts that are running or wait for a worker, to be told to stop.
    pub(super) running: FxHashMap<(RunId, EventId), (u32, CancellationToken)>,
    /// Number of waiting answers at which those nobody waits for any more are cleared out.
    clear_at: usize,
    /// Who waits until this loop has let everything go, and why it does.
    closing: Vec<(ApiError, oneshot::Sender<()>)>,
    /// Emptied append, for its memory.
    spare: Append,
}

/// An append whose outcome is known.
struct Landed {
    lane: AppendLane,
    append: Append,
    parts: Vec<PartitionId>,
    outcome: Outcome,
}

/// Runs a loop until the node ends. An append that flies then was never acknowledged.
pub(super) async fn run(world: Arc<World>, links: Links, mut inputs: mpsc::UnboundedReceiver<LoopInput>) {
    let lane = AppendLane::new(world.journal.clone(), world.away.clone());
    let mut executor = Executor {
        world,
        links,
        partitions: BTreeMap::new(),
        lane: Some(lane),
        flight: None,
        replies: FxHashMap::default(),
        deliveries: FxHashMap::default(),
        answers: Vec::new(),
        next_reply: 0,
        running: FxHashMap::default(),
        clear_at: CLEAR_FROM,
        closing: Vec::new(),
        spare: Append::default(),
    };
    let mut arrived = Vec::new();
    loop {
        let busy = executor.turn(&mut arrived);
        if busy && !executor.world.stop.is_cancelled() {
            // More to compute: look at what arrived meanwhile, without sleeping.
            tokio::task::yield_now().await;
            if let Some(landed) = executor.flight.as_mut().and_then(FutureExt::now_or_never) {
                executor.landed(landed);
            }
            while arrived.len() < INPUTS_MAX
                && let Ok(input) = inputs.try_recv()
            {
                arrived.push(input);
            }
            continue;
        }
        let (clock, stop) = (executor.world.clock.clone(), executor.world.stop.clone());
        let alarm = executor.next_alarm();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            landed = landing(&mut executor.flight) => executor.landed(landed),
            count = inputs.recv_many(&mut arrived, INPUTS_MAX) => if count == 0 { return },
            () = until(&*clock, alarm) => {}
        }
    }
}

async fn landing(flight: &mut Option<BoxFuture<'static, Landed>>) -> Landed {
    match flight {
        Some(flight) => flight.await,
        None => std::future::pending().await,
    }
}

async fn until(clock: &dyn crate::clock::Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Lets the runs of a partition go on by themselves; true if there is more to do at once. Not while more waits for the
/// store than may: then an append flies, and when it has landed there is another turn.
fn advance(partition: &mut Partition, now: Timestamp, full: usize) -> bool {
    if partition.pending_bytes() > full {
        return false;
    }
    let looked = partition.schedule_due(now);
    let mut more = true;
    for _ in 0..ALARMS_MAX / ALARMS_AT_ONCE {
        if partition.pending_bytes() > full {
            return false;
        }
        more = partition.due(now, ALARMS_AT_ONCE);
        if !more {
            break;
        }
    }
    if partition.pending_bytes() > full {
        return false;
    }
    partition.go_on(now);
    looked || more || partition.has_more()
}

impl Executor {
    /// Takes what arrived and is due, carries out what may leave, and sends an append if the lane is free. True if there
    /// is more to compute at once.
    fn turn(&mut self, arrived: &mut Vec<LoopInput>) -> bool {
        let now = self.world.clock.now();
        for input in arrived.drain(..) {
            self.take(input, now);
        }
        let mut more = false;
        // Who is leaving decides nothing new: a run whose timers are always due would keep it here for ever.
        if !self.is_closing() {
            let full = self.world.limits.pending_bytes_max;
            for partition in self.partitions.values_mut() {
                more |= advance(partition, now, full);
            }
        }
        let sure = self.world.lease.valid();
        self.carry_out(now, sure);
        self.send_append();
        self.finish_closing();
        more
    }

    fn take(&mut self, input: LoopInput, now: Timestamp) {
        match input {
            LoopInput::Ask(part, request, answer) => self.ask(part, request, answer, now),
            LoopInput::Word(part, message) => self.word(part, message, now),
            LoopInput::Probed(part, probed) => {
                if let Some(partition) = self.partitions.get_mut(&part) {
                    partition.probed(*probed, now);
                }
            }
            LoopInput::Ended(end) => {
                self.over(end.attempt);
                if let Some(partition) = self.partitions.get_mut(&end.attempt.run.partition()) {
                    partition.ended(end, now);
                }
            }
            LoopInput::Delivered(attempt, answer) => {
                let part = attempt.run.partition();
                let refused = match self.partitions.get_mut(&part) {
                    None => Delivery::Unwanted,
                    // A silent node may be deposed without knowing: the attempt may have ended at the next owner.
                    Some(_) if !self.world.lease.valid() => Delivery::NotNow,
                    Some(partition) => {
                        let reply = ReplyId(self.next_reply);
                        self.next_reply += 1;
                        self.deliveries.insert(reply, (part, answer));
                        return partition.deliver(attempt, None, reply, now);
                    }
                };
                let _ = answer.send(refused);
            }
            LoopInput::Open(partitions) => {
                self.links.all_sent();
                for partition in partitions {
                    self.partitions.insert(partition.id(), partition);
                }
            }
            LoopInput::Close(why, done) => self.closing.push((why, done)),
        }
    }

    /// Brings word to a run of a partition of this loop. Where the partition is gone this node is losing all of them, and
    /// then the sender's history tells it again to the next owner; so does that of a sender whose node is leaving.
    pub(super) fn word(&mut self, part: PartitionId, message: Message, now: Timestamp) {
        if self.is_closing() {
            return;
        }
        if let Some(partition) = self.partitions.get_mut(&part) {
            partition.receive(message, now);
        }
    }

    fn ask(&mut self, part: PartitionId, request: Request, answer: oneshot::Sender<Reply>, now: Timestamp) {
        let Some(partition) = self.partitions.get(&part) else {
            let _ = answer.send(Err(refusal::not_owner(None)));
            return;
        };
        let refused = match &request {
            _ if self.is_closing() => self.closing.first().map(|(why, _)| why.clone()),
            Request::Start(_) | Request::Signal { .. } | Request::Update(_)
                if partition.pending_bytes() > self.world.limits.pending_bytes_max =>
            {
                Some(refusal::busy())
            }
            // A silent node may be deposed without knowing: what it remembers may be old.
            Request::Query { .. }
            | Request::Describe(_)
            | Request::List(_)
            | Request::Count(..)
            | Request::History { .. }
                if !self.world.lease.valid() =>
            {
                Some(super::carry::silent())
            }
            _ => None,
        };
        if let Some(error) = refused {
            let _ = answer.send(Err(error));
            return;
        }
        if let Request::EndAttempt { attempt, .. } = &request {
            let attempt = *attempt;
            self.over(attempt);
        }
        let Some(partition) = self.partitions.get_mut(&part) else { return };
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.replies.insert(reply, (part, answer));
        let request = match request {
            Request::Start(mut order) => {
                order.by = StartedBy::Client(reply);
                Request::Start(order)
            }
            other => other,
        };
        partition.handle(request, reply, now);
        self.clear_out();
    }

    /// An attempt has ended where it ran: there is nothing left to stop.
    fn over(&mut self, attempt: AttemptRef) {
        if let Entry::Occupied(running) = self.running.entry((attempt.run, attempt.scheduled))
            && running.get().0 == attempt.attempt
        {
            running.remove();
        }
    }

    /// Forgets who stopped waiting, now and then: a long poll that ended leaves nothing behind for long.
    fn clear_out(&mut self) {
        if self.replies.len() < self.clear_at {
            return;
        }
        let gone: FxHashSet<ReplyId> =
            self.replies.iter().filter(|(_, (_, answer))| answer.is_closed()).map(|(reply, _)| *reply).collect();
        self.replies.retain(|reply, _| !gone.contains(reply));
        for partition in self.partitions.values_mut() {
            partition.forget(&gone);
        }
        self.clear_at = (self.replies.len() * 2).max(CLEAR_FROM);
    }

    /// Whether this loop is letting its partitions go.
    pub(super) fn is_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Sends everything decided in all partitions as one append, if none flies.
    fn send_append(&mut self) {
        if self.flight.is_some() {
            return;
        }
        let mut append = std::mem::take(&mut self.spare);
        let mut parts = Vec::new();
        for (id, partition) in &mut self.partitions {
            if partition.take_append(&mut append) {
                parts.push(*id);
            }
        }
        let Some(mut lane) = (if parts.is_empty() { None } else { self.lane.take() }) else {
            self.spare = append;
            return;
        };
        self.flight = Some(Box::pin(async move {
            let outcome = lane.commit(&mut append).await;
            Landed { lane, append, parts, outcome }
        }));
    }

    /// Sends what is decided on its way at once instead of at the end of the turn.
    pub(super) fn launch(&mut self) {
        if self.flight.is_some() {
            return;
        }
        self.send_append();
        if let Some(landed) = self.flight.as_mut().and_then(FutureExt::now_or_never) {
            self.flight = Some(Box::pin(std::future::ready(landed)));
        }
    }

    /// The outcome of an append is known: what was held with it may leave, or its partitions are lost.
    fn landed(&mut self, landed: Landed) {
        self.flight = None;
        self.lane = Some(landed.lane);
        self.spare = landed.append;
        self.spare.clear();
        match landed.outcome {
            Outcome::Done { deposed } => {
                for part in landed.parts.iter().filter(|part| !deposed.contains(part)) {
                    if let Some(partition) = self.partitions.get_mut(part) {
                        partition.committed();
                    }
                }
                // First of all: what leaves below may send the next append, and nothing of theirs belongs into that.
                self.abandon(&deposed, &refusal::moved());
                // The commit itself says that this node owned them: what waited for it leaves whatever the lease says.
                self.carry_out(self.world.clock.now(), true);
                if !deposed.is_empty() {
                    let _ = self.world.events.send(LoopEvent::Deposed(deposed));
                }
            }
            Outcome::Broken(error) => {
                tracing::error!(%error, parts = ?landed.parts, "the store is broken: these partitions stop");
                self.abandon(&landed.parts, &refusal::store_broken(&error.to_string()));
                let _ = self.world.events.send(LoopEvent::Broken(landed.parts, error));
            }
        }
    }

    /// Gives partitions up: whoever waits for one of them is answered with `error`, their attempts are told to stop.
    /// That includes callers that the partition itself cannot name: whose request waits for the end of a long computation,
    /// or for what the store knows about an id.
    fn abandon(&mut self, parts: &[PartitionId], error: &ApiError) {
        for part in parts {
            if self.partitions.remove(part).is_none() {
                continue;
            }
            for (_, (_, waiting)) in self.replies.extract_if(|_, (of, _)| of == part) {
                let _ = waiting.send(Err(error.clone()));
            }
            // Whoever waits to be given an attempt is not.
            self.deliveries.retain(|_, (of, _)| of != part);
            self.running.retain(|(run, _), (_, token)| {
                let theirs = run.partition() == *part;
                if theirs {
                    token.cancel();
                }
                !theirs
            });
        }
    }

    /// When closing, everything decided is written first; then nothing is owned any more.
    fn finish_closing(&mut self) {
        if self.flight.is_some() {
            return;
        }
        for (why, done) in std::mem::take(&mut self.closing) {
            let all: Vec<PartitionId> = self.partitions.keys().copied().collect();
            self.abandon(&all, &why);
            let _ = done.send(());
        }
    }

    /// When to look at the clock again: never for the alarms that [`advance`] leaves alone, which would be due all the
    /// time.
    fn next_alarm(&self) -> Option<Timestamp> {
        if self.is_closing() {
            return None;
        }
        let full = self.world.limits.pending_bytes_max;
        let waited_for = self.partitions.values().filter(|partition| partition.pending_bytes() <= full);
        waited_for.filter_map(Partition::next_alarm).min()
    }
}
