//! What the arms of a `match` cover: whether nothing is left over, and whether something is left for each of them.

use std::cell::Cell;

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Pattern, PatternKind, Value};
use crate::source::Span;
use crate::types::{Kind, Ty};

/// Steps that one question about a `match` may take. The worst case grows with every column; past this it counts as not
/// covered, and an arm as one that is reached.
const STEPS_MAX: u32 = 20_000;

impl Lower<'_, '_> {
    /// A pattern where nothing else is possible: it must always match.
    pub(super) fn require_total(&self, pattern: &Pattern, place: &str) {
        if pattern.ty == Ty::UNKNOWN || self.uncovered(&[pattern], pattern.ty).is_none() {
            return;
        }
        self.report(
            Diagnostic::error("WF1005", pattern.span, format!("{place} needs a pattern that always matches"))
                .label("may not match")
                .help("use `match` or `if let`"),
        );
    }

    /// WF1005: an example of what no arm covers.
    pub(super) fn require_exhaustive(&self, arms: &[&Pattern], ty: Ty, span: Span) {
        let missing = self.all_uncovered(arms, ty);
        if missing.is_empty() {
            return;
        }
        let list = missing.iter().map(|m| format!("`{m}`")).collect::<Vec<_>>().join(", ");
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
        let arms: Vec<_> = missing.iter().map(|m| format!("{m} => ..")).collect();
        self.report(
            Diagnostic::error("WF1005", span, format!("match does not cover {list}"))
                .label("not covered")
                .help(format!("add `{}`, or `_ => ..` for the rest", arms.join(", "))),
        );
    }

    fn is_open(&self, ty: Ty) -> bool {
        matches!(self.kind_of(ty), Kind::Enum(id) if self.types().def(self.types().origin(id)).open)
    }

    /// Each variant that is not covered, or one example.
    fn all_uncovered(&self, arms: &[&Pattern], ty: Ty) -> Vec<String> {
        let rows: Vec<Vec<&Pattern>> = arms.iter().map(|p| vec![*p]).collect();
        let Some(constructors) = self.constructors(ty) else {
            return self.uncovered(arms, ty).into_iter().collect();
        };
        if arms.iter().any(|p| always(p)) {
            return Vec::new();
        }
        let mut missing = Vec::new();
        for ctor in constructors {
            let rows = specialize(&rows, &ctor);
            if let Some(witness) = self.witness(&rows, &ctor.fields, &Cell::new(STEPS_MAX)) {
                missing.push(ctor.text(&witness));
            }
        }
        missing
    }

    fn uncovered(&self, arms: &[&Pattern], ty: Ty) -> Option<String> {
        let rows: Vec<Vec<&Pattern>> = arms.iter().map(|p| vec![*p]).collect();
        self.witness(&rows, &[ty], &Cell::new(STEPS_MAX)).map(|mut texts| texts.remove(0))
    }

    /// WF3004: what no value reaches, because the arms before have taken all that it is for. An arm with a guard takes
    /// nothing for sure.
    pub(super) fn warn_covered(&self, arms: &[(&Pattern, bool)], ty: Ty) {
        // A declaration with type parameters is read again for each use; what there is to say was said.
        if self.instance {
            return;
        }
        let mut before: Vec<&Pattern> = Vec::new();
        for (arm, guarded) in arms {
            let mut alternatives = Vec::new();
            split(arm, &mut alternatives);
            let mut rows = before.clone();
            let mut covered = Vec::new();
            for one in &alternatives {
                if !self.reached(&rows, one, ty) {
                    covered.push(*one);
                }
                rows.push(one);
            }
            if covered.len() == alternatives.len() && !before.is_empty() {
                self.report(self.never_matches("arm", arm, &before, ty));
            } else {
                for one in covered {
                    self.report(self.never_matches("alternative", one, &rows, ty));
                }
            }
            if !guarded {
                before.push(arm);
            }
        }
    }

    fn never_matches(&self, what: &str, pattern: &Pattern, before: &[&Pattern], ty: Ty) -> Diagnostic {
        let d = Diagnostic::warning("WF3004", pattern.span, format!("this {what} never matches"))
            .label("nothing is left for it")
            .help("remove it, or put it above the arms that cover it");
        let earlier = before.iter().filter(|p| p.span.start < pattern.span.start);
        match earlier.copied().find(|p| !self.reached(&[p], pattern, ty)) {
            Some(alone) => d.also(alone.span, "covers it"),
            None => d.why("the arms before it cover all that it is for"),
        }
    }

