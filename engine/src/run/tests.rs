//! Runs of programs made by hand, so that nothing here depends on a compiler. After every Input the run is read back
//! from its own history and must be the same.

use std::sync::Arc;

use weft_bytecode::op::{Instr, NO_ARG, Op};
use weft_bytecode::options::{ActivityOptions, OnCancel, Target, WorkflowOptions};
use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::{
    ActivityDef, FuncId, Function, Program, QueryDef, SignalDef, SourceFile, Span, StateDef, UpdateDef, WorkflowDef,
};
use weft_protocol::limits::Limits;
use weft_protocol::policy::RunRetry;
use weft_protocol::{EventId, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

mod requests;
mod updates;

use super::*;
use crate::history;
use crate::{AlarmKey, Misfit, Record, Succession, Successor, Trial, program_of};

const SPAN: Span = Span { file: 0, start: 0, end: 1 };

fn func(name: &str, params: u16, result: TypeId, regs: &[TypeId], code: Vec<Instr>) -> Function {
    Function { name: name.into(), params, result, regs: regs.to_vec(), sites: vec![(0, SPAN)], code, handlers: vec![] }
}

fn arg(regs: [u16; 3]) -> Instr {
    Instr::abc(Op::Arg, regs[0], regs[1], regs[2])
}

/// `workflow w(n: Int) -> Int { let r = charge(n); sleep 30s; receive go; return r / (n - seen) }` with
/// `pub state seen = 0`, `signal mark(n: Int) { seen = n }` and `update ask(n: Int) -> Int { return charge(n) }`. With `patched`, an activity `check` comes before the
/// sleep; with `fixed`, the division is left out.
fn program(patched: bool, fixed: bool) -> Program {
    let mut types = builtin::all();
    let args = TypeId(types.len() as u16);
    types.push(Type::Record { name: None, fields: vec![Field { name: "n".into(), ty: builtin::INT, default: None }] });
    let empty = TypeId(types.len() as u16);
    types.push(Type::Record { name: None, fields: vec![] });
    let option = TypeId(types.len() as u16);
    types.push(Type::Option(empty));
    let int = |dst: u16, value: i32| Instr::wide(Op::LoadInt, dst, value as u32);
    let init = vec![
        Instr::wide(Op::Fuel, 0, 3),
        int(1, 0),
        Instr::abc(Op::StoreState, 0, 1, 0),
        int(2, 0),
        Instr::abc(Op::Return, 2, 0, 0),
    ];
    // 0 n, 1 record, 2 handle, 3 result, 4 duration, 5 message, 6 seen
    let schedule = |activity: u16| {
        [
            Instr::abc(Op::New, 1, 0, 1),
            arg([0, NO_ARG, NO_ARG]),
            Instr::abc(Op::ScheduleActivity, 2, activity, 1),
            arg([1, NO_ARG, NO_ARG]),
            Instr::abc(Op::Await, 3, 2, 0),
        ]
    };
    let mut body = vec![Instr::wide(Op::Fuel, 0, 12)];
    body.extend(schedule(0));
    if patched {
        body.extend(schedule(1));
    }
    body.extend([
        int(4, 30_000),
        Instr::abc(Op::StartTimer, 2, 4, 0),
        Instr::abc(Op::Await, 7, 2, 0),
        Instr::abc(Op::Receive, 5, 0, 0),
        Instr::abc(Op::LoadState, 6, 0, 0),
    ]);
    if !fixed {
        body.extend([Instr::abc(Op::SubInt, 6, 0, 6), Instr::abc(Op::DivInt, 3, 3, 6)]);
    }
    body.push(Instr::abc(Op::Return, 3, 0, 0));
    let mut ask = vec![Instr::wide(Op::Fuel, 0, 6)];
    ask.extend(schedule(0));
    ask.push(Instr::abc(Op::Return, 3, 0, 0));
    let int_ty = builtin::INT;
    let body_regs = [int_ty, args, int_ty, int_ty, builtin::DURATION, option, int_ty, builtin::UNIT];
    let mark = vec![
        Instr::wide(Op::Fuel, 0, 2),
        Instr::abc(Op::StoreState, 0, 0, 0),
        int(1, 0),
        Instr::abc(Op::Return, 1, 0, 0),
    ];
    let seen = vec![Instr::wide(Op::Fuel, 0, 1), Instr::abc(Op::LoadState, 0, 0, 0), Instr::abc(Op::Return, 0, 0, 0)];
    let activity = |name: &str| ActivityDef {
        name: name.into(),
        args,
        result: int_ty,
        throws: vec![],
        progress: None,
        options: ActivityOptions { timeout_ms: Some(10_000), ..ActivityOptions::new(Target::Queue("q".into())) },
        folder: String::new(),
        span: SPAN,
        doc: String::new(),
    };
    Program {
        edition: "2026".into(),
        project: "test".into(),
        types,
        constants: vec![],
        functions: vec![
            func("w.init", 1, builtin::UNIT, &[int_ty, int_ty, builtin::UNIT], init),
            func("w", 1, int_ty, &body_regs, body),
            func("w.mark", 1, builtin::UNIT, &[int_ty, builtin::UNIT], mark),
            func("w.seen", 0, int_ty, &[int_ty], seen),
            func("w.ask", 1, int_ty, &body_regs[..4], ask),
        ],
        activities: vec![activity("charge"), activity("check")],
        workflows: vec![WorkflowDef {
            name: "w".into(),
            args,
            result: int_ty,
            throws: vec![],
            init: FuncId(0),
            body: FuncId(1),
            state: vec![StateDef { name: "seen".into(), ty: int_ty, public: true, indexed: false }],
            signals: vec![
                SignalDef { name: "go".into(), args: empty, handler: None, mailbox: 0 },
                SignalDef { name: "mark".into(), args, handler: Some(FuncId(2)), mailbox: 0 },
            ],
            queries: vec![QueryDef { name: "seen".into(), args: empty, result: int_ty, func: FuncId(3) }],
            updates: vec![UpdateDef {
                name: "ask".into(),
                args,
                result: int_ty,
                throws: vec![],
                check: None,
                body: FuncId(4),
                concurrent: false,
            }],
            id: None,
            options: WorkflowOptions { run_timeout_ms: Some(86_400_000), ..WorkflowOptions::default() },
            span: SPAN,
            doc: String::new(),
        }],
        patches: vec![],
        schedules: vec![],
        sources: vec![SourceFile { path: "w.wf".into(), text: "workflow w".into() }],
    }
}

fn loaded(patched: bool, fixed: bool) -> Arc<Loaded> {
    Loaded::new(program(patched, fixed)).unwrap()
}

/// A run with all it was told to log and do.
struct Case {
    run: Run,
    records: Vec<Record>,
    last: Transition,
    now: i64,
}

fn started(n: i64) -> Case {
    started_with(loaded(false, false), n)
}

fn started_with(loaded: Arc<Loaded>, n: i64) -> Case {
    let options = RunOptions { run_timeout_ms: Some(86_400_000), ..RunOptions::default() };
    let (run, last) = begun(loaded, n, options, Limits::default());
    let mut case = Case { run, records: vec![], last, now: 0 };
    case.check();
    case
}

fn begun(loaded: Arc<Loaded>, n: i64, options: RunOptions, limits: Limits) -> (Run, Transition) {
    let start = Start {
        namespace: "default".into(),
        workflow: 0,
        workflow_id: WorkflowId::from("w-1"),
        run_id: RunId(1),
        args: Payload::json(&format!(r#"{{"n":{n}}}"#)),
        seed: [7; 16],
        parent: None,
        schedule: None,
        request_id: None,
        options,
        signal: None,
    };
    Run::start(loaded, start, Timestamp(0), Arc::new(limits))
}

fn mark() -> Input {
    Input::Signal {
        name: "mark".into(),
        args: Payload::json(r#"{"n":2}"#),
        request_id: None,
        from: None,
        with_start: false,
    }
}

/// What a run does with all it is given until it waits.
fn rests(run: &mut Run) {
    while run.is_computing() {
        run.decide(Input::Continue, Timestamp(1)).unwrap();
    }
}

impl Case {
    fn tell(&mut self, after_ms: i64, input: Input) -> Result<(), Refused> {
        self.now += after_ms;
        let before = self.run.history.len();
        let told = self.run.decide(input, Timestamp(self.now));
        match told {
            Ok(transition) => {
                self.records.extend(transition.records.clone());
                assert_eq!(transition.events.len(), self.run.history.len() - before, "new events are told");
                assert!(transition.events.is_empty() || transition.events.start == before);
                self.last = transition;
                self.check();
                Ok(())
            }
            Err(refused) => {
                assert_eq!(self.run.history.len(), before, "a refused Input changes nothing");
                Err(refused)
            }
        }
    }

    /// The run read back from history and records is the run.
    fn check(&mut self) {
        let (run, history) = (&self.run, self.run.history.to_vec());
        assert_eq!(program_of(&history), Some(run.loaded.hash()));
        let limits = Arc::clone(&run.limits);
        let mut read = Run::recover(Arc::clone(&run.loaded), history, self.records.clone(), limits).unwrap();
        while read.is_computing() {
            let again = read.decide(Input::Continue, run.now).unwrap();
            assert!(again.events.is_empty(), "what was noticed before gives nothing new");
        }
        assert_eq!(read.stuck(), run.stuck());
        assert_eq!(read.status, run.status);
        assert_eq!(read.bytes, run.bytes);
        assert_eq!(read.timers, run.timers);
        assert_eq!(read.children, run.children);
        assert_eq!(read.names, run.names);
        assert_eq!(read.waits(), run.waits());
        assert_eq!(read.unread(), run.unread());
        assert_eq!(read.pending_updates(), run.pending_updates());
        assert_eq!(read.attributes, run.attributes);
        assert_eq!(read.queue, run.queue);
        assert!(read.requests.all().eq(run.requests.all()), "ids of messages");
        assert!(read.requests.cancels().eq(run.requests.cancels()), "ids of cancels");
        let facts = |run: &Run| {
            let activities = run.activities.iter();
            activities.map(|(id, a)| (*id, a.attempt, a.last_failure.clone())).collect::<Vec<_>>()
        };
        assert_eq!(facts(&read), facts(run));
        for event in read.history.iter() {
            history::plain(read.loaded.program(), event);
        }
    }

    fn completed(&mut self, scheduled: u64, result: &str) {
        let input = Input::Completed { scheduled: EventId(scheduled), attempt: 1, result: Payload::json(result) };
        self.tell(10, input).unwrap();
    }

    fn signal(&mut self, name: &str, args: &str) -> Result<(), Refused> {
        let (name, args) = (name.into(), Payload::json(args));
        self.tell(10, Input::Signal { name, args, request_id: None, from: None, with_start: false })
    }

    fn shown(&self) -> String {
        let program = self.run.loaded.program();
        self.run.history.iter().map(|event| history::plain(program, event) + "\n").collect()
    }

    #[track_caller]
    fn expect(&self, expected: &str) {
        let expected: String = expected.lines().map(|line| line.trim().to_owned() + "\n").collect();
        assert_eq!(self.shown(), expected);
    }
}

#[test]
fn a_run_goes_from_start_to_result() {
    let mut case = started(5);
    assert_eq!(case.last.dispatch, [(EventId(2), 1)]);
    assert_eq!(case.last.alarms, [(Timestamp(86_400_000), AlarmKey::Run)]);
    case.tell(1, Input::Delivered { scheduled: EventId(2), attempt: 1 }).unwrap();
    assert_eq!(case.last.alarms, [(Timestamp(10_001), AlarmKey::StartToClose(EventId(2), 1))]);
    case.completed(2, "21");
    assert_eq!(case.last.alarms, [(Timestamp(30_011), AlarmKey::Timer(EventId(4)))]);
    case.signal("mark", r#"{"n":2}"#).unwrap();
    assert_eq!(case.run.query("seen", &Payload::json("{}")), Ok(Payload::json("2")));
    case.tell(30_000, Input::Due(AlarmKey::Timer(EventId(4)))).unwrap();
    case.signal("go", "{}").unwrap();
    assert!(case.last.closed);
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 ActivityCompleted 2 21
        4 TimerStarted 30s
        5 SignalReceived mark {"n":2}
        6 TimerFired 4
        7 SignalReceived go {}
        8 RunCompleted 7"#,
    );
    assert_eq!(case.run.result(), Some(&Payload::json("7")));
    assert_eq!(case.run.query("seen", &Payload::json("{}")), Ok(Payload::json("2")));
    assert_eq!(case.signal("go", "{}"), Err(Refused::Closed));
}

#[test]
fn attempts_are_records_until_the_last() {
    let mut case = started(5);
    let failed = |attempt| Input::Failed {
        scheduled: EventId(2),
        attempt,
        failure: Failure::fault("away"),
        retry_after_ms: None,
    };
    case.tell(10, failed(1)).unwrap();
    assert_eq!(case.last.alarms, [(Timestamp(1_010), AlarmKey::Retry(EventId(2), 2))]);
    assert_eq!(case.tell(10, failed(1)), Err(Refused::Stale));
    assert_eq!(case.run.pending_activities()[0].state, "backing_off");
    let read = Run::recover(loaded(false, false), case.run.history.to_vec(), case.records.clone(), Arc::default());
    let alarms = read.unwrap().unsettled().alarms;
    assert!(alarms.contains(&(Timestamp(1_010), AlarmKey::Retry(EventId(2), 2))), "{alarms:?}");
    case.tell(1_000, Input::Due(AlarmKey::Retry(EventId(2), 2))).unwrap();
    assert_eq!(case.last.dispatch, [(EventId(2), 2)]);
    let result = Input::Completed { scheduled: EventId(2), attempt: 2, result: Payload::json("1") };
    case.tell(10, result).unwrap();
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 ActivityCompleted 2 attempt=2 1
        4 TimerStarted 30s"#,
    );
}

#[test]
fn cancel_is_one_event_and_ends_the_run() {
    let mut case = started(5);
    let cancel =
        |id: &str| Input::Cancel { reason: "enough".into(), request_id: Some(id.into()), from: None, client: true };
    case.completed(2, "21");
    case.tell(10, cancel("a")).unwrap();
    assert!(case.last.closed);
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 ActivityCompleted 2 21
        4 TimerStarted 30s
        5 CancelRequested enough
        6 TimerCanceled 4
        7 RunCanceled enough"#,
    );
    assert_eq!(case.tell(10, cancel("b")), Err(Refused::Closed));
}

#[test]
fn cancel_of_a_pending_activity_asks_it_to_stop() {
    let mut case = started(5);
    case.tell(1, Input::Delivered { scheduled: EventId(2), attempt: 1 }).unwrap();
    case.tell(10, Input::Cancel { reason: String::new(), request_id: None, from: None, client: true }).unwrap();
    assert_eq!(case.last.cancel, [EventId(2)]);
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 CancelRequested
        4 ActivityCancelRequested 2
        5 RunCanceled"#,
    );
}

/// Read back, an activity that was asked to stop is handed out once more: whoever has it then must hear of the end too.
#[test]
fn the_end_of_a_run_stops_also_what_was_asked_to_stop_before() {
    let mut program = program(false, false);
    program.activities[0].options.on_cancel = OnCancel::Wait;
    let mut case = started_with(Loaded::new(program).unwrap(), 5);
    case.tell(1, Input::Delivered { scheduled: EventId(2), attempt: 1 }).unwrap();
    case.tell(10, Input::Cancel { reason: String::new(), request_id: None, from: None, client: true }).unwrap();
    assert_eq!(case.last.cancel, [EventId(2)]);
    assert!(!case.last.closed, "it waits for the activity");
    case.tell(1, Input::Terminate { reason: "stop".into(), from: None, next_run: None }).unwrap();
    assert!(case.last.closed);
    assert_eq!(case.last.cancel, [EventId(2)]);
}

#[test]
fn signals_are_taken_once_and_only_if_known() {
    let mut case = started(5);
    let mark = |id: &str| Input::Signal {
        name: "mark".into(),
        args: Payload::json(r#"{"n":1}"#),
        request_id: Some(id.into()),
        from: None,
        with_start: false,
    };
    case.tell(1, mark("a")).unwrap();
    case.tell(1, mark("a")).unwrap();
    assert_eq!(case.last, Transition::default());
    assert_eq!(case.signal("nope", "{}"), Err(Refused::NoSuchSignal));
    case.signal("go", "{}").unwrap();
    assert_eq!(case.run.unread(), [("go".to_owned(), 1)]);
    assert_eq!(case.run.history.len(), 4);
}

#[test]
fn time_does_not_go_back_and_early_alarms_wait() {
    let mut case = started(5);
    case.completed(2, "21");
    case.tell(-5_000, Input::Due(AlarmKey::Timer(EventId(4)))).unwrap();
    assert_eq!(case.last.alarms, [(Timestamp(30_010), AlarmKey::Timer(EventId(4)))]);
    case.signal("mark", r#"{"n":1}"#).unwrap();
    assert_eq!(case.run.history.last().unwrap().at, Timestamp(10));
}

#[test]
fn the_run_timeout_and_terminate_end_it_without_code() {
    let mut case = started(5);
    case.tell(1, Input::Due(AlarmKey::Run)).unwrap();
    assert_eq!(case.last.alarms, [(Timestamp(86_400_000), AlarmKey::Run)]);
    case.tell(86_400_000, Input::Due(AlarmKey::Run)).unwrap();
    assert!(case.last.closed);
    assert_eq!(case.last.cancel, [EventId(2)]);
    assert_eq!(case.shown().lines().last(), Some("3 RunTimedOut"));
    let mut case = started(5);
    case.tell(1, Input::Terminate { reason: "stop".into(), from: None, next_run: None }).unwrap();
    assert_eq!(case.shown().lines().last(), Some("3 RunTerminated stop"));
    assert_eq!(case.run.failure().unwrap().kind, "Terminated");
}

/// A run that divides by zero at its `go`.
fn stuck() -> Case {
    let mut case = started(5);
    case.completed(2, "21");
    case.signal("mark", r#"{"n":5}"#).unwrap();
    case.tell(30_000, Input::Due(AlarmKey::Timer(EventId(4)))).unwrap();
    case.signal("go", "{}").unwrap();
    case
}

#[test]
fn a_trap_parks_the_run_and_later_inputs_are_only_recorded() {
    let mut case = stuck();
    let parked = case.run.stuck().unwrap();
    assert_eq!((parked.trap.as_str(), parked.file.as_str(), parked.line), ("DivisionByZero", "w.wf", 1));
    assert_eq!(case.run.status(), Status::Running);
    case.signal("mark", r#"{"n":1}"#).unwrap();
    assert_eq!(case.run.query("seen", &Payload::json("{}")), Ok(Payload::json("5")), "the state before");
    case.tell(10, Input::Cancel { reason: "x".into(), request_id: None, from: None, client: true }).unwrap();
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 ActivityCompleted 2 21
        4 TimerStarted 30s
        5 SignalReceived mark {"n":5}
        6 TimerFired 4
        7 SignalReceived go {}
        8 ActivationFailed 7 DivisionByZero w.wf:1
        9 SignalReceived mark {"n":1}
        10 CancelRequested x"#,
    );
    case.tell(10, Input::Terminate { reason: "give up".into(), from: None, next_run: None }).unwrap();
    assert_eq!(case.shown().lines().last(), Some("11 RunTerminated give up"));
}

/// Tries a run on other code and moves it.
fn move_to(run: &mut Run, loaded: Arc<Loaded>, now: Timestamp) -> Result<Transition, String> {
    let why = |misfit: Misfit| misfit.why;
    let mut trial = Trial::new(run, loaded).map_err(why)?;
    while !trial.go_on(run).map_err(why)? {}
    run.move_by(trial, now).map_err(why)
}

#[test]
fn a_stuck_run_moves_to_code_that_follows_and_gets_on() {
    let mut case = stuck();
    case.signal("mark", r#"{"n":1}"#).unwrap();
    let now = Timestamp(case.now + 5);
    let same = move_to(&mut case.run, loaded(false, false), now).unwrap_err();
    assert!(same.starts_with("it stops again with DivisionByZero at w.wf:1"), "{same}");
    let other = move_to(&mut case.run, loaded(true, true), now).unwrap_err();
    assert!(other.contains("the program asks for activity `check`, but event 4"), "{other}");
    let moved = move_to(&mut case.run, loaded(false, true), now).unwrap();
    assert!(moved.closed);
    case.check();
    case.expect(
        r#"1 RunStarted w {"n":5}
        2 ActivityScheduled charge {"n":5}
        3 ActivityCompleted 2 21
        4 TimerStarted 30s
        5 SignalReceived mark {"n":5}
        6 TimerFired 4
        7 SignalReceived go {}
        8 ActivationFailed 7 DivisionByZero w.wf:1
        9 SignalReceived mark {"n":1}
        10 CodeMoved
        11 RunCompleted 21"#,
    );
}

#[test]
fn code_that_does_not_follow_its_history_parks_the_run() {
    let mut case = started(5);
    case.completed(2, "21");
    let history = case.run.history.to_vec();
    let mut read = Run::recover(loaded(true, false), history, vec![], Arc::default()).unwrap();
    let parked = read.stuck().unwrap();
    assert_eq!((parked.trap.as_str(), parked.line), ("Divergence", 1));
    assert_eq!(parked.message, "the program asks for activity `check`, but event 4 of the history is TimerStarted");
    assert_eq!(read.unsettled().alarms.len(), 2, "its timers go on");
    let signal = |n: i64| Input::Signal {
        name: "mark".into(),
        args: Payload::json(&format!(r#"{{"n":{n}}}"#)),
        request_id: None,
        from: None,
        with_start: false,
    };
    let first = read.decide(signal(1), Timestamp(50)).unwrap();
    let names: Vec<_> = read.history[first.events.clone()].iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["ActivationFailed", "SignalReceived"], "the reason is written once, before what follows");
    assert_eq!(read.decide(signal(2), Timestamp(60)).unwrap().events.len(), 1);
    let moved = move_to(&mut read, loaded(false, false), Timestamp(70)).unwrap();
    assert_eq!(moved.events.len(), 1);
    assert!(!read.is_stuck());
    assert_eq!(read.query("seen", &Payload::json("{}")), Ok(Payload::json("2")));
    let back = Run::recover(loaded(false, false), read.history.to_vec(), vec![], Arc::default()).unwrap();
    assert!(!back.is_stuck() || back.is_computing(), "{:?}", back.stuck());
}

#[test]
fn a_long_computation_lets_others_in_between_and_answers_later() {
    let limits = Limits { fuel_slice: 1, ..Limits::default() };
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
        options: RunOptions { run_timeout_ms: Some(86_400_000), ..RunOptions::default() },
        signal: None,
    };
    let (mut run, first) = Run::start(loaded(false, false), start, Timestamp(0), Arc::new(limits));
    assert!(first.again && first.events.len() == 1, "{first:?}");
    assert_eq!(run.query("seen", &Payload::json("{}")), Err(QueryError::Computing));
    let go =
        Input::Signal { name: "go".into(), args: Payload::json("{}"), request_id: None, from: None, with_start: false };
    let second = run.decide(go, Timestamp(1)).unwrap();
    assert!(second.deferred && second.events.is_empty());
    let mut slices = 0;
    let last = loop {
        let next = run.decide(Input::Continue, Timestamp(2)).unwrap();
        slices += 1;
        if !next.settled.is_empty() || slices > 100 {
            break next;
        }
    };
    assert_eq!(last.settled, [Ok(())]);
    let names: Vec<_> = run.history[last.events.clone()].iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["ActivityScheduled", "SignalReceived"]);
}

#[test]
fn a_history_at_its_limit_parks_the_run() {
    let mut case = started(5);
    let limits = Limits { history_bytes_max: case.run.bytes as usize + 30, ..Limits::default() };
    case.run.limits = Arc::new(limits);
    case.signal("mark", r#"{"n":1}"#).unwrap();
    assert_eq!(case.run.stuck().map(|stuck| stuck.trap), Some("Limit".to_owned()));
    case.tell(10, Input::Terminate { reason: String::new(), from: None, next_run: None }).unwrap();
}

#[test]
fn ids_that_no_client_can_name_are_refused() {
    let limits = Limits::default();
    for id in ["", ".", "..", "a\nb"] {
        assert!(crate::child::workflow_id_error(id, &limits).is_some(), "{id:?}");
    }
    for id in ["...", "a.b", "order-7", "ünï"] {
        assert_eq!(crate::child::workflow_id_error(id, &limits), None, "{id:?}");
    }
}

#[test]
fn a_run_that_computes_loses_nothing_of_its_own() {
    let limits = Limits { fuel_slice: 1, mailbox_messages_max: 2, ..Limits::default() };
    let (mut run, _) = begun(loaded(false, false), 5, RunOptions::default(), limits);
    rests(&mut run);
    let mut tell = |input| run.decide(input, Timestamp(1)).map(|out| out.deferred);
    assert_eq!(tell(mark()), Ok(false));
    assert_eq!([tell(mark()), tell(mark())], [Ok(true), Ok(true)], "they wait for their turn");
    assert_eq!(tell(mark()), Err(Refused::Limit("mailbox_messages_max")));
    let cancel = |client| Input::Cancel { reason: String::new(), request_id: None, from: None, client };
    assert_eq!(tell(cancel(true)), Err(Refused::Limit("mailbox_messages_max")));
    // Nobody tells these again.
    assert_eq!(tell(Input::Due(AlarmKey::Timer(EventId(9)))), Ok(true));
    assert_eq!(tell(Input::Due(AlarmKey::StartToClose(EventId(9), 1))), Ok(true));
    let done = Input::Completed { scheduled: EventId(2), attempt: 1, result: Payload::json("21") };
    assert_eq!(tell(done), Ok(true));
    rests(&mut run);
    let shown: Vec<_> = run.history.iter().map(|event| history::plain(run.loaded.program(), event)).collect();
    assert_eq!(shown[5..], ["6 ActivityCompleted 2 21", "7 TimerStarted 30s"]);
}

#[test]
fn a_stuck_run_takes_no_more_messages_than_a_mailbox() {
    let limits = Limits { mailbox_messages_max: 2, ..Limits::default() };
    let (mut run, _) = stuck_run(limits);
    let mut tell = |input| run.decide(input, Timestamp(1)).map(drop);
    // The event that it is stuck at waits, too.
    assert_eq!(tell(mark()), Ok(()));
    assert_eq!(tell(mark()), Err(Refused::Limit("mailbox_messages_max")));
}

#[test]
fn a_stuck_run_takes_no_message_beyond_its_history() {
    let (run, _) = stuck_run(Limits::default());
    let limits = Limits { history_bytes_max: run.bytes as usize, ..Limits::default() };
    let (mut run, _) = stuck_run(limits);
    let mut tell = |input| run.decide(input, Timestamp(1)).map(drop);
    assert_eq!(tell(mark()), Ok(()));
    assert_eq!(tell(mark()), Err(Refused::Limit("history_bytes_max")));
}

/// A run that divides by zero at its last line.
fn stuck_run(limits: Limits) -> (Run, Transition) {
    let (mut run, _) = begun(loaded(false, false), 0, RunOptions::default(), limits);
    let done = Input::Completed { scheduled: EventId(2), attempt: 1, result: Payload::json("21") };
    run.decide(done, Timestamp(0)).unwrap();
    run.decide(Input::Due(AlarmKey::Timer(EventId(4))), Timestamp(30_000)).unwrap();
    let go =
        Input::Signal { name: "go".into(), args: Payload::json("{}"), request_id: None, from: None, with_start: false };
    let last = run.decide(go, Timestamp(30_000)).unwrap();
    assert!(run.is_stuck());
    (run, last)
}

/// A run that has timed out while it computed, with what it was told meanwhile.
fn timed_out_while_computing(told: Vec<Input>) -> Run {
    let retry = RunRetry { first_ms: 15_000, factor_milli: 1_000, max_ms: 15_000, attempts: 0 };
    let options = RunOptions { run_timeout_ms: Some(2_000), retry: Some(retry), ..RunOptions::default() };
    let limits = Limits { fuel_slice: 1, ..Limits::default() };
    let (mut run, _) = begun(loaded(false, false), 5, options, limits);
    rests(&mut run);
    run.decide(mark(), Timestamp(1_000)).unwrap();
    for input in told {
        assert!(run.decide(input, Timestamp(1_500)).unwrap().deferred);
    }
    assert!(run.decide(Input::Due(AlarmKey::Run), Timestamp(2_000)).unwrap().continues);
    run
}

fn next_try(mut run: Run) -> Succession {
    let args = run.handover().unwrap().args.clone();
    let next = Successor { run_id: RunId(2), loaded: loaded(false, false), workflow: 0, args, seed: [8; 16] };
    run.succeed(next, &mut Transition::default()).unwrap()
}

#[test]
fn what_was_put_off_reaches_a_delayed_next_try_at_once() {
    let next = next_try(timed_out_while_computing(vec![mark(), mark()]));
    assert_eq!(next.moved, [true, true]);
    assert_eq!(next.transition.settled, [Ok(()), Ok(())]);
    assert!(!next.transition.again, "its program has not begun");
    let cancel = Input::Cancel { reason: "enough".into(), request_id: None, from: None, client: true };
    let next = next_try(timed_out_while_computing(vec![cancel, mark()]));
    assert_eq!(next.transition.settled, [Ok(()), Err(Refused::Closed)]);
    assert!(next.transition.closed && next.run.is_closed());
}

#[test]
fn what_was_put_off_is_handed_over_as_well() {
    let run = timed_out_while_computing(vec![mark()]);
    let names: Vec<_> = run.handover().unwrap().signals.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["mark", "mark"], "one not noticed, one put off");
}
