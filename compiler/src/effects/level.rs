//! Effect levels of expressions against the ceiling of the place: WF2001 to WF2006.

use super::teach;
use crate::diagnostic::Diagnostic;
use crate::hir::{Deferred, Expr, ExprKind, FnKind, Function, Root, SelectSource, Stmt};
use crate::source::Span;
use crate::types::world::World;

/// How much an expression does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Pure,
    Read,
    Write,
    Wait,
}

/// A place with its own ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Fn,
    Initial,
    Query,
    Check,
    Signal,
    Condition,
    Options,
    Lambda,
    Body,
    Test,
    Mock,
}

impl Place {
    fn ceiling(self) -> Level {
        match self {
            Place::Fn | Place::Initial => Level::Pure,
            Place::Query | Place::Check | Place::Condition | Place::Options | Place::Lambda => Level::Read,
            Place::Signal => Level::Write,
            Place::Body | Place::Test | Place::Mock => Level::Wait,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Place::Fn => "a `fn`",
            Place::Initial => "the initial value of state",
            Place::Query => "a query",
            Place::Check => "a check",
            Place::Signal => "a signal handler",
            Place::Condition => "a condition",
            Place::Options => "an option",
            Place::Lambda => "a lambda",
            Place::Body => "a workflow",
            Place::Test => "a test",
            Place::Mock => "a mock",
        }
    }

    /// The stricter of two places.
    fn within(self, outer: Place) -> Place {
        if outer.ceiling() < self.ceiling() { outer } else { self }
    }
}

/// Checks a function. `states` are the names of the state cells it can see.
pub(super) fn check(world: &World<'_>, function: &Function, states: &[&str]) {
    let place = match function.kind {
        FnKind::Fn => Place::Fn,
        FnKind::Init => Place::Initial,
        FnKind::Query => Place::Query,
        FnKind::Signal => Place::Signal,
        FnKind::Check => Place::Check,
        FnKind::Flow | FnKind::Body | FnKind::Update => Place::Body,
        FnKind::Test => Place::Test,
    };
    let walk = Walk { world, states, name: &function.name, init: place == Place::Initial };
    walk.expr(&function.body, place);
}

struct Walk<'w, 'a> {
    world: &'w World<'a>,
    states: &'w [&'w str],
    name: &'w str,
    /// The assignments of an initialiser are the compiler's own.
    init: bool,
}

impl Walk<'_, '_> {
    fn expr(&self, expr: &Expr, place: Place) {
        self.own(expr, place);
        match &expr.kind {
            ExprKind::Closure(frame) => self.expr(&frame.body, Place::Lambda.within(place)),
            ExprKind::Gather { items, body, .. } => {
                self.expr(items, place);
                self.expr(body, Place::Lambda.within(place));
            }
            ExprKind::Fold { items, init, body, .. } => {
                self.expr(items, place);
                self.expr(init, place);
                self.expr(body, Place::Lambda.within(place));
            }
            ExprKind::WaitUntil { cond, timeout, otherwise } => {
                self.expr(&cond.body, Place::Condition.within(place));
                timeout.iter().chain(otherwise).for_each(|e| self.expr(e, place));
            }
            // What is in there waits no less.
            ExprKind::Spawn(_) if place.ceiling() < Level::Wait => {}
            ExprKind::Select(arms) => {
                for arm in arms {
                    match &arm.source {
                        SelectSource::When(cond) => self.expr(&cond.body, Place::Condition.within(place)),
                        SelectSource::After(value) | SelectSource::At(value) => self.expr(value, place),
                        SelectSource::Message(_) | SelectSource::Task(_) | SelectSource::Unknown => {}
                    }
                }
                arms.iter().for_each(|arm| self.expr(&arm.body, place));
            }
            ExprKind::Mock { args, frame, .. } => {
                args.iter().for_each(|e| self.expr(e, place));
                self.expr(&frame.body, Place::Mock);
            }
            ExprKind::Activity { args, options, .. } | ExprKind::Child { args, options, .. } => {
                args.iter().for_each(|e| self.expr(e, place));
                options.iter().for_each(|e| self.expr(e, Place::Options.within(place)));
            }
            _ => {
                if let ExprKind::Block { stmts, .. } = &expr.kind {
                    stmts.iter().for_each(|stmt| self.stmt(stmt, place));
                }
                expr.parts(&mut |part| self.expr(part, place));
            }
        }
    }

