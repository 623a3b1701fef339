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
