//! Loops that wait and never end: their history grows without bound (WF3003).

use super::level;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, FnKind, Function, Stmt, Value};
use crate::source::Span;
use crate::types::world::World;

/// Checks a body.
pub(super) fn check(world: &World<'_>, function: &Function) {
    Walk { world, function }.expr(&function.body);
}

struct Walk<'w, 'a> {
    world: &'w World<'a>,
    function: &'w Function,
}

impl Walk<'_, '_> {
    fn expr(&self, expr: &Expr) {
        if let ExprKind::Block { stmts, .. } = &expr.kind {
            for stmt in stmts {
                if let Stmt::While { cond, body, span } = stmt
                    && self.never_changes(cond)
                    && self.waits(body)
                    && !leaves(body, true)
                {
                    self.report(*span);
                }
            }
        }
        expr.parts(&mut |part| self.expr(part));
    }

    fn report(&self, span: Span) {
        let keyword = Span { end: span.start + "while".len() as u32, ..span };
        let d = Diagnostic::warning("WF3003", keyword, "this loop waits forever without `continue as new`");
        let help = match self.function.kind {
            FnKind::Flow => "return when `history.is_large`, and `continue as new(..)` in the workflow",
            _ => "`if history.is_large { continue as new(..) }`",
        };
        self.world.report(
            d.label("nothing leaves it")
                .why("each step of a run is kept in its history, which grows without bound and is read whenever the run is brought back")
                .help(help),
        );
    }

    /// Whether a condition holds whenever it does once.
    fn never_changes(&self, cond: &Expr) -> bool {
        let own = match &cond.kind {
            ExprKind::Const(Value::Bool(holds)) => *holds,
            ExprKind::Local(id) => !self.function.locals[id.0 as usize].var,
            ExprKind::State(_) | ExprKind::Now | ExprKind::Uuid | ExprKind::Random | ExprKind::Fact(_) => false,
            ExprKind::Block { .. } | ExprKind::CallLocal(..) | ExprKind::Error => false,
            _ => !level::waits(self.world, cond),
        };
        let mut same = own;
        cond.parts(&mut |part| same = same && self.never_changes(part));
        same
    }

    fn waits(&self, expr: &Expr) -> bool {
        let mut found = level::waits(self.world, expr);
        expr.parts(&mut |part| found = found || self.waits(part));
        found
    }
}

/// Whether something in a loop may leave it. `own` is false inside an inner loop, whose `break`s are not of the outer one.
fn leaves(expr: &Expr, own: bool) -> bool {
    match &expr.kind {
        // Whatever was meant there may have left it.
        ExprKind::Return(_) | ExprKind::Throw(_) | ExprKind::ContinueAsNew { .. } | ExprKind::Error => return true,
        ExprKind::Break => return own,
        ExprKind::Block { stmts, value } => {
            let of_stmt = |stmt: &Stmt| {
                let own = own && !matches!(stmt, Stmt::While { .. } | Stmt::For { .. });
                let mut found = false;
                stmt.parts(&mut |part| found = found || leaves(part, own));
                found
            };
            return stmts.iter().any(of_stmt) || value.as_ref().is_some_and(|value| leaves(value, own));
        }
        _ => {}
    }
    let mut found = false;
    expr.parts(&mut |part| found = found || leaves(part, own));
    found
}
