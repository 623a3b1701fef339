//! Starting runs: who has the id already, what the policies say, and telling a start again from a new one.

use std::sync::Arc;

use weft_engine::update::outcome_in;
use weft_engine::{FirstSignal, Input, Run, Start, child, signal};
use weft_protocol::api::{ApiError, Status};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_protocol::{Failure, RunId, Timestamp, WorkflowId};

use super::ask::checked_signal;
use super::request::{Answer, Asker, OpenRun, Output, Probe, Probed, StartOrder, StartedBy, Then, With};
use super::update::Sent;
use super::{Partition, between, name_hash, partition_of};
use crate::closed;
use crate::refusal;
use crate::store::{ClosedRun, StoreError};

/// A closed run that has the id of a start.
struct ClosedMatch {
    run: RunRef,
    status: Status,
    /// Batch its close became durable with; held answers wait for it.
    batch: u64,
    /// Its row, if the store was asked.
    row: Option<Box<ClosedRun>>,
}

impl Partition {
    /// Starts a run, joins one, or refuses.
    pub(super) fn start(&mut self, order: StartOrder, now: Timestamp) {
        if let StartedBy::Parent(parent) = &order.by
            && let Some(known) = self.children.get(&(parent.run.run_id, parent.scheduled)).copied()
        {
            return self.start_told_again(order, known);
        }
        if let Some(request_id) = &order.request_id
            && let Some(run) = self.starts.find(&order.namespace, order.workflow_id.as_ref(), request_id)
        {
            let run = run.clone();
            return self.start_asked_before(order, run);
        }
        let Some(workflow_id) = order.workflow_id.clone() else { return self.start_generated(order, now) };
        if let Some(open) = self.names.get(&(order.namespace.clone(), workflow_id.clone())).copied() {
            return self.start_over_open(order, open, now);
        }
        if let Some((fact, batch)) = self.closing.get(&(order.namespace.clone(), workflow_id.clone())).copied() {
            let run = RunRef { workflow_id, run_id: fact.run_id };
            return self.start_over_closed(order, ClosedMatch { run, status: fact.status, batch, row: None }, now);
        }
        let newest = self.closed_ids.get(&name_hash(&order.namespace, workflow_id.as_str())).copied();
        if newest.is_some() {
            let probe = Probe { asker: Asker::Start(order), workflow_id, run_id: None, newest };
            return self.hold(self.deleted_in, Output::Probe(Box::new(probe)));
        }
        self.start_new(order, workflow_id, now);
    }

    /// A start that has begun a run before. That may be gone: it was kept long enough, or went with its namespace. Then a
    /// client's start begins another; what a schedule has started was done.
    fn start_asked_before(&mut self, order: StartOrder, run: RunRef) {
        if let Some(newest) = self.newest_of(&order.namespace, &run) {
            let batch = self.runs.get(&newest).map_or(self.last_batch(), |open| open.batch);
            return self.joined(&order, run, true, batch);
        }
        let closing = self.closing.get(&(order.namespace.clone(), run.workflow_id.clone()));
        if let Some((_, batch)) = closing.filter(|(fact, _)| fact.run_id == run.run_id).copied() {
            return self.joined(&order, run, true, batch);
        }
        if !matches!(order.by, StartedBy::Client(_)) {
            return self.joined(&order, run, true, self.last_batch());
        }
        let RunRef { workflow_id, run_id } = run;
        let probe = Probe { asker: Asker::Start(order), workflow_id, run_id: Some(run_id), newest: None };
        self.hold(self.last_batch(), Output::Probe(Box::new(probe)));
    }

