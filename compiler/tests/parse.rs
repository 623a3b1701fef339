//! The parser on the listings of the language's own guide, and on everything near them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "parse/walk.rs"]
mod walk;

use std::fmt::Write;

use weft_compiler::source::{FileId, Lines, Span};
use weft_compiler::syntax::{self, ast};
use weft_compiler::{Diagnostic, Severity};

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

/// Parses, and checks what holds for every text: places lie inside the text and nest.
fn parse(text: &str) -> (ast::File, Vec<Diagnostic>) {
    let (file, diagnostics) = syntax::parse(FileId(0), text);
    let whole = Span { file: FileId(0), start: 0, end: text.len() as u32 };
    walk::file(&file, whole, &mut |outer, inner| {
        assert!(inner.start <= inner.end, "{inner:?} in {text:?}");
        assert!(outer.start <= inner.start && inner.end <= outer.end, "{inner:?} not in {outer:?}: {text:?}");
        assert!(text.is_char_boundary(inner.start as usize) && text.is_char_boundary(inner.end as usize));
    });
    for d in &diagnostics {
        let (start, end) = (d.span.start as usize, d.span.end as usize);
        assert!(start <= end && text.get(start..end).is_some(), "{d:?} in {text:?}");
    }
    (file, diagnostics)
}

/// The pieces of a listing, each a text that stands for itself.
fn items(text: &str) -> Vec<&str> {
    let (file, _) = syntax::parse(FileId(0), text);
    file.items.iter().map(|i| &text[i.span.start as usize..i.span.end as usize]).collect()
}

#[test]
fn listings_parse_clean() {
    for (name, text) in listings() {
        let (file, diagnostics) = parse(&text);
        assert_eq!(diagnostics, [], "{name}");
        assert!(!file.items.is_empty());
        let tree = format!("{file:?}");
        assert!(!tree.contains("Missing") && !tree.contains("Junk"), "{name}");
    }
}

/// Half-typed programs: a tree without a hole, or somebody says where the hole is.
#[test]
fn every_prefix_parses() {
    let mut prefixes = 0;
    for (name, text) in listings() {
        for item in items(&text) {
            for (end, _) in item.char_indices() {
                let prefix = &item[..end];
                let (file, diagnostics) = parse(prefix);
                let silent = diagnostics.is_empty();
                assert!(
                    !silent || !format!("{file:?}").contains("Missing"),
                    "{name}: a hole without a word: {prefix:?}"
                );
                prefixes += 1;
            }
        }
    }
    assert!(prefixes > 5_000, "{prefixes}");
}

/// Words, numbers, strings and signs of a text, as byte ranges. Good enough to delete them one at a time.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut end = start + c.len_utf8();
        if c.is_alphanumeric() || c == '_' {
            while let Some(&(at, c)) = chars.peek()
                && (c.is_alphanumeric() || c == '_')
            {
                end = at + c.len_utf8();
                chars.next();
            }
        }
        all.push((start, end));
    }
    all
}

/// One token lost: the items around it stay what they were, and one mistake is one diagnostic.
#[test]
fn every_lost_token_stays_local() {
    let (mut edits, mut said, mut spread) = (0, 0, 0);
    for (_, text) in listings() {
        for item in items(&text) {
            for (start, end) in tokens(item) {
                let broken = format!("fn above() = 1\n{}{}\nfn below() = 2\n", &item[..start], &item[end..]);
                let (file, diagnostics) = parse(&broken);
                edits += 1;
                said += diagnostics.len();
                let clean = |name: &str| {
                    let is = |f: &ast::FnDecl| f.name.text == name && f.body.stmts.len() == 1;
                    file.items.iter().any(|i| matches!(&i.decl, ast::Decl::Fn(f) if is(f)))
                };
                spread += usize::from(!clean("above") || !clean("below"));
            }
        }
    }
    assert!(edits > 1_500, "{edits}");
    assert_eq!(spread, 0, "of {edits} edits");
    // Some tokens can go without a mistake; a lost brace may need a second word.
    assert!(said * 10 < edits * 12 && said * 2 > edits, "{said} diagnostics for {edits} edits");
}

/// Random pieces of the language and of other languages, thrown into random places.
#[test]
fn random_insertions_parse() {
    const WORDS: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "\"\"\"",
        "=>",
        "->",
        "=",
        "==",
        "===",
        ",",
        ".",
        "..",
        "?",
        "??",
        "@",
        "///",
        "//",
        "/*",
        "#",
        ";",
        "'",
        "`",
        "$",
        "\\",
        "\u{0}",
        "ä",
        "🦀",
        "\n",
        "if",
        "else",
        "let",
        "fn",
        "workflow",
        "\nworkflow ",
        "\nfn x(",
        "return",
        "catch",
        "await f()",
        "elif",
        "null",
        "1",
        "10x",
        "1h",
        "{x}",
        "with {",
        "select {",
        "pub",
        "state",
        "and",
        "not",
        "\r\n",
        "as",
        "in",
        "import",
        "\ntest \"",
        "undo",
        "try",
        "async fn",
        ":=",
        "++",
        "|",
        "&",
        "<",
        ">",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for (_, text) in listings() {
        for item in items(&text) {
            for _ in 0..40 {
                let mut broken = item.to_owned();
                for _ in 0..=random(3) {
                    let mut at = random(broken.len() + 1);
                    while !broken.is_char_boundary(at) {
                        at -= 1;
                    }
                    broken.insert_str(at, WORDS[random(WORDS.len())]);
                }
                parse(&broken);
            }
        }
    }
}

