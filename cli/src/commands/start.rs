//! `weft start`: starts a run on the server, or joins the one that has its id.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use weft_bytecode::wire::json;
use weft_protocol::api::{
    ApiError, FirstSignal, FirstUpdate, MessageSignature, RetryRequest, StartRequest, Status, UpdateRequest,
    UpdateStage, UpdateStatus,
};
use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Start;

use super::update::{awaited, new_id, told};
use super::{Context, Remote, duration};

/// Starts a run and prints its workflow id.
pub(crate) async fn start(context: &Context, options: &Start) -> Outcome {
    let remote = context.remote().await?;
    let signature = remote.api.workflow(&remote.namespace, &options.workflow).await?;
    let what = For { kind: "workflow", name: &options.workflow };
    let mut request = StartRequest {
        workflow: options.workflow.clone(),
        id: options.id.clone(),
        args: args::read(what, &signature.params, &options.args, options.input.as_deref())?,
        request_id: options.request_id.clone(),
        on_conflict: policy(options.on_conflict.as_deref()),
        on_closed: policy(options.on_closed.as_deref()),
        delay_ms: millis("--delay", options.delay.as_deref())?,
        run_timeout_ms: millis("--run-timeout", options.run_timeout.as_deref())?,
        execution_timeout_ms: millis("--execution-timeout", options.execution_timeout.as_deref())?,
        retry: options.retry.as_deref().map(retry).transpose()?,
        memo: memo(&options.memo)?,
        priority: options.priority,
        ..StartRequest::default()
    };
    if let Some((name, args)) = options.signal.split_first() {
        let args = first("signal", &options.workflow, name, args, &signature.signals)?;
        request.signal = Some(FirstSignal { name: name.clone(), args, request_id: None });
    }
    if let Some((name, args)) = options.update.split_first() {
        let args = first("update", &options.workflow, name, args, &signature.updates)?;
        return update(context, &remote, request, name, args).await;
    }
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

/// Starts a run with an update, and waits for what that answers.
async fn update(context: &Context, remote: &Remote, mut request: StartRequest, name: &str, args: Value) -> Outcome {
    let update_id = request.request_id.clone().map_or_else(new_id, Ok)?;
    let wait_for = UpdateStage::Completed;
    request.update = Some(FirstUpdate { name: name.to_owned(), args, update_id: Some(update_id.clone()), wait_for });
    let reply = remote.api.start(&remote.namespace, request).await.map_err(in_options)?;
    let run = RunKey {
        namespace: remote.namespace.clone(),
        workflow_id: reply.workflow_id.clone(),
        run_id: Some(reply.run_id.clone()),
    };
    if !context.out.json {
        let how = if reply.started { "started" } else { "joined" };
        context.out.say(&format!("{how} `{}`", reply.workflow_id));
    }
    let begun = reply.update.filter(|update| update.status != UpdateStatus::Accepted || update.stuck.is_some());
    match begun {
        Some(update) => told(context, name, wait_for, &update, &remote.reach),
        None => {
            let request = UpdateRequest { args: Value::Null, update_id: Some(update_id), wait_for };
            awaited(context, remote, run, name, request, None).await
        }
    }
}

/// Arguments of a message that goes with a start.
fn first(kind: &str, workflow: &str, name: &str, args: &[String], known: &[MessageSignature]) -> Result<Value, Failed> {
    let message = known.iter().find(|message| message.name == *name).ok_or_else(|| {
        let failed = Failed::new(Exit::Refused, "unknown_message", format!("`{workflow}` has no {kind} `{name}`"));
        let names: Vec<_> = known.iter().map(|message| format!("`{}`", message.name)).collect();
        failed.help(match names.as_slice() {
            [] => format!("it has no {kind} at all"),
            names => format!("it has {}", names.join(", ")),
        })
    })?;
    args::read(For { kind, name }, &message.params, args, None)
}

fn millis(option: &str, given: Option<&str>) -> Result<Option<i64>, Failed> {
    let read = |text| Ok(i64::try_from(duration(option, text)?.as_millis()).unwrap_or(i64::MAX));
    given.map(read).transpose()
}

/// `5,first=10s,factor=2,max=5m`.
fn retry(given: &str) -> Result<RetryRequest, Failed> {
    let wrong = |part: &str| {
        Failed::usage(format!("--retry: `{part}` cannot be read"))
            .help("such as --retry 5,first=10s,factor=2,max=5m: how many runs in all, and the delays between them")
    };
    let mut parts = given.split(',');
    let runs = parts.next().unwrap_or_default();
    let mut retry = RetryRequest { attempts: Some(runs.parse().map_err(|_| wrong(runs))?), ..RetryRequest::default() };
    for part in parts {
        match part.split_once('=') {
            Some(("first", text)) => retry.first_ms = millis("--retry first", Some(text))?,
            Some(("max", text)) => retry.max_ms = millis("--retry max", Some(text))?,
            Some(("factor", text)) => retry.factor = Some(text.parse().map_err(|_| wrong(part))?),
            _ => return Err(wrong(part)),
        }
    }
    Ok(retry)
}

/// What is kept beside the run: what is JSON as that, anything else as a text.
fn memo(pairs: &[String]) -> Result<Option<Map<String, Value>>, Failed> {
    let read = |pair: &String| {
        let wrong = || Failed::usage(format!("--memo: `{pair}` is no key=value"));
        let (key, text) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
        let value = json::parse(text.as_bytes()).unwrap_or_else(|_| Value::from(text));
        Ok((key.to_owned(), value))
    };
    let memo: Map<String, Value> = pairs.iter().map(read).collect::<Result<_, Failed>>()?;
    Ok((!memo.is_empty()).then_some(memo))
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
