//! Emits one function: registers, labels, fuel, the source map, statements and the dispatch over expressions.

use rustc_hash::FxHashMap;
use weft_bytecode::op::Native;
use weft_bytecode::program::{Function, Handler};
use weft_bytecode::types::builtin;
use weft_bytecode::{Instr, Op, Reg, TypeId};

use super::Emitter;
use super::cleanup::Closing;
use super::ownership::root_of;
use crate::hir::{Expr, ExprKind, Local, LocalId, Root, Stmt};
use crate::source::Span;
use crate::types::Ty;

mod assemble;

/// No value: of type `Unit` where nobody needs one, or never reached.
pub(super) const NOTHING: Reg = Reg::MAX;

/// Where a value is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Val {
    pub reg: Reg,
    /// Whether it may be given back after use.
    pub temp: bool,
}

/// A place to jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// What a frame's function gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// The value of its body.
    Plain(Ty),
    /// `Result` of it: `fail: collect`.
    Collected(Ty),
}

impl Shape {
    pub(super) fn result(self) -> Ty {
        match self {
            Shape::Plain(ty) | Shape::Collected(ty) => ty,
        }
    }
}

struct LoopLabels {
    again: Label,
    exit: Label,
    /// How much of what must be closed is around the loop.
    closings: usize,
}

/// One function being emitted.
pub(super) struct Emit<'e, 'w, 'a> {
    pub em: &'e mut Emitter<'w, 'a>,
    name: String,
    /// The declared function this is a piece of.
    pub root: String,
    pub locals: &'e [Local],
    result: Ty,
    regs: Vec<TypeId>,
    /// How many of the registers are parameters.
    pub params: u16,
    free: FxHashMap<TypeId, Vec<Reg>>,
    map: FxHashMap<LocalId, Reg>,
    /// Locals bound in the blocks around, to be given back at their ends.
    scopes: Vec<Vec<LocalId>>,
    code: Vec<Instr>,
    labels: Vec<Option<u32>>,
    /// By label: whether a jump to it was emitted.
    wanted: Vec<bool>,
    /// Whether nothing gets to the next instruction: what never gives a value was emitted. Until something does get
    /// there, nothing is emitted.
    dead: bool,
    fixups: Vec<(u32, Label)>,
    sites: Vec<(u32, weft_bytecode::Span)>,
    handlers: Vec<Handler>,
    /// Fuel ops of the loops around, with the instructions counted so far.
    regions: Vec<(u32, u32)>,
    loops: Vec<LoopLabels>,
    /// The scope that `spawn` begins a task in.
    pub spawning: Option<Reg>,
    /// What code that jumps out must close, innermost last.
    pub closings: Vec<Closing>,
    span: Span,
}

impl<'e, 'w, 'a> Emit<'e, 'w, 'a> {
    pub(super) fn new(em: &'e mut Emitter<'w, 'a>, name: &str, locals: &'e [Local], result: Ty) -> Self {
        Emit {
            em,
            name: name.to_owned(),
            root: name.to_owned(),
            locals,
            result,
            regs: Vec::new(),
            params: 0,
            free: FxHashMap::default(),
            map: FxHashMap::default(),
            scopes: vec![Vec::new()],
            code: Vec::new(),
            labels: Vec::new(),
            wanted: Vec::new(),
            dead: false,
            fixups: Vec::new(),
            sites: Vec::new(),
            handlers: Vec::new(),
            regions: Vec::new(),
            loops: Vec::new(),
            spawning: None,
            closings: Vec::new(),
            span: Span { file: crate::source::FileId(0), start: 0, end: 0 },
        }
    }

    /// The whole function of a body.
    pub(super) fn function(mut self, params: &[LocalId], body: &Expr, span: Span) -> Function {
        self.begin(params, span);
        let value = self.body(body);
        if self.result == Ty::UNIT {
            self.release(value);
            if body.ty != Ty::NEVER {
                self.return_unit();
            }
        } else if body.ty != Ty::NEVER {
            let reg = self.need(value, body.ty);
            self.share_on_return(body, reg);
            self.op(Op::Return, reg, 0, 0);
        }
        self.end()
    }

