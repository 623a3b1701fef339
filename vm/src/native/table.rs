//! Maps and sets.

use weft_bytecode::TypeId;
use weft_bytecode::op::Native;
use weft_bytecode::types::Type;

use super::Call;
use crate::limits::{Fault, corrupt, fault};
use crate::step::TrapKind;
use crate::table::{self, Shape};
use crate::value::{compare, encode};

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let map = call.slot(0);
    match native {
        GroupKeys => group(call),
        MapGet => {
            let found = find(call, 0, 1)?.map(|entry| table::value(call.heap, map, entry));
            let Type::Map(_, value) = call.loaded.ty(call.args[0].ty) else {
                return Err(corrupt("a map was expected"));
            };
            call.found(*value, found)
        }
        MapIndex => match find(call, 0, 1)? {
            Some(entry) => {
                let value = table::value(call.heap, map, entry);
                if call.loaded.is_ref(call.dst) {
                    call.heap.share(value);
                }
                Ok(value)
            }
            None => {
                let (mut key, mut room) = (String::new(), encode::Room::heap(call.heap));
                encode::hole_into(call.heap, call.loaded, call.args[1].ty, call.slot(1), &mut key, &mut room)?;
                Err(fault(TrapKind::Index, format!("the map has no key {key}")))
            }
        },
        MapHas => Ok(u64::from(find(call, 0, 1)?.is_some())),
        MapKeys | SetToList => {
            let shape = shape(call, 0)?;
            let keys: Vec<u64> = entries(call, map).map(|entry| table::key(call.heap, shape, map, entry)).collect();
            call.list(call.dst, &keys)
        }
        MapValues => {
            let values: Vec<u64> = entries(call, map).map(|entry| table::value(call.heap, map, entry)).collect();
            call.list(call.dst, &values)
        }
        MapEntries => pairs(call),
        MapSet => {
            let copy = copy(call, map)?;
            share_args(call);
            put(call, call.dst, copy, call.slot(1), call.slot(2))
        }
        SetAdd => {
            let copy = copy(call, map)?;
            share_args(call);
            put(call, call.dst, copy, call.slot(1), 0)
        }
        MapRemove | SetRemove => {
            let without = find(call, 0, 1)?;
            keep(call, |_, entry| Ok(Some(entry) != without))
        }
        MapMerge | SetUnion => {
            let mut all = copy(call, map)?;
            let shape = shape(call, 1)?;
            let other = call.slot(1);
            for entry in entries(call, other) {
                let (key, value) = entry_of(call, shape, other, entry);
                all = put(call, call.dst, all, key, value)?;
            }
            crate::interp::share_children(call.heap, call.loaded, all);
            Ok(all)
        }
        SetIntersect | SetDifference => {
            let both = native == SetIntersect;
            let shape = shape(call, 0)?;
            keep(call, |call, entry| {
                let key = table::key(call.heap, shape, map, entry);
                let other = call.slot(1);
                Ok(table::find(call.heap, call.loaded, shape, other, key)?.is_some() == both)
            })
        }
        _ => {
            let shape = compare::shape(call.loaded, call.dst)?;
            let mut set = table::create(call.heap, shape, call.count(map))?;
            for item in call.items(map).to_vec() {
                set = table::put(call.heap, call.loaded, shape, set, item, 0)?;
            }
            crate::interp::share_children(call.heap, call.loaded, set);
            Ok(set)
        }
    }
}

/// What is put into a table stays where it was too.
fn share_args(call: &mut Call<'_>) {
    for n in 1..call.args.len() {
        if call.loaded.is_ref(call.args[n].ty) {
            call.heap.share(call.slot(n));
        }
    }
}

fn shape(call: &Call<'_>, arg: usize) -> Result<Shape, Fault> {
    compare::shape(call.loaded, call.args[arg].ty)
}

fn entries(call: &Call<'_>, map: u64) -> std::ops::Range<usize> {
    0..table::count(call.heap, map)
}

fn find(call: &mut Call<'_>, map: usize, key: usize) -> Result<Option<usize>, Fault> {
    let (shape, map, key) = (shape(call, map)?, call.slot(map), call.slot(key));
    table::find(call.heap, call.loaded, shape, map, key)
}

fn put(call: &mut Call<'_>, ty: TypeId, map: u64, key: u64, value: u64) -> Result<u64, Fault> {
    let shape = compare::shape(call.loaded, ty)?;
    table::put(call.heap, call.loaded, shape, map, key, value)
}

fn entry_of(call: &Call<'_>, shape: Shape, map: u64, entry: usize) -> (u64, u64) {
    let value = if shape.stride == 2 { table::value(call.heap, map, entry) } else { 0 };
    (table::key(call.heap, shape, map, entry), value)
}

/// A copy whose contents stay where they were too.
fn copy(call: &mut Call<'_>, map: u64) -> Result<u64, Fault> {
    let copy = call.heap.alloc_copy(map, 0)?;
    crate::interp::share_children(call.heap, call.loaded, copy);
    Ok(copy)
}

/// A new table of the entries of the first argument that are wanted.
fn keep(call: &mut Call<'_>, wanted: impl Fn(&mut Call<'_>, usize) -> Result<bool, Fault>) -> Result<u64, Fault> {
    let (shape, map) = (shape(call, 0)?, call.slot(0));
    let mut kept = table::create(call.heap, shape, 0)?;
    for entry in entries(call, map) {
        if wanted(call, entry)? {
            let (key, value) = entry_of(call, shape, map, entry);
            kept = table::with_room(call.heap, call.loaded, shape, kept)?;
            table::append(call.heap, call.loaded, shape, kept, key, value)?;
        }
    }
    crate::interp::share_children(call.heap, call.loaded, kept);
    Ok(kept)
}

fn pairs(call: &mut Call<'_>) -> Result<u64, Fault> {
    let (shape, map) = (shape(call, 0)?, call.slot(0));
    let pair = call.element(call.dst)?;
    let mut items = Vec::with_capacity(table::count(call.heap, map));
    for entry in entries(call, map) {
        let (key, value) = entry_of(call, shape, map, entry);
        items.push(call.heap.alloc_words(pair, &[key, value])?);
    }
    crate::interp::share_children(call.heap, call.loaded, map);
    call.fresh_list(call.dst, &items)
}

/// Values by their keys, in order of first sight.
fn group(call: &mut Call<'_>) -> Result<u64, Fault> {
    let shape = compare::shape(call.loaded, call.dst)?;
    let Type::Map(_, list) = call.loaded.ty(call.dst) else {
        return Err(corrupt("a grouping gives a map"));
    };
    let (keys, values) = (call.items(call.slot(0)).to_vec(), call.items(call.slot(1)).to_vec());
    if keys.len() != values.len() {
        return Err(corrupt("a grouping has as many keys as values"));
    }
    let mut groups = table::create(call.heap, shape, 0)?;
    let mut members: Vec<Vec<u64>> = Vec::new();
    for (key, value) in keys.into_iter().zip(values) {
        match table::find(call.heap, call.loaded, shape, groups, key)? {
            Some(entry) => members[entry].push(value),
            None => {
                groups = table::with_room(call.heap, call.loaded, shape, groups)?;
                table::append(call.heap, call.loaded, shape, groups, key, 0)?;
                members.push(vec![value]);
            }
        }
    }
    crate::interp::share_children(call.heap, call.loaded, groups);
    for (entry, members) in members.into_iter().enumerate() {
        let list = call.list(*list, &members)?;
        table::set_value(call.heap, groups, entry, list);
    }
    Ok(groups)
}
