//! Options as resolved when a command becomes an event: nothing later needs the program's defaults again.

use serde::{Deserialize, Serialize};

/// How an activity of this run is attempted. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedActivity {
    /// Start-to-close limit of an attempt.
    pub timeout_ms: Option<i64>,
    /// Schedule-to-close limit over all attempts.
    pub total_timeout_ms: Option<i64>,
    /// Longest silence of a running attempt.
    pub heartbeat_ms: Option<i64>,
    /// Delay after the first failed attempt.
    pub retry_first_ms: i64,
    /// Growth of the delay in thousandths.
    pub retry_factor_milli: i64,
    /// Longest delay.
    pub retry_max_ms: i64,
    /// Attempts in all; 0 for no limit.
    pub retry_attempts: u32,
    /// Task queue, where it is not the declared one or the activity's target is a queue.
    pub queue: Option<String>,
    /// `try`, `wait` or `abandon`.
    pub on_cancel: CancelMode,
}

/// What a canceled wait does with its operation; the resolved `on_cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelMode {
    /// Ask it to stop and go on at once.
    Try,
    /// Ask it to stop and wait for its end.
    Wait,
    /// Leave it alone.
    Abandon,
}

/// Policy for an open run of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Answer with the open run.
    Join,
    /// Refuse.
    Reject,
    /// Terminate the open run and start anew.
    Replace,
}

/// Policy for a closed run of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnClosed {
    /// Answer with the closed run.
    Join,
    /// Start anew.
    Allow,
    /// Start anew unless it completed.
    AllowIfFailed,
    /// Refuse.
    Reject,
}

/// What happens to a child when its parent closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnParentClose {
    /// Request cancellation.
    Cancel,
    /// Terminate.
    Terminate,
    /// Nothing.
    Abandon,
}

/// Options of a child as resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildOptions {
    /// Policy for an open run of the same id.
    pub on_conflict: OnConflict,
    /// Policy for a closed run of the same id.
    pub on_closed: OnClosed,
    /// When the parent closes.
    pub on_parent_close: OnParentClose,
    /// When the wait is canceled.
    pub on_cancel: CancelMode,
    /// Limit of the run, milliseconds.
    pub run_timeout_ms: Option<i64>,
}
