//! Every code has a page, every page a code, and what the pages show is true.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::Path;

use weft_compiler::diagnostic::{Sources, explain, pages};
use weft_compiler::source::Source;
use weft_compiler::{Project, Severity, compile};

/// Codes whose wrong example would fill megabytes; `tests/parse.rs` provokes them.
const TOO_LARGE_TO_SHOW: &[&str] = &["WF0005", "WF0007"];

/// Codes that a test gets when it is played; `tests/tests/testing.rs` provokes them.
const WHEN_PLAYED: &[&str] = &["WF6001", "WF6003"];

/// Codes of the comparison of a new version with open runs, which this version has not: their pages say so. What they call
/// wrong is a program as good as any; only next to the one that is live it is not.
const OF_THE_UPGRADE_CHECK: &[&str] =
    &["WF5101", "WF5102", "WF5103", "WF5104", "WF5105", "WF5106", "WF5107", "WF5108", "WF5109"];

/// The codes written in the compiler's sources.
fn emitted(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            emitted(&path, codes);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("diagnostic/explain.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for piece in text.split("\"WF").skip(1) {
                let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
                if digits.len() == 4 && piece[4..].starts_with('"') {
                    codes.insert(format!("WF{digits}"));
                }
            }
        }
    }
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut codes = BTreeSet::new();
    emitted(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut codes);
    codes.extend(WHEN_PLAYED.iter().map(|code| (*code).to_owned()));
    for code in OF_THE_UPGRADE_CHECK {
        assert!(codes.insert((*code).to_owned()), "{code} is reported, so its page is one like the others");
    }
    let known: BTreeSet<String> = pages().map(|(code, _)| code.to_owned()).collect();
    assert_eq!(codes.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "codes without a page");
    assert_eq!(known.difference(&codes).collect::<Vec<_>>(), Vec::<&String>::new(), "pages without a code");
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors")).unwrap();
    let files: BTreeSet<String> =
        files.map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(files, known, "files and table");
}

#[test]
fn pages_are_found_by_code() {
    for (code, page) in pages() {
        assert_eq!(explain(code), Some(page));
        assert!(page.starts_with(&format!("# {code}: ")), "{code}: the first line is the title");
    }
    assert_eq!(explain("WF9999"), None);
    assert_eq!(explain(""), None);
}

/// The program below a heading.
fn example<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let section = page.split_once(&format!("\n## {heading}\n"))?.1;
    Some(section.split_once("```wf\n")?.1.split_once("```")?.0)
}

/// The diagnostics of a program, as codes and as text.
fn said(text: &str) -> (Vec<(Severity, &'static str)>, String) {
    let sources = vec![Source { path: "example.wf".to_owned(), text: text.to_owned() }];
    let project = Project { name: "example".to_owned(), edition: "2026".to_owned(), sources, ..Project::default() };
    let analysis = compile(&project);
    let sources = Sources::new(&project.sources);
    let text = analysis.diagnostics.iter().map(|d| sources.plain(d)).collect();
    (analysis.diagnostics.iter().map(|d| (d.severity, d.code)).collect(), text)
}

#[test]
fn the_wrong_example_gives_the_code_and_the_right_one_none() {
    let mut failures = String::new();
    for (code, page) in pages() {
        let right = example(page, "Right").unwrap_or_else(|| panic!("{code} has no right example"));
        let (codes, text) = said(right);
        if codes.iter().any(|(severity, _)| *severity == Severity::Error) || codes.iter().any(|(_, c)| *c == code) {
            failures += &format!("{code}: the right example is wrong:\n{text}\n");
        }
        if WHEN_PLAYED.contains(&code) {
            continue;
        }
        if OF_THE_UPGRADE_CHECK.contains(&code) {
            assert!(page.contains("**Not reported by this version.**"), "{code} does not say that it is not reported");
            for heading in ["Live", "Wrong"] {
                let program = example(page, heading).unwrap_or_else(|| panic!("{code} has nothing under {heading}"));
                let (codes, text) = said(program);
                if !codes.is_empty() {
                    failures += &format!("{code}: what is under {heading} is wrong by itself:\n{text}\n");
                }
            }
            continue;
        }
        let Some(wrong) = example(page, "Wrong") else {
            assert!(TOO_LARGE_TO_SHOW.contains(&code), "{code} has no wrong example");
            continue;
        };
        let (codes, text) = said(wrong);
        if codes.iter().any(|(_, c)| *c != code) || codes.is_empty() {
            failures += &format!("{code}: the wrong example should say {code} and nothing else:\n{text}\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// A code that is told as a warning anywhere can be allowed.
#[test]
fn every_warning_can_be_allowed() {
    fn sources(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, text),
                false => text.push_str(&std::fs::read_to_string(&path).unwrap()),
            }
        }
    }
    let mut text = String::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut text);
    let codes: BTreeSet<&str> = text.split("Diagnostic::warning(\"").skip(1).filter_map(|rest| rest.get(..6)).collect();
    assert!(codes.len() >= 8, "{codes:?}");
    for code in codes {
        let (said, shown) = said(&format!("@allow(\"{code}\")\npub fn one() -> Int = 1\n"));
        assert!(said.is_empty(), "{shown}");
    }
}
