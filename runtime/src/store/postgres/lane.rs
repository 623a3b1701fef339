//! Appending: one statement, one round trip, one commit. A broken connection is replaced on the next append; sending the
//! same append again is safe, because a place in the log can be taken once.

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::connect::{append_connection, classify, within};
use crate::store::{Append, Lane, StoreError};

macro_rules! chunks_and_runs {
    ($conflict:literal) => {
        concat!(
            "with runs as (
               insert into run (part, namespace, workflow_id, run, workflow, status, started, closed, attributes, history)
               select * from unnest($5::int[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::smallint[],
                 $11::bigint[], $12::bigint[], $13::text[], $14::bytea[]) ",
            $conflict,
            ")
             insert into log_0 (part, seq, epoch, body)
             select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])"
        )
    };
}

/// Chunks alone: most appends.
const CHUNKS: &str = "insert into log_0 (part, seq, epoch, body)
 select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])";

/// Chunks and rows of closed runs.
const CHUNKS_AND_RUNS: &str = chunks_and_runs!("");

/// The same where a row is there already. It stays as it is; the log's key alone decides whether the append counts.
/// Asking for this costs a quarter of a row's price, so it is asked only after a row was found to be there.
const CHUNKS_AND_NEW_RUNS: &str = chunks_and_runs!("on conflict do nothing");

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
        let statement = if append.closed.is_empty() { CHUNKS } else { CHUNKS_AND_RUNS };
        let outcome = match send(&mut connection, statement, append).await {
            Err(Refusal::RowThere) => send(&mut connection, CHUNKS_AND_NEW_RUNS, append).await,
            other => other,
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

async fn send(connection: &mut PgConnection, statement: &'static str, append: &Append) -> Result<(), Refusal> {
    let chunks = &append.chunks;
    let parts: Vec<i32> = chunks.iter().map(|chunk| i32::from(chunk.part.0)).collect();
    let seqs: Vec<i64> = chunks.iter().map(|chunk| chunk.seq.0 as i64).collect();
    let epochs: Vec<i64> = chunks.iter().map(|chunk| chunk.epoch as i64).collect();
    let bodies: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.body.as_slice()).collect();
    let mut query = sqlx::query(statement).bind(parts).bind(seqs).bind(epochs).bind(bodies);
    if !append.closed.is_empty() {
        let rows = &append.closed;
        query = query
            .bind(rows.iter().map(|row| i32::from(row.run_id.partition().0)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.namespace.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.workflow_id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.run_id.0 as i64).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.workflow.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.status).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.started.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.closed.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.attributes.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.history.as_slice()).collect::<Vec<_>>());
    }
    let sent = async { Ok(query.execute(connection).await) };
    match within(sent).await.map_err(Refusal::Store)? {
        Ok(_) => Ok(()),
        Err(error) => {
            let table = error.as_database_error().and_then(|error| error.table());
            let row_there = table == Some("run") && error.as_database_error().is_some_and(|e| e.is_unique_violation());
            Err(if row_there { Refusal::RowThere } else { Refusal::Store(classify(&error)) })
        }
    }
}
