//! Chunks of one partition → records, with every promise of the writer checked.

use weft_engine::Record;
use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, LogSeq, PartitionId, RunId, ScheduleEvent, Timestamp};

use super::{
    ChunkWriter, FLAG_CONTINUES, FLAG_FENCE, FLAGS, HEADER_BYTES, LogRecord, RECORD_BYTES_MAX, TAG_EVENT, TAG_FENCE,
    TAG_RECORD, TAG_SCHEDULE, VERSION, array, varint,
};
use crate::store::{CHUNK_BYTES_MAX, Chunk, StoreError};

/// An event as it is in the log.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// The run.
    pub run: RunId,
    /// Its number.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What it is, encoded.
    pub kind: &'a [u8],
}

/// Reads a partition's chunks in order.
#[derive(Debug)]
pub struct ChunkReader {
    part: PartitionId,
    /// The chunk before: its place, checksum and epoch. `None` before the first one, whose predecessor may be gone.
    before: Option<Before>,
    /// A frame whose rest is in the next chunk.
    open: Option<OpenFrame>,
}

#[derive(Debug, Clone, Copy)]
struct Before {
    seq: LogSeq,
    crc: u32,
    epoch: u64,
}

#[derive(Debug)]
struct OpenFrame {
    base: Timestamp,
    bytes: Vec<u8>,
    length: usize,
}

struct Header {
    crc: u32,
    flags: u8,
    chain: u32,
    base: Timestamp,
}

impl ChunkReader {
    /// A reader that takes any chunk of `part` as the first.
    pub fn new(part: PartitionId) -> ChunkReader {
        ChunkReader { part, before: None, open: None }
    }

    /// The epoch of the last chunk read, if one was.
    pub fn epoch(&self) -> Option<u64> {
        self.before.map(|before| before.epoch)
    }

    /// Checks one chunk and adds its whole records to `out`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the partition and place if anything is not as it was written.
    pub fn read(&mut self, chunk: &Chunk, out: &mut Vec<LogRecord>) -> Result<(), StoreError> {
        self.read_some(chunk, out, &mut |_| true)
    }

