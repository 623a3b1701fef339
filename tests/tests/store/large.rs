//! Large values stand beside the log: what is read back is what was written, and the log stays small.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use weft_engine::history;
use weft_protocol::api::{StartRequest, Status};
use weft_protocol::limits::Limits;
use weft_protocol::{LogSeq, PartitionId, RunId, Timestamp, WorkflowId};
use weft_runtime::sandbox::Sandbox;

use crate::place::{PARTITIONS, Place};
use crate::properties::claim;

const PROGRAM: &str = r#"
activity copy(text: String) -> String with { queue: "q", timeout: 1h, heartbeat: 20m }

workflow keeper(text: String) -> String with { id: "keeper" } {
  state more = ""
  signal add(piece: String) { more = piece }
  let copied = copy(text)
  wait until more != ""
  return copied
}
"#;

/// Text that no packing makes small.
fn text(seed: u64, bytes: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..bytes).map(|_| char::from(random.random_range(b'!'..b'~'))).collect()
}

pub(crate) async fn large_values_stand_beside_the_log(place: Place) {
    let project = weft_compiler::Project {
        name: "large".into(),
        edition: "2026".into(),
        sources: vec![weft_compiler::Source { path: "keeper.wf".into(), text: PROGRAM.into() }],
        defaults: weft_compiler::Defaults::default(),
    };
    let analysis = weft_compiler::compile(&project);
    let program = analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics));
    let mut sandbox = Sandbox::new(place.journal.clone(), 42, Limits::default()).await.unwrap();
    sandbox.deploy(program).await.unwrap();
    let large = text(1, 300_000);
    let start: StartRequest =
        serde_json::from_value(json!({ "workflow": "keeper", "args": { "text": large } })).unwrap();
    let run: RunId = sandbox.start(start).await.unwrap().run_id.parse().unwrap();
    let scheduled = sandbox.attempts().next().expect("the activity is handed out").scheduled;
    sandbox.heartbeat(run, scheduled, Some(json!(text(2, 100_000)))).await.unwrap();
    sandbox.crash().await.unwrap();
    let again = sandbox.attempts().next().expect("the activity is handed out again");
    assert_eq!(again.args.value()["text"], json!(large), "whoever gets the attempt gets the value");
    sandbox.complete(run, scheduled, json!(text(3, 200_000))).await.unwrap();
    sandbox.signal("keeper", "add", json!({ "piece": "" }), None).await.unwrap();

    let shown = async |sandbox: &mut Sandbox| -> Vec<Value> {
        let (program, events) = sandbox.history("keeper").await.unwrap();
        events.iter().map(|event| history::to_json(program.program(), event)).collect()
    };
    let before = shown(&mut sandbox).await;
    sandbox.crash().await.unwrap();
    assert!(shown(&mut sandbox).await == before, "a restart reads back what was written");
    sandbox.signal("keeper", "add", json!({ "piece": text(4, 80_000) }), None).await.unwrap();
    let described = sandbox.describe("keeper").await.unwrap();
    assert_eq!((described.row.status, described.result), (Status::Completed, Some(json!(text(3, 200_000)))));
    let closed = shown(&mut sandbox).await;
    assert!(closed[..before.len()] == before, "the history of a closed run has the same values");
    assert_eq!(closed.last().unwrap()["result"], json!(text(3, 200_000)));

    let mut log = 0;
    for part in (0..PARTITIONS).map(PartitionId) {
        let chunks = place.journal.read(part, LogSeq(0), 10_000).await.unwrap();
        log += chunks.iter().map(|chunk| chunk.body.len()).sum::<usize>();
    }
    assert!(log < 10_000, "{log} bytes are in the log");
    let id = WorkflowId::from("keeper");
    let row = place.journal.closed_run(run.partition(), "default", &id, None).await.unwrap().unwrap();
    assert!(row.history.len() < 10_000, "{} bytes are in the row", row.history.len());

    // What is gone of closed runs does not keep a partition from being read.
    assert_eq!(
        place.journal.forget_closed(claim(&place.journal).await, "default", Timestamp(i64::MAX), 10).await.unwrap(),
        1
    );
    sandbox.crash().await.unwrap();
    assert_eq!(sandbox.describe("keeper").await.unwrap_err().code, "run_not_found");
}
