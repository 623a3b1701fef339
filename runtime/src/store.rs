//! The journal: one append-only log per partition, the rows that ride along, and who owns what. A store holds rows and
//! transactions and makes no workflow decision. Three of them: memory, SQLite, PostgreSQL.

mod cold;
pub mod memory;
mod postgres;
mod sql;
mod sqlite;
pub mod yardstick;

use std::sync::Arc;

use async_trait::async_trait;
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, Payload, RunId, Timestamp, WorkflowId};

use crate::filter::{Filter, Kind};
use crate::namespaces::Namespace;

/// Bytes of a chunk's body at most: a row that stays on its page.
pub const CHUNK_BYTES_MAX: usize = 8_000;

/// One row of a partition's log. Sequence numbers are dense; the key `(part, seq)` is the fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The partition.
    pub part: PartitionId,
    /// The position, one after the chunk before.
    pub seq: LogSeq,
    /// Epoch of the owner that wrote it.
    pub epoch: u64,
    /// Frames, at most [`CHUNK_BYTES_MAX`]; a longer frame goes on in the next chunk.
    pub body: Vec<u8>,
}

/// Chunks of a log once more, in one row: a cache, which may be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The partition.
    pub part: PartitionId,
    /// The place of the first chunk.
    pub from: LogSeq,
    /// The place of the last.
    pub to: LogSeq,
    /// Encoded by the runtime.
    pub body: Vec<u8>,
}

/// The row of a closed run.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedRun {
    /// Namespace.
    pub namespace: String,
    /// Workflow id.
    pub workflow_id: WorkflowId,
    /// Run id (its partition is the row's).
    pub run_id: RunId,
    /// Workflow name.
    pub workflow: String,
    /// Status as stored, see `protocol::api::Status`.
    pub status: i16,
    /// When it started.
    pub started: Timestamp,
    /// When it closed.
    pub closed: Timestamp,
    /// Search attributes, a JSON object.
    pub attributes: String,
    /// What filters may ask of it beside these columns: its [search document](crate::filter::search).
    pub search: String,
    /// Whole history, encoded by the runtime.
    pub history: Vec<u8>,
}

/// What one commit writes: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Append {
    /// Log chunks, of any partitions this lane serves; per partition in order.
    pub chunks: Vec<Chunk>,
    /// Rows of runs that closed.
    pub closed: Vec<ClosedRun>,
    /// Large values that the chunks refer to; one that is there already stays.
    pub blobs: Vec<Blob>,
    /// Ids whose rows go, after those that come.
    pub deleted: Vec<DeletedId>,
    /// Snapshots of runs after events that are durable now at the latest; each replaces the one before.
    pub snapshots: Vec<SnapshotRow>,
    /// Runs whose snapshots go.
    pub ended: Vec<RunId>,
    /// Chunks that are durable now at the latest, once more; each replaces one that begins at the same place.
    pub bundles: Vec<Bundle>,
}

impl Append {
    /// Takes everything out of it but its memory.
    pub fn clear(&mut self) {
        let Append { chunks, closed, blobs, deleted, snapshots, ended, bundles } = self;
        chunks.clear();
        closed.clear();
        blobs.clear();
        deleted.clear();
        snapshots.clear();
        ended.clear();
        bundles.clear();
    }

    /// Takes everything of these partitions out of it.
    pub fn leave_out(&mut self, parts: &[PartitionId]) {
        let Append { chunks, closed, blobs, deleted, snapshots, ended, bundles } = self;
        chunks.retain(|chunk| !parts.contains(&chunk.part));
        closed.retain(|row| !parts.contains(&row.run_id.partition()));
        blobs.retain(|blob| !parts.contains(&blob.run.partition()));
        deleted.retain(|id| !parts.contains(&id.upto.partition()));
        snapshots.retain(|row| !parts.contains(&row.run.partition()));
        ended.retain(|run| !parts.contains(&run.partition()));
        bundles.retain(|bundle| !parts.contains(&bundle.part));
    }

    /// Whether it has chunks and rows of closed runs only.
    pub fn is_plain(&self) -> bool {
        let Append { chunks: _, closed: _, blobs, deleted, snapshots, ended, bundles } = self;
        blobs.is_empty() && deleted.is_empty() && snapshots.is_empty() && ended.is_empty() && bundles.is_empty()
    }
}

/// The state of an open run after some of its events: a cache, which may be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Whose.
    pub run: RunId,
    /// After how many events.
    pub events: u64,
    /// Encoded by the runtime.
    pub body: Vec<u8>,
}

/// A value too large for the log, of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Whose.
    pub run: RunId,
    /// Its hash: its name within the run.
    pub hash: [u8; 32],
    /// The value.
    pub body: Payload,
}

