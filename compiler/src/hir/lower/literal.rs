//! Literals: numbers, strings with holes, lists, maps, tuples, records. They take the expected type.

use std::rc::Rc;

use weft_bytecode::op::Native;
use weft_bytecode::wire::text;

use super::Lower;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, LocalId, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Number, StringPart};
use crate::types::{Kind, Ty, listed, place_of};

impl<'a> Lower<'_, 'a> {
    /// A literal value; where Json is expected it becomes Json.
    pub(super) fn json_literal(&mut self, value: Value, ty: Ty, want: Ty, span: Span) -> Expr {
        let expr = self.constant(value, ty, span);
        self.as_json(expr, want)
    }

    /// A literal where Json is expected.
    fn as_json(&self, expr: Expr, want: Ty) -> Expr {
        let wanted = self.types().inner(want).unwrap_or(want);
        if wanted != Ty::JSON || expr.ty == Ty::UNKNOWN {
            return expr;
        }
        let span = expr.span;
        Expr { kind: ExprKind::Native(Native::ToJson, vec![expr]), ty: Ty::JSON, span }
    }

    pub(super) fn number(&mut self, number: &Number, want: Ty, span: Span) -> Expr {
        let want_inner = self.types().inner(want).unwrap_or(want);
        let found = number_value(number, want_inner);
        match found {
            Ok((value, ty)) => self.json_literal(value, ty, want, span),
            Err(message) => {
                self.report(Diagnostic::error("WF1016", span, message).label("does not fit"));
                self.error(span)
            }
        }
    }

    pub(super) fn none(&mut self, want: Ty, span: Span) -> Expr {
        match self.kind_of(want) {
            Kind::Option(_) => self.constant(Value::None, want, span),
            Kind::Json => {
                let ty = self.types().option(Ty::JSON);
                let none = self.constant(Value::None, ty, span);
                Expr { kind: ExprKind::Native(Native::ToJson, vec![none]), ty: Ty::JSON, span }
            }
            _ => {
                let ty = self.types().option(Ty::NEVER);
                self.constant(Value::None, ty, span)
            }
        }
    }

    pub(super) fn string(&mut self, lit: &'a ast::StringLit, want: Ty) -> Expr {
        match lit.parts.as_slice() {
            [] => return self.json_literal(Value::String(String::new()), Ty::STRING, want, lit.span),
            [StringPart::Text(text)] => {
                return self.json_literal(Value::String(text.clone()), Ty::STRING, want, lit.span);
            }
            _ => {}
        }
        let mut parts = Vec::new();
        for part in &lit.parts {
            match part {
                StringPart::Text(text) => {
                    parts.push(self.constant(Value::String(text.clone()), Ty::STRING, lit.span));
                }
                StringPart::Hole(hole) => {
                    let hole = self.infer(hole);
                    self.require_printable(&hole);
                    parts.push(hole);
                }
            }
        }
        let expr = Expr { kind: ExprKind::Concat(parts), ty: Ty::STRING, span: lit.span };
        self.as_json(expr, want)
    }

    fn require_printable(&self, hole: &Expr) {
        match self.kind_of(hole.ty) {
            Kind::Secret => self.report(super::expr::secret_misused(hole.span)),
            Kind::Fn(..) | Kind::Retry => self.report(
                Diagnostic::error("WF1002", hole.span, "this cannot be written into a string").label("not data"),
            ),
            Kind::Option(_) => {
                self.report(self.may_be_none(hole.span, hole.ty, hole));
            }
            _ => {}
        }
    }

    /// Elements of one type: the expected one, else what they have in common.
    fn elements(&mut self, items: &'a [ast::Expr], want: Ty) -> (Vec<Expr>, Ty) {
        if want != Ty::UNKNOWN {
            return (items.iter().map(|e| self.check(e, want)).collect(), want);
        }
        let mut out: Vec<Expr> = Vec::new();
        let mut common = Ty::NEVER;
        for item in items {
            let hint = if common == Ty::NEVER { Ty::UNKNOWN } else { common };
            let item = self.expr(item, hint);
            common = self.join(common, &item);
            out.push(item);
        }
        let out = out.into_iter().map(|e| self.coerce(e, common)).collect();
        (out, common)
    }

    pub(super) fn list(&mut self, items: &'a [ast::Expr], want: Ty, span: Span) -> Expr {
        let wanted = self.types().inner(want).unwrap_or(want);
        let element = match self.kind_of(wanted) {
            Kind::List(item) | Kind::Set(item) => item,
            Kind::Json => Ty::JSON,
            _ => Ty::UNKNOWN,
        };
        let (items, element) = self.elements(items, element);
        let ty = match self.kind_of(wanted) {
            Kind::Set(_) => self.types().intern(Kind::Set(element)),
            _ => self.types().list(element),
        };
        self.as_json(Expr { kind: ExprKind::List(items), ty, span }, want)
    }

    pub(super) fn map(&mut self, pairs: &'a [(ast::Expr, ast::Expr)], want: Ty, span: Span) -> Expr {
        let wanted = self.types().inner(want).unwrap_or(want);
        let (key, value) = match self.kind_of(wanted) {
            Kind::Map(key, value) => (key, value),
            Kind::Json => (Ty::STRING, Ty::JSON),
            _ => (Ty::UNKNOWN, Ty::UNKNOWN),
        };
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let (mut key_ty, mut value_ty) = (Ty::NEVER, Ty::NEVER);
        for (k, v) in pairs {
            let hint = |common: Ty, want: Ty| if common == Ty::NEVER { want } else { common };
            let k = self.expr(k, hint(key_ty, key));
            let v = self.expr(v, hint(value_ty, value));
            key_ty = self.join(key_ty, &k);
            value_ty = self.join(value_ty, &v);
            keys.push(k);
            values.push(v);
        }
        let key_ty = if key == Ty::UNKNOWN { key_ty } else { key };
        let value_ty = if value == Ty::UNKNOWN { value_ty } else { value };
        let pairs =
            keys.into_iter().zip(values).map(|(k, v)| (self.coerce(k, key_ty), self.coerce(v, value_ty))).collect();
        let ty = self.types().map(key_ty, value_ty);
        self.as_json(Expr { kind: ExprKind::Map(pairs), ty, span }, want)
    }

    pub(super) fn tuple(&mut self, items: &'a [ast::Expr], want: Ty, span: Span) -> Expr {
        match items {
            [] => self.unit(span),
            [one] => self.expr(one, want),
            many => {
                let wanted = match self.kind_of(self.types().inner(want).unwrap_or(want)) {
                    Kind::Tuple(tys) if tys.len() == many.len() => tys.to_vec(),
                    _ => vec![Ty::UNKNOWN; many.len()],
                };
                let items: Vec<Expr> = many
                    .iter()
                    .zip(wanted)
                    .map(|(e, ty)| if ty == Ty::UNKNOWN { self.infer(e) } else { self.check(e, ty) })
                    .collect();
                let tys: Vec<Ty> = items.iter().map(|e| e.ty).collect();
                let ty = self.types().tuple(&tys);
                Expr { kind: ExprKind::New(items), ty, span }
            }
        }
    }

    /// `{ ...r, a: 1, b }` as the expected record, else as a structural one.
    pub(super) fn record(
        &mut self,
        spreads: &'a [ast::Expr],
        slots: &'a [(ast::Name, Option<ast::Expr>)],
        want: Ty,
        span: Span,
    ) -> Expr {
        let wanted = self.types().inner(want).unwrap_or(want);
        if let [spread] = spreads {
            self.spread_first(spread, slots);
            return self.record_update(spread, slots, wanted, span);
        }
        if let Some(second) = spreads.get(1) {
            self.report(Diagnostic::error("WF1014", second.span, "only one record can be spread").label("second one"));
            return self.error(span);
        }
        match self.kind_of(wanted) {
            Kind::Record(_) | Kind::Shape(_) if !self.types().has_unknown(wanted) => {
                self.record_of(wanted, slots, span)
            }
            Kind::Json => {
                let record = self.structural(slots, Ty::JSON, span);
                self.as_json(record, want)
            }
            Kind::Map(Ty::STRING, _) if slots.is_empty() => Expr { kind: ExprKind::Map(Vec::new()), ty: wanted, span },
            _ => self.structural(slots, Ty::UNKNOWN, span),
        }
    }

    /// The value of a slot: given, or the name itself.
    fn slot(&mut self, name: &'a ast::Name, value: Option<&'a ast::Expr>, want: Ty) -> Expr {
        match value {
            Some(value) if want == Ty::UNKNOWN => self.infer(value),
            Some(value) => self.check(value, want),
            None => {
                let expr = self.name(&name.text, want, name.span);
                let expr = self.narrow(expr);
                self.coerce(expr, want)
            }
        }
    }

    fn structural(&mut self, slots: &'a [(ast::Name, Option<ast::Expr>)], want: Ty, span: Span) -> Expr {
        let (mut fields, mut values): (Vec<(Rc<str>, Ty)>, _) = (Vec::new(), Vec::new());
        for (name, value) in slots {
            let value = self.slot(name, value.as_ref(), want);
            if fields.iter().any(|(n, _)| **n == *name.text) {
                self.given_twice(name);
                continue;
            }
            fields.push((name.text.as_str().into(), value.ty));
            values.push(value);
        }
        let ty = self.types().shape(&fields);
        Expr { kind: ExprKind::New(values), ty, span }
    }

    fn given_twice(&self, name: &ast::Name) {
        self.report(
            Diagnostic::error("WF1006", name.span, format!("`{}` is given twice", name.text)).label("second time"),
        );
    }

    /// A literal of a record type: every field by name, defaults filled in.
    fn record_of(&mut self, ty: Ty, slots: &'a [(ast::Name, Option<ast::Expr>)], span: Span) -> Expr {
        let fields = self.types().fields(ty).unwrap_or_default();
        let mut values: Vec<Option<Expr>> = fields.iter().map(|_| None).collect();
        let mut order = Vec::new();
        for (at, (name, value)) in slots.iter().enumerate() {
            let Some(index) = place_of(&fields, at, |(n, _)| **n == *name.text) else {
                self.unknown_field(ty, name);
                if let Some(value) = value {
                    self.expr(value, Ty::UNKNOWN);
                }
                continue;
            };
            if value.is_some() {
                self.field_used(ty, name);
            }
            let value = self.slot(name, value.as_ref(), fields[index].1);
            if values[index].is_some() {
                self.given_twice(name);
            }
            values[index] = Some(value);
            order.push(index);
        }
        // A name that is no field was probably meant for one that is missing.
        let unknown = slots.len() - order.len();
        let values = self.fill_fields(ty, values, unknown, span);
        self.in_source_order(values, &order, span, |values| Expr { kind: ExprKind::New(values), ty, span })
    }

    /// Defaults for what is not given; WF1004 for what has none.
    fn fill_fields(&mut self, ty: Ty, values: Vec<Option<Expr>>, unknown: usize, span: Span) -> Vec<Expr> {
        let defaults = match self.kind_of(ty) {
            Kind::Record(id) => self.types().def(id).fields.iter().map(|f| f.default).collect(),
            _ => vec![None; values.len()],
        };
        let fields = self.types().fields(ty).unwrap_or_default();
        let mut missing = Vec::new();
        let mut out = Vec::new();
        for ((value, (name, field)), default) in values.into_iter().zip(&fields).zip(defaults) {
            out.push(match (value, default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.default_expr(default, *field, span),
                (None, None) if self.types().inner(*field).is_some() => self.constant(Value::None, *field, span),
                (None, None) => {
                    missing.push(format!("`{name}: {}`", self.name_of(*field)));
                    self.error(span)
                }
            });
        }
        if missing.len() > unknown {
            let what = if missing.len() == 1 { "field" } else { "fields" };
            let message = format!("missing {what} {} in {}", missing.join(", "), self.name_of(ty));
            self.report(
                Diagnostic::error("WF1004", span, message)
                    .label("not given here")
                    .help("give a value, or give the field a default or `?` in its declaration"),
            );
        }
        out
    }

    /// The default of a field or parameter as an expression of its type.
    pub(super) fn default_expr(&mut self, default: crate::types::DefaultId, ty: Ty, span: Span) -> Expr {
        let (_, value) = self.world.default_value(default);
        match value {
            Some(value) => self.constant(value, ty, span),
            None => self.error(span),
        }
    }

    /// WF1014, of `{ a: 1, ...r }`: elsewhere `r` would win.
    fn spread_first(&self, spread: &ast::Expr, slots: &[(ast::Name, Option<ast::Expr>)]) {
        if slots.first().is_none_or(|(name, _)| name.span.start > spread.span.start) {
            return;
        }
        self.report(
            Diagnostic::error("WF1014", spread.span, "the record that is spread stands first")
                .label("behind a field")
                .why("fields that are given win over those of the record, and are read in that order")
                .help("write `{ ...r, a: 1 }`; to keep what `r` has, leave the field out"),
        );
    }

    /// `{ ...r, a: 1 }`: a copy with other fields.
    fn record_update(
        &mut self,
        spread: &'a ast::Expr,
        slots: &'a [(ast::Name, Option<ast::Expr>)],
        want: Ty,
        span: Span,
    ) -> Expr {
        let base = if self.types().fields(want).is_some() { self.expr(spread, want) } else { self.infer(spread) };
        let ty = base.ty;
        let Some(fields) = self.types().fields(ty).filter(|_| !matches!(self.kind_of(ty), Kind::Run(_))) else {
            if ty != Ty::UNKNOWN {
                let message = format!("expected a record, found {}", self.name_of(ty));
                self.report(Diagnostic::error("WF1002", base.span, message).label("cannot be spread"));
            }
            return self.error(span);
        };
        let local = self.temp("base", ty, base.span);
        let mut values: Vec<Option<Expr>> = fields.iter().map(|_| None).collect();
        let mut order = Vec::new();
        for (at, (name, value)) in slots.iter().enumerate() {
            let Some(index) = place_of(&fields, at, |(n, _)| **n == *name.text) else {
                self.unknown_field(ty, name);
                if let Some(value) = value {
                    self.expr(value, Ty::UNKNOWN);
                }
                continue;
            };
            if value.is_some() {
                self.field_used(ty, name);
            }
            let value = self.slot(name, value.as_ref(), fields[index].1);
            if values[index].is_some() {
                self.given_twice(name);
            }
            values[index] = Some(value);
            order.push(index);
        }
        let values: Vec<Expr> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                value.unwrap_or_else(|| {
                    let object = Box::new(self.read_local(local, span));
                    Expr { kind: ExprKind::Field(object, index as u16), ty: fields[index].1, span }
                })
            })
            .collect();
        let body = self.in_source_order(values, &order, span, |values| Expr { kind: ExprKind::New(values), ty, span });
        self.with_local(local, base, body)
    }

    pub(super) fn unknown_field(&self, ty: Ty, name: &ast::Name) {
        if name.text.is_empty() || ty == Ty::UNKNOWN {
            return;
        }
        let fields = self.types().fields(ty).unwrap_or_default();
        let message = format!("cannot find field `{}` in {}", name.text, self.name_of(ty));
        let mut d = Diagnostic::error("WF1001", name.span, message).label("no such field");
        d = match self.world.near(&name.text, || fields.iter().map(|(n, _)| &**n).collect()) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None if self.foreign_method(ty, &name.text).is_some() => {
                let ours = self.foreign_method(ty, &name.text).unwrap_or_default();
                d.help(format!("here it is `.{ours}()`")).fix(Fix {
                    title: format!("replace with `{ours}()`"),
                    edits: vec![(name.span, format!("{ours}()"))],
                    safe: ours == "length",
                })
            }
            None if fields.is_empty() => self.opaque(ty, d),
            None => d.help(format!("it has {}", listed(fields.iter().map(|(n, _)| format!("`{n}`"))))),
        };
        self.report(d);
    }

    /// Builds from values in declaration order that were written in the order `given` (indexes). If that is another
    /// order and it matters, the values are bound first, in the order they were written.
    pub(super) fn in_source_order(
        &mut self,
        values: Vec<Expr>,
        given: &[usize],
        span: Span,
        build: impl FnOnce(Vec<Expr>) -> Expr,
    ) -> Expr {
        let sorted = given.is_sorted();
        if sorted || values.iter().all(Expr::is_simple) {
            return build(values);
        }
        let mut slots: Vec<Option<Expr>> = values.into_iter().map(Some).collect();
        let mut lets: Vec<(LocalId, Expr)> = Vec::new();
        for &index in given {
            let Some(value) = slots[index].take() else { continue };
            let local = self.temp("argument", value.ty, value.span);
            slots[index] = Some(self.read_local(local, value.span));
            lets.push((local, value));
        }
        let mut out = build(slots.into_iter().flatten().collect());
        out.span = span;
        for (local, value) in lets.into_iter().rev() {
            out = self.with_local(local, value, out);
        }
        out
    }
}

