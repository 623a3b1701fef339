//! A run tried on other code: the code is fed the run's history and must give exactly what is recorded, activation by
//! activation. Nothing of the run changes meanwhile, and it goes on: what it writes is read too. When the code has got
//! to where the run is, the run is moved in one step, or stays as it is.
//!
//! `Run` --`Trial::new`--> reading --`go_on`…--> caught up --`finish`--> the run on the other code, or a [`Misfit`].

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use weft_bytecode::ProgramHash;
use weft_protocol::command::Site;
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId, Payload, Timestamp};
use weft_vm::Loaded;

use crate::replay::{self, Diverged, RecoverError, Walk, is_of_activation};
use crate::run::Run;
use crate::transition::Transition;

/// Events read in one go, so that other runs get their turns.
const EVENTS_AT_ONCE: usize = 1_000;

/// A run that is being tried on other code.
#[derive(Debug)]
pub struct Trial {
    next: Run,
    walk: Walk,
}

/// Why a history is not one of this code.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// The first event that is not as the code has it; none if it is not about an event.
    pub event: Option<EventId>,
    /// What the code does instead, for people.
    pub why: String,
    /// Where in the code that was tried.
    pub new: Option<Site>,
    /// Where the code before it was.
    pub old: Option<OldPlace>,
}

/// A place in the code that a history was written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldPlace {
    /// The event that this place led to; none if the run waits here.
    pub event: Option<EventId>,
    /// The code.
    pub program: ProgramHash,
    /// Where in it.
    pub site: Site,
}

/// What is known of the patches of code that a history follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patches {
    /// Patches with a mark in the history.
    pub marked: BTreeSet<String>,
    /// Patches whose place was passed without a mark.
    pub unmarked: BTreeSet<String>,
}

impl Misfit {
    fn of_run(why: impl Into<String>) -> Misfit {
        Misfit { event: None, why: why.into(), new: None, old: None }
    }

    /// Where the history and the code part. `waits` knows where the run waits, if it is at hand.
    fn of(diverged: Diverged, history: &[Event], run: Option<&Run>) -> Misfit {
        let Diverged { event: cause, found, fiber, trap } = diverged;
        let from = found.unwrap_or(cause).0 as usize - 1;
        let same_fiber = |event: &&Event| {
            let origin = event.kind.origin();
            origin.is_some_and(|origin| fiber.as_ref().is_none_or(|fiber| origin.command.fiber == *fiber))
        };
        // What was received and is not declared has no place that is to blame.
        let received =
            matches!(history[from].kind, EventKind::SignalReceived { .. } | EventKind::UpdateAccepted { .. });
        if found.is_some() && received && fiber.is_none() {
            return Misfit { event: found, ..Misfit::of_run(trap.message) };
        }
        let recorded = history[from..].iter().find(same_fiber);
        let old = recorded.and_then(|event| {
            let site = event.kind.origin()?.site;
            Some(OldPlace { event: Some(event.id), program: program_at(history, event.id)?, site })
        });
        let waits = || {
            let run = run?;
            let waits = run.vm.waits().into_iter();
            let mut waits = waits.filter(|wait| fiber.as_ref().is_none_or(|fiber| wait.fiber == *fiber));
            Some(OldPlace { event: None, program: run.loaded.hash(), site: waits.next()?.site })
        };
        let event = found.unwrap_or(cause);
        Misfit { event: Some(event), why: trap.message, new: trap.site, old: old.or_else(waits) }
    }
}

impl From<RecoverError> for Misfit {
    fn from(error: RecoverError) -> Misfit {
        Misfit::of_run(error.to_string())
    }
}

impl Trial {
    /// Begins to try a run on code.
    ///
    /// # Errors
    /// If the code has no such workflow.
    pub fn new(run: &Run, loaded: Arc<Loaded>) -> Result<Trial, Misfit> {
        let mut next = replay::read(&loaded, run.history[..piece_end(&run.history, 0)].to_vec(), &run.limits)?;
        next.resets.clone_from(&run.resets);
        Ok(Trial { next, walk: Walk::new(usize::MAX) })
    }

