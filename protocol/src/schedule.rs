//! The events of a schedule: past tense, in the log of the partition that owns it. They are the truth about it, as a
//! history is about a run.

use serde::{Deserialize, Serialize};

use crate::api::Status;
use crate::failure::Failure;
use crate::id::{RunId, Timestamp, WorkflowId};
use crate::payload::Payload;

/// One schedule and one start that it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScheduleRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Tells it from an earlier schedule of that name.
    pub born: u64,
    /// The number of the start, from 1.
    pub fire: u64,
}

/// One event of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleEvent {
    /// The owner's clock, never before the event before it.
    pub at: Timestamp,
    /// What happened.
    pub kind: ScheduleEventKind,
}

/// Why a start was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its time came.
    Time,
    /// Somebody triggered it.
    Trigger,
    /// Somebody asked for a range of times.
    Backfill,
}

/// Why a time was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// An earlier run was open, and the policy says so.
    Overlap,
    /// It passed longer ago than the catch-up window reaches.
    Missed,
    /// As many wait as may, or more were due at once than are taken at a time when it was paused or replaced.
    Full,
}

/// What can happen to a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields have the names that clients see")]
pub enum ScheduleEventKind {
    /// `definition` is its JSON; `declared_by` the project, if a program declares it.
    Created {
        definition: String,
        declared_by: Option<String>,
        born: u64,
    },
    Replaced {
        definition: String,
        declared_by: Option<String>,
    },
    /// It asks for a start. `tracked` is false where overlap does not matter; `waited` if it was in the queue.
    Fired {
        fire: u64,
        nominal: Timestamp,
        workflow_id: WorkflowId,
        cause: Cause,
        tracked: bool,
        waited: bool,
    },
    Started {
        fire: u64,
        run_id: RunId,
    },
    StartFailed {
        fire: u64,
        failure: Failure,
    },
    /// A time waits for the end of an open run.
    Waiting {
        nominal: Timestamp,
        cause: Cause,
        overlap: String,
    },
    /// `count` times from `first` to `last`, none between them left out.
    Skipped {
        why: Skip,
        cause: Cause,
        first: Timestamp,
        last: Timestamp,
        count: u64,
    },
    /// A run it started has ended; the last of its chain.
    Ended {
        fire: u64,
        run_id: RunId,
        status: Status,
        failure: Option<Failure>,
        result: Option<Payload>,
    },
    Paused {
        note: String,
    },
    Resumed {
        note: String,
    },
    Triggered {
        overlap: Option<String>,
        request_id: Option<String>,
    },
    BackfillRequested {
        from: Timestamp,
        to: Timestamp,
        overlap: Option<String>,
        request_id: Option<String>,
    },
    /// Every time of the oldest backfill was taken.
    BackfillDone,
    Deleted,
}

impl ScheduleEventKind {
    /// The wire name.
    pub fn name(&self) -> &'static str {
        use ScheduleEventKind::*;
        match self {
            Created { .. } => "Created",
            Replaced { .. } => "Replaced",
            Fired { .. } => "Fired",
            Started { .. } => "Started",
            StartFailed { .. } => "StartFailed",
            Waiting { .. } => "Waiting",
            Skipped { .. } => "Skipped",
            Ended { .. } => "Ended",
            Paused { .. } => "Paused",
            Resumed { .. } => "Resumed",
            Triggered { .. } => "Triggered",
            BackfillRequested { .. } => "BackfillRequested",
            BackfillDone => "BackfillDone",
            Deleted => "Deleted",
        }
    }
}
