//! Word to other runs. Nothing waits for it, so it leaves nothing behind in the state.

use weft_protocol::RunId;
use weft_protocol::command::Command;
use weft_protocol::event::RunRef;

use super::{At, Flow};
use crate::fiber::Fiber;
use crate::limits::{Fault, corrupt};
use crate::machine::Vm;
use crate::value::encode;

/// Whom a run id means that is none: no partition has this number, so the word is refused as to a run that is not there.
const NOBODY: RunId = RunId(u64::MAX);

impl Vm {
    pub(super) fn send(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let mut regs = at.args();
        let (Some(run), Some(record)) = (regs.next(), regs.next()) else {
            return Err(corrupt("a signal without a run or arguments"));
        };
        let to = self.run_of(at.reg(fiber, run));
        let max = self.bounds.payload_bytes_max;
        let args = encode::payload(&self.heap, at.loaded, at.ty(record), at.reg(fiber, record), max)?;
        self.heap.charge(args.len());
        let (signal, workflow) = (at.inst.a, at.inst.b);
        self.tell(fiber, at, Command::SendSignal { to, workflow, signal, args })
    }

    pub(super) fn send_cancel(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        let to = self.run_of(at.reg(fiber, at.inst.a));
        self.tell(fiber, at, Command::SendCancel { to })
    }

    fn tell(&mut self, fiber: &mut Fiber, at: &At<'_>, command: Command) -> Result<Flow, Fault> {
        self.room_for_command()?;
        self.carries(&command)?;
        self.issue(fiber, at.site, command);
        Ok(Flow::Next)
    }

    fn run_of(&self, run: u64) -> RunRef {
        let text = |place| self.heap.text(self.heap.get(run, place));
        RunRef { workflow_id: text(0).into(), run_id: text(1).parse().unwrap_or(NOBODY) }
    }
}
