//! `weft update`: sends an update and waits for what it answers. Every question carries the update's id, so asking again
//! does nothing twice, whatever became of the answer before.

use std::time::{Duration, Instant};

use serde_json::Value;
use weft_protocol::api::{UpdateReply, UpdateRequest, UpdateStage, UpdateStatus};

use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Update;

use super::message::{find, key};
use super::patience::Patience;
use super::result::{failure_words, stuck_words};
use super::{Context, Remote, duration};

/// How long the first question waits: a run that the update gets stuck says so soon.
const FIRST: Duration = Duration::from_millis(300);
/// How long any other question waits.
const STEP: Duration = Duration::from_secs(5);

/// Sends an update to a run and prints its result.
pub(crate) async fn update(context: &Context, options: &Update) -> Outcome {
    let (stage, wait) = match options.wait.as_str() {
        "accepted" => (UpdateStage::Accepted, None),
        "completed" => (UpdateStage::Completed, None),
        given => (UpdateStage::Completed, Some(duration("--wait", given)?)),
    };
    let remote = context.remote().await?;
    let run = key(&remote, &options.id, &options.run);
    let signature = remote.api.run_workflow(&run).await?;
    let message = find("update", &options.id, &options.name, &signature.updates)?;
    let what = For { kind: "update", name: &options.name };
    // An update that was sent before is asked for by its id alone: the server knows its arguments.
    let known = options.update_id.is_some() && options.args.is_empty() && options.input.is_none();
    let args = match known {
        true => Value::Object(serde_json::Map::new()),
        false => args::read(what, &message.params, &options.args, options.input.as_deref())?,
    };
    let update_id = options.update_id.clone().map_or_else(new_id, Ok)?;
    let request = UpdateRequest { args, update_id: Some(update_id), wait_for: stage };
    awaited(context, &remote, run, &options.name, request, wait).await
}

/// Sends an update, again and again, until it has come as far as asked or the wait is over, and prints what it answers.
pub(super) async fn awaited(
    context: &Context,
    remote: &Remote,
    mut run: RunKey,
    name: &str,
    request: UpdateRequest,
    wait: Option<Duration>,
) -> Outcome {
    let stage = request.wait_for;
    let begun = Instant::now();
    let left = || wait.map(|wait| wait.saturating_sub(begun.elapsed()));
    let mut patience = Patience::new(&context.out, remote.returns, wait);
    let mut longest = FIRST;
    loop {
        let step = left().map_or(longest, |left| left.min(longest));
        longest = STEP;
        let ask = async || remote.api.update(&run, name, request.clone(), step).await;
        let reply = patience.ask(ask).await?;
        // From here on it is this very run, even if its id is used again.
        run.run_id = Some(reply.run_id.clone());
        let runs = reply.status == UpdateStatus::Accepted && stage == UpdateStage::Completed;
        if !runs || reply.stuck.is_some() || left().is_some_and(|left| left.is_zero()) {
            return told(context, name, stage, &reply, &remote.reach);
        }
    }
}

/// Prints what has become of an update: its result alone on stdout, or its id if it was only to be accepted. With
/// `--json` one object on stdout, whatever became of it.
pub(super) fn told(context: &Context, name: &str, stage: UpdateStage, reply: &UpdateReply, reach: &str) -> Outcome {
    let exit = match (reply.status, stage) {
        (UpdateStatus::Completed, _) | (UpdateStatus::Accepted, UpdateStage::Accepted) => Exit::Done,
        (UpdateStatus::Accepted, UpdateStage::Completed) if reply.stuck.is_none() => Exit::WaitEnded,
        _ => Exit::EndedOtherwise,
    };
    if context.out.json {
        context.out.value(reply)?;
        return Ok(exit);
    }
    let failure = || reply.failure.as_ref().map(failure_words).unwrap_or_default();
    let id = shell_words::quote(&reply.workflow_id);
    let failed = |code: &str, what: String| Err(Failed::new(exit, code, what).why(failure()));
    match reply.status {
        UpdateStatus::Completed => {
            context.out.value(reply.result.as_ref().unwrap_or(&Value::Null))?;
            Ok(exit)
        }
        UpdateStatus::Accepted if stage == UpdateStage::Accepted => {
            context.out.say(&format!("update `{name}` is accepted by `{}`", reply.workflow_id));
            context.out.line(&reply.update_id)?;
            Ok(exit)
        }
        UpdateStatus::Accepted => match &reply.stuck {
            Some(stuck) => Err(stuck_words(&reply.workflow_id, stuck)
                .help("mend the program and deploy it: the update goes on with the run")),
            None => {
                let what = format!("update `{name}` of `{}` is still running", reply.workflow_id);
                let again = shell_words::quote(&reply.update_id);
                Err(Failed::new(exit, "wait_ended", what).help(format!(
                    "the same command with `--id {again}` waits on; `weft describe {id}{reach}` says what it waits for"
                )))
            }
        },
        UpdateStatus::Rejected => failed("rejected", format!("`{}` refused update `{name}`", reply.workflow_id)),
        UpdateStatus::Failed => failed("update_failed", format!("update `{name}` of `{}` failed", reply.workflow_id)),
    }
}

pub(super) fn new_id() -> Result<String, Failed> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| Failed::new(Exit::Refused, "random", error.to_string()))?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}
