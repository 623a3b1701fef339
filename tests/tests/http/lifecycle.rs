//! The life of a run over HTTP: options and messages of a start, going back, deleting.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{BASE, Server, send};
use crate::program;

const CART: &str = r#"
error Full { items: Int }

activity pack(items: Int) -> String with { queue: "payments", timeout: 30s }

workflow cart(customer: String) -> String with { id: "cart-{customer}", memo: { customer } } {
  pub state items: List<String> = []
  state paid = false
  signal add(item: String) { items = items.push(item) }
  update count(item: String) -> Int throws Full check { if items.length() > 2 { throw Full(items.length()) } } {
    items = items.push(item)
    return items.length()
  }
  update pay() -> String {
    paid = true
    return pack(items.length())
  }
  wait until paid
  return "packed"
}
"#;

async fn serving() -> Server {
    let server = Server::start().await;
    let request = server.request(Method::POST, &format!("{BASE}/deployments"));
    let deploy = request.header("content-type", "application/octet-stream").body(program::compiled("cart", CART));
    assert_eq!(send(deploy).await.status, StatusCode::OK);
    server
}

fn ann(more: &[(&str, Value)]) -> Value {
    let mut start = json!({ "workflow": "cart", "args": { "customer": "ann" } });
    for (name, value) in more {
        start[*name] = value.clone();
    }
    start
}

#[tokio::test]
async fn a_start_brings_a_signal() {
    let server = serving().await;
    let with = |item: &str| ("signal", json!({ "name": "add", "args": { "item": item } }));
    let memo = ("memo", json!({ "source": "web" }));
    let started = server.post("/runs", ann(&[with("pen"), memo])).await;
    assert_eq!(started.status, StatusCode::CREATED, "{started:?}");
    let joined = server.post("/runs", ann(&[with("ink")])).await;
    assert_eq!((joined.status, &joined.body["started"]), (StatusCode::OK, &json!(false)), "{joined:?}");
    assert_eq!(server.get("/runs/cart-ann/queries/items").await.body, json!(["pen", "ink"]));
    let described = server.get("/runs/cart-ann").await.body;
    assert_eq!(described["memo"], json!({ "customer": "ann", "source": "web" }));
    let wrong = server.post("/runs", ann(&[("signal", json!({ "name": "add", "args": { "item": 5 } }))])).await;
    assert_eq!(wrong.refused(422, "wrong_input")["path"], "signal.args.item");
}

#[tokio::test]
async fn a_start_brings_an_update_and_waits_for_it() {
    let server = serving().await;
    let count = |id: &str| ("update", json!({ "name": "count", "args": { "item": "pen" }, "update_id": id }));
    let started = server.post("/runs", ann(&[count("c1")])).await;
    assert_eq!((started.status, &started.body["update"]["result"]), (StatusCode::CREATED, &json!(1)), "{started:?}");
    let again = server.post("/runs", ann(&[count("c1")])).await;
    assert_eq!((again.status, &again.body["update"]["result"]), (StatusCode::OK, &json!(1)), "{again:?}");
    let pay = json!({ "name": "pay", "update_id": "p1" });
    let runs = server.post("/runs?wait=0s", ann(&[("update", pay.clone())])).await;
    assert_eq!(runs.body["update"]["status"], "Accepted", "{runs:?}");
    let token = server.task().await["token"].as_str().unwrap().to_owned();
    server.post(&format!("/tasks/{token}/complete"), json!({ "result": "box" })).await;
    let paid = server.post("/runs?wait=30s", ann(&[("update", pay.clone())])).await;
    assert_eq!(paid.body["update"]["result"], "box", "{paid:?}");
    // Also when the run has ended, which a start under a new update would begin anew.
    assert_eq!(server.get("/runs/cart-ann/result?wait=30s").await.body["status"], "Completed");
    let told = server.post("/runs", ann(&[("update", pay)])).await;
    assert_eq!((&told.body["started"], &told.body["update"]["result"]), (&json!(false), &json!("box")), "{told:?}");
}

#[tokio::test]
async fn a_start_that_is_told_again_has_the_same_update() {
    let server = serving().await;
    let start = ann(&[("request_id", json!("r")), ("update", json!({ "name": "count", "args": { "item": "pen" } }))]);
    let first = server.post("/runs", start.clone()).await;
    let second = server.post("/runs", start).await;
    assert_eq!(first.body, second.body, "{second:?}");
    assert_eq!(server.get("/runs/cart-ann/queries/items").await.body, json!(["pen"]));
}

#[tokio::test]
async fn a_run_goes_back_and_who_waits_goes_along() {
    let server = serving().await;
    server.post("/runs", ann(&[])).await;
    let first = server.get("/runs/cart-ann").await.body["run"]["run_id"].clone();
    let waiting = server.request(Method::GET, &format!("{BASE}/runs/cart-ann/result?wait=30s"));
    let waiting = tokio::spawn(send(waiting));
    server.post("/runs/cart-ann/signals/add", json!({ "args": { "item": "pen" } })).await;
    let reset = json!({ "to": "first", "exclude": ["signals"], "reason": "wrong item", "request_id": "r" });
    let back = server.post("/runs/cart-ann/reset", reset.clone()).await;
    assert_eq!(back.status, StatusCode::CREATED, "{back:?}");
    assert_ne!(back.body["run_id"], first);
    assert_eq!(server.post("/runs/cart-ann/reset", reset).await.body, back.body, "the same request again");
    assert_eq!(server.get("/runs/cart-ann/queries/items").await.body, json!([]));
    let described = server.get("/runs/cart-ann").await.body;
    assert_eq!(described["continued_from"], first);
    server.post("/runs/cart-ann/reset", json!({})).await.refused(422, "wrong_input");
    server.post("/runs/cart-ann/reset", json!({ "event": 99 })).await.refused(409, "reset_refused");
    server.post("/runs/cart-bob/reset", json!({ "to": "last" })).await.refused(404, "run_not_found");
    server.post("/runs/cart-ann/updates/pay?wait=0s", json!({})).await;
    let token = server.task().await["token"].as_str().unwrap().to_owned();
    server.post(&format!("/tasks/{token}/complete"), json!({ "result": "box" })).await;
    let ended = waiting.await.unwrap();
    assert_eq!(
        (&ended.body["status"], &ended.body["run_id"]),
        (&json!("Completed"), &back.body["run_id"]),
        "{ended:?}"
    );
    // A closed run, too.
    let again = server.post("/runs/cart-ann/reset", json!({ "to": "first", "exclude": ["updates"] })).await;
    assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
    assert_eq!(server.get("/runs/cart-ann").await.body["run"]["status"], "Running");
}

#[tokio::test]
async fn an_id_is_deleted() {
    let server = serving().await;
    let delete = async |id: &str| send(server.request(Method::DELETE, &format!("{BASE}/runs/{id}"))).await;
    delete("cart-ann").await.refused(404, "run_not_found");
    server.post("/runs", ann(&[])).await;
    assert_eq!(delete("cart-ann").await.status, StatusCode::NO_CONTENT);
    server.get("/runs/cart-ann").await.refused(404, "run_not_found");
    assert_eq!(server.get("/runs").await.body["runs"], json!([]));
    let anew = server.post("/runs", ann(&[("on_closed", json!("reject"))])).await;
    assert_eq!(anew.status, StatusCode::CREATED, "{anew:?}");
    server.post("/runs/cart-ann/terminate", json!({})).await;
    assert_eq!(delete("cart-ann").await.status, StatusCode::NO_CONTENT);
    delete("cart-ann").await.refused(404, "run_not_found");
}
