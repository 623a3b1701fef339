//! Schedules: what starts a workflow again and again. When it fires is a [`Spec`]; [`Timetable`] is what such a spec
//! means, and computes the times. The compiler checks and the engine runs the same words.
//!
//! Nothing here knows what time it is: every question has the time from which on it is asked.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::program::Span;

pub mod cron;
pub mod json;
mod rule;
mod timetable;

#[cfg(test)]
mod tests;

pub use rule::Rule;
pub use timetable::Timetable;

/// Times, crons, calendars and exclusions that one schedule may have.
pub const PARTS_MAX: usize = 64;

/// Bytes of one text of a spec, of a note, of a name.
pub const TEXT_BYTES_MAX: usize = 1_000;

/// Characters of the comment of a cron or calendar.
pub const COMMENT_CHARS_MAX: usize = 200;

/// The years in which schedules fire.
pub const YEARS: std::ops::RangeInclusive<i64> = 2000..=2100;

/// The shortest catch-up window in milliseconds: an owner must have the time to look.
pub const CATCH_UP_MIN_MS: i64 = 10_000;

/// The catch-up window of a schedule that does not say one.
pub const CATCH_UP_MS: i64 = 365 * 86_400_000;

/// From when on fire times are shown where no clock is: the first day of the year of this edition.
pub const REFERENCE_MS: i64 = 1_767_225_600_000;

/// When a schedule fires: at all times of `cron`, `every` and `calendar`, but those of `exclude`, from `start` to `end`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spec {
    /// Cron expressions.
    pub cron: Vec<String>,
    /// Fixed distances.
    pub every: Vec<Interval>,
    /// Calendars; a time of day that is not given is 0.
    pub calendar: Vec<Calendar>,
    /// What is left out; what is not given matches all.
    pub exclude: Vec<Calendar>,
    /// The first moment: a time, a date (its beginning), or a local time without offset.
    pub start: Option<String>,
    /// The last moment: a time, a date (its end), or a local time without offset.
    pub end: Option<String>,
    /// Time zone of crons, calendars, exclusions, dates; UTC if not given.
    pub zone: Option<String>,
    /// A run starts up to this much after its time.
    pub jitter_ms: i64,
}

/// A fixed distance, counted from 1970: it fires when the seconds since then, less the phase, are a multiple of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The distance: whole seconds.
    pub every_ms: i64,
    /// What it is moved by, less than the distance.
    pub phase_ms: i64,
}

/// Times by fields. Each is written as in a cron expression: `9`, `1-5`, `*/15`, `1,15`, `mon-fri`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// 0 to 59.
    pub second: Option<String>,
    /// 0 to 59.
    pub minute: Option<String>,
    /// 0 to 23.
    pub hour: Option<String>,
    /// Day of the month, 1 to 31.
    pub day: Option<String>,
    /// 1 to 12, or a name.
    pub month: Option<String>,
    /// 2000 to 2100.
    pub year: Option<String>,
    /// 0 (Sunday) to 7 (Sunday again), or a name.
    pub weekday: Option<String>,
    /// What it is for.
    pub comment: Option<String>,
}

/// The fields of a [`Calendar`] as they are written, in order.
pub const CALENDAR_FIELDS: [&str; 8] = ["second", "minute", "hour", "day", "month", "year", "weekday", "comment"];

impl Calendar {
    /// A field by its name.
    pub fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "second" => &mut self.second,
            "minute" => &mut self.minute,
            "hour" => &mut self.hour,
            "day" => &mut self.day,
            "month" => &mut self.month,
            "year" => &mut self.year,
            "weekday" => &mut self.weekday,
            "comment" => &mut self.comment,
            _ => return None,
        })
    }

    /// A whole day: `2026-12-25`.
    pub fn of_date(text: &str) -> Option<Calendar> {
        let (year, month, day) = crate::wire::text::civil(crate::wire::text::parse_date(text)?);
        let field = |n: i64| Some(n.to_string());
        Some(Calendar { year: field(year), month: field(month), day: field(day), ..Calendar::default() })
    }
}

/// What happens when a schedule is due while a run that it started is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new one is left out.
    #[default]
    Skip,
    /// One waits for the end of the open one, further ones are left out.
    BufferOne,
    /// All wait, one starts after the other.
    BufferAll,
    /// It starts beside the open one.
    AllowAll,
    /// The open one is asked to cancel; the newest starts when it has ended.
    CancelOther,
    /// The open one is terminated; the newest starts.
    TerminateOther,
}

/// The words of [`Overlap`], in its order.
pub const OVERLAPS: [&str; 6] = ["skip", "buffer_one", "buffer_all", "allow_all", "cancel_other", "terminate_other"];

impl Overlap {
    /// All of them, in the order of [`OVERLAPS`].
    pub const ALL: [Overlap; 6] = [
        Overlap::Skip,
        Overlap::BufferOne,
        Overlap::BufferAll,
        Overlap::AllowAll,
        Overlap::CancelOther,
        Overlap::TerminateOther,
    ];

    /// The policy of a word.
    pub fn of(word: &str) -> Option<Overlap> {
        OVERLAPS.iter().position(|w| *w == word).map(|at| Overlap::ALL[at])
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        OVERLAPS[self as usize]
    }
}

/// How a schedule deals with what it started, missed and lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What happens when it is due and an earlier run is open.
    pub overlap: Overlap,
    /// Times missed by no more than this are made up for.
    pub catch_up_ms: i64,
    /// How many runs it starts by itself; all if not given.
    pub limit: Option<u64>,
    /// Whether a run that fails or times out pauses it.
    pub pause_on_failure: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { overlap: Overlap::Skip, catch_up_ms: CATCH_UP_MS, limit: None, pause_on_failure: false }
    }
}

/// A schedule: which workflow with which arguments, when, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Definition {
    /// Workflow by its name on the wire.
    pub workflow: String,
    /// Its arguments, a JSON object.
    pub args: String,
    /// When.
    pub spec: Spec,
    /// How.
    pub policy: Policy,
    /// Whether it is paused when it is made.
    pub paused: bool,
    /// A note for people.
    pub note: String,
}

/// A schedule that a program declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleDef {
    /// Its name.
    pub name: String,
    /// What it is.
    pub definition: Definition,
    /// Where it is declared.
    pub span: Span,
    /// Doc comment.
    pub doc: String,
}

/// What is wrong with a schedule, and where: `cron[0]`, `calendar[1].hour`, `zone`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct SpecError {
    /// The part; empty for the whole.
    pub path: String,
    /// What is wrong with it, naming the field.
    pub message: String,
}

impl SpecError {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> SpecError {
        SpecError { path: path.into(), message: message.into() }
    }
}

impl Definition {
    /// Checks everything that can be said without the program, but whether it ever fires ([`Timetable::fires`]); gives
    /// the times.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub fn check(&self) -> Result<Timetable, SpecError> {
        let long = |path: &str, text: &str| match text.len() > TEXT_BYTES_MAX {
            true => Err(SpecError::new(path, format!("longer than {TEXT_BYTES_MAX} bytes"))),
            false => Ok(()),
        };
        long("note", &self.note)?;
        long("workflow", &self.workflow)?;
        if self.policy.catch_up_ms < CATCH_UP_MIN_MS {
            return Err(SpecError::new("catch_up", "the window must be at least 10s"));
        }
        if self.policy.limit == Some(0) {
            return Err(SpecError::new("limit", "it must start at least one run"));
        }
        Timetable::new(&self.spec)
    }
}
