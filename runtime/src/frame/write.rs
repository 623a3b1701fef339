//! Records → chunks of one partition.

use weft_engine::Record;
use weft_protocol::{Event, LogSeq, PartitionId, RunId, ScheduleEvent, Timestamp};

use super::{
    FLAG_CONTINUES, FLAG_FENCE, HEADER_BYTES, Raw, TAG_EVENT, TAG_FENCE, TAG_RECORD, TAG_SCHEDULE, Trail, VERSION,
    large, varint,
};
use crate::store::{Blob, CHUNK_BYTES_MAX, Chunk};

/// A frame is only begun where its length and a little of it fit: lengths are never split.
const FRAME_START_BYTES: usize = varint::BYTES_MAX + 6;

/// Turns the records of one partition into chunks, in order. What it has given away counts as written: a resend sends
/// the same chunks, and a lost partition drops its writer.
#[derive(Debug)]
pub struct ChunkWriter {
    part: PartitionId,
    epoch: u64,
    next: LogSeq,
    chain: u32,
    /// The body being filled; empty if no record has come since the last [`ChunkWriter::take`].
    body: Vec<u8>,
    base: Timestamp,
    full: Vec<Chunk>,
    record: Vec<u8>,
    /// Values too large for the log, and how many bytes they have.
    blobs: Vec<Blob>,
    blob_bytes: usize,
}

impl ChunkWriter {
    /// A writer whose first chunk takes place `next` after the chunk whose checksum is `chain`
    /// ([`ChunkReader::writer`](super::ChunkReader::writer) knows both).
    pub fn new(part: PartitionId, epoch: u64, next: LogSeq, chain: u32) -> ChunkWriter {
        ChunkWriter {
            part,
            epoch,
            next,
            chain,
            body: Vec::new(),
            base: Timestamp(0),
            full: Vec::new(),
            record: Vec::with_capacity(1024),
            blobs: Vec::new(),
            blob_bytes: 0,
        }
    }

    /// The place of the next chunk to be closed.
    pub fn next_seq(&self) -> LogSeq {
        self.next
    }

