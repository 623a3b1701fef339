//! What reaches a partition and what may leave it: plain data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use weft_bytecode::ProgramHash;
use weft_bytecode::schedule::Definition;
use weft_engine::Run;
use weft_engine::ScheduleInput;
use weft_engine::reset::{Point, Without};
use weft_protocol::api::{
    ApiError, HeartbeatReply, RunDescription, RunRow, ScheduleDescription, ScheduleRow, Status, UpdateReply,
};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::moving::Unmoved;
use weft_protocol::policy::{OnClosed, OnConflict, OnParentClose, RunOptions};
use weft_protocol::schedule::ScheduleRef;
use weft_protocol::{Event, EventId, Failure, PartitionId, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

use super::update::{Sent, UpdateAsked, UpdateWaiter};
use super::word::Tell;
use crate::activities::AttemptOutcome;
use crate::api::{ActivityAct, ActivityKey};
use crate::filter::Filter;
use crate::frame::Trail;
use crate::store::{ClosedRun, StoreError};

/// Names whoever waits for an answer; the caller chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyId(pub u64);

/// Names a run as a caller does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Workflow id.
    pub workflow_id: WorkflowId,
    /// One run of that id; else the newest.
    pub run_id: Option<RunId>,
}

/// A start whose arguments are checked and canonical.
#[derive(Debug, Clone)]
pub struct StartOrder {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Workflow id; generated from the run id if there is none.
    pub workflow_id: Option<WorkflowId>,
    /// The code it will be pinned to.
    pub program: Arc<Loaded>,
    /// Index into `Program::workflows`.
    pub workflow: u16,
    /// Record of the parameters.
    pub args: Payload,
    /// Makes the request idempotent.
    pub request_id: Option<String>,
    /// Policy for an open run of the id.
    pub on_conflict: OnConflict,
    /// Policy for a closed run of the id.
    pub on_closed: OnClosed,
    /// Of the run itself, as resolved.
    pub options: Box<RunOptions>,
    /// What goes with it.
    pub with: Option<With>,
    /// Who asked.
    pub by: StartedBy,
}

/// What goes with a start, in the same commit.
#[derive(Debug, Clone)]
pub enum With {
    /// A signal.
    Signal {
        /// Its name.
        name: String,
        /// Parameters by name; checked already against the code of a new run.
        args: Value,
        /// Makes it idempotent.
        request_id: Option<String>,
    },
    /// An update.
    Update {
        /// Its name.
        name: String,
        /// Parameters by name; checked already against the code of a new run.
        args: Value,
        /// Names it within the run.
        update_id: String,
    },
}

/// A run that is to go on from an earlier point.
#[derive(Debug, Clone)]
pub struct ResetOrder {
    /// Which.
    pub key: Key,
    /// Where to.
    pub point: Point,
    /// What is left out.
    pub without: Without,
    /// Whether it stays on its code.
    pub same_code: bool,
    /// Why.
    pub reason: String,
    /// Makes it idempotent.
    pub request_id: Option<String>,
    /// What the store has of it, if the run is not open.
    pub closed: Option<ClosedChain>,
}

/// A closed run and those that went on for it.
#[derive(Debug, Clone)]
pub struct ClosedChain {
    /// Their histories, oldest first.
    pub histories: Vec<Vec<Event>>,
    /// The code that the first was on.
    pub loaded: Arc<Loaded>,
    /// The newest closed run of the id.
    pub newest: RunId,
    /// What [`Answer::Bring`] said before they were read.
    pub deletes: u64,
}

/// Who asked for a start.
#[derive(Debug, Clone, PartialEq)]
pub enum StartedBy {
    /// A client, waiting for the answer.
    Client(ReplyId),
    /// A run.
    Parent(ParentRef),
    /// A schedule.
    Schedule(ScheduleRef),
}

