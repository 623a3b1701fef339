//! WF3012: a statement that only computes a value, which nobody gets.

use super::Lower;
use super::operator::symbol;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind, FnKind, Root, Stmt};
use crate::source::Span;
use crate::syntax::ast::BinaryOp;
use crate::types::Ty;

/// Where the value of a statement is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// Nothing follows it in a function without a result.
    pub end: bool,
    /// It is one of several that the statement may have. A literal or a name there is like nothing at all.
    pub arm: bool,
    /// It is an arm without braces around it.
    pub bare: bool,
}

impl Lower<'_, '_> {
    /// Warns of what a statement computes for nothing.
    pub(super) fn dropped(&self, expr: &Expr, at: At) {
        // What is made of a declaration with type parameters was looked at as it is declared.
        if self.instance || matches!(expr.ty, Ty::UNIT | Ty::NEVER | Ty::UNKNOWN) {
            // Arms of different types, and those that are wanted as nothing, have values of their own.
            if !self.instance {
                self.dropped_arms(expr, at);
            }
            return;
        }
        if at.arm && is_plain(expr) {
            return;
        }
        if self.is_idle(expr) || computes(expr) {
            self.warn_dropped(expr, at);
        } else {
            self.dropped_arms(expr, at);
        }
    }

    fn dropped_arms(&self, expr: &Expr, at: At) {
        let at = At { arm: true, bare: true, ..at };
        match &expr.kind {
            ExprKind::If { then, otherwise, .. } => [then, otherwise].iter().for_each(|arm| self.dropped(arm, at)),
            ExprKind::Match { arms, .. } => arms.iter().for_each(|arm| self.dropped(&arm.body, at)),
            ExprKind::Select(arms) => arms.iter().for_each(|arm| self.dropped_last(&arm.body, at)),
            ExprKind::Try { catches, .. } => catches.iter().for_each(|catch| self.dropped(&catch.body, at)),
            ExprKind::Within { otherwise: Some(otherwise), .. }
            | ExprKind::WaitUntil { otherwise: Some(otherwise), .. }
            | ExprKind::Receive { otherwise: Some(otherwise), .. } => self.dropped(otherwise, at),
            _ => {}
        }
    }

    /// The body of an arm that begins with taking what there is.
    fn dropped_last(&self, body: &Expr, at: At) {
        match &body.kind {
            ExprKind::Block { value: Some(value), .. } => self.dropped_last(value, at),
            _ => self.dropped(body, at),
        }
    }

    /// Whether evaluating it changes nothing, tells nothing and leaves nothing.
    fn is_idle(&self, expr: &Expr) -> bool {
        use ExprKind as E;
        let own = match &expr.kind {
            E::Call(index, _) => {
                let function = self.world.function(*index);
                !function.flow && function.sig.throws.is_empty()
            }
            E::Unit
            | E::Const(_)
            | E::Local(_)
            | E::State(_)
            | E::Now
            | E::Fact(_)
            | E::Some(_)
            | E::Unwrap(_)
            | E::Not(_)
            | E::Neg(_)
            | E::Binary(..)
            | E::IsNone(_)
            | E::Coalesce(..)
            | E::Widen(_)
            | E::Cast(_)
            | E::New(_)
            | E::Variant(..)
            | E::List(_)
            | E::Map(_)
            | E::Field(..)
            | E::Index(..)
            | E::Concat(_)
            | E::Native(..)
            | E::Closure(_)
            | E::Gather { .. }
            | E::Fold { .. }
            | E::Chain { .. } => true,
            E::Block { stmts, .. } => stmts.iter().all(|stmt| matches!(stmt, Stmt::Let { .. } | Stmt::Expr(_))),
            _ => false,
        };
        let mut idle = own;
        if own {
            expr.parts(&mut |part| idle = idle && self.is_idle(part));
        }
        idle
    }

    fn warn_dropped(&self, expr: &Expr, at: At) {
        let span = expr.span;
        let d = |message: &str| Diagnostic::warning("WF3012", span, message).label("its value is not used");
        let help = |d: Diagnostic, fallback: &str| match self.kind {
            FnKind::Check if expr.ty == Ty::BOOL => {
                d.help("a check refuses by throwing: `if !(..) { throw Refused(..) }`, with an `error Refused`")
            }
            FnKind::Test if expr.ty == Ty::BOOL => d.help("write `assert` before it").fix(Fix {
                title: "insert `assert`".into(),
                edits: vec![(Span { end: span.start, ..span }, "assert ".into())],
                safe: false,
            }),
            _ => match self.meant_as_result(expr.ty, at) {
                Some(declare) => d.help(format!("{declare}; else {fallback}")),
                None => d.help(fallback),
            },
        };
        let diagnostic = match &expr.kind {
            ExprKind::Binary(BinaryOp::Eq, left, _) if self.settable(left, None) && self.kind != FnKind::Test => {
                self.meant_to_assign(d("this compares, and does nothing with the answer"), left)
            }
            ExprKind::Binary(op, ..) if is_arithmetic(*op) => {
                help(d(&format!("this computes with `{}`, and nothing gets the result", symbol(*op))), OTHERWISE)
            }
            ExprKind::Binary(..) | ExprKind::Not(_) | ExprKind::IsNone(_) => {
                help(d("this compares, and does nothing with the answer"), "use it: `if .. { .. }`; or remove it")
            }
            _ => match receiver(expr) {
                Some(receiver) => return self.report(self.changed_copy(d(COPY), expr, receiver, at)),
                None => help(d("this does nothing: its value is thrown away"), OTHERWISE),
            },
        };
        self.report(diagnostic);
    }

