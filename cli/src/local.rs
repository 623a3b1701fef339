//! A node in this process: what `run`, `dev` and `serve` share. Where the data lies and who may use it, the socket the
//! API listens on, and ending well.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weft_protocol::api::NamespaceRequest;
use weft_runtime::api::Api;
use weft_runtime::config::NodeConfig;
use weft_runtime::node::{DeclaredSchedules, FoundOpen, Node, NodeOptions, OpenError, WorkflowNames};
use weft_runtime::telemetry::{self, LogFormat};

use crate::client::DEFAULT_ADDRESS;
use crate::exit::{Exit, Failed};
use crate::output::Output;

/// Name of the folder in a project's folder where `run` and `dev` keep their data.
pub(crate) const FOLDER: &str = ".weft";
/// The database in it.
const DATABASE: &str = "weft.db";
/// Locked by the process that owns the folder, which writes into it who it is.
const LOCK: &str = "lock";
/// The port of the API unless something says otherwise.
const PORT: u16 = 7373;

/// How long open requests may take to end when the process does.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// A `.weft/` folder that this process owns while the value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, and takes it for this process, which serves it at an address.
    ///
    /// # Errors
    /// Names the process that holds it.
    pub(crate) fn take(path: &Path, address: &str) -> Result<Folder, Failed> {
        let cannot = |what: &str, e: &std::io::Error| Failed::io(format!("cannot {what} {}", path.display()), e);
        if !path.is_dir() {
            std::fs::create_dir_all(path).map_err(|e| {
                cannot("make", &e).help("run it where you may write, or use --ephemeral to keep nothing")
            })?;
            std::fs::write(path.join(".gitignore"), "*\n").map_err(|e| cannot("write to", &e))?;
        }
        let file = path.join(LOCK);
        let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(&file);
        let lock = lock.as_mut().map_err(|e| cannot("write to", e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path, &Holder::read(lock))),
            Err(TryLockError::Error(e)) => return Err(cannot("lock", &e)),
        }
        let written = lock.set_len(0).and_then(|()| write!(lock, "{} {address}", std::process::id()));
        written.map_err(|e| cannot("write to", &e))?;
        let lock = lock.try_clone().map_err(|e| cannot("lock", &e))?;
        Ok(Folder { path: path.to_path_buf(), _lock: lock })
    }

    /// The store's URL.
    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.path.join(DATABASE).display())
    }
}

/// Who has a folder.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    /// The number of its process, where it said so.
    pub(crate) pid: String,
    /// Where it serves the API, where it said so.
    pub(crate) address: String,
}

impl Holder {
    fn read(lock: &mut File) -> Holder {
        let mut text = String::new();
        let _ = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.read_to_string(&mut text));
        let (pid, address) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        Holder { pid: pid.to_owned(), address: address.to_owned() }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid.as_str() {
            "" => f.write_str("another process"),
            pid => write!(f, "process {pid}"),
        }
    }
}

/// Who has a folder now, if somebody does.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    let mut lock = File::open(path.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(Holder::read(&mut lock)),
        _ => None,
    }
}

fn held(path: &Path, holder: &Holder) -> Failed {
    let reach = match holder.address.as_str() {
        "" => String::new(),
        address => format!(" --address {address}"),
    };
    Failed::new(Exit::Refused, "folder_in_use", format!("{} is in use by {holder}", path.display()))
        .why("one `weft run` or `weft dev` at a time owns the data of a project")
        .help(format!("ask the running one (`weft list{reach}`), end it, or pass --ephemeral to `weft run`"))
}

/// The data that a path means: a `.weft` folder, or the one in the folder of a project.
pub(crate) fn data_folder(path: &Path) -> PathBuf {
    let below = path.join(FOLDER);
    if !path.join(DATABASE).is_file() && below.is_dir() { below } else { path.to_path_buf() }
}

/// Whether a folder has data of `run` or `dev`.
pub(crate) fn has_data(path: &Path) -> bool {
    path.join(DATABASE).is_file()
}

/// Opens the data of a folder to be looked at; nothing in it goes on.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) async fn look(path: &Path) -> Result<Node, Failed> {
    if !has_data(path) {
        return Err(Failed::new(Exit::Refused, "no_data", format!("there is no data of weft in {}", path.display()))
            .help("--data takes the .weft folder that `weft run` and `weft dev` make, or the folder it is in"));
    }
    let url = format!("sqlite:{}", path.join(DATABASE).display());
    let place = Place::Folder(path.to_path_buf());
    Node::look(NodeOptions::new(url, "look")).await.map_err(|e| cannot_open(&place, &e))
}

