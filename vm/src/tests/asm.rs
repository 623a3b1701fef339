//! A small assembler, so that tests can say what no source would compile to, and a stage to run programs on.

use std::sync::Arc;

use weft_bytecode::op::{NO_ARG, Native, Op};
use weft_bytecode::options::{ActivityOptions, OnCancel, Target, WorkflowOptions};
use weft_bytecode::types::builtin;
use weft_bytecode::{
    ActivityDef, Constant, Field, FuncId, Function, Handler, Instr, PatchDef, PatchMode, Program, QueryDef, SignalDef,
    SourceFile, Span, StateDef, Type, TypeId, UpdateDef, WorkflowDef,
};
use weft_protocol::command::{CommandId, FiberPath, Issued};
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Failure, Payload, RunId, Timestamp, WorkflowId};

use crate::step::{Activation, Context, Outcome, Step, Then, Trap, TrapKind};
use crate::{Loaded, Vm};

/// A function being written.
pub(crate) struct F {
    name: String,
    params: u16,
    result: TypeId,
    regs: Vec<TypeId>,
    code: Vec<Instr>,
    labels: Vec<Option<u32>>,
    fixups: Vec<(usize, usize)>,
    handlers: Vec<(usize, usize, usize, u16)>,
}

#[derive(Clone, Copy)]
pub(crate) struct Label(usize);

impl F {
    pub(crate) fn new(name: &str, params: &[TypeId], result: TypeId) -> F {
        let mut f = F {
            name: name.into(),
            params: params.len() as u16,
            result,
            regs: params.to_vec(),
            code: vec![],
            labels: vec![],
            fixups: vec![],
            handlers: vec![],
        };
        f.wide(Op::Fuel, 0, 1);
        f
    }

    pub(crate) fn reg(&mut self, ty: TypeId) -> u16 {
        self.regs.push(ty);
        self.regs.len() as u16 - 1
    }

    pub(crate) fn op(&mut self, op: Op, a: u16, b: u16, c: u16) -> &mut F {
        self.code.push(Instr::abc(op, a, b, c));
        self
    }

    pub(crate) fn wide(&mut self, op: Op, a: u16, imm: u32) -> &mut F {
        self.code.push(Instr::wide(op, a, imm));
        self
    }

    pub(crate) fn int(&mut self, ty: TypeId, value: i32) -> u16 {
        let reg = self.reg(ty);
        self.wide(Op::LoadInt, reg, value as u32);
        reg
    }

    /// An op with arguments: operands a and b, then the registers.
    pub(crate) fn with(&mut self, op: Op, a: u16, b: u16, args: &[u16]) -> &mut F {
        self.flagged(op, a, b, 0, args)
    }

    pub(crate) fn flagged(&mut self, op: Op, a: u16, b: u16, flag: u16, args: &[u16]) -> &mut F {
        self.code.push(Instr::abc(op, a, b, args.len() as u16 | flag));
        for three in args.chunks(3) {
            let at = |i: usize| three.get(i).copied().unwrap_or(NO_ARG);
            self.code.push(Instr::abc(Op::Arg, at(0), at(1), at(2)));
        }
        self
    }

    pub(crate) fn native(&mut self, native: Native, dst: TypeId, args: &[u16]) -> u16 {
        let reg = self.reg(dst);
        self.with(Op::CallNative, reg, native as u16, args);
        reg
    }

    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    pub(crate) fn here(&mut self, label: Label) -> &mut F {
        self.labels[label.0] = Some(self.code.len() as u32);
        self
    }

    pub(crate) fn jump(&mut self, op: Op, a: u16, to: Label) -> &mut F {
        self.fixups.push((self.code.len(), to.0));
        self.wide(op, a, 0)
    }

    pub(crate) fn handler(&mut self, from: Label, to: Label, target: Label, reg: u16) -> &mut F {
        self.handlers.push((from.0, to.0, target.0, reg));
        self
    }

    pub(crate) fn ret(&mut self, reg: u16) -> &mut F {
        self.op(Op::Return, reg, NO_ARG, NO_ARG)
    }

    pub(crate) fn pc(&self) -> u32 {
        self.code.len() as u32
    }

