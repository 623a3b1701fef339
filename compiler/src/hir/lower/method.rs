//! Methods: rows of the std table, and the few that many types have.

use weft_bytecode::calendar;
use weft_bytecode::op::Native;
use weft_bytecode::wire::text;

use super::Lower;
use super::operator::is_written;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Value};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast::{self, Arg};
use crate::types::{FieldDef, Kind, Ty, near};

/// What other languages call our methods.
const FOREIGN: &[(&str, &str)] = &[
    ("len", "length"),
    ("size", "length"),
    ("count", "length"),
    ("empty", "is_empty"),
    ("isEmpty", "is_empty"),
    ("indexOf", "index_of"),
    ("add", "push"),
    ("append", "push"),
    ("reduce", "fold"),
    ("some", "any"),
    ("every", "all"),
    ("includes", "contains"),
    ("has_key", "has"),
    ("contains_key", "has"),
    ("toUpperCase", "upper"),
    ("toLowerCase", "lower"),
    ("to_upper", "upper"),
    ("to_lower", "lower"),
    ("strip", "trim"),
    ("startsWith", "starts_with"),
    ("endsWith", "ends_with"),
    ("items", "entries"),
    ("str", "to_string"),
    ("toString", "to_string"),
    ("sorted", "sort"),
    ("insert", "set"),
    ("put", "set"),
    ("takeWhile", "take_while"),
    ("dropWhile", "drop_while"),
    ("minBy", "min_by"),
    ("maxBy", "max_by"),
    ("unique", "distinct"),
    ("windowed", "window"),
    ("index_by", "key_by"),
    ("mapValues", "map_values"),
    ("minus", "difference"),
    ("match", "captures"),
    ("findall", "find_all"),
    ("re_sub", "replace_pattern"),
];

/// Those of ours that do just what others do under other names.
const SAME: &[&str] = &[
    "length",
    "contains",
    "has",
    "upper",
    "lower",
    "trim",
    "starts_with",
    "ends_with",
    "to_string",
    "any",
    "all",
    "push",
    "is_empty",
];

const DATE_PATTERN: &str = "a pattern of a Date is like `%d.%m.%Y`, without a clock; `%%` is a percent sign";
const TIME_PATTERN: &str = "a pattern of a Time is like `%d.%m.%Y %H:%M`; `%%` is a percent sign";
const READ_PATTERN: &str =
    "a pattern to read a Time with is like `%d.%m.%Y %H:%M`, with `%z` for an offset and `%Q` for a zone";

