//! Reaching the store, and bringing partitions from their logs into memory.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use weft_bytecode::{ProgramHash, codec};
use weft_vm::Loaded;

use super::aside::{Panicked, aside};
use super::log::read_log;
use super::{Core, OpenError, Shared, Standing};
use crate::loops::{Links, LoopEvent, World};
use crate::partition::{Partition, Setup};
use crate::programs::Programs;
use crate::store::{self, Journal, Ownership, StoreError};

/// First pause before an unreachable store is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// Partitions brought into memory at the same time.
const PARTITIONS_AT_ONCE: usize = 4;

/// What the loops report, from when they were started.
pub(super) type Events = tokio::sync::mpsc::UnboundedReceiver<LoopEvent>;

/// One try, so that a store that can never work is told to the caller; `None` if it does not answer yet.
pub(super) async fn first_try(shared: &Arc<Shared>) -> Result<Option<Events>, OpenError> {
    match store::open(&shared.options.store, &shared.options.store_options).await {
        Ok(journal) => Ok(Some(begin(shared, journal))),
        Err(StoreError::Unavailable(why)) => {
            tracing::warn!(%why, "the store does not answer yet");
            shared.stand(Standing::Opening(why));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Tries until the store answers; `None` if it never will or the node is to stop.
pub(super) async fn reach(shared: &Arc<Shared>) -> Option<Events> {
    let mut pause = RETRY_FIRST;
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY_MAX);
        match store::open(&shared.options.store, &shared.options.store_options).await {
            Ok(journal) => return Some(begin(shared, journal)),
            Err(StoreError::Unavailable(why)) => shared.stand(Standing::Opening(why)),
            Err(error) => {
                tracing::error!(%error, "the store cannot be used");
                shared.stand(Standing::Stopped(error.to_string()));
                return None;
            }
        }
    }
}

/// Starts the loops on a journal.
pub(super) fn begin(shared: &Arc<Shared>, journal: Arc<dyn Journal>) -> Events {
    let (events, reported) = tokio::sync::mpsc::unbounded_channel();
    let world = Arc::new(World {
        journal: journal.clone(),
        limits: shared.limits.clone(),
        clock: shared.options.clock.clone(),
        executors: shared.executors.clone(),
        queues: shared.queues.clone(),
        lease: shared.lease.clone(),
        away: shared.away.clone(),
        events,
        stop: shared.stopped.clone(),
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let loops = if shared.options.loops == 0 { cores } else { shared.options.loops };
    let links = Links::start(&world, loops);
    // `begin` is called once, by whoever reached the store first.
    let _ = shared.core.set(Core { journal, links });
    reported
}

/// Loads the current programs of all projects.
///
/// # Errors
/// If the store does not answer, or holds a program that cannot be loaded.
pub(crate) async fn load_current(journal: &dyn Journal, programs: &Programs) -> Result<(), StoreError> {
    let mut deployments = journal.deployments().await?;
    // Where two projects have a workflow of one name, the newer deploy's is current.
    deployments.sort_by(|a, b| (&a.namespace, a.seq).cmp(&(&b.namespace, b.seq)));
    for deployment in deployments {
        let program = program(journal, programs, deployment.program).await?;
        programs.make_current(&deployment.namespace, program);
    }
    for (namespace, name, kind) in journal.attributes().await? {
        programs.declare(&namespace, [(name.as_str(), kind)]);
    }
    Ok(())
}

/// A program by its hash, from memory or the store.
///
/// # Errors
/// If the store does not answer, does not have it, or has something else under its hash.
pub(crate) async fn program(
    journal: &dyn Journal,
    programs: &Programs,
    hash: ProgramHash,
) -> Result<Arc<Loaded>, StoreError> {
    if let Some(program) = programs.get(hash) {
        return Ok(program);
    }
    let corrupt = |why: String| StoreError::Corrupt(format!("program {hash}: {why}"));
    let bytes = journal.program(hash).await?.ok_or_else(|| corrupt("runs need it and it is not there".into()))?;
    let program = codec::decode(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let loaded = Loaded::new(program).map_err(|error| corrupt(error.to_string()))?;
    if loaded.hash() != hash {
        return Err(corrupt(format!("the bytes are those of program {}", loaded.hash())));
    }
    Ok(programs.keep(loaded))
}

/// Brings all partitions into memory as they are, owned by nobody.
pub(super) async fn look(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let journal = store::open_to_read(&shared.options.store).await?;
    shared.namespaces.load(journal.namespaces().await?);
    load_current(&*journal, &shared.programs).await?;
    let setup = setup(shared, &journal)?;
    let mut partitions = Vec::new();
    for ownership in journal.ownership().await? {
        let (recovery, recovered) = read_log(&*journal, &setup, &ownership).await?;
        let (setup, now) = (setup.clone(), shared.options.clock.now());
        let looked = aside(move || recovery.finish_to_look(setup, ownership.epoch, recovered, now));
        partitions.push(looked.await.unwrap_or_else(|error| Err(not_replayed(&error)))?);
    }
    // What is read cannot be taken over meanwhile: the answers stay true to the moment of reading.
    shared.lease.hold();
    begin(shared, journal);
    if let Some(core) = shared.core.get() {
        core.links.open(partitions);
    }
    shared.stand(Standing::Serving);
    Ok(())
}

/// Brings partitions this node has taken over into memory.
///
/// # Errors
/// If the store does not answer or a log is damaged.
pub(super) async fn recover(
    shared: &Arc<Shared>,
    journal: &Arc<dyn Journal>,
    owned: &[Ownership],
) -> Result<Vec<Partition>, StoreError> {
    let setup = setup(shared, journal)?;
    futures::stream::iter(owned.iter().cloned())
        .map(|ownership| recover_one(shared.clone(), journal.clone(), setup.clone(), ownership))
        .buffer_unordered(PARTITIONS_AT_ONCE)
        .try_collect()
        .await
}

fn setup(shared: &Shared, journal: &Arc<dyn Journal>) -> Result<Setup, StoreError> {
    let entropy = match shared.entropy {
        Some(given) => given,
        None => {
            let mut drawn = [0; 32];
            getrandom::fill(&mut drawn).map_err(|error| StoreError::Unusable(format!("no randomness: {error}")))?;
            drawn
        }
    };
    Ok(Setup {
        partitions: journal.partitions(),
        limits: shared.limits.clone(),
        programs: shared.programs.clone(),
        entropy,
    })
}

fn not_replayed(error: &Panicked) -> StoreError {
    StoreError::Corrupt(format!("a run could not be replayed: {error}"))
}

async fn recover_one(
    shared: Arc<Shared>,
    journal: Arc<dyn Journal>,
    setup: Setup,
    ownership: Ownership,
) -> Result<Partition, StoreError> {
    let (recovery, recovered) = read_log(&*journal, &setup, &ownership).await?;
    let now = shared.options.clock.now();
    let finished = aside(move || recovery.finish(setup, ownership.epoch, recovered, now)).await;
    finished.unwrap_or_else(|error| Err(not_replayed(&error)))
}
