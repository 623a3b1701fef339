//! The parser on the listings of the language's own guide, and on everything near them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use weft_compiler::source::FileId;
use weft_compiler::{Diagnostic, syntax};

fn listings() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.push((name, std::fs::read_to_string(&path).unwrap()));
    }
    all.sort();
    assert!(all.len() >= 8);
    all
}

#[test]
fn listings_parse_clean() {
    for (name, text) in listings() {
        let (file, diagnostics) = syntax::parse(FileId(0), &text);
        assert_eq!(diagnostics, [], "{name}");
        assert!(!file.items.is_empty());
        assert!(!format!("{file:?}").contains("Missing"), "{name}");
    }
}

/// `code line:column message` of each.
fn brief(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let before = &text[..d.span.start as usize];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1) + 1;
        out += &format!("{} {line}:{column} {}\n", d.code, d.message);
    }
    out
}

#[test]
fn show() {
    let Ok(path) = std::env::var("SHOW") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    for case in text.split("----\n") {
        let (_, d) = syntax::parse(FileId(0), case);
        println!("{case}=> {}", brief(case, &d));
    }
}
