//! Schedule: what follows from a time that came, a trigger, a backfill, a pause, a run that ended. Its events are the
//! truth; everything in memory is folded from them (`schedule/state.rs`).
//!
//! ```text
//! a time: --too old--> Skipped(Missed)
//!         --no tracked run is open, none waits--> Fired --Started | StartFailed--> … --Ended-->
//!         --else, by overlap--> Skipped | Waiting --the open run ended--> Fired
//! ```
//!
//! Times are taken in order and each once: the newest taken is the cursor, which is folded from the events too. So is
//! the number of a start, and with it its request id: told again after a crash, a start is the same start.

mod state;
#[cfg(test)]
mod tests;
mod view;

use weft_bytecode::schedule::{Definition, Overlap, SpecError};
use weft_bytecode::wire::text;
use weft_protocol::api::Status;
use weft_protocol::event::RunRef;
use weft_protocol::schedule::{Cause, ScheduleEvent, ScheduleEventKind, ScheduleRef, Skip};
use weft_protocol::{Failure, Payload, RunId, Timestamp, WorkflowId};

pub use state::Schedule;

/// Times that may wait for the end of an open run.
pub const WAITING_MAX: usize = 1_000;

/// Times that one look takes; then others have their turn.
const TIMES_A_LOOK: usize = 1_000;

/// Times beyond those that are counted when a schedule is paused or gets another timetable; what is above is not even
/// counted.
const TIMES_COUNTED_MAX: u64 = 10_000;

/// Request ids remembered per schedule.
const REQUESTS_KEPT: usize = 100;

/// Bytes of a result that is kept to be shown.
const RESULT_BYTES_KEPT: usize = 4 << 10;

/// Backfills that may be under way.
const BACKFILLS_MAX: usize = 100;

/// Times that one backfill may take.
pub const BACKFILL_TIMES_MAX: usize = 100_000;

/// What reaches a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleInput {
    /// Look at the clock.
    Due,
    /// Another definition; who declares it.
    Replace(Box<Definition>, Option<String>),
    /// Start one now.
    Trigger {
        /// In place of its own policy.
        overlap: Option<Overlap>,
        /// Makes it idempotent.
        request_id: Option<String>,
    },
    /// Take all times from one to another, both included.
    Backfill {
        /// The first.
        from: Timestamp,
        /// The last.
        to: Timestamp,
        /// In place of its own policy.
        overlap: Option<Overlap>,
        /// Makes it idempotent.
        request_id: Option<String>,
    },
    /// Take no times any more.
    Pause(String),
    /// Take times again: those from now on.
    Resume(String),
    /// A start was made.
    Started(u64, RunId),
    /// A start was refused.
    Refused(u64, Failure),
    /// A run has ended, the last of its chain.
    Ended {
        /// The start.
        fire: u64,
        /// The run.
        run_id: RunId,
        /// How.
        status: Status,
        /// Why, if not well.
        failure: Option<Failure>,
        /// What it gave.
        result: Option<Payload>,
    },
    /// Be gone.
    Delete,
}

/// What is to be done once the events are durable. Each is a no-op the second time.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleEffect {
    /// Start a run.
    Start {
        /// Which start.
        fire: u64,
        /// Its id.
        workflow_id: WorkflowId,
        /// Whether a closed run may have had the id.
        again: bool,
    },
    /// Say when this run has ended, if nobody did.
    AwaitEnd(u64, RunRef),
    /// Request cancellation.
    Cancel(RunRef),
    /// End it now.
    Terminate(RunRef),
}

/// What an Input makes of a schedule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduleTransition {
    /// What to commit.
    pub events: Vec<ScheduleEvent>,
    /// What to do after.
    pub effects: Vec<ScheduleEffect>,
}

/// Why an Input is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleRefused {
    /// The definition cannot be used.
    Spec(SpecError),
    /// Too many backfills are under way.
    Backfills(usize),
    /// The range of a backfill runs backward.
    Range,
    /// The range of a backfill has more times than this.
    Times(usize),
}

impl Schedule {
    /// A new schedule.
    ///
    /// # Errors
    /// If the definition cannot be used.
    pub fn create(
        namespace: &str,
        name: &str,
        definition: &Definition,
        declared_by: Option<String>,
        born: u64,
        now: Timestamp,
    ) -> Result<(Schedule, ScheduleTransition), SpecError> {
        definition.check()?.fires()?;
        let definition = weft_bytecode::schedule::json::write(definition).to_string();
        let created = ScheduleEventKind::Created { definition, declared_by, born };
        let created = ScheduleEvent { at: now, kind: created };
        let schedule = Schedule::begin(namespace, name, &created)?;
        Ok((schedule, ScheduleTransition { events: vec![created], effects: Vec::new() }))
    }

