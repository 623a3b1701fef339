//! Lists.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use weft_bytecode::TypeId;
use weft_bytecode::op::{Native, Op};
use weft_bytecode::types::Type;

use super::Call;
use crate::interp::{decimals, float, int};
use crate::limits::{Fault, corrupt, fault};
use crate::step::TrapKind;
use crate::value::{compare, decimal, new_decimal};

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let list = call.slot(0);
    match native {
        Range => range(call),
        ListLength => Ok(call.count(list) as u64),
        ListFirst => call.found(call.element(call.args[0].ty)?, call.items(list).first().copied()),
        ListLast => call.found(call.element(call.args[0].ty)?, call.items(list).last().copied()),
        ListPush => {
            let items: Vec<u64> = call.items(list).iter().copied().chain([call.slot(1)]).collect();
            call.list(call.dst, &items)
        }
        ListConcat => {
            let items = [call.items(list), call.items(call.slot(1))].concat();
            call.list(call.dst, &items)
        }
        ListSum => sum(call),
        ListMin => extreme(call, Ordering::Less),
        ListMax => extreme(call, Ordering::Greater),
        ListSort => {
            let ty = call.element(call.args[0].ty)?;
            let items = call.items(list).to_vec();
            let order = sorted(call, ty, &items)?;
            let items: Vec<u64> = order.into_iter().map(|place| items[place]).collect();
            call.list(call.dst, &items)
        }
        ListSortKeys => {
            let ty = call.element(call.args[0].ty)?;
            let keys = call.items(list).to_vec();
            let values = call.slot(1);
            if call.count(values) != keys.len() {
                return Err(corrupt("a sort has as many keys as values"));
            }
            let order = sorted(call, ty, &keys)?;
            let items: Vec<u64> = order.into_iter().map(|place| call.item(values, place)).collect();
            call.list(call.dst, &items)
        }
        ListZip => {
            let pairs: Vec<_> =
                call.items(list).iter().copied().zip(call.items(call.slot(1)).iter().copied()).collect();
            crate::interp::share_children(call.heap, call.loaded, list);
            crate::interp::share_children(call.heap, call.loaded, call.slot(1));
            pairs_list(call, &pairs)
        }
        ListEnumerate => {
            let pairs: Vec<_> = (0u64..).zip(call.items(list).iter().copied()).collect();
            crate::interp::share_children(call.heap, call.loaded, list);
            pairs_list(call, &pairs)
        }
        ListTake => part(call, 0, call.int(1)),
        ListDrop => part(call, call.int(1), i64::MAX),
        ListSlice => part(call, call.int(1), call.int(2)),
        ListReverse => {
            let items: Vec<u64> = call.items(list).iter().rev().copied().collect();
            call.list(call.dst, &items)
        }
        ListContains => contains(call).map(u64::from),
        ListIndexOf => {
            let place = position(call)?;
            call.optional(place.map(|place| place as u64))
        }
        ListDistinct => distinct(call),
        ListChunk => chunk(call),
        ListWindow => window(call),
        _ => {
            let lists = call.items(list).to_vec();
            // The same list may be there a thousand times.
            let count = lists.iter().fold(0usize, |sum, inner| sum.saturating_add(call.count(*inner)));
            call.heap.expect_room(count.saturating_mul(8))?;
            let items: Vec<u64> = lists.iter().flat_map(|inner| call.items(*inner).iter().copied()).collect();
            call.heap.charge(8 * items.len());
            call.list(call.dst, &items)
        }
    }
}

fn range(call: &mut Call<'_>) -> Result<u64, Fault> {
    let (from, to, step) = (i128::from(call.int(0)), i128::from(call.int(1)), i128::from(call.int(2)));
    if step == 0 {
        return Err(fault(TrapKind::Index, "a range cannot have step 0"));
    }
    let span = if step > 0 { to - from } else { from - to };
    let count = if span <= 0 { 0 } else { (span - 1) / step.abs() + 1 };
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(1 << 33);
    call.heap.charge(8 * count);
    // Where there is no room, nothing is made.
    let list = call.heap.alloc(call.dst, 1 + count)?;
    call.heap.set(list, 0, count as u64);
    let mut value = from as i64;
    for slot in &mut call.heap.payload_mut(list)[1..] {
        *slot = value as u64;
        value = value.wrapping_add(step as i64);
    }
    Ok(list)
}

fn sum(call: &mut Call<'_>) -> Result<u64, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let items = call.items(call.slot(0));
    match call.loaded.ty(ty) {
        Type::Float => {
            let total = items.iter().try_fold(0.0, |total, item| float(Op::AddFloat, total, f64::from_bits(*item)));
            total.map(f64::to_bits)
        }
        Type::Decimal => {
            let mut total = rust_decimal::Decimal::ZERO;
            for item in items {
                total = decimals('+', total, decimal(call.heap, *item))?;
            }
            new_decimal(call.heap, total)
        }
        _ => items.iter().try_fold(0, |total, item| int(Op::AddInt, total, *item as i64)).map(|total| total as u64),
    }
}

