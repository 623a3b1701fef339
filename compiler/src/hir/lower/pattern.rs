//! Patterns: bindings, variants, constants. What a `match` covers is next door, in `cover`.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::hir::{Local, Pattern, PatternKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, StringPart};
use crate::types::{DefKind, Kind, Ty, listed, place_of};

impl<'a> Lower<'_, 'a> {
    /// A pattern against a value of a type. Its names become locals.
    pub(super) fn pattern(&mut self, pattern: &'a ast::Pattern, ty: Ty, var: bool) -> Pattern {
        let before = self.locals.len();
        let lowered = self.part(pattern, ty, var);
        self.bound_once(before);
        lowered
    }

    /// WF1006, of a name that patterns side by side bind twice; they bound all locals from `before` on.
    pub(super) fn bound_once(&self, before: usize) {
        let mut seen: FxHashMap<&str, &Local> = FxHashMap::default();
        for local in self.locals[before..].iter().filter(|local| !local.name.is_empty()) {
            let first = *seen.entry(&local.name).or_insert(local);
            if !std::ptr::eq(first, local) {
                self.report(
                    Diagnostic::error("WF1006", local.span, format!("`{}` is bound twice", local.name))
                        .label("second time")
                        .also(first.span, "first time")
                        .help("give one another name, or `_` where its value is not needed"),
                );
            }
        }
    }

    /// A part of a pattern.
    pub(super) fn part(&mut self, pattern: &'a ast::Pattern, ty: Ty, var: bool) -> Pattern {
        use ast::PatternKind as P;
        let span = pattern.span;
        let done = |kind| Pattern { kind, ty, span };
        match &pattern.kind {
            P::Wildcard | P::Missing => done(PatternKind::Wildcard),
            P::As { pattern, name } => {
                let inner = self.part(pattern, ty, var);
                let local = self.declare(name, ty, var);
                done(PatternKind::As(Box::new(inner), local))
            }
            P::Or(alternatives) => {
                let before = self.locals.len();
                let alternatives: Vec<_> = alternatives.iter().map(|p| self.part(p, ty, var)).collect();
                if let Some(first) = self.locals.get(before) {
                    let d = Diagnostic::error("WF1018", first.span, "alternatives of a pattern cannot bind names");
                    self.report(d.label("bound here").help("use `_`, or write two arms"));
                    // That another alternative binds it as well is no other mistake.
                    self.locals[before..].iter_mut().for_each(|local| local.name.clear());
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
            && self.types().def(id).variant(name).is_some()
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
            args.into_iter().flatten().for_each(|p| drop(self.part(p, Ty::UNKNOWN, var)));
            return wildcard;
        }
        let short = name.text.rsplit('.').next().unwrap_or(&name.text);
        match self.kind_of(ty) {
            Kind::Enum(id) => {
                let def = self.types().def(id);
                let Some(index) = def.variant(short) else {
                    self.unknown_variant(id, short, name.span);
                    args.into_iter().flatten().for_each(|p| drop(self.part(p, Ty::UNKNOWN, var)));
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
                args.into_iter().flatten().for_each(|p| drop(self.part(p, Ty::UNKNOWN, var)));
                let message = format!("`{}` cannot match {}", name.text, self.name_of(ty));
                let mut d = Diagnostic::error("WF1002", span, message).label("never matches");
                if let Some((_, DefKind::Enum)) = self.type_item(&name.text) {
                    d = d.help("name a variant, not the enum");
                } else if let Some(known) = self.foreign_name(&name.text, name.span, &d) {
                    d = known;
                } else if ty == Ty::FAILURE {
                    let name = &name.text;
                    d = d.help(format!(
                        "failures are told apart where they are caught: `try {{ .. }} catch {name} as e {{ .. }}`"
                    ));
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
            args.iter().zip(fields.iter().chain(unknown)).map(|(p, ty)| self.part(p, *ty, var)).collect();
        if patterns.len() == fields.len() { patterns } else { Vec::new() }
    }

    fn tuple_pattern(&mut self, items: &'a [ast::Pattern], ty: Ty, var: bool, span: Span) -> Pattern {
        if let [one] = items {
            return self.part(one, ty, var);
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
        let fields = items.iter().zip(tys).enumerate().map(|(n, (p, ty))| (n as u16, self.part(p, ty, var)));
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
        for (at, name) in names.iter().enumerate().filter(|(_, n)| !n.text.is_empty()) {
            match place_of(&fields, at, |(n, _)| **n == *name.text) {
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
            let taken: FxHashSet<&str> = names.iter().map(|name| name.text.as_str()).collect();
            let left: Vec<_> = fields.iter().map(|(name, _)| name).filter(|name| !taken.contains(&***name)).collect();
            if !left.is_empty() {
                let message = format!("this pattern leaves out {}", listed(left.into_iter().map(|n| n.to_string())));
                self.report(
                    Diagnostic::error("WF1004", span, message).label("fields missing").help("end it with `, ..`"),
                );
            }
        }
        Pattern { kind: PatternKind::Fields(out), ty, span }
    }
}
