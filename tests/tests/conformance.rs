//! Every case of `tests/conformance` in every way, to one and the same history: interpreted in memory, with a snapshot
//! written and read at every suspension, replayed from history alone, on each store, and with memory lost after every
//! commit. `BLESS=1` rewrites the expectations from the first way; the others never write.

#[path = "conformance/cover.rs"]
mod cover;
#[path = "conformance/play.rs"]
mod play;
#[path = "conformance/rules.rs"]
mod rules;
#[path = "conformance/script.rs"]
mod script;

use std::sync::Arc;

use weft_engine::replay::is_of_activation;
use weft_engine::{Input, Packed, Run, history};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, RunId};
use weft_runtime::frame::{decode_history, encode_history};
use weft_runtime::sandbox::{Crashes, Sandbox};
use weft_runtime::store::memory::Memory;
use weft_runtime::store::{self, Journal, StoreOptions};
use weft_vm::Vm;

use play::{Look, Seen, Way, play};
use script::{Case, cases};

/// Partitions of the stores: more than one, so that runs of a case talk across.
const PARTITIONS: u16 = 3;

const PLAIN: Way =
    Way { crashes: Crashes::ByHand, fuel_slice: 5_000_000, snapshot_events: usize::MAX, bundle_chunks: usize::MAX };

/// Plays all cases in one way and tells every difference at once.
async fn all(way: Way, look: Look<'_>, mut journal: impl AsyncFnMut() -> Arc<dyn Journal>) {
    let blessing = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let expected = if blessing {
            play(&case, memory(), PLAIN, &mut |_| Ok(())).await.unwrap_or_default()
        } else {
            case.expected.clone()
        };
        match play(&case, journal().await, way, look).await {
            Ok(history) if history == expected => {}
            Ok(history) => wrong.push(format!("{}:\n{}", case.name, difference(&expected, &history))),
            Err(why) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} cases differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let show = |lines: &[&str], mark: char| lines.iter().map(|line| format!("  {mark} {line}\n")).collect::<String>();
    show(&expected[..same], ' ') + &show(&expected[same..], '-') + &show(&found[same..], '+')
}

fn memory() -> Arc<dyn Journal> {
    Arc::new(Memory::new(PARTITIONS))
}

#[tokio::test]
async fn in_memory() {
    if std::env::var_os("BLESS").is_some() {
        for case in cases() {
            match play(&case, memory(), PLAIN, &mut |_| Ok(())).await {
                Ok(history) => case.bless(&history),
                // Told below, with all that differs.
                Err(_) => continue,
            }
        }
    }
    all(PLAIN, &mut |_| Ok(()), async || memory()).await;
}

/// Slices end in the middle of nearly every activation.
#[tokio::test]
async fn in_small_slices() {
    let way = Way { fuel_slice: 7, ..PLAIN };
    all(way, &mut |_| Ok(()), async || memory()).await;
}

#[tokio::test]
async fn with_a_snapshot_at_every_suspension() {
    let limits = Arc::new(Limits { fuel_slice: 50, ..Limits::default() });
    let mut snapshots = 0_u64;
    let mut look = |seen: Seen<'_>| {
        let mut wrong = None;
        let mut between = |vm: &mut Vm| {
            let bytes = vm.snapshot();
            snapshots += 1;
            match Vm::restore(Arc::clone(seen.program), &bytes, &limits) {
                Ok(restored) if restored.snapshot() == bytes => *vm = restored,
                Ok(_) => wrong = Some(String::from("a restored snapshot is written otherwise")),
                Err(error) => wrong = Some(error.to_string()),
            }
        };
        let (program, events) = (Arc::clone(seen.program), seen.events.to_vec());
        let run = Run::recover_through(program, events, vec![], Arc::clone(&limits), &mut between);
        let run = run.map_err(|error| error.to_string())?;
        match wrong {
            Some(wrong) => Err(wrong),
            None => follows(&seen, run),
        }
    };
    all(PLAIN, &mut look, async || memory()).await;
    assert!(snapshots > 100, "there were {snapshots}");
}

#[tokio::test]
async fn replayed_from_history_alone() {
    let limits = Arc::new(Limits::default());
    let mut look = |seen: Seen<'_>| {
        let run = Run::recover(Arc::clone(seen.program), seen.events.to_vec(), vec![], Arc::clone(&limits));
        follows(&seen, run.map_err(|error| error.to_string())?)
    };
    all(PLAIN, &mut look, async || memory()).await;
}

