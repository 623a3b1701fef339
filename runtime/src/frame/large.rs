//! Large values beside the log: a frame has the hash of the value, a row of the same append the value itself. They belong
//! to their run and go with it.

use weft_engine::Record;
use weft_engine::replay::event_bytes;
use weft_protocol::event::EventKind;
use weft_protocol::{Payload, RunId};

use crate::store::{Blob, StoreError};

/// Bytes of a value that stands in the log itself at most.
pub const INLINE_BYTES_MAX: usize = 64 << 10;

/// BLAKE3 of a value as it is stored.
pub type Hash = [u8; 32];

/// The event with references in place of its large values, which go to `blobs`; none if it has no large values.
pub(crate) fn without_large(run: RunId, kind: &EventKind, blobs: &mut Vec<Blob>) -> Option<EventKind> {
    if event_bytes(kind) <= INLINE_BYTES_MAX as u64 {
        return None;
    }
    let mut kind = kind.clone();
    kind.payloads(&mut |payload| set_aside(run, payload, blobs));
    Some(kind)
}

/// The same of a record.
pub(super) fn record_without_large(run: RunId, record: &Record, blobs: &mut Vec<Blob>) -> Record {
    let mut record = record.clone();
    record.payloads(&mut |payload| set_aside(run, payload, blobs));
    record
}

fn set_aside(run: RunId, payload: &mut Payload, blobs: &mut Vec<Blob>) {
    if payload.len() > INLINE_BYTES_MAX {
        let hash = *blake3::hash(payload.stored()).as_bytes();
        let body = std::mem::replace(payload, Payload::reference(hash));
        blobs.push(Blob { run, hash, body });
    }
}

/// Notes the hash of a payload that is a reference.
pub(crate) fn note(payload: &Payload, hashes: &mut Vec<Hash>) {
    hashes.extend(payload.referred().filter(|hash| !hashes.contains(hash)));
}

/// Puts the value back that a payload refers to.
///
/// # Errors
/// The hash, if the value is not among `find`.
pub(crate) fn put_back(payload: &mut Payload, find: &impl Fn(&Hash) -> Option<Payload>) -> Result<(), Hash> {
    if let Some(hash) = payload.referred() {
        *payload = find(&hash).ok_or(hash)?;
    }
    Ok(())
}

/// A value as the store has it.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is not the one of its hash.
pub(crate) fn checked(run: RunId, hash: &Hash, body: &[u8]) -> Result<Payload, StoreError> {
    if blake3::hash(body).as_bytes() == hash {
        return Ok(Payload::from_stored(body));
    }
    Err(StoreError::Corrupt(format!("a large value of run {run} is not what was written")))
}

/// What a store does not have and must have.
pub(crate) fn missing(run: RunId) -> StoreError {
    StoreError::Corrupt(format!("a large value of run {run} is not in the store"))
}
