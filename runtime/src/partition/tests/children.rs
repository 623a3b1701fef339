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

/// What has left: word for runs, and questions to the store.
fn left(bench: &mut Bench) -> (Vec<Message>, Vec<request::Probe>) {
    let (mut words, mut probes) = (Vec::new(), Vec::new());
    for output in bench.partition.outputs() {
        match output {
            Output::Send(_, message) => words.push(message),
            Output::Probe(probe) => probes.push(*probe),
            _ => {}
        }
    }
    (words, probes)
}

fn settle(bench: &mut Bench) -> (Vec<Message>, Vec<request::Probe>) {
    if !bench.partition.writer.is_empty() {
        bench.fly();
        bench.partition.committed();
    }
    left(bench)
}

/// The store answers each question with what was written; what leaves then.
fn answered(bench: &mut Bench, probes: Vec<request::Probe>) -> Vec<Message> {
    for probe in probes {
        let is = |row: &&ClosedRun| row.workflow_id == probe.workflow_id && Some(row.run_id) == probe.run_id;
        let found = Ok(bench.closed.iter().find(is).cloned());
        bench.partition.probed(Probed { probe, found }, NOW);
    }
    settle(bench).0
}

fn run_of(workflow: &str) -> Key {
    Key { workflow_id: WorkflowId::from(format!("{workflow}-1").as_str()), ..key(1) }
}

/// A parent whose child has started, and the word of that, which is on its way.
fn started(bench: &mut Bench, workflow: &str) -> Message {
    bench.start_as(serde_json::from_value(json!({ "workflow": workflow, "args": { "n": 1 } })).unwrap());
    let (words, _) = settle(bench);
    let start = words.into_iter().find(|word| matches!(word, Message::Start(_))).expect("a child is asked for");
    bench.partition.receive(start, NOW);
    let (words, _) = settle(bench);
    words.into_iter().find(|word| matches!(word, Message::Child { .. })).expect("it says that it has started")
}

fn reset(bench: &mut Bench, workflow: &str, point: weft_engine::reset::Point) {
    let order = request::ResetOrder {
        key: run_of(workflow),
        point,
        without: weft_engine::reset::Without::default(),
        same_code: true,
        reason: String::new(),
        request_id: None,
        closed: None,
    };
    bench.ask(Request::Reset(Box::new(order)));
}

fn is_ended(words: &[Message]) -> bool {
    words.iter().any(|word| matches!(word, Message::Cancel { .. } | Message::Terminate { .. }))
}

#[test]
fn a_child_behind_the_cut_goes_on_by_itself_while_its_start_is_on_its_way() {
    let mut bench = Bench::new();
    let word = started(&mut bench, "parent");
    reset(&mut bench, "parent", weft_engine::reset::Point::First);
    settle(&mut bench);
    bench.partition.receive(word, NOW);
    let (words, probes) = settle(&mut bench);
    assert!(!is_ended(&words), "{words:?}");
    let words = answered(&mut bench, probes);
    assert!(!is_ended(&words), "{words:?}");
}

#[test]
fn word_of_a_kept_child_that_waits_for_a_slice_outlives_a_reset() {
    let mut bench = Bench::new();
    let word = started(&mut bench, "busy");
    // The parent is in the middle of something when it hears of its child, and is set back then.
    bench.partition.due(NOW.plus_ms(1), 10);
    assert!(bench.partition.has_more());
    bench.partition.receive(word, NOW);
    reset(&mut bench, "busy", weft_engine::reset::Point::Event(EventId(3)));
    let (mut words, probes) = settle(&mut bench);
    words.extend(answered(&mut bench, probes));
    assert!(!is_ended(&words), "{words:?}");
    // The run that goes on asks for it again, and hears that it has it.
    words.into_iter().for_each(|word| bench.partition.receive(word, NOW));
    let (words, _) = settle(&mut bench);
    let events = words.iter().filter_map(|word| match word {
        Message::Child { event, .. } => Some(event.name()),
        _ => None,
    });
    assert_eq!(events.collect::<Vec<_>>(), ["ChildStarted"]);
}

#[test]
fn a_child_gets_what_the_run_does_that_went_on_for_its_parent_and_has_ended() {
    let mut bench = Bench::new();
    let word = started(&mut bench, "parent");
    bench.partition.receive(word.clone(), NOW);
    settle(&mut bench);
    reset(&mut bench, "parent", weft_engine::reset::Point::Event(EventId(2)));
    settle(&mut bench);
    // What the end of the second run does to the child is lost with a node, and the child asks.
    bench.ask(Request::Terminate { key: run_of("parent"), reason: String::new() });
    settle(&mut bench);
    let Message::Child { namespace, parent, child: Some(child), on_close, .. } = word else { panic!("{word:?}") };
    let asks = request::Orphan { namespace, parent, scheduled: EventId(2), child, on_close };
    bench.partition.receive(Message::ParentOpen(Box::new(asks)), NOW);
    let (mut words, mut probes) = settle(&mut bench);
    while !probes.is_empty() {
        for probe in std::mem::take(&mut probes) {
            let found = bench.closed.iter().find(|row| Some(row.run_id) == probe.run_id).cloned();
            bench.partition.probed(Probed { probe, found: Ok(found) }, NOW);
        }
        let (more, again) = settle(&mut bench);
        words.extend(more);
        probes = again;
    }
    assert!(words.iter().any(|word| matches!(word, Message::Cancel { .. })), "{words:?}");
}
