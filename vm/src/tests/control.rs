//! Calls, closures, failures, fuel and depth, state, queries, patches, randomness, logs.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{BOOL, FAILURE, FLOAT, INT, OPTION_FAILURE, STRING, TIME, UNIT};
use weft_bytecode::{PatchMode, Type};
use weft_protocol::command::CommandId;
use weft_protocol::{Failure, Payload};

use super::asm::*;
use crate::QueryFailure;
use crate::step::{Activation, Context, RecordedPatches, Then, TrapKind};

#[test]
fn functions_call_themselves() {
    let mut p = P::new();
    let mut f = F::new("fib", &[INT], INT);
    let (two, one) = (f.int(INT, 2), f.int(INT, 1));
    let (small, a, b) = (f.reg(BOOL), f.reg(INT), f.reg(INT));
    let deeper = f.label();
    f.op(Op::LtInt, small, 0, two).jump(Op::JumpIfNot, small, deeper).ret(0);
    f.here(deeper).op(Op::SubInt, a, 0, one).op(Op::SubInt, b, 0, two);
    f.with(Op::Call, a, 0, &[a]).with(Op::Call, b, 0, &[b]).op(Op::AddInt, a, a, b).ret(a);
    let fib = p.func(f);
    let mut f = F::new("main", &[], INT);
    let n = f.int(INT, 12);
    f.with(Op::Call, n, fib.0, &[n]).ret(n);
    assert_eq!(p.main(f).result(), "144");
}

#[test]
fn depth_has_a_limit() {
    let mut p = P::new();
    p.limits.frames_max = 50;
    let mut f = F::new("forever", &[], UNIT);
    let u = f.reg(UNIT);
    f.with(Op::Call, u, 0, &[]).ret(u);
    let func = p.func(f);
    let mut f = F::new("main", &[], UNIT);
    let u = f.reg(UNIT);
    f.with(Op::Call, u, func.0, &[]).ret(u);
    assert_eq!(p.main(f).trap().0, TrapKind::Depth);
}

fn forever() -> F {
    let mut f = F::new("main", &[], UNIT);
    let head = f.label();
    f.here(head).wide(Op::Fuel, 0, 10).jump(Op::Jump, 0, head);
    f
}

#[test]
fn an_activation_has_a_budget() {
    let mut p = P::new();
    p.limits.fuel_activation_max = 205;
    let f = forever();
    let mut run = p.main(f);
    assert_eq!(run.trap(), (TrapKind::Fuel, 1));
    // Arguments, initialisation and entry cost one each, so 21 rounds are too many.
    assert_eq!(run.vm.fuel_used(), 213);
}

#[test]
fn closures_take_captures_first() {
    let mut p = P::new();
    let ty = p.ty(Type::Fn(vec![INT], INT));
    let mut f = F::new("sub", &[INT, INT], INT);
    f.op(Op::SubInt, 0, 0, 1).ret(0);
    let sub = p.func(f);
    let mut f = F::new("main", &[], INT);
    let (ten, three, c) = (f.int(INT, 10), f.int(INT, 3), f.reg(ty));
    f.with(Op::Closure, c, sub.0, &[ten]).with(Op::CallClosure, three, c, &[three]).ret(three);
    assert_eq!(p.main(f).result(), "7");
}

/// A function that throws `Boom { code }`.
fn thrower(p: &mut P) -> (u16, weft_bytecode::TypeId) {
    let boom = p.error("Boom", &[("code", INT)]);
    let mut f = F::new("throws", &[INT], UNIT);
    let (message, none, e) = (p.text(&mut f, "bang"), f.reg(OPTION_FAILURE), f.reg(boom));
    f.op(Op::LoadNone, none, 0, 0).with(Op::New, e, 0, &[message, none, 0]).op(Op::Throw, e, 0, 0);
    (p.func(f).0, boom)
}

