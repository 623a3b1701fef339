//! The store as one life of a node sees it: operations take time, fail, are done without an answer or long after it was
//! given up, and the node may die before or after any of them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};
use weft_runtime::filter::{Filter, Kind};
use weft_runtime::frame::fence_body;
use weft_runtime::namespaces::Namespace;
use weft_runtime::store::{
    Append, Bundle, Chunk, Claim, ClosedPage, ClosedRun, Cluster, Deployment, Durability, Journal, Lane, NodeRow,
    Ownership, Seen, SnapshotRow, StoreError,
};

use crate::cluster::Host;
use crate::world::{Bad, World};

/// The number of a node that is not there.
const STRANGER: i32 = -1;

#[derive(Debug, Clone)]
pub(crate) struct Disk {
    inner: Arc<dyn Journal>,
    host: Arc<Host>,
    world: Arc<World>,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Refused,
    AnswerLost,
    Late(Duration),
    CrashBefore,
    CrashAfter,
}

impl Disk {
    pub(crate) fn new(inner: Arc<dyn Journal>, host: Arc<Host>, world: Arc<World>) -> Disk {
        Disk { inner, host, world }
    }

    async fn fate(&self, writes: bool) -> Fate {
        let world = &self.world;
        self.host.lives().await;
        let pause = match world.happens(Bad::SlowStore) {
            true => world.between(20, 900),
            false => world.below(3),
        };
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.host.reaches_store().await;
        self.host.lives().await;
        if world.happens(Bad::Refused) {
            return Fate::Refused;
        }
        if !writes {
            return if world.happens(Bad::CrashBefore) { Fate::CrashBefore } else { Fate::Done };
        }
        for (bad, fate) in [
            (Bad::CrashBefore, Fate::CrashBefore),
            (Bad::CrashAfter, Fate::CrashAfter),
            (Bad::AnswerLost, Fate::AnswerLost),
        ] {
            if world.happens(bad) {
                return fate;
            }
        }
        match world.happens(Bad::Late) {
            true => Fate::Late(Duration::from_millis(world.between(1, 3_000))),
            false => Fate::Done,
        }
    }

    /// Does an operation, or not, as its fate says.
    async fn run<T, F>(&self, name: &'static str, writes: bool, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let fate = self.fate(writes).await;
        if writes || fate != Fate::Done {
            self.world.note("store", || format!("{} {name} {fate:?}", self.host.name));
        }
        let away = || StoreError::Unavailable("the simulated store did not answer".into());
        match fate {
            Fate::Done => {
                let done = body.await;
                if let Err(error) = &done {
                    self.world.note("store error", || error.to_string());
                }
                self.host.lives().await;
                done
            }
            Fate::Refused => Err(away()),
            Fate::AnswerLost => {
                let _ = body.await;
                Err(away())
            }
            Fate::Late(after) => {
                let (world, host) = (self.world.clone(), self.host.name.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let done = body.await;
                    world.note("late", || format!("{host} {name} {}", done.is_ok()));
                });
                Err(away())
            }
            Fate::CrashBefore => {
                self.host.die("before it wrote");
                std::future::pending().await
            }
            Fate::CrashAfter => {
                let _ = body.await;
                self.host.die("after it wrote");
                std::future::pending().await
            }
        }
    }
}

struct DiskLane {
    disk: Disk,
    inner: Arc<Mutex<Box<dyn Lane>>>,
}

#[async_trait]
impl Lane for DiskLane {
    async fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        for chunk in &append.chunks {
            self.disk.world.note_bytes(&chunk.body);
        }
        let (lane, append, disk) = (self.inner.clone(), append.clone(), self.disk.clone());
        self.disk
            .run("append", true, async move {
                let mut lane = lane.lock().await;
                if disk.world.happens(Bad::Stranger)
                    && let Some(chunk) = append.chunks.first()
                {
                    disk.stranger_takes(chunk.part).await?;
                }
                lane.append(&append).await?;
                let mut closed = disk.world.closed.lock().expect("one thread");
                for row in &append.closed {
                    closed.entry(row.run_id).or_insert_with(|| disk.world.number());
                }
                Ok(())
            })
            .await
    }
}

impl Disk {
    async fn stranger_takes(&self, part: PartitionId) -> Result<(), StoreError> {
        let rows = self.inner.ownership().await?;
        if let Some(row) = rows.iter().find(|row| row.part == part) {
            let fence = fence_body(part, STRANGER, row.epoch + 1);
            let taken = self.inner.takeover(part, row.epoch.into(), STRANGER, &fence).await?;
            self.world.note("stranger", || format!("{part:?} {taken:?}"));
        }
        Ok(())
    }

    fn heard_of(&self, node: i32) {
        self.world.beats.lock().expect("one thread").insert(node, Instant::now());
    }
}

/// Silence by the world's clock: a database's own has nothing to do with it.
fn silent(world: &World, nodes: &mut [NodeRow]) {
    for node in nodes {
        node.silent_ms = silence(world, node.id);
    }
}

fn silence(world: &World, node: i32) -> i64 {
    let beats = world.beats.lock().expect("one thread");
    beats.get(&node).map_or(i64::MAX, |at| at.elapsed().as_millis() as i64)
}

