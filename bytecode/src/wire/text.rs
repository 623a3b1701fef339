//! Scalars as text: the one spelling of durations, times, dates, decimals and floats, and their
//! readers. Everyone who shows or reads such a value goes through here, so equal values have equal text.

use std::fmt::Write as _;

use rust_decimal::Decimal;

/// Milliseconds of a day.
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// The first day a `Date` can name, 0001-01-01, in days since 1970-01-01.
pub const DATE_MIN: i64 = -719_162;
/// The last day a `Date` can name, 9999-12-31.
pub const DATE_MAX: i64 = 2_932_896;
/// The first `Time`, 0001-01-01T00:00:00Z, in milliseconds since 1970.
pub const TIME_MIN: i64 = DATE_MIN * DAY_MS;
/// The last `Time`, 9999-12-31T23:59:59.999Z.
pub const TIME_MAX: i64 = DATE_MAX * DAY_MS + DAY_MS - 1;

const UNITS: [(&str, i64); 5] = [("d", DAY_MS), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `1h30m` for milliseconds: largest units first, weeks never, `0s`, `-2s`.
pub fn duration(ms: i64) -> String {
    if ms == 0 {
        return String::from("0s");
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (unit, size) in UNITS {
        let size = size.unsigned_abs();
        if rest >= size {
            write!(out, "{}{unit}", rest / size).expect("writing to a String succeeds");
            rest %= size;
        }
    }
    out
}

/// Reads `1h30m`; also `w`. `None` if it is no duration or does not fit.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let size = match &rest[..letters] {
            "w" => 7 * DAY_MS,
            unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        rest = &rest[letters..];
        total = total.checked_add(i128::from(amount) * i128::from(size))?;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// `2026-06-01` for days since 1970-01-01.
pub fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads `2026-06-01`, years 1 to 9999.
pub fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    days(digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?)
}

/// `2026-06-01T09:00:00Z` for milliseconds since 1970, with `.123` only if they are not zero.
pub fn time(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if in_day % 1_000 != 0 {
        write!(out, ".{:03}", in_day % 1_000).expect("writing to a String succeeds");
    }
    out.push('Z');
    out
}

/// Reads RFC 3339 with any offset; what is finer than a millisecond is dropped.
pub fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let day = parse_date(text.get(..10)?)?;
    let (hour, minute, second) = (digits(&bytes[11..13])?, digits(&bytes[14..16])?, digits(&bytes[17..19])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = &bytes[19..];
    let mut millis = 0;
    if let Some((b'.', after)) = rest.split_first() {
        let count = after.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        for place in 0..3 {
            millis = millis * 10 + after[..count].get(place).map_or(0, |b| i64::from(b - b'0'));
        }
        rest = &after[count..];
    }
    let offset = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -60_000 } else { 60_000 }
        }
        _ => return None,
    };
    let ms = day * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis - offset;
    (TIME_MIN..=TIME_MAX).contains(&ms).then_some(ms)
}

/// `19.99`: no exponent, no trailing zeros after the point, no negative zero.
pub fn decimal(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Reads a decimal from its digits, with an exponent if there is one. `None` if it is no number or cannot be held
/// exactly.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let digits = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let value = Decimal::from_str_exact(without_trailing_zeros(mantissa)).ok()?;
    shifted(value, exponent)
}

/// Shortest text that reads back equal, always with `.` or `e`.
///
/// The value is finite: no `Float` of a program is anything else.
pub fn float(value: f64) -> String {
    ryu::Buffer::new().format(value).to_owned()
}

/// Days since 1970-01-01 of a calendar day; `None` if there is no such day in the years 1 to 9999.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    // Years begin in March, so that the leap day is the last one and months before it have a fixed pattern.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month and day of days since 1970-01-01.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// How many days a month has.
pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value, b| b.is_ascii_digit().then(|| value * 10 + i64::from(b - b'0')))
}

