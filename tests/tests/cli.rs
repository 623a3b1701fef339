//! The command as scripts see it: exit codes, what is on stdout and what is not, real processes and sockets.

#[path = "cli/finding.rs"]
mod finding;
#[path = "cli/keep.rs"]
mod keep;
#[path = "cli/limits.rs"]
mod limits;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/sources.rs"]
mod sources;
#[path = "cli/updates.rs"]
mod updates;
#[path = "cli/words.rs"]
mod words;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use weft_tests::binary::weft;
use weft_tests::server::{eventually, free_port, run_weft};

/// How long anything here may take: far more than it needs.
const MAX: Duration = Duration::from_secs(60);

/// A workflow that shows whatever the tests want to see.
const PROGRAM: &str = r#"
error Refused { code: Int }

activity echo(text: String) -> String with { exec: "python3 echo.py", timeout: 10s }
activity flaky(text: String) -> String with {
  exec: "python3 flaky.py", timeout: 10s, retry: backoff(first: 10ms, factor: 1, max: 10ms, attempts: 5)
}

workflow hello(name: String, times: Int = 1) -> String {
  let said = echo(name)
  return "hello {said} {times}"
}

workflow tries(text: String) -> String { return flaky(text) }

workflow asks(who: String) -> String with { id: "asks-{who}" } {
  pub state answer: String?
  signal reply(text: String) { answer = text }
  let said = wait until answer
  return "{who}: {said}"
}

workflow refuses(code: Int) throws Refused {
  if code > 0 { throw Refused(code) }
}

workflow overflows(n: Int) -> Int {
  return 9_223_372_036_854_775_807 + n
}
"#;

const ECHO: &str = "import json, sys\njson.dump(json.load(sys.stdin)['text'], sys.stdout)\n";
const FLAKY: &str = "import json, os, sys\nif os.environ['WEFT_ATTEMPT'] == '1': sys.exit('not yet')\n\
                     json.dump(json.load(sys.stdin)['text'], sys.stdout)\n";

fn project() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("shop.wf", PROGRAM), ("echo.py", ECHO), ("flaky.py", FLAKY)] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// A `weft` in the background, killed when dropped.
struct Background(Child);

impl Background {
    fn start(folder: &Path, args: &[&str]) -> Background {
        let mut command = Command::new(weft());
        command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Background(command.spawn().unwrap())
    }

    /// Lines of its stderr up to the first that contains a text.
    fn until(&mut self, text: &str) -> String {
        let mut err = BufReader::new(self.0.stderr.take().expect("asked for once"));
        let mut seen = String::new();
        while !seen.lines().last().unwrap_or("").contains(text) {
            let mut line = String::new();
            let read = err.read_line(&mut line).unwrap();
            assert!(read > 0, "the command ended before it said `{text}`:\n{seen}");
            seen.push_str(&line);
        }
        // Whoever writes must find a reader, or it stops at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut err, &mut std::io::sink()));
        seen
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }

    /// Waits for its end: exit code and stdout.
    fn end(mut self) -> (i32, String) {
        let mut out = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (self.0.wait().unwrap().code().unwrap_or(-1), out)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `weft dev` on a project.
fn dev(dir: &Path) -> (Background, String) {
    let port = free_port();
    let mut dev = Background::start(dir, &["dev", ".", "--listen", &format!("127.0.0.1:{port}")]);
    dev.until("deployed");
    (dev, format!("http://127.0.0.1:{port}"))
}

fn ask(dir: &Path, address: &str, args: &[&str]) -> (i32, String, String) {
    run_weft(dir, &[args, &["--address", address]].concat())
}

#[test]
fn a_run_prints_its_result_alone() {
    let dir = project();
    let (code, out, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "name=ann", "times=3"]);
    assert_eq!((code, out.as_str()), (0, "\"hello ann 3\"\n"), "{err}");
    assert!(err.contains("scheduled echo {\"text\":\"ann\"}"), "progress is told on stderr:\n{err}");
    assert!(!err.contains('\u{1b}'), "no escape sequences outside a terminal:\n{err}");
    assert!(dir.path().join(".weft").is_dir());
}

#[test]
fn an_ephemeral_run_leaves_nothing() {
    let dir = project();
    std::fs::write(dir.path().join("input.json"), r#"{"name":"bob"}"#).unwrap();
    let (code, out, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "--input", "input.json", "--ephemeral"]);
    assert_eq!((code, out.as_str()), (0, "\"hello bob 1\"\n"), "{err}");
    assert!(!dir.path().join(".weft").exists());
}

#[test]
fn retries_are_told() {
    let dir = project();
    let (code, out, err) = run_weft(dir.path(), &["run", "shop.wf", "tries", "text=x", "--ephemeral"]);
    assert_eq!((code, out.as_str()), (0, "\"x\"\n"), "{err}");
    assert!(err.contains("flaky → \"x\" (attempt 2)"), "{err}");
}

#[test]
fn wrong_usage_is_2() {
    let dir = project();
    for (args, word) in [
        (&["frobnicate"][..], "unrecognized subcommand"),
        (&["run"], "required"),
        (&["run", "shop.wf"], "several workflows"),
        (&["run", "shop.wf", "hello"], "needs `name: String`"),
        (&["run", "shop.wf", "hello", "nam=ann"], "did you mean `name`"),
        (&["run", "shop.wf", "hello", "name=ann", "times=many"], "expected Int"),
        (&["run", "missing.wf"], "missing.wf"),
        (&["result", "x", "--wait", "soon"], "not a duration"),
        (&["list", "--status", "gone"], "no run has the status `gone`"),
        (&["list", "--address", "nowhere"], "not the address of a server"),
    ] {
        let (code, out, err) = run_weft(dir.path(), args);
        let wanted = if args.contains(&"missing.wf") { 5 } else { 2 };
        assert_eq!((code, out.as_str()), (wanted, ""), "weft {args:?}: {err}");
        assert!(err.contains(word), "weft {args:?}: {err}");
    }
}

#[test]
fn a_program_with_errors_is_3() {
    let dir = project();
    std::fs::write(dir.path().join("shop.wf"), "workflow w(a: Int) -> Int {\n  return b\n}\n").unwrap();
    for args in [&["check"][..], &["build"], &["run", "shop.wf", "a=1"], &["deploy"]] {
        let (code, out, err) = run_weft(dir.path(), args);
        assert_eq!((code, out.as_str()), (3, ""), "weft {args:?}: {err}");
        assert!(err.contains("WF1001") && err.contains("shop.wf:2"), "weft {args:?}: {err}");
    }
    let (code, out, _) = run_weft(dir.path(), &["check", "--json"]);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((code, &first["code"], &first["line"]), (3, &json!("WF1001"), &json!(2)));
}

#[test]
fn nobody_listening_is_4() {
    let dir = project();
    let address = format!("http://127.0.0.1:{}", free_port());
    let commands: [&[&str]; 9] = [
        &["deploy"],
        &["start", "hello", "name=x"],
        &["result", "x"],
        &["signal", "x", "y"],
        &["query", "x", "y"],
        &["cancel", "x"],
        &["list"],
        &["show", "x"],
        &["describe", "x"],
    ];
    for args in commands {
        let (code, out, err) = ask(dir.path(), &address, args);
        assert_eq!(code, 4, "weft {args:?}: {out}{err}");
        assert!(err.contains("weft dev"), "it says what to do: {err}");
    }
    let (_, _, err) = ask(dir.path(), &address, &["list", "--json"]);
    let error: Value = serde_json::from_str(&err).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&json!("unreachable"), &json!(4)));
}

