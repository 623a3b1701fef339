//! Business days: those of the working week that are no holidays. Which days are holidays the program says.

use rustc_hash::FxHashSet;
use weft_bytecode::calendar;
use weft_bytecode::op::Native;
use weft_bytecode::wire::text::{DATE_MAX, DATE_MIN};

use super::Call;
use super::calendar::outside;
use crate::limits::Fault;

/// What a step from one day to the next costs, as if so many bytes had been looked at.
const DAY_COST: usize = 8;

/// The first day of the weekend, from 0 for Monday.
const SATURDAY: i64 = 5;

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    let day = call.int(0);
    if native == Native::DateIsWeekend {
        return Ok(u64::from(calendar::weekday(day) >= SATURDAY));
    }
    let list = call.slot(call.args.len() - 1);
    let holidays: FxHashSet<i64> = call.items(list).iter().map(|day| *day as i64).collect();
    let is_open = |day: i64| calendar::weekday(day) < SATURDAY && !holidays.contains(&day);
    match native {
        Native::DateIsBusinessDay => Ok(u64::from(is_open(day))),
        Native::DateAddBusinessDays => add(call, day, is_open),
        _ => {
            let other = call.int(1);
            walk_cost(call, day.abs_diff(other));
            let count = match other >= day {
                true => (day + 1..=other).filter(|day| is_open(*day)).count() as i64,
                false => -((other..day).filter(|day| is_open(*day)).count() as i64),
            };
            Ok(count as u64)
        }
    }
}

fn add(call: &mut Call<'_>, day: i64, is_open: impl Fn(i64) -> bool) -> Result<u64, Fault> {
    let wanted = call.int(1);
    let (step, mut missing, mut at) = (wanted.signum(), wanted.unsigned_abs(), day);
    while missing > 0 && (DATE_MIN..=DATE_MAX).contains(&(at + step)) {
        at += step;
        missing -= u64::from(is_open(at));
    }
    // The way is as long as the calendar at most.
    walk_cost(call, at.abs_diff(day));
    match missing {
        0 => Ok(at as u64),
        _ => Err(outside(format!("the day {wanted} business days from there"))),
    }
}

fn walk_cost(call: &mut Call<'_>, days: u64) {
    call.heap.charge(DAY_COST.saturating_mul(days as usize));
}
