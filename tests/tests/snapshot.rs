//! A run that is taken to bytes and back at every suspension and at random points in between cannot be told from one that
//! never was: the same steps, the same fuel, the same snapshot. Over generated programs; `WEFT_SNAPSHOT_PROGRAMS` sets how
//! many, `WEFT_SNAPSHOT_SEED` where they begin.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use weft_bytecode::{Instr, Op, Program};
use weft_compiler::{Project, Source};
use weft_protocol::command::{CommandId, Issued};
use weft_protocol::event::RunRef;
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Outcome, Step, Then, TrapKind, Vm, WaitOn};

/// No program needs more activations: loops are bounded.
const ACTIVATIONS_MAX: usize = 150;

/// Programs looked at to find a run that meets an op.
const WITNESSES_MAX: usize = 400;

#[test]
fn a_restored_run_is_the_same_run() {
    let programs = number("WEFT_SNAPSHOT_PROGRAMS", 1_000);
    let first = number("WEFT_SNAPSHOT_SEED", 0);
    let mut seen = Seen::default();
    for seed in first..first + programs {
        let loaded = load(seed);
        seen.ops_of(seed, &loaded);
        compare(seed, &loaded, &mut seen);
    }
    println!("{programs} programs, {} activations, {} restores: {:?}", seen.activations, seen.restores, seen.waits);
    println!("ended: {:?}", seen.ends);
    if programs >= 1_000 {
        seen.everything_occurred();
    }
}

fn load(seed: u64) -> Arc<Loaded> {
    let text = weft_tests::generate::program(seed);
    let project = Project {
        name: "generated".into(),
        edition: "2026".into(),
        sources: vec![Source { path: "main.wf".into(), text: text.clone() }],
        ..Project::default()
    };
    let analysis = weft_compiler::compile(&project);
    let said: Vec<_> = analysis
        .diagnostics
        .iter()
        .map(|d| format!("{} {} in: {}", d.code, d.message, line_at(&text, d.span.start as usize)))
        .collect();
    let program = analysis.program.unwrap_or_else(|| panic!("seed {seed}: {said:#?}\n{text}"));
    Loaded::new(program).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"))
}

fn line_at(text: &str, at: usize) -> &str {
    let from = text[..at].rfind('\n').map_or(0, |n| n + 1);
    text[from..].lines().next().unwrap_or_default()
}

/// Runs a program twice side by side in the same world: once undisturbed, once through bytes again and again.
fn compare(seed: u64, loaded: &Arc<Loaded>, seen: &mut Seen) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let mut plain = main_of(loaded, &mut random, &Limits::default());
    let mut disturbed = restored(&plain, &short_slices(&mut random), seen);
    let mut world = World::new(seed);
    let mut activation = Activation::Start;
    for _ in 0..ACTIVATIONS_MAX {
        seen.activations += 1;
        world.tick();
        let step = whole(&mut plain, activation.clone(), &world);
        let other = in_pieces(&mut disturbed, activation, &world, &mut random, seen);
        assert_eq!(step, other, "seed {seed}");
        if let Then::Trapped(trap) = &step.then {
            return seen.end(&format!("{:?}", trap.kind));
        }
        disturbed = restored(&disturbed, &short_slices(&mut random), seen);
        assert_eq!(plain.fuel_used(), disturbed.fuel_used(), "seed {seed}");
        assert!(plain.snapshot() == disturbed.snapshot(), "seed {seed}: snapshots differ after {}", seen.activations);
        if step.then != Then::Waiting {
            return seen.end(match step.then {
                Then::Completed(_) => "Completed",
                Then::Failed(_) => "Failed",
                Then::Continued { .. } => "Continued",
                _ => "Canceled",
            });
        }
        seen.waits_of(&plain, &step, loaded.program());
        world.take(step.commands);
        activation = world.next(plain.is_ending());
    }
    seen.end("open");
}

fn whole(vm: &mut Vm, activation: Activation, world: &World) -> Step {
    let step = vm.step(activation, &world.context());
    assert_ne!(step.then, Then::Slice, "a generated program ends its activations within a slice");
    step
}

fn in_pieces(vm: &mut Vm, mut activation: Activation, world: &World, random: &mut ChaCha8Rng, seen: &mut Seen) -> Step {
    loop {
        let step = vm.step(activation, &world.context());
        if step.then != Then::Slice {
            return step;
        }
        *vm = restored(vm, &short_slices(random), seen);
        activation = Activation::Continue;
    }
}

fn restored(vm: &Vm, limits: &Limits, seen: &mut Seen) -> Vm {
    seen.restores += 1;
    Vm::restore(vm.loaded().clone(), &vm.snapshot(), limits).expect("an own snapshot is valid")
}

