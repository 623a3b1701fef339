//! What is made outside the heap is bounded before it is made: text that a value becomes, lists of what is shared,
//! commands, log lines.

use weft_bytecode::op::{Native, Op};
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, DURATION, FAILURE, INT, JSON, OPTION_FAILURE, STRING, UNIT};
use weft_bytecode::{Type, TypeId};

use super::asm::*;
use crate::step::{Activation, Then, Trap, TrapKind};

/// Items of a list that are one and the same.
const SHARED: usize = 20_000;

/// A text of 100 kB, and a list that holds it many times over: 2 GB if it were written out.
fn texts(p: &mut P, f: &mut F) -> (TypeId, u16, u16) {
    let ty = p.ty(Type::List(STRING));
    let big = p.text(f, &"x".repeat(100_000));
    let list = f.reg(ty);
    f.with(Op::NewList, list, 0, &vec![big; SHARED]);
    (ty, big, list)
}

fn small() -> P {
    let mut p = P::new();
    p.limits.heap_bytes_max = 4 << 20;
    p
}

#[test]
fn text_larger_than_the_heap_is_not_made() {
    for (native, ty) in [(Native::ToText, STRING), (Native::ToJson, JSON), (Native::ListJoin, STRING)] {
        let mut p = small();
        let mut f = F::new("main", &[], INT);
        let (_, _, list) = texts(&mut p, &mut f);
        let comma = p.text(&mut f, ",");
        let pc = f.pc();
        let args = [list, comma];
        f.native(native, ty, if native == Native::ListJoin { &args } else { &args[..1] });
        let zero = f.int(INT, 0);
        f.ret(zero);
        assert_eq!(p.main(f).trap(), (TrapKind::Memory, pc), "{native:?}");
    }
    let mut p = small();
    let mut f = F::new("main", &[], STRING);
    let (_, _, list) = texts(&mut p, &mut f);
    let (pc, text) = (f.pc(), f.reg(STRING));
    f.with(Op::Concat, text, 0, &[list, list]).ret(text);
    assert_eq!(p.main(f).trap(), (TrapKind::Memory, pc));
}

#[test]
fn replacing_much_with_more_is_not_made() {
    let mut p = small();
    let mut f = F::new("main", &[], STRING);
    let (text, from, to) =
        (p.text(&mut f, &"x".repeat(20_000)), p.text(&mut f, "x"), p.text(&mut f, &"y".repeat(100_000)));
    let pc = f.pc();
    let got = f.native(Native::StringReplace, STRING, &[text, from, to]);
    f.ret(got);
    assert_eq!(p.main(f).trap(), (TrapKind::Memory, pc));
}

#[test]
fn lists_of_what_is_shared_are_not_made() {
    let mut p = small();
    let mut f = F::new("main", &[], INT);
    let inner = p.ty(Type::List(INT));
    let outer = p.ty(Type::List(inner));
    let (from, to, step) = (f.int(INT, 0), f.int(INT, 10_000), f.int(INT, 1));
    let items = f.native(Native::Range, inner, &[from, to, step]);
    let lists = f.reg(outer);
    f.with(Op::NewList, lists, 0, &vec![items; SHARED]);
    let pc = f.pc();
    f.native(Native::ListFlatten, inner, &[lists]);
    f.ret(from);
    assert_eq!(p.main(f).trap(), (TrapKind::Memory, pc));
}

fn limit(then: Then, name: &str) {
    let Then::Trapped(Trap { kind, message, .. }) = then else { panic!("{then:?}") };
    assert!(kind == TrapKind::Limit && message.contains(name), "{message}");
}

#[test]
fn a_payload_ends_where_its_limit_is() {
    let mut p = P::new();
    let args = p.ty(Type::List(STRING));
    let args = p.record(None, &[("texts", args)]);
    let act = p.activity("act", args, UNIT, OnCancel::Try);
    let mut f = F::new("main", &[], INT);
    let (_, _, list) = texts(&mut p, &mut f);
    let (record, handle) = (f.reg(args), f.reg(INT));
    f.with(Op::New, record, 0, &[list]).with(Op::ScheduleActivity, handle, act, &[record]).ret(handle);
    limit(p.main(f).start(), "payload_bytes_max");
    // A result, a search attribute, the details of a failure.
    let mut p = P::new();
    let ty = p.ty(Type::List(STRING));
    let mut f = F::new("main", &[], ty);
    let (_, _, list) = texts(&mut p, &mut f);
    f.ret(list);
    limit(p.main(f).start(), "payload_bytes_max");
    let mut p = P::new();
    let ty = p.ty(Type::List(STRING));
    let error = p.error("Big", &[("texts", ty)]);
    let mut f = F::new("main", &[], INT);
    let (_, big, list) = texts(&mut p, &mut f);
    let (none, thrown) = (f.reg(OPTION_FAILURE), f.reg(error));
    f.with(Op::New, thrown, 0, &[big, none, list]).op(Op::Throw, thrown, 0, 0);
    limit(p.main(f).start(), "payload_bytes_max");
}

