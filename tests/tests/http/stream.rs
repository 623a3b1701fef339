//! Histories followed, long polls, and what becomes of both when the server stops.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{BASE, Server, send};

/// A message of an event stream.
#[derive(Debug, PartialEq)]
struct Message {
    id: String,
    event: String,
    data: Value,
}

struct Stream {
    chunks: std::pin::Pin<Box<dyn futures::Stream<Item = Vec<u8>> + Send>>,
    text: String,
}

impl Stream {
    async fn open(server: &Server, path: &str, last_event_id: Option<&str>) -> Stream {
        let mut request = server.request(Method::GET, &format!("{BASE}{path}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let chunks = answer.bytes_stream().map(|chunk| chunk.unwrap().to_vec());
        Stream { chunks: Box::pin(chunks), text: String::new() }
    }

    /// The next message; `None` when the stream has ended as it should.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = message.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    lines.collect::<Vec<_>>().join("\n")
                };
                let (id, event, data) = (field("id"), field("event"), field("data"));
                let message = Message { id, event, data: serde_json::from_str(&data).unwrap_or_default() };
                self.text = rest.to_owned();
                // Comments keep the connection alive.
                if message.event.is_empty() {
                    continue;
                }
                return Some(message);
            }
            let chunk = self.chunks.next().await?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_history_is_followed_to_its_end() {
    let server = Server::deployed().await;
    server.order("s", 1).await;
    let mut stream = Stream::open(&server, "/runs/order-s/history?follow=true", None).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.id.as_str(), first.event.as_str()), ("1", "RunStarted"));
    assert_eq!(first.data["args"], json!({ "id": "s", "n": 1, "note": null }));
    assert_eq!(stream.next().await.unwrap().event, "ActivityScheduled");

    let token = server.task().await["token"].as_str().unwrap().to_owned();
    server.post(&format!("/tasks/{token}/complete"), json!({ "result": 3 })).await;
    assert_eq!(stream.next().await.unwrap().event, "ActivityCompleted");
    server.post("/runs/order-s/signals/go", json!({})).await;
    assert_eq!(stream.next().await.unwrap().event, "SignalReceived");
    let last = stream.next().await.unwrap();
    assert_eq!((last.id.as_str(), last.event.as_str()), ("5", "RunCompleted"));
    assert_eq!(stream.next().await, None, "nothing follows the event that closes the run");

    let mut closed = Stream::open(&server, "/runs/order-s/history?follow=true&after=3", None).await;
    assert_eq!(closed.next().await.unwrap().id, "4");
    assert_eq!(closed.next().await.unwrap().id, "5");
    assert_eq!(closed.next().await, None);
    let mut resumed = Stream::open(&server, "/runs/order-s/history?follow=true", Some("4")).await;
    assert_eq!(resumed.next().await.unwrap().id, "5", "a client that reconnects goes on where it was");
    assert_eq!(resumed.next().await, None);
    let mut done = Stream::open(&server, "/runs/order-s/history?follow=true&after=5", None).await;
    assert_eq!(done.next().await, None);
    server.shutdown().await;
}

#[tokio::test]
async fn pages_of_a_history_join_without_a_gap() {
    let server = Server::deployed().await;
    server.order("p", 1).await;
    for n in 0..10 {
        server.post("/runs/order-p/signals/mark", json!({ "args": { "n": n } })).await;
    }
    let mut ids = Vec::new();
    loop {
        let after = ids.last().copied().unwrap_or(0);
        let page = server.get(&format!("/runs/order-p/history?after={after}&limit=5")).await.body;
        assert_eq!(page["complete"], false, "the run is open");
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        assert!(events.len() <= 5);
        ids.extend(events.iter().map(|event| event["id"].as_u64().unwrap()));
    }
    assert_eq!(ids, (1..=12).collect::<Vec<_>>());
    // Who asks for more than this server gives gets what it gives.
    let all = server.get("/runs/order-p/history?limit=1000000").await;
    assert_eq!(all.status, StatusCode::OK, "{all:?}");
    assert_eq!(all.body["events"].as_array().unwrap().len(), 12);
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_has_no_more_bytes_than_a_page_may() {
    let server = Server::deployed().await;
    server.order("b", 1).await;
    let text = "x".repeat(2_000_000);
    for _ in 0..6 {
        let sent = server.post("/runs/order-b/signals/note", json!({ "args": { "text": text } })).await;
        assert_eq!(sent.status, StatusCode::NO_CONTENT);
    }
    // Open, and once more as a closed run's history is read.
    for _ in 0..2 {
        let (mut ids, mut pages) = (Vec::new(), 0);
        loop {
            let after = ids.last().copied().unwrap_or(0);
            let page = server.get(&format!("/runs/order-b/history?after={after}")).await.body;
            let events = page["events"].as_array().unwrap();
            assert!(page.to_string().len() < 9 << 20, "{} bytes", page.to_string().len());
            ids.extend(events.iter().map(|event| event["id"].as_u64().unwrap()));
            pages += 1;
            if events.is_empty() || page["complete"] == true {
                break;
            }
        }
        assert!(pages > 1);
        assert_eq!(ids[..8], (1..=8).collect::<Vec<_>>());
        server.post("/runs/order-b/terminate", json!({ "reason": "enough" })).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_is_waited_for() {
    let server = Server::deployed().await;
    server.order("w", 1).await;
    let waiting = server.get("/runs/order-w/history?after=2&wait=30s");
    let marked = server.post("/runs/order-w/signals/mark", json!({ "args": { "n": 1 } }));
    let (page, marked) = tokio::join!(waiting, marked);
    assert_eq!(marked.status, StatusCode::NO_CONTENT);
    assert_eq!(page.body["events"][0]["type"], "SignalReceived", "{page:?}");
    let none = server.get("/runs/order-w/history?after=3&wait=1ms").await.body;
    assert_eq!(none, json!({ "events": [], "complete": false }));
    server.shutdown().await;
}

#[tokio::test]
async fn stopping_ends_what_waits() {
    let server = Server::deployed().await;
    server.order("x", 1).await;
    server.task().await;
    let mut stream = Stream::open(&server, "/runs/order-x/history?follow=true&after=1", None).await;
    assert_eq!(stream.next().await.unwrap().event, "ActivityScheduled");
    let result = tokio::spawn(send(server.request(Method::GET, &format!("{BASE}/runs/order-x/result?wait=60s"))));
    let poll = server.request(Method::POST, &format!("{BASE}/queues/payments/poll")).json(&json!({ "wait": "60s" }));
    let poll = tokio::spawn(send(poll));
    // Both requests are on their way; an answer to a third one on the same server says that they have been read, or
    // that they will be refused as this one is. Either way nothing may hang.
    assert_eq!(send(server.request(Method::GET, "/healthz")).await.status, StatusCode::OK);
    let begun = Instant::now();
    server.stop.cancel();
    assert_eq!(stream.next().await, None);
    for waiting in [result, poll] {
        if let Ok(got) = waiting.await {
            got.refused(503, "shutting_down");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "it did not wait for them");
    server.shutdown().await;
}
