//! The memory of a run: one arena of words, and the meter of work done.
//!
//! A reference is the offset of an object's header; 0 is none. No Rust pointer ever lives here, so the arena is the
//! snapshot. What the payload of an object means is said by the layout of the type in its header
//! ([`crate::layout`]).

use weft_bytecode::types::TypeId;
use zerocopy::IntoBytes;

use crate::layout::{Layouts, Refs};
use crate::limits::{Fault, fault};
use crate::step::TrapKind;

#[cfg(target_endian = "big")]
compile_error!("text in the arena is laid out little endian, as snapshots are");

/// Set when a second owner may see the object: an update copies it first.
const SHARED: u64 = 1 << 48;
/// The length counts bytes, not words.
const RAW: u64 = 1 << 49;
/// The object has moved; the low bits say where.
const MOVED: u64 = 1 << 63;
const LENGTH: u64 = 0xffff_ffff;

/// Words that may always be allocated between two collections.
const TRIGGER_MIN: u64 = 2_048;

/// The arena and the meter.
#[derive(Debug, Clone)]
pub(crate) struct Heap {
    words: Vec<u64>,
    /// Words that were live after the last collection.
    live: u64,
    /// Words allocated since then. Together with `live` it decides when to collect, so a collection happens at the
    /// same instruction whether or not the run was restored from a snapshot in between.
    since: u64,
    words_max: u64,
    /// Fuel used by the run so far.
    pub(crate) fuel_used: u64,
    /// Fuel beyond which the activation is stopped. Not state: set anew before anything runs.
    fuel_end: u64,
    /// Fuel the activation may use, for the message.
    fuel_activation_max: u64,
}

/// The counters of a heap that are part of a run's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) live: u64,
    pub(crate) since: u64,
    pub(crate) fuel_used: u64,
}

/// Words of payload behind a header.
fn payload_words(header: u64) -> usize {
    let length = (header & LENGTH) as usize;
    if header & RAW != 0 { length.div_ceil(8) } else { length }
}

/// The type in a header.
pub(crate) fn type_of(header: u64) -> TypeId {
    TypeId((header >> 32) as u16)
}

impl Heap {
    pub(crate) fn new(heap_bytes_max: usize) -> Heap {
        Heap::from_parts(vec![0], Counters { live: 0, since: 0, fuel_used: 0 }, heap_bytes_max)
    }

    /// A heap over the words of a snapshot.
    pub(crate) fn from_parts(words: Vec<u64>, counters: Counters, heap_bytes_max: usize) -> Heap {
        let Counters { live, since, fuel_used } = counters;
        let words_max = heap_bytes_max as u64 / 8;
        Heap { words, live, since, words_max, fuel_used, fuel_end: u64::MAX, fuel_activation_max: u64::MAX }
    }

    /// Gives back what the arena has in reserve.
    pub(crate) fn give_back(&mut self) {
        self.words.shrink_to_fit();
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { live: self.live, since: self.since, fuel_used: self.fuel_used }
    }

