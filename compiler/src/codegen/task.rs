//! Tasks and `select`. A body that spawns, of a function, a branch, a `within` or a `saga`, opens a scope where it begins.
//! Every way out of it goes through the scope's join: whoever jumps out joins on the way, and a failure cancels the tasks
//! first.

use weft_bytecode::types::builtin;
use weft_bytecode::{Op, Reg};

use super::cleanup::Closed;
use super::function::{Emit, Shape, Val};
use super::wait::TASKS;
use crate::hir::{Expr, ExprKind, Frame, SelectArm, SelectSource};
use crate::types::Ty;

impl Emit<'_, '_, '_> {
    /// The value of a whole body; the tasks that it began have ended.
    pub(super) fn body(&mut self, body: &Expr) -> Val {
        match body.begins_tasks() {
            true => self.either(body.ty, None, |this, dst| this.arm_with_tasks(body, dst)),
            false => self.expr(body, None),
        }
    }

    fn open_tasks(&mut self) -> Val {
        let limit = self.temp(Ty::INT);
        self.wide(Op::LoadInt, limit.reg, 0);
        let scope = self.temp(Ty::INT);
        self.op(Op::ScopeOpen, scope.reg, TASKS, limit.reg);
        self.release(limit);
        scope
    }

    /// A body as an arm: it is left when its tasks have ended, that of a `within` by the deadline to its `else`, and what
    /// keeps cleanup by a failure to its cleanup.
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
            this.outlives(body, dst);
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
                SelectSource::After(value) | SelectSource::At(value) => {
                    let val = self.value(value);
                    if value.ty == Ty::NEVER {
                        return self.nothing();
                    }
                    // A later source may change what it was read from.
                    self.keep(value, val)
                }
                SelectSource::Task(task) => Val { reg: self.local(*task), temp: false },
                SelectSource::Message(mailbox) => {
                    let val = self.temp(Ty::INT);
                    self.op(Op::SelectMailbox, val.reg, *mailbox, 0);
                    val
                }
                SelectSource::When(cond) => {
                    let (func, closure) = self.condition(cond);
                    let regs = self.captures(cond);
                    self.args(Op::Closure, closure.reg, func.0, &regs);
                    closure
                }
                SelectSource::Unknown => return self.nothing(),
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
