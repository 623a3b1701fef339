//! Who owns which partition: what a node may take, and how long it may trust that it is still the owner.
//!
//! What is written is safe whatever happens here: the fence is the log's own key. What is read from memory is as true as the
//! lease, so only an owner whose lease is over may be taken over, and the store looks again that it is. The owner of
//! partition 0 takes all partitions that have no live owner, so that messages between runs stay inside one process; every
//! other node stands by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use weft_protocol::PartitionId;

use crate::clock::Clock;
use crate::store::{Cluster, Ownership, Seen};

/// How often a node says that it lives.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// What a node should do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Partitions to take over, and how they were seen. After losing one of them, look again before the next.
    pub take: Vec<(PartitionId, Seen)>,
    /// Where the API of the live owner listens, if it is another node.
    pub owner: Option<String>,
}

/// What parts the URL of a node from its socket in the address of its row.
const SOCKET_AFTER: char = '#';

/// The address of a node's row: the URL of its API, and the socket where that is said.
pub fn address_of(url: &str, socket: &str) -> String {
    if socket.is_empty() { url.into() } else { format!("{url}{SOCKET_AFTER}{socket}") }
}

/// Where the API of a node with this row is.
pub fn url_of(address: &str) -> &str {
    address.split_once(SOCKET_AFTER).map_or(address, |(url, _)| url)
}

/// What the node `me`, whose row has this address, may take over.
pub fn plan(me: i32, address: &str, cluster: &Cluster, lease_ms: i64) -> Plan {
    // A node with this node's own address is an earlier life of it: two processes cannot have one socket. Two with the
    // same URL can, on two machines that both call themselves 127.0.0.1.
    let alive = |id: i32| {
        let row = cluster.nodes.iter().find(|row| row.id == id)?;
        (id == me || (row.silent_ms <= lease_ms && row.address != address)).then_some(row)
    };
    let owner = |part: &Ownership| part.node.and_then(alive);
    let Some(first) = cluster.partitions.first() else { return Plan::default() };
    match owner(first) {
        Some(leader) if leader.id != me => Plan { take: Vec::new(), owner: Some(url_of(&leader.address).into()) },
        _ => {
            let free = cluster.partitions.iter().filter(|part| owner(part).is_none());
            let silent = |part: &Ownership| {
                let row = part.node.and_then(|owner| cluster.nodes.iter().find(|row| row.id == owner));
                row.map_or(i64::MIN, |row| row.silent_ms)
            };
            let seen = |part: &Ownership| Seen { epoch: part.epoch, silent_ms: silent(part) };
            Plan { take: free.map(|part| (part.part, seen(part))).collect(), owner: None }
        }
    }
}

/// Whether the store still says that `me` owns all of these partitions in these epochs.
pub fn still_owns(me: i32, cluster: &Cluster, owned: &[(PartitionId, u64)]) -> bool {
    owned.iter().all(|(part, epoch)| {
        cluster.partitions.iter().any(|row| row.part == *part && row.node == Some(me) && row.epoch == *epoch)
    })
}

/// Until when a node may answer from memory without asking the store: another node could own its partitions after that.
/// Measured on a clock that nobody sets and that goes on while the machine sleeps: to the others it was silent then.
#[derive(Debug)]
pub struct Lease {
    /// As a [`Moment`].
    until: AtomicU64,
    length_ms: u64,
    clock: Arc<dyn Clock>,
}

