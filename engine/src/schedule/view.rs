//! A schedule as it is shown.

use weft_bytecode::schedule::{Definition, json};
use weft_bytecode::wire::text;
use weft_protocol::api::{ScheduleAction, ScheduleDescription, ScheduleRow, TriggerAnswer};
use weft_protocol::schedule::{Cause, ScheduleEvent, ScheduleEventKind};
use weft_protocol::{Payload, Timestamp};

use super::Schedule;
use super::state::{Recent, Running};

/// Times that are shown.
const NEXT_SHOWN: usize = 10;

impl Schedule {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Tells it from an earlier schedule of its name.
    pub fn born(&self) -> u64 {
        self.born
    }

    /// What it is.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The project that declares it.
    pub fn declared_by(&self) -> Option<&str> {
        self.declared_by.as_deref()
    }

    /// As listed.
    pub fn row(&self) -> ScheduleRow {
        ScheduleRow {
            name: self.name.clone(),
            workflow: self.definition.workflow.clone(),
            declared_by: self.declared_by.clone(),
            paused: self.paused,
            note: self.note.clone(),
            next: self.next_times(1).pop(),
            fired: self.fires,
            running: self.running.len() as u64,
        }
    }

    /// Everything known about it.
    pub fn describe(&self) -> ScheduleDescription {
        let mut definition = json::write(&self.definition);
        if let Some(fields) = definition.as_object_mut() {
            // These may have changed since; the row has them.
            fields.remove("paused");
            fields.remove("note");
        }
        ScheduleDescription {
            row: self.row(),
            definition,
            created_at: text::time(self.created.0),
            updated_at: text::time(self.updated.0),
            missed: self.missed,
            skipped: self.skipped,
            dropped: self.dropped,
            waiting: self.waiting.len() as u64,
            backfills: self.backfills.len() as u64,
            remaining: self.remaining(),
            running: self.running.values().map(running).collect(),
            recent: self.recent.iter().map(recent).collect(),
            next: self.next_times(NEXT_SHOWN),
            last: self.last.as_ref().map(recent),
            trigger: None,
        }
    }

    /// What became of a trigger that was decided as these events; they are taken in, and so may be what followed.
    pub fn became(&self, trigger: &[ScheduleEvent]) -> TriggerAnswer {
        let mut of_triggers = trigger.iter().map(|event| &event.kind).filter(|kind| {
            use ScheduleEventKind::*;
            matches!(kind, Fired { cause, .. } | Waiting { cause, .. } | Skipped { cause, .. } if *cause == Cause::Trigger)
        });
        let (became, start) = match of_triggers.next() {
            Some(ScheduleEventKind::Fired { fire, .. }) => {
                let start = self.recent.iter().find(|recent| recent.fire == *fire);
                let refused = start.is_some_and(|start| start.status.is_none() && start.failure.is_some());
                (if refused { "refused" } else { "asked" }, start.map(recent))
            }
            Some(ScheduleEventKind::Waiting { .. }) => ("waiting", None),
            Some(_) => ("skipped", None),
            None => ("repeated", None),
        };
        TriggerAnswer { became: became.to_owned(), start }
    }

    fn next_times(&self, n: usize) -> Vec<String> {
        if self.paused {
            return Vec::new();
        }
        let left = self.remaining().map_or(n, |left| usize::try_from(left).unwrap_or(usize::MAX).min(n));
        self.table.times(self.cursor.0).take(left).map(text::time).collect()
    }
}

fn cause(cause: Cause) -> String {
    match cause {
        Cause::Time => "time",
        Cause::Trigger => "trigger",
        Cause::Backfill => "backfill",
    }
    .to_owned()
}

fn time(at: Timestamp) -> String {
    text::time(at.0)
}

fn running(run: &Running) -> ScheduleAction {
    ScheduleAction {
        nominal: time(run.nominal),
        at: time(run.at),
        cause: cause(run.cause),
        workflow_id: run.workflow_id.to_string(),
        run_id: run.run_id.map(|id| id.to_string()),
        status: "Running".to_owned(),
        failure: None,
        result: None,
    }
}

fn recent(recent: &Recent) -> ScheduleAction {
    let status = match (recent.status, &recent.failure) {
        (Some(status), _) => format!("{status:?}"),
        (None, Some(_)) => "Refused".to_owned(),
        (None, None) => "Running".to_owned(),
    };
    ScheduleAction {
        nominal: time(recent.nominal),
        at: time(recent.at),
        cause: cause(recent.cause),
        workflow_id: recent.workflow_id.to_string(),
        run_id: recent.run_id.map(|id| id.to_string()),
        status,
        failure: recent.failure.as_ref().map(weft_protocol::Failure::to_json),
        result: recent.result.as_ref().map(Payload::value),
    }
}
