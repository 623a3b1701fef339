//! Commands and waits: what a workflow asks of the world and suspends for.

use smallvec::SmallVec;
use weft_bytecode::op::{DETACHED, Op};
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::{Type, TypeId, builtin};
use weft_bytecode::{FuncId, PatchMode};
use weft_protocol::command::{CommandId, Site};
use weft_protocol::{Command, Payload, Timestamp};

use super::control::holds;
use super::{At, Exit, Flow};
use crate::fiber::{Fiber, FiberId, Kind, On, Operation, Role, State};
use crate::limits::{Fault, corrupt, fault};
use crate::loaded::{Inst, Loaded};
use crate::machine::Vm;
use crate::scope::{Branch, Scope, ScopeKind, TaskEnd};
use crate::step::{Context, Outcome, TrapKind};
use crate::value::{decode, encode, failure, new_text};

impl Vm {
    /// Refuses commands and waits where code runs to its end in one go.
    pub(super) fn may_wait(&mut self, fiber: &Fiber, at: &At<'_>) -> Result<(), Fault> {
        // A condition is tested on the fiber that waits for it, on top of the wait.
        let callers = fiber.frames.len().saturating_sub(1);
        self.heap.charge_steps(callers + fiber.regions.len());
        let testing = fiber.frames[..callers].iter().any(|frame| {
            let op = at.loaded.func(frame.func).insts[frame.pc as usize].op;
            matches!(op, Op::WaitUntil | Op::WaitUntilFor | Op::Select)
        });
        if fiber.role == Role::Atomic || testing {
            return Err(corrupt("code that must not wait gave a command"));
        }
        Ok(())
    }

