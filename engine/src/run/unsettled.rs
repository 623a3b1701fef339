//! What must be done, perhaps again, for a run that was read back: everything that was to leave the process after the
//! events were durable may not have left it. All of it is safe to do twice.

use weft_protocol::{EventId, Timestamp};

use super::Run;
use crate::activity::{Activity, Follow, Phase};
use crate::input::AlarmKey;
use crate::transition::{Outgoing, Transition};

impl Run {
    /// Dispatches, alarms and outbox entries that the present state calls for. No events and no records: nothing here
    /// is to be committed.
    pub fn unsettled(&self) -> Transition {
        let mut out = Transition { closed: self.is_closed(), ..Transition::default() };
        if self.is_closed() {
            out.outbox = self.farewell();
            out.outbox.extend(self.on_the_way());
            return out;
        }
        out.again = self.is_computing();
        for (id, activity) in &self.activities {
            self.resume_activity(*id, activity, &mut out);
        }
        out.alarms.extend(self.timers.iter().map(|(id, timer)| (timer.due, AlarmKey::Timer(*id))));
        out.alarms.extend(self.over().map(|(at, _)| (at, AlarmKey::Run)));
        out.alarms.extend(self.facts.begins.filter(|_| !self.begun).map(|at| (at, AlarmKey::Begin)));
        let children = self.children.iter().filter_map(|(id, child)| {
            let owed = match &child.run {
                None => self.start_of(*id),
                Some(run) => child.cancel_requested.map(|asked| self.cancel_child(run.clone(), asked)),
            };
            Some((*id, owed?))
        });
        // In the order of the events: what is told again arrives as it would have the first time.
        let mut owed: Vec<(EventId, Outgoing)> = children.collect();
        owed.extend(self.sent.iter().filter_map(|id| Some((*id, self.sent_by(*id, true)?))));
        owed.sort_by_key(|(id, _)| *id);
        out.outbox.extend(owed.into_iter().map(|(_, outgoing)| outgoing));
        out
    }

    /// An owner takes the run over: until now nobody could say that the attempt he works on lives.
    pub fn resume(&mut self, now: Timestamp) {
        for activity in self.activities.values_mut() {
            if let Phase::Started { heard, .. } = &mut activity.phase {
                *heard = (*heard).max(now);
            }
        }
    }

    fn on_the_way(&self) -> impl Iterator<Item = Outgoing> {
        self.sent.iter().filter_map(|id| self.sent_by(*id, true))
    }

    fn resume_activity(&self, id: EventId, activity: &Activity, out: &mut Transition) {
        let Some(options) = self.activity_options(id) else { return };
        let follow = match activity.phase {
            Phase::Started { .. } => activity.runs(id, options, Follow::default()),
            Phase::Scheduled { .. } => activity.waits(id, options, Follow::default()),
            Phase::BackingOff { .. } => Follow::default(),
        };
        out.alarms.extend(follow.alarms);
        match activity.phase {
            Phase::BackingOff { .. } if activity.cancel_requested => {}
            // Whoever has it has it: an attempt that is to be made once is never handed out again.
            Phase::Started { .. } if options.once => {}
            // What a worker has is his all the same; what nobody has waits.
            Phase::Scheduled { .. } | Phase::Started { .. } if activity.paused.is_some() => {}
            Phase::Scheduled { .. } | Phase::Started { .. } => {
                out.dispatch.push((id, activity.attempt));
                // Handed out all the same: whoever gets it, or has it still, is told to stop and says how it ended.
                out.cancel.extend(activity.cancel_requested.then_some(id));
            }
            Phase::BackingOff { until } => out.alarms.push((until, AlarmKey::Retry(id, activity.attempt))),
        }
        let total = options.total_timeout_ms;
        out.alarms.extend(total.map(|ms| (activity.scheduled_at.plus_ms(ms), AlarmKey::ScheduleToClose(id))));
    }
}
