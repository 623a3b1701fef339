//! Updates: sent --check--> accepted --body ends--> `UpdateCompleted` or `UpdateFailed`. What the check refuses leaves
//! nothing behind. An id names one update of the run for ever: sent again it is answered with what came of the first.
//!
//! Updates that have not ended when the run closes have no event of their own: the event that closes the run is the end
//! of them too, as it is of pending activities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use weft_protocol::api::{PendingUpdate, Status, UpdateReply, UpdateStatus};
use weft_protocol::command::FiberPath;
use weft_protocol::event::EventKind;
use weft_protocol::limits::UPDATE_ID_BYTES_MAX;
use weft_protocol::{Event, EventId, Failure, Payload};
use weft_vm::{QueryFailure, Wait, WaitOn};

use crate::run::Run;
use crate::transition::{Refused, Transition};

/// The updates of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Updates {
    /// By id: `UpdateAccepted`, and the event that ended it.
    known: BTreeMap<String, (EventId, Option<EventId>)>,
    /// Those that have not ended, by `UpdateAccepted`: number and id.
    running: BTreeMap<EventId, (u32, String)>,
    /// How many were accepted.
    count: u32,
}

impl Updates {
    pub(crate) fn accepted(&mut self, event: EventId, number: u32, id: &str) {
        self.count = self.count.max(number);
        self.known.insert(id.to_owned(), (event, None));
        self.running.insert(event, (number, id.to_owned()));
    }

    pub(crate) fn ended(&mut self, accepted: EventId, event: EventId) {
        if let Some((_, id)) = self.running.remove(&accepted)
            && let Some((_, end)) = self.known.get_mut(&id)
        {
            *end = Some(event);
        }
    }

    /// The `UpdateAccepted` of the update that has not ended and whose body runs on this fiber.
    pub(crate) fn on_fiber(&self, fiber: &FiberPath) -> Option<EventId> {
        let here = |(_, (number, _)): &(&EventId, &(u32, String))| FiberPath::update(*number) == *fiber;
        self.running.iter().find(here).map(|(event, _)| *event)
    }
}

/// What the history of a closed run says of an update of this id; `None` if it has none.
///
/// # Errors
/// [`Refused::UpdateIdTaken`] if the id is that of an update of another name.
pub fn outcome_in(events: &[Event], id: &str, name: &str) -> Result<Option<UpdateReply>, Refused> {
    let known = events.iter().find_map(|event| match &event.kind {
        EventKind::UpdateAccepted { update_id, name, .. } if update_id == id => Some((event.id, name)),
        _ => None,
    });
    let Some((accepted, known)) = known else { return Ok(None) };
    if known != name {
        return Err(Refused::UpdateIdTaken);
    }
    let end = events.iter().find(|event| match &event.kind {
        EventKind::UpdateCompleted { accepted: of, .. } | EventKind::UpdateFailed { accepted: of, .. } => {
            *of == accepted
        }
        _ => false,
    });
    Ok(reply(events, id, end.map(|end| &end.kind)))
}

fn reply(events: &[Event], id: &str, end: Option<&EventKind>) -> Option<UpdateReply> {
    let EventKind::RunStarted { workflow_id, run_id, .. } = &events.first()?.kind else { return None };
    let closing = events.last().map(|event| &event.kind).filter(|kind| kind.closes());
    let (status, result, failure) = match (end, closing) {
        (Some(EventKind::UpdateCompleted { result, .. }), _) => (UpdateStatus::Completed, Some(result.value()), None),
        (Some(EventKind::UpdateFailed { failure, .. }), _) => (UpdateStatus::Failed, None, Some(failure.to_json())),
        (_, Some(closing)) => {
            let message = format!("the run ended before the update had: {}", closing.name());
            (UpdateStatus::Failed, None, Some(Failure::new("RunClosed", message).to_json()))
        }
        _ => (UpdateStatus::Accepted, None, None),
    };
    Some(UpdateReply {
        workflow_id: workflow_id.to_string(),
        run_id: run_id.to_string(),
        update_id: id.to_owned(),
        status,
        result,
        failure,
        stuck: None,
    })
}

impl Run {
    /// What has become of the update of this name and id; `None` if the run has none.
    pub fn update_outcome(&self, name: &str, id: &str) -> Option<UpdateReply> {
        let (accepted, end) = self.updates.known.get(id)?;
        if !self.is_named(*accepted, name) {
            return None;
        }
        let end = end.map(|end| &self.history[end.0 as usize - 1].kind);
        Some(UpdateReply { stuck: self.stuck(), ..reply(&self.history, id, end)? })
    }

    fn is_named(&self, accepted: EventId, name: &str) -> bool {
        let kind = &self.history[accepted.0 as usize - 1].kind;
        matches!(kind, EventKind::UpdateAccepted { name: known, .. } if known == name)
    }

    /// Updates that have not ended, oldest first.
    pub fn pending_updates(&self) -> Vec<PendingUpdate> {
        if self.status() != Status::Running {
            return Vec::new();
        }
        let waits: Vec<Wait> = self.vm.waits();
        let pending = self.updates.running.iter().map(|(event, (number, id))| {
            let fiber = FiberPath::update(*number);
            let name = match &self.history[event.0 as usize - 1].kind {
                EventKind::UpdateAccepted { name, .. } => name.clone(),
                _ => String::new(),
            };
            let queued = waits.iter().any(|wait| wait.fiber == fiber && wait.on == WaitOn::Turn);
            PendingUpdate { accepted: event.0, update_id: id.clone(), name, fiber: fiber.to_string(), queued }
        });
        pending.collect()
    }

    /// An update is sent: the check runs on the state as it is, and what passes it is logged.
    pub(crate) fn take_update(
        &mut self,
        name: String,
        args: Payload,
        update_id: String,
        out: &mut Transition,
    ) -> Result<(), Refused> {
        if let Some((accepted, _)) = self.updates.known.get(&update_id) {
            return if self.is_named(*accepted, &name) { Ok(()) } else { Err(Refused::UpdateIdTaken) };
        }
        let Some(update) = self.def().updates.iter().position(|update| update.name == name) else {
            return Err(Refused::NoSuchUpdate);
        };
        if update_id.is_empty() || update_id.len() > UPDATE_ID_BYTES_MAX {
            return Err(Refused::UpdateId);
        }
        if args.len() > self.limits.payload_bytes_max {
            return Err(Refused::Limit("payload_bytes_max"));
        }
        if self.stuck.is_some() {
            return Err(Refused::Stuck);
        }
        if !self.begun {
            return Err(Refused::NotBegun);
        }
        if self.vm.is_ending() {
            return Err(Refused::Ending);
        }
        if self.updates.running.len() >= self.limits.updates_in_flight_max {
            return Err(Refused::Limit("updates_in_flight_max"));
        }
        let checked = self.vm.check(update as u16, &args, &self.reading());
        checked.map_err(|failure| match failure {
            QueryFailure::Failed(failure) => Refused::Rejected(failure),
            QueryFailure::Trapped(trap) => Refused::CheckTrapped(self.trap_words(&trap)),
        })?;
        let number = self.updates.count + 1;
        self.happened(EventKind::UpdateAccepted { update_id, name, args, number }, out);
        Ok(())
    }
}