fn short_slices(random: &mut ChaCha8Rng) -> Limits {
    Limits { fuel_slice: random.random_range(1..300), ..Limits::default() }
}

/// The outer world: what is pending, and what happens next.
struct World {
    random: ChaCha8Rng,
    now: Timestamp,
    workflow_id: WorkflowId,
    pending: Vec<(CommandId, Pending)>,
    canceled: bool,
    /// How many were accepted.
    updates: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Activity(u16),
    Timer(Timestamp),
    Child { started: bool, attached: bool },
}

impl World {
    fn new(seed: u64) -> World {
        World {
            random: ChaCha8Rng::seed_from_u64(seed),
            now: Timestamp(1_780_000_000_000),
            workflow_id: WorkflowId::from("generated"),
            pending: Vec::new(),
            canceled: false,
            updates: 0,
        }
    }

    fn tick(&mut self) {
        self.now = self.now.plus_ms(self.random.random_range(0..3_000));
    }

    fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            workflow_id: &self.workflow_id,
            run_id: RunId(7),
            started_at: Timestamp(1_780_000_000_000),
            history_events: 1,
            history_bytes: 100,
            recorded_patch: None,
        }
    }

    fn take(&mut self, commands: Vec<Issued>) {
        for Issued { id, command, .. } in commands {
            match command {
                Command::ScheduleActivity { activity, .. } => self.pending.push((id, Pending::Activity(activity))),
                Command::StartTimer { due } => self.pending.push((id, Pending::Timer(due))),
                Command::StartChild { attached, .. } => {
                    self.pending.push((id, Pending::Child { started: false, attached }));
                }
                Command::RecordPatch { .. }
                | Command::EndUpdate { .. }
                | Command::SendSignal { .. }
                | Command::SendCancel { .. } => {}
                // A canceled timer is gone; activities and children may or may not heed the request.
                Command::Cancel => {
                    self.pending.retain(|(known, what)| *known != id || !matches!(what, Pending::Timer(_)))
                }
            }
        }
    }

    /// What happens next. A run that is ending takes no more updates.
    fn next(&mut self, ending: bool) -> Activation {
        if !ending && self.random.random_bool(0.07) {
            self.updates += 1;
            let args = Payload::from(&json!({ "by": self.random.random_range(0..60) }));
            return Activation::Update { update: self.random.random_range(0..2), number: self.updates, args };
        }
        let roll = self.random.random_range(0..100);
        if !self.canceled && roll == 0 {
            self.canceled = true;
            return Activation::Cancel;
        }
        if self.pending.is_empty() || roll < 20 {
            return self.signal();
        }
        let index = self.random.random_range(0..self.pending.len());
        let (op, what) = self.pending[index].clone();
        if let Pending::Child { started: false, attached } = what {
            if attached {
                self.pending[index].1 = Pending::Child { started: true, attached };
            } else {
                self.pending.remove(index);
            }
            let run = RunRef { workflow_id: WorkflowId::from("child"), run_id: RunId(8) };
            return Activation::ChildStarted { op, run };
        }
        self.pending.remove(index);
        let outcome = match what {
            Pending::Timer(due) => {
                self.now = self.now.max(due);
                Outcome::Completed(Payload::null())
            }
            Pending::Child { .. } if roll > 90 => Outcome::Failed(
                Failure::new("ChildFailed", "it failed")
                    .with_details(&json!({ "workflow_id": "child", "run_id": "8" })),
            ),
            Pending::Child { .. } => Outcome::Completed(Payload::json("3")),
            Pending::Activity(_) if roll > 93 => Outcome::Failed(
                Failure::new("ActivityFailed", "gave up").with_details(&json!({ "activity": "number", "attempts": 3 })),
            ),
            Pending::Activity(0) if roll > 85 => {
                Outcome::Failed(Failure::new("Refused", "no").with_details(&json!({ "code": roll })))
            }
            Pending::Activity(0) => Outcome::Completed(Payload::from(&json!(roll))),
            Pending::Activity(1) => Outcome::Completed(Payload::json("\"answer, of sorts\"")),
            Pending::Activity(2) => Outcome::Completed(Payload::null()),
            Pending::Activity(_) => Outcome::Completed(Payload::json(r#"{"x":1,"y":2,"label":"from afar"}"#)),
        };
        Activation::Resolved { op, outcome }
    }

    fn signal(&mut self) -> Activation {
        let n: i64 = self.random.random_range(0..60);
        let (signal, args) = match self.random.random_range(0..3) {
            0 => (0, json!({ "by": n })),
            1 => (1, json!({ "s": format!("name {n}") })),
            _ => (2, json!({ "a": n, "b": "mail" })),
        };
        Activation::Signal { signal, args: Payload::from(&args) }
    }
}

/// Whether a run of this program meets the op: with `unreachable` in its place it ends there.
fn executes(seed: u64, loaded: &Loaded, wanted: Op) -> bool {
    let mut program = Program::clone(loaded.program());
    for function in &mut program.functions {
        let mut arguments = false;
        for instr in &mut function.code {
            arguments = match instr.op() {
                Some(op) if op == wanted => true,
                Some(Op::Arg) => arguments,
                _ => false,
            };
            if arguments {
                *instr = Instr::abc(Op::Unreachable, 0xffff, 0xffff, 0xffff);
            }
        }
    }
    // A function that begins with it cannot be changed so; then it is the `fuel` that every run meets.
    let Ok(loaded) = Loaded::new(program) else { return wanted == Op::Fuel };
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let mut vm = main_of(&loaded, &mut random, &Limits::default());
    let mut world = World::new(seed);
    let mut activation = Activation::Start;
    for _ in 0..ACTIVATIONS_MAX {
        world.tick();
        let step = vm.step(activation, &world.context());
        match step.then {
            Then::Trapped(trap) => return trap.kind == TrapKind::Unreachable,
            Then::Waiting => {}
            _ => return false,
        }
        world.take(step.commands);
        activation = world.next(vm.is_ending());
    }
    false
}

/// A run of the generated workflow that has not started.
fn main_of(loaded: &Arc<Loaded>, random: &mut ChaCha8Rng, limits: &Limits) -> Vm {
    let (workflow, _) = loaded.program().workflow("main").expect("the generator declares it");
    let args = Payload::from(&json!({ "begin": random.random_range(0..50) }));
    Vm::new(loaded.clone(), workflow, &args, [7; 16], limits)
}

/// A program that has an op: its seed, and the program.
type Witness = (u64, Arc<Loaded>);

/// What occurred, so that a test that covers nothing cannot pass.
#[derive(Debug, Default)]
struct Seen {
    activations: usize,
    restores: usize,
    /// By op: how often it was written, and programs that have it.
    ops: BTreeMap<Op, (usize, Vec<Witness>)>,
    waits: BTreeMap<&'static str, usize>,
    ends: BTreeMap<String, usize>,
}

impl Seen {
    fn ops_of(&mut self, seed: u64, loaded: &Arc<Loaded>) {
        for op in loaded.program().functions.iter().flat_map(|f| &f.code).filter_map(|instr| instr.op()) {
            let (count, programs) = self.ops.entry(op).or_default();
            *count += 1;
            if programs.len() < WITNESSES_MAX && programs.last().is_none_or(|(last, _)| *last != seed) {
                programs.push((seed, loaded.clone()));
            }
        }
    }

    fn end(&mut self, how: &str) {
        *self.ends.entry(how.into()).or_default() += 1;
    }

    fn waits_of(&mut self, vm: &Vm, _step: &Step, _program: &Program) {
        for wait in vm.waits() {
            let kind = match wait.on {
                WaitOn::Operation(_) => "operation",
                WaitOn::Condition { timer: None } => "condition",
                WaitOn::Condition { timer: Some(_) } => "condition with a limit",
                WaitOn::Message { timer: None, .. } => "message",
                WaitOn::Message { timer: Some(_), .. } => "message with a limit",
                WaitOn::Branches => "branches",
                WaitOn::Task => "task",
                WaitOn::Turn => "turn",
                WaitOn::Select { .. } => "select",
            };
            *self.waits.entry(kind).or_default() += 1;
        }
    }

    fn everything_occurred(&self) {
        let missing: Vec<_> = Op::ALL.iter().filter(|op| !self.ops.contains_key(op)).map(|op| op.name()).collect();
        assert!(missing.is_empty(), "the generator never wrote: {missing:?}");
        // An argument word is never executed, and a run that reached `unreachable` would be stuck.
        let executed = self.ops.iter().filter(|(op, _)| !matches!(op, Op::Arg | Op::Unreachable));
        let unmet = executed.filter(|(op, (_, programs))| !programs.iter().any(|(seed, p)| executes(*seed, p, **op)));
        let unmet: Vec<_> = unmet.map(|(op, (count, _))| format!("{} ({count} times)", op.name())).collect();
        assert!(unmet.is_empty(), "written, but no run met it: {unmet:?}");
        let kinds = ["operation", "condition", "condition with a limit", "message", "message with a limit", "branches"];
        for kind in kinds.into_iter().chain(["task", "select", "turn"]) {
            assert!(self.waits.contains_key(kind), "no run ever waited for: {kind}");
        }
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
