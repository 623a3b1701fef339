//! `weft spec`: the language in short, as it is in docs/spec.md.

use serde_json::json;

use crate::exit::{Exit, Outcome};

use super::Context;

/// The language in short.
const SPEC: &str = include_str!("../../../docs/spec.md");

/// Prints the language in under 5,000 tokens.
pub(crate) fn spec(context: &Context) -> Outcome {
    let out = &context.out;
    match out.json {
        true => out.value(&json!({ "edition": "2026", "text": SPEC }))?,
        false => out.data(SPEC)?,
    }
    Ok(Exit::Done)
}