    /// The store has answered: what was true then may have changed since.
    pub fn probed(&mut self, probed: Probed, now: Timestamp) {
        let Probed { probe: Probe { asker, workflow_id, run_id, newest }, found } = probed;
        let order = match asker {
            Asker::Start(order) => order,
            Asker::Word(tell) => return self.tell_closed(tell, found, now),
            Asker::Retold(namespace) => return self.looked_back(namespace, workflow_id, found, now),
            Asker::Child(orphan) => {
                let run = run_id.unwrap_or(orphan.parent.run_id);
                return self.orphaned(orphan, run, found);
            }
            Asker::Schedule(start) => return self.scheduled_closed(start, workflow_id, run_id, found),
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.not_readable(&order, &error),
        };
        if let Some(run_id) = run_id {
            let run = RunRef { workflow_id, run_id };
            return match (&order.by, found) {
                (StartedBy::Parent(_), found) => self.told_again_and_closed(&order, run, found),
                (_, Some(_)) => self.joined(&order, run, true, 0),
                (_, None) => {
                    let request_id = order.request_id.as_deref().unwrap_or_default();
                    self.starts.forget_request(&order.namespace, order.workflow_id.as_ref(), request_id);
                    self.start(order, now);
                }
            };
        }
        if let Some(open) = self.names.get(&(order.namespace.clone(), workflow_id.clone())).copied() {
            return self.start_over_open(order, open, now);
        }
        // Another run, perhaps of the id, has closed while the store was asked.
        if self.closed_ids.get(&name_hash(&order.namespace, workflow_id.as_str())).copied() != newest {
            return self.start(order, now);
        }
        match found {
            Some(row) => {
                let run = RunRef { workflow_id, run_id: row.run_id };
                let status = closed::status_of(&row);
                let matched = ClosedMatch { run, status, batch: 0, row: Some(Box::new(row)) };
                self.start_over_closed(order, matched, now);
            }
            None => self.start_new(order, workflow_id, now),
        }
    }

    /// Without an id given or declared the run id makes one. The partition is part of the run id, and the name must
    /// live in that same partition: counters that do not fit are left out.
    fn start_generated(&mut self, order: StartOrder, now: Timestamp) {
        let workflow_id = loop {
            let candidate = generated_id(&order, RunId::new(self.id, self.counter));
            let fits = partition_of(&order.namespace, candidate.as_str(), self.setup.partitions) == self.id;
            if fits && !self.names.contains_key(&(order.namespace.clone(), candidate.clone())) {
                break candidate;
            }
            self.counter += 1;
        };
        self.start_new(order, workflow_id, now);
    }

    /// An open run has the id.
    fn start_over_open(&mut self, order: StartOrder, open: RunId, now: Timestamp) {
        let Some(existing) = self.runs.get(&open) else { return };
        let (run, batch) = (existing.run.me().clone(), existing.batch);
        if order.request_id.is_some() && request_of(existing.run.first_event()) == order.request_id.as_deref() {
            return self.joined(&order, run, true, batch);
        }
        match order.on_conflict {
            OnConflict::Join => self.join_open(order, run, batch, now),
            OnConflict::Reject => self.refused(&order, batch, refusal::already_running(&run), "AlreadyRunning"),
            OnConflict::Replace => {
                let reason = "replaced by a new start of the same id".to_owned();
                self.apply(open, Input::Terminate { reason, from: None, next_run: None }, Then::Nothing, now);
                self.start_new(order, run.workflow_id, now);
            }
        }
    }

    /// An open run answers a start; what goes with that goes to it.
    fn join_open(&mut self, order: StartOrder, run: RunRef, batch: u64, now: Timestamp) {
        let StartedBy::Client(reply) = order.by else { return self.joined(&order, run, false, batch) };
        match order.with {
            None => self.joined(&order, run, false, batch),
            Some(With::Signal { name, args, request_id }) => {
                let Some(open) = self.runs.get(&run.run_id) else { return };
                let (loaded, workflow) = (open.run.loaded().clone(), open.run.workflow_index());
                let max = self.setup.limits.payload_bytes_max;
                match checked_signal(loaded.program(), workflow, &name, &args, max) {
                    Ok(args) => {
                        let input = Input::Signal { name, args, request_id, from: None, with_start: true };
                        self.apply(run.run_id, input, Then::Joined(reply, run), now);
                    }
                    Err(error) => self.reply(batch, reply, Err(error)),
                }
            }
            Some(with @ With::Update { .. }) => self.update_started(run, with, Sent::Joining, reply, now),
        }
    }