/// What a command logs that runs programs of the person before it: trouble, and what they say with `log.info` and above.
pub(crate) const PROGRAMS_TOO: &str = "warn,weft::workflow=info";

/// Begins to log what the node has to say. `usual` is logged unless `WEFT_LOG` says otherwise.
///
/// # Errors
/// If `WEFT_LOG` cannot be read.
pub(crate) fn log(out: &Output, usual: &str) -> Result<(), Failed> {
    let format = if out.json { LogFormat::Json } else { LogFormat::Text };
    telemetry::init(format, usual).map_err(|e| Failed::usage(e.to_string()))
}

/// Listens where the command line says; else on the usual port, or a free one if that is taken.
///
/// # Errors
/// If the address that was asked for cannot be had.
pub(crate) async fn listen(wanted: Option<SocketAddr>) -> Result<TcpListener, Failed> {
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.map_err(|e| {
            Failed::new(Exit::Refused, "listen", format!("cannot listen on {address}"))
                .why(e.to_string())
                .help("end what listens there, or choose another address with --listen")
        });
    }
    for port in [PORT, 0] {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Ok(listener);
        }
    }
    Err(Failed::new(Exit::Refused, "listen", "cannot listen on any port of 127.0.0.1"))
}

/// Resolves when the person or the system asks this process to end: Ctrl-C, SIGTERM, or the terminal is gone.
pub(crate) async fn stop_requested() {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = async |kind: SignalKind| match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    };
    // `nohup` and service managers have a process ignore it, and mean it.
    let hung_up =
        async { if ignores_hangup() { std::future::pending().await } else { asked(SignalKind::hangup()).await } };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = asked(SignalKind::terminate()) => {}
        () = hung_up => {}
    }
}

/// Whether this process was started with SIGHUP ignored.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Bit 0 is signal 1, which is SIGHUP.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Where a node keeps its data.
pub(crate) enum Place {
    /// In a `.weft/` folder of this process alone.
    Folder(PathBuf),
    /// Nowhere: it is gone with the process.
    Memory,
    /// In a store that other nodes may use as well.
    Store {
        /// Its URL.
        url: String,
        /// The address that others are told; else what the listener says.
        name: Option<String>,
    },
}

/// A running node, and the socket on which its API is served.
pub(crate) struct Local {
    node: Arc<Node>,
    address: SocketAddr,
    server: JoinHandle<()>,
    stop: CancellationToken,
    /// Held until everything else is gone.
    _folder: Option<Folder>,
}

