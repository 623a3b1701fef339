//! Filter text → tokens with their places.

use super::FilterError;

/// A token and where it begins, in characters from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Tok,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tok {
    /// A name or word, as written.
    Word(String),
    /// A name between back quotes: never a word of the language.
    Name(String),
    /// A number or duration, as written.
    Number(String),
    /// Quoted text.
    Text(String),
    /// A sign: one of [`SIGNS`].
    Sign(&'static str),
    /// The end.
    End,
}

/// Longer ones first.
const SIGNS: [&str; 12] = ["!=", "<>", "<=", ">=", "==", "=", "<", ">", "(", ")", ",", "."];

impl Tok {
    /// As a message shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Tok::Word(word) | Tok::Number(word) => format!("`{word}`"),
            Tok::Name(name) => format!("`{name}`"),
            Tok::Text(text) => format!("{text:?}"),
            Tok::Sign(sign) => format!("`{sign}`"),
            Tok::End => "the end".into(),
        }
    }
}

/// All tokens; the last is [`Tok::End`].
pub(super) fn lex(text: &str) -> Result<Vec<Token>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let column = at + 1;
        let kind = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '"' | '\'' => Tok::Text(quoted(&chars, &mut at, c)?),
            '`' => Tok::Name(quoted(&chars, &mut at, c)?),
            c if c.is_ascii_digit() || c == '-' => Tok::Number(run(&chars, &mut at, |c, before| {
                c.is_ascii_alphanumeric() || c == '.' || matches!(c, '+' | '-') && matches!(before, 'e' | 'E')
            })),
            c if c.is_alphabetic() || c == '_' => {
                Tok::Word(run(&chars, &mut at, |c, _| c.is_alphanumeric() || c == '_'))
            }
            _ => {
                let here: String = chars[at..chars.len().min(at + 2)].iter().collect();
                let Some(sign) = SIGNS.into_iter().find(|sign| here.starts_with(sign)) else {
                    let message = format!("`{c}` has no meaning in a filter");
                    let help = Some("text stands in quotes: name = \"a-b\"".to_owned());
                    return Err(FilterError { column, message, help });
                };
                at += sign.len();
                Tok::Sign(sign)
            }
        };
        tokens.push(Token { column, kind });
    }
    tokens.push(Token { column: chars.len() + 1, kind: Tok::End });
    Ok(tokens)
}

/// The characters from `at` on, the first in any case.
fn run(chars: &[char], at: &mut usize, goes_on: impl Fn(char, char) -> bool) -> String {
    let begin = *at;
    *at += 1;
    while *at < chars.len() && goes_on(chars[*at], chars[*at - 1]) {
        *at += 1;
    }
    chars[begin..*at].iter().collect()
}

/// What stands between quotes; `\` before a quote, a backslash, `n`, `t`, `0` or `u{…}` as in the language.
fn quoted(chars: &[char], at: &mut usize, quote: char) -> Result<String, FilterError> {
    let begin = *at;
    let wrong = |column: usize, message: String, help: &str| FilterError { column, message, help: Some(help.into()) };
    let mut out = String::new();
    *at += 1;
    while let Some(&c) = chars.get(*at) {
        *at += 1;
        match c {
            c if c == quote => return Ok(out),
            '\\' => {
                let column = *at;
                let escape = chars.get(*at).copied();
                *at += 1;
                out.push(match escape {
                    Some(c @ ('"' | '\'' | '`' | '\\')) => c,
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('0') => '\0',
                    Some('u') => {
                        let digits: String = chars[*at..].iter().skip(1).take_while(|c| **c != '}').collect();
                        *at += digits.chars().count() + 2;
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        code.ok_or_else(|| wrong(column, "no such character".into(), "write it as \\u{e9}"))?
                    }
                    _ => {
                        return Err(wrong(column, "`\\` says nothing here".into(), "a backslash is written `\\\\`"));
                    }
                });
            }
            c => out.push(c),
        }
    }
    Err(wrong(begin + 1, format!("the text that begins here has no closing {quote}"), "close the quotes"))
}
