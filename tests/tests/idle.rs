//! An idle server leaves the database alone: however many runs sleep, it sends at most two statements a second, counted by
//! the database. `WEFT_IDLE_RUNS` and `WEFT_IDLE_SECONDS` set the size.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const SOURCE: &str = "workflow sleeper(n: Int) -> Int {\n  sleep 30d\n  return n\n}\n";

#[tokio::test(flavor = "multi_thread")]
async fn sleeping_runs_cost_the_database_nothing() {
    let (runs, seconds) = (number("WEFT_IDLE_RUNS", 1_000), number("WEFT_IDLE_SECONDS", 10));
    let postgres = weft_tests::postgres::Postgres::start().await;
    let url = postgres.create("idle").await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sleeper.wf"), SOURCE).expect("the folder can be written");
    let mut server = Server::start(&url, free_port(), &folder.path().join("server.log"));
    server.ready().await;
    let (code, _, said) = run_weft(folder.path(), &["deploy", "sleeper.wf", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let client = reqwest::Client::new();
    futures::stream::iter(0..runs)
        .for_each_concurrent(32, |n| {
            let (client, url) = (client.clone(), server.url("runs"));
            async move {
                let body = json!({ "workflow": "sleeper", "id": format!("s{n}"), "args": { "n": n } });
                let reply = client.post(url).json(&body).send().await.expect("the server answers");
                assert!(reply.status().is_success(), "{:?}", reply.text().await);
            }
        })
        .await;
    let last = server.url(&format!("runs/s{}", runs - 1));
    eventually(Duration::from_secs(10), "the last run sleeps", async || {
        get_json(&client, &last)
            .await
            .is_ok_and(|run| run["waits"][0]["on"].as_str().is_some_and(|on| on.contains("timer")))
    })
    .await;

    let mut connection = PgConnection::connect(&url).await.expect("the database answers");
    connection.execute("create extension pg_stat_statements").await.expect("the extension is part of the package");
    connection.execute("select pg_stat_statements_reset()").await.expect("a superuser may");
    tokio::time::sleep(Duration::from_secs(seconds)).await; // what is measured is a stretch of time
    let statements: i64 = sqlx::query(
        "select coalesce(sum(calls), 0)::bigint as n from pg_stat_statements
         where query not like '%pg_stat_statements%'",
    )
    .fetch_one(&mut connection)
    .await
    .expect("the statistics can be read")
    .get("n");
    println!("{statements} statements in {seconds} s with {runs} sleeping runs");
    assert!(statements as u64 <= 2 * seconds, "{statements} statements in {seconds} s");
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
