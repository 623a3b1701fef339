//! A database that is away when the server starts, one that dies under it and comes back, and a disk that is full:
//! nothing is acknowledged meanwhile, and the same process goes on where it stopped.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use weft_tests::binary::workspace;
use weft_tests::postgres::Postgres;
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

#[tokio::test(flavor = "multi_thread")]
async fn the_database_may_come_late_and_go_for_a_while() {
    let mut postgres = Postgres::start().await;
    let url = postgres.create("outage").await;
    postgres.stop();
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(&url, free_port(), &folder.path().join("server.log"));
    let client = Client::builder().timeout(Duration::from_secs(5)).build().expect("a client");
    eventually(Duration::from_secs(30), "the server answers without its database", async || {
        let ready = client.get(format!("{}/readyz", server.address())).send().await;
        matches!(ready, Ok(reply) if reply.status() == StatusCode::SERVICE_UNAVAILABLE)
    })
    .await;
    postgres.restart().await;
    server.ready().await;
    let (code, _, said) =
        run_weft(&workspace().join("examples/purchase_order"), &["deploy", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let mut acknowledged = Vec::new();
    for index in 0..10 {
        acknowledged.push(start(&client, &server, index).await.expect("the database is there"));
    }

    postgres.stop();
    for answer in futures::future::join_all((10..20).map(|index| start(&client, &server, index))).await {
        assert!(answer.is_err(), "acknowledged without a database: {answer:?}");
    }
    let ready = client.get(format!("{}/readyz", server.address())).send().await.expect("it answers");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);

    postgres.restart().await;
    server.ready().await;
    // Asked again, a start that was already on its way is the same start.
    for index in 10..20 {
        let mut run = None;
        eventually(Duration::from_secs(30), "starts are taken again", async || {
            run = start(&client, &server, index).await.ok();
            run.is_some()
        })
        .await;
        acknowledged.extend(run);
    }
    for (index, run) in acknowledged.iter().enumerate() {
        let id = format!("purchase-order-PO-{index}");
        let found = get_json(&client, &server.url(&format!("runs/{id}"))).await.expect("the run is there");
        assert_eq!(found["run"]["run_id"], run.as_str(), "{found}");
        assert_eq!(found["run"]["status"], "Running", "{found}");
    }
    let mut tasks = std::collections::HashSet::new();
    eventually(Duration::from_secs(30), "every task is handed out", async || {
        let body = json!({ "worker": "w", "max": 100, "wait": "1s" });
        if let Ok(reply) = client.post(server.url("queues/purchasing/poll")).json(&body).send().await
            && let Ok(reply) = reply.json::<Value>().await
        {
            for task in reply["tasks"].as_array().into_iter().flatten() {
                tasks.insert(task["workflow_id"].as_str().expect("an id").to_owned());
            }
        }
        tasks.len() == acknowledged.len()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_may_be_emptied() {
    const ROOM_KIB: u32 = 1_024;
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("weft.db").display());
    let mut server = Server::start_in_little_room(&store, free_port(), &folder.path().join("server.log"), ROOM_KIB);
    server.ready().await;
    let (code, _, said) =
        run_weft(&workspace().join("examples/purchase_order"), &["deploy", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let client = Client::builder().timeout(Duration::from_secs(2)).build().expect("a client");
    let requester = "x".repeat(100_000);
    let mut acknowledged = Vec::new();
    while let Ok(run) = start_by(&client, &server, acknowledged.len(), &requester).await {
        acknowledged.push(run);
        assert!(acknowledged.len() < 100, "ten megabytes do not fit into one");
    }
    assert!(!acknowledged.is_empty(), "{}", server.log_text());
    let ready = client.get(format!("{}/readyz", server.address())).send().await.expect("it answers");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(server.log_text().contains("outputs are held until it does"), "{}", server.log_text());

    server.give_room();
    server.ready().await;
    acknowledged.push(start_by(&client, &server, acknowledged.len(), &requester).await.expect("there is room"));
    // What was acknowledged is there in this process, and in the next one.
    for _ in 0..2 {
        for (index, run) in acknowledged.iter().enumerate() {
            let found = get_json(&client, &server.url(&format!("runs/purchase-order-PO-{index}"))).await;
            assert_eq!(found.expect("the run is there")["run"]["run_id"], run.as_str());
        }
        server.kill();
        server.restart();
        server.ready().await;
    }
}

async fn start(client: &Client, server: &Server, index: usize) -> Result<String, String> {
    start_by(client, server, index, "ann").await
}

/// The run id, if the start was acknowledged.
async fn start_by(client: &Client, server: &Server, index: usize, requester: &str) -> Result<String, String> {
    let body = json!({
        "workflow": "purchase_order",
        "args": { "po_id": format!("PO-{index}"), "amount": "1.00", "requester": requester },
        "request_id": format!("start-{index}"),
    });
    let reply = client.post(server.url("runs")).json(&body).send().await.map_err(|error| error.to_string())?;
    let status = reply.status();
    let reply: Value = reply.json().await.map_err(|error| error.to_string())?;
    if status.is_success() {
        Ok(reply["run_id"].as_str().expect("a run id").to_owned())
    } else {
        Err(reply.to_string())
    }
}