/// What a client may ask of runs.
#[derive(Debug, Clone)]
pub enum Request {
    /// Start or join a run.
    Start(Box<StartOrder>),
    /// Send a signal.
    Signal {
        /// To.
        key: Key,
        /// Name.
        name: String,
        /// Parameters by name, not checked yet.
        args: Value,
        /// Makes it idempotent.
        request_id: Option<String>,
    },
    /// Send an update, or wait for one.
    Update(Box<UpdateAsked>),
    /// Read a query or public state.
    Query {
        /// Of.
        key: Key,
        /// Name.
        name: String,
        /// Parameters by name, not checked yet.
        args: Value,
    },
    /// Request cancellation.
    Cancel {
        /// Of.
        key: Key,
        /// Why.
        reason: String,
        /// Makes it idempotent.
        request_id: Option<String>,
    },
    /// End now.
    Terminate {
        /// Which.
        key: Key,
        /// Why.
        reason: String,
    },
    /// Let a run go on from an earlier point.
    Reset(Box<ResetOrder>),
    /// End the open run of an id, if there is one, and forget all runs of it.
    Delete(Key),
    /// Answer when the run has ended.
    Ended(Key),
    /// Everything known about the run now.
    Describe(Key),
    /// Events after a number.
    History {
        /// Of.
        key: Key,
        /// Only later ones.
        after: u64,
        /// At most so many.
        limit: usize,
        /// Whether the answer waits for the next event if there is none yet.
        follow: bool,
    },
    /// The code the run is pinned to.
    Code(Key),
    /// Open runs.
    List(OpenPage),
    /// How many open runs there are.
    Count(Arc<str>, Arc<Filter>),
    /// Try open runs on a program.
    Try {
        /// Namespace.
        namespace: Arc<str>,
        /// The program.
        program: Arc<Loaded>,
        /// Which runs, and what for.
        trying: Trying,
    },
    /// Ask a schedule.
    Schedule {
        /// Namespace.
        namespace: Arc<str>,
        /// Its name.
        name: String,
        /// What.
        ask: ScheduleAsk,
    },
    /// All schedules of a namespace.
    Schedules(Arc<str>),
    /// Delete all schedules of a namespace.
    DropSchedules(Arc<str>),
    /// A project declares these schedules and no others.
    Declare {
        /// Namespace.
        namespace: Arc<str>,
        /// The project's program.
        program: Arc<Loaded>,
    },
    /// A worker ends an attempt.
    EndAttempt {
        /// Where the worker is; it has no attempts elsewhere.
        namespace: Arc<str>,
        /// Which.
        attempt: AttemptRef,
        /// Result as sent, not checked yet, or the failure.
        outcome: WorkerOutcome,
    },
    /// A worker says that an attempt lives.
    Heartbeat {
        /// As in `EndAttempt`.
        namespace: Arc<str>,
        /// Which.
        attempt: AttemptRef,
        /// For the next attempt, not checked yet.
        progress: Option<Value>,
    },
    /// Somebody ends, keeps alive or steers a pending activity that he names by its run.
    Activity {
        /// The run.
        key: Key,
        /// Which of its activities.
        which: ActivityKey,
        /// What is done.
        act: ActivityAct,
    },
}

/// What a client may ask of a schedule.
#[derive(Debug, Clone)]
pub enum ScheduleAsk {
    /// Make it.
    Create(Box<Definition>),
    /// Give it another definition.
    Replace(Box<Definition>),
    /// Everything known about it.
    Describe,
    /// What follows from an input.
    Give(ScheduleInput),
}

/// One attempt of an activity of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptRef {
    /// The run.
    pub run: RunId,
    /// Its `ActivityScheduled`.
    pub scheduled: EventId,
    /// From 1.
    pub attempt: u32,
}

/// What a worker reports.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerOutcome {
    /// A result.
    Completed(Value),
    /// A failure, and when to try again if the worker knows.
    Failed {
        /// The failure.
        failure: Failure,
        /// Milliseconds.
        retry_after_ms: Option<i64>,
    },
}

/// Which open runs to list.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPage {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Which of them.
    pub filter: Arc<Filter>,
    /// Only what comes after this in the order (started descending, run id descending).
    pub after: Option<(Timestamp, RunId)>,
    /// Rows at most.
    pub limit: usize,
}

