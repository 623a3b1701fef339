//! `mock`, `start`, `send`, `advance`, `crash`, `assert`, and what a test reads of a run.

use std::rc::Rc;

use super::between::Sent;
use super::{Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::program as lowered;
use crate::hir::testing::{Assertion, HostCall, HostKind, MockSite};
use crate::hir::{Arm, Expr, ExprKind, FnKind, LocalId, Pattern, PatternKind, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Arg, BinaryOp};
use crate::types::world::Item;
use crate::types::{FieldDef, Kind, Ty, near};

/// What every run has in a test, besides its queries and public state.
const MEMBERS: [&str; 5] = ["result", "failure", "is_running", "workflow_id", "run_id"];

/// Options of `start` in a test.
const START_OPTIONS: [&str; 4] = ["id", "run_timeout", "execution_timeout", "delay"];

/// A parameter of a call of the host.
fn param(name: &str, ty: Ty, span: Span) -> FieldDef {
    FieldDef { name: name.into(), ty, default: None, span }
}

impl<'w, 'a> Lower<'w, 'a> {
    /// Whether we are in a `test`.
    pub(super) fn in_test(&self) -> bool {
        self.kind == FnKind::Test
    }

    /// Asks the host.
    fn host(&mut self, kind: HostKind, sent: Vec<(FieldDef, Expr)>, result: Ty, span: Span) -> Expr {
        self.host_throwing(kind, sent, result, Vec::new(), span)
    }

    fn host_throwing(
        &mut self,
        kind: HostKind,
        sent: Vec<(FieldDef, Expr)>,
        result: Ty,
        throws: Vec<crate::types::DefId>,
        span: Span,
    ) -> Expr {
        let (params, args): (Vec<FieldDef>, Vec<Expr>) = sent.into_iter().unzip();
        if args.iter().any(|arg| arg.ty == Ty::UNKNOWN) {
            return self.error(span);
        }
        let mut calls = self.world.host.borrow_mut();
        calls.push(HostCall { kind, params, result, throws, span });
        let call = calls.len() as u32 - 1;
        drop(calls);
        self.waited();
        Expr { kind: ExprKind::Host { call, args }, ty: result, span }
    }

    // ---- statements

    pub(super) fn advance(&mut self, until: bool, value: &'a ast::Expr, span: Span) -> Expr {
        let (kind, name, ty) = match until {
            true => (HostKind::AdvanceUntil, "time", Ty::TIME),
            false => (HostKind::Advance, "by", Ty::DURATION),
        };
        let value = self.check(value, ty);
        if matches!(value.kind, ExprKind::Const(Value::Duration(ms)) if ms < 0) {
            let d = Diagnostic::error("WF1016", value.span, "time does not go back").label("less than nothing");
            self.report(d.help("`advance 5s` lets time pass; start the run at another time with `advance until`"));
            return self.error(span);
        }
        let sent = vec![(param(name, ty, span), value)];
        self.host(kind, sent, Ty::UNIT, span)
    }

    pub(super) fn crash(&mut self, span: Span) -> Expr {
        self.host(HostKind::Crash, Vec::new(), Ty::UNIT, span)
    }

    /// `assert a == b`: both sides are kept, and the host is told of them if it does not hold.
    pub(super) fn assert(&mut self, cond: &'a ast::Expr, span: Span, out: &mut Vec<Stmt>) {
        let super::operator::Cond(cond, yes, _) = self.cond(cond);
        let mut sides = Vec::new();
        let mut op = None;
        let cond = match cond.kind {
            ExprKind::Binary(compare, left, right) if compared(compare) => {
                op = Some(compare);
                let left = Box::new(self.kept_side("left", *left, &mut sides, out));
                let right = Box::new(self.kept_side("right", *right, &mut sides, out));
                Expr { kind: ExprKind::Binary(compare, left, right), ..cond }
            }
            ExprKind::IsNone(value) => {
                let value = Box::new(self.kept_side("value", *value, &mut sides, out));
                Expr { kind: ExprKind::IsNone(value), ..cond }
            }
            ExprKind::Not(inner) if matches!(inner.kind, ExprKind::IsNone(_)) => {
                let Expr { kind: ExprKind::IsNone(value), ty, span } = *inner else { return };
                let value = Box::new(self.kept_side("value", *value, &mut sides, out));
                let inner = Expr { kind: ExprKind::IsNone(value), ty, span };
                Expr { kind: ExprKind::Not(Box::new(inner)), ..cond }
            }
            kind => Expr { kind, ..cond },
        };
        let places = sides.iter().map(|(_, side): &(FieldDef, Expr)| side.span).collect();
        let failed = self.host(HostKind::Assert(Assertion { op, sides: places }), sides, Ty::UNIT, span);
        let kind = ExprKind::If { cond: Box::new(cond), then: Box::new(self.unit(span)), otherwise: Box::new(failed) };
        out.push(Stmt::Expr(Expr { kind, ty: Ty::UNIT, span }));
        self.know(yes);
    }

    /// Evaluates a side of a comparison once, into a local.
    fn kept_side(&mut self, name: &str, value: Expr, sides: &mut Vec<(FieldDef, Expr)>, out: &mut Vec<Stmt>) -> Expr {
        let (ty, span) = (value.ty, value.span);
        // A literal, or a mistake.
        if ty == Ty::UNKNOWN || ty == Ty::NEVER || self.types().not_data(ty).is_some() {
            return value;
        }
        let local = self.temp(name, ty, span);
        let read = || Expr { kind: ExprKind::Local(local), ty, span };
        let pattern = Pattern { kind: PatternKind::Bind(local), ty, span };
        out.push(Stmt::Let { pattern, value });
        sides.push((param(name, ty, span), read()));
        read()
    }

    /// `mock f(p1, _) times 2 => ..`.
    pub(super) fn mock(&mut self, mock: Mock<'a>, span: Span) -> Expr {
        let Some(index) = self.mocked(mock.path) else {
            return self.error(span);
        };
        let activity = &self.world.activities[index as usize];
        let (params, result, name) = (activity.sig.params.clone(), activity.sig.result, &activity.name.text);
        if !mock.rest && mock.patterns.len() != params.len() {
            let (has, given) = (
                format!("{} parameter{}", params.len(), if params.len() == 1 { "" } else { "s" }),
                mock.patterns.len(),
            );
            let message = format!("`{name}` has {has}, this mock has {given}");
            let d = Diagnostic::error("WF1010", mock.path.span, message).label("wrong number of patterns");
            self.report(d.help(format!("`mock {name}(..)` takes any call; `_` is any one argument")));
            return self.error(span);
        }
        let times = match mock.times.map(|times| &times.kind) {
            None => None,
            Some(ast::ExprKind::Number(ast::Number::Int(digits))) => digits.parse().ok(),
            Some(_) => Some(0),
        };
        if let (Some(written), None | Some(0)) = (mock.times, times) {
            let d = Diagnostic::error("WF1016", written.span, "`times` takes a whole number from 1 on");
            self.report(d.label("not a count").help("leave it out for a mock that holds for every call"));
        }
        let unit = result == Ty::UNIT;
        let given = if unit { Ty::BOOL } else { result };
        let answer = self.types().list(given);
        let floor = std::mem::replace(&mut self.floor, self.locals.len() as u32);
        let frame = self.frame(Fence::Lambda, |this| {
            let ids: Vec<LocalId> = params.iter().map(|p| this.temp(&p.name, p.ty, span)).collect();
            let body = this.mock_body(&mock, &ids, &params, result, answer, span);
            (ids, body)
        });
        self.floor = floor;
        let site = MockSite { activity: index, times, unit };
        let sent = frame.captures.iter().map(|id| {
            let local = &self.locals[id.0 as usize];
            (param(&local.name, local.ty, span), Expr { kind: ExprKind::Local(*id), ty: local.ty, span })
        });
        // Two captured names may be the same word.
        let sent: Vec<_> = sent.enumerate().map(|(n, (p, e))| (param(&format!("c{n}"), p.ty, span), e)).collect();
        let call = self.host(HostKind::Mock(site), sent, Ty::UNIT, span);
        let ExprKind::Host { call, args } = call.kind else { return call };
        Expr { kind: ExprKind::Mock { call, args, frame: Box::new(frame) }, ty: Ty::UNIT, span }
    }

    /// The activity that is mocked.
    fn mocked(&mut self, path: &'a ast::Name) -> Option<u32> {
        if path.text.is_empty() {
            return None;
        }
        match self.world.lookup(self.module, &path.text) {
            Some(item @ Item::Activity(index)) => {
                self.noted(|notes| self.world.home(item).into_iter().for_each(|home| notes.mention(path.span, home)));
                Some(index)
            }
            Some(Item::Refused) => None,
            Some(item) => {
                let d = Diagnostic::error("WF1002", path.span, format!("`{}` is not an activity", path.text))
                    .label("only activities are mocked")
                    .why("all else is code of the project, which the test is to run");
                self.report(match item {
                    Item::Workflow(_) | Item::Fn(_) => d.help("mock the activities that it calls"),
                    _ => d,
                });
                None
            }
            None => {
                self.unknown_name(crate::types::world::Wanted::Activity, &path.text, path.span);
                None
            }
        }
    }

    /// The code of a mock: a list of the result, or an empty one if the patterns do not match.
    fn mock_body(
        &mut self,
        mock: &Mock<'a>,
        ids: &[LocalId],
        params: &[FieldDef],
        result: Ty,
        answer: Ty,
        span: Span,
    ) -> Expr {
        let mut reads: Vec<Expr> = ids.iter().map(|id| self.read_local(*id, span)).collect();
        if mock.rest || params.is_empty() {
            return self.mock_answer(mock.arm, result, answer);
        }
        let (value, pattern) = match (reads.pop(), mock.patterns) {
            (Some(one), [only]) if reads.is_empty() => {
                let pattern = self.pattern(only, one.ty, false);
                (one, pattern)
            }
            (Some(last), patterns) => {
                reads.push(last);
                let tys: Vec<Ty> = reads.iter().map(|read| read.ty).collect();
                let ty = self.types().tuple(&tys);
                let (fields, before) = (patterns.iter().zip(&tys).enumerate(), self.locals.len());
                let fields = fields.map(|(n, (p, ty))| (n as u16, self.part(p, *ty, false))).collect();
                self.bound_once(before);
                let pattern = Pattern { kind: PatternKind::Fields(fields), ty, span };
                (Expr { kind: ExprKind::New(reads), ty, span }, pattern)
            }
            (None, _) => return self.error(span),
        };
        let body = self.mock_answer(mock.arm, result, answer);
        let rest = Pattern { kind: PatternKind::Wildcard, ty: value.ty, span };
        let nothing = Expr { kind: ExprKind::List(Vec::new()), ty: answer, span };
        let arms = vec![Arm { pattern, guard: None, body }, Arm { pattern: rest, guard: None, body: nothing }];
        Expr { kind: ExprKind::Match { value: Box::new(value), arms }, ty: answer, span }
    }

    fn mock_answer(&mut self, arm: &'a ast::Expr, result: Ty, answer: Ty) -> Expr {
        let span = arm.span;
        let given = if result == Ty::UNIT { self.expr(arm, Ty::UNIT) } else { self.check(arm, result) };
        if given.ty == Ty::NEVER || given.ty == Ty::UNKNOWN {
            return given;
        }
        if result != Ty::UNIT {
            return Expr { kind: ExprKind::List(vec![given]), ty: answer, span };
        }
        let yes = self.constant(Value::Bool(true), Ty::BOOL, span);
        let list = Expr { kind: ExprKind::List(vec![yes]), ty: answer, span };
        Expr { kind: ExprKind::Block { stmts: vec![Stmt::Expr(given)], value: Some(Box::new(list)) }, ty: answer, span }
    }

    // ---- runs

    /// `start wf(..)` in a test.
    pub(super) fn test_start(&mut self, index: u32, args: &'a [Arg], with: Option<&'a ast::With>, span: Span) -> Expr {
        let workflow = &self.world.workflows[index as usize];
        let (params, wire) = (workflow.sig.params.clone(), workflow.wire.clone());
        let (values, _) = self.arguments(&workflow.decl.name.text, "argument", &params, args, span);
        let own = params.len();
        let mut sent: Vec<(FieldDef, Expr)> = params.into_iter().zip(values).collect();
        if sent.len() < own {
            return self.error(span);
        }
        for (name, value) in with.into_iter().flat_map(|with| &with.options) {
            let ty = match name.text.as_str() {
                "id" => Ty::STRING,
                "run_timeout" | "execution_timeout" | "delay" => Ty::DURATION,
                "" => continue,
                _ => {
                    self.report(super::unknown_option(name, "a `start` in a test", &START_OPTIONS));
                    continue;
                }
            };
            let value = self.check(value, ty);
            sent.push((param(&format!("with {}", name.text), ty, name.span), value));
        }
        let run = self.types().intern(Kind::Run(wire.as_str().into()));
        self.host(HostKind::Start(index), sent, run, span)
    }

    /// `send run.signal(..)` in a test.
    pub(super) fn test_send(&mut self, inner: &'a ast::Expr, span: Span) -> Expr {
        let Some(Sent { run, wire, name, args }) = self.sent(inner) else { return self.error(span) };
        let run = (param("run", run.ty, span), run);
        if name.text == "cancel" {
            self.arguments("cancel", "argument", &[], args, span);
            return self.host(HostKind::Cancel, vec![run], Ty::UNIT, span);
        }
        let workflow = self.world.workflow_of_wire(&wire).map(|index| index as usize);
        let Some((_, params)) = workflow.and_then(|workflow| self.signal_of(workflow as u32, name)) else {
            self.lower_all(args);
            return self.error(span);
        };
        let Some(mut sent) = self.message(&name.text, &params, args, span) else { return self.error(span) };
        sent.insert(0, run);
        self.host(HostKind::Signal(self.outer_name(&wire, &name.text)), sent, Ty::UNIT, span)
    }

    /// The arguments of a signal or query behind the run: their names may be any word, so they are set apart.
    fn message(
        &mut self,
        name: &str,
        params: &[FieldDef],
        args: &'a [Arg],
        span: Span,
    ) -> Option<Vec<(FieldDef, Expr)>> {
        let (values, _) = self.arguments(name, "argument", params, args, span);
        (values.len() == params.len()).then(|| {
            let named = params.iter().map(|p| FieldDef { name: Rc::from(format!("arg {}", p.name)), ..p.clone() });
            named.zip(values).collect()
        })
    }

    /// `run.result`, `run.status`, `run.total(3)` in a test; `None` if the value is no run.
    pub(super) fn run_member(
        &mut self,
        object: Expr,
        name: &'a ast::Name,
        args: Option<&'a [Arg]>,
        span: Span,
    ) -> Result<Expr, Expr> {
        let Kind::Run(wire) = self.kind_of(object.ty) else { return Err(object) };
        if !self.in_test() || (args.is_none() && matches!(name.text.as_str(), "workflow_id" | "run_id")) {
            return Err(object);
        }
        let Some(workflow) = self.world.workflows.iter().find(|w| *w.wire == *wire) else { return Err(object) };
        let (result, throws) = (workflow.sig.result, workflow.sig.throws.clone());
        let run = (param("run", object.ty, span), object);
        let plain = args.is_none_or(<[Arg]>::is_empty);
        Ok(match name.text.as_str() {
            "result" if plain => self.host_throwing(HostKind::Result, vec![run], result, throws, span),
            "failure" if plain => {
                let ty = self.types().option(Ty::FAILURE);
                self.host(HostKind::Failure, vec![run], ty, span)
            }
            "is_running" if plain => self.host(HostKind::IsRunning, vec![run], Ty::BOOL, span),
            _ => self.run_message(run, &wire, name, args, span),
        })
    }

    /// A query, public state or an update of a run.
    fn run_message(
        &mut self,
        run: (FieldDef, Expr),
        wire: &str,
        name: &'a ast::Name,
        given: Option<&'a [Arg]>,
        span: Span,
    ) -> Expr {
        let args = given.unwrap_or(&[]);
        if let Some(workflow) = self.world.workflow_of_wire(wire).map(|index| index as usize) {
            self.world.member_used(workflow, name);
        }
        let Some(queries) = self.interface(wire) else {
            self.lower_all(args);
            return self.error(span);
        };
        let updates = self.tested_workflow(wire).map_or(&[][..], |workflow| &workflow.updates);
        if let Some(update) = updates.iter().find(|update| update.name == name.text) {
            if given.is_none() {
                let message = format!("`{}` is an update, which is called", name.text);
                let d = Diagnostic::error("WF1002", name.span, message).label("not called");
                self.report(d.help(format!("`run.{}(..)`", name.text)));
                return self.error(span);
            }
            let Some(mut sent) = self.message(&name.text, &update.params, args, span) else { return self.error(span) };
            sent.insert(0, run);
            let (result, throws) = (update.body.result, update.body.throws.clone());
            return self.host_throwing(HostKind::Update(update.wire.clone()), sent, result, throws, span);
        }
        if let Some((_, params, result)) = queries.iter().find(|(query, ..)| *query == name.text) {
            let Some(mut sent) = self.message(&name.text, params, args, span) else { return self.error(span) };
            sent.insert(0, run);
            if *result == Ty::UNKNOWN {
                return self.error(span);
            }
            return self.host(HostKind::Read(self.outer_name(wire, &name.text)), sent, *result, span);
        }
        self.lower_all(args);
        let known = queries.iter().map(|(query, ..)| query.as_str());
        let known: Vec<&str> = known.chain(updates.iter().map(|update| update.name.as_str())).chain(MEMBERS).collect();
        let message = format!("cannot find query, public state or update `{}` of `{wire}`", name.text);
        let d = Diagnostic::error("WF1001", name.span, message).label("cannot be read from outside");
        let help = match near(&name.text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a run has {}", known.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
        };
        self.report(d.help(help));
        self.error(span)
    }

    /// The name on the wire of a signal or query of a workflow.
    fn outer_name(&self, wire: &str, name: &str) -> String {
        let workflow = self.tested_workflow(wire);
        let signals = workflow.into_iter().flat_map(|w| &w.signals).map(|s| (&s.name, &s.wire));
        let queries = workflow.into_iter().flat_map(|w| &w.queries).map(|q| (&q.name, &q.wire));
        signals.chain(queries).find(|(own, _)| *own == name).map_or_else(|| name.to_owned(), |(_, wire)| wire.clone())
    }

    /// A workflow that tests may look into.
    fn tested_workflow(&self, wire: &str) -> Option<&'w lowered::Workflow> {
        let index = self.world.workflow_of_wire(wire)? as usize;
        self.tested?.get(index)
    }

    /// The queries and public state of a workflow.
    fn interface(&self, wire: &str) -> Option<Vec<QueryOf>> {
        let workflow = self.tested_workflow(wire)?;
        Some(workflow.queries.iter().map(|q| (q.name.clone(), q.params.clone(), q.function.result)).collect())
    }

    /// `Fault("unavailable")`, which only a mock may make.
    pub(super) fn fault(&mut self, args: &'a [Arg], span: Span) -> Expr {
        let (mut values, _) = self.arguments("Fault", "field", &[param("message", Ty::STRING, span)], args, span);
        let Some(message) = values.pop() else { return self.error(span) };
        let kinds = &crate::types::BUILTIN_ERRORS;
        let id = crate::types::DefId(kinds.iter().position(|name| *name == "Fault").unwrap_or(0) as u32);
        let (cause, details) = (self.types().option(Ty::FAILURE), self.types().option(Ty::JSON));
        let fields = vec![
            message,
            self.constant(Value::None, cause, span),
            self.constant(Value::String("Fault".into()), Ty::STRING, span),
            self.constant(Value::None, details, span),
        ];
        Expr { kind: ExprKind::New(fields), ty: self.types().def_ty(id), span }
    }
}

/// Name, parameters and result.
type QueryOf = (String, Vec<FieldDef>, Ty);

/// A `mock` as written.
pub(super) struct Mock<'a> {
    pub(super) path: &'a ast::Name,
    pub(super) patterns: &'a [ast::Pattern],
    pub(super) rest: bool,
    pub(super) times: Option<&'a ast::Expr>,
    pub(super) arm: &'a ast::Expr,
}

fn compared(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}
