//! Tables of sources and what the compiler says about them.

use crate::{Analysis, Project, Source, compile};

/// Compiles one file.
pub(crate) fn analyze(text: &str) -> Analysis {
    let sources = vec![Source { path: "main.wf".into(), text: text.into() }];
    compile(&Project { name: "test".into(), edition: "2026".into(), sources, ..Project::default() })
}

/// The diagnostics as `line CODE message`.
pub(crate) fn said(text: &str) -> Vec<String> {
    let analysis = analyze(text);
    let line = |at: u32| 1 + text[..at as usize].matches('\n').count();
    analysis.diagnostics.iter().map(|d| format!("{} {} {}", line(d.span.start), d.code, d.message)).collect()
}

mod diagnostics;
mod index;
mod programs;
mod projects;
mod stdlib;
