//! What a run may take besides its heap: depth of nested scopes, cleanup it keeps, work at the ends of fibers and at waits.

use weft_bytecode::op::Op;
use weft_bytecode::types::builtin::{BOOL, DURATION, FAILURE, INT, OPTION_FAILURE, STRING, TIME, UNIT};
use weft_bytecode::{FuncId, Type};

use super::asm::*;
use crate::step::{Activation, Then, TrapKind};

/// A function that opens a scope in a branch of itself, so many levels deep; the innermost sleeps.
fn nested(p: &mut P) -> FuncId {
    let own = p.program.functions.len() as u16;
    let mut f = F::new("nested", &[INT], UNIT);
    let (zero, one, more, less) = (f.int(INT, 0), f.int(INT, 1), f.reg(BOOL), f.reg(INT));
    let (scope, unit, hour, handle) = (f.reg(INT), f.reg(UNIT), f.int(DURATION, 3_600_000), f.reg(INT));
    let leaf = f.label();
    f.op(Op::LtInt, more, zero, 0).jump(Op::JumpIfNot, more, leaf);
    f.op(Op::ScopeOpen, scope, 0, zero).op(Op::SubInt, less, 0, one);
    f.with(Op::ScopeSpawn, scope, own, &[less]).op(Op::ScopeJoin, unit, scope, 0).ret(unit);
    f.here(leaf).op(Op::StartTimer, handle, hour, 0).op(Op::Await, unit, handle, 0).ret(unit);
    p.func(f)
}

/// The stacks of executors are small, and a program decides how deep its scopes nest.
#[test]
fn scopes_that_nest_deep_are_canceled_on_a_small_stack() {
    const LEVELS: i32 = 2_000;
    let mut p = P::new();
    let func = nested(&mut p);
    let mut f = F::new("main", &[], UNIT);
    let (levels, unit) = (f.int(INT, LEVELS), f.reg(UNIT));
    f.with(Op::Call, unit, func.0, &[levels]).ret(unit);
    let mut run = p.main(f);
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let canceled = small.spawn(move || {
        let mut vm = run.vm.clone();
        assert_eq!(vm.step(Activation::Start, &run.context()).then, Then::Waiting);
        run.now += 1_000;
        vm.step(Activation::Cancel, &run.context())
    });
    let step = canceled.unwrap().join().unwrap();
    assert_eq!(step.then, Then::Canceled);
    assert_eq!(step.commands.len(), 1, "the timer of the innermost is canceled");
}

/// Keeps so many pieces of cleanup, twice; the first are dropped before the second are kept, or not.
fn hoarder(pieces: i32, drops: bool) -> Stage {
    let mut p = P::new();
    let mut nothing = F::new("nothing", &[], UNIT);
    let unit = nothing.int(UNIT, 0);
    nothing.ret(unit);
    let nothing = p.func(nothing);
    let ty = p.ty(Type::Fn(vec![], UNIT));
    let mut f = F::new("main", &[], INT);
    let (closure, n, one, end, more) = (f.reg(ty), f.reg(INT), f.int(INT, 1), f.int(INT, pieces), f.reg(BOOL));
    f.with(Op::Closure, closure, nothing.0, &[]);
    for _ in 0..2 {
        let (again, out) = (f.label(), f.label());
        f.op(Op::CleanupOpen, 0, 0, 0).wide(Op::LoadInt, n, 0).here(again).wide(Op::Fuel, 0, 1);
        f.op(Op::LtInt, more, n, end).jump(Op::JumpIfNot, more, out);
        f.op(Op::CleanupAdd, 0, closure, 0).op(Op::AddInt, n, n, one).jump(Op::Jump, 0, again).here(out);
        if drops {
            f.op(Op::CleanupDrop, 0, 0, 0);
        }
    }
    if !drops {
        f.op(Op::CleanupDrop, 0, 0, 0).op(Op::CleanupDrop, 0, 0, 0);
    }
    f.ret(n);
    p.main(f)
}

