//! Schedules.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A schedule as it is created or replaced: `workflow`, `args`, `cron`, `every`, `phase`, `calendar`, `exclude`, `start`,
/// `end`, `zone`, `jitter`, `overlap`, `catch_up`, `limit`, `pause_on_failure`, `paused`, `note`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ScheduleBody(pub Value);

/// `POST …/pause`, `POST …/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// `POST …/trigger`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TriggerRequest {
    /// In place of the schedule's own policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// Makes the request idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `POST …/backfill`: every time from `from` to `to`, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BackfillRequest {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
    /// In place of the schedule's own policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// Makes the request idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A start that a schedule asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleAction {
    /// The time it is for, RFC 3339.
    pub nominal: String,
    /// When it was asked for, RFC 3339.
    pub at: String,
    /// `time`, `trigger` or `backfill`.
    pub cause: String,
    /// Workflow id.
    pub workflow_id: String,
    /// Run id, once it has started.
    pub run_id: Option<String>,
    /// How it stands: `Running`, the status it ended with, or `Refused`.
    pub status: String,
    /// Failure, if it failed or could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Value>,
    /// Result, if it completed and the result is small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// What became of a trigger, as far as that is known when it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriggerAnswer {
    /// `asked` (the start is on its way: the action of its workflow id among the recent ones says what becomes of it),
    /// `waiting` for the end of an open run, `skipped` because one is open, `refused`, or `repeated`: its request id was
    /// known and nothing has happened.
    pub became: String,
    /// The start that was asked for or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<ScheduleAction>,
}

/// A row of `GET schedules`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// The workflow that it runs.
    pub workflow: String,
    /// The project that declares it; none if it was made through the API.
    pub declared_by: Option<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// For people.
    pub note: String,
    /// The next time, RFC 3339; none if there is no more, or it is paused.
    pub next: Option<String>,
    /// Runs it has started or tried to start.
    pub fired: u64,
    /// Open runs that it has started.
    pub running: u64,
}

/// `GET schedules/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleDescription {
    /// The row as listed.
    #[serde(rename = "schedule")]
    pub row: ScheduleRow,
    /// What it is.
    pub definition: Value,
    /// RFC 3339.
    pub created_at: String,
    /// When it was last replaced, paused or resumed, RFC 3339.
    pub updated_at: String,
    /// Times that passed longer ago than the catch-up window reaches.
    pub missed: u64,
    /// Times left out because a run was open, or because it was paused while they waited.
    pub skipped: u64,
    /// Times left out because as many waited as may, or because more were due than are taken at a time when it was paused
    /// or replaced.
    pub dropped: u64,
    /// Times that wait for the end of an open run.
    pub waiting: u64,
    /// Backfills that are not done.
    pub backfills: u64,
    /// Runs it will still start by itself, if it has a limit.
    pub remaining: Option<u64>,
    /// Open runs, oldest first.
    pub running: Vec<ScheduleAction>,
    /// The last 10 starts, oldest first.
    pub recent: Vec<ScheduleAction>,
    /// The next 10 times, RFC 3339; without those that the pause or limit leaves out.
    pub next: Vec<String>,
    /// The last run that ended and was not started beside others.
    pub last: Option<ScheduleAction>,
    /// In the answer to a trigger: what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerAnswer>,
}

/// `GET schedules`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<ScheduleRow>,
}
