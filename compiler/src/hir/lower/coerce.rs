//! Where a value of one type meets an expectation of another.

use super::Lower;
use super::region::kept;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Kind, Ty};

impl<'a> Lower<'_, 'a> {
    /// Lowers an expression that must have a type.
    pub(super) fn check(&mut self, expr: &'a ast::Expr, want: Ty) -> Expr {
        let out = self.expr(expr, want);
        self.coerce(out, want)
    }

    /// Lowers an expression whose value somebody will use, without an expectation.
    pub(super) fn infer(&mut self, expr: &'a ast::Expr) -> Expr {
        let out = self.expr(expr, Ty::UNKNOWN);
        self.settled(out)
    }

    /// A value needs a type that is known: `none` and `[]` alone have none.
    pub(super) fn settled(&self, expr: Expr) -> Expr {
        let example = match self.kind_of(expr.ty) {
            Kind::Option(Ty::NEVER) => "`let x: String? = none`",
            Kind::List(Ty::NEVER) => "`let xs: List<Int> = []`",
            Kind::Map(Ty::NEVER, _) => "`let m: Map<String, Int> = [:]`",
            _ => return expr,
        };
        self.report(
            Diagnostic::error("WF1002", expr.span, "the type of this cannot be told")
                .label("of what?")
                .help(format!("say it at the name: {example}")),
        );
        self.error(expr.span)
    }

    /// The value as the wanted type, or a diagnostic.
    pub(super) fn coerce(&mut self, expr: Expr, want: Ty) -> Expr {
        let span = expr.span;
        match self.try_coerce(expr, want) {
            Ok(expr) => expr,
            Err(found) => {
                // The value that does not fit, not all that it is one of.
                let culprit = self.culprit(&found, want);
                self.mismatch(culprit.ty, want, culprit.span, culprit);
                self.error(span)
            }
        }
    }

    /// As [`Lower::coerce`], giving the expression back where it does not fit.
    pub(super) fn try_coerce(&mut self, expr: Expr, want: Ty) -> Result<Expr, Box<Expr>> {
        if expr.ty == want || want == Ty::UNKNOWN || expr.ty == Ty::UNKNOWN || expr.ty == Ty::NEVER {
            return Ok(expr);
        }
        // What a body defers is done after all of it: the value becomes another one before.
        if let ExprKind::Cleanup { saga: false, body } = expr.kind {
            return self.try_coerce(*body, want).map(kept).map_err(|body| Box::new(kept(*body)));
        }
        let span = expr.span;
        match (self.kind_of(expr.ty), self.kind_of(want)) {
            (Kind::Option(Ty::NEVER), Kind::Option(_)) => {
                let none = self.constant(Value::None, want, span);
                if matches!(expr.kind, ExprKind::Const(_)) {
                    return Ok(none);
                }
                let stmts = vec![Stmt::Expr(expr)];
                Ok(Expr { kind: ExprKind::Block { stmts, value: Some(Box::new(none)) }, ty: want, span })
            }
            (Kind::Option(_), Kind::Option(_)) => Err(Box::new(expr)),
            (_, Kind::Option(inner)) => {
                let expr = self.try_coerce(expr, inner)?;
                if expr.ty == Ty::UNKNOWN || expr.ty == Ty::NEVER {
                    return Ok(expr);
                }
                Ok(Expr { kind: ExprKind::Some(Box::new(expr)), ty: want, span })
            }
            (Kind::Error(_), Kind::Failure) => Ok(Expr { kind: ExprKind::Cast(Box::new(expr)), ty: want, span }),
            (Kind::List(Ty::NEVER), Kind::List(_) | Kind::Set(_)) | (Kind::Map(Ty::NEVER, _), Kind::Map(..)) => {
                Ok(Expr { ty: want, ..expr })
            }
            (Kind::Record(_) | Kind::Shape(_), Kind::Shape(fields)) => self.reshape(expr, &fields, want),
            _ => Err(Box::new(expr)),
        }
    }

    /// A record as a structural one that has some of its fields.
    fn reshape(&mut self, expr: Expr, fields: &[(std::rc::Rc<str>, Ty)], want: Ty) -> Result<Expr, Box<Expr>> {
        let found: Option<Vec<_>> = fields.iter().map(|(name, _)| self.types().field(expr.ty, name)).collect();
        let Some(found) = found else { return Err(Box::new(expr)) };
        let fits = found.iter().zip(fields).all(|((_, has), (_, want))| {
            has == want || self.types().inner(*want) == Some(*has) || *has == Ty::UNKNOWN || *want == Ty::UNKNOWN
        });
        if !fits {
            return Err(Box::new(expr));
        }
        let span = expr.span;
        let local = self.temp("record", expr.ty, span);
        let mut values = Vec::new();
        for ((index, ty), (_, want)) in found.into_iter().zip(fields) {
            let object = Box::new(self.read_local(local, span));
            let field = Expr { kind: ExprKind::Field(object, index), ty, span };
            values.push(self.coerce(field, *want));
        }
        let body = Expr { kind: ExprKind::New(values), ty: want, span };
        Ok(self.with_local(local, expr, body))
    }

    /// The first of the values that an expression may have that does not fit.
    fn culprit<'e>(&self, expr: &'e Expr, want: Ty) -> &'e Expr {
        let values: Vec<&Expr> = match &expr.kind {
            ExprKind::If { then, otherwise, .. } => vec![then, otherwise],
            ExprKind::Match { arms, .. } => arms.iter().map(|arm| &arm.body).collect(),
            ExprKind::Try { body, catches, .. } => {
                std::iter::once(&**body).chain(catches.iter().map(|catch| &catch.body)).collect()
            }
            ExprKind::Block { value: Some(value), .. } | ExprKind::Cleanup { body: value, .. } => vec![value],
            _ => return expr,
        };
        // What became optional for the sake of another fits by itself.
        let fits = |value: &Expr| match &value.kind {
            ExprKind::Some(inner) => self.fits(inner.ty, want),
            _ => self.fits(value.ty, want),
        };
        values.into_iter().find(|value| !fits(value)).map_or(expr, |value| self.culprit(value, want))
    }

    /// WF1002 and WF1003.
    pub(super) fn mismatch(&self, found: Ty, want: Ty, span: Span, expr: &Expr) {
        let types = self.types();
        if types.inner(found).is_some_and(|inner| inner == want) {
            return self.report(self.may_be_none(span, found, expr));
        }
        let (found_name, want_name) = (types.name(found), types.name(want));
        let mut d = Diagnostic::error("WF1002", span, format!("expected {want_name}, found {found_name}"))
            .label(format!("this is {}", article(&found_name)));
        if let (Ty::DECIMAL, ExprKind::Binary(ast::BinaryOp::Div, ..)) = (want, &expr.kind) {
            d = d.help("divide Decimals: `a.to_decimal() / b`; the whole number is `(a / b).to_decimal()`");
        } else if let Some(help) = conversion(types.kind(found), types.kind(want)) {
            d = d.help(help);
        }
        if types.kind(want) == Kind::String && types.not_data(found).is_none() && found != Ty::UNIT {
            d = d.fix(Fix {
                title: "convert with `.to_string()`".into(),
                edits: vec![(Span { start: span.end, ..span }, ".to_string()".into())],
                safe: false,
            });
        }
        self.report(d);
    }

    /// WF1003.
    pub(super) fn may_be_none(&self, span: Span, found: Ty, expr: &Expr) -> Diagnostic {
        let what = match &expr.kind {
            ExprKind::Local(id) => format!("`{}`", self.locals[id.0 as usize].name),
            ExprKind::State(cell) => {
                let name = self.members.and_then(|m| m.name_of_cell(*cell));
                format!("`{}`", name.unwrap_or("this"))
            }
            _ => "this".into(),
        };
        let mut d = Diagnostic::error("WF1003", span, format!("{what} may be none"))
            .label(format!("its type is {}", self.name_of(found)))
            .help("give a default with `?? ..`, test it with `if let x = ..`, or `wait until` it is there");
        if matches!(expr.kind, ExprKind::State(_)) {
            d = d.why("state may have changed since it was tested if something waited in between");
        }
        d
    }
}

