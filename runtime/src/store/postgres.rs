//! The journal in PostgreSQL: a fenced log, not a queue. Lanes append with one statement; everything else goes through
//! a small pool.

mod connect;
mod lane;
mod migrate;
pub(super) mod yardstick;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgRow};
use sqlx::{Postgres as Db, Row};
use weft_bytecode::ProgramHash;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};

use self::connect::{classify, within};
use super::cold::{KIND_SNAPSHOT, snapshot_rows};
use super::sql::{Condition, Dialect};
use super::{
    Bundle, Chunk, Claim, ClosedPage, ClosedRun, Cluster, Deployment, Durability, Journal, Lane, NodeRow, Ownership,
    Seen, SnapshotRow, StoreError, StoreOptions,
};
use crate::filter::{Filter, Key, Kind};
use crate::namespaces::Namespace;

/// Partitions of a new store: each one that a commit touches costs a row in it.
const PARTITIONS: u16 = 8;
/// Tries of a takeover that meets the owner's last appends.
const RACE_TRIES_MAX: usize = 100;

/// The journal in one PostgreSQL database.
pub(super) struct Postgres {
    options: PgConnectOptions,
    pool: PgPool,
    /// One connection for heartbeats alone: whoever reads slowly must not cost the lease.
    beats: PgPool,
    partitions: u16,
    place: String,
}

impl Postgres {
    /// Connects and migrates.
    pub(super) async fn open(url: &str, options: &StoreOptions) -> Result<Postgres, StoreError> {
        let connect = connect::options(url)?;
        let place = connect::place(&connect);
        let partitions = migrate::migrate(&connect, options.partitions.unwrap_or(PARTITIONS)).await?;
        let pool = connect::pool(&connect, connect::POOL_CONNECTIONS_MAX);
        let beats = connect::pool(&connect, 1);
        Ok(Postgres { options: connect, pool, beats, partitions, place })
    }

    /// Runs an insert that takes a free place, again if another node took it first.
    async fn race<'q, F>(&self, query: F) -> Result<Option<PgRow>, StoreError>
    where
        F: Fn() -> sqlx::query::Query<'q, Db, sqlx::postgres::PgArguments>,
    {
        for _ in 0..RACE_TRIES_MAX {
            match within(query().fetch_optional(&self.pool)).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Unavailable("other nodes were faster a hundred times in a row".into()))
    }

    /// Runs `work` in one transaction that a takeover of the claimed partition waits for, if the claim still holds.
    async fn claimed<T>(
        &self,
        by: Claim,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = within(async {
            let mut tx = self.pool.begin().await?;
            let hold = sqlx::query("select 1 from part where id = $1 and epoch = $2 for no key update");
            let hold = hold.bind(i32::from(by.part.0)).bind(by.epoch as i64);
            if hold.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(None);
            }
            let done = work(&mut tx).await?;
            tx.commit().await?;
            Ok(Some(done))
        });
        done.await?.ok_or(StoreError::Conflict)
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)
    }
}

#[async_trait]
impl Journal for Postgres {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, StoreError> {
        Ok(Box::new(lane::PostgresLane::open(self.options.clone()).await?))
    }

    async fn read(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        let query =
            sqlx::query("select seq, epoch, body from log_0 where part = $1 and seq >= $2 order by seq limit $3")
                .bind(i32::from(part.0))
                .bind(from.0 as i64)
                .bind(limit as i64);
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter()
            .map(|row| {
                let (seq, epoch): (i64, i64) = (get(row, 0)?, get(row, 1)?);
                Ok(Chunk { part, seq: LogSeq(seq as u64), epoch: epoch as u64, body: get(row, 2)? })
            })
            .collect()
    }

    async fn bundles(&self, part: PartitionId, from: LogSeq, limit: usize) -> Result<Vec<Bundle>, StoreError> {
        let query =
            sqlx::query("select seq, upto, body from bundle where part = $1 and seq >= $2 order by seq limit $3")
                .bind(i32::from(part.0))
                .bind(from.0 as i64)
                .bind(limit as i64);
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter()
            .map(|row| {
                let (from, to): (i64, i64) = (get(row, 0)?, get(row, 1)?);
                Ok(Bundle { part, from: LogSeq(from as u64), to: LogSeq(to as u64), body: get(row, 2)? })
            })
            .collect()
    }

