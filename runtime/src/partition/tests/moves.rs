//! Open runs that move with a deploy, one after the other and in slices.

use super::*;
use crate::partition::request::{Tried, Trying};

/// More events than are read in one go.
const MANY: i64 = 2_500;

fn other(bench: &Bench) -> Arc<Loaded> {
    bench.partition.setup.programs.keep(Loaded::new(crate::fixture::program(true)).unwrap())
}

fn asked(bench: &mut Bench, trying: Trying) -> ReplyId {
    let program = other(bench);
    bench.ask(Request::Try { namespace: "default".into(), program, trying })
}

fn mark(n: i64, value: i64) -> Request {
    Request::Signal { key: key(n), name: "mark".into(), args: json!({ "n": value }), request_id: None }
}

fn settle(bench: &mut Bench) {
    bench.fly();
    bench.partition.committed();
}

fn answer(bench: &mut Bench, to: ReplyId) -> Option<Tried> {
    bench.partition.outputs().find_map(|output| match output {
        Output::Reply(reply, Ok(Answer::Tried(tried))) if reply == to => Some(*tried),
        _ => None,
    })
}

/// How often each run has moved, by workflow id, and whether it is on the other code.
fn moves(bench: &Bench) -> Vec<(String, usize, bool)> {
    let hash = other(bench).hash();
    let moved = |open: &request::OpenRun| {
        let moves = open.run.history().iter().filter(|event| event.kind.name() == "CodeMoved").count();
        (open.run.me().workflow_id.to_string(), moves, open.run.loaded().hash() == hash)
    };
    let mut all: Vec<_> = bench.partition.runs.values().map(|open| moved(open)).collect();
    all.sort();
    all
}

#[test]
fn a_long_run_is_read_in_slices_and_goes_on_meanwhile() {
    let mut bench = Bench::new();
    bench.start(1);
    for n in 1..=MANY {
        bench.ask(mark(1, n));
    }
    settle(&mut bench);
    bench.partition.outputs().for_each(drop);
    let deploy = asked(&mut bench, Trying::Move);
    bench.partition.go_on(NOW);
    assert_eq!(moves(&bench), [("order-1".into(), 0, false)], "there is more to read");
    bench.ask(mark(1, -1));
    let mut slices = 1;
    while bench.partition.has_more() {
        bench.partition.go_on(NOW);
        slices += 1;
        assert!(slices < 100, "it comes to an end");
    }
    assert!(slices > MANY / 1_000, "{slices}");
    assert_eq!(moves(&bench), [("order-1".into(), 1, true)]);
    let history = bench.partition.runs.values().next().unwrap().run.history();
    assert_eq!(history.last().unwrap().kind.name(), "CodeMoved", "what came meanwhile was read, too");
    assert!(answer(&mut bench, deploy).is_none(), "not before it is durable");
    settle(&mut bench);
    assert_eq!(answer(&mut bench, deploy).map(|tried| (tried.fit, tried.unmoved.total)), Some((1, 0)));
    let query = bench.ask(seen(1));
    let value = bench.partition.outputs().find_map(|output| match output {
        Output::Reply(to, Ok(Answer::Value(value))) if to == query => Some(value.value()),
        _ => None,
    });
    assert_eq!(value, Some(json!(-1)));
}

#[test]
fn a_crash_in_the_middle_leaves_each_run_on_one_code_and_the_same_again_moves_the_rest() {
    let mut bench = Bench::new();
    for n in 1..=3 {
        bench.start(n);
    }
    settle(&mut bench);
    asked(&mut bench, Trying::Move);
    bench.partition.go_on(NOW);
    bench.fly();
    // Memory is lost here: what flew is durable, the move of the others was never decided.
    let setup = setup();
    setup.programs.keep(other(&bench));
    bench.partition = read(setup, &bench.log).unwrap();
    let on_other = |bench: &Bench| moves(bench).iter().filter(|(_, moves, other)| *other && *moves == 1).count();
    assert_eq!(on_other(&bench), 1);
    let again = asked(&mut bench, Trying::Move);
    while bench.partition.has_more() {
        bench.partition.go_on(NOW);
    }
    settle(&mut bench);
    assert_eq!(answer(&mut bench, again).map(|tried| tried.fit), Some(2));
    assert_eq!(on_other(&bench), 3);
}

#[test]
fn a_check_changes_nothing() {
    let mut bench = Bench::new();
    for n in 1..=2 {
        bench.start(n);
    }
    settle(&mut bench);
    let check = asked(&mut bench, Trying::Check);
    while bench.partition.has_more() {
        bench.partition.go_on(NOW);
    }
    assert_eq!(answer(&mut bench, check).map(|tried| tried.fit), Some(2));
    assert!(moves(&bench).iter().all(|(_, moves, other)| *moves == 0 && !other));
    assert!(!bench.partition.take_append(&mut Append::default()), "nothing was decided");
}

#[test]
fn a_run_that_computes_is_waited_for_and_keeps_no_other() {
    let mut bench = Bench::new();
    bench.start_as(serde_json::from_value(json!({ "workflow": "spin", "args": { "n": 1 } })).unwrap());
    bench.start(1);
    settle(&mut bench);
    bench.partition.outputs().for_each(drop);
    let deploy = asked(&mut bench, Trying::Move);
    (0..5).for_each(|_| bench.partition.go_on(NOW));
    assert_eq!(moves(&bench), [("order-1".into(), 1, true), ("spin-1".into(), 0, false)]);
    let spinning = Key { workflow_id: WorkflowId::from("spin-1"), ..key(1) };
    bench.ask(Request::Terminate { key: spinning, reason: "enough".into() });
    while bench.partition.has_more() {
        bench.partition.go_on(NOW);
    }
    settle(&mut bench);
    assert_eq!(answer(&mut bench, deploy).map(|tried| tried.fit), Some(1), "the other was not there any more");
}
