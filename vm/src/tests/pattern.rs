//! Natives that search texts for patterns, and those of business days.

use weft_bytecode::op::Native;
use weft_bytecode::types::builtin::{BOOL, DATE, STRING};
use weft_bytecode::{Type, TypeId};

use super::asm::*;
use super::natives::{gives, run, trap};
use crate::step::TrapKind;
use Type::{Bool, Date, Int, String as S};

#[test]
fn texts_by_patterns() {
    let all = || Type::List(STRING);
    gives(Native::StringMatches, &[S, S], Bool, &["\"ab\"", "\"a|ab\""], "true");
    gives(Native::StringMatches, &[S, S], Bool, &["\"abc\"", "\"a|ab\""], "false");
    gives(Native::StringFind, &[S, S], Type::Option(STRING), &["\"grün 7\"", r#""\\w+""#], "\"grün\"");
    gives(Native::StringFind, &[S, S], Type::Option(STRING), &["\"a\"", "\"b\""], "null");
    gives(Native::StringFindAll, &[S, S], all(), &["\"a1b22\"", "\"[0-9]+\""], r#"["1","22"]"#);
    gives(Native::StringFindAll, &[S, S], all(), &["\"ü\"", "\"\""], r#"["",""]"#);
    gives(Native::StringSplitPattern, &[S, S], all(), &["\"a, b\"", "\", *\""], r#"["a","b"]"#);
    gives(Native::StringSplitPattern, &[S, S], all(), &["\"\"", "\",\""], r#"[""]"#);
    let args = &["\"a1b2\"", "\"(?<n>[0-9])\"", "\"<$n$$>\""];
    gives(Native::StringReplacePattern, &[S, S, S], S, args, "\"a<1$>b<2$>\"");
    let mut p = P::new();
    let map = p.ty(Type::Map(STRING, STRING));
    let groups = p.ty(Type::Option(map));
    let call = |args: &[&str]| {
        let mut fresh = P::new();
        fresh.program.types.clone_from(&p.program.types);
        run(fresh, Native::StringCaptures, &[STRING, STRING], groups, args).result()
    };
    assert_eq!(call(&["\"x 12:\"", "\"([0-9]+)(?<unit>[a-z])?(:)\""]), r#"{"0":"12:","1":"12","3":":"}"#);
    assert_eq!(call(&["\"x\"", "\"y\""]), "null");
}

#[test]
fn what_patterns_refuse() {
    let wrong = |pattern: &str| trap(Native::StringMatches, &[S, S], Bool, &["\"a\"", pattern]);
    assert_eq!(wrong("\"a(\""), TrapKind::Index);
    assert_eq!(wrong("\"((a{100}){100}){100}\""), TrapKind::Index);
    // Each search might look at the whole rest of the text.
    let long = format!("\"{}\"", format!("a{}", "b".repeat(1_500)).repeat(1_250));
    let slow = trap(Native::StringFindAll, &[S, S], Type::List(STRING), &[&long, "\"a\""]);
    assert_eq!(slow, TrapKind::Index);
    let wide = format!("\"{}\"", "$0".repeat(20_000));
    let text = format!("\"{}\"", "a".repeat(200_000));
    assert_eq!(trap(Native::StringReplacePattern, &[S, S, S], S, &[&text, "\"a+\"", &wide]), TrapKind::Memory);
}

/// What a pattern is compiled to is charged, and again where it is kept from before.
#[test]
fn a_large_pattern_costs_what_it_takes() {
    let fuel = |pattern: &str| {
        let mut run = run(P::new(), Native::StringMatches, &[STRING, STRING], BOOL, &["\"a\"", pattern]);
        run.result();
        run.vm.fuel_used()
    };
    assert!(fuel(r#""(a{100}){40}""#) > fuel("\"a\"") + 10_000);
}

#[test]
fn business_days() {
    let mut p = P::new();
    let dates = p.ty(Type::List(DATE));
    let call = |native, params: &[TypeId], dst, args: &[&str]| {
        let mut fresh = P::new();
        fresh.program.types.clone_from(&p.program.types);
        run(fresh, native, params, dst, args).result()
    };
    gives(Native::DateIsWeekend, &[Date], Bool, &["\"2026-06-07\""], "true");
    gives(Native::DateIsWeekend, &[Date], Bool, &["\"2026-06-08\""], "false");
    use weft_bytecode::types::builtin::INT;
    let add = |from: &str, days: &str, holidays: &str| {
        call(Native::DateAddBusinessDays, &[DATE, INT, dates], DATE, &[from, days, holidays])
    };
    // From a weekend, over a holiday, and back.
    assert_eq!(add("\"2026-06-06\"", "1", "[]"), "\"2026-06-08\"");
    assert_eq!(add("\"2026-06-06\"", "0", "[]"), "\"2026-06-06\"");
    assert_eq!(add("\"2026-12-24\"", "1", r#"["2026-12-25"]"#), "\"2026-12-28\"");
    assert_eq!(add("\"2026-12-28\"", "-1", r#"["2026-12-25"]"#), "\"2026-12-24\"");
    let until = |from: &str, to: &str| {
        call(Native::DateBusinessDaysUntil, &[DATE, DATE, dates], INT, &[from, to, r#"["2026-12-25"]"#])
    };
    assert_eq!(until("\"2026-12-24\"", "\"2026-12-28\""), "1");
    assert_eq!(until("\"2026-12-28\"", "\"2026-12-24\""), "-1");
    assert_eq!(until("\"2026-12-26\"", "\"2026-12-26\""), "0");
    let holidays = || Type::List(DATE);
    let far = ["\"2026-06-01\"", "9223372036854775807", "[]"];
    assert_eq!(trap(Native::DateAddBusinessDays, &[Date, Int, holidays()], Date, &far), TrapKind::Index);
    let far = ["\"2026-06-01\"", "-9223372036854775808", "[]"];
    assert_eq!(trap(Native::DateAddBusinessDays, &[Date, Int, holidays()], Date, &far), TrapKind::Index);
}
