//! Walks a body in the order in which it runs, and ties what it meets to what came before.

use crate::graph::{Edge, Graph, Node, NodeKind};
use crate::hir::program::Workflow;
use crate::hir::{Arm, Catch, Deferred, Expr, ExprKind, Function, SelectArm, SelectSource, Stmt};
use crate::source::Span;
use crate::types::world::World;

/// Characters of source shown in a node.
const SHOWN_MAX: usize = 48;

/// Ways that are open: the node they leave, and when they are taken.
type Ends = Vec<(usize, String)>;

/// The graph of a workflow.
pub(super) fn workflow(world: &World<'_>, name: &str, workflow: &Workflow) -> Graph {
    let graph = Graph { workflow: name.to_owned(), nodes: Vec::new(), edges: Vec::new() };
    let mut walk = Walk { world, graph, loops: Vec::new() };
    walk.function(name, &workflow.body);
    for signal in &workflow.signals {
        if let Some(handler) = signal.handler.as_ref().filter(|handler| walk.matters(&handler.body)) {
            walk.function(&format!("signal {}", signal.name), handler);
        }
    }
    for update in &workflow.updates {
        walk.function(&format!("update {}", update.wire), &update.body);
    }
    walk.graph
}

/// A loop around what is walked.
struct Around {
    /// Where `continue` goes.
    head: usize,
    /// Ways of its `break`s.
    breaks: Ends,
}

struct Walk<'w, 'a> {
    world: &'w World<'a>,
    graph: Graph,
    loops: Vec<Around>,
}

impl Walk<'_, '_> {
    fn function(&mut self, label: &str, function: &Function) {
        let start = self.node(NodeKind::Start, label, function.span, Ends::new());
        let ends = self.expr(&function.body, vec![(start, String::new())]);
        if !ends.is_empty() {
            self.node(NodeKind::End, "done", function.span, ends);
        }
    }

    /// A new node at the end of the open ways.
    fn node(&mut self, kind: NodeKind, label: &str, span: Span, from: Ends) -> usize {
        let to = self.graph.nodes.len();
        self.graph.nodes.push(Node { kind, label: label.to_owned(), span });
        self.tie(from, to);
        to
    }

    fn tie(&mut self, from: Ends, to: usize) {
        self.graph.edges.extend(from.into_iter().map(|(from, label)| Edge { from, to, label }));
    }

    /// A new node, and the one way out of it.
    fn step(&mut self, kind: NodeKind, label: &str, span: Span, from: Ends) -> Ends {
        vec![(self.node(kind, label, span, from), String::new())]
    }

    /// The source of a place on one line, cut if it is long.
    fn source(&self, span: Span) -> String {
        let text = self.world.sources.get(usize::from(span.file.0)).map_or("", |source| source.text.as_str());
        let text = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= SHOWN_MAX {
            return line;
        }
        line.chars().take(SHOWN_MAX - 1).chain(['…']).collect()
    }

    /// Whether something in it has a node or leaves it early.
    fn matters(&self, expr: &Expr) -> bool {
        use ExprKind::*;
        match &expr.kind {
            Activity { .. } | Child { .. } | Sleep { .. } | WaitUntil { .. } | Receive { .. } | Parallel { .. } => true,
            Spawn(_) | Await(_) | Select(_) => true,
            ParallelFor { .. }
            | Race(_)
            | Patch { otherwise: Option::Some(_), .. }
            | Within { .. }
            | Defer { .. }
            | Return(_)
            | ContinueAsNew { .. }
            | Send { .. }
            | Throw(_)
            | Break
            | Continue => true,
            Call(function, _) if self.is_flow(*function) => true,
            Closure(_) => false,
            _ => {
                let mut found = false;
                expr.parts(&mut |part| found = found || self.matters(part));
                found
            }
        }
    }

    fn is_flow(&self, function: u32) -> bool {
        self.world.function(function).flow
    }

