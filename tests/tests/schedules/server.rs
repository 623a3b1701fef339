//! The built binary over HTTP and its own command line, killed while a schedule fires each second: every second has one
//! run, and none has two.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use weft_bytecode::wire::text;
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const PROGRAM: &str = r#"
workflow tick(n: Int = 1) -> Int { return n }
workflow hold() { sleep 1d }
schedule seconds runs tick(2) with { every: 1s, overlap: allow_all, catch_up: 1h }
schedule nightly runs tick() with { cron: "0 3 * * *", zone: "Europe/Berlin", note: "at night" }
"#;

const KILLS: usize = 3;

/// Nominal times of the runs of `seconds`, in seconds.
async fn seconds(client: &Client, base: &str) -> BTreeSet<i64> {
    let (mut all, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let Ok(page) = get_json(client, &format!("{base}/runs?workflow=tick&limit=500{cursor}")).await else {
            return BTreeSet::new();
        };
        for run in page["runs"].as_array().unwrap() {
            let id = run["workflow_id"].as_str().unwrap();
            if let Some(nominal) = id.strip_prefix("seconds-") {
                assert!(all.insert(text::parse_time(nominal).unwrap() / 1_000), "{id} is there twice");
            }
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn ask(client: &Client, method: Method, url: &str, body: Value) -> (StatusCode, Value) {
    let reply = client.request(method, url).json(&body).send().await.unwrap();
    (reply.status(), serde_json::from_str(&reply.text().await.unwrap()).unwrap_or_default())
}

/// rule: 14.5 14.10 14.13
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_fires_each_second_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weft.toml"), "name = \"ticks\"\nedition = \"2026\"\n").unwrap();
    std::fs::write(folder.path().join("ticks.wf"), PROGRAM).unwrap();
    let store = format!("sqlite:{}", folder.path().join("store.db").display());
    let mut server = Server::start(&store, free_port(), &folder.path().join("server.log"));
    server.ready().await;
    let (base, client) = (server.url("").trim_end_matches('/').to_owned(), Client::new());
    let address = server.address();
    let (code, _, said) = run_weft(folder.path(), &["deploy", "--address", &address]);
    assert_eq!(code, 0, "{said}");
    for kill in 0..KILLS {
        let before = seconds(&client, &base).await.len();
        eventually(Duration::from_secs(60), "it fires", async || seconds(&client, &base).await.len() > before + 1)
            .await;
        server.kill();
        if kill == 0 {
            // Some seconds pass with nobody there: they are made up for.
            let back = Instant::now() + Duration::from_millis(2_500);
            eventually(Duration::from_secs(60), "time passes", async || Instant::now() >= back).await;
        }
        server.restart();
        server.ready().await;
    }
    let paused = format!("{base}/schedules/seconds/pause");
    let (status, seen) = ask(&client, Method::POST, &paused, json!({ "note": "enough" })).await;
    assert_eq!((status, &seen["schedule"]["note"]), (StatusCode::OK, &json!("enough")));
    let fired = usize::try_from(seen["schedule"]["fired"].as_u64().unwrap()).unwrap();
    eventually(Duration::from_secs(60), "all have started", async || seconds(&client, &base).await.len() == fired)
        .await;
    let all = seconds(&client, &base).await;
    let (first, last) = (*all.first().unwrap(), *all.last().unwrap());
    assert_eq!(usize::try_from(last - first + 1).unwrap(), all.len(), "seconds are missing between {first} and {last}");
    assert_eq!((seen["missed"].as_u64(), seen["skipped"].as_u64()), (Some(0), Some(0)));

    // The same by the command line and over HTTP, once each.
    let weft = |args: &[&str]| {
        let (code, out, said) = run_weft(folder.path(), &[args, &["--address", &address]].concat());
        (code, out + &said)
    };
    let (code, list) = weft(&["schedule", "list"]);
    assert!(code == 0 && list.contains("nightly") && list.contains("paused"), "{list}");
    let made = ["schedule", "create", "made", "tick", "n=5", "--cron", "0 0 1 1 * 2099", "--note", "far away"];
    let (code, said) = weft(&made);
    assert!(code == 0 && said.contains("2099-01-01T00:00:00Z"), "{said}");
    assert_eq!(weft(&made).0, 5, "a second one is refused");
    let (code, said) = weft(&["schedule", "trigger", "made", "--request-id", "a"]);
    assert!(code == 0 && said.contains("`made` has started `made-2"), "{said}");
    let (code, said) = weft(&["schedule", "trigger", "made", "--request-id", "a"]);
    assert!(code == 0 && said.contains("under this request id before"), "{said}");
    assert_eq!(weft(&["schedule", "create", "held", "hold", "--cron", "0 0 1 1 * 2099"]).0, 0);
    assert_eq!(weft(&["schedule", "trigger", "held"]).0, 0);
    let (code, said) = weft(&["schedule", "trigger", "held"]);
    assert!(code == 5 && said.contains("`held` has started nothing: a run is open"), "{said}");
    let (code, said) = weft(&["schedule", "trigger", "held", "--overlap", "buffer_one"]);
    assert!(code == 0 && said.contains("when the open one has ended"), "{said}");
    let url = format!("{base}/schedules/made");
    eventually(Duration::from_secs(60), "it has run", async || {
        get_json(&client, &url).await.is_ok_and(|seen| seen["recent"][0]["status"] == "Completed")
    })
    .await;
    let seen = get_json(&client, &url).await.unwrap();
    assert_eq!((&seen["recent"][0]["result"], &seen["last"]["cause"]), (&json!(5), &json!("trigger")));
    let (status, refused) = ask(&client, Method::PUT, &url, json!({ "workflow": "tick", "cron": "0 0 31 2 *" })).await;
    assert_eq!((status, &refused["path"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("cron[0]")));
    let (status, seen) = ask(&client, Method::PUT, &url, json!({ "workflow": "tick", "every": "1h" })).await;
    assert_eq!((status, &seen["definition"]["every"][0]["every"]), (StatusCode::OK, &json!("1h")));
    let range = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T02:00:00Z", "overlap": "allow_all" });
    let (status, seen) = ask(&client, Method::POST, &format!("{url}/backfill"), range).await;
    assert_eq!((status, &seen["schedule"]["fired"]), (StatusCode::OK, &json!(4)));
    let (code, said) = weft(&["schedule", "describe", "made"]);
    assert!(code == 0 && said.contains("made-2026-01-01T02:00:00Z"), "{said}");
    let (status, _) = ask(&client, Method::DELETE, &format!("{base}/schedules/nightly"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "a project declares it");
    assert_eq!(weft(&["schedule", "delete", "made"]).0, 0);
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let (code, next) = weft(&["schedule", "next", ".", "-n", "2", "--after", "2026-03-28T12:00:00Z"]);
    assert_eq!(code, 0, "{next}");
    assert!(next.contains("nightly 2026-03-29T01:00:00Z\nnightly 2026-03-30T01:00:00Z"), "{next}");
}
