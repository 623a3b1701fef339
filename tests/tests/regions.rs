//! Deadlines, cleanup and sagas in one another, with failures, deadlines and a cancel at any moment: whatever happens,
//! nothing is left behind, what was done in a saga that failed is undone once, and what was deferred is done once.
//! `WEFT_REGIONS_PROGRAMS` sets how many programs, `WEFT_REGIONS_SEED` where they begin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use weft_compiler::{Project, Source};
use weft_protocol::command::{CommandId, Issued};
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Outcome, Then, Vm};

const PRELUDE: &str = "
error Full
default activity with { queue: \"q\", timeout: 30s }
activity step(n: Int) throws Full
activity act(n: Int) throws Full
activity done(n: Int) throws Full
activity begun(n: Int) throws Full
activity stubborn(n: Int) throws Full with { on_cancel: wait }
activity take_back(n: Int) throws Full
activity later(n: Int) throws Full
activity gone(n: Int) throws Full
";

const ACTIVATIONS_MAX: usize = 5_000;

#[test]
fn nothing_is_left_behind_whatever_happens() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let first = number("WEFT_REGIONS_SEED", 0);
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in first..first + number("WEFT_REGIONS_PROGRAMS", 600) {
        let plan = Plan::new(seed);
        *ends.entry(run(seed, &plan, &mut seen)).or_default() += 1;
    }
    println!("{ends:?} {seen:?}");
    if first == 0 {
        assert!(ends.len() == 3, "runs end in every way: {ends:?}");
        let names = ["act", "begun", "done", "gone", "later", "step", "stubborn", "take_back"];
        assert!(names.iter().all(|name| seen.contains_key(*name)), "everything was called: {seen:?}");
    }
}

/// A program, and what belongs to what in it.
struct Plan {
    random: ChaCha8Rng,
    flows: Vec<String>,
    names: u32,
    /// Each act with its saga.
    acts: Vec<(u32, u32)>,
    text: String,
}

impl Plan {
    fn new(seed: u64) -> Plan {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut plan = Plan { random, flows: Vec::new(), names: 0, acts: Vec::new(), text: String::new() };
        let body = plan.block(0);
        let mut text = format!("{PRELUDE}workflow main() throws Full with {{ cleanup_timeout: 20s }} {{\n{body}}}\n");
        plan.flows.iter().for_each(|flow| text.push_str(flow));
        plan.text = text;
        plan
    }

    fn next(&mut self) -> u32 {
        self.names += 1;
        self.names
    }

    fn seconds(&mut self) -> u32 {
        self.random.random_range(1..30)
    }

    fn block(&mut self, depth: usize) -> String {
        let count = self.random.random_range(1..4);
        (0..count).map(|_| self.statement(depth)).collect()
    }

    /// Code as a flow of its own, called here only.
    fn flow(&mut self, depth: usize) -> String {
        let body = self.block(depth + 1);
        let name = format!("flow{}", self.next());
        self.flows.push(format!("flow {name}() throws Full {{\n{body}}}\n"));
        format!("{name}()")
    }

    fn statement(&mut self, depth: usize) -> String {
        let (n, seconds) = (self.next(), self.seconds());
        match self.random.random_range(0..if depth > 3 { 4 } else { 13 }) {
            0 => format!("sleep {seconds}s\n"),
            1 => format!("stubborn({n})\n"),
            2..=3 => format!("step({n})\n"),
            4 => {
                let (body, late) = (self.block(depth + 1), self.block(depth + 1));
                format!("within {seconds}s {{\n{body}}} else {{\n{late}}}\n")
            }
            5 => {
                let body = self.block(depth + 1);
                format!("try {{\nwithin {seconds}s {{\n{body}}}\n}} catch Timeout {{ log.info(\"late\") }}\n")
            }
            6..=7 => self.saga(n, depth),
            8..=9 => {
                let cleanup = if self.random.random_bool(0.5) { self.block(depth + 2) } else { String::new() };
                format!("begun({n})\ndefer {{\nlater({n})\n{cleanup}}}\n")
            }
            10 => {
                let cleanup = if self.random.random_bool(0.3) { self.block(depth + 2) } else { String::new() };
                format!("begun({n})\non cancel {{\ngone({n})\n{cleanup}}}\n")
            }
            11 => {
                let (a, b) = (self.flow(depth), self.flow(depth));
                if self.random.random_bool(0.3) {
                    format!("spawn {a}\n{b}\n")
                } else {
                    format!("parallel {{ {a}, {b} }}\n")
                }
            }
            _ => {
                let (body, caught) = (self.block(depth + 1), self.block(depth + 1));
                let error = if self.random.random_bool(0.6) { "_" } else { "Canceled" };
                format!("try {{\n{body}}} catch {error} {{\n{caught}}}\n")
            }
        }
    }

