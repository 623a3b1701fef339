//! Source files and places in them.

use std::ops::Range;

/// Index of a file in the project being compiled; the same number as in `Program::sources`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// Bytes `start..end` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of one to the end of another span of the same file.
    pub fn to(self, end: Span) -> Span {
        Span { end: end.end.max(self.start), ..self }
    }
}

/// Many places, of which it is asked whether one of them holds another.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// File and start of each, in order, with the largest end in that file up to here.
    sorted: Vec<(FileId, u32, u32)>,
}

impl Places {
    /// Whether one of the places has all of a span in it.
    pub(crate) fn hold(&self, span: Span) -> bool {
        let before = self.sorted.partition_point(|(file, start, _)| (*file, *start) <= (span.file, span.start));
        let last = before.checked_sub(1).map(|last| self.sorted[last]);
        last.is_some_and(|(file, _, end)| file == span.file && end >= span.end)
    }
}

impl FromIterator<Span> for Places {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Places {
        let mut sorted: Vec<_> = spans.into_iter().map(|span| (span.file, span.start, span.end)).collect();
        sorted.sort_unstable();
        sorted.dedup();
        for n in 1..sorted.len() {
            if sorted[n].0 == sorted[n - 1].0 {
                sorted[n].2 = sorted[n].2.max(sorted[n - 1].2);
            }
        }
        Places { sorted }
    }
}

/// A source file as given to the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path relative to the project folder, with `/`.
    pub path: String,
    /// UTF-8 text.
    pub text: String,
}

/// Where the lines of a text begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<u32>,
    /// Characters before each [`CHARS_STEP`]th byte; none where each is a byte.
    chars: Vec<u32>,
}

/// Bytes that are looked at, at most, to know the column of a place in a long line.
const CHARS_STEP: usize = 256;

impl Lines {
    /// Finds the lines of a text.
    pub fn new(text: &str) -> Lines {
        let mut starts = vec![0];
        starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(n, _)| n as u32 + 1));
        let mut chars = Vec::new();
        if !text.is_ascii() {
            let mut before = 0;
            for step in text.as_bytes().chunks(CHARS_STEP) {
                chars.push(before);
                before += self::chars(step) as u32;
            }
        }
        Lines { starts, chars }
    }

    /// Line and column of a byte, both from 1; the column in characters.
    pub fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let (line, offset) = self.line_of(text, offset);
        let start = self.starts[line - 1] as usize;
        (line, self.chars_before(text, offset) - self.chars_before(text, start) + 1)
    }

    /// Where the line begins that is some lines above that of a byte, and how many lines are before it.
    pub(crate) fn above(&self, text: &str, offset: usize, lines: usize) -> (usize, usize) {
        let line = (self.line_of(text, offset).0 - 1).saturating_sub(lines);
        (self.starts[line] as usize, line)
    }

    /// Where the line ends that is some lines below that of a byte.
    pub(crate) fn end_below(&self, text: &str, offset: usize, lines: usize) -> usize {
        self.end_of(text, self.line_of(text, offset).0 + lines)
    }

    /// The lines of a place, from the beginning of the first to the end of the last.
    pub(crate) fn around(&self, text: &str, start: usize, end: usize) -> Range<usize> {
        self.above(text, start, 0).0..self.end_below(text, end, 0)
    }

    /// Bytes of the longest line of a place and of some above and below it.
    pub(crate) fn longest(&self, text: &str, start: usize, end: usize, above: usize, below: usize) -> usize {
        let first = self.line_of(text, start).0.saturating_sub(above).max(1);
        let last = (self.line_of(text, end.saturating_sub(1).max(start)).0 + below).min(self.starts.len());
        (first..=last).map(|line| self.end_of(text, line) - self.starts[line - 1] as usize).max().unwrap_or(0)
    }

    /// The text of a line, counted from 1, without its end; empty past the last.
    pub fn line<'t>(&self, text: &'t str, line: usize) -> &'t str {
        let Some(&start) = line.checked_sub(1).and_then(|n| self.starts.get(n)) else { return "" };
        text[start as usize..self.end_of(text, line)].trim_end_matches('\r')
    }

    /// Where a line ends, counted from 1.
    fn end_of(&self, text: &str, line: usize) -> usize {
        self.starts.get(line).map_or(text.len(), |&s| s as usize - 1)
    }

    /// The line of a byte, from 1, and where its character begins.
    fn line_of(&self, text: &str, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        (self.starts.partition_point(|&s| s as usize <= offset), offset)
    }

    fn chars_before(&self, text: &str, offset: usize) -> usize {
        let Some(&before) = self.chars.get(offset / CHARS_STEP) else {
            // All is ASCII, or the text ends where a step would begin.
            return match self.chars.last() {
                None => offset,
                Some(&before) => before as usize + chars(&text.as_bytes()[(self.chars.len() - 1) * CHARS_STEP..offset]),
            };
        };
        before as usize + chars(&text.as_bytes()[offset - offset % CHARS_STEP..offset])
    }
}

fn chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| begins_char(**b)).count()
}

/// Whether a byte of UTF-8 is the first of its character.
fn begins_char(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}
