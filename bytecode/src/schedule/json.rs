//! A schedule as JSON, with the words of the language: what the API is given and shows, and the log keeps.

use serde_json::{Map, Value, json};

use super::{CALENDAR_FIELDS, Calendar, Definition, Interval, OVERLAPS, Overlap, Policy, Spec, SpecError};
use crate::wire::text;

/// The options of a schedule, with their names in the language. A definition has `workflow` and `args` besides.
pub const OPTIONS: [&str; 15] = [
    "cron",
    "every",
    "phase",
    "calendar",
    "exclude",
    "start",
    "end",
    "zone",
    "jitter",
    "overlap",
    "catch_up",
    "limit",
    "pause_on_failure",
    "paused",
    "note",
];

/// Reads a definition. `cron`, `calendar` and `exclude` are one or a list; `every` is a duration beside its `phase`, or
/// a list of `{"every", "phase"}`; a field of a calendar is a number, a text, or a list of them.
///
/// # Errors
/// The field that is not understood. What the fields say together is checked by [`Definition::check`].
pub fn read(value: &Value) -> Result<Definition, SpecError> {
    let object = value.as_object().ok_or_else(|| SpecError::new("", "a schedule is an object"))?;
    known(object, "", &[&["workflow", "args"], &OPTIONS[..]].concat())?;
    let present = |name: &str| object.get(name).filter(|value| !value.is_null());
    let string = |name: &str| present(name).map(|value| as_text(name, value)).transpose();
    let duration = |name: &str| present(name).map(|value| as_duration(name, value)).transpose();
    let flag = |name: &str| match present(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(SpecError::new(name, "true or false")),
    };
    let args = match present("args") {
        None => "{}".to_owned(),
        Some(args @ Value::Object(_)) => args.to_string(),
        Some(_) => return Err(SpecError::new("args", "arguments by name, an object")),
    };
    let overlap = match string("overlap")? {
        None => Overlap::default(),
        Some(word) => Overlap::of(&word)
            .ok_or_else(|| SpecError::new("overlap", format!("`{word}` is none of {}", OVERLAPS.join(", "))))?,
    };
    let limit = match present("limit") {
        None => None,
        Some(limit) => Some(limit.as_u64().ok_or_else(|| SpecError::new("limit", "a whole number"))?),
    };
    let default = Policy::default();
    Ok(Definition {
        workflow: string("workflow")?.ok_or_else(|| SpecError::new("workflow", "which workflow does it run?"))?,
        args,
        spec: Spec {
            cron: many(present("cron"), "cron", as_text)?,
            every: intervals(present("every"), duration("phase")?)?,
            calendar: many(present("calendar"), "calendar", |path, value| calendar(path, value, false))?,
            exclude: many(present("exclude"), "exclude", |path, value| calendar(path, value, true))?,
            start: string("start")?,
            end: string("end")?,
            zone: string("zone")?,
            jitter_ms: duration("jitter")?.unwrap_or(0),
        },
        policy: Policy {
            overlap,
            catch_up_ms: duration("catch_up")?.unwrap_or(default.catch_up_ms),
            limit,
            pause_on_failure: flag("pause_on_failure")?,
        },
        paused: flag("paused")?,
        note: string("note")?.unwrap_or_default(),
    })
}

fn known(object: &Map<String, Value>, path: &str, fields: &[&str]) -> Result<(), SpecError> {
    match object.keys().find(|key| !fields.contains(&key.as_str())) {
        Some(key) if path.is_empty() => {
            Err(SpecError::new(key, format!("there is no such field; there are {}", fields.join(", "))))
        }
        Some(key) => Err(SpecError::new(
            format!("{path}.{key}"),
            format!("there is no such field; there are {}", fields.join(", ")),
        )),
        None => Ok(()),
    }
}

fn as_text(path: &str, value: &Value) -> Result<String, SpecError> {
    value.as_str().map(str::to_owned).ok_or_else(|| SpecError::new(path, "a text"))
}

fn as_duration(path: &str, value: &Value) -> Result<i64, SpecError> {
    let found = value.as_str().and_then(text::parse_duration);
    found.ok_or_else(|| SpecError::new(path, "a duration like \"1h30m\""))
}

