//! `patch` and `deprecated patch`: new code beside old runs.

use super::Lower;
use super::expr::head;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Expr, ExprKind};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::Ty;
use crate::types::world::{PatchSite, PatchSites};

/// What is written at one site of a patch.
struct Written<'a> {
    id: &'a ast::StringLit,
    mode: Option<ast::PatchWord>,
    deprecated: bool,
    /// The word it begins with.
    keyword: Span,
}

impl<'a> Lower<'_, 'a> {
    pub(super) fn patch(
        &mut self,
        id: &'a ast::StringLit,
        mode: Option<ast::PatchWord>,
        then: &'a ast::Block,
        otherwise: Option<&'a ast::Block>,
        want: Ty,
        span: Span,
    ) -> Expr {
        let patch = self.patch_site(&Written { id, mode, deprecated: false, keyword: head(span, "patch") });
        let want = if otherwise.is_none() { Ty::UNIT } else { want };
        let before = self.facts.clone();
        let then = self.block(then, want);
        let after_then = std::mem::replace(&mut self.facts, before);
        let otherwise = match otherwise {
            Some(otherwise) => self.block(otherwise, self.hint(want, Some(&then))),
            None => self.unit(span),
        };
        let after_else = std::mem::take(&mut self.facts);
        self.meet(vec![(then.ty == Ty::NEVER, after_then), (otherwise.ty == Ty::NEVER, after_else)]);
        let (mut arms, ty) = self.unify(vec![then, otherwise], want);
        let (Some(otherwise), Some(then), Some(patch)) = (arms.pop(), arms.pop(), patch) else {
            return Expr { ty, ..self.error(span) };
        };
        let kind = ExprKind::Patch { patch, then: Box::new(then), otherwise: Some(Box::new(otherwise)) };
        Expr { kind, ty, span }
    }

    /// The new code runs in every run, so its value is the value of the whole.
    pub(super) fn deprecated_patch(
        &mut self,
        id: &'a ast::StringLit,
        mode: Option<ast::PatchWord>,
        (then, otherwise): (&'a ast::Block, Option<&'a ast::Block>),
        want: Ty,
        span: Span,
    ) -> Expr {
        let keyword = head(span, "deprecated");
        let patch = self.patch_site(&Written { id, mode, deprecated: true, keyword });
        if let Some(otherwise) = otherwise {
            let rest = Span { start: then.span.end, ..otherwise.span };
            let fix = Fix { title: "remove the old code".into(), edits: vec![(rest, String::new())], safe: false };
            self.report(
                Diagnostic::error("WF5003", otherwise.span, "a deprecated patch has no old code")
                    .label("never runs")
                    .also(keyword, "always the new code")
                    .why("it is for the time when every run that took the old code has ended")
                    .help("remove `else`; or, while such runs are open, remove `deprecated`")
                    .fix(fix),
            );
        }
        let then = self.block(then, want);
        let ty = then.ty;
        match (patch, otherwise) {
            (Some(patch), None) => {
                let kind = ExprKind::Patch { patch, then: Box::new(then), otherwise: None };
                Expr { kind, ty, span }
            }
            _ => Expr { ty, ..self.error(span) },
        }
    }

    /// The number of a patch; its sites are judged when all are known.
    fn patch_site(&mut self, written: &Written<'a>) -> Option<u16> {
        let Written { id, mode, deprecated, keyword } = *written;
        let text = match id.parts.as_slice() {
            [ast::StringPart::Text(text)] if !text.is_empty() => text.clone(),
            _ => {
                self.report(
                    Diagnostic::error("WF5002", id.span, "a patch id must be a plain string")
                        .label("not a plain string")
                        .why("histories record it, so it must be the same text for ever")
                        .help("`patch \"fraud-check-v2\" { .. }`"),
                );
                return None;
            }
        };
        let mut patches = self.world.patches.borrow_mut();
        let mut ids = self.world.patch_ids.borrow_mut();
        let index = match ids.get(&text) {
            Some(index) => *index,
            None => {
                ids.insert(text.clone(), patches.len());
                patches.push(PatchSites { id: text, mode, deprecated, sites: Vec::new() });
                patches.len() - 1
            }
        };
        if self.instance {
            return Some(index as u16);
        }
        let site = &mut patches[index];
        if let Some(first) = site.sites.first() {
            self.one_meaning(site, first, written);
        }
        let in_loop = self.loops > 0;
        site.sites.push(PatchSite { span: id.span, keyword, in_loop, home: self.home });
        Some(index as u16)
    }

    /// All sites of an id say the same: histories only know the id.
    fn one_meaning(&self, patch: &PatchSites, first: &PatchSite, written: &Written<'a>) {
        let id = written.id.span;
        if patch.deprecated != written.deprecated {
            let (here, there) = match patch.deprecated {
                true => ("decides here", "deprecated here"),
                false => ("deprecated here", "decides here"),
            };
            let message = format!("patch \"{}\" is deprecated at one place and decides at another", patch.id);
            self.report(
                Diagnostic::error("WF5002", id, message)
                    .label(here)
                    .also(first.span, there)
                    .why("one mark stands for all places of an id, and a deprecated one does not remember it")
                    .help("deprecate all of them, or none until all can be"),
            );
        } else if patch.mode != written.mode {
            let message = format!("patch \"{}\" is decided in two ways", patch.id);
            self.report(
                Diagnostic::error("WF5002", id, message)
                    .label("another mode here")
                    .also(first.span, "first one")
                    .help("use the same word at all its sites, or another id"),
            );
        }
    }
}
