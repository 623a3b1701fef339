//! What only the tree shows to be another language's way: `await f()`, `null`, `${x}`, lone words.

use super::*;
use crate::syntax::trouble::{foreign_word, found};

impl Builder<'_> {
    /// `await f()`: the call already waits.
    pub(super) fn awaited_call(&mut self, span: Span, call: &Expr) {
        let name = match &call.kind {
            ExprKind::Call { callee, .. } => self.slice(callee.span),
            _ => "it",
        };
        let message = format!("`await` is not needed: calling `{name}` already waits");
        let word = Span { end: call.span.start, ..span };
        let diagnostic = Diagnostic::error("WF0003", Span { end: span.start + 5, ..span }, message)
            .why(
                "a call to an activity, a workflow or a flow is a durable wait; `await` joins a task that `spawn` made",
            )
            .help("remove it")
            .fix(Fix { title: "remove `await`".to_owned(), edits: vec![(word, String::new())], safe: true });
        self.diagnostics.push(diagnostic);
    }

    /// `x not in xs`.
    pub(super) fn not_in(&mut self, left: Span, word: Span, right: Span) {
        let (start, end) = (Span { end: left.start, ..left }, Span { start: right.end, ..right });
        let edits = vec![(start, "!(".to_owned()), (word, "in".to_owned()), (end, ")".to_owned())];
        self.diagnostics.push(
            Diagnostic::error("WF0006", word, "`not in` is Python; here it is `!(x in xs)`")
                .help("write `!(x in xs)`")
                .fix(Fix { title: "write `!(.. in ..)`".to_owned(), edits, safe: true }),
        );
    }

    /// `null` and its like.
    pub(super) fn null(&mut self, pair: &P<'_>) {
        let word = pair.as_str();
        let language = if word == "nil" { "Go and Swift" } else { "JavaScript" };
        let span = self.span(pair);
        let title = "replace with `none`".to_owned();
        self.diagnostics.push(
            Diagnostic::error("WF0006", span, format!("`{word}` is {language}; here it is `none`"))
                .help("write `none`, the value of a `T?`; `()` is that of a call without a result")
                .fix(Fix { title, edits: vec![(span, "none".to_owned())], safe: true }),
        );
    }

    /// `${x}`: the sign is printed.
    pub(super) fn dollar(&mut self, hole: &P<'_>) {
        let hole = self.span(hole);
        let sign = Span { start: hole.start - 1, end: hole.start, ..hole };
        let text = self.slice(hole);
        let diagnostic = Diagnostic::warning("WF0004", sign, format!("`${text}` prints a dollar sign"))
            .why("a hole is `{x}`, without a sign before it")
            .help(format!("write `{text}`, or `\\${text}` if the sign is meant"))
            .fix(Fix { title: "remove `$`".to_owned(), edits: vec![(sign, String::new())], safe: false });
        self.diagnostics.push(diagnostic);
    }

    /// A lone name before something else on its line is a word of another language, or a slip: names do nothing.
    pub(super) fn lone_words(&mut self, stmts: &mut [Stmt]) {
        let mut n = 0;
        while n + 1 < stmts.len() {
            let Some((name, span)) = lone_name(&stmts[n]) else {
                n += 1;
                continue;
            };
            let next = stmts[n + 1].span.start.max(span.end) as usize;
            let text = self.places.text;
            if text[span.end as usize..next].contains(['\n', ';']) || stmts[n + 1].kind == StmtKind::Junk {
                n += 1;
                continue;
            }
            self.diagnostics.push(match foreign_word(name) {
                Some(help) => {
                    Diagnostic::error("WF0006", span, format!("`{name}` does not begin a statement")).help(help)
                }
                None => {
                    let message = format!("expected a statement, found the name `{name}` and {}", found(text, next));
                    Diagnostic::error("WF0001", span, message)
                        .label("a name alone does nothing")
                        .help("each statement stands on its own line; a call has parentheses")
                }
            });
            let first = span.start;
            // What stands behind it on the line belongs to it.
            let end = span.end as usize;
            let line_end = text[end..].find('\n').map_or(text.len(), |e| end + e);
            while n < stmts.len() && (stmts[n].span.start as usize) < line_end {
                stmts[n].kind = StmtKind::Junk;
                n += 1;
            }
            self.covered.push((first, stmts[n - 1].span.end));
        }
    }

    fn slice(&self, span: Span) -> &str {
        &self.places.text[span.start as usize..span.end as usize]
    }
}

fn lone_name(stmt: &Stmt) -> Option<(&str, Span)> {
    match &stmt.kind {
        StmtKind::Expr { expr: Expr { kind: ExprKind::Name(name), span }, undo: None } => Some((name, *span)),
        _ => None,
    }
}

/// Words that other languages have for nothing.
pub(super) fn is_null(word: &str) -> bool {
    matches!(word, "null" | "nil" | "undefined")
}
