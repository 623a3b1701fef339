//! What a run costs that waits for two days: the memory of a server with 100,000 of them less that without, by run, and how
//! long it takes from a signal to one of them until its next activity is with a worker. Both again after a crash.
//! Prints figures for docs/performance.md, never a test.
//!
//!     cargo bench --package weft-tests --bench waiting
//!
//! `WEFT_BENCH_RUNS` sets how many, `WEFT_BENCH_SIGNALS` how many of them are told, `WEFT_BENCH_STORES` where.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use weft_tests::measure::{number, percentile, stores};
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const SOURCE: &str = r#"
activity ship(order_id: String, by: String) -> String with { queue: "bench", timeout: 30s }

workflow order(order_id: String, amount: Int) -> String with { id: "order-{order_id}" } {
  pub state approved: String?

  signal approve(by: String) { approved = by }

  let by = wait until approved timeout 48h else return "nobody"
  return ship(order_id, by)
}
"#;

/// Requests under way while runs are started.
const STARTS_AT_ONCE: usize = 64;
/// The memory of a server is what it is once it has been the same for so long.
const STILL: Duration = Duration::from_secs(12);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, url, _database) in stores(folder.path()).await {
        measure(&name, &url, folder.path()).await;
    }
}

async fn measure(name: &str, store: &str, folder: &Path) {
    let (runs, signals) = (number("WEFT_BENCH_RUNS", 100_000), number("WEFT_BENCH_SIGNALS", 500));
    std::fs::write(folder.join("order.wf"), SOURCE).expect("the folder can be written");
    let mut server = Server::start(store, free_port(), &folder.join(format!("{name}.log")));
    server.ready().await;
    let (code, _, said) = run_weft(folder, &["deploy", "order.wf", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let client = reqwest::Client::new();

    // What every server needs that has worked at all is no part of a run.
    start(&client, &server, "warm", 200).await;
    tell(&client, &server, (0..200).map(|n| format!("order-warm-{n}"))).await;
    let without = settled(&server).await;
    let began = Instant::now();
    start(&client, &server, "w", runs).await;
    let took = began.elapsed();
    let with = settled(&server).await;
    let rate = runs as f64 / took.as_secs_f64();
    println!("{name}: {runs} runs wait, started in {took:.1?} ({rate:.0} a second)");
    println!("{name}: {}", memory(without, with, runs));

    let stride = runs / (2 * signals);
    let told = |from: u64| (0..signals).map(move |n| format!("order-w-{}", (2 * n + from) * stride));
    println!("{name}: signal to next activity: {}", tell(&client, &server, told(0)).await);

    server.kill();
    server.restart();
    let began = Instant::now();
    server.ready().await;
    println!("{name}: after a crash ready again in {:.1?}", began.elapsed());
    let again = settled(&server).await;
    println!("{name}: after a crash: {}", memory(without, again, runs - signals));
    println!("{name}: after a crash: signal to next activity: {}", tell(&client, &server, told(1)).await);
}

fn memory(without: u64, with: u64, runs: u64) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let each = with.saturating_sub(without) / runs;
    format!("{:.1} MiB without, {:.1} MiB with: {each} bytes a run", mib(without), mib(with))
}

async fn start(client: &reqwest::Client, server: &Server, prefix: &str, runs: u64) {
    let url = &server.url("runs");
    futures::stream::iter(0..runs)
        .for_each_concurrent(STARTS_AT_ONCE, |n| async move {
            let args = json!({ "order_id": format!("{prefix}-{n}"), "amount": n });
            let body = json!({ "workflow": "order", "args": args });
            let reply = client.post(url).json(&body).send().await.expect("the server answers");
            assert!(reply.status().is_success(), "{:?}", reply.text().await);
        })
        .await;
    let last = server.url(&format!("runs/order-{prefix}-{}", runs - 1));
    eventually(Duration::from_secs(30), "the last run waits", async || {
        get_json(client, &last).await.is_ok_and(|run| run["waits"].as_array().is_some_and(|waits| !waits.is_empty()))
    })
    .await;
}

/// Tells runs one after the other, each when the one before has gone on, while one worker waits for work. From the request
/// to the worker's task, through both sockets.
async fn tell(client: &reqwest::Client, server: &Server, ids: impl Iterator<Item = String>) -> String {
    let mut times = Vec::new();
    for id in ids {
        let poll =
            client.post(server.url("queues/bench/poll")).json(&json!({ "worker": "bench", "wait": "30s" })).send();
        let poll = tokio::spawn(poll);
        // The poll is there before the signal, as with a worker that has nothing to do.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let began = Instant::now();
        let url = server.url(&format!("runs/{id}/signals/approve"));
        let told = client.post(url).json(&json!({ "args": { "by": "ann" } })).send();
        let (told, task) = tokio::join!(told, poll);
        let took = began.elapsed();
        let told = told.expect("the server answers");
        assert!(told.status().is_success(), "{:?}", told.text().await);
        let task = task.expect("no panic").expect("the server answers").json::<Value>().await.expect("JSON");
        assert_eq!(task["tasks"][0]["workflow_id"], id.as_str(), "{task}");
        times.push(took);
        let token = task["tasks"][0]["token"].as_str().expect("a token");
        let done = client.post(server.url(&format!("tasks/{token}/complete"))).json(&json!({ "result": "sent" }));
        assert!(done.send().await.expect("the server answers").status().is_success());
    }
    let [half, most, all] = [0.5, 0.99, 1.0].map(|part| percentile(&mut times, part));
    format!("p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?} of {}", times.len())
}

async fn settled(server: &Server) -> u64 {
    let (mut least, mut since) = (server.meter().resident_bytes(), Instant::now());
    while since.elapsed() < STILL {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = server.meter().resident_bytes();
        if now + now / 200 < least {
            (least, since) = (now, Instant::now());
        }
    }
    server.meter().resident_bytes()
}
