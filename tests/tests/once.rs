//! `once: true` across `kill -9`: what was handed out is never handed out again. Whoever has it may still say how it
//! ended; if nobody does, it is a timeout.

use std::time::Duration;

use serde_json::{Value, json};
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const PAY: &str = r#"
activity pay(card: String) -> String with { queue: "bank", timeout: 4s, once: true }
workflow order(card: String) -> String with { id: "order-{card}" } {
  return pay(card) catch ActivityFailed as e => e.message
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_handed_out_once_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("weft.db").display());
    std::fs::write(folder.path().join("pay.wf"), PAY).expect("it can be written");
    let mut server = Server::start(&store, free_port(), &folder.path().join("server.log"));
    server.ready().await;
    let (code, _, said) = run_weft(folder.path(), &["deploy", "pay.wf", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    for card in ["1", "2"] {
        let (code, _, said) =
            run_weft(folder.path(), &["start", "order", &format!("card={card}"), "--address", &server.address()]);
        assert_eq!(code, 0, "{said}");
    }
    let client = reqwest::Client::new();
    let post = async |url: String, body: Value| -> Value {
        let answer = client.post(url).json(&body).send().await.expect("the server answers");
        answer.json().await.unwrap_or(Value::Null)
    };
    let polled = post(server.url("queues/bank/poll"), json!({ "max": 2, "wait": "10s" })).await;
    let tasks = polled["tasks"].as_array().cloned().unwrap_or_default();
    assert_eq!(tasks.len(), 2, "{polled}");

    server.kill();
    server.restart();
    server.ready().await;
    // The worker of the first has it still; nobody remembers the second.
    let first = tasks.iter().find(|task| task["args"]["card"] == "1").expect("it was handed out");
    let token = first["token"].as_str().expect("a token");
    post(server.url(&format!("tasks/{token}/complete")), json!({ "result": "paid" })).await;
    // Long enough for the grace after a restart, in which what others had may be claimed, to be over.
    let again = post(server.url("queues/bank/poll"), json!({ "max": 2, "wait": "12s" })).await;
    assert_eq!(again, json!({ "tasks": [] }), "what is attempted once is handed out once");
    let lost = "activity `pay` failed after 1 attempt, and `once` allows no other";
    for (card, result) in [("1", "paid"), ("2", lost)] {
        let url = server.url(&format!("runs/order-{card}/result?wait=5s"));
        let mut last = Value::Null;
        eventually(Duration::from_secs(60), "the run ends", async || {
            last = get_json(&client, &url).await.unwrap_or(Value::Null);
            last["status"] == "Completed"
        })
        .await;
        assert_eq!(last["result"], result, "{last}");
    }
}
