//! What the program asks for becomes events, tasks and alarms.

use weft_protocol::command::{Command, CommandId, Issued};
use weft_protocol::event::{EventKind, Origin, ParentRef, RunRef};
use weft_protocol::policy::{OnParentClose, RunOptions};
use weft_protocol::{EventId, Failure, Payload, WorkflowId};

use super::Run;
use crate::activity::{self, ActivityInput, Given, Moved};
use crate::child::{self, CallOptions};
use crate::input::AlarmKey;
use crate::options;
use crate::transition::{Outgoing, Transition};
use crate::word;

impl Run {
    /// One command of the program.
    pub(crate) fn command(&mut self, issued: Issued, out: &mut Transition) {
        let origin = Origin { command: issued.id, site: issued.site };
        match issued.command {
            Command::ScheduleActivity { activity, args, options } => {
                let def = &self.loaded.program().activities[usize::from(activity)];
                let options = activity::resolve(&def.options, options.as_ref(), &args, &self.facts.options);
                let (total, queue) = (options.total_timeout_ms, options.queue_timeout_ms);
                let name = def.name.clone();
                let id = self.record(EventKind::ActivityScheduled { origin, activity: name, args, options }, out);
                out.dispatch.push((id, 1));
                out.alarms.extend(total.map(|ms| (self.now.plus_ms(ms), AlarmKey::ScheduleToClose(id))));
                out.alarms.extend(queue.map(|ms| (self.now.plus_ms(ms), AlarmKey::ScheduleToStart(id, 1))));
            }
            Command::StartTimer { due } => {
                let id = self.record(EventKind::TimerStarted { origin, due }, out);
                out.alarms.push((due, AlarmKey::Timer(id)));
            }
            Command::StartChild { workflow, args, options, attached } => {
                self.start_child(origin, workflow, args, options.as_ref(), attached, out);
            }
            Command::RecordPatch { patch } => {
                let patch = self.loaded.program().patches[usize::from(patch)].id.clone();
                self.record(EventKind::PatchRecorded { origin, patch }, out);
            }
            Command::SendSignal { to, workflow, signal, args } => {
                let workflow = &self.loaded.program().workflows[usize::from(workflow)];
                let name = workflow.signals[usize::from(signal)].name.clone();
                self.tell(EventKind::SignalSent { origin, to, name, args }, out);
            }
            Command::SendCancel { to } => self.tell(EventKind::CancelSent { origin, to }, out),
            Command::Cancel => self.cancel(&origin.command, out),
            Command::EndUpdate { outcome } => {
                let Some(accepted) = self.updates.on_fiber(&origin.command.fiber) else { return };
                let kind = match outcome {
                    Ok(result) => EventKind::UpdateCompleted { accepted, result },
                    Err(failure) => EventKind::UpdateFailed { accepted, failure },
                };
                self.record(kind, out);
            }
        }
    }

    fn start_child(
        &mut self,
        origin: Origin,
        workflow: u16,
        args: Payload,
        given: Option<&Payload>,
        attached: bool,
        out: &mut Transition,
    ) {
        let def = &self.loaded.program().workflows[usize::from(workflow)];
        let call = CallOptions::read(given);
        let mut resolved = call.resolve(&def.options);
        let run = options::resolved(call.of_run(), def, &args).and_then(|run| self.fits(run));
        let next = self.history.len() + 1;
        let generated = format!("{}-{}-{next}", def.name, self.facts.me.run_id);
        let (workflow_id, wrong) = match call.id.map(Ok).or_else(|| child::declared_id(def, &args)) {
            Some(Ok(id)) => match child::workflow_id_error(&id, &self.limits) {
                None => (id, None),
                Some(wrong) => (generated, Some(wrong)),
            },
            Some(Err(hole)) => (generated, Some(hole.to_string())),
            None => (generated, None),
        };
        let wrong = match run {
            Ok(run) => {
                // Who is in a hurry is so with all its parts.
                resolved.run = RunOptions { priority: run.priority.or(self.facts.options.priority), ..run };
                wrong
            }
            Err(why) => wrong.or(Some(why)),
        };
        let wrong = wrong.or_else(|| self.too_deep(attached, resolved.on_parent_close));
        let workflow_id = WorkflowId(workflow_id.into());
        let kind = EventKind::ChildScheduled {
            origin,
            workflow: def.name.clone(),
            workflow_id: workflow_id.clone(),
            args,
            options: resolved,
            attached,
        };
        let workflow = def.name.clone();
        let id = self.record(kind, out);
        match wrong {
            Some(wrong) => {
                let cause = Failure::new("Fault", wrong);
                let failure = child::start_refused(&workflow, &workflow_id, cause);
                self.ends.push_back(EventKind::ChildStartFailed { scheduled: id, failure });
            }
            None => out.outbox.extend(self.start_of(id)),
        }
    }

