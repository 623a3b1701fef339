//! Limits from outside: whoever reaches one is told its name, and nothing is lost. What a program does to itself parks its
//! run, and `describe` has the name.

use super::*;

const PROGRAM: &str = r#"
activity work(n: Int) with { queue: "q", timeout: 1h }

workflow desk(id: String) with { id: "{id}" } {
  state open = false
  state last = ""
  signal mail(text: String)
  signal poke(text: String) { last = text }
  signal go() { open = true }
  update slow(n: Int) -> Int with { concurrent: true } {
    wait until open
    return n
  }
  wait until open
  receive mail
}

workflow wide(n: Int) with { id: "wide" } {
  parallel for i in 0..n { work(i) }
}

workflow tagged(id: String, text: String, more: String) with { id: "{id}" } {
  indexed state a = text
  indexed state b = more
  indexed state c = more
  sleep 1h
}
"#;

const LIMITS: &str = "edition = \"2026\"\n\n[limits]\npayload_bytes_max = 8000\nrequest_bytes_max = 20000\n\
    workflow_id_bytes_max = 20\npending_commands_max = 5\nmailbox_messages_max = 3\nupdates_in_flight_max = 2\n\
    history_bytes_max = 30000\nattribute_bytes_max = 1000\nattributes_bytes_max = 2500\n";

#[test]
fn whoever_reaches_a_limit_is_told_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("desk.wf"), PROGRAM).unwrap();
    std::fs::write(dir.path().join("weft.toml"), LIMITS).unwrap();
    let (_dev, address) = dev(dir.path());
    let run = |words: &[&str]| ask(dir.path(), &address, words);
    let named = |words: &[&str], limit: &str| {
        let (code, _, err) = run(words);
        assert!(matches!(code, 2 | 5), "{words:?}: {code} {err}");
        assert!(err.contains(limit), "{words:?}: {err}");
    };
    let text = |bytes: usize| format!("text={}", "x".repeat(bytes));

    named(&["start", "desk", &format!("id={}", "d".repeat(21))], "workflow_id_bytes_max");
    assert_eq!(run(&["start", "desk", "id=d"]).0, 0);
    named(&["signal", "d", "poke", &text(8_001)], "payload_bytes_max");
    named(&["signal", "d", "poke", &text(20_001)], "request_bytes_max");
    for _ in 0..3 {
        assert_eq!(run(&["signal", "d", "mail", "text=x"]).0, 0);
    }
    named(&["signal", "d", "mail", "text=x"], "mailbox_messages_max");
    for n in ["n=1", "n=2"] {
        assert_eq!(run(&["update", "d", "slow", n, "--wait", "accepted"]).0, 0);
    }
    named(&["update", "d", "slow", "n=3", "--wait", "accepted"], "updates_in_flight_max");
    let long = format!("workflow = '{}'", "x".repeat(17_000));
    named(&["list", "--filter", &long], "FILTER_BYTES_MAX");
    // Nothing of what was refused is in the history, and the run goes on.
    let (_, history, _) = run(&["show", "d", "--plain"]);
    assert_eq!(history.lines().count(), 6, "{history}");

    let stuck = |id: &str, limit: &str| {
        let deadline = std::time::Instant::now() + MAX;
        loop {
            let (_, out, _) = run(&["describe", id]);
            if out.contains(limit) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "`{id}` is not stuck by `{limit}`:\n{out}");
        }
    };
    assert_eq!(run(&["start", "wide", "n=6"]).0, 0);
    stuck("wide", "pending_commands_max");
    for (id, a, b, limit) in [("one", 1_100, 1, "attribute_bytes_max"), ("all", 900, 900, "attributes_bytes_max")] {
        let (more, id_arg) = (format!("more={}", "y".repeat(b)), format!("id={id}"));
        assert_eq!(run(&["start", "tagged", &id_arg, &text(a), &more]).0, 0);
        stuck(id, limit);
    }
    for _ in 0..4 {
        assert_eq!(run(&["signal", "d", "poke", &text(7_900)]).0, 0);
    }
    stuck("d", "history_bytes_max");
    assert_eq!(run(&["count", "--filter", "stuck"]).1, "4\n");
}
