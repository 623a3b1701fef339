//! The state of a run as bytes and back.
//!
//! The bytes are a function of the state: equal states have equal bytes, on every machine. They hold the arena
//! compacted, and everything else by number; code appears only as ids of the program whose hash is in the header.
//! Restoring checks all that the interpreter relies on, so foreign bytes lead to an error and not further.

mod check;
mod read;
mod write;

use std::sync::Arc;

use thiserror::Error;
use weft_protocol::limits::Limits;
use xxhash_rust::xxh3::xxh3_64;

use crate::heap::compact;
use crate::loaded::Loaded;
use crate::machine::{Roots, Vm};

const MAGIC: [u8; 4] = *b"WFSS";
const FORMAT_VERSION: u32 = 2;
/// Magic, version, program hash.
const HEADER_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 8;

/// Why bytes are no snapshot of a run of this program. The history still is: replay it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Not the bytes that were written.
    #[error("the snapshot's checksum does not match its bytes")]
    Checksum,
    /// Of another format.
    #[error("the snapshot has another format than this binary reads")]
    Format,
    /// Of another program.
    #[error("the snapshot belongs to another program")]
    Program,
    /// It breaks its own rules.
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
}

impl Vm {
    /// The run's state. May be taken between activations and at the end of a slice.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut copy = self.clone();
        let words = std::mem::take(copy.heap.words_mut());
        let Vm { loaded, workflow, life, cells, fibers, scopes, progress, .. } = &mut copy;
        let mut roots = Roots { loaded, workflow: *workflow, life, cells, fibers, scopes, progress };
        let words = compact(words, &loaded.layouts, |visit| roots.visit(visit));
        let mut out = Vec::with_capacity(HEADER_BYTES + 256 + 8 * words.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&self.loaded.hash().0);
        write::Writer { out: &mut out }.vm(&copy, &words);
        let checksum = xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// The run that [`Vm::snapshot`] wrote.
    ///
    /// # Errors
    /// If the bytes are not a snapshot of a run of this program.
    pub fn restore(loaded: Arc<Loaded>, bytes: &[u8], limits: &Limits) -> Result<Vm, SnapshotError> {
        let body = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(SnapshotError::Format)?;
        let (body, checksum) = bytes.split_at(body);
        if body.len() < HEADER_BYTES || body[..4] != MAGIC || body[4..8] != FORMAT_VERSION.to_le_bytes() {
            return Err(SnapshotError::Format);
        }
        if xxh3_64(body).to_le_bytes() != checksum {
            return Err(SnapshotError::Checksum);
        }
        if body[8..HEADER_BYTES] != loaded.hash().0 {
            return Err(SnapshotError::Program);
        }
        let mut reader = read::Reader { rest: &body[HEADER_BYTES..] };
        let vm = reader.vm(loaded, limits).map_err(SnapshotError::Damaged)?;
        check::check(&vm).map_err(SnapshotError::Damaged)?;
        Ok(vm)
    }
}
