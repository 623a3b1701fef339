//! Heap values and what they are outside: JSON by type, text of string holes, failures.
//!
//! Checking foreign JSON is `weft_bytecode::wire`'s work; what arrives here was checked there. A payload that still
//! does not decode is a trap: history and program do not belong together.

pub(crate) mod compare;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod failure;

use rust_decimal::Decimal;
use weft_bytecode::types::builtin;

use crate::heap::Heap;
use crate::limits::Fault;

/// A decimal in its one form: no trailing zeros, no negative zero.
pub(crate) fn new_decimal(heap: &mut Heap, value: Decimal) -> Result<u64, Fault> {
    let mut value = value.normalize();
    if value.is_zero() {
        value = Decimal::ZERO;
    }
    let bytes = value.serialize();
    let (low, high) = bytes.split_at(8);
    let word = |half: &[u8]| half.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    heap.alloc_words(builtin::DECIMAL, &[word(low), word(high)])
}

/// The decimal behind a reference.
pub(crate) fn decimal(heap: &Heap, at: u64) -> Decimal {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&heap.get(at, 0).to_le_bytes());
    bytes[8..].copy_from_slice(&heap.get(at, 1).to_le_bytes());
    Decimal::deserialize(bytes)
}

pub(crate) fn new_text(heap: &mut Heap, text: &str) -> Result<u64, Fault> {
    heap.alloc_bytes(builtin::STRING, text.as_bytes())
}
