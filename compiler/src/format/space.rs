//! What stands between two tokens of one line.

use crate::syntax::{Kind, Token};

/// The space between `before` and `after`.
pub(super) fn between(text: &str, before: &Token, after: &Token) -> &'static str {
    let (left, right) = (&text[before.start..before.end], &text[after.start..after.end]);
    if after.kind == Kind::Comment {
        return "  ";
    }
    let tight = match (left, right) {
        ("{", "}") => true,
        ("{", _) | (_, "}") => false,
        ("(" | "[", _) | (_, ")" | "]" | "," | ":" | ";") => true,
        ("," | ";", _) => false,
        // In a pattern, `..` stands for the rest; elsewhere it is a range.
        ("...", _) => true,
        (_, "...") => false,
        (".." | "." | "?." | "@", _) | (_, ".." | "." | "?.") => true,
        (":", _) => false,
        (_, "?") => true,
        _ => {
            before.kind == Kind::Prefix
                || after.kind == Kind::OpenAfter
                || after.kind == Kind::Angle
                || (before.kind == Kind::Angle && left == "<")
        }
    };
    if tight { "" } else { " " }
}
