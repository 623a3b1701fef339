//! Declared errors are checked: what may leave a declaration is in its `throws` (WF3008), and a `catch` takes what can
//! come (WF3009). Faults and the built-in errors go anywhere.

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::awaited::Block;
use crate::diagnostic::Diagnostic;
use crate::hir::testing::HostKind;
use crate::hir::{Deferred, Expr, ExprKind, FnKind, Frame, Function, LocalId, PatternKind, Stmt};
use crate::source::Span;
use crate::types::world::World;
use crate::types::{DefId, Kind};

/// What may come out of an expression.
#[derive(Default)]
struct Thrown {
    /// Declared errors, each with the first place that throws it.
    errors: BTreeMap<DefId, Span>,
    /// Those of tasks that are not awaited on every way: the end of the body throws them, and no `catch` in the body is
    /// around that.
    joined: BTreeMap<DefId, Span>,
    /// Of the errors those that come in this way alone.
    late: BTreeSet<DefId>,
    /// Failures of unknown type may come: rethrown ones.
    unknown: bool,
    /// Lists of errors that are among them already.
    lists: FxHashSet<*const DefId>,
}

impl Thrown {
    fn add(&mut self, id: DefId, span: Span) {
        if !id.is_builtin() {
            self.errors.entry(id).or_insert(span);
        }
    }

    /// All that a declaration throws. Most calls are of what was called before.
    fn add_all(&mut self, ids: &[DefId], span: Span) {
        if ids.is_empty() || self.lists.insert(ids.as_ptr()) {
            ids.iter().for_each(|id| self.add(*id, span));
        }
    }

    /// The body that it came out of has ended.
    fn ended(mut self) -> Thrown {
        for (id, span) in std::mem::take(&mut self.joined) {
            if let Entry::Vacant(place) = self.errors.entry(id) {
                place.insert(span);
                self.late.insert(id);
            }
        }
        self
    }

    /// What comes out of a part, but for what a `catch` around it has taken.
    fn take(&mut self, part: Thrown) {
        self.unknown |= part.unknown;
        self.late.extend(part.late);
        part.errors.into_iter().for_each(|(id, span)| self.add(id, span));
        self.join(part.joined);
    }

    /// What a task throws where nobody may have awaited it.
    fn join(&mut self, errors: BTreeMap<DefId, Span>) {
        for (id, span) in errors {
            self.joined.entry(id).or_insert(span);
        }
    }
}

/// Checks a function.
pub(super) fn check(world: &World<'_>, function: &Function) {
    let thrown = thrown_by(world, &function.body);
    for (id, span) in thrown.errors {
        // What leaves a test fails it, and is shown.
        if function.throws.contains(&id) || function.kind == FnKind::Test {
            continue;
        }
        let error = &world.types.def(id).name;
        let checked = function.name.strip_suffix(".check").filter(|_| function.kind == FnKind::Check);
        let message = match checked {
            Some(update) => format!("`{error}` may escape the check of `{update}`"),
            None => format!("`{error}` may escape `{}`", function.name),
        };
        let d = Diagnostic::error("WF3008", span, message).label("may be thrown here");
        let help = match function.kind {
            _ if thrown.late.contains(&id) => format!(
                "the task is not awaited on every way, and the end of the body throws it then: await it on each, \
                 `catch {error}` in the task, or add `throws {error}` to `{}`",
                function.name
            ),
            FnKind::Signal | FnKind::Query | FnKind::Init => format!("catch it: `catch {error} => ..`"),
            FnKind::Check => format!(
                "what a check throws is how the update is refused: add `throws {error}` to the update `{}`, before its `check`",
                checked.unwrap_or(&function.name)
            ),
            _ => format!("catch it, or add `throws {error}` to `{}`", function.name),
        };
        world.report(d.why("a declared error is an answer that callers must know of").help(help));
    }
}

