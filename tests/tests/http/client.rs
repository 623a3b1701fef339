//! A node on a store in memory behind its real routes on a real socket, and a client that says what it sent and got.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weft_protocol::limits::Limits;
use weft_runtime::config::NodeConfig;
use weft_runtime::node::{Node, NodeOptions};

use crate::program;

pub(crate) const BASE: &str = "/api/v1/namespaces/default";

pub(crate) struct Server {
    pub(crate) http: reqwest::Client,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    node: Node,
}

/// Status and body of an answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Server {
        let config = NodeConfig { limits: limits.clone(), ..NodeConfig::default() };
        let options = NodeOptions { config, ..NodeOptions::new("memory:", "test") };
        let node = Node::open(options).await.expect("memory can be opened");
        node.serving().await.expect("nobody else owns it");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (api, until) = (Arc::new(node.clone()), stop.clone());
        let serving = tokio::spawn(async move { weft_runtime::http::serve(listener, api, &limits, until).await });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Server { http, address, stop, serving, node }
    }

    /// With the program deployed.
    pub(crate) async fn deployed() -> Server {
        let server = Server::start().await;
        server.deploy().await;
        server
    }

    pub(crate) async fn deploy(&self) -> Value {
        let request = self.request(Method::POST, &format!("{BASE}/deployments"));
        let got = send(request.header("content-type", "application/octet-stream").body(program::encoded())).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        got.body
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        send(self.request(Method::GET, &format!("{BASE}{path}"))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        send(self.request(Method::POST, &format!("{BASE}{path}")).json(&body)).await
    }

    /// Starts `order` and returns its answer.
    pub(crate) async fn order(&self, id: &str, n: i64) -> Value {
        let got = self.post("/runs", json!({ "workflow": "order", "args": { "id": id, "n": n } })).await;
        assert_eq!(got.status, StatusCode::CREATED, "{got:?}");
        got.body
    }

    /// Takes one task, waiting for it.
    pub(crate) async fn task(&self) -> Value {
        let got = self.post("/queues/payments/poll", json!({ "worker": "test", "wait": "30s" })).await;
        assert_eq!((got.status, got.body["tasks"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{got:?}");
        got.body["tasks"][0].clone()
    }

    pub(crate) async fn events(&self, path: &str) -> Vec<Value> {
        let got = self.get(path).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        got.body["events"].as_array().unwrap().clone()
    }

    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.node.shutdown().await;
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Got {
    let answer = request.send().await.expect("the server answers everything");
    let status = answer.status();
    let kind = answer.headers().get("content-type").map(|k| k.to_str().unwrap().to_owned()).unwrap_or_default();
    let bytes = answer.bytes().await.unwrap();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Got { status, kind, body }
}

impl Got {
    /// That this is a refusal in the one form they all have.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(self.body["message"].as_str().is_some_and(|m| !m.is_empty()), "{self:?}");
        &self.body
    }
}
