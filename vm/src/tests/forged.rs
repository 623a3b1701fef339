//! Snapshots that nobody wrote: each is refused or runs on to a step, never to a panic.

use std::sync::Arc;

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{INT, STRING};
use weft_bytecode::{Constant, Type};
use weft_protocol::Payload;
use xxhash_rust::xxh3::xxh3_64;

use super::asm::*;
use crate::snapshot::SnapshotError;
use crate::step::{Activation, Outcome};
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
    let run = stage("ask");
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
            match restore(&run, &run.loaded, &bad) {
                Err(_) => refused += 1,
                Ok(mut vm) => {
                    accepted += 1;
                    let answer = |op: &str| Activation::Resolved {
                        op: command(op),
                        outcome: Outcome::Completed(Payload::json("\"x\"")),
                    };
                    let ctx = run.context();
                    vm.waits();
                    for activation in [answer("0.1#1"), answer("0.2#1"), Activation::Continue, Activation::Cancel] {
                        vm.step(activation, &ctx);
                    }
                    vm.snapshot();
                }
            }
        }
    }
    // Scalars may be anything; structure may not.
    assert!(accepted > 50 && refused > 1_000, "{accepted} accepted, {refused} refused");
}
