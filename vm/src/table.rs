//! Maps and sets: entries in insertion order in one object, with a hash index behind them once there are more than
//! a few. The hash function is fixed and hashes contents, so the object is the same on every machine.
//!
//! Payload: count, room for entries, `room * stride` words of entries, then the index: 32-bit places, two a word, each
//! an entry number from 1 or 0 for empty, probed linearly. Nothing is ever removed in place.

use weft_bytecode::types::TypeId;

use crate::heap::Heap;
use crate::limits::Fault;
use crate::loaded::Loaded;
use crate::value::compare::{self, Walk};

/// Up to this many entries a scan is faster than an index.
const SCAN_MAX: usize = 8;

/// What a table holds, from its static type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) ty: TypeId,
    pub(crate) key: TypeId,
    /// 1 for a set, 2 for a map.
    pub(crate) stride: usize,
}

/// 32-bit places in the index of a table with this room.
fn places(room: usize) -> usize {
    if room <= SCAN_MAX { 0 } else { (room * 2).next_power_of_two() }
}

/// Payload words of a table with this room.
pub(crate) fn words(room: usize, stride: usize) -> usize {
    2 + room * stride + places(room) / 2
}

pub(crate) fn create(heap: &mut Heap, shape: Shape, room: usize) -> Result<u64, Fault> {
    let table = heap.alloc(shape.ty, words(room, shape.stride))?;
    heap.set(table, 1, room as u64);
    Ok(table)
}

pub(crate) fn count(heap: &Heap, table: u64) -> usize {
    heap.get(table, 0) as usize
}

fn room(heap: &Heap, table: u64) -> usize {
    heap.get(table, 1) as usize
}

pub(crate) fn key(heap: &Heap, shape: Shape, table: u64, entry: usize) -> u64 {
    heap.get(table, 2 + entry * shape.stride)
}

pub(crate) fn value(heap: &Heap, table: u64, entry: usize) -> u64 {
    heap.get(table, 3 + entry * 2)
}

pub(crate) fn set_value(heap: &mut Heap, table: u64, entry: usize, value: u64) {
    heap.set(table, 3 + entry * 2, value);
}

/// The entry of a key.
pub(crate) fn find(
    heap: &mut Heap,
    loaded: &Loaded,
    shape: Shape,
    table: u64,
    wanted: u64,
) -> Result<Option<usize>, Fault> {
    compare::walk(heap, loaded, |walk| find_in(walk, shape, table, wanted, 0))
}

/// The entry of a key, looked for on the way through a value.
pub(crate) fn find_in(
    walk: &Walk<'_>,
    shape: Shape,
    table: u64,
    wanted: u64,
    depth: usize,
) -> Result<Option<usize>, Fault> {
    let heap = walk.heap;
    let room = room(heap, table);
    if room <= SCAN_MAX {
        for entry in 0..count(heap, table) {
            if walk.equal(shape.key, key(heap, shape, table, entry), wanted, depth)? {
                return Ok(Some(entry));
            }
        }
        return Ok(None);
    }
    let mask = places(room) - 1;
    let base = 2 + room * shape.stride;
    let mut place = walk.hash(shape.key, wanted)? as usize & mask;
    // The index is never more than half full, so a free place is met.
    loop {
        let entry = (heap.get(table, base + place / 2) >> (32 * (place % 2))) as u32 as usize;
        match entry {
            0 => return Ok(None),
            n if walk.equal(shape.key, key(heap, shape, table, n - 1), wanted, depth)? => return Ok(Some(n - 1)),
            _ => place = (place + 1) & mask,
        }
    }
}

/// Makes sure one more entry fits: the table itself, or a bigger copy of it.
pub(crate) fn with_room(heap: &mut Heap, loaded: &Loaded, shape: Shape, table: u64) -> Result<u64, Fault> {
    let (count, room) = (count(heap, table), room(heap, table));
    if count < room {
        return Ok(table);
    }
    let bigger = create(heap, shape, (room * 2).max(4))?;
    for entry in 0..count {
        let at = 2 + entry * shape.stride;
        let key = heap.get(table, at);
        let value = if shape.stride == 2 { heap.get(table, at + 1) } else { 0 };
        append(heap, loaded, shape, bigger, key, value)?;
    }
    Ok(bigger)
}

/// Adds an entry whose key the table does not have, where there is room.
pub(crate) fn append(
    heap: &mut Heap,
    loaded: &Loaded,
    shape: Shape,
    table: u64,
    key: u64,
    value: u64,
) -> Result<(), Fault> {
    let (entry, room) = (count(heap, table), room(heap, table));
    if room > SCAN_MAX {
        let mask = places(room) - 1;
        let base = 2 + room * shape.stride;
        let at = |place: usize| (base + place / 2, 32 * (place % 2));
        let (word, shift) = compare::walk(heap, loaded, |walk| {
            let mut place = walk.hash(shape.key, key)? as usize & mask;
            while walk.heap.get(table, at(place).0) >> at(place).1 & 0xffff_ffff != 0 {
                place = (place + 1) & mask;
                // Keys whose hashes are the same are many places away from theirs.
                walk.charge(0)?;
            }
            Ok(at(place))
        })?;
        heap.set(table, word, heap.get(table, word) | (entry as u64 + 1) << shift);
    }
    let at = 2 + entry * shape.stride;
    heap.set(table, at, key);
    if shape.stride == 2 {
        heap.set(table, at + 1, value);
    }
    heap.set(table, 0, entry as u64 + 1);
    Ok(())
}

/// Puts an entry in place or last; gives the table, which may be a bigger copy.
pub(crate) fn put(
    heap: &mut Heap,
    loaded: &Loaded,
    shape: Shape,
    table: u64,
    key: u64,
    value: u64,
) -> Result<u64, Fault> {
    if let Some(entry) = find(heap, loaded, shape, table, key)? {
        if shape.stride == 2 {
            set_value(heap, table, entry, value);
        }
        return Ok(table);
    }
    let table = with_room(heap, loaded, shape, table)?;
    append(heap, loaded, shape, table, key, value)?;
    Ok(table)
}

/// Whether the payload is a table: sizes agree and the index names entries.
pub(crate) fn is_sound(payload: &[u64], stride: usize) -> bool {
    let (Some(&count), Some(&room)) = (payload.first(), payload.get(1)) else { return false };
    if count > room || room > payload.len() as u64 {
        return false;
    }
    let (count, room) = (count as usize, room as usize);
    if payload.len() != words(room, stride) {
        return false;
    }
    let index = &payload[2 + room * stride..];
    let named = index.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
    let mut entries = 0;
    for place in named {
        if place as usize > count {
            return false;
        }
        entries += usize::from(place != 0);
    }
    index.is_empty() || entries == count
}
