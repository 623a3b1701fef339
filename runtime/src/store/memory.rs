//! The journal in memory: for `memory:`, for the sandbox, and the one place where a simulated outer world can disturb
//! storage. Clones share the data, so that several nodes of one process are a cluster.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};

use super::{
    Append, Bundle, Chunk, Claim, ClosedPage, ClosedRun, Cluster, Deployment, Durability, Journal, Lane, NodeRow,
    Ownership, Seen, SnapshotRow, StoreError,
};
use crate::closed::ClosedFacts;
use crate::filter::{Filter, Kind, matches};
use crate::frame::fence_body;
use crate::namespaces::Namespace;

/// What a disturbance is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// [`Lane::append`].
    Append,
    /// [`Journal::takeover`].
    Takeover,
    /// [`Journal::beat`].
    Beat,
    /// Anything that only reads.
    Read,
    /// Any other write.
    Write,
}

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disturbance {
    /// How long it takes, on tokio's clock.
    pub delay: Duration,
    /// How it goes wrong.
    pub fault: Option<Fault>,
}

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused before anything was written: [`StoreError::Unavailable`].
    Refused,
    /// Done, but the answer was lost: [`StoreError::Unavailable`] as well.
    AnswerLost,
    /// Another owner takes the partition of the first chunk just before: an append meets its fence.
    Deposed,
    /// What is stored is not what was written: [`StoreError::Corrupt`], and nothing is done.
    Damaged,
}

type Disturb = dyn Fn(Operation) -> Disturbance + Send + Sync;

/// The journal in memory.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    disturb: Option<Arc<Disturb>>,
    partitions: u16,
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    nodes: BTreeMap<i32, Node>,
    nodes_ever: i32,
    programs: BTreeMap<[u8; 32], Vec<u8>>,
    deployments: Vec<Deployment>,
    attributes: BTreeMap<(String, String), Kind>,
    namespaces: BTreeMap<String, Namespace>,
}

#[derive(Default)]
struct Part {
    epoch: u64,
    node: Option<i32>,
    /// Chunk `n` is at index `n - 1`.
    log: Vec<(u64, Vec<u8>)>,
    closed: BTreeMap<(String, WorkflowId, RunId), ClosedRun>,
    blobs: BTreeMap<(RunId, [u8; 32]), Vec<u8>>,
    snapshots: BTreeMap<RunId, SnapshotRow>,
    bundles: BTreeMap<LogSeq, Bundle>,
}

struct Node {
    address: String,
    beat: Instant,
}

/// The number of the node that [`Fault::Deposed`] speaks of.
const STRANGER: i32 = -1;

impl Memory {
    /// An empty journal.
    pub fn new(partitions: u16) -> Memory {
        let parts = (0..partitions).map(|_| Part::default()).collect();
        Memory { state: Arc::new(Mutex::new(State { parts, ..State::default() })), disturb: None, partitions }
    }

    /// The same data seen through a disturbed world.
    pub fn disturbed(&self, disturb: impl Fn(Operation) -> Disturbance + Send + Sync + 'static) -> Memory {
        Memory { disturb: Some(Arc::new(disturb)), ..self.clone() }
    }

    /// Changes the stored bytes of a chunk, as a broken disk would. False if there is no such chunk.
    pub fn damage(&self, part: PartitionId, seq: LogSeq, damage: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.lock();
        let index = (seq.0 as usize).wrapping_sub(1);
        let chunk = state.parts.get_mut(usize::from(part.0)).and_then(|p| p.log.get_mut(index));
        chunk.map(|(_, body)| damage(body)).is_some()
    }

    /// Changes a stored bundle, as a broken disk would. False if none begins there.
    pub fn damage_bundle(&self, part: PartitionId, from: LogSeq, damage: impl FnOnce(&mut Bundle)) -> bool {
        let mut state = self.lock();
        let bundle = state.parts.get_mut(usize::from(part.0)).and_then(|part| part.bundles.get_mut(&from));
        bundle.map(damage).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn meet(&self, operation: Operation) -> Option<Fault> {
        let Disturbance { delay, fault } = self.disturb.as_ref()?(operation);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        fault
    }

    /// Runs one operation in the world it meets.
    async fn run<T>(
        &self,
        operation: Operation,
        body: impl FnOnce(&mut State) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        match self.meet(operation).await {
            None | Some(Fault::Deposed) => body(&mut self.lock()),
            Some(Fault::Refused) => Err(StoreError::Unavailable("the simulated store refused".into())),
            Some(Fault::Damaged) => Err(StoreError::Corrupt("the simulated store is damaged".into())),
            Some(Fault::AnswerLost) => {
                let _ = body(&mut self.lock());
                Err(StoreError::Unavailable("the simulated store's answer was lost".into()))
            }
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "memory:")
    }
}

impl State {
    fn part(&mut self, part: PartitionId) -> Result<&mut Part, StoreError> {
        let count = self.parts.len();
        self.parts
            .get_mut(usize::from(part.0))
            .ok_or_else(|| StoreError::Unusable(format!("there is no partition {} of {count}", part.0)))
    }

    fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        // All places are checked before any is taken: all of it or nothing.
        let mut ends: BTreeMap<PartitionId, u64> = BTreeMap::new();
        for chunk in &append.chunks {
            let part = self.part(chunk.part)?;
            let end = ends.entry(chunk.part).or_insert(part.log.len() as u64);
            if chunk.seq.0 <= *end {
                return Err(StoreError::Conflict);
            }
            if chunk.seq.0 != *end + 1 {
                return Err(StoreError::Unusable(format!(
                    "chunk {} of partition {} leaves a gap",
                    chunk.seq.0, chunk.part.0
                )));
            }
            *end += 1;
        }
        for chunk in &append.chunks {
            let entry = (chunk.epoch, chunk.body.clone());
            self.part(chunk.part)?.log.push(entry);
        }
        for row in &append.closed {
            let key = (row.namespace.clone(), row.workflow_id.clone(), row.run_id);
            self.part(row.run_id.partition())?.closed.entry(key).or_insert_with(|| row.clone());
        }
        for blob in &append.blobs {
            let blobs = &mut self.part(blob.run.partition())?.blobs;
            blobs.entry((blob.run, blob.hash)).or_insert_with(|| blob.body.stored().to_vec());
        }
        for id in &append.deleted {
            let of = |run| (id.namespace.clone(), id.workflow_id.clone(), run);
            let part = self.part(id.upto.partition())?;
            let gone = part.closed.range(of(RunId(0))..=of(id.upto)).map(|((.., run), _)| *run).collect::<Vec<_>>();
            for run in gone {
                part.closed.remove(&of(run));
                part.blobs.retain(|(of, _), _| *of != run);
            }
        }
        for row in &append.snapshots {
            self.part(row.run.partition())?.snapshots.insert(row.run, row.clone());
        }
        for run in &append.ended {
            self.part(run.partition())?.snapshots.remove(run);
        }
        for bundle in &append.bundles {
            self.part(bundle.part)?.bundles.insert(bundle.from, bundle.clone());
        }
        Ok(())
    }

    /// Refuses what is written by an owner that is none any more.
    fn claimed(&mut self, by: Claim) -> Result<(), StoreError> {
        if self.part(by.part)?.epoch == by.epoch { Ok(()) } else { Err(StoreError::Conflict) }
    }

    fn takeover(
        &mut self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        let beat = self.part(part)?.node.and_then(|owner| self.nodes.get(&owner)).map(|owner| owner.beat);
        let silent = beat.map(|beat| Instant::now().saturating_duration_since(beat).as_millis() as i64);
        let part = self.part(part)?;
        if part.epoch != seen.epoch || silent.is_some_and(|ms| ms < seen.silent_ms) {
            return Ok(None);
        }
        part.epoch += 1;
        part.node = Some(node);
        part.log.push((part.epoch, fence.to_vec()));
        Ok(Some((part.epoch, LogSeq(part.log.len() as u64))))
    }

    fn cluster(&self) -> Cluster {
        let now = Instant::now();
        let nodes = self.nodes.iter().map(|(&id, node)| NodeRow {
            id,
            address: node.address.clone(),
            silent_ms: now.saturating_duration_since(node.beat).as_millis() as i64,
        });
        let partitions = self.parts.iter().enumerate().map(|(n, part)| Ownership {
            part: PartitionId(n as u16),
            epoch: part.epoch,
            node: part.node,
            low: LogSeq(1),
        });
        Cluster { nodes: nodes.collect(), partitions: partitions.collect() }
    }
}

struct MemoryLane(Memory);

