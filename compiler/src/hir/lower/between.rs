//! What a run does to others: it goes on as a new one.

use super::Lower;
use super::control::cannot_leave;
use super::expr::head;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, FnKind};
use crate::source::Span;
use crate::syntax::ast::Arg;
use crate::types::Ty;
use crate::types::world::PatchHome;

impl<'a> Lower<'_, 'a> {
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
