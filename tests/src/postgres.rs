//! A throwaway PostgreSQL from the installed binaries, with durable settings, gone when the test process is.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::server::free_port;

/// Starts the server, obeys `stop` and `start`, and cleans up when its input ends: that happens however the test process
/// ends, SIGKILL included.
const SUPERVISOR: &str = r#"
start() { "$BIN/postgres" -D "$FOLDER/data" -k "$FOLDER" -p "$PORT" -h 127.0.0.1 \
  -c max_connections=200 -c shared_buffers=128MB $EXTRA >>"$FOLDER/log" 2>&1 & pid=$!; }
start
while read -r word; do
  case $word in
    stop) kill -QUIT $pid; wait $pid ;;
    start) start ;;
  esac
  echo done
done
kill -QUIT $pid; wait $pid; rm -rf "$FOLDER"
"#;

/// A server of its own, for tests that stop it. Others share one: see [`database`].
#[derive(Debug)]
pub struct Postgres {
    supervisor: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    port: u16,
    folder: PathBuf,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and starts it.
    ///
    /// # Panics
    /// If there are no PostgreSQL binaries and they cannot be installed, or the server does not start: saying what to do.
    pub async fn start() -> Postgres {
        let bin = binaries();
        let user = server_user();
        let folder = std::env::temp_dir().join(format!("weft-pg-{}-{}", std::process::id(), free_port()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        if let Some(user) = &user {
            nix::unistd::chown(&folder, Some(user.uid), Some(user.gid)).expect("root may give a folder away");
        }
        let init = as_user(Command::new(bin.join("initdb")), user.as_ref())
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(folder.join("data"))
            .current_dir("/")
            .output()
            .expect("initdb can be started");
        assert!(init.status.success(), "initdb failed:\n{}", String::from_utf8_lossy(&init.stderr));
        // Who connects as `locked` must give a password, everybody else is trusted.
        let rules = "host all locked all scram-sha-256\nlocal all all trust\nhost all all all trust\n";
        std::fs::write(folder.join("data/pg_hba.conf"), rules).expect("root, or the owner, may write it");
        let port = free_port();
        let statistics = bin.join("../lib/pg_stat_statements.so").exists();
        let mut supervisor = as_user(Command::new("/bin/sh"), user.as_ref())
            .args(["-c", SUPERVISOR])
            .env("BIN", &bin)
            .env("FOLDER", &folder)
            .env("PORT", port.to_string())
            .env("EXTRA", if statistics { "-c shared_preload_libraries=pg_stat_statements" } else { "" })
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let input = supervisor.stdin.take();
        let output = BufReader::new(supervisor.stdout.take().expect("it is piped"));
        let server = Postgres { supervisor, input, output, port, folder };
        server.answers().await;
        server
    }

    /// URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Stops the server as a crash does (`immediate`) and waits until it is gone.
    ///
    /// # Panics
    /// If the supervisor is gone.
    pub fn stop(&mut self) {
        self.say("stop");
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub async fn restart(&mut self) {
        self.say("start");
        self.answers().await;
    }

    /// Creates an empty database and gives its URL.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create(&self, name: &str) -> String {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.expect("the server answers");
        connection.execute(format!("create database {name}").as_str()).await.expect("it may");
        self.url(name)
    }

    fn say(&mut self, word: &str) {
        let input = self.input.as_mut().expect("it is there until drop");
        writeln!(input, "{word}").expect("the supervisor listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the supervisor answers");
    }

    async fn answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match PgConnection::connect(&self.url("postgres")).await {
                Ok(_) => return,
                Err(error) if Instant::now() > deadline => {
                    let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    panic!("PostgreSQL does not answer: {error}\n{log}");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.input = None; // end of input: the supervisor stops the server and removes the folder
        let _ = self.supervisor.wait();
    }
}

/// An empty database on the server that the tests of this process share.
#[derive(Debug)]
pub struct Database {
    url: String,
    port: u16,
}

impl Database {
    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// TCP port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection as superuser.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("the server answers")
    }
}

/// A fresh database.
///
/// # Panics
/// As [`Postgres::start`].
pub async fn database() -> Database {
    static SHARED: OnceCell<Postgres> = OnceCell::const_new();
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let server = SHARED.get_or_init(Postgres::start).await;
    let url = server.create(&format!("weft_{}", NEXT.fetch_add(1, Ordering::SeqCst))).await;
    Database { url, port: server.port }
}

/// The folder of `initdb` and `postgres`; installs the distribution's package if we may.
fn binaries() -> PathBuf {
    if let Some(found) = installed() {
        return found;
    }
    if Uid::effective().is_root() && Path::new("/usr/bin/apt-get").exists() {
        let script = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql";
        let _ = Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::null()).status();
    }
    installed().unwrap_or_else(|| {
        panic!("no PostgreSQL: install the server (Debian: `apt-get install postgresql`), or put initdb and postgres on PATH")
    })
}

fn installed() -> Option<PathBuf> {
    let mut packaged: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    packaged.sort();
    packaged.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody`.
fn server_user() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten())
}

fn as_user(mut command: Command, user: Option<&User>) -> Command {
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
