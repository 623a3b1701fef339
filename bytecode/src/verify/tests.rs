//! A sound program, broken in one place at a time: the rule that notices, and where.

use super::verify;
use crate::op::{DETACHED, Instr, NO_ARG, Native, Op};
use crate::options::{ActivityOptions, Target, WorkflowOptions};
use crate::program::*;
use crate::types::{Field, Type, TypeId, Variant, builtin};

const SPAN: Span = Span { file: 0, start: 0, end: 0 };
/// Types behind the built-in ones.
const ARGS: TypeId = TypeId(20);
const LIST: TypeId = TypeId(21);
const OPTION: TypeId = TypeId(22);
const CONDITION: TypeId = TypeId(23);
const SHAPE: TypeId = TypeId(24);

fn field(name: &str, ty: TypeId) -> Field {
    Field { name: name.into(), ty, default: None }
}

fn function(name: &str, params: u16, result: TypeId, regs: &[TypeId], code: &[Instr]) -> Function {
    let code = [&[Instr::wide(Op::Fuel, 0, 1)], code].concat();
    Function { name: name.into(), params, result, regs: regs.to_vec(), code, sites: vec![], handlers: vec![] }
}

fn ret(reg: u16) -> Instr {
    Instr::abc(Op::Return, reg, NO_ARG, NO_ARG)
}

/// A workflow `w(n: Int) -> Int` with a cell, a mailbox, a query and an activity.
fn sound() -> Program {
    let mut types = builtin::all();
    types.extend([
        Type::Record { name: None, fields: vec![field("n", builtin::INT)] },
        Type::List(builtin::STRING),
        Type::Option(ARGS),
        Type::Fn(vec![], builtin::BOOL),
        Type::Enum {
            name: "Shape".into(),
            variants: vec![
                Variant { name: "Empty".into(), fields: vec![] },
                Variant { name: "Circle".into(), fields: vec![field("r", builtin::INT)] },
            ],
        },
    ]);
    Program {
        edition: "2026".into(),
        project: "p".into(),
        types,
        constants: vec![Constant::String("s".into()), Constant::Decimal("1.5".into()), Constant::Scalar(7)],
        functions: vec![
            function(
                "init",
                1,
                builtin::UNIT,
                &[builtin::INT, builtin::UNIT],
                &[Instr::abc(Op::StoreState, 0, 0, 0), ret(1)],
            ),
            function(
                "body",
                1,
                builtin::INT,
                &[builtin::INT, builtin::STRING, LIST, OPTION],
                &[
                    Instr::wide(Op::LoadConst, 1, 0),
                    Instr::abc(Op::NewList, 2, 0, 1),
                    Instr::abc(Op::Arg, 1, NO_ARG, NO_ARG),
                    Instr::abc(Op::Receive, 3, 0, 0),
                    ret(0),
                ],
            ),
            function("query", 1, builtin::INT, &[builtin::INT], &[ret(0)]),
        ],
        activities: vec![ActivityDef {
            name: "act".into(),
            args: ARGS,
            result: builtin::INT,
            throws: vec![builtin::FAULT],
            progress: None,
            options: ActivityOptions::new(Target::Builtin("noop".into())),
            folder: String::new(),
            span: SPAN,
            doc: String::new(),
        }],
        workflows: vec![WorkflowDef {
            name: "w".into(),
            args: ARGS,
            result: builtin::INT,
            throws: vec![],
            init: FuncId(0),
            body: FuncId(1),
            state: vec![StateDef { name: "c".into(), ty: builtin::INT, public: false, indexed: false }],
            signals: vec![SignalDef { name: "mail".into(), args: ARGS, handler: None, mailbox: 0 }],
            queries: vec![QueryDef { name: "q".into(), args: ARGS, result: builtin::INT, func: FuncId(2) }],
            updates: vec![UpdateDef {
                name: "u".into(),
                args: ARGS,
                result: builtin::INT,
                throws: vec![],
                check: None,
                body: FuncId(2),
                concurrent: false,
            }],
            id: None,
            options: WorkflowOptions::default(),
            span: SPAN,
            doc: String::new(),
        }],
        patches: vec![],
        schedules: vec![],
        sources: vec![],
    }
}

