//! Plays the `test`s of a [`Suite`]: the host that they drive. Runs are those of a [`Sandbox`](crate::sandbox::Sandbox),
//! activities are answered by mocks, time is virtual. Every test is played twice, the second time with memory lost after
//! every write, and both must come to the same.

mod coverage;
mod host;
mod mock;
mod show;

use std::sync::Arc;

use weft_bytecode::Span;
use weft_bytecode::suite::{Suite, TestDef};
use weft_protocol::limits::Limits;
use weft_vm::Loaded;

use crate::sandbox::Crashes;
use crate::store::StoreError;

pub use coverage::FileCoverage;
use host::Host;

/// How long a test may wait for the end of a run, in virtual time. A run that takes longer waits for something that
/// the test forgot.
pub(crate) const RESULT_WITHIN_MS: i64 = 20 * 365 * 86_400_000;

/// How often the clock may be set forward and an activity be answered in one test: a run that goes on for ever ends here.
pub(crate) const STEPS_MAX: u32 = 100_000;
/// Runs of one test that may be open at once.
const OPEN_RUNS_MAX: usize = 10_000;
/// What may be written from one call of a test, or answer of a mock, until everything is at rest.
const WRITES_AT_ONCE_MAX: u64 = 30_000;
/// What a test may ask for: starts, messages, results, time that passes.
const CALLS_MAX: u32 = 10_000;
/// Instructions from one wait to the next, of a run or a test: two seconds.
const FUEL_ACTIVATION_MAX: u64 = 200_000_000;
/// Bytes of the history of a run.
const HISTORY_BYTES_MAX: usize = 16 << 20;

/// Mocks that a test may write.
pub(crate) const MOCKS_MAX: usize = 1_000;

/// Characters of a value beside the code.
pub const BESIDE_MAX: usize = 60;

/// What a test leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Why it failed, if it did.
    pub problem: Option<Problem>,
    /// What it and its runs logged: level 0 to 3 and text.
    pub logs: Vec<(u8, String)>,
    /// The histories of its runs, by workflow id, in the order they were begun; one line an event.
    pub histories: Vec<(String, Vec<String>)>,
    /// How often something was written.
    pub writes: u64,
    /// What was answered to the test, run ids aside.
    answers: Vec<String>,
}

