//! Requests and answers of the API: what HTTP, the CLI and the runtime's handle share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::moving::NotMoved;
use crate::policy::{OnClosed, OnConflict};

/// `POST runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Workflow name.
    pub workflow: String,
    /// Workflow id; else the declaration's template, else generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Parameters by name.
    #[serde(default)]
    pub args: Value,
    /// Makes the request idempotent beyond the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Default `join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_conflict: Option<OnConflict>,
    /// Default `join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_closed: Option<OnClosed>,
    /// Limit of one run, from when it begins, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_timeout_ms: Option<i64>,
    /// Limit of all runs of the chain together, from when the first begins, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_timeout_ms: Option<i64>,
    /// How long after its start the run begins, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<i64>,
    /// Lets a run that fails or times out be followed by another with the same arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryRequest>,
    /// What is kept beside the run for people, over what the declaration keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Map<String, Value>>,
    /// Place of its activities in their queues: 1 goes first, 5 last, 3 is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Sent with the start, in the same commit: the new run has it when it begins, an open run that is joined gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<FirstSignal>,
    /// Sent with the start, in the same commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<FirstUpdate>,
}

/// A retry policy as a request gives it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Delay after the first failed run, milliseconds; default 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<i64>,
    /// Growth of the delay; default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Longest delay, milliseconds; default 100 times the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<i64>,
    /// Runs in all; default 0, no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A signal that goes with a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FirstSignal {
    /// Its name.
    pub name: String,
    /// Parameters by name.
    #[serde(default)]
    pub args: Value,
    /// Makes the signal idempotent; default the `request_id` of the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// An update that goes with a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FirstUpdate {
    /// Its name.
    pub name: String,
    /// Parameters by name.
    #[serde(default)]
    pub args: Value,
    /// Names the update within its run; default the `request_id` of the start, else made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_id: Option<String>,
    /// How far to wait; default `completed`.
    #[serde(default)]
    pub wait_for: UpdateStage,
}

/// Answer to a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartReply {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// False if an existing run was joined.
    pub started: bool,
    /// What has become of the update that went with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Box<UpdateReply>>,
}

/// `POST …/signals/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// Parameters by name.
    #[serde(default)]
    pub args: Value,
    /// Makes the request idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How far an update is to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpdateStage {
    /// Until it has passed its check.
    Accepted,
    /// Until its body has ended.
    #[default]
    Completed,
}

/// `POST …/updates/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// Parameters by name.
    #[serde(default)]
    pub args: Value,
    /// Names the update within its run: the same id is the same update, and is answered with what came of it. Made up
    /// if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_id: Option<String>,
    /// How far to wait; default `completed`.
    #[serde(default)]
    pub wait_for: UpdateStage,
}

/// What has become of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UpdateStatus {
    /// Its check refused it: nothing is logged.
    Rejected,
    /// It is in the history; its body runs, or waits for its turn.
    Accepted,
    /// Its body returned.
    Completed,
    /// A failure left its body, or the run ended before.
    Failed,
}

/// Answer to an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateReply {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// The id to ask again with.
    pub update_id: String,
    /// `Accepted` if it still runs.
    pub status: UpdateStatus,
    /// Result of a completed update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Failure of a rejected or failed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Value>,
    /// Set while the run is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
}

/// `POST …/cancel`, `POST …/terminate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Why, for the history.
    #[serde(default)]
    pub reason: String,
    /// Makes the request idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Where a run is set back to, if not to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResetPoint {
    /// Its program begins anew.
    First,
    /// What it was told last, it is told again.
    Last,
}

/// What a run that is set back is not told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResetWithout {
    /// Signals that came later.
    Signals,
    /// Updates that were accepted later.
    Updates,
}

/// `POST …/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// The last event that is kept, with those that were decided together with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// In place of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ResetPoint>,
    /// What is not told again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<ResetWithout>,
    /// Stays on the code that the run was on; else it goes on the newest, which must follow what is kept.
    #[serde(default)]
    pub same_code: bool,
    /// Why, for the history.
    #[serde(default)]
    pub reason: String,
    /// Makes the request idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Answer to a reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetReply {
    /// Workflow id.
    pub workflow_id: String,
    /// The new run.
    pub run_id: String,
}

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

