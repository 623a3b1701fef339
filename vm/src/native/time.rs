//! Durations, times and dates.

use weft_bytecode::op::Native;
use weft_bytecode::wire::text::{self, DATE_MAX, DATE_MIN, DAY_MS};

use super::Call;
use crate::limits::{Fault, fault};
use crate::step::TrapKind;

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let value = call.int(0);
    Ok(match native {
        DurationMillis => value as u64,
        TimeToDate => value.div_euclid(DAY_MS) as u64,
        DateToTime => value.saturating_mul(DAY_MS) as u64,
        DateAddDays => {
            let days = call.int(1);
            match value.checked_add(days).filter(|day| (DATE_MIN..=DATE_MAX).contains(day)) {
                Some(day) => day as u64,
                None => {
                    let message = format!("{} and {days} days is outside the years 1 to 9999", text::date(value));
                    return Err(fault(TrapKind::Index, message));
                }
            }
        }
        DateDaysUntil => call.int(1).wrapping_sub(value) as u64,
        TimeParse => {
            let parsed = text::parse_time(call.text(0));
            return call.optional(parsed.map(|ms| ms as u64));
        }
        _ => {
            let parsed = text::parse_date(call.text(0));
            return call.optional(parsed.map(|days| days as u64));
        }
    })
}
