//! `weft show`: the history of a run, for people, as JSON lines, or plain as golden files have it.

use std::time::Duration;

use serde_json::Value;

use crate::exit::{Exit, Outcome};
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
    let wait = if follow { FOLLOW } else { Duration::ZERO };
    let (mut after, mut until) = (0, None);
    let mut patience = Patience::new(&context.out, follow && remote.returns, None);
    loop {
        let page = patience.ask(async || remote.api.history(&run, after, PAGE, wait).await).await?;
        if run.run_id.is_none() {
            // The id may be used again meanwhile: stay with the run whose first event this is.
            run.run_id = page.events.first().and_then(|e| e["run_id"].as_str()).map(str::to_owned);
        }
        for event in &page.events {
            after = event["id"].as_u64().unwrap_or(after);
            match (options.plain, context.out.json) {
                (true, _) => context.out.line(&plain(event))?,
                (false, true) => context.out.value(event)?,
                (false, false) => context.out.line(&event::line(&context.out, event))?,
            }
        }
        let next = page.events.last().and_then(|last| last["next_run"].as_str()).filter(|_| follow && !this_run_only);
        if let Some(next) = next {
            (run.run_id, after) = (Some(next.to_owned()), 0);
            continue;
        }
        if page.complete || (!follow && page.events.is_empty()) {
            return Ok(Exit::Done);
        }
        if !follow {
            // A page may have ended before the history does; what a run writes while it is shown is not waited for.
            let until = match until {
                Some(until) => until,
                None => *until.insert(remote.api.describe(&run).await?.history_events),
            };
            if after >= until {
                return Ok(Exit::Done);
            }
        }
    }
}

fn plain(event: &Value) -> String {
    let line = weft_engine::history::plain_of(event);
    match line.char_indices().nth(PLAIN_CHARS_MAX) {
        None => line,
        Some((at, _)) => format!("{}… ({} bytes; --json shows all)", &line[..at], line.len()),
    }
}
