//! Deadlines and cleanup, and what code that leaves them early closes on its way.
//!
//! A handler covers the body of a `try`, a `within` or of what keeps cleanup, but for the places where `return`, `break`
//! or `continue` leave it: what fails while they close things is no failure of the body.

use weft_bytecode::types::builtin;
use weft_bytecode::{Op, Reg};

use super::function::{Emit, Shape, Val};
use crate::hir::{Deferred, Expr, Frame};
use crate::types::Ty;

/// What is around the code being emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Try,
    Within,
    Saga,
    Body,
    /// The tasks of a body, by their scope.
    Tasks(Reg),
}

/// Something to close on the way out, and the code inside that is on its way out already.
pub(super) struct Closing {
    closed: Closed,
    holes: Vec<(u32, u32)>,
}

/// Ranges of code.
pub(super) type Ways = Vec<(u32, u32)>;

impl Emit<'_, '_, '_> {
    /// Emits the body of something that must be closed; gives the ranges that its handler covers.
    pub(super) fn closing(&mut self, closed: Closed, body: impl FnOnce(&mut Self)) -> Ways {
        let mut from = self.here();
        self.closings.push(Closing { closed, holes: Vec::new() });
        body(self);
        let holes = self.closings.pop().map(|closing| closing.holes).unwrap_or_default();
        let mut ways = Vec::new();
        for (start, end) in holes.into_iter().chain([(self.here(), self.here())]) {
            if from < start {
                ways.push((from, start));
            }
            from = end;
        }
        ways
    }

    /// Handlers for the ranges of one body: the next instruction gets its failures.
    pub(super) fn handlers(&mut self, ways: &[(u32, u32)], target: u32, reg: Reg) {
        for (from, to) in ways {
            self.handler(*from, *to, target, reg);
        }
    }

    /// Closes all but the outermost so many: a jump out follows.
    pub(super) fn close_down_to(&mut self, around: usize) {
        let mut starts = Vec::new();
        for place in (around..self.closings.len()).rev() {
            starts.push((place, self.here()));
            self.close(self.closings[place].closed);
        }
        let end = self.here();
        for (place, start) in starts {
            if start < end {
                self.closings[place].holes.push((start, end));
            }
        }
    }

    fn close(&mut self, closed: Closed) {
        match closed {
            Closed::Try => {}
            Closed::Tasks(scope) => self.join_tasks(scope),
            Closed::Within => self.op(Op::WithinEnd, 0, 0, 0),
            // Whoever returns has done what was to be done.
            Closed::Saga => self.op(Op::CleanupDrop, 0, 0, 0),
            Closed::Body => {
                let nothing = self.raw(builtin::OPTION_FAILURE);
                self.op(Op::LoadNone, nothing, 0, 0);
                self.op(Op::Leave, nothing, 0, 0);
                self.give_back(nothing);
            }
        }
    }

    pub(super) fn within(
        &mut self,
        limit: &Expr,
        body: &Expr,
        otherwise: Option<&Expr>,
        ty: Ty,
        dst: Option<Reg>,
    ) -> Val {
        let limit = self.value(limit);
        let (late, end) = (self.label(), self.label());
        let open = self.temp(Ty::BOOL);
        self.op(Op::Within, open.reg, limit.reg, 0);
        self.release(limit);
        self.jump(Op::JumpIfNot, open.reg, late);
        self.release(open);
        self.either(ty, dst, |this, dst| {
            let ways = this.closing(Closed::Within, |this| this.arm_with_tasks(body, dst));
            this.close(Closed::Within);
            this.goto(end);
            if !ways.is_empty() {
                let (failure, over) = (this.raw(builtin::FAILURE), this.raw(builtin::BOOL));
                let target = this.here();
                this.handlers(&ways, target, failure);
                this.op(Op::WithinFailed, over, failure, 0);
                this.jump(Op::JumpIf, over, late);
                this.op(Op::Throw, failure, 0, 0);
                this.give_back(over);
                this.give_back(failure);
            }
            this.bind(late);
            match otherwise {
                Some(otherwise) => this.arm(otherwise, dst),
                None => this.throw_timeout("the time of `within` was over", "within"),
            }
            this.bind(end);
        })
    }

    pub(super) fn with_cleanup(&mut self, saga: bool, body: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        self.either(ty, dst, |this, dst| match saga {
            true => this.keeping(Closed::Saga, |this| this.arm_with_tasks(body, dst)),
            false => this.keeping(Closed::Body, |this| {
                this.arm_with_tasks(body, dst);
                // What is deferred may change what the value comes from, and so may others while it waits.
                this.outlives(body, dst);
            }),
        })
    }

    /// Code that keeps cleanup.
    fn keeping(&mut self, closed: Closed, body: impl FnOnce(&mut Self)) {
        self.op(Op::CleanupOpen, u16::from(closed == Closed::Saga), 0, 0);
        let end = self.label();
        let ways = self.closing(closed, body);
        self.close(closed);
        self.goto(end);
        if !ways.is_empty() {
            let (failure, left) = (self.raw(builtin::FAILURE), self.raw(builtin::OPTION_FAILURE));
            let target = self.here();
            self.handlers(&ways, target, failure);
            self.op(Op::Some, left, failure, 0);
            self.op(Op::Leave, left, 0, 0);
            self.op(Op::Throw, failure, 0, 0);
            self.give_back(left);
            self.give_back(failure);
        }
        self.bind(end);
    }

    pub(super) fn defer(&mut self, what: Deferred, frame: &Frame) -> Val {
        let root = self.root.clone();
        let (what, hops, kind) = match what {
            Deferred::Always => (0, 0, "defer"),
            Deferred::OnCancel => (1, 0, "on_cancel"),
            Deferred::Undo { hops } => (2, hops, "undo"),
        };
        let func = self.em.frame(&root, kind, self.locals(), frame, Shape::Plain(Ty::UNIT));
        let closure = {
            let unit = self.em.ty(Ty::UNIT);
            let ty = self.em.types.fn_of(Vec::new(), unit);
            self.raw(ty)
        };
        let regs = self.captures(frame);
        // It outlives the locals it has seen: whoever gets them must not change them.
        for (id, reg) in frame.captures.iter().zip(&regs) {
            if self.em.world.types.is_updatable(self.local_info(*id).ty) {
                self.op(Op::Share, *reg, 0, 0);
            }
        }
        self.args(Op::Closure, closure, func.0, &regs);
        self.op(Op::CleanupAdd, what, closure, hops);
        self.give_back(closure);
        self.nothing()
    }
}
