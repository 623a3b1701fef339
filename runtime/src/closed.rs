//! Closed runs as rows: what is kept of a run that has ended, and how it is read again.

use std::borrow::Cow;
use std::ops::Range;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use weft_bytecode::ProgramHash;
use weft_engine::Run;
use weft_engine::replay::event_bytes;
use weft_protocol::api::Status;
use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, PartitionId, RunId, WorkflowId};

use crate::filter::{Facts, Field, Has, Key, run_key, search};
use crate::frame::large::{checked, missing, note, put_back, without_large};
use crate::frame::{decode_history, encode_history};
use crate::store::{ClosedRun, Journal, StoreError};

/// The row of a run whose last event has closed it.
pub(crate) fn row(run: &Run) -> ClosedRun {
    let events = run.history();
    let (first, last) = (&events[0], &events[events.len() - 1]);
    let EventKind::RunStarted { namespace, workflow, workflow_id, run_id, .. } = &first.kind else {
        unreachable!("a history begins with RunStarted");
    };
    ClosedRun {
        namespace: namespace.clone(),
        workflow_id: workflow_id.clone(),
        run_id: *run_id,
        workflow: workflow.clone(),
        status: number_of(run.status()),
        started: first.at,
        closed: last.at,
        attributes: serde_json::Value::Object(run.attributes().clone()).to_string(),
        search: search_document(run),
        history: encode_history(
            events.iter().map(|event| large_aside(*run_id, event)).collect::<Vec<_>>().iter().map(|e| &**e),
        ),
    }
}

/// The event as its row has it: its large values are in the store since it was appended.
fn large_aside(run: RunId, event: &Event) -> Cow<'_, Event> {
    match without_large(run, &event.kind, &mut Vec::new()) {
        Some(kind) => Cow::Owned(Event { kind, ..event.clone() }),
        None => Cow::Borrowed(event),
    }
}

/// The newest closed run of a workflow id, or the one with this run id, with all values in its history.
///
/// # Errors
/// If the store does not answer, or has not what was written.
pub(crate) async fn find(
    journal: &dyn Journal,
    part: PartitionId,
    namespace: &str,
    workflow_id: &WorkflowId,
    run_id: Option<RunId>,
) -> Result<Option<ClosedRun>, StoreError> {
    let Some(row) = journal.closed_run(part, namespace, workflow_id, run_id).await? else { return Ok(None) };
    let mut events = decode_history(row.run_id, &row.history)?;
    let mut hashes = Vec::new();
    events.iter_mut().for_each(|event| event.kind.payloads(&mut |payload| note(payload, &mut hashes)));
    if hashes.is_empty() {
        return Ok(Some(row));
    }
    let mut found = FxHashMap::default();
    for (hash, body) in journal.blobs(row.run_id, &hashes).await? {
        found.insert(hash, checked(row.run_id, &hash, &body)?);
    }
    let mut whole = Ok(());
    for event in &mut events {
        event.kind.payloads(&mut |payload| {
            let back = put_back(payload, &|hash| found.get(hash).cloned());
            whole = whole.and(back);
        });
    }
    if whole.is_ok() {
        return Ok(Some(ClosedRun { history: encode_history(&events), ..row }));
    }
    // It was kept long enough and went between the two questions.
    match journal.closed_run(part, namespace, workflow_id, Some(row.run_id)).await? {
        None => Ok(None),
        Some(_) => Err(missing(row.run_id)),
    }
}

fn search_document(run: &Run) -> String {
    let program = run.loaded().program();
    let workflow = &program.workflows[usize::from(run.workflow_index())];
    let parent = run.parent().map(|parent| parent.run.workflow_id.as_str());
    search::document(program, workflow, run.attributes(), run.events() as u64, parent)
}

/// The facts of a closed run, from its row.
#[derive(Debug)]
pub struct ClosedFacts<'a> {
    row: &'a ClosedRun,
    search: Map<String, Value>,
}

impl ClosedFacts<'_> {
    /// Those of a row.
    pub fn of(row: &ClosedRun) -> ClosedFacts<'_> {
        ClosedFacts { row, search: serde_json::from_str(&row.search).unwrap_or_default() }
    }
}

