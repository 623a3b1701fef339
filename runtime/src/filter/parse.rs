//! Tokens → a filter, checked on the way: what a name is, which comparisons its kind has, what its values look like.
//!
//! ```text
//! filter  = all ("or" all)*          all = one ("and" one)*
//! one     = "not" one | "(" filter ")" | name [test]
//! test    = ("=" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" "(" value, … ")"
//!         | ["not"] "between" value "and" value | "is" ["not"] "null" | ["not"] "starts_with" value
//! name    = word | "state" "." word
//! ```

use weft_bytecode::near::near;
use weft_bytecode::wire::text;
use weft_protocol::{RunId, Timestamp};

use super::key::{Key, decimal, escaped, float, int};
use super::lex::{Tok, Token, lex};
use super::{Field, Filter, FilterError, Is, Kind, Op, Schema, Test, run_key};
use crate::closed::{STATUSES, number_of};

/// Bytes of a filter.
pub const FILTER_BYTES_MAX: usize = 16 << 10;
/// Tests of a filter, values of lists included: each is a part of a statement for a database.
pub const FILTER_TESTS_MAX: usize = 500;
/// Parentheses and `not`s within each other.
pub const FILTER_DEPTH_MAX: usize = 50;

/// Facts that every run has, by name.
const FACTS: [(&str, Field); 10] = [
    ("workflow", Field::Workflow),
    ("workflow_id", Field::WorkflowId),
    ("run_id", Field::RunId),
    ("status", Field::Status),
    ("stuck", Field::Stuck),
    ("started", Field::Started),
    ("closed", Field::Closed),
    ("duration", Field::Duration),
    ("events", Field::Events),
    ("parent", Field::Parent),
];

const WORDS: [&str; 8] = ["and", "or", "not", "in", "between", "is", "null", "starts_with"];

/// Reads and checks a filter. A time that is a duration means that long before `now`.
///
/// # Errors
/// What is wrong, where, and what to do.
pub fn parse(text: &str, schema: &Schema, now: Timestamp) -> Result<Filter, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        let message = format!("the filter has {} bytes (limit `FILTER_BYTES_MAX`: {FILTER_BYTES_MAX})", text.len());
        return Err(FilterError { column: 1, message, help: None });
    }
    let mut parser = Parser { tokens: lex(text)?, at: 0, schema, now, depth: 0, tests: 0 };
    if parser.peek() == &Tok::End {
        return Ok(Filter::all());
    }
    let filter = parser.any()?;
    match parser.peek() {
        Tok::End => Ok(filter),
        Tok::Word(word) if is(word, "order") || is(word, "limit") || is(word, "group") => {
            let help = "runs come newest start first; `limit` and `cursor` page, `by` groups a count";
            Err(parser.wrong(format!("a filter has no `{word}`"), Some(help.into())))
        }
        other => Err(parser.wrong(format!("expected `and`, `or` or the end, found {}", other.shown()), None)),
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    schema: &'a Schema,
    now: Timestamp,
    depth: usize,
    tests: usize,
}

