//! What each Input does: which event it becomes, if any, and what is set in motion besides.

use weft_bytecode::wire::text;
use weft_protocol::event::{EventKind, RunRef, TimeoutKind};
use weft_protocol::{EventId, Payload};

use super::Run;
use crate::activity::{ActivityInput, Given, Moved, timed_out};
use crate::child;
use crate::input::{AlarmKey, Input};
use crate::successor::How;
use crate::transition::{Record, Refused, Steer, Transition};

impl Run {
    pub(crate) fn take(&mut self, input: Input, out: &mut Transition) -> Result<(), Refused> {
        match input {
            Input::Signal { name, args, request_id, from, with_start } => {
                self.signal(name, args, request_id, from, out)?;
                // Another try waits for its time, whoever starts the id.
                if with_start && !self.begun && self.facts.attempt == 1 {
                    self.begin(out);
                }
                Ok(())
            }
            Input::Update { name, args, update_id } => self.take_update(name, args, update_id, out),
            Input::Delivered { scheduled, attempt } => self.attempt(scheduled, attempt, ActivityInput::Delivered, out),
            Input::Redelivered { scheduled, attempt, since } => {
                self.attempt(scheduled, attempt, ActivityInput::Redelivered(since), out)
            }
            Input::Completed { scheduled, attempt, result } => {
                self.attempt(scheduled, attempt, ActivityInput::Completed(result), out)
            }
            Input::Failed { scheduled, attempt, failure, retry_after_ms } => {
                self.attempt(scheduled, attempt, ActivityInput::Failed { failure, retry_after_ms }, out)
            }
            Input::CanceledAttempt { scheduled, attempt } => {
                self.attempt(scheduled, attempt, ActivityInput::Canceled, out)
            }
            Input::Heartbeat { scheduled, attempt, progress } => {
                self.attempt(scheduled, attempt, ActivityInput::Heartbeat(progress), out)
            }
            Input::Steer { scheduled, steer } => self.steer(scheduled, steer, out),
            Input::Due(key) => {
                self.due(key, out);
                Ok(())
            }
            Input::Child(kind) => {
                self.child(kind, out);
                Ok(())
            }
            Input::Told { sent, refused } => {
                self.told(sent, refused, out);
                Ok(())
            }
            Input::Cancel { reason, request_id, from, client } => {
                if self.requests.knows(request_id.as_deref()) {
                    return Ok(());
                }
                if self.cancel_reason.is_some() {
                    // Without room it leaves nothing behind: clients that ask over and over would fill the log.
                    let asked = request_id.filter(|_| self.requests.has_room_for_cancel(client));
                    let asked = asked.map(|request_id| Record::AskedAgain { request_id });
                    asked.iter().for_each(|asked| self.asked_again(asked));
                    out.records.extend(asked);
                    return Ok(());
                }
                let asked = EventKind::CancelRequested { reason: reason.clone(), request_id, from };
                if self.begun {
                    self.happened(asked, out);
                } else {
                    // Nothing of it has happened that could be cleaned up.
                    self.record(asked, out);
                    self.close(EventKind::RunCanceled { reason }, out);
                }
                Ok(())
            }
            Input::Terminate { reason, from, next_run } => {
                self.cut_short(EventKind::RunTerminated { reason, from, next_run }, out);
                Ok(())
            }
            Input::Continue => Ok(()),
        }
    }

    /// Takes in that a request changed nothing.
    pub(crate) fn asked_again(&mut self, record: &Record) {
        if let Record::AskedAgain { request_id } = record {
            self.requests.remember_cancel(Some(request_id));
        }
    }

    fn signal(
        &mut self,
        name: String,
        args: Payload,
        request_id: Option<String>,
        from: Option<RunRef>,
        out: &mut Transition,
    ) -> Result<(), Refused> {
        if self.requests.knows(request_id.as_deref()) {
            return Ok(());
        }
        let Some(signal) = self.def().signals.iter().find(|s| s.name == name) else {
            return Err(Refused::NoSuchSignal);
        };
        if args.len() > self.limits.payload_bytes_max {
            return Err(Refused::Limit("payload_bytes_max"));
        }
        // A program that is not run, stuck or not begun, cannot be parked for a history that is too large.
        if (self.stuck.is_some() || !self.begun) && self.bytes > self.limits.history_bytes_max as u64 {
            return Err(Refused::Limit("history_bytes_max"));
        }
        if !self.begun {
            if self.history.len() > self.limits.mailbox_messages_max {
                return Err(Refused::Limit("mailbox_messages_max"));
            }
            self.record(EventKind::SignalReceived { name, args, request_id, from }, out);
            return Ok(());
        }
        let unread = match signal.handler {
            None => self.vm.unread().iter().map(|(_, count)| *count as usize).sum::<usize>(),
            Some(_) => 0,
        };
        if unread + self.queue.len() >= self.limits.mailbox_messages_max {
            return Err(Refused::Limit("mailbox_messages_max"));
        }
        self.happened(EventKind::SignalReceived { name, args, request_id, from }, out);
        Ok(())
    }

