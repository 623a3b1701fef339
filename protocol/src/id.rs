//! Ids and time.

use serde::{Deserialize, Serialize};

/// A point in a run's history. The first event has `EventId(1)`; there are no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

/// A position in a partition's log, never in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogSeq(pub u64);

/// A partition of the id space: the unit of ownership, log, timers and failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub u16);

/// One execution: the partition in the upper 12 bits, that partition's start counter in the lower 52.
/// Written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl RunId {
    /// The id of the `counter`-th start of a partition.
    ///
    /// # Panics
    /// If the counter has reached 2^52.
    pub fn new(partition: PartitionId, counter: u64) -> RunId {
        assert!(counter < 1 << 52, "a partition starts fewer than 2^52 runs");
        RunId(u64::from(partition.0) << 52 | counter)
    }

    /// The partition that owns the run.
    pub fn partition(self) -> PartitionId {
        PartitionId((self.0 >> 52) as u16)
    }

    /// The start counter.
    pub fn counter(self) -> u64 {
        self.0 & ((1 << 52) - 1)
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::fmt::Debug for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<RunId, Self::Err> {
        u64::from_str_radix(text, 16).map(RunId)
    }
}

/// What a namespace looks like, in words.
pub const NAMESPACE_RULE: &str =
    "1 to 200 of the letters a to z and A to Z, digits, `-`, `_` and `.`, a letter or digit first";
const _: () = assert!(crate::limits::NAMESPACE_BYTES_MAX == 200, "the rule says so");

/// Whether a text can name a namespace.
pub fn is_namespace(text: &str) -> bool {
    text.len() <= crate::limits::NAMESPACE_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The id a caller knows a run by: 1 to 1,000 bytes without control characters, unique among open runs of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowId(pub std::sync::Arc<str>);

impl WorkflowId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WorkflowId {
    fn from(text: &str) -> WorkflowId {
        WorkflowId(text.into())
    }
}

impl std::fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This many milliseconds later, saturating.
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }
}
