//! The time limits of an activity: which of them run in which phase, which is over first, and what that leads to.
//!
//! `total_timeout` runs from the schedule through all attempts, `queue_timeout` from when an attempt could have been begun
//! with, `timeout` from when it was, `heartbeat` from its last sign of life. The first two are never retried. Of limits
//! that are over at the same time the order is `timeout`, `queue_timeout`, `total_timeout`, `heartbeat`.

use smallvec::SmallVec;
use weft_bytecode::wire::text;
use weft_protocol::event::{EventKind, TimeoutKind};
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{EventId, Failure, Timestamp};

use super::{Activity, Follow, Given, Moved, Phase, gave_up, nothing};
use crate::input::AlarmKey;
use crate::retry::{self, Next, Why};

/// A limit that runs: when it is over, and how long it is.
#[derive(Debug, Clone, Copy)]
struct Limit {
    over: Timestamp,
    kind: TimeoutKind,
    ms: i64,
}

impl Activity {
    /// The limits that run in the present phase.
    fn limits(&self, options: &ResolvedActivity) -> SmallVec<[Limit; 3]> {
        use TimeoutKind::*;
        let total = options.total_timeout_ms;
        let limit = |kind, from: Timestamp, ms: Option<i64>| ms.map(|ms| Limit { over: from.plus_ms(ms), kind, ms });
        let own = match self.phase {
            // What may not be begun with is not late.
            Phase::Scheduled { .. } if self.paused.is_some() => [None, None],
            Phase::Scheduled { since } => [limit(ScheduleToStart, since, options.queue_timeout_ms.or(total)), None],
            Phase::Started { at, heard } => {
                [limit(StartToClose, at, options.timeout_ms), limit(Heartbeat, heard, options.heartbeat_ms)]
            }
            Phase::BackingOff { .. } => [None, None],
        };
        own.into_iter().flatten().chain(limit(ScheduleToClose, self.scheduled_at, total)).collect()
    }

    /// Alarms for an attempt that waits to be begun with.
    pub(crate) fn waits(&self, id: EventId, options: &ResolvedActivity, follow: Follow) -> Follow {
        match (self.phase, options.queue_timeout_ms) {
            (Phase::Scheduled { since }, Some(ms)) if self.paused.is_none() => {
                follow.alarm(since.plus_ms(ms), AlarmKey::ScheduleToStart(id, self.attempt))
            }
            _ => follow,
        }
    }

    /// Alarms for an attempt that runs.
    pub(crate) fn runs(&self, id: EventId, options: &ResolvedActivity, mut follow: Follow) -> Follow {
        for limit in self.limits(options).iter().filter(|limit| limit.kind != TimeoutKind::ScheduleToClose) {
            follow = follow.alarm(limit.over, self.key(id, limit.kind));
        }
        follow
    }

    fn key(&self, id: EventId, kind: TimeoutKind) -> AlarmKey {
        match kind {
            TimeoutKind::StartToClose => AlarmKey::StartToClose(id, self.attempt),
            TimeoutKind::ScheduleToStart => AlarmKey::ScheduleToStart(id, self.attempt),
            TimeoutKind::Heartbeat => AlarmKey::Heartbeat(id, self.attempt),
            TimeoutKind::ScheduleToClose | TimeoutKind::Run | TimeoutKind::Execution => AlarmKey::ScheduleToClose(id),
        }
    }

    /// The alarm of one limit: whichever is over first counts; if none is, this one is looked at again when it could be.
    pub(super) fn limit_due(&mut self, given: Given<'_>, kind: TimeoutKind, now: Timestamp) -> Moved {
        let limits = self.limits(given.options);
        let first = limits.iter().filter(|limit| limit.over <= now).min_by_key(|limit| (limit.over, rank(limit.kind)));
        if let Some(limit) = first.copied() {
            return match limit.kind {
                TimeoutKind::StartToClose | TimeoutKind::Heartbeat => self.attempt_over(given, limit, now),
                _ => self.time_is_up(given, limit),
            };
        }
        let again = limits.iter().find(|limit| limit.kind == kind);
        again.map_or_else(nothing, |limit| Moved::Goes(Follow::default().alarm(limit.over, self.key(given.id, kind))))
    }

    /// The current attempt has taken too long, or was silent for too long.
    fn attempt_over(&mut self, given: Given<'_>, limit: Limit, now: Timestamp) -> Moved {
        let what = match limit.kind {
            TimeoutKind::Heartbeat => "was silent for",
            _ => "took longer than",
        };
        let message = format!("attempt {} of `{}` {what} {}", self.attempt, given.name, text::duration(limit.ms));
        let failure = timed_out(limit.kind, message, true);
        match retry::next(given.options, self.attempt(given, true, None), now) {
            Next::At(at) => self.again(given, failure, at),
            Next::Never(why) => {
                let end = self.end(given.id, true);
                let (timeout, cause) = match why {
                    Why::TotalTimeout => {
                        let message = "not enough time for another attempt before its deadline";
                        let last = timed_out(TimeoutKind::ScheduleToClose, message, false).with_cause(failure);
                        (TimeoutKind::ScheduleToClose, last)
                    }
                    Why::NotRetryable | Why::QueueTimeout | Why::Canceled | Why::Attempts | Why::Once => {
                        (limit.kind, failure)
                    }
                };
                let failure = gave_up(given.name, end.attempt, why, cause);
                Moved::Ended(EventKind::ActivityTimedOut { end, timeout, failure })
            }
        }
    }

    /// Nobody has begun with it in time, or it has not ended in time: no other attempt would help.
    fn time_is_up(&mut self, given: Given<'_>, limit: Limit) -> Moved {
        let (name, took) = (given.name, text::duration(limit.ms));
        let (message, why) = match limit.kind {
            TimeoutKind::ScheduleToStart if given.options.queue_timeout_ms.is_some() => {
                (format!("nobody began with attempt {} of `{name}` in {took}", self.attempt), Why::QueueTimeout)
            }
            // Where no `queue_timeout` is declared, that an attempt was begun with may be forgotten in a crash.
            TimeoutKind::ScheduleToStart => (format!("no result of `{name}` in {took}"), Why::TotalTimeout),
            _ => (format!("`{name}` took longer than {took}"), Why::TotalTimeout),
        };
        let mut cause = timed_out(limit.kind, message, false);
        cause.cause = self.last_failure.clone().map(Box::new);
        let end = self.end(given.id, false);
        let failure = gave_up(name, end.attempt, why, cause);
        Moved::Ended(EventKind::ActivityTimedOut { end, timeout: limit.kind, failure })
    }
}

fn rank(kind: TimeoutKind) -> u8 {
    match kind {
        TimeoutKind::StartToClose => 1,
        TimeoutKind::ScheduleToStart => 2,
        TimeoutKind::ScheduleToClose => 3,
        TimeoutKind::Heartbeat => 4,
        TimeoutKind::Run | TimeoutKind::Execution => 5,
    }
}

/// A time limit that ran out, as a failure.
pub(crate) fn timed_out(kind: TimeoutKind, message: impl Into<String>, retryable: bool) -> Failure {
    let failure = Failure::new("Timeout", message).with_details(&serde_json::json!({ "kind": kind.name() }));
    Failure { retryable, ..failure }
}
