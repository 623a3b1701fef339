//! Commands and waits of one fiber.

use weft_bytecode::op::{DETACHED, Op};
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, DURATION, INT, STRING, TIME, UNIT};
use weft_bytecode::{Constant, FuncId, Type, TypeId};
use weft_protocol::event::RunRef;
use weft_protocol::{Failure, RunId};

use super::asm::*;
use crate::step::{Activation, Then, TrapKind, WaitOn};

#[test]
fn an_activity_is_scheduled_awaited_and_returned() {
    let mut p = P::new();
    let args = p.record(None, &[("name", STRING), ("times", INT)]);
    let greet = p.activity("greet", args, STRING, OnCancel::Try);
    let mut body = F::new("main", &[], STRING);
    let name = p.text(&mut body, "Ann \"A\"");
    let times = body.int(INT, -3);
    let (record, handle, result) = (body.reg(args), body.reg(INT), body.reg(STRING));
    body.with(Op::New, record, 0, &[name, times]);
    body.with(Op::ScheduleActivity, handle, greet, &[record]);
    body.op(Op::Await, result, handle, 0).ret(result);
    let mut run = p.main(body);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.commands(), r#"0#1 activity 0 {"name":"Ann \"A\"","times":-3}"#);
    assert_eq!(run.vm.waits()[0].on, WaitOn::Operation(command("0#1")));
    assert_eq!(done(run.complete("0#1", "\"hello\"")), "\"hello\"");
    assert_eq!(run.vm.waits(), []);
}

#[test]
fn steps_follow_each_other() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let noop = p.activity("noop", args, UNIT, OnCancel::Try);
    let mut body = F::new("main", &[], UNIT);
    let (record, handle, result) = (body.reg(args), body.reg(INT), body.reg(UNIT));
    for _ in 0..3 {
        body.with(Op::New, record, 0, &[]);
        body.with(Op::ScheduleActivity, handle, noop, &[record]);
        body.op(Op::Await, result, handle, 0);
    }
    body.ret(result);
    let mut run = p.main(body);
    run.start();
    run.complete("0#1", "null");
    run.complete("0#2", "null");
    assert_eq!(run.commands(), "0#1 activity 0 {}; 0#2 activity 0 {}; 0#3 activity 0 {}");
    assert_eq!(done(run.complete("0#3", "null")), "null");
}

#[test]
fn an_operation_may_end_before_it_is_awaited() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let noop = p.activity("noop", args, INT, OnCancel::Try);
    let mut f = F::new("main", &[], INT);
    let (record, a, b, x, y) = (f.reg(args), f.reg(INT), f.reg(INT), f.reg(INT), f.reg(INT));
    f.with(Op::New, record, 0, &[]);
    f.with(Op::ScheduleActivity, a, noop, &[record]).with(Op::ScheduleActivity, b, noop, &[record]);
    f.op(Op::Await, x, a, 0).op(Op::Await, y, b, 0).op(Op::SubInt, x, x, y).ret(x);
    let mut run = p.main(f);
    run.start();
    assert_eq!(run.complete("0#2", "2"), Then::Waiting);
    // What was recorded twice, or for nobody, changes nothing.
    assert_eq!(run.complete("0#2", "9"), Then::Waiting);
    assert_eq!(run.complete("0.4#1", "9"), Then::Waiting);
    assert_eq!(done(run.complete("0#1", "10")), "8");
}

