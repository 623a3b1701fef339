//! Activity, from `ActivityScheduled` to its one end:
//!
//! ```text
//! Scheduled  --Delivered, Heartbeat--> Started
//! Scheduled | Started --Completed--> ActivityCompleted
//! Scheduled | Started --Failed, declared or final--> ActivityFailed      --otherwise--> BackingOff
//! Started    --StartToClose, Heartbeat due--> ActivityTimedOut if final, --otherwise--> BackingOff
//! BackingOff --Retry due--> Scheduled, one attempt on
//! any        --ScheduleToClose due--> ActivityTimedOut
//! Scheduled | BackingOff --Cancel--> ActivityCanceled
//! Started    --Cancel--> the same, cancel requested; then --Canceled--> ActivityCanceled
//! ```
//!
//! Attempts that fail and are followed by another leave a log-only record and nothing in the history. A report of an
//! attempt that is not the current one is stale; an alarm of one is ignored.

use serde::Deserialize;
use smallvec::SmallVec;
use weft_bytecode::options::{ActivityOptions, OnCancel, Target};
use weft_bytecode::wire::text;
use weft_protocol::event::{ActivityEnd, EventKind, TimeoutKind};
use weft_protocol::policy::{CancelMode, ResolvedActivity};
use weft_protocol::{EventId, Failure, Payload, Timestamp};

use crate::input::AlarmKey;
use crate::retry::{self, Attempt, Next, Why};
use crate::transition::{Record, Refused};

/// An activity that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Activity {
    /// Index into `Program::activities`.
    pub(crate) def: u16,
    /// When it was scheduled.
    pub(crate) scheduled_at: Timestamp,
    /// The attempt in flight or to come, from 1.
    pub(crate) attempt: u32,
    /// Where that attempt is.
    pub(crate) phase: Phase,
    /// Failure of the attempt before.
    pub(crate) last_failure: Option<Failure>,
    /// The newest progress of any attempt.
    pub(crate) progress: Option<Payload>,
    /// Whether it was asked to stop.
    pub(crate) cancel_requested: bool,
}

/// Where the current attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Handed over or about to be, nobody has it yet.
    Scheduled,
    /// Somebody works on it.
    Started {
        /// Since when.
        at: Timestamp,
        /// Its last sign of life.
        heard: Timestamp,
    },
    /// It starts later.
    BackingOff {
        /// When.
        until: Timestamp,
    },
}

/// What happens to an activity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActivityInput {
    Delivered,
    Redelivered(Timestamp),
    Heartbeat(Option<Payload>),
    Completed(Payload),
    Failed { failure: Failure, retry_after_ms: Option<i64> },
    Canceled,
    RetryDue,
    StartToCloseDue,
    HeartbeatDue,
    ScheduleToCloseDue,
    Cancel,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Moved {
    /// It goes on: alarms to set and a record to write, often neither.
    Goes { alarms: SmallVec<[(Timestamp, AlarmKey); 2]>, record: Option<Record> },
    /// The current attempt is to be handed out.
    Dispatch,
    /// Another attempt follows at a time; the one before may still be running.
    Again { record: Record, at: Timestamp },
    /// The end, as the event it is.
    Ended(EventKind),
}

/// The parts of an activity that its history and its program hold.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Its `ActivityScheduled` event.
    pub(crate) id: EventId,
    /// Its name.
    pub(crate) name: &'a str,
    /// Its options.
    pub(crate) options: &'a ResolvedActivity,
    /// Whether it declares errors of a name.
    pub(crate) declares: &'a dyn Fn(&str) -> bool,
}

impl Activity {
    /// Just scheduled.
    pub(crate) fn new(def: u16, scheduled_at: Timestamp) -> Activity {
        Activity {
            def,
            scheduled_at,
            attempt: 1,
            phase: Phase::Scheduled,
            last_failure: None,
            progress: None,
            cancel_requested: false,
        }
    }

