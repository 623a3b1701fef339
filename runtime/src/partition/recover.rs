//! A partition from its log: every record in order, then each run that is still open, then what it still has to do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use weft_bytecode::ProgramHash;
use weft_bytecode::options::Target;
use weft_engine::{AlarmKey, Input, Record, Run, Schedule, Transition, program_of, word};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::policy::{ChildOptions, OnClosed, OnConflict, OnParentClose};
use weft_protocol::{
    Event, EventId, PartitionId, Payload, RunId, ScheduleEvent, ScheduleEventKind, Timestamp, WorkflowId,
};
use weft_vm::Loaded;

use super::alarms::Alarms;
use super::request::{AttemptRef, Message, OpenRun, Output, StartOrder, StartedBy, Then};
use super::schedule::Schedules;
use super::starts::Starts;
use super::word::Tell;
use super::{Partition, Setup, name_hash};
use crate::frame::large::{Hash, missing, note, put_back};
use crate::frame::{ChunkReader, LogRecord};
use crate::store::{Chunk, StoreError};

/// Slices of computing after which a run that is only looked at is shown as computing.
const LOOK_SLICES_MAX: usize = 100;

/// What a partition is brought back for, and when.
#[derive(Debug, Clone, Copy)]
enum Restore {
    /// Its runs go on.
    ToServe(Timestamp),
    /// It is asked only.
    ToLook(Timestamp),
}

/// Reads a partition's log.
#[derive(Debug)]
pub struct Recovery {
    id: PartitionId,
    reader: ChunkReader,
    records: Vec<LogRecord>,
    open: BTreeMap<RunId, Logged>,
    counter: u64,
    children: FxHashMap<(RunId, EventId), RunId>,
    /// Messages of closed runs of which it is not known what became of them.
    untold: BTreeMap<(RunId, EventId), Tell>,
    starts: Starts,
    schedules: BTreeMap<(String, String), Schedule>,
}

/// What the log says of an open run.
#[derive(Debug, Clone, Default)]
struct Logged {
    events: Vec<Event>,
    records: Vec<Record>,
}

/// What the world must bring before a [`Recovery`] can be finished.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The programs of [`Recovery::needs`].
    pub programs: FxHashMap<ProgramHash, Arc<Loaded>>,
    /// Newest closed run of each id: namespace, workflow id, run id.
    pub closed: Vec<(String, WorkflowId, RunId)>,
    /// The values of [`Recovery::large`], those of them that are there.
    pub large: FxHashMap<(RunId, Hash), Payload>,
}

impl Logged {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        self.events.iter_mut().for_each(|event| event.kind.payloads(visit));
        self.records.iter_mut().for_each(|record| record.payloads(visit));
    }
}

