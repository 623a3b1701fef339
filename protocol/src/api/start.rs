//! Starts, with a message or without.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{UpdateReply, UpdateStage};
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
