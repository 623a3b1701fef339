//! `weft activity`: what can be done by hand to a pending activity.

use serde_json::{Value, json};
use weft_bytecode::wire::json as strict;
use weft_engine::Steer;
use weft_protocol::Failure;
use weft_protocol::api::{ApiError, HeartbeatReply};
use weft_runtime::api::{ActivityAct, ActivityKey};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::{ActivityArg, ActivityCommand, FailActivity, TaskArg};

use super::{Context, Remote, message};

/// Does what is asked.
pub(crate) async fn activity(context: &Context, command: &ActivityCommand) -> Outcome {
    let remote = context.remote().await?;
    match command {
        ActivityCommand::Complete(options) => {
            let result = value("--result", options.result.as_deref())?.unwrap_or_default();
            let done = task(&remote, &options.task, ActivityAct::Complete { result }).await?;
            said(context, &named(&options.task), "complete", "is completed", done)
        }
        ActivityCommand::Fail(options) => {
            let done = task(&remote, &options.task, fail(options)?).await?;
            said(context, &named(&options.task), "fail", "has failed this attempt", done)
        }
        ActivityCommand::Heartbeat(options) => {
            let progress = value("--progress", options.progress.as_deref())?;
            let told = task(&remote, &options.task, ActivityAct::Heartbeat { progress }).await?;
            said(context, &named(&options.task), "heartbeat", "lives", told)
        }
        ActivityCommand::Pause(options) => {
            let steer = Steer::Pause { reason: options.reason.clone() };
            let told = steered(&remote, &options.which, steer).await?;
            said(context, &options.which.activity, "pause", "is paused", told)
        }
        ActivityCommand::Unpause(options) => {
            let told = steered(&remote, &options.which, Steer::Unpause).await?;
            said(context, &options.which.activity, "unpause", "goes on", told)
        }
        ActivityCommand::Reset(options) => {
            let (keep_paused, clear_progress) = (options.keep_paused, options.clear_progress);
            let told = steered(&remote, &options.which, Steer::Reset { keep_paused, clear_progress }).await?;
            said(context, &options.which.activity, "reset", "begins anew", told)
        }
    }
}

/// By its run, or by a token.
async fn task(remote: &Remote, task: &TaskArg, act: ActivityAct) -> Result<HeartbeatReply, ApiError> {
    let Some(token) = &task.token else {
        let (id, name) = (task.id.as_deref().unwrap_or_default(), task.activity.clone().unwrap_or_default());
        let which = ActivityKey { name, event: task.event };
        return remote.api.activity(&message::key(remote, id, &task.run), &which, act).await;
    };
    match act {
        ActivityAct::Complete { result } => remote.api.complete(&remote.namespace, token, result).await?,
        ActivityAct::Fail { failure, retry_after_ms } => {
            let after = retry_after_ms.and_then(|ms| u64::try_from(ms).ok()).map(std::time::Duration::from_millis);
            remote.api.fail(&remote.namespace, token, failure, after).await?;
        }
        ActivityAct::Heartbeat { progress } => return remote.api.heartbeat(&remote.namespace, token, progress).await,
        // Only those above have a token.
        ActivityAct::Steer(_) => {}
    }
    Ok(HeartbeatReply::default())
}

async fn steered(remote: &Remote, which: &ActivityArg, steer: Steer) -> Result<HeartbeatReply, ApiError> {
    let key = ActivityKey { name: which.activity.clone(), event: which.event };
    remote.api.activity(&remote.run(&which.run), &key, ActivityAct::Steer(steer)).await
}

fn fail(options: &FailActivity) -> Result<ActivityAct, Failed> {
    let details = value("--details", options.details.as_deref())?;
    let failure = json!({
        "type": options.kind,
        "message": options.message,
        "details": details,
        "retryable": !options.not_retryable,
    });
    let failure = Failure::from_json(&failure).map_err(|why| Failed::usage("this is no failure").why(why))?;
    let after = options.retry_after.as_deref().map(|text| super::duration("--retry-after", text)).transpose()?;
    let retry_after_ms = after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
    Ok(ActivityAct::Fail { failure, retry_after_ms })
}

/// A JSON value of an option.
fn value(option: &str, text: Option<&str>) -> Result<Option<Value>, Failed> {
    let read = |text: &str| {
        strict::parse(text.as_bytes()).map_err(|error| {
            Failed::usage(format!("{option}: `{text}` is not JSON"))
                .why(error.to_string())
                .help(format!(r#"a text is quoted twice: {option} '"done"'"#))
        })
    };
    text.map(read).transpose()
}

fn named(task: &TaskArg) -> String {
    task.activity.clone().or_else(|| task.token.clone()).unwrap_or_default()
}

fn said(context: &Context, name: &str, request: &str, words: &str, told: HeartbeatReply) -> Outcome {
    if context.out.json {
        let mut out = json!({ "activity": name, "request": request });
        if let (Some(out), Ok(Value::Object(told))) = (out.as_object_mut(), serde_json::to_value(told)) {
            out.extend(told);
        }
        context.out.value(&out)?;
        return Ok(Exit::Done);
    }
    context.out.say(&format!("`{name}` {words}"));
    if told.cancel_requested {
        context.out.say("its run has asked it to stop");
    }
    Ok(Exit::Done)
}
