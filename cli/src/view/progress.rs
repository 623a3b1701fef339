//! The progress of a run as lines: what happened, from its history, and what it waits for, from its description.
//! `live` redraws the second kind in place; elsewhere each is told once.

use std::collections::{HashMap, HashSet};

use anstyle::Style;
use jiff::Timestamp;
use serde_json::{Value, json};
use weft_protocol::api::{FiberWait, MessageSignature, PendingActivity, RunDescription, WorkflowSignature};

use crate::args;
use crate::commands::result::failure_words;
use crate::output::{Output, style};
use crate::view::event::short;
use crate::view::safe::safe_line;
use crate::view::time::{countdown, span};

/// A line for people, and the same for programs.
pub(crate) struct Told {
    /// For people; may have several lines.
    pub(crate) text: String,
    /// For programs.
    pub(crate) object: Value,
}

/// What has been told of a run, and what is needed to tell more.
pub(crate) struct Progress {
    out: Output,
    id: String,
    signature: WorkflowSignature,
    /// How this command is called here.
    program: String,
    /// Options that a `weft signal` from another terminal needs, with a space before.
    reach: String,
    first: Option<Timestamp>,
    /// What was begun, by the number of its event: an activity's or child's name, a timer's length.
    begun: HashMap<u64, String>,
    told: HashSet<String>,
}

impl Progress {
    /// Nothing told yet.
    pub(crate) fn new(out: Output, id: &str, signature: WorkflowSignature, program: &str, reach: &str) -> Progress {
        Progress {
            out,
            id: id.to_owned(),
            signature,
            program: program.to_owned(),
            reach: reach.to_owned(),
            first: None,
            begun: HashMap::new(),
            told: HashSet::new(),
        }
    }

    /// The line of an event, if it is of interest.
    pub(crate) fn event(&mut self, event: &Value) -> Option<Told> {
        let text = self.event_line(event)?;
        Some(Told { text, object: json!({ "event": event }) })
    }

