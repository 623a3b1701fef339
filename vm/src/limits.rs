//! What stops workflow code: limits, and the faults of ops that become traps once their place is known.

use weft_protocol::limits::Limits;

use crate::step::TrapKind;

/// The limits a run obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) fuel_slice: u64,
    pub(crate) fuel_activation_max: u64,
    pub(crate) heap_bytes_max: usize,
    pub(crate) frames_max: usize,
    pub(crate) fibers_max: usize,
    pub(crate) pending_commands_max: usize,
    pub(crate) mailbox_messages_max: usize,
    pub(crate) payload_bytes_max: usize,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Bounds {
        Bounds {
            fuel_slice: limits.fuel_slice.max(1),
            fuel_activation_max: limits.fuel_activation_max,
            heap_bytes_max: limits.heap_bytes_max,
            frames_max: limits.frames_max,
            fibers_max: limits.fibers_max,
            pending_commands_max: limits.pending_commands_max,
            mailbox_messages_max: limits.mailbox_messages_max,
            payload_bytes_max: limits.payload_bytes_max,
        }
    }
}

/// Why an op cannot go on. The interpreter adds the place and makes a [`crate::Trap`] of it.
pub(crate) type Fault = Box<Stop>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stop {
    pub(crate) kind: TrapKind,
    pub(crate) message: String,
}

pub(crate) fn fault(kind: TrapKind, message: impl Into<String>) -> Fault {
    Box::new(Stop { kind, message: message.into() })
}

/// The program did what verification should have excluded, or a snapshot was wrong.
pub(crate) fn corrupt(message: impl Into<String>) -> Fault {
    fault(TrapKind::Corrupt, message)
}

/// A value nests deeper than what can be walked, compared or written.
pub(crate) fn too_deep() -> Fault {
    fault(TrapKind::Depth, format!("a value nests deeper than {NESTING_MAX} levels"))
}

/// Levels of nesting of a value that is written, read, compared or hashed: what leaves a heap can be read again.
pub(crate) const NESTING_MAX: usize = weft_bytecode::wire::DEPTH_MAX;

/// Causes of a failure that a program sees; longer chains lose those before the last. A failure of so many can be written again.
pub(crate) const CAUSES_KEPT: usize = 100;
const _: () = assert!(CAUSES_KEPT < NESTING_MAX);

/// Causes of a failure that a snapshot is believed to have: far more than any failure that was let in, few enough for
/// the stack. A snapshot with more is damaged.
pub(crate) const SNAPSHOT_CAUSES_MAX: usize = 1_000;
const _: () = assert!(SNAPSHOT_CAUSES_MAX > NESTING_MAX);
