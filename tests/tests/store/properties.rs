//! What every journal promises.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weft_bytecode::ProgramHash;
use weft_engine::Record;
use weft_protocol::{EventId, LogSeq, PartitionId, Payload, RunId, Timestamp, WorkflowId};
use weft_runtime::filter::{Field, Filter, Is, Key, Kind, Op, Test};
use weft_runtime::frame::{ChunkReader, LogRecord, fence_body};
use weft_runtime::namespaces::Namespace;
use weft_runtime::store::{
    Append, Blob, Bundle, CHUNK_BYTES_MAX, Chunk, Claim, ClosedPage, ClosedRun, DeletedId, Journal, Seen, SnapshotRow,
    StoreError,
};

use crate::place::{PARTITIONS, Place};

const P0: PartitionId = PartitionId(0);
const P1: PartitionId = PartitionId(1);
const P2: PartitionId = PartitionId(2);

pub(crate) fn chunk(part: PartitionId, seq: u64, epoch: u64, body: &[u8]) -> Chunk {
    Chunk { part, seq: LogSeq(seq), epoch, body: body.to_vec() }
}

pub(crate) fn chunks(chunks: &[Chunk]) -> Append {
    Append { chunks: chunks.to_vec(), ..Append::default() }
}

fn row(part: PartitionId, counter: u64, id: &str, started: i64) -> ClosedRun {
    ClosedRun {
        namespace: "default".into(),
        workflow_id: WorkflowId::from(id),
        run_id: RunId::new(part, counter),
        workflow: "order".into(),
        status: 1,
        started: Timestamp(started),
        closed: Timestamp(started + 5),
        attributes: r#"{"city":"Köln","odd":"\u0000"}"#.into(),
        search: r#"{"city:String":"Köln"}"#.into(),
        history: vec![0, 1, 2, 255, counter as u8],
    }
}

fn page_of(filter: Filter, after: Option<(Timestamp, RunId)>, limit: usize) -> ClosedPage {
    ClosedPage { namespace: "default".into(), filter, after, limit }
}

async fn append(journal: &Arc<dyn Journal>, append: &Append) -> Result<(), StoreError> {
    journal.lane().await?.append(append).await
}

/// As the owner of the first partition, whoever that is.
pub(crate) async fn claim(journal: &Arc<dyn Journal>) -> Claim {
    Claim { part: P0, epoch: journal.ownership().await.unwrap()[0].epoch }
}

async fn own(journal: &Arc<dyn Journal>, part: PartitionId) -> (u64, LogSeq) {
    let epoch = journal.ownership().await.unwrap()[usize::from(part.0)].epoch;
    let fence = fence_body(part, 1, epoch + 1);
    journal.takeover(part, epoch.into(), 1, &fence).await.unwrap().expect("nobody else takes it over")
}

/// The whole log, however long: on a busy machine an owner in memory appends a lot before another one gets its turn.
async fn log(journal: &Arc<dyn Journal>, part: PartitionId) -> Vec<Chunk> {
    journal.read(part, LogSeq(0), usize::MAX >> 1).await.unwrap()
}

pub(crate) async fn put_rows(journal: &Arc<dyn Journal>, rows: Vec<ClosedRun>) {
    let parts: BTreeSet<PartitionId> = rows.iter().map(|row| row.run_id.partition()).collect();
    let mut chunks = Vec::new();
    for part in parts {
        chunks.push(chunk(part, log(journal, part).await.len() as u64 + 1, 0, b"x"));
    }
    append(journal, &Append { chunks, closed: rows, ..Append::default() }).await.unwrap();
}

pub(crate) async fn what_is_appended_is_read_in_order_and_in_pages(place: Place) {
    let all: Vec<Chunk> = (1..=7).map(|seq| chunk(P1, seq, 3, format!("chunk {seq}").as_bytes())).collect();
    append(&place.journal, &chunks(&all[..4])).await.unwrap();
    let mut mixed = all[4..].to_vec();
    mixed.insert(1, chunk(P2, 1, 9, b"other"));
    append(&place.journal, &chunks(&mixed)).await.unwrap();
    assert_eq!(log(&place.journal, P1).await, all);
    assert_eq!(place.journal.read(P1, LogSeq(3), 2).await.unwrap(), all[2..4]);
    assert_eq!(place.journal.read(P1, LogSeq(8), 2).await.unwrap(), []);
    assert_eq!(log(&place.journal, P2).await, [chunk(P2, 1, 9, b"other")]);
    assert_eq!(log(&place.journal, P0).await, []);
    assert_eq!(log(&place.again().await, P1).await, all, "another node reads the same");
}

