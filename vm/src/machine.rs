//! The state of one run, all of it data, and how an activation goes through it: the signal handler
//! first, then ready fibers in order; whenever none is ready the waiting conditions are tested again in order of
//! registration; it stops when nothing moves.

mod cancel;
mod finish;
mod query;
mod region;
mod updates;
mod waits;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use weft_bytecode::types::{Type, TypeId, builtin};
use weft_bytecode::{FuncId, WorkflowDef};
use weft_protocol::command::{CommandId, FiberPath, Issued, Site};
use weft_protocol::event::RunRef;
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Payload};

use crate::fiber::{Fiber, FiberId, On, Resume, Role, State};
use crate::heap::Heap;
use crate::interp::Exit;
use crate::limits::{Bounds, Fault, corrupt, fault};
use crate::loaded::Loaded;
use crate::scope::Scope;
use crate::step::{Activation, Context, Outcome, Step, Then, Trap, TrapKind};
use crate::value::{decode, encode, failure};

pub use query::QueryFailure;

/// A run's machine. Cloning it clones the run.
#[derive(Debug, Clone)]
pub struct Vm {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) workflow: u16,
    pub(crate) seed: [u8; 16],
    pub(crate) bounds: Bounds,
    pub(crate) life: Life,
    pub(crate) heap: Heap,
    /// State cells.
    pub(crate) cells: Vec<u64>,
    /// By number; main is 0.
    pub(crate) fibers: Vec<Option<Box<Fiber>>>,
    /// Numbers to use again.
    pub(crate) free_fibers: Vec<FiberId>,
    /// Fibers but main, by path.
    pub(crate) paths: BTreeMap<FiberPath, FiberId>,
    pub(crate) ready: VecDeque<FiberId>,
    /// Fibers that wait for a condition, in order of registration.
    pub(crate) conditions: Vec<FiberId>,
    pub(crate) scopes: Vec<Option<Scope>>,
    pub(crate) free_scopes: Vec<u32>,
    /// The memory of all branches of open scopes.
    pub(crate) branch_bytes: u64,
    /// Pieces of cleanup that fibers keep, and lists of them.
    pub(crate) cleanups: usize,
    pub(crate) mailboxes: Vec<VecDeque<Payload>>,
    /// Decisions of sticky patches.
    pub(crate) sticky: Vec<(u16, bool)>,
    /// Waits registered so far.
    pub(crate) registered: u64,
    /// Operations that have not ended.
    pub(crate) pending: u32,
    /// Draws of initialisation and signal handlers.
    pub(crate) atomic_draws: u64,
    pub(crate) cancel_requested: bool,
    pub(crate) progress: Progress,
    /// Fuel at which the running slice ends.
    pub(crate) slice_end: u64,
}

/// Where a run is in its life.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Life {
    /// Made, not started: its arguments.
    New(Payload),
    Open,
    /// The body is over, this way; the run waits for its updates.
    Ending(Ended),
    Closed,
}

/// What an activation has done so far; empty between activations.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) commands: Vec<Issued>,
    /// Bytes of what they carry.
    pub(crate) command_bytes: usize,
    pub(crate) logs: Vec<(u8, String)>,
    /// Indexed cells that changed.
    pub(crate) changed: Vec<u16>,
    pub(crate) fuel_start: u64,
    /// The fiber that runs, or was interrupted at the end of a slice.
    pub(crate) current: Option<FiberId>,
    /// How many conditions of this pass were tested.
    pub(crate) tested: u32,
    pub(crate) ended: Option<Ended>,
}

/// How the body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Returned(u64),
    Failed(u64),
    /// With the record of the new run's parameters.
    Continued {
        args: u64,
        /// A cancel was requested that the fiber has not met.
        canceling: bool,
    },
}

pub(crate) const MAIN: FiberId = 0;

