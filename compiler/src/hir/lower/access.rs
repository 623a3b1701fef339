//! `a.b`, `a?.b`, `a.0`, `xs[i]`, and what paths of names stand for.

use weft_bytecode::op::Native;

use super::Lower;
use super::operator::is_written;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, RunFact, Value};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast;
use crate::types::{Kind, Ty};

impl<'a> Lower<'_, 'a> {
    /// The dotted path of an expression made of names only, if its head is no value in scope.
    pub(super) fn path_of(&self, expr: &ast::Expr) -> Option<String> {
        match &expr.kind {
            ast::ExprKind::Name(name)
                if self.find_local(name).is_none()
                    && self.find_state(name).is_none()
                    && self.find_param(name).is_none() =>
            {
                Some(name.clone())
            }
            ast::ExprKind::Access { object, optional: false, name } if !name.text.is_empty() => {
                Some(format!("{}.{}", self.path_of(object)?, name.text))
            }
            _ => None,
        }
    }

    pub(super) fn access(
        &mut self,
        object: &'a ast::Expr,
        optional: bool,
        name: &'a ast::Name,
        want: Ty,
        span: Span,
    ) -> Expr {
        if let Some(head) = self.path_of(object).filter(|_| !optional)
            && let Some(expr) = self.static_access(&head, name, want, span)
        {
            return expr;
        }
        if optional {
            return self.chain(object, name, span);
        }
        let object = self.expr(object, Ty::UNKNOWN);
        self.noted(|notes| notes.receiver(name.span, object.ty));
        self.field(object, name, span)
    }

    /// `module.item`, `Enum.Variant`, `history.is_large`, `run.id`; `None` if the head is none of these.
    fn static_access(&mut self, head: &str, name: &'a ast::Name, want: Ty, span: Span) -> Option<Expr> {
        if let Some(item) = self.world.lookup(self.module, &format!("{head}.{}", name.text)) {
            return Some(self.item_value(item, &name.text, want, span));
        }
        if let Some((id, crate::types::DefKind::Enum)) = self.type_item(head) {
            let def = self.types().def(id);
            return Some(match def.variant(&name.text) {
                Some(index) => {
                    self.variant_used(&def.variants[index], span);
                    self.plain_variant(self.expected_of(id, want), index as u16, span)
                }
                None => {
                    self.unknown_variant(id, &name.text, name.span);
                    Expr { kind: ExprKind::Error, ty: self.types().def_ty(id), span }
                }
            });
        }
        if self.world.lookup(self.module, head).is_some() {
            return None;
        }
        let (fact, ty) = match (head, name.text.as_str()) {
            ("history", "is_large") => (RunFact::HistoryIsLarge, Ty::BOOL),
            ("history", "length") => (RunFact::HistoryLength, Ty::INT),
            ("run", "workflow_id" | "id") => (RunFact::WorkflowId, Ty::STRING),
            ("run", "run_id") => (RunFact::RunId, Ty::STRING),
            ("run", "started_at") => (RunFact::StartTime, Ty::TIME),
            ("history" | "run", _) => {
                let known = match head {
                    "history" => "`is_large` and `length`",
                    _ => "`workflow_id`, `run_id` and `started_at`",
                };
                let message = format!("cannot find `{}` in `{head}`", name.text);
                let d = Diagnostic::error("WF1001", name.span, message).label("no such fact");
                self.report(d.help(format!("it has {known}")));
                return Some(self.error(span));
            }
            _ => return None,
        };
        Some(Expr { kind: ExprKind::Fact(fact), ty, span })
    }

    pub(super) fn unknown_variant(&self, id: crate::types::DefId, name: &str, span: Span) {
        let def = self.types().def(id);
        let message = format!("cannot find variant `{name}` in `{}`", def.name);
        let d = Diagnostic::error("WF1001", span, message).label("no such variant");
        let help = match self.world.near(name, || def.variants.iter().map(|v| &*v.name).collect()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", crate::types::listed(def.variants.iter().map(|v| format!("`{}`", v.name)))),
        };
        self.report(d.help(help));
    }

    /// Notes which field of a record or error a name means.
    pub(super) fn field_used(&self, ty: Ty, name: &ast::Name) {
        self.noted(|notes| {
            let (Kind::Record(id) | Kind::Error(id)) = self.kind_of(ty) else { return };
            let def = self.types().def(id);
            let field = def.fields.iter().find(|field| *field.name == *name.text);
            field.into_iter().for_each(|field| notes.mention(name.span, field.span));
        });
    }

    /// A field of a value.
    pub(super) fn field(&mut self, object: Expr, name: &'a ast::Name, span: Span) -> Expr {
        let ty = object.ty;
        if ty == Ty::UNKNOWN || ty == Ty::NEVER || name.text.is_empty() {
            return self.error(span);
        }
        let object = match self.run_member(object, name, None, span) {
            Ok(read) => return read,
            Err(object) => object,
        };
        match self.kind_of(ty) {
            Kind::Tuple(items) => {
                let index = name.text.parse::<usize>().ok();
                if let Some(index) = index.filter(|n| *n < items.len()) {
                    return Expr { kind: ExprKind::Field(Box::new(object), index as u16), ty: items[index], span };
                }
                let message = format!("cannot find `{}` in {}", name.text, self.name_of(ty));
                self.report(
                    Diagnostic::error("WF1001", name.span, message)
                        .label("no such element")
                        .help(format!("it has `.0` to `.{}`", items.len() - 1)),
                );
                return self.error(span);
            }
            Kind::Failure => return self.failure_field(object, name, span),
            Kind::Option(_) => {
                self.report(self.may_be_none(object.span, ty, &object));
                return self.error(span);
            }
            Kind::Json => {
                self.report(
                    Diagnostic::error("WF1001", name.span, format!("cannot find field `{}` in Json", name.text))
                        .label("Json has no fields of its own")
                        .help(format!("`.get(\"{}\")` gives a `Json?`", name.text)),
                );
                return self.error(span);
            }
            _ => {}
        }
        self.field_used(ty, name);
        match self.types().field(ty, &name.text) {
            Some((index, field)) => Expr { kind: ExprKind::Field(Box::new(object), index), ty: field, span },
            // `1.5h`: read as the number 1 and what follows the point.
            None if name.text.starts_with(|c: char| c.is_ascii_digit())
                && matches!(object.kind, ExprKind::Const(_)) =>
            {
                let message = "a number with a unit has no point";
                let d = Diagnostic::error("WF0008", span, message).label("not a duration");
                self.report(d.help("durations combine whole numbers: `1h30m`"));
                self.error(span)
            }
            None if self.is_method(ty, &name.text) => {
                if let Some(row) = stdlib::method(&self.kind_of(ty), &name.text).filter(|row| row.field)
                    && let stdlib::Body::Native(native) = row.body
                {
                    return self.native_call(row, native, Some(object), &[], span);
                }
                let plain = stdlib::method(&self.kind_of(ty), &name.text).is_some_and(|row| row.params.is_empty());
                let args = if plain { "" } else { ".." };
                let mut d =
                    Diagnostic::error("WF1002", span, format!("`{}` is called, not used as a value", name.text))
                        .label("arguments are missing")
                        .help(format!("`.{}({args})`", name.text));
                if plain {
                    d = d.fix(Fix {
                        title: "insert `()`".into(),
                        edits: vec![(Span { start: name.span.end, ..name.span }, "()".into())],
                        safe: true,
                    });
                }
                self.report(d);
                self.error(span)
            }
            None => {
                self.unknown_field(ty, name);
                self.error(span)
            }
        }
    }

    /// What every error has, whichever it is.
    fn failure_field(&mut self, object: Expr, name: &ast::Name, span: Span) -> Expr {
        let (index, ty) = match name.text.as_str() {
            "message" => (0, Ty::STRING),
            "cause" => (1, self.types().option(Ty::FAILURE)),
            _ => {
                self.report(
                    Diagnostic::error("WF1001", name.span, format!("cannot find field `{}` in Failure", name.text))
                        .label("a Failure may be any error")
                        .help("catch the error by its type to see its fields: `catch E as e { e.field }`"),
                );
                return self.error(span);
            }
        };
        Expr { kind: ExprKind::Field(Box::new(object), index), ty, span }
    }

    /// `a?.b`.
    fn chain(&mut self, object: &'a ast::Expr, name: &'a ast::Name, span: Span) -> Expr {
        self.chained(object, span, |this, inner| this.field(inner, name, span))
    }

    /// Evaluates an optional and, if it has a value, goes on with it; the result is optional.
    pub(super) fn chained(
        &mut self,
        object: &'a ast::Expr,
        span: Span,
        inner: impl FnOnce(&mut Self, Expr) -> Expr,
    ) -> Expr {
        let object = self.expr_raw(object, Ty::UNKNOWN);
        if object.ty == Ty::UNKNOWN {
            return object;
        }
        let Some(ty) = self.types().inner(object.ty) else {
            let message = format!("this is never none: its type is {}", self.name_of(object.ty));
            self.report(
                Diagnostic::error("WF1002", object.span, message).label("not an optional").help("use `.` alone"),
            );
            return self.error(span);
        };
        let bind = self.temp("value", ty, object.span);
        let value = self.read_local(bind, object.span);
        let skipped = self.facts.clone();
        let body = inner(self, value);
        let ran = std::mem::take(&mut self.facts);
        self.meet(vec![(false, skipped), (body.ty == Ty::NEVER, ran)]);
        if body.ty == Ty::UNKNOWN {
            return body;
        }
        let ty = self.types().option(body.ty);
        let body = self.coerce(body, ty);
        Expr { kind: ExprKind::Chain { value: Box::new(object), bind, body: Box::new(body) }, ty, span }
    }

    /// `xs[-1]`.
    fn never_there(&self, object: &Expr, index: &Expr, span: Span) {
        let (list, at) = (self.text_at(object.span), self.text_at(index.span));
        let d = Diagnostic::error("WF1016", index.span, format!("a list has no element {at}"))
            .label("never there")
            .why("elements are counted from 0, and an index that is not there traps");
        if at != "-1" {
            let back = at.trim_start_matches('-').trim();
            return self.report(d.help(format!("from the end it is `{list}[{list}.length() - {back}]`")));
        }
        let edits = vec![(Span { start: object.span.end, ..span }, ".last()".to_owned())];
        let d = d.help(format!("the last one is `{list}.last()`, which is none where the list is empty"));
        self.report(d.fix(Fix { title: "replace with `.last()`".into(), edits, safe: false }));
    }

    pub(super) fn index(&mut self, object: &'a ast::Expr, index: &'a ast::Expr, span: Span) -> Expr {
        let object = self.expr(object, Ty::UNKNOWN);
        match self.kind_of(object.ty) {
            Kind::List(item) => {
                let written = is_written(index);
                let index = self.check(index, Ty::INT);
                if matches!(index.kind, ExprKind::Const(Value::Int(n)) if n < 0) {
                    self.never_there(&object, &index, span);
                    return self.error(span);
                }
                if let (ExprKind::List(items), ExprKind::Const(Value::Int(n))) = (&object.kind, &index.kind)
                    && written
                    && usize::try_from(*n).is_ok_and(|n| n >= items.len())
                {
                    let d = Diagnostic::error("WF1016", index.span, format!("this list has no element {n}"));
                    let d =
                        d.label("never there").why("elements are counted from 0, and an index that is not there traps");
                    self.report(d);
                    return self.error(span);
                }
                Expr { kind: ExprKind::Index(Box::new(object), Box::new(index)), ty: item, span }
            }
            Kind::Map(key, value) => {
                let key = self.check(index, key);
                Expr { kind: ExprKind::Native(Native::MapIndex, vec![object, key]), ty: value, span }
            }
            Kind::Unknown | Kind::Never => {
                self.expr(index, Ty::UNKNOWN);
                self.error(span)
            }
            Kind::Option(_) => {
                self.report(self.may_be_none(object.span, object.ty, &object));
                self.error(span)
            }
            kind => {
                self.expr(index, Ty::UNKNOWN);
                let message = format!("{} cannot be indexed", self.name_of(object.ty));
                let mut d = Diagnostic::error("WF1002", object.span, message).label("expected a List or Map");
                d = match kind {
                    Kind::Record(_) | Kind::Shape(_) => d.help("a field is read with a point: `order.id`"),
                    Kind::String => d.help("`text.slice(i, i + 1)` gives one character, `text.chars()` all of them"),
                    Kind::Json => d.help("`.get(\"path.0.name\")` gives a `Json?`"),
                    Kind::Tuple(_) => d.help("`t.0` is the first element"),
                    _ => d,
                };
                self.report(d);
                self.error(span)
            }
        }
    }
}
