//! Everything that is wrong with a request is told in one form, with the place and what was expected, and leaves no
//! trace: the histories and the list of runs are the same afterwards.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use weft_protocol::limits::Limits;

use crate::client::{BASE, Got, Server, send};

/// A server with one open run `order-o` and one closed run `order-z`.
async fn server() -> Server {
    let server = Server::deployed().await;
    server.order("o", 1).await;
    server.order("z", 1).await;
    assert_eq!(server.post("/runs/order-z/terminate", json!({})).await.status, StatusCode::NO_CONTENT);
    server
}

/// Everything there is to see.
async fn everything(server: &Server) -> Value {
    let runs = server.get("/runs").await.body;
    let mut histories = Vec::new();
    for run in runs["runs"].as_array().unwrap() {
        let id = run["workflow_id"].as_str().unwrap();
        histories.push(server.get(&format!("/runs/{id}/history")).await.body);
    }
    json!({ "runs": runs, "histories": histories })
}

async fn raw(server: &Server, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Got {
    let request = server.request(Method::POST, &format!("{BASE}{path}"));
    let request = if kind.is_empty() { request } else { request.header(CONTENT_TYPE, kind) };
    send(request.body(body)).await
}

#[tokio::test]
async fn wrong_input_has_a_path_and_leaves_no_trace() {
    let server = server().await;
    let before = everything(&server).await;
    let start = |args: Value| json!({ "workflow": "order", "args": args });
    let cases = [
        ("/runs", start(json!({})), 422, "wrong_input", "args.id"),
        ("/runs", start(json!({ "id": 7, "n": 1 })), 422, "wrong_input", "args.id"),
        ("/runs", start(json!({ "id": "a", "n": "1" })), 422, "wrong_input", "args.n"),
        ("/runs", start(json!({ "id": "a", "n": 1.5 })), 422, "wrong_input", "args.n"),
        ("/runs", start(json!({ "id": "a", "n": 9_223_372_036_854_775_808_u64 })), 422, "wrong_input", "args.n"),
        ("/runs", start(json!({ "id": "a", "n": 1, "m": 2 })), 422, "wrong_input", "args.m"),
        ("/runs", start(json!([])), 422, "wrong_input", "args"),
        ("/runs", json!({ "workflow": "order", "arguments": {} }), 422, "wrong_input", "arguments"),
        ("/runs", json!({ "args": {} }), 422, "wrong_input", "workflow"),
        ("/runs", json!({ "workflow": "ordr", "args": {} }), 404, "workflow_not_found", ""),
        ("/runs/order-o/signals/mark", json!({ "args": { "n": null } }), 422, "wrong_input", "args.n"),
        ("/runs/order-o/signals/mark", json!({}), 422, "wrong_input", "args.n"),
        ("/runs/order-o/signals/go", json!({ "args": { "x": 1 } }), 422, "wrong_input", "args.x"),
        ("/runs/order-o/signals/stop", json!({}), 404, "signal_not_found", ""),
        ("/runs/order-z/signals/go", json!({}), 409, "run_closed", ""),
        ("/runs/order-y/signals/go", json!({}), 404, "run_not_found", ""),
        ("/runs/order-o/queries/plus", json!({ "args": { "n": [] } }), 422, "wrong_input", "args.n"),
        ("/runs/order-o/queries/nothing", json!({}), 404, "query_not_found", ""),
        ("/runs/order-o/cancel", json!({ "because": "x" }), 422, "wrong_input", "because"),
        ("/runs/order-z/terminate", json!({}), 409, "run_closed", ""),
        ("/runs/order-y/cancel", json!({}), 404, "run_not_found", ""),
        ("/queues/payments/poll", json!({ "max": 0 }), 422, "wrong_input", "max"),
        ("/queues/payments/poll", json!({ "wait": "soon" }), 422, "wrong_input", "wait"),
        ("/queues/payments/poll", json!({ "holding": ["x"] }), 422, "wrong_input", "holding[0]"),
        ("/tasks/x/complete", json!({ "result": 1 }), 410, "attempt_gone", ""),
        ("/tasks/0000000000000001.2.1/fail", json!({ "error": { "message": "no type" } }), 422, "wrong_input", "error"),
        ("/tasks/0000000000000001.2.1/fail", json!({}), 422, "wrong_input", "error"),
    ];
    for (path, body, status, code, at) in cases {
        let got = server.post(path, body.clone()).await;
        let problem = got.refused(status, code);
        if !at.is_empty() {
            assert_eq!(problem["path"], at, "{path} {body}: {problem}");
            assert!(problem["expected"].as_str().is_some_and(|e| !e.is_empty()), "{path} {body}: {problem}");
        }
    }
    let duplicate = json!({ "workflow": "order", "args": { "id": "o", "n": 1 }, "on_conflict": "reject" });
    server.post("/runs", duplicate).await.refused(409, "already_running");
    let duplicate = json!({ "workflow": "order", "args": { "id": "z", "n": 1 }, "on_closed": "reject" });
    server.post("/runs", duplicate).await.refused(409, "already_closed");
    assert_eq!(everything(&server).await, before, "nothing was logged");
    server.shutdown().await;
}

#[tokio::test]
async fn unreadable_requests_are_refused_alike() {
    let server = server().await;
    let before = everything(&server).await;
    for body in ["", "{", "[", "nul", "{\"workflow\":\"order\",\"workflow\":\"order\"}", "{\"a\":01}"] {
        raw(&server, "/runs", "application/json", body).await.refused(400, "malformed_json");
    }
    raw(&server, "/runs", "application/json", vec![b'"', 0xff, b'"']).await.refused(400, "malformed_json");
    for kind in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let got = raw(&server, "/runs", kind, r#"{"workflow":"order"}"#).await;
        assert_eq!(got.refused(415, "wrong_content_type")["expected"], "application/json");
    }
    let got = raw(&server, "/deployments", "application/json", "{}").await;
    assert_eq!(got.refused(415, "wrong_content_type")["expected"], "application/octet-stream");
    for body in [vec![], vec![0; 100], b"hello".to_vec(), crate::program::encoded()[1..].to_vec()] {
        raw(&server, "/patches", "application/octet-stream", body.clone()).await.refused(422, "invalid_program");
        raw(&server, "/deployments", "application/octet-stream", body).await.refused(422, "invalid_program");
    }
    let got = raw(&server, "/deployments?move=some", "application/octet-stream", crate::program::encoded()).await;
    assert_eq!(got.refused(400, "wrong_parameter")["path"], "move");
    for (path, parameter) in [
        ("/runs?wrkflow=order", "wrkflow"),
        ("/runs/order-o?wait=1s", "wait"),
        ("/runs/order-o/workflow?x", "x"),
        ("/workflows/order?run=1", "run"),
    ] {
        let got = server.get(path).await;
        assert_eq!(got.refused(400, "unknown_parameter")["path"], parameter, "{path}");
    }
    for (path, parameter) in [
        ("/runs?status=running", "status"),
        ("/runs?stuck=yes", "stuck"),
        ("/runs?limit=0", "limit"),
        ("/runs?limit=ten", "limit"),
        ("/runs?started_after=yesterday", "started_after"),
        ("/runs?workflow=a&workflow=b", "workflow"),
        ("/runs/order-o/result?wait=-1s", "wait"),
        ("/runs/order-o/result?wait=10", "wait"),
        ("/runs/order-o?run=7", "run"),
        ("/runs/order-o/history?after=-1", "after"),
        ("/runs/order-o/history?follow=1", "follow"),
        ("/runs/order-o/history?follow=true&limit=1", "limit"),
    ] {
        let got = server.get(path).await;
        assert_eq!(got.refused(400, "wrong_parameter")["path"], parameter, "{path}");
    }
    server.get("/runs?cursor=nowhere").await.refused(400, "wrong_parameter");
    server.get("/runs/order-o/queries/plus?args=%7B").await.refused(400, "malformed_json");
    server.get("/runs/%FF").await.refused(400, "wrong_path");
    for path in
        ["/", "/api", "/api/v1/namespaces/default/run", "/api/v1/namespaces/default/runs/a/b/c", "/openapi.yaml"]
    {
        send(server.request(Method::GET, path)).await.refused(404, "unknown_route");
    }
    send(server.request(Method::PATCH, &format!("{BASE}/runs/order-o"))).await.refused(405, "unknown_method");
    server.get("/runs/order-y").await.refused(404, "run_not_found");
    server.get("/runs/order-o?run=00000000000000ff").await.refused(404, "run_not_found");
    server.get("/workflows/nothing").await.refused(404, "workflow_not_found");
    assert_eq!(everything(&server).await, before, "nothing was logged");
    server.shutdown().await;
}

#[tokio::test]
async fn limits_are_named_and_what_reaches_one_leaves_no_trace() {
    let limits = Limits {
        request_bytes_max: 40_000,
        payload_bytes_max: 10_000,
        program_bytes_max: 20_000,
        workflow_id_bytes_max: 20,
        mailbox_messages_max: 3,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    server.deploy().await;
    server.order("o", 1).await;
    for _ in 0..3 {
        assert_eq!(server.post("/runs/order-o/signals/go", json!({})).await.status, StatusCode::NO_CONTENT);
    }
    let before = everything(&server).await;
    let named = |got: &Got, name: &str| {
        let problem = &got.body;
        assert!(problem["message"].as_str().unwrap().contains(name), "{name}: {problem}");
        assert!(problem["help"].as_str().is_some(), "{name}: {problem}");
    };
    let order = |id: &str, note: String| json!({ "workflow": "order", "args": { "id": id, "n": 1, "note": note } });

    let got = server.post("/runs", order("l", "x".repeat(50_000))).await;
    got.refused(413, "too_large");
    named(&got, "request_bytes_max = 40000");
    let got = server.post("/runs", order("l", "x".repeat(20_000_000))).await;
    got.refused(413, "too_large");
    let got = server.post("/runs", order("l", "x".repeat(11_000))).await;
    got.refused(413, "too_large");
    named(&got, "payload_bytes_max");
    let got = raw(&server, "/deployments", "application/octet-stream", vec![0; 20_001]).await;
    got.refused(413, "too_large");
    named(&got, "program_bytes_max = 20000");
    for id in ["", "x".repeat(21).as_str(), "a\nb"] {
        let body = json!({ "workflow": "order", "id": id, "args": { "id": "l", "n": 1 } });
        let got = server.post("/runs", body).await;
        assert!(got.status.is_client_error() && got.kind == "application/problem+json", "{id:?}: {got:?}");
    }
    let got = server.post("/runs/order-o/signals/go", json!({})).await;
    assert!(got.status.is_client_error(), "{got:?}");
    named(&got, "mailbox_messages_max");
    assert_eq!(everything(&server).await, before, "nothing was logged");
    server.shutdown().await;
}

/// What a start may say.
const START: [&str; 14] = [
    "workflow",
    "id",
    "args",
    "request_id",
    "on_conflict",
    "on_closed",
    "run_timeout_ms",
    "execution_timeout_ms",
    "delay_ms",
    "retry",
    "memo",
    "priority",
    "signal",
    "update",
];

/// Every route that takes a body, with everything that could be in one.
#[tokio::test]
async fn no_body_is_a_surprise() {
    let server = server().await;
    let before = everything(&server).await;
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(""),
        json!("x\u{0}y"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": 1 }),
        json!({ "kind": "x" }),
        deep,
    ];
    let routes = [
        ("/runs", &START[..]),
        ("/runs/order-o/signals/mark", &["args", "request_id"]),
        ("/runs/order-o/queries/plus", &["args", "request_id"]),
        ("/runs/order-o/updates/plus", &["args", "update_id", "wait_for"]),
        ("/runs/order-z/cancel", &["reason", "request_id"]),
        ("/runs/order-z/terminate", &["reason", "request_id"]),
        ("/runs/order-z/reset", &["event", "to", "exclude", "same_code", "reason", "request_id"]),
        ("/runs/order-o/activities/none/complete", &["result"]),
        ("/runs/order-o/activities/none/fail", &["error", "retry_after"]),
        ("/runs/order-o/activities/none/heartbeat", &["progress"]),
        ("/runs/order-o/activities/none/pause", &["reason"]),
        ("/batch", &["filter", "operation", "batch_id", "limit", "cursor"]),
        ("/schedules/none/pause", &["note"]),
        ("/schedules/none/trigger", &["overlap", "request_id"]),
        ("/schedules/none/backfill", &["from", "to", "overlap"]),
        ("/queues/nobody/poll", &["worker", "max", "holding"]),
        ("/tasks/0000000000000001.2.1/complete", &["result"]),
        ("/tasks/0000000000000001.2.1/fail", &["error", "retry_after"]),
        ("/tasks/0000000000000001.2.1/heartbeat", &["progress"]),
    ];
    let mut sent = 0;
    for (path, fields) in routes {
        let mut bodies: Vec<Value> = values.to_vec();
        for field in fields {
            bodies.extend(values.iter().map(|value| json!({ *field: value })));
        }
        for mut body in bodies {
            // What is right by chance may be answered, but a poll should not wait for it.
            if let (true, Some(fields)) = (path.ends_with("/poll"), body.as_object_mut()) {
                fields.insert("wait".into(), "0s".into());
            }
            let got = server.post(path, body.clone()).await;
            sent += 1;
            if got.status.is_success() {
                // Canceling what has ended is no error.
                let harmless = ["/poll", "/queries/", "/cancel"].iter().any(|end| path.contains(end));
                assert!(harmless, "{path} took {body}: {got:?}");
                continue;
            }
            assert!(got.status.is_client_error(), "{path} {body}: {got:?}");
            assert_eq!(got.kind, "application/problem+json", "{path} {body}: {got:?}");
            assert!(got.body["code"].is_string() && got.body["message"].is_string(), "{path} {body}: {got:?}");
        }
    }
    assert!(sent > 300);
    assert_eq!(everything(&server).await, before, "nothing was logged");
    server.shutdown().await;
}
