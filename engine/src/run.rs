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
use weft_protocol::event::{EventKind, ParentRef, RunRef, TimeoutKind};
use weft_protocol::limits::Limits;
use weft_protocol::policy::RunOptions;
use weft_protocol::schedule::ScheduleRef;
use weft_protocol::{Event, EventId, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Outcome, Step, Then, Trap, TrapKind, Vm};

use crate::activity::Activity;
use crate::child::{self, Child};
use crate::history;
use crate::input::{AlarmKey, Input};
use crate::past::Past;
use crate::replay;
use crate::retry;
use crate::signal::Requests;
use crate::successor::{Continuing, How};
use crate::timer::Timer;
use crate::transition::{Outgoing, Refused, Transition};
use crate::update::Updates;

pub use view::{AttemptView, QueryError};

/// Events up to which a history is kept without room for more: moving them costs nothing that counts.
const SHORT_HISTORY: usize = 32;

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
    /// The schedule that asked for it.
    pub schedule: Option<ScheduleRef>,
    /// What made the start idempotent.
    pub request_id: Option<String>,
    /// As resolved, see [`crate::options::resolved`].
    pub options: RunOptions,
    /// What it is told before it begins.
    pub signal: Option<FirstSignal>,
}

/// A signal that a run is started with; its arguments are canonical and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstSignal {
    /// Its name.
    pub name: String,
    /// Record of its parameters.
    pub args: Payload,
    /// What makes it idempotent.
    pub request_id: Option<String>,
}

/// What never changes in a run.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) workflow: u16,
    pub(crate) me: RunRef,
    pub(crate) started_at: Timestamp,
    pub(crate) parent: Option<ParentRef>,
    /// Shared with the first event.
    pub(crate) options: Arc<RunOptions>,
    /// When its program begins, if not at once.
    pub(crate) begins: Option<Timestamp>,
    /// When all runs of the chain time out.
    pub(crate) deadline: Option<Timestamp>,
    /// Which of the runs that the retry policy allows.
    pub(crate) attempt: u32,
    /// How many events behind the first were there before the program began.
    pub(crate) ahead: u32,
    /// Which run the program is told that it is, at the beginning.
    pub(crate) origin: RunId,
}

impl Facts {
    /// Those of the run that begins with this event; `workflow` is the index of its workflow.
    pub(crate) fn of(started: &EventKind, workflow: u16, at: Timestamp) -> Option<Facts> {
        let EventKind::RunStarted {
            workflow_id,
            run_id,
            parent,
            options,
            begins,
            deadline,
            attempt,
            ahead,
            continued,
            ..
        } = started
        else {
            return None;
        };
        Some(Facts {
            workflow,
            me: RunRef { workflow_id: workflow_id.clone(), run_id: *run_id },
            started_at: at,
            parent: parent.clone(),
            options: options.clone(),
            begins: *begins,
            deadline: *deadline,
            attempt: *attempt,
            ahead: *ahead,
            origin: continued.as_ref().and_then(|continued| continued.origin).unwrap_or(*run_id),
        })
    }
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
    pub(crate) history: Past,
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
    pub(crate) stuck: Option<Box<Parked>>,
    /// The program has said that it goes on as a new run.
    pub(crate) continuing: Option<Box<Continuing>>,
    /// Whether the program has begun, or is about to.
    pub(crate) begun: bool,
    /// What the run's own limit is counted from.
    pub(crate) clock_from: Timestamp,
    /// When all runs of the chain time out.
    pub(crate) deadline: Option<Timestamp>,
    /// Which run the program is told that it is.
    pub(crate) told_as: RunId,
    /// Each `RunReset` of the history with the first event that the program notices behind it.
    pub(crate) resets: Vec<(EventId, EventId)>,
}

