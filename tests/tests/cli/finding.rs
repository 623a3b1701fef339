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
        let (code, _, err) = ask(dir.path(), &address, &["start", "order", &format!("city={city}"), "--id", id]);
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