/// Which runs of a namespace are meant: those that all of this is true of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Selection {
    /// In the filter language, as in `status = Failed and bags >= 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Workflow name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Only parked runs, or only others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<bool>,
    /// Started at or after, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_after: Option<String>,
    /// Started before, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_before: Option<String>,
}

/// `GET runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ListQuery {
    /// Which runs.
    #[serde(flatten)]
    pub select: Selection,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a count may be divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CountBy {
    /// Status.
    Status,
    /// Workflow name.
    Workflow,
}

/// `GET runs/count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct CountQuery {
    /// Which runs.
    #[serde(flatten)]
    pub select: Selection,
    /// A number for each of these besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CountBy>,
}

/// Answer to a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountReply {
    /// All of them.
    pub count: u64,
    /// Where a grouping was asked for: each group that has runs, in the order of the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<CountGroup>,
}

/// Runs that have one thing in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountGroup {
    /// The status or workflow.
    pub group: String,
    /// How many.
    pub count: u64,
}

/// `POST batch`: one page of an operation on all open runs that a filter is true of; a `delete` is of closed ones, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Which runs. It may not be empty: `status = Running` are all open ones.
    pub filter: String,
    /// What is done to each.
    pub operation: BatchOperation,
    /// Names the batch: what is done again under the same name is done once. Made up if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Runs of this page, 1 to 1,000; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a batch does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchOperation {
    /// Sends a signal.
    Signal {
        /// Its name.
        name: String,
        /// Parameters by name.
        #[serde(default)]
        args: Value,
    },
    /// Requests cancellation.
    Cancel {
        /// Why, for the history.
        #[serde(default)]
        reason: String,
    },
    /// Ends now.
    Terminate {
        /// Why, for the history.
        #[serde(default)]
        reason: String,
    },
    /// Forgets the ids of runs that the filter is true of, open or closed, with all runs that have them.
    Delete {},
}

/// Answer to a page of a batch: everything in it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchReply {
    /// The name of the batch.
    pub batch_id: String,
    /// What became of each run of the page, in the order of the list.
    pub runs: Vec<BatchRun>,
    /// For the next page; none if there is no more.
    pub cursor: Option<String>,
}

/// What became of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchRun {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// `done`, `ended` (the run had ended before) or `refused`.
    pub outcome: BatchOutcome,
    /// Code and words of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How it went for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BatchOutcome {
    /// It is done, durably.
    Done,
    /// The run had ended before.
    Ended,
    /// It was refused and nothing was logged.
    Refused,
}

/// `POST namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NamespaceRequest {
    /// 1 to 200 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// How long closed runs are kept, a duration; default `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `PATCH namespaces/{namespace}`: what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NamespaceChange {
    /// How long closed runs are kept, those that have closed already included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceInfo {
    /// Its name.
    pub name: String,
    /// How long closed runs are kept, a duration.
    pub retention: String,
    /// For people.
    pub description: String,
    /// RFC 3339; none of `default` while nobody has changed it.
    pub created_at: Option<String>,
    /// Workflows that can be started.
    pub workflows: Vec<String>,
    /// Search attributes that filters may name, with their types.
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// `GET namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceList {
    /// By name.
    pub namespaces: Vec<NamespaceInfo>,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// Newest start first.
    pub runs: Vec<RunRow>,
    /// For the next page, if there is one.
    pub cursor: Option<String>,
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

/// Answer to a heartbeat, and to what is done to an activity from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HeartbeatReply {
    /// Whether the attempt should stop; end it with a failure of type `Canceled`, or with its result if it is done.
    pub cancel_requested: bool,
    /// Whether the activity is paused: this attempt goes on, no other begins.
    pub paused: bool,
    /// Whether the activity was reset since this attempt began; how it ends counts all the same.
    pub reset: bool,
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

