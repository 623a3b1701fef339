//! The same partitions on a virtual clock and any journal, driven by hand on one thread: for conformance cases,
//! simulations and `weft test`. Nothing happens here that is not asked for; between two calls everything is at rest.

mod chain;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustc_hash::FxHashMap;
use serde_json::Value;
use weft_bytecode::options::Target;
use weft_bytecode::{Program, codec};
use weft_engine::program_of;
use weft_engine::update::outcome_in;
use weft_protocol::api::{
    ApiError, HeartbeatReply, ResetRequest, ResultReply, RunDescription, RunRow, ScheduleDescription, StartReply,
    StartRequest, UpdateReply, UpdateStage,
};
use weft_protocol::event::RunRef;
use weft_protocol::limits::Limits;
use weft_protocol::moving::Moving;
use weft_protocol::{Event, EventId, Failure, PartitionId, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

use crate::activities::{ActivityTask, AttemptOutcome};
use crate::api::{ActivityAct, ActivityKey, ScheduleRequest};
use crate::carry::{self, Outside};
use crate::closed;
use crate::commit::{AppendLane, Outcome};
use crate::filter;
use crate::frame::fence_body;
use crate::node::answer::{describe_closed, result_of};
use crate::node::api::reset_order;
use crate::node::listing::page_of;
use crate::node::{deploy, open, schedules};
use crate::partition::ask::{checked_start, query_run};
use crate::partition::request::{
    Answer, AttemptEnd, AttemptRef, ClosedChain, Key, Message, OpenPage, Output, Probe, Probed, Reply, ReplyId,
    Request, StartedBy, Tried, Trying, WorkerOutcome,
};
use crate::partition::update::UpdateAsked;
use crate::partition::{Partition, Setup, partition_of};
use crate::programs::Programs;
use crate::refusal;
use crate::store::{Append, ClosedPage, ClosedRun, Journal, StoreError};

/// The namespace of a sandbox.
pub const NAMESPACE: &str = "default";

/// When a sandbox begins, unless told otherwise: 2026-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp(1_767_225_600_000);

/// When memory is lost besides [`Sandbox::crash`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crashes {
    /// Only when asked for.
    #[default]
    ByHand,
    /// After every commit: answers have left, nothing else that waited for the commit has.
    AfterEveryCommit,
    /// After the n-th commit, from 1.
    After(u64),
}

/// A node without a clock, threads or an outside.
#[derive(Debug)]
pub struct Sandbox {
    journal: Arc<dyn Journal>,
    lane: AppendLane,
    node: i32,
    setup: Setup,
    partitions: BTreeMap<PartitionId, Partition>,
    now: Timestamp,
    crashes: Crashes,
    commits: u64,
    next_reply: u64,
    replies: FxHashMap<ReplyId, Reply>,
    /// Questions to the store that came up in the present step.
    probes: Vec<(PartitionId, Probe)>,
    /// Attempts that were handed out and have not ended.
    attempts: BTreeMap<(RunId, EventId), ActivityTask>,
    /// Attempts that are handed out once it is known that they may be.
    handing: FxHashMap<ReplyId, ActivityTask>,
    /// Attempts that wait in a queue, if workers take them only when told to.
    waiting: Option<BTreeMap<(RunId, EventId), ActivityTask>>,
    /// Attempts that workers took when told to: they have them whatever becomes of memory.
    taken: BTreeMap<(RunId, EventId), u32>,
    /// Since when attempts are worked on, if whoever works on them outlives a crash.
    since: Option<BTreeMap<(RunId, EventId), (u32, Timestamp)>>,
    /// Lines that programs logged.
    logs: Vec<(RunId, u8, String)>,
}

