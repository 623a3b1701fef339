//! What a `test` asks of its host: starting runs, reading them, letting time pass. Each such call becomes an activity
//! that only a test program has, so that the machine under a test is the one under a workflow.

use crate::hir::Function;
use crate::source::Span;
use crate::syntax::ast::BinaryOp;
use crate::types::{DefId, FieldDef, Ty};

/// A lowered `test`.
#[derive(Debug)]
pub(crate) struct Test {
    pub name: String,
    pub function: Function,
    /// Its name.
    pub span: Span,
}

/// One call of the host, with the signature of the activity that it becomes.
#[derive(Debug, Clone)]
pub(crate) struct HostCall {
    pub kind: HostKind,
    pub params: Vec<FieldDef>,
    pub result: Ty,
    pub throws: Vec<DefId>,
    pub span: Span,
}

/// What the host is asked.
#[derive(Debug, Clone)]
pub(crate) enum HostKind {
    /// Index of the workflow. Parameters behind its own are options.
    Start(u32),
    /// Runs on until the run has ended; its result, or its failure is thrown.
    Result,
    /// Runs on until the run has ended; its failure, or none.
    Failure,
    /// Whether the run is still open.
    IsRunning,
    /// A query or public state.
    Read(String),
    /// An update: runs on until it has ended; its result, or its failure is thrown.
    Update(String),
    Signal(String),
    Cancel,
    Advance,
    AdvanceUntil,
    Crash,
    /// An `assert` that does not hold, with the values that were compared.
    Assert(Assertion),
    /// A `mock`: its arguments are what its code captures.
    Mock(MockSite),
}

/// The places of an assertion.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    /// The comparison, if it is one.
    pub op: Option<BinaryOp>,
    /// What is compared, in the order of the arguments.
    pub sides: Vec<Span>,
}

/// A `mock`.
#[derive(Debug, Clone)]
pub(crate) struct MockSite {
    pub activity: u32,
    pub times: Option<u32>,
    /// Whether the activity gives nothing: then its code gives `true` instead.
    pub unit: bool,
}
