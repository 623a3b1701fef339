//! The literate specification: every `wf` snippet of `tests/language/*.md` is compiled and says exactly what it claims.
//!
//! - A snippet is a file of its own. `// error: [WF2001]` at the end of a line says that a diagnostic begins on that
//!   line; words behind the code must occur in its message. `// warning: [WF3004]` likewise. Nothing else may be said.
//! - A `text` block right behind a snippet holds its diagnostics as text; `BLESS=1` rewrites it.
//!
//! The tour, the reference and what `weft spec` prints are held to the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "language/grammar.rs"]
mod grammar;

use std::fmt::Write;
use std::path::PathBuf;

use weft_bytecode::Program;
use weft_compiler::diagnostic::{Sources, explain};
use weft_compiler::source::{Lines, Source};
use weft_compiler::{Diagnostic, Project, Severity, compile, fix};

/// What a line says will be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    line: usize,
    severity: Severity,
    code: String,
    words: String,
}

/// A snippet, by the lines of its file.
struct Snippet {
    /// The line of the opening fence, from 1.
    line: usize,
    text: String,
    /// The lines of the `text` block behind it, first and one past the last, from 0.
    told: Option<(usize, usize)>,
}

#[test]
fn the_specification_holds() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/language"));
    let mut chapters: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    chapters.retain(|p| p.extension().is_some_and(|e| e == "md"));
    chapters.sort();
    let docs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    chapters.extend(["tour.md", "language.md", "spec.md", "versions.md"].map(|page| docs.join(page)));
    assert!(chapters.len() >= 8, "chapters are missing");
    let (mut failures, mut count) = (String::new(), 0);
    for path in chapters {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let chapter = std::fs::read_to_string(&path).unwrap();
        let snippets = snippets(&chapter);
        assert!(!snippets.is_empty(), "{name} has no snippet");
        let mut blessed: Vec<(usize, usize, String)> = Vec::new();
        for snippet in &snippets {
            count += 1;
            let (diagnostics, told) = said(&snippet.text);
            if let Some(wrong) = differences(&snippet.text, &diagnostics) {
                let _ = write!(failures, "{name}:{}: {wrong}\n{told}\n", snippet.line);
            }
            let Some((from, to)) = snippet.told else { continue };
            let written: Vec<&str> = chapter.lines().skip(from).take(to - from).collect();
            if written.join("\n") != told.trim_end() {
                blessed.push((from, to, told.trim_end().to_owned()));
            }
        }
        if blessed.is_empty() {
            continue;
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, replaced(&chapter, &blessed)).unwrap();
        } else {
            let _ = writeln!(failures, "{name}: {} text blocks differ from what is said (BLESS=1)", blessed.len());
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count >= 80, "only {count} snippets");
}

/// What a program does, without where it is written.
fn code(program: &Program) -> String {
    let mut program = program.clone();
    program.functions.iter_mut().for_each(|function| function.sites.clear());
    program.listing()
}

/// A fix that needs no person leaves what a program does as it is: only warnings were said of it. But for the one that lets a
/// statement do what it can only have been written for (WF3012).
#[test]
fn a_safe_fix_keeps_the_meaning() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut mended = 0;
    for entry in std::fs::read_dir(root.join("language")).unwrap() {
        for snippet in snippets(&std::fs::read_to_string(entry.unwrap().path()).unwrap()) {
            let sources = vec![Source { path: "example.wf".to_owned(), text: snippet.text.clone() }];
            let project =
                Project { name: "example".to_owned(), edition: "2026".to_owned(), sources, ..Project::default() };
            let compiled = compile(&project);
            if compiled.program.is_none() {
                continue;
            }
            let meant = fix::fix_of(&project, "WF3012").project;
            let before = compile(&meant).program.expect("what compiled compiles still");
            let fixed = fix::fix(&project);
            let after = compile(&fixed.project).program.expect("what compiled compiles still");
            assert_eq!(code(&before), code(&after), "{}", snippet.text);
            mended += usize::from(!fixed.done.is_empty());
        }
    }
    assert!(mended >= 2, "only {mended} snippets have a safe fix");
}

