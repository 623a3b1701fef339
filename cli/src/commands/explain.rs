//! `weft explain`: the page of a diagnostic, as it is in docs/errors.

use serde_json::json;
use weft_compiler::diagnostic;

use crate::args;
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Explain;

use super::Context;

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
    let code = code.to_uppercase();
    let Some(page) = diagnostic::explain(&code) else {
        let failed = Failed::new(Exit::Refused, "unknown_code", format!("there is no diagnostic `{code}`"));
        let failed = match args::nearest(&code, diagnostic::pages().map(|(c, _)| c)) {
            Some(near) => failed.why(format!("did you mean `{near}`?")),
            None => failed,
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