impl Vm {
    /// A run of `workflow` (index into `Program::workflows`) that has not started. `args` is the record of its
    /// parameters, checked against its type.
    pub fn new(loaded: Arc<Loaded>, workflow: u16, args: &Payload, seed: [u8; 16], limits: &Limits) -> Vm {
        let bounds = Bounds::from(limits);
        let def = &loaded.program().workflows[usize::from(workflow)];
        let cells = vec![0; def.state.len()];
        let mailboxes = vec![VecDeque::new(); def.signals.iter().filter(|s| s.handler.is_none()).count()];
        Vm {
            workflow,
            seed,
            bounds,
            life: Life::New(args.clone()),
            heap: Heap::new(bounds.heap_bytes_max),
            cells,
            fibers: Vec::new(),
            free_fibers: Vec::new(),
            paths: BTreeMap::new(),
            ready: VecDeque::new(),
            conditions: Vec::new(),
            scopes: Vec::new(),
            free_scopes: Vec::new(),
            branch_bytes: 0,
            cleanups: 0,
            mailboxes,
            sticky: Vec::new(),
            registered: 0,
            pending: 0,
            atomic_draws: 0,
            cancel_requested: false,
            progress: Progress::default(),
            slice_end: 0,
            loaded,
        }
    }

    /// From here on `uuid` and `random` draw from another seed.
    pub fn reseed(&mut self, seed: [u8; 16]) {
        self.seed = seed;
    }

    /// Gives back the memory that is held in reserve, of a run that will wait.
    pub fn give_back(&mut self) {
        self.heap.give_back();
        for fiber in self.fibers.iter_mut().flatten() {
            fiber.slots.shrink_to_fit();
            fiber.ops.shrink_to_fit();
            fiber.regions.shrink_to_fit();
            fiber.cleanups.shrink_to_fit();
        }
        self.fibers.shrink_to_fit();
        self.free_fibers.shrink_to_fit();
        self.ready.shrink_to_fit();
        self.conditions.shrink_to_fit();
        self.scopes.shrink_to_fit();
        self.free_scopes.shrink_to_fit();
        self.mailboxes.iter_mut().for_each(VecDeque::shrink_to_fit);
        self.sticky.shrink_to_fit();
    }

    /// Fuel used since the run began, 1 for about one instruction.
    pub fn fuel_used(&self) -> u64 {
        self.heap.fuel_used
    }

    /// The program the run executes.
    pub fn loaded(&self) -> &Arc<Loaded> {
        &self.loaded
    }

    pub(crate) fn def(&self) -> &WorkflowDef {
        &self.loaded.program().workflows[usize::from(self.workflow)]
    }

    /// Lets the run notice one event. After a trap the state is of no use any more.
    pub fn step(&mut self, activation: Activation, ctx: &Context<'_>) -> Step {
        let then = match self.activate(activation).and_then(|()| self.drive(ctx)) {
            Ok(then) => then,
            Err(trap) => Then::Trapped(*trap),
        };
        if then == Then::Slice {
            return Step { commands: Vec::new(), logs: Vec::new(), attributes: None, then };
        }
        let progress = std::mem::take(&mut self.progress);
        let logs = if ctx.recorded_patch.is_some() { Vec::new() } else { progress.logs };
        match self.attributes(&progress.changed) {
            Ok(attributes) => Step { commands: progress.commands, logs, attributes, then },
            Err(stop) => {
                let then = Then::Trapped(*trapped(stop, None));
                Step { commands: progress.commands, logs, attributes: None, then }
            }
        }
    }