    /// The function of a branch whose failure is a value.
    pub(super) fn collected(mut self, params: &[LocalId], body: &Expr) -> Function {
        self.begin(params, body.span);
        let result = self.reg(self.result);
        let from = self.here();
        let value = self.body(body);
        if body.ty != Ty::NEVER {
            let value = self.need(value, body.ty);
            self.share(body, value);
            self.args(Op::NewVariant, result, 0, &[value]);
        }
        let to = self.here();
        if body.ty != Ty::NEVER {
            self.op(Op::Return, result, 0, 0);
        }
        if from < to {
            let failure = self.raw(builtin::FAILURE);
            let target = self.here();
            self.handler(from, to, target, failure);
            let canceled = self.raw(builtin::BOOL);
            self.op(Op::IsError, canceled, failure, builtin::CANCELED.0);
            let again = self.label();
            self.jump(Op::JumpIf, canceled, again);
            self.args(Op::NewVariant, result, 1, &[failure]);
            self.op(Op::Return, result, 0, 0);
            self.bind(again);
            self.op(Op::Throw, failure, 0, 0);
        }
        self.end()
    }

    fn begin(&mut self, params: &[LocalId], span: Span) {
        self.span = span;
        for id in params {
            let ty = self.em.ty(self.locals[id.0 as usize].ty);
            self.regs.push(ty);
            self.map.insert(*id, (self.regs.len() - 1) as Reg);
        }
        self.params = params.len() as u16;
        self.open_region();
    }

    fn end(mut self) -> Function {
        let at = self.here();
        let open = self.fixups.iter().any(|(_, label)| self.labels[label.0] == Some(at));
        let ends = self
            .last_op()
            .is_some_and(|op| matches!(op, Op::Return | Op::Throw | Op::Jump | Op::Unreachable | Op::ContinueAsNew));
        if open || !ends {
            self.op(Op::Unreachable, 0, 0, 0);
        }
        self.close_region();
        for (pc, label) in &self.fixups {
            let instr = self.code[*pc as usize];
            let target = self.labels[label.0].unwrap_or(0);
            if let Some(op) = instr.op() {
                self.code[*pc as usize] = Instr::wide(op, instr.a(), target);
            }
        }
        if self.regs.len() >= usize::from(NOTHING) || self.code.len() > u32::MAX as usize {
            self.em.overflow = true;
        }
        let result = self.em.ty(self.result);
        Function {
            name: self.name,
            params: self.params,
            result,
            regs: self.regs,
            code: self.code,
            sites: self.sites,
            handlers: self.handlers,
        }
    }

    // ---- expressions

    /// Emits an expression; with a destination, its value is there afterwards.
    pub(super) fn expr(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        let outer = std::mem::replace(&mut self.span, expr.span);
        let val = self.emit(expr, dst);
        let val = match dst {
            Some(dst) if val.reg != dst && expr.ty != Ty::NEVER => {
                match val.reg {
                    NOTHING => self.wide(Op::LoadInt, dst, 0),
                    src => self.op(Op::Move, dst, src, 0),
                }
                self.release(val);
                Val { reg: dst, temp: false }
            }
            _ => val,
        };
        self.span = outer;
        val
    }

    /// The register of an expression's value.
    pub(super) fn value(&mut self, expr: &Expr) -> Val {
        let val = self.expr(expr, None);
        let reg = self.need(val, expr.ty);
        Val { reg, temp: val.temp || val.reg == NOTHING }
    }

