//! What a schedule remembers: folded from its events, one by one.

use std::collections::{BTreeMap, VecDeque};

use weft_bytecode::schedule::{Definition, Overlap, SpecError, Timetable, json};
use weft_protocol::api::Status;
use weft_protocol::schedule::{Cause, ScheduleEvent, ScheduleEventKind, Skip};
use weft_protocol::{Failure, Payload, RunId, Timestamp, WorkflowId};

use super::REQUESTS_KEPT;

/// Starts that are shown.
const RECENT_KEPT: usize = 10;

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) born: u64,
    pub(super) definition: Definition,
    pub(super) table: Timetable,
    pub(super) declared_by: Option<String>,
    pub(super) paused: bool,
    pub(super) note: String,
    /// When it was paused last.
    paused_at: Timestamp,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Time of the newest event.
    pub(super) now: Timestamp,
    /// The newest time that was taken.
    pub(super) cursor: Timestamp,
    /// Starts so far.
    pub(super) fires: u64,
    /// Starts that count against the limit.
    pub(super) taken: u64,
    pub(super) missed: u64,
    pub(super) skipped: u64,
    pub(super) dropped: u64,
    /// Starts that have not ended, by number.
    pub(super) running: BTreeMap<u64, Running>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) backfills: VecDeque<Backfill>,
    pub(super) recent: VecDeque<Recent>,
    pub(super) last: Option<Recent>,
    requests: VecDeque<String>,
}

/// A start that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    pub(super) workflow_id: WorkflowId,
    pub(super) nominal: Timestamp,
    pub(super) at: Timestamp,
    pub(super) cause: Cause,
    /// Whether others wait for its end.
    pub(super) tracked: bool,
    /// Its run, once that is known.
    pub(super) run_id: Option<RunId>,
    /// How it was told to stop, as far as this process remembers.
    pub(super) stopped: Option<Overlap>,
}

/// A time that waits for the end of an open run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) nominal: Timestamp,
    pub(super) cause: Cause,
    pub(super) overlap: Overlap,
}

/// A range of times asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backfill {
    /// The newest time that was taken.
    pub(super) cursor: Timestamp,
    pub(super) to: Timestamp,
    pub(super) overlap: Option<Overlap>,
}

/// A start and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recent {
    pub(super) fire: u64,
    pub(super) workflow_id: WorkflowId,
    pub(super) nominal: Timestamp,
    pub(super) at: Timestamp,
    pub(super) cause: Cause,
    pub(super) run_id: Option<RunId>,
    /// How it ended; none while it is open, and none with a failure if it was refused.
    pub(super) status: Option<Status>,
    pub(super) failure: Option<Failure>,
    pub(super) result: Option<Payload>,
}

fn read(definition: &str) -> Result<(Definition, Timetable), SpecError> {
    let value = serde_json::from_str(definition);
    let value = value.map_err(|error| SpecError { path: String::new(), message: error.to_string() })?;
    let definition = json::read(&value)?;
    let table = definition.check()?;
    Ok((definition, table))
}

impl Schedule {
    /// The schedule that its first event makes.
    ///
    /// # Errors
    /// If the event is none that a schedule begins with, or its definition cannot be read.
    pub fn begin(namespace: &str, name: &str, first: &ScheduleEvent) -> Result<Schedule, SpecError> {
        let ScheduleEventKind::Created { definition, declared_by, born } = &first.kind else {
            let message = format!("the schedule `{name}` begins with {}", first.kind.name());
            return Err(SpecError { path: String::new(), message });
        };
        let (definition, table) = read(definition)?;
        Ok(Schedule {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            born: *born,
            paused: definition.paused,
            note: definition.note.clone(),
            paused_at: first.at,
            definition,
            table,
            declared_by: declared_by.clone(),
            created: first.at,
            updated: first.at,
            now: first.at,
            cursor: first.at,
            fires: 0,
            taken: 0,
            missed: 0,
            skipped: 0,
            dropped: 0,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            backfills: VecDeque::new(),
            recent: VecDeque::new(),
            last: None,
            requests: VecDeque::new(),
        })
    }

