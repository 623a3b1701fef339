//! `schedule NAME runs WORKFLOW(args) with { .. }`: its workflow, its arguments, when it fires and how.
//!
//! What the words of a cron or calendar mean is `bytecode/src/schedule`; here they are read out of the source, so that
//! each mistake has its place.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json};
use weft_bytecode::calendar;
use weft_bytecode::schedule::{CALENDAR_FIELDS, Definition, Interval, OVERLAPS, Overlap, Policy, ScheduleDef, Spec};
use weft_bytecode::schedule::{SpecError, Timetable, json};

use super::{Given, Options};
use crate::diagnostic::Diagnostic;
use crate::hir::lower::Lower;
use crate::hir::{FnKind, Value};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::world::{Item, ScheduleItem, Sig, World};
use crate::types::{Ty, near};

/// Parts of a spec and their places: `calendar[0].hour`.
type Places = Vec<(String, Span)>;

/// The schedules of a project; those with mistakes are left out.
pub(crate) fn schedules(world: &World<'_>) -> Vec<ScheduleDef> {
    let mut out: Vec<ScheduleDef> = Vec::new();
    let mut named: FxHashMap<&str, &ast::Name> = FxHashMap::default();
    for item in &world.schedules {
        let name = &item.name.text;
        let first = *named.entry(name).or_insert(item.name);
        let again = !std::ptr::eq(first, item.name) && !name.is_empty();
        if again {
            let d = Diagnostic::error("WF1006", item.name.span, format!("two schedules are called `{name}`"));
            world.report(
                d.label("second one")
                    .also(first.span, "first one")
                    .why("a schedule is known by its name, and so are the runs that it starts")
                    .help("rename one of them"),
            );
        }
        out.extend(schedule(world, item).filter(|_| !again));
    }
    out
}

fn schedule<'a>(world: &World<'a>, item: &ScheduleItem<'a>) -> Option<ScheduleDef> {
    let run = workflow(world, item);
    let sig = Sig { params: Vec::new(), result: Ty::UNIT, throws: Vec::new() };
    let (span, name) = (item.name.span, item.name.text.as_str());
    let mut options =
        Options { world, module: item.module, sig: &sig, given: Vec::new(), own: 0, span, name, wrong: false };
    options.own(Some(item.with), "schedule", &json::OPTIONS);
    let definition = options.schedule();
    let (workflow, args) = run?;
    Some(ScheduleDef {
        name: name.to_owned(),
        definition: Definition { workflow, args, ..definition? },
        span: crate::codegen::place(span),
        doc: item.item.doc.clone(),
    })
}

/// The wire name of the workflow that it runs, and the arguments as JSON.
fn workflow<'a>(world: &World<'a>, item: &ScheduleItem<'a>) -> Option<(String, String)> {
    let runs = item.runs;
    if runs.text.is_empty() {
        return None;
    }
    let mut lower = Lower::new(world, item.module, FnKind::Fn);
    let found = world.lookup(item.module, &runs.text);
    let Some(Item::Workflow(index)) = found else {
        let workflow = |item| matches!(item, Item::Workflow(_));
        let d = match found {
            Some(Item::Refused) => return None,
            Some(_) => Diagnostic::error("WF1002", runs.span, format!("`{}` is not a workflow", runs.text))
                .label("a schedule starts runs of a workflow")
                .help("call it in a workflow, and let the schedule run that"),
            None => {
                let d = Diagnostic::error("WF1001", runs.span, format!("cannot find workflow `{}`", runs.text));
                let d = d.label("not declared");
                match world.near(&runs.text, || world.names(item.module, workflow)) {
                    Some(near) => d.help(format!("did you mean `{near}`?")),
                    None => d,
                }
            }
        };
        world.report(d);
        return None;
    };
    world.used(Item::Workflow(index), runs.span);
    let target = &world.workflows[index as usize];
    let span = Span { end: item.args.last().map_or(runs.span.end, |last| last.value.span.end), ..runs.span };
    let values = lower.constant_arguments(&runs.text, &target.sig.params, item.args, span);
    let mut args = Map::new();
    for (value, param) in values.into_iter().zip(&target.sig.params) {
        let text = world.evaluate(&value, "an argument of a schedule")?.json(&world.types, param.ty);
        args.insert(param.name.to_string(), serde_json::from_str(&text).ok()?);
    }
    Some((target.wire.clone(), Json::Object(args).to_string()))
}

