//! A fiber: one line of execution of a run.
//!
//! `Ready` --runs--> `Waiting` --what it waits for, its limit, a cancel--> `Ready` … until its last frame returns or a
//! failure leaves it. The cancel of a fiber reaches it once: at its current wait, or at its first one; its regions have
//! deadlines of their own ([`crate::region`]).

use smallvec::SmallVec;
use weft_bytecode::FuncId;
use weft_bytecode::options::OnCancel;
use weft_protocol::command::{FiberPath, Site};
use weft_protocol::event::RunRef;

use crate::frame::Frame;
use crate::limits::{Fault, corrupt, fault};
use crate::loaded::Loaded;
use crate::region::{Cleanup, Region};
use crate::step::{Outcome, TrapKind};

/// A fiber's number in its run; numbers of ended fibers are used again.
pub(crate) type FiberId = u32;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fiber {
    pub(crate) path: FiberPath,
    pub(crate) role: Role,
    pub(crate) slots: Vec<u64>,
    pub(crate) frames: SmallVec<[Frame; 2]>,
    pub(crate) state: State,
    pub(crate) cancel: Cancel,
    /// Number of its last command.
    pub(crate) seq: u32,
    /// How many child fibers it has had.
    pub(crate) children: u32,
    /// How often it has drawn from its random stream.
    pub(crate) draws: u64,
    /// In a `select` that has waited: the first of its timers, which are numbered one after the other; 0 for none. In a
    /// `receive` that a message has woken: the timer of its limit, or 0.
    pub(crate) armed: Option<u32>,
    /// Operations under way or ended and not yet awaited, by number.
    pub(crate) ops: Vec<Operation>,
    /// Code under way with a cancel of its own, outermost first.
    pub(crate) regions: Vec<Region>,
    /// What is to be done when bodies are left, outermost first.
    pub(crate) cleanups: Vec<Cleanup>,
}

/// What a fiber is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The workflow's body.
    Main,
    /// A branch of a scope.
    Branch { scope: u32, position: u32 },
    /// An accepted update (index into `WorkflowDef::updates`).
    Update { update: u16 },
    /// State initialisation, a signal handler or a query: runs to its end without waiting.
    Atomic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Running, or in the ready queue: how it goes on.
    Ready(Resume),
    /// Suspended since this registration number.
    Waiting { on: On, since: u64 },
}

/// How a ready fiber goes on at its pc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// It has not run yet.
    Enter,
    /// Execute the instruction at the pc (again).
    Go,
    /// The limit of its wait has passed.
    TimedOut,
    /// Throw this failure.
    Throw(u64),
}

/// What a suspended fiber waits for. Operations and timers are the fiber's own, by number; timer 0 is no timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Operation(u32),
    Started(u32),
    Condition {
        timer: u32,
    },
    Message {
        mailbox: u16,
        timer: u32,
    },
    Branches {
        scope: u32,
    },
    /// An update, before its first instruction: that the update before it has ended.
    Turn,
    /// The end of a task, by its handle.
    Task(u64),
    /// The first of several sources, which the instruction names.
    Select,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    No,
    /// Requested, but the fiber has not waited since, or where it waits keeps it out.
    Pending,
    Delivered,
    /// Of a region: its deadline has asked what the fiber waits for to stop, and how that ends is waited for.
    Asked,
}

/// Something a fiber asked for and has not awaited yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) seq: u32,
    pub(crate) kind: Kind,
    /// What canceling the wait for it does.
    pub(crate) mode: OnCancel,
    /// Whether it was asked to stop, and its end is waited for.
    pub(crate) asked: bool,
    /// The child, once it has started.
    pub(crate) started: Option<Box<RunRef>>,
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Timer,
    Activity,
    /// `attached` if the result is wanted.
    Child {
        attached: bool,
    },
}

impl Fiber {
    pub(crate) fn new(path: FiberPath, role: Role) -> Fiber {
        Fiber {
            path,
            role,
            slots: Vec::new(),
            frames: SmallVec::new(),
            state: State::Ready(Resume::Enter),
            cancel: Cancel::No,
            seq: 0,
            children: 0,
            draws: 0,
            armed: None,
            ops: Vec::new(),
            regions: Vec::new(),
            cleanups: Vec::new(),
        }
    }

    /// Calls a function: a new frame whose first registers are the arguments.
    pub(crate) fn enter(
        &mut self,
        loaded: &Loaded,
        func: FuncId,
        args: &[u64],
        frames_max: usize,
    ) -> Result<(), Fault> {
        if self.frames.len() >= frames_max {
            let message = format!("calls nest deeper than {frames_max} frames (limit `frames_max`)");
            return Err(fault(TrapKind::Depth, message));
        }
        let code = loaded.func(func);
        if args.len() != usize::from(code.params) {
            return Err(corrupt("a call has the wrong number of arguments"));
        }
        let base = self.slots.len();
        self.slots.extend_from_slice(args);
        self.slots.resize(base + code.regs.len(), 0);
        self.frames.push(Frame { func, pc: 0, base: base as u32 });
        Ok(())
    }

    /// Leaves the innermost frame.
    pub(crate) fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.slots.truncate(frame.base as usize);
        }
    }

    /// It was canceled before its first instruction: it has done nothing yet, so there is nothing it could clean up.
    pub(crate) fn never_begins(&mut self) {
        while !self.frames.is_empty() {
            self.leave();
        }
    }

    pub(crate) fn frame(&mut self) -> Result<&mut Frame, Fault> {
        self.frames.last_mut().ok_or_else(|| corrupt("a fiber without a frame was run"))
    }

    /// Where it is; a fiber that was canceled before it ran is nowhere.
    pub(crate) fn site(&self) -> Option<Site> {
        self.frames.last().map(|frame| frame.site())
    }

    pub(crate) fn op(&mut self, seq: u32) -> Option<&mut Operation> {
        // Few are open at a time, and the newest is the one that is asked for.
        self.ops.iter_mut().rev().find(|op| op.seq == seq)
    }

    pub(crate) fn take_op(&mut self, seq: u32) -> Option<Operation> {
        let place = self.ops.iter().rposition(|op| op.seq == seq)?;
        Some(self.ops.remove(place))
    }

    /// Visits each slot that holds a reference.
    pub(crate) fn roots(&mut self, loaded: &Loaded, visit: &mut dyn FnMut(&mut u64)) {
        for frame in &self.frames {
            for reg in &loaded.func(frame.func).refs {
                visit(&mut self.slots[frame.base as usize + usize::from(*reg)]);
            }
        }
        if let State::Ready(Resume::Throw(failure)) = &mut self.state {
            visit(failure);
        }
        self.cleanups.iter_mut().for_each(|list| list.roots(visit));
    }
}
