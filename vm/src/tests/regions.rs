//! Deadlines and cleanup as a program that no source compiles to would use them.

use weft_bytecode::op::Op;
use weft_bytecode::types::builtin::{BOOL, DURATION, FAILURE, INT, OPTION_FAILURE, UNIT};
use weft_bytecode::{FuncId, Type};

use super::asm::*;
use crate::step::{Then, TrapKind};

/// A closure that sleeps, in a register of a function.
fn sleeper(p: &mut P, f: &mut F) -> u16 {
    let mut sleeps = F::new("sleeps", &[], UNIT);
    let (d, h, u) = (sleeps.int(DURATION, 1_000), sleeps.reg(INT), sleeps.reg(UNIT));
    sleeps.op(Op::StartTimer, h, d, 0).op(Op::Await, u, h, 0).ret(u);
    let func = p.func(sleeps);
    let ty = p.ty(Type::Fn(vec![], UNIT));
    let closure = f.reg(ty);
    f.with(Op::Closure, closure, func.0, &[]);
    closure
}

#[test]
fn what_is_closed_must_be_open() {
    for op in [Op::WithinEnd, Op::CleanupDrop, Op::Leave] {
        let p = P::new();
        let mut f = F::new("main", &[], UNIT);
        let (none, u) = (f.reg(OPTION_FAILURE), f.reg(UNIT));
        f.op(op, none, 0, 0).ret(u);
        assert_eq!(p.main(f).trap().0, TrapKind::Corrupt, "{}", op.name());
    }
}

#[test]
fn cleanup_is_kept_by_a_list_of_its_kind() {
    for what in 0..=2 {
        let mut p = P::new();
        let mut f = F::new("main", &[], UNIT);
        let closure = sleeper(&mut p, &mut f);
        let u = f.reg(UNIT);
        // A saga takes undos only, a body all else.
        f.op(Op::CleanupOpen, u16::from(what != 2), 0, 0).op(Op::CleanupAdd, what, closure, 0).ret(u);
        assert_eq!(p.main(f).trap().0, TrapKind::Corrupt, "kind {what}");
    }
}

#[test]
fn an_undo_without_branches_around_has_no_saga_there() {
    let mut p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let closure = sleeper(&mut p, &mut f);
    let u = f.reg(UNIT);
    f.op(Op::CleanupOpen, 1, 0, 0).op(Op::CleanupAdd, 2, closure, 1).ret(u);
    assert_eq!(p.main(f).trap().0, TrapKind::Corrupt);
}

/// A function that returns out of a `within` without leaving it.
fn careless(p: &mut P) -> FuncId {
    let mut f = F::new("careless", &[], UNIT);
    let (d, open, u) = (f.int(DURATION, 5_000), f.reg(BOOL), f.reg(UNIT));
    f.op(Op::Within, open, d, 0).op(Op::CleanupOpen, 0, 0, 0).ret(u);
    p.func(f)
}

#[test]
fn a_frame_takes_its_regions_with_it() {
    let mut p = P::new();
    let func = careless(&mut p);
    let mut f = F::new("main", &[], UNIT);
    let (d, h, u) = (f.int(DURATION, 60_000), f.reg(INT), f.reg(UNIT));
    f.with(Op::Call, u, func.0, &[]).op(Op::StartTimer, h, d, 0).op(Op::Await, u, h, 0).ret(u);
    let mut run = p.main(f);
    run.start();
    let commands = run.commands();
    assert!(commands.contains("0#1 cancel"), "the deadline is canceled: {commands}");
    assert_eq!(done(run.complete("0#2", "null")), "null");
}

#[test]
fn a_signal_handler_keeps_no_cleanup() {
    let mut p = P::new();
    let mut handler = F::new("handler", &[], UNIT);
    let u = handler.reg(UNIT);
    handler.op(Op::CleanupOpen, 0, 0, 0).op(Op::CleanupDrop, 0, 0, 0).ret(u);
    let handler = p.func(handler);
    let args = p.record(None, &[]);
    p.handler("poke", args, handler);
    let mut f = F::new("main", &[], UNIT);
    let (d, h, u) = (f.int(DURATION, 60_000), f.reg(INT), f.reg(UNIT));
    f.op(Op::StartTimer, h, d, 0).op(Op::Await, u, h, 0).ret(u);
    let mut run = p.main(f);
    run.start();
    assert!(matches!(run.signal(0, "{}"), Then::Trapped(trap) if trap.kind == TrapKind::Corrupt));
}

#[test]
fn what_leaves_a_body_is_thrown_again() {
    let p = P::new();
    let mut f = F::new("main", &[], INT);
    let (failure, left, caught) = (f.reg(FAILURE), f.reg(OPTION_FAILURE), f.reg(FAILURE));
    let (canceled, message, cause) = (
        f.reg(weft_bytecode::types::builtin::CANCELED),
        f.reg(weft_bytecode::types::builtin::STRING),
        f.reg(OPTION_FAILURE),
    );
    let text = f.reg(INT);
    f.with(Op::Concat, message, 0, &[text]).op(Op::LoadNone, cause, 0, 0);
    f.with(Op::New, canceled, 0, &[message, cause]).op(Op::Cast, failure, canceled, 0);
    f.op(Op::Some, left, failure, 0).op(Op::CleanupOpen, 0, 0, 0);
    let (from, to, target) = (f.label(), f.label(), f.label());
    f.here(from).op(Op::Leave, left, 0, 0).here(to);
    let zero = f.int(INT, 0);
    f.ret(zero);
    f.here(target);
    let one = f.int(INT, 1);
    f.ret(one).handler(from, to, target, caught);
    assert_eq!(p.main(f).result(), "1");
}
