//! Which operator binds what.

use super::*;

/// Operands and operators → a tree by binding strength, without recursion.
#[derive(Default)]
pub(super) struct Precedence {
    operands: Vec<Expr>,
    operators: Vec<BinaryOp>,
    /// Where `not in` stands, for each of them that is still among the operators, and how many are before it.
    negated: Vec<(usize, Span)>,
    /// Those that have their sides: left, itself, right.
    not_in: Vec<(Span, Span, Span)>,
    /// The place of a comparison of a comparison, or a range of a range.
    pub(super) chained: Option<Span>,
}

impl Precedence {
    pub(super) fn operand(&mut self, expr: Expr) {
        self.operands.push(expr);
    }

    pub(super) fn operator(&mut self, op: BinaryOp) {
        if let Some(last) = self.operands.last()
            && matches!(strength(op), 3 | 5)
            && self.operators.iter().rev().map(|&o| strength(o)).find(|&s| s <= strength(op)) == Some(strength(op))
        {
            self.chained = self.chained.or(Some(last.span));
        }
        while let Some(&top) = self.operators.last()
            && (strength(top) > strength(op) || strength(top) == strength(op) && op != BinaryOp::Coalesce)
        {
            self.reduce();
        }
        self.operators.push(op);
    }

    /// `x not in xs`.
    pub(super) fn not_in(&mut self, place: Span) {
        self.operator(BinaryOp::In);
        self.negated.push((self.operators.len(), place));
    }

    fn reduce(&mut self) {
        let negated = self.negated.pop_if(|(at, _)| *at == self.operators.len());
        let (Some(op), Some(right), Some(left)) = (self.operators.pop(), self.operands.pop(), self.operands.pop())
        else {
            return;
        };
        let span = left.span.to(right.span);
        let (from, to) = (left.span, right.span);
        let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
        let mut expr = Expr { kind, span };
        if let Some((_, place)) = negated {
            self.not_in.push((from, place, to));
            expr = Expr { kind: ExprKind::Not(Box::new(expr)), span };
        }
        self.operands.push(expr);
    }

    /// The tree, and where it has a `not in`.
    pub(super) fn finish(mut self) -> (Option<Expr>, Vec<(Span, Span, Span)>) {
        while !self.operators.is_empty() && self.operands.len() > 1 {
            self.reduce();
        }
        (self.operands.pop(), self.not_in)
    }
}

/// `||` binds weakest, `*` strongest.
fn strength(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::In => 3,
        BinaryOp::Coalesce => 4,
        BinaryOp::Range => 5,
        BinaryOp::Add | BinaryOp::Sub => 6,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 7,
    }
}

pub(super) fn binary_op(text: &str) -> BinaryOp {
    match text {
        "||" | "or" => BinaryOp::Or,
        "&&" | "and" => BinaryOp::And,
        "==" | "===" | "is" => BinaryOp::Eq,
        "!=" | "!==" => BinaryOp::Ne,
        text if text.starts_with("is") => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "in" => BinaryOp::In,
        "??" => BinaryOp::Coalesce,
        ".." => BinaryOp::Range,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        _ => BinaryOp::Rem,
    }
}

/// `left = right` as a condition, meant as a comparison, which binds closer than `&&` and `||`.
pub(super) fn equals(left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    if let ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left: first, right: last } = left.kind {
        let last = Box::new(equals(*last, right));
        return Expr { kind: ExprKind::Binary { op, left: first, right: last }, span };
    }
    if let ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left: first, right: last } = right.kind {
        let first = Box::new(equals(left, *first));
        return Expr { kind: ExprKind::Binary { op, left: first, right: last }, span };
    }
    Expr { kind: ExprKind::Binary { op: BinaryOp::Eq, left: Box::new(left), right: Box::new(right) }, span }
}
