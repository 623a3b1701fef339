//! Values by keys that the program made of them: `min_by`, `distinct_by`, `partition` and their like are loops that make
//! the keys, then one of these. Maps of pairs, and maps with other values.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use weft_bytecode::op::Native;
use weft_bytecode::types::Type;

use super::Call;
use crate::limits::{Fault, corrupt};
use crate::table;
use crate::value::compare;

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    let first = call.slot(0);
    if native == Native::ListToMap {
        let pairs = call.items(first).to_vec();
        let entries: Vec<(u64, u64)> =
            pairs.into_iter().map(|pair| (call.heap.get(pair, 0), call.heap.get(pair, 1))).collect();
        return map(call, entries);
    }
    let values = call.items(call.slot(1)).to_vec();
    let keys = match native {
        Native::MapWithValues => {
            let shape = compare::shape(call.loaded, call.args[0].ty)?;
            (0..table::count(call.heap, first)).map(|entry| table::key(call.heap, shape, first, entry)).collect()
        }
        _ => call.items(first).to_vec(),
    };
    if keys.len() != values.len() {
        return Err(corrupt("there are as many keys as values"));
    }
    match native {
        Native::ListMinKeys => extreme(call, &keys, &values, Ordering::Less),
        Native::ListMaxKeys => extreme(call, &keys, &values, Ordering::Greater),
        Native::ListDistinctKeys => distinct(call, &keys, &values),
        Native::ListPartition => partition(call, &keys, &values),
        _ => map(call, keys.into_iter().zip(values).collect()),
    }
}

/// A map of what stays where it was too.
fn map(call: &mut Call<'_>, entries: Vec<(u64, u64)>) -> Result<u64, Fault> {
    let shape = compare::shape(call.loaded, call.dst)?;
    let mut map = table::create(call.heap, shape, entries.len())?;
    for (key, value) in entries {
        map = table::put(call.heap, call.loaded, shape, map, key, value)?;
    }
    crate::interp::share_children(call.heap, call.loaded, map);
    Ok(map)
}

fn extreme(call: &mut Call<'_>, keys: &[u64], values: &[u64], wanted: Ordering) -> Result<u64, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let best = compare::walk(call.heap, call.loaded, |walk| {
        let mut best: Option<usize> = None;
        for (place, key) in keys.iter().enumerate() {
            let better = match best {
                Some(best) => walk.order(ty, *key, keys[best], 0)? == wanted,
                None => true,
            };
            if better {
                best = Some(place);
            }
        }
        Ok(best)
    })?;
    let best = best.map(|place| values[place]);
    call.found(call.element(call.args[1].ty)?, best)
}

fn distinct(call: &mut Call<'_>, keys: &[u64], values: &[u64]) -> Result<u64, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let items = compare::walk(call.heap, call.loaded, |walk| {
        let mut seen: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
        let mut items = Vec::new();
        'keys: for (key, value) in keys.iter().zip(values) {
            let alike = seen.entry(walk.hash(ty, *key)?).or_default();
            for other in alike.iter() {
                if walk.equal(ty, *key, *other, 0)? {
                    continue 'keys;
                }
            }
            alike.push(*key);
            items.push(*value);
        }
        Ok(items)
    })?;
    call.list(call.dst, &items)
}

fn partition(call: &mut Call<'_>, flags: &[u64], values: &[u64]) -> Result<u64, Fault> {
    let Type::Tuple(lists) = call.loaded.ty(call.dst) else {
        return Err(corrupt("a partition gives two lists"));
    };
    let list = lists[0];
    let side = |wanted: bool| -> Vec<u64> {
        flags.iter().zip(values).filter(|(flag, _)| (**flag != 0) == wanted).map(|(_, value)| *value).collect()
    };
    let passed = call.list(list, &side(true))?;
    let failed = call.list(list, &side(false))?;
    call.heap.alloc_words(call.dst, &[passed, failed])
}
