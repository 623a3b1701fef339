//! `weft bench` as scripts use it: one JSON object with the promised fields, whose figures agree with one another.

use serde_json::Value;
use weft_tests::server::run_weft;

fn bench(store: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "--store", store, "--steps", "4", "--inflight", "8", "--seconds", "1", "--json"];
    let (code, out, err) = run_weft(folder.path(), &args);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out.lines().count(), 1, "one object and nothing else: {out}");
    serde_json::from_str(&out).unwrap()
}

fn number(found: &Value, field: &str) -> f64 {
    found[field].as_f64().unwrap_or_else(|| panic!("{field} is no number: {found}"))
}

fn check(found: &Value) {
    for field in [
        "workflows_per_s",
        "steps_per_s",
        "step_p50_ms",
        "step_p99_ms",
        "cpu_us_per_step",
        "log_bytes_per_step",
        "single_row_commits_per_s",
        "single_row_commit_p50_ms",
        "chunk_events_per_s",
        "steps_in_log",
    ] {
        assert!(number(found, field) > 0.0, "{field}: {found}");
    }
    assert_eq!(found["durable"], true);
    assert_eq!(found["steps_in_log"], found["steps_claimed"]);
    let per_workflow = number(found, "steps_per_s") / number(found, "workflows_per_s");
    assert!((3.99..4.01).contains(&per_workflow), "{found}");
    assert!(number(found, "step_p50_ms") <= number(found, "step_p99_ms"));
    assert!(number(found, "chunk_events_per_s") > number(found, "single_row_commits_per_s"));
}

#[test]
fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("bench.db").display());
    let found = bench(&store);
    check(&found);
    assert_eq!(found["durability"]["synchronous"], "FULL");
    // The same store again: only the runs of this bench are counted.
    check(&bench(&store));
}

#[tokio::test]
async fn on_postgres() {
    let database = weft_tests::postgres::database().await;
    let url = database.url().to_string();
    let found = tokio::task::spawn_blocking(move || bench(&url)).await.unwrap();
    check(&found);
    assert_eq!(found["durability"]["fsync"], "on");
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let port = weft_tests::server::free_port();
    let away = format!("postgres://me:s3cret@127.0.0.1:{port}/x");
    let (code, out, err) = run_weft(folder.path(), &["bench", "--store", &away, "--seconds", "1"]);
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    assert!(err.contains(&port.to_string()) && !err.contains("s3cret"), "{err}");
    let (code, _, err) = run_weft(folder.path(), &["bench", "--store", "floppy:a", "--seconds", "1"]);
    assert_eq!(code, 5, "{err}");
}
