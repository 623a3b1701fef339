//! Options of activities: where they run, their limits, retries and place in a queue.

use weft_bytecode::options::{
    ActivityOptions, FAIRNESS_KEY_BYTES_MAX, HttpTarget, OnCancel, OptionValue, Part, QueuePlace, RetryPolicy,
    SUMMARY_BYTES_MAX, Target, Template,
};

use super::{Options, TARGETS, split_words};
use crate::diagnostic::Diagnostic;
use crate::hir::Value;
use crate::hir::lower::constant::{weight_milli, wrong_weight};
use crate::syntax::ast;
use crate::types::Ty;
use crate::types::world::Sig;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl<'a> Options<'_, 'a> {
    pub(super) fn activity(&mut self, sig: &Sig) -> Option<ActivityOptions> {
        let timeout = self.duration("timeout");
        let total = self.duration("total_timeout");
        let queue_timeout = self.duration("queue_timeout");
        let heartbeat = self.duration("heartbeat");
        let once = self.once();
        let retry = match self.find("retry").map(|given| self.constant(given, Ty::RETRY)) {
            Some(Some(Value::Retry(policy))) => policy,
            _ => RetryPolicy::default(),
        };
        let target = self.target();
        self.check_times(timeout, total, heartbeat, target.as_ref());
        self.check_within("queue_timeout", queue_timeout, total);
        self.lint_bytes(sig);
        let errors = self.errors(sig);
        let on_cancel = self.on_cancel().unwrap_or(OnCancel::Try);
        let place = QueuePlace {
            priority: self.priority(),
            fairness_key: self.filled_text("fairness_key", FAIRNESS_KEY_BYTES_MAX),
            fairness_weight_milli: self.weight(),
        };
        let summary = self.filled_text("summary", SUMMARY_BYTES_MAX);
        if self.wrong {
            return None;
        }
        let target = target?;
        Some(ActivityOptions {
            target,
            timeout_ms: timeout,
            total_timeout_ms: total,
            queue_timeout_ms: queue_timeout,
            heartbeat_ms: heartbeat,
            retry,
            once,
            errors,
            on_cancel,
            place,
            summary,
        })
    }

    fn check_times(&mut self, timeout: Option<i64>, total: Option<i64>, beat: Option<i64>, target: Option<&Target>) {
        let text = weft_bytecode::wire::text::duration;
        let given = self.find("timeout").is_some() || self.find("total_timeout").is_some();
        if !given && !self.wrong && !matches!(target, Some(Target::Builtin(_))) {
            let message = format!("activity `{}` has neither `timeout` nor `total_timeout`", self.name);
            let d = Diagnostic::error("WF4001", self.span, message).label("how long may it take?");
            self.report(
                d.why("one lost attempt would hang the run for ever")
                    .help("`timeout: 30s`, or `default activity with { timeout: 30s }` for the whole file"),
            );
        }
        if let (Some(beat), Some(limit), Some((_, at, _))) = (beat, timeout.or(total), self.find("heartbeat"))
            && beat >= limit
        {
            let message = format!("heartbeat {} is not shorter than timeout {}", text(beat), text(limit));
            let d = Diagnostic::error("WF4003", at.span, message).label("would never be missed in time");
            let third = if limit >= 3_000 { limit / 3_000 * 1_000 } else { (limit / 3).max(1) };
            self.report(d.help(format!("a third of it: `heartbeat: {}`", text(third))));
        }
        if let (Some(total), Some(one), Some((_, at, _))) = (total, timeout, self.find("total_timeout"))
            && total < one
        {
            let message = format!("total_timeout {} is shorter than one timeout {}", text(total), text(one));
            let d = Diagnostic::error("WF4005", at.span, message).label("ends before one attempt may");
            self.report(d.help("raise it, or lower `timeout`"));
        }
    }

    /// WF4005, of a limit that the one over all attempts would never let run out.
    fn check_within(&mut self, name: &str, limit: Option<i64>, total: Option<i64>) {
        let text = weft_bytecode::wire::text::duration;
        if let (Some(limit), Some(total), Some((_, at, _))) = (limit, total, self.find(name))
            && limit > total
        {
            let message = format!("{name} {} is longer than total_timeout {}", text(limit), text(total));
            let d = Diagnostic::error("WF4005", at.span, message).label("would never run out");
            self.report(d.help(format!("lower it, or raise `total_timeout`; without `{name}` the limit is the same")));
        }
    }

    /// `once`, and that nothing beside it says otherwise.
    fn once(&mut self) -> bool {
        let Some(given) = self.find("once") else { return false };
        let once = matches!(self.constant(given, Ty::BOOL), Some(Value::Bool(true)));
        // A default for the activities of the file is nothing to this one.
        let own = |options: &Self, name: &str| {
            let found = options.given.iter().position(|(n, ..)| n.text == name);
            found.is_some_and(|found| found < options.own)
        };
        if once
            && own(self, "once")
            && own(self, "retry")
            && let Some((_, value, _)) = self.find("retry")
            && !matches!(&value.kind, ast::ExprKind::Name(text) if text == "never")
        {
            let d = Diagnostic::error("WF4010", value.span, "what is attempted once is never retried");
            self.report(d.label("says nothing beside `once: true`").help("remove it, or remove `once`"));
        }
        once
    }

    /// The type of `progress`.
    pub(super) fn progress(&mut self) -> Option<Ty> {
        let (_, value, module) = self.find("progress")?;
        let ast::ExprKind::Type(ty) = &value.kind else {
            self.wrong = true;
            return None;
        };
        let found = self.world.resolve(module, ty);
        self.world.require_data(found, ty.span, "progress");
        self.wrong |= found == Ty::UNKNOWN;
        (found != Ty::UNKNOWN).then_some(found)
    }

    /// `fairness_weight` in thousandths.
    fn weight(&mut self) -> Option<u32> {
        let given = self.find("fairness_weight")?;
        let Some(Value::Decimal(weight)) = self.constant(given, Ty::DECIMAL) else { return None };
        match weight_milli(&weight) {
            Some(milli) => Some(milli),
            None => {
                self.report(wrong_weight(given.1.span));
                None
            }
        }
    }

    /// A text over the parameters.
    fn filled_text(&mut self, name: &str, bytes_max: usize) -> Option<Template> {
        let (_, value, _) = self.find(name)?;
        let lit = self.literal(value, name)?;
        let parts = self.parts(lit)?;
        let fixed: usize = parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        if fixed > bytes_max {
            let message = format!("`{name}` has {fixed} bytes; at most {bytes_max} are kept");
            self.report(Diagnostic::error("WF4010", value.span, message).label("too long"));
            return None;
        }
        Some(Template { parts })
    }

    /// WF4008.
    fn lint_bytes(&self, sig: &Sig) {
        for param in sig.params.iter().filter(|p| self.world.types.inner(p.ty).unwrap_or(p.ty) == Ty::BYTES) {
            let message = format!("Bytes argument `{}` may exceed the 2 MiB payload limit", param.name);
            self.world.report(
                Diagnostic::warning("WF4008", param.span, message)
                    .label("goes through the history")
                    .help("pass a reference: a path, a URL or a key"),
            );
        }
    }

    fn target(&mut self) -> Option<Target> {
        let Some(given) = TARGETS.iter().find_map(|name| self.find(name)) else {
            let message = format!("`{}` does not say where it runs", self.name);
            let d = Diagnostic::error("WF4004", self.span, message).label("where does it run?");
            self.report(d.help(
                "one of `queue: \"name\"`, `http: \"POST http://..\"`, `exec: \"command\"`, `builtin: \"noop\"`",
            ));
            return None;
        };
        let (name, value, _) = given;
        if name.text != "http" {
            for extra in ["body", "form", "query", "headers", "bearer"] {
                // A default for the http activities of the file is nothing to this one.
                if let Some((at, _, _)) = self.find(extra).filter(|(_, _, _)| name.text != "http") {
                    let d = Diagnostic::error("WF4002", at.span, format!("`{extra}` belongs to `http` activities"));
                    self.report(d.label(format!("this one runs by `{}`", name.text)));
                }
            }
        }
        match name.text.as_str() {
            "queue" => match self.constant(given, Ty::STRING)? {
                Value::String(queue) if !queue.is_empty() => Some(Target::Queue(queue)),
                _ => {
                    let d = Diagnostic::error("WF4010", value.span, "a task queue needs a name");
                    self.report(d.label("empty"));
                    None
                }
            },
            "builtin" => {
                let word = self.word("builtin", &["noop", "echo"])?;
                Some(Target::Builtin(word))
            }
            "exec" => self.exec(value),
            _ => self.http(value),
        }
    }

    /// The pieces of a string literal, or a diagnostic.
    fn exec(&mut self, value: &'a ast::Expr) -> Option<Target> {
        let lit = self.literal(value, "exec")?;
        let parts = self.parts(lit)?;
        match split_words(parts) {
            Ok(words) if !words.is_empty() => Some(Target::Exec(words)),
            Ok(_) => {
                let d = Diagnostic::error("WF4010", value.span, "`exec` needs a command");
                self.report(d.label("empty").help("`exec: \"python3 charge.py\"`"));
                None
            }
            Err(why) => {
                let d = Diagnostic::error("WF4011", value.span, "the command line cannot be split into words");
                self.report(
                    d.label(why)
                        .why("words are split as a shell does, but no shell runs")
                        .help("close the quote; a backslash keeps the next character"),
                );
                None
            }
        }
    }

    fn http(&mut self, value: &'a ast::Expr) -> Option<Target> {
        let lit = self.literal(value, "http")?;
        let mut parts = self.parts(lit)?;
        let split = match parts.first_mut() {
            Some(Part::Text(text)) => {
                text.split_once(' ').map(|(method, rest)| (method.to_owned(), rest.trim_start().to_owned()))
            }
            _ => None,
        };
        let Some((method, rest)) = split.filter(|(method, _)| METHODS.contains(&method.as_str())) else {
            let d = Diagnostic::error("WF4010", lit.span, "`http` takes a method and a URL");
            self.report(
                d.label("expected `METHOD url`")
                    .help(format!("`http: \"POST https://api.example.com/charges\"`; methods: {}", METHODS.join(", "))),
            );
            return None;
        };
        if rest.is_empty() {
            parts.remove(0);
        } else {
            parts[0] = Part::Text(rest);
        }
        let url = Template { parts };
        let starts = match url.parts.first() {
            Some(Part::Text(text)) => text.starts_with("http://") || text.starts_with("https://"),
            Some(Part::Hole(_)) => true,
            None => false,
        };
        if !starts {
            let d = Diagnostic::error("WF4010", lit.span, "the URL must begin with `http://` or `https://`");
            self.report(d.label("not an absolute URL"));
            return None;
        }
        let mut extra = |name: &str| -> Option<OptionValue> {
            let (_, value, _) = self.find(name)?;
            self.value(value)
        };
        let (body, form, query) = (extra("body"), extra("form"), extra("query"));
        let (headers, bearer) = (extra("headers"), extra("bearer"));
        if let (Some(_), Some(_), Some((at, ..))) = (&body, &form, self.find("form")) {
            let d = Diagnostic::error("WF4010", at.span, "a request has either `body` or `form`");
            self.report(d.label("second body").help("remove one"));
        }
        Some(Target::Http(Box::new(HttpTarget { method, url, body, form, query, headers, bearer })))
    }

    /// `errors: [402: CardDeclined]`.
    fn errors(&mut self, sig: &Sig) -> Vec<(i32, String)> {
        let Some((_, value, module)) = self.find("errors") else { return Vec::new() };
        let pairs = match &value.kind {
            ast::ExprKind::Map(pairs) => pairs,
            ast::ExprKind::Missing => return Vec::new(),
            _ => {
                let d = Diagnostic::error("WF1002", value.span, "`errors` takes a map of codes to errors");
                self.report(d.label("not a map").help("`errors: [402: CardDeclined]`"));
                return Vec::new();
            }
        };
        let mut out: Vec<(i32, String)> = Vec::new();
        for (code, error) in pairs {
            let number = match &code.kind {
                ast::ExprKind::Number(ast::Number::Int(digits)) => digits.parse::<i32>().ok(),
                _ => None,
            };
            let Some(number) = number else {
                let d = Diagnostic::error("WF1002", code.span, "expected an HTTP status or exit code");
                self.report(d.label("not a number"));
                continue;
            };
            let ast::ExprKind::Name(text) = &error.kind else {
                if !matches!(error.kind, ast::ExprKind::Missing) {
                    let d = Diagnostic::error("WF1002", error.span, "expected the name of an error");
                    self.report(d.label("not an error"));
                }
                continue;
            };
            let name = ast::Name { text: text.clone(), span: error.span };
            let Some(id) = self.world.lookup_error(module, &name) else {
                self.wrong = true;
                continue;
            };
            if !sig.throws.contains(&id) && module == self.module {
                let d = Diagnostic::error("WF3008", error.span, format!("`{text}` may escape `{}`", self.name));
                self.report(d.label("not declared").help(format!("add `throws {text}` to the activity")));
            }
            if out.iter().any(|(n, _)| *n == number) {
                let d = Diagnostic::error("WF1006", code.span, format!("code {number} is given twice"));
                self.report(d.label("second time"));
            }
            let def = self.world.types.def(id);
            out.push((number, def.wire.own(&def.name).to_owned()));
        }
        out
    }
}
