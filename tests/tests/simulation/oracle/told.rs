//! What clients and workers were told, against what is stored: nothing acknowledged is lost, doubled, or seen otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use weft_engine::history;
use weft_protocol::api::{UpdateReply, UpdateStatus};
use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, RunId};
use weft_vm::Loaded;

use super::{code, own};
use crate::ledger::{Call, Ledger, Read, Seen, Tick, What};
use crate::stored::Stored;

pub(crate) fn judge(
    stored: &Stored,
    ledger: &Ledger,
    closed_at: &BTreeMap<RunId, Tick>,
    programs: &[Arc<Loaded>],
) -> Result<(), String> {
    for call in &ledger.calls {
        heard(stored, closed_at, call).map_err(|why| format!("{why}: {call:?}"))?;
    }
    in_order(stored, ledger)?;
    for read in &ledger.reads {
        seen(stored, read, programs).map_err(|why| format!("{why}: {read:?}"))?;
    }
    never_back(ledger)?;
    attempts(stored, ledger)
}

/// An event of a run.
type Place = (RunId, EventId);

/// A call has happened at most once, and exactly once if it was acknowledged.
fn heard(stored: &Stored, closed_at: &BTreeMap<RunId, Tick>, call: &Call) -> Result<(), String> {
    // A start without an id is looked for everywhere.
    let chain = match &call.what {
        What::Start { .. } => stored.runs.iter().map(|(run, events)| (*run, events.as_slice())).collect(),
        _ => stored.chain(&call.id),
    };
    let places = found(&chain, &call.what);
    let count = places.len();
    if count > 1 {
        return Err(format!("it happened {count} times"));
    }
    let Some(acked) = call.acked else { return Ok(()) };
    match &call.what {
        What::Start { reply: Some(reply), .. } => {
            let run = reply.run_id.parse::<RunId>().map_err(|_| "no run id")?;
            if !chain.iter().any(|(known, _)| *known == run) {
                return Err("the run it was told of does not exist".into());
            }
            if reply.started && count == 0 {
                return Err("nothing was started".into());
            }
        }
        What::Reset { reply: Some(reply), .. } => {
            let run = reply.run_id.parse::<RunId>().map_err(|_| "no run id")?;
            // Told again it names the run that the new one has become.
            let follows = chain.iter().any(|(known, _)| *known == run);
            if !follows || places.iter().all(|(known, _)| *known > run) {
                return Err(format!("it happened at {places:?}"));
            }
        }
        What::Update { update, reply: Some(reply), .. } => updated(&chain, update, reply)?,
        // A run that was asked before takes no second request, and one that has closed needs none.
        What::Cancel { .. } => {
            let canceled = |(_, events): &(RunId, &[Event])| {
                events.iter().any(|event| matches!(event.kind, EventKind::CancelRequested { .. }))
            };
            // One that had closed then may have been set back since.
            let had_ended = |(run, events): &(RunId, &[Event])| {
                let last = events.last().is_some_and(|event| event.kind.next_run().is_none());
                last && closed_at.get(run).is_some_and(|at| *at < acked)
            };
            if !chain.iter().any(canceled) && !chain.iter().any(had_ended) {
                return Err("it is lost".into());
            }
        }
        _ if count == 0 => return Err("it is lost".into()),
        _ => {}
    }
    Ok(())
}

/// Where in a chain a call happened.
fn found(chain: &[(RunId, &[Event])], what: &What) -> Vec<Place> {
    let is = |event: &Event| match (what, &event.kind) {
        (What::Start { request, .. }, EventKind::RunStarted { request_id, continued: None, .. }) => {
            request_id.as_ref() == Some(request)
        }
        (What::Signal { request, name, args }, EventKind::SignalReceived { request_id, name: n, args: a, .. }) => {
            request_id.as_ref() == Some(request) && n == name && a.value() == *args
        }
        (What::Update { update, .. }, EventKind::UpdateAccepted { update_id, .. }) => update_id == update,
        (What::Cancel { request }, EventKind::CancelRequested { request_id, .. }) => {
            request_id.as_ref() == Some(request)
        }
        (What::Reset { request, .. }, EventKind::RunReset { request_id, .. }) => request_id.as_ref() == Some(request),
        (What::Terminate { reason }, EventKind::RunTerminated { reason: why, .. }) => why == reason,
        _ => false,
    };
    let of = |(run, events): &(RunId, &[Event])| {
        let run = *run;
        own(events).filter(|event| is(event)).map(|event| (run, event.id)).collect::<Vec<_>>()
    };
    chain.iter().flat_map(of).collect()
}