    fn event_line(&mut self, event: &Value) -> Option<String> {
        let at = event["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        self.first = self.first.or(at);
        let text = |key: &str| safe_line(event[key].as_str().unwrap_or(""));
        let value = |key: &str| if event[key].is_null() { String::new() } else { short(&event[key].to_string()) };
        let id = event["id"].as_u64().unwrap_or(0);
        let of = |key: &str| {
            let begun = event[key].as_u64().and_then(|id| self.begun.get(&id));
            begun.cloned().unwrap_or_else(|| format!("event {}", event[key]))
        };
        let (word, color, detail) = match &*text("type") {
            "ActivityScheduled" => {
                self.begun.insert(id, text("activity").into_owned());
                ("scheduled", style::STRONG, format!("{} {}", text("activity"), value("args")))
            }
            "ActivityCompleted" => {
                let attempt = match event["attempt"].as_u64() {
                    Some(n) if n > 1 => format!(" (attempt {n})"),
                    _ => String::new(),
                };
                (
                    "completed",
                    style::GOOD,
                    format!("{} → {}{attempt}", of("scheduled"), short(&event["result"].to_string())),
                )
            }
            "ActivityFailed" | "ActivityTimedOut" | "ChildFailed" | "ChildTimedOut" | "ChildStartFailed"
            | "ChildTerminated" => {
                ("failed", style::ERROR, format!("{}: {}", of("scheduled"), short(&failure_words(&event["failure"]))))
            }
            "ActivityCanceled" | "ChildCanceled" => ("canceled", style::WARN, of("scheduled")),
            "TimerStarted" => {
                let due = text("due").parse::<Timestamp>().ok();
                let length = at.zip(due).map_or(String::new(), |(at, due)| length(due.duration_since(at)));
                self.begun.insert(id, length.clone());
                ("timer", style::NOTE, format!("{length} at {}", text("source")))
            }
            "TimerFired" => ("timer", style::NOTE, format!("{} are over", of("timer"))),
            "SignalReceived" => ("signal", style::NOTE, format!("{} {}", text("name"), value("args"))),
            "UpdateAccepted" => {
                self.begun.insert(id, text("name").into_owned());
                ("update", style::NOTE, format!("{} {}", text("name"), value("args")))
            }
            "UpdateCompleted" => {
                ("answered", style::GOOD, format!("{} → {}", of("accepted"), short(&event["result"].to_string())))
            }
            "UpdateFailed" => {
                ("failed", style::ERROR, format!("{}: {}", of("accepted"), short(&failure_words(&event["failure"]))))
            }
            "ChildScheduled" => {
                self.begun.insert(id, format!("{} `{}`", text("workflow"), text("workflow_id")));
                ("child", style::STRONG, format!("{} `{}` {}", text("workflow"), text("workflow_id"), value("args")))
            }
            "ChildCompleted" => {
                ("completed", style::GOOD, format!("{} → {}", of("scheduled"), short(&event["result"].to_string())))
            }
            "PatchRecorded" => ("patch", style::NOTE, text("patch").into_owned()),
            "CancelRequested" => ("cancel", style::WARN, format!("requested {}", text("reason"))),
            "RunContinuedAsNew" => {
                self.begun.clear();
                ("new run", style::NOTE, format!("{} {}", text("next_run"), value("args")))
            }
            "CodeMoved" => ("moved", style::NOTE, "to the new code".to_owned()),
            "RunCompleted" => {
                let unread = event["unread"].as_object().filter(|u| !u.is_empty());
                ("done", style::GOOD, unread.map_or(String::new(), |_| format!("unread signals {}", event["unread"])))
            }
            _ => return None,
        };
        Some(self.line(at, word, color, &detail))
    }

    /// Lines of attempts that failed, each told once.
    pub(crate) fn retries(&mut self, run: &RunDescription) -> Vec<Told> {
        let now = Timestamp::now();
        let mut lines = Vec::new();
        for task in &run.activities {
            let Some(text) = retry(task, now) else { continue };
            if self.told.insert(format!("attempt {} {}", task.scheduled, task.attempt)) {
                let text = self.line(Some(now), "retry", style::WARN, &text);
                lines.push(Told { text, object: json!({ "retry": task }) });
            }
        }
        lines
    }

    /// Lines of what a run waits for that a person could answer, each told once.
    pub(crate) fn waits(&mut self, run: &RunDescription) -> Vec<Told> {
        let now = Timestamp::now();
        let mut lines = Vec::new();
        for wait in run.waits.iter().filter(|w| is_message(w)) {
            if self.told.insert(format!("wait {} {} {}", wait.fiber, wait.source, wait.on)) {
                let mut text = self.line(Some(now), "waiting", style::NOTE, &wait_words(wait, now));
                let commands = self.commands(wait);
                for command in &commands {
                    let command = self.out.paint(command, style::STRONG);
                    text.push_str(&format!("\n{:>9} {:<9} answer it with: {command}", "", ""));
                }
                lines.push(Told { text, object: json!({ "waiting": wait, "answer_with": commands }) });
            }
        }
        lines
    }

    /// What the run waits for now, a line each, for a view that is redrawn.
    pub(crate) fn pending(&self, run: &RunDescription, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for task in &run.activities {
            let state = match retry(task, now) {
                Some(text) => self.out.paint(&text, style::WARN),
                None => format!("{}{}", task.activity, attempt_words(task)),
            };
            let progress = task.progress.as_ref().map_or(String::new(), |p| format!(" {}", short(&p.to_string())));
            lines.push(format!("{} {state}{progress}", self.out.paint("activity ", style::DIM)));
        }
        for child in &run.children {
            lines.push(format!(
                "{} {} `{}`",
                self.out.paint("child    ", style::DIM),
                child.workflow,
                child.workflow_id
            ));
        }
        let others = ["activity", "child", "branches"];
        for wait in run.waits.iter().filter(|w| !others.iter().any(|o| w.on.starts_with(o))) {
            lines.push(format!("{} {}", self.out.paint("waiting  ", style::DIM), wait_words(wait, now)));
            for command in self.commands(wait) {
                lines.push(format!("          {}", self.out.paint(&command, style::STRONG)));
            }
        }
        lines
    }

    /// How long ago the run began.
    pub(crate) fn elapsed(&self, now: Timestamp) -> String {
        self.first.map_or(String::new(), |first| span(now.duration_since(first).unsigned_abs()))
    }

    /// What could be typed in another terminal to end a wait.
    fn commands(&self, wait: &FiberWait) -> Vec<String> {
        let named = wait.on.strip_prefix("signal ");
        let signals = self.signature.signals.iter().filter(|s| named.is_none_or(|n| n == s.name));
        let (program, id, reach) = (&self.program, shell_words::quote(&self.id), &self.reach);
        let command = |kind: &str, message: &MessageSignature| {
            format!("{program} {kind} {id} {}{}{reach}", message.name, args::examples(&message.params))
        };
        if !is_message(wait) {
            return Vec::new();
        }
        // An update may change what a condition reads; no update is received.
        let updates = self.signature.updates.iter().filter(|_| named.is_none());
        signals.map(|s| command("signal", s)).chain(updates.map(|u| command("update", u))).collect()
    }

    fn line(&self, at: Option<Timestamp>, word: &str, color: Style, detail: &str) -> String {
        let elapsed = at.map_or(String::new(), |at| self.elapsed(at));
        let elapsed = self.out.paint(&format!("{elapsed:>9}"), style::DIM);
        let line = format!("{elapsed} {} {}", self.out.paint(&format!("{word:<9}"), color), detail);
        line.trim_end().to_owned()
    }
}

/// Whether a wait is one that a signal could end.
fn is_message(wait: &FiberWait) -> bool {
    wait.on.starts_with("signal") || wait.on.starts_with("condition")
}

fn wait_words(wait: &FiberWait, now: Timestamp) -> String {
    let left = wait.until.as_deref().and_then(|t| t.parse::<Timestamp>().ok()).map(|t| left(now, t));
    let left = left.map_or(String::new(), |left| format!(", {left} left"));
    format!("{} at {}{left}", wait.on, wait.source)
}

fn left(now: Timestamp, due: Timestamp) -> String {
    if due > now { countdown(due.duration_since(now).unsigned_abs()) } else { "nothing".to_owned() }
}

fn length(duration: jiff::SignedDuration) -> String {
    weft_bytecode::wire::text::duration(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn attempt_words(task: &PendingActivity) -> String {
    match task.attempt {
        0 | 1 => String::new(),
        n => format!(" (attempt {n})"),
    }
}

/// What to say of an activity whose last attempt failed: what comes next first, as the end may not fit the line.
fn retry(task: &PendingActivity, now: Timestamp) -> Option<String> {
    let failure = short(&failure_words(task.last_failure.as_ref()?)).replace('\n', " ");
    let failure = failure.strip_prefix("Fault: ").unwrap_or(&failure);
    let before = task.attempt.saturating_sub(1).max(1);
    let next = match task.next_attempt_at.as_deref().and_then(|t| t.parse::<Timestamp>().ok()) {
        Some(at) if at > now => format!("in {}", countdown(at.duration_since(now).unsigned_abs())),
        _ => "is under way".to_owned(),
    };
    Some(format!("{} attempt {} {next}; attempt {before} failed: {failure}", task.activity, task.attempt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;
    use weft_protocol::api::{ParamSignature, TextForm};

    fn progress() -> Progress {
        let by = ParamSignature {
            name: "by".into(),
            ty: "String".into(),
            required: true,
            form: TextForm::Text,
            fields: Vec::new(),
        };
        let signals = vec![MessageSignature { name: "approve".into(), params: vec![by], result: None }];
        let signature = WorkflowSignature {
            name: "w".into(),
            doc: String::new(),
            params: Vec::new(),
            result: "Unit".into(),
            signals,
            queries: Vec::new(),
            updates: Vec::new(),
        };
        Progress::new(Output::new(false, Color::Never), "w 1", signature, "weft", " --address http://127.0.0.1:9")
    }

    fn description(value: Value) -> RunDescription {
        let mut base = json!({
            "run": {"workflow_id":"w 1","run_id":"0","workflow":"w","status":"Running","stuck":false,
                "started_at":"2026-06-01T09:00:00Z","closed_at":null,"attributes":{}},
            "program":"","history_events":1,"stuck":null,"cancel_requested":false,"waits":[],"activities":[],
            "children":[],"unread":[],"result":null,"failure":null
        });
        for (key, value) in value.as_object().unwrap() {
            base[key] = value.clone();
        }
        serde_json::from_value(base).unwrap()
    }

    #[test]
    fn events_are_told_by_the_name_of_what_they_end() {
        let mut progress = progress();
        let events = [
            json!({"id":1,"at":"2026-06-01T09:00:00Z","type":"RunStarted"}),
            json!({"id":2,"at":"2026-06-01T09:00:00Z","type":"ActivityScheduled","activity":"charge","args":{"a":1}}),
            json!({"id":3,"at":"2026-06-01T09:00:01.5Z","type":"ActivityCompleted","scheduled":2,"attempt":2,"result":7}),
        ];
        let lines: Vec<String> = events.iter().filter_map(|e| Some(progress.event(e)?.text)).collect();
        assert_eq!(lines, ["      0ms scheduled charge {\"a\":1}", "     1.5s completed charge → 7 (attempt 2)"]);
    }

    #[test]
    fn a_failed_attempt_is_told_once_per_attempt() {
        let mut progress = progress();
        let task = |attempt: u32| {
            description(
                json!({"activities":[{"scheduled":2,"activity":"charge","attempt":attempt,"state":"backing_off",
                "last_failure":{"type":"Fault","message":"no\nluck"},"next_attempt_at":null,"progress":null}]}),
            )
        };
        let lines = progress.retries(&task(2));
        assert!(
            lines[0].text.ends_with("retry     charge attempt 2 is under way; attempt 1 failed: no luck"),
            "{}",
            lines[0].text
        );
        assert!(progress.retries(&task(2)).is_empty(), "told already");
        assert_eq!(progress.retries(&task(3)).len(), 1);
    }

    #[test]
    fn a_wait_for_a_signal_shows_the_command_to_type() {
        let mut progress = progress();
        let wait = json!({"waits":[{"fiber":"0","source":"w.wf:3","on":"signal approve","until":null}]});
        let lines = progress.waits(&description(wait.clone()));
        let text = &lines[0].text;
        assert!(text.contains("weft signal 'w 1' approve by=text --address http://127.0.0.1:9"), "{text}");
        assert!(progress.waits(&description(wait)).is_empty());
    }
}
