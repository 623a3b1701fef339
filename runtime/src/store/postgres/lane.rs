//! Appending: one statement, one round trip, one commit. A broken connection is replaced on the next append; sending the
//! same append again is safe, because a place in the log can be taken once.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection};
use sqlx::{Connection, Postgres};

use weft_protocol::RunId;

use super::connect::{append_connection, classify, within};
use crate::store::cold::KIND_SNAPSHOT;
use crate::store::{Append, Blob, Bundle, Chunk, ClosedRun, DeletedId, Lane, SnapshotRow, StoreError};

/// Bytes that one statement brings at most: the database takes no message of a gigabyte. More is several statements of
/// one transaction.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

macro_rules! chunks_and_runs {
    ($conflict:literal) => {
        concat!(
            "with runs as (
               insert into run (part, namespace, workflow_id, run, workflow, status, started, closed, attributes, search,
                 history)
               select * from unnest($5::int[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::smallint[],
                 $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::bytea[]) ",
            $conflict,
            ")
             insert into log_0 (part, seq, epoch, body)
             select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])"
        )
    };
}

/// One chunk alone: most appends while little is going on, when their time is what a step waits for.
const CHUNK: &str = "insert into log_0 (part, seq, epoch, body) values ($1, $2, $3, $4)";

/// Chunks alone.
const CHUNKS: &str = "insert into log_0 (part, seq, epoch, body)
 select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])";

/// Chunks and rows of closed runs.
const CHUNKS_AND_RUNS: &str = chunks_and_runs!("");

/// The same where a row is there already. It stays as it is; the log's key alone decides whether the append counts.
/// Asking for this costs a quarter of a row's price, so it is asked only after a row was found to be there.
const CHUNKS_AND_NEW_RUNS: &str = chunks_and_runs!("on conflict do nothing");

/// Large values, in a transaction with the chunks that refer to them.
const BLOBS: &str = "insert into blob (part, run, hash, body)
 select * from unnest($1::int[], $2::bigint[], $3::bytea[], $4::bytea[]) on conflict do nothing";

pub(super) struct PostgresLane {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl PostgresLane {
    pub(super) async fn open(options: PgConnectOptions) -> Result<PostgresLane, StoreError> {
        let connection = append_connection(&options).await?;
        Ok(PostgresLane { options, connection: Some(connection) })
    }
}

#[async_trait]
impl Lane for PostgresLane {
    async fn append(&mut self, append: &Append) -> Result<(), StoreError> {
        // Taken out while the statement runs: if this future is dropped in the middle, so is the connection.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => append_connection(&self.options).await?,
        };
        // Rows that go, and large values, take statements of their own.
        let large = bytes_of(append) > STATEMENT_BYTES_MAX || !append.is_plain();
        let outcome = match (append.chunks.as_slice(), append.closed.as_slice()) {
            _ if large => send_in_pieces(&mut connection, append).await,
            ([chunk], []) => send(&mut connection, one(chunk)).await,
            (chunks, []) => send(&mut connection, many(CHUNKS, chunks)).await,
            (chunks, rows) => match send(&mut connection, with_runs(CHUNKS_AND_RUNS, chunks, rows)).await {
                Err(Refusal::RowThere) => send(&mut connection, with_runs(CHUNKS_AND_NEW_RUNS, chunks, rows)).await,
                other => other,
            },
        };
        let outcome = outcome.map_err(|refusal| match refusal {
            Refusal::Store(error) => error,
            Refusal::RowThere => StoreError::Conflict,
        });
        if matches!(outcome, Ok(()) | Err(StoreError::Conflict)) {
            self.connection = Some(connection);
        }
        outcome
    }
}

/// Why a statement wrote nothing.
enum Refusal {
    /// The row of a closed run is there already.
    RowThere,
    Store(StoreError),
}

async fn send(connection: &mut PgConnection, query: Query<'_>) -> Result<(), Refusal> {
    let sent = async { Ok(query.execute(connection).await) };
    match within(sent).await.map_err(Refusal::Store)? {
        Ok(_) => Ok(()),
        Err(error) => {
            let refused = error.as_database_error();
            let row_there = refused.is_some_and(|error| error.is_unique_violation() && error.table() == Some("run"));
            Err(if row_there { Refusal::RowThere } else { Refusal::Store(classify(&error)) })
        }
    }
}

/// All or nothing as well, with a round trip for each piece.
async fn send_in_pieces(connection: &mut PgConnection, append: &Append) -> Result<(), Refusal> {
    let mut transaction = within(connection.begin()).await.map_err(Refusal::Store)?;
    let sent = async {
        for piece in pieces(&append.chunks, bytes_of_chunk) {
            send(&mut transaction, many(CHUNKS, piece)).await?;
        }
        for piece in pieces(&append.closed, bytes_of_row) {
            send(&mut transaction, with_runs(CHUNKS_AND_NEW_RUNS, &[], piece)).await?;
        }
        for piece in pieces(&append.blobs, |blob| blob.body.len()) {
            send(&mut transaction, with_blobs(piece)).await?;
        }
        for id in &append.deleted {
            send(&mut transaction, gone(id)).await?;
        }
        for row in &append.snapshots {
            send(&mut transaction, without_snapshot(row.run)).await?;
            send(&mut transaction, with_snapshot(row)).await?;
        }
        for run in &append.ended {
            send(&mut transaction, without_snapshot(*run)).await?;
        }
        for bundle in &append.bundles {
            send(&mut transaction, with_bundle(bundle)).await?;
        }
        Ok(())
    };
    match sent.await {
        Ok(()) => within(transaction.commit()).await.map_err(Refusal::Store),
        Err(refusal) => {
            within(transaction.rollback()).await.map_err(Refusal::Store)?;
            Err(refusal)
        }
    }
}

