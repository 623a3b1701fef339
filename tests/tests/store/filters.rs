//! What a filter finds among closed runs, against an oracle that knows nothing of keys, search documents or SQL: it has the
//! values themselves and asks each row in turn.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use weft_bytecode::Program;
use weft_bytecode::wire::text;
use weft_protocol::{PartitionId, RunId, Timestamp, WorkflowId};
use weft_runtime::closed::STATUSES;
use weft_runtime::filter::{self, Schema, attributes_of, parse, search};
use weft_runtime::store::{ClosedPage, ClosedRun};

use crate::place::{PARTITIONS, Place};
use crate::properties::{claim, put_rows};

const ROWS: u64 = 300;
const FILTERS: u64 = 400;
const NOW: Timestamp = Timestamp(1_780_000_000_000);

const PROGRAM: &str = "
enum Stage { Packed, Shipped, Lost }

workflow order() {
  indexed state bags: Int? = none
  indexed state rush: Bool? = none
  indexed state price: Decimal? = none
  indexed state weight: Float? = none
  indexed state due: Date? = none
  indexed state lead: Duration? = none
  indexed state shipped: Time? = none
  indexed state city: String? = none
  indexed state stage: Stage? = none
  indexed state tags: List<String>? = none
  sleep 1s
}
";

/// A value as the oracle has it.
#[derive(Debug, Clone, PartialEq)]
enum Fact {
    Whole(i64),
    Real(f64),
    /// In units of 10^-6.
    Decimal(i128),
    Text(String),
    Truth(bool),
    Texts(Vec<String>),
}

struct Row {
    row: ClosedRun,
    facts: BTreeMap<&'static str, Fact>,
}

fn program() -> Program {
    let project = weft_compiler::Project {
        name: "filters".into(),
        edition: "2026".into(),
        sources: vec![weft_compiler::Source { path: "order.wf".into(), text: PROGRAM.into() }],
        defaults: weft_compiler::Defaults::default(),
    };
    let analysis = weft_compiler::compile(&project);
    analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics))
}

fn pick<T: Clone>(random: &mut ChaCha8Rng, from: &[T]) -> T {
    from[random.random_range(0..from.len())].clone()
}

/// Texts that begin alike, differ in length, and have what databases do not like.
fn some_text(random: &mut ChaCha8Rng) -> String {
    let texts = ["", "a", "ab", "abc", "B", "Köln", "K\u{f6}", "a\u{0}", "a\u{1}", "a\u{2}", "%", "a_", "\"'\\", "𝄞x"];
    pick(random, &texts).to_owned()
}

fn some_value(random: &mut ChaCha8Rng, name: &str) -> (Fact, Value) {
    match name {
        "bags" => {
            let n = pick(random, &[i64::MIN, -3, -1, 0, 1, 2, 3, 10, i64::MAX]);
            (Fact::Whole(n), json!(n))
        }
        "rush" => {
            let yes = random.random_bool(0.5);
            (Fact::Truth(yes), json!(yes))
        }
        "price" => {
            let millionths =
                pick(random, &[-20_000_000_i128, -1, 0, 1, 500_000, 510_000, 9_000_000, 19_990_000, 10_000_000]);
            let sign = if millionths < 0 { "-" } else { "" };
            let digits = millionths.unsigned_abs();
            let written = format!("{sign}{}.{:06}", digits / 1_000_000, digits % 1_000_000);
            let canonical = text::decimal(text::parse_decimal(&written).expect("a decimal"));
            (Fact::Decimal(millionths), json!(canonical))
        }
        "weight" => {
            let x = pick(random, &[-1e300, -2.5, -0.0, 0.0, 1e-9, 1.0, 2.5, 1e300]);
            (Fact::Real(x), serde_json::from_str(&text::float(x)).expect("a number"))
        }
        "due" => {
            let days = pick(random, &[-700_000, -1, 0, 20_000, 20_001, 20_031]);
            (Fact::Whole(days), json!(text::date(days)))
        }
        "lead" => {
            let ms = pick(random, &[-1_500, 0, 1, 999, 1_000, 60_000, 90_061_001]);
            (Fact::Whole(ms), json!(text::duration(ms)))
        }
        "shipped" => {
            let ms = NOW.0 + pick(random, &[-86_400_000, -1, 0, 1, 123, 1_000]);
            (Fact::Whole(ms), json!(text::time(ms)))
        }
        "stage" => {
            let stage = pick(random, &["Packed", "Shipped", "Lost"]);
            (Fact::Text(stage.into()), json!(stage))
        }
        "tags" => {
            let tags: Vec<String> = (0..random.random_range(0..4)).map(|_| some_text(random)).collect();
            (Fact::Texts(tags.clone()), json!(tags))
        }
        _ => {
            let city = some_text(random);
            (Fact::Text(city.clone()), json!(city))
        }
    }
}

