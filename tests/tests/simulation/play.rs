//! One seed from its beginning to the verdict.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use weft_protocol::PartitionId;
use weft_runtime::activities::Executors;
use weft_runtime::activities::secrets::Secrets;
use weft_runtime::config::NodeConfig;
use weft_runtime::sandbox::{BEGINNING, NAMESPACE};
use weft_runtime::store::{Claim, Journal};

use crate::cluster::{Cluster, Parts};
use crate::net::{Net, Op, Said};
use crate::stories::Code;
use crate::world::World;
use crate::{clients, oracle, stored, stories, timetable, workers};

/// Partitions of the store: several, in one loop or two.
pub(crate) const PARTITIONS: u16 = 3;

/// What came of a seed.
#[derive(Debug)]
pub(crate) struct Played {
    /// All that happened, in order.
    pub(crate) hash: u64,
    /// All that is stored.
    pub(crate) digest: u64,
    /// What happened how often.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) verdict: Result<(), String>,
}

/// Plays a seed on an empty store.
pub(crate) fn play(seed: u64, journal: Arc<dyn Journal>, aloud: bool) -> Played {
    let codes = stories::programs(seed);
    let programs: Vec<_> = codes.iter().map(|code| code.loaded.clone()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without sockets can be built").block_on(async move {
        let world = World::new(seed, aloud);
        deploy(&journal, &codes).await;
        let parts = Parts { journal: journal.clone(), executors: executors(), programs: programs.clone() };
        let net = Net { world: world.clone(), cluster: Cluster::open(&world, parts) };
        let mut verdict = live(&net).await;
        world.end();
        net.cluster.close().await;
        let mut digest = 0;
        if verdict.is_ok() {
            match stored::read(&journal).await {
                Ok(stored) => {
                    digest = stored.digest();
                    verdict = {
                        let (ledger, closed) = (world.ledger.lock(), world.closed.lock());
                        oracle::judge(&stored, &ledger.expect("one thread"), &closed.expect("one thread"), &programs)
                    };
                    for (run, events) in &stored.runs {
                        events.iter().for_each(|event| world.mark(event.kind.name(), 0, || format!("{run} {event:?}")));
                    }
                    for (name, events) in &stored.schedules {
                        events
                            .iter()
                            .for_each(|event| world.mark(event.kind.name(), 0, || format!("{name} {event:?}")));
                    }
                }
                Err(why) => verdict = Err(why),
            }
        }
        let verdict = world.failed().map_or(verdict, Err);
        let (hash, counts) = world.trace();
        Played { hash, digest, counts, verdict }
    })
}

/// How long words between runs are on their way once no store fails any more.
const WORDS_MAX: u64 = 5_000;

/// Everything that happens until all runs have ended.
async fn live(net: &Net) -> Result<(), String> {
    let world = &net.world;
    workers::employ(net);
    let mut stories: Vec<_> =
        stories::stories(world).into_iter().map(|story| tokio::spawn(clients::play(net.clone(), story))).collect();
    if world.percent(12) {
        stories.push(tokio::spawn(timetable::play(net.clone())));
    }
    tokio::time::sleep(Duration::from_millis(world.between(1_000, 6_000))).await;
    world.calm_down();
    for story in stories {
        if let Err(error) = story.await {
            let panic = error.into_panic();
            return Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a client panicked".into()));
        }
    }
    loop {
        match net.insist(&Op::Open).await {
            Ok(Said::Runs(page)) if page.runs.is_empty() => {
                // What closed runs tell others yet arrives, or comes back, after their end.
                tokio::time::sleep(Duration::from_millis(WORDS_MAX)).await;
                return Ok(());
            }
            Ok(Said::Runs(page)) if world.is_late() => {
                return Err(format!("{:#?} have not ended", page.runs));
            }
            Ok(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            Err(error) => return Err(format!("the list of runs: {error:?}")),
        }
    }
}

async fn deploy(journal: &Arc<dyn Journal>, codes: &[Code]) {
    // Nobody has owned anything yet.
    let nobody = Claim { part: PartitionId(0), epoch: 0 };
    for Code { loaded, bytes } in codes {
        journal.put_program(loaded.hash(), bytes).await.expect("an empty store takes programs");
        let project = &loaded.program().project;
        let deployed = journal.deploy(nobody, NAMESPACE, project, loaded.hash(), BEGINNING).await;
        deployed.expect("an empty store takes deployments");
    }
}

fn executors() -> Executors {
    static SHARED: OnceLock<Executors> = OnceLock::new();
    let made = || Executors::new(NodeConfig::default().executors(Secrets::default())).expect("a client for HTTP");
    SHARED.get_or_init(made).clone()
}