pub(crate) async fn an_append_takes_all_its_places_or_none(place: Place) {
    append(&place.journal, &chunks(&[chunk(P1, 1, 1, b"first")])).await.unwrap();
    let clash = Append {
        chunks: vec![chunk(P0, 1, 1, b"new"), chunk(P1, 1, 1, b"taken"), chunk(P2, 1, 1, b"new")],
        closed: vec![row(P0, 1, "a", 10), row(P1, 1, "b", 10)],
        ..Append::default()
    };
    let mut lane = place.journal.lane().await.unwrap();
    for _ in 0..2 {
        assert!(matches!(lane.append(&clash).await, Err(StoreError::Conflict)));
    }
    assert_eq!(log(&place.journal, P0).await, []);
    assert_eq!(log(&place.journal, P1).await, [chunk(P1, 1, 1, b"first")]);
    assert_eq!(log(&place.journal, P2).await, []);
    let everything = page_of(Filter::all(), None, 10);
    assert_eq!(place.journal.list_closed(&everything).await.unwrap(), []);
    lane.append(&chunks(&[chunk(P0, 1, 1, b"new")])).await.expect("the lane goes on after a conflict");
}

pub(crate) async fn a_deleted_id_is_gone_with_its_append(place: Place) {
    let id = |of: &str| WorkflowId::from(of);
    let gone = |upto: u64| DeletedId { namespace: "default".into(), workflow_id: id("a"), upto: RunId::new(P1, upto) };
    let before = Append {
        chunks: vec![chunk(P1, 1, 1, b"first")],
        closed: vec![row(P1, 1, "a", 10), row(P1, 2, "a", 20), row(P1, 3, "b", 30)],
        ..Append::default()
    };
    append(&place.journal, &before).await.unwrap();
    let clash = Append { chunks: vec![chunk(P1, 1, 1, b"taken")], deleted: vec![gone(9)], ..Append::default() };
    assert!(matches!(append(&place.journal, &clash).await, Err(StoreError::Conflict)));
    assert!(place.journal.closed_run(P1, "default", &id("a"), None).await.unwrap().is_some(), "all or nothing");
    // The row of a run that is ended for it comes in the same append; a later run of the id stays.
    let delete = Append {
        chunks: vec![chunk(P1, 2, 1, b"second")],
        closed: vec![row(P1, 4, "a", 40), row(P1, 5, "a", 50)],
        deleted: vec![gone(4)],
        ..Append::default()
    };
    append(&place.journal, &delete).await.unwrap();
    for (run, there) in [(1, false), (2, false), (4, false), (5, true)] {
        let found = place.journal.closed_run(P1, "default", &id("a"), Some(RunId::new(P1, run))).await.unwrap();
        assert_eq!(found.is_some(), there, "run {run}");
    }
    assert!(place.journal.closed_run(P1, "default", &id("b"), None).await.unwrap().is_some());
}

pub(crate) async fn a_takeover_fences_the_owner_before(place: Place) {
    let (epoch, first) = own(&place.journal, P1).await;
    assert_eq!((epoch, first), (1, LogSeq(1)));
    let mut zombie = place.journal.lane().await.unwrap();
    zombie.append(&chunks(&[chunk(P1, 2, 1, b"a"), chunk(P1, 3, 1, b"b")])).await.unwrap();

    let other = place.again().await;
    assert_eq!(
        other.takeover(P1, 0.into(), 2, b"late").await.unwrap(),
        None,
        "an epoch seen too long ago takes nothing"
    );
    let fence = fence_body(P1, 2, 2);
    assert_eq!(other.takeover(P1, 1.into(), 2, &fence).await.unwrap(), Some((2, LogSeq(4))));

    let late = Append {
        chunks: vec![chunk(P1, 4, 1, b"late"), chunk(P1, 5, 1, b"late")],
        closed: vec![row(P1, 1, "a", 1)],
        ..Append::default()
    };
    assert!(matches!(zombie.append(&late).await, Err(StoreError::Conflict)));
    append(&other, &chunks(&[chunk(P1, 5, 2, b"c")])).await.unwrap();
    let epochs: Vec<u64> = log(&other, P1).await.iter().map(|chunk| chunk.epoch).collect();
    assert_eq!(epochs, [1, 1, 1, 2, 2]);
    assert_eq!(log(&other, P1).await[3].body, fence);
    assert_eq!(other.closed_run(P1, "default", &WorkflowId::from("a"), None).await.unwrap(), None);
    let owner = &other.ownership().await.unwrap()[1];
    assert_eq!((owner.part, owner.epoch, owner.node), (P1, 2, Some(2)));
}

pub(crate) async fn an_empty_log_begins_with_a_fence(place: Place) {
    for part in [P0, P1, P2] {
        assert_eq!(own(&place.journal, part).await, (1, LogSeq(1)));
        let mut records = Vec::new();
        let mut reader = ChunkReader::new(part);
        for chunk in log(&place.journal, part).await {
            reader.read(&chunk, &mut records).unwrap();
        }
        assert_eq!(records, [LogRecord::Fence { node: 1, epoch: 1 }]);
    }
    assert_eq!(place.journal.partitions(), PARTITIONS);
}

