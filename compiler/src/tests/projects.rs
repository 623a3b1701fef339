//! Several files, the project's defaults, and what the program says about options.

use weft_bytecode::Program;
use weft_bytecode::options::{OnCancel, OptionValue, Part, RetryPolicy, Target};

use crate::{Analysis, Defaults, Project, Source, compile};

fn project(files: &[(&str, &str)]) -> Analysis {
    let sources = files.iter().map(|(path, text)| Source { path: (*path).into(), text: (*text).into() }).collect();
    compile(&Project { name: "shop".into(), edition: "2026".into(), sources, ..Project::default() })
}

fn said(files: &[(&str, &str)]) -> Vec<String> {
    project(files)
        .diagnostics
        .iter()
        .map(|d| format!("{} {} {}", files[usize::from(d.span.file.0)].0, d.code, d.message))
        .collect()
}

fn program(text: &str) -> Program {
    let analysis = project(&[("a.wf", text)]);
    assert_eq!(analysis.diagnostics, [], "{text}");
    analysis.program.expect("a program without mistakes is emitted")
}

const BILLING: &str = "
pub error Declined { code: String }
pub record Receipt { id: String }
pub const fee = 30
pub enum Plan { Basic, Pro(seats: Int) }
record Secret { id: String }
default activity with { queue: \"billing\", timeout: 10s }
activity charge(cents: Int) -> Receipt throws Declined
pub fn with_fee(cents: Int) -> Int = cents + fee
pub flow pay(cents: Int) -> Receipt throws Declined { return charge(with_fee(cents)) }
fn hidden() -> Int = 1
";

#[test]
fn modules_see_what_is_public() {
    let shop = "
import shop.billing { pay, Declined, Receipt, Plan, charge }
import shop.billing as billing
workflow order(plan: Plan) -> Receipt? {
  let direct: billing.Receipt = charge(billing.fee) catch Declined => return none
  match plan { Basic => (), Pro(seats) => log.info(\"{seats}\") }
  return billing.pay(5) catch Declined as e => Receipt(e.code)
}
";
    assert_eq!(said(&[("shop.wf", shop), ("shop/billing.wf", BILLING)]), Vec::<String>::new());
    let program = project(&[("shop.wf", shop), ("shop/billing.wf", BILLING)]).program.expect("compiles");
    assert_eq!(program.activities[0].options.target, Target::Queue("billing".into()));
    assert_eq!(program.activities[0].folder, "shop");
}

/// A name that is declared elsewhere is not a misspelled one that is near.
#[test]
fn a_name_of_another_module_is_imported_by_its_fix() {
    let shop = "import shop.billing { Receipt }\n\n/// Orders.\nworkflow order() -> Receipt { let passes = with_fees(1)\n  return pay(with_fee(passes)) catch Declined as e => Receipt(e.code) }\nfn with_fees(n: Int) -> Int = hidden() + n\n";
    let help = |text: &str, name: &str| {
        let found = project(&[("shop.wf", text), ("shop/billing.wf", BILLING)]).diagnostics.into_iter();
        let told =
            found.filter(|d| d.message.contains(&format!("`{name}`"))).map(|d| (d.help.unwrap(), d.fix.is_some()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(help(shop, "with_fee"), [("import it: `import shop.billing { with_fee }`".to_owned(), true)]);
    let private = "write `pub` before it there, and here `import shop.billing { hidden }`".to_owned();
    assert_eq!(help(shop, "hidden"), [(private, false)]);
    let sources = [("shop.wf", shop.replace("hidden()", "1")), ("shop/billing.wf", BILLING.to_owned())];
    let sources = sources.map(|(path, text)| Source { path: path.into(), text }).to_vec();
    let broken = Project { name: "shop".into(), edition: "2026".into(), sources, ..Project::default() };
    let fixed = crate::fix::fix(&broken);
    assert_eq!(fixed.left, []);
    assert!(
        fixed.project.sources[0].text.starts_with("import shop.billing { Receipt, "),
        "{:?}",
        fixed.project.sources[0]
    );
    let alone = "/// Fees.\nfn fees() -> Int = with_fee(1)\n";
    let sources = [("shop.wf", alone), ("shop/billing.wf", BILLING)];
    let sources = sources.map(|(path, text)| Source { path: path.into(), text: text.into() }).to_vec();
    let fixed = crate::fix::fix(&Project { sources, ..broken });
    assert_eq!(fixed.left, []);
    assert_eq!(fixed.project.sources[0].text, format!("import shop.billing {{ with_fee }}\n\n{alone}"));
    let two = project(&[
        ("a.wf", "pub fn f() -> Int = 1"),
        ("b.wf", "pub fn f() -> Int = 2"),
        ("c.wf", "fn g() -> Int = f()"),
    ]);
    assert_eq!(two.diagnostics[0].help.as_deref(), Some("import one: `import a { f }` or `import b { f }`"));
    let qualified = "import shop.billing\nimport shop.billing as b\nfn a(x: b.Secrt) -> Int throws b.Gone { return billing.hidden() + shop.billing.hidden() + b.feee + billing.fee }\n";
    let expected = [
        "shop.wf WF1001 cannot find `Secrt` in module `shop.billing`",
        "shop.wf WF1001 cannot find `Gone` in module `shop.billing`",
        "shop.wf WF1001 `hidden` is private to `shop.billing`",
        "shop.wf WF1001 `hidden` is private to `shop.billing`",
        "shop.wf WF1001 cannot find `feee` in module `shop.billing`",
    ];
    assert_eq!(said(&[("shop.wf", qualified), ("shop/billing.wf", BILLING)]), expected);
    let library = project(&[(
        "a.wf",
        "fn g(text: String) -> Bool = uuid4(text)\nfn h(text: String) -> Date? = parse_date(text)",
    )]);
    assert_eq!(library.diagnostics[0].help.as_deref(), Some("write `uuid()`"));
}

#[test]
fn what_is_imported_is_of_the_kind_that_is_wanted() {
    let billing = "pub fn len(n: Int) -> Int = n\npub record Number { n: Int }\npub const zero = 0\npub enum Hue { Red }\npub error Late\nactivity amount() -> Int with { queue: \"a\", timeout: 1s }\npub fn twice(n: Int) -> Int = n * 2\n";
    let help = |line: &str| {
        let found = project(&[("a.wf", line), ("b.wf", billing)]).diagnostics;
        (found[0].help.clone().unwrap_or_default(), found[0].fix.is_some())
    };
    let import = |name: &str| (format!("import it: `import b {{ {name} }}`"), true);
    // The names of the project come before those of other languages.
    assert_eq!(help("fn f() -> Int = len(1)"), import("len"));
    assert_eq!(help("fn f(n: Number) -> Int = n.n"), import("Number"));
    assert_eq!(help("fn f() -> Int = zero + 1"), import("zero"));
    assert_eq!(help("fn f() -> Bool = Hue.Red == Hue.Red"), import("Hue"));
    assert_eq!(help("fn f() -> Int throws Late { return 1 }"), import("Late"));
    assert_eq!(help("flow f() -> Int { return amount() }"), import("amount"));
    assert_eq!(help("fn f(xs: List<Int>) -> List<Int> = xs.map(twice)"), import("twice"));
    for line in [
        "fn f() -> Int = amount + 1",
        "fn f() -> Int { Late = 1\n  return 1 }",
        "fn f(n: twice) -> Int = 1",
        "fn f() -> Int throws Number { return 1 }",
        "fn f() -> Int = zero(1)",
        "test \"t\" { mock twice(_) => 1 }",
    ] {
        let (help, _) = help(line);
        assert!(!help.contains("import"), "{line}: {help}");
    }
}

#[test]
fn any_number_of_imports_is_added_at_once() {
    let number = |n: usize| format!("f{n}");
    let of = |names: std::ops::Range<usize>| names.map(|n| format!("pub fn {}() -> Int = {n}\n", number(n))).collect();
    let (b, c, d): (String, String, String) = (of(0..40), of(40..80), of(80..100));
    let calls: Vec<String> = (0..100).chain(0..100).map(|n| format!("{}()", number(n))).collect();
    let text = format!("import b {{ f0 }}\n\n/// The sum.\nfn sum() -> Int = {}\n", calls.join(" + "));
    let sources = [("a.wf", text), ("b.wf", b), ("c.wf", c), ("d.wf", d)];
    let sources = sources.map(|(path, text)| Source { path: path.into(), text }).to_vec();
    let broken = Project { name: "shop".into(), edition: "2026".into(), sources, ..Project::default() };
    let fixed = crate::fix::fix(&broken);
    assert_eq!(fixed.left, []);
    let lines: Vec<&str> = fixed.project.sources[0].text.lines().take(4).collect();
    let import = |module: &str, names: std::ops::Range<usize>| {
        format!("import {module} {{ {} }}", names.map(number).collect::<Vec<_>>().join(", "))
    };
    assert_eq!(lines, [import("b", 0..40), import("c", 40..80), import("d", 80..100), String::new()]);
    assert_eq!(fixed.done.len(), 99);
}

#[test]
fn what_is_private_or_missing_is_told() {
    let shop = "import shop.billing { hidden, nothing, Secret }
import shop.bilding { pay }
workflow w() { pay(1) }";
    assert_eq!(
        said(&[("shop.wf", shop), ("shop/billing.wf", BILLING)]),
        [
            "shop.wf WF1001 `hidden` is private to its module",
            "shop.wf WF1001 cannot find `nothing` in module `shop.billing`",
            "shop.wf WF1001 `Secret` is private to its module",
            "shop.wf WF1001 cannot find module `shop.bilding`",
        ]
    );
}

#[test]
fn names_on_the_wire_are_of_the_whole_project() {
    let one = "workflow order() { }\nrecord Line { a: Int }\npub fn f(l: Line) -> Int = l.a";
    let two = "workflow order() { }\nrecord Line { b: Int }\npub fn g(l: Line) -> Int = l.b";
    let said_now = said(&[("one.wf", one), ("two.wf", two)]);
    assert_eq!(said_now, ["two.wf WF1006 two workflows of this project are called `order`"]);
    let two = two.replace("workflow order", "@name(\"second\") workflow order");
    let analysis = project(&[("one.wf", one), ("two.wf", &two)]);
    assert_eq!(analysis.diagnostics, []);
    let program = analysis.program.expect("compiles");
    assert!(program.workflow("second").is_some());
    let names = program.listing();
    assert!(names.contains("one.Line") && names.contains("two.Line"), "{names}");
}

#[test]
fn the_nearest_option_wins() {
    let text = "
const polite: Retry = backoff(first: 2s, factor: 1.5, max: 1m, attempts: 4)
default activity with { queue: \"file\", timeout: 20s, retry: polite }
default workflow with { on_conflict: reject }
activity own(x: Int) with { queue: \"own\", timeout: 1s, retry: never, on_cancel: \"wait\" }
activity from_file(x: Int)
workflow w() with { run_timeout: 1d } { own(1)\n from_file(2) }
";
    let sources = vec![Source { path: "a.wf".into(), text: text.into() }];
    let defaults = Defaults {
        activity: vec![("heartbeat".into(), "500ms".into()), ("exec".into(), "python \"x y\".py".into())],
        workflow: vec![("on_closed".into(), "allow".into())],
    };
    let analysis = compile(&Project { name: "p".into(), edition: "2026".into(), sources, defaults });
    assert_eq!(analysis.diagnostics, []);
    let program = analysis.program.expect("compiles");
    let (own, file) = (&program.activities[0].options, &program.activities[1].options);
    assert_eq!((own.timeout_ms, own.heartbeat_ms, own.on_cancel), (Some(1_000), Some(500), OnCancel::Wait));
    assert_eq!(own.retry.attempts, 1);
    assert_eq!(own.target, Target::Queue("own".into()));
    assert_eq!(file.target, Target::Queue("file".into()));
    let polite = RetryPolicy { first_ms: 2_000, factor_milli: 1_500, max_ms: 60_000, attempts: 4 };
    assert_eq!(file.retry, polite);
    let workflow = &program.workflows[0].options;
    assert_eq!(workflow.run_timeout_ms, Some(86_400_000));
    assert!(workflow.on_conflict.is_some() && workflow.on_closed.is_some());
    assert_eq!(program.sources.len(), 1, "the project's defaults are no source");
}

#[test]
fn options_are_filled_from_the_parameters() {
    let text = "
record Line { sku: String }
error Declined { code: String }
const host = \"api.example.com\"
activity stripe(order_id: String, cents: Int, line: Line) throws Declined with {
  http: \"POST https://{host}/v1/{order_id}/{line.sku}\"
  form: { amount: cents, currency: \"usd\", note: \"order {order_id}\", sku: line.sku, nested: [1, cents] }
  headers: [\"X-Order\": order_id], bearer: secret(\"STRIPE_KEY\"), errors: [402: Declined], timeout: 5s
}
activity run(name: String) with { exec: \"python3 'my script.py' --name={name} \\\\\\\"x\", timeout: 5s }
workflow order(id: String, n: Int) with { id: \"order-{id}-{n}\" } { }
";
    let program = program(text);
    let Target::Http(http) = &program.activities[0].options.target else { panic!("an http activity") };
    let hole = |path: &[&str]| Part::Hole(path.iter().map(|p| (*p).to_owned()).collect());
    let text = |text: &str| Part::Text(text.into());
    assert_eq!(http.method, "POST");
    assert_eq!(
        http.url.parts,
        [text("https://api.example.com/v1/"), hole(&["order_id"]), text("/"), hole(&["line", "sku"])]
    );
    assert_eq!(http.bearer, Some(OptionValue::Secret("STRIPE_KEY".into())));
    let Some(OptionValue::Record(form)) = &http.form else { panic!("a record") };
    assert_eq!(form[0], ("amount".into(), OptionValue::Param(vec!["cents".into()])));
    assert_eq!(form[1], ("currency".into(), OptionValue::Json("\"usd\"".into())));
    assert_eq!(form[3], ("sku".into(), OptionValue::Param(vec!["line".into(), "sku".into()])));
    assert_eq!(program.activities[0].options.errors, [(402, String::from("Declined"))]);
    let Target::Exec(words) = &program.activities[1].options.target else { panic!("an exec activity") };
    let words: Vec<_> = words.iter().map(|w| w.parts.clone()).collect();
    assert_eq!(
        words,
        [vec![text("python3")], vec![text("my script.py")], vec![text("--name="), hole(&["name"])], vec![text("\"x")],]
    );
    let id = program.workflows[0].id.as_ref().expect("an id template");
    assert_eq!(id.parts, [text("order-"), hole(&["id"]), text("-"), hole(&["n"])]);
}

#[test]
fn defaults_of_parameters_are_canonical_json() {
    let program = program(
        "
enum Size { S, Large(cm: Int) }
record Box { size: Size, tags: List<String> }
workflow w(a: Int = 10_000, b: Decimal = 1.50, c: Duration = 90m, d: String? = none, e: Float = 1, f: Size = Large(3), g: Box = { size: S, tags: [\"x\"] }, h: Map<String, Int> = [\"k\": 1]) { }
",
    );
    let defaults: Vec<_> =
        program.fields(program.workflows[0].args).iter().map(|f| f.default.clone().expect("a default")).collect();
    assert_eq!(
        defaults,
        [
            "10000",
            "\"1.5\"",
            "\"1h30m\"",
            "null",
            "1.0",
            "{\"kind\":\"Large\",\"cm\":3}",
            "{\"size\":\"S\",\"tags\":[\"x\"]}",
            "{\"k\":1}",
        ]
    );
}

#[test]
fn every_prefix_of_the_programs_is_survived() {
    for text in [
        include_str!("../../../tests/tests/programs/purchase_order.wf"),
        include_str!("../../../tests/bytecode/captures.wf"),
        include_str!("../../../tests/bytecode/waits.wf"),
    ] {
        for end in (0..text.len()).step_by(61).filter(|end| text.is_char_boundary(*end)) {
            project(&[("a.wf", &text[..end])]);
        }
    }
}
