//! Ends: of a fiber, of a scope, of the run; and the wait that nothing can end.

use weft_protocol::command::FiberPath;

use crate::fiber::{Cancel, Fiber, FiberId, On, Resume, Role, State};
use crate::interp::{SelectSource, sources, task_handle};
use crate::limits::Fault;
use crate::machine::{Ended, Life, Vm};
use crate::scope::{NOBODY, Scope, ScopeKind, TaskEnd};
use crate::step::{Then, Trap, TrapKind};
use crate::value::{encode, failure};
use weft_bytecode::types::builtin;

impl Vm {
    pub(crate) fn scope(&mut self, scope: u32) -> Option<&mut Scope> {
        self.scopes.get_mut(scope as usize)?.as_mut()
    }

    /// A fiber's last frame is gone.
    pub(crate) fn end(&mut self, id: FiberId, fiber: Fiber, ended: Ended) -> Result<(), Fault> {
        self.pending -= fiber.ops.iter().filter(|op| op.outcome.is_none()).count() as u32;
        let canceled = fiber.cancel == Cancel::Delivered;
        self.cleanups = self.cleanups.saturating_sub(fiber.cleanups_kept());
        match fiber.role {
            // Its number stays its own while updates go on.
            Role::Main => return self.end_main(ended),
            Role::Atomic => {
                self.atomic_draws = fiber.draws;
                if let Ended::Failed(_) = ended {
                    self.progress.ended = Some(ended);
                }
            }
            Role::Branch { scope, position } => {
                self.paths.remove(&fiber.path);
                self.free_fibers.push(id);
                return self.end_branch(id, scope, position, ended, canceled);
            }
            Role::Update { update } => {
                self.paths.remove(&fiber.path);
                self.free_fibers.push(id);
                return self.end_update(&fiber, update, ended);
            }
        }
        self.free_fibers.push(id);
        Ok(())
    }

    fn end_branch(
        &mut self,
        id: FiberId,
        scope: u32,
        position: u32,
        ended: Ended,
        canceled: bool,
    ) -> Result<(), Fault> {
        let Some(open) = self.scope(scope) else { return Ok(()) };
        if open.kind == ScopeKind::Tasks {
            self.end_task(id, scope, position, ended, canceled);
            return Ok(());
        }
        let siblings = open.running.len();
        open.running.retain(|branch| *branch != id);
        self.heap.charge_steps(siblings);
        let Some(open) = self.scope(scope) else { return Ok(()) };
        let decides = !open.is_decided();
        match ended {
            Ended::Returned(value) => {
                open.results[position as usize].1 = value;
                if decides && open.kind == ScopeKind::Race {
                    open.winner = Some(position);
                }
            }
            Ended::Failed(failure) if decides => open.failure = failure,
            Ended::Failed(_) | Ended::Continued { .. } => {}
        }
        if decides && open.is_decided() {
            self.cancel_scope(scope)?;
        }
        self.begin_branches(scope)?;
        let Some(open) = self.scope(scope) else { return Ok(()) };
        let owner = open.owner;
        if open.has_ended() && owner == NOBODY {
            self.close_scope(scope);
        } else if open.has_ended()
            && let Some(fiber) = self.fiber(owner)
            && matches!(fiber.state, State::Waiting { on: On::Branches { scope: of }, .. } if of == scope)
        {
            fiber.state = State::Ready(Resume::Go);
            self.ready.push_back(owner);
        }
        Ok(())
    }

    /// A task ended: first those go on who wait for it, then the body if it waits at its end.
    fn end_task(&mut self, id: FiberId, scope: u32, position: u32, ended: Ended, canceled: bool) {
        // That a cancel ended it is no news: it came from the body, or the body got it too.
        let news = match ended {
            // Only the body goes on as a new run.
            Ended::Returned(_) | Ended::Continued { .. } => false,
            Ended::Failed(failure) => !(canceled && self.heap.type_at(failure) == builtin::CANCELED),
        };
        let Some(open) = self.scope(scope) else { return };
        open.running.retain(|task| *task != id);
        match ended {
            Ended::Returned(value) => {
                open.results[position as usize].1 = value;
                open.tasks[position as usize] = TaskEnd::Returned;
            }
            Ended::Failed(failure) => open.tasks[position as usize] = TaskEnd::Failed(failure),
            Ended::Continued { .. } => {}
        }
        if news && !open.left {
            open.unseen.push(position);
        }
        let (owner, goes_on) = (open.owner, open.has_ended() || !open.unseen.is_empty());
        self.wake_for_task(task_handle(scope, position));
        let ended = self.scope(scope).is_some_and(|open| open.has_ended());
        if ended && owner == NOBODY {
            self.close_scope(scope);
        } else if goes_on
            && let Some(fiber) = self.fiber(owner)
            && matches!(fiber.state, State::Waiting { on: On::Branches { scope: of }, .. } if of == scope)
        {
            fiber.state = State::Ready(Resume::Go);
            self.ready.push_back(owner);
        }
    }

