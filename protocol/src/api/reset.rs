//! Runs that begin again at a place of their history.

use serde::{Deserialize, Serialize};

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