#[async_trait]
impl Journal for Disk {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError> {
        let inner = self.inner.clone();
        let lane = self.run("lane", false, async move { inner.lane().await }).await?;
        Ok(Box::new(DiskLane { disk: self.clone(), inner: Arc::new(Mutex::new(lane)) }))
    }

    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        let inner = self.inner.clone();
        self.run("read", false, async move { inner.read(part, from, limit).await }).await
    }

    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError> {
        let inner = self.inner.clone();
        self.run("bundles", false, async move { inner.bundles(part, from, limit).await }).await
    }

    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError> {
        let inner = self.inner.clone();
        self.run("ownership", false, async move { inner.ownership().await }).await
    }

    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        let (inner, world, fence) = (self.inner.clone(), self.world.clone(), fence.to_vec());
        let take = async move {
            let rows = inner.ownership().await?;
            let owner = rows.iter().find(|row| row.part == part).and_then(|row| row.node);
            if owner.is_some_and(|owner| silence(&world, owner) < seen.silent_ms) {
                return Ok(None);
            }
            inner.takeover(part, seen.epoch.into(), node, &fence).await
        };
        let taken = self.run("takeover", true, take).await?;
        self.world.note("takeover", || format!("{} {part:?} {taken:?}", self.host.name));
        Ok(taken)
    }

    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.run("release", true, async move { inner.release(part, epoch).await }).await
    }

    async fn join(&self, address: &str) -> Result<i32, StoreError> {
        let (inner, disk, address) = (self.inner.clone(), self.clone(), address.to_owned());
        let joined = async move {
            let id = inner.join(&address).await?;
            disk.heard_of(id);
            Ok(id)
        };
        self.run("join", true, joined).await
    }

    async fn beat(&self, node: i32) -> Result<Cluster, StoreError> {
        let (inner, disk) = (self.inner.clone(), self.clone());
        let beaten = async move {
            let mut cluster = inner.beat(node).await?;
            disk.heard_of(node);
            silent(&disk.world, &mut cluster.nodes);
            Ok(cluster)
        };
        self.run("beat", true, beaten).await
    }

    async fn leave(&self, node: i32) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.run("leave", true, async move { inner.leave(node).await }).await
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let (inner, disk) = (self.inner.clone(), self.clone());
        let asked = async move {
            let mut nodes = inner.nodes().await?;
            silent(&disk.world, &mut nodes);
            Ok(nodes)
        };
        self.run("nodes", false, asked).await
    }

    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError> {
        let (inner, body) = (self.inner.clone(), body.to_vec());
        self.run("put_program", true, async move { inner.put_program(hash, &body).await }).await
    }

    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.inner.clone();
        self.run("program", false, async move { inner.program(hash).await }).await
    }

    async fn deploy(
        &self,
        by: Claim,
        namespace: &str,
        project: &str,
        program: ProgramHash,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (inner, namespace, project) = (self.inner.clone(), namespace.to_owned(), project.to_owned());
        self.run("deploy", true, async move { inner.deploy(by, &namespace, &project, program, at).await }).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let inner = self.inner.clone();
        self.run("deployments", false, async move { inner.deployments().await }).await
    }

    async fn closed_run(
        &self,
        part: PartitionId,
        namespace: &str,
        workflow_id: &WorkflowId,
        run_id: Option<RunId>,
    ) -> Result<Option<ClosedRun>, StoreError> {
        let (inner, namespace, workflow_id) = (self.inner.clone(), namespace.to_owned(), workflow_id.clone());
        let asked = async move { inner.closed_run(part, &namespace, &workflow_id, run_id).await };
        self.run("closed_run", false, asked).await
    }

    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError> {
        let (inner, page) = (self.inner.clone(), page.clone());
        self.run("list_closed", false, async move { inner.list_closed(&page).await }).await
    }

    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError> {
        let (inner, namespace, filter) = (self.inner.clone(), namespace.to_owned(), filter.clone());
        self.run("count_closed", false, async move { inner.count_closed(&namespace, &filter).await }).await
    }

    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError> {
        let (inner, namespace, attributes) = (
            self.inner.clone(),
            namespace.to_owned(),
            attributes.iter().map(|(name, kind)| (name.to_string(), *kind)).collect::<Vec<_>>(),
        );
        self.run("put_attributes", true, async move {
            let named: Vec<_> = attributes.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
            inner.put_attributes(by, &namespace, &named).await
        })
        .await
    }

    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError> {
        let inner = self.inner.clone();
        self.run("attributes", false, async move { inner.attributes().await }).await
    }

    async fn blobs(&self, run: RunId, hashes: &[[u8; 32]]) -> Result<Vec<([u8; 32], Vec<u8>)>, StoreError> {
        let (inner, hashes) = (self.inner.clone(), hashes.to_vec());
        self.run("blobs", false, async move { inner.blobs(run, &hashes).await }).await
    }

    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError> {
        let inner = self.inner.clone();
        self.run("snapshots", false, async move { inner.snapshots(part).await }).await
    }

    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        self.run("oldest_closed", false, async move { inner.oldest_closed(&namespace).await }).await
    }

    async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        self.run("forget_closed", true, async move { inner.forget_closed(by, &namespace, before, limit).await }).await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let inner = self.inner.clone();
        self.run("namespaces", false, async move { inner.namespaces().await }).await
    }

    async fn put_namespace(&self, by: Claim, namespace: &Namespace) -> Result<(), StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.clone());
        self.run("put_namespace", true, async move { inner.put_namespace(by, &namespace).await }).await
    }

    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        let (inner, name) = (self.inner.clone(), name.to_owned());
        self.run("drop_namespace", true, async move { inner.drop_namespace(by, &name).await }).await
    }

    async fn closed_ids(
        &self,
        part: PartitionId,
        after: Option<(String, WorkflowId)>,
        limit: usize,
    ) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError> {
        let inner = self.inner.clone();
        self.run("closed_ids", false, async move { inner.closed_ids(part, after, limit).await }).await
    }

    async fn durability(&self) -> Result<Durability, StoreError> {
        self.inner.durability().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.run("ping", false, async move { inner.ping().await }).await
    }
}