fn alone(run: &mut Stage) -> Then {
    let mut vm = run.vm.clone();
    let step = vm.step(Activation::Start, &run.context());
    run.vm = vm;
    step.then
}

/// Closures without captures take nothing on the heap; what keeps them does.
#[test]
fn a_run_keeps_so_many_pieces_of_cleanup_in_all() {
    assert!(matches!(alone(&mut hoarder(40_000, true)), Then::Completed(_)));
    let Then::Trapped(trap) = alone(&mut hoarder(40_000, false)) else { panic!("they all have room") };
    assert_eq!(trap.kind, TrapKind::Limit);
    assert_eq!(trap.message, "the run keeps more than 65536 pieces of cleanup at once");
}

/// A frame under a frame for each level, then so many deadlines that are over at once.
fn waits_at_depth(depth: i32, waits: usize) -> u64 {
    let mut p = P::new();
    let own = p.program.functions.len() as u16;
    let mut f = F::new("deep", &[INT], UNIT);
    let (zero, one, more, less) = (f.int(INT, 0), f.int(INT, 1), f.reg(BOOL), f.reg(INT));
    let (unit, over, open) = (f.int(UNIT, 0), f.int(DURATION, 0), f.reg(BOOL));
    let leaf = f.label();
    f.op(Op::LtInt, more, zero, 0).jump(Op::JumpIfNot, more, leaf).op(Op::SubInt, less, 0, one);
    f.with(Op::Call, unit, own, &[less]).ret(unit).here(leaf);
    for _ in 0..waits {
        f.op(Op::Within, open, over, 0);
    }
    f.ret(unit);
    let func = p.func(f);
    let mut f = F::new("main", &[], UNIT);
    let (depth, unit) = (f.int(INT, depth), f.reg(UNIT));
    f.with(Op::Call, unit, func.0, &[depth]).ret(unit);
    let mut run = p.main(f);
    assert!(matches!(alone(&mut run), Then::Completed(_)));
    run.vm.fuel_used()
}

#[test]
fn a_wait_under_many_frames_is_charged() {
    const DEPTH: i32 = 6_400;
    let one = (waits_at_depth(DEPTH, 11) - waits_at_depth(DEPTH, 1)) / 10;
    assert!(one >= DEPTH as u64 / 64, "{one}");
}

/// So many tasks that end at once.
fn tasks(count: i32) -> u64 {
    let mut p = P::new();
    let mut nothing = F::new("nothing", &[], UNIT);
    let unit = nothing.int(UNIT, 0);
    nothing.ret(unit);
    let nothing = p.func(nothing);
    let mut f = F::new("main", &[], UNIT);
    let (scope, n, one, end, more) = (f.reg(INT), f.int(INT, 0), f.int(INT, 1), f.int(INT, count), f.reg(BOOL));
    let (zero, unit, again, out) = (f.int(INT, 0), f.reg(UNIT), f.label(), f.label());
    f.op(Op::ScopeOpen, scope, 2, zero).here(again).wide(Op::Fuel, 0, 1);
    f.op(Op::LtInt, more, n, end).jump(Op::JumpIfNot, more, out).with(Op::ScopeSpawn, scope, nothing.0, &[]);
    f.op(Op::AddInt, n, n, one).jump(Op::Jump, 0, again).here(out).op(Op::ScopeJoin, unit, scope, 0).ret(unit);
    let mut run = p.main(f);
    assert!(matches!(alone(&mut run), Then::Completed(_)));
    run.vm.fuel_used()
}

/// Who waits for a task is looked for among all fibers.
#[test]
fn the_end_of_a_task_is_charged_by_fibers() {
    let (few, many) = (tasks(640), tasks(1_280));
    assert!(many > 2 * few + 640 * 640 / 64, "{few} for 640, {many} for twice as many");
}