fn many<T>(
    value: Option<&Value>,
    path: &str,
    read: impl Fn(&str, &Value) -> Result<T, SpecError>,
) -> Result<Vec<T>, SpecError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(n, item)| read(&format!("{path}[{n}]"), item)).collect()
        }
        Some(one) => Ok(vec![read(path, one)?]),
    }
}

fn intervals(value: Option<&Value>, phase: Option<i64>) -> Result<Vec<Interval>, SpecError> {
    match value {
        Some(Value::String(_)) => {
            let every_ms = value.map(|every| as_duration("every", every)).transpose()?.unwrap_or_default();
            Ok(vec![Interval { every_ms, phase_ms: phase.unwrap_or(0) }])
        }
        other if phase.is_none() => many(other, "every", |path, value| {
            let object = value.as_object().ok_or_else(|| SpecError::new(path, "a duration, or `{every, phase}`"))?;
            known(object, path, &["every", "phase"])?;
            let part = |name: &str| object.get(name).map(|v| as_duration(&format!("{path}.{name}"), v)).transpose();
            let every_ms = part("every")?.ok_or_else(|| SpecError::new(path, "`every` is missing"))?;
            Ok(Interval { every_ms, phase_ms: part("phase")?.unwrap_or(0) })
        }),
        _ => Err(SpecError::new("phase", "it belongs to `every`")),
    }
}

/// `{"hour": 9}`; in an exclusion a date as well.
fn calendar(path: &str, value: &Value, excluding: bool) -> Result<Calendar, SpecError> {
    let object = match value {
        Value::Object(object) => object,
        Value::String(date) if excluding => {
            let found = Calendar::of_date(date);
            return found.ok_or_else(|| SpecError::new(path, format!("`{date}` is no date like `2026-12-25`")));
        }
        _ if excluding => return Err(SpecError::new(path, "a date or an object like {\"month\": 12, \"day\": 25}")),
        _ => return Err(SpecError::new(path, "an object like {\"hour\": 9, \"weekday\": \"mon-fri\"}")),
    };
    known(object, path, &CALENDAR_FIELDS)?;
    let mut out = Calendar::default();
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let at = format!("{path}.{name}");
        let one = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) if number.is_u64() => Ok(number.to_string()),
            _ => Err(SpecError::new(&at, "a number, a text like \"1-5\", or a list of them")),
        };
        let text = match value {
            Value::Array(items) => items.iter().map(one).collect::<Result<Vec<_>, _>>()?.join(","),
            value => one(value)?,
        };
        if let Some(field) = out.field(name) {
            *field = Some(text);
        }
    }
    Ok(out)
}

/// The definition as JSON; what is not given is left out.
pub fn write(definition: &Definition) -> Value {
    let Definition { workflow, args, spec, policy, paused, note } = definition;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("workflow", json!(workflow));
    put("args", crate::wire::json::parse(args.as_bytes()).unwrap_or(Value::Null));
    if !spec.cron.is_empty() {
        put("cron", json!(spec.cron));
    }
    if !spec.every.is_empty() {
        let one = |i: &Interval| json!({"every": text::duration(i.every_ms), "phase": text::duration(i.phase_ms)});
        put("every", spec.every.iter().map(one).collect());
    }
    for (name, calendars) in [("calendar", &spec.calendar), ("exclude", &spec.exclude)] {
        if !calendars.is_empty() {
            put(name, calendars.iter().map(calendar_json).collect());
        }
    }
    for (name, value) in [("start", &spec.start), ("end", &spec.end), ("zone", &spec.zone)] {
        if let Some(value) = value {
            put(name, json!(value));
        }
    }
    if spec.jitter_ms > 0 {
        put("jitter", json!(text::duration(spec.jitter_ms)));
    }
    put("overlap", json!(policy.overlap.word()));
    put("catch_up", json!(text::duration(policy.catch_up_ms)));
    if let Some(limit) = policy.limit {
        put("limit", json!(limit));
    }
    put("pause_on_failure", json!(policy.pause_on_failure));
    put("paused", json!(paused));
    put("note", json!(note));
    Value::Object(out)
}

fn calendar_json(calendar: &Calendar) -> Value {
    let mut calendar = calendar.clone();
    let mut out = Map::new();
    for name in CALENDAR_FIELDS {
        if let Some(text) = calendar.field(name).and_then(Option::take) {
            out.insert(name.to_owned(), Value::String(text));
        }
    }
    Value::Object(out)
}