    /// A closed run has the id.
    fn start_over_closed(&mut self, order: StartOrder, matched: ClosedMatch, now: Timestamp) {
        // Whether it is this very start its history says, which is not durable yet: ask again when the store has it.
        let told = match &order.with {
            Some(With::Signal { name, request_id: Some(id), .. }) => Some((name.clone(), id.clone())),
            _ => None,
        };
        let looks = order.request_id.is_some() || told.is_some() || matches!(order.with, Some(With::Update { .. }));
        if matched.row.is_none() && looks {
            let workflow_id = matched.run.workflow_id;
            let newest = self.closed_ids.get(&name_hash(&order.namespace, workflow_id.as_str())).copied();
            let probe = Probe { asker: Asker::Start(order), workflow_id, run_id: None, newest };
            return self.hold(matched.batch, Output::Probe(Box::new(probe)));
        }
        let allowed = match order.on_closed {
            OnClosed::Allow => true,
            OnClosed::AllowIfFailed => !matches!(matched.status, Status::Completed | Status::ContinuedAsNew),
            OnClosed::Join | OnClosed::Reject => false,
        };
        let history = matched.row.as_deref().filter(|_| looks).map(closed::history).transpose();
        let history = match history {
            Ok(history) => history,
            Err(error) => return self.not_readable(&order, &error),
        };
        // An update is done once, also where a start would begin another run.
        let known = match (&order.with, &history) {
            (Some(With::Update { name, update_id, .. }), Some(events)) => outcome_in(events, update_id, name),
            _ => Ok(None),
        };
        let again = order.request_id.is_some()
            && history.as_ref().is_some_and(|events| request_of(events.first()) == order.request_id.as_deref());
        // Its signal was taken by a run that was open then: what has come of that is in the history alone.
        let was_joined = match (&told, &history) {
            (Some((name, id)), Some(events)) => !again && signal::has_taken(events, name, id),
            _ => false,
        };
        if let (Ok(Some(_)) | Err(_), StartedBy::Client(reply)) = (&known, &order.by) {
            let answer =
                known.map(|update| Answer::Started { run: matched.run, started: false, update: update.map(Box::new) });
            self.reply(matched.batch, *reply, answer.map_err(|_| refusal::update_id_taken()));
        } else if again || was_joined {
            self.joined(&order, matched.run, again, matched.batch);
        } else if allowed {
            self.start_new(order, matched.run.workflow_id, now);
        } else if order.on_closed == OnClosed::Join {
            match (&order.by, matched.row) {
                // What goes with the start would reach nobody.
                (StartedBy::Client(reply), _) if order.with.is_some() => {
                    self.reply(matched.batch, *reply, Err(refusal::already_closed(&matched.run)));
                }
                (StartedBy::Client(_) | StartedBy::Schedule(_), _) => {
                    self.joined(&order, matched.run, false, matched.batch)
                }
                (StartedBy::Parent(_), Some(row)) => self.told_again_and_closed(&order, matched.run, Some(*row)),
                // Its end is not durable yet: ask again when the store has it.
                (StartedBy::Parent(_), None) => {
                    let probe = Probe {
                        workflow_id: matched.run.workflow_id,
                        asker: Asker::Start(order),
                        run_id: Some(matched.run.run_id),
                        newest: None,
                    };
                    self.hold(matched.batch, Output::Probe(Box::new(probe)));
                }
            }
        } else {
            self.refused(&order, matched.batch, refusal::already_closed(&matched.run), "AlreadyRunning");
        }
    }

