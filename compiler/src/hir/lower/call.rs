//! Calls: which thing is called, constructors, and options at call sites. Arguments are in `arguments`, methods in
//! `method`.

use std::rc::Rc;

use weft_bytecode::op::Native;
use weft_bytecode::options::{ACTIVITY_CALL_OPTIONS, CHILD_CALL_OPTIONS, PRIORITY_LAST};

use super::generic::Guess;
use super::{Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::options::wrong_priority;
use crate::hir::{Expr, ExprKind, Frame, Value};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast::{self, Arg};
use crate::types::world::Item;
use crate::types::{DefId, DefKind, FieldDef, Kind, Ty, near};

/// Functions that every module has.
pub(crate) const PRELUDE: [&str; 9] = ["range", "min", "max", "now", "uuid", "random", "backoff", "fixed", "secret"];

/// Where a call stands: its callee and the whole of it.
#[derive(Clone, Copy)]
struct At {
    callee: Span,
    whole: Span,
}

impl<'a> Lower<'_, 'a> {
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        args: &'a [Arg],
        with: Option<&'a ast::With>,
        want: Ty,
        span: Span,
    ) -> Expr {
        match &callee.kind {
            ast::ExprKind::Missing => {
                self.lower_all(args);
                self.error(span)
            }
            ast::ExprKind::Name(name) => self.call_name(name, args, with, want, callee.span, span),
            ast::ExprKind::Access { object, optional, name } => {
                if !optional
                    && let Some(head) = self.path_of(object)
                    && let Some(expr) = self.call_path(&head, name, args, with, want, span)
                {
                    return expr;
                }
                self.no_options(with);
                if *optional {
                    return self.chained(object, span, |this, inner| this.method(inner, name, args, want, span));
                }
                let object = self.expr(object, Ty::UNKNOWN);
                self.noted(|notes| notes.receiver(name.span, object.ty));
                self.method(object, name, args, want, span)
            }
            _ => {
                let found = self.expr(callee, Ty::UNKNOWN);
                self.lower_all(args);
                if found.ty != Ty::UNKNOWN {
                    self.report(
                        Diagnostic::error("WF1002", callee.span, "this cannot be called").label("not a function"),
                    );
                }
                self.error(span)
            }
        }
    }

    /// Looks into arguments whose meaning is unknown, so that their own mistakes are reported.
    pub(super) fn lower_all(&mut self, args: &'a [Arg]) {
        for arg in args {
            if !matches!(arg.value.kind, ast::ExprKind::Lambda { .. }) {
                self.expr(&arg.value, Ty::UNKNOWN);
            }
        }
    }

    fn no_options(&mut self, with: Option<&'a ast::With>) {
        let Some(with) = with else { return };
        self.report(
            Diagnostic::error("WF4002", with.span, "`with` belongs to calls of activities and workflows")
                .label("nothing here takes options")
                .help("remove it"),
        );
    }

    fn call_name(
        &mut self,
        name: &'a str,
        args: &'a [Arg],
        with: Option<&'a ast::With>,
        want: Ty,
        at: Span,
        span: Span,
    ) -> Expr {
        if let Some(id) = self.find_local(name) {
            self.no_options(with);
            return self.call_local(id, name, args, at, span);
        }
        let wanted = self.types().inner(want).unwrap_or(want);
        if let Kind::Enum(id) = self.kind_of(wanted) {
            let def = self.types().def(id);
            if let Some(index) = def.variant(name) {
                self.no_options(with);
                return self.variant(id, index as u16, args, want, span);
            }
        }
        if let Some(item) = self.world.lookup(self.module, name) {
            return self.call_item(item, name, args, with, want, At { callee: at, whole: span });
        }
        if let Some(found) = self.variant_anywhere(name, at) {
            self.no_options(with);
            return match found {
                Some((id, index)) => self.variant(id, index, args, want, span),
                None => {
                    self.lower_all(args);
                    self.error(span)
                }
            };
        }
        if PRELUDE.contains(&name) {
            self.no_options(with);
            return self.prelude(name, args, want, span);
        }
        if name == "Fault" && self.in_test() {
            self.no_options(with);
            return self.fault(args, span);
        }
        if crate::types::BUILTIN_ERRORS.contains(&name) {
            self.lower_all(args);
            self.report(
                Diagnostic::error("WF2010", at, format!("`{name}` is thrown by the system only"))
                    .label("cannot be made here")
                    .help("declare an `error` of your own and throw that"),
            );
            return self.error(span);
        }
        self.lower_all(args);
        self.unknown_name(crate::types::world::Wanted::Call, name, at);
        self.error(span)
    }

    /// A path that means an item, a variant, a logger or a function of a built-in type.
    fn call_path(
        &mut self,
        head: &str,
        name: &'a ast::Name,
        args: &'a [Arg],
        with: Option<&'a ast::With>,
        want: Ty,
        span: Span,
    ) -> Option<Expr> {
        if let Some(item) = self.world.lookup(self.module, &format!("{head}.{}", name.text)) {
            return Some(self.call_item(item, &name.text, args, with, want, At { callee: name.span, whole: span }));
        }
        if let Some((id, DefKind::Enum)) = self.type_item(head) {
            let def = self.types().def(id);
            self.no_options(with);
            return Some(match def.variant(&name.text) {
                Some(index) => self.variant(self.expected_of(id, want), index as u16, args, want, span),
                None => {
                    self.unknown_variant(id, &name.text, name.span);
                    self.lower_all(args);
                    Expr { kind: ExprKind::Error, ty: self.types().def_ty(id), span }
                }
            });
        }
        if self.world.lookup(self.module, head).is_some() {
            return None;
        }
        if head == "log" {
            self.no_options(with);
            return Some(self.log(name, args, span));
        }
        if self.world.modules[self.module].modules.contains_key(head) {
            return None;
        }
        let functions = stdlib::functions(head)?;
        self.no_options(with);
        let Some(row) = stdlib::function(head, &name.text) else {
            self.lower_all(args);
            let known: Vec<&str> = functions.map(|row| row.name).collect();
            let d = Diagnostic::error("WF1001", name.span, format!("cannot find `{head}.{}`", name.text));
            let d = d.label("no such function");
            let at = Span { start: name.span.start - 1 - head.len() as u32, end: name.span.start - 1, ..name.span };
            if let Some(d) = self.foreign_name(head, at, &d).filter(|_| self.text_at(at) == head) {
                self.report(d);
                return Some(self.error(span));
            }
            self.report(match near(&name.text, known.iter().copied()) {
                Some(near) => d.help(format!("did you mean `{head}.{near}`?")),
                None if known.is_empty() => d.help(format!("a value of type {head} has methods: `x.{}`", name.text)),
                None => d.help(format!("it has {}", known.join(", "))),
            });
            return Some(self.error(span));
        };
        let stdlib::Body::Native(native) = row.body else { return None };
        Some(self.native_call(row, native, None, args, span))
    }

    fn log(&mut self, name: &'a ast::Name, args: &'a [Arg], span: Span) -> Expr {
        const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];
        let Some(level) = LEVELS.iter().position(|l| *l == name.text) else {
            self.lower_all(args);
            let d = Diagnostic::error("WF1001", name.span, format!("cannot find `log.{}`", name.text));
            self.report(d.label("no such level").help("`log.debug`, `log.info`, `log.warn` or `log.error`"));
            return self.error(span);
        };
        let text = FieldDef { name: "text".into(), ty: Ty::STRING, default: None, span };
        let (mut values, _) = self.arguments(&format!("log.{}", name.text), "argument", &[text], args, span);
        let Some(text) = values.pop() else { return self.error(span) };
        Expr { kind: ExprKind::Log(level as u16, Box::new(text)), ty: Ty::UNIT, span }
    }

    fn call_local(&mut self, id: crate::hir::LocalId, name: &str, args: &'a [Arg], at: Span, span: Span) -> Expr {
        let local = self.read_local(id, at);
        let Kind::Fn(params, result) = self.kind_of(local.ty) else {
            self.lower_all(args);
            if local.ty != Ty::UNKNOWN {
                let d = Diagnostic::error("WF1002", at, format!("`{name}` cannot be called"));
                self.report(d.label(format!("its type is {}", self.name_of(local.ty))));
            }
            return self.error(span);
        };
        let params: Vec<FieldDef> = params
            .iter()
            .enumerate()
            .map(|(n, ty)| FieldDef { name: format!("{}", n + 1).into(), ty: *ty, default: None, span })
            .collect();
        let (values, _) = self.arguments(name, "argument", &params, args, span);
        Expr { kind: ExprKind::CallLocal(id, values), ty: result, span }
    }

    fn call_item(
        &mut self,
        item: Item,
        name: &str,
        args: &'a [Arg],
        with: Option<&'a ast::With>,
        want: Ty,
        at: At,
    ) -> Expr {
        self.world.used(item, at.callee);
        match item {
            Item::Activity(index) => self.call_activity(index, args, with, at.whole),
            Item::Workflow(index) => self.call_child(index, args, with, false, at.whole),
            item => {
                self.no_options(with);
                self.call_plain(item, name, args, want, at)
            }
        }
    }

    fn call_plain(&mut self, item: Item, name: &str, args: &'a [Arg], want: Ty, at: At) -> Expr {
        let span = at.whole;
        match item {
            Item::Fn(index) => {
                let function = &self.world.functions[index as usize];
                let flow = function.flow;
                let mut guess = function.generics.as_ref().map(Guess::new);
                if let Some(guess) = &mut guess {
                    self.hint_from(guess, function.sig.result, want);
                }
                let (values, order) =
                    self.arguments_of(name, "argument", &function.sig.params, args, guess.as_mut(), span);
                let (index, result) = match guess {
                    Some(guess) => self.function_for(index, guess, span),
                    None => (index, function.sig.result),
                };
                let out = self.in_source_order(values, &order, span, |values| Expr {
                    kind: ExprKind::Call(index, values),
                    ty: result,
                    span,
                });
                if flow {
                    self.waited();
                }
                out
            }
            Item::Type(id) => self.construct(id, name, args, want, at),
            Item::Alias(index) => match self.kind_of(self.world.alias_ty(index)) {
                Kind::Record(id) | Kind::Error(id) => self.construct(self.aliased(index, id), name, args, want, at),
                Kind::Unknown => {
                    self.lower_all(args);
                    self.error(span)
                }
                _ => {
                    self.lower_all(args);
                    let d = Diagnostic::error("WF1002", at.callee, format!("`{name}` cannot be constructed by a call"));
                    self.report(d.label("an alias of something else than a record").help("write a literal: `{ .. }`"));
                    self.error(span)
                }
            },
            Item::Const(_) => {
                self.lower_all(args);
                let d = Diagnostic::error("WF1002", at.callee, format!("`{name}` is a constant, not a function"));
                self.report(d.label("cannot be called"));
                self.error(span)
            }
            Item::Activity(_) | Item::Workflow(_) | Item::Refused => {
                self.lower_all(args);
                self.error(span)
            }
        }
    }

    /// `Record(a, b: 1)`, `SomeError(code)`.
    fn construct(&mut self, id: DefId, name: &str, args: &'a [Arg], want: Ty, at: At) -> Expr {
        let span = at.whole;
        let def = self.types().def(id);
        let ty = self.types().def_ty(id);
        match def.kind {
            DefKind::Record if def.generics.is_some() => {
                self.make(id, (name, &def.fields), args, want, span, ExprKind::New)
            }
            DefKind::Record => {
                let (values, order) = self.arguments(name, "field", &def.fields, args, span);
                self.in_source_order(values, &order, span, |values| Expr { kind: ExprKind::New(values), ty, span })
            }
            DefKind::Error => {
                // `message` and `cause` come last for a caller, first in the object.
                let mut fields: Vec<FieldDef> = def.fields[2..].to_vec();
                let named = |arg: &&Arg| arg.name.as_ref().is_some_and(|n| matches!(&*n.text, "message" | "cause"));
                let heads: Vec<&'a Arg> = args.iter().filter(named).collect();
                fields.extend(heads.iter().map(|arg| {
                    let head = &def.fields[usize::from(arg.name.as_ref().is_some_and(|n| n.text == "cause"))];
                    head.clone()
                }));
                let own = def.fields.len() - 2;
                let (values, order) = self.arguments(name, "field", &fields, args, span);
                let option = self.types().option(Ty::FAILURE);
                let empty = self.constant(Value::String(String::new()), Ty::STRING, span);
                let none = self.constant(Value::None, option, span);
                self.in_source_order(values, &order, span, |mut values| {
                    let (mut message, mut cause) = (empty, none);
                    for (field, value) in fields[own..].iter().zip(values.split_off(own)) {
                        if &*field.name == "message" { message = value } else { cause = value }
                    }
                    let values = [message, cause].into_iter().chain(values).collect();
                    Expr { kind: ExprKind::New(values), ty, span }
                })
            }
            DefKind::Enum => {
                self.lower_all(args);
                let d = Diagnostic::error(
                    "WF1002",
                    at.callee,
                    format!("`{name}` is an enum; construct one of its variants"),
                );
                let known = crate::types::listed(def.variants.iter().map(|v| format!("`{}`", v.name)));
                self.report(d.label("not a record").help(format!("it has {known}")));
                self.error(span)
            }
        }
    }

    /// A value of a declaration with type parameters.
    fn make(
        &mut self,
        id: DefId,
        (name, fields): (&str, &[FieldDef]),
        args: &'a [Arg],
        want: Ty,
        span: Span,
        kind: impl FnOnce(Vec<Expr>) -> ExprKind,
    ) -> Expr {
        let Some(mut guess) = self.types().def(id).generics.as_ref().map(Guess::new) else { return self.error(span) };
        self.hint_from(&mut guess, self.types().template_ty(id), want);
        let (values, order) = self.arguments_of(name, "field", fields, args, Some(&mut guess), span);
        let ty = self.made(id, guess);
        if ty == Ty::UNKNOWN {
            return self.error(span);
        }
        self.in_source_order(values, &order, span, |values| Expr { kind: kind(values), ty, span })
    }

    fn variant(&mut self, id: DefId, index: u16, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let def = self.types().def(id);
        let ty = self.types().def_ty(id);
        let variant = &def.variants[usize::from(index)];
        self.variant_used(variant, span);
        if variant.fields.is_empty() && args.is_empty() {
            return self.plain_variant(id, index, span);
        }
        if def.generics.is_some() {
            let kind = |values| ExprKind::Variant(index, values);
            return self.make(id, (&variant.name, &variant.fields), args, want, span, kind);
        }
        let (values, order) = self.arguments(&variant.name, "field", &variant.fields, args, span);
        self.in_source_order(values, &order, span, |values| Expr { kind: ExprKind::Variant(index, values), ty, span })
    }

    // ---- activities and children

    fn call_activity(&mut self, index: u32, args: &'a [Arg], with: Option<&'a ast::With>, span: Span) -> Expr {
        let activity = &self.world.activities[index as usize];
        let (params, result) = (activity.sig.params.clone(), activity.sig.result);
        let (values, order) = self.arguments(&activity.name.text, "argument", &params, args, span);
        let options = with.and_then(|with| self.call_options(with, "an activity", ACTIVITY_CALL_OPTIONS));
        let out = self.in_source_order(values, &order, span, |args| Expr {
            kind: ExprKind::Activity { activity: index, args, options: options.map(Box::new) },
            ty: result,
            span,
        });
        self.waited();
        out
    }

    fn call_child(
        &mut self,
        index: u32,
        args: &'a [Arg],
        with: Option<&'a ast::With>,
        detached: bool,
        span: Span,
    ) -> Expr {
        let workflow = &self.world.workflows[index as usize];
        let (params, result) = (workflow.sig.params.clone(), workflow.sig.result);
        let (values, order) = self.arguments(&workflow.decl.name.text, "argument", &params, args, span);
        let options = with.and_then(|with| self.call_options(with, "a workflow", CHILD_CALL_OPTIONS));
        let ty = if detached { self.types().intern(Kind::Run(workflow.wire.as_str().into())) } else { result };
        let out = self.in_source_order(values, &order, span, |args| Expr {
            kind: ExprKind::Child { workflow: index, args, options: options.map(Box::new), detached },
            ty,
            span,
        });
        self.waited();
        out
    }

    /// `start f(x) with { .. }`.
    pub(super) fn start(&mut self, inner: &'a ast::Expr, span: Span) -> Expr {
        if let ast::ExprKind::Call { callee, args, with } = &inner.kind
            && let Some(path) = self.path_of(callee)
        {
            match self.world.lookup(self.module, &path) {
                Some(Item::Workflow(index)) if self.in_test() => {
                    return self.test_start(index, args, with.as_ref(), span);
                }
                Some(Item::Workflow(index)) => return self.call_child(index, args, with.as_ref(), true, span),
                Some(Item::Refused) => return self.error(span),
                Some(_) => {
                    self.lower_all(args);
                    self.report(
                        Diagnostic::error("WF1002", callee.span, format!("`{path}` is not a workflow"))
                            .label("only workflows are started")
                            .why("`start` begins a run of its own and does not wait for its result"),
                    );
                    return self.error(span);
                }
                None => {
                    self.lower_all(args);
                    self.unknown_name(crate::types::world::Wanted::Workflow, &path, callee.span);
                    return self.error(span);
                }
            }
        }
        if !matches!(inner.kind, ast::ExprKind::Missing) {
            self.report(
                Diagnostic::error("WF1002", inner.span, "`start` takes the call of a workflow")
                    .label("not a call")
                    .help("`start order(id)`"),
            );
        }
        self.error(span)
    }

    /// `with { .. }` of a call as a structural record.
    fn call_options(&mut self, with: &'a ast::With, what: &str, known: &[&str]) -> Option<Expr> {
        let mut fields: Vec<(Rc<str>, Ty)> = Vec::new();
        let mut values = Vec::new();
        for (name, value) in &with.options {
            if name.text.is_empty() {
                continue;
            }
            if !known.contains(&name.text.as_str()) {
                self.report(unknown_option(name, &format!("a call of {what}"), known));
                continue;
            }
            if fields.iter().any(|(n, _)| **n == *name.text) {
                self.report(crate::hir::options::given_twice(name));
                continue;
            }
            let value = self.call_option(&name.text, value);
            fields.push((name.text.as_str().into(), value.ty));
            values.push(value);
        }
        if values.is_empty() {
            return None;
        }
        let ty = self.types().shape(&fields);
        Some(Expr { kind: ExprKind::New(values), ty, span: with.span })
    }

    fn call_option(&mut self, name: &str, value: &'a ast::Expr) -> Expr {
        let words: &[&str] = match name {
            "on_cancel" => &["try", "wait", "abandon"],
            "on_conflict" => &["join", "reject", "replace"],
            "on_closed" => &["join", "allow", "allow_if_failed", "reject"],
            "on_parent_close" => &["cancel", "terminate", "abandon"],
            "once" => return self.check(value, Ty::BOOL),
            "fairness_weight" => return self.fairness_weight(value),
            "queue" | "id" | "fairness_key" | "summary" => {
                let value = self.check(value, Ty::STRING);
                if let Some((what, place)) = unstable(&value).filter(|_| name == "id") {
                    self.report(unstable_id(what, place));
                    // That options draw nothing is said of others.
                    return self.error(value.span);
                }
                return value;
            }
            "retry" => return self.retry_record(value),
            "priority" => return self.call_priority(value),
            "memo" => return self.call_memo(value),
            _ => return self.check(value, Ty::DURATION),
        };
        match super::constant::option_word(name, value, words) {
            Ok(Some(word)) => self.constant(Value::String(word), Ty::STRING, value.span),
            Ok(None) => self.error(value.span),
            Err(diagnostic) => {
                self.report(*diagnostic);
                self.error(value.span)
            }
        }
    }

    fn call_priority(&mut self, value: &'a ast::Expr) -> Expr {
        let priority = self.check(value, Ty::INT);
        if let ExprKind::Const(Value::Int(given)) = &priority.kind
            && !(1..=i64::from(PRIORITY_LAST)).contains(given)
        {
            self.report(wrong_priority(value.span, *given));
        }
        priority
    }

    fn fairness_weight(&mut self, value: &'a ast::Expr) -> Expr {
        let value = self.check(value, Ty::DECIMAL);
        if let ExprKind::Const(Value::Decimal(weight)) = &value.kind
            && super::constant::weight_milli(weight).is_none()
        {
            self.report(super::constant::wrong_weight(value.span));
        }
        value
    }

    /// A record whose fields are kept as JSON.
    fn call_memo(&mut self, value: &'a ast::Expr) -> Expr {
        let memo = self.infer(value);
        let record = self.types().fields(memo.ty).is_some();
        if memo.ty != Ty::UNKNOWN && !record {
            let found = self.types().name(memo.ty);
            self.report(
                Diagnostic::error("WF1002", value.span, format!("`memo` takes a record, found {found}"))
                    .label("not a record")
                    .help("`memo: { customer: id, source: \"web\" }`"),
            );
            return self.error(value.span);
        }
        memo
    }

    fn retry_record(&mut self, value: &'a ast::Expr) -> Expr {
        let span = value.span;
        let policy = self.check(value, Ty::RETRY);
        let Some(Value::Retry(policy)) = self.world.evaluate(&policy, "a retry policy") else {
            return self.error(span);
        };
        let values = vec![
            self.constant(Value::Duration(policy.first_ms), Ty::DURATION, span),
            self.constant(Value::Int(policy.factor_milli), Ty::INT, span),
            self.constant(Value::Duration(policy.max_ms), Ty::DURATION, span),
            self.constant(Value::Int(i64::from(policy.attempts)), Ty::INT, span),
        ];
        let names = ["first", "factor_milli", "max", "attempts"];
        let fields: Vec<(Rc<str>, Ty)> = names.iter().zip(&values).map(|(n, v)| ((*n).into(), v.ty)).collect();
        Expr { kind: ExprKind::New(values), ty: self.types().shape(&fields), span }
    }

    // ---- the prelude

    fn prelude(&mut self, name: &str, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let param = |name: &str, ty: Ty| FieldDef { name: name.into(), ty, default: None, span };
        match name {
            "range" => self.range(args, span),
            "min" | "max" => self.min_max(name, args, want, span),
            "now" | "uuid" | "random" => {
                self.arguments(name, "argument", &[], args, span);
                let (kind, ty) = match name {
                    "now" => (ExprKind::Now, Ty::TIME),
                    "uuid" => (ExprKind::Uuid, Ty::STRING),
                    _ => (ExprKind::Random, Ty::FLOAT),
                };
                Expr { kind, ty, span }
            }
            "secret" => {
                let (mut values, _) = self.arguments(name, "argument", &[param("name", Ty::STRING)], args, span);
                match values.pop().map(|v| v.kind) {
                    Some(ExprKind::Const(Value::String(text))) => self.constant(Value::Secret(text), Ty::SECRET, span),
                    Some(ExprKind::Error) | None => self.error(span),
                    Some(_) => {
                        let d = Diagnostic::error("WF2008", span, "the name of a secret must be a plain string");
                        self.report(d.label("not constant").help("`secret(\"STRIPE_KEY\")`"));
                        self.error(span)
                    }
                }
            }
            _ => match self.retry_policy(name, args, span) {
                Some(policy) => self.constant(Value::Retry(policy), Ty::RETRY, span),
                None => self.error(span),
            },
        }
    }

    fn range(&mut self, args: &'a [Arg], span: Span) -> Expr {
        let param = |name: &str| FieldDef { name: name.into(), ty: Ty::INT, default: None, span };
        let params = [param("from"), param("to"), param("step")];
        let given_step = args.len() >= 3 || args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == "step"));
        let (mut values, order) =
            self.arguments("range", "argument", &params[..if given_step { 3 } else { 2 }], args, span);
        if !given_step {
            values.push(self.constant(Value::Int(1), Ty::INT, span));
        }
        let ty = self.types().list(Ty::INT);
        self.in_source_order(values, &order, span, |args| Expr {
            kind: ExprKind::Native(Native::Range, args),
            ty,
            span,
        })
    }

    /// `min(a, b, ..)`: the first of equal ones.
    fn min_max(&mut self, name: &str, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        if args.len() < 2 {
            self.lower_all(args);
            let d = Diagnostic::error("WF1004", span, format!("`{name}` takes two values or more"));
            self.report(d.label("too few").help("a list has `.min()` and `.max()`"));
            return self.error(span);
        }
        let hint = self.types().inner(want).unwrap_or(want);
        let mut values: Vec<Expr> = Vec::new();
        let mut common = Ty::NEVER;
        for arg in args {
            let value = self.expr(&arg.value, if common == Ty::NEVER { hint } else { common });
            common = self.join(common, &value);
            values.push(value);
        }
        let values: Vec<Expr> = values.into_iter().map(|v| self.coerce(v, common)).collect();
        if common == Ty::UNKNOWN || values.iter().any(|v| v.ty == Ty::UNKNOWN) {
            return self.error(span);
        }
        if !self.types().is_ordered(common) {
            let d = Diagnostic::error("WF1002", span, format!("{} has no order", self.name_of(common)));
            self.report(d.label("cannot be compared"));
            return self.error(span);
        }
        let list = Expr { kind: ExprKind::List(values), ty: self.types().list(common), span };
        let native = if name == "min" { Native::ListMin } else { Native::ListMax };
        let option = self.types().option(common);
        let best = Expr { kind: ExprKind::Native(native, vec![list]), ty: option, span };
        super::unwrap(best, common)
    }

    // ---- function values

    /// A declared `fn` where a function value is wanted.
    pub(super) fn fn_value(&mut self, index: u32, want: Ty, span: Span) -> Expr {
        let function = &self.world.functions[index as usize];
        if function.flow {
            let d = Diagnostic::error("WF2005", span, "a `flow` cannot be passed as a function");
            self.report(d.label("may wait").help("only a `fn` can; call the `flow` in a `for` loop instead"));
            return self.error(span);
        }
        let (given, wanted) = match self.kind_of(want) {
            Kind::Fn(given, result) => (given.to_vec(), result),
            _ => (Vec::new(), Ty::UNKNOWN),
        };
        let (index, params, result) = self.function_given(index, &given, wanted, span);
        let tys: Vec<Ty> = params.iter().map(|p| p.ty).collect();
        let ty = self.types().intern(Kind::Fn(tys.into(), result));
        let frame = self.frame(Fence::Lambda, |this| {
            let ids: Vec<_> = params.iter().map(|p| this.temp(&p.name, p.ty, span)).collect();
            let args = ids.iter().map(|id| this.read_local(*id, span)).collect();
            (ids, Expr { kind: ExprKind::Call(index, args), ty: result, span })
        });
        Expr { kind: ExprKind::Closure(Box::new(frame)), ty, span }
    }

    /// A lambda as an argument of a declared function.
    pub(super) fn lambda_value(&mut self, params: &'a [ast::Name], body: &'a ast::Expr, want: Ty, span: Span) -> Expr {
        let Kind::Fn(tys, result) = self.kind_of(want) else {
            if want != Ty::UNKNOWN {
                self.report(
                    Diagnostic::error("WF1002", span, format!("expected {}, found a lambda", self.name_of(want)))
                        .label("not a value"),
                );
            } else {
                self.report(
                    Diagnostic::error("WF1007", span, "a lambda cannot be kept in a variable")
                        .label("lambdas are arguments only")
                        .help("pass it where it is used, or declare a `fn`"),
                );
            }
            return self.error(span);
        };
        if tys.len() != params.len() {
            let message = format!("this lambda takes {} values, {} are passed", params.len(), tys.len());
            self.report(Diagnostic::error("WF1010", span, message).label("wrong number of parameters"));
            return self.error(span);
        }
        let floor = ::std::mem::replace(&mut self.floor, self.locals.len() as u32);
        let Frame { captures, params, body, .. } = self.frame(Fence::Lambda, |this| {
            let before = this.locals.len();
            let ids = params.iter().zip(tys.iter()).map(|(name, ty)| this.declare(name, *ty, false)).collect();
            this.bound_once(before);
            let known = !this.types().has_unknown(result);
            let body = if known { this.check(body, result) } else { this.infer(body) };
            (ids, body)
        });
        self.floor = floor;
        let (result, ty) = match self.types().has_unknown(result) {
            true => (body.ty, self.types().intern(Kind::Fn(tys, body.ty))),
            false => (result, want),
        };
        let frame = Frame { captures, params, result, body };
        Expr { kind: ExprKind::Closure(Box::new(frame)), ty, span }
    }
}

