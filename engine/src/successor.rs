//! A run that goes on as a new one: `continue as new`.
//!
//! ```text
//! old: … RunContinuedAsNew
//! new: RunStarted, what the old one had not noticed, …      in the same commit
//! ```
//!
//! The new run has the id, the parent and the requests of the old one, and a history of its own. Which run id it gets and
//! which code it runs on, its owner says: only it knows what is free and what was deployed last.
//!
//! What goes along is in the new history before its program begins: messages that nobody has received, inputs that a
//! stuck run had put off, and a cancel that the body has not met. A message whose signal has a mailbox is in the mailbox
//! when the body begins; anything else happens right after the beginning, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use weft_protocol::event::{Continued, EventKind};
use weft_protocol::{EventId, Payload, RunId};
use weft_vm::Loaded;

use crate::input::{AlarmKey, Input};
use crate::run::{Facts, Run};
use crate::transition::Transition;

/// What the program said: it goes on as a new run. Between the transition that says so and [`Run::succeed`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Continuing {
    pub(crate) args: Payload,
    /// Whether the body has yet to meet a cancel.
    pub(crate) canceling: bool,
    /// How many runs of the chain in a row, this one included, have gone on as they began.
    pub(crate) idle: u32,
}

/// What code must take to go on for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover<'a> {
    /// Record of the parameters.
    pub args: &'a Payload,
    /// Signals that go along: name and arguments.
    pub signals: Vec<(&'a str, &'a Payload)>,
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

/// The next run of a chain. Its program has not begun: it needs `Input::Continue`.
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
        let signals = self.carried(continuing.canceling).into_iter();
        let signals = signals.filter_map(|id| match &self.history[id.0 as usize - 1].kind {
            EventKind::SignalReceived { name, args, .. } => Some((name.as_str(), args)),
            _ => None,
        });
        Some(Handover { args: &continuing.args, signals: signals.collect() })
    }

    /// Ends a run that has said `Transition::continues`, adding that to the transition, and begins the next one. `None`
    /// if it has not said so.
    pub fn succeed(&mut self, successor: Successor, out: &mut Transition) -> Option<Succession> {
        let Continuing { args, canceling, idle } = self.continuing.take()?;
        let carried = self.carried(canceling);
        let kinds: Vec<EventKind> = carried.iter().map(|id| self.history[id.0 as usize - 1].kind.clone()).collect();
        let (moved, deferred) = split(std::mem::take(&mut self.deferred));
        let started = self.next_started(&successor, carried.len(), idle);
        let unread = self.unread();
        let program = successor.loaded.hash().0;
        self.close(EventKind::RunContinuedAsNew { next_run: successor.run_id, args, program, unread }, out);
        let facts = Facts {
            workflow: successor.workflow,
            me: weft_protocol::event::RunRef {
                workflow_id: self.facts.me.workflow_id.clone(),
                run_id: successor.run_id,
            },
            started_at: self.now,
            parent: self.facts.parent.clone(),
            run_timeout_ms: self.facts.run_timeout_ms,
            carried: carried.len() as u32,
        };
        let mut run = Run::blank(successor.loaded, facts, &successor.args, successor.seed, Arc::clone(&self.limits));
        let mut transition = Transition { again: true, ..Transition::default() };
        let over = run.facts.run_timeout_ms.map(|ms| (run.now.plus_ms(ms), AlarmKey::Run));
        transition.alarms.extend(over);
        run.happened(started, &mut transition);
        for kind in kinds {
            match run.is_mail(&kind) {
                true => drop(run.record(kind, &mut transition)),
                false => run.happened(kind, &mut transition),
            }
        }
        run.deferred = deferred;
        Some(Succession { run, transition, moved })
    }

    /// The first event of the next run.
    fn next_started(&self, successor: &Successor, carried: usize, idle: u32) -> EventKind {
        let def = &successor.loaded.program().workflows[usize::from(successor.workflow)];
        let (namespace, request_id) = match &self.history[0].kind {
            EventKind::RunStarted { namespace, request_id, .. } => (namespace.clone(), request_id.clone()),
            _ => (String::new(), None),
        };
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
            request_id,
            run_timeout_ms: self.facts.run_timeout_ms,
            continued: Some(Box::new(Continued {
                from: self.facts.me.run_id,
                first: self.first_of_chain(),
                carried: carried as u32,
                requests: self.requests.all().map(String::from).collect(),
                idle,
            })),
        }
    }

    /// How many runs in a row have gone on as they began if this one goes on when it has noticed `event`. One that
    /// waited, or noticed what came along, has done something.
    pub(crate) fn idle(&self, event: EventId) -> u32 {
        match &self.history[0].kind {
            _ if event > EventId(1) => 0,
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
    fn carried(&self, canceling: bool) -> Vec<EventId> {
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
                EventKind::CancelRequested { .. } => canceling || event.id >= unnoticed,
                _ => false,
            };
            if goes {
                carried.push(event.id);
            }
        }
        carried.reverse();
        carried
    }

    /// Whether an event was taken over from the run before.
    pub(crate) fn is_carried(&self, id: EventId) -> bool {
        (2..=1 + u64::from(self.facts.carried)).contains(&id.0)
    }

    /// Whether an event that was taken over is a message for a mailbox of this code.
    pub(crate) fn is_mail(&self, kind: &EventKind) -> bool {
        let EventKind::SignalReceived { name, .. } = kind else { return false };
        self.def().signals.iter().any(|signal| signal.name == *name && signal.handler.is_none())
    }

    /// The messages that are in the mailboxes when the body begins.
    pub(crate) fn mail(&self) -> Vec<(u16, Payload)> {
        let carried = self.history.iter().skip(1).take(self.facts.carried as usize);
        let mail = carried.filter_map(|event| match &event.kind {
            EventKind::SignalReceived { name, args, .. } => {
                let signal = self.def().signals.iter().position(|s| s.name == *name && s.handler.is_none())?;
                Some((signal as u16, args.clone()))
            }
            _ => None,
        });
        mail.collect()
    }
}

/// The Inputs that another run of the chain can take, and which of all they are. Ends of attempts and children are the old
/// run's own.
fn split(deferred: VecDeque<Input>) -> (Vec<bool>, VecDeque<Input>) {
    let moves = |input: &Input| matches!(input, Input::Signal { .. } | Input::Cancel { .. });
    (deferred.iter().map(moves).collect(), deferred.into_iter().filter(moves).collect())
}
