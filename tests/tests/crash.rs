//! Killed ten times while 1,000 purchase orders start, are approved and are worked on: nothing that was acknowledged is
//! lost, nothing is done twice.
//!
//! The moments come from a seed that is printed; `WEFT_CRASH_SEED` repeats them. `WEFT_CRASH_RUNS` sets the size.

#[path = "crash/ledger.rs"]
mod ledger;
#[path = "crash/outside.rs"]
mod outside;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use weft_tests::binary::workspace;
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

use ledger::Ledger;
use outside::{Outside, expected, workflow_id};

const KILLS: usize = 10;
const CLIENTS: usize = 24;
const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("weft.db").display());
    torture(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_on_postgres() {
    let database = weft_tests::postgres::database().await;
    torture(database.url()).await;
}

async fn torture(store: &str) {
    let runs = number("WEFT_CRASH_RUNS").unwrap_or(1_000) as usize;
    let seed = number("WEFT_CRASH_SEED").unwrap_or_else(rand::random);
    println!("WEFT_CRASH_SEED={seed} on {}", store.split(':').next().unwrap_or_default());
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(store, free_port(), &folder.path().join("server.log"));
    server.ready().await;
    let project = workspace().join("examples/purchase_order");
    let (code, _, said) = run_weft(&project, &["deploy", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");

    let ledger = Arc::new(Ledger::default());
    let outside = Outside::new(server.url("").trim_end_matches('/').into(), ledger.clone());
    let workers: Vec<_> = (0..WORKERS)
        .map(|n| {
            tokio::spawn({
                let outside = outside.clone();
                async move { outside.work(format!("worker-{n}")).await }
            })
        })
        .collect();
    let clients = tokio::spawn({
        let outside = outside.clone();
        async move {
            futures::stream::iter(0..runs)
                .for_each_concurrent(CLIENTS, |index| {
                    let outside = outside.clone();
                    async move { outside.start_and_approve(index).await }
                })
                .await;
        }
    });

    kill_at_random_moments(&mut server, &ledger, runs, seed).await;
    clients.await.expect("every request was answered in the end");
    check_runs(&outside, runs).await;
    check_list(&outside, runs).await;
    outside.done.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.expect("workers do not panic");
    }
    let violations = ledger.violations.lock().expect("no panic").clone();
    assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
    println!(
        "{} acknowledged, {} attempts of {} activities, {KILLS} kills",
        ledger.acknowledged(),
        ledger.attempts.lock().expect("no panic").len(),
        ledger.results.lock().expect("no panic").len(),
    );
}

/// The moments are spread over the acknowledgements, so that every phase of the load is hit whatever the speed of the
/// machine, with a random delay behind each so that they fall anywhere inside a commit.
async fn kill_at_random_moments(server: &mut Server, ledger: &Ledger, runs: usize, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let all = runs * 7 / 2; // a start, a signal and one or two results each
    let mut moments: Vec<usize> = (0..KILLS).map(|_| random.random_range(all / 100..all * 9 / 10)).collect();
    moments.sort_unstable();
    for moment in moments {
        eventually(Duration::from_secs(120), "the load goes on after a kill", async || ledger.acknowledged() >= moment)
            .await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        server.kill();
        server.restart();
        server.ready().await;
    }
}

async fn check_runs(outside: &Outside, runs: usize) {
    for index in 0..runs {
        let id = workflow_id(index);
        let result = format!("{}/runs/{id}/result?wait=5s", outside.base);
        let mut last = Value::Null;
        eventually(Duration::from_secs(120), &format!("{id} ends"), async || {
            last = get_json(&outside.client, &result).await.unwrap_or(Value::Null);
            last["status"] == "Completed"
        })
        .await;
        assert_eq!(last["result"], expected(index), "{id}: {last}");
        assert_eq!(
            last["run_id"].as_str(),
            outside.ledger.starts.lock().expect("no panic").get(&id).map(String::as_str)
        );
        check_history(outside, &id).await;
    }
}

async fn check_history(outside: &Outside, id: &str) {
    let page =
        get_json(&outside.client, &format!("{}/runs/{id}/history?limit=1000", outside.base)).await.expect("a history");
    let events = page["events"].as_array().expect("events");
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut ends: HashMap<u64, usize> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["id"].as_u64(), Some(place as u64 + 1), "{id}: event ids are dense: {page}");
        let kind = event["type"].as_str().expect("a type");
        *counts.entry(kind.into()).or_default() += 1;
        if let Some(scheduled) = event["scheduled"].as_u64() {
            *ends.entry(scheduled).or_default() += 1;
        }
    }
    assert_eq!(counts["RunStarted"], 1, "{id}: {page}");
    assert_eq!(counts["SignalReceived"], 1, "{id}: the acknowledged signal is there once: {page}");
    assert_eq!(counts["RunCompleted"], 1, "{id}: {page}");
    assert_eq!(counts["ActivityScheduled"], counts["ActivityCompleted"], "{id}: {page}");
    assert!(ends.values().all(|n| *n == 1), "{id}: an activity has two results: {page}");
}

/// Nothing was started that nobody asked for.
async fn check_list(outside: &Outside, runs: usize) {
    let mut seen = std::collections::HashSet::new();
    let mut cursor = String::new();
    loop {
        let url = format!("{}/runs?workflow=purchase_order&limit=300{cursor}", outside.base);
        let page = get_json(&outside.client, &url).await.expect("a page");
        for run in page["runs"].as_array().expect("runs") {
            assert!(seen.insert(run["run_id"].to_string()), "listed twice: {run}");
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), runs);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