/// WF4002.
pub(crate) fn unknown_option(name: &ast::Name, what: &str, known: &[&str]) -> Diagnostic {
    let d = Diagnostic::error("WF4002", name.span, format!("unknown option `{}` for {what}", name.text))
        .label("no such option");
    match near(&name.text, known.iter().copied()) {
        Some(near) => d.help(format!("did you mean `{near}`?")).fix(crate::diagnostic::Fix {
            title: format!("replace with `{near}`"),
            edits: vec![(name.span, near.to_owned())],
            safe: false,
        }),
        None => d.help(format!("options here: {}", known.join(", "))),
    }
}

/// What in an id would be another one each time.
pub(crate) fn unstable(expr: &Expr) -> Option<(&'static str, Span)> {
    match expr.kind {
        ExprKind::Now => return Some(("now()", expr.span)),
        ExprKind::Uuid => return Some(("uuid()", expr.span)),
        ExprKind::Random => return Some(("random()", expr.span)),
        _ => {}
    }
    let mut found = None;
    expr.parts(&mut |part| {
        if found.is_none() {
            found = unstable(part);
        }
    });
    found
}

/// WF2009.
pub(crate) fn unstable_id(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error("WF2009", span, format!("a run id must not depend on `{what}`"))
        .label("another one each time")
        .why("a repeated start must find the run that exists, so its id has to be the same again")
        .help("use business keys: `\"order-{order_id}\"`")
}