    /// The whole life: what an input does to an activity in each phase.
    pub(crate) fn apply(&mut self, given: Given<'_>, input: ActivityInput, now: Timestamp) -> Result<Moved, Refused> {
        use ActivityInput::*;
        use Phase::*;
        match (self.phase, input) {
            (Scheduled, Delivered) => Ok(self.started(given, now)),
            // Delivered twice: a poll whose answer was lost. The attempt's time runs anew.
            (Started { .. }, Delivered) => Ok(self.started(given, now)),
            (Scheduled | Started { .. }, Redelivered(since)) => Ok(self.started(given, since.min(now))),
            (Scheduled | Started { .. }, Heartbeat(progress)) => Ok(self.beaten(given, progress, now)),
            (Scheduled | Started { .. }, Completed(result)) => {
                Ok(Moved::Ended(EventKind::ActivityCompleted { end: self.end(given.id, true), result }))
            }
            (Scheduled | Started { .. }, Failed { failure, retry_after_ms }) => {
                Ok(self.failed(given, failure, retry_after_ms, now))
            }
            (Scheduled | Started { .. }, Canceled) if self.cancel_requested => {
                Ok(Moved::Ended(EventKind::ActivityCanceled { end: self.end(given.id, true) }))
            }
            // Nobody asked it to stop: whoever ran it went away, which another attempt may repair.
            (Scheduled | Started { .. }, Canceled) => {
                Ok(self.failed(given, Failure::fault("the attempt was canceled where it ran"), None, now))
            }
            (
                BackingOff { .. },
                Delivered | Redelivered(_) | Heartbeat(_) | Completed(_) | Failed { .. } | Canceled,
            ) => Err(Refused::Stale),
            (BackingOff { until }, RetryDue) if now >= until => {
                self.phase = Scheduled;
                Ok(Moved::Dispatch)
            }
            (BackingOff { until }, RetryDue) => Ok(alarm(until, AlarmKey::Retry(given.id, self.attempt))),
            (Scheduled | Started { .. }, RetryDue) => Ok(nothing()),
            (Started { at, .. }, StartToCloseDue) => Ok(self.attempt_over(given, at, TimeoutKind::StartToClose, now)),
            (Started { heard, .. }, HeartbeatDue) => Ok(self.attempt_over(given, heard, TimeoutKind::Heartbeat, now)),
            (Scheduled | BackingOff { .. }, StartToCloseDue | HeartbeatDue) => Ok(nothing()),
            (Scheduled | Started { .. } | BackingOff { .. }, ScheduleToCloseDue) => Ok(self.time_is_up(given, now)),
            (Scheduled | BackingOff { .. }, Cancel) => {
                self.cancel_requested = true;
                Ok(Moved::Ended(EventKind::ActivityCanceled { end: self.end(given.id, false) }))
            }
            (Started { .. }, Cancel) => {
                self.cancel_requested = true;
                Ok(nothing())
            }
        }
    }

    fn started(&mut self, given: Given<'_>, now: Timestamp) -> Moved {
        self.phase = Phase::Started { at: now, heard: now };
        let mut alarms = SmallVec::new();
        if let Some(timeout) = given.options.timeout_ms {
            alarms.push((now.plus_ms(timeout), AlarmKey::StartToClose(given.id, self.attempt)));
        }
        if let Some(silence) = given.options.heartbeat_ms {
            alarms.push((now.plus_ms(silence), AlarmKey::Heartbeat(given.id, self.attempt)));
        }
        Moved::Goes { alarms, record: None }
    }

    /// A sign of life sets no alarm: the one that is set looks, when it is due, how long ago the last sign was.
    fn beaten(&mut self, given: Given<'_>, progress: Option<Payload>, now: Timestamp) -> Moved {
        let moved = match &mut self.phase {
            Phase::Started { heard, .. } => {
                *heard = now;
                nothing()
            }
            Phase::Scheduled | Phase::BackingOff { .. } => self.started(given, now),
        };
        let Some(progress) = progress else { return moved };
        let note = Record::Heartbeat { scheduled: given.id, attempt: self.attempt, progress: Some(progress) };
        self.recall(&note);
        match moved {
            Moved::Goes { alarms, .. } => Moved::Goes { alarms, record: Some(note) },
            other => other,
        }
    }

