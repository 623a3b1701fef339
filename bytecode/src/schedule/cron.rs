//! Cron expressions and the fields of calendars.
//!
//! Five fields: minute, hour, day of month, month, day of week. Six: and the year. Seven: second first, year last. Or a
//! word: `@daily`, `@every 90m/15m`. Before it `TZ=Europe/Berlin`, behind it `# a comment`. Unlike the cron of old, day
//! of month and day of week must *both* fit.

use super::rule::{Rule, YEAR_MAX, YEAR_MIN};
use super::{COMMENT_CHARS_MAX, Calendar, Interval, SpecError};
use crate::wire::text;

/// A cron expression, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// When.
    pub times: Times,
    /// The zone it names itself.
    pub zone: Option<String>,
}

/// What a cron expression stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Times {
    /// Local times.
    Rule(Rule),
    /// `@every`.
    Every(Interval),
}

/// A field: its name, its values, the names of these.
struct Field {
    name: &'static str,
    min: i64,
    max: i64,
    /// Names from `min` on, and how many letters of one are enough.
    names: &'static [&'static str],
    letters: usize,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const fn plain(name: &'static str, min: i64, max: i64) -> Field {
    Field { name, min, max, names: &[], letters: 0 }
}

const SECOND: Field = plain("second", 0, 59);
const MINUTE: Field = plain("minute", 0, 59);
const HOUR: Field = plain("hour", 0, 23);
const DAY: Field = plain("day of month", 1, 31);
const MONTH: Field = Field { name: "month", min: 1, max: 12, names: &MONTHS, letters: 3 };
const WEEKDAY: Field = Field { name: "day of week", min: 0, max: 7, names: &DAYS, letters: 2 };
const YEAR: Field = plain("year", YEAR_MIN, YEAR_MAX);

/// Words for whole expressions.
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads a cron expression.
///
/// # Errors
/// What is wrong, naming the field.
pub fn parse(text: &str) -> Result<Cron, String> {
    let (body, comment) = text.split_once('#').unwrap_or((text, ""));
    comment_fits(comment.trim())?;
    let mut words = body.split_whitespace().peekable();
    let zone = words.peek().and_then(|word| word.strip_prefix("CRON_TZ=").or_else(|| word.strip_prefix("TZ=")));
    let zone = zone.map(str::to_owned);
    if zone.is_some() {
        words.next();
    }
    let words: Vec<&str> = words.collect();
    let times = match words.as_slice() {
        ["@every", distance] => Times::Every(interval(distance)?),
        ["@every", ..] => return Err("`@every` takes a distance: `@every 90m`, `@every 1h/15m`".into()),
        [word] if word.starts_with('@') => {
            let known = WORDS.iter().find(|(name, _)| name == word);
            let (_, means) = known.ok_or_else(|| {
                let names: Vec<_> = WORDS.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("there is no `{word}`; there are {}, `@every`", names.join(", "))
            })?;
            Times::Rule(fields(&means.split(' ').collect::<Vec<_>>())?)
        }
        words => Times::Rule(fields(words)?),
    };
    Ok(Cron { times, zone })
}

fn fields(words: &[&str]) -> Result<Rule, String> {
    let (second, rest, year) = match words {
        [second, rest @ .., year] if rest.len() == 5 => (*second, rest, *year),
        [rest @ .., year] if rest.len() == 5 => ("0", rest, *year),
        rest if rest.len() == 5 => ("0", rest, "*"),
        _ => {
            let n = words.len();
            let plural = if n == 1 { "" } else { "s" };
            return Err(format!(
                "{n} field{plural}; there are 5 (minute, hour, day of month, month, day of week), 6 (and year) or 7 (second first, \
                 and year)"
            ));
        }
    };
    Ok(Rule {
        second: set(&SECOND, second)? as u64,
        minute: set(&MINUTE, rest[0])? as u64,
        hour: set(&HOUR, rest[1])? as u64,
        day: set(&DAY, rest[2])? as u64,
        month: set(&MONTH, rest[3])? as u64,
        weekday: weekdays(rest[4])?,
        year: set(&YEAR, year)?,
    })
}

/// Days of the week: 7 is Sunday as well.
fn weekdays(text: &str) -> Result<u64, String> {
    let found = set(&WEEKDAY, text)? as u64;
    Ok(found & 0x7f | found >> 7)
}

