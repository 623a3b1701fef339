//! The words for what the grammar could not find. A new marker does not compile without them.

use super::super::grammar::Rule;
use super::super::place::Places;
use super::sort::Marker;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// What may follow, by the marker and what it is part of.
pub(super) fn what(marker: Marker, parent: Rule) -> &'static str {
    match marker {
        Marker::Args => "arguments in parentheses",
        Marker::Arm => "an expression or a block",
        Marker::Arrow => "`=>`",
        Marker::Block => match parent {
            Rule::record => "the fields in `{ }`",
            Rule::r#enum => "the variants in `{ }`",
            Rule::with => "options in `{ }`",
            _ => "a block `{ .. }`",
        },
        Marker::Body => "a body: `= expression` or `{ .. }`",
        Marker::Catch => "`catch`",
        Marker::CloseAngle => "`>`",
        Marker::CloseBrace => "`}`",
        Marker::CloseBracket => "`]`",
        Marker::CloseParen => "`)`",
        Marker::CloseQuote => "`\"`",
        Marker::Colon => "`:` and a value",
        Marker::Decl => "a declaration",
        Marker::Eq => "`=` and a value",
        Marker::Expr => "an expression",
        Marker::In => "`in`",
        Marker::Kind => "`activity` or `workflow`",
        Marker::Member => "`state`, `signal`, `query` or `update`",
        Marker::Name => "a name",
        Marker::Number => "a number",
        Marker::Operand => "an expression after the operator",
        Marker::Params => "parameters in parentheses",
        Marker::Path => "a name",
        Marker::Pattern => "a name or a pattern",
        Marker::Runs => "`runs`",
        Marker::Sig => "parameters in parentheses",
        Marker::State => "`state`",
        Marker::String => "a string",
        Marker::Type => match parent {
            Rule::param => "`:` and a type",
            Rule::query => "`->` and a type",
            _ => "a type",
        },
        Marker::Until => "`until`",
        Marker::With => "`with { .. }`",
    }
}

/// What opens the thing whose end is missing.
pub(super) fn closer(marker: Marker) -> Option<char> {
    match marker {
        Marker::CloseParen => Some('('),
        Marker::CloseBracket => Some('['),
        Marker::CloseAngle => Some('<'),
        _ => None,
    }
}

