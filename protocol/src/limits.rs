//! Limits by name (docs/operations.md). What reaches one is told its name and loses nothing.

use serde::{Deserialize, Serialize};

/// Bytes of a source file that a compiler reads; `source_bytes_max` can only be less.
pub const SOURCE_BYTES_MAX: usize = 8 << 20;

/// Bytes of a workflow id for which the databases have room in an index, beside its namespace; `workflow_id_bytes_max`
/// can only be less.
pub const WORKFLOW_ID_BYTES_MAX: usize = 2_000;

/// Most that the limit for histories may be set to. A closed history is one value of the store: PostgreSQL takes 1 GB of
/// one (<https://www.postgresql.org/docs/current/limits.html>), SQLite 1,000,000,000 bytes
/// (<https://sqlite.org/limits.html>), and what a stuck run is told yet comes on top.
pub const HISTORY_BYTES_MAX: usize = 512 << 20;

/// Bytes of an update id.
pub const UPDATE_ID_BYTES_MAX: usize = 1_000;

/// Bytes of the id that makes a request idempotent: runs and partitions remember many of them.
pub const REQUEST_ID_BYTES_MAX: usize = 1_000;

/// Bytes of the reason that somebody gives for a cancel, a terminate, a reset or a pause.
pub const REASON_BYTES_MAX: usize = 10_000;

/// The longest delay, in milliseconds, that whoever reports a failed attempt may ask for before the next one: 365 days.
pub const RETRY_AFTER_MS_MAX: i64 = 365 * 86_400_000;

/// Bytes of a namespace.
pub const NAMESPACE_BYTES_MAX: usize = 200;

/// All limits a node enforces; `[limits]` of the configuration overrides them by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one payload.
    pub payload_bytes_max: usize,
    /// Bytes of one HTTP request.
    pub request_bytes_max: usize,
    /// Bytes of a workflow id.
    pub workflow_id_bytes_max: usize,
    /// Pending operations of a run.
    pub pending_commands_max: usize,
    /// Fibers of a run.
    pub fibers_max: usize,
    /// Unread mailbox messages of a run.
    pub mailbox_messages_max: usize,
    /// Updates of a run that are accepted and have not ended.
    pub updates_in_flight_max: usize,
    /// Request ids remembered per run.
    pub request_ids_kept: usize,
    /// Fuel after which a long computation lets others run.
    pub fuel_slice: u64,
    /// Fuel of one activation.
    pub fuel_activation_max: u64,
    /// Live bytes of a run's heap.
    pub heap_bytes_max: usize,
    /// Frames of a fiber.
    pub frames_max: usize,
    /// Bytes of a source file.
    pub source_bytes_max: usize,
    /// Bytes of an encoded program.
    pub program_bytes_max: usize,
    /// Longest long poll, milliseconds.
    pub long_poll_max_ms: i64,
    /// Rows of one page.
    pub page_rows_max: usize,
    /// Bytes of a run's history.
    pub history_bytes_max: usize,
    /// Events of a run after which its state is kept again, so that a restart replays little more than these.
    pub snapshot_events: usize,
    /// Chunks of a partition's log that are kept once more as one row, so that a restart reads few rows of a long log.
    pub bundle_chunks: usize,
    /// Runs that a child may have above it, each the child of the next.
    pub child_depth_max: usize,
    /// Bytes that one partition may have waiting for the store before starts and signals are refused and timers wait.
    pub pending_bytes_max: usize,
    /// Runs of a chain that may, in a row, `continue as new` as they begin, without waiting or taking a message.
    pub idle_runs_max: usize,
    /// Bytes of all search attributes of a run.
    pub attributes_bytes_max: usize,
    /// Bytes of the memo of a run.
    pub memo_bytes_max: usize,
    /// Bytes of one search attribute.
    pub attribute_bytes_max: usize,
    /// Silence after which a node's partitions may be taken over, milliseconds.
    pub lease_ms: i64,
    /// How long a delivered `queue` task is left to its worker after a restart, milliseconds.
    pub reclaim_grace_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            payload_bytes_max: 2 << 20,
            request_bytes_max: 4 << 20,
            workflow_id_bytes_max: 1_000,
            pending_commands_max: 10_000,
            fibers_max: 10_000,
            mailbox_messages_max: 10_000,
            updates_in_flight_max: 100,
            request_ids_kept: 1_000,
            fuel_slice: 5_000_000,
            fuel_activation_max: 20_000_000_000,
            heap_bytes_max: 256 << 20,
            frames_max: 10_000,
            source_bytes_max: SOURCE_BYTES_MAX,
            program_bytes_max: 16 << 20,
            long_poll_max_ms: 60_000,
            page_rows_max: 1_000,
            history_bytes_max: 256 << 20,
            snapshot_events: 5_000,
            bundle_chunks: 1_000,
            child_depth_max: 100,
            pending_bytes_max: 8 << 20,
            idle_runs_max: 1_000,
            attributes_bytes_max: 40 << 10,
            memo_bytes_max: 64 << 10,
            attribute_bytes_max: 2 << 10,
            lease_ms: 3_000,
            reclaim_grace_ms: 10_000,
        }
    }
}