impl Recovery {
    /// For the log of `id`.
    pub fn new(id: PartitionId) -> Recovery {
        Recovery {
            id,
            reader: ChunkReader::new(id),
            records: Vec::new(),
            open: BTreeMap::new(),
            counter: 0,
            children: FxHashMap::default(),
            untold: BTreeMap::new(),
            starts: Starts::default(),
            schedules: BTreeMap::new(),
        }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not what was written, or does not follow.
    pub fn feed(&mut self, chunk: &Chunk) -> Result<(), StoreError> {
        let mut records = std::mem::take(&mut self.records);
        self.reader.read(chunk, &mut records)?;
        for record in records.drain(..) {
            match record {
                LogRecord::Event { run, event } => self.event(run, event)?,
                LogRecord::Record { run, record: Record::Told { sent } } => {
                    self.untold.remove(&(run, sent));
                }
                LogRecord::Record { record: Record::Deleted { namespace, workflow_id }, .. } => {
                    self.starts.forget(&namespace, &workflow_id);
                }
                LogRecord::Record { run, record } => {
                    if let Some(logged) = self.open.get_mut(&run) {
                        logged.records.push(record);
                    }
                }
                LogRecord::Schedule { namespace, name, event } => self.schedule(namespace, name, &event)?,
                LogRecord::Fence { .. } => {}
            }
        }
        self.records = records;
        Ok(())
    }

    fn event(&mut self, run: RunId, event: Event) -> Result<(), StoreError> {
        let begins = matches!(event.kind, EventKind::RunStarted { .. });
        let before = self.open.get(&run).map_or(0, |logged| logged.events.len());
        if event.id.0 != before as u64 + 1 || begins != (before == 0) {
            return Err(StoreError::Corrupt(format!(
                "run {run} of partition {} has event {} ({}) after {before} events",
                self.id.0,
                event.id.0,
                event.kind.name()
            )));
        }
        if let EventKind::RunStarted { namespace, workflow, workflow_id, parent, request_id, continued, .. } =
            &event.kind
        {
            self.counter = self.counter.max(run.counter() + 1);
            if let Some(parent) = parent {
                self.children.insert((parent.run.run_id, parent.scheduled), run);
            }
            // The request began the first run of its chain.
            if let (Some(request_id), None) = (request_id, continued) {
                let given = (*workflow_id.0 != *format!("{workflow}-{run}")).then(|| workflow_id.clone());
                let run = RunRef { workflow_id: workflow_id.clone(), run_id: run };
                self.starts.remember(namespace.as_str().into(), given, request_id, run);
            }
        }
        if event.kind.closes() {
            let logged = self.open.remove(&run);
            self.left_untold(run, logged.map(|logged| logged.events).unwrap_or_default());
        } else {
            self.open.entry(run).or_default().events.push(event);
        }
        Ok(())
    }

    fn schedule(&mut self, namespace: String, name: String, event: &ScheduleEvent) -> Result<(), StoreError> {
        let key = (namespace, name);
        let corrupt = |error: String| StoreError::Corrupt(format!("schedule `{}` of `{}`: {error}", key.1, key.0));
        match &event.kind {
            ScheduleEventKind::Created { born, .. } => {
                self.counter = self.counter.max(born + 1);
                let begun = Schedule::begin(&key.0, &key.1, event).map_err(|error| corrupt(error.to_string()))?;
                self.schedules.insert(key, begun);
            }
            ScheduleEventKind::Deleted => drop(self.schedules.remove(&key)),
            kind => {
                let known = self
                    .schedules
                    .get_mut(&key)
                    .ok_or_else(|| corrupt(format!("{} before it is created", kind.name())))?;
                known.apply(event).map_err(|error| corrupt(error.to_string()))?;
            }
        }
        Ok(())
    }

    /// What a closed run has sent and not heard of.
    fn left_untold(&mut self, run: RunId, events: Vec<Event>) {
        let untold = word::untold(&events);
        let Some(EventKind::RunStarted { workflow_id, .. }) = events.first().map(|first| &first.kind) else { return };
        let (namespace, me) = (namespace_of(&events), RunRef { workflow_id: workflow_id.clone(), run_id: run });
        let tells = untold.into_iter().filter_map(|outgoing| Tell::of(&namespace, &me, outgoing));
        self.untold.extend(tells.map(|tell| ((run, tell.sent), tell)));
    }

    /// The place after the last chunk fed, from which to read on.
    pub fn next_seq(&self) -> Option<weft_protocol::LogSeq> {
        self.reader.next_seq()
    }

    /// Programs that the open runs are pinned to.
    pub fn needs(&self) -> Vec<ProgramHash> {
        let all: BTreeSet<ProgramHash> = self.open.values().filter_map(|logged| program_of(&logged.events)).collect();
        all.into_iter().collect()
    }

    /// Large values that open runs, and what closed ones have said, refer to.
    pub fn large(&mut self) -> Vec<(RunId, Vec<Hash>)> {
        let mut all: BTreeMap<RunId, Vec<Hash>> = BTreeMap::new();
        for (run, logged) in &mut self.open {
            logged.payloads(&mut |payload| note(payload, all.entry(*run).or_default()));
        }
        for ((run, _), tell) in &mut self.untold {
            tell.payloads(&mut |payload| note(payload, all.entry(*run).or_default()));
        }
        all.into_iter().filter(|(_, hashes)| !hashes.is_empty()).collect()
    }

    /// The partition as its log left it, owned in `epoch`. What its runs still have to do is among its outputs.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another owner's fence is in the log: this node was overtaken before it had read all.
    /// [`StoreError::Corrupt`] if the log ends before `epoch` begins or in the middle of a record, or a program is
    /// missing.
    pub fn finish(
        self,
        setup: Setup,
        epoch: u64,
        recovered: Recovered,
        now: Timestamp,
    ) -> Result<Partition, StoreError> {
        self.restored(setup, epoch, recovered, Restore::ToServe(now))
    }

    /// The partition as its log left it, to be asked only: no run of it goes on, nothing of it leaves.
    ///
    /// # Errors
    /// As [`Recovery::finish`], but whose epoch the log ends in does not matter.
    pub fn finish_to_look(
        self,
        setup: Setup,
        epoch: u64,
        recovered: Recovered,
        now: Timestamp,
    ) -> Result<Partition, StoreError> {
        self.restored(setup, epoch, recovered, Restore::ToLook(now))
    }

    fn restored(
        self,
        setup: Setup,
        epoch: u64,
        recovered: Recovered,
        restore: Restore,
    ) -> Result<Partition, StoreError> {
        if matches!(restore, Restore::ToServe(_)) {
            self.still_ours(epoch)?;
        }
        let mut partition = Partition {
            id: self.id,
            setup,
            writer: self.reader.writer(epoch)?,
            counter: self.counter,
            runs: FxHashMap::default(),
            names: FxHashMap::default(),
            closed_ids: FxHashMap::default(),
            closing: FxHashMap::default(),
            children: self.children,
            starts: self.starts,
            untold: FxHashSet::default(),
            alarms: Alarms::default(),
            schedules: Schedules::default(),
            again: VecDeque::new(),
            moves: VecDeque::new(),
            batch: 1,
            flying: false,
            closed_rows: Vec::new(),
            ended: 0,
            deleted: Vec::new(),
            deleted_in: 0,
            held: Vec::new(),
            held_flying: Vec::new(),
            out: Vec::new(),
        };
        for (namespace, workflow_id, run) in &recovered.closed {
            let newest = partition.closed_ids.entry(name_hash(namespace, workflow_id.as_str())).or_insert(*run);
            *newest = (*newest).max(*run);
        }
        let mut untold = self.untold;
        // What a run has said that was kept long enough and is gone, nobody is told any more.
        untold.retain(|(run, _), tell| {
            let mut there = Ok(());
            tell.payloads(&mut |payload| {
                let back = put_back(payload, &|hash| recovered.large.get(&(*run, *hash)).cloned());
                there = there.and(back);
            });
            there.is_ok()
        });
        partition.untold = untold.keys().copied().collect();
        for (id, mut logged) in self.open {
            let mut there = Ok(());
            logged.payloads(&mut |payload| {
                let back = put_back(payload, &|hash| recovered.large.get(&(id, *hash)).cloned());
                there = there.and(back);
            });
            there.map_err(|_| missing(id))?;
            let hash = program_of(&logged.events);
            let Some(program) = hash.and_then(|hash| recovered.programs.get(&hash)) else {
                return Err(StoreError::Corrupt(format!(
                    "run {id} is pinned to program {}, which the store does not have",
                    hash.map_or_else(|| "?".into(), |hash| hash.to_string())
                )));
            };
            partition.reopen(id, program.clone(), logged, restore)?;
        }
        for (_, schedule) in self.schedules {
            partition.reopen_schedule(schedule, matches!(restore, Restore::ToServe(_)));
        }
        if let Restore::ToServe(now) = restore {
            partition.schedules_go_on(now);
        }
        if matches!(restore, Restore::ToServe(_)) {
            untold.into_values().for_each(|tell| partition.tell(0, tell));
        }
        Ok(partition)
    }

    /// Whoever goes on after another owner's fence takes places in the log that are free and not its own: the key alone
    /// does not stop it, for its writer would begin where that owner's chunks end.
    fn still_ours(&self, epoch: u64) -> Result<(), StoreError> {
        match self.reader.epoch() {
            Some(last) if last > epoch => Err(StoreError::Conflict),
            Some(last) if last < epoch => Err(StoreError::Corrupt(format!(
                "partition {} is owned in epoch {epoch}, but its log ends in epoch {last}: a fence is missing",
                self.id.0
            ))),
            // Of an empty log the writer says that it is damaged.
            Some(_) | None => Ok(()),
        }
    }
}

impl Partition {
    fn reopen(&mut self, id: RunId, program: Arc<Loaded>, logged: Logged, restore: Restore) -> Result<(), StoreError> {
        let recover = |logged: Logged| {
            Run::recover(program.clone(), logged.events, logged.records, self.setup.limits.clone())
                .map_err(|error| StoreError::Corrupt(format!("run {id}: {error}")))
        };
        let run = match restore {
            Restore::ToServe(_) => recover(logged)?,
            Restore::ToLook(now) => match settled(recover(logged.clone())?, now) {
                Some(run) => run,
                None => recover(logged)?,
            },
        };
        let mut run = run;
        if let Restore::ToServe(now) = restore {
            run.resume(now);
        }
        let namespace = namespace_of(run.history());
        self.names.insert((namespace.clone(), run.me().workflow_id.clone()), id);
        let unsettled = run.unsettled();
        if matches!(restore, Restore::ToServe(_)) {
            self.ask_again(&run, &namespace);
        }
        let open = OpenRun {
            run,
            namespace,
            batch: 0,
            waiters: Vec::new(),
            followers: Vec::new(),
            updaters: Vec::new(),
            watchers: Vec::new(),
            deferred: VecDeque::new(),
            has_place: false,
        };
        self.runs.insert(id, open);
        if let Restore::ToServe(now) = restore {
            self.go_on_from(id, unsettled, now);
        }
        Ok(())
    }

