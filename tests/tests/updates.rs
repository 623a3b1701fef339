//! Killed while updates are sent: one that was acknowledged is done once and keeps its answer, whoever asks again and when.
//!
//! The moments come from a seed that is printed; `WEFT_CRASH_SEED` repeats them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

/// A wait inside, so that an update takes several commits; two that add at once would lose what one of them added if they
/// did not take turns.
const PROGRAM: &str = r#"
error Negative { n: Int }

workflow account(id: String) -> Int with { id: "account-{id}" } {
  pub state total: Int = 0
  state closed = false
  update add(n: Int) -> Int throws Negative check { if n < 0 { throw Negative(n: n) } } {
    let before = total
    sleep 2ms
    total = before + n
    return total
  }
  update close() -> Int {
    closed = true
    return total
  }
  wait until closed
  return total
}
"#;

const KILLS: usize = 6;
const ACCOUNTS: usize = 40;
const ADDED: usize = 8;
/// Requests to one account that are under way at once.
const AT_ONCE: usize = 3;

/// Asks until the server says what became of the update.
async fn update(client: &Client, base: &str, account: usize, name: &str, body: &Value) -> Value {
    let url = format!("{base}/runs/account-{account}/updates/{name}?wait=1s");
    loop {
        let reply = client.post(&url).json(body).send().await;
        if let Ok(reply) = reply {
            let (status, text) = (reply.status(), reply.text().await.unwrap_or_default());
            match status {
                StatusCode::OK => return serde_json::from_str(&text).expect("JSON"),
                status if status.is_client_error() => panic!("{url}: {status} {text}"),
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn added(n: usize) -> Value {
    json!({ "args": { "n": n }, "update_id": format!("add-{n}") })
}

/// Sends all updates of an account; the results, by what was added.
async fn fill(client: Client, base: String, account: usize, answered: Arc<AtomicUsize>) -> Vec<Value> {
    let start = json!({ "workflow": "account", "args": { "id": account.to_string() } });
    while !client.post(format!("{base}/runs")).json(&start).send().await.is_ok_and(|reply| reply.status().is_success())
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let send = |n: usize| {
        let (client, base, answered) = (&client, &base, &answered);
        async move {
            let reply = update(client, base, account, "add", &added(n)).await;
            answered.fetch_add(1, Ordering::SeqCst);
            (n, reply)
        }
    };
    let mut replies: Vec<_> = futures::stream::iter(1..=ADDED).map(send).buffer_unordered(AT_ONCE).collect().await;
    replies.sort_by_key(|(n, _)| *n);
    replies.into_iter().map(|(_, reply)| reply).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_update_is_done_once_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    torture(&format!("sqlite:{}", folder.path().join("weft.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_update_is_done_once_on_postgres() {
    let database = weft_tests::postgres::database().await;
    torture(database.url()).await;
}

async fn torture(store: &str) {
    let seed = std::env::var("WEFT_CRASH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("WEFT_CRASH_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("account.wf"), PROGRAM).expect("a file");
    let mut server = Server::start(store, free_port(), &folder.path().join("server.log"));
    server.ready().await;
    let (code, _, said) = run_weft(folder.path(), &["deploy", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let base = server.url("").trim_end_matches('/').to_owned();
    let client = Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let answered = Arc::new(AtomicUsize::new(0));
    let filling: Vec<_> = (0..ACCOUNTS)
        .map(|account| tokio::spawn(fill(client.clone(), base.clone(), account, answered.clone())))
        .collect();

    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let all = ACCOUNTS * ADDED;
    let mut moments: Vec<usize> = (0..KILLS).map(|_| random.random_range(all / 50..all * 9 / 10)).collect();
    moments.sort_unstable();
    for moment in moments {
        let far_enough = async || answered.load(Ordering::SeqCst) >= moment;
        eventually(Duration::from_secs(120), "updates go on after a kill", far_enough).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..10_000))).await;
        server.kill();
        server.restart();
        server.ready().await;
    }

    for (account, filling) in filling.into_iter().enumerate() {
        let replies = filling.await.expect("every update was answered in the end");
        for (n, first) in (1..).zip(&replies) {
            assert_eq!(first["status"], "Completed", "{first}");
            let again = update(&client, &base, account, "add", &added(n)).await;
            assert_eq!(again, *first, "account {account}: asked again");
        }
        let sum = ADDED * (ADDED + 1) / 2;
        let most = replies.iter().filter_map(|reply| reply["result"].as_u64()).max();
        assert_eq!(most, Some(sum as u64), "account {account}: each was added once, one at a time");
        let closed = update(&client, &base, account, "close", &json!({ "update_id": "close" })).await;
        assert_eq!(closed["result"], sum);
        let of_closed = update(&client, &base, account, "add", &added(1)).await;
        assert_eq!(of_closed, replies[0], "account {account}: asked again when the run has ended");
        let history = format!("{base}/runs/account-{account}/history?limit=1000");
        let events = get_json(&client, &history).await.expect("a history")["events"].clone();
        let count = |kind: &str| events.as_array().into_iter().flatten().filter(|event| event["type"] == kind).count();
        let counts = (count("UpdateAccepted"), count("UpdateCompleted"), count("TimerStarted"), count("TimerFired"));
        assert_eq!(counts, (ADDED + 1, ADDED + 1, ADDED, ADDED), "account {account}: {events}");
    }
}