/// A node that sees another silent may come to take over after that was heard again: the other answers from memory then, for as
/// long as its lease, and must be told first.
pub(crate) async fn an_owner_that_was_heard_since_is_not_taken_over(place: Place) {
    let owner = place.journal.join("http://owner").await.unwrap();
    let taken = place.journal.takeover(P1, 0.into(), owner, &fence_body(P1, owner, 1)).await.unwrap();
    assert!(taken.is_some(), "nobody has it");
    let other = place.again().await;
    let fence = fence_body(P1, 2, 2);
    let seen = Seen { epoch: 1, silent_ms: 60_000 };
    place.journal.beat(owner).await.unwrap();
    assert_eq!(other.takeover(P1, seen, 2, &fence).await.unwrap(), None, "it has been heard since");
    let cluster = place.journal.beat(owner).await.unwrap();
    assert!(cluster.partitions.iter().any(|row| row.part == P1 && row.node == Some(owner) && row.epoch == 1));
    let seen = Seen { epoch: 1, silent_ms: 0 };
    assert!(other.takeover(P1, seen, 2, &fence).await.unwrap().is_some(), "it has not");
    let cluster = place.journal.beat(owner).await.unwrap();
    assert!(
        cluster.partitions.iter().any(|row| row.part == P1 && row.node == Some(2)),
        "it is told with its next beat"
    );
}

pub(crate) async fn of_many_takeovers_one_wins(place: Place) {
    for seen in 0..5 {
        let tries = (0..8).map(|node| {
            let journal = place.journal.clone();
            tokio::spawn(async move { journal.takeover(P0, seen.into(), node, b"fence").await.unwrap() })
        });
        let won: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won, [(seen + 1, LogSeq(seen + 1))]);
    }
}

pub(crate) async fn a_takeover_amid_appends_loses_none_and_lets_none_follow(place: Place) {
    let (epoch, fence) = own(&place.journal, P2).await;
    let started = Arc::new(AtomicBool::new(false));
    let owner = tokio::spawn({
        let (journal, started) = (place.journal.clone(), started.clone());
        async move {
            let mut lane = journal.lane().await.unwrap();
            let mut acknowledged = 0;
            for seq in fence.0 + 1.. {
                match lane.append(&chunks(&[chunk(P2, seq, epoch, &seq.to_le_bytes())])).await {
                    Ok(()) => acknowledged = seq,
                    Err(StoreError::Conflict) => return acknowledged,
                    Err(error) => panic!("{error}"),
                }
                started.store(seq > 5, Ordering::Relaxed);
            }
            unreachable!("the owner is fenced at some time")
        }
    });
    while !started.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    let other = place.again().await;
    let (epoch, at) = other.takeover(P2, epoch.into(), 2, b"fence").await.unwrap().expect("the epoch is as seen");
    assert_eq!(owner.await.unwrap() + 1, at.0, "the fence stands right after the last acknowledged append");
    let log = log(&other, P2).await;
    assert_eq!(log.len() as u64, at.0);
    assert!(log.iter().zip(1..).all(|(chunk, seq)| chunk.seq.0 == seq));
    assert_eq!(log.last().map(|chunk| chunk.epoch), Some(epoch));
}

pub(crate) async fn the_same_append_again_conflicts_and_changes_nothing(place: Place) {
    let sent = Append {
        chunks: vec![chunk(P0, 1, 1, b"one"), chunk(P0, 2, 1, b"two"), chunk(P1, 1, 1, b"other")],
        closed: vec![row(P0, 1, "a", 10)],
        ..Append::default()
    };
    let mut lane = place.journal.lane().await.unwrap();
    lane.append(&sent).await.unwrap();
    assert!(matches!(lane.append(&sent).await, Err(StoreError::Conflict)));
    assert_eq!(place.journal.read(P0, LogSeq(1), 2).await.unwrap(), sent.chunks[..2], "the own chunks are found");
    assert_eq!(log(&place.journal, P1).await, sent.chunks[2..]);
    let everything = page_of(Filter::all(), None, 10);
    assert_eq!(place.journal.list_closed(&everything).await.unwrap().len(), 1);
}

pub(crate) async fn a_full_chunk_of_any_bytes_survives(place: Place) {
    let body: Vec<u8> = (0..CHUNK_BYTES_MAX).map(|n| (n * 7 % 256) as u8).collect();
    let all: Vec<Chunk> = (1..=150).map(|seq| chunk(P0, seq, 1, &body)).collect();
    append(&place.journal, &chunks(&all)).await.unwrap();
    assert!(log(&place.journal, P0).await == all);
}

