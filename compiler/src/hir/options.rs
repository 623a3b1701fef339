//! Options of declarations: `with { .. }`, `default activity`, `weft.toml`, evaluated or kept as templates over the
//! parameters. The nearest word wins: declaration, then the file's `default`, then the project's.

use weft_bytecode::options::{
    ActivityOptions, OnCancel, OnClosed, OnConflict, OnParentClose, OptionValue, PRIORITY_LAST, Part, Template,
    WorkflowOptions,
};

use crate::diagnostic::Diagnostic;
use crate::hir::lower::constant::option_word;
use crate::hir::lower::{Lower, unknown_option, unstable, unstable_id};
use crate::hir::{ExprKind, FnKind, Value};
use crate::source::Span;
use crate::syntax::ast::{self, DefaultKind, StringPart};
use crate::types::Ty;
use crate::types::world::{ModuleId, Sig, WorkflowItem, World};

mod activity;
mod schedule;

pub(crate) use schedule::schedules;

const TARGETS: [&str; 4] = ["queue", "http", "exec", "builtin"];
pub(crate) const ACTIVITY: &[&str] = &[
    "queue",
    "http",
    "exec",
    "builtin",
    "timeout",
    "total_timeout",
    "queue_timeout",
    "heartbeat",
    "progress",
    "retry",
    "once",
    "errors",
    "on_cancel",
    "priority",
    "fairness_key",
    "fairness_weight",
    "summary",
    "body",
    "form",
    "query",
    "headers",
    "bearer",
];
pub(crate) const WORKFLOW: &[&str] = &[
    "id",
    "on_conflict",
    "on_closed",
    "on_parent_close",
    "on_cancel",
    "run_timeout",
    "execution_timeout",
    "cleanup_timeout",
    "delay",
    "retry",
    "memo",
    "priority",
];
const UPDATE: &[&str] = &["concurrent"];

/// One option with the module it was written in.
type Given<'a> = (&'a ast::Name, &'a ast::Expr, ModuleId);

/// The options that hold for a declaration, its own first.
struct Options<'w, 'a> {
    world: &'w World<'a>,
    module: ModuleId,
    sig: &'w Sig,
    given: Vec<Given<'a>>,
    /// How many of them are the declaration's own.
    own: usize,
    /// Where to report what is missing.
    span: Span,
    name: &'w str,
    wrong: bool,
}

/// The options of an activity; `None` if they have mistakes.
pub(crate) fn activity(world: &World<'_>, index: usize) -> Option<ActivityOptions> {
    let item = &world.activities[index];
    let mut options = Options {
        world,
        module: item.module,
        sig: &item.sig,
        given: Vec::new(),
        own: 0,
        span: item.name.span,
        name: &item.name.text,
        wrong: false,
    };
    options.gather(item.with, DefaultKind::Activity, "activity", ACTIVITY);
    item.progress.set(options.progress());
    options.activity(&item.sig)
}

/// Id template and options of a workflow.
pub(crate) fn workflow<'a>(world: &World<'a>, item: &WorkflowItem<'a>) -> (Option<Template>, WorkflowOptions) {
    let mut options = Options {
        world,
        module: item.module,
        sig: &item.sig,
        given: Vec::new(),
        own: 0,
        span: item.decl.name.span,
        name: &item.decl.name.text,
        wrong: false,
    };
    options.gather(item.decl.with.as_ref(), DefaultKind::Workflow, "workflow", WORKFLOW);
    options.workflow()
}

/// Whether an update runs beside others.
pub(crate) fn update<'a>(
    world: &World<'a>,
    module: ModuleId,
    with: Option<&'a ast::With>,
    sig: &Sig,
    name: &'a ast::Name,
) -> bool {
    let (span, name) = (name.span, name.text.as_str());
    let mut options = Options { world, module, sig, given: Vec::new(), own: 0, span, name, wrong: false };
    options.own(with, "update", UPDATE);
    let given = options.find("concurrent");
    matches!(given.and_then(|given| options.constant(given, Ty::BOOL)), Some(Value::Bool(true)))
}

