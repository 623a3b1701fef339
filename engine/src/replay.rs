//! A history read back: the program is fed the same events at the same times, and must give the commands the history
//! holds. Commands are compared per fiber by number, kind and the name of what they begin, each within the activation
//! it was given in; arguments and options are not compared.
//!
//! How a history is cut: an event that is an Input begins an activation; the command events up to the next Input are
//! that activation's. From `ActivationFailed` to `CodeMoved` a run is parked: Inputs in between, and the one that
//! failed, are activated in order after `CodeMoved`, and their commands stand there. What comes after the last command
//! of a history has not been noticed yet, as far as anyone can know, and is left in the run's queue.

mod matching;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use weft_bytecode::ProgramHash;
use weft_protocol::command::{CommandId, FiberPath};
use weft_protocol::event::{ActivityEnd, EventKind};
use weft_protocol::limits::Limits;
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{Event, EventId, Failure, Payload};
use weft_vm::step::RecordedPatches;
use weft_vm::{Activation, Loaded, Then, Trap, TrapKind, Vm};

use crate::activity::{Activity, Phase};
use crate::reset;
use crate::run::{Facts, Parked, Put, Run, beginning};
use crate::transition::Record;
use matching::{Matching, describe};

/// What may be done to a machine that is at rest.
pub type Between<'a> = &'a mut dyn FnMut(&mut Vm);

/// Why a history cannot be read back at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// It does not begin with `RunStarted` or its numbers have gaps.
    #[error("the history is damaged: {0}")]
    Damaged(String),
    /// The program has no such workflow.
    #[error("the program has no workflow `{0}`")]
    NoSuchWorkflow(String),
}

/// The code a history's run is pinned to: what it moved to last, else what it started with.
pub fn program_of(history: &[Event]) -> Option<ProgramHash> {
    let moved = history.iter().rev().find_map(|event| match event.kind {
        EventKind::CodeMoved { to, .. } => Some(to),
        _ => None,
    });
    let started = match history.first()?.kind {
        EventKind::RunStarted { program, .. } => program,
        _ => return None,
    };
    Some(ProgramHash(moved.unwrap_or(started)))
}

/// The size of an event as `history.is_large` counts it: its payloads and texts and a fixed part, the same wherever and
/// however it is stored.
pub fn event_bytes(kind: &EventKind) -> u64 {
    use EventKind::*;
    const FIXED: usize = 32;
    let failure_bytes = |failure: &Failure| {
        let mut bytes = 0;
        let mut next = Some(failure);
        while let Some(failure) = next {
            bytes += failure.kind.len() + failure.message.len() + failure.details.as_ref().map_or(0, Payload::len);
            next = failure.cause.as_deref();
        }
        bytes
    };
    let end_bytes = |end: &ActivityEnd| end.last_failure.as_ref().map_or(0, failure_bytes);
    let own = match kind {
        RunStarted { args, continued, options, .. } => {
            let requests = continued.iter().flat_map(|continued| continued.requests.iter().chain(&continued.cancels));
            let memo = options.memo.as_ref().map_or(0, Payload::len);
            let failure = continued.as_ref().and_then(|continued| continued.failure.as_ref()).map_or(0, failure_bytes);
            args.len() + memo + failure + requests.map(String::len).sum::<usize>()
        }
        SignalReceived { args, .. } | RunContinuedAsNew { args, .. } => args.len(),
        SignalSent { name, args, .. } => name.len() + args.len(),
        SignalRefused { failure, .. } | CancelRefused { failure, .. } => failure_bytes(failure),
        UpdateAccepted { update_id, args, .. } => update_id.len() + args.len(),
        ActivityScheduled { activity: name, args, .. } => name.len() + args.len(),
        ChildScheduled { workflow: name, args, options, .. } => {
            name.len() + args.len() + options.run.memo.as_ref().map_or(0, Payload::len)
        }
        ActivityCompleted { end, result } => end_bytes(end) + result.len(),
        ChildCompleted { result, .. } | RunCompleted { result, .. } | UpdateCompleted { result, .. } => result.len(),
        ActivityFailed { end, failure } | ActivityTimedOut { end, failure, .. } => {
            end_bytes(end) + failure_bytes(failure)
        }
        ActivityCanceled { end } => end_bytes(end),
        ChildStartFailed { failure, .. }
        | ChildFailed { failure, .. }
        | ChildTimedOut { failure, .. }
        | ChildTerminated { failure, .. }
        | UpdateFailed { failure, .. }
        | RunFailed { failure, .. }
        | RunTimedOut { failure, .. } => failure_bytes(failure),
        PatchRecorded { patch, .. } => patch.len(),
        AttributesSet { attributes } => attributes.len(),
        CancelRequested { reason, .. }
        | RunCanceled { reason }
        | RunTerminated { reason, .. }
        | RunReset { reason, .. } => reason.len(),
        ActivityCancelRequested { .. }
        | TimerStarted { .. }
        | TimerFired { .. }
        | TimerCanceled { .. }
        | ChildStarted { .. }
        | ChildCancelRequested { .. }
        | ChildCanceled { .. }
        | CodeMoved { .. }
        | SignalDelivered { .. }
        | CancelSent { .. }
        | CancelDelivered { .. }
        | DelayEnded
        | ActivationFailed { .. } => 0,
    };
    (FIXED + own) as u64
}