/// What `weft export` writes is enough for a replay.
#[tokio::test]
async fn replayed_from_its_export() {
    let limits = Arc::new(Limits::default());
    let mut look = |seen: Seen<'_>| {
        let shown = |event| history::to_json(seen.program.program(), event).to_string();
        let read = |line: String| history::from_json(&serde_json::from_str(&line).map_err(|e| e.to_string())?);
        let events = seen.events.iter().map(shown).map(read).collect::<Result<Vec<_>, String>>()?;
        let run = Run::recover(Arc::clone(seen.program), events, vec![], Arc::clone(&limits));
        follows(&seen, run.map_err(|error| error.to_string())?)
    };
    all(PLAIN, &mut look, async || memory()).await;
}

/// What a snapshot of a run gives with the events behind it is what its whole history gives, to the last bit of state,
/// whenever the snapshot is taken.
#[tokio::test]
async fn from_a_snapshot_behind_any_event() {
    let limits = Arc::new(Limits::default());
    let mut thawed = 0_u64;
    let mut look = |seen: Seen<'_>| {
        let recover = |events: &[Event]| {
            let run = Run::recover(Arc::clone(seen.program), events.to_vec(), vec![], Arc::clone(&limits));
            run.map_err(|error| error.to_string()).map(|run| at_rest(run, events))
        };
        let Some(whole) = recover(seen.events)? else { return Ok(()) };
        // What a run is told before it begins comes with its beginning: it is nowhere between them.
        let ahead = match seen.events.first().map(|event| &event.kind) {
            Some(EventKind::RunStarted { ahead, .. }) => *ahead as usize,
            _ => 0,
        };
        for count in 1 + ahead..=seen.events.len() {
            let (first, rest) = seen.events.split_at(count);
            let cut = rest.first().is_some_and(|event| is_of_activation(&event.kind));
            let other = |event: &Event| matches!(event.kind, EventKind::CodeMoved { .. } | EventKind::RunReset { .. });
            // A run is nowhere in the middle of a step, and what was done on other code or by another run was not kept.
            if cut || rest.iter().any(other) {
                continue;
            }
            let Some(snapshot) = recover(first)?.and_then(|run| run.snapshot()) else { continue };
            let bytes = encode_history(first);
            let needs = snapshot.needs();
            let kept = first.iter().filter(|event| needs.contains(&event.id)).map(|event| (event.id, event.clone()));
            let read = |bytes: &[u8]| decode_history(RunId(0), bytes).map_err(|error| error.to_string());
            let packed = Packed { count, bytes, read, kept: kept.collect() };
            let thawed_run = snapshot.thaw(Arc::clone(seen.program), &packed, Arc::clone(&limits));
            let run = thawed_run.map_err(|why| why.to_string())?.follow(packed, rest.to_vec(), vec![]);
            let run = at_rest(run, seen.events).ok_or("a snapshot leads to more than the history")?;
            thawed += 1;
            if run.snapshot() != whole.snapshot() {
                return Err(format!("the state behind event {count} does not lead to the state of the whole history"));
            }
            if run.stuck() != whole.stuck() || run.status() != whole.status() || run.history() != seen.events {
                return Err(format!("a snapshot behind event {count} leads to another run"));
            }
        }
        Ok(())
    };
    all(PLAIN, &mut look, async || memory()).await;
    assert!(thawed > 1_000, "there were {thawed}");
}

/// The run when it has computed what it had to; none if that is more than these events.
fn at_rest(mut run: Run, events: &[Event]) -> Option<Run> {
    while run.unsettled().again {
        let at = events.last().map_or(run.started_at(), |event| event.at);
        run.decide(Input::Continue, at).ok()?;
    }
    (run.events() == events.len()).then_some(run)
}

/// The run read back is the run that was described: nothing new comes of it, and it is where the other is.
fn follows(seen: &Seen<'_>, mut run: Run) -> Result<(), String> {
    while run.unsettled().again {
        let last = seen.events.last().map_or(run.started_at(), |event| event.at);
        let more = run.decide(Input::Continue, last).map_err(|refused| format!("{refused:?}"))?;
        if !more.events.is_empty() {
            return Err(format!("a replay gives more than the history: {:?}", more.events));
        }
    }
    let described = seen.description;
    let same =
        |what: &str, same: bool| if same { Ok(()) } else { Err(format!("{what} is not the same after a replay")) };
    same("the status", run.status() == described.row.status)?;
    same("stuck", run.stuck() == described.stuck)?;
    if run.is_closed() {
        return Ok(());
    }
    let waits = run.waits();
    if waits != described.waits {
        return Err(format!("a replay waits for {waits:?}, the run for {:?}", described.waits));
    }
    same("the updates", run.pending_updates() == described.updates)?;
    same("unread", run.unread() == described.unread)?;
    let pending = |activities: Vec<weft_protocol::api::PendingActivity>| {
        activities.into_iter().map(|activity| (activity.scheduled, activity.activity)).collect::<Vec<_>>()
    };
    same("what is pending", pending(run.pending_activities()) == pending(described.activities.clone()))?;
    same("the children", run.pending_children() == described.children)
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut number = 0;
    let journal = async || {
        number += 1;
        let url = format!("sqlite:{}", folder.path().join(format!("{number}.db")).display());
        store::open(&url, &StoreOptions { partitions: Some(1) }).await.expect("a new SQLite store")
    };
    all(PLAIN, &mut |_| Ok(()), journal).await;
}