#[test]
fn a_result_of_another_type_is_a_trap_and_not_a_panic() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let noop = p.activity("noop", args, INT, OnCancel::Try);
    let mut f = F::new("main", &[], INT);
    let (record, a, x) = (f.reg(args), f.reg(INT), f.reg(INT));
    f.with(Op::New, record, 0, &[]).with(Op::ScheduleActivity, a, noop, &[record]);
    let pc = f.pc();
    f.op(Op::Await, x, a, 0).ret(x);
    let mut run = p.main(f);
    run.start();
    match run.complete("0#1", "\"x\"") {
        Then::Trapped(trap) => {
            assert_eq!(trap.kind, TrapKind::Decode);
            assert_eq!(trap.site.map(|site| site.pc), Some(pc));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn call_site_options_go_along() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let od = p.ty(Type::Option(DURATION));
    let options = p.record(None, &[("timeout", DURATION), ("heartbeat", od), ("on_cancel", STRING)]);
    let noop = p.activity("noop", args, UNIT, OnCancel::Try);
    let mut f = F::new("main", &[], UNIT);
    let (record, with, a, x, none) = (f.reg(args), f.reg(options), f.reg(INT), f.reg(UNIT), f.reg(od));
    let (timeout, mode) = (f.int(DURATION, 90_000), p.text(&mut f, "wait"));
    f.with(Op::New, record, 0, &[]).op(Op::LoadNone, none, 0, 0).with(Op::New, with, 0, &[timeout, none, mode]);
    f.with(Op::ScheduleActivity, a, noop, &[record, with]).op(Op::Await, x, a, 0).ret(x);
    let mut run = p.main(f);
    run.start();
    assert_eq!(run.commands(), r#"0#1 activity 0 {} {"timeout":90000,"on_cancel":"wait"}"#);
    // `wait`: the cancel is passed on and the end awaited.
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "0#1 cancel");
    assert_eq!(run.fail("0#1", Failure::new("Canceled", "canceled")), Then::Canceled);
}

#[test]
fn timers_are_due_by_the_clock_of_the_event() {
    let mut p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let k = p.constant(Constant::Scalar(5_000));
    let (after, none, at, past) = (f.int(DURATION, 1_500), f.int(DURATION, 0), f.reg(TIME), f.int(TIME, 2_000));
    f.wide(Op::LoadConst, at, k);
    let (h, u) = (f.reg(INT), f.reg(UNIT));
    // A duration that is not positive and a time that is past are no timers and no waits.
    f.op(Op::StartTimer, h, none, 0).op(Op::Await, u, h, 0);
    f.op(Op::StartTimer, h, after, 0).op(Op::Await, u, h, 0);
    f.op(Op::StartTimerAt, h, at, 0).op(Op::Await, u, h, 0);
    f.op(Op::StartTimerAt, h, past, 0).op(Op::Await, u, h, 0).ret(u);
    let mut run = p.main(f);
    run.start();
    assert_eq!(run.commands(), "0#1 timer 2500");
    run.complete("0#1", "null");
    assert_eq!(run.commands(), "0#2 timer 5000");
    assert_eq!(done(run.complete("0#2", "null")), "null");
}

/// A workflow that waits until the state cell `go` is true or a limit has passed, with a signal that sets it.
fn conditional(limit: Option<i32>, at_once: bool) -> Stage {
    let mut p = P::new();
    let empty = p.record(None, &[]);
    let go = p.cell("go", BOOL, false);
    let condition_ty = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("main.condition", &[], BOOL);
    let value = c.reg(BOOL);
    c.op(Op::LoadState, value, go, 0).ret(value);
    let condition = p.func(c);
    let mut h = F::new("main.set", &[], UNIT);
    let (yes, unit) = (h.int(BOOL, 1), h.int(UNIT, 0));
    h.op(Op::StoreState, go, yes, 0).ret(unit);
    let handler = p.func(h);
    p.handler("set", empty, handler);
    let mut f = F::new("main", &[], BOOL);
    let (closure, got) = (f.reg(condition_ty), f.reg(BOOL));
    if at_once {
        let yes = f.int(BOOL, 1);
        f.op(Op::StoreState, go, yes, 0);
    }
    f.with(Op::Closure, closure, condition.0, &[]);
    match limit {
        Some(limit) => {
            let limit = f.int(DURATION, limit);
            f.op(Op::WaitUntilFor, got, closure, limit);
        }
        None => {
            f.op(Op::WaitUntil, got, closure, 0);
        }
    }
    f.ret(got);
    p.main(f)
}

#[test]
fn a_condition_is_tested_after_every_event() {
    let mut run = conditional(None, false);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.vm.waits()[0].on, WaitOn::Condition { timer: None });
    assert_eq!(done(run.signal(0, "{}")), "true");
    assert_eq!(run.commands(), "");
}

#[test]
fn a_condition_that_holds_does_not_wait() {
    let mut run = conditional(Some(1_000), true);
    assert_eq!(done(run.start()), "true");
    assert_eq!(run.commands(), "");
}

#[test]
fn the_limit_of_a_condition_is_a_timer() {
    let mut run = conditional(Some(1_000), false);
    run.start();
    assert_eq!(run.commands(), "0#1 timer 2000");
    assert_eq!(run.vm.waits()[0].on, WaitOn::Condition { timer: Some(command("0#1")) });
    assert_eq!(done(run.complete("0#1", "null")), "false");
    assert_eq!(run.commands(), "");
}

