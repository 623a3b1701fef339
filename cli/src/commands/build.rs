//! `weft build`: a project as bytecode, to a file or for reading.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::json;
use weft_bytecode::codec;

use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Build;
use crate::output::style;
use crate::project;

use super::Context;

/// Compiles a project.
pub(crate) fn build(context: &Context, options: &Build) -> Outcome {
    let found = project::load(&options.path)?;
    let program = compile::compile(&context.out, &found, Stream::Talk)?;
    let bytes = codec::encode(&program);
    let hash = codec::hash(&bytes).to_string();
    let max = found.limits.program_bytes_max;
    if bytes.len() > max {
        let what = format!("the program has {} bytes, above the limit program_bytes_max of {max}", bytes.len());
        return Err(Failed::new(Exit::Program, "program_bytes_max", what));
    }
    if let Some(file) = &options.output {
        may_write(file)?;
        std::fs::write(file, &bytes).map_err(|e| Failed::io(format!("cannot write {}", file.display()), &e))?;
    }
    if context.out.json {
        let workflows: Vec<_> = program.workflows.iter().map(|w| w.name.as_str()).collect();
        let mut answer =
            json!({ "project": program.project, "program": hash, "bytes": bytes.len(), "workflows": workflows });
        if options.listing {
            answer["listing"] = program.listing().into();
        }
        context.out.value(&answer)?;
    } else if options.listing {
        context.out.data(&program.listing())?;
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

/// Refuses to write a program over what is none: a mistyped name must not cost a source.
fn may_write(file: &Path) -> Result<(), Failed> {
    let refused = |what: String| Failed::usage(what).help("name another file with -o, such as `project.weft`");
    if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("wf")) {
        return Err(refused(format!("{} would be a source file, and a program is none", file.display())));
    }
    if !file.is_file() {
        return Ok(());
    }
    let mut first = Vec::new();
    let read = File::open(file).and_then(|f| f.take(codec::MAGIC.len() as u64).read_to_end(&mut first));
    read.map_err(|e| Failed::io(format!("cannot look at {}", file.display()), &e))?;
    match first.is_empty() || first == codec::MAGIC {
        true => Ok(()),
        false => Err(refused(format!("{} exists and is no compiled program; it is left as it is", file.display()))),
    }
}
