//! What must hold when everything has ended: of each history by itself, and of all of them together. What clients and
//! workers were told is held against it in `oracle/told.rs`, what the stories promise in `oracle/promised.rs`.

#[path = "oracle/promised.rs"]
mod promised;
#[path = "oracle/times.rs"]
mod times;
#[path = "oracle/told.rs"]
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weft_engine::{Record, Run, word};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId, RunId};
use weft_vm::Loaded;

use crate::ledger::{Ledger, Tick};
use crate::stored::Stored;

/// Attempts that the retry policies of all programs allow.
const ATTEMPTS_MAX: u32 = 4;

/// Holds everything against everything.
///
/// # Errors
/// The first thing that is not as it must be.
pub(crate) fn judge(
    stored: &Stored,
    ledger: &Ledger,
    closed_at: &BTreeMap<RunId, Tick>,
    programs: &[Arc<Loaded>],
) -> Result<(), String> {
    if let Some(row) = stored.rows.keys().find(|run| !stored.runs.contains_key(run)) {
        return Err(format!("run {row} has a row and is not in the log"));
    }
    for (run, events) in &stored.runs {
        let judged = shape(events)
            .and_then(|()| lives(events))
            .and_then(|()| retries(*run, events, stored))
            .and_then(|()| closed(*run, events, stored))
            .and_then(|()| replayed(events, programs));
        judged.map_err(|why| format!("run {run}: {why}\n{}", shown(events, programs)))?;
    }
    words(stored)?;
    children(stored)?;
    times::judge(stored, ledger)?;
    told::judge(stored, ledger, closed_at, programs)?;
    promised::judge(stored)
}

/// A history for people.
pub(crate) fn shown(events: &[Event], programs: &[Arc<Loaded>]) -> String {
    let Some(program) = code(events, programs) else { return format!("{events:#?}") };
    let line = |event: &Event| {
        format!("  {} {}\n", event.at.0 % 1_000_000, weft_engine::history::plain(program.program(), event))
    };
    events.iter().map(line).collect()
}

fn code<'a>(events: &[Event], programs: &'a [Arc<Loaded>]) -> Option<&'a Arc<Loaded>> {
    let hash = weft_engine::program_of(events)?;
    programs.iter().find(|program| program.hash() == hash)
}

/// Dense, monotone, begun once and closed once.
fn shape(events: &[Event]) -> Result<(), String> {
    for (place, event) in events.iter().enumerate() {
        if event.id.0 != place as u64 + 1 {
            return Err(format!("event {} is in place {}", event.id.0, place + 1));
        }
        if place > 0 && event.at < events[place - 1].at {
            return Err(format!("event {} is earlier than the one before", event.id.0));
        }
        if matches!(event.kind, EventKind::RunStarted { .. }) != (place == 0) {
            return Err(format!("event {} begins the run", event.id.0));
        }
        if event.kind.closes() != (place + 1 == events.len()) {
            return Err(format!("{} of {} events is {}", place + 1, events.len(), event.kind.name()));
        }
        if let EventKind::ActivationFailed { trap, message, .. } = &event.kind
            && ["Divergence", "Corrupt"].iter().any(|bad| trap.contains(bad))
        {
            return Err(format!("stuck by {trap}: {message}"));
        }
    }
    Ok(())
}

