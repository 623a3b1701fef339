//! A program for tests, made by hand, since this crate cannot compile:
//!
//! ```wf
//! activity noop() with { builtin: "noop", timeout: 30s }
//! activity charge(n: Int) -> Int with { queue: "q", timeout: 10s }
//! workflow steps(n: Int) -> Int { var i = 0  while i < n { noop()  i += 1 }  return i }
//! workflow order(n: Int) -> Int with { id: "order-{n}" } {
//!   pub state seen = 0
//!   signal go()
//!   signal mark(n: Int) { seen = n }
//!   update add(n: Int) -> Int check { n / seen } { seen = n  return n }
//!   let r = charge(n)
//!   receive go timeout 1h
//!   return r
//! }
//! workflow parent(n: Int) -> Int with { id: "parent-{n}" } { return order(n) }
//! workflow odd(n: Int) -> Int { charge(n)  return n / 0 }        // `n / 1` in the fixed program
//! workflow busy(n: Int) -> Int with { id: "busy-{n}" } { let r = spawn order(n)  sleep 1ms  while true {} }
//! workflow spin(n: Int) -> Int with { id: "spin-{n}" } { signal go()  while true {} }
//! ```

use weft_bytecode::op::{Instr, NO_ARG, Op};
use weft_bytecode::options::{ActivityOptions, Part, Target, Template, WorkflowOptions};
use weft_bytecode::types::builtin::{BOOL, DURATION, INT, UNIT};
use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::{
    ActivityDef, FuncId, Function, Program, QueryDef, SignalDef, SourceFile, Span, StateDef, UpdateDef, WorkflowDef,
};

const SPAN: Span = Span { file: 0, start: 0, end: 1 };

fn func(name: &str, params: u16, result: TypeId, regs: &[TypeId], code: Vec<Instr>) -> Function {
    Function { name: name.into(), params, result, regs: regs.to_vec(), sites: vec![(0, SPAN)], code, handlers: vec![] }
}

fn int(dst: u16, value: u32) -> Instr {
    Instr::wide(Op::LoadInt, dst, value)
}

fn fuel(amount: u32) -> Instr {
    Instr::wide(Op::Fuel, 0, amount)
}

fn ret(src: u16) -> Instr {
    Instr::abc(Op::Return, src, 0, 0)
}

/// `record = { args }; handle = op index(record); result = await handle`
fn call(op: Op, index: u16, record: u16, args: &[u16], handle: u16, result: u16) -> Vec<Instr> {
    let at = |i: usize| args.get(i).copied().unwrap_or(NO_ARG);
    let mut code = vec![Instr::abc(Op::New, record, 0, args.len() as u16)];
    if !args.is_empty() {
        code.push(Instr::abc(Op::Arg, at(0), at(1), at(2)));
    }
    code.extend([
        Instr::abc(op, handle, index, 1),
        Instr::abc(Op::Arg, record, NO_ARG, NO_ARG),
        Instr::abc(Op::Await, result, handle, 0),
    ]);
    code
}

fn activity(name: &str, args: TypeId, result: TypeId, target: Target) -> ActivityDef {
    ActivityDef {
        name: name.into(),
        args,
        result,
        throws: vec![],
        progress: None,
        options: ActivityOptions { timeout_ms: Some(10_000), ..ActivityOptions::new(target) },
        folder: String::new(),
        span: SPAN,
        doc: String::new(),
    }
}

fn workflow(name: &str, args: TypeId, init: u16, body: u16, id: Option<&str>) -> WorkflowDef {
    WorkflowDef {
        name: name.into(),
        args,
        result: INT,
        throws: vec![],
        init: FuncId(init),
        body: FuncId(body),
        state: vec![],
        signals: vec![],
        queries: vec![],
        updates: vec![],
        id: id.map(|prefix| Template { parts: vec![Part::Text(prefix.into()), Part::Hole(vec!["n".into()])] }),
        options: WorkflowOptions::default(),
        span: SPAN,
        doc: String::new(),
    }
}

