//! The interpreter: the meaning of each op, as `weft_bytecode::op` words it.
//!
//! Ops on scalars are here; those on objects, control flow that changes frames, and waits are one floor below.

mod arith;
mod control;
mod objects;
mod region;
mod select;
mod send;
mod tasks;
mod waits;

pub(crate) use arith::{decimals, float, int, overflow};
pub(crate) use objects::share_children;
pub(crate) use select::{SelectSource, sources, timers};
pub(crate) use tasks::handle as task_handle;
pub(crate) use waits::command_bytes;

use std::sync::Arc;

use weft_bytecode::op::Op;
use weft_protocol::command::Site;

use crate::fiber::{Fiber, FiberId, On};
use crate::limits::{Fault, corrupt, fault};
use crate::loaded::{Inst, Loaded};
use crate::machine::{Ended, Vm};
use crate::step::{Context, TrapKind};
use crate::value::compare;

/// Why a fiber stopped running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It waits.
    Waiting,
    /// Its condition was tested and does not hold yet.
    Tested,
    /// The slice is used up.
    Slice,
    /// Its last frame is gone.
    Ended(Ended),
}

/// What an op that may do more than write a register leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// The next instruction.
    Next,
    /// The innermost frame is another one now, or its pc was set.
    Frame,
    /// A failure is thrown here.
    Throw(u64),
    /// The fiber waits at this instruction.
    Wait(On),
    /// The fiber stops.
    Exit(Exit),
}

/// What the ops below see of where they are.
struct At<'a> {
    loaded: &'a Loaded,
    ctx: &'a Context<'a>,
    id: FiberId,
    inst: Inst,
    site: Site,
    base: usize,
}

impl At<'_> {
    fn reg(&self, fiber: &Fiber, reg: u16) -> u64 {
        fiber.slots[self.base + usize::from(reg)]
    }

    fn set(&self, fiber: &mut Fiber, reg: u16, value: u64) {
        fiber.slots[self.base + usize::from(reg)] = value;
    }

    /// The static type of a register.
    fn ty(&self, reg: u16) -> weft_bytecode::TypeId {
        self.loaded.code[usize::from(self.site.func)].regs[usize::from(reg)]
    }

    /// The argument registers that follow.
    fn args(&self) -> impl Iterator<Item = u16> + '_ {
        self.loaded.code[usize::from(self.site.func)].args(self.site.pc)
    }
}

impl Vm {
    /// Runs a fiber until it stops. On a fault its innermost frame's pc says where.
    pub(crate) fn run(&mut self, id: FiberId, fiber: &mut Fiber, ctx: &Context<'_>) -> Result<Exit, Fault> {
        // Asked here and not at every instruction.
        match self.loaded.executed.is_some() {
            false => self.interpret::<false>(id, fiber, ctx),
            true => self.interpret::<true>(id, fiber, ctx),
        }
    }

