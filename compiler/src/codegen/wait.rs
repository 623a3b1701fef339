//! Commands and what suspends: activities, children, timers, conditions, messages, branches.

use weft_bytecode::op::DETACHED;
use weft_bytecode::types::builtin;
use weft_bytecode::{FuncId, Op, Reg};

use super::ConstantKey;
use super::function::{Emit, Shape, Val};
use crate::hir::{Expr, ExprKind, Frame};
use crate::types::{Kind, Ty};

const PARALLEL: u16 = 0;
const RACE: u16 = 1;
pub(super) const TASKS: u16 = 2;

impl Emit<'_, '_, '_> {
    pub(super) fn wait(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        match &expr.kind {
            ExprKind::Activity { activity, args, options } => {
                let params = self.em.world.activities[*activity as usize].sig.params.clone();
                let Some(sent) = self.sent(&params, args, options.as_deref()) else { return self.nothing() };
                let handle = self.temp(Ty::INT);
                let regs: Vec<Reg> = sent.iter().map(|v| v.reg).collect();
                let number = self.em.number(*activity as usize);
                self.args(Op::ScheduleActivity, handle.reg, number, &regs);
                self.release_all(&sent);
                self.awaited(Op::Await, handle, expr.ty, dst)
            }
            ExprKind::Child { workflow, args, options, detached } => {
                let params = self.em.world.workflows[*workflow as usize].sig.params.clone();
                let Some(sent) = self.sent(&params, args, options.as_deref()) else { return self.nothing() };
                let handle = self.temp(Ty::INT);
                let regs: Vec<Reg> = sent.iter().map(|v| v.reg).collect();
                let flag = if *detached { DETACHED } else { 0 };
                let number = self.em.number(*workflow as usize);
                self.args_with(Op::StartChild, handle.reg, number, &regs, flag);
                self.release_all(&sent);
                let op = if *detached { Op::AwaitStarted } else { Op::Await };
                self.awaited(op, handle, expr.ty, dst)
            }
            ExprKind::Sleep { until, value } => {
                let value = self.value(value);
                let handle = self.temp(Ty::INT);
                let op = if *until { Op::StartTimerAt } else { Op::StartTimer };
                self.op(op, handle.reg, value.reg, 0);
                self.release(value);
                self.awaited(Op::Await, handle, Ty::UNIT, None)
            }
            ExprKind::WaitUntil { cond, timeout, otherwise } => {
                self.wait_until(cond, timeout.as_deref(), otherwise.as_deref(), expr.ty, dst)
            }
            _ => self.receive(expr, dst),
        }
    }

    /// The record of the arguments and, if given, that of the options. They are encoded at once, so nothing in them
    /// gets an owner.
    pub(super) fn sent(
        &mut self,
        params: &[crate::types::FieldDef],
        args: &[Expr],
        options: Option<&Expr>,
    ) -> Option<Vec<Val>> {
        let vals = self.operands(args)?;
        let ty = self.em.args(params);
        let record = Val { reg: self.raw(ty), temp: true };
        let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
        self.args(Op::New, record.reg, 0, &regs);
        self.release_all(&vals);
        let mut sent = vec![record];
        if let Some(options) = options {
            sent.push(self.value(options));
        }
        Some(sent)
    }

    /// Waits for an operation; its handle is given back.
    pub(super) fn awaited(&mut self, op: Op, handle: Val, ty: Ty, dst: Option<Reg>) -> Val {
        let out = self.into(dst, ty);
        self.op(op, out.reg, handle.reg, 0);
        self.release(handle);
        out
    }

    fn wait_until(
        &mut self,
        cond: &Frame,
        timeout: Option<&Expr>,
        otherwise: Option<&Expr>,
        ty: Ty,
        dst: Option<Reg>,
    ) -> Val {
        let limit = timeout.map(|t| self.value(t));
        let (func, closure) = self.condition(cond);
        let regs = self.captures(cond);
        self.args(Op::Closure, closure.reg, func.0, &regs);
        let found = self.temp(cond.result);
        let Some(limit) = limit else {
            self.op(Op::WaitUntil, found.reg, closure.reg, 0);
            self.release(closure);
            return self.waited_value(found, cond.result, ty, dst);
        };
        self.op(Op::WaitUntilFor, found.reg, closure.reg, limit.reg);
        self.release(closure);
        self.release(limit);
        let (late, end) = (self.label(), self.label());
        let optional = self.em.world.types.inner(cond.result).is_some();
        self.jump(if optional { Op::JumpIfNone } else { Op::JumpIfNot }, found.reg, late);
        let out = self.either(ty, dst, |this, dst| {
            match dst {
                Some(dst) if optional => this.op(unwrapped(cond.result, ty), dst, found.reg, 0),
                Some(dst) if ty == Ty::BOOL => this.wide(Op::LoadInt, dst, 1),
                Some(dst) => this.wide(Op::LoadInt, dst, 0),
                None => {}
            }
            this.goto(end);
            this.bind(late);
            match otherwise {
                Some(otherwise) => this.arm(otherwise, dst),
                None => this.throw_timeout("the wait timed out", "wait"),
            }
            this.bind(end);
        });
        self.release(found);
        out
    }

    fn waited_value(&mut self, found: Val, result: Ty, ty: Ty, dst: Option<Reg>) -> Val {
        if ty == Ty::UNIT {
            self.release(found);
            return self.nothing();
        }
        let out = self.into(dst, ty);
        self.op(unwrapped(result, ty), out.reg, found.reg, 0);
        self.release(found);
        out
    }

    pub(super) fn condition(&mut self, cond: &Frame) -> (FuncId, Val) {
        let root = self.root.clone();
        let func = self.em.frame(&root, "condition", self.locals(), cond, Shape::Plain(cond.result));
        let result = self.em.ty(cond.result);
        let ty = self.em.types.fn_of(Vec::new(), result);
        (func, Val { reg: self.raw(ty), temp: true })
    }

    /// `throw` of the `Timeout` that a wait without `else` ends in.
    pub(super) fn throw_timeout(&mut self, message_text: &str, kind_text: &str) {
        let error = self.raw(builtin::TIMEOUT);
        let (message, kind) = (self.raw(builtin::STRING), self.raw(builtin::STRING));
        let cause = self.raw(builtin::OPTION_FAILURE);
        let text = self.em.constant(ConstantKey::String(message_text.into()));
        self.wide(Op::LoadConst, message, text);
        let text = self.em.constant(ConstantKey::String(kind_text.into()));
        self.wide(Op::LoadConst, kind, text);
        self.op(Op::LoadNone, cause, 0, 0);
        self.args(Op::New, error, 0, &[message, cause, kind]);
        let failure = self.raw(builtin::FAILURE);
        self.op(Op::Cast, failure, error, 0);
        self.op(Op::Throw, failure, 0, 0);
        for reg in [failure, cause, kind, message, error] {
            self.give_back(reg);
        }
    }

    fn receive(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        let ExprKind::Receive { mailbox, message, value, timeout, otherwise } = &expr.kind else {
            return self.nothing();
        };
        let record = self.em.ty(self.local_info(*message).ty);
        let option = self.em.types.option_of(record);
        let limit = timeout.as_ref().map(|t| self.value(t));
        let found = Val { reg: self.raw(option), temp: true };
        match limit {
            None => self.op(Op::Receive, found.reg, *mailbox, 0),
            Some(limit) => {
                self.op(Op::ReceiveFor, found.reg, *mailbox, limit.reg);
                self.release(limit);
            }
        }
        let (late, end) = (self.label(), self.label());
        if limit.is_some() {
            self.jump(Op::JumpIfNone, found.reg, late);
        }
        let out = self.either(expr.ty, dst, |this, dst| {
            this.scoped(|this| {
                let reg = this.local(*message);
                this.op(Op::Unwrap, reg, found.reg, 0);
                this.arm(value, dst);
            });
            if limit.is_some() {
                this.goto(end);
                this.bind(late);
                match otherwise {
                    Some(otherwise) => this.arm(otherwise, dst),
                    None => this.throw_timeout("the wait timed out", "wait"),
                }
            }
            this.bind(end);
        });
        self.release(found);
        out
    }

    // ---- branches

    pub(super) fn branches(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        match &expr.kind {
            ExprKind::Parallel { limit, collect, branches } => {
                self.parallel(limit.as_deref(), *collect, branches, expr.ty, dst)
            }
            ExprKind::ParallelFor { limit, collect, items, branch } => {
                self.parallel_for(limit.as_deref(), *collect, items, branch, expr.ty, dst)
            }
            ExprKind::Race(branches) => {
                let scope = self.scope(RACE, None);
                for branch in branches {
                    let func = self.branch(branch, "race", Shape::Plain(expr.ty));
                    self.spawn(scope, func, branch, None);
                }
                self.join(scope, expr.ty, dst)
            }
            _ => self.nothing(),
        }
    }

    fn parallel(&mut self, limit: Option<&Expr>, collect: bool, branches: &[Frame], ty: Ty, dst: Option<Reg>) -> Val {
        let scope = self.scope(PARALLEL, limit);
        for branch in branches {
            let shape = self.shape(branch, collect);
            let func = self.branch(branch, "parallel", shape);
            self.spawn(scope, func, branch, None);
        }
        match branches {
            [] => {
                self.release(scope);
                self.nothing()
            }
            // A tuple has two elements at least, so one branch gives a list of one.
            [one] => {
                let shape = self.shape(one, collect);
                let item = self.em.ty(shape.result());
                let list = self.em.types.list_of(item);
                let all = Val { reg: self.raw(list), temp: true };
                self.op(Op::ScopeJoin, all.reg, scope.reg, 0);
                self.release(scope);
                let out = self.into(dst, ty);
                let first = self.temp(Ty::INT);
                self.wide(Op::LoadInt, first.reg, 0);
                self.op(Op::Index, out.reg, all.reg, first.reg);
                self.release(first);
                self.release(all);
                out
            }
            _ => self.join(scope, ty, dst),
        }
    }

    fn parallel_for(
        &mut self,
        limit: Option<&Expr>,
        collect: bool,
        items: &Expr,
        branch: &Frame,
        ty: Ty,
        dst: Option<Reg>,
    ) -> Val {
        // `parallel(limit: n) for x in xs`: the limit is written first, so it is evaluated first.
        let limit = limit.map(|limit| {
            let reg = self.temp(Ty::INT);
            self.expr(limit, Some(reg.reg));
            reg
        });
        // Nothing may fail between the opening of a scope and its join, so the items come before it.
        let Some(source) = self.source(items) else { return self.nothing() };
        let scope = self.open(PARALLEL, limit);
        let shape = self.shape(branch, collect);
        let func = self.branch(branch, "parallel", shape);
        let item_ty = branch.params.first().map_or(Ty::UNIT, |id| self.local_info(*id).ty);
        self.run(source, false, |this, load| {
            let item = this.temp(item_ty);
            load(this, item.reg);
            if this.em.world.types.is_updatable(item_ty) {
                this.op(Op::Share, item.reg, 0, 0);
            }
            this.spawn(scope, func, branch, Some(item.reg));
            this.release(item);
        });
        self.join(scope, ty, dst)
    }

    fn shape(&self, branch: &Frame, collect: bool) -> Shape {
        let ty = if branch.result == Ty::NEVER { Ty::UNIT } else { branch.result };
        match collect {
            false => Shape::Plain(ty),
            true => Shape::Collected(self.em.world.types.intern(Kind::Result(ty))),
        }
    }

    fn branch(&mut self, branch: &Frame, kind: &'static str, shape: Shape) -> FuncId {
        let root = self.root.clone();
        self.em.frame(&root, kind, self.locals(), branch, shape)
    }

    fn scope(&mut self, kind: u16, limit: Option<&Expr>) -> Val {
        let limit = limit.map(|limit| self.value(limit));
        self.open(kind, limit)
    }

    fn open(&mut self, kind: u16, limit: Option<Val>) -> Val {
        let limit = limit.unwrap_or_else(|| {
            let all = self.temp(Ty::INT);
            self.wide(Op::LoadInt, all.reg, 0);
            all
        });
        let scope = self.temp(Ty::INT);
        self.op(Op::ScopeOpen, scope.reg, kind, limit.reg);
        self.release(limit);
        scope
    }

    fn spawn(&mut self, scope: Val, func: FuncId, branch: &Frame, item: Option<Reg>) {
        let mut regs = self.captures(branch);
        regs.extend(item);
        self.args(Op::ScopeSpawn, scope.reg, func.0, &regs);
    }

    fn join(&mut self, scope: Val, ty: Ty, dst: Option<Reg>) -> Val {
        let out = self.into(dst, ty);
        self.op(Op::ScopeJoin, out.reg, scope.reg, 0);
        self.release(scope);
        out
    }
}

/// How the value of a condition becomes that of the wait: an optional result stays one only where it was widened.
fn unwrapped(result: Ty, ty: Ty) -> Op {
    if result == ty { Op::Move } else { Op::Unwrap }
}
