//! Configuration of a node: `[limits]`, `[exec]` and `[http]` of `weft.toml`, overridden by the environment, overridden
//! by what the command line says. Everything has a default and unknown names are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use weft_protocol::limits::Limits;

use crate::activities::secrets::Secrets;

mod file;

pub use file::{ConfigError, apply_environment, read_tables};

/// What the executors of activities may do.
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// `[http]`.
    pub http: HttpConfig,
    /// `[exec]`.
    pub exec: ExecConfig,
    /// Where `secret("X")` is read from.
    pub secrets: Secrets,
    /// Bytes of one payload, from [`Limits`].
    pub payload_bytes_max: usize,
}

/// `[http]`: what `http` activities may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Hosts that may be called: `api.example.com`, `*.example.com` (its sub-domains), `10.0.0.7:8080` (that port only).
    /// `None` allows every host.
    pub allow: Option<Vec<String>>,
    /// Calls at the same time; further attempts wait.
    pub in_flight_max: usize,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig { allow: None, in_flight_max: 1_024 }
    }
}

/// `[exec]`: what `exec` activities may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecConfig {
    /// Which programs may run.
    pub allow: ExecAllow,
    /// Folder of the project; an activity runs in the folder of its `.wf` file below it.
    pub root: PathBuf,
    /// Folders of projects by name, where one node serves several.
    pub roots: BTreeMap<String, PathBuf>,
    /// Processes at the same time; further attempts wait.
    pub in_flight_max: usize,
}

/// Which programs `exec` may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecAllow {
    /// None: the default of `weft serve`.
    Nothing,
    /// All: the default of `weft run` and `weft dev`.
    Everything,
    /// Those whose first word is one of these, exactly as written in the activity.
    Programs(Vec<String>),
}

impl Default for ExecConfig {
    fn default() -> ExecConfig {
        ExecConfig { allow: ExecAllow::Nothing, root: PathBuf::from("."), roots: BTreeMap::new(), in_flight_max: 64 }
    }
}

impl ExecConfig {
    /// The folder of a project.
    pub fn root_of(&self, project: &str) -> &Path {
        self.roots.get(project).unwrap_or(&self.root)
    }
}

/// The server's part of the configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeConfig {
    /// `[limits]`.
    pub limits: Limits,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[exec]`.
    pub exec: ExecConfig,
}

impl NodeConfig {
    /// What the executors need of it.
    pub fn executors(&self, secrets: Secrets) -> ExecutorConfig {
        ExecutorConfig {
            http: self.http.clone(),
            exec: self.exec.clone(),
            secrets,
            payload_bytes_max: self.limits.payload_bytes_max,
        }
    }
}
