//! What is known while compiling: constants, defaults, and words and policies of options.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use weft_bytecode::options::{FAIRNESS_WEIGHTS_MILLI, RetryPolicy};
use weft_bytecode::wire::text;

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, FnKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Arg, BinaryOp};
use crate::types::world::World;
use crate::types::{DefaultId, Ty, near};

/// Attempts, delays and factors above this are a mistake.
const FACTOR_MAX_MILLI: i64 = 1_000_000;
/// Bytes of one constant or default.
const CONSTANT_BYTES_MAX: usize = 1 << 20;
/// Bytes of all constants and defaults at all places where they are used: each has a copy.
pub(crate) const CONSTANTS_BYTES_MAX: usize = 256 << 20;

impl<'a> World<'a> {
    /// Type and value of a constant; `None` if it has no value, which was reported.
    pub(crate) fn const_value(&self, index: u32) -> (Ty, Option<Value>) {
        let item = &self.consts[index as usize];
        if let Some((ty, value)) = item.cell.get() {
            return (*ty, self.copied(value, item.name.span));
        }
        if item.busy.replace(true) {
            let message = format!("constant `{}` depends on itself", item.name.text);
            self.report(Diagnostic::error("WF1013", item.name.span, message).label("goes in a circle"));
            return (Ty::UNKNOWN, None);
        }
        let mut lower = Lower::new(self, item.module, FnKind::Fn);
        let expr = match item.ty {
            Some(ty) => {
                let ty = self.resolve(item.module, ty);
                lower.check(item.value, ty)
            }
            None => lower.infer(item.value),
        };
        let ty = expr.ty;
        let value = self.evaluate(&expr, "a constant");
        let (_, value) = item.cell.get_or_init(|| (ty, value));
        (ty, self.copied(value, item.name.span))
    }

    /// The default of a field or parameter.
    pub(crate) fn default_value(&self, id: DefaultId) -> (Ty, Option<Value>) {
        let slot = self.defaults.borrow()[id.0 as usize].clone();
        if let Some(value) = slot.cell.get() {
            return (slot.ty, self.copied(value, slot.expr.span));
        }
        if slot.busy.replace(true) {
            self.report(
                Diagnostic::error("WF1013", slot.expr.span, "this default depends on itself").label("goes in a circle"),
            );
            return (slot.ty, None);
        }
        let mut lower = Lower::new(self, slot.module, FnKind::Fn);
        let expr = lower.check(slot.expr, slot.ty);
        let value = self.evaluate(&expr, "a default");
        let value = slot.cell.get_or_init(|| value);
        (slot.ty, self.copied(value, slot.expr.span))
    }

    /// A copy of a value for a place where it is used; none, which is reported once, if there are too many.
    fn copied(&self, value: &Option<Value>, span: Span) -> Option<Value> {
        let value = value.as_ref()?;
        let left = self.constant_bytes_left.get()?;
        let rest = left.checked_sub(value.bytes());
        self.constant_bytes_left.set(rest);
        if rest.is_none() {
            let most = CONSTANTS_BYTES_MAX >> 20;
            let message = format!("the constants of this project have more than {most} MiB where they are used");
            let d = Diagnostic::error("WF1016", span, message).label("one copy too many of this one");
            self.report(d.help("make it smaller, or let a `fn` return it"));
        }
        rest.map(|_| value.clone())
    }

    /// The value of an expression, or a diagnostic at what is not constant.
    pub(crate) fn evaluate(&self, expr: &Expr, what: &str) -> Option<Value> {
        match value_of(expr) {
            Ok(value) if value.bytes() > CONSTANT_BYTES_MAX => {
                let d = Diagnostic::error("WF1016", expr.span, format!("{what} cannot be computed"));
                self.report(d.label(format!("has more than {} MiB", CONSTANT_BYTES_MAX >> 20)));
                None
            }
            Ok(value) => Some(value),
            Err(Stop::Reported) => None,
            Err(Stop::NotConstant(span)) => {
                self.report(
                    Diagnostic::error("WF1017", span, format!("{what} must be known while compiling"))
                        .label("not a constant")
                        .help("use literals, other constants, and arithmetic of them"),
                );
                None
            }
            Err(Stop::Trap(span, why)) => {
                self.report(Diagnostic::error("WF1016", span, format!("{what} cannot be computed")).label(why));
                None
            }
        }
    }
}

