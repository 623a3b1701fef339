//! Commands that run workflows themselves.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

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
