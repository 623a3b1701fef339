//! Updates over HTTP: stages, waiting, repetition, refusals.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use weft_protocol::limits::Limits;

use crate::client::{BASE, Got, Server, send};
use crate::program;

const TRIP: &str = r#"
error TooHeavy { kg: Int }
activity weigh(tag: String) -> Int with { queue: "payments", timeout: 30s }

workflow trip(limit: Int) -> Int with { id: "trip" } {
  pub state weight: Int = 0
  state closed = false
  update add_bag(tag: String, kg: Int) -> Int throws TooHeavy check { if kg > limit { throw TooHeavy(kg: kg) } } {
    let weighed = weigh(tag)
    if weighed != kg { throw TooHeavy(kg: weighed) }
    weight += weighed
    return weight
  }
  update close() -> Int { closed = true  return weight }
  wait until closed
  return weight
}
"#;

async fn serving() -> Server {
    serving_with(Limits::default()).await
}

async fn serving_with(limits: Limits) -> Server {
    let server = Server::with(limits).await;
    let request = server.request(Method::POST, &format!("{BASE}/deployments"));
    let deploy = request.header("content-type", "application/octet-stream").body(program::compiled("trip", TRIP));
    assert_eq!(send(deploy).await.status, StatusCode::OK);
    let started = server.post("/runs", json!({ "workflow": "trip", "args": { "limit": 30 } })).await;
    assert_eq!(started.status, StatusCode::CREATED, "{started:?}");
    server
}

async fn bag(server: &Server, query: &str, body: Value) -> Got {
    server.post(&format!("/runs/trip/updates/add_bag{query}"), body).await
}

fn is(got: &Got, status: StatusCode, stage: &str) {
    assert_eq!((got.status, got.body["status"].as_str()), (status, Some(stage)), "{got:?}");
}

async fn weighed(server: &Server, kg: i64) {
    let task = server.task().await;
    let token = task["token"].as_str().unwrap();
    let done = server.post(&format!("/tasks/{token}/complete"), json!({ "result": kg })).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
}