/// What an update was answered is what became of it.
fn updated(chain: &[(RunId, &[Event])], update: &str, reply: &UpdateReply) -> Result<(), String> {
    // A run that was set back does it again, and it may become something else there.
    let is = |event: &&Event| matches!(&event.kind, EventKind::UpdateAccepted { update_id, .. } if update_id == update);
    let accepted = chain.iter().filter_map(|(_, events)| Some((events.iter().find(is)?.id, *events)));
    let ends: Vec<_> = accepted
        .map(|(accepted, events)| {
            events.iter().find_map(|event| match &event.kind {
                EventKind::UpdateCompleted { accepted: of, result } if *of == accepted => Some(Some(result.value())),
                EventKind::UpdateFailed { accepted: of, .. } if *of == accepted => Some(None),
                _ => None,
            })
        })
        .collect();
    if ends.is_empty() {
        return if reply.status == UpdateStatus::Rejected { Ok(()) } else { Err("it is lost".into()) };
    }
    let same = match reply.status {
        UpdateStatus::Rejected => false,
        UpdateStatus::Accepted => true,
        UpdateStatus::Completed => ends.contains(&Some(reply.result.clone())),
        // The end of the run is the end of its updates.
        UpdateStatus::Failed => ends.iter().any(|end| end.as_ref().is_none_or(Option::is_none)),
    };
    if same { Ok(()) } else { Err(format!("it became {ends:?}")) }
}

/// Whether the run of `place` goes on for one that was reset. A cancel of a run that has closed, or is being canceled, is
/// acknowledged and leaves nothing behind: told again after a reset, it is the first that the new run hears of it.
fn is_behind_a_reset(chain: &[(RunId, &[Event])], place: Place) -> bool {
    let reset = |events: &[Event]| events.iter().any(|event| matches!(event.kind, EventKind::RunReset { .. }));
    chain.iter().any(|(run, events)| *run <= place.0 && reset(events))
}

/// Who was acknowledged before another asked is before it in the history.
fn in_order(stored: &Stored, ledger: &Ledger) -> Result<(), String> {
    let mut by_id: BTreeMap<&str, Vec<(&Call, Place)>> = BTreeMap::new();
    for call in &ledger.calls {
        let chain = stored.chain(&call.id);
        if let [place] = found(&chain, &call.what)[..]
            && !(matches!(call.what, What::Cancel { .. }) && is_behind_a_reset(&chain, place))
        {
            by_id.entry(&call.id).or_default().push((call, place));
        }
    }
    for calls in by_id.values() {
        for (first, place) in calls {
            let Some(acked) = first.acked else { continue };
            if let Some((later, before)) = calls.iter().find(|(later, other)| later.asked > acked && other < place) {
                return Err(format!(
                    "{first:?} at {place:?} was acknowledged before {later:?} at {before:?} was asked"
                ));
            }
        }
    }
    Ok(())
}

/// What was read had happened, and all that had been acknowledged before was in it.
fn seen(stored: &Stored, read: &Read, programs: &[Arc<Loaded>]) -> Result<(), String> {
    let chain = stored.chain(&read.id);
    match &read.what {
        Seen::History(lines) => {
            let id = lines.first().and_then(|first| first["run_id"].as_str().map(str::to_owned));
            let run = id.and_then(|id| id.parse::<RunId>().ok()).ok_or("it does not begin")?;
            let Some((_, events)) = chain.iter().find(|(known, _)| *known == run) else {
                return Err("there is no such run".into());
            };
            let program = code(events, programs).ok_or("its program is unknown")?;
            if lines.len() > events.len() {
                return Err(format!("it has {} events of {}", lines.len(), events.len()));
            }
            for (line, event) in lines.iter().zip(*events) {
                let stored = history::to_json(program.program(), event);
                if *line != stored {
                    return Err(format!("event {} was {line} and is {stored}", event.id.0));
                }
            }
            Ok(())
        }
        Seen::Items(items) => {
            let all = listed(&chain);
            let mut left = all.iter();
            // Updates that take turns push when their turn has come; a list in the order of the log has them all.
            if items.iter().any(|item| !all.contains(item)) {
                return Err(format!("it has what was never sent: {all:?}"));
            }
            let in_turn = items.iter().all(|item| left.any(|other| other == item));
            if chain[0].1.iter().all(|event| !matches!(event.kind, EventKind::UpdateAccepted { .. })) && !in_turn {
                return Err(format!("it is in another order: {all:?}"));
            }
            Ok(())
        }
    }
}

