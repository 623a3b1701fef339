//! Where the patches of a program are, and which workflows can come to them.

use std::collections::BTreeSet;

use crate::op::Op;
use crate::program::{FuncId, PatchMode, Program, Span, WorkflowDef};
use crate::verify::after;

/// One patch id of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPlaces {
    /// Its id.
    pub id: String,
    /// When it is decided; all its places agree.
    pub mode: PatchMode,
    /// Where it is written, in the order of the sources.
    pub sites: Vec<Span>,
    /// Workflows that can come to it, as indexes.
    pub workflows: Vec<u16>,
}

impl PatchMode {
    /// As it is written, and `once` where nothing is.
    pub fn name(self) -> &'static str {
        match self {
            PatchMode::Once => "once",
            PatchMode::Each => "each",
            PatchMode::Sticky => "sticky",
            PatchMode::Deprecated => "deprecated",
        }
    }
}

impl Program {
    /// All patches, in the order of the sources. The program is verified.
    pub fn patch_places(&self) -> Vec<PatchPlaces> {
        let functions: Vec<Found> = (0..self.functions.len()).map(|index| self.found_in(index)).collect();
        let mut places: Vec<PatchPlaces> = Vec::new();
        for found in &functions {
            for (patch, span) in &found.patches {
                let def = &self.patches[usize::from(*patch)];
                match places.iter_mut().find(|place| place.id == def.id) {
                    Some(place) => place.sites.push(*span),
                    None => places.push(PatchPlaces {
                        id: def.id.clone(),
                        mode: def.mode,
                        sites: vec![*span],
                        workflows: Vec::new(),
                    }),
                }
            }
        }
        for place in &mut places {
            // A function with type parameters is compiled once for each use.
            place.sites.sort_by_key(|span| (span.file, span.start));
            place.sites.dedup();
        }
        places.sort_by_key(|place| (place.sites[0].file, place.sites[0].start));
        for (workflow, index) in self.workflows.iter().zip(0u16..) {
            let reached = reached(workflow, &functions);
            let patches = reached.iter().flat_map(|func| &functions[usize::from(*func)].patches);
            let ids: BTreeSet<&str> = patches.map(|(patch, _)| self.patches[usize::from(*patch)].id.as_str()).collect();
            places.iter_mut().filter(|place| ids.contains(place.id.as_str())).for_each(|p| p.workflows.push(index));
        }
        places
    }

    /// The line of a place as it is written, without the space around it.
    pub fn line_text(&self, span: Span) -> String {
        let Some(source) = self.sources.get(usize::from(span.file)) else { return String::new() };
        let at = (span.start as usize).min(source.text.len());
        let begin = source.text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        source.text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim().to_owned()
    }

    fn found_in(&self, index: usize) -> Found {
        let function = &self.functions[index];
        let mut found = Found::default();
        let mut pc = 0;
        while let Some(instr) = function.code.get(pc as usize) {
            let Some(op) = instr.op() else { break };
            match op {
                Op::Call | Op::Closure | Op::ScopeSpawn => found.calls.push(instr.b()),
                Op::Patch => {
                    let span = self.site(FuncId(index as u16), pc).unwrap_or(Span { file: 0, start: 0, end: 0 });
                    found.patches.push((instr.b(), span));
                }
                _ => {}
            }
            pc = after(op, *instr, pc);
        }
        found
    }
}

/// What matters here of a function.
#[derive(Debug, Default)]
struct Found {
    calls: Vec<u16>,
    patches: Vec<(u16, Span)>,
}

fn reached(workflow: &WorkflowDef, functions: &[Found]) -> BTreeSet<u16> {
    let mut work: Vec<u16> = workflow.updates.iter().map(|update| update.body.0).collect();
    work.push(workflow.body.0);
    let mut seen = BTreeSet::new();
    while let Some(func) = work.pop() {
        if seen.insert(func) {
            work.extend(&functions[usize::from(func)].calls);
        }
    }
    seen
}