impl Local {
    /// Opens a node and serves its API on the listener.
    ///
    /// # Errors
    /// If the folder is in use, or the store can never be used.
    pub(crate) async fn open(
        place: Place,
        config: NodeConfig,
        listener: TcpListener,
        declared: DeclaredSchedules,
    ) -> Result<Local, Failed> {
        let address = listener.local_addr().map_err(|e| Failed::io("cannot listen", &e))?;
        let folder = match &place {
            Place::Folder(path) => Some(Folder::take(path, &format!("http://{address}"))?),
            _ => None,
        };
        // A folder's lock says that there is no other node, so all that ever were there count as this one: what a
        // killed process left is taken over at once, without waiting for its lease.
        let (store, name, socket) = match (&place, &folder) {
            (Place::Store { url, name }, _) => {
                let name = name.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
                (url.clone(), name, socket(address))
            }
            (_, Some(folder)) => (folder.store(), "local".to_owned(), String::new()),
            (_, None) => ("memory:".to_owned(), "local".to_owned(), String::new()),
        };
        let limits = config.limits.clone();
        let names = match place {
            // A folder has one project, whatever it was called before and whichever of its files are run.
            Place::Folder(_) | Place::Memory => WorkflowNames::Newest,
            Place::Store { .. } => WorkflowNames::First,
        };
        let options = NodeOptions { config, names, declared, socket, ..NodeOptions::new(store, name) };
        let node = Node::open(options).await.map_err(|e| cannot_open(&place, &e))?;
        let (node, stop) = (Arc::new(node), CancellationToken::new());
        let (api, stopped) = (node.clone(), stop.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = weft_runtime::http::serve(listener, api, &limits, stopped).await {
                tracing::error!(%error, "the API is served no longer");
            }
        });
        Ok(Local { node, address, server, stop, _folder: folder })
    }

    /// The API, in process.
    pub(crate) fn api(&self) -> &dyn Api {
        &*self.node
    }

    /// Makes a namespace where there is none of the name: here nobody else does.
    ///
    /// # Errors
    /// If the name can be none, or the store does not answer.
    pub(crate) async fn make_namespace(&self, name: &str) -> Result<(), Failed> {
        match self.api().namespace(name).await {
            Err(error) if error.code == "namespace_not_found" => {
                let request = NamespaceRequest { name: name.to_owned(), ..NamespaceRequest::default() };
                self.api().create_namespace(request).await?;
                Ok(())
            }
            other => Ok(other.map(drop)?),
        }
    }

    /// Waits until requests are answered.
    ///
    /// # Errors
    /// If the store turned out to be broken.
    pub(crate) async fn serving(&self) -> Result<(), Failed> {
        Ok(self.node.serving().await?)
    }

    /// The runs that were open already, and go on.
    pub(crate) fn found_open(&self) -> FoundOpen {
        self.node.found_open()
    }

    /// Where the API is.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Options by which another terminal reaches it, with a space before; none if it is where everyone looks.
    pub(crate) fn reach(&self) -> String {
        let address = self.address();
        if address == DEFAULT_ADDRESS { String::new() } else { format!(" --address {address}") }
    }

    /// Ends well: nothing new is taken in, what is decided is written.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        let closed = async {
            self.node.shutdown().await;
            if tokio::time::timeout(CLOSE_MAX, self.server).await.is_err() {
                tracing::warn!("some requests were still open");
            }
        };
        tokio::select! {
            () = closed => {}
            // Whoever asks twice means it. Nothing acknowledged is lost by it.
            () = stop_requested() => {}
        }
    }
}

/// An address that others can use: a listener on every address of the machine is told by the machine's name.
fn reachable(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.to_string();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() { "localhost" } else { name.trim() };
    format!("{name}:{}", address.port())
}

/// A listening socket as no other live process can name it: this start of the machine, its network, the address. Where the
/// system does not say, one that nobody ever names again.
fn socket(address: SocketAddr) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let network = std::fs::read_link("/proc/self/ns/net");
    match (boot, network) {
        (Ok(boot), Ok(network)) => format!("{} {} {address}", boot.trim(), network.display()),
        _ => format!("{:016x}", std::hash::RandomState::new().build_hasher().finish()),
    }
}

fn cannot_open(place: &Place, error: &OpenError) -> Failed {
    let what = match place {
        Place::Folder(path) => format!("cannot open the data in {}", path.display()),
        Place::Memory => "cannot start".to_owned(),
        Place::Store { .. } => "cannot open the database".to_owned(),
    };
    let failed = Failed::new(Exit::Refused, "store", what).why(error.to_string());
    match place {
        Place::Store { .. } => failed.help("check --database: postgres://USER@HOST/DATABASE, sqlite:PATH or memory:"),
        _ => failed,
    }
}

/// A path as short as it can be said from here.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FOLDER);
        let first = Folder::take(&path, "http://h:1").unwrap();
        assert!(first.store().starts_with("sqlite:/"));
        let failed = Folder::take(&path, "").unwrap_err();
        assert_eq!(holder(&path).unwrap().address, "http://h:1");
        assert!(failed.what.ends_with(&format!("in use by process {}", std::process::id())), "{}", failed.what);
        drop(first);
        assert!(holder(&path).is_none());
        Folder::take(&path, "").unwrap();
    }

    #[test]
    fn what_programs_say_has_the_name_that_the_node_gives_it() {
        assert_eq!(PROGRAMS_TOO, format!("warn,{}=info", telemetry::WORKFLOW_LOG));
    }

    #[tokio::test]
    async fn the_usual_port_or_a_free_one() {
        let first = listen(None).await.unwrap();
        let second = listen(None).await.unwrap();
        assert_ne!(first.local_addr().unwrap().port(), second.local_addr().unwrap().port());
        let failed = listen(Some(first.local_addr().unwrap())).await.unwrap_err();
        assert_eq!(failed.exit, Exit::Refused);
    }
}
