//! What a run does to others: it tells them something, or goes on as a new one.

use super::Lower;
use super::control::cannot_leave;
use super::expr::head;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, FnKind};
use crate::source::Span;
use crate::syntax::ast::{self, Arg};
use crate::types::world::PatchHome;
use crate::types::{FieldDef, Kind, Ty};

/// `send run.name(args)`.
pub(super) struct Sent<'a> {
    pub run: Expr,
    /// The wire name of the workflow it is a run of.
    pub wire: String,
    pub name: &'a ast::Name,
    pub args: &'a [Arg],
}

impl<'a> Lower<'_, 'a> {
    /// `send run.signal(..)` or `send run.cancel()`.
    pub(super) fn send(&mut self, inner: &'a ast::Expr, span: Span) -> Expr {
        let Some(Sent { run, wire, name, args }) = self.sent(inner) else { return self.error(span) };
        let Some(workflow) = self.world.workflow_of_wire(&wire) else {
            self.lower_all(args);
            return self.error(span);
        };
        let (signal, params) = match name.text.as_str() {
            "cancel" => (None, Vec::new()),
            _ => match self.signal_of(workflow, name) {
                Some((signal, params)) => (Some(signal), params),
                None => {
                    self.lower_all(args);
                    return self.error(span);
                }
            },
        };
        let (mut values, order) = self.arguments(&name.text, "argument", &params, args, span);
        if values.len() != params.len() {
            return self.error(span);
        }
        // The run is looked at before its arguments.
        values.insert(0, run);
        let order: Vec<usize> = std::iter::once(0).chain(order.iter().map(|at| at + 1)).collect();
        self.in_source_order(values, &order, span, |mut values| {
            let run = Box::new(values.remove(0));
            Expr { kind: ExprKind::Send { run, workflow, signal, args: values }, ty: Ty::UNIT, span }
        })
    }

    /// What is sent to which run; reported if it is no call of a member of a run.
    pub(super) fn sent(&mut self, inner: &'a ast::Expr) -> Option<Sent<'a>> {
        let ast::ExprKind::Call { callee, args, .. } = &inner.kind else { return self.not_a_signal(inner) };
        let ast::ExprKind::Access { object, optional: false, name } = &callee.kind else {
            return self.not_a_signal(inner);
        };
        let run = self.infer(object);
        match self.kind_of(run.ty) {
            Kind::Run(wire) => Some(Sent { run, wire: wire.to_string(), name, args }),
            _ => {
                self.lower_all(args);
                if run.ty != Ty::UNKNOWN {
                    let message = format!("expected a run, found {}", self.name_of(run.ty));
                    let d = Diagnostic::error("WF1002", object.span, message).label("only runs get signals");
                    self.report(d.help("`let r = start order(id)`, then `send r.approve(..)`"));
                }
                None
            }
        }
    }

    fn not_a_signal(&mut self, inner: &'a ast::Expr) -> Option<Sent<'a>> {
        if !matches!(inner.kind, ast::ExprKind::Missing) {
            let d = Diagnostic::error("WF1002", inner.span, "`send` takes the call of a signal").label("not a call");
            self.report(d.help("`send run.approve(decision)`"));
        }
        None
    }

    /// A signal of a workflow by its name; reported if there is none.
    pub(super) fn signal_of(&self, workflow: u32, name: &ast::Name) -> Option<(u32, Vec<FieldDef>)> {
        let signals = self.world.signals_of(workflow);
        if let Some(at) = self.world.signal_named(workflow, &name.text) {
            self.world.member_used(workflow as usize, name);
            return Some((at, signals[at as usize].params.clone()));
        }
        let wire = &self.world.workflows[workflow as usize].wire;
        let message = format!("cannot find signal `{}` of `{wire}`", name.text);
        let mut d = Diagnostic::error("WF1001", name.span, message).label("no such signal");
        if let Some(near) = self.world.near(&name.text, || signals.iter().map(|s| s.name.as_str()).collect()) {
            d = d.help(format!("did you mean `{near}`?"));
        }
        self.report(d);
        None
    }

    /// `continue as new(..)`: the arguments are those of a call of the workflow itself.
    pub(super) fn continue_as_new(&mut self, args: &'a [Arg], span: Span) -> Expr {
        let word = "continue as new";
        let never = |expr: Expr| Expr { ty: Ty::NEVER, ..expr };
        let (FnKind::Body, PatchHome::Workflow(index)) = (self.kind, self.home) else {
            self.lower_all(args);
            self.report(
                Diagnostic::error("WF2010", head(span, word), "`continue as new` works in the body of a workflow only")
                    .label("not a workflow's body")
                    .why("it ends the run and begins the next one of the same workflow, so its arguments are that workflow's")
                    .help("return what the next run needs, and continue in the workflow"),
            );
            return never(self.error(span));
        };
        if let Some(fence) = self.fences.iter().find_map(|f| *f) {
            self.lower_all(args);
            self.report(cannot_leave(word, fence, head(span, word)));
            return never(self.error(span));
        }
        let workflow = &self.world.workflows[index];
        let params = workflow.sig.params.clone();
        let (values, order) = self.arguments(&workflow.decl.name.text, "argument", &params, args, span);
        let kind = |args| Expr { kind: ExprKind::ContinueAsNew { workflow: index as u32, args }, ty: Ty::NEVER, span };
        self.in_source_order(values, &order, span, kind)
    }
}