#[test]
fn a_failure_leaves_frames_until_one_catches_it() {
    let mut p = P::new();
    let (throws, boom) = thrower(&mut p);
    let mut f = F::new("between", &[INT], UNIT);
    let u = f.reg(UNIT);
    f.with(Op::Call, u, throws, &[0]).ret(u);
    let between = p.func(f);
    let mut f = F::new("main", &[], INT);
    let (n, u, caught, e, code) = (f.int(INT, 7), f.reg(UNIT), f.reg(FAILURE), f.reg(boom), f.reg(INT));
    let (from, to, target) = (f.label(), f.label(), f.label());
    f.here(from).with(Op::Call, u, between.0, &[n]).here(to).ret(n);
    f.here(target).op(Op::Cast, e, caught, 0).op(Op::Field, code, e, 2).op(Op::AddInt, code, code, code).ret(code);
    f.handler(from, to, target, caught);
    assert_eq!(p.main(f).result(), "14");
}

#[test]
fn a_failure_that_nobody_catches_is_the_runs() {
    let mut p = P::new();
    let (throws, _) = thrower(&mut p);
    let mut f = F::new("main", &[], UNIT);
    let (n, u) = (f.int(INT, 7), f.reg(UNIT));
    f.with(Op::Call, u, throws, &[n]).ret(u);
    let failure = failed(p.main(f).start());
    let expected = Failure::new("Boom", "bang").with_details(&serde_json::json!({ "code": 7 }));
    assert_eq!(failure, expected);
}

#[test]
fn inner_handlers_come_first() {
    let mut p = P::new();
    let (throws, _) = thrower(&mut p);
    let mut f = F::new("main", &[], INT);
    let (n, u, caught) = (f.int(INT, 7), f.reg(UNIT), f.reg(FAILURE));
    let (one, two) = (f.int(INT, 1), f.int(INT, 2));
    let (from, to, inner, outer) = (f.label(), f.label(), f.label(), f.label());
    f.here(from).with(Op::Call, u, throws, &[n]).here(to).ret(n);
    f.here(inner).ret(one).here(outer).ret(two);
    f.handler(from, to, inner, caught).handler(from, to, outer, caught);
    assert_eq!(p.main(f).result(), "1");
}

#[test]
fn a_trap_cannot_be_caught() {
    let mut f = F::new("main", &[], INT);
    let (n, zero, caught) = (f.int(INT, 7), f.int(INT, 0), f.reg(FAILURE));
    let (from, to, target) = (f.label(), f.label(), f.label());
    f.here(from).op(Op::DivInt, n, n, zero).here(to).ret(n).here(target).ret(zero);
    f.handler(from, to, target, caught);
    assert_eq!(P::new().main(f).trap(), (TrapKind::DivisionByZero, 3));
}

#[test]
fn facts_of_the_run() {
    let mut p = P::new();
    let all = p.ty(Type::Tuple(vec![STRING, STRING, TIME, BOOL, INT, TIME]));
    let mut f = F::new("main", &[], all);
    let regs = [STRING, STRING, TIME, BOOL, INT].map(|ty| f.reg(ty));
    for (which, reg) in regs.iter().enumerate() {
        f.op(Op::RunInfo, *reg, which as u16, 0);
    }
    let (now, t) = (f.reg(TIME), f.reg(all));
    f.op(Op::Now, now, 0, 0).with(Op::New, t, 0, &[regs[0], regs[1], regs[2], regs[3], regs[4], now]).ret(t);
    let expected = r#"["wf-1","0010000000000001","1970-01-01T00:00:01Z",false,3,"1970-01-01T00:00:01Z"]"#;
    assert_eq!(p.main(f).result(), expected);
}

#[test]
fn draws_repeat_with_the_seed() {
    let build = || {
        let mut p = P::new();
        let all = p.ty(Type::Tuple(vec![STRING, STRING, FLOAT]));
        let mut f = F::new("main", &[], all);
        let (a, b, x, t) = (f.reg(STRING), f.reg(STRING), f.reg(FLOAT), f.reg(all));
        f.op(Op::Uuid, a, 0, 0).op(Op::Uuid, b, 0, 0).op(Op::Random, x, 0, 0);
        f.with(Op::New, t, 0, &[a, b, x]).ret(t);
        p.main(f).result()
    };
    let first = build();
    assert_eq!(first, build());
    // For ever: what a run drew must not change with a version.
    assert_eq!(
        first,
        r#"["b53a287e-1083-4d19-82e3-4a12a73e3485","f5e17fdc-ca63-45f2-a507-64485f73b38e",0.4584710072496686]"#
    );
}

