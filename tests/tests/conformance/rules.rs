//! Which rules of behavior the cases pin. `tests/conformance/rules.txt` lists them, part by part; a case names those that
//! it would not pass without in lines `// rule: 2.4 2.5` of its header.

use std::collections::{BTreeMap, BTreeSet};

use crate::script::Case;

/// A rule as it is listed.
#[derive(Debug)]
struct Rule<'a> {
    /// `2.4`.
    number: &'a str,
    /// What it says; with `-` before it, why no case is about it.
    words: &'a str,
}

/// What is wrong with the list and the names, for people.
pub(crate) fn wrong(cases: &[Case]) -> Vec<String> {
    let path = weft_tests::cases::folder().join("rules.txt");
    let text = std::fs::read_to_string(&path).expect("the list of rules is beside the cases");
    let listed: Vec<Rule<'_>> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(rule).collect();
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases {
        for rule in &case.rules {
            named.entry(rule).or_default().push(&case.name);
        }
    }
    let mut wrong: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for Rule { number, words } in &listed {
        if !is_number(number) || !seen.insert(number) {
            wrong.push(format!("rules.txt: `{number}` is no number of a rule, or is listed twice"));
        }
        match (words.starts_with('-'), named.contains_key(number)) {
            (true, true) => wrong.push(format!("rule {number} is listed as not tested here, and a case names it")),
            (false, false) => wrong.push(format!("no case names rule {number}: {words}")),
            (true, false) | (false, true) => {}
        }
    }
    for (number, cases) in &named {
        if !seen.contains(number) {
            wrong.push(format!("{} name{} rule {number}, which is not in rules.txt", cases.join(", "), s(cases.len())));
        }
    }
    for (number, cases) in &named {
        println!("{number}: {}", cases.join(" "));
    }
    wrong
}

fn s(cases: usize) -> &'static str {
    if cases == 1 { "s" } else { "" }
}

fn rule(line: &str) -> Rule<'_> {
    let (number, words) = line.split_once(' ').unwrap_or((line, ""));
    Rule { number, words: words.trim() }
}

/// Whether it is one as `2.4`.
fn is_number(number: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.split_once('.').is_some_and(|(part, rule)| digits(part) && digits(rule))
}