    /// As [`ChunkReader::read`] but for the events that are not `wanted`.
    ///
    /// # Errors
    /// As [`ChunkReader::read`].
    pub fn read_some(
        &mut self,
        chunk: &Chunk,
        out: &mut Vec<LogRecord>,
        wanted: &mut dyn FnMut(Raw<'_>) -> bool,
    ) -> Result<(), StoreError> {
        self.read_checked(chunk, out, wanted).map_err(|what| {
            StoreError::Corrupt(format!(
                "chunk {} of partition {}: {what}; the partition stays stopped: restore the database from a backup",
                chunk.seq.0, chunk.part.0
            ))
        })
    }

    /// Says that the log ends here and gives the writer that goes on in `epoch`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the last frame is not whole, or if nothing was read: a log begins with the fence of
    /// its first owner.
    pub fn writer(self, epoch: u64) -> Result<ChunkWriter, StoreError> {
        let part = self.part.0;
        let Some(before) = self.before else {
            return Err(StoreError::Corrupt(format!(
                "the log of partition {part} is empty, not even a fence is there"
            )));
        };
        if self.open.is_some() {
            return Err(StoreError::Corrupt(format!(
                "the log of partition {part} ends at chunk {} in the middle of a record",
                before.seq.0
            )));
        }
        Ok(ChunkWriter::new(self.part, epoch, LogSeq(before.seq.0 + 1), before.crc))
    }

    fn read_checked(
        &mut self,
        chunk: &Chunk,
        out: &mut Vec<LogRecord>,
        wanted: &mut dyn FnMut(Raw<'_>) -> bool,
    ) -> Result<(), String> {
        let header = self.check_header(chunk)?;
        let mut rest = &chunk.body[HEADER_BYTES..];
        if let Some(mut open) = self.open.take() {
            let missing = open.length - open.bytes.len();
            let (piece, after) = rest.split_at(missing.min(rest.len()));
            open.bytes.extend_from_slice(piece);
            rest = after;
            if open.bytes.len() < open.length {
                self.open = Some(open);
            } else {
                out.extend(self.decode(&open.bytes, open.base, wanted)?);
            }
        }
        while !rest.is_empty() {
            let length = varint::take(&mut rest).ok_or("the length of a record is cut off")?;
            let length = usize::try_from(length).ok().filter(|n| (1..=RECORD_BYTES_MAX).contains(n));
            let length = length.ok_or("the length of a record is impossible")?;
            if length > rest.len() {
                self.open = Some(OpenFrame { base: header.base, bytes: rest.to_vec(), length });
                break;
            }
            let (record, after) = rest.split_at(length);
            out.extend(self.decode(record, header.base, wanted)?);
            rest = after;
        }
        self.before = Some(Before { seq: chunk.seq, crc: header.crc, epoch: chunk.epoch });
        Ok(())
    }

    fn check_header(&self, chunk: &Chunk) -> Result<Header, String> {
        let body = chunk.body.as_slice();
        if body.len() <= HEADER_BYTES || body.len() > CHUNK_BYTES_MAX {
            return Err(format!("{} bytes is no size of a chunk", body.len()));
        }
        let crc = u32::from_le_bytes(array(body, 0));
        if crc32c::crc32c(&body[4..]) != crc {
            return Err("the checksum does not match the bytes".into());
        }
        if body[4] != VERSION {
            return Err(format!("format version {} is not known to this version of weft", body[4]));
        }
        let flags = body[5];
        if flags & !FLAGS != 0 {
            return Err(format!("flags {flags:#04x} are not known to this version of weft"));
        }
        let part = u16::from_le_bytes(array(body, 6));
        if part != self.part.0 || chunk.part != self.part {
            return Err(format!("it was written for partition {part} and read for partition {}", self.part.0));
        }
        let epoch = u64::from_le_bytes(array(body, 8));
        if epoch != chunk.epoch {
            return Err(format!("its row says epoch {} and its body epoch {epoch}", chunk.epoch));
        }
        let header = Header {
            crc,
            flags,
            chain: u32::from_le_bytes(array(body, 16)),
            base: Timestamp(i64::from_le_bytes(array(body, 20))),
        };
        self.check_order(chunk, &header)?;
        Ok(header)
    }

    fn check_order(&self, chunk: &Chunk, header: &Header) -> Result<(), String> {
        let fence = header.flags & FLAG_FENCE != 0;
        if (header.flags & FLAG_CONTINUES != 0) != self.open.is_some() {
            return Err("the record that the chunk before left open does not go on here".into());
        }
        let Some(before) = self.before else { return Ok(()) };
        if chunk.seq.0 != before.seq.0 + 1 {
            return Err(format!("it follows chunk {}, so chunks between them are missing", before.seq.0));
        }
        if fence {
            if chunk.epoch <= before.epoch {
                return Err(format!("a fence of epoch {} follows epoch {}", chunk.epoch, before.epoch));
            }
        } else if header.chain != before.crc {
            return Err("the chunk before it is not the one it was written after".into());
        } else if chunk.epoch != before.epoch {
            return Err(format!("epoch {} follows epoch {} without a fence", chunk.epoch, before.epoch));
        }
        Ok(())
    }

    /// None of an event that is not wanted.
    fn decode(
        &self,
        mut bytes: &[u8],
        base: Timestamp,
        wanted: &mut dyn FnMut(Raw<'_>) -> bool,
    ) -> Result<Option<LogRecord>, String> {
        let cut = || "a record is cut off".to_string();
        let (&tag, rest) = bytes.split_first().ok_or_else(cut)?;
        bytes = rest;
        let first = varint::take(&mut bytes).ok_or_else(cut)?;
        let record = match tag {
            TAG_EVENT => {
                let run = self.run(first)?;
                let id = EventId(varint::take(&mut bytes).ok_or_else(cut)?);
                let delta = varint::unzigzag(varint::take(&mut bytes).ok_or_else(cut)?);
                let at = Timestamp(base.0.wrapping_add(delta));
                if !wanted(Raw { run, id, at, kind: bytes }) {
                    return Ok(None);
                }
                let kind: EventKind = decode_rest(&mut bytes)?;
                LogRecord::Event { run, event: Event { id, at, kind } }
            }
            TAG_RECORD => {
                let run = self.run(first)?;
                let record: Record = decode_rest(&mut bytes)?;
                LogRecord::Record { run, record }
            }
            TAG_FENCE => {
                let node = i32::try_from(varint::unzigzag(first)).map_err(|_| "a fence names an impossible node")?;
                LogRecord::Fence { node, epoch: varint::take(&mut bytes).ok_or_else(cut)? }
            }
            TAG_SCHEDULE => {
                let (namespace, name, event): (String, String, ScheduleEvent) = decode_rest(&mut bytes)?;
                LogRecord::Schedule { namespace, name, event }
            }
            other => return Err(format!("record kind {other} is not known to this version of weft")),
        };
        if !bytes.is_empty() {
            return Err(format!("{} bytes are left over after a record", bytes.len()));
        }
        Ok(Some(record))
    }

    fn run(&self, counter: u64) -> Result<RunId, String> {
        if counter >= 1 << 52 {
            return Err(format!("{counter} is no start counter"));
        }
        Ok(RunId::new(self.part, counter))
    }
}

fn decode_rest<T: serde::de::DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, String> {
    let (value, rest) =
        postcard::take_from_bytes(bytes).map_err(|error| format!("a record cannot be read: {error}"))?;
    *bytes = rest;
    Ok(value)
}
