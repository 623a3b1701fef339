//! The whole history of a closed run as one blob, for its row.

use weft_protocol::Event;
use weft_protocol::event::EventKind;
use weft_protocol::{EventId, RunId, Timestamp};

use super::varint;
use crate::store::StoreError;

const VERSION: u8 = 2;
const RAW: u8 = 0;
const LZ4: u8 = 1;
/// Below this a row stays on its page anyway, and compressing costs more than writing what it would save.
const COMPRESS_FROM_BYTES: usize = 2_000;
/// version, packing, crc32c of all after it
const HEADER_BYTES: usize = 6;

/// Encodes a history: compressed where that helps, with a checksum.
pub fn encode_history<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<u8> {
    let mut raw = Vec::with_capacity(1024);
    raw.resize(HEADER_BYTES, 0);
    let mut last = 0_i64;
    for event in events {
        put_place(&mut raw, event.id, event.at, &mut last);
        varint::append(&mut raw, &event.kind);
    }
    let mut out = raw;
    let mut packing = RAW;
    if out.len() - HEADER_BYTES >= COMPRESS_FROM_BYTES {
        let packed = lz4_flex::compress_prepend_size(&out[HEADER_BYTES..]);
        if packed.len() < out.len() - HEADER_BYTES {
            out.truncate(HEADER_BYTES);
            out.extend_from_slice(&packed);
            packing = LZ4;
        }
    }
    let crc = crc32c::crc32c(&out[HEADER_BYTES..]);
    out[0] = VERSION;
    out[1] = packing;
    out[2..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    out
}

fn put_place(out: &mut Vec<u8>, id: EventId, at: Timestamp, last: &mut i64) {
    varint::put(out, id.0);
    varint::put(out, varint::zigzag(at.0.wrapping_sub(*last)));
    *last = at.0;
}

/// Adds an event whose kind is as the log has it. `last` is the time of the one before, 0 at the beginning.
pub fn put_event(out: &mut Vec<u8>, id: EventId, at: Timestamp, kind: &[u8], last: &mut i64) {
    put_place(out, id, at, last);
    out.extend_from_slice(kind);
}

/// Decodes what [`encode_history`] gave; `run` is for the message.
///
/// # Errors
/// [`StoreError::Corrupt`] if the bytes are not what was written.
pub fn decode_history(run: RunId, bytes: &[u8]) -> Result<Vec<Event>, StoreError> {
    decode(bytes).map_err(|what| StoreError::Corrupt(format!("the history of closed run {run}: {what}")))
}

fn decode(bytes: &[u8]) -> Result<Vec<Event>, String> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or("it is cut off")?;
    if header[0] != VERSION {
        return Err(format!("format version {} is not known to this version of weft", header[0]));
    }
    if crc32c::crc32c(body).to_le_bytes() != header[2..] {
        return Err("the checksum does not match the bytes".into());
    }
    let unpacked;
    let rest = match header[1] {
        RAW => body,
        LZ4 => {
            unpacked = lz4_flex::decompress_size_prepended(body).map_err(|error| error.to_string())?;
            unpacked.as_slice()
        }
        other => return Err(format!("packing {other} is not known to this version of weft")),
    };
    read_events(rest)
}

/// Reads events that stand one behind the other.
///
/// # Errors
/// If they are not what was written.
pub fn read_events(mut rest: &[u8]) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    let mut last = 0_i64;
    while !rest.is_empty() {
        let id = EventId(varint::take(&mut rest).ok_or("an event is cut off")?);
        last = last.wrapping_add(varint::unzigzag(varint::take(&mut rest).ok_or("an event is cut off")?));
        let (kind, after): (EventKind, _) = postcard::take_from_bytes(rest).map_err(|error| error.to_string())?;
        rest = after;
        events.push(Event { id, at: Timestamp(last), kind });
    }
    Ok(events)
}
