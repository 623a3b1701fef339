//! `parallel` and `race`.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{INT, OPTION_FAILURE, UNIT};
use weft_bytecode::{FuncId, Type, TypeId};
use weft_protocol::Failure;

use super::asm::*;
use crate::step::{Then, TrapKind};

/// A branch that asks an activity and adds its argument.
fn branch(p: &mut P) -> FuncId {
    let args = p.record(None, &[("n", INT)]);
    let ask = match p.program.activities.first() {
        Some(_) => 0,
        None => p.activity("ask", args, INT, OnCancel::Try),
    };
    let mut f = F::new("branch", &[INT], INT);
    let (record, h, got) = (f.reg(args), f.reg(INT), f.reg(INT));
    f.with(Op::New, record, 0, &[0]).with(Op::ScheduleActivity, h, ask, &[record]);
    f.op(Op::Await, got, h, 0).op(Op::AddInt, got, got, 0).ret(got);
    p.func(f)
}

/// A body that opens a scope of `count` branches over 100, 200, … and returns what it gives.
fn scope(p: &mut P, kind: u16, limit: i32, count: i32, result: TypeId) -> F {
    let func = branch(p);
    let mut f = F::new("main", &[], result);
    let (limit, handle, got) = (f.int(INT, limit), f.reg(INT), f.reg(result));
    f.op(Op::ScopeOpen, handle, kind, limit);
    for n in 1..=count {
        let n = f.int(INT, n * 100);
        f.with(Op::ScopeSpawn, handle, func.0, &[n]);
    }
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    f
}

fn parallel(limit: i32, count: i32) -> Stage {
    let mut p = P::new();
    let list = p.ty(Type::List(INT));
    let f = scope(&mut p, 0, limit, count, list);
    p.main(f)
}

