//! A node: one process that joins a store, owns its partitions while nobody else does, and answers the API for the runs
//! in them. It is the only thing a binary needs besides routes.

pub(crate) mod answer;
pub(crate) mod api;
mod aside;
mod batch;
pub(crate) mod deploy;
pub(crate) mod listing;
pub(crate) mod log;
mod member;
mod namespaces;
pub(crate) mod open;
mod patches;
mod retention;
pub(crate) mod schedules;
mod simulated;

pub use simulated::Simulated;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weft_protocol::api::{ApiError, RunRow};
use weft_protocol::limits::Limits;

use crate::activities::Executors;
use crate::activities::queue::TaskQueues;
use crate::activities::secrets::Secrets;
use crate::clock::{Clock, SystemClock};
use crate::config::NodeConfig;
use crate::loops::Links;
use crate::namespaces::Namespaces;
use crate::ownership::{self, Lease};
use crate::partition::Partition;
use crate::programs::Programs;
use crate::refusal;
use crate::store::{Claim, Journal, StoreError, StoreOptions};

/// Longest wait for appends in flight at shutdown; what is not durable by then was never acknowledged.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// Open runs that are named of those found at the start.
pub const FOUND_MAX: usize = 1_000;

/// What a node is opened with.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// `postgres://…`, `sqlite:PATH` or `memory:`.
    pub store: String,
    /// What a new store is created with.
    pub store_options: StoreOptions,
    /// Where this node's API is reached, unlike any other node's.
    pub address: String,
    /// The socket it listens on, as no other live process can name it: a node that is found with the same is an earlier
    /// life of this one, and its partitions are taken over at once. Empty where `address` says it all.
    pub socket: String,
    /// Limits, and what activities may do.
    pub config: NodeConfig,
    /// Who may deploy a workflow of a name that another project has deployed.
    pub names: WorkflowNames,
    /// What becomes of the schedules that programs declare.
    pub declared: DeclaredSchedules,
    /// Where `secret("X")` is read from.
    pub secrets: Secrets,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Executor loops; 0 for one per core.
    pub loops: usize,
}

impl NodeOptions {
    /// A node at `address` on `store`, everything else by default.
    pub fn new(store: impl Into<String>, address: impl Into<String>) -> NodeOptions {
        NodeOptions {
            store: store.into(),
            store_options: StoreOptions::default(),
            address: address.into(),
            socket: String::new(),
            config: NodeConfig::default(),
            names: WorkflowNames::First,
            declared: DeclaredSchedules::Made,
            secrets: Secrets::default(),
            clock: Arc::new(SystemClock),
            loops: 0,
        }
    }
}

/// Whose workflow it is when two projects of a namespace declare the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowNames {
    /// That of the project which deployed it first; the other's deploy is refused. As on a server.
    First,
    /// That of the newest deploy. As in a folder that has one project, whatever that is called today.
    Newest,
}

/// What a node does with the schedules that a deployed program declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredSchedules {
    /// They are made, and start runs as long as a node has the data.
    Made,
    /// They are left alone, as where one run is wanted and no other.
    LeftAlone,
}

/// Where a node is on its way to serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The store has not been reached yet, and why not.
    Opening(String),
    /// Another node owns the partitions; its address if it is known.
    Standby(Option<String>),
    /// Taking over and reading logs.
    Recovering,
    /// Serving all partitions.
    Serving,
    /// The store is damaged or unusable.
    Stopped(String),
}

/// A running node. Clones share it.
#[derive(Debug, Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: NodeOptions,
    limits: Arc<Limits>,
    programs: Arc<Programs>,
    namespaces: Namespaces,
    executors: Executors,
    queues: TaskQueues,
    lease: Arc<Lease>,
    /// Whether the store does not answer appends.
    away: Arc<AtomicBool>,
    standing: watch::Sender<Standing>,
    core: OnceLock<Core>,
    /// What was open when this node first took over.
    found: OnceLock<FoundOpen>,
    /// Whether this node only answers questions.
    duty: Duty,
    /// Where the seeds of runs come from; else from the system.
    entropy: Option<[u8; 32]>,
    /// As whom this node writes namespaces and deployments: the owner of the first partition.
    claim: Mutex<Option<Claim>>,
    /// One deploy at a time: they compare with what is current.
    deploying: tokio::sync::Mutex<()>,
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// What a node does with the runs of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// It owns and continues them.
    Serve,
    /// It reads them, and writes nothing.
    Look,
}

/// The open runs a node found when it took its partitions over, and goes on with.
#[derive(Debug, Clone, Default)]
pub struct FoundOpen {
    /// How many.
    pub count: usize,
    /// The first of them by start, with their namespaces; [`FOUND_MAX`] at most.
    pub runs: Vec<(String, RunRow)>,
}

impl FoundOpen {
    fn of(partitions: &[Partition]) -> FoundOpen {
        let mut runs: Vec<_> = partitions.iter().flat_map(|partition| partition.oldest(FOUND_MAX)).collect();
        runs.sort_by(|(_, a), (_, b)| a.started_at.cmp(&b.started_at).then(a.run_id.cmp(&b.run_id)));
        runs.truncate(FOUND_MAX);
        FoundOpen { count: partitions.iter().map(Partition::open_runs).sum(), runs }
    }
}

/// What there is once the store was reached.
#[derive(Debug)]
struct Core {
    journal: Arc<dyn Journal>,
    links: Links,
}

/// Why a node cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store can never do this.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client for activities cannot be built: {0}")]
    Http(#[from] reqwest::Error),
}

