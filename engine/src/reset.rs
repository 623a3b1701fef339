//! A run that goes on from an earlier point of a history: `weft reset`.
//!
//! ```text
//! base: 1 … kept … end
//! new:  1 … kept, what the base was told later, (CodeMoved), RunReset, what the program does now
//! ```
//!
//! The kept events have the numbers and times that they had, and the program follows them as in a replay. What it was told
//! later stands before `RunReset` and is noticed behind it, in order: signals, updates, and what became of children and
//! messages that the kept part has begun. Activities that the kept part has scheduled are handed out anew; timers are due
//! when they were.
//!
//! Requests to cancel, ends of activities and timers that came later are forgotten: the program lives through them again.
//! An update that was accepted was promised to be done, so it is not checked again.

use std::collections::BTreeSet;
use std::sync::Arc;

use weft_bytecode::wire::{Strictness, normalize_args};
use weft_protocol::event::{Continued, EventKind, RunRef};
use weft_protocol::limits::Limits;
use weft_protocol::policy::OnParentClose;
use weft_protocol::{Event, EventId, Payload, RunId, Timestamp};
use weft_vm::Loaded;

use crate::activity::Phase;
use crate::child;
use crate::replay::{self, is_of_activation};
use crate::run::{Put, Run};
use crate::transition::Transition;

/// Where a run is set back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// This event is the last that is kept, with those that were decided together with it.
    Event(EventId),
    /// The beginning: the program begins anew.
    First,
    /// The last step: what the program was told last, it is told again.
    Last,
}

/// What of the later part of a history is not told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Without {
    /// Signals.
    pub signals: bool,
    /// Updates.
    pub updates: bool,
}

/// A run set back.
#[derive(Debug, Clone)]
pub struct Order {
    /// Id of the new run.
    pub run_id: RunId,
    /// Its code.
    pub loaded: Arc<Loaded>,
    /// What `uuid` and `random` draw from after the kept part.
    pub seed: [u8; 16],
    /// Where to.
    pub point: Point,
    /// What is left out.
    pub without: Without,
    /// Why, for the history.
    pub reason: String,
    /// Makes the request idempotent.
    pub request_id: Option<String>,
    /// Ids of the cancels that the newest run has taken, of one that is open.
    pub cancels: Vec<String>,
}

/// Where a history is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// How many events are kept.
    kept: usize,
    /// The first event that the program has not noticed then.
    redo: EventId,
}

/// Sets a run back. `base` is its history, `later` are those of the runs that went on for it, oldest first.
///
/// # Errors
/// Why not, for people. Nothing has changed then.
pub fn reset(
    base: &[Event],
    later: &[&[Event]],
    order: Order,
    now: Timestamp,
    limits: Arc<Limits>,
) -> Result<(Run, Transition), String> {
    let cut = cut(base, order.point)?;
    let now = base[..cut.kept].last().map_or(now, |last| now.max(last.at));
    let mut history = base[..cut.kept].to_vec();
    let told = told_later(base, later, cut, order.without);
    let cut_off = std::iter::once(&base[cut.kept..]).chain(later.iter().copied()).flatten();
    let mut taken = Taken::default();
    cut_off.for_each(|event| taken.note(&event.kind, order.without));
    taken.cancels.extend(order.cancels.iter().cloned());
    let newest = later.last().copied().unwrap_or(base);
    let closed = newest.last().is_some_and(|last| last.kind.closes());
    let from = begins(&mut history, &order, taken, closed)?;
    takes(&order.loaded, base, &told)?;
    let add = |history: &mut Vec<Event>, kind| {
        history.push(Event { id: EventId(history.len() as u64 + 1), at: now, kind });
    };
    told.into_iter().for_each(|kind| add(&mut history, kind));
    let Order { run_id, loaded, seed, reason, request_id, .. } = order;
    let (kept, redo) = (EventId(cut.kept as u64), cut.redo);
    let before = replay::program_of(&history).map(|hash| hash.0).unwrap_or_default();
    if before != loaded.hash().0 {
        add(&mut history, EventKind::CodeMoved { from: before, to: loaded.hash().0 });
    }
    add(&mut history, EventKind::RunReset { run: run_id, from, kept, redo, reason, request_id, seed });
    let mut run = replay::read(&loaded, history, &limits).map_err(|error| error.to_string())?;
    replay::walk(&mut run, None, &mut |_| ()).map_err(|diverged| {
        let source = diverged.source(&loaded);
        format!("the kept history is not what this code does at {source}: {}", diverged.trap.message)
    })?;
    run.now = run.now.max(now);
    let mut out = run.unsettled();
    out.events = 0..run.history().len();
    run.advance(&mut out);
    out.again = run.is_computing();
    Ok((run, out))
}

