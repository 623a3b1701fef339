//! Scopes: `parallel`, `race` and the tasks of a body. A scope ends when all its branches have ended; the first failure (or the first
//! branch of a race to end) cancels the others. The failure of a task waits for whoever awaits it, at last for the join.

use std::collections::VecDeque;

use smallvec::SmallVec;
use weft_bytecode::FuncId;
use weft_protocol::command::FiberPath;

use crate::fiber::FiberId;
use crate::loaded::Loaded;

/// The owner of a scope that was left without a join.
pub(crate) const NOBODY: FiberId = FiberId::MAX;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scope {
    /// The fiber that opened it.
    pub(crate) owner: FiberId,
    /// The frame (by depth) and pc that opened it: a failure that leaves it there closes the scope.
    pub(crate) depth: u32,
    pub(crate) pc: u32,
    pub(crate) kind: ScopeKind,
    /// How many branches run at a time; 0 for all.
    pub(crate) limit: u32,
    /// Branches that wait for their turn.
    pub(crate) pending: VecDeque<Branch>,
    /// Branches under way, in order of their start.
    pub(crate) running: Vec<FiberId>,
    /// By position: the branch's function, which says the type, and its value once it has ended.
    pub(crate) results: Vec<(FuncId, u64)>,
    /// The failure to throw when all have ended; 0 for none.
    pub(crate) failure: u64,
    /// The branch of a race that ended first.
    pub(crate) winner: Option<u32>,
    /// By position: how each task has ended.
    pub(crate) tasks: Vec<TaskEnd>,
    /// Tasks whose failure nobody has seen, in the order in which they failed.
    pub(crate) unseen: Vec<u32>,
    /// A failure has left the body that these tasks belong to: how they end does not matter any more.
    pub(crate) left: bool,
    /// Memory that its branches take outside the heap, begun or not.
    pub(crate) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Parallel,
    Race,
    Tasks,
}

/// How a task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    /// Not yet.
    Open,
    /// With the value among the results.
    Returned,
    Failed(u64),
}

/// A branch that has not begun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    pub(crate) path: FiberPath,
    pub(crate) position: u32,
    pub(crate) func: FuncId,
    pub(crate) args: SmallVec<[u64; 4]>,
}

impl Branch {
    /// What one takes besides its path and arguments: its place in the queue and among the results.
    const BYTES: usize = 128;

    pub(crate) fn bytes(&self) -> u64 {
        (Branch::BYTES + 8 * self.args.len() + 4 * self.path.0.len()) as u64
    }
}

impl Scope {
    /// Whether the outcome is certain, so that further branches need not begin.
    pub(crate) fn is_decided(&self) -> bool {
        self.failure != 0 || self.winner.is_some()
    }

    /// The first failure that nobody has seen.
    pub(crate) fn unseen_failure(&self) -> Option<u64> {
        match self.tasks.get(*self.unseen.first()? as usize)? {
            TaskEnd::Failed(failure) => Some(*failure),
            _ => None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.pending.is_empty() && self.running.is_empty()
    }

    pub(crate) fn roots(&mut self, loaded: &Loaded, visit: &mut dyn FnMut(&mut u64)) {
        for branch in &mut self.pending {
            let types = &loaded.func(branch.func).regs;
            for (arg, ty) in branch.args.iter_mut().zip(types) {
                if loaded.is_ref(*ty) {
                    visit(arg);
                }
            }
        }
        for (func, value) in &mut self.results {
            if loaded.is_ref(loaded.result_of(*func)) {
                visit(value);
            }
        }
        for task in &mut self.tasks {
            if let TaskEnd::Failed(failure) = task {
                visit(failure);
            }
        }
        visit(&mut self.failure);
    }
}
