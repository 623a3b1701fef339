//! Whether a state that was read could have been written: every reference leads to an object of its type, every frame
//! stands where frames can stand, every number names something.

use rustc_hash::FxHashSet;
use weft_bytecode::op::Op;
use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::{FuncId, Program};
use weft_protocol::Command;

use super::read::has_main;
use crate::fiber::{Cancel, Fiber, FiberId, On, Resume, Role, State};
use crate::heap::{each_object, length_at, type_of};
use crate::layout::{fits, json};
use crate::loaded::Loaded;
use crate::machine::{Ended, Life, MAIN, Vm};
use crate::scope::{NOBODY, Scope, ScopeKind, TaskEnd};
use crate::table;

type Checked = Result<(), String>;

fn require(holds: bool, otherwise: &str) -> Checked {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

pub(super) fn check(vm: &Vm) -> Checked {
    let program = vm.loaded.program();
    let def = program.workflows.get(usize::from(vm.workflow)).ok_or("it is of no workflow")?;
    let arena = Arena::new(program, vm.heap.words())?;
    arena.objects()?;
    require(vm.cells.len() == def.state.len(), "it has other state cells than the workflow")?;
    for (cell, state) in vm.cells.iter().zip(&def.state) {
        arena.register(state.ty, *cell)?;
    }
    let boxes = def.signals.iter().filter(|s| s.handler.is_none()).count();
    require(vm.mailboxes.len() == boxes, "it has other mailboxes than the workflow")?;
    let patches = program.patches.len();
    require(vm.sticky.iter().all(|(patch, _)| usize::from(*patch) < patches), "a patch does not exist")?;
    require(vm.life != Life::Open || has_main(vm), "an open run has no main fiber")?;
    if let Life::Ending(how) = vm.life {
        let gone = vm.fibers.first().is_some_and(Option::is_none) && !vm.free_fibers.contains(&MAIN);
        require(gone, "a run whose body is over has a main fiber")?;
        ended(vm, &arena, how)?;
    }
    for (id, fiber) in (0..).zip(&vm.fibers) {
        if let Some(fiber) = fiber {
            check_fiber(vm, &arena, id, fiber)?;
        }
    }
    for (id, scope) in (0..).zip(&vm.scopes) {
        if let Some(scope) = scope {
            check_scope(vm, &arena, id, scope)?;
        }
    }
    queues(vm)?;
    progress(vm, &arena)
}

/// The arena with the starts of its objects.
struct Arena<'a> {
    program: &'a Program,
    words: &'a [u64],
    starts: Vec<u64>,
}

impl<'a> Arena<'a> {
    fn new(program: &'a Program, words: &'a [u64]) -> Result<Arena<'a>, String> {
        let mut starts = vec![0; words.len() / 64 + 1];
        each_object(words, |at, ty, raw, payload| {
            starts[at / 64] |= 1 << (at % 64);
            let known = program.types.get(usize::from(ty.0)).ok_or("an object has no type")?;
            let is_raw = matches!(known, Type::String | Type::Bytes);
            require(raw == is_raw, "an object's length has the wrong unit")?;
            shaped(program, ty, known, payload, length_at(words, at))
        })?;
        Ok(Arena { program, words, starts })
    }

    /// Every slot of every object.
    fn objects(&self) -> Checked {
        each_object(self.words, |_, ty, _, payload| {
            slots(self.program, ty, payload, &mut |index, ty| self.slot(ty, payload[index]))
        })
    }

    /// A slot that has its value.
    fn slot(&self, ty: TypeId, value: u64) -> Checked {
        match self.program.ty(ty) {
            Type::Option(_) if value == 0 => Ok(()),
            known if known.is_scalar() => require(scalar(known, value), "a scalar is out of its range"),
            _ => {
                let at = value as usize;
                let here = value != 0 && at < self.words.len() && self.starts[at / 64] >> (at % 64) & 1 == 1;
                require(here, "a reference leads to no object")?;
                require(fits(self.program, ty, type_of(self.words[at])), "a reference leads to another type")
            }
        }
    }

    /// A closure that is called without arguments for what it does.
    fn cleanup(&self, value: u64) -> Checked {
        let at = value as usize;
        let here = value != 0 && at < self.words.len() && self.starts[at / 64] >> (at % 64) & 1 == 1;
        require(here, "cleanup leads to no object")?;
        let plain = Type::Fn(Vec::new(), builtin::UNIT);
        require(*self.program.ty(type_of(self.words[at])) == plain, "cleanup is no closure without parameters")
    }

    /// A register or cell, which may not have a value yet.
    fn register(&self, ty: TypeId, value: u64) -> Checked {
        if value == 0 { Ok(()) } else { self.slot(ty, value) }
    }
}

