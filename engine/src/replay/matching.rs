//! What a program asks for in one activation against what the history has of it.

use weft_protocol::EventId;
use weft_protocol::command::{Command, Issued};
use weft_protocol::event::EventKind;
use weft_vm::{Then, Trap, TrapKind};

use super::{Diverged, diverged, take_in};
use crate::run::Run;

/// The events of one activation, being matched with the program's commands.
pub(super) struct Matching {
    at: usize,
    end: usize,
    /// The first event that is not matched yet; commands mostly come in the order of the history.
    next: usize,
    used: Vec<bool>,
}

impl Matching {
    /// For the events from `at` up to `end`.
    pub(super) fn new(at: usize, end: usize) -> Matching {
        Matching { at, end, next: at, used: vec![false; end - at] }
    }

    /// A command of the program: the history has an event of it, or they part here.
    pub(super) fn one(&mut self, run: &mut Run, cause: EventId, issued: &Issued) -> Result<(), Box<Diverged>> {
        let cancel = match issued.command {
            Command::Cancel => match run.cancel_event(&issued.id) {
                None => return Ok(()),
                some => some,
            },
            _ => None,
        };
        let update = run.updates.on_fiber(&issued.id.fiber);
        let fits = |kind: &EventKind| match (&cancel, &issued.command, kind) {
            (Some(cancel), ..) => kind == cancel,
            (
                None,
                Command::EndUpdate { .. },
                EventKind::UpdateCompleted { accepted, .. } | EventKind::UpdateFailed { accepted, .. },
            ) => update == Some(*accepted),
            _ => kind.origin().is_some_and(|origin| origin.command == issued.id),
        };
        let found = (self.next..self.end).find(|i| !self.used[i - self.at] && fits(&run.history[*i].kind));
        let Some(found) = found else {
            let there = match run.history.get(self.next) {
                Some(event) => format!("event {} of the history is {}", event.id.0, describe(&event.kind)),
                None => String::from("the history has nothing more"),
            };
            let asked = asked(run, issued);
            let message = format!("the program asks for {asked}, but {there}");
            return Err(parted(cause, run.history.get(self.next).map(|event| event.id), issued, message));
        };
        let event = &run.history[found];
        if cancel.is_none() && !same_kind(run, &issued.command, &event.kind) {
            let message = format!(
                "the program asks for {}, but event {} of the history is {}",
                asked(run, issued),
                event.id.0,
                describe(&event.kind)
            );
            return Err(parted(cause, Some(event.id), issued, message));
        }
        self.take(run, found);
        while self.next < self.end && self.used[self.next - self.at] {
            self.next += 1;
        }
        Ok(())
    }

    fn take(&mut self, run: &mut Run, place: usize) {
        self.used[place - self.at] = true;
        take_in(run, run.history[place].id);
    }

    /// Takes the derived events after the commands, and says where the history goes on.
    pub(super) fn finish(
        mut self,
        run: &mut Run,
        cause: EventId,
        then: &Then,
        attributes: bool,
    ) -> Result<usize, Box<Diverged>> {
        let last = run.queue.is_empty();
        let is = |run: &Run, place: usize, end: usize, test: fn(&EventKind) -> bool| {
            place < end && test(&run.history[place].kind)
        };
        if (last || attributes) && is(run, self.next, self.end, |kind| matches!(kind, EventKind::AttributesSet { .. }))
        {
            self.take(run, self.next);
            self.next += 1;
        }
        let closing = run.history.get(self.next).map(|event| &event.kind).filter(|_| self.next < self.end);
        let ended = match (then, closing) {
            (Then::Completed(_), Some(EventKind::RunCompleted { .. }))
            | (Then::Failed(_), Some(EventKind::RunFailed { .. }))
            | (Then::Canceled, Some(EventKind::RunCanceled { .. }))
            | (Then::Continued { .. }, Some(EventKind::RunContinuedAsNew { .. })) => true,
            (Then::Waiting | Then::Slice | Then::Trapped(_), _) => false,
            (Then::Completed(_) | Then::Failed(_) | Then::Canceled | Then::Continued { .. }, found) => {
                let there = found.map_or_else(|| String::from("goes on"), |kind| format!("has {}", describe(kind)));
                let message = format!("the program ends the run here, the history {there}");
                return Err(diverged(cause, run.history.get(self.next).map(|event| event.id), message));
            }
        };
        if ended {
            self.take(run, self.next);
            self.next += 1;
        }
        let skipped = self.used[(self.next - self.at)..].iter().any(|used| *used);
        if skipped || (last && self.next < self.end) {
            let event = &run.history[self.next];
            let what = describe(&event.kind);
            let message = format!("event {} of the history is {what}, which the program does not ask for", event.id.0);
            return Err(diverged(cause, Some(event.id), message));
        }
        Ok(self.next)
    }
}

