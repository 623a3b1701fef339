//! Text from outside on its way to a terminal. What a program wrote to stderr, a message or an id may hold characters
//! that move the cursor, color what follows or turn the reading direction around: they are shown, not sent.

use std::borrow::Cow;

/// A text of several lines that does nothing to a terminal but fill it: line breaks and tabs stay, other control
/// characters and those that direct reading are spelled out.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

/// The same on one line.
pub(crate) fn safe_line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// A whole view: as [`safe`], and the sequences that color stay where color is wanted.
pub(crate) fn guarded(text: &str, color: bool) -> Cow<'_, str> {
    if !color || !text.contains('\x1b') {
        return safe(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&safe(&rest[..at]));
        let length = color_sequence(&rest[at..]);
        match length {
            Some(length) => out.push_str(&rest[at..at + length]),
            None => out.push_str(&safe("\x1b")),
        }
        rest = &rest[at + length.unwrap_or(1)..];
    }
    out.push_str(&safe(rest));
    Cow::Owned(out)
}

/// Bytes of the sequence a text begins with, if it is one that colors.
fn color_sequence(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\x1b[")?;
    let parameters = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    (rest.as_bytes().get(parameters) == Some(&b'm')).then_some(parameters + 3)
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = |c: char| acts(c) && !stays(c);
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' if escaped(c) => out.extend(c.escape_default()),
            c if escaped(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character does something to a terminal, or to the order in which the ones around it are read.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_spelled_out() {
        assert_eq!(safe("a\x1b[2Jb\rc\u{9b}d\u{7f}"), "a\\u{1b}[2Jb\\rc\\u{9b}d\\u{7f}");
        assert_eq!(safe("\u{202e}txt\u{2069}"), "\\u{202e}txt\\u{2069}");
        assert_eq!(safe("two\n\tlines ünd 日本"), "two\n\tlines ünd 日本");
        assert_eq!(safe_line("two\nlines"), "two\\nlines");
    }

    #[test]
    fn only_colors_stay_and_only_where_wanted() {
        assert_eq!(guarded("\x1b[1;31mred\x1b[0m \x1b]0;x\x07", true), "\x1b[1;31mred\x1b[0m \\u{1b}]0;x\\u{7}");
        assert_eq!(guarded("\x1b[31mred", false), "\\u{1b}[31mred");
        assert_eq!(guarded("end\x1b", true), "end\\u{1b}");
    }
}
