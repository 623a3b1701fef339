//! Uses of declarations with type parameters. What a parameter stands for is told by the arguments in the order they
//! are written, lambdas last; where they do not say it, by what is expected of the whole.

use std::borrow::Cow;

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::Expr;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::generic::Generics;
use crate::types::{DefId, FieldDef, Kind, Ty};

/// What the type parameters of something that is used stand for, as far as it is known.
pub(super) struct Guess {
    generics: Generics,
    /// Told by arguments; unknown where they have not said it.
    found: Vec<Ty>,
    /// Told by what is expected.
    hints: Vec<Ty>,
}

impl Guess {
    pub(super) fn new(generics: &Generics) -> Guess {
        let nothing = vec![Ty::UNKNOWN; generics.names.len()];
        Guess { generics: generics.clone(), found: nothing.clone(), hints: nothing }
    }

    fn known(&self) -> Vec<Ty> {
        let either = |(found, hint): (&Ty, &Ty)| if *found == Ty::UNKNOWN { *hint } else { *found };
        self.found.iter().zip(&self.hints).map(either).collect()
    }
}

impl<'a> Lower<'_, 'a> {
    /// A declared type, with what is known of its parameters.
    pub(super) fn guessed(&self, guess: &Guess, ty: Ty) -> Ty {
        self.types().subst(ty, guess.generics.owner, &guess.known())
    }

    /// Whether an argument has to wait until the others have told what it takes.
    pub(super) fn told_by_others(&self, guess: &Guess, arg: &ast::Expr, declared: Ty) -> bool {
        let Kind::Fn(params, _) = self.kind_of(declared) else { return false };
        matches!(arg.kind, ast::ExprKind::Lambda { .. })
            && params.iter().any(|ty| self.types().has_unknown(self.guessed(guess, *ty)))
    }

    /// Lowers an argument, and learns from it.
    pub(super) fn guess_from(&mut self, guess: &mut Guess, arg: &'a ast::Expr, declared: Ty) -> Expr {
        let want = self.guessed(guess, declared);
        let value = self.expr(arg, want);
        self.learn(guess, declared, value.ty);
        value
    }

    /// What a found type says about the parameters in a declared one.
    pub(super) fn learn(&self, guess: &mut Guess, declared: Ty, found: Ty) {
        let (owner, mut told) = (guess.generics.owner, Vec::new());
        self.compare(declared, found, &mut |kind, found| {
            if let Kind::Param { owner: of, index, .. } = kind
                && *of == owner
            {
                told.push((usize::from(*index), found));
            }
        });
        for (index, found) in told {
            let known = &mut guess.found[index];
            if *known == Ty::UNKNOWN || self.fits(*known, found) {
                *known = found;
            }
        }
    }

    /// What is expected of the result says what the arguments do not.
    pub(super) fn hint_from(&self, guess: &mut Guess, declared: Ty, want: Ty) {
        if want == Ty::UNIT {
            return;
        }
        let optional = self.types().inner(declared).is_some();
        let want = if optional { want } else { self.types().inner(want).unwrap_or(want) };
        let mut hinted = Guess::new(&guess.generics);
        self.learn(&mut hinted, declared, want);
        guess.hints = hinted.found;
    }

    /// Walks two types side by side and tells what stands where a parameter does.
    fn compare(&self, declared: Ty, found: Ty, tell: &mut dyn FnMut(&Kind, Ty)) {
        let types = self.types();
        match (types.kind(declared), types.kind(found)) {
            (Kind::Param { .. }, _) if types.has_unknown(found) || types.is_unsettled(found) => {}
            (kind @ Kind::Param { .. }, _) => tell(&kind, found),
            (Kind::Option(a), Kind::Option(b)) => self.compare(a, b, tell),
            (Kind::Option(a), _) => self.compare(a, found, tell),
            (Kind::List(a), Kind::List(b)) | (Kind::Set(a), Kind::Set(b)) | (Kind::Result(a), Kind::Result(b)) => {
                self.compare(a, b, tell);
            }
            (Kind::Map(k, v), Kind::Map(l, w)) => {
                self.compare(k, l, tell);
                self.compare(v, w, tell);
            }
            (Kind::Tuple(a), Kind::Tuple(b)) => a.iter().zip(b.iter()).for_each(|(a, b)| self.compare(*a, *b, tell)),
            (Kind::Fn(a, r), Kind::Fn(b, s)) => {
                a.iter().zip(b.iter()).for_each(|(a, b)| self.compare(*a, *b, tell));
                self.compare(r, s, tell);
            }
            (Kind::Shape(fields), Kind::Shape(_) | Kind::Record(_)) => {
                for (name, declared) in fields.iter() {
                    if let Some((_, found)) = types.field(found, name) {
                        self.compare(*declared, found, tell);
                    }
                }
            }
            (Kind::Record(a) | Kind::Enum(a), Kind::Record(b) | Kind::Enum(b)) => {
                if let (Some((of, a)), Some((same, b))) = (types.made_of(a), types.made_of(b))
                    && of == same
                {
                    a.iter().zip(b.iter()).for_each(|(a, b)| self.compare(*a, *b, tell));
                }
            }
            _ => {}
        }
    }

    /// Decides what the parameters stand for; the arguments become of those types. `lost` says that a mistake in the
    /// arguments was reported.
    pub(super) fn settle<'p>(
        &mut self,
        guess: &mut Guess,
        callee: &str,
        params: &'p [FieldDef],
        values: &mut [Option<Expr>],
        lost: bool,
        span: Span,
    ) -> Cow<'p, [FieldDef]> {
        self.decide(guess, callee, lost || values.iter().flatten().any(|v| v.ty == Ty::UNKNOWN), span);
        let params: Vec<FieldDef> =
            params.iter().map(|p| FieldDef { ty: self.guessed(guess, p.ty), ..p.clone() }).collect();
        for (value, param) in values.iter_mut().zip(&params) {
            if let Some(found) = value.take() {
                let want = if self.types().has_unknown(param.ty) { Ty::UNKNOWN } else { param.ty };
                *value = Some(self.coerce(found, want));
            }
        }
        Cow::Owned(params)
    }

    /// Takes what is expected where arguments have not told, and reports what nothing tells.
    pub(super) fn decide(&self, guess: &mut Guess, callee: &str, lost: bool, span: Span) {
        guess.found = guess.known();
        for (name, ty) in guess.generics.names.iter().zip(&guess.found) {
            if *ty == Ty::UNKNOWN && !lost {
                let d = Diagnostic::error("WF1002", span, format!("cannot tell what `{name}` of `{callee}` is"));
                self.report(
                    d.label("nothing here says it")
                        .why("a type parameter is told by the arguments, or by the type that is expected")
                        .help(format!("say what is expected: `let x: .. = {callee}(..)`")),
                );
                return;
            }
            if let Some(what) = self.types().not_data(*ty) {
                let d = Diagnostic::error("WF1007", span, format!("{what} cannot stand for `{name}` of `{callee}`"));
                self.report(d.label("not data").why("a type parameter stands for data: for what may be kept and sent"));
            }
        }
    }

    /// What was decided.
    pub(super) fn decided(guess: Guess) -> Vec<Ty> {
        guess.found
    }

    /// The function that a call of a declaration with parameters means, its parameters and its result.
    pub(super) fn function_for(&mut self, index: u32, guess: Guess, span: Span) -> (u32, Ty) {
        let result = self.guessed(&guess, self.world.functions[index as usize].sig.result);
        (self.world.function_of(index, &Self::decided(guess), span), result)
    }

    /// A function by its name that gets values of known types: itself, its parameters and its result.
    pub(super) fn function_given(
        &mut self,
        index: u32,
        given: &[Ty],
        want: Ty,
        span: Span,
    ) -> (u32, Vec<FieldDef>, Ty) {
        let item = &self.world.functions[index as usize];
        let (params, result) = (&item.sig.params, item.sig.result);
        let Some(generics) = &item.generics else { return (index, params.clone(), result) };
        let mut guess = Guess::new(generics);
        self.hint_from(&mut guess, result, want);
        for (param, given) in params.iter().zip(given) {
            self.learn(&mut guess, param.ty, *given);
        }
        self.decide(&mut guess, &item.decl.name.text, params.len() != given.len(), span);
        let params = params.iter().map(|p| FieldDef { ty: self.guessed(&guess, p.ty), ..p.clone() }).collect();
        let (index, result) = self.function_for(index, guess, span);
        (index, params, result)
    }

    /// The record, enum or variant of a declaration that is made here: with the types it is expected to have, if it is
    /// declared with parameters and is expected at all.
    pub(super) fn expected_of(&self, id: DefId, want: Ty) -> DefId {
        let wanted = self.types().inner(want).unwrap_or(want);
        self.types().is_made_of(wanted, id).unwrap_or(id)
    }

    /// Why nothing can be done with a value of some types.
    pub(super) fn opaque(&self, ty: Ty, d: Diagnostic) -> Diagnostic {
        match self.kind_of(ty) {
            Kind::Param { name, .. } => d
                .why(format!(
                    "`{name}` stands for any data: it can be kept, passed, written into a string and compared with `==`"
                ))
                .help(format!("take a function that does it as a parameter, as in `f: ({name}) => Bool`")),
            _ => d,
        }
    }

    /// The type that is made of a declaration with parameters.
    pub(super) fn made(&self, id: DefId, guess: Guess) -> Ty {
        self.types().instance(id, &Self::decided(guess))
    }
}
