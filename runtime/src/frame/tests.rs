//! What was written is read; what was not written is never taken for it.

use weft_engine::Record;
use weft_protocol::event::EventKind;
use weft_protocol::{Event, EventId, LogSeq, PartitionId, Payload, RunId, Timestamp};

use super::*;
use crate::store::{CHUNK_BYTES_MAX, Chunk, StoreError};

const PART: PartitionId = PartitionId(3);

fn run(counter: u64) -> RunId {
    RunId::new(PART, counter)
}

fn signal(id: u64, bytes: usize) -> Event {
    Event {
        id: EventId(id),
        at: Timestamp(1_700_000_000_000 + id as i64 * 7 - 20),
        kind: EventKind::SignalReceived {
            name: "approve".into(),
            args: Payload::json(&format!("\"{}\"", "x".repeat(bytes))),
            request_id: None,
            from: None,
        },
    }
}

fn fence(seq: u64, epoch: u64) -> Chunk {
    Chunk { part: PART, seq: LogSeq(seq), epoch, body: fence_body(PART, 9, epoch) }
}

/// A log of a fence and one append with events of these payload sizes and a heartbeat.
fn log(sizes: &[usize]) -> (Vec<Chunk>, Vec<LogRecord>) {
    let mut chunks = vec![fence(1, 1)];
    let mut records = vec![LogRecord::Fence { node: 9, epoch: 1 }];
    let mut reader = ChunkReader::new(PART);
    reader.read(&chunks[0], &mut Vec::new()).unwrap();
    let mut writer = reader.writer(1).unwrap();
    for (n, size) in sizes.iter().enumerate() {
        let event = signal(n as u64 + 1, *size);
        writer.event(run(n as u64), &event);
        records.push(LogRecord::Event { run: run(n as u64), event });
    }
    let record = Record::Heartbeat { scheduled: EventId(2), attempt: 1, progress: None };
    writer.record(run(1 << 51), &record);
    records.push(LogRecord::Record { run: run(1 << 51), record });
    writer.take(&mut chunks);
    assert!(writer.is_empty());
    (chunks, records)
}

fn read_all(chunks: &[Chunk]) -> Result<Vec<LogRecord>, StoreError> {
    let mut reader = ChunkReader::new(PART);
    let mut out = Vec::new();
    for chunk in chunks {
        reader.read(chunk, &mut out)?;
    }
    reader.writer(1)?;
    Ok(out)
}

#[test]
fn what_goes_in_comes_out() {
    for sizes in [&[][..], &[10], &[100; 500], &[7_940, 7_950, 7_960], &[30_000, 5, 60_000], &[65_000; 40]] {
        let (chunks, records) = log(sizes);
        assert_eq!(read_all(&chunks).unwrap(), records, "{sizes:?}");
        assert!(chunks.iter().all(|chunk| chunk.body.len() <= CHUNK_BYTES_MAX));
        assert!(chunks.windows(2).all(|pair| pair[0].seq.0 + 1 == pair[1].seq.0));
    }
}

fn bundled(chunks: &[Chunk], of: usize) -> Vec<crate::store::Bundle> {
    let (mut bundler, mut bundles) = (Bundler::new(PART, of), Vec::new());
    for chunk in chunks {
        bundler.follow(std::slice::from_ref(chunk));
        bundler.take(&mut bundles);
    }
    bundles
}

fn unbundled(bundle: &crate::store::Bundle) -> Result<Vec<Chunk>, &'static str> {
    let mut chunks = Vec::new();
    Unbundled::open(bundle)?.each(|chunk| {
        chunks.push(chunk.clone());
        Ok::<(), &str>(())
    })?;
    Ok(chunks)
}

/// A log of so many small chunks.
fn small(count: u64) -> Vec<Chunk> {
    let mut chunks = vec![fence(1, 1)];
    let mut writer = ChunkWriter::new(PART, 1, LogSeq(2), 0);
    for n in 1..count {
        writer.event(run(1), &signal(n, 10));
        writer.take(&mut chunks);
    }
    chunks
}

