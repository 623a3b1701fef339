//! `key=value` arguments, typed by the signature, or a whole JSON object from `--input`.

use std::io::Read;

use serde_json::{Map, Value};
use weft_bytecode::near::near;
use weft_bytecode::wire::json;
use weft_protocol::api::{ParamSignature, TextForm};

use crate::exit::Failed;

/// Bytes read from `--input` at most; a server refuses more than its `request_bytes_max` anyway.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// What the arguments are for, in words of the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct For<'a> {
    /// `workflow`, `signal`, `query` or `update`.
    pub(crate) kind: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

/// The arguments as the object that the API takes.
///
/// # Errors
/// A missing, unknown, repeated or unreadable argument, with the list of what there is.
pub(crate) fn read(
    what: For<'_>,
    params: &[ParamSignature],
    pairs: &[String],
    input: Option<&str>,
) -> Result<Value, Failed> {
    match input {
        Some(_) if !pairs.is_empty() => {
            Err(Failed::usage("arguments are given twice, as key=value and by --input").help("use one of the two"))
        }
        Some(input) => read_input(input),
        None => from_pairs(what, params, pairs),
    }
}

fn read_input(input: &str) -> Result<Value, Failed> {
    let mut bytes = Vec::new();
    let read = if input == "-" {
        std::io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(input).and_then(|file| file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    let name = if input == "-" { "stdin" } else { input };
    read.map_err(|e| Failed::io(format!("cannot read the arguments from {name}"), &e))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(Failed::usage(format!("the arguments in {name} are longer than {INPUT_BYTES_MAX} bytes")));
    }
    let value = json::parse(&bytes)
        .map_err(|e| Failed::usage(format!("the arguments in {name} cannot be read")).why(e.to_string()))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Failed::usage(format!("the arguments in {name} are not a JSON object"))
            .help(r#"parameters go by name: {"order_id": "7"}"#))
    }
}

fn from_pairs(what: For<'_>, params: &[ParamSignature], pairs: &[String]) -> Result<Value, Failed> {
    let mut given: Vec<(&str, &str)> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            return Err(Failed::usage(format!("`{pair}` is not an argument: expected key=value"))
                .help(expectation(what, params)));
        };
        if given.iter().any(|(k, _)| *k == key) {
            return Err(Failed::usage(format!("the argument `{key}` is given twice")));
        }
        given.push((key, text));
    }
    // The only parameter is a record and no key names it: the keys are its fields.
    let inner = match params {
        [only] if !only.fields.is_empty() && !given.is_empty() && given.iter().all(|(k, _)| *k != only.name) => {
            Some(only)
        }
        _ => None,
    };
    let known = inner.map_or(params, |p| p.fields.as_slice());
    let mut object = Map::new();
    for (key, text) in given {
        let Some(param) = known.iter().find(|p| p.name == key) else {
            return Err(unknown(what, params, known, key));
        };
        object.insert(key.to_owned(), read_text(param, text)?);
    }
    if let Some(lacking) = known.iter().find(|p| p.required && !object.contains_key(&p.name)) {
        let failed = Failed::usage(format!("{} `{}` needs `{}: {}`", what.kind, what.name, lacking.name, lacking.ty));
        return Err(failed.help(expectation(what, params)));
    }
    Ok(match inner {
        Some(param) => Value::Object(Map::from_iter([(param.name.clone(), Value::Object(object))])),
        None => Value::Object(object),
    })
}

fn read_text(param: &ParamSignature, text: &str) -> Result<Value, Failed> {
    match param.form {
        TextForm::Text => Ok(Value::String(text.to_owned())),
        TextForm::Json => json::parse(text.as_bytes()).map_err(|e| {
            let failed = Failed::usage(format!("`{}={text}`: expected {}", param.name, param.ty));
            let failed = failed.at(format!("args.{}", param.name));
            match param.ty.trim_end_matches('?') {
                // What the JSON reader says of a word that is no JSON says nothing about these.
                "Int" | "Float" | "Bool" => failed.help(format!("such as {}", example(param))),
                "Json" => {
                    let quoted = format!("'{}={}'", param.name, Value::String(text.to_owned()));
                    failed.why(e.to_string()).help(format!("a text in JSON has quotes: {quoted}"))
                }
                _ => failed.why(format!("it is no JSON: {e}")).help(format!("such as {}", example(param))),
            }
        }),
    }
}

fn unknown(what: For<'_>, params: &[ParamSignature], known: &[ParamSignature], key: &str) -> Failed {
    let failed = Failed::usage(format!("{} `{}` has no parameter `{key}`", what.kind, what.name));
    let failed = match near(key, known.iter().map(|p| p.name.as_str())) {
        Some(near) => failed.why(format!("did you mean `{near}`?")),
        None => failed,
    };
    failed.help(expectation(what, params))
}

