//! Tasks and `select`: `spawn`, `await`, and waiting for the first of several sources.

use super::expr::head;
use super::operator::Cond;
use super::wait::is_test;
use super::{Fact, Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Frame, LocalId, Pattern, PatternKind, SelectArm, SelectSource, Stmt};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Kind, Ty};

impl<'a> Lower<'_, 'a> {
    /// `spawn { .. }`: all of it runs in the task.
    pub(super) fn spawn_block(&mut self, block: &'a ast::Block, want: Ty, span: Span) -> Expr {
        let want = self.task_result(want).unwrap_or(Ty::UNKNOWN);
        let frame = self.frame(Fence::Task, |this| {
            let body = this.block(block, want);
            let body = if want == Ty::UNKNOWN { this.settled(body) } else { this.coerce(body, want) };
            (Vec::new(), body)
        });
        self.spawned(frame, span)
    }

    /// `spawn f(x)`: the arguments are evaluated at once, the call runs in the task.
    pub(super) fn spawn_call(&mut self, call: &'a ast::Expr, want: Ty, span: Span) -> Expr {
        if let ast::ExprKind::Catch { .. } = &call.kind {
            let want = self.task_result(want).unwrap_or(Ty::UNKNOWN);
            let frame = self.frame(Fence::Task, |this| (Vec::new(), this.expr(call, want)));
            return self.spawned(frame, span);
        }
        let mut stmts = Vec::new();
        let mut lowered = self.expr(call, Ty::UNKNOWN);
        // Arguments out of order are bound before the call.
        while let ExprKind::Block { stmts: before, value: Some(value) } = lowered.kind {
            stmts.extend(before);
            lowered = *value;
        }
        let (ty, at) = (lowered.ty, lowered.span);
        let call = match lowered.kind {
            ExprKind::Activity { activity, args, options } => {
                self.task_args(args, options, &mut stmts).map(|(args, options)| {
                    task_of(args, options, |args, options| ExprKind::Activity { activity, args, options })
                })
            }
            ExprKind::Child { workflow, args, options, detached: false } => {
                self.task_args(args, options, &mut stmts).map(|(args, options)| {
                    task_of(args, options, |args, options| ExprKind::Child { workflow, args, options, detached: false })
                })
            }
            ExprKind::Call(function, args) => self
                .task_args(args, None, &mut stmts)
                .map(|(args, _)| task_of(args, None, |args, _| ExprKind::Call(function, args))),
            ExprKind::Error => return self.error(span),
            _ => {
                let d = Diagnostic::error("WF1002", at, "`spawn` takes a call or a block").label("not a call");
                self.report(d.help("`spawn f(x)`, or `spawn { .. }` for several steps"));
                return self.error(span);
            }
        };
        let Some((captures, kind)) = call else {
            // An argument leaves the body: no task begins.
            return Expr { kind: ExprKind::Block { stmts, value: None }, ty: Ty::NEVER, span };
        };
        let body = Expr { kind, ty, span: at };
        let spawned = self.spawned(Frame { captures, params: Vec::new(), result: ty, body }, span);
        if stmts.is_empty() {
            return spawned;
        }
        let (ty, value) = (spawned.ty, Some(Box::new(spawned)));
        Expr { kind: ExprKind::Block { stmts, value }, ty, span }
    }

    /// Arguments as locals, bound before the task begins. `None` if one of them never gives a value.
    fn task_args(
        &mut self,
        args: Vec<Expr>,
        options: Option<Box<Expr>>,
        stmts: &mut Vec<Stmt>,
    ) -> Option<(Vec<Expr>, Option<Expr>)> {
        let args = args.into_iter().map(|arg| self.bound_arg(arg, stmts)).collect::<Option<_>>()?;
        match options {
            Some(options) => Some((args, Some(self.bound_arg(*options, stmts)?))),
            None => Some((args, None)),
        }
    }

    fn bound_arg(&mut self, arg: Expr, stmts: &mut Vec<Stmt>) -> Option<Expr> {
        if matches!(arg.kind, ExprKind::Const(_) | ExprKind::Error) {
            return Some(arg);
        }
        if arg.ty == Ty::NEVER {
            stmts.push(Stmt::Expr(arg));
            return None;
        }
        let (ty, span) = (arg.ty, arg.span);
        let local = self.temp("argument", ty, span);
        stmts.push(Stmt::Let { pattern: self.simple_bind(local, ty, span), value: arg });
        // Read in the frame of the task alone, which captures it.
        Some(Expr { kind: ExprKind::Local(local), ty, span })
    }

    fn spawned(&mut self, mut frame: Frame, span: Span) -> Expr {
        if frame.result == Ty::NEVER {
            frame.result = Ty::UNIT;
        }
        let ty = match frame.result {
            Ty::UNKNOWN => Ty::UNKNOWN,
            result => self.types().intern(Kind::Task(result)),
        };
        Expr { kind: ExprKind::Spawn(Box::new(frame)), ty, span }
    }

    /// `T` of `Task<T>`.
    fn task_result(&self, ty: Ty) -> Option<Ty> {
        match self.kind_of(ty) {
            Kind::Task(result) => Some(result),
            _ => None,
        }
    }

    /// `await task`.
    pub(super) fn await_task(&mut self, task: &'a ast::Expr, span: Span) -> Expr {
        let task = self.infer(task);
        let Some(ty) = self.require_task(&task) else { return self.error(span) };
        self.waited();
        Expr { kind: ExprKind::Await(Box::new(task)), ty, span }
    }

    /// What a task gives; reported if it is none.
    fn require_task(&self, task: &Expr) -> Option<Ty> {
        let result = self.task_result(task.ty);
        if result.is_none() && !matches!(task.ty, Ty::UNKNOWN | Ty::NEVER) {
            let message = format!("expected a Task, found {}", self.name_of(task.ty));
            self.report(
                Diagnostic::error("WF1002", task.span, message)
                    .label("nothing to await")
                    .why("a call waits by itself; `await` joins a task that `spawn` began")
                    .help("`let t = spawn f(x)`, and later `await t`"),
            );
        }
        result
    }

    /// `select { source => arm .. }`.
    pub(super) fn select(&mut self, branches: &'a [ast::SelectBranch], want: Ty, span: Span) -> Expr {
        if branches.is_empty() {
            let d = Diagnostic::error("WF1004", head(span, "select"), "`select` needs at least one source");
            self.report(d.label("nothing could be first").help("`select { receive stop() => .. after 7d => .. }`"));
            return self.error(span);
        }
        let mut stmts = Vec::new();
        // All sources are evaluated before the first arm runs.
        let sources: Vec<_> = branches.iter().map(|branch| self.source(&branch.source, &mut stmts)).collect();
        self.waited();
        let before = self.facts.clone();
        let (mut shells, mut bodies, mut ways) = (Vec::new(), Vec::new(), Vec::new());
        for (branch, source) in branches.iter().zip(sources) {
            self.facts = before.clone();
            let hint = match bodies.last() {
                Some(Expr { ty, .. }) if want == Ty::UNKNOWN && *ty != Ty::NEVER => *ty,
                _ => want,
            };
            let Ready { source, facts, bind } = source;
            self.know(facts);
            let (bind, body) = self.scoped(|this| {
                let bind = bind.and_then(|bind| this.arrival(bind));
                (bind, this.arm(&branch.body, hint))
            });
            ways.push((body.ty == Ty::NEVER, std::mem::take(&mut self.facts)));
            shells.push((source, bind, branch.span));
            bodies.push(body);
        }
        self.facts = before;
        self.meet(ways);
        let (bodies, ty) = self.unify(bodies, want);
        let arms = shells.into_iter().zip(bodies).map(|((source, bind, span), body)| {
            let body = match bind {
                Some(bind) => {
                    let (ty, at) = (body.ty, body.span);
                    let kind = ExprKind::Block { stmts: vec![bind], value: Some(Box::new(body)) };
                    Expr { kind, ty, span: at }
                }
                None => body,
            };
            SelectArm { source: source.unwrap_or(SelectSource::Unknown), body, span }
        });
        let kind = ExprKind::Select(arms.collect());
        let select = Expr { kind, ty, span };
        if stmts.is_empty() {
            return select;
        }
        Expr { kind: ExprKind::Block { stmts, value: Some(Box::new(select)) }, ty, span }
    }

    fn source(&mut self, source: &'a ast::SelectSource, stmts: &mut Vec<Stmt>) -> Ready<'a> {
        let ready = |source| Ready { source: Some(source), facts: Vec::new(), bind: None };
        match source {
            ast::SelectSource::After(value) => ready(SelectSource::After(self.check(value, Ty::DURATION))),
            ast::SelectSource::At(value) => ready(SelectSource::At(self.check(value, Ty::TIME))),
            ast::SelectSource::When(cond) => {
                let mut facts = Vec::new();
                let frame = self.frame(Fence::Condition, |this| {
                    let Cond(body, yes, _) = this.when(cond);
                    facts = yes;
                    (Vec::new(), body)
                });
                Ready { source: Some(SelectSource::When(Box::new(frame))), facts, bind: None }
            }
            ast::SelectSource::Receive { signal, patterns } => {
                let found = self.mailbox(signal);
                let source = found.as_ref().map(|(mailbox, _)| SelectSource::Message(*mailbox));
                let bind = Some(Bind::Message { found, patterns: patterns.as_deref(), span: signal.span });
                Ready { source, facts: Vec::new(), bind }
            }
            ast::SelectSource::Await { task, pattern } => {
                let task = self.infer(task);
                let (ty, span) = (self.require_task(&task), task.span);
                // The arm awaits it once more, to take its value.
                let local = match task.kind {
                    ExprKind::Local(id) => id,
                    _ => {
                        let local = self.temp("task", task.ty, span);
                        stmts.push(Stmt::Let { pattern: self.simple_bind(local, task.ty, span), value: task });
                        local
                    }
                };
                let bind = Some(Bind::Task { local, ty, pattern: pattern.as_ref(), span });
                Ready { source: ty.map(|_| SelectSource::Task(local)), facts: Vec::new(), bind }
            }
        }
    }

    /// A condition; an optional holds where it has a value.
    fn when(&mut self, cond: &'a ast::Expr) -> Cond {
        if is_test(cond) {
            return self.cond(cond);
        }
        let body = self.expr_raw(cond, Ty::BOOL);
        if self.types().inner(body.ty).is_none() {
            return Cond(self.coerce(body, Ty::BOOL), Vec::new(), Vec::new());
        }
        let (place, span) = (Self::place(&body).into_iter().collect(), body.span);
        let none = Expr { kind: ExprKind::IsNone(Box::new(body)), ty: Ty::BOOL, span };
        Cond(Expr { kind: ExprKind::Not(Box::new(none)), ty: Ty::BOOL, span }, place, Vec::new())
    }

    /// The statement that takes what a source gives and binds it.
    fn arrival(&mut self, bind: Bind<'a>) -> Option<Stmt> {
        match bind {
            Bind::Message { found, patterns, span } => {
                let fields = found.as_ref().map(|(_, fields)| fields.clone()).unwrap_or_default();
                if let (Some(_), Some(patterns)) = (&found, patterns)
                    && patterns.len() != fields.len()
                {
                    let (given, taken) = (fields.len(), patterns.len());
                    let message = format!("the signal has {given} parameters, this pattern has {taken}");
                    let d = Diagnostic::error("WF1010", span, message).label("use `_` for what is not needed");
                    self.report(d);
                }
                let record = self.types().shape(&fields);
                let (mut bound, before) = (Vec::new(), self.locals.len());
                for (n, pattern) in patterns.unwrap_or_default().iter().enumerate() {
                    let ty = fields.get(n).map_or(Ty::UNKNOWN, |(_, ty)| *ty);
                    let lowered = self.part(pattern, ty, false);
                    self.require_total(&lowered, "`receive`");
                    if n < fields.len() {
                        bound.push((n as u16, lowered));
                    }
                }
                self.bound_once(before);
                let (mailbox, _) = found?;
                let message = self.temp("message", record, span);
                let value = Box::new(self.read_local(message, span));
                let kind = ExprKind::Receive { mailbox, message, value, timeout: None, otherwise: None };
                let pattern = Pattern { kind: PatternKind::Fields(bound), ty: record, span };
                Some(Stmt::Let { pattern, value: Expr { kind, ty: record, span } })
            }
            Bind::Task { local, ty, pattern, span } => {
                let ty = ty.unwrap_or(Ty::UNKNOWN);
                let pattern = pattern.map(|pattern| {
                    let pattern = self.pattern(pattern, ty, false);
                    self.require_total(&pattern, "`await .. as`");
                    pattern
                });
                let task = Box::new(self.read_local(local, span));
                let value = Expr { kind: ExprKind::Await(task), ty, span };
                Some(match pattern {
                    Some(pattern) => Stmt::Let { pattern, value },
                    None => Stmt::Expr(value),
                })
            }
        }
    }
}

/// A source that was looked at, and what its arm begins with.
struct Ready<'a> {
    source: Option<SelectSource>,
    facts: Vec<Fact>,
    bind: Option<Bind<'a>>,
}

/// What an arm takes from its source.
enum Bind<'a> {
    Message { found: Option<(u16, super::wait::Fields)>, patterns: Option<&'a [ast::Pattern]>, span: Span },
    Task { local: LocalId, ty: Option<Ty>, pattern: Option<&'a ast::Pattern>, span: Span },
}

/// A call over bound arguments, and what its frame captures.
fn task_of(
    args: Vec<Expr>,
    options: Option<Expr>,
    kind: impl FnOnce(Vec<Expr>, Option<Box<Expr>>) -> ExprKind,
) -> (Vec<LocalId>, ExprKind) {
    let captures = args.iter().chain(&options).filter_map(|arg| match arg.kind {
        ExprKind::Local(id) => Some(id),
        _ => None,
    });
    (captures.collect(), kind(args, options.map(Box::new)))
}
