//! Requests that may be sent twice: a signal or cancel with a `request_id` that the run has seen changes nothing. The
//! newest `request_ids_kept` ids are remembered, in the order of the history, so a replay remembers the same ones. Those of
//! cancels have a place of their own: some of them are in records, whose place between the events nobody knows.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use weft_protocol::Event;
use weft_protocol::event::EventKind;

/// Whether a run took a signal under a request id, or a run before it in its chain, by its history.
pub fn has_taken(events: &[Event], name: &str, request_id: &str) -> bool {
    events.iter().any(|event| match &event.kind {
        EventKind::SignalReceived { name: taken, request_id: Some(id), .. } => taken == name && id == request_id,
        EventKind::RunStarted { continued: Some(continued), .. } => {
            continued.requests.iter().any(|id| **id == *request_id)
        }
        _ => false,
    })
}

/// Ids of cancels that a run remembers, beside those of its other requests: a run takes one, so a chain takes few, and a
/// parent asks again as long as it waits.
const CANCELS_KEPT: usize = 1_000;

/// How many there may be for a client's cancel of a run that is canceled already to be remembered too: however often
/// clients ask, there is room for what runs and schedules ask, which they ask again after a crash.
const CLIENTS_CANCELS_KEPT: usize = CANCELS_KEPT / 2;

/// The request ids a run remembers. Most runs that wait have taken none, and pay for none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests {
    newest: Option<Box<Window>>,
    cancels: Option<Box<Window>>,
}

/// The newest of some ids.
#[derive(Debug, Clone, Default)]
struct Window {
    order: VecDeque<Arc<str>>,
    seen: FxHashSet<Arc<str>>,
    /// Whether one was ever pushed out. How many there are does not say so: the limit may have been lower then.
    forgotten: bool,
}

impl Requests {
    /// Whether a request with this id was taken before.
    pub(crate) fn knows(&self, id: Option<&str>) -> bool {
        id.is_some_and(|id| [&self.newest, &self.cancels].into_iter().flatten().any(|window| window.seen.contains(id)))
    }

    /// All of them but cancels, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.newest.iter().flat_map(|window| &window.order).map(|id| &**id)
    }

    /// Those of cancels, oldest first.
    pub(crate) fn cancels(&self) -> impl Iterator<Item = &str> {
        self.cancels.iter().flat_map(|window| &window.order).map(|id| &**id)
    }

    /// Whether a request other than a cancel was forgotten, by this run or one before it in its chain.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.newest.as_ref().is_some_and(|window| window.forgotten)
    }

    /// Takes over whether requests were forgotten.
    pub(crate) fn forgets(&mut self, forgotten: bool) {
        if forgotten {
            self.newest.get_or_insert_default().forgotten = true;
        }
    }

    /// Remembers a request, and forgets the oldest beyond `kept`.
    pub(crate) fn remember(&mut self, id: Option<&str>, kept: usize) {
        if let Some(id) = id {
            self.newest.get_or_insert_default().remember(id, kept);
        }
    }

    /// Whether a cancel that changes nothing is remembered.
    pub(crate) fn has_room_for_cancel(&self, of_client: bool) -> bool {
        self.cancels().count() < if of_client { CLIENTS_CANCELS_KEPT } else { CANCELS_KEPT }
    }

    /// Remembers a request to cancel.
    pub(crate) fn remember_cancel(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.cancels.get_or_insert_default().remember(id, CANCELS_KEPT);
        }
    }
}

impl Window {
    fn remember(&mut self, id: &str, kept: usize) {
        let id: Arc<str> = id.into();
        if !self.seen.insert(Arc::clone(&id)) {
            return;
        }
        self.order.push_back(id);
        while self.order.len() > kept {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
                self.forgotten = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_ids_are_known() {
        let mut requests = Requests::default();
        for id in ["a", "b", "a", "c"] {
            requests.remember(Some(id), 2);
        }
        assert!(!requests.knows(Some("a")), "the oldest is forgotten");
        assert!(requests.knows(Some("b")) && requests.knows(Some("c")));
        assert!(!requests.knows(None));
    }

    #[test]
    fn a_cancel_is_known_whatever_comes_after_it() {
        let mut requests = Requests::default();
        requests.remember_cancel(Some("a"));
        (0..10).for_each(|id| requests.remember(Some(&id.to_string()), 2));
        assert!(requests.knows(Some("a")));
        assert!(requests.all().eq(["8", "9"]) && requests.cancels().eq(["a"]));
    }
}
