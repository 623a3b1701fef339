//! That a reference is written before it is read, on every path. Scalars and optionals start as zero and none, which
//! are values; other references start as nothing, which must never be looked at.

use super::function::{At, after, args, ends_block};
use super::{Checked, Steps, require};
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

/// Words of register sets that one function may need, one set for each instruction.
const SET_WORDS_MAX: usize = 1 << 23;

pub(super) fn check(program: &Program, function: &Function, steps: &mut Steps) -> At {
    let states = states(program, function, steps).map_err(|message| (None, message))?;
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
    // A verified program was within the limits.
    states(program, function, &mut Steps::new()).unwrap_or_default()
}

fn states(program: &Program, function: &Function, steps: &mut Steps) -> Checked<Vec<Option<Set>>> {
    let words = function.regs.len() / 64 + 1;
    require(words.saturating_mul(function.code.len()) <= SET_WORDS_MAX, || {
        "it has too many registers for its instructions: split it".into()
    })?;
    let covering = Covering::new(function, steps)?;
    let mut entry: Set = vec![0; words];
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
        let handlers = covering.at(pc);
        steps.take(words * (2 + handlers.len()))?;
        // What throws here has not written its result.
        for handler in handlers {
            let handler = &function.handlers[*handler as usize];
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
    Ok(states)
}

/// The handlers that cover each instruction, one list behind the other.
struct Covering {
    /// Where the list of each pc begins, and the end of the last.
    from: Vec<usize>,
    handlers: Vec<u32>,
}

impl Covering {
    fn new(function: &Function, steps: &mut Steps) -> Checked<Covering> {
        let mut from = vec![0; function.code.len() + 1];
        for handler in &function.handlers {
            steps.take(1 + (handler.to - handler.from) as usize)?;
            (handler.from..handler.to).for_each(|pc| from[pc as usize + 1] += 1);
        }
        let mut sum = 0;
        for count in &mut from {
            sum += *count;
            *count = sum;
        }
        let mut next = from.clone();
        let mut handlers = vec![0; sum];
        for (index, handler) in (0u32..).zip(&function.handlers) {
            for pc in handler.from..handler.to {
                handlers[next[pc as usize]] = index;
                next[pc as usize] += 1;
            }
        }
        Ok(Covering { from, handlers })
    }

    fn at(&self, pc: u32) -> &[u32] {
        &self.handlers[self.from[pc as usize]..self.from[pc as usize + 1]]
    }
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
