//! What the grammar matched → the owned tree. Tolerant and silent: markers become `Missing`; `trouble` reports them.

mod exprs;
mod foreign;
mod items;
mod literals;
mod patterns;
mod precedence;
mod stmts;

use foreign::is_null;
use pest::iterators::{Pair, Pairs};
use precedence::{Precedence, binary_op, equals};

use super::TREE_DEPTH_MAX;
use super::ast::*;
use super::grammar::Rule;
use super::place::Places;
use crate::diagnostic::{Diagnostic, Fix};
use crate::source::Span;

/// A matched rule.
type P<'i> = Pair<'i, Rule>;

/// Builds the tree of one piece of a file.
pub(super) struct Builder<'a> {
    places: Places<'a>,
    base: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
    depth: usize,
    too_deep: bool,
    /// Ranges reported as a whole: what else was said inside them is a consequence.
    pub(super) covered: Vec<(u32, u32)>,
    /// Where what is being built ends, though its pair goes on: a `catch` behind the value of another belongs to the
    /// whole.
    cut: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(base: usize, places: Places<'a>, diagnostics: &'a mut Vec<Diagnostic>) -> Builder<'a> {
        Builder { places, base, diagnostics, depth: 0, too_deep: false, covered: Vec::new(), cut: usize::MAX }
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

    /// The place of a pair, without the white space and comments it may end with.
    fn span(&mut self, pair: &P<'_>) -> Span {
        let range = pair.as_span();
        let start = self.base + range.start();
        let end = (self.base + range.end()).min(self.cut).max(start);
        if start == end {
            return self.before(start);
        }
        let end = self.places.trim(end, start);
        self.places.span(start, end)
    }

    /// The empty place after the token before `at`.
    fn before(&mut self, at: usize) -> Span {
        let at = self.places.trim(at, self.base);
        self.places.span(at, at)
    }

    /// Goes `by` levels down the tree, if it may be that deep; `leave` comes back.
    fn enter(&mut self, by: usize, span: Span) -> bool {
        if self.depth + by <= TREE_DEPTH_MAX {
            self.depth += by;
            return true;
        }
        if !self.too_deep {
            self.too_deep = true;
            let message = format!("this is nested or chained more than {TREE_DEPTH_MAX} deep");
            self.diagnostics.push(
                Diagnostic::error("WF0005", span, message)
                    .why("every later stage walks the tree, and its depth must have a limit")
                    .help("give a part of it a name: a value with `let` or in a `fn`, a type as a `record`"),
            );
        }
        false
    }

    fn leave(&mut self, by: usize) {
        self.depth -= by;
    }

    fn name(&mut self, pair: &P<'_>) -> Name {
        Name { text: pair.as_str().to_owned(), span: self.span(pair) }
    }

    /// A name for where none was written.
    fn no_name(&self, parent: Span) -> Name {
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

/// Goes down one level, on more stack if this thread's is nearly used up.
fn deep<T>(down: impl FnOnce() -> T) -> T {
    const RED_ZONE_BYTES: usize = 256 << 10;
    const STACK_BYTES: usize = 8 << 20;
    stacker::maybe_grow(RED_ZONE_BYTES, STACK_BYTES, down)
}
