//! A store at rest: it is looked at without going on, and it is left tidy.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_at_rest_is_looked_at_and_nothing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    node.start(NS, start("order", 5)).await.unwrap();
    node.start(NS, start("order", 6)).await.unwrap();
    node.terminate(&run("order-6"), StopRequest { reason: "no".into(), request_id: None }).await.unwrap();
    node.shutdown().await;
    let before = std::fs::read(folder.path().join("weft.db")).unwrap();

    let looking = Node::look(options(&folder, "look")).await.unwrap();
    let rows = looking.list(NS, ListQuery::default()).await.unwrap().runs;
    assert_eq!(rows.iter().map(|r| r.workflow_id.as_str()).collect::<Vec<_>>(), ["order-6", "order-5"]);
    let seen = looking.describe(&run("order-5")).await.unwrap();
    assert_eq!((seen.row.status, seen.activities.len()), (Status::Running, 1));
    assert_eq!(looking.describe(&run("order-6")).await.unwrap().row.status, Status::Terminated);
    assert_eq!(looking.history(&run("order-5"), 0, 10, Duration::ZERO).await.unwrap().events.len(), 2);
    assert_eq!(looking.result(&run("order-6"), Duration::ZERO).await.unwrap().status, Status::Terminated);
    assert_eq!(looking.describe(&run("order-7")).await.unwrap_err().code, "run_not_found");
    let stop = StopRequest { reason: String::new(), request_id: None };
    for refused in [
        looking.start(NS, start("order", 7)).await.unwrap_err(),
        looking.cancel(&run("order-5"), stop.clone()).await.unwrap_err(),
        looking.terminate(&run("order-5"), stop).await.unwrap_err(),
        looking.signal(&run("order-5"), "go", MessageRequest::default()).await.unwrap_err(),
        looking.deploy(NS, codec::encode(&fixture::program(true))).await.unwrap_err(),
        looking.poll(NS, "q", poll()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, "only_read");
    }
    let journal = looking.journal().unwrap();
    assert!(journal.join("http://x").await.is_err(), "the store itself refuses to be written");
    looking.shutdown().await;
    assert_eq!(std::fs::read(folder.path().join("weft.db")).unwrap(), before);
}

#[tokio::test]
async fn what_is_not_there_is_not_made_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Node::look(options(&folder, "look")).await, Err(OpenError::Store(_))));
    assert!(!folder.path().join("weft.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_leaves_everything_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    node.start(NS, start("order", 5)).await.unwrap();
    node.shutdown().await;
    let log = std::fs::metadata(folder.path().join("weft.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0, "the write-ahead log is in the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_tells_what_it_found_open() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    assert_eq!(node.found_open().count, 0);
    node.start(NS, start("order", 5)).await.unwrap();
    node.start(NS, start("order", 6)).await.unwrap();
    node.shutdown().await;
    let node = open(&folder, "one").await;
    let found = node.found_open();
    let ids: Vec<_> =
        found.runs.iter().map(|(namespace, row)| (namespace.as_str(), row.workflow_id.as_str())).collect();
    assert_eq!((found.count, ids), (2, vec![(NS, "order-5"), (NS, "order-6")]));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_the_first_projects_or_the_newest_deploys() {
    let folder = tempfile::tempdir().unwrap();
    let node = deployed(&folder).await;
    let mut renamed = fixture::program(false);
    renamed.project = "renamed".into();
    let refused = node.deploy(NS, codec::encode(&renamed)).await.unwrap_err();
    assert_eq!(refused.code, "workflow_taken");
    node.shutdown().await;

    let newest = || NodeOptions { names: WorkflowNames::Newest, ..options(&folder, "one") };
    let serve = async || {
        let node = Node::open(newest()).await.unwrap();
        node.serving().await.unwrap();
        node
    };
    let node = serve().await;
    assert!(node.deploy(NS, codec::encode(&renamed)).await.unwrap().changed);
    assert!(!node.deploy(NS, codec::encode(&renamed)).await.unwrap().changed);
    let program = |node: &Node| node.shared.programs.current(NS, "order").unwrap().0.program().project.clone();
    assert_eq!(program(&node), "renamed");
    node.shutdown().await;
    let node = serve().await;
    assert_eq!(program(&node), "renamed", "also after a restart");
    assert!(node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap().changed);
    assert_ne!(program(&node), "renamed");
    node.shutdown().await;
}
