//! Declared errors are checked: what may leave a declaration is in its `throws` (WF3008), and a `catch` takes what can
//! come (WF3009). Faults and the built-in errors go anywhere.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, FnKind, Function};
use crate::source::Span;
use crate::types::world::World;
use crate::types::{DefId, Kind};

/// What may come out of an expression.
#[derive(Default)]
struct Thrown {
    /// Declared errors, each with the first place that throws it.
    errors: BTreeMap<DefId, Span>,
    /// Failures of unknown type may come: rethrown ones.
    unknown: bool,
}

impl Thrown {
    fn add(&mut self, id: DefId, span: Span) {
        if !id.is_builtin() {
            self.errors.entry(id).or_insert(span);
        }
    }
}

/// Checks a function.
pub(super) fn check(world: &World<'_>, function: &Function) {
    let mut thrown = Thrown::default();
    walk(world, &function.body, &mut thrown);
    for (id, span) in thrown.errors {
        if function.throws.contains(&id) {
            continue;
        }
        let error = &world.types.def(id).name;
        let message = format!("`{error}` may escape `{}`", function.name);
        let d = Diagnostic::error("WF3008", span, message).label("may be thrown here");
        let help = match function.kind {
            FnKind::Signal | FnKind::Query | FnKind::Init => format!("catch it: `catch {error} => ..`"),
            _ => format!("catch it, or add `throws {error}` to `{}`", function.name),
        };
        world.report(d.why("a declared error is an answer that callers must know of").help(help));
    }
}

fn walk(world: &World<'_>, expr: &Expr, thrown: &mut Thrown) {
    match &expr.kind {
        ExprKind::Throw(inner) => match &inner.kind {
            ExprKind::Cast(error) => {
                if let Kind::Error(id) = world.types.kind(error.ty) {
                    thrown.add(id, expr.span);
                }
            }
            _ => thrown.unknown = true,
        },
        // Whatever was meant there may have thrown anything.
        ExprKind::Error => thrown.unknown = true,
        ExprKind::Activity { activity, .. } => {
            for id in &world.activities[*activity as usize].sig.throws {
                thrown.add(*id, expr.span);
            }
        }
        ExprKind::Call(index, _) => {
            for id in &world.function(*index).sig.throws {
                thrown.add(*id, expr.span);
            }
        }
        // What a child declares arrives as itself; anything else is the cause of a `ChildFailed`.
        ExprKind::Child { workflow, detached: false, .. } => {
            for id in &world.workflows[*workflow as usize].sig.throws {
                thrown.add(*id, expr.span);
            }
        }
        ExprKind::Try { body, catches, .. } => {
            let mut inner = Thrown::default();
            walk(world, body, &mut inner);
            for catch in catches {
                match &catch.errors {
                    None => inner.errors.clear(),
                    Some(errors) => {
                        for id in errors {
                            let comes = inner.errors.remove(id).is_some() || inner.unknown || id.is_builtin();
                            if !comes {
                                never_thrown(world, *id, catch.span);
                            }
                        }
                    }
                }
                walk(world, &catch.body, thrown);
            }
            thrown.unknown |= inner.unknown;
            for (id, span) in inner.errors {
                thrown.add(id, span);
            }
            return;
        }
        // With `fail: collect` the failures of the branches are values.
        ExprKind::Parallel { collect: true, limit, .. } => {
            return limit.iter().for_each(|e| walk(world, e, thrown));
        }
        ExprKind::ParallelFor { collect: true, limit, items, .. } => {
            limit.iter().for_each(|e| walk(world, e, thrown));
            return walk(world, items, thrown);
        }
        _ => {}
    }
    expr.parts(&mut |part| walk(world, part, thrown));
}

/// WF3009.
fn never_thrown(world: &World<'_>, id: DefId, span: Span) {
    let error = &world.types.def(id).name;
    let d = Diagnostic::warning("WF3009", span, format!("nothing in there throws `{error}`"));
    world.report(d.label("never caught").help("remove the catch"));
}