    /// Takes in what happened; runs nothing yet.
    fn activate(&mut self, activation: Activation) -> Result<(), Box<Trap>> {
        self.slice_end = self.heap.fuel_used.saturating_add(self.bounds.fuel_slice);
        if activation != Activation::Continue {
            self.progress.fuel_start = self.heap.fuel_used;
        }
        self.heap.limit_fuel(self.progress.fuel_start, self.bounds.fuel_activation_max);
        if activation == Activation::Continue {
            return Ok(());
        }
        let taken = match activation {
            Activation::Start => self.start(Vec::new()),
            Activation::StartWith(told) => self.start(told),
            _ if !matches!(self.life, Life::Open | Life::Ending(_)) => {
                Err(corrupt("an activation reached a run that is not open"))
            }
            Activation::Resolved { op, outcome } => self.deadline(&op).map(|taken| {
                if !taken {
                    self.resolve(&op, outcome);
                }
            }),
            Activation::ChildStarted { op, run } => {
                self.child_started(&op, run);
                Ok(())
            }
            Activation::Signal { signal, args } => self.signal(signal, args),
            Activation::Update { update, number, args } => self.update(update, number, &args),
            Activation::Cancel => self.cancel_run(),
            Activation::Continue => Ok(()),
        };
        taken.map_err(|stop| trapped(stop, None))
    }

    /// Begins with what the run was told before, in order.
    fn start(&mut self, told: Vec<(u16, Payload)>) -> Result<(), Fault> {
        let Life::New(args) = std::mem::replace(&mut self.life, Life::Open) else {
            return Err(corrupt("the run has already started"));
        };
        let (init, body, ty, cells) = {
            let def = self.def();
            (def.init, def.body, def.args, def.state.len())
        };
        let args = self.arguments(ty, &args)?;
        let main = self.add_fiber(Fiber::new(FiberPath::default(), Role::Main), body, &args)?;
        for (signal, args) in told {
            let def = self.def().signals.get(usize::from(signal)).ok_or_else(|| corrupt("no such signal"))?;
            let (ty, handler) = (def.args, def.handler);
            let Some(handler) = handler else {
                self.put_in_mailbox(signal, args)?;
                continue;
            };
            let args = self.arguments(ty, &args)?;
            let id = self.add_fiber(Fiber::new(FiberPath::atomic(), Role::Atomic), handler, &args)?;
            self.ready.push_back(id);
        }
        self.ready.push_back(main);
        // The first values of indexed cells are news, whatever they are.
        let def = &self.loaded.program().workflows[usize::from(self.workflow)];
        self.progress.changed = (0..cells as u16).filter(|cell| def.state[usize::from(*cell)].indexed).collect();
        self.run_atomic(init, &args)
    }

    /// The fields of a record of parameters. Both the initialisation and the body get them, so they are shared.
    fn arguments(&mut self, ty: TypeId, args: &Payload) -> Result<Vec<u64>, Fault> {
        let record = decode::payload(&mut self.heap, &self.loaded, ty, args)?;
        let fields = self.loaded.program().fields(ty);
        let values: Vec<u64> = (0..fields.len()).map(|place| self.heap.get(record, place)).collect();
        for (field, value) in fields.iter().zip(&values) {
            if self.loaded.is_ref(field.ty) {
                self.heap.share(*value);
            }
        }
        Ok(values)
    }

    /// Lets a function run before all fibers.
    fn run_atomic(&mut self, func: FuncId, args: &[u64]) -> Result<(), Fault> {
        let mut fiber = Fiber::new(FiberPath::atomic(), Role::Atomic);
        fiber.draws = self.atomic_draws;
        let id = self.add_fiber(fiber, func, args)?;
        self.progress.current = Some(id);
        Ok(())
    }

    pub(crate) fn add_fiber(&mut self, mut fiber: Fiber, func: FuncId, args: &[u64]) -> Result<FiberId, Fault> {
        let alive = self.fibers.len() - self.free_fibers.len();
        if matches!(fiber.role, Role::Branch { .. }) && alive >= self.bounds.fibers_max {
            let message = format!("the run has more than {} fibers (limit `fibers_max`)", self.bounds.fibers_max);
            return Err(fault(TrapKind::Limit, message));
        }
        fiber.enter(&self.loaded, func, args, self.bounds.frames_max)?;
        let id = match self.free_fibers.pop() {
            Some(id) => id,
            None => {
                self.fibers.push(None);
                self.fibers.len() as FiberId - 1
            }
        };
        if let Role::Branch { .. } | Role::Update { .. } = fiber.role {
            self.paths.insert(fiber.path.clone(), id);
        }
        self.fibers[id as usize] = Some(Box::new(fiber));
        Ok(id)
    }

