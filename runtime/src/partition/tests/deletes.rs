//! Ids that are forgotten.

use super::*;

fn order_1(run_id: Option<RunId>) -> Key {
    Key { namespace: "default".into(), workflow_id: "order-1".into(), run_id }
}

fn started() -> Bench {
    let mut bench = Bench::new();
    bench.start(1);
    bench.fly();
    bench.partition.committed();
    bench.partition.outputs().for_each(drop);
    bench
}

fn said(bench: &mut Bench) -> Vec<(ReplyId, Option<String>)> {
    let of = |output| match output {
        Output::Reply(reply, answer) => Some((reply, answer.err().map(|error| error.code))),
        _ => None,
    };
    bench.partition.outputs().filter_map(of).collect()
}

#[test]
fn nobody_hears_that_a_run_is_gone_before_that_is_durable() {
    let mut bench = started();
    let delete = bench.ask(Request::Delete(order_1(None)));
    let look = bench.ask(Request::Code(order_1(None)));
    bench.fly();
    let again = bench.ask(Request::Code(order_1(None)));
    assert!(said(&mut bench).is_empty(), "a crash now, and the run is open");
    bench.partition.committed();
    let heard: Vec<_> = said(&mut bench).into_iter().map(|(reply, _)| reply).collect();
    assert!([delete, look, again].iter().all(|reply| heard.contains(reply)), "{heard:?}");
}

#[test]
fn an_older_run_does_not_take_a_newer_one_along() {
    let mut bench = started();
    bench.start(2);
    let order_2 = |run| Key { workflow_id: "order-2".into(), ..order_1(Some(run)) };
    let open = bench.partition.names[&("default".into(), WorkflowId::from("order-2"))];
    let runs = bench.partition.open_runs();
    let refused = bench.ask(Request::Delete(order_2(RunId(open.0 - 1))));
    bench.fly();
    bench.partition.committed();
    assert!(said(&mut bench).contains(&(refused, Some("newer_run".to_owned()))));
    assert_eq!(bench.partition.open_runs(), runs);
    bench.ask(Request::Delete(order_2(open)));
    assert_eq!(bench.partition.open_runs(), runs - 1);
}

/// Run 1 of its id has ended and is in the store; a reset has read it.
fn ended_and_read(bench: &mut Bench) -> request::ResetOrder {
    bench.ask(Request::Terminate { key: order_1(None), reason: "over".into() });
    bench.fly();
    bench.partition.committed();
    bench.partition.outputs().for_each(drop);
    let mut order =
        crate::node::api::reset_order(order_1(None), serde_json::from_value(json!({ "to": "first" })).unwrap())
            .unwrap();
    let deletes = brought(bench, &order).expect("it is not open");
    let row = bench.closed.last().expect("it has ended");
    let program = bench.partition.setup.programs.current("default", "order").unwrap().0;
    let histories = vec![crate::closed::history(row).unwrap()];
    order.closed = Some(request::ClosedChain { histories, loaded: program, newest: row.run_id, deletes });
    order
}

/// What is asked for in answer to a reset.
fn brought(bench: &mut Bench, order: &request::ResetOrder) -> Option<u64> {
    let reset = bench.ask(Request::Reset(Box::new(order.clone())));
    bench.partition.outputs().find_map(|output| match output {
        Output::Reply(reply, Ok(Answer::Bring { deletes })) if reply == reset => Some(deletes),
        _ => None,
    })
}

#[test]
fn a_reset_brings_nothing_back_that_was_deleted_meanwhile() {
    let mut bench = started();
    let order = ended_and_read(&mut bench);
    bench.ask(Request::Delete(order_1(None)));
    bench.fly();
    bench.partition.committed();
    bench.partition.outputs().for_each(drop);
    assert!(brought(&mut bench, &order).is_some(), "it is to look again");
    assert_eq!(bench.partition.open_runs(), 0);
}

#[test]
fn a_reset_goes_on_when_others_are_deleted() {
    let mut bench = started();
    bench.start(2);
    bench.fly();
    bench.partition.committed();
    let order = ended_and_read(&mut bench);
    bench.ask(Request::Delete(Key { workflow_id: "order-2".into(), ..order_1(None) }));
    assert_eq!(brought(&mut bench, &order), None);
    assert_eq!(bench.partition.open_runs(), 1);
}

#[test]
fn a_reset_looks_again_if_more_was_deleted_than_is_remembered() {
    let mut bench = started();
    let mut order = ended_and_read(&mut bench);
    let chain = order.closed.as_mut().unwrap();
    // Of the owner before, and of nobody.
    for other in [chain.deletes - 1, chain.deletes + 1, 0] {
        order.closed.as_mut().unwrap().deletes = other;
        assert!(brought(&mut bench, &order).is_some());
    }
}

#[test]
fn that_a_newer_run_has_the_id_is_said_when_it_is_durable() {
    let mut bench = started();
    let order = ended_and_read(&mut bench);
    let again = json!({ "workflow": "order", "id": "order-1", "args": { "n": 1 }, "on_closed": "allow" });
    let again = bench.order(serde_json::from_value(again).unwrap());
    bench.ask(Request::Start(Box::new(again)));
    let probe = bench.partition.outputs().find_map(|output| match output {
        Output::Probe(probe) => Some(*probe),
        _ => None,
    });
    let found = Ok(bench.closed.last().cloned());
    bench.partition.probed(request::Probed { probe: probe.expect("the store is asked"), found }, NOW);
    assert_eq!(bench.partition.open_runs(), 1);
    let reset = bench.ask(Request::Reset(Box::new(order)));
    assert!(said(&mut bench).is_empty(), "a crash now, and there is no newer run");
    bench.fly();
    bench.partition.committed();
    assert!(said(&mut bench).contains(&(reset, Some("not_the_newest".to_owned()))));
}
