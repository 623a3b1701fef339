//! One partition: the open runs of a part of the id space, as a synchronous, deterministic state machine. Requests, word
//! from other runs, ends of attempts and alarms go in; chunks for the log come out, and what may leave once they are
//! durable. No tokio, clock, random or store here: a loop (or the sandbox) brings all of that.
//!
//! # Output commit
//! Everything decided goes into the *filling* batch; [`Partition::take_append`] makes it the *flying* one, and
//! [`Partition::committed`] says that it is durable. An answer, dispatch or message is held with the last batch that
//! changed what it tells of; if that is durable already, it leaves at once. While one batch flies, the next fills:
//! commits clock themselves.

mod activity;
mod alarms;
pub(crate) mod ask;
pub mod attempt;
mod between;
mod chain;
mod delete;
mod moves;
mod recover;
pub mod request;
mod reset;
mod retold;
mod schedule;
mod snapshots;
mod start;
mod started;
mod starts;
pub mod update;
pub mod word;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use weft_engine::{Input, Refused, Run, Transition};
use weft_protocol::api::ApiError;
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::limits::Limits;
use weft_protocol::{EventId, PartitionId, RunId, Timestamp, WorkflowId};

use crate::closed;
use crate::frame::{Bundler, ChunkWriter};
use crate::programs::Programs;
use crate::refusal;
use crate::store::{Append, ClosedRun, DeletedId, SnapshotRow};
use alarms::Alarms;
use delete::Deletes;
use moves::Move;
pub use recover::{Recovered, Recovery};
use request::{Answer, AttemptRef, ClosedFact, OpenRun, Output, Reply, ReplyId, Request, Then, Waiter};
use retold::Sought;
use schedule::Schedules;
use starts::Starts;

/// The partition a workflow id lives in. Pinned for ever: stored ids depend on it.
pub fn partition_of(namespace: &str, workflow_id: &str, partitions: u16) -> PartitionId {
    PartitionId((name_hash(namespace, workflow_id) % u64::from(partitions.max(1))) as u16)
}

