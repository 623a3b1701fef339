//! Markers, junk and foreign idioms → diagnostics: where, what, and one for each spot.

mod braces;
mod foreign;
mod sort;
mod words;

pub(super) use foreign::word as foreign_word;
use pest::Token;
use pest::iterators::Pairs;

use super::ast::Lost;
use super::grammar::Rule;
use super::place::Places;
use super::split::Chunk;
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::source::Span;
use sort::{Marker, Sort};
pub(super) use words::found;

/// Something the grammar had to say, with what it was part of.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    rule: Rule,
    sort: Sort,
    start: usize,
    end: usize,
    parent: Rule,
    parent_start: usize,
    /// Whether it is in the body of a declaration: the declaration itself was read.
    in_body: bool,
}

/// Everything that is wrong with the shape of one piece of a file.
pub(super) fn report(
    pairs: &Pairs<'_, Rule>,
    chunk: &Chunk,
    places: &mut Places<'_>,
    out: &mut Vec<Diagnostic>,
    lost: &mut Vec<Lost>,
) {
    let (troubles, statements) = collect(pairs, chunk.start);
    if troubles.is_empty() {
        return;
    }
    let mut report = Report { chunk, places, out, last: None, unclosed: false };
    for trouble in &troubles {
        report.one(trouble);
    }
    report.semicolons(&troubles);
    let unclosed = report.unclosed;
    lost.extend(losses(&troubles, &statements, unclosed, chunk, places));
}

/// What of the piece cannot be relied on: text that belongs to no item, and items whose declaration is broken.
fn losses(
    troubles: &[Trouble],
    statements: &[(usize, usize, usize)],
    unclosed: bool,
    chunk: &Chunk,
    places: &mut Places<'_>,
) -> Vec<Lost> {
    let mut lost = Vec::new();
    let mut broken = unclosed;
    for trouble in troubles {
        match trouble.sort {
            Sort::Junk if trouble.rule == Rule::junk_item => {
                let names = words::names(&places.text[trouble.start..trouble.end]);
                // Signs alone declare nothing.
                if names.is_empty() && places.text[trouble.start..trouble.end].trim() == ";" {
                    continue;
                }
                lost.push(Lost { span: places.span(trouble.start, trouble.end), names, scope: None });
                // Behind something on its line it is the rest of that.
                let before = places.trim(trouble.start, chunk.start);
                broken |= before > chunk.start && !places.text[before..trouble.start].contains('\n');
            }
            Sort::Junk | Sort::Missing(_) => broken |= !trouble.in_body,
            _ => {}
        }
    }
    if broken {
        let nameless = troubles.iter().any(|t| t.sort == Sort::Missing(Marker::Name) && !t.in_body);
        let text = &places.text[chunk.start..chunk.end];
        // The name stands before the first bracket.
        let head = &text[..text.find(['(', '{', '=']).unwrap_or(text.len())];
        let names = if nameless { Vec::new() } else { words::names(head) };
        lost.push(Lost { span: places.span(chunk.start, chunk.end), names, scope: None });
    }
    let scope = places.span(chunk.start, chunk.end);
    for &(start, end, trouble) in statements {
        // What it would have bound stands before the trouble, or is its first word.
        let before = places.trim(trouble, start).max(start);
        let token = places.next_token(before);
        let names = words::names(&places.text[start..(token + words::token(places.text, token).len()).max(start)]);
        let span = places.span(start, end.max(token));
        // What binds no name is not missed elsewhere.
        let binds_nothing = matches!(words::token(places.text, start), "wait" | "sleep" | "return" | "throw");
        let scope = if binds_nothing && names.is_empty() { span } else { scope };
        lost.push(Lost { span, names, scope: Some(scope) });
    }
    lost
}

