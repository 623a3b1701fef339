//! Natives on texts, lists, maps, sets and `Json`: arguments as JSON, the result as JSON.

use weft_bytecode::op::Native;
use weft_bytecode::types::builtin::{BOOL, DATE, DECIMAL, DURATION, FLOAT, INT, JSON, STRING, TIME};
use weft_bytecode::{Type, TypeId};

use super::asm::*;
use crate::step::TrapKind;

/// Calls a native with the workflow's arguments.
pub(super) fn run(p: P, native: Native, params: &[TypeId], dst: TypeId, args: &[&str]) -> Stage {
    let mut p = p;
    let names = ["a", "b", "c", "d"];
    let fields: Vec<(&str, TypeId)> = names.into_iter().zip(params.iter().copied()).collect();
    let record = p.record(None, &fields);
    let mut f = F::new("main", params, dst);
    let regs: Vec<u16> = (0..params.len() as u16).collect();
    let reg = f.native(native, dst, &regs);
    f.ret(reg);
    let body = p.func(f);
    let init = p.no_init(params);
    p.workflow(record, init, body);
    let args: Vec<String> = names.iter().zip(args).map(|(name, json)| format!("\"{name}\":{json}")).collect();
    p.stage(&format!("{{{}}}", args.join(",")))
}

/// Calls a native that traps.
pub(super) fn trap(native: Native, params: &[Type], dst: Type, args: &[&str]) -> TrapKind {
    let mut p = P::new();
    let params: Vec<TypeId> = params.iter().map(|ty| p.ty(ty.clone())).collect();
    let dst = p.ty(dst);
    run(p, native, &params, dst, args).trap().0
}

#[track_caller]
pub(super) fn gives(native: Native, params: &[Type], dst: Type, args: &[&str], expected: &str) {
    let mut p = P::new();
    let params: Vec<TypeId> = params.iter().map(|ty| p.ty(ty.clone())).collect();
    let dst = p.ty(dst);
    assert_eq!(run(p, native, &params, dst, args).result(), expected, "{}", native.name());
}

