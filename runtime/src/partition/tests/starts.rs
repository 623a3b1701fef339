//! A start that is told again is the same start, whatever has happened to its run since.

use weft_protocol::policy::{OnClosed, OnConflict};

use super::*;
use crate::partition::request::{Probe, Probed};

/// A start with a request id.
fn request(workflow: &str, n: i64, request_id: &str) -> StartRequest {
    let mut request: StartRequest =
        serde_json::from_value(json!({ "workflow": workflow, "args": { "n": n } })).unwrap();
    request.request_id = Some(request_id.into());
    request
}

impl Bench {
    /// Makes everything decided durable.
    fn commit(&mut self) {
        self.fly();
        self.partition.committed();
    }

    /// The answer to a start that needs nothing but a commit.
    fn started(&mut self, request: StartRequest) -> (String, String, bool) {
        let reply = self.start_as(request);
        if !self.partition.writer.is_empty() {
            self.commit();
        }
        self.answer_to_start(reply)
    }

    fn answer_to_start(&mut self, reply: ReplyId) -> (String, String, bool) {
        let mut found = None;
        while found.is_none() && self.partition.has_outputs() {
            for output in self.partition.outputs().collect::<Vec<_>>() {
                match output {
                    Output::Reply(to, answer) if to == reply => found = Some(answer.unwrap()),
                    Output::Probe(probe) => self.look_up(*probe),
                    _ => {}
                }
            }
        }
        match found {
            Some(Answer::Started { run, started, .. }) => {
                (run.workflow_id.to_string(), run.run_id.to_string(), started)
            }
            other => panic!("{other:?}"),
        }
    }

    /// The store answers.
    fn look_up(&mut self, probe: Probe) {
        let is_meant = |row: &&ClosedRun| {
            row.workflow_id == probe.workflow_id && probe.run_id.is_none_or(|run_id| row.run_id == run_id)
        };
        let found = self.closed.iter().filter(is_meant).max_by_key(|row| row.run_id).cloned();
        self.partition.probed(Probed { probe, found: Ok(found) }, NOW);
        if !self.partition.writer.is_empty() {
            self.commit();
        }
    }

    fn terminate(&mut self, n: i64) {
        self.ask(Request::Terminate { key: key(n), reason: "enough".into() });
    }
}

#[test]
fn a_start_told_again_is_known_while_its_end_is_on_its_way() {
    for policy in [OnClosed::Allow, OnClosed::Reject] {
        let mut bench = Bench::new();
        let mut order = request("order", 1, "r");
        order.on_closed = Some(policy);
        let first = bench.started(order.clone());
        bench.terminate(1);
        bench.fly();
        let again = bench.start_as(order);
        bench.partition.committed();
        assert_eq!(bench.answer_to_start(again), first, "{policy:?}");
    }
}

#[test]
fn a_start_forgotten_here_is_looked_up_when_the_end_is_durable() {
    let mut bench = Bench::new();
    let mut order = request("order", 1, "r");
    order.on_closed = Some(OnClosed::Allow);
    bench.started(order.clone());
    bench.partition.starts = Default::default();
    bench.terminate(1);
    bench.fly();
    bench.start_as(order);
    let asks = |bench: &mut Bench| bench.partition.outputs().any(|output| matches!(output, Output::Probe(_)));
    assert!(!asks(&mut bench), "the store does not have it yet");
    bench.partition.committed();
    assert!(asks(&mut bench));
}

#[test]
fn a_late_repetition_does_not_end_the_run_that_replaced_its_own() {
    let mut bench = Bench::new();
    let replace = |id: &str| StartRequest { on_conflict: Some(OnConflict::Replace), ..request("order", 1, id) };
    let first = bench.started(replace("r1"));
    let second = bench.started(replace("r2"));
    assert_ne!(first.1, second.1);
    assert_eq!(bench.started(replace("r1")), first, "its answer was lost");
    // What is known of it is in the log.
    bench.partition = read(setup(), &bench.log).unwrap();
    bench.left();
    assert_eq!(bench.started(replace("r1")), first);
    assert_eq!(bench.started(replace("r2")), second);
    assert_eq!(bench.partition.open_runs(), 1);
}

#[test]
fn a_start_whose_run_is_gone_begins_another() {
    let mut bench = Bench::new();
    let order = StartRequest { on_closed: Some(OnClosed::Reject), ..request("order", 1, "r") };
    let first = bench.started(order.clone());
    bench.terminate(1);
    bench.commit();
    bench.partition.outputs().for_each(drop);
    assert_eq!(bench.started(order.clone()), first, "the store has it");
    // It was kept long enough, or its namespace was deleted and made again.
    bench.closed.clear();
    let second = bench.started(order.clone());
    assert!(second.1 != first.1 && second.2, "{second:?}");
    assert_eq!(bench.started(order.clone()), second);
    bench.partition = read(setup(), &bench.log).unwrap();
    bench.left();
    assert_eq!(bench.started(order), second);
}

#[test]
fn a_request_id_names_its_run_whatever_workflow_comes_with_it() {
    let mut bench = Bench::new();
    let mut order = bench.order(request("odd", 1, "r"));
    order.workflow_id = None;
    let reply = bench.ask(Request::Start(Box::new(order)));
    bench.commit();
    let first = bench.answer_to_start(reply);
    assert!(first.0.starts_with("odd-0"), "{first:?}");
    assert_eq!(bench.started(request("steps", 1, "r")), first);
    bench.partition = read(setup(), &bench.log).unwrap();
    bench.left();
    assert_eq!(bench.started(request("steps", 1, "r")), first);
}

#[test]
fn request_ids_are_forgotten_from_the_oldest() {
    let mut starts = Starts::default();
    let run = |n: u64| RunRef { workflow_id: WorkflowId::from("x"), run_id: RunId::new(ID, n) };
    let default: Arc<str> = "default".into();
    for n in 0..=STARTS_KEPT as u64 {
        starts.remember(default.clone(), None, &n.to_string(), run(n));
    }
    assert_eq!(starts.find(&default, None, "0"), None);
    assert_eq!(starts.find(&default, None, "1"), Some(&run(1)));
    assert_eq!(starts.find(&default, Some(&WorkflowId::from("x")), "1"), None, "one of an id is not one without");
}
