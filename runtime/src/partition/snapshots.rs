//! Snapshots of long runs: kept in the append whose events they stand for, so they are durable together; read back before
//! the log, so that what they stand for need not be replayed nor even decoded.

use std::collections::{BTreeMap, BTreeSet};

use weft_engine::{Packed, Snapshot};
use weft_protocol::limits::HISTORY_BYTES_MAX;
use weft_protocol::{Event, EventId, RunId};

use super::Partition;
use crate::frame::{Kept, Raw, Trail, put_event, read_events};
use crate::store::{SnapshotRow, StoreError};

impl Partition {
    /// Keeps the state of a run whose events are in the filling batch, if enough of them have come since.
    pub(super) fn keep(&mut self, id: RunId) {
        let every = self.setup.limits.snapshot_events;
        let Some(open) = self.runs.get_mut(&id) else { return };
        let events = open.run.events();
        if events < open.looked_at.saturating_add(every) {
            return;
        }
        let Some(snapshot) = open.run.snapshot() else { return };
        open.looked_at = events;
        let kept = Kept { trail: open.trail.clone(), snapshot };
        let Some(row) = kept.row(id) else { return };
        open.kept = true;
        self.snapshots.retain(|other| other.run != id);
        self.snapshots.push(row);
    }
}

/// Bytes that the number and the time of a packed event take at most, as a rule; room that is not used costs nothing.
const PLACE_BYTES: u64 = 12;

/// The first events of a run, while its log is read.
#[derive(Debug, Clone)]
pub(super) struct Covered {
    snapshot: Snapshot,
    digest: u64,
    needs: BTreeSet<EventId>,
    packed: Packed,
    last: i64,
}

impl Covered {
    /// By the snapshots of a partition. One that cannot be used is as good as none.
    pub(super) fn of(rows: &[SnapshotRow]) -> BTreeMap<RunId, Covered> {
        let mut all = BTreeMap::new();
        for row in rows {
            match Kept::read(row) {
                Ok(kept) => {
                    let (needs, Trail { digest, bytes, .. }) = (kept.needs(), kept.trail);
                    // Room at once for what is known to come: a vector that grows is copied, page by page.
                    let room = bytes + kept.snapshot.events * PLACE_BYTES;
                    let room = usize::try_from(room).unwrap_or(0).min(HISTORY_BYTES_MAX);
                    let bytes = Vec::with_capacity(room);
                    let packed = Packed { count: 0, bytes, read: read_events, kept: BTreeMap::new() };
                    all.insert(row.run, Covered { snapshot: kept.snapshot, digest, needs, packed, last: 0 });
                }
                Err(why) => tracing::warn!(run = %row.run, why, "a snapshot is ignored: the history is replayed"),
            }
        }
        all
    }

    /// Takes the next event if it is one of those that the snapshot stands for; whether it must be decoded all the same.
    pub(super) fn take(&mut self, raw: Raw<'_>) -> Taken {
        if raw.id.0 > self.snapshot.events {
            return Taken::Not;
        }
        put_event(&mut self.packed.bytes, raw.id, raw.at, raw.kind, &mut self.last);
        self.packed.count += 1;
        if self.needs.contains(&raw.id) { Taken::Needed } else { Taken::Packed }
    }

    /// An event that is needed at once.
    pub(super) fn keep(&mut self, event: Event) {
        self.packed.kept.insert(event.id, event);
    }

    /// How many events it has taken.
    pub(super) fn events(&self) -> usize {
        self.packed.count
    }

    /// Whether its last event was taken just now.
    pub(super) fn is_whole(&self) -> bool {
        self.packed.count as u64 == self.snapshot.events
    }

    /// Whether these are the events that the snapshot was made behind.
    pub(super) fn fits(&self, trail: &Trail) -> bool {
        self.is_whole() && self.digest == trail.digest
    }

    pub(super) fn first_events(&mut self) -> impl Iterator<Item = &mut Event> {
        self.packed.kept.values_mut()
    }

    /// The events alone.
    pub(super) fn unpacked(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        self.packed.unpacked().map_err(|why| StoreError::Corrupt(format!("the history of run {run}: {why}")))
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn packed(&self) -> &Packed {
        &self.packed
    }

    pub(super) fn into_packed(self) -> Packed {
        self.packed
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It comes behind the snapshot.
    Not,
    /// It is packed, and nobody needs it.
    Packed,
    /// It is packed, and is to be decoded besides.
    Needed,
}