/// Markers, junk and idioms in the order of the text.
///
/// Also the statements they are in: start, end, and the first trouble.
fn collect(pairs: &Pairs<'_, Rule>, base: usize) -> (Vec<Trouble>, Vec<(usize, usize, usize)>) {
    let mut statements: Vec<(usize, Option<usize>)> = Vec::new();
    let mut broken = Vec::new();
    let mut stack: Vec<(Rule, usize)> = vec![(Rule::file, base)];
    let mut open: Vec<Trouble> = Vec::new();
    let mut found = Vec::new();
    for token in pairs.clone().tokens() {
        match token {
            Token::Start { rule, pos } => {
                let start = base + pos.pos();
                let sort = sort::sort(rule);
                if matches!(rule, Rule::stmt | Rule::member) {
                    statements.push((start, None));
                }
                if matches!(sort, Sort::Junk | Sort::Missing(_))
                    && let Some((_, first)) = statements.last_mut()
                {
                    first.get_or_insert(start);
                }
                if sort != Sort::Fine
                    && let Some(&(parent, parent_start)) = stack.last()
                {
                    let in_body = stack.iter().any(|(r, _)| matches!(r, Rule::block | Rule::wf_block | Rule::body));
                    open.push(Trouble { rule, sort, start, end: start, parent, parent_start, in_body });
                }
                stack.push((rule, start));
            }
            Token::End { rule, pos } => {
                stack.pop();
                if matches!(rule, Rule::stmt | Rule::member)
                    && let Some((start, Some(trouble))) = statements.pop()
                {
                    broken.push((start, base + pos.pos(), trouble));
                }
                if sort::sort(rule) != Sort::Fine
                    && let Some(mut trouble) = open.pop()
                {
                    trouble.end = base + pos.pos();
                    found.push(trouble);
                }
            }
        }
    }
    found.sort_by_key(|t| (t.start, t.end));
    (found, broken)
}

/// The spot of the last diagnostic: what follows at the same spot is its consequence.
#[derive(Debug, Clone, Copy)]
struct Spot {
    /// Where its place ends.
    end: usize,
    /// The line of that.
    line_start: usize,
    /// Its diagnostic.
    index: usize,
}

struct Report<'r, 'a> {
    chunk: &'r Chunk,
    places: &'r mut Places<'a>,
    out: &'r mut Vec<Diagnostic>,
    last: Option<Spot>,
    /// Whether a brace was blamed: what follows the item is then its consequence.
    unclosed: bool,
}

impl Report<'_, '_> {
    fn one(&mut self, trouble: &Trouble) {
        match trouble.sort {
            Sort::Fine | Sort::Semicolon => {}
            Sort::StrayDoc => self.stray_doc(trouble),
            Sort::Foreign => {
                let text = self.places.text;
                let diagnostic = foreign::idiom(trouble.rule, trouble.start, trouble.end, trouble.parent_start, text);
                self.out.push(diagnostic.at(self.places, trouble.start, trouble.end));
            }
            Sort::Junk => self.junk(trouble),
            Sort::Missing(marker) => self.missing(marker, trouble),
        }
    }

    fn stray_doc(&mut self, trouble: &Trouble) {
        let span = self.places.span(trouble.start, trouble.end);
        let fix = Fix {
            title: "make it a plain comment".to_owned(),
            edits: vec![(Span { end: span.start + 3, ..span }, "//".to_owned())],
            safe: true,
        };
        self.out.push(
            Diagnostic::warning("WF0011", span, "this doc comment documents nothing")
                .why("`///` belongs to the declaration, field or member that follows it")
                .help("use `//` for a note to readers of the code")
                .fix(fix),
        );
    }

    fn missing(&mut self, marker: Marker, trouble: &Trouble) {
        let at = self.places.trim(trouble.start, self.chunk.start);
        let found_at = self.places.next_token(at);
        if self.is_consequence(at, marker == Marker::CloseBrace) {
            self.touch(at);
            return;
        }
        let diagnostic = self.missing_words(marker, trouble, at, found_at);
        self.keep(at, diagnostic);
    }

