//! The command line as data. Names and exit codes are a promise to scripts; see `exit`.

mod activity;
mod many;
mod run;
mod schedule;
mod serve;
mod source;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use self::activity::{ActivityArg, ActivityCommand, FailActivity, TaskArg};
pub(crate) use self::many::{Count, Group, List, Many, Namespace, NamespaceCommand, NamespaceOptions, Select};
pub(crate) use self::run::{
    Delete, Describe, Export, Kept, Message, Query, Reset, ResultOf, RunArg, Show, Start, Stop, Update,
};
pub(crate) use self::schedule::{NewSchedule, NextTimes, Schedule};
pub(crate) use self::serve::{Dev, Run, Serve};
pub(crate) use self::source::{Build, Deploy, Explain, Fmt, GraphFormat, GraphOf, MoveRuns, New, Replay, Source, Test};
use crate::output::Color;

/// Below the list of commands.
const AFTER_HELP: &str = "\
Begin with `weft new hello`, then `weft run hello/workflow.wf name=you`.

Exit codes:
  0  done                            4  the server cannot be reached
  1  the workflow did not complete,  5  not found or refused
     or is stuck; a test failed      6  the wait ended before the run did
  2  wrong usage                   130  interrupted
  3  the program has errors";

/// Durable workflows as a language.
#[derive(Debug, Parser)]
#[command(name = "weft", version, about = "Durable workflows: write one in a file, run it, never lose it.")]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Options of all commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of all commands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Where the server is [default: http://127.0.0.1:7373]
    #[arg(
        long,
        global = true,
        env = "WEFT_ADDRESS",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global options"
    )]
    pub(crate) address: Option<String>,
    /// A server named in weft.toml: takes the address of [env.NAME], also where WEFT_ADDRESS is set
    #[arg(
        long,
        global = true,
        env = "WEFT_ENV",
        hide_env_values = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub(crate) env: Option<String>,
    /// Which of the two above were typed; the others come from the environment.
    #[arg(skip)]
    pub(crate) typed: Typed,
    /// The namespace [default: that of weft.toml, else `default`]
    #[arg(
        long,
        global = true,
        env = "WEFT_NAMESPACE",
        hide_env_values = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub(crate) namespace: Option<String>,
    /// Answer in JSON: JSON lines for lists and events, else one object
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// When to color
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub(crate) color: Color,
}

/// Options that were typed, not taken from the environment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Typed {
    /// `--address`.
    pub(crate) address: bool,
    /// `--env`.
    pub(crate) env: bool,
}

impl Cli {
    /// Reads the command line; ends the process, with a word, where it cannot be read.
    pub(crate) fn read() -> Cli {
        let matches = Cli::command().get_matches();
        let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let typed = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        cli.global.typed = Typed { address: typed("address"), env: typed("env") };
        cli
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a small project that runs at once
    New(New),
    /// Check a project and say what is wrong
    Check(Source),
    /// Play the tests of a project on virtual time, each also with crashes
    Test(Test),
    /// Mend what can be mended without a person looking, and say what is left
    Fix(Source),
    /// Lay out the sources of a project; there is one layout and no option for it
    Fmt(Fmt),
    /// Help an editor with sources: a language server on standard input and output
    Lsp,
    /// Print the control flow of workflows, for Mermaid or Graphviz to draw
    Graph(GraphOf),
    /// Compile a project to bytecode
    Build(Build),
    /// Run a workflow here and now, without a server; it is kept and can be continued
    Run(Run),
    /// Serve a project while you work on it: deploys on save
    Dev(Dev),
    /// Serve in production
    Serve(Serve),
    /// Compile a project and send it to the server
    Deploy(Deploy),
    /// Start a run and print its workflow id
    Start(Start),
    /// Wait for a run and print its result
    Result(ResultOf),
    /// Send a signal to a run
    Signal(Message),
    /// Send an update to a run and print what it answers
    Update(Update),
    /// Ask a run a query or read its public state
    Query(Query),
    /// Ask a run to cancel; it may clean up first
    Cancel(Stop),
    /// End a run now, without its cleanup
    Terminate(Stop),
    /// Let a run go on from an earlier point of its history
    Reset(Reset),
    /// Forget a workflow id: end its open run, if there is one, and drop the histories of all its runs
    Delete(Delete),
    /// Make, show, pause, trigger and backfill schedules
    #[command(subcommand)]
    Schedule(Schedule),
    /// End, keep alive, pause or reset a pending activity of a run
    #[command(subcommand)]
    Activity(ActivityCommand),
    /// List runs
    List(List),
    /// Count runs
    Count(Count),
    /// Create, look at, change and delete namespaces
    Namespace(Namespace),
    /// Show the history of a run
    Show(Show),
    /// Say what a run is doing now
    Describe(Describe),
    /// Say where the patches of a project are, and which runs still need them
    Patches(Source),
    /// Write histories of runs as JSON lines, for `weft replay`
    Export(Export),
    /// Replay histories on a project: does its code follow them? For CI, without a server
    Replay(Replay),
    /// Explain a diagnostic, such as WF1001
    Explain(Explain),
    /// Print the language in short, for a person or a model to read
    Spec,
    /// Measure what a store carries
    Bench(crate::bench::BenchArgs),
}

impl Command {
    /// Whether the command itself ends well when it is interrupted.
    pub(crate) fn minds_interrupts(&self) -> bool {
        matches!(self, Command::Run(_) | Command::Dev(_) | Command::Serve(_))
    }
}
