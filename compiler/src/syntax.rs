//! First stage: text → tree. The only place that knows pest.
//!
//! `split` cuts the text into items, the grammar (`grammar.pest`) reads one item at a time and never fails,
//! `trouble` turns its markers into diagnostics, `build` turns what it matched into the owned tree.

pub mod ast;
mod build;
mod grammar;
mod hidden;
mod lost;
mod place;
mod split;
mod tokens;
mod trouble;

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Lines, Places, Span};
use ast::File;
pub(crate) use hidden::is_hidden;
pub(crate) use lost::Consequences;
pub(crate) use tokens::{Kind, Token, tokens};

/// Size of a source file, in bytes.
pub const SOURCE_BYTES_MAX: usize = 8 << 20;
/// Open brackets around a token.
pub const NESTING_MAX: usize = 256;
/// Depth of the tree of one item: nesting, chains of operators and calls, `else if`s.
pub const TREE_DEPTH_MAX: usize = 1024;
/// Stack for an item that is nested deeper than the thread's own stack allows. Only what is used is ever touched.
const DEEP_STACK_BYTES: usize = 64 << 20;

/// Reads a file. Never fails: where the source has a hole the tree has one too, and a diagnostic says so.
pub fn parse(file: FileId, text: &str) -> (File, Vec<Diagnostic>) {
    let mut tree = File { id: file, items: Vec::new(), lost: Vec::new() };
    if text.len() > SOURCE_BYTES_MAX {
        return (tree, vec![too_long(file, text.len())]);
    }
    let mut diagnostics = Vec::new();
    let (split, lines) = (split::split(text), Lines::new(text));
    for chunk in &split.chunks {
        let (piece, found) = parse_piece(file, text, (&split, &lines), chunk);
        tree.items.extend(piece.items);
        tree.lost.extend(piece.lost);
        diagnostics.extend(found);
    }
    let hidden = hidden::report(file, text, &split);
    if !hidden.is_empty() {
        // What such a character made unreadable is said with it.
        diagnostics.retain(|d| !hidden.iter().any(|h| d.span.start <= h.span.start && h.span.start <= d.span.end));
        diagnostics.extend(hidden);
    }
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    (tree, diagnostics)
}

/// Reads one piece of a file.
fn parse_piece(
    file: FileId,
    text: &str,
    (split, lines): (&split::Split, &Lines),
    chunk: &split::Chunk,
) -> (File, Vec<Diagnostic>) {
    let mut tree = File { id: file, items: Vec::new(), lost: Vec::new() };
    let mut diagnostics = Vec::new();
    if chunk.depth > NESTING_MAX {
        diagnostics.push(too_deep(Span { file, start: chunk.deepest as u32, end: chunk.deepest as u32 + 1 }));
        tree.lost.push(chunk.lost(file));
        return (tree, diagnostics);
    }
    let item = Item { file, text, chunk, comments: split.comments_of(chunk), lines };
    // pest notices the end of the stack and gives up cleanly; then there is another stack to try.
    if item.read(&mut tree, &mut diagnostics).is_err()
        && stacker::grow(DEEP_STACK_BYTES, || item.read(&mut tree, &mut diagnostics)).is_err()
    {
        let start = chunk.start as u32;
        diagnostics.push(too_deep(Span { file, start, end: start + 1 }));
        tree.lost.push(chunk.lost(file));
    }
    (tree, diagnostics)
}

/// One piece of a file.
struct Item<'a> {
    file: FileId,
    text: &'a str,
    chunk: &'a split::Chunk,
    comments: &'a [(usize, usize)],
    lines: &'a Lines,
}

impl Item<'_> {
    /// Reads the piece. The grammar is total: it only fails where the stack ends, and then nothing was done.
    fn read(&self, tree: &mut File, diagnostics: &mut Vec<Diagnostic>) -> Result<(), grammar::StackEnds> {
        let Item { file, text, chunk, comments, lines } = *self;
        let pairs = grammar::read(&text[chunk.start..chunk.end])?;
        let mut places = place::Places::new(file, text, comments, lines);
        trouble::report(&pairs, chunk, &mut places, diagnostics, &mut tree.lost);
        let mut builder = build::Builder::new(chunk.start, places, diagnostics);
        let first = tree.items.len();
        builder.file(pairs, &mut tree.items);
        let covered = builder.covered;
        if !covered.is_empty() {
            let inside = covered.iter().filter(|c| c.0 + 1 < c.1);
            let inside: Places = inside.map(|c| Span { file, start: c.0 + 1, end: c.1 - 1 }).collect();
            diagnostics.retain(|d| !inside.hold(Span { end: d.span.start, ..d.span }));
        }
        // Callers of a declaration that is broken know nothing of its result.
        let whole = |l: &ast::Lost| l.scope.is_none() && l.span.start as usize == chunk.start;
        if tree.lost.iter().any(whole) {
            tree.items[first..].iter_mut().for_each(ast::Item::forget_result);
        }
        Ok(())
    }
}

fn too_long(file: FileId, bytes: usize) -> Diagnostic {
    let message = format!("this file has {bytes} bytes; at most {SOURCE_BYTES_MAX} are read");
    Diagnostic::error("WF0007", Span { file, start: 0, end: 0 }, message)
        .why("one file is read as a whole, and every stage keeps a tree of it in memory")
        .help("split it into several files; each is a module that others import")
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error("WF0005", span, format!("nesting deeper than {NESTING_MAX}"))
        .label("too many brackets are open here")
        .why("every later stage walks the tree, and its depth must have a limit")
        .help("move the inner part into a `fn` or a `flow`")
}