/// The program above; with `fixed`, `odd` divides by 1.
pub(crate) fn program(fixed: bool) -> Program {
    let mut types = builtin::all();
    let mut add = |ty: Type| {
        types.push(ty);
        TypeId(types.len() as u16 - 1)
    };
    let empty = add(Type::Record { name: None, fields: vec![] });
    let n = add(Type::Record { name: None, fields: vec![Field { name: "n".into(), ty: INT, default: None }] });
    let message = add(Type::Option(empty));

    // 0 n, 1 i, 2 record, 3 handle, 4 unit, 5 bool, 6 one
    let mut steps = vec![fuel(3), int(1, 0), int(6, 1)];
    let head = steps.len() as u32;
    steps.extend([fuel(9), Instr::abc(Op::LtInt, 5, 1, 0)]);
    let exit = steps.len();
    steps.push(Instr::wide(Op::JumpIfNot, 5, 0));
    steps.extend(call(Op::ScheduleActivity, 0, 2, &[], 3, 4));
    steps.extend([Instr::abc(Op::AddInt, 1, 1, 6), Instr::wide(Op::Jump, 0, head)]);
    steps[exit] = Instr::wide(Op::JumpIfNot, 5, steps.len() as u32);
    steps.extend([fuel(1), ret(1)]);

    // 0 n, 1 record, 2 handle, 3 result, 4 duration, 5 message
    let mut order = vec![fuel(9)];
    order.extend(call(Op::ScheduleActivity, 1, 1, &[0], 2, 3));
    order.extend([int(4, 3_600_000), Instr::abc(Op::ReceiveFor, 5, 0, 4), ret(3)]);

    let mut parent = vec![fuel(6)];
    parent.extend(call(Op::StartChild, 1, 1, &[0], 2, 3));
    parent.push(ret(3));

    let mut odd = vec![fuel(9)];
    odd.extend(call(Op::ScheduleActivity, 1, 1, &[0], 2, 3));
    odd.extend([int(2, u32::from(fixed)), Instr::abc(Op::DivInt, 3, 0, 2), ret(3)]);

    let spin = vec![fuel(1), Instr::wide(Op::Jump, 0, 0)];

    // 0 n, 1 duration, 2 handle, 3 unit
    let mut ticks = vec![fuel(2), int(1, 1), fuel(4)];
    ticks.extend([Instr::abc(Op::StartTimer, 2, 1, 0), Instr::abc(Op::Await, 3, 2, 0), Instr::wide(Op::Jump, 0, 2)]);

    // 0 n, 1 record, 2 handle, 3 result, 4 duration, 5 handle, 6 unit
    let mut busy = vec![fuel(9)];
    busy.extend(call(Op::StartChild, 1, 1, &[0], 2, 3));
    busy.pop();
    busy.extend([int(4, 1), Instr::abc(Op::StartTimer, 5, 4, 0), Instr::abc(Op::Await, 6, 5, 0), fuel(1)]);
    busy.push(Instr::wide(Op::Jump, 0, busy.len() as u32 - 1));

    let functions = vec![
        func("init", 1, UNIT, &[INT, UNIT], vec![fuel(2), int(1, 0), ret(1)]),
        func("steps", 1, INT, &[INT, INT, empty, INT, UNIT, BOOL, INT], steps),
        func(
            "order.init",
            1,
            UNIT,
            &[INT, INT, UNIT],
            vec![fuel(4), int(1, 0), Instr::abc(Op::StoreState, 0, 1, 0), int(2, 0), ret(2)],
        ),
        func("order", 1, INT, &[INT, n, INT, INT, DURATION, message], order),
        func(
            "order.mark",
            1,
            UNIT,
            &[INT, UNIT],
            vec![fuel(3), Instr::abc(Op::StoreState, 0, 0, 0), int(1, 0), ret(1)],
        ),
        func("order.seen", 0, INT, &[INT], vec![fuel(2), Instr::abc(Op::LoadState, 0, 0, 0), ret(0)]),
        func("parent", 1, INT, &[INT, n, INT, INT], parent),
        func("odd", 1, INT, &[INT, n, INT, INT], odd),
        func("spin", 1, INT, &[INT], spin),
        func("ticks", 1, INT, &[INT, DURATION, INT, UNIT], ticks),
        func("order.add", 1, INT, &[INT], vec![fuel(2), Instr::abc(Op::StoreState, 0, 0, 0), ret(0)]),
        func(
            "order.add.check",
            1,
            UNIT,
            &[INT, INT, UNIT],
            vec![fuel(4), Instr::abc(Op::LoadState, 1, 0, 0), Instr::abc(Op::DivInt, 1, 0, 1), int(2, 0), ret(2)],
        ),
        func("busy", 1, INT, &[INT, n, INT, INT, DURATION, INT, UNIT], busy),
    ];
    let mut order = workflow("order", n, 2, 3, Some("order-"));
    order.state = vec![StateDef { name: "seen".into(), ty: INT, public: true, indexed: false }];
    order.signals = vec![
        SignalDef { name: "go".into(), args: empty, handler: None, mailbox: 0 },
        SignalDef { name: "mark".into(), args: n, handler: Some(FuncId(4)), mailbox: 0 },
    ];
    order.queries = vec![QueryDef { name: "seen".into(), args: empty, result: INT, func: FuncId(5) }];
    order.updates = vec![UpdateDef {
        name: "add".into(),
        args: n,
        result: INT,
        throws: vec![],
        check: Some(FuncId(11)),
        body: FuncId(10),
        concurrent: false,
    }];
    let mut spin = workflow("spin", n, 0, 8, Some("spin-"));
    spin.signals = vec![SignalDef { name: "go".into(), args: empty, handler: None, mailbox: 0 }];
    Program {
        edition: "2026".into(),
        project: "test".into(),
        types,
        constants: vec![],
        functions,
        activities: vec![
            activity("noop", empty, UNIT, Target::Builtin("noop".into())),
            activity("charge", n, INT, Target::Queue("q".into())),
        ],
        workflows: vec![
            workflow("steps", n, 0, 1, None),
            order,
            workflow("parent", n, 0, 6, Some("parent-")),
            workflow("odd", n, 0, 7, Some("odd-")),
            spin,
            workflow("ticks", n, 0, 9, Some("ticks-")),
            workflow("busy", n, 0, 12, Some("busy-")),
        ],
        patches: vec![],
        schedules: vec![],
        sources: vec![SourceFile { path: "test.wf".into(), text: "workflow test".into() }],
    }
}
