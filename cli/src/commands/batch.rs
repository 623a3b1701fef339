//! `weft signal`, `cancel` and `terminate` with `--filter`: to all open runs that a filter is true of, at a rate.

use std::time::{Duration, Instant};

use serde_json::json;
use weft_protocol::api::{BatchOperation, BatchOutcome, BatchRequest, CountQuery, Selection, Status};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Many;

use super::update::new_id;
use super::{Context, Remote};

/// Runs of a page, so that an interruption loses little sight.
const PAGE_MAX: usize = 100;
/// Runs that are refused are named up to this number.
const NAMED_MAX: usize = 20;

/// Does something to many runs. Without `--yes` it only says to how many.
pub(crate) async fn batch(
    context: &Context,
    remote: &Remote,
    many: &Many,
    filter: &str,
    operation: BatchOperation,
    words: &str,
) -> Outcome {
    if filter.trim().is_empty() {
        return Err(Failed::usage("--filter is empty: that would be about every run")
            .help("`status = Running` is true of all open ones, if you mean them"));
    }
    let delete = operation == BatchOperation::Delete {};
    let status = (!delete).then_some(Status::Running);
    let select = Selection { filter: Some(filter.to_owned()), status, ..Selection::default() };
    if !many.yes {
        let count = remote.api.count(&remote.namespace, CountQuery { select, by: None }).await?.count;
        let runs = match delete {
            true => "runs, each with all runs of its workflow id; an id stays whose newest run is none of them",
            false => "open runs",
        };
        return Err(Failed::new(Exit::Usage, "not_confirmed", format!("this would {words} {count} {runs}"))
            .help("add --yes to do it; `weft list` with the same --filter shows them"));
    }
    let rate = many.rps.get();
    let mut request = BatchRequest {
        filter: filter.to_owned(),
        operation,
        // Made here, so that a page whose answer is lost can be asked for again under its name.
        batch_id: Some(many.batch.clone().map_or_else(new_id, Ok)?),
        limit: Some(rate.min(PAGE_MAX)),
        cursor: many.from.clone(),
    };
    let (mut done, mut ended, mut refused) = (0, 0, Vec::new());
    loop {
        let begun = Instant::now();
        let page = match remote.api.batch(&remote.namespace, request.clone()).await {
            Ok(page) => page,
            Err(error) => return Err(stopped(error.into(), &request, done)),
        };
        for run in &page.runs {
            match run.outcome {
                BatchOutcome::Done => done += 1,
                BatchOutcome::Ended => ended += 1,
                BatchOutcome::Refused => refused.push(run.clone()),
            }
            if context.out.json {
                context.out.value(run)?;
            }
        }
        request.cursor = page.cursor;
        if request.cursor.is_none() {
            break;
        }
        let pause = Duration::from_secs_f64(page.runs.len() as f64 / rate as f64);
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {
                return Err(stopped(Failed::new(Exit::Interrupted, "interrupted", "interrupted"), &request, done));
            }
            () = tokio::time::sleep(pause.saturating_sub(begun.elapsed())) => {}
        }
    }
    let name = request.batch_id.unwrap_or_default();
    let summary = json!({ "batch_id": name, "done": done, "ended": ended, "refused": refused.len() });
    if context.out.json {
        context.out.value(&summary)?;
    } else {
        context.out.say(&format!("{done} done, {ended} had ended before, {} refused (batch {name})", refused.len()));
        for run in refused.iter().take(NAMED_MAX) {
            context.out.say(&format!("  `{}`: {}", run.workflow_id, run.error.as_deref().unwrap_or("refused")));
        }
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Refused })
}

/// How far it came, and how to go on.
fn stopped(failed: Failed, request: &BatchRequest, done: u64) -> Failed {
    let Some(batch) = &request.batch_id else { return failed };
    let from = request.cursor.as_ref().map_or(String::new(), |cursor| format!(" --from {cursor}"));
    failed
        .why(format!("{done} runs are done"))
        .help(format!("the same command with --batch {batch}{from} goes on there"))
}
