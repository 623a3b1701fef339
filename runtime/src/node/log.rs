//! Reading a partition's log back: its bundles, and the chunks that stand in none.

use std::task::Poll;

use weft_protocol::{LogSeq, PartitionId, RunId, WorkflowId};

use super::open::program;
use crate::frame::Unbundled;
use crate::frame::large::checked;
use crate::partition::{Recovered, Recovery, Setup};
use crate::store::{Journal, Ownership, StoreError};

/// Chunks read at once: about 4 MB at most.
const CHUNKS_PER_READ: usize = 512;
/// Bundles read at once: about 4 MB at most when they are unpacked.
const BUNDLES_PER_READ: usize = 16;
/// Ids of closed runs read at once.
const IDS_PER_READ: usize = 10_000;

/// Reads a partition's whole log, and what its open runs need besides.
///
/// # Errors
/// If the store does not answer or the log is damaged.
pub(crate) async fn read_log(
    journal: &dyn Journal,
    setup: &Setup,
    ownership: &Ownership,
) -> Result<(Recovery, Recovered), StoreError> {
    let part = ownership.part;
    let snapshots = journal.snapshots(part).await?;
    let mut recovery = Recovery::with_snapshots(part, &snapshots).bundling(setup.limits.bundle_chunks);
    let next = read_bundles(journal, &mut recovery, part, ownership.low).await?;
    read_chunks(journal, &mut recovery, part, next, None).await?;
    let mut recovered = Recovered { closed: closed_ids(journal, part).await?, ..Recovered::default() };
    for (run, hashes) in recovery.large()? {
        for (hash, body) in journal.blobs(run, &hashes).await? {
            recovered.large.insert((run, hash), checked(run, &hash, &body)?);
        }
    }
    for hash in recovery.needs() {
        recovered.programs.insert(hash, program(journal, &setup.programs, hash).await?);
    }
    Ok((recovery, recovered))
}

/// Reads what is in bundles, and what is between them; where the log goes on behind the last.
async fn read_bundles(
    journal: &dyn Journal,
    recovery: &mut Recovery,
    part: PartitionId,
    low: LogSeq,
) -> Result<LogSeq, StoreError> {
    let mut next = low;
    let mut bundles = journal.bundles(part, low, BUNDLES_PER_READ).await?;
    while let Some(last) = bundles.last() {
        let whole = bundles.len() == BUNDLES_PER_READ;
        let mut ahead = whole.then(|| journal.bundles(part, LogSeq(last.from.0 + 1), BUNDLES_PER_READ));
        // The store is asked for the next ones before these are taken in: it reads meanwhile.
        let at_once = match &mut ahead {
            Some(ahead) => futures::poll!(ahead),
            None => Poll::Ready(Ok(Vec::new())),
        };
        for bundle in &bundles {
            // One that begins within another is as good as none: what it has was taken in, or comes from the log.
            if bundle.from < next {
                continue;
            }
            match Unbundled::open(bundle) {
                Ok(chunks) => {
                    read_chunks(journal, recovery, part, next, Some(bundle.from)).await?;
                    recovery.feed_bundled(&chunks)?;
                    next = LogSeq(bundle.to.0 + 1);
                }
                Err(why) => {
                    let (part, from, to) = (part.0, bundle.from.0, bundle.to.0);
                    tracing::warn!(part, from, to, why, "a bundle is ignored: the log itself is read");
                }
            }
        }
        bundles = match (at_once, ahead) {
            (Poll::Ready(read), _) => read?,
            (Poll::Pending, Some(ahead)) => ahead.await?,
            (Poll::Pending, None) => Vec::new(),
        };
    }
    Ok(next)
}

/// Reads chunks from one place on, up to another or to the end.
async fn read_chunks(
    journal: &dyn Journal,
    recovery: &mut Recovery,
    part: PartitionId,
    from: LogSeq,
    until: Option<LogSeq>,
) -> Result<(), StoreError> {
    let left = |from: LogSeq| until.map_or(usize::MAX, |until| until.0.saturating_sub(from.0) as usize);
    let mut limit = left(from).min(CHUNKS_PER_READ);
    let mut chunks = if limit == 0 { Vec::new() } else { journal.read(part, from, limit).await? };
    loop {
        chunks.retain(|chunk| until.is_none_or(|until| chunk.seq < until));
        let whole = chunks.len() == limit;
        let next = chunks.last().map(|last| LogSeq(last.seq.0 + 1)).filter(|next| whole && left(*next) > 0);
        let Some(next) = next else { return chunks.iter().try_for_each(|chunk| recovery.feed(chunk)) };
        limit = left(next).min(CHUNKS_PER_READ);
        let mut ahead = journal.read(part, next, limit);
        let at_once = futures::poll!(&mut ahead);
        chunks.iter().try_for_each(|chunk| recovery.feed(chunk))?;
        chunks = match at_once {
            Poll::Ready(read) => read?,
            Poll::Pending => ahead.await?,
        };
    }
}

async fn closed_ids(journal: &dyn Journal, part: PartitionId) -> Result<Vec<(String, WorkflowId, RunId)>, StoreError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = journal.closed_ids(part, after.take(), IDS_PER_READ).await?;
        let whole = page.len() == IDS_PER_READ;
        after = page.last().map(|(namespace, id, _)| (namespace.clone(), id.clone()));
        all.extend(page);
        if !whole {
            return Ok(all);
        }
    }
}
