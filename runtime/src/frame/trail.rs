//! What the log says of the events of one run so far, the same told by writing and by reading: their digest, with which a
//! snapshot knows its history again, and which of them have values beside the log.

use weft_protocol::EventId;

use super::Raw;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail {
    /// Of all events, in order, as they are in the log.
    pub digest: u64,
    /// Bytes of all events, encoded.
    pub bytes: u64,
    /// Events with values beside the log.
    pub large: Vec<EventId>,
}

impl Trail {
    /// The next event is this.
    pub(crate) fn follow(&mut self, next: Raw<'_>) {
        self.bytes += next.kind.len() as u64;
        let place = next.id.0.rotate_left(32) ^ next.at.0 as u64;
        self.digest = xxhash_rust::xxh3::xxh3_64_with_seed(next.kind, self.digest.rotate_left(1) ^ place);
    }
}
