//! `weft fmt`: sources in the one layout.

use std::io::Read;

use serde_json::json;
use weft_compiler::syntax::SOURCE_BYTES_MAX;
use weft_compiler::{FileId, Project, Source, format};

use crate::compile::Stream;
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Fmt;
use crate::output::style;
use crate::project;
use crate::view::safe::safe_line;
use crate::view::{counted, diagnostics};

use super::Context;

/// Lays out a project, a file or standard input. Declarations that cannot be read stay as they are.
pub(crate) fn fmt(context: &Context, options: &Fmt) -> Outcome {
    if options.stdin {
        return standard_input(context, options.check);
    }
    let found = project::load(&options.path)?;
    let sources = &found.project.sources;
    let (mut changed, mut unreadable) = (0, 0);
    for (source, format::Formatted { text: neat, errors }) in sources.iter().zip(format::all(sources)) {
        if found.file.as_ref().is_some_and(|file| *file != source.path) {
            continue;
        }
        if !errors.is_empty() {
            unreadable += 1;
            diagnostics::show(&context.out, &found.project, &errors, Stream::Talk)?;
        }
        let differs = neat != source.text;
        changed += usize::from(differs);
        if differs && !options.check {
            project::replace(&found.root.join(&source.path), &neat)?;
        }
        if context.out.json {
            context.out.value(&json!({ "file": source.path, "changed": differs }))?;
        } else if differs {
            context.out.line(&safe_line(&source.path))?;
        }
    }
    let wrong = options.check && changed > 0;
    if !context.out.json {
        let files = counted(changed, "file");
        context.out.say(&match (changed, options.check) {
            (0, _) => context.out.paint("nothing to format", style::GOOD),
            (_, false) => format!("{} {files}", context.out.paint("formatted", style::GOOD)),
            (_, true) => format!(
                "{} of {files} is not formatted; `weft fmt` does it",
                context.out.paint("the layout", style::ERROR)
            ),
        });
    }
    Ok(if wrong || unreadable > 0 { Exit::Program } else { Exit::Done })
}

fn standard_input(context: &Context, check: bool) -> Outcome {
    let mut text = String::new();
    let most = SOURCE_BYTES_MAX as u64 + 1;
    std::io::stdin()
        .lock()
        .take(most)
        .read_to_string(&mut text)
        .map_err(|e| Failed::io("cannot read standard input", &e))?;
    let source = Source { path: "standard input".into(), text };
    let project = Project { sources: vec![source], ..Project::default() };
    let text = &project.sources[0].text;
    let format::Formatted { text: neat, errors } = format::format(FileId(0), text);
    diagnostics::show(&context.out, &project, &errors, Stream::Talk)?;
    let wrong = !errors.is_empty() || check && neat != *text;
    if !check {
        context.out.data(&neat)?;
    }
    Ok(if wrong { Exit::Program } else { Exit::Done })
}
