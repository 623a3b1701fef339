//! One run's whole life: Inputs become events, events activate the program, the program's commands become events. The
//! history is the truth; everything else here is a function of it and of the log's records, and `replay.rs` computes it.
//!
//! Order within a Transition: the Input's event, then the events of the program's commands in the order it gave them,
//! `AttributesSet`, and last the event that closes the run.

mod absorb;
mod commands;
mod inputs;
mod unsettled;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value};
use weft_bytecode::WorkflowDef;
use weft_protocol::api::Status;
use weft_protocol::command::CommandId;
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Outcome, Step, Then, Trap, TrapKind, Vm};

use crate::activity::Activity;
use crate::child::{self, Child};
use crate::history;
use crate::input::{AlarmKey, Input};
use crate::replay;
use crate::signal::Requests;
use crate::successor::Continuing;
use crate::timer::Timer;
use crate::transition::{Outgoing, Refused, Transition};
use crate::update::Updates;

pub use view::{AttemptView, QueryError};

/// What a run begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its namespace.
    pub namespace: String,
    /// Index into `Program::workflows`.
    pub workflow: u16,
    /// The id callers know it by, already found free.
    pub workflow_id: WorkflowId,
    /// Its own id.
    pub run_id: RunId,
    /// Record of the parameters, canonical and checked.
    pub args: Payload,
    /// What `uuid` and `random` draw from.
    pub seed: [u8; 16],
    /// The parent, of a child.
    pub parent: Option<ParentRef>,
    /// What made the start idempotent.
    pub request_id: Option<String>,
    /// Limit of the run, where the start gives one; else the declaration's.
    pub run_timeout_ms: Option<i64>,
}

/// What never changes in a run.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) workflow: u16,
    pub(crate) me: RunRef,
    pub(crate) started_at: Timestamp,
    pub(crate) parent: Option<ParentRef>,
    pub(crate) run_timeout_ms: Option<i64>,
    /// How many events behind the first were taken over from the run before.
    pub(crate) carried: u32,
}

/// An event whose activation is still to come, and the bytes of history up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) event: EventId,
    pub(crate) bytes: u64,
}

/// Why a run is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    /// The event whose activation failed.
    pub(crate) event: EventId,
    pub(crate) trap: String,
    pub(crate) message: String,
    /// `file.wf:14`.
    pub(crate) source: String,
    pub(crate) program: [u8; 32],
    pub(crate) since: Timestamp,
    /// Whether `ActivationFailed` has yet to be written: found while replaying, where nothing is written.
    pub(crate) unwritten: bool,
}

/// A run: open, stuck or closed.
#[derive(Debug, Clone)]
pub struct Run {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) facts: Facts,
    pub(crate) vm: Vm,
    pub(crate) history: Vec<Event>,
    /// Bytes of the history, as counted by [`replay::event_bytes`].
    pub(crate) bytes: u64,
    /// Time of the newest event or Input; no event is older.
    pub(crate) now: Timestamp,
    pub(crate) status: Status,
    pub(crate) activities: BTreeMap<EventId, Box<Activity>>,
    pub(crate) timers: BTreeMap<EventId, Timer>,
    pub(crate) children: BTreeMap<EventId, Child>,
    /// Pending operations by the command that began them.
    pub(crate) names: FxHashMap<CommandId, EventId>,
    /// Children the program asked to stop; only their `Canceled` is its own.
    pub(crate) canceled_children: FxHashSet<EventId>,
    pub(crate) requests: Requests,
    pub(crate) updates: Updates,
    /// Messages to other runs of which it is not known what became of them.
    pub(crate) sent: BTreeSet<EventId>,
    /// The reason, once cancellation was requested.
    pub(crate) cancel_reason: Option<String>,
    pub(crate) attributes: Map<String, Value>,
    /// Events in the history that the program has not noticed yet. More than one only in a stuck run.
    pub(crate) queue: VecDeque<Put>,
    /// What the engine itself has decided will happen next: ends of activities that nobody works on.
    pub(crate) ends: VecDeque<EventKind>,
    /// Whether the first event of the queue is being noticed, in slices.
    pub(crate) slicing: bool,
    /// Inputs that came between slices.
    pub(crate) deferred: VecDeque<Input>,
    pub(crate) stuck: Option<Parked>,
    /// The program has said that it goes on as a new run.
    pub(crate) continuing: Option<Continuing>,
}