    /// As [`Vm::run`]; with `MEASURED` it says which instructions were executed.
    fn interpret<const MEASURED: bool>(
        &mut self,
        id: FiberId,
        fiber: &mut Fiber,
        ctx: &Context<'_>,
    ) -> Result<Exit, Fault> {
        let loaded = Arc::clone(&self.loaded);
        if let Some(exit) = self.resume(id, fiber, &loaded)? {
            return Ok(exit);
        }
        let fuel_max = self.heap.fuel_end();
        'frame: loop {
            let frame = *fiber.frame()?;
            let insts = &loaded.func(frame.func).insts[..];
            let base = frame.base as usize;
            let mut pc = frame.pc;
            macro_rules! reg {
                ($reg:expr) => {
                    fiber.slots[base + usize::from($reg)]
                };
            }
            // Where an op may fail or leave, the frame must say where it was.
            macro_rules! save {
                () => {
                    fiber.frame()?.pc = pc
                };
            }
            macro_rules! checked {
                ($result:expr) => {
                    match $result {
                        Ok(value) => value,
                        Err(stop) => {
                            save!();
                            return Err(stop);
                        }
                    }
                };
            }
            loop {
                let inst = insts[pc as usize];
                if MEASURED && let Some(executed) = &loaded.executed {
                    executed.mark(frame.func, pc);
                }
                let Inst { a, b, c, .. } = inst;
                let flow = match inst.op {
                    Op::Move => {
                        reg!(a) = reg!(b);
                        pc += 1;
                        continue;
                    }
                    Op::LoadInt => {
                        reg!(a) = i64::from(inst.imm() as i32) as u64;
                        pc += 1;
                        continue;
                    }
                    Op::LoadNone => {
                        reg!(a) = 0;
                        pc += 1;
                        continue;
                    }
                    Op::Share => {
                        self.heap.share(reg!(a));
                        pc += 1;
                        continue;
                    }
                    Op::AddInt | Op::SubInt | Op::MulInt | Op::DivInt | Op::RemInt => {
                        reg!(a) = checked!(arith::int(inst.op, reg!(b) as i64, reg!(c) as i64)) as u64;
                        pc += 1;
                        continue;
                    }
                    Op::NegInt => {
                        reg!(a) = checked!(arith::int(Op::SubInt, 0, reg!(b) as i64)) as u64;
                        pc += 1;
                        continue;
                    }
                    Op::EqInt => {
                        reg!(a) = u64::from(reg!(b) == reg!(c));
                        pc += 1;
                        continue;
                    }
                    Op::NeInt => {
                        reg!(a) = u64::from(reg!(b) != reg!(c));
                        pc += 1;
                        continue;
                    }
                    Op::LtInt => {
                        reg!(a) = u64::from((reg!(b) as i64) < reg!(c) as i64);
                        pc += 1;
                        continue;
                    }
                    Op::LeInt => {
                        reg!(a) = u64::from(reg!(b) as i64 <= reg!(c) as i64);
                        pc += 1;
                        continue;
                    }
                    Op::AddFloat | Op::SubFloat | Op::MulFloat | Op::DivFloat | Op::RemFloat => {
                        let (lhs, rhs) = (f64::from_bits(reg!(b)), f64::from_bits(reg!(c)));
                        reg!(a) = checked!(arith::float(inst.op, lhs, rhs)).to_bits();
                        pc += 1;
                        continue;
                    }
                    Op::NegFloat => {
                        reg!(a) = (-f64::from_bits(reg!(b))).to_bits();
                        pc += 1;
                        continue;
                    }
                    Op::LtFloat => {
                        reg!(a) = u64::from(f64::from_bits(reg!(b)) < f64::from_bits(reg!(c)));
                        pc += 1;
                        continue;
                    }
                    Op::LeFloat => {
                        reg!(a) = u64::from(f64::from_bits(reg!(b)) <= f64::from_bits(reg!(c)));
                        pc += 1;
                        continue;
                    }
                    Op::Not => {
                        reg!(a) = u64::from(reg!(b) == 0);
                        pc += 1;
                        continue;
                    }
                    Op::Fuel => {
                        self.heap.fuel_used += u64::from(inst.imm());
                        // Before the slice may end: where it ends must not decide when garbage goes.
                        if self.heap.wants_collection() {
                            save!();
                            self.collect_if_due(fiber)?;
                        }
                        if self.heap.fuel_used >= self.slice_end.min(fuel_max) {
                            save!();
                            if self.heap.fuel_used > fuel_max {
                                return Err(self.heap.out_of_fuel());
                            }
                            if self.heap.fuel_used >= self.slice_end {
                                // Charged already: it goes on behind.
                                fiber.frame()?.pc = pc + 1;
                                return Ok(Exit::Slice);
                            }
                        }
                        pc += 1;
                        continue;
                    }
                    Op::Jump => {
                        pc = inst.imm();
                        continue;
                    }
                    Op::JumpIf if reg!(a) != 0 => {
                        pc = inst.imm();
                        continue;
                    }
                    Op::JumpIfNot if reg!(a) == 0 => {
                        pc = inst.imm();
                        continue;
                    }
                    Op::JumpIfNone if reg!(a) == 0 => {
                        pc = inst.imm();
                        continue;
                    }
                    Op::JumpIf | Op::JumpIfNot | Op::JumpIfNone => {
                        pc += 1;
                        continue;
                    }
                    Op::Field => {
                        let value = self.heap.get(reg!(b), usize::from(c));
                        if self.heap.is_shared(reg!(b)) && loaded.is_ref(loaded.func(frame.func).regs[usize::from(a)]) {
                            self.heap.share(value);
                        }
                        reg!(a) = value;
                        pc += 1;
                        continue;
                    }
                    Op::Equal => {
                        save!();
                        let ty = loaded.func(frame.func).regs[usize::from(b)];
                        let (lhs, rhs) = (reg!(b), reg!(c));
                        reg!(a) = u64::from(compare::equal(&mut self.heap, &loaded, ty, lhs, rhs)?);
                        pc += 1;
                        continue;
                    }
                    Op::LoadState => {
                        reg!(a) = checked!(self.cell(b));
                        pc += 1;
                        continue;
                    }
                    Op::Unreachable | Op::Arg => {
                        save!();
                        let message = "the program reached a point that was proved unreachable";
                        return Err(fault(TrapKind::Unreachable, message));
                    }
                    _ => {
                        save!();
                        let at = At { loaded: &loaded, ctx, id, inst, site: frame_site(fiber)?, base };
                        self.op(fiber, &at)?
                    }
                };
                match flow {
                    Flow::Next => pc = inst.after(pc),
                    Flow::Frame => continue 'frame,
                    Flow::Throw(failure) => match self.throw(id, fiber, &loaded, failure)? {
                        Some(exit) => return Ok(exit),
                        None => continue 'frame,
                    },
                    Flow::Wait(on) => match self.suspend(id, fiber, on, ctx)? {
                        Some(failure) => match self.throw(id, fiber, &loaded, failure)? {
                            Some(exit) => return Ok(exit),
                            None => continue 'frame,
                        },
                        None => return Ok(Exit::Waiting),
                    },
                    Flow::Exit(exit) => return Ok(exit),
                }
            }
        }
    }

    /// The ops that need more than registers.
    fn op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        use Op::*;
        match at.inst.op {
            AddDecimal | SubDecimal | MulDecimal | DivDecimal | RemDecimal | NegDecimal | IntToDecimal => {
                self.decimal_op(fiber, at)
            }
            LoadConst | New | NewVariant | NewList | NewMap | SetField | Tag | VariantField | Some | Unwrap | Cast
            | Index | SetIndex | Push | SetKey | Concat | Less | LessEqual | Closure | CallNative | StoreState => {
                self.object_op(fiber, at)
            }
            Call | CallClosure | Return | Throw | IsError | Now | Uuid | Random | RunInfo | Log | ContinueAsNew => {
                self.control_op(fiber, at)
            }
            ScheduleActivity | StartChild | StartTimer | StartTimerAt | Await | AwaitStarted | WaitUntil
            | WaitUntilFor | Receive | ReceiveFor | ScopeOpen | ScopeSpawn | ScopeJoin | Patch | TaskHandle
            | AwaitTask | ScopeLeave | SelectMailbox | Select | Send | SendCancel => self.wait_op(fiber, at),
            Within | WithinEnd | WithinFailed | CleanupOpen | CleanupAdd | CleanupDrop | Leave => {
                self.region_op(fiber, at)
            }
            other => Err(corrupt(format!("`{}` is not executed here", other.name()))),
        }
    }
}

fn frame_site(fiber: &Fiber) -> Result<Site, Fault> {
    fiber.site().ok_or_else(|| corrupt("a fiber without a frame was run"))
}
