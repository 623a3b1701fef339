//! Arithmetic: checked integers, floats without NaN and infinity, decimals.

use rust_decimal::Decimal;
use weft_bytecode::op::Op;

use super::{At, Flow};
use crate::fiber::Fiber;
use crate::limits::{Fault, fault};
use crate::machine::Vm;
use crate::step::TrapKind;
use crate::value::{decimal, new_decimal};

pub(crate) fn int(op: Op, lhs: i64, rhs: i64) -> Result<i64, Fault> {
    let (result, sign) = match op {
        Op::AddInt => (lhs.checked_add(rhs), "+"),
        Op::SubInt => (lhs.checked_sub(rhs), "-"),
        Op::MulInt => (lhs.checked_mul(rhs), "*"),
        Op::DivInt if rhs == 0 => return Err(division_by_zero()),
        Op::DivInt => (lhs.checked_div(rhs), "/"),
        _ if rhs == 0 => return Err(division_by_zero()),
        // The smallest number has remainder 0 by -1, though its quotient does not fit.
        _ => (Some(lhs.wrapping_rem(rhs)), "%"),
    };
    match result {
        Some(value) => Ok(value),
        None => Err(overflow(format!("{lhs} {sign} {rhs} does not fit in 64 bits"))),
    }
}

pub(crate) fn float(op: Op, lhs: f64, rhs: f64) -> Result<f64, Fault> {
    let (result, sign) = match op {
        Op::AddFloat => (lhs + rhs, "+"),
        Op::SubFloat => (lhs - rhs, "-"),
        Op::MulFloat => (lhs * rhs, "*"),
        Op::DivFloat => (lhs / rhs, "/"),
        _ => (libm::fmod(lhs, rhs), "%"),
    };
    if result.is_finite() {
        Ok(result)
    } else {
        Err(fault(TrapKind::FloatRange, format!("{lhs} {sign} {rhs} is no finite number")))
    }
}

fn division_by_zero() -> Fault {
    fault(TrapKind::DivisionByZero, "division by zero")
}

pub(crate) fn overflow(message: impl Into<String>) -> Fault {
    fault(TrapKind::Overflow, message)
}

/// One decimal operation; `symbol` as in the source.
pub(crate) fn decimals(symbol: char, lhs: Decimal, rhs: Decimal) -> Result<Decimal, Fault> {
    let result = match symbol {
        '+' => lhs.checked_add(rhs),
        '-' => lhs.checked_sub(rhs),
        '*' => lhs.checked_mul(rhs),
        '/' | '%' if rhs.is_zero() => return Err(division_by_zero()),
        '/' => lhs.checked_div(rhs),
        _ => lhs.checked_rem(rhs),
    };
    result.ok_or_else(|| overflow(format!("{lhs} {symbol} {rhs} does not fit in 28 digits")))
}

impl Vm {
    pub(super) fn decimal_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let value = match at.inst.op {
            Op::IntToDecimal => Decimal::from(at.reg(fiber, at.inst.b) as i64),
            Op::NegDecimal => -decimal(&self.heap, at.reg(fiber, at.inst.b)),
            op => {
                let symbol = match op {
                    Op::AddDecimal => '+',
                    Op::SubDecimal => '-',
                    Op::MulDecimal => '*',
                    Op::DivDecimal => '/',
                    _ => '%',
                };
                let lhs = decimal(&self.heap, at.reg(fiber, at.inst.b));
                let rhs = decimal(&self.heap, at.reg(fiber, at.inst.c));
                decimals(symbol, lhs, rhs)?
            }
        };
        let value = new_decimal(&mut self.heap, value)?;
        at.set(fiber, at.inst.a, value);
        Ok(Flow::Next)
    }
}