    /// The epoch it writes in.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.full.is_empty()
    }

    /// Bytes that wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.body.len() + self.full.len() * CHUNK_BYTES_MAX + self.blob_bytes
    }

    /// Adds an event of a run.
    pub fn event(&mut self, run: RunId, event: &Event) {
        self.event_of(run, event, &mut Trail::default());
    }

    /// The same of the run whose events so far left this trail.
    pub fn event_of(&mut self, run: RunId, event: &Event, trail: &mut Trail) {
        self.make_room(event.at);
        self.begin_record(TAG_EVENT, run);
        varint::put(&mut self.record, event.id.0);
        varint::put(&mut self.record, varint::zigzag(event.at.0.wrapping_sub(self.base.0)));
        let (before, kind_at) = (self.blobs.len(), self.record.len());
        match large::without_large(run, &event.kind, &mut self.blobs) {
            Some(kind) => varint::append(&mut self.record, &kind),
            None => varint::append(&mut self.record, &event.kind),
        }
        trail.large.extend((self.blobs.len() > before).then_some(event.id));
        trail.follow(Raw { run, id: event.id, at: event.at, kind: &self.record[kind_at..] });
        self.count_blobs(before);
        self.put_frame();
    }

    /// Adds a log-only record of a run.
    pub fn record(&mut self, run: RunId, record: &Record) {
        self.make_room(self.base);
        self.begin_record(TAG_RECORD, run);
        let before = self.blobs.len();
        let record = large::record_without_large(run, record, &mut self.blobs);
        varint::append(&mut self.record, &record);
        self.count_blobs(before);
        self.put_frame();
    }

    fn count_blobs(&mut self, before: usize) {
        self.blob_bytes += self.blobs[before..].iter().map(|blob| blob.body.len()).sum::<usize>();
    }

    /// Moves the values that the chunks taken last refer to into `out`: they belong into the same append.
    pub fn take_blobs(&mut self, out: &mut Vec<Blob>) {
        out.append(&mut self.blobs);
        self.blob_bytes = 0;
    }

    /// Adds an event of a schedule.
    pub fn schedule(&mut self, namespace: &str, name: &str, event: &ScheduleEvent) {
        self.make_room(event.at);
        self.record.clear();
        self.record.push(TAG_SCHEDULE);
        varint::put(&mut self.record, 0);
        varint::append(&mut self.record, &(namespace, name, event));
        self.put_frame();
    }

    /// Moves everything added since the last call to `out`, as whole chunks that belong into one append.
    pub fn take(&mut self, out: &mut Vec<Chunk>) {
        out.append(&mut self.full);
        if !self.body.is_empty() {
            let chunk = self.close();
            out.push(chunk);
        }
    }

    /// A frame needs a body with room for its start; a new body counts times from `at`.
    fn make_room(&mut self, at: Timestamp) {
        if !self.body.is_empty() && self.body.len() + FRAME_START_BYTES > CHUNK_BYTES_MAX {
            let chunk = self.close();
            self.full.push(chunk);
        }
        if self.body.is_empty() {
            self.base = at;
            self.open(0);
        }
    }

    fn begin_record(&mut self, tag: u8, run: RunId) {
        debug_assert_eq!(run.partition(), self.part, "a run's records go to its own partition's log");
        self.record.clear();
        self.record.push(tag);
        varint::put(&mut self.record, run.counter());
    }

    fn put_frame(&mut self) {
        varint::put(&mut self.body, self.record.len() as u64);
        let mut written = 0;
        loop {
            let room = CHUNK_BYTES_MAX - self.body.len();
            let end = self.record.len().min(written + room);
            self.body.extend_from_slice(&self.record[written..end]);
            written = end;
            if written == self.record.len() {
                return;
            }
            let chunk = self.close();
            self.full.push(chunk);
            self.open(FLAG_CONTINUES);
        }
    }

    fn open(&mut self, flags: u8) {
        debug_assert!(self.body.is_empty(), "the body before was closed");
        self.body.reserve(if self.full.is_empty() { 1024 } else { CHUNK_BYTES_MAX });
        put_header(&mut self.body, flags, self.part, self.epoch, self.chain, self.base);
    }

    fn close(&mut self) -> Chunk {
        let mut body = std::mem::take(&mut self.body);
        self.chain = seal(&mut body);
        let seq = self.next;
        self.next = LogSeq(seq.0 + 1);
        debug_assert!(body.len() <= CHUNK_BYTES_MAX, "a body keeps its limit");
        Chunk { part: self.part, seq, epoch: self.epoch, body }
    }
}

/// The body of the fence that takes a partition over for `node` in `epoch`. The store gives it its place, so it is
/// written without knowing the chunk before it; the chain starts anew after it.
pub fn fence_body(part: PartitionId, node: i32, epoch: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    put_header(&mut body, FLAG_FENCE, part, epoch, 0, Timestamp(0));
    let mut record = vec![TAG_FENCE];
    varint::put(&mut record, varint::zigzag(i64::from(node)));
    varint::put(&mut record, epoch);
    varint::put(&mut body, record.len() as u64);
    body.extend_from_slice(&record);
    seal(&mut body);
    body
}

fn put_header(body: &mut Vec<u8>, flags: u8, part: PartitionId, epoch: u64, chain: u32, base: Timestamp) {
    body.extend_from_slice(&[0; 4]);
    body.push(VERSION);
    body.push(flags);
    body.extend_from_slice(&part.0.to_le_bytes());
    body.extend_from_slice(&epoch.to_le_bytes());
    body.extend_from_slice(&chain.to_le_bytes());
    body.extend_from_slice(&base.0.to_le_bytes());
    debug_assert_eq!(body.len(), HEADER_BYTES, "the header has its size");
}

/// Writes the checksum into the header and returns it.
fn seal(body: &mut [u8]) -> u32 {
    let crc = crc32c::crc32c(&body[4..]);
    body[..4].copy_from_slice(&crc.to_le_bytes());
    crc
}
