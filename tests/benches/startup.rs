//! How long a person waits: `weft check` on a long program, `check` and `fmt` on a project of many files, and `weft run` from spawn to the first scheduled activity.
//! Prints medians; times are figures for docs/performance.md, never a test.
//!
//!     cargo bench --package weft-tests --bench startup

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weft_tests::binary::weft;
use weft_tests::project;

/// Times each figure is taken.
const ROUNDS: usize = 20;
/// Lines of the long program, at least.
const LINES: usize = 10_000;
/// Files of the large project, of about two hundred lines each.
const FILES: usize = 500;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the programs");
    let weft = weft();

    let long = folder.path().join("long.wf");
    let text = project::long_program(LINES);
    std::fs::write(&long, &text).expect("the folder may be written");
    let took = median(|_| on(&weft, "check", &long));
    println!("weft check, {} lines: {took:?} (median of {ROUNDS})", text.lines().count());

    let large = folder.path().join("large");
    std::fs::create_dir(&large).expect("the folder may be written");
    project::write(&large, FILES).expect("the folder may be written");
    let lines: usize = project::modules(FILES).iter().map(|module| module.text.lines().count()).sum();
    for command in ["check", "fmt"] {
        let took = median(|_| on(&weft, command, &large));
        println!("weft {command}, {lines} lines in {FILES} files: {took:?} (median of {ROUNDS})");
    }

    let small = "activity step() with { builtin: \"noop\" }\n\nworkflow small() {\n  step()\n}\n";
    let took = median(|round| {
        let fresh = folder.path().join(format!("fresh-{round}"));
        std::fs::create_dir(&fresh).expect("the folder may be written");
        std::fs::write(fresh.join("small.wf"), small).expect("the folder may be written");
        first_line(&weft, &fresh)
    });
    println!(
        "weft run, spawn to the line of the first scheduled activity: {took:?} (median of {ROUNDS}, fresh folders)"
    );
}

fn median(mut measure: impl FnMut(usize) -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(&mut measure).collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn on(weft: &Path, command: &str, path: &Path) -> Duration {
    let start = Instant::now();
    let done = Command::new(weft).arg(command).arg(path).output().expect("weft starts");
    let took = start.elapsed();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    took
}

fn first_line(weft: &Path, folder: &Path) -> Duration {
    let start = Instant::now();
    let mut run = Command::new(weft)
        .args(["run", "small.wf"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("weft starts");
    let mut progress = BufReader::new(run.stderr.take().expect("its standard error is a pipe"));
    let (mut line, mut seen) = (String::new(), String::new());
    while !line.contains("scheduled step") {
        seen.push_str(&std::mem::take(&mut line));
        assert!(progress.read_line(&mut line).expect("lines are text") > 0, "no step was scheduled:\n{seen}");
    }
    let took = start.elapsed();
    progress.read_to_string(&mut seen).expect("lines are text");
    assert!(run.wait().expect("it ends").success(), "{seen}");
    took
}
