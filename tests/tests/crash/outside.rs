//! The outer world of the purchase orders: clients that start and signal, workers that do the activities. All of them
//! repeat a request until it is answered, as clients of a server that may die at any moment do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::ledger::Ledger;

/// How long one request may hang before it is sent again.
const REQUEST_MAX: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) done: Arc<AtomicBool>,
}

pub(crate) fn workflow_id(index: usize) -> String {
    format!("purchase-order-PO-{index}")
}

/// Whether the approver of this order says yes.
pub(crate) fn approved(index: usize) -> bool {
    !index.is_multiple_of(3)
}

/// What the order must come to.
pub(crate) fn expected(index: usize) -> Value {
    if approved(index) {
        json!({ "kind": "Submitted", "reference": format!("REF-PO-{index}") })
    } else {
        json!({ "kind": "Rejected", "by": "bob", "comment": "ok" })
    }
}

impl Outside {
    pub(crate) fn new(base: String, ledger: Arc<Ledger>) -> Outside {
        let client = Client::builder().timeout(REQUEST_MAX).build().expect("a client can be made");
        Outside { client, base, ledger, done: Arc::default() }
    }

    pub(crate) async fn start_and_approve(&self, index: usize) {
        let id = workflow_id(index);
        let body = json!({
            "workflow": "purchase_order",
            "args": { "po_id": format!("PO-{index}"), "amount": "12.50", "requester": "ann" },
            "request_id": format!("start-{index}"),
        });
        let reply = self.until_answered("runs", &body).await;
        assert_eq!(reply["workflow_id"], id.as_str(), "{reply}");
        self.ledger.start(&id, reply["run_id"].as_str().expect("a run id"));

        let body = json!({
            "args": { "d": { "approved": approved(index), "approver_id": "bob", "comment": "ok" } },
            "request_id": format!("approve-{index}"),
        });
        self.until_answered(&format!("runs/{id}/signals/approve"), &body).await;
        self.ledger.signal(&id);
    }

    /// Polls, works and reports until `done`.
    pub(crate) async fn work(&self, name: String) {
        while !self.done.load(Ordering::SeqCst) {
            let asked = Instant::now();
            let body = json!({ "worker": name, "max": 16, "wait": "1s" });
            let Some(reply) =
                self.post("queues/purchasing/poll", &body).await.ok().filter(|(status, _)| status.is_success())
            else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            for task in reply.1["tasks"].as_array().expect("tasks") {
                self.attempt(task, asked).await;
            }
        }
    }

    async fn attempt(&self, task: &Value, asked: Instant) {
        let key = task["idempotency_key"].as_str().expect("a key");
        self.ledger.attempt(key, task["attempt"].as_u64().expect("an attempt"), asked);
        let result = match task["activity"].as_str() {
            Some("notify_approver") => Value::Null,
            Some("submit_purchase_order") => format!("REF-{}", task["args"]["po_id"].as_str().expect("an id")).into(),
            other => panic!("no such activity: {other:?}"),
        };
        let token = task["token"].as_str().expect("a token");
        let path = format!("tasks/{token}/complete");
        while !self.done.load(Ordering::SeqCst) {
            match self.post(&path, &json!({ "result": result })).await {
                Ok((status, _)) if status.is_success() => return self.ledger.result(key),
                // Another worker was given the same attempt and was faster, or the attempt timed out.
                Ok((StatusCode::GONE, _)) => return,
                Ok((status, reply)) if status.is_client_error() => {
                    return self.ledger.violation(format!("{path}: {status} {reply}"));
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Sends until the server says yes. A refusal is a violation: nothing here is wrong.
    async fn until_answered(&self, path: &str, body: &Value) -> Value {
        loop {
            match self.post(path, body).await {
                Ok((status, reply)) if status.is_success() => return reply,
                Ok((status, reply)) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    panic!("{path}: {status} {reply}")
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), reqwest::Error> {
        let reply = self.client.post(format!("{}/{path}", self.base)).json(body).send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }
}
