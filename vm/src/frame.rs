//! Frames: one function under way, its registers in the fiber's slots.

use weft_bytecode::FuncId;
use weft_protocol::command::Site;

/// A function under way. `pc` names the instruction that is executing or that the frame waits in: a call, a wait. The
/// caller's instruction says where the result goes, so a frame need not remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) func: FuncId,
    pub(crate) pc: u32,
    /// Where its registers begin in the fiber's slots.
    pub(crate) base: u32,
}

impl Frame {
    pub(crate) fn site(self) -> Site {
        Site { func: self.func.0, pc: self.pc }
    }
}
