//! A node's membership: it says that it lives, takes over what has no live owner, and lets go of what it has lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weft_protocol::{LogSeq, PartitionId};

use super::{Core, FoundOpen, SHUTDOWN_MAX, Shared, Standing, open};
use crate::clock::Clock;
use crate::frame::fence_body;
use crate::loops::LoopEvent;
use crate::ownership::{self, BEAT_EVERY, Lease};
use crate::refusal;
use crate::store::{Claim, Cluster, Journal, Ownership, Seen, StoreError};

/// Runs until the node is told to stop.
pub(super) async fn run(shared: Arc<Shared>, first: Option<open::Events>) {
    let events = match first {
        Some(events) => Some(events),
        None => open::reach(&shared).await,
    };
    if let (Some(mut events), Some(core)) = (events, shared.core.get()) {
        while !shared.stop.is_cancelled() {
            match join(&shared, core).await {
                Some(id) => Member::new(&shared, core, id).live(&mut events).await,
                None => break,
            }
        }
    }
    shared.stop.cancelled().await;
    shared.stopped.cancel();
}

/// Registers the node, as often as it takes.
async fn join(shared: &Shared, core: &Core) -> Option<i32> {
    loop {
        match core.journal.join(&shared.row_address()).await {
            Ok(id) => return Some(id),
            Err(error @ (StoreError::Corrupt(_) | StoreError::Unusable(_))) => {
                shared.stand(Standing::Stopped(error.to_string()));
                return None;
            }
            Err(error) => shared.stand(Standing::Opening(error.to_string())),
        }
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return None,
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
    }
}

/// What the last heartbeat told.
#[derive(Debug, Clone, Default)]
enum Beat {
    /// None was answered yet.
    #[default]
    None,
    /// The cluster, and whether it still says that this node owns what it thinks it owns.
    Heard { cluster: Arc<Cluster>, owner: bool },
    /// The node is registered no longer.
    Forgotten,
}

/// One registration of a node.
struct Member<'a> {
    shared: &'a Arc<Shared>,
    core: &'a Core,
    id: i32,
    owned: Arc<Mutex<Vec<Ownership>>>,
    /// Whether the partitions are in the loops.
    serving: bool,
    /// Partitions that are damaged stay stopped, and with them the node.
    broken: bool,
}

