//! Ours ↔ the protocol's: places, diagnostics, edits. The only file that knows how the protocol counts columns.

use std::ops::Range as Bytes;

use tower_lsp::ls_types::{
    CodeDescription, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Position,
    PositionEncodingKind, Range, TextEdit, Uri,
};
use weft_compiler::{Diagnostic, Severity};

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// Bytes, where the client knows them: nothing is to be converted.
    Utf8,
    /// Units of UTF-16, which every client knows.
    #[default]
    Utf16,
}

impl Encoding {
    /// The best of those that the client offers.
    pub(crate) fn of(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        match offered {
            Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Encoding::Utf8,
            _ => Encoding::Utf16,
        }
    }

    /// As the client is told.
    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }
}

/// Where the lines of a text begin. A line ends with `\n`; a `\r` before it belongs to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines(Vec<u32>);

impl Lines {
    /// Finds the lines of a text.
    pub(crate) fn new(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines(std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect())
    }

    /// The byte of a position. One past the end of its line is that end, one past the last line the end of the text: clients
    /// may send both.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let Some(&start) = self.0.get(position.line as usize) else { return text.len() };
        let start = start as usize;
        let end = self.0.get(position.line as usize + 1).map_or(text.len(), |next| *next as usize - 1);
        let line = text[start..end].strip_suffix('\r').unwrap_or(&text[start..end]);
        let column = position.character as usize;
        let within = match encoding {
            Encoding::Utf8 => floor(line, column),
            Encoding::Utf16 if line.is_ascii() => column.min(line.len()),
            Encoding::Utf16 => {
                let mut units = 0;
                let found = line.char_indices().find(|(_, char)| {
                    let here = units;
                    units += char.len_utf16();
                    here >= column || units > column
                });
                found.map_or(line.len(), |(at, _)| at)
            }
        };
        start + within
    }

    /// The bytes of a range.
    pub(crate) fn range(&self, text: &str, range: Range, encoding: Encoding) -> Bytes<usize> {
        let (start, end) = (self.offset(text, range.start, encoding), self.offset(text, range.end, encoding));
        start.min(end)..end.max(start)
    }

    /// The position of a byte.
    pub(crate) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let offset = floor(text, offset);
        let line = self.0.partition_point(|start| *start as usize <= offset) - 1;
        let before = &text[self.0[line] as usize..offset];
        let column = match encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 if before.is_ascii() => before.len(),
            Encoding::Utf16 => before.chars().map(char::len_utf16).sum(),
        };
        Position { line: line as u32, character: column as u32 }
    }

    /// The range of some bytes.
    pub(crate) fn place(&self, text: &str, bytes: Bytes<usize>, encoding: Encoding) -> Range {
        Range { start: self.position(text, bytes.start, encoding), end: self.position(text, bytes.end, encoding) }
    }
}

/// The last boundary of characters at or before a byte.
pub(crate) fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A text with its lines and how the client counts: what places are converted with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'t> {
    /// The text.
    pub(crate) text: &'t str,
    /// Its lines.
    pub(crate) lines: &'t Lines,
    /// What a column counts.
    pub(crate) encoding: Encoding,
}

impl View<'_> {
    /// The range of a span, which is one of this text.
    pub(crate) fn range(&self, span: weft_compiler::Span) -> Range {
        self.lines.place(self.text, span.start as usize..span.end as usize, self.encoding)
    }

    /// The range of some bytes.
    pub(crate) fn bytes(&self, bytes: Bytes<usize>) -> Range {
        self.lines.place(self.text, bytes, self.encoding)
    }

    /// The byte of a position.
    pub(crate) fn offset(&self, position: Position) -> usize {
        self.lines.offset(self.text, position, self.encoding)
    }
}

