//! Values known while compiling: literals, constants, defaults, options.

use std::fmt::Write;

use weft_bytecode::options::RetryPolicy;
use weft_bytecode::wire::text;

use crate::types::{Kind, Ty, Types};

/// A compile-time value. An optional that has a value is that value; the type beside it says so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Unit,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Canonical text.
    Decimal(String),
    String(String),
    /// Milliseconds.
    Duration(i64),
    None,
    /// Also a set.
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// Record, tuple or error.
    Fields(Vec<Value>),
    Variant(u16, Vec<Value>),
    Retry(RetryPolicy),
    /// `secret("NAME")`.
    Secret(String),
}

impl Value {
    /// Bytes that it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let parts = |items: &[Value]| items.iter().map(Value::bytes).sum::<usize>();
        size_of::<Value>()
            + match self {
                Value::String(text) | Value::Decimal(text) | Value::Secret(text) => text.len(),
                Value::List(items) | Value::Fields(items) | Value::Variant(_, items) => parts(items),
                Value::Map(pairs) => pairs.iter().map(|(key, value)| key.bytes() + value.bytes()).sum(),
                _ => 0,
            }
    }

    /// The value as JSON, as the API and the log have it.
    pub(crate) fn json(&self, types: &Types, ty: Ty) -> String {
        let mut out = String::new();
        self.write(&mut out, types, ty);
        out
    }

    fn write(&self, out: &mut String, types: &Types, ty: Ty) {
        let kind = types.kind(ty);
        if let (Kind::Option(inner), false) = (&kind, matches!(self, Value::None)) {
            return self.write(out, types, *inner);
        }
        match self {
            Value::Unit | Value::None | Value::Retry(_) | Value::Secret(_) => out.push_str("null"),
            Value::Bool(b) => drop_ok(write!(out, "{b}")),
            Value::Int(n) => drop_ok(write!(out, "{n}")),
            Value::Float(x) => out.push_str(&text::float(*x)),
            Value::Decimal(text) => drop_ok(write!(out, "\"{text}\"")),
            Value::String(text) => string(out, text),
            Value::Duration(ms) => drop_ok(write!(out, "\"{}\"", duration_text(*ms))),
            Value::List(items) => {
                let item = types.element(ty).unwrap_or(Ty::UNKNOWN);
                list(out, items.iter().map(|v| (v, item)), types);
            }
            Value::Fields(items) => match kind {
                Kind::Tuple(tys) => list(out, items.iter().zip(tys.iter().copied()), types),
                _ => {
                    out.push('{');
                    let fields = types.fields(ty).unwrap_or_default();
                    let wire = types.wire_fields(ty);
                    for (n, ((value, (_, ty)), name)) in items.iter().zip(fields).zip(wire).enumerate() {
                        comma(out, n);
                        string(out, &name);
                        out.push(':');
                        value.write(out, types, ty);
                    }
                    out.push('}');
                }
            },
            Value::Map(pairs) => write_map(out, pairs, types, &kind),
            Value::Variant(index, items) => write_variant(out, *index, items, types, &kind),
        }
    }
}

fn write_map(out: &mut String, pairs: &[(Value, Value)], types: &Types, kind: &Kind) {
    let Kind::Map(key_ty, value_ty) = *kind else { return out.push_str("{}") };
    let object = key_ty == Ty::STRING || types.is_plain_enum(key_ty);
    out.push(if object { '{' } else { '[' });
    for (n, (key, value)) in pairs.iter().enumerate() {
        comma(out, n);
        if !object {
            out.push('[');
        }
        key.write(out, types, key_ty);
        out.push(if object { ':' } else { ',' });
        value.write(out, types, value_ty);
        if !object {
            out.push(']');
        }
    }
    out.push(if object { '}' } else { ']' });
}

fn write_variant(out: &mut String, index: u16, items: &[Value], types: &Types, kind: &Kind) {
    let Kind::Enum(id) = kind else { return out.push_str("null") };
    let def = types.def(*id);
    let Some(variant) = def.variants.get(usize::from(index)) else { return out.push_str("null") };
    if items.is_empty() {
        return string(out, variant.wire.own(&variant.name));
    }
    out.push_str("{\"kind\":");
    string(out, variant.wire.own(&variant.name));
    for (n, (value, field)) in items.iter().zip(&variant.fields).enumerate() {
        out.push(',');
        string(out, variant.wire.field(n, &field.name));
        out.push(':');
        value.write(out, types, field.ty);
    }
    out.push('}');
}

fn list<'v>(out: &mut String, items: impl Iterator<Item = (&'v Value, Ty)>, types: &Types) {
    out.push('[');
    for (n, (value, ty)) in items.enumerate() {
        comma(out, n);
        value.write(out, types, ty);
    }
    out.push(']');
}

fn comma(out: &mut String, n: usize) {
    if n > 0 {
        out.push(',');
    }
}

/// Writing to a `String` cannot fail.
fn drop_ok(_: std::fmt::Result) {}

/// A JSON string.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// `1h30m`: largest units first, `w` never.
pub(crate) fn duration_text(ms: i64) -> String {
    if ms == 0 {
        return "0s".into();
    }
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    let mut rest = ms.unsigned_abs();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= size {
            drop_ok(write!(out, "{}{unit}", rest / size));
            rest %= size;
        }
    }
    out
}
