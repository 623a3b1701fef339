//! The journal in one SQLite file: WAL, `synchronous=FULL`, one connection that writes and a few that read. The same
//! tables, the same frames and the same fence as on PostgreSQL.

mod connect;
mod migrate;
mod write;
pub(super) mod yardstick;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite as Db};
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};

use self::connect::classify;
use self::write::{SqliteLane, Writer};
use super::cold::{KIND_SNAPSHOT, snapshot_rows};
use super::sql::{Condition, Dialect};
use super::{
    Bundle, Chunk, Claim, ClosedPage, ClosedRun, Cluster, Deployment, Durability, Journal, Lane, NodeRow, Ownership,
    Seen, SnapshotRow, StoreError, StoreOptions,
};
use crate::filter::{Filter, Key, Kind};
use crate::namespaces::Namespace;

/// Bits of a sequence number within a place.
const SEQ_BITS: u32 = 48;
/// Milliseconds since 1970 on SQLite's clock.
const NOW: &str = "cast(unixepoch('now', 'subsec') * 1000 as integer)";

/// The journal in one file.
pub(super) struct Sqlite {
    path: PathBuf,
    writer: Arc<Writer>,
    readers: SqlitePool,
    /// One connection for what a heartbeat reads: whoever reads slowly must not cost the lease.
    beats: SqlitePool,
    partitions: u16,
}

/// A log place as the table's key.
fn place(part: PartitionId, seq: LogSeq) -> i64 {
    i64::from(part.0) << SEQ_BITS | seq.0 as i64
}

/// The sequence number of a place.
fn seq_of(place: i64) -> LogSeq {
    LogSeq(place as u64 & ((1 << SEQ_BITS) - 1))
}

impl Sqlite {
    /// Opens the file, creating it and its folder, and migrates.
    pub(super) async fn open(path: &str, options: &StoreOptions) -> Result<Sqlite, StoreError> {
        let path = connect::path(path)?;
        let mut connection = connect::create(&path).await?;
        let partitions = migrate::migrate(&mut connection, options.partitions.unwrap_or(1)).await?;
        let (readers, beats) = (connect::readers(&path, connect::READERS_MAX), connect::readers(&path, 1));
        Ok(Sqlite { writer: Arc::new(Writer::new(path.clone(), connection)), readers, beats, partitions, path })
    }

    /// Opens the file as it is; SQLite itself refuses every write.
    pub(super) async fn open_to_read(path: &str) -> Result<Sqlite, StoreError> {
        let path = connect::path(path)?;
        let mut connection = connect::open_to_read(&path).await?;
        let partitions = migrate::current(&mut connection).await?;
        let (readers, beats) = (connect::readers(&path, connect::READERS_MAX), connect::readers(&path, 1));
        Ok(Sqlite { writer: Arc::new(Writer::new(path.clone(), connection)), readers, beats, partitions, path })
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SQLite file {}", self.path.display())
    }
}

