//! What a store does without an engine, for `weft bench`: single-row commits, which is what an engine with a commit per
//! step pays, and bare chunk appends, which is the limit. Both use tables of their own and remove them.

use std::time::{Duration, Instant};

use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, LogSeq, PartitionId, Payload, RunId, Timestamp};

use super::{Chunk, StoreError, postgres, sqlite};
use crate::frame::ChunkWriter;

/// Bytes of the row that is committed, and of an event's payload.
pub(super) const PAYLOAD_BYTES: usize = 100;
/// Events of one bare append.
const EVENTS: u64 = 1_000;

/// How fast a store was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rate {
    /// Rows or events a second.
    pub per_s: f64,
    /// Median of a commit, milliseconds.
    pub p50_ms: f64,
}

impl Rate {
    /// From the microseconds of each commit, the units in one, and the time it all took.
    fn of(mut micros: Vec<u32>, units: u64, took: Duration) -> Rate {
        if micros.is_empty() {
            return Rate::default();
        }
        micros.sort_unstable();
        let p50_ms = f64::from(micros[micros.len() / 2]) / 1e3;
        Rate { per_s: micros.len() as f64 * units as f64 / took.as_secs_f64(), p50_ms }
    }
}

/// A connection of a yardstick.
#[async_trait::async_trait]
pub(super) trait Stick: Send {
    /// Commits one row at `(a, b)`.
    async fn row(&mut self, a: i32, b: i64, body: &[u8]) -> Result<(), StoreError>;
    /// Commits chunks.
    async fn chunks(&mut self, chunks: &[Chunk]) -> Result<(), StoreError>;
}

/// Prepared one-row inserts of 100 bytes under a key of two columns, each a commit, on `connections` connections that
/// never pause. `None` for a store that commits nothing.
///
/// # Errors
/// As the store says.
pub async fn single_rows(url: &str, connections: u16, how_long: Duration) -> Result<Option<Rate>, StoreError> {
    let Some(mut sticks) = sticks(url, connections).await? else { return Ok(None) };
    let start = Instant::now();
    let loops = sticks.drain(..).zip(0..).map(|(mut stick, a)| {
        tokio::spawn(async move {
            let body = [0x5a; PAYLOAD_BYTES];
            let mut micros = Vec::with_capacity(1 << 16);
            let mut now = Instant::now();
            for b in 0.. {
                if now.duration_since(start) >= how_long {
                    break;
                }
                stick.row(a, b, &body).await?;
                let after = Instant::now();
                micros.push(after.duration_since(now).as_micros() as u32);
                now = after;
            }
            Ok::<_, StoreError>(micros)
        })
    });
    let mut micros = Vec::new();
    for ended in futures::future::join_all(loops).await {
        micros.append(&mut ended.map_err(|error| StoreError::Unavailable(error.to_string()))??);
    }
    let rate = Rate::of(micros, 1, start.elapsed());
    clear(url).await?;
    Ok(Some(rate))
}

/// Chunks of a thousand events of 100 bytes in each append, one append after the other. `None` for a store that commits
/// nothing.
///
/// # Errors
/// As the store says.
pub async fn chunk_events(url: &str, how_long: Duration) -> Result<Option<Rate>, StoreError> {
    let Some(mut sticks) = sticks(url, 1).await? else { return Ok(None) };
    let part = PartitionId(0);
    let mut writer = ChunkWriter::new(part, 1, LogSeq(1), 0);
    let mut chunks = Vec::new();
    let mut micros = Vec::new();
    let event = Event {
        id: EventId(1),
        at: Timestamp(0),
        kind: EventKind::SignalReceived {
            name: "bench".into(),
            args: Payload::json(&format!("\"{}\"", "x".repeat(PAYLOAD_BYTES - 12))),
            request_id: None,
            from: None,
        },
    };
    let start = Instant::now();
    while start.elapsed() < how_long {
        let sent = Instant::now();
        for counter in 0..EVENTS {
            writer.event(RunId::new(part, counter), &event);
        }
        chunks.clear();
        writer.take(&mut chunks);
        sticks[0].chunks(&chunks).await?;
        micros.push(sent.elapsed().as_micros() as u32);
    }
    let rate = Rate::of(micros, EVENTS, start.elapsed());
    clear(url).await?;
    Ok(Some(rate))
}

async fn sticks(url: &str, connections: u16) -> Result<Option<Vec<Box<dyn Stick>>>, StoreError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => postgres::yardstick::sticks(url, connections).await.map(Some),
        Some(("sqlite", path)) => sqlite::yardstick::sticks(path).await.map(Some),
        _ => Ok(None),
    }
}

async fn clear(url: &str) -> Result<(), StoreError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => postgres::yardstick::clear(url).await,
        Some(("sqlite", path)) => sqlite::yardstick::clear(path).await,
        _ => Ok(()),
    }
}