const ATTRIBUTES: [&str; 10] = ["bags", "rush", "price", "weight", "due", "lead", "shipped", "city", "stage", "tags"];

fn some_row(random: &mut ChaCha8Rng, program: &Program, counter: u64) -> Row {
    let part = PartitionId(random.random_range(0..PARTITIONS));
    let workflow = pick(random, &["order", "report"]);
    let status = random.random_range(1..7_i16);
    let (started, lasted) = (NOW.0 - random.random_range(0..5) * 1_000, random.random_range(0..3_i64) * 1_000);
    let workflow_id = format!("{workflow}-{}", random.random_range(0..20));
    let parent = random.random_bool(0.3).then(|| format!("order-{}", random.random_range(0..3)));
    let events = random.random_range(2..6_u64);
    let mut facts = BTreeMap::from([
        ("workflow", Fact::Text(workflow.into())),
        ("workflow_id", Fact::Text(workflow_id.clone())),
        ("run_id", Fact::Text(RunId::new(part, counter).to_string())),
        ("status", Fact::Whole(status.into())),
        ("stuck", Fact::Truth(false)),
        ("started", Fact::Whole(started)),
        ("closed", Fact::Whole(started + lasted)),
        ("duration", Fact::Whole(lasted)),
        ("events", Fact::Whole(events as i64)),
    ]);
    facts.extend(parent.clone().map(|parent| ("parent", Fact::Text(parent))));
    let mut attributes = Map::new();
    for name in ATTRIBUTES {
        match random.random_range(0..4) {
            0 => {}
            1 => drop(attributes.insert(name.into(), Value::Null)),
            _ => {
                let (fact, value) = some_value(random, name);
                attributes.insert(name.into(), value);
                facts.insert(name, fact);
            }
        }
    }
    let document = search::document(program, &program.workflows[0], &attributes, events, parent.as_deref());
    let row = ClosedRun {
        namespace: if random.random_bool(0.9) { "default" } else { "other" }.into(),
        workflow_id: WorkflowId::from(workflow_id.as_str()),
        run_id: RunId::new(part, counter),
        workflow: workflow.into(),
        status,
        started: Timestamp(started),
        closed: Timestamp(started + lasted),
        attributes: Value::Object(attributes).to_string(),
        search: document,
        history: vec![1],
    };
    Row { row, facts }
}

