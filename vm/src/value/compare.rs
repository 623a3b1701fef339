//! Equality, order and hash of values by their type: structural, independent of where things lie in the arena.

use std::cell::Cell;
use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use weft_bytecode::types::{Field, Type, TypeId, builtin};

use crate::heap::Heap;
use crate::layout::json;
use crate::limits::{Fault, NESTING_MAX, corrupt, too_deep};
use crate::loaded::Loaded;
use crate::table;
use crate::value::decimal;

/// Whether two values of a type are equal.
pub(crate) fn equal(heap: &mut Heap, loaded: &Loaded, ty: TypeId, a: u64, b: u64) -> Result<bool, Fault> {
    walk(heap, loaded, |walk| walk.equal(ty, a, b, 0))
}

/// The order of two values of an ordered type.
pub(crate) fn order(heap: &mut Heap, loaded: &Loaded, ty: TypeId, a: u64, b: u64) -> Result<Ordering, Fault> {
    walk(heap, loaded, |walk| walk.order(ty, a, b, 0))
}

/// Looks at values, and charges for every object that was looked at: values share parts, so how long that takes is not
/// known before. The fuel of the activation ends it.
pub(crate) fn walk<T>(
    heap: &mut Heap,
    loaded: &Loaded,
    work: impl FnOnce(&Walk<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let walk = Walk { heap, loaded, used: Cell::new(heap.fuel_used) };
    let result = work(&walk);
    let used = walk.used.get();
    heap.fuel_used = used;
    result
}

/// Members from which an index of a `Json` object is faster than looking for each.
const INDEX_MIN: usize = 16;

/// Values being looked at, and the fuel used so far.
pub(crate) struct Walk<'a> {
    pub(crate) heap: &'a Heap,
    loaded: &'a Loaded,
    used: Cell<u64>,
}

impl Walk<'_> {
    /// Charges for looking at so many bytes.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), Fault> {
        let used = self.used.get() + 1 + bytes as u64 / 64;
        self.used.set(used);
        if used > self.heap.fuel_end() { Err(self.heap.out_of_fuel()) } else { Ok(()) }
    }

    pub(crate) fn equal(&self, ty: TypeId, a: u64, b: u64, depth: usize) -> Result<bool, Fault> {
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
        self.charge(heap.size(a))?;
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
            let key = table::key(heap, shape, a, entry);
            let Some(other) = table::find_in(self, shape, b, key, depth)? else {
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
                let mut index = None;
                Ok(length == heap.length(b)
                    && all((1..length).step_by(2), |i| {
                        let name = heap.text(heap.get(a, i));
                        self.charge(name.len())?;
                        // Usually the order is the same too.
                        let found = match heap.text(heap.get(b, i)) == name {
                            true => Some(heap.get(b, i + 1)),
                            false if length / 2 < INDEX_MIN => member(heap, b, name),
                            false => index.get_or_insert_with(|| members(heap, b)).get(name).copied(),
                        };
                        match found {
                            Some(value) => self.equal(builtin::JSON, heap.get(a, i + 1), value, depth),
                            None => Ok(false),
                        }
                    })?)
            }
        }
    }

    pub(crate) fn order(&self, ty: TypeId, a: u64, b: u64, depth: usize) -> Result<Ordering, Fault> {
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let heap = self.heap;
        if self.loaded.is_ref(ty) {
            self.charge(heap.size(a))?;
        }
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

    /// A hash of a value: equal values have equal hashes, on every machine and for ever.
    pub(crate) fn hash(&self, ty: TypeId, value: u64) -> Result<u64, Fault> {
        let mut state = 0x9e37_79b9_7f4a_7c15;
        self.mix_in(ty, value, &mut state, 0)?;
        Ok(state)
    }

    fn mix_in(&self, ty: TypeId, value: u64, state: &mut u64, depth: usize) -> Result<(), Fault> {
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
        self.charge(heap.size(value))?;
        let fields = |fields: &[Field], first: usize, state: &mut u64| {
            fields.iter().zip(first..).try_for_each(|(f, i)| self.mix_in(f.ty, heap.get(value, i), state, below))
        };
        match declared {
            Type::String | Type::Bytes | Type::Decimal => {
                mix(state, heap.length(value) as u64);
                heap.payload(value).iter().for_each(|word| mix(state, *word));
            }
            Type::Option(inner) if self.loaded.is_ref(*inner) => self.mix_in(*inner, value, state, below)?,
            Type::Option(inner) => self.mix_in(*inner, heap.get(value, 0), state, below)?,
            Type::List(item) => {
                mix(state, heap.get(value, 0));
                for i in 1..=heap.get(value, 0) as usize {
                    self.mix_in(*item, heap.get(value, i), state, below)?;
                }
            }
            Type::Tuple(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.mix_in(*item, heap.get(value, i), state, below)?;
                }
            }
            Type::Record { fields: own, .. } => fields(own, 0, state)?,
            Type::Enum { variants, .. } => {
                let variant = heap.get(value, 0);
                mix(state, variant);
                fields(&variants[variant as usize].fields, 1, state)?;
            }
            Type::Run(_) => {
                self.mix_in(builtin::STRING, heap.get(value, 0), state, below)?;
                self.mix_in(builtin::STRING, heap.get(value, 1), state, below)?;
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

/// The values of a `Json` object by their names.
fn members(heap: &Heap, object: u64) -> FxHashMap<&str, u64> {
    heap.payload(object)[1..].chunks_exact(2).map(|pair| (heap.text(pair[0]), pair[1])).collect()
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