#[test]
fn a_bundle_has_the_chunks_of_its_places() {
    let chunks = small(100);
    for of in [1, 7, 100] {
        let bundles = bundled(&chunks, of);
        let all: Vec<Chunk> = bundles.iter().flat_map(|bundle| unbundled(bundle).unwrap()).collect();
        assert!(all == chunks[..100 / of * of], "bundles of {of}");
        assert!(bundles.iter().all(|bundle| bundle.to.0 - bundle.from.0 + 1 == of as u64));
    }
    let (whole, bytes) = (bundled(&chunks, 100), chunks.iter().map(|chunk| chunk.body.len()).sum::<usize>());
    assert!(whole[0].body.len() * 2 < bytes, "{} of {bytes} bytes", whole[0].body.len());
    let (mut bundler, mut some) = (Bundler::new(PART, 1), Vec::new());
    bundler.follow(&chunks);
    bundler.take(&mut some);
    assert!(some == bundled(&chunks[..16], 1), "those that wait have a limit; the others are made another time");
    // A place that is left out begins another one.
    let gap: Vec<Chunk> = chunks.iter().filter(|chunk| chunk.seq != LogSeq(50)).cloned().collect();
    let places: Vec<_> = bundled(&gap, 40).iter().map(|bundle| (bundle.from.0, bundle.to.0)).collect();
    assert_eq!(places, [(1, 40), (51, 90)]);
}

#[test]
fn long_chunks_are_not_written_twice() {
    let (chunks, _) = log(&[7_000; 200]);
    assert_eq!(bundled(&chunks, 100), [], "they are few by the byte");
    let mut mixed = small(900);
    mixed.extend(chunks[1..80].iter().zip(901..).map(|(chunk, seq)| Chunk { seq: LogSeq(seq), ..chunk.clone() }));
    let bundles = bundled(&mixed, 2_000);
    assert_eq!(bundles.len(), 1, "it is made when it has enough bytes");
    assert!(unbundled(&bundles[0]).unwrap() == mixed[..bundles[0].to.0 as usize]);
}

#[test]
fn every_damage_to_a_bundle_is_noticed() {
    let bundle = bundled(&small(10), 10).remove(0);
    for byte in 0..bundle.body.len() {
        for bit in 0..8 {
            let mut bad = bundle.clone();
            bad.body[byte] ^= 1 << bit;
            assert!(Unbundled::open(&bad).is_err(), "bit {bit} of byte {byte}");
        }
    }
    for length in 0..bundle.body.len() {
        let body = bundle.body[..length].to_vec();
        assert!(Unbundled::open(&crate::store::Bundle { body, ..bundle.clone() }).is_err(), "{length} bytes");
    }
    let (from, to) = (LogSeq(bundle.from.0 + 1), LogSeq(bundle.to.0 + 1));
    assert!(Unbundled::open(&crate::store::Bundle { from, to, ..bundle.clone() }).is_err(), "of other places");
    assert!(Unbundled::open(&crate::store::Bundle { part: PartitionId(4), ..bundle }).is_err(), "of another partition");
}

#[test]
fn a_large_value_is_a_reference() {
    let mut writer = ChunkWriter::new(PART, 1, LogSeq(1), 0);
    let event = signal(1, 2 << 20);
    writer.event(run(1), &event);
    assert!(writer.pending_bytes() > 2 << 20, "back-pressure counts it");
    let (mut chunks, mut blobs, mut records) = (Vec::new(), Vec::new(), Vec::new());
    writer.take(&mut chunks);
    writer.take_blobs(&mut blobs);
    assert_eq!((chunks.len(), blobs.len(), writer.pending_bytes()), (1, 1, 0));
    ChunkReader::new(PART).read(&chunks[0], &mut records).unwrap();
    let [LogRecord::Event { event: read, .. }] = records.as_mut_slice() else { panic!("{records:?}") };
    let found = |hash: &large::Hash| (*hash == blobs[0].hash).then(|| blobs[0].body.clone());
    read.kind.payloads(&mut |payload| large::put_back(payload, &found).expect("it is the blob"));
    assert!(*read == event);
    let body = blobs[0].body.stored();
    assert!(large::checked(run(1), &blobs[0].hash, body).is_ok());
    assert!(large::checked(run(1), &blobs[0].hash, &body[1..]).is_err(), "other bytes are noticed");
}