#[async_trait]
impl Journal for Sqlite {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError> {
        Ok(Box::new(SqliteLane(self.writer.clone())))
    }

    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        let query =
            sqlx::query("select place, epoch, body from log_0 where place >= ? and place < ? order by place limit ?")
                .bind(place(part, from))
                .bind(place(PartitionId(part.0 + 1), LogSeq(0)))
                .bind(limit as i64);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter()
            .map(|row| {
                let epoch: i64 = get(row, 1)?;
                Ok(Chunk { part, seq: seq_of(get(row, 0)?), epoch: epoch as u64, body: get(row, 2)? })
            })
            .collect()
    }

    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError> {
        let query =
            sqlx::query("select place, upto, body from bundle where place >= ? and place < ? order by place limit ?")
                .bind(place(part, from))
                .bind(place(PartitionId(part.0 + 1), LogSeq(0)))
                .bind(limit as i64);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter()
            .map(|row| {
                let (from, to) = (seq_of(get(row, 0)?), seq_of(get(row, 1)?));
                Ok(Bundle { part, from, to, body: get(row, 2)? })
            })
            .collect()
    }

    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError> {
        ownerships(&self.readers).await
    }

    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        self.writer.takeover(part, seen, node, fence).await
    }

    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError> {
        let query =
            sqlx::query("update part set node = null where id = ? and epoch = ?").bind(part.0).bind(epoch as i64);
        self.writer.execute(query).await.map(drop)
    }

    async fn join(&self, address: &str) -> Result<i32, StoreError> {
        self.writer.join(address).await
    }

    async fn beat(&self, node: i32) -> Result<Cluster, StoreError> {
        let beat = format!("update node set beat = {NOW} where id = ?");
        if self.writer.execute(sqlx::query(&beat).bind(node)).await? == 0 {
            return Err(StoreError::Conflict);
        }
        Ok(Cluster { nodes: nodes(&self.beats).await?, partitions: ownerships(&self.beats).await? })
    }

    async fn leave(&self, node: i32) -> Result<(), StoreError> {
        self.writer.execute(sqlx::query("delete from node where id = ?").bind(node)).await.map(drop)
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        nodes(&self.readers).await
    }

    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError> {
        let query = sqlx::query("insert into program (hash, body) values (?, ?) on conflict do nothing")
            .bind(hash.0.as_slice())
            .bind(body);
        self.writer.execute(query).await.map(drop)
    }

    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query("select body from program where hash = ?").bind(hash.0.as_slice());
        let row = query.fetch_optional(&self.readers).await.map_err(|error| classify(&error))?;
        row.map(|row| get(&row, 0)).transpose()
    }

    async fn deploy(
        &self,
        by: Claim,
        namespace: &str,
        project: &str,
        program: ProgramHash,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert into deployment (namespace, seq, project, program, at)
             select ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4 from deployment where namespace = ?1",
        )
        .bind(namespace)
        .bind(project)
        .bind(program.0.as_slice())
        .bind(at.0);
        self.writer.claimed(by, async |tx| query.execute(tx).await.map(drop)).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        // SQLite gives the other columns of the row that has the maximum.
        let query = sqlx::query(
            "select namespace, max(seq), project, program, at from deployment group by namespace, project
             order by namespace, project",
        );
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter().map(deployment).collect()
    }

    async fn closed_run(
        &self,
        part: PartitionId,
        namespace: &str,
        workflow_id: &WorkflowId,
        run_id: Option<RunId>,
    ) -> Result<Option<ClosedRun>, StoreError> {
        let query = sqlx::query(
            "select namespace, workflow_id, run, workflow, status, started, closed, attributes, search, history from run
             where part = ?1 and namespace = ?2 and workflow_id = ?3 and (?4 is null or run = ?4)
             order by run desc limit 1",
        )
        .bind(part.0)
        .bind(namespace)
        .bind(workflow_id.as_str())
        .bind(run_id.map(|run| run.0 as i64));
        let row = query.fetch_optional(&self.readers).await.map_err(|error| classify(&error))?;
        row.map(|row| Ok(ClosedRun { history: get(&row, 9)?, ..closed(&row)? })).transpose()
    }

    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError> {
        let (after, after_run) = page.after.unwrap_or((Timestamp(i64::MAX), RunId(i64::MAX as u64)));
        let condition = Condition::of(&page.filter, Dialect::Sqlite, 4);
        let sql = format!(
            "select namespace, workflow_id, run, workflow, status, started, closed, attributes, search from run
             where namespace = ?1 and (started, run) < (?2, ?3) and {}
             order by started desc, run desc limit ?4",
            condition.sql
        );
        let query =
            sqlx::query(&sql).bind(&page.namespace).bind(after.0).bind(after_run.0 as i64).bind(page.limit as i64);
        // Filters differ: what is made of them is not worth keeping.
        let query = bound(query.persistent(false), &condition);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter().map(closed).collect()
    }

    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError> {
        let condition = Condition::of(filter, Dialect::Sqlite, 1);
        let sql = format!(
            "select status, workflow, count(*) from run where namespace = ?1 and {}
             group by status, workflow order by status, workflow",
            condition.sql
        );
        let query = bound(sqlx::query(&sql).bind(namespace).persistent(false), &condition);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter()
            .map(|row| {
                let count: i64 = get(row, 2)?;
                Ok((get(row, 0)?, get(row, 1)?, count as u64))
            })
            .collect()
    }

    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError> {
        let put = async |tx: &mut SqliteConnection| {
            for (name, kind) in attributes {
                let query = sqlx::query(
                    "insert into attribute (namespace, name, kind) values (?, ?, ?)
                     on conflict (namespace, name) do update set kind = excluded.kind",
                );
                query.bind(namespace).bind(*name).bind(kind.name()).execute(&mut *tx).await?;
            }
            Ok(())
        };
        self.writer.claimed(by, put).await
    }

    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError> {
        let query = sqlx::query("select namespace, name, kind from attribute order by namespace, name");
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        let mut out = Vec::new();
        for row in &rows {
            let kind: String = get(row, 2)?;
            // One of a later version has no filters here.
            out.extend(Kind::named(&kind).map(|kind| Ok((get(row, 0)?, get(row, 1)?, kind))));
        }
        out.into_iter().collect()
    }

    async fn blobs(&self, run: RunId, hashes: &[[u8; 32]]) -> Result<Vec<([u8; 32], Vec<u8>)>, StoreError> {
        let mut found = Vec::new();
        for hash in hashes {
            let query = sqlx::query("select body from blob where part = ? and run = ? and hash = ?")
                .bind(run.partition().0)
                .bind(run.0 as i64)
                .bind(hash.as_slice());
            let row = query.fetch_optional(&self.readers).await.map_err(|error| classify(&error))?;
            if let Some(row) = row {
                found.push((*hash, get(&row, 0)?));
            }
        }
        Ok(found)
    }

    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError> {
        let query = sqlx::query("select run, upto, body from cold where part = ? and kind = ? order by run, upto desc")
            .bind(part.0)
            .bind(KIND_SNAPSHOT);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        snapshot_rows(rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?, get(row, 2)?))))
    }

    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query("select min(closed) from run where namespace = ?1").bind(namespace);
        let row = query.fetch_one(&self.readers).await.map_err(|error| classify(&error))?;
        let oldest: Option<i64> = get(&row, 0)?;
        Ok(oldest.map(Timestamp))
    }

    async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.writer.forget_closed(by, namespace, before, limit).await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let query =
            sqlx::query("select name, retention_ms, description, created, deleted from namespace order by name");
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        let read = |row| {
            Ok(Namespace {
                name: get(row, 0)?,
                retention_ms: get(row, 1)?,
                description: get(row, 2)?,
                created: Timestamp(get(row, 3)?),
                deleted: get(row, 4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn put_namespace(&self, by: Claim, namespace: &Namespace) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert into namespace (name, retention_ms, description, created, deleted)
             values (?1, ?2, ?3, ?4, ?5)
             on conflict (name) do update set retention_ms = excluded.retention_ms,
               description = excluded.description, deleted = excluded.deleted",
        )
        .bind(&namespace.name)
        .bind(namespace.retention_ms)
        .bind(&namespace.description)
        .bind(namespace.created.0)
        .bind(namespace.deleted);
        self.writer.claimed(by, async |tx| query.execute(tx).await.map(drop)).await
    }

    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        self.writer.drop_namespace(by, name).await
    }

    async fn closed_ids(
        &self,
        part: PartitionId,
        after: Option<(String, WorkflowId)>,
        limit: usize,
    ) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError> {
        // Nothing sorts before the empty namespace, and no workflow id is empty.
        let (namespace, id) = after.unwrap_or((String::new(), WorkflowId::from("")));
        let query = sqlx::query(
            "select namespace, workflow_id, max(run) from run where part = ?1 and (namespace, workflow_id) > (?2, ?3)
             group by namespace, workflow_id order by namespace, workflow_id limit ?4",
        )
        .bind(part.0)
        .bind(namespace)
        .bind(id.as_str())
        .bind(limit as i64);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| classify(&error))?;
        rows.iter()
            .map(|row| {
                let (namespace, id, run): (_, String, i64) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
                Ok((namespace, WorkflowId::from(id.as_str()), RunId(run as u64)))
            })
            .collect()
    }

    async fn durability(&self) -> Result<Durability, StoreError> {
        self.writer.durability().await
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        self.writer.checkpoint().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.readers).await.map(drop).map_err(|error| classify(&error))
    }
}

