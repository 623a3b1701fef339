//! Bare inserts for `weft bench`.

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use super::connect::{classify, create, path};
use super::place;
use crate::store::yardstick::Stick;
use crate::store::{Chunk, StoreError};

const CREATE: &str = "
    create table weft_bench_row (a integer not null, b integer not null, body blob not null, primary key (a, b));
    create table weft_bench_log (place integer primary key, epoch integer not null, body blob not null);";
const DROP: &str = "drop table if exists weft_bench_row; drop table if exists weft_bench_log;";
/// Rows of one statement.
const ROWS: usize = 16;

struct SqliteStick(SqliteConnection);

/// One connection: SQLite has one writer.
pub(in crate::store) async fn sticks(text: &str) -> Result<Vec<Box<dyn Stick>>, StoreError> {
    clear(text).await?;
    let mut connection = create(&path(text)?).await?;
    connection.execute(sqlx::raw_sql(CREATE)).await.map_err(|error| classify(&error))?;
    Ok(vec![Box::new(SqliteStick(connection))])
}

pub(in crate::store) async fn clear(text: &str) -> Result<(), StoreError> {
    let mut connection = create(&path(text)?).await?;
    connection.execute(sqlx::raw_sql(DROP)).await.map_err(|error| classify(&error))?;
    connection.close().await.map_err(|error| classify(&error))
}

#[async_trait]
impl Stick for SqliteStick {
    async fn row(&mut self, a: i32, b: i64, body: &[u8]) -> Result<(), StoreError> {
        let query = sqlx::query("insert into weft_bench_row (a, b, body) values (?, ?, ?)").bind(a).bind(b).bind(body);
        query.execute(&mut self.0).await.map(drop).map_err(|error| classify(&error))
    }

    async fn chunks(&mut self, chunks: &[Chunk]) -> Result<(), StoreError> {
        self.write(chunks).await.map_err(|error| classify(&error))
    }
}

impl SqliteStick {
    async fn write(&mut self, chunks: &[Chunk]) -> Result<(), sqlx::Error> {
        let mut tx = self.0.begin_with("begin immediate").await?;
        for rows in chunks.chunks(ROWS) {
            let sql = format!(
                "insert into weft_bench_log (place, epoch, body) values {}",
                vec!["(?, ?, ?)"; rows.len()].join(", ")
            );
            let mut query = sqlx::query(&sql);
            for row in rows {
                query = query.bind(place(row.part, row.seq)).bind(row.epoch as i64).bind(row.body.as_slice());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await
    }
}
