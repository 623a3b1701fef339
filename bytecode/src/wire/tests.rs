//! Tables: a type, a JSON text, and its canonical text or the error.

use super::*;
use crate::types::builtin;

/// A program that has only types. Returns it with the id of a type by its name as written.
fn program() -> Program {
    let mut types = builtin::all();
    let mut add = |ty: Type| {
        types.push(ty);
        TypeId(types.len() as u16 - 1)
    };
    let field = |name: &str, ty: TypeId, default: Option<&str>| Field {
        name: name.into(),
        ty,
        default: default.map(String::from),
    };
    let option_string = add(Type::Option(builtin::STRING));
    let line = add(Type::Record {
        name: Some("Line".into()),
        fields: vec![
            field("product_id", builtin::STRING, None),
            field("quantity", builtin::INT, Some("1")),
            field("note", option_string, None),
        ],
    });
    let lines = add(Type::List(line));
    add(Type::Record { name: Some("Order".into()), fields: vec![field("lines", lines, None)] });
    let plain = |name: &str| Variant { name: name.into(), fields: vec![] };
    let color = add(Type::Enum { name: "Color".into(), variants: vec![plain("Red"), plain("Green")] });
    add(Type::Enum {
        name: "Outcome".into(),
        variants: vec![
            plain("Expired"),
            Variant { name: "Rejected".into(), fields: vec![field("by", builtin::STRING, None)] },
        ],
    });
    add(Type::Set(builtin::INT));
    add(Type::Map(builtin::STRING, builtin::INT));
    add(Type::Map(color, builtin::INT));
    add(Type::Map(builtin::INT, builtin::STRING));
    add(Type::Tuple(vec![builtin::INT, builtin::STRING]));
    add(Type::Result(builtin::INT));
    add(Type::Run("order".into()));
    add(Type::Error {
        name: "CardDeclined".into(),
        fields: vec![
            field("message", builtin::STRING, None),
            field("cause", builtin::OPTION_FAILURE, None),
            field("code", builtin::STRING, None),
        ],
    });
    add(Type::Record { name: None, fields: vec![field("a", builtin::INT, None), field("b", option_string, None)] });
    add(Type::Fn(vec![builtin::INT], builtin::BOOL));
    let tree = TypeId(types.len() as u16);
    types.push(Type::Record { name: Some("Tree".into()), fields: vec![field("kids", TypeId(tree.0 + 1), Some("[]"))] });
    types.push(Type::List(tree));
    Program {
        edition: "2026".into(),
        project: "test".into(),
        types,
        constants: vec![],
        functions: vec![],
        activities: vec![],
        workflows: vec![],
        patches: vec![],
        schedules: vec![],
        sources: vec![],
    }
}

fn named(program: &Program, name: &str) -> TypeId {
    let index = (0..program.types.len()).position(|i| program.type_name(TypeId(i as u16)) == name);
    TypeId(index.unwrap_or_else(|| panic!("no type {name}")) as u16)
}