    /// Takes the next event in.
    ///
    /// # Errors
    /// If it does not follow.
    pub fn apply(&mut self, event: &ScheduleEvent) -> Result<(), SpecError> {
        use ScheduleEventKind::*;
        self.now = self.now.max(event.at);
        match &event.kind {
            Created { .. } => {
                let message = format!("the schedule `{}` begins twice", self.name);
                return Err(SpecError { path: String::new(), message });
            }
            Replaced { definition, declared_by } => {
                let (definition, table) = read(definition)?;
                // A new timetable takes times from here on: those that it would have had before are nobody's. Nor are
                // times made up for that the limit left out.
                if self.definition.spec != definition.spec || self.remaining() == Some(0) {
                    self.cursor = self.cursor.max(event.at);
                }
                if self.definition.policy.limit != definition.policy.limit {
                    self.taken = 0;
                }
                (self.definition, self.table) = (definition, table);
                (self.declared_by, self.updated) = (declared_by.clone(), event.at);
            }
            Fired { fire, nominal, workflow_id, cause, tracked, waited } => {
                self.fired(event.at, *fire, *nominal, workflow_id, *cause, (*tracked, *waited));
            }
            Started { fire, run_id } => {
                if let Some(running) = self.running.get_mut(fire) {
                    running.run_id = Some(*run_id);
                }
                self.shown(*fire, |shown| shown.run_id = Some(*run_id));
            }
            StartFailed { fire, failure } => {
                // A limit is one of runs, and none has started.
                let refused = self.running.remove(fire);
                self.taken -= u64::from(refused.is_some_and(|run| run.cause == Cause::Time) && self.taken > 0);
                self.shown(*fire, |shown| shown.failure = Some(failure.clone()));
            }
            Waiting { nominal, cause, overlap } => {
                let overlap = Overlap::of(overlap).unwrap_or_default();
                if matches!(overlap, Overlap::CancelOther | Overlap::TerminateOther) {
                    // Of several only the newest starts.
                    self.skipped += self.waiting.len() as u64;
                    self.waiting.clear();
                }
                self.waiting.push_back(self::Waiting { nominal: *nominal, cause: *cause, overlap });
                self.reached(*cause, *nominal);
            }
            Skipped { why, cause, last, count, .. } => self.skipped(*why, *cause, *last, *count),
            Ended { fire, run_id, status, failure, result } => {
                self.ended_run(*fire, *run_id, *status, failure.as_ref(), result.as_ref());
            }
            Paused { note } => {
                if !self.paused {
                    self.paused_at = event.at;
                }
                (self.paused, self.updated) = (true, event.at);
                self.note.clone_from(note);
                self.drop_waiting_times();
            }
            Resumed { note } => {
                if self.paused {
                    // What the pause found waiting in its jitter still starts, if its start is yet to come.
                    let waits = self.waits_in_jitter(event.at).filter(|nominal| *nominal <= self.paused_at);
                    self.cursor = waits.map_or(self.cursor.max(event.at), |nominal| nominal.plus_ms(-1));
                }
                (self.paused, self.updated) = (false, event.at);
                self.note.clone_from(note);
            }
            Triggered { request_id, .. } => self.remember(request_id.as_ref()),
            BackfillRequested { from, to, overlap, request_id } => {
                let overlap = overlap.as_deref().and_then(Overlap::of);
                let cursor = Timestamp(from.0.saturating_sub(1));
                self.backfills.push_back(Backfill { cursor, to: *to, overlap });
                self.remember(request_id.as_ref());
            }
            BackfillDone => drop(self.backfills.pop_front()),
            Deleted => {}
        }
        Ok(())
    }

