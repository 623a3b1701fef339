//! Ops on scalars and decimals: results and traps.

use weft_bytecode::op::{Native, Op};
use weft_bytecode::types::builtin::{BOOL, DATE, DECIMAL, DURATION, FLOAT, INT, TIME};
use weft_bytecode::{Constant, TypeId};

use super::asm::*;
use crate::step::TrapKind;

/// A constant of a scalar or decimal type.
fn value(p: &mut P, f: &mut F, ty: TypeId, text: &str) -> u16 {
    let constant = match ty {
        DECIMAL => Constant::Decimal(text.into()),
        FLOAT => Constant::Scalar(text.parse::<f64>().expect("a float").to_bits()),
        _ => Constant::Scalar(text.parse::<i64>().expect("a number") as u64),
    };
    let k = p.constant(constant);
    let reg = f.reg(ty);
    f.wide(Op::LoadConst, reg, k);
    reg
}

fn binary(op: Op, lhs: (TypeId, &str), rhs: (TypeId, &str), dst: TypeId) -> Stage {
    let mut p = P::new();
    let mut f = F::new("main", &[], dst);
    let (a, b) = (value(&mut p, &mut f, lhs.0, lhs.1), value(&mut p, &mut f, rhs.0, rhs.1));
    let c = f.reg(dst);
    f.op(op, c, a, b).ret(c);
    p.main(f)
}

/// `pc` of the op in [`binary`].
const AT: u32 = 3;

#[track_caller]
fn gives(op: Op, ty: TypeId, lhs: &str, rhs: &str, dst: TypeId, expected: &str) {
    assert_eq!(binary(op, (ty, lhs), (ty, rhs), dst).result(), expected);
}

#[track_caller]
fn traps(op: Op, ty: TypeId, lhs: &str, rhs: &str, kind: TrapKind) {
    assert_eq!(binary(op, (ty, lhs), (ty, rhs), ty).trap(), (kind, AT));
}

const MAX: &str = "9223372036854775807";
const MIN: &str = "-9223372036854775808";

#[test]
fn integers_are_checked() {
    gives(Op::AddInt, INT, "40", "2", INT, "42");
    gives(Op::SubInt, INT, "2", "44", INT, "-42");
    gives(Op::MulInt, INT, "-6", "7", INT, "-42");
    gives(Op::DivInt, INT, "-7", "2", INT, "-3");
    gives(Op::RemInt, INT, "-7", "2", INT, "-1");
    gives(Op::RemInt, INT, MIN, "-1", INT, "0");
    traps(Op::AddInt, INT, MAX, "1", TrapKind::Overflow);
    traps(Op::SubInt, INT, MIN, "1", TrapKind::Overflow);
    traps(Op::MulInt, INT, MAX, "2", TrapKind::Overflow);
    traps(Op::DivInt, INT, MIN, "-1", TrapKind::Overflow);
    traps(Op::DivInt, INT, "1", "0", TrapKind::DivisionByZero);
    traps(Op::RemInt, INT, "1", "0", TrapKind::DivisionByZero);
}

#[test]
fn integers_compare_with_their_sign() {
    gives(Op::LtInt, INT, "-1", "1", BOOL, "true");
    gives(Op::LtInt, INT, "1", "1", BOOL, "false");
    gives(Op::LeInt, INT, "1", "1", BOOL, "true");
    gives(Op::EqInt, INT, "1", "1", BOOL, "true");
    gives(Op::NeInt, INT, "1", "1", BOOL, "false");
}

#[test]
fn times_and_durations_are_numbers_of_their_own() {
    gives(Op::AddInt, DURATION, "1000", "500", DURATION, "\"1s500ms\"");
    gives(Op::SubInt, TIME, "61000", "1000", DURATION, "\"1m\"");
    assert_eq!(binary(Op::AddInt, (TIME, "0"), (DURATION, "1500"), TIME).result(), "\"1970-01-01T00:00:01.500Z\"");
    assert_eq!(binary(Op::MulInt, (DURATION, "60000"), (INT, "90"), DURATION).result(), "\"1h30m\"");
    assert_eq!(binary(Op::DivInt, (DURATION, "7000"), (DURATION, "2000"), INT).result(), "3");
}

