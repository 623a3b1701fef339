//! docs/workers.md, run: its workflow compiled, its worker started as it stands there.

use std::process::{Child, Command, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::client::{BASE, Server, send};
use crate::program::compiled;

fn block(language: &str) -> String {
    let page = std::fs::read_to_string(weft_tests::binary::workspace().join("docs/workers.md")).unwrap();
    let after = page.split_once(&format!("```{language}\n")).expect("the page has such a block").1;
    after.split_once("```").expect("the block ends").0.to_owned()
}

/// A process that ends with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_worker_of_the_page_works() {
    let server = Server::start().await;
    let request = server.request(Method::POST, &format!("{BASE}/deployments"));
    let deployed =
        send(request.header("content-type", "application/octet-stream").body(compiled("workers", &block("wf")))).await;
    assert_eq!(deployed.status, StatusCode::OK, "{deployed:?}");

    let mut command = Command::new("python3");
    command.args(["-c", &block("python")]).env("WEFT_ADDRESS", format!("http://{}", server.address));
    let worker = Worker(command.stdin(Stdio::null()).spawn().expect("python3 is installed"));

    let pay = |id: &str, cents: i64| json!({ "workflow": "pay", "args": { "order_id": id, "cents": cents } });
    assert_eq!(server.post("/runs", pay("7", 1200)).await.status, StatusCode::CREATED);
    let paid = server.get("/runs/pay-7/result?wait=60s").await.body;
    assert_eq!(paid["result"], json!({ "charge_id": "ch-7", "status": "paid" }), "{paid}");

    server.post("/runs", pay("8", 200_000)).await;
    let declined = server.get("/runs/pay-8/result?wait=60s").await.body;
    assert_eq!(declined["failure"]["details"], json!({ "code": "limit" }), "{declined}");
    drop(worker);
    server.shutdown().await;
}
