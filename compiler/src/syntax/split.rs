//! Text → items: a declaration word in column 0 begins one. Plain and fast, so that only items whose text changed
//! need the grammar, and so that a mistake in one item never reaches the next.

use super::NESTING_MAX;
use super::ast::Lost;
use crate::source::{FileId, Span};

/// Words that cannot be names: in column 0 they begin an item whatever follows, unless they label something.
const HARD: &[&str] = &["activity", "workflow", "record", "enum", "fn", "flow"];
/// Words that may also be names: what follows must look like a declaration.
const SOFT: &[&str] = &["import", "default", "schedule", "test", "pub", "const", "type", "error"];
/// Words of other languages that begin what is an item here.
const FOREIGN: &[&str] = &["function", "func", "fun", "def", "struct", "interface", "class"];
/// Words that other languages put before a declaration.
const MODIFIERS: &[&str] = &["async", "export", "public", "private", "static"];

/// A piece of the file that holds (usually) one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// Deepest nesting of brackets, and where it was first reached.
    pub(super) depth: usize,
    /// Place of the deepest bracket.
    pub(super) deepest: usize,
}

impl Chunk {
    /// The whole piece as lost, with what it declared unknown.
    pub(super) fn lost(&self, file: FileId) -> Lost {
        Lost { span: Span { file, start: self.start as u32, end: self.end as u32 }, names: Vec::new(), scope: None }
    }
}

/// The file in pieces.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// Pieces in order; together they cover the file but for what precedes the first token.
    pub(super) chunks: Vec<Chunk>,
    /// `//` comments (not `///`) in order, as byte ranges without the line end.
    pub(super) comments: Vec<(usize, usize)>,
}

impl Split {
    /// The comments inside a piece.
    pub(super) fn comments_of(&self, chunk: &Chunk) -> &[(usize, usize)] {
        let from = self.comments.partition_point(|c| c.1 <= chunk.start);
        let to = self.comments.partition_point(|c| c.0 < chunk.end);
        &self.comments[from..to]
    }
}

/// Cuts a file into items.
pub(super) fn split(text: &str) -> Split {
    let mut scan = Scan::new(text);
    scan.run();
    if let Some(open) = scan.open_triple() {
        // A `"""` that nothing closes would swallow the rest of the file: let it end at the next declaration.
        scan = Scan::new(text);
        scan.unclosed = Some(open);
        scan.run();
    }
    scan.finish()
}

/// The braces of a piece in order: where, and whether it opens. Those in strings and comments are none.
pub(super) fn braces(text: &str) -> Vec<(usize, bool)> {
    let mut scan = Scan::new(text);
    scan.trace = Some(Vec::new());
    while scan.at < text.len() {
        scan.token();
    }
    scan.trace.unwrap_or_default()
}

