//! One append to its known outcome: sent again after silence, read back after a conflict. What the caller holds may
//! leave only when this says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use weft_protocol::PartitionId;

use crate::store::{Append, Journal, Lane, StoreError};

/// First pause before the same append is sent again.
const RETRY_FIRST: Duration = Duration::from_millis(20);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A connection for appends that is opened when needed and again when it broke.
#[derive(Debug)]
pub struct AppendLane {
    journal: Arc<dyn Journal>,
    lane: Option<Box<dyn Lane>>,
    away: Arc<AtomicBool>,
}

/// How an append ended.
#[derive(Debug)]
pub enum Outcome {
    /// All of it is durable but for these partitions, which another node has taken over; nothing of theirs is.
    Done {
        /// Partitions this node no longer owns.
        deposed: Vec<PartitionId>,
    },
    /// The store is broken in a way that no retry heals. Nothing of the append may be taken for durable.
    Broken(StoreError),
}

impl std::fmt::Debug for Box<dyn Lane> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lane")
    }
}

impl AppendLane {
    /// A lane into `journal`; nothing is opened yet. `away` says while the store does not answer.
    pub fn new(journal: Arc<dyn Journal>, away: Arc<AtomicBool>) -> AppendLane {
        AppendLane { journal, lane: None, away }
    }

    /// Writes `append` and returns when its outcome is known, however long the store is away. What belongs to deposed
    /// partitions is taken out of `append` on the way.
    pub async fn commit(&mut self, append: &mut Append) -> Outcome {
        let mut deposed = Vec::new();
        let mut pause = RETRY_FIRST;
        while !append.chunks.is_empty() {
            match self.attempt(append).await {
                Ok(()) => break,
                Err(StoreError::Conflict) => match AppendLane::read_back(&*self.journal, append).await {
                    Ok(ReadBack::Ours) => break,
                    Ok(ReadBack::Taken(parts)) => {
                        append.leave_out(&parts);
                        deposed.extend(parts);
                        continue;
                    }
                    // The key was taken and is free again: whoever had it rolled back. The same append may go now.
                    Ok(ReadBack::Free) => {}
                    Err(error @ (StoreError::Corrupt(_) | StoreError::Unusable(_))) => return Outcome::Broken(error),
                    Err(error) => self.lost(&error),
                },
                Err(error @ (StoreError::Corrupt(_) | StoreError::Unusable(_))) => return Outcome::Broken(error),
                Err(error) => self.lost(&error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
        self.away.store(false, Ordering::Relaxed);
        Outcome::Done { deposed }
    }

    async fn attempt(&mut self, append: &Append) -> Result<(), StoreError> {
        let lane = match &mut self.lane {
            Some(lane) => lane,
            none => none.insert(self.journal.lane().await?),
        };
        lane.append(append).await
    }

    /// The connection's state is unknown after a failure: the next attempt opens a new one.
    fn lost(&mut self, error: &StoreError) {
        self.lane = None;
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the store does not answer; outputs are held until it does");
        }
    }

    /// What is in the places that the append wanted.
    async fn read_back(journal: &dyn Journal, append: &Append) -> Result<ReadBack, StoreError> {
        let mut taken = Vec::new();
        let mut ours = false;
        for chunk in &append.chunks {
            if taken.contains(&chunk.part) {
                continue;
            }
            match journal.read(chunk.part, chunk.seq, 1).await?.first() {
                Some(found) if found == chunk => ours = true,
                Some(found) if found.seq == chunk.seq => taken.push(chunk.part),
                Some(found) => {
                    return Err(StoreError::Corrupt(format!(
                        "partition {} has chunk {} but not chunk {} before it",
                        chunk.part.0, found.seq.0, chunk.seq.0
                    )));
                }
                None => {}
            }
        }
        match (ours, taken.is_empty()) {
            (true, true) => Ok(ReadBack::Ours),
            (true, false) => Err(StoreError::Corrupt(format!(
                "a part of one append is in the log and partition {} has something else in its place",
                taken[0].0
            ))),
            (false, true) => Ok(ReadBack::Free),
            (false, false) => Ok(ReadBack::Taken(taken)),
        }
    }
}

enum ReadBack {
    /// Our own chunks: the append had succeeded.
    Ours,
    /// These partitions' places hold someone else's chunks.
    Taken(Vec<PartitionId>),
    /// Nothing is there.
    Free,
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use weft_protocol::LogSeq;

    use super::*;
    use crate::store::Chunk;
    use crate::store::memory::{Disturbance, Fault, Memory, Operation};

    const A: PartitionId = PartitionId(0);
    const B: PartitionId = PartitionId(1);

    /// A journal whose appends meet these faults in turn, then none; both partitions are owned in epoch 1.
    async fn journal(faults: &[Option<Fault>]) -> (Memory, AppendLane) {
        let memory = Memory::new(2);
        let node = memory.join("http://one").await.unwrap();
        for part in [A, B] {
            memory.takeover(part, 0.into(), node, &crate::frame::fence_body(part, node, 1)).await.unwrap().unwrap();
        }
        let faults = Mutex::new(faults.iter().rev().copied().collect::<Vec<_>>());
        let disturbed = memory.disturbed(move |operation| {
            let next = if operation == Operation::Append { faults.lock().unwrap().pop() } else { None };
            Disturbance { fault: next.flatten(), ..Disturbance::default() }
        });
        (memory, AppendLane::new(Arc::new(disturbed), Arc::default()))
    }

    fn append(parts: &[PartitionId]) -> Append {
        let chunk = |part: &PartitionId| Chunk { part: *part, seq: LogSeq(2), epoch: 1, body: vec![part.0 as u8; 40] };
        Append { chunks: parts.iter().map(chunk).collect(), ..Append::default() }
    }

    async fn bodies(memory: &Memory, part: PartitionId) -> Vec<Vec<u8>> {
        memory.read(part, LogSeq(2), 10).await.unwrap().into_iter().map(|chunk| chunk.body).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_lost_is_found_in_the_log() {
        let faults = [Some(Fault::Refused), Some(Fault::AnswerLost), Some(Fault::Refused)];
        let (memory, mut lane) = journal(&faults).await;
        let mut append = append(&[A, B]);
        assert!(matches!(lane.commit(&mut append).await, Outcome::Done { deposed } if deposed.is_empty()));
        assert_eq!((bodies(&memory, A).await, bodies(&memory, B).await), (vec![vec![0; 40]], vec![vec![1; 40]]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_deposed_writes_nothing_and_the_others_go_on() {
        let (memory, mut lane) = journal(&[Some(Fault::Refused), Some(Fault::Deposed)]).await;
        let mut append = append(&[A, B]);
        assert!(matches!(lane.commit(&mut append).await, Outcome::Done { deposed } if deposed == [A]));
        assert!(append.chunks.iter().all(|chunk| chunk.part == B), "what was not written is taken out");
        let fence = bodies(&memory, A).await;
        assert_eq!(fence.len(), 1);
        assert_ne!(fence[0], vec![0; 40], "the place holds the stranger's fence");
        assert_eq!(bodies(&memory, B).await, [vec![1; 40]]);
    }
}