    /// Charges a bulk operation on this many bytes, before it works.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.fuel_used += 1 + bytes as u64 / 64;
    }

    /// Charges looking through so many places: fibers, frames, what waits.
    pub(crate) fn charge_steps(&mut self, places: usize) {
        self.fuel_used += places as u64 / 8;
    }

    /// An activation that began with `start` used fuel may use `max` more.
    pub(crate) fn limit_fuel(&mut self, start: u64, max: u64) {
        self.fuel_end = start.saturating_add(max);
        self.fuel_activation_max = max;
    }

    pub(crate) fn fuel_end(&self) -> u64 {
        self.fuel_end
    }

    pub(crate) fn out_of_fuel(&self) -> Fault {
        let max = self.fuel_activation_max;
        fault(TrapKind::Fuel, format!("one activation used more than {max} fuel (limit `fuel_activation_max`)"))
    }

    /// Whether it is time to collect. Asked before an op that allocates, when only registers hold references.
    pub(crate) fn wants_collection(&self) -> bool {
        self.since > TRIGGER_MIN.max(self.live.min(self.words_max / 4))
    }

    fn grow(&mut self, header: u64) -> Result<usize, Fault> {
        let words = payload_words(header) as u64 + 1;
        // One op may need more than the collector saw coming; half the limit again is what it may overdraw.
        if self.live + self.since + words > self.words_max + self.words_max / 2 {
            return Err(self.out_of_memory());
        }
        self.since += words;
        let at = self.words.len();
        if at as u64 + words > LENGTH {
            return Err(self.out_of_memory());
        }
        self.words.push(header);
        Ok(at)
    }

    /// Bytes that one op may still allocate.
    pub(crate) fn room(&self) -> usize {
        let most = self.words_max + self.words_max / 2;
        8 * most.saturating_sub(self.live + self.since) as usize
    }

    /// Refuses what will not fit, before it is made.
    pub(crate) fn expect_room(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > self.room() { Err(self.out_of_memory()) } else { Ok(()) }
    }

    pub(crate) fn out_of_memory(&self) -> Fault {
        let limit = self.words_max * 8;
        fault(TrapKind::Memory, format!("the run needs more than {limit} bytes (limit `heap_bytes_max`)"))
    }

    /// An object of `length` zero words.
    pub(crate) fn alloc(&mut self, ty: TypeId, length: usize) -> Result<u64, Fault> {
        let at = self.grow(header(ty, length)?)?;
        self.words.resize(at + 1 + length, 0);
        Ok(at as u64)
    }

    /// An object of these words.
    pub(crate) fn alloc_words(&mut self, ty: TypeId, payload: &[u64]) -> Result<u64, Fault> {
        let at = self.grow(header(ty, payload.len())?)?;
        self.words.extend_from_slice(payload);
        Ok(at as u64)
    }

    /// An object of bytes: `String` or `Bytes`.
    pub(crate) fn alloc_bytes(&mut self, ty: TypeId, bytes: &[u8]) -> Result<u64, Fault> {
        let at = self.grow(header(ty, bytes.len())? | RAW)?;
        self.words.resize(at + 1 + bytes.len().div_ceil(8), 0);
        self.words[at + 1..].as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        Ok(at as u64)
    }

    /// A copy of an object, not shared, with `extra` zero words behind.
    pub(crate) fn alloc_copy(&mut self, of: u64, extra: usize) -> Result<u64, Fault> {
        let old = self.header(of);
        let length = payload_words(old);
        let at = self.grow(header(type_of(old), length + extra)?)?;
        self.words.extend_from_within(of as usize + 1..of as usize + 1 + length);
        self.words.resize(at + 1 + length + extra, 0);
        Ok(at as u64)
    }

    pub(crate) fn header(&self, at: u64) -> u64 {
        self.words[at as usize]
    }

    /// The type the object was made with.
    pub(crate) fn type_at(&self, at: u64) -> TypeId {
        type_of(self.header(at))
    }

    /// Payload length: bytes of text, words of all else.
    pub(crate) fn length(&self, at: u64) -> usize {
        (self.header(at) & LENGTH) as usize
    }

    /// Bytes the object takes.
    pub(crate) fn size(&self, at: u64) -> usize {
        8 * (1 + payload_words(self.header(at)))
    }

    pub(crate) fn get(&self, at: u64, index: usize) -> u64 {
        self.words[at as usize + 1 + index]
    }

    pub(crate) fn set(&mut self, at: u64, index: usize, value: u64) {
        self.words[at as usize + 1 + index] = value;
    }

    /// The payload words of an object.
    pub(crate) fn payload(&self, at: u64) -> &[u64] {
        let start = at as usize + 1;
        &self.words[start..start + payload_words(self.header(at))]
    }

    pub(crate) fn payload_mut(&mut self, at: u64) -> &mut [u64] {
        let start = at as usize + 1;
        let length = payload_words(self.header(at));
        &mut self.words[start..start + length]
    }

    /// The bytes of a `String` or `Bytes`.
    pub(crate) fn bytes(&self, at: u64) -> &[u8] {
        &self.payload(at).as_bytes()[..self.length(at)]
    }

    /// The text of a `String`. Every way into the heap has checked that it is UTF-8.
    pub(crate) fn text(&self, at: u64) -> &str {
        std::str::from_utf8(self.bytes(at)).unwrap_or_default()
    }

    pub(crate) fn is_shared(&self, at: u64) -> bool {
        self.header(at) & SHARED != 0
    }

    /// Marks an object as seen by a second owner; none has nothing to mark.
    pub(crate) fn share(&mut self, at: u64) {
        if at != 0 {
            self.words[at as usize] |= SHARED;
        }
    }

    /// All words, for the snapshot.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut Vec<u64> {
        &mut self.words
    }

    /// Keeps what the roots reach. `roots` is called once with the function that moves a slot.
    pub(crate) fn collect(
        &mut self,
        layouts: &Layouts,
        roots: impl FnOnce(&mut dyn FnMut(&mut u64)),
    ) -> Result<(), Fault> {
        self.words = compact(std::mem::take(&mut self.words), layouts, roots);
        self.live = self.words.len() as u64;
        self.since = 0;
        if self.live > self.words_max { Err(self.out_of_memory()) } else { Ok(()) }
    }
}

