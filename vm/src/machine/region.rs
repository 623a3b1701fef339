//! Deadlines that fire, pieces of cleanup that end, and what is shielded from the cancel of the run.

use std::ops::ControlFlow;

use weft_bytecode::options::CLEANUP_TIMEOUT_MS;
use weft_bytecode::types::builtin;
use weft_protocol::command::CommandId;

use crate::fiber::{Cancel, Fiber, FiberId, Role};
use crate::limits::{Fault, corrupt};
use crate::loaded::Loaded;
use crate::machine::Vm;
use crate::value::new_text;

impl Vm {
    /// Takes the end of a timer that is a region's deadline, and cancels what waits inside. False if it is no such timer.
    pub(crate) fn deadline(&mut self, command: &CommandId) -> Result<bool, Fault> {
        let Some(id) = self.by_path(&command.fiber) else { return Ok(false) };
        let Some(fiber) = self.fiber(id) else { return Ok(false) };
        let Some(region) = fiber.regions.iter_mut().find(|region| region.timer == command.seq && command.seq != 0)
        else {
            return Ok(false);
        };
        region.timer = 0;
        region.cancel = Cancel::Pending;
        // No operation of a forged program may be left.
        if fiber.take_op(command.seq).is_some_and(|op| op.outcome.is_none()) {
            self.pending -= 1;
        }
        self.deliver(id)?;
        Ok(true)
    }

    /// How long a piece of cleanup may take from its first wait.
    pub(crate) fn cleanup_timeout_ms(&self) -> i64 {
        self.def().options.cleanup_timeout_ms.unwrap_or(CLEANUP_TIMEOUT_MS)
    }

    /// Closes what frames that are gone have left open.
    pub(crate) fn close_stale_regions(&mut self, fiber: &mut Fiber) {
        let depth = fiber.frames.len() as u32;
        while fiber.cleanups.last().is_some_and(|list| list.depth > depth) {
            self.drop_cleanup(fiber);
        }
        while let Some(region) = fiber.stale_region() {
            self.cancel_timer(fiber, region.timer);
        }
    }

    /// Forgets the innermost list of cleanup.
    pub(crate) fn drop_cleanup(&mut self, fiber: &mut Fiber) {
        if let Some(list) = fiber.cleanups.pop() {
            self.cleanups = self.cleanups.saturating_sub(list.kept());
        }
    }

    /// A piece of cleanup has ended, perhaps with a failure.
    pub(crate) fn end_piece(&mut self, fiber: &mut Fiber, loaded: &Loaded, failed: Option<u64>) -> Result<(), Fault> {
        let depth = fiber.frames.len() as u32;
        let region = fiber.regions.pop_if(|region| region.shield && region.depth == depth);
        let region = region.ok_or_else(|| corrupt("a piece of cleanup ended that had not begun"))?;
        self.cancel_timer(fiber, region.timer);
        let Some(mut failed) = failed else { return Ok(()) };
        if region.is_over() && self.heap.type_at(failed) == builtin::CANCELED {
            failed = self.cleanup_too_long()?;
        }
        let frame = *fiber.frame()?;
        let inst = loaded.func(frame.func).insts[frame.pc as usize];
        let left = fiber.slots[frame.base as usize + usize::from(inst.a)];
        let list = fiber.cleanups.last_mut().filter(|list| list.depth == depth);
        let list = list.ok_or_else(|| corrupt("a piece of cleanup ended that no list has"))?;
        if list.failure == 0 && (list.saga || left == 0) {
            list.failure = failed;
            return Ok(());
        }
        // Something else is on its way to the caller, and only one failure can be.
        let text = self.heap.text(self.heap.get(failed, 0)).to_owned();
        let name = loaded.program().type_name(self.heap.type_at(failed));
        self.log(2, format!("cleanup failed: {name}: {text}"));
        Ok(())
    }

    fn cleanup_too_long(&mut self) -> Result<u64, Fault> {
        let limit = weft_bytecode::wire::text::duration(self.cleanup_timeout_ms());
        let message = format!("the cleanup took longer than {limit} (option `cleanup_timeout`)");
        let message = new_text(&mut self.heap, &message)?;
        let kind = new_text(&mut self.heap, "cleanup")?;
        self.heap.alloc_words(builtin::TIMEOUT, &[message, 0, kind])
    }

    /// The failure of a saga with an undo that failed: `undo` is its cause, `during` what the saga was left with.
    pub(crate) fn compensation_failed(&mut self, during: u64, undo: u64) -> Result<u64, Fault> {
        let text = self.heap.text(self.heap.get(undo, 0)).to_owned();
        let message = new_text(&mut self.heap, &format!("an undo failed: {text}"))?;
        self.heap.alloc_words(builtin::COMPENSATION_FAILED, &[message, undo, during])
    }

    /// By number: whether a fiber is part of somebody's cleanup. What cancels the whole run passes it by.
    pub(crate) fn shielded(&self) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; self.fibers.len()];
        let mut way = Vec::new();
        for id in 0..self.fibers.len() {
            let mut at = id;
            let found = loop {
                if let Some(found) = known[at] {
                    break found;
                }
                // Until it is known: so the way ends in any case.
                known[at] = Some(false);
                way.push(at);
                match self.around(at) {
                    ControlFlow::Continue(owner) => at = owner as usize,
                    ControlFlow::Break(found) => break found,
                }
            };
            way.drain(..).for_each(|fiber| known[fiber] = Some(found));
        }
        known.into_iter().map(|found| found == Some(true)).collect()
    }

    /// Whether a fiber is part of its owner's cleanup, if that alone decides; else the owner.
    fn around(&self, id: usize) -> ControlFlow<bool, FiberId> {
        let role = self.fibers[id].as_ref().map(|fiber| fiber.role);
        let Some(Role::Branch { scope, .. }) = role else { return ControlFlow::Break(false) };
        let Some(Some(open)) = self.scopes.get(scope as usize) else { return ControlFlow::Break(false) };
        let Some(Some(owner)) = self.fibers.get(open.owner as usize) else { return ControlFlow::Break(false) };
        match owner.regions.iter().any(|region| region.shield && region.depth < open.depth) {
            true => ControlFlow::Break(true),
            false => ControlFlow::Continue(open.owner),
        }
    }
}