impl<'a> Lower<'_, 'a> {
    pub(super) fn method(&mut self, object: Expr, name: &'a ast::Name, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let ty = object.ty;
        if ty == Ty::UNKNOWN || ty == Ty::NEVER || name.text.is_empty() {
            self.lower_all(args);
            return self.error(span);
        }
        let object = match self.run_member(object, name, Some(args), span) {
            Ok(read) => return read,
            Err(object) => object,
        };
        let kind = self.kind_of(ty);
        if let Some(row) = stdlib::method(&kind, &name.text) {
            if row.field {
                self.lower_all(args);
                let after = Span { start: name.span.end, end: span.end, ..span };
                let message = format!("`{}` is read, not called", row.name);
                let d = Diagnostic::error("WF1002", span, message).label("takes no arguments");
                self.report(d.help(format!("`.{}`", row.name)).fix(crate::diagnostic::Fix {
                    title: "remove the parentheses".to_owned(),
                    edits: vec![(after, String::new())],
                    safe: args.is_empty(),
                }));
                return self.error(span);
            }
            match row.body {
                stdlib::Body::Native(native) => return self.native_call(row, native, Some(object), args, span),
                stdlib::Body::Lowered if row.takes_lambda() => return self.collect(object, row.name, args, want, span),
                stdlib::Body::Lowered => {}
            }
        }
        if let Some(expr) = self.common_method(object, &kind, name, args, span) {
            return expr;
        }
        self.lower_all(args);
        self.error(span)
    }

    /// Methods that many types have.
    fn common_method(
        &mut self,
        object: Expr,
        kind: &Kind,
        name: &'a ast::Name,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Expr> {
        let ty = object.ty;
        match (name.text.as_str(), kind) {
            (_, Kind::Option(_)) => {
                self.report(
                    self.may_be_none(object.span, ty, &object)
                        .help("use `?.` to go on only if there is a value, `?? ..` for a default, or `if let x = ..`"),
                );
                None
            }
            ("is_empty", Kind::List(_) | Kind::Map(..) | Kind::Set(_)) => {
                self.arguments("is_empty", "argument", &[], args, span);
                let length = Expr { kind: ExprKind::Native(Native::ListLength, vec![object]), ty: Ty::INT, span };
                let zero = self.constant(Value::Int(0), Ty::INT, span);
                let kind = ExprKind::Binary(ast::BinaryOp::Eq, Box::new(length), Box::new(zero));
                Some(Expr { kind, ty: Ty::BOOL, span })
            }
            ("to_decimal", Kind::Int) => {
                self.arguments("to_decimal", "argument", &[], args, span);
                Some(Expr { kind: ExprKind::Widen(Box::new(object)), ty: Ty::DECIMAL, span })
            }
            ("to_string" | "to_json", _) if self.types().not_data(ty).is_none() && ty != Ty::UNIT => {
                self.arguments(&name.text, "argument", &[], args, span);
                let (native, ty) = match name.text.as_str() {
                    "to_string" => (Native::ToText, Ty::STRING),
                    _ => (Native::ToJson, Ty::JSON),
                };
                Some(Expr { kind: ExprKind::Native(native, vec![object]), ty, span })
            }
            _ => {
                self.unknown_method(ty, name, args.len());
                None
            }
        }
    }

    fn unknown_method(&self, ty: Ty, name: &ast::Name, args: usize) {
        let message = format!("cannot find method `{}` of {}", name.text, self.name_of(ty));
        let mut d = Diagnostic::error("WF1001", name.span, message).label("no such method");
        let known: Vec<&str> = self.method_names(ty);
        // `count` with arguments asks for something else than how many there are.
        let foreign = self.foreign_method(ty, &name.text).filter(|ours| *ours != "length" || args == 0);
        if matches!(name.text.as_str(), "forEach" | "for_each" | "each") && known.contains(&"map") {
            d = d.help("write `for item in items { .. }`");
        } else if let Some(ours) = foreign {
            d = d.help(format!("here it is `{ours}`")).fix(crate::diagnostic::Fix {
                title: format!("replace with `{ours}`"),
                edits: vec![(name.span, ours.to_owned())],
                safe: SAME.contains(&ours) && self.takes(ty, ours, args),
            });
        } else if let Some(near) = near(&name.text, known.iter().copied()) {
            d = d.help(format!("did you mean `{near}`?")).fix(crate::diagnostic::Fix {
                title: format!("replace with `{near}`"),
                edits: vec![(name.span, near.to_owned())],
                safe: false,
            });
        } else if !known.is_empty() {
            d = d.help(format!("it has {}", known.join(", ")));
        }
        d = self.opaque(ty, d);
        self.report(d);
    }

    /// What a name that no value of the type has is called here.
    pub(super) fn foreign_method(&self, ty: Ty, name: &str) -> Option<&'static str> {
        let known = self.method_names(ty);
        FOREIGN.iter().find(|(theirs, ours)| *theirs == name && known.contains(ours)).map(|(_, ours)| *ours)
    }

    /// Whether a method can be called with so many arguments.
    fn takes(&self, ty: Ty, method: &str, args: usize) -> bool {
        let Some(row) = stdlib::method(&self.kind_of(ty), method) else { return args == 0 };
        let needed = row.params.iter().filter(|p| p.default.is_none()).count();
        (needed..=row.params.len()).contains(&args)
    }

    fn method_names(&self, ty: Ty) -> Vec<&'static str> {
        let kind = self.kind_of(ty);
        let common = matches!(kind, Kind::List(_) | Kind::Map(..) | Kind::Set(_)).then_some("is_empty");
        stdlib::methods(&kind).map(|row| row.name).chain(common).collect()
    }

    pub(super) fn is_method(&self, ty: Ty, name: &str) -> bool {
        self.method_names(ty).contains(&name)
    }

    /// A function of the library that is a native, called.
    pub(super) fn native_call(
        &mut self,
        row: &'static stdlib::Row,
        native: Native,
        object: Option<Expr>,
        args: &'a [Arg],
        span: Span,
    ) -> Expr {
        let mut bound = [Ty::UNKNOWN; stdlib::VARS_MAX];
        if let (Some(me), Some(object)) = (row.me, &object)
            && !me.bind(self.types(), object.ty, &mut bound)
        {
            self.lower_all(args);
            let (wanted, found) = (me.name(self.types(), row.vars), self.name_of(object.ty));
            let message = format!("`{}` needs {wanted}; this is {found}", row.name);
            self.report(Diagnostic::error("WF1002", span, message).label("cannot be used on this"));
            return self.error(span);
        }
        if let Some((lacks, item)) = row.lacks(self.types(), &bound) {
            self.lower_all(args);
            let message = format!("`{}` needs {lacks}; these are {}", row.name, self.name_of(item));
            self.report(Diagnostic::error("WF1002", span, message).label("cannot be used on this list"));
            return self.error(span);
        }
        // What is left out is as if it were not there, and is put in afterwards.
        let positional = args.iter().filter(|arg| arg.name.is_none()).count();
        let given = |place: usize, p: &stdlib::Param| {
            p.default.is_none()
                || place < positional
                || args.iter().any(|arg| arg.name.as_ref().is_some_and(|name| name.text == p.name))
        };
        let taken: Vec<bool> = row.params.iter().enumerate().map(|(place, p)| given(place, p)).collect();
        let params: Vec<FieldDef> = row
            .params
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| **taken)
            .map(|(p, _)| {
                let ty = if p.shape.is_known(&bound) { p.shape.ty(self.types(), &bound) } else { Ty::UNKNOWN };
                FieldDef { name: p.name.into(), ty, default: None, span }
            })
            .collect();
        let (values, order) = self.arguments(row.name, "argument", &params, args, span);
        let mut values = values.into_iter();
        let mut all: Vec<Expr> = object.into_iter().collect();
        let shift = all.len();
        for (p, taken) in row.params.iter().zip(taken) {
            match (p.default, taken.then(|| values.next()).flatten()) {
                (_, Some(value)) => {
                    if !p.shape.bind(self.types(), value.ty, &mut bound) {
                        let (wanted, found) = (p.shape.name(self.types(), row.vars), self.name_of(value.ty));
                        let d = Diagnostic::error("WF1002", value.span, format!("expected {wanted}, found {found}"));
                        self.report(d.label("of another type"));
                        return self.error(span);
                    }
                    all.push(value);
                }
                (Some(default), None) => {
                    let ty = p.shape.ty(self.types(), &bound);
                    all.push(self.constant(default.value(), ty, span));
                }
                (None, None) => all.push(self.error(span)),
            }
        }
        for (p, value) in row.params.iter().zip(&all[shift..]) {
            self.check_text(p.name, native, value);
        }
        if native == Native::DateOf && args.iter().all(|arg| is_written(&arg.value)) && self.no_such_day(&all, span) {
            return self.error(span);
        }
        let ty = row.result.ty(self.types(), &bound);
        let order: Vec<usize> = (0..shift).chain(order.into_iter().map(|n| n + shift)).collect();
        self.in_source_order(all, &order, span, |args| Expr { kind: ExprKind::Native(native, args), ty, span })
    }

    /// WF1016: `Date.of(2026, 2, 30)`.
    fn no_such_day(&self, parts: &[Expr], span: Span) -> bool {
        let [ExprKind::Const(Value::Int(year)), ExprKind::Const(Value::Int(month)), ExprKind::Const(Value::Int(day))] =
            [0, 1, 2].map(|n| parts.get(n).map_or(&ExprKind::Unit, |part| &part.kind))
        else {
            return false;
        };
        let none = text::days(*year, *month, *day).is_none();
        if none {
            let message = format!("there is no day {year}-{month:02}-{day:02}");
            self.report(Diagnostic::error("WF1016", span, message).label("not in the calendar"));
        }
        none
    }

    /// Zones and patterns that are written in the program are looked at before it runs.
    fn check_text(&self, param: &str, native: Native, value: &Expr) {
        let ExprKind::Const(Value::String(text)) = &value.kind else { return };
        match (param, native) {
            ("zone", _) if !calendar::is_zone(text) => {
                let d = Diagnostic::error("WF1001", value.span, format!("cannot find time zone `{text}`"));
                let d = d.label("no such zone");
                self.report(match near(text, calendar::zones().iter().map(String::as_str)) {
                    Some(near) => d.help(format!("did you mean `{near}`?")),
                    None => d.help("zones have names like `Europe/Berlin`, `America/New_York` or `UTC`"),
                });
            }
            ("pattern", Native::DateFormat | Native::DateParseAs | Native::TimeFormat | Native::TimeParseAs) => {
                let (why, help) = match native {
                    Native::DateFormat => (calendar::wrong_for_dates(text), DATE_PATTERN),
                    Native::DateParseAs => (calendar::unreadable_date(text), DATE_PATTERN),
                    Native::TimeFormat => (calendar::wrong_for_times(text), TIME_PATTERN),
                    _ => (calendar::unreadable_time(text), READ_PATTERN),
                };
                let Some(why) = why else { return };
                let d = Diagnostic::error("WF1002", value.span, "this pattern cannot be used").label(why);
                self.report(d.help(help));
            }
            (
                "pattern",
                Native::StringMatches
                | Native::StringFind
                | Native::StringFindAll
                | Native::StringSplitPattern
                | Native::StringReplacePattern
                | Native::StringCaptures,
            ) => {
                let Some(why) = weft_bytecode::pattern::wrong(text) else { return };
                let d = Diagnostic::error("WF1002", value.span, "this pattern cannot be used").label(why);
                self.report(d.help("a pattern is a regular expression without backreferences: `[A-Z]+-[0-9]+`"));
            }
            _ => {}
        }
    }
}
