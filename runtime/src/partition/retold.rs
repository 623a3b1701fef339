//! Messages that are told again after memory was lost, to a run that remembers no longer what it has taken: it keeps the
//! newest `request_ids_kept` ids, and more may have been on their way. Then the history says whether it has a message, and
//! those of the runs before it in its chain. Until that is known, what is sent to the run waits, so that messages arrive in
//! the order in which they were sent. Two things break that order: an earlier run that cannot be read, and more messages
//! meanwhile than [`LATE_MAX`]. What is left out by them is sent again when its sender is read back, after what came later.

use std::sync::Arc;

use weft_engine::{Run, Word};
use weft_protocol::event::EventKind;
use weft_protocol::{Event, RunId, Timestamp, WorkflowId};

use super::Partition;
use super::request::{Asker, Output, Probe};
use super::word::Tell;
use crate::closed;
use crate::store::{ClosedRun, StoreError};

/// How far apart the clocks of two nodes may be, in milliseconds: what was written so long before a message was sent does
/// not have it.
const CLOCKS_APART_MAX_MS: i64 = 3_600_000;

/// Messages for one workflow id that may come while it is looked up whether earlier runs have taken others. More are not
/// taken and not answered.
const LATE_MAX: usize = 10_000;

/// Messages for one workflow id that wait until it is known whether earlier runs have taken them.
#[derive(Debug, Default)]
pub(super) struct Sought {
    /// In order, and whether it is known by now that it was taken.
    tells: Vec<(Tell, bool)>,
    /// What came since the search began.
    late: Vec<Tell>,
}

/// What an open run can say of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Its history has it.
    Taken,
    /// No run has taken it; or if one has, it remembers that.
    Settled,
    /// This run, which it goes on for, may have taken it.
    Perhaps(RunId),
}

impl Partition {
    /// Gives a message back that may be told to the open run `id`; the others are answered, or wait.
    pub(super) fn not_told_before(&mut self, id: RunId, tell: Tell) -> Option<Tell> {
        let name = (tell.namespace.clone(), tell.to.workflow_id.clone());
        if let Some(sought) = self.sought.get_mut(&name) {
            match sought.late.len() < LATE_MAX {
                true => sought.late.push(tell),
                false => {
                    let (from, to) = (tell.from.run_id, &tell.to.workflow_id);
                    tracing::error!(%from, %to, "a message waits for a restart of its sender: too many came at once");
                }
            }
            return None;
        }
        let open = self.runs.get(&id)?;
        match known(&open.run, &tell) {
            Known::Settled => return Some(tell),
            Known::Taken => self.hold(open.batch, tell.answer(None)),
            Known::Perhaps(from) => self.seek(name, from, Sought { tells: vec![(tell, false)], late: Vec::new() }),
        }
        None
    }

    fn seek(&mut self, name: (Arc<str>, WorkflowId), run: RunId, sought: Sought) {
        let (namespace, workflow_id) = name.clone();
        self.sought.insert(name, sought);
        let probe = Probe { asker: Asker::Retold(namespace), workflow_id, run_id: Some(run), newest: None };
        // Its end may be in a batch that is not durable yet.
        self.hold(self.last_batch(), Output::Probe(Box::new(probe)));
    }

    /// The store has answered: what one of the earlier runs has taken.
    pub(super) fn looked_back(
        &mut self,
        namespace: Arc<str>,
        workflow_id: WorkflowId,
        found: Result<Option<ClosedRun>, StoreError>,
        now: Timestamp,
    ) {
        let name = (namespace, workflow_id);
        let Some(Sought { mut tells, late }) = self.sought.remove(&name) else { return };
        let events = match found.and_then(|row| row.map(|row| closed::history(&row)).transpose()) {
            // What is no longer kept has taken nothing that is still on its way.
            Ok(events) => events.unwrap_or_default(),
            // They are sent again when they are read back from a repaired store.
            Err(error) => {
                tracing::error!(to = %name.1, %error, "messages wait: an earlier run of their receiver cannot be read");
                return self.take_late(&name, late, now);
            }
        };
        tells.iter_mut().for_each(|(tell, taken)| *taken |= is_told_in(tell, &events));
        let mut open = tells.iter().filter(|(_, taken)| !taken);
        if let Some(run) = open.find_map(|(tell, _)| before(tell, events.first()?)) {
            return self.seek(name, run, Sought { tells, late });
        }
        for (mut tell, taken) in tells {
            match taken {
                // What the newest run has taken may be in a batch that is not durable yet.
                true => self.hold(self.last_batch(), tell.answer(None)),
                false => {
                    tell.again = None;
                    self.take_tell(tell, now);
                }
            }
        }
        self.take_late(&name, late, now);
    }

    /// What came during a search, in order. If it takes another, that is one for all of them.
    fn take_late(&mut self, name: &(Arc<str>, WorkflowId), late: Vec<Tell>, now: Timestamp) {
        let mut late = late.into_iter();
        while !self.sought.contains_key(name)
            && let Some(tell) = late.next()
        {
            self.take_tell(tell, now);
        }
        for tell in late {
            let open = self.newest_of(&name.0, &tell.to).and_then(|id| self.runs.get(&id));
            let taken = open.is_some_and(|open| known(&open.run, &tell) == Known::Taken);
            self.sought.entry(name.clone()).or_default().tells.push((tell, taken));
        }
    }
}

/// Whether an open run, or one before it, has taken a message.
fn known(run: &Run, tell: &Tell) -> Known {
    // Cancels have a place of their own among what a run remembers.
    if tell.again.is_none() || tell.word == Word::Cancel || run.remembers(&tell.request_id()) {
        return Known::Settled;
    }
    if is_told_in(tell, run.history()) {
        return Known::Taken;
    }
    run.first_event().and_then(|first| before(tell, first)).map_or(Known::Settled, Known::Perhaps)
}

/// Whether a history has a message that is told again.
fn is_told_in(tell: &Tell, events: &[Event]) -> bool {
    let Some(since) = since(tell) else { return false };
    let id = tell.request_id();
    let has = |event: &Event| matches!(&event.kind, EventKind::SignalReceived { request_id: Some(taken), .. } if *taken == id);
    let before = events.first().is_some_and(|first| match &first.kind {
        EventKind::RunStarted { continued: Some(continued), .. } => continued.requests.contains(&id),
        _ => false,
    });
    before || events.iter().rev().take_while(|event| event.at >= since).any(has)
}

/// The run before the one that begins with `first`, if it may have taken a message.
fn before(tell: &Tell, first: &Event) -> Option<RunId> {
    let EventKind::RunStarted { continued: Some(continued), .. } = &first.kind else { return None };
    let may = continued.from >= tell.to.run_id && since(tell).is_some_and(|since| first.at >= since);
    may.then_some(continued.from)
}

/// What is older does not have a message that is told again.
fn since(tell: &Tell) -> Option<Timestamp> {
    tell.again.map(|sent| sent.plus_ms(-CLOCKS_APART_MAX_MS))
}
