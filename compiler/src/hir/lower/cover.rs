//! What the arms of a `match` cover: whether nothing is left over, and whether something is left for each of them.

mod matrix;

use std::cell::Cell;

use rustc_hash::FxHashMap;

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Pattern, PatternKind};
use crate::source::Span;
use crate::types::{Kind, Ty, listed};
use matrix::{Form, Left, Matrix};

/// Steps for each pattern of a `match`, which all of them may take. Most need fewer than ten.
const PATTERN_STEPS: usize = 64;
/// Steps that one `match` may take besides. The worst case grows with every column; past this WF1005 asks for an arm for
/// the rest, and every arm counts as one that is reached.
const MATCH_STEPS_MAX: usize = 4_000_000;
/// Steps that all of a compilation may take besides.
pub(crate) const STEPS_MAX: usize = 40_000_000;

/// Arms that WF1005 shows how to add; where more are missing, their list says enough.
const ARMS_MAX: usize = 20;

/// What questions about one `match` may still cost: a row that is looked at is a step.
struct Steps {
    left: Cell<usize>,
}

impl Steps {
    /// Takes some; false if there are not enough.
    fn take(&self, steps: usize) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    fn are_spent(&self) -> bool {
        self.left.get() == 0
    }
}

impl Lower<'_, '_> {
    /// A pattern where nothing else is possible: it must always match.
    pub(super) fn require_total(&self, pattern: &Pattern, place: &str) {
        if pattern.ty == Ty::UNKNOWN {
            return;
        }
        let left = self.all_uncovered(&[pattern], pattern.ty);
        if left.texts.is_empty() && !left.gave_up {
            return;
        }
        let d = Diagnostic::error("WF1005", pattern.span, format!("{place} needs a pattern that always matches"))
            .label("may not match");
        let d = if left.texts.is_empty() { d.why("it is too involved to be checked") } else { d };
        self.report(d.help("use `match` or `if let`"));
    }

    /// WF1005: an example of what no arm covers.
    pub(super) fn require_exhaustive(&self, arms: &[&Pattern], ty: Ty, span: Span) {
        let Left { texts: missing, gave_up } = self.all_uncovered(arms, ty);
        if missing.is_empty() {
            if gave_up {
                let d = Diagnostic::error("WF1005", span, "match is too involved to be checked");
                let d = d.label("perhaps not everything is covered").why("its patterns go together in too many ways");
                self.report(d.help("add `_ => ..` for the rest"));
            }
            return;
        }
        if missing.iter().any(|m| m == "_") && self.is_open(ty) && missing.len() == 1 {
            let message = format!("match does not cover the variants that {} may have later", self.name_of(ty));
            let d = Diagnostic::error("WF1005", span, message).label("not covered");
            let why = "it is `@open`: variants that are added to it must break nobody";
            return self.report(d.why(why).help("add `_ => ..` for the rest"));
        }
        if missing.iter().any(|m| m == "_") {
            let message = format!("match does not cover every {}", self.name_of(ty));
            let d = Diagnostic::error("WF1005", span, message).label("not covered");
            return self.report(d.help("add `_ => ..` for the rest"));
        }
        let list = listed(missing.iter().map(|m| format!("`{m}`")));
        let d = Diagnostic::error("WF1005", span, format!("match does not cover {list}")).label("not covered");
        let arms: Vec<_> = missing.iter().take(ARMS_MAX).map(|m| format!("{m} => ..")).collect();
        self.report(d.help(match arms.len() == missing.len() {
            true => format!("add `{}`, or `_ => ..` for the rest", arms.join(", ")),
            false => "add arms for them, or `_ => ..` for the rest".to_owned(),
        }));
    }

    fn is_open(&self, ty: Ty) -> bool {
        matches!(self.kind_of(ty), Kind::Enum(id) if self.types().def(self.types().origin(id)).open)
    }

    /// Each variant that is not covered, or one example.
    fn all_uncovered(&self, arms: &[&Pattern], ty: Ty) -> Left {
        self.within_steps(arms.iter().copied(), |steps| {
            let mut matrix = Matrix::new(self.types(), steps, ty);
            let rows = arms.iter().enumerate().map(|(n, arm)| matrix.row(arm, n, false)).collect();
            matrix.all_left(rows)
        })
    }