/// A good answer.
#[derive(Debug)]
pub enum Answer {
    /// To a start.
    Started {
        /// The run.
        run: RunRef,
        /// False if an existing one was joined.
        started: bool,
        /// What has become of the update that went with the start, if that is known.
        update: Option<Box<UpdateReply>>,
    },
    /// It is done and durable.
    Done,
    /// To a heartbeat, and to what is done to an activity: what whoever works on it should know.
    Alive(HeartbeatReply),
    /// To a query.
    Value(Payload),
    /// To an update.
    Update(Box<UpdateReply>),
    /// The run has ended with this event.
    Ended {
        /// The run.
        run: RunRef,
        /// Its last event.
        last: Box<Event>,
    },
    /// A description.
    Description(Box<RunDescription>),
    /// A piece of history.
    Events {
        /// The run's code.
        program: Arc<Loaded>,
        /// Which code the run was pinned to from which event on: places in events are places in that.
        codes: Vec<(EventId, ProgramHash)>,
        /// The events.
        events: Vec<Event>,
        /// Whether the run has closed and these are the last.
        complete: bool,
    },
    /// Code and workflow of a run.
    Code {
        /// The program.
        program: Arc<Loaded>,
        /// Index of the workflow.
        workflow: u16,
    },
    /// A schedule.
    Schedule(Box<ScheduleDescription>),
    /// Schedules, by name.
    Schedules(Vec<ScheduleRow>),
    /// Declared schedules are made; these names belong to others.
    Declared(Vec<String>),
    /// Open runs, in order.
    Rows(Vec<OpenRow>),
    /// How many open runs there are of each workflow.
    Counts {
        /// By workflow name.
        open: BTreeMap<String, u64>,
        /// How many runs have ended here so far: if there are more the next time, runs ended in between.
        ended: u64,
    },
    /// What became of trying runs on a program.
    Tried(Box<Tried>),
    /// No open run has that name; a closed one may, and is in the store by now if it does.
    NotOpen,
    /// The same, to a reset: to be asked again with what the store has.
    Bring {
        /// To be brought along: tells whether the id was deleted meanwhile.
        deletes: u64,
    },
}

/// Which open runs are tried on a program, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trying {
    /// Stuck runs of its workflows, to move them.
    Stuck,
    /// Runs of its project on other code, to see whether they would move. Nothing changes.
    Check,
    /// The same runs, to move them.
    Move,
    /// All runs of its project, for what they have of its patches. Nothing changes.
    Patches,
}

/// What became of trying runs on a program.
#[derive(Debug, Default)]
pub struct Tried {
    /// Runs that moved, or would.
    pub fit: u64,
    /// Runs that do not follow it.
    pub unmoved: Unmoved,
    /// Runs by workflow, where patches were asked for.
    pub runs: BTreeMap<String, u64>,
    /// By workflow and patch: runs with a mark, and runs that passed it without one.
    pub patches: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
}

/// A row of the list with what it is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRow {
    /// When it started.
    pub started: Timestamp,
    /// Run id.
    pub run_id: RunId,
    /// As listed.
    pub row: RunRow,
}

/// The answer to a request.
pub type Reply = Result<Answer, ApiError>;

/// What may leave the partition: everything it depends on is durable.
#[derive(Debug)]
pub enum Output {
    /// Answer a caller.
    Reply(ReplyId, Reply),
    /// Hand an attempt out, if it is still wanted.
    Dispatch(AttemptRef),
    /// The same after a restart: whoever had it may still be at work.
    DispatchAgain(AttemptRef),
    /// Tell running attempts of an activity to stop.
    Stop(RunId, EventId),
    /// Word to a run of another partition, or of this one.
    Send(PartitionId, Message),
    /// The store has to be asked for a closed run before this can go on. Nothing waits for it.
    Probe(Box<Probe>),
    /// A log line of a program.
    Log {
        /// The run.
        run: RunId,
        /// 0 debug, 1 info, 2 warn, 3 error.
        level: u8,
        /// Text.
        text: String,
    },
}

