//! WF0013: characters that a reader does not see, or that show him the text in another order than it is read in.

use super::split::Split;
use crate::diagnostic::{Diagnostic, Fix};
use crate::source::{FileId, Span};

/// How many are told of in one file; who has more has another kind of file.
const TOLD_MAX: usize = 20;

/// One diagnostic for each, in order.
pub(super) fn report(file: FileId, text: &str, split: &Split) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, c) in text.char_indices() {
        let Some(what) = what(c, &text[at + c.len_utf8()..]) else { continue };
        found.push(one(file, text, split, (at, c), what));
        if found.len() == TOLD_MAX {
            break;
        }
    }
    found
}

/// What is wrong with a character, if something is.
fn what(c: char, after: &str) -> Option<&'static str> {
    match c {
        '\n' | '\t' => None,
        '\r' => (!after.starts_with('\n')).then_some("a carriage return without a line end"),
        _ if turns(c) => Some("a sign that turns the direction of text"),
        _ => c.is_control().then_some("a control character"),
    }
}

/// Whether a character shows itself as something else than one sign at its place.
pub(crate) fn is_hidden(c: char) -> bool {
    turns(c) || c.is_control()
}

fn turns(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn one(file: FileId, text: &str, split: &Split, (at, c): (usize, char), what: &str) -> Diagnostic {
    let code = format!("U+{:04X}", u32::from(c));
    let span = Span { file, start: at as u32, end: (at + c.len_utf8()) as u32 };
    let line = &text[text[..at].rfind('\n').map_or(0, |n| n + 1)..at];
    let comments = &split.comments;
    let comment = comments.get(comments.partition_point(|c| c.1 <= at)).is_some_and(|c| c.0 <= at)
        || line.trim_start().starts_with("///");
    // Good enough for an offer: behind an odd number of quotes begins a string that has not ended.
    let quotes = line.replace("\\\"", "").matches('"').count();
    let escape = format!("\\u{{{:x}}}", u32::from(c));
    let (title, put, safe) = match comment {
        true => (format!("remove {code}"), String::new(), true),
        false if quotes % 2 == 1 && !line.contains("\"\"\"") => (format!("write `{escape}`"), escape.clone(), true),
        false => (format!("remove {code}"), String::new(), false),
    };
    let d = Diagnostic::error("WF0013", span, format!("{what}, {code}, cannot stand in a file"))
        .label("not seen, or not where it stands")
        .why("who reads the file would see other code than the compiler does");
    let d = match comment {
        true => d.help("remove it"),
        false => d.help(format!("remove it; where a string needs it, write `{escape}`")),
    };
    d.fix(Fix { title, edits: vec![(span, put)], safe })
}
