//! Activity, from `ActivityScheduled` to its one end:
//!
//! ```text
//! Scheduled  --Delivered, Heartbeat--> Started
//! any        --Completed--> ActivityCompleted
//! any        --Failed, declared or final--> ActivityFailed      --otherwise--> BackingOff
//! Scheduled  --ScheduleToStart due--> ActivityTimedOut
//! Started    --StartToClose, Heartbeat due--> ActivityTimedOut if final, --otherwise--> BackingOff
//! BackingOff --Retry due, Reset--> Scheduled, one attempt on
//! any        --ScheduleToClose due--> ActivityTimedOut
//! Scheduled | BackingOff --Cancel--> ActivityCanceled
//! Started    --Cancel--> the same, cancel requested; then --Canceled--> ActivityCanceled
//! any        --Pause--> the same, paused: Scheduled is not handed out; --Unpause, Reset--> handed out
//! ```
//!
//! Attempts that fail and are followed by another leave a log-only record and nothing in the history; so do pauses, resets
//! and progress. A report of an attempt that is not the current one is stale; an alarm of one is ignored. That an attempt
//! was handed out is a record only where something depends on it ([`ResolvedActivity::logs_delivery`]); then it is
//! handed out once that is durable.

mod limits;
mod progress;
mod resolve;
mod steer;

use smallvec::SmallVec;
use weft_protocol::event::{ActivityEnd, EventKind, TimeoutKind};
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{EventId, Failure, Payload, Timestamp};

use crate::input::AlarmKey;
use crate::retry::{self, Attempt, Next, Why};
use crate::transition::{Record, Refused};

pub(crate) use limits::timed_out;
use progress::Progress;
pub(crate) use resolve::{cancel_mode, resolve};

/// An activity that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Activity {
    /// Index into `Program::activities`.
    pub(crate) def: u16,
    /// When it was scheduled.
    pub(crate) scheduled_at: Timestamp,
    /// The attempt in flight or to come, from 1.
    pub(crate) attempt: u32,
    /// Attempts that the policy no longer counts: those before a reset.
    pub(crate) forgiven: u32,
    /// Where that attempt is.
    pub(crate) phase: Phase,
    /// Failure of the attempt before.
    pub(crate) last_failure: Option<Failure>,
    /// What attempts reported.
    pub(crate) progress: Progress,
    /// Whether it was asked to stop.
    pub(crate) cancel_requested: bool,
    /// Why no attempt begins, where somebody outside said so.
    pub(crate) paused: Option<String>,
    /// Whether it was reset during the current attempt.
    pub(crate) reset: bool,
}

/// Where the current attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Handed over or about to be, nobody has it yet.
    Scheduled {
        /// Since when it could have been begun with.
        since: Timestamp,
    },
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
    Failed {
        failure: Failure,
        retry_after_ms: Option<i64>,
    },
    Canceled,
    RetryDue,
    ProgressDue,
    /// One of the time limits may be over.
    LimitDue(TimeoutKind),
    Cancel,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Moved {
    /// It goes on.
    Goes(Follow),
    /// The current attempt is to be handed out.
    Dispatch(Follow),
    /// The current attempt was to be handed out and is not.
    Withdraw(Follow),
    /// Another attempt follows at a time; the one before may still be running.
    Again(Follow),
    /// The end, as the event it is.
    Ended(EventKind),
}

/// Alarms to set and records to write, often neither.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Follow {
    pub(crate) alarms: SmallVec<[(Timestamp, AlarmKey); 2]>,
    pub(crate) records: SmallVec<[Record; 1]>,
}

impl Follow {
    fn alarm(mut self, at: Timestamp, key: AlarmKey) -> Follow {
        self.alarms.push((at, key));
        self
    }