impl Run {
    /// Reads a run back from its history and the log's records of it. A history that the program does not follow gives
    /// a run that is stuck with `Divergence`. What is to be done next is [`Run::unsettled`].
    ///
    /// # Errors
    /// If it is no history of a run of this program.
    pub fn recover(
        loaded: Arc<Loaded>,
        events: Vec<Event>,
        records: Vec<Record>,
        limits: Arc<Limits>,
    ) -> Result<Run, RecoverError> {
        Run::recover_through(loaded, events, records, limits, &mut |_| ())
    }

    /// As [`Run::recover`], and `between` sees the machine after each activation and slice: to replace it by what its
    /// own snapshot restores, say.
    ///
    /// # Errors
    /// As [`Run::recover`].
    pub fn recover_through(
        loaded: Arc<Loaded>,
        events: Vec<Event>,
        records: Vec<Record>,
        limits: Arc<Limits>,
        between: Between<'_>,
    ) -> Result<Run, RecoverError> {
        Ok(read(&loaded, events, &limits)?.followed(0, records, between))
    }

    /// The run after all of its history, of which the first `read` events are taken in, and what the records say.
    pub(crate) fn followed(mut self, read: usize, records: Vec<Record>, between: Between<'_>) -> Run {
        let walked = match read {
            0 => walk(&mut self, None, between),
            read => walk_from(&mut self, read, between),
        };
        let mut run = match walked {
            Ok(()) => self,
            Err(diverged) => parked_at(self, *diverged),
        };
        run.now = run.history.last().map_or(run.now, |event| event.at);
        for record in records {
            if let Some(activity) = record.activity().and_then(|scheduled| run.activities.get_mut(&scheduled)) {
                activity.recall(&record);
            }
            run.asked_again(&record);
        }
        // Where nobody works on one, nobody will say that it stopped.
        let idle = |id: EventId, activity: &Activity| match activity.phase {
            Phase::BackingOff { .. } => true,
            Phase::Scheduled { .. } => {
                activity.paused.is_some() || run.activity_options(id).is_some_and(ResolvedActivity::logs_delivery)
            }
            Phase::Started { .. } => false,
        };
        let canceled = run.activities.iter().filter(|(_, activity)| activity.cancel_requested);
        let idle: Vec<EventId> = canceled.filter(|(id, activity)| idle(**id, activity)).map(|(id, _)| *id).collect();
        for id in idle {
            let ended = run.end_if_idle(id);
            run.ends.extend(ended);
        }
        run.give_back();
        run
    }
}

/// The machine as it was before it noticed `event`.
pub(crate) fn vm_before(run: &Run, event: EventId) -> Vm {
    let mut fresh = unread(run, run.history.to_vec());
    // It was followed up to here before, by the same code; a difference would be found at the next recovery.
    let _ = walk(&mut fresh, Some(event), &mut |_| ());
    fresh.vm
}

