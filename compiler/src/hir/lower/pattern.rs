//! Patterns: bindings, variants, constants; and whether a `match` covers everything.

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Pattern, PatternKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, StringPart};
use crate::types::{DefKind, Kind, Ty};

impl<'a> Lower<'_, 'a> {
    /// A pattern against a value of a type. Its names become locals.
    pub(super) fn pattern(&mut self, pattern: &'a ast::Pattern, ty: Ty, var: bool) -> Pattern {
        use ast::PatternKind as P;
        let span = pattern.span;
        let done = |kind| Pattern { kind, ty, span };
        match &pattern.kind {
            P::Wildcard | P::Missing => done(PatternKind::Wildcard),
            P::As { pattern, name } => {
                let inner = self.pattern(pattern, ty, var);
                let local = self.declare(name, ty, var);
                done(PatternKind::As(Box::new(inner), local))
            }
            P::Or(alternatives) => {
                let before = self.locals.len();
                let alternatives: Vec<_> = alternatives.iter().map(|p| self.pattern(p, ty, var)).collect();
                if self.locals.len() > before {
                    let at = self.locals[before].span;
                    let d = Diagnostic::error("WF1018", at, "alternatives of a pattern cannot bind names");
                    self.report(d.label("bound in one alternative only").help("use `_`, or write two arms"));
                }
                done(PatternKind::Or(alternatives))
            }
            P::Path { name, args: None } if self.is_binding(&name.text, ty) => {
                done(PatternKind::Bind(self.declare(name, ty, var)))
            }
            _ => self.refutable(pattern, ty, var),
        }
    }

    /// Patterns that look into a value: an optional is looked through.
    fn refutable(&mut self, pattern: &'a ast::Pattern, ty: Ty, var: bool) -> Pattern {
        use ast::PatternKind as P;
        let span = pattern.span;
        let done = |kind| Pattern { kind, ty, span };
        if let P::None = pattern.kind {
            if self.types().inner(ty).is_none() && ty != Ty::UNKNOWN {
                self.pattern_mismatch(ty, "none", span);
            }
            return done(PatternKind::None);
        }
        if let Some(inner) = self.types().inner(ty) {
            let inner = self.refutable(pattern, inner, var);
            return done(PatternKind::Some(Box::new(inner)));
        }
        match &pattern.kind {
            P::Number(number) => match super::literal::number_value(number, ty) {
                Ok((value, found)) => {
                    if found != ty && ty != Ty::UNKNOWN {
                        self.pattern_mismatch(ty, &self.name_of(found), span);
                    }
                    done(PatternKind::Value(value))
                }
                Err(message) => {
                    self.report(Diagnostic::error("WF1016", span, message).label("does not fit"));
                    done(PatternKind::Wildcard)
                }
            },
            P::String(lit) => {
                if ty != Ty::STRING && ty != Ty::UNKNOWN {
                    self.pattern_mismatch(ty, "String", span);
                }
                match lit.parts.as_slice() {
                    [] => done(PatternKind::Value(Value::String(String::new()))),
                    [StringPart::Text(text)] => done(PatternKind::Value(Value::String(text.clone()))),
                    _ => {
                        let d = Diagnostic::error("WF1018", span, "a string in a pattern has no holes");
                        self.report(d.label("not constant").help("bind a name and test it with `if`"));
                        done(PatternKind::Wildcard)
                    }
                }
            }
            P::Bool(b) => {
                if ty != Ty::BOOL && ty != Ty::UNKNOWN {
                    self.pattern_mismatch(ty, "Bool", span);
                }
                done(PatternKind::Value(Value::Bool(*b)))
            }
            P::Path { name, args } => self.path_pattern(name, args.as_deref(), ty, var, span),
            P::Tuple(items) => self.tuple_pattern(items, ty, var, span),
            P::Record { fields, rest } => self.record_pattern(fields, *rest, ty, var, span),
            P::Wildcard | P::None | P::Or(_) | P::As { .. } | P::Missing => done(PatternKind::Wildcard),
        }
    }

    fn pattern_mismatch(&self, ty: Ty, found: &str, span: Span) {
        let message = format!("this pattern is for {found}, the value is {}", self.name_of(ty));
        self.report(Diagnostic::error("WF1002", span, message).label("never matches"));
    }

    /// Whether a name in a pattern is new: it is no variant of the type, and not written like one.
    fn is_binding(&self, name: &str, ty: Ty) -> bool {
        if name.contains('.') || name.is_empty() {
            return false;
        }
        let inner = self.types().inner(ty).unwrap_or(ty);
        if let Kind::Enum(id) = self.kind_of(inner)
            && self.types().def(id).variants.iter().any(|v| *v.name == *name)
        {
            return false;
        }
        !name.starts_with(|c: char| c.is_ascii_uppercase())
    }

    fn path_pattern(
        &mut self,
        name: &'a ast::Name,
        args: Option<&'a [ast::Pattern]>,
        ty: Ty,
        var: bool,
        span: Span,
    ) -> Pattern {
        let wildcard = Pattern { kind: PatternKind::Wildcard, ty, span };
        if name.text.is_empty() || ty == Ty::UNKNOWN {
            args.into_iter().flatten().for_each(|p| drop(self.pattern(p, Ty::UNKNOWN, var)));
            return wildcard;
        }
        let short = name.text.rsplit('.').next().unwrap_or(&name.text);
        match self.kind_of(ty) {
            Kind::Enum(id) => {
                let def = self.types().def(id);
                let Some(index) = def.variants.iter().position(|v| *v.name == *short) else {
                    self.unknown_variant(id, short, name.span);
                    args.into_iter().flatten().for_each(|p| drop(self.pattern(p, Ty::UNKNOWN, var)));
                    return wildcard;
                };
                self.variant_used(&def.variants[index], name.span);
                let fields: Vec<Ty> = def.variants[index].fields.iter().map(|f| f.ty).collect();
                let args = match args {
                    Some(args) => self.payload(short, args, &fields, var, span),
                    // `Rejected` alone matches whatever its payload is.
                    None => Vec::new(),
                };
                Pattern { kind: PatternKind::Variant(index as u16, args), ty, span }
            }
            Kind::Result(item) => {
                let (index, field) = match short {
                    "Ok" => (0, item),
                    "Failed" => (1, Ty::FAILURE),
                    _ => {
                        let d = Diagnostic::error("WF1001", name.span, format!("cannot find variant `{short}`"));
                        self.report(d.label("no such variant").help("a Result is `Ok(value)` or `Failed(failure)`"));
                        return wildcard;
                    }
                };
                let args = match args {
                    Some(args) => self.payload(short, args, &[field], var, span),
                    None => Vec::new(),
                };
                Pattern { kind: PatternKind::Variant(index, args), ty, span }
            }
            Kind::Record(id)
                if self.type_item(&name.text).is_some_and(|(of, _)| of == id || of == self.types().origin(id)) =>
            {
                let fields: Vec<Ty> = self.types().def(id).fields.iter().map(|f| f.ty).collect();
                let args = args.map_or(Vec::new(), |args| self.payload(short, args, &fields, var, span));
                let fields = args.into_iter().enumerate().map(|(n, p)| (n as u16, p)).collect();
                Pattern { kind: PatternKind::Fields(fields), ty, span }
            }
            _ => {
                args.into_iter().flatten().for_each(|p| drop(self.pattern(p, Ty::UNKNOWN, var)));
                let message = format!("`{}` cannot match {}", name.text, self.name_of(ty));
                let mut d = Diagnostic::error("WF1002", span, message).label("never matches");
                if let Some((_, DefKind::Enum)) = self.type_item(&name.text) {
                    d = d.help("name a variant, not the enum");
                }
                self.report(d);
                wildcard
            }
        }
    }

    fn payload(&mut self, name: &str, args: &'a [ast::Pattern], fields: &[Ty], var: bool, span: Span) -> Vec<Pattern> {
        if args.len() != fields.len() {
            let message = format!("`{name}` has {} fields, this pattern has {}", fields.len(), args.len());
            self.report(Diagnostic::error("WF1010", span, message).label("use `_` for what is not needed"));
        }
        let unknown = std::iter::repeat(&Ty::UNKNOWN);
        let patterns: Vec<_> =
            args.iter().zip(fields.iter().chain(unknown)).map(|(p, ty)| self.pattern(p, *ty, var)).collect();
        if patterns.len() == fields.len() { patterns } else { Vec::new() }
    }

    fn tuple_pattern(&mut self, items: &'a [ast::Pattern], ty: Ty, var: bool, span: Span) -> Pattern {
        if let [one] = items {
            return self.pattern(one, ty, var);
        }
        let tys = match self.kind_of(ty) {
            Kind::Tuple(tys) if tys.len() == items.len() => tys.to_vec(),
            Kind::Unknown => vec![Ty::UNKNOWN; items.len()],
            kind => {
                let message = match kind {
                    Kind::Tuple(tys) => format!("this pattern has {} elements, the tuple {}", items.len(), tys.len()),
                    _ => format!("a tuple pattern cannot match {}", self.name_of(ty)),
                };
                self.report(Diagnostic::error("WF1002", span, message).label("never matches"));
                vec![Ty::UNKNOWN; items.len()]
            }
        };
        let fields = items.iter().zip(tys).enumerate().map(|(n, (p, ty))| (n as u16, self.pattern(p, ty, var)));
        let kind = PatternKind::Fields(fields.collect());
        Pattern { kind, ty, span }
    }

    fn record_pattern(&mut self, names: &'a [ast::Name], rest: bool, ty: Ty, var: bool, span: Span) -> Pattern {
        let Some(fields) = self.types().fields(ty) else {
            for name in names {
                self.declare(name, Ty::UNKNOWN, var);
            }
            if ty != Ty::UNKNOWN {
                self.pattern_mismatch(ty, "a record", span);
            }
            return Pattern { kind: PatternKind::Wildcard, ty, span };
        };
        let mut out = Vec::new();
        for name in names.iter().filter(|n| !n.text.is_empty()) {
            match fields.iter().position(|(n, _)| **n == *name.text) {
                Some(index) => {
                    let field = fields[index].1;
                    let local = self.declare(name, field, var);
                    let bind = Pattern { kind: PatternKind::Bind(local), ty: field, span: name.span };
                    out.push((index as u16, bind));
                }
                None => {
                    self.declare(name, Ty::UNKNOWN, var);
                    self.unknown_field(ty, name);
                }
            }
        }
        if !rest {
            let left: Vec<_> =
                fields.iter().filter(|(n, _)| names.iter().all(|m| *m.text != **n)).map(|(n, _)| n.as_ref()).collect();
            if !left.is_empty() {
                let message = format!("this pattern leaves out {}", left.join(", "));
                self.report(
                    Diagnostic::error("WF1004", span, message).label("fields missing").help("end it with `, ..`"),
                );
            }
        }
        Pattern { kind: PatternKind::Fields(out), ty, span }
    }

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
            if let Some(witness) = self.witness(&rows, &ctor.fields) {
                missing.push(ctor.text(&witness));
            }
        }
        missing
    }

    fn uncovered(&self, arms: &[&Pattern], ty: Ty) -> Option<String> {
        let rows: Vec<Vec<&Pattern>> = arms.iter().map(|p| vec![*p]).collect();
        self.witness(&rows, &[ty]).map(|mut texts| texts.remove(0))
    }

    /// An example that no row of patterns matches, column by column.
    fn witness(&self, rows: &[Vec<&Pattern>], tys: &[Ty]) -> Option<Vec<String>> {
        let Some((first, rest)) = tys.split_first() else {
            return if rows.is_empty() { Some(Vec::new()) } else { None };
        };
        if let Some(constructors) = self.constructors(*first).filter(|_| rows.iter().any(|r| !always(r[0]))) {
            for ctor in constructors {
                let inner: Vec<Ty> = ctor.fields.iter().chain(rest).copied().collect();
                if let Some(mut witness) = self.witness(&specialize(rows, &ctor), &inner) {
                    let tail = witness.split_off(ctor.fields.len());
                    return Some(std::iter::once(ctor.text(&witness)).chain(tail).collect());
                }
            }
            return None;
        }
        // No finite set of constructors: only rows that match everything here count.
        let wild: Vec<Vec<&Pattern>> = rows.iter().filter(|r| always(r[0])).map(|r| r[1..].to_vec()).collect();
        let tail = self.witness(&wild, rest)?;
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
                variants
                    .map(|(n, v)| ctor(&v.name, Test::Variant(n as u16), v.fields.iter().map(|f| f.ty).collect()))
                    .collect()
            }
            Kind::Result(item) => {
                vec![ctor("Ok", Test::Variant(0), vec![item]), ctor("Failed", Test::Variant(1), vec![Ty::FAILURE])]
            }
            Kind::Tuple(items) => vec![ctor("", Test::Fields, items.to_vec())],
            Kind::Record(_) | Kind::Shape(_) => {
                let fields = self.types().fields(ty).unwrap_or_default();
                vec![ctor("{ .. }", Test::Fields, fields.into_iter().map(|(_, t)| t).collect())]
            }
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
