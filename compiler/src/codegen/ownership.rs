//! Owners of values. A value is changed in place where only one place holds it, so whoever gets a value that another place
//! holds, or that other code may change before it is used, marks it as shared.

use weft_bytecode::op::Native;
use weft_bytecode::{Op, Reg};

use super::function::{Emit, NOTHING, Val};
use crate::hir::{Expr, ExprKind, Root};
use crate::types::Ty;

impl Emit<'_, '_, '_> {
    /// The value of an expression in a register that keeps it, whatever the code that runs before its use changes.
    pub(super) fn keep(&mut self, expr: &Expr, val: Val) -> Val {
        if expr.ty == Ty::NEVER || val.reg == NOTHING || !self.changeable(expr) {
            return val;
        }
        let kept = match val.temp {
            true => val,
            false => {
                let copy = self.temp(expr.ty);
                self.op(Op::Move, copy.reg, val.reg, 0);
                copy
            }
        };
        self.share(expr, kept.reg);
        kept
    }

    /// Whether the value of an expression may be that of a `var` or of state, which other code may change.
    fn changeable(&self, expr: &Expr) -> bool {
        match root_of(expr) {
            Some(Root::Local(id)) => self.locals[id.0 as usize].var,
            Some(Root::State(_)) => true,
            // `if a { xs } else { ys }` and its like name no root, and still give what has an owner.
            None => !is_fresh(expr),
        }
    }

    /// Marks a value that gets a second owner.
    pub(super) fn share(&mut self, expr: &Expr, reg: Reg) {
        if self.em.world.types.is_updatable(expr.ty) && !is_fresh(expr) && reg != NOTHING {
            self.op(Op::Share, reg, 0, 0);
        }
    }

    /// A local of this function dies with it; everything else that is returned gets a second owner.
    pub(super) fn share_on_return(&mut self, expr: &Expr, reg: Reg) {
        if matches!(expr.kind, ExprKind::Local(_)) && reg >= self.params {
            return;
        }
        self.share(expr, reg);
    }

    /// Evaluates a value that a new owner gets.
    pub(super) fn owned(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        let val = self.expr(expr, dst);
        if expr.ty != Ty::NEVER {
            self.share(expr, val.reg);
        }
        val
    }

    /// Code that runs before the value of an arm is used may change what the value comes from: it gets an owner.
    pub(super) fn outlives(&mut self, body: &Expr, dst: Option<Reg>) {
        if let Some(out) = dst
            && !matches!(body.ty, Ty::UNIT | Ty::NEVER)
        {
            self.share(body, out);
        }
    }

    /// The registers of what a frame captures. What may be changed later gets a second owner.
    pub(super) fn captures(&mut self, frame: &crate::hir::Frame) -> Vec<Reg> {
        let mut regs = Vec::new();
        for id in &frame.captures {
            let reg = self.local(*id);
            let local = &self.locals[id.0 as usize];
            if local.var && self.em.world.types.is_updatable(local.ty) {
                self.op(Op::Share, reg, 0, 0);
            }
            regs.push(reg);
        }
        regs
    }
}

/// Whether a value has no owner yet.
pub(super) fn is_fresh(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Local(_) | ExprKind::State(_) | ExprKind::Field(..) | ExprKind::Index(..) => false,
        ExprKind::Some(inner) | ExprKind::Unwrap(inner) | ExprKind::Cast(inner) => is_fresh(inner),
        ExprKind::Coalesce(left, right) => is_fresh(left) && is_fresh(right),
        ExprKind::If { then, otherwise, .. } => is_fresh(then) && is_fresh(otherwise),
        ExprKind::Patch { then, otherwise, .. } => is_fresh(then) && otherwise.as_ref().is_none_or(|e| is_fresh(e)),
        ExprKind::Match { arms, .. } => arms.iter().all(|arm| is_fresh(&arm.body)),
        ExprKind::Block { value, .. } => value.as_ref().is_none_or(|v| is_fresh(v)),
        ExprKind::Try { body, catches, .. } => is_fresh(body) && catches.iter().all(|c| is_fresh(&c.body)),
        ExprKind::Chain { body, .. } | ExprKind::Cleanup { body, .. } => is_fresh(body),
        ExprKind::Within { body, otherwise, .. } => is_fresh(body) && otherwise.as_ref().is_none_or(|e| is_fresh(e)),
        ExprKind::Gather { gather, .. } => !gather.gives_an_element(),
        ExprKind::Fold { init, body, .. } => is_fresh(init) && is_fresh(body),
        ExprKind::Receive { .. } | ExprKind::WaitUntil { .. } | ExprKind::Await(_) => false,
        ExprKind::Select(arms) => arms.iter().all(|arm| is_fresh(&arm.body)),
        ExprKind::Native(native, _) => {
            use Native::*;
            !matches!(native, ListFirst | ListLast | ListMin | ListMax | MapGet | MapIndex)
        }
        _ => true,
    }
}

/// The local or state an expression reads a part of.
pub(super) fn root_of(expr: &Expr) -> Option<Root> {
    match &expr.kind {
        ExprKind::Local(id) => Some(Root::Local(*id)),
        ExprKind::State(cell) => Some(Root::State(*cell)),
        ExprKind::Field(inner, _) | ExprKind::Unwrap(inner) | ExprKind::Some(inner) | ExprKind::Index(inner, _) => {
            root_of(inner)
        }
        ExprKind::Native(Native::MapIndex, args) => args.first().and_then(root_of),
        _ => None,
    }
}
