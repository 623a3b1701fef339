//! Statements and blocks.

use super::*;

impl Builder<'_> {
    pub(super) fn block(&mut self, pair: P<'_>) -> Block {
        let span = self.span(&pair);
        let mut stmts = Vec::new();
        if self.enter(1, span) {
            for kid in pair.into_inner() {
                self.stmt_into(kid, &mut stmts);
            }
            self.leave(1);
        }
        self.lone_words(&mut stmts);
        Block { stmts, span }
    }

    /// A child of a block; what is no statement adds none.
    pub(super) fn stmt_into(&mut self, pair: P<'_>, stmts: &mut Vec<Stmt>) {
        match pair.as_rule() {
            Rule::stmt => stmts.push(self.stmt(pair)),
            // A block without its end has lost something: later stages must not wonder about its value.
            Rule::junk_stmt | Rule::missing_close_brace => {
                stmts.push(Stmt { kind: StmtKind::Junk, span: self.span(&pair) })
            }
            _ => {}
        }
    }

    pub(super) fn stmt(&mut self, pair: P<'_>) -> Stmt {
        let span = self.span(&pair);
        let mut kids = pair.into_inner();
        let Some(first) = kids.next() else { return Stmt { kind: StmtKind::Junk, span } };
        let kind = match first.as_rule() {
            Rule::r#let => self.let_stmt(first),
            Rule::r#while | Rule::r#for | Rule::sleep | Rule::defer | Rule::testing => self.simple_stmt(first),
            Rule::bare_block => match first.into_inner().next() {
                Some(block) => StmtKind::Block(self.block(block)),
                None => StmtKind::Junk,
            },
            Rule::expr => self.expr_stmt(first, kids),
            _ => StmtKind::Junk,
        };
        Stmt { kind, span }
    }

    /// An expression, an assignment, or an expression with `undo`.
    fn expr_stmt(&mut self, first: P<'_>, rest: pest::iterators::Pairs<'_, Rule>) -> StmtKind {
        let expr = self.expr(first);
        let (mut assign, mut define, mut value, mut undo) = (None, false, None, None);
        for kid in rest {
            match kid.as_rule() {
                Rule::assign_op => assign = Some(assign_op(kid.as_str())),
                Rule::foreign_define => define = true,
                Rule::foreign_step => {
                    let op = if kid.as_str() == "++" { BinaryOp::Add } else { BinaryOp::Sub };
                    assign = Some(Some(op));
                    let kind = ExprKind::Number(Number::Int("1".to_owned()));
                    value = Some(Expr { kind, span: self.span(&kid) });
                }
                Rule::expr => value = Some(self.expr(kid)),
                Rule::missing_expr => value = Some(no_expr(self.span(&kid))),
                Rule::undo => undo = Some(self.only_expr(kid)),
                _ => {}
            }
        }
        match assign {
            Some(_) if !is_place(&expr) => {
                self.diagnostics.push(
                    Diagnostic::error("WF0010", expr.span, "this cannot be assigned to")
                        .why("the left side of `=` is a variable or a state, or a field or element of one")
                        .help("write `name = value`, `name.field = value` or `name[index] = value`; compare with `==`"),
                );
                StmtKind::Junk
            }
            Some(op) => {
                let value = value.unwrap_or_else(|| no_expr(expr.span));
                StmtKind::Assign { place: expr, op, value, undo }
            }
            None if define => {
                let kind = match expr.kind {
                    ExprKind::Name(text) => PatternKind::Path { name: Name { text, span: expr.span }, args: None },
                    _ => PatternKind::Missing,
                };
                let value = value.unwrap_or_else(|| no_expr(expr.span));
                StmtKind::Let { var: true, pattern: Pattern { kind, span: expr.span }, ty: None, value, undo }
            }
            None => StmtKind::Expr { expr, undo },
        }
    }

    fn let_stmt(&mut self, pair: P<'_>) -> StmtKind {
        let span = self.span(&pair);
        let (mut var, mut pattern, mut ty) = (false, no_pattern(span), None);
        let (mut value, mut undo) = (no_expr(span), None);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::kw_var | Rule::foreign_mut => var = true,
                Rule::pattern => pattern = self.pattern(kid),
                Rule::missing_pattern => pattern = no_pattern(self.span(&kid)),
                Rule::r#type => ty = Some(self.ty(kid)),
                Rule::missing_type => ty = Some(no_type(self.span(&kid))),
                Rule::expr => value = self.expr(kid),
                Rule::missing_expr => value = no_expr(self.span(&kid)),
                Rule::undo => undo = Some(self.only_expr(kid)),
                _ => {}
            }
        }
        StmtKind::Let { var, pattern, ty, value, undo }
    }

    /// The one expression of a rule, with its children in any order.
    pub(super) fn only_expr(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::missing_expr => return no_expr(self.span(&kid)),
                _ => {
                    if let Some(expr) = self.any_expr(kid) {
                        return expr;
                    }
                }
            }
        }
        no_expr(span)
    }

    fn simple_stmt(&mut self, pair: P<'_>) -> StmtKind {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let (mut until, mut on_cancel) = (false, false);
        let (mut pattern, mut value, mut block) = (no_pattern(span), no_expr(span), no_block(span));
        for kid in pair.clone().into_inner() {
            match kid.as_rule() {
                Rule::kw_until => until = true,
                Rule::kw_on => on_cancel = true,
                Rule::cond => value = equals(value, self.expr(kid)),
                Rule::foreign_loop => value = Expr { kind: ExprKind::Bool(true), span: self.span(&kid) },
                Rule::kw_assert | Rule::kw_advance | Rule::kw_crash | Rule::kw_mock => {
                    return self.testing(pair);
                }
                Rule::pattern => pattern = self.pattern(kid),
                Rule::pair => {
                    let place = self.span(&kid);
                    pattern = Pattern { kind: PatternKind::Tuple(self.patterns(kid)), span: place };
                }
                Rule::missing_pattern => pattern = no_pattern(self.span(&kid)),
                Rule::expr => value = self.expr(kid),
                Rule::missing_expr => value = no_expr(self.span(&kid)),
                Rule::block => block = self.block(kid),
                Rule::missing_block => block = no_block(self.span(&kid)),
                _ => {}
            }
        }
        match rule {
            Rule::r#while => StmtKind::While { cond: value, body: block },
            Rule::r#for => StmtKind::For { pattern, items: value, body: block },
            Rule::sleep => StmtKind::Sleep { until, value },
            Rule::defer if on_cancel => StmtKind::OnCancel(block),
            _ => StmtKind::Defer(block),
        }
    }

    /// `assert`, `advance`, `crash`, `mock`.
    fn testing(&mut self, pair: P<'_>) -> StmtKind {
        let span = self.span(&pair);
        let (mut word, mut until, mut value) = (Rule::kw_assert, false, no_expr(span));
        let (mut path, mut patterns, mut rest) = (self.no_name(span), Vec::new(), false);
        let (mut times, mut arm) = (None, no_expr(span));
        for kid in pair.into_inner() {
            match kid.as_rule() {
                rule @ (Rule::kw_assert | Rule::kw_advance | Rule::kw_crash | Rule::kw_mock) => word = rule,
                Rule::kw_until => until = true,
                Rule::expr => value = self.expr(kid),
                Rule::path => path = self.name(&kid),
                Rule::patterns => patterns = self.patterns(kid),
                Rule::rest => rest = true,
                Rule::number => times = self.any_expr(kid),
                Rule::arm => arm = self.arm(kid),
                _ => {}
            }
        }
        match word {
            Rule::kw_assert => StmtKind::Assert(value),
            Rule::kw_advance => StmtKind::Advance { until, value },
            Rule::kw_crash => StmtKind::Crash,
            _ => StmtKind::Mock { path, patterns, rest, times, arm: Box::new(arm) },
        }
    }
}

/// A name with fields and indexes, or a hole that was reported already.
fn is_place(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) | ExprKind::Missing => true,
        ExprKind::Access { object, optional, .. } => !optional && is_place(object),
        ExprKind::Index { object, .. } => is_place(object),
        _ => false,
    }
}

fn assign_op(text: &str) -> Option<BinaryOp> {
    match text {
        "+=" => Some(BinaryOp::Add),
        "-=" => Some(BinaryOp::Sub),
        "*=" => Some(BinaryOp::Mul),
        "/=" => Some(BinaryOp::Div),
        _ => None,
    }
}
