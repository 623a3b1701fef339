//! The sandbox drives the same partitions as a node, by hand and on a virtual clock.

use serde_json::json;
use weft_engine::history;
use weft_protocol::Failure;
use weft_protocol::api::{StartRequest, Status};
use weft_protocol::event::EventKind;

use super::*;
use crate::fixture;
use crate::store::memory::Memory;

mod bundles;

async fn sandbox(partitions: u16) -> Sandbox {
    let journal: Arc<dyn Journal> = Arc::new(Memory::new(partitions));
    let mut sandbox = Sandbox::new(journal, 7, Limits::default()).await.unwrap();
    sandbox.deploy(fixture::program(false)).await.unwrap();
    sandbox
}

fn start(workflow: &str, n: i64) -> StartRequest {
    serde_json::from_value(json!({ "workflow": workflow, "args": { "n": n } })).unwrap()
}

async fn shown(sandbox: &mut Sandbox, id: &str) -> String {
    let (program, events) = sandbox.history(id).await.unwrap();
    events.iter().map(|event| history::plain(program.program(), event) + "\n").collect()
}

impl Sandbox {
    /// What would be done first after memory was lost.
    async fn reopened(&mut self) -> Vec<Output> {
        self.open().await.unwrap();
        self.partitions.values_mut().flat_map(|partition| partition.outputs().collect::<Vec<_>>()).collect()
    }
}

/// The only attempt that somebody works on.
fn attempt(sandbox: &Sandbox) -> (RunId, EventId, u32) {
    let all: Vec<_> = sandbox.attempts().map(|task| (task.run.run_id, task.scheduled, task.attempt)).collect();
    assert_eq!(all.len(), 1, "one attempt is out");
    all[0]
}

#[tokio::test]
async fn builtin_steps_end_without_an_outside() {
    for crashes in [Crashes::ByHand, Crashes::AfterEveryCommit] {
        let mut sandbox = sandbox(4).await;
        sandbox.crashes(crashes);
        let started = sandbox.start(start("steps", 3)).await.unwrap();
        assert!(started.started);
        let id = started.workflow_id;
        let result = sandbox.result(&id).await.unwrap().expect("it has ended");
        assert_eq!((result.status, result.result), (Status::Completed, Some(json!(3))), "{crashes:?}");
        let lines = shown(&mut sandbox, &id).await;
        assert_eq!(lines.lines().count(), 8, "{lines}");
    }
}

#[tokio::test]
async fn a_run_waits_for_outside_and_survives_crashes_at_every_commit() {
    let mut histories = Vec::new();
    for crashes in [Crashes::ByHand, Crashes::AfterEveryCommit] {
        let mut sandbox = sandbox(4).await;
        sandbox.crashes(crashes);
        sandbox.start(start("order", 5)).await.unwrap();
        let (run, scheduled, _) = attempt(&sandbox);
        sandbox.signal("order-5", "mark", json!({ "n": 9 }), None).await.unwrap();
        assert_eq!(sandbox.query("order-5", "seen", json!({})).await.unwrap(), json!(9));
        sandbox.fail(run, scheduled, Failure::fault("busy"), None).await.unwrap();
        assert_eq!(sandbox.attempts().count(), 0, "it is backing off");
        sandbox.advance(999).await.unwrap();
        assert_eq!(sandbox.attempts().count(), 0, "not before its time");
        sandbox.advance(1).await.unwrap();
        let (run, scheduled, number) = attempt(&sandbox);
        assert_eq!(number, 2);
        sandbox.complete(run, scheduled, json!(42)).await.unwrap();
        sandbox.advance(60_000).await.unwrap();
        assert!(sandbox.result("order-5").await.unwrap().is_none());
        sandbox.signal("order-5", "go", json!({}), None).await.unwrap();
        let result = sandbox.result("order-5").await.unwrap().expect("it has ended");
        assert_eq!(result.result, Some(json!(42)));
        // A closed run still answers, and takes nothing.
        assert_eq!(sandbox.query("order-5", "seen", json!({})).await.unwrap(), json!(9));
        let refused = sandbox.signal("order-5", "go", json!({}), None).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (409, "run_closed"));
        histories.push(shown(&mut sandbox, "order-5").await);
    }
    assert_eq!(histories[0], histories[1]);
}

#[tokio::test]
async fn starts_are_told_apart() {
    let mut sandbox = sandbox(4).await;
    let first = sandbox.start(start("order", 5)).await.unwrap();
    let again = sandbox.start(start("order", 5)).await.unwrap();
    assert_eq!((again.run_id.as_str(), again.started), (first.run_id.as_str(), false), "an open run is joined");
    let mut reject = start("order", 5);
    reject.on_conflict = Some(weft_protocol::policy::OnConflict::Reject);
    assert_eq!(sandbox.start(reject).await.unwrap_err().code, "already_running");
    sandbox.terminate("order-5", "enough").await.unwrap();
    let joined = sandbox.start(start("order", 5)).await.unwrap();
    assert_eq!((joined.run_id.as_str(), joined.started), (first.run_id.as_str(), false), "a closed one as well");
    let mut anew = start("order", 5);
    anew.on_closed = Some(weft_protocol::policy::OnClosed::AllowIfFailed);
    let second = sandbox.start(anew).await.unwrap();
    assert!(second.started && second.run_id != first.run_id);
    let mut replace = start("order", 5);
    replace.on_conflict = Some(weft_protocol::policy::OnConflict::Replace);
    let third = sandbox.start(replace).await.unwrap();
    assert!(third.started && third.run_id != second.run_id);
    // After a crash the filter of closed ids is read back.
    sandbox.crash().await.unwrap();
    sandbox.terminate("order-5", "enough").await.unwrap();
    sandbox.crash().await.unwrap();
    let joined = sandbox.start(start("order", 5)).await.unwrap();
    assert_eq!((joined.run_id, joined.started), (third.run_id, false));
}

