//! A program made by hand, so that the routes are tested whatever the compiler does:
//!
//! ```wf
//! activity charge(id: String, n: Int) -> Int throws Declined with { queue: "payments", timeout: 10s }
//! workflow order(id: String, n: Int, note: String?) -> Int with { id: "order-{id}" } {
//!   pub state seen = 0
//!   signal mark(n: Int) { seen = n }
//!   signal go()
//!   query plus(n: Int) -> Int = seen + n
//!   let r = charge(id, n)
//!   receive go
//!   return r
//! }
//! ```

use weft_bytecode::op::{Instr, Op};
use weft_bytecode::options::{ActivityOptions, OnCancel, Part, RetryPolicy, Target, Template, WorkflowOptions};
use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::{
    ActivityDef, FuncId, Function, Program, QueryDef, SignalDef, SourceFile, Span, StateDef, WorkflowDef,
};

const SPAN: Span = Span { file: 0, start: 0, end: 1 };
const NO: u16 = 0xffff;

fn func(name: &str, params: u16, result: TypeId, regs: &[TypeId], code: Vec<Instr>) -> Function {
    let fuel = Instr::wide(Op::Fuel, 0, code.len() as u32);
    let code = [vec![fuel], code].concat();
    Function { name: name.into(), params, result, regs: regs.to_vec(), sites: vec![(0, SPAN)], code, handlers: vec![] }
}

fn record(types: &mut Vec<Type>, fields: &[(&str, TypeId)]) -> TypeId {
    let fields = fields.iter().map(|(name, ty)| Field { name: (*name).into(), ty: *ty, default: None }).collect();
    types.push(Type::Record { name: None, fields });
    TypeId(types.len() as u16 - 1)
}

/// The program, as it is deployed.
pub(crate) fn encoded() -> Vec<u8> {
    weft_bytecode::codec::encode(&program())
}

fn program() -> Program {
    let (int, string) = (builtin::INT, builtin::STRING);
    let mut types = builtin::all();
    types.push(Type::Option(string));
    let note = TypeId(types.len() as u16 - 1);
    let order = record(&mut types, &[("id", string), ("n", int), ("note", note)]);
    let charge = record(&mut types, &[("id", string), ("n", int)]);
    let number = record(&mut types, &[("n", int)]);
    let empty = record(&mut types, &[]);
    types.push(Type::Option(empty));
    let message = TypeId(types.len() as u16 - 1);
    let common = [("message", string), ("cause", builtin::OPTION_FAILURE), ("code", string)];
    let fields = common.iter().map(|(name, ty)| Field { name: (*name).into(), ty: *ty, default: None }).collect();
    types.push(Type::Error { name: "Declined".into(), fields });
    let declined = TypeId(types.len() as u16 - 1);

    let zero = |dst: u16| Instr::wide(Op::LoadInt, dst, 0);
    let ret = |src: u16| Instr::abc(Op::Return, src, 0, 0);
    let init = vec![zero(3), Instr::abc(Op::StoreState, 0, 3, 0), zero(4), ret(4)];
    // 0 id, 1 n, 2 note, 3 record, 4 handle, 5 result, 6 message
    let body = vec![
        Instr::abc(Op::New, 3, 0, 2),
        Instr::abc(Op::Arg, 0, 1, NO),
        Instr::abc(Op::ScheduleActivity, 4, 0, 1),
        Instr::abc(Op::Arg, 3, NO, NO),
        Instr::abc(Op::Await, 5, 4, 0),
        Instr::abc(Op::Receive, 6, 0, 0),
        ret(5),
    ];
    let mark = vec![Instr::abc(Op::StoreState, 0, 0, 0), zero(1), ret(1)];
    let seen = vec![Instr::abc(Op::LoadState, 0, 0, 0), ret(0)];
    let plus = vec![Instr::abc(Op::LoadState, 1, 0, 0), Instr::abc(Op::AddInt, 1, 1, 0), ret(1)];
    Program {
        edition: "2026".into(),
        project: "shop".into(),
        types,
        constants: vec![],
        functions: vec![
            func("order.init", 3, builtin::UNIT, &[string, int, note, int, builtin::UNIT], init),
            func("order", 3, int, &[string, int, note, charge, int, int, message], body),
            func("order.mark", 1, builtin::UNIT, &[int, builtin::UNIT], mark),
            func("order.seen", 0, int, &[int], seen),
            func("order.plus", 1, int, &[int, int], plus),
        ],
        activities: vec![ActivityDef {
            name: "charge".into(),
            args: charge,
            result: int,
            throws: vec![declined],
            options: ActivityOptions {
                target: Target::Queue("payments".into()),
                timeout_ms: Some(10_000),
                total_timeout_ms: None,
                heartbeat_ms: Some(5_000),
                retry: RetryPolicy { first_ms: 1, ..RetryPolicy::default() },
                errors: vec![],
                on_cancel: OnCancel::Wait,
            },
            folder: String::new(),
            span: SPAN,
            doc: String::new(),
        }],
        workflows: vec![WorkflowDef {
            name: "order".into(),
            args: order,
            result: int,
            throws: vec![declined],
            init: FuncId(0),
            body: FuncId(1),
            state: vec![StateDef { name: "seen".into(), ty: int, public: true, indexed: false }],
            signals: vec![
                SignalDef { name: "go".into(), args: empty, handler: None, mailbox: 0 },
                SignalDef { name: "mark".into(), args: number, handler: Some(FuncId(2)), mailbox: 0 },
            ],
            queries: vec![
                QueryDef { name: "seen".into(), args: empty, result: int, func: FuncId(3) },
                QueryDef { name: "plus".into(), args: number, result: int, func: FuncId(4) },
            ],
            id: Some(Template { parts: vec![Part::Text("order-".into()), Part::Hole(vec!["id".into()])] }),
            options: WorkflowOptions::default(),
            span: SPAN,
            doc: "Takes the money.".into(),
        }],
        patches: vec![],
        sources: vec![SourceFile { path: "shop.wf".into(), text: "workflow order".into() }],
    }
}
