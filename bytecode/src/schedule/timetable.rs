//! When a schedule fires: all its times in order, one by one.
//!
//! Between two changes of a zone's clock, local time runs as time does. So the search goes from change to change: a
//! local time that the clock skips is in no stretch and does not fire, one that it shows twice is in two and fires twice.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cron::{self, Times};
use super::rule::{Rule, YEAR_MAX};
use super::{Calendar, Interval, PARTS_MAX, Spec, SpecError, TEXT_BYTES_MAX};
use crate::calendar;
use crate::wire::text;

/// Candidates that may be excluded one after the other before a search gives up: then there is no next time.
const EXCLUDED_MAX: usize = 10_000;

/// What a [`Spec`] means.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// With the part of the spec that each comes from.
    rules: Vec<(String, Rule)>,
    every: Vec<Interval>,
    exclude: Vec<Rule>,
    zone: TimeZone,
    /// First and last second that count.
    start: i64,
    end: i64,
    jitter_ms: i64,
}

impl Timetable {
    /// The times of a spec.
    ///
    /// # Errors
    /// The part that cannot be used.
    pub fn new(spec: &Spec) -> Result<Timetable, SpecError> {
        limits(spec)?;
        let mut zone_name = spec.zone.clone();
        let (mut rules, mut every) = (Vec::new(), spec.every.clone());
        for (n, text) in spec.cron.iter().enumerate() {
            let path = format!("cron[{n}]");
            let cron = cron::parse(text).map_err(|why| SpecError::new(&path, why))?;
            match (&zone_name, cron.zone) {
                (Some(known), Some(own)) if *known != own => {
                    return Err(SpecError::new(path, format!("zone `{own}`, but another part says `{known}`")));
                }
                (None, Some(own)) if n == 0 => zone_name = Some(own),
                (None, Some(own)) => {
                    return Err(SpecError::new(path, format!("zone `{own}`, but those before it say none")));
                }
                _ => {}
            }
            match cron.times {
                Times::Rule(rule) => rules.push((path, rule)),
                Times::Every(interval) => every.push(interval),
            }
        }
        for interval in &every {
            cron::check_interval(*interval).map_err(|(path, why)| SpecError::new(path, why))?;
        }
        for (n, calendar) in spec.calendar.iter().enumerate() {
            let path = format!("calendar[{n}]");
            let rule = cron::calendar(calendar, false, &path)?;
            rules.push((path, rule));
        }
        let excluded = |(n, calendar): (usize, &Calendar)| cron::calendar(calendar, true, &format!("exclude[{n}]"));
        let exclude = spec.exclude.iter().enumerate().map(excluded).collect::<Result<Vec<_>, _>>()?;
        let name = zone_name.as_deref().unwrap_or("UTC");
        let zone = calendar::zone(name);
        let zone = zone.ok_or_else(|| SpecError::new("zone", format!("there is no time zone `{name}`")))?;
        let start = spec.start.as_deref().map(|text| moment("start", text, name, false)).transpose()?;
        let end = spec.end.as_deref().map(|text| moment("end", text, name, true)).transpose()?;
        if spec.jitter_ms < 0 {
            return Err(SpecError::new("jitter", "it must not be negative"));
        }
        let last = text::days(YEAR_MAX + 1, 1, 1).unwrap_or(0) * 86_400 - 1;
        let (start, end) = (start.unwrap_or(0).max(0), end.unwrap_or(last).min(last));
        let table = Timetable { rules, every, exclude, zone, start, end, jitter_ms: spec.jitter_ms };
        if table.rules.is_empty() && table.every.is_empty() {
            return Err(SpecError::new("", "nothing says when it fires: give `cron`, `every` or `calendar`"));
        }
        Ok(table)
    }

    /// Checks that there are times at all, of each cron and calendar and of all together.
    ///
    /// # Errors
    /// The part that never fires.
    pub fn fires(self) -> Result<Timetable, SpecError> {
        let never = |(_, rule): &&(String, Rule)| rule.first(0, i64::MAX / 2).is_none();
        if let Some((path, _)) = self.rules.iter().find(never) {
            return Err(SpecError::new(path, "it never fires: no day fits all its fields"));
        }
        let nothing_left = "it never fires: nothing is left between `start` and `end` that is not excluded";
        self.next(0).is_some().then_some(()).ok_or_else(|| SpecError::new("", nothing_left))?;
        Ok(self)
    }

    /// The first time after a moment, in milliseconds since 1970; always a whole second.
    pub fn next(&self, after_ms: i64) -> Option<i64> {
        let mut from = (after_ms.div_euclid(1_000) + 1).max(self.start);
        for _ in 0..EXCLUDED_MAX {
            let next = self.candidate(from)?;
            if next > self.end {
                return None;
            }
            match self.excluded_until(next) {
                None => return Some(next * 1_000),
                Some(later) => from = later,
            }
        }
        None
    }