/// The same run with nothing of its history taken in.
fn unread(run: &Run, history: Vec<Event>) -> Run {
    let (args, seed) = history.first().map_or((Payload::null(), [0; 16]), |first| beginning(&first.kind));
    let mut fresh = Run::blank(Arc::clone(&run.loaded), run.facts.clone(), &args, seed, Arc::clone(&run.limits));
    fresh.resets = reset::of(&history);
    fresh.history = history.into();
    fresh
}

/// An unread run: its history is there, nothing of it is taken in.
pub(crate) fn read(loaded: &Arc<Loaded>, history: Vec<Event>, limits: &Arc<Limits>) -> Result<Run, RecoverError> {
    if let Some(place) = history.iter().zip(1..).position(|(event, id)| event.id != EventId(id)) {
        return Err(RecoverError::Damaged(format!("event {} is not where it belongs", place + 1)));
    }
    let not_begun = || RecoverError::Damaged("it does not begin with RunStarted".into());
    let Some(Event { kind: started @ EventKind::RunStarted { workflow, .. }, at, .. }) = history.first() else {
        return Err(not_begun());
    };
    let Some((index, _)) = loaded.program().workflow(workflow) else {
        return Err(RecoverError::NoSuchWorkflow(workflow.clone()));
    };
    let facts = Facts::of(started, index, *at).ok_or_else(not_begun)?;
    let (args, seed) = beginning(started);
    let mut run = Run::blank(Arc::clone(loaded), facts, &args, seed, Arc::clone(limits));
    run.resets = reset::of(&history);
    run.history = history.into();
    Ok(run)
}

/// Where and how code and history part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Diverged {
    /// The event whose activation differs.
    pub(crate) event: EventId,
    /// The first event of the history that is not as the code has it, if it is known.
    pub(crate) found: Option<EventId>,
    /// The fiber that asks for something else, if one does.
    pub(crate) fiber: Option<FiberPath>,
    pub(crate) trap: Trap,
}

impl Diverged {
    pub(crate) fn source(&self, loaded: &Loaded) -> String {
        self.trap.site.map_or_else(|| String::from("?"), |site| crate::history::source(loaded.program(), site))
    }
}

fn diverged(event: EventId, found: Option<EventId>, message: String) -> Box<Diverged> {
    let trap = Trap { kind: TrapKind::Divergence, message, site: None };
    Box::new(Diverged { event, found, fiber: None, trap })
}

/// Takes in the history of an unread run, activating the program with each Input. Stops before `until` is activated.
pub(crate) fn walk(run: &mut Run, until: Option<EventId>, between: Between<'_>) -> Result<(), Box<Diverged>> {
    let moved = run.history.iter().rposition(|event| matches!(event.kind, EventKind::CodeMoved { .. }));
    // Code that was moved away from did not know the patches that its successor has.
    let mut walk = Walk::new(moved.map_or(0, |moved| moved + 1));
    while walk.piece(run, until, between)? {}
    Ok(())
}

/// The same of a run that has taken the first `read` events in, none of which other code is still to be moved to.
fn walk_from(run: &mut Run, read: usize, between: Between<'_>) -> Result<(), Box<Diverged>> {
    let mut walk = Walk { at: read, ..Walk::default() };
    while walk.piece(run, None, between)? {}
    Ok(())
}

/// How far a history has been taken in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walk {
    /// Place of the next event.
    at: usize,
    /// What comes before this place is what other code did.
    of_others: usize,
    /// The activation of the first event of the queue is between two slices.
    slicing: bool,
    /// The program has noticed all events there are, so that the last of them is to be activated as well.
    pub(crate) all_noticed: bool,
    /// Patches that were passed without a mark.
    pub(crate) unmarked: BTreeSet<String>,
}

impl Walk {
    /// From the beginning; the first `of_others` events are what other code did.
    pub(crate) fn new(of_others: usize) -> Walk {
        Walk { of_others, ..Walk::default() }
    }