async fn nodes(connections: &SqlitePool) -> Result<Vec<NodeRow>, StoreError> {
    let query = format!("select id, address, {NOW} - beat from node order by id");
    let rows = sqlx::query(&query).fetch_all(connections).await.map_err(|error| classify(&error))?;
    rows.iter().map(|row| Ok(NodeRow { id: get(row, 0)?, address: get(row, 1)?, silent_ms: get(row, 2)? })).collect()
}

async fn ownerships(connections: &SqlitePool) -> Result<Vec<Ownership>, StoreError> {
    let query = sqlx::query("select id, epoch, node, low from part order by id");
    let rows = query.fetch_all(connections).await.map_err(|error| classify(&error))?;
    rows.iter().map(ownership).collect()
}

/// Binds what a condition asks for.
fn bound<'q>(
    query: sqlx::query::Query<'q, Db, SqliteArguments<'q>>,
    condition: &'q Condition,
) -> sqlx::query::Query<'q, Db, SqliteArguments<'q>> {
    condition.binds.iter().fold(query, |query, key| match key {
        Key::Int(number) => query.bind(*number),
        Key::Text(text) => query.bind(text.as_str()),
    })
}

/// Reads a column. One that is not of the expected type means that somebody changed the schema.
fn get<'r, T: sqlx::Decode<'r, Db> + sqlx::Type<Db>>(row: &'r SqliteRow, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| classify(&error))
}

