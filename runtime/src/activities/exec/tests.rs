//! With real processes: `sh -c` where the shell is what a test wants to run, not how it is run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use weft_bytecode::options::{Part, Target};
use weft_bytecode::types::builtin::{INT, STRING};

use super::*;
use crate::activities::Executors;
use crate::activities::fixture::Fixture;
use crate::activities::secrets::Secrets;
use crate::clock::{Clock, SystemClock};
use crate::config::{ExecutorConfig, HttpConfig};

const LIMIT: usize = 100_000;

fn executors(exec: ExecConfig) -> Executors {
    let http = HttpConfig::default();
    Executors::new(ExecutorConfig { http, exec, secrets: Secrets::Environment, payload_bytes_max: LIMIT }).unwrap()
}

fn in_folder(root: &Path) -> ExecConfig {
    ExecConfig { allow: ExecAllow::Everything, root: root.into(), ..ExecConfig::default() }
}

async fn run(task: ActivityTask) -> AttemptOutcome {
    executors(in_folder(Path::new("/"))).attempt(task).await
}

/// `sh -c script`, whose braces are no holes.
fn shell(script: &str) -> Fixture {
    let word = |text: &str| Template { parts: vec![Part::Text(text.into())] };
    Fixture::new(Target::Exec(vec![word("sh"), word("-c"), word(script)]))
}

fn completed(outcome: AttemptOutcome) -> Value {
    match outcome {
        AttemptOutcome::Completed(result) => result.value(),
        other => panic!("it should have completed: {other:?}"),
    }
}

