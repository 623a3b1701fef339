//! First stage: text → tree. The only place that knows pest.
//!
//! `split` cuts the text into items, the grammar (`grammar.pest`) reads one item at a time and never fails,
//! `build` turns what it matched into the owned tree, `trouble` turns its markers into diagnostics.

pub mod ast;
mod build;
mod grammar;
mod split;

use crate::diagnostic::Diagnostic;
use crate::source::FileId;
use ast::File;

/// Reads a file. Never fails: where the source has a hole the tree has one too, and a diagnostic says so.
pub fn parse(file: FileId, text: &str) -> (File, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut items = Vec::new();
    let split = split::split(text);
    for chunk in &split.chunks {
        let mut builder = build::Builder::new(file, text, chunk, &split.comments, &mut diagnostics);
        if let Ok(pairs) = grammar::read(&text[chunk.start..chunk.end]) {
            builder.file(pairs, &mut items);
        }
    }
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    (File { id: file, items }, diagnostics)
}