/// Whether a request has set a run back already, or one that it goes on for.
pub fn has_taken(events: &[Event], request_id: &str) -> bool {
    let before = match events.first().map(|first| &first.kind) {
        Some(EventKind::RunStarted { continued: Some(continued), .. }) => continued.requests.as_slice(),
        _ => &[],
    };
    let is =
        |event: &Event| matches!(&event.kind, EventKind::RunReset { request_id: Some(id), .. } if id == request_id);
    before.iter().any(|known| known == request_id) || events.iter().any(is)
}

/// The requests of events that are not told again: whoever sends one once more was answered already. The signal of a client
/// that is left out is new again, as an update is; a run that has not heard that its signal arrived tells it again by itself.
#[derive(Debug, Default)]
struct Taken {
    requests: Vec<String>,
    cancels: Vec<String>,
}

impl Taken {
    fn note(&mut self, kind: &EventKind, without: Without) {
        match kind {
            EventKind::RunReset { request_id, .. } => self.requests.extend(request_id.clone()),
            EventKind::SignalReceived { request_id, from: Some(_), .. } if without.signals => {
                self.requests.extend(request_id.clone());
            }
            EventKind::CancelRequested { request_id, .. } => self.cancels.extend(request_id.clone()),
            // The close of another run.
            EventKind::RunTerminated { from: Some(from), .. } => self.cancels.push(child::close_id(from.run_id)),
            EventKind::RunStarted { continued: Some(before), .. } => {
                self.cancels.extend(before.cancels.iter().cloned())
            }
            _ => {}
        }
    }
}

/// The run under whose id something was done that a history tells: of what was taken over, the run before.
pub fn doer(events: &[Event], id: EventId) -> Option<RunId> {
    let EventKind::RunStarted { run_id, continued, .. } = &events.first()?.kind else { return None };
    let origin = continued.as_ref().and_then(|continued| continued.origin);
    let since = events[..id.0 as usize].iter().rev().find_map(|event| match &event.kind {
        EventKind::RunReset { run, .. } => Some(*run),
        _ => None,
    });
    Some(since.or(origin).unwrap_or(*run_id))
}

/// Each `RunReset` of a history, with the first event that the program notices behind it.
pub(crate) fn of(events: &[Event]) -> Vec<(EventId, EventId)> {
    let resets = events.iter().filter_map(|event| match &event.kind {
        EventKind::RunReset { redo, .. } => Some((event.id, *redo)),
        _ => None,
    });
    resets.collect()
}

/// Finds the place where a history can be cut: no step is cut in two, and none that has ended the run is kept.
fn cut(events: &[Event], point: Point) -> Result<Cut, String> {
    let Some(EventKind::RunStarted { ahead, .. }) = events.first().map(|first| &first.kind) else {
        return Err("the history does not begin with RunStarted".into());
    };
    let beginning = 1 + *ahead as usize;
    let noticed = |event: &&Event| !is_of_activation(&event.kind) && !is_word_of_engine(&event.kind);
    let wanted = match point {
        Point::First => 1,
        Point::Last => events.iter().rfind(noticed).map_or(1, |event| event.id.0 as usize),
        Point::Event(EventId(id)) => usize::try_from(id).unwrap_or(usize::MAX),
    };
    if wanted == 0 || wanted > events.len() {
        return Err(format!("the history has the events 1 to {}", events.len()));
    }
    if wanted <= beginning {
        return Ok(Cut { kept: beginning.min(events.len()), redo: EventId(1) });
    }
    // What was told again is noticed behind its `RunReset`, so it stays with that.
    let whole = events.iter().find_map(|event| match &event.kind {
        EventKind::RunReset { kept, .. } => {
            (kept.0 as usize + 1..event.id.0 as usize).contains(&wanted).then_some(event.id.0 as usize)
        }
        _ => None,
    });
    let mut kept = whole.unwrap_or(wanted);
    if is_of_activation(&events[kept - 1].kind) {
        kept += events[kept..].iter().take_while(|event| is_of_activation(&event.kind)).count();
    }
    // The step that has ended the run is done again.
    if events[kept - 1].kind.closes() {
        let before = events[..kept - 1].iter().rposition(|event| !is_of_activation(&event.kind));
        let before = if is_of_activation(&events[kept - 1].kind) { before } else { Some(kept - 2) };
        return cut(events, Point::Event(EventId(before.map_or(1, |place| place as u64 + 1))));
    }
    Ok(Cut { kept, redo: redo(&events[..kept]) })
}

