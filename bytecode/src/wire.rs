//! JSON against a type (docs/api.md shows each): what is wrong and where, and the one canonical form of what is right.
//! The API and the engine check here without a VM; turning checked JSON into heap values is `vm/src/value.rs`.

pub mod json;
pub mod template;
pub mod text;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use crate::program::Program;
use crate::types::{Field, Type, TypeId, Variant};

/// Levels of lists and objects a value may have, here and in a heap. Readers of JSON elsewhere stop at 128.
pub const DEPTH_MAX: usize = 120;

/// What to do with fields that the type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Refuse them: start, signal and query input, where they are typing mistakes.
    Input,
    /// Ignore them: what activities and older code return.
    Lenient,
}

/// A value that does not have its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}, found {found}", at(path))]
pub struct WireError {
    /// Where: `lines[2].product_id`; empty for the value itself.
    pub path: String,
    /// The type, or what is special about it.
    pub expected: String,
    /// What was there.
    pub found: String,
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("`{path}`: ") }
}

impl WireError {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Box<WireError> {
        Box::new(WireError { path: String::new(), expected: expected.into(), found: found.into() })
    }

    /// The same error, seen from the value that holds the wrong one as `field`.
    fn under(mut self: Box<Self>, field: &str) -> Box<WireError> {
        let plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let head = if plain { field.to_owned() } else { format!("[{}]", Value::from(field)) };
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{head}{dot}{}", self.path);
        self
    }

    /// The same error, seen from the list that holds the wrong value at `index`.
    fn item(mut self: Box<Self>, index: usize) -> Box<WireError> {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }
}

/// Checks a value and gives its canonical form: fields in declaration order with defaults filled in, one spelling of
/// every scalar. Equal values of a type have equal canonical text.
///
/// # Errors
/// The first field that is wrong.
pub fn normalize(
    program: &Program,
    ty: TypeId,
    value: &Value,
    strictness: Strictness,
) -> Result<Value, Box<WireError>> {
    Checker { program, strictness }.value(ty, value, 0)
}

/// As [`normalize`] for the record of a call's parameters, which may be left out altogether (`null`) if none of them
/// has to be given.
///
/// # Errors
/// The first field that is wrong.
pub fn normalize_args(
    program: &Program,
    args: TypeId,
    value: &Value,
    strictness: Strictness,
) -> Result<Value, Box<WireError>> {
    match value {
        Value::Null => normalize(program, args, &Value::Object(Map::new()), strictness),
        _ => normalize(program, args, value, strictness),
    }
}

/// Checks the `details` of an error an activity reports against the fields the error declares (those after `message`
/// and `cause`); `null` stands for no fields.
///
/// # Errors
/// The first field that is wrong.
pub fn normalize_details(program: &Program, error: TypeId, details: &Value) -> Result<Value, Box<WireError>> {
    let own = own_fields(program.fields(error));
    let checker = Checker { program, strictness: Strictness::Lenient };
    match details {
        Value::Null => checker.fields(own, &Map::new(), error, 0).map(Value::Object),
        Value::Object(given) => checker.fields(own, given, error, 0).map(Value::Object),
        other => Err(WireError::new(format!("the fields of {}", program.type_name(error)), describe(other))),
    }
}

/// Whether a map with this type of key is a JSON object: the key is text in JSON and is not one of many spellings.
pub fn is_object_key(program: &Program, key: TypeId) -> bool {
    match program.ty(key) {
        Type::String => true,
        Type::Enum { variants, .. } => variants.iter().all(|v| v.fields.is_empty()),
        _ => false,
    }
}

/// What a field is when it is left out: its default, `null` for an optional; `None` if it must be given.
pub fn default_of(program: &Program, field: &Field) -> Option<Value> {
    match (&field.default, program.ty(field.ty)) {
        (Some(json), _) => serde_json::from_str(json).ok(),
        (None, Type::Option(_) | Type::Unit) => Some(Value::Null),
        (None, _) => None,
    }
}

/// The fields an error declares itself, after the common `message` and `cause`.
pub fn own_fields(fields: &[Field]) -> &[Field] {
    fields.get(2..).unwrap_or(&[])
}

/// A value in a few words, for `found`.
pub fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => format!("the number {}", shortened(number.as_str())),
        Value::String(text) => format!("the text {}", Value::from(shortened(text))),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".into(),
    }
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number by its exact text.
fn number(text: String) -> Value {
    Value::Number(Number::from_string_unchecked(text))
}

