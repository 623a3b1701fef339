//! Diagnostics → sources: the edits that need no person to look are made, until none is left.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::{Project, compile};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Lines, Span};

/// Times the edits of all diagnostics are made; a mended mistake may uncover another.
const ROUNDS_MAX: usize = 16;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The project with all safe edits made. Files are where they were.
    pub project: Project,
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What is left to say.
    pub left: Vec<Diagnostic>,
}

/// A fix that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Path of the file.
    pub path: String,
    /// The line as it was numbered when the fix was made, from 1.
    pub line: usize,
    /// What it did: the title of the fix.
    pub title: String,
}

/// Makes the safe edits of a project's diagnostics, over and over.
pub fn fix(project: &Project) -> Fixed {
    fix_those(project, |_| true)
}

/// Makes the safe edits of the diagnostics with one code, over and over.
pub fn fix_of(project: &Project, code: &str) -> Fixed {
    fix_those(project, |diagnostic| diagnostic.code == code)
}

fn fix_those(project: &Project, pass: impl Fn(&Diagnostic) -> bool) -> Fixed {
    let mut fixed = Fixed { project: project.clone(), done: Vec::new(), left: Vec::new() };
    for _ in 0..ROUNDS_MAX {
        fixed.left = compile(&fixed.project).diagnostics;
        if !round(&mut fixed, &pass) {
            return fixed;
        }
    }
    fixed.left = compile(&fixed.project).diagnostics;
    fixed
}

/// Makes the safe edits of the diagnostics that are left and pass; false if there was none.
fn round(fixed: &mut Fixed, pass: impl Fn(&Diagnostic) -> bool) -> bool {
    let mut edits: Vec<(Span, &str)> = Vec::new();
    let mut taken = Taken::default();
    let lines: Vec<Lines> = fixed.project.sources.iter().map(|source| Lines::new(&source.text)).collect();
    for diagnostic in fixed.left.iter().filter(|diagnostic| pass(diagnostic)) {
        let Some(fix) = diagnostic.fix.as_ref().filter(|fix| fix.safe) else { continue };
        // One that touches another waits for the next round, where its places are known anew.
        let joins = matches!(fix.edits.as_slice(), [(span, text)] if taken.joins(*span, text));
        if !joins && fix.edits.iter().any(|(span, _)| taken.touch(*span)) {
            continue;
        }
        if fix.edits.iter().any(|(span, text)| inserted_before(&fixed.project, *span, text)) {
            continue;
        }
        fix.edits.iter().for_each(|(span, text)| taken.add(*span, text));
        edits.extend(fix.edits.iter().map(|(span, text)| (*span, text.as_str())));
        let file = usize::from(diagnostic.span.file.0);
        let source = &fixed.project.sources[file];
        let (line, _) = lines[file].position(&source.text, diagnostic.span.start as usize);
        fixed.done.push(Done { path: source.path.clone(), line, title: fix.title.clone() });
    }
    edits.sort_by_key(|(span, _)| (span.file.0, span.start, span.end));
    for of_file in edits.chunk_by(|(a, _), (b, _)| a.file == b.file) {
        let source = &mut fixed.project.sources[usize::from(of_file[0].0.file.0)];
        let (mut text, mut at) = (String::with_capacity(source.text.len()), 0);
        for (span, new) in of_file {
            text.push_str(&source.text[at..span.start as usize]);
            text.push_str(new);
            at = span.end as usize;
        }
        text.push_str(&source.text[at..]);
        source.text = text;
    }
    !edits.is_empty()
}

/// Places that are edited, none of which touches another.
#[derive(Default)]
struct Taken<'a> {
    /// Where each begins, and where it ends.
    ends: BTreeMap<(FileId, u32), u32>,
    /// What is inserted into a row, and where.
    rows: BTreeSet<(FileId, u32, &'a str)>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, span: Span, text: &'a str) {
        let end = self.ends.entry((span.file, span.start)).or_default();
        *end = span.end.max(*end);
        if let Some(head) = of_a_row(span, text) {
            self.rows.insert((span.file, span.start, head));
        }
    }

    /// Whether it is inserted behind others of its row. One that begins like another waits: it would be there twice.
    fn joins(&self, span: Span, text: &str) -> bool {
        let Some(head) = of_a_row(span, text) else { return false };
        let mut same =
            self.rows.range((span.file, span.start, "")..).take_while(|row| (row.0, row.1) == (span.file, span.start));
        same.next().is_some() && !self.rows.contains(&(span.file, span.start, head))
    }

    /// Whether a place overlaps one of them, or begins where one does.
    fn touch(&self, span: Span) -> bool {
        let before = self.ends.range(..=(span.file, span.start)).next_back();
        let before = before
            .is_some_and(|((file, start), end)| *file == span.file && (*start == span.start || *end > span.start));
        before || self.ends.range((span.file, span.start)..(span.file, span.end.max(span.start))).next().is_some()
    }
}

