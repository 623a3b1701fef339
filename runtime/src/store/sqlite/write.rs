//! The one connection that writes. Lanes share it and wait for one another; a commit is a transaction of few statements
//! with many rows each.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Connection, Row, Sqlite as Db};
use tokio::sync::Mutex;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp};

use super::connect::{classify, reopen};
use super::{NOW, place, seq_of};
use crate::store::cold::KIND_SNAPSHOT;
use crate::store::{Append, Chunk, Claim, ClosedRun, Durability, Lane, Seen, StoreError};

/// Rows of one statement, largest first: whatever the number of rows, few statements are prepared and few are run.
const SHAPES: [usize; 4] = [64, 16, 4, 1];

type Query<'q> = sqlx::query::Query<'q, Db, SqliteArguments<'q>>;

pub(super) struct Writer {
    path: PathBuf,
    /// Gone after a failure; the next write opens the file again.
    connection: Mutex<Option<SqliteConnection>>,
    chunks: [String; SHAPES.len()],
    runs: [String; SHAPES.len()],
}

impl Writer {
    pub(super) fn new(path: PathBuf, connection: SqliteConnection) -> Writer {
        let many = |head: &str, row: &str, tail: &str| {
            SHAPES.map(|rows| format!("{head} values {}{tail}", vec![row; rows].join(", ")))
        };
        Writer {
            path,
            connection: Mutex::new(Some(connection)),
            chunks: many("insert into log_0 (place, epoch, body)", "(?, ?, ?)", ""),
            runs: many(
                "insert into run (part, namespace, workflow_id, run, workflow, status, started, closed, attributes, search, history)",
                "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                " on conflict do nothing",
            ),
        }
    }