/// Each thing that begins ends at most once, and not before its time.
fn lives(events: &[Event]) -> Result<(), String> {
    let mut ended: BTreeSet<EventId> = BTreeSet::new();
    let begun = |id: EventId| events.get((id.0 as usize).wrapping_sub(1)).ok_or_else(|| format!("{id:?} is not there"));
    for event in events {
        use EventKind::*;
        let of = match &event.kind {
            ActivityCompleted { end, .. }
            | ActivityFailed { end, .. }
            | ActivityTimedOut { end, .. }
            | ActivityCanceled { end } => {
                if !matches!(begun(end.scheduled)?.kind, ActivityScheduled { .. }) || end.attempt > ATTEMPTS_MAX {
                    return Err(format!("event {} ends no activity, or its attempt {}", event.id.0, end.attempt));
                }
                if matches!(event.kind, ActivityTimedOut { .. })
                    && let Some(since) = end.started_at
                    && event.at < since
                {
                    return Err(format!("event {} is a timeout before its attempt began", event.id.0));
                }
                end.scheduled
            }
            TimerFired { timer } | TimerCanceled { timer } => {
                let TimerStarted { due, .. } = &begun(*timer)?.kind else {
                    return Err(format!("event {} ends no timer", event.id.0));
                };
                if matches!(event.kind, TimerFired { .. }) && event.at < *due {
                    return Err(format!("event {}: the timer fired {} ms early", event.id.0, due.0 - event.at.0));
                }
                *timer
            }
            DelayEnded => {
                let RunStarted { begins, .. } = &events[0].kind else { return Err("it does not begin".into()) };
                if begins.is_none_or(|begins| event.at < begins) {
                    return Err(format!("event {} begins what was to begin at {begins:?}", event.id.0));
                }
                EventId(1)
            }
            ChildStartFailed { scheduled, .. }
            | ChildCompleted { scheduled, .. }
            | ChildFailed { scheduled, .. }
            | ChildCanceled { scheduled }
            | ChildTimedOut { scheduled, .. }
            | ChildTerminated { scheduled, .. } => *scheduled,
            SignalDelivered { sent }
            | SignalRefused { sent, .. }
            | CancelDelivered { sent }
            | CancelRefused { sent, .. } => *sent,
            UpdateCompleted { accepted, .. } | UpdateFailed { accepted, .. } => *accepted,
            _ => continue,
        };
        if !ended.insert(of) {
            return Err(format!("event {} ends {} a second time", event.id.0, of.0));
        }
    }
    Ok(())
}

/// Attempts follow each other, and none before its backoff is over.
fn retries(run: RunId, events: &[Event], stored: &Stored) -> Result<(), String> {
    let mut failed: BTreeMap<EventId, (u32, i64)> = BTreeMap::new();
    for (_, record) in stored.records.iter().filter(|(of, _)| *of == run) {
        let Record::AttemptFailed { scheduled, attempt, next_at, .. } = record else { continue };
        let before = failed.insert(*scheduled, (*attempt, next_at.0));
        if before.map_or(0, |(before, _)| before) + 1 != *attempt {
            return Err(format!("attempt {attempt} of {scheduled:?} failed after attempt {before:?}"));
        }
    }
    for event in own(events) {
        use EventKind::*;
        let (ActivityCompleted { end, .. } | ActivityFailed { end, .. } | ActivityTimedOut { end, .. }) = &event.kind
        else {
            continue;
        };
        let (before, next) = failed.get(&end.scheduled).copied().unwrap_or((0, i64::MIN));
        // `total_timeout` may end an activity that waits for its next attempt.
        if end.attempt != before + 1 {
            return Err(format!("event {} ends attempt {} after {before} failed", event.id.0, end.attempt));
        }
        if end.started_at.is_some_and(|at| at.0 < next) {
            return Err(format!("event {}: attempt {} began before its backoff was over", event.id.0, end.attempt));
        }
    }
    Ok(())
}

/// A closed run has a row, which says the same.
fn closed(run: RunId, events: &[Event], stored: &Stored) -> Result<(), String> {
    let row = stored.history(run)?;
    if row != events {
        return Err(format!("its row has another history of {} events", row.len()));
    }
    Ok(())
}

/// The history alone leads to the same end.
fn replayed(events: &[Event], programs: &[Arc<Loaded>]) -> Result<(), String> {
    let program = code(events, programs).ok_or("its program is unknown")?;
    let run = Run::recover(program.clone(), events.to_vec(), Vec::new(), Arc::new(Limits::default()));
    let run = run.map_err(|error| format!("it is not replayed: {error}"))?;
    if !run.is_closed() || run.history() != events {
        return Err("its replay ends elsewhere".into());
    }
    Ok(())
}