    /// What a statement itself does; its parts are looked at as parts of the block.
    fn stmt(&self, stmt: &Stmt, place: Place) {
        if let Stmt::Assign { place: target, span, .. } = stmt
            && let (Root::State(cell), false) = (target.root, self.init)
            && place.ceiling() < Level::Write
        {
            self.cannot_change(usize::from(cell), *span, place);
        }
    }

    fn cannot_change(&self, cell: usize, span: Span, place: Place) {
        let state = self.states.get(cell).copied().unwrap_or("state");
        let d = Diagnostic::error("WF2002", span, format!("{} cannot change `{state}`", place.words()));
        self.world.report(teach(
            d.label("changes state"),
            match place {
                Place::Check => "it decides before anything of the update is logged, so it only reads",
                _ => "it may run at any moment and any number of times, so it only reads",
            },
            match place {
                Place::Check => "change it in the body of the update",
                _ => "change it in a signal handler or in the body",
            },
        ));
    }

    /// What an expression itself does.
    fn own(&self, expr: &Expr, place: Place) {
        let level = level(self.world, expr);
        let asks_host = matches!(expr.kind, ExprKind::Host { .. } | ExprKind::Mock { .. });
        let outside = match place {
            Place::Test => !asks_host,
            Place::Mock => !matches!(expr.kind, ExprKind::Sleep { .. }),
            _ => false,
        };
        if level == Level::Wait && outside {
            return self.outside_of_runs(expr, place);
        }
        if level <= place.ceiling() {
            return;
        }
        let what = self.what(expr);
        if level == Level::Wait {
            return self.cannot_wait(&what, expr.span, place);
        }
        let words = place.words();
        let d = match place {
            Place::Fn => {
                let verb = if matches!(expr.kind, ExprKind::Log(..)) { "write" } else { "read" };
                let d = Diagnostic::error("WF2003", expr.span, format!("`fn {}` cannot {verb} {what}", self.name));
                teach(
                    d.label("depends on the event being processed"),
                    "a `fn` is pure, so that queries, conditions and tests may call it at any moment",
                    "pass it as a parameter, or make it a `flow`",
                )
            }
            Place::Initial => {
                let d = Diagnostic::error("WF2006", expr.span, format!("{words} cannot read {what}"));
                teach(
                    d.label("not known yet"),
                    "state is initialised from the parameters before anything else",
                    "initialise it empty and assign it in the body",
                )
            }
            _ => {
                let d = Diagnostic::error("WF2002", expr.span, format!("{words} cannot draw {what}"));
                teach(
                    d.label("changes the stream of the fiber"),
                    "it may run at any moment and any number of times, so it only reads",
                    "draw it in the body and use the value",
                )
            }
        };
        self.world.report(d);
    }

    /// WF6002.
    fn outside_of_runs(&self, expr: &Expr, place: Place) {
        let (what, words) = (self.what(expr), place.words());
        let d = Diagnostic::error("WF6002", expr.span, format!("{words} cannot {what}")).label("only a run does this");
        let help = match (place, &expr.kind) {
            (_, ExprKind::Host { .. }) => "read it in the test, before the `mock`",
            (Place::Mock, _) => "give the answer of the activity; `sleep 5s` lets it take its time",
            (_, ExprKind::Child { .. }) => "`let r = start order(id)` starts a run, `r.result` waits for its end",
            (_, ExprKind::Sleep { .. } | ExprKind::WaitUntil { .. }) => "`advance 48h` lets time pass",
            _ => "start a workflow that does it",
        };
        self.world.report(teach(d, "what waits belongs to a run, with a history of its own", help));
    }