    fn saga(&mut self, saga: u32, depth: usize) -> String {
        let mut text = String::from("saga {\n");
        for _ in 0..self.random.random_range(1..4) {
            let n = self.next();
            self.acts.push((n, saga));
            let _ = writeln!(text, "act({n}) undo take_back({n})");
            if self.random.random_bool(0.2) {
                let (a, b) = (self.next(), self.next());
                self.acts.extend([(a, saga), (b, saga)]);
                let _ = writeln!(text, "parallel for k in [{a}, {b}] {{ act(k) undo take_back(k) }}");
            }
            if self.random.random_bool(0.4) {
                text.push_str(&self.statement(depth + 1));
            }
        }
        if self.random.random_bool(0.3) {
            text.push_str("if true { throw Full() }\n");
        }
        format!("{text}done({saga})\n}}\n")
    }
}

/// What an activity was called with, and how often that began and succeeded.
#[derive(Default)]
struct Calls {
    issued: BTreeMap<(String, u32), u32>,
    succeeded: BTreeMap<(String, u32), u32>,
}

impl Calls {
    fn issued(&self, name: &str, n: u32) -> u32 {
        self.issued.get(&(name.to_owned(), n)).copied().unwrap_or(0)
    }

    fn succeeded(&self, name: &str, n: u32) -> u32 {
        self.succeeded.get(&(name.to_owned(), n)).copied().unwrap_or(0)
    }
}

enum Pending {
    Timer(Timestamp),
    Activity { name: String, n: u32, asked: bool },
}

struct World {
    random: ChaCha8Rng,
    now: Timestamp,
    workflow_id: WorkflowId,
    pending: Vec<(CommandId, Pending)>,
    calls: Calls,
    canceled: bool,
}

/// Plays a program to its end and looks at what is left.
fn run(seed: u64, plan: &Plan, seen: &mut BTreeMap<String, u32>) -> &'static str {
    let loaded = load(seed, &plan.text);
    let mut vm = Vm::new(loaded.clone(), 0, &Payload::json("{}"), [7; 16], &Limits::default());
    let mut world = World {
        random: ChaCha8Rng::seed_from_u64(seed ^ 0xcafe),
        now: Timestamp(1_780_000_000_000),
        workflow_id: WorkflowId::from("generated"),
        pending: Vec::new(),
        calls: Calls::default(),
        canceled: false,
    };
    let mut activation = Activation::Start;
    for _ in 0..ACTIVATIONS_MAX {
        let ctx = Context {
            now: world.now,
            workflow_id: &world.workflow_id,
            run_id: RunId(7),
            started_at: Timestamp(1_780_000_000_000),
            history_events: 1,
            history_bytes: 100,
            recorded_patch: None,
        };
        let step = vm.step(activation, &ctx);
        world.take(&loaded, step.commands);
        let end = match step.then {
            Then::Waiting => {
                vm = Vm::restore(loaded.clone(), &vm.snapshot(), &Limits::default()).expect("an own snapshot is valid");
                activation = world.next();
                continue;
            }
            Then::Completed(_) => "completed",
            Then::Failed(_) => "failed",
            Then::Canceled => "canceled",
            other => panic!("seed {seed}: {other:?}\n{}", plan.text),
        };
        world.calls.issued.iter().for_each(|((name, _), count)| *seen.entry(name.clone()).or_default() += count);
        judge(seed, plan, &world);
        return end;
    }
    panic!("seed {seed}: it does not end\n{}", plan.text);
}

