//! `weft check`: compiles and says what is wrong.

use crate::compile::{self, Stream};
use crate::exit::{Exit, Outcome};
use crate::options::Source;
use crate::output::style;
use crate::project;
use crate::view::counted;

use super::Context;

/// Names of workflows listed at most.
const NAMES_MAX: usize = 10;

/// Checks a project.
pub(crate) fn check(context: &Context, options: &Source) -> Outcome {
    let found = project::load(&options.path)?;
    let program = compile::compile(&context.out, &found, Stream::Data)?;
    if !context.out.json {
        let mut workflows: Vec<_> = program.workflows.iter().take(NAMES_MAX).map(|w| w.name.as_str()).collect();
        if program.workflows.len() > NAMES_MAX {
            workflows.push("…");
        }
        let lines = found.project.sources.iter().map(|s| s.text.lines().count()).sum();
        let (files, lines) = (counted(found.project.sources.len(), "file"), counted(lines, "line"));
        let good = context.out.paint("no errors", style::GOOD);
        let list = if workflows.is_empty() { "no workflows".to_owned() } else { workflows.join(", ") };
        context.out.say(&format!("{good} in {files}, {lines}: {list}"));
    }
    Ok(Exit::Done)
}
