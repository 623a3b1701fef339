//! A project as found on disk → a Program, with what the compiler has to say shown to the person.

use weft_bytecode::Program;

use crate::exit::{Exit, Failed};
use crate::output::Output;
use crate::project::Found;
use crate::view::diagnostics;

/// Compiles a project and shows its diagnostics: on stderr for people, on stdout with `--json`.
///
/// # Errors
/// If the program has errors; they have been shown.
pub(crate) fn compile(out: &Output, found: &Found) -> Result<Program, Failed> {
    let analysis = weft_compiler::compile(&found.project);
    diagnostics::show(out, &found.project, &analysis.diagnostics)?;
    analysis.program.ok_or_else(|| Failed::silent(Exit::Program))
}
