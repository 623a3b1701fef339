//! Commands on a project: its code, its tests, what is deployed of it.

use std::path::PathBuf;

use clap::Args;

/// `weft new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name of the project and of the folder it is made in
    pub(crate) name: String,
}

/// A project by its folder or one of its files.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Folder of the project, or a file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
}

/// `weft deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Folder of the project, or a file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// Move open runs to the new code: all of them, and if one does not follow it, nothing is deployed; or, with
    /// --move=safe, those that follow. Without it open runs finish on the code that they have
    #[arg(long = "move", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all", value_name = "all|safe")]
    pub(crate) moving: Option<MoveRuns>,
}

/// Which open runs move with a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MoveRuns {
    // All of them, or nothing is deployed.
    All,
    // Those that follow the new code.
    Safe,
}

/// `weft test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Projects by folder or file [default: the project here], and parts of the names of the tests to play
    #[arg(value_name = "DIR|FILE|PART OF A NAME")]
    pub(crate) what: Vec<String>,
    /// Show the tests, play none
    #[arg(long)]
    pub(crate) list: bool,
    /// Write the results as JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Show which lines of workflows, flows and functions the tests went over
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Write the coverage to this file, as lcov
    #[arg(long, value_name = "FILE", requires = "coverage")]
    pub(crate) lcov: Option<PathBuf>,
}

/// `weft fmt`.
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Folder of the project, or a file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// Change nothing; exit with 3 if a file is not formatted
    #[arg(long)]
    pub(crate) check: bool,
    /// Read standard input, write standard output
    #[arg(long, conflicts_with = "path")]
    pub(crate) stdin: bool,
}

/// `weft graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphOf {
    /// Folder of the project, or a file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// The workflow; all of them if none is named
    #[arg(value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Who is to draw it
    #[arg(long, value_enum, default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

/// What a graph is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GraphFormat {
    /// A Mermaid flowchart, as Markdown pages draw it
    Mermaid,
    /// A Graphviz digraph: `weft graph --format dot | dot -Tsvg`
    Dot,
    /// A picture, of all workflows that are printed: `weft graph --format svg > flow.svg`
    Svg,
}

/// `weft build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Folder of the project, or a file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// Print the bytecode for reading
    #[arg(long)]
    pub(crate) listing: bool,
    /// Write the program to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `weft replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Files with histories, `-` for stdin, as `weft export` or `weft show --json` write them; and the folder or a file
    /// of the project [default: the project here]
    #[arg(value_name = "HISTORY|DIR|FILE", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// `weft explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code; without it, the list of all
    pub(crate) code: Option<String>,
}
