//! The same partitions on a virtual clock and any journal, driven by hand on one thread: for conformance cases,
//! simulations and `weft test`. Nothing happens here that is not asked for; between two calls everything is at rest.

mod chain;
mod deploy;
mod outside;
mod seen;
mod told;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustc_hash::FxHashMap;
use weft_protocol::api::ApiError;
use weft_protocol::limits::Limits;
use weft_protocol::{EventId, PartitionId, RunId, Timestamp, WorkflowId};

use self::outside::of_queue;
use crate::activities::ActivityTask;
use crate::carry;
use crate::closed;
use crate::commit::{AppendLane, Outcome};
use crate::frame::fence_body;
use crate::node::{log, open};
use crate::partition::request::{Answer, AttemptRef, Key, Output, Probe, Probed, Reply, ReplyId, Request, StartedBy};
use crate::partition::{Partition, Setup, partition_of};
use crate::programs::Programs;
use crate::refusal;
use crate::store::{Append, Claim, Journal, StoreError};

/// The namespace of a sandbox.
pub const NAMESPACE: &str = "default";

/// When a sandbox begins, unless told otherwise: 2026-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp(1_767_225_600_000);

/// When memory is lost besides [`Sandbox::crash`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crashes {
    /// Only when asked for.
    #[default]
    ByHand,
    /// After every commit: answers have left, nothing else that waited for the commit has.
    AfterEveryCommit,
    /// After the n-th commit, from 1.
    After(u64),
}

/// A node without a clock, threads or an outside.
#[derive(Debug)]
pub struct Sandbox {
    journal: Arc<dyn Journal>,
    lane: AppendLane,
    node: i32,
    setup: Setup,
    partitions: BTreeMap<PartitionId, Partition>,
    claim: Claim,
    now: Timestamp,
    crashes: Crashes,
    commits: u64,
    next_reply: u64,
    replies: FxHashMap<ReplyId, Reply>,
    /// Questions to the store that came up in the present step.
    probes: Vec<(PartitionId, Probe)>,
    /// Attempts that were handed out and have not ended.
    attempts: BTreeMap<(RunId, EventId), ActivityTask>,
    /// Attempts that are handed out once it is known that they may be.
    handing: FxHashMap<ReplyId, ActivityTask>,
    /// Attempts that wait in a queue, if workers take them only when told to.
    waiting: Option<BTreeMap<(RunId, EventId), ActivityTask>>,
    /// Attempts that workers took when told to: they have them whatever becomes of memory.
    taken: BTreeMap<(RunId, EventId), u32>,
    /// Since when attempts are worked on, if whoever works on them outlives a crash.
    since: Option<BTreeMap<(RunId, EventId), (u32, Timestamp)>>,
    /// Lines that programs logged.
    logs: Vec<(RunId, u8, String)>,
    /// What may happen until everything is at rest.
    bounds: Bounds,
    /// The bound that was overrun: from then on nothing happens any more.
    overrun: Option<String>,
}

/// What may happen from one call until everything is at rest, before that is an error.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Commits.
    pub commits: u64,
    /// Runs that are open.
    pub open_runs: usize,
}

