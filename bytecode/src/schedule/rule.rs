//! One set of local times by fields, and the search for the next one. Local times are seconds of a clock that never
//! changes; what zones do to them is the timetable's part.

use super::YEARS;
use crate::wire::text;

const DAY_S: i64 = 86_400;
pub(super) const YEAR_MIN: i64 = *YEARS.start();
pub(super) const YEAR_MAX: i64 = *YEARS.end();

/// Local times: those whose every field is in its set. A set has a bit for each value of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) second: u64,
    pub(super) minute: u64,
    pub(super) hour: u64,
    pub(super) day: u64,
    pub(super) month: u64,
    /// Bit 0 is Sunday.
    pub(super) weekday: u64,
    /// Bit 0 is the year 2000.
    pub(super) year: u128,
}

/// All of `0..n`.
const fn all(n: u32) -> u64 {
    (1 << n) - 1
}

const SIXTY: u64 = all(60);
const HOURS: u64 = all(24);

impl Rule {
    /// Whether a local second is one of them.
    pub(super) fn matches(&self, local: i64) -> bool {
        let (hour, minute, second) = clock(local.rem_euclid(DAY_S));
        self.day_off(local.div_euclid(DAY_S)).is_none()
            && has(self.hour, hour)
            && has(self.minute, minute)
            && has(self.second, second)
    }

    /// The first local second from `from` on, before `until`.
    pub(super) fn first(&self, from: i64, until: i64) -> Option<i64> {
        let (mut day, mut clock) = (from.div_euclid(DAY_S), from.rem_euclid(DAY_S));
        while day.saturating_mul(DAY_S) < until {
            match self.day_off(day) {
                Some(next) => day = next?,
                None => {
                    if let Some(found) = self.first_in_day(clock) {
                        return Some(day * DAY_S + found).filter(|local| *local < until);
                    }
                    day += 1;
                }
            }
            clock = 0;
        }
        None
    }

    /// `None` if a day is one of them, else from where on to look further; no day if there is none any more.
    #[allow(clippy::option_option, reason = "the day fits, it does not, no later one does")]
    fn day_off(&self, day: i64) -> Option<Option<i64>> {
        let (year, month, in_month) = text::civil(day);
        if year < YEAR_MIN {
            return Some(text::days(YEAR_MIN, 1, 1));
        }
        if year > YEAR_MAX {
            return Some(None);
        }
        if self.year >> (year - YEAR_MIN) & 1 == 0 {
            let later = self.year >> (year - YEAR_MIN);
            return Some(
                (later != 0).then(|| year + i64::from(later.trailing_zeros())).and_then(|y| text::days(y, 1, 1)),
            );
        }
        if !has(self.month, month) {
            let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            return Some(text::days(year, month, 1));
        }
        // 1970-01-01 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        (!has(self.day, in_month) || !has(self.weekday, weekday)).then_some(Some(day + 1))
    }

    /// The first second of a day from `clock` on.
    fn first_in_day(&self, from: i64) -> Option<i64> {
        let (h, m, s) = clock(from);
        let hours = (h..24).filter(|hour| has(self.hour, *hour));
        for hour in hours {
            let first_minute = if hour == h { m } else { 0 };
            for minute in (first_minute..60).filter(|minute| has(self.minute, *minute)) {
                let first_second = if hour == h && minute == m { s } else { 0 };
                if let Some(second) = (first_second..60).find(|second| has(self.second, *second)) {
                    return Some(hour * 3_600 + minute * 60 + second);
                }
            }
        }
        None
    }

    /// The first local second after `local`, one of them, that may be none of them.
    pub(super) fn leaves(&self, local: i64) -> i64 {
        let step = match (self.second == SIXTY, self.minute == SIXTY, self.hour == HOURS) {
            (true, true, true) => DAY_S,
            (true, true, false) => 3_600,
            (true, false, _) => 60,
            (false, ..) => 1,
        };
        (local.div_euclid(step) + 1) * step
    }
}

fn has(set: u64, value: i64) -> bool {
    set >> value & 1 == 1
}

fn clock(second_of_day: i64) -> (i64, i64, i64) {
    (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60)
}