#[test]
fn a_time_beyond_the_calendar_cannot_leave_the_program() {
    let mut run = binary(Op::AddInt, (TIME, "0"), (DURATION, MAX), TIME);
    assert!(matches!(run.start(), crate::Then::Trapped(trap) if trap.kind == TrapKind::Overflow));
}

#[test]
fn floats_are_finite() {
    gives(Op::AddFloat, FLOAT, "0.1", "0.2", FLOAT, "0.30000000000000004");
    gives(Op::SubFloat, FLOAT, "1", "1", FLOAT, "0.0");
    gives(Op::MulFloat, FLOAT, "-0.0", "1", FLOAT, "-0.0");
    gives(Op::DivFloat, FLOAT, "1e16", "1", FLOAT, "1e16");
    gives(Op::RemFloat, FLOAT, "-7.5", "2", FLOAT, "-1.5");
    gives(Op::LtFloat, FLOAT, "1", "2", BOOL, "true");
    gives(Op::LeFloat, FLOAT, "2", "2", BOOL, "true");
    gives(Op::Equal, FLOAT, "0.0", "-0.0", BOOL, "true");
    traps(Op::MulFloat, FLOAT, "1e308", "10", TrapKind::FloatRange);
    traps(Op::DivFloat, FLOAT, "0", "0", TrapKind::FloatRange);
    traps(Op::RemFloat, FLOAT, "1", "0", TrapKind::FloatRange);
}

#[test]
fn decimals_have_one_form() {
    gives(Op::AddDecimal, DECIMAL, "0.1", "0.2", DECIMAL, "\"0.3\"");
    gives(Op::SubDecimal, DECIMAL, "1.5", "1.5", DECIMAL, "\"0\"");
    gives(Op::MulDecimal, DECIMAL, "19.99", "3", DECIMAL, "\"59.97\"");
    gives(Op::DivDecimal, DECIMAL, "1", "8", DECIMAL, "\"0.125\"");
    gives(Op::RemDecimal, DECIMAL, "7.5", "2", DECIMAL, "\"1.5\"");
    gives(Op::Equal, DECIMAL, "1.1", "1.1", BOOL, "true");
    gives(Op::Less, DECIMAL, "-1", "0.5", BOOL, "true");
    traps(Op::DivDecimal, DECIMAL, "1", "0", TrapKind::DivisionByZero);
    traps(Op::RemDecimal, DECIMAL, "1", "0", TrapKind::DivisionByZero);
    traps(Op::MulDecimal, DECIMAL, "79228162514264337593543950335", "10", TrapKind::Overflow);
}

fn unary(op: Op, ty: TypeId, text: &str, dst: TypeId) -> Stage {
    let mut p = P::new();
    let mut f = F::new("main", &[], dst);
    let a = value(&mut p, &mut f, ty, text);
    let b = f.reg(dst);
    f.op(op, b, a, 0).ret(b);
    p.main(f)
}

#[test]
fn one_operand() {
    assert_eq!(unary(Op::NegInt, INT, "5", INT).result(), "-5");
    assert_eq!(unary(Op::NegInt, INT, MIN, INT).trap(), (TrapKind::Overflow, 2));
    assert_eq!(unary(Op::NegInt, DURATION, "1000", DURATION).result(), "\"-1s\"");
    assert_eq!(unary(Op::NegFloat, FLOAT, "0", FLOAT).result(), "-0.0");
    assert_eq!(unary(Op::NegDecimal, DECIMAL, "0", DECIMAL).result(), "\"0\"");
    assert_eq!(unary(Op::NegDecimal, DECIMAL, "1.5", DECIMAL).result(), "\"-1.5\"");
    assert_eq!(unary(Op::IntToDecimal, INT, MIN, DECIMAL).result(), "\"-9223372036854775808\"");
    assert_eq!(unary(Op::Not, BOOL, "0", BOOL).result(), "true");
    assert_eq!(unary(Op::Move, DATE, "20605", DATE).result(), "\"2026-06-01\"");
}

