//! `let` and assignment, also into records, lists and maps.

use weft_bytecode::op::Native;
use weft_bytecode::{Op, Reg};

use super::function::{Emit, Val};
use crate::hir::{Expr, Pattern, PatternKind, Place, Root, Step};
use crate::types::Ty;

impl Emit<'_, '_, '_> {
    pub(super) fn let_stmt(&mut self, pattern: &Pattern, value: &Expr) {
        let outer = self.set_span(value.span);
        match &pattern.kind {
            PatternKind::Bind(local) => {
                let reg = self.local(*local);
                self.owned(value, Some(reg));
            }
            _ => {
                let val = self.value(value);
                if value.ty != Ty::NEVER {
                    self.share(value, val.reg);
                    self.pattern(pattern, val.reg, None);
                }
                self.release(val);
            }
        }
        self.set_span(outer);
    }

    pub(super) fn assign(&mut self, place: &Place, value: &Expr) {
        if place.steps.is_empty() {
            return match place.root {
                Root::Local(id) => {
                    let reg = self.local(id);
                    self.owned(value, Some(reg));
                }
                Root::State(cell) => {
                    let val = self.value(value);
                    if value.ty != Ty::NEVER {
                        self.share(value, val.reg);
                        self.op(Op::StoreState, cell, val.reg, 0);
                    }
                    self.release(val);
                }
            };
        }
        let val = self.value(value);
        if value.ty == Ty::NEVER {
            return;
        }
        self.share(value, val.reg);
        self.update(place, val.reg);
        self.release(val);
    }

    /// Walks into the place, changes its end, and writes each changed piece back into the one around it.
    fn update(&mut self, place: &Place, value: Reg) {
        let root = match place.root {
            Root::Local(id) => Val { reg: self.local(id), temp: false },
            Root::State(cell) => {
                let root = self.temp(place.ty);
                self.op(Op::LoadState, root.reg, cell, 0);
                root
            }
        };
        let mut chain = vec![root];
        let mut keys: Vec<Option<Val>> = Vec::new();
        for (n, step) in place.steps.iter().enumerate() {
            let key = match step {
                Step::Field(..) => None,
                Step::Index(key, _) | Step::Key(key, _) => Some(self.value(key)),
            };
            keys.push(key);
            if n + 1 == place.steps.len() {
                break;
            }
            let from = chain[n].reg;
            let (Step::Field(_, ty) | Step::Index(_, ty) | Step::Key(_, ty)) = step;
            let piece = self.temp(*ty);
            let key = key.map_or(0, |k| k.reg);
            match step {
                Step::Field(index, _) => self.op(Op::Field, piece.reg, from, *index),
                Step::Index(..) => self.op(Op::Index, piece.reg, from, key),
                Step::Key(..) => self.args(Op::CallNative, piece.reg, Native::MapIndex as u16, &[from, key]),
            }
            chain.push(piece);
        }
        let mut value = value;
        for (n, step) in place.steps.iter().enumerate().rev() {
            let into = chain[n].reg;
            let key = keys[n].map_or(0, |k| k.reg);
            match step {
                Step::Field(index, _) => self.op(Op::SetField, into, *index, value),
                Step::Index(..) => self.op(Op::SetIndex, into, key, value),
                Step::Key(..) => self.op(Op::SetKey, into, key, value),
            }
            value = into;
        }
        if let Root::State(cell) = place.root {
            self.op(Op::StoreState, cell, value, 0);
        }
        for val in keys.into_iter().flatten().chain(chain) {
            self.release(val);
        }
    }
}