fn failure(outcome: AttemptOutcome) -> Failure {
    match outcome {
        AttemptOutcome::Failed { failure, .. } => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}

#[tokio::test]
async fn arguments_go_in_and_the_result_comes_out() {
    let echo = Fixture::exec(&["cat"]).param("n", INT).result_record(&[("n", INT)]);
    let outcome = run(echo.task(&json!({ "n": i64::MAX }))).await;
    assert_eq!(outcome, AttemptOutcome::Completed(Payload::json(r#"{"n":9223372036854775807}"#)));

    let lines = shell("wc -l").param("text", STRING).result(INT).task(&json!({ "text": "a\nb" }));
    assert_eq!(completed(run(lines).await), json!(1), "one line and a newline, nothing else");
}

#[tokio::test]
async fn a_value_is_always_one_word() {
    let value = "a b; echo $HOME `id` \"'";
    let task = Fixture::exec(&["printf", "[\"%s\"]", "x-{v}"]).param("v", STRING);
    let mut task = task;
    let list = task.ty(weft_bytecode::Type::List(STRING));
    let task = task.result(list).task(&json!({ "v": "a b; echo $HOME" }));
    assert_eq!(completed(run(task).await), json!(["x-a b; echo $HOME"]));
    let task = Fixture::exec(&["sh", "-c", "echo $#", "name", "{v}"]).param("v", STRING).result(INT);
    assert_eq!(completed(run(task.task(&json!({ "v": value }))).await), json!(1));
    let task = Fixture::exec(&["echo", "{v}"]).param("v", STRING).task(&json!({ "v": "a\0b" }));
    assert!(failure(run(task).await).message.contains("NUL"));
}

#[tokio::test]
async fn it_runs_in_the_folder_of_its_file() {
    let project = tempfile::tempdir().unwrap();
    let scripts = project.path().join("billing");
    std::fs::create_dir(&scripts).unwrap();
    let script = scripts.join("where.sh");
    std::fs::write(&script, "#!/bin/sh\nprintf '\"%s\"' \"$(pwd -P)\"\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let here = executors(in_folder(project.path()));
    let task = || Fixture::exec(&["./where.sh"]).folder("billing").result(STRING).task(&json!({}));
    let expected = json!(scripts.canonicalize().unwrap().to_str().unwrap());
    assert_eq!(completed(here.attempt(task()).await), expected);

    let roots = BTreeMap::from([("test".to_owned(), project.path().to_owned())]);
    let by_project = ExecConfig { roots, ..in_folder(Path::new("/nowhere")) };
    assert_eq!(completed(executors(by_project).attempt(task()).await), expected);

    for (folder, expected) in
        [("../etc", "not inside the project"), ("/etc", "not inside the project"), ("none", "does not exist")]
    {
        let task = Fixture::exec(&["pwd"]).folder(folder).task(&json!({}));
        let failure = failure(here.attempt(task).await);
        assert!(failure.message.contains(expected), "{folder}: {failure}");
    }
}

#[tokio::test]
async fn the_attempt_is_named_in_the_environment() {
    let script = r#"printf '"%s %s %s"' "$WEFT_RUN_ID" "$WEFT_ATTEMPT" "$WEFT_IDEMPOTENCY_KEY""#;
    let outcome = run(shell(script).result(STRING).task(&json!({}))).await;
    assert_eq!(completed(outcome), json!("0010000000000007 2 0010000000000007-5"));
    let ours = run(shell("env | grep -c ^WEFT_").result(INT).task(&json!({}))).await;
    assert_eq!(completed(ours), json!(3), "and nothing else of ours");
    let path = run(shell("test -n \"$PATH\"").task(&json!({}))).await;
    assert_eq!(completed(path), Value::Null, "but the rest is inherited");
}

#[tokio::test]
async fn unit_ignores_stdout() {
    for script in ["echo hello", "true", "head -c 300000 /dev/zero"] {
        assert_eq!(completed(run(shell(script).task(&json!({}))).await), Value::Null, "{script}");
    }
}

#[tokio::test]
async fn another_exit_code_is_a_fault_with_the_end_of_stderr() {
    let outcome =
        run(shell("head -c 10000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 7").task(&json!({}))).await;
    let failure = failure(outcome);
    assert!(failure.retryable && failure.kind == "Fault", "{failure:?}");
    assert!(failure.message.starts_with("`sh` ended with exit code 7: xxx"), "{failure}");
    assert!(failure.message.ends_with("the end"), "{failure}");
    assert!(failure.message.len() < STDERR_TAIL_BYTES + 100, "{}", failure.message.len());
    assert_eq!(failure.details.unwrap().value(), json!({"type": "ExitStatus", "details": {"code": 7}}));
}

#[tokio::test]
async fn a_signal_is_a_fault() {
    let failure = failure(run(shell("kill -TERM $$").task(&json!({}))).await);
    assert!(failure.retryable && failure.message.contains("SIGTERM"), "{failure}");
}

#[tokio::test]
async fn exit_codes_and_failures_are_declared_errors() {
    let fixture = |script: &str| shell(script).throws("OutOfStock", &[("sku", STRING)]).errors(&[(3, "OutOfStock")]);
    let stock = failure(run(fixture("echo '{\"sku\":\"s1\",\"message\":\"none\"}'; exit 3").task(&json!({}))).await);
    assert_eq!((stock.kind.as_str(), stock.message.as_str(), stock.retryable), ("OutOfStock", "none", false));
    assert_eq!(stock.details, Some(Payload::json(r#"{"sku":"s1"}"#)));

    let wrong = failure(run(fixture("echo oh >&2; exit 3").task(&json!({}))).await);
    assert!(wrong.kind == "Fault" && !wrong.retryable, "{wrong:?}");
    assert!(wrong.message.contains("`sku`: expected String, found nothing: oh"), "{wrong}");

    for (details, why) in [
        (r#","details":{"sku":5}"#, "its `details` are not those of it: `sku`: expected String"),
        (r#","details":{}"#, "its `details` are not those of it: `sku`: expected String, found nothing"),
        (r#","sku":"s2""#, "its fields stand in `details`, which is not there: `sku`"),
        (r#","message":5"#, "`message` is not a string"),
    ] {
        let script = format!("echo '{{\"type\":\"OutOfStock\"{details}}}'; echo oh >&2; exit 1");
        let wrong = failure(run(shell(&script).throws("OutOfStock", &[("sku", STRING)]).task(&json!({}))).await);
        assert!(wrong.kind == "Fault" && !wrong.retryable, "{wrong:?}");
        let said = format!("ended with exit code 1 and reports the declared error `OutOfStock`, but {why}");
        assert!(wrong.message.contains(&said) && wrong.message.ends_with(": oh"), "{wrong}");
    }

    let named = "echo '{\"type\":\"OutOfStock\",\"details\":{\"sku\":\"s2\"}}'; exit 1";
    let named = failure(run(shell(named).throws("OutOfStock", &[("sku", STRING)]).task(&json!({}))).await);
    assert_eq!((named.kind.as_str(), named.retryable), ("OutOfStock", false));
}

#[tokio::test]
async fn a_result_that_does_not_decode_is_a_lasting_fault() {
    for (script, expected) in [
        ("echo seven; echo hint >&2", "not JSON"),
        ("true", "expected Int (a whole number"),
        ("echo '\"7\"'", "found the text \"7\""),
        ("echo 1.0", "found the number 1.0"),
        ("yes", "wrote more than payload_bytes_max = 100000 bytes"),
    ] {
        let failure = failure(run(shell(script).result(INT).task(&json!({}))).await);
        assert!(!failure.retryable && failure.message.contains(expected), "{script}: {failure}");
    }
}

#[tokio::test]
async fn what_cannot_start_says_so() {
    let missing = failure(run(Fixture::exec(&["weft-no-such-program"]).task(&json!({}))).await);
    assert!(missing.retryable && missing.message.contains("`weft-no-such-program` was not found"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain"), "").unwrap();
    let task = Fixture::exec(&["./plain"]).task(&json!({}));
    let plain = failure(executors(in_folder(folder.path())).attempt(task).await);
    assert!(plain.message.contains("chmod +x"), "{plain}");
}

#[tokio::test]
async fn only_what_is_allowed_runs() {
    let named = ExecAllow::Programs(vec!["true".into()]);
    for (allow, program, allowed) in
        [(ExecAllow::Nothing, "true", false), (named.clone(), "true", true), (named, "sh", false)]
    {
        let config = ExecConfig { allow: allow.clone(), ..in_folder(Path::new("/")) };
        let outcome = executors(config).attempt(Fixture::exec(&[program]).task(&json!({}))).await;
        match outcome {
            AttemptOutcome::Completed(_) => assert!(allowed, "{allow:?} {program}"),
            other => {
                let failure = failure(other);
                assert!(!allowed && failure.retryable && failure.message.contains("[exec] allow"), "{failure}");
            }
        }
    }
}

/// Whether a process still exists, and is no zombie.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A script that names itself and a child of its in files, then both wait for ever.
async fn started(folder: &Path) -> (String, String) {
    loop {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default().trim().to_owned();
        let (parent, child) = (read("parent"), read("child"));
        if !parent.is_empty() && !child.is_empty() {
            return (parent, child);
        }
        tokio::task::yield_now().await;
    }
}

const WAITS_FOR_EVER: &str = "sleep 1000 & echo $! > child; echo $$ > parent; wait";

async fn gone(pid: &str) {
    while lives(pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_canceled_attempt_is_killed_with_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let task = shell(WAITS_FOR_EVER).task(&json!({}));
    let cancel = task.cancel.clone();
    let here = executors(in_folder(folder.path()));
    let attempt = tokio::spawn(async move { here.attempt(task).await });
    let (parent, child) = started(folder.path()).await;
    assert!(lives(&parent) && lives(&child));
    cancel.cancel();
    assert_eq!(attempt.await.unwrap(), AttemptOutcome::Canceled);
    gone(&parent).await;
    gone(&child).await;
}

#[tokio::test]
async fn at_the_deadline_the_group_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut fixture = shell(WAITS_FOR_EVER);
    fixture.deadline = Some(SystemClock.now().plus_ms(300));
    let task = fixture.task(&json!({}));
    let cancel = task.cancel.clone();
    let here = executors(in_folder(folder.path()));
    let attempt = tokio::spawn(async move { here.attempt(task).await });
    let (parent, child) = started(folder.path()).await;
    gone(&parent).await;
    gone(&child).await;
    assert!(!attempt.is_finished(), "whether it timed out is the engine's to say");
    cancel.cancel();
    assert_eq!(attempt.await.unwrap(), AttemptOutcome::Canceled);
}

#[tokio::test]
async fn a_dropped_attempt_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let task = shell(WAITS_FOR_EVER).task(&json!({}));
    let here = executors(in_folder(folder.path()));
    let attempt = tokio::spawn(async move { here.attempt(task).await });
    let (parent, child) = started(folder.path()).await;
    attempt.abort();
    gone(&parent).await;
    gone(&child).await;
}

#[tokio::test]
async fn what_a_script_leaves_running_does_not_hold_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let task = shell("sleep 1000 & echo $! > child; echo 7").result(INT).task(&json!({}));
    let outcome = executors(in_folder(folder.path())).attempt(task).await;
    assert_eq!(completed(outcome), json!(7));
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    gone(child.trim()).await;
}

#[tokio::test]
async fn arguments_nobody_reads_do_not_matter() {
    let text = "x".repeat(1 << 20);
    let task = shell("exec 0<&-; echo 7").param("text", STRING).result(INT).task(&json!({ "text": text }));
    assert_eq!(completed(run(task).await), json!(7));
}