/// Messages between runs: each arrives exactly once, or was refused.
fn words(stored: &Stored) -> Result<(), String> {
    let mut received: BTreeMap<String, u32> = BTreeMap::new();
    for events in stored.runs.values() {
        for event in own(events) {
            if let EventKind::SignalReceived { request_id: Some(id), .. } = &event.kind {
                *received.entry(id.clone()).or_default() += 1;
            }
        }
    }
    if let Some((id, count)) = received.iter().find(|(_, count)| **count > 1) {
        return Err(format!("the signal {id} was received {count} times"));
    }
    for (run, events) in &stored.runs {
        let outcome = |sent: EventId| {
            events.iter().find(|event| {
                matches!(&event.kind, EventKind::SignalDelivered { sent: of } | EventKind::SignalRefused { sent: of, .. } if *of == sent)
            })
        };
        for event in events {
            let EventKind::SignalSent { to, name, .. } = &event.kind else { continue };
            let arrived = received.contains_key(&word::request_id(*run, event.id));
            let refused = matches!(outcome(event.id).map(|event| &event.kind), Some(EventKind::SignalRefused { .. }));
            let told =
                stored.records.iter().any(|(of, record)| of == run && *record == Record::Told { sent: event.id });
            if arrived == (refused || told && !arrived) {
                let how = if arrived { "arrived and was refused" } else { "was lost" };
                return Err(format!("`{name}` that {run} sent to {} with event {} {how}", to.workflow_id, event.id.0));
            }
        }
    }
    Ok(())
}

/// A child is started once, its parent hears how it ended, and what its end means for those it leaves is done.
fn children(stored: &Stored) -> Result<(), String> {
    let mut started: BTreeMap<(RunId, EventId), Vec<RunId>> = BTreeMap::new();
    for (run, events) in &stored.runs {
        if let EventKind::RunStarted { parent: Some(parent), continued: None, .. } = &events[0].kind {
            started.entry((parent.run.run_id, parent.scheduled)).or_default().push(*run);
        }
    }
    if let Some(((parent, at), runs)) = started.iter().find(|(_, runs)| runs.len() > 1) {
        return Err(format!("event {} of {parent} started {runs:?}", at.0));
    }
    for (parent, events) in &stored.runs {
        for event in events {
            use EventKind::*;
            let (ChildCompleted { scheduled, .. } | ChildCanceled { scheduled } | ChildTerminated { scheduled, .. }) =
                &event.kind
            else {
                continue;
            };
            let Some([child]) = started.get(&(*parent, *scheduled)).map(Vec::as_slice) else {
                return Err(format!("event {} of {parent} ends a child that never began", event.id.0));
            };
            let ends = newest(stored, *child);
            let same = match (&event.kind, &stored.runs[&ends].last().expect("it is closed").kind) {
                (ChildCompleted { result: heard, .. }, RunCompleted { result, .. }) => heard == result,
                (ChildCanceled { .. }, RunCanceled { .. }) | (ChildTerminated { .. }, RunTerminated { .. }) => true,
                _ => false,
            };
            if !same {
                return Err(format!("event {} of {parent} is not how {ends} ended", event.id.0));
            }
        }
    }
    Ok(())
}

/// The run that a run has become.
fn newest(stored: &Stored, mut run: RunId) -> RunId {
    while let Some(next) = stored.runs[&run].last().and_then(|event| event.kind.next_run()) {
        run = next;
    }
    run
}

/// The events of a run without those that it took over from the run before.
pub(crate) fn own(events: &[Event]) -> impl Iterator<Item = &Event> {
    let reset = events.iter().rev().find(|event| matches!(event.kind, EventKind::RunReset { .. }));
    let own = match (&events[0].kind, reset) {
        (_, Some(reset)) => reset.id.0,
        (EventKind::RunStarted { continued: Some(_), ahead, .. }, None) => u64::from(*ahead) + 2,
        _ => 2,
    };
    events.iter().filter(move |event| event.id.0 == 1 || event.id.0 >= own)
}
