//! The rows of `cold`, alike in the two databases: snapshots of open runs, and room for what else may be kept of runs that
//! are not in memory.

use weft_protocol::RunId;

use super::{SnapshotRow, StoreError};

/// The kind of the rows of `cold` that are snapshots.
pub(super) const KIND_SNAPSHOT: i16 = 1;

/// Snapshots from rows of run, events and body, the newest of each run first.
pub(super) fn snapshot_rows(
    rows: impl Iterator<Item = Result<(i64, i64, Vec<u8>), StoreError>>,
) -> Result<Vec<SnapshotRow>, StoreError> {
    let mut out: Vec<SnapshotRow> = Vec::new();
    for row in rows {
        let (run, events, body) = row?;
        let row = SnapshotRow { run: RunId(run as u64), events: events as u64, body };
        if out.last().is_none_or(|last| last.run != row.run) {
            out.push(row);
        }
    }
    Ok(out)
}