    /// Takes what happened and says what follows.
    ///
    /// # Errors
    /// If the Input is not taken; then nothing has changed.
    pub fn decide(&mut self, input: ScheduleInput, now: Timestamp) -> Result<ScheduleTransition, ScheduleRefused> {
        let now = now.max(self.now);
        let mut out = ScheduleTransition::default();
        self.take(input, now, &mut out)?;
        self.pump(now, &mut out);
        Ok(out)
    }

    fn take(
        &mut self,
        input: ScheduleInput,
        now: Timestamp,
        out: &mut ScheduleTransition,
    ) -> Result<(), ScheduleRefused> {
        match input {
            ScheduleInput::Due => {
                self.due_times(now, out);
                self.backfill(now, out);
            }
            ScheduleInput::Replace(definition, declared_by) => self.replace(&definition, declared_by, now, out)?,
            ScheduleInput::Trigger { overlap, request_id } => {
                if self.knows(request_id.as_deref()) {
                    return Ok(());
                }
                let word = overlap.map(|overlap| overlap.word().to_owned());
                self.happened(ScheduleEventKind::Triggered { overlap: word, request_id }, now, out);
                let nominal = Timestamp(now.0.div_euclid(1_000) * 1_000);
                self.action(nominal, overlap.unwrap_or(self.overlap()), Cause::Trigger, now, out);
            }
            ScheduleInput::Backfill { from, to, overlap, request_id } => {
                if self.knows(request_id.as_deref()) {
                    return Ok(());
                }
                if from > to {
                    return Err(ScheduleRefused::Range);
                }
                if self.backfills.len() >= BACKFILLS_MAX {
                    return Err(ScheduleRefused::Backfills(BACKFILLS_MAX));
                }
                if self.has_more_times(from, to, BACKFILL_TIMES_MAX) {
                    return Err(ScheduleRefused::Times(BACKFILL_TIMES_MAX));
                }
                let overlap = overlap.map(|overlap| overlap.word().to_owned());
                self.happened(ScheduleEventKind::BackfillRequested { from, to, overlap, request_id }, now, out);
                self.backfill(now, out);
            }
            ScheduleInput::Pause(note) => {
                // What is due by now is due: a pause says something of the times to come.
                self.last_due_times(now, out);
                // Paused again without a word, it says still why.
                let note = if self.paused && note.is_empty() { self.note.clone() } else { note };
                self.happened(ScheduleEventKind::Paused { note }, now, out);
            }
            ScheduleInput::Resume(note) => self.happened(ScheduleEventKind::Resumed { note }, now, out),
            ScheduleInput::Started(fire, run_id) => {
                if self.running.get(&fire).is_some_and(|run| run.run_id.is_none()) {
                    self.happened(ScheduleEventKind::Started { fire, run_id }, now, out);
                }
            }
            ScheduleInput::Refused(fire, failure) => {
                if self.running.get(&fire).is_some_and(|run| run.run_id.is_none()) {
                    self.happened(ScheduleEventKind::StartFailed { fire, failure }, now, out);
                }
            }
            ScheduleInput::Ended { fire, run_id, status, failure, result } => {
                if self.running.contains_key(&fire) {
                    self.ended(fire, run_id, status, failure, result, now, out);
                }
            }
            ScheduleInput::Delete => self.happened(ScheduleEventKind::Deleted, now, out),
        }
        Ok(())
    }

