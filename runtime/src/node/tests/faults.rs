//! A node on a store that goes away, forgets to answer, is damaged, or belongs to someone else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use weft_protocol::LogSeq;

use super::*;
use crate::store::memory::{Disturbance, Fault, Memory, Operation};

fn node_on(memory: &Memory, name: &str) -> Node {
    let mut options = NodeOptions::new("memory:", format!("http://{name}"));
    options.loops = 2;
    Node::open_on(Arc::new(memory.clone()), options).unwrap()
}

async fn serving(memory: &Memory) -> Node {
    let node = node_on(memory, "one");
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node
}

/// A store that does not take appends while the switch is on.
fn switched(memory: &Memory) -> (Memory, Arc<AtomicBool>) {
    let away = Arc::new(AtomicBool::new(false));
    let asked = away.clone();
    let disturbed = memory.disturbed(move |operation| {
        let refused = operation == Operation::Append && asked.load(Ordering::SeqCst);
        Disturbance { fault: refused.then_some(Fault::Refused), ..Disturbance::default() }
    });
    (disturbed, away)
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_nothing_is_acknowledged_and_then_everything_goes_on() {
    let (memory, away) = switched(&Memory::new(4));
    let node = serving(&memory).await;
    node.start(NS, start("order", 1)).await.unwrap();
    away.store(true, Ordering::SeqCst);
    let starting = node.clone();
    let mut starting = tokio::spawn(async move { starting.start(NS, start("order", 2)).await });
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut starting).await.is_err(), "not acknowledged");
    assert_eq!(node.ready().await.unwrap_err().code, "store_unavailable");
    // What was durable before can still be read; what depends on the append cannot.
    assert_eq!(node.describe(&run("order-1")).await.unwrap().row.status, Status::Running);
    assert!(tokio::time::timeout(Duration::from_secs(5), node.describe(&run("order-2"))).await.is_err());
    away.store(false, Ordering::SeqCst);
    assert!(starting.await.unwrap().unwrap().started);
    node.ready().await.unwrap();
    let tasks = node.poll(NS, "q", poll()).await.unwrap().tasks;
    assert_eq!(tasks.len(), 2);
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn too_much_waiting_for_the_store_is_refused_but_results_are_taken() {
    let (memory, away) = switched(&Memory::new(1));
    let mut options = NodeOptions::new("memory:", "http://one");
    options.config.limits.pending_bytes_max = 64 << 10;
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node.start(NS, start("order", 1)).await.unwrap();
    let task = node.poll(NS, "q", poll()).await.unwrap().tasks.remove(0);
    away.store(true, Ordering::SeqCst);
    let (refused, accepted) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut waiting = Vec::new();
    for n in 0..300 {
        let (node, refused, accepted) = (node.clone(), refused.clone(), accepted.clone());
        tokio::task::yield_now().await;
        waiting.push(tokio::spawn(async move {
            let mut request = start("order", n + 10);
            request.id = Some(format!("{n}-{}", "x".repeat(900)));
            match node.start(NS, request).await {
                Ok(_) => accepted.fetch_add(1, Ordering::SeqCst),
                // Nothing was acknowledged and nothing of it is kept.
                Err(error) => {
                    assert_eq!((error.status, error.code.as_str()), (429, "busy"));
                    refused.fetch_add(1, Ordering::SeqCst)
                }
            }
        }));
    }
    let completing = node.clone();
    let completing = tokio::spawn(async move { completing.complete(NS, &task.token, json!(7)).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(refused.load(Ordering::SeqCst) > 0, "back-pressure was reached");
    assert_eq!(accepted.load(Ordering::SeqCst), 0, "nothing is acknowledged");
    away.store(false, Ordering::SeqCst);
    completing.await.unwrap().expect("results are always admitted");
    for waiting in waiting {
        waiting.await.unwrap();
    }
    assert!(accepted.load(Ordering::SeqCst) > 0);
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn runs_that_go_on_by_themselves_write_no_more_than_may_wait() {
    let whole = Memory::new(1);
    let (memory, away) = switched(&whole);
    let clock = Arc::new(crate::clock::VirtualClock::new(weft_protocol::Timestamp(1_000)));
    let mut options = NodeOptions::new("memory:", "http://one");
    options.config.limits.pending_bytes_max = 4 << 10;
    options.clock = clock.clone();
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node.start(NS, start("ticks", 1)).await.unwrap();
    let tick = async |times| {
        for _ in 0..times {
            clock.advance(1);
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
    };
    let written = async || {
        let log = whole.read(PartitionId(0), LogSeq(0), 10_000).await.unwrap();
        log.iter().map(|chunk| chunk.body.len()).sum::<usize>()
    };
    away.store(true, Ordering::SeqCst);
    tick(2_000).await;
    away.store(false, Ordering::SeqCst);
    // The clock stands: what is written now is what waited.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let waited = written().await;
    assert!((4 << 10..8 << 10).contains(&waited), "{waited} bytes were written");
    tick(100).await;
    assert!(written().await > waited, "and then it goes on");
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_refusals_write_everything_exactly_once() {
    let memory = Memory::new(4);
    let dice = Arc::new(Mutex::new(1_u64));
    let disturbed = memory.disturbed(move |operation| {
        let mut dice = dice.lock().unwrap();
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let fault = match (operation, *dice >> 33 & 7) {
            (Operation::Append, 0 | 1) => Some(Fault::AnswerLost),
            (Operation::Append, 2) => Some(Fault::Refused),
            (Operation::Beat | Operation::Read | Operation::Write, 0) => Some(Fault::Refused),
            _ => None,
        };
        Disturbance { delay: Duration::from_micros(300), fault }
    });
    let node = node_on(&disturbed, "one");
    node.serving().await.unwrap();
    while node.deploy(NS, codec::encode(&fixture::program(false))).await.is_err() {}
    let runs = (0..50).map(|n| {
        let node = node.clone();
        tokio::spawn(async move {
            node.start(NS, start("order", n)).await.unwrap();
            let id = format!("order-{n}");
            let go = MessageRequest { args: json!({}), request_id: Some(format!("go-{n}")) };
            node.signal(&run(&id), "go", go).await.unwrap();
            loop {
                // Reads of closed runs are disturbed as well; a caller asks again.
                match node.result(&run(&id), LONG).await {
                    Ok(reply) if reply.status != Status::Running => return reply,
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        })
    });
    let runs: Vec<_> = runs.collect();
    let worker = node.clone();
    let worker = tokio::spawn(async move {
        let mut done = 0;
        while done < 50 {
            for task in worker.poll(NS, "q", poll()).await.unwrap().tasks {
                worker.complete(NS, &task.token, task.args["n"].clone()).await.unwrap();
                done += 1;
            }
        }
    });
    for (n, run) in runs.into_iter().enumerate() {
        assert_eq!(run.await.unwrap().result, Some(json!(n)));
    }
    worker.await.unwrap();
    node.shutdown().await;

    let node = node_on(&memory, "one");
    node.serving().await.unwrap();
    for n in 0..50 {
        let page = node.history(&run(&format!("order-{n}")), 0, 100, Duration::ZERO).await.unwrap();
        let kinds: Vec<_> = page.events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "ActivityCompleted").count(), 1, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "SignalReceived").count(), 1, "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"RunCompleted"));
    }
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn damage_stops_the_node_and_says_where() {
    let memory = Memory::new(1);
    let node = serving(&memory).await;
    node.start(NS, start("order", 1)).await.unwrap();
    node.shutdown().await;
    assert!(memory.damage(PartitionId(0), LogSeq(2), |body| body[40] ^= 1));
    let node = node_on(&memory, "one");
    let error = node.serving().await.unwrap_err();
    assert!(error.message.contains("chunk 2 of partition 0"), "{error:?}");
    assert_eq!(node.start(NS, start("order", 2)).await.unwrap_err().code, "store_broken");
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_loses_one_partition_in_an_append_lets_all_go_and_takes_them_again() {
    let memory = Memory::new(4);
    let appends = Arc::new(AtomicU32::new(0));
    let counted = appends.clone();
    let disturbed = memory.disturbed(move |operation| {
        let third = operation == Operation::Append && counted.fetch_add(1, Ordering::SeqCst) == 2;
        Disturbance { fault: third.then_some(Fault::Deposed), ..Disturbance::default() }
    });
    let node = serving(&disturbed).await;
    let mut acknowledged = Vec::new();
    let mut n = 0;
    while acknowledged.len() < 20 {
        n += 1;
        match node.start(NS, start("order", n)).await {
            Ok(reply) => acknowledged.push(reply.workflow_id),
            Err(error) => {
                assert_eq!(error.status, 503, "{error:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    assert!(n > 20, "the fence was met");
    for id in acknowledged {
        assert_eq!(node.describe(&run(&id)).await.unwrap().row.status, Status::Running);
    }
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_say_that_it_lives_answers_nothing_from_memory() {
    let silent = Arc::new(AtomicBool::new(false));
    let asked = silent.clone();
    let memory = Memory::new(1).disturbed(move |operation| {
        let refused = operation == Operation::Beat && asked.load(Ordering::SeqCst);
        Disturbance { fault: refused.then_some(Fault::Refused), ..Disturbance::default() }
    });
    let mut options = NodeOptions::new("memory:", "http://one");
    options.config.limits.lease_ms = 2_000;
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node.start(NS, start("order", 1)).await.unwrap();
    silent.store(true, Ordering::SeqCst);
    // The lease is measured on the real clock, and virtual time flies: this is as long as the lease.
    while node.describe(&run("order-1")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    for error in [
        node.query(&run("order-1"), "seen", json!({})).await.unwrap_err(),
        node.start(NS, start("order", 1)).await.unwrap_err(),
        node.poll(NS, "q", poll()).await.unwrap_err(),
    ] {
        assert_eq!(error.code, "store_unavailable");
    }
    silent.store(false, Ordering::SeqCst);
    while node.describe(&run("order-1")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(node.poll(NS, "q", poll()).await.unwrap().tasks.len(), 1, "the task was not lost");
    node.shutdown().await;
}