/// Word between runs. Delivered at least once and in order between two partitions; doing it twice changes nothing.
#[derive(Debug, Clone)]
pub enum Message {
    /// Start a child; the answer goes to the parent.
    Start(Box<StartOrder>),
    /// A child's start, refusal or end.
    Child {
        /// Namespace of both.
        namespace: Arc<str>,
        /// The parent that awaits it.
        parent: RunRef,
        /// The child, if there is one.
        child: Option<RunRef>,
        /// What the parent's close does to the child.
        on_close: OnParentClose,
        /// The event for the parent.
        event: Box<EventKind>,
    },
    /// A parent that was read back asks for the end of a child it knows to have started; the order names the parent.
    AwaitEnd(Box<StartOrder>, RunRef),
    /// The parent has durably noted all it wanted to know about a child.
    Settled {
        /// The parent.
        parent: RunId,
        /// Its `ChildScheduled`.
        scheduled: EventId,
    },
    /// Is this parent still open? If not, its child gets what `on_close` says.
    ParentOpen(Box<Orphan>),
    /// What became of a start that a schedule asked for.
    ScheduleStart {
        /// The start.
        to: ScheduleRef,
        /// The run, or why there is none.
        how: Result<RunId, Failure>,
    },
    /// A run that a schedule asked for has ended, the last of its chain.
    ScheduleEnded {
        /// The start.
        to: ScheduleRef,
        /// The run.
        run_id: RunId,
        /// How.
        status: Status,
        /// Why, if not well.
        failure: Option<Failure>,
        /// What it gave.
        result: Option<Payload>,
    },
    /// A schedule that was read back asks for the end of a run that it knows to have started.
    AwaitScheduled(ScheduleRef, RunRef),
    /// A message of a program; the answer is `Told`.
    Tell(Box<Tell>),
    /// A message has been taken durably, or was refused.
    Told {
        /// The run that sent it.
        to: RunId,
        /// Its `SignalSent` or `CancelSent`.
        sent: EventId,
        /// Why it was refused, if it was.
        refused: Option<Failure>,
    },
    /// Request cancellation.
    Cancel {
        /// Namespace of both.
        namespace: Arc<str>,
        /// Of.
        to: RunRef,
        /// Why.
        reason: String,
        /// By which run; none if a schedule asks.
        from: Option<RunRef>,
        /// The same whenever it is asked again.
        request_id: String,
    },
    /// End now.
    Terminate {
        /// Namespace of both.
        namespace: Arc<str>,
        /// Which.
        to: RunRef,
        /// Why.
        reason: String,
        /// By which run; none if a schedule asks.
        from: Option<RunRef>,
        /// The same whenever it is asked again.
        request_id: String,
    },
}

/// What goes on when the store has answered.
#[derive(Debug, Clone)]
pub enum Asker {
    /// A start.
    Start(StartOrder),
    /// A message to a run that is not open.
    Word(Tell),
    /// Messages of this namespace that an earlier run of their receiver's chain may have taken.
    Retold(Arc<str>),
    /// A schedule asks for the end of a run.
    Schedule(ScheduleRef),
    /// A child whose parent is not open.
    Child(Orphan),
}

/// A child whose parent is not open: what the end of that does to it depends on how it ended.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// Namespace of both.
    pub namespace: Arc<str>,
    /// The parent.
    pub parent: RunRef,
    /// Its `ChildScheduled`.
    pub scheduled: EventId,
    /// The child.
    pub child: RunRef,
    /// What its options say.
    pub on_close: OnParentClose,
}

impl Asker {
    /// The namespace of the run asked for.
    pub fn namespace(&self) -> &str {
        match self {
            Asker::Start(order) => &order.namespace,
            Asker::Word(tell) => &tell.namespace,
            Asker::Retold(namespace) => namespace,
            Asker::Child(orphan) => &orphan.namespace,
            Asker::Schedule(start) => &start.namespace,
        }
    }
}

