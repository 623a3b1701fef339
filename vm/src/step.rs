//! The words between the engine and the VM.

use weft_protocol::command::{CommandId, FiberPath, Issued, Site};
use weft_protocol::event::RunRef;
use weft_protocol::{Failure, Payload, RunId, Timestamp, WorkflowId};

/// What resumes a run. One history event that the program can notice is one activation.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// The run begins: state is initialised, fiber `0` enters the body.
    Start,
    /// As `Start` for a run that has been told something before it begins: these messages, each with its index into
    /// `WorkflowDef::signals`, are in their mailboxes already, and handlers run when the state is there and before the
    /// body.
    StartWith(Vec<(u16, Payload)>),
    /// An activity, child or timer ended.
    Resolved {
        /// The command that began it.
        op: CommandId,
        /// How.
        outcome: Outcome,
    },
    /// A child has started.
    ChildStarted {
        /// The command that began it.
        op: CommandId,
        /// The child.
        run: RunRef,
    },
    /// A signal: its handler runs before any fiber, or it joins its mailbox.
    Signal {
        /// Index into `WorkflowDef::signals`.
        signal: u16,
        /// Record of its parameters, already checked against the type.
        args: Payload,
    },
    /// An update was accepted: its body runs on a fiber of its own, at once or when its turn has come.
    Update {
        /// Index into `WorkflowDef::updates`.
        update: u16,
        /// Which update of the run it is, from 1.
        number: u32,
        /// Record of its parameters, already checked against the type.
        args: Payload,
    },
    /// Cancellation of the run was requested (the first request only).
    Cancel,
    /// The next slice of a computation that used up its fuel slice.
    Continue,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a value; `null` for timers.
    Completed(Payload),
    /// With a failure, as the program will see it.
    Failed(Failure),
}

/// Facts an activation may read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Time of the event being processed.
    pub now: Timestamp,
    /// Names of the run.
    pub workflow_id: &'a WorkflowId,
    /// Names of the run.
    pub run_id: RunId,
    /// When it started.
    pub started_at: Timestamp,
    /// Number of the event being processed.
    pub history_events: u64,
    /// Bytes of history up to it.
    pub history_bytes: u64,
    /// While replaying: whether the recorded command of this name was `PatchRecorded` of this patch id. A replayed
    /// `patch` is true exactly then; a live one (`None`) always is, and issues `RecordPatch`. A deprecated one is true
    /// either way, and issues `RecordPatch` only where one is recorded.
    pub recorded_patch: Option<&'a dyn RecordedPatches>,
}

/// What a history says about patches.
pub trait RecordedPatches: std::fmt::Debug {
    /// Whether the command of this name is recorded, as a mark of this patch.
    fn is_marked(&self, command: &CommandId, patch: &str) -> bool;
}

/// What an activation led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Commands in the order they were given. Per fiber the numbers are dense.
    pub commands: Vec<Issued>,
    /// Log lines: level 0 to 3, text. Empty while replaying.
    pub logs: Vec<(u8, String)>,
    /// Search attributes that changed, a JSON object.
    pub attributes: Option<Payload>,
    /// What now.
    pub then: Then,
}

/// How an activation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Every fiber waits.
    Waiting,
    /// The fuel slice is used up: nothing may be recorded yet; activate with `Continue`. Commands, logs and attributes
    /// are kept inside and come with the last slice.
    Slice,
    /// The body returned.
    Completed(Payload),
    /// A failure left the body.
    Failed(Failure),
    /// `Canceled` left the body after a cancel was requested.
    Canceled,
    /// The body goes on as a new run.
    Continued {
        /// Record of its parameters.
        args: Payload,
        /// Whether a cancel was requested that the body has not met: the new run has yet to hear of it.
        canceling: bool,
    },
    /// Workflow code cannot go on. The state is of no use any more: rebuild it from history.
    Trapped(Trap),
}

/// Why workflow code cannot go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Trap {
    /// Which.
    pub kind: TrapKind,
    /// For people.
    pub message: String,
    /// Where, if it is a place in the program.
    pub site: Option<Site>,
}

/// Kinds of traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TrapKind {
    Overflow,
    DivisionByZero,
    /// A list index, map key or argument out of range.
    Index,
    /// A float result that is NaN or infinite.
    FloatRange,
    Depth,
    Memory,
    Fuel,
    /// All fibers wait and nothing can wake them.
    Deadlock,
    /// The code does not follow its history.
    Divergence,
    Unreachable,
    /// A limit on pending commands, fibers or mailboxes.
    Limit,
    /// A recorded value does not decode against its type.
    Decode,
    /// The program or snapshot breaks its own rules.
    Corrupt,
}

/// What a fiber waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// The fiber.
    pub fiber: FiberPath,
    /// Where in the program.
    pub site: Site,
    /// What for.
    pub on: WaitOn,
}

/// Kinds of waits.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields name operations")]
pub enum WaitOn {
    Operation(CommandId),
    Condition {
        timer: Option<CommandId>,
    },
    /// A message of this signal (index into `WorkflowDef::signals`).
    Message {
        signal: u16,
        timer: Option<CommandId>,
    },
    Branches,
    /// An update that has not begun, for the end of the one before it.
    Turn,
    /// The end of a task.
    Task,
    /// The first of several sources.
    Select {
        signals: Vec<u16>,
        task: bool,
        condition: bool,
        timers: Vec<CommandId>,
    },
}