struct Scan<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Where the text begins, after a byte order mark.
    first: usize,
    split: Split,
    /// Start of the piece being read.
    start: usize,
    depth: usize,
    deepest: usize,
    /// What is open: `(`, `[`, `{`, a hole of a string (`"`) or of a `"""` string (`t`).
    open: Vec<u8>,
    /// Where each open `"""` string began.
    triples: Vec<usize>,
    /// A `"""` known to have no end.
    unclosed: Option<usize>,
    /// Annotations and doc comments before this place are already known not to begin an item.
    no_prefix_before: usize,
    seen_token: bool,
    /// Whether no `/*` from here on is closed.
    unclosed_comments: bool,
    /// Braces seen, if somebody asked.
    trace: Option<Vec<(usize, bool)>>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Scan<'t> {
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Scan {
            text,
            bytes: text.as_bytes(),
            at: start,
            first: start,
            split: Split::default(),
            start,
            depth: 0,
            deepest: start,
            open: Vec::new(),
            triples: Vec::new(),
            unclosed: None,
            no_prefix_before: 0,
            seen_token: false,
            unclosed_comments: false,
            trace: None,
        }
    }

    fn open_triple(&self) -> Option<usize> {
        self.triples.first().copied()
    }

    /// Reads to the end.
    fn run(&mut self) {
        while self.at < self.bytes.len() {
            let may_begin = self.in_column_0() || self.is_indented_prefix();
            if may_begin && (self.triples.is_empty() || self.in_unclosed()) && self.begins_item() {
                self.cut();
                continue;
            }
            self.token();
        }
    }

    fn in_column_0(&self) -> bool {
        self.at == self.first || self.bytes[self.at - 1] == b'\n'
    }

    /// Whether an annotation or doc comment begins a line that is indented although nothing is open: it belongs to the
    /// declaration below, not to the one above.
    fn is_indented_prefix(&self) -> bool {
        if !matches!(self.bytes[self.at], b'@' | b'/') || !self.open.is_empty() {
            return false;
        }
        let before = self.text[self.first..self.at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n')
    }

    /// One token, comment or space in code.
    fn token(&mut self) {
        let b = self.bytes[self.at];
        match b {
            b' ' | b'\t' | b'\r' | b'\n' => {
                self.at += 1;
                return;
            }
            b'/' if self.bytes[self.at..].starts_with(b"//") => {
                let end = line_end(self.bytes, self.at);
                let doc =
                    self.bytes[self.at..end].starts_with(b"///") && !self.bytes[self.at..end].starts_with(b"////");
                if doc {
                    self.seen_token = true;
                } else {
                    self.split.comments.push((self.at, end));
                }
                self.at = end;
                return;
            }
            b'/' if self.bytes[self.at..].starts_with(b"/*") => {
                // Another language's comment: reported by the grammar, but nothing in it is an item.
                let close = if self.unclosed_comments { None } else { self.text[self.at..].find("*/") };
                self.unclosed_comments = close.is_none();
                self.at = close.map_or_else(|| line_end(self.bytes, self.at), |n| self.at + n + 2);
            }
            b'#' => self.at = line_end(self.bytes, self.at),
            b'"' => {
                if self.bytes[self.at..].starts_with(b"\"\"\"") {
                    self.triples.push(self.at);
                    self.at += 3;
                    self.text_until(true);
                } else {
                    self.at += 1;
                    self.text_until(false);
                }
            }
            b'(' | b'[' | b'{' => self.push(b),
            b')' | b']' => self.close(if b == b')' { b'(' } else { b'[' }),
            b'}' => self.close_brace(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => self.at = word_end(self.bytes, self.at),
            _ => self.at += 1,
        }
        self.seen_token = true;
    }

    fn push(&mut self, what: u8) {
        if what == b'{'
            && let Some(trace) = &mut self.trace
        {
            trace.push((self.at, true));
        }
        // Deeper than this the item is refused anyway; where its brackets close does not matter then.
        if self.open.len() > 2 * NESTING_MAX {
            self.at += 1;
            return;
        }
        self.open.push(what);
        if self.open.len() > self.depth {
            self.depth = self.open.len();
            self.deepest = self.at;
        }
        self.at += 1;
    }

    /// `)` or `]`: closes the nearest one of its kind inside the innermost brace.
    fn close(&mut self, opener: u8) {
        self.at += 1;
        for n in (0..self.open.len()).rev() {
            match self.open[n] {
                o if o == opener => return self.open.truncate(n),
                b'{' | b'"' | b't' => return,
                _ => {}
            }
        }
    }

    /// `}`: closes the innermost brace, or ends a hole and goes on with its string.
    fn close_brace(&mut self) {
        self.at += 1;
        let Some(n) = self.open.iter().rposition(|&o| matches!(o, b'{' | b'"' | b't')) else { return };
        let was = self.open[n];
        if was == b'{'
            && let Some(trace) = &mut self.trace
        {
            trace.push((self.at - 1, false));
        }
        self.open.truncate(n);
        match was {
            b'"' => self.text_until(false),
            b't' => self.text_until(true),
            _ => {}
        }
    }

    /// The text of a string up to its end or its next hole.
    fn text_until(&mut self, triple: bool) {
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                b'{' if self.bytes.get(self.at + 1) == Some(&b'{') => self.at += 2,
                b'{' => return self.push(if triple { b't' } else { b'"' }),
                b'"' if !triple => return self.at += 1,
                b'"' if self.bytes[self.at..].starts_with(b"\"\"\"") => {
                    self.at += 3;
                    self.triples.pop();
                    return;
                }
                b'\n' if !triple => return,
                b'\n' => {
                    self.at += 1;
                    if self.at < self.bytes.len() && self.in_unclosed() && self.begins_item() {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Whether the text being read belongs to the `"""` that has no end.
    fn in_unclosed(&self) -> bool {
        self.unclosed.is_some() && self.triples.first().copied() == self.unclosed
    }

    /// Whether an item begins here, where one may.
    fn begins_item(&mut self) -> bool {
        match self.bytes[self.at] {
            b'@' | b'/' => self.prefix_then_item(),
            b'a'..=b'z' => declares(self.text, self.at, self.open.is_empty()),
            _ => false,
        }
    }

    /// Whether the annotations and doc comments here stand above a declaration.
    fn prefix_then_item(&mut self) -> bool {
        if self.at < self.no_prefix_before {
            return false;
        }
        let mut at = self.at;
        let mut any = false;
        loop {
            match self.bytes.get(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'/') if self.bytes[at..].starts_with(b"//") => {
                    let end = line_end(self.bytes, at);
                    any |= self.bytes[at..end].starts_with(b"///") && !self.bytes[at..end].starts_with(b"////");
                    if !any {
                        return false;
                    }
                    at = end;
                }
                Some(b'@') => {
                    any = true;
                    at = word_end(self.bytes, at + 1);
                    if self.bytes.get(at) == Some(&b'(') {
                        at = annotation_end(self.bytes, at);
                    }
                }
                Some(b'a'..=b'z') if any => {
                    let yes = declares(self.text, at, self.open.is_empty());
                    self.no_prefix_before = at;
                    return yes;
                }
                _ => {
                    self.no_prefix_before = at;
                    return false;
                }
            }
        }
    }

    /// Ends the piece being read and steps over the beginning of the item that starts here.
    fn cut(&mut self) {
        self.end_piece();
        self.start = self.at;
        self.seen_token = true;
        // Over doc comments, annotations and the declaration word, so that it is not found again.
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'/') => {
                    let end = line_end(self.bytes, self.at);
                    if !self.bytes[self.at..].starts_with(b"///") {
                        self.split.comments.push((self.at, end));
                    }
                    self.at = end;
                }
                Some(b'@') => {
                    self.at = word_end(self.bytes, self.at + 1);
                    if self.bytes.get(self.at) == Some(&b'(') {
                        self.at = annotation_end(self.bytes, self.at);
                    }
                }
                _ => break,
            }
        }
        self.at = word_end(self.bytes, self.at);
    }

    fn end_piece(&mut self) {
        if self.seen_token && self.at > self.start {
            self.split.chunks.push(Chunk { start: self.start, end: self.at, depth: self.depth, deepest: self.deepest });
        }
        self.open.clear();
        self.triples.clear();
        self.depth = 0;
        self.deepest = self.at;
        self.seen_token = false;
    }

    fn finish(mut self) -> Split {
        self.at = self.bytes.len();
        self.end_piece();
        self.split
    }
}

