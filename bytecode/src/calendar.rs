//! The calendar, time zones, and dates as people write them: what the library says of times and dates, which the
//! compiler needs too, to check a zone or pattern that is written in a program. A date is days since 1970-01-01, a time
//! milliseconds since 1970 in UTC, as in a register.
//!
//! Zones are those of the tables inside the binary ([`ZONES`]); those of the machine are never read, so a run
//! replays the same everywhere.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};

use crate::wire::text::{self, DATE_MAX, DATE_MIN, DAY_MS, TIME_MAX, TIME_MIN};

/// Version of the time zone tables of this edition.
pub const ZONES: &str = "2026f";

/// Version of the Unicode tables of this edition: what `upper`, `lower` and `trim` go by. They are the standard
/// library's, so they come with the compiler that builds the binary.
pub const UNICODE: (u8, u8, u8) = (17, 0, 0);

/// Longest pattern of `format` and `parse` in bytes: each of its fields may be padded.
pub const PATTERN_MAX: usize = 256;

/// The days of the week as the library's `Weekday` has them.
pub const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

static TABLES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Day of the week, 0 for Monday.
pub fn weekday(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    day.wrapping_add(3).rem_euclid(7)
}

/// The first day after `day` with a day of the week.
pub fn next_weekday(day: i64, wanted: i64) -> Option<i64> {
    in_range(day + (wanted - weekday(day) - 1).rem_euclid(7) + 1)
}

/// The last day before `day` with a day of the week.
pub fn previous_weekday(day: i64, wanted: i64) -> Option<i64> {
    in_range(day - (weekday(day) - wanted - 1).rem_euclid(7) - 1)
}

/// The same day of another month, or the last one of a month that does not have it.
pub fn add_months(day: i64, months: i64) -> Option<i64> {
    let (year, month, in_month) = text::civil(day);
    let month = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    text::days(year, month, in_month.min(month_length(year, month)))
}

/// How many days a month has; 0 for a month that there is not.
pub fn month_length(year: i64, month: i64) -> i64 {
    if text::days(year, month, 1).is_some() { text::month_length(year, month) } else { 0 }
}

/// Year and number of the week by ISO 8601: the week belongs to the year that its Thursday is in.
pub fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - weekday(day) + 3;
    let (year, ..) = text::civil(thursday);
    let first = text::days(year, 1, 1).unwrap_or(DATE_MIN);
    (year, (thursday - first) / 7 + 1)
}

fn in_range(day: i64) -> Option<i64> {
    (DATE_MIN..=DATE_MAX).contains(&day).then_some(day)
}

/// Whether there is a time zone of this name: `Europe/Berlin`, `UTC`.
pub fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// The names of all time zones.
pub fn zones() -> Vec<String> {
    TABLES.available().map(|name| name.to_string()).collect()
}

pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TABLES.get(name).ok()
}

/// What a clock in a zone is ahead of UTC at a time, in milliseconds; `None` if there is no such zone.
pub fn offset(time: i64, name: &str) -> Option<i64> {
    // The last hours of the calendar are past what the tables reach; no zone changes there.
    let at = time.div_euclid(1_000).clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let at = Timestamp::from_second(at).ok()?;
    Some(i64::from(zone(name)?.to_offset(at).seconds()) * 1_000)
}

/// The time at which the clocks of a zone show a time of a day; `None` if there is no such zone or the calendar does not
/// reach there. A time that clocks skip is as much later as they skip; one that they show twice is the first.
pub fn at(day: i64, clock: i64, name: &str) -> Option<i64> {
    let local = day.checked_mul(DAY_MS)?.checked_add(clock)?;
    let found = zone(name)?.to_ambiguous_timestamp(civil(local)?).compatible().ok()?.as_millisecond();
    (TIME_MIN..=TIME_MAX).contains(&found).then_some(found)
}

fn civil(local: i64) -> Option<DateTime> {
    let (year, month, day) = text::civil(in_range(local.div_euclid(DAY_MS))?);
    let date = Date::new(year as i16, month as i8, day as i8).ok()?;
    let ms = local.rem_euclid(DAY_MS);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    Some(date.to_datetime(Time::new(hour as i8, minute as i8, second as i8, (ms % 1_000 * 1_000_000) as i32).ok()?))
}

/// Why no date can be written in the words of a pattern; `None` if each can.
pub fn wrong_for_dates(pattern: &str) -> Option<String> {
    too_long(pattern).or_else(|| strtime::format(pattern, sample()?.date()).err().map(|error| error.to_string()))
}