fn parted(cause: EventId, found: Option<EventId>, issued: &Issued, message: String) -> Box<Diverged> {
    let trap = Trap { kind: TrapKind::Divergence, message, site: Some(issued.site) };
    Box::new(Diverged { event: cause, found, fiber: Some(issued.id.fiber.clone()), trap })
}

fn same_kind(run: &Run, command: &Command, kind: &EventKind) -> bool {
    let program = run.loaded.program();
    match (command, kind) {
        (Command::ScheduleActivity { activity, .. }, EventKind::ActivityScheduled { activity: name, .. }) => {
            program.activities[usize::from(*activity)].name == *name
        }
        (Command::StartTimer { .. }, EventKind::TimerStarted { .. }) => true,
        (
            Command::StartChild { workflow, attached, .. },
            EventKind::ChildScheduled { workflow: name, attached: a, .. },
        ) => program.workflows[usize::from(*workflow)].name == *name && attached == a,
        (Command::RecordPatch { patch }, EventKind::PatchRecorded { patch: id, .. }) => {
            program.patches[usize::from(*patch)].id == *id
        }
        (Command::SendSignal { workflow, signal, .. }, EventKind::SignalSent { name, .. }) => {
            program.workflows[usize::from(*workflow)].signals[usize::from(*signal)].name == *name
        }
        (Command::SendCancel { .. }, EventKind::CancelSent { .. }) => true,
        (Command::EndUpdate { outcome }, EventKind::UpdateCompleted { .. }) => outcome.is_ok(),
        (Command::EndUpdate { outcome }, EventKind::UpdateFailed { .. }) => outcome.is_err(),
        _ => false,
    }
}

/// A command in the words of the history.
fn asked(run: &Run, issued: &Issued) -> String {
    let program = run.loaded.program();
    match &issued.command {
        Command::ScheduleActivity { activity, .. } => {
            format!("activity `{}`", program.activities[usize::from(*activity)].name)
        }
        Command::StartTimer { .. } => String::from("a timer"),
        Command::StartChild { workflow, .. } => format!("child `{}`", program.workflows[usize::from(*workflow)].name),
        Command::RecordPatch { patch } => format!("patch \"{}\"", program.patches[usize::from(*patch)].id),
        Command::SendSignal { workflow, signal, .. } => {
            let signals = &program.workflows[usize::from(*workflow)].signals;
            format!("signal `{}` to another run", signals[usize::from(*signal)].name)
        }
        Command::SendCancel { .. } => String::from("a cancel of another run"),
        Command::Cancel => String::from("a cancel"),
        Command::EndUpdate { outcome: Ok(_) } => String::from("the result of an update"),
        Command::EndUpdate { outcome: Err(_) } => String::from("the failure of an update"),
    }
}

pub(super) fn describe(kind: &EventKind) -> String {
    match kind {
        EventKind::ActivityScheduled { activity: name, .. }
        | EventKind::ChildScheduled { workflow: name, .. }
        | EventKind::SignalSent { name, .. }
        | EventKind::PatchRecorded { patch: name, .. } => format!("{} {name}", kind.name()),
        _ => kind.name().to_owned(),
    }
}