    fn record(mut self, record: Record) -> Follow {
        self.records.push(record);
        self
    }
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
    /// When the run is over at the latest.
    pub(crate) run_over: Option<Timestamp>,
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
            forgiven: 0,
            phase: Phase::Scheduled { since: scheduled_at },
            last_failure: None,
            progress: Progress::default(),
            cancel_requested: false,
            paused: None,
            reset: false,
        }
    }

    /// The whole life: what an input does to an activity in each phase.
    pub(crate) fn apply(&mut self, given: Given<'_>, input: ActivityInput, now: Timestamp) -> Result<Moved, Refused> {
        use ActivityInput::*;
        use Phase::*;
        match (self.phase, input) {
            // Whoever asked for it before the pause gets it after.
            (Scheduled { .. } | Started { .. }, Delivered) if self.paused.is_some() => Err(Refused::Stale),
            (Started { .. }, Delivered | Redelivered(_)) if given.options.once => Err(Refused::Stale),
            // Delivered twice: a poll whose answer was lost. The attempt's time runs anew.
            (Scheduled { .. } | Started { .. }, Delivered) => Ok(Moved::Goes(self.started(given, now))),
            (Scheduled { .. } | Started { .. }, Redelivered(since)) => {
                Ok(Moved::Goes(self.started(given, since.min(now))))
            }
            (Scheduled { .. } | Started { .. }, Heartbeat(progress)) => {
                Ok(Moved::Goes(self.beaten(given, progress, now)))
            }
            // One that nobody works on is ended by whoever knows how it ends without having been handed it.
            (Scheduled { .. } | Started { .. } | BackingOff { .. }, Completed(result)) => {
                Ok(Moved::Ended(EventKind::ActivityCompleted { end: self.end(given.id, true), result }))
            }
            (Scheduled { .. } | Started { .. } | BackingOff { .. }, Failed { failure, retry_after_ms }) => {
                Ok(self.failed(given, failure, retry_after_ms, now))
            }
            (Scheduled { .. } | Started { .. }, Canceled) if self.cancel_requested => {
                Ok(Moved::Ended(EventKind::ActivityCanceled { end: self.end(given.id, true) }))
            }
            // Nobody asked it to stop: whoever ran it went away, which another attempt may repair.
            (Scheduled { .. } | Started { .. }, Canceled) => {
                Ok(self.failed(given, Failure::fault("the attempt was canceled where it ran"), None, now))
            }
            (BackingOff { .. }, Delivered | Redelivered(_) | Heartbeat(_) | Canceled) => Err(Refused::Stale),
            (BackingOff { until }, RetryDue) if now >= until => {
                self.phase = Scheduled { since: until };
                Ok(self.hand_out(given, Follow::default()))
            }
            (BackingOff { until }, RetryDue) => {
                Ok(Moved::Goes(Follow::default().alarm(until, AlarmKey::Retry(given.id, self.attempt))))
            }
            (Scheduled { .. } | Started { .. }, RetryDue) => Ok(nothing()),
            (Scheduled { .. } | Started { .. } | BackingOff { .. }, ProgressDue) => {
                let record = self.progress.due(now).map(|progress| self.noted(given.id, progress));
                Ok(Moved::Goes(Follow { records: record.into_iter().collect(), ..Follow::default() }))
            }
            (Scheduled { .. } | Started { .. } | BackingOff { .. }, LimitDue(kind)) => {
                Ok(self.limit_due(given, kind, now))
            }
            (Scheduled { .. } | BackingOff { .. }, Cancel) => {
                self.cancel_requested = true;
                Ok(Moved::Ended(EventKind::ActivityCanceled { end: self.end(given.id, false) }))
            }
            (Started { .. }, Cancel) => {
                self.cancel_requested = true;
                Ok(nothing())
            }
        }
    }

    /// The current attempt may be begun with, unless somebody outside said otherwise.
    fn hand_out(&self, given: Given<'_>, follow: Follow) -> Moved {
        if self.paused.is_some() {
            return Moved::Goes(follow);
        }
        Moved::Dispatch(self.waits(given.id, given.options, follow))
    }

    fn started(&mut self, given: Given<'_>, at: Timestamp) -> Follow {
        // What matters is whether it ever was: handed out again, it is written already.
        let begins = matches!(self.phase, Phase::Scheduled { .. });
        self.phase = Phase::Started { at, heard: at };
        let follow = self.runs(given.id, given.options, Follow::default());
        match begins && given.options.logs_delivery() {
            true => follow.record(Record::AttemptStarted { scheduled: given.id, attempt: self.attempt, at }),
            false => follow,
        }
    }

    /// A sign of life sets no alarm: the one that is set looks, when it is due, how long ago the last sign was.
    fn beaten(&mut self, given: Given<'_>, progress: Option<Payload>, now: Timestamp) -> Follow {
        let follow = match &mut self.phase {
            Phase::Started { heard, .. } => {
                *heard = now;
                Follow::default()
            }
            Phase::Scheduled { .. } | Phase::BackingOff { .. } => self.started(given, now),
        };
        let Some(progress) = progress else { return follow };
        match self.progress.reported(progress, given.options.heartbeat_ms, now) {
            progress::Reported::Write(progress) => follow.record(self.noted(given.id, progress)),
            progress::Reported::Later(at) => follow.alarm(at, AlarmKey::Progress(given.id, self.attempt)),
            progress::Reported::Waits => follow,
        }
    }

    fn noted(&self, scheduled: EventId, progress: Payload) -> Record {
        Record::Heartbeat { scheduled, attempt: self.attempt, progress: Some(progress) }
    }

    fn failed(&mut self, given: Given<'_>, failure: Failure, after_ms: Option<i64>, now: Timestamp) -> Moved {
        if (given.declares)(&failure.kind) {
            return Moved::Ended(EventKind::ActivityFailed { end: self.end(given.id, true), failure });
        }
        match retry::next(given.options, self.attempt(given, failure.retryable, after_ms), now) {
            Next::At(at) => self.again(given, failure, at),
            Next::Never(why) => {
                let end = self.end(given.id, true);
                let failure = gave_up(given.name, end.attempt, why, failure);
                Moved::Ended(EventKind::ActivityFailed { end, failure })
            }
        }
    }

    fn again(&mut self, given: Given<'_>, failure: Failure, at: Timestamp) -> Moved {
        let scheduled = given.id;
        // What was reported last is for the attempt that follows.
        let unwritten = self.progress.flushed().map(|progress| self.noted(scheduled, progress));
        let failed = Record::AttemptFailed { scheduled, attempt: self.attempt, failure, next_at: at };
        self.recall(&failed);
        let follow = Follow { records: unwritten.into_iter().collect(), ..Follow::default() };
        Moved::Again(follow.record(failed).alarm(at, AlarmKey::Retry(scheduled, self.attempt)))
    }

    /// Takes in a record of the log, when it is written and when it is read back.
    pub(crate) fn recall(&mut self, record: &Record) {
        match record {
            Record::AttemptFailed { attempt, failure, next_at, .. } => {
                self.attempt = attempt + 1;
                self.last_failure = Some(failure.clone());
                self.phase = Phase::BackingOff { until: *next_at };
                self.progress.next_attempt();
                self.reset = false;
            }
            Record::AttemptStarted { attempt, at, .. } => {
                self.attempt = *attempt;
                self.phase = Phase::Started { at: *at, heard: *at };
            }
            Record::Heartbeat { progress, .. } => self.progress.recall(progress.as_ref()),
            Record::Steered { steer, at, running, .. } => self.steered(steer, *at, *running),
            Record::Told { .. } | Record::AskedAgain { .. } | Record::Deleted { .. } => {}
        }
    }

    fn attempt(&self, given: Given<'_>, retryable: bool, retry_after_ms: Option<i64>) -> Attempt {
        let total_over = given.options.total_timeout_ms.map(|total| self.scheduled_at.plus_ms(total));
        Attempt {
            number: self.attempt - self.forgiven,
            over: total_over.into_iter().chain(given.run_over).min(),
            retryable,
            retry_after_ms,
            cancel_requested: self.cancel_requested,
        }
    }

    /// What the history tells about the last attempt; `made` says whether the current one was made at all.
    fn end(&mut self, scheduled: EventId, made: bool) -> ActivityEnd {
        let started_at = match self.phase {
            Phase::Started { at, .. } => Some(at),
            Phase::Scheduled { .. } | Phase::BackingOff { .. } => None,
        };
        let attempt = if made || started_at.is_some() { self.attempt } else { self.attempt - 1 };
        ActivityEnd { scheduled, attempt, started_at, last_failure: self.last_failure.take() }
    }
}

fn nothing() -> Moved {
    Moved::Goes(Follow::default())
}

/// What the program sees of an activity that failed for good without a declared error.
fn gave_up(name: &str, attempts: u32, why: Why, cause: Failure) -> Failure {
    let times = match attempts {
        1 => String::from("1 attempt"),
        n => format!("{n} attempts"),
    };
    let reason = match why {
        Why::NotRetryable | Why::Attempts => "",
        Why::Once => ", and `once` allows no other",
        Why::Canceled => ", cancel requested",
        Why::TotalTimeout => ", no time left for another",
        Why::QueueTimeout => ", `queue_timeout` was over before the next",
    };
    Failure::new("ActivityFailed", format!("activity `{name}` failed after {times}{reason}"))
        .with_details(&serde_json::json!({ "activity": name, "attempts": attempts }))
        .with_cause(cause)
}

#[cfg(test)]
mod tests;
