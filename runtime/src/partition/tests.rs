//! What leaves a partition, and when.

use std::sync::Arc;

use serde_json::json;
use weft_protocol::api::StartRequest;
use weft_protocol::event::RunRef;
use weft_protocol::limits::Limits;
use weft_vm::Loaded;

use super::request::{Key, WorkerOutcome};
use super::starts::{STARTS_KEPT, Starts};
use super::*;
use crate::frame::fence_body;
use crate::store::{Chunk, StoreError};

mod children;
mod deletes;
mod long;
mod moves;
mod schedules;
mod snapshots;
mod starts;
mod updates;

const NOW: Timestamp = Timestamp(1_000);
const ID: PartitionId = PartitionId(0);

/// A partition with its log, on no store at all.
struct Bench {
    partition: Partition,
    log: Vec<Chunk>,
    closed: Vec<ClosedRun>,
    replies: u64,
}

fn setup() -> Setup {
    let programs = Programs::default();
    programs.make_current("default", programs.keep(Loaded::new(crate::fixture::program(false)).unwrap()));
    Setup { partitions: 1, limits: Arc::new(Limits::default()), programs: Arc::new(programs), entropy: [7; 32] }
}

fn read(setup: Setup, log: &[Chunk]) -> Result<Partition, StoreError> {
    let mut recovery = Recovery::new(ID);
    for chunk in log {
        recovery.feed(chunk)?;
    }
    let programs = recovery.needs().into_iter().map(|hash| (hash, setup.programs.get(hash).unwrap()));
    let recovered = Recovered { programs: programs.collect(), ..Recovered::default() };
    recovery.finish(setup, 1, recovered, NOW)
}

impl Bench {
    fn new() -> Bench {
        let fence = fence_body(ID, 1, 1);
        let log = vec![Chunk { part: ID, seq: weft_protocol::LogSeq(1), epoch: 1, body: fence }];
        Bench { partition: read(setup(), &log).unwrap(), log, closed: Vec::new(), replies: 0 }
    }

    fn ask(&mut self, request: Request) -> ReplyId {
        self.replies += 1;
        let reply = ReplyId(self.replies);
        let request = match request {
            Request::Start(mut order) => {
                order.by = request::StartedBy::Client(reply);
                Request::Start(order)
            }
            other => other,
        };
        self.partition.handle(request, reply, NOW);
        reply
    }

    fn start(&mut self, n: i64) -> ReplyId {
        self.start_as(serde_json::from_value(json!({ "workflow": "order", "args": { "n": n } })).unwrap())
    }

    fn start_as(&mut self, request: StartRequest) -> ReplyId {
        let order = self.order(request);
        self.ask(Request::Start(Box::new(order)))
    }

    fn order(&self, request: StartRequest) -> request::StartOrder {
        let (program, workflow) = self.partition.setup.programs.current("default", &request.workflow).unwrap();
        let limits = self.partition.setup.limits.clone();
        ask::checked_start(program, workflow, request, "default", &limits).unwrap()
    }

    /// Sends off what is decided.
    fn fly(&mut self) {
        let mut append = Append::default();
        assert!(self.partition.take_append(&mut append), "something is decided");
        self.log.append(&mut append.chunks);
        self.closed.append(&mut append.closed);
    }

    /// What has left: the replies, and how many attempts.
    fn left(&mut self) -> (Vec<ReplyId>, usize) {
        let (mut replies, mut attempts) = (Vec::new(), 0);
        for output in self.partition.outputs() {
            match output {
                Output::Reply(reply, answer) => {
                    answer.unwrap();
                    replies.push(reply);
                }
                Output::Dispatch(_) | Output::DispatchAgain(_) => attempts += 1,
                other => panic!("{other:?}"),
            }
        }
        (replies, attempts)
    }
}

fn key(n: i64) -> Key {
    Key { namespace: "default".into(), workflow_id: WorkflowId::from(format!("order-{n}").as_str()), run_id: None }
}

fn seen(n: i64) -> Request {
    Request::Query { key: key(n), name: "seen".into(), args: json!({}) }
}

#[test]
fn nothing_leaves_before_the_batch_it_depends_on_is_durable() {
    let mut bench = Bench::new();
    let first = bench.start(1);
    let read_first = bench.ask(seen(1));
    assert_eq!(bench.left(), (vec![], 0), "not even sent yet");
    bench.fly();
    // The next batch fills while the first one flies; a reader of the first run depends on the first batch only.
    let second = bench.start(2);
    let read_again = bench.ask(seen(1));
    let read_second = bench.ask(seen(2));
    assert_eq!(bench.left(), (vec![], 0), "sent is not durable");
    bench.partition.committed();
    assert_eq!(bench.left(), (vec![first, read_first, read_again], 1));
    let at_once = bench.ask(seen(1));
    assert_eq!(bench.left(), (vec![at_once], 0), "everything it tells of is durable");
    bench.fly();
    bench.partition.committed();
    assert_eq!(bench.left(), (vec![second, read_second], 1));
}