/// `line:column code message` of each, one a line.
fn brief(text: &str, diagnostics: &[Diagnostic]) -> String {
    let lines = Lines::new(text);
    let mut out = String::new();
    for d in diagnostics {
        let (line, column) = lines.position(text, d.span.start as usize);
        let warning = if d.severity == Severity::Warning { "warning " } else { "" };
        writeln!(out, "=> {line}:{column} {warning}{} {}", d.code, d.message).unwrap();
    }
    out
}

/// Mistakes and what is said about them; `BLESS=1` rewrites what is said.
#[test]
fn mistakes_are_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes.txt");
    let written = std::fs::read_to_string(path).unwrap();
    let mut told = Vec::new();
    for case in written.split("----\n") {
        let text: String = case.lines().filter(|l| !l.starts_with("=> ")).map(|l| format!("{l}\n")).collect();
        let (_, diagnostics) = parse(&text);
        told.push(format!("{text}{}", brief(&text, &diagnostics)));
    }
    let told = told.join("----\n");
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(path, &told).unwrap();
    }
    assert_eq!(told, written);
}

/// Applying every safe fix gives text without the mistakes that had one.
#[test]
fn safe_fixes_mend() {
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes.txt")).unwrap();
    let mut fixed = 0;
    for case in written.split("----\n") {
        let text: String = case.lines().filter(|l| !l.starts_with("=> ")).map(|l| format!("{l}\n")).collect();
        let (_, before) = parse(&text);
        let mut edits: Vec<(Span, String)> =
            before.iter().filter_map(|d| d.fix.as_ref().filter(|f| f.safe)).flat_map(|f| f.edits.clone()).collect();
        if edits.is_empty() {
            continue;
        }
        edits.sort_by_key(|(span, _)| std::cmp::Reverse((span.start, span.end)));
        let mut mended = text.clone();
        for (span, new) in &edits {
            mended.replace_range(span.start as usize..span.end as usize, new);
        }
        let (_, after) = parse(&mended);
        let unfixed = before.iter().filter(|d| d.fix.as_ref().is_none_or(|f| !f.safe)).count();
        assert!(after.len() <= unfixed, "{mended}{}", brief(&mended, &after));
        fixed += before.len() - unfixed;
    }
    assert!(fixed >= 20, "{fixed}");
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let text = "record A { id }
activity b(x: Int) -> with { timeout: 1s }
workflow c( {
  let x =
}
fn d() -> Int = 1 +
const e = [1, 2
workflow f() { return 1 }
";
    let (file, diagnostics) = parse(text);
    assert_eq!(diagnostics.len(), 6, "{}", brief(text, &diagnostics));
    assert_eq!(file.items.len(), 6);
}

/// Texts that open more than anyone may.
#[test]
fn depth_has_a_limit_and_a_word() {
    let shapes: &[(&str, &str, &str)] = &[
        ("fn a() = ", "(", ")"),
        ("fn a() = ", "[", "]"),
        ("fn a() = ", "f(", ")"),
        ("fn a() = ", "{ a: ", "}"),
        ("fn a() { ", "if x { ", "}"),
        ("fn a() = ", "\"{", "}\""),
        ("fn a(x: ", "List<", ">"),
        ("fn a() = ", "!", ""),
        ("fn a() = ", "- ", ""),
        ("fn a() = ", "x => ", ""),
        ("fn a() = ", "await ", ""),
        ("fn a() = ", "throw ", ""),
        ("fn a() = x", " ?? x", ""),
        ("fn a() = x", " + x", ""),
        ("fn a() = x", ".f()", ""),
        ("fn a() = x", " catch _ => x", ""),
        ("fn a() { if x { }", " else if x { }", ""),
        ("fn a() = match x { ", "A(", ")"),
        ("fn a(x: ", "() => ", ""),
    ];
    for (start, open, close) in shapes {
        for depth in [10, 100, 255, 1_000, 20_000] {
            let text = format!("{start}{}{}", open.repeat(depth), close.repeat(depth));
            let (file, diagnostics) = syntax::parse(FileId(0), &text);
            let deep = diagnostics.iter().any(|d| d.code == "WF0005");
            assert!(depth < 20_000 || deep, "{open} x {depth}");
            assert!(depth > 100 || !deep, "{open} x {depth}");
            drop(file);
        }
    }
}

#[test]
fn a_file_has_a_size_limit() {
    let text = "// x\n".repeat(syntax::SOURCE_BYTES_MAX / 5 + 1);
    let (file, diagnostics) = parse(&text);
    assert_eq!(diagnostics[0].code, "WF0007");
    assert!(file.items.is_empty());
}
