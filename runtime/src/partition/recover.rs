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
use super::delete::Deletes;
use super::request::{AttemptRef, Message, OpenRun, Orphan, Output, StartOrder, StartedBy, Then};
use super::schedule::Schedules;
use super::snapshots::{Covered, Taken};
use super::starts::Starts;
use super::word::Tell;
use super::{Partition, Setup, name_hash};
use crate::frame::large::{Hash, missing, note, put_back};
use crate::frame::{Bundler, ChunkReader, LogRecord, Raw, Trail, Unbundled};
use crate::store::{Chunk, SnapshotRow, StoreError};

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
    /// Makes bundles of what stands in none, if it is wanted.
    bundler: Option<Bundler>,
    records: Vec<LogRecord>,
    open: BTreeMap<RunId, Logged>,
    counter: u64,
    children: FxHashMap<(RunId, EventId), RunId>,
    /// Messages of closed runs of which it is not known what became of them.
    untold: BTreeMap<(RunId, EventId), Tell>,
    starts: Starts,
    schedules: BTreeMap<(String, String), Schedule>,
    /// Snapshots of runs whose first event has yet to come.
    covered: BTreeMap<RunId, Covered>,
    /// Runs that have a snapshot in the store.
    kept: FxHashSet<RunId>,
}

/// What the log says of an open run.
#[derive(Debug, Clone, Default)]
struct Logged {
    /// Events that a snapshot stands for.
    covered: Option<Covered>,
    /// Those behind them.
    events: Vec<Event>,
    records: Vec<Record>,
    /// What all of them left.
    trail: Trail,
    /// Number of the newest event.
    newest: u64,
    /// The covered events are not those that the snapshot was made behind.
    unfit: bool,
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
    /// The next event as it is in the log; whether it is to be decoded.
    fn follow(&mut self, raw: Raw<'_>) -> bool {
        if raw.id.0 != self.newest + 1 {
            // Decoded, it will be refused.
            return true;
        }
        self.newest += 1;
        self.trail.follow(raw);
        let Some(covered) = &mut self.covered else { return true };
        let taken = covered.take(raw);
        self.unfit |= taken != Taken::Not && covered.is_whole() && !covered.fits(&self.trail);
        taken != Taken::Packed
    }

    fn put(&mut self, event: Event) {
        match &mut self.covered {
            Some(covered) if event.id.0 <= covered.events() as u64 => covered.keep(event),
            _ => {
                // Most runs that wait have two: room for more, in all of them at once, would be half of the memory.
                if self.events.is_empty() {
                    self.events.reserve_exact(2);
                }
                self.events.push(event);
            }
        }
    }

    /// Without its snapshot.
    fn uncover(&mut self, run: RunId) -> Result<(), StoreError> {
        if let Some(covered) = self.covered.take() {
            let behind = std::mem::replace(&mut self.events, covered.unpacked(run)?);
            self.events.extend(behind);
        }
        Ok(())
    }

    /// The code that the run is on.
    fn program(&self) -> Option<ProgramHash> {
        let Some(covered) = &self.covered else { return program_of(&self.events) };
        let moved = self.events.iter().rev().find_map(|event| match event.kind {
            EventKind::CodeMoved { to, .. } => Some(ProgramHash(to)),
            _ => None,
        });
        Some(moved.unwrap_or(covered.snapshot().program))
    }

    fn decoded(&mut self) -> impl Iterator<Item = &mut Event> {
        self.covered.iter_mut().flat_map(Covered::first_events).chain(&mut self.events)
    }

    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        self.decoded().for_each(|event| event.kind.payloads(visit));
        self.records.iter_mut().for_each(|record| record.payloads(visit));
    }
}

impl Recovery {
    /// For the log of `id`.
    pub fn new(id: PartitionId) -> Recovery {
        Recovery {
            id,
            reader: ChunkReader::new(id),
            bundler: None,
            records: Vec::new(),
            open: BTreeMap::new(),
            counter: 0,
            children: FxHashMap::default(),
            untold: BTreeMap::new(),
            starts: Starts::default(),
            schedules: BTreeMap::new(),
            covered: BTreeMap::new(),
            kept: FxHashSet::default(),
        }
    }

