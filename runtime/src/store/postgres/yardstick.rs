//! Bare inserts for `weft bench`.

use async_trait::async_trait;
use sqlx::Executor;
use sqlx::postgres::PgConnection;

use super::connect::{append_connection, connection, options, within};
use crate::store::yardstick::Stick;
use crate::store::{Chunk, StoreError};

const CREATE: &str = "
    create table weft_bench_row (a int not null, b bigint not null, body bytea not null, primary key (a, b));
    create table weft_bench_log (part int not null, seq bigint not null, epoch bigint not null, body bytea not null,
      primary key (part, seq)) with (autovacuum_enabled = off);
    alter table weft_bench_log alter body set storage plain";
const DROP: &str = "drop table if exists weft_bench_row, weft_bench_log";

struct PostgresStick(PgConnection);

pub(in crate::store) async fn sticks(url: &str, connections: u16) -> Result<Vec<Box<dyn Stick>>, StoreError> {
    let options = options(url)?;
    clear(url).await?;
    within(connection(&options).await?.execute(sqlx::raw_sql(CREATE))).await?;
    let mut sticks: Vec<Box<dyn Stick>> = Vec::new();
    for _ in 0..connections {
        sticks.push(Box::new(PostgresStick(append_connection(&options).await?)));
    }
    Ok(sticks)
}

pub(in crate::store) async fn clear(url: &str) -> Result<(), StoreError> {
    within(connection(&options(url)?).await?.execute(DROP)).await.map(drop)
}

#[async_trait]
impl Stick for PostgresStick {
    async fn row(&mut self, a: i32, b: i64, body: &[u8]) -> Result<(), StoreError> {
        let query =
            sqlx::query("insert into weft_bench_row (a, b, body) values ($1, $2, $3)").bind(a).bind(b).bind(body);
        within(query.execute(&mut self.0)).await.map(drop)
    }

    async fn chunks(&mut self, chunks: &[Chunk]) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert into weft_bench_log (part, seq, epoch, body)
             select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])",
        )
        .bind(chunks.iter().map(|chunk| i32::from(chunk.part.0)).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.seq.0 as i64).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.epoch as i64).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.body.as_slice()).collect::<Vec<_>>());
        within(query.execute(&mut self.0)).await.map(drop)
    }
}