    fn start_new(&mut self, order: StartOrder, workflow_id: WorkflowId, now: Timestamp) {
        let run_id = RunId::new(self.id, self.counter);
        self.counter += 1;
        let parent = match &order.by {
            StartedBy::Parent(parent) => Some(parent.clone()),
            StartedBy::Client(_) | StartedBy::Schedule(_) => None,
        };
        let schedule = match &order.by {
            StartedBy::Schedule(start) => Some(start.clone()),
            StartedBy::Client(_) | StartedBy::Parent(_) => None,
        };
        if let Some(request_id) = &order.request_id {
            let run = RunRef { workflow_id: workflow_id.clone(), run_id };
            self.starts.remember(order.namespace.clone(), order.workflow_id.clone(), request_id, run);
        }
        let signal = match &order.with {
            Some(With::Signal { name, args, request_id }) => {
                let max = self.setup.limits.payload_bytes_max;
                let checked = checked_signal(order.program.program(), order.workflow, name, args, max);
                let told = |args| FirstSignal { name: name.clone(), args, request_id: request_id.clone() };
                checked.ok().map(told)
            }
            _ => None,
        };
        let start = Start {
            namespace: order.namespace.to_string(),
            workflow: order.workflow,
            workflow_id: workflow_id.clone(),
            run_id,
            args: order.args,
            seed: self.seed(run_id),
            parent: parent.clone(),
            schedule,
            request_id: order.request_id,
            options: *order.options,
            signal,
        };
        let (run, transition) = Run::start(order.program, start, now, self.setup.limits.clone());
        let open = OpenRun::new(run, order.namespace.clone(), self.batch);
        self.runs.insert(run_id, Box::new(open));
        self.names.insert((order.namespace.clone(), workflow_id.clone()), run_id);
        if let Some(parent) = parent {
            self.children.insert((parent.run.run_id, parent.scheduled), run_id);
        }
        let run = RunRef { workflow_id, run_id };
        if let StartedBy::Parent(parent) = &order.by {
            // Before what the start itself leads to: the parent hears of the start before it hears of the end.
            let message = child_started(&order.namespace, parent, run.clone());
            self.held.push(message);
        }
        if let StartedBy::Schedule(start) = &order.by {
            // As for a parent.
            let message = self.to_schedule(start.clone(), Ok(run_id));
            self.held.push(message);
        }
        self.absorb(run_id, transition);
        match (order.by, order.with) {
            (StartedBy::Client(reply), Some(with @ With::Update { .. })) => {
                self.update_started(run, with, Sent::Starting, reply, now);
            }
            (StartedBy::Client(reply), _) => {
                self.reply(self.batch, reply, Ok(Answer::Started { run, started: true, update: None }));
            }
            (StartedBy::Parent(_) | StartedBy::Schedule(_), _) => {}
        }
    }

    /// A seed that nobody can guess and that needs no source of randomness per start.
    pub(super) fn seed(&self, run: RunId) -> [u8; 16] {
        let hash = blake3::keyed_hash(&self.setup.entropy, &run.0.to_le_bytes());
        let mut seed = [0; 16];
        seed.copy_from_slice(&hash.as_bytes()[..16]);
        seed
    }

    /// The very start was made before: the parent may not have heard.
    fn start_told_again(&mut self, order: StartOrder, known: RunId) {
        let StartedBy::Parent(parent) = &order.by else { return };
        if let Some(open) = self.runs.get(&known) {
            let (run, batch) = (open.run.me().clone(), open.batch);
            let message = child_started(&order.namespace, parent, run);
            return self.hold(batch, message);
        }
        let Some(workflow_id) = order.workflow_id.clone() else { return };
        // If the end is not durable yet, word of it is held with it and will leave by itself: to who waits for the end.
        if let Some((_, batch)) = self.closing.values().find(|(fact, _)| fact.run_id == known).copied() {
            let message = child_started(&order.namespace, parent, RunRef { workflow_id, run_id: known });
            return self.hold(batch, message);
        }
        let probe = Probe { asker: Asker::Start(order), workflow_id, run_id: Some(known), newest: None };
        self.hold(self.deleted_in, Output::Probe(Box::new(probe)));
    }

