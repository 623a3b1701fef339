//! Schedules on virtual time, on all three stores, and with memory lost after every commit: every way tells one story.
//! What one fires when is `bytecode/src/schedule`'s tests'; here runs start, overlap, fail, and outlive crashes.
//!
//! Each test names the rules of behavior that it would not pass without.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "schedules/server.rs"]
mod server;

use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;
use weft_bytecode::Program;
use weft_compiler::{Project, Source, compile};
use weft_protocol::api::{BackfillRequest, ScheduleDescription, TriggerRequest};
use weft_protocol::limits::Limits;
use weft_runtime::api::ScheduleRequest;
use weft_runtime::sandbox::{Crashes, Sandbox};
use weft_runtime::store::{self, Journal, StoreOptions};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn program(text: &str) -> Program {
    let sources = vec![Source { path: "s.wf".into(), text: text.into() }];
    let project = Project { name: "s".into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = compile(&project);
    analysis.program.unwrap_or_else(|| panic!("{:#?}", analysis.diagnostics))
}

/// A schedule as far as it is the same whichever way it was played.
fn told(s: &ScheduleDescription) -> String {
    let mut out = format!(
        "{}: fired {} skipped {} missed {} dropped {} waiting {}",
        s.row.name, s.row.fired, s.skipped, s.missed, s.dropped, s.waiting
    );
    if s.row.paused || !s.row.note.is_empty() {
        let _ = write!(out, " paused {} {:?}", s.row.paused, s.row.note);
    }
    for action in &s.recent {
        let _ = write!(out, "\n  {} {} {}", action.workflow_id, action.cause, action.status);
        if let Some(failure) = &action.failure {
            let _ = write!(out, " {}", failure["type"].as_str().unwrap_or("?"));
        }
    }
    out + "\n"
}

struct World {
    sandbox: Sandbox,
    story: String,
}

impl World {
    async fn ask(&mut self, name: &str, request: ScheduleRequest) -> ScheduleDescription {
        self.sandbox.schedule(name, request).await.unwrap().unwrap()
    }

    async fn tell(&mut self, names: &[&str]) {
        for name in names {
            let described = self.ask(name, ScheduleRequest::Describe).await;
            self.story += &told(&described);
        }
    }
}

/// Plays it in every way; all tell what is written.
async fn everywhere(source: &str, want: &str, play: impl AsyncFn(&mut World)) {
    let folder = tempfile::tempdir().unwrap();
    let database = weft_tests::postgres::database().await;
    let several = StoreOptions { partitions: Some(3) };
    let sqlite = |n: u32| format!("sqlite:{}", folder.path().join(format!("{n}.db")).display());
    let ways = [
        ("memory:".to_owned(), StoreOptions::default(), Crashes::ByHand),
        ("memory:".to_owned(), several, Crashes::ByHand),
        ("memory:".to_owned(), StoreOptions::default(), Crashes::AfterEveryCommit),
        ("memory:".to_owned(), several, Crashes::AfterEveryCommit),
        (sqlite(1), StoreOptions::default(), Crashes::ByHand),
        (sqlite(2), StoreOptions::default(), Crashes::AfterEveryCommit),
        (database.url().to_owned(), several, Crashes::AfterEveryCommit),
    ];
    for (url, options, crashes) in ways {
        let way = format!("{} {options:?} {crashes:?}", url.split(':').next().unwrap());
        let journal: Arc<dyn Journal> = store::open(&url, &options).await.unwrap();
        let mut sandbox = Sandbox::new(journal, 7, Limits::default()).await.unwrap();
        sandbox.crashes(crashes);
        sandbox.deploy(program(source)).await.unwrap();
        let mut world = World { sandbox, story: String::new() };
        play(&mut world).await;
        assert_eq!(world.story.trim(), want.trim(), "{way}\n{}", world.story);
    }
}

/// rule: 14.1 14.2 14.3 14.5
#[tokio::test]
async fn both_changes_of_the_clocks_of_three_zones() {
    let source = r#"
workflow tick() { log.info("tick") }
schedule ny_spring runs tick() with { cron: "30 2 * * *", zone: "America/New_York", start: "2026-03-07", end: "2026-03-09" }
schedule ny_fall runs tick() with { cron: "30 1 * * *", zone: "America/New_York", start: "2026-10-31", end: "2026-11-02" }
schedule de_spring runs tick() with { cron: "30 2 * * *", zone: "Europe/Berlin", start: "2026-03-28", end: "2026-03-30" }
schedule de_fall runs tick() with { cron: "30 2 * * *", zone: "Europe/Berlin", start: "2026-10-24", end: "2026-10-26" }
schedule lh_spring runs tick() with { cron: "15 2 * * *", zone: "Australia/Lord_Howe", start: "2026-10-03", end: "2026-10-05" }
schedule lh_fall runs tick() with { cron: "45 1 * * *", zone: "Australia/Lord_Howe", start: "2026-04-04", end: "2026-04-06" }
schedule hours runs tick() with { every: 6h, zone: "Europe/Berlin", start: "2026-03-29", end: "2026-03-29" }
"#;
    let want = r#"
ny_spring: fired 2 skipped 0 missed 0 dropped 0 waiting 0
  ny_spring-2026-03-07T07:30:00Z time Completed
  ny_spring-2026-03-09T06:30:00Z time Completed
ny_fall: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  ny_fall-2026-10-31T05:30:00Z time Completed
  ny_fall-2026-11-01T05:30:00Z time Completed
  ny_fall-2026-11-01T06:30:00Z time Completed
  ny_fall-2026-11-02T06:30:00Z time Completed
de_spring: fired 2 skipped 0 missed 0 dropped 0 waiting 0
  de_spring-2026-03-28T01:30:00Z time Completed
  de_spring-2026-03-30T00:30:00Z time Completed
de_fall: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  de_fall-2026-10-24T00:30:00Z time Completed
  de_fall-2026-10-25T00:30:00Z time Completed
  de_fall-2026-10-25T01:30:00Z time Completed
  de_fall-2026-10-26T01:30:00Z time Completed
lh_spring: fired 2 skipped 0 missed 0 dropped 0 waiting 0
  lh_spring-2026-10-02T15:45:00Z time Completed
  lh_spring-2026-10-04T15:15:00Z time Completed
lh_fall: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  lh_fall-2026-04-03T14:45:00Z time Completed
  lh_fall-2026-04-04T14:45:00Z time Completed
  lh_fall-2026-04-04T15:15:00Z time Completed
  lh_fall-2026-04-05T15:15:00Z time Completed
hours: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  hours-2026-03-29T00:00:00Z time Completed
  hours-2026-03-29T06:00:00Z time Completed
  hours-2026-03-29T12:00:00Z time Completed
  hours-2026-03-29T18:00:00Z time Completed
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(365 * DAY).await.unwrap();
        w.tell(&["ny_spring", "ny_fall", "de_spring", "de_fall", "lh_spring", "lh_fall", "hours"]).await;
    })
    .await;
}

