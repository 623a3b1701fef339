//! Cancellation of the run, at each kind of wait.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, CANCELED, DURATION, FAILURE, INT, UNIT};
use weft_bytecode::{FuncId, Type};
use weft_protocol::Failure;

use super::asm::*;
use crate::step::Then;

/// An activity called in a function that returns 1, or 2 if it was canceled: then it cleans up with another activity.
fn guarded(p: &mut P, mode: OnCancel) -> FuncId {
    let args = p.record(None, &[]);
    let work = p.activity("work", args, UNIT, mode);
    let clean = p.activity("clean", args, UNIT, OnCancel::Try);
    let mut f = F::new("guarded", &[], INT);
    let (record, h, u, caught) = (f.reg(args), f.reg(INT), f.reg(UNIT), f.reg(FAILURE));
    let (one, two) = (f.int(INT, 1), f.int(INT, 2));
    let (from, to, target) = (f.label(), f.label(), f.label());
    f.with(Op::New, record, 0, &[]);
    f.here(from).with(Op::ScheduleActivity, h, work, &[record]).op(Op::Await, u, h, 0).here(to);
    f.ret(one);
    f.here(target).with(Op::ScheduleActivity, h, clean, &[record]).op(Op::Await, u, h, 0).ret(two);
    f.handler(from, to, target, caught);
    p.func(f)
}

fn main_of(mut p: P, func: FuncId) -> Stage {
    let mut f = F::new("main", &[], INT);
    let got = f.reg(INT);
    f.with(Op::Call, got, func.0, &[]).ret(got);
    let _ = &mut p;
    p.main(f)
}

#[test]
fn a_cancel_is_thrown_once_and_may_be_cleaned_up_after() {
    let mut p = P::new();
    let func = guarded(&mut p, OnCancel::Try);
    let mut run = main_of(p, func);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "0#1 cancel; 0#2 activity 1 {}");
    // What the canceled activity still says is of no interest.
    assert_eq!(run.complete("0#1", "null"), Then::Waiting);
    // A second request changes nothing.
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "");
    assert_eq!(done(run.complete("0#2", "null")), "2");
}

#[test]
fn an_operation_may_be_abandoned() {
    let mut p = P::new();
    let func = guarded(&mut p, OnCancel::Abandon);
    let mut run = main_of(p, func);
    run.start();
    run.commands();
    run.cancel();
    assert_eq!(run.commands(), "0#2 activity 1 {}");
}

#[test]
fn an_awaited_end_decides() {
    let mut p = P::new();
    let func = guarded(&mut p, OnCancel::Wait);
    let mut run = main_of(p, func);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "0#1 cancel");
    // It completed all the same: that is what happened.
    assert_eq!(done(run.clone_of().complete("0#1", "null")), "1");
    run.fail("0#1", Failure::new("Canceled", "canceled"));
    assert_eq!(run.commands(), "0#2 activity 1 {}");
}

#[test]
fn children_are_waited_for_by_default() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let mut f = F::new("main", &[], UNIT);
    let (record, h, u) = (f.reg(args), f.reg(INT), f.reg(UNIT));
    f.with(Op::New, record, 0, &[]).with(Op::StartChild, h, 0, &[record]).op(Op::Await, u, h, 0).ret(u);
    let mut run = p.main(f);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "0#1 cancel");
    let ended = Failure::new("ChildFailed", "x").with_cause(Failure::new("Canceled", "canceled"));
    assert_eq!(failed(run.clone_of().fail("0#1", ended)).kind, "ChildFailed");
    assert_eq!(run.fail("0#1", Failure::new("Canceled", "canceled")), Then::Canceled);
}

#[test]
fn timers_and_limits_are_canceled() {
    let p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let (after, h, u) = (f.int(DURATION, 5_000), f.reg(INT), f.reg(UNIT));
    f.op(Op::StartTimer, h, after, 0).op(Op::Await, u, h, 0).ret(u);
    let mut run = p.main(f);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Canceled);
    assert_eq!(run.commands(), "0#1 cancel");
    let mut p = P::new();
    let message = p.record(None, &[]);
    let optional = p.ty(Type::Option(message));
    let mail = p.mailbox("mail", message);
    let mut f = F::new("main", &[], optional);
    let (limit, got) = (f.int(DURATION, 5_000), f.reg(optional));
    f.op(Op::ReceiveFor, got, mail, limit).ret(got);
    let mut run = p.main(f);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Canceled);
    assert_eq!(run.commands(), "0#1 cancel");
}

