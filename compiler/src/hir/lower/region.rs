//! Code with a deadline, and what is done when code is left: `within`, `defer`, `on cancel`, `saga` and `undo`.

use super::{Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::{Deferred, Expr, ExprKind, Frame, LocalId, Stmt};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::Ty;

impl<'a> Lower<'_, 'a> {
    pub(super) fn within_expr(
        &mut self,
        limit: &'a ast::Expr,
        body: &'a ast::Block,
        otherwise: Option<&'a ast::Expr>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let limit = Box::new(self.check(limit, Ty::DURATION));
        let before = self.facts.clone();
        let body = self.block(body, want);
        let after = std::mem::replace(&mut self.facts, before);
        // The body may have stopped anywhere.
        self.forget_changeable();
        let otherwise = otherwise.map(|e| self.arm(e, self.hint(want, Some(&body))));
        let late = std::mem::take(&mut self.facts);
        let ends = otherwise.as_ref().is_none_or(|e| e.ty == Ty::NEVER);
        self.meet(vec![(body.ty == Ty::NEVER, after), (ends, late)]);
        let arms = std::iter::once(body).chain(otherwise).collect();
        let (mut arms, ty) = self.unify(arms, want);
        let otherwise = (arms.len() > 1).then(|| arms.pop()).flatten().map(Box::new);
        let Some(body) = arms.pop().map(Box::new) else { return self.error(span) };
        Expr { kind: ExprKind::Within { limit, body, otherwise }, ty, span }
    }

    pub(super) fn defer(&mut self, what: Deferred, block: &'a ast::Block, span: Span, out: &mut Vec<Stmt>) -> bool {
        if let Some(defers) = self.defers.last_mut() {
            *defers = true;
        }
        let frame = self.cleanup_frame(|this| this.block(block, Ty::UNIT));
        let writes = self.writes.len();
        for id in frame.captures.iter().filter(|id| self.locals[id.0 as usize].var) {
            self.read_later.extend(read_of(&frame.body, *id).map(|span| (*id, writes, span)));
        }
        let kind = ExprKind::Defer { what, frame: Box::new(frame) };
        out.push(Stmt::Expr(Expr { kind, ty: Ty::UNIT, span }));
        false
    }

    pub(super) fn saga(&mut self, block: &'a ast::Block, want: Ty, span: Span) -> Expr {
        self.sagas.push(self.frames.len());
        let body = self.block(block, want);
        self.sagas.pop();
        let ty = body.ty;
        Expr { kind: ExprKind::Cleanup { saga: true, body: Box::new(body) }, ty, span }
    }

    /// WF3010: cleanup sees a variable as it was when it was registered, which is seldom what is meant if it goes on
    /// changing.
    pub(super) fn changed_after_cleanup(&self) {
        for (id, writes, span) in &self.read_later {
            if !self.writes[*writes..].contains(id) {
                continue;
            }
            let local = &self.locals[id.0 as usize];
            let message = format!("cleanup sees `{}` as it is here, and it is changed later", local.name);
            self.report(
                Diagnostic::warning("WF3010", *span, message)
                    .label("the value from when this was registered")
                    .also(local.span, "declared here")
                    .why("cleanup runs when the body has been left, and its variables are gone then")
                    .help("keep it in `state`, or register the cleanup where the value does not change any more"),
            );
        }
    }

    /// What takes back the statement before it.
    pub(super) fn undo(&mut self, undo: Option<&'a ast::Expr>, out: &mut Vec<Stmt>) {
        let Some(undo) = undo else { return };
        let span = undo.span;
        let depth = self.sagas.last().copied();
        let in_task = depth.is_some_and(|depth| self.frames[depth..].iter().any(|frame| frame.fence == Fence::Task));
        // Branches belong to the saga around them; what is deferred runs when its body is left, and a saga is over then.
        let depth = depth.filter(|depth| self.frames[*depth..].iter().all(|frame| frame.fence == Fence::Branch));
        let frame = self.cleanup_frame(|this| this.effect(undo));
        let Some(depth) = depth else {
            if in_task {
                self.report(
                    Diagnostic::error("WF3007", span, "`undo` in a task")
                        .label("the saga is around the task, not in it")
                        .why("a task runs beside its saga, which may be in another saga when this is registered")
                        .help("put `undo` where the task is awaited: `let t = await task undo ..`"),
                );
                return;
            }
            self.report(
                Diagnostic::error("WF3007", span, "`undo` outside of a `saga`")
                    .label("nothing says when this is to be undone")
                    .why("a `saga` runs the undos of what was done in it when it fails or is canceled")
                    .help("put what belongs together into `saga { .. }`"),
            );
            return;
        };
        let hops = (self.frames.len() - depth) as u16;
        let kind = ExprKind::Defer { what: Deferred::Undo { hops }, frame: Box::new(frame) };
        out.push(Stmt::Expr(Expr { kind, ty: Ty::UNIT, span }));
    }

    /// Code that runs later, as a function of its own, with what it reads as it is now.
    fn cleanup_frame(&mut self, inner: impl FnOnce(&mut Self) -> Expr) -> Frame {
        let frame = self.frame(Fence::Cleanup, |this| (Vec::new(), inner(this)));
        Frame { result: Ty::UNIT, ..frame }
    }

    /// A body with a place for what it defers, if it defers anything.
    pub(super) fn with_cleanup(&self, body: Expr, level: usize) -> Expr {
        if !self.defers.get(level).is_some_and(|defers| *defers) {
            return body;
        }
        kept(body)
    }
}

/// A body that keeps what it defers.
pub(super) fn kept(body: Expr) -> Expr {
    let (ty, span) = (body.ty, body.span);
    Expr { kind: ExprKind::Cleanup { saga: false, body: Box::new(body) }, ty, span }
}

/// Where code reads a local first.
fn read_of(expr: &Expr, id: LocalId) -> Option<Span> {
    if matches!(expr.kind, ExprKind::Local(local) if local == id) {
        return Some(expr.span);
    }
    let mut found = None;
    expr.parts(&mut |part| found = found.or_else(|| read_of(part, id)));
    found
}