/// rule: 14.6 14.7 14.12
#[tokio::test]
async fn three_days_without_a_process() {
    let source = r#"
workflow work() { sleep 10m }
schedule skipping runs work() with { every: 12h }
schedule all runs work() with { every: 12h, overlap: allow_all }
schedule short runs work() with { every: 12h, overlap: allow_all, catch_up: 13h }
schedule one runs work() with { every: 12h, overlap: buffer_one }
schedule queue runs work() with { every: 12h, overlap: buffer_all }
"#;
    let want = r#"
skipping: fired 2 skipped 5 missed 0 dropped 0 waiting 0
  skipping-2026-01-01T12:00:00Z time Completed
  skipping-2026-01-02T00:00:00Z time Running
all: fired 7 skipped 0 missed 0 dropped 0 waiting 0
  all-2026-01-01T12:00:00Z time Completed
  all-2026-01-02T00:00:00Z time Running
  all-2026-01-02T12:00:00Z time Running
  all-2026-01-03T00:00:00Z time Running
  all-2026-01-03T12:00:00Z time Running
  all-2026-01-04T00:00:00Z time Running
  all-2026-01-04T12:00:00Z time Running
short: fired 3 skipped 0 missed 4 dropped 0 waiting 0
  short-2026-01-01T12:00:00Z time Completed
  short-2026-01-04T00:00:00Z time Running
  short-2026-01-04T12:00:00Z time Running
one: fired 2 skipped 4 missed 0 dropped 0 waiting 1
  one-2026-01-01T12:00:00Z time Completed
  one-2026-01-02T00:00:00Z time Running
queue: fired 2 skipped 0 missed 0 dropped 0 waiting 5
  queue-2026-01-01T12:00:00Z time Completed
  queue-2026-01-02T00:00:00Z time Running
one: fired 3 skipped 4 missed 0 dropped 0 waiting 0
  one-2026-01-01T12:00:00Z time Completed
  one-2026-01-02T00:00:00Z time Completed
  one-2026-01-02T12:00:00Z time Completed
queue: fired 7 skipped 0 missed 0 dropped 0 waiting 0
  queue-2026-01-01T12:00:00Z time Completed
  queue-2026-01-02T00:00:00Z time Completed
  queue-2026-01-02T12:00:00Z time Completed
  queue-2026-01-03T00:00:00Z time Completed
  queue-2026-01-03T12:00:00Z time Completed
  queue-2026-01-04T00:00:00Z time Completed
  queue-2026-01-04T12:00:00Z time Completed
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(13 * HOUR).await.unwrap();
        w.sandbox.outage(3 * DAY).await.unwrap();
        w.tell(&["skipping", "all", "short", "one", "queue"]).await;
        w.sandbox.advance(2 * HOUR).await.unwrap();
        w.tell(&["one", "queue"]).await;
    })
    .await;
}