    /// Takes in one event, or activates the program for one slice; false at the end, or before `until` is activated.
    pub(crate) fn piece(
        &mut self,
        run: &mut Run,
        until: Option<EventId>,
        between: Between<'_>,
    ) -> Result<bool, Box<Diverged>> {
        let next = run.history.get(self.at);
        // What was there before the program began is there when it begins.
        let ahead = next.is_some_and(|event| run.is_ahead(event.id));
        let next_put = run.queue.front().copied().filter(|put| !run.is_held(*put, self.at));
        if let (false, None, Some(put)) = (ahead, &run.stuck, next_put) {
            let next = next.map(|event| &event.kind);
            let parked = matches!(next, Some(EventKind::ActivationFailed { event, .. }) if *event <= put.event);
            if until == Some(put.event) || (next.is_none() && !self.all_noticed) {
                return Ok(false);
            }
            if !parked {
                self.activate(run, put, between)?;
                return Ok(true);
            }
        }
        if self.at == run.history.len() {
            return Ok(false);
        }
        read_one(run, self.at)?;
        self.at += 1;
        // What the code before had as attributes is no guide to what this one has.
        let moved = matches!(run.history[self.at - 1].kind, EventKind::CodeMoved { .. });
        let set = run.history.get(self.at).filter(|next| matches!(next.kind, EventKind::AttributesSet { .. }));
        if let Some(set) = set.map(|set| set.id).filter(|_| moved) {
            take_in(run, set);
            self.at += 1;
        }
        Ok(true)
    }

    /// Activates the program with the first event of the queue, for one slice, and compares what it asks for with the
    /// events that come next.
    fn activate(&mut self, run: &mut Run, put: Put, between: Between<'_>) -> Result<(), Box<Diverged>> {
        let at = self.at;
        let activation = if self.slicing { Activation::Continue } else { run.activation(put.event) };
        let end = at + run.history[at..].iter().take_while(|event| is_of_activation(&event.kind)).count();
        let cut_short = at == end
            && matches!(
                run.history.get(end).map(|event| &event.kind),
                Some(EventKind::RunTerminated { .. } | EventKind::RunTimedOut { .. })
            );
        let recorded = (at < self.of_others).then(|| Recorded::of(&run.history[at..end]));
        let step = run.step(activation, put, recorded.as_ref().map(|recorded| recorded as &dyn RecordedPatches));
        self.unmarked.extend(recorded.into_iter().flat_map(|recorded| recorded.unmarked.into_inner()));
        let trap = match &step.then {
            Then::Trapped(trap) => Some(trap.clone()),
            _ => None,
        };
        if trap.is_none() {
            between(&mut run.vm);
        }
        self.slicing = step.then == Then::Slice;
        if self.slicing {
            return Ok(());
        }
        if cut_short {
            // The run was ended in the middle of this activation, or after it: either way nothing of it is on record.
            if trap.is_some() {
                run.vm = vm_before(run, put.event);
            }
            run.queue.pop_front();
            return Ok(());
        }
        if let Some(trap) = trap {
            return Err(Box::new(Diverged { event: put.event, found: None, fiber: None, trap }));
        }
        let mut matching = Matching::new(at, end);
        for issued in &step.commands {
            matching.one(run, put.event, issued)?;
        }
        run.queue.pop_front();
        self.at = matching.finish(run, put.event, &step.then, step.attributes.is_some())?;
        Ok(())
    }
}

/// Takes in one event that belongs to no activation.
fn read_one(run: &mut Run, at: usize) -> Result<(), Box<Diverged>> {
    let event = &run.history[at];
    let (id, time) = (event.id, event.at);
    run.now = time;
    run.bytes += event_bytes(&event.kind);
    match &event.kind {
        EventKind::ActivationFailed { event, trap, message, source, program } => {
            run.stuck = Some(Box::new(Parked {
                event: *event,
                trap: trap.clone(),
                message: message.clone(),
                source: source.clone(),
                program: *program,
                since: time,
                unwritten: false,
            }));
        }
        EventKind::CodeMoved { .. } => run.stuck = None,
        EventKind::RunReset { .. } => {
            run.stuck = None;
            run.absorb(id);
        }
        EventKind::RunTerminated { .. } | EventKind::RunTimedOut { .. } => run.absorb(id),
        EventKind::RunCanceled { .. } if !run.begun => run.absorb(id),
        kind if is_of_activation(kind) => {
            let what = describe(kind);
            let message = format!("event {} of the history is {what}, which the program does not ask for", id.0);
            return Err(diverged(id, Some(id), message));
        }
        EventKind::SignalReceived { name, .. } if !run.def().signals.iter().any(|signal| signal.name == *name) => {
            let message = format!("signal `{name}` was received (event {}), and the program does not declare it", id.0);
            return Err(diverged(id, Some(id), message));
        }
        EventKind::UpdateAccepted { name, .. } if !run.def().updates.iter().any(|update| update.name == *name) => {
            let message = format!("update `{name}` was accepted (event {}), and the program does not declare it", id.0);
            return Err(diverged(id, Some(id), message));
        }
        kind => {
            let mail = run.is_ahead(id) && run.is_mail(kind);
            run.absorb(id);
            if !mail && run.begun {
                run.queue.push_back(Put { event: id, bytes: run.bytes });
            }
        }
    }
    Ok(())
}

