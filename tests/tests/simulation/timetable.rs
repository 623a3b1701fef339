//! A schedule and whoever looks after it: it starts runs by time and when it is asked to, is paused, and in the end is
//! deleted or left.

use std::time::Duration;

use serde_json::json;
use weft_protocol::api::{ApiError, ScheduleDescription, TriggerRequest};
use weft_runtime::api::ScheduleRequest;

use crate::ledger::Trigger;
use crate::net::{Net, Op, Said};

/// Runs that a schedule starts by time at most.
pub(crate) const LIMIT_MAX: u64 = 4;
/// What it may do at a time when a run is open.
const OVERLAPS: [&str; 6] = ["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"];

/// Plays it from its making until it starts no more.
pub(crate) async fn play(net: Net) {
    let world = net.world.clone();
    tokio::time::sleep(Duration::from_millis(world.below(1_000))).await;
    let name = format!("tick-{}", world.below(8));
    let overlap = OVERLAPS[world.below(OVERLAPS.len() as u64) as usize];
    let definition = json!({
        "workflow": "beat", "args": { "n": 7 },
        "every": "1s", "overlap": overlap, "limit": world.between(1, LIMIT_MAX),
    });
    match ask(&net, &name, ScheduleRequest::Create(definition)).await {
        Ok(_) => {}
        // An answer was lost.
        Err(error) if error.code == "schedule_exists" => {}
        Err(error) => panic!("{name} cannot be made: {error:?}"),
    }
    for _ in 0..world.below(4) {
        tokio::time::sleep(Duration::from_millis(world.between(100, 1_200))).await;
        match world.below(5) {
            0..=2 => trigger(&net, &name).await,
            3 => {
                sure(ask(&net, &name, ScheduleRequest::Pause("wait".into())).await);
                tokio::time::sleep(Duration::from_millis(world.between(100, 1_500))).await;
                sure(ask(&net, &name, ScheduleRequest::Resume("go on".into())).await);
            }
            _ => drop(sure(ask(&net, &name, ScheduleRequest::Describe).await)),
        }
    }
    loop {
        let now = sure(ask(&net, &name, ScheduleRequest::Describe).await).expect("nobody has deleted it");
        if now.remaining == Some(0) && now.waiting == 0 && now.running.is_empty() {
            break;
        }
        assert!(!world.is_late(), "seed {}: {name} goes on: {now:#?}", world.seed);
        if now.row.paused {
            // The request to pause it was repeated after the one to go on.
            sure(ask(&net, &name, ScheduleRequest::Resume("go on".into())).await);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    if world.percent(50) {
        match ask(&net, &name, ScheduleRequest::Delete).await {
            Ok(_) => {}
            Err(error) if error.code == "schedule_not_found" => {}
            Err(error) => panic!("{name} cannot be deleted: {error:?}"),
        }
    }
}

async fn trigger(net: &Net, name: &str) {
    let request = format!("trigger-{}", net.world.number());
    let place = {
        let mut ledger = net.world.ledger.lock().expect("one thread");
        ledger.triggers.push(Trigger { schedule: name.into(), request: request.clone(), acked: false });
        ledger.triggers.len() - 1
    };
    let trigger = TriggerRequest { overlap: None, request_id: Some(request) };
    sure(ask(net, name, ScheduleRequest::Trigger(trigger)).await);
    net.world.ledger.lock().expect("one thread").triggers[place].acked = true;
}

async fn ask(net: &Net, name: &str, request: ScheduleRequest) -> Result<Option<Box<ScheduleDescription>>, ApiError> {
    match net.insist(&Op::Schedule(name.into(), Box::new(request))).await? {
        Said::Schedule(how) => Ok(how),
        other => panic!("a schedule says {other:?}"),
    }
}

fn sure(answer: Result<Option<Box<ScheduleDescription>>, ApiError>) -> Option<Box<ScheduleDescription>> {
    answer.unwrap_or_else(|error| panic!("a schedule that is there refuses: {error:?}"))
}