/// The list of what may be given.
fn expectation(what: For<'_>, params: &[ParamSignature]) -> String {
    if params.is_empty() {
        return format!("{} `{}` takes no arguments", what.kind, what.name);
    }
    let known = match params {
        [only] if !only.fields.is_empty() => only.fields.as_slice(),
        all => all,
    };
    let list: Vec<String> = known.iter().map(listed).collect();
    format!("{} `{}` takes {}", what.kind, what.name, list.join(" "))
}

fn listed(param: &ParamSignature) -> String {
    if param.required { format!("{}=<{}>", param.name, param.ty) } else { format!("[{}=<{}>]", param.name, param.ty) }
}

/// An example of what a person could type for a parameter.
fn example(param: &ParamSignature) -> String {
    let ty = param.ty.trim_end_matches('?');
    let text = match ty {
        "Bool" => "true",
        "Int" | "Decimal" => "1",
        "Float" => "1.0",
        "Duration" => "1h",
        "Date" => "2026-06-01",
        "Time" => "2026-06-01T09:00:00Z",
        "String" => "text",
        _ if ty.starts_with("List<") || ty.starts_with("Set<") => "[]",
        _ if ty.starts_with("Map<") || !param.fields.is_empty() => "{}",
        _ => "…",
    };
    let quoted = if text.contains(['[', '{']) { format!("'{text}'") } else { text.to_owned() };
    format!("{}={quoted}", param.name)
}

/// The arguments of a message as a person could type them.
pub(crate) fn examples(params: &[ParamSignature]) -> String {
    let known = match params {
        [only] if !only.fields.is_empty() => only.fields.as_slice(),
        all => all,
    };
    known.iter().filter(|p| p.required).map(|p| format!(" {}", example(p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn param(name: &str, ty: &str, form: TextForm) -> ParamSignature {
        ParamSignature { name: name.into(), ty: ty.into(), required: true, form, fields: Vec::new() }
    }

    fn order() -> Vec<ParamSignature> {
        let mut note = param("note", "String?", TextForm::Text);
        note.required = false;
        vec![param("order_id", "String", TextForm::Text), param("cents", "Int", TextForm::Json), note]
    }

    fn decision() -> Vec<ParamSignature> {
        let fields = vec![param("approved", "Bool", TextForm::Json), param("by", "String", TextForm::Text)];
        vec![ParamSignature { fields, ..param("d", "Decision", TextForm::Json) }]
    }

    fn pairs(params: &[ParamSignature], pairs: &[&str]) -> Result<Value, Failed> {
        let pairs: Vec<String> = pairs.iter().map(|p| (*p).to_owned()).collect();
        read(For { kind: "workflow", name: "order" }, params, &pairs, None)
    }

    #[test]
    fn the_signature_decides_how_a_text_is_read() {
        assert_eq!(pairs(&order(), &["order_id=7", "cents=1200"]).unwrap(), json!({"order_id": "7", "cents": 1200}));
        let text = pairs(&order(), &["order_id=a=b \"c\"", "cents=1"]).unwrap();
        assert_eq!(text["order_id"], "a=b \"c\"");
        let big = pairs(&order(), &["order_id=7", "cents=9223372036854775807"]).unwrap();
        assert_eq!(big["cents"].to_string(), "9223372036854775807");
    }

    #[test]
    fn fields_of_an_only_record_may_be_given() {
        let want = json!({"d": {"approved": true, "by": "bob"}});
        assert_eq!(pairs(&decision(), &["approved=true", "by=bob"]).unwrap(), want);
        assert_eq!(pairs(&decision(), &[r#"d={"approved":true,"by":"bob"}"#]).unwrap(), want);
    }

    #[test]
    fn mistakes_are_answered_with_what_there_is() {
        let failed = pairs(&order(), &["order_id=7", "cent=1"]).unwrap_err();
        assert_eq!(failed.what, "workflow `order` has no parameter `cent`");
        assert_eq!(failed.why.as_deref(), Some("did you mean `cents`?"));
        let list = "workflow `order` takes order_id=<String> cents=<Int> [note=<String?>]";
        assert_eq!(failed.help.as_deref(), Some(list));
        assert_eq!(pairs(&order(), &["order_id=7"]).unwrap_err().what, "workflow `order` needs `cents: Int`");
        assert!(pairs(&order(), &["order_id=7", "cents=x"]).unwrap_err().what.contains("expected Int"));
        assert!(pairs(&order(), &["order_id"]).unwrap_err().what.contains("expected key=value"));
        assert!(pairs(&order(), &["cents=1", "cents=2"]).unwrap_err().what.contains("twice"));
    }

    #[test]
    fn examples_can_be_typed() {
        assert_eq!(examples(&decision()), " approved=true by=text");
        assert_eq!(examples(&order()), " order_id=text cents=1");
    }
}