fn scalar(ty: &Type, value: u64) -> bool {
    match ty {
        Type::Unit => value == 0,
        Type::Bool => value <= 1,
        Type::Float => f64::from_bits(value).is_finite(),
        Type::Enum { variants, .. } => (value as usize) < variants.len(),
        _ => true,
    }
}

/// Whether an object has a payload that its type can have.
fn shaped(program: &Program, ty: TypeId, known: &Type, payload: &[u64], length: usize) -> Checked {
    let words = payload.len();
    let tag = payload.first().copied().unwrap_or(u64::MAX);
    let fine = match known {
        Type::String => {
            let bytes: Vec<u8> = payload.iter().flat_map(|word| word.to_le_bytes()).collect();
            std::str::from_utf8(&bytes[..length]).is_ok() && bytes[length..].iter().all(|b| *b == 0)
        }
        Type::Bytes => true,
        Type::Decimal => words == 2,
        Type::Option(inner) => program.ty(*inner).is_scalar() && words == 1,
        Type::List(_) => tag < words as u64,
        Type::Set(_) => table::is_sound(payload, 1),
        Type::Map(..) => table::is_sound(payload, 2),
        Type::Tuple(items) => words == items.len(),
        Type::Record { fields, .. } | Type::Error { fields, .. } => words == fields.len(),
        Type::Run(_) => words == 2,
        Type::Enum { variants, .. } => {
            !known.is_scalar() && variants.get(tag as usize).is_some_and(|v| words == 1 + v.fields.len())
        }
        Type::Result(_) => words == 2 && tag <= 1,
        Type::Json => match tag {
            json::NULL => words == 1,
            json::BOOL => words == 2 && payload[1] <= 1,
            json::FLOAT => words == 2 && f64::from_bits(payload[1]).is_finite(),
            json::INT | json::TEXT => words == 2,
            json::ARRAY => true,
            json::OBJECT => words % 2 == 1,
            _ => false,
        },
        Type::Fn(params, result) => closure(program, params, *result, payload),
        _ => false,
    };
    require(fine, &format!("an object of type {} has the wrong shape", ty.0))
}

fn closure(program: &Program, params: &[TypeId], result: TypeId, payload: &[u64]) -> bool {
    let Some((func, captures)) = payload.split_first() else { return false };
    let Some(function) = program.functions.get(*func as usize) else { return false };
    let own = function.regs.get(captures.len()..usize::from(function.params));
    own == Some(params) && function.result == result
}

/// The typed slots of an object whose shape is right.
fn slots(program: &Program, ty: TypeId, payload: &[u64], visit: &mut dyn FnMut(usize, TypeId) -> Checked) -> Checked {
    let fields = |fields: &[Field], first: usize, visit: &mut dyn FnMut(usize, TypeId) -> Checked| {
        fields.iter().zip(first..).try_for_each(|(field, index)| visit(index, field.ty))
    };
    match program.ty(ty) {
        Type::Option(inner) => visit(0, *inner),
        Type::List(item) => (1..=payload[0] as usize).try_for_each(|index| visit(index, *item)),
        Type::Set(key) => (0..payload[0] as usize).try_for_each(|entry| visit(2 + entry, *key)),
        Type::Map(key, value) => (0..payload[0] as usize).try_for_each(|entry| {
            visit(2 + 2 * entry, *key)?;
            visit(3 + 2 * entry, *value)
        }),
        Type::Tuple(items) => items.iter().enumerate().try_for_each(|(index, item)| visit(index, *item)),
        Type::Record { fields: own, .. } | Type::Error { fields: own, .. } => fields(own, 0, visit),
        Type::Run(_) => (0..2).try_for_each(|index| visit(index, builtin::STRING)),
        Type::Enum { variants, .. } => fields(&variants[payload[0] as usize].fields, 1, visit),
        Type::Result(value) => visit(1, if payload[0] == 0 { *value } else { builtin::FAILURE }),
        Type::Json => match payload[0] {
            json::TEXT => visit(1, builtin::STRING),
            json::ARRAY => (1..payload.len()).try_for_each(|index| visit(index, builtin::JSON)),
            json::OBJECT => (1..payload.len())
                .try_for_each(|index| visit(index, if index % 2 == 1 { builtin::STRING } else { builtin::JSON })),
            _ => Ok(()),
        },
        Type::Fn(..) => {
            let types = &program.functions[payload[0] as usize].regs;
            (1..payload.len()).try_for_each(|index| visit(index, types[index - 1]))
        }
        _ => Ok(()),
    }
}

