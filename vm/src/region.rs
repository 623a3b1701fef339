//! Regions of a fiber: code with a deadline (`within`), and cleanup that no cancel from outside may interrupt.
//!
//! A cancel has a level: 0 is the fiber as a whole, i + 1 the deadline of its i-th region, outermost first. It is
//! delivered once, at the next wait with no shield inside its level. Where several are due, one failure is thrown for
//! all of them and belongs to the outermost.

use crate::fiber::{Cancel, Fiber};
use crate::loaded::Loaded;

/// Pieces of cleanup, and lists of them, that a run keeps at most at once: closures without captures take no heap.
pub(crate) const CLEANUPS_MAX: usize = 1 << 16;

/// A piece of code under way with a cancel of its own: the body of a `within`, or a piece of cleanup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    /// The frame (by depth) that opened it.
    pub(crate) depth: u32,
    /// Whether it keeps out the cancels of the levels around it: cleanup does.
    pub(crate) shield: bool,
    /// Its deadline, an operation of the fiber; 0 if it has fired, or has not begun: that of a shield begins with the
    /// first wait inside.
    pub(crate) timer: u32,
    pub(crate) cancel: Cancel,
    /// A cancel of a level around it was delivered inside: a `Canceled` that leaves it is not its own.
    pub(crate) overruled: bool,
}

impl Region {
    /// The body of a `within` whose timer has started.
    pub(crate) fn within(depth: u32, timer: u32) -> Region {
        Region { depth, shield: false, timer, cancel: Cancel::No, overruled: false }
    }

    /// A piece of cleanup.
    pub(crate) fn shield(depth: u32) -> Region {
        Region { depth, shield: true, timer: 0, cancel: Cancel::No, overruled: false }
    }

    /// Whether a `Canceled` that leaves it comes from its own deadline.
    pub(crate) fn is_over(&self) -> bool {
        self.cancel == Cancel::Delivered && !self.overruled
    }

    /// Whether its deadline begins with the next wait.
    pub(crate) fn wants_timer(&self) -> bool {
        self.shield && self.timer == 0 && self.cancel == Cancel::No
    }
}

/// What is to be done when a body is left: newest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cleanup {
    /// The frame (by depth) that keeps it.
    pub(crate) depth: u32,
    /// The undos of a `saga`; else what a body deferred.
    pub(crate) saga: bool,
    pub(crate) pieces: Vec<Piece>,
    /// The first failure of a piece that will be thrown; 0 for none.
    pub(crate) failure: u64,
}

/// A closure without parameters that is called when the body is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Only if a cancel left the body.
    pub(crate) canceled: bool,
    pub(crate) closure: u64,
}

impl Cleanup {
    /// What it counts against [`CLEANUPS_MAX`].
    pub(crate) fn kept(&self) -> usize {
        1 + self.pieces.len()
    }

    pub(crate) fn roots(&mut self, visit: &mut dyn FnMut(&mut u64)) {
        self.pieces.iter_mut().for_each(|piece| visit(&mut piece.closure));
        visit(&mut self.failure);
    }
}

impl Fiber {
    /// The outermost level that no shield keeps from this place.
    fn first_level(&self) -> usize {
        self.regions.iter().rposition(|region| region.shield).map_or(0, |shield| shield + 1)
    }

    fn level(&mut self, level: usize) -> &mut Cancel {
        match level.checked_sub(1) {
            None => &mut self.cancel,
            Some(region) => &mut self.regions[region].cancel,
        }
    }

    /// The outermost level whose cancel would be delivered at a wait here.
    fn due_level(&self) -> Option<usize> {
        (self.first_level()..=self.regions.len()).find(|level| match level.checked_sub(1) {
            None => self.cancel == Cancel::Pending,
            Some(region) => self.regions[region].cancel == Cancel::Pending,
        })
    }

    /// Whether a wait here is canceled.
    pub(crate) fn is_due(&self) -> bool {
        self.due_level().is_some()
    }

    /// Every cancel that is due has reached its wait.
    pub(crate) fn delivered(&mut self) {
        self.reached(Cancel::Delivered);
    }

    /// Every cancel that is due has reached a wait for an operation that may complete all the same.
    pub(crate) fn asked(&mut self) {
        self.reached(Cancel::Asked);
    }

    fn reached(&mut self, region: Cancel) {
        let Some(outermost) = self.due_level() else { return };
        // What overruled this one before has been caught inside: it is its own turn now.
        if let Some(own) = outermost.checked_sub(1) {
            self.regions[own].overruled = false;
        }
        for level in outermost..=self.regions.len() {
            let cancel = self.level(level);
            if *cancel == Cancel::Pending {
                *cancel = if level == 0 { Cancel::Delivered } else { region };
            }
            if level > outermost {
                self.regions[level - 1].overruled = true;
            }
        }
    }

    /// The operation that was asked to stop has ended. If it paid no heed, the deadlines that asked it have still to end
    /// what comes next; the cancel of the fiber is used up.
    pub(crate) fn answered(&mut self, canceled: bool) {
        for region in self.regions.iter_mut().filter(|region| region.cancel == Cancel::Asked) {
            region.cancel = if canceled { Cancel::Delivered } else { Cancel::Pending };
            region.overruled &= canceled;
        }
    }

    /// A region that a frame that is gone has left behind; none, where the program closes what it opens.
    pub(crate) fn stale_region(&mut self) -> Option<Region> {
        let depth = self.frames.len() as u32;
        self.regions.pop_if(|region| region.depth > depth)
    }

    /// What all its cleanup counts against [`CLEANUPS_MAX`].
    pub(crate) fn cleanups_kept(&self) -> usize {
        self.cleanups.iter().map(Cleanup::kept).sum()
    }

    /// Whether the instruction at the innermost frame runs cleanup: a failure from the piece it called ends there.
    pub(crate) fn is_leaving(&self, loaded: &Loaded) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| loaded.func(frame.func).insts[frame.pc as usize].op == weft_bytecode::op::Op::Leave)
    }
}
