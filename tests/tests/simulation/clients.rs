//! Clients: each starts a run, tells it things, looks at it, and in the end sees to it that it ends.

use std::time::Duration;

use serde_json::{Value, json};
use weft_protocol::api::{
    ApiError, MessageRequest, ResetPoint, ResetRequest, Status, StopRequest, UpdateRequest, UpdateStage, UpdateStatus,
};

use crate::ledger::{Call, Read, Seen, What};
use crate::net::{Net, Op, Said, key};
use crate::stories::{Ends, Line, Story};

/// How long a run that may wait for ever is left to do so.
const WAIT_MAX: u64 = 3_000;
/// How long its cleanup is left to take: random programs sleep in theirs.
const CLEANUP_MAX: u64 = 30_000;

/// Plays a story from its start to the end of its run.
pub(crate) async fn play(net: Net, mut story: Story) {
    let world = net.world.clone();
    tokio::time::sleep(Duration::from_millis(world.below(400))).await;
    story.id = start(&net, &story).await;
    if story.menu.contains(&Line::Items) && world.percent(40) {
        tokio::spawn(watch(net.clone(), story.clone()));
    }
    let mut telling: Vec<_> = (0..story.clients).map(|_| tokio::spawn(tell(net.clone(), story.clone()))).collect();
    if story.reset {
        telling.push(tokio::spawn(set_back(net.clone(), story.clone())));
    }
    for client in telling {
        client.await.expect("a client does not panic");
    }
    if world.percent(70) {
        while !world.is_calm() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for line in story.last {
        say(&net, &story, *line, true).await;
    }
    see_the_end(&net, &story).await;
}

/// Starts the run; its id.
async fn start(net: &Net, story: &Story) -> String {
    let request = format!("start-{}", net.world.number());
    let id = story.give_id.then_some(&story.id);
    let mut asks = json!({ "workflow": story.workflow, "id": id, "args": story.args, "request_id": request });
    let number = net.world.number();
    let with = story.first.map(|line| match line {
        Line::Signal(name, with) => {
            let (args, name) = (with.args(number), String::from(name));
            // Without an id of its own it has that of the start.
            let own = number.is_multiple_of(2).then(|| format!("signal-{number}"));
            asks["signal"] = json!({ "name": name, "args": args, "request_id": own });
            What::Signal { name, args, request: own.unwrap_or_else(|| request.clone()) }
        }
        Line::Update(name, with, wait_for) => {
            let (args, name, update) = (with.args(number), String::from(name), format!("update-{number}"));
            asks["update"] = json!({ "name": name, "args": args, "update_id": update, "wait_for": wait_for });
            What::Update { name, args, update, reply: None }
        }
        other => panic!("{other:?} goes with no start"),
    });
    let op = Op::Start(Box::new(serde_json::from_value(asks).expect("it is a start")));
    let place = asked(net, story, What::Start { request: request.clone(), reply: None });
    let with = with.map(|what| (asked(net, story, what.clone()), what));
    match net.insist(&op).await {
        Ok(Said::Started(reply)) => {
            let id = reply.workflow_id.clone();
            assert!(story.id.is_empty() || story.id == id, "{id} is not the id of {}", story.id);
            match with {
                Some((place, What::Update { name, args, update, .. })) => {
                    let told = reply.update.clone();
                    assert!(told.is_some(), "the start of {id} does not tell what became of {update}");
                    acked(net, place, What::Update { name, args, update, reply: told });
                }
                Some((place, what)) => acked(net, place, what),
                None => {}
            }
            acked(net, place, What::Start { request, reply: Some(reply) });
            id
        }
        other => panic!("{op:?}: {other:?}"),
    }
}

/// Sets the run back once, at some time.
async fn set_back(net: Net, story: Story) {
    tokio::time::sleep(Duration::from_millis(net.world.between(100, 3_000))).await;
    say(&net, &story, Line::Reset, false).await;
}

/// Looks again and again, at whoever answers.
async fn watch(net: Net, story: Story) {
    while !net.world.is_calm() {
        tokio::time::sleep(Duration::from_millis(net.world.between(50, 400))).await;
        say(&net, &story, Line::Items, false).await;
    }
}

/// Some lines of a story, one after the other.
async fn tell(net: Net, story: Story) {
    for _ in 0..story.lines {
        tokio::time::sleep(Duration::from_millis(net.world.below(500))).await;
        if story.menu.is_empty() {
            return;
        }
        let line = story.menu[net.world.below(story.menu.len() as u64) as usize];
        say(&net, &story, line, false).await;
    }
}

/// Says one line, until it is heard if it matters.
async fn say(net: &Net, story: &Story, line: Line, matters: bool) {
    let world = &net.world;
    let id = story.id.as_str();
    let number = world.number();
    match line {
        Line::Signal(name, with) => {
            let (args, request) = (with.args(number), format!("signal-{number}"));
            let message = MessageRequest { args: args.clone(), request_id: Some(request.clone()) };
            let what = What::Signal { name: name.into(), args, request };
            call(net, story, what, Op::Signal(key(id), name.into(), message), matters).await;
        }
        Line::Update(name, with, wait_for) => {
            let (args, update) = (with.args(number), format!("update-{number}"));
            let request = UpdateRequest { args: args.clone(), update_id: Some(update.clone()), wait_for };
            let what = What::Update { name: name.into(), args, update, reply: None };
            call(net, story, what, Op::Update(key(id), name.into(), request), matters).await;
        }
        Line::Cancel => {
            let request = format!("cancel-{number}");
            let stop = StopRequest { reason: "enough".into(), request_id: Some(request.clone()) };
            call(net, story, What::Cancel { request }, Op::Cancel(key(id), stop), matters).await;
        }
        Line::Terminate => {
            let reason = format!("terminate-{number}");
            let stop = StopRequest { reason: reason.clone(), request_id: None };
            call(net, story, What::Terminate { reason }, Op::Terminate(key(id), stop), matters).await;
        }
        Line::Reset => {
            let request = format!("reset-{number}");
            let (event, to) = match world.below(3) {
                0 => (None, Some(ResetPoint::First)),
                1 => (None, Some(ResetPoint::Last)),
                _ => (Some(world.between(1, 14)), None),
            };
            let (reason, request_id) = (String::from("again"), Some(request.clone()));
            let reset = ResetRequest { event, to, reason, request_id, ..ResetRequest::default() };
            let what = What::Reset { request, reply: None };
            call(net, story, what, Op::Reset(key(id), Box::new(reset)), matters).await;
        }
        Line::Items => read(net, id, &Op::Query(key(id), "items".into())).await,
        Line::History => read(net, id, &Op::History(key(id))).await,
    }
}

async fn call(net: &Net, story: &Story, what: What, op: Op, matters: bool) {
    let place = asked(net, story, what.clone());
    let heard = match matters || net.world.percent(80) {
        true => net.insist(&op).await.map_err(Some),
        // This client has something better to do than to ask again.
        false => net.ask(&op).await.map_err(|_| None),
    };
    match (heard, what) {
        (Ok(Said::Updated(mut reply)), What::Update { name, args, update, .. }) => {
            // Who wants to know what came of it asks again.
            while reply.status == UpdateStatus::Accepted && waits(&op) && net.world.percent(80) {
                match net.insist(&op).await {
                    Ok(Said::Updated(later)) => reply = later,
                    other => return refused(&op, other.err()),
                }
            }
            acked(net, place, What::Update { name, args, update, reply: Some(reply) });
        }
        (Ok(Said::Reset(reply)), What::Reset { request, .. }) => {
            acked(net, place, What::Reset { request, reply: Some(reply) });
        }
        (Ok(_), what) => acked(net, place, what),
        (Err(error), _) => refused(&op, error),
    }
}

fn waits(op: &Op) -> bool {
    matches!(op, Op::Update(_, _, request) if request.wait_for == UpdateStage::Completed)
}

/// Refusals that a client of these stories may meet.
fn refused(op: &Op, error: Option<ApiError>) {
    let Some(error) = error else { return };
    let known = ["run_closed", "run_stuck", "run_ending", "reset_refused", "not_the_newest"];
    assert!(known.contains(&error.code.as_str()), "{op:?}: {error:?}");
}

async fn read(net: &Net, id: &str, op: &Op) {
    let before = net.world.number();
    let what = match net.ask(op).await {
        Ok(Said::Value(Value::Array(items))) => Seen::Items(items.iter().filter_map(Value::as_i64).collect()),
        Ok(Said::History(page)) => Seen::History(page.events),
        _ => return,
    };
    let read = Read { id: id.into(), asked: before, answered: net.world.number(), what };
    net.world.ledger.lock().expect("one thread").reads.push(read);
}

fn asked(net: &Net, story: &Story, what: What) -> usize {
    let call = Call { id: story.id.clone(), what, asked: net.world.number(), acked: None };
    let mut ledger = net.world.ledger.lock().expect("one thread");
    ledger.calls.push(call);
    ledger.calls.len() - 1
}

fn acked(net: &Net, place: usize, what: What) {
    let now = net.world.number();
    let call = &mut net.world.ledger.lock().expect("one thread").calls[place];
    (call.acked, call.what) = (Some(now), what);
}

/// Waits for the end of the run. One that may wait for ever is canceled; one that is stuck, or goes on for long or as a
/// new one after that, is terminated.
async fn see_the_end(net: &Net, story: &Story) {
    let world = &net.world;
    let (mut since, mut canceled) = (None, None);
    loop {
        let mut newest = String::new();
        match net.insist(&Op::Result(key(&story.id))).await {
            Ok(Said::Result(result)) if result.status != Status::Running => return,
            Ok(Said::Result(result)) if result.stuck.is_some() => {
                assert!(story.ends == Ends::Perhaps, "seed {}: {} is stuck: {:?}", world.seed, story.id, result.stuck);
                say(net, story, Line::Terminate, true).await;
            }
            Ok(Said::Result(result)) => newest = result.run_id,
            Ok(_) => {}
            Err(error) => panic!("seed {}: the result of {}: {error:?}", world.seed, story.id),
        }
        if !world.is_calm() {
            continue;
        }
        let waited = world.now() - *since.get_or_insert(world.now());
        if story.ends == Ends::Perhaps && waited > WAIT_MAX && !newest.is_empty() {
            match &canceled {
                None => {
                    canceled = Some((newest, world.now()));
                    say(net, story, Line::Cancel, true).await;
                }
                Some((before, at)) if *before != newest || world.now() - at > CLEANUP_MAX => {
                    say(net, story, Line::Terminate, true).await;
                }
                Some(_) => {}
            }
        }
        if world.is_late() {
            let how = match net.insist(&Op::Describe(key(&story.id))).await {
                Ok(Said::Description(how)) => format!("{how:#?}"),
                other => format!("{other:?}"),
            };
            panic!("seed {}: {} has not ended: {how}", world.seed, story.id);
        }
    }
}

/// Parameters of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum With {
    Nothing,
    N,
    By,
    Text,
}

impl With {
    fn args(self, number: u64) -> Value {
        match self {
            With::Nothing => json!({}),
            With::N => json!({ "n": number }),
            With::By => json!({ "by": number % 60 }),
            With::Text => json!({ "text": format!("k{}", number % 9) }),
        }
    }
}
