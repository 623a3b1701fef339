use weft_protocol::Timestamp;

use super::*;

fn schema() -> Schema {
    let kinds = [
        ("bags", Kind::Int),
        ("rush", Kind::Bool),
        ("price", Kind::Decimal),
        ("weight", Kind::Float),
        ("due", Kind::Date),
        ("wait", Kind::Duration),
        ("shipped_at", Kind::Time),
        ("city", Kind::Text),
        ("stage", Kind::Enum),
        ("tags", Kind::Texts),
        ("status", Kind::Text),
        ("not", Kind::Int),
    ];
    Schema { attributes: kinds.map(|(name, kind)| (name.to_owned(), kind)).into() }
}

fn read(text: &str) -> Result<Filter, FilterError> {
    parse(text, &schema(), Timestamp(1_780_000_000_000))
}

fn test(field: Field, is: Is) -> Filter {
    Filter::Test(Test { field, is })
}

fn bags(op: Op, n: i64) -> Filter {
    test(Field::Attribute("bags".into(), Kind::Int), Is::Compare(op, Key::Text(key::int(n))))
}

#[test]
fn words_bind_as_they_read() {
    let (a, b, c) = (bags(Op::Equal, 1), bags(Op::Less, 2), bags(Op::GreaterOrEqual, 3));
    for (text, expected) in [
        ("", Filter::all()),
        ("bags = 1", a.clone()),
        ("bags = 1 or bags < 2 and bags >= 3", {
            Filter::Any(vec![a.clone(), Filter::All(vec![b.clone(), c.clone()])])
        }),
        ("(bags = 1 OR bags < 2) And state.bags >= 3", {
            Filter::All(vec![Filter::Any(vec![a.clone(), b.clone()]), c])
        }),
        ("not bags = 1 and bags < 2", Filter::All(vec![Filter::Not(Box::new(a.clone())), b])),
        ("not (not bags = 1)", Filter::Not(Box::new(Filter::Not(Box::new(a))))),
        ("bags between 1 and 2", Filter::All(vec![bags(Op::GreaterOrEqual, 1), bags(Op::LessOrEqual, 2)])),
        ("bags not between 1 and -2", Filter::Any(vec![bags(Op::Less, 1), bags(Op::Greater, -2)])),
        ("closed is not null", test(Field::Closed, Is::NotNull)),
        ("closed is null", test(Field::Closed, Is::Null)),
        ("stuck", test(Field::Stuck, Is::Compare(Op::Equal, Key::Int(1)))),
        ("status = timed_out", Filter::status(Op::Equal, 5)),
        ("status in (Completed, 'Failed')", test(Field::Status, Is::In(vec![Key::Int(1), Key::Int(2)]))),
        ("state.status = 'x'", {
            test(Field::Attribute("status".into(), Kind::Text), Is::Compare(Op::Equal, Key::Text("x".into())))
        }),
        ("`not` is null", test(Field::Attribute("not".into(), Kind::Int), Is::Null)),
        ("stage = Shipped", {
            test(Field::Attribute("stage".into(), Kind::Enum), Is::Compare(Op::Equal, Key::Text("Shipped".into())))
        }),
        (r#"workflow_id not starts_with "a\"b\\\u{e9}""#, test(Field::WorkflowId, Is::NotStartsWith("a\"b\\é".into()))),
        ("started >= '2026-06-01'", {
            test(Field::Started, Is::Compare(Op::GreaterOrEqual, Key::Int(1_780_272_000_000)))
        }),
        ("started > 1h30m", test(Field::Started, Is::Compare(Op::Greater, Key::Int(1_780_000_000_000 - 5_400_000)))),
        ("duration <= 90s", test(Field::Duration, Is::Compare(Op::LessOrEqual, Key::Int(90_000)))),
    ] {
        assert_eq!(read(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("bagz = 3", "1: no workflow here has a search attribute `bagz` (did you mean `bags`?)"),
        (
            "bags = 3 and statuss = Failed",
            "14: no workflow here has a search attribute `statuss` (did you mean `status`?)",
        ),
        ("bags = x", "8: `bags` is a whole number, found `x` (as in bags = 3)"),
        ("bags = 1.5", "8: `bags` is a whole number, found `1.5` (as in bags = 3)"),
        ("bags = null", "8: `bags` is a whole number, found `null` (write bags is null)"),
        ("city = Köln", "8: `city` is a text, found `Köln` (text stands in quotes: \"Köln\")"),
        ("city = 'Köln", "8: the text that begins here has no closing ' (close the quotes)"),
        ("status = Complete", "10: `status` is a status, found `Complete` (did you mean `Completed`?)"),
        ("status = Stuck", "10: `status` is a status, found `Stuck` (stuck runs are Running: write stuck = true)"),
        (
            "status > Failed",
            "8: `status` is a status, which has no `>` (ask status = Completed, status != Completed or status in (…))",
        ),
        (
            "tags < 'x'",
            "6: `tags` is a list of texts, which has no `<` (of a list ask tags = \"x\" or tags in (\"x\", \"y\"): is it there?)",
        ),
        (
            "bags starts_with '1'",
            "6: `bags` is a whole number, which has no `starts_with` (ask bags = 3, bags != 3 or bags in (…))",
        ),
        ("rush = 'true'", "8: `rush` is true or false, found \"true\" (as in rush = true)"),
        ("started > 'soon'", "11: `started` is a time, found \"soon\" (as in started = \"2026-06-01T09:00:00Z\")"),
        (
            "bags = 3 order by started",
            "10: a filter has no `order` (runs come newest start first; `limit` and `cursor` page, `by` groups a count)",
        ),
        ("bags = 3 bags = 4", "10: expected `and`, `or` or the end, found `bags`"),
        ("(bags = 3", "10: expected `)`, found the end (the `(` at column 1 is not closed)"),
        ("bags", "1: expected a test of `bags`, found the end (as in bags = 3)"),
        (
            "bags not 3",
            "10: expected `in`, `between` or `starts_with`, found `3` (`not` stands before a test as well: not bags = …)",
        ),
        ("bags in 3", "9: expected `(`, found `3` (bags in (3, 3))"),
        ("bags between 1 or 2", "16: expected `and`, found `or` (bags between 1 and 2: both ends are included)"),
        ("3 = bags", "1: expected a name, found `3` (the name comes first: bags >= 3)"),
        ("bags & 3", "6: `&` has no meaning in a filter (text stands in quotes: name = \"a-b\")"),
        ("and", "1: expected a name, found `and` (an attribute of this name is state.and)"),
        ("run_id = 'x'", "10: `run_id` is a run id, found \"x\" (as in run_id = \"0010000000000001\")"),
    ] {
        let error = read(text).expect_err(text);
        let help = error.help.map_or(String::new(), |help| format!(" ({help})"));
        assert_eq!(format!("{}: {}{help}", error.column, error.message), expected, "{text}");
    }
}

#[test]
fn limits_have_names() {
    let deep = format!("{}bags = 1", "not ".repeat(FILTER_DEPTH_MAX + 1));
    let many = vec!["bags = 1"; FILTER_TESTS_MAX + 1].join(" or ");
    let list = format!("bags in ({})", vec!["1"; FILTER_TESTS_MAX + 1].join(","));
    let long = format!("city = '{}'", "x".repeat(FILTER_BYTES_MAX));
    for (text, limit) in
        [(deep, "FILTER_DEPTH_MAX"), (many, "FILTER_TESTS_MAX"), (list, "FILTER_TESTS_MAX"), (long, "FILTER_BYTES_MAX")]
    {
        assert!(read(&text).expect_err(limit).message.contains(limit), "{limit}");
    }
}

#[test]
fn who_cannot_pass_is_not_asked() {
    for (text, open, closed) in [
        ("", true, true),
        ("status = Running", true, false),
        ("status = Failed", false, true),
        ("status in (Failed, Running)", true, true),
        ("status != Running", false, true),
        ("stuck", true, false),
        ("stuck = false", true, true),
        ("closed > '2026-01-01'", false, true),
        ("closed is null and bags = 1", true, false),
        ("duration is not null or stuck", true, true),
        ("not status = Running", true, true),
    ] {
        let filter = read(text).expect(text);
        assert_eq!((filter.can_pass(true), filter.can_pass(false)), (open, closed), "{text}");
    }
}
