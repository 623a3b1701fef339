//! Brings the tables to the version this program knows. Two nodes may start at once: each step is one transaction, and
//! whoever loses a race sees the winner's work on its next try.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};

use super::connect::{classify, connection};
use crate::store::StoreError;

/// One migration a version, never edited once released.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/postgres/0001_log.sql")];
const TRIES_MAX: usize = 50;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Migrates and returns the number of partitions.
pub(super) async fn migrate(options: &PgConnectOptions, partitions: u16) -> Result<u16, StoreError> {
    let mut connection = connection(options).await?;
    let mut last = None;
    for _ in 0..TRIES_MAX {
        match try_migrate(&mut connection, partitions).await {
            Ok(partitions) => {
                let _ = connection.close().await;
                return Ok(partitions);
            }
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Race(error)) => last = Some(error),
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
    let last = last.map_or(String::new(), |error| error.to_string());
    Err(StoreError::Unavailable(format!("another node is migrating the tables and does not finish: {last}")))
}

enum Trouble {
    /// Another node created the same thing first.
    Race(sqlx::Error),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Trouble {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        // Unique violation (of the catalog), duplicate table, duplicate object, serialization failure, deadlock.
        if matches!(&*code, "23505" | "42P07" | "42710" | "40001" | "40P01" | "XX000") {
            return Trouble::Race(error);
        }
        Trouble::Store(classify(&error))
    }
}

async fn try_migrate(connection: &mut PgConnection, partitions: u16) -> Result<u16, Trouble> {
    if let Some((version, partitions)) = current(connection).await?
        && version == MIGRATIONS.len()
    {
        return Ok(partitions);
    }
    let mut tx = connection.begin().await?;
    tx.execute(
        "create table if not exists store (
           id int primary key, version int not null, partitions int not null, nodes_ever int not null
         )",
    )
    .await?;
    sqlx::query("insert into store (id, version, partitions, nodes_ever) values (1, 0, $1, 0) on conflict do nothing")
        .bind(i32::from(partitions))
        .execute(&mut *tx)
        .await?;
    let (version, partitions): (i32, i32) =
        sqlx::query_as("select version, partitions from store where id = 1 for update").fetch_one(&mut *tx).await?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        tx.execute(sqlx::raw_sql(migration)).await?;
    }
    if version == 0 {
        sqlx::query("insert into part (id, epoch, node, low, segment) select n, 0, null, 1, 0 from generate_series(0, $1 - 1) n")
            .bind(partitions)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("update store set version = $1 where id = 1").bind(MIGRATIONS.len() as i32).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(partitions as u16)
}

/// Version and partitions of the tables that are there, if any are.
async fn current(connection: &mut PgConnection) -> Result<Option<(usize, u16)>, Trouble> {
    let query = sqlx::query_as("select version, partitions from store where id = 1");
    let found: Option<(i32, i32)> = match query.fetch_optional(connection).await {
        Ok(found) => found,
        Err(error) if error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42P01")) => None,
        Err(error) => return Err(error.into()),
    };
    let Some((version, partitions)) = found else { return Ok(None) };
    let known = MIGRATIONS.len();
    if version as usize > known {
        return Err(Trouble::Store(StoreError::Unusable(format!(
            "the tables are of version {version} and this weft knows version {known} at most: use the newer weft that migrated them"
        ))));
    }
    Ok(Some((version as usize, partitions as u16)))
}
