//! A `weft serve` process that tests start, kill, pause and ask.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::Value;

use crate::binary::weft;

/// How long a server may take to become ready: far more than it needs, so that only a hang runs into it.
const READY_MAX: Duration = Duration::from_secs(60);

/// What servers log: also when they took which partition over.
const LOGGED: &str = "info,sqlx=warn,weft_runtime::node::member=debug";

/// A TCP port that was free a moment ago.
///
/// # Panics
/// If the machine has none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    store: String,
    port: u16,
    log: PathBuf,
    options: Vec<String>,
}

impl Server {
    /// Starts `weft serve` on a store; its standard error goes to `log`.
    ///
    /// # Panics
    /// If the process cannot be started.
    pub fn start(store: &str, port: u16, log: &Path) -> Server {
        Server::start_with(store, port, log, &[])
    }

    /// The same with further options of `weft serve`.
    ///
    /// # Panics
    /// If the process cannot be started.
    pub fn start_with(store: &str, port: u16, log: &Path, options: &[&str]) -> Server {
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        let child = spawn(Command::new(weft()), store, port, log, &options);
        Server { child, store: store.into(), port, log: log.into(), options }
    }

    /// The same for a process none of whose files may grow past `kib`: writing further is refused, as on a full disk.
    /// [`Server::give_room`] ends that.
    ///
    /// # Panics
    /// If the process cannot be started.
    pub fn start_in_little_room(store: &str, port: u16, log: &Path, kib: u32) -> Server {
        let mut command = Command::new("sh");
        // In POSIX the unit is half a KiB. Without the trap, the signal that comes with the refusal would end the process.
        command.args(["-c", "trap '' XFSZ; ulimit -S -f $1; shift; exec \"$@\"", "sh", &(kib * 2).to_string()]);
        command.arg(weft());
        let child = spawn(command, store, port, log, &[]);
        Server { child, store: store.into(), port, log: log.into(), options: Vec::new() }
    }

    /// Lets the files of the process grow again.
    ///
    /// # Panics
    /// If `prlimit` (util-linux) is missing or refuses.
    pub fn give_room(&self) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status();
        assert!(done.expect("prlimit of util-linux is installed").success(), "prlimit refuses");
    }

    /// Where its API is.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A URL under the API's base for the default namespace.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v1/namespaces/default/{path}", self.port)
    }

    /// Kills the process as a crash does and waits until it is gone.
    ///
    /// # Panics
    /// If the process was not there any more.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server is still there to be killed");
        self.child.wait().expect("a killed child can be awaited");
    }

    /// Starts the process again on the same store and port.
    pub fn restart(&mut self) {
        self.child = spawn(Command::new(weft()), &self.store, self.port, &self.log, &self.options);
    }

    /// Stops the process without ending it: it believes nothing happened when it goes on. Returns when each of its
    /// threads has stopped, so that nothing asked afterwards is worked on.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn pause(&self) {
        kill(self.pid(), Signal::SIGSTOP).expect("the server can be paused");
        let deadline = Instant::now() + READY_MAX;
        while !self.is_stopped() {
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::yield_now();
        }
    }

    fn is_stopped(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process is there");
        threads.flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in parentheses.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Lets a paused process go on.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn resume(&self) {
        kill(self.pid(), Signal::SIGCONT).expect("the server can be resumed");
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// If the process ends or does not get ready in a minute.
    pub async fn ready(&mut self) {
        let client = reqwest::Client::new();
        let url = format!("{}/readyz", self.address());
        eventually(READY_MAX, "the server is ready", async || {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("the server ended with {status}:\n{}", self.log_text());
            }
            matches!(client.get(&url).send().await, Ok(reply) if reply.status() == StatusCode::OK)
        })
        .await;
    }

    /// What the process has written to its standard error.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the process uses of the machine.
    pub fn meter(&self) -> Meter {
        Meter(self.child.id())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

/// Reads what a process uses of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Meter(u32);

impl Meter {
    /// Memory of the process that is in the machine's.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number of kB");
        kib * 1024
    }

    /// The processor time that its threads have had.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn processor_time(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.0)).expect("the process is there");
        let nanos = threads.flatten().filter_map(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A paused process cannot die of SIGTERM; SIGKILL ends it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(mut command: Command, store: &str, port: u16, log: &Path, options: &[String]) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
    command
        .args(["serve", "--database", store, "--listen", &format!("127.0.0.1:{port}")])
        .args(options)
        // A task whose delivery a crash swallowed goes to another worker after this; ten crashes would be long waits.
        .env("WEFT_LIMIT_RECLAIM_GRACE", "500ms")
        .env("WEFT_LOG", LOGGED)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("weft can be started")
}

/// Asks again until the condition holds.
///
/// # Panics
/// After `limit`, naming what did not come true.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs the command line tool and gives its exit code, standard output and standard error.
///
/// # Panics
/// If it cannot be started.
pub fn run_weft(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(weft()).args(args).current_dir(folder).output().expect("weft can be started");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// GETs JSON.
///
/// # Errors
/// If there is no answer, or one that is not 2xx.
pub async fn get_json(client: &reqwest::Client, url: &str) -> Result<Value, String> {
    let reply = client.get(url).send().await.map_err(|e| e.to_string())?;
    let status = reply.status();
    let text = reply.text().await.map_err(|e| e.to_string())?;
    if !status.is_success() {
        return Err(format!("{status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|e| e.to_string())
}
