//! Where a task may be: in a local, and at its `await`. WF1007.

use std::collections::BTreeSet;

use super::teach;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Frame, Function, LocalId, PatternKind, Place, Root, Stmt};
use crate::types::Kind;
use crate::types::world::World;

/// Checks a function.
pub(super) fn check(world: &World<'_>, function: &Function) {
    walk(world, &function.body);
}

fn walk(world: &World<'_>, expr: &Expr) {
    if let Some(place) = place(expr) {
        expr.parts(&mut |part| {
            if is_task(world, part) {
                misplaced(world, part, place);
            }
        });
    }
    frames(expr, &mut |frame| {
        if is_task(world, &frame.body) {
            misplaced(world, &frame.body, "a result");
        }
    });
    if let ExprKind::Defer { frame, .. } = &expr.kind {
        let mut locals = BTreeSet::new();
        bound(&frame.body, &mut locals);
        awaited_late(world, &frame.body, &locals);
    }
    if let ExprKind::Within { body, .. } | ExprKind::Cleanup { saga: true, body } = &expr.kind
        && body.begins_tasks()
    {
        let mut locals = BTreeSet::new();
        bound(body, &mut locals);
        kept_outside(world, body, &locals);
    }
    expr.parts(&mut |part| walk(world, part));
}

/// Tasks that cleanup reads: they have ended when it runs, and their scope with them.
fn awaited_late(world: &World<'_>, expr: &Expr, inside: &BTreeSet<LocalId>) {
    if let ExprKind::Local(id) = expr.kind
        && is_task(world, expr)
        && !inside.contains(&id)
    {
        misplaced(world, expr, "cleanup");
    }
    expr.parts(&mut |part| awaited_late(world, part, inside));
}

/// Tasks that the body of a `within` or a `saga` gives to variables from around it, where they would be after their end.
fn kept_outside(world: &World<'_>, expr: &Expr, inside: &BTreeSet<LocalId>) {
    if let ExprKind::Block { stmts, .. } = &expr.kind {
        for stmt in stmts {
            if let Stmt::Assign { place: Place { root: Root::Local(id), .. }, value, .. } = stmt
                && is_task(world, value)
                && !inside.contains(id)
            {
                misplaced(world, value, "a variable from outside of the body that ends it");
            }
        }
    }
    expr.parts(&mut |part| kept_outside(world, part, inside));
}

/// The locals that the `let`s of code name.
fn bound(expr: &Expr, locals: &mut BTreeSet<LocalId>) {
    if let ExprKind::Block { stmts, .. } = &expr.kind {
        for stmt in stmts {
            if let Stmt::Let { pattern, .. } = stmt
                && let PatternKind::Bind(id) = pattern.kind
            {
                locals.insert(id);
            }
        }
    }
    expr.parts(&mut |part| bound(part, locals));
}

fn is_task(world: &World<'_>, expr: &Expr) -> bool {
    matches!(world.types.kind(expr.ty), Kind::Task(_))
}

/// What an expression would keep its parts in; `None` if it hands them on, or awaits them.
fn place(expr: &Expr) -> Option<&'static str> {
    use ExprKind::*;
    Option::Some(match &expr.kind {
        Await(_) | Select(_) | Block { .. } | If { .. } | Match { .. } | Patch { .. } | Try { .. } => return None,
        Spawn(_) | Parallel { .. } | ParallelFor { .. } | Race(_) | Closure(_) => return None,
        WaitUntil { .. } | Receive { .. } | Error => return None,
        List(_) | Map(_) => "a collection",
        Activity { .. } | Child { .. } | Call(..) | CallLocal(..) | Native(..) | Log(..) => "an argument",
        Return(_) => "a result",
        _ => "a value",
    })
}

fn frames<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Frame)) {
    match &expr.kind {
        ExprKind::Spawn(frame) => visit(frame),
        ExprKind::Parallel { branches, .. } | ExprKind::Race(branches) => branches.iter().for_each(visit),
        ExprKind::ParallelFor { branch, .. } => visit(branch),
        _ => {}
    }
}

fn misplaced(world: &World<'_>, task: &Expr, place: &str) {
    let d = Diagnostic::error("WF1007", task.span, format!("a Task cannot be kept in {place}")).label("not data");
    world.report(teach(
        d,
        "a task ends with the body that spawned it, so nothing that may outlive the body can hold it",
        "keep it in a `let`, `await` it, and use what it gives",
    ));
}
