//! `if`, `match`, loops, `try`, and what leaves them.

use super::expr::head;
use super::operator::Cond;
use super::{Fact, Facts, Fence, Lower};
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Arm, Catch, Expr, ExprKind, FnKind, Pattern, PatternKind, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{DefId, Kind, Ty};

/// Which errors a `catch` takes, and as what type its pattern sees them.
struct Caught<'a> {
    errors: Option<Vec<DefId>>,
    ty: Ty,
    bind: Bind<'a>,
}

enum Bind<'a> {
    Nothing,
    Name(&'a ast::Name),
    /// Fields of the error in order.
    Fields(&'a [ast::Pattern], Span),
}

impl<'a> Lower<'_, 'a> {
    /// What two arms have in common.
    pub(super) fn join(&self, common: Ty, next: &Expr) -> Ty {
        let types = self.types();
        match (types.kind(common), types.kind(next.ty)) {
            (Kind::Never | Kind::Unknown, _) => next.ty,
            (_, Kind::Never | Kind::Unknown) => common,
            (Kind::Option(Ty::NEVER), _) => types.option(next.ty),
            (_, Kind::Option(Ty::NEVER)) => types.option(common),
            (_, Kind::Option(inner)) if inner == common => next.ty,
            (Kind::List(Ty::NEVER), Kind::List(_)) | (Kind::Map(Ty::NEVER, _), Kind::Map(..)) => next.ty,
            _ => common,
        }
    }

    /// Gives arms one type. With `Ty::UNIT` wanted their values are dropped.
    pub(super) fn unify(&mut self, arms: Vec<Expr>, want: Ty) -> (Vec<Expr>, Ty) {
        if arms.iter().all(|a| a.ty == Ty::NEVER) {
            return (arms, Ty::NEVER);
        }
        if want == Ty::UNIT {
            return (arms, Ty::UNIT);
        }
        // What is wanted may only be a hint, from an arm before.
        let common = if want != Ty::UNKNOWN && arms.iter().all(|a| self.fits(a.ty, want)) {
            want
        } else {
            let joined = arms.iter().fold(Ty::NEVER, |common, arm| self.join(common, arm));
            // Where they have nothing in common, those that are as wanted are right.
            let right = |ty: Ty| ty != Ty::NEVER && ty != Ty::UNKNOWN && self.fits(ty, want);
            let apart = want != Ty::UNKNOWN && arms.iter().any(|a| !self.fits(a.ty, joined));
            if apart && arms.iter().any(|a| right(a.ty)) { want } else { joined }
        };
        (arms.into_iter().map(|a| self.coerce(a, common)).collect(), common)
    }

    /// Whether a value of one type can become one of another.
    pub(super) fn fits(&self, found: Ty, want: Ty) -> bool {
        let types = self.types();
        found == want
            || match (types.kind(found), types.kind(want)) {
                (Kind::Never | Kind::Unknown, _) => true,
                (Kind::Option(Ty::NEVER), Kind::Option(_)) => true,
                (Kind::Option(_), Kind::Option(_)) => false,
                (_, Kind::Option(inner)) => self.fits(found, inner),
                (Kind::Error(_), Kind::Failure) => true,
                (Kind::List(Ty::NEVER), Kind::List(_)) | (Kind::Map(Ty::NEVER, _), Kind::Map(..)) => true,
                (Kind::Record(_) | Kind::Shape(_), Kind::Shape(_)) => true,
                _ => false,
            }
    }

    /// What the next arm should be, given the one before.
    pub(super) fn hint(&self, want: Ty, before: Option<&Expr>) -> Ty {
        match before {
            Some(before) if want == Ty::UNKNOWN && before.ty != Ty::NEVER => before.ty,
            _ => want,
        }
    }

    pub(super) fn if_expr(
        &mut self,
        pattern: Option<&'a ast::Pattern>,
        cond: &'a ast::Expr,
        then: &'a ast::Block,
        otherwise: Option<&'a ast::Expr>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let want = if otherwise.is_none() { Ty::UNIT } else { want };
        if let Some(pattern) = pattern {
            return self.if_let(pattern, cond, then, otherwise, want, span);
        }
        let Cond(cond, yes, no) = self.cond(cond);
        let before = self.facts.clone();
        self.know(yes);
        self.one_of = otherwise.is_some();
        let then = self.block(then, want);
        let after_then = std::mem::replace(&mut self.facts, before);
        self.know(no);
        let otherwise = match otherwise {
            Some(otherwise) => self.arm(otherwise, self.hint(want, Some(&then))),
            None => self.unit(span),
        };
        let after_else = std::mem::take(&mut self.facts);
        self.meet(vec![(then.ty == Ty::NEVER, after_then), (otherwise.ty == Ty::NEVER, after_else)]);
        let (mut arms, ty) = self.unify(vec![then, otherwise], want);
        let (Some(otherwise), Some(then)) = (arms.pop(), arms.pop()) else { return self.error(span) };
        let kind = ExprKind::If { cond: Box::new(cond), then: Box::new(then), otherwise: Box::new(otherwise) };
        Expr { kind, ty, span }
    }

    fn if_let(
        &mut self,
        pattern: &'a ast::Pattern,
        value: &'a ast::Expr,
        then: &'a ast::Block,
        otherwise: Option<&'a ast::Expr>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let value = self.expr_raw(value, Ty::UNKNOWN);
        let place = Self::place(&value);
        let inner = self.types().inner(value.ty);
        let before = self.facts.clone();
        let (pattern, then) = self.scoped(|this| {
            let pattern = match inner {
                Some(inner) if !matches!(pattern.kind, ast::PatternKind::None) => {
                    this.know(place);
                    let found = this.pattern(pattern, inner, false);
                    let span = found.span;
                    Pattern { kind: PatternKind::Some(Box::new(found)), ty: value.ty, span }
                }
                _ => this.pattern(pattern, value.ty, false),
            };
            this.one_of = otherwise.is_some();
            (pattern, this.block(then, want))
        });
        let after_then = std::mem::replace(&mut self.facts, before);
        let otherwise = match otherwise {
            Some(otherwise) => self.arm(otherwise, self.hint(want, Some(&then))),
            None => self.unit(span),
        };
        let after_else = std::mem::take(&mut self.facts);
        self.meet(vec![(then.ty == Ty::NEVER, after_then), (otherwise.ty == Ty::NEVER, after_else)]);
        let rest = Pattern { kind: PatternKind::Wildcard, ty: value.ty, span };
        let (bodies, ty) = self.unify(vec![then, otherwise], want);
        let arms = [pattern, rest].into_iter().zip(bodies);
        let arms = arms.map(|(pattern, body)| Arm { pattern, guard: None, body }).collect();
        Expr { kind: ExprKind::Match { value: Box::new(value), arms }, ty, span }
    }

    pub(super) fn match_expr(&mut self, value: &'a ast::Expr, arms: &'a [ast::MatchArm], want: Ty, span: Span) -> Expr {
        let value = self.expr_raw(value, Ty::UNKNOWN);
        let value = self.settled(value);
        let mut place: Vec<Fact> = Self::place(&value).into_iter().collect();
        let inner = self.types().inner(value.ty);
        let before = self.facts.clone();
        // What is known where an arm begins: the guards before it have run.
        let mut reached = before.clone();
        let (mut heads, mut bodies, mut ways) = (Vec::new(), Vec::new(), Vec::new());
        let mut none_covered = false;
        let mut read = true;
        for arm in arms {
            self.facts = reached.clone();
            let hint = self.hint(want, bodies.last());
            let (pattern, guard, body) = self.scoped(|this| {
                let said = this.world.sink.borrow().len();
                let pattern = match inner {
                    Some(inner) if none_covered && !looks_for_none(&arm.pattern) => {
                        this.know(place.clone());
                        let found = this.pattern(&arm.pattern, inner, false);
                        let span = found.span;
                        Pattern { kind: PatternKind::Some(Box::new(found)), ty: value.ty, span }
                    }
                    _ => this.pattern(&arm.pattern, value.ty, false),
                };
                read &= this.world.sink.borrow().len() == said && arm.pattern.kind != ast::PatternKind::Missing;
                if matches!(pattern.kind, PatternKind::Some(_)) {
                    this.know(place.clone());
                }
                let guard = arm.guard.as_ref().map(|guard| {
                    let changes = this.changes;
                    let Cond(guard, yes, _) = this.cond(guard);
                    reached.keep_common(&this.facts);
                    if this.changes != changes {
                        // The value that is matched may not be at its place any more.
                        place.clear();
                    }
                    this.know(yes);
                    guard
                });
                (pattern, guard, this.arm(&arm.body, hint))
            });
            none_covered |= guard.is_none() && matches!(pattern.kind, PatternKind::None);
            ways.push((body.ty == Ty::NEVER, std::mem::take(&mut self.facts)));
            heads.push((pattern, guard));
            bodies.push(body);
        }
        self.facts = before;
        self.meet(ways);
        if value.ty != Ty::UNKNOWN && value.ty != Ty::NEVER {
            let covering: Vec<&Pattern> = heads.iter().filter(|(_, g)| g.is_none()).map(|(p, _)| p).collect();
            self.require_exhaustive(&covering, value.ty, head(span, "match"));
            // A pattern with a mistake stands for one that matches everything.
            if read {
                let arms: Vec<(&Pattern, bool)> = heads.iter().map(|(p, g)| (p, g.is_some())).collect();
                self.warn_covered(&arms, value.ty);
            }
        }
        let (bodies, ty) = self.unify(bodies, want);
        let arms = heads.into_iter().zip(bodies).map(|((pattern, guard), body)| Arm { pattern, guard, body }).collect();
        Expr { kind: ExprKind::Match { value: Box::new(value), arms }, ty, span }
    }

    // ---- loops

    /// Lowers what may run any number of times.
    pub(super) fn repeated<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.forget_changeable();
        let before = self.facts.clone();
        self.loops += 1;
        let out = inner(self);
        self.loops -= 1;
        // It may not have run at all, or have stopped anywhere.
        self.facts = before;
        out
    }

    pub(super) fn while_stmt(
        &mut self,
        cond: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> bool {
        let (cond, body, broken) = self.repeated(|this| {
            let Cond(cond, yes, _) = this.cond(cond);
            this.know(yes);
            let (body, broken) = this.loop_body(|this| this.block(body, Ty::UNIT));
            (cond, body, broken)
        });
        let endless = matches!(cond.kind, ExprKind::Const(Value::Bool(true))) && !broken;
        out.push(Stmt::While { cond, body, span });
        endless
    }

    fn loop_body<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> (R, bool) {
        self.fences.push(None);
        self.broken.push(false);
        let out = inner(self);
        self.fences.pop();
        (out, self.broken.pop().unwrap_or(false))
    }

    pub(super) fn for_stmt(
        &mut self,
        pattern: &'a ast::Pattern,
        items: &'a ast::Expr,
        body: &'a ast::Block,
        span: Span,
        out: &mut Vec<Stmt>,
    ) {
        let items = self.infer(items);
        let ty = self.element_of(&items);
        let (item, body) = self.repeated(|this| {
            this.scoped(|this| {
                let item = this.pattern(pattern, ty, false);
                this.require_total(&item, "`for`");
                let (body, _) = this.loop_body(|this| this.block(body, Ty::UNIT));
                (item, body)
            })
        });
        out.push(Stmt::For { item, items, body, span });
    }

    /// What a loop over a value goes through.
    pub(super) fn element_of(&self, items: &Expr) -> Ty {
        if let Some(item) = self.types().element(items.ty) {
            return item;
        }
        match self.kind_of(items.ty) {
            Kind::Unknown | Kind::Never => {}
            Kind::Option(_) => self.report(self.may_be_none(items.span, items.ty, items)),
            kind => {
                let message = format!("{} is not a collection", self.name_of(items.ty));
                let mut d = Diagnostic::error("WF1002", items.span, message).label("expected a List, Set or Map");
                d = match kind {
                    Kind::String => d.help("`.chars()` or `.lines()` gives a list"),
                    Kind::Int => d.help("`0..n` gives the numbers from 0 to n, n excluded"),
                    Kind::Json => d.help("`.as_list()` gives a `List<Json>?`"),
                    _ => d,
                };
                self.report(d);
            }
        }
        Ty::UNKNOWN
    }

    pub(super) fn leave_loop(&mut self, word: &str, kind: ExprKind, span: Span) -> Expr {
        match self.fences.last() {
            Some(None) => {
                if let (ExprKind::Break, Some(broken)) = (&kind, self.broken.last_mut()) {
                    *broken = true;
                }
                Expr { kind, ty: Ty::NEVER, span }
            }
            Some(Some(fence)) => {
                self.report(cannot_leave(word, *fence, span));
                Expr { ty: Ty::NEVER, ..self.error(span) }
            }
            None => {
                let d = Diagnostic::error("WF1019", span, format!("`{word}` outside of a loop"));
                self.report(d.label("no loop to leave"));
                Expr { ty: Ty::NEVER, ..self.error(span) }
            }
        }
    }

    pub(super) fn return_expr(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        let never = |kind| Expr { kind, ty: Ty::NEVER, span };
        if let Some(fence) = self.fences.iter().find_map(|f| *f) {
            self.report(cannot_leave("return", fence, head(span, "return")));
            if let Some(value) = value {
                self.expr(value, Ty::UNKNOWN);
            }
            return never(ExprKind::Error);
        }
        match value {
            Some(value) if self.result == Ty::UNIT => {
                let value = self.infer(value);
                if !matches!(value.ty, Ty::UNIT | Ty::NEVER | Ty::UNKNOWN) {
                    self.no_result_declared(&value);
                }
                never(ExprKind::Return(Some(Box::new(value))))
            }
            Some(value) => {
                let value = self.check(value, self.result);
                never(ExprKind::Return(Some(Box::new(value))))
            }
            None => {
                if self.result != Ty::UNIT && self.result != Ty::UNKNOWN {
                    let want = self.name_of(self.result);
                    let d = Diagnostic::error("WF1002", span, format!("expected a value after `return`: {want}"));
                    self.report(d.label("nothing is returned").help("the value stands on the same line"));
                }
                never(ExprKind::Return(None))
            }
        }
    }

    /// `return 5` where no result is declared.
    fn no_result_declared(&self, value: &Expr) {
        let ty = self.name_of(value.ty);
        let d = Diagnostic::error("WF1002", value.span, format!("expected nothing after `return`, found {ty}"))
            .label("no result is declared");
        let d = match (self.kind, self.unsaid) {
            (FnKind::Signal, _) => {
                d.help("a signal handler gives nothing back: write `return` alone; what answers is an `update`")
            }
            (FnKind::Check, _) => d.help("a check gives nothing back: it refuses with `throw`"),
            (FnKind::Test, _) => d.help("a test gives nothing back: write `return` alone"),
            (_, place) => {
                let d = d.help(format!("declare it behind the parameters: `-> {ty}`"));
                match place {
                    Some(place) => d.fix(Fix {
                        title: format!("declare the result `-> {ty}`"),
                        edits: vec![(place, format!(" -> {ty}"))],
                        safe: true,
                    }),
                    None => d,
                }
            }
        };
        self.report(d);
    }

    // ---- errors

    pub(super) fn throw(&mut self, value: &'a ast::Expr, span: Span) -> Expr {
        let value = self.infer(value);
        let never = |kind| Expr { kind, ty: Ty::NEVER, span };
        match self.kind_of(value.ty) {
            Kind::Error(_) | Kind::Failure => {
                let value = self.coerce(value, Ty::FAILURE);
                never(ExprKind::Throw(Box::new(value)))
            }
            Kind::Unknown | Kind::Never => never(ExprKind::Error),
            _ => {
                let message = format!("expected an error, found {}", self.name_of(value.ty));
                self.report(
                    Diagnostic::error("WF1002", value.span, message)
                        .label("cannot be thrown")
                        .help("declare one: `error OutOfStock { sku: String }`, then `throw OutOfStock(sku)`"),
                );
                never(ExprKind::Error)
            }
        }
    }

    pub(super) fn try_expr(
        &mut self,
        body: &'a ast::Block,
        catches: &'a [(ast::Pattern, ast::Block)],
        want: Ty,
        span: Span,
    ) -> Expr {
        let before = self.facts.clone();
        let body = self.block(body, want);
        self.handled(body, before, want, span, catches.iter().map(|(p, b)| (p, Handler::Block(b))).collect())
    }

    pub(super) fn postfix_catch(
        &mut self,
        body: &'a ast::Expr,
        pattern: &'a ast::Pattern,
        handler: &'a ast::Expr,
        want: Ty,
        span: Span,
    ) -> Expr {
        let before = self.facts.clone();
        let body = self.expr(body, want);
        self.handled(body, before, want, span, vec![(pattern, Handler::Expr(handler))])
    }

    fn handled(
        &mut self,
        body: Expr,
        before: Facts,
        want: Ty,
        span: Span,
        handlers: Vec<(&'a ast::Pattern, Handler<'a>)>,
    ) -> Expr {
        let after = std::mem::replace(&mut self.facts, before);
        // The body may have stopped anywhere.
        self.forget_changeable();
        let start = self.facts.clone();
        let mut ways = vec![(body.ty == Ty::NEVER, after)];
        let failure = self.temp("failure", Ty::FAILURE, span);
        let mut heads = Vec::new();
        let mut bodies = vec![body];
        for (pattern, handler) in handlers {
            self.facts = start.clone();
            let hint = self.hint(want, bodies.first());
            let (caught, bind, body) = self.scoped(|this| {
                let caught = this.caught(pattern);
                let bind = this.catch_bind(&caught);
                let body = match handler {
                    Handler::Block(block) => this.arm_block(block, hint),
                    Handler::Expr(expr) => this.arm(expr, hint),
                };
                (caught, bind, body)
            });
            ways.push((body.ty == Ty::NEVER, std::mem::take(&mut self.facts)));
            heads.push((caught.errors, bind, caught.ty, pattern.span));
            bodies.push(body);
        }
        self.meet(ways);
        let (mut bodies, ty) = self.unify(bodies, want);
        let handlers = bodies.split_off(1);
        let catches = heads
            .into_iter()
            .zip(handlers)
            .map(|((errors, bind, ty, span), body)| Catch { errors, bind, ty, body, span })
            .collect();
        let Some(body) = bodies.pop() else { return self.error(span) };
        Expr { kind: ExprKind::Try { body: Box::new(body), failure, catches }, ty, span }
    }

    fn caught(&mut self, pattern: &'a ast::Pattern) -> Caught<'a> {
        use ast::PatternKind as P;
        let all = |bind| Caught { errors: None, ty: Ty::FAILURE, bind };
        match &pattern.kind {
            P::Wildcard => all(Bind::Nothing),
            P::Path { name, args: None } if name.text == "Failure" => all(Bind::Nothing),
            P::Path { name, args: None }
                if !name.text.starts_with(|c: char| c.is_ascii_uppercase()) && !name.text.contains('.') =>
            {
                all(Bind::Name(name))
            }
            P::Path { name, args } => match self.world.lookup_error(self.module, name) {
                Some(id) => {
                    let ty = self.types().def_ty(id);
                    let bind = args.as_ref().map_or(Bind::Nothing, |args| Bind::Fields(args, pattern.span));
                    Caught { errors: Some(vec![id]), ty, bind }
                }
                None => Caught { errors: Some(Vec::new()), ty: Ty::UNKNOWN, bind: Bind::Nothing },
            },
            P::As { pattern, name } => Caught { bind: Bind::Name(name), ..self.caught(pattern) },
            P::Or(alternatives) => {
                let mut errors = Vec::new();
                for alternative in alternatives {
                    errors.extend(self.caught(alternative).errors.unwrap_or_default());
                }
                Caught { errors: Some(errors), ty: Ty::FAILURE, bind: Bind::Nothing }
            }
            P::Missing => Caught { errors: Some(Vec::new()), ty: Ty::UNKNOWN, bind: Bind::Nothing },
            _ => {
                let d = Diagnostic::error("WF1018", pattern.span, "`catch` takes an error type or a name");
                self.report(d.label("cannot be caught").help("`catch CardDeclined as e`, `catch Timeout`, `catch e`"));
                Caught { errors: Some(Vec::new()), ty: Ty::UNKNOWN, bind: Bind::Nothing }
            }
        }
    }

    fn catch_bind(&mut self, caught: &Caught<'a>) -> Option<Pattern> {
        match caught.bind {
            Bind::Nothing => None,
            Bind::Name(name) => {
                let local = self.declare(name, caught.ty, false);
                Some(self.simple_bind(local, caught.ty, name.span))
            }
            Bind::Fields(args, span) => {
                let Kind::Error(id) = self.kind_of(caught.ty) else { return None };
                let fields: Vec<Ty> = self.types().def(id).fields[2..].iter().map(|f| f.ty).collect();
                if args.len() != fields.len() {
                    let name = self.name_of(caught.ty);
                    let message = format!("`{name}` has {} fields, this pattern has {}", fields.len(), args.len());
                    self.report(Diagnostic::error("WF1010", span, message).label("use `_` for what is not needed"));
                }
                let (mut patterns, before) = (Vec::new(), self.locals.len());
                for (n, arg) in args.iter().enumerate() {
                    let ty = fields.get(n).copied().unwrap_or(Ty::UNKNOWN);
                    let pattern = self.part(arg, ty, false);
                    self.require_total(&pattern, "`catch`");
                    if n < fields.len() {
                        patterns.push((n as u16 + 2, pattern));
                    }
                }
                self.bound_once(before);
                Some(Pattern { kind: PatternKind::Fields(patterns), ty: caught.ty, span })
            }
        }
    }
}

enum Handler<'a> {
    Block(&'a ast::Block),
    Expr(&'a ast::Expr),
}

pub(super) fn cannot_leave(word: &str, fence: Fence, span: Span) -> Diagnostic {
    Diagnostic::error("WF1019", span, format!("`{word}` cannot leave {}", fence.words()))
        .label("not from here")
        .why(match fence {
            Fence::Cleanup => "it runs when the body is left already",
            _ => "it runs as a piece of its own and gives its last expression as its value",
        })
        .help(match fence {
            Fence::Cleanup => "use `if` to do nothing more",
            _ => "give a value, and decide after it",
        })
}

/// Whether a pattern takes the `none` of an optional, too.
fn looks_for_none(pattern: &ast::Pattern) -> bool {
    match &pattern.kind {
        ast::PatternKind::Wildcard | ast::PatternKind::None => true,
        ast::PatternKind::Or(alternatives) => alternatives.iter().any(looks_for_none),
        ast::PatternKind::As { pattern, .. } => pattern.kind != ast::PatternKind::Wildcard && looks_for_none(pattern),
        _ => false,
    }
}
