//! What a run is after its newest event, so that what comes before need not be replayed: a cache of what [`Run::recover`]
//! computes, with which it gives the same run. A run that is in the middle of something has none.
//!
//! Nothing in it needs the log's records: they are taken in behind it, all of them, as behind a replay.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use weft_bytecode::ProgramHash;
use weft_protocol::command::CommandId;
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId, Payload, RunId, Timestamp};
use weft_vm::{Loaded, Vm};

use crate::activity::Activity;
use crate::child::Child;
use crate::past::{Packed, Past};
use crate::run::{Facts, Run, beginning};
use crate::timer::Timer;
use crate::transition::Record;
use crate::update::Updates;

/// A run's state after its first `events` events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Of how many events.
    pub events: u64,
    /// The code it is on.
    pub program: ProgramHash,
    vm: Vec<u8>,
    bytes: u64,
    clock_from: Timestamp,
    deadline: Option<Timestamp>,
    told_as: RunId,
    /// When it was scheduled, and whether it was asked to stop.
    activities: Vec<(EventId, u16, Timestamp, bool)>,
    timers: Vec<(EventId, Timestamp)>,
    children: Vec<(EventId, Child)>,
    names: Vec<(CommandId, EventId)>,
    canceled_children: Vec<EventId>,
    requests: Vec<String>,
    requests_forgotten: bool,
    cancels: Vec<String>,
    updates: Updates,
    sent: Vec<EventId>,
    cancel_reason: Option<String>,
    attributes: Payload,
    resets: Vec<(EventId, EventId)>,
}

/// Why a snapshot is none of this run. Its history still is: replay it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot does not fit: {0}")]
pub struct Unfit(String);

impl Snapshot {
    /// The events that a run with this snapshot looks at without being asked for its history.
    pub fn needs(&self) -> BTreeSet<EventId> {
        let pending = self.activities.iter().map(|(id, ..)| *id).chain(self.timers.iter().map(|(id, _)| *id));
        let others = self.children.iter().map(|(id, _)| *id).chain(self.sent.iter().copied());
        let resets = self.resets.iter().map(|(id, _)| *id);
        // The first says who the run is; the last, when it was.
        [EventId(1), EventId(self.events)].into_iter().chain(pending).chain(others).chain(resets).collect()
    }
}

impl Run {
    /// The state after the newest event; none while the run is in the middle of something, stuck, or has not begun or
    /// has ended.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let busy = self.is_computing() || !self.queue.is_empty() || !self.ends.is_empty() || !self.deferred.is_empty();
        if busy || self.is_closed() || self.stuck.is_some() || self.continuing.is_some() || !self.begun {
            return None;
        }
        let activities = self.activities.iter();
        let mut names: Vec<_> = self.names.iter().map(|(name, id)| (name.clone(), *id)).collect();
        names.sort_unstable();
        let mut canceled_children: Vec<EventId> = self.canceled_children.iter().copied().collect();
        canceled_children.sort_unstable();
        Some(Snapshot {
            events: self.history.len() as u64,
            program: self.loaded.hash(),
            vm: self.vm.snapshot(),
            bytes: self.bytes,
            clock_from: self.clock_from,
            deadline: self.deadline,
            told_as: self.told_as,
            activities: activities.map(|(id, a)| (*id, a.def, a.scheduled_at, a.cancel_requested)).collect(),
            timers: self.timers.iter().map(|(id, timer)| (*id, timer.due)).collect(),
            children: self.children.iter().map(|(id, child)| (*id, child.clone())).collect(),
            names,
            canceled_children,
            requests: self.requests.all().map(str::to_owned).collect(),
            requests_forgotten: self.requests.has_forgotten(),
            cancels: self.requests.cancels().map(str::to_owned).collect(),
            updates: self.updates.clone(),
            sent: self.sent.iter().copied().collect(),
            cancel_reason: self.cancel_reason.clone(),
            attributes: Payload::json(&serde_json::Value::Object(self.attributes.clone()).to_string()),
            resets: self.resets.clone(),
        })
    }
}

/// A run as a snapshot has it, without its history.
#[derive(Debug)]
pub struct Thawed(Run);

impl Thawed {
    /// As [`Run::recover`] of the whole history. `packed` is what the snapshot stands for, `rest` what comes behind it.
    pub fn follow(self, packed: Packed, rest: Vec<Event>, records: Vec<Record>) -> Run {
        let Thawed(mut run) = self;
        let read = packed.count;
        run.history = Past::packed(packed, rest);
        run.followed(read, records, &mut |_| ())
    }
}

impl Snapshot {
    /// The run whose first events are these.
    ///
    /// # Errors
    /// If the snapshot is not one of such a run; nothing is said of the history then.
    pub fn thaw(&self, loaded: Arc<Loaded>, packed: &Packed, limits: Arc<Limits>) -> Result<Thawed, Unfit> {
        let snapshot = self;
        let unfit = |what: &str| Unfit(what.to_owned());
        if snapshot.events != packed.count as u64 {
            return Err(unfit("it is of another number of events"));
        }
        if snapshot.program != loaded.hash() {
            return Err(unfit("the run is on other code"));
        }
        if let Some(place) = snapshot.needs().iter().find(|id| !packed.kept.contains_key(id)) {
            return Err(Unfit(format!("event {} is not there", place.0)));
        }
        let first = packed.kept.get(&EventId(1)).ok_or_else(|| unfit("the first event is not there"))?;
        let EventKind::RunStarted { workflow, .. } = &first.kind else {
            return Err(unfit("the history does not begin with RunStarted"));
        };
        let (index, _) = loaded.program().workflow(workflow).ok_or_else(|| unfit("the code has no such workflow"))?;
        let facts = Facts::of(&first.kind, index, first.at).ok_or_else(|| unfit("the first event says nothing"))?;
        let vm = Vm::restore(Arc::clone(&loaded), &snapshot.vm, &limits).map_err(|error| Unfit(error.to_string()))?;
        let (args, seed) = beginning(&first.kind);
        let mut run = Run::blank(loaded, facts, &args, seed, limits);
        run.vm = vm;
        run.bytes = snapshot.bytes;
        run.begun = true;
        run.now = packed.kept.get(&EventId(snapshot.events)).map_or(run.now, |event| event.at);
        run.clock_from = snapshot.clock_from;
        run.deadline = snapshot.deadline;
        run.told_as = snapshot.told_as;
        for (id, def, at, cancel_requested) in &snapshot.activities {
            let activity = Activity { cancel_requested: *cancel_requested, ..Activity::new(*def, *at) };
            run.activities.insert(*id, Box::new(activity));
        }
        run.timers.extend(snapshot.timers.iter().map(|(id, due)| (*id, Timer { due: *due })));
        run.children.extend(snapshot.children.iter().cloned());
        run.names.extend(snapshot.names.iter().cloned());
        run.canceled_children.extend(&snapshot.canceled_children);
        run.requests.forgets(snapshot.requests_forgotten);
        for id in &snapshot.requests {
            run.requests.remember(Some(id), run.limits.request_ids_kept);
        }
        snapshot.cancels.iter().for_each(|id| run.requests.remember_cancel(Some(id)));
        run.updates = snapshot.updates.clone();
        run.sent.extend(&snapshot.sent);
        run.cancel_reason = snapshot.cancel_reason.clone();
        if let serde_json::Value::Object(attributes) = snapshot.attributes.value() {
            run.attributes = attributes;
        }
        run.resets = snapshot.resets.clone();
        Ok(Thawed(run))
    }
}
