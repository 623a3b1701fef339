//! A run that goes on as a new one: `continue as new`, or another try after it has failed or timed out.
//!
//! ```text
//! old: … RunContinuedAsNew | RunFailed | RunTimedOut
//! new: RunStarted, what the old one had not noticed, …      in the same commit
//! ```
//!
//! The new run has the id, the parent and the requests of the old one, and a history of its own. Which run id it gets and
//! which code it runs on, its owner says: only it knows what is free and what was deployed last.
//!
//! What goes along is in the new history before its program begins: messages that nobody has received, inputs that a
//! stuck run had put off, a cancel that the body has not met, and updates of a run that was set back which are told again
//! and whose turn has not come. A message whose signal has a mailbox is in the mailbox
//! when the body begins, and a handler has run; anything else happens right after the beginning, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use weft_protocol::event::{Continued, EventKind};
use weft_protocol::{EventId, Failure, Payload, RunId, Timestamp};
use weft_vm::Loaded;

use crate::input::Input;
use crate::run::Run;
use crate::transition::Transition;

/// What the program said: it goes on as a new run. Between the transition that says so and [`Run::succeed`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Continuing {
    pub(crate) args: Payload,
    /// Whether the body has yet to meet a cancel.
    pub(crate) canceling: bool,
    /// How many runs of the chain in a row, this one included, have gone on as they began.
    pub(crate) idle: u32,
    pub(crate) how: How,
}

/// Why a run is followed by another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum How {
    /// Its program says so.
    AsNew,
    /// A failure left its body, and its retry policy says when the next run begins.
    Failed { failure: Failure, begins: Timestamp },
    /// It took too long, and its retry policy says when the next run begins.
    TimedOut { failure: Failure, begins: Timestamp },
}

impl How {
    /// The failure, and when the next run begins.
    fn again(&self) -> Option<(&Failure, Timestamp)> {
        match self {
            How::AsNew => None,
            How::Failed { failure, begins } | How::TimedOut { failure, begins } => Some((failure, *begins)),
        }
    }
}

/// What code must take to go on for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover<'a> {
    /// Record of the parameters.
    pub args: &'a Payload,
    /// Signals that go along: name and arguments.
    pub signals: Vec<(&'a str, &'a Payload)>,
    /// Updates that go along: name and arguments.
    pub updates: Vec<(&'a str, &'a Payload)>,
}

/// What the owner has chosen for the next run.
#[derive(Debug, Clone)]
pub struct Successor {
    /// Its id.
    pub run_id: RunId,
    /// Its code, which takes the [`Handover`].
    pub loaded: Arc<Loaded>,
    /// Index into `Program::workflows`.
    pub workflow: u16,
    /// The arguments, canonical and checked against that code.
    pub args: Payload,
    /// What `uuid` and `random` draw from.
    pub seed: [u8; 16],
}

/// The next run of a chain. Its program has not begun: it needs `Input::Continue`, unless it begins later.
#[derive(Debug)]
pub struct Succession {
    /// It.
    pub run: Run,
    /// Its first events.
    pub transition: Transition,
    /// For each Input that the old run had deferred and not settled, in order: whether the new one has it now. One that
    /// it does not have came too late.
    pub moved: Vec<bool>,
}