impl Run {
    /// Begins a run: its first event and what the program does at once.
    ///
    /// # Panics
    /// If `start.workflow` is not a workflow of the program.
    pub fn start(loaded: Arc<Loaded>, start: Start, now: Timestamp, limits: Arc<Limits>) -> (Run, Transition) {
        let def = &loaded.program().workflows[usize::from(start.workflow)];
        let begins = start.options.delay_ms.filter(|ms| *ms > 0).map(|ms| now.plus_ms(ms));
        let deadline = start.options.execution_timeout_ms.map(|ms| begins.unwrap_or(now).plus_ms(ms));
        let started = EventKind::RunStarted {
            namespace: start.namespace,
            workflow: def.name.clone(),
            workflow_id: start.workflow_id,
            run_id: start.run_id,
            program: loaded.hash().0,
            edition: loaded.program().edition.clone(),
            args: start.args,
            seed: start.seed,
            parent: start.parent,
            schedule: start.schedule.map(Box::new),
            request_id: start.request_id,
            options: Arc::new(start.options),
            begins,
            deadline,
            attempt: 1,
            ahead: u32::from(start.signal.is_some()),
            continued: None,
        };
        let told = start.signal.into_iter().map(|signal| EventKind::SignalReceived {
            name: signal.name,
            args: signal.args,
            request_id: signal.request_id,
            from: None,
        });
        let mut out = Transition::default();
        let mut run = Run::opened(loaded, start.workflow, started, told, now, limits, &mut out);
        run.advance(&mut out);
        run.give_back();
        (run, out)
    }

    /// A run with its first events, none of which its program has noticed.
    pub(crate) fn opened(
        loaded: Arc<Loaded>,
        workflow: u16,
        started: EventKind,
        ahead: impl IntoIterator<Item = EventKind>,
        now: Timestamp,
        limits: Arc<Limits>,
        out: &mut Transition,
    ) -> Run {
        let (args, seed) = beginning(&started);
        let facts = Facts::of(&started, workflow, now).expect("a run begins with RunStarted");
        let mut run = Run::blank(loaded, facts, &args, seed, limits);
        out.alarms.extend(run.over().map(|(at, _)| (at, AlarmKey::Run)));
        if run.begun {
            run.happened(started, out);
        } else {
            run.record(started, out);
            out.alarms.extend(run.facts.begins.map(|at| (at, AlarmKey::Begin)));
        }
        for kind in ahead {
            match run.is_mail(&kind) {
                true => drop(run.record(kind, out)),
                false => run.happened(kind, out),
            }
        }
        run
    }