    /// Runs `work` on the connection. It is taken out meanwhile: a failure, or dropping this future in the middle,
    /// closes it, and with it goes an open transaction.
    async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => reopen(&self.path).await?,
        };
        let outcome = work(&mut connection).await.map_err(|error| classify(&error));
        if matches!(outcome, Ok(_) | Err(StoreError::Conflict)) {
            *slot = Some(connection);
        }
        outcome
    }

    /// Runs one statement and tells how many rows it changed.
    pub(super) async fn execute(&self, query: Query<'_>) -> Result<u64, StoreError> {
        self.with(async |connection| Ok(query.execute(connection).await?.rows_affected())).await
    }

    async fn append(&self, append: &Append) -> Result<(), StoreError> {
        self.with(async |connection| {
            let only = append.is_plain();
            if let ([chunk], [], true) = (append.chunks.as_slice(), append.closed.as_slice(), only) {
                // One statement is a transaction by itself.
                let one = &self.chunks[SHAPES.len() - 1];
                bind_chunk(sqlx::query(one), chunk).execute(connection).await?;
                return Ok(());
            }
            let mut tx = connection.begin_with("begin immediate").await?;
            for (sql, rows) in pieces(&self.chunks, &append.chunks) {
                rows.iter().fold(sqlx::query(sql), bind_chunk).execute(&mut *tx).await?;
            }
            for (sql, rows) in pieces(&self.runs, &append.closed) {
                rows.iter().fold(sqlx::query(sql), bind_run).execute(&mut *tx).await?;
            }
            for blob in &append.blobs {
                sqlx::query("insert into blob (part, run, hash, body) values (?, ?, ?, ?) on conflict do nothing")
                    .bind(blob.run.partition().0)
                    .bind(blob.run.0 as i64)
                    .bind(blob.hash.as_slice())
                    .bind(blob.body.stored())
                    .execute(&mut *tx)
                    .await?;
            }
            for id in &append.deleted {
                for gone in [
                    "delete from blob where (part, run) in (
                       select part, run from run where part = ? and namespace = ? and workflow_id = ? and run <= ?
                     )",
                    "delete from run where part = ? and namespace = ? and workflow_id = ? and run <= ?",
                ] {
                    let gone = sqlx::query(gone).bind(id.upto.partition().0).bind(id.namespace.as_str());
                    gone.bind(id.workflow_id.as_str()).bind(id.upto.0 as i64).execute(&mut *tx).await?;
                }
            }
            for row in &append.snapshots {
                without_snapshot(row.run).execute(&mut *tx).await?;
                sqlx::query("insert into cold (part, run, kind, upto, body) values (?, ?, ?, ?, ?)")
                    .bind(row.run.partition().0)
                    .bind(row.run.0 as i64)
                    .bind(KIND_SNAPSHOT)
                    .bind(row.events as i64)
                    .bind(row.body.as_slice())
                    .execute(&mut *tx)
                    .await?;
            }
            for run in &append.ended {
                without_snapshot(*run).execute(&mut *tx).await?;
            }
            for bundle in &append.bundles {
                sqlx::query("insert or replace into bundle (place, upto, body) values (?, ?, ?)")
                    .bind(place(bundle.part, bundle.from))
                    .bind(place(bundle.part, bundle.to))
                    .bind(bundle.body.as_slice())
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await
        })
        .await
    }

    pub(super) async fn takeover(
        &self,
        part: PartitionId,
        seen: Seen,
        node: i32,
        fence: &[u8],
    ) -> Result<Option<(u64, LogSeq)>, StoreError> {
        self.with(async |connection| {
            let mut tx = connection.begin_with("begin immediate").await?;
            let take = format!(
                "update part set epoch = epoch + 1, node = ? where id = ? and epoch = ?
                 and not exists (select 1 from node where node.id = part.node and {NOW} - beat < ?)
                 returning epoch, low"
            );
            let take = sqlx::query(&take).bind(node).bind(part.0).bind(seen.epoch as i64).bind(seen.silent_ms);
            let taken = take.fetch_optional(&mut *tx).await?;
            let Some(taken) = taken else { return Ok(None) };
            let (epoch, low): (i64, i64) = (taken.try_get(0)?, taken.try_get(1)?);
            let fence = sqlx::query(
                "insert into log_0 (place, epoch, body)
                 select max(coalesce(max(place) + 1, 0), ?1), ?2, ?3 from log_0 where place >= ?4 and place < ?5
                 returning place",
            )
            .bind(place(part, LogSeq(low as u64)))
            .bind(epoch)
            .bind(fence)
            .bind(place(part, LogSeq(0)))
            .bind(place(PartitionId(part.0 + 1), LogSeq(0)));
            let at: i64 = fence.fetch_one(&mut *tx).await?.try_get(0)?;
            tx.commit().await?;
            Ok(Some((epoch as u64, seq_of(at))))
        })
        .await
    }

    pub(super) async fn join(&self, address: &str) -> Result<i32, StoreError> {
        self.with(async |connection| {
            let mut tx = connection.begin_with("begin immediate").await?;
            let forget =
                format!("delete from node where beat < {NOW} - 86400000 and id not in (select node from part where node is not null)");
            sqlx::query(&forget).execute(&mut *tx).await?;
            let next = sqlx::query("update store set nodes_ever = nodes_ever + 1 returning nodes_ever");
            let node: i32 = next.fetch_one(&mut *tx).await?.try_get(0)?;
            let join = format!("insert into node (id, address, beat) values (?, ?, {NOW})");
            sqlx::query(&join).bind(node).bind(address).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(node)
        })
        .await
    }

    /// Runs `work` in one transaction, if the claim still holds.
    pub(super) async fn claimed<T>(
        &self,
        by: Claim,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = self.with(async |connection| {
            let mut tx = connection.begin_with("begin immediate").await?;
            let holds = sqlx::query("select 1 from part where id = ? and epoch = ?");
            let holds = holds.bind(by.part.0).bind(by.epoch as i64);
            if holds.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(None);
            }
            let done = work(&mut tx).await?;
            tx.commit().await?;
            Ok(Some(done))
        });
        done.await?.ok_or(StoreError::Conflict)
    }

    pub(super) async fn forget_closed(
        &self,
        by: Claim,
        namespace: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.claimed(by, async |tx| {
            let mut gone = 0;
            for statement in [
                "delete from blob where (part, run) in (
                   select part, run from run where namespace = ? and closed < ? order by closed, run limit ?
                 )",
                "delete from run where rowid in (
                   select rowid from run where namespace = ? and closed < ? order by closed, run limit ?
                 )",
            ] {
                let query = sqlx::query(statement).bind(namespace).bind(before.0).bind(limit as i64);
                gone = query.execute(&mut *tx).await?.rows_affected();
            }
            Ok(gone)
        })
        .await
    }

    pub(super) async fn drop_namespace(&self, by: Claim, name: &str) -> Result<(), StoreError> {
        self.claimed(by, async |tx| {
            for statement in [
                "delete from deployment where namespace = ?",
                "delete from attribute where namespace = ?",
                "delete from namespace where name = ?",
            ] {
                sqlx::query(statement).bind(name).execute(&mut *tx).await?;
            }
            Ok(())
        })
        .await
    }

    /// Moves the write-ahead log into the file and empties it. Readers in the way make it less, not wrong.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        self.with(async |connection| {
            sqlx::query("pragma wal_checkpoint(truncate)").fetch_all(connection).await.map(drop)
        })
        .await
    }

    pub(super) async fn durability(&self) -> Result<Durability, StoreError> {
        self.with(async |connection| {
            let journal: String = sqlx::query("pragma journal_mode").fetch_one(&mut *connection).await?.try_get(0)?;
            let level: i32 = sqlx::query("pragma synchronous").fetch_one(connection).await?.try_get(0)?;
            let level = match level {
                0 => "OFF",
                1 => "NORMAL",
                2 => "FULL",
                _ => "EXTRA",
            };
            Ok(Durability {
                durable: matches!(level, "FULL" | "EXTRA"),
                settings: vec![("journal_mode".into(), journal.to_uppercase()), ("synchronous".into(), level.into())],
            })
        })
        .await
    }
}

