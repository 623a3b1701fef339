//! Constants and constructors.

use weft_bytecode::{Op, Reg};

use super::ConstantKey;
use super::function::{Emit, Val};
use crate::hir::{Expr, Value};
use crate::types::{Kind, Ty};

/// Elements of a list literal that one instruction takes; the rest is pushed.
const ELEMENTS_AT_ONCE: usize = 1_000;

impl Emit<'_, '_, '_> {
    /// A compile-time value of a type.
    pub(super) fn constant(&mut self, value: &Value, ty: Ty, dst: Option<Reg>) -> Val {
        let types = &self.em.world.types;
        if let (Some(inner), false) = (types.inner(ty), matches!(value, Value::None)) {
            let inner = self.constant(value, inner, None);
            let out = self.into(dst, ty);
            self.op(Op::Some, out.reg, inner.reg, 0);
            self.release(inner);
            return out;
        }
        let out = self.into(dst, ty);
        match value {
            Value::Unit | Value::Retry(_) | Value::Secret(_) => self.wide(Op::LoadInt, out.reg, 0),
            Value::None => self.op(Op::LoadNone, out.reg, 0, 0),
            Value::Bool(b) => self.wide(Op::LoadInt, out.reg, u32::from(*b)),
            Value::Int(n) | Value::Duration(n) => self.load_int(out.reg, *n),
            Value::Float(x) => self.load_constant(out.reg, ConstantKey::Scalar(x.to_bits())),
            Value::Decimal(text) => self.load_constant(out.reg, ConstantKey::Decimal(text.clone())),
            Value::String(text) => self.load_constant(out.reg, ConstantKey::String(text.clone())),
            Value::List(items) => self.constant_list(items, ty, out.reg),
            Value::Map(pairs) => {
                let Kind::Map(key_ty, value_ty) = self.em.world.types.kind(ty) else { return out };
                let vals: Vec<Val> = pairs
                    .iter()
                    .flat_map(|(k, v)| [(k, key_ty), (v, value_ty)])
                    .map(|(v, ty)| self.constant(v, ty, None))
                    .collect();
                self.construct_from(Op::NewMap, 0, &vals, out.reg);
            }
            Value::Fields(items) => {
                let tys = self.parts(ty);
                let vals: Vec<Val> = items.iter().zip(tys).map(|(v, ty)| self.constant(v, ty, None)).collect();
                self.construct_from(Op::New, 0, &vals, out.reg);
            }
            Value::Variant(index, items) => {
                if self.em.world.types.is_plain_enum(ty) {
                    self.wide(Op::LoadInt, out.reg, u32::from(*index));
                    return out;
                }
                let Kind::Enum(id) = self.em.world.types.kind(ty) else { return out };
                let def = self.em.world.types.def(id);
                let fields = &def.variants[usize::from(*index)].fields;
                let vals: Vec<Val> = items.iter().zip(fields).map(|(v, f)| self.constant(v, f.ty, None)).collect();
                self.construct_from(Op::NewVariant, *index, &vals, out.reg);
            }
        }
        out
    }

    pub(super) fn load_int(&mut self, dst: Reg, n: i64) {
        match i32::try_from(n) {
            Ok(n) => self.wide(Op::LoadInt, dst, n as u32),
            Err(_) => self.load_constant(dst, ConstantKey::Scalar(n as u64)),
        }
    }

    fn load_constant(&mut self, dst: Reg, key: ConstantKey) {
        let index = self.em.constant(key);
        self.wide(Op::LoadConst, dst, index);
    }

    fn constant_list(&mut self, items: &[Value], ty: Ty, dst: Reg) {
        let item = self.em.world.types.element(ty).unwrap_or(Ty::UNKNOWN);
        let (first, rest) = items.split_at(items.len().min(ELEMENTS_AT_ONCE));
        let vals: Vec<Val> = first.iter().map(|v| self.constant(v, item, None)).collect();
        self.construct_from(Op::NewList, 0, &vals, dst);
        for value in rest {
            let val = self.constant(value, item, None);
            self.op(Op::Push, dst, val.reg, 0);
            self.release(val);
        }
    }

    fn construct_from(&mut self, op: Op, index: u16, vals: &[Val], dst: Reg) {
        let regs: Vec<Reg> = vals.iter().map(|v| v.reg).collect();
        self.args(op, dst, index, &regs);
        self.release_all(vals);
    }

    /// Types of the fields of a tuple, record or error.
    fn parts(&self, ty: Ty) -> Vec<Ty> {
        let types = &self.em.world.types;
        match types.kind(ty) {
            Kind::Tuple(items) => items.to_vec(),
            _ => types.fields(ty).unwrap_or_default().into_iter().map(|(_, ty)| ty).collect(),
        }
    }

    pub(super) fn construct(&mut self, op: Op, index: u16, items: &[Expr], ty: Ty, dst: Option<Reg>) -> Val {
        let items: Vec<&Expr> = items.iter().collect();
        self.construct_of(op, index, &items, ty, dst)
    }

    /// A constructor: what it is made of gets an owner.
    pub(super) fn construct_of(&mut self, op: Op, index: u16, items: &[&Expr], ty: Ty, dst: Option<Reg>) -> Val {
        let Some(vals) = self.operands(items.iter().copied()) else { return self.nothing() };
        for (item, val) in items.iter().zip(&vals) {
            self.share(item, val.reg);
        }
        let out = self.into(dst, ty);
        self.construct_from(op, index, &vals, out.reg);
        out
    }

    pub(super) fn list(&mut self, items: &[Expr], ty: Ty, dst: Option<Reg>) -> Val {
        if items.len() <= ELEMENTS_AT_ONCE {
            return self.construct(Op::NewList, 0, items, ty, dst);
        }
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        for item in items {
            let val = self.value(item);
            self.share(item, val.reg);
            self.op(Op::Push, out.reg, val.reg, 0);
            self.release(val);
        }
        out
    }
}