/// A workflow id whose closed runs are forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedId {
    /// Namespace.
    pub namespace: String,
    /// Workflow id.
    pub workflow_id: WorkflowId,
    /// This run and all before it; its partition is that of the rows.
    pub upto: RunId,
}

/// Why a store did not do it; named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A chunk's place in the log is taken: read the tail. An own identical chunk means the commit had happened;
    /// anything else, that this node is deposed. Or a [`Claim`] is over.
    #[error("another node has taken over: a place in the log is taken already, or an epoch is over")]
    Conflict,
    /// The store did not answer or refused for now (away, full, read-only): retry with backoff. The commit may have
    /// happened.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Stored bytes are not what was written: stop and say so. Never guess.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// The store can never do this (wrong URL, schema of a newer version, no permission).
    #[error("{0}")]
    Unusable(String),
}

/// What a node has seen of a partition that it would take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its epoch.
    pub epoch: u64,
    /// How long its owner had been silent. An owner that has said since that it lives answers from memory for the time of its
    /// lease.
    pub silent_ms: i64,
}

impl From<u64> for Seen {
    /// An epoch, whatever its owner says.
    fn from(epoch: u64) -> Seen {
        Seen { epoch, silent_ms: i64::MIN }
    }
}

/// A partition's ownership row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The partition.
    pub part: PartitionId,
    /// Fencing epoch; grows with each takeover.
    pub epoch: u64,
    /// The owner, if any.
    pub node: Option<i32>,
    /// First chunk still needed.
    pub low: LogSeq,
}

/// As whom a row beside the log is written: the owner of a partition, in one epoch. Whoever was taken over since writes
/// nothing: what the next owner has read stays as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The partition.
    pub part: PartitionId,
    /// Its epoch, which the takeover began.
    pub epoch: u64,
}

/// A live or silent node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Its number.
    pub id: i32,
    /// Where its API listens.
    pub address: String,
    /// Milliseconds since its last heartbeat, on the store's own clock.
    pub silent_ms: i64,
}

/// The nodes and who owns what, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// All nodes by number.
    pub nodes: Vec<NodeRow>,
    /// All partitions in order.
    pub partitions: Vec<Ownership>,
}

/// A deployment: current code of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Namespace.
    pub namespace: String,
    /// Order within the namespace.
    pub seq: u64,
    /// Project.
    pub project: String,
    /// Program.
    pub program: ProgramHash,
    /// When.
    pub at: Timestamp,
}

/// A page of the closed runs of a namespace, newest start first.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedPage {
    /// Namespace.
    pub namespace: String,
    /// Which of them.
    pub filter: Filter,
    /// Only rows after this one in the order (started descending, run id descending).
    pub after: Option<(Timestamp, RunId)>,
    /// Rows at most.
    pub limit: usize,
}

/// How durable a commit of this store is, for `weft bench` and `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// Whether a reply means the data survives power loss, as far as the store says.
    pub durable: bool,
    /// The settings that decide it, by name.
    pub settings: Vec<(String, String)>,
}

/// What a store is created with; an existing one keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Partitions of a new store: 1 to [`PARTITIONS_MAX`]. By default 8 on PostgreSQL, 1 elsewhere.
    pub partitions: Option<u16>,
}

/// Partitions a store can have.
pub const PARTITIONS_MAX: u16 = 1_024;

/// Opens `postgres://…`, `sqlite:PATH` or `memory:`, creating or migrating its tables.
///
/// # Errors
/// [`StoreError::Unusable`] if the URL, the credentials or the schema can never do; [`StoreError::Unavailable`] if the
/// store does not answer for now.
pub async fn open(url: &str, options: &StoreOptions) -> Result<Arc<dyn Journal>, StoreError> {
    if options.partitions.is_some_and(|n| n == 0 || n > PARTITIONS_MAX) {
        return Err(StoreError::Unusable(format!("a store has 1 to {PARTITIONS_MAX} partitions")));
    }
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::Postgres::open(url, options).await?)),
        Some(("sqlite", path)) => Ok(Arc::new(sqlite::Sqlite::open(path, options).await?)),
        Some(("memory", "" | "//")) => Ok(Arc::new(memory::Memory::new(options.partitions.unwrap_or(1)))),
        // The text is not repeated: it may hold a password.
        _ => Err(StoreError::Unusable(
            "this is no URL of a store: give postgres://USER@HOST/DATABASE, sqlite:PATH or memory:".into(),
        )),
    }
}

