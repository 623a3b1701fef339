//! What names mean, asked at places of sources: `«name»` declares what each `‹name›` means.

use crate::index::Index;
use crate::{FileId, Project, Source, compile, compile_indexed};

struct Marked {
    index: Index,
    declared: Vec<usize>,
    mentioned: Vec<usize>,
}

fn marked(text: &str) -> Marked {
    let (mut plain, mut declared, mut mentioned) = (String::new(), Vec::new(), Vec::new());
    for char in text.chars() {
        match char {
            '«' => declared.push(plain.len()),
            '‹' => mentioned.push(plain.len()),
            '»' | '›' => {}
            char => plain.push(char),
        }
    }
    let sources = vec![Source { path: "main.wf".into(), text: plain }];
    let index = compile_indexed(&Project { sources, ..Project::default() }).index;
    Marked { index, declared, mentioned }
}

#[track_caller]
fn check(text: &str) {
    let Marked { index, declared, mentioned } = marked(text);
    let [home] = declared.as_slice() else { panic!("one name is declared in {text}") };
    for at in &mentioned {
        let (span, found) = index.at(FileId(0), *at).unwrap_or_else(|| panic!("nothing is known at {at} of {text}"));
        assert_eq!((span.start as usize, found.name.start as usize), (*at, *home), "{text}");
    }
    let (_, of) = index.at(FileId(0), *home).expect("a declaration means itself");
    let mut all: Vec<usize> = index.mentions(of).iter().map(|span| span.start as usize).collect();
    let mut wanted = [declared, mentioned].concat();
    all.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(all, wanted, "everywhere it stands in {text}");
}

#[test]
fn names_mean_what_is_declared() {
    check("const «fee» = 3\nfn f() -> Int = ‹fee› + ‹fee›\n");
    check("fn «f»(a: Int) -> Int = a\nfn g() -> Int = ‹f›(1) + ‹f›(2)\n");
    check("fn f(«a»: Int) -> Int { let b = ‹a› return b + ‹a› }\nfn g(a: Int) -> Int = a\n");
    check("fn f(«a»: Int) -> Int = ‹a›\nfn g() -> Int = f(‹a›: 1)\n");
    check("fn f() -> Int { var «n» = 1 ‹n› += 2 ‹n› = ‹n› * 2 return ‹n› }\n");
    check("fn f(xs: List<Int>) -> List<Int> = xs.map(«x» => ‹x› + 1)\n");
    check("record «Line» { sku: String }\nfn f(l: ‹Line›) -> List<‹Line›> = [l, ‹Line›(\"a\")]\n");
    check("record Line { «sku»: String }\nfn f(l: Line) -> String = l.‹sku›\nfn g() -> Line = { ‹sku›: \"a\" }\n");
    check("record Line { «sku»: String }\nfn g(l: Line) -> Line = { ...l, ‹sku›: \"a\" }\n");
    check("error «Full» { n: Int }\nfn f() -> Int throws ‹Full› { throw ‹Full›(1) }\n");
    check(
        "enum Plan { Free, «Paid»(price: Int) }\nfn f(p: Plan) -> Int = match p { Free => 0 ‹Paid›(n) => n }\n\
           fn g() -> Plan = ‹Paid›(2)\nfn h() -> Plan = Plan.‹Paid›(2)\n",
    );
    check("type «Stock» = Map<String, Int>\nfn f(s: ‹Stock›) -> Int = s.length()\n");
}

#[test]
fn names_of_workflows_mean_what_is_declared() {
    let queue = "with { queue: \"q\", timeout: 1s }";
    check(&format!("activity «pay»(n: Int) {queue}\nworkflow w() {{ ‹pay›(1) }}\n"));
    check("workflow w() -> Int { state «n» = 1\n signal s() { ‹n› = ‹n› + 1 }\n wait until ‹n› > 3\n return ‹n› }\n");
    check("workflow w(«id»: String) -> String { query q() -> String = ‹id›\n sleep 1s\n return ‹id› }\n");
    check("workflow w() { signal «go»()\n receive ‹go› }\nworkflow v() { let r = start w()\n send r.‹go›() }\n");
    check("workflow «w»() { }\nworkflow v() { ‹w›() }\nschedule s runs ‹w›() with { every: 1h }\n");
    check(&format!("activity «pay»(n: Int) {queue}\ntest \"t\" {{ mock ‹pay›(..) => () }}\n"));
    check(
        "workflow w() { signal «go»()\n select { receive ‹go›() => return\n after 1s => return } }\n\
           test \"t\" { let r = start w()\n send r.‹go›() }\n",
    );
}

#[test]
fn a_generic_function_is_noted_as_it_is_written() {
    check(
        "fn pair<T>(«a»: T) -> (T, T) = (‹a›, ‹a›)\nfn f() -> (Int, Int) = pair(1)\nfn g() -> (String, String) = pair(\"a\")\n",
    );
}

#[test]
fn what_belongs_to_a_value_is_known_while_its_name_is_missing() {
    let text = "record Line { sku: String, n: Int }\nfn f(l: Line) -> Int {\n  let x = l.\n  return 1\n}\n";
    let Marked { index, .. } = marked(text);
    let at = text.find("l.\n").unwrap() + 2;
    let names: Vec<_> =
        index.belongings(FileId(0), at).unwrap().iter().map(|b| format!("{}{}", b.name, b.detail)).collect();
    assert_eq!(names, ["sku: String", "n: Int"]);
}

#[test]
fn noting_changes_nothing_of_what_is_said() {
    for text in
        ["fn f( -> Int = x\nworkflow w() { y }\n", "enum E { A }\n@deprecated(\"no\")\nfn f() {}\nfn g() { f() }\n"]
    {
        let sources = vec![Source { path: "main.wf".into(), text: text.into() }];
        let project = Project { sources, ..Project::default() };
        assert_eq!(compile(&project).diagnostics, compile_indexed(&project).diagnostics);
    }
}
