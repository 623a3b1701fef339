//! What must hold of schedules: each time is taken once and not before it has come, each start that a schedule asked for
//! is one run or was refused, and runs that must not overlap do not.

use std::collections::BTreeMap;

use weft_protocol::event::EventKind;
use weft_protocol::schedule::{Cause, ScheduleEvent, ScheduleEventKind, ScheduleRef};
use weft_protocol::{RunId, Timestamp};

use crate::ledger::Ledger;
use crate::stored::Stored;
use crate::timetable::LIMIT_MAX;

pub(crate) fn judge(stored: &Stored, ledger: &Ledger) -> Result<(), String> {
    for (name, events) in &stored.schedules {
        let fired = life(events).and_then(|fires| starts(name, &fires, stored));
        fired.map_err(|why| format!("schedule {name}: {why}\n{events:#?}"))?;
    }
    for (run, events) in &stored.runs {
        let EventKind::RunStarted { schedule: Some(of), continued: None, .. } = &events[0].kind else { continue };
        let known = stored.schedules.get(&of.name).is_some_and(|events| {
            events.iter().any(|event| matches!(event.kind, ScheduleEventKind::Fired { fire, .. } if fire == of.fire))
        });
        if !known {
            return Err(format!("run {run} says that {of:?} asked for it"));
        }
    }
    for trigger in &ledger.triggers {
        let events = stored.schedules.get(&trigger.schedule).map(Vec::as_slice).unwrap_or_default();
        let is = |event: &&ScheduleEvent| matches!(&event.kind, ScheduleEventKind::Triggered { request_id: Some(id), .. } if *id == trigger.request);
        let count = events.iter().filter(is).count();
        if count > 1 || trigger.acked && count == 0 {
            return Err(format!("{trigger:?} happened {count} times"));
        }
    }
    Ok(())
}

/// One start that was asked for.
#[derive(Debug, Clone, Default)]
struct Fire {
    id: String,
    cause: Option<Cause>,
    tracked: bool,
    run: Option<RunId>,
    refused: bool,
    ended: bool,
}

impl Fire {
    fn is_open(&self) -> bool {
        self.tracked && !self.refused && !self.ended
    }
}

/// The life of a schedule; the starts it asked for, by number.
fn life(events: &[ScheduleEvent]) -> Result<BTreeMap<u64, Fire>, String> {
    use ScheduleEventKind::*;
    let mut fires: BTreeMap<u64, Fire> = BTreeMap::new();
    let (mut at, mut taken) = (Timestamp(i64::MIN), Timestamp(i64::MIN));
    let mut take = |first: Timestamp, last: Timestamp, now: Timestamp| {
        if first <= taken || last < first || last > now {
            return Err(format!("the times from {first:?} to {last:?} are taken at {now:?}, after {taken:?}"));
        }
        taken = last;
        Ok(())
    };
    for (place, event) in events.iter().enumerate() {
        if event.at < at || matches!(event.kind, Created { .. }) != (place == 0) {
            return Err(format!("event {place} does not follow"));
        }
        at = event.at;
        match &event.kind {
            Fired { fire, nominal, workflow_id, cause, tracked, waited } => {
                if *fire != fires.len() as u64 + 1 {
                    return Err(format!("start {fire} is the {}th", fires.len() + 1));
                }
                if *tracked && fires.values().any(Fire::is_open) {
                    return Err(format!("start {fire} is beside another"));
                }
                if *cause == Cause::Time && !waited {
                    take(*nominal, *nominal, event.at)?;
                }
                let (id, cause) = (workflow_id.to_string(), Some(*cause));
                fires.insert(*fire, Fire { id, cause, tracked: *tracked, ..Fire::default() });
                // Those that were refused count for nothing.
                let counts = |fire: &&Fire| fire.cause == Some(Cause::Time) && !fire.refused;
                let by_time = fires.values().filter(counts).count() as u64;
                if by_time > LIMIT_MAX {
                    return Err(format!("{by_time} were started by time"));
                }
            }
            Waiting { nominal, cause: Cause::Time, .. } => take(*nominal, *nominal, event.at)?,
            Skipped { first, last, cause: Cause::Time, .. } => take(*first, *last, event.at)?,
            Started { fire, run_id } => match fires.get_mut(fire) {
                Some(known) if known.run.is_none() && !known.refused => known.run = Some(*run_id),
                other => return Err(format!("start {fire} was made when it was {other:?}")),
            },
            StartFailed { fire, .. } => match fires.get_mut(fire) {
                Some(known) if known.run.is_none() && !known.refused => known.refused = true,
                other => return Err(format!("start {fire} was refused when it was {other:?}")),
            },
            Ended { fire, run_id, .. } => match fires.get_mut(fire) {
                // The end of a run may overtake the word that it was started.
                Some(known) if !known.refused && !known.ended && known.run.is_none_or(|run| run == *run_id) => {
                    (known.run, known.ended) = (Some(*run_id), true);
                }
                other => return Err(format!("start {fire} ended when it was {other:?}")),
            },
            _ => {}
        }
    }
    Ok(fires)
}

/// What was asked for is one run, which the schedule knows, and has heard the end of.
fn starts(name: &str, fires: &BTreeMap<u64, Fire>, stored: &Stored) -> Result<(), String> {
    for (number, fire) in fires {
        let asked = |of: &ScheduleRef| of.name == name && of.fire == *number;
        let begun: Vec<(&RunId, &str)> = stored
            .runs
            .iter()
            .filter_map(|(run, events)| match &events[0].kind {
                EventKind::RunStarted { schedule: Some(of), continued: None, workflow_id, .. } if asked(of) => {
                    Some((run, workflow_id.as_str()))
                }
                _ => None,
            })
            .collect();
        let right = match (fire.run, &begun[..]) {
            (Some(run), [(begun, id)]) => **begun == run && *id == fire.id && (fire.ended || !fire.tracked),
            (None, []) => fire.refused,
            _ => false,
        };
        if !right {
            return Err(format!("start {number} is {fire:?}, and there is {begun:?}"));
        }
    }
    Ok(())
}
