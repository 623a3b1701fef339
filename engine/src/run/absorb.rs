//! What an event changes in the run's tables: the same for an event that is being written and for one that is read back,
//! whoever caused it. Nothing is decided here.

use weft_protocol::EventId;
use weft_protocol::api::Status;
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::policy::OnParentClose;

use super::Run;
use crate::activity::Activity;
use crate::child::Child;
use crate::timer::Timer;

/// The index of an activity that the program does not declare.
pub(crate) const UNKNOWN: u16 = u16::MAX;

impl Run {
    /// Takes in an event of the history. One table of all kinds, so that a new one cannot be forgotten.
    pub(crate) fn absorb(&mut self, id: EventId) {
        use EventKind::*;
        let event = &self.history[id.0 as usize - 1];
        match &event.kind {
            ActivityScheduled { origin, activity, .. } => {
                let declared = &self.loaded.program().activities;
                let def = declared.iter().position(|def| def.name == *activity).map_or(UNKNOWN, |def| def as u16);
                self.activities.insert(id, Box::new(Activity::new(def, event.at)));
                self.names.insert(origin.command.clone(), id);
            }
            ActivityCancelRequested { scheduled } => {
                if let Some(activity) = self.activities.get_mut(scheduled) {
                    activity.cancel_requested = true;
                }
            }
            ActivityCompleted { end, .. }
            | ActivityFailed { end, .. }
            | ActivityTimedOut { end, .. }
            | ActivityCanceled { end } => {
                let scheduled = end.scheduled;
                self.activities.remove(&scheduled);
                self.forget(scheduled);
            }
            TimerStarted { origin, due } => {
                self.timers.insert(id, Timer { due: *due });
                self.names.insert(origin.command.clone(), id);
            }
            TimerFired { timer } | TimerCanceled { timer } => {
                let timer = *timer;
                self.timers.remove(&timer);
                self.forget(timer);
            }
            SignalReceived { request_id, .. } => {
                self.requests.remember(request_id.as_deref(), self.limits.request_ids_kept);
            }
            ChildScheduled { origin, options, attached, .. } => {
                let child =
                    Child { attached: *attached, on_close: options.on_parent_close, run: None, cancel_requested: None };
                self.children.insert(id, child);
                self.names.insert(origin.command.clone(), id);
            }
            ChildStarted { scheduled, run } => {
                let (scheduled, run) = (*scheduled, run.clone());
                self.child_started(scheduled, run);
            }
            ChildCancelRequested { scheduled } => {
                self.canceled_children.insert(*scheduled);
                if let Some(child) = self.children.get_mut(scheduled) {
                    child.cancel_requested = Some(id);
                }
            }
            ChildStartFailed { scheduled, .. }
            | ChildCompleted { scheduled, .. }
            | ChildFailed { scheduled, .. }
            | ChildCanceled { scheduled }
            | ChildTimedOut { scheduled, .. }
            | ChildTerminated { scheduled, .. } => {
                let scheduled = *scheduled;
                self.children.remove(&scheduled);
                self.forget(scheduled);
            }
            AttributesSet { attributes } => {
                if let serde_json::Value::Object(changed) = attributes.value() {
                    self.attributes.extend(changed);
                }
            }
            CancelRequested { reason, request_id, .. } => {
                self.cancel_reason = Some(reason.clone());
                self.requests.remember_cancel(request_id.as_deref());
            }
            UpdateAccepted { update_id, number, .. } => self.updates.accepted(id, *number, update_id),
            UpdateCompleted { accepted, .. } | UpdateFailed { accepted, .. } => self.updates.ended(*accepted, id),
            RunCompleted { .. } => self.ended(Status::Completed),
            RunFailed { .. } => self.ended(Status::Failed),
            RunCanceled { .. } => self.ended(Status::Canceled),
            RunTerminated { .. } => self.ended(Status::Terminated),
            RunTimedOut { .. } => self.ended(Status::TimedOut),
            RunContinuedAsNew { .. } => self.ended(Status::ContinuedAsNew),
            RunStarted { continued, .. } => {
                if let Some(continued) = continued {
                    let kept = self.limits.request_ids_kept;
                    self.requests.forgets(continued.requests_forgotten);
                    continued.requests.iter().for_each(|id| self.requests.remember(Some(id), kept));
                    continued.cancels.iter().for_each(|id| self.requests.remember_cancel(Some(id)));
                }
            }
            SignalSent { .. }
            | SignalDelivered { .. }
            | SignalRefused { .. }
            | CancelSent { .. }
            | CancelDelivered { .. }
            | CancelRefused { .. } => crate::word::note(&mut self.sent, event),
            RunReset { run, seed, request_id, .. } => {
                let (run, seed, at) = (*run, *seed, event.at);
                self.requests.remember(request_id.as_deref(), self.limits.request_ids_kept);
                self.set_back(run, seed, at);
            }
            DelayEnded => {
                self.begun = true;
                self.clock_from = event.at;
                // A signal that a start brings along ends a delay early, and the time of the first run is that of all.
                if self.facts.attempt == 1
                    && let Some(ms) = self.facts.options.execution_timeout_ms
                {
                    self.deadline = Some(event.at.plus_ms(ms));
                }
            }
            PatchRecorded { .. } | CodeMoved { .. } | ActivationFailed { .. } => {}
        }
    }

    /// A child that nobody waits for is no longer an operation, and is remembered only if the end of the run matters to it.
    fn child_started(&mut self, scheduled: EventId, run: RunRef) {
        let Some(child) = self.children.get_mut(&scheduled) else { return };
        child.run = Some(run);
        if child.attached {
            return;
        }
        if child.on_close == OnParentClose::Abandon {
            self.children.remove(&scheduled);
        }
        self.forget(scheduled);
    }

    /// The run has ended. Its children stay: its end is news to them until they have heard of it. What it has sent stays
    /// too: it is on its way.
    fn ended(&mut self, status: Status) {
        self.status = status;
        self.activities.clear();
        self.timers.clear();
        self.names.clear();
        self.queue.clear();
        self.ends.clear();
        self.stuck = None;
        self.slicing = false;
    }

    /// An operation has ended: its command names nothing any more.
    fn forget(&mut self, scheduled: EventId) {
        if let Some(origin) = self.history[scheduled.0 as usize - 1].kind.origin() {
            self.names.remove(&origin.command);
        }
    }
}
