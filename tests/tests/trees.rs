//! The grammar for editors (`editors/tree-sitter-weft`) and the one of the compiler are of one language.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tree_sitter::{Language, Node, Parser, Query, QueryCursor, StreamingIterator, Tree};
use weft_compiler::Severity;
use weft_compiler::source::FileId;
use weft_compiler::syntax::{self, ast};

/// A program: a file of its own, or a snippet of a page.
struct Program {
    /// Where it stands.
    path: String,
    /// Lines above it.
    line: usize,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn grammar() -> PathBuf {
    root().join("editors/tree-sitter-weft")
}

fn language() -> Language {
    tree_sitter_weft::LANGUAGE.into()
}

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language()).unwrap();
    parser.parse(text, None).unwrap()
}

/// The files below `folder` that end so, but for what is built.
fn files(folder: &Path, end: &str, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                files(&path, end, all);
            }
        } else if name.ends_with(end) {
            all.push(path);
        }
    }
    all.sort();
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn sources() -> Vec<Program> {
    let mut paths = Vec::new();
    files(&root(), ".wf", &mut paths);
    paths.iter().map(|p| Program { path: shown(p), line: 0, text: std::fs::read_to_string(p).unwrap() }).collect()
}

fn snippets() -> Vec<Program> {
    let mut pages = Vec::new();
    files(&root().join("tests/language"), ".md", &mut pages);
    files(&root().join("docs"), ".md", &mut pages);
    let mut all = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let mut open: Option<Program> = None;
        for (n, line) in text.lines().enumerate() {
            match &mut open {
                None if line.trim() == "```wf" => {
                    open = Some(Program { path: shown(&page), line: n + 1, text: String::new() });
                }
                None => {}
                Some(_) if line.trim() == "```" => all.extend(open.take()),
                Some(snippet) => snippet.text += &format!("{line}\n"),
            }
        }
    }
    all
}

/// What the compiler reads of it, unless it finds a mistake.
fn accepted(text: &str) -> Option<ast::File> {
    let (file, diagnostics) = syntax::parse(FileId(0), text);
    diagnostics.iter().all(|d| d.severity != Severity::Error).then_some(file)
}

fn mistakes<'t>(node: Node<'t>, found: &mut Vec<Node<'t>>) {
    if node.is_error() || node.is_missing() {
        found.push(node);
    } else if node.has_error() {
        node.children(&mut node.walk()).for_each(|child| mistakes(child, found));
    }
}

/// What the compiler reads without a mistake, editors read without one, and both see the same declarations.
#[test]
fn what_compiles_parses() {
    let (files, snippets) = (sources(), snippets());
    let (mut failures, mut clean, mut items) = (String::new(), [0, 0], 0);
    for (kind, program) in files.iter().map(|p| (0, p)).chain(snippets.iter().map(|p| (1, p))) {
        let Some(file) = accepted(&program.text) else { continue };
        clean[kind] += 1;
        let tree = parse(&program.text);
        let mut found = Vec::new();
        mistakes(tree.root_node(), &mut found);
        for node in &found {
            let line = program.line + node.start_position().row + 1;
            let _ = writeln!(failures, "{}:{line}: {}", program.path, node.to_sexp());
        }
        let root = tree.root_node();
        let children = root.named_children(&mut root.walk()).filter(|node| !node.is_extra()).collect::<Vec<_>>();
        items += file.items.len();
        if found.is_empty() && children.len() != file.items.len() {
            let _ = writeln!(failures, "{}: {} declarations, not {}", program.path, children.len(), file.items.len());
            continue;
        }
        for (node, item) in children.iter().zip(&file.items) {
            // Doc comments stand before the node, inside of the item.
            let (start, end) = (item.span.start as usize, item.span.end as usize);
            let before = program.text.get(start..node.start_byte()).unwrap_or("?");
            let docs = before.lines().all(|line| line.trim().is_empty() || line.trim().starts_with("//"));
            if !docs || node.end_byte() != end {
                let line = program.line + node.start_position().row + 1;
                let _ = writeln!(failures, "{}:{line}: {:?}, not {start}..{end}", program.path, node.byte_range());
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{} files, {} snippets, {items} declarations", clean[0], clean[1]);
    assert!(clean[0] > 400 && clean[1] > 200 && items > 2_000, "the corpus is lost: {clean:?}, {items}");
}

/// `test/corpus` in the format of `tree-sitter test`.
#[test]
fn small_trees_are_as_written() {
    let mut chapters = Vec::new();
    files(&grammar().join("test/corpus"), ".txt", &mut chapters);
    let (mut failures, mut count) = (String::new(), 0);
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" )", ")");
    for chapter in chapters {
        let text = std::fs::read_to_string(&chapter).unwrap();
        let mut written = String::new();
        let mut parts = text.split("==================\n").skip(1);
        while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
            count += 1;
            let (input, expected) = rest.split_once("\n---\n").unwrap();
            let tree = parse(input.trim_matches('\n')).root_node().to_sexp();
            if squeezed(expected) != squeezed(&tree) {
                let _ = writeln!(failures, "{}: {}: {tree}", shown(&chapter), name.trim());
            }
            let line = "==================\n";
            let _ = write!(written, "{line}{name}{line}{input}\n---\n\n{}\n\n", indented(&tree));
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&chapter, written.trim_end().to_owned() + "\n").unwrap();
        }
    }
    assert!(failures.is_empty() || std::env::var_os("BLESS").is_some(), "{failures}");
    assert!(count >= 10, "only {count} trees");
}