    /// Walks an expression from the open ways; gives those that are open behind it. A table: one row a form.
    fn expr(&mut self, expr: &Expr, from: Ends) -> Ends {
        use ExprKind::*;
        if !self.matters(expr) {
            return from;
        }
        match &expr.kind {
            Activity { activity, args, options } => {
                let from = self.all(args.iter().chain(options.as_deref()), from);
                let name = &self.world.activities[*activity as usize].wire;
                self.step(NodeKind::Step, name, expr.span, from)
            }
            Child { workflow, args, options, detached } => {
                let from = self.all(args.iter().chain(options.as_deref()), from);
                let name = &self.world.workflows[*workflow as usize].wire;
                let how = if *detached { "start" } else { "workflow" };
                self.step(NodeKind::Step, &format!("{how} {name}"), expr.span, from)
            }
            Call(function, args) if self.is_flow(*function) => {
                let from = self.all(args, from);
                let name = &self.world.function(*function).decl.name.text;
                self.step(NodeKind::Step, &format!("flow {name}"), expr.span, from)
            }
            Sleep { value, .. } => {
                let from = self.expr(value, from);
                let label = self.source(expr.span);
                self.step(NodeKind::Wait, &label, expr.span, from)
            }
            WaitUntil { cond, timeout, otherwise } => {
                let label = format!("wait until {}", self.source(cond.body.span));
                self.wait(&label, expr.span, timeout.as_deref(), otherwise.as_deref(), from)
            }
            Receive { timeout, otherwise, .. } => {
                let label = self.source(expr.span);
                let label = label.split(" timeout ").next().unwrap_or(&label).to_owned();
                self.wait(&label, expr.span, timeout.as_deref(), otherwise.as_deref(), from)
            }
            Parallel { limit, branches, .. } => {
                let from = self.all(limit.as_deref(), from);
                self.branches("parallel", "all", expr.span, branches.iter().map(|branch| &branch.body), from)
            }
            Race(branches) => {
                self.branches("race", "first", expr.span, branches.iter().map(|branch| &branch.body), from)
            }
            ParallelFor { limit, items, branch, .. } => {
                let from = self.all(limit.as_deref().into_iter().chain([&**items]), from);
                let label = format!("for each of {}", self.source(items.span));
                self.branches(&label, "all", expr.span, [&branch.body], from)
            }
            Spawn(task) => self.spawned(&task.body, expr.span, from),
            Await(task) => {
                let from = self.expr(task, from);
                let label = self.source(expr.span);
                let label = if label.starts_with("await") { label } else { format!("await {label}") };
                self.step(NodeKind::Wait, &label, expr.span, from)
            }
            Select(arms) => self.select(arms, expr.span, from),
            If { cond, then, otherwise } => {
                let from = self.expr(cond, from);
                let label = self.source(cond.span);
                let at = self.node(NodeKind::Decision, &label, cond.span, from);
                let mut ends = self.expr(then, vec![(at, "yes".into())]);
                ends.extend(self.expr(otherwise, vec![(at, "no".into())]));
                ends
            }
            Match { value, arms } => self.matched(value, arms, from),
            Patch { then, otherwise: Option::None, .. } => self.expr(then, from),
            Patch { then, otherwise: Option::Some(otherwise), .. } => {
                let label = self.source(expr.span);
                let label = label.split('{').next().unwrap_or_default().trim().to_owned();
                let at = self.node(NodeKind::Decision, &label, expr.span, from);
                let mut ends = self.expr(then, vec![(at, "new".into())]);
                ends.extend(self.expr(otherwise, vec![(at, "old".into())]));
                ends
            }
            Coalesce(left, right) => {
                let from = self.expr(left, from);
                let label = format!("{} is none", self.source(left.span));
                self.maybe(&label, left.span, right, from)
            }
            Chain { value, body, .. } => {
                let from = self.expr(value, from);
                let label = format!("{} is there", self.source(value.span));
                self.maybe(&label, value.span, body, from)
            }
            Gather { items, body, .. } => {
                let from = self.expr(items, from);
                self.each(items.span, body, from)
            }
            Fold { items, init, body, .. } => {
                let from = self.all([&**items, &**init], from);
                self.each(items.span, body, from)
            }
            Block { stmts, value } => {
                let from = stmts.iter().fold(from, |from, stmt| self.stmt(stmt, from));
                self.all(value.as_deref(), from)
            }
            Try { body, catches, .. } => self.tried(body, catches, expr.span, from),
            Within { limit, body, otherwise } => {
                let from = self.expr(limit, from);
                let label = format!("within {}", self.source(limit.span));
                let at = self.node(NodeKind::Decision, &label, expr.span, from);
                let mut ends = self.expr(body, vec![(at, String::new())]);
                let late = vec![(at, "too late".to_owned())];
                match otherwise {
                    Option::Some(otherwise) => ends.extend(self.expr(otherwise, late)),
                    Option::None => drop(self.leave(NodeKind::Failure, "throw Timeout", expr.span, late)),
                }
                ends
            }
            // A note of what will be done; when, is another way out of all that follows.
            Defer { what, frame } => {
                let label = match what {
                    Deferred::Undo { .. } => format!("undo {}", self.source(frame.body.span)),
                    _ => self.source(expr.span),
                };
                self.step(NodeKind::Step, &label, expr.span, from)
            }
            Return(value) => {
                let from = self.all(value.as_deref(), from);
                let label =
                    value.as_ref().map_or("done".to_owned(), |value| format!("return {}", self.source(value.span)));
                self.leave(NodeKind::End, &label, expr.span, from)
            }
            Send { run, args, .. } => {
                let from = self.all(std::iter::once(&**run).chain(args), from);
                self.step(NodeKind::Step, &self.source(expr.span), expr.span, from)
            }
            ContinueAsNew { args, .. } => {
                let from = self.all(args, from);
                self.leave(NodeKind::End, &self.source(expr.span), expr.span, from)
            }
            Throw(error) => {
                let from = self.expr(error, from);
                let label = format!("throw {}", self.source(error.span));
                self.leave(NodeKind::Failure, &label, expr.span, from)
            }
            Break => {
                if let Option::Some(around) = self.loops.last_mut() {
                    around.breaks.extend(from);
                }
                Ends::new()
            }
            Continue => {
                if let Option::Some(head) = self.loops.last().map(|around| around.head) {
                    self.tie(from, head);
                }
                Ends::new()
            }
            _ => {
                let mut parts = Vec::new();
                expr.parts(&mut |part| parts.push(part));
                self.all(parts, from)
            }
        }
    }

