//! Task queues and their workers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