/// The values of a field: a bit for each, the first year's is bit 0.
fn set(field: &Field, text: &str) -> Result<u128, String> {
    let wrong = |why: String| format!("{} `{text}`: {why}", field.name);
    let mut found = 0u128;
    for piece in text.split(',') {
        let piece = piece.trim();
        let (range, step) = match piece.split_once('/') {
            Some((range, step)) => match step.trim().parse::<u32>() {
                Ok(step) if step > 0 => (range.trim(), Some(i64::from(step))),
                _ => return Err(wrong(format!("the step `{step}` is no positive number"))),
            },
            None => (piece, None),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (field.min, field.max.min(if field.names.len() == 7 { 6 } else { i64::MAX })),
            (_, Some((from, to))) => {
                let (from, to) = (value(field, from.trim()).map_err(wrong)?, value(field, to.trim()).map_err(wrong)?);
                // `fri-sun`: a week that ends on Sunday.
                let to = if field.names.len() == 7 && to == 0 && from > 0 { 7 } else { to };
                if from > to {
                    return Err(wrong(format!("`{range}` runs backward")));
                }
                (from, to)
            }
            _ => {
                let from = value(field, range).map_err(wrong)?;
                (from, if step.is_some() { field.max } else { from })
            }
        };
        for value in (from..=to).step_by(step.unwrap_or(1) as usize) {
            found |= 1 << (value - if field.min == YEAR_MIN { YEAR_MIN } else { 0 });
        }
    }
    Ok(found)
}

fn value(field: &Field, text: &str) -> Result<i64, String> {
    if let Ok(number) = text.parse::<u32>() {
        let number = i64::from(number);
        return match (field.min..=field.max).contains(&number) {
            true => Ok(number),
            false => Err(format!("{number} is not between {} and {}", field.min, field.max)),
        };
    }
    let lower = text.to_ascii_lowercase();
    let long = lower.len() >= field.letters;
    match field.names.iter().position(|name| long && name.starts_with(&lower)) {
        Some(at) => Ok(field.min + at as i64),
        None if text.is_empty() => Err("a value is missing".into()),
        None if field.names.is_empty() => Err(format!("`{text}` is no number")),
        None => Err(format!("`{text}` is neither a number nor a name")),
    }
}

/// `90m`, `1h/15m`: a distance and its phase.
fn interval(text: &str) -> Result<Interval, String> {
    let duration = |text: &str| text::parse_duration(text).ok_or_else(|| format!("`{text}` is no duration"));
    let (every, phase) = match text.split_once('/') {
        Some((every, phase)) => (duration(every)?, duration(phase)?),
        None => (duration(text)?, 0),
    };
    let interval = Interval { every_ms: every, phase_ms: phase };
    check_interval(interval).map_err(|(_, why)| why)?;
    Ok(interval)
}

/// The part of an interval that cannot be used, and why.
pub(super) fn check_interval(interval: Interval) -> Result<(), (&'static str, String)> {
    let whole = |ms: i64| ms % 1_000 == 0;
    if interval.every_ms < 1_000 || !whole(interval.every_ms) {
        return Err(("every", "the distance must be whole seconds, at least 1s".into()));
    }
    if !whole(interval.phase_ms) || !(0..interval.every_ms).contains(&interval.phase_ms) {
        return Err(("phase", "the phase must be whole seconds, less than the distance".into()));
    }
    Ok(())
}

fn comment_fits(comment: &str) -> Result<(), String> {
    match comment.chars().count() > COMMENT_CHARS_MAX {
        true => Err(format!("comment: longer than {COMMENT_CHARS_MAX} characters")),
        false => Ok(()),
    }
}

/// What a calendar means; in an exclusion the time of day that is not given is any.
pub(super) fn calendar(calendar: &Calendar, excluding: bool, path: &str) -> Result<Rule, SpecError> {
    let at = |name: &'static str, why: String| SpecError::new(format!("{path}.{name}"), why);
    if let Some(comment) = &calendar.comment {
        comment_fits(comment).map_err(|why| at("comment", why))?;
    }
    let time = if excluding { "*" } else { "0" };
    let one = |name: &'static str, field: &Field, text: &Option<String>, otherwise: &str| {
        set(field, text.as_deref().unwrap_or(otherwise)).map_err(|why| at(name, why))
    };
    Ok(Rule {
        second: one("second", &SECOND, &calendar.second, time)? as u64,
        minute: one("minute", &MINUTE, &calendar.minute, time)? as u64,
        hour: one("hour", &HOUR, &calendar.hour, time)? as u64,
        day: one("day", &DAY, &calendar.day, "*")? as u64,
        month: one("month", &MONTH, &calendar.month, "*")? as u64,
        weekday: weekdays(calendar.weekday.as_deref().unwrap_or("*")).map_err(|why| at("weekday", why))?,
        year: one("year", &YEAR, &calendar.year, "*")?,
    })
}
