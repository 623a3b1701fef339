//! What a partition tells the parents of its runs.

use weft_protocol::event::{EventKind, ParentRef};
use weft_protocol::policy::OnParentClose;

use super::request::{Message, Probed, StartOrder, StartedBy};
use super::*;

/// The events that parents are told of, in order.
fn told(bench: &mut Bench) -> Vec<EventKind> {
    let outputs = bench.partition.outputs();
    outputs
        .filter_map(|output| match output {
            Output::Send(_, Message::Child { event, .. }) => Some(*event),
            _ => None,
        })
        .collect()
}

/// A start that the first event but one of a parent asks for.
fn order(bench: &Bench, attached: bool) -> StartOrder {
    let run = RunRef { workflow_id: WorkflowId::from("parent-1"), run_id: RunId::new(ID, 2) };
    let parent = ParentRef { run, scheduled: EventId(2), attached, on_close: OnParentClose::Cancel, depth: 1 };
    let request = serde_json::from_value(json!({ "workflow": "order", "args": { "n": 1 } })).unwrap();
    StartOrder { by: StartedBy::Parent(parent), ..bench.order(request) }
}

/// The word that the child has started is lost with a node, and the parent asks again while the child ends: who only
/// waits for its start would hear nothing of its end.
#[test]
fn a_start_told_again_is_answered_though_the_child_is_just_ending() {
    for attached in [true, false] {
        let mut bench = Bench::new();
        let order = order(&bench, attached);
        bench.partition.receive(Message::Start(Box::new(order.clone())), NOW);
        bench.fly();
        bench.partition.committed();
        assert!(matches!(told(&mut bench)[..], [EventKind::ChildStarted { .. }]), "lost");
        bench.ask(Request::Terminate { key: key(1), reason: "enough".into() });
        bench.partition.receive(Message::Start(Box::new(order)), NOW);
        assert_eq!(told(&mut bench), [], "its end is not durable yet");
        bench.fly();
        bench.partition.committed();
        let told = told(&mut bench);
        assert!(told.iter().any(|event| matches!(event, EventKind::ChildStarted { .. })), "{told:?}");
    }
}

#[test]
fn a_parent_does_not_wait_for_a_child_that_is_no_longer_kept() {
    let mut bench = Bench::new();
    let child = RunRef { workflow_id: WorkflowId::from("order-1"), run_id: RunId::new(ID, 3) };
    let order = order(&bench, true);
    bench.partition.receive(Message::AwaitEnd(Box::new(order), child.clone()), NOW);
    let probe = bench.partition.outputs().find_map(|output| match output {
        Output::Probe(probe) => Some(*probe),
        _ => None,
    });
    bench.partition.probed(Probed { probe: probe.expect("the store knows"), found: Ok(None) }, NOW);
    // The parent has noted the start: only an end ends its wait.
    let told = told(&mut bench);
    assert!(matches!(&told[0], EventKind::ChildStarted { run, .. } if *run == child), "{told:?}");
    let Some(EventKind::ChildFailed { scheduled: of, failure }) = told.get(1) else { panic!("{told:?}") };
    assert_eq!((*of, failure.kind.as_str()), (EventId(2), "ChildFailed"));
    assert_eq!(failure.cause.as_ref().map(|cause| cause.kind.as_str()), Some("NotKept"));
}
