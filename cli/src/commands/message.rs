//! `weft signal` and `weft query`: arguments typed by the code the run is pinned to.

use serde_json::{Value, json};
use weft_protocol::api::{MessageRequest, MessageSignature};
use weft_runtime::api::RunKey;

use crate::args::{self, For};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Message;

use super::{Context, Remote};

/// Sends a signal to a run.
pub(crate) async fn signal(context: &Context, options: &Message) -> Outcome {
    let remote = context.remote()?;
    let run = key(&remote, options);
    let signature = remote.api.run_workflow(&run).await?;
    let args = read("signal", options, &signature.signals)?;
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
pub(crate) async fn query(context: &Context, options: &Message) -> Outcome {
    let remote = context.remote()?;
    let run = key(&remote, options);
    let signature = remote.api.run_workflow(&run).await?;
    let args = read("query", options, &signature.queries)?;
    context.out.value(&remote.api.query(&run, &options.name, args).await?)?;
    Ok(Exit::Done)
}

fn key(remote: &Remote, options: &Message) -> RunKey {
    RunKey { namespace: remote.namespace.clone(), workflow_id: options.id.clone(), run_id: options.run.clone() }
}

fn read(kind: &str, options: &Message, known: &[MessageSignature]) -> Result<Value, Failed> {
    let Some(message) = known.iter().find(|m| m.name == options.name) else {
        let what = format!("the run `{}` has no {kind} `{}`", options.id, options.name);
        let failed = Failed::new(Exit::Refused, "unknown_message", what);
        let failed = match args::nearest(&options.name, known.iter().map(|m| m.name.as_str())) {
            Some(near) => failed.why(format!("did you mean `{near}`?")),
            None => failed,
        };
        let names: Vec<_> = known.iter().map(|m| format!("`{}`", m.name)).collect();
        return Err(failed.help(match names.as_slice() {
            [] => format!("its workflow has no {kind} at all"),
            names => format!("it has {}", names.join(", ")),
        }));
    };
    args::read(For { kind, name: &options.name }, &message.params, &options.args, options.input.as_deref())
}