fn without_snapshot(run: RunId) -> Query<'static> {
    let gone = sqlx::query("delete from cold where part = ? and run = ? and kind = ?");
    gone.bind(run.partition().0).bind(run.0 as i64).bind(KIND_SNAPSHOT)
}

/// Cuts rows into groups for which there is a statement.
fn pieces<'a, T>(statements: &'a [String; SHAPES.len()], mut rows: &'a [T]) -> Vec<(&'a str, &'a [T])> {
    let mut out = Vec::new();
    for (shape, sql) in SHAPES.iter().zip(statements) {
        while rows.len() >= *shape {
            let (piece, rest) = rows.split_at(*shape);
            out.push((sql.as_str(), piece));
            rows = rest;
        }
    }
    out
}

fn bind_chunk<'q>(query: Query<'q>, chunk: &'q Chunk) -> Query<'q> {
    query.bind(place(chunk.part, chunk.seq)).bind(chunk.epoch as i64).bind(chunk.body.as_slice())
}

fn bind_run<'q>(query: Query<'q>, row: &'q ClosedRun) -> Query<'q> {
    query
        .bind(row.run_id.partition().0)
        .bind(row.namespace.as_str())
        .bind(row.workflow_id.as_str())
        .bind(row.run_id.0 as i64)
        .bind(row.workflow.as_str())
        .bind(row.status)
        .bind(row.started.0)
        .bind(row.closed.0)
        .bind(row.attributes.as_str())
        .bind(row.search.as_str())
        .bind(row.history.as_slice())
}

/// A lane; all lanes of a file are one queue.
pub(super) struct SqliteLane(pub(super) Arc<Writer>);

#[async_trait]
impl Lane for SqliteLane {
    async fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        self.0.append(append).await
    }
}
