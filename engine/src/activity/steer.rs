//! What somebody outside does to an activity: keep it from being attempted, let it go on, have it begin anew. Each is a
//! record, so that it is still so after a crash, and no history: the program sees none of it.
//!
//! A running attempt is not touched: it is told with the answer to its next heartbeat, and how it ends counts. All time
//! limits run on but `queue_timeout`, which says how long an attempt may wait that may begin.

use weft_protocol::Timestamp;

use super::{Activity, Follow, Given, Moved, Phase, nothing};
use crate::transition::{Record, Steer};

impl Activity {
    /// Does it; nothing if that changes nothing.
    pub(crate) fn steer(&mut self, given: Given<'_>, steer: Steer, now: Timestamp) -> Moved {
        let waited = matches!(self.phase, Phase::Scheduled { .. }) && self.paused.is_none();
        match &steer {
            Steer::Pause { .. } if self.paused.is_some() => return nothing(),
            Steer::Unpause if self.paused.is_none() => return nothing(),
            Steer::Pause { .. } | Steer::Unpause | Steer::Reset { .. } => {}
        }
        let (scheduled, running) = (given.id, matches!(self.phase, Phase::Started { .. }));
        self.steered(&steer, now, running);
        let record = Record::Steered { scheduled, steer, at: now, running };
        let follow = Follow::default().record(record);
        let waits = matches!(self.phase, Phase::Scheduled { .. }) && self.paused.is_none();
        match (waited, waits) {
            (false, true) => self.hand_out(given, follow),
            (true, false) => Moved::Withdraw(follow),
            (false, false) | (true, true) => Moved::Goes(follow),
        }
    }

    /// What a record of it changes. That an attempt is `running` may be in no other record.
    pub(super) fn steered(&mut self, steer: &Steer, at: Timestamp, running: bool) {
        match steer {
            Steer::Pause { reason } => self.paused = Some(reason.clone()),
            Steer::Unpause => self.paused = None,
            Steer::Reset { keep_paused, clear_progress } => {
                // Numbers go on, for the tokens of older attempts must stay stale; the policy counts from here.
                self.forgiven = self.attempt - 1;
                self.reset |= running;
                if let Phase::BackingOff { .. } = self.phase {
                    self.phase = Phase::Scheduled { since: at };
                }
                if !keep_paused {
                    self.paused = None;
                }
                if *clear_progress {
                    self.progress.clear();
                }
            }
        }
        if let (Phase::Scheduled { since }, None) = (&mut self.phase, &self.paused) {
            *since = (*since).max(at);
        }
    }
}
