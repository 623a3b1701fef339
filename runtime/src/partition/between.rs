//! Word between runs: what a run's transition asks of others, and what arrives from them.
//!
//! There is no inbox and no outbox table. What a run still has to tell follows from its own history
//! (`Run::unsettled`), so after a crash it is told again; every receiver notices a repetition
//! (docs/decisions/0002-no-inbox-counters.md).

use std::sync::Arc;

use weft_engine::{Input, Outgoing, Refused, Run, ScheduleInput, child};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::policy::OnParentClose;
use weft_protocol::{Event, EventId, PartitionId, RunId, Timestamp};
use weft_vm::Loaded;

use super::request::{Asker, ChildWord, Message, OpenRun, Orphan, Output, Probe, StartOrder, StartedBy, Then};
use super::word::Tell;
use super::{Partition, partition_of};
use crate::closed;
use crate::store::{ClosedRun, StoreError};

impl Partition {
    /// Holds what a run tells another until `batch` is durable.
    pub(super) fn send(&mut self, from: RunId, batch: u64, outgoing: Outgoing) {
        let Some(open) = self.runs.get(&from) else { return };
        let namespace = open.namespace.clone();
        let (to, message) = match outgoing {
            Outgoing::StartChild { parent, workflow, workflow_id, args, options } => {
                // A child runs the code of its parent; who only starts a run gets the newest.
                let own = open.run.loaded();
                let latest = (!parent.attached).then(|| self.setup.programs.current(&namespace, &workflow)).flatten();
                let Some((program, workflow)) =
                    latest.or_else(|| own.program().workflow(&workflow).map(|(index, _)| (own.clone(), index)))
                else {
                    return;
                };
                let to = partition_of(&namespace, workflow_id.as_str(), self.setup.partitions);
                let order = StartOrder {
                    namespace,
                    workflow_id: Some(workflow_id),
                    program,
                    workflow,
                    args,
                    request_id: None,
                    on_conflict: options.on_conflict,
                    on_closed: options.on_closed,
                    options: Box::new(options.run),
                    with: None,
                    by: StartedBy::Parent(parent),
                };
                (to, Message::Start(Box::new(order)))
            }
            Outgoing::ChildEnded { parent, event } => {
                let child = open.run.me().clone();
                // The parent's close has no more to say to a run that has ended.
                let on_close = OnParentClose::Abandon;
                let to = parent.run_id.partition();
                (to, Message::Child { namespace, parent, child: Some(child), on_close, event: Box::new(event) })
            }
            Outgoing::Tell { .. } => {
                let tell = Tell::of(&namespace, open.run.me(), outgoing);
                return tell.into_iter().for_each(|tell| self.tell(batch, tell));
            }
            Outgoing::Cancel { .. } | Outgoing::Terminate { .. } => {
                match to_end(&namespace, open.run.me().clone(), outgoing) {
                    Some(asked) => asked,
                    None => return,
                }
            }
        };
        self.hold(batch, Output::Send(to, message));
    }

    /// Takes word from a run of another partition, or of this one.
    pub fn receive(&mut self, message: Message, now: Timestamp) {
        match message {
            Message::Start(order) => self.start(*order, now),
            Message::Child { namespace, parent, child, on_close, event } => {
                self.hear_of_child(namespace, parent, child, on_close, *event, now);
            }
            Message::Settled { parent, scheduled } => {
                self.children.remove(&(parent, scheduled));
            }
            Message::AwaitEnd(order, child) => self.await_end(*order, child),
            Message::ParentOpen(orphan) => {
                let parent = orphan.parent.run_id;
                self.look_for_parent(*orphan, parent);
            }
            Message::ScheduleStart { to, how } => {
                let input = match how {
                    Ok(run_id) => ScheduleInput::Started(to.fire, run_id),
                    Err(failure) => ScheduleInput::Refused(to.fire, failure),
                };
                self.tell_schedule(&to, input, now);
            }
            Message::ScheduleEnded { to, run_id, status, failure, result } => {
                let input = ScheduleInput::Ended { fire: to.fire, run_id, status, failure, result };
                self.tell_schedule(&to, input, now);
            }
            Message::AwaitScheduled(to, run) => self.await_scheduled(to, run),
            Message::Tell(tell) => self.take_tell(*tell, now),
            Message::Told { to, sent, refused } => self.hear_told(to, sent, refused, now),
            Message::Cancel { namespace, to, reason, from, request_id } => {
                let run = self.newest_of(&namespace, &to).unwrap_or(to.run_id);
                let input = Input::Cancel { reason, request_id: Some(request_id), from, client: false };
                self.apply(run, input, Then::Nothing, now);
            }
            Message::Terminate { namespace, to, reason, from, request_id } => {
                let run = self.newest_of(&namespace, &to).unwrap_or(to.run_id);
                // One that was set back since has heard of it before.
                if !self.runs.get(&run).is_some_and(|open| open.run.has_taken(&request_id)) {
                    self.apply(run, Input::Terminate { reason, from, next_run: None }, Then::Nothing, now);
                }
            }
        }
    }

