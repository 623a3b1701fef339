//! What programs tell other runs: signals and cancels. The receiver takes a message once, by its request id, and answers
//! when that is durable; the sender notes the answer. A message without an answer is sent again after a crash, also that
//! of a run that has closed meanwhile.

use std::sync::Arc;

use weft_bytecode::wire::{Strictness, normalize_args};
use weft_engine::{Input, Outgoing, Record, Refused, Run, Word, word};
use weft_protocol::event::{EventKind, RunRef};
use weft_protocol::{Event, EventId, Failure, Payload, RunId, Timestamp};

use super::Partition;
use super::request::{Asker, Message, Output, Probe, Then};
use crate::closed;
use crate::store::{ClosedRun, StoreError};

/// A message from one run to another.
#[derive(Debug, Clone)]
pub struct Tell {
    /// Namespace of both.
    pub namespace: Arc<str>,
    /// Who sends it.
    pub from: RunRef,
    /// Its `SignalSent` or `CancelSent`.
    pub sent: EventId,
    /// The run that sent it first.
    pub by: RunId,
    /// To whom.
    pub to: RunRef,
    /// What.
    pub word: Word,
    /// When it was sent, if it may have been taken: it is told again after memory was lost.
    pub again: Option<Timestamp>,
}

impl Tell {
    /// Of the run `from`, if `outgoing` is a message of its program.
    pub(super) fn of(namespace: &Arc<str>, from: &RunRef, outgoing: Outgoing) -> Option<Tell> {
        let Outgoing::Tell { sent, by, to, word, again } = outgoing else { return None };
        Some(Tell { namespace: namespace.clone(), from: from.clone(), sent, by, to, word, again })
    }

    /// Looks at each value in it.
    pub(super) fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        if let Word::Signal { args, .. } = &mut self.word {
            visit(args);
        }
    }

    pub(super) fn request_id(&self) -> String {
        word::request_id(self.by, self.sent)
    }

    fn not_there(&self) -> Failure {
        Failure::new("RunNotFound", format!("there is no such run of the workflow id `{}`", self.to.workflow_id))
    }

    pub(super) fn answer(&self, refused: Option<Failure>) -> Output {
        let (to, sent) = (self.from.run_id, self.sent);
        Output::Send(to.partition(), Message::Told { to, sent, refused })
    }

    /// The message as the run's code takes it.
    fn input(&self, run: &Run) -> Result<Input, Failure> {
        let (request_id, from) = (Some(self.request_id()), Some(self.from.clone()));
        match &self.word {
            Word::Cancel => {
                let reason = format!("`{}` requested it", self.from.workflow_id);
                Ok(Input::Cancel { reason, request_id, from, client: false })
            }
            Word::Signal { name, args } => {
                let program = run.loaded().program();
                let workflow = &program.workflows[usize::from(run.workflow_index())];
                let signal = workflow.signals.iter().find(|signal| signal.name == *name).ok_or_else(|| {
                    Failure::new("NoSuchSignal", format!("`{}` has no signal `{name}`", workflow.name))
                })?;
                let args = normalize_args(program, signal.args, &args.value(), Strictness::Input)
                    .map_err(|error| Failure::new("WrongInput", error.to_string()))?;
                let (name, args) = (name.clone(), Payload::from(&args));
                Ok(Input::Signal { name, args, request_id, from, with_start: false })
            }
        }
    }

    /// Whether the history of a run has it. A run that was asked to cancel before takes no second request.
    fn is_in(&self, events: &[Event]) -> bool {
        let id = self.request_id();
        events.iter().any(|event| match &event.kind {
            EventKind::SignalReceived { request_id, .. } => request_id.as_ref() == Some(&id),
            EventKind::CancelRequested { .. } => self.word == Word::Cancel,
            _ => false,
        })
    }
}

impl Partition {
    /// Sends a message, which is in the log with batch number `batch`.
    pub(super) fn tell(&mut self, batch: u64, tell: Tell) {
        let to = tell.to.run_id.partition();
        let output = match to.0 < self.setup.partitions {
            true => Output::Send(to, Message::Tell(Box::new(tell))),
            // The text of its run id was made up.
            false => tell.answer(Some(tell.not_there())),
        };
        self.hold(batch, output);
    }

