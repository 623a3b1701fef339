//! What attempts report about how far they are, for the attempt after. The first report of an attempt is written at once;
//! after it only the newest counts, and is written when some time has passed or the attempt fails. What is not written
//! yet may be lost in a crash, no older than that time.

use weft_protocol::{Payload, Timestamp};

/// The longest time between two reports that are written.
const INTERVAL_MS_MAX: i64 = 60_000;
/// That time where nothing is said about `heartbeat`.
const INTERVAL_MS: i64 = 30_000;

/// The newest report of any attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Progress {
    newest: Option<Payload>,
    /// When the next one may be written; none if at once.
    next_at: Option<Timestamp>,
    /// Whether the newest is in no record yet.
    unwritten: bool,
}

/// What becomes of a report.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reported {
    /// It is written.
    Write(Payload),
    /// It, or a newer one, is written at a time.
    Later(Timestamp),
    /// It takes the place of one that waits for that.
    Waits,
}

impl Progress {
    /// The newest report.
    pub(crate) fn newest(&self) -> Option<&Payload> {
        self.newest.as_ref()
    }

    pub(super) fn reported(&mut self, progress: Payload, heartbeat_ms: Option<i64>, now: Timestamp) -> Reported {
        self.newest = Some(progress.clone());
        match self.next_at {
            Some(_) if self.unwritten => Reported::Waits,
            Some(at) if now < at => {
                self.unwritten = true;
                Reported::Later(at)
            }
            _ => {
                let interval = heartbeat_ms.map_or(INTERVAL_MS, |ms| (ms / 5 * 4).clamp(1, INTERVAL_MS_MAX));
                self.next_at = Some(now.plus_ms(interval));
                Reported::Write(progress)
            }
        }
    }

    /// The time has come to write what waits for it, if something does.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Payload> {
        if self.next_at.is_some_and(|at| now < at) {
            return None;
        }
        // The next report may be written at once: none was for this long.
        self.next_at = None;
        self.flushed()
    }

    /// What waits to be written, and is written now.
    pub(super) fn flushed(&mut self) -> Option<Payload> {
        std::mem::take(&mut self.unwritten).then(|| self.newest.clone()).flatten()
    }

    pub(super) fn next_attempt(&mut self) {
        self.next_at = None;
        self.unwritten = false;
    }

    pub(super) fn recall(&mut self, written: Option<&Payload>) {
        if written.is_some() {
            self.newest = written.cloned();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Progress::default();
    }
}
