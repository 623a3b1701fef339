//! Looking at a run: queries, and the pieces of `describe`, `result` and `list`.

use serde_json::{Map, Value};
use weft_bytecode::wire::text;
use weft_protocol::api::{FiberWait, PendingActivity, PendingChild, Status, Stuck};
use weft_protocol::command::CommandId;
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::policy::{ChildOptions, ResolvedActivity, RunOptions};
use weft_protocol::{Event, EventId, Failure, Payload, ScheduleRef, Timestamp};
use weft_vm::{Context, Loaded, QueryFailure, Trap, WaitOn};

use super::Run;
use crate::activity::Phase;
use crate::history;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryError {
    /// The workflow has no query or public state of this name.
    NoSuchQuery,
    /// A long computation is under way; there is no state between its events. Ask again when it is over.
    Computing,
    /// The run's first event could not be processed, so it has no state.
    NoState,
    /// The program has not begun, or never will.
    NotBegun,
    /// The query threw.
    Failed(Failure),
    /// The query's code cannot go on: the trap, its message and its place.
    Trapped(String),
}

/// An attempt of a pending activity, as whoever hands it out must know it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptView<'a> {
    /// Index into `Program::activities`; `None` if the program no longer declares it.
    pub activity: Option<u16>,
    /// Its number.
    pub attempt: u32,
    /// Record of the parameters.
    pub args: &'a Payload,
    /// Options as resolved.
    pub options: &'a ResolvedActivity,
    /// Progress of the attempts before.
    pub progress: Option<&'a Payload>,
    /// Whether it should stop.
    pub cancel_requested: bool,
    /// Whether no other attempt follows for now.
    pub paused: bool,
    /// Whether it was reset since this attempt began.
    pub reset: bool,
    /// Whether somebody is known to work on it.
    pub begun: bool,
    /// When it may be begun with, if that is later.
    pub next_at: Option<Timestamp>,
}

