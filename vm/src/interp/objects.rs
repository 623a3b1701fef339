//! Objects: made, read, and updated in place where nobody else can see them.

use smallvec::SmallVec;
use weft_bytecode::op::{Native, Op};
use weft_bytecode::types::{Type, TypeId, builtin};

use super::{At, Flow};
use crate::fiber::Fiber;
use crate::heap::Heap;
use crate::layout::Refs;
use crate::limits::{Fault, corrupt, fault};
use crate::loaded::{Inst, Loaded, Ready};
use crate::machine::Vm;
use crate::native;
use crate::step::TrapKind;
use crate::table;
use crate::value::{compare, decode, encode, new_decimal, new_text};

impl Vm {
    pub(super) fn object_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let Inst { a, b, c, op } = at.inst;
        let value = match op {
            Op::LoadConst => self.constant(at)?,
            Op::New => {
                let fields: SmallVec<[u64; 8]> = at.args().map(|reg| at.reg(fiber, reg)).collect();
                self.heap.alloc_words(at.ty(a), &fields)?
            }
            Op::NewVariant => {
                let fields = at.args().map(|reg| at.reg(fiber, reg));
                let words: SmallVec<[u64; 8]> = std::iter::once(u64::from(b)).chain(fields).collect();
                self.heap.alloc_words(at.ty(a), &words)?
            }
            Op::NewList => self.new_list(fiber, at)?,
            Op::NewMap => self.new_map(fiber, at)?,
            Op::SetField => {
                let object = self.own(fiber, at)?;
                self.heap.set(object, usize::from(b), at.reg(fiber, c));
                return Ok(Flow::Next);
            }
            Op::SetIndex => {
                let index = index(&self.heap, at.reg(fiber, a), at.reg(fiber, b) as i64)?;
                let list = self.own(fiber, at)?;
                self.heap.set(list, 1 + index, at.reg(fiber, c));
                return Ok(Flow::Next);
            }
            Op::Push => return self.push(fiber, at),
            Op::SetKey => {
                let map = self.own(fiber, at)?;
                let shape = compare::shape(at.loaded, at.ty(a))?;
                let (key, value) = (at.reg(fiber, b), at.reg(fiber, c));
                let map = table::put(&mut self.heap, at.loaded, shape, map, key, value)?;
                at.set(fiber, a, map);
                return Ok(Flow::Next);
            }
            Op::Tag => self.heap.get(at.reg(fiber, b), 0),
            Op::VariantField => {
                let value = at.reg(fiber, b);
                if self.heap.get(value, 0) != u64::from(c >> 8) {
                    return Err(corrupt("a field of another variant was read"));
                }
                let field = self.heap.get(value, 1 + usize::from(c & 0xff));
                self.inherit(value, at.loaded, at.ty(a), field);
                field
            }
            Op::Some => match at.loaded.is_ref(at.ty(b)) {
                true => at.reg(fiber, b),
                false => self.heap.alloc_words(at.ty(a), &[at.reg(fiber, b)])?,
            },
            Op::Unwrap => match at.reg(fiber, b) {
                0 => return Err(fault(TrapKind::Unreachable, "none was met where the program excludes it")),
                value if at.loaded.is_ref(at.ty(a)) => value,
                boxed => self.heap.get(boxed, 0),
            },
            Op::Cast => {
                let value = at.reg(fiber, b);
                let to = at.ty(a);
                if to != builtin::FAILURE && self.heap.type_at(value) != to {
                    return Err(corrupt("an error was taken for another one"));
                }
                value
            }
            Op::Index => {
                let list = at.reg(fiber, b);
                let index = index(&self.heap, list, at.reg(fiber, c) as i64)?;
                let item = self.heap.get(list, 1 + index);
                self.inherit(list, at.loaded, at.ty(a), item);
                item
            }
            Op::Concat => self.concat(fiber, at)?,
            Op::Less | Op::LessEqual => {
                let (lhs, rhs, ty) = (at.reg(fiber, b), at.reg(fiber, c), at.ty(b));
                let order = compare::order(&mut self.heap, at.loaded, ty, lhs, rhs)?;
                u64::from(if op == Op::Less { order.is_lt() } else { order.is_le() })
            }
            Op::Closure => {
                let captures = at.args().map(|reg| at.reg(fiber, reg));
                let words: SmallVec<[u64; 8]> = std::iter::once(u64::from(b)).chain(captures).collect();
                self.heap.alloc_words(at.ty(a), &words)?
            }
            Op::CallNative => self.call_native(fiber, at)?,
            _ => return self.store_state(fiber, at),
        };
        at.set(fiber, a, value);
        Ok(Flow::Next)
    }

    fn constant(&mut self, at: &At<'_>) -> Result<u64, Fault> {
        match &at.loaded.constants[at.inst.imm() as usize] {
            Ready::Scalar(slot) => Ok(*slot),
            Ready::Text(text) => new_text(&mut self.heap, text),
            Ready::Bytes(bytes) => self.heap.alloc_bytes(builtin::BYTES, bytes),
            Ready::Decimal(value) => new_decimal(&mut self.heap, *value),
            Ready::Json(json) => decode::text_of(&mut self.heap, at.loaded, builtin::JSON, json),
        }
    }

    /// What is read out of a shared object has two owners too.
    fn inherit(&mut self, from: u64, loaded: &Loaded, ty: TypeId, value: u64) {
        if self.heap.is_shared(from) && loaded.is_ref(ty) {
            self.heap.share(value);
        }
    }

    /// The object of the `var` in operand `a`, to be updated in place: itself, or a copy that the register then names.
    fn own(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<u64, Fault> {
        let object = at.reg(fiber, at.inst.a);
        if !self.heap.is_shared(object) {
            return Ok(object);
        }
        let copy = self.copy(at.loaded, object, 0)?;
        at.set(fiber, at.inst.a, copy);
        Ok(copy)
    }

    /// A shallow copy with room behind; what it refers to has two owners now.
    fn copy(&mut self, loaded: &Loaded, object: u64, extra: usize) -> Result<u64, Fault> {
        self.heap.charge(self.heap.size(object));
        let copy = self.heap.alloc_copy(object, extra)?;
        share_children(&mut self.heap, loaded, copy);
        Ok(copy)
    }

    fn new_list(&mut self, fiber: &Fiber, at: &At<'_>) -> Result<u64, Fault> {
        let ty = at.ty(at.inst.a);
        let values = at.args().map(|reg| at.reg(fiber, reg));
        if let Type::Set(_) = at.loaded.ty(ty) {
            let shape = compare::shape(at.loaded, ty)?;
            let mut set = table::create(&mut self.heap, shape, at.inst.argc())?;
            for value in values {
                set = table::put(&mut self.heap, at.loaded, shape, set, value, 0)?;
            }
            return Ok(set);
        }
        let words: SmallVec<[u64; 8]> = std::iter::once(at.inst.argc() as u64).chain(values).collect();
        self.heap.alloc_words(ty, &words)
    }

    fn new_map(&mut self, fiber: &Fiber, at: &At<'_>) -> Result<u64, Fault> {
        let shape = compare::shape(at.loaded, at.ty(at.inst.a))?;
        let mut map = table::create(&mut self.heap, shape, at.inst.argc() / 2)?;
        let mut values = at.args().map(|reg| at.reg(fiber, reg));
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            map = table::put(&mut self.heap, at.loaded, shape, map, key, value)?;
        }
        Ok(map)
    }

    fn push(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let Inst { a, b, .. } = at.inst;
        let mut list = at.reg(fiber, a);
        let count = self.heap.get(list, 0) as usize;
        let full = self.heap.length(list) == 1 + count;
        if full || self.heap.is_shared(list) {
            // Twice the room, so that a loop of pushes costs each element a constant.
            let extra = if full { count.max(4) } else { 0 };
            list = match self.heap.is_shared(list) {
                true => self.copy(at.loaded, list, extra)?,
                false => {
                    self.heap.charge(self.heap.size(list));
                    self.heap.alloc_copy(list, extra)?
                }
            };
            at.set(fiber, a, list);
        }
        self.heap.set(list, 1 + count, at.reg(fiber, b));
        self.heap.set(list, 0, count as u64 + 1);
        Ok(Flow::Next)
    }

    fn concat(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<u64, Fault> {
        self.collect_if_due(fiber)?;
        let (mut out, mut room) = (String::new(), encode::Room::heap(&self.heap));
        for reg in at.args() {
            encode::hole_into(&self.heap, at.loaded, at.ty(reg), at.reg(fiber, reg), &mut out, &mut room)?;
        }
        self.heap.charge(out.len());
        new_text(&mut self.heap, &out)
    }

    fn call_native(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<u64, Fault> {
        self.collect_if_due(fiber)?;
        let native = Native::from_code(at.inst.b).ok_or_else(|| corrupt("no such native"))?;
        let args: SmallVec<[native::Value; 4]> =
            at.args().map(|reg| native::Value { ty: at.ty(reg), slot: at.reg(fiber, reg) }).collect();
        native::call(&mut self.heap, at.loaded, native, &args, at.ty(at.inst.a))
    }

    fn store_state(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let (cell, value) = (at.inst.a, at.reg(fiber, at.inst.b));
        let state = &at.loaded.program().workflows[usize::from(self.workflow)].state[usize::from(cell)];
        if state.indexed && !self.progress.changed.contains(&cell) {
            let old = self.cells[usize::from(cell)];
            let never = old == 0 && at.loaded.is_ref(state.ty);
            if never || !compare::equal(&mut self.heap, at.loaded, state.ty, old, value)? {
                self.progress.changed.push(cell);
            }
        }
        self.cells[usize::from(cell)] = value;
        Ok(Flow::Next)
    }
}

fn index(heap: &Heap, list: u64, index: i64) -> Result<usize, Fault> {
    let count = heap.get(list, 0);
    if index >= 0 && (index as u64) < count {
        return Ok(index as usize);
    }
    Err(fault(TrapKind::Index, format!("index {index} of a list of {count}")))
}

/// Marks what an object refers to as shared.
pub(crate) fn share_children(heap: &mut Heap, loaded: &Loaded, object: u64) {
    let places: SmallVec<[usize; 16]> = match loaded.layouts.refs(heap.type_at(object), heap.payload(object)) {
        Refs::Range { from, to, step } => (from..to).step_by(step).collect(),
        Refs::At(places) => places.iter().map(|place| usize::from(*place)).collect(),
    };
    for place in places {
        let child = heap.get(object, place);
        heap.share(child);
    }
}