    fn missing_words(&mut self, marker: Marker, trouble: &Trouble, at: usize, found_at: usize) -> Diagnostic {
        let text = self.places.text;
        match marker {
            Marker::CloseBrace => return self.unclosed_brace(trouble, found_at),
            Marker::CloseQuote => return self.unclosed_string(trouble),
            _ => {}
        }
        if let Some(idiom) = foreign::instead_of(marker, trouble.parent, found_at, text) {
            let end = found_at + words::token(text, found_at).len();
            return idiom.at(self.places, found_at, end);
        }
        if matches!(marker, Marker::Expr | Marker::Operand | Marker::Arm) && words::is_digit(text, found_at) {
            return words::not_a_number(self.places, found_at);
        }
        let word = words::token(text, found_at);
        let named = matches!(marker, Marker::Name | Marker::Pattern | Marker::Path) && trouble.parent != Rule::annot;
        if named && words::is_reserved(word) && self.places.line_start(at) == self.places.line_start(found_at) {
            let span = self.places.span(found_at, found_at + word.len());
            return Diagnostic::error("WF0001", span, format!("expected a name, found the word `{word}`"))
                .label("means something of its own")
                .help(match trouble.parent {
                    Rule::import => "a module is called like its file: give that another name to import from it",
                    _ => "it may name fields, parameters and options, but no variables and declarations",
                });
        }
        let what = words::what(marker, trouble.parent);
        let found = words::found(text, found_at);
        let span = self.places.span(at, at);
        let mut diagnostic = Diagnostic::error("WF0001", span, format!("expected {what}, found {found}"))
            .label(format!("{what} is missing here"));
        if let Some(closer) = words::closer(marker)
            && let Some(n) = text.get(trouble.parent_start..at).and_then(|t| t.find(closer))
        {
            let opener = trouble.parent_start + n;
            diagnostic = diagnostic.also(self.places.span(opener, opener + 1), "opened here");
        }
        if let Some(example) = words::example(trouble.parent) {
            diagnostic = diagnostic.help(format!("it looks like this: {example}"));
        }
        diagnostic
    }

    fn unclosed_brace(&mut self, trouble: &Trouble, found_at: usize) -> Diagnostic {
        let text = self.places.text;
        self.unclosed = true;
        let found = words::token(text, found_at);
        if found_at > self.places.line_start(found_at)
            && let Some(place) = words::belongs(found)
        {
            let span = self.places.span(found_at, found_at + found.len());
            return Diagnostic::error("WF0001", span, format!("expected a statement, found `{found}`"))
                .label(format!("{place}, not in an inner block"))
                .help("move it there; if it stands there already, a `}` is missing above");
        }
        let blame = braces::blame(text, self.chunk.start, self.chunk.end)
            .or_else(|| text[trouble.parent_start..].find('{').map(|n| (trouble.parent_start + n, None)));
        let (opener, closer) = blame.unwrap_or((trouble.parent_start, None));
        let span = self.places.span(opener, opener + 1);
        let mut diagnostic =
            Diagnostic::error("WF0002", span, "this `{` is never closed").label("no `}` belongs to it");
        match closer {
            Some(closer) => {
                let place = self.places.span(closer, closer + 1);
                diagnostic = diagnostic.also(place, "this `}` stands further left, so it closes an outer block");
            }
            None => {
                let end = self.places.trim(trouble.start, self.chunk.start);
                let place = self.places.span(end, end);
                diagnostic = diagnostic.also(place, "it was still open here");
            }
        }
        diagnostic.help("add a `}` on a line of its own, below the `{` it closes")
    }

    fn unclosed_string(&mut self, trouble: &Trouble) -> Diagnostic {
        let text = self.places.text;
        let triple = text[trouble.parent_start..].starts_with("\"\"\"");
        let end = if triple { trouble.parent_start + 3 } else { self.places.trim(trouble.start, self.chunk.start) };
        let span = self.places.span(trouble.parent_start, end.max(trouble.parent_start + 1));
        let help = if triple {
            "close it with `\"\"\"`"
        } else {
            "close it with `\"` on the same line; text of several lines stands between `\"\"\"`"
        };
        Diagnostic::error("WF0002", span, "this string is never closed").label("opened here").help(help)
    }

