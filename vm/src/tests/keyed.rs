//! Natives of values by keys, and of numbers between bounds.

use weft_bytecode::op::Native;
use weft_bytecode::types::builtin::{BOOL, FLOAT, INT, STRING};
use weft_bytecode::{Type, TypeId};

use super::asm::*;
use super::natives::{gives, run, trap};
use crate::step::TrapKind;
use Type::{Decimal, Float, Int, String as S};

#[test]
fn values_by_keys() {
    let ints = || Type::List(INT);
    let names = || Type::List(STRING);
    let both = [ints(), names()];
    let args = &["[2,1,2,1]", r#"["a","b","c","d"]"#];
    gives(Native::ListMinKeys, &both, Type::Option(STRING), args, "\"b\"");
    gives(Native::ListMaxKeys, &both, Type::Option(STRING), args, "\"a\"");
    gives(Native::ListMaxKeys, &[ints(), ints()], Type::Option(INT), &["[]", "[]"], "null");
    gives(Native::ListDistinctKeys, &both, names(), args, r#"["a","b"]"#);
    gives(
        Native::MapOfKeys,
        &[names(), ints()],
        Type::Map(STRING, INT),
        &[args[1], args[0]],
        r#"{"a":2,"b":1,"c":2,"d":1}"#,
    );
    gives(Native::MapOfKeys, &[names(), ints()], Type::Map(STRING, INT), &[r#"["a","a"]"#, "[1,2]"], r#"{"a":2}"#);
    let map = Type::Map(STRING, INT);
    gives(
        Native::MapWithValues,
        &[map, names()],
        Type::Map(STRING, STRING),
        &[r#"{"k":1}"#, r#"["x"]"#],
        r#"{"k":"x"}"#,
    );
    gives(Native::SetDifference, &[Type::Set(INT), Type::Set(INT)], Type::Set(INT), &["[3,1,2]", "[2]"], "[3,1]");
}

#[test]
fn lists_of_lists_and_pairs() {
    let mut p = P::new();
    let (list, flags) = (p.ty(Type::List(INT)), p.ty(Type::List(BOOL)));
    let (two, lists) = (p.ty(Type::Tuple(vec![list, list])), p.ty(Type::List(list)));
    let pair = p.ty(Type::Tuple(vec![STRING, INT]));
    let (pairs, map) = (p.ty(Type::List(pair)), p.ty(Type::Map(STRING, INT)));
    let (maybe, maybes) = {
        let maybe = p.ty(Type::Option(INT));
        (maybe, p.ty(Type::List(maybe)))
    };
    let call = |native, params: &[TypeId], dst, args: &[&str]| {
        let mut fresh = P::new();
        fresh.program.types.clone_from(&p.program.types);
        run(fresh, native, params, dst, args).result()
    };
    assert_eq!(call(Native::ListPartition, &[flags, list], two, &["[true,false,true]", "[1,2,3]"]), "[[1,3],[2]]");
    assert_eq!(call(Native::ListWindow, &[list, INT], lists, &["[1,2,3]", "2"]), "[[1,2],[2,3]]");
    assert_eq!(call(Native::ListWindow, &[list, INT], lists, &["[1]", "9223372036854775807"]), "[]");
    assert_eq!(call(Native::ListToMap, &[pairs], map, &[r#"[["a",1],["b",2],["a",3]]"#]), r#"{"a":3,"b":2}"#);
    assert_eq!(call(Native::ListMinKeys, &[list, maybes], maybe, &["[2,1]", "[5,null]"]), "null");
    assert_eq!(call(Native::ListMaxKeys, &[list, maybes], maybe, &["[2,1]", "[5,null]"]), "5");
}

/// An optional is no more optional than it is: what is found in a list of them is one of them.
#[test]
fn elements_that_are_optional() {
    let mut p = P::new();
    let maybe = p.ty(Type::Option(INT));
    let (list, map) = (p.ty(Type::List(maybe)), p.ty(Type::Map(STRING, maybe)));
    let call = |native, params: &[TypeId], args: &[&str]| {
        let mut fresh = P::new();
        fresh.program.types.clone_from(&p.program.types);
        run(fresh, native, params, maybe, args).result()
    };
    assert_eq!(call(Native::ListFirst, &[list], &["[1,null]"]), "1");
    assert_eq!(call(Native::ListFirst, &[list], &["[]"]), "null");
    assert_eq!(call(Native::ListLast, &[list], &["[1,null]"]), "null");
    assert_eq!(call(Native::MapGet, &[map, STRING], &[r#"{"a":1}"#, "\"a\""]), "1");
    assert_eq!(call(Native::MapGet, &[map, STRING], &[r#"{"a":null}"#, "\"a\""]), "null");
}

#[test]
fn numbers_between_bounds() {
    gives(Native::IntClamp, &[Int, Int, Int], Int, &["5", "7", "9"], "7");
    gives(Native::FloatClamp, &[Float, Float, Float], Float, &["9.5", "7.0", "9.0"], "9.0");
    gives(Native::DecimalClamp, &[Decimal, Decimal, Decimal], Decimal, &["\"1\"", "\"0.5\"", "\"1.5\""], "\"1\"");
    gives(Native::IntSign, &[Int], Int, &["-9223372036854775808"], "-1");
    gives(Native::FloatSign, &[Float], Int, &["-0.0"], "0");
    gives(Native::DecimalSign, &[Decimal], Int, &["\"0.1\""], "1");
    gives(Native::DecimalFloor, &[Decimal, Int], Decimal, &["\"-1.01\"", "1"], "\"-1.1\"");
    gives(Native::DecimalCeil, &[Decimal, Int], Decimal, &["\"-1.09\"", "1"], "\"-1\"");
    gives(Native::DecimalRoundHalfUp, &[Decimal, Int], Decimal, &["\"-2.345\"", "2"], "\"-2.35\"");
    let float = |text: &str, expected: &str| {
        gives(Native::StringParseFloat, &[S], Type::Option(FLOAT), &[&format!("\"{text}\"")], expected);
    };
    float("-1.5e-1", "-0.15");
    float("7", "7.0");
    for wrong in ["", "-", ".5", "5.", "1e", "1e999", "inf", "nan", "+1", " 1", "1e+-1"] {
        float(wrong, "null");
    }
    let traps = |native, ty: fn() -> Type, args: &[&str]| {
        assert_eq!(trap(native, &[ty(), ty(), ty()], ty(), args), TrapKind::Index);
    };
    traps(Native::IntClamp, || Int, &["1", "2", "1"]);
    traps(Native::FloatClamp, || Float, &["1.0", "2.0", "1.0"]);
    traps(Native::DecimalClamp, || Decimal, &["\"1\"", "\"2\"", "\"1\""]);
    assert_eq!(trap(Native::DecimalCeil, &[Decimal, Int], Decimal, &["\"1\"", "-1"]), TrapKind::Index);
}