impl Run {
    /// Begins a run: its first event and what the program does at once.
    ///
    /// # Panics
    /// If `start.workflow` is not a workflow of the program.
    pub fn start(loaded: Arc<Loaded>, start: Start, now: Timestamp, limits: Arc<Limits>) -> (Run, Transition) {
        let def = &loaded.program().workflows[usize::from(start.workflow)];
        let run_timeout_ms = start.run_timeout_ms.or(def.options.run_timeout_ms);
        let kind = EventKind::RunStarted {
            namespace: start.namespace,
            workflow: def.name.clone(),
            workflow_id: start.workflow_id.clone(),
            run_id: start.run_id,
            program: loaded.hash().0,
            edition: loaded.program().edition.clone(),
            args: start.args.clone(),
            seed: start.seed,
            parent: start.parent.clone(),
            request_id: start.request_id,
            run_timeout_ms,
            continued: None,
        };
        let facts = Facts {
            workflow: start.workflow,
            me: RunRef { workflow_id: start.workflow_id, run_id: start.run_id },
            started_at: now,
            parent: start.parent,
            run_timeout_ms,
            carried: 0,
        };
        let mut run = Run::blank(loaded, facts, &start.args, start.seed, limits);
        run.now = now;
        let mut out = Transition::default();
        out.alarms.extend(run_timeout_ms.map(|ms| (now.plus_ms(ms), AlarmKey::Run)));
        run.happened(kind, &mut out);
        run.advance(&mut out);
        (run, out)
    }

    pub(crate) fn blank(loaded: Arc<Loaded>, facts: Facts, args: &Payload, seed: [u8; 16], limits: Arc<Limits>) -> Run {
        Run {
            vm: Vm::new(Arc::clone(&loaded), facts.workflow, args, seed, &limits),
            loaded,
            limits,
            now: facts.started_at,
            facts,
            // Few runs have less; growing from nothing copies the first events over and over.
            history: Vec::with_capacity(8),
            bytes: 0,
            status: Status::Running,
            activities: BTreeMap::new(),
            timers: BTreeMap::new(),
            children: BTreeMap::new(),
            names: FxHashMap::default(),
            canceled_children: FxHashSet::default(),
            requests: Requests::default(),
            updates: Updates::default(),
            sent: BTreeSet::new(),
            cancel_reason: None,
            attributes: Map::new(),
            queue: VecDeque::new(),
            ends: VecDeque::new(),
            slicing: false,
            deferred: VecDeque::new(),
            stuck: None,
            continuing: None,
        }
    }

