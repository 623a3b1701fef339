//! Twice the nesting is about twice the work. Counted in calls of grammar rules, not in time; alone in its process,
//! because pest's call limit, with which it counts, is for all threads.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::num::NonZeroUsize;
use std::sync::Mutex;

use weft_compiler::source::FileId;
use weft_compiler::syntax;

/// One counts at a time.
static COUNTING: Mutex<()> = Mutex::new(());

/// Rule calls that a text needs: the smallest limit under which it is read.
fn calls(text: &str) -> usize {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let enough = |limit: usize| {
        pest::set_call_limit(NonZeroUsize::new(limit));
        let (_, diagnostics) = syntax::parse(FileId(0), text);
        !diagnostics.iter().any(|d| d.code == "WF0005")
    };
    let (mut low, mut high) = (1, 1000 + 1000 * text.len());
    assert!(enough(high), "more than {high} calls for {} bytes", text.len());
    while low < high {
        let middle = (low + high) / 2;
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    pest::set_call_limit(None);
    low
}

#[test]
fn work_grows_with_the_text() {
    let shapes: &[(&str, &str, &str)] = &[
        ("fn a() = ", "(", ")"),
        ("fn a() = ", "[", "]"),
        ("fn a() = ", "[1, ", "]"),
        ("fn a() = ", "f(x, ", ")"),
        ("fn a() = ", "f(a: ", ")"),
        ("fn a() = x", "[x", "]"),
        ("fn a() = ", "{ a: ", "}"),
        ("fn a() = ", "{ ...", "}"),
        ("fn a() { ", "if x { ", "}"),
        ("fn a() { ", "{ ", "}"),
        ("fn a() { ", "match x { A => { ", "} }"),
        ("fn a() { ", "match x { A if ", " => 1 }"),
        ("fn a() = ", "\"{", "}\""),
        ("fn a(x: ", "List<", ">"),
        ("fn a(x: ", "(A, ", ")"),
        ("fn a(x: ", "{ a: ", "}"),
        ("fn a() = match x { ", "A(", ")"),
        ("fn a() { let ", "(a, ", ")"),
        ("workflow a() { ", "parallel { ", "}"),
        ("workflow a() { ", "try { ", "} catch A { }"),
        ("workflow a() { ", "select { after 1s => { ", "} }"),
        ("workflow a() with { a: ", "[", "]"),
        ("fn a() = ", "!", ""),
        ("fn a() = ", "x => ", ""),
        ("fn a() = ", "await ", ""),
        ("fn a() = x", " + x", ""),
        ("fn a() = x", ".f(y)", ""),
        ("fn a() = x", " catch _ => x", ""),
        ("fn a() { if x { }", " else if x { }", ""),
        ("class A ", "{ ", "}"),
        ("nonsense ", "{ ( ", ""),
    ];
    for (start, open, close) in shapes {
        for closed in [true, false] {
            let text = |depth: usize| {
                let close = if closed { close.repeat(depth) } else { String::new() };
                format!("{start}{}{close}\n", open.repeat(depth))
            };
            let (small, large) = (calls(&text(20)), calls(&text(40)));
            // Quadratic work would be near 4, doubling at each level a million.
            assert!(large < small * 5 / 2, "{open} closed: {closed}: {small} calls at 20, {large} at 40");
        }
    }
}

#[test]
fn work_on_a_file_is_the_sum_of_its_items() {
    let item =
        "fn add(a: Int, b: Int) -> Int {\n  let sum = a + b // comment\n  return if sum > 3 { sum } else { 3 }\n}\n";
    let one = calls(item);
    // The limit holds for each item alone.
    assert!(calls(&item.repeat(50)) <= one + 10);
}
