//! JSON into values and back: canonical text goes through unchanged.

use weft_bytecode::types::builtin::*;
use weft_bytecode::{Field, Type, TypeId, Variant};

use super::asm::*;
use crate::step::{Then, TrapKind};

/// A workflow that returns its only argument.
fn through(mut p: P, ty: TypeId, json: &str) -> Then {
    let record = p.record(None, &[("v", ty)]);
    let mut f = F::new("main", &[ty], ty);
    f.ret(0);
    let body = p.func(f);
    let init = p.no_init(&[ty]);
    p.workflow(record, init, body);
    p.stage(&format!("{{\"v\":{json}}}")).start()
}

#[track_caller]
fn stays(p: P, ty: TypeId, json: &str) {
    becomes(p, ty, json, json);
}

#[track_caller]
fn becomes(p: P, ty: TypeId, json: &str, expected: &str) {
    assert_eq!(done(through(p, ty, json)), expected);
}

#[track_caller]
fn refused(p: P, ty: TypeId, json: &str) {
    match through(p, ty, json) {
        Then::Trapped(trap) => assert_eq!(trap.kind, TrapKind::Decode, "{}", trap.message),
        other => panic!("{json}: {other:?}"),
    }
}

fn field(name: &str, ty: TypeId, default: Option<&str>) -> Field {
    Field { name: name.into(), ty, default: default.map(Into::into) }
}

#[test]
fn scalars_stay() {
    for (ty, json) in [
        (UNIT, "null"),
        (BOOL, "true"),
        (INT, "-9223372036854775808"),
        (FLOAT, "-0.0"),
        (FLOAT, "5e-324"),
        (DECIMAL, "\"-12345678901234567890.12345678\""),
        (STRING, r#""a\"b\\c\n\r\t\b\f\u0001\u001f/ü€𝄞""#),
        (BYTES, "\"AAEC/w==\""),
        (DURATION, "\"1d2h3m4s5ms\""),
        (TIME, "\"0001-01-01T00:00:00Z\""),
        (TIME, "\"9999-12-31T23:59:59.999Z\""),
        (DATE, "\"2024-02-29\""),
        (JSON, r#"{"a":[null,true,1,1.5,"x",{}],"":-9007199254740993}"#),
        (OPTION_JSON, "null"),
    ] {
        stays(P::new(), ty, json);
    }
}

#[test]
fn other_spellings_become_the_canonical_one() {
    becomes(P::new(), STRING, r#""\u00e9\ud834\udd1e\/""#, "\"é𝄞/\"");
    becomes(P::new(), FLOAT, "1", "1.0");
    becomes(P::new(), DECIMAL, "1.50", "\"1.5\"");
    becomes(P::new(), JSON, r#" [ 1 , 2e0, {"a" : 1, "b": 2, "a": 3} ] "#, r#"[1,2.0,{"a":3,"b":2}]"#);
}

#[test]
fn what_has_not_its_type_is_refused() {
    for (ty, json) in [
        (BOOL, "1"),
        (INT, "1.0"),
        (INT, "9223372036854775808"),
        (INT, "01"),
        (INT, "\"1\""),
        (FLOAT, "1e999"),
        (DECIMAL, "\"x\""),
        (STRING, "\"a"),
        (STRING, r#""\x""#),
        (STRING, r#""\ud834""#),
        (BYTES, "\"A\""),
        (DURATION, "\"1y\""),
        (TIME, "\"2026-13-01T00:00:00Z\""),
        (JSON, "[1,]"),
        (JSON, "nul"),
        (JSON, "1 2"),
    ] {
        refused(P::new(), ty, json);
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    refused(P::new(), JSON, &deep);
}

#[test]
fn records_fill_in_what_may_be_missing() {
    let mut p = P::new();
    let oi = p.ty(Type::Option(INT));
    let ty = p.ty(Type::Record {
        name: Some("R".into()),
        fields: vec![field("a", INT, None), field("b", oi, None), field("c", STRING, Some("\"d\""))],
    });
    becomes(p, ty, r#"{"x":{"y":[1]},"c":"e","a":1}"#, r#"{"a":1,"b":null,"c":"e"}"#);
    let mut p = P::new();
    let ty = p.ty(Type::Record { name: None, fields: vec![field("a", INT, Some("4"))] });
    becomes(p, ty, "{}", r#"{"a":4}"#);
    let mut p = P::new();
    let ty = p.record(None, &[("a", INT)]);
    refused(p, ty, "{}");
}

#[test]
fn collections_stay() {
    let mut p = P::new();
    let color = p.ty(Type::Enum {
        name: "Color".into(),
        variants: ["Red", "Green"].map(|name| Variant { name: name.into(), fields: vec![] }).into(),
    });
    let lists = p.ty(Type::List(color));
    let by_color = p.ty(Type::Map(color, lists));
    stays(p, by_color, r#"{"Green":["Red","Green"],"Red":[]}"#);
    let mut p = P::new();
    let pair = p.ty(Type::Tuple(vec![INT, STRING]));
    let set = p.ty(Type::Set(pair));
    stays(p, set, r#"[[1,"a"],[1,"b"],[2,"a"]]"#);
    let mut p = P::new();
    let pair = p.ty(Type::Tuple(vec![INT, STRING]));
    let map = p.ty(Type::Map(pair, FLOAT));
    stays(p, map, r#"[[[1,"a"],1.5],[[2,"a"],2.5]]"#);
}

#[test]
fn enums_and_results_stay() {
    let mut p = P::new();
    let ty = p.ty(Type::Enum {
        name: "Outcome".into(),
        variants: vec![
            Variant { name: "Expired".into(), fields: vec![] },
            Variant { name: "Rejected".into(), fields: vec![field("by", STRING, None), field("n", INT, Some("1"))] },
        ],
    });
    let list = p.ty(Type::List(ty));
    let result = p.ty(Type::Result(list));
    let json = r#"{"ok":["Expired",{"kind":"Expired"},{"by":"bob","kind":"Rejected"}]}"#;
    becomes(p, result, json, r#"{"ok":["Expired","Expired",{"kind":"Rejected","by":"bob","n":1}]}"#);
}

#[test]
fn failures_stay() {
    let mut p = P::new();
    p.error("Declined", &[("code", STRING)]);
    let declined = r#"{"type":"Declined","message":"no","details":{"code":"51"},"retryable":false,"cause":null}"#;
    stays(p, FAILURE, declined);
    let cause = r#"{"type":"Strange","message":"m","details":{"x":[1]},"retryable":false,"cause":null}"#;
    let failed = format!(
        r#"{{"type":"ActivityFailed","message":"gave up","activity":"a","attempts":3,"details":{{"activity":"a","attempts":3}},"retryable":false,"cause":{cause}}}"#
    );
    stays(P::new(), FAILURE, &failed);
    let mut p = P::new();
    let result = p.ty(Type::Result(INT));
    stays(p, result, &format!(r#"{{"failed":{cause}}}"#));
}

#[test]
fn a_declared_error_with_other_fields_becomes_a_fault_of_its_name() {
    let mut p = P::new();
    p.error("Declined", &[("code", STRING)]);
    let json = r#"{"type":"Declined","message":"no","details":{"code":7},"retryable":false,"cause":null}"#;
    stays(p, FAILURE, json);
}

#[test]
fn a_run_is_two_ids() {
    let mut p = P::new();
    let ty = p.ty(Type::Run("w".into()));
    stays(p, ty, r#"{"workflow_id":"a","run_id":"0000000000000001"}"#);
}