    pub(crate) fn fiber(&mut self, id: FiberId) -> Option<&mut Fiber> {
        self.fibers.get_mut(id as usize)?.as_deref_mut()
    }

    pub(crate) fn by_path(&self, path: &FiberPath) -> Option<FiberId> {
        if path.0.is_empty() { Some(MAIN) } else { self.paths.get(path).copied() }
    }

    /// An operation ended. One that nobody wants any more changes nothing.
    fn resolve(&mut self, command: &CommandId, outcome: Outcome) {
        let Some(id) = self.by_path(&command.fiber) else { return };
        let timer = self.fibers[id as usize].as_deref().is_some_and(|fiber| self.selects_timer(fiber, command.seq));
        let Some(fiber) = self.fiber(id) else { return };
        let Some(op) = fiber.op(command.seq).filter(|op| op.outcome.is_none()) else { return };
        op.outcome = Some(outcome);
        let woken = match fiber.state {
            State::Waiting { on: On::Operation(seq) | On::Started(seq), .. } if seq == command.seq => {
                fiber.state = State::Ready(Resume::Go);
                true
            }
            State::Waiting { on: On::Condition { timer } | On::Message { timer, .. }, .. } if timer == command.seq => {
                fiber.take_op(timer);
                fiber.state = State::Ready(Resume::TimedOut);
                self.conditions.retain(|waiting| *waiting != id);
                true
            }
            State::Waiting { on: On::Select, .. } if timer => {
                if let Some(fiber) = self.fiber(id) {
                    fiber.state = State::Ready(Resume::Go);
                }
                self.conditions.retain(|waiting| *waiting != id);
                true
            }
            _ => false,
        };
        self.pending -= 1;
        if woken {
            self.ready.push_back(id);
        }
    }

    fn child_started(&mut self, command: &CommandId, run: RunRef) {
        let Some(id) = self.by_path(&command.fiber) else { return };
        let Some(fiber) = self.fiber(id) else { return };
        let Some(op) = fiber.op(command.seq) else { return };
        op.started = Some(Box::new(run));
        if matches!(fiber.state, State::Waiting { on: On::Started(seq), .. } if seq == command.seq) {
            fiber.state = State::Ready(Resume::Go);
            self.ready.push_back(id);
        }
    }

    fn signal(&mut self, signal: u16, args: Payload) -> Result<(), Fault> {
        let def = self.def().signals.get(usize::from(signal)).ok_or_else(|| corrupt("no such signal"))?;
        let (ty, handler, mailbox) = (def.args, def.handler, def.mailbox);
        if let Some(handler) = handler {
            let args = self.arguments(ty, &args)?;
            return self.run_atomic(handler, &args);
        }
        self.put_in_mailbox(signal, args)?;
        self.offer(mailbox);
        Ok(())
    }

    /// Wakes the fiber that has waited longest for a message of this mailbox, if there is one for it.
    pub(crate) fn offer(&mut self, mailbox: u16) {
        if self.mailboxes[usize::from(mailbox)].is_empty() {
            return;
        }
        self.heap.charge_steps(self.fibers.len());
        let waiting = self.fibers.iter().enumerate().filter_map(|(id, fiber)| {
            let fiber = fiber.as_deref()?;
            match fiber.state {
                State::Waiting { on: On::Message { mailbox: of, .. }, since } if of == mailbox => Some((since, id)),
                State::Waiting { on: On::Select, since } if self.selects_mailbox(fiber, mailbox) => Some((since, id)),
                _ => None,
            }
        });
        if let Some((_, id)) = waiting.min() {
            self.wake(id as FiberId);
        }
    }