    /// Whether some value gets past the patterns before to this one.
    fn reached(&self, before: &[&Pattern], pattern: &Pattern, ty: Ty) -> bool {
        let rows: Vec<Vec<&Pattern>> = before.iter().map(|p| vec![*p]).collect();
        self.useful(&rows, &[pattern], &[ty], &Cell::new(STEPS_MAX))
    }

    /// Whether there are values that the last row matches and none of the others.
    fn useful(&self, rows: &[Vec<&Pattern>], last: &[&Pattern], tys: &[Ty], steps: &Cell<u32>) -> bool {
        let (Some((ty, rest)), Some((first, tail))) = (tys.split_first(), last.split_first()) else {
            return rows.is_empty();
        };
        if rows.iter().any(|row| row.iter().all(|p| always(p))) {
            return false;
        }
        if rows.is_empty() || spent(steps) {
            return true;
        }
        let looks = rows.iter().any(|row| !always(row[0])) || !always(first);
        if let Some(constructors) = self.constructors(*ty).filter(|_| looks) {
            return constructors.iter().any(|ctor| {
                let inner: Vec<Ty> = ctor.fields.iter().chain(rest).copied().collect();
                let rows = specialize(rows, ctor);
                let last = specialize(&[last.to_vec()], ctor);
                last.iter().any(|last| self.useful(&rows, last, &inner, steps))
            });
        }
        let mut forms = Vec::new();
        split(first, &mut forms);
        forms.iter().any(|form| match &form.kind {
            PatternKind::Value(value) => {
                let same = rows.iter().filter(|row| takes(row[0], value)).map(|row| row[1..].to_vec());
                self.useful(&same.collect::<Vec<_>>(), tail, rest, steps)
            }
            _ if always(form) => {
                let wild = rows.iter().filter(|row| always(row[0])).map(|row| row[1..].to_vec());
                self.useful(&wild.collect::<Vec<_>>(), tail, rest, steps)
            }
            // It does not fit its type, and that was said.
            _ => true,
        })
    }

    /// An example that no row of patterns matches, column by column.
    fn witness(&self, rows: &[Vec<&Pattern>], tys: &[Ty], steps: &Cell<u32>) -> Option<Vec<String>> {
        let Some((first, rest)) = tys.split_first() else {
            return if rows.is_empty() { Some(Vec::new()) } else { None };
        };
        if rows.iter().any(|row| row.iter().all(|p| always(p))) {
            return None;
        }
        if rows.is_empty() || spent(steps) {
            return Some(vec![String::from("_"); tys.len()]);
        }
        if let Some(constructors) = self.constructors(*first).filter(|_| rows.iter().any(|r| !always(r[0]))) {
            for ctor in constructors {
                let inner: Vec<Ty> = ctor.fields.iter().chain(rest).copied().collect();
                if let Some(mut witness) = self.witness(&specialize(rows, &ctor), &inner, steps) {
                    let tail = witness.split_off(ctor.fields.len());
                    return Some(std::iter::once(ctor.text(&witness)).chain(tail).collect());
                }
            }
            return None;
        }
        // No finite set of constructors: a value that no pattern names gets to the rows that match everything here.
        let wild: Vec<Vec<&Pattern>> = rows.iter().filter(|r| always(r[0])).map(|r| r[1..].to_vec()).collect();
        let tail = self.witness(&wild, rest, steps)?;
        Some(std::iter::once(String::from("_")).chain(tail).collect())
    }

    /// The forms a value of the type can have, if they are few.
    fn constructors(&self, ty: Ty) -> Option<Vec<Ctor>> {
        let ctor = |name: &str, test: Test, fields: Vec<Ty>| Ctor { name: name.into(), test, fields };
        Some(match self.kind_of(ty) {
            Kind::Bool => {
                vec![ctor("true", Test::Bool(true), Vec::new()), ctor("false", Test::Bool(false), Vec::new())]
            }
            Kind::Option(inner) => {
                vec![ctor("none", Test::None, Vec::new()), ctor("", Test::Some, vec![inner])]
            }
            Kind::Enum(id) => {
                let def = self.types().def(id);
                let variants = def.variants.iter().enumerate();
                let known = variants
                    .map(|(n, v)| ctor(&v.name, Test::Variant(n as u16), v.fields.iter().map(|f| f.ty).collect()));
                // One that is declared later is taken by what takes everything, and by nothing else.
                let open = self.types().def(self.types().origin(id)).open;
                known.chain(open.then(|| ctor("_", Test::Later, Vec::new()))).collect()
            }
            Kind::Result(item) => {
                vec![ctor("Ok", Test::Variant(0), vec![item]), ctor("Failed", Test::Variant(1), vec![Ty::FAILURE])]
            }
            Kind::Tuple(items) => vec![ctor("", Test::Fields, items.to_vec())],
            Kind::Record(id) => {
                let def = self.types().def(self.types().origin(id));
                let fields = self.types().fields(ty).unwrap_or_default();
                vec![ctor(&def.name, Test::Fields, fields.into_iter().map(|(_, t)| t).collect())]
            }
            Kind::Shape(fields) => vec![ctor("{ .. }", Test::Fields, fields.iter().map(|(_, t)| *t).collect())],
            _ => return None,
        })
    }
}

