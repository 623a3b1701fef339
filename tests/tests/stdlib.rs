//! The standard library is what its files say: every public item has an example, every example holds when it is
//! compiled and run, and `docs/stdlib.md` is made from the same files (`BLESS=1` writes it anew).

use std::fmt::Write as _;
use std::path::Path;

use weft_compiler::source::FileId;
use weft_compiler::syntax::ast::{Decl, Item};
use weft_compiler::{Project, Severity, Source};
use weft_protocol::limits::Limits;
use weft_protocol::{Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Then, Vm};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A file of the library.
struct Module {
    name: String,
    text: String,
    items: Vec<Item>,
}

fn modules() -> Vec<Module> {
    let files = std::fs::read_dir(Path::new(ROOT).join("stdlib")).expect("the library is there");
    let mut files: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "wf"));
    files.sort();
    let module = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("readable");
        let (file, said) = weft_compiler::syntax::parse(FileId(0), &text);
        assert!(said.iter().all(|d| d.severity != Severity::Error), "{}: {said:?}", path.display());
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        Module { name, text, items: file.items }
    };
    files.iter().map(module).collect()
}

/// What the item is called.
fn name_of(item: &Item) -> &str {
    match &item.decl {
        Decl::Fn(decl) => &decl.name.text,
        Decl::Record { name, .. } | Decl::Enum { name, .. } | Decl::Const { name, .. } => &name.text,
        _ => "",
    }
}

/// The examples of an item: lines that declare something for those behind them, and what has to be true.
fn examples(item: &Item) -> (Vec<String>, Vec<String>) {
    let (mut lets, mut claims, mut inside) = (Vec::new(), Vec::new(), false);
    for line in item.doc.lines() {
        if line.trim_end() == "```" {
            inside = !inside;
        } else if inside && line.starts_with("let ") {
            lets.push(line.to_owned());
        } else if inside && line.starts_with(' ') {
            let last: &mut String = claims.last_mut().expect("a line that goes on follows a line");
            last.push(' ');
            last.push_str(line.trim());
        } else if inside && !line.trim().is_empty() {
            claims.push(line.to_owned());
        }
    }
    assert!(!inside, "`{}`: the example has no end", name_of(item));
    (lets, claims)
}

#[test]
fn every_public_item_is_described() {
    for module in modules() {
        for item in module.items.iter().filter(|item| item.public) {
            let name = name_of(item);
            assert!(!item.doc.is_empty(), "stdlib/{}.wf: `{name}` has no doc comment", module.name);
            assert!(!examples(item).1.is_empty(), "stdlib/{}.wf: `{name}` has no example", module.name);
        }
    }
}

#[test]
fn the_examples_hold() {
    let mut wrong = Vec::new();
    for module in modules() {
        let mut text = String::new();
        let mut claims = Vec::new();
        for item in &module.items {
            let (lets, found) = examples(item);
            for claim in found {
                let lets: String =
                    lets.iter().filter(|l| mentions(l, &claim, &lets)).map(|l| format!("  {l}\n")).collect();
                writeln!(text, "fn example_{}() -> Bool {{\n{lets}  return {claim}\n}}", claims.len())
                    .expect("a String");
                claims.push(format!("stdlib/{}.wf: `{}`: {claim}", module.name, name_of(item)));
            }
        }
        let calls: Vec<String> = (0..claims.len()).map(|n| format!("example_{n}()")).collect();
        writeln!(text, "workflow examples() -> List<Bool> {{ return [{}] }}", calls.join(", ")).expect("a String");
        let held = run(&text);
        assert_eq!(held.len(), claims.len());
        wrong.extend(held.iter().zip(claims).filter(|(held, _)| !**held).map(|(_, claim)| claim));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a declaration is needed by a claim, itself or by way of another declaration.
fn mentions(declaration: &str, claim: &str, all: &[String]) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let name = words(declaration)[1].clone();
    let used_in = |text: &str| words(text).contains(&name);
    used_in(claim) || all.iter().any(|other| other != declaration && used_in(other) && mentions(other, claim, all))
}

/// Compiles a program and runs its workflow, which does not wait.
fn run(text: &str) -> Vec<bool> {
    let sources = vec![Source { path: "examples.wf".into(), text: text.into() }];
    let project = Project { name: "examples".into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = weft_compiler::compile(&project);
    let line = |at: u32| text[..at as usize].matches('\n').count();
    let said: Vec<_> = analysis
        .diagnostics
        .iter()
        .map(|d| format!("{} {} in: {}", d.code, d.message, text.lines().nth(line(d.span.start)).unwrap_or_default()))
        .collect();
    let program = analysis.program.unwrap_or_else(|| panic!("{said:#?}"));
    assert!(said.is_empty(), "{said:#?}");
    let loaded = Loaded::new(program).expect("a compiled program is valid");
    let mut vm = Vm::new(loaded, 0, &Payload::json("{}"), [7; 16], &Limits::default());
    let workflow_id = WorkflowId::from("examples");
    let context = Context {
        now: Timestamp(1_780_000_000_000),
        workflow_id: &workflow_id,
        run_id: RunId(7),
        started_at: Timestamp(1_780_000_000_000),
        history_events: 1,
        history_bytes: 100,
        recorded_patch: None,
    };
    let mut step = vm.step(Activation::Start, &context);
    while step.then == Then::Slice {
        step = vm.step(Activation::Continue, &context);
    }
    match step.then {
        Then::Completed(result) => serde_json::from_value(result.value()).expect("a list of truth values"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_page_is_what_the_files_say() {
    let path = Path::new(ROOT).join("docs/stdlib.md");
    let made = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &made).expect("writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "stdlib/*.wf says something else than docs/stdlib.md; BLESS=1 renews it");
}

fn page() -> String {
    let mut out = String::from(
        "# The standard library\n\n\
         Made from [stdlib](../stdlib), where each of these is declared; every example is a test. A function whose first\n\
         parameter is `self` is a method of that type: `\"ann\".upper()`. Any other is called by the name in the heading:\n\
         `Time.parse(text)`; those of Core need no name. Nothing here changes a value, waits or looks at the world.\n",
    );
    for module in modules() {
        let heading = module.name[..1].to_uppercase() + &module.name[1..];
        let intro: Vec<&str> = module.text.lines().map_while(|line| line.strip_prefix("// ")).collect();
        write!(out, "\n## {heading}\n\n{}\n", intro.join("\n")).expect("a String");
        for item in module.items.iter().filter(|item| item.public) {
            let source = &module.text[item.span.start as usize..item.span.end as usize];
            let from = source.find("pub ").expect("a public item");
            let head = source[from + 4..].split(" = native(").next().unwrap_or_default();
            let head = head.split(" = lowered(").next().unwrap_or_default();
            let head = head.split(" {\n").next().unwrap_or_default();
            let doc = item.doc.replacen("```\n", "```wf\n", 1);
            write!(out, "\n### `{}`\n\n`{}`\n\n{doc}\n", name_of(item), head.trim()).expect("a String");
        }
    }
    out
}
