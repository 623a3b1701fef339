//! Where a patch must say when it is decided: WF5001.

use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::program::Program;
use crate::hir::{Expr, ExprKind, Stmt};
use crate::source::Span;
use crate::types::world::{PatchSites, World};

/// How a flow is used.
#[derive(Clone, Copy, Default)]
struct Use {
    calls: u32,
    in_loop: bool,
}

/// Checks all patches of a project.
pub(super) fn check(world: &World<'_>, program: &Program) {
    let patches = world.patches.borrow();
    if patches.iter().all(|p| p.mode.is_some()) {
        return;
    }
    let mut flows = vec![Use::default(); world.functions.len()];
    let bodies = program.functions.iter().chain(program.workflows.iter().map(|w| &w.body));
    for function in bodies {
        uses(&function.body, false, &mut flows);
    }
    for patch in patches.iter().filter(|p| p.mode.is_none()) {
        judge(world, patch, &flows);
    }
}

fn judge(world: &World<'_>, patch: &PatchSites, flows: &[Use]) {
    for site in &patch.sites {
        let flow = site.flow.map(|f| flows[f as usize]).unwrap_or_default();
        let why = if patch.sites.len() > 1 {
            format!("used at {} sites", patch.sites.len())
        } else if site.in_loop {
            "inside a loop".to_owned()
        } else if flow.in_loop {
            "in a flow that is called in a loop".to_owned()
        } else if flow.calls > 1 {
            format!("in a flow that is called at {} places", flow.calls)
        } else {
            continue;
        };
        let message = format!("`patch \"{}\"` is {why}; say when it is decided", patch.id);
        let after = Span { start: site.span.end, ..site.span };
        let help = format!(
            "`patch \"{}\" each` decides at every encounter (usual here); `sticky` keeps the first decision for the whole run",
            patch.id
        );
        let fix = Fix { title: "decide at every encounter".into(), edits: vec![(after, " each".into())], safe: false };
        world.report(
            Diagnostic::error("WF5001", site.keyword.to(site.span), message)
                .label("`each` or `sticky`")
                .why("decided once, iterations after this deploy would still run the old code")
                .help(help)
                .fix(fix),
        );
    }
}

fn uses(expr: &Expr, in_loop: bool, flows: &mut [Use]) {
    match &expr.kind {
        ExprKind::Call(index, _) => {
            let flow = &mut flows[*index as usize];
            flow.calls += 1;
            flow.in_loop |= in_loop;
        }
        ExprKind::Block { stmts, value } => {
            for stmt in stmts {
                let looped = in_loop || matches!(stmt, Stmt::While { .. } | Stmt::For { .. });
                stmt.parts(&mut |part| uses(part, looped, flows));
            }
            return value.iter().for_each(|e| uses(e, in_loop, flows));
        }
        ExprKind::ParallelFor { .. } => return expr.parts(&mut |part| uses(part, true, flows)),
        _ => {}
    }
    expr.parts(&mut |part| uses(part, in_loop, flows));
}