    /// The times after a moment, in order.
    pub fn times(&self, after_ms: i64) -> impl Iterator<Item = i64> + '_ {
        std::iter::successors(self.next(after_ms), |last| self.next(*last))
    }

    /// When the run of a time starts: some part of the jitter later, the same for the same schedule wherever it is
    /// computed, and before the next time.
    pub fn jittered(&self, nominal_ms: i64, key: &str) -> i64 {
        if self.jitter_ms == 0 {
            return nominal_ms;
        }
        let room = self.next(nominal_ms).map_or(self.jitter_ms, |next| self.jitter_ms.min(next - nominal_ms)).max(1);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&nominal_ms.to_le_bytes());
        hasher.update(key.as_bytes());
        let mut bytes = [0; 8];
        hasher.finalize_xof().fill(&mut bytes);
        // The upper half of a product spreads evenly over any room.
        let part = (u128::from(u64::from_le_bytes(bytes)) * room.unsigned_abs() as u128) >> 64;
        nominal_ms + part as i64
    }

    /// What a run may start after its time at most.
    pub fn jitter_ms(&self) -> i64 {
        self.jitter_ms
    }

    /// The first second from `from` on of any source.
    fn candidate(&self, from: i64) -> Option<i64> {
        let every = self.every.iter().map(|interval| {
            let (every, phase) = (interval.every_ms / 1_000, interval.phase_ms / 1_000);
            from + (phase - from).rem_euclid(every)
        });
        let soonest = every.min();
        let rule = if self.rules.is_empty() { None } else { self.next_by_rule(from, soonest.unwrap_or(i64::MAX / 4)) };
        rule.into_iter().chain(soonest).min()
    }

    /// The first second from `from` on, not after `until`, of a rule.
    fn next_by_rule(&self, mut from: i64, until: i64) -> Option<i64> {
        let until = until.min(self.end);
        while from <= until {
            let at = Timestamp::from_second(from).ok()?;
            let offset = i64::from(self.zone.to_offset(at).seconds());
            // A change that leaves the offset as it is only makes one stretch two.
            let change = self.zone.following(at).next().map_or(i64::MAX / 4, |change| change.timestamp().as_second());
            let (local, local_end) = (from + offset, change.min(until + 1) + offset);
            if let Some(found) = self.rules.iter().filter_map(|(_, rule)| rule.first(local, local_end)).min() {
                return Some(found - offset);
            }
            from = change;
        }
        None
    }

    /// From where on to look further, if a second is excluded.
    fn excluded_until(&self, second: i64) -> Option<i64> {
        if self.exclude.is_empty() {
            return None;
        }
        let at = Timestamp::from_second(second).ok()?;
        let offset = i64::from(self.zone.to_offset(at).seconds());
        let rule = self.exclude.iter().find(|rule| rule.matches(second + offset))?;
        let leaves = rule.leaves(second + offset) - offset;
        // Behind a change the clock shows something else.
        Some(match self.zone.following(at).next() {
            Some(change) => leaves.min(change.timestamp().as_second()),
            None => leaves,
        })
    }
}

fn limits(spec: &Spec) -> Result<(), SpecError> {
    let parts = spec.cron.len() + spec.every.len() + spec.calendar.len() + spec.exclude.len();
    if parts > PARTS_MAX {
        return Err(SpecError::new(
            "cron",
            format!("{parts} crons, calendars and exclusions; {PARTS_MAX} are allowed"),
        ));
    }
    let fields = |c: &Calendar| {
        let all = [&c.second, &c.minute, &c.hour, &c.day, &c.month, &c.year, &c.weekday, &c.comment];
        all.into_iter().flatten().map(String::len).max().unwrap_or(0)
    };
    let crons = spec.cron.iter().map(String::len);
    let calendars = spec.calendar.iter().chain(&spec.exclude).map(fields);
    let names = [&spec.start, &spec.end, &spec.zone].into_iter().flatten().map(String::len);
    match crons.chain(calendars).chain(names).max() {
        Some(longest) if longest > TEXT_BYTES_MAX => {
            Err(SpecError::new("cron", format!("a text has {longest} bytes; {TEXT_BYTES_MAX} are allowed")))
        }
        _ => Ok(()),
    }
}

/// A moment as a second: a time as it is, a date or local time in the zone. The end of a date is its last second.
fn moment(path: &str, written: &str, zone: &str, end: bool) -> Result<i64, SpecError> {
    let wrong = || {
        let forms = "`2026-06-01`, `2026-06-01T09:00:00` in the zone, or `2026-06-01T09:00:00Z`";
        SpecError::new(path, format!("`{written}` is no moment; write {forms}"))
    };
    if let Some(day) = text::parse_date(written) {
        let day = if end { day + 1 } else { day };
        let ms = calendar::at(day, 0, zone).ok_or_else(wrong)?;
        return Ok(ms.div_euclid(1_000) - i64::from(end));
    }
    if let Some(ms) = text::parse_time(written) {
        // A start between two seconds is past the first of them.
        return Ok(if end { ms.div_euclid(1_000) } else { -(-ms).div_euclid(1_000) });
    }
    let (date, clock) = written.split_once('T').ok_or_else(wrong)?;
    let day = text::parse_date(date).ok_or_else(wrong)?;
    let clock = text::parse_time(&format!("1970-01-01T{clock}Z")).ok_or_else(wrong)?;
    Ok(calendar::at(day, clock, zone).ok_or_else(wrong)?.div_euclid(1_000))
}