impl Node {
    /// Opens a node. A store that does not answer yet is tried again in the background: [`Node::serving`] waits for it.
    ///
    /// # Errors
    /// If the store can never be used, or this process cannot make HTTP calls.
    pub async fn open(options: NodeOptions) -> Result<Node, OpenError> {
        let shared = Node::shared(options, Duty::Serve)?;
        let first = open::first_try(&shared).await?;
        tokio::spawn(member::run(shared.clone(), first));
        tokio::spawn(retention::run(shared.clone()));
        Ok(Node { shared })
    }

    /// Opens a SQLite store that nobody serves, to answer questions about it. No run goes on, nothing is written, and
    /// what would change something is refused.
    ///
    /// # Errors
    /// If the store is not there, cannot be read, or holds what is damaged.
    pub async fn look(options: NodeOptions) -> Result<Node, OpenError> {
        let shared = Node::shared(options, Duty::Look)?;
        open::look(&shared).await?;
        let (stop, stopped) = (shared.stop.clone(), shared.stopped.clone());
        tokio::spawn(async move {
            stop.cancelled().await;
            stopped.cancel();
        });
        Ok(Node { shared })
    }

    /// Opens a node on a journal at hand, which a test disturbs; `options.store` is not looked at.
    #[cfg(test)]
    fn open_on(journal: Arc<dyn Journal>, options: NodeOptions) -> Result<Node, OpenError> {
        let shared = Node::shared(options, Duty::Serve)?;
        let events = open::begin(&shared, journal);
        tokio::spawn(member::run(shared.clone(), Some(events)));
        tokio::spawn(retention::run(shared.clone()));
        Ok(Node { shared })
    }

    fn shared(options: NodeOptions, duty: Duty) -> Result<Arc<Shared>, OpenError> {
        let executors = Executors::new(options.config.executors(options.secrets.clone()))?;
        Ok(Arc::new(Shared::new(options, duty, executors)))
    }

    /// Where the node is on its way.
    pub fn standing(&self) -> Standing {
        self.shared.standing()
    }

    /// Waits until the node serves its partitions.
    ///
    /// # Errors
    /// If it has stopped for good.
    pub async fn serving(&self) -> Result<(), ApiError> {
        let mut standing = self.shared.standing.subscribe();
        let reached = standing.wait_for(|now| matches!(now, Standing::Serving | Standing::Stopped(_))).await;
        match reached.as_deref() {
            Ok(Standing::Serving) => Ok(()),
            Ok(Standing::Stopped(why)) => Err(refusal::store_broken(why)),
            _ => Err(refusal::shutting_down()),
        }
    }

    /// Writes what is decided, lets the partitions go and leaves. Attempts in flight are stopped; their runs go on when
    /// the store is opened again.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.stopped.cancelled().await;
    }

    /// The runs that were open when this node took over first; nothing before that.
    pub fn found_open(&self) -> FoundOpen {
        self.shared.found.get().cloned().unwrap_or_default()
    }

    /// The journal, once the store was reached: for tools that look at it beside the node.
    pub fn journal(&self) -> Option<Arc<dyn Journal>> {
        self.shared.core.get().map(|core| core.journal.clone())
    }
}

impl Shared {
    /// A node that has not reached its store.
    fn new(options: NodeOptions, duty: Duty, executors: Executors) -> Shared {
        let limits = Arc::new(options.config.limits.clone());
        Shared {
            lease: Arc::new(Lease::new(limits.lease_ms, options.clock.clone())),
            limits,
            programs: Arc::new(Programs::default()),
            namespaces: Namespaces::default(),
            executors,
            queues: TaskQueues::new(),
            away: Arc::new(AtomicBool::new(false)),
            standing: watch::Sender::new(Standing::Opening("it was not asked yet".into())),
            core: OnceLock::new(),
            found: OnceLock::new(),
            duty,
            entropy: None,
            claim: Mutex::new(None),
            deploying: tokio::sync::Mutex::new(()),
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
            options,
        }
    }

    /// What serves requests, or why nothing does.
    fn core(&self) -> Result<&Core, ApiError> {
        match &*self.standing.borrow() {
            Standing::Serving => {}
            Standing::Opening(why) => return Err(refusal::store_away(why)),
            Standing::Standby(owner) => return Err(refusal::not_owner(owner.as_deref())),
            Standing::Recovering => return Err(refusal::not_owner(None)),
            Standing::Stopped(why) => return Err(refusal::store_broken(why)),
        }
        self.core.get().ok_or_else(|| refusal::store_away("it was not opened yet"))
    }

    /// What serves requests that change something.
    fn work(&self) -> Result<&Core, ApiError> {
        match self.duty {
            Duty::Serve => self.core(),
            Duty::Look => Err(refusal::only_read()),
        }
    }

    /// As whom namespaces and deployments are written. To be asked before what they are compared with is read: where
    /// another owner comes between, nothing is written.
    fn claim(&self) -> Result<Claim, ApiError> {
        let claim = *self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        claim.ok_or_else(|| refusal::not_owner(None))
    }

    fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    fn row_address(&self) -> String {
        ownership::address_of(&self.options.address, &self.options.socket)
    }

    fn stand(&self, standing: Standing) {
        self.standing.send_if_modified(|now| {
            let differs = *now != standing;
            if differs {
                tracing::info!(standing = ?standing, "node");
                *now = standing;
            }
            differs
        });
    }
}

#[cfg(test)]
mod tests;