#[async_trait]
impl Lane for MemoryLane {
    async fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        let fault = self.0.meet(Operation::Append).await;
        let mut state = self.0.lock();
        match (fault, append.chunks.first()) {
            (Some(Fault::Refused), _) => return Err(StoreError::Unavailable("the simulated store refused".into())),
            (Some(Fault::Damaged), _) => return Err(StoreError::Corrupt("the simulated store is damaged".into())),
            (Some(Fault::AnswerLost), _) => {
                state.append(append)?;
                return Err(StoreError::Unavailable("the simulated store's answer was lost".into()));
            }
            (Some(Fault::Deposed), Some(chunk)) => {
                let epoch = state.part(chunk.part)?.epoch;
                state.takeover(chunk.part, epoch.into(), STRANGER, &fence_body(chunk.part, STRANGER, epoch + 1))?;
            }
            (Some(Fault::Deposed), None) | (None, _) => {}
        }
        state.append(append)
    }
}

#[async_trait]
impl Journal for Memory {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError> {
        Ok(Box::new(MemoryLane(self.clone())))
    }

    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        self.run(Operation::Read, |state| {
            let first = from.0.max(1);
            let log = &state.part(part)?.log;
            let chunks = (first..).zip(log.iter().skip(first as usize - 1)).take(limit);
            Ok(chunks
                .map(|(seq, (epoch, body))| Chunk { part, seq: LogSeq(seq), epoch: *epoch, body: body.clone() })
                .collect())
        })
        .await
    }

    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError> {
        self.run(Operation::Read, |state| {
            Ok(state.part(part)?.bundles.range(from..).take(limit).map(|(_, bundle)| bundle.clone()).collect())
        })
        .await
    }

    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError> {
        self.run(Operation::Read, |state| Ok(state.cluster().partitions)).await
    }

    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        self.run(Operation::Takeover, |state| state.takeover(part, seen, node, fence)).await
    }

    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            let part = state.part(part)?;
            if part.epoch == epoch {
                part.node = None;
            }
            Ok(())
        })
        .await
    }

    async fn join(&self, address: &str) -> Result<i32, StoreError> {
        self.run(Operation::Write, |state| {
            state.nodes_ever += 1;
            state.nodes.insert(state.nodes_ever, Node { address: address.into(), beat: Instant::now() });
            Ok(state.nodes_ever)
        })
        .await
    }

    async fn beat(&self, node: i32) -> Result<Cluster, StoreError> {
        self.run(Operation::Beat, |state| {
            state.nodes.get_mut(&node).ok_or(StoreError::Conflict)?.beat = Instant::now();
            Ok(state.cluster())
        })
        .await
    }

    async fn leave(&self, node: i32) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.nodes.remove(&node);
            Ok(())
        })
        .await
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        self.run(Operation::Read, |state| Ok(state.cluster().nodes)).await
    }

    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.programs.entry(hash.0).or_insert_with(|| body.to_vec());
            Ok(())
        })
        .await
    }

    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(Operation::Read, |state| Ok(state.programs.get(&hash.0).cloned())).await
    }

    async fn deploy(
        &self,
        by: Claim,
        namespace: &str,
        project: &str,
        program: ProgramHash,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.claimed(by)?;
            let seq = state.deployments.iter().filter(|d| d.namespace == namespace).count() as u64 + 1;
            let (namespace, project) = (namespace.into(), project.into());
            state.deployments.push(Deployment { namespace, seq, project, program, at });
            Ok(())
        })
        .await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        self.run(Operation::Read, |state| {
            let mut current: BTreeMap<(&str, &str), &Deployment> = BTreeMap::new();
            for deployment in &state.deployments {
                current.insert((&deployment.namespace, &deployment.project), deployment);
            }
            Ok(current.into_values().cloned().collect())
        })
        .await
    }

    async fn closed_run(
        &self,
        part: PartitionId,
        namespace: &str,
        workflow_id: &WorkflowId,
        run_id: Option<RunId>,
    ) -> Result<Option<ClosedRun>, StoreError> {
        self.run(Operation::Read, |state| {
            let key = |run| (namespace.to_string(), workflow_id.clone(), run);
            let closed = &state.part(part)?.closed;
            Ok(match run_id {
                Some(run) => closed.get(&key(run)),
                None => closed.range(key(RunId(0))..=key(RunId(u64::MAX))).next_back().map(|(_, row)| row),
            }
            .cloned())
        })
        .await
    }

    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError> {
        self.run(Operation::Read, |state| {
            let rows = state.parts.iter().flat_map(|part| part.closed.values());
            let after = |row: &&ClosedRun| page.after.is_none_or(|after| (row.started, row.run_id) < after);
            let mut rows: Vec<&ClosedRun> =
                rows.filter(|row| passes(row, &page.namespace, &page.filter)).filter(after).collect();
            rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.started, row.run_id)));
            rows.truncate(page.limit);
            Ok(rows.into_iter().map(|row| ClosedRun { history: Vec::new(), ..row.clone() }).collect())
        })
        .await
    }

    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError> {
        self.run(Operation::Read, |state| {
            let mut counts: BTreeMap<(i16, &str), u64> = BTreeMap::new();
            for row in state.parts.iter().flat_map(|part| part.closed.values()) {
                if passes(row, namespace, filter) {
                    *counts.entry((row.status, &row.workflow)).or_default() += 1;
                }
            }
            Ok(counts.into_iter().map(|((status, workflow), count)| (status, workflow.to_owned(), count)).collect())
        })
        .await
    }

    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.claimed(by)?;
            for (name, kind) in attributes {
                state.attributes.insert((namespace.into(), (*name).into()), *kind);
            }
            Ok(())
        })
        .await
    }

    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError> {
        self.run(Operation::Read, |state| {
            let all = state.attributes.iter();
            Ok(all.map(|((namespace, name), kind)| (namespace.clone(), name.clone(), *kind)).collect())
        })
        .await
    }

    async fn blobs(&self, run: RunId, hashes: &[[u8; 32]]) -> Result<Vec<([u8; 32], Vec<u8>)>, StoreError> {
        self.run(Operation::Read, |state| {
            let blobs = &state.part(run.partition())?.blobs;
            Ok(hashes.iter().filter_map(|hash| Some((*hash, blobs.get(&(run, *hash))?.clone()))).collect())
        })
        .await
    }

    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError> {
        self.run(Operation::Read, |state| Ok(state.part(part)?.snapshots.values().cloned().collect())).await
    }

    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError> {
        self.run(Operation::Read, |state| {
            let rows = state.parts.iter().flat_map(|part| part.closed.values());
            Ok(rows.filter(|row| row.namespace == namespace).map(|row| row.closed).min())
        })
        .await
    }

    async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.run(Operation::Write, |state| {
            state.claimed(by)?;
            let rows = state.parts.iter().flat_map(|part| part.closed.values());
            let due = rows.filter(|row| row.namespace == namespace && row.closed < before);
            let mut due: Vec<_> = due.map(|row| (row.closed, row.run_id, row.workflow_id.clone())).collect();
            due.sort_unstable();
            due.truncate(limit);
            for (_, run, id) in &due {
                let part = state.part(run.partition())?;
                part.closed.remove(&(namespace.to_owned(), id.clone(), *run));
                part.blobs.retain(|(of, _), _| of != run);
            }
            Ok(due.len() as u64)
        })
        .await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.run(Operation::Read, |state| Ok(state.namespaces.values().cloned().collect())).await
    }

    async fn put_namespace(&self, by: Claim, namespace: &Namespace) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.claimed(by)?;
            let before = state.namespaces.get(&namespace.name);
            let created = before.map_or(namespace.created, |before| before.created);
            state.namespaces.insert(namespace.name.clone(), Namespace { created, ..namespace.clone() });
            Ok(())
        })
        .await
    }

    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        self.run(Operation::Write, |state| {
            state.claimed(by)?;
            state.deployments.retain(|deployment| deployment.namespace != name);
            state.attributes.retain(|(namespace, _), _| namespace != name);
            state.namespaces.remove(name);
            Ok(())
        })
        .await
    }

    async fn closed_ids(
        &self,
        part: PartitionId,
        after: Option<(String, WorkflowId)>,
        limit: usize,
    ) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError> {
        self.run(Operation::Read, |state| {
            let from = match after {
                Some((namespace, id)) => Bound::Excluded((namespace, id, RunId(u64::MAX))),
                None => Bound::Unbounded,
            };
            let mut out: Vec<(String, WorkflowId, RunId)> = Vec::new();
            for key in state.part(part)?.closed.range((from, Bound::Unbounded)).map(|(key, _)| key) {
                let full = out.len() == limit;
                match out.last_mut() {
                    Some(last) if last.0 == key.0 && last.1 == key.1 => last.2 = key.2,
                    _ if full => break,
                    _ => out.push(key.clone()),
                }
            }
            Ok(out)
        })
        .await
    }

    async fn durability(&self) -> Result<Durability, StoreError> {
        Ok(Durability {
            durable: false,
            settings: vec![("store".into(), "memory: nothing outlives the process".into())],
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.run(Operation::Read, |_| Ok(())).await
    }
}

fn passes(row: &ClosedRun, namespace: &str, filter: &Filter) -> bool {
    row.namespace == namespace && matches(filter, &ClosedFacts::of(row))
}
