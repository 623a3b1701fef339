//! `weft cancel`, `weft terminate` and `weft delete`.

use serde_json::json;
use weft_protocol::api::{BatchOperation, StopRequest};

use crate::exit::{Exit, Outcome};
use crate::options::{Delete, Stop};

use super::batch::batch;
use super::message::key;
use super::{Context, Remote};

/// Requests cancellation of a run, or of many.
pub(crate) async fn cancel(context: &Context, options: &Stop) -> Outcome {
    let remote = context.remote().await?;
    if let Some(filter) = &options.many.filter {
        let operation = BatchOperation::Cancel { reason: options.reason.clone() };
        return batch(context, &remote, &options.many, filter, operation, "cancel").await;
    }
    let (run, request) = one(&remote, options);
    remote.api.cancel(&run, request).await?;
    said(context, &run.workflow_id, "cancel", "is asked to cancel")
}

/// Ends a run now, or many.
pub(crate) async fn terminate(context: &Context, options: &Stop) -> Outcome {
    let remote = context.remote().await?;
    if let Some(filter) = &options.many.filter {
        let operation = BatchOperation::Terminate { reason: options.reason.clone() };
        return batch(context, &remote, &options.many, filter, operation, "terminate").await;
    }
    let (run, request) = one(&remote, options);
    remote.api.terminate(&run, request).await?;
    said(context, &run.workflow_id, "terminate", "is terminated")
}

fn one(remote: &Remote, options: &Stop) -> (weft_runtime::api::RunKey, StopRequest) {
    let run = key(remote, options.id.as_deref().unwrap_or_default(), &options.run);
    (run, StopRequest { reason: options.reason.clone(), request_id: options.request_id.clone() })
}

fn said(context: &Context, id: &str, request: &str, words: &str) -> Outcome {
    if context.out.json {
        context.out.value(&json!({ "workflow_id": id, "request": request }))?;
    } else {
        context.out.say(&format!("`{id}` {words}"));
    }
    Ok(Exit::Done)
}

/// Forgets a workflow id, or many.
pub(crate) async fn delete(context: &Context, options: &Delete) -> Outcome {
    let remote = context.remote().await?;
    if let Some(filter) = &options.many.filter {
        return batch(context, &remote, &options.many, filter, BatchOperation::Delete {}, "delete").await;
    }
    let id = options.id.as_deref().unwrap_or_default();
    remote.api.delete(&remote.namespace, id).await?;
    if context.out.json {
        context.out.value(&json!({ "workflow_id": id, "request": "delete" }))?;
    } else {
        context.out.say(&format!("`{id}` is deleted: no run has that id any more"));
    }
    Ok(Exit::Done)
}
