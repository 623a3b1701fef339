//! Options of activities and workflows as data: evaluated by the compiler where they are constant, and templates over
//! the parameters where they are not.

use serde::{Deserialize, Serialize};

/// A text with holes over the parameters of the declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Template {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// The value at a path into the arguments: `["line", "product_id"]`.
    Hole(Vec<String>),
}

/// A value of an option that may depend on the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptionValue {
    /// Canonical JSON.
    Json(String),
    /// The argument at a path, as JSON.
    Param(Vec<String>),
    /// A text with holes.
    Template(Template),
    /// `secret("NAME")`: read from the environment where the activity runs, never logged.
    Secret(String),
    /// A record of values.
    Record(Vec<(String, OptionValue)>),
    /// A list of values.
    List(Vec<OptionValue>),
}

/// How often and when a failed attempt is repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Delay after the first failed attempt, milliseconds.
    pub first_ms: i64,
    /// Each further delay is the one before times this, in thousandths (2000 doubles).
    pub factor_milli: i64,
    /// No delay is longer, milliseconds.
    pub max_ms: i64,
    /// Attempts in all; 0 for no limit.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    /// `backoff(first: 1s, factor: 2, max: 100 × first)` without a limit on attempts: a fault is somebody
    /// else's trouble, which may last for days and end.
    fn default() -> RetryPolicy {
        RetryPolicy { first_ms: 1_000, factor_milli: 2_000, max_ms: 100_000, attempts: 0 }
    }
}

/// What happens to an operation whose wait is canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnCancel {
    /// Ask it to stop and go on at once.
    Try,
    /// Ask it to stop and wait for its end.
    Wait,
    /// Leave it alone and go on at once.
    Abandon,
}

/// Where an activity runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// A task queue that workers poll.
    Queue(String),
    /// `"METHOD url"` with holes percent-encoded.
    Http(Box<HttpTarget>),
    /// A command line: words, each a template. No shell.
    Exec(Vec<Template>),
    /// `noop` or `echo`, in the owner's process.
    Builtin(String),
}

/// An HTTP call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpTarget {
    /// Method in capitals.
    pub method: String,
    /// URL.
    pub url: Template,
    /// JSON body in place of the parameters.
    pub body: Option<OptionValue>,
    /// Form body.
    pub form: Option<OptionValue>,
    /// Query string.
    pub query: Option<OptionValue>,
    /// Headers, a record.
    pub headers: Option<OptionValue>,
    /// Bearer token.
    pub bearer: Option<OptionValue>,
}

/// Resolved options of an activity. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Where it runs.
    pub target: Target,
    /// Start-to-close limit of an attempt.
    pub timeout_ms: Option<i64>,
    /// Schedule-to-close limit over all attempts.
    pub total_timeout_ms: Option<i64>,
    /// Schedule-to-start limit of an attempt: how long it may wait for somebody to begin with it.
    pub queue_timeout_ms: Option<i64>,
    /// Longest silence of a running attempt.
    pub heartbeat_ms: Option<i64>,
    /// Retry policy.
    pub retry: RetryPolicy,
    /// Whether there is one attempt at most, whatever happens to it.
    pub once: bool,
    /// `errors: [402: CardDeclined]`: HTTP status or exit code to the name of a declared error.
    pub errors: Vec<(i32, String)>,
    /// What a canceled wait does.
    pub on_cancel: OnCancel,
    /// Place in the queue.
    pub place: QueuePlace,
    /// What a call is about, for people.
    pub summary: Option<Template>,
}

impl ActivityOptions {
    /// The options of an activity that says no more than where it runs.
    pub fn new(target: Target) -> ActivityOptions {
        ActivityOptions {
            target,
            timeout_ms: None,
            total_timeout_ms: None,
            queue_timeout_ms: None,
            heartbeat_ms: None,
            retry: RetryPolicy::default(),
            once: false,
            errors: Vec::new(),
            on_cancel: OnCancel::Try,
            place: QueuePlace::default(),
            summary: None,
        }
    }
}