/// A question to the store that a start or a message has to wait for.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What goes on with the answer.
    pub asker: Asker,
    /// Workflow id to ask for.
    pub workflow_id: WorkflowId,
    /// One run of it, or the newest.
    pub run_id: Option<RunId>,
    /// The newest closed run that may have the id, as far as the partition knew when it asked.
    pub newest: Option<RunId>,
}

/// What the store said to a [`Probe`].
#[derive(Debug)]
pub struct Probed {
    /// The question.
    pub probe: Probe,
    /// The row, if there is one; or that the store cannot read it, now or ever.
    pub found: Result<Option<ClosedRun>, StoreError>,
}

/// What an executor in this process reports about an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    /// Which.
    pub attempt: AttemptRef,
    /// How.
    pub outcome: AttemptOutcome,
}

/// A run that closed in an append that is not durable yet, or whose child start is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClosedFact {
    /// The run.
    pub(super) run_id: RunId,
    /// How it ended.
    pub(super) status: Status,
}

/// An open run and who waits for it.
#[derive(Debug)]
pub(super) struct OpenRun {
    /// The engine's run.
    pub(super) run: Run,
    /// Namespace.
    pub(super) namespace: Arc<str>,
    /// Number of the batch with its last change.
    pub(super) batch: u64,
    /// Who waits for its end.
    pub(super) waiters: Vec<Waiter>,
    /// Who waits for an event after this number, and how many it wants.
    pub(super) followers: Vec<(ReplyId, u64, usize)>,
    /// Who waits for one of its updates.
    pub(super) updaters: Vec<UpdateWaiter>,
    /// Runs besides the parent that joined it and await its end.
    pub(super) watchers: Vec<ParentRef>,
    /// Inputs put aside during a long computation, in order: what goes on when they are taken.
    pub(super) deferred: VecDeque<Then>,
    /// Whether it is among the runs in the middle of a long computation.
    pub(super) has_place: bool,
    /// What the log says of its events.
    pub(super) trail: Trail,
    /// How many events it had when it was last looked for a snapshot.
    pub(super) looked_at: usize,
    /// Whether the store has a snapshot of it, or will with the filling batch.
    pub(super) kept: bool,
}

impl OpenRun {
    /// A run that nobody waits for.
    pub(super) fn new(run: Run, namespace: Arc<str>, batch: u64) -> OpenRun {
        OpenRun {
            run,
            namespace,
            batch,
            waiters: Vec::new(),
            followers: Vec::new(),
            updaters: Vec::new(),
            watchers: Vec::new(),
            deferred: VecDeque::new(),
            has_place: false,
            trail: Trail::default(),
            looked_at: 0,
            kept: false,
        }
    }
}

/// Who waits for the end of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiter {
    pub(super) reply: ReplyId,
    /// It named the run, so it is not for the runs that this one goes on as.
    pub(super) this_run_only: bool,
}

/// What goes on when an input was taken or refused.
#[derive(Debug)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// Answer that it is done.
    Answer(ReplyId),
    /// Answer whoever started this run, or joined it, with a signal.
    Joined(ReplyId, RunRef),
    /// Answer whoever sent this update.
    Update(ReplyId, String, Sent),
    /// Answer a heartbeat of this activity.
    AnswerAlive(ReplyId, EventId),
    /// An attempt begins for whoever asked for it. Nothing is written of that, so nothing is waited for.
    Begins(ReplyId),
    /// The parent has noted word of a child.
    Child(Box<ChildWord>),
    /// Answer the run that sent this.
    Tell(Box<Tell>),
    /// The sender has noted what became of a message.
    Told(EventId),
}

/// Word of a child, as far as what follows from it is concerned.
#[derive(Debug)]
pub(super) struct ChildWord {
    pub(super) namespace: Arc<str>,
    pub(super) parent: RunRef,
    pub(super) child: Option<RunRef>,
    pub(super) on_close: OnParentClose,
    /// The `ChildScheduled`, if the event names one.
    pub(super) scheduled: Option<EventId>,
    /// It is `ChildStarted`.
    pub(super) started: bool,
    /// More is to come: the child's end.
    pub(super) awaits_end: bool,
}
