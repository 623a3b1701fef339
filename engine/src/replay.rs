//! A history read back: the program is fed the same events at the same times, and must give the commands the history
//! holds. Commands are compared per fiber by number, kind and the name of what they begin, each within the activation
//! it was given in; arguments and options are not compared.
//!
//! How a history is cut: an event that is an Input begins an activation; the command events up to the next Input are
//! that activation's. From `ActivationFailed` to `CodeMoved` a run is parked: Inputs in between, and the one that
//! failed, are activated in order after `CodeMoved`, and their commands stand there. What comes after the last command
//! of a history has not been noticed yet, as far as anyone can know, and is left in the run's queue.

use std::sync::Arc;

use weft_bytecode::ProgramHash;
use weft_protocol::command::{Command, CommandId, Issued, Site};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId, Failure, Payload, Timestamp};
use weft_vm::step::RecordedPatches;
use weft_vm::{Activation, Loaded, Then, Trap, TrapKind, Vm};

use crate::activity::{Activity, Phase};
use crate::reset;
use crate::run::{Facts, Parked, Put, Run, beginning};
use crate::transition::{Record, Transition};

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
    let own = match kind {
        RunStarted { args, continued, options, .. } => {
            let requests = continued.iter().flat_map(|continued| &continued.requests);
            let memo = options.memo.as_ref().map_or(0, Payload::len);
            args.len() + memo + requests.map(String::len).sum::<usize>()
        }
        SignalReceived { args, .. } | RunContinuedAsNew { args, .. } => args.len(),
        SignalSent { name, args, .. } => name.len() + args.len(),
        SignalRefused { failure, .. } | CancelRefused { failure, .. } => failure_bytes(failure),
        UpdateAccepted { update_id, args, .. } => update_id.len() + args.len(),
        ActivityScheduled { activity: name, args, .. } | ChildScheduled { workflow: name, args, .. } => {
            name.len() + args.len()
        }
        ActivityCompleted { result, .. }
        | ChildCompleted { result, .. }
        | RunCompleted { result, .. }
        | UpdateCompleted { result, .. } => result.len(),
        ActivityFailed { failure, .. }
        | ActivityTimedOut { failure, .. }
        | ChildStartFailed { failure, .. }
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
        | ActivityCanceled { .. }
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
        let mut run = read(&loaded, events, &limits)?;
        if let Err(diverged) = walk(&mut run, None, between) {
            run = parked_at(run, *diverged);
        }
        run.now = run.history.last().map_or(run.now, |event| event.at);
        for record in records {
            let (Record::AttemptFailed { scheduled, .. } | Record::Heartbeat { scheduled, .. }) = &record else {
                continue;
            };
            if let Some(activity) = run.activities.get_mut(scheduled) {
                activity.recall(&record);
            }
        }
        // Nobody works on one that waits for its next attempt, so nobody will say that it stopped.
        let idle =
            |activity: &Activity| activity.cancel_requested && matches!(activity.phase, Phase::BackingOff { .. });
        let idle: Vec<EventId> = run.activities.iter().filter(|(_, a)| idle(a)).map(|(id, _)| *id).collect();
        for id in idle {
            let ended = run.end_if_idle(id);
            run.ends.extend(ended);
        }
        Ok(run)
    }

    /// Moves a stuck run to other code, or tries again with the same: the code must give exactly what the history
    /// holds, and then get past the activation that failed.
    ///
    /// # Errors
    /// Why the run stays where it is, for people. Nothing has changed then.
    pub fn move_to(&mut self, loaded: Arc<Loaded>, now: Timestamp) -> Result<Transition, String> {
        let Some(parked) = &self.stuck else { return Err("the run is not stuck".into()) };
        let mut next = read(&loaded, self.history.clone(), &self.limits).map_err(|error| error.to_string())?;
        for id in self.updates.running() {
            let EventKind::UpdateAccepted { name, .. } = &self.history[id.0 as usize - 1].kind else { continue };
            if !next.def().updates.iter().any(|update| update.name == *name) {
                return Err(format!(
                    "update `{name}` is accepted and has not ended, and this code does not declare it"
                ));
            }
        }
        let of_others = next.history.len();
        walk_to(&mut next, None, of_others, &mut |_| ()).map_err(|diverged| {
            format!("its history is not what this code does at {}: {}", diverged.source(&loaded), diverged.trap.message)
        })?;
        for (id, activity) in &mut next.activities {
            let EventKind::ActivityScheduled { activity: name, .. } = &next.history[id.0 as usize - 1].kind else {
                continue;
            };
            let def = activity.def;
            if usize::from(def) >= loaded.program().activities.len() {
                return Err(format!("activity `{name}` is pending, and this code does not declare it"));
            }
            if let Some(known) = self.activities.get(id) {
                *activity = known.clone();
                activity.def = def;
            }
        }
        let first = next.queue.front().copied();
        next.ends = self.ends.clone();
        next.now = self.now.max(now);
        next.stuck = parked.unwritten.then(|| parked.clone());
        let mut out = Transition::default();
        next.record(EventKind::CodeMoved { from: self.loaded.hash().0, to: loaded.hash().0 }, &mut out);
        next.stuck = None;
        next.advance(&mut out);
        match (&next.stuck, first) {
            (Some(again), Some(first)) if again.event == first.event => {
                Err(format!("it stops again with {} at {}: {}", again.trap, again.source, again.message))
            }
            _ => {
                out.again = next.is_computing();
                *self = next;
                Ok(out)
            }
        }
    }
}

