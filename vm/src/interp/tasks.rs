//! Tasks: what `spawn` begins and `await` joins. The tasks of a body are a scope of its own kind, which the body opens
//! where it begins and joins where it ends; a handle names one of them while the scope is open.

use weft_bytecode::op::Op;

use super::{At, Flow};
use crate::fiber::{Fiber, FiberId, On, Resume, State};
use crate::limits::{Fault, corrupt};
use crate::machine::Vm;
use crate::scope::{Scope, ScopeKind, TaskEnd};

/// The handle of a task: its scope, and its position there.
pub(crate) fn handle(scope: u32, position: u32) -> u64 {
    u64::from(scope) << 32 | u64::from(position)
}

/// What a handle names.
fn parts(handle: u64) -> (u32, u32) {
    ((handle >> 32) as u32, handle as u32)
}

impl Vm {
    pub(super) fn task_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        match at.inst.op {
            Op::TaskHandle => {
                let (scope, open) = self.own_scope(at.reg(fiber, at.inst.b), at.id)?;
                let last = match open.kind {
                    ScopeKind::Tasks => (open.results.len() as u32).checked_sub(1),
                    _ => None,
                };
                let position = last.ok_or_else(|| corrupt("the scope has no task"))?;
                at.set(fiber, at.inst.a, handle(scope, position));
                Ok(Flow::Next)
            }
            Op::AwaitTask => self.await_task(fiber, at),
            _ => {
                let (scope, open) = self.own_scope(at.reg(fiber, at.inst.a), at.id)?;
                open.left = true;
                open.unseen.clear();
                self.cancel_scope(scope)?;
                Ok(Flow::Next)
            }
        }
    }

    fn await_task(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let task = at.reg(fiber, at.inst.b);
        let (_, position) = parts(task);
        let open = self.task_scope(task).ok_or_else(|| corrupt("a task is awaited that is not open"))?;
        let (func, value) = open.results[position as usize];
        match open.tasks[position as usize] {
            TaskEnd::Open => Ok(Flow::Wait(On::Task(task))),
            TaskEnd::Failed(failure) => {
                open.unseen.retain(|failed| *failed != position);
                Ok(Flow::Throw(failure))
            }
            TaskEnd::Returned if at.loaded.result_of(func) == at.ty(at.inst.a) => {
                at.set(fiber, at.inst.a, value);
                Ok(Flow::Next)
            }
            TaskEnd::Returned => Err(corrupt("a task is awaited as another type than it gives")),
        }
    }

    /// The open scope of a task.
    fn task_scope(&mut self, task: u64) -> Option<&mut Scope> {
        let (scope, position) = parts(task);
        let open = self.scope(scope)?;
        // Only a scope of tasks has any.
        open.tasks.get(position as usize).is_some().then_some(open)
    }

    /// Whether a task has ended; `None` if there is no such task.
    pub(crate) fn task_has_ended(&mut self, task: u64) -> Option<bool> {
        let (_, position) = parts(task);
        Some(self.task_scope(task)?.tasks[position as usize] != TaskEnd::Open)
    }

    /// A task has ended: those that wait for it go on, the longest waiting first.
    pub(crate) fn wake_for_task(&mut self, task: u64) {
        self.heap.charge_steps(self.fibers.len());
        let waits = |fiber: &Fiber| match fiber.state {
            State::Waiting { on: On::Task(of), since } if of == task => Some(since),
            State::Waiting { on: On::Select, since } if self.selects_task(fiber, task) => Some(since),
            _ => None,
        };
        let fibers = self.fibers.iter().enumerate();
        let mut woken: Vec<(u64, FiberId)> =
            fibers.filter_map(|(id, fiber)| Some((waits(fiber.as_deref()?)?, id as FiberId))).collect();
        woken.sort_unstable();
        for (_, id) in woken {
            self.conditions.retain(|waiting| *waiting != id);
            if let Some(fiber) = self.fiber(id) {
                fiber.state = State::Ready(Resume::Go);
            }
            self.ready.push_back(id);
        }
    }
}