fn check_fiber(vm: &Vm, arena: &Arena<'_>, id: FiberId, fiber: &Fiber) -> Checked {
    let loaded = &vm.loaded;
    require((id == 0) == (fiber.role == Role::Main), "the main fiber has another number")?;
    for (place, frame) in fiber.frames.iter().enumerate() {
        let code = loaded.func(frame.func);
        let inst = code.insts.get(frame.pc as usize).ok_or("a frame stands behind its function's end")?;
        require(inst.op != Op::Arg, "a frame stands between instructions")?;
        for (reg, ty) in (0u16..).zip(&code.regs) {
            let value = fiber.slots[frame.base as usize + usize::from(reg)];
            match loaded.is_assigned(frame.func, frame.pc, reg) {
                Some(true) => arena.slot(*ty, value)?,
                Some(false) => arena.register(*ty, value)?,
                None => return Err("a frame stands where none can stop".into()),
            }
        }
        if let Some(callee) = fiber.frames.get(place + 1) {
            let fine = match inst.op {
                Op::Call => FuncId(inst.b) == callee.func,
                Op::Select => loaded.result_of(callee.func) == builtin::BOOL,
                Op::Leave => loaded.result_of(callee.func) == builtin::UNIT,
                Op::CallClosure | Op::WaitUntil | Op::WaitUntilFor => {
                    loaded.result_of(callee.func) == code.regs[usize::from(inst.a)]
                }
                _ => false,
            };
            require(fine, "a frame is called by what calls nothing like it")?;
        }
    }
    match fiber.state {
        State::Ready(Resume::Throw(failure)) => arena.slot(builtin::FAILURE, failure)?,
        State::Ready(_) => require(!fiber.frames.is_empty(), "a ready fiber has no frame")?,
        State::Waiting { on, .. } => require(waits(vm, loaded, id, fiber, on), "a fiber waits where nothing waits")?,
    }
    check_regions(vm, arena, fiber)?;
    let mut last = 0;
    for op in &fiber.ops {
        require(op.seq > last && op.seq <= fiber.seq, "operations are out of order")?;
        last = op.seq;
    }
    match fiber.role {
        Role::Branch { scope, position } => {
            let open = vm.scopes.get(scope as usize).and_then(Option::as_ref).ok_or("a branch has no scope")?;
            let counted = open.running.contains(&id) && (position as usize) < open.results.len();
            require(counted, "a branch is not one of its scope")?;
            let func = fiber.frames.first().map(|frame| frame.func);
            require(
                func.is_none_or(|func| func == open.results[position as usize].0),
                "a branch runs another function than its scope says",
            )
        }
        Role::Update { update } => {
            let def = vm.def().updates.get(usize::from(update)).ok_or("an update does not exist")?;
            let named = matches!(fiber.path.0.as_slice(), [0, number] if *number > 0);
            require(named, "an update runs on a fiber that is no update's")?;
            let func = fiber.frames.first().map(|frame| frame.func);
            require(func.is_none_or(|func| func == def.body), "an update runs another function than its body")
        }
        _ => Ok(()),
    }
}

/// Regions and lists of cleanup belong to frames from the outside in; a shield is around a piece that its frame called.
fn check_regions(vm: &Vm, arena: &Arena<'_>, fiber: &Fiber) -> Checked {
    let ordered = |depths: Vec<u32>| {
        let mut least = 1;
        depths.into_iter().all(|depth| {
            let fine = (least..=fiber.frames.len() as u32).contains(&depth);
            least = depth;
            fine
        })
    };
    require(fiber.cancel != Cancel::Asked, "a fiber's cancel is that of a deadline")?;
    let regions = ordered(fiber.regions.iter().map(|region| region.depth).collect());
    let lists = ordered(fiber.cleanups.iter().map(|list| list.depth).collect());
    require(regions && lists, "a region belongs to no frame, or regions are out of order")?;
    for region in &fiber.regions {
        let timer = |op: &crate::fiber::Operation| op.seq == region.timer && op.outcome.is_none();
        require(region.timer == 0 || fiber.ops.iter().any(timer), "a region's deadline is not under way")?;
        let frame = &fiber.frames[region.depth as usize - 1];
        let leaving = vm.loaded.func(frame.func).insts[frame.pc as usize].op == Op::Leave;
        require(!region.shield || leaving, "cleanup runs where no body is left")?;
        let asking = region.cancel != Cancel::Asked || fiber.ops.iter().any(|op| op.asked);
        require(asking, "a deadline has asked nothing to stop")?;
    }
    for list in &fiber.cleanups {
        arena.register(builtin::FAILURE, list.failure)?;
        list.pieces.iter().try_for_each(|piece| arena.cleanup(piece.closure))?;
    }
    Ok(())
}

