//! What a run does to others: it tells them something, or goes on as a new one.

use weft_bytecode::Op;

use super::function::{Emit, Val};
use crate::hir::Expr;

impl Emit<'_, '_, '_> {
    /// Tells a run something. The arguments are encoded at once, so nothing in them gets an owner.
    pub(super) fn send(&mut self, run: &Expr, workflow: u32, signal: Option<u32>, args: &[Expr]) -> Val {
        let Some(vals) = self.operands(std::iter::once(run).chain(args)) else { return self.nothing() };
        let to = vals[0].reg;
        match signal {
            Some(signal) => {
                let world = self.em.world;
                let ty = self.em.args(&world.signals_of(workflow)[signal as usize].params);
                let record = self.raw(ty);
                let regs: Vec<_> = vals[1..].iter().map(|v| v.reg).collect();
                self.args(Op::New, record, 0, &regs);
                let (signal, workflow) = (self.em.number(signal as usize), self.em.number(workflow as usize));
                self.args(Op::Send, signal, workflow, &[to, record]);
                self.give_back(record);
            }
            None => self.op(Op::SendCancel, to, 0, 0),
        }
        self.release_all(&vals);
        self.nothing()
    }

    /// Ends the run. The record of the arguments lives on until what still runs has ended, so they get an owner.
    pub(super) fn continue_as_new(&mut self, workflow: u32, args: &[Expr]) -> Val {
        let params = self.em.world.workflows[workflow as usize].sig.params.clone();
        let Some(vals) = self.operands(args) else { return self.nothing() };
        for (arg, val) in args.iter().zip(&vals) {
            self.share(arg, val.reg);
        }
        let ty = self.em.args(&params);
        let record = self.raw(ty);
        let regs: Vec<_> = vals.iter().map(|v| v.reg).collect();
        self.args(Op::New, record, 0, &regs);
        self.release_all(&vals);
        self.close_down_to(0);
        self.op(Op::ContinueAsNew, record, 0, 0);
        self.give_back(record);
        self.nothing()
    }
}
