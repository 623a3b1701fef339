//! Runs that do not follow code, for people: those that part from it at the same place together.

use std::collections::BTreeMap;

use weft_protocol::moving::{CodeLine, NotMoved};

use super::counted;
use super::safe::safe_line;
use crate::output::{Output, style};

/// Runs named of each place.
const EXAMPLES_MAX: usize = 5;

/// Where runs part from code.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    workflow: &'a str,
    new: Option<&'a CodeLine>,
    old: Option<&'a CodeLine>,
    stuck: bool,
}

/// Some lines for each place, indented; `total` may be more than are named.
pub(crate) fn not_followed(out: &Output, named: &[NotMoved], total: u64) -> String {
    let mut places: BTreeMap<Place<'_>, Vec<&NotMoved>> = BTreeMap::new();
    for run in named {
        let (new, old) = (run.new.as_ref(), run.old.as_ref());
        places.entry(Place { workflow: &run.workflow, new, old, stuck: run.stuck }).or_default().push(run);
    }
    let mut lines = Vec::new();
    for (place, runs) in &places {
        let stuck = if place.stuck { ", stuck" } else { "" };
        lines.push(format!("  {}: {}{stuck}", place.workflow, counted(runs.len(), "run")));
        for (name, line) in [("new code", place.new), ("old code", place.old)] {
            if let Some(line) = line {
                let text = format!("{name}  {}  {}", line.source, safe_line(&line.text));
                lines.push(format!("    {}", out.paint(&text, style::STRONG)));
            }
        }
        lines.push(format!("    {}", safe_line(&runs[0].why)));
        let mut examples: Vec<String> = runs.iter().take(EXAMPLES_MAX).map(|run| example(run)).collect();
        if runs.len() > EXAMPLES_MAX {
            examples.push(format!("and {} more", runs.len() - EXAMPLES_MAX));
        }
        lines.push(format!("    {}", out.paint(&examples.join(", "), style::DIM)));
    }
    let more = total.saturating_sub(named.len() as u64);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

fn example(run: &NotMoved) -> String {
    let id = safe_line(&run.workflow_id);
    match run.event {
        Some(event) => format!("{id} (event {event})"),
        None => id.into_owned(),
    }
}