pub(crate) async fn an_append_of_any_size_is_all_or_nothing(place: Place) {
    let body = vec![7; CHUNK_BYTES_MAX];
    let all: Vec<Chunk> = (1..=2_500).map(|seq| chunk(P0, seq, 1, &body)).collect();
    let history = vec![9; 12 << 20];
    let closed = (1..=2).map(|n| ClosedRun { history: history.clone(), ..row(P0, n, &format!("{n}"), 10) }).collect();
    let mut large = Append { chunks: all.clone(), closed, ..Append::default() };
    append(&place.journal, &large).await.unwrap();
    assert!(log(&place.journal, P0).await == all);
    let found = place.journal.closed_run(P0, "default", &WorkflowId::from("2"), None).await.unwrap();
    assert!(found.is_some_and(|row| row.history == history));
    // Its last place is taken.
    large.chunks.iter_mut().zip(3..).for_each(|(chunk, seq)| chunk.seq = LogSeq(seq));
    large.chunks.iter_mut().for_each(|chunk| chunk.part = P1);
    let first: Vec<Chunk> = (1..=2).map(|seq| chunk(P1, seq, 1, &body)).collect();
    append(&place.journal, &chunks(&first)).await.unwrap();
    large.chunks.push(chunk(P1, 2, 1, &body));
    let mut lane = place.journal.lane().await.unwrap();
    assert!(matches!(lane.append(&large).await, Err(StoreError::Conflict)));
    assert!(log(&place.journal, P1).await == first, "nothing of it was written");
    lane.append(&chunks(&[chunk(P1, 3, 1, &body)])).await.expect("the lane goes on");
}

pub(crate) async fn a_row_that_is_there_already_stays_as_it_is(place: Place) {
    put_rows(&place.journal, vec![row(P0, 1, "a", 10)]).await;
    let again = ClosedRun { history: b"other".to_vec(), ..row(P0, 1, "a", 10) };
    put_rows(&place.journal, vec![again, row(P0, 2, "b", 20)]).await;
    let found = place.journal.closed_run(P0, "default", &WorkflowId::from("a"), None).await.unwrap();
    assert_eq!(found, Some(row(P0, 1, "a", 10)));
    assert!(place.journal.closed_run(P0, "default", &WorkflowId::from("b"), None).await.unwrap().is_some());
}

pub(crate) async fn closed_runs_come_newest_first_in_pages(place: Place) {
    // Many runs share a start time, so that pages end between equals.
    let rows: Vec<ClosedRun> =
        (0..100_u64).map(|n| row(PartitionId((n % 3) as u16), n, &format!("run-{n}"), 1_000 + n as i64 / 10)).collect();
    put_rows(&place.journal, rows.clone()).await;
    let mut expected: Vec<ClosedRun> = rows.into_iter().map(|row| ClosedRun { history: Vec::new(), ..row }).collect();
    expected.sort_by_key(|row| std::cmp::Reverse((row.started, row.run_id)));
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|row: &ClosedRun| (row.started, row.run_id));
        let page = place.journal.list_closed(&page_of(Filter::all(), after, 7)).await.unwrap();
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, expected);
}

pub(crate) async fn closed_runs_are_filtered(place: Place) {
    let rows = (0..40_u64).map(|n| ClosedRun {
        namespace: if n % 2 == 0 { "default" } else { "other" }.into(),
        workflow: if n % 4 == 0 { "order" } else { "report" }.into(),
        status: (n % 5) as i16,
        ..row(P1, n, &format!("run-{n}"), n as i64)
    });
    put_rows(&place.journal, rows.collect()).await;
    let numbers = async |filter: Filter| -> Vec<u64> {
        let page = page_of(filter, None, 100);
        place.journal.list_closed(&page).await.unwrap().iter().map(|row| row.run_id.counter()).collect()
    };
    let newest_first = |keep: &dyn Fn(u64) -> bool| (0..40).rev().filter(|n| keep(*n)).collect::<Vec<u64>>();
    assert_eq!(numbers(Filter::all()).await, newest_first(&|n| n % 2 == 0));
    assert_eq!(numbers(Filter::Any(Vec::new())).await, [0; 0]);
    let order = Filter::Test(Test { field: Field::Workflow, is: Is::In(vec![Key::Text("order".into())]) });
    assert_eq!(numbers(order.clone()).await, newest_first(&|n| n % 4 == 0));
    let both = order.and(Filter::status(Op::Equal, 3));
    assert_eq!(numbers(both).await, newest_first(&|n| n % 4 == 0 && n % 5 == 3));
    let elsewhere = ClosedPage { namespace: "none".into(), ..page_of(Filter::all(), None, 10) };
    assert!(place.journal.list_closed(&elsewhere).await.unwrap().is_empty());
}