/// The construct as it should look.
pub(super) fn example(construct: Rule) -> Option<&'static str> {
    Some(match construct {
        Rule::import => "`import shop.billing { charge, refund }`",
        Rule::default => "`default activity with { timeout: 30s }`",
        Rule::r#const => "`const limit: Int = 10`",
        Rule::alias => "`type Prices = Map<String, Decimal>`",
        Rule::record => "`record Line { product_id: String, quantity: Int }`",
        Rule::error => "`error CardDeclined { code: String }`",
        Rule::r#enum => "`enum Outcome { Expired, Rejected(by: String) }`",
        Rule::r#fn => "`fn double(n: Int) -> Int = n * 2`",
        Rule::flow => "`flow pay(o: Order) -> Receipt { .. }`",
        Rule::activity => "`activity charge(order_id: String) -> Receipt with { timeout: 30s }`",
        Rule::workflow => "`workflow order(id: String) -> Receipt { .. }`",
        Rule::schedule => "`schedule nightly runs report(\"daily\") with { cron: \"0 3 * * *\" }`",
        Rule::test => "`test \"it expires\" { .. }`",
        Rule::state => "`pub state status: String = \"open\"`",
        Rule::signal => "`signal approve(by: String) { approved_by = by }`",
        Rule::query => "`query risk() -> Int = score`",
        Rule::update => "`update add(n: Int) -> Int { count += n return count }`",
        Rule::with | Rule::opt => "`with { timeout: 30s, retry: fixed(1s, attempts: 3) }`",
        Rule::param => "`amount: Int` or `amount: Int = 1`",
        Rule::sig | Rule::params => "`(order_id: String, amount: Int = 1) -> Receipt`",
        Rule::fields | Rule::field => "`{ id: String, amount: Int }`",
        Rule::r#let => "`let total = price * 2`",
        Rule::r#while => "`while count < 3 { .. }`",
        Rule::r#for => "`for line in lines { .. }`",
        Rule::sleep => "`sleep 7d` or `sleep until deadline`",
        Rule::defer => "`defer { .. }`",
        Rule::saga => "`saga { let seat = book(o) undo release(seat) }`",
        Rule::undo => "`let seat = book(o) undo release(seat)`",
        Rule::testing => "`mock charge(_) times 2 => throw Fault(\"unavailable\")`, `mock notify(..) => ()`",
        Rule::lambda => "`lines.map(l => l.price)`",
        Rule::catch => "`pay(o) catch CardDeclined => return Unpaid`",
        Rule::r#if | Rule::elif => "`if ready { .. } else { .. }`",
        Rule::r#match | Rule::case => "`match outcome { Expired => .. _ => .. }`",
        Rule::parallel => "`parallel for line in lines { pack(line) }` or `parallel { a(), b() }`",
        Rule::race => "`race { a(), b() }`",
        Rule::r#try | Rule::clause => "`try { pay(o) } catch CardDeclined { .. }`",
        Rule::select | Rule::branch | Rule::source => "`select { receive stop() => return after 7d => .. }`",
        Rule::within => "`within 10m { .. } else { .. }`",
        Rule::patch => "`patch \"new-pricing\" { .. } else { .. }`",
        Rule::wait => "`wait until approved timeout 48h else return Expired`",
        Rule::receive => "`receive payment timeout 1h else none`",
        Rule::never => "`throw Unpaid(code)` or `continue as new(sent + 1)`",
        Rule::task => "`spawn f(x)`, `start f(x)`, `send run.note(x)` or `await task`",
        Rule::annot => "`@name(\"old\")`",
        _ => return None,
    })
}

/// Words for tokens that fit nowhere.
pub(super) fn junk(rule: Rule, parent: Rule, found: &str, text: &str, span: Span) -> Diagnostic {
    let expected = match rule {
        Rule::junk_item if text.starts_with('}') => {
            return Diagnostic::error("WF0002", span, "this `}` closes nothing")
                .label("no `{` is open here")
                .help("remove it, or look above for a block that ends too early");
        }
        Rule::junk_item => "a declaration, such as `workflow`, `activity`, `fn` or `record`",
        Rule::junk_paren => match parent {
            Rule::sig | Rule::signal | Rule::query | Rule::variant => "`,`, `)` or a parameter",
            _ => "`,` or `)`",
        },
        Rule::junk_bracket => "`,` or `]`",
        Rule::junk_brace | Rule::junk_option => match parent {
            Rule::r#enum => "a variant or `}`",
            Rule::with => "an option or `}`",
            Rule::fields => "a field or `}`",
            _ => "`,` or `}`",
        },
        Rule::junk_case => "a pattern and `=>`, or `}`",
        Rule::junk_branch => "`receive`, `await`, `after`, `at`, `when` or `}`",
        _ => "a statement",
    };
    let d = Diagnostic::error("WF0001", span, format!("expected {expected}, found {found}"));
    let value = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | '_' | '['));
    if value && matches!(rule, Rule::junk_paren | Rule::junk_bracket | Rule::junk_brace) {
        return d.label("a `,` is missing before this").help("separate the parts with `,`");
    }
    d.label("this fits nowhere here")
}