/// A diagnostic as the client shows it. `place` says where a span is, in whichever file.
pub(crate) fn diagnostic(
    found: &Diagnostic,
    place: &dyn Fn(weft_compiler::Span) -> Option<(Uri, Range)>,
) -> Option<tower_lsp::ls_types::Diagnostic> {
    let (_, range) = place(found.span)?;
    let mut message = found.message.clone();
    for (head, words) in [("why", &found.why), ("help", &found.help)] {
        if let Some(words) = words {
            message.push_str(&format!("\n{head}: {words}"));
        }
    }
    let related = found.related.iter().filter_map(|(span, words)| {
        let (uri, range) = place(*span)?;
        Some(DiagnosticRelatedInformation { location: Location { uri, range }, message: words.clone() })
    });
    let related: Vec<_> = related.collect();
    let coded = !found.code.is_empty();
    Some(tower_lsp::ls_types::Diagnostic {
        range,
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: coded.then(|| NumberOrString::String(found.code.to_owned())),
        code_description: None::<CodeDescription>,
        source: Some("weft".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: None,
        data: None,
    })
}

/// The edits that make one text another: the lines between the first and the last that differ.
pub(crate) fn rewrite(view: View<'_>, new: &str) -> Vec<TextEdit> {
    let old = view.text;
    if old == new {
        return Vec::new();
    }
    let same = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let common = same(old, new);
    let start = old[..floor(old, common)].rfind('\n').map_or(0, |at| at + 1);
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let tail = old_rest.bytes().rev().zip(new_rest.bytes().rev()).take_while(|(a, b)| a == b).count();
    // The tail begins with a whole line, so that no edit ends inside of one.
    let from = old_rest.len() - tail;
    let tail = old_rest.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(0, |at| tail - at - 1);
    let (old_end, new_end) = (old_rest.len() - tail, new_rest.len() - tail);
    let range = view.bytes(start..start + old_end);
    vec![TextEdit { range, new_text: new_rest[..new_end].to_owned() }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn positions_count_what_was_agreed() {
        let text = "a\u{e4}\u{1f600}b\r\nnext\n";
        let lines = Lines::new(text);
        for (offset, utf16, utf8) in [(0, 0, 0), (1, 1, 1), (3, 2, 3), (7, 4, 7), (8, 5, 8)] {
            assert_eq!(lines.position(text, offset, Encoding::Utf16), at(0, utf16));
            assert_eq!(lines.position(text, offset, Encoding::Utf8), at(0, utf8));
            assert_eq!(lines.offset(text, at(0, utf16), Encoding::Utf16), offset);
            assert_eq!(lines.offset(text, at(0, utf8), Encoding::Utf8), offset);
        }
        assert_eq!(lines.offset(text, at(0, 3), Encoding::Utf16), 3, "the middle of a character is its beginning");
        assert_eq!(lines.offset(text, at(0, 99), Encoding::Utf16), 8, "before the end of the line");
        assert_eq!(lines.offset(text, at(9, 0), Encoding::Utf16), text.len());
        assert_eq!(lines.position(text, text.len(), Encoding::Utf16), at(2, 0));
    }

    #[test]
    fn a_rewrite_touches_the_lines_that_differ() {
        for (old, new) in [
            ("a\nb\nc\n", "a\nB\nc\n"),
            ("a\nb\nc\n", "a\nc\n"),
            ("a\nc\n", "a\nb\nc\n"),
            ("", "a\n"),
            ("a", "a\n"),
            ("a\n\n\nb\n", "a\n\nb\n"),
            ("\u{e4}\n", "\u{e5}\n"),
        ] {
            let lines = Lines::new(old);
            let view = View { text: old, lines: &lines, encoding: Encoding::Utf16 };
            let mut made = old.to_owned();
            for edit in rewrite(view, new) {
                made.replace_range(lines.range(old, edit.range, Encoding::Utf16), &edit.new_text);
                assert_eq!(edit.range.start.character, 0, "{old:?} to {new:?}");
            }
            assert_eq!(made, new);
        }
        let lines = Lines::new("a\nb\nc\n");
        let view = View { text: "a\nb\nc\n", lines: &lines, encoding: Encoding::Utf16 };
        let edits = rewrite(view, "a\nB\nc\n");
        assert_eq!((edits[0].range, edits[0].new_text.as_str()), (Range { start: at(1, 0), end: at(2, 0) }, "B\n"));
    }
}
