//! What the parser lets through is not too deep for any later stage, on the small stack of a test's thread.

use weft_compiler::source::Source;
use weft_compiler::{Project, compile};

#[test]
fn every_stage_survives_the_deepest_programs() {
    let shapes: &[(&str, &str, &str, &str)] = &[
        ("fn a(x: Int) -> Int = ", "(", "x", ")"),
        ("fn a(x: Int) -> Int = ", "a(", "x", ")"),
        ("fn a(x: Int) -> Int = x", " + x", "", ""),
        ("fn a(x: Int) -> Int = ", "-", "x", ""),
        ("fn a(x: Int) -> Int { ", "if x > 0 { ", "", "} "),
        ("fn a(x: Int) -> Int { ", "{ ", "", "} "),
        ("fn a(x: Int) -> Int { if x > 0 { return 1 }", " else if x > 1 { return 2 }", "", ""),
        ("fn a(x: Int) -> String = ", "\"{", "x", "}\""),
        ("fn a(x: Int) -> Int = match x { _ => ", "{ match x { _ => ", "1", "} }"),
        ("fn a(x: Int) -> Json = ", "[", "x", "]"),
        ("fn a(x: ", "List<", "Int", ">"),
        ("fn a(x: Int?) -> Int = ", "x ?? ", "1", ""),
        ("workflow a() { ", "parallel { ", "now()", "}"),
        ("workflow a() { ", "try { ", "sleep 1s ", "} catch Timeout { }"),
        (
            "activity b() -> Int with { queue: \"q\", timeout: 1s }\nworkflow a() -> Int { return b()",
            " catch Timeout => b()",
            "",
            "",
        ),
    ];
    for (start, open, middle, close) in shapes {
        for depth in [10, 120, 250, 400, 1_000] {
            let ends = start.matches(['{', '(']).count().saturating_sub(start.matches(['}', ')']).count());
            let end = if start.contains("workflow") || ends > 0 { " }" } else { "" };
            let text = format!("{start}{}{middle}{}{end}\n", open.repeat(depth), close.repeat(depth));
            let sources = vec![Source { path: "deep.wf".to_owned(), text }];
            let analysis = compile(&Project { name: "deep".to_owned(), sources, ..Project::default() });
            assert!(!analysis.diagnostics.is_empty() || analysis.program.is_some(), "{open} x {depth}");
        }
    }
}
