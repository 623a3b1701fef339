//! The pages of docs/errors: what they call wrong gets their code, what they call right compiles, and every code that
//! the compiler gives has its page.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use weft_compiler::{Project, Severity, Source, compile};
use weft_tests::binary::workspace;

fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = std::fs::read_dir(workspace().join("docs/errors"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .map(|p| (p.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&p).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// The programs of a page, each with the heading it stands under.
fn programs(page: &str) -> Vec<(&str, String)> {
    let (mut programs, mut heading, mut open) = (Vec::new(), "", None::<String>);
    for line in page.lines() {
        match (line, &mut open) {
            ("```wf", None) => open = Some(String::new()),
            ("```", Some(_)) => programs.extend(open.take().map(|text| (heading, text))),
            (line, Some(text)) => text.push_str(&format!("{line}\n")),
            (line, None) => heading = line.strip_prefix("## ").unwrap_or(heading),
        }
    }
    assert!(open.is_none(), "a program has no end");
    programs
}

/// Codes and severities a text gets.
fn diagnostics(text: &str) -> Vec<(&'static str, Severity, String)> {
    let source = Source { path: "page.wf".into(), text: text.into() };
    let project = Project { name: "page".into(), edition: "2026".into(), sources: vec![source], ..Project::default() };
    compile(&project).diagnostics.into_iter().map(|d| (d.code, d.severity, d.message)).collect()
}

#[test]
fn pages_show_what_is_wrong_and_what_is_right() {
    let mut mistakes = Vec::new();
    let given = given();
    for (code, page) in pages() {
        let title = page.lines().next().unwrap_or("");
        assert!(title.starts_with(&format!("# {code}: ")), "the title of {code}: {title}");
        // A page may be there before the construct that it is about can be compiled.
        for (heading, text) in programs(&page).into_iter().filter(|_| given.contains(&code)) {
            let found = diagnostics(&text);
            let good = match heading {
                "Wrong" => found.iter().any(|(c, ..)| *c == code),
                "Right" => !found.iter().any(|(c, severity, _)| *c == code || *severity == Severity::Error),
                other => panic!("{code}: a program under `{other}`"),
            };
            if !good {
                mistakes.push(format!("{code}, {heading}: {found:?}\n{text}"));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_code_has_its_page() {
    let pages: BTreeSet<String> = pages().into_iter().map(|(code, _)| code).collect();
    let lacking: Vec<_> = given().difference(&pages).cloned().collect();
    assert!(lacking.is_empty(), "codes without a page in docs/errors: {lacking:?}");
}

/// The codes that the compiler gives.
fn given() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    collect(&workspace().join("compiler/src"), &mut codes);
    assert!(codes.len() > 30, "the codes are found: {codes:?}");
    codes
}

/// Codes written as string literals in the sources below a folder.
fn collect(folder: &Path, codes: &mut BTreeSet<String>) {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    for path in entries {
        if path.is_dir() {
            collect(&path, codes);
        } else if path.ends_with("diagnostic/explain.rs") {
            // The table of the pages gives none.
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let literal = |word: &&str| word.len() == 6 && word.starts_with("WF") && word[2..].parse::<u16>().is_ok();
            codes.extend(text.split('"').filter(literal).map(str::to_owned));
        }
    }
}
