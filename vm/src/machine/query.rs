//! Queries and checks of updates: a function over the state, run on a copy, so that nothing it does is seen by the run.

use weft_bytecode::FuncId;
use weft_bytecode::types::{TypeId, builtin};
use weft_protocol::command::FiberPath;
use weft_protocol::{Failure, Payload};

use crate::fiber::{Fiber, Role};
use crate::interp::Exit;
use crate::limits::{corrupt, fault};
use crate::machine::{Ended, Life, Progress, Vm, trapped};
use crate::step::{Context, Trap, TrapKind};
use crate::value::{encode, failure};

/// A query may use this many slices of fuel: it is answered while others wait.
const SLICES_MAX: u64 = 10;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryFailure {
    /// The query threw.
    Failed(Failure),
    /// The query's code cannot go on.
    Trapped(Trap),
}

impl Vm {
    /// Answers a query (index into `WorkflowDef::queries`) from the present state. `args` is the record of its
    /// parameters, checked against its type. Works on open and closed runs alike.
    ///
    /// # Errors
    /// If the query throws, traps, or needs more fuel than a query may use.
    pub fn query(&self, query: u16, args: &Payload, ctx: &Context<'_>) -> Result<Payload, QueryFailure> {
        let Some(def) = self.def().queries.get(usize::from(query)) else {
            return Err(QueryFailure::Trapped(*trapped(corrupt("no such query"), None)));
        };
        self.state_only().answer((def.func, def.args, def.result), args, ctx)
    }

    /// Runs the check of an update (index into `WorkflowDef::updates`) against the present state; one without a check
    /// passes. `args` is the record of its parameters, checked against its type.
    ///
    /// # Errors
    /// As [`Vm::query`]; what the check throws refuses the update.
    pub fn check(&self, update: u16, args: &Payload, ctx: &Context<'_>) -> Result<(), QueryFailure> {
        let Some(def) = self.def().updates.get(usize::from(update)) else {
            return Err(QueryFailure::Trapped(*trapped(corrupt("no such update"), None)));
        };
        match def.check {
            Some(check) => self.state_only().answer((check, def.args, builtin::UNIT), args, ctx).map(drop),
            None => Ok(()),
        }
    }

    /// A copy with the state and without the fibers.
    fn state_only(&self) -> Vm {
        let mut copy = Vm::new(self.loaded.clone(), self.workflow, &Payload::null(), self.seed, &Default::default());
        copy.bounds = self.bounds;
        copy.heap = self.heap.clone();
        copy.cells.clone_from(&self.cells);
        copy.life = if matches!(self.life, Life::New(_)) { Life::Closed } else { Life::Open };
        copy
    }

    /// Runs a function of a record of parameters that only reads.
    fn answer(
        &mut self,
        (func, ty, result): (FuncId, TypeId, TypeId),
        args: &Payload,
        ctx: &Context<'_>,
    ) -> Result<Payload, QueryFailure> {
        let trap = |stop| QueryFailure::Trapped(*trapped(stop, None));
        if self.life != Life::Open {
            return Err(trap(corrupt("the run has not started")));
        }
        self.slice_end = u64::MAX;
        self.bounds.fuel_activation_max =
            self.bounds.fuel_activation_max.min(self.bounds.fuel_slice.saturating_mul(SLICES_MAX));
        self.progress = Progress { fuel_start: self.heap.fuel_used, ..Progress::default() };
        self.heap.limit_fuel(self.progress.fuel_start, self.bounds.fuel_activation_max);
        let values = self.arguments(ty, args).map_err(trap)?;
        let mut fiber = Fiber::new(FiberPath::atomic(), Role::Atomic);
        fiber.enter(&self.loaded, func, &values, self.bounds.frames_max).map_err(trap)?;
        let exit = self.run(0, &mut fiber, ctx);
        let site = fiber.site();
        match exit {
            Ok(Exit::Ended(Ended::Returned(value))) => {
                let max = self.bounds.payload_bytes_max;
                encode::payload(&self.heap, &self.loaded, result, value, max).map_err(trap)
            }
            Ok(Exit::Ended(Ended::Failed(object))) => {
                let mut room = encode::Room::payload(self.bounds.payload_bytes_max);
                let failure = failure::from_heap(&self.heap, &self.loaded, object, 0, &mut room).map_err(trap)?;
                Err(QueryFailure::Failed(failure))
            }
            Ok(_) => Err(trap(fault(TrapKind::Corrupt, "what may only read tried to wait"))),
            Err(stop) => Err(QueryFailure::Trapped(*trapped(stop, site))),
        }
    }
}