/// Why there is no value.
pub(crate) enum Stop {
    Reported,
    NotConstant(Span),
    Trap(Span, &'static str),
}

/// Evaluates an expression of literals, constructors and arithmetic.
pub(crate) fn value_of(expr: &Expr) -> Result<Value, Stop> {
    let all = |es: &[Expr]| es.iter().map(value_of).collect::<Result<Vec<_>, _>>();
    Ok(match &expr.kind {
        ExprKind::Error => return Err(Stop::Reported),
        ExprKind::Unit => Value::Unit,
        ExprKind::Const(value) => value.clone(),
        ExprKind::Some(inner) => value_of(inner)?,
        ExprKind::Neg(inner) => {
            let value = value_of(inner)?;
            negated_value(&value).ok_or(Stop::Trap(expr.span, "overflows"))?
        }
        ExprKind::Not(inner) => match value_of(inner)? {
            Value::Bool(b) => Value::Bool(!b),
            _ => return Err(Stop::NotConstant(expr.span)),
        },
        ExprKind::Widen(inner) => match value_of(inner)? {
            Value::Int(n) => Value::Decimal(n.to_string()),
            _ => return Err(Stop::NotConstant(expr.span)),
        },
        ExprKind::Binary(op, left, right) => {
            let (left, right) = (value_of(left)?, value_of(right)?);
            match arithmetic(*op, &left, &right) {
                Some(Ok(value)) => value,
                Some(Err(why)) => return Err(Stop::Trap(expr.span, why)),
                None => return Err(Stop::NotConstant(expr.span)),
            }
        }
        ExprKind::New(items) => Value::Fields(all(items)?),
        ExprKind::Variant(index, items) => Value::Variant(*index, all(items)?),
        ExprKind::List(items) => Value::List(all(items)?),
        ExprKind::Map(pairs) => {
            let pairs = pairs.iter().map(|(k, v)| Ok((value_of(k)?, value_of(v)?))).collect::<Result<Vec<_>, Stop>>();
            Value::Map(pairs?)
        }
        ExprKind::Concat(parts) => {
            let mut out = String::new();
            for part in parts {
                match value_of(part)? {
                    Value::String(text) | Value::Decimal(text) => out.push_str(&text),
                    Value::Int(n) => out.push_str(&n.to_string()),
                    Value::Bool(b) => out.push_str(if b { "true" } else { "false" }),
                    Value::Duration(ms) => out.push_str(&text::duration(ms)),
                    _ => return Err(Stop::NotConstant(part.span)),
                }
            }
            Value::String(out)
        }
        _ => return Err(Stop::NotConstant(expr.span)),
    })
}

fn arithmetic(op: BinaryOp, left: &Value, right: &Value) -> Option<Result<Value, &'static str>> {
    use BinaryOp::*;
    let checked = |n: Option<i64>| n.ok_or("overflows or divides by zero");
    let ints = |a: i64, b: i64| match op {
        Add => Some(a.checked_add(b)),
        Sub => Some(a.checked_sub(b)),
        Mul => Some(a.checked_mul(b)),
        Div => Some(a.checked_div(b)),
        // As when it runs: the smallest number has remainder 0 by -1.
        Rem => Some((b != 0).then(|| a.wrapping_rem(b))),
        _ => None,
    };
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(checked(ints(*a, *b)?).map(Value::Int)),
        (Value::Duration(a), Value::Duration(b)) if op == Div => Some(checked(a.checked_div(*b)).map(Value::Int)),
        (Value::Duration(a), Value::Duration(b)) if matches!(op, Add | Sub | Rem) => {
            Some(checked(ints(*a, *b)?).map(Value::Duration))
        }
        (Value::Duration(a), Value::Int(b)) | (Value::Int(a), Value::Duration(b)) if op == Mul => {
            Some(checked(a.checked_mul(*b)).map(Value::Duration))
        }
        (Value::Duration(a), Value::Int(b)) if op == Div => Some(checked(a.checked_div(*b)).map(Value::Duration)),
        (Value::Decimal(a), Value::Decimal(b)) => {
            let (a, b) = (a.parse::<Decimal>().ok()?, b.parse::<Decimal>().ok()?);
            let result = match op {
                Add => a.checked_add(b),
                Sub => a.checked_sub(b),
                Mul => a.checked_mul(b),
                Div => a.checked_div(b),
                Rem => a.checked_rem(b),
                _ => return None,
            };
            Some(result.map(|d| Value::Decimal(text::decimal(d))).ok_or("overflows or divides by zero"))
        }
        (Value::Float(a), Value::Float(b)) => {
            let result = match op {
                Add => a + b,
                Sub => a - b,
                Mul => a * b,
                Div => a / b,
                _ => return None,
            };
            Some(if result.is_finite() { Ok(Value::Float(result)) } else { Err("is not a finite number") })
        }
        (Value::Bool(a), Value::Bool(b)) => match op {
            And => Some(Ok(Value::Bool(*a && *b))),
            Or => Some(Ok(Value::Bool(*a || *b))),
            _ => None,
        },
        _ => None,
    }
}

fn negated_value(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int(n) => Value::Int(n.checked_neg()?),
        Value::Duration(ms) => Value::Duration(ms.checked_neg()?),
        Value::Float(x) => Value::Float(-x),
        Value::Decimal(text) => Value::Decimal(text::decimal(-text.parse::<Decimal>().ok()?)),
        _ => return None,
    })
}

/// A negated literal.
pub(super) fn negated(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Const(value) => negated_value(value),
        _ => None,
    }
}

