//! How arguments meet parameters: by place or by name, defaults for what is left out, and what type parameters learn.

use std::borrow::Cow;

use weft_bytecode::options::{ACTIVITY_CALL_OPTIONS, CHILD_CALL_OPTIONS};

use super::Lower;
use super::expr::field_list;
use super::generic::Guess;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Arg};
use crate::types::{FieldDef, Ty, place_of};

impl<'a> Lower<'_, 'a> {
    /// Arguments in the order of the parameters, and the parameters in the order they were given. Missing ones take
    /// their defaults or are reported; every given one is looked at.
    pub(super) fn arguments(
        &mut self,
        callee: &str,
        what: &str,
        params: &[FieldDef],
        args: &'a [Arg],
        span: Span,
    ) -> (Vec<Expr>, Vec<usize>) {
        self.arguments_of(callee, what, params, args, None, span)
    }

    /// The arguments of what is not called but kept: each must be a constant.
    pub(crate) fn constant_arguments(
        &mut self,
        callee: &str,
        params: &[FieldDef],
        args: &'a [Arg],
        span: Span,
    ) -> Vec<Expr> {
        self.arguments(callee, "argument", params, args, span).0
    }

    /// As [`Lower::arguments`]; what type parameters stand for is told by the arguments.
    pub(super) fn arguments_of(
        &mut self,
        callee: &str,
        what: &str,
        params: &[FieldDef],
        args: &'a [Arg],
        mut guess: Option<&mut Guess>,
        span: Span,
    ) -> (Vec<Expr>, Vec<usize>) {
        let mut later: Vec<(usize, &'a ast::Expr)> = Vec::new();
        let mut values: Vec<Option<Expr>> = params.iter().map(|_| None).collect();
        let (mut order, mut next, mut named, mut unknown) = (Vec::new(), 0, false, 0);
        for arg in args {
            let index = match &arg.name {
                None if named => {
                    self.report(
                        Diagnostic::error("WF1010", arg.value.span, "an argument without a name follows a named one")
                            .label("which parameter is this?")
                            .help("give it its name, or move it to the front"),
                    );
                    None
                }
                None => {
                    next += 1;
                    (next <= params.len()).then_some(next - 1).or_else(|| {
                        if next == params.len() + 1 {
                            self.too_many(callee, what, params, args.len(), arg.value.span);
                        }
                        None
                    })
                }
                Some(name) => {
                    named = true;
                    let found = place_of(params, order.len(), |p| *p.name == *name.text);
                    match found {
                        Some(index) => self.noted(|notes| notes.mention(name.span, params[index].span)),
                        None => {
                            unknown += 1;
                            self.unknown_argument(callee, what, params, name);
                        }
                    }
                    found
                }
            };
            let Some(index) = index else {
                if !matches!(arg.value.kind, ast::ExprKind::Lambda { .. }) {
                    self.expr(&arg.value, Ty::UNKNOWN);
                }
                continue;
            };
            if values[index].is_some() {
                let message = format!("`{}` is given twice", params[index].name);
                self.report(Diagnostic::error("WF1006", arg.value.span, message).label("second time"));
            }
            order.push(index);
            values[index] = Some(match guess.as_deref_mut() {
                None => self.check(&arg.value, params[index].ty),
                Some(guess) if self.told_by_others(guess, &arg.value, params[index].ty) => {
                    later.push((index, &arg.value));
                    continue;
                }
                Some(guess) => self.guess_from(guess, &arg.value, params[index].ty),
            });
        }
        let params = match guess {
            None => Cow::Borrowed(params),
            Some(guess) => {
                for (index, lambda) in later {
                    values[index] = Some(self.guess_from(guess, lambda, params[index].ty));
                }
                let lost = values.len() < args.len() || unknown > 0 || self.lacks_some(params, &values);
                self.settle(guess, callee, params, &mut values, lost, span)
            }
        };
        (self.fill_arguments(callee, what, &params, values, unknown, span), order)
    }

    /// Whether an argument is missing that has no default.
    fn lacks_some(&self, params: &[FieldDef], values: &[Option<Expr>]) -> bool {
        let optional = |p: &FieldDef| p.default.is_some() || self.types().inner(p.ty).is_some();
        params.iter().zip(values).any(|(p, value)| value.is_none() && !optional(p))
    }

    fn fill_arguments(
        &mut self,
        callee: &str,
        what: &str,
        params: &[FieldDef],
        values: Vec<Option<Expr>>,
        unknown: usize,
        span: Span,
    ) -> Vec<Expr> {
        let mut missing = Vec::new();
        let mut out = Vec::new();
        for (value, param) in values.into_iter().zip(params) {
            out.push(match (value, param.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.default_expr(default, param.ty, span),
                (None, None) if self.types().inner(param.ty).is_some() => self.constant(Value::None, param.ty, span),
                (None, None) => {
                    missing.push(format!("`{}: {}`", param.name, self.name_of(param.ty)));
                    self.error(span)
                }
            });
        }
        // A name that is no parameter was probably meant for one that is missing.
        if missing.len() > unknown {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let message = format!("missing {what}{plural} {} in `{callee}`", missing.join(", "));
            self.report(
                Diagnostic::error("WF1004", span, message)
                    .label("not given here")
                    .help(format!("`{callee}({})`", field_list(params))),
            );
        }
        out
    }

    fn too_many(&self, callee: &str, what: &str, params: &[FieldDef], found: usize, span: Span) {
        let want = params.len();
        let plural = if want == 1 { "" } else { "s" };
        let message = format!("`{callee}` takes {want} {what}{plural}, found {found}");
        let mut d = Diagnostic::error("WF1010", span, message).label("one too many");
        if want > 0 {
            d = d.help(format!("`{callee}({})`", field_list(params)));
        }
        self.report(d);
    }

    fn unknown_argument(&self, callee: &str, what: &str, params: &[FieldDef], name: &ast::Name) {
        let message = format!("`{callee}` has no {what} `{}`", name.text);
        let mut d = Diagnostic::error("WF1001", name.span, message).label(format!("no such {what}"));
        if let Some(near) = self.world.near(&name.text, || params.iter().map(|p| &*p.name).collect()) {
            d = d.help(format!("did you mean `{near}`?"));
        } else if what == "argument" && ACTIVITY_CALL_OPTIONS.iter().chain(CHILD_CALL_OPTIONS).any(|o| *o == name.text)
        {
            d = d.help(format!("options follow the arguments: `{callee}(..) with {{ {}: .. }}`", name.text));
        } else if !params.is_empty() {
            d = d.help(format!("`{callee}({})`", field_list(params)));
        }
        self.report(d);
    }
}