    /// Reads on in the history of the run, which must be the run this began with; true if the code has got to where the
    /// run is. More may have been written when this is called again.
    ///
    /// # Errors
    /// If the code does not follow the history.
    pub fn go_on(&mut self, run: &Run) -> Result<bool, Misfit> {
        let fuel_end = self.next.vm.fuel_used().saturating_add(run.limits.fuel_slice);
        for _ in 0..EVENTS_AT_ONCE {
            if self.next.vm.fuel_used() >= fuel_end {
                return Ok(false);
            }
            match self.walk.piece(&mut self.next, None, &mut |_| ()) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(diverged) => return Err(Misfit::of(*diverged, &self.next.history, Some(run))),
            }
            let read = self.next.history.len();
            if read < run.history.len() {
                let piece = &run.history[read..piece_end(&run.history, read)];
                piece.iter().for_each(|event| self.next.history.push(event.clone()));
                self.walk.all_noticed = false;
            } else if !self.walk.all_noticed && run.stuck.is_none() && !run.is_computing() {
                self.walk.all_noticed = true;
            } else {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the history, as far as it was read, tells of the patches of the code.
    pub fn patches(&self) -> Patches {
        patches(&self.next.history, &self.walk)
    }

    /// The run on the other code, and what is to be committed. `run` is at rest or stuck, and the code has got to where
    /// it is.
    ///
    /// # Errors
    /// If a run that was stuck stops again at the same event, or its attributes are too large.
    pub fn finish(self, run: &Run, now: Timestamp) -> Result<(Run, Transition), Misfit> {
        let Trial { mut next, .. } = self;
        debug_assert_eq!(next.history.len(), run.history.len(), "a trial is finished when it has read everything");
        for (id, activity) in &mut next.activities {
            if let Some(known) = run.activities.get(id) {
                let def = activity.def;
                *activity = known.clone();
                activity.def = def;
            }
        }
        let first = next.queue.front().copied();
        next.ends = run.ends.clone();
        next.now = run.now.max(now);
        next.stuck = run.stuck.clone().filter(|parked| parked.unwritten);
        let mut out = Transition::default();
        let code = (run.loaded.hash().0, next.loaded.hash().0);
        next.record(EventKind::CodeMoved { from: code.0, to: code.1 }, &mut out);
        next.stuck = None;
        if let Some(attributes) = next.other_attributes()? {
            next.record(EventKind::AttributesSet { attributes }, &mut out);
        }
        next.advance(&mut out);
        if let (Some(again), Some(first)) = (&next.stuck, first)
            && again.event == first.event
        {
            let why = format!("it stops again with {} at {}: {}", again.trap, again.source, again.message);
            return Err(Misfit { event: Some(again.event), ..Misfit::of_run(why) });
        }
        out.again = next.is_computing();
        Ok((next, out))
    }
}

impl Run {
    /// Moves to the code that a trial of this run has tried; see [`Trial::finish`].
    ///
    /// # Errors
    /// Why the run stays where it is. Nothing has changed then.
    pub fn move_by(&mut self, trial: Trial, now: Timestamp) -> Result<Transition, Misfit> {
        let (moved, transition) = trial.finish(self, now)?;
        *self = moved;
        Ok(transition)
    }

    /// Whether the run is in the middle of a computation, so that it cannot be moved now.
    pub fn is_busy(&self) -> bool {
        self.is_computing()
    }

    /// Search attributes that this code has otherwise than the code before.
    fn other_attributes(&self) -> Result<Option<Payload>, Misfit> {
        let all = self.vm.indexed().map_err(|trap| Misfit::of_run(trap.message))?;
        let Some(Value::Object(all)) = all.map(|all| all.value()) else { return Ok(None) };
        let differs = |(name, value): &(String, Value)| self.attributes.get(name) != Some(value);
        let changed: Map<String, Value> = all.into_iter().filter(differs).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let changed = Payload::from(&Value::Object(changed));
        match self.attributes_too_large(&changed) {
            Some(trap) => Err(Misfit::of_run(trap.message)),
            None => Ok(Some(changed)),
        }
    }
}

/// Whether a history, of a run that is open or closed, is one of this code: as a moved run's is, without marks for the
/// patches that its code did not have.
///
/// # Errors
/// Where they part.
pub fn follows(loaded: &Arc<Loaded>, events: Vec<Event>, limits: &Arc<Limits>) -> Result<Patches, Misfit> {
    let mut run = replay::read(loaded, events, limits)?;
    let mut walk = Walk::new(usize::MAX);
    loop {
        match walk.piece(&mut run, None, &mut |_| ()) {
            Ok(true) => {}
            Ok(false) => return Ok(patches(&run.history, &walk)),
            Err(diverged) => return Err(Misfit::of(*diverged, &run.history, None)),
        }
    }
}

fn patches(history: &[Event], walk: &Walk) -> Patches {
    let marked = history.iter().filter_map(|event| match &event.kind {
        EventKind::PatchRecorded { patch, .. } => Some(patch.clone()),
        _ => None,
    });
    Patches { marked: marked.collect(), unmarked: walk.unmarked.clone() }
}

/// Where a piece of a history that begins at `from` ends: never between an event and what it led to.
fn piece_end(history: &[Event], from: usize) -> usize {
    let mut end = (from + EVENTS_AT_ONCE).min(history.len());
    loop {
        while history.get(end).is_some_and(|event| is_of_activation(&event.kind)) {
            end += 1;
        }
        // What comes next says whether the run was parked there; and a move may have led to something as well.
        let moved = history.get(end).is_some_and(|event| matches!(event.kind, EventKind::CodeMoved { .. }));
        end = (end + 1).min(history.len());
        if !moved {
            return end;
        }
    }
}

/// The code that a run was pinned to when it wrote an event.
fn program_at(history: &[Event], id: EventId) -> Option<ProgramHash> {
    let upto = &history[..(id.0 as usize).min(history.len())];
    replay::program_of(upto)
}