#[tokio::test]
async fn on_postgres() {
    let journal = async || {
        let database = weft_tests::postgres::database().await;
        let options = StoreOptions { partitions: Some(PARTITIONS) };
        store::open(database.url(), &options).await.expect("a new PostgreSQL store")
    };
    all(PLAIN, &mut |_| Ok(()), journal).await;
}

#[tokio::test]
async fn crashed_after_every_commit() {
    let way = Way { crashes: Crashes::AfterEveryCommit, ..PLAIN };
    all(way, &mut |_| Ok(()), async || memory()).await;
}

/// Each recovery finds snapshots of nearly all that happened.
#[tokio::test]
async fn crashed_after_every_commit_with_a_snapshot_after_every_event() {
    let way = Way { crashes: Crashes::AfterEveryCommit, snapshot_events: 1, bundle_chunks: 3, ..PLAIN };
    all(way, &mut |_| Ok(()), async || memory()).await;
}

/// A project of one file on partitions in memory.
async fn sandbox_of(text: &str, limits: Limits) -> Sandbox {
    let sources = vec![weft_compiler::Source { path: "main.wf".into(), text: text.into() }];
    let project =
        weft_compiler::Project { name: "limits".into(), edition: "2026".into(), sources, ..Default::default() };
    let program = weft_compiler::compile(&project).program.expect("it is right");
    let mut sandbox = Sandbox::new(memory(), 42, limits).await.expect("a sandbox");
    sandbox.deploy(program).await.expect("it is taken");
    sandbox
}

/// Its histories are many and alike, so it is no case.
#[tokio::test]
async fn a_chain_that_never_waits_is_stuck() {
    let text = "workflow main(n: Int = 0) -> Int with { id: \"main\" } {
  pub state reached = n
  state stopped = false
  signal stop() { stopped = true }
  if stopped { return n }
  continue as new(n + 1)
}";
    let mut sandbox = sandbox_of(text, Limits { idle_runs_max: 3, ..Limits::default() }).await;
    let start = serde_json::from_value(serde_json::json!({ "workflow": "main", "args": {} })).expect("a request");
    sandbox.start(start).await.expect("it begins");
    sandbox.signal("main", "stop", serde_json::json!({}), None).await.expect("it takes messages");
    let stuck = sandbox.describe("main").await.expect("it is there").stuck.expect("it is stuck");
    assert_eq!(stuck.trap, "Limit");
    assert!(stuck.message.contains("idle_runs_max"), "{}", stuck.message);
    assert_eq!(sandbox.chain("main").await.expect("histories").len(), 4);
}

#[tokio::test]
async fn a_run_that_is_its_own_child_is_no_tree_without_an_end() {
    let text = "workflow main(n: Int) -> Int with { id: \"main-{n}\" } {
  return main(n + 1) catch ChildFailed => n
}
workflow apart(n: Int) with { id: \"apart-{n}\" } {
  if n == 6 { return }
  start apart(n + 1) with { on_parent_close: abandon }
}";
    let limits = Limits { child_depth_max: 3, ..Limits::default() };
    let mut sandbox = sandbox_of(text, limits).await;
    for workflow in ["main", "apart"] {
        let start = serde_json::json!({ "workflow": workflow, "args": { "n": 0 } });
        sandbox.start(serde_json::from_value(start).expect("a request")).await.expect("it begins");
    }
    assert_eq!(sandbox.result("main-0").await.expect("it is there").expect("it ended").result, Some(3.into()));
    let (_, history) = sandbox.history("main-3").await.expect("it is there");
    let shown = serde_json::to_string(&history).expect("plain data");
    assert!(shown.contains("ChildStartFailed") && shown.contains("child_depth_max"), "{shown}");
    assert!(sandbox.history("main-4").await.is_err());
    assert!(sandbox.result("apart-6").await.expect("who is nobody's child has nobody above it").is_some());
}

#[test]
fn every_construct_and_every_input_occurs() {
    let cases: Vec<Case> = cases();
    assert!(cases.len() >= 30 && cases.iter().all(cover::is_played));
    let missing = cover::missing(&cases);
    assert!(missing.is_empty(), "no case has: {}", missing.join(", "));
}

#[test]
fn every_rule_is_named_by_a_case() {
    if std::env::var_os("WEFT_CASE").is_none() {
        let wrong = rules::wrong(&cases());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
