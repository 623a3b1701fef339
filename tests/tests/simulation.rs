//! The engine in a simulated world: real nodes with their loops, lanes, leases and takeovers, on virtual clocks and a store
//! that fails, with clients and workers on a network that loses and repeats. One thread, one seed. Then the faults stop,
//! every run must end, and an oracle holds what everybody was told against what is stored (docs/simulation.md).
//!
//! `WEFT_SIMULATION_SEEDS` sets how many seeds, `WEFT_SIMULATION_SEED` where they begin, `WEFT_SIMULATION_THREADS` how many
//! are played side by side; `WEFT_SIMULATION_ALOUD=1` prints all that happens.

#[path = "simulation/clients.rs"]
mod clients;
#[path = "simulation/clock.rs"]
mod clock;
#[path = "simulation/cluster.rs"]
mod cluster;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/ledger.rs"]
mod ledger;
#[path = "simulation/net.rs"]
mod net;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/play.rs"]
mod play;
#[path = "simulation/real.rs"]
mod real;
#[path = "simulation/stored.rs"]
mod stored;
#[path = "simulation/stories.rs"]
mod stories;
#[path = "simulation/timetable.rs"]
mod timetable;
#[path = "simulation/workers.rs"]
mod workers;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use weft_runtime::store::memory::Memory;

use play::{PARTITIONS, Played, play};
use real::Real;
use world::BAD;

/// Seeds that `cargo test` plays: half a minute of one core in the test profile. More are played by the variable.
const SEEDS: u64 = 3_000;
/// Seeds of which every fault and kind of event must have been seen.
const COUNTED_FROM: u64 = 2_000;
/// What the histories must have between them.
const EVENTS: [&str; 42] = [
    "ActivityCancelRequested",
    "ActivityCanceled",
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityScheduled",
    "ActivityTimedOut",
    "AttributesSet",
    "CancelDelivered",
    "CancelRequested",
    "ChildCancelRequested",
    "ChildCanceled",
    "ChildCompleted",
    "ChildFailed",
    "ChildScheduled",
    "ChildStarted",
    "Created",
    "DelayEnded",
    "Deleted",
    "Ended",
    "Fired",
    "PatchRecorded",
    "Paused",
    "Resumed",
    "RunCanceled",
    "RunCompleted",
    "RunContinuedAsNew",
    "RunFailed",
    "RunReset",
    "RunTerminated",
    "RunTimedOut",
    "SignalDelivered",
    "SignalReceived",
    "SignalRefused",
    "SignalSent",
    "Skipped",
    "Started",
    "TimerCanceled",
    "TimerFired",
    "TimerStarted",
    "Triggered",
    "UpdateAccepted",
    "UpdateCompleted",
];
/// Seeds that are played on each database as well.
const REAL_SEEDS: u64 = 12;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Plays a seed; what goes wrong names the seed and how to play it alone.
fn checked(seed: u64) -> Result<Played, String> {
    let aloud = number("WEFT_SIMULATION_ALOUD", 0) > 0;
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, Arc::new(Memory::new(PARTITIONS)), aloud)));
    let wrong = match played {
        Ok(Played { verdict: Ok(()), .. }) => return played.map_err(|_| String::new()),
        Ok(Played { verdict: Err(why), .. }) => why,
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "it panicked".into(),
        },
    };
    Err(format!(
        "seed {seed}: {wrong}\n\nplay it alone:\n  WEFT_SIMULATION_SEED={seed} WEFT_SIMULATION_SEEDS=1 WEFT_SIMULATION_ALOUD=1 \
         cargo test -p weft-tests --test simulation every_seed -- --nocapture\n"
    ))
}

#[test]
fn every_seed_keeps_what_was_acknowledged_and_ends() {
    let (first, count) = (number("WEFT_SIMULATION_SEED", 0), number("WEFT_SIMULATION_SEEDS", SEEDS));
    let threads = number("WEFT_SIMULATION_THREADS", 1).max(1);
    let next = AtomicU64::new(first);
    let (counts, wrong, hash) = (Mutex::new(BTreeMap::<&'static str, u64>::new()), Mutex::new(None), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while wrong.lock().expect("no panic holds it").is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match checked(seed) {
                        Ok(played) => {
                            hash.fetch_add(played.hash.rotate_left((seed % 64) as u32), Ordering::Relaxed);
                            let mut counts = counts.lock().expect("no panic holds it");
                            played.counts.into_iter().for_each(|(what, n)| *counts.entry(what).or_default() += n);
                        }
                        Err(why) => *wrong.lock().expect("no panic holds it") = Some(why),
                    }
                }
            });
        }
    });
    if let Some(why) = wrong.into_inner().expect("no panic holds it") {
        panic!("{why}");
    }
    let counts = counts.into_inner().expect("no panic holds it");
    println!("{count} seeds, trace {:016x}: {counts:#?}", hash.into_inner());
    if count >= COUNTED_FROM {
        for (_, name, _) in BAD {
            assert!(counts.contains_key(name), "`{name}` never happened");
        }
        for name in EVENTS {
            assert!(counts.contains_key(name), "no history has a `{name}`");
        }
    }
}

/// Seeds that failed once, the first word of each line.
#[test]
fn seeds_that_failed_once_pass() {
    for line in include_str!("../simulation/corpus.txt").lines().filter(|line| !line.starts_with('#')) {
        let seed =
            line.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a line begins with a seed");
        checked(seed).unwrap_or_else(|why| panic!("{why}\n{line}"));
    }
}

/// `tests/broken/run.sh` shows that the simulation catches each of them.
#[test]
fn the_broken_builds_apply() {
    assert!(weft_tests::planted::apply("broken") >= 10, "at least ten ways to break it");
}

#[test]
fn a_seed_plays_the_same_twice() {
    for seed in (0..20).map(|n| n * 37 + number("WEFT_SIMULATION_SEED", 0)) {
        let (one, two) = (checked(seed).unwrap(), checked(seed).unwrap());
        assert_eq!(one.counts, two.counts, "seed {seed}: what happened how often");
        assert_eq!(
            (one.hash, one.digest),
            (two.hash, two.digest),
            "seed {seed}: all that happened, and what is stored"
        );
    }
}

/// The same appends give the same rows, and the same world sees the same store.
#[test]
fn databases_hold_what_memory_holds() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = tokio::runtime::Runtime::new().unwrap();
    for seed in (0..REAL_SEEDS).map(|n| n * 101 + 7) {
        let memory = checked(seed).unwrap();
        let sqlite = Real::open(&format!("sqlite:{}", folder.path().join(format!("{seed}.db")).display()), PARTITIONS);
        let database = postgres.block_on(weft_tests::postgres::database());
        let postgres = Real::open(database.url(), PARTITIONS);
        for (name, real) in [("SQLite", &sqlite), ("PostgreSQL", &postgres)] {
            let played = play(seed, Arc::new(real.clone()), false);
            played.verdict.unwrap_or_else(|why| panic!("seed {seed} on {name}: {why}"));
            assert_eq!((played.hash, played.digest), (memory.hash, memory.digest), "seed {seed} on {name}");
        }
    }
}