    /// Keeps a message until it is received.
    fn put_in_mailbox(&mut self, signal: u16, args: Payload) -> Result<(), Fault> {
        let def = self.def().signals.get(usize::from(signal)).filter(|def| def.handler.is_none());
        let mailbox = def.ok_or_else(|| corrupt("the workflow has no such mailbox"))?.mailbox;
        let max = self.bounds.mailbox_messages_max;
        if self.mailboxes.iter().map(VecDeque::len).sum::<usize>() >= max {
            let message = format!("the run has {max} unread messages (limit `mailbox_messages_max`)");
            return Err(fault(TrapKind::Limit, message));
        }
        self.mailboxes[usize::from(mailbox)].push_back(args);
        Ok(())
    }

    /// A message has come for a fiber that waits for one. Its limit runs until it has taken it: another may be faster.
    fn wake(&mut self, id: FiberId) {
        let Some(fiber) = self.fiber(id) else { return };
        if let State::Waiting { on: On::Message { timer, .. }, .. } = fiber.state {
            fiber.armed = Some(timer);
        }
        fiber.state = State::Ready(Resume::Go);
        self.conditions.retain(|waiting| *waiting != id);
        self.ready.push_back(id);
    }

    /// Runs what can run.
    fn drive(&mut self, ctx: &Context<'_>) -> Result<Then, Box<Trap>> {
        while let Some(id) = self.next_fiber().map_err(|stop| trapped(stop, None))? {
            let Some(mut fiber) = self.fibers[id as usize].take() else {
                self.progress.current = None;
                continue;
            };
            let exit = self.run(id, &mut fiber, ctx);
            let site = fiber.site();
            match exit {
                Ok(Exit::Slice) => {
                    self.fibers[id as usize] = Some(fiber);
                    return Ok(Then::Slice);
                }
                Ok(Exit::Waiting) => {
                    self.fibers[id as usize] = Some(fiber);
                    self.progress.tested = 0;
                }
                Ok(Exit::Tested) => self.fibers[id as usize] = Some(fiber),
                Ok(Exit::Ended(ended)) => {
                    self.end(id, *fiber, ended).map_err(|stop| trapped(stop, site))?;
                    self.progress.tested = 0;
                }
                Err(stop) => return Err(trapped(stop, site)),
            }
            self.progress.current = None;
            if let Some(ended) = self.progress.ended {
                return self.close(ended).map_err(|stop| trapped(stop, None));
            }
        }
        match self.deadlock() {
            Some(trap) => Err(Box::new(trap)),
            None => Ok(Then::Waiting),
        }
    }

    /// The fiber to run next: an interrupted one, a ready one, or one whose condition is to be tested.
    fn next_fiber(&mut self) -> Result<Option<FiberId>, Fault> {
        if let Some(id) = self.progress.current {
            return Ok(Some(id));
        }
        let draws = self.atomic_draws;
        let next = match self.ready.pop_front() {
            Some(id) => {
                // One that waited behind others goes on with their stream.
                if let Some(fiber) = self.fiber(id).filter(|fiber| fiber.role == Role::Atomic) {
                    fiber.draws = draws;
                }
                Some(id)
            }
            None => match self.conditions.get(self.progress.tested as usize).copied() {
                Some(id) => {
                    self.progress.tested += 1;
                    self.begin_test(id)?;
                    Some(id)
                }
                None => None,
            },
        };
        self.progress.current = next;
        Ok(next)
    }

    /// Issues a command as the next one of a fiber.
    pub(crate) fn issue(&mut self, fiber: &mut Fiber, site: Site, command: Command) -> u32 {
        fiber.seq += 1;
        let id = CommandId { fiber: fiber.path.clone(), seq: fiber.seq };
        self.progress.commands.push(Issued { id, site, command });
        fiber.seq
    }

    /// The value of a state cell. That the initialisation writes every cell is not proved before it runs.
    pub(crate) fn cell(&self, cell: u16) -> Result<u64, Fault> {
        let value = self.cells[usize::from(cell)];
        if value == 0 {
            let ty = self.def().state[usize::from(cell)].ty;
            if self.loaded.is_ref(ty) && !matches!(self.loaded.ty(ty), Type::Option(_)) {
                return Err(corrupt("a state cell is read before it is written"));
            }
        }
        Ok(value)
    }