    /// Takes a message for a run of this partition.
    pub(super) fn take_tell(&mut self, tell: Tell, now: Timestamp) {
        let newest = self.newest_of(&tell.namespace, &tell.to).and_then(|id| Some((id, self.runs.get(&id)?)));
        let Some((id, open)) = newest else {
            let batch = self.ended_in(&tell.namespace, &tell.to.workflow_id);
            let (workflow_id, run_id) = (tell.to.workflow_id.clone(), Some(tell.to.run_id));
            let probe = Probe { asker: Asker::Word(tell), workflow_id, run_id, newest: None };
            return self.hold(batch, Output::Probe(Box::new(probe)));
        };
        let batch = open.batch;
        // Whoever makes up a run id reaches nobody of another name or namespace.
        if *open.namespace != *tell.namespace || open.run.me().workflow_id != tell.to.workflow_id {
            return self.hold(batch, tell.answer(Some(tell.not_there())));
        }
        let Some(tell) = self.not_told_before(id, tell) else { return };
        let Some(open) = self.runs.get(&id) else { return };
        match tell.input(&open.run) {
            Ok(input) => self.apply(id, input, Then::Tell(Box::new(tell)), now),
            Err(failure) => self.hold(batch, tell.answer(Some(failure))),
        }
    }

    /// The run has taken a message or refused it; what it says is in batch number `batch`.
    pub(super) fn told(&mut self, batch: u64, tell: Tell, how: Result<(), Refused>) {
        match how {
            Ok(()) => self.hold(batch, tell.answer(None)),
            // Perhaps it goes on as a new run, which is known in a moment.
            Err(Refused::Closed) => {
                let to = self.id;
                self.hold(batch, Output::Send(to, Message::Tell(Box::new(tell))));
            }
            Err(refused) => {
                let error = self.refusal(tell.to.run_id, Some(&tell.to.workflow_id), refused);
                self.hold(batch, tell.answer(Some(Failure::new("Refused", error.message))));
            }
        }
    }

    /// The store has answered: the run that a message is for has closed, if there was one.
    pub(super) fn tell_closed(&mut self, mut tell: Tell, found: Result<Option<ClosedRun>, StoreError>, now: Timestamp) {
        let events = match found.and_then(|row| row.map(|row| own_history(&tell, &row)).transpose()) {
            Ok(events) => events.flatten(),
            // The sender waits for nothing; the message is sent again when it is read back from a repaired store.
            Err(error) => {
                let (from, to) = (tell.from.run_id, &tell.to.workflow_id);
                return tracing::error!(%from, %to, %error, "a message waits: the closed run it is for cannot be read");
            }
        };
        let refused = match events {
            None => Some(tell.not_there()),
            Some(events) if tell.is_in(&events) => None,
            Some(events) => match events.last().and_then(|last| last.kind.next_run()) {
                Some(next_run) => {
                    tell.to.run_id = next_run;
                    return self.take_tell(tell, now);
                }
                None => Some(Failure::new("RunClosed", format!("the run `{}` has ended", tell.to.workflow_id))),
            },
        };
        let answer = tell.answer(refused);
        self.hold(0, answer);
    }

    /// The sender hears what became of its message.
    pub(super) fn hear_told(&mut self, to: RunId, sent: EventId, refused: Option<Failure>, now: Timestamp) {
        self.apply(to, Input::Told { sent, refused }, Then::Told(sent), now);
    }

    /// The sender had closed before: nothing is added to its history any more, but nobody shall send it again.
    pub(super) fn told_after_close(&mut self, run: RunId, sent: EventId) {
        if self.untold.remove(&(run, sent)) {
            self.writer.record(run, &Record::Told { sent });
        }
    }
}

/// The history of a closed run, if a message may be for it.
fn own_history(tell: &Tell, row: &ClosedRun) -> Result<Option<Vec<Event>>, StoreError> {
    let own = row.namespace == *tell.namespace && row.workflow_id == tell.to.workflow_id;
    own.then(|| closed::history(row)).transpose()
}