/// How an insertion begins that may stand behind others: a line, or a name of a list. Two imports of one module begin
/// alike.
fn of_a_row(span: Span, text: &str) -> Option<&str> {
    let row = span.start == span.end && (text.starts_with("\nimport ") || text.starts_with(", "));
    row.then(|| text.split('{').next()).flatten()
}

/// Whether an edit inserts what stands there already, and so did not help. Only closers come in rows.
fn inserted_before(project: &Project, span: Span, text: &str) -> bool {
    let before = &project.sources[usize::from(span.file.0)].text[..span.start as usize];
    let closes = text.trim().chars().all(|c| matches!(c, ')' | ']' | '}' | '>' | '"'));
    span.start == span.end && !closes && before.trim_end().ends_with(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn fixed(text: &str) -> Fixed {
        let source = Source { path: "w.wf".into(), text: text.into() };
        fix(&Project { name: "w".into(), edition: "2026".into(), sources: vec![source], ..Project::default() })
    }

    #[test]
    fn idioms_of_other_languages_become_those_of_this_one() {
        let text = "workflow w(n: Int, s: String) -> String {\n  let m: Int? = null\n  if n === 1 and m == null {\n    return f\"{s}!\"\n  } elif !(n > 3) {\n    return s\n  }\n  return 'x';\n}\n";
        let fixed = fixed(text);
        let errors: Vec<_> = fixed.left.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{}", fixed.project.sources[0].text);
        let expected = "workflow w(n: Int, s: String) -> String {\n  let m: Int? = none\n  if n == 1 && m == none {\n    return \"{s}!\"\n  } else if !(n > 3) {\n    return s\n  }\n  return \"x\"\n}\n";
        assert_eq!(fixed.project.sources[0].text, expected);
        assert!(fixed.done.iter().any(|done| done.path == "w.wf" && done.line == 5), "{:?}", fixed.done);
    }

    #[test]
    fn a_page_of_what_newcomers_write_is_mended_as_a_whole() {
        let text = r#"enum E { A, B(x: Int) }
record L { a: Int, b: Int }
fn a(e: E) -> Int = match e { case A: 1
  case B(x) => x }
fn b() -> L = L(a = 1, b=2)
fn c(x: Int, xs: List<Int>) -> Bool = x not in xs || x + 1 not in xs && true
fn d(x: Int) -> String = f'{x} is'
fn e() -> String = 'it\'s'
fn f() { return 5 }
fn g(x: Int?) -> Bool = x == None || True
fn h(xs: List<Int>) -> Int = xs.len() + xs.size + xs.length
fn i(n: Int) -> Int = match n { 1 => 2, else => 3 }
workflow w() -> Time { let x = Math.random()
  let y = Date.now()
  var xs = [1]
  xs.append(3)
  xs.add(4)
  return datetime.now() }
"#;
        let expected = r#"enum E { A, B(x: Int) }
record L { a: Int, b: Int }
fn a(e: E) -> Int = match e { A => 1
  B(x) => x }
fn b() -> L = L(a: 1, b: 2)
fn c(x: Int, xs: List<Int>) -> Bool = !(x in xs) || !(x + 1 in xs) && true
fn d(x: Int) -> String = "{x} is"
fn e() -> String = "it's"
fn f() -> Int { return 5 }
fn g(x: Int?) -> Bool = x == none || true
fn h(xs: List<Int>) -> Int = xs.length() + xs.length() + xs.length()
fn i(n: Int) -> Int = match n { 1 => 2, _ => 3 }
workflow w() -> Time { let x = random()
  let y = now()
  var xs = [1]
  xs = xs.push(3)
  xs = xs.push(4)
  return now() }
"#;
        let fixed = fixed(text);
        assert_eq!(fixed.project.sources[0].text, expected);
        assert!(fixed.left.is_empty(), "{:#?}", fixed.left);
    }

    /// Without it `-1` would be taken from what stands above.
    #[test]
    fn a_semicolon_that_parts_two_statements_stays() {
        let kept = "fn a(n: Int) -> Int {\n  let _ = n.abs();\n  // above\n\n  -1\n}\n";
        assert_eq!(fixed(kept).project.sources[0].text, kept);
        let both = "fn a(n: Int) -> Int {\n  let _ = n.abs();\n  let _ = n.abs();\n  -1;\n}\n";
        let expected = "fn a(n: Int) -> Int {\n  let _ = n.abs()\n  let _ = n.abs();\n  -1\n}\n";
        assert_eq!(fixed(both).project.sources[0].text, expected);
        assert!(fixed(both).left.is_empty());
    }

    #[test]
    fn an_arm_that_begins_with_a_sign_is_parted_from_the_one_before() {
        let text =
            "fn a(x: Int, n: Int) -> Int = match x {\n  1 => n\n  -1 => 2\n  _ => n // some\n  -2 | -3 => 4\n}\n";
        let expected = text.replace("=> n\n", "=> n,\n").replace("n // some", "n, // some");
        assert_eq!(fixed(text).project.sources[0].text, expected);
    }

    #[test]
    fn a_changed_copy_is_assigned_to_the_variable_it_is_a_copy_of() {
        let text = "fn a(n: Int) -> List<Int> {\n  var xs = [3]\n  xs.push(1)\n  match n {\n    1 => xs.sort(),\n    _ => xs.push(n).sort(),\n  }\n  return xs\n}\n";
        let expected = text
            .replace("  xs.push(1)", "  xs = xs.push(1)")
            .replace("xs.sort(),", "{ xs = xs.sort() },")
            .replace("xs.push(n).sort(),", "{ xs = xs.push(n).sort() },");
        assert_eq!(fixed(text).project.sources[0].text, expected);
        assert!(fixed(text).left.is_empty());
        // Not known to be meant: the type is another, the name stands for good, or the variable is that of another.
        let left = "fn a(xs: List<Int>) -> Int {\n  var n = 1\n  n == 5\n  xs.push(n)\n  let m = xs.map(x => x + n)\n  m.length()\n  return n\n}\n";
        assert_eq!(fixed(left).project.sources[0].text, left);
    }

    #[test]
    fn what_may_be_meant_as_the_result_is_left() {
        for end in [
            "out.sort()",
            "if xs == [] { out.sort() } else { out.push(2) }",
            "match xs.length() { 0 => out.sort(), _ => out.push(2) }",
        ] {
            let text = format!("fn added(xs: List<Int>) {{\n  var out = xs.push(1)\n  {end}\n}}\n");
            let Fixed { project, left, .. } = fixed(&text);
            assert_eq!(project.sources[0].text, text);
            let help = left[0].help.as_deref().unwrap_or_default();
            assert!(help.starts_with("if it is the result, declare it: `-> List<Int>`; else write `"), "{help}");
        }
        // Neither a loop nor cleanup ends with a result.
        let text = "flow a(xs: List<Int>) {\n  var out = xs\n  for x in xs { out.push(x) }\n}\n";
        assert_eq!(fixed(text).project.sources[0].text, text.replace("{ out.push", "{ out = out.push"));
    }

    #[test]
    fn a_method_of_another_name_must_take_the_arguments() {
        let text = "fn a(s: String, xs: List<Int>) -> Int {\n  var ys = xs\n  ys = ys.add(0, 3)\n  return s.count(\"a\") + s.len(1) + ys.length()\n}\n";
        let Fixed { project, left, .. } = fixed(text);
        assert_eq!(project.sources[0].text, text);
        assert!(left.iter().all(|d| d.help.as_deref() != Some("here it is `length`")), "{left:#?}");
    }

    #[test]
    fn what_a_person_must_decide_is_left() {
        // Both `each` and `sticky` may be meant, and `not` binds otherwise than `!`.
        let text =
            "workflow w(xs: List<Int>) {\n  for x in xs { patch \"p\" { if not (x > 1) { log.info(\"{x}\") } } }\n}\n";
        let fixed = fixed(text);
        assert_eq!(fixed.project.sources[0].text, text);
        assert_eq!(fixed.left.iter().map(|d| d.code).collect::<Vec<_>>(), ["WF5001", "WF0006"]);
    }
}
