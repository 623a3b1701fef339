//! `weft fix`: makes the edits of diagnostics that need no person to look.

use serde_json::json;
use weft_compiler::{Severity, fix};

use crate::compile::Stream;
use crate::exit::{Exit, Outcome};
use crate::options::Source;
use crate::output::style;
use crate::project;
use crate::view::safe::safe_line;
use crate::view::{counted, diagnostics};

use super::Context;

/// Fixes a project and says what is left.
pub(crate) fn fix(context: &Context, options: &Source) -> Outcome {
    let found = project::load(&options.path)?;
    let fixed = fix::fix(&found.project);
    for (before, after) in found.project.sources.iter().zip(&fixed.project.sources) {
        if before.text != after.text {
            project::replace(&found.root.join(&after.path), &after.text)?;
        }
    }
    for done in &fixed.done {
        if context.out.json {
            context.out.value(&json!({ "file": done.path, "line": done.line, "fix": done.title }))?;
        } else {
            context.out.line(&format!("{}:{}: {}", safe_line(&done.path), done.line, safe_line(&done.title)))?;
        }
    }
    diagnostics::show(&context.out, &fixed.project, &fixed.left, Stream::Talk)?;
    if !context.out.json {
        context.out.say(&match fixed.done.len() {
            0 => "nothing to fix".to_owned(),
            n => format!("{} {}", context.out.paint("fixed", style::GOOD), counted(n, "mistake")),
        });
    }
    let errors = fixed.left.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Ok(if errors { Exit::Program } else { Exit::Done })
}