    /// The same with the snapshots of its runs, so that what they stand for is not replayed.
    pub fn with_snapshots(id: PartitionId, rows: &[SnapshotRow]) -> Recovery {
        let kept = rows.iter().map(|row| row.run).collect();
        Recovery { covered: Covered::of(rows), kept, ..Recovery::new(id) }
    }

    /// The same, and what stands in no bundle is put into bundles of so many chunks.
    pub fn bundling(self, chunks: usize) -> Recovery {
        Recovery { bundler: Some(Bundler::new(self.id, chunks)), ..self }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not what was written, or does not follow.
    pub fn feed(&mut self, chunk: &Chunk) -> Result<(), StoreError> {
        self.take(chunk)?;
        if let Some(bundler) = &mut self.bundler {
            bundler.follow(std::slice::from_ref(chunk));
        }
        Ok(())
    }

    /// Takes the next chunks, which a bundle has.
    ///
    /// # Errors
    /// As [`Recovery::feed`].
    pub fn feed_bundled(&mut self, chunks: &Unbundled) -> Result<(), StoreError> {
        chunks.each(|chunk| self.take(chunk))
    }

    fn take(&mut self, chunk: &Chunk) -> Result<(), StoreError> {
        let mut records = std::mem::take(&mut self.records);
        let (open, snapshots) = (&mut self.open, &mut self.covered);
        let mut unfit = Vec::new();
        self.reader.read_some(chunk, &mut records, &mut |raw| {
            if raw.id == EventId(1) {
                let begun = || Logged { covered: snapshots.remove(&raw.run), ..Logged::default() };
                open.entry(raw.run).or_insert_with(begun);
            }
            // What belongs to no open run is refused when it is decoded.
            let Some(logged) = open.get_mut(&raw.run) else { return true };
            let decode = logged.follow(raw);
            unfit.extend(logged.unfit.then_some(raw.run));
            decode
        })?;
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
        for run in unfit {
            if let Some(logged) = self.open.get_mut(&run) {
                tracing::warn!(%run, "a snapshot is of another history: this one is replayed");
                logged.unfit = false;
                logged.uncover(run)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, run: RunId, event: Event) -> Result<(), StoreError> {
        let begins = matches!(event.kind, EventKind::RunStarted { .. });
        let newest = self.open.get(&run).map_or(0, |logged| logged.newest);
        // More of its events may have been read than were decoded; one out of turn was not counted.
        if event.id.0 == 0 || event.id.0 > newest || begins != (event.id.0 == 1) {
            return Err(StoreError::Corrupt(format!(
                "run {run} of partition {} has event {} ({}) after {newest} events",
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
            let mut logged = self.open.remove(&run).unwrap_or_default();
            logged.uncover(run)?;
            self.left_untold(run, logged.events);
        } else if let Some(logged) = self.open.get_mut(&run) {
            logged.put(event);
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
        let (namespace, me) = (namespace_of(events.first()), RunRef { workflow_id: workflow_id.clone(), run_id: run });
        let tells = untold.into_iter().filter_map(|outgoing| Tell::of(&namespace, &me, outgoing));
        self.untold.extend(tells.map(|tell| ((run, tell.sent), tell)));
    }

    /// Programs that the open runs are pinned to.
    pub fn needs(&self) -> Vec<ProgramHash> {
        let all: BTreeSet<ProgramHash> = self.open.values().filter_map(Logged::program).collect();
        all.into_iter().collect()
    }

    /// The log has been read: large values that open runs, and what closed ones have said, refer to.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if events that a snapshot stood for cannot be read without it.
    pub fn large(&mut self) -> Result<Vec<(RunId, Vec<Hash>)>, StoreError> {
        let mut all: BTreeMap<RunId, Vec<Hash>> = BTreeMap::new();
        for (run, logged) in &mut self.open {
            if logged.covered.as_ref().is_some_and(|covered| !covered.is_whole()) {
                tracing::warn!(%run, "a snapshot is of more events than there are: they are replayed");
                logged.uncover(*run)?;
            }
            let mut large = Vec::new();
            for event in logged.decoded() {
                let mut has = false;
                event.kind.payloads(&mut |payload| has |= payload.referred().is_some());
                large.extend(has.then_some(event.id));
            }
            logged.trail.large = large;
            logged.payloads(&mut |payload| note(payload, all.entry(*run).or_default()));
        }
        for ((run, _), tell) in &mut self.untold {
            tell.payloads(&mut |payload| note(payload, all.entry(*run).or_default()));
        }
        Ok(all.into_iter().filter(|(_, hashes)| !hashes.is_empty()).collect())
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
            bundler: self.bundler.unwrap_or_else(|| Bundler::new(self.id, setup.limits.bundle_chunks)),
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
            sought: FxHashMap::default(),
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
            deletes: Deletes::new(epoch),
            snapshots: Vec::new(),
            unkept: Vec::new(),
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
            let hash = logged.program();
            let Some(program) = hash.and_then(|hash| recovered.programs.get(&hash)) else {
                return Err(StoreError::Corrupt(format!(
                    "run {id} is pinned to program {}, which the store does not have",
                    hash.map_or_else(|| "?".into(), |hash| hash.to_string())
                )));
            };
            let kept = self.kept.contains(&id);
            partition.reopen(id, program.clone(), logged, kept, restore)?;
        }
        partition.unkept.extend(self.kept.iter().filter(|run| !partition.runs.contains_key(run)));
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
    fn reopen(
        &mut self,
        id: RunId,
        program: Arc<Loaded>,
        logged: Logged,
        kept: bool,
        restore: Restore,
    ) -> Result<(), StoreError> {
        let recover = |mut logged: Logged| {
            let limits = self.setup.limits.clone();
            if let Some(covered) = &logged.covered {
                match covered.snapshot().thaw(program.clone(), covered.packed(), limits.clone()) {
                    Ok(thawed) => {
                        let packed = logged.covered.take().map(Covered::into_packed);
                        let packed = packed.expect("it was there a moment ago");
                        return Ok(thawed.follow(packed, logged.events, logged.records));
                    }
                    Err(why) => tracing::warn!(run = %id, %why, "the history is replayed"),
                }
                logged.uncover(id)?;
            }
            Run::recover(program.clone(), logged.events, logged.records, limits)
                .map_err(|error| StoreError::Corrupt(format!("run {id}: {error}")))
        };
        let (trail, covered) = (logged.trail.clone(), logged.covered.as_ref().map_or(0, Covered::events));
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
        let namespace = namespace_of(run.first_event());
        self.names.insert((namespace.clone(), run.me().workflow_id.clone()), id);
        let unsettled = run.unsettled();
        if matches!(restore, Restore::ToServe(_)) {
            self.ask_again(&run, &namespace);
        }
        let open = OpenRun { trail, looked_at: covered, kept, ..OpenRun::new(run, namespace, 0) };
        self.runs.insert(id, Box::new(open));
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
            let ParentRef { run, scheduled, on_close, .. } = parent.clone();
            let to = run.run_id.partition();
            let orphan = Orphan { namespace: namespace.clone(), parent: run, scheduled, child: me, on_close };
            self.out.push(Output::Send(to, Message::ParentOpen(Box::new(orphan))));
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
    let events = run.events();
    let mut again = run.unsettled().again;
    for _ in 0..LOOK_SLICES_MAX {
        if !again {
            return (run.events() == events).then_some(run);
        }
        again = run.decide(Input::Continue, now).ok()?.again;
    }
    None
}

/// Children that have started and whose end is awaited: the word of it may have been lost.
fn awaited(run: &Run, namespace: &Arc<str>) -> Vec<(PartitionId, Message)> {
    let ask = |(scheduled, workflow, options, child): (EventId, &str, &ChildOptions, &RunRef)| {
        let child = child.clone();
        let (workflow, _) = run.loaded().program().workflow(workflow)?;
        let parent = run.parent_of(scheduled, true, options.on_parent_close);
        let order = StartOrder {
            namespace: namespace.clone(),
            workflow_id: Some(child.workflow_id.clone()),
            program: run.loaded().clone(),
            workflow,
            args: Payload::null(),
            request_id: None,
            on_conflict: OnConflict::Join,
            on_closed: OnClosed::Join,
            options: Default::default(),
            with: None,
            by: StartedBy::Parent(parent),
        };
        Some((child.run_id.partition(), Message::AwaitEnd(Box::new(order), child)))
    };
    run.awaited_children().filter_map(ask).collect()
}

fn namespace_of(first: Option<&Event>) -> Arc<str> {
    match first.map(|event| &event.kind) {
        Some(EventKind::RunStarted { namespace, .. }) => namespace.as_str().into(),
        _ => "".into(),
    }
}
