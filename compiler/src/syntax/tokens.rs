//! Text → tokens, for the formatter: everything that is not space, in order, with what only the grammar knows of it.

use pest::iterators::Pairs;
use rustc_hash::FxHashSet;

use super::grammar::{self, Rule};
use super::split;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Lines};

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// First byte.
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
    /// Line ends between the token before and this one.
    pub(crate) lines_before: usize,
    /// Whether a declaration, or a part of what stands before it, begins here: such a line is in the first column.
    pub(crate) head: bool,
}

/// Kinds of tokens, as far as layout cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word,
    /// A number, duration or size.
    Number,
    /// A whole string with its holes.
    Text,
    /// `// …` or `/// …`, to the end of the line.
    Comment,
    /// `(`, `[` or `{` that begins something of its own.
    Open,
    /// `(` or `[` that belongs to what stands before it: a call, an index, parameters.
    OpenAfter,
    /// `)`, `]` or `}`.
    Close,
    /// `<` before, or `>` after, the arguments of a type.
    Angle,
    /// An operator with one operand.
    Prefix,
    /// An operator between two operands.
    Infix,
    /// Any other sign.
    Sign,
    /// A whole piece of the file that could not be read, with the comments behind it.
    Broken,
}

/// Signs of more than one character, longest first.
const LONG_SIGNS: [&str; 16] =
    ["...", "..", "?.", "??", "=>", "->", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/="];

/// The tokens of a text, and the syntax errors of the pieces that could not be read: such a piece is one token.
pub(crate) fn tokens(file: FileId, text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let (split, lines) = (split::split(text), Lines::new(text));
    let (mut tokens, mut errors, mut at) = (Vec::new(), Vec::new(), 0);
    if let Some(first) = split.chunks.first() {
        // Before the first declaration there are only comments.
        at = lex(&text[..first.start], at, Marks::default(), &mut tokens);
    }
    for chunk in &split.chunks {
        let (_, mut found) = super::parse_piece(file, text, (&split, &lines), chunk);
        found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        let pairs = if found.is_empty() { grammar::read(&text[chunk.start..chunk.end]).ok() } else { None };
        if let Some(pairs) = pairs {
            let mut marks = Marks::default();
            marks.collect(pairs, chunk.start);
            at = lex(&text[..chunk.end], at, marks, &mut tokens);
        } else {
            let start = chunk.end - text[chunk.start..chunk.end].trim_start_matches(is_space).len();
            let lines_before = text[at..start].matches('\n').count();
            at = chunk.start + text[chunk.start..chunk.end].trim_end_matches(is_space).len();
            tokens.push(Token { kind: Kind::Broken, start, end: at, lines_before, head: true });
        }
        errors.append(&mut found);
    }
    lex(text, at, Marks::default(), &mut tokens);
    (tokens, errors)
}

/// Reads the tokens from `at` to the end of `text`; gives the end of the last.
fn lex(text: &str, at: usize, marks: Marks, tokens: &mut Vec<Token>) -> usize {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at, marks };
    let mut end = at;
    while let Some(token) = lexer.next() {
        end = token.end;
        tokens.push(token);
    }
    end
}

/// What the grammar skips between tokens.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{feff}')
}

/// What the grammar knows of some places.
#[derive(Debug, Default)]
struct Marks {
    prefix: FxHashSet<usize>,
    infix: FxHashSet<usize>,
    /// Brackets that begin a value, a type or a pattern.
    own: FxHashSet<usize>,
    /// Types and lists of type parameters.
    types: Vec<(usize, usize)>,
    /// Doc comments and annotations of declarations, and what they stand before.
    heads: FxHashSet<usize>,
}

