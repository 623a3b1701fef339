//! `weft show`: the history of a run, for people, as JSON lines, or plain as golden files have it.

use std::time::Duration;

use serde_json::Value;
use weft_protocol::api::HistoryPage;
use weft_runtime::api::{RunKey, SharedApi};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Show;
use crate::view::event;

use super::Context;
use super::patience::Patience;

/// Events asked for at once.
const PAGE: usize = 500;
/// How long a follower waits for the next event before asking again.
const FOLLOW: Duration = Duration::from_secs(30);

/// Characters of a line of `--plain` before it is cut: far more than a golden history has, less than fills a terminal
/// for good. `--json` cuts nothing.
const PLAIN_CHARS_MAX: usize = 64 << 10;

/// Prints the history of a run.
pub(crate) async fn show(context: &Context, options: &Show) -> Outcome {
    let remote = context.reader(&options.kept).await?;
    let mut run = remote.run(&options.run);
    let this_run_only = run.run_id.is_some();
    // Where nothing goes on there is nothing to wait for.
    let follow = options.follow && !remote.at_rest;
    let each = |event: &Value| match (options.plain, context.out.json) {
        (true, _) => context.out.line(&plain(event)),
        (false, true) => context.out.value(event),
        (false, false) => context.out.line(&event::line(&context.out, event)),
    };
    if !follow {
        read_all(&remote.api, &mut run, each).await?;
        return Ok(Exit::Done);
    }
    let mut after = 0;
    let mut patience = Patience::new(&context.out, remote.returns, None);
    loop {
        let page = patience.ask(async || remote.api.history(&run, after, PAGE, FOLLOW).await).await?;
        stay_with(&mut run, &page);
        for event in &page.events {
            after = event["id"].as_u64().unwrap_or(after);
            each(event)?;
        }
        let next = page.events.last().and_then(|last| last["next_run"].as_str()).filter(|_| !this_run_only);
        if let Some(next) = next {
            (run.run_id, after) = (Some(next.to_owned()), 0);
            continue;
        }
        if page.complete {
            return Ok(Exit::Done);
        }
    }
}

/// All events that a run has now, in order. What it writes while they are read is not waited for.
///
/// # Errors
/// If there is no such run, or the events cannot be read or taken.
pub(crate) async fn read_all(
    api: &SharedApi,
    run: &mut RunKey,
    mut each: impl FnMut(&Value) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let (mut after, mut until) = (0, None);
    loop {
        let page = api.history(run, after, PAGE, Duration::ZERO).await?;
        stay_with(run, &page);
        for event in &page.events {
            after = event["id"].as_u64().unwrap_or(after);
            each(event)?;
        }
        if page.complete || page.events.is_empty() {
            return Ok(());
        }
        // A page may have ended before the history does.
        let until = match until {
            Some(until) => until,
            None => *until.insert(api.describe(run).await?.history_events),
        };
        if after >= until {
            return Ok(());
        }
    }
}

/// The id may be used again meanwhile: stay with the run whose first event this is.
fn stay_with(run: &mut RunKey, page: &HistoryPage) {
    if run.run_id.is_none() {
        run.run_id = page.events.first().and_then(|first| first["run_id"].as_str()).map(str::to_owned);
    }
}

fn plain(event: &Value) -> String {
    let line = weft_engine::history::plain_of(event);
    match line.char_indices().nth(PLAIN_CHARS_MAX) {
        None => line,
        Some((at, _)) => format!("{}… ({} bytes; --json shows all)", &line[..at], line.len()),
    }
}
