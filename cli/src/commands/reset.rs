//! `weft reset`: lets a run go on from an earlier point of its history.

use serde_json::Value;
use weft_protocol::api::{ApiError, ResetPoint, ResetRequest, ResetWithout};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Reset;

use super::Context;

/// Sets a run back and prints the id of the run that goes on for it.
pub(crate) async fn reset(context: &Context, options: &Reset) -> Outcome {
    let remote = context.remote().await?;
    let to = match (options.first, options.last) {
        (true, _) => Some(ResetPoint::First),
        (_, true) => Some(ResetPoint::Last),
        _ => None,
    };
    // The names were checked when the command line was read.
    let without = |name: &String| serde_json::from_value::<ResetWithout>(Value::from(name.as_str())).ok();
    let request = ResetRequest {
        event: options.event,
        to,
        exclude: options.exclude.iter().filter_map(without).collect(),
        same_code: options.same_code,
        reason: options.reason.clone(),
        request_id: options.request_id.clone(),
    };
    let reply = remote.api.reset(&remote.run(&options.run), request).await.map_err(in_options)?;
    if context.out.json {
        context.out.value(&reply)?;
    } else {
        context.out.say(&format!("`{}` goes on from there as a new run", reply.workflow_id));
        context.out.line(&reply.run_id)?;
    }
    Ok(Exit::Done)
}

/// A refusal whose help names the options of this command.
fn in_options(error: ApiError) -> Failed {
    match error.code.as_str() {
        "reset_refused" => Failed::from(error)
            .help("`weft show` has the numbers of its events; `--same-code` stays on its code, `--exclude` leaves messages out"),
        _ => error.into(),
    }
}