/// The first event of a history that its program has not noticed at its end.
fn redo(events: &[Event]) -> EventId {
    let end = EventId(events.len() as u64 + 1);
    let Some(last) = events.last() else { return end };
    match &last.kind {
        EventKind::RunReset { redo, .. } => *redo,
        EventKind::ActivationFailed { event, .. } => *event,
        EventKind::CodeMoved { .. } => {
            let parked = events.iter().rev().find_map(|event| match &event.kind {
                EventKind::ActivationFailed { event, .. } => Some(*event),
                EventKind::RunReset { redo, .. } => Some(*redo),
                _ => None,
            });
            parked.unwrap_or(end)
        }
        kind if is_of_activation(kind) => end,
        _ => last.id,
    }
}

/// Whether an event is neither something the program notices nor something it does.
fn is_word_of_engine(kind: &EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        ActivationFailed { .. } | CodeMoved { .. } | RunReset { .. } | RunTerminated { .. } | RunTimedOut { .. }
    )
}

/// Makes the first event that of the new run, and gives the id of the old one. Of one that had `closed` the parent's close
/// was settled.
fn begins(history: &mut [Event], order: &Order, taken: Taken, closed: bool) -> Result<RunId, String> {
    let Some(EventKind::RunStarted { run_id, continued, parent, .. }) =
        history.first_mut().map(|first| &mut first.kind)
    else {
        return Err("the history does not begin with RunStarted".into());
    };
    if let Some(parent) = parent.as_mut().filter(|_| closed) {
        parent.on_close = OnParentClose::Abandon;
    }
    let from = *run_id;
    let before = continued.take();
    let kept = before.as_deref();
    let mut seen = BTreeSet::new();
    let cancels = kept.iter().flat_map(|before| before.cancels.iter().cloned()).chain(taken.cancels);
    let cancels = cancels.filter(|id| seen.insert(id.clone())).collect();
    *continued = Some(Box::new(Continued {
        from,
        first: kept.map_or(from, |before| before.first),
        origin: Some(kept.and_then(|before| before.origin).unwrap_or(from)),
        failure: kept.and_then(|before| before.failure.clone()),
        cancels,
        requests_forgotten: kept.is_some_and(|before| before.requests_forgotten),
        requests: before.map(|before| before.requests).into_iter().flatten().chain(taken.requests).collect(),
        idle: 0,
    }));
    *run_id = order.run_id;
    Ok(from)
}

/// What a run was told after the cut, and those that went on for it, in order.
fn told_later(base: &[Event], later: &[&[Event]], cut: Cut, without: Without) -> Vec<EventKind> {
    let mut told = Vec::new();
    let mut updates: Vec<String> = Vec::new();
    for event in &base[..cut.kept] {
        if let EventKind::UpdateAccepted { update_id, .. } = &event.kind {
            updates.push(update_id.clone());
        }
    }
    let kept = EventId(cut.kept as u64);
    let linked = |kind: &EventKind| match kind {
        EventKind::SignalDelivered { sent }
        | EventKind::SignalRefused { sent, .. }
        | EventKind::CancelDelivered { sent }
        | EventKind::CancelRefused { sent, .. } => *sent <= kept,
        kind => child::scheduled_of(kind).is_some_and(|scheduled| scheduled <= kept),
    };
    let own = base[cut.kept..].iter().filter(|event| linked(&event.kind) || is_message(&event.kind));
    let others = later.iter().flat_map(|events| {
        // What a run has begun with is there already, where it came first.
        let copied = match events.first().map(|first| &first.kind) {
            Some(EventKind::RunStarted { ahead, .. }) => 1 + *ahead as usize,
            _ => 1,
        };
        let set_back = events.iter().rposition(|event| matches!(event.kind, EventKind::RunReset { .. }));
        let new = &events[set_back.map_or(copied, |reset| reset + 1).min(events.len())..];
        new.iter().filter(|event| is_message(&event.kind))
    });
    for event in own.chain(others) {
        match &event.kind {
            EventKind::SignalReceived { .. } if without.signals => {}
            EventKind::UpdateAccepted { .. } if without.updates => {}
            EventKind::UpdateAccepted { update_id, name, args, .. } => {
                if !updates.contains(update_id) {
                    updates.push(update_id.clone());
                    let number = updates.len() as u32;
                    let (update_id, name, args) = (update_id.clone(), name.clone(), args.clone());
                    told.push(EventKind::UpdateAccepted { update_id, name, args, number });
                }
            }
            kind => told.push(kind.clone()),
        }
    }
    told
}

