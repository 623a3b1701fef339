//! `weft start`: starts a run on the server, or joins the one that has its id.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use weft_protocol::api::{ApiError, StartRequest, Status};
use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Start;

use super::Context;

/// Starts a run and prints its workflow id.
pub(crate) async fn start(context: &Context, options: &Start) -> Outcome {
    let remote = context.remote().await?;
    let signature = remote.api.workflow(&remote.namespace, &options.workflow).await?;
    let what = For { kind: "workflow", name: &options.workflow };
    let request = StartRequest {
        workflow: options.workflow.clone(),
        id: options.id.clone(),
        args: args::read(what, &signature.params, &options.args, options.input.as_deref())?,
        request_id: options.request_id.clone(),
        on_conflict: policy(options.on_conflict.as_deref()),
        on_closed: policy(options.on_closed.as_deref()),
        run_timeout_ms: None,
    };
    let reply = remote.api.start(&remote.namespace, request).await.map_err(in_options)?;
    let joined = match reply.started {
        true => None,
        false => {
            let (workflow_id, run_id) = (reply.workflow_id.clone(), Some(reply.run_id.clone()));
            let run = RunKey { namespace: remote.namespace.clone(), workflow_id, run_id };
            Some(remote.api.describe(&run).await?.row.status)
        }
    };
    let ended = joined.filter(|status| *status != Status::Running);
    if context.out.json {
        let mut object = json!(reply);
        if let Some(status) = joined {
            object["status"] = json!(status);
        }
        context.out.value(&object)?;
        return Ok(if ended.is_some() { Exit::Refused } else { Exit::Done });
    }
    if let Some(status) = ended {
        return Err(ended_before(&reply.workflow_id, status, &remote.reach));
    }
    context.out.line(&reply.workflow_id)?;
    if joined.is_some() {
        context.out.say("joined the open run that has this id; it keeps the arguments it was started with");
    }
    Ok(Exit::Done)
}

/// Nothing was started, since a run of the id has ended.
fn ended_before(id: &str, status: Status, reach: &str) -> Failed {
    let what = format!("a run of the id `{id}` ended before ({status:?}); nothing is started");
    let result = format!("weft result {}{reach}", shell_words::quote(id));
    Failed::new(Exit::Refused, "ended_before", what)
        .help(format!("`--on-closed allow` starts anew; `{result}` shows what came of the one before"))
}

/// A refusal whose help names the options of this command: the server names the fields of its API.
fn in_options(error: ApiError) -> Failed {
    let help = match error.code.as_str() {
        "already_running" => "`--on-conflict join` answers with it, `--on-conflict replace` ends it first",
        "already_closed" => {
            "`--on-closed allow` starts anew, `--on-closed allow_if_failed` only if it did not complete"
        }
        _ => return error.into(),
    };
    Failed::from(error).help(help)
}

/// A policy by its name on the wire; the names were checked when the command line was read.
fn policy<T: DeserializeOwned>(name: Option<&str>) -> Option<T> {
    name.and_then(|name| serde_json::from_value(Value::from(name)).ok())
}
