//! Waits that nothing ends and signals that nobody takes: WF3001, WF3002.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::hir::program::Workflow;
use crate::hir::{Expr, ExprKind, Frame, Root, Stmt};
use crate::types::world::World;

/// Checks a workflow. One with a refused part is left alone: that part may be what changes and receives.
pub(super) fn check(world: &World<'_>, workflow: &Workflow) {
    if workflow.refused {
        return;
    }
    for signal in workflow.signals.iter().filter(|s| s.mailbox.is_some() && !s.received) {
        let message = format!("signal `{}` is never handled or received", signal.name);
        let d = Diagnostic::warning("WF3002", signal.span, message).label("its messages stay unread");
        world.report(d.help("add a body, `receive` it, or delete it"));
    }
    let mut changed = BTreeSet::new();
    for handler in workflow.signals.iter().filter_map(|s| s.handler.as_ref()) {
        assigned(&handler.body, &mut changed);
    }
    for update in &workflow.updates {
        assigned(&update.body.body, &mut changed);
    }
    let mut beside = changed.clone();
    branches(&workflow.body.body, &mut changed);
    endless(world, &workflow.body.body, &changed);
    // The body of the workflow runs beside an update that waits.
    assigned(&workflow.body.body, &mut beside);
    for update in &workflow.updates {
        endless(world, &update.body.body, &beside);
    }
}

/// The state cells that code assigns.
fn assigned(expr: &Expr, cells: &mut BTreeSet<u16>) {
    if let ExprKind::Block { stmts, .. } = &expr.kind {
        for stmt in stmts {
            if let Stmt::Assign { place, .. } = stmt
                && let Root::State(cell) = place.root
            {
                cells.insert(cell);
            }
        }
    }
    expr.parts(&mut |part| assigned(part, cells));
}

/// What concurrent branches assign may change while a sibling waits.
fn branches(expr: &Expr, cells: &mut BTreeSet<u16>) {
    let mut look = |frame: &Frame| assigned(&frame.body, cells);
    match &expr.kind {
        // Branches inside were looked at with the branch around them.
        ExprKind::Parallel { branches, .. } | ExprKind::Race(branches) => return branches.iter().for_each(&mut look),
        ExprKind::ParallelFor { branch, .. } => return look(branch),
        _ => {}
    }
    expr.parts(&mut |part| branches(part, cells));
}

fn endless(world: &World<'_>, expr: &Expr, changed: &BTreeSet<u16>) {
    if let ExprKind::WaitUntil { cond, timeout: None, .. } = &expr.kind {
        let (mut read, mut known) = (BTreeSet::new(), true);
        reads(&cond.body, &mut read, &mut known);
        if known && read.is_disjoint(changed) {
            let d = Diagnostic::error("WF3001", cond.body.span, "nothing can change this condition while it waits");
            let help = match clock(&cond.body) {
                true => "a moment is waited for with `sleep until deadline`; the clock alone wakes no condition",
                false => "add a `signal` handler that sets the state, or give the wait a `timeout`",
            };
            world.report(
                d.label("would wait for ever")
                    .why("a condition changes when a signal handler or a concurrent branch assigns the state it reads")
                    .help(help),
            );
        }
    }
    expr.parts(&mut |part| endless(world, part, changed));
}

/// Whether code reads the clock.
fn clock(expr: &Expr) -> bool {
    let mut found = matches!(expr.kind, ExprKind::Now);
    expr.parts(&mut |part| found |= clock(part));
    found
}

/// The state cells that code reads. Where a mistake was reported nothing is known.
fn reads(expr: &Expr, cells: &mut BTreeSet<u16>, known: &mut bool) {
    match expr.kind {
        ExprKind::State(cell) => drop(cells.insert(cell)),
        ExprKind::Error => *known = false,
        _ => {}
    }
    expr.parts(&mut |part| reads(part, cells, known));
}