#[test]
fn texts() {
    use Type::{Bool, Int, String as S};
    let list = || Type::List(STRING);
    gives(Native::StringLength, &[S], Int, &["\"grün\""], "4");
    gives(Native::StringIsEmpty, &[S], Bool, &["\"\""], "true");
    gives(Native::StringUpper, &[S], S, &["\"grün\""], "\"GRÜN\"");
    gives(Native::StringLower, &[S], S, &["\"GRÜN\""], "\"grün\"");
    gives(Native::StringTrim, &[S], S, &[r#"" a\t""#], "\"a\"");
    gives(Native::StringSplit, &[S, S], list(), &["\"a,b,\"", "\",\""], r#"["a","b",""]"#);
    gives(Native::StringSplit, &[S, S], list(), &["\"aü\"", "\"\""], r#"["a","ü"]"#);
    gives(Native::StringContains, &[S, S], Bool, &["\"abc\"", "\"bc\""], "true");
    gives(Native::StringStartsWith, &[S, S], Bool, &["\"abc\"", "\"bc\""], "false");
    gives(Native::StringEndsWith, &[S, S], Bool, &["\"abc\"", "\"bc\""], "true");
    gives(Native::StringReplace, &[S, S, S], S, &["\"aaa\"", "\"a\"", "\"bb\""], "\"bbbbbb\"");
    gives(Native::StringReplace, &[S, S, S], S, &["\"ab\"", "\"\"", "\"-\""], "\"-a-b-\"");
    gives(Native::StringSlice, &[S, Int, Int], S, &["\"grün\"", "2", "99"], "\"ün\"");
    gives(Native::StringSlice, &[S, Int, Int], S, &["\"grün\"", "-2", "1"], "\"g\"");
    gives(Native::StringSlice, &[S, Int, Int], S, &["\"grün\"", "3", "1"], "\"\"");
    gives(Native::StringChars, &[S], list(), &["\"aü\""], r#"["a","ü"]"#);
    gives(Native::StringLines, &[S], list(), &[r#""a\r\nb\n""#], r#"["a","b"]"#);
    gives(Native::StringParseInt, &[S], Type::Option(INT), &["\"-12\""], "-12");
    gives(Native::StringParseInt, &[S], Type::Option(INT), &["\"+12\""], "null");
    gives(Native::StringParseInt, &[S], Type::Option(INT), &["\"9223372036854775808\""], "null");
    gives(Native::StringParseDecimal, &[S], Type::Option(DECIMAL), &["\"1.50\""], "\"1.5\"");
    gives(Native::StringParseDecimal, &[S], Type::Option(DECIMAL), &["\"x\""], "null");
    gives(Native::ListJoin, &[list(), S], S, &[r#"["a","b"]"#, "\", \""], "\"a, b\"");
    gives(Native::ListJoin, &[list(), S], S, &["[]", "\", \""], "\"\"");
    gives(Native::ToText, &[Type::Option(INT)], S, &["null"], "\"none\"");
    gives(Native::ToText, &[list()], S, &["[\"a\"]"], r#""[\"a\"]""#);
    gives(Native::TimeParse, &[S], Type::Option(TIME), &["\"2026-06-01T11:00:00+02:00\""], "\"2026-06-01T09:00:00Z\"");
    gives(Native::DateParse, &[S], Type::Option(DATE), &["\"2026-02-30\""], "null");
}

#[test]
fn lists() {
    use Type::{Bool, Int};
    let ints = || Type::List(INT);
    gives(Native::Range, &[Int, Int, Int], ints(), &["0", "7", "3"], "[0,3,6]");
    gives(Native::Range, &[Int, Int, Int], ints(), &["3", "0", "-1"], "[3,2,1]");
    gives(Native::Range, &[Int, Int, Int], ints(), &["3", "0", "1"], "[]");
    let max = "9223372036854775807";
    gives(
        Native::Range,
        &[Int, Int, Int],
        ints(),
        &["9223372036854775800", max, "5"],
        "[9223372036854775800,9223372036854775805]",
    );
    gives(Native::ListLength, &[ints()], Int, &["[1,2]"], "2");
    gives(Native::ListFirst, &[ints()], Type::Option(INT), &["[1,2]"], "1");
    gives(Native::ListFirst, &[ints()], Type::Option(INT), &["[]"], "null");
    gives(Native::ListLast, &[Type::List(STRING)], Type::Option(STRING), &[r#"["a","b"]"#], "\"b\"");
    gives(Native::ListPush, &[ints(), Int], ints(), &["[1]", "2"], "[1,2]");
    gives(Native::ListConcat, &[ints(), ints()], ints(), &["[1]", "[2,3]"], "[1,2,3]");
    gives(Native::ListSum, &[ints()], Int, &["[1,2,3]"], "6");
    gives(Native::ListSum, &[Type::List(DECIMAL)], Type::Decimal, &[r#"["0.1","0.2"]"#], "\"0.3\"");
    gives(Native::ListSum, &[Type::List(DECIMAL)], Type::Decimal, &["[]"], "\"0\"");
    gives(Native::ListSum, &[Type::List(FLOAT)], Type::Float, &["[]"], "0.0");
    gives(Native::ListSum, &[Type::List(DURATION)], Type::Duration, &[r#"["1s","59s"]"#], "\"1m\"");
    gives(Native::ListMin, &[ints()], Type::Option(INT), &["[3,-1,2]"], "-1");
    gives(Native::ListMax, &[Type::List(STRING)], Type::Option(STRING), &[r#"["a","c","b"]"#], "\"c\"");
    gives(Native::ListSort, &[ints()], ints(), &["[3,-1,2]"], "[-1,2,3]");
    gives(Native::ListSort, &[Type::List(FLOAT)], Type::List(FLOAT), &["[1.5,-2.0]"], "[-2.0,1.5]");
    gives(
        Native::ListSortKeys,
        &[ints(), Type::List(STRING)],
        Type::List(STRING),
        &["[2,1,2]", r#"["a","b","c"]"#],
        r#"["b","a","c"]"#,
    );
    gives(Native::ListTake, &[ints(), Int], ints(), &["[1,2,3]", "2"], "[1,2]");
    gives(Native::ListTake, &[ints(), Int], ints(), &["[1,2,3]", "-2"], "[]");
    gives(Native::ListDrop, &[ints(), Int], ints(), &["[1,2,3]", "2"], "[3]");
    gives(Native::ListDrop, &[ints(), Int], ints(), &["[1,2,3]", "9"], "[]");
    gives(Native::ListSlice, &[ints(), Int, Int], ints(), &["[1,2,3]", "1", "2"], "[2]");
    gives(Native::ListSlice, &[ints(), Int, Int], ints(), &["[1,2,3]", "2", "1"], "[]");
    gives(Native::ListReverse, &[ints()], ints(), &["[1,2,3]"], "[3,2,1]");
    gives(Native::ListContains, &[ints(), Int], Bool, &["[1,2]", "2"], "true");
    gives(Native::ListContains, &[Type::Set(INT), Int], Bool, &["[1,2]", "3"], "false");
    gives(Native::ListIndexOf, &[Type::List(STRING), Type::String], Type::Option(INT), &[r#"["a","b"]"#, "\"b\""], "1");
    gives(Native::ListDistinct, &[ints()], ints(), &["[1,2,1,3,2]"], "[1,2,3]");
    let mut p = P::new();
    let (list, pair) = (p.ty(ints()), p.ty(Type::Tuple(vec![INT, INT])));
    let (pairs, lists) = (p.ty(Type::List(pair)), p.ty(Type::List(list)));
    let zip = |native, params: &[TypeId], dst, args: &[&str]| {
        let mut fresh = P::new();
        fresh.program.types.clone_from(&p.program.types);
        run(fresh, native, params, dst, args).result()
    };
    assert_eq!(zip(Native::ListZip, &[list, list], pairs, &["[1,2]", "[3]"]), "[[1,3]]");
    assert_eq!(zip(Native::ListEnumerate, &[list], pairs, &["[5,6]"]), "[[0,5],[1,6]]");
    assert_eq!(zip(Native::ListChunk, &[list, INT], lists, &["[1,2,3]", "2"]), "[[1,2],[3]]");
    assert_eq!(zip(Native::ListFlatten, &[lists], list, &["[[1],[],[2,3]]"]), "[1,2,3]");
}

#[test]
fn what_natives_refuse() {
    use Type::Int;
    assert_eq!(trap(Native::Range, &[Int, Int, Int], Type::List(INT), &["0", "1", "0"]), TrapKind::Index);
    assert_eq!(trap(Native::ListSum, &[Type::List(INT)], Int, &["[9223372036854775807,1]"]), TrapKind::Overflow);
    assert_eq!(trap(Native::ListSum, &[Type::List(FLOAT)], Type::Float, &["[1e308,1e308]"]), TrapKind::FloatRange);
    let map = Type::Map(STRING, INT);
    assert_eq!(trap(Native::MapIndex, &[map, Type::String], Int, &["{}", "\"k\""]), TrapKind::Index);
}

#[test]
fn maps_and_sets() {
    use Type::{Bool, Int, String as S};
    let map = || Type::Map(STRING, INT);
    let set = || Type::Set(INT);
    let m = r#"{"b":1,"a":2}"#;
    gives(Native::MapGet, &[map(), S], Type::Option(INT), &[m, "\"a\""], "2");
    gives(Native::MapGet, &[map(), S], Type::Option(INT), &[m, "\"x\""], "null");
    gives(Native::MapIndex, &[map(), S], Int, &[m, "\"b\""], "1");
    gives(Native::MapHas, &[map(), S], Bool, &[m, "\"b\""], "true");
    gives(Native::MapKeys, &[map()], Type::List(STRING), &[m], r#"["b","a"]"#);
    gives(Native::MapValues, &[map()], Type::List(INT), &[m], "[1,2]");
    gives(Native::MapSet, &[map(), S, Int], map(), &[m, "\"b\"", "9"], r#"{"b":9,"a":2}"#);
    gives(Native::MapRemove, &[map(), S], map(), &[m, "\"b\""], r#"{"a":2}"#);
    gives(Native::MapMerge, &[map(), map()], map(), &[m, r#"{"c":3,"b":7}"#], r#"{"b":7,"a":2,"c":3}"#);
    gives(Native::SetAdd, &[set(), Int], set(), &["[1]", "2"], "[1,2]");
    gives(Native::SetRemove, &[set(), Int], set(), &["[1,2]", "1"], "[2]");
    gives(Native::SetUnion, &[set(), set()], set(), &["[1,2]", "[2,3]"], "[1,2,3]");
    gives(Native::SetIntersect, &[set(), set()], set(), &["[3,1,2]", "[2,3]"], "[3,2]");
    gives(Native::ListToSet, &[Type::List(INT)], set(), &["[1,2,1]"], "[1,2]");
    gives(Native::SetToList, &[set()], Type::List(INT), &["[2,1]"], "[2,1]");
    let mut p = P::new();
    let (ints, strings) = (p.ty(Type::List(INT)), p.ty(Type::List(STRING)));
    let groups = p.ty(Type::Map(INT, strings));
    let grouped = run(p, Native::GroupKeys, &[ints, strings], groups, &["[2,1,2]", r#"["a","b","c"]"#]).result();
    assert_eq!(grouped, r#"[[2,["a","c"]],[1,["b"]]]"#);
    let mut p = P::new();
    let (map, pair) = (p.ty(map()), p.ty(Type::Tuple(vec![STRING, INT])));
    let entries = p.ty(Type::List(pair));
    assert_eq!(run(p, Native::MapEntries, &[map], entries, &[m]).result(), r#"[["b",1],["a",2]]"#);
}

#[test]
fn a_large_map_finds_each_key() {
    let entries: Vec<String> = (0..500).map(|n| format!("\"key {n}\":{n}")).collect();
    let map = format!("{{{}}}", entries.join(","));
    for n in [0, 8, 9, 255, 499] {
        let key = format!("\"key {n}\"");
        gives(Native::MapIndex, &[Type::Map(STRING, INT), Type::String], Type::Int, &[&map, &key], &n.to_string());
    }
    gives(Native::MapHas, &[Type::Map(STRING, INT), Type::String], Type::Bool, &[&map, "\"key 500\""], "false");
}

#[test]
fn json() {
    use Type::{Bool, Json, String as S};
    let value = r#"{"a":{"b":[10,"x"]},"n":null,"f":1.5,"t":true}"#;
    let get = |path: &str, expected: &str| {
        gives(Native::JsonGet, &[Json, S], Type::Option(JSON), &[value, &format!("\"{path}\"")], expected);
    };
    get("a.b.0", "10");
    get("a.b.1", "\"x\"");
    get("a.b.2", "null");
    get("x", "null");
    get("f", "1.5");
    gives(Native::JsonAsInt, &[Json], Type::Option(INT), &["10"], "10");
    gives(Native::JsonAsInt, &[Json], Type::Option(INT), &["1.5"], "null");
    gives(Native::JsonAsFloat, &[Json], Type::Option(FLOAT), &["10"], "10.0");
    gives(Native::JsonAsString, &[Json], Type::Option(STRING), &["\"x\""], "\"x\"");
    gives(Native::JsonAsBool, &[Json], Type::Option(BOOL), &["false"], "false");
    gives(Native::JsonIsNull, &[Json], Bool, &["null"], "true");
    gives(Native::JsonEncode, &[Json], S, &[r#"{"b":1,"a":[]}"#], r#""{\"b\":1,\"a\":[]}""#);
    gives(Native::JsonParse, &[S], Type::Option(JSON), &[r#""[1, 1e400]""#], "null");
    gives(
        Native::JsonParse,
        &[S],
        Type::Option(JSON),
        &[r#""[1, 18446744073709551616]""#],
        "[1,1.8446744073709552e19]",
    );
    gives(Native::ToJson, &[Type::List(DURATION)], Json, &[r#"["1m"]"#], r#"["1m"]"#);
    for (native, inner, args, expected) in [
        (Native::JsonAsList, Type::List(JSON), "[1,\"a\"]", "[1,\"a\"]"),
        (Native::JsonAsList, Type::List(JSON), "{}", "null"),
        (Native::JsonAsMap, Type::Map(STRING, JSON), r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
    ] {
        let mut p = P::new();
        let inner = p.ty(inner);
        let dst = p.ty(Type::Option(inner));
        assert_eq!(run(p, native, &[JSON], dst, &[args]).result(), expected);
    }
}
