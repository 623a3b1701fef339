//! When whoever sends an update is told what.

use weft_protocol::api::{UpdateReply, UpdateStage, UpdateStatus};

use super::*;
use crate::partition::request::Answer;
use crate::partition::update::UpdateAsked;

fn mark(n: i64) -> Request {
    Request::Signal { key: key(1), name: "mark".into(), args: json!({ "n": n }), request_id: None }
}

fn add(n: i64, id: &str) -> Request {
    let (key, name, args) = (key(1), "add".into(), json!({ "n": n }));
    Request::Update(Box::new(UpdateAsked { key, name, args, update_id: id.into(), stage: UpdateStage::Completed }))
}

impl Bench {
    /// What has left of the answers to updates: the outcome, or the code of the refusal.
    fn told(&mut self) -> Vec<Result<UpdateReply, String>> {
        let answers = self.partition.outputs().filter_map(|output| match output {
            Output::Reply(_, Ok(Answer::Update(reply))) => Some(Ok(*reply)),
            Output::Reply(_, Err(error)) => Some(Err(error.code)),
            _ => None,
        });
        answers.collect()
    }

    fn durable(&mut self) {
        self.fly();
        self.partition.committed();
    }
}

#[test]
fn an_update_is_answered_when_its_events_are_durable() {
    let mut bench = Bench::new();
    bench.start(1);
    bench.ask(mark(5));
    bench.durable();
    bench.told();
    bench.ask(add(7, "a"));
    assert_eq!(bench.told(), [], "not even sent yet");
    bench.fly();
    bench.ask(add(7, "a"));
    assert_eq!(bench.told(), [], "sent is not durable, for whoever asks again either");
    bench.partition.committed();
    let told = bench.told();
    assert_eq!(told.len(), 2);
    for reply in told {
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.result), (UpdateStatus::Completed, Some(json!(7))));
    }
    bench.ask(add(9, "a"));
    assert_eq!(bench.told()[0].as_ref().unwrap().result, Some(json!(7)), "at once, and not done again");
    assert!(!bench.partition.take_append(&mut Append::default()), "nothing is logged");
}

#[test]
fn a_refusal_waits_for_the_state_that_its_check_has_seen() {
    let mut bench = Bench::new();
    bench.start(1);
    bench.ask(mark(5));
    bench.durable();
    bench.told();
    bench.ask(mark(0));
    bench.ask(add(7, "a"));
    assert_eq!(bench.told(), [], "that nothing may be added is not durable");
    bench.durable();
    assert_eq!(bench.told(), [Err(String::from("check_failed"))]);
    bench.ask(add(7, "a"));
    assert_eq!(bench.told(), [Err(String::from("check_failed"))], "at once; and nothing of the first is left");
}

#[test]
fn a_repetition_after_memory_was_lost_is_answered_as_before() {
    let mut bench = Bench::new();
    bench.start(1);
    bench.ask(mark(5));
    bench.ask(add(7, "a"));
    bench.durable();
    bench.partition = read(setup(), &bench.log).unwrap();
    bench.told();
    bench.ask(add(8, "a"));
    assert_eq!(bench.told()[0].as_ref().unwrap().result, Some(json!(7)));
}
