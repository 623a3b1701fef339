//! `weft describe`: what a run is doing now.

use jiff::Timestamp;
use weft_protocol::api::{RunDescription, Status};

use crate::exit::{Exit, Outcome};
use crate::options::Describe;
use crate::output::style;
use crate::view::event::{cut, short};
use crate::view::safe::{safe, safe_line};
use crate::view::time::span;

use super::Context;
use super::result::{failure_words, status_style};

/// Characters of a run's result and attributes shown before they are cut; `weft result` prints the whole result.
const VALUE_CHARS_MAX: usize = 2_000;

/// Says what a run is doing now.
pub(crate) async fn describe(context: &Context, options: &Describe) -> Outcome {
    let remote = context.reader(&options.kept).await?;
    let run = remote.api.describe(&remote.run(&options.run)).await?;
    if context.out.json {
        context.out.value(&run)?;
    } else {
        context.out.data(&text(context, &run))?;
    }
    Ok(Exit::Done)
}

fn text(context: &Context, run: &RunDescription) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let row = &run.row;
    lines.push(("workflow id", safe_line(&row.workflow_id).into_owned()));
    lines.push(("run id", row.run_id.clone()));
    if let Some(before) = &run.continued_from {
        lines.push(("before", format!("run {before}")));
    }
    if let Some(next) = &run.next_run {
        lines.push(("next", format!("run {next}")));
    }
    lines.push(("workflow", row.workflow.clone()));
    let mut status = context.out.paint_out(&format!("{:?}", row.status), status_style(row.status));
    if run.cancel_requested && row.status == Status::Running {
        status.push_str(", asked to cancel");
    }
    lines.push(("status", status));
    if let Some(stuck) = &run.stuck {
        let place = format!("{} at {}:{} since {}", stuck.trap, stuck.file, stuck.line, stuck.since);
        lines.push(("stuck", format!("{}\n{place}", safe(&stuck.message))));
    }
    lines.push(("started", row.started_at.clone()));
    let now = Timestamp::now();
    for (name, at) in [("begins", &run.begins_at), ("times out", &run.times_out_at)] {
        lines.extend(at.as_ref().map(|at| (name, format!("{at}{}", due(now, at)))));
    }
    if run.attempt > 1 {
        lines.push(("attempt", run.attempt.to_string()));
    }
    if let Some(closed) = &row.closed_at {
        lines.push(("closed", closed.clone()));
    }
    lines.push(("program", run.program.chars().take(12).collect()));
    lines.push(("events", run.history_events.to_string()));
    if row.attributes.as_object().is_some_and(|a| !a.is_empty()) {
        lines.push(("attributes", cut(&row.attributes.to_string(), VALUE_CHARS_MAX)));
    }
    if !run.memo.is_empty() {
        lines.push(("memo", cut(&serde_json::Value::Object(run.memo.clone()).to_string(), VALUE_CHARS_MAX)));
    }
    for wait in &run.waits {
        let until = wait.until.as_deref().map_or(String::new(), |t| format!(", until {t}{}", due(now, t)));
        lines.push(("waits for", format!("{} ({}, fiber {}){until}", wait.on, wait.source, wait.fiber)));
    }
    for task in &run.activities {
        let mut text =
            format!("{} (event {}): {}, attempt {}", task.activity, task.scheduled, task.state, task.attempt);
        if let Some(at) = &task.next_attempt_at {
            text.push_str(&format!(", next {at}{}", due(now, at)));
        }
        if let Some(failure) = &task.last_failure {
            text.push_str(&format!("\nlast failure: {}", failure_words(failure)));
        }
        if let Some(reason) = task.paused.as_deref().filter(|reason| !reason.is_empty()) {
            text.push_str(&format!("\npaused: {}", safe_line(reason)));
        }
        if let Some(summary) = &task.summary {
            text.push_str(&format!("\nsummary: {}", safe_line(summary)));
        }
        if let Some(progress) = &task.progress {
            text.push_str(&format!("\nprogress: {}", short(&progress.to_string())));
        }
        lines.push(("activity", text));
    }
    for child in &run.children {
        lines.push((
            "child",
            format!("{} `{}` (event {})", child.workflow, safe_line(&child.workflow_id), child.scheduled),
        ));
    }
    for update in &run.updates {
        let queued = if update.queued { ", waits for its turn" } else { "" };
        let (name, id) = (&update.name, safe_line(&update.update_id));
        lines.push(("update", format!("{name} `{id}` (event {}, fiber {}){queued}", update.accepted, update.fiber)));
    }
    for (signal, count) in &run.unread {
        lines.push(("unread", format!("{count} × signal {signal}")));
    }
    if let Some(result) = &run.result {
        lines.push(("result", cut(&result.to_string(), VALUE_CHARS_MAX)));
    }
    if let Some(failure) = &run.failure {
        lines.push(("failure", failure_words(failure)));
    }
    let mut text = String::new();
    for (name, value) in lines {
        let value = value.replace('\n', &format!("\n{}", " ".repeat(13)));
        text.push_str(&format!("{} {value}\n", context.out.paint_out(&format!("{name:<12}"), style::DIM)));
    }
    text
}

/// How far away a time is.
fn due(now: Timestamp, at: &str) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) if at > now => format!(" (in {})", span(at.duration_since(now).unsigned_abs())),
        _ => String::new(),
    }
}