    pub(crate) fn blank(loaded: Arc<Loaded>, facts: Facts, args: &Payload, seed: [u8; 16], limits: Arc<Limits>) -> Run {
        Run {
            vm: Vm::new(Arc::clone(&loaded), facts.workflow, args, seed, &limits),
            loaded,
            limits,
            now: facts.started_at,
            begun: facts.begins.is_none(),
            clock_from: facts.begins.unwrap_or(facts.started_at),
            deadline: facts.deadline,
            told_as: facts.origin,
            resets: Vec::new(),
            facts,
            // Few runs have less; growing from nothing copies the first events over and over.
            history: Past::with_capacity(8),
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
            if self.deferred.len() >= self.limits.mailbox_messages_max && inputs::is_from_outside(&input) {
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
            self.take_deferred(&mut out);
        } else if self.is_closed() {
            out.settled.extend(self.deferred.drain(..).map(|_| Err(Refused::Closed)));
        }
        out.again = self.is_computing();
        self.give_back();
        Ok(out)
    }

    /// A run without an activity waits for a person or a clock, perhaps for days: it gives back the memory that it has in
    /// reserve. One with activities is about to need it.
    pub(crate) fn give_back(&mut self) {
        if self.is_computing() || !self.activities.is_empty() {
            return;
        }
        if self.history.len() <= SHORT_HISTORY {
            self.history.shrink_to_fit();
        }
        self.names.shrink_to_fit();
        self.queue.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.deferred.shrink_to_fit();
        self.vm.give_back();
    }

    /// Takes what came between slices, as far as nothing is computed.
    pub(crate) fn take_deferred(&mut self, out: &mut Transition) {
        while !self.is_computing()
            && self.continuing.is_none()
            && let Some(input) = self.deferred.pop_front()
        {
            let answer = if self.is_closed() { Err(Refused::Closed) } else { self.take(input, out) };
            out.settled.push(answer);
            self.advance(out);
        }
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
            run_id: self.told_as,
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
            RunStarted { .. } | DelayEnded => match self.told_before(id) {
                told if told.is_empty() => Activation::Start,
                told => Activation::StartWith(told),
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
            Then::Failed(failure) => match self.tried_again(&failure) {
                Some(begins) => self.try_again(How::Failed { failure, begins }, out),
                None => self.close(EventKind::RunFailed { failure, next_run: None }, out),
            },
            Then::Canceled => {
                let reason = self.cancel_reason.clone().unwrap_or_default();
                self.close(EventKind::RunCanceled { reason }, out);
            }
            Then::Continued { args, canceling } => {
                let idle = self.idle(event);
                self.continuing = Some(Box::new(Continuing { args, canceling, how: How::AsNew, idle }));
                out.continues = true;
            }
            Then::Waiting | Then::Slice | Then::Trapped(_) => {}
        }
    }

    /// When the run that tries again begins, if this failure is to be followed by one. What the workflow declares is an
    /// answer, and whoever cancels wants an end.
    pub(crate) fn tried_again(&self, failure: &Failure) -> Option<Timestamp> {
        let policy = self.facts.options.retry.as_ref()?;
        let program = self.loaded.program();
        let declared = self.def().throws.iter().any(|ty| program.type_name(*ty) == failure.kind);
        let answer = declared || failure.kind == "Canceled" || self.cancel_reason.is_some();
        if answer { None } else { retry::next_run(policy, self.facts.attempt, self.deadline, self.now) }
    }

    /// The run has failed and is followed by another, with the arguments that it was started with.
    pub(crate) fn try_again(&mut self, how: How, out: &mut Transition) {
        let args = self.history.first().map_or_else(Payload::null, |first| beginning(&first.kind).0);
        self.continuing = Some(Box::new(Continuing { args, canceling: false, how, idle: 0 }));
        out.continues = true;
    }

    /// Drops what the program was about to do.
    pub(crate) fn put_down(&mut self) {
        if self.slicing {
            self.vm = replay::vm_before(self, self.queue[0].event);
        }
    }

    /// Ends the run without its program: what it was about to do is dropped.
    fn cut_short(&mut self, kind: EventKind, out: &mut Transition) {
        self.put_down();
        self.close(kind, out);
    }

    /// When the run times out, and by which of its limits.
    pub(crate) fn over(&self) -> Option<(Timestamp, TimeoutKind)> {
        let run = self.facts.options.run_timeout_ms;
        let run = run.map(|ms| (self.clock_from.plus_ms(ms), TimeoutKind::Run));
        let all = self.deadline.map(|at| (at, TimeoutKind::Execution));
        match (run, all) {
            (Some(run), Some(all)) => Some(if run.0 < all.0 { run } else { all }),
            (run, all) => run.or(all),
        }
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
        // Its children are those of the run that goes on for it.
        if matches!(closing.kind, EventKind::RunTerminated { next_run: Some(_), .. }) {
            return Vec::new();
        }
        let parent = self.facts.parent.as_ref();
        let ended = parent
            .and_then(|parent| child::ended(self.loaded.program(), self.def(), &self.facts.me, parent, &closing.kind));
        let closed = self.facts.me.run_id;
        let told = |child: &Child| child::on_parent_closed(closed, child.run.clone()?, child.on_close);
        self.children.values().filter_map(told).chain(ended).collect()
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
        self.stuck = Some(Box::new(parked.clone()));
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

    pub(crate) fn attributes_too_large(&self, changed: &Payload) -> Option<Trap> {
        let Value::Object(changed) = changed.value() else { return None };
        let kept = self.attributes.iter().filter(|(name, _)| !changed.contains_key(*name));
        let bytes: usize = kept.chain(&changed).map(|(name, value)| name.len() + value.to_string().len()).sum();
        let one = changed.iter().map(|(name, value)| (name, value.to_string().len()));
        let one_max = self.limits.attribute_bytes_max;
        let trap = |message| Some(Trap { kind: TrapKind::Limit, message, site: None });
        if let Some((name, bytes)) = one.filter(|(_, bytes)| *bytes > one_max).max_by_key(|(_, bytes)| *bytes) {
            return trap(format!(
                "search attribute `{name}` has {bytes} bytes (limit `attribute_bytes_max`: {one_max})"
            ));
        }
        let max = self.limits.attributes_bytes_max;
        if bytes > max {
            return trap(format!("the search attributes have {bytes} bytes (limit `attributes_bytes_max`: {max})"));
        }
        None
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

/// Arguments and seed of a run by its first event.
pub(crate) fn beginning(started: &EventKind) -> (Payload, [u8; 16]) {
    match started {
        EventKind::RunStarted { args, seed, .. } => (args.clone(), *seed),
        _ => (Payload::null(), [0; 16]),
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
