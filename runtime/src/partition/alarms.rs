//! When to look at which run again. Alarms are never taken back: a stale one is ignored by the engine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use weft_engine::AlarmKey;
use weft_protocol::{EventId, RunId, Timestamp};

/// Below this many there is nothing worth clearing out.
const CLEAR_FROM: usize = 4_096;

/// Ordered by time, then run, then event: several that are due fire in that order.
type Entry = (Timestamp, RunId, EventId, AlarmKey);

/// The alarms of a partition.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<Entry>>,
    clear_at: usize,
}

impl Alarms {
    pub(super) fn set(&mut self, at: Timestamp, run: RunId, key: AlarmKey) {
        self.heap.push(Reverse((at, run, event_of(key), key)));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(entry)| entry.0)
    }

    /// The next one that is due at `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(RunId, AlarmKey)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, run, _, key))| (run, key))
    }

    /// Drops those that nobody awaits, once they could be the greater part: a timeout of two days must not outlive an
    /// activity of two milliseconds in memory.
    pub(super) fn clear_out(&mut self, awaited: impl Fn(RunId, AlarmKey) -> bool) {
        if self.heap.len() <= self.clear_at.max(CLEAR_FROM) {
            return;
        }
        self.heap.retain(|Reverse((_, run, _, key))| awaited(*run, *key));
        self.clear_at = self.heap.len() * 2;
    }
}

fn event_of(key: AlarmKey) -> EventId {
    match key {
        AlarmKey::Timer(event)
        | AlarmKey::Retry(event, _)
        | AlarmKey::StartToClose(event, _)
        | AlarmKey::ScheduleToStart(event, _)
        | AlarmKey::Heartbeat(event, _)
        | AlarmKey::Progress(event, _)
        | AlarmKey::ScheduleToClose(event) => event,
        AlarmKey::Run | AlarmKey::Begin => EventId(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_come_by_time_then_event_and_gone_runs_are_forgotten() {
        let mut alarms = Alarms::default();
        let (a, b) = (RunId(1), RunId(2));
        alarms.set(Timestamp(20), a, AlarmKey::Timer(EventId(9)));
        alarms.set(Timestamp(10), a, AlarmKey::StartToClose(EventId(5), 1));
        alarms.set(Timestamp(10), a, AlarmKey::Timer(EventId(3)));
        assert_eq!(alarms.take_due(Timestamp(9)), None);
        assert_eq!(alarms.take_due(Timestamp(10)), Some((a, AlarmKey::Timer(EventId(3)))));
        assert_eq!(alarms.take_due(Timestamp(10)), Some((a, AlarmKey::StartToClose(EventId(5), 1))));
        assert_eq!(alarms.take_due(Timestamp(10)), None);
        for at in 0..2 * CLEAR_FROM as i64 {
            alarms.set(Timestamp(1_000 + at), b, AlarmKey::Timer(EventId(1)));
        }
        alarms.clear_out(|run, _| run == a);
        assert_eq!(alarms.heap.len(), 1, "only the alarm of the open run is left");
        assert_eq!(alarms.next(), Some(Timestamp(20)));
    }
}
