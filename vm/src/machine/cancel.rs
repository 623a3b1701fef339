//! Cancellation: of the whole run, and of the branches of a scope. Inner fibers before outer ones; each fiber once.

use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin;
use weft_protocol::Command;
use weft_protocol::command::{CommandId, Issued};

use crate::fiber::{Cancel, Fiber, FiberId, Kind, On, Operation, Resume, State};
use crate::limits::Fault;
use crate::machine::{Ended, Life, MAIN, Vm};

/// What is left to do of a cancel that reaches through scopes. A list and no recursion: a program decides how deep its
/// scopes nest, and stacks are small.
enum Todo {
    Fiber(FiberId),
    /// The branches that a fiber waits for have been canceled.
    Branches {
        owner: FiberId,
        scope: u32,
    },
}

impl Vm {
    /// The run is asked to stop.
    pub(crate) fn cancel_run(&mut self) -> Result<(), Fault> {
        self.cancel_requested = true;
        // The body that goes on as a new run meets it there.
        if let Life::Ending(Ended::Continued { canceling, .. }) = &mut self.life {
            *canceling = true;
        }
        self.cancel_fiber(MAIN)?;
        // A fiber whose owner does not wait for it is canceled all the same.
        for (id, shielded) in (0..).zip(self.shielded()) {
            if !shielded {
                self.cancel_fiber(id)?;
            }
        }
        Ok(())
    }

    /// Delivers the cancel to a fiber and to those it waits for, or leaves it for the fiber's next wait.
    pub(crate) fn cancel_fiber(&mut self, id: FiberId) -> Result<(), Fault> {
        self.cancel_all(vec![Todo::Fiber(id)])
    }

    /// Works a list off, the last first.
    fn cancel_all(&mut self, mut todo: Vec<Todo>) -> Result<(), Fault> {
        while let Some(next) = todo.pop() {
            let (Todo::Fiber(id) | Todo::Branches { owner: id, .. }) = next;
            let Some(mut fiber) = self.fibers.get_mut(id as usize).and_then(Option::take) else { continue };
            match next {
                Todo::Fiber(_) => self.reach(id, &mut fiber, &mut todo)?,
                Todo::Branches { scope, .. } => {
                    if let Some(failure) = self.branches_canceled(id, &mut fiber, scope)? {
                        fiber.state = State::Ready(Resume::Throw(failure));
                        self.ready.push_back(id);
                    }
                }
            }
            self.fibers[id as usize] = Some(fiber);
        }
        Ok(())
    }

    /// A cancel reaches a fiber. The branches it waits for are canceled next, and then it hears of them.
    fn reach(&mut self, id: FiberId, fiber: &mut Fiber, todo: &mut Vec<Todo>) -> Result<(), Fault> {
        if fiber.cancel != Cancel::No {
            return Ok(());
        }
        fiber.cancel = Cancel::Pending;
        match fiber.state {
            State::Waiting { on: On::Branches { scope }, .. } if fiber.is_due() && !self.fails_already(scope) => {
                fiber.delivered();
                todo.push(Todo::Branches { owner: id, scope });
                todo.extend(self.stop_branches(scope));
            }
            State::Waiting { .. } => self.cancel_due(id, fiber)?,
            State::Ready(Resume::Enter) => {
                fiber.never_begins();
                fiber.cancel = Cancel::Delivered;
                fiber.state = State::Ready(Resume::Throw(self.canceled()?));
            }
            State::Ready(_) => {}
        }
        Ok(())
    }

    /// Delivers what is due to a fiber, if it waits.
    pub(crate) fn deliver(&mut self, id: FiberId) -> Result<(), Fault> {
        let Some(mut fiber) = self.fibers.get_mut(id as usize).and_then(Option::take) else { return Ok(()) };
        self.cancel_due(id, &mut fiber)?;
        self.fibers[id as usize] = Some(fiber);
        Ok(())
    }

    fn cancel_due(&mut self, id: FiberId, fiber: &mut Fiber) -> Result<(), Fault> {
        if let State::Waiting { on, .. } = fiber.state
            && fiber.is_due()
            && let Some(failure) = self.cancel_wait(id, fiber, on)?
        {
            fiber.state = State::Ready(Resume::Throw(failure));
            self.ready.push_back(id);
        }
        Ok(())
    }

