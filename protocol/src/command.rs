//! What the VM asks for. Imperative; the engine turns each into an event.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::event::RunRef;
use crate::failure::Failure;
use crate::id::Timestamp;
use crate::payload::Payload;

/// Where a fiber is in the tree: empty for main (written `0`), `[2]` its second child (written `0.2`), by order of
/// creation from 1. `[0]` is what runs before all fibers; its n-th child is that of the run's n-th update (written `u3`),
/// so that the commands of updates are numbered apart from those of the body.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct FiberPath(pub SmallVec<[u32; 4]>);

impl FiberPath {
    /// The path of this fiber's `index`-th child.
    pub fn child(&self, index: u32) -> FiberPath {
        let mut path = self.clone();
        path.0.push(index);
        path
    }

    /// The path of what runs outside any fiber of the program: children count from 1, so no fiber has it.
    pub fn atomic() -> FiberPath {
        FiberPath::default().child(0)
    }

    /// The path of the fiber of a run's `number`-th update, from 1.
    pub fn update(number: u32) -> FiberPath {
        FiberPath::atomic().child(number)
    }
}

impl std::fmt::Display for FiberPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let below = match self.0.as_slice() {
            [0, update, below @ ..] => {
                write!(f, "u{update}")?;
                below
            }
            below => {
                f.write_str("0")?;
                below
            }
        };
        below.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

/// Names an operation of a run for ever: the fiber and the command's number in that fiber, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandId {
    /// The fiber that gave the command.
    pub fiber: FiberPath,
    /// Its number among the fiber's commands.
    pub seq: u32,
}

/// A place in the program: function and pc. `Program::site` makes a line of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// Function index.
    pub func: u16,
    /// Instruction index.
    pub pc: u32,
}

/// A command with its name and origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// Its name. For `Cancel` the name of the operation that is canceled: a cancel takes no number of its own.
    pub id: CommandId,
    /// Where in the program.
    pub site: Site,
    /// What is asked.
    pub command: Command,
}

/// What a fiber wants from the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Run an activity.
    ScheduleActivity {
        /// Index into `Program::activities`.
        activity: u16,
        /// Record of the parameters.
        args: Payload,
        /// Call-site options, a JSON object by the names of `bytecode::options::ACTIVITY_CALL_OPTIONS`, where durations
        /// are whole milliseconds as numbers.
        options: Option<Payload>,
    },
    /// Fire at a time.
    StartTimer {
        /// When.
        due: Timestamp,
    },
    /// Start a child workflow.
    StartChild {
        /// Index into `Program::workflows`.
        workflow: u16,
        /// Record of the parameters.
        args: Payload,
        /// Call-site options, as for activities (`CHILD_CALL_OPTIONS`).
        options: Option<Payload>,
        /// Whether the result is wanted; false for `start`.
        attached: bool,
    },
    /// A patch was decided true.
    RecordPatch {
        /// Index into `Program::patches`.
        patch: u16,
    },
    /// Ask a pending operation (activity, timer, child) to stop.
    Cancel,
    /// Send a signal to a run; nothing waits for what becomes of it.
    SendSignal {
        /// The run.
        to: RunRef,
        /// Index into `Program::workflows`.
        workflow: u16,
        /// Index into its `WorkflowDef::signals`.
        signal: u16,
        /// Record of the signal's parameters.
        args: Payload,
    },
    /// Request the cancellation of a run; nothing waits for what becomes of it.
    SendCancel {
        /// The run.
        to: RunRef,
    },
    /// The update whose fiber gives this has ended.
    EndUpdate {
        /// Its result, or the failure that left it.
        outcome: Result<Payload, Failure>,
    },
}