    /// Begins branches that wait for their turn, as many as the scope's limit allows.
    pub(crate) fn begin_branches(&mut self, scope: u32) -> Result<(), Fault> {
        while let Some(open) = self.scope(scope) {
            if open.limit != 0 && open.running.len() >= open.limit as usize {
                break;
            }
            let Some(branch) = open.pending.pop_front() else { break };
            let role = Role::Branch { scope, position: branch.position };
            let id = self.add_fiber(Fiber::new(branch.path, role), branch.func, &branch.args)?;
            self.ready.push_back(id);
            if let Some(open) = self.scope(scope) {
                open.running.push(id);
            }
        }
        Ok(())
    }

    /// The body is over: what is left of the run is its state, for queries.
    pub(crate) fn close(&mut self, ended: Ended) -> Result<Then, Fault> {
        self.life = Life::Closed;
        self.fibers.clear();
        self.free_fibers.clear();
        self.paths.clear();
        self.ready.clear();
        self.conditions.clear();
        self.scopes.clear();
        self.free_scopes.clear();
        self.branch_bytes = 0;
        self.cleanups = 0;
        self.pending = 0;
        match ended {
            Ended::Returned(value) => {
                let ty = self.def().result;
                let max = self.bounds.payload_bytes_max;
                encode::payload(&self.heap, &self.loaded, ty, value, max).map(Then::Completed)
            }
            Ended::Continued { args, canceling } => {
                let (ty, max) = (self.def().args, self.bounds.payload_bytes_max);
                let args = encode::payload(&self.heap, &self.loaded, ty, args, max)?;
                Ok(Then::Continued { args, canceling })
            }
            Ended::Failed(object) if self.cancel_requested && self.heap.type_at(object) == builtin::CANCELED => {
                Ok(Then::Canceled)
            }
            Ended::Failed(object) => {
                let mut room = encode::Room::payload(self.bounds.payload_bytes_max);
                failure::from_heap(&self.heap, &self.loaded, object, 0, &mut room).map(Then::Failed)
            }
        }
    }

    /// All fibers wait. If nothing that can still happen would move one of them, that is a trap.
    pub(crate) fn deadlock(&self) -> Option<Trap> {
        if self.pending > 0 {
            return None;
        }
        let mut waiting = self.fibers.iter().flatten().filter_map(|fiber| match fiber.state {
            State::Waiting { on, .. } => Some((fiber, on)),
            State::Ready(_) => None,
        });
        let handled = self.def().signals.iter().any(|signal| signal.handler.is_some());
        // A run whose body is over takes no update any more.
        let updated = !self.def().updates.is_empty() && !self.is_ending();
        let movable = |fiber: &Fiber, on: On| match on {
            On::Message { .. } => true,
            On::Select => sources(&self.loaded, fiber).iter().any(|source| match source {
                SelectSource::Message(_) => true,
                SelectSource::When(_) => handled || updated,
                _ => false,
            }),
            // A handler or an update may change the state that the condition reads.
            On::Condition { .. } => handled || updated,
            On::Operation(_) | On::Started(_) | On::Branches { .. } | On::Task(_) | On::Turn => false,
        };
        if waiting.clone().any(|(fiber, on)| movable(fiber, on)) {
            return None;
        }
        let (first, _) = waiting.next()?;
        let program = self.loaded.program();
        let places: Vec<String> = waiting_lines(self, program);
        let message = format!("nothing can wake this run: {}", places.join(", "));
        Some(Trap { kind: TrapKind::Deadlock, message, site: first.site() })
    }
}

fn waiting_lines(vm: &Vm, program: &weft_bytecode::Program) -> Vec<String> {
    const LINES_MAX: usize = 10;
    let lines = vm.fibers.iter().flatten().filter_map(|fiber| {
        let frame = fiber.frames.last()?;
        let line = program.site(frame.func, frame.pc).map(|span| program.line(span)).unwrap_or_default();
        let path: &FiberPath = &fiber.path;
        Some(format!("fiber {path} waits at {line}"))
    });
    lines.take(LINES_MAX).collect()
}