/// What `weft spec` prints fits into a prompt.
#[test]
fn the_spec_is_short() {
    let page = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec.md"));
    let tokens = tiktoken_rs::o200k_base().unwrap().encode_ordinary(&std::fs::read_to_string(page).unwrap()).len();
    assert!((1_000..5_000).contains(&tokens), "docs/spec.md has {tokens} tokens");
}

/// Each construct of the grammar is shown at work or refused: no word of it is missing from the snippets.
#[test]
fn every_word_of_the_grammar_is_shown() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let grammar = std::fs::read_to_string(root.join("../compiler/src/syntax/grammar.pest")).unwrap();
    let keyword = |line: &str| {
        let (_, rule) = line.strip_prefix("kw_")?.split_once("= @{ \"")?;
        Some(rule.split_once('"')?.0.to_owned())
    };
    let mut missing: std::collections::BTreeSet<String> = grammar.lines().filter_map(keyword).collect();
    assert!(missing.len() > 60, "{missing:?}");
    for entry in std::fs::read_dir(root.join("language")).unwrap() {
        for snippet in snippets(&std::fs::read_to_string(entry.unwrap().path()).unwrap()) {
            for line in snippet.text.lines() {
                let code = line.split("//").next().unwrap_or("");
                for word in code.split(|c: char| !c.is_alphanumeric() && c != '_') {
                    missing.remove(word);
                }
            }
        }
    }
    assert!(missing.is_empty(), "words that no snippet of tests/language shows: {missing:?}");
}

/// Codes that no snippet shows, and why.
const NOT_SHOWN: &[(&str, &[&str])] = &[
    ("a snippet would fill megabytes: compiler/tests/parse.rs gets them", &["WF0005", "WF0007"]),
    (
        "of the comparison of a new version with open runs, which this version has not",
        &["WF5101", "WF5102", "WF5103", "WF5104", "WF5105", "WF5106", "WF5107", "WF5108", "WF5109"],
    ),
];

/// Given when a test is played, not by the compiler: docs/testing.md shows them, tests/testing.rs plays them.
const WHEN_PLAYED: &[&str] = &["WF6001", "WF6003"];

/// The codes that have a page.
fn promised() -> Vec<String> {
    let pages = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors"));
    let names = std::fs::read_dir(pages).unwrap().map(|e| e.unwrap().path());
    let mut codes: Vec<String> = names.map(|page| page.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    codes.sort();
    assert!(codes.len() > 60, "{codes:?}");
    for code in NOT_SHOWN.iter().flat_map(|(_, codes)| *codes) {
        assert!(codes.iter().any(|known| known == code), "{code} has no page, so it is no exception");
    }
    codes.retain(|code| NOT_SHOWN.iter().all(|(_, codes)| !codes.contains(&code.as_str())));
    codes
}

/// Each promised code has a page that `weft explain` finds and a snippet that gets it, shown with all that is said.
#[test]
fn every_promised_diagnostic_is_explained_and_shown() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut shown = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(root.join("language")).unwrap() {
        let chapter = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines: Vec<&str> = chapter.lines().collect();
        for snippet in snippets(&chapter) {
            let Some((from, to)) = snippet.told else { continue };
            let told = lines[from..to].join("\n");
            let claimed = claims(&snippet.text).into_iter().map(|claim| claim.code);
            shown.extend(claimed.filter(|code| told.contains(&format!("[{code}]: "))));
        }
    }
    let testing = std::fs::read_to_string(root.join("../docs/testing.md")).unwrap();
    for code in &promised() {
        let shown = if WHEN_PLAYED.contains(&code.as_str()) {
            testing.contains(&format!("(errors/{code}.md)"))
        } else {
            shown.contains(code)
        };
        assert!(explain(code).is_some(), "{code} has no page in docs/errors");
        assert!(shown, "{code}: no snippet of tests/language gets it with a text block behind");
    }
}