    fn failed(&mut self, given: Given<'_>, failure: Failure, after_ms: Option<i64>, now: Timestamp) -> Moved {
        if (given.declares)(&failure.kind) {
            return Moved::Ended(EventKind::ActivityFailed { end: self.end(given.id, true), failure });
        }
        match retry::next(given.options, self.attempt(failure.retryable, after_ms), now) {
            Next::At(at) => self.again(given, failure, at),
            Next::Never(why) => {
                let end = self.end(given.id, true);
                let failure = gave_up(given.name, end.attempt, why, failure);
                Moved::Ended(EventKind::ActivityFailed { end, failure })
            }
        }
    }

    /// The current attempt may have taken too long, counted from `since`.
    fn attempt_over(&mut self, given: Given<'_>, since: Timestamp, kind: TimeoutKind, now: Timestamp) -> Moved {
        let (limit, key, what) = match kind {
            TimeoutKind::Heartbeat => {
                (given.options.heartbeat_ms, AlarmKey::Heartbeat(given.id, self.attempt), "was silent for")
            }
            _ => (given.options.timeout_ms, AlarmKey::StartToClose(given.id, self.attempt), "took longer than"),
        };
        let Some(limit) = limit else { return nothing() };
        let over = since.plus_ms(limit);
        if now < over {
            return alarm(over, key);
        }
        let message = format!("attempt {} of `{}` {what} {}", self.attempt, given.name, text::duration(limit));
        let failure = timed_out(kind, message, true);
        match retry::next(given.options, self.attempt(true, None), now) {
            Next::At(at) => self.again(given, failure, at),
            Next::Never(why) => {
                let end = self.end(given.id, true);
                let (timeout, cause) = match why {
                    Why::TotalTimeout => {
                        let message = "not enough time for another attempt before `total_timeout`";
                        let last = timed_out(TimeoutKind::ScheduleToClose, message, false).with_cause(failure);
                        (TimeoutKind::ScheduleToClose, last)
                    }
                    Why::NotRetryable | Why::Canceled | Why::Attempts => (kind, failure),
                };
                let failure = gave_up(given.name, end.attempt, why, cause);
                Moved::Ended(EventKind::ActivityTimedOut { end, timeout, failure })
            }
        }
    }

    fn time_is_up(&mut self, given: Given<'_>, now: Timestamp) -> Moved {
        let Some(total) = given.options.total_timeout_ms else { return nothing() };
        let over = self.scheduled_at.plus_ms(total);
        if now < over {
            return alarm(over, AlarmKey::ScheduleToClose(given.id));
        }
        let kind = TimeoutKind::ScheduleToClose;
        let mut cause = timed_out(kind, format!("`{}` took longer than {}", given.name, text::duration(total)), false);
        cause.cause = self.last_failure.clone().map(Box::new);
        let end = self.end(given.id, matches!(self.phase, Phase::Started { .. }));
        let failure = gave_up(given.name, end.attempt, Why::TotalTimeout, cause);
        Moved::Ended(EventKind::ActivityTimedOut { end, timeout: kind, failure })
    }

    fn again(&mut self, given: Given<'_>, failure: Failure, at: Timestamp) -> Moved {
        let record = Record::AttemptFailed { scheduled: given.id, attempt: self.attempt, failure, next_at: at };
        self.recall(&record);
        Moved::Again { record, at }
    }

    /// Takes in a record of the log, when it is written and when it is read back.
    pub(crate) fn recall(&mut self, record: &Record) {
        match record {
            Record::AttemptFailed { attempt, failure, next_at, .. } => {
                self.attempt = attempt + 1;
                self.last_failure = Some(failure.clone());
                self.phase = Phase::BackingOff { until: *next_at };
            }
            Record::Told { .. } | Record::Deleted { .. } => {}
            Record::Heartbeat { progress, .. } => {
                if progress.is_some() {
                    self.progress.clone_from(progress);
                }
            }
        }
    }

    fn attempt(&self, retryable: bool, retry_after_ms: Option<i64>) -> Attempt {
        Attempt {
            number: self.attempt,
            scheduled_at: self.scheduled_at,
            retryable,
            retry_after_ms,
            cancel_requested: self.cancel_requested,
        }
    }

