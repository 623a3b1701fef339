//! A project as found on disk → a Program, with what the compiler has to say shown to the person.

use weft_bytecode::Program;

use crate::exit::{Exit, Failed};
use crate::output::Output;
use crate::project::Found;
use crate::view::diagnostics;

/// What diagnostics are to the program that asked for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// What the command is for: lines of stdout.
    Data,
    /// Said on the way: lines of stderr, each `{"diagnostic": …}`.
    Talk,
}

/// Compiles a project and shows its diagnostics: on stderr for people, with `--json` where they belong.
///
/// # Errors
/// If the program has errors; they have been shown.
pub(crate) fn compile(out: &Output, found: &Found, stream: Stream) -> Result<Program, Failed> {
    let analysis = weft_compiler::compile(&found.project);
    diagnostics::show(out, &found.project, &analysis.diagnostics, stream)?;
    analysis.program.ok_or_else(|| Failed::silent(Exit::Program))
}
