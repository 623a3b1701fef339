//! What `weft run` keeps in a folder: how it goes on, what else goes on, and how it is looked at when nothing runs.

use super::*;

/// Starts `asks` for somebody and interrupts it; what was said.
fn interrupted(dir: &Path, who: &str) -> String {
    let address = format!("127.0.0.1:{}", free_port());
    let mut run = Background::start(dir, &["run", "shop.wf", "asks", &format!("who={who}"), "--listen", &address]);
    let err = BufReader::new(run.0.stderr.take().unwrap());
    let mut said = String::new();
    for line in err.lines() {
        let line = line.unwrap();
        if line.contains("answer it with") {
            run.signal(Signal::SIGINT);
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert_eq!(run.end().0, 130);
    said
}

/// Answers `asks` of somebody while a `weft run` serves it.
fn answer(dir: &Path, address: &str, id: &str) {
    let (code, _, err) = ask(dir, address, &["signal", id, "reply", "text=yes"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn the_hint_continues_and_never_starts_anew() {
    let dir = project();
    let said = interrupted(dir.path(), "eve");
    let hint = said.lines().last().unwrap().trim();
    assert!(hint.ends_with("weft run shop.wf --continue asks-eve"), "{said}");
    let words = ["run", "shop.wf", "--continue", "asks-eve"];

    let port = format!("127.0.0.1:{}", free_port());
    let mut run = Background::start(dir.path(), &[&words[..], &["--listen", &port]].concat());
    let said = run.until("answer it with");
    assert!(said.starts_with("continued asks-eve"), "{said}");
    answer(dir.path(), &format!("http://{port}"), "asks-eve");
    assert_eq!(run.end(), (0, "\"eve: yes\"\n".to_owned()));

    // It has ended meanwhile: its result, and nothing is started.
    for _ in 0..2 {
        let (code, out, err) = run_weft(dir.path(), &words);
        assert_eq!((code, out.as_str()), (0, "\"eve: yes\"\n"), "{err}");
        assert!(err.contains("`asks-eve` completed before; nothing is started"), "{err}");
    }
    let (_, out, _) = run_weft(dir.path(), &["list", "--data", ".weft", "--json"]);
    assert_eq!(out.lines().count(), 1, "one run was ever started: {out}");

    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "--continue", "nobody"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("list --data .weft"), "{err}");
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "asks", "who=eve", "--continue", "asks-eve"]);
    assert_eq!(code, 2, "what goes on takes no arguments: {err}");
}

#[test]
fn other_open_runs_that_go_on_are_named() {
    let dir = project();
    for who in ["ann", "bob"] {
        interrupted(dir.path(), who);
    }
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "name=x"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("note: also continuing 2 open runs of this folder: asks-ann, asks-bob\n"), "{err}");
    let said = interrupted(dir.path(), "bob");
    assert!(said.contains("note: also continuing 1 open run of this folder: asks-ann\n"), "{said}");
    let (_, _, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "name=x", "--json"]);
    let notes: Vec<Value> = err.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let others = notes.iter().find(|n| n["note"]["code"] == "also_continuing").unwrap();
    assert_eq!((&others["note"]["count"], &others["note"]["runs"]), (&json!(2), &json!(["asks-ann", "asks-bob"])));
}

#[test]
fn what_an_open_run_does_not_go_by_is_said() {
    let dir = project();
    let run = |args: &[&str]| -> String {
        let listen = format!("127.0.0.1:{}", free_port());
        let args = [&["run", "shop.wf"], args, &["--id", "one", "--listen", &listen]].concat();
        let mut run = Background::start(dir.path(), &args);
        let said = run.until("answer it with");
        run.signal(Signal::SIGTERM);
        run.end();
        said
    };
    let said = run(&["asks", "who=ann"]);
    assert!(!said.contains("note"), "{said}");
    let said = run(&["asks", "who=ann"]);
    assert!(said.contains("continued one") && !said.contains("note"), "the same again: {said}");
    let said = run(&["asks", "who=bob"]);
    assert!(said.contains("arguments it was started with, {\"who\":\"ann\"}; not used: {\"who\":\"bob\"}"), "{said}");
    std::fs::write(dir.path().join("shop.wf"), format!("{PROGRAM}\nworkflow more() -> Int {{ return 1 }}\n")).unwrap();
    let said = run(&["asks", "who=ann"]);
    assert!(
        said.contains("the code has changed since the run was started; the run goes on with the code it has"),
        "{said}"
    );
    let said = run(&["hello", "name=x"]);
    assert!(said.contains("this is a run of workflow `asks`, not of `hello`"), "{said}");
}

#[test]
fn a_folder_is_one_project_whatever_is_run_of_it() {
    let dir = project();
    let hello = |path: &str| run_weft(dir.path(), &["run", path, "hello", "name=ann"]);
    for path in ["shop.wf", ".", "shop.wf"] {
        let (code, out, err) = hello(path);
        assert_eq!((code, out.as_str()), (0, "\"hello ann 1\"\n"), "weft run {path}: {err}");
    }
    std::fs::rename(dir.path().join("shop.wf"), dir.path().join("store.wf")).unwrap();
    assert_eq!(hello("store.wf").0, 0, "after a file was renamed");
    std::fs::write(dir.path().join("weft.toml"), "name = \"something\"\n").unwrap();
    assert_eq!(hello("store.wf").0, 0, "and after the project was given a name");
}

