//! Each folder of `examples/`: the command its README tells is run as it is typed, on SQLite, on PostgreSQL and by
//! `weft run`, and must print what the README says; what it leaves on the two stores is `history.txt`, the same on both.
//! `BLESS=1` rewrites the histories from SQLite's.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use weft_tests::binary::{weft, workspace};
use weft_tests::postgres;
use weft_tests::server::{Server, eventually, free_port, run_weft};

/// How long a run may take: far more than it needs.
const RUN_MAX: Duration = Duration::from_secs(60);

/// An example and what it needs beside the command of its README.
struct Example {
    folder: &'static str,
    workflow: &'static str,
    /// The id its run has.
    id: &'static str,
    /// Whether the messages of its README are sent when it waits for them.
    answered: bool,
}

fn example(folder: &'static str, workflow: &'static str, id: &'static str) -> Example {
    Example { folder, workflow, id, answered: false }
}

#[tokio::test]
async fn first() {
    check(example("first", "dinner", "dinner-ann")).await;
}

#[tokio::test]
async fn onboarding() {
    check(example("onboarding", "onboarding", "onboarding-u1")).await;
}

#[tokio::test]
async fn payment() {
    check(example("payment", "order", "example")).await;
}

#[tokio::test]
async fn dataset() {
    check(example("dataset", "process_dataset", "example")).await;
}

#[tokio::test]
async fn purchase_order() {
    let example = example("purchase_order", "purchase_order", "purchase-order-7");
    check(Example { answered: true, ..example }).await;
}

#[tokio::test]
async fn trip() {
    check(Example { answered: true, ..example("trip", "trip", "trip-7") }).await;
}

#[tokio::test]
async fn fulfilment() {
    check(example("fulfilment", "order", "order-7")).await;
}

#[tokio::test]
async fn trial() {
    check(example("trial", "trial_expiry", "example")).await;
}

#[tokio::test]
async fn report() {
    check(example("report", "revenue_report", "example")).await;
}

#[tokio::test]
async fn versions() {
    check(example("versions", "order_fulfilment", "example")).await;
}

#[test]
fn every_folder_is_tested() {
    let folders = std::fs::read_dir(workspace().join("examples")).unwrap();
    let mut folders: Vec<_> = folders.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let tested = [
        "dataset",
        "first",
        "fulfilment",
        "onboarding",
        "payment",
        "purchase_order",
        "report",
        "trial",
        "trip",
        "versions",
    ];
    assert_eq!(folders, tested);
}

async fn check(example: Example) {
    let golden = workspace().join("examples").join(example.folder).join("history.txt");
    let sqlite = Copy::of(&example);
    let store = format!("sqlite:{}", sqlite.dir.path().join("weft.db").display());
    let history = served(&example, &sqlite, &store).await;
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &history).unwrap();
    }
    let golden = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(history, golden, "{}: the history on SQLite is not history.txt (BLESS=1 rewrites it)", example.folder);

    let database = postgres::database().await;
    let history = served(&example, &Copy::of(&example), database.url()).await;
    assert_eq!(history, golden, "{}: the history on PostgreSQL is not that on SQLite", example.folder);

    run(&example, &Copy::of(&example)).await;
}

/// Deploys and runs the example on a server, and gives the history.
async fn served(example: &Example, copy: &Copy, store: &str) -> String {
    let port = free_port();
    let exec = copy.folder.display().to_string();
    let log = copy.dir.path().join("server.log");
    let mut server = Server::start_with(store, port, &log, &["--allow-exec", &exec]);
    server.ready().await;
    let _world = World::start(copy, &server.address());
    let address = server.address();
    let ask = |words: &[&str]| {
        let words = [words, &["--address", &address]].concat();
        let (code, out, err) = run_weft(&workspace(), &words);
        assert_eq!(code, 0, "weft {words:?}: {err}{}", server.log_text());
        out
    };
    ask(&["deploy", &exec]);
    let mut start = vec!["start", example.workflow, "--id", example.id];
    start.extend(copy.args.iter().map(String::as_str));
    assert_eq!(ask(&start).trim(), example.id);
    if example.answered {
        answer(copy, example.id, &server.address()).await;
    }
    assert_eq!(ask(&["result", example.id, "--wait", "60s"]), copy.expected, "{}: the result", example.folder);
    ask(&["show", example.id, "--plain"])
}