impl Sandbox {
    /// Opens a journal and takes everything in it over. The seed decides what runs draw from `uuid` and `random`.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn new(journal: Arc<dyn Journal>, seed: u64, limits: Limits) -> Result<Sandbox, StoreError> {
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&seed.to_le_bytes());
        let setup = Setup {
            partitions: journal.partitions(),
            limits: Arc::new(limits),
            programs: Arc::new(Programs::default()),
            entropy,
        };
        let mut sandbox = Sandbox {
            lane: AppendLane::new(journal.clone(), Arc::new(AtomicBool::new(false))),
            node: journal.join("sandbox").await?,
            journal,
            setup,
            partitions: BTreeMap::new(),
            now: BEGINNING,
            crashes: Crashes::ByHand,
            commits: 0,
            next_reply: 0,
            replies: FxHashMap::default(),
            probes: Vec::new(),
            attempts: BTreeMap::new(),
            handing: FxHashMap::default(),
            waiting: None,
            taken: BTreeMap::new(),
            since: None,
            logs: Vec::new(),
        };
        sandbox.open().await?;
        sandbox.settle().await?;
        Ok(sandbox)
    }

    /// Says when memory is lost.
    pub fn crashes(&mut self, crashes: Crashes) {
        self.crashes = crashes;
    }

    /// Whoever works on attempts outlives a crash and goes on where it was: timeouts run from when an attempt was first
    /// handed out.
    pub fn attempts_outlive_crashes(&mut self) {
        self.since = Some(BTreeMap::new());
    }

    /// From here on attempts stay in their queues until they are [taken](Sandbox::take).
    pub fn workers_wait(&mut self) {
        self.waiting.get_or_insert_default();
    }

    /// Attempts that wait in their queues.
    pub fn waiting(&self) -> impl Iterator<Item = &ActivityTask> {
        self.waiting.iter().flat_map(BTreeMap::values)
    }

    /// A worker takes an attempt out of its queue.
    ///
    /// # Errors
    /// If it is not there, or the journal does not answer.
    pub async fn take(&mut self, run: RunId, scheduled: EventId) -> Result<(), ApiError> {
        let task = self.waiting.as_mut().and_then(|waiting| waiting.remove(&(run, scheduled)));
        let task = task.ok_or_else(refusal::attempt_gone)?;
        self.taken.insert((run, scheduled), task.attempt);
        self.begin(task);
        self.settle().await.map_err(|error| refusal::of_store(&error))
    }

    /// Ids of open runs that cannot go on, in every partition.
    pub fn stuck(&self) -> Vec<String> {
        let stuck = self.partitions.values().flat_map(Partition::stuck_runs);
        stuck.map(|run| run.workflow_id.to_string()).collect()
    }

    /// How often something was written.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Attempts that somebody outside works on, by run and `ActivityScheduled`.
    pub fn attempts(&self) -> impl Iterator<Item = &ActivityTask> {
        self.attempts.values()
    }

    /// What programs logged: run, level, text.
    pub fn logs(&self) -> &[(RunId, u8, String)] {
        &self.logs
    }

    /// Deploys a program and moves the stuck runs that it frees.
    ///
    /// # Errors
    /// If the program does not verify or the journal does not answer.
    pub async fn deploy(&mut self, program: Program) -> Result<Tried, ApiError> {
        let program = Loaded::new(program).map_err(|error| ApiError::new(422, "invalid_program", error.to_string()))?;
        self.deploy_loaded(&program).await
    }

    /// As [`Sandbox::deploy`] of a program that is verified already.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn deploy_loaded(&mut self, program: &Arc<Loaded>) -> Result<Tried, ApiError> {
        let bytes = codec::encode(program.program());
        let program = self.setup.programs.keep(program.clone());
        deploy::publish(&*self.journal, NAMESPACE, &program, &bytes, self.now).await?;
        self.setup.programs.make_current(NAMESPACE, program.clone());
        for part in 0..self.setup.partitions {
            let declare = Request::Declare { namespace: NAMESPACE.into(), program: program.clone() };
            if let Answer::Declared(clashes) = self.ask(PartitionId(part), declare).await?
                && let Some(clash) = clashes.into_iter().next()
            {
                return Err(ApiError::new(409, "schedule_taken", clash));
            }
        }
        self.try_runs(&program, Trying::Stuck).await
    }

    /// Deploys a program, and moves to it the open runs of its project that are to move.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn deploy_moving(&mut self, program: Program, moving: Moving) -> Result<Tried, ApiError> {
        let program = Loaded::new(program).map_err(|error| ApiError::new(422, "invalid_program", error.to_string()))?;
        if moving == Moving::All {
            refusal::unless_all_follow(self.try_runs(&program, Trying::Check).await?)?;
        }
        let mut all = self.deploy_loaded(&program).await?;
        if moving != Moving::Pin {
            let fit = all.fit;
            all = self.try_runs(&program, Trying::Move).await?;
            all.fit += fit;
        }
        Ok(all)
    }

    /// Tries open runs on a program.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn try_runs(&mut self, program: &Arc<Loaded>, trying: Trying) -> Result<Tried, ApiError> {
        let mut all = Tried::default();
        for part in 0..self.setup.partitions {
            let ask = Request::Try { namespace: NAMESPACE.into(), program: program.clone(), trying };
            if let Answer::Tried(tried) = self.ask(PartitionId(part), ask).await? {
                all.join(*tried);
            }
        }
        Ok(all)
    }

    /// Starts or joins a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn start(&mut self, request: StartRequest) -> Result<StartReply, ApiError> {
        let (program, workflow) = self.setup.programs.current(NAMESPACE, &request.workflow).ok_or_else(|| {
            let known = self.setup.programs.workflows(NAMESPACE);
            refusal::workflow_not_found(NAMESPACE, &request.workflow, &known)
        })?;
        let order = checked_start(program, workflow, request, NAMESPACE, &self.setup.limits)?;
        let part = match &order.workflow_id {
            Some(id) => partition_of(NAMESPACE, id.as_str(), self.setup.partitions),
            None => PartitionId(0),
        };
        match self.ask(part, Request::Start(Box::new(order))).await? {
            Answer::Started { run, started, update } => {
                let (workflow_id, run_id) = (run.workflow_id.to_string(), run.run_id.to_string());
                Ok(StartReply { workflow_id, run_id, started, update })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Signals a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn signal(
        &mut self,
        workflow_id: &str,
        name: &str,
        args: Value,
        request_id: Option<String>,
    ) -> Result<(), ApiError> {
        let key = key(workflow_id);
        let ask = Request::Signal { key, name: name.into(), args, request_id };
        self.on_open(workflow_id, ask).await
    }

    /// Sends an update, or asks what became of the one that has the id; waits for nothing.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn update(
        &mut self,
        workflow_id: &str,
        name: &str,
        args: Value,
        update_id: &str,
    ) -> Result<UpdateReply, ApiError> {
        let (key, stage) = (key(workflow_id), UpdateStage::Accepted);
        let asked = UpdateAsked { key, name: name.into(), args, update_id: update_id.into(), stage };
        match self.ask(self.part(workflow_id), Request::Update(Box::new(asked))).await? {
            Answer::Update(reply) => Ok(*reply),
            Answer::NotOpen => {
                let (_, events) = self.closed(workflow_id).await?;
                let known = outcome_in(&events, update_id, name).map_err(|_| refusal::update_id_taken())?;
                known.ok_or_else(|| refusal::run_closed(workflow_id))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Reads a query or public state.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn query(&mut self, workflow_id: &str, name: &str, args: Value) -> Result<Value, ApiError> {
        let ask = Request::Query { key: key(workflow_id), name: name.into(), args: args.clone() };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::Value(value) => Ok(value.value()),
            Answer::NotOpen => {
                let (_, events) = self.closed(workflow_id).await?;
                let program = self.program_at(&events).await?;
                let limits = self.setup.limits.clone();
                let max = limits.payload_bytes_max;
                let run = weft_engine::Run::recover(program, events, Vec::new(), limits)
                    .map_err(|error| refusal::store_broken(&error.to_string()))?;
                query_run(&run, name, &args, max).map(|value| value.value())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The newest runs that a filter is true of.
    ///
    /// # Errors
    /// If the filter is wrong, or the journal does not answer.
    pub async fn list(&mut self, written: &str) -> Result<Vec<RunRow>, ApiError> {
        let schema = self.setup.programs.schema(NAMESPACE);
        let filter = filter::parse(written, &schema, self.now).map_err(|error| refusal::wrong_filter(&error))?;
        let limit = self.setup.limits.page_rows_max;
        let page = OpenPage { namespace: NAMESPACE.into(), filter: Arc::new(filter.clone()), after: None, limit };
        let mut open = Vec::new();
        for part in 0..self.setup.partitions {
            if let Answer::Rows(rows) = self.ask(PartitionId(part), Request::List(page.clone())).await? {
                open.extend(rows);
            }
        }
        let page = ClosedPage { namespace: NAMESPACE.into(), filter, after: None, limit };
        let closed = self.journal.list_closed(&page).await.map_err(|error| refusal::of_store(&error))?;
        Ok(page_of(open, &closed, limit).runs)
    }

    /// Requests cancellation.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn cancel(
        &mut self,
        workflow_id: &str,
        reason: &str,
        request_id: Option<String>,
    ) -> Result<(), ApiError> {
        let ask = Request::Cancel { key: key(workflow_id), reason: reason.into(), request_id };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::NotOpen => self.closed(workflow_id).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Ends a run now.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn terminate(&mut self, workflow_id: &str, reason: &str) -> Result<(), ApiError> {
        let ask = Request::Terminate { key: key(workflow_id), reason: reason.into() };
        self.on_open(workflow_id, ask).await
    }

    /// Lets a run go on from an earlier point.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn reset(&mut self, workflow_id: &str, request: ResetRequest) -> Result<(), ApiError> {
        let mut order = reset_order(key(workflow_id), request)?;
        let part = self.part(workflow_id);
        let mut answer = self.ask(part, Request::Reset(Box::new(order.clone()))).await?;
        if matches!(answer, Answer::NotOpen) {
            let (row, base) = self.closed(workflow_id).await?;
            let loaded = self.program_at(&base).await?;
            order.closed = Some(ClosedChain { histories: vec![base], loaded, newest: row.run_id });
            answer = self.ask(part, Request::Reset(Box::new(order))).await?;
        }
        match answer {
            Answer::Started { .. } => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Forgets an id.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn delete(&mut self, workflow_id: &str) -> Result<(), ApiError> {
        let part = self.part(workflow_id);
        if matches!(self.ask(part, Request::Code(key(workflow_id))).await?, Answer::NotOpen) {
            self.closed(workflow_id).await?;
        }
        self.ask(part, Request::Delete(key(workflow_id))).await.map(drop)
    }

    /// Ends the running attempt of an activity with a result, checked against the activity's type.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn complete(&mut self, run: RunId, scheduled: EventId, result: Value) -> Result<(), ApiError> {
        self.end(run, scheduled, WorkerOutcome::Completed(result)).await
    }

    /// Ends the running attempt of an activity with a failure.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn fail(
        &mut self,
        run: RunId,
        scheduled: EventId,
        failure: Failure,
        retry_after_ms: Option<i64>,
    ) -> Result<(), ApiError> {
        self.end(run, scheduled, WorkerOutcome::Failed { failure, retry_after_ms }).await
    }

    /// Says that the running attempt lives, and is told what its worker should know.
    ///
    /// # Errors
    /// If no attempt of it is running.
    pub async fn heartbeat(
        &mut self,
        run: RunId,
        scheduled: EventId,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        let attempt = self.running(run, scheduled)?;
        self.heartbeat_of(attempt, progress).await
    }

    /// As [`Sandbox::heartbeat`], of any attempt.
    ///
    /// # Errors
    /// If it is not the current one.
    pub async fn heartbeat_of(
        &mut self,
        attempt: AttemptRef,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        match self.ask(attempt.run.partition(), Request::Heartbeat { attempt, progress }).await? {
            Answer::Alive(told) => Ok(told),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends any attempt, as its worker would.
    ///
    /// # Errors
    /// If it is not the current one.
    pub async fn report(&mut self, attempt: AttemptRef, outcome: WorkerOutcome) -> Result<(), ApiError> {
        self.ask(attempt.run.partition(), Request::EndAttempt { attempt, outcome }).await.map(drop)
    }

    /// Does something to a pending activity of a run, named as a client does.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn activity(
        &mut self,
        workflow_id: &str,
        which: ActivityKey,
        act: ActivityAct,
    ) -> Result<HeartbeatReply, ApiError> {
        let ask = Request::Activity { key: key(workflow_id), which, act };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::Alive(told) => Ok(told),
            Answer::Done => Ok(HeartbeatReply::default()),
            Answer::NotOpen => {
                self.closed(workflow_id).await?;
                Err(refusal::run_closed(workflow_id))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Says that the running attempt stopped because it was asked to.
    ///
    /// # Errors
    /// If no attempt of it is running, or the journal does not answer.
    pub async fn canceled(&mut self, run: RunId, scheduled: EventId) -> Result<(), ApiError> {
        let attempt = self.running(run, scheduled)?;
        self.attempts.remove(&(run, scheduled));
        let now = self.now;
        if let Some(partition) = self.partitions.get_mut(&run.partition()) {
            partition.ended(AttemptEnd { attempt, outcome: AttemptOutcome::Canceled }, now);
        }
        self.settle().await.map_err(|error| refusal::of_store(&error))
    }

    /// Asks a schedule; how it is then, or nothing if it is gone.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn schedule(
        &mut self,
        name: &str,
        request: ScheduleRequest,
    ) -> Result<Option<ScheduleDescription>, ApiError> {
        let ask = schedules::ask(name, request, &self.setup.limits)?;
        let request = Request::Schedule { namespace: NAMESPACE.into(), name: name.to_owned(), ask };
        match self.ask(self.part(name), request).await? {
            Answer::Schedule(description) => Ok(Some(*description)),
            Answer::Done => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets time pass while no process lives: what falls due happens afterwards, as it is read back.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn outage(&mut self, ms: i64) -> Result<(), StoreError> {
        self.now = self.now.plus_ms(ms);
        self.crash().await
    }

    /// Lets virtual time pass; what falls due happens at its time, in order.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn advance(&mut self, ms: i64) -> Result<(), StoreError> {
        let until = self.now.plus_ms(ms);
        while let Some(next) = self.next_alarm().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.settle().await?;
        }
        self.now = until;
        self.settle().await
    }

    /// When the next alarm is due.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        self.partitions.values().filter_map(Partition::next_alarm).min()
    }

    /// Loses everything in memory and goes on from the journal.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn crash(&mut self) -> Result<(), StoreError> {
        self.open().await?;
        self.settle().await
    }

    /// Everything known about a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn describe(&mut self, workflow_id: &str) -> Result<RunDescription, ApiError> {
        match self.ask(self.part(workflow_id), Request::Describe(key(workflow_id))).await? {
            Answer::Description(description) => Ok(*description),
            Answer::NotOpen => {
                let (row, events) = self.closed(workflow_id).await?;
                Ok(describe_closed(&row, &events))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// How a run ended; `None` while it is open.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn result(&mut self, workflow_id: &str) -> Result<Option<ResultReply>, ApiError> {
        match self.ask(self.part(workflow_id), Request::Code(key(workflow_id))).await? {
            Answer::NotOpen => {
                let (row, events) = self.closed(workflow_id).await?;
                let run = RunRef { workflow_id: row.workflow_id, run_id: row.run_id };
                Ok(events.last().map(|last| result_of(&run, last)))
            }
            _ => Ok(None),
        }
    }

    /// The whole history of the newest run of an id, and its code.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn history(&mut self, workflow_id: &str) -> Result<(Arc<Loaded>, Vec<Event>), ApiError> {
        let mut all: Vec<Event> = Vec::new();
        loop {
            let after = all.last().map_or(0, |event| event.id.0);
            let ask = Request::History { key: key(workflow_id), after, limit: usize::MAX, follow: false };
            match self.ask(self.part(workflow_id), ask).await? {
                Answer::Events { program, events, .. } if events.is_empty() => return Ok((program, all)),
                Answer::Events { events, .. } => all.extend(events),
                Answer::NotOpen => {
                    let (_, events) = self.closed(workflow_id).await?;
                    return Ok((self.program_at(&events).await?, events));
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// Carries out everything that can happen at the present time, until nothing moves.
    ///
    /// # Errors
    /// If the journal does not answer or is damaged.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        loop {
            let mut moved = self.carry_out().await?;
            for partition in self.partitions.values_mut() {
                partition.due(self.now, usize::MAX);
                while partition.has_more() {
                    partition.go_on(self.now);
                    moved = true;
                }
            }
            moved |= self.commit().await?;
            if !moved && !self.partitions.values().any(Partition::has_outputs) {
                return Ok(());
            }
        }
    }

    /// Takes all partitions over and reads them from their logs.
    async fn open(&mut self) -> Result<(), StoreError> {
        self.partitions.clear();
        self.handing.clear();
        if let Some(waiting) = &mut self.waiting {
            waiting.clear();
        }
        for row in self.journal.ownership().await? {
            let fence = fence_body(row.part, self.node, row.epoch + 1);
            let taken = self.journal.takeover(row.part, row.epoch, self.node, &fence).await?;
            let (epoch, _) = taken.ok_or(StoreError::Conflict)?;
            let row = crate::store::Ownership { epoch, ..row };
            let journal = self.journal.clone();
            open::load_current(&*journal, &self.setup.programs).await?;
            let (recovery, recovered) = open::read_log(&*journal, &self.setup.programs, &row).await?;
            self.partitions.insert(row.part, recovery.finish(self.setup.clone(), epoch, recovered, self.now)?);
        }
        // Who works for a queue outlives this. What is not handed out again he has still.
        let partitions = &self.partitions;
        self.attempts.retain(|(run, scheduled), task| {
            let at = AttemptRef { run: *run, scheduled: *scheduled, attempt: task.attempt };
            let partition = partitions.get(&run.partition());
            of_queue(task) && partition.is_some_and(|partition| partition.stays_out(at))
        });
        Ok(())
    }

    /// Writes what is decided; true if there was anything.
    async fn commit(&mut self) -> Result<bool, StoreError> {
        let mut append = Append::default();
        let mut parts = Vec::new();
        for (id, partition) in &mut self.partitions {
            if partition.take_append(&mut append) {
                parts.push(*id);
            }
        }
        if parts.is_empty() {
            return Ok(false);
        }
        match self.lane.commit(&mut append).await {
            Outcome::Done { deposed } if deposed.is_empty() => {}
            Outcome::Done { .. } => return Err(StoreError::Conflict),
            Outcome::Broken(error) => return Err(error),
        }
        for part in &parts {
            if let Some(partition) = self.partitions.get_mut(part) {
                partition.committed();
            }
        }
        self.commits += 1;
        let crash = match self.crashes {
            Crashes::ByHand => false,
            Crashes::AfterEveryCommit => true,
            Crashes::After(n) => self.commits == n,
        };
        if crash {
            let outputs: Vec<Output> = self.partitions.values_mut().flat_map(Partition::outputs).collect();
            for output in outputs {
                if let Output::Reply(reply, answer) = output {
                    self.answered(reply, answer);
                }
            }
            self.open().await?;
        }
        Ok(true)
    }

    async fn carry_out(&mut self) -> Result<bool, StoreError> {
        let now = self.now;
        let mut moved = false;
        while carry::carry_out(self, now) {
            moved = true;
            for (part, probe) in std::mem::take(&mut self.probes) {
                let id = &probe.workflow_id;
                let found = closed::find(&*self.journal, part, probe.asker.namespace(), id, probe.run_id).await?;
                if let Some(partition) = self.partitions.get_mut(&part) {
                    partition.probed(Probed { probe, found: Ok(found) }, now);
                }
            }
        }
        Ok(moved)
    }

    /// Gives an attempt to whoever works on it, if it may be begun with.
    fn begin(&mut self, task: ActivityTask) {
        let attempt = AttemptRef { run: task.run.run_id, scheduled: task.scheduled, attempt: task.attempt };
        let since = self.since.as_mut().map(|known| {
            let at = known.entry((attempt.run, attempt.scheduled)).or_insert((attempt.attempt, self.now));
            if at.0 != attempt.attempt {
                *at = (attempt.attempt, self.now);
            }
            at.1
        });
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.handing.insert(reply, task);
        if let Some(partition) = self.partitions.get_mut(&attempt.run.partition()) {
            partition.deliver(attempt, since, reply, self.now);
        }
    }

    fn answered(&mut self, reply: ReplyId, answer: Reply) {
        match self.handing.remove(&reply) {
            Some(task) if answer.is_ok() => {
                self.attempts.insert((task.run.run_id, task.scheduled), task);
            }
            Some(_) => {}
            None => {
                self.replies.insert(reply, answer);
            }
        }
    }

    async fn ask(&mut self, part: PartitionId, request: Request) -> Reply {
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        let request = match request {
            Request::Start(mut order) => {
                order.by = StartedBy::Client(reply);
                Request::Start(order)
            }
            other => other,
        };
        let Some(partition) = self.partitions.get_mut(&part) else { return Err(refusal::not_owner(None)) };
        partition.handle(request, reply, self.now);
        self.settle().await.map_err(|error| refusal::of_store(&error))?;
        self.replies.remove(&reply).unwrap_or_else(|| Err(refusal::moved()))
    }

    async fn on_open(&mut self, workflow_id: &str, request: Request) -> Result<(), ApiError> {
        match self.ask(self.part(workflow_id), request).await? {
            Answer::NotOpen => {
                self.closed(workflow_id).await?;
                Err(refusal::run_closed(workflow_id))
            }
            _ => Ok(()),
        }
    }

    async fn end(&mut self, run: RunId, scheduled: EventId, outcome: WorkerOutcome) -> Result<(), ApiError> {
        let attempt = self.running(run, scheduled)?;
        // A worker of this very attempt is done with it, whatever is said about that.
        self.attempts.remove(&(run, scheduled));
        self.ask(run.partition(), Request::EndAttempt { attempt, outcome }).await.map(drop)
    }

    fn running(&self, run: RunId, scheduled: EventId) -> Result<AttemptRef, ApiError> {
        let task = self.attempts.get(&(run, scheduled)).ok_or_else(refusal::attempt_gone)?;
        Ok(AttemptRef { run, scheduled, attempt: task.attempt })
    }

    fn part(&self, workflow_id: &str) -> PartitionId {
        partition_of(NAMESPACE, workflow_id, self.setup.partitions)
    }

    async fn closed(&self, workflow_id: &str) -> Result<(ClosedRun, Vec<Event>), ApiError> {
        let id = WorkflowId::from(workflow_id);
        let found = closed::find(&*self.journal, self.part(workflow_id), NAMESPACE, &id, None).await;
        let row = found.map_err(|error| refusal::of_store(&error))?;
        let row = row.ok_or_else(|| refusal::run_not_found(workflow_id, None))?;
        let events = closed::history(&row).map_err(|error| refusal::of_store(&error))?;
        Ok((row, events))
    }

    async fn program_at(&self, events: &[Event]) -> Result<Arc<Loaded>, ApiError> {
        let hash = program_of(events).ok_or_else(|| refusal::store_broken("a history does not begin"))?;
        open::program(&*self.journal, &self.setup.programs, hash).await.map_err(|error| refusal::of_store(&error))
    }
}

impl Outside for Sandbox {
    fn partitions(&mut self) -> &mut BTreeMap<PartitionId, Partition> {
        &mut self.partitions
    }

    fn reply(&mut self, reply: ReplyId, answer: Reply) {
        self.answered(reply, answer);
    }

    fn hands_out(&self) -> bool {
        true
    }

    fn hand_over(&mut self, attempt: AttemptRef, task: ActivityTask, _again: bool, _now: Timestamp) {
        let place = (attempt.run, attempt.scheduled);
        match &mut self.waiting {
            Some(waiting) if of_queue(&task) && self.taken.get(&place) != Some(&attempt.attempt) => {
                waiting.insert(place, task);
            }
            _ => self.begin(task),
        }
    }

    fn stop(&mut self, run: RunId, scheduled: EventId) {
        if let Some(waiting) = &mut self.waiting {
            waiting.remove(&(run, scheduled));
        }
        // Whoever works on it may still say how it ended.
        let handing = self.handing.values().filter(|task| (task.run.run_id, task.scheduled) == (run, scheduled));
        handing.chain(self.attempts.get(&(run, scheduled))).for_each(|task| task.cancel.cancel());
    }

    fn send(&mut self, _from: PartitionId, to: PartitionId, message: Message, now: Timestamp) {
        if let Some(partition) = self.partitions.get_mut(&to) {
            partition.receive(message, now);
        }
    }

    fn probe(&mut self, part: PartitionId, probe: Probe) {
        self.probes.push((part, probe));
    }

    fn log(&mut self, run: RunId, level: u8, text: String) {
        self.logs.push((run, level, text));
    }
}

fn of_queue(task: &ActivityTask) -> bool {
    matches!(task.def().options.target, Target::Queue(_))
}

fn key(workflow_id: &str) -> Key {
    Key { namespace: NAMESPACE.into(), workflow_id: WorkflowId::from(workflow_id), run_id: None }
}

fn unexpected(answer: &Answer) -> ApiError {
    ApiError::new(500, "internal", format!("a partition gave an answer to something else: {answer:?}"))
}

#[cfg(test)]
mod tests;
