//! Commands on one activity of a run.

use clap::{Args, Subcommand};

use super::RunArg;

/// `weft activity`.
#[derive(Debug, Subcommand)]
pub(crate) enum ActivityCommand {
    /// End it with a result, whoever works on it
    Complete(CompleteActivity),
    /// Fail its attempt; it is repeated as its policy says
    Fail(FailActivity),
    /// Say that its attempt lives, and what is done of it
    Heartbeat(BeatActivity),
    /// Begin no attempt of it; one that runs goes on
    Pause(PauseActivity),
    /// Begin attempts of it again
    Unpause(UnpauseActivity),
    /// Begin its next attempt now, and count attempts from there
    Reset(ResetActivity),
}

/// A pending activity of a run.
#[derive(Debug, Args)]
pub(crate) struct ActivityArg {
    /// The run
    #[command(flatten)]
    pub(crate) run: RunArg,
    /// The name of the activity
    pub(crate) activity: String,
    /// The number of its ActivityScheduled, where several of the name are pending
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<u64>,
}

/// A pending activity, by its run or by the token that a worker was given.
#[derive(Debug, Args)]
pub(crate) struct TaskArg {
    /// The workflow id
    #[arg(required_unless_present = "token", conflicts_with = "token")]
    pub(crate) id: Option<String>,
    /// The name of the activity
    #[arg(required_unless_present = "token", conflicts_with = "token")]
    pub(crate) activity: Option<String>,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID", conflicts_with = "token")]
    pub(crate) run: Option<String>,
    /// The number of its ActivityScheduled, where several of the name are pending
    #[arg(long, value_name = "EVENT", conflicts_with = "token")]
    pub(crate) event: Option<u64>,
    /// The attempt that a poll was given under this token, instead of a run and an activity
    #[arg(long)]
    pub(crate) token: Option<String>,
}

/// `weft activity complete`.
#[derive(Debug, Args)]
pub(crate) struct CompleteActivity {
    /// Which
    #[command(flatten)]
    pub(crate) task: TaskArg,
    /// The result; without it, that of an activity that has none
    #[arg(long, value_name = "JSON")]
    pub(crate) result: Option<String>,
}

/// `weft activity fail`.
#[derive(Debug, Args)]
pub(crate) struct FailActivity {
    /// Which
    #[command(flatten)]
    pub(crate) task: TaskArg,
    /// An error that the activity throws, or any other name
    #[arg(long = "type", value_name = "NAME", default_value = "Fault")]
    pub(crate) kind: String,
    /// For people
    #[arg(long, default_value = "failed by hand")]
    pub(crate) message: String,
    /// The fields of the error
    #[arg(long, value_name = "JSON")]
    pub(crate) details: Option<String>,
    /// Another attempt would fail as well
    #[arg(long)]
    pub(crate) not_retryable: bool,
    /// When the next attempt begins, in place of the policy's delay
    #[arg(long, value_name = "DURATION", conflicts_with = "not_retryable")]
    pub(crate) retry_after: Option<String>,
}

/// `weft activity heartbeat`.
#[derive(Debug, Args)]
pub(crate) struct BeatActivity {
    /// Which
    #[command(flatten)]
    pub(crate) task: TaskArg,
    /// What the next attempt gets if this one is lost
    #[arg(long, value_name = "JSON")]
    pub(crate) progress: Option<String>,
}

/// `weft activity pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseActivity {
    /// Which
    #[command(flatten)]
    pub(crate) which: ActivityArg,
    /// Why, for whoever looks at the run
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

/// `weft activity unpause`.
#[derive(Debug, Args)]
pub(crate) struct UnpauseActivity {
    /// Which
    #[command(flatten)]
    pub(crate) which: ActivityArg,
}

/// `weft activity reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetActivity {
    /// Which
    #[command(flatten)]
    pub(crate) which: ActivityArg,
    /// Leave it paused, if it is
    #[arg(long)]
    pub(crate) keep_paused: bool,
    /// Forget what was reported as progress
    #[arg(long)]
    pub(crate) clear_progress: bool,
}
