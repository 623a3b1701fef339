//! Runs in the middle of a long computation.

use weft_protocol::moving::Unmoved;

use super::*;
use crate::partition::request::Trying;

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

/// A schedule asks once: as long as it lives, it does not ask again.
#[test]
fn a_cancel_by_a_schedule_waits_however_much_else_does() {
    let mut bench = Bench::new();
    bench.partition.setup.limits = Arc::new(Limits { mailbox_messages_max: 2, ..Limits::default() });
    spin(&mut bench);
    for _ in 0..3 {
        bench.ask(go());
    }
    let waiting = |bench: &Bench| bench.partition.runs.values().map(|open| open.deferred.len()).sum::<usize>();
    assert_eq!(waiting(&bench), 2, "the third signal is refused");
    let to = bench.partition.runs.values().next().unwrap().run.me().clone();
    let (namespace, reason, request_id) = ("default".into(), String::new(), String::from("schedule/s/1/2"));
    bench.partition.receive(request::Message::Cancel { namespace, to, reason, from: None, request_id }, NOW);
    assert_eq!(waiting(&bench), 3);
}

/// A run that divides by zero.
fn stuck(bench: &mut Bench, n: i64) {
    bench.start_as(serde_json::from_value(json!({ "workflow": "odd", "args": { "n": n } })).unwrap());
    bench.fly();
    bench.partition.committed();
    let dispatched = bench.partition.outputs().find_map(|output| match output {
        Output::Dispatch(attempt) => Some(attempt),
        _ => None,
    });
    bench.ask(Request::EndAttempt {
        namespace: "default".into(),
        attempt: dispatched.unwrap(),
        outcome: WorkerOutcome::Completed(json!(1)),
    });
    bench.fly();
    bench.partition.committed();
    bench.partition.outputs().for_each(drop);
}

#[test]
fn a_deploy_moves_one_stuck_run_at_a_time() {
    let mut bench = Bench::new();
    (1..=3).for_each(|n| stuck(&mut bench, n));
    let left = |bench: &Bench| bench.partition.runs.values().filter(|open| open.run.is_stuck()).count();
    assert_eq!(left(&bench), 3);
    let program = bench.partition.setup.programs.keep(Loaded::new(crate::fixture::program(true)).unwrap());
    let deploy = bench.ask(Request::Try { namespace: "default".into(), program, trying: Trying::Stuck });
    assert_eq!(left(&bench), 3, "each is replayed: others have their turn between them");
    for after in [2, 1] {
        bench.partition.go_on(NOW);
        assert_eq!(left(&bench), after);
        assert!(bench.partition.has_more());
    }
    bench.ask(Request::Terminate {
        key: Key { workflow_id: WorkflowId::from("odd-3"), ..key(3) },
        reason: "enough".into(),
    });
    bench.partition.go_on(NOW);
    assert!(!bench.partition.has_more());
    bench.fly();
    bench.partition.committed();
    let answer = bench.partition.outputs().find_map(|output| match output {
        Output::Reply(to, Ok(Answer::Tried(tried))) if to == deploy => Some((tried.fit, tried.unmoved)),
        _ => None,
    });
    assert_eq!(answer, Some((2, Unmoved::default())), "the third was not there any more");
}
