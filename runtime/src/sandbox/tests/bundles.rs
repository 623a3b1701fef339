//! A log is read from its bundles where they are what they should be, and from itself everywhere else.

use weft_protocol::LogSeq;

use super::*;
use crate::store::{Bundle, Chunk};

const PART: PartitionId = PartitionId(0);
const CHUNKS: usize = 4;

/// A run of many commits that waits for a signal, in bundles of [`CHUNKS`] chunks.
async fn long(memory: &Memory) -> Sandbox {
    let limits = Limits { bundle_chunks: CHUNKS, ..Limits::default() };
    let mut sandbox = Sandbox::new(Arc::new(memory.clone()), 7, limits).await.unwrap();
    sandbox.deploy(fixture::program(false)).await.unwrap();
    sandbox.start(start("order", 5)).await.unwrap();
    for n in 0..30 {
        sandbox.signal("order-5", "mark", json!({ "n": n }), None).await.unwrap();
    }
    sandbox
}

async fn bundles(memory: &Memory) -> Vec<Bundle> {
    memory.bundles(PART, LogSeq(0), 1_000).await.unwrap()
}

async fn log(memory: &Memory) -> Vec<Chunk> {
    memory.read(PART, LogSeq(0), 1_000).await.unwrap()
}

/// Breaks what is stored of chunks: whoever reads one of them stops.
fn break_log(memory: &Memory, from: LogSeq, to: LogSeq) {
    for seq in from.0..=to.0 {
        assert!(memory.damage(PART, LogSeq(seq), |body| body[30] ^= 1));
    }
}

#[tokio::test]
async fn chunks_in_bundles_are_not_read_again() {
    let memory = Memory::new(1);
    let mut sandbox = long(&memory).await;
    let before = shown(&mut sandbox, "order-5").await;
    let (all, length) = (bundles(&memory).await, log(&memory).await.len() as u64);
    assert_eq!(all.len() as u64, length / CHUNKS as u64, "each chunk is in a bundle but those behind the last");
    assert!(all.windows(2).all(|pair| pair[0].to.0 + 1 == pair[1].from.0) && all[0].from == LogSeq(1));
    for bundle in &all {
        break_log(&memory, bundle.from, bundle.to);
    }
    sandbox.crash().await.expect("nothing of what is broken is read");
    assert_eq!(shown(&mut sandbox, "order-5").await, before);
    // The fence of the new owner and what it writes go on where the one before stopped.
    sandbox.signal("order-5", "mark", json!({ "n": 31 }), None).await.unwrap();
    sandbox.crash().await.unwrap();
    assert_eq!(sandbox.query("order-5", "seen", json!({})).await.unwrap(), json!(31));
    break_log(&memory, LogSeq(log(&memory).await.len() as u64), LogSeq(log(&memory).await.len() as u64));
    assert!(matches!(sandbox.crash().await, Err(StoreError::Corrupt(_))), "what is in none is read from the log");
}

#[tokio::test]
async fn what_is_no_bundle_is_read_from_the_log() {
    type Damage = fn(&mut Bundle);
    let damages: [Damage; 6] = [
        |bundle| bundle.body[0] += 1,
        |bundle| bundle.body[7] ^= 1,
        |bundle| bundle.body.truncate(4),
        |bundle| bundle.to.0 += 1,
        |bundle| bundle.to.0 -= 1,
        |bundle| bundle.body.clear(),
    ];
    for (n, damage) in damages.iter().enumerate() {
        let memory = Memory::new(1);
        let mut sandbox = long(&memory).await;
        let before = shown(&mut sandbox, "order-5").await;
        let all = bundles(&memory).await;
        // One amid the others, and those at both ends.
        for bundle in [&all[0], &all[3], &all[4], all.last().unwrap()] {
            memory.damage_bundle(PART, bundle.from, damage);
        }
        sandbox.crash().await.unwrap();
        assert_eq!(shown(&mut sandbox, "order-5").await, before, "damage {n}");
        // They are made again, and replace what was there.
        sandbox.signal("order-5", "mark", json!({ "n": 31 }), None).await.unwrap();
        assert_eq!(bundles(&memory).await[..all.len()], all, "damage {n}");
    }
}

#[tokio::test]
async fn a_log_without_bundles_gets_them_after_a_takeover() {
    let memory = Memory::new(1);
    let limits = Limits { bundle_chunks: usize::MAX, ..Limits::default() };
    let mut sandbox = Sandbox::new(Arc::new(memory.clone()), 7, limits).await.unwrap();
    sandbox.deploy(fixture::program(false)).await.unwrap();
    for n in 0..50 {
        sandbox.start(start("order", n)).await.unwrap();
    }
    assert_eq!(bundles(&memory).await, []);
    let limits = Limits { bundle_chunks: CHUNKS, ..Limits::default() };
    let mut sandbox = Sandbox::new(Arc::new(memory.clone()), 7, limits).await.unwrap();
    assert_eq!(bundles(&memory).await, [], "they come with an append of the new owner");
    sandbox.signal("order-5", "mark", json!({ "n": 1 }), None).await.unwrap();
    let made = bundles(&memory).await;
    let chunks = log(&memory).await;
    assert_eq!(made.len(), chunks.len() / CHUNKS);
    for bundle in &made {
        let mut theirs = chunks[bundle.from.0 as usize - 1..].iter();
        let same = |chunk: &Chunk| (theirs.next() == Some(chunk)).then_some(()).ok_or(chunk.seq);
        crate::frame::Unbundled::open(bundle).unwrap().each(same).unwrap();
    }
}

/// Another version of weft, whose bundles this one does not know, has been here in between.
#[tokio::test]
async fn a_bundle_that_begins_within_another_is_left_out() {
    let memory = Memory::new(1);
    let mut sandbox = long(&memory).await;
    let before = shown(&mut sandbox, "order-5").await;
    let all = bundles(&memory).await;
    for bundle in &all[3..5] {
        memory.damage_bundle(PART, bundle.from, |bundle| bundle.body[0] += 1);
    }
    let limits = Limits { bundle_chunks: CHUNKS + 1, ..Limits::default() };
    let mut sandbox = Sandbox::new(Arc::new(memory.clone()), 7, limits).await.unwrap();
    sandbox.signal("order-5", "mark", json!({ "n": 29 }), None).await.unwrap();
    memory.damage_bundle(PART, all[4].from, |bundle| bundle.body[0] -= 1);
    let places: Vec<_> = bundles(&memory).await[3..6].iter().map(|bundle| (bundle.from.0, bundle.to.0)).collect();
    assert_eq!(places, [(13, 17), (17, 20), (21, 24)]);
    sandbox.crash().await.unwrap();
    assert!(shown(&mut sandbox, "order-5").await.starts_with(&before));
}
