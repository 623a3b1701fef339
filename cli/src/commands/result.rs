//! `weft result`: waits for the end of a run and prints what came of it; `run` ends the same way.

use std::time::{Duration, Instant};

use serde_json::Value;
use weft_protocol::Failure;
use weft_protocol::api::{ResultReply, Status, Stuck};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::ResultOf;
use crate::output::{Output, style};
use crate::view::safe::safe;

use super::patience::Patience;
use super::{Context, duration};

/// How long one question waits; between two the run is looked at for being stuck.
const STEP: Duration = Duration::from_secs(5);

/// Prints the result of a run, waiting for it.
pub(crate) async fn result(context: &Context, options: &ResultOf) -> Outcome {
    let remote = context.reader(&options.kept).await?;
    let hints = Hints::of(&options.run.id, &remote.reach, remote.at_rest);
    let mut run = remote.run(&options.run);
    let wait = options.wait.as_deref().map(|w| duration("--wait", w)).transpose()?;
    let begun = Instant::now();
    // The first question asks how things are: a stuck run is told at once, and the wait is for this very run even if
    // its id is used again.
    let mut patience = Patience::new(&context.out, remote.returns, wait);
    let this_run_only = run.run_id.is_some();
    let mut reply = patience.ask(async || remote.api.result(&run, Duration::ZERO).await).await?;
    run.run_id = Some(reply.run_id.clone());
    let left = || wait.map(|w| w.saturating_sub(begun.elapsed()));
    loop {
        // It goes on as another run, unless this very one was asked for.
        if let (false, Some(next)) = (this_run_only, &reply.next_run) {
            run.run_id = Some(next.clone());
            reply = patience.ask(async || remote.api.result(&run, Duration::ZERO).await).await?;
            continue;
        }
        let waited = remote.at_rest || left().is_some_and(|l| l.is_zero());
        if reply.status != Status::Running || reply.stuck.is_some() || waited {
            return ended(&context.out, &reply, &hints);
        }
        reply = patience.ask(async || remote.api.result(&run, left().map_or(STEP, |l| l.min(STEP))).await).await?;
    }
}

/// What to do next about a run.
pub(crate) struct Hints {
    /// How it came to its end.
    pub(crate) ended: String,
    /// It is stuck.
    pub(crate) stuck: String,
    /// It still runs.
    pub(crate) running: String,
}

impl Hints {
    /// For a run somewhere, reached with these options.
    fn of(id: &str, reach: &str, at_rest: bool) -> Hints {
        let id = shell_words::quote(id);
        let go_on = match at_rest {
            true => format!("it goes on with `weft run FILE --continue {id}`, or when `weft dev` serves the project"),
            false => format!("`weft describe {id}{reach}` says what it waits for; a longer --wait waits longer"),
        };
        let stuck = match at_rest {
            true => format!("mend the program, then: weft run FILE --continue {id}"),
            false => "mend the program and deploy it: the run goes on if the new code follows its history".to_owned(),
        };
        Hints { ended: format!("`weft show {id}{reach}` shows how it came to that"), stuck, running: go_on }
    }
}

/// Prints what came of a run: the value alone on stdout, anything else on stderr. With `--json` one object on stdout,
/// however it ended.
///
/// # Errors
/// If the run did not complete, with the exit code that says how.
pub(crate) fn ended(out: &Output, reply: &ResultReply, hints: &Hints) -> Outcome {
    let id = &reply.workflow_id;
    let exit = match (&reply.status, &reply.stuck) {
        (Status::Completed, _) => Exit::Done,
        (Status::Running, None) => Exit::WaitEnded,
        _ => Exit::EndedOtherwise,
    };
    if out.json {
        out.value(reply)?;
        return Ok(exit);
    }
    if reply.status == Status::Completed {
        out.value(reply.result.as_ref().unwrap_or(&Value::Null))?;
        return Ok(Exit::Done);
    }
    Err(match (&reply.status, &reply.stuck) {
        (Status::Running, Some(stuck)) => stuck_words(id, stuck).help(&hints.stuck),
        (Status::Running, None) => {
            Failed::new(exit, "wait_ended", format!("`{id}` is still running")).help(&hints.running)
        }
        (status, _) => {
            let what = format!("`{id}` {}", status_words(*status));
            let failed = Failed::new(exit, "not_completed", what);
            match &reply.failure {
                Some(failure) => failed.why(failure_words(failure)),
                None => failed,
            }
            .help(&hints.ended)
        }
    })
}

/// What to say of a parked run.
pub(super) fn stuck_words(id: &str, stuck: &Stuck) -> Failed {
    let place = if stuck.file.is_empty() { String::new() } else { format!(" at {}:{}", stuck.file, stuck.line) };
    Failed::new(Exit::EndedOtherwise, "stuck", format!("`{id}` is stuck{place}: {}", stuck.message))
        .why(format!("{}; the run is kept as it was before, nothing is lost", stuck.trap))
}

/// How a run ended, as a sentence goes on after its id.
pub(crate) fn status_words(status: Status) -> &'static str {
    match status {
        Status::Running => "is running",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Canceled => "was canceled",
        Status::Terminated => "was terminated",
        Status::TimedOut => "timed out",
        Status::ContinuedAsNew => "continued as a new run",
    }
}

/// A failure in one line.
pub(crate) fn failure_words(failure: &Value) -> String {
    match Failure::from_json(failure) {
        Ok(failure) => {
            let mut text = safe(&failure.to_string()).into_owned();
            let details = failure.details.as_ref().and_then(|d| d.text()).filter(|t| !matches!(*t, "{}" | "null"));
            // What the system's own failures say beside their message is for programs.
            let own = !matches!(failure.kind.as_str(), "Fault" | "Timeout" | "ActivityFailed" | "ChildFailed");
            if let (Some(details), true) = (details, own) {
                text = format!("{text} {}", safe(details));
            }
            text
        }
        Err(_) => safe(&failure.to_string()).into_owned(),
    }
}

/// The color of a status.
pub(crate) fn status_style(status: Status) -> anstyle::Style {
    match status {
        Status::Running | Status::ContinuedAsNew => style::NOTE,
        Status::Completed => style::GOOD,
        Status::Canceled | Status::Terminated => style::WARN,
        Status::Failed | Status::TimedOut => style::ERROR,
    }
}