#[test]
fn a_condition_is_canceled() {
    let mut p = P::new();
    let empty = p.record(None, &[]);
    let condition_ty = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("never", &[], BOOL);
    let no = c.int(BOOL, 0);
    c.ret(no);
    let condition = p.func(c);
    let mut h = F::new("poke", &[], UNIT);
    let unit = h.int(UNIT, 0);
    h.ret(unit);
    let handler = p.func(h);
    p.handler("poke", empty, handler);
    let mut f = F::new("main", &[], BOOL);
    let (closure, got) = (f.reg(condition_ty), f.reg(BOOL));
    f.with(Op::Closure, closure, condition.0, &[]).op(Op::WaitUntil, got, closure, 0).ret(got);
    let mut run = p.main(f);
    run.start();
    assert_eq!(run.signal(0, "{}"), Then::Waiting);
    assert_eq!(run.cancel(), Then::Canceled);
}

#[test]
fn canceled_without_a_request_is_a_failure() {
    let mut p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let (message, none, e) =
        (p.text(&mut f, "c"), f.reg(weft_bytecode::types::builtin::OPTION_FAILURE), f.reg(CANCELED));
    f.op(Op::LoadNone, none, 0, 0).with(Op::New, e, 0, &[message, none]).op(Op::Throw, e, 0, 0);
    assert_eq!(failed(p.main(f).start()).kind, "Canceled");
}

/// Two guarded branches in parallel.
fn two(mode: OnCancel) -> Stage {
    let mut p = P::new();
    let func = guarded(&mut p, mode);
    let list = p.ty(Type::List(INT));
    let mut f = F::new("main", &[], list);
    let (limit, handle, got) = (f.int(INT, 0), f.reg(INT), f.reg(list));
    f.op(Op::ScopeOpen, handle, 0, limit);
    f.with(Op::ScopeSpawn, handle, func.0, &[]).with(Op::ScopeSpawn, handle, func.0, &[]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    p.main(f)
}

#[test]
fn inner_fibers_are_canceled_first_and_the_join_throws_when_they_have_ended() {
    let mut run = two(OnCancel::Try);
    run.start();
    run.commands();
    assert_eq!(run.cancel(), Then::Waiting);
    assert_eq!(run.commands(), "0.1#1 cancel; 0.2#1 cancel; 0.1#2 activity 1 {}; 0.2#2 activity 1 {}");
    assert_eq!(run.complete("0.2#2", "null"), Then::Waiting);
    // Both branches returned, but the join was canceled.
    assert_eq!(run.complete("0.1#2", "null"), Then::Canceled);
}

#[test]
fn a_branch_that_fails_cancels_its_sibling_and_waits_for_its_cleanup() {
    let mut p = P::new();
    let func = guarded(&mut p, OnCancel::Try);
    let args = p.record(None, &[]);
    let mut plain = F::new("plain", &[], INT);
    let ask = p.activity("ask", args, INT, OnCancel::Try);
    let (record, h, n) = (plain.reg(args), plain.reg(INT), plain.reg(INT));
    plain.with(Op::New, record, 0, &[]).with(Op::ScheduleActivity, h, ask, &[record]).op(Op::Await, n, h, 0).ret(n);
    let plain = p.func(plain);
    let list = p.ty(Type::List(INT));
    let mut f = F::new("main", &[], list);
    let (limit, handle, got) = (f.int(INT, 0), f.reg(INT), f.reg(list));
    f.op(Op::ScopeOpen, handle, 0, limit);
    f.with(Op::ScopeSpawn, handle, func.0, &[]).with(Op::ScopeSpawn, handle, plain.0, &[]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    let mut run = p.main(f);
    run.start();
    run.commands();
    assert_eq!(run.fail("0.2#1", Failure::new("Strange", "x")), Then::Waiting);
    assert_eq!(run.commands(), "0.1#1 cancel; 0.1#2 activity 1 {}");
    // The cancel of the run finds nothing that was not canceled but the join.
    assert_eq!(run.clone_of().cancel(), Then::Waiting);
    assert_eq!(failed(run.complete("0.1#2", "null")).kind, "Strange");
}

#[test]
fn a_fiber_that_did_not_wait_yet_is_canceled_at_its_first_wait() {
    // Branch 1 fails at once; branch 2 had not run, so it never does.
    let mut p = P::new();
    let func = guarded(&mut p, OnCancel::Try);
    let boom = p.error("Boom", &[]);
    let mut bad = F::new("bad", &[], INT);
    let (message, none, e) =
        (p.text(&mut bad, "b"), bad.reg(weft_bytecode::types::builtin::OPTION_FAILURE), bad.reg(boom));
    bad.op(Op::LoadNone, none, 0, 0).with(Op::New, e, 0, &[message, none]).op(Op::Throw, e, 0, 0);
    let bad = p.func(bad);
    let list = p.ty(Type::List(INT));
    let mut f = F::new("main", &[], list);
    let (limit, handle, got) = (f.int(INT, 0), f.reg(INT), f.reg(list));
    f.op(Op::ScopeOpen, handle, 0, limit);
    f.with(Op::ScopeSpawn, handle, bad.0, &[]).with(Op::ScopeSpawn, handle, func.0, &[]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    let mut run = p.main(f);
    assert_eq!(failed(run.start()).kind, "Boom");
    assert_eq!(run.commands(), "");
}
