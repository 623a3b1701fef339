//! Which lines of the code under test were executed.

use std::collections::BTreeMap;

use weft_bytecode::suite::Suite;
use weft_bytecode::{FuncId, Op};
use weft_vm::Loaded;

/// A source file and its lines that hold code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCoverage {
    /// Its path in the project.
    pub path: String,
    /// Lines, from 1, and whether something on them was executed.
    pub lines: BTreeMap<u32, bool>,
}

impl FileCoverage {
    /// How many of its lines were executed.
    pub fn covered(&self) -> usize {
        self.lines.values().filter(|covered| **covered).count()
    }

    /// The lines that were not.
    pub fn uncovered(&self) -> impl Iterator<Item = u32> + '_ {
        self.lines.iter().filter(|(_, covered)| !**covered).map(|(line, _)| *line)
    }
}

/// The files of a project that hold code which is not of tests, in the project's order.
pub(super) fn measured(suite: &Suite, loaded: &Loaded) -> Vec<FileCoverage> {
    let program = loaded.program();
    let starts: Vec<Vec<usize>> = program.sources.iter().map(|source| line_starts(&source.text)).collect();
    let mut lines: Vec<BTreeMap<u32, bool>> = vec![BTreeMap::new(); starts.len()];
    for func in 0..suite.first_function {
        let func = FuncId(func);
        for (pc, executed) in (0u32..).zip(loaded.executed(func)) {
            let Some(op) = program.functions[usize::from(func.0)].code[pc as usize].op() else { continue };
            // What only leads from one piece of code to another has the place of a neighbour.
            if matches!(op, Op::Fuel | Op::Jump | Op::Unreachable | Op::Arg) {
                continue;
            }
            let Some(span) = program.site(func, pc) else { continue };
            // The standard library is none of the project's sources.
            let Some(starts) = starts.get(usize::from(span.file)) else { continue };
            let line = |at: u32| starts.partition_point(|start| *start <= at as usize) as u32;
            // A `try` throws on what none of its `catch`es takes: nobody wrote that line for it.
            if op == Op::Throw && !executed && line(span.start) < line(span.end) {
                continue;
            }
            *lines[usize::from(span.file)].entry(line(span.start)).or_default() |= executed;
        }
    }
    let files = program.sources.iter().zip(lines).filter(|(_, lines)| !lines.is_empty());
    files.map(|(source, lines)| FileCoverage { path: source.path.clone(), lines }).collect()
}

/// Where each line begins.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