/// Why no time can be written in the words of a pattern; `None` if each can.
pub fn wrong_for_times(pattern: &str) -> Option<String> {
    too_long(pattern).or_else(|| written(pattern)?.err())
}

/// Why no text can be read as a date by a pattern; `None` if what it writes can.
pub fn unreadable_date(pattern: &str) -> Option<String> {
    unreadable(pattern, |parsed| parsed.to_date().is_ok())
}

/// Why no text can be read as a time by a pattern; `None` if what it writes can.
pub fn unreadable_time(pattern: &str) -> Option<String> {
    unreadable(pattern, |parsed| parsed.to_timestamp().is_ok() || parsed.to_date().is_ok())
}

fn unreadable(pattern: &str, tells: impl FnOnce(&BrokenDownTime) -> bool) -> Option<String> {
    if let Some(wrong) = too_long(pattern) {
        return Some(wrong);
    }
    let parsed = written(pattern)?.and_then(|text| strtime::parse(pattern, text).map_err(|error| error.to_string()));
    match parsed {
        Ok(parsed) if tells(&parsed) => None,
        Ok(_) => Some("a text of this form does not say which day it is".to_owned()),
        Err(why) => Some(why),
    }
}

/// A time in the words of a pattern.
fn written(pattern: &str) -> Option<Result<String, String>> {
    let time = sample()?.to_zoned(TimeZone::UTC).ok()?;
    Some(strtime::format(pattern, &time).map_err(|error| error.to_string()))
}

/// A time with no part like another one: 2001-02-03, 16:05:06.789.
fn sample() -> Option<DateTime> {
    DateTime::new(2001, 2, 3, 16, 5, 6, 789_000_000).ok()
}

fn too_long(pattern: &str) -> Option<String> {
    let length = pattern.len();
    (length > PATTERN_MAX).then(|| format!("the pattern has {length} bytes, {PATTERN_MAX} are allowed"))
}

/// A time in the words of a pattern; else why not.
pub fn format_time(time: i64, pattern: &str, name: &str) -> Result<String, String> {
    if let Some(wrong) = too_long(pattern) {
        return Err(wrong);
    }
    let zone = zone(name).ok_or_else(|| format!("there is no time zone `{name}`"))?;
    let at = Timestamp::from_millisecond(time).map_err(|error| error.to_string())?;
    strtime::format(pattern, &Zoned::new(at, zone)).map_err(|error| error.to_string())
}

/// A date in the words of a pattern; else why not.
pub fn format_date(day: i64, pattern: &str) -> Result<String, String> {
    if let Some(wrong) = too_long(pattern) {
        return Err(wrong);
    }
    let date = civil(day.saturating_mul(DAY_MS)).ok_or("the date is outside of the calendar")?.date();
    strtime::format(pattern, date).map_err(|error| error.to_string())
}

/// The time that a text in the form of a pattern means: at the offset that it has, else in the zone that it
/// names, else in one that is given.
pub fn parse_time(text: &str, pattern: &str, name: &str) -> Option<i64> {
    let parsed = parsed(text, pattern)?;
    if let Ok(time) = parsed.to_timestamp() {
        return Some(time.as_millisecond()).filter(|ms| (TIME_MIN..=TIME_MAX).contains(ms));
    }
    let local = match parsed.to_datetime() {
        Ok(local) => local,
        Err(_) => parsed.to_date().ok()?.to_datetime(Time::midnight()),
    };
    let time = local.time();
    let clock = i64::from(time.hour()) * 3_600_000
        + i64::from(time.minute()) * 60_000
        + i64::from(time.second()) * 1_000
        + i64::from(time.millisecond());
    at(days(local.date())?, clock, parsed.iana_time_zone().unwrap_or(name))
}

/// The date that a text in the form of a pattern means.
pub fn parse_date(text: &str, pattern: &str) -> Option<i64> {
    days(parsed(text, pattern)?.to_date().ok()?)
}

fn parsed(text: &str, pattern: &str) -> Option<BrokenDownTime> {
    if pattern.len() > PATTERN_MAX {
        return None;
    }
    strtime::parse(pattern, text).ok()
}

fn days(date: Date) -> Option<i64> {
    text::days(i64::from(date.year()), i64::from(date.month()), i64::from(date.day()))
}

#[cfg(test)]
mod tests;
