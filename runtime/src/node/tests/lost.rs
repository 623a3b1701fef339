//! Whoever waits for a partition when it is lost, or when the store turns out to be damaged, is answered.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use weft_protocol::api::NamespaceRequest;

use super::*;
use crate::store::memory::{Disturbance, Fault, Memory, Operation};

/// What the store does to each kind of operation, changed while a test runs.
#[derive(Clone, Default)]
struct Weather {
    now: Arc<Mutex<Vec<(Operation, Disturbance)>>>,
    /// How often the store was asked to read.
    reads: Arc<watch::Sender<u32>>,
}

impl Weather {
    fn set(&self, operation: Operation, delay: Duration, fault: Option<Fault>) {
        let mut all = self.now.lock().unwrap();
        all.retain(|(of, _)| *of != operation);
        all.push((operation, Disturbance { delay, fault }));
    }

    fn over(&self, memory: &Memory) -> Memory {
        let weather = self.clone();
        memory.disturbed(move |operation| {
            weather.reads.send_modify(|reads| *reads += u32::from(operation == Operation::Read));
            let all = weather.now.lock().unwrap();
            all.iter().find(|(of, _)| *of == operation).map(|(_, disturbance)| *disturbance).unwrap_or_default()
        })
    }
}

async fn serving(weather: &Weather, partitions: u16) -> Node {
    let mut options = NodeOptions::new("memory:", "http://one");
    options.loops = 2;
    // A run that never waits keeps the virtual time from moving: heartbeats come late, and slices must be short.
    options.config.limits.lease_ms = 3_600_000;
    options.config.limits.fuel_slice = 1_000;
    let node = Node::open_on(Arc::new(weather.over(&Memory::new(partitions))), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node
}

fn signal() -> MessageRequest {
    MessageRequest { args: json!({}), request_id: None }
}

/// A run whose id the store has to be asked about.
async fn closed(node: &Node, n: i64) {
    node.start(NS, start("order", n)).await.unwrap();
    let stop = StopRequest { reason: String::new(), request_id: None };
    node.terminate(&run(&format!("order-{n}")), stop).await.unwrap();
}

/// Everybody who can wait for a partition waits, then an append of it fails in this way.
async fn codes_when_an_append_fails(fault: Fault) -> Vec<String> {
    let weather = Weather::default();
    let node = serving(&weather, 1).await;
    closed(&node, 1).await;
    node.start(NS, start("order", 2)).await.unwrap();
    node.start(NS, start("spin", 1)).await.unwrap();
    weather.set(Operation::Read, Duration::from_secs(120), None);
    let mut reads = weather.reads.subscribe();
    let (two, three, spinning) = (run("order-2"), run("order-3"), run("spin-1"));
    // Each of them has asked before the next one does: the loop takes them in this order.
    let (result, follower, signal, probed, (lost, query)) = futures::join!(
        node.result(&two, LONG),
        node.history(&two, 2, 10, LONG),
        node.signal(&spinning, "go", signal()),
        node.start(NS, start("order", 1)),
        async {
            reads.mark_unchanged();
            reads.changed().await.unwrap(); // the store is being asked about the id
            weather.set(Operation::Read, Duration::ZERO, None);
            weather.set(Operation::Append, Duration::ZERO, Some(fault));
            // The second tells of what is not durable yet.
            futures::join!(node.start(NS, start("order", 3)), node.query(&three, "seen", json!({})))
        },
    );
    let codes = vec![
        result.unwrap_err().code,
        follower.unwrap_err().code,
        signal.unwrap_err().code,
        probed.unwrap_err().code,
        query.unwrap_err().code,
        lost.unwrap_err().code,
    ];
    node.shutdown().await;
    codes
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_lost_partition_is_answered() {
    assert_eq!(codes_when_an_append_fails(Fault::Deposed).await, ["moved"; 6]);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_broken_partition_is_answered() {
    assert_eq!(codes_when_an_append_fails(Fault::Damaged).await, ["store_broken"; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_id_cannot_be_looked_up_is_refused() {
    let weather = Weather::default();
    let node = serving(&weather, 1).await;
    closed(&node, 1).await;
    weather.set(Operation::Read, Duration::ZERO, Some(Fault::Damaged));
    let starting = tokio::time::timeout(LONG, node.start(NS, start("order", 1))).await;
    assert_eq!(starting.expect("it is answered").unwrap_err().code, "store_broken");
    assert!(node.start(NS, start("order", 2)).await.unwrap().started, "who need not ask goes on");
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_ends_by_a_bug_stops_the_node() {
    let bug = Arc::new(AtomicBool::new(false));
    let met = bug.clone();
    let whole = Memory::new(2);
    let memory = whole.disturbed(move |operation| {
        assert!(operation != Operation::Append || !met.load(Ordering::SeqCst), "a bug");
        Disturbance::default()
    });
    let mut options = NodeOptions::new("memory:", "http://one");
    options.loops = 2;
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    bug.store(true, Ordering::SeqCst);
    node.start(NS, start("order", 1)).await.unwrap_err();
    let mut standing = node.shared.standing.subscribe();
    let stopped = tokio::time::timeout(LONG, standing.wait_for(|now| matches!(now, Standing::Stopped(_)))).await;
    assert!(format!("{:?}", *stopped.unwrap().unwrap()).contains("a bug in weft"));
    assert_eq!(node.ready().await.unwrap_err().code, "store_broken");
    let standby = Node::open_on(Arc::new(whole), NodeOptions::new("memory:", "http://two")).unwrap();
    let took_over = tokio::time::timeout(LONG, standby.serving()).await;
    took_over.expect("what is not damaged is free for another node").unwrap();
    assert!(matches!(node.standing(), Standing::Stopped(_)), "and this one stays stopped");
    standby.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_says_so_whatever_it_loses_besides() {
    let appends = Arc::new(Mutex::new(vec![Fault::Deposed, Fault::Damaged]));
    let armed = Arc::new(AtomicBool::new(false));
    let (faults, now) = (appends.clone(), armed.clone());
    let memory = Memory::new(2).disturbed(move |operation| {
        let meets = operation == Operation::Append && now.load(Ordering::SeqCst);
        Disturbance { fault: faults.lock().unwrap().pop_if(|_| meets), ..Disturbance::default() }
    });
    let mut options = NodeOptions::new("memory:", "http://one");
    options.loops = 2;
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    let of = |n: i64| crate::partition::partition_of(NS, &format!("order-{n}"), 2);
    let elsewhere = (2..).find(|n| of(*n) != of(1)).unwrap();
    armed.store(true, Ordering::SeqCst);
    // The first append meets damage, the other loop's a new owner.
    let (_, _) = futures::join!(node.start(NS, start("order", 1)), node.start(NS, start("order", elsewhere)));
    assert!(appends.lock().unwrap().is_empty());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(matches!(node.standing(), Standing::Stopped(_)), "{:?}", node.standing());
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_store_ends_the_work_of_all_partitions() {
    let weather = Weather::default();
    let node = serving(&weather, 8).await;
    let of = |n: i64| crate::partition::partition_of(NS, &format!("order-{n}"), 8);
    node.start(NS, start("order", 1)).await.unwrap();
    let elsewhere = (2..).find(|n| of(*n).0 % 2 != of(1).0 % 2).unwrap();
    weather.set(Operation::Append, Duration::ZERO, Some(Fault::Damaged));
    let began = tokio::time::Instant::now();
    let one = run("order-1");
    let (waiting, broken) = futures::join!(node.result(&one, LONG), node.start(NS, start("order", elsewhere)));
    assert_eq!(broken.unwrap_err().code, "store_broken");
    assert_eq!(waiting.unwrap_err().code, "store_broken", "a partition that this append was not of");
    assert!(began.elapsed() < LONG, "and at once");
    assert!(matches!(node.standing(), Standing::Stopped(_)));
    let core = node.shared.core.get().unwrap();
    for part in 0..8 {
        let list = crate::partition::request::Request::Count("default".into(), Arc::new(crate::filter::Filter::all()));
        let answer = core.links.ask(PartitionId(part), list).await;
        assert_eq!(answer.unwrap_err().code, "not_owner", "nothing is served any more");
    }
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_without_a_lease_is_not_acknowledged() {
    let node = Node::open_on(Arc::new(Memory::new(1)), NodeOptions::new("memory:", "http://one")).unwrap();
    node.serving().await.unwrap();
    node.shared.lease.end();
    let refused = node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (503, "store_unavailable"));
    assert!(node.shared.programs.current(NS, "order").is_none());
    // The next heartbeat renews it; the same again is accepted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap().changed);
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_nothing_is_said_not_to_be_there() {
    let node = Node::open_on(Arc::new(Memory::new(1)), NodeOptions::new("memory:", "http://one")).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    let unknown = run("order-1");
    assert_eq!(node.signal(&unknown, "go", signal()).await.unwrap_err().code, "run_not_found");
    // The run may have begun at the next owner, and the attempt may be the one in flight there.
    node.shared.lease.end();
    assert_eq!(node.signal(&unknown, "go", signal()).await.unwrap_err().code, "store_unavailable");
    let reported = node.complete(NS, "0000000000000000.2.1", json!(1)).await;
    assert_eq!(reported.unwrap_err().code, "store_unavailable");
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_refused_is_not_kept() {
    let node = serving(&Weather::default(), 1).await;
    let mut other = fixture::program(true);
    other.project = "other".into();
    let hash = weft_vm::Loaded::new(other.clone()).unwrap().hash();
    assert_eq!(node.deploy(NS, codec::encode(&other)).await.unwrap_err().code, "workflow_taken");
    assert!(node.shared.programs.get(hash).is_none());
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_did_not_reach_the_store_is_made_up_for() {
    let (weather, memory) = (Weather::default(), Memory::new(2));
    let one = Node::open_on(Arc::new(weather.over(&memory)), NodeOptions::new("memory:", "http://one")).unwrap();
    one.serving().await.unwrap();
    let two = Node::open_on(Arc::new(memory.clone()), NodeOptions::new("memory:", "http://two")).unwrap();
    weather.set(Operation::Write, Duration::ZERO, Some(Fault::Refused));
    weather.set(Operation::Takeover, Duration::ZERO, Some(Fault::Refused));
    let first = PartitionId(0);
    memory.takeover(first, 1.into(), -1, &fence_body(first, -1, 2)).await.unwrap().unwrap();
    let mut standing = one.shared.standing.subscribe();
    standing.wait_for(|now| *now != Standing::Serving).await.unwrap();
    weather.set(Operation::Write, Duration::ZERO, None);
    // The first partition is the other's now, and it waits for the second, of which this node knows no more.
    tokio::time::timeout(LONG, two.serving()).await.expect("the second one is given back").unwrap();
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_taken_over_writes_no_namespace_and_no_deployment() {
    let memory = Memory::new(2);
    let node = Node::open_on(Arc::new(memory.clone()), NodeOptions::new("memory:", "http://one")).unwrap();
    node.serving().await.unwrap();
    let first = PartitionId(0);
    memory.takeover(first, 1.into(), -1, &fence_body(first, -1, 2)).await.unwrap().unwrap();
    // It has not heard of it yet, and its lease still holds.
    assert!(node.shared.lease.valid());
    let named = || NamespaceRequest { name: "shop".into(), retention: None, description: None };
    assert_eq!(node.create_namespace(named()).await.unwrap_err().code, "moved");
    assert_eq!(node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap_err().code, "moved");
    assert_eq!((memory.namespaces().await.unwrap(), memory.deployments().await.unwrap()), (vec![], vec![]));
    // The stranger never comes: this node takes over again, and both are free for it.
    tokio::time::timeout(LONG, async {
        let mut standing = node.shared.standing.subscribe();
        standing.wait_for(|now| *now != Standing::Serving).await.unwrap();
        node.serving().await.unwrap();
    })
    .await
    .expect("it serves again");
    node.create_namespace(named()).await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    node.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_written_beside_a_lost_partition_is_answered_and_the_loop_goes_on() {
    let once = Arc::new(Mutex::new(None));
    let fault = once.clone();
    let memory = Memory::new(2).disturbed(move |operation| {
        let meets = operation == Operation::Append;
        Disturbance { fault: fault.lock().unwrap().take_if(|_| meets), ..Disturbance::default() }
    });
    let mut options = NodeOptions::new("memory:", "http://one");
    options.loops = 1;
    let node = Node::open_on(Arc::new(memory), options).unwrap();
    node.serving().await.unwrap();
    node.deploy(NS, codec::encode(&fixture::program(false))).await.unwrap();
    let of = |n: i64| crate::partition::partition_of(NS, &format!("order-{n}"), 2);
    let (lost, kept) = ((1..).find(|n| of(*n).0 == 0).unwrap(), (1..).find(|n| of(*n).0 == 1).unwrap());
    *once.lock().unwrap() = Some(Fault::Deposed);
    // Both are in one append, whose first partition another node has taken over.
    let (lost, kept) = futures::join!(node.start(NS, start("order", lost)), node.start(NS, start("order", kept)));
    assert_eq!(lost.unwrap_err().code, "moved");
    assert!(kept.expect("it is durable").started);
    tokio::time::timeout(LONG, node.serving()).await.expect("it serves again").unwrap();
    node.shutdown().await;
}
