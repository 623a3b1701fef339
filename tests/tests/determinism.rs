//! Determinism, attacked: random programs run under random orders of what happens, beside a twin that is again and again
//! read back from its history or through a snapshot, and computes in slices of random length. The two must never differ.
//! What a fiber draws must be the same in every order. `WEFT_DETERMINISM_PROGRAMS` sets how many programs,
//! `WEFT_DETERMINISM_SEED` where they begin.

#[path = "determinism/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use weft_compiler::{Project, Source};
use weft_engine::{Input, Record, Refused, Run, Start, Succession, Successor, Transition, history};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Event, Payload, RunId, Timestamp, WorkflowId};
use weft_tests::determinism::{CONSTRUCTS, program};
use weft_vm::{Loaded, Vm};
use world::World;

/// What happens in one run at most.
const INPUTS_MAX: usize = 120;
/// Runs of one chain at most: some go on as new without an end.
const RUNS_MAX: u64 = 8;
/// Orders in which the same program meets the world.
const ORDERS: u64 = 2;
/// Programs from which on each construct must have been written often enough.
const COUNTED_FROM: u64 = 200;
const BEGIN: Timestamp = Timestamp(1_780_000_000_000);

#[test]
fn a_run_is_a_function_of_its_history() {
    let programs = number("WEFT_DETERMINISM_PROGRAMS", 300);
    let first = number("WEFT_DETERMINISM_SEED", 0);
    let mut seen = Seen::default();
    for seed in first..first + programs {
        let written = program(seed);
        written.used.iter().for_each(|name| *seen.programs.entry(name).or_default() += 1);
        let loaded = load(seed, &written.text);
        let mut draws = BTreeMap::new();
        for order in 0..ORDERS {
            let events = compare(seed, order, &loaded, &mut seen);
            same_draws(seed, &events, &mut draws);
        }
    }
    println!("{programs} programs: {seen:#?}");
    if programs >= COUNTED_FROM {
        seen.require(programs);
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn load(seed: u64, text: &str) -> Arc<Loaded> {
    let project = Project {
        name: "generated".into(),
        edition: "2026".into(),
        sources: vec![Source { path: "main.wf".into(), text: text.into() }],
        ..Project::default()
    };
    let analysis = weft_compiler::compile(&project);
    let said: Vec<_> = analysis.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    let program = analysis.program.unwrap_or_else(|| panic!("seed {seed}: {said:#?}\n{text}"));
    Loaded::new(program).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"))
}

/// Runs a program and its twin in one world; gives the history.
fn compare(seed: u64, order: u64, loaded: &Arc<Loaded>, seen: &mut Seen) -> Vec<Event> {
    let name = format!("seed {seed}, order {order}");
    let mut random = ChaCha8Rng::seed_from_u64(seed << 8 | order);
    let (workflow, _) = loaded.program().workflow("main").expect("the generator declares it");
    let start = Start {
        namespace: "default".into(),
        workflow,
        workflow_id: WorkflowId::from("generated"),
        run_id: RunId(0),
        args: Payload::from(&json!({ "begin": 5 })),
        seed: [7; 16],
        parent: None,
        schedule: None,
        request_id: None,
        options: weft_protocol::policy::RunOptions::default(),
        signal: None,
    };
    let whole = Arc::new(Limits::default());
    let (mut plain, out) = Run::start(loaded.clone(), start.clone(), BEGIN, whole);
    let (mut twin, twin_out) = Run::start(loaded.clone(), start, BEGIN, slices(&mut random));
    finish(&mut twin, &twin_out, BEGIN);
    let mut world = World::new(seed << 8 | order, BEGIN);
    let mut records: Vec<Record> = Vec::new();
    // What the first run of the chain has drawn and done; the next begin with arguments that depend on the order.
    let mut first: Option<Vec<Event>> = None;
    same(&name, loaded, &plain, &twin);
    take(&mut world, &mut records, &plain, out);
    let mut run_id = 1;
    for _ in 0..INPUTS_MAX {
        if plain.is_closed() || plain.is_stuck() {
            break;
        }
        let (input, now) = world.next();
        seen.inputs += 1;
        let answer = plain.decide(input.clone(), now);
        let twin_answer = twin.decide(input.clone(), now);
        if let Ok(out) = &twin_answer {
            finish(&mut twin, out, now);
        }
        let refused = |answer: &Result<Transition, Refused>| answer.as_ref().err().cloned();
        assert_eq!(refused(&answer), refused(&twin_answer), "{name}: {input:?} is refused in one way only");
        same(&name, loaded, &plain, &twin);
        if let Ok(out) = answer {
            take(&mut world, &mut records, &plain, out);
        }
        while plain.handover().is_some() {
            let (next, next_twin) = (succeed(&mut plain, run_id), succeed(&mut twin, run_id));
            same(&name, loaded, &plain, &twin);
            same(&name, loaded, &plain, &read_back(&name, loaded, &plain, &records, &world, &mut random, true));
            not_torn(&name, loaded, &plain);
            seen.ended(&plain);
            let first = first.get_or_insert_with(|| plain.history().to_vec());
            run_id += 1;
            if run_id > RUNS_MAX {
                return std::mem::take(first);
            }
            (plain, twin) = (next.run, next_twin.run);
            records.clear();
            world.begin_anew();
            take(&mut world, &mut records, &plain, next.transition);
            let out = plain.decide(Input::Continue, now).expect("the next run is open");
            take(&mut world, &mut records, &plain, out);
            finish(&mut twin, &next_twin.transition, now);
            same(&name, loaded, &plain, &twin);
        }
        match random.random_range(0..6) {
            0 => {
                twin = read_back(&name, loaded, &plain, &records, &world, &mut random, false);
                seen.replays += 1;
            }
            1 => {
                twin = read_back(&name, loaded, &plain, &records, &world, &mut random, true);
                seen.snapshots += 1;
            }
            _ => continue,
        }
        same(&name, loaded, &plain, &twin);
    }
    same(&name, loaded, &plain, &read_back(&name, loaded, &plain, &records, &world, &mut random, true));
    seen.ended(&plain);
    not_torn(&name, loaded, &plain);
    first.unwrap_or_else(|| plain.history().to_vec())
}

/// No fiber has seen what it must not see.
fn not_torn(name: &str, loaded: &Arc<Loaded>, run: &Run) {
    let torn =
        |event: &&Event| matches!(&event.kind, EventKind::ActivityScheduled { activity, .. } if activity == "torn");
    if let Some(event) = run.history().iter().find(torn) {
        panic!("{name}: {}", history::plain(loaded.program(), event));
    }
}

/// The next run of one that goes on as new, on the same code.
fn succeed(run: &mut Run, run_id: u64) -> Succession {
    let args = run.handover().expect("both say that they go on").args.clone();
    let (loaded, workflow) = (run.loaded().clone(), run.workflow_index());
    let successor = Successor { run_id: RunId(run_id), loaded, workflow, args, seed: [8; 16] };
    run.succeed(successor, &mut Transition::default()).expect("it has said so")
}

/// What left the run: for the world, and for the log.
fn take(world: &mut World, records: &mut Vec<Record>, run: &Run, out: Transition) {
    records.extend(out.records.iter().cloned());
    world.take(run, out);
}

/// Slices short enough that an activation has several, of a random length; a check may use ten of them.
fn slices(random: &mut ChaCha8Rng) -> Arc<Limits> {
    Arc::new(Limits { fuel_slice: random.random_range(20..200), ..Limits::default() })
}

/// Lets a run compute to its end what it has begun.
fn finish(run: &mut Run, out: &Transition, now: Timestamp) {
    let mut again = out.again;
    while again {
        again = run.decide(Input::Continue, now).is_ok_and(|out| out.again);
    }
}

/// The run as its history gives it, on the way perhaps through snapshots.
fn read_back(
    name: &str,
    loaded: &Arc<Loaded>,
    plain: &Run,
    records: &[Record],
    world: &World,
    random: &mut ChaCha8Rng,
    through_snapshots: bool,
) -> Run {
    let limits = slices(random);
    let mut between = |vm: &mut Vm| {
        if through_snapshots && random.random_bool(0.3) {
            let bytes = vm.snapshot();
            *vm = Vm::restore(loaded.clone(), &bytes, &limits).expect("an own snapshot is valid");
            assert!(vm.snapshot() == bytes, "{name}: a restored snapshot is written otherwise");
        }
    };
    let events = plain.history().to_vec();
    let now = world.now();
    let run = Run::recover_through(loaded.clone(), events, records.to_vec(), limits.clone(), &mut between);
    let mut run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
    let unsettled = run.unsettled();
    finish(&mut run, &unsettled, now);
    // That an attempt follows a failed one is known; that it has begun already, only the clock says.
    for (_, key) in unsettled.alarms.into_iter().filter(|(_, key)| !world.will_be_due(*key)) {
        let out = run.decide(Input::Due(key), now).expect("the run is open");
        assert!(out.events.is_empty(), "{name}: {key:?} was due before");
    }
    run
}

/// One history, and one place that it leads to.
fn same(name: &str, loaded: &Arc<Loaded>, plain: &Run, twin: &Run) {
    let (left, right) = (plain.history(), twin.history());
    if left != right {
        // What only the owner of a run knows, such as when an attempt was handed out, is not part of what is compared.
        let lines = |events: &[Event]| -> Vec<String> {
            events.iter().map(|event| history::plain(loaded.program(), event)).collect()
        };
        let (left, right) = (lines(left), lines(right));
        assert!(left == right, "{name}: the histories differ\n{}\n--- and\n{}", left.join("\n"), right.join("\n"));
    }
    assert_eq!(plain.status(), twin.status(), "{name}: the status");
    assert_eq!(plain.stuck().map(|s| s.message), twin.stuck().map(|s| s.message), "{name}: where it is stuck");
    assert_eq!(plain.attributes(), twin.attributes(), "{name}: search attributes");
    if plain.is_closed() || plain.is_stuck() {
        return;
    }
    assert_eq!(plain.waits(), twin.waits(), "{name}: what is waited for");
    assert_eq!(plain.unread(), twin.unread(), "{name}: unread messages");
    let args = Payload::json("{}");
    assert_eq!(plain.query("size", &args).ok(), twin.query("size", &args).ok(), "{name}: the answer of a query");
}

/// By fiber, what it drew: whatever the order of the inputs, the longer list begins with the shorter.
fn same_draws(seed: u64, events: &[Event], draws: &mut BTreeMap<String, Vec<String>>) {
    let mut here: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        if let EventKind::ActivityScheduled { origin, activity, args, .. } = &event.kind
            && activity == "draw"
        {
            here.entry(origin.command.fiber.to_string()).or_default().push(args.text().unwrap_or_default().to_owned());
        }
    }
    for (fiber, drawn) in here {
        let known = draws.entry(fiber.clone()).or_default();
        let common = known.len().min(drawn.len());
        assert_eq!(known[..common], drawn[..common], "seed {seed}: fiber {fiber} drew otherwise in another order");
        if drawn.len() > known.len() {
            *known = drawn;
        }
    }
}

/// What occurred, so that a test that covers nothing cannot pass.
#[derive(Debug, Default)]
struct Seen {
    programs: BTreeMap<&'static str, u64>,
    inputs: u64,
    replays: u64,
    snapshots: u64,
    ends: BTreeMap<String, u64>,
    events: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn ended(&mut self, run: &Run) {
        let how = match run.stuck() {
            Some(stuck) => format!("stuck: {}", stuck.trap),
            None => format!("{:?}", run.status()),
        };
        *self.ends.entry(how).or_default() += 1;
        for event in run.history() {
            *self.events.entry(event.kind.name()).or_default() += 1;
        }
    }

    fn require(&self, programs: u64) {
        for name in CONSTRUCTS {
            let count = self.programs.get(name).copied().unwrap_or(0);
            assert!(count * 100 >= programs, "`{name}` is in {count} of {programs} programs");
        }
        for bad in ["Divergence", "Corrupt"] {
            let stuck = self.ends.keys().any(|how| how.contains(bad));
            assert!(!stuck, "a run was stuck by {bad}: {:?}", self.ends);
        }
        let closed: u64 = self.ends.iter().filter(|(how, _)| !how.starts_with("stuck")).map(|(_, n)| n).sum();
        let all: u64 = self.ends.values().sum();
        assert!(closed * 10 >= all * 9, "too many runs are stuck: {:?}", self.ends);
    }
}

/// The patches that plant the leaks fit the sources; `tests/leaks/run.sh` shows that each leak is caught.
#[test]
fn the_planted_leaks_apply() {
    assert_eq!(weft_tests::planted::apply("leaks"), 5, "one patch for each leak");
}
