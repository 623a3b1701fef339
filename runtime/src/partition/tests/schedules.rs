//! Schedules beside the runs of a partition.

use weft_bytecode::schedule::json as definitions;
use weft_engine::ScheduleInput;

use super::*;
use crate::partition::request::ScheduleAsk;

#[test]
fn a_long_backfill_leaves_alarms_their_turn() {
    let mut bench = Bench::new();
    bench.start_as(
        serde_json::from_value(json!({ "workflow": "order", "args": { "n": 1 }, "delay_ms": 1_000 })).unwrap(),
    );
    let definition = json!({ "workflow": "order", "args": { "n": 2 }, "every": "1s", "paused": true });
    let create = ScheduleAsk::Create(Box::new(definitions::read(&definition).unwrap()));
    let range = ScheduleInput::Backfill {
        from: Timestamp(0),
        to: Timestamp(99_999_000),
        overlap: None,
        request_id: Some("b".into()),
    };
    for ask in [create, ScheduleAsk::Give(range)] {
        bench.ask(Request::Schedule { namespace: "default".into(), name: "s".into(), ask });
    }
    let begun = |bench: &Bench| bench.partition.runs.values().any(|open| open.run.history().len() > 1);
    assert!(!begun(&bench));
    bench.partition.due(NOW.plus_ms(5_000), 64);
    assert!(begun(&bench), "its delay was over long ago");
}
