//! Sources as they are while somebody types: cut off anywhere, or with a token missing. What was not touched is known as before.
//!
//! `WEFT_EDITOR_STRIDE` says how many places are passed over between two that are tried; 0 tries all.

use std::path::{Path, PathBuf};

use tower_lsp::ls_types::{DocumentSymbol, Uri};
use weft_compiler::syntax::ast::File;
use weft_compiler::{FileId, Project, Source, compile_indexed, syntax};

use crate::features::{folding, hints, symbols, tokens};
use crate::findings::Findings;
use crate::proto::{Encoding, Lines, View};

/// Places passed over by default: a prime, so that all kinds of places are met.
const STRIDE: usize = 211;

fn corpus() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "wf") {
                let text = std::fs::read_to_string(&path).expect("it is text");
                files.push((path, text));
            }
        }
    }
    files.sort();
    assert!(files.len() >= 8, "the examples are there");
    files
}

fn stride() -> usize {
    std::env::var("WEFT_EDITOR_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(STRIDE)
}

fn with_view<T>(text: &str, answer: impl FnOnce(View<'_>) -> T) -> T {
    let lines = Lines::new(text);
    answer(View { text, lines: &lines, encoding: Encoding::Utf16 })
}

fn outline(text: &str) -> (File, Vec<DocumentSymbol>) {
    let file = syntax::parse(FileId(0), text).0;
    let outline = with_view(text, |view| symbols::outline(&file, view));
    (file, outline)
}

/// Asks everything about a text. Nothing may panic; what is asked of names is answered at places that exist.
fn ask_all(text: &str) {
    let uri: Uri = "untitled:text".parse().expect("it is one");
    let sources = vec![Source { path: "text.wf".into(), text: text.into() }];
    let project = Project { name: "text".into(), edition: "2026".into(), sources, ..Project::default() };
    let index = compile_indexed(&project).index;
    let names = index.names_of(FileId(0)).count();
    let findings = Findings::new(project, vec![(uri, None)], index, Encoding::Utf16);
    let colors = tokens::between(&findings, FileId(0), 0..text.len() + 1).expect("the file is known");
    assert_eq!(colors.len(), names);
    assert!(hints::between(&findings, FileId(0), 0..text.len() + 1).is_some());
}

/// The symbols and folds of what lies before a byte are those of the whole text.
fn same_before(whole: &(File, Vec<DocumentSymbol>), text: &str, original: &str, touched: usize) {
    let now = outline(text);
    // The item before the one that is touched may be cut by it: two are left out.
    let kept = whole.0.items.partition_point(|item| (item.span.end as usize) < touched).saturating_sub(1);
    let end = kept.checked_sub(1).map_or(0, |last| whole.0.items[last].span.end);
    let limit = with_view(original, |view| view.bytes(0..end as usize).end);
    let before = |all: &[DocumentSymbol]| -> Vec<DocumentSymbol> {
        all.iter().filter(|symbol| symbol.range.end <= limit).cloned().collect()
    };
    assert_eq!(before(&now.1), before(&whole.1), "untouched before {touched} of\n{text}");
    let folds = |file: &File, text: &str| -> Vec<_> {
        let all = with_view(text, |view| folding::folds(file, view));
        all.into_iter().filter(|fold| fold.kind.is_none() && fold.end_line < limit.line).collect()
    };
    assert_eq!(folds(&now.0, text), folds(&whole.0, original), "folds before {touched} of\n{text}");
}

#[test]
fn a_text_that_is_cut_off_anywhere_is_known_up_to_there() {
    for (_, text) in corpus() {
        let whole = outline(&text);
        let ends = (0..=text.len()).filter(|end| text.is_char_boundary(*end));
        for end in ends.step_by(stride() + 1) {
            let cut = &text[..end];
            same_before(&whole, cut, &text, end);
            ask_all(cut);
        }
    }
}

#[test]
fn a_text_with_a_token_less_is_known_around_it() {
    for (_, text) in corpus() {
        let whole = outline(&text);
        for token in pieces(&text).into_iter().step_by(stride() / 4 + 1) {
            let mut less = text.clone();
            less.replace_range(token.clone(), "");
            same_before(&whole, &less, &text, token.start);
            ask_all(&less);
        }
    }
}

/// Words and signs, as far as that matters here.
fn pieces(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut pieces: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, char) in text.char_indices() {
        let word = char.is_alphanumeric() || char == '_';
        let end = at + char.len_utf8();
        match pieces.last_mut() {
            Some(last)
                if word
                    && last.end == at
                    && text[last.clone()].ends_with(|c: char| c.is_alphanumeric() || c == '_') =>
            {
                last.end = end;
            }
            _ if char.is_whitespace() => {}
            _ => pieces.push(at..end),
        }
    }
    pieces
}
