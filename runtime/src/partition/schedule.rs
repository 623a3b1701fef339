//! The schedules of a partition: their events go into its log like those of its runs, and what follows leaves when they
//! are durable. The name of a schedule says which partition has it; the runs that it starts live where their ids say.
//!
//! What could be lost between them is asked for again when a partition is read back: a start that is not known to be made
//! is made again under its request id, and the end of a run that is known to have started is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weft_bytecode::schedule::{Definition, SpecError};
use weft_engine::schedule::{ScheduleEffect, ScheduleInput, ScheduleRefused, ScheduleTransition, request_id};
use weft_engine::{Schedule, child};
use weft_protocol::api::{ApiError, ScheduleDescription, ScheduleRow, StartRequest, Status, TriggerAnswer};
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_protocol::schedule::{ScheduleEventKind, ScheduleRef};
use weft_protocol::{Failure, PartitionId, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

use super::ask::checked_start;
use super::request::{Answer, Asker, Message, Output, Probe, ReplyId, ScheduleAsk, StartOrder, StartedBy};
use super::{Partition, partition_of};
use crate::closed;
use crate::refusal;
use crate::store::{ClosedRun, StoreError};

/// Namespace and name.
type Key = (Arc<str>, String);

/// Refused starts that one input may lead to; each makes room for the next that waits.
const REFUSED_MAX: usize = 10_000;

/// The schedules that a partition owns.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    all: BTreeMap<Key, Open>,
    /// When each wants to look at the clock.
    looks: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Open {
    schedule: Schedule,
    /// Number of the batch with its last change.
    batch: u64,
    /// Its place in `looks`.
    look: Option<Timestamp>,
}

impl Schedules {
    /// When the next one wants to look.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.looks.first().map(|(at, _)| *at)
    }

    /// Those of a namespace, by name.
    pub(super) fn rows(&self, namespace: &str) -> Vec<ScheduleRow> {
        self.all.iter().filter(|((of, _), _)| &**of == namespace).map(|(_, open)| open.schedule.row()).collect()
    }

    fn look_again(&mut self, key: &Key) {
        let Some(open) = self.all.get_mut(key) else { return };
        let next = open.schedule.next_look();
        let before = std::mem::replace(&mut open.look, next);
        if before != next {
            if let Some(before) = before {
                self.looks.remove(&(before, key.clone()));
            }
            self.looks.extend(next.map(|next| (next, key.clone())));
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(Open { look: Some(look), .. }) = self.all.remove(key) {
            self.looks.remove(&(look, key.clone()));
        }
    }
}

impl Partition {
    /// A schedule as its log left it.
    pub(super) fn reopen_schedule(&mut self, schedule: Schedule, serves: bool) {
        let key: Key = (schedule.namespace().into(), schedule.name().to_owned());
        self.schedules.all.insert(key.clone(), Open { schedule, batch: 0, look: None });
        if serves {
            self.schedules.look_again(&key);
        }
    }

    /// What all of them still have to do.
    pub(super) fn schedules_go_on(&mut self, now: Timestamp) {
        let keys: Vec<Key> = self.schedules.all.keys().cloned().collect();
        for key in keys {
            let Some(open) = self.schedules.all.get_mut(&key) else { continue };
            let effects = open.schedule.unsettled();
            self.absorb_schedule(&key, ScheduleTransition { effects, ..ScheduleTransition::default() }, now);
        }
    }

    /// Lets the schedule look at the clock that wants to, if one does; whether there was one. A look takes many times, and
    /// a backfill always wants another, so the alarms of runs have their turn after each.
    pub fn schedule_due(&mut self, now: Timestamp) -> bool {
        let Some((_, key)) = self.schedules.looks.first().filter(|(at, _)| *at <= now).cloned() else { return false };
        // A clock input is never refused.
        let _ = self.give_schedule(&key, ScheduleInput::Due, now);
        true
    }

    /// Word for a schedule of this partition.
    pub(super) fn tell_schedule(&mut self, start: &ScheduleRef, input: ScheduleInput, now: Timestamp) {
        let key: Key = (start.namespace.as_str().into(), start.name.clone());
        // Another schedule may have the name by now.
        if self.schedules.all.get(&key).is_some_and(|open| open.schedule.born() == start.born) {
            let _ = self.give_schedule(&key, input, now);
        }
    }

    fn give_schedule(&mut self, key: &Key, input: ScheduleInput, now: Timestamp) -> Result<(), ScheduleRefused> {
        let Some(open) = self.schedules.all.get_mut(key) else { return Ok(()) };
        let transition = open.schedule.decide(input, now)?;
        self.absorb_schedule(key, transition, now);
        Ok(())
    }

    /// Writes what a schedule wants committed and holds what it wants done.
    fn absorb_schedule(&mut self, key: &Key, first: ScheduleTransition, now: Timestamp) {
        let mut transition = first;
        for _ in 0..REFUSED_MAX {
            let mut refused = Vec::new();
            let deleted = transition.events.iter().any(|event| event.kind == ScheduleEventKind::Deleted);
            for event in &transition.events {
                self.writer.schedule(&key.0, &key.1, event);
            }
            let filling = self.batch;
            let Some(open) = self.schedules.all.get_mut(key) else { return };
            if !transition.events.is_empty() {
                open.batch = filling;
            }
            let batch = open.batch;
            for effect in transition.effects {
                match self.carry_schedule(key, effect) {
                    Ok(Some(output)) => self.hold(batch, output),
                    Ok(None) => {}
                    Err((fire, failure)) => refused.push(ScheduleInput::Refused(fire, failure)),
                }
            }
            if deleted {
                return self.schedules.remove(key);
            }
            let Some(open) = self.schedules.all.get_mut(key) else { return };
            transition = ScheduleTransition::default();
            for input in refused {
                let Ok(follows) = open.schedule.decide(input, now) else { continue };
                transition.events.extend(follows.events);
                transition.effects.extend(follows.effects);
            }
            if transition == ScheduleTransition::default() {
                break;
            }
        }
        self.schedules.look_again(key);
    }

    /// What an effect sends; or which start cannot be made, and why.
    fn carry_schedule(&self, key: &Key, effect: ScheduleEffect) -> Result<Option<Output>, (u64, Failure)> {
        let Some(open) = self.schedules.all.get(key) else { return Ok(None) };
        let namespace = key.0.clone();
        let reason = || format!("the schedule `{}` starts its next run", key.1);
        // Asked again after memory was lost, it is the same.
        let stop = |run: &RunRef| format!("schedule/{}/{}/{}", key.1, open.schedule.born(), run.run_id);
        let (to, message) = match effect {
            ScheduleEffect::Start { fire, workflow_id, again } => {
                let start = open.schedule.start_ref(fire);
                let to = partition_of(&namespace, workflow_id.as_str(), self.setup.partitions);
                let order = self.scheduled_order(&namespace, open.schedule.definition(), start, workflow_id, again);
                let order = order.map_err(|error| (fire, Failure::new("StartRefused", error.message)))?;
                (to, Message::Start(Box::new(order)))
            }
            ScheduleEffect::AwaitEnd(fire, run) => {
                (run.run_id.partition(), Message::AwaitScheduled(open.schedule.start_ref(fire), run))
            }
            ScheduleEffect::Cancel(to) => {
                let (reason, request_id) = (reason(), stop(&to));
                (to.run_id.partition(), Message::Cancel { namespace, to, reason, from: None, request_id })
            }
            ScheduleEffect::Terminate(to) => {
                let (reason, request_id) = (reason(), format!("{}/end", stop(&to)));
                (to.run_id.partition(), Message::Terminate { namespace, to, reason, from: None, request_id })
            }
        };
        Ok(Some(Output::Send(to, message)))
    }

    /// A start of the newest code of its workflow.
    fn scheduled_order(
        &self,
        namespace: &Arc<str>,
        definition: &Definition,
        start: ScheduleRef,
        workflow_id: WorkflowId,
        again: bool,
    ) -> Result<StartOrder, ApiError> {
        let current = self.setup.programs.current(namespace, &definition.workflow);
        let (program, workflow) = current.ok_or_else(|| {
            let known = self.setup.programs.workflows(namespace);
            refusal::workflow_not_found(namespace, &definition.workflow, &known)
        })?;
        let request = StartRequest {
            workflow: definition.workflow.clone(),
            id: Some(workflow_id.to_string()),
            args: weft_bytecode::wire::json::parse(definition.args.as_bytes()).unwrap_or_default(),
            request_id: Some(request_id(&start)),
            on_conflict: Some(OnConflict::Reject),
            on_closed: Some(if again { OnClosed::Allow } else { OnClosed::Reject }),
            ..StartRequest::default()
        };
        let mut order = checked_start(program, workflow, request, namespace, &self.setup.limits)?;
        order.by = StartedBy::Schedule(start);
        Ok(order)
    }

    // ---- where the runs are

    /// Where a schedule lives.
    pub(super) fn send_to_schedule(&self, message: Message) -> Output {
        let to = match &message {
            Message::ScheduleStart { to, .. } | Message::ScheduleEnded { to, .. } => {
                partition_of(&to.namespace, &to.name, self.setup.partitions)
            }
            _ => self.id,
        };
        Output::Send(to, message)
    }

    /// What became of a start.
    pub(super) fn to_schedule(&self, to: ScheduleRef, how: Result<RunId, Failure>) -> Output {
        self.send_to_schedule(Message::ScheduleStart { to, how })
    }

    /// The very start was made before: the schedule may have heard of neither the start nor the end.
    pub(super) fn scheduled_before(&mut self, start: ScheduleRef, run: RunRef, batch: u64) {
        let message = self.to_schedule(start.clone(), Ok(run.run_id));
        self.hold(batch, message);
        if !self.runs.contains_key(&run.run_id) {
            self.await_scheduled(start, run);
        }
    }

    /// A schedule asks for the end of a run: one that is open tells it by itself.
    pub(super) fn await_scheduled(&mut self, start: ScheduleRef, run: RunRef) {
        let namespace: Arc<str> = start.namespace.as_str().into();
        if self.newest_of(&namespace, &run).is_some() {
            return;
        }
        let batch = self.ended_in(&namespace, &run.workflow_id);
        let probe = Probe {
            asker: Asker::Schedule(start),
            workflow_id: run.workflow_id,
            run_id: Some(run.run_id),
            newest: None,
        };
        self.hold(batch, Output::Probe(Box::new(probe)));
    }

    /// The store has answered what became of a run.
    pub(super) fn scheduled_closed(
        &mut self,
        start: ScheduleRef,
        workflow_id: WorkflowId,
        run_id: Option<RunId>,
        found: Result<Option<ClosedRun>, StoreError>,
    ) {
        let Some(run_id) = run_id else { return };
        let last = match found.and_then(|row| row.as_ref().map(closed::history).transpose()) {
            Ok(events) => events.and_then(|mut events| events.pop()),
            Err(error) => {
                return tracing::error!(schedule = start.name, %error, "a schedule waits: a closed run cannot be read");
            }
        };
        let message = match last.map(|last| last.kind) {
            Some(kind) => match kind.next_run() {
                Some(next) => return self.await_scheduled(start, RunRef { workflow_id, run_id: next }),
                None => ended(start, run_id, &kind),
            },
            // Retention has removed it. The schedule must not wait for ever.
            None => {
                let failure = child::not_kept("?", &RunRef { workflow_id, run_id });
                let (status, failure) = (Status::Terminated, Some(failure));
                Message::ScheduleEnded { to: start, run_id, status, failure, result: None }
            }
        };
        let output = self.send_to_schedule(message);
        self.out.push(output);
    }

    // ---- what clients ask

    pub(super) fn ask_schedule(
        &mut self,
        namespace: Arc<str>,
        name: String,
        ask: ScheduleAsk,
        reply: ReplyId,
        now: Timestamp,
    ) {
        let key = (namespace, name);
        let asked = match (ask, self.schedules.all.contains_key(&key)) {
            (ScheduleAsk::Give(trigger @ ScheduleInput::Trigger { .. }), true) => self.trigger(&key, trigger, now),
            (ask, _) => self.asked_schedule(&key, ask, now).map(|gone| (gone, None)),
        };
        let answer = asked.and_then(|(gone, trigger)| match self.schedules.all.get(&key) {
            Some(open) => Ok(Answer::Schedule(Box::new(ScheduleDescription { trigger, ..open.schedule.describe() }))),
            None if gone => Ok(Answer::Done),
            None => Err(refusal::schedule_not_found(&key.1)),
        });
        let batch = self.schedules.all.get(&key).map_or(self.last_batch(), |open| open.batch);
        self.reply(batch, reply, answer);
    }

    /// Triggers a schedule; what became of that.
    fn trigger(
        &mut self,
        key: &Key,
        input: ScheduleInput,
        now: Timestamp,
    ) -> Result<(bool, Option<TriggerAnswer>), ApiError> {
        let Some(open) = self.schedules.all.get_mut(key) else { return Ok((false, None)) };
        let transition = open.schedule.decide(input, now).map_err(refused)?;
        let events = transition.events.clone();
        self.absorb_schedule(key, transition, now);
        Ok((false, self.schedules.all.get(key).map(|open| open.schedule.became(&events))))
    }

    /// Does what is asked; whether the schedule is gone by that.
    fn asked_schedule(&mut self, key: &Key, ask: ScheduleAsk, now: Timestamp) -> Result<bool, ApiError> {
        let known = self.schedules.all.get(key).map(|open| open.schedule.declared_by().map(str::to_owned));
        match (ask, known) {
            (ScheduleAsk::Create(_), Some(_)) => Err(refusal::schedule_exists(&key.1)),
            (ScheduleAsk::Create(definition), None) => {
                self.fits(&key.0, &key.1, &definition)?;
                self.create_schedule(key, &definition, None, now).map_err(|error| refusal::wrong_schedule(&error))?;
                Ok(false)
            }
            (_, None) => Err(refusal::schedule_not_found(&key.1)),
            (ScheduleAsk::Describe, Some(_)) => Ok(false),
            (ScheduleAsk::Replace(_) | ScheduleAsk::Give(ScheduleInput::Delete), Some(Some(project))) => {
                Err(refusal::schedule_declared(&key.1, &project))
            }
            (ScheduleAsk::Replace(definition), Some(None)) => {
                self.fits(&key.0, &key.1, &definition)?;
                let given = self.give_schedule(key, ScheduleInput::Replace(definition, None), now);
                given.map(|()| false).map_err(refused)
            }
            (ScheduleAsk::Give(input), Some(_)) => {
                let gone = input == ScheduleInput::Delete;
                self.give_schedule(key, input, now).map(|()| gone).map_err(refused)
            }
        }
    }

    /// Whether the newest code of the workflow takes the arguments.
    fn fits(&self, namespace: &Arc<str>, name: &str, definition: &Definition) -> Result<(), ApiError> {
        let start = ScheduleRef { namespace: namespace.to_string(), name: name.to_owned(), born: 0, fire: 0 };
        let id = WorkflowId(format!("{name}-2026-01-01T00:00:00Z").into());
        self.scheduled_order(namespace, definition, start, id, false).map(drop)
    }

    fn create_schedule(
        &mut self,
        key: &Key,
        definition: &Definition,
        declared_by: Option<String>,
        now: Timestamp,
    ) -> Result<(), SpecError> {
        let born = self.counter;
        let (schedule, transition) = Schedule::create(&key.0, &key.1, definition, declared_by, born, now)?;
        self.counter += 1;
        self.schedules.all.insert(key.clone(), Open { schedule, batch: self.batch, look: None });
        self.absorb_schedule(key, transition, now);
        Ok(())
    }

    /// Deletes all schedules of a namespace.
    pub(super) fn drop_schedules(&mut self, namespace: &Arc<str>, reply: ReplyId, now: Timestamp) {
        let keys: Vec<Key> = self.schedules.all.keys().filter(|(of, _)| of == namespace).cloned().collect();
        for key in keys {
            let _ = self.give_schedule(&key, ScheduleInput::Delete, now);
        }
        self.reply(self.last_batch(), reply, Ok(Answer::Done));
    }

    /// Makes the schedules that a project declares what it says, and deletes those that it has dropped.
    pub(super) fn declare_schedules(
        &mut self,
        namespace: &Arc<str>,
        program: &Arc<Loaded>,
        reply: ReplyId,
        now: Timestamp,
    ) {
        let project = &program.program().project;
        let partitions = self.setup.partitions;
        let id: PartitionId = self.id;
        let here = |name: &str| partition_of(namespace, name, partitions) == id;
        let mut clashes = Vec::new();
        let dropped: Vec<Key> = self
            .schedules
            .all
            .iter()
            .filter(|((of, name), open)| {
                of == namespace
                    && open.schedule.declared_by() == Some(project)
                    && program.program().schedules.iter().all(|def| def.name != *name)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in dropped {
            let _ = self.give_schedule(&key, ScheduleInput::Delete, now);
        }
        for def in program.program().schedules.iter().filter(|def| here(&def.name)) {
            let key: Key = (namespace.clone(), def.name.clone());
            let by = Some(project.clone());
            let made = match self.schedules.all.get(&key).map(|open| open.schedule.declared_by() == Some(project)) {
                None => self.create_schedule(&key, &def.definition, by, now).map_err(|error| error.to_string()),
                Some(true) => {
                    let replace = ScheduleInput::Replace(Box::new(def.definition.clone()), by);
                    self.give_schedule(&key, replace, now).map_err(|refused| format!("{refused:?}"))
                }
                Some(false) => Err("the name is taken by one that this project does not declare".to_owned()),
            };
            if let Err(why) = made {
                clashes.push(format!("schedule `{}`: {why}; it is left as it is", def.name));
            }
        }
        self.reply(self.last_batch(), reply, Ok(Answer::Declared(clashes)));
    }
}

/// Word that a run has ended with this event.
pub(super) fn ended(to: ScheduleRef, run_id: RunId, last: &EventKind) -> Message {
    let (failure, result) = match last {
        EventKind::RunCompleted { result, .. } => (None, Some(result.clone())),
        EventKind::RunFailed { failure, .. } | EventKind::RunTimedOut { failure, .. } => (Some(failure.clone()), None),
        EventKind::RunTerminated { reason, .. } => (Some(Failure::new("Terminated", reason.clone())), None),
        _ => (None, None),
    };
    Message::ScheduleEnded { to, run_id, status: closed::closing_status(last), failure, result }
}

fn refused(why: ScheduleRefused) -> ApiError {
    match why {
        ScheduleRefused::Spec(error) => refusal::wrong_schedule(&error),
        ScheduleRefused::Backfills(max) => refusal::too_many_backfills(max),
        ScheduleRefused::Range => refusal::backward_range(),
        ScheduleRefused::Times(max) => refusal::too_long_range(max),
    }
}