/// rule: 14.6 14.11 8.5
#[tokio::test]
async fn a_run_that_outlives_its_interval() {
    let source = r#"
workflow long(name: String) {
  on cancel { sleep 5m }
  sleep 150m
}
schedule skip runs long("a") with { every: 1h, limit: 4 }
schedule one runs long("b") with { every: 1h, overlap: buffer_one, limit: 4 }
schedule queue runs long("c") with { every: 1h, overlap: buffer_all, limit: 4 }
schedule beside runs long("d") with { every: 1h, overlap: allow_all, limit: 4 }
schedule cancels runs long("e") with { every: 1h, overlap: cancel_other, limit: 4 }
schedule ends runs long("f") with { every: 1h, overlap: terminate_other, limit: 4 }
"#;
    let want = r#"
skip: fired 2 skipped 3 missed 0 dropped 0 waiting 0
  skip-2026-01-01T01:00:00Z time Completed
  skip-2026-01-01T04:00:00Z time Running
one: fired 2 skipped 2 missed 0 dropped 0 waiting 1
  one-2026-01-01T01:00:00Z time Completed
  one-2026-01-01T02:00:00Z time Running
queue: fired 2 skipped 0 missed 0 dropped 0 waiting 3
  queue-2026-01-01T01:00:00Z time Completed
  queue-2026-01-01T02:00:00Z time Running
beside: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  beside-2026-01-01T01:00:00Z time Completed
  beside-2026-01-01T02:00:00Z time Completed
  beside-2026-01-01T03:00:00Z time Running
  beside-2026-01-01T04:00:00Z time Running
cancels: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  cancels-2026-01-01T01:00:00Z time Canceled
  cancels-2026-01-01T02:00:00Z time Canceled
  cancels-2026-01-01T03:00:00Z time Canceled
  cancels-2026-01-01T04:00:00Z time Running
ends: fired 4 skipped 0 missed 0 dropped 0 waiting 0
  ends-2026-01-01T01:00:00Z time Terminated Terminated
  ends-2026-01-01T02:00:00Z time Terminated Terminated
  ends-2026-01-01T03:00:00Z time Terminated Terminated
  ends-2026-01-01T04:00:00Z time Running
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(5 * HOUR + MINUTE).await.unwrap();
        w.tell(&["skip", "one", "queue", "beside", "cancels", "ends"]).await;
    })
    .await;
}

