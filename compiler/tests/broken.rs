//! Broken programs through the whole compiler: nothing panics, and a mistake in the text is told once, not followed by
//! what later stages make of the hole.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use weft_compiler::source::Source;
use weft_compiler::{Project, Severity, compile};

/// Programs that compile as they stand.
const PROGRAMS: &[&str] =
    &["fulfil.wf", "onboarding.wf", "order.wf", "process_dataset.wf", "purchase_order.wf", "trial_expiry.wf"];

fn errors(text: &str) -> Vec<&'static str> {
    let sources = vec![Source { path: "broken.wf".to_owned(), text: text.to_owned() }];
    let analysis = compile(&Project { name: "broken".to_owned(), sources, ..Project::default() });
    let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| d.code).collect()
}

/// Words and signs of a text, as byte ranges.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        match all.last_mut() {
            Some((start, end)) if *end == at && word(c) && text[*start..*end].chars().all(word) => *end += c.len_utf8(),
            _ => all.push((at, at + c.len_utf8())),
        }
    }
    all
}

#[test]
fn a_lost_token_is_told_once() {
    let (mut edits, mut once, mut many) = (0, 0, 0);
    for name in PROGRAMS {
        let path = format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        for (start, end) in tokens(&text) {
            let found = errors(&format!("{}{}", &text[..start], &text[end..]));
            edits += 1;
            once += usize::from(found.len() <= 1);
            many += usize::from(found.len() > 3);
        }
    }
    assert!(edits > 900, "{edits}");
    assert!(once * 100 > edits * 87, "{once} of {edits} edits give at most one error");
    assert!(many * 100 < edits * 2, "{many} of {edits} edits give more than three");
}

#[test]
fn mistakes_of_all_stages_stand_side_by_side() {
    let text = r#"
record Order { id: String, cents }
activity charge(id: String) -> Int with { queue: "payments", timeuot: 30s, timeout: 30s }
workflow order(id: String) -> Int {
  let paid = charge(id
  let label: Int = "text"
  if paid > 1 and true { log.info("paid") }
  return unknown
}
fn next(n: Int) -> Int = n +
fn due() -> Time = now()
"#;
    let mut found = errors(text);
    found.sort_unstable();
    assert_eq!(found, ["WF0001", "WF0001", "WF0001", "WF0006", "WF1001", "WF1002", "WF2003", "WF4002"]);
}

/// Every example, every conformance case and every listing.
fn programs() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = ["tests/programs", "../examples", "../tests/conformance"].map(|f| root.join(f)).to_vec();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "wf") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Half-written programs and programs that lost a token, through every stage: names, types, effects and, where nothing
/// is wrong with them after all, codegen. The compiler answers; it does not panic, hang or run out of stack.
#[test]
fn every_prefix_and_every_lost_token_is_answered() {
    let programs = programs();
    let halves = [0, 1].map(|half| programs.iter().skip(half).step_by(2).collect::<Vec<_>>());
    let counts = std::thread::scope(|scope| {
        let threads = halves
            .map(|half| scope.spawn(move || half.iter().map(|(name, text)| edited(name, text)).collect::<Vec<_>>()));
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    let texts: usize = counts.iter().map(|(texts, _)| texts).sum();
    let compiled: usize = counts.iter().map(|(_, compiled)| compiled).sum();
    assert!(texts > 10_000 && compiled > 500, "{compiled} of {texts} texts compile");
}

/// How many edits a program has, and how many of them compile. The conformance cases are many and alike, so they are
/// cut off at the ends of their lines only.
fn edited(name: &str, text: &str) -> (usize, usize) {
    let code: String = text.lines().filter(|l| !l.starts_with("//")).map(|l| format!("{l}\n")).collect();
    let few = name.contains("conformance");
    let edits = tokens(&code).into_iter().flat_map(|(start, end)| {
        let cut = !few || code[end..].starts_with('\n');
        let lost = format!("{}{}", &code[..start], &code[end..]);
        cut.then(|| code[..end].to_owned()).into_iter().chain([lost])
    });
    let (mut texts, mut compiled) = (0, 0);
    for text in edits {
        let sources = vec![Source { path: name.to_owned(), text }];
        let analysis = compile(&Project { name: "broken".to_owned(), sources, ..Project::default() });
        let errors = analysis.diagnostics.iter().any(|d| d.severity == Severity::Error);
        assert_eq!(errors, analysis.program.is_none(), "{name}");
        texts += 1;
        compiled += usize::from(!errors);
    }
    (texts, compiled)
}