#[test]
fn any_prefix_of_the_log_is_a_partition() {
    let mut bench = Bench::new();
    for n in 0..3 {
        bench.start(n);
        bench.fly();
        bench.partition.committed();
        let attempts: Vec<_> = bench.partition.outputs().collect();
        let attempt = attempts.iter().find_map(|output| match output {
            Output::Dispatch(attempt) => Some(*attempt),
            _ => None,
        });
        let outcome = WorkerOutcome::Completed(json!(n));
        bench.ask(Request::EndAttempt { namespace: "default".into(), attempt: attempt.unwrap(), outcome });
        bench.fly();
        bench.partition.committed();
    }
    for length in 1..=bench.log.len() {
        let partition = read(setup(), &bench.log[..length]).unwrap();
        assert_eq!(partition.open_runs(), length / 2, "after {length} chunks");
        for (id, open) in &partition.runs {
            let live = bench.partition.runs.get(id).unwrap().run.history();
            assert_eq!(open.run.history(), &live[..open.run.history().len()]);
        }
    }
    let mut holed = bench.log.clone();
    holed.remove(2);
    assert!(matches!(read(setup(), &holed), Err(StoreError::Corrupt(_))), "nothing is ever skipped");
}

#[test]
fn what_a_run_read_back_hands_out_waits_for_what_it_decides() {
    let mut bench = Bench::new();
    bench.start(1);
    bench.fly();
    bench.partition = read(setup(), &bench.log).unwrap();
    assert_eq!(bench.left(), (vec![], 1), "nothing was decided: the attempt is handed out again at once");
    let id = *bench.partition.runs.keys().next().unwrap();
    let scheduled = EventId(2);
    let failure = weft_protocol::Failure::fault("lost");
    let record = weft_engine::Record::AttemptFailed { scheduled, attempt: 1, failure, next_at: NOW };
    let decided = Transition { records: vec![record], dispatch: vec![(scheduled, 2)], ..Transition::default() };
    bench.partition.absorb_again(id, decided);
    assert_eq!(bench.left(), (vec![], 0), "the record of the first attempt is not durable");
    bench.fly();
    assert_eq!(bench.left(), (vec![], 0), "sent is not durable");
    bench.partition.committed();
    assert_eq!(bench.left(), (vec![], 1));
}

#[test]
fn names_of_one_hash_do_not_ask_the_store_for_ever() {
    let mut bench = Bench::new();
    let hash = name_hash("default", "order-1");
    // A run of another id with the same hash has closed, later than the one in the store.
    bench.partition.closed_ids.insert(hash, RunId::new(ID, 9));
    let asked = |bench: &mut Bench| match bench.partition.outputs().next() {
        Some(Output::Probe(probe)) => Some(*probe),
        _ => None,
    };
    let waiting = bench.start(1);
    let probe = asked(&mut bench).expect("the store knows");
    let found = ClosedRun {
        namespace: "default".into(),
        workflow_id: WorkflowId::from("order-1"),
        run_id: RunId::new(ID, 3),
        workflow: "order".into(),
        status: 1,
        started: NOW,
        closed: NOW,
        attributes: "{}".into(),
        search: "{}".into(),
        history: Vec::new(),
    };
    bench.partition.probed(request::Probed { probe, found: Ok(Some(found)) }, NOW);
    assert_eq!(bench.left(), (vec![waiting], 0), "joined with what the store has");
}

#[test]
fn a_name_has_its_partition_for_ever() {
    // Stored ids depend on these numbers: a change of the hash would lose every run.
    let parts: Vec<u16> =
        ["order-1", "order-2", "", "ünï"].iter().map(|id| partition_of("default", id, 32).0).collect();
    assert_eq!(parts, [22, 23, 23, 12]);
    assert_ne!(name_hash("a", "bc"), name_hash("ab", "c"));
}

#[test]
fn words_that_are_kept_have_a_length() {
    let mut bench = Bench::new();
    bench.start(1);
    bench.fly();
    bench.partition.committed();
    bench.left();
    let (id, long) = ("i".repeat(1_000), "r".repeat(10_000));
    let signal =
        |id: &str| Request::Signal { key: key(1), name: "go".into(), args: json!({}), request_id: Some(id.to_owned()) };
    let cancel = |reason: &str, id: &str| Request::Cancel {
        key: key(1),
        reason: reason.to_owned(),
        request_id: Some(id.to_owned()),
    };
    let terminate = |reason: &str| Request::Terminate { key: key(1), reason: reason.to_owned() };
    let more = |text: &str| format!("{text}+");
    let mut start: StartRequest = serde_json::from_value(json!({ "workflow": "order", "args": { "n": 2 } })).unwrap();
    start.request_id = Some(more(&id));
    let start = Request::Start(Box::new(bench.order(start)));
    let refused =
        [start, signal(&more(&id)), cancel("", &more(&id)), cancel(&more(&long), ""), terminate(&more(&long))];
    for request in refused {
        bench.ask(request);
        let answer = bench.partition.outputs().next().expect("it is refused at once");
        assert!(matches!(&answer, Output::Reply(_, Err(error)) if error.code == "wrong_input"), "{answer:?}");
    }
    for request in [signal(&id), cancel(&long, &id), terminate(&long)] {
        bench.ask(request);
    }
    bench.fly();
    bench.partition.committed();
    let taken = bench.partition.outputs().filter(|output| matches!(output, Output::Reply(_, Ok(_)))).count();
    assert_eq!(taken, 3);
}
