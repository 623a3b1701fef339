//! The grammar at the end of `docs/language.md` is the one the compiler is built of, without what is there for broken
//! text and for words of other languages. `BLESS=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pest_meta::ast::Expr;
use pest_meta::parser::{self, Rule};

/// Columns of the page's code.
const WIDTH: usize = 110;

const BEGIN: &str = "<!-- grammar: made by tests/tests/language/grammar.rs -->\n```text\n";

/// A rule without what only broken programs need.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Strict {
    /// Matches in broken programs only.
    Never,
    /// Matches nothing, or looks ahead.
    Empty,
    Word(String),
    Seq(Vec<Strict>),
    Choice(Vec<Strict>),
    /// With `?`, `*` or `+` behind it.
    Times(Box<Strict>, char),
}

fn strict(expr: &Expr, literals: &BTreeMap<String, String>) -> Strict {
    match expr {
        Expr::Str(text) => Strict::Word(format!("{text:?}")),
        Expr::Range(from, to) => Strict::Word(format!("'{from}'..'{to}'")),
        Expr::Ident(name) if is_for_broken_text(name) => Strict::Never,
        Expr::Ident(name) if ["gap", "blank"].contains(&name.as_str()) => Strict::Empty,
        Expr::Ident(name) => Strict::Word(literals.get(name).cloned().unwrap_or_else(|| name.clone())),
        Expr::NegPred(_) | Expr::PosPred(_) => Strict::Empty,
        Expr::Seq(not, any) if **any == Expr::Ident("ANY".to_owned()) => match &**not {
            Expr::NegPred(not) => Strict::Seq(vec![any_but(&strict(not, literals))]),
            _ => Strict::Word("ANY".to_owned()),
        },
        Expr::Seq(left, right) => {
            let mut parts = Vec::new();
            for part in [strict(left, literals), strict(right, literals)] {
                match part {
                    Strict::Never => return Strict::Never,
                    Strict::Empty => {}
                    Strict::Seq(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            one_or(parts, Strict::Empty, Strict::Seq)
        }
        Expr::Choice(left, right) => {
            let mut parts: Vec<Strict> = Vec::new();
            for part in [strict(left, literals), strict(right, literals)] {
                match part {
                    Strict::Never => {}
                    Strict::Choice(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            let mut once: Vec<Strict> = Vec::new();
            for part in parts {
                if !once.contains(&part) {
                    once.push(part);
                }
            }
            one_or(once, Strict::Never, Strict::Choice)
        }
        Expr::Opt(inner) => times(strict(inner, literals), '?'),
        Expr::Rep(inner) => times(strict(inner, literals), '*'),
        Expr::RepOnce(inner) => match strict(inner, literals) {
            Strict::Never => Strict::Never,
            other => times(other, '+'),
        },
        other => panic!("the grammar uses {other:?}, which this page does not know"),
    }
}

/// One character that does not begin what is not wanted.
fn any_but(not: &Strict) -> Strict {
    Strict::Word(format!("ANY - {}", shown(not, true)))
}

fn one_or(mut parts: Vec<Strict>, none: Strict, many: fn(Vec<Strict>) -> Strict) -> Strict {
    match parts.len() {
        0 => none,
        1 => parts.remove(0),
        _ => many(parts),
    }
}

fn times(inner: Strict, sign: char) -> Strict {
    match inner {
        Strict::Never | Strict::Empty => Strict::Empty,
        other => Strict::Times(Box::new(other), sign),
    }
}

fn is_for_broken_text(rule: &str) -> bool {
    ["missing_", "foreign_", "junk_"].iter().any(|start| rule.starts_with(start))
        || ["junk", "stray_doc", "modifier", "elif", "semicolon", "bare_with", "literal", "pair", "quoted", "rec_start"]
            .contains(&rule)
}

fn shown(part: &Strict, inside: bool) -> String {
    match part {
        Strict::Never | Strict::Empty => "\"\"".to_owned(),
        Strict::Word(word) => word.clone(),
        Strict::Seq(parts) => {
            let text = parts.iter().map(|p| shown(p, true)).collect::<Vec<_>>().join(" ");
            if inside { format!("({text})") } else { text }
        }
        Strict::Choice(parts) => {
            let text = parts.iter().map(|p| shown(p, matches!(p, Strict::Choice(_)))).collect::<Vec<_>>().join(" | ");
            if inside { format!("({text})") } else { text }
        }
        Strict::Times(inner, sign) => format!("{}{sign}", shown(inner, true)),
    }
}

fn words(part: &Strict, found: &mut Vec<String>) {
    match part {
        Strict::Word(word) => found.push(word.clone()),
        Strict::Seq(parts) | Strict::Choice(parts) => parts.iter().for_each(|p| words(p, found)),
        Strict::Times(inner, _) => words(inner, found),
        Strict::Never | Strict::Empty => {}
    }
}

/// The strict grammar as text, its rules in the order of the file, those that nothing reaches left out.
fn page() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("../compiler/src/syntax/grammar.pest")).unwrap();
    let rules = parser::consume_rules(parser::parse(Rule::grammar_rules, &text).unwrap()).unwrap();
    let mut literals = BTreeMap::new();
    for rule in &rules {
        if let Some(word) = rule.name.strip_prefix("kw_") {
            literals.insert(rule.name.clone(), format!("'{word}'"));
        }
    }
    for (name, sign) in [("paren", ")"), ("brace", "}"), ("bracket", "]"), ("angle", ">")] {
        literals.insert(format!("close_{name}"), format!("{sign:?}"));
    }
    let strict: Vec<(String, Strict)> =
        rules.iter().map(|rule| (rule.name.clone(), strict(&rule.expr, &literals))).collect();
    let (mut reached, mut todo) = (BTreeSet::new(), vec!["file".to_owned()]);
    while let Some(name) = todo.pop() {
        let Some((_, rule)) = strict.iter().find(|(other, _)| *other == name) else { continue };
        if reached.insert(name) {
            words(rule, &mut todo);
        }
    }
    let mut page = String::new();
    for (name, rule) in strict.iter().filter(|(name, _)| reached.contains(name)) {
        wrap(&mut page, &format!("{name:<14}= {}", shown(rule, false)));
    }
    page
}

fn wrap(page: &mut String, line: &str) {
    let mut width = 0;
    for (n, word) in line.split(' ').enumerate() {
        if n > 0 && width + 1 + word.chars().count() > WIDTH {
            page.push_str("\n                ");
            width = 16;
        } else if n > 0 {
            page.push(' ');
            width += 1;
        }
        page.push_str(word);
        width += word.chars().count();
    }
    page.push('\n');
}

#[test]
fn the_reference_shows_the_grammar_of_the_compiler() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/language.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let from = text.find(BEGIN).expect("the page has a place for the grammar") + BEGIN.len();
    let to = from + text[from..].find("```").unwrap();
    let page = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{}{page}{}", &text[..from], &text[to..])).unwrap();
    } else {
        assert!(text[from..to] == page, "docs/language.md shows another grammar; renew it with BLESS=1");
    }
    assert!(page.contains("'workflow'") && !page.contains("missing_") && !page.contains("foreign_"), "{page}");
}
