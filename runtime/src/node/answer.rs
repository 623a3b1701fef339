//! From what partitions and the store say to what the API answers.

use serde_json::Value;
use weft_bytecode::ProgramHash;
use weft_bytecode::wire::text;
use weft_engine::{Run, history, options, program_of, signal};
use weft_protocol::api::{ApiError, HistoryPage, ResultReply, RunDescription, RunRow, StartReply};
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::policy::RunOptions;
use weft_protocol::{Event, EventId, PartitionId, RunId, Timestamp};

use super::aside::aside;
use super::{Shared, open};
use crate::api::RunKey;
use crate::closed;
use crate::partition::request::{ClosedChain, Key};
use crate::programs::Programs;
use crate::refusal;
use crate::store::{ClosedRun, Journal};

/// The closed run of a name, with its history.
pub(super) async fn closed_run(shared: &Shared, key: &Key) -> Result<(ClosedRun, Vec<Event>), ApiError> {
    let core = shared.core()?;
    closed_in(&*core.journal, core.links.partition_of_key(key), key).await
}

async fn closed_in(journal: &dyn Journal, part: PartitionId, key: &Key) -> Result<(ClosedRun, Vec<Event>), ApiError> {
    let found = closed::find(journal, part, &key.namespace, &key.workflow_id, key.run_id).await;
    let Some(row) = found.map_err(|error| refusal::of_store(&error))? else {
        let run = key.run_id.map(|run| run.to_string());
        return Err(refusal::run_not_found(key.workflow_id.as_str(), run.as_deref()));
    };
    let events = closed::history(&row).map_err(|error| refusal::of_store(&error))?;
    Ok((row, events))
}

/// A signal to a closed run: it may be one that the run took before it ended, and only the answer was lost.
pub(crate) fn signal_of_closed(
    events: &[Event],
    workflow_id: &str,
    name: &str,
    request_id: Option<&str>,
) -> Result<(), ApiError> {
    match request_id.is_some_and(|id| signal::has_taken(events, name, id)) {
        true => Ok(()),
        false => Err(refusal::run_closed(workflow_id)),
    }
}

/// How often a reset reads what the store has before it gives up: each time but the first, ids were deleted meanwhile.
pub(crate) const RESET_READS_MAX: usize = 10;

/// A closed run and those that went on for it and have closed, read after the partition said `deletes`.
pub(crate) async fn closed_chain(
    journal: &dyn Journal,
    programs: &Programs,
    part: PartitionId,
    key: &Key,
    deletes: u64,
) -> Result<ClosedChain, ApiError> {
    let (newest, _) = closed_in(journal, part, &Key { run_id: None, ..key.clone() }).await?;
    let (_, base) = closed_in(journal, part, key).await?;
    let hash = program_of(&base)
        .ok_or_else(|| refusal::store_broken("the history of a closed run does not begin with RunStarted"))?;
    let loaded = open::program(journal, programs, hash).await.map_err(|error| refusal::of_store(&error))?;
    let mut histories = vec![base];
    while let Some(next) = histories.last().and_then(|events| events.last()).and_then(|last| last.kind.next_run()) {
        let found = closed::find(journal, part, &key.namespace, &key.workflow_id, Some(next)).await;
        // It is open.
        let Some(row) = found.map_err(|error| refusal::of_store(&error))? else { break };
        histories.push(closed::history(&row).map_err(|error| refusal::of_store(&error))?);
    }
    Ok(ClosedChain { histories, loaded, newest: newest.run_id, deletes })
}

/// A closed run as the engine's run again, to be asked for its queries and its description.
pub(super) async fn reopened(shared: &Shared, events: Vec<Event>) -> Result<Run, ApiError> {
    let core = shared.core()?;
    let hash = program_of(&events)
        .ok_or_else(|| refusal::store_broken("the history of a closed run does not begin with RunStarted"))?;
    let program =
        open::program(&*core.journal, &shared.programs, hash).await.map_err(|error| refusal::of_store(&error))?;
    let limits = shared.limits.clone();
    let replayed = aside(move || Run::recover(program, events, Vec::new(), limits)).await;
    let broken = |why: String| refusal::store_broken(&format!("the run cannot be replayed: {why}"));
    replayed.map_err(|error| broken(error.to_string()))?.map_err(|error| broken(error.to_string()))
}

/// The very run that answered a start.
pub(crate) fn key_of(namespace: &str, reply: &StartReply) -> RunKey {
    let (workflow_id, run_id) = (reply.workflow_id.clone(), Some(reply.run_id.clone()));
    RunKey { namespace: namespace.to_owned(), workflow_id, run_id }
}

/// The result of a run by its last event.
pub(crate) fn result_of(run: &RunRef, last: &Event) -> ResultReply {
    let (result, failure) = end_of(&last.kind);
    ResultReply {
        workflow_id: run.workflow_id.to_string(),
        run_id: run.run_id.to_string(),
        status: closed::closing_status(&last.kind),
        result,
        failure,
        stuck: None,
        next_run: next_run(&last.kind),
    }
}

