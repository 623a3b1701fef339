//! Whether code awaits a task on every way to its end. Where it does not, the end of the body throws what the task throws.

use std::cell::OnceCell;
use std::iter::Peekable;

use rustc_hash::FxHashMap;

use crate::hir::{Expr, ExprKind, LocalId, Stmt};
use crate::syntax::ast::BinaryOp;

/// A block of statements, of which it is asked what they do with the tasks that begin in it.
pub(super) struct Block<'b> {
    stmts: &'b [Stmt],
    value: Option<&'b Expr>,
    /// Where a task is awaited, and where code may go another way than on; known when it was asked for.
    turns: OnceCell<Turns>,
}

/// Statements of a block by what matters for tasks; the value behind them is the last.
#[derive(Default)]
struct Turns {
    awaits: FxHashMap<LocalId, Vec<usize>>,
    /// Those that may not go on to the next.
    others: Vec<usize>,
}

impl<'b> Block<'b> {
    pub(super) fn new(stmts: &'b [Stmt], value: Option<&'b Expr>) -> Block<'b> {
        Block { stmts, value, turns: OnceCell::new() }
    }

    /// Whether what follows a `spawn` in its block awaits the task, however it is left without a failure.
    pub(super) fn surely(&self, task: LocalId, from: usize) -> bool {
        let turns = self.turns.get_or_init(|| self.find_turns());
        let (mut awaits, mut others) = (behind(turns.awaits.get(&task), from), behind(Some(&turns.others), from));
        let look = Look { task: Some(task), in_loop: false };
        let mut way = PASSES;
        // What neither awaits it nor turns away is passed.
        while !way.awaited && !way.leaves {
            let Some(at) = awaits.peek().into_iter().chain(others.peek()).min().copied() else { break };
            awaits.next_if_eq(&at);
            others.next_if_eq(&at);
            way = way.then(|| self.at(at, look));
        }
        way.awaited && !way.leaves
    }

    /// What a statement does, or the value behind them.
    fn at(&self, at: usize, look: Look) -> Way {
        match self.stmts.get(at) {
            Some(stmt) => look.stmt(stmt),
            None => look.otherwise(self.value),
        }
    }

    fn find_turns(&self) -> Turns {
        let mut turns = Turns::default();
        for (n, stmt) in self.stmts.iter().enumerate() {
            stmt.parts(&mut |part| turns.note(n, part));
        }
        self.value.into_iter().for_each(|value| turns.note(self.stmts.len(), value));
        // What they do is the same for each task that is not awaited in them. One that always goes on need not be asked
        // again for each, as a `throw` behind an `if`.
        let look = Look { task: None, in_loop: false };
        turns.others.retain(|at| {
            let way = self.at(*at, look);
            way.awaited || way.leaves
        });
        turns
    }
}

/// The places that are not before one.
fn behind(places: Option<&Vec<usize>>, from: usize) -> Peekable<impl Iterator<Item = usize>> {
    let places = places.map_or(&[][..], Vec::as_slice);
    places[places.partition_point(|at| *at < from)..].iter().copied().peekable()
}

impl Turns {
    fn note(&mut self, at: usize, expr: &Expr) {
        let places = match &expr.kind {
            ExprKind::Await(task) => match task.kind {
                ExprKind::Local(id) => Some(self.awaits.entry(id).or_default()),
                _ => None,
            },
            ExprKind::Return(_)
            | ExprKind::ContinueAsNew { .. }
            | ExprKind::Break
            | ExprKind::Continue
            | ExprKind::Throw(_) => Some(&mut self.others),
            _ => None,
        };
        if let Some(places) = places.filter(|places| places.last() != Some(&at)) {
            places.push(at);
        }
        expr.parts(&mut |part| self.note(at, part));
    }
}

/// What code does with a task that was not awaited before.
#[derive(Clone, Copy)]
struct Way {
    /// Nothing goes on behind it without having awaited the task.
    awaited: bool,
    /// It may jump out of the block without having awaited the task.
    leaves: bool,
}

const PASSES: Way = Way { awaited: false, leaves: false };
/// Nothing gets behind it.
const ENDS: Way = Way { awaited: true, leaves: false };

impl Way {
    /// What comes next.
    fn then(self, next: impl FnOnce() -> Way) -> Way {
        if self.awaited {
            return self;
        }
        let next = next();
        Way { leaves: self.leaves || next.leaves, ..next }
    }

    /// What may come next, or not.
    fn perhaps(self, next: impl FnOnce() -> Way) -> Way {
        self.then(|| Way { awaited: false, ..next() })
    }

    /// One of two.
    fn or(self, other: Way) -> Way {
        Way { awaited: self.awaited && other.awaited, leaves: self.leaves || other.leaves }
    }
}

#[derive(Clone, Copy)]
struct Look {
    /// None for one that is not awaited there.
    task: Option<LocalId>,
    /// Whether `break` and `continue` stay inside of the code that is looked at.
    in_loop: bool,
}

impl Look {
    fn block(self, stmts: &[Stmt], value: Option<&Expr>) -> Way {
        let way = stmts.iter().fold(PASSES, |way, stmt| way.then(|| self.stmt(stmt)));
        value.into_iter().fold(way, |way, value| way.then(|| self.expr(value)))
    }

