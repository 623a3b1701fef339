//! Equality, order and hash of values by their type: structural, independent of where things lie in the arena.

use std::cmp::Ordering;

use weft_bytecode::types::{Field, Type, TypeId, builtin};

use crate::heap::Heap;
use crate::layout::json;
use crate::limits::{Fault, NESTING_MAX, corrupt, too_deep};
use crate::loaded::Loaded;
use crate::table;
use crate::value::decimal;

/// Whether two values of a type are equal.
pub(crate) fn equal(heap: &Heap, loaded: &Loaded, ty: TypeId, a: u64, b: u64) -> Result<bool, Fault> {
    Walk { heap, loaded }.equal(ty, a, b, 0)
}

/// The order of two values of an ordered type.
pub(crate) fn order(heap: &Heap, loaded: &Loaded, ty: TypeId, a: u64, b: u64) -> Result<Ordering, Fault> {
    Walk { heap, loaded }.order(ty, a, b, 0)
}

/// A hash of a value: equal values have equal hashes, on every machine and for ever.
pub(crate) fn hash(heap: &Heap, loaded: &Loaded, ty: TypeId, value: u64) -> Result<u64, Fault> {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    Walk { heap, loaded }.hash(ty, value, &mut state, 0)?;
    Ok(state)
}

struct Walk<'a> {
    heap: &'a Heap,
    loaded: &'a Loaded,
}

