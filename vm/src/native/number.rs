//! Numbers.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use weft_bytecode::op::Native;

use super::Call;
use crate::interp::overflow;
use crate::limits::{Fault, fault};
use crate::step::TrapKind;
use crate::value::{decimal, new_decimal};

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let float = || f64::from_bits(call.slot(0));
    Ok(match native {
        IntAbs => match call.int(0).checked_abs() {
            Some(value) => value as u64,
            None => return Err(overflow("the smallest Int has no absolute value")),
        },
        IntPow => pow(call.int(0), call.int(1))? as u64,
        IntToFloat => (call.int(0) as f64).to_bits(),
        FloatAbs => libm::fabs(float()).to_bits(),
        FloatFloor => libm::floor(float()).to_bits(),
        FloatCeil => libm::ceil(float()).to_bits(),
        FloatRound => libm::round(float()).to_bits(),
        FloatToInt => {
            let whole = libm::trunc(float());
            // 2^63 itself does not fit; its negative does.
            const LIMIT: f64 = 9_223_372_036_854_775_808.0;
            if !(-LIMIT..LIMIT).contains(&whole) {
                return Err(overflow(format!("{whole} does not fit in Int")));
            }
            whole as i64 as u64
        }
        FloatSqrt if float() < 0.0 => {
            return Err(fault(TrapKind::FloatRange, format!("{} has no square root", float())));
        }
        FloatSqrt => libm::sqrt(float()).to_bits(),
        DecimalAbs => new_decimal(call.heap, decimal(call.heap, call.slot(0)).abs())?,
        IntClamp => {
            let (low, high) = (call.int(1), call.int(2));
            call.int(0).clamp(low, bounds(low, high)?) as u64
        }
        IntSign => call.int(0).signum() as u64,
        FloatClamp => {
            let (low, high) = (f64::from_bits(call.slot(1)), f64::from_bits(call.slot(2)));
            float().clamp(low, bounds(low, high)?).to_bits()
        }
        FloatSign => (i64::from(float() > 0.0) - i64::from(float() < 0.0)) as u64,
        DecimalClamp => {
            let value = |place| decimal(call.heap, call.slot(place));
            let (low, high) = (value(1), value(2));
            let clamped = value(0).clamp(low, bounds(low, high)?);
            new_decimal(call.heap, clamped)?
        }
        DecimalSign => {
            let value = decimal(call.heap, call.slot(0));
            (i64::from(value > Decimal::ZERO) - i64::from(value < Decimal::ZERO)) as u64
        }
        DecimalRound => round(call, RoundingStrategy::MidpointNearestEven)?,
        DecimalRoundHalfUp => round(call, RoundingStrategy::MidpointAwayFromZero)?,
        DecimalFloor => round(call, RoundingStrategy::ToNegativeInfinity)?,
        DecimalCeil => round(call, RoundingStrategy::ToPositiveInfinity)?,
        DecimalToInt => {
            let value = decimal(call.heap, call.slot(0)).trunc();
            match value.to_i64() {
                Some(whole) => whole as u64,
                None => return Err(overflow(format!("{value} does not fit in Int"))),
            }
        }
        // By way of its digits: correctly rounded, as a literal would be.
        _ => decimal(call.heap, call.slot(0)).to_string().parse::<f64>().unwrap_or_default().to_bits(),
    })
}

/// The upper of two bounds that are in order.
fn bounds<T: PartialOrd + std::fmt::Display + Copy>(low: T, high: T) -> Result<T, Fault> {
    if low > high {
        return Err(fault(
            TrapKind::Index,
            format!("nothing lies between {low} and {high}: the lower bound is above the upper"),
        ));
    }
    Ok(high)
}

fn round(call: &mut Call<'_>, strategy: RoundingStrategy) -> Result<u64, Fault> {
    let places = call.int(1);
    if places < 0 {
        return Err(fault(TrapKind::Index, format!("a decimal cannot be rounded to {places} places")));
    }
    let places = places.min(28) as u32;
    let value = decimal(call.heap, call.slot(0));
    new_decimal(call.heap, value.round_dp_with_strategy(places, strategy))
}

fn pow(base: i64, exponent: i64) -> Result<i64, Fault> {
    if exponent < 0 {
        return Err(fault(TrapKind::Index, format!("the exponent {exponent} is negative")));
    }
    let small = match base {
        0 | 1 => (exponent as u64).min(1) as u32,
        -1 => (exponent % 2) as u32,
        _ => u32::try_from(exponent).unwrap_or(u32::MAX),
    };
    base.checked_pow(small)
        .ok_or_else(|| overflow(format!("{base} to the power of {exponent} does not fit in 64 bits")))
}