impl Sandbox {
    /// Opens a journal and takes everything in it over. The seed decides what runs draw from `uuid` and `random`.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn new(journal: Arc<dyn Journal>, seed: u64, limits: Limits) -> Result<Sandbox, StoreError> {
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&seed.to_le_bytes());
        let setup = Setup {
            partitions: journal.partitions(),
            limits: Arc::new(limits),
            programs: Arc::new(Programs::default()),
            entropy,
        };
        let mut sandbox = Sandbox {
            lane: AppendLane::new(journal.clone(), Arc::new(AtomicBool::new(false))),
            node: journal.join("sandbox").await?,
            journal,
            setup,
            partitions: BTreeMap::new(),
            claim: Claim { part: PartitionId(0), epoch: 0 },
            now: BEGINNING,
            crashes: Crashes::ByHand,
            commits: 0,
            next_reply: 0,
            replies: FxHashMap::default(),
            probes: Vec::new(),
            attempts: BTreeMap::new(),
            handing: FxHashMap::default(),
            waiting: None,
            taken: BTreeMap::new(),
            since: None,
            logs: Vec::new(),
            bounds: Bounds { commits: u64::MAX, open_runs: usize::MAX },
            overrun: None,
        };
        sandbox.open().await?;
        sandbox.settle().await?;
        Ok(sandbox)
    }

    /// Says when memory is lost.
    pub fn crashes(&mut self, crashes: Crashes) {
        self.crashes = crashes;
    }

    /// Says how much may happen until everything is at rest: runs that start others without an end are an error then.
    pub fn bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Which bound was overrun, if one was.
    pub fn overrun(&self) -> Option<&str> {
        self.overrun.as_deref()
    }

    /// Whoever works on attempts outlives a crash and goes on where it was: timeouts run from when an attempt was first
    /// handed out.
    pub fn attempts_outlive_crashes(&mut self) {
        self.since = Some(BTreeMap::new());
    }

    /// Ids of open runs that cannot go on, in every partition.
    pub fn stuck(&self) -> Vec<String> {
        let stuck = self.partitions.values().flat_map(Partition::stuck_runs);
        stuck.map(|run| run.workflow_id.to_string()).collect()
    }

    /// How often something was written.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What programs logged: run, level, text.
    pub fn logs(&self) -> &[(RunId, u8, String)] {
        &self.logs
    }

    /// Lets time pass while no process lives: what falls due happens afterwards, as it is read back.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn outage(&mut self, ms: i64) -> Result<(), StoreError> {
        self.now = self.now.plus_ms(ms);
        self.crash().await
    }

    /// Lets virtual time pass; what falls due happens at its time, in order.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn advance(&mut self, ms: i64) -> Result<(), StoreError> {
        let until = self.now.plus_ms(ms);
        while let Some(next) = self.next_alarm().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.settle().await?;
        }
        self.now = until;
        self.settle().await
    }

    /// When the next alarm is due.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        self.partitions.values().filter_map(Partition::next_alarm).min()
    }

    /// Loses everything in memory and goes on from the journal.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn crash(&mut self) -> Result<(), StoreError> {
        self.open().await?;
        self.settle().await
    }

    /// Carries out everything that can happen at the present time, until nothing moves.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged, or what moves is beyond the [`Bounds`].
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        let began = self.commits;
        loop {
            self.overrun = self.overrun.take().or_else(|| self.beyond(began));
            if let Some(beyond) = &self.overrun {
                return Err(StoreError::Unusable(beyond.clone()));
            }
            let mut moved = self.carry_out().await?;
            for partition in self.partitions.values_mut() {
                while partition.schedule_due(self.now) {}
                partition.due(self.now, usize::MAX);
                while partition.has_more() {
                    partition.go_on(self.now);
                    moved = true;
                }
            }
            moved |= self.commit().await?;
            if !moved && !self.partitions.values().any(Partition::has_outputs) {
                return Ok(());
            }
        }
    }

    /// Which bound is overrun, of what began after so many commits.
    fn beyond(&self, began: u64) -> Option<String> {
        let Bounds { commits, open_runs } = self.bounds;
        if self.partitions.values().map(Partition::open_runs).sum::<usize>() > open_runs {
            return Some(format!("more than {open_runs} runs are open at once"));
        }
        let many = self.commits.saturating_sub(began) > commits;
        many.then(|| format!("more than {commits} things happen one after the other at one moment"))
    }

    /// Takes all partitions over and reads them from their logs.
    async fn open(&mut self) -> Result<(), StoreError> {
        self.partitions.clear();
        self.handing.clear();
        if let Some(waiting) = &mut self.waiting {
            waiting.clear();
        }
        for row in self.journal.ownership().await? {
            let fence = fence_body(row.part, self.node, row.epoch + 1);
            let taken = self.journal.takeover(row.part, row.epoch.into(), self.node, &fence).await?;
            let (epoch, _) = taken.ok_or(StoreError::Conflict)?;
            if row.part == self.claim.part {
                self.claim.epoch = epoch;
            }
            let row = crate::store::Ownership { epoch, ..row };
            let journal = self.journal.clone();
            open::load_current(&*journal, &self.setup.programs).await?;
            let (recovery, recovered) = log::read_log(&*journal, &self.setup, &row).await?;
            self.partitions.insert(row.part, recovery.finish(self.setup.clone(), epoch, recovered, self.now)?);
        }
        // Who works for a queue outlives this. What is not handed out again he has still.
        let partitions = &self.partitions;
        self.attempts.retain(|(run, scheduled), task| {
            let at = AttemptRef { run: *run, scheduled: *scheduled, attempt: task.attempt };
            let partition = partitions.get(&run.partition());
            of_queue(task) && partition.is_some_and(|partition| partition.stays_out(at))
        });
        Ok(())
    }

    /// Writes what is decided; true if there was anything.
    async fn commit(&mut self) -> Result<bool, StoreError> {
        let mut append = Append::default();
        let mut parts = Vec::new();
        for (id, partition) in &mut self.partitions {
            if partition.take_append(&mut append) {
                parts.push(*id);
            }
        }
        if parts.is_empty() {
            return Ok(false);
        }
        match self.lane.commit(&mut append).await {
            Outcome::Done { deposed } if deposed.is_empty() => {}
            Outcome::Done { .. } => return Err(StoreError::Conflict),
            Outcome::Broken(error) => return Err(error),
        }
        for part in &parts {
            if let Some(partition) = self.partitions.get_mut(part) {
                partition.committed();
            }
        }
        self.commits += 1;
        let crash = match self.crashes {
            Crashes::ByHand => false,
            Crashes::AfterEveryCommit => true,
            Crashes::After(n) => self.commits == n,
        };
        if crash {
            let outputs: Vec<Output> = self.partitions.values_mut().flat_map(Partition::outputs).collect();
            for output in outputs {
                if let Output::Reply(reply, answer) = output {
                    self.answered(reply, answer);
                }
            }
            self.open().await?;
        }
        Ok(true)
    }

    async fn carry_out(&mut self) -> Result<bool, StoreError> {
        let now = self.now;
        let mut moved = false;
        while carry::carry_out(self, now) {
            moved = true;
            for (part, probe) in std::mem::take(&mut self.probes) {
                let id = &probe.workflow_id;
                let found = closed::find(&*self.journal, part, probe.asker.namespace(), id, probe.run_id).await?;
                if let Some(partition) = self.partitions.get_mut(&part) {
                    partition.probed(Probed { probe, found: Ok(found) }, now);
                }
            }
        }
        Ok(moved)
    }

    async fn ask(&mut self, part: PartitionId, request: Request) -> Reply {
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        let request = match request {
            Request::Start(mut order) => {
                order.by = StartedBy::Client(reply);
                Request::Start(order)
            }
            other => other,
        };
        let Some(partition) = self.partitions.get_mut(&part) else { return Err(refusal::not_owner(None)) };
        partition.handle(request, reply, self.now);
        self.settle().await.map_err(|error| refusal::of_store(&error))?;
        self.replies.remove(&reply).unwrap_or_else(|| Err(refusal::moved()))
    }

    fn part(&self, workflow_id: &str) -> PartitionId {
        partition_of(NAMESPACE, workflow_id, self.setup.partitions)
    }
}

fn key(workflow_id: &str) -> Key {
    Key { namespace: NAMESPACE.into(), workflow_id: WorkflowId::from(workflow_id), run_id: None }
}

fn unexpected(answer: &Answer) -> ApiError {
    ApiError::new(500, "internal", format!("a partition gave an answer to something else: {answer:?}"))
}

#[cfg(test)]
mod tests;
