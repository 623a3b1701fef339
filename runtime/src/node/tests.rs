//! A node on a real SQLite file, asked as routes ask it.

mod faults;
mod look;
mod lost;
mod overtaken;

use std::time::Duration;

use serde_json::json;
use weft_bytecode::codec;
use weft_protocol::api::{ListQuery, MessageRequest, PollRequest, Selection, StartRequest, Status, StopRequest};
use weft_protocol::{Failure, PartitionId};

use super::*;
use crate::api::{Api, RunKey};
use crate::fixture;
use crate::frame::fence_body;

const NS: &str = "default";
const LONG: Duration = Duration::from_secs(20);

fn options(folder: &tempfile::TempDir, name: &str) -> NodeOptions {
    let mut options =
        NodeOptions::new(format!("sqlite:{}", folder.path().join("weft.db").display()), format!("http://{name}"));
    options.store_options.partitions = Some(4);
    options.loops = 2;
    options
}

async fn open(folder: &tempfile::TempDir, name: &str) -> Node {
    let node = Node::open(options(folder, name)).await.unwrap();
    node.serving().await.unwrap();
    node
}

async fn deployed(folder: &tempfile::TempDir) -> Node {
    let node = open(folder, "one").await;
    let reply = node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    assert!(reply.changed);
    node
}

fn selected(filter: &str) -> ListQuery {
    ListQuery { select: Selection { filter: Some(filter.into()), ..Selection::default() }, ..ListQuery::default() }
}

fn start(workflow: &str, n: i64) -> StartRequest {
    serde_json::from_value(json!({ "workflow": workflow, "args": { "n": n } })).unwrap()
}

fn run(id: &str) -> RunKey {
    RunKey { namespace: NS.into(), workflow_id: id.into(), run_id: None }
}

