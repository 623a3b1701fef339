//! Patterns as tests and bindings.

use weft_bytecode::{Op, Reg};

use super::function::{Emit, Label, Val};
use crate::hir::{Arm, Expr, LocalId, Pattern, PatternKind, Value};
use crate::types::{Kind, Ty};

impl Emit<'_, '_, '_> {
    pub(super) fn matching(&mut self, value: &Expr, arms: &[Arm], ty: Ty, dst: Option<Reg>) -> Val {
        let mut subject = self.value(value);
        if value.ty == Ty::NEVER {
            return self.nothing();
        }
        // The arms after a guard look at the value as it was before it.
        if arms.iter().any(|arm| arm.guard.as_ref().is_some_and(|guard| !guard.is_simple())) {
            subject = self.keep(value, subject);
        }
        let out = self.either(ty, dst, |this, dst| {
            let end = this.label();
            for arm in arms {
                let next = this.label();
                this.scoped(|this| {
                    this.pattern(&arm.pattern, subject.reg, Some(next));
                    if let Some(guard) = &arm.guard {
                        this.jump_unless(guard, next);
                    }
                    this.arm(&arm.body, dst);
                });
                if arm.body.ty != Ty::NEVER {
                    this.goto(end);
                }
                this.bind(next);
            }
            // The checker has seen that one of the arms matches.
            this.op(Op::Unreachable, 0, 0, 0);
            this.bind(end);
        });
        self.release(subject);
        out
    }

    /// Tests a value and binds its names. Where there is no place to fail to, the pattern always matches.
    pub(super) fn pattern(&mut self, pattern: &Pattern, value: Reg, fail: Option<Label>) {
        match &pattern.kind {
            PatternKind::Wildcard => {}
            PatternKind::Bind(local) => self.bind_local(*local, value),
            PatternKind::As(inner, local) => {
                self.pattern(inner, value, fail);
                self.bind_local(*local, value);
            }
            PatternKind::Value(constant) => {
                let Some(fail) = fail else { return };
                self.equal_constant(constant, pattern.ty, value, fail);
            }
            PatternKind::None => {
                let Some(fail) = fail else { return };
                let hit = self.label();
                self.jump(Op::JumpIfNone, value, hit);
                self.goto(fail);
                self.bind(hit);
            }
            PatternKind::Some(inner) => {
                if let Some(fail) = fail {
                    self.jump(Op::JumpIfNone, value, fail);
                }
                self.part(inner, fail, |this, dst| this.op(Op::Unwrap, dst, value, 0));
            }
            PatternKind::Variant(index, fields) => self.variant(pattern.ty, *index, fields, value, fail),
            PatternKind::Fields(fields) => {
                for (index, field) in fields {
                    self.part(field, fail, |this, dst| this.op(Op::Field, dst, value, *index));
                }
            }
            PatternKind::Or(alternatives) => {
                let Some(fail) = fail else { return };
                let hit = self.label();
                for alternative in alternatives {
                    let next = self.label();
                    self.pattern(alternative, value, Some(next));
                    self.goto(hit);
                    self.bind(next);
                }
                self.goto(fail);
                self.bind(hit);
            }
        }
    }

    fn bind_local(&mut self, local: LocalId, value: Reg) {
        let reg = self.local(local);
        self.op(Op::Move, reg, value, 0);
        self.share_local(local, reg);
    }

    /// What a pattern takes out of a value has two owners.
    fn share_local(&mut self, local: LocalId, reg: Reg) {
        let ty = self.local_info(local).ty;
        if self.em.world.types.is_updatable(ty) {
            self.op(Op::Share, reg, 0, 0);
        }
    }

    /// A part of a value: loaded only if the pattern looks at it, straight into its name if it is one.
    pub(super) fn part(&mut self, pattern: &Pattern, fail: Option<Label>, load: impl FnOnce(&mut Self, Reg)) {
        match &pattern.kind {
            PatternKind::Wildcard => {}
            PatternKind::Bind(local) => {
                let reg = self.local(*local);
                load(self, reg);
                self.share_local(*local, reg);
            }
            _ => {
                let part = self.temp(pattern.ty);
                load(self, part.reg);
                self.pattern(pattern, part.reg, fail);
                self.release(part);
            }
        }
    }

    fn equal_constant(&mut self, constant: &Value, ty: Ty, value: Reg, fail: Label) {
        if let Value::Bool(b) = constant {
            return self.jump(if *b { Op::JumpIfNot } else { Op::JumpIf }, value, fail);
        }
        let scalar = self.em.world.types.is_scalar(ty) && ty != Ty::FLOAT;
        let wanted = self.constant(constant, ty, None);
        let test = self.temp(Ty::BOOL);
        self.op(if scalar { Op::EqInt } else { Op::Equal }, test.reg, value, wanted.reg);
        self.jump(Op::JumpIfNot, test.reg, fail);
        self.release(test);
        self.release(wanted);
    }

    fn variant(&mut self, ty: Ty, index: u16, fields: &[Pattern], value: Reg, fail: Option<Label>) {
        let plain = self.em.world.types.is_plain_enum(ty);
        if let Some(fail) = fail.filter(|_| self.variants(ty) > 1) {
            let test = self.temp(Ty::BOOL);
            let wanted = if plain { self.temp(ty) } else { self.temp(Ty::INT) };
            let tag = match plain {
                true => Val { reg: value, temp: false },
                false => {
                    let tag = self.temp(Ty::INT);
                    self.op(Op::Tag, tag.reg, value, 0);
                    tag
                }
            };
            self.wide(Op::LoadInt, wanted.reg, u32::from(index));
            self.op(Op::EqInt, test.reg, tag.reg, wanted.reg);
            self.jump(Op::JumpIfNot, test.reg, fail);
            self.release(tag);
            self.release(wanted);
            self.release(test);
        }
        for (n, field) in fields.iter().enumerate() {
            if n > 0xff || index > 0xff {
                self.em.overflow = true;
                return;
            }
            let place = index << 8 | n as u16;
            self.part(field, fail, |this, dst| this.op(Op::VariantField, dst, value, place));
        }
    }

    fn variants(&self, ty: Ty) -> usize {
        match self.em.world.types.kind(ty) {
            Kind::Enum(id) => self.em.world.types.def(id).variants.len(),
            _ => 2,
        }
    }
}
