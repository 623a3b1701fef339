//! Long programs are read in time that grows with their length. What is here was hopeless once, when work grew with the square
//! of it or worse: a test that does not end has failed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use weft_compiler::diagnostic::Sources;
use weft_compiler::source::Source;
use weft_compiler::{Diagnostic, Project, compile, fix};

fn project(text: String) -> Project {
    let sources = vec![Source { path: "long.wf".to_owned(), text }];
    Project { name: "long".to_owned(), edition: "2026".to_owned(), sources, ..Project::default() }
}

/// What is said of a program, each code once.
fn codes(text: String) -> Vec<&'static str> {
    let analysis = compile(&project(text));
    let mut codes: Vec<_> = analysis.diagnostics.iter().map(|d| d.code).collect();
    assert!(!codes.is_empty() || analysis.program.is_some());
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A text for each number, one behind the other.
fn each(count: usize, mut line: impl FnMut(usize, &mut String)) -> String {
    let mut out = String::new();
    (0..count).for_each(|n| line(n, &mut out));
    out
}

fn enum_of(count: usize) -> String {
    format!("enum E {{ {} }}\n", each(count, |n, out| write!(out, "V{n} ").unwrap()))
}

#[test]
fn a_match_over_many_forms() {
    let arms = |count: usize| each(count, |n, out| writeln!(out, "V{n} => {n}").unwrap());
    let over = |arms: String| format!("{}fn f(e: E) -> Int = match e {{\n{arms}}}\n", enum_of(5_000));
    assert_eq!(codes(over(arms(5_000))), Vec::<&str>::new());
    assert_eq!(codes(over(arms(4_999))), ["WF1005"]);
    assert_eq!(codes(over(arms(5_000) + &arms(5_000))), ["WF3004"]);
    let one = |value: fn(usize) -> String| {
        let arms = each(10_000, |n, out| writeln!(out, "{} => {n}", value(n)).unwrap());
        arms + "_ => 0\n"
    };
    let of = |ty: &str, arms: String| format!("fn f(x: {ty}) -> Int = match x {{\n{arms}}}\n");
    assert_eq!(codes(of("Int", one(|n| n.to_string()))), Vec::<&str>::new());
    assert_eq!(codes(of("String", one(|n| format!("\"s{n}\"")))), Vec::<&str>::new());
    assert_eq!(codes(of("(Int, String)", one(|n| format!("({n}, \"s{n}\")")))), Vec::<&str>::new());
}

/// Rows that take every form belong to each form: copied at once, they take memory without end.
#[test]
fn arms_that_look_at_one_of_two_fields() {
    let arms = |count: usize| {
        each(count, |n, out| writeln!(out, "(_, {n}) => {n}").unwrap())
            + &each(count, |n, out| writeln!(out, "({n}, _) => {n}").unwrap())
    };
    let over = |ty: &str, arms: String| format!("fn f(x: {ty}) -> Int = match x {{\n{arms}}}\n");
    assert_eq!(codes(over("(Int, Int)", arms(10_000) + "_ => 0\n")), Vec::<&str>::new());
    assert_eq!(codes(over("(Int, Int)", arms(1_000) + "(_, 5) => 0\n_ => 0\n")), ["WF3004"]);
    let wide_below = each(5_000, |n, out| writeln!(out, "({n}, _) => {n}").unwrap())
        + &each(5_000, |n, out| writeln!(out, "(_, {n}) => {n}").unwrap());
    assert_eq!(codes(over("(Int, Int)", wide_below.clone() + "(_, 5) => 0\n_ => 0\n")), ["WF3004"]);
    assert_eq!(codes(over("(Int, Int)", wide_below)), ["WF1005"]);
}