/// Why a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `WF6001`, where it is one of the documented kinds.
    pub code: Option<&'static str>,
    /// One line, no full stop.
    pub message: String,
    /// The place in the test, or in the code under test.
    pub span: Option<Span>,
    /// What is said at the place.
    pub label: String,
    /// Further places with their words.
    pub also: Vec<(Span, String)>,
    /// What an assertion compared: each side as written and its value.
    pub sides: Vec<(String, String)>,
    /// Further facts, a line each.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>, span: Option<Span>) -> Problem {
        let (label, also, sides, notes) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        Problem { code: None, message: message.into(), span, label, also, sides, notes, help: None }
    }

    fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    fn note(mut self, note: impl Into<String>) -> Problem {
        self.notes.push(note.into());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

/// What holds in tests: a loop that never ends is told within seconds, where a server would let it go on for long.
fn limits_of_tests(limits: Limits) -> Limits {
    Limits {
        fuel_activation_max: limits.fuel_activation_max.min(FUEL_ACTIVATION_MAX),
        history_bytes_max: limits.history_bytes_max.min(HISTORY_BYTES_MAX),
        ..limits
    }
}

/// A suite that is ready to be played.
#[derive(Debug, Clone)]
pub struct Player {
    suite: Arc<Suite>,
    loaded: Arc<Loaded>,
    limits: Limits,
    /// What decides `uuid()` and `random()` in plays after the first.
    resumed_seed: u64,
}

impl Player {
    /// Checks the program of a suite.
    ///
    /// # Errors
    /// If it does not verify, which is a bug of the compiler.
    pub fn new(suite: Suite, limits: Limits) -> Result<Player, weft_bytecode::verify::VerifyError> {
        let loaded = Loaded::new(suite.program.clone())?;
        Ok(Player { suite: Arc::new(suite), loaded, limits: limits_of_tests(limits), resumed_seed: SEED })
    }

    /// As [`Player::new`], and it is kept which lines are executed.
    ///
    /// # Errors
    /// As [`Player::new`].
    pub fn measured(suite: Suite, limits: Limits) -> Result<Player, weft_bytecode::verify::VerifyError> {
        let loaded = Loaded::measured(suite.program.clone())?;
        Ok(Player { suite: Arc::new(suite), loaded, limits: limits_of_tests(limits), resumed_seed: SEED })
    }

    /// Which lines the plays so far, also of clones, went over, if that is [measured](Player::measured).
    pub fn coverage(&self) -> Vec<FileCoverage> {
        coverage::measured(&self.suite, &self.loaded)
    }

    /// With a leak planted: after a restart, runs draw other random numbers. That WF6003 can be found at all is
    /// tested with it.
    #[must_use]
    pub fn with_leak(mut self, seed: u64) -> Player {
        self.resumed_seed = seed;
        self
    }

    /// The tests.
    pub fn tests(&self) -> &[TestDef] {
        &self.suite.tests
    }

    /// The program with its tests.
    pub fn loaded(&self) -> &Arc<Loaded> {
        &self.loaded
    }

    /// Plays a test, and if it passes plays it again with memory lost after every write.
    ///
    /// # Errors
    /// If the journal in memory fails, which is a bug.
    pub async fn play(&self, test: usize) -> Result<Played, StoreError> {
        let first = self.play_with(test, Crashes::ByHand, SEED).await?;
        if first.problem.is_some() || first.writes == 0 {
            return Ok(first);
        }
        let again = self.play_with(test, Crashes::AfterEveryCommit, self.resumed_seed).await?;
        let Some(difference) = difference(&first, &again) else { return Ok(first) };
        for write in 1..=first.writes {
            let once = self.play_with(test, Crashes::After(write), self.resumed_seed).await?;
            if let Some(difference) = self::difference(&first, &once) {
                return Ok(self.diverged(test, first, &once, &format!("after write {write}"), difference));
            }
        }
        Ok(self.diverged(test, first, &again, "after every write", difference))
    }

    async fn play_with(&self, test: usize, crashes: Crashes, seed: u64) -> Result<Played, StoreError> {
        let host = Host::new(self.suite.clone(), self.loaded.clone(), self.limits.clone(), crashes, seed).await?;
        host.play(&self.suite.tests[test]).await
    }

    /// WF6003.
    fn diverged(&self, test: usize, first: Played, other: &Played, when: &str, difference: String) -> Played {
        let message = format!("passes, but gives another result when resumed {when}");
        let mut problem = Problem::new(message, Some(self.suite.tests[test].span)).label("not the same twice");
        problem.code = Some("WF6003");
        problem.notes.push(difference);
        problem.notes.extend(other.problem.iter().map(|other| format!("resumed, it fails: {}", other.message)));
        let problem = problem.help("this is a bug of weft, not of the test: please report it with the project");
        Played { problem: Some(problem), ..first }
    }
}

/// What decides `uuid()` and `random()`: the same in every play.
const SEED: u64 = 0;

/// Whether a run tells others something. When it hears that a word has arrived, and when that a child has started, is of the
/// world outside: told again after a crash, the one may overtake the other.
fn talks(history: &[String]) -> bool {
    let kind = |line: &String| line.split(' ').nth(1).map(str::to_owned);
    history.iter().any(|line| matches!(kind(line).as_deref(), Some("SignalSent" | "CancelSent")))
}

/// Events without their numbers, and without those of the events they speak of, sorted.
fn without_order(history: &[String]) -> Vec<String> {
    let plain = |line: &String| {
        let words = line.split(' ').filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
        words.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = history.iter().map(plain).collect();
    lines.sort_unstable();
    lines
}

/// In what two plays of a test differ, for people.
fn difference(first: &Played, other: &Played) -> Option<String> {
    let line = |lines: &[String], n: usize| lines.get(n).map_or_else(|| "nothing".to_owned(), |l| format!("`{l}`"));
    let unequal = |what: &str, one: &[String], two: &[String]| {
        let n = (0..one.len().max(two.len())).find(|n| one.get(*n) != two.get(*n))?;
        Some(format!("{what}: first {}, resumed {}", line(one, n), line(two, n)))
    };
    for (n, (id, history)) in first.histories.iter().enumerate() {
        match other.histories.get(n) {
            Some((same, resumed)) if same == id => {
                if talks(history) && without_order(history) == without_order(resumed) {
                    continue;
                }
                if let Some(found) = unequal(&format!("history of {id}"), history, resumed) {
                    return Some(found);
                }
            }
            _ => return Some(format!("the run {id} is not there when resumed")),
        }
    }
    if let Some((id, _)) = other.histories.get(first.histories.len()) {
        return Some(format!("the run {id} is there only when resumed"));
    }
    unequal("answers to the test", &first.answers, &other.answers)
        .or_else(|| (first.problem != other.problem).then(|| "the test itself ends otherwise".to_owned()))
}