/// Opens a store that is there to be read only: nothing is created, migrated or written. For data on this machine that
/// no process serves, so SQLite only.
///
/// # Errors
/// [`StoreError::Unusable`] if it is no SQLite store, is not there, or has tables of another version.
pub async fn open_to_read(url: &str) -> Result<Arc<dyn Journal>, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(Arc::new(sqlite::Sqlite::open_to_read(path).await?)),
        _ => Err(StoreError::Unusable("only a SQLite store can be read beside its server".into())),
    }
}

/// A connection that appends. One append is in flight at a time; several lanes run side by side.
#[async_trait]
pub trait Lane: Send {
    /// Writes everything in one statement and commit.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if any `(part, seq)` exists: then nothing was written. [`StoreError::Unavailable`] if
    /// the outcome is unknown: send the same append again, the key makes it exactly once.
    async fn append(&mut self, append: &Append) -> Result<(), StoreError>;
}

/// The store of a cluster of nodes.
#[async_trait]
pub trait Journal: Send + Sync + std::fmt::Debug {
    /// Number of partitions, fixed when the store was created.
    fn partitions(&self) -> u16;
    /// Opens a lane.
    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError>;
    /// Chunks of a partition from `from` on, in order, at most `limit`.
    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError>;
    /// Bundles of a partition that begin at `from` or later, in order, at most `limit`.
    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError>;
    /// Ownership rows of all partitions.
    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError>;
    /// Takes a partition over if it still is as it was `seen`: the epoch grows by one and a fence chunk with `fence` as its
    /// body takes the next place in the log, in one transaction. Returns the new epoch and the place of the fence; nothing
    /// if another node was faster, or the owner has been heard of since.
    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError>;
    /// Gives a partition back if `epoch` still is its epoch.
    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError>;
    /// Registers a node and gives it a number that no node had before. Nodes silent for a day that own nothing go.
    async fn join(&self, address: &str) -> Result<i32, StoreError>;
    /// Says that the node lives and tells how the cluster looks: the one statement an idle node sends, once a second.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the node is registered no longer: it must join again.
    async fn beat(&self, node: i32) -> Result<Cluster, StoreError>;
    /// Removes the node.
    async fn leave(&self, node: i32) -> Result<(), StoreError>;
    /// All nodes.
    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError>;
    /// Stores a program with its sources; the same hash again changes nothing.
    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError>;
    /// Reads a program.
    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError>;
    /// Makes a program current for its project.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the claim is over: then nothing was written.
    async fn deploy(
        &self,
        by: Claim,
        namespace: &str,
        project: &str,
        program: ProgramHash,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// The current deployment of each project of each namespace.
    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError>;
    /// The newest closed run of a workflow id, or the one with this run id.
    async fn closed_run(
        &self,
        part: PartitionId,
        namespace: &str,
        workflow_id: &WorkflowId,
        run_id: Option<RunId>,
    ) -> Result<Option<ClosedRun>, StoreError>;
    /// Closed runs without their histories.
    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError>;
    /// How many closed runs there are of each stored status and workflow.
    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError>;
    /// Keeps what kind the search attributes of a namespace are; the newest word about a name holds.
    ///
    /// # Errors
    /// As [`Journal::deploy`].
    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError>;
    /// All search attributes ever declared: namespace, name, kind.
    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError>;
    /// Large values of a run, those of them that are there: hash and bytes.
    async fn blobs(&self, run: RunId, hashes: &[[u8; 32]]) -> Result<Vec<([u8; 32], Vec<u8>)>, StoreError>;
    /// The newest snapshot of each run of a partition that has one.
    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError>;
    /// When the closed run of a namespace that closed first did.
    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError>;
    /// Deletes closed runs of a namespace that closed before a time, the oldest first, at most `limit`, with their
    /// large values; how many.
    ///
    /// # Errors
    /// As [`Journal::deploy`].
    async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError>;
    /// All namespaces that were created or changed.
    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError>;
    /// Creates or changes a namespace.
    ///
    /// # Errors
    /// As [`Journal::deploy`].
    async fn put_namespace(&self, by: Claim, namespace: &Namespace) -> Result<(), StoreError>;
    /// Deletes a namespace with its deployments and attributes.
    ///
    /// # Errors
    /// As [`Journal::deploy`].
    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError>;
    /// Ids of the newest closed run per workflow id of a partition: what the owner needs to know at once that an id is
    /// free without asking the store. Workflow id and run id; in pages after `after`.
    async fn closed_ids(
        &self,
        part: PartitionId,
        after: Option<(String, WorkflowId)>,
        limit: usize,
    ) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError>;
    /// How durable commits are.
    async fn durability(&self) -> Result<Durability, StoreError>;
    /// Cheap check that the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
    /// At a clean end, after the last write: puts what was written where it belongs, if the store has it elsewhere.
    async fn tidy(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
