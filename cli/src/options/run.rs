//! Commands on one run.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::Many;

/// `weft start`.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Name of the workflow
    pub(crate) workflow: String,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// The workflow id, in place of the one the workflow declares
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Makes a repeated request of the same id do nothing
    #[arg(long)]
    pub(crate) request_id: Option<String>,
    /// If an open run has the workflow id: join it, reject, or replace it [default: join]
    #[arg(long, value_parser = ["join", "reject", "replace"], hide_possible_values = true, value_name = "join|reject|replace")]
    pub(crate) on_conflict: Option<String>,
    /// If a closed run has the workflow id: join it, which starts nothing; allow a new one (always or if that failed); or
    /// reject [default: join]
    #[arg(long, value_parser = ["join", "allow", "allow_if_failed", "reject"], hide_possible_values = true, value_name = "join|allow|allow_if_failed|reject")]
    pub(crate) on_closed: Option<String>,
    /// How long after its start the run begins, as in 10m
    #[arg(long, value_name = "DURATION")]
    pub(crate) delay: Option<String>,
    /// How long one run may take, from when it begins
    #[arg(long, value_name = "DURATION")]
    pub(crate) run_timeout: Option<String>,
    /// How long the run and those that go on for it may take together
    #[arg(long, value_name = "DURATION")]
    pub(crate) execution_timeout: Option<String>,
    /// If the run fails or times out, start it again: how many runs there may be in all, then `first=`, `factor=` and
    /// `max=` of the delays between them, as in --retry 5,first=10s,max=5m; 0 runs is no limit
    #[arg(long, value_name = "RUNS[,first=..,factor=..,max=..]")]
    pub(crate) retry: Option<String>,
    /// Something to keep beside the run for people, a text or JSON; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) memo: Vec<String>,
    /// Place of its activities in their queues: 1 goes first, 5 last [default: 3]
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) priority: Option<u8>,
    /// Send this signal with the start, in one step; its arguments follow as key=value. A run that has the id and is open
    /// gets it, too
    #[arg(long, num_args = 1.., value_names = ["NAME", "key=value"])]
    pub(crate) signal: Vec<String>,
    /// Send this update with the start, in one step, and print what it answers; its arguments follow as key=value
    #[arg(long, num_args = 1.., value_names = ["NAME", "key=value"], conflicts_with = "signal")]
    pub(crate) update: Vec<String>,
}

/// `weft reset`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("point").required(true).args(["event", "first", "last"]))]
pub(crate) struct Reset {
    /// The run
    #[command(flatten)]
    pub(crate) run: RunArg,
    /// Keep the history up to this event, with those that were decided together with it
    #[arg(long, value_name = "N")]
    pub(crate) event: Option<u64>,
    /// Begin anew, with the arguments it was started with
    #[arg(long)]
    pub(crate) first: bool,
    /// Do the last step again
    #[arg(long)]
    pub(crate) last: bool,
    /// Why, for the history
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// What came later and is not told again: signals, updates
    #[arg(long, value_delimiter = ',', value_parser = ["signals", "updates"], value_name = "signals,updates")]
    pub(crate) exclude: Vec<String>,
    /// Stay on the code that the run was on, in place of the newest
    #[arg(long)]
    pub(crate) same_code: bool,
    /// Makes a repeated request do nothing
    #[arg(long)]
    pub(crate) request_id: Option<String>,
}

/// `weft delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The workflow id; none with --filter
    #[arg(required_unless_present = "filter", conflicts_with = "filter")]
    pub(crate) id: Option<String>,
    /// Many ids, those of closed runs included
    #[command(flatten)]
    pub(crate) many: Many,
}

/// A run by its workflow id.
#[derive(Debug, Args)]
pub(crate) struct RunArg {
    /// The workflow id
    pub(crate) id: String,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID")]
    pub(crate) run: Option<String>,
}

/// Data to look at where no server is asked.
#[derive(Debug, Args)]
pub(crate) struct Kept {
    /// Look at the data of this folder, such as .weft, and ask no server [default: the server; where none answers, the
    /// .weft of the current project]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// `weft describe`.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// The run
    #[command(flatten)]
    pub(crate) run: RunArg,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// `weft result`.
#[derive(Debug, Args)]
pub(crate) struct ResultOf {
    /// The run
    #[command(flatten)]
    pub(crate) run: RunArg,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// How long to wait for the end, as in 30s; without it, as long as it takes
    #[arg(long, value_name = "DURATION")]
    pub(crate) wait: Option<String>,
}

/// `weft query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The workflow id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Name of the query or public state
    pub(crate) name: String,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID")]
    pub(crate) run: Option<String>,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// `weft signal`.
#[derive(Debug, Args)]
pub(crate) struct Message {
    /// The workflow id; none with --filter
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Name of the signal
    #[arg(required_unless_present = "filter")]
    pub(crate) name: Option<String>,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID", conflicts_with = "filter")]
    pub(crate) run: Option<String>,
    /// Makes a repeated signal of the same id do nothing
    #[arg(long, conflicts_with = "filter")]
    pub(crate) request_id: Option<String>,
    /// Many runs
    #[command(flatten)]
    pub(crate) many: Many,
}

/// `weft update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The workflow id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Name of the update
    pub(crate) name: String,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID")]
    pub(crate) run: Option<String>,
    /// Names the update: sent again under its id it is not done twice but waited for
    #[arg(long = "id", value_name = "UPDATE_ID")]
    pub(crate) update_id: Option<String>,
    /// How far or how long to wait: `accepted`, `completed`, or at most so long, such as `30s`
    #[arg(long, default_value = "completed", value_name = "STAGE|DURATION")]
    pub(crate) wait: String,
}

/// `weft cancel` and `weft terminate`.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The workflow id; none with --filter
    #[arg(required_unless_present = "filter", conflicts_with = "filter")]
    pub(crate) id: Option<String>,
    /// One run of that id; without it, the newest
    #[arg(long, value_name = "RUN_ID", conflicts_with = "filter")]
    pub(crate) run: Option<String>,
    /// Why, for the history
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Makes a repeated request of the same id do nothing
    #[arg(long, conflicts_with = "filter")]
    pub(crate) request_id: Option<String>,
    /// Many runs
    #[command(flatten)]
    pub(crate) many: Many,
}

/// `weft show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run
    #[command(flatten)]
    pub(crate) run: RunArg,
    /// Without times, run ids and hashes: the form of golden files
    #[arg(long)]
    pub(crate) plain: bool,
    /// Go on until the run ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// `weft export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Workflow ids
    #[arg(value_name = "ID", required_unless_present = "workflow")]
    pub(crate) ids: Vec<String>,
    /// One run of the id; without it, the newest
    #[arg(long, value_name = "RUN_ID", conflicts_with = "workflow")]
    pub(crate) run: Option<String>,
    /// The runs of this workflow, open and closed, newest start first
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// At most this many of them
    #[arg(long, default_value = "100", value_name = "N", requires = "workflow")]
    pub(crate) limit: NonZeroUsize,
    /// Where they are kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}