#[tokio::test]
async fn a_request_id_is_one_start_however_often_it_comes() {
    let mut sandbox = sandbox(4).await;
    let mut request = start("steps", 1);
    request.request_id = Some("r1".into());
    let first = sandbox.start(request.clone()).await.unwrap();
    let second = sandbox.start(request.clone()).await.unwrap();
    assert_eq!(first, second);
    sandbox.crash().await.unwrap();
    assert_eq!(first, sandbox.start(request).await.unwrap());
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_nothing_is_logged() {
    let mut sandbox = sandbox(1).await;
    sandbox.start(start("order", 5)).await.unwrap();
    let before = shown(&mut sandbox, "order-5").await;
    let unknown = sandbox.signal("order-5", "stop", json!({}), None).await.unwrap_err();
    assert_eq!((unknown.status, unknown.code.as_str()), (404, "signal_not_found"));
    let wrong = sandbox.signal("order-5", "mark", json!({ "n": "x" }), None).await.unwrap_err();
    assert_eq!((wrong.status, wrong.path.as_deref()), (422, Some("args.n")));
    assert!(wrong.expected.is_some_and(|expected| expected.starts_with("Int")));
    assert_eq!(sandbox.signal("order-6", "mark", json!({ "n": 1 }), None).await.unwrap_err().code, "run_not_found");
    assert_eq!(sandbox.start(start("ordr", 5)).await.unwrap_err().help.as_deref(), Some("did you mean `order`?"));
    assert_eq!(sandbox.query("order-5", "sen", json!({})).await.unwrap_err().code, "query_not_found");
    assert_eq!(shown(&mut sandbox, "order-5").await, before);
}

#[tokio::test]
async fn children_end_and_are_heard_of_whenever_memory_is_lost() {
    let mut histories = Vec::new();
    for crashes in [Crashes::ByHand, Crashes::AfterEveryCommit] {
        for partitions in [1, 8] {
            let mut sandbox = sandbox(partitions).await;
            sandbox.crashes(crashes);
            sandbox.start(start("parent", 5)).await.unwrap();
            let (run, scheduled, _) = attempt(&sandbox);
            sandbox.complete(run, scheduled, json!(42)).await.unwrap();
            sandbox.signal("order-5", "go", json!({}), None).await.unwrap();
            let result = sandbox.result("parent-5").await.unwrap().expect("it has ended");
            assert_eq!(result.result, Some(json!(42)), "{crashes:?} {partitions}");
            histories.push(shown(&mut sandbox, "parent-5").await);
        }
    }
    histories.dedup();
    assert_eq!(histories.len(), 1, "one history: {histories:#?}");
}

#[tokio::test]
async fn a_parent_that_ends_takes_its_children_along() {
    for crashes in [Crashes::ByHand, Crashes::AfterEveryCommit] {
        let mut sandbox = sandbox(8).await;
        sandbox.crashes(crashes);
        sandbox.start(start("parent", 5)).await.unwrap();
        sandbox.terminate("parent-5", "enough").await.unwrap();
        let result = sandbox.result("order-5").await.unwrap().expect("it has ended");
        assert_eq!(result.status, Status::Canceled, "{crashes:?}");
    }
}

#[tokio::test]
async fn a_child_with_a_taken_id_is_refused() {
    let mut sandbox = sandbox(8).await;
    sandbox.start(start("order", 5)).await.unwrap();
    sandbox.start(start("parent", 5)).await.unwrap();
    let result = sandbox.result("parent-5").await.unwrap().expect("it has failed");
    assert_eq!(result.status, Status::Failed);
    let failure = result.failure.unwrap();
    assert_eq!((&failure["type"], &failure["cause"]["type"]), (&json!("ChildFailed"), &json!("AlreadyRunning")));
}

#[tokio::test]
async fn a_stuck_run_goes_on_with_code_that_follows_its_history() {
    let mut sandbox = sandbox(1).await;
    sandbox.start(start("odd", 6)).await.unwrap();
    let (run, scheduled, _) = attempt(&sandbox);
    sandbox.complete(run, scheduled, json!(1)).await.unwrap();
    let stuck = sandbox.describe("odd-6").await.unwrap().stuck.expect("it is stuck");
    assert_eq!(stuck.trap, "DivisionByZero");
    sandbox.crash().await.unwrap();
    assert!(sandbox.describe("odd-6").await.unwrap().row.stuck);
    let tried = sandbox.deploy(fixture::program(true)).await.unwrap();
    assert_eq!((tried.fit, tried.unmoved.total), (1, 0));
    assert_eq!(sandbox.result("odd-6").await.unwrap().unwrap().result, Some(json!(6)));
    sandbox.crash().await.unwrap();
    let (_, events) = sandbox.history("odd-6").await.unwrap();
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::CodeMoved { .. })));
}

#[tokio::test]
async fn an_attempt_after_a_backoff_is_still_the_workers_when_memory_is_lost() {
    let mut sandbox = sandbox(1).await;
    sandbox.start(start("order", 5)).await.unwrap();
    let (run, scheduled, _) = attempt(&sandbox);
    sandbox.fail(run, scheduled, Failure::fault("busy"), None).await.unwrap();
    sandbox.advance(1_000).await.unwrap();
    assert_eq!(attempt(&sandbox).2, 2);
    let outputs = sandbox.reopened().await;
    let again: Vec<_> = outputs.iter().filter(|output| matches!(output, Output::DispatchAgain(_))).collect();
    assert_eq!(again.len(), 1, "a worker may have it: {outputs:?}");
}