struct Checker<'a> {
    program: &'a Program,
    strictness: Strictness,
}

type Checked<T = Value> = Result<T, Box<WireError>>;

impl Checker<'_> {
    fn value(&self, ty: TypeId, value: &Value, depth: usize) -> Checked {
        if depth > DEPTH_MAX {
            return Err(WireError::new(format!("at most {DEPTH_MAX} levels of lists and objects"), "more"));
        }
        let wrong = || WireError::new(self.expected(ty), describe(value));
        let text = || value.as_str().ok_or_else(wrong);
        match self.program.ty(ty) {
            Type::Unit => value.is_null().then_some(Value::Null).ok_or_else(wrong),
            Type::Bool => value.as_bool().map(Value::Bool).ok_or_else(wrong),
            Type::String => text().map(Value::from),
            Type::Int => self.int(value).ok_or_else(wrong),
            Type::Float => float(value).ok_or_else(wrong),
            Type::Decimal => {
                let digits = match value {
                    Value::String(digits) if !digits.contains(['e', 'E']) => digits.as_str(),
                    Value::Number(number) => number.as_str(),
                    _ => return Err(wrong()),
                };
                text::parse_decimal(digits).map(|d| text::decimal(d).into()).ok_or_else(wrong)
            }
            Type::Duration => text::parse_duration(text()?).map(|ms| text::duration(ms).into()).ok_or_else(wrong),
            Type::Time => text::parse_time(text()?).map(|ms| text::time(ms).into()).ok_or_else(wrong),
            Type::Date => text::parse_date(text()?).map(|days| text::date(days).into()).ok_or_else(wrong),
            Type::Bytes => STANDARD.decode(text()?).map(|bytes| STANDARD.encode(bytes).into()).map_err(|_| wrong()),
            Type::Json => self.json(value, depth),
            Type::Option(_) if value.is_null() => Ok(Value::Null),
            Type::Option(inner) => self.value(*inner, value, depth),
            Type::List(item) => self.items(*item, value.as_array().ok_or_else(wrong)?, depth).map(Value::Array),
            Type::Set(item) => self.set(*item, value.as_array().ok_or_else(wrong)?, depth),
            Type::Tuple(types) => {
                let items = value.as_array().filter(|items| items.len() == types.len()).ok_or_else(wrong)?;
                let checked = types.iter().zip(items).enumerate();
                checked.map(|(i, (ty, v))| self.value(*ty, v, depth + 1).map_err(|e| e.item(i))).collect()
            }
            Type::Map(key, item) => self.map(ty, *key, *item, value, depth),
            Type::Record { fields, .. } => {
                let given = value.as_object().ok_or_else(wrong)?;
                self.fields(fields, given, ty, depth).map(Value::Object)
            }
            Type::Enum { variants, .. } => self.variant(ty, variants, value, depth),
            Type::Error { name, .. } => self.failure(Some((ty, name)), value, depth),
            Type::Failure => self.failure(None, value, depth),
            Type::Result(inner) => match value.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next()) {
                Some((key, ok)) if key == "ok" => Ok(single("ok", self.below(*inner, "ok", ok, depth)?)),
                Some((key, failed)) if key == "failed" => {
                    let failure = self.failure(None, failed, depth + 1).map_err(|e| e.under("failed"))?;
                    Ok(single("failed", failure))
                }
                _ => Err(wrong()),
            },
            Type::Run(_) => {
                let given = value.as_object().ok_or_else(wrong)?;
                let field = |name: &str| Field { name: name.into(), ty: crate::types::builtin::STRING, default: None };
                self.fields(&[field("workflow_id"), field("run_id")], given, ty, depth).map(Value::Object)
            }
            Type::Fn(..) => Err(WireError::new("data", "a function")),
        }
    }

    fn below(&self, ty: TypeId, name: &str, value: &Value, depth: usize) -> Checked {
        self.value(ty, value, depth + 1).map_err(|e| e.under(name))
    }

    fn int(&self, value: &Value) -> Option<Value> {
        let Value::Number(given) = value else { return None };
        given.as_str().parse::<i64>().ok().map(Value::from)
    }

    fn items(&self, ty: TypeId, items: &[Value], depth: usize) -> Checked<Vec<Value>> {
        let checked = items.iter().enumerate();
        checked.map(|(i, item)| self.value(ty, item, depth + 1).map_err(|e| e.item(i))).collect()
    }

    fn set(&self, ty: TypeId, items: &[Value], depth: usize) -> Checked {
        let items = self.items(ty, items, depth)?;
        let mut seen = BTreeSet::new();
        for (i, item) in items.iter().enumerate() {
            if !seen.insert(item.to_string()) {
                return Err(WireError::new("each element once", format!("{} again", describe(item))).item(i));
            }
        }
        Ok(Value::Array(items))
    }

    fn map(&self, ty: TypeId, key: TypeId, item: TypeId, value: &Value, depth: usize) -> Checked {
        let wrong = || WireError::new(self.expected(ty), describe(value));
        if is_object_key(self.program, key) {
            let mut out = Map::new();
            for (name, v) in value.as_object().ok_or_else(wrong)? {
                let known = self.value(key, &Value::from(name.as_str()), depth + 1).map_err(|e| e.under(name))?;
                out.insert(known.as_str().unwrap_or(name).to_owned(), self.below(item, name, v, depth)?);
            }
            return Ok(Value::Object(out));
        }
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for (i, entry) in value.as_array().ok_or_else(wrong)?.iter().enumerate() {
            let Some([k, v]) = entry.as_array().map(Vec::as_slice) else {
                return Err(WireError::new("a `[key, value]` pair", describe(entry)).item(i));
            };
            let k = self.value(key, k, depth + 2).map_err(|e| e.item(0).item(i))?;
            let v = self.value(item, v, depth + 2).map_err(|e| e.item(1).item(i))?;
            if !seen.insert(k.to_string()) {
                return Err(WireError::new("each key once", format!("{} again", describe(&k))).item(0).item(i));
            }
            out.push(Value::Array(vec![k, v]));
        }
        Ok(Value::Array(out))
    }

    /// The fields of a record, error or variant, in declaration order.
    fn fields(
        &self,
        fields: &[Field],
        given: &Map<String, Value>,
        ty: TypeId,
        depth: usize,
    ) -> Checked<Map<String, Value>> {
        let unknown = given.keys().find(|name| fields.iter().all(|f| f.name != **name));
        if let (Strictness::Input, Some(unknown)) = (self.strictness, unknown) {
            let names: Vec<_> = fields.iter().map(|f| format!("`{}`", f.name)).collect();
            let expected = match names.is_empty() {
                true => String::from("no fields"),
                false => format!("only the fields {} of {}", names.join(", "), self.program.type_name(ty)),
            };
            return Err(WireError::new(expected, "an unknown field").under(unknown));
        }
        let mut out = Map::new();
        for field in fields {
            let value = match given.get(&field.name) {
                Some(value) => self.below(field.ty, &field.name, value, depth)?,
                None => default_of(self.program, field)
                    .ok_or_else(|| WireError::new(self.expected(field.ty), "nothing").under(&field.name))?,
            };
            out.insert(field.name.clone(), value);
        }
        Ok(out)
    }

    fn variant(&self, ty: TypeId, variants: &[Variant], value: &Value, depth: usize) -> Checked {
        let wrong = || WireError::new(self.expected(ty), describe(value));
        let (kind, given) = match value {
            Value::String(kind) => (kind.as_str(), None),
            Value::Object(given) => (given.get("kind").and_then(Value::as_str).ok_or_else(wrong)?, Some(given)),
            _ => return Err(wrong()),
        };
        let variant = variants.iter().find(|v| v.name == kind).ok_or_else(|| match given {
            Some(_) => WireError::new(self.expected(ty), describe(&Value::from(kind))).under("kind"),
            None => wrong(),
        })?;
        let mut fields = given.cloned().unwrap_or_default();
        fields.shift_remove("kind");
        let fields = self.fields(&variant.fields, &fields, ty, depth)?;
        if variant.fields.is_empty() {
            return Ok(Value::from(kind));
        }
        let mut out = single("kind", kind.into());
        if let Value::Object(out) = &mut out {
            out.extend(fields);
        }
        Ok(out)
    }

    /// A failure as the API writes it. Of a known error type the details have its fields; others are passed on.
    fn failure(&self, wanted: Option<(TypeId, &str)>, value: &Value, depth: usize) -> Checked {
        let given =
            value.as_object().ok_or_else(|| WireError::new("a failure with `type` and `message`", describe(value)))?;
        let kind = match given.get("type") {
            Some(Value::String(kind)) if wanted.is_none_or(|(_, name)| name == kind) => kind.as_str(),
            Some(other) => {
                let expected = wanted.map_or(String::from("the name of an error"), |(_, name)| format!("`{name}`"));
                return Err(WireError::new(expected, describe(other)).under("type"));
            }
            None => return Err(WireError::new("the name of an error", "nothing").under("type")),
        };
        let message = match given.get("message") {
            None | Some(Value::Null) => Value::from(""),
            Some(Value::String(text)) => Value::from(text.as_str()),
            Some(other) => return Err(WireError::new("String", describe(other)).under("message")),
        };
        let declared = match wanted {
            Some((ty, _)) => Some(ty),
            None => error_named(self.program, kind),
        };
        let details = given.get("details").unwrap_or(&Value::Null);
        let details = match (declared, details) {
            (Some(ty), Value::Null) if own_fields(self.program.fields(ty)).is_empty() => Value::Null,
            (Some(ty), details) => normalize_details(self.program, ty, details).map_err(|e| e.under("details"))?,
            (None, details) => self.json(details, depth + 1).map_err(|e| e.under("details"))?,
        };
        let retryable = match given.get("retryable") {
            None | Some(Value::Null) => declared.is_none(),
            Some(Value::Bool(yes)) => *yes,
            Some(other) => return Err(WireError::new("Bool", describe(other)).under("retryable")),
        };
        let cause = match given.get("cause") {
            None | Some(Value::Null) => Value::Null,
            Some(_) if depth > DEPTH_MAX => return Err(WireError::new("fewer nested causes", "more")),
            Some(cause) => self.failure(None, cause, depth + 1).map_err(|e| e.under("cause"))?,
        };
        let mut out = Map::new();
        out.insert("type".into(), kind.into());
        out.insert("message".into(), message);
        if let (true, Value::Object(fields)) = (matches!(kind, "ActivityFailed" | "ChildFailed" | "Timeout"), &details)
        {
            out.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        out.insert("details".into(), details);
        out.insert("retryable".into(), retryable.into());
        out.insert("cause".into(), cause);
        Ok(Value::Object(out))
    }

    fn json(&self, value: &Value, depth: usize) -> Checked {
        if depth > DEPTH_MAX {
            return Err(WireError::new(format!("at most {DEPTH_MAX} levels of lists and objects"), "more"));
        }
        Ok(match value {
            Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
            Value::Number(given) => match given.as_str().parse::<i64>() {
                Ok(whole) => Value::from(whole),
                Err(_) => {
                    float(value).ok_or_else(|| WireError::new("a number within the range of Float", describe(value)))?
                }
            },
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(i, v)| self.json(v, depth + 1).map_err(|e| e.item(i))).collect::<Checked<_>>()?
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                let checked = fields.map(|(k, v)| Ok((k.clone(), self.json(v, depth + 1).map_err(|e| e.under(k))?)));
                Value::Object(checked.collect::<Checked<_>>()?)
            }
        })
    }

    /// The type, with an example where its JSON is not obvious.
    fn expected(&self, ty: TypeId) -> String {
        let name = self.program.type_name(ty);
        match self.program.ty(ty) {
            Type::Unit => "null".into(),
            Type::Int => format!("{name} (a whole number of 64 bits without point or exponent)"),
            Type::Decimal => format!("{name} (\"19.99\", at most 28 digits)"),
            Type::Duration => format!("{name} (\"1h30m\")"),
            Type::Time => format!("{name} (\"2026-06-01T09:00:00Z\")"),
            Type::Date => format!("{name} (\"2026-06-01\")"),
            Type::Bytes => format!("{name} (base64 with padding)"),
            Type::Enum { variants, .. } => {
                let names: Vec<_> = variants.iter().map(|v| format!("`{}`", v.name)).collect();
                format!("{name} ({})", names.join(", "))
            }
            Type::Result(_) => format!("{name} (`ok` or `failed`)"),
            Type::Map(key, _) if !is_object_key(self.program, *key) => format!("{name} (a list of pairs)"),
            _ => name,
        }
    }
}

/// The error type of a name, declared or built in.
pub fn error_named(program: &Program, name: &str) -> Option<TypeId> {
    let index = program.types.iter().position(|ty| matches!(ty, Type::Error { name: n, .. } if n == name))?;
    Some(TypeId(index as u16))
}

fn float(value: &Value) -> Option<Value> {
    let Value::Number(given) = value else { return None };
    let parsed = given.as_str().parse::<f64>().ok().filter(|f| f.is_finite())?;
    Some(number(text::float(parsed)))
}

fn single(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

#[cfg(test)]
mod tests;
