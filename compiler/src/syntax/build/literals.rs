//! Numbers and strings.

use super::*;

/// A piece of a string as written.
enum Piece<'i> {
    /// Text between escapes and holes.
    Raw(&'i str),
    /// A resolved escape.
    Char(char),
    Hole(Expr),
}

impl Builder<'_> {
    pub(super) fn number(&mut self, text: &str) -> Number {
        // In a pattern a sign may stand before it, with space or a comment line between.
        let negative = text.starts_with('-');
        let last = text.rsplit(char::is_whitespace).next().unwrap_or(text);
        let digits = last.trim_start_matches('-');
        let signed = |n: i64| if negative { -n } else { n };
        if digits.ends_with("iB") {
            let (count, unit) = digits.split_at(digits.len() - 3);
            let factor: i64 = match unit {
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                _ => 1 << 30,
            };
            return Number::Size(whole(count).and_then(|n| n.checked_mul(factor)).map(signed));
        }
        if digits.bytes().any(|b| b.is_ascii_alphabetic()) {
            return Number::Duration(duration_ms(digits).map(signed));
        }
        let sign = if negative { "-" } else { "" };
        let plain: String = sign.chars().chain(digits.chars().filter(|&c| c != '_')).collect();
        if plain.contains('.') { Number::Dotted(plain) } else { Number::Int(plain) }
    }

    pub(super) fn string(&mut self, pair: P<'_>) -> StringLit {
        let span = self.span(&pair);
        let triple = pair.as_str().starts_with("\"\"\"");
        let mut pieces = Vec::new();
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::raw | Rule::traw => pieces.push(Piece::Raw(kid.as_str())),
                Rule::esc => pieces.push(Piece::Char(self.escape(&kid))),
                Rule::double_brace => pieces.push(Piece::Char('{')),
                Rule::hole => {
                    if matches!(pieces.last(), Some(Piece::Raw(before)) if before.ends_with('$')) {
                        self.dollar(&kid);
                    }
                    let hole = self.only_expr(kid);
                    pieces.push(Piece::Hole(hole));
                }
                _ => {}
            }
        }
        let indent = if triple { common_indent(&pieces) } else { None };
        StringLit { parts: join(pieces, indent), span }
    }

    /// What an escape stands for; one that stands for nothing is reported.
    fn escape(&mut self, pair: &P<'_>) -> char {
        if let Some(c) = escape(pair.as_str()) {
            return c;
        }
        let span = self.span(pair);
        self.diagnostics.push(
            Diagnostic::error("WF0008", span, format!("`{}` is not an escape", pair.as_str().trim_end()))
                .help(r#"escapes are \n \t \r \0 \\ \" \{ \} \$ and \u{41}; a backslash is `\\`"#),
        );
        char::REPLACEMENT_CHARACTER
    }

    /// `'text'`: read as the string it means elsewhere.
    pub(super) fn foreign_string(&mut self, pair: &P<'_>) -> StringLit {
        let text = pair.as_str();
        let parts = vec![StringPart::Text(text[1..text.len() - 1].to_owned())];
        StringLit { parts, span: self.span(pair) }
    }
}

fn whole(text: &str) -> Option<i64> {
    text.bytes().filter(|&b| b != b'_').try_fold(0i64, |n, b| n.checked_mul(10)?.checked_add(i64::from(b - b'0')))
}

/// `1h30m` in milliseconds.
fn duration_ms(text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut rest = text;
    while !rest.is_empty() {
        let split = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let count = whole(&rest[..split])?;
        let after = &rest[split..];
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match &after[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &after[end..];
    }
    Some(total)
}

/// What an escape stands for.
pub(super) fn escape(text: &str) -> Option<char> {
    match text.strip_prefix('\\')? {
        "n" => Some('\n'),
        "t" => Some('\t'),
        "r" => Some('\r'),
        "0" => Some('\0'),
        "\\" => Some('\\'),
        "\"" => Some('"'),
        "{" => Some('{'),
        "}" => Some('}'),
        "$" => Some('$'),
        code => {
            let hex = code.strip_prefix("u{")?.strip_suffix('}')?;
            if hex.is_empty() || hex.len() > 6 {
                return None;
            }
            char::from_u32(u32::from_str_radix(hex, 16).ok()?)
        }
    }
}

/// The indentation that all lines of a `"""` string share, its closing line included. `None` if the text starts
/// on the line of the opening quotes: then nothing is stripped.
fn common_indent(pieces: &[Piece<'_>]) -> Option<usize> {
    match pieces.first() {
        Some(Piece::Raw(text)) if text.starts_with('\n') || text.starts_with("\r\n") => {}
        _ => return None,
    }
    let mut least: Option<usize> = None;
    for piece in pieces {
        let Piece::Raw(text) = piece else { continue };
        let mut lines = text.split('\n').skip(1).peekable();
        while let Some(line) = lines.next() {
            let blank = line.trim_start_matches([' ', '\t']).trim_end_matches('\r').is_empty();
            // A blank line says nothing, but the start of a hole's line and the closing line do.
            if blank && lines.peek().is_some() {
                continue;
            }
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            least = Some(least.map_or(indent, |l| l.min(indent)));
        }
    }
    Some(least.unwrap_or(0))
}

/// Pieces → parts: neighboring text joined; in a `"""` block the indentation, the first and the last line end go.
fn join(pieces: Vec<Piece<'_>>, indent: Option<usize>) -> Vec<StringPart> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let last = pieces.len().saturating_sub(1);
    for (n, piece) in pieces.into_iter().enumerate() {
        match piece {
            Piece::Raw(raw) => match indent {
                None if raw.contains('\r') => text.push_str(&raw.replace("\r\n", "\n")),
                None => text.push_str(raw),
                Some(indent) => dedent(raw, indent, n == 0, n == last, &mut text),
            },
            Piece::Char(c) => text.push(c),
            Piece::Hole(expr) => {
                if !text.is_empty() {
                    parts.push(StringPart::Text(std::mem::take(&mut text)));
                }
                parts.push(StringPart::Hole(expr));
            }
        }
    }
    if !text.is_empty() {
        parts.push(StringPart::Text(text));
    }
    parts
}

fn dedent(raw: &str, indent: usize, first: bool, last: bool, out: &mut String) {
    let count = raw.split('\n').count();
    for (n, line) in raw.split('\n').enumerate() {
        let line = if n + 1 < count { line.strip_suffix('\r').unwrap_or(line) } else { line };
        if n == 0 {
            if !first {
                out.push_str(line);
            }
            continue;
        }
        let closing = last && n + 1 == count && line.trim_matches([' ', '\t']).is_empty();
        if closing {
            break;
        }
        if !(first && n == 1) {
            out.push('\n');
        }
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        out.push_str(&line[indent.min(blanks)..]);
    }
}
