//! Timer: `Started` --Due--> `TimerFired`, `Started` --Cancel--> `TimerCanceled`. Either ends it, so a late `Due` or
//! `Cancel` finds nothing. A timer never fires early: an alarm before its time is set again.

use weft_protocol::Timestamp;

/// A timer that has neither fired nor been canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When it fires at the earliest.
    pub(crate) due: Timestamp,
}

impl Timer {
    /// Whether it fires now.
    pub(crate) fn fires(self, now: Timestamp) -> bool {
        now >= self.due
    }
}