/// One form of a value.
struct Ctor {
    name: String,
    test: Test,
    fields: Vec<Ty>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    Bool(bool),
    None,
    Some,
    Variant(u16),
    Fields,
    /// A variant that is not declared yet.
    Later,
}

impl Ctor {
    fn text(&self, fields: &[String]) -> String {
        match self.test {
            _ if self.name == "{ .. }" => self.name.clone(),
            Test::Some => match fields {
                [one] if one == "_" => String::from("value"),
                _ => fields.join(", "),
            },
            _ if fields.is_empty() => self.name.clone(),
            _ => format!("{}({})", self.name, fields.join(", ")),
        }
    }
}

/// Whether a pattern matches whatever it sees.
fn always(pattern: &Pattern) -> bool {
    match &pattern.kind {
        PatternKind::Wildcard | PatternKind::Bind(_) => true,
        PatternKind::As(inner, _) => always(inner),
        PatternKind::Or(alternatives) => alternatives.iter().any(always),
        PatternKind::Fields(fields) => fields.iter().all(|(_, p)| always(p)),
        PatternKind::Value(_) | PatternKind::None | PatternKind::Some(_) | PatternKind::Variant(..) => false,
    }
}

/// The alternatives of a pattern that stand at its top.
fn split<'p>(pattern: &'p Pattern, out: &mut Vec<&'p Pattern>) {
    match &pattern.kind {
        PatternKind::Or(alternatives) => alternatives.iter().for_each(|p| split(p, out)),
        PatternKind::As(inner, _) => split(inner, out),
        _ => out.push(pattern),
    }
}

/// Whether a pattern that looks at one value only matches this one.
fn takes(pattern: &Pattern, value: &Value) -> bool {
    match &pattern.kind {
        PatternKind::Value(known) => known == value,
        PatternKind::Or(alternatives) => alternatives.iter().any(|p| takes(p, value)),
        PatternKind::As(inner, _) => takes(inner, value),
        _ => always(pattern),
    }
}

/// Takes a step; whether none was left.
fn spent(steps: &Cell<u32>) -> bool {
    let left = steps.get();
    steps.set(left.saturating_sub(1));
    left == 0
}

/// Stands for a field that no pattern looks at.
static WILD: Pattern = Pattern {
    kind: PatternKind::Wildcard,
    ty: Ty::UNKNOWN,
    span: Span { file: crate::source::FileId(0), start: 0, end: 0 },
};

/// The rows that can match a constructor, with its fields in front.
fn specialize<'p>(rows: &[Vec<&'p Pattern>], ctor: &Ctor) -> Vec<Vec<&'p Pattern>> {
    let mut out = Vec::new();
    for row in rows {
        open(row[0], &row[1..], ctor, &mut out);
    }
    out
}

fn open<'p>(pattern: &'p Pattern, rest: &[&'p Pattern], ctor: &Ctor, out: &mut Vec<Vec<&'p Pattern>>) {
    let wild: &'p Pattern = &WILD;
    let count = ctor.fields.len();
    let mut push = |fields: Vec<&'p Pattern>| {
        debug_assert_eq!(fields.len(), count);
        out.push(fields.into_iter().chain(rest.iter().copied()).collect());
    };
    match &pattern.kind {
        PatternKind::Wildcard | PatternKind::Bind(_) => push(vec![wild; count]),
        PatternKind::As(inner, _) => open(inner, rest, ctor, out),
        PatternKind::Or(alternatives) => alternatives.iter().for_each(|p| open(p, rest, ctor, out)),
        PatternKind::Value(Value::Bool(b)) if ctor.test == Test::Bool(*b) => push(Vec::new()),
        PatternKind::None if ctor.test == Test::None => push(Vec::new()),
        PatternKind::Some(inner) if ctor.test == Test::Some => push(vec![inner]),
        PatternKind::Variant(index, fields) if ctor.test == Test::Variant(*index) => {
            push(if fields.len() == count { fields.iter().collect() } else { vec![wild; count] });
        }
        PatternKind::Fields(fields) if ctor.test == Test::Fields => {
            let mut all = vec![wild; count];
            for (index, field) in fields {
                if let Some(slot) = all.get_mut(usize::from(*index)) {
                    *slot = field;
                }
            }
            push(all);
        }
        _ => {}
    }
}
