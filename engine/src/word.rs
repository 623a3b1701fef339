//! Messages that a program sends to other runs, from `SignalSent` or `CancelSent` to what became of them.
//!
//! ```text
//! SignalSent --SignalDelivered | SignalRefused--> ended
//! CancelSent --CancelDelivered | CancelRefused--> ended
//! ```
//!
//! The program does not notice the end. A run may close before it: then the end is no event of its history but a record
//! in the log ([`Record::Told`](crate::Record::Told)), so that nobody sends the message again for ever.

use std::collections::BTreeSet;

use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, Failure, RunId};

use crate::Run;
use crate::reset;
use crate::transition::{Outgoing, Transition, Word};

/// What makes a message one message, however often it arrives.
pub fn request_id(from: RunId, sent: EventId) -> String {
    format!("{from}/{}", sent.0)
}

/// What an event sends, if it sends something; `by` is the run that did so, and `again` says that it may have been told
/// before.
pub fn sent(event: &Event, by: RunId, again: bool) -> Option<Outgoing> {
    let (to, word) = match &event.kind {
        EventKind::SignalSent { to, name, args, .. } => {
            (to.clone(), Word::Signal { name: name.clone(), args: args.clone() })
        }
        EventKind::CancelSent { to, .. } => (to.clone(), Word::Cancel),
        _ => return None,
    };
    Some(Outgoing::Tell { sent: event.id, by, to, word, again: again.then_some(event.at) })
}

/// The messages of a history of which it does not say what became of them, in order.
pub fn untold(events: &[Event]) -> Vec<Outgoing> {
    let mut open = BTreeSet::new();
    for event in events {
        note(&mut open, event);
    }
    open.iter().filter_map(|id| sent(&events[id.0 as usize - 1], reset::doer(events, *id)?, true)).collect()
}

/// What an event means for the messages that are on their way.
pub(crate) fn note(open: &mut BTreeSet<EventId>, event: &Event) {
    use EventKind::*;
    match &event.kind {
        SignalSent { .. } | CancelSent { .. } => {
            open.insert(event.id);
        }
        SignalDelivered { sent }
        | SignalRefused { sent, .. }
        | CancelDelivered { sent }
        | CancelRefused { sent, .. } => {
            open.remove(sent);
        }
        _ => {}
    }
}

impl Run {
    /// The messages of which the history does not say what became of them.
    pub fn untold(&self) -> impl Iterator<Item = EventId> {
        self.sent.iter().copied()
    }

    /// Writes what was sent, and sends it.
    pub(crate) fn tell(&mut self, kind: EventKind, out: &mut Transition) {
        let id = self.record(kind, out);
        out.outbox.extend(self.sent_by(id, false));
    }

    /// A message that was sent; `again` if that is some time ago.
    pub(crate) fn sent_by(&self, id: EventId, again: bool) -> Option<Outgoing> {
        sent(&self.history[id.0 as usize - 1], self.doer(id), again)
    }

    /// What became of a message.
    pub(crate) fn told(&mut self, sent: EventId, refused: Option<Failure>, out: &mut Transition) {
        if !self.sent.contains(&sent) {
            return;
        }
        let signal = matches!(self.history[sent.0 as usize - 1].kind, EventKind::SignalSent { .. });
        let kind = match (signal, refused) {
            (true, None) => EventKind::SignalDelivered { sent },
            (true, Some(failure)) => EventKind::SignalRefused { sent, failure },
            (false, None) => EventKind::CancelDelivered { sent },
            (false, Some(failure)) => EventKind::CancelRefused { sent, failure },
        };
        self.happened(kind, out);
    }
}
