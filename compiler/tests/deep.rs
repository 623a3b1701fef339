//! What the parser lets through is not too deep for any later stage, on the small stack of a test's thread.

use weft_bytecode::verify::verify;
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
            if let Some(Err(e)) = analysis.program.as_ref().map(verify) {
                panic!("{open} x {depth} is emitted and refused: {e}");
            }
        }
    }
}

/// What is said of a program, and whether it may run.
fn said(text: String) -> Vec<&'static str> {
    let sources = vec![Source { path: "large.wf".to_owned(), text }];
    let analysis = compile(&Project { name: "large".to_owned(), sources, ..Project::default() });
    if let Some(Err(e)) = analysis.program.as_ref().map(verify) {
        panic!("emitted and refused: {e}");
    }
    analysis.diagnostics.iter().map(|d| d.code).collect()
}

#[test]
fn types_that_no_program_may_hold_are_refused_where_they_are_written() {
    // Each line doubles what the one before stands for.
    let doubled = |lines: usize| {
        let aliases: String = (1..lines).map(|n| format!("type A{n}<T> = A{}<{{ a: T, b: T }}>\n", n - 1)).collect();
        let last = lines - 1;
        format!("type A0<T> = {{ a: T, b: T }}\n{aliases}workflow w(x: A{last}<Int>) -> Int {{ return 1 }}\n")
    };
    assert_eq!(said(doubled(12)), Vec::<&str>::new());
    assert_eq!(said(doubled(13)), ["WF1020"]);
    assert_eq!(said(doubled(60)), ["WF1020"]);
    let nested = |levels: usize| {
        let (open, close) = ("List<".repeat(levels), ">".repeat(levels));
        format!("workflow w(x: {open}Int{close}) -> Int {{ return 1 }}\n")
    };
    // The record of the parameters is one level, and the number another.
    assert_eq!(said(nested(98)), Vec::<&str>::new());
    assert_eq!(said(nested(99)), ["WF1020"]);
    assert_eq!(said(nested(400)), ["WF1020"]);
    // Nobody has written this one.
    let value = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("fn f() -> Int {{\n  let x = {open}1{close}\n  return 1\n}}\n")
    };
    assert_eq!(said(value(99)), Vec::<&str>::new());
    assert_eq!(said(value(100)), ["WF1020"]);
    // A name counts as one, whatever is behind it.
    let named = |levels: usize| {
        let records: String = (1..levels).map(|n| format!("record R{n} {{ a: R{0}, b: R{0} }}\n", n - 1)).collect();
        format!("record R0 {{ a: Int }}\n{records}workflow w(x: R{}) -> Int {{ return 1 }}\n", levels - 1)
    };
    assert_eq!(said(named(60)), Vec::<&str>::new());
}
