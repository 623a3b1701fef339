//! The command line as data. Names and exit codes are a promise to scripts; see `exit`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

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

/// `weft run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The file, or the folder of a project
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The workflow, where there are several, then its arguments as key=value
    #[arg(value_name = "[WORKFLOW] key=value")]
    pub(crate) rest: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// The workflow id, in place of the one the workflow declares. An open run of that id is continued; if it has
    /// ended, a new one is started
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Go on with the run of this workflow id, and never start one: if it has ended, its result is shown
    #[arg(long = "continue", value_name = "ID", conflicts_with_all = ["rest", "input", "id", "ephemeral"])]
    pub(crate) resume: Option<String>,
    /// Keep nothing on disk
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// Where to listen for signals while it runs [default: 127.0.0.1:7373, or a free port]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// `weft dev`.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Folder of the project
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7373", value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// Where to keep the data [default: .weft in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// `weft serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// postgres://…, sqlite:PATH or memory:
    #[arg(long, env = "WEFT_DATABASE", hide_env_values = true, value_name = "URL")]
    pub(crate) database: String,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7373", value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// Where other nodes and clients reach this one [default: that of --listen, or the machine's name
    /// and the port where that is 0.0.0.0]
    #[arg(long, value_name = "URL")]
    pub(crate) advertise: Option<String>,
    /// Run `exec` activities. DIR is the folder of the deployed project (where its weft.toml is): each activity runs in
    /// the folder of its .wf file below it
    #[arg(long, value_name = "DIR")]
    pub(crate) allow_exec: Option<PathBuf>,
    /// A weft.toml whose limits, http and exec tables this server obeys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

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

/// `weft schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List schedules
    List {
        /// Where they are kept
        #[command(flatten)]
        kept: Kept,
    },
    /// Everything known about a schedule: counters, open and recent runs, the next times
    Describe {
        /// Its name
        name: String,
        /// Where it is kept
        #[command(flatten)]
        kept: Kept,
    },
    /// Make a schedule on the server; one that belongs to a project is declared in its source instead
    Create(Box<NewSchedule>),
    /// Take no times any more; those that pass meanwhile are not made up for
    Pause {
        /// Its name
        name: String,
        /// For people
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Take times again, from now on
    Resume {
        /// Its name
        name: String,
        /// For people
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Start a run now, also of a paused schedule
    Trigger {
        /// Its name
        name: String,
        /// In place of its own policy
        #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
        overlap: Option<String>,
        /// Makes a repeated request of the same id do nothing
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Take all times of a range, both ends included, also those that were taken before
    Backfill {
        /// Its name
        name: String,
        /// The first time, as in 2026-06-01T09:00:00Z, or this long ago, as in 2d
        #[arg(long, value_name = "TIME")]
        from: String,
        /// The last time
        #[arg(long, value_name = "TIME", default_value = "0s")]
        to: String,
        /// In place of its own policy
        #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
        overlap: Option<String>,
        /// Makes a repeated request of the same id do nothing
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Delete a schedule; runs that it started go on
    Delete {
        /// Its name
        name: String,
    },
    /// When the schedules of a project, or one on the server, fire next
    Next(NextTimes),
}

/// `weft schedule create`.
#[derive(Debug, Args)]
pub(crate) struct NewSchedule {
    /// Its name; its runs are called NAME-TIME
    pub(crate) name: String,
    /// The workflow that it runs
    pub(crate) workflow: String,
    /// Arguments
    #[arg(value_name = "key=value")]
    pub(crate) args: Vec<String>,
    /// Arguments as a JSON object, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: Option<String>,
    /// A cron expression, as in `0 9 * * 1-5`; several are given one by one
    #[arg(long)]
    pub(crate) cron: Vec<String>,
    /// A distance, as in 90m
    #[arg(long, value_name = "DURATION")]
    pub(crate) every: Option<String>,
    /// What the distance is moved by
    #[arg(long, value_name = "DURATION")]
    pub(crate) phase: Option<String>,
    /// A calendar as JSON, as in `{"hour": 9, "weekday": "mon-fri"}`
    #[arg(long, value_name = "JSON")]
    pub(crate) calendar: Vec<String>,
    /// What is left out: a date, or a calendar as JSON
    #[arg(long, value_name = "DATE|JSON")]
    pub(crate) exclude: Vec<String>,
    /// The first moment: a date or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// The last moment: a date or a time
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<String>,
    /// Time zone, as in Europe/Berlin [default: UTC]
    #[arg(long)]
    pub(crate) zone: Option<String>,
    /// Each run starts up to this much later
    #[arg(long, value_name = "DURATION")]
    pub(crate) jitter: Option<String>,
    /// What happens while an earlier run is open [default: skip]
    #[arg(long, value_parser = weft_bytecode::schedule::OVERLAPS)]
    pub(crate) overlap: Option<String>,
    /// Times missed by no more than this are made up for [default: 365d]
    #[arg(long, value_name = "DURATION")]
    pub(crate) catch_up: Option<String>,
    /// How many runs it starts by itself
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Pause when a run fails or times out
    #[arg(long)]
    pub(crate) pause_on_failure: bool,
    /// Begin paused
    #[arg(long)]
    pub(crate) paused: bool,
    /// For people
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Give the schedule of this name another definition
    #[arg(long)]
    pub(crate) replace: bool,
}

/// `weft schedule next`.
#[derive(Debug, Args)]
pub(crate) struct NextTimes {
    /// A project by its folder or one of its files; else the name of a schedule on the server
    #[arg(default_value = ".", value_name = "DIR|FILE|NAME")]
    pub(crate) what: PathBuf,
    /// How many times
    #[arg(short, default_value = "5", value_name = "N")]
    pub(crate) n: NonZeroUsize,
    /// From when on [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<String>,
    /// Where it is kept
    #[command(flatten)]
    pub(crate) kept: Kept,
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