    /// What the history tells about the last attempt; `made` says whether the current one was made at all.
    fn end(&mut self, scheduled: EventId, made: bool) -> ActivityEnd {
        let started_at = match self.phase {
            Phase::Started { at, .. } => Some(at),
            Phase::Scheduled | Phase::BackingOff { .. } => None,
        };
        let attempt = if made || started_at.is_some() { self.attempt } else { self.attempt - 1 };
        ActivityEnd { scheduled, attempt, started_at, last_failure: self.last_failure.take() }
    }
}

fn nothing() -> Moved {
    Moved::Goes { alarms: SmallVec::new(), record: None }
}

fn alarm(at: Timestamp, key: AlarmKey) -> Moved {
    Moved::Goes { alarms: SmallVec::from_iter([(at, key)]), record: None }
}

/// What the program sees of an activity that failed for good without a declared error.
fn gave_up(name: &str, attempts: u32, why: Why, cause: Failure) -> Failure {
    let times = match attempts {
        1 => String::from("1 attempt"),
        n => format!("{n} attempts"),
    };
    let reason = match why {
        Why::NotRetryable | Why::Attempts => "",
        Why::Canceled => ", cancel requested",
        Why::TotalTimeout => ", no time left for another",
    };
    Failure::new("ActivityFailed", format!("activity `{name}` failed after {times}{reason}"))
        .with_details(&serde_json::json!({ "activity": name, "attempts": attempts }))
        .with_cause(cause)
}

/// A time limit that ran out, as a failure.
pub(crate) fn timed_out(kind: TimeoutKind, message: impl Into<String>, retryable: bool) -> Failure {
    let failure = Failure::new("Timeout", message).with_details(&serde_json::json!({ "kind": kind.name() }));
    Failure { retryable, ..failure }
}

/// Options given where an activity is called; what is missing or null is not given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CallOptions {
    timeout: Option<i64>,
    total_timeout: Option<i64>,
    heartbeat: Option<i64>,
    queue: Option<String>,
    retry: Option<CallRetry>,
    on_cancel: Option<CancelMode>,
}

#[derive(Debug, Default, Deserialize)]
struct CallRetry {
    first: i64,
    factor_milli: i64,
    max: i64,
    attempts: i64,
}

/// The options of one scheduled activity: call site over declaration.
pub(crate) fn resolve(declared: &ActivityOptions, call: Option<&Payload>) -> ResolvedActivity {
    let mut out = ResolvedActivity {
        timeout_ms: declared.timeout_ms,
        total_timeout_ms: declared.total_timeout_ms,
        heartbeat_ms: declared.heartbeat_ms,
        retry_first_ms: declared.retry.first_ms,
        retry_factor_milli: declared.retry.factor_milli,
        retry_max_ms: declared.retry.max_ms,
        retry_attempts: declared.retry.attempts,
        queue: match &declared.target {
            Target::Queue(name) => Some(name.clone()),
            Target::Http(_) | Target::Exec(_) | Target::Builtin(_) => None,
        },
        on_cancel: cancel_mode(declared.on_cancel),
    };
    if let Some(call) = call.and_then(Payload::text).and_then(|text| serde_json::from_str::<CallOptions>(text).ok()) {
        out.timeout_ms = call.timeout.or(out.timeout_ms);
        out.total_timeout_ms = call.total_timeout.or(out.total_timeout_ms);
        out.heartbeat_ms = call.heartbeat.or(out.heartbeat_ms);
        out.queue = call.queue.or(out.queue);
        out.on_cancel = call.on_cancel.unwrap_or(out.on_cancel);
        if let Some(retry) = call.retry {
            out.retry_first_ms = retry.first;
            out.retry_factor_milli = retry.factor_milli;
            out.retry_max_ms = retry.max;
            out.retry_attempts = u32::try_from(retry.attempts.max(0)).unwrap_or(u32::MAX);
        }
    }
    // Given only a limit over all attempts, each attempt has that limit too.
    out.timeout_ms = out.timeout_ms.or(out.total_timeout_ms);
    out
}

pub(crate) fn cancel_mode(mode: OnCancel) -> CancelMode {
    match mode {
        OnCancel::Try => CancelMode::Try,
        OnCancel::Wait => CancelMode::Wait,
        OnCancel::Abandon => CancelMode::Abandon,
    }
}

#[cfg(test)]
mod tests;