/// Takes an event of an activation in.
fn take_in(run: &mut Run, id: EventId) {
    let event = &run.history[id.0 as usize - 1];
    run.bytes += event_bytes(&event.kind);
    run.now = run.now.max(event.at);
    run.absorb(id);
}

/// The run with its tables as the whole history has them, parked where code and history part.
fn parked_at(mut run: Run, diverged: Diverged) -> Run {
    let history = std::mem::take(&mut run.history).to_vec();
    let mut followed = unread(&run, history);
    // This part was followed a moment ago.
    let _ = walk(&mut followed, Some(diverged.event), &mut |_| ());
    let since = followed.now;
    let history = std::mem::take(&mut followed.history).to_vec();
    let mut whole = unread(&followed, history);
    whole.vm = followed.vm;
    for at in 0..whole.history.len() {
        let kind = &whole.history[at].kind;
        if is_of_activation(kind) {
            whole.bytes += event_bytes(kind);
            whole.absorb(EventId(at as u64 + 1));
        } else {
            // Only events of an activation are refused here.
            let _ = read_one(&mut whole, at);
        }
    }
    whole.queue.retain(|put| put.event >= diverged.event);
    if whole.is_closed() {
        return whole;
    }
    let program = whole.loaded.hash().0;
    let known = whole.stuck.as_ref().is_some_and(|p| p.event == diverged.event && p.program == program);
    if !known {
        let parked = whole.parked(diverged.event, &diverged.trap);
        whole.stuck = Some(Box::new(Parked { unwritten: true, since, ..parked }));
    }
    whole
}

/// Patches as the history has them, for code that replaces the code that wrote it.
#[derive(Debug)]
struct Recorded {
    marks: Vec<(CommandId, String)>,
    /// Patches that were asked for and have no mark.
    unmarked: RefCell<Vec<String>>,
}

impl Recorded {
    fn of(events: &[Event]) -> Recorded {
        let marks = events.iter().filter_map(|event| match &event.kind {
            EventKind::PatchRecorded { origin, patch } => Some((origin.command.clone(), patch.clone())),
            _ => None,
        });
        Recorded { marks: marks.collect(), unmarked: RefCell::default() }
    }
}

impl RecordedPatches for Recorded {
    fn is_marked(&self, command: &CommandId, patch: &str) -> bool {
        let marked = self.marks.iter().any(|(at, id)| at == command && id == patch);
        if !marked {
            self.unmarked.borrow_mut().push(patch.to_owned());
        }
        marked
    }
}

/// Whether an event is caused by an activation rather than causing one.
pub fn is_of_activation(kind: &EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        ActivityScheduled { .. }
            | ActivityCancelRequested { .. }
            | TimerStarted { .. }
            | TimerCanceled { .. }
            | ChildScheduled { .. }
            | ChildCancelRequested { .. }
            | PatchRecorded { .. }
            | SignalSent { .. }
            | CancelSent { .. }
            | AttributesSet { .. }
            | UpdateCompleted { .. }
            | UpdateFailed { .. }
            | RunCompleted { .. }
            | RunFailed { .. }
            | RunCanceled { .. }
            | RunContinuedAsNew { .. }
    )
}
