//! The tests of a project beside the program they run against. Never stored, never sent: it lives as long as
//! `weft test` does.
//!
//! A test is a workflow of its own, and a mock is another. What a test asks of its host (`start`, `advance`, reading a
//! run) is the call of an activity that only [`Suite::program`] has: the machine under a test is the one under a run,
//! and knows nothing of tests.

use crate::program::{Program, Span};

/// A project with its tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// The project's program, and behind its own activities and workflows those of the tests.
    pub program: Program,
    /// Index of the first function that belongs to the tests.
    pub first_function: u16,
    /// Index of the first activity that is a call of the host; the n-th is `calls[n]`.
    pub first_call: u16,
    /// What the host is asked.
    pub calls: Vec<HostCall>,
    /// The tests, in the order of the source.
    pub tests: Vec<TestDef>,
}

/// A `test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDef {
    /// Its name.
    pub name: String,
    /// Index into `Program::workflows`.
    pub workflow: u16,
    /// Where its name is.
    pub span: Span,
}

/// A call of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// What is asked.
    pub ask: Ask,
    /// Where.
    pub span: Span,
}

/// What the host is asked. All but `Start`, `Advance`, `AdvanceUntil`, `Crash`, `Assert` and `Mock` name the run in
/// their first argument, `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Starts a run; behind the arguments of the workflow come options, each `with NAME`.
    Start {
        /// Name on the wire.
        workflow: String,
    },
    /// Runs on until the run has ended: its result, or its failure is thrown.
    Result,
    /// Runs on until the run has ended: its failure, or none.
    Failure,
    /// Whether the run is open.
    IsRunning,
    /// Asks a query or reads public state; parameters are called `arg NAME`.
    Read {
        /// Its name.
        name: String,
    },
    /// Sends an update and runs on until it has ended: its result, or its failure is thrown; parameters are called
    /// `arg NAME`.
    Update {
        /// Its name.
        name: String,
    },
    /// Signals; parameters are called `arg NAME`.
    Signal {
        /// Its name.
        name: String,
    },
    /// Requests cancellation.
    Cancel,
    /// Lets `by` pass.
    Advance,
    /// Lets time pass until `time`.
    AdvanceUntil,
    /// Loses memory.
    Crash,
    /// An assertion does not hold; the arguments are the sides of what was compared.
    Assert {
        /// `==`, if something was compared.
        op: Option<&'static str>,
        /// The places of the sides.
        sides: Vec<Span>,
    },
    /// From here on an activity may be answered; the arguments are what the code of the mock captures.
    Mock(MockDef),
}

/// A `mock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockDef {
    /// Index into `Program::activities`.
    pub activity: u16,
    /// Its code: index into `Program::workflows`. It takes the captures and then the parameters of the activity, and
    /// gives a list: of the one answer, or empty if the patterns do not match.
    pub workflow: u16,
    /// How many calls it answers; `None` for all.
    pub times: Option<u32>,
    /// Whether the activity gives nothing: then the answer in the list says so and no more.
    pub unit: bool,
}
