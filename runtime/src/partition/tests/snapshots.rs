//! What a restart does with snapshots: the same as without them, whatever they are.

use super::*;
use crate::store::SnapshotRow;

/// As [`Bench`] with a snapshot after every event; each append with its snapshots and the runs whose snapshots go.
struct Kept {
    bench: Bench,
    appends: Vec<(usize, Vec<SnapshotRow>, Vec<RunId>)>,
}

fn eager() -> Setup {
    let limits = Limits { snapshot_events: 1, ..Limits::default() };
    Setup { limits: Arc::new(limits), ..setup() }
}

fn restored(log: &[Chunk], rows: &[SnapshotRow]) -> Partition {
    let mut recovery = Recovery::with_snapshots(ID, rows);
    log.iter().for_each(|chunk| recovery.feed(chunk).unwrap());
    assert!(recovery.large().unwrap().is_empty());
    let setup = eager();
    let programs = recovery.needs().into_iter().map(|hash| (hash, setup.programs.get(hash).unwrap()));
    let recovered = Recovered { programs: programs.collect(), ..Recovered::default() };
    recovery.finish(setup, 1, recovered, NOW).unwrap()
}

/// What there is to know of a partition's runs when they have computed what they had to.
fn told(mut partition: Partition) -> Vec<(RunId, Vec<weft_protocol::Event>, Option<weft_engine::Snapshot>)> {
    while partition.has_more() {
        partition.go_on(NOW);
    }
    let runs = partition.runs.iter();
    let mut told: Vec<_> = runs.map(|(id, open)| (*id, open.run.history().to_vec(), open.run.snapshot())).collect();
    told.sort_by_key(|(id, ..)| *id);
    told
}

/// How many runs were brought back without their first events being looked at.
fn packed(log: &[Chunk], rows: &[SnapshotRow]) -> usize {
    restored(log, rows).runs.values().filter(|open| open.looked_at > 0).count()
}

impl Kept {
    /// Runs that have done steps, one of which has ended.
    fn some() -> Kept {
        let mut bench = Bench::new();
        bench.partition = restored(&bench.log, &[]);
        let mut kept = Kept { bench, appends: Vec::new() };
        for n in 0..3 {
            let steps = json!({ "workflow": "steps", "id": format!("steps-{n}"), "args": { "n": 5 } });
            kept.bench.start_as(serde_json::from_value(steps).unwrap());
            kept.bench.start(n);
            kept.fly();
        }
        for _ in 0..3 {
            let attempts: Vec<_> = kept.bench.partition.outputs().collect();
            for output in attempts {
                if let Output::Dispatch(attempt) = output {
                    let outcome =
                        WorkerOutcome::Completed(if attempt.scheduled == EventId(2) { json!(1) } else { json!(null) });
                    kept.bench.ask(Request::EndAttempt { namespace: "default".into(), attempt, outcome });
                }
            }
            kept.fly();
        }
        kept
    }

    fn fly(&mut self) {
        let mut append = Append::default();
        assert!(self.bench.partition.take_append(&mut append), "something is decided");
        self.bench.log.append(&mut append.chunks);
        self.appends.push((self.bench.log.len(), append.snapshots, append.ended));
        self.bench.partition.committed();
    }

    /// The log and the snapshots after so many appends.
    fn stored(&self, appends: usize) -> (&[Chunk], Vec<SnapshotRow>) {
        let mut rows: std::collections::BTreeMap<RunId, SnapshotRow> = std::collections::BTreeMap::new();
        for (_, snapshots, ended) in &self.appends[..appends] {
            rows.extend(snapshots.iter().map(|row| (row.run, row.clone())));
            rows.retain(|run, _| !ended.contains(run));
        }
        let length = appends.checked_sub(1).map_or(1, |last| self.appends[last].0);
        (&self.bench.log[..length], rows.into_values().collect())
    }

    fn newest(&self) -> (&[Chunk], Vec<SnapshotRow>) {
        self.stored(self.appends.len())
    }
}

#[test]
fn a_restart_with_snapshots_gives_what_one_without_gives() {
    let kept = Kept::some();
    let mut used = 0;
    for appends in 0..=kept.appends.len() {
        let (log, rows) = kept.stored(appends);
        used += packed(log, &rows);
        assert_eq!(told(restored(log, &rows)), told(restored(log, &[])), "after {appends} appends");
        // Older snapshots are as good: the events behind them are replayed.
        for older in 0..appends {
            let (_, rows) = kept.stored(older);
            assert_eq!(told(restored(log, &rows)), told(restored(log, &[])), "{older} appends of {appends}");
        }
    }
    assert!(used > 10, "{used} snapshots were used");
}

#[test]
fn a_snapshot_of_events_that_were_lost_is_none() {
    let kept = Kept::some();
    let (_, rows) = kept.newest();
    for appends in 1..kept.appends.len() {
        let (log, _) = kept.stored(appends);
        assert_eq!(told(restored(log, &rows)), told(restored(log, &[])), "after {appends} appends");
    }
}

#[test]
fn a_snapshot_of_anything_else_is_none() {
    let kept = Kept::some();
    let (log, rows) = kept.newest();
    let plain = told(restored(log, &[]));
    let whole = packed(log, &rows);
    assert!(whole >= 2);
    let each = |change: &dyn Fn(&mut SnapshotRow)| {
        let mut rows = rows.clone();
        rows.iter_mut().for_each(change);
        assert_eq!(packed(log, &rows), 0, "it is not used");
        assert_eq!(told(restored(log, &rows)), plain);
    };
    each(&|row| row.body[0] += 1);
    each(&|row| row.body.truncate(3));
    each(&|row| *row.body.last_mut().unwrap() ^= 1);
    each(&|row| row.events += 1);
    // Those of other runs.
    let mut swapped = rows.clone();
    for (row, other) in swapped.iter_mut().zip(rows.iter().rev()) {
        row.run = other.run;
    }
    assert_eq!(told(restored(log, &swapped)), plain);
    // Of the same events as another history tells them.
    let other = crate::frame::Kept::read(&rows[0]).unwrap();
    let trail = crate::frame::Trail { digest: other.trail.digest ^ 1, ..other.trail.clone() };
    let forged = crate::frame::Kept { trail, ..other }.row(rows[0].run).unwrap();
    let forged = [forged];
    assert_eq!(packed(log, &forged), 0, "its history is not this one");
    assert_eq!(told(restored(log, &forged)), plain);
}

#[test]
fn the_snapshot_of_a_run_goes_with_its_end() {
    let mut kept = Kept::some();
    let rows = kept.newest().1;
    let terminate = Request::Terminate { key: key(1), reason: "enough".into() };
    let run =
        *kept.bench.partition.names.get(&("default".into(), WorkflowId::from("order-1"))).unwrap_or(&RunId(u64::MAX));
    if run != RunId(u64::MAX) {
        assert!(rows.iter().any(|row| row.run == run));
        kept.bench.ask(terminate);
        kept.fly();
        assert_eq!(kept.appends.last().unwrap().2, [run]);
    }
    let ended: Vec<RunId> = kept.appends.iter().flat_map(|(.., ended)| ended.clone()).collect();
    assert!(!ended.is_empty());
    // One that was left behind all the same is nobody's, and goes.
    let (log, _) = kept.newest();
    let left = rows.iter().filter(|row| ended.contains(&row.run)).cloned().collect::<Vec<_>>();
    let partition = restored(log, &left);
    assert_eq!(partition.unkept, left.iter().map(|row| row.run).collect::<Vec<_>>());
}