/// Reports what is wrong in a `default` that nothing uses.
pub(crate) fn check_defaults(world: &World<'_>) {
    for file in world.files {
        let mut seen: Vec<(DefaultKind, Span)> = Vec::new();
        for item in &file.items {
            let ast::Decl::Default { kind, with } = &item.decl else { continue };
            let (what, known) = match kind {
                DefaultKind::Activity => ("activity", ACTIVITY),
                DefaultKind::Workflow => ("workflow", WORKFLOW),
                DefaultKind::Missing => continue,
            };
            let head = Span { end: item.span.start + "default ".len() as u32 + what.len() as u32, ..item.span };
            match seen.iter().find(|(other, _)| other == kind) {
                Some((_, first)) => world.report(
                    Diagnostic::error("WF1006", head, format!("`default {what}` is declared twice"))
                        .label("second declaration")
                        .also(*first, "first one")
                        .help("put the options of both into one"),
                ),
                None => seen.push((*kind, head)),
            }
            for (n, (name, _)) in with.options.iter().enumerate() {
                if with.options[..n].iter().any(|(other, _)| other.text == name.text) {
                    world.report(given_twice(name));
                } else {
                    known_option(world, name, what, known);
                }
            }
        }
    }
}

/// WF4002.
pub(crate) fn given_twice(name: &ast::Name) -> Diagnostic {
    Diagnostic::error("WF4002", name.span, format!("option `{}` is given twice", name.text)).label("second time")
}

/// Whether an option exists; reported if not.
fn known_option(world: &World<'_>, name: &ast::Name, what: &str, known: &[&str]) -> bool {
    if name.text.is_empty() || known.contains(&name.text.as_str()) {
        return !name.text.is_empty();
    }
    let article = if what.starts_with(['a', 'u']) { "an" } else { "a" };
    world.report(unknown_option(name, &format!("{article} {what}"), known));
    false
}

impl<'w, 'a> Options<'w, 'a> {
    fn gather(&mut self, own: Option<&'a ast::With>, kind: DefaultKind, what: &str, known: &[&str]) {
        self.own(own, what, known);
        self.own = self.given.len();
        // The project's defaults are the last file.
        let last = self.world.files.len() - 1;
        for module in [self.module, last] {
            let levels = self.world.files[module].items.iter().filter_map(|item| match &item.decl {
                ast::Decl::Default { kind: found, with } if *found == kind => Some(with),
                _ => None,
            });
            for with in levels {
                let has_target = self.given.iter().any(|(n, ..)| TARGETS.contains(&n.text.as_str()));
                for (name, value) in &with.options {
                    let target = TARGETS.contains(&name.text.as_str());
                    let hidden = self.given.iter().any(|(n, ..)| n.text == name.text) || (target && has_target);
                    if !hidden && known.contains(&name.text.as_str()) {
                        self.given.push((name, value, module));
                    }
                }
            }
        }
    }

