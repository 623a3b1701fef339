//! `weft list --filter` and `weft count`: what docs/finding-runs.md says.

use super::*;

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/finding-runs.md");

/// The blocks of the manual in a language.
fn blocks(language: &str) -> Vec<String> {
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    let begins = format!("```{language}\n");
    manual.split(&begins).skip(1).filter_map(|block| Some(block.split_once("\n```")?.0.to_owned())).collect()
}

/// The program of the manual, with a body that waits, and three runs of it: one closed, two open.
fn orders() -> (TempDir, Background, String) {
    let dir = tempfile::tempdir().unwrap();
    let program = blocks("wf").remove(0).replace(
        "  // …\n",
        "  state over = false\n  signal pack(n: Int) { bags += n; tags = tags.push(\"express\") }\n  signal ship() { stage = Stage.Shipped; over = true }\n  wait until over\n",
    );
    std::fs::write(dir.path().join("order.wf"), program).unwrap();
    let (dev, address) = dev(dir.path());
    for (id, city) in [("a", "Köln"), ("b", "Bonn"), ("c", "Ulm")] {
        let (code, _, err) = ask(dir.path(), &address, &["start", "order", &format!("to={city}"), "--id", id]);
        assert_eq!(code, 0, "{err}");
    }
    assert_eq!(ask(dir.path(), &address, &["signal", "a", "pack", "n=4"]).0, 0);
    assert_eq!(ask(dir.path(), &address, &["signal", "b", "ship"]).0, 0);
    assert_eq!(ask(dir.path(), &address, &["result", "b"]).0, 0);
    (dir, dev, address)
}