fn is(word: &str, name: &str) -> bool {
    word.eq_ignore_ascii_case(name)
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut any = vec![self.all()?];
        while self.word("or") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) })
    }

    fn one(&mut self) -> Result<Filter, FilterError> {
        let column = self.column();
        let not = self.word("not");
        if !not && !self.sign("(") {
            return self.test();
        }
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            let message = format!("the filter is nested too deep (limit `FILTER_DEPTH_MAX`: {FILTER_DEPTH_MAX})");
            return Err(FilterError { column, message, help: None });
        }
        let inner = if not { Filter::Not(Box::new(self.one()?)) } else { self.any()? };
        if !not && !self.sign(")") {
            let help = format!("the `(` at column {column} is not closed");
            return Err(self.wrong(format!("expected `)`, found {}", self.peek().shown()), Some(help)));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn test(&mut self) -> Result<Filter, FilterError> {
        self.count()?;
        let begin = self.column();
        let (name, field) = self.field()?;
        let kind = Subject::of(&field);
        let at = self.column();
        let not = self.word("not");
        let tested = |is| Ok(Filter::Test(Test { field: field.clone(), is }));
        if self.word("in") {
            let keys = self.list(&name, kind)?;
            return tested(if not { Is::NotIn(keys) } else { Is::In(keys) });
        }
        if self.word("between") {
            kind.ordered(&name, at, "between")?;
            let low = self.value(&name, kind)?;
            if !self.word("and") {
                return Err(self.wrong(
                    format!("expected `and`, found {}", self.peek().shown()),
                    Some(format!("{name} between 1 and 2: both ends are included")),
                ));
            }
            let high = self.value(&name, kind)?;
            let (low_op, high_op) = if not { (Op::Less, Op::Greater) } else { (Op::GreaterOrEqual, Op::LessOrEqual) };
            let ends = [(low_op, low), (high_op, high)]
                .map(|(op, key)| Filter::Test(Test { field: field.clone(), is: Is::Compare(op, key) }));
            return Ok(if not { Filter::Any(ends.into()) } else { Filter::All(ends.into()) });
        }
        if self.word("starts_with") {
            if !kind.is_text() {
                return Err(kind.has_no(&name, at, "starts_with"));
            }
            let Key::Text(prefix) = self.value(&name, kind)? else { return Err(kind.has_no(&name, at, "starts_with")) };
            return tested(if not { Is::NotStartsWith(prefix) } else { Is::StartsWith(prefix) });
        }
        if not {
            let message = format!("expected `in`, `between` or `starts_with`, found {}", self.peek().shown());
            return Err(self.wrong(message, Some(format!("`not` stands before a test as well: not {name} = …"))));
        }
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                let help = format!("{name} is null, {name} is not null");
                return Err(self.wrong(format!("expected `null`, found {}", self.peek().shown()), Some(help)));
            }
            return tested(if not { Is::NotNull } else { Is::Null });
        }
        if let Some(op) = self.op() {
            if !matches!(op, Op::Equal | Op::Unequal) {
                kind.ordered(&name, at, op_sign(op))?;
            }
            let key = self.value(&name, kind)?;
            return tested(Is::Compare(op, key));
        }
        // A fact that is true or false stands for itself.
        match kind {
            Subject::Bool => tested(Is::Compare(Op::Equal, Key::Int(1))),
            Subject::Attribute(Kind::Bool) => tested(Is::Compare(Op::Equal, Key::Text("true".into()))),
            _ => {
                let found = self.peek().shown();
                let column = if self.peek() == &Tok::End { begin } else { self.column() };
                let message = format!("expected a test of `{name}`, found {found}");
                let help = Some(format!("as in {name} = {}", kind.example()));
                Err(FilterError { column, message, help })
            }
        }
    }

    fn field(&mut self) -> Result<(String, Field), FilterError> {
        let column = self.column();
        let name = match self.next() {
            Tok::Word(word) if WORDS.iter().any(|other| is(&word, other)) => {
                let message = format!("expected a name, found `{word}`");
                return Err(FilterError {
                    column,
                    message,
                    help: Some(format!("an attribute of this name is state.{word}")),
                });
            }
            Tok::Word(word) if word == "state" && self.sign(".") => {
                let column = self.column();
                return match self.next() {
                    Tok::Word(name) | Tok::Name(name) => match self.schema.attributes.get(&name) {
                        Some(kind) => Ok((format!("state.{name}"), Field::Attribute(name, *kind))),
                        None => Err(self.unknown(column, &name)),
                    },
                    other => Err(FilterError {
                        column,
                        message: format!("expected the name of an attribute, found {}", other.shown()),
                        help: None,
                    }),
                };
            }
            Tok::Word(name) | Tok::Name(name) => name,
            other => {
                let message = format!("expected a name, found {}", other.shown());
                let help =
                    matches!(other, Tok::Text(_) | Tok::Number(_)).then(|| "the name comes first: bags >= 3".into());
                return Err(FilterError { column, message, help });
            }
        };
        if let Some((_, field)) = FACTS.iter().find(|(fact, _)| *fact == name) {
            return Ok((name, field.clone()));
        }
        match self.schema.attributes.get(&name) {
            Some(kind) => Ok((name.clone(), Field::Attribute(name, *kind))),
            None => Err(self.unknown(column, &name)),
        }
    }

    fn unknown(&self, column: usize, name: &str) -> FilterError {
        let taken = |name: &String| FACTS.iter().any(|(fact, _)| fact == name);
        let shown = |name: &String| if taken(name) { format!("state.{name}") } else { name.clone() };
        let attributes: Vec<String> = self.schema.attributes.keys().map(shown).collect();
        let known: Vec<&str> =
            FACTS.iter().map(|(fact, _)| *fact).chain(attributes.iter().map(String::as_str)).collect();
        let help = near(name, known.iter().copied()).map_or_else(
            || format!("there are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        FilterError { column, message: format!("no workflow here has a search attribute `{name}`"), help: Some(help) }
    }

    fn list(&mut self, name: &str, kind: Subject) -> Result<Vec<Key>, FilterError> {
        if !self.sign("(") {
            let help = format!("{name} in ({0}, {0})", kind.example());
            return Err(self.wrong(format!("expected `(`, found {}", self.peek().shown()), Some(help)));
        }
        let mut keys = vec![self.value(name, kind)?];
        while self.sign(",") {
            self.count()?;
            keys.push(self.value(name, kind)?);
        }
        if !self.sign(")") {
            return Err(self.wrong(format!("expected `,` or `)`, found {}", self.peek().shown()), None));
        }
        Ok(keys)
    }

    /// A value to compare with.
    fn value(&mut self, name: &str, kind: Subject) -> Result<Key, FilterError> {
        let column = self.column();
        let token = self.next();
        kind.read(&token, self.now).ok_or_else(|| kind.refuse(name, column, &token))
    }

    fn op(&mut self) -> Option<Op> {
        let Tok::Sign(sign) = self.peek() else { return None };
        let op = match *sign {
            "=" | "==" => Op::Equal,
            "!=" | "<>" => Op::Unequal,
            "<" => Op::Less,
            "<=" => Op::LessOrEqual,
            ">" => Op::Greater,
            ">=" => Op::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(op)
    }

    fn count(&mut self) -> Result<(), FilterError> {
        self.tests += 1;
        if self.tests <= FILTER_TESTS_MAX {
            return Ok(());
        }
        let message = format!("the filter has too many tests (limit `FILTER_TESTS_MAX`: {FILTER_TESTS_MAX})");
        Err(self.wrong(message, Some("ask in several pieces".into())))
    }

    fn peek(&self) -> &Tok {
        &self.tokens[self.at].kind
    }

    fn column(&self) -> usize {
        self.tokens[self.at].column
    }

    /// The next token; the end stays where it is.
    fn next(&mut self) -> Tok {
        let token = self.tokens[self.at].kind.clone();
        if token != Tok::End {
            self.at += 1;
        }
        token
    }

    fn word(&mut self, name: &str) -> bool {
        let here = matches!(self.peek(), Tok::Word(word) if is(word, name));
        self.at += usize::from(here);
        here
    }

    fn sign(&mut self, sign: &str) -> bool {
        let here = matches!(self.peek(), Tok::Sign(found) if *found == sign);
        self.at += usize::from(here);
        here
    }

    fn wrong(&self, message: String, help: Option<String>) -> FilterError {
        FilterError { column: self.column(), message, help }
    }
}

/// What a field holds, for reading values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Subject {
    Text,
    Status,
    RunId,
    Bool,
    Time,
    Duration,
    Count,
    Attribute(Kind),
}

impl Subject {
    fn of(field: &Field) -> Subject {
        match field {
            Field::Workflow | Field::WorkflowId | Field::Parent => Subject::Text,
            Field::RunId => Subject::RunId,
            Field::Status => Subject::Status,
            Field::Stuck => Subject::Bool,
            Field::Started | Field::Closed => Subject::Time,
            Field::Duration => Subject::Duration,
            Field::Events => Subject::Count,
            Field::Attribute(_, kind) => Subject::Attribute(*kind),
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Subject::Text) || matches!(self, Subject::Attribute(kind) if kind.is_text())
    }

    fn ordered(self, name: &str, column: usize, test: &str) -> Result<(), FilterError> {
        let ordered = match self {
            Subject::Status | Subject::RunId | Subject::Bool => false,
            Subject::Attribute(kind) => kind.is_ordered(),
            _ => true,
        };
        if ordered { Ok(()) } else { Err(self.has_no(name, column, test)) }
    }

    fn has_no(self, name: &str, column: usize, test: &str) -> FilterError {
        let message = format!("`{name}` is {}, which has no `{test}`", self.described());
        let help = match self {
            Subject::Attribute(Kind::Texts) => {
                format!("of a list ask {name} = \"x\" or {name} in (\"x\", \"y\"): is it there?")
            }
            _ => format!("ask {name} = {0}, {name} != {0} or {name} in (…)", self.example()),
        };
        FilterError { column, message, help: Some(help) }
    }

    fn described(self) -> &'static str {
        match self {
            Subject::Text | Subject::Attribute(Kind::Text) => "a text",
            Subject::Status => "a status",
            Subject::RunId => "a run id",
            Subject::Bool | Subject::Attribute(Kind::Bool) => "true or false",
            Subject::Time | Subject::Attribute(Kind::Time) => "a time",
            Subject::Duration | Subject::Attribute(Kind::Duration) => "a duration",
            Subject::Count | Subject::Attribute(Kind::Int) => "a whole number",
            Subject::Attribute(Kind::Float | Kind::Decimal) => "a number",
            Subject::Attribute(Kind::Date) => "a date",
            Subject::Attribute(Kind::Enum) => "one of an enum",
            Subject::Attribute(Kind::Texts) => "a list of texts",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Subject::Text | Subject::Attribute(Kind::Text | Kind::Texts) => "\"text\"",
            Subject::Status => "Completed",
            Subject::RunId => "\"0010000000000001\"",
            Subject::Bool | Subject::Attribute(Kind::Bool) => "true",
            Subject::Time | Subject::Attribute(Kind::Time) => "\"2026-06-01T09:00:00Z\"",
            Subject::Duration | Subject::Attribute(Kind::Duration) => "90s",
            Subject::Count | Subject::Attribute(Kind::Int) => "3",
            Subject::Attribute(Kind::Float | Kind::Decimal) => "19.99",
            Subject::Attribute(Kind::Date) => "\"2026-06-01\"",
            Subject::Attribute(Kind::Enum) => "Shipped",
        }
    }

    fn read(self, token: &Tok, now: Timestamp) -> Option<Key> {
        let written = match token {
            Tok::Word(text) | Tok::Number(text) | Tok::Text(text) => text.as_str(),
            _ => return None,
        };
        let quoted = matches!(token, Tok::Text(_));
        let number = matches!(token, Tok::Number(_));
        let time = || {
            let day = || text::parse_time(&format!("{written}T00:00:00Z"));
            let ago = || now.0.checked_sub(text::parse_duration(written)?);
            text::parse_time(written).or_else(day).or_else(ago)
        };
        let textual = |key: String| Some(Key::Text(key));
        match self {
            Subject::Text => quoted.then(|| Key::Text(escaped(written))),
            Subject::Status => {
                let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
                let found = STATUSES.iter().find(|status| plain(&format!("{status:?}")) == plain(written));
                found.map(|status| Key::Int(number_of(*status).into()))
            }
            Subject::RunId => {
                let run = written.parse::<RunId>().ok().filter(|run| run.to_string() == written);
                run.map(run_key)
            }
            Subject::Bool => written.parse().ok().filter(|_| !quoted).map(|yes: bool| Key::Int(yes.into())),
            Subject::Time => time().map(Key::Int),
            Subject::Duration => text::parse_duration(written).map(Key::Int),
            Subject::Count => written.parse().ok().filter(|_| number).map(|count: i64| Key::Text(int(count))),
            Subject::Attribute(kind) => match kind {
                Kind::Bool => written.parse().ok().filter(|_| !quoted).and_then(|yes: bool| textual(yes.to_string())),
                Kind::Int => written.parse().ok().filter(|_| number).and_then(|value: i64| textual(int(value))),
                Kind::Float => {
                    let value = written.parse().ok().filter(|value: &f64| number && value.is_finite());
                    value.and_then(|value| textual(float(value)))
                }
                Kind::Decimal => {
                    let value = text::parse_decimal(written).filter(|_| number || quoted);
                    value.and_then(|value| textual(decimal(&text::decimal(value))))
                }
                Kind::Duration => text::parse_duration(written).and_then(|ms| textual(int(ms))),
                Kind::Time => time().and_then(|ms| textual(int(ms))),
                Kind::Date => text::parse_date(written).and_then(|days| textual(int(days))),
                Kind::Text | Kind::Texts => quoted.then(|| Key::Text(escaped(written))),
                Kind::Enum => (!number).then(|| Key::Text(escaped(written))),
            },
        }
    }

    fn refuse(self, name: &str, column: usize, token: &Tok) -> FilterError {
        let message = format!("`{name}` is {}, found {}", self.described(), token.shown());
        let help = match (self, token) {
            (_, Tok::Word(word)) if is(word, "null") => format!("write {name} is null"),
            (Subject::Status, Tok::Word(word) | Tok::Text(word)) => {
                let names: Vec<String> = STATUSES.iter().map(|status| format!("{status:?}")).collect();
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                match near(word, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if is(word, "stuck") => "stuck runs are Running: write stuck = true".into(),
                    None => format!("one of {}; an attribute called `status` is `state.status`", names.join(", ")),
                }
            }
            (subject, Tok::Word(word)) if subject.is_text() => format!("text stands in quotes: \"{word}\""),
            _ => format!("as in {name} = {}", self.example()),
        };
        FilterError { column, message, help: Some(help) }
    }
}

fn op_sign(op: Op) -> &'static str {
    match op {
        Op::Equal => "=",
        Op::Unequal => "!=",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
    }
}