    /// The child a start asked for has ended long ago: the parent hears of its start and of its end.
    fn told_again_and_closed(&mut self, order: &StartOrder, run: RunRef, found: Option<ClosedRun>) {
        let StartedBy::Parent(parent) = &order.by else { return };
        let name = &order.program.program().workflows[usize::from(order.workflow)].name;
        let end = match found.as_ref().map(closed::history).transpose() {
            Ok(Some(events)) => {
                if let Some(next_run) = events.last().and_then(|last| last.kind.next_run()) {
                    let next = RunRef { run_id: next_run, ..run };
                    return self.await_end(order.clone(), next);
                }
                events
                    .last()
                    .and_then(|last| between::child_end(&order.namespace, &order.program, name, parent, &run, last))
            }
            // Retention has removed it. The parent must not wait for ever.
            Ok(None) => parent.attached.then(|| {
                let failure = child::not_kept(name, &run);
                let event = EventKind::ChildFailed { scheduled: parent.scheduled, failure };
                between::to_parent(&order.namespace, parent, Some(run.clone()), event)
            }),
            Err(error) => return self.not_readable(order, &error),
        };
        let started = child_started(&order.namespace, parent, run);
        self.out.push(started);
        self.out.extend(end.map(|message| Output::Send(parent.run.run_id.partition(), message)));
    }

    /// The store cannot read what has the id of a start. Nothing is guessed: a client is refused; a parent waits, for
    /// what its history said would be true for ever, and asks again when it is read back from a repaired store.
    fn not_readable(&mut self, order: &StartOrder, error: &StoreError) {
        match &order.by {
            StartedBy::Client(reply) => self.reply(0, *reply, Err(refusal::of_store(error))),
            StartedBy::Schedule(start) => {
                tracing::error!(schedule = start.name, %error, "a schedule waits: a closed run cannot be read");
            }
            StartedBy::Parent(parent) => {
                let child = order.workflow_id.as_ref().map_or("?", WorkflowId::as_str);
                tracing::error!(parent = %parent.run.run_id, child, %error, "a child waits: its closed run cannot be read");
            }
        }
    }

    /// An existing run answers a start.
    fn joined(&mut self, order: &StartOrder, run: RunRef, started: bool, batch: u64) {
        match &order.by {
            StartedBy::Client(reply) => {
                self.reply(batch, *reply, Ok(Answer::Started { run, started, update: None }));
            }
            StartedBy::Schedule(start) => self.scheduled_before(start.clone(), run, batch),
            StartedBy::Parent(parent) => {
                if parent.attached
                    && let Some(open) = self.runs.get_mut(&run.run_id)
                    && !open.watchers.contains(parent)
                {
                    open.watchers.push(parent.clone());
                }
                let message = child_started(&order.namespace, parent, run);
                self.hold(batch, message);
            }
        }
    }

    fn refused(&mut self, order: &StartOrder, batch: u64, error: ApiError, kind: &str) {
        match &order.by {
            StartedBy::Client(reply) => self.reply(batch, *reply, Err(error)),
            StartedBy::Schedule(start) => {
                let message = self.to_schedule(start.clone(), Err(Failure::new(kind, error.message)));
                self.hold(batch, message);
            }
            StartedBy::Parent(parent) => {
                self.child_refused(parent, order, Failure::new(kind, error.message), batch);
            }
        }
    }

    fn child_refused(&mut self, parent: &ParentRef, order: &StartOrder, cause: Failure, batch: u64) {
        let name = &order.program.program().workflows[usize::from(order.workflow)].name;
        let id = order.workflow_id.clone().unwrap_or_else(|| WorkflowId::from(""));
        let failure = child::start_refused(name, &id, cause);
        let event = EventKind::ChildStartFailed { scheduled: parent.scheduled, failure };
        let message = between::to_parent(&order.namespace, parent, None, event);
        self.hold(batch, Output::Send(parent.run.run_id.partition(), message));
    }
}

fn child_started(namespace: &Arc<str>, parent: &ParentRef, run: RunRef) -> Output {
    let event = EventKind::ChildStarted { scheduled: parent.scheduled, run: run.clone() };
    let message = between::to_parent(namespace, parent, Some(run), event);
    Output::Send(parent.run.run_id.partition(), message)
}

/// `<workflow>-<run id>`.
fn generated_id(order: &StartOrder, run: RunId) -> WorkflowId {
    let name = &order.program.program().workflows[usize::from(order.workflow)].name;
    WorkflowId(format!("{name}-{run}").into())
}

fn request_of(first: Option<&weft_protocol::Event>) -> Option<&str> {
    match &first?.kind {
        EventKind::RunStarted { request_id, .. } => request_id.as_deref(),
        _ => None,
    }
}
