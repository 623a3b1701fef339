//! What an [`Input`](crate::Input) leads to: what to make durable, and what to do once it is.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::policy::ChildOptions;
use weft_protocol::{EventId, Failure, Payload, RunId, Timestamp, WorkflowId};

use crate::input::AlarmKey;

/// What a run wants committed and, after that, done. Empty if the Input changed nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transition {
    /// New events: where they are in the run's history.
    pub events: Range<usize>,
    /// Log-only records.
    pub records: Vec<Record>,
    /// Attempts to hand out once durable: the activity and the attempt's number.
    pub dispatch: Vec<(EventId, u32)>,
    /// Running attempts to be told that they are canceled.
    pub cancel: Vec<EventId>,
    /// Alarms to set.
    pub alarms: Vec<(Timestamp, AlarmKey)>,
    /// What other runs must learn once durable. Every entry can be derived again from the run's history
    /// (`Run::unsettled`), so a crash in between loses nothing.
    pub outbox: Vec<Outgoing>,
    /// Log lines of the program: level, text.
    pub logs: Vec<(u8, String)>,
    /// Whether the run is closed now.
    pub closed: bool,
    /// The run goes on as a new one: `Run::succeed` must follow at once, and what it adds belongs into the same commit.
    pub continues: bool,
    /// A long computation is under way: give the run `Input::Continue` when others have had their turn.
    pub again: bool,
    /// The Input was put aside because a long computation is under way. Nothing of it is logged, so nothing may be
    /// answered: its answer comes in `settled` of a later Transition.
    pub deferred: bool,
    /// Answers to Inputs that were deferred before, in the order they came. What they led to is in this Transition.
    pub settled: Vec<Result<(), Refused>>,
}

/// A log-only record of a run: no event id, gone once it no longer matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// An attempt failed and another follows.
    AttemptFailed {
        /// The activity.
        scheduled: EventId,
        /// The attempt that failed.
        attempt: u32,
        /// How.
        failure: Failure,
        /// When the next one starts.
        next_at: Timestamp,
    },
    /// An attempt was handed out; written where something depends on it.
    AttemptStarted {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// Somebody outside steered an activity.
    Steered {
        /// The activity.
        scheduled: EventId,
        /// What was done.
        steer: Steer,
        /// When.
        at: Timestamp,
        /// Whether somebody was working on it.
        running: bool,
    },
    /// Progress for the next attempt.
    Heartbeat {
        /// The activity.
        scheduled: EventId,
        /// The attempt.
        attempt: u32,
        /// Progress.
        progress: Option<Payload>,
    },
    /// All runs of this id up to the one that the record is of are forgotten.
    Deleted {
        /// Their namespace.
        namespace: String,
        /// Their workflow id.
        workflow_id: WorkflowId,
    },
    /// Of a run that has closed: it is known what became of a message that it sent.
    Told {
        /// The `SignalSent` or `CancelSent`.
        sent: EventId,
    },
    /// A request to cancel that changed nothing, for another came before it. Told again, it changes nothing in a run that
    /// goes on for this one either.
    AskedAgain {
        /// What makes it idempotent.
        request_id: String,
    },
}

impl Record {
    /// The activity it is about.
    pub(crate) fn activity(&self) -> Option<EventId> {
        match self {
            Record::AttemptFailed { scheduled, .. }
            | Record::AttemptStarted { scheduled, .. }
            | Record::Steered { scheduled, .. }
            | Record::Heartbeat { scheduled, .. } => Some(*scheduled),
            Record::Told { .. } | Record::AskedAgain { .. } | Record::Deleted { .. } => None,
        }
    }

    /// Looks at each value in it: what may be large and is kept beside the log then.
    pub fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        match self {
            Record::AttemptFailed { failure, .. } => failure.payloads(visit),
            Record::Heartbeat { progress: Some(progress), .. } => visit(progress),
            Record::Heartbeat { progress: None, .. }
            | Record::AttemptStarted { .. }
            | Record::Steered { .. }
            | Record::Told { .. }
            | Record::AskedAgain { .. }
            | Record::Deleted { .. } => {}
        }
    }
}

/// What somebody outside does to a pending activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Steer {
    /// No attempt begins.
    Pause {
        /// Why, for people.
        reason: String,
    },
    /// Attempts begin again.
    Unpause,
    /// The next attempt begins now, and its policy counts attempts from there. Takes a pause back.
    Reset {
        /// It stays paused.
        keep_paused: bool,
        /// What was reported is forgotten.
        clear_progress: bool,
    },
}

/// What another run must learn. Delivered at least once; each is idempotent at its destination.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// Start a child. The destination answers with `ChildStarted` or `ChildStartFailed`, and with the end if it has
    /// already ended. A run with the same parent reference is the same start. If the parent answers `ChildStarted` with
    /// [`Refused::Closed`], it ended meanwhile: its close policy (`ParentRef::on_close`) is then applied to the child.
    StartChild {
        /// The parent and its event.
        parent: ParentRef,
        /// Workflow name.
        workflow: String,
        /// Workflow id.
        workflow_id: WorkflowId,
        /// Arguments.
        args: Payload,
        /// Options.
        options: ChildOptions,
    },
    /// A child tells its parent how it ended; the event the parent will log.
    ChildEnded {
        /// The parent.
        parent: RunRef,
        /// `ChildCompleted`, `ChildFailed`, `ChildCanceled`, `ChildTimedOut` or `ChildTerminated`.
        event: EventKind,
    },
    /// A message of the program to a run. The destination answers with `Input::Told`, also if it knows the message.
    Tell {
        /// The `SignalSent` or `CancelSent`.
        sent: EventId,
        /// The run that sent it first; one that goes on from an earlier point may send it again.
        by: RunId,
        /// The run.
        to: RunRef,
        /// What it is told.
        word: Word,
        /// When it was sent, if it may have been told before.
        again: Option<Timestamp>,
    },
    /// Request cancellation of a run.
    Cancel {
        /// Which.
        to: RunRef,
        /// Why.
        reason: String,
        /// The same whenever it is told again: one run of a chain takes it, once.
        request_id: String,
    },
    /// Terminate a run.
    Terminate {
        /// Which.
        to: RunRef,
        /// Why.
        reason: String,
        /// As of a cancel.
        request_id: String,
    },
}

/// What a program tells another run.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// A signal.
    Signal {
        /// Its name on the wire.
        name: String,
        /// Record of its parameters.
        args: Payload,
    },
    /// A request to cancel.
    Cancel,
}

/// Why an Input was not taken. Nothing was logged.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The run has ended.
    Closed,
    /// The attempt is not the one in flight, or its activity has ended.
    Stale,
    /// A limit, by name.
    Limit(&'static str),
    /// The workflow has no signal of this name.
    NoSuchSignal,
    /// The workflow has no update of this name.
    NoSuchUpdate,
    /// The id is empty or too long.
    UpdateId,
    /// Another update of the run has the id.
    UpdateIdTaken,
    /// The check of the update threw this.
    Rejected(Failure),
    /// The check of the update cannot go on: the trap, its place and its message.
    CheckTrapped(String),
    /// The run is parked.
    Stuck,
    /// The run's body is over.
    Ending,
    /// The run's program has not begun.
    NotBegun,
}