impl Run {
    /// What a run hands over that has just said `Transition::continues`.
    pub fn handover(&self) -> Option<Handover<'_>> {
        let continuing = self.continuing.as_ref()?;
        let carried = self.carried(continuing);
        let kinds = || carried.iter().map(|id| &self.history[id.0 as usize - 1].kind);
        let signals = kinds().filter_map(|kind| match kind {
            EventKind::SignalReceived { name, args, .. } => Some((name.as_str(), args)),
            _ => None,
        });
        let updates = kinds().filter_map(|kind| match kind {
            EventKind::UpdateAccepted { name, args, .. } => Some((name.as_str(), args)),
            _ => None,
        });
        let put_off = self.deferred.iter().filter_map(|input| match input {
            Input::Signal { name, args, .. } => Some((name.as_str(), args)),
            _ => None,
        });
        Some(Handover { args: &continuing.args, signals: signals.chain(put_off).collect(), updates: updates.collect() })
    }

    /// Ends a run that has said `Transition::continues`, adding that to the transition, and begins the next one. `None`
    /// if it has not said so.
    pub fn succeed(&mut self, successor: Successor, out: &mut Transition) -> Option<Succession> {
        let continuing = self.continuing.take()?;
        let carried = self.carried(&continuing);
        let mut kinds: Vec<EventKind> = carried.iter().map(|id| self.history[id.0 as usize - 1].kind.clone()).collect();
        let numbers = kinds.iter_mut().filter_map(|kind| match kind {
            EventKind::UpdateAccepted { number, .. } => Some(number),
            _ => None,
        });
        numbers.zip(1..).for_each(|(number, next)| *number = next);
        let Continuing { args, how, idle, .. } = *continuing;
        let (moved, deferred) = split(std::mem::take(&mut self.deferred));
        let started = self.next_started(&successor, &how, carried.len(), idle);
        let Successor { run_id, loaded, workflow, .. } = successor;
        let closing = match how {
            How::AsNew => {
                let (program, unread) = (loaded.hash().0, self.unread());
                EventKind::RunContinuedAsNew { next_run: run_id, args, program, unread }
            }
            How::Failed { failure, .. } => EventKind::RunFailed { failure, next_run: Some(run_id) },
            How::TimedOut { failure, .. } => EventKind::RunTimedOut { failure, next_run: Some(run_id) },
        };
        self.close(closing, out);
        let mut transition = Transition::default();
        let (now, limits) = (self.now, Arc::clone(&self.limits));
        let mut run = Run::opened(loaded, workflow, started, kinds, now, limits, &mut transition);
        run.deferred = deferred;
        // One that begins later gets no turn before that.
        run.take_deferred(&mut transition);
        transition.again = run.is_computing();
        Some(Succession { run, transition, moved })
    }

    /// The first event of the next run.
    fn next_started(&self, successor: &Successor, how: &How, ahead: usize, idle: u32) -> EventKind {
        let def = &successor.loaded.program().workflows[usize::from(successor.workflow)];
        let (namespace, schedule, request_id) = match &self.history[0].kind {
            EventKind::RunStarted { namespace, schedule, request_id, .. } => {
                (namespace.clone(), schedule.clone(), request_id.clone())
            }
            _ => (String::new(), None, None),
        };
        let again = how.again();
        EventKind::RunStarted {
            namespace,
            workflow: def.name.clone(),
            workflow_id: self.facts.me.workflow_id.clone(),
            run_id: successor.run_id,
            program: successor.loaded.hash().0,
            edition: successor.loaded.program().edition.clone(),
            args: successor.args.clone(),
            seed: successor.seed,
            parent: self.facts.parent.clone(),
            schedule,
            request_id,
            options: self.facts.options.clone(),
            begins: again.map(|(_, begins)| begins),
            deadline: self.deadline,
            attempt: if again.is_some() { self.facts.attempt + 1 } else { 1 },
            ahead: ahead as u32,
            continued: Some(Box::new(Continued {
                from: self.facts.me.run_id,
                first: self.first_of_chain(),
                origin: None,
                failure: again.map(|(failure, _)| failure.clone()),
                requests: self.requests.all().map(String::from).collect(),
                requests_forgotten: self.requests.has_forgotten(),
                cancels: self.requests.cancels().map(String::from).collect(),
                idle,
            })),
        }
    }

    /// How many runs in a row have gone on as they began if this one goes on when it has noticed `event`. One that
    /// waited, or noticed what came along, has done something.
    pub(crate) fn idle(&self, event: EventId) -> u32 {
        match &self.history[0].kind {
            _ if event > EventId(1) || self.facts.ahead > 0 => 0,
            EventKind::RunStarted { continued: Some(continued), .. } => continued.idle + 1,
            _ => 1,
        }
    }

    /// The run that was started: of a run that none continued as, itself.
    pub fn first_of_chain(&self) -> RunId {
        match self.history.first().map(|event| &event.kind) {
            Some(EventKind::RunStarted { continued: Some(continued), .. }) => continued.first,
            _ => self.facts.me.run_id,
        }
    }

    /// The events that the next run must have too, in order.
    fn carried(&self, continuing: &Continuing) -> Vec<EventId> {
        // Inputs that the program has not noticed come after all that it has.
        let unnoticed = self.queue.front().map_or(EventId(u64::MAX), |put| put.event);
        let mut unread: Vec<(String, u32)> = self.unread();
        let mut carried = Vec::new();
        for event in self.history.iter().rev() {
            let goes = match &event.kind {
                EventKind::SignalReceived { .. } if event.id >= unnoticed => true,
                // The oldest are received first, so the newest are left.
                EventKind::SignalReceived { name, .. } => match unread.iter_mut().find(|(of, _)| of == name) {
                    Some((_, left)) if *left > 0 => {
                        *left -= 1;
                        true
                    }
                    _ => false,
                },
                EventKind::CancelRequested { .. } => continuing.canceling || event.id >= unnoticed,
                // Another try ends them, as it does those that have begun.
                EventKind::UpdateAccepted { .. } => continuing.how == How::AsNew && event.id >= unnoticed,
                _ => false,
            };
            if goes {
                carried.push(event.id);
            }
        }
        carried.reverse();
        carried
    }

    /// Whether an event was there before the program began, in a run that begins at once.
    pub(crate) fn is_ahead(&self, id: EventId) -> bool {
        (2..=1 + u64::from(self.facts.ahead)).contains(&id.0)
    }

    /// Whether an event that was there before the program began is a message that this code takes then.
    pub(crate) fn is_mail(&self, kind: &EventKind) -> bool {
        let EventKind::SignalReceived { name, .. } = kind else { return false };
        self.def().signals.iter().any(|signal| signal.name == *name)
    }

    /// The messages that are there when the program begins with this event.
    pub(crate) fn told_before(&self, begins: EventId) -> Vec<(u16, Payload)> {
        let there = if self.facts.begins.is_some() { begins.0 as usize - 1 } else { 1 + self.facts.ahead as usize };
        let told = self.history.iter().take(there).filter_map(|event| match &event.kind {
            EventKind::SignalReceived { name, args, .. } => {
                let signal = self.def().signals.iter().position(|signal| signal.name == *name)?;
                Some((signal as u16, args.clone()))
            }
            _ => None,
        });
        told.collect()
    }
}

/// The Inputs that another run of the chain can take, and which of all they are. Ends of attempts and children are the old
/// run's own.
fn split(deferred: VecDeque<Input>) -> (Vec<bool>, VecDeque<Input>) {
    let moves = |input: &Input| matches!(input, Input::Signal { .. } | Input::Cancel { .. });
    (deferred.iter().map(moves).collect(), deferred.into_iter().filter(moves).collect())
}