#[track_caller]
fn broken(change: impl FnOnce(&mut Program), expected: &str) {
    let mut program = sound();
    change(&mut program);
    match verify(&program) {
        Ok(()) => panic!("nobody noticed; expected: {expected}"),
        Err(error) => assert!(error.to_string().contains(expected), "{error}\nexpected: {expected}"),
    }
}

/// A body of these registers (behind `n: Int`) and instructions instead.
#[track_caller]
fn code(regs: &[TypeId], instrs: &[Instr], expected: &str) {
    let all: Vec<TypeId> = [builtin::INT].iter().chain(regs).copied().collect();
    let instrs = [instrs, &[ret(0)]].concat();
    broken(|p| p.functions[1] = function("body", 1, builtin::INT, &all, &instrs), expected);
}

#[test]
fn a_sound_program_passes() {
    assert_eq!(verify(&sound()), Ok(()));
}

#[test]
fn the_type_table() {
    use Type::*;
    broken(|p| p.types.swap(2, 3), "begin with the built-in types");
    broken(|p| p.types.push(List(builtin::STRING)), "type 25: it is there twice");
    broken(|p| p.types.push(List(TypeId(99))), "type 99 does not exist");
    broken(|p| p.types.push(Option(OPTION)), "an optional of an optional");
    broken(|p| p.types.push(List(CONDITION)), "a function is no data");
    broken(|p| p.types.push(Tuple(vec![builtin::INT])), "fewer than two");
    broken(|p| p.types.push(Enum { name: "E".into(), variants: vec![] }), "without variants");
    broken(|p| p.types.push(Error { name: "E".into(), fields: vec![] }), "`message` and `cause`");
    let twice = vec![field("a", builtin::INT), field("a", builtin::INT)];
    broken(|p| p.types.push(Record { name: None, fields: twice }), "the field `a` is there twice");
    let default = vec![Field { default: Some("\"x\"".into()), ..field("a", builtin::INT) }];
    broken(|p| p.types.push(Record { name: None, fields: default }), "the default of the field `a`");
}

#[test]
fn defaults_are_canonical_and_whole() {
    let of = |ty, default: &str| Field { default: Some(default.into()), ..field("r", ty) };
    let named = |field| Type::Record { name: Some("R".into()), fields: vec![field] };
    // Its default would be filled with its default, and that again.
    let itself = TypeId(25);
    broken(|p| p.types.push(named(of(itself, "{}"))), "the default of the field `r` is not in its canonical form");
    let pair = |p: &mut Program| {
        p.types.push(named(of(TypeId(26), "{}")));
        p.types.push(Type::Record { name: Some("S".into()), fields: vec![of(itself, "{}")] });
    };
    broken(pair, "not in its canonical form");
    broken(|p| p.types.push(named(of(builtin::DECIMAL, "\"1.50\""))), "not in its canonical form");
    broken(|p| p.types.push(named(of(builtin::DURATION, "\"90s\""))), "not in its canonical form");
    let mut program = sound();
    program.types.push(named(of(builtin::DECIMAL, "\"1.5\"")));
    program.types.push(Type::Record { name: Some("S".into()), fields: vec![of(TypeId(25), "{\"r\":\"2.5\"}")] });
    assert_eq!(verify(&program), Ok(()));
}

#[test]
fn types_that_are_written_out_end() {
    use Type::*;
    let anonymous = |fields| Record { name: None, fields };
    broken(|p| p.types.push(List(TypeId(25))), "type 25: it nests deeper than");
    broken(|p| p.types.push(Tuple(vec![builtin::INT, TypeId(25)])), "type 25: it nests deeper than");
    broken(|p| p.types.push(anonymous(vec![field("a", TypeId(25))])), "type 25: it nests deeper than");
    broken(|p| p.types.extend((25..20_000).map(|below| List(TypeId(below - 1)))), "it nests deeper than");
    // Each twice the one before it.
    let doubled = |p: &mut Program| p.types.extend((25..60).map(|n| Tuple(vec![TypeId(n - 1), TypeId(n - 1)])));
    broken(doubled, "more than 10000 parts");
    // A named record may hold itself.
    let mut program = sound();
    program.types.push(Record { name: Some("Tree".into()), fields: vec![field("children", TypeId(26))] });
    program.types.push(List(TypeId(25)));
    assert_eq!(verify(&program), Ok(()));
}