    /// Asks about patterns, with the steps that they have.
    fn within_steps<'p, R>(&self, patterns: impl Iterator<Item = &'p Pattern>, ask: impl FnOnce(&Steps) -> R) -> R {
        let own = PATTERN_STEPS * patterns.map(size).sum::<usize>();
        let all = &self.world.cover_steps_left;
        let besides = all.get().min(MATCH_STEPS_MAX);
        let steps = Steps { left: Cell::new(own + besides) };
        let answer = ask(&steps);
        all.set(all.get() - besides.saturating_sub(steps.left.get()));
        answer
    }

    /// WF3004: what no value reaches, because the arms before have taken all that it is for. An arm with a guard takes
    /// nothing for sure.
    pub(super) fn warn_covered(&self, arms: &[(&Pattern, bool)], ty: Ty) {
        // A declaration with type parameters is read again for each use; what there is to say was said.
        if self.instance {
            return;
        }
        self.within_steps(arms.iter().map(|(arm, _)| *arm), |steps| {
            let mut matrix = Matrix::new(self.types(), steps, ty);
            let (mut rows, mut alternatives) = (Vec::new(), Vec::new());
            for (n, (arm, guarded)) in arms.iter().enumerate() {
                let mut of_arm = Vec::new();
                matrix::split(arm, &mut of_arm);
                rows.extend(of_arm.iter().map(|one| matrix.row(one, n, *guarded)));
                alternatives.push(of_arm);
            }
            let mut reached = matrix.reached(rows).into_iter();
            if reached.as_slice().iter().all(|reached| *reached) {
                return;
            }
            let mut before = Earlier::default();
            for ((arm, guarded), alternatives) in arms.iter().zip(alternatives) {
                let covered: Vec<&Pattern> = alternatives
                    .iter()
                    .zip(reached.by_ref())
                    .filter(|(_, reached)| !reached)
                    .map(|(p, _)| *p)
                    .collect();
                if covered.len() == alternatives.len() && before.count > 0 {
                    self.report(self.never_matches("arm", arm, before.alone(self, arm, ty, steps)));
                } else if !covered.is_empty() {
                    let mut own = Earlier::default();
                    alternatives.iter().for_each(|one| own.add(one));
                    for one in covered {
                        let earlier = before.alone(self, one, ty, steps);
                        let earlier = earlier.or_else(|| own.alone(self, one, ty, steps));
                        self.report(self.never_matches("alternative", one, earlier));
                    }
                }
                if !guarded {
                    before.add(arm);
                }
            }
        });
    }

    fn never_matches(&self, what: &str, pattern: &Pattern, alone: Option<Span>) -> Diagnostic {
        let d = Diagnostic::warning("WF3004", pattern.span, format!("this {what} never matches"))
            .label("nothing is left for it")
            .help("remove it, or put it above the arms that cover it");
        match alone {
            Some(alone) => d.also(alone, "covers it"),
            None => d.why("the arms before it cover all that it is for"),
        }
    }

    /// Whether some value that another pattern does not match gets to this one.
    fn reached(&self, before: &Pattern, pattern: &Pattern, ty: Ty, steps: &Steps) -> bool {
        let mut matrix = Matrix::new(self.types(), steps, ty);
        let rows = vec![matrix.row(before, 0, false), matrix.row(pattern, 1, false)];
        matrix.reached(rows)[1]
    }
}

/// The form that a pattern looks for, and one that it looks for in a field.
type Looks<'p> = (Form<'p>, Option<(u16, Form<'p>)>);

/// Patterns above another, by what they look for.
#[derive(Default)]
struct Earlier<'p> {
    count: usize,
    /// Each by one thing that it looks for: what looks for something else is not covered by it.
    by_looks: FxHashMap<Looks<'p>, Vec<(usize, &'p Pattern)>>,
    /// Those that look for several forms, or for none.
    wide: Vec<(usize, &'p Pattern)>,
}

impl<'p> Earlier<'p> {
    fn add(&mut self, pattern: &'p Pattern) {
        let place = (self.count, pattern);
        self.count += 1;
        let Some((one, form)) = only_form(pattern) else { return self.wide.push(place) };
        // The rarest field, as all of them may look for the same in another.
        let mut looks = Vec::new();
        matrix::parts(one, |index, part| looks.extend(only_form(part).map(|(_, inner)| (form, Some((index, inner))))));
        let rarest = looks.into_iter().min_by_key(|looks| self.by_looks.get(looks).map_or(0, Vec::len));
        self.by_looks.entry(rarest.unwrap_or((form, None))).or_default().push(place);
    }

    /// The place of the first that takes all that a pattern below it is for; none if the steps are not enough.
    fn alone(&self, lower: &Lower<'_, '_>, pattern: &'p Pattern, ty: Ty, steps: &Steps) -> Option<Span> {
        let mut looks = Vec::new();
        if let Some((one, form)) = first_form(pattern) {
            looks.push((form, None));
            matrix::parts(one, |index, part| {
                looks.extend(first_form(part).map(|(_, inner)| (form, Some((index, inner)))))
            });
        }
        let covers =
            |(_, p): &&(usize, &Pattern)| p.span.start < pattern.span.start && !lower.reached(p, pattern, ty, steps);
        let same = looks.iter().filter_map(|looks| self.by_looks.get(looks));
        let first =
            |all: &'_ Vec<(usize, &'p Pattern)>| all.iter().take_while(|_| !steps.are_spent()).find(covers).copied();
        same.chain([&self.wide]).filter_map(first).min_by_key(|(place, _)| *place).map(|(_, p)| p.span)
    }
}

/// The form that a pattern looks for, if it is one and no other.
fn only_form(pattern: &Pattern) -> Option<(&Pattern, Form<'_>)> {
    let mut alternatives = Vec::new();
    matrix::split(pattern, &mut alternatives);
    match alternatives.as_slice() {
        [one] if !matrix::always(one) => Some((one, matrix::form(one)?)),
        _ => None,
    }
}

/// The form that the first alternative of a pattern looks for.
fn first_form(pattern: &Pattern) -> Option<(&Pattern, Form<'_>)> {
    let mut alternatives = Vec::new();
    matrix::split(pattern, &mut alternatives);
    let one = *alternatives.first()?;
    Some((one, matrix::form(one)?))
}

/// Patterns in a pattern, itself included.
fn size(pattern: &Pattern) -> usize {
    1 + match &pattern.kind {
        PatternKind::As(inner, _) | PatternKind::Some(inner) => size(inner),
        PatternKind::Or(parts) | PatternKind::Variant(_, parts) => parts.iter().map(size).sum(),
        PatternKind::Fields(fields) => fields.iter().map(|(_, part)| size(part)).sum(),
        PatternKind::Wildcard | PatternKind::Bind(_) | PatternKind::Value(_) | PatternKind::None => 0,
    }
}
