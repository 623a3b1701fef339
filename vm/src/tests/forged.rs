//! Snapshots that nobody wrote: each is refused or runs on to a step, never to a panic.

use std::sync::Arc;

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, DURATION, FAILURE, INT, STRING, TIME, UNIT};
use weft_bytecode::{Constant, Instr, Type};
use weft_protocol::limits::Limits;
use weft_protocol::{Payload, RunId, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use super::asm::*;
use crate::snapshot::SnapshotError;
use crate::step::{Activation, Context, Outcome, Then, TrapKind};
use crate::{Loaded, Vm};

/// A run with a bit of everything on its heap, waiting in two fibers.
fn stage(name: &str) -> Stage {
    let mut p = P::new();
    let args = p.record(None, &[("v", STRING)]);
    let map = p.ty(Type::Map(STRING, INT));
    let option = p.ty(Type::Option(INT));
    let list = p.ty(Type::List(option));
    let all = p.ty(Type::Tuple(vec![map, list, STRING]));
    let results = p.ty(Type::List(all));
    let ask = p.activity(name, args, STRING, OnCancel::Try);
    let mut b = F::new("branch", &[INT], all);
    let (m, o, l, t) = (b.reg(map), b.reg(option), b.reg(list), b.reg(all));
    let (key, record, h, got) = (p.text(&mut b, "key"), b.reg(args), b.reg(INT), b.reg(STRING));
    b.with(Op::NewMap, m, 0, &[]).op(Op::SetKey, m, key, 0).op(Op::Some, o, 0, 0).with(Op::NewList, l, 0, &[o, o]);
    b.with(Op::New, record, 0, &[key]).with(Op::ScheduleActivity, h, ask, &[record]).op(Op::Await, got, h, 0);
    b.with(Op::New, t, 0, &[m, l, got]).ret(t);
    let branch = p.func(b);
    let mut f = F::new("main", &[], results);
    let (zero, handle, got) = (f.int(INT, 0), f.reg(INT), f.reg(results));
    f.op(Op::ScopeOpen, handle, 0, zero);
    for n in 0..3 {
        let n = f.int(INT, n);
        f.with(Op::ScopeSpawn, handle, branch.0, &[n]);
    }
    f.op(Op::ScopeJoin, got, handle, 0).ret(got);
    p.constant(Constant::Scalar(1));
    let mut run = p.main(f);
    run.start();
    run.complete("0.3#1", "\"c\"");
    run
}

/// A body with two tasks that waits at a `select` with a source of each kind.
fn tasks() -> Stage {
    let mut p = P::new();
    let args = p.record(None, &[("n", INT)]);
    let ask = p.activity("ask", args, STRING, OnCancel::Try);
    let mail = p.mailbox("mail", args);
    let condition = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("condition", &[INT], BOOL);
    let (zero, less) = (c.int(INT, 0), c.reg(BOOL));
    c.op(Op::LtInt, less, zero, 0).ret(less);
    let holds = p.func(c);
    let mut b = F::new("task", &[INT], STRING);
    let (record, h, got) = (b.reg(args), b.reg(INT), b.reg(STRING));
    b.with(Op::New, record, 0, &[0]).with(Op::ScheduleActivity, h, ask, &[record]).op(Op::Await, got, h, 0).ret(got);
    let task = p.func(b);
    let mut f = F::new("main", &[], STRING);
    let (zero, scope, first, second) = (f.int(INT, 0), f.reg(INT), f.reg(INT), f.reg(INT));
    let (mailbox, after, at) = (f.reg(INT), f.int(DURATION, 500), f.int(TIME, 90_000));
    let (closure, ready, got, unit, failure) =
        (f.reg(condition), f.reg(INT), f.reg(STRING), f.reg(UNIT), f.reg(FAILURE));
    let (from, to) = (f.label(), f.label());
    f.op(Op::ScopeOpen, scope, 2, zero).here(from);
    f.with(Op::ScopeSpawn, scope, task.0, &[zero]).op(Op::TaskHandle, first, scope, 0);
    f.with(Op::ScopeSpawn, scope, task.0, &[zero]).op(Op::TaskHandle, second, scope, 0);
    f.op(Op::SelectMailbox, mailbox, mail, 0).with(Op::Closure, closure, holds.0, &[zero]);
    f.with(Op::Select, ready, 0, &[second, mailbox, closure, after, at]);
    f.op(Op::AwaitTask, got, second, 0).op(Op::ScopeJoin, unit, scope, 0).ret(got).here(to);
    f.op(Op::ScopeLeave, scope, 0, 0).op(Op::ScopeJoin, unit, scope, 0).op(Op::Throw, failure, 0, 0);
    f.handler(from, to, to, failure);
    let mut run = p.main(f);
    run.start();
    run.complete("0.1#1", "\"a\"");
    run
}

fn restore(run: &Stage, loaded: &Arc<Loaded>, bytes: &[u8]) -> Result<Vm, SnapshotError> {
    Vm::restore(Arc::clone(loaded), bytes, &run.limits)
}

#[test]
fn each_flipped_bit_is_noticed() {
    let run = stage("ask");
    let bytes = run.vm.snapshot();
    for at in 8..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert_eq!(restore(&run, &run.loaded, &bad).err(), Some(SnapshotError::Checksum));
    }
    assert_eq!(restore(&run, &run.loaded, b"").err(), Some(SnapshotError::Format));
    assert_eq!(restore(&run, &run.loaded, &[0; 60]).err(), Some(SnapshotError::Format));
}

