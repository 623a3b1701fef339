//! Waits that nothing ends and signals that nobody takes: WF3001, WF3002.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::hir::program::Workflow;
use crate::hir::{Expr, ExprKind, Frame, Root, SelectSource, Stmt};
use crate::types::world::World;

/// What may change what a condition reads.
const CHANGES: &str =
    "a condition changes when a signal handler, an update or a concurrent branch assigns the state it reads";

/// What to do about a condition that an update waits for and another sets.
const QUEUED: &str =
    "the update that sets it begins when this one has ended: `with { concurrent: true }` on one of the two";

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
    let mut handled = BTreeSet::new();
    for handler in workflow.signals.iter().filter_map(|s| s.handler.as_ref()) {
        assigned(&handler.body, &mut handled);
    }
    let (mut concurrent, mut queued) = (BTreeSet::new(), BTreeSet::new());
    for update in &workflow.updates {
        assigned(&update.body.body, if update.concurrent { &mut concurrent } else { &mut queued });
    }
    let mut changed: BTreeSet<u16> = handled.iter().chain(&concurrent).chain(&queued).copied().collect();
    inside(&workflow.body.body, &mut changed);
    endless(world, &workflow.body.body, &Changes { cells: changed, queued: BTreeSet::new() });
    // The body of the workflow runs beside an update that waits.
    assigned(&workflow.body.body, &mut handled);
    handled.extend(concurrent);
    for update in &workflow.updates {
        let mut changes = Changes { cells: handled.clone(), queued: queued.clone() };
        if update.concurrent {
            changes.cells.append(&mut changes.queued);
        }
        inside(&update.body.body, &mut changes.cells);
        endless(world, &update.body.body, &changes);
    }
}

/// State cells that may change while code waits.
struct Changes {
    cells: BTreeSet<u16>,
    /// What updates assign that do not begin before this one has ended.
    queued: BTreeSet<u16>,
}

/// What code itself may assign while a part of it waits.
fn inside(body: &Expr, cells: &mut BTreeSet<u16>) {
    if body.holds_tasks() {
        // While a task waits, the body goes on and assigns.
        assigned(body, cells);
    }
    branches(body, cells);
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
        ExprKind::Spawn(task) => return look(task),
        _ => {}
    }
    expr.parts(&mut |part| branches(part, cells));
}

fn endless(world: &World<'_>, expr: &Expr, changed: &Changes) {
    match &expr.kind {
        ExprKind::WaitUntil { cond, timeout: None, .. } => {
            let help = match clock(&cond.body) {
                true => "a moment is waited for with `sleep until deadline`; the clock alone wakes no condition",
                false => "add a `signal` handler that sets the state, or give the wait a `timeout`",
            };
            unchanging(world, &cond.body, changed, help);
        }
        ExprKind::Select(arms) => {
            for arm in arms {
                let SelectSource::When(cond) = &arm.source else { continue };
                let help = match clock(&cond.body) {
                    true => "a moment is waited for with `at deadline =>`; the clock alone wakes no condition",
                    false => "add a `signal` handler that sets the state, or test it with `if` before the `select`",
                };
                unchanging(world, &cond.body, changed, help);
            }
        }
        _ => {}
    }
    // A deadline ends whatever waits inside.
    if let ExprKind::Within { limit, otherwise, .. } = &expr.kind {
        return [limit].into_iter().chain(otherwise).for_each(|part| endless(world, part, changed));
    }
    expr.parts(&mut |part| endless(world, part, changed));
}

fn unchanging(world: &World<'_>, cond: &Expr, changed: &Changes, help: &str) {
    let (mut read, mut known) = (BTreeSet::new(), true);
    reads(cond, &mut read, &mut known);
    if known && read.is_disjoint(&changed.cells) {
        let help = match read.is_disjoint(&changed.queued) {
            true => help,
            false => QUEUED,
        };
        let d = Diagnostic::error("WF3001", cond.span, "nothing can change this condition while it waits");
        world.report(d.label("does not change while it waits").why(CHANGES).help(help));
    }
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
        // A draw is refused already.
        ExprKind::Error | ExprKind::Random | ExprKind::Uuid => *known = false,
        _ => {}
    }
    expr.parts(&mut |part| reads(part, cells, known));
}