impl<'a> Member<'a> {
    fn new(shared: &'a Arc<Shared>, core: &'a Core, id: i32) -> Member<'a> {
        Member { shared, core, id, owned: Arc::default(), serving: false, broken: false }
    }

    /// Beats and acts on what is heard, until the registration or the node ends.
    async fn live(mut self, events: &mut open::Events) {
        let (heard, mut beats) = watch::channel(Beat::None);
        let stop_beating = CancellationToken::new();
        let beating = tokio::spawn(beat(
            self.core.journal.clone(),
            self.id,
            self.owned.clone(),
            self.shared.lease.clone(),
            self.shared.options.clock.clone(),
            heard,
            stop_beating.clone(),
        ));
        loop {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => {
                    self.leave().await;
                    break;
                }
                event = events.recv() => match event {
                    Some(LoopEvent::Deposed(parts)) => {
                        tracing::warn!(?parts, "another node has taken partitions over: all are let go");
                        self.lose().await;
                    }
                    Some(LoopEvent::Broken(parts, error)) => self.stop_for(&parts, &error).await,
                    Some(LoopEvent::Died(parts)) => {
                        let why = "a loop ended by a bug in weft; the log says where; restart the node and report it";
                        self.stop_for(&parts, &StoreError::Unusable(why.into())).await;
                        // Nothing is damaged: another process may do better.
                        self.release().await;
                    }
                    None => break,
                },
                changed = beats.changed() => {
                    let beat = beats.borrow_and_update().clone();
                    match (changed, beat) {
                        (Ok(()), Beat::Heard { cluster, owner }) => {
                            // Long logs take long to read; who is told to stop meanwhile stops.
                            let stop = self.shared.stop.clone();
                            stop.run_until_cancelled(self.heard(&cluster, owner)).await;
                        }
                        (Ok(()), Beat::None) => {}
                        (Ok(()), Beat::Forgotten) | (Err(_), _) => {
                            self.lose().await;
                            if self.broken {
                                self.shared.stop.cancelled().await;
                            }
                            break;
                        }
                    }
                }
            }
        }
        stop_beating.cancel();
        let _ = beating.await;
    }

    /// A heartbeat was answered.
    async fn heard(&mut self, cluster: &Cluster, owner: bool) {
        if self.broken {
            return;
        }
        if !owner {
            tracing::warn!("another node has taken over while this one was silent");
            return self.lose().await;
        }
        if self.serving {
            return;
        }
        let (lease, address) = (self.shared.limits.lease_ms, self.shared.row_address());
        let plan = ownership::plan(self.id, &address, cluster, lease);
        if let Some(owner) = plan.owner {
            if owner == self.shared.options.address && !matches!(self.shared.standing(), Standing::Standby(Some(_))) {
                tracing::warn!(
                    address = %owner,
                    "another node says that it is reached at this node's address; give each its own (--advertise)"
                );
            }
            // Two nodes took over at once, or this one has lost the first partition: the other is to have all of them. What
            // is still this node's by the store's word, a release before did not reach.
            self.own_all(cluster);
            self.release().await;
            return self.shared.stand(Standing::Standby(Some(owner)));
        }
        self.shared.stand(Standing::Recovering);
        match self.take_over(cluster, &plan.take).await {
            Ok(true) => {}
            Ok(false) => self.shared.stand(Standing::Standby(None)),
            Err(error @ (StoreError::Corrupt(_) | StoreError::Unusable(_))) => {
                let parts: Vec<PartitionId> = self.owned().iter().map(|row| row.part).collect();
                self.stop_for(&parts, &error).await;
            }
            Err(StoreError::Conflict) => {
                tracing::warn!("another node has taken partitions over while their logs were read");
                self.lose().await;
            }
            // The next heartbeat tries again.
            Err(error) => self.shared.stand(Standing::Opening(error.to_string())),
        }
    }

    /// Takes over what is free and serves once everything is this node's; false if another node was faster.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another node took over while this one read the logs: `cluster` is as old as the
    /// heartbeat that told it, and this process may have been stopped since.
    async fn take_over(&mut self, cluster: &Cluster, free: &[(PartitionId, Seen)]) -> Result<bool, StoreError> {
        let journal = &self.core.journal;
        // Taken over before, even if the answer to that was lost.
        self.own_all(cluster);
        for (part, seen) in free {
            let fence = fence_body(*part, self.id, seen.epoch + 1);
            let Some((epoch, _)) = journal.takeover(*part, *seen, self.id, &fence).await? else { return Ok(false) };
            tracing::debug!(part = part.0, epoch, "taken over");
            let low = cluster.partitions.iter().find(|row| row.part == *part).map(|row| row.low);
            self.own(Ownership { part: *part, epoch, node: Some(self.id), low: low.unwrap_or(LogSeq(0)) });
        }
        if self.owned().len() < usize::from(journal.partitions()) {
            return Ok(false);
        }
        let claim =
            self.owned().iter().map(|row| Claim { part: row.part, epoch: row.epoch }).min_by_key(|row| row.part);
        *self.shared.claim.lock().unwrap_or_else(PoisonError::into_inner) = claim;
        self.shared.namespaces.load(journal.namespaces().await?);
        open::load_current(&**journal, &self.shared.programs).await?;
        super::deploy::warn_of_exec(self.shared);
        let owned = self.owned();
        let partitions = open::recover(self.shared, journal, &owned).await?;
        if !self.shared.lease.valid() {
            return Err(StoreError::Unavailable("the lease ended while the logs were read".into()));
        }
        tracing::info!(
            partitions = partitions.len(),
            open_runs = partitions.iter().map(crate::partition::Partition::open_runs).sum::<usize>(),
            "serving"
        );
        self.shared.found.get_or_init(|| FoundOpen::of(&partitions));
        self.core.links.open(partitions);
        self.serving = true;
        self.shared.stand(Standing::Serving);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            super::deploy::declare_schedules(&shared).await;
            super::deploy::retry_stuck(&shared).await;
        });
        Ok(true)
    }

    /// Another node has the partitions, or some of them: all are let go, so that one node has all of them again.
    async fn lose(&mut self) {
        // One loop may meet damage while another meets a new owner: who is stopped says why, and stays stopped.
        if self.broken {
            return;
        }
        self.shared.stand(Standing::Standby(None));
        self.serving = false;
        let let_go = async {
            self.core.links.close(&refusal::moved()).await;
            self.release().await;
        };
        self.shared.stop.run_until_cancelled(let_go).await;
    }

    /// Damage is never served over: all work ends, in the partitions that are whole as well. The node keeps what it owns
    /// and says why it does not serve until somebody repairs the store; another node would only meet the same damage.
    async fn stop_for(&mut self, parts: &[PartitionId], error: &StoreError) {
        tracing::error!(%error, ?parts, "this node serves no more");
        self.broken = true;
        self.shared.stand(Standing::Stopped(error.to_string()));
        let why = refusal::of_store(error);
        self.shared.stop.run_until_cancelled(self.core.links.close(&why)).await;
    }

    /// Clean end: everything decided is written, the partitions are free for the next owner at once.
    async fn leave(&mut self) {
        let clean = async {
            self.core.links.close(&refusal::shutting_down()).await;
            self.release().await;
            if let Err(error) = self.core.journal.leave(self.id).await {
                tracing::debug!(%error, "the node's row stays; its lease will end");
            }
            if let Err(error) = self.core.journal.tidy().await {
                tracing::debug!(%error, "the store is left as it is");
            }
        };
        if tokio::time::timeout(SHUTDOWN_MAX, clean).await.is_err() {
            tracing::warn!("the store did not answer in time; what was not durable was never acknowledged");
        }
    }

    async fn release(&self) {
        let owned = std::mem::take(&mut *self.owned.lock().unwrap_or_else(PoisonError::into_inner));
        for row in owned {
            if let Err(error) = self.core.journal.release(row.part, row.epoch).await {
                tracing::debug!(%error, part = row.part.0, "not released; the lease will end");
            }
        }
    }

    /// Takes the store's word for what this node owns.
    fn own_all(&self, cluster: &Cluster) {
        cluster.partitions.iter().filter(|row| row.node == Some(self.id)).for_each(|row| self.own(row.clone()));
    }

    fn own(&self, row: Ownership) {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|other| other.part != row.part);
        owned.push(row);
    }

    fn owned(&self) -> Vec<Ownership> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Says once a second that the node lives. The lease is renewed only while the store still says that this node owns
/// what it thinks it owns: a node that was paused past its lease learns here that it is not the owner any more.
async fn beat(
    journal: Arc<dyn Journal>,
    id: i32,
    owned: Arc<Mutex<Vec<Ownership>>>,
    lease: Arc<Lease>,
    clock: Arc<dyn Clock>,
    heard: watch::Sender<Beat>,
    stop: CancellationToken,
) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = BEAT_EVERY;
        // What was owned before the question was asked must be in the answer.
        let before = owned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sent = clock.moment();
        match journal.beat(id).await {
            Ok(cluster) => {
                let expected: Vec<_> = before.iter().map(|row| (row.part, row.epoch)).collect();
                let owner = ownership::still_owns(id, &cluster, &expected);
                if owner {
                    lease.renew(sent);
                }
                heard.send_replace(Beat::Heard { cluster: Arc::new(cluster), owner });
            }
            Err(StoreError::Conflict) => {
                heard.send_replace(Beat::Forgotten);
                return;
            }
            Err(error) => tracing::warn!(%error, "the heartbeat did not reach the store"),
        }
    }
}