    /// Word between this run and others that may have been lost.
    fn ask_again(&mut self, run: &Run, namespace: &Arc<str>) {
        let me = run.me().clone();
        // The parent may have closed without having heard of this run.
        if let Some(parent) = run.parent()
            && parent.on_close != OnParentClose::Abandon
        {
            let (parent, on_close) = (parent.run.clone(), parent.on_close);
            let to = parent.run_id.partition();
            let namespace = namespace.clone();
            self.out.push(Output::Send(to, Message::ParentOpen { namespace, parent, child: me, on_close }));
        }
        for (child, ask) in awaited(run, namespace) {
            self.out.push(Output::Send(child, ask));
        }
    }

    /// Asks for the ends of children that a run has taken over from another; they do not know it.
    pub(super) fn ask_for_children(&mut self, id: RunId) {
        let Some(open) = self.runs.get(&id) else { return };
        let (asks, batch) = (awaited(&open.run, &open.namespace), open.batch);
        for (child, ask) in asks {
            self.hold(batch, Output::Send(child, ask));
        }
    }

    /// What a run still has to do.
    fn go_on_from(&mut self, id: RunId, mut unsettled: Transition, now: Timestamp) {
        let over = |(at, key): &mut (Timestamp, AlarmKey)| matches!(key, AlarmKey::Retry(..)) && *at <= now;
        let backoffs_over: Vec<_> = unsettled.alarms.extract_if(.., over).collect();
        self.absorb_again(id, unsettled);
        // A backoff that is over may have been over before memory was lost: then a worker has the attempt, and says so
        // any moment now.
        for (_, key) in backoffs_over {
            let Some(open) = self.runs.get_mut(&id) else { break };
            match open.run.decide(Input::Due(key), now) {
                Ok(transition) => {
                    open.deferred.extend(transition.deferred.then_some(Then::Nothing));
                    self.absorb_again(id, transition);
                }
                Err(refused) => tracing::debug!(run = %id, ?refused, "a backoff is of no use any more"),
            }
        }
    }