fn shifted(mut value: Decimal, exponent: i32) -> Option<Decimal> {
    if value.is_zero() {
        return Some(Decimal::ZERO);
    }
    // No decimal has more than 29 digits before or 28 after the point.
    if exponent.abs() > 60 {
        return None;
    }
    let scale = i64::from(value.scale()) - i64::from(exponent);
    if scale < 0 {
        value.set_scale(0).ok()?;
        for _ in 0..-scale {
            value = value.checked_mul(Decimal::TEN)?;
        }
        return Some(value);
    }
    let mut scale = u32::try_from(scale).ok()?;
    // Zeros at the end of the mantissa make room for a scale that is too large.
    while scale > Decimal::MAX_SCALE {
        if value.mantissa() % 10 != 0 {
            return None;
        }
        value = Decimal::from_i128_with_scale(value.mantissa() / 10, value.scale());
        scale -= 1;
    }
    value.set_scale(scale).ok()?;
    Some(value)
}

/// Without zeros at the end of the part after the point, which say nothing and may not fit.
fn without_trailing_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, ms, canonical) in [
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1w", 604_800_000, "7d"),
            ("0s", 0, "0s"),
            ("0ms", 0, "0s"),
            ("-2s", -2_000, "-2s"),
            ("1500ms", 1_500, "1s500ms"),
            ("30m1h", 5_400_000, "1h30m"),
            ("-9223372036854775808ms", i64::MIN, "-106751991167d7h12m55s808ms"),
        ] {
            // The most negative value has no positive twin to be read from as one amount.
            if ms != i64::MIN {
                assert_eq!(parse_duration(text), Some(ms), "{text}");
            }
            assert_eq!(duration(ms), canonical, "{text}");
            assert_eq!(parse_duration(canonical), Some(ms), "{canonical}");
        }
        for text in ["", "-", "5", "h", "1.5h", "1h 30m", "+1s", "1H", "--1s", "1y", "9223372036854775807d", "1س"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn dates_round_trip_over_all_years() {
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(1, 1, 1), Some(DATE_MIN));
        assert_eq!(days(9999, 12, 31), Some(DATE_MAX));
        for day in (DATE_MIN..=DATE_MAX).step_by(97).chain([DATE_MIN, DATE_MAX, 0, 59, 60]) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), Some(day));
            assert_eq!(parse_date(&date(day)), Some(day));
        }
        for text in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "0000-01-01", "2026-6-1", "20260601"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert!(parse_date("2000-02-29").is_some());
    }

    #[test]
    fn times_read_any_offset_and_write_utc() {
        for (text, canonical) in [
            ("2026-06-01T09:00:00Z", "2026-06-01T09:00:00Z"),
            ("2026-06-01T09:00:00.5Z", "2026-06-01T09:00:00.500Z"),
            ("2026-06-01T09:00:00.123987Z", "2026-06-01T09:00:00.123Z"),
            ("2026-06-01t11:00:00+02:00", "2026-06-01T09:00:00Z"),
            ("2026-06-01 04:30:00-04:30", "2026-06-01T09:00:00Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            let ms = parse_time(text).expect(text);
            assert_eq!(time(ms), canonical);
        }
        for text in [
            "2026-06-01",
            "2026-06-01T09:00Z",
            "2026-06-01T09:00:00",
            "2026-06-01T24:00:00Z",
            "2026-06-01T09:00:00.Z",
            "2026-06-01T09:00:00+25:00",
            "0001-01-01T00:00:00+01:00",
            "2026-06-01T09:00:60Z",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, canonical) in [
            ("19.99", "19.99"),
            ("19.990", "19.99"),
            ("0.00", "0"),
            ("-0", "0"),
            ("100", "100"),
            ("1e3", "1000"),
            ("1.25E-3", "0.00125"),
            ("12e-1", "1.2"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("1.0000000000000000000000000000000000000", "1"),
            ("10e-29", "0.0000000000000000000000000001"),
        ] {
            assert_eq!(decimal(parse_decimal(text).expect(text)), canonical, "{text}");
        }
        for text in [
            "",
            ".5",
            "5.",
            "1_000",
            "+1",
            "1e",
            "1e999",
            "1e-999999999999",
            "abc",
            "79228162514264337593543950336",
            "0.12345678901234567890123456789",
            "1e-29",
            " 1",
        ] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn floats_keep_their_point() {
        for (value, text) in [(1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e300, "1e300"), (5e-5, "0.00005")] {
            assert_eq!(float(value), text);
            assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
        }
    }
}
