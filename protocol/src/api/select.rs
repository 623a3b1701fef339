//! Many runs: lists, counts and what is done to all of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RunRow, Status};

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

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// Newest start first.
    pub runs: Vec<RunRow>,
    /// For the next page, if there is one.
    pub cursor: Option<String>,
}
