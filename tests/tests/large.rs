//! A project of many files that import each other: it compiles, and is laid out already. How fast is a figure of the
//! benchmark `startup`.

use weft_compiler::{Project, Source, compile, format};
use weft_tests::project;

/// Files: enough for every part of three domains, and for more than one thread.
const FILES: usize = 25;

#[test]
fn many_modules_are_one_program() {
    let modules = project::modules(FILES);
    let sources: Vec<Source> = modules.into_iter().map(|m| Source { path: m.path, text: m.text }).collect();
    let formatted = format::all(&sources);
    for (source, formatted) in sources.iter().zip(&formatted) {
        assert_eq!(formatted.errors, [], "{}", source.path);
        assert_eq!(source.text, formatted.text, "{}", source.path);
    }
    let analysis = compile(&Project { name: "large".into(), edition: "2026".into(), sources, ..Project::default() });
    assert_eq!(analysis.diagnostics, []);
    let program = analysis.program.expect("it compiles");
    assert_eq!((program.sources.len(), program.workflows.len()), (FILES, FILES / 5 * 8));
}
