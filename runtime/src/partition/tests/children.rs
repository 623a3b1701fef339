//! What a partition tells the parents of its runs.

use weft_protocol::event::{EventKind, ParentRef};
use weft_protocol::policy::OnParentClose;

use super::request::{Message, Probed, StartedBy};
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

#[test]
fn a_parent_does_not_wait_for_a_child_that_is_no_longer_kept() {
    let mut bench = Bench::new();
    let child = RunRef { workflow_id: WorkflowId::from("order-1"), run_id: RunId::new(ID, 3) };
    let run = RunRef { workflow_id: WorkflowId::from("parent-1"), run_id: RunId::new(ID, 2) };
    let scheduled = EventId(2);
    let parent = ParentRef { run, scheduled, attached: true, on_close: OnParentClose::Cancel };
    let request = serde_json::from_value(json!({ "workflow": "order", "args": { "n": 1 } })).unwrap();
    let order = request::StartOrder { by: StartedBy::Parent(parent), ..bench.order(request) };
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
    assert_eq!((*of, failure.kind.as_str()), (scheduled, "ChildFailed"));
    assert_eq!(failure.cause.as_ref().map(|cause| cause.kind.as_str()), Some("NotKept"));
}
