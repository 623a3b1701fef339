//! Commands on schedules.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Kept;

/// `weft schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List schedules
    List {
        /// Where they are kept
        #[command(flatten)]
        kept: Kept,
    },
    /// Everything known about a schedule: counters, open and recent runs, the next times
    Describe {
        /// Its name
        name: String,
        /// Where it is kept
        #[command(flatten)]
        kept: Kept,
    },
    /// Make a schedule on the server; one that belongs to a project is declared in its source instead
    Create(Box<NewSchedule>),
    /// Take no times any more; those that pass meanwhile are not made up for
    Pause {
        /// Its name
        name: String,
        /// For people
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Take times again, from now on
    Resume {
        /// Its name
        name: String,
        /// For people
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Start a run now, also of a paused schedule
    Trigger {
        /// Its name
        name: String,
        /// In place of its own policy
        #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
        overlap: Option<String>,
        /// Makes a repeated request of the same id do nothing
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Take all times of a range, both ends included, also those that were taken before
    Backfill {
        /// Its name
        name: String,
        /// The first time, as in 2026-06-01T09:00:00Z, or this long ago, as in 2d
        #[arg(long, value_name = "TIME")]
        from: String,
        /// The last time
        #[arg(long, value_name = "TIME", default_value = "0s")]
        to: String,
        /// In place of its own policy
        #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
        overlap: Option<String>,
        /// Makes a repeated request of the same id do nothing
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Delete a schedule; runs that it started go on
    Delete {
        /// Its name
        name: String,
    },
    /// When the schedules of a project, or one on the server, fire next
    Next(NextTimes),
}

/// `weft schedule create`.
#[derive(Debug, Args)]
pub(crate) struct NewSchedule {
    /// Its name; its runs are called NAME-TIME
    pub(crate) name: String,
    /// The workflow that it runs
    pub(crate) workflow: String,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// A cron expression, as in `0 9 * * 1-5`; several are given one by one
    #[arg(long)]
    pub(crate) cron: Vec<String>,
    /// A distance, as in 90m
    #[arg(long, value_name = "DURATION")]
    pub(crate) every: Option<String>,
    /// What the distance is moved by
    #[arg(long, value_name = "DURATION")]
    pub(crate) phase: Option<String>,
    /// A calendar as JSON, as in `{"hour": 9, "weekday": "mon-fri"}`
    #[arg(long, value_name = "JSON")]
    pub(crate) calendar: Vec<String>,
    /// What is left out: a date, or a calendar as JSON
    #[arg(long, value_name = "DATE|JSON")]
    pub(crate) exclude: Vec<String>,
    /// The first moment: a date or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// The last moment: a date or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<String>,
    /// Time zone, as in Europe/Berlin [default: UTC]
    #[arg(long)]
    pub(crate) zone: Option<String>,
    /// Each run starts up to this much later
    #[arg(long, value_name = "DURATION")]
    pub(crate) jitter: Option<String>,
    /// What happens while an earlier run is open [default: skip]
    #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
    pub(crate) overlap: Option<String>,
    /// Times missed by no more than this are made up for [default: 365d]
    #[arg(long, value_name = "DURATION")]
    pub(crate) catch_up: Option<String>,
    /// How many runs it starts by itself
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Pause when a run fails or times out
    #[arg(long)]
    pub(crate) pause_on_failure: bool,
    /// Begin paused
    #[arg(long)]
    pub(crate) paused: bool,
    /// For people
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Give the schedule of this name another definition; it stays paused or not, and keeps its note
    #[arg(long, conflicts_with_all = ["paused", "note"])]
    pub(crate) replace: bool,
}

/// `weft schedule next`.
#[derive(Debug, Args)]
pub(crate) struct NextTimes {
    /// A project by its folder or one of its files; else the name of a schedule on the server
    #[arg(default_value = ".", value_name = "DIR|FILE|NAME")]
    pub(crate) what: PathBuf,
    /// How many times
    #[arg(short, default_value = "5", value_name = "N")]
    pub(crate) n: NonZeroUsize,
    /// From when on [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<String>,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}
