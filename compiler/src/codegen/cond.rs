//! Tests: as jumps where they decide what runs, as values elsewhere.

use weft_bytecode::{Op, Reg};

use super::function::{Emit, Label, Val};
use crate::hir::{Expr, ExprKind, Value};
use crate::syntax::ast::BinaryOp;
use crate::types::Ty;

impl Emit<'_, '_, '_> {
    /// Goes on if the test holds, else continues at `target`.
    pub(super) fn jump_unless(&mut self, cond: &Expr, target: Label) {
        self.jump_when(cond, target, false);
    }

    /// Continues at `target` if the test is `when`.
    fn jump_when(&mut self, cond: &Expr, target: Label, when: bool) {
        match &cond.kind {
            ExprKind::Const(Value::Bool(b)) => {
                if *b == when {
                    self.goto(target);
                }
            }
            ExprKind::Not(inner) => self.jump_when(inner, target, !when),
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                // `a && b` is false, and `a || b` is true, as soon as one side is.
                let short = (*op == BinaryOp::Or) == when;
                if short {
                    self.jump_when(left, target, when);
                    self.jump_when(right, target, when);
                } else {
                    let skip = self.label();
                    self.jump_when(left, skip, !when);
                    self.jump_when(right, target, when);
                    self.bind(skip);
                }
            }
            ExprKind::IsNone(inner) => {
                let val = self.value(inner);
                if when {
                    self.jump(Op::JumpIfNone, val.reg, target);
                } else {
                    let skip = self.label();
                    self.jump(Op::JumpIfNone, val.reg, skip);
                    self.goto(target);
                    self.bind(skip);
                }
                self.release(val);
            }
            _ => {
                let val = self.value(cond);
                if cond.ty != Ty::NEVER {
                    self.jump(if when { Op::JumpIf } else { Op::JumpIfNot }, val.reg, target);
                }
                self.release(val);
            }
        }
    }

    /// `!a`, `a && b`, `a == none` as a value.
    pub(super) fn test_value(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        if let ExprKind::Not(inner) = &expr.kind
            && !matches!(inner.kind, ExprKind::IsNone(_) | ExprKind::Binary(BinaryOp::And | BinaryOp::Or, ..))
        {
            return self.unary(Op::Not, inner, Ty::BOOL, dst);
        }
        // The place is written last: the test may read it.
        let (no, end) = (self.label(), self.label());
        self.jump_unless(expr, no);
        let out = self.into(dst, Ty::BOOL);
        self.wide(Op::LoadInt, out.reg, 1);
        self.goto(end);
        self.bind(no);
        self.wide(Op::LoadInt, out.reg, 0);
        self.bind(end);
        out
    }
}