/// rule: 14.6 9.1
#[tokio::test]
async fn a_run_that_goes_on_as_new_is_one_run() {
    let source = r#"
workflow chain(n: Int) {
  sleep 25m
  if n > 0 { continue as new(n - 1) }
}
schedule follows runs chain(3) with { every: 1h, end: "2026-01-01T03:30:00Z" }
"#;
    let want = r#"
follows: fired 2 skipped 1 missed 0 dropped 0 waiting 0
  follows-2026-01-01T01:00:00Z time Completed
  follows-2026-01-01T03:00:00Z time Running
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(4 * HOUR).await.unwrap();
        w.tell(&["follows"]).await;
    })
    .await;
}

/// rule: 14.6 14.8 9.6
#[tokio::test]
async fn a_run_that_is_tried_again_is_one_run() {
    let source = r#"
workflow slow() with { run_timeout: 10m, retry: fixed(45m, attempts: 2) } { sleep 1d }
schedule follows runs slow() with { every: 1h, end: "2026-01-01T03:30:00Z", pause_on_failure: true }
"#;
    let want = r#"
follows: fired 1 skipped 1 missed 0 dropped 0 waiting 0 paused true "paused due to workflow failure: follows-2026-01-01T01:00:00Z: the run took longer than 10m"
  follows-2026-01-01T01:00:00Z time TimedOut Timeout
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(4 * HOUR).await.unwrap();
        w.tell(&["follows"]).await;
    })
    .await;
}

/// rule: 14.7 14.8 14.9 14.10 14.13
#[tokio::test]
async fn pauses_limits_failures_triggers_and_backfills() {
    let source = r#"
error Broken { why: String }
workflow fine() { sleep 1m }
workflow fails() throws Broken { throw Broken("as always") }
schedule rests runs fine() with { every: 1h }
schedule twice runs fine() with { every: 1h, limit: 2 }
schedule careful runs fails() with { every: 1h, pause_on_failure: true }
schedule asleep runs fine() with { every: 1h, paused: true, note: "not yet" }
"#;
    let want = r#"
rests: fired 2 skipped 0 missed 0 dropped 0 waiting 0 paused false "back"
  rests-2026-01-01T01:00:00Z time Completed
  rests-2026-01-01T06:00:00Z time Completed
twice: fired 3 skipped 0 missed 0 dropped 0 waiting 0
  twice-2026-01-01T01:00:00Z time Completed
  twice-2026-01-01T02:00:00Z time Completed
  twice-2026-01-01T06:02:00Z trigger Completed
careful: fired 1 skipped 0 missed 0 dropped 0 waiting 0 paused true "paused due to workflow failure: careful-2026-01-01T01:00:00Z: Broken"
  careful-2026-01-01T01:00:00Z time Failed Broken
asleep: fired 5 skipped 0 missed 0 dropped 0 waiting 0 paused true "not yet"
  asleep-2025-12-31T22:00:00Z backfill Completed
  asleep-2025-12-31T23:00:00Z backfill Completed
  asleep-2026-01-01T00:00:00Z backfill Completed
  asleep-2025-12-31T23:00:00Z backfill Completed
  asleep-2026-01-01T00:00:00Z backfill Completed
"#;
    everywhere(source, want, async |w: &mut World| {
        w.sandbox.advance(HOUR + 2 * MINUTE).await.unwrap();
        w.ask("rests", ScheduleRequest::Pause("lunch".into())).await;
        w.sandbox.advance(4 * HOUR).await.unwrap();
        w.ask("rests", ScheduleRequest::Resume("back".into())).await;
        w.sandbox.advance(HOUR).await.unwrap();
        let trigger = TriggerRequest { overlap: None, request_id: Some("t".into()) };
        for _ in 0..2 {
            w.ask("twice", ScheduleRequest::Trigger(trigger.clone())).await;
        }
        let backfill = |from: &str, overlap: &str, id: &str| {
            ScheduleRequest::Backfill(BackfillRequest {
                from: from.into(),
                to: "2026-01-01T00:00:00Z".into(),
                overlap: Some(overlap.into()),
                request_id: Some(id.into()),
            })
        };
        w.ask("asleep", backfill("2025-12-31T22:00:00Z", "allow_all", "1")).await;
        w.sandbox.advance(2 * MINUTE).await.unwrap();
        w.ask("asleep", backfill("2025-12-31T23:00:00Z", "buffer_all", "2")).await;
        w.ask("asleep", backfill("2025-12-31T23:00:00Z", "buffer_all", "2")).await;
        w.sandbox.advance(10 * MINUTE).await.unwrap();
        w.tell(&["rests", "twice", "careful", "asleep"]).await;
    })
    .await;
}

