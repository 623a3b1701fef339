//! Workers: they poll, take their time, report, fail, and die with what they hold.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use weft_protocol::Failure;
use weft_protocol::api::{PollRequest, QueueTask};

use crate::ledger::{End, Handed};
use crate::net::{Net, Op, Said};
use crate::world::Bad;

/// Workers of a world.
const WORKERS: u64 = 2;
/// Tasks that a worker has at once.
const TASKS_MAX: usize = 3;

pub(crate) fn employ(net: &Net) {
    for number in 0..WORKERS {
        tokio::spawn(work(net.clone(), number));
    }
}

/// One worker, and those who come after it.
async fn work(net: Net, number: u64) {
    let held: Arc<Mutex<Vec<String>>> = Arc::default();
    let lives = Arc::new(AtomicU64::new(0));
    while !net.world.is_over() {
        let holding = held.lock().expect("one thread").clone();
        let room = TASKS_MAX.saturating_sub(holding.len());
        if room == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let poll = PollRequest { worker: format!("w{number}"), max: Some(room), wait: Some("3s".into()), holding };
        let asked = net.world.number();
        let tasks = match net.ask(&Op::Poll(poll)).await {
            Ok(Said::Tasks(tasks)) => tasks,
            _ => {
                tokio::time::sleep(Duration::from_millis(net.world.between(20, 200))).await;
                continue;
            }
        };
        for task in tasks {
            let token = task.token.parse().expect("tokens can be read");
            net.world.ledger.lock().expect("one thread").handed.push(Handed {
                token,
                asked,
                once: task.activity == "solo",
            });
            held.lock().expect("one thread").push(task.token.clone());
            tokio::spawn(carry_out(net.clone(), task, held.clone(), lives.clone()));
        }
        if net.world.happens(Bad::WorkerDies) {
            // Everything it had is forgotten; nobody reports it.
            held.lock().expect("one thread").clear();
            lives.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn carry_out(net: Net, task: QueueTask, held: Arc<Mutex<Vec<String>>>, lives: Arc<AtomicU64>) {
    let world = net.world.clone();
    let life = lives.load(Ordering::Relaxed);
    let long = match world.happens(Bad::WorkerSlow) {
        true => world.between(500, 6_000),
        false => world.below(250),
    };
    let mut left = long;
    while task.heartbeat.is_some() && left > 400 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        left -= 400;
        if lives.load(Ordering::Relaxed) != life {
            return;
        }
        let beat = net.ask(&Op::Heartbeat(task.token.clone(), json!(left))).await;
        if matches!(beat, Ok(Said::Alive(true))) && world.percent(50) {
            left = 0;
        }
    }
    tokio::time::sleep(Duration::from_millis(left)).await;
    if lives.load(Ordering::Relaxed) == life {
        report(&net, &task).await;
        held.lock().expect("one thread").retain(|token| *token != task.token);
    }
}

async fn report(net: &Net, task: &QueueTask) {
    let world = &net.world;
    let token = task.token.parse().expect("tokens can be read");
    let fails = world.happens(Bad::WorkerFails) || task.activity == "flaky" && world.percent(35);
    let (op, result) = if fails {
        let failure = match world.below(4) {
            0 if ["work", "number"].contains(&task.activity.as_str()) => {
                let kind = if task.activity == "work" { "Declined" } else { "Refused" };
                Failure::new(kind, "no").with_details(&json!({ "code": world.below(60) }))
            }
            _ => Failure::fault("out of order"),
        };
        (Op::Fail(task.token.clone(), failure), None)
    } else {
        let result = match task.activity.as_str() {
            "work" | "give_back" | "long" | "number" | "flaky" | "solo" => json!(world.number() % 100_000),
            _ => Value::Null,
        };
        (Op::Complete(task.token.clone(), result.clone()), Some(result))
    };
    // Asked again it is told that the attempt has ended, be it by itself: only the first good answer counts.
    let acked = net.insist(&op).await.is_ok().then(|| world.number());
    world.ledger.lock().expect("one thread").ends.push(End { token, acked, result });
}
