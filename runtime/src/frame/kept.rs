//! The snapshot of a run as its row has it: version, checksum, then what it is of and itself.

use std::collections::BTreeSet;

use weft_engine::Snapshot;
use weft_protocol::{EventId, RunId};

use super::{Trail, varint};
use crate::store::SnapshotRow;

/// Format version of the whole row, what is in it included; another one is ignored.
const VERSION: u8 = 2;
/// version, crc32c of all after it
const HEADER_BYTES: usize = 5;

/// Bytes of a row at most: a larger state is not worth reading, or one day too large for a database.
pub const SNAPSHOT_BYTES_MAX: usize = 4 << 20;

/// A snapshot and the events it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What the log said of them.
    pub trail: Trail,
    /// The state behind them.
    pub snapshot: Snapshot,
}

impl Kept {
    /// Events that are read at once.
    pub fn needs(&self) -> BTreeSet<EventId> {
        let mut needs = self.snapshot.needs();
        needs.extend(&self.trail.large);
        needs
    }

    /// As a row; none if it would be too large.
    pub fn row(&self, run: RunId) -> Option<SnapshotRow> {
        let mut body = vec![0; HEADER_BYTES];
        varint::append(&mut body, &(self.trail.digest, self.trail.bytes, &self.trail.large, &self.snapshot));
        let crc = crc32c::crc32c(&body[HEADER_BYTES..]);
        body[0] = VERSION;
        body[1..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        (body.len() <= SNAPSHOT_BYTES_MAX).then_some(SnapshotRow { run, events: self.snapshot.events, body })
    }

    /// Reads a row; what it says when there is nothing to read in it.
    ///
    /// # Errors
    /// If it is of another version or not what was written.
    pub fn read(row: &SnapshotRow) -> Result<Kept, &'static str> {
        let (header, body) = row.body.split_at_checked(HEADER_BYTES).ok_or("it is cut off")?;
        if header[0] != VERSION {
            return Err("it is of another version");
        }
        if crc32c::crc32c(body).to_le_bytes() != header[1..] {
            return Err("its checksum does not match its bytes");
        }
        let (digest, bytes, large, snapshot): (u64, u64, Vec<EventId>, Snapshot) =
            postcard::from_bytes(body).map_err(|_| "it cannot be read")?;
        if snapshot.events != row.events {
            return Err("it is of other events than its row says");
        }
        Ok(Kept { trail: Trail { digest, bytes, large }, snapshot })
    }
}
