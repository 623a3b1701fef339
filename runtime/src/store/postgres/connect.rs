//! From a URL to connections, and from what PostgreSQL says to what the caller does next.

use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::store::StoreError;

/// Longest wait for an answer; after it the outcome is unknown and the connection is given up.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a connection of the pool, which tries again and again meanwhile.
const POOL_WITHIN: Duration = Duration::from_secs(2);
/// Connections for everything but appending and heartbeats.
pub(super) const POOL_CONNECTIONS_MAX: u32 = 4;

pub(super) fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url)
        // The error is not shown: it may quote the URL, and the URL may hold a password.
        .map_err(|_| {
            StoreError::Unusable("the URL of the store is malformed: postgres://USER@HOST:PORT/DATABASE".into())
        })?;
    let options = if options.get_application_name().is_none() { options.application_name("weft") } else { options };
    Ok(options.disable_statement_logging())
}

/// Where the store is, without secrets.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("PostgreSQL database `{database}` at {}", socket.display()),
        None => format!("PostgreSQL database `{database}` at {}:{}", options.get_host(), options.get_port()),
    }
}

/// A pool that connects when it is first used.
pub(super) fn pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(POOL_WITHIN).connect_lazy_with(options.clone())
}

/// Opens a connection of its own.
pub(super) async fn connection(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let connecting = PgConnection::connect_with(options);
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(connected) => connected.map_err(|error| at(options, classify(&error))),
        Err(_) => Err(at(options, StoreError::Unavailable("no answer to a connection attempt".into()))),
    }
}

/// A connection whose plans are made once: array parameters otherwise keep custom plans alive.
pub(super) async fn append_connection(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let mut connection = connection(options).await?;
    let set = connection.execute("set plan_cache_mode = force_generic_plan");
    within(set).await?;
    Ok(connection)
}

/// Waits for an answer, not forever.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map_err(|error| classify(&error)),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
    }
}

fn at(options: &PgConnectOptions, error: StoreError) -> StoreError {
    let place = place(options);
    match error {
        StoreError::Unavailable(what) => StoreError::Unavailable(format!("{place}: {what}")),
        StoreError::Unusable(what) => StoreError::Unusable(format!("{place}: {what}")),
        other => other,
    }
}

/// Names an error by what the caller does next.
pub(super) fn classify(error: &sqlx::Error) -> StoreError {
    use sqlx::Error;
    match error {
        Error::Database(error) => by_code(error.code().as_deref().unwrap_or(""), error.message()),
        Error::Io(error) => StoreError::Unavailable(format!("the connection failed: {error}")),
        Error::Tls(error) => StoreError::Unusable(format!("no encrypted connection: {error}")),
        Error::Configuration(_) => StoreError::Unusable("the settings of the connection are wrong".into()),
        Error::PoolTimedOut => StoreError::Unavailable("no connection became free or could be made in time".into()),
        Error::ColumnDecode { .. } | Error::ColumnNotFound(_) | Error::ColumnIndexOutOfBounds { .. } => {
            StoreError::Unusable(format!("a table is not as weft made it: {error}"))
        }
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn by_code(code: &str, message: &str) -> StoreError {
    let away = |what: &str| StoreError::Unavailable(format!("{what}: {message}"));
    let never = |what: &str| StoreError::Unusable(format!("{what}: {message}"));
    match code {
        "23505" => StoreError::Conflict,
        "53100" => away("the disk of the database is full"),
        "53300" => away("the database takes no more connections"),
        "57014" => away("the database gave the statement up (statement_timeout?)"),
        "57P01" | "57P02" | "57P03" => away("the database is stopping or starting"),
        "25006" => away("the database is read-only"),
        "28P01" | "28000" => never("the database refuses the login"),
        "3D000" => never("the database does not exist; create it first"),
        "42501" => never("the database user lacks a permission"),
        "42P01" | "42703" => never("the tables are not those of this version of weft"),
        // Sent again it would be refused again, for ever.
        _ if code.starts_with("22") || code.starts_with("54") => never("the database can never take this row"),
        "XX001" | "XX002" => StoreError::Corrupt(message.into()),
        _ => StoreError::Unavailable(format!("{message} ({code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_holds_the_password() {
        for url in
            ["postgres://me:s3cret@host:99999/db", "postgres://me:s3cret@[::1/db", "postgres://me:s3cret@h/db?port=x"]
        {
            let error = options(url).expect_err(url).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        let options = options("postgres://me:s3cret@host:5433/db").expect("a good URL");
        assert_eq!(place(&options), "PostgreSQL database `db` at host:5433");
    }

    #[test]
    fn codes_are_named_by_what_to_do_next() {
        assert!(matches!(by_code("23505", ""), StoreError::Conflict));
        for code in ["40001", "40P01", "53100", "53300", "57P01", "57P03", "57014", "25006", "58030", "55P03", ""] {
            assert!(matches!(by_code(code, ""), StoreError::Unavailable(_)), "{code}");
        }
        for code in ["28P01", "3D000", "42501", "42P01", "22021", "54000"] {
            assert!(matches!(by_code(code, ""), StoreError::Unusable(_)), "{code}");
        }
    }
}
