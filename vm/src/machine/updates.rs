//! Updates: an accepted one runs on a fiber of its own, in a namespace of paths of its own, so that its commands are
//! numbered apart from those of the body. They take turns unless declared otherwise, and the run ends when they have.
//!
//! accepted --its turn--> running --returns, or a failure leaves it--> `EndUpdate`.

use weft_bytecode::types::builtin;
use weft_protocol::command::{CommandId, FiberPath, Issued, Site};
use weft_protocol::{Command, Failure, Payload};

use crate::fiber::{Fiber, FiberId, On, Resume, Role, State};
use crate::limits::{Fault, corrupt};
use crate::machine::{Ended, Life, Vm};
use crate::value::{encode, failure};

impl Vm {
    /// The run's `number`-th update was accepted. `args` is the record of its parameters.
    pub(crate) fn update(&mut self, update: u16, number: u32, args: &Payload) -> Result<(), Fault> {
        let def = self.def().updates.get(usize::from(update)).ok_or_else(|| corrupt("no such update"))?;
        let (ty, body, concurrent) = (def.args, def.body, def.concurrent);
        let args = self.arguments(ty, args)?;
        let queued = !concurrent && self.updates().any(|(_, fiber)| self.takes_turns(fiber));
        let mut fiber = Fiber::new(FiberPath::update(number), Role::Update { update });
        if queued {
            self.registered += 1;
            fiber.state = State::Waiting { on: On::Turn, since: self.registered };
        }
        let id = self.add_fiber(fiber, body, &args)?;
        if !queued {
            self.ready.push_back(id);
        }
        Ok(())
    }

    fn updates(&self) -> impl Iterator<Item = (FiberId, &Fiber)> {
        let alive = (0..).zip(&self.fibers).filter_map(|(id, fiber)| Some((id, fiber.as_deref()?)));
        alive.filter(|(_, fiber)| matches!(fiber.role, Role::Update { .. }))
    }

    fn takes_turns(&self, fiber: &Fiber) -> bool {
        matches!(fiber.role, Role::Update { update } if !self.def().updates[usize::from(update)].concurrent)
    }

    /// Whether the body is over and the run waits for its updates.
    pub fn is_ending(&self) -> bool {
        matches!(self.life, Life::Ending(_))
    }

    /// The body is over. Updates go on to their end first; where a failure left the body, they are canceled.
    pub(crate) fn end_main(&mut self, ended: Ended) -> Result<(), Fault> {
        let running: Vec<FiberId> = self.updates().map(|(id, _)| id).collect();
        if running.is_empty() {
            self.progress.ended = Some(ended);
            return Ok(());
        }
        self.life = Life::Ending(ended);
        match ended {
            Ended::Returned(_) | Ended::Continued { .. } => Ok(()),
            Ended::Failed(_) => running.into_iter().try_for_each(|id| self.cancel_fiber(id)),
        }
    }

    /// An update's last frame is gone: what came of it is told, the next one has its turn, and a run that waited only
    /// for this ends.
    pub(crate) fn end_update(&mut self, fiber: &Fiber, update: u16, ended: Ended) -> Result<(), Fault> {
        let def = &self.def().updates[usize::from(update)];
        let (result, site) = (def.result, Site { func: def.body.0, pc: 0 });
        let outcome = match ended {
            Ended::Returned(value) => {
                Ok(encode::payload(&self.heap, &self.loaded, result, value, self.bounds.payload_bytes_max)?)
            }
            Ended::Failed(object) => Err(self.failure_of_update(object)?),
            Ended::Continued { .. } => return Err(corrupt("an update ended the run")),
        };
        let id = CommandId { fiber: fiber.path.clone(), seq: fiber.seq + 1 };
        self.progress.commands.push(Issued { id, site, command: Command::EndUpdate { outcome } });
        self.next_turn();
        if let Life::Ending(ended) = self.life
            && self.updates().next().is_none()
        {
            self.progress.ended = Some(ended);
        }
        Ok(())
    }

    fn failure_of_update(&self, object: u64) -> Result<Failure, Fault> {
        let canceled = self.heap.type_at(object) == builtin::CANCELED;
        if canceled && !self.cancel_requested && matches!(self.life, Life::Ending(Ended::Failed(_))) {
            return Ok(Failure::new("Canceled", "the run failed before the update had ended"));
        }
        let mut room = encode::Room::payload(self.bounds.payload_bytes_max);
        failure::from_heap(&self.heap, &self.loaded, object, 0, &mut room)
    }

    /// Lets the update that has waited longest for its turn begin, if it is its turn.
    fn next_turn(&mut self) {
        let since = |fiber: &Fiber| match fiber.state {
            State::Waiting { on: On::Turn, since } => Some(since),
            _ => None,
        };
        if self.updates().any(|(_, fiber)| self.takes_turns(fiber) && since(fiber).is_none()) {
            return;
        }
        let next = self.updates().filter_map(|(id, fiber)| Some((since(fiber)?, id))).min();
        if let Some((_, id)) = next
            && let Some(fiber) = self.fiber(id)
        {
            fiber.state = State::Ready(Resume::Enter);
            self.ready.push_back(id);
        }
    }
}
