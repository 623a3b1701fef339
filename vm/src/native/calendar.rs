//! Parts of dates, steps of the calendar, clocks of time zones, and dates as people write them.

use weft_bytecode::calendar;
use weft_bytecode::op::Native;
use weft_bytecode::wire::text::{self, DATE_MAX, DATE_MIN, DAY_MS, TIME_MAX, TIME_MIN};

use super::Call;
use crate::interp::overflow;
use crate::limits::{Fault, fault};
use crate::step::TrapKind;

/// What a use of the zone tables or of a pattern costs besides its bytes, as if so many bytes had been looked at.
const TABLE_COST: usize = 1_024;

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    match native {
        DateAt | TimeDateIn | TimeClock | TimeOffset => {
            call.heap.charge(TABLE_COST);
            clock(call, native)
        }
        DateFormat | DateParseAs | TimeFormat | TimeParseAs | DurationParse => {
            call.heap.charge(TABLE_COST);
            written(call, native)
        }
        DurationSeconds => Ok((call.int(0) / 1_000) as u64),
        DurationMinutes => Ok((call.int(0) / 60_000) as u64),
        DurationHours => Ok((call.int(0) / 3_600_000) as u64),
        DurationDays => Ok((call.int(0) / DAY_MS) as u64),
        DurationAbs => match call.int(0).checked_abs() {
            Some(value) => Ok(value as u64),
            None => Err(overflow("the shortest Duration has no absolute value")),
        },
        TimeMillis => Ok(call.slot(0)),
        TimeOfMillis if (TIME_MIN..=TIME_MAX).contains(&call.int(0)) => Ok(call.slot(0)),
        TimeOfMillis => Err(outside(format!("{} milliseconds since 1970", call.int(0)))),
        WeekdayNumber => Ok(call.slot(0) + 1),
        _ => day(call, native),
    }
}

/// Parts of a date, and other dates from it.
fn day(call: &Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let value = call.int(0);
    if native != DateOf && !(DATE_MIN..=DATE_MAX).contains(&value) {
        return Err(outside(format!("the date {value} days since 1970-01-01")));
    }
    let (year, month, in_month) = text::civil(value);
    let first = |month| text::days(year, month, 1).unwrap_or(DATE_MIN);
    let later = |found: Option<i64>| found.ok_or_else(|| outside(format!("a day that far from {}", text::date(value))));
    let found = match native {
        DateOf => {
            let (month, day) = (call.int(1), call.int(2));
            let found = text::days(value, month, day);
            found.ok_or_else(|| fault(TrapKind::Index, format!("there is no day {value}-{month:02}-{day:02}")))?
        }
        DateYear => year,
        DateMonth => month,
        DateDay => in_month,
        DateDayOfWeek => calendar::weekday(value),
        DateNext => later(calendar::next_weekday(value, call.int(1)))?,
        DatePrevious => later(calendar::previous_weekday(value, call.int(1)))?,
        DateAddMonths => later(calendar::add_months(value, call.int(1)))?,
        DateAddYears => later(call.int(1).checked_mul(12).and_then(|months| calendar::add_months(value, months)))?,
        DateStartOfWeek => {
            let monday = value - calendar::weekday(value);
            later((DATE_MIN..=DATE_MAX).contains(&monday).then_some(monday))?
        }
        DateStartOfMonth => first(month),
        DateEndOfMonth => first(month) + calendar::month_length(year, month) - 1,
        DateStartOfYear => first(1),
        DateDayOfYear => value - first(1) + 1,
        DateIsoWeek => calendar::iso_week(value).1,
        _ => calendar::iso_week(value).0,
    };
    Ok(found as u64)
}

/// What clocks show somewhere.
fn clock(call: &Call<'_>, native: Native) -> Result<u64, Fault> {
    let zone = call.text(if native == Native::DateAt { 2 } else { 1 });
    let unknown = || fault(TrapKind::Index, format!("there is no time zone `{zone}`"));
    let value = call.int(0);
    if native == Native::DateAt {
        if !calendar::is_zone(zone) {
            return Err(unknown());
        }
        let found = calendar::at(value, call.int(1), zone);
        return match found {
            Some(time) => Ok(time as u64),
            None => Err(outside(format!("{} and {}", text::date(value), text::duration(call.int(1))))),
        };
    }
    if !(TIME_MIN..=TIME_MAX).contains(&value) {
        return Err(outside(format!("the time {value} milliseconds since 1970")));
    }
    let offset = calendar::offset(value, zone).ok_or_else(unknown)?;
    let local = value + offset;
    Ok(match native {
        Native::TimeOffset => offset,
        Native::TimeClock => local.rem_euclid(DAY_MS),
        _ => {
            let day = local.div_euclid(DAY_MS);
            match (DATE_MIN..=DATE_MAX).contains(&day) {
                true => day,
                false => return Err(outside(format!("{} in {zone}", text::time(value)))),
            }
        }
    } as u64)
}

/// Dates and times from texts, and texts from them.
fn written(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    let wrong = |why: String| fault(TrapKind::Index, why);
    let made = match native {
        Native::DateFormat => calendar::format_date(call.int(0), call.text(1)).map_err(wrong)?,
        Native::TimeFormat => calendar::format_time(call.int(0), call.text(1), call.text(2)).map_err(wrong)?,
        _ => {
            let found = match native {
                Native::DurationParse => text::parse_duration(call.text(0)),
                Native::DateParseAs => calendar::parse_date(call.text(0), call.text(1)),
                _ if !calendar::is_zone(call.text(2)) => {
                    return Err(wrong(format!("there is no time zone `{}`", call.text(2))));
                }
                _ => calendar::parse_time(call.text(0), call.text(1), call.text(2)),
            };
            return call.optional(found.map(|value| value as u64));
        }
    };
    call.heap.expect_room(made.len())?;
    call.heap.charge(made.len());
    call.new_text(&made)
}

pub(super) fn outside(what: String) -> Fault {
    fault(TrapKind::Index, format!("{what} is outside the years 1 to 9999"))
}
