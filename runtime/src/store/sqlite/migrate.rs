//! Brings the tables to the version this program knows, in one transaction that only one process can hold.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use super::connect::classify;
use crate::store::StoreError;

/// One migration a version, never edited once released.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_log.sql")];

/// Migrates and returns the number of partitions.
pub(super) async fn migrate(connection: &mut SqliteConnection, partitions: u16) -> Result<u16, StoreError> {
    try_migrate(connection, partitions).await.map_err(|trouble| match trouble {
        Trouble::Newer(version) => StoreError::Unusable(format!(
            "the tables are of version {version} and this weft knows version {} at most: use the newer weft that migrated them",
            MIGRATIONS.len()
        )),
        Trouble::Sql(error) => classify(&error),
    })
}

/// The number of partitions of tables that are of the version this program knows.
pub(super) async fn current(connection: &mut SqliteConnection) -> Result<u16, StoreError> {
    let (version,): (i32,) =
        sqlx::query_as("pragma user_version").fetch_one(&mut *connection).await.map_err(|e| classify(&e))?;
    if version != MIGRATIONS.len() as i32 {
        return Err(StoreError::Unusable(format!(
            "the tables are of version {version} and this weft reads version {}: a server of the newer of the two brings them there",
            MIGRATIONS.len()
        )));
    }
    let partitions = sqlx::query_as("select partitions from store").fetch_one(connection).await;
    partitions.map(|(partitions,)| partitions).map_err(|error| classify(&error))
}

enum Trouble {
    Newer(i32),
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Trouble {
        Trouble::Sql(error)
    }
}

async fn try_migrate(connection: &mut SqliteConnection, partitions: u16) -> Result<u16, Trouble> {
    let known = MIGRATIONS.len() as i32;
    // The version is in the file's header, so that looking costs no write and no table.
    let version = version(connection).await?;
    if version < known {
        let mut tx = connection.begin_with("begin immediate").await?;
        let version = self::version(&mut tx).await?;
        for migration in MIGRATIONS.iter().skip(version as usize) {
            tx.execute(sqlx::raw_sql(migration)).await?;
        }
        if version == 0 {
            tx.execute(
                "create table store (id integer primary key, partitions integer not null, nodes_ever integer not null)",
            )
            .await?;
            sqlx::query("insert into store values (1, ?, 0)").bind(partitions).execute(&mut *tx).await?;
            for part in 0..partitions {
                sqlx::query("insert into part values (?, 0, null, 1, 0)").bind(part).execute(&mut *tx).await?;
            }
        }
        if version < known {
            tx.execute(format!("pragma user_version = {known}").as_str()).await?;
        }
        tx.commit().await?;
    }
    let (partitions,): (u16,) = sqlx::query_as("select partitions from store").fetch_one(connection).await?;
    Ok(partitions)
}

async fn version(connection: &mut SqliteConnection) -> Result<i32, Trouble> {
    let (version,): (i32,) = sqlx::query_as("pragma user_version").fetch_one(connection).await?;
    if version > MIGRATIONS.len() as i32 {
        return Err(Trouble::Newer(version));
    }
    Ok(version)
}