/// A forged program that waits for its own deadline as if it were an operation.
#[test]
fn a_deadline_whose_operation_is_gone_is_counted_once() {
    let p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let (limit, open, first, hour) = (f.int(DURATION, 5_000), f.reg(BOOL), f.int(INT, 1), f.int(DURATION, 3_600_000));
    let (handle, unit, failure) = (f.reg(INT), f.reg(UNIT), f.reg(FAILURE));
    let (from, to) = (f.label(), f.label());
    f.op(Op::Within, open, limit, 0).here(from).op(Op::Await, unit, first, 0).here(to);
    f.op(Op::StartTimer, handle, hour, 0).op(Op::Await, unit, handle, 0).ret(unit);
    f.handler(from, to, to, failure);
    let mut run = p.main(f);
    let mut vm = run.vm.clone();
    assert_eq!(vm.step(Activation::Start, &run.context()).then, Then::Waiting);
    assert_eq!(vm.step(Activation::Cancel, &run.context()).then, Then::Waiting);
    run.vm = vm;
    let outcome = || crate::step::Outcome::Completed(weft_protocol::Payload::json("null"));
    let ended = |op| Activation::Resolved { op: command(op), outcome: outcome() };
    let (mut vm, context) = (run.vm.clone(), run.context());
    vm.step(ended("0#1"), &context);
    let then = vm.step(ended("0#2"), &context).then;
    assert!(!matches!(&then, Then::Waiting), "{then:?}");
}

/// A `select` that a message woke and whose condition then throws has not taken the message.
#[test]
fn a_message_goes_on_when_a_select_throws() {
    let mut p = P::new();
    let record = p.record(None, &[]);
    let message = p.ty(Type::Option(record));
    let mail = p.mailbox("mail", record);
    let condition = p.ty(Type::Fn(vec![], BOOL));
    let boom = p.error("Boom", &[]);
    let mut c = F::new("condition", &[], BOOL);
    let (now, soon, early) = (c.reg(TIME), c.int(TIME, 1_500), c.reg(BOOL));
    let (text, none, error) = (p.text(&mut c, "b"), c.reg(OPTION_FAILURE), c.reg(boom));
    let (wait, no) = (c.label(), c.int(BOOL, 0));
    c.op(Op::Now, now, 0, 0).op(Op::LtInt, early, now, soon).jump(Op::JumpIf, early, wait);
    c.op(Op::LoadNone, none, 0, 0).with(Op::New, error, 0, &[text, none]).op(Op::Throw, error, 0, 0);
    c.here(wait).ret(no);
    let condition_of = p.func(c);
    let mut t = F::new("task", &[], STRING);
    let got = t.reg(message);
    let done_text = p.text(&mut t, "got it");
    t.op(Op::Receive, got, mail, 0).ret(done_text);
    let task = p.func(t);
    let mut f = F::new("main", &[], STRING);
    let (zero, scope, handle, mailbox) = (f.int(INT, 0), f.reg(INT), f.reg(INT), f.reg(INT));
    let (closure, ready, got, unit, failure) =
        (f.reg(condition), f.reg(INT), f.reg(STRING), f.reg(UNIT), f.reg(FAILURE));
    let (from, to) = (f.label(), f.label());
    f.op(Op::ScopeOpen, scope, 2, zero).with(Op::ScopeSpawn, scope, task.0, &[]).op(Op::TaskHandle, handle, scope, 0);
    f.op(Op::SelectMailbox, mailbox, mail, 0).with(Op::Closure, closure, condition_of.0, &[]);
    f.here(from).with(Op::Select, ready, 0, &[closure, mailbox]).here(to);
    f.op(Op::AwaitTask, got, handle, 0).op(Op::ScopeJoin, unit, scope, 0).ret(got);
    f.handler(from, to, to, failure);
    let mut run = p.main(f);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(done(run.signal(0, "{}")), "\"got it\"");
}