fn header(ty: TypeId, length: usize) -> Result<u64, Fault> {
    match u32::try_from(length) {
        Ok(length) => Ok(u64::from(length) | u64::from(ty.0) << 32),
        Err(_) => Err(fault(TrapKind::Memory, "one value needs more than 4 GiB")),
    }
}

/// Copies what the roots reach, in the order they reach it (Cheney). The result is a function of the live state
/// alone: compacting it again gives the same words.
pub(crate) fn compact(mut from: Vec<u64>, layouts: &Layouts, roots: impl FnOnce(&mut dyn FnMut(&mut u64))) -> Vec<u64> {
    let mut to = Vec::with_capacity(from.len().min(1 << 16));
    to.push(0);
    roots(&mut |slot| *slot = forward(&mut from, &mut to, *slot));
    let mut scan = 1;
    while scan < to.len() {
        let header = to[scan];
        let payload = scan + 1;
        scan = payload + payload_words(header);
        match layouts.refs(type_of(header), &to[payload..scan]) {
            Refs::Range { from: first, to: end, step } => {
                for index in (first..end).step_by(step) {
                    let old = to[payload + index];
                    to[payload + index] = forward(&mut from, &mut to, old);
                }
            }
            Refs::At(places) => {
                for index in places {
                    let at = payload + usize::from(*index);
                    let old = to[at];
                    to[at] = forward(&mut from, &mut to, old);
                }
            }
        }
    }
    to
}

fn forward(from: &mut [u64], to: &mut Vec<u64>, at: u64) -> u64 {
    if at == 0 {
        return 0;
    }
    let at = at as usize;
    let header = from[at];
    if header & MOVED != 0 {
        return header & !MOVED;
    }
    let moved = to.len() as u64;
    to.extend_from_slice(&from[at..at + 1 + payload_words(header)]);
    from[at] = MOVED | moved;
    moved
}

/// Walks the words of an untrusted arena: header, offset and payload of each object.
///
/// # Errors
/// If the headers do not tile the arena.
pub(crate) fn each_object(
    words: &[u64],
    mut visit: impl FnMut(usize, TypeId, bool, &[u64]) -> Result<(), String>,
) -> Result<(), String> {
    if words.first() != Some(&0) {
        return Err("the arena does not begin with the null word".into());
    }
    let mut at = 1;
    while at < words.len() {
        let header = words[at];
        if header & !(LENGTH | 0xffff << 32 | SHARED | RAW) != 0 {
            return Err(format!("word {at} is no object header"));
        }
        let end = at + 1 + payload_words(header);
        let payload = words.get(at + 1..end).ok_or_else(|| format!("the object at {at} is longer than the arena"))?;
        visit(at, type_of(header), header & RAW != 0, payload)?;
        at = end;
    }
    Ok(())
}

/// Length field of the header at an offset of an arena that [`each_object`] accepts.
pub(crate) fn length_at(words: &[u64], at: usize) -> usize {
    (words[at] & LENGTH) as usize
}