/// Does what the README says, literally, but for where it listens.
async fn run(example: &Example, copy: &Copy) {
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    let _world = World::start(copy, &url);
    let file = copy.folder.join("workflow.wf");
    let mut command = Command::new(weft());
    command.arg("run").arg(&file).args(&copy.words).args(["--listen", &address]).current_dir(workspace());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if example.answered {
        answer(copy, example.id, &url).await;
    }
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}: {err}", example.folder);
    assert_eq!(String::from_utf8_lossy(&output.stdout), copy.expected, "{}: {err}", example.folder);
}

/// Sends the signals and updates of the README once the run waits for one, and asks its queries.
async fn answer(copy: &Copy, id: &str, address: &str) {
    eventually(RUN_MAX, "the run waits for a signal", async || {
        let (_, out, _) = run_weft(&workspace(), &["describe", id, "--json", "--address", address]);
        let waits = serde_json::from_str::<Value>(&out).unwrap_or_default()["waits"].to_string();
        waits.contains("condition") || waits.contains("signal")
    })
    .await;
    for words in &copy.answers {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--address", address]);
        let (code, _, err) = run_weft(&workspace(), &words);
        assert_eq!(code, 0, "weft {words:?}: {err}");
    }
}

/// A copy of an example in a folder of its own, and what its README says.
struct Copy {
    dir: TempDir,
    folder: PathBuf,
    /// The words after `weft run FILE`.
    words: Vec<String>,
    /// Those of them that are arguments of the workflow.
    args: Vec<String>,
    /// What it prints.
    expected: String,
    /// Words of its `weft signal`, `weft query` and `weft update` lines.
    answers: Vec<Vec<String>>,
}

impl Copy {
    fn of(example: &Example) -> Copy {
        let from = workspace().join("examples").join(example.folder);
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(example.folder);
        std::fs::create_dir(&folder).unwrap();
        for file in std::fs::read_dir(&from).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_file()) {
            std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
        let readme = std::fs::read_to_string(from.join("README.md")).unwrap();
        let lines: Vec<&str> = readme.lines().filter_map(|l| l.strip_prefix("    ")).collect();
        let command = format!("weft run examples/{}/workflow.wf ", example.folder);
        let at = lines.iter().position(|l| l.starts_with(&command)).expect("the README tells the command");
        let words: Vec<String> = lines[at][command.len()..].split(' ').map(str::to_owned).collect();
        let is_command = |l: &&&str| !l.starts_with("weft ") && !l.starts_with("python3 ");
        let expected = lines[at..].iter().find(is_command).expect("the README tells what is printed");
        let told = ["weft signal", "weft query", "weft update"];
        let answers = lines.iter().filter(|l| told.iter().any(|command| l.starts_with(command)));
        let answers = answers.map(|l| l.split(' ').skip(1).map(str::to_owned).collect()).collect();
        let args = words.iter().filter(|w| *w != example.workflow).cloned().collect();
        Copy { dir, folder, words, args, expected: format!("{expected}\n"), answers }
    }
}

/// The services and workers an example needs; gone when dropped.
struct World(Vec<Child>);

impl World {
    fn start(copy: &Copy, address: &str) -> World {
        let mut world = World(Vec::new());
        if copy.folder.join("server.py").exists() {
            let mut server = python(&copy.folder, &["server.py", "0"], address, Stdio::piped());
            let mut line = String::new();
            BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
            world.0.push(server);
            let port = line.trim().rsplit(':').next().expect("it says where it listens");
            let file = copy.folder.join("workflow.wf");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replace(":8701/", &format!(":{port}/"))).unwrap();
        }
        if copy.folder.join("worker.py").exists() {
            world.0.push(python(&copy.folder, &["worker.py"], address, Stdio::null()));
        }
        world
    }
}

fn python(folder: &Path, words: &[&str], address: &str, out: Stdio) -> Child {
    let mut command = Command::new("python3");
    command.args(words).current_dir(folder).env("WEFT_ADDRESS", address);
    command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null());
    command.spawn().expect("python3 is installed: install the package python3")
}

impl Drop for World {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