    /// All search attributes as they are now, a JSON object; `None` if the workflow has none or has not begun.
    ///
    /// # Errors
    /// If a value cannot be written.
    pub fn indexed(&self) -> Result<Option<Payload>, Trap> {
        if matches!(self.life, Life::New(_)) {
            return Ok(None);
        }
        let state = self.def().state.iter().zip(0u16..);
        let indexed: Vec<u16> = state.filter(|(state, _)| state.indexed).map(|(_, cell)| cell).collect();
        self.attributes(&indexed).map_err(|stop| *trapped(stop, None))
    }

    /// The search attributes that changed.
    fn attributes(&self, changed: &[u16]) -> Result<Option<Payload>, Fault> {
        if changed.is_empty() {
            return Ok(None);
        }
        let mut out = String::from("{");
        let mut room = encode::Room::payload(self.bounds.payload_bytes_max);
        for cell in changed {
            let state = &self.def().state[usize::from(*cell)];
            let value = self.cell(*cell)?;
            if out.len() > 1 {
                out.push(',');
            }
            encode::text_into(&state.name, &mut out, &mut room)?;
            out.push(':');
            encode::json_into(&self.heap, &self.loaded, state.ty, value, &mut out, &mut room, 0)?;
        }
        out.push('}');
        Ok(Some(Payload::json(&out)))
    }

    /// Collects garbage if it is time. Only at instructions, where all references are in roots.
    pub(crate) fn collect_if_due(&mut self, running: &mut Fiber) -> Result<(), Fault> {
        if !self.heap.wants_collection() {
            return Ok(());
        }
        let Vm { loaded, workflow, heap, life, cells, fibers, scopes, progress, .. } = self;
        let mut roots = Roots { loaded, workflow: *workflow, life, cells, fibers, scopes, progress };
        heap.collect(&loaded.layouts, |visit| {
            roots.visit(visit);
            running.roots(loaded, visit);
        })
    }

    /// A new `Canceled`.
    pub(crate) fn canceled(&mut self) -> Result<u64, Fault> {
        failure::plain(&mut self.heap, builtin::CANCELED, "canceled")
    }
}

/// The slots outside the running fiber that hold references.
pub(crate) struct Roots<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) workflow: u16,
    pub(crate) life: &'a mut Life,
    pub(crate) cells: &'a mut [u64],
    pub(crate) fibers: &'a mut [Option<Box<Fiber>>],
    pub(crate) scopes: &'a mut [Option<Scope>],
    pub(crate) progress: &'a mut Progress,
}

impl Roots<'_> {
    pub(crate) fn visit(&mut self, visit: &mut dyn FnMut(&mut u64)) {
        let def = &self.loaded.program().workflows[usize::from(self.workflow)];
        for (cell, state) in self.cells.iter_mut().zip(&def.state) {
            if self.loaded.is_ref(state.ty) {
                visit(cell);
            }
        }
        for fiber in self.fibers.iter_mut().flatten() {
            fiber.roots(self.loaded, visit);
        }
        for scope in self.scopes.iter_mut().flatten() {
            scope.roots(self.loaded, visit);
        }
        let waiting = match self.life {
            Life::Ending(ended) => Some(ended),
            _ => None,
        };
        for ended in waiting.into_iter().chain(&mut self.progress.ended) {
            match ended {
                Ended::Returned(value) if self.loaded.is_ref(def.result) => visit(value),
                Ended::Returned(_) => {}
                Ended::Failed(failure) => visit(failure),
                Ended::Continued { args, .. } => visit(args),
            }
        }
    }
}

#[expect(clippy::boxed_local, reason = "faults travel boxed, so that results of ops stay small")]
pub(crate) fn trapped(stop: Fault, site: Option<Site>) -> Box<Trap> {
    Box::new(Trap { kind: stop.kind, message: stop.message, site })
}
