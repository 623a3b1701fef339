//! The nodes: each a slot that is filled again when the node in it has died, with a clock that outlives it, and what
//! befalls them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use weft_runtime::activities::Executors;
use weft_runtime::node::{Node, NodeOptions, Simulated, Standing};
use weft_runtime::store::Journal;
use weft_vm::Loaded;

use crate::clock::NodeClock;
use crate::disk::Disk;
use crate::world::{Bad, World};

/// Silence after which a node's partitions may be taken over, milliseconds.
const LEASE: i64 = 2_000;
/// How long a task is left to its worker after a restart, milliseconds.
const GRACE: i64 = 1_500;
/// Events of a run after which its state is kept, by seed: in a quarter of the worlds at every chance, in one never.
const SNAPSHOT_EVENTS: [usize; 4] = [1, 3, 10, 5_000];
/// Chunks of a bundle, by seed.
const BUNDLE_CHUNKS: [usize; 5] = [1, 2, 5, 20, 1_000];

/// One life of a node, and its ways to the store and to clients.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    world: Arc<World>,
    dead: CancellationToken,
    cut_until: Mutex<Instant>,
}

impl Host {
    /// Returns while it lives; a dead one never hears anything again.
    pub(crate) async fn lives(&self) {
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the store can be reached.
    pub(crate) async fn reaches_store(&self) {
        loop {
            let until = *self.cut_until.lock().expect("one thread");
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// From here on nothing that it does reaches anybody.
    pub(crate) fn die(&self, why: &str) {
        if !self.dead.is_cancelled() {
            self.world.note("death", || format!("{} {why}", self.name));
            self.dead.cancel();
        }
    }

    /// Ends with it.
    pub(crate) async fn died(&self) {
        self.dead.cancelled().await;
    }
}

#[derive(Debug)]
struct Slot {
    clock: Arc<NodeClock>,
    /// Wanted ends of its node.
    shut: tokio::sync::Notify,
    now: Mutex<Option<(Node, Arc<Host>)>>,
}

/// What all nodes are made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) executors: Executors,
    pub(crate) programs: Vec<Arc<Loaded>>,
}

/// The nodes of a world.
#[derive(Debug)]
pub(crate) struct Cluster {
    world: Arc<World>,
    parts: Parts,
    slots: Vec<Slot>,
}

impl Cluster {
    /// Opens as many nodes as the seed wants.
    pub(crate) fn open(world: &Arc<World>, parts: Parts) -> Arc<Cluster> {
        let count = [1, 2, 2, 2, 3][world.below(5) as usize];
        let begun = Instant::now();
        let slots = (0..count).map(|_| {
            let drift = world.between(0, 40_000) as i64 - 20_000;
            let off = world.between(0, 4_000) as i64 - 2_000;
            let clock = Arc::new(NodeClock::new(begun, drift, world.below(1 << 40), off));
            Slot { clock, shut: tokio::sync::Notify::new(), now: Mutex::new(None) }
        });
        let cluster = Arc::new(Cluster { world: world.clone(), parts, slots: slots.collect() });
        for slot in 0..count {
            tokio::spawn(keep(cluster.clone(), slot));
        }
        tokio::spawn(befall(cluster.clone()));
        cluster
    }

    /// The node in a slot, and its life.
    pub(crate) fn node(&self, slot: usize) -> Option<(Node, Arc<Host>)> {
        self.slots[slot].now.lock().expect("one thread").clone()
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The slot whose node says that it serves.
    pub(crate) fn serving(&self) -> Option<usize> {
        let serves = |slot: &usize| {
            let now = self.slots[*slot].now.lock().expect("one thread");
            now.as_ref().is_some_and(|(node, _)| node.standing() == Standing::Serving)
        };
        (0..self.slots.len()).find(serves)
    }

    /// Shuts all nodes down.
    pub(crate) async fn close(&self) {
        for slot in 0..self.slots.len() {
            if let Some((node, _)) = self.node(slot) {
                node.shutdown().await;
            }
        }
    }

    fn any(&self) -> usize {
        self.world.below(self.slots.len() as u64) as usize
    }
}

/// Keeps a node in a slot, one life after the other.
async fn keep(cluster: Arc<Cluster>, index: usize) {
    let (world, slot) = (cluster.world.clone(), &cluster.slots[index]);
    let mut life = 0;
    while !world.is_over() {
        life += 1;
        let host = Arc::new(Host {
            name: format!("{index}.{life}"),
            world: world.clone(),
            dead: CancellationToken::new(),
            cut_until: Mutex::new(Instant::now()),
        });
        let node = open(&cluster, slot, index, life, &host);
        *slot.now.lock().expect("one thread") = Some((node.clone(), host.clone()));
        tokio::select! {
            biased;
            () = host.died() => {
                *slot.now.lock().expect("one thread") = None;
                // What is left of the process is cleared away; the store does not hear of it.
                tokio::spawn(async move { node.shutdown().await });
            }
            () = slot.shut.notified() => {
                world.note("shutdown", || host.name.clone());
                tokio::select! {
                    biased;
                    () = host.died() => {}
                    () = node.shutdown() => {}
                }
                *slot.now.lock().expect("one thread") = None;
                host.die("after its shutdown");
            }
        }
        let down = if world.percent(50) { world.below(200) } else { world.below(4_000) };
        tokio::time::sleep(Duration::from_millis(down)).await;
    }
}

fn open(cluster: &Cluster, slot: &Slot, index: usize, life: u64, host: &Arc<Host>) -> Node {
    let world = &cluster.world;
    let mut options = NodeOptions::new("memory:", format!("http://node{index}"));
    options.config.limits.lease_ms = LEASE;
    options.config.limits.reclaim_grace_ms = GRACE;
    options.config.limits.snapshot_events = SNAPSHOT_EVENTS[world.seed as usize % SNAPSHOT_EVENTS.len()];
    options.config.limits.bundle_chunks = BUNDLE_CHUNKS[world.seed as usize % BUNDLE_CHUNKS.len()];
    options.clock = slot.clock.clone();
    options.loops = world.between(1, 2) as usize;
    let mut entropy = [0; 32];
    for (place, number) in [world.seed, index as u64, life].into_iter().enumerate() {
        entropy[place * 8..place * 8 + 8].copy_from_slice(&number.to_le_bytes());
    }
    let disk = Disk::new(cluster.parts.journal.clone(), host.clone(), world.clone());
    let simulated = Simulated {
        journal: Arc::new(disk),
        executors: cluster.parts.executors.clone(),
        programs: cluster.parts.programs.clone(),
        entropy,
    };
    world.note("open", || host.name.clone());
    Node::open_in(simulated, options)
}

/// What befalls the nodes until it is calm.
async fn befall(cluster: Arc<Cluster>) {
    let world = cluster.world.clone();
    while !world.is_calm() {
        tokio::time::sleep(Duration::from_millis(world.between(50, 1_500))).await;
        if world.happens(Bad::Kill)
            && let Some((_, host)) = cluster.node(cluster.any())
        {
            // Somewhere in the middle of what happens at this moment.
            for _ in 0..world.below(40) {
                tokio::task::yield_now().await;
            }
            host.die("at any moment");
        }
        if world.happens(Bad::Restart) {
            cluster.slots[cluster.any()].shut.notify_one();
        }
        if world.happens(Bad::CutOff)
            && let Some((_, host)) = cluster.node(cluster.any())
        {
            let long = if world.percent(50) { world.between(100, 3_000) } else { world.between(3_000, 8_000) };
            world.note("cut off", || format!("{} {long}", host.name));
            *host.cut_until.lock().expect("one thread") = Instant::now() + Duration::from_millis(long);
        }
        if world.happens(Bad::ClockJump) {
            let slot = cluster.any();
            let by = world.between(0, 6_000) as i64 - 3_000;
            world.note("clock", || format!("{slot} {by}"));
            cluster.slots[slot].clock.jump(by);
        }
    }
}
