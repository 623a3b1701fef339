//! `weft cancel` and `weft terminate`.

use serde_json::json;
use weft_protocol::api::StopRequest;

use crate::exit::{Exit, Outcome};
use crate::options::Stop;

use super::Context;

/// Requests cancellation of a run.
pub(crate) async fn cancel(context: &Context, options: &Stop) -> Outcome {
    let remote = context.remote().await?;
    remote.api.cancel(&remote.run(&options.run), request(options)).await?;
    said(context, options, "cancel", "is asked to cancel")
}

/// Ends a run now.
pub(crate) async fn terminate(context: &Context, options: &Stop) -> Outcome {
    let remote = context.remote().await?;
    remote.api.terminate(&remote.run(&options.run), request(options)).await?;
    said(context, options, "terminate", "is terminated")
}

fn request(options: &Stop) -> StopRequest {
    StopRequest { reason: options.reason.clone(), request_id: options.request_id.clone() }
}

fn said(context: &Context, options: &Stop, request: &str, words: &str) -> Outcome {
    if context.out.json {
        context.out.value(&json!({ "workflow_id": options.run.id, "request": request }))?;
    } else {
        context.out.say(&format!("`{}` {words}", options.run.id));
    }
    Ok(Exit::Done)
}