    /// Takes what happened and says what follows. `now` is the owner's clock; events never go back in time even if it
    /// does.
    ///
    /// # Errors
    /// If the Input is not taken; then nothing has changed.
    pub fn decide(&mut self, input: Input, now: Timestamp) -> Result<Transition, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        self.now = self.now.max(now);
        let mut out = Transition::default();
        if self.is_computing() && !inputs::cuts_in(&input) {
            if self.deferred.len() >= self.limits.mailbox_messages_max {
                return Err(Refused::Limit("mailbox_messages_max"));
            }
            self.deferred.push_back(input);
            out.deferred = true;
            out.again = true;
            return Ok(out);
        }
        let advances = !self.is_computing() || input == Input::Continue;
        self.take(input, &mut out)?;
        if advances {
            self.advance(&mut out);
            while !self.is_computing()
                && self.continuing.is_none()
                && let Some(input) = self.deferred.pop_front()
            {
                let answer = if self.is_closed() { Err(Refused::Closed) } else { self.take(input, &mut out) };
                out.settled.push(answer);
                self.advance(&mut out);
            }
        } else if self.is_closed() {
            out.settled.extend(self.deferred.drain(..).map(|_| Err(Refused::Closed)));
        }
        out.again = self.is_computing();
        Ok(out)
    }

    /// Whether the program has events to notice, so that it must get `Input::Continue`.
    pub(crate) fn is_computing(&self) -> bool {
        self.stuck.is_none()
            && !self.is_closed()
            && self.continuing.is_none()
            && !(self.queue.is_empty() && self.ends.is_empty())
    }

    /// An event that the program is to notice.
    pub(crate) fn happened(&mut self, kind: EventKind, out: &mut Transition) {
        let event = self.record(kind, out);
        self.queue.push_back(Put { event, bytes: self.bytes });
    }

    /// Appends an event to the history and takes it in.
    pub(crate) fn record(&mut self, kind: EventKind, out: &mut Transition) -> EventId {
        if let Some(parked) = self.stuck.as_mut().filter(|parked| parked.unwritten) {
            parked.unwritten = false;
            let marker = parked.event_kind();
            self.append(marker, out);
        }
        self.append(kind, out)
    }

    fn append(&mut self, kind: EventKind, out: &mut Transition) -> EventId {
        let id = EventId(self.history.len() as u64 + 1);
        let event = Event { id, at: self.now, kind };
        self.bytes += replay::event_bytes(&event.kind);
        let end = self.history.len() + 1;
        out.events = if out.events.is_empty() { end - 1..end } else { out.events.start..end };
        self.history.push(event);
        self.absorb(id);
        id
    }

    /// Lets the program notice what it has not noticed yet, until it waits, is stuck, has ended, or its slice is over.
    pub(crate) fn advance(&mut self, out: &mut Transition) {
        while !self.is_closed() && self.continuing.is_none() {
            if self.stuck.is_some() || self.queue.is_empty() {
                match self.ends.pop_front() {
                    Some(kind) => self.happened(kind, out),
                    None => return,
                }
                continue;
            }
            let put = self.queue[0];
            if let Some(trap) = self.history_too_large() {
                self.park_at_rest(put.event, trap, out);
                continue;
            }
            let activation = if self.slicing { Activation::Continue } else { self.activation(put.event) };
            let mut step = self.step(activation, put, None);
            if let Some(trap) = step.attributes.as_ref().and_then(|changed| self.attributes_too_large(changed)) {
                step.then = Then::Trapped(trap);
            }
            if let Then::Continued { .. } = step.then
                && let Some(trap) = self.chain_too_idle(put.event)
            {
                step.then = Then::Trapped(trap);
            }
            match step.then {
                Then::Slice => {
                    self.slicing = true;
                    out.again = true;
                    return;
                }
                Then::Trapped(trap) => self.park(put.event, trap, out),
                _ => {
                    self.slicing = false;
                    self.queue.pop_front();
                    self.follow(step, put.event, out);
                }
            }
        }
    }

    pub(crate) fn step(
        &mut self,
        activation: Activation,
        put: Put,
        patches: Option<&dyn weft_vm::step::RecordedPatches>,
    ) -> Step {
        let context = Context {
            now: self.history[put.event.0 as usize - 1].at,
            workflow_id: &self.facts.me.workflow_id,
            run_id: self.facts.me.run_id,
            started_at: self.facts.started_at,
            history_events: put.event.0,
            history_bytes: put.bytes,
            recorded_patch: patches,
        };
        self.vm.step(activation, &context)
    }

    /// What the program notices of an event.
    pub(crate) fn activation(&self, id: EventId) -> Activation {
        use EventKind::*;
        let resolved = |scheduled: EventId, outcome: Outcome| match self.origin_of(scheduled) {
            Some(op) => Activation::Resolved { op, outcome },
            None => Activation::Continue,
        };
        let failed = |failure: &Failure| Outcome::Failed(failure.clone());
        match &self.history[id.0 as usize - 1].kind {
            RunStarted { .. } => match self.mail() {
                mail if mail.is_empty() => Activation::Start,
                mail => Activation::StartWith(mail),
            },
            ActivityCompleted { end, result } => resolved(end.scheduled, Outcome::Completed(result.clone())),
            ActivityFailed { end, failure } | ActivityTimedOut { end, failure, .. } => {
                resolved(end.scheduled, failed(failure))
            }
            ActivityCanceled { end } => resolved(end.scheduled, Outcome::Failed(Failure::new("Canceled", "canceled"))),
            TimerFired { timer } => resolved(*timer, Outcome::Completed(Payload::null())),
            ChildStarted { scheduled, run } => match self.origin_of(*scheduled) {
                Some(op) => Activation::ChildStarted { op, run: run.clone() },
                None => Activation::Continue,
            },
            ChildCompleted { scheduled, result } => resolved(*scheduled, Outcome::Completed(result.clone())),
            ChildStartFailed { scheduled, failure }
            | ChildFailed { scheduled, failure }
            | ChildTimedOut { scheduled, failure }
            | ChildTerminated { scheduled, failure } => resolved(*scheduled, failed(failure)),
            ChildCanceled { scheduled } => resolved(*scheduled, Outcome::Failed(self.child_canceled(*scheduled))),
            SignalReceived { name, args, .. } => {
                let signal = self.def().signals.iter().position(|s| s.name == *name);
                match signal {
                    Some(signal) => Activation::Signal { signal: signal as u16, args: args.clone() },
                    None => Activation::Continue,
                }
            }
            UpdateAccepted { name, args, number, .. } => {
                let update = self.def().updates.iter().position(|update| update.name == *name);
                match update {
                    Some(update) => Activation::Update { update: update as u16, number: *number, args: args.clone() },
                    None => Activation::Continue,
                }
            }
            CancelRequested { .. } => Activation::Cancel,
            // Only Inputs become events that are put in the queue.
            _ => Activation::Continue,
        }
    }

    fn child_canceled(&self, scheduled: EventId) -> Failure {
        if self.canceled_children.contains(&scheduled) {
            return Failure::new("Canceled", "canceled");
        }
        match &self.history[scheduled.0 as usize - 1].kind {
            EventKind::ChildScheduled { workflow, workflow_id, .. } => {
                let started = self.history.iter().find_map(|event| match &event.kind {
                    EventKind::ChildStarted { scheduled: of, run } if *of == scheduled => Some(run),
                    _ => None,
                });
                child::canceled_by_another(workflow, workflow_id, started)
            }
            _ => Failure::new("Canceled", "canceled"),
        }
    }

    fn origin_of(&self, scheduled: EventId) -> Option<CommandId> {
        Some(self.history.get(scheduled.0 as usize - 1)?.kind.origin()?.command.clone())
    }

    /// What the activation of `event` led to becomes events.
    fn follow(&mut self, step: Step, event: EventId, out: &mut Transition) {
        for issued in step.commands {
            self.command(issued, out);
        }
        if let Some(attributes) = step.attributes {
            self.record(EventKind::AttributesSet { attributes }, out);
        }
        out.logs.extend(step.logs);
        match step.then {
            Then::Completed(result) => {
                let unread = self.unread();
                for (name, count) in &unread {
                    out.logs.push((2, format!("the run ends with unread messages: {name} {count}")));
                }
                self.close(EventKind::RunCompleted { result, unread }, out);
            }
            Then::Failed(failure) => self.close(EventKind::RunFailed { failure }, out),
            Then::Canceled => {
                let reason = self.cancel_reason.clone().unwrap_or_default();
                self.close(EventKind::RunCanceled { reason }, out);
            }
            Then::Continued { args, canceling } => {
                self.continuing = Some(Continuing { args, canceling, idle: self.idle(event) });
                out.continues = true;
            }
            Then::Waiting | Then::Slice | Then::Trapped(_) => {}
        }
    }

    /// Ends the run without its program: what it was about to do is dropped.
    fn cut_short(&mut self, kind: EventKind, out: &mut Transition) {
        if self.slicing {
            self.vm = replay::vm_before(self, self.queue[0].event);
        }
        self.close(kind, out);
    }

    pub(crate) fn close(&mut self, kind: EventKind, out: &mut Transition) {
        // Also those that were asked before: after a crash they are handed out once more.
        out.cancel.extend(self.activities.keys());
        out.cancel.sort_unstable();
        out.cancel.dedup();
        self.record(kind, out);
        out.outbox.extend(self.farewell());
        out.closed = true;
    }

    /// What a closed run tells its parent and its children.
    pub(crate) fn farewell(&self) -> Vec<Outgoing> {
        let Some(closing) = self.history.last() else { return Vec::new() };
        let parent = self.facts.parent.as_ref();
        let ended = parent
            .and_then(|parent| child::ended(self.loaded.program(), self.def(), &self.facts.me, parent, &closing.kind));
        self.children.values().filter_map(child::on_parent_closed).chain(ended).collect()
    }

    /// The activation of `event` failed: all it did is dropped and the run waits for code that can go on.
    fn park(&mut self, event: EventId, trap: Trap, out: &mut Transition) {
        self.vm = replay::vm_before(self, event);
        self.park_at_rest(event, trap, out);
    }

    /// As [`Run::park`] where the machine has not begun with the event.
    fn park_at_rest(&mut self, event: EventId, trap: Trap, out: &mut Transition) {
        self.slicing = false;
        let parked = self.parked(event, &trap);
        self.stuck = Some(parked.clone());
        self.record(parked.event_kind(), out);
        out.again = false;
    }

    fn history_too_large(&self) -> Option<Trap> {
        let max = self.limits.history_bytes_max;
        (!self.slicing && self.bytes > max as u64).then(|| Trap {
            kind: TrapKind::Limit,
            message: format!("the history has {} bytes (limit `history_bytes_max`: {max})", self.bytes),
            site: None,
        })
    }

    fn attributes_too_large(&self, changed: &Payload) -> Option<Trap> {
        let Value::Object(changed) = changed.value() else { return None };
        let kept = self.attributes.iter().filter(|(name, _)| !changed.contains_key(*name));
        let bytes: usize = kept.chain(&changed).map(|(name, value)| name.len() + value.to_string().len()).sum();
        let max = self.limits.attributes_bytes_max;
        (bytes > max).then(|| Trap {
            kind: TrapKind::Limit,
            message: format!("the search attributes have {bytes} bytes (limit `attributes_bytes_max`: {max})"),
            site: None,
        })
    }

    /// A chain that never waits would take no message and end never.
    fn chain_too_idle(&self, event: EventId) -> Option<Trap> {
        let max = self.limits.idle_runs_max;
        (self.idle(event) as usize > max).then(|| Trap {
            kind: TrapKind::Limit,
            message: format!("{max} runs in a row went on as new without waiting (limit `idle_runs_max`)"),
            site: None,
        })
    }

    pub(crate) fn parked(&self, event: EventId, trap: &Trap) -> Parked {
        let source = trap.site.map_or_else(|| String::from("?"), |site| history::source(self.loaded.program(), site));
        Parked {
            event,
            trap: format!("{:?}", trap.kind),
            message: trap.message.clone(),
            source,
            program: self.loaded.hash().0,
            since: self.now,
            unwritten: false,
        }
    }

    pub(crate) fn def(&self) -> &WorkflowDef {
        &self.loaded.program().workflows[usize::from(self.facts.workflow)]
    }

    /// Whether the run has ended.
    pub fn is_closed(&self) -> bool {
        self.status != Status::Running
    }
}

impl Parked {
    pub(crate) fn event_kind(&self) -> EventKind {
        EventKind::ActivationFailed {
            event: self.event,
            trap: self.trap.clone(),
            message: self.message.clone(),
            source: self.source.clone(),
            program: self.program,
        }
    }
}

#[cfg(test)]
mod tests;
