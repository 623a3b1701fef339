//! `weft signal` and `weft query`: arguments typed by the code the run is pinned to.

use serde_json::json;
use weft_bytecode::near::near;
use weft_protocol::api::{BatchOperation, ListQuery, MessageRequest, MessageSignature, Selection, Status};
use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::{Message, Query};

use super::batch::batch;
use super::{Context, Remote};

/// Sends a signal to a run, or to many.
pub(crate) async fn signal(context: &Context, options: &Message) -> Outcome {
    let remote = context.remote().await?;
    if let Some(filter) = &options.many.filter {
        return signal_many(context, &remote, options, filter).await;
    }
    let name = options.name.as_deref().unwrap_or_default();
    let run = key(&remote, &options.id, &options.run);
    let args = arguments(&remote, &run, name, &options.args, options.input.as_deref()).await?;
    let request = MessageRequest { args, request_id: options.request_id.clone() };
    remote.api.signal(&run, name, request).await?;
    if context.out.json {
        context.out.value(&json!({ "workflow_id": options.id, "signal": name }))?;
    } else {
        context.out.say(&format!("signal `{name}` is delivered to `{}`", options.id));
    }
    Ok(Exit::Done)
}

/// Without an id the first word is the signal's name. How arguments are read, the first of the runs says.
async fn signal_many(context: &Context, remote: &Remote, options: &Message, filter: &str) -> Outcome {
    let name = options.id.clone();
    let words: Vec<String> = options.name.iter().chain(&options.args).cloned().collect();
    let select = Selection { filter: Some(filter.to_owned()), status: Some(Status::Running), ..Selection::default() };
    let query = ListQuery { select, limit: Some(1), cursor: None };
    let args = match remote.api.list(&remote.namespace, query).await?.runs.first() {
        Some(row) => {
            let run = key(remote, &row.workflow_id, &Some(row.run_id.clone()));
            arguments(remote, &run, &name, &words, options.input.as_deref()).await?
        }
        None => serde_json::Value::Null,
    };
    let operation = BatchOperation::Signal { name, args };
    batch(context, remote, &options.many, filter, operation, "signal").await
}

/// The arguments of a signal, typed by the code a run is pinned to.
async fn arguments(
    remote: &Remote,
    run: &RunKey,
    name: &str,
    words: &[String],
    input: Option<&str>,
) -> Result<serde_json::Value, Failed> {
    let signature = remote.api.run_workflow(run).await?;
    let message = find("signal", &run.workflow_id, name, &signature.signals)?;
    args::read(For { kind: "signal", name }, &message.params, words, input)
}

/// Asks a run a query or reads its public state.
pub(crate) async fn query(context: &Context, options: &Query) -> Outcome {
    let remote = context.reader(&options.kept).await?;
    let run = key(&remote, &options.id, &options.run);
    let signature = remote.api.run_workflow(&run).await?;
    let message = find("query", &options.id, &options.name, &signature.queries)?;
    let what = For { kind: "query", name: &options.name };
    let args = args::read(what, &message.params, &options.args, options.input.as_deref())?;
    context.out.value(&remote.api.query(&run, &options.name, args).await?)?;
    Ok(Exit::Done)
}

pub(super) fn key(remote: &Remote, id: &str, run: &Option<String>) -> RunKey {
    RunKey { namespace: remote.namespace.clone(), workflow_id: id.to_owned(), run_id: run.clone() }
}

pub(super) fn find<'a>(
    kind: &str,
    id: &str,
    name: &str,
    known: &'a [MessageSignature],
) -> Result<&'a MessageSignature, Failed> {
    known.iter().find(|m| m.name == name).ok_or_else(|| {
        let failed = Failed::new(Exit::Refused, "unknown_message", format!("the run `{id}` has no {kind} `{name}`"));
        let failed = match near(name, known.iter().map(|m| m.name.as_str())) {
            Some(near) => failed.why(format!("did you mean `{near}`?")),
            None => failed,
        };
        let names: Vec<_> = known.iter().map(|m| format!("`{}`", m.name)).collect();
        failed.help(match names.as_slice() {
            [] => format!("its workflow has no {kind} at all"),
            names => format!("it has {}", names.join(", ")),
        })
    })
}
