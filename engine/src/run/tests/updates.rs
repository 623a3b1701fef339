//! Updates of a run: once under an id, after what is being computed, and not lost when code moves.

use weft_protocol::api::UpdateStatus;

use super::*;

fn ask(n: i64, id: &str) -> Input {
    Input::Update { name: "ask".into(), args: Payload::json(&format!(r#"{{"n":{n}}}"#)), update_id: id.into() }
}

impl Case {
    fn outcome(&self, id: &str) -> (UpdateStatus, Option<Value>) {
        let reply = self.run.update_outcome("ask", id).expect("it is known");
        (reply.status, reply.result)
    }
}

#[test]
fn an_id_is_one_update() {
    let mut case = started(5);
    case.tell(1, ask(7, "a")).unwrap();
    case.tell(1, ask(8, "b")).unwrap();
    case.tell(1, ask(9, "a")).unwrap();
    assert!(case.last.events.is_empty(), "nothing is logged");
    assert_eq!(case.outcome("a"), (UpdateStatus::Accepted, None));
    case.completed(4, "70");
    assert_eq!(case.outcome("a"), (UpdateStatus::Completed, Some(Value::from(70))));
    case.tell(1, ask(9, "a")).unwrap();
    assert!(case.last.events.is_empty());
    let (name, args) = ("other".into(), Payload::json("{}"));
    let other = Input::Update { name, args, update_id: "a".into() };
    assert_eq!(case.tell(1, other), Err(Refused::UpdateIdTaken));
    assert_eq!(case.run.update_outcome("other", "a"), None);
    assert_eq!(case.run.pending_updates().len(), 1);
    case.tell(1, Input::Terminate { reason: String::new(), from: None, next_run: None }).unwrap();
    assert_eq!(case.outcome("b").0, UpdateStatus::Failed);
    let later = crate::update::outcome_in(&case.run.history, "b", "ask").unwrap().expect("it is in the history");
    assert_eq!(later.failure, case.run.update_outcome("ask", "b").and_then(|reply| reply.failure));
    case.expect(
        r#"1 RunStarted w {"n":5}
           2 ActivityScheduled charge {"n":5}
           3 UpdateAccepted ask {"n":7} @u1
           4 ActivityScheduled charge {"n":7} @u1
           5 UpdateAccepted ask {"n":8} @u2
           6 ActivityCompleted 4 70
           7 UpdateCompleted 3 70
           8 ActivityScheduled charge {"n":8} @u2
           9 RunTerminated"#,
    );
}

#[test]
fn one_that_comes_before_there_is_state_waits_for_it() {
    let limits = Limits { fuel_slice: 1, ..Limits::default() };
    let mut case = started(5);
    let start = Start {
        namespace: "default".into(),
        workflow: 0,
        workflow_id: WorkflowId::from("w-1"),
        run_id: RunId(1),
        args: Payload::json(r#"{"n":5}"#),
        seed: [7; 16],
        parent: None,
        schedule: None,
        request_id: None,
        options: RunOptions::default(),
        signal: None,
    };
    let (run, first) = Run::start(loaded(false, false), start, Timestamp(0), Arc::new(limits));
    assert!(first.again, "its first activation is not over");
    case.run = run;
    let put_aside = case.run.decide(ask(7, "a"), Timestamp(1)).unwrap();
    assert!(put_aside.deferred && put_aside.events.is_empty());
    assert_eq!(case.run.update_outcome("ask", "a"), None);
    let mut settled = Vec::new();
    while case.run.is_computing() {
        settled.extend(case.run.decide(Input::Continue, Timestamp(2)).unwrap().settled);
    }
    assert_eq!(settled, [Ok(())]);
    assert_eq!(case.outcome("a"), (UpdateStatus::Accepted, None));
}

#[test]
fn a_stuck_run_takes_none_and_moves_with_those_it_has() {
    let mut case = started(5);
    case.tell(1, ask(7, "a")).unwrap();
    case.completed(2, "21");
    case.tell(30_000, Input::Due(AlarmKey::Timer(EventId(6)))).unwrap();
    case.signal("mark", r#"{"n":5}"#).unwrap();
    case.signal("go", "{}").unwrap();
    assert_eq!(case.run.stuck().map(|stuck| stuck.trap), Some("DivisionByZero".to_owned()));
    assert_eq!(case.tell(1, ask(8, "b")), Err(Refused::Stuck));
    assert_eq!(case.tell(1, ask(8, "a")), Ok(()), "what became of one that it has is still told");
    let mut without = program(false, true);
    without.workflows[0].updates.clear();
    let why = move_to(&mut case.run, Loaded::new(without).unwrap(), Timestamp(40_000)).unwrap_err();
    assert_eq!(why, "update `ask` was accepted (event 3), and the program does not declare it");
    let moved = move_to(&mut case.run, loaded(false, true), Timestamp(40_000)).unwrap();
    assert!(!moved.closed, "it waits for its update");
    case.completed(4, "70");
    assert!(case.last.closed);
    assert_eq!(case.outcome("a"), (UpdateStatus::Completed, Some(Value::from(70))));
}