fn check(ty: &str, json: &str, strictness: Strictness) -> String {
    let program = program();
    let value: Value = serde_json::from_str(json).unwrap();
    match normalize(&program, named(&program, ty), &value, strictness) {
        Ok(canonical) => {
            let text = canonical.to_string();
            let again = normalize(&program, named(&program, ty), &canonical, Strictness::Input);
            assert_eq!(again.map(|v| v.to_string()), Ok(text.clone()), "canonical JSON is its own canonical form");
            text
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn values_have_one_form() {
    for (ty, json, expected) in [
        ("Unit", "null", "null"),
        ("Bool", "true", "true"),
        ("String", r#""a\u0000é""#, r#""a\u0000é""#),
        ("Int", "9223372036854775807", "9223372036854775807"),
        ("Int", "-0", "0"),
        ("Float", "1", "1.0"),
        ("Float", "-0.0", "-0.0"),
        ("Float", "1E2", "100.0"),
        ("Decimal", r#""19.990""#, r#""19.99""#),
        ("Decimal", "0.10", r#""0.1""#),
        ("Decimal", "1e3", r#""1000""#),
        ("Duration", r#""90m""#, r#""1h30m""#),
        ("Time", r#""2026-06-01T11:00:00+02:00""#, r#""2026-06-01T09:00:00Z""#),
        ("Date", r#""2026-06-01""#, r#""2026-06-01""#),
        ("Bytes", r#""AAE=""#, r#""AAE=""#),
        ("String?", "null", "null"),
        ("String?", r#""x""#, r#""x""#),
        ("Line", r#"{"note":null,"product_id":"p"}"#, r#"{"product_id":"p","quantity":1,"note":null}"#),
        ("List<Line>", "[]", "[]"),
        ("Set<Int>", "[3,1,2]", "[3,1,2]"),
        ("Map<String, Int>", r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
        ("Map<Color, Int>", r#"{"Green":1}"#, r#"{"Green":1}"#),
        ("Map<Int, String>", r#"[[2,"b"],[1,"a"]]"#, r#"[[2,"b"],[1,"a"]]"#),
        ("(Int, String)", r#"[1,"a"]"#, r#"[1,"a"]"#),
        ("Color", r#""Red""#, r#""Red""#),
        ("Color", r#"{"kind":"Red"}"#, r#""Red""#),
        ("Outcome", r#""Expired""#, r#""Expired""#),
        ("Outcome", r#"{"by":"bob","kind":"Rejected"}"#, r#"{"kind":"Rejected","by":"bob"}"#),
        ("Result<Int>", r#"{"ok":1}"#, r#"{"ok":1}"#),
        (
            "Result<Int>",
            r#"{"failed":{"type":"CardDeclined","details":{"code":"c"}}}"#,
            r#"{"failed":{"type":"CardDeclined","message":"","details":{"code":"c"},"retryable":false,"cause":null}}"#,
        ),
        ("Run<order>", r#"{"run_id":"1","workflow_id":"w"}"#, r#"{"workflow_id":"w","run_id":"1"}"#),
        ("Json", r#"{"b":[1,1.50,1e300],"a":null}"#, r#"{"b":[1,1.5,1e300],"a":null}"#),
        ("Json", "123456789012345678901", "123456789012345680000.0"),
        (
            "Failure",
            r#"{"type":"Timeout","details":{"kind":"heartbeat"},"cause":{"type":"X","message":"m"}}"#,
            r#"{"type":"Timeout","message":"","kind":"heartbeat","details":{"kind":"heartbeat"},"retryable":false,"cause":{"type":"X","message":"m","details":null,"retryable":true,"cause":null}}"#,
        ),
    ] {
        let expected = expected.replace("123456789012345680000.0", &text::float(123_456_789_012_345_678_901.0));
        assert_eq!(check(ty, json, Strictness::Input), expected, "{ty} {json}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (ty, json, expected) in [
        ("Int", "1.0", "expected Int (a whole number of 64 bits without point or exponent), found the number 1.0"),
        ("Int", "1e3", "expected Int (a whole number of 64 bits without point or exponent), found the number 1e+3"),
        (
            "Int",
            "9223372036854775808",
            "expected Int (a whole number of 64 bits without point or exponent), found the number 9223372036854775808",
        ),
        ("Int", r#""1""#, "expected Int (a whole number of 64 bits without point or exponent), found the text \"1\""),
        ("Float", "1e999", "expected Float, found the number 1e+999"),
        ("Decimal", r#""1e3""#, "expected Decimal (\"19.99\", at most 28 digits), found the text \"1e3\""),
        ("Duration", "5", "expected Duration (\"1h30m\"), found the number 5"),
        ("Time", r#""soon""#, "expected Time (\"2026-06-01T09:00:00Z\"), found the text \"soon\""),
        ("Bytes", r#""AAE""#, "expected Bytes (base64 with padding), found the text \"AAE\""),
        (
            "Order",
            r#"{"lines":[{"product_id":"a"},{"quantity":2}]}"#,
            "`lines[1].product_id`: expected String, found nothing",
        ),
        (
            "Order",
            r#"{"lines":[{"product_id":"a","quantity":"2"}]}"#,
            "`lines[0].quantity`: expected Int (a whole number of 64 bits without point or exponent), found the text \"2\"",
        ),
        (
            "Order",
            r#"{"lines":[],"lone":1}"#,
            "`lone`: expected only the fields `lines` of Order, found an unknown field",
        ),
        ("Order", "[]", "expected Order, found a list of 0"),
        ("Set<Int>", "[1,2,1]", "`[2]`: expected each element once, found the number 1 again"),
        ("Map<Color, Int>", r#"{"Blue":1}"#, "`Blue`: expected Color (`Red`, `Green`), found the text \"Blue\""),
        (
            "Map<String, Int>",
            r#"{"a b":null}"#,
            "`[\"a b\"]`: expected Int (a whole number of 64 bits without point or exponent), found null",
        ),
        ("Map<Int, String>", r#"[[1,"a"],[1,"b"]]"#, "`[1][0]`: expected each key once, found the number 1 again"),
        ("(Int, String)", "[1]", "expected (Int, String), found a list of 1"),
        ("Outcome", r#"{"kind":"Rejected"}"#, "`by`: expected String, found nothing"),
        ("Outcome", r#"{"kind":"Lost"}"#, "`kind`: expected Outcome (`Expired`, `Rejected`), found the text \"Lost\""),
        ("Result<Int>", r#"{"ok":1,"failed":2}"#, "expected Result<Int> (`ok` or `failed`), found an object"),
        ("CardDeclined", r#"{"type":"Other"}"#, "`type`: expected `CardDeclined`, found the text \"Other\""),
        ("CardDeclined", r#"{"type":"CardDeclined"}"#, "`details.code`: expected String, found nothing"),
        ("(Int) => Bool", "1", "expected data, found a function"),
    ] {
        assert_eq!(check(ty, json, Strictness::Input), format!("error: {expected}"), "{ty} {json}");
    }
}

#[test]
fn lenient_reading_ignores_unknown_fields_only() {
    let with_more = r#"{"product_id":"p","color":"red"}"#;
    assert_eq!(check("Line", with_more, Strictness::Lenient), r#"{"product_id":"p","quantity":1,"note":null}"#);
    assert!(check("Line", with_more, Strictness::Input).starts_with("error: `color`"));
    assert!(check("Line", r#"{"color":"red"}"#, Strictness::Lenient).starts_with("error: `product_id`"));
}

#[test]
fn depth_has_a_limit() {
    let nested = |levels: usize| format!("{}{}", r#"{"kids":["#.repeat(levels), "]}".repeat(levels));
    assert_eq!(check("Tree", &nested(50), Strictness::Input), nested(50));
    let mut value = serde_json::json!({});
    for _ in 0..DEPTH_MAX {
        value = serde_json::json!({ "kids": [value] });
    }
    let program = program();
    let error = normalize(&program, named(&program, "Tree"), &value, Strictness::Input).unwrap_err();
    assert!(error.expected.contains("levels"), "{error}");
}

#[test]
fn parameters_may_be_left_out_when_none_is_needed() {
    let program = program();
    let tree = named(&program, "Tree");
    let none = normalize_args(&program, tree, &Value::Null, Strictness::Input);
    assert_eq!(none.map(|v| v.to_string()), Ok(r#"{"kids":[]}"#.into()));
    let missing = normalize_args(&program, named(&program, "Line"), &Value::Null, Strictness::Input);
    assert_eq!(missing.unwrap_err().path, "product_id");
}

#[test]
fn details_of_a_declared_error_have_its_own_fields() {
    let program = program();
    let declined = named(&program, "CardDeclined");
    let details = serde_json::json!({"code": "insufficient", "extra": 1});
    let checked = normalize_details(&program, declined, &details).map(|v| v.to_string());
    assert_eq!(checked, Ok(r#"{"code":"insufficient"}"#.into()));
    assert_eq!(normalize_details(&program, declined, &Value::Null).unwrap_err().path, "code");
}
