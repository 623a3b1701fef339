//! Where a patch must say when it is decided: WF5001.
//!
//! What counts is one run: what its workflow reaches through flows, and how often. Two workflows never share a run.

use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::program::Program;
use crate::hir::{Expr, ExprKind, Stmt};
use crate::source::Span;
use crate::types::world::{PatchHome, PatchSite, PatchSites, World};

/// Calls of one flow in one body.
#[derive(Clone, Copy)]
struct Calls {
    flow: u32,
    count: u32,
    in_loop: bool,
}

/// How a run gets to a flow.
#[derive(Clone, Copy, Default)]
struct Reach {
    /// In how many ways.
    ways: u32,
    /// In a loop, or by a flow that is.
    in_loop: bool,
    calls_itself: bool,
}

/// Checks all patches of a project.
pub(super) fn check(world: &World<'_>, program: &Program) {
    let patches = world.patches.borrow();
    if !patches.iter().any(must_choose) {
        return;
    }
    let flows: Vec<Vec<Calls>> =
        program.functions[..world.functions.len()].iter().map(|f| calls_in(world, &f.body)).collect();
    let mut judged = vec![Vec::new(); patches.len()];
    for (index, workflow) in program.workflows.iter().enumerate() {
        let updates = workflow.updates.iter().flat_map(|u| calls_in(world, &u.body.body));
        let updates = updates.map(|calls| Calls { in_loop: true, ..calls });
        let calls: Vec<Calls> = calls_in(world, &workflow.body.body).into_iter().chain(updates).collect();
        let reached = reach(&calls, &flows);
        judge_all(&patches, PatchHome::Workflow(index), &reached, &mut judged);
    }
    // A flow that nothing calls may still be called once, by a workflow that is not written yet.
    let mut called = vec![false; flows.len()];
    let of_workflow = program.workflows.iter().map(|w| calls_in(world, &w.body.body));
    let of_updates = program.workflows.iter().flat_map(|w| w.updates.iter().map(|u| calls_in(world, &u.body.body)));
    let bodies = of_workflow.chain(of_updates).chain(flows.iter().cloned());
    bodies.flatten().for_each(|calls| called[calls.flow as usize] = true);
    for flow in (0..flows.len()).filter(|flow| !called[*flow]) {
        let once = Calls { flow: flow as u32, count: 1, in_loop: false };
        judge_all(&patches, PatchHome::None, &reach(&[once], &flows), &mut judged);
    }
    for (patch, whys) in patches.iter().zip(judged) {
        for (site, why) in patch.sites.iter().zip(whys) {
            if let Some(why) = why {
                report(world, patch, site, &why);
            }
        }
    }
}

/// Where there is something to decide and nothing says when.
fn must_choose(patch: &PatchSites) -> bool {
    patch.mode.is_none() && !patch.deprecated
}

/// Adds why sites must say when they are decided, in the run of one workflow.
fn judge_all(patches: &[PatchSites], run: PatchHome, reached: &[Reach], judged: &mut [Vec<Option<String>>]) {
    for (patch, whys) in patches.iter().zip(judged).filter(|(patch, _)| must_choose(patch)) {
        whys.resize(patch.sites.len(), None);
        let here = |site: &PatchSite| match site.home {
            PatchHome::Flow(flow) => reached[flow as usize],
            PatchHome::Update(of) => Reach { ways: u32::from(PatchHome::Workflow(of) == run), ..Reach::default() },
            home => Reach { ways: u32::from(home == run && home != PatchHome::None), ..Reach::default() },
        };
        let sites = patch.sites.iter().filter(|site| here(site).ways > 0).count();
        for (site, why) in patch.sites.iter().zip(whys).filter(|(site, why)| why.is_none() && here(site).ways > 0) {
            let reach = here(site);
            *why = if sites > 1 {
                Some(format!("used at {sites} sites"))
            } else if let PatchHome::Update(_) = site.home {
                Some("in an update, which may come any number of times".to_owned())
            } else if site.in_loop {
                Some("inside a loop".to_owned())
            } else if reach.calls_itself {
                Some("in a flow that calls itself".to_owned())
            } else if reach.in_loop {
                Some("in a flow that is called in a loop".to_owned())
            } else if reach.ways > 1 {
                Some(format!("in a flow that is called at {} places", reach.ways))
            } else {
                None
            };
        }
    }
}

fn report(world: &World<'_>, patch: &PatchSites, site: &PatchSite, why: &str) {
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

/// How a body that makes these calls gets to each flow: callers before what they call, what calls itself found by the
/// way back to a flow that is still being looked at.
fn reach(root: &[Calls], flows: &[Vec<Calls>]) -> Vec<Reach> {
    let mut reached = vec![Reach::default(); flows.len()];
    let mut seen = vec![false; flows.len()];
    let mut open = vec![false; flows.len()];
    let mut finished: Vec<u32> = Vec::new();
    for Calls { flow: first, .. } in root {
        let mut path = if seen[*first as usize] { Vec::new() } else { vec![(*first, 0)] };
        while let Some((flow, next)) = path.last_mut() {
            let at = *flow as usize;
            (seen[at], open[at]) = (true, true);
            match flows[at].get(*next).map(|calls| calls.flow) {
                Some(callee) => {
                    *next += 1;
                    reached[callee as usize].calls_itself |= open[callee as usize];
                    if !seen[callee as usize] {
                        path.push((callee, 0));
                    }
                }
                None => {
                    open[at] = false;
                    finished.push(*flow);
                    path.pop();
                }
            }
        }
    }
    pass_on(Reach { ways: 1, ..Reach::default() }, root, &mut reached);
    for flow in finished.into_iter().rev() {
        pass_on(reached[flow as usize], &flows[flow as usize], &mut reached);
    }
    reached
}

/// What a caller's calls add to its callees.
fn pass_on(caller: Reach, calls: &[Calls], reached: &mut [Reach]) {
    for call in calls {
        let callee = &mut reached[call.flow as usize];
        callee.ways = callee.ways.saturating_add(caller.ways.saturating_mul(call.count));
        callee.in_loop |= call.in_loop || caller.in_loop || caller.calls_itself;
    }
}

/// The calls in a body, one entry a flow.
fn calls_in(world: &World<'_>, body: &Expr) -> Vec<Calls> {
    let mut all: Vec<Calls> = Vec::new();
    uses(body, false, &mut all);
    all.iter_mut().for_each(|calls| calls.flow = world.origin(calls.flow));
    all.sort_by_key(|calls| calls.flow);
    all.dedup_by(|next, first| {
        let same = next.flow == first.flow;
        if same {
            first.count += next.count;
            first.in_loop |= next.in_loop;
        }
        same
    });
    all
}

fn uses(expr: &Expr, in_loop: bool, all: &mut Vec<Calls>) {
    match &expr.kind {
        ExprKind::Call(flow, _) => all.push(Calls { flow: *flow, count: 1, in_loop }),
        ExprKind::Block { stmts, value } => {
            for stmt in stmts {
                let looped = in_loop || matches!(stmt, Stmt::While { .. } | Stmt::For { .. });
                stmt.parts(&mut |part| uses(part, looped, all));
            }
            return value.iter().for_each(|e| uses(e, in_loop, all));
        }
        ExprKind::ParallelFor { .. } => return expr.parts(&mut |part| uses(part, true, all)),
        _ => {}
    }
    expr.parts(&mut |part| uses(part, in_loop, all));
}