#[test]
fn a_server_answers_every_command() {
    let dir = project();
    let (_dev, address) = dev(dir.path());
    let ask = |args: &[&str]| ask(dir.path(), &address, args);

    let (code, out, err) = ask(&["start", "asks", "who=ann"]);
    assert_eq!((code, out.as_str()), (0, "asks-ann\n"), "{err}");
    let (code, _, err) = ask(&["result", "asks-ann", "--wait", "0s"]);
    assert_eq!(code, 6, "{err}");
    let (code, out, _) = ask(&["query", "asks-ann", "answer"]);
    assert_eq!((code, out.as_str()), (0, "null\n"));
    let (code, out, _) = ask(&["list", "--json", "--status", "running"]);
    let row: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &row["workflow_id"]), (0, &json!("asks-ann")));

    // What is wrong is refused with what there is.
    for (args, code, word) in [
        (&["signal", "asks-ann", "repply", "text=x"][..], 5, "did you mean `reply`"),
        (&["signal", "asks-ann", "reply", "txt=x"], 2, "did you mean `text`"),
        (&["signal", "nobody", "reply", "text=x"], 5, "nobody"),
        (&["query", "asks-ann", "mood"], 5, "answer"),
        (&["start", "helo", "name=x"], 5, "hello"),
        (&["result", "nobody"], 5, "nobody"),
        (&["describe", "nobody"], 5, "nobody"),
        (&["show", "nobody"], 5, "nobody"),
        (&["cancel", "nobody"], 5, "nobody"),
        (&["terminate", "nobody"], 5, "nobody"),
    ] {
        let (got, out, err) = ask(args);
        assert_eq!((got, out.as_str()), (code, ""), "weft {args:?}: {err}");
        assert!(err.contains(word), "weft {args:?}: {err}");
    }

    let (code, _, err) = ask(&["signal", "asks-ann", "reply", "text=a = b"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = ask(&["result", "asks-ann", "--wait", "30s"]);
    assert_eq!((code, out.as_str()), (0, "\"ann: a = b\"\n"), "{err}");
    let (_, out, _) = ask(&["query", "asks-ann", "answer"]);
    assert_eq!(out, "\"a = b\"\n", "public state answers on closed runs");
    let (code, _, err) = ask(&["signal", "asks-ann", "reply", "text=late"]);
    assert_eq!(code, 5, "a closed run takes no signal: {err}");

    let (code, out, _) = ask(&["show", "asks-ann", "--json"]);
    let types: Vec<Value> = out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["type"].clone()).collect();
    assert_eq!((code, types), (0, vec![json!("RunStarted"), json!("SignalReceived"), json!("RunCompleted")]));
    let (code, out, _) = ask(&["describe", "asks-ann", "--json"]);
    assert_eq!((code, &serde_json::from_str::<Value>(&out).unwrap()["run"]["status"]), (0, &json!("Completed")));
}

#[test]
fn a_run_that_does_not_complete_is_1() {
    let dir = project();
    let (_dev, address) = dev(dir.path());
    let ask = |args: &[&str]| ask(dir.path(), &address, args);
    for (id, start, wait, word) in [
        ("r", &["start", "refuses", "code=7", "--id", "r"][..], "30s", "Refused"),
        ("o", &["start", "overflows", "n=1", "--id", "o"], "30s", "stuck"),
    ] {
        assert_eq!(ask(start).0, 0);
        let (code, out, err) = ask(&["result", id, "--wait", wait]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(word), "{err}");
    }
    for (stop, word) in [("cancel", "canceled"), ("terminate", "terminated")] {
        assert_eq!(ask(&["start", "asks", "who=x", "--id", stop]).0, 0);
        assert_eq!(ask(&[stop, stop, "--reason", "enough"]).0, 0);
        let (code, _, err) = ask(&["result", stop, "--wait", "30s"]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(word), "{err}");
    }
    let (code, out, _) = ask(&["list", "--stuck", "--json"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    let (code, out, err) = run_weft(dir.path(), &["run", "shop.wf", "overflows", "n=1", "--ephemeral"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("shop.wf:"), "the line is named: {err}");
}

#[test]
fn a_run_listens_and_says_what_to_type() {
    let dir = project();
    let address = format!("127.0.0.1:{}", free_port());
    let mut run = Background::start(dir.path(), &["run", "shop.wf", "asks", "who=eve", "--listen", &address]);
    let said = run.until("answer it with");
    let line = said.lines().last().unwrap();
    let words = line.split_once("weft signal ").unwrap().1;
    assert_eq!(words, format!("asks-eve reply text=text --address http://{address}"));
    let args: Vec<&str> = std::iter::once("signal").chain(words.split(' ')).collect();
    assert_eq!(run_weft(dir.path(), &args).0, 0);
    assert_eq!(run.end(), (0, "\"eve: text\"\n".to_owned()));
}

#[test]
fn an_interrupted_run_is_kept_and_continued() {
    let dir = project();
    let address = format!("127.0.0.1:{}", free_port());
    let args = ["run", "shop.wf", "asks", "who=eve", "--listen", &address];
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL] {
        // Under `nohup` these tests and what they start are deaf to it, and rightly so.
        if signal == Signal::SIGHUP && ignores_hangup() {
            continue;
        }
        let mut run = Background::start(dir.path(), &args);
        run.until("answer it with");
        if signal == Signal::SIGKILL {
            // One owner at a time: a second one is told who it is.
            let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "asks", "who=bob"]);
            assert_eq!(code, 5, "{err}");
            assert!(err.contains(&format!("process {}", run.0.id())), "{err}");
        }
        run.signal(signal);
        assert_eq!(run.end(), (if signal == Signal::SIGKILL { -1 } else { 130 }, String::new()));
    }
    let mut run = Background::start(dir.path(), &args);
    let said = run.until("answer it with");
    assert!(said.starts_with("continued asks-eve"), "{said}");
    let words = ["signal", "asks-eve", "reply", "text=yes", "--address", &format!("http://{address}")];
    assert_eq!(run_weft(dir.path(), &words).0, 0);
    assert_eq!(run.end(), (0, "\"eve: yes\"\n".to_owned()));
    let mut run = Background::start(dir.path(), &args);
    let said = run.until("answer it with");
    assert!(said.starts_with("run asks-eve"), "a closed id starts anew: {said}");
    assert!(said.contains("note: `asks-eve` completed before; this is a new run of that id"), "and says so: {said}");
}

