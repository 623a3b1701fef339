//! Which bodies code begins tasks in: a task ends with the body of the function, branch, `within` or `saga` that it was
//! spawned in.

use super::{Expr, ExprKind};

impl Expr {
    /// Whether a task begins anywhere in this code, in this body or one inside of it.
    pub(crate) fn holds_tasks(&self) -> bool {
        matches!(self.kind, ExprKind::Spawn(_)) || self.any_part(&mut |part| part.holds_tasks())
    }

    /// Whether this code begins tasks of the body that it is in.
    pub(crate) fn begins_tasks(&self) -> bool {
        let limited = |limit: &Option<Box<Expr>>| limit.as_deref().is_some_and(Expr::begins_tasks);
        match &self.kind {
            ExprKind::Spawn(_) => true,
            // Bodies of their own.
            ExprKind::Race(_) | ExprKind::Closure(_) | ExprKind::Defer { .. } => false,
            ExprKind::Cleanup { .. } => false,
            ExprKind::Within { limit, otherwise, .. } => limit.begins_tasks() || limited(otherwise),
            ExprKind::Parallel { limit, .. } => limited(limit),
            ExprKind::ParallelFor { limit, items, .. } => limited(limit) || items.begins_tasks(),
            _ => self.any_part(&mut |part| part.begins_tasks()),
        }
    }

    fn any_part(&self, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
        let mut found = false;
        self.parts(&mut |part| found = found || test(part));
        found
    }
}
