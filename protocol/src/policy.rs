//! Options as resolved when a command becomes an event: nothing later needs the program's defaults again.

use serde::{Deserialize, Serialize};

use crate::payload::Payload;

/// How an activity of this run is attempted. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ResolvedActivity {
    /// Start-to-close limit of an attempt.
    pub timeout_ms: Option<i64>,
    /// Schedule-to-close limit over all attempts.
    pub total_timeout_ms: Option<i64>,
    /// Schedule-to-start limit of an attempt.
    pub queue_timeout_ms: Option<i64>,
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
    /// Whether there is one attempt at most, whatever happens to it.
    pub once: bool,
    /// Task queue, where it is not the declared one or the activity's target is a queue.
    pub queue: Option<String>,
    /// `try`, `wait` or `abandon`.
    pub on_cancel: CancelMode,
    /// 1 is before all others in the queue, 5 behind them; 3 where nothing is said.
    pub priority: Option<u8>,
    /// Tasks of different keys take turns in the queue.
    pub fairness_key: Option<String>,
    /// How many turns the key has, in thousandths; 1,000 where nothing is said.
    pub fairness_weight_milli: Option<u32>,
    /// What the call is about, for people.
    pub summary: Option<String>,
}

impl ResolvedActivity {
    /// Whether it must be durable that an attempt was handed out before it is: what follows depends on it.
    pub fn logs_delivery(&self) -> bool {
        self.once || self.queue_timeout_ms.is_some()
    }
}

/// What a canceled wait does with its operation; the resolved `on_cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum CancelMode {
    /// Ask it to stop and go on at once.
    #[default]
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
    /// Of the run itself.
    pub run: RunOptions,
}

/// When a run that has failed is followed by another with the same arguments. Durations are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunRetry {
    /// Delay after the first failed run.
    pub first_ms: i64,
    /// Growth of the delay in thousandths.
    pub factor_milli: i64,
    /// Longest delay.
    pub max_ms: i64,
    /// Runs in all; 0 for no limit.
    pub attempts: u32,
}

/// Options of a run as resolved when it was started; the runs that go on for it have them too. Durations are
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct RunOptions {
    /// Limit of one run, from when it begins.
    pub run_timeout_ms: Option<i64>,
    /// Limit of all runs of the chain together, from when the first begins.
    pub execution_timeout_ms: Option<i64>,
    /// How long after its start the first run begins.
    pub delay_ms: Option<i64>,
    /// Whether a failed run is followed by another.
    pub retry: Option<RunRetry>,
    /// What is kept beside the run for people, a JSON object.
    pub memo: Option<Payload>,
    /// Place of its activities in their queues, 1 to 5; `None` is 3.
    pub priority: Option<u8>,
}
