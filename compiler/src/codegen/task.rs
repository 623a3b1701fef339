//! Tasks and `select`. A body that spawns opens a scope where it begins; every way out of it goes through the scope's
//! join: `return` jumps to it, and a failure cancels the tasks first. The bodies of `within` and `saga` have scopes of
//! their own, which whoever jumps out of them joins on the way.

use weft_bytecode::types::builtin;
use weft_bytecode::{Op, Reg};

use super::cleanup::Closed;
use super::function::{Emit, Label, Shape, Val};
use super::wait::TASKS;
use crate::hir::{Expr, ExprKind, Frame, SelectArm, Source};
use crate::types::Ty;

/// The tasks of the body being emitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tasks {
    /// Where `return` goes, and the register it leaves the value in.
    pub exit: Label,
    pub out: Reg,
    /// How much is around the scope that `return` need not close: it passes there on its way out.
    pub closings: usize,
    /// Where `continue as new` goes, if one is in the body, and the register it leaves the arguments in.
    pub anew: Option<(Label, Reg)>,
}

impl Emit<'_, '_, '_> {
    /// A body that spawns; `None` if it does not. What it defers is done when its tasks have ended.
    pub(super) fn body_with_tasks(&mut self, body: &Expr, result: Ty) -> Option<Val> {
        match &body.kind {
            _ if !body.begins_tasks() => None,
            ExprKind::Cleanup { saga: false, body } => {
                let mut value = self.nothing();
                self.keeping(Closed::Body, |this| value = this.with_tasks(body, result));
                Some(value)
            }
            _ => Some(self.with_tasks(body, result)),
        }
    }

    /// A body with its tasks: its value comes after they have ended.
    fn with_tasks(&mut self, body: &Expr, result: Ty) -> Val {
        let scope = self.open_tasks();
        let out = if result == Ty::UNIT { self.nothing() } else { self.temp(result) };
        let exit = self.label();
        self.spawning = Some(scope.reg);
        self.tasks = Some(Tasks { exit, out: out.reg, closings: self.closings.len(), anew: None });
        let from = self.here();
        if result == Ty::UNIT {
            let value = self.expr(body, None);
            self.release(value);
        } else {
            self.expr(body, Some(out.reg));
            if body.ty != Ty::NEVER {
                self.share_on_return(body, out.reg);
            }
        }
        if body.ty != Ty::NEVER {
            self.goto(exit);
        }
        let to = self.here();
        let failure = self.raw(builtin::FAILURE);
        self.handler(from, to, to, failure);
        self.op(Op::ScopeLeave, scope.reg, 0, 0);
        let unit = self.raw(builtin::UNIT);
        self.op(Op::ScopeJoin, unit, scope.reg, 0);
        self.op(Op::Throw, failure, 0, 0);
        if let Some((label, record)) = self.tasks.and_then(|tasks| tasks.anew) {
            self.bind(label);
            self.op(Op::ScopeJoin, unit, scope.reg, 0);
            self.close_down_to(0);
            self.op(Op::ContinueAsNew, record, 0, 0);
        }
        self.bind(exit);
        self.op(Op::ScopeJoin, unit, scope.reg, 0);
        self.tasks = None;
        self.spawning = None;
        out
    }

    fn open_tasks(&mut self) -> Val {
        let limit = self.temp(Ty::INT);
        self.wide(Op::LoadInt, limit.reg, 0);
        let scope = self.temp(Ty::INT);
        self.op(Op::ScopeOpen, scope.reg, TASKS, limit.reg);
        self.release(limit);
        scope
    }

    /// The body of a `within` or a `saga` as an arm: it is left when its tasks have ended, by the deadline to its `else`
    /// and by a failure to its undos.
    pub(super) fn arm_with_tasks(&mut self, body: &Expr, dst: Option<Reg>) {
        if !body.begins_tasks() {
            return self.arm(body, dst);
        }
        let scope = self.open_tasks();
        let outer = self.spawning.replace(scope.reg);
        let end = self.label();
        let ways = self.closing(Closed::Tasks(scope.reg), |this| {
            this.arm(body, dst);
            // Tasks may change the state that the value comes from.
            if let Some(out) = dst
                && !matches!(body.ty, Ty::UNIT | Ty::NEVER)
            {
                this.share(body, out);
            }
        });
        self.join_tasks(scope.reg);
        self.goto(end);
        if !ways.is_empty() {
            let failure = self.raw(builtin::FAILURE);
            let target = self.here();
            self.handlers(&ways, target, failure);
            self.op(Op::ScopeLeave, scope.reg, 0, 0);
            self.join_tasks(scope.reg);
            self.op(Op::Throw, failure, 0, 0);
            self.give_back(failure);
        }
        self.bind(end);
        self.spawning = outer;
        self.release(scope);
    }

    pub(super) fn join_tasks(&mut self, scope: Reg) {
        let unit = self.raw(builtin::UNIT);
        self.op(Op::ScopeJoin, unit, scope, 0);
        self.give_back(unit);
    }

    pub(super) fn task(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        match &expr.kind {
            ExprKind::Spawn(task) => self.spawn_task(task, expr.ty, dst),
            ExprKind::Await(task) => {
                let task = self.value(task);
                let out = self.into(dst, expr.ty);
                self.op(Op::AwaitTask, out.reg, task.reg, 0);
                self.release(task);
                out
            }
            ExprKind::Select(arms) => self.select(arms, expr.ty, dst),
            _ => self.nothing(),
        }
    }

    fn spawn_task(&mut self, task: &Frame, ty: Ty, dst: Option<Reg>) -> Val {
        let Some(scope) = self.spawning else { return self.nothing() };
        let root = self.root.clone();
        let func = self.em.frame(&root, "spawn", self.locals(), task, Shape::Plain(task.result));
        let regs = self.captures(task);
        self.args(Op::ScopeSpawn, scope, func.0, &regs);
        let out = self.into(dst, ty);
        self.op(Op::TaskHandle, out.reg, scope, 0);
        out
    }

    fn select(&mut self, arms: &[SelectArm], ty: Ty, dst: Option<Reg>) -> Val {
        let mut sources = Vec::new();
        for arm in arms {
            sources.push(match &arm.source {
                Source::After(value) | Source::At(value) => {
                    let val = self.value(value);
                    if value.ty == Ty::NEVER {
                        return self.nothing();
                    }
                    // A later source may change what it was read from.
                    self.keep(value, val)
                }
                Source::Task(task) => Val { reg: self.local(*task), temp: false },
                Source::Message(mailbox) => {
                    let val = self.temp(Ty::INT);
                    self.op(Op::SelectMailbox, val.reg, *mailbox, 0);
                    val
                }
                Source::When(cond) => {
                    let (func, closure) = self.condition(cond);
                    let regs = self.captures(cond);
                    self.args(Op::Closure, closure.reg, func.0, &regs);
                    closure
                }
                Source::Unknown => return self.nothing(),
            });
        }
        let first = self.temp(Ty::INT);
        let regs: Vec<Reg> = sources.iter().map(|source| source.reg).collect();
        self.args(Op::Select, first.reg, 0, &regs);
        self.release_all(&sources);
        let end = self.label();
        let out = self.either(ty, dst, |this, dst| {
            for (n, arm) in arms.iter().enumerate() {
                let next = this.label();
                if n + 1 < arms.len() {
                    let (place, test) = (this.temp(Ty::INT), this.temp(Ty::BOOL));
                    this.wide(Op::LoadInt, place.reg, n as u32);
                    this.op(Op::EqInt, test.reg, first.reg, place.reg);
                    this.jump(Op::JumpIfNot, test.reg, next);
                    this.release(test);
                    this.release(place);
                }
                this.arm(&arm.body, dst);
                if arm.body.ty != Ty::NEVER {
                    this.goto(end);
                }
                this.bind(next);
            }
            this.bind(end);
        });
        self.release(first);
        out
    }
}