    fn finish(mut self) -> Function {
        let at = |label: usize| self.labels[label].expect("every label is bound");
        for (pc, label) in &self.fixups {
            let instr = self.code[*pc];
            self.code[*pc] = Instr::wide(instr.op().expect("an op"), instr.a(), at(*label));
        }
        let handlers = self.handlers.iter().map(|(from, to, target, reg)| Handler {
            from: at(*from),
            to: at(*to),
            target: at(*target),
            reg: *reg,
        });
        Function {
            handlers: handlers.collect(),
            name: self.name,
            params: self.params,
            result: self.result,
            regs: self.regs,
            code: self.code,
            sites: vec![(0, SPAN)],
        }
    }
}

const SPAN: Span = Span { file: 0, start: 0, end: 1 };

/// A program being written, with one workflow.
pub(crate) struct P {
    pub(crate) program: Program,
    pub(crate) state: Vec<StateDef>,
    pub(crate) signals: Vec<SignalDef>,
    pub(crate) queries: Vec<QueryDef>,
    pub(crate) updates: Vec<UpdateDef>,
    pub(crate) limits: Limits,
}

impl P {
    pub(crate) fn new() -> P {
        P {
            program: Program {
                edition: "2026".into(),
                project: "test".into(),
                types: builtin::all(),
                constants: vec![],
                functions: vec![],
                activities: vec![],
                workflows: vec![],
                patches: vec![],
                schedules: vec![],
                sources: vec![SourceFile { path: "test.wf".into(), text: "\n".into() }],
            },
            state: vec![],
            signals: vec![],
            queries: vec![],
            updates: vec![],
            limits: Limits::default(),
        }
    }

    pub(crate) fn ty(&mut self, ty: Type) -> TypeId {
        if let Some(id) = self.program.types.iter().position(|t| *t == ty) {
            return TypeId(id as u16);
        }
        self.program.types.push(ty);
        TypeId(self.program.types.len() as u16 - 1)
    }

    pub(crate) fn record(&mut self, name: Option<&str>, fields: &[(&str, TypeId)]) -> TypeId {
        self.ty(Type::Record { name: name.map(Into::into), fields: fields_of(fields) })
    }

    pub(crate) fn error(&mut self, name: &str, own: &[(&str, TypeId)]) -> TypeId {
        let common = [("message", builtin::STRING), ("cause", builtin::OPTION_FAILURE)];
        let all: Vec<_> = common.iter().chain(own).copied().collect();
        self.ty(Type::Error { name: name.into(), fields: fields_of(&all) })
    }

    pub(crate) fn constant(&mut self, constant: Constant) -> u32 {
        self.program.constants.push(constant);
        self.program.constants.len() as u32 - 1
    }

    pub(crate) fn text(&mut self, f: &mut F, text: &str) -> u16 {
        let k = self.constant(Constant::String(text.into()));
        let reg = f.reg(builtin::STRING);
        f.wide(Op::LoadConst, reg, k);
        reg
    }

    pub(crate) fn func(&mut self, f: F) -> FuncId {
        self.program.functions.push(f.finish());
        FuncId(self.program.functions.len() as u16 - 1)
    }

    pub(crate) fn activity(&mut self, name: &str, args: TypeId, result: TypeId, on_cancel: OnCancel) -> u16 {
        self.program.activities.push(ActivityDef {
            name: name.into(),
            args,
            result,
            throws: vec![],
            progress: None,
            options: ActivityOptions {
                timeout_ms: Some(1000),
                on_cancel,
                ..ActivityOptions::new(Target::Builtin("noop".into()))
            },
            folder: String::new(),
            span: SPAN,
            doc: String::new(),
        });
        self.program.activities.len() as u16 - 1
    }

    pub(crate) fn patch(&mut self, id: &str, mode: PatchMode) -> u16 {
        self.program.patches.push(PatchDef { id: id.into(), mode });
        self.program.patches.len() as u16 - 1
    }

    pub(crate) fn cell(&mut self, name: &str, ty: TypeId, indexed: bool) -> u16 {
        self.state.push(StateDef { name: name.into(), ty, public: false, indexed });
        self.state.len() as u16 - 1
    }

    pub(crate) fn mailbox(&mut self, name: &str, args: TypeId) -> u16 {
        let mailbox = self.signals.iter().filter(|s| s.handler.is_none()).count() as u16;
        self.signals.push(SignalDef { name: name.into(), args, handler: None, mailbox });
        mailbox
    }

    pub(crate) fn handler(&mut self, name: &str, args: TypeId, handler: FuncId) -> u16 {
        self.signals.push(SignalDef { name: name.into(), args, handler: Some(handler), mailbox: 0 });
        self.signals.len() as u16 - 1
    }