    /// What the declaration itself says.
    fn own(&mut self, own: Option<&'a ast::With>, what: &str, known: &[&str]) {
        if let Some(with) = own {
            for (name, value) in &with.options {
                if self.given.iter().any(|(n, ..)| n.text == name.text) {
                    self.report(given_twice(name));
                } else if known_option(self.world, name, what, known) {
                    self.given.push((name, value, self.module));
                } else {
                    self.wrong = true;
                }
            }
            let targets: Vec<_> = self.given.iter().filter(|(n, ..)| TARGETS.contains(&n.text.as_str())).collect();
            if let [first, second, ..] = targets.as_slice() {
                let message = format!("`{}` says twice where it runs", self.name);
                let d = Diagnostic::error("WF4004", second.0.span, message).label("second place");
                let d = d.also(first.0.span, "first place").help("exactly one of queue, http, exec, builtin");
                self.report(d);
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.wrong = true;
        self.world.report(diagnostic);
    }

    fn find(&self, name: &str) -> Option<Given<'a>> {
        self.given.iter().find(|(n, ..)| n.text == name).copied()
    }

    /// A constant of a type.
    fn constant(&mut self, (_, expr, module): Given<'a>, ty: Ty) -> Option<Value> {
        let mut lower = Lower::new(self.world, module, FnKind::Fn);
        let expr = lower.constant_expr(expr, ty);
        let value = self.world.evaluate(&expr, "this option");
        self.wrong |= value.is_none();
        value
    }

    fn duration(&mut self, name: &str) -> Option<i64> {
        let given = self.find(name)?;
        let Some(Value::Duration(ms)) = self.constant(given, Ty::DURATION) else { return None };
        if ms <= 0 {
            let d = Diagnostic::error("WF4010", given.1.span, format!("`{name}` must be longer than nothing"));
            self.report(d.label("not positive"));
            return None;
        }
        Some(ms)
    }

    fn word(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let (_, value, _) = self.find(name)?;
        match option_word(name, value, words) {
            Ok(word) => word,
            Err(diagnostic) => {
                self.report(*diagnostic);
                None
            }
        }
    }

    fn on_cancel(&mut self) -> Option<OnCancel> {
        Some(match self.word("on_cancel", &["try", "wait", "abandon"])?.as_str() {
            "wait" => OnCancel::Wait,
            "abandon" => OnCancel::Abandon,
            _ => OnCancel::Try,
        })
    }

    fn literal(&mut self, value: &'a ast::Expr, option: &str) -> Option<&'a ast::StringLit> {
        match &value.kind {
            ast::ExprKind::String(lit) => Some(lit),
            ast::ExprKind::Missing => {
                self.wrong = true;
                None
            }
            _ => {
                let d = Diagnostic::error("WF1002", value.span, format!("`{option}` takes a string"));
                self.report(d.label("not a string literal"));
                None
            }
        }
    }

    // ---- workflows

    fn workflow(&mut self) -> (Option<Template>, WorkflowOptions) {
        let id = self.find("id").and_then(|(_, value, _)| {
            let lit = self.literal(value, "id")?;
            let parts = self.id_parts(lit)?;
            Some(Template { parts })
        });
        let options = WorkflowOptions {
            on_conflict: self.word("on_conflict", &["join", "reject", "replace"]).map(|w| match w.as_str() {
                "join" => OnConflict::Join,
                "replace" => OnConflict::Replace,
                _ => OnConflict::Reject,
            }),
            on_closed: self.word("on_closed", &["join", "allow", "allow_if_failed", "reject"]).map(|w| {
                match w.as_str() {
                    "join" => OnClosed::Join,
                    "allow" => OnClosed::Allow,
                    "allow_if_failed" => OnClosed::AllowIfFailed,
                    _ => OnClosed::Reject,
                }
            }),
            on_parent_close: self.word("on_parent_close", &["cancel", "terminate", "abandon"]).map(|w| {
                match w.as_str() {
                    "terminate" => OnParentClose::Terminate,
                    "abandon" => OnParentClose::Abandon,
                    _ => OnParentClose::Cancel,
                }
            }),
            on_cancel: self.on_cancel(),
            run_timeout_ms: self.duration("run_timeout"),
            cleanup_timeout_ms: self.duration("cleanup_timeout"),
            execution_timeout_ms: self.duration("execution_timeout"),
            delay_ms: self.duration("delay"),
            retry: match self.find("retry").map(|given| self.constant(given, Ty::RETRY)) {
                Some(Some(Value::Retry(policy))) => Some(policy),
                _ => None,
            },
            memo: self.memo(),
            priority: self.priority(),
        };
        self.check_limits(&options);
        (id, options)
    }

    /// `memo: { customer, source: "web" }`.
    fn memo(&mut self) -> Option<OptionValue> {
        let (_, value, _) = self.find("memo")?;
        match self.value(value)? {
            memo @ OptionValue::Record(_) if secret_in(&memo) => {
                let d = Diagnostic::error("WF2008", value.span, "a Secret may only be used in activity options");
                self.report(d.label("kept and shown as it is").help("keep a name or an id, never the secret"));
                None
            }
            memo @ OptionValue::Record(_) => Some(memo),
            _ => {
                let d = Diagnostic::error("WF1002", value.span, "`memo` takes a record");
                self.report(d.label("not a record").help("`memo: { customer, source: \"web\" }`"));
                None
            }
        }
    }

    /// `priority: 1`.
    pub(crate) fn priority(&mut self) -> Option<u8> {
        let given = self.find("priority")?;
        let Some(Value::Int(priority)) = self.constant(given, Ty::INT) else { return None };
        if !(1..=i64::from(PRIORITY_LAST)).contains(&priority) {
            self.report(wrong_priority(given.1.span, priority));
            return None;
        }
        u8::try_from(priority).ok()
    }

    /// WF4005.
    fn check_limits(&mut self, options: &WorkflowOptions) {
        let text = weft_bytecode::wire::text::duration;
        if let (Some(all), Some(one), Some((_, at, _))) =
            (options.execution_timeout_ms, options.run_timeout_ms, self.find("execution_timeout"))
            && all < one
        {
            let message = format!("execution_timeout {} is shorter than run_timeout {}", text(all), text(one));
            let d = Diagnostic::error("WF4005", at.span, message).label("ends before one run may");
            self.report(d.help("raise it, or lower `run_timeout`"));
        }
    }

    /// The template of an id: its holes must be texts of one form.
    fn id_parts(&mut self, lit: &'a ast::StringLit) -> Option<Vec<Part>> {
        let parts = self.parts(lit)?;
        for part in &lit.parts {
            let StringPart::Hole(hole) = part else { continue };
            let Some((path, ty)) = param_path(hole).and_then(|path| Some((path.clone(), self.path_type(&path)?)))
            else {
                continue;
            };
            let plain = matches!(ty, Ty::STRING | Ty::INT | Ty::BOOL | Ty::DATE | Ty::UNKNOWN);
            if !plain && !self.world.types.is_plain_enum(ty) {
                let message =
                    format!("`{}` cannot be part of an id: it is {}", path.join("."), self.world.types.name(ty));
                let d = Diagnostic::error("WF1002", lit.span, message).label("no stable text");
                self.report(d.help("use String, Int, Bool, Date or an enum without payloads"));
                return None;
            }
        }
        Some(parts)
    }

    // ---- templates

    fn path_type(&self, path: &[String]) -> Option<Ty> {
        let (first, rest) = path.split_first()?;
        let mut ty = self.sig.params.iter().find(|p| *p.name == **first)?.ty;
        for name in rest {
            ty = self.world.types.field(ty, name)?.1;
        }
        Some(ty)
    }

    /// A path of names as the arguments have them.
    fn on_the_wire(&self, path: &[String]) -> Vec<String> {
        let (mut ty, mut out) = (Ty::UNKNOWN, Vec::new());
        for (n, name) in path.iter().enumerate() {
            let found = if n == 0 { None } else { self.world.types.field(ty, name) };
            let wire = found.and_then(|(index, _)| self.world.types.wire_fields(ty).get(usize::from(index)).cloned());
            out.push(wire.map_or_else(|| name.clone(), |wire| wire.to_string()));
            ty = self.path_type(&path[..=n]).unwrap_or(Ty::UNKNOWN);
        }
        out
    }

    /// A string as text and holes over the parameters; constants are filled in.
    fn parts(&mut self, lit: &'a ast::StringLit) -> Option<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        let push = |part: Part, parts: &mut Vec<Part>| match (parts.last_mut(), part) {
            (Some(Part::Text(last)), Part::Text(text)) => last.push_str(&text),
            (_, part) => parts.push(part),
        };
        for part in &lit.parts {
            match part {
                StringPart::Text(text) => push(Part::Text(text.clone()), &mut parts),
                StringPart::Hole(hole) => push(self.hole(hole)?, &mut parts),
            }
        }
        Some(parts)
    }

    fn hole(&mut self, hole: &'a ast::Expr) -> Option<Part> {
        if matches!(hole.kind, ast::ExprKind::Missing) {
            self.wrong = true;
            return None;
        }
        if let Some(path) = param_path(hole) {
            if self.path_type(&path).is_some() {
                return Some(Part::Hole(self.on_the_wire(&path)));
            }
            let text = path.join(".");
            if let Some(crate::types::world::Item::Const(index)) = self.world.lookup(self.module, &text) {
                return match self.world.const_value(index).1 {
                    Some(Value::String(text)) => Some(Part::Text(text)),
                    Some(Value::Int(n)) => Some(Part::Text(n.to_string())),
                    _ => self.bad_hole(hole, &text),
                };
            }
            return self.bad_hole(hole, &text);
        }
        if let Some((what, span)) = unstable_call(hole) {
            self.report(unstable_id(what, span));
            return None;
        }
        self.bad_hole(hole, "this")
    }

    /// WF4006.
    fn bad_hole(&mut self, hole: &ast::Expr, text: &str) -> Option<Part> {
        let known: Vec<_> = self.sig.params.iter().map(|p| format!("`{}`", p.name)).collect();
        let message = format!("`{text}` in this template is not a parameter");
        let d = Diagnostic::error("WF4006", hole.span, message).label("unknown here");
        let near = self.world.near(text, || self.sig.params.iter().map(|p| &*p.name).collect());
        let d = match near {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => d.help(format!("`{}` has no parameters", self.name)),
            None => d.help(format!("parameters: {}", known.join(", "))),
        };
        self.report(d.why("options are filled from the parameters when a call is made; nothing else is known then"));
        None
    }

    /// A value of `body`, `form`, `query`, `headers` or `bearer`.
    fn value(&mut self, expr: &'a ast::Expr) -> Option<OptionValue> {
        use ast::ExprKind as E;
        match &expr.kind {
            E::Missing => {
                self.wrong = true;
                None
            }
            E::Record { spreads, slots } if spreads.is_empty() => {
                let mut out = Vec::new();
                for (name, value) in slots {
                    let value = match value {
                        Some(value) => self.value(value)?,
                        None if self.path_type(std::slice::from_ref(&name.text)).is_some() => {
                            OptionValue::Param(vec![name.text.clone()])
                        }
                        None => {
                            self.bad_hole(expr, &name.text);
                            return None;
                        }
                    };
                    out.push((name.text.clone(), value));
                }
                Some(OptionValue::Record(out))
            }
            E::Map(pairs) => {
                let mut out = Vec::new();
                for (key, value) in pairs {
                    let lit = self.literal(key, "a key")?;
                    let [StringPart::Text(key)] = lit.parts.as_slice() else { return self.bad_value(expr) };
                    out.push((key.clone(), self.value(value)?));
                }
                Some(OptionValue::Record(out))
            }
            E::List(items) => {
                Some(OptionValue::List(items.iter().map(|item| self.value(item)).collect::<Option<Vec<_>>>()?))
            }
            E::String(lit) => {
                let parts = self.parts(lit)?;
                Some(match parts.as_slice() {
                    [] => OptionValue::Json("\"\"".into()),
                    [Part::Text(text)] => OptionValue::Json(serde_json::Value::from(text.as_str()).to_string()),
                    _ => OptionValue::Template(Template { parts }),
                })
            }
            E::None => Some(OptionValue::Json("null".into())),
            E::Call { .. } | E::Number(_) | E::Bool(_) | E::Neg(_) => self.computed(expr),
            _ => match param_path(expr) {
                Some(path) if self.path_type(&path).is_some() => Some(OptionValue::Param(self.on_the_wire(&path))),
                Some(_) => self.computed(expr),
                None => self.bad_value(expr),
            },
        }
    }

    /// A constant or a secret.
    fn computed(&mut self, expr: &'a ast::Expr) -> Option<OptionValue> {
        let mut lower = Lower::new(self.world, self.module, FnKind::Fn);
        let found = lower.constant_expr(expr, Ty::UNKNOWN);
        if matches!(found.kind, ExprKind::Error) {
            self.wrong = true;
            return None;
        }
        if let Some((what, span)) = unstable(&found) {
            self.report(unstable_id(what, span));
            return None;
        }
        let ty = found.ty;
        match self.world.evaluate(&found, "this option")? {
            Value::Secret(name) => Some(OptionValue::Secret(name)),
            value => Some(OptionValue::Json(value.json(&self.world.types, ty))),
        }
    }

    fn bad_value(&mut self, expr: &ast::Expr) -> Option<OptionValue> {
        let d = Diagnostic::error("WF1017", expr.span, "this option must be known while compiling");
        self.report(
            d.label("not a constant")
                .help("use literals, constants, parameters, strings with holes, and `secret(\"..\")`"),
        );
        None
    }
}

fn secret_in(value: &OptionValue) -> bool {
    match value {
        OptionValue::Secret(_) => true,
        OptionValue::Record(fields) => fields.iter().any(|(_, value)| secret_in(value)),
        OptionValue::List(items) => items.iter().any(secret_in),
        OptionValue::Json(_) | OptionValue::Param(_) | OptionValue::Template(_) => false,
    }
}

/// WF4010.
pub(crate) fn wrong_priority(span: Span, given: i64) -> Diagnostic {
    Diagnostic::error("WF4010", span, format!("priority {given} is not one of 1 to {PRIORITY_LAST}"))
        .label("out of range")
        .help("1 goes first, 3 is what nothing says, 5 goes last")
}

/// `a.b.c` of names only.
fn param_path(expr: &ast::Expr) -> Option<Vec<String>> {
    match &expr.kind {
        ast::ExprKind::Name(name) => Some(vec![name.clone()]),
        ast::ExprKind::Access { object, optional: false, name } => {
            let mut path = param_path(object)?;
            path.push(name.text.clone());
            Some(path)
        }
        _ => None,
    }
}

/// `now()`, `uuid()` or `random()` in a hole.
fn unstable_call(expr: &ast::Expr) -> Option<(&'static str, Span)> {
    let ast::ExprKind::Call { callee, .. } = &expr.kind else { return None };
    let ast::ExprKind::Name(name) = &callee.kind else { return None };
    let what = match name.as_str() {
        "now" => "now()",
        "uuid" => "uuid()",
        "random" => "random()",
        _ => return None,
    };
    Some((what, expr.span))
}

/// Splits a command line as a shell does: spaces separate, quotes join, a backslash keeps the next character. Holes
/// are filled afterwards, so a value is never split.
fn split_words(parts: Vec<Part>) -> Result<Vec<Template>, &'static str> {
    let mut words: Vec<Template> = Vec::new();
    let mut word: Option<Vec<Part>> = None;
    let mut quote: Option<char> = None;
    let add = |word: &mut Option<Vec<Part>>, c: char| {
        let parts = word.get_or_insert_default();
        match parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => parts.push(Part::Text(c.into())),
        }
    };
    for part in parts {
        let text = match part {
            Part::Hole(path) => {
                word.get_or_insert_default().push(Part::Hole(path));
                continue;
            }
            Part::Text(text) => text,
        };
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some('"') | None, '\\') => match chars.next() {
                    Some(next) => add(&mut word, next),
                    None => return Err("a backslash at the end"),
                },
                (Some(_), c) => add(&mut word, c),
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, c) if c.is_whitespace() => words.extend(word.take().map(|parts| Template { parts })),
                (None, c) => add(&mut word, c),
            }
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word.map(|parts| Template { parts }));
    Ok(words)
}
