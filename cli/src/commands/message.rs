//! `weft signal` and `weft query`: arguments typed by the code the run is pinned to.

use serde_json::json;
use weft_protocol::api::{MessageRequest, MessageSignature};
use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::{Message, Query};

use super::{Context, Remote};

/// Sends a signal to a run.
pub(crate) async fn signal(context: &Context, options: &Message) -> Outcome {
    let remote = context.remote().await?;
    let run = key(&remote, &options.id, &options.run);
    let signature = remote.api.run_workflow(&run).await?;
    let message = find("signal", &options.id, &options.name, &signature.signals)?;
    let what = For { kind: "signal", name: &options.name };
    let args = args::read(what, &message.params, &options.args, options.input.as_deref())?;
    let request = MessageRequest { args, request_id: options.request_id.clone() };
    remote.api.signal(&run, &options.name, request).await?;
    if context.out.json {
        context.out.value(&json!({ "workflow_id": options.id, "signal": options.name }))?;
    } else {
        context.out.say(&format!("signal `{}` is delivered to `{}`", options.name, options.id));
    }
    Ok(Exit::Done)
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
        let failed = match args::nearest(name, known.iter().map(|m| m.name.as_str())) {
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
