//! How runs stand and what became of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs, reason = "the names say it")]
pub enum Status {
    Running,
    Completed,
    Failed,
    Canceled,
    Terminated,
    TimedOut,
    ContinuedAsNew,
}

/// `GET …/result`: the run's state when it ended or the wait did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultReply {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// `Running` if the wait ended first.
    pub status: Status,
    /// Result of a completed run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Failure of a run that ended otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Value>,
    /// Set while a running run is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
    /// The run that this one went on as; only where this very run was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
}

/// Why and where a run is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stuck {
    /// Trap name.
    pub trap: String,
    /// For people.
    pub message: String,
    /// `file.wf`.
    pub file: String,
    /// Line from 1.
    pub line: u32,
    /// RFC 3339.
    pub since: String,
    /// Program hash.
    pub program: String,
}

/// A row of `GET runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunRow {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// Workflow name.
    pub workflow: String,
    /// Status.
    pub status: Status,
    /// Whether parked.
    pub stuck: bool,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339, of closed runs.
    pub closed_at: Option<String>,
    /// Search attributes.
    pub attributes: Value,
}

/// `GET runs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDescription {
    /// The row as listed.
    #[serde(rename = "run")]
    pub row: RunRow,
    /// Program hash.
    pub program: String,
    /// Events so far.
    pub history_events: u64,
    /// Set while parked.
    pub stuck: Option<Stuck>,
    /// Whether a cancel was requested.
    pub cancel_requested: bool,
    /// What each fiber waits for.
    pub waits: Vec<FiberWait>,
    /// Pending activities.
    pub activities: Vec<PendingActivity>,
    /// Pending children: workflow id and, once started, run id.
    pub children: Vec<PendingChild>,
    /// Updates that have not ended.
    #[serde(default)]
    pub updates: Vec<PendingUpdate>,
    /// Unread mailbox messages by signal.
    pub unread: Vec<(String, u32)>,
    /// Result or failure of a closed run.
    pub result: Option<Value>,
    /// See `result`.
    pub failure: Option<Value>,
    /// The run that went on as this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<String>,
    /// The run that this one went on as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
    /// RFC 3339: when its program begins, of a run that has yet to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<String>,
    /// RFC 3339: when the run times out if it has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_out_at: Option<String>,
    /// Which of the runs that a retry policy allows, from 1.
    #[serde(default = "first")]
    pub attempt: u32,
    /// What is kept beside the run for people.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub memo: Map<String, Value>,
    /// Place of its activities in their queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
}

fn first() -> u32 {
    1
}

/// What a fiber waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FiberWait {
    /// Fiber path.
    pub fiber: String,
    /// `file.wf:14`.
    pub source: String,
    /// For people: `activity charge`, `timer`, `condition`, `signal approve`, `child fulfil`, `branches`, `task`; of a
    /// `select` all of them: `signal stop or task or timer`.
    pub on: String,
    /// RFC 3339, where a timer decides.
    pub until: Option<String>,
}

/// An activity that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingActivity {
    /// Event id of `ActivityScheduled`.
    pub scheduled: u64,
    /// Its name.
    pub activity: String,
    /// The attempt in flight or to come.
    pub attempt: u32,
    /// `scheduled`, `started`, `backing_off`, `cancel_requested`, `paused`; `pause_requested` while an attempt runs on.
    pub state: String,
    /// Failure of the attempt before.
    pub last_failure: Option<Value>,
    /// RFC 3339, while backing off.
    pub next_attempt_at: Option<String>,
    /// Last heartbeat's progress.
    pub progress: Option<Value>,
    /// Why it is paused, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// A child that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingChild {
    /// Event id of `ChildScheduled`.
    pub scheduled: u64,
    /// Workflow name.
    pub workflow: String,
    /// Workflow id.
    pub workflow_id: String,
    /// Run id once it has started.
    pub run_id: Option<String>,
}

/// An update that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingUpdate {
    /// Event id of `UpdateAccepted`.
    pub accepted: u64,
    /// The id it was sent with.
    pub update_id: String,
    /// Its name.
    pub name: String,
    /// The fiber of its body.
    pub fiber: String,
    /// Whether it waits for the end of the update before it.
    pub queued: bool,
}

/// `GET …/history`: events as JSON objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryPage {
    /// Events in order.
    pub events: Vec<Value>,
    /// Whether the run has closed and these are its last events.
    pub complete: bool,
}