    /// Something reaches an attempt of an activity; it counts only if it is the current one.
    fn attempt(
        &mut self,
        scheduled: EventId,
        attempt: u32,
        input: ActivityInput,
        out: &mut Transition,
    ) -> Result<(), Refused> {
        match self.activities.get(&scheduled) {
            Some(activity) if activity.attempt == attempt => self.activity(scheduled, input, out),
            _ => Err(Refused::Stale),
        }
    }

    pub(crate) fn activity(&mut self, id: EventId, input: ActivityInput, out: &mut Transition) -> Result<(), Refused> {
        let run_over = self.over().map(|(at, _)| at);
        let (Some(activity), Some(EventKind::ActivityScheduled { activity: name, options, .. })) =
            (self.activities.get_mut(&id), self.history.get(id.0 as usize - 1).map(|e| &e.kind))
        else {
            return Err(Refused::Stale);
        };
        let program = self.loaded.program();
        let throws = program.activities.get(usize::from(activity.def)).map_or(&[][..], |def| &def.throws);
        let declares = |kind: &str| {
            let named = |ty: &weft_bytecode::TypeId| matches!(program.ty(*ty), weft_bytecode::Type::Error { name, .. } if name == kind);
            throws.iter().any(named)
        };
        // A limit that ran out says nothing to the attempt that still runs.
        let runs_on = matches!(input, ActivityInput::LimitDue(_));
        let moved = activity.apply(Given { id, name, options, run_over, declares: &declares }, input, self.now)?;
        self.moved(id, moved, runs_on, out);
        Ok(())
    }

    /// Carries out what follows for an activity; `runs_on` says that whoever has its attempt does not know.
    fn moved(&mut self, id: EventId, moved: Moved, runs_on: bool, out: &mut Transition) {
        let attempt = self.activities.get(&id).map_or(0, |activity| activity.attempt);
        let follow = match moved {
            Moved::Goes(follow) => follow,
            Moved::Dispatch(follow) => {
                out.dispatch.push((id, attempt));
                follow
            }
            Moved::Withdraw(follow) => {
                out.dispatch.retain(|(scheduled, _)| *scheduled != id);
                out.cancel.push(id);
                follow
            }
            Moved::Again(follow) => {
                out.cancel.extend(runs_on.then_some(id));
                follow
            }
            Moved::Ended(kind) => {
                out.cancel.extend(runs_on.then_some(id));
                return self.happened(kind, out);
            }
        };
        out.alarms.extend(follow.alarms);
        out.records.extend(follow.records);
    }

    /// Somebody outside steers an activity.
    fn steer(&mut self, id: EventId, steer: Steer, out: &mut Transition) -> Result<(), Refused> {
        let run_over = self.over().map(|(at, _)| at);
        let (Some(activity), Some(EventKind::ActivityScheduled { activity: name, options, .. })) =
            (self.activities.get_mut(&id), self.history.get(id.0 as usize - 1).map(|e| &e.kind))
        else {
            return Err(Refused::Stale);
        };
        let moved = activity.steer(Given { id, name, options, run_over, declares: &|_| false }, steer, self.now);
        self.moved(id, moved, false, out);
        Ok(())
    }

    /// Whether an alarm can still mean something; one that cannot may be forgotten.
    pub fn awaits(&self, key: AlarmKey) -> bool {
        match key {
            AlarmKey::Timer(id) => self.timers.contains_key(&id),
            AlarmKey::Run => !self.is_closed(),
            AlarmKey::Begin => !self.begun && !self.is_closed(),
            AlarmKey::Retry(id, attempt)
            | AlarmKey::StartToClose(id, attempt)
            | AlarmKey::ScheduleToStart(id, attempt)
            | AlarmKey::Heartbeat(id, attempt)
            | AlarmKey::Progress(id, attempt) => {
                self.activities.get(&id).is_some_and(|activity| activity.attempt == attempt)
            }
            AlarmKey::ScheduleToClose(id) => self.activities.contains_key(&id),
        }
    }