    /// Cancels a wait: the failure to throw there, or `None` where the fiber waits on for the end of what it canceled.
    pub(crate) fn cancel_wait(&mut self, id: FiberId, fiber: &mut Fiber, on: On) -> Result<Option<u64>, Fault> {
        if let On::Branches { scope } = on
            && self.fails_already(scope)
        {
            // The cancel comes at the next wait.
            return Ok(None);
        }
        let asks = |op: &mut Operation| op.asked || (op.kind != Kind::Timer && op.mode == OnCancel::Wait);
        match on {
            On::Operation(seq) if fiber.op(seq).is_some_and(asks) => fiber.asked(),
            _ => fiber.delivered(),
        }
        match on {
            On::Operation(seq) => {
                let Some(op) = fiber.op(seq) else { return self.canceled().map(Some) };
                let mode = if op.kind == Kind::Timer { OnCancel::Try } else { op.mode };
                if op.asked {
                    // One cancel has asked already, and the end that is waited for serves both.
                    return Ok(None);
                }
                op.asked = true;
                if mode != OnCancel::Abandon {
                    self.issue_cancel(fiber, seq);
                }
                if mode == OnCancel::Wait {
                    return Ok(None);
                }
                self.drop_op(fiber, seq);
            }
            // The child is on its own from here, whether or not it starts.
            On::Started(seq) => self.drop_op(fiber, seq),
            On::Condition { timer } => {
                self.conditions.retain(|waiting| *waiting != id);
                self.cancel_timer(fiber, timer);
            }
            On::Message { timer, .. } => self.cancel_timer(fiber, timer),
            On::Turn => fiber.never_begins(),
            // Its end is waited for by whoever waits for the body it belongs to.
            On::Task(_) => {}
            On::Select => self.disarm(id, fiber),
            On::Branches { scope } => {
                self.cancel_scope(scope)?;
                return self.branches_canceled(id, fiber, scope);
            }
        }
        self.canceled().map(Some)
    }

    /// The branches that a fiber waits for have been canceled: it waits on for their ends. The failure to throw at once
    /// if there is no such scope.
    fn branches_canceled(&mut self, id: FiberId, fiber: &mut Fiber, scope: u32) -> Result<Option<u64>, Fault> {
        let failure = self.canceled()?;
        let Some(open) = self.scope(scope) else { return Ok(Some(failure)) };
        if open.failure == 0 {
            open.failure = failure;
        }
        if open.has_ended() {
            // Its branches had not begun; the join finds the failure.
            fiber.state = State::Ready(Resume::Go);
            self.ready.push_back(id);
        }
        Ok(None)
    }

    /// Cancels the branches of a scope; those that have not begun never will.
    pub(crate) fn cancel_scope(&mut self, scope: u32) -> Result<(), Fault> {
        let branches = self.stop_branches(scope);
        self.cancel_all(branches)
    }

    /// Lets no branch of a scope begin any more. Gives those under way, the first to cancel last.
    fn stop_branches(&mut self, scope: u32) -> Vec<Todo> {
        let Some(open) = self.scope(scope) else { return Vec::new() };
        open.pending.clear();
        open.running.iter().rev().map(|branch| Todo::Fiber(*branch)).collect()
    }

    /// Whether the wait for the branches of a scope ends with another failure than a cancel: one has left the body that
    /// they belong to, or a branch has failed. They have been canceled for that already.
    fn fails_already(&mut self, scope: u32) -> bool {
        let Some(open) = self.scope(scope) else { return false };
        let (left, failure) = (open.left, open.failure);
        left || (failure != 0 && self.heap.type_at(failure) != builtin::CANCELED)
    }

    /// The wait that this timer limited is over. It may have fired since.
    pub(crate) fn cancel_timer(&mut self, fiber: &mut Fiber, timer: u32) {
        let Some(op) = fiber.op(timer) else { return };
        if op.outcome.is_none() {
            self.issue_cancel(fiber, timer);
        }
        self.drop_op(fiber, timer);
    }

    fn issue_cancel(&mut self, fiber: &mut Fiber, seq: u32) {
        let Some(site) = fiber.site() else { return };
        let id = CommandId { fiber: fiber.path.clone(), seq };
        self.progress.commands.push(Issued { id, site, command: Command::Cancel });
    }

    /// Forgets an operation; its end will change nothing.
    pub(crate) fn drop_op(&mut self, fiber: &mut Fiber, seq: u32) {
        if fiber.take_op(seq).is_some_and(|op| op.outcome.is_none()) {
            self.pending -= 1;
        }
    }
}