    /// Options of a run that can be kept.
    fn fits(&self, run: RunOptions) -> Result<RunOptions, String> {
        let (bytes, max) = (run.memo.as_ref().map_or(0, Payload::len), self.limits.memo_bytes_max);
        if bytes > max {
            return Err(format!("the memo has {bytes} bytes (limit `memo_bytes_max`: {max})"));
        }
        Ok(run)
    }

    /// This run as the parent of a child that it has scheduled.
    pub fn parent_of(&self, scheduled: EventId, attached: bool, on_close: OnParentClose) -> ParentRef {
        let depth = self.depth_below(attached, on_close);
        ParentRef { run: self.scheduler(scheduled), scheduled, attached, on_close, depth }
    }

    /// How many runs a child would have above it.
    fn depth_below(&self, attached: bool, on_close: OnParentClose) -> u32 {
        let stake = attached || on_close != OnParentClose::Abandon;
        let own = self.facts.parent.as_ref().map_or(0, |parent| parent.depth);
        if stake { own.saturating_add(1) } else { 0 }
    }

    /// Why a child would be too far down, if it would.
    fn too_deep(&self, attached: bool, on_close: OnParentClose) -> Option<String> {
        let max = self.limits.child_depth_max;
        let deep = self.depth_below(attached, on_close) as usize > max;
        deep.then(|| {
            format!("it would have more than {max} runs above it, each the child of the next (limit `child_depth_max`)")
        })
    }

    /// The outbox entry that starts a scheduled child.
    pub(crate) fn start_of(&self, scheduled: EventId) -> Option<Outgoing> {
        match &self.history[scheduled.0 as usize - 1].kind {
            EventKind::ChildScheduled { workflow, workflow_id, args, options, attached, .. } => {
                Some(Outgoing::StartChild {
                    parent: self.parent_of(scheduled, *attached, options.on_parent_close),
                    workflow: workflow.clone(),
                    workflow_id: workflow_id.clone(),
                    args: args.clone(),
                    options: options.clone(),
                })
            }
            _ => None,
        }
    }

    /// The event that canceling an operation becomes; none if it has ended or was asked before.
    pub(crate) fn cancel_event(&self, command: &CommandId) -> Option<EventKind> {
        let id = *self.names.get(command)?;
        if let Some(activity) = self.activities.get(&id) {
            return (!activity.cancel_requested).then_some(EventKind::ActivityCancelRequested { scheduled: id });
        }
        if let Some(child) = self.children.get(&id) {
            return child.cancel_requested.is_none().then_some(EventKind::ChildCancelRequested { scheduled: id });
        }
        self.timers.contains_key(&id).then_some(EventKind::TimerCanceled { timer: id })
    }

    fn cancel(&mut self, command: &CommandId, out: &mut Transition) {
        let Some(kind) = self.cancel_event(command) else { return };
        let asked = match &kind {
            EventKind::ActivityCancelRequested { scheduled } | EventKind::ChildCancelRequested { scheduled } => {
                Some(*scheduled)
            }
            _ => None,
        };
        let by = self.record(kind, out);
        let Some(id) = asked else { return };
        if let Some(child) = self.children.get(&id) {
            out.outbox.extend(child.run.clone().map(|run| self.cancel_child(run, by)));
        }
        if self.activities.contains_key(&id) {
            out.dispatch.retain(|(scheduled, _)| *scheduled != id);
            out.cancel.push(id);
            let ended = self.end_if_idle(id);
            self.ends.extend(ended);
        }
    }

    /// The outbox entry that asks a child to stop, because of the event `asked`.
    pub(crate) fn cancel_child(&self, to: RunRef, asked: EventId) -> Outgoing {
        let request_id = word::request_id(self.doer(asked), asked);
        Outgoing::Cancel { to, reason: String::from("canceled by its parent"), request_id }
    }

    /// The end of an activity that is to be canceled and that nobody works on.
    pub(crate) fn end_if_idle(&mut self, id: EventId) -> Option<EventKind> {
        let run_over = self.over().map(|(at, _)| at);
        let activity = self.activities.get_mut(&id)?;
        let EventKind::ActivityScheduled { activity: name, options, .. } = &self.history[id.0 as usize - 1].kind else {
            return None;
        };
        let given = Given { id, name, options, run_over, declares: &|_| false };
        match activity.apply(given, ActivityInput::Cancel, self.now) {
            Ok(Moved::Ended(kind)) => Some(kind),
            _ => None,
        }
    }
}