/// Digits that a `Float` keeps whatever they are.
const FLOAT_DIGITS: usize = 17;

/// A number as a value of the expected type. What the type would round is refused: the program would not say what it does.
pub(crate) fn number_value(number: &Number, want: Ty) -> Result<(Value, Ty), String> {
    let decimal = |digits: &str| {
        text::parse_decimal(digits)
            .map(|d| (Value::Decimal(text::decimal(d)), Ty::DECIMAL))
            .ok_or_else(|| format!("`{digits}` has more than the 28 digits that a Decimal keeps"))
    };
    let float = |digits: &str| match digits.parse::<f64>() {
        Ok(x) if x.is_finite() && kept(digits, x) => Ok((Value::Float(x), Ty::FLOAT)),
        Ok(x) if x.is_finite() => Err(format!("`{digits}` has more digits than a Float keeps: it would be `{x:?}`")),
        _ => Err(format!("`{digits}` is too large for a Float")),
    };
    match number {
        Number::Int(digits) => match want {
            Ty::DECIMAL => decimal(digits),
            Ty::FLOAT => float(digits),
            _ => digits
                .parse::<i64>()
                .map(|n| (Value::Int(n), Ty::INT))
                .map_err(|_| format!("`{digits}` is too large for an Int, which has 64 bits")),
        },
        Number::Dotted(digits) if want == Ty::FLOAT => float(digits),
        Number::Dotted(digits) => decimal(digits),
        Number::Duration(Some(ms)) => Ok((Value::Duration(*ms), Ty::DURATION)),
        Number::Duration(None) => Err("this duration is too long".into()),
        Number::Size(Some(bytes)) => Ok((Value::Int(*bytes), Ty::INT)),
        Number::Size(None) => Err("this size is too large for an Int".into()),
    }
}

/// Whether a `Float` says as much as the digits it was read from.
fn kept(digits: &str, value: f64) -> bool {
    let digits = digits.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.is_empty() {
        return whole.is_empty() || format!("{:.0}", value.abs()) == whole;
    }
    [whole, fraction].concat().trim_start_matches('0').len() <= FLOAT_DIGITS
}
