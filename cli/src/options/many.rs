//! Commands on many runs, and namespaces.

use std::num::NonZeroUsize;

use clap::Args;

use super::Kept;

/// Which runs are meant.
#[derive(Debug, Args)]
pub(crate) struct Select {
    /// Only runs that this is true of, as in: status = Failed and bags >= 3 (docs/finding-runs.md)
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Only runs of this workflow
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Only runs of this status: running, completed, failed, canceled, terminated, timed_out, continued_as_new
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only stuck runs
    #[arg(long)]
    pub(crate) stuck: bool,
    /// Only runs started at or after this time, as in 2026-06-01T09:00:00Z, or this long ago, as in 2h
    #[arg(long, value_name = "TIME")]
    pub(crate) started_after: Option<String>,
    /// Only runs started before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) started_before: Option<String>,
}

/// How something is done to many runs.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// To all open runs that this is true of, in place of one run
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Do it; without this a --filter only counts
    #[arg(long)]
    pub(crate) yes: bool,
    /// At most this many runs a second
    #[arg(long, value_name = "N", default_value = "50")]
    pub(crate) rps: NonZeroUsize,
    /// Go on with this batch, which an interrupted command has named
    #[arg(long, value_name = "BATCH")]
    pub(crate) batch: Option<String>,
    /// Go on at this place, which an interrupted command has named
    #[arg(long, value_name = "CURSOR", requires = "batch")]
    pub(crate) from: Option<String>,
}

/// `weft list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which runs
    #[command(flatten)]
    pub(crate) select: Select,
    /// At most this many
    #[arg(long, default_value = "100", value_name = "N")]
    pub(crate) limit: NonZeroUsize,
    /// Where they are kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// `weft count`.
#[derive(Debug, Args)]
pub(crate) struct Count {
    /// Which runs
    #[command(flatten)]
    pub(crate) select: Select,
    /// A number for each of these besides
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<Group>,
    /// Where they are kept
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// What a count is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    /// Status
    Status,
    /// Workflow
    Workflow,
}

/// `weft namespace`.
#[derive(Debug, Args)]
pub(crate) struct Namespace {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: NamespaceCommand,
}

/// What `weft namespace` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Create a namespace
    Create(NamespaceOptions),
    /// List namespaces
    List,
    /// Say what a namespace keeps and has
    Describe {
        /// The namespace
        name: String,
    },
    /// Change a namespace
    Update(NamespaceOptions),
    /// Delete a namespace without open runs; its closed runs go with it
    Delete {
        /// The namespace
        name: String,
    },
}

/// A namespace and what is said of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct NamespaceOptions {
    /// The namespace
    pub(crate) name: String,
    /// How long closed runs are kept, as in 7d [default of a new one: 30d]
    #[arg(long, value_name = "DURATION")]
    pub(crate) retention: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
}
