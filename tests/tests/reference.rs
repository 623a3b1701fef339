//! Every program of the language's reference compiles as it stands there. What it does is in the cases of
//! `tests/conformance/reference`.

use weft_compiler::{Project, Severity, compile};
use weft_tests::reference;

#[test]
fn every_block_compiles() {
    let mut said = String::new();
    for name in reference::names() {
        let sources = reference::sources(name).unwrap_or_default();
        let project = Project { name: name.to_owned(), edition: "2026".to_owned(), sources, ..Project::default() };
        let analysis = compile(&project);
        let shown = weft_compiler::diagnostic::Sources::new(&project.sources);
        for diagnostic in analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
            said += &shown.plain(diagnostic);
        }
    }
    assert!(said.is_empty(), "{said}");
}
