//! Texts with holes over canonical arguments: workflow ids, URLs, words of a command line.

use std::borrow::Cow;

use serde_json::Value;

use crate::options::{OptionValue, Part, Template};

/// A hole that has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{path}}}` is {found}, which has no place in a text")]
pub struct HoleError {
    /// The path in the braces.
    pub path: String,
    /// What the arguments have there.
    pub found: String,
}

/// The template with its holes filled from canonical arguments; `encode` sees the text of each hole, never the rest.
///
/// # Errors
/// A hole whose value is no scalar.
pub fn fill(
    template: &Template,
    args: &Value,
    encode: impl for<'a> Fn(Cow<'a, str>) -> Cow<'a, str>,
) -> Result<String, HoleError> {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Hole(path) => out.push_str(&encode(scalar(lookup(args, path), path)?)),
        }
    }
    Ok(out)
}

/// The template with its holes as they are.
///
/// # Errors
/// A hole whose value is no scalar.
pub fn render(template: &Template, args: &Value) -> Result<String, HoleError> {
    fill(template, args, |text| text)
}

/// Why an option has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The program holds what is no JSON.
    #[error("an option of the program is not JSON: {0}")]
    NoJson(String),
    /// A text in it.
    #[error("an option cannot be filled: {0}")]
    Hole(#[from] HoleError),
}

/// The value of an option over canonical arguments; `secret` says what a secret is.
///
/// # Errors
/// An [`OptionError`], in the words of whoever asks, or what `secret` says.
pub fn evaluate<E>(
    option: &OptionValue,
    args: &Value,
    wrong: &dyn Fn(OptionError) -> E,
    secret: &dyn Fn(&str) -> Result<Value, E>,
) -> Result<Value, E> {
    let inner = |value| evaluate(value, args, wrong, secret);
    Ok(match option {
        OptionValue::Json(text) => serde_json::from_str(text).map_err(|e| wrong(OptionError::NoJson(e.to_string())))?,
        OptionValue::Param(path) => lookup(args, path).cloned().unwrap_or(Value::Null),
        OptionValue::Template(text) => render(text, args).map_err(|hole| wrong(hole.into()))?.into(),
        OptionValue::Secret(name) => secret(name)?,
        OptionValue::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), inner(value)?)));
            Value::Object(fields.collect::<Result<_, E>>()?)
        }
        OptionValue::List(items) => Value::Array(items.iter().map(inner).collect::<Result<_, E>>()?),
    })
}

/// The argument at a path; `None` if there is none, as behind a `none`.
pub fn lookup<'a>(args: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(args, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })
}

fn scalar<'a>(value: Option<&'a Value>, path: &[String]) -> Result<Cow<'a, str>, HoleError> {
    match value {
        Some(Value::String(text)) => Ok(Cow::Borrowed(text)),
        Some(Value::Number(number)) => Ok(Cow::Borrowed(number.as_str())),
        Some(Value::Bool(yes)) => Ok(Cow::Borrowed(if *yes { "true" } else { "false" })),
        None | Some(Value::Null) => Err(HoleError { path: path.join("."), found: "none".into() }),
        Some(other) => Err(HoleError { path: path.join("."), found: super::describe(other) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        let mut parts = Vec::new();
        for (i, piece) in text.split(['{', '}']).enumerate() {
            parts.push(match i % 2 {
                0 => Part::Text(piece.into()),
                _ => Part::Hole(piece.split('.').map(String::from).collect()),
            });
        }
        Template { parts }
    }

    #[test]
    fn holes_take_scalars_at_paths() {
        let args = serde_json::json!({"id": "a b", "line": {"n": 7, "ok": true, "none": null}, "list": [1, 2]});
        for (text, expected) in [
            ("order-{id}", Ok("order-a b")),
            ("{line.n}/{line.ok}", Ok("7/true")),
            ("{list.1}", Ok("2")),
            ("{line.none}", Err("`{line.none}` is none, which has no place in a text")),
            ("{missing.deep}", Err("`{missing.deep}` is none, which has no place in a text")),
            ("{list}", Err("`{list}` is a list of 2, which has no place in a text")),
        ] {
            let got = render(&template(text), &args).map_err(|e| e.to_string());
            assert_eq!(got, expected.map(String::from).map_err(String::from), "{text}");
        }
        let encoded = fill(&template("x y/{id}"), &args, |text| Cow::Owned(text.replace(' ', "%20")));
        assert_eq!(encoded.as_deref(), Ok("x y/a%20b"));
    }
}
