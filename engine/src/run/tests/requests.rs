//! Ids of requests: what a run remembers is the same with a crash and without, and has an end.

use super::*;
use crate::past::Packed;

fn cancel(id: &str, client: bool) -> Input {
    Input::Cancel { reason: "enough".into(), request_id: Some(id.into()), from: None, client }
}

fn marked(id: &str) -> Input {
    let args = Payload::json(r#"{"n":2}"#);
    Input::Signal { name: "mark".into(), args, request_id: Some(id.into()), from: None, with_start: false }
}

/// A run that keeps the ids of two messages and waits, when it is canceled, until its activity has stopped.
fn forgetful() -> Case {
    let limits = Limits { request_ids_kept: 2, ..Limits::default() };
    let mut program = program(false, false);
    program.activities[0].options.on_cancel = OnCancel::Wait;
    let (run, last) = begun(Loaded::new(program).unwrap(), 1, RunOptions::default(), limits);
    let mut case = Case { run, records: vec![], last, now: 0 };
    case.tell(1, Input::Delivered { scheduled: EventId(2), attempt: 1 }).unwrap();
    case
}

#[test]
fn a_cancel_that_came_again_pushes_no_signal_out() {
    let mut case = forgetful();
    case.tell(10, cancel("first", true)).unwrap();
    case.tell(10, cancel("of a client", true)).unwrap();
    case.tell(10, cancel("of a schedule", false)).unwrap();
    case.tell(10, marked("a")).unwrap();
    case.tell(10, marked("b")).unwrap();
    let events = case.run.history.len();
    for id in ["a", "b"] {
        case.tell(10, marked(id)).unwrap();
    }
    assert_eq!(case.run.history.len(), events, "both are known");
    assert_eq!(case.run.cancels(), ["first", "of a client", "of a schedule"], "a reset takes all of them along");
    case.tell(10, cancel("of a client", true)).unwrap();
    assert_eq!(case.records.len(), 2, "what is remembered is not recorded again");
}

#[test]
fn clients_that_cancel_over_and_over_fill_no_log() {
    let mut case = forgetful();
    case.tell(10, cancel("first", true)).unwrap();
    for id in 0..2_000 {
        let asked = case.run.decide(cancel(&id.to_string(), true), Timestamp(case.now)).unwrap();
        case.records.extend(asked.records);
    }
    assert!(case.records.len() < 1_000, "{} records", case.records.len());
    case.tell(10, cancel("of a schedule", false)).unwrap();
    assert!(case.run.has_taken("first") && case.run.has_taken("of a schedule"), "there is room for others");
}

#[test]
fn what_was_forgotten_is_known_to_be_where_the_limit_was_raised() {
    let mut case = forgetful();
    for id in ["a", "b", "c"] {
        assert!(case.run.remembers(id), "nothing was forgotten");
        case.tell(10, marked(id)).unwrap();
    }
    assert!(!case.run.remembers("a"));
    let run = case.run;
    let raised = Arc::new(Limits { request_ids_kept: 10, ..Limits::default() });
    let snapshot = run.snapshot().unwrap();
    let kept = run.history().iter().map(|event| (event.id, event.clone())).collect();
    let packed = Packed { count: run.events(), bytes: vec![], read: |_| Ok(vec![]), kept };
    let thawed = snapshot.thaw(Arc::clone(&run.loaded), &packed, Arc::clone(&raised)).unwrap();
    let read = thawed.follow(packed, vec![], vec![]);
    assert!(read.remembers("c") && !read.remembers("a"), "by a snapshot");
    let mut failed = run;
    let failure = Failure::new("Oops", "it failed");
    failed.try_again(How::Failed { failure, begins: Timestamp(100) }, &mut Transition::default());
    let next = next_try(failed).run;
    let next = Run::recover(Arc::clone(&next.loaded), next.history().to_vec(), vec![], raised).unwrap();
    assert!(next.remembers("c") && !next.remembers("a"), "by the run that goes on");
}