/// Milliseconds on the clock that leases are measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This one.
    pub fn now() -> Moment {
        #[cfg(target_os = "linux")]
        if let Ok(now) = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME) {
            let now = Duration::from(now).as_millis();
            return Moment(u64::try_from(now).unwrap_or(u64::MAX));
        }
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Moment(u64::try_from(ORIGIN.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl Lease {
    /// A lease of `lease_ms`, shortened by a margin for clocks that drift and work that takes time.
    pub fn new(lease_ms: i64, clock: Arc<dyn Clock>) -> Lease {
        let length_ms = u64::try_from(lease_ms).unwrap_or(0);
        Lease { until: AtomicU64::new(0), length_ms: length_ms - length_ms / 5, clock }
    }

    /// The store has taken a heartbeat that was sent at `sent`.
    pub fn renew(&self, sent: Moment) {
        self.until.fetch_max(sent.0.saturating_add(self.length_ms), Ordering::Relaxed);
    }

    /// Holds for good: for a node that owns nothing and answers from what it has read.
    pub fn hold(&self) {
        self.until.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether it still holds.
    pub fn valid(&self) -> bool {
        self.clock.moment().0 < self.until.load(Ordering::Relaxed)
    }

    /// Ends it, as a long silence does.
    #[cfg(test)]
    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NodeRow;

    fn part(id: u16, node: Option<i32>) -> Ownership {
        Ownership { part: PartitionId(id), epoch: 7, node, low: weft_protocol::LogSeq(0) }
    }

    fn node(id: i32, silent_ms: i64) -> NodeRow {
        NodeRow { id, address: format!("http://node{id}"), silent_ms }
    }

    #[track_caller]
    fn check(partitions: &[Ownership], nodes: &[NodeRow], take: &[u16], owner: Option<&str>) {
        let cluster = Cluster { nodes: nodes.to_vec(), partitions: partitions.to_vec() };
        let plan = plan(1, "http://node1", &cluster, 3_000);
        assert_eq!(
            plan.take.iter().map(|(part, seen)| (part.0, seen.epoch)).collect::<Vec<_>>(),
            take.iter().map(|id| (*id, 7)).collect::<Vec<_>>()
        );
        assert_eq!(plan.owner.as_deref(), owner);
    }

    #[test]
    fn takes_what_has_no_live_owner() {
        let me = node(1, 0);
        check(&[part(0, None), part(1, None)], std::slice::from_ref(&me), &[0, 1], None);
        check(&[part(0, Some(2)), part(1, Some(1))], &[me.clone(), node(2, 3_001)], &[0], None);
        check(&[part(0, Some(9)), part(1, Some(1))], &[me], &[0], None);
    }

    #[test]
    fn stands_by_while_the_owner_lives() {
        let nodes = [node(1, 0), node(2, 3_000)];
        check(&[part(0, Some(2)), part(1, None)], &nodes, &[], Some("http://node2"));
    }

    #[test]
    fn does_not_take_from_a_live_node_that_lost_the_first_partition() {
        check(&[part(0, None), part(1, Some(2))], &[node(1, 0), node(2, 10)], &[0], None);
    }

    #[test]
    fn an_earlier_life_at_the_same_address_is_dead() {
        let earlier = NodeRow { id: 5, address: "http://node1".into(), silent_ms: 10 };
        check(&[part(0, Some(5))], &[node(1, 0), earlier], &[0], None);
    }

    #[test]
    fn a_node_of_the_same_url_on_another_socket_is_another_node() {
        let (mine, other) = (address_of("http://127.0.0.1:7373", "a"), address_of("http://127.0.0.1:7373", "b"));
        let nodes = [NodeRow { id: 5, address: other, silent_ms: 10 }];
        let cluster = Cluster { nodes: nodes.to_vec(), partitions: vec![part(0, Some(5))] };
        let told = Plan { take: Vec::new(), owner: Some("http://127.0.0.1:7373".into()) };
        assert_eq!(plan(1, &mine, &cluster, 3_000), told);
    }

    #[test]
    fn owning_means_node_and_epoch() {
        let cluster = Cluster { nodes: Vec::new(), partitions: vec![part(0, Some(1)), part(1, Some(2))] };
        assert!(still_owns(1, &cluster, &[(PartitionId(0), 7)]));
        assert!(!still_owns(1, &cluster, &[(PartitionId(0), 6)]), "an epoch of before");
        assert!(!still_owns(1, &cluster, &[(PartitionId(0), 7), (PartitionId(1), 7)]), "another node has one");
    }

    #[test]
    fn a_lease_holds_from_when_the_heartbeat_was_sent() {
        let clock = Arc::new(crate::clock::SystemClock);
        let lease = Lease::new(3_000, clock.clone());
        assert!(!lease.valid(), "nothing is owned before the first heartbeat");
        lease.renew(Moment::now());
        assert!(lease.valid());
        let old = Lease::new(3_000, clock);
        old.renew(Moment(Moment::now().0.saturating_sub(10_000)));
        assert!(!old.valid());
    }
}
