//! The events of a run, of which the older ones may still be as they were written: after a restart most of a long history
//! is asked for by nobody. Whoever asks for it finds it read; that it was not is nowhere to be seen but in time and memory.

use std::collections::BTreeMap;
use std::ops::{Deref, Index, Range, RangeFrom, RangeTo};
use std::sync::OnceLock;

use weft_protocol::{Event, EventId};

/// The first events of a history as bytes, and how to read them.
#[derive(Debug, Clone)]
pub struct Packed {
    /// How many there are.
    pub count: usize,
    /// The events, one behind the other. They were under a checksum.
    pub bytes: Vec<u8>,
    /// Reads them.
    pub read: fn(&[u8]) -> Result<Vec<Event>, String>,
    /// Those of them that are needed at once. They are as their readers want them: with their large values.
    pub kept: BTreeMap<EventId, Event>,
}

impl Packed {
    /// All of them.
    ///
    /// # Errors
    /// If the bytes are not what was written.
    pub fn unpacked(&self) -> Result<Vec<Event>, String> {
        let mut events = (self.read)(&self.bytes)?;
        if events.len() != self.count {
            return Err(format!("{} events were packed and {} are there", self.count, events.len()));
        }
        for (id, event) in &self.kept {
            if let Some(place) = events.get_mut((id.0 as usize).wrapping_sub(1)) {
                place.clone_from(event);
            }
        }
        Ok(events)
    }
}

/// A run's events in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    packed: Option<Box<(Packed, OnceLock<Vec<Event>>)>>,
    /// What comes behind the packed ones.
    rest: Vec<Event>,
}

impl Past {
    /// Packed events and those behind them.
    pub(crate) fn packed(packed: Packed, rest: Vec<Event>) -> Past {
        Past { packed: Some(Box::new((packed, OnceLock::new()))), rest }
    }

    pub(crate) fn with_capacity(events: usize) -> Past {
        Past { packed: None, rest: Vec::with_capacity(events) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.before() + self.rest.len()
    }

    /// How many are packed.
    fn before(&self) -> usize {
        self.packed.as_ref().map_or(0, |packed| packed.0.count)
    }

    pub(crate) fn push(&mut self, event: Event) {
        // Read meanwhile: nothing is packed any more.
        if let Some(all) = self.packed.as_mut().and_then(|packed| packed.1.take()) {
            self.rest = all;
            self.packed = None;
        }
        self.rest.push(event);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.rest.shrink_to_fit();
    }

    /// The one at this place, from 0.
    pub(crate) fn get(&self, at: usize) -> Option<&Event> {
        let before = self.before();
        if at >= before {
            return self.rest.get(at - before);
        }
        let (packed, all) = &**self.packed.as_ref()?;
        match packed.kept.get(&EventId(at as u64 + 1)) {
            Some(kept) if all.get().is_none() => Some(kept),
            _ => self.all().get(at),
        }
    }

    pub(crate) fn first(&self) -> Option<&Event> {
        self.get(0)
    }

    pub(crate) fn last(&self) -> Option<&Event> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All of them.
    ///
    /// # Panics
    /// If packed bytes are not what was written, though they were under a checksum: whoever owns the run stops, and its log
    /// is as it was.
    pub(crate) fn all(&self) -> &[Event] {
        let Some(packed) = &self.packed else { return &self.rest };
        packed.1.get_or_init(|| {
            let mut all = packed.0.unpacked().expect("a history under a checksum is what was written");
            all.extend_from_slice(&self.rest);
            all
        })
    }

    /// Those at these places.
    pub(crate) fn range(&self, range: Range<usize>) -> &[Event] {
        match range.start.checked_sub(self.before()) {
            // What a run has still to do after a restart comes with no events: that is no reason to read any.
            _ if range.is_empty() => &[],
            Some(start) => &self.rest[start..start + range.len()],
            None => &self.all()[range],
        }
    }
}

impl From<Vec<Event>> for Past {
    fn from(rest: Vec<Event>) -> Past {
        Past { packed: None, rest }
    }
}

impl Deref for Past {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        self.all()
    }
}

impl Index<usize> for Past {
    type Output = Event;

    fn index(&self, at: usize) -> &Event {
        match self.get(at) {
            Some(event) => event,
            // As a slice says it.
            None => &self.all()[at],
        }
    }
}

impl Index<Range<usize>> for Past {
    type Output = [Event];

    fn index(&self, range: Range<usize>) -> &[Event] {
        self.range(range)
    }
}

impl Index<RangeFrom<usize>> for Past {
    type Output = [Event];

    fn index(&self, range: RangeFrom<usize>) -> &[Event] {
        self.range(range.start..self.len().max(range.start))
    }
}

impl Index<RangeTo<usize>> for Past {
    type Output = [Event];

    fn index(&self, range: RangeTo<usize>) -> &[Event] {
        self.range(0..range.end)
    }
}

#[cfg(test)]
mod tests {
    use weft_protocol::Timestamp;
    use weft_protocol::event::EventKind;

    use super::*;

    #[test]
    fn what_is_behind_the_packed_events_is_there_without_reading_them() {
        let read = |_: &[u8]| -> Result<Vec<Event>, String> { panic!("nobody asked for them") };
        let packed = Packed { count: 3, bytes: Vec::new(), read, kept: BTreeMap::new() };
        let event = |id| Event { id: EventId(id), at: Timestamp(0), kind: EventKind::TimerFired { timer: EventId(1) } };
        let mut past = Past::packed(packed, vec![event(4)]);
        past.push(event(5));
        assert_eq!((past.len(), past.get(3), past.last()), (5, Some(&event(4)), Some(&event(5))));
        assert_eq!(past.range(3..5), [event(4), event(5)]);
        assert!(past.range(0..0).is_empty() && past.range(2..2).is_empty());
    }
}