/// A filter as text, and what it means.
type Meaning = Box<dyn Fn(&BTreeMap<&'static str, Fact>) -> bool>;

fn order(a: &Fact, b: &Fact) -> Option<Ordering> {
    match (a, b) {
        (Fact::Whole(a), Fact::Whole(b)) => Some(a.cmp(b)),
        (Fact::Real(a), Fact::Real(b)) => a.partial_cmp(b),
        (Fact::Decimal(a), Fact::Decimal(b)) => Some(a.cmp(b)),
        (Fact::Text(a), Fact::Text(b)) => Some(a.cmp(b)),
        (Fact::Truth(a), Fact::Truth(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether a value, or one element of a list, is this.
fn is(has: &Fact, wanted: &Fact) -> bool {
    match (has, wanted) {
        (Fact::Texts(texts), Fact::Text(wanted)) => texts.contains(wanted),
        _ => order(has, wanted) == Some(Ordering::Equal),
    }
}

fn quoted(random: &mut ChaCha8Rng, text: &str) -> String {
    let quote = pick(random, &['"', '\'']);
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// A value to compare with, as the oracle has it and as a filter says it.
fn literal(random: &mut ChaCha8Rng, name: &str) -> (Fact, String) {
    match name {
        "workflow" => pair(random, &["order", "report", "orde"]),
        "workflow_id" | "parent" => pair(random, &["order-1", "report-12", "order-2", "order-0"]),
        "run_id" => {
            let run = RunId::new(PartitionId(random.random_range(0..PARTITIONS)), random.random_range(0..ROWS));
            (Fact::Text(run.to_string()), format!("'{run}'"))
        }
        "status" => {
            let at = random.random_range(0..STATUSES.len());
            (Fact::Whole(at as i64), format!("{:?}", STATUSES[at]))
        }
        "stuck" => {
            let yes = random.random_bool(0.5);
            (Fact::Truth(yes), yes.to_string())
        }
        "started" | "closed" => {
            let ms = NOW.0 - random.random_range(-2..5) * 1_000;
            (Fact::Whole(ms), format!("\"{}\"", text::time(ms)))
        }
        "duration" => {
            let ms = random.random_range(0..3) * 1_000;
            (Fact::Whole(ms), text::duration(ms))
        }
        "events" => {
            let n = random.random_range(1..7);
            (Fact::Whole(n), n.to_string())
        }
        "tags" => {
            let tag = some_text(random);
            let written = quoted(random, &tag);
            (Fact::Text(tag), written)
        }
        "city" => {
            let city = some_text(random);
            let written = quoted(random, &city);
            (Fact::Text(city), written)
        }
        name => {
            let (fact, value) = some_value(random, name);
            let written = match value {
                Value::String(text) if name == "stage" || name == "lead" => text,
                other => other.to_string(),
            };
            (fact, written)
        }
    }
}

fn pair(random: &mut ChaCha8Rng, from: &[&str]) -> (Fact, String) {
    let text = pick(random, from);
    (Fact::Text(text.into()), quoted(random, text))
}

fn some_filter(random: &mut ChaCha8Rng, depth: usize) -> (String, Meaning) {
    if depth > 0 && random.random_bool(0.6) {
        let (left, means_left) = some_filter(random, depth - 1);
        if random.random_bool(0.3) {
            return (format!("not ({left})"), Box::new(move |facts| !means_left(facts)));
        }
        let (right, means_right) = some_filter(random, depth - 1);
        return if random.random_bool(0.5) {
            (format!("({left}) and ({right})"), Box::new(move |facts| means_left(facts) && means_right(facts)))
        } else {
            (format!("({left}) or ({right})"), Box::new(move |facts| means_left(facts) || means_right(facts)))
        };
    }
    some_test(random)
}

fn some_test(random: &mut ChaCha8Rng) -> (String, Meaning) {
    const FACTS: [&str; 10] =
        ["workflow", "workflow_id", "run_id", "status", "stuck", "started", "closed", "duration", "events", "parent"];
    let name = if random.random_bool(0.6) { pick(random, &ATTRIBUTES) } else { pick(random, &FACTS) };
    let unordered = matches!(name, "run_id" | "status" | "stuck" | "rush" | "stage" | "tags");
    let texts = matches!(name, "workflow" | "workflow_id" | "parent" | "city" | "tags" | "stage");
    // What is missing passes `is null` alone.
    let of =
        move |facts: &BTreeMap<&'static str, Fact>, test: &dyn Fn(&Fact) -> bool| facts.get(name).is_some_and(test);
    match random.random_range(0..5) {
        0 => {
            let null = random.random_bool(0.5);
            let word = if null { "is null" } else { "is not null" };
            (format!("{name} {word}"), Box::new(move |facts| facts.contains_key(name) != null))
        }
        1 => {
            let (some, written): (Vec<Fact>, Vec<String>) =
                (0..random.random_range(1..4)).map(|_| literal(random, name)).unzip();
            let not = random.random_bool(0.5);
            let word = if not { "not in" } else { "in" };
            let means = move |has: &Fact| some.iter().any(|wanted| is(has, wanted)) != not;
            (format!("{name} {word} ({})", written.join(", ")), Box::new(move |facts| of(facts, &means)))
        }
        2 if texts => {
            let (Fact::Text(prefix), written) = literal(random, name) else { unreachable!("it is text") };
            let not = random.random_bool(0.3);
            let word = if not { "not starts_with" } else { "starts_with" };
            let means = move |has: &Fact| {
                let begins = match has {
                    Fact::Text(text) => text.starts_with(&prefix),
                    Fact::Texts(texts) => texts.iter().any(|text| text.starts_with(&prefix)),
                    _ => false,
                };
                begins != not
            };
            (format!("{name} {word} {written}"), Box::new(move |facts| of(facts, &means)))
        }
        3 if !unordered => {
            let ((low, low_written), (high, high_written)) = (literal(random, name), literal(random, name));
            let not = random.random_bool(0.3);
            let word = if not { "not between" } else { "between" };
            let means = move |has: &Fact| {
                let from = order(has, &low).is_some_and(Ordering::is_ge);
                let to = order(has, &high).is_some_and(Ordering::is_le);
                (from && to) != not
            };
            (format!("{name} {word} {low_written} and {high_written}"), Box::new(move |facts| of(facts, &means)))
        }
        _ => {
            let (wanted, written) = literal(random, name);
            let sign =
                if unordered { pick(random, &["=", "!="]) } else { pick(random, &["=", "!=", "<", "<=", ">", ">="]) };
            let means = move |has: &Fact| match sign {
                "=" => is(has, &wanted),
                "!=" => !is(has, &wanted),
                "<" => order(has, &wanted).is_some_and(Ordering::is_lt),
                "<=" => order(has, &wanted).is_some_and(Ordering::is_le),
                ">" => order(has, &wanted).is_some_and(Ordering::is_gt),
                _ => order(has, &wanted).is_some_and(Ordering::is_ge),
            };
            (format!("{name} {sign} {written}"), Box::new(move |facts| of(facts, &means)))
        }
    }
}

/// Random rows, random filters: what is found, in which order, on which pages, and how many they are.
pub(crate) async fn filters_find_what_is_there(place: Place) {
    let program = program();
    let attributes = attributes_of(&program).map(|(_, name, kind)| (name.to_owned(), kind)).collect();
    let schema = Schema { attributes };
    assert_eq!(schema.attributes.len(), ATTRIBUTES.len());
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let rows: Vec<Row> = (0..ROWS).map(|counter| some_row(&mut random, &program, counter)).collect();
    put_rows(&place.journal, rows.iter().map(|row| row.row.clone()).collect()).await;
    let (mut some, mut none) = (0, 0);
    for seed in 0..FILTERS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (written, means) = some_filter(&mut random, 3);
        let filter = parse(&written, &schema, NOW).unwrap_or_else(|error| panic!("{written}: {error:?}"));
        let mut expected: Vec<&ClosedRun> =
            rows.iter().filter(|row| row.row.namespace == "default" && means(&row.facts)).map(|row| &row.row).collect();
        expected.sort_by_key(|row| std::cmp::Reverse((row.started, row.run_id)));
        assert!(expected.is_empty() || filter.can_pass(false), "{written}");

        let limit = random.random_range(1..120);
        let mut found: Vec<ClosedRun> = Vec::new();
        loop {
            let after = found.last().map(|row| (row.started, row.run_id));
            let page = ClosedPage { namespace: "default".into(), filter: filter.clone(), after, limit };
            let rows = place.journal.list_closed(&page).await.unwrap();
            let whole = rows.len() == limit;
            found.extend(rows);
            if !whole {
                break;
            }
        }
        let ids = |rows: &[&ClosedRun]| rows.iter().map(|row| row.run_id).collect::<Vec<_>>();
        assert_eq!(ids(&found.iter().collect::<Vec<_>>()), ids(&expected), "seed {seed}: {written}");
        let whole = |row: &&ClosedRun| ClosedRun { history: Vec::new(), ..(*row).clone() };
        assert_eq!(found, expected.iter().map(whole).collect::<Vec<_>>(), "seed {seed}");

        let mut counts: BTreeMap<(i16, String), u64> = BTreeMap::new();
        for row in &expected {
            *counts.entry((row.status, row.workflow.clone())).or_default() += 1;
        }
        let counts: Vec<_> = counts.into_iter().map(|((status, workflow), n)| (status, workflow, n)).collect();
        assert_eq!(place.journal.count_closed("default", &filter).await.unwrap(), counts, "seed {seed}: {written}");
        *(if expected.is_empty() { &mut none } else { &mut some }) += 1;
    }
    assert!(some > FILTERS / 3 && none > FILTERS / 20, "{some} filters found something, {none} nothing");
}

pub(crate) async fn the_newest_word_about_an_attribute_holds(place: Place) {
    use filter::Kind;
    let by = claim(&place.journal).await;
    place.journal.put_attributes(by, "a", &[("bags", Kind::Int), ("city", Kind::Text)]).await.unwrap();
    place.journal.put_attributes(by, "b", &[("bags", Kind::Float)]).await.unwrap();
    place.journal.put_attributes(by, "a", &[("bags", Kind::Decimal), ("tags", Kind::Texts)]).await.unwrap();
    place.journal.put_attributes(by, "a", &[]).await.unwrap();
    let mut all = place.again().await.attributes().await.unwrap();
    all.sort();
    let expected = [
        ("a", "bags", Kind::Decimal),
        ("a", "city", Kind::Text),
        ("a", "tags", Kind::Texts),
        ("b", "bags", Kind::Float),
    ];
    assert_eq!(all, expected.map(|(namespace, name, kind)| (namespace.to_owned(), name.to_owned(), kind)));
}