/// rule: 14.5 10.2 14.13
#[tokio::test]
async fn deploys_make_replace_and_delete_what_they_declare() {
    let first = r#"
workflow tick(n: Int = 1) { log.info("{n}") }
schedule stays runs tick() with { every: 1h }
schedule goes runs tick() with { every: 1h }
"#;
    let want = r#"
stays: fired 1 skipped 0 missed 0 dropped 0 waiting 0 paused true "wait"
  stays-2026-01-01T01:00:00Z time Completed
made: fired 2 skipped 0 missed 0 dropped 0 waiting 0
  made-2026-01-01T01:00:00Z time Completed
  made-2026-01-01T02:00:00Z time Completed
again: fired 2 skipped 0 missed 0 dropped 0 waiting 0
  again-2026-01-01T02:00:00Z time Refused AlreadyRunning
  again-2026-01-01T03:00:00Z time Refused StartRefused
"#;
    everywhere(first, want, async |w: &mut World| {
        let made = json!({"workflow": "tick", "every": "1h", "end": "2026-01-01T02:30:00Z"});
        let again = json!({"workflow": "tick", "every": "1h", "start": "2026-01-01T02:00:00Z", "args": {"n": 3}});
        w.ask("made", ScheduleRequest::Create(made.clone())).await;
        w.ask("again", ScheduleRequest::Create(again)).await;
        let taken = w.sandbox.schedule("made", ScheduleRequest::Create(made)).await.unwrap_err();
        assert_eq!((taken.status, taken.code.as_str()), (409, "schedule_exists"));
        let declared = w.sandbox.schedule("stays", ScheduleRequest::Delete).await.unwrap_err();
        assert_eq!((declared.status, declared.code.as_str()), (409, "schedule_declared"));
        w.sandbox.advance(HOUR + MINUTE).await.unwrap();
        w.ask("stays", ScheduleRequest::Pause("wait".into())).await;
        // Somebody else has the id of a start.
        let request = json!({"workflow": "tick", "id": "again-2026-01-01T02:00:00Z"});
        w.sandbox.start(serde_json::from_value(request).unwrap()).await.unwrap();
        let second = r#"
workflow tick(text: String = "x") { sleep 1s }
schedule stays runs tick("y") with { every: 2h }
"#;
        w.sandbox.advance(HOUR).await.unwrap();
        // What `again` has to say is no argument any more.
        w.sandbox.deploy(program(second)).await.unwrap();
        w.sandbox.advance(HOUR).await.unwrap();
        w.tell(&["stays", "made", "again"]).await;
        let gone = w.sandbox.schedule("goes", ScheduleRequest::Describe).await.unwrap_err();
        assert_eq!(gone.code, "schedule_not_found");
        assert!(w.sandbox.schedule("made", ScheduleRequest::Delete).await.unwrap().is_none());
        assert!(w.sandbox.schedule("made", ScheduleRequest::Describe).await.is_err());
    })
    .await;
}