pub(crate) async fn the_newest_run_of_an_id_answers_for_it(place: Place) {
    let id = WorkflowId::from("order/7 ü");
    put_rows(&place.journal, vec![row(P1, 3, id.as_str(), 30), row(P1, 11, id.as_str(), 10), row(P1, 4, "Z", 5)]).await;
    put_rows(&place.journal, vec![row(P1, 5, "a", 6), ClosedRun { namespace: "b".into(), ..row(P1, 6, "Z", 7) }]).await;
    let newest = place.journal.closed_run(P1, "default", &id, None).await.unwrap().expect("the id has runs");
    assert_eq!(newest, row(P1, 11, id.as_str(), 10));
    let older = place.journal.closed_run(P1, "default", &id, Some(RunId::new(P1, 3))).await.unwrap();
    assert_eq!(older, Some(row(P1, 3, id.as_str(), 30)));
    assert_eq!(place.journal.closed_run(P1, "default", &id, Some(RunId::new(P1, 4))).await.unwrap(), None);
    assert_eq!(place.journal.closed_run(P1, "b", &id, None).await.unwrap(), None);

    let mut ids = Vec::new();
    loop {
        let after = ids.last().map(|(namespace, id, _): &(String, WorkflowId, RunId)| (namespace.clone(), id.clone()));
        let page = place.journal.closed_ids(P1, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        ids.extend(page);
    }
    let shown: Vec<_> = ids.iter().map(|(ns, id, run)| format!("{ns} {id} {}", run.counter())).collect();
    assert_eq!(shown, ["b Z 6", "default Z 4", "default a 5", "default order/7 ü 11"]);
    assert_eq!(place.journal.closed_ids(P0, None, 10).await.unwrap(), []);
}

pub(crate) async fn programs_are_kept_by_hash(place: Place) {
    let (one, two) = (ProgramHash([1; 32]), ProgramHash([2; 32]));
    let large = vec![7; 3 << 20];
    place.journal.put_program(one, &large).await.unwrap();
    place.journal.put_program(one, b"other").await.unwrap();
    assert!(place.journal.program(one).await.unwrap() == Some(large));
    assert_eq!(place.journal.program(two).await.unwrap(), None);
}

pub(crate) async fn the_newest_deployment_of_a_project_is_current(place: Place) {
    let by = claim(&place.journal).await;
    let deploys = (0..20_u8).map(|n| {
        let journal = place.journal.clone();
        tokio::spawn(
            async move { journal.deploy(by, "default", "shop", ProgramHash([n; 32]), Timestamp(1)).await.unwrap() },
        )
    });
    futures::future::join_all(deploys).await.into_iter().for_each(Result::unwrap);
    for (namespace, project, n) in [("default", "shop", 99), ("default", "blog", 98), ("test", "shop", 97)] {
        place.journal.deploy(by, namespace, project, ProgramHash([n; 32]), Timestamp(i64::from(n))).await.unwrap();
    }
    let current = place.journal.deployments().await.unwrap();
    let shown: Vec<_> =
        current.iter().map(|d| (d.namespace.as_str(), d.project.as_str(), d.program.0[0], d.at.0)).collect();
    assert_eq!(shown, [("default", "blog", 98, 98), ("default", "shop", 99, 99), ("test", "shop", 97, 97)]);
    assert!(current[0].seq > current[1].seq && current[1].seq == 21);
}

pub(crate) async fn node_numbers_are_never_used_again(place: Place) {
    let one = place.journal.join("http://a").await.unwrap();
    let two = place.again().await.join("http://b").await.unwrap();
    place.journal.leave(two).await.unwrap();
    let three = place.journal.join("http://c").await.unwrap();
    assert!(one < two && two < three, "{one} {two} {three}");
    let (epoch, _) = own(&place.journal, P1).await;
    let cluster = place.journal.beat(one).await.unwrap();
    let nodes: Vec<_> = cluster.nodes.iter().map(|node| (node.id, node.address.as_str())).collect();
    assert_eq!(nodes, [(one, "http://a"), (three, "http://c")]);
    assert!(cluster.nodes.iter().all(|node| (0..60_000).contains(&node.silent_ms)), "{cluster:?}");
    assert_eq!(cluster.partitions, place.journal.ownership().await.unwrap());
    assert_eq!((cluster.partitions[1].epoch, cluster.partitions[1].node), (epoch, Some(1)));
    assert!(matches!(place.journal.beat(two).await, Err(StoreError::Conflict)), "a removed node must join again");
    assert_eq!(place.journal.nodes().await.unwrap().len(), 2);
    place.journal.ping().await.unwrap();
}

pub(crate) async fn a_release_needs_the_own_epoch(place: Place) {
    let (epoch, _) = own(&place.journal, P0).await;
    place.journal.release(P0, epoch + 1).await.unwrap();
    assert_eq!(place.journal.ownership().await.unwrap()[0].node, Some(1));
    place.journal.release(P0, epoch).await.unwrap();
    let free = &place.journal.ownership().await.unwrap()[0];
    assert_eq!((free.node, free.epoch), (None, epoch), "the epoch stays, or the old owner could write again");
}

pub(crate) async fn damage_is_noticed_on_reading(place: Place) {
    own(&place.journal, P1).await;
    let mut reader = ChunkReader::new(P1);
    for chunk in log(&place.journal, P1).await {
        reader.read(&chunk, &mut Vec::new()).unwrap();
    }
    let mut writer = reader.writer(1).unwrap();
    for n in 0..2_000 {
        writer.record(RunId::new(P1, n), &Record::Heartbeat { scheduled: EventId(n), attempt: 1, progress: None });
    }
    let mut append = Append::default();
    writer.take(&mut append.chunks);
    assert!(append.chunks.len() > 1);
    self::append(&place.journal, &append).await.unwrap();
    assert_eq!(read(&place).await.unwrap(), 2_001);

    let mut body = append.chunks[1].body.clone();
    body[100] ^= 1;
    place.damage(P1, append.chunks[1].seq, &body).await;
    let error = read(&place).await.expect_err("a flipped bit is noticed").to_string();
    assert!(error.contains("corrupt") && error.contains("chunk 3 of partition 1"), "{error}");
    body.truncate(50);
    place.damage(P1, append.chunks[1].seq, &body).await;
    read(&place).await.expect_err("a torn chunk is noticed");
}

async fn read(place: &Place) -> Result<usize, StoreError> {
    let mut records = Vec::new();
    let mut reader = ChunkReader::new(P1);
    for chunk in log(&place.journal, P1).await {
        reader.read(&chunk, &mut records)?;
    }
    Ok(records.len())
}

pub(crate) async fn lanes_append_side_by_side(place: Place) {
    let lanes = (0..PARTITIONS).map(|part| {
        let journal = place.journal.clone();
        tokio::spawn(async move {
            let mut lane = journal.lane().await.unwrap();
            for seq in 1..=30 {
                let part = PartitionId(part);
                let closed = vec![row(part, seq, &format!("run-{seq}"), seq as i64)];
                let append = Append { chunks: vec![chunk(part, seq, 1, &[1; 900])], closed, ..Append::default() };
                lane.append(&append).await.unwrap();
            }
        })
    });
    futures::future::join_all(lanes).await.into_iter().for_each(Result::unwrap);
    for part in 0..PARTITIONS {
        assert_eq!(log(&place.journal, PartitionId(part)).await.len(), 30);
        assert_eq!(place.journal.closed_ids(PartitionId(part), None, 100).await.unwrap().len(), 30);
    }
}

pub(crate) async fn closed_runs_go_in_the_order_of_their_end(place: Place) {
    let ends = [40, 10, 30, 20, 50];
    let rows = ends.iter().zip(0..).map(|(end, n)| ClosedRun {
        closed: Timestamp(*end),
        ..row(PartitionId(n % 3), u64::from(n) + 1, &format!("run-{n}"), 1)
    });
    let other = ClosedRun { namespace: "other".into(), closed: Timestamp(5), ..row(P0, 9, "other", 1) };
    put_rows(&place.journal, rows.chain([other]).collect()).await;
    let left = async || {
        let page = page_of(Filter::all(), None, 10);
        let mut ends: Vec<i64> =
            place.journal.list_closed(&page).await.unwrap().iter().map(|row| row.closed.0).collect();
        ends.sort_unstable();
        ends
    };
    let by = claim(&place.journal).await;
    assert_eq!(place.journal.oldest_closed("default").await.unwrap(), Some(Timestamp(10)));
    assert_eq!(place.journal.forget_closed(by, "default", Timestamp(40), 2).await.unwrap(), 2);
    assert_eq!(left().await, [30, 40, 50], "the oldest first");
    assert_eq!(place.journal.forget_closed(by, "default", Timestamp(40), 2).await.unwrap(), 1);
    assert_eq!(place.journal.forget_closed(by, "default", Timestamp(40), 2).await.unwrap(), 0, "before, not at");
    assert_eq!(left().await, [40, 50]);
    assert_eq!(place.journal.oldest_closed("default").await.unwrap(), Some(Timestamp(40)));
    assert_eq!(place.journal.oldest_closed("other").await.unwrap(), Some(Timestamp(5)));
    assert_eq!(place.journal.oldest_closed("none").await.unwrap(), None);
    let id = WorkflowId::from("run-1");
    assert_eq!(place.journal.closed_run(P1, "default", &id, None).await.unwrap(), None);
}

pub(crate) async fn large_values_go_with_their_run(place: Place) {
    let (mine, other) = (RunId::new(P1, 1), RunId::new(P1, 2));
    let blob =
        |run: RunId, n: u8| Blob { run, hash: [n; 32], body: Payload::json(&"x".repeat(100_000 + usize::from(n))) };
    let sent = Append {
        chunks: vec![chunk(P1, 1, 1, b"one")],
        closed: vec![row(P1, 1, "a", 10)],
        blobs: vec![blob(mine, 1), blob(mine, 2), blob(mine, 1), blob(other, 1)],
        ..Append::default()
    };
    let mut lane = place.journal.lane().await.unwrap();
    lane.append(&sent).await.unwrap();
    assert!(matches!(lane.append(&sent).await, Err(StoreError::Conflict)), "the log alone is the fence");
    let again = Append { chunks: vec![chunk(P1, 2, 1, b"two")], blobs: vec![blob(mine, 2)], ..Append::default() };
    lane.append(&again).await.expect("a value that is there stays");
    let taken = Append { chunks: vec![chunk(P1, 2, 1, b"late")], blobs: vec![blob(mine, 3)], ..Append::default() };
    assert!(matches!(lane.append(&taken).await, Err(StoreError::Conflict)));
    let found = async |run, hashes: &[u8]| {
        let hashes: Vec<[u8; 32]> = hashes.iter().map(|n| [*n; 32]).collect();
        let found = place.journal.blobs(run, &hashes).await.unwrap();
        found.into_iter().map(|(hash, body)| (hash[0], body.len())).collect::<Vec<_>>()
    };
    assert_eq!(found(mine, &[2, 3, 1]).await, [(2, 100_003), (1, 100_002)], "one that was not written is not there");
    assert_eq!(
        place.journal.forget_closed(claim(&place.journal).await, "default", Timestamp(i64::MAX), 10).await.unwrap(),
        1
    );
    assert_eq!(found(mine, &[1, 2]).await, []);
    assert_eq!(found(other, &[1]).await, [(1, 100_002)]);
}

pub(crate) async fn snapshots_come_and_go_with_their_append(place: Place) {
    let (mine, other) = (RunId::new(P1, 1), RunId::new(P1, 2));
    let snapshot = |run, events, body: &[u8]| SnapshotRow { run, events, body: body.to_vec() };
    let append = |seq, snapshots: &[SnapshotRow], ended: &[RunId]| Append {
        chunks: vec![chunk(P1, seq, 1, b"chunk")],
        snapshots: snapshots.to_vec(),
        ended: ended.to_vec(),
        ..Append::default()
    };
    let mut lane = place.journal.lane().await.unwrap();
    let large = vec![7; 1 << 20];
    lane.append(&append(1, &[snapshot(mine, 10, b"ten"), snapshot(other, 10, &large)], &[])).await.unwrap();
    lane.append(&append(2, &[snapshot(mine, 20, b"twenty")], &[])).await.unwrap();
    let late = append(2, &[snapshot(mine, 30, b"thirty")], &[other]);
    assert!(matches!(lane.append(&late).await, Err(StoreError::Conflict)), "nothing without its chunk");
    let both = [snapshot(mine, 20, b"twenty"), snapshot(other, 10, &large)];
    assert_eq!(place.again().await.snapshots(P1).await.unwrap(), both, "the newest of each");
    lane.append(&append(3, &[snapshot(other, 20, b"last")], &[other])).await.unwrap();
    assert_eq!(place.journal.snapshots(P1).await.unwrap(), both[..1], "those that come go as well");
    lane.append(&append(4, &[snapshot(mine, 20, b"again")], &[])).await.unwrap();
    assert_eq!(place.journal.snapshots(P1).await.unwrap(), [snapshot(mine, 20, b"again")]);
    assert_eq!(place.journal.snapshots(P2).await.unwrap(), []);
}

/// A bundle goes with the append that brings it, and with that its owner; the log it is of stays as it is, with all places taken.
pub(crate) async fn bundles_come_with_their_append_and_free_no_place(place: Place) {
    let bundle = |from, to, body: &[u8]| Bundle { part: P1, from: LogSeq(from), to: LogSeq(to), body: body.to_vec() };
    let append = |seq, epoch, bundles: &[Bundle]| Append {
        chunks: vec![chunk(P1, seq, epoch, b"chunk")],
        bundles: bundles.to_vec(),
        ..Append::default()
    };
    let all = async |journal: &Arc<dyn Journal>| journal.bundles(P1, LogSeq(0), 10).await.unwrap();
    let (epoch, _) = own(&place.journal, P1).await;
    let mut lane = place.journal.lane().await.unwrap();
    for seq in 2..=5 {
        lane.append(&append(seq, epoch, &[])).await.unwrap();
    }
    let large = bundle(4, 6, &vec![7; 1 << 20]);
    let sent = append(6, epoch, &[bundle(1, 3, b"one"), large.clone()]);
    lane.append(&sent).await.unwrap();
    assert_eq!(all(&place.journal).await, sent.bundles);
    assert_eq!(place.journal.bundles(P1, LogSeq(2), 10).await.unwrap(), sent.bundles[1..], "from a place on");
    assert_eq!(place.journal.bundles(P1, LogSeq(0), 1).await.unwrap(), sent.bundles[..1], "in pages");
    for part in [P0, P2] {
        assert_eq!(place.journal.bundles(part, LogSeq(0), 10).await.unwrap(), []);
    }
    let other = place.again().await;
    let (epoch, at) = other.takeover(P1, epoch.into(), 2, &fence_body(P1, 2, 2)).await.unwrap().unwrap();
    let before = log(&other, P1).await;
    // What the owner before may still have under way, or send again, whatever it brings along.
    for seq in 1..=at.0 {
        let late = append(seq, epoch - 1, &[bundle(1, seq, b"late"), bundle(seq, seq, b"late")]);
        assert!(matches!(lane.append(&late).await, Err(StoreError::Conflict)), "place {seq} is taken");
    }
    assert_eq!((all(&other).await, log(&other, P1).await), (sent.bundles, before), "nothing has changed");
    let again = append(at.0 + 1, epoch, &[bundle(1, 8, b"again")]);
    other.lane().await.unwrap().append(&again).await.unwrap();
    assert_eq!(all(&other).await, [bundle(1, 8, b"again"), large], "one that begins at the same place is replaced");
}

pub(crate) async fn namespaces_are_kept(place: Place) {
    let namespace = Namespace { description: "für Köln".into(), ..Namespace::new("b", Timestamp(7)) };
    let by = claim(&place.journal).await;
    assert_eq!(place.journal.namespaces().await.unwrap(), []);
    place.journal.put_namespace(by, &namespace).await.unwrap();
    place.journal.put_namespace(by, &Namespace::new("a", Timestamp(8))).await.unwrap();
    let changed = Namespace { retention_ms: 1_000, deleted: true, created: Timestamp(9), ..namespace };
    place.journal.put_namespace(by, &changed).await.unwrap();
    place.journal.deploy(by, "b", "shop", ProgramHash([1; 32]), Timestamp(1)).await.unwrap();
    place.journal.deploy(by, "a", "shop", ProgramHash([1; 32]), Timestamp(1)).await.unwrap();
    place.journal.put_attributes(by, "b", &[("bags", Kind::Int)]).await.unwrap();
    let kept = [Namespace::new("a", Timestamp(8)), Namespace { created: Timestamp(7), ..changed }];
    assert_eq!(place.again().await.namespaces().await.unwrap(), kept);
    place.journal.drop_namespace(by, "b").await.unwrap();
    assert_eq!(place.journal.namespaces().await.unwrap(), kept[..1]);
    assert_eq!(place.journal.attributes().await.unwrap(), []);
    let left: Vec<String> = place.journal.deployments().await.unwrap().into_iter().map(|d| d.namespace).collect();
    assert_eq!(left, ["a"]);
}

pub(crate) async fn a_claim_that_is_over_writes_nothing_beside_the_log(place: Place) {
    let journal = &place.journal;
    let (before, _) = own(journal, P0).await;
    let old = Claim { part: P0, epoch: before };
    let (kept, program) = (Namespace::new("a", Timestamp(1)), ProgramHash([1; 32]));
    journal.put_namespace(old, &kept).await.unwrap();
    journal.deploy(old, "a", "shop", program, Timestamp(1)).await.unwrap();
    journal.put_attributes(old, "a", &[("bags", Kind::Int)]).await.unwrap();
    put_rows(journal, vec![row(P1, 1, "run", 1)]).await;
    let other = place.again().await;
    own(&other, P0).await;
    let over = [
        journal.put_namespace(old, &Namespace { deleted: true, ..kept.clone() }).await,
        journal.deploy(old, "a", "shop", ProgramHash([2; 32]), Timestamp(2)).await,
        journal.put_attributes(old, "a", &[("bags", Kind::Float)]).await,
        journal.drop_namespace(old, "a").await,
        journal.forget_closed(old, "default", Timestamp(i64::MAX), 10).await.map(drop),
    ];
    for (index, outcome) in over.iter().enumerate() {
        assert!(matches!(outcome, Err(StoreError::Conflict)), "{index}: {outcome:?}");
    }
    assert_eq!(other.namespaces().await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(other.deployments().await.unwrap().iter().map(|d| d.program).collect::<Vec<_>>(), [program]);
    assert_eq!(other.attributes().await.unwrap(), [("a".to_owned(), "bags".to_owned(), Kind::Int)]);
    assert_eq!(other.list_closed(&page_of(Filter::all(), None, 10)).await.unwrap().len(), 1);
    // The takeover of another partition ends no claim on this one.
    own(&other, P1).await;
    let claim = claim(journal).await;
    journal.put_namespace(claim, &Namespace { deleted: true, ..kept }).await.unwrap();
    assert!(other.namespaces().await.unwrap()[0].deleted);
}