    /// Evaluates operands from left to right. What a later operand could change is copied first. `None` if one of them
    /// never gives a value: then nothing after it is emitted.
    pub(super) fn operands<'x>(&mut self, exprs: impl IntoIterator<Item = &'x Expr>) -> Option<Vec<Val>> {
        let exprs: Vec<&Expr> = exprs.into_iter().collect();
        let last_busy = exprs.iter().rposition(|e| !e.is_simple());
        let mut out = Vec::new();
        for (n, expr) in exprs.iter().enumerate() {
            let mut val = self.value(expr);
            if expr.ty == Ty::NEVER {
                return None;
            }
            if last_busy.is_some_and(|busy| n < busy) {
                val = self.keep(expr, val);
            }
            out.push(val);
        }
        Some(out)
    }

    pub(super) fn release_all(&mut self, vals: &[Val]) {
        for val in vals.iter().rev() {
            self.release(*val);
        }
    }

    fn emit(&mut self, expr: &Expr, dst: Option<Reg>) -> Val {
        use ExprKind as E;
        let ty = expr.ty;
        match &expr.kind {
            E::Error | E::Unit => self.nothing(),
            E::Const(value) => self.constant(value, ty, dst),
            E::Local(id) => Val { reg: self.local(*id), temp: false },
            E::State(cell) => {
                let out = self.into(dst, ty);
                self.op(Op::LoadState, out.reg, *cell, 0);
                out
            }
            E::Now => self.simple(Op::Now, ty, 0, dst),
            E::Uuid => self.simple(Op::Uuid, ty, 0, dst),
            E::Random => self.simple(Op::Random, ty, 0, dst),
            E::Fact(fact) => self.simple(Op::RunInfo, ty, *fact as u16, dst),
            E::Some(inner) => self.unary(Op::Some, inner, ty, dst),
            E::Unwrap(inner) => self.unary(Op::Unwrap, inner, ty, dst),
            E::Widen(inner) => self.unary(Op::IntToDecimal, inner, ty, dst),
            E::Cast(inner) => self.unary(Op::Cast, inner, ty, dst),
            E::Not(_) | E::IsNone(_) => self.test_value(expr, dst),
            E::Neg(inner) => self.negate(inner, ty, dst),
            E::Binary(op, left, right) => self.binary(expr, *op, left, right, dst),
            E::Coalesce(left, right) => self.coalesce(left, right, ty, dst),
            E::New(items) => self.construct(Op::New, 0, items, ty, dst),
            E::Variant(index, items) => self.construct(Op::NewVariant, *index, items, ty, dst),
            E::List(items) => self.list(items, ty, dst),
            E::Map(pairs) => {
                let items: Vec<&Expr> = pairs.iter().flat_map(|(k, v)| [k, v]).collect();
                self.construct_of(Op::NewMap, 0, &items, ty, dst)
            }
            E::Field(object, index) => {
                let object = self.value(object);
                let out = self.into(dst, ty);
                self.op(Op::Field, out.reg, object.reg, *index);
                self.release(object);
                out
            }
            E::Index(list, index) => {
                let Some(vals) = self.operands([&**list, index]) else { return self.nothing() };
                let out = self.into(dst, ty);
                self.op(Op::Index, out.reg, vals[0].reg, vals[1].reg);
                self.release_all(&vals);
                out
            }
            E::Concat(parts) => {
                let Some(vals) = self.operands(parts) else { return self.nothing() };
                let out = self.into(dst, ty);
                let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
                self.args(Op::Concat, out.reg, 0, &regs);
                self.release_all(&vals);
                out
            }
            E::Native(native, args) => self.native(*native, args, ty, dst),
            E::Call(index, args) => self.call(*index, args, ty, dst),
            E::CallLocal(id, args) => {
                let Some(vals) = self.operands(args) else { return self.nothing() };
                let closure = self.local(*id);
                let out = self.into(dst, ty);
                let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
                self.args(Op::CallClosure, out.reg, closure, &regs);
                self.release_all(&vals);
                out
            }
            E::Closure(frame) => {
                let func = self.em.frame(&self.root, "lambda", self.locals, frame, Shape::Plain(frame.result));
                let regs = self.captures(frame);
                let out = self.into(dst, ty);
                self.args(Op::Closure, out.reg, func.0, &regs);
                out
            }
            E::Log(level, text) => {
                let text = self.value(text);
                self.op(Op::Log, *level, text.reg, 0);
                self.release(text);
                self.nothing()
            }
            E::Host { call, args } => self.host(*call, args, None, ty, dst),
            E::Mock { call, args, frame } => self.host(*call, args, Some(frame), ty, dst),
            E::Activity { .. } | E::Child { .. } | E::Sleep { .. } | E::WaitUntil { .. } | E::Receive { .. } => {
                self.wait(expr, dst)
            }
            E::Parallel { .. } | E::ParallelFor { .. } | E::Race(_) => self.branches(expr, dst),
            E::Spawn(_) | E::Await(_) | E::Select(_) => self.task(expr, dst),
            E::If { cond, then, otherwise } => {
                let no = self.label();
                self.jump_unless(cond, no);
                self.two_ways(then, no, otherwise, ty, dst)
            }
            E::Patch { patch, then, otherwise: None } => {
                let new = self.temp(Ty::BOOL);
                self.op(Op::Patch, new.reg, *patch, 0);
                self.release(new);
                self.expr(then, dst)
            }
            E::Patch { patch, then, otherwise: Some(otherwise) } => {
                let (no, new) = (self.label(), self.temp(Ty::BOOL));
                self.op(Op::Patch, new.reg, *patch, 0);
                self.jump(Op::JumpIfNot, new.reg, no);
                self.release(new);
                self.two_ways(then, no, otherwise, ty, dst)
            }
            E::Match { value, arms } => self.matching(value, arms, ty, dst),
            E::Block { stmts, value } => self.block(stmts, value.as_deref(), ty, dst),
            E::Within { limit, body, otherwise } => self.within(limit, body, otherwise.as_deref(), ty, dst),
            E::Cleanup { saga, body } => self.with_cleanup(*saga, body, ty, dst),
            E::Defer { what, frame } => self.defer(*what, frame),
            E::Try { body, failure, catches } => self.try_catch(body, *failure, catches, ty, dst),
            E::Gather { gather, items, item, body } => self.gather(*gather, items, item, body, ty, dst),
            E::Fold { items, init, acc, item, body } => self.fold(items, init, *acc, item, body, dst),
            E::Chain { value, bind, body } => self.chain(value, *bind, body, ty, dst),
            E::Return(value) => self.leave(value.as_deref()),
            E::Send { run, workflow, signal, args } => self.send(run, *workflow, *signal, args),
            E::ContinueAsNew { workflow, args } => self.continue_as_new(*workflow, args),
            E::Throw(failure) => {
                let failure = self.value(failure);
                self.op(Op::Throw, failure.reg, 0, 0);
                self.release(failure);
                self.nothing()
            }
            E::Break => {
                if let Some((exit, around)) = self.loops.last().map(|l| (l.exit, l.closings)) {
                    self.close_down_to(around);
                    self.goto(exit);
                }
                self.nothing()
            }
            E::Continue => {
                if let Some((again, around)) = self.loops.last().map(|l| (l.again, l.closings)) {
                    self.close_down_to(around);
                    self.goto(again);
                }
                self.nothing()
            }
        }
    }

    fn simple(&mut self, op: Op, ty: Ty, b: u16, dst: Option<Reg>) -> Val {
        let out = self.into(dst, ty);
        self.op(op, out.reg, b, 0);
        out
    }

    pub(super) fn unary(&mut self, op: Op, inner: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        let inner_val = self.value(inner);
        if inner.ty == Ty::NEVER {
            return self.nothing();
        }
        let out = self.into(dst, ty);
        self.op(op, out.reg, inner_val.reg, 0);
        self.release(inner_val);
        out
    }

    /// Code of several arms that leave a value in one place.
    pub(super) fn either(&mut self, ty: Ty, dst: Option<Reg>, inner: impl FnOnce(&mut Self, Option<Reg>)) -> Val {
        if matches!(ty, Ty::UNIT | Ty::NEVER) && dst.is_none() {
            inner(self, None);
            return self.nothing();
        }
        let out = self.into(dst, if ty == Ty::NEVER { Ty::UNIT } else { ty });
        inner(self, Some(out.reg));
        out
    }

    /// One of two arms: the first, or from a label on the second.
    fn two_ways(&mut self, then: &Expr, no: Label, otherwise: &Expr, ty: Ty, dst: Option<Reg>) -> Val {
        let end = self.label();
        self.either(ty, dst, |this, dst| {
            this.arm(then, dst);
            if then.ty != Ty::NEVER {
                this.goto(end);
            }
            this.bind(no);
            this.arm(otherwise, dst);
            this.bind(end);
        })
    }

    /// An arm: its value goes to the common place, or nowhere.
    pub(super) fn arm(&mut self, body: &Expr, dst: Option<Reg>) {
        let unit = dst.is_none_or(|reg| self.regs[usize::from(reg)] == builtin::UNIT);
        if unit && body.ty != Ty::UNIT {
            let val = self.expr(body, None);
            return self.release(val);
        }
        // A value that keeps its owner gets one more by being the value of this.
        let val = self.expr(body, dst);
        self.release(val);
    }

    fn leave(&mut self, value: Option<&Expr>) -> Val {
        match value {
            Some(value) if self.result != Ty::UNIT => {
                let val = self.value(value);
                if value.ty != Ty::NEVER {
                    self.share_on_return(value, val.reg);
                    self.close_down_to(0);
                    self.op(Op::Return, val.reg, 0, 0);
                }
                self.release(val);
            }
            value => {
                if let Some(value) = value {
                    let val = self.expr(value, None);
                    self.release(val);
                }
                self.close_down_to(0);
                self.return_unit();
            }
        }
        self.nothing()
    }

    fn return_unit(&mut self) {
        let unit = self.raw(builtin::UNIT);
        self.wide(Op::LoadInt, unit, 0);
        self.op(Op::Return, unit, 0, 0);
        self.give_back(unit);
    }

    pub(super) fn native(&mut self, native: Native, args: &[Expr], ty: Ty, dst: Option<Reg>) -> Val {
        let Some(vals) = self.operands(args) else { return self.nothing() };
        let out = self.into(dst, ty);
        let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
        self.args(Op::CallNative, out.reg, native as u16, &regs);
        self.release_all(&vals);
        out
    }

    fn call(&mut self, index: u32, args: &[Expr], ty: Ty, dst: Option<Reg>) -> Val {
        let Some(vals) = self.operands(args) else { return self.nothing() };
        if self.em.world.function(index).flow {
            // A handler may change state while the flow waits; no code but this can change a local.
            for (arg, val) in args.iter().zip(&vals) {
                if !matches!(root_of(arg), Some(Root::Local(_))) {
                    self.share(arg, val.reg);
                }
            }
        }
        let out = self.into(dst, ty);
        let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
        let number = self.em.numbers[index as usize];
        self.args(Op::Call, out.reg, number.0, &regs);
        self.release_all(&vals);
        if ty == Ty::NEVER {
            return self.nothing();
        }
        out
    }

    // ---- statements

    fn block(&mut self, stmts: &[Stmt], value: Option<&Expr>, ty: Ty, dst: Option<Reg>) -> Val {
        if stmts.is_empty() {
            return match value {
                Some(value) => self.expr(value, dst),
                None => self.nothing(),
            };
        }
        let wants = !matches!(ty, Ty::UNIT | Ty::NEVER) || dst.is_some();
        let out = if wants { Some(self.into(dst, if ty == Ty::NEVER { Ty::UNIT } else { ty })) } else { None };
        self.scoped(|this| {
            for stmt in stmts {
                this.stmt(stmt);
            }
            if let Some(value) = value {
                let unit = ty == Ty::UNIT || ty == Ty::NEVER;
                let val = this.expr(value, out.filter(|_| !unit).map(|o| o.reg));
                if unit || out.is_none() {
                    this.release(val);
                }
            }
        });
        match out {
            Some(out) if ty == Ty::UNIT => {
                self.wide(Op::LoadInt, out.reg, 0);
                out
            }
            Some(out) => out,
            None => self.nothing(),
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Expr(expr) => {
                let val = self.expr(expr, None);
                self.release(val);
            }
            Stmt::Let { pattern, value } => self.let_stmt(pattern, value),
            Stmt::Assign { place, value, span } => {
                let outer = std::mem::replace(&mut self.span, *span);
                self.assign(place, value);
                self.span = outer;
            }
            Stmt::While { cond, body, span } => self.while_loop(cond, body, *span),
            Stmt::For { item, items, body, span } => {
                let outer = std::mem::replace(&mut self.span, *span);
                self.each(items, item, true, |this| {
                    let val = this.expr(body, None);
                    this.release(val);
                });
                self.span = outer;
            }
        }
    }

    fn while_loop(&mut self, cond: &Expr, body: &Expr, span: Span) {
        let outer = std::mem::replace(&mut self.span, span);
        let (again, exit) = (self.label(), self.label());
        self.bind(again);
        self.open_region();
        self.jump_unless(cond, exit);
        self.in_loop(again, exit, |this| {
            let val = this.expr(body, None);
            this.release(val);
        });
        self.goto(again);
        self.close_region();
        self.bind(exit);
        self.span = outer;
    }

    pub(super) fn in_loop(&mut self, again: Label, exit: Label, inner: impl FnOnce(&mut Self)) {
        let closings = self.closings.len();
        self.loops.push(LoopLabels { again, exit, closings });
        inner(self);
        self.loops.pop();
    }

    /// Sets the place that instructions belong to; gives the one before.
    pub(super) fn set_span(&mut self, span: Span) -> Span {
        std::mem::replace(&mut self.span, span)
    }

    /// What a failure between two instructions leads to: the next one.
    pub(super) fn handler(&mut self, from: u32, to: u32, target: u32, reg: Reg) {
        self.dead = false;
        self.handlers.push(Handler { from, to, target, reg });
    }
}