/// From columns id, epoch, node, low.
fn ownership(row: &SqliteRow) -> Result<Ownership, StoreError> {
    let (epoch, low): (i64, i64) = (get(row, 1)?, get(row, 3)?);
    Ok(Ownership { part: PartitionId(get(row, 0)?), epoch: epoch as u64, node: get(row, 2)?, low: LogSeq(low as u64) })
}

fn deployment(row: &SqliteRow) -> Result<Deployment, StoreError> {
    let (seq, program): (i64, Vec<u8>) = (get(row, 1)?, get(row, 3)?);
    let program = <[u8; 32]>::try_from(program).map_err(|bytes| {
        StoreError::Corrupt(format!("deployment {seq} has a program hash of {} bytes", bytes.len()))
    })?;
    Ok(Deployment {
        namespace: get(row, 0)?,
        seq: seq as u64,
        project: get(row, 2)?,
        program: ProgramHash(program),
        at: Timestamp(get(row, 4)?),
    })
}

/// A row without its history.
fn closed(row: &SqliteRow) -> Result<ClosedRun, StoreError> {
    let (id, run): (String, i64) = (get(row, 1)?, get(row, 2)?);
    Ok(ClosedRun {
        namespace: get(row, 0)?,
        workflow_id: WorkflowId::from(id.as_str()),
        run_id: RunId(run as u64),
        workflow: get(row, 3)?,
        status: get(row, 4)?,
        started: Timestamp(get(row, 5)?),
        closed: Timestamp(get(row, 6)?),
        attributes: get(row, 7)?,
        search: get(row, 8)?,
        history: Vec::new(),
    })
}