fn poll() -> PollRequest {
    PollRequest { worker: "w".into(), max: Some(10), wait: Some("20s".into()), holding: Vec::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_from_start_to_result_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    let started = node.start(NS, start("order", 5)).await.unwrap();
    assert!(started.started);
    let tasks = node.poll(NS, "q", poll()).await.unwrap().tasks;
    assert_eq!((tasks.len(), &tasks[0].args), (1, &json!({ "n": 5 })));
    node.create_namespace(serde_json::from_value(json!({ "name": "other" })).unwrap()).await.unwrap();
    for namespace in ["other", "none"] {
        let refused = node.complete(namespace, &tasks[0].token, json!(1)).await.unwrap_err();
        assert!(matches!(refused.status, 404 | 410), "{namespace}: {refused:?}");
    }
    node.fail(NS, &tasks[0].token, Failure::fault("busy"), Some(Duration::from_millis(1))).await.unwrap();
    let again = node.poll(NS, "q", poll()).await.unwrap().tasks;
    assert_eq!(again[0].attempt, 2);
    assert_eq!(node.complete(NS, &tasks[0].token, json!(1)).await.unwrap_err().status, 410, "an old token");
    assert!(!node.heartbeat(NS, &again[0].token, Some(json!("half"))).await.unwrap().cancel_requested);
    let page = node.history(&run("order-5"), 0, 100, Duration::ZERO).await.unwrap();
    assert_eq!((page.events.len(), page.complete), (2, false));
    node.shutdown().await;
    assert_eq!(node.start(NS, start("order", 6)).await.unwrap_err().status, 503);

    let node = open(&folder, "one").await;
    // The worker still has it: its token holds over the restart.
    node.complete(NS, &again[0].token, json!(42)).await.unwrap();
    node.signal(&run("order-5"), "go", MessageRequest { args: json!({}), request_id: Some("s1".into()) })
        .await
        .unwrap();
    let result = node.result(&run("order-5"), LONG).await.unwrap();
    assert_eq!((result.status, result.result), (Status::Completed, Some(json!(42))));
    node.signal(&run("order-5"), "go", MessageRequest { args: json!({}), request_id: Some("s1".into()) })
        .await
        .expect("the same request was taken before the end");
    let late = MessageRequest { args: json!({}), request_id: Some("s2".into()) };
    assert_eq!(node.signal(&run("order-5"), "go", late).await.unwrap_err().code, "run_closed");
    let page = node.history(&run("order-5"), 2, 100, Duration::ZERO).await.unwrap();
    assert!(page.complete);
    assert_eq!(page.events.last().unwrap()["type"], "RunCompleted");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_heartbeat_leaves_its_attempt_to_other_workers() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    node.start(NS, start("order", 5)).await.unwrap();
    let task = node.poll(NS, "q", poll()).await.unwrap().tasks.remove(0);
    node.shutdown().await;
    let mut options = options(&folder, "one");
    options.config.limits = Limits { reclaim_grace_ms: 300, payload_bytes_max: 100, ..Limits::default() };
    let node = Node::open(options).await.unwrap();
    node.serving().await.unwrap();
    // Its worker still has it, says something that is not taken, and dies.
    let refused = node.heartbeat(NS, &task.token, Some(json!("x".repeat(200)))).await.unwrap_err();
    assert_ne!(refused.status, 410, "{refused:?}");
    let tasks = node.poll(NS, "q", poll()).await.unwrap().tasks;
    assert_eq!(tasks.iter().map(|task| task.attempt).collect::<Vec<_>>(), [1]);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_no_database_takes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    let program = codec::encode(&fixture::program(false));
    for namespace in ["", "a\0b", "a/b", &"n".repeat(201)] {
        let refused = node.deploy(namespace, program.clone()).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (400, "wrong_parameter"), "{namespace:?}");
        assert_eq!(node.list(namespace, ListQuery::default()).await.unwrap_err().code, "wrong_parameter");
        let key = RunKey { namespace: namespace.into(), ..run("order-5") };
        assert_eq!(node.describe(&key).await.unwrap_err().code, "wrong_parameter");
    }
    assert_eq!(node.describe(&run("order\0")).await.unwrap_err().code, "run_not_found");
    let query = ListQuery {
        select: Selection { workflow: Some("order\0".into()), ..Selection::default() },
        ..ListQuery::default()
    };
    assert_eq!(node.list(NS, query).await.unwrap_err().code, "wrong_parameter");
    let mut program = fixture::program(false);
    program.workflows[0].name = "x".repeat(1_001);
    assert_eq!(node.deploy(NS, codec::encode(&program)).await.unwrap_err().code, "invalid_program");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_end_with_the_run_or_with_patience() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    node.start(NS, start("order", 5)).await.unwrap();
    let early = node.result(&run("order-5"), Duration::from_millis(10)).await.unwrap();
    assert_eq!(early.status, Status::Running);
    let empty = node.history(&run("order-5"), 2, 10, Duration::from_millis(10)).await.unwrap();
    assert_eq!((empty.events.len(), empty.complete), (0, false));
    let (waiting, follower) = (node.clone(), node.clone());
    let waiting = tokio::spawn(async move { waiting.result(&run("order-5"), LONG).await });
    let follower = tokio::spawn(async move { follower.history(&run("order-5"), 2, 10, LONG).await });
    node.cancel(&run("order-5"), StopRequest { reason: "enough".into(), request_id: None }).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status, Status::Canceled);
    assert!(!follower.await.unwrap().unwrap().events.is_empty());
    assert_eq!(node.result(&run("order-9"), LONG).await.unwrap_err().code, "run_not_found");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_read_their_own_writes_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    for n in 0..7 {
        node.start(NS, start("order", n)).await.unwrap();
        if n % 2 == 0 {
            let stop = StopRequest { reason: String::new(), request_id: None };
            node.terminate(&run(&format!("order-{n}")), stop).await.unwrap();
        }
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let query = ListQuery { limit: Some(3), cursor: cursor.take(), ..ListQuery::default() };
        let page = node.list(NS, query).await.unwrap();
        seen.extend(page.runs);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut ids: Vec<_> = seen.iter().map(|row| row.workflow_id.clone()).collect();
    ids.sort();
    assert_eq!(ids, (0..7).map(|n| format!("order-{n}")).collect::<Vec<_>>());
    assert!(seen.is_sorted_by(|a, b| a.started_at >= b.started_at));
    let open = selected("status = Running");
    assert_eq!(node.list(NS, open).await.unwrap().runs.len(), 3);
    let ended = selected("status = Terminated and workflow = 'order'");
    assert_eq!(node.list(NS, ended).await.unwrap().runs.len(), 4);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_runs_of_builtin_steps() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    let runs = (0..200).map(|_| {
        let node = node.clone();
        tokio::spawn(async move {
            let started = node.start(NS, start("steps", 10)).await.unwrap();
            node.result(&run(&started.workflow_id), LONG).await.unwrap()
        })
    });
    for run in futures::future::join_all(runs).await {
        assert_eq!(run.unwrap().result, Some(json!(10)));
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposed_node_acknowledges_nothing_and_stands_by() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    let journal = node.journal().unwrap();
    let other = journal.join("http://other").await.unwrap();
    for row in journal.ownership().await.unwrap() {
        let fence = fence_body(row.part, other, row.epoch + 1);
        journal.takeover(row.part, row.epoch.into(), other, &fence).await.unwrap().expect("the epoch is the one seen");
    }
    // This node has not heard of it, or has heard in the meantime: either way nothing is acknowledged.
    let refused = node.start(NS, start("order", 5)).await.unwrap_err();
    assert!(["moved", "not_owner", "shutting_down"].contains(&refused.code.as_str()), "{refused:?}");
    let mut standing = node.shared.standing.subscribe();
    let by = standing.wait_for(|now| matches!(now, Standing::Standby(Some(_)))).await.unwrap().clone();
    assert_eq!(by, Standing::Standby(Some("http://other".into())));
    assert_eq!(node.ready().await.unwrap_err().help.as_deref(), Some("ask http://other"));
    for part in 0..4 {
        let log = journal.read(PartitionId(part), weft_protocol::LogSeq(0), 1_000).await.unwrap();
        assert_eq!(log.last().map(|chunk| chunk.epoch), Some(2), "nothing was written after the fence");
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_stands_by_until_the_first_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let first = deployed(&folder).await;
    first.start(NS, start("order", 5)).await.unwrap();
    let second = Node::open(options(&folder, "two")).await.unwrap();
    let mut standing = second.shared.standing.subscribe();
    standing.wait_for(|now| *now == Standing::Standby(Some("http://one".into()))).await.unwrap();
    first.shutdown().await;
    second.serving().await.unwrap();
    assert_eq!(second.describe(&run("order-5")).await.unwrap().row.status, Status::Running);
    second.shutdown().await;
}
