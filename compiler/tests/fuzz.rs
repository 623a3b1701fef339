//! The compiler on texts that nobody wrote: mutations of every program in the repository, from a seed. It answers; it
//! does not panic, hang or run out of stack, and what it promises of a text holds. `fuzz/` has the same promises for
//! cargo-fuzz (docs/fuzzing.md).
//!
//! `WEFT_FUZZ_CASES` and `WEFT_FUZZ_SEED` say how many texts, and which; `WEFT_FUZZ_PROMISE`, which promise is asked for
//! (`compiles`, `formats`, `fixes` or `means`; all without it).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "fuzz/corpus.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with fuzz/")]
mod corpus;
#[path = "fuzz/mutate.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with fuzz/")]
mod mutate;
#[path = "fuzz/promises.rs"]
#[allow(unreachable_pub, missing_docs, reason = "shared with fuzz/")]
mod promises;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use mutate::Random;

/// Texts without `WEFT_FUZZ_CASES`: some seconds of an unoptimised build.
const CASES: u64 = 1_500;
/// Longest that one text may take, on a machine that does other things, too.
const CASE_TIME: Duration = Duration::from_secs(60);
/// Bytes of the largest seed: large ones only cost time.
const SEED_BYTES_MAX: usize = 6 << 10;

/// Stack of the threads that compile.
const STACK_BYTES: usize = 512 << 20;
/// Failures that are shown, each made small first.
const FOUND_MAX: usize = 12;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What is asked of each text.
fn promise() -> fn(&str) {
    match std::env::var("WEFT_FUZZ_PROMISE").as_deref() {
        Err(_) => promises::all,
        Ok("compiles") => |text| drop(promises::compiles(text)),
        Ok("formats") => promises::formats,
        Ok("fixes") => promises::fixes,
        Ok("means") => promises::means,
        Ok(other) => panic!("WEFT_FUZZ_PROMISE={other} is none of compiles, formats, fixes, means"),
    }
}

/// Looks at one text; gives the words of the panic.
fn look(text: &str) -> Result<(), String> {
    static PROMISE: std::sync::OnceLock<fn(&str)> = std::sync::OnceLock::new();
    let promise = PROMISE.get_or_init(promise);
    catch_unwind(AssertUnwindSafe(|| promise(text))).map_err(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        words.or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned())).unwrap_or_default()
    })
}

/// The text without whatever its panic does not need.
fn smaller(mut text: String, panic: &str) -> String {
    let first = |panic: &str| {
        panic
            .lines()
            .next()
            .unwrap_or_default()
            .split(|c: char| c.is_ascii_digit() || c == '`')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = first(panic);
    let mut size = mutate::pieces(&text).len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < mutate::pieces(&text).len() {
            let mut left = mutate::pieces(&text);
            left.drain(at..(at + size).min(left.len()));
            let left = left.concat();
            match look(&left) {
                Err(panic) if first(&panic) == wanted => text = left,
                _ => at += size,
            }
        }
        size /= 2;
    }
    text
}

/// Runs `work` on two threads, and says so if one text takes too long.
fn guarded(name: &str, work: impl Fn(u64, &dyn Fn(&str)) + Sync) {
    let (sender, finished) = mpsc::channel::<String>();
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (sender, work) = (sender.clone(), &work);
            let run = move || work(half, &|text| sender.send(text.to_owned()).unwrap_or_default());
            // Deep enough that the compiler needs no thread of its own for each text.
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run).unwrap();
        }
        drop(sender);
        let mut last = String::new();
        loop {
            match finished.recv_timeout(CASE_TIME) {
                Ok(text) => last = text,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    // The thread cannot be stopped; the process can. What a test prints is lost with it.
                    #[allow(clippy::print_stderr, reason = "nothing else is left to say it")]
                    {
                        eprintln!("{name}: more than {CASE_TIME:?} after:\n{last}");
                    }
                    std::process::abort();
                }
            }
        }
    });
}

#[test]
fn mutated_programs_are_answered() {
    let seeds: Vec<_> = corpus::seeds().into_iter().filter(|seed| seed.text.len() <= SEED_BYTES_MAX).collect();
    let words = corpus::words();
    let (cases, seed) = (number("WEFT_FUZZ_CASES", CASES), number("WEFT_FUZZ_SEED", 1));
    let next = AtomicU64::new(0);
    let found = std::sync::Mutex::new(Vec::new());
    guarded("mutated", |_, begin| {
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= cases {
                return;
            }
            let mut random = Random::new(seed.wrapping_mul(1 << 40).wrapping_add(case));
            let (one, other) = (&seeds[random.below(seeds.len())], &seeds[random.below(seeds.len())]);
            let text = mutate::mutate(&mut random, &one.text, &other.text, &words);
            begin(&text);
            if let Err(panic) = look(&text) {
                let mut found = found.lock().unwrap();
                if found.len() < FOUND_MAX {
                    let text = smaller(text, &panic);
                    found.push(format!("case {case} of seed {seed}, from {}:\n{panic}\n---\n{text}\n---", one.name));
                }
            }
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{} of {cases} texts\n{}", found.len(), found.join("\n"));
}

/// What fuzzing found once, each a text under the name of what was wrong.
#[test]
fn what_was_found_stays_mended() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/found");
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        if let Err(panic) = look(&text) {
            failures.push(format!("{}: {panic}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every seed itself, wrong or not.
#[test]
fn every_program_of_the_repository_keeps_the_promises() {
    let seeds = corpus::seeds();
    guarded("seeds", |half, begin| {
        for seed in seeds.iter().skip(half as usize).step_by(2) {
            begin(&seed.text);
            look(&seed.text).unwrap_or_else(|panic| panic!("{}: {panic}", seed.name));
        }
    });
}