    fn fired(
        &mut self,
        at: Timestamp,
        fire: u64,
        nominal: Timestamp,
        workflow_id: &WorkflowId,
        cause: Cause,
        (tracked, waited): (bool, bool),
    ) {
        self.fires = fire;
        if waited {
            self.waiting.pop_front();
        } else {
            self.reached(cause, nominal);
        }
        let workflow_id = workflow_id.clone();
        self.recent.push_back(Recent {
            fire,
            workflow_id: workflow_id.clone(),
            nominal,
            at,
            cause,
            run_id: None,
            status: None,
            failure: None,
            result: None,
        });
        if self.recent.len() > RECENT_KEPT {
            self.recent.pop_front();
        }
        let running = Running { workflow_id, nominal, at, cause, tracked, run_id: None, stopped: None };
        self.running.insert(fire, running);
        if cause == Cause::Time {
            self.taken += 1;
            if self.remaining() == Some(0) {
                self.drop_waiting_times();
            }
        }
    }

    fn ended_run(
        &mut self,
        fire: u64,
        run_id: RunId,
        status: Status,
        failure: Option<&Failure>,
        result: Option<&Payload>,
    ) {
        let Some(ended) = self.running.remove(&fire) else { return };
        let (failure, result) = (failure.cloned(), result.cloned());
        self.shown(fire, |shown| {
            (shown.run_id, shown.status) = (Some(run_id), Some(status));
            (shown.failure, shown.result) = (failure.clone(), result.clone());
        });
        if ended.tracked {
            self.last = Some(Recent {
                fire,
                workflow_id: ended.workflow_id,
                nominal: ended.nominal,
                at: ended.at,
                cause: ended.cause,
                run_id: Some(run_id),
                status: Some(status),
                failure,
                result,
            });
        }
    }

    /// Times were left out; `last` is the newest.
    pub(super) fn skipped(&mut self, why: Skip, cause: Cause, last: Timestamp, count: u64) {
        match why {
            Skip::Overlap => self.skipped += count,
            Skip::Missed => self.missed += count,
            Skip::Full => self.dropped += count,
        }
        self.reached(cause, last);
    }

    /// The newest time, if it is not taken and its run starts later than now. No other can wait so: each starts before the
    /// next time.
    fn waits_in_jitter(&self, now: Timestamp) -> Option<Timestamp> {
        let passed_after = |ms: i64| self.table.next(ms).filter(|nominal| *nominal <= now.0);
        let mut newest = passed_after(self.cursor.0.max(now.0.saturating_sub(self.table.jitter_ms())))?;
        // In halves: there can be as many as the jitter has seconds.
        let mut none_after = now.0;
        while none_after - newest > 1_000 {
            let middle = newest + (none_after - newest) / 2;
            match passed_after(middle) {
                Some(nominal) => newest = nominal,
                None => none_after = middle,
            }
        }
        newest = passed_after(newest).unwrap_or(newest);
        (self.table.jittered(newest, &self.key()) > now.0).then_some(Timestamp(newest))
    }

    /// A time was taken.
    fn reached(&mut self, cause: Cause, nominal: Timestamp) {
        match cause {
            Cause::Time => self.cursor = self.cursor.max(nominal),
            Cause::Backfill => {
                if let Some(oldest) = self.backfills.front_mut() {
                    oldest.cursor = oldest.cursor.max(nominal);
                }
            }
            Cause::Trigger => {}
        }
    }

    /// What waits because its time came starts no more.
    fn drop_waiting_times(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.cause != Cause::Time);
        self.skipped += (before - self.waiting.len()) as u64;
    }

    fn shown(&mut self, fire: u64, change: impl FnOnce(&mut Recent)) {
        if let Some(shown) = self.recent.iter_mut().find(|recent| recent.fire == fire) {
            change(shown);
        }
    }

    fn remember(&mut self, request_id: Option<&String>) {
        self.requests.extend(request_id.cloned());
        if self.requests.len() > REQUESTS_KEPT {
            self.requests.pop_front();
        }
    }

    pub(super) fn knows(&self, request_id: Option<&str>) -> bool {
        request_id.is_some_and(|id| self.requests.iter().any(|known| known == id))
    }

    pub(super) fn overlap(&self) -> Overlap {
        self.definition.policy.overlap
    }

    /// Whether a run is open that others wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.running.values().any(|run| run.tracked)
    }

    /// Runs it will still start by itself, if it has a limit.
    pub(super) fn remaining(&self) -> Option<u64> {
        self.definition.policy.limit.map(|limit| limit.saturating_sub(self.taken))
    }

    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