fn article(name: &str) -> String {
    let vowel = name.starts_with(['A', 'E', 'I', 'O']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}

/// The conversion that exists between two types.
fn conversion(found: Kind, want: Kind) -> Option<&'static str> {
    Some(match (found, want) {
        (Kind::Int, Kind::Decimal) => "convert it with `.to_decimal()`",
        (Kind::Int | Kind::Decimal, Kind::Float) => "convert it with `.to_float()`",
        (Kind::Decimal | Kind::Float, Kind::Int) => "convert it with `.to_int()`, which drops the fraction",
        (Kind::String, Kind::Int) => "read it with `.parse_int()`, which gives an `Int?`",
        (Kind::String, Kind::Decimal) => "read it with `.parse_decimal()`, which gives a `Decimal?`",
        (Kind::String, Kind::Time) => "read it with `Time.parse(..)`, which gives a `Time?`",
        (Kind::String, Kind::Date) => "read it with `Date.parse(..)`, which gives a `Date?`",
        (Kind::Int, Kind::Duration) => "write a duration with its unit: `30s`, `1h30m`, or `n * 1s`",
        (Kind::String, Kind::Duration) => "a duration is a literal without quotes: `30s`, `1h30m`",
        (Kind::Duration, Kind::Time) => "a time is `now() + 5d`; to wait that long write `sleep 5d`",
        (Kind::Time, Kind::Duration) => "a duration is `deadline - now()`; to wait for it write `sleep until deadline`",
        (Kind::Int, Kind::Retry) => "`retry: backoff(first: 1s, attempts: 3)`, `fixed(1s, attempts: 3)` or `never`",
        (Kind::Int | Kind::Float | Kind::Decimal, Kind::Bool) => "compare it: `n != 0`",
        (Kind::String | Kind::List(_) | Kind::Map(..) | Kind::Set(_), Kind::Bool) => "ask it: `!x.is_empty()`",
        (Kind::Option(_), Kind::Bool) => "ask whether it is there: `x != none`, or `if let v = x { .. }`",
        (Kind::Unit, _) => "this gives no value",
        (Kind::Fn(..) | Kind::Secret | Kind::Retry, _) => return None,
        (_, Kind::String) => "put it into a string: `\"{..}\"`, or use `.to_string()`",
        (_, Kind::Json) => "convert it with `.to_json()`",
        (Kind::List(_), Kind::Set(_)) => "convert it with `.to_set()`",
        (Kind::Set(_), Kind::List(_)) => "convert it with `.to_list()`",
        _ => return None,
    })
}
