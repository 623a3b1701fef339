//! Which lines the tests went over: for people, for programs, as lcov.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use weft_runtime::testing::FileCoverage;

use super::suites::Suites;
use crate::commands::Context;
use crate::exit::Failed;
use crate::output::style;
use crate::view::counted;
use crate::view::safe::safe_line;

/// A file that was measured.
struct Measured {
    project: String,
    /// On disk.
    path: PathBuf,
    /// As people know it.
    shown: String,
    file: FileCoverage,
}

/// Says which lines were executed, and writes them as lcov if that is wanted.
pub(super) fn tell(context: &Context, suites: &Suites, lcov: Option<&Path>) -> Result<(), Failed> {
    let files = measured(suites);
    if let Some(file) = lcov {
        write_lcov(file, &files)?;
    }
    let out = &context.out;
    if out.json {
        for Measured { project, shown, file, .. } in &files {
            out.value(&json!({
                "coverage": shown,
                "project": project,
                "lines": file.lines.len(),
                "covered": file.covered(),
                "percent": (percent(file.covered(), file.lines.len()) * 10.0).round() / 10.0,
                "uncovered": file.uncovered().collect::<Vec<_>>(),
            }))?;
        }
        return Ok(());
    }
    let width = files.iter().map(|m| m.shown.chars().count()).max().unwrap_or(0);
    for Measured { shown, file, .. } in &files {
        let (covered, all) = (file.covered(), file.lines.len());
        let number = format!("{:5.1} %", percent(covered, all));
        let number = out.paint_out(&number, if covered == all { style::GOOD } else { style::ERROR });
        let mut line = format!("{number}  {:width$}  {covered} of {}", safe_line(shown), counted(all, "line"));
        if covered < all {
            let _ = write!(line, ", not {}", ranges(file));
        }
        out.line(&line)?;
    }
    if files.len() > 1 {
        let covered = files.iter().map(|m| m.file.covered()).sum();
        let all = files.iter().map(|m| m.file.lines.len()).sum();
        out.line(&format!("{:5.1} %  {:width$}  {covered} of {}", percent(covered, all), "all", counted(all, "line")))?;
    }
    Ok(())
}

/// The files of all projects; one that was named twice is one.
fn measured(suites: &Suites) -> Vec<Measured> {
    let mut all: Vec<Measured> = Vec::new();
    for (found, player) in suites.projects() {
        for file in player.coverage() {
            let path = found.root.join(&file.path);
            let project = found.project.name.clone();
            let shown = suites.shown(found, &file.path);
            match all.iter_mut().find(|known| known.path == path) {
                None => all.push(Measured { project, path, shown, file }),
                Some(known) => {
                    for (line, covered) in file.lines {
                        *known.file.lines.entry(line).or_default() |= covered;
                    }
                }
            }
        }
    }
    all
}

fn percent(covered: usize, all: usize) -> f64 {
    covered as f64 * 100.0 / all.max(1) as f64
}

/// `14, 20-22`: lines without code do not part what stands around them.
fn ranges(file: &FileCoverage) -> String {
    let lines: Vec<(u32, bool)> = file.lines.iter().map(|(line, covered)| (*line, *covered)).collect();
    let gaps = lines.chunk_by(|one, next| one.1 == next.1).filter(|gap| !gap[0].1);
    let shown = gaps.map(|gap| match (gap[0].0, gap[gap.len() - 1].0) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn write_lcov(file: &Path, files: &[Measured]) -> Result<(), Failed> {
    let mut text = String::new();
    for Measured { path, file, .. } in files {
        let _ = writeln!(text, "TN:\nSF:{}", path.display());
        for (line, covered) in &file.lines {
            let _ = writeln!(text, "DA:{line},{}", u8::from(*covered));
        }
        let _ = writeln!(text, "LF:{}\nLH:{}\nend_of_record", file.lines.len(), file.covered());
    }
    std::fs::write(file, text).map_err(|e| Failed::io(format!("cannot write {}", file.display()), &e))
}