/// Whether the innermost frame stands at a wait of this kind. A condition may be under test, a frame above.
fn waits(vm: &Vm, loaded: &Loaded, id: FiberId, fiber: &Fiber, on: On) -> bool {
    let op_at = |from_top: usize| {
        let frame = fiber.frames.iter().rev().nth(from_top)?;
        Some(loaded.func(frame.func).insts[frame.pc as usize])
    };
    let pending = |seq: u32| fiber.ops.iter().any(|op| op.seq == seq && op.outcome.is_none());
    let limit = |timer: u32| timer == 0 || pending(timer);
    let Some(inst) = op_at(0) else { return false };
    match on {
        On::Operation(seq) => inst.op == Op::Await && pending(seq),
        On::Started(seq) => inst.op == Op::AwaitStarted && pending(seq),
        On::Condition { timer } => {
            let under_test = vm.progress.current == Some(id);
            let here = (0..fiber.frames.len())
                .find_map(|n| op_at(n).filter(|i| matches!(i.op, Op::WaitUntil | Op::WaitUntilFor)).map(|_| n));
            here.is_some_and(|n| n == 0 || under_test) && limit(timer) && vm.conditions.contains(&id)
        }
        On::Message { mailbox, timer } => {
            matches!(inst.op, Op::Receive | Op::ReceiveFor) && inst.b == mailbox && limit(timer)
        }
        On::Task(_) => inst.op == Op::AwaitTask,
        On::Select => {
            let tested = vm.conditions.contains(&id) == vm.selects_condition(fiber);
            let under_test = vm.progress.current == Some(id);
            let below = (1..fiber.frames.len()).any(|n| op_at(n).is_some_and(|inst| inst.op == Op::Select));
            (inst.op == Op::Select || (under_test && below)) && fiber.armed.is_some() && tested
        }
        On::Branches { scope } => {
            let open = vm.scopes.get(scope as usize).and_then(Option::as_ref);
            inst.op == Op::ScopeJoin && open.is_some_and(|open| open.owner == id)
        }
        On::Turn => matches!(fiber.role, Role::Update { .. }) && fiber.frames.len() == 1 && fiber.frames[0].pc == 0,
    }
}

fn check_scope(vm: &Vm, arena: &Arena<'_>, id: u32, scope: &Scope) -> Checked {
    let loaded = &vm.loaded;
    let alive = |fiber: FiberId| vm.fibers.get(fiber as usize).is_some_and(Option::is_some);
    require(scope.owner == NOBODY || alive(scope.owner), "a scope's owner is gone")?;
    let known = |func: FuncId| usize::from(func.0) < loaded.code.len();
    for branch in &scope.pending {
        require(known(branch.func) && (branch.position as usize) < scope.results.len(), "a branch does not exist")?;
        let code = loaded.func(branch.func);
        require(branch.args.len() == usize::from(code.params), "a branch has other arguments than its function")?;
        for (arg, ty) in branch.args.iter().zip(&code.regs) {
            arena.slot(*ty, *arg)?;
        }
    }
    for branch in &scope.running {
        let fiber = vm.fibers.get(*branch as usize).and_then(Option::as_ref);
        let its = fiber.is_some_and(|f| matches!(f.role, Role::Branch { scope, .. } if scope == id));
        require(its, "a scope runs what is no branch of it")?;
    }
    let waiting = scope.pending.iter().map(|branch| branch.position);
    let running = scope.running.iter().filter_map(|id| match vm.fibers.get(*id as usize)?.as_ref()?.role {
        Role::Branch { position, .. } => Some(position),
        _ => None,
    });
    let open: FxHashSet<u32> = waiting.chain(running).collect();
    let tasks = if scope.kind == ScopeKind::Tasks { scope.results.len() } else { 0 };
    require(scope.tasks.len() == tasks, "a scope has not as many tasks as it says")?;
    let failed = |position: &u32| matches!(scope.tasks.get(*position as usize), Some(TaskEnd::Failed(_)));
    require(scope.unseen.iter().all(failed), "a task has failed that has not")?;
    for (position, (func, value)) in (0u32..).zip(&scope.results) {
        require(known(*func), "a branch has no function")?;
        let ty = loaded.result_of(*func);
        if let Some(task) = scope.tasks.get(position as usize) {
            require((*task == TaskEnd::Open) == open.contains(&position), "a task has ended that is under way")?;
            match task {
                TaskEnd::Open => arena.register(ty, *value)?,
                TaskEnd::Returned => arena.slot(ty, *value)?,
                TaskEnd::Failed(failure) => {
                    arena.register(ty, *value)?;
                    arena.slot(builtin::FAILURE, *failure)?;
                }
            }
            continue;
        }
        // A branch that failed or was canceled has no value, and then nobody reads it.
        if open.contains(&position) || (scope.is_decided() && scope.winner != Some(position)) {
            arena.register(ty, *value)?;
        } else {
            arena.slot(ty, *value)?;
        }
    }
    require(scope.winner.is_none_or(|w| (w as usize) < scope.results.len()), "a scope's winner does not exist")?;
    arena.register(builtin::FAILURE, scope.failure)
}