impl Run {
    /// Answers a query from the state after the newest event the program has noticed. `args` is canonical and checked.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn query(&self, name: &str, args: &Payload) -> Result<Payload, QueryError> {
        let Some(query) = self.def().queries.iter().position(|q| q.name == name) else {
            return Err(QueryError::NoSuchQuery);
        };
        if !self.begun {
            return Err(QueryError::NotBegun);
        }
        if self.is_computing() {
            return Err(QueryError::Computing);
        }
        if self.stuck.as_ref().is_some_and(|parked| parked.event == EventId(1)) {
            return Err(QueryError::NoState);
        }
        self.vm.query(query as u16, args, &self.reading()).map_err(|failure| match failure {
            QueryFailure::Failed(failure) => QueryError::Failed(failure),
            QueryFailure::Trapped(trap) => QueryError::Trapped(self.trap_words(&trap)),
        })
    }

    /// What code that only reads the present state may know.
    pub(crate) fn reading(&self) -> Context<'_> {
        Context {
            now: self.now,
            workflow_id: &self.facts.me.workflow_id,
            run_id: self.told_as,
            started_at: self.facts.started_at,
            history_events: self.history.len() as u64,
            history_bytes: self.bytes,
            recorded_patch: None,
        }
    }

    /// A trap in one line.
    pub(crate) fn trap_words(&self, trap: &Trap) -> String {
        let parked = self.parked(EventId(0), trap);
        format!("{} at {}: {}", parked.trap, parked.source, parked.message)
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.history.len()
    }

    /// The events at these places of the history, from 0.
    pub fn events_at(&self, range: std::ops::Range<usize>) -> &[Event] {
        self.history.range(range)
    }

    /// The event of this number.
    pub fn event(&self, id: EventId) -> Option<&Event> {
        self.history.get(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    /// Children that have started and whose end is awaited: `ChildScheduled`, workflow, options, the child.
    pub fn awaited_children(&self) -> impl Iterator<Item = (EventId, &str, &ChildOptions, &RunRef)> {
        let awaited = self.children.iter().filter(|(_, child)| child.attached);
        awaited.filter_map(|(id, child)| match &self.event(*id)?.kind {
            EventKind::ChildScheduled { workflow, options, .. } => {
                Some((*id, workflow.as_str(), options, child.run.as_ref()?))
            }
            _ => None,
        })
    }

    /// The first event of the history.
    pub fn first_event(&self) -> Option<&Event> {
        self.history.first()
    }

    /// The newest event of the history.
    pub fn last_event(&self) -> Option<&Event> {
        self.history.last()
    }

    /// All events so far.
    pub fn history(&self) -> &[Event] {
        &self.history
    }

    /// The status; a stuck run is `Running`.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Both names of the run.
    pub fn me(&self) -> &RunRef {
        &self.facts.me
    }

    /// When it started.
    pub fn started_at(&self) -> Timestamp {
        self.facts.started_at
    }

    /// When its program begins, of a run that has yet to.
    pub fn begins_at(&self) -> Option<Timestamp> {
        self.facts.begins.filter(|_| !self.begun && !self.is_closed())
    }

    /// When it times out, if it may.
    pub fn times_out_at(&self) -> Option<Timestamp> {
        self.over().filter(|_| !self.is_closed()).map(|(at, _)| at)
    }

    /// The options it was started with.
    pub fn options(&self) -> &RunOptions {
        &self.facts.options
    }

    /// Which of the runs that its retry policy allows it is, from 1.
    pub fn try_number(&self) -> u32 {
        self.facts.attempt
    }

    /// When it ended.
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.history.last().filter(|event| event.kind.closes()).map(|event| event.at)
    }

    /// The schedule that asked for it, or for the first run of its chain.
    pub fn schedule(&self) -> Option<&ScheduleRef> {
        match &self.history.first()?.kind {
            EventKind::RunStarted { schedule, .. } => schedule.as_deref(),
            _ => None,
        }
    }

    /// Whether it has taken a request with this id, or a run before it in its chain.
    pub fn has_taken(&self, request_id: &str) -> bool {
        self.requests.knows(Some(request_id))
    }

    /// As [`Run::has_taken`], where it is remembered; also true if nothing was forgotten yet.
    pub fn remembers(&self, request_id: &str) -> bool {
        self.has_taken(request_id) || !self.requests.has_forgotten()
    }

    /// Ids of the cancels that it has taken, and the runs before it in its chain.
    pub fn cancels(&self) -> Vec<String> {
        self.requests.cancels().map(String::from).collect()
    }

    /// Its parent, of a child.
    pub fn parent(&self) -> Option<&ParentRef> {
        self.facts.parent.as_ref()
    }

    /// Name of its workflow.
    pub fn workflow(&self) -> &str {
        &self.def().name
    }

    /// Index of its workflow.
    pub fn workflow_index(&self) -> u16 {
        self.facts.workflow
    }

    /// The code it is pinned to.
    pub fn loaded(&self) -> &std::sync::Arc<Loaded> {
        &self.loaded
    }

    /// The result, once completed.
    pub fn result(&self) -> Option<&Payload> {
        match &self.history.last()?.kind {
            EventKind::RunCompleted { result, .. } => Some(result),
            _ => None,
        }
    }

    /// The failure, once it ended otherwise.
    pub fn failure(&self) -> Option<Failure> {
        match &self.history.last()?.kind {
            EventKind::RunFailed { failure, .. } | EventKind::RunTimedOut { failure, .. } => Some(failure.clone()),
            EventKind::RunCanceled { reason } => Some(Failure::new("Canceled", reason.clone())),
            EventKind::RunTerminated { reason, .. } => Some(Failure::new("Terminated", reason.clone())),
            _ => None,
        }
    }

    /// Search attributes.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// Whether cancellation was requested.
    pub fn cancel_requested(&self) -> bool {
        self.cancel_reason.is_some()
    }

    /// Why the run is parked, if it is.
    pub fn stuck(&self) -> Option<Stuck> {
        let parked = self.stuck.as_ref()?;
        let (file, line) = parked.source.rsplit_once(':').unwrap_or((&parked.source, "0"));
        Some(Stuck {
            trap: parked.trap.clone(),
            message: parked.message.clone(),
            file: file.to_owned(),
            line: line.parse().unwrap_or(0),
            since: text::time(parked.since.0),
            program: weft_bytecode::ProgramHash(parked.program).to_string(),
        })
    }

    /// Whether the run is parked.
    pub fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    /// Messages that nobody has received, by signal.
    pub fn unread(&self) -> Vec<(String, u32)> {
        let signals = &self.def().signals;
        if !self.begun {
            let told = self.told_before(EventId(self.history.len() as u64 + 1));
            let of = |signal: usize| told.iter().filter(|(to, _)| usize::from(*to) == signal).count() as u32;
            let mailboxes = (0..signals.len()).filter(|signal| signals[*signal].handler.is_none());
            let waiting = mailboxes.map(|signal| (signals[signal].name.clone(), of(signal)));
            return waiting.filter(|(_, count)| *count > 0).collect();
        }
        let unread = self.vm.unread().into_iter();
        unread.map(|(signal, count)| (signals[usize::from(signal)].name.clone(), count)).collect()
    }

    /// What a pending activity's current attempt is made of; `None` if it has ended.
    pub fn attempt_view(&self, scheduled: EventId) -> Option<AttemptView<'_>> {
        let activity = self.activities.get(&scheduled)?;
        let EventKind::ActivityScheduled { args, options, .. } = &self.history[scheduled.0 as usize - 1].kind else {
            return None;
        };
        Some(AttemptView {
            activity: (usize::from(activity.def) < self.loaded.program().activities.len()).then_some(activity.def),
            attempt: activity.attempt,
            args,
            options,
            progress: activity.progress.newest(),
            cancel_requested: activity.cancel_requested,
            paused: activity.paused.is_some(),
            reset: activity.reset,
            begun: matches!(activity.phase, Phase::Started { .. }),
            next_at: match activity.phase {
                Phase::BackingOff { until } => Some(until),
                Phase::Scheduled { .. } | Phase::Started { .. } => None,
            },
        })
    }

    pub(crate) fn activity_options(&self, scheduled: EventId) -> Option<&ResolvedActivity> {
        match &self.history[scheduled.0 as usize - 1].kind {
            EventKind::ActivityScheduled { options, .. } => Some(options),
            _ => None,
        }
    }

    /// What each fiber waits for, main first.
    pub fn waits(&self) -> Vec<FiberWait> {
        let timer_until = |timer: &Option<CommandId>| {
            let id = self.names.get(timer.as_ref()?)?;
            Some(text::time(self.timers.get(id)?.due.0))
        };
        let describe = |on: &WaitOn| match on {
            WaitOn::Operation(op) => self.describe_operation(op),
            WaitOn::Condition { timer } => (String::from("condition"), timer_until(timer)),
            WaitOn::Message { signal, timer } => {
                let name = &self.def().signals[usize::from(*signal)].name;
                (format!("signal {name}"), timer_until(timer))
            }
            WaitOn::Branches => (String::from("branches"), None),
            WaitOn::Turn => (String::from("its turn"), None),
            WaitOn::Task => (String::from("task"), None),
            WaitOn::Select { signals, task, condition, timers } => {
                let names = signals.iter().map(|signal| &self.def().signals[usize::from(*signal)].name);
                let mut what: Vec<String> = names.map(|name| format!("signal {name}")).collect();
                what.extend(task.then(|| String::from("task")));
                what.extend(condition.then(|| String::from("condition")));
                let first = timers.iter().min_by_key(|timer| {
                    let id = self.names.get(*timer);
                    id.and_then(|id| self.timers.get(id)).map_or(i64::MAX, |timer| timer.due.0)
                });
                what.extend(first.is_some().then(|| String::from("timer")));
                (what.join(" or "), timer_until(&first.cloned()))
            }
        };
        let waits = self.vm.waits().into_iter();
        waits
            .map(|wait| {
                let (on, until) = describe(&wait.on);
                let source = history::source(self.loaded.program(), wait.site);
                FiberWait { fiber: wait.fiber.to_string(), source, on, until }
            })
            .collect()
    }

    fn describe_operation(&self, op: &CommandId) -> (String, Option<String>) {
        let Some(id) = self.names.get(op) else { return (String::from("operation"), None) };
        match &self.history[id.0 as usize - 1].kind {
            EventKind::ActivityScheduled { activity, .. } => (format!("activity {activity}"), None),
            EventKind::ChildScheduled { workflow, .. } => (format!("child {workflow}"), None),
            EventKind::TimerStarted { due, .. } => (String::from("timer"), Some(text::time(due.0))),
            other => (other.name().to_owned(), None),
        }
    }

    /// Activities that have not ended, by their `ActivityScheduled`, with their names.
    pub fn pending(&self) -> impl Iterator<Item = (EventId, &str)> {
        self.activities.keys().filter_map(|id| match &self.history[id.0 as usize - 1].kind {
            EventKind::ActivityScheduled { activity, .. } => Some((*id, activity.as_str())),
            _ => None,
        })
    }

    /// Activities that have not ended.
    pub fn pending_activities(&self) -> Vec<PendingActivity> {
        let pending = self.activities.iter();
        pending
            .map(|(id, activity)| {
                let paused = activity.paused.is_some();
                let (state, next) = match activity.phase {
                    _ if activity.cancel_requested => ("cancel_requested", None),
                    Phase::Started { .. } if paused => ("pause_requested", None),
                    _ if paused => ("paused", None),
                    Phase::Scheduled { .. } => ("scheduled", None),
                    Phase::Started { .. } => ("started", None),
                    Phase::BackingOff { until } => ("backing_off", Some(text::time(until.0))),
                };
                let (name, summary) = match &self.history[id.0 as usize - 1].kind {
                    EventKind::ActivityScheduled { activity, options, .. } => {
                        (activity.clone(), options.summary.clone())
                    }
                    _ => (String::new(), None),
                };
                PendingActivity {
                    scheduled: id.0,
                    activity: name,
                    attempt: activity.attempt,
                    state: state.into(),
                    last_failure: activity.last_failure.as_ref().map(Failure::to_json),
                    next_attempt_at: next,
                    progress: activity.progress.newest().map(Payload::value),
                    paused: activity.paused.clone(),
                    summary,
                }
            })
            .collect()
    }

    /// Children that have not ended, and those started with `start` that this run's close matters to.
    pub fn pending_children(&self) -> Vec<PendingChild> {
        let pending = self.children.iter();
        pending
            .filter_map(|(id, child)| match &self.history[id.0 as usize - 1].kind {
                EventKind::ChildScheduled { workflow, workflow_id, .. } => Some(PendingChild {
                    scheduled: id.0,
                    workflow: workflow.clone(),
                    workflow_id: workflow_id.to_string(),
                    run_id: child.run.as_ref().map(|run| run.run_id.to_string()),
                }),
                _ => None,
            })
            .collect()
    }
}