    pub(super) fn wait_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        self.may_wait(fiber, at)?;
        match at.inst.op {
            Op::ScheduleActivity => self.schedule(fiber, at),
            Op::StartChild => self.start_child(fiber, at),
            Op::StartTimer => {
                let after = at.reg(fiber, at.inst.b) as i64;
                self.start_timer(fiber, at, at.ctx.now.plus_ms(after), after > 0)
            }
            Op::StartTimerAt => {
                let due = Timestamp(at.reg(fiber, at.inst.b) as i64);
                self.start_timer(fiber, at, due, due > at.ctx.now)
            }
            Op::Await => self.await_op(fiber, at),
            Op::AwaitStarted => self.await_started(fiber, at),
            Op::WaitUntil | Op::WaitUntilFor => {
                self.enter_closure(fiber, at.loaded, at.reg(fiber, at.inst.b), &[])?;
                Ok(Flow::Frame)
            }
            Op::Receive | Op::ReceiveFor => self.receive(fiber, at),
            Op::Send => self.send(fiber, at),
            Op::SendCancel => self.send_cancel(fiber, at),
            Op::ScopeOpen => self.open_scope(fiber, at),
            Op::ScopeSpawn => self.spawn(fiber, at),
            Op::ScopeJoin => self.join(fiber, at),
            Op::TaskHandle | Op::AwaitTask | Op::ScopeLeave => self.task_op(fiber, at),
            Op::SelectMailbox | Op::Select => self.select_op(fiber, at),
            _ => self.patch(fiber, at),
        }
    }

    /// Makes the wait of a fiber its state. Gives the failure to throw instead if a cancel was waiting for this wait.
    pub(super) fn suspend(
        &mut self,
        id: FiberId,
        fiber: &mut Fiber,
        on: On,
        ctx: &Context<'_>,
    ) -> Result<Option<u64>, Fault> {
        self.limit_cleanup(fiber, ctx)?;
        self.registered += 1;
        fiber.state = State::Waiting { on, since: self.registered };
        let tested = match on {
            On::Condition { .. } => true,
            On::Select => self.selects_condition(fiber),
            _ => false,
        };
        if tested {
            self.conditions.push(id);
        }
        if !fiber.is_due() {
            return Ok(None);
        }
        let failure = self.cancel_wait(id, fiber, on)?;
        if failure.is_some() {
            fiber.state = State::Ready(crate::fiber::Resume::Go);
        }
        Ok(failure)
    }

    /// Counts the bytes of a command.
    pub(super) fn carries(&mut self, command: &Command) -> Result<(), Fault> {
        self.progress.command_bytes += command_bytes(command);
        let max = self.bounds.heap_bytes_max;
        if self.progress.command_bytes > max {
            let message =
                format!("the commands of one activation carry more than {max} bytes (limit `heap_bytes_max`)");
            return Err(fault(TrapKind::Limit, message));
        }
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        fiber: &mut Fiber,
        at: &At<'_>,
        kind: Kind,
        mode: OnCancel,
        command: Command,
    ) -> Result<u32, Fault> {
        self.begin_at(fiber, at.site, kind, mode, command)
    }

    pub(super) fn begin_at(
        &mut self,
        fiber: &mut Fiber,
        site: Site,
        kind: Kind,
        mode: OnCancel,
        command: Command,
    ) -> Result<u32, Fault> {
        let max = self.bounds.pending_commands_max;
        if self.pending as usize >= max {
            let message = format!("the run has {max} pending operations (limit `pending_commands_max`)");
            return Err(fault(TrapKind::Limit, message));
        }
        self.carries(&command)?;
        let seq = self.issue(fiber, site, command);
        fiber.ops.push(Operation { seq, kind, mode, asked: false, started: None, outcome: None });
        self.pending += 1;
        Ok(seq)
    }

    /// The arguments of a command: the record of parameters, and options with their `on_cancel` if there are any.
    fn command_args(&self, fiber: &Fiber, at: &At<'_>) -> Result<(Payload, Option<Payload>, Option<OnCancel>), Fault> {
        let max = self.bounds.payload_bytes_max;
        let mut regs = at.args();
        let args = regs.next().ok_or_else(|| corrupt("a command without arguments"))?;
        let payload = encode::payload(&self.heap, at.loaded, at.ty(args), at.reg(fiber, args), max)?;
        let Some(options) = regs.next() else { return Ok((payload, None, None)) };
        let (ty, record) = (at.ty(options), at.reg(fiber, options));
        let mode = self.on_cancel(at.loaded, ty, record);
        Ok((payload, Some(encode::options(&self.heap, at.loaded, ty, record, max)?), mode))
    }

    fn on_cancel(&self, loaded: &Loaded, ty: TypeId, record: u64) -> Option<OnCancel> {
        let fields = loaded.program().fields(ty);
        let place = fields.iter().position(|f| f.name == "on_cancel" && f.ty == builtin::STRING)?;
        match self.heap.text(self.heap.get(record, place)) {
            "try" => Some(OnCancel::Try),
            "wait" => Some(OnCancel::Wait),
            "abandon" => Some(OnCancel::Abandon),
            _ => None,
        }
    }

    fn schedule(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let activity = at.inst.b;
        let (args, options, mode) = self.command_args(fiber, at)?;
        self.heap.charge(args.len());
        let mode = mode.unwrap_or(at.loaded.program().activities[usize::from(activity)].options.on_cancel);
        let command = Command::ScheduleActivity { activity, args, options };
        let seq = self.begin(fiber, at, Kind::Activity, mode, command)?;
        at.set(fiber, at.inst.a, u64::from(seq));
        Ok(Flow::Next)
    }

    fn start_child(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let workflow = at.inst.b;
        let attached = at.inst.c & DETACHED == 0;
        let (args, options, mode) = self.command_args(fiber, at)?;
        self.heap.charge(args.len());
        let declared = at.loaded.program().workflows[usize::from(workflow)].options.on_cancel;
        // Children clean up before the parent ends, unless told otherwise.
        let mode = mode.or(declared).unwrap_or(OnCancel::Wait);
        let command = Command::StartChild { workflow, args, options, attached };
        let seq = self.begin(fiber, at, Kind::Child { attached }, mode, command)?;
        at.set(fiber, at.inst.a, u64::from(seq));
        Ok(Flow::Next)
    }

    fn start_timer(&mut self, fiber: &mut Fiber, at: &At<'_>, due: Timestamp, ahead: bool) -> Result<Flow, Fault> {
        let seq = match ahead {
            true => self.begin(fiber, at, Kind::Timer, OnCancel::Try, Command::StartTimer { due })?,
            false => 0,
        };
        at.set(fiber, at.inst.a, u64::from(seq));
        Ok(Flow::Next)
    }

    fn await_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let handle = at.reg(fiber, at.inst.b) as u32;
        if handle == 0 {
            // Which handle it is, verification cannot know.
            let ty = at.loaded.ty(at.ty(at.inst.a));
            if !(ty.is_scalar() || matches!(ty, Type::Option(_))) {
                return Err(corrupt("an operation that was over at once gives no value of this type"));
            }
            at.set(fiber, at.inst.a, 0);
            return Ok(Flow::Next);
        }
        let op = fiber.op(handle).ok_or_else(|| corrupt("an operation is awaited that is not open"))?;
        if op.outcome.is_none() {
            return Ok(Flow::Wait(On::Operation(handle)));
        }
        self.collect_if_due(fiber)?;
        match fiber.take_op(handle).and_then(|op| op.outcome) {
            Some(Outcome::Completed(result)) => {
                fiber.answered(false);
                let value = decode::payload(&mut self.heap, at.loaded, at.ty(at.inst.a), &result)?;
                at.set(fiber, at.inst.a, value);
                Ok(Flow::Next)
            }
            Some(Outcome::Failed(failed)) => {
                let failure = failure::to_heap(&mut self.heap, at.loaded, &failed)?;
                fiber.answered(self.heap.type_at(failure) == builtin::CANCELED);
                Ok(Flow::Throw(failure))
            }
            None => Err(corrupt("an operation ended without an outcome")),
        }
    }

    fn await_started(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let handle = at.reg(fiber, at.inst.b) as u32;
        let op = fiber.op(handle).ok_or_else(|| corrupt("a child is awaited that is not open"))?;
        if op.started.is_none() && op.outcome.is_none() {
            return Ok(Flow::Wait(On::Started(handle)));
        }
        let detached = op.kind == Kind::Child { attached: false };
        let (started, outcome) = (op.started.clone(), op.outcome.clone());
        if let (None, Some(Outcome::Failed(failed))) = (&started, outcome) {
            fiber.take_op(handle);
            return failure::to_heap(&mut self.heap, at.loaded, &failed).map(Flow::Throw);
        }
        let run = started.ok_or_else(|| corrupt("a child ended before it started"))?;
        if detached {
            // Nobody will ask how it ends.
            self.drop_op(fiber, handle);
        }
        let workflow_id = new_text(&mut self.heap, run.workflow_id.as_str())?;
        let run_id = new_text(&mut self.heap, &run.run_id.to_string())?;
        let value = self.heap.alloc_words(at.ty(at.inst.a), &[workflow_id, run_id])?;
        at.set(fiber, at.inst.a, value);
        Ok(Flow::Next)
    }

    /// Puts the condition of a waiting fiber on top of it, to be tested again.
    pub(crate) fn begin_test(&mut self, id: FiberId) -> Result<(), Fault> {
        let loaded = self.loaded.clone();
        let Some(mut fiber) = self.fibers[id as usize].take() else { return Ok(()) };
        let frame = *fiber.frame()?;
        let inst = loaded.func(frame.func).insts[frame.pc as usize];
        // A `select` tests its sources in order when it is executed again.
        if inst.op != Op::Select {
            let closure = fiber.slots[frame.base as usize + usize::from(inst.b)];
            self.enter_closure(&mut fiber, &loaded, closure, &[])?;
        }
        self.fibers[id as usize] = Some(fiber);
        Ok(())
    }

    /// A condition has given its value to the wait at the innermost frame's pc.
    pub(super) fn tested(&mut self, fiber: &mut Fiber, at: &At<'_>, inst: Inst, value: u64) -> Result<Flow, Fault> {
        let frame = *fiber.frame()?;
        let registered = match fiber.state {
            State::Waiting { on: On::Condition { timer }, .. } => Some(timer),
            _ => None,
        };
        if holds(value) {
            if let Some(timer) = registered {
                self.conditions.retain(|waiting| *waiting != at.id);
                fiber.state = State::Ready(crate::fiber::Resume::Go);
                self.cancel_timer(fiber, timer);
            }
            fiber.slots[frame.base as usize + usize::from(inst.a)] = value;
            fiber.frame()?.pc = inst.after(frame.pc);
            return Ok(Flow::Frame);
        }
        if registered.is_some() {
            return Ok(Flow::Exit(Exit::Tested));
        }
        let timer = match inst.op {
            Op::WaitUntilFor => {
                let limit = fiber.slots[frame.base as usize + usize::from(inst.c)] as i64;
                self.limit_wait(fiber, at, limit)?
            }
            _ => Some(0),
        };
        match timer {
            Some(timer) => Ok(Flow::Wait(On::Condition { timer })),
            None => {
                fiber.slots[frame.base as usize + usize::from(inst.a)] = 0;
                fiber.frame()?.pc = inst.after(frame.pc);
                Ok(Flow::Frame)
            }
        }
    }

    /// A failure left a condition: the wait it was tested for is over.
    pub(super) fn leave_test(&mut self, id: FiberId, fiber: &mut Fiber, loaded: &Loaded) {
        let Some(frame) = fiber.frames.last() else { return };
        let op = loaded.func(frame.func).insts[frame.pc as usize].op;
        if op == Op::Select {
            self.leave_select(id, fiber);
        }
        let State::Waiting { on: On::Condition { timer }, .. } = fiber.state else { return };
        if matches!(op, Op::WaitUntil | Op::WaitUntilFor) {
            self.conditions.retain(|waiting| *waiting != id);
            fiber.state = State::Ready(crate::fiber::Resume::Go);
            self.cancel_timer(fiber, timer);
        }
    }

    /// Starts the timer that limits a wait. `None` if the limit is over at once; 0 if a pending cancel makes it idle.
    fn limit_wait(&mut self, fiber: &mut Fiber, at: &At<'_>, limit: i64) -> Result<Option<u32>, Fault> {
        if limit <= 0 {
            return Ok(None);
        }
        if fiber.is_due() {
            return Ok(Some(0));
        }
        let site = super::frame_site(fiber)?;
        let here = At { site, ..*at };
        let command = Command::StartTimer { due: at.ctx.now.plus_ms(limit) };
        self.begin(fiber, &here, Kind::Timer, OnCancel::Try, command).map(Some)
    }

    /// The timer of a wait that goes on, 0 for none; `None` if it has fired since.
    fn limit_left(&mut self, fiber: &mut Fiber, timer: u32) -> Option<u32> {
        match fiber.op(timer).map(|op| op.outcome.is_some()) {
            Some(true) => {
                self.drop_op(fiber, timer);
                None
            }
            Some(false) => Some(timer),
            None => Some(0),
        }
    }

    fn receive(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let Inst { a, b: mailbox, c, op, .. } = at.inst;
        let Some(messages) = self.mailboxes.get_mut(usize::from(mailbox)) else {
            return Err(corrupt("the workflow has no such mailbox"));
        };
        let armed = fiber.armed.take();
        let Some(message) = messages.pop_front() else {
            let timer = match (armed, op) {
                // Another fiber was faster: what is left of the limit holds.
                (Some(timer), _) => self.limit_left(fiber, timer),
                (None, Op::ReceiveFor) => self.limit_wait(fiber, at, at.reg(fiber, c) as i64)?,
                _ => Some(0),
            };
            return match timer {
                Some(timer) => Ok(Flow::Wait(On::Message { mailbox, timer })),
                None => {
                    at.set(fiber, a, 0);
                    Ok(Flow::Next)
                }
            };
        };
        self.cancel_timer(fiber, armed.unwrap_or(0));
        self.collect_if_due(fiber)?;
        let Type::Option(record) = at.loaded.ty(at.ty(a)) else {
            return Err(corrupt("a message is received as something else than an optional"));
        };
        let value = decode::payload(&mut self.heap, at.loaded, *record, &message)?;
        at.set(fiber, a, value);
        Ok(Flow::Next)
    }

    fn open_scope(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let max = self.bounds.fibers_max;
        if self.scopes.len() - self.free_scopes.len() >= max {
            // One that is waited for has a fiber at least.
            let message = format!("the run has {max} scopes open at once (limit `fibers_max`)");
            return Err(fault(TrapKind::Limit, message));
        }
        let limit = at.reg(fiber, at.inst.c) as i64;
        let scope = Scope {
            owner: at.id,
            depth: fiber.frames.len() as u32,
            pc: at.site.pc,
            kind: match at.inst.b {
                0 => ScopeKind::Parallel,
                1 => ScopeKind::Race,
                _ => ScopeKind::Tasks,
            },
            limit: u32::try_from(limit.max(0)).unwrap_or(u32::MAX),
            pending: Default::default(),
            running: Vec::new(),
            results: Vec::new(),
            failure: 0,
            winner: None,
            tasks: Vec::new(),
            unseen: Vec::new(),
            left: false,
            bytes: 0,
        };
        let handle = match self.free_scopes.pop() {
            Some(free) => {
                self.scopes[free as usize] = Some(scope);
                free
            }
            None => {
                self.scopes.push(Some(scope));
                self.scopes.len() as u32 - 1
            }
        };
        at.set(fiber, at.inst.a, u64::from(handle));
        Ok(Flow::Next)
    }

    /// The scope behind a handle, if this fiber opened it.
    pub(super) fn own_scope(&mut self, handle: u64, owner: FiberId) -> Result<(u32, &mut Scope), Fault> {
        let handle = u32::try_from(handle).unwrap_or(u32::MAX);
        match self.scope(handle) {
            Some(scope) if scope.owner == owner => Ok((handle, scope)),
            _ => Err(corrupt("the scope is not open")),
        }
    }

    fn spawn(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let args: SmallVec<[u64; 4]> = at.args().map(|reg| at.reg(fiber, reg)).collect();
        let func = FuncId(at.inst.b);
        fiber.children += 1;
        let path = fiber.path.child(fiber.children);
        let (scope, open) = self.own_scope(at.reg(fiber, at.inst.a), at.id)?;
        let position = open.results.len() as u32;
        let branch = Branch { path, position, func, args };
        let bytes = branch.bytes();
        open.bytes += bytes;
        open.results.push((func, 0));
        if open.kind == ScopeKind::Tasks {
            open.tasks.push(TaskEnd::Open);
        }
        open.pending.push_back(branch);
        self.branch_bytes = self.branch_bytes.saturating_add(bytes);
        let max = self.bounds.heap_bytes_max;
        if self.branch_bytes > max as u64 {
            let message = format!("the branches of the run take more than {max} bytes (limit `heap_bytes_max`)");
            return Err(fault(TrapKind::Memory, message));
        }
        self.begin_branches(scope)?;
        Ok(Flow::Next)
    }

    fn join(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let (handle, scope) = self.own_scope(at.reg(fiber, at.inst.b), at.id)?;
        if scope.failure == 0
            && let Some(failure) = scope.unseen_failure()
        {
            scope.failure = failure;
            self.cancel_scope(handle)?;
        }
        let (handle, scope) = self.own_scope(at.reg(fiber, at.inst.b), at.id)?;
        if !scope.has_ended() {
            return Ok(Flow::Wait(On::Branches { scope: handle }));
        }
        let (failure, winner, kind) = (scope.failure, scope.winner, scope.kind);
        let results = std::mem::take(&mut scope.results);
        self.close_scope(handle);
        if failure != 0 {
            return Ok(Flow::Throw(failure));
        }
        let ty = at.ty(at.inst.a);
        // Which branches a scope has is not known before it runs, so their types are compared here.
        let mut types = results.iter().map(|(func, _)| at.loaded.result_of(*func));
        let fits = match (kind, at.loaded.ty(ty)) {
            (ScopeKind::Tasks, _) => ty == builtin::UNIT,
            (ScopeKind::Race, _) => types.all(|result| result == ty),
            (_, Type::List(item)) => types.all(|result| result == *item),
            (_, Type::Tuple(items)) => types.eq(items.iter().copied()),
            _ => ty == builtin::UNIT,
        };
        if !fits {
            return Err(corrupt("a scope is joined as another type than its branches give"));
        }
        let values = results.iter().map(|(_, value)| *value);
        let value = match (kind, at.loaded.ty(ty)) {
            (ScopeKind::Tasks, _) => 0,
            (ScopeKind::Race, _) => match winner.and_then(|w| results.get(w as usize)) {
                Some((_, value)) => *value,
                None => return Err(corrupt("a race without branches cannot end")),
            },
            (_, Type::List(_)) => {
                let words: Vec<u64> = std::iter::once(results.len() as u64).chain(values).collect();
                self.heap.alloc_words(ty, &words)?
            }
            (_, Type::Tuple(_)) => self.heap.alloc_words(ty, &values.collect::<SmallVec<[u64; 8]>>())?,
            _ => 0,
        };
        at.set(fiber, at.inst.a, value);
        Ok(Flow::Next)
    }

    /// A patch is no pending operation, so a loop of them meets no other limit.
    pub(super) fn room_for_command(&self) -> Result<(), Fault> {
        let max = self.bounds.pending_commands_max;
        if self.progress.commands.len() < 2 * max {
            return Ok(());
        }
        let message = format!("one activation gave {} commands (limit `pending_commands_max` is {max})", 2 * max);
        Err(fault(TrapKind::Limit, message))
    }

    /// Live, the new code runs and says so; replaying, it runs where the history says that it did. A deprecated one
    /// runs it always, says nothing, and passes a mark where the history has it.
    fn patch(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let patch = at.inst.b;
        let def = &at.loaded.program().patches[usize::from(patch)];
        let marked = at.ctx.recorded_patch.map(|history| {
            let next = CommandId { fiber: fiber.path.clone(), seq: fiber.seq + 1 };
            history.is_marked(&next, &def.id)
        });
        if def.mode == PatchMode::Deprecated {
            if marked == Some(true) {
                self.room_for_command()?;
                self.issue(fiber, at.site, Command::RecordPatch { patch });
            }
            at.set(fiber, at.inst.a, u64::from(true));
            return Ok(Flow::Next);
        }
        let sticky = def.mode == PatchMode::Sticky;
        // Sites of one id decide together; the first of them stands for all.
        let first = at.loaded.program().patches.iter().position(|p| p.id == def.id).unwrap_or_default() as u16;
        let known = self.sticky.iter().find(|(of, _)| sticky && *of == first).map(|(_, decided)| *decided);
        let decided = known.unwrap_or(marked.unwrap_or(true));
        if known.is_none() {
            if decided {
                self.room_for_command()?;
                self.issue(fiber, at.site, Command::RecordPatch { patch });
            }
            if sticky {
                self.sticky.push((first, decided));
            }
        }
        at.set(fiber, at.inst.a, u64::from(decided));
        Ok(Flow::Next)
    }
}

/// Bytes of the payloads of a command.
pub(crate) fn command_bytes(command: &Command) -> usize {
    match command {
        Command::ScheduleActivity { args, options, .. } | Command::StartChild { args, options, .. } => {
            args.len() + options.as_ref().map_or(0, Payload::len)
        }
        Command::EndUpdate { outcome } => outcome.as_ref().map_or(0, Payload::len),
        Command::SendSignal { args, .. } => args.len(),
        Command::StartTimer { .. } | Command::RecordPatch { .. } | Command::SendCancel { .. } | Command::Cancel => 0,
    }
}
