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
    /// Options that hold where neither a call site, a declaration nor a file's `default` says otherwise.
    pub defaults: Defaults,
}

/// The tables `[activity]` and `[workflow]` of `weft.toml`. An option whose value is a `String` (`queue`, `http`, `id`, …)
/// has its text as it is; any other is in the syntax of the language: `30s`, `backoff(first: 1s)`, `true`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// Options of activities, name and text.
    pub activity: Vec<(String, String)>,
    /// Options of workflows, name and text.
    pub workflow: Vec<(String, String)>,
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
