//! Events of a history as text. They arrive as JSON; an event or field of a newer server is shown as
//! it is.

use jiff::Timestamp;
use serde_json::Value;

use crate::output::{Output, style};
use crate::view::safe::safe;

/// Characters of a value shown to people before it is cut.
const VALUE_CHARS_MAX: usize = 160;

/// A line for people: number, time, type, what, and where in the source.
pub(crate) fn line(out: &Output, event: &Value) -> String {
    let name = word(event, "type");
    let color = if is_bad(name) {
        style::ERROR
    } else if name == "RunCompleted" {
        style::GOOD
    } else {
        style::STRONG
    };
    let at = event["at"].as_str().unwrap_or("");
    let mut text = format!(
        "{:>4}  {}  {} {}",
        event["id"].to_string(),
        out.paint_out(at, style::DIM),
        out.paint_out(name, color),
        detail(event)
    );
    text.truncate(text.trim_end().len());
    if let Some(source) = event["source"].as_str() {
        text.push_str(&out.paint_out(&format!("  {source}"), style::DIM));
    }
    text
}

/// Whether an event tells of something that went wrong.
pub(crate) fn is_bad(name: &str) -> bool {
    name.ends_with("Failed") || name.ends_with("TimedOut")
}

/// A value cut to a length that people read.
pub(crate) fn short(text: &str) -> String {
    cut(text, VALUE_CHARS_MAX)
}

/// A text with nothing in it that acts on a terminal, of at most so many characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    // What is far too long is not looked at as a whole.
    match text.char_indices().nth(chars_max) {
        None => safe(text).into_owned(),
        Some(_) => {
            let kept: String = text.chars().take(chars_max - 1).collect();
            format!("{}…", safe(&kept))
        }
    }
}

fn word<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or("")
}

/// What an event says beyond its type.
fn detail(event: &Value) -> String {
    let value = |value: &Value| short(&value.to_string());
    let text = |key: &str| safe(word(event, key)).into_owned();
    let number = |key: &str| event[key].as_u64().map_or(String::new(), |n| n.to_string());
    let values = |key: &str| match &event[key] {
        Value::Null => String::new(),
        given => value(given),
    };
    let parts = match word(event, "type") {
        "RunStarted" => match word(event, "continued_from") {
            "" => vec![text("workflow"), values("args")],
            from => vec![text("workflow"), values("args"), format!("continued from {}", safe(from))],
        },
        "ActivityScheduled" => vec![text("activity"), values("args")],
        "TimerStarted" => vec![timer(event)],
        "TimerFired" | "TimerCanceled" => vec![number("timer")],
        "ActivityCompleted" | "ChildCompleted" => vec![number("scheduled"), value(&event["result"])],
        "ActivityFailed" | "ActivityTimedOut" | "ChildFailed" | "ChildTimedOut" | "ChildStartFailed"
        | "ChildTerminated" => vec![number("scheduled"), failure(&event["failure"])],
        "ActivityCanceled" | "ActivityCancelRequested" | "ChildCanceled" | "ChildCancelRequested" | "ChildStarted" => {
            vec![number("scheduled")]
        }
        "UpdateCompleted" => vec![number("accepted"), value(&event["result"])],
        "UpdateFailed" => vec![number("accepted"), failure(&event["failure"])],
        "SignalReceived" | "UpdateAccepted" => vec![text("name"), values("args")],
        "ChildScheduled" => vec![text("workflow"), text("workflow_id"), values("args")],
        "SignalSent" => vec![safe(word(&event["to"], "workflow_id")).into_owned(), text("name"), values("args")],
        "CancelSent" => vec![safe(word(&event["to"], "workflow_id")).into_owned()],
        "SignalDelivered" | "CancelDelivered" => vec![number("sent")],
        "SignalRefused" | "CancelRefused" => vec![number("sent"), failure(&event["failure"])],
        "PatchRecorded" => vec![text("patch")],
        "AttributesSet" => vec![values("attributes")],
        "CancelRequested" | "RunCanceled" | "RunTerminated" => vec![text("reason")],
        "ActivationFailed" => vec![text("trap"), text("message")],
        "RunCompleted" => vec![value(&event["result"]), unread(event)],
        "RunContinuedAsNew" => vec![value(&event["args"]), unread(event), text("next_run")],
        "RunFailed" | "RunTimedOut" => vec![failure(&event["failure"])],
        "CodeMoved" => Vec::new(),
        _ => vec![others(event)],
    };
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
}

/// How long a timer was started for: its due time is measured from the event's own.
fn timer(event: &Value) -> String {
    let time = |key: &str| word(event, key).parse::<Timestamp>().ok();
    match (time("at"), time("due")) {
        (Some(at), Some(due)) => weft_bytecode::wire::text::duration(due.as_millisecond() - at.as_millisecond()),
        _ => String::new(),
    }
}

fn unread(event: &Value) -> String {
    match event["unread"].as_object() {
        Some(unread) if !unread.is_empty() => format!("unread {}", event["unread"]),
        _ => String::new(),
    }
}

/// A failure as `Kind: message`, causes behind it; fields of a declared error as JSON.
fn failure(value: &Value) -> String {
    if value.is_null() { String::new() } else { crate::commands::result::failure_words(value) }
}

/// Fields of an event this program does not know.
fn others(event: &Value) -> String {
    let common = ["id", "at", "type", "fiber", "seq", "source", "run_id", "program"];
    let fields = event.as_object().into_iter().flatten().filter(|(k, v)| !common.contains(&k.as_str()) && !v.is_null());
    fields.map(|(k, v)| format!("{k}={}", short(&v.to_string()))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn details_say_what_an_event_is_about() {
        let cases = [
            (json!({"type":"ActivityScheduled","activity":"charge","args":{"id":"7"}}), r#"charge {"id":"7"}"#),
            (json!({"type":"TimerStarted","at":"2026-06-01T09:00:00.5Z","due":"2026-06-01T09:00:30.5Z"}), "30s"),
            (json!({"type":"ActivityCompleted","scheduled":2,"result":null}), "2 null"),
            (
                json!({"type":"RunFailed","failure":{"type":"CardDeclined","message":"","details":{"code":"x"}}}),
                r#"CardDeclined {"code":"x"}"#,
            ),
            (json!({"type":"RunCompleted","result":{"a":1},"unread":{"ping":2}}), r#"{"a":1} unread {"ping":2}"#),
            (json!({"id":8,"type":"FutureEvent","fiber":"0","x":1}), "x=1"),
        ];
        for (event, want) in cases {
            assert_eq!(detail(&event), want);
        }
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(short(&"x".repeat(500)).chars().count(), VALUE_CHARS_MAX);
        assert_eq!(short("short"), "short");
    }
}