impl<'a> Options<'_, 'a> {
    /// Everything but what it runs; `None` if there are mistakes.
    fn schedule(&mut self) -> Option<Definition> {
        let mut places: Places = Vec::new();
        for (name, value, _) in &self.given {
            places.push((name.text.clone(), value.span));
        }
        let mut object = Map::new();
        object.insert("workflow".into(), Json::String(String::new()));
        for name in ["cron", "calendar", "exclude"] {
            let Some((_, value, module)) = self.find(name) else { continue };
            let read = self.part(name, value, module, &mut places);
            let Some(read) = read else { continue };
            object.insert(name.to_owned(), read);
        }
        let parts = match json::read(&Json::Object(object)) {
            Ok(parts) => parts.spec,
            Err(error) => {
                self.spec_error(&error, &places);
                Spec::default()
            }
        };
        let phase = self.whole_duration("phase", false);
        let every = self.whole_duration("every", true);
        if let (Some((phase, ..)), None) = (self.find("phase"), self.find("every")) {
            let d = Diagnostic::error("WF4010", phase.span, "`phase` belongs to `every`").label("moves nothing");
            self.report(d.help("add `every: 1h`, or remove it"));
        }
        let default = Policy::default();
        let policy = Policy {
            overlap: self.word("overlap", &OVERLAPS).and_then(|word| Overlap::of(&word)).unwrap_or_default(),
            catch_up_ms: self.duration("catch_up").unwrap_or(default.catch_up_ms),
            limit: self.limit(),
            pause_on_failure: self.flag("pause_on_failure"),
        };
        let spec = Spec {
            every: every.map(|every_ms| Interval { every_ms, phase_ms: phase.unwrap_or(0) }).into_iter().collect(),
            start: self.text("start"),
            end: self.text("end"),
            zone: self.text("zone"),
            jitter_ms: self.whole_duration("jitter", false).unwrap_or(0),
            ..parts
        };
        let (paused, note) = (self.flag("paused"), self.text("note").unwrap_or_default());
        let definition = Definition { spec, policy, paused, note, ..Definition::default() };
        if self.wrong {
            return None;
        }
        match definition.check().and_then(Timetable::fires) {
            Ok(_) => Some(definition),
            Err(error) => {
                self.spec_error(&error, &places);
                None
            }
        }
    }

    /// A list, record or constant as JSON, with the places of its parts.
    fn part(&mut self, path: &str, value: &'a ast::Expr, module: usize, places: &mut Places) -> Option<Json> {
        places.push((path.to_owned(), value.span));
        match &value.kind {
            ast::ExprKind::Missing => {
                self.wrong = true;
                None
            }
            ast::ExprKind::List(items) => {
                let items = items.iter().enumerate();
                items.map(|(n, item)| self.part(&format!("{path}[{n}]"), item, module, places)).collect()
            }
            ast::ExprKind::Record { spreads, slots } if spreads.is_empty() => {
                let mut object = Map::new();
                for (name, slot) in slots {
                    let at = format!("{path}.{}", name.text);
                    if !CALENDAR_FIELDS.contains(&name.text.as_str()) {
                        let mut d =
                            Diagnostic::error("WF4009", name.span, format!("a calendar has no field `{}`", name.text));
                        d = d.label("no such field");
                        self.report(match near(&name.text, CALENDAR_FIELDS) {
                            Some(near) => d.help(format!("did you mean `{near}`?")),
                            None => d.help(format!("it has {}", CALENDAR_FIELDS.join(", "))),
                        });
                        continue;
                    }
                    let Some(slot) = slot else {
                        let d = Diagnostic::error("WF4009", name.span, format!("`{}` has no value", name.text));
                        self.report(
                            d.label("what is it?").help(format!("`{}: 9`, `{}: \"1-5\"`", name.text, name.text)),
                        );
                        continue;
                    };
                    object.insert(name.text.clone(), self.part(&at, slot, module, places)?);
                }
                Some(Json::Object(object))
            }
            _ => {
                let mut lower = Lower::new(self.world, module, FnKind::Fn);
                let expr = lower.constant_expr(value, Ty::UNKNOWN);
                let found = self.world.evaluate(&expr, "this option");
                self.wrong |= found.is_none();
                serde_json::from_str(&found?.json(&self.world.types, expr.ty)).ok()
            }
        }
    }

    /// WF4009 for what says when, WF4010 for what says how.
    fn spec_error(&mut self, error: &SpecError, places: &Places) {
        let path = error.path.as_str();
        let fits =
            |known: &str| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']));
        // `cron[0]` is the option itself if there is one and no list.
        let place = places.iter().filter(|(known, _)| fits(known)).max_by_key(|(known, _)| known.len());
        let span = place.map_or(self.span, |(_, span)| *span);
        let option = path.split(['[', '.']).next().unwrap_or_default();
        if !matches!(option, "" | "cron" | "calendar" | "exclude" | "zone" | "start" | "end") {
            let message = format!("`{option}` cannot be used: {}", error.message);
            return self.report(Diagnostic::error("WF4010", span, message).label("here"));
        }
        let message = match option {
            "" => format!("schedule `{}`: {}", self.name, error.message),
            "cron" => format!("cron: {}", error.message),
            _ => format!("{path}: {}", error.message),
        };
        let d = Diagnostic::error("WF4009", span, message);
        let never = error.message.starts_with("it never fires");
        let d = d.label(if never { "never" } else { "cannot be read" });
        self.report(match option {
            _ if never && !option.is_empty() => {
                d.why("day of month and day of week must both fit, on a day that there is")
            }
            "" => d.help("`cron: \"0 9 * * 1-5\"`, `every: 1h`, or `calendar: { hour: 9, weekday: \"mon-fri\" }`"),
            "zone" => match self.zone_near() {
                Some(near) => d.help(format!("did you mean `{near}`?")),
                None => d.help("zones have names like `Europe/Berlin`, `America/New_York` or `UTC`"),
            },
            "cron" => d.help(
                "`\"0 9 * * 1-5\"` is 09:00 from Monday to Friday: minute, hour, day of month, month, day of week",
            ),
            "start" | "end" => d,
            _ => d.help("a field is a number, or a text as in cron: `\"1-5\"`, `\"*/15\"`, `\"mon-fri\"`"),
        });
    }

    fn zone_near(&self) -> Option<String> {
        let (_, value, _) = self.find("zone")?;
        let ast::ExprKind::String(lit) = &value.kind else { return None };
        let [ast::StringPart::Text(text)] = lit.parts.as_slice() else { return None };
        near(text, calendar::zones().iter().map(String::as_str)).map(str::to_owned)
    }

    /// A duration of whole seconds.
    fn whole_duration(&mut self, name: &str, positive: bool) -> Option<i64> {
        let given = self.find(name)?;
        let Some(Value::Duration(ms)) = self.constant(given, Ty::DURATION) else { return None };
        let why = match ms {
            ms if ms < 0 => "must not be negative",
            ms if ms % 1_000 != 0 => "must be whole seconds",
            0 if positive => "must be at least 1s",
            _ => return Some(ms),
        };
        let d = Diagnostic::error("WF4010", given.1.span, format!("`{name}` {why}")).label("cannot be used");
        self.report(d);
        None
    }

    fn limit(&mut self) -> Option<u64> {
        let given = self.find("limit")?;
        let Some(Value::Int(limit)) = self.constant(given, Ty::INT) else { return None };
        if limit <= 0 {
            let d = Diagnostic::error("WF4010", given.1.span, "`limit` must be at least 1").label("starts nothing");
            self.report(d.help("leave it out if there is no limit, or say `paused: true`"));
            return None;
        }
        u64::try_from(limit).ok()
    }

    fn flag(&mut self, name: &str) -> bool {
        let given: Option<Given<'a>> = self.find(name);
        matches!(given.and_then(|given| self.constant(given, Ty::BOOL)), Some(Value::Bool(true)))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let given = self.find(name)?;
        match self.constant(given, Ty::STRING)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}
