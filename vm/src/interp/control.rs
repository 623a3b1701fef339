//! Calls, returns, failures on their way to a handler, and what a program may know of its run.

use smallvec::SmallVec;
use weft_bytecode::FuncId;
use weft_bytecode::op::Op;
use weft_bytecode::types::TypeId;

use super::{At, Exit, Flow};
use crate::fiber::{Cancel, Fiber, FiberId, Resume, Role, State};
use crate::limits::{Fault, corrupt};
use crate::loaded::{Inst, Loaded};
use crate::machine::{Ended, Vm};
use crate::random;
use crate::scope::NOBODY;
use crate::value::new_text;

/// Log lines of one activation that are kept.
const LOG_LINES_MAX: usize = 1_000;
/// Bytes of a log line that are kept.
const LOG_LINE_BYTES_MAX: usize = 16 << 10;
/// Events from which a history is large.
const LARGE_EVENTS: u64 = 10_000;
/// Bytes from which a history is large.
const LARGE_BYTES: u64 = 10 << 20;

impl Vm {
    pub(super) fn control_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let Inst { a, b, .. } = at.inst;
        let value = match at.inst.op {
            Op::Call => {
                let args: SmallVec<[u64; 8]> = at.args().map(|reg| at.reg(fiber, reg)).collect();
                fiber.enter(at.loaded, FuncId(b), &args, self.bounds.frames_max)?;
                return Ok(Flow::Frame);
            }
            Op::CallClosure => {
                let args: SmallVec<[u64; 8]> = at.args().map(|reg| at.reg(fiber, reg)).collect();
                self.enter_closure(fiber, at.loaded, at.reg(fiber, b), &args)?;
                return Ok(Flow::Frame);
            }
            Op::Return => {
                let value = at.reg(fiber, a);
                return self.return_value(fiber, at, value);
            }
            Op::Throw => return Ok(Flow::Throw(at.reg(fiber, a))),
            Op::ContinueAsNew => {
                if fiber.role != Role::Main {
                    return Err(corrupt("code beside the body ended the run"));
                }
                let canceling = fiber.cancel == Cancel::Pending;
                return Ok(Flow::Exit(Exit::Ended(Ended::Continued { args: at.reg(fiber, a), canceling })));
            }
            Op::IsError => u64::from(self.heap.type_at(at.reg(fiber, b)) == TypeId(at.inst.c)),
            Op::Now => at.ctx.now.0 as u64,
            Op::Uuid => {
                let draw = self.draw(fiber);
                new_text(&mut self.heap, &random::uuid(&draw))?
            }
            Op::Random => random::unit(&self.draw(fiber)).to_bits(),
            Op::RunInfo => self.run_info(at)?,
            _ => {
                let text = self.heap.text(at.reg(fiber, b));
                let length = text.len();
                let text = shortened(text);
                self.heap.charge(length);
                // Muted while replaying: not even kept.
                if at.ctx.recorded_patch.is_none() {
                    self.log(a.min(3) as u8, text);
                }
                return Ok(Flow::Next);
            }
        };
        at.set(fiber, a, value);
        Ok(Flow::Next)
    }

    /// Keeps a log line. Too many lines are dropped and not a trap: a replay, which has none, must go the same way.
    pub(crate) fn log(&mut self, level: u8, text: String) {
        match self.progress.logs.len() {
            LOG_LINES_MAX.. => {}
            kept => {
                self.progress.logs.push((level, text));
                if kept + 1 == LOG_LINES_MAX {
                    let message = format!("more than {LOG_LINES_MAX} log lines in one activation: the rest is dropped");
                    self.progress.logs.push((2, message));
                }
            }
        }
    }

    fn draw(&mut self, fiber: &mut Fiber) -> [u8; 32] {
        fiber.draws += 1;
        random::draw(&self.seed, &fiber.path, fiber.draws)
    }

    fn run_info(&mut self, at: &At<'_>) -> Result<u64, Fault> {
        let ctx = at.ctx;
        Ok(match at.inst.b {
            0 => new_text(&mut self.heap, ctx.workflow_id.as_str())?,
            1 => new_text(&mut self.heap, &ctx.run_id.to_string())?,
            2 => ctx.started_at.0 as u64,
            3 => u64::from(ctx.history_events >= LARGE_EVENTS || ctx.history_bytes >= LARGE_BYTES),
            4 => ctx.history_events,
            other => return Err(corrupt(format!("the program asks for fact {other} of the run"))),
        })
    }

    /// Calls a closure: its captures, then the arguments.
    pub(crate) fn enter_closure(
        &mut self,
        fiber: &mut Fiber,
        loaded: &Loaded,
        closure: u64,
        args: &[u64],
    ) -> Result<(), Fault> {
        let (func, captures) = match self.heap.payload(closure).split_first() {
            Some((func, captures)) => (FuncId(*func as u16), captures),
            None => return Err(corrupt("a closure without a function was called")),
        };
        let all: SmallVec<[u64; 8]> = captures.iter().chain(args).copied().collect();
        fiber.enter(loaded, func, &all, self.bounds.frames_max)
    }

    fn return_value(&mut self, fiber: &mut Fiber, at: &At<'_>, value: u64) -> Result<Flow, Fault> {
        fiber.leave();
        self.close_stale_regions(fiber);
        let Some(caller) = fiber.frames.last_mut() else {
            return Ok(Flow::Exit(Exit::Ended(Ended::Returned(value))));
        };
        let inst = at.loaded.func(caller.func).insts[caller.pc as usize];
        match inst.op {
            Op::Call | Op::CallClosure => {
                caller.pc = inst.after(caller.pc);
                let dst = caller.base as usize + usize::from(inst.a);
                fiber.slots[dst] = value;
                Ok(Flow::Frame)
            }
            Op::WaitUntil | Op::WaitUntilFor => self.tested(fiber, at, inst, value),
            Op::Select => self.select_tested(fiber, at, inst, value),
            Op::Leave => {
                self.end_piece(fiber, at.loaded, None)?;
                Ok(Flow::Frame)
            }
            _ => Err(corrupt("a function returned to where nothing was called")),
        }
    }

    /// Sets up how a ready fiber goes on. Gives an exit if it ends before it runs.
    pub(super) fn resume(&mut self, id: FiberId, fiber: &mut Fiber, loaded: &Loaded) -> Result<Option<Exit>, Fault> {
        let State::Ready(resume) = fiber.state else { return Ok(None) };
        fiber.state = State::Ready(Resume::Go);
        match resume {
            Resume::Enter | Resume::Go => Ok(None),
            Resume::TimedOut => {
                // False, and none.
                let frame = fiber.frame()?;
                let inst = loaded.func(frame.func).insts[frame.pc as usize];
                frame.pc = inst.after(frame.pc);
                let dst = frame.base as usize + usize::from(inst.a);
                fiber.slots[dst] = 0;
                Ok(None)
            }
            Resume::Throw(failure) => self.throw(id, fiber, loaded, failure),
        }
    }

    /// Throws at the innermost frame's pc: to the innermost handler that covers it, else to the caller. Gives an exit
    /// if no frame catches it.
    pub(super) fn throw(
        &mut self,
        id: FiberId,
        fiber: &mut Fiber,
        loaded: &Loaded,
        failure: u64,
    ) -> Result<Option<Exit>, Fault> {
        while let Some(frame) = fiber.frames.last_mut() {
            let handlers = &loaded.func(frame.func).handlers;
            if let Some(handler) = handlers.iter().find(|h| h.from <= frame.pc && frame.pc < h.to) {
                frame.pc = handler.target;
                let reg = frame.base as usize + usize::from(handler.reg);
                fiber.slots[reg] = failure;
                let depth = fiber.frames.len() as u32;
                // The range of one `try` has holes where the code leaves it.
                let same = || handlers.iter().filter(|h| h.target == handler.target);
                let from = same().map(|h| h.from).min().unwrap_or(handler.from);
                let to = same().map(|h| h.to).max().unwrap_or(handler.to);
                self.abandon_scopes(id, depth, from..to)?;
                return Ok(None);
            }
            fiber.leave();
            self.close_stale_regions(fiber);
            self.leave_test(id, fiber, loaded);
            if fiber.is_leaving(loaded) {
                let depth = fiber.frames.len() as u32;
                self.abandon_scopes(id, depth, 0..0)?;
                self.end_piece(fiber, loaded, Some(failure))?;
                return Ok(None);
            }
        }
        if fiber.role != Role::Atomic {
            self.abandon_scopes(id, 0, 0..0)?;
        }
        Ok(Some(Exit::Ended(Ended::Failed(failure))))
    }

    /// A failure leaves what opened a scope without joining it: its branches are canceled, and nobody asks how they end.
    fn abandon_scopes(&mut self, owner: FiberId, depth: u32, tried: std::ops::Range<u32>) -> Result<(), Fault> {
        self.heap.charge(8 * self.scopes.len());
        for scope in 0..self.scopes.len() as u32 {
            let Some(open) = self.scope(scope).filter(|open| open.owner == owner) else { continue };
            if open.depth > depth || (open.depth == depth && tried.contains(&open.pc)) {
                self.cancel_scope(scope)?;
                let Some(open) = self.scope(scope) else { continue };
                open.owner = NOBODY;
                if open.has_ended() {
                    self.close_scope(scope);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn close_scope(&mut self, scope: u32) {
        if let Some(closed) = self.scopes[scope as usize].take() {
            self.branch_bytes = self.branch_bytes.saturating_sub(closed.bytes);
            self.free_scopes.push(scope);
        }
    }
}

/// Whether a slot of this type says yes as the value of a condition: true, or not none.
pub(super) fn holds(value: u64) -> bool {
    value != 0
}

/// A log line, cut if it is very long.
fn shortened(text: &str) -> String {
    if text.len() <= LOG_LINE_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = LOG_LINE_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", &text[..end], text.len())
}
