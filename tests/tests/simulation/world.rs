//! One seed's world: its chance, its weather, and the trace of all that happened, by which two plays of a seed are
//! compared.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;
use weft_protocol::RunId;

use crate::ledger::{Ledger, Tick};

/// How long everything may take to end when nothing is bad any more, milliseconds.
pub(crate) const END_MAX: u64 = 120_000;
/// How long after that it may take to be told why something has not ended.
const ANSWER_MAX: u64 = 10_000;

/// What can go wrong. A seed has some of them, each with a weight in thousandths of the occasions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bad {
    /// The node dies before its operation reaches the store.
    CrashBefore,
    /// The node dies when the store has done it, before it hears so.
    CrashAfter,
    /// The store does nothing and says that it is not available.
    Refused,
    /// The store does it and the answer is lost.
    AnswerLost,
    /// The answer is lost, and the store does it later: whoever asked may be dead or deposed by then.
    Late,
    /// The store takes long.
    SlowStore,
    /// A node that nobody knows takes the partition over just before an append.
    Stranger,
    /// A node dies at any moment.
    Kill,
    /// A node is shut down and opened again.
    Restart,
    /// A node does not reach the store for a while, longer than its lease or not.
    CutOff,
    /// A node's wall clock is set.
    ClockJump,
    /// A request is lost on its way.
    RequestLost,
    /// An answer is lost on its way.
    AnswerGone,
    /// A request arrives a second time, perhaps much later.
    Twice,
    /// A request or an answer takes long.
    SlowNet,
    /// A worker dies with its task.
    WorkerDies,
    /// A worker takes longer than the task's time.
    WorkerSlow,
    /// A worker reports a failure.
    WorkerFails,
}

/// All of them, by the names under which they are counted, with the most that each may weigh.
pub(crate) const BAD: [(Bad, &str, u32); 18] = [
    (Bad::CrashBefore, "bad: crash before", 20),
    (Bad::CrashAfter, "bad: crash after", 20),
    (Bad::Refused, "bad: refused", 120),
    (Bad::AnswerLost, "bad: answer lost", 120),
    (Bad::Late, "bad: late", 80),
    (Bad::SlowStore, "bad: slow store", 150),
    (Bad::Stranger, "bad: stranger", 20),
    (Bad::Kill, "bad: kill", 500),
    (Bad::Restart, "bad: restart", 300),
    (Bad::CutOff, "bad: cut off", 500),
    (Bad::ClockJump, "bad: clock jump", 500),
    (Bad::RequestLost, "bad: request lost", 120),
    (Bad::AnswerGone, "bad: answer gone", 150),
    (Bad::Twice, "bad: twice", 200),
    (Bad::SlowNet, "bad: slow net", 150),
    (Bad::WorkerDies, "bad: worker dies", 150),
    (Bad::WorkerSlow, "bad: worker slow", 150),
    (Bad::WorkerFails, "bad: worker fails", 250),
];

/// The world of a seed.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    random: Mutex<ChaCha8Rng>,
    weights: BTreeMap<Bad, (&'static str, u32)>,
    begun: Instant,
    /// Since when, in milliseconds.
    calm: OnceLock<u64>,
    over: AtomicBool,
    trace: Mutex<Trace>,
    numbers: AtomicU64,
    failed: Mutex<Option<String>>,
    pub(crate) ledger: Mutex<Ledger>,
    /// When the row of each closed run was there.
    pub(crate) closed: Mutex<BTreeMap<RunId, Tick>>,
    /// When each node was last heard of, by its number in the store: silence is measured on the world's clock.
    pub(crate) beats: Mutex<BTreeMap<i32, Instant>>,
}

#[derive(Debug)]
struct Trace {
    hash: DefaultHasher,
    aloud: bool,
    counts: BTreeMap<&'static str, u64>,
}

impl Trace {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

impl World {
    /// The world of a seed; `aloud` prints all that happens.
    pub(crate) fn new(seed: u64, aloud: bool) -> Arc<World> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let weights = BAD
            .iter()
            .map(|(bad, name, most)| {
                let weight = if random.random_bool(0.4) { random.random_range(1..=*most) } else { 0 };
                (*bad, (*name, weight))
            })
            .collect();
        Arc::new(World {
            seed,
            random: Mutex::new(random),
            weights,
            begun: Instant::now(),
            calm: OnceLock::new(),
            over: AtomicBool::new(false),
            trace: Mutex::new(Trace { hash: DefaultHasher::new(), aloud, counts: BTreeMap::new() }),
            numbers: AtomicU64::new(1),
            failed: Mutex::new(None),
            ledger: Mutex::default(),
            closed: Mutex::default(),
            beats: Mutex::default(),
        })
    }

    /// Whether something bad happens now.
    pub(crate) fn happens(&self, bad: Bad) -> bool {
        if self.is_calm() {
            return false;
        }
        let (name, weight) = self.weights[&bad];
        let happens = weight > 0 && self.below(1_000) < u64::from(weight);
        if happens {
            self.trace.lock().expect("one thread").count(name);
        }
        happens
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.random.lock().expect("one thread").random_range(0..end)
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// Whether something happens that does so `of` times in a hundred.
    pub(crate) fn percent(&self, of: u64) -> bool {
        self.below(100) < of
    }

    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    /// The faults stop.
    pub(crate) fn calm_down(&self) {
        self.note("calm", || String::from("the faults stop"));
        let _ = self.calm.set(self.now());
    }

    /// Whether the faults have stopped.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.get().is_some()
    }

    /// Whether all should have ended: nothing is bad any more, and has not been for long.
    pub(crate) fn is_late(&self) -> bool {
        self.calm.get().is_some_and(|calm| self.now() > calm + END_MAX)
    }

    /// Whether even the question why something has not ended should have been answered.
    pub(crate) fn is_silent(&self) -> bool {
        self.calm.get().is_some_and(|calm| self.now() > calm + END_MAX + ANSWER_MAX)
    }

    /// Everything has ended.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether everything has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Something happened that must not; the first one counts.
    pub(crate) fn fail(&self, why: String) {
        self.failed.lock().expect("one thread").get_or_insert(why);
    }

    /// What must not have happened.
    pub(crate) fn failed(&self) -> Option<String> {
        self.failed.lock().expect("one thread").clone()
    }

    /// Something happened; `what` counts how often.
    pub(crate) fn note(&self, what: &'static str, words: impl FnOnce() -> String) {
        let (now, words) = (self.now(), words());
        let mut trace = self.trace.lock().expect("one thread");
        trace.hash.write_u64(now);
        trace.hash.write(what.as_bytes());
        trace.hash.write(words.as_bytes());
        trace.count(what);
        if trace.aloud {
            println!("{now:>7} {what}: {words}");
        }
    }

    /// Something happened that only who listens wants in words; for the trace a number does.
    pub(crate) fn mark(&self, what: &'static str, number: u64, words: impl FnOnce() -> String) {
        let now = self.now();
        let mut trace = self.trace.lock().expect("one thread");
        trace.hash.write_u64(now ^ number << 32);
        trace.count(what);
        if trace.aloud {
            println!("{now:>7} {what}: {}", words());
        }
    }

    /// The same, of bytes that nobody reads.
    pub(crate) fn note_bytes(&self, bytes: &[u8]) {
        self.trace.lock().expect("one thread").hash.write(bytes);
    }

    /// What happened, as one number, and how often.
    pub(crate) fn trace(&self) -> (u64, BTreeMap<&'static str, u64>) {
        let trace = self.trace.lock().expect("one thread");
        (trace.hash.finish(), trace.counts.clone())
    }
}