/// Whether this process was started with SIGHUP ignored: bit 0 of the mask is signal 1.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[tokio::test]
async fn dev_deploys_on_save() {
    let dir = project();
    let (_dev, address) = dev(dir.path());
    let file = dir.path().join("shop.wf");
    let start = async |id: &str, code: i32| {
        eventually(MAX, "the saved program is deployed", async || {
            ask(dir.path(), &address, &["start", "later", "--id", id]).0 == code
        })
        .await;
    };
    start("a", 5).await;
    std::fs::write(&file, format!("{PROGRAM}\nworkflow later( -> Int {{ return 1 }}\n")).unwrap();
    start("b", 5).await;
    std::fs::write(&file, format!("{PROGRAM}\nworkflow later() -> Int {{ return 1 }}\n")).unwrap();
    start("c", 0).await;
    assert_eq!(ask(dir.path(), &address, &["result", "c", "--wait", "30s"]).1, "1\n");
}

#[test]
fn a_new_project_runs_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = run_weft(dir.path(), &["new", "hello"]);
    assert_eq!(code, 0, "{err}");
    let run = ["run", "hello/workflow.wf", "name=world", "patience=100ms", "--ephemeral"];
    let (code, out, err) = run_weft(dir.path(), &run);
    assert_eq!((code, out.as_str()), (0, "\"Hello, world! (no answer)\"\n"), "{err}");
    let (code, _, err) = run_weft(dir.path(), &["new", "hello"]);
    assert_eq!(code, 5, "a folder with something in it is left alone: {err}");
    assert_eq!(run_weft(dir.path(), &["new", "../x y"]).0, 2);
}

#[test]
fn a_closed_pipe_is_success() {
    let dir = project();
    let mut command = Command::new(weft());
    command.args(["build", "--listing"]).current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert_eq!(err, "");
}

#[test]
fn builds_are_equal_everywhere() {
    let (one, two) = (project(), project());
    let build = |dir: &Path| run_weft(dir, &["build", "shop.wf", "-o", "shop.bin"]).1;
    assert_eq!(build(one.path()), build(two.path()));
    let bytes = |dir: &Path| std::fs::read(dir.join("shop.bin")).unwrap();
    assert_eq!(bytes(one.path()), bytes(two.path()));
}

#[test]
fn pages_explain_what_diagnostics_mean() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, _) = run_weft(dir.path(), &["explain", "wf1001"]);
    assert_eq!(code, 0);
    assert!(out.contains("WF1001"), "{out}");
    let (code, _, err) = run_weft(dir.path(), &["explain", "WF1O01"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("did you mean `WF"), "{err}");
}
