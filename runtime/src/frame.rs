//! The binary frame of log records inside chunk bodies, between the partition (which has Transitions) and the store
//! (which has rows of bytes).
//!
//! A body is a header and frames. A frame is the length of a record and the record; one that does not fit goes on in the
//! next chunk of the same append. Every body carries a checksum over itself and the checksum of the chunk before it, so a
//! torn, flipped, lost or swapped chunk is noticed on reading and stops its partition: nothing is ever skipped.
//!
//! ```text
//! crc32c of the rest  u32   version u8   flags u8   part u16   epoch u64   crc of the chunk before u32   base time i64
//! frame*              length (varint), tag, run counter (varint), then by tag:
//!                     event: id (varint), time since base (zigzag varint), postcard(EventKind)
//!                     schedule (counter is 0): postcard(namespace, name, ScheduleEvent)
//! ```

mod bundle;
mod history;
mod kept;
pub mod large;
mod read;
mod trail;
mod varint;
mod write;

use weft_engine::Record;
use weft_protocol::{Event, RunId, ScheduleEvent};

pub use bundle::{Bundler, Unbundled};
pub use history::{decode_history, encode_history, put_event, read_events};
pub use kept::{Kept, SNAPSHOT_BYTES_MAX};
pub use read::{ChunkReader, Raw};
pub use trail::Trail;
pub use write::{ChunkWriter, fence_body};

/// One record of a partition's log.
#[derive(Debug, Clone, PartialEq)]
pub enum LogRecord {
    /// A history event of a run. `RunStarted` is the first of each.
    Event {
        /// The run.
        run: RunId,
        /// The event.
        event: Event,
    },
    /// A log-only record of a run.
    Record {
        /// The run.
        run: RunId,
        /// The record.
        record: Record,
    },
    /// An event of a schedule. `Created` is the first of each.
    Schedule {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The event.
        event: ScheduleEvent,
    },
    /// A new owner begins here. What an older epoch wrote after it does not exist.
    Fence {
        /// The owner.
        node: i32,
        /// Its epoch.
        epoch: u64,
    },
}

/// Format version of a body; another one is refused.
const VERSION: u8 = 2;
/// The body begins with the rest of the frame that the chunk before left open.
const FLAG_CONTINUES: u8 = 1;
/// The body is a fence: it was written without knowing the chunk before it and starts a new chain.
const FLAG_FENCE: u8 = 2;
/// All flags this version knows.
const FLAGS: u8 = FLAG_CONTINUES | FLAG_FENCE;
/// Bytes before the first frame.
const HEADER_BYTES: usize = 4 + 1 + 1 + 2 + 8 + 4 + 8;
/// Largest record a reader believes; a length above it is corruption, not a record.
const RECORD_BYTES_MAX: usize = 1 << 30;

const TAG_EVENT: u8 = 0;
const TAG_RECORD: u8 = 1;
const TAG_FENCE: u8 = 2;
// 3 is kept for the head of a segment, which will say where the start counter stands when all before it is gone.
const TAG_SCHEDULE: u8 = 4;

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests;