    fn cannot_wait(&self, what: &str, span: Span, place: Place) {
        let words = place.words();
        let error = |code, message: String| Diagnostic::error(code, span, message).label("waits");
        let d = match place {
            Place::Query => teach(
                error("WF2001", format!("a query cannot {what}")),
                "a query only reads state; it may run at any moment, even after the run has ended",
                "do it in the workflow body, keep the result in state, and read that",
            ),
            Place::Check => teach(
                error("WF2001", format!("a check cannot {what}")),
                "it decides before anything of the update is logged, so it only reads",
                "do it in the body of the update, which may wait and may throw as well",
            ),
            Place::Signal => teach(
                error("WF2004", format!("a signal handler cannot {what}")),
                "a handler runs at once and as a whole, so that no other handler sees half of it",
                "set state here and wait for it in the body, or drop the body of the signal and `receive` it",
            ),
            Place::Lambda => teach(
                error("WF2005", format!("a lambda cannot {what}")),
                "nothing that cannot be stored may be alive while a run waits",
                "use a `for` loop, or `parallel for` to run them side by side",
            ),
            Place::Initial => teach(
                error("WF2006", format!("{words} cannot {what}")),
                "state is initialised from the parameters before anything else",
                "initialise it empty and assign it in the body",
            ),
            Place::Fn => teach(
                error("WF2003", format!("`fn {}` cannot {what}", self.name)),
                "a `fn` is pure, so that queries, conditions and tests may call it at any moment",
                "make it a `flow`",
            ),
            Place::Condition | Place::Options | Place::Body | Place::Test | Place::Mock => teach(
                error("WF2001", format!("{words} cannot {what}")),
                "it is evaluated in one go, in the middle of something else",
                "do it before and use the result",
            ),
        };
        self.world.report(d);
    }

    /// The words for what an expression does.
    fn what(&self, expr: &Expr) -> String {
        use ExprKind::*;
        match &expr.kind {
            State(cell) => self.states.get(usize::from(*cell)).map_or("state".into(), |s| format!("state `{s}`")),
            Now => "the clock".into(),
            Fact(_) => "facts of the run".into(),
            Log(..) => "the log".into(),
            Uuid => "a uuid".into(),
            Random => "a random number".into(),
            Activity { activity, .. } => {
                format!("call the activity `{}`", self.world.activities[*activity as usize].name.text)
            }
            Child { workflow, detached, .. } => {
                let verb = if *detached { "start" } else { "call" };
                format!("{verb} the workflow `{}`", self.world.workflows[*workflow as usize].decl.name.text)
            }
            Call(index, _) => {
                format!("call the flow `{}`", self.world.function(*index).decl.name.text)
            }
            Host { .. } | Mock { .. } => "drive the test".into(),
            Sleep { .. } => "sleep".into(),
            Receive { .. } => "receive a signal".into(),
            Within { .. } => "run `within` a time".into(),
            Cleanup { saga: true, .. } => "run a `saga`".into(),
            Defer { what: Deferred::Always, .. } => "`defer`".into(),
            Defer { what: Deferred::OnCancel, .. } => "act `on cancel`".into(),
            Defer { what: Deferred::Undo { .. }, .. } => "`undo`".into(),
            Parallel { .. } | ParallelFor { .. } | Race(_) => "run branches".into(),
            Spawn(_) => "spawn a task".into(),
            Await(_) => "await a task".into(),
            Patch { otherwise: Option::None, .. } => "have a `deprecated patch`".into(),
            Patch { .. } => "decide a patch".into(),
            ContinueAsNew { .. } => "continue as new".into(),
            Send { .. } => "send to another run".into(),
            _ => "wait".into(),
        }
    }
}

/// Whether an expression itself waits or asks for something, its parts aside.
pub(super) fn waits(world: &World<'_>, expr: &Expr) -> bool {
    level(world, expr) == Level::Wait
}

/// The level of what an expression itself does, its parts aside.
fn level(world: &World<'_>, expr: &Expr) -> Level {
    use ExprKind::*;
    match &expr.kind {
        State(_) | Now | Fact(_) | Log(..) => Level::Read,
        Uuid | Random => Level::Write,
        Activity { .. }
        | Host { .. }
        | Mock { .. }
        | Child { .. }
        | Sleep { .. }
        | WaitUntil { .. }
        | Receive { .. }
        | Parallel { .. }
        | ParallelFor { .. }
        | Race(_)
        | Spawn(_)
        | Await(_)
        | Select(_)
        | Within { .. }
        | Cleanup { saga: true, .. }
        | Defer { .. }
        | ContinueAsNew { .. }
        | Send { .. }
        | Patch { .. } => Level::Wait,
        Call(index, _) if world.function(*index).flow => Level::Wait,
        _ => Level::Pure,
    }
}