    fn hear_of_child(
        &mut self,
        namespace: Arc<str>,
        parent: RunRef,
        child: Option<RunRef>,
        on_close: OnParentClose,
        event: EventKind,
        now: Timestamp,
    ) {
        let (scheduled, started) = match &event {
            EventKind::ChildStarted { scheduled, .. } => (Some(*scheduled), true),
            EventKind::ChildCompleted { scheduled, .. }
            | EventKind::ChildFailed { scheduled, .. }
            | EventKind::ChildCanceled { scheduled }
            | EventKind::ChildTimedOut { scheduled, .. }
            | EventKind::ChildTerminated { scheduled, .. } => (Some(*scheduled), false),
            _ => (None, false),
        };
        // A run that was set back has children that another has started.
        let heir = scheduled.and_then(|at| self.heir(&namespace, &parent, |run| run.adopts(parent.run_id, at)));
        let id = heir.unwrap_or(parent.run_id);
        let open = self.runs.get(&id);
        let attached = |open: &OpenRun| scheduled.is_some_and(|at| is_attached(&open.run, at));
        let awaits_end = started && open.is_some_and(|open| attached(open));
        let word = ChildWord { namespace, parent, child, on_close, scheduled, started, awaits_end };
        self.apply(id, Input::Child(event), Then::Child(Box::new(word)), now);
    }

    /// The open run that goes on for a closed one, if it is one that `takes` what is meant for that.
    fn heir(&self, namespace: &Arc<str>, run: &RunRef, takes: impl FnOnce(&Run) -> bool) -> Option<RunId> {
        if self.runs.contains_key(&run.run_id) {
            return None;
        }
        let newest = self.newest_of(namespace, run)?;
        self.runs.get(&newest).is_some_and(|open| takes(&open.run)).then_some(newest)
    }

    /// The parent has noted word of a child, or was closed already.
    pub(super) fn heard_of_child(&mut self, batch: u64, word: ChildWord, how: Result<(), Refused>) {
        let Some(child) = word.child else { return };
        let closed = matches!(how, Err(Refused::Closed));
        if let Some(scheduled) = word.scheduled.filter(|_| closed && word.started)
            && word.on_close != OnParentClose::Abandon
        {
            // The parent closed while its child was being started, so it could not name the child then.
            let (namespace, parent, on_close) = (word.namespace, word.parent.clone(), word.on_close);
            let run = parent.run_id;
            self.look_for_parent(Orphan { namespace, parent, scheduled, child: child.clone(), on_close }, run);
        }
        // A closed parent asks for nothing again.
        if let Some(scheduled) = word.scheduled.filter(|_| closed || !word.awaits_end) {
            let settled = Message::Settled { parent: word.parent.run_id, scheduled };
            self.hold(batch, Output::Send(child.run_id.partition(), settled));
        }
    }

    /// A parent asks for the end of a child it knows to have started.
    pub(super) fn await_end(&mut self, order: StartOrder, child: RunRef) {
        let StartedBy::Parent(parent) = &order.by else { return };
        let newest = self.newest_of(&order.namespace, &child);
        if let Some(open) = newest.and_then(|run| self.runs.get_mut(&run)) {
            // Its own parent is told by the child itself.
            let own = open.run.parent();
            let tells = own.is_some_and(|own| (&own.run, own.scheduled) == (&parent.run, parent.scheduled));
            if !tells && !open.watchers.contains(parent) {
                open.watchers.push(parent.clone());
            }
            return;
        }
        let batch = self.ended_in(&order.namespace, &child.workflow_id);
        let probe = Probe {
            workflow_id: child.workflow_id,
            run_id: Some(child.run_id),
            newest: None,
            asker: Asker::Start(order),
        };
        self.hold(batch, Output::Probe(Box::new(probe)));
    }