    fn all<'e>(&mut self, parts: impl IntoIterator<Item = &'e Expr>, from: Ends) -> Ends {
        parts.into_iter().fold(from, |from, part| self.expr(part, from))
    }

    /// A node that nothing follows, if anything leads to it.
    fn leave(&mut self, kind: NodeKind, label: &str, span: Span, from: Ends) -> Ends {
        if !from.is_empty() {
            self.node(kind, label, span, from);
        }
        Ends::new()
    }

    /// What runs only sometimes.
    fn maybe(&mut self, label: &str, span: Span, body: &Expr, from: Ends) -> Ends {
        let at = self.node(NodeKind::Decision, label, span, from);
        let mut ends = self.expr(body, vec![(at, "yes".into())]);
        ends.push((at, "no".into()));
        ends
    }

    fn wait(&mut self, label: &str, span: Span, timeout: Option<&Expr>, otherwise: Option<&Expr>, from: Ends) -> Ends {
        let from = self.all(timeout, from);
        let at = self.node(NodeKind::Wait, label, span, from);
        let mut ends = vec![(at, String::new())];
        if let Some(timeout) = timeout {
            let late = vec![(at, format!("after {}", self.source(timeout.span)))];
            ends.extend(self.all(otherwise, late));
        }
        ends
    }

    fn branches<'e>(
        &mut self,
        fork: &str,
        join: &str,
        span: Span,
        branches: impl IntoIterator<Item = &'e Expr>,
        from: Ends,
    ) -> Ends {
        let at = self.node(NodeKind::Fork, fork, span, from);
        let mut ends = Ends::new();
        for branch in branches {
            ends.extend(self.expr(branch, vec![(at, String::new())]));
        }
        self.step(NodeKind::Fork, join, span, ends)
    }

    /// A task goes its own way; its end is seen where it is awaited.
    fn spawned(&mut self, body: &Expr, span: Span, from: Ends) -> Ends {
        let at = self.node(NodeKind::Fork, "spawn", span, from);
        let ends = self.expr(body, vec![(at, "task".into())]);
        self.leave(NodeKind::End, "end of task", span, ends);
        vec![(at, String::new())]
    }

    fn select(&mut self, arms: &[SelectArm], span: Span, from: Ends) -> Ends {
        let timers = arms.iter().filter_map(|arm| match &arm.source {
            SelectSource::After(value) | SelectSource::At(value) => Some(value),
            _ => None,
        });
        let from = self.all(timers, from);
        let at = self.node(NodeKind::Wait, "select", span, from);
        let mut ends = Ends::new();
        for arm in arms {
            let label = self.source(arm.span);
            let label = label.split("=>").next().unwrap_or_default().trim().to_owned();
            // Taking what the source gives is no step of its own.
            let body = match &arm.body.kind {
                ExprKind::Block { value: Some(value), .. }
                    if matches!(arm.source, SelectSource::Message(_) | SelectSource::Task(_)) =>
                {
                    &**value
                }
                _ => &arm.body,
            };
            ends.extend(self.expr(body, vec![(at, label)]));
        }
        ends
    }

    /// A loop over something; gives the ways out of it.
    fn repeated(&mut self, label: &str, span: Span, body: &Expr, into: &str, out: &str, from: Ends) -> Ends {
        let head = self.node(NodeKind::Decision, label, span, from);
        self.loops.push(Around { head, breaks: Ends::new() });
        let ends = self.expr(body, vec![(head, into.to_owned())]);
        self.tie(ends, head);
        let around = self.loops.pop();
        let mut ends = vec![(head, out.to_owned())];
        ends.extend(around.into_iter().flat_map(|around| around.breaks));
        ends
    }

    fn each(&mut self, items: Span, body: &Expr, from: Ends) -> Ends {
        let label = format!("each of {}", self.source(items));
        self.repeated(&label, items, body, "next", "no more", from)
    }

    fn matched(&mut self, value: &Expr, arms: &[Arm], from: Ends) -> Ends {
        let from = self.expr(value, from);
        let label = format!("match {}", self.source(value.span));
        let at = self.node(NodeKind::Decision, &label, value.span, from);
        let mut ends = Ends::new();
        for arm in arms {
            let mut way = vec![(at, self.source(arm.pattern.span))];
            if let Some(guard) = &arm.guard {
                way[0].1 = format!("{} if {}", way[0].1, self.source(guard.span));
                way = self.expr(guard, way);
            }
            ends.extend(self.expr(&arm.body, way));
        }
        ends
    }

    fn tried(&mut self, body: &Expr, catches: &[Catch], span: Span, from: Ends) -> Ends {
        let at = self.node(NodeKind::Decision, "try", span, from);
        let mut ends = self.expr(body, vec![(at, String::new())]);
        for catch in catches {
            let name = match &catch.errors {
                Some(_) => self.world.types.name(catch.ty),
                None => "any error".to_owned(),
            };
            ends.extend(self.expr(&catch.body, vec![(at, format!("on {name}"))]));
        }
        ends
    }

    fn stmt(&mut self, stmt: &Stmt, from: Ends) -> Ends {
        let mut parts = Vec::new();
        stmt.parts(&mut |part| parts.push(part));
        if !parts.iter().any(|part| self.matters(part)) {
            return from;
        }
        match stmt {
            Stmt::While { cond, body, .. } => {
                let from = self.expr(cond, from);
                let label = format!("while {}", self.source(cond.span));
                self.repeated(&label, cond.span, body, "yes", "no", from)
            }
            Stmt::For { items, body, .. } => {
                let from = self.expr(items, from);
                self.each(items.span, body, from)
            }
            Stmt::Let { .. } | Stmt::Assign { .. } | Stmt::Expr(_) => self.all(parts, from),
        }
    }
}
