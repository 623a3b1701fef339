//! A server that was paused, lost its partitions meanwhile and goes on as if nothing had happened: none of its later
//! appends lands, nothing is acknowledged by it, and everything it had acknowledged before is with its successor.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use weft_tests::binary::workspace;
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const BEFORE: usize = 40;
const DURING: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_owner_is_fenced() {
    let database = weft_tests::postgres::database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Server::start(database.url(), free_port(), &folder.path().join("first.log"));
    first.ready().await;
    let (code, _, said) =
        run_weft(&workspace().join("examples/purchase_order"), &["deploy", "--address", &first.address()]);
    assert_eq!(code, 0, "{said}");
    let client = Client::new();
    for index in 0..BEFORE {
        let (status, reply) = start(&client, &first, index).await.expect("the owner answers");
        assert!(status.is_success(), "{status} {reply}");
    }

    let mut second = Server::start(database.url(), free_port(), &folder.path().join("second.log"));
    eventually(Duration::from_secs(30), "the second server stands by", async || {
        matches!(client.get(format!("{}/healthz", second.address())).send().await, Ok(reply) if reply.status().is_success())
    })
    .await;
    first.pause();
    // These reach the paused process's socket and wait there: it will read them when it goes on.
    let waiting: Vec<_> = (BEFORE..BEFORE + DURING)
        .map(|index| {
            let (client, url) = (client.clone(), first.url("runs"));
            tokio::spawn(async move { client.post(url).json(&body(index)).send().await.map(|reply| reply.status()) })
        })
        .collect();
    second.ready().await;
    let mut connection = PgConnection::connect(database.url()).await.expect("the database answers");
    let fences = tails(&mut connection).await;

    first.resume();
    for request in waiting {
        let answer = request.await.expect("no panic");
        assert!(
            !matches!(answer, Ok(status) if status.is_success()),
            "a deposed owner acknowledged a start: {answer:?}\n{}\n{}",
            first.log_text(),
            second.log_text()
        );
    }
    let (status, reply) = start(&client, &first, BEFORE + DURING).await.expect("it still answers");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{reply}");

    for (part, fence) in fences {
        let landed: i64 = sqlx::query(
            "select count(*) as n from log_0 join part on part.id = log_0.part
             where log_0.part = $1 and log_0.epoch < part.epoch and log_0.seq >= $2",
        )
        .bind(part)
        .bind(fence)
        .fetch_one(&mut connection)
        .await
        .expect("the log can be read")
        .get("n");
        assert_eq!(landed, 0, "the old owner of partition {part} appended behind the fence");
    }
    for index in 0..BEFORE {
        let run = get_json(&client, &second.url(&format!("runs/purchase-order-PO-{index}"))).await;
        assert_eq!(run.as_ref().map(|r| r["run"]["status"].clone()), Ok(json!("Running")), "{run:?}");
    }
    for index in BEFORE..BEFORE + DURING {
        let run = get_json(&client, &second.url(&format!("runs/purchase-order-PO-{index}"))).await;
        assert!(run.is_err(), "a start that was never acknowledged by an owner is there: {run:?}");
    }
    let (status, reply) = start(&client, &second, BEFORE).await.expect("the new owner answers");
    assert!(status.is_success(), "{status} {reply}");
}

/// The fence of each partition: where its newest epoch begins.
async fn tails(connection: &mut PgConnection) -> Vec<(i32, i64)> {
    sqlx::query(
        "select part.id, min(log_0.seq) as fence from part join log_0 on log_0.part = part.id and log_0.epoch = part.epoch
         group by part.id",
    )
    .fetch_all(connection)
    .await
    .expect("the log can be read")
    .iter()
    .map(|row| (row.get("id"), row.get("fence")))
    .collect()
}

fn body(index: usize) -> Value {
    json!({
        "workflow": "purchase_order",
        "args": { "po_id": format!("PO-{index}"), "amount": "1.00", "requester": "ann" },
    })
}

async fn start(client: &Client, server: &Server, index: usize) -> Result<(StatusCode, Value), reqwest::Error> {
    let reply = client.post(server.url("runs")).json(&body(index)).send().await?;
    let status = reply.status();
    Ok((status, serde_json::from_str(&reply.text().await?).unwrap_or(Value::Null)))
}