/// Queues name fibers that are in the state the queue is for; free numbers are free.
fn queues(vm: &Vm) -> Checked {
    let state = |id: &FiberId| vm.fibers.get(*id as usize).and_then(Option::as_ref).map(|fiber| fiber.state);
    let ready = vm.ready.iter().all(|id| matches!(state(id), Some(State::Ready(_))));
    require(ready, "the ready queue names a fiber that is not ready")?;
    let tested = vm
        .conditions
        .iter()
        .all(|id| matches!(state(id), Some(State::Waiting { on: On::Condition { .. } | On::Select, .. })));
    require(tested, "a condition belongs to no fiber that waits for one")?;
    let free = vm.free_fibers.iter().all(|id| vm.fibers.get(*id as usize).is_some_and(Option::is_none));
    let gone = vm.fibers.iter().filter(|fiber| fiber.is_none()).count();
    let main_gone = usize::from(vm.is_ending());
    require(free && gone == vm.free_fibers.len() + main_gone, "the free fibers are not those that are gone")?;
    let free = vm.free_scopes.iter().all(|id| vm.scopes.get(*id as usize).is_some_and(Option::is_none));
    let gone = vm.scopes.iter().filter(|scope| scope.is_none()).count();
    require(free && gone == vm.free_scopes.len(), "the free scopes are not those that are gone")
}

fn progress(vm: &Vm, arena: &Arena<'_>) -> Checked {
    let program = arena.program;
    let progress = &vm.progress;
    let cells = progress.changed.iter().all(|cell| usize::from(*cell) < vm.cells.len());
    require(cells, "a changed state cell does not exist")?;
    let alive = progress.current.is_none_or(|id| vm.fibers.get(id as usize).is_some_and(Option::is_some));
    require(alive, "the running fiber is gone")?;
    let known = progress.commands.iter().all(|issued| match &issued.command {
        Command::ScheduleActivity { activity, .. } => usize::from(*activity) < program.activities.len(),
        Command::StartChild { workflow, .. } => usize::from(*workflow) < program.workflows.len(),
        Command::RecordPatch { patch } => usize::from(*patch) < program.patches.len(),
        Command::SendSignal { workflow, signal, .. } => {
            let workflow = program.workflows.get(usize::from(*workflow));
            workflow.is_some_and(|workflow| usize::from(*signal) < workflow.signals.len())
        }
        Command::StartTimer { .. } | Command::SendCancel { .. } | Command::Cancel | Command::EndUpdate { .. } => true,
    });
    require(known, "a command names nothing of the program")?;
    progress.ended.map_or(Ok(()), |how| ended(vm, arena, how))
}

fn ended(vm: &Vm, arena: &Arena<'_>, how: Ended) -> Checked {
    match how {
        Ended::Failed(failure) => arena.slot(builtin::FAILURE, failure),
        Ended::Returned(value) => arena.register(vm.def().result, value),
        Ended::Continued { args, .. } => arena.slot(vm.def().args, args),
    }
}
