//! Ops of deadlines and cleanup: `within`, `defer`, `on cancel`, `saga`.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin;
use weft_protocol::{Command, Timestamp};

use super::{At, Flow};
use crate::fiber::{Fiber, Kind, Role};
use crate::limits::{Fault, corrupt, fault};
use crate::machine::Vm;
use crate::region::{CLEANUPS_MAX, Cleanup, Piece, Region};
use crate::step::{Context, TrapKind};

/// What `CleanupAdd` adds: for every way out, for a cancel only, to a saga.
const ON_CANCEL: u16 = 1;
const UNDO: u16 = 2;

/// What a piece of cleanup and a list of them cost, in bytes that are moved.
const PIECE_COST: usize = 16;
const LIST_COST: usize = 64;

impl Vm {
    pub(super) fn region_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        self.may_wait(fiber, at)?;
        match at.inst.op {
            Op::Within => self.open_within(fiber, at)?,
            Op::WithinEnd => {
                self.close_within(fiber)?;
            }
            Op::WithinFailed => {
                let region = self.close_within(fiber)?;
                let canceled = self.heap.type_at(at.reg(fiber, at.inst.b)) == builtin::CANCELED;
                at.set(fiber, at.inst.a, u64::from(canceled && region.is_over()));
            }
            Op::CleanupOpen => {
                self.keep_cleanup(LIST_COST)?;
                let depth = fiber.frames.len() as u32;
                fiber.cleanups.push(Cleanup { depth, saga: at.inst.a != 0, pieces: Vec::new(), failure: 0 });
            }
            Op::CleanupAdd => self.add_piece(fiber, at)?,
            Op::CleanupDrop => {
                innermost(fiber)?;
                self.drop_cleanup(fiber);
            }
            _ => return self.leave(fiber, at),
        }
        Ok(Flow::Next)
    }

    fn open_within(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<(), Fault> {
        let limit = at.reg(fiber, at.inst.b) as i64;
        if limit > 0 {
            let command = Command::StartTimer { due: at.ctx.now.plus_ms(limit) };
            let timer = self.begin(fiber, at, Kind::Timer, OnCancel::Try, command)?;
            fiber.regions.push(Region::within(fiber.frames.len() as u32, timer));
        }
        at.set(fiber, at.inst.a, u64::from(limit > 0));
        Ok(())
    }

    fn close_within(&mut self, fiber: &mut Fiber) -> Result<Region, Fault> {
        let depth = fiber.frames.len() as u32;
        let region = fiber.regions.pop_if(|region| !region.shield && region.depth == depth);
        let region = region.ok_or_else(|| corrupt("a `within` is left that was not entered"))?;
        self.cancel_timer(fiber, region.timer);
        Ok(region)
    }

    /// Keeps a closure until its body is left. An undo in a branch goes to the saga around the branches.
    fn add_piece(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<(), Fault> {
        let (what, closure, hops) = (at.inst.a, at.reg(fiber, at.inst.b), at.inst.c);
        let piece = Piece { canceled: what == ON_CANCEL, closure };
        let mut depth = fiber.frames.len() as u32;
        if hops == 0 {
            self.keep_cleanup(PIECE_COST)?;
            return keep(&mut fiber.cleanups, depth, what == UNDO, piece);
        }
        let mut role = fiber.role;
        let mut owner = at.id;
        for _ in 0..hops {
            let Role::Branch { scope, .. } = role else { return Err(corrupt("an undo belongs to no saga")) };
            let open = self.scope(scope).ok_or_else(|| corrupt("an undo belongs to no saga"))?;
            (owner, depth) = (open.owner, open.depth);
            // An owner that has gone on without its branches has failed, and its saga with it: there is nobody to ask.
            let Some(fiber) = self.fiber(owner) else { return Ok(()) };
            role = fiber.role;
        }
        self.keep_cleanup(PIECE_COST)?;
        let Some(fiber) = self.fiber(owner) else { return Ok(()) };
        keep(&mut fiber.cleanups, depth, what == UNDO, piece)
    }

    /// Calls the next piece of cleanup, or goes on with the failure that the body was left with, or with its own. It is
    /// executed again after each piece.
    fn leave(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let left = at.reg(fiber, at.inst.a);
        let canceled = left != 0 && self.heap.type_at(left) == builtin::CANCELED;
        let depth = fiber.frames.len() as u32;
        let list = innermost(fiber)?;
        while let Some(piece) = list.pieces.pop() {
            self.cleanups = self.cleanups.saturating_sub(1);
            // Room that is not given back would not be counted.
            if list.pieces.capacity() / 4 > list.pieces.len() {
                list.pieces.shrink_to(2 * list.pieces.len());
            }
            if canceled || !piece.canceled {
                fiber.regions.push(Region::shield(depth));
                self.enter_closure(fiber, at.loaded, piece.closure, &[])?;
                return Ok(Flow::Frame);
            }
        }
        let (saga, failed) = (list.saga, list.failure);
        self.drop_cleanup(fiber);
        Ok(match (left, failed) {
            (0, 0) => Flow::Next,
            (left, 0) => Flow::Throw(left),
            (left, undo) if saga && left != 0 => Flow::Throw(self.compensation_failed(left, undo)?),
            (_, failed) => Flow::Throw(failed),
        })
    }

    /// Counts one more piece of cleanup, or list of them.
    fn keep_cleanup(&mut self, cost: usize) -> Result<(), Fault> {
        if self.cleanups >= CLEANUPS_MAX {
            let message = format!("the run keeps more than {CLEANUPS_MAX} pieces of cleanup at once");
            return Err(fault(TrapKind::Limit, message));
        }
        self.cleanups += 1;
        self.heap.charge(cost);
        Ok(())
    }

    /// Starts the timers of cleanup that is about to wait for the first time.
    pub(super) fn limit_cleanup(&mut self, fiber: &mut Fiber, ctx: &Context<'_>) -> Result<(), Fault> {
        for place in 0..fiber.regions.len() {
            if fiber.regions[place].wants_timer() {
                let due: Timestamp = ctx.now.plus_ms(self.cleanup_timeout_ms());
                let site = super::frame_site(fiber)?;
                let command = Command::StartTimer { due };
                fiber.regions[place].timer = self.begin_at(fiber, site, Kind::Timer, OnCancel::Try, command)?;
            }
        }
        Ok(())
    }
}

/// The innermost list of the innermost frame.
fn innermost(fiber: &mut Fiber) -> Result<&mut Cleanup, Fault> {
    let depth = fiber.frames.len() as u32;
    let list = fiber.cleanups.last_mut().filter(|list| list.depth == depth);
    list.ok_or_else(|| corrupt("a body is left that keeps no cleanup"))
}

/// Puts a piece on the innermost list of a kind of a frame.
fn keep(lists: &mut [Cleanup], depth: u32, saga: bool, piece: Piece) -> Result<(), Fault> {
    let list = lists.iter_mut().rev().find(|list| list.depth == depth && list.saga == saga);
    let list = list.ok_or_else(|| corrupt("cleanup is added where none is kept"))?;
    list.pieces.push(piece);
    Ok(())
}
