//! Expressions: the dispatch, blocks and names.

use super::Lower;
use super::dropped::At;
use crate::diagnostic::Diagnostic;
use crate::hir::{Deferred, Expr, ExprKind, Pattern, PatternKind, Stmt, Value};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast::{self, StmtKind};
use crate::types::world::{Item, Wanted};
use crate::types::{DefKind, Kind, Ty};

/// Enums that are named, of those that have a variant.
const SEVERAL_MAX: usize = 20;

impl<'a> Lower<'_, 'a> {
    /// Lowers an expression. `want` guides literals, variants and lambdas; the result may still be of another type.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr, want: Ty) -> Expr {
        let out = self.expr_raw(expr, want);
        let out = self.narrow(out);
        self.noted(|notes| notes.value(expr.span, out.ty));
        out
    }

    /// As [`Lower::expr`], but an optional that is known to have a value stays one.
    pub(super) fn expr_raw(&mut self, expr: &'a ast::Expr, want: Ty) -> Expr {
        use ast::ExprKind as E;
        let span = expr.span;
        match &expr.kind {
            // Only an option takes a type, and reads it itself.
            E::Missing | E::Type(_) => self.error(span),
            E::Name(name) => self.name(name, want, span),
            E::Number(number) => self.number(number, want, span),
            E::String(lit) => self.string(lit, want),
            E::Bool(b) => self.json_literal(Value::Bool(*b), Ty::BOOL, want, span),
            E::None => self.none(want, span),
            E::List(items) => self.list(items, want, span),
            E::Map(pairs) => self.map(pairs, want, span),
            E::Tuple(items) => self.tuple(items, want, span),
            E::Record { spreads, slots } => self.record(spreads, slots, want, span),
            E::Call { callee, args, with } => self.call(callee, args, with.as_ref(), want, span),
            E::Index { object, index } => self.index(object, index, span),
            E::Access { object, optional, name } => self.access(object, *optional, name, want, span),
            E::Catch { body, pattern, handler } => self.postfix_catch(body, pattern, handler, want, span),
            E::Not(_) | E::Binary { op: ast::BinaryOp::And | ast::BinaryOp::Or, .. } => self.cond(expr).0,
            E::Neg(inner) => self.negate(inner, want, span),
            E::Binary { op, left, right } => self.binary(*op, left, right, want, span),
            E::Lambda { params, body } => self.lambda_value(params, body, want, span),
            E::Block(block) => self.block(block, want),
            E::Sleep { until, value } => self.sleep(*until, value, span),
            E::If { let_pattern, cond, then, otherwise } => {
                self.if_expr(let_pattern.as_ref(), cond, then, otherwise.as_deref(), want, span)
            }
            E::Match { value, arms } => self.match_expr(value, arms, want, span),
            E::ParallelBlock { args, branches } => self.parallel_block(args, branches, want, span),
            E::ParallelFor { args, pattern, items, body } => self.parallel_for(args, pattern, items, body, want, span),
            E::Race(branches) => self.race(branches, want, span),
            E::Try { body, catches } => self.try_expr(body, catches, want, span),
            E::Patch { deprecated: true, id, mode, body, otherwise } => {
                self.deprecated_patch(id, *mode, (body, otherwise.as_ref()), want, span)
            }
            E::Patch { id, mode, body, otherwise, .. } => self.patch(id, *mode, body, otherwise.as_ref(), want, span),
            E::WaitUntil { cond, timeout, otherwise } => {
                self.wait_until(cond, timeout.as_deref(), otherwise.as_deref(), want, span)
            }
            E::Receive { signal, timeout, otherwise } => {
                self.receive(signal, timeout.as_deref(), otherwise.as_deref(), want, span)
            }
            E::Start(inner) => self.start(inner, span),
            E::Send(inner) if self.in_test() => self.test_send(inner, span),
            E::Return(value) => self.return_expr(value.as_deref(), span),
            E::Throw(value) => self.throw(value, span),
            E::Break => self.leave_loop("break", ExprKind::Break, span),
            E::Continue => self.leave_loop("continue", ExprKind::Continue, span),
            E::Select(branches) => self.select(branches, want, span),
            E::Within { limit, body, otherwise } => self.within_expr(limit, body, otherwise.as_deref(), want, span),
            E::Saga(block) => self.saga(block, want, span),
            E::SpawnBlock(block) => self.spawn_block(block, want, span),
            E::Spawn(call) => self.spawn_call(call, want, span),
            E::Await(task) => self.await_task(task, span),
            E::Send(inner) => self.send(inner, span),
            E::ContinueAsNew(args) => self.continue_as_new(args, span),
        }
    }

    /// Lowers an expression for what it does; its value, if any, is dropped.
    pub(super) fn effect(&mut self, expr: &'a ast::Expr) -> Expr {
        self.expr(expr, Ty::UNIT)
    }

    /// Lowers a block. With `Ty::UNIT` wanted, the value of its last statement is dropped.
    pub(super) fn block(&mut self, block: &'a ast::Block, want: Ty) -> Expr {
        let arm = std::mem::take(&mut self.one_of);
        self.scoped(|this| this.statements(block, want, arm))
    }

    /// Lowers one of several blocks of which a statement takes one.
    pub(super) fn arm_block(&mut self, block: &'a ast::Block, want: Ty) -> Expr {
        self.one_of = true;
        self.block(block, want)
    }

    /// Lowers one of several expressions of which a statement takes one.
    pub(super) fn arm(&mut self, body: &'a ast::Expr, want: Ty) -> Expr {
        self.one_of = matches!(body.kind, ast::ExprKind::Block(_));
        self.expr(body, want)
    }

    fn statements(&mut self, block: &'a ast::Block, want: Ty, arm: bool) -> Expr {
        let mut stmts = Vec::new();
        let (mut never, mut warned) = (false, false);
        let count = block.stmts.len();
        let ends = self.ends;
        for (n, stmt) in block.stmts.iter().enumerate() {
            if never && !warned && stmt.kind != StmtKind::Junk {
                warned = true;
                self.unreachable(stmt.span);
            }
            let last = n + 1 == count;
            self.ends = ends && last;
            if let (StmtKind::Expr { expr, undo: None }, true, true) = (&stmt.kind, last, want != Ty::UNIT) {
                let value = self.expr(expr, want);
                let ty = if never { Ty::NEVER } else { value.ty };
                let value = Some(Box::new(value));
                return Expr { kind: ExprKind::Block { stmts, value }, ty, span: block.span };
            }
            // What a loop or a frame of its own ends with is not what the function ends with.
            let end = self.ends && self.loops == 0 && self.frames.is_empty();
            let at = At { end, arm: arm && last, bare: false };
            never |= self.statement(stmt, at, &mut stmts);
        }
        self.ends = ends;
        let ty = match block.stmts.iter().any(|s| s.kind == StmtKind::Junk) {
            _ if never => Ty::NEVER,
            // Something could not be read: perhaps the value.
            true => Ty::UNKNOWN,
            false => Ty::UNIT,
        };
        Expr { kind: ExprKind::Block { stmts, value: None }, ty, span: block.span }
    }

    fn unreachable(&self, span: Span) {
        self.report(
            Diagnostic::warning("WF3004", span, "unreachable code")
                .label("nothing gets here")
                .why("everything before ends in `return`, `throw`, `break`, `continue` or `continue as new`")
                .help("remove it"),
        );
    }

    /// Lowers one statement; whether nothing after it is reached.
    fn statement(&mut self, stmt: &'a ast::Stmt, at: At, out: &mut Vec<Stmt>) -> bool {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Let { var, pattern, ty, value, undo } => {
                let never = self.let_stmt(*var, pattern, ty.as_ref(), value, out);
                self.undo(undo.as_ref(), out);
                never
            }
            StmtKind::Assign { place, op, value, undo } => {
                let never = self.assign(place, *op, value, span, out);
                self.undo(undo.as_ref(), out);
                never
            }
            StmtKind::While { cond, body } => self.while_stmt(cond, body, span, out),
            StmtKind::For { pattern, items, body } => {
                self.for_stmt(pattern, items, body, span, out);
                false
            }
            StmtKind::Sleep { until, value } => {
                let sleep = self.sleep(*until, value, span);
                out.push(Stmt::Expr(sleep));
                false
            }
            StmtKind::Expr { expr, undo } => {
                let said = self.world.sink.borrow().len();
                let expr = self.effect(expr);
                let never = expr.ty == Ty::NEVER;
                if undo.is_none() && !self.refused_since(said) {
                    self.dropped(&expr, at);
                }
                out.push(Stmt::Expr(expr));
                self.undo(undo.as_ref(), out);
                never
            }
            StmtKind::Block(block) => {
                let block = self.block(block, Ty::UNIT);
                let never = block.ty == Ty::NEVER;
                out.push(Stmt::Expr(block));
                never
            }
            StmtKind::Defer(block) => self.defer(Deferred::Always, block, span, out),
            StmtKind::OnCancel(block) => self.defer(Deferred::OnCancel, block, span, out),
            StmtKind::Assert(cond) if self.in_test() => {
                self.assert(cond, span, out);
                false
            }
            StmtKind::Advance { until, value } if self.in_test() => {
                let advance = self.advance(*until, value, span);
                out.push(Stmt::Expr(advance));
                false
            }
            StmtKind::Crash if self.in_test() => {
                let crash = self.crash(span);
                out.push(Stmt::Expr(crash));
                false
            }
            StmtKind::Mock { path, patterns, rest, times, arm } if self.in_test() => {
                let mock = super::testing::Mock { path, patterns, rest: *rest, times: times.as_ref(), arm };
                let mock = self.mock(mock, span);
                out.push(Stmt::Expr(mock));
                false
            }
            StmtKind::Assert(_) => self.only_in_tests("assert", span),
            StmtKind::Advance { .. } => self.only_in_tests("advance", span),
            StmtKind::Crash => self.only_in_tests("crash", span),
            StmtKind::Mock { .. } => self.only_in_tests("mock", span),
            StmtKind::Junk => false,
        }
    }

    fn only_in_tests(&mut self, word: &str, span: Span) -> bool {
        self.report(
            Diagnostic::error("WF2010", head(span, word), format!("`{word}` belongs into a `test`"))
                .label("not in a workflow")
                .why("tests drive the clock and the outer world; programs only see them"),
        );
        false
    }

    fn let_stmt(
        &mut self,
        var: bool,
        pattern: &'a ast::Pattern,
        ty: Option<&'a ast::TypeExpr>,
        value: &'a ast::Expr,
        out: &mut Vec<Stmt>,
    ) -> bool {
        let value = match ty {
            Some(ty) => {
                let want = self.world.resolve_in(self.module, &self.scope, ty);
                self.check(value, want)
            }
            None => self.infer(value),
        };
        if matches!(self.kind_of(value.ty), Kind::Fn(..)) {
            self.report(
                Diagnostic::error("WF1007", value.span, "a lambda cannot be kept in a variable")
                    .label("lambdas are arguments only")
                    .help("pass it where it is used, or declare a `fn`"),
            );
        }
        let value = if matches!(self.kind_of(value.ty), Kind::Secret) {
            self.report(secret_misused(value.span));
            self.error(value.span)
        } else {
            value
        };
        if value.ty == Ty::NEVER {
            self.bind_unknown(pattern);
            out.push(Stmt::Expr(value));
            return true;
        }
        let ty = value.ty;
        let pattern = self.pattern(pattern, ty, var);
        self.require_total(&pattern, "`let`");
        out.push(Stmt::Let { pattern, value });
        false
    }

    /// A name used as a value.
    pub(super) fn name(&mut self, name: &'a str, want: Ty, span: Span) -> Expr {
        if name.is_empty() {
            return self.error(span);
        }
        self.variable_used(name, span);
        if let Some(id) = self.find_local(name) {
            return self.read_local(id, span);
        }
        if let Some((cell, ty)) = self.find_state(name) {
            return Expr { kind: ExprKind::State(cell), ty, span };
        }
        if let (Some(param), Some(members)) = (self.find_param(name), self.members) {
            return Expr { kind: ExprKind::State(self.kept(param, members)), ty: param.ty, span };
        }
        let inner = self.types().inner(want).unwrap_or(want);
        if let Kind::Enum(id) = self.kind_of(inner) {
            let def = self.types().def(id);
            if let Some(index) = def.variant(name) {
                self.variant_used(&def.variants[index], span);
                return self.plain_variant(id, index as u16, span);
            }
        }
        match self.world.lookup(self.module, name) {
            Some(item) => self.item_value(item, name, want, span),
            None => match name {
                "never" => self.constant(Value::Retry(super::constant::never()), Ty::RETRY, span),
                _ => self.unbound(name, inner, span),
            },
        }
    }

    /// A declared item used as a value.
    pub(super) fn item_value(&mut self, item: Item, name: &str, want: Ty, span: Span) -> Expr {
        self.world.used(item, span);
        match item {
            Item::Const(index) => {
                let (ty, value) = self.world.const_value(index);
                match value {
                    Some(value) => self.constant(value, ty, span),
                    None => self.error(span),
                }
            }
            Item::Fn(index) if matches!(self.kind_of(want), Kind::Fn(..)) => self.fn_value(index, want, span),
            Item::Fn(_) | Item::Activity(_) | Item::Workflow(_) => {
                self.report(
                    Diagnostic::error("WF1002", span, format!("`{name}` is called, not used as a value"))
                        .label("arguments are missing")
                        .help(format!("`{name}(..)`")),
                );
                self.error(span)
            }
            Item::Type(_) | Item::Alias(_) => {
                self.report(
                    Diagnostic::error("WF1002", span, format!("`{name}` is a type, not a value"))
                        .label("expected a value")
                        .help(format!("construct one: `{name}(..)`")),
                );
                self.error(span)
            }
            Item::Refused => self.error(span),
        }
    }

    /// WF3011 for a variant.
    pub(super) fn variant_used(&self, variant: &crate::types::VariantDef, span: Span) {
        self.noted(|notes| notes.mention(span, variant.span));
        if let Some(says) = &variant.deprecated {
            self.report(crate::types::world::deprecated(&variant.name, says, span));
        }
    }

    /// A variant without payload.
    pub(super) fn plain_variant(&mut self, id: crate::types::DefId, index: u16, span: Span) -> Expr {
        let def = self.types().def(id);
        let variant = &def.variants[usize::from(index)];
        if let (Some(generics), true) = (&def.generics, variant.fields.is_empty()) {
            let mut guess = super::generic::Guess::new(generics);
            self.decide(&mut guess, &variant.name, false, span);
            return self.error(span);
        }
        let ty = self.types().def_ty(id);
        if let Some(field) = variant.fields.first() {
            self.report(
                Diagnostic::error("WF1004", span, format!("missing field `{}` in `{}`", field.name, variant.name))
                    .label("has a payload")
                    .help(format!("`{}({})`", variant.name, field_list(&variant.fields))),
            );
            return Expr { kind: ExprKind::Error, ty, span };
        }
        if self.types().is_plain_enum(ty) {
            return self.constant(Value::Variant(index, Vec::new()), ty, span);
        }
        Expr { kind: ExprKind::Variant(index, Vec::new()), ty, span }
    }

    /// A name that is neither local nor declared: perhaps a variant of some enum, else WF1001.
    fn unbound(&mut self, name: &'a str, want: Ty, span: Span) -> Expr {
        match self.variant_anywhere(name, span) {
            Some(Some((id, index))) => {
                self.variant_used(&self.types().def(id).variants[usize::from(index)], span);
                self.plain_variant(id, index, span)
            }
            Some(None) => self.error(span),
            None => {
                match self.kind_of(want) {
                    Kind::Enum(id) if name.starts_with(char::is_uppercase) => self.unknown_variant(id, name, span),
                    _ => self.unknown_name(self.wanted(want), name, span),
                }
                self.error(span)
            }
        }
    }

    /// The only enum in sight with a variant of this name; `Some(None)` if several have it, which is reported.
    pub(super) fn variant_anywhere(&self, name: &str, span: Span) -> Option<Option<(crate::types::DefId, u16)>> {
        let Some(found) = self.world.modules[self.module].variants.get(name) else {
            let day = weft_bytecode::calendar::WEEKDAYS.iter().position(|day| *day == name)?;
            return Some(Some((crate::types::DefId::WEEKDAY, day as u16)));
        };
        match found.as_slice() {
            [] => None,
            [one] => Some(Some(*one)),
            several => {
                let names = several.iter().take(SEVERAL_MAX);
                let names: Vec<_> = names.map(|(id, _)| format!("`{}.{name}`", self.types().def(*id).name)).collect();
                self.report(
                    Diagnostic::error("WF1001", span, format!("`{name}` is a variant of several enums"))
                        .label("which one?")
                        .help(format!("say which: {}", names.join(" or "))),
                );
                Some(None)
            }
        }
    }

    /// What a name is where a value of a type is expected.
    fn wanted(&self, want: Ty) -> Wanted {
        if matches!(self.kind_of(want), Kind::Fn(..)) { Wanted::Lambda } else { Wanted::Value }
    }

    /// WF1001 with the nearest name in sight.
    pub(super) fn unknown_name(&self, wanted: Wanted, name: &str, span: Span) {
        // A path is as it stands in the source: the name may be only its first part.
        let rest = self.text_after(span);
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.')).unwrap_or(rest.len());
        if let Some(d) = self.world.not_in_module(self.module, &format!("{name}{}", &rest[..end]), span) {
            return self.report(d);
        }
        let kind = wanted.word();
        let what = if kind.is_empty() { format!("`{name}`") } else { format!("{kind} `{name}`") };
        let wanted = if wanted == Wanted::Value && rest.starts_with('.') { Wanted::Path } else { wanted };
        let mut d = Diagnostic::error("WF1001", span, format!("cannot find {what}")).label("not declared");
        if let Some(known) = self.world.elsewhere(self.module, name, wanted, &d) {
            d = known;
        } else if let Some(known) = self.foreign_name(name, span, &d) {
            d = known;
        } else if let Some(owner) = stdlib::owner(name) {
            d = d.help(format!("it belongs to the library: `{owner}.{name}`"));
        } else if let Some(near) = self.world.near(name, || self.names_in_sight()) {
            d = d.help(format!("did you mean `{near}`?")).fix(crate::diagnostic::Fix {
                title: format!("replace with `{near}`"),
                edits: vec![(span, near)],
                safe: false,
            });
        }
        self.report(d);
    }

    /// What is known to be the name of something in another language, alone or with what stands behind its point.
    pub(super) fn foreign_name(&self, name: &str, span: Span, d: &Diagnostic) -> Option<Diagnostic> {
        use super::foreign::{NAMES, PATHS, WORDS};
        let fix = |d: Diagnostic, edits: Vec<(Span, String)>, here: &str, safe: bool| {
            d.fix(crate::diagnostic::Fix { title: format!("replace with `{here}`"), edits, safe })
        };
        if let Some((_, here)) = WORDS.iter().find(|(theirs, _)| *theirs == name) {
            return Some(fix(
                d.clone().help(format!("here it is `{here}`")),
                vec![(span, (*here).to_owned())],
                here,
                true,
            ));
        }
        let after = self.text_after(span);
        let member = after.strip_prefix('.').map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        });
        if let Some(member) = member
            && let Some((_, _, here)) = PATHS.iter().find(|(head, last, _)| *head == name && *last == member)
        {
            let d = d.clone().help(format!("write `{here}`"));
            let whole = Span { end: span.end + 1 + member.len() as u32, ..span };
            // Calls without arguments are the same here.
            let Some(call) = here.strip_suffix("()") else { return Some(d) };
            let alike = self.text_after(whole).starts_with("()");
            return Some(if alike { fix(d, vec![(whole, call.to_owned())], here, true) } else { d });
        }
        NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, here)| d.clone().help(*here))
    }

    pub(super) fn names_in_sight(&self) -> Vec<&str> {
        let locals = self.names.iter().filter(|(_, ids)| !ids.is_empty()).map(|(n, _)| *n);
        let members = self.members.into_iter().flat_map(|m| &m.states).map(|s| s.name.as_str());
        let params = self.members.into_iter().flat_map(|m| &m.params).map(|p| p.name.as_str());
        let params = params.filter(|name| self.find_param(name).is_some());
        let module = &self.world.modules[self.module];
        let mut known: Vec<&str> = locals.chain(members).chain(params).chain(module.names.keys().copied()).collect();
        known.extend(module.variants.keys().map(|k| &**k));
        known.extend(super::call::PRELUDE);
        known.sort_unstable();
        known
    }

    /// The names of a pattern without a known type.
    pub(super) fn bind_unknown(&mut self, pattern: &'a ast::Pattern) {
        self.pattern(pattern, Ty::UNKNOWN, false);
    }

    /// A pattern that binds one local or nothing.
    pub(super) fn simple_bind(&self, local: crate::hir::LocalId, ty: Ty, span: Span) -> Pattern {
        Pattern { kind: PatternKind::Bind(local), ty, span }
    }

    /// What an alias of a nominal type constructs: with type parameters of its own, the declaration behind it.
    pub(super) fn aliased(&self, alias: u32, id: crate::types::DefId) -> crate::types::DefId {
        if self.world.alias_generics(alias).is_some() { self.types().origin(id) } else { id }
    }

    /// Whether a name stands for a declared enum, record or error.
    pub(super) fn type_item(&self, path: &str) -> Option<(crate::types::DefId, DefKind)> {
        let Some(item) = self.world.lookup(self.module, path) else {
            return (path == "Weekday").then_some((crate::types::DefId::WEEKDAY, DefKind::Enum));
        };
        match item {
            Item::Type(id) => Some((id, self.types().def(id).kind)),
            Item::Alias(index) => match self.kind_of(self.world.alias_ty(index)) {
                Kind::Record(id) | Kind::Enum(id) | Kind::Error(id) => {
                    Some((self.aliased(index, id), self.types().def(id).kind))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The first word of a construct: what a diagnostic about the whole of it points at.
pub(super) fn head(span: Span, word: &str) -> Span {
    Span { end: (span.start + word.len() as u32).min(span.end), ..span }
}

/// `a: Int, b: String` without types: `a: .., b: ..`.
pub(super) fn field_list(fields: &[crate::types::FieldDef]) -> String {
    fields.iter().map(|f| format!("{}: ..", f.name)).collect::<Vec<_>>().join(", ")
}

/// WF2008.
pub(crate) fn secret_misused(span: Span) -> Diagnostic {
    Diagnostic::error("WF2008", span, "a Secret may only be used in activity options")
        .label("would be recorded in the history")
        .help("`bearer: secret(\"NAME\")` in the options of the activity")
}
