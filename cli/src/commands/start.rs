//! `weft start`: starts a run on the server, or joins the one that has its id.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use weft_protocol::api::StartRequest;

use crate::args::{self, For};
use crate::exit::{Exit, Outcome};
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
    let reply = remote.api.start(&remote.namespace, request).await?;
    if context.out.json {
        context.out.value(&json!(reply))?;
    } else {
        context.out.line(&reply.workflow_id)?;
        if !reply.started {
            context.out.say("joined the run that has this id; it keeps the arguments it was started with");
        }
    }
    Ok(Exit::Done)
}

/// A policy by its name on the wire; the names were checked when the command line was read.
fn policy<T: DeserializeOwned>(name: Option<&str>) -> Option<T> {
    name.and_then(|name| serde_json::from_value(Value::from(name)).ok())
}