impl Facts for ClosedFacts<'_> {
    fn fact(&self, field: &Field) -> Has {
        let row = self.row;
        Has::One(match field {
            Field::Workflow => Key::Text(row.workflow.clone()),
            Field::WorkflowId => Key::Text(row.workflow_id.to_string()),
            Field::RunId => run_key(row.run_id),
            Field::Status => Key::Int(row.status.into()),
            Field::Stuck => Key::Int(0),
            Field::Started => Key::Int(row.started.0),
            Field::Closed => Key::Int(row.closed.0),
            Field::Duration => Key::Int(row.closed.0 - row.started.0),
            Field::Events | Field::Parent | Field::Attribute(..) => {
                return search::place(field).map_or(Has::Missing, |place| search::look_up(&self.search, &place));
            }
        })
    }
}

/// All statuses.
pub const STATUSES: [Status; 7] = [
    Status::Running,
    Status::Completed,
    Status::Failed,
    Status::Canceled,
    Status::Terminated,
    Status::TimedOut,
    Status::ContinuedAsNew,
];

/// The status that a closing event gives; `Running` for any other.
pub fn closing_status(kind: &EventKind) -> Status {
    match kind {
        EventKind::RunCompleted { .. } => Status::Completed,
        EventKind::RunFailed { .. } => Status::Failed,
        EventKind::RunCanceled { .. } => Status::Canceled,
        EventKind::RunTerminated { .. } => Status::Terminated,
        EventKind::RunTimedOut { .. } => Status::TimedOut,
        EventKind::RunContinuedAsNew { .. } => Status::ContinuedAsNew,
        _ => Status::Running,
    }
}

/// A status as stored. Pinned for ever.
pub fn number_of(status: Status) -> i16 {
    match status {
        Status::Running => 0,
        Status::Completed => 1,
        Status::Failed => 2,
        Status::Canceled => 3,
        Status::Terminated => 4,
        Status::TimedOut => 5,
        Status::ContinuedAsNew => 6,
    }
}

/// The status of a row.
pub fn status_of(row: &ClosedRun) -> Status {
    status_numbered(row.status)
}

/// The status that is stored as a number.
pub fn status_numbered(number: i16) -> Status {
    STATUSES.into_iter().find(|status| number_of(*status) == number).unwrap_or(Status::Running)
}

/// The whole history of a row.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is not what was written.
pub fn history(row: &ClosedRun) -> Result<Vec<Event>, StoreError> {
    let events = decode_history(row.run_id, &row.history)?;
    let whole = matches!(events.first().map(|e| &e.kind), Some(EventKind::RunStarted { .. }))
        && events.last().is_some_and(|e| e.kind.closes());
    if !whole {
        return Err(StoreError::Corrupt(format!(
            "the history of closed run {} has no beginning or no end",
            row.run_id
        )));
    }
    Ok(events)
}

/// Bytes of values in one page of a history, unless its first event alone has more.
const PAGE_BYTES_MAX: u64 = 8 << 20;

/// The page of a history that begins after event number `after`: at most `limit` events, and at least one if there is.
pub(crate) fn page(events: &[Event], after: u64, limit: usize) -> Range<usize> {
    let from = usize::try_from(after).unwrap_or(usize::MAX).min(events.len());
    let most = from.saturating_add(limit).min(events.len());
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event_bytes(&event.kind);
        bytes <= PAGE_BYTES_MAX
    };
    let fitting = events[from..most].iter().take_while(fits).count();
    from..(from + fitting.max(1)).min(most)
}

/// Which code a run was pinned to, from which event on.
pub fn codes(events: &[Event]) -> Vec<(EventId, ProgramHash)> {
    let pins = events.iter().filter_map(|event| match &event.kind {
        EventKind::RunStarted { program, .. } | EventKind::CodeMoved { to: program, .. } => {
            Some((event.id, ProgramHash(*program)))
        }
        _ => None,
    });
    pins.collect()
}
