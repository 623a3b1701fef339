//! Updates: fibers of their own, turns, and a run that ends when they have.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, INT, STRING, UNIT};
use weft_bytecode::{Constant, Type};

use super::asm::*;
use crate::WaitOn;
use crate::step::{Then, TrapKind};

/// A workflow that receives `go` and returns a text, and an update `ask` that calls an activity of a text, twice if it
/// is `beside` others.
fn trip() -> Stage {
    let mut p = P::new();
    let (empty, args) = (p.record(None, &[]), p.record(None, &[("v", STRING)]));
    let message = p.ty(Type::Option(empty));
    let ask = p.activity("ask", args, STRING, OnCancel::Try);
    let go = p.mailbox("go", empty);
    for beside in [false, true] {
        let mut u = F::new("update", &[STRING], STRING);
        let (record, h, got) = (u.reg(args), u.reg(INT), u.reg(STRING));
        for _ in 0..1 + usize::from(beside) {
            u.with(Op::New, record, 0, &[0]).with(Op::ScheduleActivity, h, ask, &[record]).op(Op::Await, got, h, 0);
        }
        u.ret(got);
        let body = p.func(u);
        p.update(if beside { "beside" } else { "ask" }, args, body, beside);
    }
    let mut f = F::new("main", &[], STRING);
    let received = f.reg(message);
    let done = p.text(&mut f, "the end");
    f.op(Op::Receive, received, go, 0).ret(done);
    p.constant(Constant::Scalar(1));
    let mut run = p.main(f);
    assert_eq!(run.start(), Then::Waiting);
    run
}

fn sent(run: &mut Stage, update: u16, number: u32) {
    assert_eq!(run.update(update, number, &format!(r#"{{"v":"text {number}"}}"#)), Then::Waiting);
}

/// The body is over; one update waits for its activity, one for its turn.
pub(super) fn ending() -> Stage {
    let mut run = trip();
    sent(&mut run, 0, 1);
    sent(&mut run, 0, 2);
    assert_eq!(run.signal(0, "{}"), Then::Waiting);
    assert!(run.vm.is_ending());
    run
}

#[test]
fn they_take_turns_and_the_run_ends_when_they_have() {
    let mut run = ending();
    let waits: Vec<_> = run.vm.waits().into_iter().map(|wait| (wait.fiber.to_string(), wait.on)).collect();
    assert_eq!(waits[0].1, WaitOn::Operation(command("u1#1")));
    assert_eq!(waits[1], (String::from("u2"), WaitOn::Turn));
    run.commands();
    assert_eq!(run.complete("u1#1", r#""one""#), Then::Waiting);
    assert_eq!(run.commands(), r#"u1#2 end_update "one"; u2#1 activity 0 {"v":"text 2"}"#);
    let Then::Completed(result) = run.complete("u2#1", r#""two""#) else { panic!("the run ends") };
    assert_eq!(result.text(), Some(r#""the end""#), "what the body returned is kept meanwhile");
    assert_eq!(run.commands(), r#"u2#2 end_update "two""#);
}

#[test]
fn one_that_is_concurrent_waits_for_nobody() {
    let mut run = trip();
    for (number, update) in [(1, 0), (2, 1), (3, 1), (4, 0)] {
        sent(&mut run, update, number);
    }
    let turns: Vec<_> = run.vm.waits().into_iter().filter(|wait| wait.on == WaitOn::Turn).collect();
    assert_eq!(turns.iter().map(|wait| wait.fiber.to_string()).collect::<Vec<_>>(), ["u4"]);
    run.complete("u2#1", r#""a""#);
    run.complete("u3#1", r#""b""#);
    run.commands();
    run.complete("u3#2", r#""c""#);
    assert_eq!(run.commands(), r#"u3#3 end_update "c""#, "its own commands are counted on its own");
    run.complete("u1#1", r#""d""#);
    assert_eq!(run.commands(), r#"u1#2 end_update "d"; u4#1 activity 0 {"v":"text 4"}"#);
}

#[test]
fn a_cancel_reaches_those_that_run_and_those_that_wait_for_their_turn() {
    let mut run = trip();
    sent(&mut run, 0, 1);
    sent(&mut run, 0, 2);
    run.commands();
    assert_eq!(run.cancel(), Then::Canceled);
    let said = run.commands();
    assert!(said.contains("u1#1 cancel"), "{said}");
    assert!(said.contains("u1#2 fail_update Canceled") && said.contains("u2#1 fail_update Canceled"), "{said}");
}

#[test]
fn an_update_that_nothing_can_end_is_found_when_the_body_is_over() {
    let mut p = P::new();
    let (empty, cell) = (p.record(None, &[]), p.cell("never", INT, false));
    let message = p.ty(Type::Option(empty));
    let go = p.mailbox("go", empty);
    let mut c = F::new("condition", &[], BOOL);
    let (n, zero, holds) = (c.reg(INT), c.int(INT, 0), c.reg(BOOL));
    c.op(Op::LoadState, n, cell, 0).op(Op::NeInt, holds, n, zero).ret(holds);
    let condition = p.func(c);
    let test = p.ty(Type::Fn(vec![], BOOL));
    let mut u = F::new("update", &[], BOOL);
    let (closure, held) = (u.reg(test), u.reg(BOOL));
    u.with(Op::Closure, closure, condition.0, &[]).op(Op::WaitUntil, held, closure, 0).ret(held);
    let body = p.func(u);
    p.update("stays", empty, body, false);
    let mut f = F::new("main", &[], INT);
    let (received, one) = (f.reg(message), f.int(INT, 1));
    f.op(Op::Receive, received, go, 0).ret(one);
    let main = p.func(f);
    let mut i = F::new("init", &[], UNIT);
    let (zero, unit) = (i.int(INT, 0), i.int(UNIT, 0));
    i.op(Op::StoreState, cell, zero, 0).ret(unit);
    let init = p.func(i);
    p.workflow(empty, init, main);
    let mut run = p.stage("{}");
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.update(0, 1, "{}"), Then::Waiting, "another update may still end it");
    match run.signal(go, "{}") {
        Then::Trapped(trap) => assert_eq!(trap.kind, TrapKind::Deadlock),
        other => panic!("{other:?}"),
    }
}