#[test]
fn what_a_program_logs_is_shown_where_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let text = "workflow w(n: Int) -> Int {\n  log.debug(\"low {n}\")\n  log.info(\"begun {n}\")\n  log.warn(\"late {n}\")\n  return n\n}\n";
    std::fs::write(dir.path().join("w.wf"), text).unwrap();
    let (code, out, err) = run_weft(dir.path(), &["run", "w.wf", "n=7", "--ephemeral"]);
    assert_eq!((code, out.as_str()), (0, "7\n"), "{err}");
    assert!(err.contains("begun 7") && err.contains("late 7") && !err.contains("low 7"), "{err}");
}

#[test]
fn a_folder_is_looked_at_when_nothing_runs() {
    let dir = project();
    assert_eq!(run_weft(dir.path(), &["run", "shop.wf", "refuses", "code=7", "--id", "r"]).0, 1);
    interrupted(dir.path(), "eve");
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "overflows", "n=1"]);
    assert_eq!(code, 1, "{err}");
    let go_on = err.lines().last().unwrap().trim();
    let stuck = go_on.split_once("--continue ").expect("the command with its id").1;
    assert!(stuck.starts_with("overflows-"), "{err}");

    let look = |args: &[&str]| run_weft(dir.path(), &[args, &["--data", ".weft"]].concat());
    let (code, out, err) = look(&["list"]);
    assert_eq!((code, out.lines().count()), (0, 4), "{out}{err}");
    assert!(err.contains("looking at .weft, which nothing serves now"), "{err}");
    let (code, out, _) = look(&["show", "asks-eve", "--plain"]);
    assert_eq!((code, out.as_str()), (0, "1 RunStarted asks {\"who\":\"eve\"}\n"));
    let (code, out, _) = look(&["describe", "asks-eve"]);
    assert!(code == 0 && out.contains("waits for"), "{out}");
    let (code, out, _) = look(&["query", "asks-eve", "answer"]);
    assert_eq!((code, out.as_str()), (0, "null\n"));
    let (code, _, err) = look(&["result", "asks-eve"]);
    assert_eq!(code, 6, "nobody waits for what does not go on: {err}");
    assert!(err.contains("--continue asks-eve"), "{err}");
    let (code, _, err) = look(&["result", "r"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("weft show r --data .weft"), "{err}");
    let (code, _, err) = look(&["result", stuck]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(&format!("--continue {stuck}")), "{err}");
    assert_eq!(look(&["show", "asks-eve", "--follow"]).0, 0, "nothing is waited for");

    let (code, _, err) = run_weft(dir.path(), &["list", "--data", "elsewhere"]);
    assert_eq!(code, 5, "{err}");
    assert!(!dir.path().join("elsewhere").exists());
}

#[test]
fn hints_of_a_run_work_when_it_is_over() {
    let dir = project();
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "refuses", "code=7", "--id", "a b"]);
    assert_eq!(code, 1, "{err}");
    let hint = err.lines().find_map(|l| l.split_once("weft show ")).expect("a hint").1;
    assert_eq!(hint, "'a b' --data .weft shows how it came to that");
    let (code, out, _) = run_weft(dir.path(), &["show", "a b", "--data", ".weft", "--plain"]);
    assert!(code == 0 && out.contains("RunFailed"), "{out}");
    let (_, _, err) = run_weft(dir.path(), &["run", "shop.wf", "refuses", "code=7", "--ephemeral"]);
    assert!(!err.contains("weft show") && err.contains("nothing of it is kept"), "{err}");
}

#[test]
fn a_folder_that_is_served_is_asked_where_it_is() {
    let dir = project();
    let address = format!("127.0.0.1:{}", free_port());
    let mut run = Background::start(dir.path(), &["run", "shop.wf", "asks", "who=eve", "--listen", &address]);
    run.until("answer it with");
    let (code, out, err) = run_weft(dir.path(), &["list", "--data", ".weft", "--json"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{err}");
    assert!(!err.contains("nothing serves"), "{err}");
    answer(dir.path(), &format!("http://{address}"), "asks-eve");
    assert_eq!(run.end().0, 0);
}

#[test]
fn a_clean_end_leaves_one_whole_file() {
    let dir = project();
    assert_eq!(run_weft(dir.path(), &["run", "shop.wf", "hello", "name=ann"]).0, 0);
    let left = std::fs::metadata(dir.path().join(".weft/weft.db-wal")).map_or(0, |file| file.len());
    assert_eq!(left, 0, "what was written is in weft.db");
    // So a copy of the file alone is whole.
    std::fs::create_dir(dir.path().join("copy")).unwrap();
    std::fs::copy(dir.path().join(".weft/weft.db"), dir.path().join("copy/weft.db")).unwrap();
    let (code, out, err) = run_weft(dir.path(), &["list", "--data", "copy", "--json"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{err}");
}

#[test]
fn with_json_a_result_has_one_shape_and_talk_is_json() {
    let dir = project();
    for (args, code, status) in [
        (&["hello", "name=ann"][..], 0, "Completed"),
        (&["refuses", "code=7"], 1, "Failed"),
        (&["overflows", "n=1"], 1, "Running"),
    ] {
        let (got, out, err) = run_weft(dir.path(), &[&["run", "shop.wf"], args, &["--json"]].concat());
        let reply: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}{err}"));
        assert_eq!((got, &reply["status"]), (code, &json!(status)), "{args:?}: {out}{err}");
        let id = reply["workflow_id"].as_str().unwrap();
        let again = run_weft(dir.path(), &["result", id, "--data", ".weft", "--json"]);
        let again: Value = serde_json::from_str(&again.1).unwrap();
        assert_eq!((&again["status"], &again["result"]), (&reply["status"], &reply["result"]));
        let lines: Vec<Value> = err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(lines[0]["run"]["workflow_id"], id, "{err}");
    }
}