#[test]
fn filters_find_runs_and_count_them() {
    let (dir, _dev, address) = orders();
    let ids = |filter: &str| {
        let (code, out, err) = ask(dir.path(), &address, &["list", "--filter", filter, "--json"]);
        assert_eq!(code, 0, "{filter}: {err}");
        let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["workflow_id"].clone());
        rows.filter_map(|id| id.as_str().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("workflow = 'order'"), "c b a", "the newest start first");
    assert_eq!(ids("bags >= 3"), "a");
    assert_eq!(ids("stage = Shipped and status = Completed"), "b");
    assert_eq!(ids("state.status = 'new' and closed is null"), "c a");
    assert_eq!(ids("tags = 'express' or duration < 1h"), "b a");
    let examples: Vec<String> = blocks("filter").iter().flat_map(|block| block.lines().map(String::from)).collect();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in &examples {
        ids(example);
    }

    let count = |words: &[&str]| ask(dir.path(), &address, &[&["count"], words].concat());
    assert_eq!(count(&[]).1, "3\n");
    assert_eq!(count(&["--filter", "bags = 0"]).1, "2\n");
    assert_eq!(count(&["--filter", "bags = 0", "--status", "completed"]).1, "1\n");
    let (_, out, _) = count(&["--by", "status"]);
    assert_eq!(
        out.split_whitespace().collect::<Vec<_>>(),
        ["STATUS", "RUNS", "Completed", "1", "Running", "2", "all", "3"]
    );
    let (_, out, _) = count(&["--by", "workflow", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        json!({ "count": 3, "groups": [{ "group": "order", "count": 3 }] })
    );
}

#[test]
fn a_wrong_filter_is_told_with_its_place() {
    let (dir, _dev, address) = orders();
    for command in ["list", "count"] {
        let (code, out, err) = ask(dir.path(), &address, &[command, "--filter", "bagz >= 3"]);
        assert_eq!((code, out.as_str()), (5, ""), "{err}");
        assert!(err.contains("column 1 of the filter: no workflow here has a search attribute `bagz`"), "{err}");
        assert!(err.contains("did you mean `bags`?"), "{err}");
    }
    // Another project of the namespace that says `bags` is a text.
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("trip.wf"), "workflow trip() {\n  indexed state bags = \"two\"\n}\n").unwrap();
    let (code, _, err) = ask(other.path(), &address, &["deploy", "trip.wf"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("the search attribute `bags` of namespace `default` has two types"), "{err}");
    assert!(err.contains("Int in workflow `order`") && err.contains("String in workflow `trip`"), "{err}");
}

#[test]
fn many_runs_are_told_at_once() {
    let (dir, _dev, address) = orders();
    let run = |words: &[&str]| ask(dir.path(), &address, words);
    let (code, out, err) = run(&["signal", "--filter", "bags >= 0", "pack", "n=2"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("this would signal 2 open runs") && err.contains("--yes"), "{err}");
    assert_eq!(run(&["count", "--filter", "bags = 0"]).1, "2\n", "nothing was done");

    let (code, _, err) = run(&["signal", "--filter", "bags >= 0", "pack", "n=2", "--yes", "--batch", "b1"]);
    assert!(code == 0 && err.contains("2 done, 0 had ended before, 0 refused (batch b1)"), "{code} {err}");
    assert_eq!(run(&["query", "a", "bags"]).1, "6\n");
    assert_eq!(run(&["query", "c", "bags"]).1, "2\n");
    // The same batch once more does nothing twice.
    assert_eq!(run(&["signal", "--filter", "bags >= 0", "pack", "n=2", "--yes", "--batch", "b1", "--rps", "1"]).0, 0);
    assert_eq!(run(&["query", "a", "bags"]).1, "6\n");
    let (code, _, err) = run(&["signal", "--filter", "bags >= 0", "pakc", "n=2", "--yes"]);
    assert!(code == 5 && err.contains("did you mean `pack`?"), "{code} {err}");

    let (code, out, _) = run(&["cancel", "--filter", "bags = 6", "--reason", "enough", "--yes", "--json"]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (0, 2), "{out}");
    assert_eq!((&lines[0]["workflow_id"], &lines[0]["outcome"]), (&json!("a"), &json!("done")));
    assert_eq!((&lines[1]["done"], &lines[1]["refused"]), (&json!(1), &json!(0)));
    assert_eq!(run(&["result", "a"]).0, 1);
    assert!(run(&["show", "a", "--plain"]).1.contains("CancelRequested enough"));
    let (code, _, err) = run(&["terminate", "--filter", "workflow = 'order'", "--yes"]);
    assert!(code == 0 && err.contains("1 done"), "{code} {err}");
    assert_eq!(run(&["count", "--status", "running"]).1, "0\n");
    let (code, _, err) = run(&["delete", "--filter", "stage = Shipped or bags = 6"]);
    assert!(code == 2 && err.contains("this would delete 2 runs"), "{code} {err}");
    let (code, _, err) = run(&["delete", "--filter", "stage = Shipped or bags = 6", "--yes"]);
    assert!(code == 0 && err.contains("2 done"), "{code} {err}");
    assert_eq!(run(&["count"]).1, "1\n", "closed runs go, too");

    // Only an older run of the id is meant: the open one, which is not, keeps the id.
    assert_eq!(run(&["start", "order", "to=Rom", "--id", "c", "--on-closed", "allow"]).0, 0);
    let (code, _, err) = run(&["delete", "--filter", "status = Terminated", "--yes"]);
    assert!(code == 5 && err.contains("0 done") && err.contains("`c`: newer_run:"), "{code} {err}");
    assert_eq!(run(&["query", "c", "bags"]).1, "0\n");
    assert_eq!(run(&["terminate", "--filter", " ", "--yes"]).0, 2, "not everything by accident");
    assert_eq!(run(&["terminate"]).0, 2);
}

#[test]
fn namespaces_hold_their_own() {
    let (dir, _dev, address) = orders();
    let run = |words: &[&str]| ask(dir.path(), &address, words);
    let (code, _, err) = run(&["list", "--namespace", "lab"]);
    assert!(code == 5 && err.contains("there is no namespace `lab`"), "{code} {err}");
    assert!(err.contains("weft namespace create lab"), "{err}");
    for words in [&["deploy", "order.wf"][..], &["start", "order", "to=x"], &["describe", "a"], &["count"]] {
        let (code, _, err) = run(&[words, &["--namespace", "lab"]].concat());
        assert!(code == 5 && err.contains("no namespace `lab`"), "{words:?}: {code} {err}");
    }

    let (code, _, err) = run(&["namespace", "create", "lab", "--description", "to try things"]);
    assert!(code == 0 && err.contains("namespace `lab` is created; closed runs are kept for 30d"), "{code} {err}");
    let (code, _, err) = run(&["namespace", "create", "lab"]);
    assert!(code == 5 && err.contains("there is a namespace `lab` already"), "{code} {err}");
    assert_eq!(run(&["namespace", "create", "two words"]).0, 2);
    assert_eq!(run(&["namespace", "create", "x", "--retention", "1ms"]).0, 2);
    assert_eq!(run(&["deploy", "order.wf", "--namespace", "lab"]).0, 0);
    assert_eq!(run(&["start", "order", "to=Rom", "--id", "a", "--namespace", "lab"]).0, 0);
    let city = |namespace: &str| {
        let (_, out, _) = run(&["show", "a", "--plain", "--namespace", namespace]);
        out.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(city("lab"), r#"1 RunStarted order {"to":"Rom"}"#, "an id is one of its namespace");
    assert_eq!(city("default"), r#"1 RunStarted order {"to":"Köln"}"#);
    assert_eq!(run(&["count", "--namespace", "lab"]).1, "1\n");
    let (_, out, _) = run(&["namespace", "describe", "lab", "--json"]);
    let described: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&described["retention"], &described["workflows"]), (&json!("30d"), &json!(["order"])));
    assert_eq!(described["attributes"]["tags"], "List<String>");
    let (_, out, _) = run(&["namespace", "list", "--json"]);
    let names: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone()).collect();
    assert_eq!(names, ["default", "lab"]);

    // What has ended is gone when its time has come.
    assert_eq!(run(&["signal", "a", "ship", "--namespace", "lab"]).0, 0);
    assert_eq!(run(&["result", "a", "--namespace", "lab"]).0, 0);
    assert_eq!(run(&["start", "order", "to=Rom", "--id", "b", "--namespace", "lab"]).0, 0);
    let (code, _, err) = run(&["namespace", "delete", "lab"]);
    assert!(code == 5 && err.contains("1 run is open in the namespace `lab`"), "{code} {err}");
    let (code, _, err) = run(&["namespace", "update", "lab", "--retention", "1s"]);
    assert!(code == 0 && err.contains("kept for 1s"), "{code} {err}");
    let deadline = std::time::Instant::now() + MAX;
    while run(&["describe", "a", "--namespace", "lab"]).0 != 5 {
        assert!(std::time::Instant::now() < deadline, "a run that was kept long enough is still there");
    }
    assert_eq!(run(&["list", "--namespace", "lab", "--json"]).1.lines().count(), 1);
    assert_eq!(run(&["describe", "b"]).0, 0, "other namespaces keep theirs");

    assert_eq!(run(&["terminate", "b", "--namespace", "lab"]).0, 0);
    assert_eq!(run(&["namespace", "delete", "lab"]).0, 0);
    assert_eq!(run(&["list", "--namespace", "lab"]).0, 5);
    assert_eq!(run(&["namespace", "delete", "default"]).0, 5);
    while run(&["namespace", "create", "lab"]).0 != 0 {
        assert!(std::time::Instant::now() < deadline, "the name of a namespace that is gone is free");
    }
    assert_eq!(run(&["list", "--namespace", "lab", "--json"]).1, "", "and nothing of it is left");
}
