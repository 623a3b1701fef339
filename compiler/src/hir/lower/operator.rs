//! Operators, conditions and what they tell about optionals.

use weft_bytecode::op::Native;

use super::constant::{Stop, value_of};
use super::{Fact, Lower};
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, BinaryOp};
use crate::types::{Kind, Ty};

/// A lowered condition with what holds where it is true, and where it is false.
pub(super) struct Cond(pub Expr, pub Vec<Fact>, pub Vec<Fact>);

impl<'a> Lower<'_, 'a> {
    /// Lowers a `Bool` and remembers which optionals it tests.
    pub(super) fn cond(&mut self, expr: &'a ast::Expr) -> Cond {
        use ast::ExprKind as E;
        let span = expr.span;
        match &expr.kind {
            E::Not(inner) => {
                let Cond(inner, yes, no) = self.cond(inner);
                Cond(Expr { kind: ExprKind::Not(Box::new(inner)), ty: Ty::BOOL, span }, no, yes)
            }
            E::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let and = *op == BinaryOp::And;
                let Cond(left, mut yes, mut no) = self.cond(left);
                let skipped = self.facts.clone();
                self.know(if and { yes.clone() } else { no.clone() });
                let Cond(right, right_yes, right_no) = self.cond(right);
                // What the right side assigned or waited for undoes what the left side has tested.
                let tested = if and { &mut yes } else { &mut no };
                tested.retain(|fact| self.facts.holds(fact));
                let ran = std::mem::take(&mut self.facts);
                self.meet(vec![(false, skipped), (right.ty == Ty::NEVER, ran)]);
                let (yes, no) = if and {
                    yes.extend(right_yes);
                    (yes, Vec::new())
                } else {
                    no.extend(right_no);
                    (Vec::new(), no)
                };
                let kind = ExprKind::Binary(*op, Box::new(left), Box::new(right));
                Cond(Expr { kind, ty: Ty::BOOL, span }, yes, no)
            }
            E::Binary { op: op @ (BinaryOp::Eq | BinaryOp::Ne), left, right } => {
                let optional = match (&left.kind, &right.kind) {
                    (_, E::None) => left,
                    (E::None, _) => right,
                    _ => return Cond(self.check(expr, Ty::BOOL), Vec::new(), Vec::new()),
                };
                let value = self.expr_raw(optional, Ty::UNKNOWN);
                let place: Vec<Fact> = Self::place(&value).into_iter().collect();
                let is_none = self.is_none(value, span);
                if *op == BinaryOp::Eq {
                    return Cond(is_none, Vec::new(), place);
                }
                Cond(Expr { kind: ExprKind::Not(Box::new(is_none)), ty: Ty::BOOL, span }, place, Vec::new())
            }
            _ => Cond(self.check(expr, Ty::BOOL), Vec::new(), Vec::new()),
        }
    }

    fn is_none(&mut self, value: Expr, span: Span) -> Expr {
        if self.types().inner(value.ty).is_none() && value.ty != Ty::UNKNOWN {
            let message = format!("this is never none: its type is {}", self.name_of(value.ty));
            self.report(Diagnostic::error("WF1002", value.span, message).label("not an optional"));
            return self.error(span);
        }
        Expr { kind: ExprKind::IsNone(Box::new(value)), ty: Ty::BOOL, span }
    }

    pub(super) fn negate(&mut self, inner: &'a ast::Expr, want: Ty, span: Span) -> Expr {
        // `-9223372036854775808` is a literal although its digits alone do not fit.
        if let ast::ExprKind::Number(ast::Number::Int(digits)) = &inner.kind {
            let signed = ast::Number::Int(format!("-{digits}"));
            return self.number(&signed, want, span);
        }
        let inner = self.expr(inner, want);
        match self.kind_of(inner.ty) {
            Kind::Int | Kind::Float | Kind::Decimal | Kind::Duration => {
                let ty = inner.ty;
                if let Some(value) = super::constant::negated(&inner) {
                    return self.constant(value, ty, span);
                }
                Expr { kind: ExprKind::Neg(Box::new(inner)), ty, span }
            }
            Kind::Unknown | Kind::Never => inner,
            _ => {
                let message = format!("expected a number, found {}", self.name_of(inner.ty));
                self.report(Diagnostic::error("WF1002", inner.span, message).label("cannot be negated"));
                self.error(span)
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        want: Ty,
        span: Span,
    ) -> Expr {
        use BinaryOp::*;
        match op {
            Coalesce => self.coalesce(left, right, want, span),
            Range => {
                let from = self.check(left, Ty::INT);
                let to = self.check(right, Ty::INT);
                let step = self.constant(Value::Int(1), Ty::INT, span);
                let ty = self.types().list(Ty::INT);
                Expr { kind: ExprKind::Native(Native::Range, vec![from, to, step]), ty, span }
            }
            In => self.contains(left, right, span),
            Eq | Ne if is_none_literal(left) || is_none_literal(right) => {
                let optional = if is_none_literal(right) { left } else { right };
                let value = self.expr_raw(optional, Ty::UNKNOWN);
                let is_none = self.is_none(value, span);
                if op == Eq { is_none } else { Expr { kind: ExprKind::Not(Box::new(is_none)), ty: Ty::BOOL, span } }
            }
            Eq | Ne | Lt | Le | Gt | Ge => self.comparison(op, left, right, span),
            Add | Sub | Mul | Div | Rem => self.arithmetic(op, left, right, want, span),
            And | Or => self.error(span),
        }
    }

    /// Both sides, each literal or variant taking the type of the other.
    fn operands(&mut self, left: &'a ast::Expr, right: &'a ast::Expr, want: Ty) -> (Expr, Expr) {
        if takes_type(left) && !takes_type(right) {
            // The right side tells the type; it is still evaluated second.
            let before = self.facts.clone();
            let right = self.infer(right);
            let after = self.facts.clone();
            self.facts.keep_common(&before);
            let left = self.expr(left, right.ty);
            self.facts = after;
            return (left, right);
        }
        // Of numbers alone, one with a point makes Decimals of all: `1.5 * (7 / 2)` is what `p * (7 / 2)` is.
        let pointed =
            want == Ty::UNKNOWN && is_numbers(left) && is_numbers(right) && (has_point(left) || has_point(right));
        let want = if pointed { Ty::DECIMAL } else { want };
        let left = self.expr(left, want);
        let hint = if left.ty == Ty::UNKNOWN { want } else { left.ty };
        let right = self.expr(right, hint);
        (left, right)
    }

    fn comparison(&mut self, op: BinaryOp, left: &'a ast::Expr, right: &'a ast::Expr, span: Span) -> Expr {
        let (left, right) = self.operands(left, right, Ty::UNKNOWN);
        let (left, right) = self.widened(left, right);
        if !matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
            for side in [&left, &right] {
                if self.types().inner(side.ty).is_some_and(|inner| inner != Ty::NEVER) {
                    self.report(self.may_be_none(side.span, side.ty, side));
                    return Expr { ty: Ty::BOOL, ..self.error(span) };
                }
            }
        }
        let (left, right) = match self.same(left, right, op, span) {
            Some(both) => both,
            None => return Expr { ty: Ty::BOOL, ..self.error(span) },
        };
        if !matches!(op, BinaryOp::Eq | BinaryOp::Ne) && !self.types().is_ordered(left.ty) {
            let name = self.name_of(left.ty);
            let d = Diagnostic::error("WF1002", span, format!("{name} has no order"));
            let d = d.label("cannot be compared with `<`");
            self.report(match self.kind_of(left.ty) {
                Kind::Param { .. } => self.opaque(left.ty, d),
                _ => d.why("numbers, strings, times, dates, durations and tuples of them are ordered"),
            });
            return Expr { ty: Ty::BOOL, ..self.error(span) };
        }
        Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), ty: Ty::BOOL, span }
    }

    /// Both sides of one type, an optional beside its inner type included.
    fn same(&mut self, left: Expr, right: Expr, op: BinaryOp, span: Span) -> Option<(Expr, Expr)> {
        if matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
            for side in [&left, &right] {
                if matches!(self.kind_of(side.ty), Kind::Fn(..) | Kind::Secret | Kind::Retry) {
                    self.report(Diagnostic::error("WF1002", side.span, "this cannot be compared").label("not data"));
                    return None;
                }
            }
        }
        let (left_ty, right_ty) = (left.ty, right.ty);
        let right = match self.try_coerce(right, left_ty) {
            Ok(right) => return Some((left, right)),
            Err(right) => *right,
        };
        match self.try_coerce(left, right_ty) {
            Ok(left) => Some((left, right)),
            Err(_) => {
                let (a, b) = (self.name_of(left_ty), self.name_of(right_ty));
                self.report(
                    Diagnostic::error("WF1002", span, format!("{a} and {b} cannot be compared"))
                        .label("different types"),
                );
                None
            }
        }
    }

    /// An `Int` beside a `Decimal` widens exactly.
    fn widened(&self, left: Expr, right: Expr) -> (Expr, Expr) {
        let widen = |e: Expr| {
            let span = e.span;
            self.fraction_dropped(&e);
            match e.kind {
                ExprKind::Const(Value::Int(n)) => self.constant(Value::Decimal(n.to_string()), Ty::DECIMAL, span),
                _ => Expr { kind: ExprKind::Widen(Box::new(e)), ty: Ty::DECIMAL, span },
            }
        };
        match (left.ty, right.ty) {
            (Ty::INT, Ty::DECIMAL) => (widen(left), right),
            (Ty::DECIMAL, Ty::INT) => (left, widen(right)),
            _ => (left, right),
        }
    }

    /// WF1024: a division of `Int`s whose result is widened, unless it is known to have no fraction.
    fn fraction_dropped(&self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Binary(BinaryOp::Div, left, right) if left.ty == Ty::INT && right.ty == Ty::INT => {
                let whole = |side: &Expr| match side.kind {
                    ExprKind::Const(Value::Int(n)) => Some(n),
                    _ => None,
                };
                let exact = |(a, b): (i64, i64)| a.checked_rem(b) == Some(0);
                let nothing = matches!(whole(right), Some(1 | -1)) || whole(left).zip(whole(right)).is_some_and(exact);
                if self.instance || nothing {
                    return;
                }
                let message = "this drops the fraction before it becomes a Decimal";
                let d = Diagnostic::warning("WF1024", expr.span, message)
                    .label("`/` of two Ints is an Int")
                    .why("an Int beside a Decimal is widened as it is, after what it is made of was computed");
                let (a, b) = (self.text_at(left.span), self.text_at(right.span));
                let (edit, side) = match whole(left) {
                    Some(_) => (".0", format!("{a}.0")),
                    None => (".to_decimal()", format!("{a}.to_decimal()")),
                };
                let atom = matches!(
                    left.kind,
                    ExprKind::Const(_) | ExprKind::Local(_) | ExprKind::State(_) | ExprKind::Field(..)
                );
                if !atom {
                    return self.report(d.help(
                        "divide Decimals: `a.to_decimal() / b`; if the whole number is meant, `(a / b).to_decimal()`",
                    ));
                }
                let at = Span { start: left.span.end, ..left.span };
                self.report(
                    d.help(format!("write `{side} / {b}`; if the whole number is meant, `({a} / {b}).to_decimal()`"))
                        .fix(Fix { title: "divide Decimals".into(), edits: vec![(at, edit.into())], safe: false }),
                );
            }
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, left, right) => {
                self.fraction_dropped(left);
                self.fraction_dropped(right);
            }
            ExprKind::Neg(inner) => self.fraction_dropped(inner),
            _ => {}
        }
    }

    fn arithmetic(&mut self, op: BinaryOp, left: &'a ast::Expr, right: &'a ast::Expr, want: Ty, span: Span) -> Expr {
        let hint = match self.types().inner(want).unwrap_or(want) {
            ty @ (Ty::DECIMAL | Ty::FLOAT) => ty,
            _ => Ty::UNKNOWN,
        };
        let written = is_written(left) && is_written(right);
        let (left, right) = self.operands(left, right, hint);
        let out = self.arithmetic_of(op, left, right, span);
        if written { self.computable(out) } else { out }
    }

    /// WF1016: arithmetic of literals that traps whenever it runs. Not that of constants, which a condition on them may
    /// keep from running.
    fn computable(&self, expr: Expr) -> Expr {
        let Err(Stop::Trap(span, why)) = value_of(&expr) else { return expr };
        self.report(Diagnostic::error("WF1016", span, "this cannot be computed").label(why));
        self.error(span)
    }

    /// Arithmetic of lowered operands; also of `+=` and its like.
    pub(super) fn arithmetic_of(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let (left, right) = self.widened(left, right);
        for side in [&left, &right] {
            if self.types().inner(side.ty).is_some() {
                self.report(self.may_be_none(side.span, side.ty, side));
                return self.error(span);
            }
        }
        if left.ty == Ty::UNKNOWN || right.ty == Ty::UNKNOWN {
            return self.error(span);
        }
        let Some(ty) = arithmetic_type(op, left.ty, right.ty) else {
            self.no_arithmetic(op, &left, &right, span);
            return self.error(span);
        };
        Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), ty, span }
    }

    fn no_arithmetic(&self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) {
        let (a, b) = (self.name_of(left.ty), self.name_of(right.ty));
        let sign = symbol(op);
        let mut d = Diagnostic::error("WF1002", span, format!("`{sign}` is not defined for {a} and {b}"))
            .label(format!("{a} {sign} {b}"));
        let kinds = (self.kind_of(left.ty), self.kind_of(right.ty));
        d = match kinds {
            (Kind::String, _) | (_, Kind::String) if op == BinaryOp::Add => {
                d.help("put both into one string: `\"{a}{b}\"`")
            }
            (Kind::List(_), Kind::List(_)) if op == BinaryOp::Add => d.help("`xs.concat(ys)` joins lists"),
            (Kind::List(_), _) if op == BinaryOp::Add => d.help("`xs.push(x)` gives a list with one more element"),
            (Kind::Float, Kind::Int | Kind::Decimal) | (Kind::Int | Kind::Decimal, Kind::Float) => d
                .why("nothing is converted to or from Float without saying so")
                .help("convert one side: `.to_float()`, or `.to_int()`"),
            (Kind::Time | Kind::Date | Kind::Duration, Kind::Int) => {
                d.help("give the number a unit: `30s`, `2d`, or `n * 1d`")
            }
            (Kind::Param { .. }, _) => self.opaque(left.ty, d),
            (_, Kind::Param { .. }) => self.opaque(right.ty, d),
            _ => d,
        };
        self.report(d);
    }

    fn coalesce(&mut self, left: &'a ast::Expr, right: &'a ast::Expr, want: Ty, span: Span) -> Expr {
        let hint = if want == Ty::UNKNOWN { want } else { self.types().option(want) };
        let left = self.expr_raw(left, hint);
        if left.ty == Ty::UNKNOWN {
            let right = self.expr(right, want);
            return Expr { ty: right.ty, ..self.error(span) };
        }
        let Some(inner) = self.types().inner(left.ty) else {
            let message = format!("this is never none: its type is {}", self.name_of(left.ty));
            self.report(
                Diagnostic::error("WF1002", left.span, message)
                    .label("`??` has nothing to do")
                    .help("remove `??` and what follows"),
            );
            self.expr(right, want);
            return left;
        };
        let place = Self::place(&left);
        let before = self.facts.clone();
        let right = self.expr(right, inner);
        let ran = std::mem::replace(&mut self.facts, before);
        // `x ?? return ..`: from here on x has a value.
        self.know(place);
        let skipped = std::mem::take(&mut self.facts);
        self.meet(vec![(false, skipped), (right.ty == Ty::NEVER, ran)]);
        let ty = match self.types().inner(right.ty) {
            Some(_) if right.ty == left.ty => left.ty,
            _ => inner,
        };
        let right = self.coerce(right, ty);
        if right.ty == Ty::UNKNOWN {
            return self.error(span);
        }
        Expr { kind: ExprKind::Coalesce(Box::new(left), Box::new(right)), ty, span }
    }

    fn contains(&mut self, left: &'a ast::Expr, right: &'a ast::Expr, span: Span) -> Expr {
        // The collection tells the type of what is looked for; both are evaluated in the order written.
        let collection = self.infer(right);
        let (native, element) = match self.kind_of(collection.ty) {
            Kind::List(item) | Kind::Set(item) => (Native::ListContains, item),
            Kind::Map(key, _) => (Native::MapHas, key),
            Kind::String => (Native::StringContains, Ty::STRING),
            Kind::Unknown | Kind::Never => {
                self.expr(left, Ty::UNKNOWN);
                return Expr { ty: Ty::BOOL, ..self.error(span) };
            }
            _ => {
                let message = format!("`in` needs a collection, found {}", self.name_of(collection.ty));
                self.report(
                    Diagnostic::error("WF1002", collection.span, message).label("expected a List, Set, Map or String"),
                );
                return Expr { ty: Ty::BOOL, ..self.error(span) };
            }
        };
        let item = self.check(left, element);
        if let Some(stale) = self.stale(&collection) {
            self.report(self.may_be_none(stale.span, self.types().option(stale.ty), stale));
            return Expr { ty: Ty::BOOL, ..self.error(span) };
        }
        self.in_source_order(vec![collection, item], &[1, 0], span, |args| Expr {
            kind: ExprKind::Native(native, args),
            ty: Ty::BOOL,
            span,
        })
    }
}