/// A native over constants.
fn native(native: Native, args: &[(TypeId, &str)], dst: TypeId) -> Stage {
    let mut p = P::new();
    let mut f = F::new("main", &[], dst);
    let regs: Vec<u16> = args.iter().map(|(ty, text)| value(&mut p, &mut f, *ty, text)).collect();
    let reg = f.native(native, dst, &regs);
    f.ret(reg);
    p.main(f)
}

#[test]
fn natives_on_numbers() {
    let one = |n, ty, text, dst| native(n, &[(ty, text)], dst).result();
    assert_eq!(one(Native::IntAbs, INT, "-3", INT), "3");
    assert_eq!(native(Native::IntAbs, &[(INT, MIN)], INT).trap().0, TrapKind::Overflow);
    assert_eq!(native(Native::IntPow, &[(INT, "-2"), (INT, "63")], INT).result(), MIN);
    assert_eq!(native(Native::IntPow, &[(INT, "2"), (INT, "63")], INT).trap().0, TrapKind::Overflow);
    assert_eq!(native(Native::IntPow, &[(INT, "2"), (INT, "-1")], INT).trap().0, TrapKind::Index);
    assert_eq!(native(Native::IntPow, &[(INT, "-1"), (INT, MAX)], INT).result(), "-1");
    assert_eq!(native(Native::IntPow, &[(INT, "0"), (INT, "0")], INT).result(), "1");
    assert_eq!(one(Native::IntToFloat, INT, "3", FLOAT), "3.0");
    assert_eq!(one(Native::FloatAbs, FLOAT, "-1.5", FLOAT), "1.5");
    assert_eq!(one(Native::FloatFloor, FLOAT, "-1.5", FLOAT), "-2.0");
    assert_eq!(one(Native::FloatCeil, FLOAT, "-1.5", FLOAT), "-1.0");
    assert_eq!(one(Native::FloatRound, FLOAT, "-2.5", FLOAT), "-3.0");
    assert_eq!(one(Native::FloatToInt, FLOAT, "-2.9", INT), "-2");
    assert_eq!(native(Native::FloatToInt, &[(FLOAT, "1e19")], INT).trap().0, TrapKind::Overflow);
    assert_eq!(one(Native::FloatSqrt, FLOAT, "2", FLOAT), "1.4142135623730951");
    assert_eq!(native(Native::FloatSqrt, &[(FLOAT, "-1")], FLOAT).trap().0, TrapKind::FloatRange);
    assert_eq!(one(Native::DecimalAbs, DECIMAL, "-1.5", DECIMAL), "\"1.5\"");
    assert_eq!(native(Native::DecimalRound, &[(DECIMAL, "2.345"), (INT, "2")], DECIMAL).result(), "\"2.34\"");
    assert_eq!(native(Native::DecimalRound, &[(DECIMAL, "2.355"), (INT, "2")], DECIMAL).result(), "\"2.36\"");
    assert_eq!(native(Native::DecimalRound, &[(DECIMAL, "2"), (INT, "-1")], DECIMAL).trap().0, TrapKind::Index);
    assert_eq!(one(Native::DecimalToInt, DECIMAL, "-2.9", INT), "-2");
    let wide = "79228162514264337593543950335";
    assert_eq!(native(Native::DecimalToInt, &[(DECIMAL, wide)], INT).trap().0, TrapKind::Overflow);
    assert_eq!(one(Native::DecimalToFloat, DECIMAL, "0.1", FLOAT), "0.1");
}

#[test]
fn natives_on_times() {
    let one = |n, ty, text, dst| native(n, &[(ty, text)], dst).result();
    assert_eq!(one(Native::DurationMillis, DURATION, "1500", INT), "1500");
    assert_eq!(one(Native::TimeToDate, TIME, "-1", DATE), "\"1969-12-31\"");
    assert_eq!(one(Native::DateToTime, DATE, "1", TIME), "\"1970-01-02T00:00:00Z\"");
    assert_eq!(native(Native::DateAddDays, &[(DATE, "58"), (INT, "1")], DATE).result(), "\"1970-03-01\"");
    assert_eq!(native(Native::DateAddDays, &[(DATE, "0"), (INT, MAX)], DATE).trap().0, TrapKind::Index);
    assert_eq!(native(Native::DateDaysUntil, &[(DATE, "10"), (DATE, "3")], INT).result(), "-7");
}