/// The machine as it was before it noticed `event`.
pub(crate) fn vm_before(run: &Run, event: EventId) -> Vm {
    let mut fresh = unread(run, run.history.clone());
    // It was followed up to here before, by the same code; a difference would be found at the next recovery.
    let _ = walk(&mut fresh, Some(event), &mut |_| ());
    fresh.vm
}

/// The same run with nothing of its history taken in.
fn unread(run: &Run, history: Vec<Event>) -> Run {
    let (args, seed) = history.first().map_or((Payload::null(), [0; 16]), |first| beginning(&first.kind));
    let mut fresh = Run::blank(Arc::clone(&run.loaded), run.facts.clone(), &args, seed, Arc::clone(&run.limits));
    fresh.resets = reset::of(&history);
    fresh.history = history;
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
    run.history = history;
    Ok(run)
}

/// Where and how code and history part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Diverged {
    /// The event whose activation differs.
    event: EventId,
    pub(crate) trap: Trap,
}

impl Diverged {
    pub(crate) fn source(&self, loaded: &Loaded) -> String {
        self.trap.site.map_or_else(|| String::from("?"), |site| crate::history::source(loaded.program(), site))
    }
}

fn diverged(event: EventId, site: Option<Site>, message: String) -> Box<Diverged> {
    Box::new(Diverged { event, trap: Trap { kind: TrapKind::Divergence, message, site } })
}

/// Takes in the history of an unread run, activating the program with each Input. Stops before `until` is activated.
pub(crate) fn walk(run: &mut Run, until: Option<EventId>, between: Between<'_>) -> Result<(), Box<Diverged>> {
    let moved = run.history.iter().rposition(|event| matches!(event.kind, EventKind::CodeMoved { .. }));
    // Code that was moved away from did not know the patches that its successor has.
    walk_to(run, until, moved.map_or(0, |moved| moved + 1), between)
}