impl Walk<'_> {
    fn equal(&self, ty: TypeId, a: u64, b: u64, depth: usize) -> Result<bool, Fault> {
        let declared = self.loaded.ty(ty);
        if let Type::Float = declared {
            return Ok(f64::from_bits(a) == f64::from_bits(b));
        }
        if !self.loaded.is_ref(ty) {
            return Ok(a == b);
        }
        if a == b {
            // One object equals itself: floats are never NaN.
            return Ok(true);
        }
        if a == 0 || b == 0 {
            return Ok(false);
        }
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let (heap, below) = (self.heap, depth + 1);
        match declared {
            Type::String | Type::Bytes => Ok(heap.bytes(a) == heap.bytes(b)),
            Type::Decimal => Ok(heap.payload(a) == heap.payload(b)),
            Type::Option(inner) if self.loaded.is_ref(*inner) => self.equal(*inner, a, b, below),
            Type::Option(inner) => self.equal(*inner, heap.get(a, 0), heap.get(b, 0), below),
            Type::List(item) => {
                let count = heap.get(a, 0);
                let same = |i| self.equal(*item, heap.get(a, i), heap.get(b, i), below);
                Ok(count == heap.get(b, 0) && all(1..=count as usize, same)?)
            }
            Type::Set(_) | Type::Map(..) => self.equal_tables(ty, a, b, below),
            Type::Tuple(items) => all(0..items.len(), |i| self.equal(items[i], heap.get(a, i), heap.get(b, i), below)),
            Type::Record { fields, .. } => self.equal_fields(fields, a, b, 0, below),
            Type::Run(_) => all(0..2, |i| self.equal(builtin::STRING, heap.get(a, i), heap.get(b, i), below)),
            Type::Enum { variants, .. } => {
                let variant = heap.get(a, 0);
                if variant != heap.get(b, 0) {
                    return Ok(false);
                }
                self.equal_fields(&variants[variant as usize].fields, a, b, 1, below)
            }
            Type::Result(value) => {
                let ty = if heap.get(a, 0) == 0 { *value } else { builtin::FAILURE };
                Ok(heap.get(a, 0) == heap.get(b, 0) && self.equal(ty, heap.get(a, 1), heap.get(b, 1), below)?)
            }
            Type::Error { .. } | Type::Failure => {
                let own = heap.type_at(a);
                if own != heap.type_at(b) {
                    return Ok(false);
                }
                self.equal_fields(self.loaded.program().fields(own), a, b, 0, below)
            }
            Type::Json => self.equal_json(a, b, below),
            _ => Err(corrupt("a value that is no data was compared")),
        }
    }

    fn equal_fields(&self, fields: &[Field], a: u64, b: u64, first: usize, depth: usize) -> Result<bool, Fault> {
        all(0..fields.len(), |i| {
            self.equal(fields[i].ty, self.heap.get(a, first + i), self.heap.get(b, first + i), depth)
        })
    }

    /// Sets and maps are equal if they hold the same, whatever the order.
    fn equal_tables(&self, ty: TypeId, a: u64, b: u64, depth: usize) -> Result<bool, Fault> {
        let heap = self.heap;
        let count = table::count(heap, a);
        if count != table::count(heap, b) {
            return Ok(false);
        }
        let shape = shape(self.loaded, ty)?;
        all(0..count, |entry| {
            let Some(other) = table::find(heap, self.loaded, shape, b, table::key(heap, shape, a, entry))? else {
                return Ok(false);
            };
            match self.loaded.ty(ty) {
                Type::Map(_, value) => {
                    self.equal(*value, table::value(heap, a, entry), table::value(heap, b, other), depth)
                }
                _ => Ok(true),
            }
        })
    }

    fn equal_json(&self, a: u64, b: u64, depth: usize) -> Result<bool, Fault> {
        let heap = self.heap;
        let (tag, other) = (heap.get(a, 0), heap.get(b, 0));
        let number = |at: u64| match heap.get(at, 0) {
            json::INT => heap.get(at, 1) as i64 as f64,
            _ => f64::from_bits(heap.get(at, 1)),
        };
        match (tag, other) {
            (json::INT, json::FLOAT) | (json::FLOAT, json::INT | json::FLOAT) => return Ok(number(a) == number(b)),
            _ if tag != other => return Ok(false),
            _ => {}
        }
        match tag {
            json::NULL => Ok(true),
            json::BOOL | json::INT => Ok(heap.get(a, 1) == heap.get(b, 1)),
            json::TEXT => self.equal(builtin::STRING, heap.get(a, 1), heap.get(b, 1), depth),
            json::ARRAY => {
                let length = heap.length(a);
                Ok(length == heap.length(b)
                    && all(1..length, |i| self.equal(builtin::JSON, heap.get(a, i), heap.get(b, i), depth))?)
            }
            _ => {
                let length = heap.length(a);
                Ok(length == heap.length(b)
                    && all((1..length).step_by(2), |i| {
                        let name = heap.text(heap.get(a, i));
                        // Usually the order is the same too.
                        let beside = heap.text(heap.get(b, i)) == name;
                        match if beside { Some(heap.get(b, i + 1)) } else { member(heap, b, name) } {
                            Some(value) => self.equal(builtin::JSON, heap.get(a, i + 1), value, depth),
                            None => Ok(false),
                        }
                    })?)
            }
        }
    }

    fn order(&self, ty: TypeId, a: u64, b: u64, depth: usize) -> Result<Ordering, Fault> {
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let heap = self.heap;
        Ok(match self.loaded.ty(ty) {
            // No NaN exists, and the two zeros are equal.
            Type::Float => f64::from_bits(a).partial_cmp(&f64::from_bits(b)).unwrap_or(Ordering::Equal),
            Type::String | Type::Bytes => heap.bytes(a).cmp(heap.bytes(b)),
            Type::Decimal => decimal(heap, a).cmp(&decimal(heap, b)),
            Type::Tuple(items) => {
                for (i, item) in items.iter().enumerate() {
                    let one = self.order(*item, heap.get(a, i), heap.get(b, i), depth + 1)?;
                    if one.is_ne() {
                        return Ok(one);
                    }
                }
                Ordering::Equal
            }
            _ if !self.loaded.is_ref(ty) => (a as i64).cmp(&(b as i64)),
            _ => return Err(corrupt("values of a type without order were ordered")),
        })
    }

    fn hash(&self, ty: TypeId, value: u64, state: &mut u64, depth: usize) -> Result<(), Fault> {
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let (heap, below) = (self.heap, depth + 1);
        let declared = self.loaded.ty(ty);
        if let Type::Float = declared {
            // The two zeros are equal.
            mix(state, if f64::from_bits(value) == 0.0 { 0 } else { value });
            return Ok(());
        }
        if !self.loaded.is_ref(ty) || value == 0 {
            mix(state, value);
            return Ok(());
        }
        let fields = |fields: &[Field], first: usize, state: &mut u64| {
            fields.iter().zip(first..).try_for_each(|(f, i)| self.hash(f.ty, heap.get(value, i), state, below))
        };
        match declared {
            Type::String | Type::Bytes | Type::Decimal => {
                mix(state, heap.length(value) as u64);
                heap.payload(value).iter().for_each(|word| mix(state, *word));
            }
            Type::Option(inner) if self.loaded.is_ref(*inner) => self.hash(*inner, value, state, below)?,
            Type::Option(inner) => self.hash(*inner, heap.get(value, 0), state, below)?,
            Type::List(item) => {
                mix(state, heap.get(value, 0));
                for i in 1..=heap.get(value, 0) as usize {
                    self.hash(*item, heap.get(value, i), state, below)?;
                }
            }
            Type::Tuple(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.hash(*item, heap.get(value, i), state, below)?;
                }
            }
            Type::Record { fields: own, .. } => fields(own, 0, state)?,
            Type::Enum { variants, .. } => {
                let variant = heap.get(value, 0);
                mix(state, variant);
                fields(&variants[variant as usize].fields, 1, state)?;
            }
            Type::Run(_) => {
                self.hash(builtin::STRING, heap.get(value, 0), state, below)?;
                self.hash(builtin::STRING, heap.get(value, 1), state, below)?;
            }
            // Their order does not matter to equality; as keys they are rare enough to share a few hashes.
            Type::Set(_) | Type::Map(..) => mix(state, heap.get(value, 0)),
            Type::Json => mix(state, 1),
            Type::Error { .. } | Type::Failure => mix(state, u64::from(heap.type_at(value).0)),
            _ => mix(state, 2),
        }
        Ok(())
    }
}

/// Both halves of a wide product, folded: every input bit reaches every output bit.
fn mix(state: &mut u64, word: u64) {
    let product = u128::from(*state ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93_a076_1d64_78bd_642f);
    *state = (product as u64 ^ (product >> 64) as u64).rotate_left(23) ^ 0x8ebc_6af0_9c88_c6e3;
}

fn all(mut range: impl Iterator<Item = usize>, same: impl FnMut(usize) -> Result<bool, Fault>) -> Result<bool, Fault> {
    let mut same = same;
    for i in &mut range {
        if !same(i)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The value of a name in a `Json` object.
pub(crate) fn member(heap: &Heap, object: u64, name: &str) -> Option<u64> {
    let payload = heap.payload(object);
    let mut pairs = payload[1..].chunks_exact(2);
    pairs.find(|pair| heap.text(pair[0]) == name).map(|pair| pair[1])
}

/// The table shape of a `Set` or `Map` type.
pub(crate) fn shape(loaded: &Loaded, ty: TypeId) -> Result<table::Shape, Fault> {
    match loaded.ty(ty) {
        Type::Set(key) => Ok(table::Shape { ty, key: *key, stride: 1 }),
        Type::Map(key, _) => Ok(table::Shape { ty, key: *key, stride: 2 }),
        _ => Err(corrupt("a set or map was expected")),
    }
}
