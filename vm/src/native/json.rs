//! `Json` values.

use weft_bytecode::op::Native;
use weft_bytecode::types::{Type, builtin};

use super::Call;
use crate::layout::json as tag;
use crate::limits::{Fault, corrupt};
use crate::table;
use crate::value::compare::{self, member};
use crate::value::{decode, encode};

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    match native {
        JsonParse => {
            let text = call.text(0).to_owned();
            let value = decode::foreign_json(call.heap, call.loaded, &text)?;
            call.optional(value)
        }
        JsonEncode => {
            let text = encoded(call)?;
            call.new_text(&text)
        }
        ToJson => {
            let text = encoded(call)?;
            decode::text_of(call.heap, call.loaded, builtin::JSON, &text)
        }
        JsonGet => {
            let found = at_path(call);
            call.optional(found)
        }
        _ => narrowed(call, native),
    }
}

fn encoded(call: &mut Call<'_>) -> Result<String, Fault> {
    let (mut out, mut room) = (String::new(), encode::Room::heap(call.heap));
    encode::json_into(call.heap, call.loaded, call.args[0].ty, call.slot(0), &mut out, &mut room, 0)?;
    call.heap.charge(out.len());
    Ok(out)
}

/// `a.b.0`: names of objects and places in arrays.
fn at_path(call: &Call<'_>) -> Option<u64> {
    call.text(1).split('.').try_fold(call.slot(0), |value, part| match call.heap.get(value, 0) {
        tag::OBJECT => member(call.heap, value, part),
        tag::ARRAY => call.heap.payload(value).get(1 + part.parse::<usize>().ok()?).copied(),
        _ => None,
    })
}

fn narrowed(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let value = call.slot(0);
    let kind = call.heap.get(value, 0);
    let word = || call.heap.get(value, 1);
    let found = match (native, kind) {
        (JsonIsNull, _) => return Ok(u64::from(kind == tag::NULL)),
        (JsonAsInt, tag::INT) | (JsonAsBool, tag::BOOL) | (JsonAsString, tag::TEXT) | (JsonAsFloat, tag::FLOAT) => {
            Some(word())
        }
        (JsonAsFloat, tag::INT) => Some((word() as i64 as f64).to_bits()),
        (JsonAsList, tag::ARRAY) => {
            let items = call.heap.payload(value)[1..].to_vec();
            let ty = inner(call)?;
            Some(call.list(ty, &items)?)
        }
        (JsonAsMap, tag::OBJECT) => Some(map(call, value)?),
        _ => None,
    };
    call.optional(found)
}

fn inner(call: &Call<'_>) -> Result<weft_bytecode::TypeId, Fault> {
    match call.loaded.ty(call.dst) {
        Type::Option(inner) => Ok(*inner),
        _ => Err(corrupt("the native's result should be an optional")),
    }
}

fn map(call: &mut Call<'_>, object: u64) -> Result<u64, Fault> {
    let shape = compare::shape(call.loaded, inner(call)?)?;
    let words = call.heap.payload(object)[1..].to_vec();
    let mut map = table::create(call.heap, shape, words.len() / 2)?;
    for pair in words.chunks_exact(2) {
        map = table::put(call.heap, call.loaded, shape, map, pair[0], pair[1])?;
    }
    Ok(map)
}
