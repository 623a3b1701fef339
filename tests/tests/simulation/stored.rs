//! What is stored in the end, read as a partition reads it: every chunk of every log, bundles, and the rows of closed runs.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use weft_engine::Record;
use weft_protocol::event::EventKind;
use weft_protocol::schedule::ScheduleEvent;
use weft_protocol::{Event, LogSeq, PartitionId, RunId};
use weft_runtime::closed;
use weft_runtime::filter::Filter;
use weft_runtime::frame::{ChunkReader, LogRecord, Unbundled};
use weft_runtime::sandbox::NAMESPACE;
use weft_runtime::store::{Bundle, Chunk, ClosedPage, ClosedRun, Journal};

/// All that a store holds of its runs.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) rows: BTreeMap<RunId, ClosedRun>,
    /// As the logs tell them.
    pub(crate) runs: BTreeMap<RunId, Vec<Event>>,
    pub(crate) records: Vec<(RunId, Record)>,
    pub(crate) schedules: BTreeMap<String, Vec<ScheduleEvent>>,
}

/// Reads everything.
///
/// # Errors
/// What is not as it must be, in words.
pub(crate) async fn read(journal: &Arc<dyn Journal>) -> Result<Stored, String> {
    let mut stored = Stored::default();
    for part in (0..journal.partitions()).map(PartitionId) {
        let chunks = journal.read(part, LogSeq(0), usize::MAX >> 1).await.map_err(|error| error.to_string())?;
        let mut reader = ChunkReader::new(part);
        let (mut records, mut next, mut epoch) = (Vec::new(), 1, 0);
        for chunk in &chunks {
            if chunk.seq.0 != next || chunk.epoch < epoch {
                return Err(format!(
                    "{part:?}: chunk {next} of epoch {epoch} or later is {:?}",
                    (chunk.seq, chunk.epoch)
                ));
            }
            (next, epoch) = (next + 1, chunk.epoch);
            reader.read(chunk, &mut records).map_err(|error| format!("{part:?}: {error}"))?;
        }
        for record in records {
            match record {
                LogRecord::Event { run, event } => stored.runs.entry(run).or_default().push(event),
                LogRecord::Record { run, record } => stored.records.push((run, record)),
                LogRecord::Schedule { name, event, .. } => stored.schedules.entry(name).or_default().push(event),
                LogRecord::Fence { .. } => {}
            }
        }
        let bundles = journal.bundles(part, LogSeq(0), usize::MAX >> 1).await.map_err(|error| error.to_string())?;
        for bundle in &bundles {
            is_of_the_log(bundle, &chunks)?;
        }
        stored.bundles.extend(bundles);
        stored.chunks.extend(chunks);
    }
    let page = ClosedPage { namespace: NAMESPACE.into(), filter: Filter::all(), after: None, limit: 100_000 };
    for row in journal.list_closed(&page).await.map_err(|error| error.to_string())? {
        let part = row.run_id.partition();
        let whole = journal.closed_run(part, NAMESPACE, &row.workflow_id, Some(row.run_id)).await;
        let whole = whole.map_err(|error| error.to_string())?.ok_or("a listed row is not there")?;
        stored.rows.insert(row.run_id, whole);
    }
    Ok(stored)
}

/// A bundle has what the log has in its places.
fn is_of_the_log(bundle: &Bundle, log: &[Chunk]) -> Result<(), String> {
    let name = || format!("the bundle of {:?} from {} to {}", bundle.part, bundle.from.0, bundle.to.0);
    let mut theirs = log.iter().skip_while(|chunk| chunk.seq < bundle.from);
    let unbundled = Unbundled::open(bundle).map_err(|why| format!("{}: {why}", name()))?;
    unbundled.each(|chunk| match theirs.next() {
        Some(theirs) if theirs == chunk => Ok(()),
        _ => Err(format!("{} has another chunk {} than the log", name(), chunk.seq.0)),
    })
}

impl Stored {
    /// The history of a closed run, as its row has it.
    pub(crate) fn history(&self, run: RunId) -> Result<Vec<Event>, String> {
        let row = self.rows.get(&run).ok_or_else(|| format!("run {run} has no row"))?;
        closed::history(row).map_err(|error| format!("run {run}: {error}"))
    }

    /// The runs of a workflow id in the order in which they began.
    pub(crate) fn chain(&self, id: &str) -> Vec<(RunId, &[Event])> {
        let of = |events: &[Event]| matches!(&events[0].kind, EventKind::RunStarted { workflow_id, .. } if workflow_id.as_str() == id);
        self.runs.iter().filter(|(_, events)| of(events)).map(|(run, events)| (*run, events.as_slice())).collect()
    }

    /// One number for all rows.
    pub(crate) fn digest(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        for chunk in &self.chunks {
            (chunk.part, chunk.seq, chunk.epoch, &chunk.body).hash(&mut hash);
        }
        for bundle in &self.bundles {
            (bundle.part, bundle.from, bundle.to, &bundle.body).hash(&mut hash);
        }
        for row in self.rows.values() {
            (row.workflow_id.as_str(), row.run_id, &row.workflow, row.status).hash(&mut hash);
            (row.started.0, row.closed.0, &row.attributes, &row.history).hash(&mut hash);
        }
        hash.finish()
    }
}
