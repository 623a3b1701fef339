//! `weft update`: what it prints, how it ends, and that asking again does nothing twice.

use super::*;

const TRIP: &str = r#"
error TooHeavy { kg: Int }

workflow trip() -> Int with { id: "trip" } {
  pub state weight: Int = 0
  state open = false
  state closed = false
  signal gate() { open = true }
  update add_bag(kg: Int) -> Int throws TooHeavy check { if kg > 32 { throw TooHeavy(kg: kg) } } {
    weight += kg
    return weight
  }
  update board(name: String) -> String {
    wait until open
    return "welcome, {name}"
  }
  update close() { closed = true }
  update overflow() { weight += 9_223_372_036_854_775_807 }
  wait until closed
  return weight
}
"#;

fn trip() -> (TempDir, Background, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("trip.wf"), TRIP).unwrap();
    let (dev, address) = dev(dir.path());
    let (code, _, err) = ask(dir.path(), &address, &["start", "trip"]);
    assert_eq!(code, 0, "{err}");
    (dir, dev, address)
}

#[test]
fn an_update_prints_its_result_alone() {
    let (dir, _dev, address) = trip();
    let update = |words: &[&str]| ask(dir.path(), &address, &[&["update", "trip"], words].concat());
    assert_eq!(update(&["add_bag", "kg=20"]).1, "20\n");
    let (code, out, err) = update(&["add_bag", "kg=33"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("`trip` refused update `add_bag`") && err.contains(r#"TooHeavy {"kg":33}"#), "{err}");
    let (code, out, _) = update(&["add_bag", "kg=33", "--json"]);
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &reply["status"], &reply["failure"]["type"]), (1, &json!("Rejected"), &json!("TooHeavy")));
    let (code, _, err) = update(&["add_bag", "kg=many"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = update(&["add_bags", "kg=1"]);
    assert!(code == 5 && err.contains("did you mean `add_bag`?"), "{err}");
    let (code, _, err) = update(&["add_bag", "kg=1", "--wait", "ended"]);
    assert_eq!(code, 2, "{err}");
    assert_eq!(update(&["close"]).1, "null\n");
    let (code, _, err) = update(&["close"]);
    assert!(code == 5 && err.contains("has ended"), "{err}");
    assert_eq!(ask(dir.path(), &address, &["result", "trip"]).1, "20\n");
}

#[test]
fn asking_again_waits_on_and_does_nothing_twice() {
    let (dir, _dev, address) = trip();
    let update = |words: &[&str]| ask(dir.path(), &address, &[&["update", "trip"], words].concat());
    let (code, out, err) = update(&["board", "name=ann", "--id", "ann-1", "--wait", "accepted"]);
    assert_eq!((code, out.as_str()), (0, "ann-1\n"), "{err}");
    let (code, id, err) = update(&["board", "name=bob", "--wait", "accepted"]);
    assert_eq!((code, id.trim().len()), (0, 32), "an id is made up: {err}");
    let (code, out, err) = update(&["board", "name=ann", "--id", "ann-1", "--wait", "1ms"]);
    assert_eq!((code, out.as_str()), (6, ""), "{err}");
    assert!(err.contains("is still running") && err.contains("--id ann-1"), "{err}");
    let (_, out, _) = ask(dir.path(), &address, &["describe", "trip"]);
    assert!(out.contains("board `ann-1` (event 2, fiber u1)") && out.contains("waits for its turn"), "{out}");
    assert_eq!(ask(dir.path(), &address, &["signal", "trip", "gate"]).0, 0);
    assert_eq!(update(&["board", "name=ann", "--id", "ann-1"]).1, "\"welcome, ann\"\n");
    assert_eq!(update(&["board", "name=carl", "--id", "ann-1"]).1, "\"welcome, ann\"\n", "it is the same update");
    assert_eq!(update(&["board", "name=bob", "--id", id.trim()]).1, "\"welcome, bob\"\n");
    let (_, out, _) = ask(dir.path(), &address, &["show", "trip", "--plain"]);
    assert_eq!(out.matches("UpdateAccepted").count(), 2, "{out}");
}

#[test]
fn one_that_gets_stuck_says_so() {
    let (dir, _dev, address) = trip();
    let update = |words: &[&str]| ask(dir.path(), &address, &[&["update", "trip"], words].concat());
    assert_eq!(update(&["add_bag", "kg=1"]).0, 0);
    let (code, out, err) = update(&["overflow"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("is stuck at trip.wf") && err.contains("the update goes on with the run"), "{err}");
    let (code, _, err) = update(&["add_bag", "kg=1"]);
    assert!(code == 5 && err.contains("takes no updates"), "{err}");
}
