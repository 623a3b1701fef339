//! Assignment: to a `var`, to state, and into them.

use super::{Fact, Fence, Lower};
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, LocalId, Place, Root, Step, Stmt};
use crate::source::Span;
use crate::syntax::ast::{self, BinaryOp};
use crate::types::{Kind, Ty};
use weft_bytecode::op::Native;

impl<'a> Lower<'_, 'a> {
    /// `place = value`; `place += value`, which reads the place after the value is there. Whether nothing after it is
    /// reached.
    pub(super) fn assign(
        &mut self,
        place: &'a ast::Expr,
        op: Option<BinaryOp>,
        value: &'a ast::Expr,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> bool {
        if let (ast::ExprKind::Name(name), None) = (&place.kind, op)
            && !name.is_empty()
            && !self.is_known(name)
        {
            return self.undeclared(name, place.span, value, out);
        }
        let Some((place, ty)) = self.assign_place(place, out) else {
            self.expr(value, Ty::UNKNOWN);
            return false;
        };
        let value = match op {
            None => self.expr(value, ty),
            Some(op) => {
                let hint = if matches!(ty, Ty::DECIMAL | Ty::FLOAT) { ty } else { Ty::UNKNOWN };
                let right = self.expr(value, hint);
                // The right side may wait: what is read before that may be old when it is written.
                let right = self.computed(right, out);
                let old = self.read_place(&place, span);
                self.arithmetic_of(op, old, right, span)
            }
        };
        let never = value.ty == Ty::NEVER;
        let has_value = self.types().inner(value.ty).is_none() && value.ty != Ty::UNKNOWN;
        let value = self.coerce(value, ty);
        self.forget(place.root);
        if place.steps.is_empty() && has_value {
            self.know([Fact { root: place.root, path: Vec::new() }]);
        }
        out.push(Stmt::Assign { place, value, span });
        never
    }

    /// Whether a name stands for something that could be assigned, or is known not to be.
    fn is_known(&self, name: &str) -> bool {
        self.find_local(name).is_some()
            || self.find_state(name).is_some()
            || self.find_param(name).is_some()
            || self.world.lookup(self.module, name).is_some()
    }

    /// `y = 5` where there is no `y`: from here on there is one, so that it is told once.
    fn undeclared(&mut self, name: &'a str, span: Span, value: &'a ast::Expr, out: &mut Vec<Stmt>) -> bool {
        let d = Diagnostic::error("WF1001", span, format!("cannot find variable `{name}`")).label("not declared");
        let text = self.text_at(value.span);
        let d = match self.world.near(name, || self.names_in_sight()) {
            Some(near) => d.help(format!("did you mean `{near}`? A new one is declared: `let {name} = {text}`")),
            None => d.help(format!("declare it: `let {name} = {text}`; or with `var`, if it changes")).fix(Fix {
                title: "declare it with `let`".into(),
                edits: vec![(Span { end: span.start, ..span }, "let ".into())],
                safe: false,
            }),
        };
        self.report(d);
        let value = self.infer(value);
        let never = value.ty == Ty::NEVER;
        let local = self.temp(name, value.ty, span);
        self.locals[local.0 as usize].var = true;
        self.names.entry(name).or_default().push(local);
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name);
        }
        out.push(Stmt::Expr(value));
        never
    }

    /// The place and the type it takes. Indexes are evaluated once, before the value.
    fn assign_place(&mut self, place: &'a ast::Expr, out: &mut Vec<Stmt>) -> Option<(Place, Ty)> {
        match &place.kind {
            ast::ExprKind::Name(name) if name.is_empty() => None,
            ast::ExprKind::Name(name) => {
                let (root, ty) = self.assign_root(name, place.span)?;
                Some((Place { root, ty, steps: Vec::new() }, ty))
            }
            ast::ExprKind::Access { object, name, .. } => {
                let (mut found, ty) = self.assign_place(object, out)?;
                match self.types().field(ty, &name.text) {
                    Some((index, field)) if !matches!(self.kind_of(ty), Kind::Run(_) | Kind::Error(_)) => {
                        found.steps.push(Step::Field(index, field));
                        Some((found, field))
                    }
                    _ => {
                        self.no_field_to_assign(ty, name, object.span);
                        None
                    }
                }
            }
            ast::ExprKind::Index { object, index } => {
                let (mut found, ty) = self.assign_place(object, out)?;
                let (step, item) = match self.kind_of(ty) {
                    Kind::List(item) => {
                        let index = self.check(index, Ty::INT);
                        (Step::Index(self.bound(index, out), item), item)
                    }
                    Kind::Map(key, value) => {
                        let key = self.check(index, key);
                        (Step::Key(self.bound(key, out), value), value)
                    }
                    kind => {
                        if !matches!(kind, Kind::Unknown) {
                            let message = format!("{} has no elements to assign", self.name_of(ty));
                            self.report(
                                Diagnostic::error("WF1011", place.span, message).label("expected a List or Map"),
                            );
                        }
                        return None;
                    }
                };
                found.steps.push(step);
                Some((found, item))
            }
            ast::ExprKind::Missing => None,
            _ => {
                let d = Diagnostic::error("WF1011", place.span, "cannot assign to this");
                self.report(d.label("not a name, a field of one or an element of one"));
                None
            }
        }
    }

    fn no_field_to_assign(&self, ty: Ty, name: &ast::Name, at: Span) {
        match self.kind_of(ty) {
            Kind::Unknown => {}
            Kind::Option(_) => {
                let d = Diagnostic::error("WF1003", at, "this may be none");
                self.report(
                    d.label(format!("its type is {}", self.name_of(ty)))
                        .help("bind it with `if let`, change the copy, and assign the whole"),
                );
            }
            Kind::Record(_) | Kind::Shape(_) => self.unknown_field(ty, name),
            _ => {
                let message = format!("{} has no fields to assign", self.name_of(ty));
                self.report(Diagnostic::error("WF1011", at, message).label("not a record"));
            }
        }
    }

    /// An index or key as something that can be read twice.
    fn bound(&mut self, value: Expr, out: &mut Vec<Stmt>) -> Expr {
        if matches!(value.kind, ExprKind::Const(_) | ExprKind::Error) {
            return value;
        }
        let span = value.span;
        let local = self.temp("index", value.ty, span);
        let pattern = self.simple_bind(local, value.ty, span);
        out.push(Stmt::Let { pattern, value });
        self.read_local(local, span)
    }

    /// The right side of `+=` and its like, computed before the place is read.
    fn computed(&mut self, value: Expr, out: &mut Vec<Stmt>) -> Expr {
        if value.is_simple() || matches!(value.ty, Ty::NEVER | Ty::UNKNOWN) {
            return value;
        }
        let (span, ty) = (value.span, value.ty);
        let local = self.temp("right side", ty, span);
        let pattern = self.simple_bind(local, ty, span);
        out.push(Stmt::Let { pattern, value });
        self.read_local(local, span)
    }

    fn assign_root(&mut self, name: &'a str, span: Span) -> Option<(Root, Ty)> {
        self.variable_used(name, span);
        if let Some(id) = self.find_local(name) {
            return self.assignable(id, name, span).then(|| {
                self.writes.push(id);
                let ty = self.locals[id.0 as usize].ty;
                (Root::Local(id), ty)
            });
        }
        if let Some((cell, ty)) = self.find_state(name) {
            return Some((Root::State(cell), ty));
        }
        if let Some(param) = self.find_param(name) {
            let d = Diagnostic::error("WF1011", span, format!("cannot assign to `{name}`")).label("does not change");
            let help = format!("keep what changes in state: `state {name}_now = {name}`");
            self.report(d.also(param.span, "a parameter of the workflow").help(help));
            return None;
        }
        match self.world.lookup(self.module, name) {
            Some(crate::types::world::Item::Const(_)) => {
                let d = Diagnostic::error("WF1011", span, format!("cannot assign to the constant `{name}`"));
                self.report(d.label("never changes"));
            }
            Some(_) => {
                let d = Diagnostic::error("WF1011", span, format!("cannot assign to `{name}`"));
                self.report(d.label("not a variable"));
            }
            None => self.unknown_name(crate::types::world::Wanted::Variable, name, span),
        }
        None
    }

    /// Whether a local may be assigned here.
    fn assignable(&mut self, id: LocalId, name: &str, span: Span) -> bool {
        let local = &self.locals[id.0 as usize];
        let declared = local.span;
        if !local.var {
            let mut d = Diagnostic::error("WF1011", span, format!("cannot assign to `{name}`"))
                .label("does not change")
                .also(declared, "bound here");
            d = if self.is_let(declared) {
                let at = Span { start: declared.start - 4, end: declared.start, ..declared };
                d.help("declare it with `var`").fix(Fix {
                    title: "replace `let` with `var`".into(),
                    edits: vec![(at, "var ".into())],
                    safe: false,
                })
            } else {
                d.help(format!("copy it first: `var copy = {name}`"))
            };
            self.report(d);
            return false;
        }
        let depth = local.depth as usize;
        let fence = self.frames.get(depth).map(|f| f.fence);
        let fence = fence.or((id.0 < self.floor).then_some(Fence::Lambda));
        let d = match fence {
            None => return true,
            Some(Fence::Branch | Fence::Task) => {
                Diagnostic::error("WF2007", span, format!("`{name}` is written by concurrent branches"))
                    .label("a branch cannot change what is outside of it")
                    .why("which branch writes last would be a matter of timing")
                    .help("return values from the branches and combine them after the join")
            }
            Some(Fence::Condition) => Diagnostic::error("WF2002", span, format!("a condition cannot change `{name}`"))
                .label("conditions only read")
                .why("a condition is tested again after every event")
                .help("change it before or after the wait"),
            Some(Fence::Lambda) => Diagnostic::error("WF2002", span, format!("a lambda cannot change `{name}`"))
                .label("lambdas only read")
                .help("use a `for` loop, or `fold`"),
            Some(Fence::Cleanup) => Diagnostic::error("WF2007", span, format!("cleanup cannot change `{name}`"))
                .label("not seen by the body")
                .why("it runs when the body has been left, with the values from when it was registered")
                .help("keep it in `state`, which lives as long as the run"),
        };
        self.report(d.also(declared, "declared here"));
        false
    }

    /// Whether the name at a place is declared by `let name`.
    fn is_let(&self, declared: Span) -> bool {
        let text = self.world.sources.get(usize::from(declared.file.0)).map(|s| s.text.as_bytes());
        text.is_some_and(|text| text[..(declared.start as usize).min(text.len())].ends_with(b"let "))
    }

    /// The value at a place.
    fn read_place(&mut self, place: &Place, span: Span) -> Expr {
        let mut out = match place.root {
            Root::Local(id) => self.read_local(id, span),
            Root::State(cell) => Expr { kind: ExprKind::State(cell), ty: place.ty, span },
        };
        for step in &place.steps {
            let object = Box::new(out);
            out = match step {
                Step::Field(index, ty) => Expr { kind: ExprKind::Field(object, *index), ty: *ty, span },
                Step::Index(index, ty) => {
                    let index = Box::new(self.again(index));
                    Expr { kind: ExprKind::Index(object, index), ty: *ty, span }
                }
                Step::Key(key, ty) => {
                    let key = self.again(key);
                    Expr { kind: ExprKind::Native(Native::MapIndex, vec![*object, key]), ty: *ty, span }
                }
            };
        }
        self.narrow(out)
    }

    /// The same bound index or constant once more.
    fn again(&mut self, expr: &Expr) -> Expr {
        match &expr.kind {
            ExprKind::Local(id) => self.read_local(*id, expr.span),
            ExprKind::Const(value) => self.constant(value.clone(), expr.ty, expr.span),
            _ => self.error(expr.span),
        }
    }
}