/// What may leave a body.
fn thrown_by(world: &World<'_>, body: &Expr) -> Thrown {
    let mut tasks = Tasks { awaited: BTreeSet::new(), throw: RefCell::default() };
    locals_awaited(body, &mut tasks.awaited);
    body_of(world, body, &tasks)
}

/// What leaves a body that ends its own tasks.
fn body_of(world: &World<'_>, body: &Expr, tasks: &Tasks) -> Thrown {
    let mut thrown = Thrown::default();
    walk(world, body, tasks, &mut thrown);
    thrown.ended()
}

/// The tasks of a function that a `let` names and something awaits: what they throw comes where they are awaited. That
/// of others comes at the body's end, and of those that are not awaited on every way as well.
struct Tasks {
    awaited: BTreeSet<LocalId>,
    /// What those that were met throw.
    throw: RefCell<BTreeMap<LocalId, Thrown>>,
}

/// The locals that code awaits.
fn locals_awaited(expr: &Expr, locals: &mut BTreeSet<LocalId>) {
    if let ExprKind::Await(task) = &expr.kind
        && let ExprKind::Local(id) = task.kind
    {
        locals.insert(id);
    }
    expr.parts(&mut |part| locals_awaited(part, locals));
}

/// The task that a value is, and what is evaluated before it begins.
fn spawned(expr: &Expr) -> Option<(&Frame, Vec<&Stmt>)> {
    match &expr.kind {
        ExprKind::Spawn(task) => Some((task, Vec::new())),
        ExprKind::Block { stmts, value: Some(value) } => {
            let (task, inner) = spawned(value)?;
            Some((task, stmts.iter().chain(inner).collect()))
        }
        _ => None,
    }
}

/// Statements, and the value behind them.
fn block(world: &World<'_>, stmts: &[Stmt], value: Option<&Expr>, tasks: &Tasks, thrown: &mut Thrown) {
    let block = Block::new(stmts, value);
    for (n, stmt) in stmts.iter().enumerate() {
        statement(world, stmt, Some((&block, n + 1)), tasks, thrown);
    }
    value.into_iter().for_each(|value| walk(world, value, tasks, thrown));
}

/// A statement, with its block and what comes behind it there.
fn statement(world: &World<'_>, stmt: &Stmt, behind: Option<(&Block<'_>, usize)>, tasks: &Tasks, thrown: &mut Thrown) {
    if let Stmt::Let { pattern, value } = stmt
        && let PatternKind::Bind(id) = pattern.kind
        && tasks.awaited.contains(&id)
        && let Some((task, before)) = spawned(value)
    {
        before.into_iter().for_each(|stmt| statement(world, stmt, None, tasks, thrown));
        let inner = body_of(world, &task.body, tasks);
        if !inner.errors.is_empty() && !behind.is_some_and(|(block, from)| block.surely(id, from)) {
            thrown.join(inner.errors.clone());
        }
        tasks.throw.borrow_mut().insert(id, inner);
        return;
    }
    stmt.parts(&mut |part| walk(world, part, tasks, thrown));
}