fn judge(seed: u64, plan: &Plan, world: &World) {
    let calls = &world.calls;
    let left: Vec<_> = world.pending.iter().map(|(id, _)| format!("{} #{}", id.fiber, id.seq)).collect();
    assert!(left.is_empty(), "seed {seed}: left behind: {left:?}\n{}", plan.text);
    for (act, saga) in &plan.acts {
        let undone = calls.issued("take_back", *act);
        let failed = calls.succeeded("done", *saga) == 0;
        let expected = if failed { calls.succeeded("act", *act) } else { 0 };
        assert_eq!(undone, expected, "seed {seed}: undos of act({act}) in saga {saga}\n{}", plan.text);
    }
    for n in 1..=plan.names {
        let (begun, deferred) = (calls.succeeded("begun", n), calls.issued("later", n) + calls.issued("gone", n));
        let on_cancel = plan.text.contains(&format!("gone({n})\n"));
        let fine = if on_cancel { deferred <= begun } else { deferred == begun };
        assert!(fine, "seed {seed}: begun({n}) {begun} times, cleaned up {deferred} times\n{}", plan.text);
    }
}

fn load(seed: u64, text: &str) -> Arc<Loaded> {
    let sources = vec![Source { path: "main.wf".into(), text: text.to_owned() }];
    let project = Project { name: "generated".into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = weft_compiler::compile(&project);
    let said: Vec<_> = analysis.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    let program = analysis.program.unwrap_or_else(|| panic!("seed {seed}: {said:#?}\n{text}"));
    Loaded::new(program).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"))
}

impl World {
    fn take(&mut self, loaded: &Loaded, commands: Vec<Issued>) {
        for Issued { id, command, .. } in commands {
            match command {
                Command::ScheduleActivity { activity, args, .. } => {
                    let name = loaded.program().activities[usize::from(activity)].name.clone();
                    let n = args.value()["n"].as_u64().expect("every activity takes a number") as u32;
                    *self.calls.issued.entry((name.clone(), n)).or_default() += 1;
                    self.pending.push((id, Pending::Activity { name, n, asked: false }));
                }
                Command::StartTimer { due } => self.pending.push((id, Pending::Timer(due))),
                Command::Cancel => {
                    let place = self.pending.iter().position(|(known, _)| *known == id);
                    let place = place.expect("what is canceled is under way");
                    match &mut self.pending[place].1 {
                        // Its end is waited for; one cancel is all it gets.
                        Pending::Activity { name, asked, .. } if name == "stubborn" => {
                            assert!(!std::mem::replace(asked, true), "{id:?} was canceled twice");
                        }
                        _ => drop(self.pending.remove(place)),
                    }
                }
                other => panic!("the programs do not ask for {other:?}"),
            }
        }
    }

    fn next(&mut self) -> Activation {
        if !self.canceled && self.random.random_range(0..60) == 0 {
            self.canceled = true;
            return Activation::Cancel;
        }
        let activities: Vec<usize> = (0..self.pending.len())
            .filter(|place| matches!(self.pending[*place].1, Pending::Activity { .. }))
            .collect();
        let due = |pending: &Pending| match pending {
            Pending::Timer(due) => Some(*due),
            Pending::Activity { .. } => None,
        };
        let timers = self.pending.iter().enumerate().filter_map(|(place, (_, pending))| Some((due(pending)?, place)));
        let timer = timers.min();
        if let Some((due, place)) = timer.filter(|_| activities.is_empty() || self.random.random_bool(0.35)) {
            self.now = self.now.max(due);
            let (op, _) = self.pending.remove(place);
            return Activation::Resolved { op, outcome: Outcome::Completed(Payload::null()) };
        }
        let place = activities[self.random.random_range(0..activities.len())];
        let (op, pending) = self.pending.remove(place);
        let Pending::Activity { name, n, asked } = pending else { panic!("only activities were picked") };
        let outcome = match self.random.random_range(0..100) {
            0..60 if asked => Outcome::Failed(Failure::new("Canceled", "canceled")),
            0..8 => Outcome::Failed(Failure::new("Full", "full")),
            8..12 => Outcome::Failed(Failure::new("Broken", "broken")),
            _ => Outcome::Completed(Payload::null()),
        };
        if let Outcome::Completed(_) = outcome {
            *self.calls.succeeded.entry((name, n)).or_default() += 1;
        }
        Activation::Resolved { op, outcome }
    }
}