/// Which of the tasks that wait in a queue is next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct QueuePlace {
    /// 1 is before all others, [`PRIORITY_LAST`] behind them.
    pub priority: Option<u8>,
    /// Tasks of different keys take turns.
    pub fairness_key: Option<Template>,
    /// How many turns the key has, in thousandths.
    pub fairness_weight_milli: Option<u32>,
}

/// `priority` of a call that says nothing.
pub const PRIORITY_DEFAULT: u8 = 3;

/// What `fairness_weight` may be, in thousandths.
pub const FAIRNESS_WEIGHTS_MILLI: std::ops::RangeInclusive<i64> = 1..=1_000_000;

/// Bytes of a `fairness_key`; more are cut off.
pub const FAIRNESS_KEY_BYTES_MAX: usize = 64;

/// Bytes of a `summary`; more are cut off.
pub const SUMMARY_BYTES_MAX: usize = 400;

/// What happens when an open run has the id of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Answer with the open run.
    Join,
    /// Refuse.
    Reject,
    /// Terminate the open run and start anew.
    Replace,
}

/// What happens when a closed run, still kept, has the id of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Options of a workflow that its declaration or a call may give; `None` is the default of the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct WorkflowOptions {
    /// Policy for an open run of the same id.
    pub on_conflict: Option<OnConflict>,
    /// Policy for a closed run of the same id.
    pub on_closed: Option<OnClosed>,
    /// Policy when the parent closes.
    pub on_parent_close: Option<OnParentClose>,
    /// What a canceled wait for a child does; default `wait`.
    pub on_cancel: Option<OnCancel>,
    /// Limit of one run, milliseconds.
    pub run_timeout_ms: Option<i64>,
    /// What one piece of cleanup may take, milliseconds; default [`CLEANUP_TIMEOUT_MS`].
    pub cleanup_timeout_ms: Option<i64>,
    /// Limit of all runs of a chain together, milliseconds.
    pub execution_timeout_ms: Option<i64>,
    /// How long after its start a run begins, milliseconds.
    pub delay_ms: Option<i64>,
    /// Whether and when a run that has failed is followed by another; `None` for never.
    pub retry: Option<RetryPolicy>,
    /// A record of what is kept beside the run for people, over its parameters.
    pub memo: Option<OptionValue>,
    /// Place of its activities in their queues, 1 (first) to [`PRIORITY_LAST`].
    pub priority: Option<u8>,
}

/// The priority that goes last.
pub const PRIORITY_LAST: u8 = 5;

/// What a piece of cleanup (`defer`, `on cancel`, `undo`) may take from its first wait, where its workflow says nothing.
pub const CLEANUP_TIMEOUT_MS: i64 = 10 * 60 * 1_000;

/// The names a call site may give in `with { … }` and how they arrive in the options record of `ScheduleActivity`:
/// `timeout`, `total_timeout`, `queue_timeout`, `heartbeat: Duration`, `queue`, `on_cancel`, `fairness_key`,
/// `summary: String`, `retry: { first: Duration, factor_milli: Int, max: Duration, attempts: Int }`, `once: Bool`,
/// `priority: Int`, `fairness_weight: Decimal`.
pub const ACTIVITY_CALL_OPTIONS: &[&str] = &[
    "timeout",
    "total_timeout",
    "queue_timeout",
    "heartbeat",
    "queue",
    "retry",
    "once",
    "on_cancel",
    "priority",
    "fairness_key",
    "fairness_weight",
    "summary",
];

/// The same for `StartChild`: `id: String`, `on_conflict`, `on_closed`, `on_parent_close`, `on_cancel: String`,
/// `run_timeout`, `execution_timeout`, `delay: Duration`, `retry` as above, `memo` a record, `priority: Int`.
pub const CHILD_CALL_OPTIONS: &[&str] = &[
    "id",
    "on_conflict",
    "on_closed",
    "on_parent_close",
    "on_cancel",
    "run_timeout",
    "execution_timeout",
    "delay",
    "retry",
    "memo",
    "priority",
];