fn is_none_literal(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::None)
}

/// Whether an expression has its type from outside: numbers, arithmetic of numbers alone, and upper-case names, which may
/// be variants.
fn takes_type(expr: &ast::Expr) -> bool {
    match &expr.kind {
        _ if is_numbers(expr) => true,
        ast::ExprKind::Neg(inner) => takes_type(inner),
        ast::ExprKind::Name(name) => name.starts_with(|c: char| c.is_ascii_uppercase()),
        ast::ExprKind::List(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether an expression is a number as it is written, or arithmetic of such alone.
fn is_numbers(expr: &ast::Expr) -> bool {
    use BinaryOp::*;
    match &expr.kind {
        ast::ExprKind::Number(ast::Number::Int(_) | ast::Number::Dotted(_)) => true,
        ast::ExprKind::Neg(inner) => is_numbers(inner),
        ast::ExprKind::Binary { op: Add | Sub | Mul | Div | Rem, left, right } => is_numbers(left) && is_numbers(right),
        _ => false,
    }
}

/// Whether an expression is a literal that is computed with, or arithmetic of such alone.
pub(super) fn is_written(expr: &ast::Expr) -> bool {
    use BinaryOp::*;
    match &expr.kind {
        ast::ExprKind::Number(_) => true,
        ast::ExprKind::Neg(inner) => is_written(inner),
        ast::ExprKind::Binary { op: Add | Sub | Mul | Div | Rem, left, right } => is_written(left) && is_written(right),
        _ => false,
    }
}

/// Whether one of the numbers of [`is_numbers`] has a point.
fn has_point(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Number(ast::Number::Dotted(_)) => true,
        ast::ExprKind::Neg(inner) => has_point(inner),
        ast::ExprKind::Binary { left, right, .. } => has_point(left) || has_point(right),
        _ => false,
    }
}

/// The result of arithmetic, if it is defined.
pub(crate) fn arithmetic_type(op: BinaryOp, left: Ty, right: Ty) -> Option<Ty> {
    use BinaryOp::*;
    Some(match (op, left, right) {
        (_, Ty::NEVER, ty) | (_, ty, Ty::NEVER) => ty,
        (_, Ty::INT, Ty::INT) => Ty::INT,
        (_, Ty::FLOAT, Ty::FLOAT) => Ty::FLOAT,
        (_, Ty::DECIMAL, Ty::DECIMAL) => Ty::DECIMAL,
        (Add | Sub, Ty::DURATION, Ty::DURATION) => Ty::DURATION,
        (Div, Ty::DURATION, Ty::DURATION) => Ty::INT,
        (Rem, Ty::DURATION, Ty::DURATION) => Ty::DURATION,
        (Mul | Div, Ty::DURATION, Ty::INT) | (Mul, Ty::INT, Ty::DURATION) => Ty::DURATION,
        (Add | Sub, Ty::TIME, Ty::DURATION) => Ty::TIME,
        (Add, Ty::DURATION, Ty::TIME) => Ty::TIME,
        (Sub, Ty::TIME, Ty::TIME) => Ty::DURATION,
        _ => return None,
    })
}

/// The operator as written.
pub(crate) fn symbol(op: BinaryOp) -> &'static str {
    use BinaryOp::*;
    match op {
        Or => "||",
        And => "&&",
        Eq => "==",
        Ne => "!=",
        Lt => "<",
        Le => "<=",
        Gt => ">",
        Ge => ">=",
        In => "in",
        Coalesce => "??",
        Range => "..",
        Add => "+",
        Sub => "-",
        Mul => "*",
        Div => "/",
        Rem => "%",
    }
}
