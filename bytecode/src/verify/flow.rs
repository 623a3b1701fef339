//! That a reference is written before it is read, on every path. Scalars and optionals start as zero and none, which
//! are values; other references start as nothing, which must never be looked at.

use super::function::{At, after, args, ends_block};
use crate::op::{Op, Operand};
use crate::program::{Function, Program};
use crate::types::Type;

/// Registers, one bit each.
type Set = Vec<u64>;

fn has(set: &[u64], reg: u16) -> bool {
    set[usize::from(reg) / 64] >> (reg % 64) & 1 == 1
}

fn add(set: &mut [u64], reg: u16) {
    set[usize::from(reg) / 64] |= 1 << (reg % 64);
}

pub(super) fn check(program: &Program, function: &Function) -> At {
    let states = assigned(program, function);
    for (pc, state) in states.iter().enumerate() {
        let Some(state) = state else { continue };
        let pc = pc as u32;
        let instr = function.code[pc as usize];
        let Some(op) = instr.op() else { continue };
        let slots = [instr.a(), instr.b(), instr.c()].into_iter().zip(op.operands());
        let read = slots.filter(|(_, (_, kind))| matches!(kind, Operand::Src | Operand::Var)).map(|(reg, _)| reg);
        let listed = if op.has_args() { Some(args(function, instr, pc)) } else { None };
        if let Some(reg) = read.chain(listed.into_iter().flatten()).find(|reg| !has(state, *reg)) {
            return Err((Some(pc), format!("`{}` reads register {reg}, which may not have been written", op.name())));
        }
    }
    Ok(())
}

/// For each instruction of a verified function that can be reached: the registers that certainly have a value before
/// it, a bit each.
pub fn assigned(program: &Program, function: &Function) -> Vec<Option<Vec<u64>>> {
    let mut entry: Set = vec![0; function.regs.len() / 64 + 1];
    for (reg, ty) in (0u16..).zip(&function.regs) {
        let ty = program.ty(*ty);
        if reg < function.params || ty.is_scalar() || matches!(ty, Type::Option(_)) {
            add(&mut entry, reg);
        }
    }
    let mut states: Vec<Option<Set>> = vec![None; function.code.len()];
    let mut work = Vec::new();
    join(&mut states, &mut work, 0, &entry);
    while let Some(pc) = work.pop() {
        let Some(before) = states[pc as usize].clone() else { continue };
        let instr = function.code[pc as usize];
        let Some(op) = instr.op() else { continue };
        // What throws here has not written its result.
        for handler in function.handlers.iter().filter(|h| h.from <= pc && pc < h.to) {
            let mut caught = before.clone();
            add(&mut caught, handler.reg);
            join(&mut states, &mut work, handler.target, &caught);
        }
        let mut behind = before;
        for (reg, (_, kind)) in [instr.a(), instr.b(), instr.c()].into_iter().zip(op.operands()) {
            if *kind == Operand::Dst {
                add(&mut behind, reg);
            }
        }
        if matches!(op, Op::Jump | Op::JumpIf | Op::JumpIfNot | Op::JumpIfNone) {
            join(&mut states, &mut work, instr.imm(), &behind);
        }
        if !ends_block(op) {
            join(&mut states, &mut work, after(op, instr, pc), &behind);
        }
    }
    states
}

/// What holds at a pc is what holds on every way to it.
fn join(states: &mut [Option<Set>], work: &mut Vec<u32>, pc: u32, incoming: &[u64]) {
    match &mut states[pc as usize] {
        Some(state) => {
            let mut changed = false;
            for (word, other) in state.iter_mut().zip(incoming) {
                changed |= *word & !other != 0;
                *word &= other;
            }
            if changed {
                work.push(pc);
            }
        }
        unseen => {
            *unseen = Some(incoming.to_vec());
            work.push(pc);
        }
    }
}
