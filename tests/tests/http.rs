//! The API over real sockets: what it does, what it refuses, and that a refusal leaves no trace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "http/activities.rs"]
mod activities;
#[path = "http/client.rs"]
mod client;
#[path = "http/lifecycle.rs"]
mod lifecycle;
#[path = "http/program.rs"]
mod program;
#[path = "http/refusals.rs"]
mod refusals;
#[path = "http/stream.rs"]
mod stream;
#[path = "http/updates.rs"]
mod updates;
#[path = "http/worker.rs"]
mod worker;

use client::{BASE, Server, send};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use weft_protocol::limits::Limits;

#[tokio::test]
async fn a_run_from_start_to_result() {
    let server = Server::start().await;
    let deployed = server.deploy().await;
    assert_eq!((&deployed["project"], &deployed["changed"]), (&json!("shop"), &json!(true)));
    assert_eq!(server.deploy().await["changed"], false, "the same program again");
    let signature = server.get("/workflows/order").await.body;
    assert_eq!(
        (&signature["params"][2]["type"], &signature["params"][2]["required"]),
        (&json!("String?"), &json!(false))
    );

    let request = server.request(Method::POST, &format!("{BASE}/runs"));
    let body = r#"{"workflow":"order","args":{"id":"7","n":9223372036854775807}}"#;
    let started = request.header("content-type", "application/json; charset=utf-8").body(body).send().await.unwrap();
    assert_eq!(started.status(), StatusCode::CREATED);
    let location = started.headers()["location"].to_str().unwrap().to_owned();
    let run: Value = started.json().await.unwrap();
    assert_eq!((&run["workflow_id"], &run["started"]), (&json!("order-7"), &json!(true)));
    let found = send(server.request(Method::GET, &location)).await;
    assert_eq!(found.body["run"]["run_id"], run["run_id"]);

    let again = server.post("/runs", json!({ "workflow": "order", "args": { "id": "7", "n": 1 } })).await;
    assert_eq!((again.status, &again.body["run_id"]), (StatusCode::OK, &run["run_id"]), "joined");
    assert_eq!(again.body["started"], false);

    let task = server.task().await;
    assert_eq!(task["args"].to_string(), r#"{"id":"7","n":9223372036854775807}"#, "all 64 bits");
    assert_eq!((&task["activity"], &task["attempt"], &task["heartbeat"]), (&json!("charge"), &json!(1), &json!("5s")));
    assert_eq!((&task["workflow"], &task["workflow_id"]), (&json!("order"), &json!("order-7")));
    assert!(task["deadline"].as_str().unwrap().ends_with('Z'));
    let token = task["token"].as_str().unwrap();
    let beat = server.post(&format!("/tasks/{token}/heartbeat"), json!({ "progress": { "done": 1 } })).await;
    let told = json!({ "cancel_requested": false, "paused": false, "reset": false });
    assert_eq!((beat.status, &beat.body), (StatusCode::OK, &told));
    let pending = server.get("/runs/order-7").await.body["activities"][0].clone();
    assert_eq!((&pending["state"], &pending["progress"]), (&json!("started"), &json!({ "done": 1 })));
    let done = server.post(&format!("/tasks/{token}/complete"), json!({ "result": i64::MIN })).await;
    assert_eq!((done.status, done.body), (StatusCode::NO_CONTENT, Value::Null));
    server.post(&format!("/tasks/{token}/complete"), json!({ "result": 1 })).await.refused(410, "attempt_gone");

    let running = server.get("/runs/order-7/result").await.body;
    assert_eq!((&running["status"], running.get("result")), (&json!("Running"), None));
    assert_eq!(server.post("/runs/order-7/signals/mark", json!({ "args": { "n": 5 } })).await.status, 204);
    assert_eq!(server.get("/runs/order-7/queries/seen").await.body, json!(5));
    assert_eq!(server.post("/runs/order-7/queries/plus", json!({ "args": { "n": 2 } })).await.body, json!(7));
    assert_eq!(server.get("/runs/order-7/queries/plus?args=%7B%22n%22%3A3%7D").await.body, json!(8));

    let waiting = server.get("/runs/order-7/result?wait=30s");
    let go = server.request(Method::POST, &format!("{BASE}/runs/order-7/signals/go"));
    let (ended, go) = tokio::join!(waiting, send(go));
    assert_eq!(go.status, StatusCode::NO_CONTENT, "a body may be left out: {go:?}");
    assert_eq!(ended.body["result"].to_string(), "-9223372036854775808");
    assert_eq!(ended.body["status"], "Completed");

    server.post("/runs/order-7/signals/go", json!({})).await.refused(409, "run_closed");
    assert_eq!(server.post("/runs/order-7/cancel", json!({})).await.status, StatusCode::NO_CONTENT, "it wants an end");
    server.post("/runs/order-7/terminate", json!({})).await.refused(409, "run_closed");
    assert_eq!(server.get("/runs/order-7/queries/seen").await.body, json!(5), "of closed runs, too");
    let kinds: Vec<_> = server.events("/runs/order-7/history").await.iter().map(|e| e["type"].clone()).collect();
    let expected =
        ["RunStarted", "ActivityScheduled", "ActivityCompleted", "SignalReceived", "SignalReceived", "RunCompleted"];
    assert_eq!(kinds, expected);
    server.shutdown().await;
}

#[tokio::test]
async fn any_text_is_an_id_once_it_is_encoded() {
    let server = Server::deployed().await;
    for id in ["a/b?c#d", "ä €", "..a", "%2F", "a+b&c=d"] {
        let got = server.post("/runs", json!({ "workflow": "order", "id": id, "args": { "id": "x", "n": 1 } })).await;
        assert_eq!((got.status, got.body["workflow_id"].as_str()), (StatusCode::CREATED, Some(id)));
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let found = server.get(&format!("/runs/{encoded}")).await;
        assert_eq!(found.body["run"]["run_id"], got.body["run_id"], "{id}");
    }
    // Encoded or not, these are steps in a path to whoever reads a URL: no request could name such a run.
    for id in [".", ".."] {
        let start = json!({ "workflow": "order", "id": id, "args": { "id": "x", "n": 1 } });
        server.post("/runs", start).await.refused(422, "wrong_input");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn pages_of_runs_follow_each_other() {
    let server = Server::deployed().await;
    for i in 0..7 {
        server.order(&i.to_string(), i).await;
    }
    assert_eq!(server.post("/runs/order-3/terminate", json!({ "reason": "enough" })).await.status, 204);
    let mut seen = Vec::new();
    let mut path = String::from("/runs?workflow=order&limit=3");
    loop {
        let page = server.get(&path).await.body;
        seen.extend(page["runs"].as_array().unwrap().iter().map(|run| run["workflow_id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(cursor) => path = format!("/runs?workflow=order&limit=3&cursor={cursor}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|i| format!("order-{i}")).collect::<Vec<_>>(), "each once, open and closed");
    let closed = server.get("/runs?status=Terminated").await.body;
    assert_eq!(closed["runs"].as_array().unwrap().len(), 1, "{closed}");
    assert_eq!(server.get("/runs?status=Running&stuck=true").await.body["runs"], json!([]));
    assert_eq!(server.get("/runs?started_after=2999-01-01T00:00:00Z").await.body["runs"], json!([]));
    assert_eq!(server.get("/runs?workflow=nothing").await.body["runs"], json!([]));
    server.shutdown().await;
}

#[tokio::test]
async fn a_failure_is_repeated_unless_it_is_declared() {
    let server = Server::deployed().await;
    server.order("f", 1).await;
    let first = server.task().await;
    let error = json!({ "type": "Timeout", "message": "bank asleep" });
    let old = first["token"].as_str().unwrap();
    let failed = server.post(&format!("/tasks/{old}/fail"), json!({ "error": error, "retry_after": "1ms" })).await;
    assert_eq!(failed.status, StatusCode::NO_CONTENT);
    let second = server.task().await;
    assert_eq!((&second["attempt"], &second["idempotency_key"]), (&json!(2), &first["idempotency_key"]));
    let token = second["token"].as_str().unwrap();
    server.post(&format!("/tasks/{old}/heartbeat"), json!({})).await.refused(410, "attempt_gone");
    let declined = json!({ "error": { "type": "Declined", "message": "no", "details": { "code": "stolen" } } });
    assert_eq!(server.post(&format!("/tasks/{token}/fail"), declined).await.status, StatusCode::NO_CONTENT);
    let ended = server.get("/runs/order-f/result?wait=30s").await.body;
    assert_eq!((&ended["status"], &ended["failure"]["type"]), (&json!("Failed"), &json!("Declined")));
    assert_eq!(ended["failure"]["details"], json!({ "code": "stolen" }));
    server.shutdown().await;
}

#[tokio::test]
async fn a_worker_learns_of_a_cancel() {
    let server = Server::deployed().await;
    server.order("c", 1).await;
    let task = server.task().await;
    let token = task["token"].as_str().unwrap();
    assert_eq!(server.post("/runs/order-c/cancel", json!({ "reason": "changed my mind" })).await.status, 204);
    let beat = server.post(&format!("/tasks/{token}/heartbeat"), json!({})).await;
    assert_eq!(beat.body["cancel_requested"], true, "the activity is waited for");
    let canceled = json!({ "error": { "type": "Canceled" } });
    assert_eq!(server.post(&format!("/tasks/{token}/fail"), canceled).await.status, StatusCode::NO_CONTENT);
    let ended = server.get("/runs/order-c/result?wait=30s").await.body;
    assert_eq!(ended["status"], "Canceled", "{ended}");
    server.shutdown().await;
}

#[tokio::test]
async fn the_document_is_true() {
    // A poll without a body is a right one and would wait.
    let server = Server::with(Limits { long_poll_max_ms: 1, ..Limits::default() }).await;
    let document = send(server.request(Method::GET, "/openapi.json")).await.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for (path, item) in document["paths"].as_object().unwrap() {
        let real = path.replace("{namespace}", "default").replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let described = item.get(method.as_str().to_lowercase()).is_some();
            let answer = server.request(method.clone(), &real).send().await.unwrap();
            let allow = answer.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
            assert_eq!(answer.status() != StatusCode::METHOD_NOT_ALLOWED, described, "{method} {path}");
            if !described {
                assert!(allow.is_some_and(|allow| !allow.contains(method.as_str())), "{method} {path}");
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["code"], "unknown_method");
            } else if answer.status() == StatusCode::NOT_FOUND {
                let problem: Value = answer.json().await.unwrap();
                assert_ne!(problem["code"], "unknown_route", "{method} {path}");
            }
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn health_is_asked_outside_the_api() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        let got = send(server.request(Method::GET, path)).await;
        assert_eq!((got.status, got.body), (StatusCode::OK, json!({ "status": "ok" })), "{path}");
    }
    server.shutdown().await;
}