#[tokio::test]
async fn an_update_from_check_to_result() {
    let server = serving().await;
    let signature = server.get("/runs/trip/workflow").await.body["updates"][0].clone();
    assert_eq!((&signature["name"], &signature["result"]), (&json!("add_bag"), &json!("Int")));

    let refused = bag(&server, "", json!({ "args": { "tag": "a", "kg": 31 } })).await;
    is(&refused, StatusCode::OK, "Rejected");
    assert_eq!(refused.body["failure"]["type"], "TooHeavy");
    assert_eq!(refused.body["failure"]["details"], json!({ "kg": 31 }));
    assert_eq!(server.events("/runs/trip/history").await.len(), 1, "nothing of it is logged");

    let body = json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first", "wait_for": "accepted" });
    let accepted = bag(&server, "", body).await;
    is(&accepted, StatusCode::ACCEPTED, "Accepted");
    let second = bag(&server, "?wait=0s", json!({ "args": { "tag": "b", "kg": 5 }, "update_id": "second" })).await;
    is(&second, StatusCode::ACCEPTED, "Accepted");
    let pending = server.get("/runs/trip").await.body["updates"].clone();
    assert_eq!((&pending[0]["update_id"], &pending[0]["queued"]), (&json!("first"), &json!(false)), "{pending}");
    assert_eq!((&pending[1]["update_id"], &pending[1]["queued"]), (&json!("second"), &json!(true)), "{pending}");
    assert_eq!(pending[1]["fiber"], "u2");

    // A wait that began before, and one that begins when it has long ended, hear the same.
    let again = json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first" });
    let (waited, ()) = tokio::join!(bag(&server, "?wait=30s", again.clone()), weighed(&server, 20));
    is(&waited, StatusCode::OK, "Completed");
    let after = bag(&server, "", json!({ "update_id": "first" })).await;
    assert_eq!((after.status, &after.body), (StatusCode::OK, &waited.body));
    assert_eq!(waited.body["result"], 20);

    weighed(&server, 7).await;
    let failed = bag(&server, "", json!({ "args": { "tag": "b", "kg": 5 }, "update_id": "second" })).await;
    is(&failed, StatusCode::OK, "Failed");
    assert_eq!(failed.body["failure"]["details"], json!({ "kg": 7 }));

    let closed = server.post("/runs/trip/updates/close", json!({})).await;
    is(&closed, StatusCode::OK, "Completed");
    assert!(closed.body["update_id"].as_str().is_some_and(|id| id.len() == 32), "{closed:?}");
    assert_eq!(server.get("/runs/trip/result?wait=30s").await.body["result"], 20);
    let of_closed = bag(&server, "", json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first" })).await;
    assert_eq!((of_closed.status, &of_closed.body), (StatusCode::OK, &waited.body), "also when the run has ended");
    server.shutdown().await;
}

#[tokio::test]
async fn a_wait_that_is_over_says_that_it_still_runs() {
    let server = serving_with(Limits { long_poll_max_ms: 50, ..Limits::default() }).await;
    let body = json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first" });
    is(&bag(&server, "", body.clone()).await, StatusCode::ACCEPTED, "Accepted");
    is(&bag(&server, "?wait=1h", body.clone()).await, StatusCode::ACCEPTED, "Accepted");
    assert_eq!(server.post("/runs/trip/terminate", json!({})).await.status, StatusCode::NO_CONTENT);
    let ended = bag(&server, "", body).await;
    is(&ended, StatusCode::OK, "Failed");
    assert_eq!(ended.body["failure"]["type"], "RunClosed");
    server.shutdown().await;
}

#[tokio::test]
async fn a_wait_hears_that_the_run_is_ended() {
    let server = serving().await;
    let body = json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first" });
    let accepted = json!({ "args": { "tag": "a", "kg": 20 }, "update_id": "first", "wait_for": "accepted" });
    is(&bag(&server, "", accepted).await, StatusCode::ACCEPTED, "Accepted");
    let end = server.post("/runs/trip/terminate", json!({ "reason": "enough" }));
    let (waited, ended) = tokio::join!(bag(&server, "?wait=30s", body), end);
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    is(&waited, StatusCode::OK, "Failed");
    assert_eq!(waited.body["failure"]["type"], "RunClosed");
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_update_is_refused() {
    let limits = Limits { updates_in_flight_max: 2, ..Limits::default() };
    let server = serving_with(limits).await;
    let args = json!({ "tag": "a", "kg": 20 });
    for id in ["one", "two"] {
        let body = json!({ "args": args, "update_id": id, "wait_for": "accepted" });
        is(&bag(&server, "", body).await, StatusCode::ACCEPTED, "Accepted");
    }
    let before = server.events("/runs/trip/history").await.len();
    let problem = bag(&server, "", json!({ "args": args })).await;
    assert!(problem.refused(422, "limit_reached")["message"].as_str().unwrap().contains("updates_in_flight_max"));
    bag(&server, "", json!({ "args": { "tag": "a" } })).await.refused(422, "wrong_input");
    bag(&server, "", json!({ "args": args, "update_id": "" })).await.refused(422, "wrong_input");
    bag(&server, "", json!({ "args": args, "update_id": "x".repeat(1_001) })).await.refused(422, "wrong_input");
    bag(&server, "", json!({ "args": args, "wait_for": "ended" })).await.refused(422, "wrong_input");
    bag(&server, "?wait=long", json!({ "args": args })).await.refused(400, "wrong_parameter");
    let taken = server.post("/runs/trip/updates/close", json!({ "update_id": "one" })).await;
    taken.refused(409, "update_id_taken");
    let unknown = server.post("/runs/trip/updates/add", json!({ "args": args })).await;
    assert!(unknown.refused(404, "update_not_found")["help"].as_str().unwrap().contains("`add_bag`"));
    server.post("/runs/nobody/updates/add_bag", json!({ "args": args })).await.refused(404, "run_not_found");
    assert_eq!(server.events("/runs/trip/history").await.len(), before, "nothing is logged");
    assert_eq!(server.post("/runs/trip/terminate", json!({})).await.status, StatusCode::NO_CONTENT);
    bag(&server, "", json!({ "args": args, "update_id": "three" })).await.refused(409, "run_closed");
    server.post("/runs/trip/updates/close", json!({ "update_id": "one" })).await.refused(409, "update_id_taken");
    server.shutdown().await;
}
