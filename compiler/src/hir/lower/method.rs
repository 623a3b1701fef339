//! Methods: rows of the std table, and the few that many types have.

use weft_bytecode::op::Native;

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Value};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast::{self, Arg};
use crate::types::{FieldDef, Kind, Ty, near};

/// What other languages call our methods.
const FOREIGN: &[(&str, &str)] = &[
    ("len", "length"),
    ("size", "length"),
    ("count", "length"),
    ("append", "push"),
    ("reduce", "fold"),
    ("some", "any"),
    ("every", "all"),
    ("includes", "contains"),
    ("has_key", "has"),
    ("contains_key", "has"),
    ("toUpperCase", "upper"),
    ("toLowerCase", "lower"),
    ("to_upper", "upper"),
    ("to_lower", "lower"),
    ("strip", "trim"),
    ("startsWith", "starts_with"),
    ("endsWith", "ends_with"),
    ("items", "entries"),
    ("str", "to_string"),
    ("toString", "to_string"),
    ("sorted", "sort"),
    ("insert", "set"),
    ("put", "set"),
];

impl<'a> Lower<'_, 'a> {
    pub(super) fn method(&mut self, object: Expr, name: &'a ast::Name, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let ty = object.ty;
        if ty == Ty::UNKNOWN || ty == Ty::NEVER || name.text.is_empty() {
            self.lower_all(args);
            return self.error(span);
        }
        let kind = self.kind_of(ty);
        if stdlib::LAMBDA_METHODS.contains(&name.text.as_str()) && matches!(kind, Kind::List(_) | Kind::Set(_)) {
            return self.collect(object, &name.text, args, want, span);
        }
        if let Some(row) = stdlib::methods(&kind).iter().find(|m| m.name == name.text) {
            return self.native_call(row, Some(object), args, span);
        }
        if let Some(expr) = self.common_method(object, &kind, name, args, span) {
            return expr;
        }
        self.lower_all(args);
        self.error(span)
    }

    /// Methods that many types have.
    fn common_method(
        &mut self,
        object: Expr,
        kind: &Kind,
        name: &'a ast::Name,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Expr> {
        let ty = object.ty;
        match (name.text.as_str(), kind) {
            (_, Kind::Option(_)) => {
                self.report(
                    self.may_be_none(object.span, ty, &object)
                        .help("use `?.` to go on only if there is a value, `?? ..` for a default, or `if let x = ..`"),
                );
                None
            }
            ("is_empty", Kind::List(_) | Kind::Map(..) | Kind::Set(_)) => {
                self.arguments("is_empty", "argument", &[], args, span);
                let length = Expr { kind: ExprKind::Native(Native::ListLength, vec![object]), ty: Ty::INT, span };
                let zero = self.constant(Value::Int(0), Ty::INT, span);
                let kind = ExprKind::Binary(ast::BinaryOp::Eq, Box::new(length), Box::new(zero));
                Some(Expr { kind, ty: Ty::BOOL, span })
            }
            ("to_decimal", Kind::Int) => {
                self.arguments("to_decimal", "argument", &[], args, span);
                Some(Expr { kind: ExprKind::Widen(Box::new(object)), ty: Ty::DECIMAL, span })
            }
            ("to_string" | "to_json", _) if self.types().not_data(ty).is_none() && ty != Ty::UNIT => {
                self.arguments(&name.text, "argument", &[], args, span);
                let (native, ty) = match name.text.as_str() {
                    "to_string" => (Native::ToText, Ty::STRING),
                    _ => (Native::ToJson, Ty::JSON),
                };
                Some(Expr { kind: ExprKind::Native(native, vec![object]), ty, span })
            }
            _ => {
                self.unknown_method(ty, name);
                None
            }
        }
    }

    fn unknown_method(&self, ty: Ty, name: &ast::Name) {
        let message = format!("cannot find method `{}` of {}", name.text, self.name_of(ty));
        let mut d = Diagnostic::error("WF1001", name.span, message).label("no such method");
        let known: Vec<&str> = self.method_names(ty);
        let foreign = FOREIGN.iter().find(|(theirs, ours)| *theirs == name.text && known.contains(ours));
        if matches!(name.text.as_str(), "forEach" | "for_each" | "each") && known.contains(&"map") {
            d = d.help("write `for item in items { .. }`");
        } else if let Some((_, ours)) = foreign {
            d = d.help(format!("here it is `{ours}`")).fix(crate::diagnostic::Fix {
                title: format!("replace with `{ours}`"),
                edits: vec![(name.span, (*ours).to_owned())],
                safe: false,
            });
        } else if let Some(near) = near(&name.text, known.iter().copied()) {
            d = d.help(format!("did you mean `{near}`?"));
        } else if !known.is_empty() {
            d = d.help(format!("it has {}", known.join(", ")));
        }
        self.report(d);
    }

    fn method_names(&self, ty: Ty) -> Vec<&'static str> {
        let kind = self.kind_of(ty);
        let mut known: Vec<&str> = stdlib::methods(&kind).iter().map(|m| m.name).collect();
        match kind {
            Kind::List(_) | Kind::Set(_) => {
                known.push("is_empty");
                known.extend(stdlib::LAMBDA_METHODS);
            }
            Kind::Map(..) => known.push("is_empty"),
            Kind::Int => known.push("to_decimal"),
            _ => {}
        }
        known
    }

    pub(super) fn is_method(&self, ty: Ty, name: &str) -> bool {
        self.method_names(ty).contains(&name)
    }

    /// A row of the std table, called.
    pub(super) fn native_call(
        &mut self,
        row: &stdlib::Method,
        object: Option<Expr>,
        args: &'a [Arg],
        span: Span,
    ) -> Expr {
        let me = object.as_ref().map_or(Ty::UNKNOWN, |o| o.ty);
        let item = self.types().element(me).unwrap_or(Ty::UNKNOWN);
        if let Some(lacks) = stdlib::lacks(self.types(), row.need, item) {
            self.lower_all(args);
            let message = format!("`{}` needs {lacks}; these are {}", row.name, self.name_of(item));
            self.report(Diagnostic::error("WF1002", span, message).label("cannot be used on this list"));
            return self.error(span);
        }
        let params: Vec<FieldDef> = row
            .params
            .iter()
            .map(|(name, sort)| FieldDef {
                name: (*name).into(),
                ty: stdlib::sort_ty(self.types(), *sort, me, Ty::UNKNOWN),
                default: None,
                span,
            })
            .collect();
        let (values, order) = self.arguments(row.name, "argument", &params, args, span);
        let mut other = Ty::UNKNOWN;
        if let Some(at) = row.params.iter().position(|(_, sort)| *sort == stdlib::Sort::OtherList) {
            match self.kind_of(values[at].ty) {
                Kind::List(item) => other = item,
                Kind::Unknown => {}
                _ => self.report(Diagnostic::error("WF1002", values[at].span, "expected a List").label("not a list")),
            }
        }
        let ty = stdlib::sort_ty(self.types(), row.result, me, other);
        let native = row.native;
        let values: Vec<Expr> = object.into_iter().chain(values).collect();
        let shift = values.len() - row.params.len();
        let order: Vec<usize> = (0..shift).chain(order.into_iter().map(|n| n + shift)).collect();
        self.in_source_order(values, &order, span, |args| Expr { kind: ExprKind::Native(native, args), ty, span })
    }
}