    /// Does what the close of `run`, the parent of a child or one that goes on for it, does to the child; nothing if it is
    /// open.
    fn look_for_parent(&mut self, orphan: Orphan, run: RunId) {
        let Orphan { namespace, parent, child, .. } = &orphan;
        let heir = self.heir(namespace, parent, |run| run.has_child(child));
        if heir.is_some() || self.runs.contains_key(&run) {
            return;
        }
        let batch = self.ended_in(namespace, &parent.workflow_id);
        let (workflow_id, run_id) = (parent.workflow_id.clone(), Some(run));
        let probe = Probe { asker: Asker::Child(orphan), workflow_id, run_id, newest: None };
        self.hold(batch, Output::Probe(Box::new(probe)));
    }

    /// The store has answered how `run` ended, the parent of a child or one that goes on for it. A run that was set back
    /// leaves its children alone: those that the next one has kept are its own.
    pub(super) fn orphaned(&mut self, orphan: Orphan, run: RunId, found: Result<Option<ClosedRun>, StoreError>) {
        let parent = orphan.parent.run_id;
        let events = match found.and_then(|row| row.map(|row| closed::history(&row)).transpose()) {
            Ok(events) => events.unwrap_or_default(),
            // It is asked again when this partition is read back from a repaired store.
            Err(error) => {
                let child = &orphan.child.workflow_id;
                return tracing::error!(%child, %run, %error, "the closed parent of a run cannot be read");
            }
        };
        if run != parent && !child::has_open(&events, parent, orphan.scheduled) {
            return;
        }
        match events.last().map(|last| &last.kind) {
            Some(EventKind::RunTerminated { next_run: Some(next), .. }) => self.look_for_parent(orphan, *next),
            _ => {
                let Orphan { namespace, parent, child, on_close, .. } = orphan;
                self.parent_has_closed(namespace, &RunRef { run_id: run, ..parent }, child, on_close);
            }
        }
    }

    /// A child whose parent is gone gets what its options say.
    fn parent_has_closed(&mut self, namespace: Arc<str>, parent: &RunRef, child: RunRef, on_close: OnParentClose) {
        let asked = child::on_parent_closed(parent.run_id, child, on_close);
        // The parent's end may be in a batch that is not durable yet.
        if let Some((to, message)) = asked.and_then(|asked| to_end(&namespace, parent.clone(), asked)) {
            self.hold(self.last_batch(), Output::Send(to, message));
        }
    }
}

/// What the run `from` asks of one that it wants ended.
fn to_end(namespace: &Arc<str>, from: RunRef, outgoing: Outgoing) -> Option<(PartitionId, Message)> {
    let (namespace, from) = (namespace.clone(), Some(from));
    match outgoing {
        Outgoing::Cancel { to, reason, request_id } => {
            Some((to.run_id.partition(), Message::Cancel { namespace, to, reason, from, request_id }))
        }
        Outgoing::Terminate { to, reason, request_id } => {
            Some((to.run_id.partition(), Message::Terminate { namespace, to, reason, from, request_id }))
        }
        _ => None,
    }
}

/// Whether the parent wants to know the end of the child it asked for with this event.
fn is_attached(run: &Run, scheduled: EventId) -> bool {
    matches!(run.event(scheduled).map(|e| &e.kind), Some(EventKind::ChildScheduled { attached: true, .. }))
}

/// Word for a parent about a child.
pub(super) fn to_parent(namespace: &Arc<str>, parent: &ParentRef, child: Option<RunRef>, event: EventKind) -> Message {
    let (namespace, on_close) = (namespace.clone(), parent.on_close);
    Message::Child { namespace, parent: parent.run.clone(), child, on_close, event: Box::new(event) }
}

/// Word for a parent that a child, a run of `workflow`, has ended with the event `last`; `None` if it does not wait.
pub(super) fn child_end(
    namespace: &Arc<str>,
    program: &Loaded,
    workflow: &str,
    parent: &ParentRef,
    child: &RunRef,
    last: &Event,
) -> Option<Message> {
    let (_, def) = program.program().workflow(workflow)?;
    match child::ended(program.program(), def, child, parent, &last.kind)? {
        Outgoing::ChildEnded { event, .. } => Some(to_parent(namespace, parent, Some(child.clone()), event)),
        _ => None,
    }
}