/// A tree, a node a line.
fn indented(tree: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0);
    for word in tree.split(' ') {
        let opens = word.starts_with('(');
        if !out.is_empty() && (word.ends_with(':') || opens && !out.ends_with(": ")) {
            out = out.trim_end().to_owned();
            let _ = write!(out, "\n{}", "  ".repeat(depth));
        }
        out += word;
        out.push(' ');
        depth += usize::from(opens);
        depth -= word.matches(')').count();
    }
    out.trim_end().to_owned()
}

/// Each query is of this grammar, and shows an example as the golden text says.
#[test]
fn queries_fit_the_grammar() {
    use tree_sitter_weft as weft;
    let language = language();
    for query in [weft::FOLDS_QUERY, weft::INDENTS_QUERY, weft::INJECTIONS_QUERY, weft::LOCALS_QUERY, weft::TAGS_QUERY]
    {
        assert!(Query::new(&language, query).unwrap().pattern_count() > 0);
    }
    let query = Query::new(&language, weft::HIGHLIGHTS_QUERY).unwrap();
    let text = std::fs::read_to_string(grammar().join("test/highlight/sample.wf")).unwrap();
    let tree = parse(&text);
    let mut cursor = QueryCursor::new();
    // As editors do: of patterns that fit one node, the later holds.
    let mut shown = std::collections::BTreeMap::new();
    let mut found = cursor.captures(&query, tree.root_node(), text.as_bytes());
    while let Some((matched, index)) = found.next() {
        let capture = matched.captures()[*index];
        let range = capture.node.byte_range();
        let key = (range.start, usize::MAX - range.end);
        let (pattern, name) = shown.entry(key).or_insert((0, 0));
        if matched.pattern_index >= *pattern {
            (*pattern, *name) = (matched.pattern_index, capture.index as usize);
        }
    }
    let names = query.capture_names();
    let mut told = String::new();
    for ((start, end), (_, name)) in shown {
        let _ = writeln!(told, "{} {}", names[name], text[start..usize::MAX - end].replace('\n', "\\n"));
    }
    let golden = grammar().join("test/highlight/sample.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(golden).unwrap(), "BLESS=1 rewrites it");
}

/// A new word of the language is one here, too, and is shown as one.
#[test]
fn every_keyword_is_known() {
    let pest = std::fs::read_to_string(root().join("compiler/src/syntax/grammar.pest")).unwrap();
    let words: BTreeSet<&str> = pest
        .lines()
        .filter_map(|line| line.strip_prefix("kw_")?.split_once("= @{ \"")?.1.split_once('"'))
        .map(|(word, _)| word)
        .chain(["return"])
        .collect();
    assert!(words.len() > 60, "{words:?}");
    let language = language();
    let known = |word: &str| language.id_for_node_kind(word, false) != 0;
    let missing: Vec<_> = words.iter().filter(|word| !known(word)).collect();
    assert!(missing.is_empty(), "words of grammar.pest that grammar.js has not: {missing:?}");
    let as_nodes = ["true", "false", "none", "break", "crash"];
    let highlights = tree_sitter_weft::HIGHLIGHTS_QUERY;
    let shown = |word: &str| as_nodes.contains(&word) || highlights.contains(&format!("\"{word}\""));
    let missing: Vec<_> = words.iter().filter(|word| !shown(word)).collect();
    assert!(missing.is_empty(), "words that highlights.scm does not show: {missing:?}");
}

/// `parser.c` and `node-types.json` are what the generator makes of `grammar.json`; BLESS=1 makes all three of `grammar.js`,
/// for which `node` must be there.
#[test]
fn the_parser_is_that_of_the_grammar() {
    let bless = std::env::var_os("BLESS").is_some();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(grammar().join("tree-sitter.json"), folder.path().join("tree-sitter.json")).unwrap();
    let source = grammar().join(if bless { "grammar.js" } else { "src/grammar.json" });
    let made = if bless { grammar().join("src") } else { folder.path().join("src") };
    tree_sitter_generate::generate_parser_in_directory(
        folder.path(),
        Some(&made),
        Some(&source),
        14,
        None,
        None,
        true,
        tree_sitter_generate::OptLevel::default(),
        &mut Vec::new(),
    )
    .unwrap();
    for name in ["parser.c", "node-types.json"] {
        let read = |folder: &Path| std::fs::read_to_string(folder.join(name)).unwrap();
        let same = read(&made) == read(&grammar().join("src"));
        assert!(same, "{name} was not made of grammar.json: `BLESS=1 cargo test -p weft-tests --test trees`");
    }
}

/// What stands in the first column begins anew: a mistake above does not reach it.
#[test]
fn a_mistake_stays_in_its_declaration() {
    let broken = [
        "workflow a() {\n  if true {\n    let x = 1\n",
        "fn a() -> Int {\n  match 1 {\n    1 => 2\n",
        "workflow a() {\n  let x = \n}\n",
        "workflow a() {\n  x.\n}\n",
        "fn a( -> Int = 1\n",
        "workflow a() {\n  f(x, g(1\n",
        "record A {\n  a: Int\n",
        "activity a() with {\n  timeout: 1s\n",
    ];
    for text in broken {
        for next in ["workflow b() {\n  sleep 1s\n}\n", "@open\nenum B { C }\n", "error B { c: Int }\n"] {
            let text = format!("{text}\n{next}");
            let tree = parse(&text);
            let root = tree.root_node();
            let last = root.named_children(&mut root.walk()).last().unwrap();
            assert!(!last.has_error() && last.end_byte() == text.trim_end().len(), "{text}{}", root.to_sexp());
            assert_eq!(last.start_byte(), text.len() - next.len(), "{text}{}", root.to_sexp());
        }
    }
}
