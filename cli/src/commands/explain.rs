//! `weft explain`: the page of a diagnostic, as it is in docs/errors.

use serde_json::json;
use weft_compiler::diagnostic;

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Explain;

use super::Context;

/// Codes that are suggested for one that does not exist.
const NEAR_MAX: usize = 3;

/// Prints what a diagnostic means, or the list of all.
pub(crate) fn explain(context: &Context, options: &Explain) -> Outcome {
    let out = &context.out;
    let Some(code) = &options.code else {
        for (code, page) in diagnostic::pages() {
            match out.json {
                true => out.value(&json!({ "code": code, "title": title(page) }))?,
                false => out.line(&format!("{code}  {}", title(page)))?,
            }
        }
        return Ok(Exit::Done);
    };
    // `1001` is enough.
    let code = match code.chars().all(|c| c.is_ascii_digit()) {
        true => format!("WF{code:0>4}"),
        false => code.to_uppercase(),
    };
    let Some(page) = diagnostic::explain(&code) else {
        let failed = Failed::new(Exit::Refused, "unknown_code", format!("there is no diagnostic `{code}`"));
        // One letter or digit is a slip; two, another code altogether.
        let near = diagnostic::pages().filter(|(known, _)| strsim::damerau_levenshtein(known, &code) == 1);
        let near: Vec<String> = near.take(NEAR_MAX).map(|(known, _)| format!("`{known}`")).collect();
        let failed = match near.as_slice() {
            [] => failed,
            near => failed.why(format!("did you mean {}?", near.join(" or "))),
        };
        return Err(failed.help("`weft explain` lists all"));
    };
    match out.json {
        true => out.value(&json!({ "code": code, "title": title(page), "text": page }))?,
        false => out.data(page)?,
    }
    Ok(Exit::Done)
}

/// The first line without its mark and code.
fn title(page: &str) -> &str {
    let line = page.lines().next().unwrap_or("").trim_start_matches('#').trim();
    line.split_once(':').map_or(line, |(_, title)| title.trim())
}