/// Each is covered by one of thousands, which differ in what only one of their fields looks for.
#[test]
fn arms_that_are_there_twice() {
    for arm in [|n| format!("({n}, 1) => {n}\n"), |n| format!("(1, {n}) => {n}\n")] {
        let arms = each(4_000, |n, out| out.push_str(&arm(n)));
        let text = format!("fn f(x: (Int, Int)) -> Int = match x {{\n{arms}{arms}_ => 0 }}\n");
        let found = compile(&project(text)).diagnostics;
        assert_eq!(found.iter().filter(|d| d.code == "WF3004" && d.related.len() == 1).count(), 4_000);
    }
}

#[test]
fn what_a_match_leaves_is_told_in_few_words() {
    let fields = each(9_000, |n, out| write!(out, "f{n}: Int, ").unwrap());
    let wide = format!("enum E {{ A({fields}) B }}\nfn f(e: E) -> Int = match e {{ B => 1 }}\n");
    for text in [format!("{}fn f(e: E) -> Int = match e {{ V0 => 1 }}\n", enum_of(4_000)), wide] {
        let found = compile(&project(text)).diagnostics;
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["WF1005"]);
        assert!(format!("{:?}", found[0]).len() < 5_000, "{found:?}");
    }
}

/// Each arm looks at three of eighty columns, others than most. They cover everything, and it takes too long to see that.
#[test]
fn a_match_that_is_too_involved_is_not_called_uncovered() {
    let mut seed = 1_u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let arms = each(480, |n, out| {
        let mut columns = ["_"; 80];
        (0..3).for_each(|_| columns[below(80) as usize] = ["true", "false"][below(2) as usize]);
        writeln!(out, "({}) => {n}", columns.join(", ")).unwrap();
    });
    let over = |arms: &str| format!("fn f(x: ({})) -> Int = match x {{\n{arms}}}\n", ["Bool"; 80].join(", "));
    let found = compile(&project(over(&arms))).diagnostics;
    let told: Vec<_> = found.iter().map(|d| (d.code, d.message.as_str())).collect();
    assert_eq!(told, [("WF1005", "match is too involved to be checked")]);
    assert_eq!(codes(over(&(arms + "_ => 0\n"))), Vec::<&str>::new());
}

#[test]
fn types_without_end() {
    let records = each(5_000, |n, out| writeln!(out, "record R{n} {{ a: R{n}, b: R{} }}", n + 1).unwrap());
    let found = compile(&project(records + "record R5000 { a: Int }\n")).diagnostics;
    assert_eq!(found.iter().filter(|d| d.code == "WF1013").count(), 5_000);
    let fields = each(5_000, |n, out| write!(out, "f{n}: L{n} ").unwrap());
    let leaves = each(5_000, |n, out| writeln!(out, "record L{n} {{ a: Int }}").unwrap());
    assert_eq!(codes(format!("record R {{ {fields} }}\n{leaves}")), Vec::<&str>::new());
}

#[test]
fn many_statements_on_one_line() {
    let lets = |value: fn(usize) -> String| {
        format!(
            "fn f() -> Int {{ {}return 1 }}\n",
            each(8_000, |n, out| write!(out, "let a{n} = {} ", value(n)).unwrap())
        )
    };
    assert_eq!(codes(lets(|n| n.to_string())), Vec::<&str>::new());
    shown(&project(lets(|n| format!("b{n}"))), 8_000);
}

/// Compiles and shows everything in each form.
fn shown(project: &Project, least: usize) {
    let diagnostics = compile(project).diagnostics;
    assert!(diagnostics.len() >= least, "{}", diagnostics.len());
    let sources = Sources::new(&project.sources);
    diagnostics.iter().for_each(|diagnostic| read(&sources, diagnostic));
}

/// Reads what a renderer would of a diagnostic.
fn read(sources: &Sources<'_>, diagnostic: &Diagnostic) {
    use miette::Diagnostic as _;
    assert!(sources.json(diagnostic)["line"].is_u64());
    let report = sources.report(diagnostic);
    let source = report.source_code().unwrap();
    for label in report.labels().unwrap() {
        let contents = source.read_span(label.inner(), 1, 1).unwrap();
        assert!(contents.data().len() < 30_000, "{} bytes are shown", contents.data().len());
    }
}