#[test]
fn logs_are_muted_while_replaying() {
    let mut p = P::new();
    let mut f = F::new("main", &[], UNIT);
    let (text, u) = (p.text(&mut f, "hello"), f.int(UNIT, 0));
    f.op(Op::Log, 2, text, 0).ret(u);
    let mut run = p.main(f);
    let mut replayed = run.vm.clone();
    assert_eq!(run.step(Activation::Start).logs, [(2, "hello".to_owned())]);
    let history = History(vec![]);
    let ctx = Context { recorded_patch: Some(&history), ..run.context() };
    assert_eq!(replayed.step(Activation::Start, &ctx).logs, []);
}

#[derive(Debug)]
struct History(Vec<(CommandId, &'static str)>);

impl RecordedPatches for History {
    fn is_marked(&self, command: &CommandId, patch: &str) -> bool {
        self.0.iter().any(|(id, mark)| id == command && *mark == patch)
    }
}

/// Two encounters of a patch: gives what each decided.
fn patched(mode: PatchMode) -> Stage {
    let mut p = P::new();
    let patch = p.patch("new", mode);
    let both = p.ty(Type::Tuple(vec![BOOL, BOOL]));
    let mut f = F::new("main", &[], both);
    let (a, b, t) = (f.reg(BOOL), f.reg(BOOL), f.reg(both));
    f.op(Op::Patch, a, patch, 0).op(Op::Patch, b, patch, 0).with(Op::New, t, 0, &[a, b]).ret(t);
    p.main(f)
}

fn replayed(run: &Stage, history: Vec<(CommandId, &'static str)>) -> (String, usize) {
    let history = History(history);
    let ctx = Context { recorded_patch: Some(&history), ..run.context() };
    let step = run.vm.clone().step(Activation::Start, &ctx);
    (done(step.then), step.commands.len())
}

#[test]
fn a_patch_is_new_code_live_and_what_history_says_in_replay() {
    let mut run = patched(PatchMode::Each);
    assert_eq!(replayed(&run, vec![]), ("[false,false]".into(), 0));
    assert_eq!(replayed(&run, vec![(command("0#1"), "new")]), ("[true,false]".into(), 1));
    assert_eq!(replayed(&run, vec![(command("0#1"), "old")]), ("[false,false]".into(), 0));
    assert_eq!(run.result(), "[true,true]");
    assert_eq!(run.commands(), "0#1 patch 0; 0#2 patch 0");
}

#[test]
fn a_sticky_patch_decides_once() {
    let mut run = patched(PatchMode::Sticky);
    assert_eq!(replayed(&run, vec![]), ("[false,false]".into(), 0));
    assert_eq!(replayed(&run, vec![(command("0#1"), "new")]), ("[true,true]".into(), 1));
    assert_eq!(run.result(), "[true,true]");
    assert_eq!(run.commands(), "0#1 patch 0");
}

#[test]
fn a_deprecated_patch_is_always_new_code_and_passes_a_mark() {
    let mut run = patched(PatchMode::Deprecated);
    assert_eq!(replayed(&run, vec![]), ("[true,true]".into(), 0));
    assert_eq!(replayed(&run, vec![(command("0#1"), "new")]), ("[true,true]".into(), 1));
    assert_eq!(replayed(&run, vec![(command("0#1"), "new"), (command("0#2"), "new")]), ("[true,true]".into(), 2));
    assert_eq!(replayed(&run, vec![(command("0#1"), "old")]), ("[true,true]".into(), 0));
    assert_eq!(run.result(), "[true,true]");
    assert_eq!(run.commands(), "");
}

/// Calls, closures, conditions, messages, scopes, handlers and state in one program.
pub(super) fn everything() -> weft_bytecode::Program {
    let mut p = P::new();
    let empty = p.record(None, &[]);
    let count = p.cell("count", INT, true);
    let name = p.cell("name", STRING, false);
    let message = p.record(None, &[("s", STRING)]);
    let om = p.ty(Type::Option(message));
    let mail = p.mailbox("mail", message);
    let (throws, _) = thrower(&mut p);
    let condition_ty = p.ty(Type::Fn(vec![], BOOL));
    let mut c = F::new("condition", &[INT], BOOL);
    let (n, yes) = (c.reg(INT), c.reg(BOOL));
    c.op(Op::LoadState, n, count, 0).op(Op::LtInt, yes, 0, n).ret(yes);
    let condition = p.func(c);
    let mut init = F::new("init", &[], UNIT);
    let (five, text, u) = (init.int(INT, 5), p.text(&mut init, "n"), init.int(UNIT, 0));
    init.op(Op::StoreState, count, five, 0).op(Op::StoreState, name, text, 0).ret(u);
    let init = p.func(init);
    let noop = p.activity("noop", empty, STRING, OnCancel::Try);
    let patch = p.patch("p", PatchMode::Each);
    let mut b = F::new("branch", &[INT, STRING], STRING);
    let (record, h, s) = (b.reg(empty), b.reg(INT), b.reg(STRING));
    b.with(Op::New, record, 0, &[]).with(Op::ScheduleActivity, h, noop, &[record]).op(Op::Await, s, h, 0).ret(s);
    let branch = p.func(b);
    let results = p.ty(Type::List(STRING));
    let mut f = F::new("main", &[], results);
    let (seven, u, caught) = (f.int(INT, 7), f.reg(UNIT), f.reg(FAILURE));
    let (from, to, target) = (f.label(), f.label(), f.label());
    let (s, c, ok, got, new) = (f.reg(STRING), f.reg(condition_ty), f.reg(BOOL), f.reg(om), f.reg(BOOL));
    let (limit, handle, list) = (f.int(weft_bytecode::types::builtin::DURATION, 50), f.reg(INT), f.reg(results));
    f.op(Op::LoadState, s, name, 0).op(Op::StoreState, count, seven, 0).op(Op::Patch, new, patch, 0);
    f.here(from).with(Op::Call, u, throws, &[seven]).here(to).here(target);
    f.handler(from, to, target, caught);
    f.with(Op::Closure, c, condition.0, &[seven]).op(Op::WaitUntilFor, ok, c, limit);
    f.op(Op::ReceiveFor, got, mail, limit).op(Op::StartTimer, handle, limit, 0).op(Op::Await, u, handle, 0);
    f.op(Op::ScopeOpen, handle, 0, seven).with(Op::ScopeSpawn, handle, branch.0, &[seven, s]);
    f.with(Op::ScopeSpawn, handle, branch.0, &[seven, s]).op(Op::ScopeJoin, list, handle, 0).ret(list);
    let body = p.func(f);
    p.workflow(empty, init, body);
    (**p.stage("{}").loaded.program()).clone()
}

/// A workflow with an indexed counter, a signal that adds to it, a query that reads it and one that divides by it.
fn counter() -> Stage {
    let mut p = P::new();
    let by = p.record(None, &[("by", INT)]);
    let empty = p.record(None, &[]);
    let count = p.cell("count", INT, true);
    let name = p.cell("name", STRING, true);
    let mut init = F::new("init", &[], UNIT);
    let (five, text, u) = (init.int(INT, 5), p.text(&mut init, "n"), init.int(UNIT, 0));
    init.op(Op::StoreState, count, five, 0).op(Op::StoreState, name, text, 0).ret(u);
    let init = p.func(init);
    let mut h = F::new("add", &[INT], UNIT);
    let (n, u) = (h.reg(INT), h.int(UNIT, 0));
    h.op(Op::LoadState, n, count, 0).op(Op::AddInt, n, n, 0).op(Op::StoreState, count, n, 0).ret(u);
    let h = p.func(h);
    p.handler("add", by, h);
    let mut q = F::new("count", &[], INT);
    let n = q.reg(INT);
    q.op(Op::LoadState, n, count, 0).ret(n);
    let q = p.func(q);
    p.query("count", empty, INT, q);
    let mut q = F::new("div", &[INT], INT);
    let n = q.reg(INT);
    q.op(Op::LoadState, n, count, 0).op(Op::DivInt, n, n, 0).op(Op::StoreState, count, n, 0).ret(n);
    let q = p.func(q);
    p.query("div", by, INT, q);
    let (throws, _) = thrower(&mut p);
    let mut q = F::new("throws", &[INT], INT);
    let u = q.reg(UNIT);
    q.with(Op::Call, u, throws, &[0]).ret(0);
    let q = p.func(q);
    p.query("throws", by, INT, q);
    let noop = p.activity("noop", empty, UNIT, OnCancel::Try);
    let mut f = F::new("main", &[], INT);
    let (record, handle, u, n) = (f.reg(empty), f.reg(INT), f.reg(UNIT), f.reg(INT));
    f.with(Op::New, record, 0, &[]).with(Op::ScheduleActivity, handle, noop, &[record]);
    f.op(Op::Await, u, handle, 0).op(Op::LoadState, n, count, 0).ret(n);
    let body = p.func(f);
    p.workflow(empty, init, body);
    p.stage("{}")
}

fn query(run: &Stage, query: u16, args: &str) -> Result<String, QueryFailure> {
    let answer = run.vm.query(query, &Payload::json(args), &run.context());
    answer.map(|payload| payload.text().unwrap_or("?").to_owned())
}

#[test]
fn indexed_state_is_told_when_it_changes() {
    let mut run = counter();
    let attributes =
        |run: &mut Stage, activation| run.step(activation).attributes.map(|a| a.text().unwrap_or("?").to_owned());
    assert_eq!(attributes(&mut run, Activation::Start).as_deref(), Some(r#"{"count":5,"name":"n"}"#));
    let add = |by: i64| Activation::Signal { signal: 0, args: Payload::json(&format!("{{\"by\":{by}}}")) };
    assert_eq!(attributes(&mut run, add(2)).as_deref(), Some(r#"{"count":7}"#));
    assert_eq!(attributes(&mut run, add(0)), None);
    assert_eq!(done(run.complete("0#1", "null")), "7");
}

#[test]
fn queries_read_and_change_nothing() {
    let mut run = counter();
    assert!(matches!(query(&run, 0, "{}"), Err(QueryFailure::Trapped(_))), "nothing is there before the start");
    run.start();
    let before = run.vm.snapshot();
    assert_eq!(query(&run, 0, "{}"), Ok("5".into()));
    assert_eq!(query(&run, 1, r#"{"by":2}"#), Ok("2".into()));
    assert_eq!(query(&run, 0, "{}"), Ok("5".into()));
    assert!(
        matches!(query(&run, 1, r#"{"by":0}"#), Err(QueryFailure::Trapped(t)) if t.kind == TrapKind::DivisionByZero)
    );
    assert!(matches!(query(&run, 2, r#"{"by":3}"#), Err(QueryFailure::Failed(f)) if f.kind == "Boom"));
    assert_eq!(run.vm.snapshot(), before);
    run.complete("0#1", "null");
    assert_eq!(query(&run, 0, "{}"), Ok("5".into()), "a closed run answers too");
}

#[test]
fn signals_run_before_what_they_wake() {
    let mut run = counter();
    run.start();
    run.signal(0, r#"{"by":1}"#);
    run.signal(0, r#"{"by":10}"#);
    assert_eq!(done(run.complete("0#1", "null")), "16");
}

#[test]
fn a_closed_run_takes_nothing_more() {
    let mut run = counter();
    run.start();
    run.complete("0#1", "null");
    assert!(matches!(run.signal(0, r#"{"by":1}"#), Then::Trapped(trap) if trap.kind == TrapKind::Corrupt));
}

#[test]
fn logs_and_patches_of_one_activation_have_limits() {
    let mut p = P::new();
    let patch = p.patch("again", PatchMode::Each);
    let mut f = F::new("main", &[], UNIT);
    let (text, new) = (p.text(&mut f, "x"), f.reg(BOOL));
    let head = f.label();
    f.here(head).wide(Op::Fuel, 0, 3).op(Op::Log, 1, text, 0).op(Op::Patch, new, patch, 0).jump(Op::Jump, 0, head);
    p.limits.pending_commands_max = 1_000;
    // Without the twin, which would take thousands of snapshots.
    let run = p.main(f);
    let step = run.vm.clone().step(Activation::Start, &run.context());
    assert!(matches!(step.then, Then::Trapped(trap) if trap.kind == TrapKind::Limit));
    assert_eq!(step.commands.len(), 2_000);
    assert_eq!(step.logs.len(), 1_001);
    assert_eq!(step.logs[1_000].0, 2);
}

#[test]
fn a_run_may_move_between_threads() {
    fn movable<T: Send + Sync + Clone>(_: &T) {}
    movable(&counter().vm);
}
