//! The log after the workload, read as a recovery reads it: what was claimed must be there.

use std::collections::HashSet;

use weft_protocol::event::EventKind;
use weft_protocol::{LogSeq, PartitionId};
use weft_runtime::frame::{ChunkReader, LogRecord};
use weft_runtime::store::{Journal, StoreError};

/// Chunks read at a time.
const PAGE: usize = 512;

/// What the log holds of this bench.
#[derive(Debug, Default)]
pub(super) struct InLog {
    /// Completed steps.
    pub(super) steps: u64,
    /// Bytes of chunks since its first run.
    pub(super) bytes: u64,
    /// Chunks since its first run.
    pub(super) chunks: u64,
}

/// Reads the whole log and counts what runs with workflow ids that start with `prefix` have in it.
pub(super) async fn read(journal: &dyn Journal, prefix: &str) -> Result<InLog, StoreError> {
    let mut found = InLog::default();
    for part in 0..journal.partitions() {
        read_partition(journal, PartitionId(part), prefix, &mut found).await?;
    }
    Ok(found)
}

async fn read_partition(
    journal: &dyn Journal,
    part: PartitionId,
    prefix: &str,
    found: &mut InLog,
) -> Result<(), StoreError> {
    let low = journal.ownership().await?.iter().find(|row| row.part == part).map_or(LogSeq(1), |row| row.low);
    let mut reader = ChunkReader::new(part);
    let mut from = low;
    let mut records = Vec::new();
    let mut runs = HashSet::new();
    loop {
        let chunks = journal.read(part, from, PAGE).await?;
        let Some(last) = chunks.last() else { return Ok(()) };
        from = LogSeq(last.seq.0 + 1);
        for chunk in &chunks {
            reader.read(chunk, &mut records)?;
            for record in records.drain(..) {
                let LogRecord::Event { run, event } = record else { continue };
                match event.kind {
                    EventKind::RunStarted { workflow_id, .. } if workflow_id.as_str().starts_with(prefix) => {
                        runs.insert(run);
                    }
                    EventKind::ActivityCompleted { .. } if runs.contains(&run) => found.steps += 1,
                    _ => {}
                }
            }
            if !runs.is_empty() {
                found.bytes += chunk.body.len() as u64;
                found.chunks += 1;
            }
        }
    }
}
