//! A real database in a world of virtual time: each operation runs in a runtime of its own, and the world's one thread
//! stands still until it is done. To the world it takes no time.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;

use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};
use weft_runtime::filter::{Filter, Kind};
use weft_runtime::namespaces::Namespace;
use weft_runtime::store::{
    self, Append, Bundle, Chunk, Claim, ClosedPage, ClosedRun, Cluster, Deployment, Durability, Journal, Lane, NodeRow,
    Ownership, Seen, SnapshotRow, StoreError, StoreOptions,
};

/// A store behind a thread of its own.
#[derive(Debug, Clone)]
pub(crate) struct Real {
    runtime: Arc<Runtime>,
    inner: Arc<dyn Journal>,
}

impl Real {
    /// Opens a store with so many partitions.
    pub(crate) fn open(url: &str, partitions: u16) -> Real {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime can be built"));
        let options = StoreOptions { partitions: Some(partitions) };
        let inner = runtime.block_on(store::open(url, &options)).expect("the store can be opened");
        Real { runtime, inner }
    }

    /// Does something to the end while the world stands still.
    fn still<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, is_done) = mpsc::channel();
        self.runtime.spawn(async move {
            let _ = done.send(work.await);
        });
        is_done.recv().expect("the work ends")
    }
}

struct RealLane {
    real: Real,
    inner: Arc<Mutex<Box<dyn Lane>>>,
}

#[async_trait]
impl Lane for RealLane {
    async fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        let (lane, append) = (self.inner.clone(), append.clone());
        self.real.still(async move { lane.lock().await.append(&append).await })
    }
}

#[async_trait]
impl Journal for Real {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError> {
        let inner = self.inner.clone();
        let lane = self.still(async move { inner.lane().await })?;
        Ok(Box::new(RealLane { real: self.clone(), inner: Arc::new(Mutex::new(lane)) }))
    }

    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.read(part, from, limit).await })
    }

    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.bundles(part, from, limit).await })
    }

    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.ownership().await })
    }

    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        let (inner, fence) = (self.inner.clone(), fence.to_vec());
        self.still(async move { inner.takeover(part, seen, node, &fence).await })
    }

    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.release(part, epoch).await })
    }

    async fn join(&self, address: &str) -> Result<i32, StoreError> {
        let (inner, address) = (self.inner.clone(), address.to_owned());
        self.still(async move { inner.join(&address).await })
    }

    async fn beat(&self, node: i32) -> Result<Cluster, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.beat(node).await })
    }

    async fn leave(&self, node: i32) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.leave(node).await })
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.nodes().await })
    }

    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError> {
        let (inner, body) = (self.inner.clone(), body.to_vec());
        self.still(async move { inner.put_program(hash, &body).await })
    }

    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.program(hash).await })
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
        self.still(async move { inner.deploy(by, &namespace, &project, program, at).await })
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.deployments().await })
    }

    async fn closed_run(
        &self,
        part: PartitionId,
        namespace: &str,
        workflow_id: &WorkflowId,
        run_id: Option<RunId>,
    ) -> Result<Option<ClosedRun>, StoreError> {
        let (inner, namespace, workflow_id) = (self.inner.clone(), namespace.to_owned(), workflow_id.clone());
        self.still(async move { inner.closed_run(part, &namespace, &workflow_id, run_id).await })
    }

    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError> {
        let (inner, page) = (self.inner.clone(), page.clone());
        self.still(async move { inner.list_closed(&page).await })
    }

    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError> {
        let (inner, namespace, filter) = (self.inner.clone(), namespace.to_owned(), filter.clone());
        self.still(async move { inner.count_closed(&namespace, &filter).await })
    }

    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError> {
        let (inner, namespace, attributes) = (
            self.inner.clone(),
            namespace.to_owned(),
            attributes.iter().map(|(name, kind)| (name.to_string(), *kind)).collect::<Vec<_>>(),
        );
        self.still(async move {
            let named: Vec<_> = attributes.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
            inner.put_attributes(by, &namespace, &named).await
        })
    }

    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.attributes().await })
    }

    async fn blobs(&self, run: RunId, hashes: &[[u8; 32]]) -> Result<Vec<([u8; 32], Vec<u8>)>, StoreError> {
        let (inner, hashes) = (self.inner.clone(), hashes.to_vec());
        self.still(async move { inner.blobs(run, &hashes).await })
    }

    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.snapshots(part).await })
    }

    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        self.still(async move { inner.oldest_closed(&namespace).await })
    }

    async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        self.still(async move { inner.forget_closed(by, &namespace, before, limit).await })
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.namespaces().await })
    }

    async fn put_namespace(&self, by: Claim, namespace: &Namespace) -> Result<(), StoreError> {
        let (inner, namespace) = (self.inner.clone(), namespace.clone());
        self.still(async move { inner.put_namespace(by, &namespace).await })
    }

    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        let (inner, name) = (self.inner.clone(), name.to_owned());
        self.still(async move { inner.drop_namespace(by, &name).await })
    }

    async fn closed_ids(
        &self,
        part: PartitionId,
        after: Option<(String, WorkflowId)>,
        limit: usize,
    ) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.closed_ids(part, after, limit).await })
    }

    async fn durability(&self) -> Result<Durability, StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.durability().await })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        self.still(async move { inner.ping().await })
    }
}
