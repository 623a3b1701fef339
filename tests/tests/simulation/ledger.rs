//! What clients and workers have asked and were told. The oracle holds it against what is stored in the end.

use serde_json::Value;
use weft_protocol::api::{ResetReply, StartReply, UpdateReply};
use weft_runtime::activities::queue::TaskToken;

/// A moment in the order of all that clients and workers see.
pub(crate) type Tick = u64;

/// Everything that was asked and told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) calls: Vec<Call>,
    pub(crate) reads: Vec<Read>,
    pub(crate) handed: Vec<Handed>,
    pub(crate) ends: Vec<End>,
    pub(crate) triggers: Vec<Trigger>,
}

/// A request that changes something.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Workflow id.
    pub(crate) id: String,
    pub(crate) what: What,
    /// Before it was sent first.
    pub(crate) asked: Tick,
    /// When it was acknowledged.
    pub(crate) acked: Option<Tick>,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Start { request: String, reply: Option<StartReply> },
    Signal { name: String, args: Value, request: String },
    Update { name: String, args: Value, update: String, reply: Option<Box<UpdateReply>> },
    Cancel { request: String },
    Terminate { reason: String },
    Reset { request: String, reply: Option<ResetReply> },
}

/// What was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) id: String,
    pub(crate) asked: Tick,
    pub(crate) answered: Tick,
    pub(crate) what: Seen,
}

#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// The value of `items`.
    Items(Vec<i64>),
    /// The history of the newest run of the id.
    History(Vec<Value>),
}

/// An attempt that a worker was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handed {
    pub(crate) token: TaskToken,
    pub(crate) asked: Tick,
    /// Whether nobody else may ever be given it.
    pub(crate) once: bool,
}

/// A start that a schedule was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) schedule: String,
    pub(crate) request: String,
    pub(crate) acked: bool,
}

/// An attempt that a worker has ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) token: TaskToken,
    pub(crate) acked: Option<Tick>,
    /// The result; none if it was a failure.
    pub(crate) result: Option<Value>,
}
