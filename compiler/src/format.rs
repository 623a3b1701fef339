//! Source text → the same text in the one layout. Spaces, indentation and blank lines are the formatter's, line breaks are
//! the author's; no token is added, dropped or moved, so a program means the same before and after. A declaration that cannot
//! be read stays as it is; the others are laid out.

mod space;

use crate::diagnostic::Diagnostic;
use crate::parallel;
use crate::source::{FileId, Source};
use crate::syntax::{self, Kind, Token};

/// Columns of one step to the right.
const STEP: usize = 2;

/// A file in the one layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatted {
    /// The text. Declarations that cannot be read stand in it as they were.
    pub text: String,
    /// The syntax errors of those.
    pub errors: Vec<Diagnostic>,
}

/// Lays all files of a project out.
pub fn all(sources: &[Source]) -> Vec<Formatted> {
    parallel::each(sources, |number, source| format(FileId(number as u16), &source.text))
}

/// Lays a file out.
pub fn format(file: FileId, text: &str) -> Formatted {
    if text.len() > syntax::SOURCE_BYTES_MAX {
        return Formatted { text: text.to_owned(), errors: syntax::parse(file, text).1 };
    }
    let (tokens, errors) = syntax::tokens(file, text);
    let mut layout = Layout { text, out: String::with_capacity(text.len() + text.len() / 8), open: Vec::new() };
    let mut rest = tokens.as_slice();
    let mut last = None;
    while !rest.is_empty() {
        let count = 1 + rest[1..].iter().take_while(|token| token.lines_before == 0).count();
        let (line, after) = rest.split_at(count);
        layout.line(last, line);
        last = line.last();
        rest = after;
    }
    Formatted { text: layout.out, errors }
}

/// A bracket that is open at the end of a line.
struct Open {
    /// Column of a line that begins with what closes it.
    closer: usize,
    /// Column of what is inside.
    inside: usize,
}

struct Layout<'t> {
    text: &'t str,
    out: String,
    open: Vec<Open>,
}

impl Layout<'_> {
    fn str(&self, token: &Token) -> &str {
        &self.text[token.start..token.end]
    }

    /// Writes the tokens of one line; `last` is the one before them.
    fn line(&mut self, last: Option<&Token>, line: &[Token]) {
        let first = &line[0];
        let closes = first.kind == Kind::Close;
        if let Some(last) = last
            && first.lines_before > 1
            && !opens(last)
            && !closes
        {
            self.out.push('\n');
        }
        if first.kind == Kind::Broken {
            self.out.push_str(&self.text[first.start..first.end]);
            self.out.push('\n');
            self.open.clear();
            return;
        }
        let continues = !closes && last.is_some_and(|last| self.continues(last, first, line.get(1)));
        let base = match self.open.last() {
            Some(open) if closes => open.closer,
            Some(open) => open.inside,
            None => 0,
        };
        let column = if continues { base + STEP } else { base };
        self.out.extend(std::iter::repeat_n(' ', column));
        // What a header opens on its second line belongs to the header.
        let header = continues && matches!(self.str(first), "with" | "->" | "throws" | "check");
        let from = if header { base } else { column };
        let mut before = None;
        for token in line {
            if let Some(before) = before {
                let space = space::between(self.text, before, token);
                self.out.push_str(if space.is_empty() && self.would_be_a_number(token) { " " } else { space });
            }
            self.out.push_str(&self.text[token.start..token.end]);
            match token.kind {
                Kind::Open | Kind::OpenAfter => self.open.push(Open { closer: from, inside: from + STEP }),
                Kind::Close => drop(self.open.pop()),
                _ => {}
            }
            before = Some(token);
        }
        self.out.push('\n');
    }

    /// Whether a number would become one with the number and the dot before it: `0. 0` are two numbers.
    fn would_be_a_number(&self, token: &Token) -> bool {
        let Some(before) = self.out.strip_suffix('.') else { return false };
        let word = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        token.kind == Kind::Number && before[word..].starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether a line goes on with what the one before began.
    fn continues(&self, last: &Token, first: &Token, second: Option<&Token>) -> bool {
        if last.kind == Kind::Broken {
            return false;
        }
        // In the first column such a word would begin a declaration of its own.
        if self.open.is_empty() && first.kind == Kind::Word && !first.head {
            return true;
        }
        if last.kind == Kind::Comment || opens(last) || first.kind == Kind::Comment {
            return false;
        }
        let begun = match last.kind {
            Kind::Infix => true,
            Kind::Sign => matches!(self.str(last), "=" | "=>" | "->" | "+=" | "-=" | "*=" | "/=" | "|" | "." | "?."),
            _ => false,
        };
        let goes_on = match first.kind {
            Kind::Infix => true,
            Kind::Sign => matches!(self.str(first), "." | "?." | "->" | "=>" | "=" | "|"),
            Kind::Word => {
                let follows = matches!(self.str(first), "with" | "throws" | "timeout" | "undo" | "check");
                // As a name it would be followed by a sign.
                follows && second.is_some_and(|next| !matches!(self.str(next), ":" | "=" | "," | "." | ")" | "}"))
            }
            _ => false,
        };
        begun || goes_on
    }
}

fn opens(token: &Token) -> bool {
    matches!(token.kind, Kind::Open | Kind::OpenAfter)
}

#[cfg(test)]
mod tests;
