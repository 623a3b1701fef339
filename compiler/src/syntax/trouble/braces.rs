//! Which `{` was never closed? The grammar only knows that one is missing at the end; columns tell which.

use crate::syntax::split;

/// The brace to blame between `start` and `end`, and the `}` that gave it away.
pub(super) fn blame(text: &str, start: usize, end: usize) -> Option<(usize, Option<usize>)> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut first_mismatch = None;
    for (at, opens) in split::braces(&text[start..end]) {
        let at = start + at;
        let (indent, first_on_line) = indent(text, at);
        if opens {
            open.push((at, indent));
            continue;
        }
        let Some(&(opener, opener_indent)) = open.last() else { continue };
        open.pop();
        if first_on_line && indent < opener_indent {
            first_mismatch = first_mismatch.or(Some((opener, Some(at))));
            // It closes the block it stands under; those inside were forgotten.
            while open.last().is_some_and(|o| o.1 > indent) {
                open.pop();
            }
            open.pop();
        }
    }
    first_mismatch.or_else(|| open.last().map(|o| (o.0, None)))
}

/// The indentation of the line of `at`, and whether `at` is the first thing on it.
fn indent(text: &str, at: usize) -> (usize, bool) {
    let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let blanks = text[line..].len() - text[line..].trim_start_matches([' ', '\t']).len();
    (blanks, line + blanks == at)
}
