//! Pending activities by their runs: ended, kept alive and steered without a token.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{BASE, Got, Server, send};
use crate::program::compiled;

const TWO: &str = r#"
activity slow(n: Int) -> String with { queue: "slow", timeout: 1m, progress: Int, summary: "number {n}" }
workflow two() -> List<String> with { id: "two" } { return parallel for n in [1, 2] { slow(n) } }
"#;

#[tokio::test]
async fn activities_are_ended_and_steered_by_their_runs() {
    let server = Server::start().await;
    let deploy = server.request(Method::POST, &format!("{BASE}/deployments"));
    let deploy = deploy.header("content-type", "application/octet-stream").body(compiled("two", TWO));
    assert_eq!(send(deploy).await.status, StatusCode::OK);
    assert_eq!(server.post("/runs", json!({ "workflow": "two" })).await.status, StatusCode::CREATED);
    let act =
        async |what: &str, body: Value| -> Got { server.post(&format!("/runs/two/activities/{what}"), body).await };

    act("slow/complete", json!({ "result": "a" })).await.refused(409, "activity_ambiguous");
    act("quick/complete", json!({ "result": "a" })).await.refused(404, "activity_not_found");
    act("slow/complete?event=9", json!({ "result": "a" })).await.refused(404, "activity_not_found");
    act("slow/complete?event=x", json!({ "result": "a" })).await.refused(400, "wrong_parameter");
    act("slow/pause?event=2", json!({ "why": "a" })).await.refused(422, "wrong_input");
    server.post("/runs/none/activities/slow/pause", json!({})).await.refused(404, "run_not_found");

    let paused = act("slow/pause?event=2", json!({ "reason": "maintenance" })).await;
    assert_eq!(paused.body, json!({ "cancel_requested": false, "paused": true, "reset": false }));
    let tasks = server.post("/queues/slow/poll", json!({ "max": 10, "wait": "10s" })).await.body["tasks"].clone();
    assert_eq!(tasks.as_array().map(Vec::len), Some(1), "one of the two is paused: {tasks}");
    assert_eq!(tasks[0]["args"], json!({ "n": 2 }));
    let shown = server.get("/runs/two").await.body["activities"].clone();
    assert_eq!((&shown[0]["state"], &shown[0]["paused"]), (&json!("paused"), &json!("maintenance")));
    assert_eq!((&shown[1]["state"], &shown[1]["summary"]), (&json!("started"), &json!("number 2")));

    let token = tasks[0]["token"].as_str().unwrap();
    let wrong = server.post(&format!("/tasks/{token}/heartbeat"), json!({ "progress": "half" })).await;
    assert_eq!(wrong.refused(422, "wrong_input")["path"], "progress");
    assert_eq!(act("slow/reset?event=3", json!({})).await.body["reset"], true);
    let told = server.post(&format!("/tasks/{token}/heartbeat"), json!({ "progress": 3 })).await;
    assert_eq!((&told.body["reset"], &told.body["paused"]), (&json!(true), &json!(false)));
    let far = json!({ "error": { "type": "Busy" }, "retry_after": "9000d" });
    assert_eq!(
        server.post(&format!("/tasks/{token}/fail"), far).await.refused(422, "wrong_input")["path"],
        "retry_after"
    );
    let later = json!({ "error": { "type": "Busy", "message": "later" }, "retry_after": "1h" });
    assert_eq!(act("slow/fail?event=3", later).await.status, StatusCode::NO_CONTENT);
    server.post(&format!("/tasks/{token}/complete"), json!({ "result": "late" })).await.refused(410, "attempt_gone");
    let between = act("slow/heartbeat?event=3", json!({})).await;
    let words = between.refused(409, "not_begun");
    assert!(
        words["message"].as_str().unwrap().starts_with("`slow` is between attempts: number 2 begins at 2"),
        "{words}"
    );
    // One that is paused waits as well.
    act("slow/heartbeat?event=2", json!({ "progress": 1 })).await.refused(409, "not_begun");
    assert_eq!(server.get("/runs/two").await.body["activities"][1]["progress"], 3);

    assert_eq!(act("slow/reset?event=3", json!({ "clear_progress": true })).await.status, StatusCode::OK);
    assert_eq!(act("slow/unpause?event=2", json!({})).await.body["paused"], false);
    let tasks = server.post("/queues/slow/poll", json!({ "max": 10, "wait": "10s" })).await.body["tasks"].clone();
    let seen: Vec<_> = tasks.as_array().unwrap().iter().map(|task| (&task["attempt"], &task["progress"])).collect();
    assert_eq!(seen, [(&json!(2), &Value::Null), (&json!(1), &Value::Null)]);

    assert_eq!(act("slow/heartbeat?event=2", json!({ "progress": 1 })).await.body["paused"], false);
    assert_eq!(act("slow/complete?event=2", json!({ "result": "a" })).await.status, StatusCode::NO_CONTENT);
    assert_eq!(act("slow/complete", json!({ "result": "b" })).await.status, StatusCode::NO_CONTENT, "there is one now");
    let ended = server.get("/runs/two/result?wait=30s").await.body;
    assert_eq!(ended["result"], json!(["a", "b"]));
    act("slow/complete?event=2", json!({ "result": "c" })).await.refused(409, "run_closed");
    server.shutdown().await;
}