#[test]
fn every_size_around_a_chunk_border_survives() {
    for size in 7_700..8_100 {
        let (chunks, records) = log(&[size, 40]);
        assert_eq!(read_all(&chunks).unwrap(), records, "{size}");
    }
}

#[test]
fn a_hundred_byte_event_costs_little() {
    let (chunks, _) = log(&[87; 1000]);
    let bytes: usize = chunks.iter().map(|chunk| chunk.body.len()).sum();
    assert!(bytes < 1000 * 115, "{bytes}");
}

#[test]
fn each_flipped_bit_is_noticed() {
    let (chunks, _) = log(&[50, 9_000]);
    for (n, chunk) in chunks.iter().enumerate() {
        for at in (0..chunk.body.len()).step_by(if chunk.body.len() > 1000 { 13 } else { 1 }) {
            for bit in 0..8 {
                let mut broken = chunks.clone();
                broken[n].body[at] ^= 1 << bit;
                assert!(matches!(read_all(&broken), Err(StoreError::Corrupt(_))), "chunk {n} byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn torn_lost_swapped_and_foreign_chunks_are_noticed() {
    let (chunks, _) = log(&[3_000; 20]);
    let says = |chunks: &[Chunk], what: &str| match read_all(chunks) {
        Err(StoreError::Corrupt(text)) => assert!(text.contains(what), "{text}"),
        other => panic!("{other:?}"),
    };
    let mut torn = chunks.clone();
    torn[2].body.truncate(4_000);
    says(&torn, "checksum");
    let mut empty = chunks.clone();
    empty[2].body.clear();
    says(&empty, "no size of a chunk");
    let mut lost = chunks.clone();
    lost.remove(2);
    says(&lost, "missing");
    let mut swapped = chunks.clone();
    let body = std::mem::take(&mut swapped[2].body);
    swapped[2].body = std::mem::replace(&mut swapped[3].body, body);
    says(&swapped, "");
    says(&chunks[..3], "in the middle of a record");
    let mut epoch = chunks.clone();
    epoch[2].epoch = 2;
    says(&epoch, "epoch");
    let mut other = ChunkReader::new(PartitionId(4));
    assert!(other.read(&chunks[0], &mut Vec::new()).unwrap_err().to_string().contains("partition 3"));
    says(&[], "empty");
}

#[test]
fn a_fence_starts_a_new_chain_and_an_older_epoch_cannot_follow_it() {
    let (mut chunks, mut records) = log(&[10, 20]);
    let zombie = {
        let mut reader = ChunkReader::new(PART);
        chunks.iter().for_each(|chunk| reader.read(chunk, &mut Vec::new()).unwrap());
        let mut writer = reader.writer(1).unwrap();
        writer.event(run(1), &signal(1, 0));
        let mut out = Vec::new();
        writer.take(&mut out);
        out.remove(0)
    };
    let seq = chunks.len() as u64 + 1;
    chunks.push(fence(seq, 2));
    records.push(LogRecord::Fence { node: 9, epoch: 2 });
    assert_eq!(read_all(&chunks).unwrap(), records);
    let mut after = chunks.clone();
    after.push(Chunk { seq: LogSeq(seq + 1), ..zombie });
    assert!(read_all(&after).is_err());
    let mut again = chunks.clone();
    again.push(fence(seq + 1, 2));
    assert!(read_all(&again).unwrap_err().to_string().contains("a fence of epoch 2 follows epoch 2"));
}

#[test]
fn histories_survive_and_notice_damage() {
    let events: Vec<Event> = (1..40).map(|id| signal(id, id as usize * 3)).collect();
    for count in [0, 1, 39] {
        let bytes = encode_history(&events[..count]);
        assert_eq!(decode_history(run(1), &bytes).unwrap(), events[..count]);
    }
    let bytes = encode_history(&events);
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0x20;
        assert!(decode_history(run(1), &broken).is_err(), "byte {at}");
        assert!(decode_history(run(1), &bytes[..at]).is_err(), "cut at {at}");
    }
}
