//! `weft build`: a project as bytecode, to a file or for reading.

use serde_json::json;
use weft_bytecode::codec;

use crate::compile;
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Build;
use crate::output::style;
use crate::project;

use super::Context;

/// Compiles a project.
pub(crate) fn build(context: &Context, options: &Build) -> Outcome {
    let found = project::load(&options.path)?;
    let program = compile::compile(&context.out, &found)?;
    let bytes = codec::encode(&program);
    let hash = codec::hash(&bytes).to_string();
    let max = found.limits.program_bytes_max;
    if bytes.len() > max {
        let what = format!("the program has {} bytes, above the limit program_bytes_max of {max}", bytes.len());
        return Err(Failed::new(Exit::Program, "program_bytes_max", what));
    }
    if let Some(file) = &options.output {
        std::fs::write(file, &bytes).map_err(|e| Failed::io(format!("cannot write {}", file.display()), &e))?;
    }
    if options.listing {
        context.out.data(&program.listing())?;
    } else if context.out.json {
        let workflows: Vec<_> = program.workflows.iter().map(|w| w.name.as_str()).collect();
        let answer =
            json!({ "project": program.project, "program": hash, "bytes": bytes.len(), "workflows": workflows });
        context.out.value(&answer)?;
    } else {
        context.out.line(&hash)?;
        let place = options.output.as_ref().map_or(String::new(), |f| format!(" to {}", f.display()));
        context.out.say(&format!(
            "{} {}, {} bytes{place}",
            context.out.paint("built", style::GOOD),
            program.project,
            bytes.len()
        ));
    }
    Ok(Exit::Done)
}
