//! Runs in the middle of a long computation.

use super::*;

fn spinning(n: i64) -> Key {
    Key { namespace: "default".into(), workflow_id: WorkflowId::from(format!("spin-{n}").as_str()), run_id: None }
}

fn spin(bench: &mut Bench) {
    bench.start_as(serde_json::from_value(json!({ "workflow": "spin", "args": { "n": 1 } })).unwrap());
    bench.fly();
    bench.partition.committed();
    bench.partition.outputs().for_each(drop);
}

fn go() -> Request {
    Request::Signal { key: spinning(1), name: "go".into(), args: json!({}), request_id: None }
}

#[test]
fn what_comes_meanwhile_gives_a_run_no_second_place() {
    let mut bench = Bench::new();
    spin(&mut bench);
    assert_eq!(bench.partition.again.len(), 1);
    for _ in 0..10 {
        bench.ask(go());
    }
    assert_eq!(bench.partition.again.len(), 1);
    bench.partition.go_on(NOW);
    assert_eq!(bench.partition.again.len(), 1, "and keeps its own");
    bench.ask(Request::Terminate { key: spinning(1), reason: "enough".into() });
    bench.partition.go_on(NOW);
    assert!(!bench.partition.has_more());
}

#[test]
fn what_came_too_late_is_told_which_run_has_closed() {
    let mut bench = Bench::new();
    spin(&mut bench);
    let waiting = bench.ask(go());
    bench.ask(Request::Terminate { key: spinning(1), reason: "enough".into() });
    bench.fly();
    bench.partition.committed();
    let answer = bench.partition.outputs().find_map(|output| match output {
        Output::Reply(to, answer) if to == waiting => Some(answer.unwrap_err()),
        _ => None,
    });
    let error = answer.expect("it is answered");
    assert_eq!(error.code, "run_closed");
    assert!(error.message.contains("spin-1"), "{}", error.message);
}