#[test]
fn a_condition_that_wins_cancels_its_limit() {
    let mut run = conditional(Some(1_000), false);
    run.start();
    run.commands();
    assert_eq!(done(run.signal(0, "{}")), "true");
    assert_eq!(run.commands(), "0#1 cancel");
}

#[test]
fn a_limit_of_nothing_is_over_at_once() {
    let mut run = conditional(Some(0), false);
    assert_eq!(done(run.start()), "false");
    assert_eq!(run.commands(), "");
}

/// A body that receives a message, perhaps within a limit.
fn receiver(limit: Option<i32>) -> Stage {
    let mut p = P::new();
    let message = p.record(Some("Mail"), &[("text", STRING), ("n", INT)]);
    let optional = p.ty(Type::Option(message));
    let mail = p.mailbox("mail", message);
    let mut f = F::new("main", &[], optional);
    let got = f.reg(optional);
    match limit {
        Some(limit) => {
            let limit = f.int(DURATION, limit);
            f.op(Op::ReceiveFor, got, mail, limit);
        }
        None => {
            f.op(Op::Receive, got, mail, 0);
        }
    }
    f.ret(got);
    p.main(f)
}

#[test]
fn a_message_waits_for_its_receiver_and_the_other_way_around() {
    let mut run = receiver(None);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.vm.waits()[0].on, WaitOn::Message { signal: 0, timer: None });
    assert_eq!(done(run.signal(0, r#"{"text":"a","n":1}"#)), r#"{"text":"a","n":1}"#);
}

#[test]
fn a_limited_receive_gives_none_or_cancels_its_timer() {
    let mut run = receiver(Some(500));
    run.start();
    assert_eq!(run.commands(), "0#1 timer 1500");
    assert_eq!(done(run.complete("0#1", "null")), "null");
    let mut run = receiver(Some(500));
    run.start();
    run.commands();
    assert_eq!(done(run.signal(0, r#"{"text":"a","n":1}"#)), r#"{"text":"a","n":1}"#);
    assert_eq!(run.commands(), "0#1 cancel");
    let mut run = receiver(Some(-1));
    assert_eq!(done(run.start()), "null");
}

#[test]
fn unread_messages_are_counted() {
    let mut p = P::new();
    let message = p.record(None, &[("n", INT)]);
    let optional = p.ty(Type::Option(message));
    let mail = p.mailbox("mail", message);
    let mut f = F::new("main", &[], INT);
    let (h, u, got, some, n) = (f.reg(INT), f.reg(UNIT), f.reg(optional), f.reg(message), f.reg(INT));
    let long = f.int(DURATION, 60_000);
    f.op(Op::StartTimer, h, long, 0).op(Op::Await, u, h, 0);
    f.op(Op::Receive, got, mail, 0).op(Op::Unwrap, some, got, 0).op(Op::Field, n, some, 0).ret(n);
    p.limits.mailbox_messages_max = 3;
    let mut run = p.main(f);
    run.start();
    for n in 1..=3 {
        assert_eq!(run.signal(0, &format!("{{\"n\":{n}}}")), Then::Waiting);
    }
    assert_eq!(run.vm.unread(), [(0, 3)]);
    assert!(matches!(run.clone_of().signal(0, "{\"n\":4}"), Then::Trapped(trap) if trap.kind == TrapKind::Limit));
    assert_eq!(done(run.complete("0#1", "null")), "1");
    assert_eq!(run.vm.unread(), [(0, 2)]);
}

fn child(attached: bool) -> (Stage, TypeId) {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let handle_ty = p.ty(Type::Run("w0".into()));
    let result = if attached { UNIT } else { handle_ty };
    let mut f = F::new("main", &[], result);
    let (record, h, got) = (f.reg(args), f.reg(INT), f.reg(result));
    f.with(Op::New, record, 0, &[]);
    f.flagged(Op::StartChild, h, 0, if attached { 0 } else { DETACHED }, &[record]);
    f.op(if attached { Op::Await } else { Op::AwaitStarted }, got, h, 0).ret(got);
    (p.main(f), result)
}

fn started(op: &str) -> Activation {
    Activation::ChildStarted { op: command(op), run: RunRef { workflow_id: "c".into(), run_id: RunId(5) } }
}

#[test]
fn a_child_is_called() {
    let (mut run, _) = child(true);
    run.start();
    assert_eq!(run.commands(), "0#1 child 0 {}");
    assert_eq!(run.step(started("0#1")).then, Then::Waiting);
    assert_eq!(done(run.complete("0#1", "null")), "null");
}

#[test]
fn a_child_is_started_and_left() {
    let (mut run, _) = child(false);
    run.start();
    assert_eq!(run.commands(), "0#1 start 0 {}");
    assert_eq!(done(run.step(started("0#1")).then), r#"{"workflow_id":"c","run_id":"0000000000000005"}"#);
}

#[test]
fn a_start_that_is_refused_is_thrown() {
    let (mut run, _) = child(false);
    run.start();
    let refused = Failure::new("ChildFailed", "refused")
        .with_details(&serde_json::json!({"workflow_id":"c","run_id":""}))
        .with_cause(Failure::new("AlreadyRunning", "c is running"));
    assert_eq!(failed(run.fail("0#1", refused.clone())), refused);
}

#[test]
fn nothing_can_wake_a_run_that_only_waits_for_itself() {
    let mut p = P::new();
    let condition_ty = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("never", &[], BOOL);
    let no = c.int(BOOL, 0);
    c.ret(no);
    let condition = p.func(c);
    let mut f = F::new("main", &[], BOOL);
    let (closure, got) = (f.reg(condition_ty), f.reg(BOOL));
    f.with(Op::Closure, closure, condition.0, &[]).op(Op::WaitUntil, got, closure, 0).ret(got);
    let (kind, pc) = p.main(f).trap();
    assert_eq!((kind, pc), (TrapKind::Deadlock, 2));
}

#[test]
fn a_condition_may_not_wait() {
    let mut p = P::new();
    let condition_ty = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("waits", &[], BOOL);
    let (after, h, yes) = (c.int(DURATION, 5), c.reg(INT), c.int(BOOL, 1));
    c.op(Op::StartTimer, h, after, 0).ret(yes);
    let condition = p.func(c);
    let mut handler = F::new("handler", &[], UNIT);
    let (after, h, unit) = (handler.int(DURATION, 5), handler.reg(INT), handler.int(UNIT, 0));
    handler.op(Op::StartTimer, h, after, 0).ret(unit);
    let handler = p.func(handler);
    let empty = p.record(None, &[]);
    p.handler("bad", empty, handler);
    let mut f = F::new("main", &[], BOOL);
    let (closure, got, after, h, u) = (f.reg(condition_ty), f.reg(BOOL), f.int(DURATION, 5), f.reg(INT), f.reg(UNIT));
    f.op(Op::StartTimer, h, after, 0).op(Op::Await, u, h, 0);
    f.with(Op::Closure, closure, condition.0, &[]).op(Op::WaitUntil, got, closure, 0).ret(got);
    let mut run = p.main(f);
    run.start();
    for then in [run.clone_of().complete("0#1", "null"), run.clone_of().signal(0, "{}")] {
        assert!(matches!(then, Then::Trapped(trap) if trap.kind == TrapKind::Corrupt));
    }
}

#[test]
fn pending_operations_have_a_limit() {
    let mut p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let (after, h, u) = (f.int(DURATION, 5), f.reg(INT), f.int(UNIT, 0));
    for _ in 0..4 {
        f.op(Op::StartTimer, h, after, 0);
    }
    f.ret(u);
    p.limits.pending_commands_max = 3;
    assert_eq!(p.main(f).trap(), (TrapKind::Limit, 6));
}

#[test]
fn a_second_start_is_refused() {
    let (mut run, _) = child(true);
    run.start();
    assert!(matches!(run.start(), Then::Trapped(trap) if trap.kind == TrapKind::Corrupt));
}

#[test]
fn functions_of_a_wait_may_be_anywhere() {
    // A flow that waits, called by main: the frames below it are part of the state.
    let mut p = P::new();
    let args = p.record(None, &[]);
    let noop = p.activity("noop", args, INT, OnCancel::Try);
    let mut flow = F::new("flow", &[INT], INT);
    let (record, h, got) = (flow.reg(args), flow.reg(INT), flow.reg(INT));
    flow.with(Op::New, record, 0, &[]).with(Op::ScheduleActivity, h, noop, &[record]);
    flow.op(Op::Await, got, h, 0).op(Op::AddInt, got, got, 0).ret(got);
    let flow: FuncId = p.func(flow);
    let mut f = F::new("main", &[], INT);
    let (n, got) = (f.int(INT, 40), f.reg(INT));
    f.with(Op::Call, got, flow.0, &[n]).with(Op::Call, got, flow.0, &[got]).ret(got);
    let mut run = p.main(f);
    run.start();
    run.complete("0#1", "1");
    assert_eq!(done(run.complete("0#2", "1")), "42");
}
