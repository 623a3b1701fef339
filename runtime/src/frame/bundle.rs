//! Bundles: chunks of a log once more, many of them packed into one row, so that whoever takes a partition over reads few
//! rows where a long run left one for each of its commits. A chunk never changes and never goes, so a bundle is true for
//! good, whoever reads it and whenever.
//!
//! ```text
//! version u8   crc32c of part, first and last place, and all after it u32   lz4 of: (length of a body (varint), body)*
//! ```

use weft_protocol::{LogSeq, PartitionId};

use super::{HEADER_BYTES, array, varint};
use crate::store::{Bundle, Chunk};

/// Format version of a bundle; another one is ignored.
const VERSION: u8 = 1;
/// version, crc32c
const START_BYTES: usize = 5;

/// Bytes of bodies at which a bundle is made of what there is.
const BUNDLE_BYTES_MAX: usize = 256 << 10;
/// Bytes of the bodies of a bundle in the middle, at most. Of long chunks a log has few, and reading them takes its time by
/// the byte: to write those a second time would cost a busy store more than a takeover saves.
const MIDDLE_BYTES_MAX: usize = 1_000;
/// Bundles that wait for an append, at most: after a takeover of a log without any. More are made at the next one.
const BUNDLES_WAITING_MAX: usize = 16;

/// Makes bundles of what a partition's log gets.
#[derive(Debug)]
pub struct Bundler {
    part: PartitionId,
    /// Chunks of a bundle.
    chunks: u64,
    /// Place of the first chunk of the next bundle and of the one behind its last.
    from: LogSeq,
    next: LogSeq,
    /// Their lengths and bodies.
    bytes: Vec<u8>,
    ready: Vec<Bundle>,
}

impl Bundler {
    /// A bundler that puts so many chunks into each.
    pub fn new(part: PartitionId, chunks: usize) -> Bundler {
        Bundler { part, chunks: chunks as u64, from: LogSeq(0), next: LogSeq(0), bytes: Vec::new(), ready: Vec::new() }
    }

    /// These come next in the log.
    pub fn follow(&mut self, chunks: &[Chunk]) {
        for chunk in chunks {
            if chunk.seq != self.next {
                self.bytes.clear();
            }
            if self.bytes.is_empty() {
                self.from = chunk.seq;
            }
            self.next = LogSeq(chunk.seq.0 + 1);
            varint::put(&mut self.bytes, chunk.body.len() as u64);
            self.bytes.extend_from_slice(&chunk.body);
            let count = self.next.0 - self.from.0;
            if count >= self.chunks || self.bytes.len() >= BUNDLE_BYTES_MAX {
                let short = self.bytes.len() as u64 <= count * MIDDLE_BYTES_MAX as u64;
                if short && self.ready.len() < BUNDLES_WAITING_MAX {
                    self.ready.push(self.pack());
                }
                // A partition at rest has no room for the next one in reserve.
                self.bytes = Vec::new();
            }
        }
    }

    /// Moves what is ready to `out`: it goes into the log's append of the last chunk it has, or a later one.
    pub fn take(&mut self, out: &mut Vec<Bundle>) {
        out.append(&mut self.ready);
    }

    fn pack(&self) -> Bundle {
        let mut body = vec![0; START_BYTES];
        body.extend_from_slice(&lz4_flex::compress_prepend_size(&self.bytes));
        let mut bundle = Bundle { part: self.part, from: self.from, to: LogSeq(self.next.0 - 1), body };
        let crc = checksum(&bundle);
        bundle.body[0] = VERSION;
        bundle.body[1..START_BYTES].copy_from_slice(&crc.to_le_bytes());
        bundle
    }
}

fn checksum(bundle: &Bundle) -> u32 {
    let crc = crc32c::crc32c(&bundle.part.0.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &bundle.from.0.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &bundle.to.0.to_le_bytes());
    crc32c::crc32c_append(crc, &bundle.body[START_BYTES..])
}

/// The chunks of a bundle, as they are in the log.
#[derive(Debug)]
pub struct Unbundled {
    part: PartitionId,
    from: LogSeq,
    bytes: Vec<u8>,
}

impl Unbundled {
    /// Opens a bundle; what it says when that is none: then the log itself is read.
    ///
    /// # Errors
    /// If it is of another version or not what was written.
    pub fn open(bundle: &Bundle) -> Result<Unbundled, &'static str> {
        let (start, packed) = bundle.body.split_at_checked(START_BYTES).ok_or("it is cut off")?;
        if start[0] != VERSION {
            return Err("it is of another version");
        }
        if checksum(bundle).to_le_bytes() != start[1..] {
            return Err("its checksum does not match its bytes");
        }
        let bytes = lz4_flex::decompress_size_prepended(packed).map_err(|_| "it cannot be unpacked")?;
        let unbundled = Unbundled { part: bundle.part, from: bundle.from, bytes };
        let (mut rest, mut count) = (unbundled.bytes.as_slice(), 0);
        while !rest.is_empty() {
            take_body(&mut rest).ok_or("a chunk of it is cut off")?;
            count += 1;
        }
        (bundle.from.0 + count == bundle.to.0 + 1).then_some(unbundled).ok_or("it has not the chunks that its row says")
    }

    /// Gives its chunks in order, as long as they are taken.
    ///
    /// # Errors
    /// The first of `take`.
    pub fn each<E>(&self, mut take: impl FnMut(&Chunk) -> Result<(), E>) -> Result<(), E> {
        let mut rest = self.bytes.as_slice();
        let mut chunk = Chunk { part: self.part, seq: self.from, epoch: 0, body: Vec::new() };
        while let Some(body) = take_body(&mut rest) {
            chunk.epoch = u64::from_le_bytes(array(body, 8));
            chunk.body.clear();
            chunk.body.extend_from_slice(body);
            take(&chunk)?;
            chunk.seq.0 += 1;
        }
        Ok(())
    }
}

/// Takes the next body off the front; `None` if there is none that could be one.
fn take_body<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(rest)?).ok().filter(|length| *length > HEADER_BYTES)?;
    let (body, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(body)
}