/// As [`walk`], where the first `of_others` events are what other code did.
fn walk_to(run: &mut Run, until: Option<EventId>, of_others: usize, between: Between<'_>) -> Result<(), Box<Diverged>> {
    let mut at = 0;
    loop {
        let next = run.history.get(at).map(|event| &event.kind);
        // What was there before the program began is there when it begins.
        let ahead = run.history.get(at).is_some_and(|event| run.is_ahead(event.id));
        let next_put = run.queue.front().copied().filter(|put| !run.is_held(*put, at));
        if let (false, None, Some(put)) = (ahead, &run.stuck, next_put) {
            let parked = matches!(next, Some(EventKind::ActivationFailed { event, .. }) if *event <= put.event);
            if until == Some(put.event) || next.is_none() {
                return Ok(());
            }
            if !parked {
                at = activate(run, put, at, at < of_others, between)?;
                continue;
            }
        }
        if next.is_none() {
            return Ok(());
        }
        read_one(run, at)?;
        at += 1;
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
            run.stuck = Some(Parked {
                event: *event,
                trap: trap.clone(),
                message: message.clone(),
                source: source.clone(),
                program: *program,
                since: time,
                unwritten: false,
            });
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
            return Err(diverged(id, None, message));
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

/// Activates the program with the first event of the queue and compares what it asks for with the events from `at` on.
/// Returns where the history goes on.
fn activate(run: &mut Run, put: Put, at: usize, of_others: bool, between: Between<'_>) -> Result<usize, Box<Diverged>> {
    let activation = run.activation(put.event);
    let end = at + run.history[at..].iter().take_while(|event| is_of_activation(&event.kind)).count();
    let cut_short = at == end
        && matches!(
            run.history.get(end).map(|event| &event.kind),
            Some(EventKind::RunTerminated { .. } | EventKind::RunTimedOut { .. })
        );
    let recorded = of_others.then(|| Recorded(run.history[at..end].to_vec()));
    let patches = recorded.as_ref().map(|recorded| recorded as &dyn RecordedPatches);
    let mut step = run.step(activation, put, patches);
    while step.then == Then::Slice {
        between(&mut run.vm);
        step = run.step(Activation::Continue, put, patches);
    }
    if !matches!(step.then, Then::Trapped(_)) {
        between(&mut run.vm);
    }
    let trap = match &step.then {
        Then::Trapped(trap) => Some(trap.clone()),
        _ => None,
    };
    if cut_short {
        // The run was ended in the middle of this activation, or after it: either way nothing of it is on record.
        if trap.is_some() {
            run.vm = vm_before(run, put.event);
        }
        run.queue.pop_front();
        return Ok(at);
    }
    if let Some(trap) = trap {
        return Err(Box::new(Diverged { event: put.event, trap }));
    }
    let mut matching = Matching { at, end, next: at, used: vec![false; end - at] };
    for issued in &step.commands {
        matching.one(run, put.event, issued)?;
    }
    run.queue.pop_front();
    matching.finish(run, put.event, &step.then, step.attributes.is_some())
}

/// The events of one activation, being matched with the program's commands.
struct Matching {
    at: usize,
    end: usize,
    /// The first event that is not matched yet; commands mostly come in the order of the history.
    next: usize,
    used: Vec<bool>,
}

impl Matching {
    fn one(&mut self, run: &mut Run, cause: EventId, issued: &Issued) -> Result<(), Box<Diverged>> {
        let cancel = match issued.command {
            Command::Cancel => match run.cancel_event(&issued.id) {
                None => return Ok(()),
                some => some,
            },
            _ => None,
        };
        let update = run.updates.on_fiber(&issued.id.fiber);
        let fits = |kind: &EventKind| match (&cancel, &issued.command, kind) {
            (Some(cancel), ..) => kind == cancel,
            (
                None,
                Command::EndUpdate { .. },
                EventKind::UpdateCompleted { accepted, .. } | EventKind::UpdateFailed { accepted, .. },
            ) => update == Some(*accepted),
            _ => kind.origin().is_some_and(|origin| origin.command == issued.id),
        };
        let found = (self.next..self.end).find(|i| !self.used[i - self.at] && fits(&run.history[*i].kind));
        let Some(found) = found else {
            let there = match run.history.get(self.next) {
                Some(event) => format!("event {} of the history is {}", event.id.0, describe(&event.kind)),
                None => String::from("the history has nothing more"),
            };
            let asked = asked(run, issued);
            return Err(diverged(cause, Some(issued.site), format!("the program asks for {asked}, but {there}")));
        };
        let event = &run.history[found];
        if cancel.is_none() && !same_kind(run, &issued.command, &event.kind) {
            let message = format!(
                "the program asks for {}, but event {} of the history is {}",
                asked(run, issued),
                event.id.0,
                describe(&event.kind)
            );
            return Err(diverged(cause, Some(issued.site), message));
        }
        self.take(run, found);
        while self.next < self.end && self.used[self.next - self.at] {
            self.next += 1;
        }
        Ok(())
    }

    fn take(&mut self, run: &mut Run, place: usize) {
        self.used[place - self.at] = true;
        run.bytes += event_bytes(&run.history[place].kind);
        run.now = run.now.max(run.history[place].at);
        run.absorb(run.history[place].id);
    }

    /// Takes the derived events after the commands, and says where the history goes on.
    fn finish(mut self, run: &mut Run, cause: EventId, then: &Then, attributes: bool) -> Result<usize, Box<Diverged>> {
        let last = run.queue.is_empty();
        let is = |run: &Run, place: usize, end: usize, test: fn(&EventKind) -> bool| {
            place < end && test(&run.history[place].kind)
        };
        if (last || attributes) && is(run, self.next, self.end, |kind| matches!(kind, EventKind::AttributesSet { .. }))
        {
            self.take(run, self.next);
            self.next += 1;
        }
        let closing = run.history.get(self.next).map(|event| &event.kind).filter(|_| self.next < self.end);
        let ended = match (then, closing) {
            (Then::Completed(_), Some(EventKind::RunCompleted { .. }))
            | (Then::Failed(_), Some(EventKind::RunFailed { .. }))
            | (Then::Canceled, Some(EventKind::RunCanceled { .. }))
            | (Then::Continued { .. }, Some(EventKind::RunContinuedAsNew { .. })) => true,
            (Then::Waiting | Then::Slice | Then::Trapped(_), _) => false,
            (Then::Completed(_) | Then::Failed(_) | Then::Canceled | Then::Continued { .. }, found) => {
                let there = found.map_or_else(|| String::from("goes on"), |kind| format!("has {}", describe(kind)));
                return Err(diverged(cause, None, format!("the program ends the run here, the history {there}")));
            }
        };
        if ended {
            self.take(run, self.next);
            self.next += 1;
        }
        let skipped = self.used[(self.next - self.at)..].iter().any(|used| *used);
        if skipped || (last && self.next < self.end) {
            let event = &run.history[self.next];
            let what = describe(&event.kind);
            let message = format!("event {} of the history is {what}, which the program does not ask for", event.id.0);
            return Err(diverged(cause, None, message));
        }
        Ok(self.next)
    }
}

/// The run with its tables as the whole history has them, parked where code and history part.
fn parked_at(mut run: Run, diverged: Diverged) -> Run {
    let history = std::mem::take(&mut run.history);
    let mut followed = unread(&run, history);
    // This part was followed a moment ago.
    let _ = walk(&mut followed, Some(diverged.event), &mut |_| ());
    let since = followed.now;
    let history = std::mem::take(&mut followed.history);
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
        whole.stuck = Some(Parked { unwritten: true, since, ..parked });
    }
    whole
}

/// Patches as the history has them, for code that replaces the code that wrote it.
#[derive(Debug)]
struct Recorded(Vec<Event>);

impl RecordedPatches for Recorded {
    fn patch_at(&self, command: &CommandId) -> Option<&str> {
        self.0.iter().find_map(|event| match &event.kind {
            EventKind::PatchRecorded { origin, patch } if origin.command == *command => Some(patch.as_str()),
            _ => None,
        })
    }
}

/// Whether an event is caused by an activation rather than causing one.
pub(crate) fn is_of_activation(kind: &EventKind) -> bool {
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

fn same_kind(run: &Run, command: &Command, kind: &EventKind) -> bool {
    let program = run.loaded.program();
    match (command, kind) {
        (Command::ScheduleActivity { activity, .. }, EventKind::ActivityScheduled { activity: name, .. }) => {
            program.activities[usize::from(*activity)].name == *name
        }
        (Command::StartTimer { .. }, EventKind::TimerStarted { .. }) => true,
        (
            Command::StartChild { workflow, attached, .. },
            EventKind::ChildScheduled { workflow: name, attached: a, .. },
        ) => program.workflows[usize::from(*workflow)].name == *name && attached == a,
        (Command::RecordPatch { patch }, EventKind::PatchRecorded { patch: id, .. }) => {
            program.patches[usize::from(*patch)].id == *id
        }
        (Command::SendSignal { workflow, signal, .. }, EventKind::SignalSent { name, .. }) => {
            program.workflows[usize::from(*workflow)].signals[usize::from(*signal)].name == *name
        }
        (Command::SendCancel { .. }, EventKind::CancelSent { .. }) => true,
        (Command::EndUpdate { outcome }, EventKind::UpdateCompleted { .. }) => outcome.is_ok(),
        (Command::EndUpdate { outcome }, EventKind::UpdateFailed { .. }) => outcome.is_err(),
        _ => false,
    }
}

/// A command in the words of the history.
fn asked(run: &Run, issued: &Issued) -> String {
    let program = run.loaded.program();
    match &issued.command {
        Command::ScheduleActivity { activity, .. } => {
            format!("activity `{}`", program.activities[usize::from(*activity)].name)
        }
        Command::StartTimer { .. } => String::from("a timer"),
        Command::StartChild { workflow, .. } => format!("child `{}`", program.workflows[usize::from(*workflow)].name),
        Command::RecordPatch { patch } => format!("patch \"{}\"", program.patches[usize::from(*patch)].id),
        Command::SendSignal { workflow, signal, .. } => {
            let signals = &program.workflows[usize::from(*workflow)].signals;
            format!("signal `{}` to another run", signals[usize::from(*signal)].name)
        }
        Command::SendCancel { .. } => String::from("a cancel of another run"),
        Command::Cancel => String::from("a cancel"),
        Command::EndUpdate { outcome: Ok(_) } => String::from("the result of an update"),
        Command::EndUpdate { outcome: Err(_) } => String::from("the failure of an update"),
    }
}

fn describe(kind: &EventKind) -> String {
    match kind {
        EventKind::ActivityScheduled { activity: name, .. }
        | EventKind::ChildScheduled { workflow: name, .. }
        | EventKind::SignalSent { name, .. }
        | EventKind::PatchRecorded { patch: name, .. } => format!("{} {name}", kind.name()),
        _ => kind.name().to_owned(),
    }
}
