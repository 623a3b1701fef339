//! From a path to connections, and from what SQLite says to what the caller does next.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::store::StoreError;

/// How long a write waits for another process's write.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// How long an opening that SQLite refused because of another process waits before it tries again.
const BUSY_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Rows that SQLite's thread reads before they are taken: with few, two threads wait for each other row by row.
const ROWS_AHEAD: usize = 1_024;
/// Connections that read.
pub(super) const READERS_MAX: u32 = 2;

/// The path of `sqlite:PATH` or `sqlite://PATH`.
pub(super) fn path(text: &str) -> Result<PathBuf, StoreError> {
    let text = text.strip_prefix("//").unwrap_or(text);
    if text.is_empty() || text.starts_with(":memory:") {
        return Err(StoreError::Unusable(
            "a SQLite store needs a file: sqlite:PATH; without one there is memory:".into(),
        ));
    }
    Ok(PathBuf::from(text))
}

/// Opens the file for writing, creating it. Its folder must be there: a mistyped path would be another, empty store.
pub(super) async fn create(path: &Path) -> Result<SqliteConnection, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(StoreError::Unusable(format!(
            "the folder {} does not exist; make it, or mend the path of the database",
            folder.display()
        )));
    }
    if !path.exists() {
        tracing::info!(path = %path.display(), "a new database is made");
    }
    open(path, true).await
}

/// Opens the file for writing again. It must still be there: an empty one in its place would be another store.
pub(super) async fn reopen(path: &Path) -> Result<SqliteConnection, StoreError> {
    open(path, false).await.map_err(|error| match error {
        // While running this is an outage; starting anew will tell whether it is more.
        StoreError::Unusable(what) => StoreError::Unavailable(what),
        other => other,
    })
}

/// Opens a file that is there for reading.
pub(super) async fn open_to_read(path: &Path) -> Result<SqliteConnection, StoreError> {
    connect(path, options(path).pragma("query_only", "on")).await
}

async fn open(path: &Path, create: bool) -> Result<SqliteConnection, StoreError> {
    connect(path, options(path).create_if_missing(create)).await
}

async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let until = Instant::now() + BUSY_FOR;
    let opened = loop {
        match SqliteConnection::connect_with(&options).await {
            // SQLite does not wait with `busy_timeout` where two that turn one new file to WAL could wait for each other.
            Err(error) if is_busy(&error) && Instant::now() < until => tokio::time::sleep(BUSY_AGAIN_AFTER).await,
            opened => break opened,
        }
    };
    opened.map_err(|error| match classify(&error) {
        StoreError::Unusable(what) => StoreError::Unusable(format!("SQLite file {}: {what}", path.display())),
        StoreError::Unavailable(what) => StoreError::Unavailable(format!("SQLite file {}: {what}", path.display())),
        StoreError::Corrupt(what) => StoreError::Corrupt(format!("SQLite file {}: {what}", path.display())),
        StoreError::Conflict => StoreError::Conflict,
    })
}

/// Connections that read, made when they are first used.
pub(super) fn readers(path: &Path, count: u32) -> SqlitePool {
    // A file does not hang up: asking each connection whether it is there would cost a change of threads for each query.
    let pool = SqlitePoolOptions::new().max_connections(count).test_before_acquire(false);
    pool.connect_lazy_with(options(path))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_FOR)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("wal_autocheckpoint", "4000")
        .thread_name(|n| format!("sqlite-{n}"))
        .disable_statement_logging()
}

fn code(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| matches!(code(error) & 0xff, 5 | 6))
}

/// Names an error by what the caller does next.
pub(super) fn classify(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => by_code(code(&**error), error.message()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Unusable(format!("a table is not as weft made it: {error}"))
        }
        sqlx::Error::Configuration(error) => StoreError::Unusable(error.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// <https://sqlite.org/rescode.html>: the lower byte is the kind, the rest a detail.
fn by_code(code: i32, message: &str) -> StoreError {
    const PRIMARY_KEY: i32 = 1555;
    const UNIQUE: i32 = 2067;
    const ROWID: i32 = 2579;
    let away = |what: &str| StoreError::Unavailable(format!("{what}: {message}"));
    match code {
        PRIMARY_KEY | UNIQUE | ROWID => return StoreError::Conflict,
        _ => {}
    }
    match code & 0xff {
        5 | 6 => away("another process holds the file"),
        8 => away("the file is read-only"),
        10 => away("the disk fails"),
        13 => away("the disk is full"),
        3 | 14 | 23 => StoreError::Unusable(format!("the file cannot be opened: {message}")),
        26 => StoreError::Unusable(format!("the file is no SQLite database: {message}")),
        11 => StoreError::Corrupt(message.into()),
        // Sent again it would be refused again, for ever.
        18 => StoreError::Unusable(format!("the database can never take this row: {message}")),
        _ => StoreError::Unavailable(format!("{message} ({code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_by_what_to_do_next() {
        for code in [1555, 2067, 2579] {
            assert!(matches!(by_code(code, ""), StoreError::Conflict), "{code}");
        }
        for code in [5, 261, 517, 8, 1032, 10, 778, 13] {
            assert!(matches!(by_code(code, ""), StoreError::Unavailable(_)), "{code}");
        }
        assert!(matches!(by_code(14, ""), StoreError::Unusable(_)));
        assert!(matches!(by_code(26, ""), StoreError::Unusable(_)));
        assert!(matches!(by_code(18, ""), StoreError::Unusable(_)), "a value that is too big");
        assert!(matches!(by_code(11, ""), StoreError::Corrupt(_)));
    }
}