    async fn ownership(&self) -> Result<Vec<Ownership>, StoreError> {
        let query = sqlx::query("select id, epoch, node, low from part order by id");
        within(query.fetch_all(&self.pool)).await?.iter().map(ownership).collect()
    }

    async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        // The row of the owner is locked: its next heartbeat comes before this, which takes nothing then, or after, and is told
        // that it owns nothing any more. One statement is one transaction. An append of the old owner that is under way takes the same place: one of
        // the two fails on the key, and if it is this one it sees the longer log on its next try.
        let row = self
            .race(|| {
                sqlx::query(
                    "with owner as (
                       select beat from node where id = (select node from part where id = $1) for update
                     ), taken as (
                       update part set epoch = epoch + 1, node = $3 where id = $1 and epoch = $2 and not exists (
                         select 1 from owner where extract(epoch from clock_timestamp() - beat) * 1000 < $5
                       ) returning epoch, low
                     )
                     insert into log_0 (part, seq, epoch, body)
                     select $1, greatest(coalesce((select max(seq) from log_0 where part = $1), 0) + 1, low), epoch, $4
                     from taken returning epoch, seq",
                )
                .bind(i32::from(part.0))
                .bind(seen.epoch as i64)
                .bind(node)
                .bind(fence)
                .bind(seen.silent_ms as f64)
            })
            .await?;
        row.map(|row| {
            let (epoch, seq): (i64, i64) = (get(&row, 0)?, get(&row, 1)?);
            Ok((epoch as u64, LogSeq(seq as u64)))
        })
        .transpose()
    }

    async fn release(&self, part: PartitionId, epoch: u64) -> Result<(), StoreError> {
        let query = sqlx::query("update part set node = null where id = $1 and epoch = $2")
            .bind(i32::from(part.0))
            .bind(epoch as i64);
        within(query.execute(&self.pool)).await.map(drop)
    }

    async fn join(&self, address: &str) -> Result<i32, StoreError> {
        let forget = sqlx::query(
            "delete from node where beat < clock_timestamp() - interval '1 day'
             and not exists (select 1 from part where part.node = node.id)",
        );
        within(forget.execute(&self.pool)).await?;
        let join = sqlx::query(
            "with next as (update store set nodes_ever = nodes_ever + 1 returning nodes_ever)
             insert into node (id, address, beat) select nodes_ever, $1, clock_timestamp() from next returning id",
        )
        .bind(address);
        get(&within(join.fetch_one(&self.pool)).await?, 0)
    }

    async fn beat(&self, node: i32) -> Result<Cluster, StoreError> {
        // Two statements: what the second sees is not older than the beat. A takeover that the beat waited for is in it.
        let beat = sqlx::query("update node set beat = clock_timestamp() where id = $1").bind(node);
        if within(beat.execute(&self.beats)).await?.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        let query = sqlx::query(
            "select id, null::bigint, null::int, null::bigint, address,
               (extract(epoch from clock_timestamp() - beat) * 1000)::bigint from node
             union all
             select id, epoch, node, low, null, null from part
             order by 1",
        );
        let rows = within(query.fetch_all(&self.beats)).await?;
        let mut cluster = Cluster::default();
        for row in &rows {
            match get::<Option<String>>(row, 4)? {
                Some(address) => {
                    cluster.nodes.push(NodeRow { id: get(row, 0)?, address, silent_ms: get(row, 5)? });
                }
                None => cluster.partitions.push(ownership(row)?),
            }
        }
        if cluster.nodes.iter().all(|row| row.id != node) {
            return Err(StoreError::Conflict);
        }
        Ok(cluster)
    }

    async fn leave(&self, node: i32) -> Result<(), StoreError> {
        let query = sqlx::query("delete from node where id = $1").bind(node);
        within(query.execute(&self.pool)).await.map(drop)
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let query = sqlx::query(
            "select id, address, (extract(epoch from clock_timestamp() - beat) * 1000)::bigint from node order by id",
        );
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter()
            .map(|row| Ok(NodeRow { id: get(row, 0)?, address: get(row, 1)?, silent_ms: get(row, 2)? }))
            .collect()
    }

    async fn put_program(&self, hash: ProgramHash, body: &[u8]) -> Result<(), StoreError> {
        let query = sqlx::query("insert into program (hash, body) values ($1, $2) on conflict do nothing")
            .bind(hash.0.as_slice())
            .bind(body);
        within(query.execute(&self.pool)).await.map(drop)
    }

    async fn program(&self, hash: ProgramHash) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query("select body from program where hash = $1").bind(hash.0.as_slice());
        within(query.fetch_optional(&self.pool)).await?.map(|row| get(&row, 0)).transpose()
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
             select $1, coalesce(max(seq), 0) + 1, $2, $3, $4 from deployment where namespace = $1",
        )
        .bind(namespace)
        .bind(project)
        .bind(program.0)
        .bind(at.0);
        self.claimed(by, async |tx| query.execute(tx).await.map(drop)).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let query = sqlx::query(
            "select distinct on (namespace, project) namespace, seq, project, program, at
             from deployment order by namespace, project, seq desc",
        );
        within(query.fetch_all(&self.pool)).await?.iter().map(deployment).collect()
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
             where part = $1 and namespace = $2 and workflow_id = $3 and ($4::bigint is null or run = $4)
             order by run desc limit 1",
        )
        .bind(i32::from(part.0))
        .bind(namespace)
        .bind(workflow_id.as_str())
        .bind(run_id.map(|run| run.0 as i64));
        let row = within(query.fetch_optional(&self.pool)).await?;
        row.map(|row| Ok(ClosedRun { history: get(&row, 9)?, ..closed(&row)? })).transpose()
    }

    async fn list_closed(&self, page: &ClosedPage) -> Result<Vec<ClosedRun>, StoreError> {
        let (after, after_run) = page.after.unwrap_or((Timestamp(i64::MAX), RunId(i64::MAX as u64)));
        let condition = Condition::of(&page.filter, Dialect::Postgres, 4);
        let sql = format!(
            "select namespace, workflow_id, run, workflow, status, started, closed, attributes, search from run
             where namespace = $1 and (started, run) < ($2, $3) and {}
             order by started desc, run desc limit $4",
            condition.sql
        );
        let query =
            sqlx::query(&sql).bind(&page.namespace).bind(after.0).bind(after_run.0 as i64).bind(page.limit as i64);
        // Filters differ: what is made of them is not worth keeping.
        let query = bound(query.persistent(false), &condition);
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter().map(closed).collect()
    }

    async fn count_closed(&self, namespace: &str, filter: &Filter) -> Result<Vec<(i16, String, u64)>, StoreError> {
        let condition = Condition::of(filter, Dialect::Postgres, 1);
        let sql = format!(
            "select status, workflow, count(*) from run where namespace = $1 and {}
             group by status, workflow order by status, workflow",
            condition.sql
        );
        let query = bound(sqlx::query(&sql).bind(namespace).persistent(false), &condition);
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter()
            .map(|row| {
                let count: i64 = get(row, 2)?;
                Ok((get(row, 0)?, get(row, 1)?, count as u64))
            })
            .collect()
    }

    async fn put_attributes(&self, by: Claim, namespace: &str, attributes: &[(&str, Kind)]) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert into attribute (namespace, name, kind) select $1, * from unnest($2::text[], $3::text[])
             on conflict (namespace, name) do update set kind = excluded.kind",
        )
        .bind(namespace)
        .bind(attributes.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        .bind(attributes.iter().map(|(_, kind)| kind.name()).collect::<Vec<_>>());
        self.claimed(by, async |tx| query.execute(tx).await.map(drop)).await
    }

    async fn attributes(&self) -> Result<Vec<(String, String, Kind)>, StoreError> {
        let query = sqlx::query("select namespace, name, kind from attribute order by namespace, name");
        let rows = within(query.fetch_all(&self.pool)).await?;
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
        // One at a time: a value may have megabytes.
        for hash in hashes {
            let query = sqlx::query("select body from blob where part = $1 and run = $2 and hash = $3")
                .bind(i32::from(run.partition().0))
                .bind(run.0 as i64)
                .bind(hash.as_slice());
            if let Some(row) = within(query.fetch_optional(&self.pool)).await? {
                found.push((*hash, get(&row, 0)?));
            }
        }
        Ok(found)
    }

    async fn snapshots(&self, part: PartitionId) -> Result<Vec<SnapshotRow>, StoreError> {
        let query =
            sqlx::query("select run, upto, body from cold where part = $1 and kind = $2 order by run, upto desc")
                .bind(i32::from(part.0))
                .bind(KIND_SNAPSHOT);
        let rows = within(query.fetch_all(&self.pool)).await?;
        snapshot_rows(rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?, get(row, 2)?))))
    }

    async fn oldest_closed(&self, namespace: &str) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query("select min(closed) from run where namespace = $1").bind(namespace);
        let row = within(query.fetch_one(&self.pool)).await?;
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
        let query = sqlx::query(
            "with gone as (
               delete from run where (part, namespace, workflow_id, run) in (
                 select part, namespace, workflow_id, run from run where namespace = $1 and closed < $2
                 order by closed, run limit $3
               ) returning part, run
             ), blobs as (
               delete from blob using gone where blob.part = gone.part and blob.run = gone.run
             )
             select count(*) from gone",
        )
        .bind(namespace)
        .bind(before.0)
        .bind(limit as i64);
        let row = self.claimed(by, async |tx| query.fetch_one(tx).await).await?;
        let count: i64 = get(&row, 0)?;
        Ok(count as u64)
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let query =
            sqlx::query("select name, retention_ms, description, created, deleted from namespace order by name");
        let rows = within(query.fetch_all(&self.pool)).await?;
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
             values ($1, $2, $3, $4, $5)
             on conflict (name) do update set retention_ms = excluded.retention_ms,
               description = excluded.description, deleted = excluded.deleted",
        )
        .bind(&namespace.name)
        .bind(namespace.retention_ms)
        .bind(&namespace.description)
        .bind(namespace.created.0)
        .bind(namespace.deleted);
        self.claimed(by, async |tx| query.execute(tx).await.map(drop)).await
    }

    async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        let query = sqlx::query(
            "with deployments as (delete from deployment where namespace = $1),
               attributes as (delete from attribute where namespace = $1)
             delete from namespace where name = $1",
        );
        self.claimed(by, async |tx| query.bind(name).execute(tx).await.map(drop)).await
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
            "select namespace, workflow_id, max(run) from run where part = $1 and (namespace, workflow_id) > ($2, $3)
             group by namespace, workflow_id order by namespace, workflow_id limit $4",
        )
        .bind(i32::from(part.0))
        .bind(namespace)
        .bind(id.as_str())
        .bind(limit as i64);
        let rows = within(query.fetch_all(&self.pool)).await?;
        rows.iter()
            .map(|row| {
                let (namespace, id, run): (_, String, i64) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
                Ok((namespace, WorkflowId::from(id.as_str()), RunId(run as u64)))
            })
            .collect()
    }

    async fn durability(&self) -> Result<Durability, StoreError> {
        let query = sqlx::query(
            "select name, setting from pg_settings
             where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name",
        );
        let rows = within(query.fetch_all(&self.pool)).await?;
        let settings: Vec<(String, String)> =
            rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect::<Result<_, StoreError>>()?;
        Ok(Durability { durable: settings.iter().all(|(_, value)| value != "off"), settings })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        within(sqlx::query("select 1").execute(&self.pool)).await.map(drop)
    }
}

