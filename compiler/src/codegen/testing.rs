//! Tests as workflows of a [`Suite`], and what they ask of their host as activities.

use std::rc::Rc;

use weft_bytecode::options::{ActivityOptions, Target, WorkflowOptions};
use weft_bytecode::program as bc;
use weft_bytecode::suite::{Ask, HostCall, MockDef, TestDef};
use weft_bytecode::{FuncId, Op, Reg};

use super::function::{Emit, Shape, Val};
use super::{Emitter, place};
use crate::hir::program as lowered;
use crate::hir::testing::HostKind;
use crate::hir::{Expr, ExprKind, FnKind, Frame, Function, Local, LocalId};
use crate::syntax::ast::BinaryOp;
use crate::types::{FieldDef, Ty};

/// The code of a mock, once it is emitted.
pub(super) struct MockCode {
    call: u32,
    func: FuncId,
    params: Vec<FieldDef>,
    answer: Ty,
}

impl Emit<'_, '_, '_> {
    /// A call of the host: as of an activity, whose number is behind those of the project.
    pub(super) fn host(&mut self, call: u32, args: &[Expr], mock: Option<&Frame>, ty: Ty, dst: Option<Reg>) -> Val {
        if let Some(frame) = mock {
            self.mock_code(call, frame);
        }
        let params = self.em.world.host.borrow()[call as usize].params.clone();
        let Some(sent) = self.sent(&params, args, None) else { return self.nothing() };
        let number = self.em.world.activities.len() + call as usize;
        let handle = self.temp(Ty::INT);
        let regs: Vec<Reg> = sent.iter().map(|v| v.reg).collect();
        let number = self.em.number(number);
        self.args(Op::ScheduleActivity, handle.reg, number, &regs);
        self.release_all(&sent);
        self.awaited(Op::Await, handle, ty, dst)
    }

    fn mock_code(&mut self, call: u32, frame: &Frame) {
        let world = self.em.world;
        let host = world.host.borrow()[call as usize].clone();
        let HostKind::Mock(site) = &host.kind else { return };
        let activity = &world.activities[site.activity as usize].sig;
        let given = if site.unit { Ty::BOOL } else { activity.result };
        let answer = world.types.list(given);
        let own = activity.params.iter().enumerate().map(|(n, p)| FieldDef {
            name: Rc::from(format!("p{n}")),
            default: None,
            ..p.clone()
        });
        let params = host.params.iter().cloned().chain(own).collect();
        let root = self.root.clone();
        let func = self.em.frame(&root, "mock", self.locals(), frame, Shape::Plain(answer));
        self.em.mocks.push(MockCode { call, func, params, answer });
    }
}

impl Emitter<'_, '_> {
    /// The tests of a project, into tables that hold the project already.
    pub(super) fn tests(
        &mut self,
        program: &lowered::Program,
        activities: &mut Vec<bc::ActivityDef>,
        workflows: &mut Vec<bc::WorkflowDef>,
    ) -> (Vec<HostCall>, Vec<TestDef>) {
        let mut tests = Vec::new();
        for (n, test) in program.tests.iter().enumerate() {
            let body = self.add(&test.function);
            let workflow = self.number(workflows.len());
            tests.push(TestDef { name: test.name.clone(), workflow, span: place(test.span) });
            workflows.push(self.hidden(format!("test {n}"), body, &[], Ty::UNIT, place(test.span)));
        }
        let mut codes = std::mem::take(&mut self.mocks);
        codes.sort_by_key(|code| code.call);
        let world = self.world;
        let mut calls = Vec::new();
        for (n, call) in world.host.borrow().iter().enumerate() {
            let span = place(call.span);
            activities.push(bc::ActivityDef {
                name: format!("host {n}"),
                args: self.args(&call.params),
                result: self.ty(call.result),
                throws: call.throws.iter().map(|id| self.ty(world.types.def_ty(*id))).collect(),
                progress: None,
                options: hidden_options(),
                folder: String::new(),
                span,
                doc: String::new(),
            });
            let ask = match &call.kind {
                HostKind::Start(workflow) => Ask::Start { workflow: world.workflows[*workflow as usize].wire.clone() },
                HostKind::Result => Ask::Result,
                HostKind::Failure => Ask::Failure,
                HostKind::IsRunning => Ask::IsRunning,
                HostKind::Read(name) => Ask::Read { name: name.clone() },
                HostKind::Update(name) => Ask::Update { name: name.clone() },
                HostKind::Signal(name) => Ask::Signal { name: name.clone() },
                HostKind::Cancel => Ask::Cancel,
                HostKind::Advance => Ask::Advance,
                HostKind::AdvanceUntil => Ask::AdvanceUntil,
                HostKind::Crash => Ask::Crash,
                HostKind::Assert(site) => Ask::Assert {
                    op: site.op.map(operator),
                    sides: site.sides.iter().map(|side| place(*side)).collect(),
                },
                HostKind::Mock(site) => {
                    let workflow = match codes.iter().find(|code| code.call as usize == n) {
                        Some(code) => {
                            let name = format!("mock {n}");
                            workflows.push(self.hidden(name, code.func, &code.params, code.answer, span));
                            workflows.len() - 1
                        }
                        // Nothing gets to it, so nothing of it was emitted.
                        None => 0,
                    };
                    Ask::Mock(MockDef {
                        activity: self.number(site.activity as usize),
                        workflow: self.number(workflow),
                        times: site.times,
                        unit: site.unit,
                    })
                }
            };
            calls.push(HostCall { ask, span });
        }
        (calls, tests)
    }

    /// A workflow of the tests: nothing but a body.
    fn hidden(
        &mut self,
        name: String,
        body: FuncId,
        params: &[FieldDef],
        result: Ty,
        span: bc::Span,
    ) -> bc::WorkflowDef {
        let local = |p: &FieldDef| Local { name: p.name.to_string(), ty: p.ty, span: p.span, var: false, depth: 0 };
        let nowhere = crate::source::Span { file: crate::source::FileId(span.file), start: span.start, end: span.end };
        let init = Function {
            name: format!("{name}.init"),
            kind: FnKind::Init,
            params: (0..params.len() as u32).map(LocalId).collect(),
            locals: params.iter().map(local).collect(),
            result: Ty::UNIT,
            throws: Vec::new(),
            body: Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span: nowhere },
            span: nowhere,
        };
        bc::WorkflowDef {
            name,
            args: self.args(params),
            result: self.ty(result),
            throws: Vec::new(),
            init: self.add(&init),
            body,
            state: Vec::new(),
            signals: Vec::new(),
            queries: Vec::new(),
            updates: Vec::new(),
            id: None,
            options: WorkflowOptions::default(),
            span,
            doc: String::new(),
        }
    }
}

/// Where a call of the host runs: nowhere that the engine knows.
fn hidden_options() -> ActivityOptions {
    ActivityOptions::new(Target::Builtin("test".into()))
}

fn operator(op: BinaryOp) -> &'static str {
    use BinaryOp::*;
    match op {
        Eq => "==",
        Ne => "!=",
        Lt => "<",
        Le => "<=",
        Gt => ">",
        _ => ">=",
    }
}