    /// What to do about a value that may be meant as the result of what is lowered.
    fn meant_as_result(&self, ty: Ty, at: At) -> Option<String> {
        let of = match self.kind {
            FnKind::Fn | FnKind::Flow if at.end => "",
            FnKind::Body if at.end => " of the workflow",
            _ => return None,
        };
        Some(format!("if it is the result{of}, declare it: `-> {}`", self.name_of(ty)))
    }

    /// `n == 5` where `n` could be set.
    fn meant_to_assign(&self, d: Diagnostic, left: &Expr) -> Diagnostic {
        let place = self.text_at(left.span);
        let rest = self.text_after(left.span);
        let d = d.help(format!("`{place} = ..` sets it; `if {place} == .. {{ }}` asks"));
        let Some(at) = rest.find("==").filter(|at| rest[..*at].trim().is_empty()) else { return d };
        let start = left.span.end + at as u32;
        let sign = Span { start, end: start + 2, ..left.span };
        d.fix(Fix { title: "replace with `=`".into(), edits: vec![(sign, "=".into())], safe: false })
    }

    /// `xs.push(1)`: what changes nothing gives a changed copy.
    fn changed_copy(&self, d: Diagnostic, expr: &Expr, receiver: &Expr, at: At) -> Diagnostic {
        let d = d.why("values do not change: a method gives another value, and leaves what it was called on as it is");
        let (place, whole) = (self.text_at(receiver.span), self.text_at(expr.span));
        if receiver.ty == expr.ty && self.settable(receiver, Some(expr.ty)) {
            let (start, end) = (Span { end: expr.span.start, ..expr.span }, Span { start: expr.span.end, ..expr.span });
            // An assignment is a statement, so as an arm it stands in a block.
            let (help, edits) = match at.bare {
                true => (
                    format!("write `{{ {place} = {whole} }}`"),
                    vec![(start, format!("{{ {place} = ")), (end, " }".to_owned())],
                ),
                false => (format!("write `{place} = {whole}`"), vec![(start, format!("{place} = "))]),
            };
            let result = self.meant_as_result(expr.ty, at);
            let safe = result.is_none();
            let help = result.map_or(help.clone(), |declare| format!("{declare}; else {help}"));
            return d.help(help).fix(Fix { title: format!("assign to `{place}`"), edits, safe });
        }
        let name = match &receiver.kind {
            ExprKind::Local(id) if receiver.ty == expr.ty && !self.locals[id.0 as usize].var => Some(place),
            _ => None,
        };
        let help = match name {
            Some(name) => {
                format!("keep the copy, `let changed = {whole}`; or declare `var {name}` and write `{name} = {whole}`")
            }
            None => OTHERWISE.to_owned(),
        };
        match self.meant_as_result(expr.ty, at) {
            Some(declare) => d.help(format!("{declare}; else {help}")),
            None => d.help(help),
        }
    }

    /// Whether an expression is a variable or state, or a field of one, that may be assigned here.
    fn settable(&self, expr: &Expr, as_type: Option<Ty>) -> bool {
        if as_type.is_some_and(|ty| ty != expr.ty) {
            return false;
        }
        match Self::place(expr).map(|fact| fact.root) {
            Some(Root::Local(id)) => {
                let local = &self.locals[id.0 as usize];
                local.var && local.depth as usize == self.frames.len() && id.0 >= self.floor
            }
            Some(Root::State(cell)) => {
                let declared = self.members.is_some_and(|m| usize::from(cell) < m.states.len());
                declared && matches!(self.kind, FnKind::Body | FnKind::Signal | FnKind::Update)
            }
            None => false,
        }
    }

    /// The text of a place.
    pub(super) fn text_at(&self, span: Span) -> &str {
        let text = self.world.sources.get(usize::from(span.file.0)).map_or("", |s| s.text.as_str());
        text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// What stands behind a place.
    pub(super) fn text_after(&self, span: Span) -> &str {
        let text = self.world.sources.get(usize::from(span.file.0)).map_or("", |s| s.text.as_str());
        text.get(span.end as usize..).unwrap_or("")
    }
}

const COPY: &str = "this changes nothing: it gives a value, which is thrown away";
const OTHERWISE: &str = "keep it with `let name = ..`, or remove it; `let _ = ..` says that it is not wanted";

/// What a method is called on. A function has its name before its first argument.
fn receiver(expr: &Expr) -> Option<&Expr> {
    let first = match &expr.kind {
        ExprKind::Native(_, args) => args.first()?,
        ExprKind::Gather { items, .. } | ExprKind::Fold { items, .. } => items,
        _ => return None,
    };
    if first.span.start != expr.span.start || first.span.end >= expr.span.end {
        return None;
    }
    // `xs.push(1).push(2)`
    Some(receiver(first).filter(|inner| inner.ty == first.ty).unwrap_or(first))
}

/// Whether it says no more than that there is nothing to do.
fn is_plain(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Unit | ExprKind::Const(_) | ExprKind::Local(_) | ExprKind::State(_) => true,
        ExprKind::Some(inner) | ExprKind::Unwrap(inner) | ExprKind::Widen(inner) => is_plain(inner),
        _ => false,
    }
}

/// Arithmetic or a comparison: whatever its sides do, the result of it is for somebody.
fn computes(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Binary(op, ..) if !matches!(op, BinaryOp::And | BinaryOp::Or))
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
}
