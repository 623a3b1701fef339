//! A node that is overtaken between taking over and serving: while it reads the logs of what it has taken.

use std::sync::Mutex;

use weft_protocol::LogSeq;

use super::*;
use crate::store::memory::{Disturbance, Fault, Memory, Operation};

/// What a node's machine does while it is stopped: what it asked the store is asked when it wakes.
#[derive(Clone, Default)]
struct Sleep {
    reads: Arc<Mutex<Duration>>,
    beats: Arc<Mutex<Option<Fault>>>,
}

fn node_on(memory: &Memory, name: &str) -> Node {
    let mut options = NodeOptions::new("memory:", format!("http://{name}"));
    options.loops = 2;
    Node::open_on(Arc::new(memory.clone()), options).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_is_overtaken_while_it_reads_the_log_serves_nothing() {
    let memory = Memory::new(2);
    let first = node_on(&memory, "first");
    first.serving().await.unwrap();
    first.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    first.start(NS, start("order", 1)).await.unwrap();
    first.shutdown().await;

    // It takes over, is heard of no more, and has read nothing yet.
    let sleep = Sleep::default();
    *sleep.reads.lock().unwrap() = Duration::from_secs(30);
    let asleep = sleep.clone();
    let slow = node_on(
        &memory.disturbed(move |operation| match operation {
            Operation::Read => Disturbance { delay: *asleep.reads.lock().unwrap(), fault: None },
            Operation::Beat => Disturbance { fault: *asleep.beats.lock().unwrap(), ..Disturbance::default() },
            _ => Disturbance::default(),
        }),
        "slow",
    );
    let mut standing = slow.shared.standing.subscribe();
    standing.wait_for(|now| *now == Standing::Recovering).await.unwrap();
    *sleep.beats.lock().unwrap() = Some(Fault::Refused);

    let second = node_on(&memory, "second");
    second.serving().await.unwrap();
    assert!(second.start(NS, start("order", 2)).await.unwrap().started);
    let epochs: Vec<u64> = memory.ownership().await.unwrap().iter().map(|row| row.epoch).collect();

    // What it reads now ends in the other's fence and more.
    let stood = standing.wait_for(|now| *now != Standing::Recovering).await.unwrap().clone();
    assert_eq!(stood, Standing::Standby(None), "it was overtaken");
    assert_eq!(slow.start(NS, start("order", 3)).await.unwrap_err().code, "not_owner");
    *sleep.beats.lock().unwrap() = None;
    *sleep.reads.lock().unwrap() = Duration::ZERO;
    standing.wait_for(|now| *now == Standing::Standby(Some("http://second".into()))).await.unwrap();
    for (part, epoch) in epochs.into_iter().enumerate() {
        let log = memory.read(PartitionId(part as u16), LogSeq(0), 1_000).await.unwrap();
        assert_eq!(log.last().map(|chunk| chunk.epoch), Some(epoch), "nothing was written after the fence");
    }
    assert!(second.start(NS, start("order", 4)).await.unwrap().started, "the owner goes on");
    second.shutdown().await;
    slow.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_no_lease_when_the_logs_are_read_does_not_begin() {
    let mut options = NodeOptions::new("memory:", "http://one");
    options.config.limits.lease_ms = 0;
    let node = Node::open_on(Arc::new(Memory::new(2)), options).unwrap();
    let mut standing = node.shared.standing.subscribe();
    let ended = |now: &Standing| matches!(now, Standing::Opening(why) if why.contains("the lease ended"));
    let stood = standing.wait_for(|now| ended(now) || *now == Standing::Serving).await.unwrap().clone();
    assert!(ended(&stood), "{stood:?}");
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn two_nodes_that_advertise_one_address_do_not_take_over_from_each_other() {
    let memory = Memory::new(2);
    let node = |socket: &str| {
        let mut options = NodeOptions::new("memory:", "http://127.0.0.1:7373");
        options.socket = socket.into();
        Node::open_on(Arc::new(memory.clone()), options).unwrap()
    };
    let first = node("a");
    first.serving().await.unwrap();
    let second = node("b");
    let mut standing = second.shared.standing.subscribe();
    let by = Standing::Standby(Some("http://127.0.0.1:7373".into()));
    standing.wait_for(|now| *now == by || *now == Standing::Serving).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((first.standing(), second.standing()), (Standing::Serving, by));
    assert!(memory.ownership().await.unwrap().iter().all(|row| row.epoch == 1), "taken over once");
    first.shutdown().await;
    second.shutdown().await;
}