/// `never`: one reported attempt.
pub(super) fn never() -> RetryPolicy {
    RetryPolicy { attempts: 1, ..RetryPolicy::default() }
}

/// The word of an option like `on_cancel: try`. `None` where the source has a hole.
pub(crate) fn option_word(option: &str, value: &ast::Expr, words: &[&str]) -> Result<Option<String>, Box<Diagnostic>> {
    let word = match &value.kind {
        ast::ExprKind::Missing => return Ok(None),
        ast::ExprKind::Name(name) => name.as_str(),
        ast::ExprKind::String(lit) => match lit.parts.as_slice() {
            [ast::StringPart::Text(text)] => text.as_str(),
            _ => "",
        },
        _ => "",
    };
    if words.contains(&word) {
        return Ok(Some(word.to_owned()));
    }
    let known = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
    let message = match word {
        "" => format!("`{option}` takes one of {known}"),
        word => format!("unknown word `{word}` for `{option}`"),
    };
    let d = Diagnostic::error("WF4002", value.span, message).label("not one of them");
    Err(Box::new(match near(word, words.iter().copied()) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.help(format!("one of {known}")),
    }))
}

impl<'a> Lower<'_, 'a> {
    /// `backoff(first, factor, max, attempts)` or `fixed(delay, attempts)`, evaluated.
    pub(super) fn retry_policy(&mut self, name: &str, args: &'a [Arg], span: Span) -> Option<RetryPolicy> {
        let default = RetryPolicy::default();
        let fixed = name == "fixed";
        let names: &[&str] = if fixed { &["delay", "attempts"] } else { &["first", "factor", "max", "attempts"] };
        let (mut first, mut factor, mut max, mut attempts) = (None, None, None, None);
        let mut next = 0;
        for arg in args {
            let key = match &arg.name {
                Some(given) => names.iter().find(|n| **n == given.text).copied(),
                None => {
                    next += 1;
                    names.get(next - 1).copied()
                }
            };
            let Some(key) = key else {
                let (at, given) = arg.name.as_ref().map_or((arg.value.span, ""), |n| (n.span, n.text.as_str()));
                let d = Diagnostic::error("WF4002", at, format!("`{name}` has no parameter `{given}`"));
                self.report(d.label("not known").help(format!("`{name}({})`", names.join(", "))));
                return None;
            };
            let want = match key {
                "factor" => Ty::DECIMAL,
                "attempts" => Ty::INT,
                _ => Ty::DURATION,
            };
            let value = self.check(&arg.value, want);
            let value = self.world.evaluate(&value, "a retry policy")?;
            match (key, value) {
                ("first" | "delay", Value::Duration(ms)) => first = Some((ms, arg.value.span)),
                ("max", Value::Duration(ms)) => max = Some((ms, arg.value.span)),
                ("factor", Value::Decimal(text)) => factor = Some((milli(&text), arg.value.span)),
                ("attempts", Value::Int(n)) => attempts = Some((n, arg.value.span)),
                _ => return None,
            }
        }
        let wrong = |at: Span, why: &str| {
            self.report(Diagnostic::error("WF4010", at, "this retry policy cannot be used").label(why.to_owned()));
            None
        };
        let (first_ms, at) = first.unwrap_or((default.first_ms, span));
        if first_ms <= 0 {
            return wrong(at, "the delay must be positive");
        }
        let (factor_milli, at) = if fixed { (1_000, span) } else { factor.unwrap_or((default.factor_milli, span)) };
        if !(1_000..=FACTOR_MAX_MILLI).contains(&factor_milli) {
            return wrong(at, "the factor must be between 1 and 1000");
        }
        let longest = if fixed { first_ms } else { first_ms.saturating_mul(100) };
        let (max_ms, at) = max.unwrap_or((longest, span));
        if max_ms < first_ms {
            return wrong(at, "shorter than the first delay");
        }
        let (attempts, at) = attempts.unwrap_or((0, span));
        let Ok(attempts) = u32::try_from(attempts) else { return wrong(at, "attempts must not be negative") };
        Some(RetryPolicy { first_ms, factor_milli, max_ms, attempts })
    }
}

fn milli(factor: &str) -> i64 {
    factor.parse::<Decimal>().ok().and_then(|d| (d * Decimal::from(1_000)).to_i64()).unwrap_or(0)
}

/// A `fairness_weight` in thousandths, if it may be one.
pub(crate) fn weight_milli(weight: &str) -> Option<u32> {
    let milli = weight.parse::<Decimal>().ok()?.checked_mul(Decimal::ONE_THOUSAND)?.to_i64()?;
    let fits = FAIRNESS_WEIGHTS_MILLI.contains(&milli);
    u32::try_from(milli).ok().filter(|_| fits)
}

/// WF4010.
pub(crate) fn wrong_weight(span: Span) -> Diagnostic {
    Diagnostic::error("WF4010", span, "`fairness_weight` may be 0.001 to 1000").label("out of bounds")
}