impl Marks {
    fn collect(&mut self, pairs: Pairs<'_, Rule>, offset: usize) {
        for pair in pairs.flatten() {
            let span = pair.as_span();
            let (start, end) = (offset + span.start(), offset + span.end());
            match pair.as_rule() {
                Rule::prefix | Rule::negative => drop(self.prefix.insert(start)),
                Rule::infix => drop(self.infix.insert(start)),
                Rule::tuple | Rule::bracket | Rule::lambda | Rule::type_paren | Rule::pattern_tuple => {
                    self.own.insert(start);
                }
                Rule::r#type | Rule::generics => self.types.push((start, end)),
                Rule::item => {
                    for part in pair.into_inner() {
                        self.heads.insert(offset + part.as_span().start());
                        if !matches!(part.as_rule(), Rule::doc | Rule::annot) {
                            break;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn in_type(&self, at: usize) -> bool {
        // Types come in order of their beginning; one inside another lies within it.
        let after = self.types.partition_point(|(start, _)| *start <= at);
        self.types[..after].iter().rev().take(256).any(|(_, end)| at < *end)
    }
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    marks: Marks,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        let mut lines_before = 0;
        while let Some(byte) = self.bytes.get(self.at)
            && (byte.is_ascii_whitespace() || *byte == 0xEF && self.text[self.at..].starts_with('\u{feff}'))
        {
            lines_before += usize::from(*byte == b'\n');
            self.at += if *byte == 0xEF { 3 } else { 1 };
        }
        let start = self.at;
        let kind = self.one(*self.bytes.get(start)?);
        Some(Token { kind, start, end: self.at, lines_before, head: self.marks.heads.contains(&start) })
    }

    fn one(&mut self, byte: u8) -> Kind {
        let rest = &self.text[self.at..];
        match byte {
            b'/' if rest.starts_with("//") => {
                let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
                self.at += line.trim_end().len();
                Kind::Comment
            }
            b'"' => {
                self.at += string_bytes(rest);
                Kind::Text
            }
            b'0'..=b'9' => {
                self.at += number_bytes(rest.as_bytes());
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let start = self.at;
                self.at += rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                // `in` is an operator, too.
                if self.marks.infix.contains(&start) { Kind::Infix } else { Kind::Word }
            }
            _ => self.sign(byte),
        }
    }

    fn sign(&mut self, byte: u8) -> Kind {
        let start = self.at;
        if matches!(byte, b'<' | b'>') && self.marks.in_type(start) && !self.marks.infix.contains(&start) {
            self.at += 1;
            return Kind::Angle;
        }
        let rest = &self.text[start..];
        let long = LONG_SIGNS.iter().find(|sign| rest.starts_with(**sign));
        self.at += long.map_or_else(|| rest.chars().next().map_or(1, char::len_utf8), |sign| sign.len());
        match byte {
            b'{' => Kind::Open,
            b'(' | b'[' if self.marks.own.contains(&start) => Kind::Open,
            b'(' | b'[' => Kind::OpenAfter,
            b')' | b']' | b'}' => Kind::Close,
            _ if self.marks.prefix.contains(&start) => Kind::Prefix,
            _ if self.marks.infix.contains(&start) => Kind::Infix,
            _ => Kind::Sign,
        }
    }
}

/// Length of the string at the beginning of `text`, holes and quotes included.
fn string_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let quotes = if text.starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
    let mut at = quotes.len();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'{' if bytes.get(at + 1) == Some(&b'{') => at += 2,
            b'{' => at += hole_bytes(&text[at..]),
            b'"' if text[at..].starts_with(quotes) => return at + quotes.len(),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Length of the hole at the beginning of `text`, braces included.
fn hole_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'"' => {
                at += string_bytes(&text[at..]);
                continue;
            }
            // What a comment holds is no end of anything.
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
                continue;
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// Length of the number at the beginning of `bytes`, with its unit and its decimals.
fn number_bytes(bytes: &[u8]) -> usize {
    let word = |from: usize| {
        bytes[from..].iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).map_or(bytes.len(), |n| from + n)
    };
    let end = word(0);
    match bytes.get(end..end + 2) {
        Some([b'.', digit]) if digit.is_ascii_digit() => word(end + 1),
        _ => end,
    }
}