/// Cuts rows so that each piece has at most [`STATEMENT_BYTES_MAX`], or one row.
fn pieces<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut pieces, mut begin, mut sum) = (Vec::new(), 0, 0);
    for (at, row) in rows.iter().enumerate() {
        let more = bytes(row);
        if at > begin && sum + more > STATEMENT_BYTES_MAX {
            pieces.push(&rows[begin..at]);
            (begin, sum) = (at, 0);
        }
        sum += more;
    }
    pieces.extend((begin < rows.len()).then_some(&rows[begin..]));
    pieces
}

fn bytes_of(append: &Append) -> usize {
    append.chunks.iter().map(bytes_of_chunk).sum::<usize>() + append.closed.iter().map(bytes_of_row).sum::<usize>()
}

fn bytes_of_chunk(chunk: &Chunk) -> usize {
    chunk.body.len()
}

fn bytes_of_row(row: &ClosedRun) -> usize {
    row.history.len() + row.attributes.len() + row.search.len()
}

fn one(chunk: &Chunk) -> Query<'_> {
    sqlx::query(CHUNK)
        .bind(i32::from(chunk.part.0))
        .bind(chunk.seq.0 as i64)
        .bind(chunk.epoch as i64)
        .bind(chunk.body.as_slice())
}

fn gone(id: &DeletedId) -> Query<'_> {
    let gone = "with gone as (
       delete from run where part = $1 and namespace = $2 and workflow_id = $3 and run <= $4 returning part, run
     )
     delete from blob using gone where blob.part = gone.part and blob.run = gone.run";
    sqlx::query(gone)
        .bind(i32::from(id.upto.partition().0))
        .bind(id.namespace.as_str())
        .bind(id.workflow_id.as_str())
        .bind(id.upto.0 as i64)
}

fn without_snapshot(run: RunId) -> Query<'static> {
    sqlx::query("delete from cold where part = $1 and run = $2 and kind = $3")
        .bind(i32::from(run.partition().0))
        .bind(run.0 as i64)
        .bind(KIND_SNAPSHOT)
}

fn with_snapshot(row: &SnapshotRow) -> Query<'_> {
    sqlx::query("insert into cold (part, run, kind, upto, body) values ($1, $2, $3, $4, $5)")
        .bind(i32::from(row.run.partition().0))
        .bind(row.run.0 as i64)
        .bind(KIND_SNAPSHOT)
        .bind(row.events as i64)
        .bind(row.body.as_slice())
}

fn with_bundle(bundle: &Bundle) -> Query<'_> {
    let again = "insert into bundle (part, seq, upto, body) values ($1, $2, $3, $4)
     on conflict (part, seq) do update set upto = excluded.upto, body = excluded.body";
    sqlx::query(again)
        .bind(i32::from(bundle.part.0))
        .bind(bundle.from.0 as i64)
        .bind(bundle.to.0 as i64)
        .bind(bundle.body.as_slice())
}

fn many<'a>(statement: &'static str, chunks: &'a [Chunk]) -> Query<'a> {
    sqlx::query(statement)
        .bind(column(chunks, |chunk| i32::from(chunk.part.0)))
        .bind(column(chunks, |chunk| chunk.seq.0 as i64))
        .bind(column(chunks, |chunk| chunk.epoch as i64))
        .bind(column(chunks, |chunk| chunk.body.as_slice()))
}

fn with_runs<'a>(statement: &'static str, chunks: &'a [Chunk], rows: &'a [ClosedRun]) -> Query<'a> {
    many(statement, chunks)
        .bind(column(rows, |row| i32::from(row.run_id.partition().0)))
        .bind(column(rows, |row| row.namespace.as_str()))
        .bind(column(rows, |row| row.workflow_id.as_str()))
        .bind(column(rows, |row| row.run_id.0 as i64))
        .bind(column(rows, |row| row.workflow.as_str()))
        .bind(column(rows, |row| row.status))
        .bind(column(rows, |row| row.started.0))
        .bind(column(rows, |row| row.closed.0))
        .bind(column(rows, |row| row.attributes.as_str()))
        .bind(column(rows, |row| row.search.as_str()))
        .bind(column(rows, |row| row.history.as_slice()))
}

fn with_blobs(blobs: &[Blob]) -> Query<'_> {
    sqlx::query(BLOBS)
        .bind(column(blobs, |blob| i32::from(blob.run.partition().0)))
        .bind(column(blobs, |blob| blob.run.0 as i64))
        .bind(column(blobs, |blob| blob.hash.as_slice()))
        .bind(column(blobs, |blob| blob.body.stored()))
}

fn column<'a, T, C>(rows: &'a [T], value: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(value).collect()
}