    pub(crate) fn query(&mut self, name: &str, args: TypeId, result: TypeId, func: FuncId) -> u16 {
        self.queries.push(QueryDef { name: name.into(), args, result, func });
        self.queries.len() as u16 - 1
    }

    pub(crate) fn update(&mut self, name: &str, args: TypeId, body: FuncId, concurrent: bool) -> u16 {
        let result = self.program.functions[usize::from(body.0)].result;
        self.updates.push(UpdateDef { name: name.into(), args, result, throws: vec![], check: None, body, concurrent });
        self.updates.len() as u16 - 1
    }

    /// An initialisation that does nothing.
    pub(crate) fn no_init(&mut self, params: &[TypeId]) -> FuncId {
        let mut f = F::new("init", params, builtin::UNIT);
        let unit = f.int(builtin::UNIT, 0);
        f.ret(unit);
        self.func(f)
    }

    /// The workflow, with a body and an initialisation over the fields of `args`.
    pub(crate) fn workflow(&mut self, args: TypeId, init: FuncId, body: FuncId) -> u16 {
        let result = self.program.functions[usize::from(body.0)].result;
        self.program.workflows.push(WorkflowDef {
            name: format!("w{}", self.program.workflows.len()),
            args,
            result,
            throws: vec![],
            init,
            body,
            state: std::mem::take(&mut self.state),
            signals: std::mem::take(&mut self.signals),
            queries: std::mem::take(&mut self.queries),
            updates: std::mem::take(&mut self.updates),
            id: None,
            options: WorkflowOptions::default(),
            span: SPAN,
            doc: String::new(),
        });
        self.program.workflows.len() as u16 - 1
    }

    /// A program of one workflow without parameters, ready to start.
    pub(crate) fn main(mut self, body: F) -> Stage {
        let empty = self.record(None, &[]);
        let body = self.func(body);
        let init = self.no_init(&[]);
        self.workflow(empty, init, body);
        self.stage("{}")
    }

    pub(crate) fn stage(self, args: &str) -> Stage {
        let loaded = match Loaded::new(self.program) {
            Ok(loaded) => loaded,
            Err(error) => panic!("{error}"),
        };
        let vm = Vm::new(Arc::clone(&loaded), 0, &Payload::json(args), [7; 16], &self.limits);
        let sliced = Limits { fuel_slice: 1, ..self.limits.clone() };
        let twin = Vm::new(Arc::clone(&loaded), 0, &Payload::json(args), [7; 16], &sliced);
        Stage { vm, twin, loaded, limits: sliced, now: 1_000, workflow_id: "wf-1".into(), log: vec![] }
    }
}

fn fields_of(fields: &[(&str, TypeId)]) -> Vec<Field> {
    fields.iter().map(|(name, ty)| Field { name: (*name).into(), ty: *ty, default: None }).collect()
}

/// A run and its outer world, with a clock that moves a second an event.
///
/// Beside it runs a twin that is cut into slices at every `Fuel` and taken to bytes and back at every stop. Both must
/// do the same and have the same snapshot; so each test is a test of snapshots too.
pub(crate) struct Stage {
    pub(crate) vm: Vm,
    twin: Vm,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) limits: Limits,
    pub(crate) now: i64,
    pub(crate) workflow_id: WorkflowId,
    /// What happened, a line each.
    pub(crate) log: Vec<String>,
}