#[test]
fn results_are_by_position() {
    let mut run = parallel(0, 3);
    run.start();
    assert_eq!(run.commands(), r#"0.1#1 activity 0 {"n":100}; 0.2#1 activity 0 {"n":200}; 0.3#1 activity 0 {"n":300}"#);
    run.complete("0.3#1", "3");
    run.complete("0.1#1", "1");
    assert_eq!(done(run.complete("0.2#1", "2")), "[101,202,303]");
}

#[test]
fn no_branches_is_no_wait() {
    assert_eq!(parallel(0, 0).result(), "[]");
}

#[test]
fn a_limit_lets_few_run_at_a_time() {
    let mut run = parallel(2, 4);
    run.start();
    assert_eq!(run.commands(), r#"0.1#1 activity 0 {"n":100}; 0.2#1 activity 0 {"n":200}"#);
    run.complete("0.2#1", "2");
    assert_eq!(run.commands(), r#"0.3#1 activity 0 {"n":300}"#);
    run.complete("0.3#1", "3");
    run.complete("0.1#1", "1");
    assert_eq!(done(run.complete("0.4#1", "4")), "[101,202,303,404]");
}

#[test]
fn the_first_failure_cancels_the_others_and_is_thrown_when_they_ended() {
    let mut run = parallel(2, 4);
    run.start();
    run.commands();
    let then = run.fail("0.2#1", Failure::new("Strange", "x"));
    // Its sibling is canceled and the pending ones never begin.
    assert_eq!(run.commands(), "0.1#1 cancel");
    assert_eq!(failed(then).kind, "Strange");
}

#[test]
fn tuples_take_branches_of_several_types() {
    let mut p = P::new();
    let ask = branch(&mut p);
    let mut two = F::new("two", &[], UNIT);
    let unit = two.int(UNIT, 0);
    two.ret(unit);
    let two = p.func(two);
    let pair = p.ty(Type::Tuple(vec![INT, UNIT]));
    let mut f = F::new("main", &[], pair);
    let (limit, handle, got, n) = (f.int(INT, 0), f.reg(INT), f.reg(pair), f.int(INT, 5));
    f.op(Op::ScopeOpen, handle, 0, limit);
    f.with(Op::ScopeSpawn, handle, ask.0, &[n]).with(Op::ScopeSpawn, handle, two.0, &[]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    let mut run = p.main(f);
    run.start();
    assert_eq!(done(run.complete("0.1#1", "1")), "[6,null]");
}

#[test]
fn a_join_as_another_type_is_a_broken_program() {
    let mut p = P::new();
    let list = p.ty(Type::List(UNIT));
    let f = scope(&mut p, 0, 0, 1, list);
    let mut run = p.main(f);
    run.start();
    assert!(matches!(run.complete("0.1#1", "1"), Then::Trapped(trap) if trap.kind == TrapKind::Corrupt));
}

fn race(count: i32) -> Stage {
    let mut p = P::new();
    let f = scope(&mut p, 1, 0, count, INT);
    p.main(f)
}

#[test]
fn the_first_of_a_race_wins_and_the_others_are_canceled() {
    let mut run = race(3);
    run.start();
    run.commands();
    let then = run.complete("0.2#1", "2");
    assert_eq!(run.commands(), "0.1#1 cancel; 0.3#1 cancel");
    assert_eq!(done(then), "202");
}

#[test]
fn a_race_may_be_lost_by_failing_first() {
    let mut run = race(2);
    run.start();
    assert_eq!(failed(run.fail("0.1#1", Failure::new("Strange", "x"))).kind, "Strange");
}

#[test]
fn a_branch_that_does_not_wait_wins_before_the_others_begin() {
    let mut p = P::new();
    let ask = branch(&mut p);
    let mut now = F::new("now", &[], INT);
    let seven = now.int(INT, 7);
    now.ret(seven);
    let now = p.func(now);
    let mut f = F::new("main", &[], INT);
    let (limit, handle, got, n) = (f.int(INT, 0), f.reg(INT), f.reg(INT), f.int(INT, 5));
    f.op(Op::ScopeOpen, handle, 1, limit);
    f.with(Op::ScopeSpawn, handle, now.0, &[]).with(Op::ScopeSpawn, handle, ask.0, &[n]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    let mut run = p.main(f);
    assert_eq!(done(run.start()), "7");
    assert_eq!(run.commands(), "");
}

#[test]
fn fibers_have_a_limit() {
    let mut p = P::new();
    let list = p.ty(Type::List(INT));
    let f = scope(&mut p, 0, 0, 5, list);
    p.limits.fibers_max = 4;
    assert!(matches!(p.main(f).start(), Then::Trapped(trap) if trap.kind == TrapKind::Limit));
}

/// `try { scope of a throwing argument } catch => wait`: the scope is left without a join.
#[test]
fn a_scope_left_by_a_failure_is_canceled() {
    let mut p = P::new();
    let ask = branch(&mut p);
    let boom = p.error("Boom", &[]);
    let mut f = F::new("main", &[], INT);
    let (limit, handle, n) = (f.int(INT, 0), f.reg(INT), f.int(INT, 5));
    let (message, none, e, caught) =
        (p.text(&mut f, "b"), f.reg(OPTION_FAILURE), f.reg(boom), f.reg(weft_bytecode::types::builtin::FAILURE));
    let (from, to, target) = (f.label(), f.label(), f.label());
    f.here(from).op(Op::ScopeOpen, handle, 0, limit).with(Op::ScopeSpawn, handle, ask.0, &[n]);
    f.op(Op::LoadNone, none, 0, 0).with(Op::New, e, 0, &[message, none]).op(Op::Throw, e, 0, 0);
    f.here(to).here(target);
    let got = f.reg(INT);
    f.with(Op::Call, got, ask.0, &[n]).ret(got);
    f.handler(from, to, target, caught);
    let mut run = p.main(f);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.commands(), r#"0#1 activity 0 {"n":5}"#);
    assert_eq!(done(run.complete("0#1", "1")), "6");
}

#[test]
fn scopes_nest() {
    let mut p = P::new();
    let list = p.ty(Type::List(INT));
    let lists = p.ty(Type::List(list));
    let inner = scope(&mut p, 0, 0, 2, list);
    let inner = p.func(inner);
    let mut f = F::new("outer", &[], lists);
    let (limit, handle, got) = (f.int(INT, 1), f.reg(INT), f.reg(lists));
    f.op(Op::ScopeOpen, handle, 0, limit);
    f.with(Op::ScopeSpawn, handle, inner.0, &[]).with(Op::ScopeSpawn, handle, inner.0, &[]);
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    let mut run = p.main(f);
    run.start();
    assert_eq!(run.commands(), r#"0.1.1#1 activity 0 {"n":100}; 0.1.2#1 activity 0 {"n":200}"#);
    run.complete("0.1.2#1", "2");
    run.complete("0.1.1#1", "1");
    assert_eq!(run.commands(), r#"0.2.1#1 activity 0 {"n":100}; 0.2.2#1 activity 0 {"n":200}"#);
    run.complete("0.2.1#1", "3");
    assert_eq!(done(run.complete("0.2.2#1", "4")), "[[101,202],[103,204]]");
}