#[test]
fn a_snapshot_belongs_to_its_program() {
    let (run, other) = (stage("ask"), stage("tell"));
    let bytes = run.vm.snapshot();
    assert_eq!(restore(&run, &other.loaded, &bytes).err(), Some(SnapshotError::Program));
}

/// Puts another byte everywhere, makes the checksum right, and runs on with what is accepted.
#[test]
fn forged_states_never_panic() {
    forge_states(&stage("ask"));
    forge_states(&super::updates::ending());
    forge_states(&tasks());
}

fn forge_states(run: &Stage) {
    let bytes = run.vm.snapshot();
    let body = bytes.len() - 8;
    let (mut accepted, mut refused) = (0, 0);
    for at in 40..body {
        for value in [0, 1, 2, 7, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1), bytes[at] ^ 0x10] {
            if value == bytes[at] {
                continue;
            }
            let mut bad = bytes[..body].to_vec();
            bad[at] = value;
            let checksum = xxh3_64(&bad);
            bad.extend_from_slice(&checksum.to_le_bytes());
            match restore(run, &run.loaded, &bad) {
                Err(_) => refused += 1,
                Ok(mut vm) => {
                    accepted += 1;
                    let answer = |op: &str| Activation::Resolved {
                        op: command(op),
                        outcome: Outcome::Completed(Payload::json("\"x\"")),
                    };
                    let ctx = run.context();
                    vm.waits();
                    let ops = ["0.1#1", "0.2#1", "u1#1", "u2#1"].map(answer);
                    for activation in ops.into_iter().chain([Activation::Continue, Activation::Cancel]) {
                        vm.step(activation, &ctx);
                    }
                    vm.snapshot();
                }
            }
        }
    }
    // Scalars may be anything; structure may not.
    assert!(accepted > 50 && refused > 500, "{accepted} accepted, {refused} refused");
}

/// Changes one operand or op of a sound program at a time. What verification lets through must not panic.
#[test]
fn forged_programs_never_panic() {
    let mut sound = vec![(**stage("ask").loaded.program()).clone(), (**tasks().loaded.program()).clone()];
    sound.extend([super::objects::everything(), super::control::everything()]);
    let (mut accepted, mut refused) = (0, 0);
    for program in &sound {
        for (at, function) in program.functions.iter().enumerate() {
            for pc in 0..function.code.len() {
                let Instr(word) = function.code[pc];
                for shift in [0, 16, 32, 48] {
                    let field = word >> shift & 0xffff;
                    for value in [0, 1, 2, field + 1, field.wrapping_sub(1) & 0xffff, field ^ 0x100, 0xffff] {
                        let mut forged = program.clone();
                        forged.functions[at].code[pc] = Instr(word & !(0xffff << shift) | value << shift);
                        match Loaded::new(forged) {
                            Err(_) => refused += 1,
                            Ok(loaded) => {
                                accepted += 1;
                                try_out(&loaded);
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 500 && refused > 1_000, "{accepted} accepted, {refused} refused");
}

/// What was over at once gives zero, and zero is no object.
#[test]
fn an_idle_handle_gives_no_object() {
    let mut p = P::new();
    let inner = p.record(Some("Inner"), &[("n", INT)]);
    let outer = p.record(Some("Outer"), &[("inner", inner)]);
    let mut f = F::new("main", &[], INT);
    let (idle, record, part, n) = (f.int(INT, 0), f.reg(outer), f.reg(inner), f.reg(INT));
    let pc = f.pc();
    f.op(Op::Await, record, idle, 0).op(Op::Field, part, record, 0).op(Op::Field, n, part, 0).ret(n);
    assert_eq!(p.main(f).trap(), (TrapKind::Corrupt, pc));
}

/// Starts a run and answers what it asks, a few times.
fn try_out(loaded: &Arc<Loaded>) {
    let limits = Limits { fuel_activation_max: 2_000, frames_max: 100, heap_bytes_max: 1 << 20, ..Limits::default() };
    let workflow_id = "w".into();
    let ctx = Context {
        now: Timestamp(1_000),
        workflow_id: &workflow_id,
        run_id: RunId(1),
        started_at: Timestamp(0),
        history_events: 1,
        history_bytes: 1,
        recorded_patch: None,
    };
    let mut vm = Vm::new(Arc::clone(loaded), 0, &Payload::json("{}"), [0; 16], &limits);
    let mut step = vm.step(Activation::Start, &ctx);
    for result in ["\"x\"", "1", "null", "{}"] {
        if step.then != Then::Waiting {
            return;
        }
        let restored = Vm::restore(Arc::clone(loaded), &vm.snapshot(), &limits);
        assert!(restored.is_ok(), "{:?}", restored.err());
        let Some(issued) = step.commands.pop() else { return };
        let outcome = Outcome::Completed(Payload::json(result));
        step = vm.step(Activation::Resolved { op: issued.id, outcome }, &ctx);
    }
}