    fn due(&mut self, key: AlarmKey, out: &mut Transition) {
        if !self.awaits(key) {
            return;
        }
        let (id, input) = match key {
            AlarmKey::Timer(id) => match self.timers.get(&id).copied() {
                Some(timer) if timer.fires(self.now) => {
                    return self.happened(EventKind::TimerFired { timer: id }, out);
                }
                Some(timer) => return out.alarms.push((timer.due, key)),
                None => return,
            },
            AlarmKey::Run => return self.run_is_due(out),
            AlarmKey::Begin => match self.facts.begins {
                Some(begins) if self.now < begins => return out.alarms.push((begins, key)),
                _ => return self.begin(out),
            },
            AlarmKey::Retry(id, _) => (id, ActivityInput::RetryDue),
            AlarmKey::Progress(id, _) => (id, ActivityInput::ProgressDue),
            AlarmKey::StartToClose(id, _) => (id, ActivityInput::LimitDue(TimeoutKind::StartToClose)),
            AlarmKey::ScheduleToStart(id, _) => (id, ActivityInput::LimitDue(TimeoutKind::ScheduleToStart)),
            AlarmKey::Heartbeat(id, _) => (id, ActivityInput::LimitDue(TimeoutKind::Heartbeat)),
            AlarmKey::ScheduleToClose(id) => (id, ActivityInput::LimitDue(TimeoutKind::ScheduleToClose)),
        };
        // An alarm never finds its activity stale: it was looked up just now, and alarms apply to every phase.
        let _ = self.activity(id, input, out);
    }

    /// The program begins after a delay.
    fn begin(&mut self, out: &mut Transition) {
        self.happened(EventKind::DelayEnded, out);
        out.alarms.extend(self.over().map(|(at, _)| (at, AlarmKey::Run)));
    }

    fn run_is_due(&mut self, out: &mut Transition) {
        let Some((over, kind)) = self.over() else { return };
        if self.now < over {
            return out.alarms.push((over, AlarmKey::Run));
        }
        let (what, limit) = match kind {
            TimeoutKind::Execution => ("the run and those before it", self.facts.options.execution_timeout_ms),
            _ => ("the run", self.facts.options.run_timeout_ms),
        };
        let message = format!("{what} took longer than {}", text::duration(limit.unwrap_or(0)));
        let failure = timed_out(kind, message, false);
        match self.tried_again(&failure).filter(|_| kind == TimeoutKind::Run) {
            Some(begins) => {
                self.put_down();
                self.try_again(How::TimedOut { failure, begins }, out);
            }
            None => self.cut_short(EventKind::RunTimedOut { failure, next_run: None }, out),
        }
    }

    /// A child's start or end; one that is no longer awaited changes nothing.
    fn child(&mut self, kind: EventKind, out: &mut Transition) {
        let Some(id) = child::scheduled_of(&kind) else { return };
        let Some(child) = self.children.get(&id) else { return };
        let started = child.run.is_some();
        match &kind {
            EventKind::ChildStarted { run, .. } if !started => {
                let cancel = child.cancel_requested.map(|asked| self.cancel_child(run.clone(), asked));
                self.happened(kind, out);
                out.outbox.extend(cancel);
            }
            EventKind::ChildStarted { .. } => {}
            EventKind::ChildStartFailed { .. } if started => {}
            _ => self.happened(kind, out),
        }
    }
}

/// Whether an Input is handled even between slices: it writes no event that the computation's own would have to follow,
/// or it ends the run.
pub(crate) fn cuts_in(input: &Input) -> bool {
    match input {
        Input::Continue
        | Input::Terminate { .. }
        | Input::Delivered { .. }
        | Input::Redelivered { .. }
        | Input::Heartbeat { .. }
        | Input::Steer { .. }
        | Input::Due(AlarmKey::Run | AlarmKey::Retry(..) | AlarmKey::Progress(..)) => true,
        Input::Signal { .. }
        | Input::Update { .. }
        | Input::Completed { .. }
        | Input::Failed { .. }
        | Input::CanceledAttempt { .. }
        | Input::Due(_)
        | Input::Child(_)
        | Input::Told { .. }
        | Input::Cancel { .. } => false,
    }
}

/// Whether whoever sent an Input hears of a refusal and may send it again: only that may be refused because the run has
/// enough to do. What the run has asked for itself, or the engine for it, comes once.
pub(crate) fn is_from_outside(input: &Input) -> bool {
    match input {
        Input::Signal { .. } | Input::Update { .. } | Input::Cancel { client: true, .. } => true,
        Input::Cancel { client: false, .. }
        | Input::Completed { .. }
        | Input::Failed { .. }
        | Input::CanceledAttempt { .. }
        | Input::Due(_)
        | Input::Child(_)
        | Input::Told { .. }
        | Input::Continue
        | Input::Terminate { .. }
        | Input::Delivered { .. }
        | Input::Redelivered { .. }
        | Input::Heartbeat { .. }
        | Input::Steer { .. } => false,
    }
}