/// The run that a closing event says this one went on as.
pub(super) fn next_run(kind: &EventKind) -> Option<String> {
    kind.next_run().map(|run| run.to_string())
}

/// Result and failure of a closing event, as JSON.
pub(super) fn end_of(kind: &EventKind) -> (Option<Value>, Option<Value>) {
    match kind {
        EventKind::RunCompleted { result, .. } => (Some(result.value()), None),
        EventKind::RunFailed { failure, .. } | EventKind::RunTimedOut { failure, .. } => {
            (None, Some(failure.to_json()))
        }
        EventKind::RunCanceled { reason } => {
            (None, Some(weft_protocol::Failure::new("Canceled", reason.clone()).to_json()))
        }
        EventKind::RunTerminated { reason, .. } => {
            (None, Some(weft_protocol::Failure::new("Terminated", reason.clone()).to_json()))
        }
        _ => (None, None),
    }
}

/// The row of a closed run as listed.
pub(super) fn row_of(row: &ClosedRun) -> RunRow {
    RunRow {
        workflow_id: row.workflow_id.to_string(),
        run_id: row.run_id.to_string(),
        workflow: row.workflow.clone(),
        status: closed::status_of(row),
        stuck: false,
        started_at: text::time(row.started.0),
        closed_at: Some(text::time(row.closed.0)),
        attributes: serde_json::from_str(&row.attributes).unwrap_or(Value::Null),
    }
}

/// A closed run described: nothing of it waits any more.
pub(crate) fn describe_closed(row: &ClosedRun, events: &[Event]) -> RunDescription {
    let last = events.last().map(|event| &event.kind);
    let (result, failure) = last.map_or((None, None), end_of);
    let unread = match last {
        Some(EventKind::RunCompleted { unread, .. } | EventKind::RunContinuedAsNew { unread, .. }) => unread.clone(),
        _ => Vec::new(),
    };
    let (options, attempt) = match events.first().map(|event| &event.kind) {
        Some(EventKind::RunStarted { options, attempt, .. }) => ((**options).clone(), *attempt),
        _ => (RunOptions::default(), 1),
    };
    RunDescription {
        row: row_of(row),
        program: program_of(events).map(|hash| hash.to_string()).unwrap_or_default(),
        history_events: events.len() as u64,
        stuck: None,
        cancel_requested: events.iter().any(|event| matches!(event.kind, EventKind::CancelRequested { .. })),
        waits: Vec::new(),
        activities: Vec::new(),
        children: Vec::new(),
        updates: Vec::new(),
        unread,
        result,
        failure,
        continued_from: events.first().and_then(|first| history::continued_from(&first.kind)),
        next_run: last.and_then(next_run),
        begins_at: None,
        times_out_at: None,
        attempt,
        memo: options::memo_of(&options),
        priority: options.priority,
    }
}

/// A page of a closed run's history.
pub(super) async fn closed_history(
    shared: &Shared,
    events: &[Event],
    after: u64,
    limit: usize,
) -> Result<HistoryPage, ApiError> {
    let page = closed::page(events, after, limit);
    let complete = page.end == events.len();
    Ok(HistoryPage { events: events_json(shared, &closed::codes(events), &events[page]).await?, complete })
}

/// Events as JSON. Places in them are places of the code that the run was pinned to when they were written.
pub(super) async fn events_json(
    shared: &Shared,
    codes: &[(EventId, ProgramHash)],
    events: &[Event],
) -> Result<Vec<Value>, ApiError> {
    let core = shared.core()?;
    let mut programs = Vec::with_capacity(codes.len());
    for (from, hash) in codes {
        let program = open::program(&*core.journal, &shared.programs, *hash).await;
        programs.push((*from, program.map_err(|error| refusal::of_store(&error))?));
    }
    let begins = || refusal::store_broken("a history does not begin with RunStarted");
    let program_at = |event: &Event| programs.iter().rev().find(|(from, _)| *from <= event.id).ok_or_else(begins);
    events.iter().map(|event| Ok(history::to_json(program_at(event)?.1.program(), event))).collect()
}

/// Where a page of the list ended, as text.
pub(super) fn cursor(started: Timestamp, run: RunId) -> String {
    format!("{}.{run}", started.0)
}

/// The place a cursor names.
pub(super) fn read_cursor(cursor: &str) -> Result<(Timestamp, RunId), ApiError> {
    let read = || {
        let (started, run) = cursor.split_once('.')?;
        Some((Timestamp(started.parse().ok()?), run.parse().ok()?))
    };
    read().ok_or_else(|| {
        ApiError::new(400, "wrong_parameter", "`cursor` is not one that a page ended with")
            .at("cursor", "the `cursor` of the page before, as it is")
    })
}
