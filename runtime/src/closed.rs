//! Closed runs as rows: what is kept of a run that has ended, and how it is read again.

use std::ops::Range;

use weft_bytecode::ProgramHash;
use weft_engine::Run;
use weft_engine::replay::event_bytes;
use weft_protocol::api::Status;
use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId};

use crate::frame::{decode_history, encode_history};
use crate::store::{ClosedRun, StoreError};

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
        history: encode_history(events),
    }
}

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
    match row.status {
        1 => Status::Completed,
        2 => Status::Failed,
        3 => Status::Canceled,
        4 => Status::Terminated,
        5 => Status::TimedOut,
        6 => Status::ContinuedAsNew,
        _ => Status::Running,
    }
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