    fn junk(&mut self, trouble: &Trouble) {
        let text = self.places.text;
        let stray_end = text[trouble.start..].starts_with('}') && self.last.is_some();
        if trouble.rule == Rule::junk_item && (self.unclosed || stray_end) {
            return;
        }
        let end = self.places.trim(trouble.end, trouble.start);
        let idiom = foreign::junk(trouble.rule, trouble.start, text);
        if self.is_consequence(trouble.start, false) {
            // Junk right behind a marker is what the marker found; what it is called elsewhere says more.
            if let Some(last) = self.last
                && let Some(idiom) = idiom
                && self.out.get(last.index).is_some_and(|d| d.code == "WF0001")
                && self.places.next_token(last.end) == trouble.start
            {
                let first = trouble.start + words::token(text, trouble.start).len();
                self.out[last.index] = idiom.at(self.places, trouble.start, first);
            }
            self.touch(end);
            return;
        }
        let first = trouble.start + words::token(text, trouble.start).len();
        if let Some(diagnostic) = foreign::arm_before(trouble.rule, trouble.start, self.places) {
            return self.keep(end, diagnostic);
        }
        let diagnostic = match idiom {
            None if words::is_digit(text, trouble.start) && !words::is_number(&text[trouble.start..first]) => {
                words::not_a_number(self.places, trouble.start)
            }
            Some(idiom) => idiom.at(self.places, trouble.start, first),
            None => {
                let found = words::found(text, trouble.start);
                let span = self.places.span(trouble.start, first);
                words::junk(trouble.rule, trouble.parent, &found, &text[trouble.start..end], span)
            }
        };
        self.keep(end, diagnostic);
    }

    /// Whether a spot was already reported: the same place, right behind it, or the same line.
    fn is_consequence(&mut self, at: usize, only_same_place: bool) -> bool {
        let Some(last) = self.last else { return false };
        if at <= last.end || self.places.trim(at, self.chunk.start) <= last.end {
            return true;
        }
        !only_same_place && last.line_start == self.places.line_start(at)
    }

    fn keep(&mut self, end: usize, diagnostic: Diagnostic) {
        let index = self.out.len();
        self.out.push(diagnostic);
        self.last = Some(Spot { end, line_start: self.places.line_start(end), index });
    }

    /// Later trouble right behind `end` is still the same spot.
    fn touch(&mut self, end: usize) {
        let line_start = self.places.line_start(end);
        if let Some(last) = &mut self.last {
            last.end = last.end.max(end);
            last.line_start = line_start;
        }
    }

    /// One warning for all semicolons at line ends, with one fix. One that keeps a statement from going on with what
    /// stands below it is needed.
    fn semicolons(&mut self, troubles: &[Trouble]) {
        let text = self.places.text;
        let mut spans = Vec::new();
        for trouble in troubles.iter().filter(|t| t.sort == Sort::Semicolon) {
            let rest = text[trouble.end..].trim_start_matches([' ', '\t', '\r']);
            let at_end = rest.is_empty() || rest.starts_with(['\n', '}']) || rest.starts_with("//");
            if at_end && !foreign::goes_on(text, self.places.next_token(trouble.end)) {
                spans.push(self.places.span(trouble.start, trouble.end));
            }
        }
        let Some(&first) = spans.first() else { return };
        let count = spans.len();
        let message = match count {
            1 => "a statement needs no `;`".to_owned(),
            _ => format!("statements need no `;` ({count} in this item)"),
        };
        self.out.push(Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error("WF0006", first, message)
                .why("a statement ends where the next one begins; `;` only keeps apart what would go on, as `-1` does")
                .help("remove it")
                .fix(Fix {
                    title: "remove `;`".to_owned(),
                    edits: spans.into_iter().map(|s| (s, String::new())).collect(),
                    safe: true,
                })
        });
    }
}