/// Whether the word at `at` begins a declaration. At depth 0 nothing else can, so a half-typed one counts.
fn declares(text: &str, at: usize, at_depth_0: bool) -> bool {
    let bytes = text.as_bytes();
    let end = word_end(bytes, at);
    let word = &text[at..end];
    let next = skip_blanks(bytes, end);
    let follower = bytes.get(next).copied();
    if HARD.contains(&word) {
        return !matches!(follower, Some(b':' | b',' | b'.' | b'='));
    }
    if FOREIGN.contains(&word) {
        return next > end && matches!(follower, Some(b'a'..=b'z' | b'A'..=b'Z' | b'_'));
    }
    if MODIFIERS.contains(&word) {
        return next > end && declares(text, next, at_depth_0);
    }
    if !SOFT.contains(&word) {
        return false;
    }
    match word {
        "test" if follower == Some(b'"') => true,
        "test" => at_depth_0 && matches!(follower, Some(b'\n' | b'{') | None),
        _ if next > end && matches!(follower, Some(b'a'..=b'z' | b'A'..=b'Z' | b'_')) => true,
        _ => at_depth_0 && matches!(follower, Some(b'\n') | None),
    }
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

fn word_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_')) {
        at += 1;
    }
    at
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| at + n)
}

/// Past the `)` of an annotation, or the end of its line if there is none on it.
fn annotation_end(bytes: &[u8], at: usize) -> usize {
    let end = line_end(bytes, at);
    let mut string = false;
    for (n, &b) in bytes[at..end].iter().enumerate() {
        match b {
            b'"' => string = !string,
            b')' if !string => return at + n + 1,
            _ => {}
        }
    }
    end
}