/// Each error holds the one before it: written out by one that forgets how deep it is, the stack would end.
#[test]
fn errors_within_errors_have_a_depth() {
    let mut p = P::new();
    let error = p.error("Nested", &[("inner", OPTION_FAILURE)]);
    let mut f = F::new("main", &[], INT);
    let message = p.text(&mut f, "m");
    let (none, inner, thrown, failure) = (f.reg(OPTION_FAILURE), f.reg(OPTION_FAILURE), f.reg(error), f.reg(FAILURE));
    for _ in 0..200 {
        f.with(Op::New, thrown, 0, &[message, none, inner]).op(Op::Cast, failure, thrown, 0).op(
            Op::Some,
            inner,
            failure,
            0,
        );
    }
    f.op(Op::Throw, thrown, 0, 0);
    let then = p.main(f).start();
    assert!(matches!(&then, Then::Trapped(trap) if trap.kind == TrapKind::Depth), "{then:?}");
}

#[test]
fn the_commands_of_an_activation_are_bounded_together() {
    let mut p = small();
    let args = p.record(None, &[("text", STRING)]);
    let act = p.activity("act", args, UNIT, OnCancel::Try);
    let mut f = F::new("main", &[], INT);
    let big = p.text(&mut f, &"x".repeat(100_000));
    let (record, handle) = (f.reg(args), f.reg(INT));
    f.with(Op::New, record, 0, &[big]);
    for _ in 0..50 {
        f.with(Op::ScheduleActivity, handle, act, &[record]);
    }
    f.ret(handle);
    limit(p.main(f).start(), "heap_bytes_max");
}

#[test]
fn a_long_log_line_is_cut() {
    let mut p = P::new();
    let mut f = F::new("main", &[], INT);
    let (line, zero) = (p.text(&mut f, &"é".repeat(100_000)), f.int(INT, 0));
    f.op(Op::Log, 1, line, 0).ret(zero);
    let step = p.main(f).step(Activation::Start);
    let (_, text) = &step.logs[0];
    assert!(text.len() < 20_000 && text.ends_with("… (200000 bytes)"), "{} bytes", text.len());
}

/// A limit on how many run does not make the others free.
#[test]
fn branches_that_wait_for_their_turn_take_memory() {
    let mut p = P::new();
    p.limits.heap_bytes_max = 64 << 10;
    let mut b = F::new("branch", &[], INT);
    let (h, unit, soon) = (b.reg(INT), b.reg(UNIT), b.int(DURATION, 1_000));
    b.op(Op::StartTimer, h, soon, 0).op(Op::Await, unit, h, 0).ret(h);
    let branch = p.func(b);
    let mut f = F::new("main", &[], INT);
    let (one, scope, stop) = (f.int(INT, 1), f.reg(INT), f.int(INT, 1_000));
    let (n, more) = (f.int(INT, 0), f.reg(BOOL));
    let (again, done) = (f.label(), f.label());
    f.op(Op::ScopeOpen, scope, 0, one);
    f.here(again).wide(Op::Fuel, 0, 5).op(Op::LtInt, more, n, stop).jump(Op::JumpIfNot, more, done);
    f.op(Op::AddInt, n, n, one);
    let pc = f.pc();
    f.with(Op::ScopeSpawn, scope, branch.0, &[]).jump(Op::Jump, 0, again);
    f.here(done).ret(n);
    let mut run = p.main(f);
    assert_eq!(run.trap(), (TrapKind::Memory, pc));
}

#[test]
fn what_a_scope_took_is_free_when_it_is_joined() {
    let mut p = P::new();
    p.limits.heap_bytes_max = 64 << 10;
    let list = p.ty(Type::List(INT));
    let mut b = F::new("branch", &[], INT);
    let one = b.int(INT, 1);
    b.ret(one);
    let branch = p.func(b);
    let mut f = F::new("main", &[], INT);
    let (one, scope, got, stop) = (f.int(INT, 1), f.reg(INT), f.reg(list), f.int(INT, 10));
    let (n, more) = (f.int(INT, 0), f.reg(BOOL));
    let (again, done) = (f.label(), f.label());
    f.here(again).wide(Op::Fuel, 0, 5).op(Op::LtInt, more, n, stop).jump(Op::JumpIfNot, more, done);
    f.op(Op::AddInt, n, n, one).op(Op::ScopeOpen, scope, 0, one);
    for _ in 0..200 {
        f.with(Op::ScopeSpawn, scope, branch.0, &[]);
    }
    f.op(Op::ScopeJoin, got, scope, 0).jump(Op::Jump, 0, again);
    f.here(done).ret(n);
    assert_eq!(p.main(f).result(), "10");
}

#[test]
fn scopes_that_nobody_joins_are_counted() {
    let mut p = P::new();
    p.limits.fibers_max = 100;
    let mut f = F::new("main", &[], INT);
    let (one, scope, stop) = (f.int(INT, 1), f.reg(INT), f.int(INT, 200));
    let (n, more) = (f.int(INT, 0), f.reg(BOOL));
    let (again, done) = (f.label(), f.label());
    f.here(again).wide(Op::Fuel, 0, 5).op(Op::LtInt, more, n, stop).jump(Op::JumpIfNot, more, done);
    f.op(Op::AddInt, n, n, one).op(Op::ScopeOpen, scope, 0, one).jump(Op::Jump, 0, again);
    f.here(done).ret(n);
    limit(p.main(f).start(), "fibers_max");
}
