//! What the grammar matched → the owned tree. Tolerant and silent: markers become `Missing`; `trouble` reports them.

mod exprs;
mod items;
mod literals;
mod patterns;
mod stmts;

use pest::iterators::{Pair, Pairs};

use super::ast::*;
use super::grammar::Rule;
use super::split::Chunk;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// A matched rule.
type P<'i> = Pair<'i, Rule>;

/// Builds the tree of one piece of a file.
pub(super) struct Builder<'a> {
    file: FileId,
    text: &'a str,
    base: usize,
    comments: &'a [(usize, usize)],
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The last answer of `trim`: nested nodes mostly end at the same place.
    last_trim: (usize, usize),
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        file: FileId,
        text: &'a str,
        chunk: &Chunk,
        comments: &'a [(usize, usize)],
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Builder<'a> {
        let from = comments.partition_point(|c| c.1 <= chunk.start);
        let to = comments.partition_point(|c| c.0 < chunk.end);
        let comments = &comments[from..to];
        Builder { file, text, base: chunk.start, comments, diagnostics, last_trim: (usize::MAX, 0) }
    }

    /// The items of the piece.
    pub(super) fn file(&mut self, pairs: Pairs<'_, Rule>, items: &mut Vec<Item>) {
        for file in pairs {
            for pair in file.into_inner() {
                if pair.as_rule() == Rule::item {
                    items.push(self.item(pair));
                }
            }
        }
    }

    /// Walks back over white space and comments, to the end of the token before.
    fn trim(&mut self, end: usize, start: usize) -> usize {
        if self.last_trim.0 == end && self.last_trim.1 >= start {
            return self.last_trim.1;
        }
        let bytes = self.text.as_bytes();
        let mut at = end;
        while at > start {
            if bytes[at - 1].is_ascii_whitespace() {
                at -= 1;
                continue;
            }
            let n = self.comments.partition_point(|c| c.0 < at);
            match n.checked_sub(1).map(|n| self.comments[n]) {
                Some(c) if at <= c.1 => at = c.0.max(start),
                _ => break,
            }
        }
        self.last_trim = (end, at);
        at
    }

    /// The place of a pair, without the white space and comments it may end with.
    fn span(&mut self, pair: &P<'_>) -> Span {
        let range = pair.as_span();
        let start = self.base + range.start();
        let end = self.base + range.end();
        if start == end {
            return self.before(start);
        }
        let end = self.trim(end, start);
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    /// The empty place after the token before `at`.
    fn before(&mut self, at: usize) -> Span {
        let at = self.trim(at, self.base) as u32;
        Span { file: self.file, start: at, end: at }
    }

    fn name(&mut self, pair: &P<'_>) -> Name {
        Name { text: pair.as_str().to_owned(), span: self.span(pair) }
    }

    /// A name for where none was written.
    fn no_name(&mut self, parent: Span) -> Name {
        Name { text: String::new(), span: Span { end: parent.start, ..parent } }
    }
}

fn no_expr(span: Span) -> Expr {
    Expr { kind: ExprKind::Missing, span }
}

fn no_type(span: Span) -> TypeExpr {
    TypeExpr { kind: TypeKind::Missing, span }
}

fn no_pattern(span: Span) -> Pattern {
    Pattern { kind: PatternKind::Missing, span }
}

fn no_block(span: Span) -> Block {
    Block { stmts: Vec::new(), span: Span { start: span.end, ..span } }
}