    fn stmt(self, stmt: &Stmt) -> Way {
        let inside = Look { in_loop: true, ..self };
        match stmt {
            Stmt::While { cond, body, .. } => self.expr(cond).perhaps(|| inside.expr(body)),
            Stmt::For { items, body, .. } => self.expr(items).perhaps(|| inside.expr(body)),
            Stmt::Let { .. } | Stmt::Assign { .. } | Stmt::Expr(_) => {
                let mut way = PASSES;
                stmt.parts(&mut |part| way = way.then(|| self.expr(part)));
                way
            }
        }
    }

    /// One of several.
    fn any<'e>(self, exprs: impl IntoIterator<Item = &'e Expr>) -> Way {
        exprs.into_iter().map(|expr| self.expr(expr)).reduce(Way::or).unwrap_or(PASSES)
    }

    /// One that there may be, else nothing.
    fn otherwise(self, expr: Option<&Expr>) -> Way {
        expr.map_or(PASSES, |expr| self.expr(expr))
    }

    fn expr(self, expr: &Expr) -> Way {
        use ExprKind as E;
        match &expr.kind {
            E::Await(_) if self.awaits(expr) => ENDS,
            E::Return(_) | E::ContinueAsNew { .. } => self.parts(expr).then(|| Way { leaves: true, ..ENDS }),
            E::Break | E::Continue => Way { leaves: !self.in_loop, ..ENDS },
            E::Throw(_) => self.parts(expr).then(|| ENDS),
            E::If { cond, then, otherwise } => self.expr(cond).then(|| self.any([&**then, &**otherwise])),
            E::Match { value, arms } => {
                let guards = arms.iter().filter_map(|arm| arm.guard.as_ref());
                let way = guards.fold(self.expr(value), |way, guard| way.perhaps(|| self.expr(guard)));
                way.then(|| self.any(arms.iter().map(|arm| &arm.body)))
            }
            E::Select(arms) => self.any(arms.iter().map(|arm| &arm.body)),
            E::Patch { then, otherwise, .. } => self.expr(then).or(self.otherwise(otherwise.as_deref())),
            E::Coalesce(left, right) | E::Binary(BinaryOp::And | BinaryOp::Or, left, right) => {
                self.expr(left).perhaps(|| self.expr(right))
            }
            E::Chain { value, body, .. } => self.expr(value).perhaps(|| self.expr(body)),
            E::Gather { items, body, .. } => self.expr(items).perhaps(|| self.expr(body)),
            E::Fold { items, init, body, .. } => self.expr(items).then(|| self.expr(init)).perhaps(|| self.expr(body)),
            E::Within { limit, body, otherwise } => self.expr(limit).then(|| match otherwise {
                Some(otherwise) => self.any([&**body, &**otherwise]),
                None => self.expr(body),
            }),
            E::WaitUntil { timeout, otherwise, .. } => {
                self.otherwise(timeout.as_deref()).perhaps(|| self.otherwise(otherwise.as_deref()))
            }
            E::Receive { value, timeout, otherwise, .. } => self
                .otherwise(timeout.as_deref())
                .perhaps(|| self.otherwise(otherwise.as_deref()))
                .perhaps(|| self.expr(value)),
            // A failure of the await is one that was seen; before it, one that may be caught without it.
            E::Try { body, .. } if self.begins(body) => ENDS,
            E::Try { body, catches, .. } => self.expr(body).or(self.any(catches.iter().map(|catch| &catch.body))),
            // All of them end, unless one fails.
            E::Parallel { collect: false, .. } => self.parts(expr),
            // What may not run to its end, or not at all, or only when the body is over.
            E::Parallel { .. } | E::ParallelFor { .. } | E::Race(_) | E::Spawn(_) => PASSES,
            E::Closure(_) | E::Defer { .. } | E::Mock { .. } => PASSES,
            E::Block { stmts, value } => self.block(stmts, value.as_deref()),
            _ => self.parts(expr),
        }
    }

    /// All parts, one after the other.
    fn parts(self, expr: &Expr) -> Way {
        let mut way = PASSES;
        expr.parts(&mut |part| way = way.then(|| self.expr(part)));
        way
    }

    fn awaits(self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Await(task) if matches!(task.kind, ExprKind::Local(id) if Some(id) == self.task))
    }

    /// Whether the first thing that code does is to await the task.
    fn begins(self, expr: &Expr) -> bool {
        match &expr.kind {
            // A `catch` behind a `catch`.
            ExprKind::Try { body, .. } => self.begins(body),
            ExprKind::Some(inner) | ExprKind::Unwrap(inner) | ExprKind::Cast(inner) | ExprKind::Widen(inner) => {
                self.begins(inner)
            }
            ExprKind::Field(inner, _) => self.begins(inner),
            ExprKind::Block { stmts, value } => {
                // What cannot fail may stand before it.
                let quiet = |stmt: &&Stmt| matches!(stmt, Stmt::Let { value, .. } | Stmt::Expr(value) if value.is_simple() || is_log(value));
                match (stmts.iter().find(|stmt| !quiet(stmt)), value.as_deref()) {
                    (Some(Stmt::Let { value, .. } | Stmt::Expr(value)), _) | (None, Some(value)) => self.begins(value),
                    _ => false,
                }
            }
            _ => self.awaits(expr),
        }
    }
}

fn is_log(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Log(_, text) if text.is_simple())
}
