//! Values of a test as the language writes them.

use serde_json::Value;
use weft_bytecode::{Program, Type, TypeId};

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 2_000;

/// A value on the wire as an expression of the language; cut if it is long.
pub(super) fn value(program: &Program, ty: TypeId, value: &Value) -> String {
    let mut out = String::new();
    write(program, ty, value, &mut out);
    match out.char_indices().nth(SHOWN_MAX) {
        Some((cut, _)) => format!("{}…", &out[..cut]),
        None => out,
    }
}

fn write(program: &Program, ty: TypeId, value: &Value, out: &mut String) {
    if out.len() > SHOWN_MAX * 4 {
        return;
    }
    match (program.ty(ty), value) {
        (Type::Unit, _) => out.push_str("()"),
        (_, Value::Null) => out.push_str("none"),
        (Type::Option(inner), value) => write(program, *inner, value, out),
        // These have a spelling of their own.
        (Type::Decimal | Type::Duration | Type::Int | Type::Float, Value::String(text)) => out.push_str(text),
        (Type::List(item) | Type::Set(item), Value::Array(items)) => {
            list(out, "[", "]", items.iter(), |item_value, out| write(program, *item, item_value, out));
        }
        (Type::Tuple(types), Value::Array(items)) => {
            list(out, "(", ")", types.iter().zip(items), |(ty, item), out| write(program, *ty, item, out));
        }
        (Type::Map(_, item), Value::Object(pairs)) if pairs.is_empty() => {
            let _ = item;
            out.push_str("[:]");
        }
        (Type::Map(_, item), Value::Object(pairs)) => {
            list(out, "[", "]", pairs.iter(), |(key, value), out| {
                out.push_str(&format!("{}: ", Value::String(key.clone())));
                write(program, *item, value, out);
            });
        }
        (Type::Record { name, fields }, Value::Object(own)) => {
            let open = name.as_ref().map_or("{ ".to_owned(), |name| format!("{name}("));
            let close = if name.is_some() { ")" } else { " }" };
            fields_of(program, fields, own, &open, close, out);
        }
        (Type::Enum { .. }, Value::String(variant)) => out.push_str(variant),
        (Type::Enum { variants, .. }, Value::Object(own)) => {
            let kind = own.get("kind").and_then(Value::as_str).unwrap_or("?");
            match variants.iter().find(|variant| variant.name == kind) {
                Some(variant) => fields_of(program, &variant.fields, own, &format!("{kind}("), ")", out),
                None => out.push_str(kind),
            }
        }
        (Type::Error { .. } | Type::Failure, Value::Object(own)) => {
            let text = |name: &str| own.get(name).and_then(Value::as_str).unwrap_or("");
            out.push_str(text("type"));
            if !text("message").is_empty() {
                out.push_str(&format!(": {}", text("message")));
            }
        }
        (_, other) => out.push_str(&other.to_string()),
    }
}

fn fields_of(
    program: &Program,
    fields: &[weft_bytecode::Field],
    own: &serde_json::Map<String, Value>,
    open: &str,
    close: &str,
    out: &mut String,
) {
    list(out, open, close, fields.iter(), |field, out| {
        out.push_str(&format!("{}: ", field.name));
        write(program, field.ty, own.get(&field.name).unwrap_or(&Value::Null), out);
    });
}

fn list<T>(
    out: &mut String,
    open: &str,
    close: &str,
    items: impl Iterator<Item = T>,
    mut one: impl FnMut(T, &mut String),
) {
    out.push_str(open);
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push_str(", ");
        }
        one(item, out);
    }
    out.push_str(close);
}