#[test]
fn many_mistakes() {
    shown(&project("fn f( -> = 5 }\n".repeat(5_000)), 5_000);
    shown(
        &project(each(5_000, |n, out| writeln!(out, "fn f{n}() -> Int = \"x\"\nfn g{n}( -> Int = 5").unwrap())),
        10_000,
    );
    shown(
        &project(each(5_000, |n, out| {
            writeln!(out, "record Type{n} {{ a: Int }}\nfn f{n}(x: Typ{n}) -> Int = 1").unwrap()
        })),
        5_000,
    );
    let fields = each(2_000, |n, out| write!(out, "f{n}: Int ").unwrap());
    let uses = each(2_000, |n, out| writeln!(out, "r.g{n}").unwrap());
    shown(&project(format!("record R {{ {fields} }}\nfn f(r: R) {{\n{uses}}}\n")), 2_000);
    shown(&project("/* x\n".repeat(20_000)), 1);
    shown(&project(format!("fn f() {{ {}}}\n", "let = = 5 ) ".repeat(5_000))), 1);
    shown(&project("nonsense".repeat(100_000)), 1);
}

#[test]
fn many_optionals_that_are_known() {
    let lines =
        |count: usize| each(count, |n, out| writeln!(out, "let x{n} = g() if x{n} == none {{ return 1 }}").unwrap());
    assert_eq!(
        codes(format!("fn g() -> Int? = 1\nfn f() -> Int {{\n{}return x0\n}}\n", lines(3_000))),
        Vec::<&str>::new()
    );
}

#[test]
fn many_members_and_tasks() {
    let declared = each(3_000, |n, out| writeln!(out, "state c{n} = 0 signal s{n}(k: Int) {{ c{n} += k }}").unwrap());
    let sent = each(3_000, |n, out| writeln!(out, "send r.s{n}(1)").unwrap());
    let both = format!("workflow v() {{\n{declared}wait until c0 > 1\n}}\nworkflow w(r: Run<v>) {{\n{sent}}}\n");
    assert_eq!(codes(both), Vec::<&str>::new());
    let begun = each(2_000, |n, out| writeln!(out, "let t{n} = spawn a({n})").unwrap());
    let awaited = each(2_000, |n, out| writeln!(out, "await t{n}").unwrap());
    let head = "error E { a: Int }\nactivity a(x: Int) -> Int throws E with { queue: \"q\", timeout: 1s }\n";
    assert_eq!(codes(format!("{head}workflow w() throws E {{\n{begun}{awaited}}}\n")), Vec::<&str>::new());
    let begun = each(6_000, |n, out| writeln!(out, "let t{n} = spawn a({n})").unwrap());
    let thrown = each(6_000, |n, out| writeln!(out, "if k == {n} {{ throw E(1) }}").unwrap());
    let awaited = each(6_000, |n, out| writeln!(out, "await t{n}").unwrap());
    let all = format!("{head}workflow w(k: Int) throws E {{\n{begun}{thrown}{awaited}}}\n");
    assert_eq!(codes(all), Vec::<&str>::new());
}

/// Each of them doubles the one before.
#[test]
fn constants_do_not_grow_without_end() {
    let doubled = |first: &str, next: fn(usize) -> String| {
        first.to_owned() + &each(60, |n, out| writeln!(out, "const a{} = {}", n + 1, next(n)).unwrap())
    };
    assert_eq!(codes(doubled("const a0 = \"x\"\n", |n| format!("\"{{a{n}}}{{a{n}}}\""))), ["WF1016"]);
    assert_eq!(codes(doubled("const a0 = (1, 1)\n", |n| format!("(a{n}, a{n})")))[0], "WF1016");
}

#[test]
fn many_mistakes_are_mended_at_once() {
    let text = format!("fn f(n: Int) {{\n{}}}\n", "if n === 1 { log.info(\"a\") }\n".repeat(2_000));
    let done = fix::fix(&project(text)).done;
    assert_eq!(done.len(), 2_000);
}