fn extreme(call: &mut Call<'_>, wanted: Ordering) -> Result<u64, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let items = call.items(call.slot(0)).to_vec();
    let best = compare::walk(call.heap, call.loaded, |walk| {
        let mut best: Option<u64> = None;
        for item in items {
            let better = match best {
                Some(best) => walk.order(ty, item, best, 0)? == wanted,
                None => true,
            };
            if better {
                best = Some(item);
            }
        }
        Ok(best)
    })?;
    call.optional(best)
}

/// The places of the items in stable order.
fn sorted(call: &mut Call<'_>, ty: TypeId, items: &[u64]) -> Result<Vec<usize>, Fault> {
    let depth = usize::BITS - items.len().leading_zeros();
    call.heap.charge(8 * items.len() * depth as usize);
    compare::walk(call.heap, call.loaded, |walk| {
        merge_sort(items.len(), |a, b| Ok(walk.order(ty, items[a], items[b], 0)?.is_lt()))
    })
}

/// The places of `count` items in stable order. An own sort: how often it compares is charged, so it must never change,
/// and it must be able to stop.
fn merge_sort(count: usize, mut less: impl FnMut(usize, usize) -> Result<bool, Fault>) -> Result<Vec<usize>, Fault> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut width = 1;
    while width < count {
        merged.clear();
        for run in places.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            // Often what is sorted is in order already.
            if let (Some(last), Some(first)) = (left.last(), right.first())
                && !less(*first, *last)?
            {
                merged.extend_from_slice(run);
                continue;
            }
            while let (Some(l), Some(r)) = (left.first(), right.first()) {
                let side = if less(*r, *l)? { &mut right } else { &mut left };
                merged.push(side[0]);
                *side = &side[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut places, &mut merged);
        width *= 2;
    }
    Ok(places)
}

fn pairs_list(call: &mut Call<'_>, pairs: &[(u64, u64)]) -> Result<u64, Fault> {
    let pair = call.element(call.dst)?;
    let items = pairs.iter().map(|(a, b)| call.heap.alloc_words(pair, &[*a, *b]));
    let items = items.collect::<Result<Vec<u64>, Fault>>()?;
    call.fresh_list(call.dst, &items)
}

fn part(call: &mut Call<'_>, from: i64, to: i64) -> Result<u64, Fault> {
    let list = call.slot(0);
    let count = call.count(list) as i64;
    let from = from.clamp(0, count) as usize;
    let to = (to.clamp(0, count) as usize).max(from);
    let items = call.items(list)[from..to].to_vec();
    call.list(call.dst, &items)
}

fn position(call: &mut Call<'_>) -> Result<Option<usize>, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let (list, wanted, count) = (call.slot(0), call.slot(1), call.count(call.slot(0)));
    compare::walk(call.heap, call.loaded, |walk| {
        for place in 0..count {
            if walk.equal(ty, walk.heap.get(list, 1 + place), wanted, 0)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    })
}

fn contains(call: &mut Call<'_>) -> Result<bool, Fault> {
    let ty = call.args[0].ty;
    match call.loaded.ty(ty) {
        Type::Set(_) => {
            let shape = compare::shape(call.loaded, ty)?;
            let (set, wanted) = (call.slot(0), call.slot(1));
            Ok(crate::table::find(call.heap, call.loaded, shape, set, wanted)?.is_some())
        }
        _ => Ok(position(call)?.is_some()),
    }
}

fn distinct(call: &mut Call<'_>) -> Result<u64, Fault> {
    let ty = call.element(call.args[0].ty)?;
    let all = call.items(call.slot(0)).to_vec();
    let items = compare::walk(call.heap, call.loaded, |walk| {
        let mut seen: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
        let mut items = Vec::new();
        'items: for item in all {
            let alike = seen.entry(walk.hash(ty, item)?).or_default();
            for other in alike.iter() {
                if walk.equal(ty, item, *other, 0)? {
                    continue 'items;
                }
            }
            alike.push(item);
            items.push(item);
        }
        Ok(items)
    })?;
    call.list(call.dst, &items)
}

fn chunk(call: &mut Call<'_>) -> Result<u64, Fault> {
    let size = call.int(1);
    if size < 1 {
        return Err(fault(TrapKind::Index, format!("a list cannot be cut into chunks of {size}")));
    }
    let inner = call.element(call.dst)?;
    let items = call.items(call.slot(0)).to_vec();
    let chunks = items.chunks(usize::try_from(size).unwrap_or(usize::MAX)).map(|items| call.list(inner, items));
    let chunks = chunks.collect::<Result<Vec<u64>, Fault>>()?;
    call.fresh_list(call.dst, &chunks)
}

/// Elements are there once for each window they are in, so their number is known before they are made.
fn window(call: &mut Call<'_>) -> Result<u64, Fault> {
    let Some(size) = usize::try_from(call.int(1)).ok().filter(|size| *size > 0) else {
        return Err(fault(TrapKind::Index, format!("a list has no windows of {}", call.int(1))));
    };
    let inner = call.element(call.dst)?;
    let items = call.items(call.slot(0)).to_vec();
    let bytes = items.windows(size).len().saturating_mul(size.saturating_add(2)).saturating_mul(8);
    call.heap.expect_room(bytes)?;
    call.heap.charge(bytes);
    let windows = items.windows(size).map(|items| call.list(inner, items));
    let windows = windows.collect::<Result<Vec<u64>, Fault>>()?;
    call.fresh_list(call.dst, &windows)
}