impl Stage {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            now: Timestamp(self.now),
            workflow_id: &self.workflow_id,
            run_id: RunId(0x0010_0000_0000_0001),
            started_at: Timestamp(1_000),
            history_events: 3,
            history_bytes: 100,
            recorded_patch: None,
        }
    }

    pub(crate) fn step(&mut self, activation: Activation) -> Step {
        let (mut vm, mut twin) = (self.vm.clone(), self.twin.clone());
        let step = vm.step(activation.clone(), &self.context());
        let mut other = twin.step(activation, &self.context());
        while other.then == Then::Slice {
            twin = self.through_bytes(&twin);
            other = twin.step(Activation::Continue, &self.context());
        }
        assert_eq!(step, other, "a run and its snapshotted twin do the same");
        assert_eq!(vm.fuel_used(), twin.fuel_used());
        if !matches!(step.then, Then::Trapped(_)) {
            twin = self.through_bytes(&twin);
            assert_eq!(vm.snapshot(), twin.snapshot(), "equal states have equal bytes");
            assert_eq!(vm.waits(), twin.waits());
        }
        (self.vm, self.twin) = (vm, twin);
        self.now += 1_000;
        for issued in &step.commands {
            self.log.push(show(issued));
        }
        step
    }

    /// Another run in the same state, to try what may happen next.
    pub(crate) fn clone_of(&self) -> Stage {
        Stage {
            vm: self.vm.clone(),
            twin: self.twin.clone(),
            loaded: Arc::clone(&self.loaded),
            limits: self.limits.clone(),
            now: self.now,
            workflow_id: self.workflow_id.clone(),
            log: vec![],
        }
    }

    fn through_bytes(&self, vm: &Vm) -> Vm {
        let bytes = vm.snapshot();
        let restored = match Vm::restore(Arc::clone(&self.loaded), &bytes, &self.limits) {
            Ok(vm) => vm,
            Err(error) => panic!("{error}"),
        };
        assert!(restored.snapshot() == bytes, "a restored snapshot is that snapshot");
        restored
    }

    pub(crate) fn start(&mut self) -> Then {
        self.step(Activation::Start).then
    }

    /// The result of a run that needs nothing from outside.
    pub(crate) fn result(&mut self) -> String {
        match self.start() {
            Then::Completed(result) => result.text().unwrap_or("?").to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn trap(&mut self) -> (TrapKind, u32) {
        match self.start() {
            Then::Trapped(Trap { kind, site: Some(site), .. }) => (kind, site.pc),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn complete(&mut self, op: &str, result: &str) -> Then {
        let outcome = Outcome::Completed(Payload::json(result));
        self.step(Activation::Resolved { op: command(op), outcome }).then
    }

    pub(crate) fn fail(&mut self, op: &str, failure: Failure) -> Then {
        self.step(Activation::Resolved { op: command(op), outcome: Outcome::Failed(failure) }).then
    }

    pub(crate) fn signal(&mut self, signal: u16, args: &str) -> Then {
        self.step(Activation::Signal { signal, args: Payload::json(args) }).then
    }

    pub(crate) fn update(&mut self, update: u16, number: u32, args: &str) -> Then {
        self.step(Activation::Update { update, number, args: Payload::json(args) }).then
    }

    pub(crate) fn cancel(&mut self) -> Then {
        self.step(Activation::Cancel).then
    }

    /// The commands since the last time this was asked.
    pub(crate) fn commands(&mut self) -> String {
        std::mem::take(&mut self.log).join("; ")
    }
}

/// `0.2#1` is the first command of fiber `0.2`, `u3#1` that of the third update.
pub(crate) fn command(text: &str) -> CommandId {
    let (fiber, seq) = text.split_once('#').expect("fiber#seq");
    let (root, below) = fiber.split_once('.').unwrap_or((fiber, ""));
    let root = match root.strip_prefix('u') {
        Some(number) => FiberPath::update(number.parse().expect("a number")),
        None => FiberPath::default(),
    };
    let parts = below.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().expect("a number"));
    CommandId { fiber: parts.fold(root, |path, part| path.child(part)), seq: seq.parse().expect("a number") }
}

fn show(issued: &Issued) -> String {
    let what = match &issued.command {
        Command::ScheduleActivity { activity, args, options } => match options {
            Some(options) => format!("activity {activity} {args:?} {options:?}"),
            None => format!("activity {activity} {args:?}"),
        },
        Command::StartTimer { due } => format!("timer {}", due.0),
        Command::StartChild { workflow, args, attached, .. } => {
            format!("{} {workflow} {args:?}", if *attached { "child" } else { "start" })
        }
        Command::RecordPatch { patch } => format!("patch {patch}"),
        Command::Cancel => "cancel".into(),
        Command::SendSignal { to, workflow, signal, args } => {
            format!("send {workflow}.{signal} {} {args:?}", to.workflow_id)
        }
        Command::SendCancel { to } => format!("send cancel {}", to.workflow_id),
        Command::EndUpdate { outcome: Ok(result) } => format!("end_update {}", result.text().unwrap_or("?")),
        Command::EndUpdate { outcome: Err(failure) } => format!("fail_update {failure}"),
    };
    format!("{}#{} {what}", issued.id.fiber, issued.id.seq)
}

/// A completed result as text.
pub(crate) fn done(then: Then) -> String {
    match then {
        Then::Completed(result) => result.text().unwrap_or("?").to_owned(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn failed(then: Then) -> Failure {
    match then {
        Then::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}