/// Binds what a condition asks for.
fn bound<'q>(
    query: sqlx::query::Query<'q, Db, PgArguments>,
    condition: &'q Condition,
) -> sqlx::query::Query<'q, Db, PgArguments> {
    condition.binds.iter().fold(query, |query, key| match key {
        Key::Int(number) => query.bind(*number),
        Key::Text(text) => query.bind(text.as_str()),
    })
}

/// Reads a column. One that is not of the expected type means that somebody changed the schema.
fn get<'r, T: sqlx::Decode<'r, Db> + sqlx::Type<Db>>(row: &'r PgRow, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| classify(&error))
}

/// From columns id, epoch, node, low.
fn ownership(row: &PgRow) -> Result<Ownership, StoreError> {
    let (id, epoch, low): (i32, i64, i64) = (get(row, 0)?, get(row, 1)?, get(row, 3)?);
    Ok(Ownership { part: PartitionId(id as u16), epoch: epoch as u64, node: get(row, 2)?, low: LogSeq(low as u64) })
}

fn deployment(row: &PgRow) -> Result<Deployment, StoreError> {
    let (seq, program): (i64, [u8; 32]) = (get(row, 1)?, get(row, 3)?);
    Ok(Deployment {
        namespace: get(row, 0)?,
        seq: seq as u64,
        project: get(row, 2)?,
        program: ProgramHash(program),
        at: Timestamp(get(row, 4)?),
    })
}

/// A row without its history.
fn closed(row: &PgRow) -> Result<ClosedRun, StoreError> {
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
