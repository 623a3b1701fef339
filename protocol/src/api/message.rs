//! What open runs are told and asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Stuck;

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