fn snippets(chapter: &str) -> Vec<Snippet> {
    let lines: Vec<&str> = chapter.lines().collect();
    let mut all = Vec::new();
    let mut n = 0;
    while n < lines.len() {
        if lines[n].trim() != "```wf" {
            n += 1;
            continue;
        }
        let end = (n + 1..lines.len()).find(|&l| lines[l].trim() == "```").unwrap_or(lines.len());
        let text: String = lines[n + 1..end].iter().map(|l| format!("{l}\n")).collect();
        let next = (end + 1..lines.len()).find(|&l| !lines[l].trim().is_empty());
        let told = next.filter(|&l| lines[l].trim() == "```text").map(|from| {
            let to = (from + 1..lines.len()).find(|&l| lines[l].trim() == "```").unwrap_or(lines.len());
            (from + 1, to)
        });
        all.push(Snippet { line: n + 1, text, told });
        n = end + 1;
    }
    all
}

fn replaced(chapter: &str, blocks: &[(usize, usize, String)]) -> String {
    let mut lines: Vec<String> = chapter.lines().map(str::to_owned).collect();
    for (from, to, text) in blocks.iter().rev() {
        lines.splice(from..to, text.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    lines.join("\n") + "\n"
}

fn said(text: &str) -> (Vec<Diagnostic>, String) {
    let sources = vec![Source { path: "example.wf".to_owned(), text: text.to_owned() }];
    let project = Project { name: "example".to_owned(), edition: "2026".to_owned(), sources, ..Project::default() };
    let analysis = compile(&project);
    let errors = analysis.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(errors, analysis.program.is_none(), "a program without errors is compiled: {text}");
    let sources = Sources::new(&project.sources);
    let told = analysis.diagnostics.iter().map(|d| sources.plain(d)).collect();
    (analysis.diagnostics, told)
}

/// `// error: [WF1001] words` at line ends.
fn claims(text: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (n, line) in text.lines().enumerate() {
        for (word, severity) in [("// error: ", Severity::Error), ("// warning: ", Severity::Warning)] {
            let Some((_, list)) = line.split_once(word) else { continue };
            for claim in list.split('[').skip(1) {
                let (code, words) = claim.split_once(']').unwrap_or((claim, ""));
                claims.push(Claim { line: n + 1, severity, code: code.to_owned(), words: words.trim().to_owned() });
            }
        }
    }
    claims
}

fn differences(text: &str, diagnostics: &[Diagnostic]) -> Option<String> {
    let lines = Lines::new(text);
    let mut claims = claims(text);
    let mut unclaimed = Vec::new();
    for d in diagnostics {
        let (line, _) = lines.position(text, d.span.start as usize);
        let fits =
            |c: &Claim| c.line == line && c.severity == d.severity && c.code == d.code && d.message.contains(&c.words);
        match claims.iter().position(fits) {
            Some(n) => {
                claims.remove(n);
            }
            None => unclaimed.push(format!("{} in its line {line}", d.code)),
        }
    }
    if claims.is_empty() && unclaimed.is_empty() {
        return None;
    }
    let missing: Vec<String> =
        claims.iter().map(|c| format!("[{}] {} in its line {}", c.code, c.words, c.line)).collect();
    Some(format!("said but not claimed: {unclaimed:?}; claimed but not said: {missing:?}"))
}

/// The runner itself can fail: it sees what is missing and what is too much.
#[test]
fn false_claims_are_seen() {
    let wrong = |text: &str| differences(text, &said(text).0).is_some();
    assert!(!wrong("fn a() -> Int = 1\n"));
    assert!(wrong("fn a() -> Int = 1 // error: [WF1001]\n"));
    assert!(wrong("fn a() -> Int = b\n"));
    assert!(!wrong("fn a() -> Int = b // error: [WF1001]\n"));
    assert!(wrong("fn a() -> Int = b // warning: [WF1001]\n"));
    assert!(wrong("fn a() -> Int = b // error: [WF1002]\n"));
    assert!(wrong("fn a() -> Int = b // error: [WF1001] words of another message\n"));
}