    /// As `absorb`, where whoever was given an attempt before memory was lost may still be at work.
    pub(super) fn absorb_again(&mut self, id: RunId, mut transition: Transition) {
        let dispatch = std::mem::take(&mut transition.dispatch);
        // Told to stop before it is handed out, nobody would hear it.
        let handed: FxHashSet<EventId> = dispatch.iter().map(|(scheduled, _)| *scheduled).collect();
        let stop: Vec<EventId> = transition.cancel.extract_if(.., |asked| handed.contains(asked)).collect();
        self.absorb(id, transition);
        // A run that closed in this step wants no attempt any more.
        let Some(batch) = self.runs.get(&id).map(|open| open.batch) else { return };
        for (scheduled, attempt) in dispatch {
            self.hold(batch, Output::DispatchAgain(AttemptRef { run: id, scheduled, attempt }));
        }
        for scheduled in stop {
            // A worker learns it from its heartbeat. A queue drops what was told to stop, and whoever waits for the end
            // of this activity would wait for ever.
            if !self.is_for_workers(id, scheduled) {
                self.hold(batch, Output::Stop(id, scheduled));
            }
        }
    }

    fn is_for_workers(&self, id: RunId, scheduled: EventId) -> bool {
        let Some(open) = self.runs.get(&id) else { return false };
        let activity = open.run.attempt_view(scheduled).and_then(|pending| pending.activity);
        let def = activity.and_then(|index| open.run.loaded().program().activities.get(usize::from(index)));
        def.is_some_and(|def| matches!(def.options.target, Target::Queue(_)))
    }
}

/// A run after what it computes since its last event, so that it can tell what it waits for; none if that takes long or
/// leads to an event, which has not happened as long as nobody logs it.
fn settled(mut run: Run, now: Timestamp) -> Option<Run> {
    let events = run.history().len();
    let mut again = run.unsettled().again;
    for _ in 0..LOOK_SLICES_MAX {
        if !again {
            return (run.history().len() == events).then_some(run);
        }
        again = run.decide(Input::Continue, now).ok()?.again;
    }
    None
}

/// Children that have started and whose end is awaited: the word of it may have been lost.
fn awaited(run: &Run, namespace: &Arc<str>) -> Vec<(PartitionId, Message)> {
    let mut awaited = BTreeMap::new();
    for event in run.history() {
        match &event.kind {
            EventKind::ChildScheduled { workflow, options, attached: true, .. } => {
                awaited.insert(event.id, (workflow, options, None));
            }
            EventKind::ChildStarted { scheduled, run } => {
                if let Some((.., child)) = awaited.get_mut(scheduled) {
                    *child = Some(run);
                }
            }
            EventKind::ChildStartFailed { scheduled, .. }
            | EventKind::ChildCompleted { scheduled, .. }
            | EventKind::ChildFailed { scheduled, .. }
            | EventKind::ChildCanceled { scheduled }
            | EventKind::ChildTimedOut { scheduled, .. }
            | EventKind::ChildTerminated { scheduled, .. } => {
                awaited.remove(scheduled);
            }
            _ => {}
        }
    }
    let ask = |(scheduled, (workflow, options, child)): (EventId, (&String, &ChildOptions, Option<&RunRef>))| {
        let child = child?.clone();
        let (workflow, _) = run.loaded().program().workflow(workflow)?;
        let on_close = options.on_parent_close;
        let parent = ParentRef { run: run.scheduler(scheduled), scheduled, attached: true, on_close };
        let order = StartOrder {
            namespace: namespace.clone(),
            workflow_id: Some(child.workflow_id.clone()),
            program: run.loaded().clone(),
            workflow,
            args: Payload::null(),
            request_id: None,
            on_conflict: OnConflict::Join,
            on_closed: OnClosed::Join,
            options: Box::default(),
            with: None,
            by: StartedBy::Parent(parent),
        };
        Some((child.run_id.partition(), Message::AwaitEnd(Box::new(order), child)))
    };
    awaited.into_iter().filter_map(ask).collect()
}

fn namespace_of(events: &[Event]) -> Arc<str> {
    match events.first().map(|event| &event.kind) {
        Some(EventKind::RunStarted { namespace, .. }) => namespace.as_str().into(),
        _ => "".into(),
    }
}
