//! `weft test`: plays the tests of projects on virtual time, side by side, and says what failed.

mod coverage;
mod report;
mod suites;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use weft_runtime::testing::Played;

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Test;
use crate::output::style;
use crate::view::counted;

use super::Context;
use report::Ended;
use suites::{Chosen, Suites};

/// Tests that are played side by side at most.
const THREADS_MAX: usize = 64;

/// Tests the projects that are named.
pub(crate) async fn test(context: &Context, options: Test) -> Outcome {
    let context = context.clone();
    let played = tokio::task::spawn_blocking(move || play(&context, &options)).await;
    played.map_err(|error| {
        Failed::new(Exit::Refused, "internal", "a test broke the test runner").why(error.to_string())
    })?
}

fn play(context: &Context, options: &Test) -> Outcome {
    let begun = Instant::now();
    let suites = Suites::load(&context.out, options)?;
    let chosen = suites.chosen();
    if chosen.is_empty() && !suites.filters.is_empty() {
        let filters: Vec<_> = suites.filters.iter().map(|f| format!("`{f}`")).collect();
        let what = format!("no test has {} in its name", filters.join(" or "));
        return Err(Failed::new(Exit::Refused, "no_such_test", what).help("`weft test --list` shows the tests"));
    }
    if options.list {
        return list(context, &suites, &chosen);
    }
    let mut failed = 0;
    let ended = side_by_side(&chosen, |n, ended| {
        failed += usize::from(!ended.passed());
        report::tell(context, &suites, &chosen[n], ended)
    })?;
    if let Some(file) = &options.junit {
        report::junit(file, &suites, &chosen, &ended)?;
    }
    if options.coverage {
        coverage::tell(context, &suites, options.lcov.as_deref())?;
    }
    if !context.out.json {
        summary(context, chosen.len(), failed, begun.elapsed());
    }
    Ok(if failed > 0 { Exit::EndedOtherwise } else { Exit::Done })
}

fn list(context: &Context, suites: &Suites, chosen: &[Chosen]) -> Outcome {
    for test in chosen {
        let (file, line) = suites.place(test);
        let name = &suites.def(test).name;
        match context.out.json {
            true => context.out.value(&json!({ "test": name, "file": file, "line": line }))?,
            false => context.out.line(&format!("{file}:{line}: {name}"))?,
        }
    }
    Ok(Exit::Done)
}

/// Plays tests on as many threads as there are processors. They are told of in their own order, each as soon as all
/// before it have ended.
fn side_by_side(
    chosen: &[Chosen],
    mut tell: impl FnMut(usize, &Ended) -> Result<(), Failed>,
) -> Result<Vec<Ended>, Failed> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(chosen.len());
    let next = AtomicUsize::new(0);
    let (done, results) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let next = &next;
        for _ in 0..threads {
            let done = done.clone();
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = chosen.get(n) else { return };
                    let begun = Instant::now();
                    let played = futures::executor::block_on(test.player.play(test.test));
                    let played: Result<Played, String> = played.map_err(|error| error.to_string());
                    let ended = Ended { played, took: begun.elapsed() };
                    if done.send((n, ended)).is_err() {
                        return;
                    }
                }
            });
        }
        // What a thread that panics held is gone, so that nobody waits for it.
        drop(done);
        let mut early: BTreeMap<usize, Ended> = BTreeMap::new();
        let mut all = Vec::with_capacity(chosen.len());
        while all.len() < chosen.len() {
            let Ok((n, ended)) = results.recv() else { break };
            early.insert(n, ended);
            while let Some(ended) = early.remove(&all.len()) {
                if let Err(failed) = tell(all.len(), &ended) {
                    // Nobody listens: no further test is begun.
                    next.store(chosen.len(), Ordering::Relaxed);
                    return Err(failed);
                }
                all.push(ended);
            }
        }
        Ok(all)
    })
}

fn summary(context: &Context, count: usize, failed: usize, took: Duration) {
    let out = &context.out;
    let time = format!("{:.2} s", took.as_secs_f64());
    out.say(&match (count, failed) {
        (0, _) => "no tests; `test \"name\" { .. }` declares one".to_owned(),
        (_, 0) => format!("{} in {time}", out.paint(&format!("{} passed", counted(count, "test")), style::GOOD)),
        _ => {
            let words = out.paint(&format!("{} failed", counted(failed, "test")), style::ERROR);
            format!("{words}, {} passed in {time}", count - failed)
        }
    });
}