/// Registers and jumps for which a set at each instruction would be gigabytes, and a handler over all of them.
#[test]
fn what_would_take_too_long_to_check_is_refused() {
    const REGS: usize = 60_000;
    const CODE: usize = 20_000;
    let regs = vec![builtin::INT; REGS];
    let many = |p: &mut Program| {
        let jumps = (2..CODE as u32).map(|next| Instr::wide(Op::Jump, 0, next)).chain([ret(0)]);
        p.functions[1] = function("body", 1, builtin::INT, &regs, &jumps.collect::<Vec<_>>());
    };
    broken(many, "`body`: it has too many registers for its instructions");
    let handled = |p: &mut Program| {
        let moves = (1..CODE).map(|_| Instr::abc(Op::Move, 0, 0, 0)).chain([ret(0)]);
        p.functions[1] =
            function("body", 1, builtin::INT, &[builtin::INT, builtin::FAILURE], &moves.collect::<Vec<_>>());
        let end = CODE as u32;
        p.functions[1].handlers = vec![Handler { from: 0, to: end, target: end, reg: 1 }; CODE];
    };
    broken(handled, "takes more than");
    let reached = |p: &mut Program| {
        let moves = (1..CODE).map(|_| Instr::abc(Op::Move, 0, 0, 0)).chain([ret(0)]);
        p.functions[2] = function("query", 1, builtin::INT, &[builtin::INT], &moves.collect::<Vec<_>>());
        let first = p.workflows[0].clone();
        p.workflows.extend((0..CODE).map(|n| WorkflowDef { name: format!("w{n}"), ..first.clone() }));
    };
    broken(reached, "takes more than");
}

#[test]
fn constants() {
    broken(|p| p.constants.push(Constant::Decimal("1.50".into())), "constant 3");
    broken(|p| p.constants.push(Constant::Json("{".into())), "constant 3");
}

#[test]
fn declarations() {
    broken(|p| p.activities.push(p.activities[0].clone()), "the activity `act` is declared twice");
    broken(|p| p.activities[0].args = builtin::INT, "its parameters are no record");
    broken(|p| p.activities[0].throws = vec![builtin::INT], "it throws what is no error");
    broken(|p| p.workflows[0].init = FuncId(9), "the initialisation does not exist");
    broken(|p| p.workflows[0].init = FuncId(2), "the initialisation returns another type");
    broken(|p| p.functions[1].params = 0, "the body takes other parameters");
    broken(|p| p.workflows[0].queries[0].args = builtin::INT, "its parameters are no record");
    broken(|p| p.workflows[0].updates[0].body = FuncId(9), "the update does not exist");
    broken(|p| p.workflows[0].updates[0].result = builtin::STRING, "the update returns another type");
    broken(|p| p.workflows[0].updates[0].check = Some(FuncId(2)), "the check returns another type");
    broken(|p| p.workflows[0].updates[0].throws = vec![builtin::INT], "it throws what is no error");
    broken(|p| p.workflows[0].signals[0].mailbox = 1, "numbered from 0");
    broken(|p| p.workflows[0].state[0].ty = TypeId(99), "type 99 does not exist");
    broken(|p| p.workflows[0].state.clear(), "`init` at pc 1: `store_state` does not fit");
    broken(|p| p.workflows[0].state[0].ty = builtin::STRING, "`store_state` does not fit");
    broken(|p| p.workflows[0].signals.clear(), "`body` at pc 4: `receive` does not fit");
}

#[test]
fn names_that_are_stored() {
    let what = "or has control characters";
    broken(|p| p.workflows[0].name = "a\0b".into(), what);
    broken(|p| p.workflows[0].name = "a".repeat(super::STORED_NAME_BYTES_MAX + 1), what);
    broken(|p| p.project = "a\nb".into(), what);
}