fn walk(world: &World<'_>, expr: &Expr, tasks: &Tasks, thrown: &mut Thrown) {
    match &expr.kind {
        ExprKind::Block { stmts, value } => {
            return block(world, stmts, value.as_deref(), tasks, thrown);
        }
        ExprKind::Await(task) => {
            let throw = tasks.throw.borrow();
            let known = match task.kind {
                ExprKind::Local(id) => throw.get(&id),
                _ => None,
            };
            thrown.unknown |= known.is_none_or(|known| known.unknown);
            for id in known.into_iter().flat_map(|known| known.errors.keys()) {
                thrown.add(*id, expr.span);
            }
        }
        ExprKind::Spawn(task) => {
            let inner = body_of(world, &task.body, tasks);
            thrown.unknown |= inner.unknown;
            return thrown.join(inner.errors);
        }
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
            thrown.add_all(&world.activities[*activity as usize].sig.throws, expr.span);
        }
        ExprKind::Host { call, .. } => {
            for id in &world.host.borrow()[*call as usize].throws {
                thrown.add(*id, expr.span);
            }
        }
        ExprKind::Mock { call, frame, .. } => return mocked(world, *call, &frame.body),
        ExprKind::Call(index, _) => {
            thrown.add_all(&world.function(*index).sig.throws, expr.span);
        }
        // What a child declares arrives as itself; anything else is the cause of a `ChildFailed`.
        ExprKind::Child { workflow, detached: false, .. } => {
            thrown.add_all(&world.workflows[*workflow as usize].sig.throws, expr.span);
        }
        ExprKind::Try { body, catches, .. } => {
            let mut inner = Thrown::default();
            walk(world, body, tasks, &mut inner);
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
                walk(world, &catch.body, tasks, thrown);
            }
            return thrown.take(inner);
        }
        // What an undo throws becomes the cause of a `CompensationFailed`; `on cancel` leaves with the cancel.
        ExprKind::Defer { what: Deferred::Undo { .. } | Deferred::OnCancel, frame } => {
            return walk(world, &frame.body, tasks, &mut Thrown::default());
        }
        ExprKind::Within { limit, body, otherwise } => {
            walk(world, limit, tasks, thrown);
            thrown.take(body_of(world, body, tasks));
            return otherwise.iter().for_each(|e| walk(world, e, tasks, thrown));
        }
        ExprKind::Cleanup { saga: true, body } => return thrown.take(body_of(world, body, tasks)),
        ExprKind::Parallel { collect: false, limit, branches } => {
            limit.iter().for_each(|e| walk(world, e, tasks, thrown));
            return branches.iter().for_each(|branch| thrown.take(body_of(world, &branch.body, tasks)));
        }
        ExprKind::ParallelFor { collect: false, limit, items, branch } => {
            limit.iter().for_each(|e| walk(world, e, tasks, thrown));
            walk(world, items, tasks, thrown);
            return thrown.take(body_of(world, &branch.body, tasks));
        }
        ExprKind::Race(branches) => {
            return branches.iter().for_each(|branch| thrown.take(body_of(world, &branch.body, tasks)));
        }
        ExprKind::Defer { what: Deferred::Always, frame } => {
            return thrown.take(body_of(world, &frame.body, tasks));
        }
        // With `fail: collect` the failures of the branches are values.
        ExprKind::Parallel { collect: true, limit, .. } => {
            return limit.iter().for_each(|e| walk(world, e, tasks, thrown));
        }
        ExprKind::ParallelFor { collect: true, limit, items, .. } => {
            limit.iter().for_each(|e| walk(world, e, tasks, thrown));
            return walk(world, items, tasks, thrown);
        }
        _ => {}
    }
    expr.parts(&mut |part| walk(world, part, tasks, thrown));
}

/// A mock throws what its activity may throw.
fn mocked(world: &World<'_>, call: u32, body: &Expr) {
    let activity = match &world.host.borrow()[call as usize].kind {
        HostKind::Mock(site) => site.activity,
        _ => return,
    };
    let activity = &world.activities[activity as usize];
    let thrown = thrown_by(world, body);
    for (id, span) in thrown.errors.into_iter().filter(|(id, _)| !activity.sig.throws.contains(id)) {
        let (error, name) = (&world.types.def(id).name, &activity.name.text);
        let d = Diagnostic::error("WF3008", span, format!("`{error}` may escape the mock of `{name}`"));
        let d = d.label("thrown here").why("an activity answers with the errors that it declares; all else is a fault");
        world.report(d.help(format!("add `throws {error}` to `{name}`, or `throw Fault(\"..\")`")));
    }
}

/// WF3009.
fn never_thrown(world: &World<'_>, id: DefId, span: Span) {
    let error = &world.types.def(id).name;
    let d = Diagnostic::warning("WF3009", span, format!("nothing in there throws `{error}`"));
    world.report(d.label("never caught").help("remove the catch"));
}
