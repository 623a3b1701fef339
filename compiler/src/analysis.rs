//! The compiler's front door.

use weft_bytecode::Program;

use crate::diagnostic::Diagnostic;
use crate::source::Source;

/// What is compiled together into one program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// Project name.
    pub name: String,
    /// Language edition.
    pub edition: String,
    /// Sources in a stable order.
    pub sources: Vec<Source>,
}

/// What is known about a project.
#[derive(Debug)]
pub struct Analysis {
    /// Everything there is to say, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The program, if there are no errors.
    pub program: Option<Program>,
}

/// Compiles a project. Never fails: mistakes are diagnostics.
pub fn compile(project: &Project) -> Analysis {
    let _ = project;
    Analysis { diagnostics: Vec::new(), program: None }
}
