//! Arithmetic, comparison, `??`, `?.` and `try`.

use weft_bytecode::types::builtin;
use weft_bytecode::{Op, Reg};

use super::cleanup::Closed;
use super::function::{Emit, Val};
use crate::hir::{Catch, Expr, LocalId};
use crate::syntax::ast::BinaryOp;
use crate::types::{DefId, Ty};

impl Emit<'_, '_, '_> {
    pub(super) fn negate(&mut self, inner: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        let op = match ty {
            Ty::FLOAT => Op::NegFloat,
            Ty::DECIMAL => Op::NegDecimal,
            _ => Op::NegInt,
        };
        self.unary(op, inner, ty, dst)
    }

    pub(super) fn binary(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr, dst: Option<Reg>) -> Val {
        use BinaryOp::*;
        if matches!(op, And | Or) {
            return self.test_value(expr, dst);
        }
        let Some(vals) = self.operands([left, right]) else { return self.nothing() };
        let (a, b) = (vals[0].reg, vals[1].reg);
        let out = self.into(dst, expr.ty);
        match op {
            Eq | Ne => self.equality(op, left.ty, a, b, out.reg),
            Lt | Le => self.order(op, left.ty, a, b, out.reg),
            Gt => self.order(Lt, left.ty, b, a, out.reg),
            Ge => self.order(Le, left.ty, b, a, out.reg),
            _ => {
                let op = arithmetic(op, left.ty, right.ty);
                // `Time + Duration` is defined that way around.
                let (a, b) = if (left.ty, right.ty) == (Ty::DURATION, Ty::TIME) { (b, a) } else { (a, b) };
                self.op(op, out.reg, a, b);
            }
        }
        self.release_all(&vals);
        out
    }

    fn equality(&mut self, op: BinaryOp, ty: Ty, a: Reg, b: Reg, dst: Reg) {
        let types = &self.em.world.types;
        let slots = types.is_scalar(ty) && ty != Ty::FLOAT;
        match (slots, op) {
            (true, BinaryOp::Eq) => self.op(Op::EqInt, dst, a, b),
            (true, _) => self.op(Op::NeInt, dst, a, b),
            (false, BinaryOp::Eq) => self.op(Op::Equal, dst, a, b),
            (false, _) => {
                self.op(Op::Equal, dst, a, b);
                self.op(Op::Not, dst, dst, 0);
            }
        }
    }

    fn order(&mut self, op: BinaryOp, ty: Ty, a: Reg, b: Reg, dst: Reg) {
        let less = op == BinaryOp::Lt;
        let row = match ty {
            Ty::INT | Ty::DURATION | Ty::TIME | Ty::DATE => [Op::LeInt, Op::LtInt],
            Ty::FLOAT => [Op::LeFloat, Op::LtFloat],
            _ => [Op::LessEqual, Op::Less],
        };
        self.op(row[usize::from(less)], dst, a, b);
    }

    pub(super) fn coalesce(&mut self, left: &Expr, right: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        let (none, end) = (self.label(), self.label());
        let value = self.value(left);
        self.jump(Op::JumpIfNone, value.reg, none);
        let out = self.either(ty, dst, |this, dst| {
            if let Some(dst) = dst {
                // `a ?? b` with an optional `b` stays optional.
                let op = if left.ty == ty { Op::Move } else { Op::Unwrap };
                this.op(op, dst, value.reg, 0);
            }
            this.goto(end);
            this.bind(none);
            this.arm(right, dst);
            this.bind(end);
        });
        self.release(value);
        out
    }

    pub(super) fn chain(&mut self, value: &Expr, bind: LocalId, body: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        let (none, end) = (self.label(), self.label());
        let found = self.value(value);
        self.jump(Op::JumpIfNone, found.reg, none);
        let out = self.either(ty, dst, |this, dst| {
            this.scoped(|this| {
                let inner = this.local(bind);
                this.op(Op::Unwrap, inner, found.reg, 0);
                this.arm(body, dst);
            });
            this.goto(end);
            this.bind(none);
            if let Some(dst) = dst {
                this.op(Op::LoadNone, dst, 0, 0);
            }
            this.bind(end);
        });
        self.release(found);
        out
    }

    pub(super) fn try_catch(
        &mut self,
        body: &Expr,
        failure: LocalId,
        catches: &[Catch],
        ty: Ty,
        dst: Option<Reg>,
    ) -> Val {
        self.either(ty, dst, |this, dst| {
            let end = this.label();
            let ways = this.closing(Closed::Try, |this| this.arm(body, dst));
            if ways.is_empty() {
                // Nothing in there can fail.
                return this.bind(end);
            }
            if body.ty != Ty::NEVER {
                this.goto(end);
            }
            this.scoped(|this| {
                let reg = this.local(failure);
                let target = this.here();
                this.handlers(&ways, target, reg);
                for catch in catches {
                    this.catch(catch, reg, dst, end);
                }
                this.op(Op::Throw, reg, 0, 0);
            });
            this.bind(end);
        })
    }

    fn catch(&mut self, catch: &Catch, failure: Reg, dst: Option<Reg>, end: super::function::Label) {
        let outer = self.set_span(catch.span);
        let (hit, next) = (self.label(), self.label());
        let test = self.temp(Ty::BOOL);
        match &catch.errors {
            // `Canceled` must be named: cleaning up by accident would hide it.
            None => {
                self.op(Op::IsError, test.reg, failure, builtin::CANCELED.0);
                self.jump(Op::JumpIf, test.reg, next);
            }
            Some(errors) => {
                for id in errors {
                    let ty = self.error_type(*id);
                    self.op(Op::IsError, test.reg, failure, ty);
                    self.jump(Op::JumpIf, test.reg, hit);
                }
                self.goto(next);
            }
        }
        self.release(test);
        self.bind(hit);
        self.scoped(|this| {
            if let Some(pattern) = &catch.bind {
                if catch.ty == Ty::FAILURE {
                    this.pattern(pattern, failure, None);
                } else {
                    let error = this.temp(catch.ty);
                    this.op(Op::Cast, error.reg, failure, 0);
                    this.pattern(pattern, error.reg, None);
                    this.release(error);
                }
            }
            this.arm(&catch.body, dst);
        });
        if catch.body.ty != Ty::NEVER {
            self.goto(end);
        }
        self.bind(next);
        self.set_span(outer);
    }

    fn error_type(&mut self, id: DefId) -> u16 {
        let ty = self.em.world.types.def_ty(id);
        self.em.ty(ty).0
    }
}

/// The op of arithmetic on operand types.
fn arithmetic(op: BinaryOp, left: Ty, right: Ty) -> Op {
    let column = match (left, right) {
        (Ty::FLOAT, _) => 1,
        (Ty::DECIMAL, _) => 2,
        _ => 0,
    };
    let row = match op {
        BinaryOp::Sub => [Op::SubInt, Op::SubFloat, Op::SubDecimal],
        BinaryOp::Mul => [Op::MulInt, Op::MulFloat, Op::MulDecimal],
        BinaryOp::Div => [Op::DivInt, Op::DivFloat, Op::DivDecimal],
        BinaryOp::Rem => [Op::RemInt, Op::RemFloat, Op::RemDecimal],
        _ => [Op::AddInt, Op::AddFloat, Op::AddDecimal],
    };
    row[column]
}
