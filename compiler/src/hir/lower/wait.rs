//! What suspends: sleeping, waiting for conditions and messages, and branches that run side by side.

use weft_bytecode::op::Native;

use super::expr::head;
use super::operator::Cond;
use super::{Fact, Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Frame, PatternKind, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Arg, BinaryOp};
use crate::types::{Kind, Ty};

impl<'a> Lower<'_, 'a> {
    pub(super) fn sleep(&mut self, until: bool, value: &'a ast::Expr, span: Span) -> Expr {
        let value = match until {
            false => self.check(value, Ty::DURATION),
            true => {
                let mut value = self.expr(value, Ty::TIME);
                // A day begins at its midnight in UTC.
                if value.ty == Ty::DATE {
                    let span = value.span;
                    value = Expr { kind: ExprKind::Native(Native::DateToTime, vec![value]), ty: Ty::TIME, span };
                }
                self.coerce(value, Ty::TIME)
            }
        };
        self.waited();
        Expr { kind: ExprKind::Sleep { until, value: Box::new(value) }, ty: Ty::UNIT, span }
    }

    pub(super) fn wait_until(
        &mut self,
        cond: &'a ast::Expr,
        timeout: Option<&'a ast::Expr>,
        otherwise: Option<&'a ast::Expr>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let timeout = timeout.map(|t| self.check(t, Ty::DURATION));
        self.require_timeout(timeout.as_ref(), otherwise);
        let mut facts: Vec<Fact> = Vec::new();
        let frame = self.frame(Fence::Condition, |this| {
            let body = if is_test(cond) {
                let Cond(body, yes, _) = this.cond(cond);
                facts = yes;
                body
            } else {
                let body = this.expr_raw(cond, Ty::UNKNOWN);
                facts.extend(Self::place(&body).filter(|_| this.types().inner(body.ty).is_some()));
                body
            };
            (Vec::new(), body)
        });
        let inner = match self.kind_of(frame.result) {
            Kind::Option(inner) => inner,
            Kind::Bool | Kind::Unknown => Ty::UNIT,
            _ => {
                let message = format!("`wait until` needs a Bool or an optional, found {}", self.name_of(frame.result));
                let d = Diagnostic::error("WF1002", frame.body.span, message).label("cannot be waited for");
                self.report(match frame.result {
                    Ty::TIME => d.help("a moment is waited for with `sleep until deadline`"),
                    Ty::DURATION => d.help("time passes with `sleep 5s`; a limit is `wait until ready timeout 5s`"),
                    _ => d,
                });
                return self.error(span);
            }
        };
        self.waited();
        let before = self.facts.clone();
        let wants_value = inner == Ty::UNIT && want != Ty::UNIT;
        let hint = if inner == Ty::UNIT { want } else { inner };
        let otherwise = otherwise.map(|e| self.arm(e, hint));
        let late = std::mem::replace(&mut self.facts, before);
        self.know(facts);
        let held = std::mem::take(&mut self.facts);
        let ends = otherwise.as_ref().is_none_or(|e| e.ty == Ty::NEVER);
        self.meet(vec![(false, held), (ends, late)]);
        let ty = match &otherwise {
            Some(e) if e.ty == Ty::BOOL && wants_value => Ty::BOOL,
            Some(e) if inner != Ty::UNIT => self.join(inner, e),
            _ => inner,
        };
        let otherwise = otherwise.map(|e| if ty == Ty::UNIT { e } else { self.coerce(e, ty) }).map(Box::new);
        let kind = ExprKind::WaitUntil { cond: Box::new(frame), timeout: timeout.map(Box::new), otherwise };
        Expr { kind, ty, span }
    }

    fn require_timeout(&self, timeout: Option<&Expr>, otherwise: Option<&'a ast::Expr>) {
        if let (None, Some(otherwise)) = (timeout, otherwise) {
            self.report(
                Diagnostic::warning("WF3004", otherwise.span, "`else` without a `timeout` is never reached")
                    .label("nothing gets here")
                    .help("`timeout 48h else ..`"),
            );
        }
    }

    pub(super) fn receive(
        &mut self,
        signal: &'a ast::Name,
        timeout: Option<&'a ast::Expr>,
        otherwise: Option<&'a ast::Expr>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let timeout = timeout.map(|t| self.check(t, Ty::DURATION));
        self.require_timeout(timeout.as_ref(), otherwise);
        self.waited();
        let found = self.mailbox(signal);
        let Some((mailbox, fields)) = found else {
            if let Some(otherwise) = otherwise {
                self.expr(otherwise, want);
            }
            return self.error(span);
        };
        let record = self.types().shape(&fields);
        let message = self.temp("message", record, span);
        let value = match fields.as_slice() {
            [] => self.unit(span),
            [(_, ty)] => {
                let object = Box::new(self.read_local(message, span));
                Expr { kind: ExprKind::Field(object, 0), ty: *ty, span }
            }
            _ => self.read_local(message, span),
        };
        let received = self.facts.clone();
        let otherwise = otherwise.map(|e| self.arm(e, if want == Ty::UNIT { want } else { value.ty }));
        let late = std::mem::take(&mut self.facts);
        let ends = otherwise.as_ref().is_none_or(|e| e.ty == Ty::NEVER);
        self.meet(vec![(false, received), (ends, late)]);
        let ty = match &otherwise {
            Some(e) if want != Ty::UNIT => self.join(value.ty, e),
            Some(_) => Ty::UNIT,
            None => value.ty,
        };
        let drop_value = ty == Ty::UNIT;
        let value = if drop_value { value } else { self.coerce(value, ty) };
        let otherwise = otherwise.map(|e| if drop_value { e } else { self.coerce(e, ty) }).map(Box::new);
        let (value, timeout) = (Box::new(value), timeout.map(Box::new));
        Expr { kind: ExprKind::Receive { mailbox, message, value, timeout, otherwise }, ty, span }
    }

    /// The mailbox of a signal and the fields of its messages.
    pub(super) fn mailbox(&self, signal: &ast::Name) -> Option<(u16, Fields)> {
        if signal.text.is_empty() {
            return None;
        }
        let Some(members) = self.members else {
            let d = Diagnostic::error("WF2010", signal.span, "`receive` works in the body of a workflow only");
            self.report(d.label("no signals here").help("receive in the workflow and pass the value"));
            return None;
        };
        let Some(found) = members.signal(&signal.text) else {
            let d = Diagnostic::error("WF1001", signal.span, format!("cannot find signal `{}`", signal.text));
            let near = self.world.near(&signal.text, || members.signals.iter().map(|s| s.name.as_str()).collect());
            self.report(match near {
                Some(near) => d.label("not declared").help(format!("did you mean `{near}`?")),
                None => d.label("not declared").help(format!("declare it: `signal {}(..)`", signal.text)),
            });
            return None;
        };
        self.noted(|notes| notes.mention(signal.span, found.span));
        let Some(mailbox) = found.mailbox else {
            self.report(
                Diagnostic::error(
                    "WF3006",
                    signal.span,
                    format!("`{}` has a handler, so it has no mailbox to receive from", found.name),
                )
                .label("never gets a message")
                .also(found.span, "handled here")
                .help("wait on the state that the handler sets, or drop the body of the signal"),
            );
            return None;
        };
        found.received.set(true);
        Some((mailbox, found.params.iter().map(|p| (p.name.clone(), p.ty)).collect()))
    }

    // ---- branches

    pub(super) fn parallel_block(&mut self, args: &'a [Arg], branches: &'a [ast::Expr], want: Ty, span: Span) -> Expr {
        let (limit, collect) = self.parallel_args(args);
        let wants = match self.kind_of(want) {
            Kind::Tuple(items) if items.len() == branches.len() && !collect => items.to_vec(),
            _ => vec![Ty::UNKNOWN; branches.len()],
        };
        let frames: Vec<Frame> = branches
            .iter()
            .zip(wants)
            .map(|(branch, want)| {
                self.frame(Fence::Branch, |this| {
                    let body = this.expr(branch, want);
                    let body = if want == Ty::UNKNOWN { this.settled(body) } else { this.coerce(body, want) };
                    (Vec::new(), body)
                })
            })
            .collect();
        self.waited();
        let tys: Vec<Ty> = frames.iter().map(|f| self.branch_ty(f, collect)).collect();
        let ty = match tys.as_slice() {
            [] => Ty::UNIT,
            [one] => *one,
            many => self.types().tuple(many),
        };
        Expr { kind: ExprKind::Parallel { limit, collect, branches: frames }, ty, span }
    }

    /// What a branch contributes to the result.
    fn branch_ty(&self, frame: &Frame, collect: bool) -> Ty {
        let ty = if frame.result == Ty::NEVER { Ty::UNIT } else { frame.result };
        if collect { self.types().intern(Kind::Result(ty)) } else { ty }
    }

    pub(super) fn parallel_for(
        &mut self,
        args: &'a [Arg],
        pattern: &'a ast::Pattern,
        items: &'a ast::Expr,
        body: &'a ast::Block,
        want: Ty,
        span: Span,
    ) -> Expr {
        let (limit, collect) = self.parallel_args(args);
        let items = self.infer(items);
        let item_ty = self.element_of(&items);
        let want = match self.kind_of(self.types().inner(want).unwrap_or(want)) {
            Kind::List(item) if !collect => item,
            _ => Ty::UNKNOWN,
        };
        let branch = self.repeated(|this| {
            this.frame(Fence::Branch, |this| {
                let pattern = this.pattern(pattern, item_ty, false);
                this.require_total(&pattern, "`parallel for`");
                let body = this.block(body, want);
                let body = if want == Ty::UNKNOWN { this.settled(body) } else { this.coerce(body, want) };
                if let PatternKind::Bind(local) = pattern.kind {
                    return (vec![local], body);
                }
                let param = this.temp("item", item_ty, pattern.span);
                let value = this.read_local(param, pattern.span);
                let (ty, span) = (body.ty, body.span);
                let stmts = vec![Stmt::Let { pattern, value }];
                let kind = ExprKind::Block { stmts, value: Some(Box::new(body)) };
                (vec![param], Expr { kind, ty, span })
            })
        });
        self.waited();
        let ty = self.types().list(self.branch_ty(&branch, collect));
        let (items, branch) = (Box::new(items), Box::new(branch));
        Expr { kind: ExprKind::ParallelFor { limit, collect, items, branch }, ty, span }
    }

    fn parallel_args(&mut self, args: &'a [Arg]) -> (Option<Box<Expr>>, bool) {
        let (mut limit, mut collect) = (None, false);
        for arg in args {
            match arg.name.as_ref().map(|n| n.text.as_str()) {
                Some("limit") => {
                    let value = self.check(&arg.value, Ty::INT);
                    if let ExprKind::Const(Value::Int(n)) = value.kind
                        && n < 1
                    {
                        let d = Diagnostic::error("WF4010", value.span, "the limit must be at least 1");
                        self.report(d.label("nothing would ever run").help("leave it out for no limit"));
                    }
                    limit = Some(Box::new(value));
                }
                Some("fail") => match super::constant::option_word("fail", &arg.value, &["collect"]) {
                    Ok(word) => collect = word.is_some(),
                    Err(diagnostic) => self.report(*diagnostic),
                },
                name => {
                    let at = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
                    let message = format!("unknown option `{}` for `parallel`", name.unwrap_or(".."));
                    let d = Diagnostic::error("WF4002", at, message).label("no such option");
                    self.report(d.help("`parallel(limit: 4, fail: collect) ..`"));
                }
            }
        }
        (limit, collect)
    }

    pub(super) fn race(&mut self, branches: &'a [ast::Expr], want: Ty, span: Span) -> Expr {
        if branches.is_empty() {
            let d = Diagnostic::error("WF1004", head(span, "race"), "`race` needs at least one branch");
            self.report(d.label("nothing could win"));
            return self.error(span);
        }
        let (mut shells, mut bodies) = (Vec::new(), Vec::new());
        for branch in branches {
            let hint = match bodies.last() {
                Some(Expr { ty, .. }) if want == Ty::UNKNOWN && *ty != Ty::NEVER => *ty,
                _ => want,
            };
            let frame = self.frame(Fence::Branch, |this| (Vec::new(), this.expr(branch, hint)));
            shells.push((frame.captures, frame.params));
            bodies.push(frame.body);
        }
        self.waited();
        let (bodies, ty) = self.unify(bodies, want);
        let ty = if ty == Ty::NEVER { Ty::UNIT } else { ty };
        let frames = shells
            .into_iter()
            .zip(bodies)
            .map(|((captures, params), body)| Frame { captures, params, result: ty, body })
            .collect();
        Expr { kind: ExprKind::Race(frames), ty, span }
    }
}

/// Fields of a message.
pub(super) type Fields = Vec<(std::rc::Rc<str>, Ty)>;

/// Whether an expression is a test whatever its parts are.
pub(super) fn is_test(expr: &ast::Expr) -> bool {
    use BinaryOp::*;
    match &expr.kind {
        ast::ExprKind::Not(_) => true,
        ast::ExprKind::Binary { op, .. } => matches!(op, And | Or | Eq | Ne | Lt | Le | Gt | Ge | In),
        _ => false,
    }
}