#[test]
fn frames() {
    broken(|p| p.functions[1].regs[1] = TypeId(99), "a register's type does not exist");
    broken(|p| p.functions[1].params = 9, "fewer registers than parameters");
    broken(|p| p.functions[1].code = p.functions[1].code.split_off(1), "does not begin by charging fuel");
    broken(|p| p.functions[1].code.truncate(5), "`body` at pc 4: the function has no end");
    broken(|p| p.functions[1].sites = vec![(2, SPAN), (1, SPAN)], "source map is not sorted");
}

#[test]
fn instructions() {
    code(&[], &[Instr(999)], "`body` at pc 1: there is no such instruction");
    code(&[], &[Instr::abc(Op::Arg, 0, 0, 0)], "there is no such instruction");
    code(&[], &[Instr::abc(Op::Move, 1, 0, 0)], "register 1 does not exist");
    code(&[builtin::STRING], &[Instr::wide(Op::LoadConst, 1, 9)], "constant 9 does not exist");
    code(&[builtin::UNIT], &[Instr::abc(Op::Call, 1, 9, 0)], "function 9 does not exist");
    code(&[], &[Instr::abc(Op::CallNative, 0, 9_999, 0)], "native 9999 does not exist");
    code(&[], &[Instr::abc(Op::ScheduleActivity, 0, 7, 0)], "activity 7 does not exist");
    code(&[], &[Instr::abc(Op::StartChild, 0, 7, 0)], "workflow 7 does not exist");
    code(&[builtin::BOOL], &[Instr::abc(Op::Patch, 1, 0, 0)], "patch 0 does not exist");
    code(&[LIST], &[Instr::abc(Op::NewList, 1, 0, 4)], "its arguments are cut off");
    let words = [Instr::abc(Op::NewList, 1, 0, 1), Instr::abc(Op::Arg, 0, 0, NO_ARG)];
    code(&[LIST], &words, "its argument words are malformed");
    let flagged = [Instr::abc(Op::NewList, 1, 0, DETACHED)];
    code(&[LIST], &flagged, "too many arguments");
}

#[test]
fn jumps_and_handlers() {
    code(&[], &[Instr::wide(Op::Jump, 0, 99)], "pc 99 does not exist");
    code(&[], &[Instr::wide(Op::Jump, 0, 1)], "jumps back to an instruction that charges no fuel");
    code(&[], &[Instr::wide(Op::Fuel, 0, 0)], "`fuel` does not work");
    broken(|p| p.functions[1].code[1] = Instr::wide(Op::Jump, 0, 3), "jumps between instructions");
    let handler = |from, to, target, reg| Handler { from, to, target, reg };
    broken(|p| p.functions[1].handlers.push(handler(0, 99, 1, 0)), "covers what does not exist");
    broken(|p| p.functions[1].handlers.push(handler(0, 1, 3, 0)), "leads to no instruction");
    broken(|p| p.functions[1].handlers.push(handler(0, 1, 4, 0)), "holds no failure");
    broken(
        |p| {
            p.functions[1].regs.push(builtin::FAILURE);
            p.functions[1].handlers.push(handler(0, 5, 4, 4));
        },
        "a handler leads back",
    );
}

