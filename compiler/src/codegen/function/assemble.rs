//! What every function is assembled from: instructions with their places and fuel, labels, registers.

use weft_bytecode::op::{ARGS_MAX, NO_ARG};
use weft_bytecode::{Instr, Op, Reg, TypeId};

use super::{Emit, Label, NOTHING, Val};
use crate::codegen::place;
use crate::hir::{Local, LocalId};
use crate::types::Ty;

impl<'e> Emit<'e, '_, '_> {
    /// The last op emitted, argument words aside.
    pub(in crate::codegen) fn last_op(&self) -> Option<Op> {
        self.code.iter().rev().filter_map(|i| i.op()).find(|op| *op != Op::Arg)
    }

    // ---- instructions

    pub(in crate::codegen) fn here(&self) -> u32 {
        self.code.len() as u32
    }

    pub(in crate::codegen) fn push(&mut self, instr: Instr) {
        if self.dead {
            return;
        }
        self.dead = matches!(instr.op(), Some(Op::Return | Op::Throw | Op::Jump | Op::Unreachable | Op::ContinueAsNew));
        let at = place(self.span);
        if self.sites.last().is_none_or(|(_, last)| *last != at) {
            self.sites.push((self.here(), at));
        }
        self.code.push(instr);
    }

    pub(in crate::codegen) fn count(&mut self) {
        if let Some((_, count)) = self.regions.last_mut()
            && !self.dead
        {
            *count += 1;
        }
    }

    pub(in crate::codegen) fn op(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.count();
        self.push(Instr::abc(op, a, b, c));
    }

    pub(in crate::codegen) fn wide(&mut self, op: Op, a: u16, imm: u32) {
        self.count();
        self.push(Instr::wide(op, a, imm));
    }

    /// An op with arguments: `op a b n` and the words behind it.
    pub(in crate::codegen) fn args(&mut self, op: Op, a: u16, b: u16, args: &[Reg]) {
        self.args_with(op, a, b, args, 0);
    }

    /// As [`Emit::args`], with a flag in the count.
    pub(in crate::codegen) fn args_with(&mut self, op: Op, a: u16, b: u16, args: &[Reg], flag: u16) {
        if args.len() > ARGS_MAX {
            self.em.overflow = true;
            return;
        }
        self.op(op, a, b, args.len() as u16 | flag);
        for three in args.chunks(3) {
            let at = |n: usize| three.get(n).copied().unwrap_or(NO_ARG);
            self.push(Instr::abc(Op::Arg, at(0), at(1), at(2)));
        }
    }

    pub(in crate::codegen) fn label(&mut self) -> Label {
        self.labels.push(None);
        self.wanted.push(false);
        Label(self.labels.len() - 1)
    }

    pub(in crate::codegen) fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.here());
        self.dead &= !self.wanted[label.0];
    }

    pub(in crate::codegen) fn jump(&mut self, op: Op, cond: Reg, target: Label) {
        if self.dead {
            return;
        }
        self.fixups.push((self.here(), target));
        self.wanted[target.0] = true;
        self.wide(op, cond, 0);
    }

    pub(in crate::codegen) fn goto(&mut self, target: Label) {
        self.jump(Op::Jump, 0, target);
    }

    /// A fuel op for the code from here on.
    pub(in crate::codegen) fn open_region(&mut self) {
        self.regions.push((if self.dead { u32::MAX } else { self.here() }, 0));
        self.wide(Op::Fuel, 0, 0);
    }

    pub(in crate::codegen) fn close_region(&mut self) {
        if let Some((pc, count)) = self.regions.pop()
            && pc != u32::MAX
        {
            self.code[pc as usize] = Instr::wide(Op::Fuel, 0, count);
        }
    }

    // ---- registers

    pub(in crate::codegen) fn raw(&mut self, ty: TypeId) -> Reg {
        if let Some(reg) = self.free.get_mut(&ty).and_then(Vec::pop) {
            return reg;
        }
        self.regs.push(ty);
        (self.regs.len() - 1).min(usize::from(NOTHING)) as Reg
    }

    pub(in crate::codegen) fn reg(&mut self, ty: Ty) -> Reg {
        let ty = self.em.ty(ty);
        self.raw(ty)
    }

    pub(in crate::codegen) fn temp(&mut self, ty: Ty) -> Val {
        Val { reg: self.reg(ty), temp: true }
    }

    /// The given place, or a new one.
    pub(in crate::codegen) fn into(&mut self, dst: Option<Reg>, ty: Ty) -> Val {
        match dst {
            Some(reg) => Val { reg, temp: false },
            None => self.temp(ty),
        }
    }

    pub(in crate::codegen) fn give_back(&mut self, reg: Reg) {
        if reg == NOTHING {
            return;
        }
        if let Some(ty) = self.regs.get(usize::from(reg)) {
            self.free.entry(*ty).or_default().push(reg);
        }
    }

    pub(in crate::codegen) fn release(&mut self, val: Val) {
        if val.temp {
            self.give_back(val.reg);
        }
    }

    /// The register of a value that must be in one.
    pub(in crate::codegen) fn need(&mut self, val: Val, ty: Ty) -> Reg {
        if val.reg != NOTHING {
            return val.reg;
        }
        let reg = self.reg(if ty == Ty::NEVER { Ty::UNIT } else { ty });
        self.wide(Op::LoadInt, reg, 0);
        reg
    }

    pub(in crate::codegen) fn nothing(&self) -> Val {
        Val { reg: NOTHING, temp: false }
    }

    /// The register of a local, made when it is bound.
    pub(in crate::codegen) fn local(&mut self, id: LocalId) -> Reg {
        if let Some(reg) = self.map.get(&id) {
            return *reg;
        }
        let reg = self.reg(self.locals[id.0 as usize].ty);
        self.map.insert(id, reg);
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(id);
        }
        reg
    }

    pub(in crate::codegen) fn local_info(&self, id: LocalId) -> &'e Local {
        &self.locals[id.0 as usize]
    }

    pub(in crate::codegen) fn locals(&self) -> &'e [Local] {
        self.locals
    }

    /// Gives back the registers of locals that were bound inside.
    pub(in crate::codegen) fn scoped<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(Vec::new());
        let out = inner(self);
        for id in self.scopes.pop().unwrap_or_default() {
            if let Some(reg) = self.map.remove(&id) {
                self.give_back(reg);
            }
        }
        out
    }
}