/// Answer to a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeployReply {
    /// Project name.
    pub project: String,
    /// Program hash.
    pub program: String,
    /// False if this very program was already current.
    pub changed: bool,
    /// Its workflows.
    pub workflows: Vec<String>,
    /// Workflows that the project had before and has no longer.
    #[serde(default)]
    pub removed: Vec<String>,
    /// Open runs that moved to it.
    pub moved: u64,
    /// How many of those that were to move could not.
    #[serde(default)]
    pub not_moved_total: u64,
    /// The first of them.
    pub not_moved: Vec<NotMoved>,
    /// What will keep activities of it from running on this server, in the operator's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A refusal or failure, as problem+json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// snake_case.
    pub code: String,
    /// For people.
    pub message: String,
    /// Path of the wrong field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What was expected there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What programs may want to know besides, by `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
}

impl ApiError {
    /// An error with its status, code and message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            code: code.into(),
            message: message.into(),
            path: None,
            expected: None,
            help: None,
            details: None,
        }
    }

    /// With what programs may want to know besides.
    pub fn details(mut self, details: Value) -> ApiError {
        self.details = Some(Box::new(details));
        self
    }

    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> ApiError {
        self.help = Some(help.into());
        self
    }

    /// With the wrong field and what was expected there.
    pub fn at(mut self, path: impl Into<String>, expected: impl Into<String>) -> ApiError {
        self.path = Some(path.into());
        self.expected = Some(expected.into());
        self
    }
}

/// `POST queues/{queue}/poll`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PollRequest {
    /// Who polls, for people.
    pub worker: String,
    /// Tasks wanted, 1 to 1,000; default 1.
    pub max: Option<usize>,
    /// How long to wait, a duration (`"30s"`); default 30 s.
    pub wait: Option<String>,
    /// Tokens of tasks the worker is still working on.
    pub holding: Vec<String>,
}

/// Answer to a poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PollReply {
    /// Tasks, none if the wait ended.
    pub tasks: Vec<QueueTask>,
}

/// A task as a worker sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueTask {
    /// Names this attempt in complete, fail and heartbeat.
    pub token: String,
    /// Activity name.
    pub activity: String,
    /// Parameters by name.
    pub args: Value,
    /// From 1.
    pub attempt: u32,
    /// Workflow name.
    pub workflow: String,
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// Equal over all attempts.
    pub idempotency_key: String,
    /// When this attempt times out, RFC 3339.
    pub deadline: Option<String>,
    /// Longest silence allowed, a duration.
    pub heartbeat: Option<String>,
    /// Progress of the attempts before.
    pub progress: Option<Value>,
}

/// How the text of a `key=value` argument is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// Taken as it is: `String`, and the types whose JSON is a string (`Duration`, `Time`, `Date`, `Decimal`,
    /// payload-free enums).
    Text,
    /// Read as JSON.
    Json,
}

/// A parameter as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParamSignature {
    /// Its name.
    pub name: String,
    /// Its type as written in the language.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it must be given.
    pub required: bool,
    /// How its text is read.
    pub form: TextForm,
    /// The fields, if it is a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub fields: Vec<ParamSignature>,
}

/// A signal, query or update as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageSignature {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<ParamSignature>,
    /// Result type, of queries and updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// `GET workflows/{name}` and `GET runs/{id}/workflow`: what a client may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowSignature {
    /// Its name.
    pub name: String,
    /// Doc comment.
    pub doc: String,
    /// Parameters.
    pub params: Vec<ParamSignature>,
    /// Result type.
    pub result: String,
    /// Signals.
    pub signals: Vec<MessageSignature>,
    /// Queries and public states.
    pub queries: Vec<MessageSignature>,
    /// Updates.
    #[serde(default)]
    pub updates: Vec<MessageSignature>,
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
    /// Times left out because as many waited as may.
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
}

/// `GET schedules`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<ScheduleRow>,
}