/// XXH3 of both names with a zero byte between them, which neither can contain.
fn name_hash(namespace: &str, workflow_id: &str) -> u64 {
    let mut bytes = smallvec::SmallVec::<[u8; 128]>::new();
    bytes.extend_from_slice(namespace.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(workflow_id.as_bytes());
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// What a partition is told once.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Number of partitions of the store.
    pub partitions: u16,
    /// Limits.
    pub limits: Arc<Limits>,
    /// Current programs by workflow name.
    pub programs: Arc<Programs>,
    /// Where the seeds of runs come from.
    pub entropy: [u8; 32],
}

/// The open runs of one partition, owned by this process.
#[derive(Debug)]
pub struct Partition {
    id: PartitionId,
    setup: Setup,
    writer: ChunkWriter,
    bundler: Bundler,
    /// Counter of the next start.
    counter: u64,
    runs: FxHashMap<RunId, Box<OpenRun>>,
    names: FxHashMap<(Arc<str>, WorkflowId), RunId>,
    /// Hash of namespace and workflow id → newest closed run: without a hit here the store need not be asked. Names of
    /// one hash can be made on purpose, so a hit says no more than that it must be.
    closed_ids: FxHashMap<u64, RunId>,
    /// Runs whose close is not durable yet, with the batch that holds it.
    closing: FxHashMap<(Arc<str>, WorkflowId), (ClosedFact, u64)>,
    /// Runs started by a parent that has not noted everything about them yet: a start told again finds them here.
    children: FxHashMap<(RunId, EventId), RunId>,
    /// Starts and resets by request id.
    starts: Starts,
    /// Messages of closed runs of which it is not known what became of them.
    untold: FxHashSet<(RunId, EventId)>,
    /// Messages that are told again, by who they are for: whether an earlier run has taken them is being looked up.
    sought: FxHashMap<(Arc<str>, WorkflowId), Sought>,
    alarms: Alarms,
    schedules: Schedules,
    /// Runs in the middle of a long computation.
    again: VecDeque<RunId>,
    /// Deploys that still try runs, oldest first.
    moves: VecDeque<Move>,
    /// Number of the filling batch.
    batch: u64,
    flying: bool,
    closed_rows: Vec<ClosedRun>,
    /// Runs that have ended since this partition is in memory.
    ended: u64,
    /// Ids that are forgotten, with the newest of their runs.
    deleted: Vec<DeletedId>,
    /// The batch of the newest of them: what the store says of an id before that is durable may be over.
    deleted_in: u64,
    /// Which they were, as far as a reset may not know of them.
    deletes: Deletes,
    /// Snapshots of the filling batch, and the runs whose snapshots go.
    snapshots: Vec<SnapshotRow>,
    unkept: Vec<RunId>,
    held: Vec<Output>,
    held_flying: Vec<Output>,
    out: Vec<Output>,
}

impl Partition {
    /// Its number.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// The epoch it writes in.
    pub fn epoch(&self) -> u64 {
        self.writer.epoch()
    }

    /// Number of open runs.
    pub fn open_runs(&self) -> usize {
        self.runs.len()
    }

    /// Open runs that cannot go on, oldest first.
    pub fn stuck_runs(&self) -> Vec<&RunRef> {
        let stuck = self.runs.values().filter(|open| open.run.is_stuck());
        let mut stuck: Vec<&RunRef> = stuck.map(|open| open.run.me()).collect();
        stuck.sort_by_key(|run| run.run_id);
        stuck
    }

    /// Bytes decided but not taken for an append yet: what back-pressure looks at.
    pub fn pending_bytes(&self) -> usize {
        self.writer.pending_bytes()
    }

    /// Takes a request; the answer comes as [`Output::Reply`] when what it says is durable.
    pub fn handle(&mut self, request: Request, reply: ReplyId, now: Timestamp) {
        self.ask(request, reply, now);
    }

    /// When the next alarm is due.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        self.alarms.next().into_iter().chain(self.schedules.next()).min()
    }

    /// Fires at most `limit` alarms of runs that are due; true if there may be more.
    pub fn due(&mut self, now: Timestamp, limit: usize) -> bool {
        for _ in 0..limit {
            let Some((run, key)) = self.alarms.take_due(now) else { return false };
            // A run that is gone had its alarms made stale by its end.
            if self.runs.contains_key(&run) {
                self.apply(run, Input::Due(key), Then::Nothing, now);
            }
        }
        true
    }

    /// Whether a run is in the middle of a long computation, or a deploy has runs to try.
    pub fn has_more(&self) -> bool {
        !self.again.is_empty() || !self.moves.is_empty()
    }

    /// Gives one such run its next slice, and the oldest deploy one of the run it tries.
    pub fn go_on(&mut self, now: Timestamp) {
        self.move_next(now);
        if let Some(run) = self.again.pop_front() {
            if let Some(open) = self.runs.get_mut(&run) {
                open.has_place = false;
            }
            self.apply(run, Input::Continue, Then::Nothing, now);
        }
    }

    /// Moves everything decided so far into `append`; true if there was anything. Not while an append flies.
    pub fn take_append(&mut self, append: &mut Append) -> bool {
        assert!(!self.flying, "one append of a partition flies at a time");
        if self.writer.is_empty() {
            debug_assert!(self.held.is_empty(), "what is held waits for something to be written");
            return false;
        }
        let before = append.chunks.len();
        self.writer.take(&mut append.chunks);
        self.bundler.follow(&append.chunks[before..]);
        self.bundler.take(&mut append.bundles);
        self.writer.take_blobs(&mut append.blobs);
        append.closed.append(&mut self.closed_rows);
        append.deleted.append(&mut self.deleted);
        append.snapshots.append(&mut self.snapshots);
        append.ended.append(&mut self.unkept);
        std::mem::swap(&mut self.held, &mut self.held_flying);
        self.batch += 1;
        self.flying = true;
        true
    }

    /// The append taken last is durable: what was held with it may leave.
    pub fn committed(&mut self) {
        assert!(self.flying, "an append was taken");
        self.flying = false;
        self.out.append(&mut self.held_flying);
        let batch = self.batch;
        self.closing.retain(|_, (_, at)| *at >= batch);
        let runs = &self.runs;
        self.alarms.clear_out(|run, key| runs.get(&run).is_some_and(|open| open.run.awaits(key)));
    }

    /// What may leave now, in order.
    pub fn outputs(&mut self) -> std::vec::Drain<'_, Output> {
        self.out.drain(..)
    }

    /// Whether [`Partition::outputs`] has something.
    pub fn has_outputs(&self) -> bool {
        !self.out.is_empty()
    }

    /// These callers stopped waiting.
    pub fn forget(&mut self, gone: &FxHashSet<ReplyId>) {
        for open in self.runs.values_mut() {
            open.waiters.retain(|waiting| !gone.contains(&waiting.reply));
            open.followers.retain(|(waiting, ..)| !gone.contains(waiting));
            open.updaters.retain(|waiter| !gone.contains(&waiter.reply));
        }
    }

    /// The open run of that name.
    fn find(&self, key: &request::Key) -> Option<RunId> {
        let open = *self.names.get(&(key.namespace.clone(), key.workflow_id.clone()))?;
        (key.run_id.is_none() || key.run_id == Some(open)).then_some(open)
    }

    /// Lets `output` leave when batch number `batch` is durable.
    fn hold(&mut self, batch: u64, output: Output) {
        if batch == self.batch && !self.writer.is_empty() {
            self.held.push(output);
        } else if self.flying && batch + 1 == self.batch {
            self.held_flying.push(output);
        } else {
            self.out.push(output);
        }
    }

    /// The last batch that anything was decided in.
    fn last_batch(&self) -> u64 {
        if self.writer.is_empty() { self.batch.saturating_sub(1) } else { self.batch }
    }

    /// Gives an open run an input and does what follows; `then` hears how it was taken, at once or, if the run is in the
    /// middle of a long computation, when its turn has come.
    fn apply(&mut self, id: RunId, input: Input, then: Then, now: Timestamp) {
        let Some(open) = self.runs.get_mut(&id) else { return self.taken(id, None, then, Err(Refused::Closed)) };
        match open.run.decide(input, now) {
            Ok(transition) if transition.deferred => {
                open.deferred.push_back(then);
                self.absorb(id, transition);
            }
            Ok(transition) => {
                self.absorb(id, transition);
                self.taken(id, None, then, Ok(()));
            }
            Err(refused) => self.taken(id, None, then, Err(refused)),
        }
    }

    /// An input was taken or refused: what waited for that goes on. A run that is `gone` cannot be asked for its name.
    fn taken(&mut self, id: RunId, gone: Option<&WorkflowId>, then: Then, how: Result<(), Refused>) {
        // A run that closed in this step is gone; its end is in the filling batch.
        let batch = self.runs.get(&id).map_or(self.last_batch(), |open| open.batch);
        match then {
            Then::Nothing => {}
            Then::Answer(reply) => {
                let answer = how.map(|()| Answer::Done).map_err(|refused| self.refusal(id, gone, refused));
                self.reply(batch, reply, answer);
            }
            Then::AnswerAlive(reply, scheduled) => {
                let pending = self.runs.get(&id).and_then(|open| open.run.attempt_view(scheduled));
                let answer = how.map(|()| Answer::Alive(attempt::told(pending.as_ref())));
                self.reply(batch, reply, answer.map_err(|refused| self.refusal(id, gone, refused)));
            }
            Then::Joined(reply, run) => {
                let answer = how.map(|()| Answer::Started { run, started: false, update: None });
                self.reply(batch, reply, answer.map_err(|refused| self.refusal(id, gone, refused)));
            }
            Then::Begins(reply) => {
                let answer = how.map(|()| Answer::Done).map_err(|refused| self.refusal(id, gone, refused));
                self.reply(0, reply, answer);
            }
            Then::Update(reply, update_id, sent) => match how {
                Ok(()) => self.answer_updaters(id),
                Err(Refused::Rejected(failure)) => {
                    self.update_refused(id, gone, batch, reply, (update_id, sent), Ok(failure.to_json()));
                }
                Err(refused) => {
                    let error = self.refusal(id, gone, refused);
                    self.update_refused(id, gone, batch, reply, (update_id, sent), Err(error));
                }
            },
            Then::Child(word) => self.heard_of_child(batch, *word, how),
            Then::Tell(tell) => self.told(batch, *tell, how),
            Then::Told(sent) => {
                if how == Err(Refused::Closed) {
                    self.told_after_close(id, sent);
                }
            }
        }
    }

    fn refusal(&self, run: RunId, gone: Option<&WorkflowId>, refused: Refused) -> ApiError {
        match refused {
            Refused::Closed => {
                let open = || self.runs.get(&run).map(|open| &open.run.me().workflow_id);
                refusal::run_closed(gone.or_else(open).map_or("", WorkflowId::as_str))
            }
            Refused::Stale => refusal::attempt_gone(),
            Refused::Limit(name) => refusal::limit(name),
            Refused::NoSuchSignal => refusal::message_not_found("signal", "", "", &[]),
            Refused::NoSuchUpdate => refusal::message_not_found("update", "", "", &[]),
            Refused::UpdateId => refusal::update_id(),
            Refused::UpdateIdTaken => refusal::update_id_taken(),
            Refused::Rejected(failure) => refusal::check_failed(&failure.to_string()),
            Refused::CheckTrapped(trap) => refusal::check_failed(&trap),
            Refused::Stuck => refusal::run_stuck(),
            Refused::Ending => refusal::run_ending(),
            Refused::NotBegun => refusal::run_not_begun(),
        }
    }

    /// Writes what a run wants committed and holds what it wants done.
    fn absorb(&mut self, id: RunId, transition: Transition) {
        if transition.continues && !transition.closed {
            return self.succeed(id, transition);
        }
        let Some(open) = self.runs.get_mut(&id) else { return };
        for event in open.run.events_at(transition.events.clone()) {
            self.writer.event_of(id, event, &mut open.trail);
        }
        for record in &transition.records {
            self.writer.record(id, record);
        }
        if !transition.events.is_empty() || !transition.records.is_empty() {
            open.batch = self.batch;
        }
        let batch = open.batch;
        for (at, key) in transition.alarms {
            self.alarms.set(at, id, key);
        }
        for scheduled in transition.cancel {
            self.hold(batch, Output::Stop(id, scheduled));
        }
        for (scheduled, attempt) in transition.dispatch {
            self.hold(batch, Output::Dispatch(AttemptRef { run: id, scheduled, attempt }));
        }
        for outgoing in transition.outbox {
            self.send(id, batch, outgoing);
        }
        for (level, text) in transition.logs {
            self.hold(batch, Output::Log { run: id, level, text });
        }
        if transition.closed {
            self.close(id, transition.settled);
            return;
        }
        if transition.again
            && let Some(open) = self.runs.get_mut(&id).filter(|open| !open.has_place)
        {
            open.has_place = true;
            self.again.push_back(id);
        }
        if !transition.events.is_empty() {
            self.keep(id);
            self.answer_followers(id);
            self.answer_updaters(id);
        }
        for how in transition.settled {
            let then = self.runs.get_mut(&id).and_then(|open| open.deferred.pop_front());
            self.taken(id, None, then.unwrap_or(Then::Nothing), how);
        }
    }

    /// A run's last event is in its history: its row rides in the same append, and who waited is answered.
    fn close(&mut self, id: RunId, settled: Vec<Result<(), Refused>>) {
        let Some(mut open) = self.runs.remove(&id).map(|open| *open) else { return };
        let run_ref = open.run.me().clone();
        let name = (open.namespace.clone(), run_ref.workflow_id.clone());
        self.names.remove(&name);
        let row = closed::row(&open.run);
        let hash = name_hash(&open.namespace, run_ref.workflow_id.as_str());
        let status = closed::status_of(&row);
        self.closed_ids.insert(hash, id);
        self.closing.insert(name, (ClosedFact { run_id: id, status }, self.batch));
        self.closed_rows.push(row);
        self.ended += 1;
        self.untold.extend(open.run.untold().map(|sent| (id, sent)));
        self.unkept.extend(open.kept.then_some(id));
        let last = open.run.last_event().cloned();
        let last = last.expect("a run that closed has the event that closed it");
        for watcher in &open.watchers {
            let (loaded, workflow) = (open.run.loaded(), open.run.workflow());
            if let Some(message) = between::child_end(&open.namespace, loaded, workflow, watcher, &run_ref, &last) {
                self.hold(self.batch, Output::Send(watcher.run.run_id.partition(), message));
            }
        }
        if let Some(start) = open.run.schedule()
            && last.kind.next_run().is_none()
        {
            let message = schedule::ended(start.clone(), id, &last.kind);
            self.hold(self.batch, self.send_to_schedule(message));
        }
        for answer in update::answers(&mut open) {
            self.hold(self.batch, answer);
        }
        for Waiter { reply, .. } in open.waiters {
            let answer = Answer::Ended { run: run_ref.clone(), last: Box::new(last.clone()) };
            self.hold(self.batch, Output::Reply(reply, Ok(answer)));
        }
        for (reply, after, limit) in open.followers {
            let answer = events_after(&open.run, after, limit, true);
            self.hold(self.batch, Output::Reply(reply, Ok(answer)));
        }
        // What was put aside and not settled came too late.
        let settled = settled.into_iter().chain(std::iter::repeat(Err(Refused::Closed)));
        let set_back = matches!(last.kind, EventKind::RunTerminated { next_run: Some(_), .. });
        for (then, how) in open.deferred.into_iter().zip(settled) {
            // The run that goes on asks for the children that are its own; the others go on by themselves.
            if set_back && matches!(then, Then::Child(_)) {
                continue;
            }
            self.taken(id, Some(&run_ref.workflow_id), then, how);
        }
    }

    /// Followers of a run's history hear of new events.
    fn answer_followers(&mut self, id: RunId) {
        let Some(open) = self.runs.get_mut(&id) else { return };
        if open.followers.is_empty() {
            return;
        }
        let batch = open.batch;
        let answers: Vec<_> = open
            .followers
            .drain(..)
            .map(|(reply, after, limit)| Output::Reply(reply, Ok(events_after(&open.run, after, limit, false))))
            .collect();
        for answer in answers {
            self.hold(batch, answer);
        }
    }

    fn reply(&mut self, batch: u64, reply: ReplyId, answer: Reply) {
        self.hold(batch, Output::Reply(reply, answer));
    }
}

/// Events of a run after number `after`.
fn events_after(run: &Run, after: u64, limit: usize, closed: bool) -> Answer {
    let all = run.history();
    let page = closed::page(all, after, limit);
    Answer::Events {
        program: run.loaded().clone(),
        codes: closed::codes(all),
        complete: closed && page.end == all.len(),
        events: all[page].to_vec(),
    }
}

#[cfg(test)]
mod tests;