fn is_message(kind: &EventKind) -> bool {
    matches!(kind, EventKind::SignalReceived { .. } | EventKind::UpdateAccepted { .. })
}

/// Whether code takes what a run is told again.
fn takes(loaded: &Loaded, base: &[Event], told: &[EventKind]) -> Result<(), String> {
    let program = loaded.program();
    let Some(EventKind::RunStarted { workflow, .. }) = base.first().map(|first| &first.kind) else { return Ok(()) };
    let Some((_, def)) = program.workflow(workflow) else {
        return Err(format!("this code has no workflow `{workflow}`"));
    };
    for kind in told {
        let (what, name, args, ty) = match kind {
            EventKind::SignalReceived { name, args, .. } => {
                let signal = def.signals.iter().find(|signal| signal.name == *name);
                ("signal", name, args, signal.map(|signal| signal.args))
            }
            EventKind::UpdateAccepted { name, args, .. } => {
                let update = def.updates.iter().find(|update| update.name == *name);
                ("update", name, args, update.map(|update| update.args))
            }
            _ => continue,
        };
        let ty = ty.ok_or_else(|| format!("this code has no {what} `{name}`, which the run was sent later"))?;
        let read = normalize_args(program, ty, &args.value(), Strictness::Input);
        if !read.is_ok_and(|read| Payload::from(&read) == *args) {
            return Err(format!("{what} `{name}` of this code takes other arguments than the run was sent later"));
        }
    }
    Ok(())
}

impl Run {
    /// Whether an event of the queue is noticed only behind a `RunReset` that is still to be read.
    pub(crate) fn is_held(&self, put: Put, at: usize) -> bool {
        let held =
            |(reset, redo): &(EventId, EventId)| put.event >= *redo && put.event < *reset && at < reset.0 as usize;
        self.resets.iter().any(held)
    }

    /// The run goes on here: its own times and draws begin.
    pub(crate) fn set_back(&mut self, run: RunId, seed: [u8; 16], at: Timestamp) {
        self.told_as = run;
        self.vm.reseed(seed);
        if self.begun {
            self.clock_from = at;
        }
        // What has yet to begin has all its time then.
        let begins = self.facts.begins.filter(|_| !self.begun).map_or(at, |begins| begins.max(at));
        let whole = self.facts.options.execution_timeout_ms;
        self.deadline = whole.map(|ms| begins.plus_ms(ms)).or(self.deadline);
        for activity in self.activities.values_mut() {
            activity.scheduled_at = at;
            if let Phase::Scheduled { since } = &mut activity.phase {
                *since = at;
            }
        }
    }

    /// As [`doer`] of its own history.
    pub(crate) fn doer(&self, id: EventId) -> RunId {
        let since = self.resets.iter().rev().find(|(reset, _)| *reset <= id);
        match since.and_then(|(reset, _)| Some(&self.history.get(reset.0 as usize - 1)?.kind)) {
            Some(EventKind::RunReset { run, .. }) => *run,
            _ => self.facts.origin,
        }
    }

    /// The name under which this run has scheduled a child: of one that was taken over, that of the run before.
    pub fn scheduler(&self, scheduled: EventId) -> RunRef {
        let run_id = self.doer(scheduled);
        RunRef { run_id, ..self.facts.me.clone() }
    }

    /// Whether a child that another run has scheduled is this run's now.
    pub fn adopts(&self, parent: RunId, scheduled: EventId) -> bool {
        parent != self.facts.me.run_id && self.children.contains_key(&scheduled) && self.doer(scheduled) == parent
    }

    /// Whether a run is a child of this one that has not ended.
    pub fn has_child(&self, child: &RunRef) -> bool {
        self.children.values().any(|known| known.run.as_ref() == Some(child))
    }
}