    /// The same definition again changes nothing. Whether it is paused, its note and its counters stay.
    fn replace(
        &mut self,
        definition: &Definition,
        declared_by: Option<String>,
        now: Timestamp,
        out: &mut ScheduleTransition,
    ) -> Result<(), ScheduleRefused> {
        definition.check().and_then(weft_bytecode::schedule::Timetable::fires).map_err(ScheduleRefused::Spec)?;
        if self.definition != *definition || self.declared_by != declared_by {
            // What was due by the old timetable is due, and the start that waits in its jitter does not wait for it any
            // longer. The same timetable takes its times itself.
            if self.definition.spec != definition.spec {
                self.last_due_times(now, out);
                if let Some((nominal, _)) = self.next_action().filter(|(nominal, at)| *nominal <= now && *at > now) {
                    self.action(nominal, self.overlap(), Cause::Time, now, out);
                }
            }
            let definition = weft_bytecode::schedule::json::write(definition).to_string();
            self.happened(ScheduleEventKind::Replaced { definition, declared_by }, now, out);
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one event")]
    fn ended(
        &mut self,
        fire: u64,
        run_id: RunId,
        status: Status,
        failure: Option<Failure>,
        result: Option<Payload>,
        now: Timestamp,
        out: &mut ScheduleTransition,
    ) {
        // An error that a program declares has its name and fields for words.
        let words =
            |failure: &Failure| if failure.message.is_empty() { &failure.kind } else { &failure.message }.clone();
        let message = failure.as_ref().map_or_else(String::new, words);
        let id = self.running.get(&fire).map_or_else(String::new, |run| run.workflow_id.to_string());
        let result = result.filter(|result| result.len() <= RESULT_BYTES_KEPT);
        self.happened(ScheduleEventKind::Ended { fire, run_id, status, failure, result }, now, out);
        let failed = matches!(status, Status::Failed | Status::TimedOut);
        if failed && self.definition.policy.pause_on_failure && !self.paused {
            let note = format!("paused due to workflow failure: {id}: {message}");
            self.happened(ScheduleEventKind::Paused { note }, now, out);
        }
    }

    /// Takes every time that is due, oldest first.
    fn due_times(&mut self, now: Timestamp, out: &mut ScheduleTransition) {
        for _ in 0..TIMES_A_LOOK {
            let Some((nominal, at)) = self.next_action() else { return };
            if at > now {
                return;
            }
            if now.0 - at.0 > self.definition.policy.catch_up_ms {
                self.skip(Skip::Missed, Cause::Time, nominal, now, out);
            } else {
                self.action(nominal, self.overlap(), Cause::Time, now, out);
            }
        }
    }

    /// Takes what is due before times count no more; what is more than one look takes is left out, and counted as far as
    /// [`TIMES_COUNTED_MAX`].
    fn last_due_times(&mut self, now: Timestamp, out: &mut ScheduleTransition) {
        self.due_times(now, out);
        let due = |(_, at): &(Timestamp, Timestamp)| *at <= now;
        let Some((first, _)) = self.next_action().filter(due) else { return };
        let (mut last, mut count) = (first, 1);
        while count < TIMES_COUNTED_MAX
            && let Some(next) = self.table.next(last.0).filter(|next| *next <= now.0)
        {
            // Only one that is nearer than the jitter can still wait in it.
            if now.0 - next < self.table.jitter_ms() && self.table.jittered(next, &self.key()) > now.0 {
                break;
            }
            (last, count) = (Timestamp(next), count + 1);
        }
        self.happened(ScheduleEventKind::Skipped { why: Skip::Full, cause: Cause::Time, first, last, count }, now, out);
    }

    /// Whether a range, both ends included, has more than so many times.
    fn has_more_times(&self, from: Timestamp, to: Timestamp, max: usize) -> bool {
        let first = self.table.next(from.0.saturating_sub(1));
        let times = std::iter::successors(first, |at| self.table.next(*at));
        times.take_while(|at| *at <= to.0).nth(max).is_some()
    }

    /// Takes times of the oldest backfill, as far as there is room for them.
    fn backfill(&mut self, now: Timestamp, out: &mut ScheduleTransition) {
        for _ in 0..TIMES_A_LOOK {
            let Some(oldest) = self.backfills.front() else { return };
            let overlap = oldest.overlap.unwrap_or(self.overlap());
            if overlap == Overlap::BufferAll && self.waiting.len() >= WAITING_MAX {
                return;
            }
            match self.table.next(oldest.cursor.0).map(Timestamp).filter(|nominal| *nominal <= oldest.to) {
                Some(nominal) => self.action(nominal, overlap, Cause::Backfill, now, out),
                None => self.happened(ScheduleEventKind::BackfillDone, now, out),
            }
        }
    }

    /// One time, by its policy.
    fn action(
        &mut self,
        nominal: Timestamp,
        overlap: Overlap,
        cause: Cause,
        now: Timestamp,
        out: &mut ScheduleTransition,
    ) {
        if overlap == Overlap::AllowAll {
            return self.fire(nominal, cause, false, false, now, out);
        }
        if !self.is_busy() && self.waiting.is_empty() {
            return self.fire(nominal, cause, true, false, now, out);
        }
        match overlap {
            Overlap::Skip => self.skip(Skip::Overlap, cause, nominal, now, out),
            Overlap::BufferOne if !self.waiting.is_empty() => self.skip(Skip::Overlap, cause, nominal, now, out),
            Overlap::BufferAll if self.waiting.len() >= WAITING_MAX => self.skip(Skip::Full, cause, nominal, now, out),
            _ => {
                let overlap = overlap.word().to_owned();
                self.happened(ScheduleEventKind::Waiting { nominal, cause, overlap }, now, out);
            }
        }
    }

    fn fire(
        &mut self,
        nominal: Timestamp,
        cause: Cause,
        tracked: bool,
        waited: bool,
        now: Timestamp,
        out: &mut ScheduleTransition,
    ) {
        let fire = self.fires + 1;
        let workflow_id = WorkflowId(format!("{}-{}", self.name, text::time(nominal.0)).into());
        let again = cause != Cause::Time;
        let kind = ScheduleEventKind::Fired { fire, nominal, workflow_id: workflow_id.clone(), cause, tracked, waited };
        self.happened(kind, now, out);
        out.effects.push(ScheduleEffect::Start { fire, workflow_id, again });
    }

    /// Leaves a time out. Several in a row for one reason are one event.
    fn skip(&mut self, why: Skip, cause: Cause, nominal: Timestamp, now: Timestamp, out: &mut ScheduleTransition) {
        if let Some(ScheduleEvent { kind: ScheduleEventKind::Skipped { why: w, cause: c, last, count, .. }, .. }) =
            out.events.last_mut()
            && (*w, *c) == (why, cause)
        {
            (*last, *count) = (nominal, *count + 1);
            return self.skipped(why, cause, nominal, 1);
        }
        let kind = ScheduleEventKind::Skipped { why, cause, first: nominal, last: nominal, count: 1 };
        self.happened(kind, now, out);
    }

    /// The next that waits, once nothing is in its way; or what is in its way is stopped.
    fn pump(&mut self, now: Timestamp, out: &mut ScheduleTransition) {
        while !self.is_busy()
            && let Some(next) = self.waiting.front().cloned()
        {
            self.fire(next.nominal, next.cause, true, true, now, out);
        }
        out.effects.extend(self.stop_others());
    }

    /// What has to end so that what waits can start.
    fn stop_others(&mut self) -> Vec<ScheduleEffect> {
        let overlap = self.waiting.front().map(|waiting| waiting.overlap);
        let stop: fn(RunRef) -> ScheduleEffect = match overlap {
            Some(Overlap::CancelOther) => ScheduleEffect::Cancel,
            Some(Overlap::TerminateOther) => ScheduleEffect::Terminate,
            _ => return Vec::new(),
        };
        let open = self.running.values_mut().filter(|run| run.tracked && run.stopped != overlap);
        let mut out = Vec::new();
        for run in open {
            let Some(run_id) = run.run_id else { continue };
            run.stopped = overlap;
            out.push(stop(RunRef { workflow_id: run.workflow_id.clone(), run_id }));
        }
        out
    }

    /// What has to be done again after memory was lost.
    pub fn unsettled(&mut self) -> Vec<ScheduleEffect> {
        let mut out = Vec::new();
        for (fire, run) in &self.running {
            let (fire, workflow_id) = (*fire, run.workflow_id.clone());
            out.push(match run.run_id {
                Some(run_id) => ScheduleEffect::AwaitEnd(fire, RunRef { workflow_id, run_id }),
                None => ScheduleEffect::Start { fire, workflow_id, again: run.cause != Cause::Time },
            });
        }
        out.extend(self.stop_others());
        out
    }

    /// When it wants to look at the clock again; in the past if it is not done.
    pub fn next_look(&self) -> Option<Timestamp> {
        let room = |overlap: Option<Overlap>| {
            overlap.unwrap_or(self.overlap()) != Overlap::BufferAll || self.waiting.len() < WAITING_MAX
        };
        if self.backfills.front().is_some_and(|oldest| room(oldest.overlap)) {
            return Some(self.now);
        }
        self.next_action().map(|(_, at)| at)
    }

    /// The next time that it takes by itself, and when its run starts.
    fn next_action(&self) -> Option<(Timestamp, Timestamp)> {
        if self.paused || self.remaining() == Some(0) {
            return None;
        }
        let nominal = self.table.next(self.cursor.0)?;
        Some((Timestamp(nominal), Timestamp(self.table.jittered(nominal, &self.key()))))
    }

    /// Names one of its starts.
    pub fn start_ref(&self, fire: u64) -> ScheduleRef {
        ScheduleRef { namespace: self.namespace.clone(), name: self.name.clone(), born: self.born, fire }
    }

    fn happened(&mut self, kind: ScheduleEventKind, now: Timestamp, out: &mut ScheduleTransition) {
        let event = ScheduleEvent { at: now, kind };
        // A definition in an event was checked before it was written.
        let taken = self.apply(&event);
        debug_assert!(taken.is_ok(), "an event of a schedule follows from it: {taken:?}");
        out.events.push(event);
    }
}

/// The request id of a start: the same start has the same.
pub fn request_id(start: &ScheduleRef) -> String {
    format!("schedule/{}/{}/{}", start.name, start.born, start.fire)
}