/// What signals and updates brought, in the order of the log.
pub(super) fn listed(chain: &[(RunId, &[Event])]) -> Vec<i64> {
    chain.iter().flat_map(|(_, events)| own(events).filter_map(brought)).collect()
}

/// What a signal or update brought.
pub(super) fn brought(event: &Event) -> Option<i64> {
    match &event.kind {
        EventKind::SignalReceived { args, .. } | EventKind::UpdateAccepted { args, .. } => args.value()["n"].as_i64(),
        _ => None,
    }
}

/// A read that was asked after another was answered sees at least as much, and all that was acknowledged before.
fn never_back(ledger: &Ledger) -> Result<(), String> {
    let items = |read: &Read| match &read.what {
        Seen::Items(items) => Some(items.clone()),
        Seen::History(_) => None,
    };
    let lists: Vec<(&Read, Vec<i64>)> =
        ledger.reads.iter().filter_map(|read| items(read).map(|items| (read, items))).collect();
    // A run that was set back has to live through some of it again.
    let reset = |id: &str| ledger.calls.iter().any(|call| call.id == id && matches!(call.what, What::Reset { .. }));
    for (read, list) in lists.iter().filter(|(read, _)| !reset(&read.id)) {
        let before = lists.iter().filter(|(other, _)| other.id == read.id && other.answered < read.asked);
        for (other, earlier) in before {
            if !list.starts_with(earlier) {
                return Err(format!("{read:?} has forgotten what {other:?} has seen"));
            }
        }
        for call in ledger.calls.iter().filter(|call| call.id == read.id) {
            let (What::Signal { name, args, .. }, Some(acked)) = (&call.what, call.acked) else { continue };
            let number = args["n"].as_i64();
            if name == "add" && acked < read.asked && !number.is_some_and(|number| list.contains(&number)) {
                return Err(format!("{read:?} does not see {call:?}"));
            }
        }
    }
    Ok(())
}

/// A reported result is what is recorded; no attempt begins after it, and none of a number that has been reported.
fn attempts(stored: &Stored, ledger: &Ledger) -> Result<(), String> {
    for (place, handed) in ledger.handed.iter().enumerate() {
        if handed.once && ledger.handed[..place].iter().any(|other| other.token == handed.token) {
            return Err(format!("{handed:?} was handed out twice"));
        }
    }
    for end in &ledger.ends {
        let Some(acked) = end.acked else { continue };
        let (run, scheduled) = (end.token.run_id, end.token.scheduled);
        let events = stored.runs.get(&run).ok_or("a worker had a task of no run")?;
        if let Some(result) = &end.result {
            let recorded = events.iter().find_map(|event| match &event.kind {
                EventKind::ActivityCompleted { end: of, result } if of.scheduled == scheduled => {
                    Some((of.attempt, result.value()))
                }
                _ => None,
            });
            if recorded != Some((end.token.attempt, result.clone())) {
                return Err(format!("{end:?} was acknowledged; recorded is {recorded:?}"));
            }
        }
        let last = if end.result.is_some() { u32::MAX } else { end.token.attempt };
        let again = ledger.handed.iter().find(|handed| {
            let of = (handed.token.run_id, handed.token.scheduled);
            of == (run, scheduled) && handed.asked > acked && handed.token.attempt <= last
        });
        if let Some(again) = again {
            return Err(format!("{again:?} began after {end:?} was acknowledged"));
        }
    }
    Ok(())
}
