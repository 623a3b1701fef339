//! Places in the text: the end of the token before, the token after, the line.

use crate::source::{FileId, Lines, Span};

/// A file's text with its comments, for walking over what is no token.
pub(super) struct Places<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    /// Comments as byte ranges, in order.
    pub(super) comments: &'a [(usize, usize)],
    lines: &'a Lines,
    /// The last answer of `trim`: nested nodes mostly end at the same place.
    last: (usize, usize),
}

impl<'a> Places<'a> {
    pub(super) fn new(file: FileId, text: &'a str, comments: &'a [(usize, usize)], lines: &'a Lines) -> Places<'a> {
        Places { file, text, comments, lines, last: (usize::MAX, 0) }
    }

    /// A span of this file.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        // A file longer than 4 GiB was refused before.
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    /// Walks back over white space and comments, to the end of the token before, but not past `start`.
    pub(super) fn trim(&mut self, end: usize, start: usize) -> usize {
        if self.last.0 == end && self.last.1 >= start {
            return self.last.1;
        }
        let bytes = self.text.as_bytes();
        let mut at = end;
        while at > start {
            if bytes[at - 1].is_ascii_whitespace() {
                at -= 1;
                continue;
            }
            let n = self.comments.partition_point(|c| c.0 < at);
            match n.checked_sub(1).map(|n| self.comments[n]) {
                Some(c) if at <= c.1 => at = c.0.max(start),
                _ => break,
            }
        }
        self.last = (end, at);
        at
    }

    /// The first byte of the token at or after `at`.
    pub(super) fn next_token(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        loop {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            let n = self.comments.partition_point(|c| c.0 < at);
            match self.comments.get(n) {
                Some(c) if c.0 == at => at = c.1,
                _ => return at,
            }
        }
    }

    /// Where the line of `at` begins.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.lines.above(self.text, at, 0).0
    }
}
