//! Error objects and the failures that history and the API speak of.
//!
//! A failure whose type the program declares becomes that error; any other becomes a `Fault` that remembers the type's
//! name and the details, so that it goes out again as it came in.

use weft_bytecode::types::{TypeId, builtin};
use weft_bytecode::wire;
use weft_protocol::{Failure, Payload};

use crate::heap::Heap;
use crate::limits::{CAUSES_KEPT, Fault, NESTING_MAX, too_deep};
use crate::loaded::Loaded;
use crate::step::TrapKind;
use crate::value::encode::Room;
use crate::value::{decode, encode, new_text};

/// A failure as an error object.
pub(crate) fn to_heap(heap: &mut Heap, loaded: &Loaded, failure: &Failure) -> Result<u64, Fault> {
    let mut chain: Vec<&Failure> = std::iter::successors(Some(failure), |failure| failure.cause.as_deref()).collect();
    if chain.len() > CAUSES_KEPT {
        // What began it says more than what lies between.
        chain.drain(CAUSES_KEPT - 1..chain.len() - 1);
    }
    chain.into_iter().rev().try_fold(0, |cause, failure| one(heap, loaded, failure, cause))
}

fn one(heap: &mut Heap, loaded: &Loaded, failure: &Failure, cause: u64) -> Result<u64, Fault> {
    let message = new_text(heap, &failure.message)?;
    if failure.kind != "Fault"
        && let Some(error) = loaded.error(&failure.kind)
        && let Some(object) = declared(heap, loaded, error, failure, message, cause)?
    {
        return Ok(object);
    }
    let kind = new_text(heap, &failure.kind)?;
    let details = match failure.details.as_ref().and_then(Payload::text) {
        Some(details) => decode::foreign_json(heap, loaded, details)?.unwrap_or(0),
        None => 0,
    };
    heap.alloc_words(builtin::FAULT, &[message, cause, kind, details])
}

/// The error with its own fields from the details; `None` if they do not fit the declaration.
fn declared(
    heap: &mut Heap,
    loaded: &Loaded,
    error: TypeId,
    failure: &Failure,
    message: u64,
    cause: u64,
) -> Result<Option<u64>, Fault> {
    let own = wire::own_fields(loaded.program().fields(error));
    let mut words = vec![message, cause];
    if !own.is_empty() {
        let given = failure.details.as_ref().map_or(serde_json::Value::Null, Payload::value);
        let Ok(serde_json::Value::Object(details)) = wire::normalize_details(loaded.program(), error, &given) else {
            return Ok(None);
        };
        for field in own {
            let json = details.get(&field.name).map(ToString::to_string).unwrap_or_default();
            match decode::text_of(heap, loaded, field.ty, &json) {
                Ok(value) => words.push(value),
                Err(stop) if stop.kind == TrapKind::Decode => return Ok(None),
                Err(stop) => return Err(stop),
            }
        }
    }
    heap.alloc_words(error, &words).map(Some)
}

/// An error object that is already so many levels deep, as a failure.
pub(crate) fn from_heap(
    heap: &Heap,
    loaded: &Loaded,
    object: u64,
    depth: usize,
    room: &mut Room,
) -> Result<Failure, Fault> {
    if depth > NESTING_MAX {
        return Err(too_deep());
    }
    let ty = heap.type_at(object);
    let message = heap.text(heap.get(object, 0));
    room.take(message.len())?;
    let cause = match heap.get(object, 1) {
        0 => None,
        cause => Some(Box::new(from_heap(heap, loaded, cause, depth + 1, room)?)),
    };
    if ty == builtin::FAULT {
        let kind = heap.text(heap.get(object, 2));
        room.take(kind.len())?;
        let details = match heap.get(object, 3) {
            0 => None,
            details => {
                let mut out = String::new();
                encode::json_into(heap, loaded, builtin::JSON, details, &mut out, room, depth + 1)?;
                Some(Payload::json(&out))
            }
        };
        return Ok(Failure { cause, details, ..Failure::new(kind, message) });
    }
    let weft_bytecode::Type::Error { name, fields } = loaded.ty(ty) else {
        return Err(crate::limits::corrupt("what was thrown is no error"));
    };
    let own = wire::own_fields(fields);
    let mut details = None;
    if !own.is_empty() {
        let mut out = String::from("{");
        for (place, field) in own.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            encode::text_into(&field.name, &mut out, room)?;
            out.push(':');
            let value = heap.get(object, place + 2);
            encode::json_into(heap, loaded, field.ty, value, &mut out, room, depth + 1)?;
        }
        out.push('}');
        details = Some(Payload::json(&out));
    }
    Ok(Failure { cause, details, ..Failure::new(name, message) })
}

/// A built-in error without fields of its own, such as `Canceled`.
pub(crate) fn plain(heap: &mut Heap, error: TypeId, message: &str) -> Result<u64, Fault> {
    let message = new_text(heap, message)?;
    heap.alloc_words(error, &[message, 0])
}