/// Whether a number begins at `at`.
pub(super) fn is_digit(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

/// Whether a token is a number as the language writes them.
pub(super) fn is_number(token: &str) -> bool {
    const UNITS: [&str; 9] = ["KiB", "MiB", "GiB", "ms", "s", "m", "h", "d", "w"];
    let digits = |c: char| c.is_ascii_digit() || c == '_';
    let mut rest = token.trim_start_matches(digits);
    if let Some(fraction) = rest.strip_prefix('.') {
        return fraction.chars().all(digits);
    }
    while let Some(unit) = UNITS.iter().find(|unit| rest.starts_with(**unit)) {
        rest = rest[unit.len()..].trim_start_matches(digits);
    }
    rest.is_empty()
}

/// Digits and letters that make no number: `10x`, `1.5s`, `1e6`.
pub(super) fn not_a_number(places: &Places<'_>, at: usize) -> Diagnostic {
    let rest = &places.text[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
    let token = rest[..end].trim_end_matches('.');
    Diagnostic::error("WF0008", places.span(at, at + token.len()), format!("`{token}` is not a number"))
        .help("numbers look like `10_000` and `19.99`, durations like `1h30m`, sizes like `64KiB`")
}

/// The words of a text that may have been declared in it.
pub(super) fn names(text: &str) -> Vec<String> {
    const NAMES_MAX: usize = 32;
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words = words.filter(|w| w.starts_with(|c: char| c.is_alphabetic()) && !is_reserved(w));
    words.take(NAMES_MAX).map(str::to_owned).collect()
}

/// Whether a word cannot name anything that is used alone: the `hard` rule of the grammar.
pub(super) fn is_reserved(word: &str) -> bool {
    const HARD: &[&str] = &[
        "activity", "assert", "await", "break", "catch", "continue", "defer", "else", "enum", "false", "flow", "fn",
        "for", "if", "in", "let", "match", "none", "parallel", "patch", "query", "race", "receive", "record", "return",
        "saga", "select", "send", "signal", "sleep", "spawn", "start", "throw", "true", "try", "update", "var", "wait",
        "while", "within", "workflow",
    ];
    HARD.binary_search(&word).is_ok()
}

/// Where a declaration stands that was found inside a block.
pub(super) fn belongs(word: &str) -> Option<&'static str> {
    match word {
        "activity" | "workflow" | "record" | "enum" | "fn" | "flow" => {
            Some("declarations stand at the top of the file")
        }
        "signal" | "query" | "update" => Some("it stands directly in the body of a workflow"),
        _ => None,
    }
}

/// The token at `at`, in words.
pub(in crate::syntax) fn found(text: &str, at: usize) -> String {
    match token(text, at) {
        "" => "the end of the file".to_owned(),
        "\"" => "a string".to_owned(),
        token if token.chars().all(unseen) => {
            let codes: Vec<String> = token.chars().map(|c| format!("U+{:04X}", u32::from(c))).collect();
            format!("the character {}, which is not seen", codes.join(" "))
        }
        token => format!("`{token}`"),
    }
}

/// Characters that take no ink.
fn unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// The token at `at`.
pub(super) fn token(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or("");
    let Some(first) = rest.chars().next() else { return "" };
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if word(first) {
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        return &rest[..end];
    }
    const LONG: &[&str] = &[
        "===", "!==", "...", "<=>", "=>", "->", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "..", "+=", "-=", "*=",
        "/=", "::", ":=", "<<", ">>", "**", "@@", "//",
    ];
    match LONG.iter().find(|l| rest.starts_with(**l)) {
        Some(long) => &rest[..long.len()],
        None => &rest[..first.len_utf8()],
    }
}

#[cfg(test)]
mod tests {
    /// The grammar keeps the same words from being names.
    #[test]
    fn reserved_words_are_those_of_the_grammar() {
        let grammar = include_str!("../grammar.pest");
        let hard = grammar.lines().find(|l| l.starts_with("hard = ")).expect("the rule `hard`");
        let words: Vec<&str> = hard.split('"').skip(1).step_by(2).filter(|w| w.len() > 1).collect();
        assert!(words.len() > 35, "{words:?}");
        for word in &words {
            assert!(super::is_reserved(word), "{word}");
        }
        let listed = ["activity", "within", "if", "in", "fn"];
        assert!(listed.iter().all(|w| words.contains(w)));
        assert!(!super::is_reserved("state"));
    }
}