#[test]
fn types_of_operands() {
    use builtin::*;
    let abc = Instr::abc;
    code(&[STRING], &[abc(Op::Move, 0, 1, 0)], "`move` does not work on these types (dst: Int, src: String)");
    code(&[STRING], &[Instr::wide(Op::LoadConst, 1, 1)], "`const` does not work");
    code(&[BOOL], &[Instr::wide(Op::LoadInt, 1, 2)], "`int` does not work");
    code(&[BOOL], &[Instr::wide(Op::LoadConst, 1, 2)], "`const` does not work");
    code(&[FLOAT], &[abc(Op::AddInt, 1, 1, 1)], "`add` does not work");
    code(&[DURATION, TIME], &[abc(Op::SubInt, 1, 1, 2)], "`sub` does not work");
    code(&[BOOL, FLOAT], &[abc(Op::EqInt, 1, 2, 2)], "`eq` does not work");
    code(&[BOOL, JSON], &[abc(Op::Less, 1, 2, 2)], "`less` does not work");
    code(&[], &[abc(Op::LoadNone, 0, 0, 0)], "`none` does not work");
    code(&[OPTION], &[abc(Op::Some, 1, 0, 0)], "`some` does not work");
    code(&[ARGS], &[abc(Op::Field, 0, 1, 1)], "`field` does not work");
    code(&[SHAPE], &[abc(Op::VariantField, 0, 1, 0)], "`variant_field` does not work");
    code(&[SHAPE], &[abc(Op::NewVariant, 1, 1, 0)], "`variant` does not work");
    code(&[LIST], &[abc(Op::Push, 1, 0, 0)], "`push` does not work");
    code(&[FAILURE], &[abc(Op::Cast, 1, 0, 0)], "`cast` does not work");
    code(&[], &[abc(Op::Throw, 0, 0, 0)], "`throw` does not work");
    code(&[], &[abc(Op::RunInfo, 0, 0, 0)], "`run_info` does not work");
    code(&[], &[abc(Op::Log, 9, 0, 0)], "`log` does not work");
    code(&[STRING], &[abc(Op::Return, 1, 0, 0)], "`return` does not work");
    code(&[CONDITION], &[abc(Op::WaitUntil, 0, 1, 0)], "`wait_until` does not work");
    code(&[CONDITION], &[abc(Op::Closure, 1, 2, 0)], "`closure` does not work");
    code(&[], &[abc(Op::ScopeOpen, 0, 3, 0)], "`scope` does not work");
    code(&[STRING], &[abc(Op::AwaitTask, 0, 1, 0)], "`await_task` does not work");
    code(&[BOOL], &[abc(Op::Select, 0, 0, 1), abc(Op::Arg, 1, NO_ARG, NO_ARG)], "`select` does not work");
    code(&[], &[abc(Op::ScopeSpawn, 0, 1, 0)], "`spawn` does not work");
    code(&[], &[abc(Op::StartTimer, 0, 0, 0)], "`timer` does not work");
    code(&[], &[abc(Op::AwaitStarted, 0, 0, 0)], "`await_started` does not work");
    let schedule = [abc(Op::ScheduleActivity, 0, 0, 1), abc(Op::Arg, 0, NO_ARG, NO_ARG)];
    code(&[], &schedule, "`schedule` does not work");
    let native = [abc(Op::CallNative, 0, Native::StringLength as u16, 1), abc(Op::Arg, 0, NO_ARG, NO_ARG)];
    code(&[], &native, "the native `string.length` is no (Int) -> Int");
}

#[test]
fn references_are_written_before_they_are_read() {
    use builtin::*;
    let abc = Instr::abc;
    let read = abc(Op::Share, 1, 0, 0);
    code(&[STRING], &[read], "`body` at pc 1: `share` reads register 1, which may not have been written");
    // On one of two ways only.
    let one_way =
        [Instr::wide(Op::LoadInt, 2, 0), Instr::wide(Op::JumpIf, 2, 4), Instr::wide(Op::LoadConst, 1, 0), read];
    code(&[STRING, BOOL], &one_way, "pc 4: `share` reads register 1");
    let listed = [abc(Op::NewList, 2, 0, 1), abc(Op::Arg, 1, NO_ARG, NO_ARG)];
    code(&[STRING, LIST], &listed, "`list` reads register 1");
    // A handler sees what was written before the range, not in it.
    broken(
        |p| {
            let regs = [INT, STRING, FAILURE];
            let code = [Instr::wide(Op::LoadConst, 1, 0), Instr::wide(Op::Jump, 0, 3), read, ret(0)];
            p.functions[1] = function("body", 1, INT, &regs, &code);
            p.functions[1].handlers.push(Handler { from: 1, to: 2, target: 3, reg: 2 });
        },
        "pc 3: `share` reads register 1",
    );
    // Optionals and scalars begin as values.
    let mut program = sound();
    program.functions[1] = function("body", 1, INT, &[INT, OPTION, BOOL], &[abc(Op::Equal, 2, 1, 1), ret(0)]);
    assert_eq!(verify(&program), Ok(()));
}
