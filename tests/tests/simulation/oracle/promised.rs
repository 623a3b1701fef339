//! What each story of `tests/simulation/stories.wf` promises of its end.

use serde_json::Value;
use weft_protocol::event::EventKind;
use weft_protocol::{Event, RunId};

use super::told::{brought, listed};
use crate::stored::Stored;

pub(crate) fn judge(stored: &Stored) -> Result<(), String> {
    for (run, events) in &stored.runs {
        let EventKind::RunStarted { workflow, workflow_id, args, .. } = &events[0].kind else { continue };
        let id = workflow_id.as_str();
        if workflow == "shaky" {
            shaky(*run, events, stored).map_err(|why| format!("`{id}`, run {run}: {why}"))?;
        }
        let EventKind::RunCompleted { result, unread } = &events[events.len() - 1].kind else { continue };
        let (result, args) = (result.value(), args.value());
        let judged = match workflow.as_str() {
            "book" => book(*run, events, &result, &stored.chain(id)),
            "tally" => tally(stored, id, &result, unread),
            "account" => account(events, &args, &result),
            "bank" => bank(stored, &args),
            _ => Ok(()),
        };
        judged.map_err(|why| format!("`{id}`, run {run}: {why}"))?;
    }
    Ok(())
}

fn numbers(result: &Value) -> Vec<i64> {
    result.as_array().map(|all| all.iter().filter_map(Value::as_i64).collect()).unwrap_or_default()
}

/// Every signal and update is in the list once, in a run that was set back those of the run before as well; an update was
/// answered with its place.
fn book(run: RunId, events: &[Event], result: &Value, chain: &[(RunId, &[Event])]) -> Result<(), String> {
    let list = numbers(result);
    if chain.last().is_some_and(|(newest, _)| *newest == run) {
        let (mut all, mut sorted) = (listed(chain), list.clone());
        all.sort_unstable();
        sorted.sort_unstable();
        if all != sorted {
            return Err(format!("its runs got {all:?} and it has {list:?}"));
        }
    }
    let (mut sent, mut sorted) = (events.iter().filter_map(brought).collect::<Vec<_>>(), list.clone());
    sent.sort_unstable();
    sorted.sort_unstable();
    if sent != sorted {
        return Err(format!("it got {sent:?} and has {list:?}"));
    }
    for event in events {
        let EventKind::UpdateCompleted { accepted, result } = &event.kind else { continue };
        let EventKind::UpdateAccepted { args, .. } = &events[accepted.0 as usize - 1].kind else { continue };
        let place = list.iter().position(|item| Some(*item) == args.value()["n"].as_i64());
        if place.map(|place| place as i64 + 1) != result.value().as_i64() {
            return Err(format!("update {} was told {:?} and is in place {place:?}", accepted.0, result.value()));
        }
    }
    Ok(())
}

/// All mail of the whole chain is in the list, in the order in which it came.
fn tally(stored: &Stored, id: &str, result: &Value, unread: &[(String, u32)]) -> Result<(), String> {
    let (sent, list) = (listed(&stored.chain(id)), numbers(result));
    if !unread.is_empty() || sent != list {
        return Err(format!("it got {sent:?} and has {list:?}; unread {unread:?}"));
    }
    Ok(())
}

/// What it held first and all moves.
fn account(events: &[Event], args: &Value, result: &Value) -> Result<(), String> {
    let moves = events.iter().filter_map(|event| match &event.kind {
        EventKind::SignalReceived { args, .. } => args.value()["by"].as_i64(),
        _ => None,
    });
    let held = args["first"].as_i64().unwrap_or_default() + moves.sum::<i64>();
    if result.as_i64() == Some(held) { Ok(()) } else { Err(format!("it held {held}")) }
}

/// What one account lost the other has.
fn bank(stored: &Stored, args: &Value) -> Result<(), String> {
    let held = |name: &str| {
        let chain = stored.chain(&format!("account-{}{name}", args["n"]));
        match chain.last().and_then(|(_, events)| events.last()).map(|event| &event.kind) {
            Some(EventKind::RunCompleted { result, .. }) => result.value().as_i64(),
            _ => None,
        }
    };
    match (held("a"), held("b")) {
        (Some(a), Some(b)) if a + b == 2_000 => Ok(()),
        other => Err(format!("the accounts hold {other:?}")),
    }
}

/// Runs of a chain that may be tried three times.
const TRIES: u32 = 3;
/// Milliseconds before the next one begins.
const BACKOFF: i64 = 150;

/// A run that fails is followed by the next one, not before its time, as often as the policy allows.
fn shaky(run: RunId, events: &[Event], stored: &Stored) -> Result<(), String> {
    let EventKind::RunStarted { attempt, .. } = events[0].kind else { return Err("it does not begin".into()) };
    let last = &events[events.len() - 1];
    let (EventKind::RunFailed { next_run, .. } | EventKind::RunTimedOut { next_run, .. }) = &last.kind else {
        return Ok(());
    };
    if next_run.is_some() != (attempt < TRIES) {
        return Err(format!("try {attempt} is followed by {next_run:?}"));
    }
    let Some(next) = next_run else { return Ok(()) };
    let begun = stored.runs.get(next).map(|events| &events[0].kind);
    let Some(EventKind::RunStarted { attempt: second, begins, continued: Some(continued), .. }) = begun else {
        return Err(format!("{next} follows and is {begun:?}"));
    };
    if *second != attempt + 1 || continued.from != run {
        return Err(format!("try {attempt} is followed by try {second} of {}", continued.from));
    }
    if begins.is_none_or(|begins| begins < last.at.plus_ms(BACKOFF)) {
        return Err(format!("try {second} begins at {begins:?}, the one before ended at {:?}", last.at));
    }
    Ok(())
}
