//! Runs: start, find, read, signal, stop.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use weft_bytecode::wire::json;
use weft_protocol::api::{
    ApiError, BatchReply, BatchRequest, CountQuery, CountReply, ListQuery, MessageRequest, ResetReply, ResetRequest,
    ResultReply, RunDescription, RunPage, Selection, StartReply, StartRequest, StopRequest, UpdateReply, UpdateRequest,
    UpdateStage, UpdateStatus,
};

use super::problem::Problem;
use super::request::{JsonBody, OptionalBody, Params, Segments};
use super::{Answer, Shared, reply};
use crate::node::answer::key_of;

/// Start a run of the current code of a workflow, or join the run that has the id. A `signal` or an `update` of the request
/// goes with it in the same commit.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("wait" = Option<String>, Query,
            description = "How long to wait for the end of the `update` (`30s`), at most `long_poll_max`, which is the default"),
    ),
    request_body = StartRequest,
    responses(
        (status = 201, description = "Started, durably", body = StartReply),
        (status = 200, description = "A run with the id existed and was joined", body = StartReply),
        (status = 409, description = "A run with the id exists and the policy is `reject`, or it takes no signal or update"),
    ))]
pub(super) async fn start(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    JsonBody(request): JsonBody<StartRequest>,
) -> Answer {
    let params = params.only(&["wait"])?;
    let longest = shared.longest_wait();
    let wait = if params.text("wait").is_some() { params.wait(longest)? } else { longest };
    let sent = request.update.clone().filter(|update| update.wait_for == UpdateStage::Completed && !wait.is_zero());
    let mut started = shared.api.start(&namespace, request).await?;
    if let (Some(sent), Some(update)) = (sent, &started.update)
        && update.status == UpdateStatus::Accepted
    {
        let run = key_of(&namespace, &started);
        let update_id = Some(update.update_id.clone());
        let request = UpdateRequest { args: sent.args, update_id, wait_for: sent.wait_for };
        started.update = Some(Box::new(shared.patiently(shared.api.update(&run, &sent.name, request, wait)).await?));
    }
    let status = if started.started { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = reply(status, &started);
    let segment = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let location = format!(
        "/api/v1/namespaces/{}/runs/{}?run={}",
        segment(&namespace),
        segment(&started.workflow_id),
        started.run_id
    );
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Runs, open and closed, newest start first. It reads its own writes.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("filter" = Option<String>, Query, description = "Only runs that this is true of, as in `status = Failed and bags >= 3`"),
        ("workflow" = Option<String>, Query, description = "Only runs of this workflow"),
        ("status" = Option<weft_protocol::api::Status>, Query, description = "Only runs with this status"),
        ("stuck" = Option<bool>, Query, description = "Only parked runs, or only others"),
        ("started_after" = Option<String>, Query, description = "Started at or after this time (RFC 3339)"),
        ("started_before" = Option<String>, Query, description = "Started before this time (RFC 3339)"),
        ("limit" = Option<usize>, Query, description = "Rows of the page, at most `page_rows_max`"),
        ("cursor" = Option<String>, Query, description = "`cursor` of the page before"),
    ),
    responses((status = 200, body = RunPage)))]
pub(super) async fn list(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
) -> Answer {
    let params = params.only(&[&SELECTION[..], &["limit", "cursor"]].concat())?;
    let query = ListQuery {
        select: selection(&params)?,
        limit: params.limit(shared.limits.page_rows_max)?,
        cursor: params.owned("cursor"),
    };
    Ok(reply(StatusCode::OK, &shared.api.list(&namespace, query).await?))
}

/// How many runs there are, open and closed. Not below `runs`, where every name is a workflow id.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/count", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("filter" = Option<String>, Query, description = "Only runs that this is true of, as in `status = Failed and bags >= 3`"),
        ("workflow" = Option<String>, Query, description = "Only runs of this workflow"),
        ("status" = Option<weft_protocol::api::Status>, Query, description = "Only runs with this status"),
        ("stuck" = Option<bool>, Query, description = "Only parked runs, or only others"),
        ("started_after" = Option<String>, Query, description = "Started at or after this time (RFC 3339)"),
        ("started_before" = Option<String>, Query, description = "Started before this time (RFC 3339)"),
        ("by" = Option<weft_protocol::api::CountBy>, Query, description = "A number for each status or workflow besides"),
    ),
    responses((status = 200, body = CountReply)))]
pub(super) async fn count(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
) -> Answer {
    let params = params.only(&[&SELECTION[..], &["by"]].concat())?;
    let query = CountQuery { select: selection(&params)?, by: params.named("by", "status or workflow")? };
    Ok(reply(StatusCode::OK, &shared.api.count(&namespace, query).await?))
}

/// Do one thing to all open runs that a filter is true of: a page of at most 1,000 of them, newest start first. Ask with
/// `batch_id` and `cursor` of the answer for the next page; under one `batch_id` a signal or cancel is done once to a run, so
/// a page that was not answered may be sent again.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/batch", tag = "runs",
    params(("namespace" = String, Path, description = "Namespace")),
    request_body = BatchRequest,
    responses((status = 200, description = "What became of each run, durably", body = BatchReply)))]
pub(super) async fn batch(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    JsonBody(request): JsonBody<BatchRequest>,
) -> Answer {
    params.only(&[])?;
    if request.limit == Some(0) {
        return Err(ApiError::new(422, "wrong_input", "`limit` is 0").at("limit", "a number from 1 on").into());
    }
    Ok(reply(StatusCode::OK, &shared.api.batch(&namespace, request).await?))
}

/// Parameters that say which runs are meant.
const SELECTION: [&str; 6] = ["filter", "workflow", "status", "stuck", "started_after", "started_before"];

fn selection(params: &Params) -> Result<Selection, Problem> {
    let statuses = "Running, Completed, Failed, Canceled, Terminated, TimedOut or ContinuedAsNew";
    Ok(Selection {
        filter: params.owned("filter"),
        workflow: params.owned("workflow"),
        status: params.named("status", statuses)?,
        stuck: params.read("stuck", "`true` or `false`")?,
        started_after: params.time("started_after")?,
        started_before: params.time("started_before")?,
    })
}

/// Everything known about a run: status, what each fiber waits for, pending activities with their attempts.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs/{id}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    responses((status = 200, body = RunDescription)))]
pub(super) async fn describe(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    Ok(reply(StatusCode::OK, &shared.api.describe(&run).await?))
}

/// The result, waiting for the end. `status` is `Running` if the wait ended first: ask again.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs/{id}/result", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("wait" = Option<String>, Query, description = "How long to wait (`30s`), at most `long_poll_max`; default 0s"),
    ),
    responses((status = 200, body = ResultReply)))]
pub(super) async fn result(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    let params = params.only(&["run", "wait"])?;
    let wait = params.wait(shared.longest_wait())?;
    let run = params.run(namespace, id)?;
    let ended = shared.patiently(shared.api.result(&run, wait)).await?;
    Ok(reply(StatusCode::OK, &ended))
}

/// Signal a run. Answered when the signal is durable; the run will see it.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/signals/{name}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("name" = String, Path, description = "Signal name"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    request_body(content = Option<MessageRequest>),
    responses(
        (status = 204, description = "The signal is durable"),
        (status = 409, description = "The run has ended; nothing was logged"),
    ))]
pub(super) async fn signal(
    State(shared): State<Shared>,
    Segments((namespace, id, name)): Segments<(String, String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<MessageRequest>,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    shared.api.signal(&run, &name, request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Send an update: its `check` may refuse it, and its body may wait before it answers. Under the same `update_id` it is
/// done once; asked again, what came of it is told.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/updates/{name}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("name" = String, Path, description = "Name of the update"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("wait" = Option<String>, Query,
            description = "How long to wait for the end (`30s`), at most `long_poll_max`, which is the default"),
    ),
    request_body(content = Option<UpdateRequest>),
    responses(
        (status = 200, description = "It is refused by its check, has completed, or has failed: `status` says", body = UpdateReply),
        (status = 202, description = "It is accepted, durably, and still runs: ask again with its `update_id`", body = UpdateReply),
        (status = 409, description = "The run has ended, is ending or is stuck, or the id is another update's; nothing was logged"),
    ))]
pub(super) async fn update(
    State(shared): State<Shared>,
    Segments((namespace, id, name)): Segments<(String, String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<UpdateRequest>,
) -> Answer {
    let params = params.only(&["run", "wait"])?;
    let longest = shared.longest_wait();
    let wait = if params.text("wait").is_some() { params.wait(longest)? } else { longest };
    let run = params.run(namespace, id)?;
    let answer = shared.patiently(shared.api.update(&run, &name, request, wait)).await?;
    let status = match answer.status {
        UpdateStatus::Accepted => StatusCode::ACCEPTED,
        UpdateStatus::Rejected | UpdateStatus::Completed | UpdateStatus::Failed => StatusCode::OK,
    };
    Ok(reply(status, &answer))
}

/// Read a query or public state, of open and closed runs. `request_id` has no meaning here.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/queries/{name}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("name" = String, Path, description = "Name of the query or public state"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    request_body(content = Option<MessageRequest>),
    responses((status = 200, description = "The value", body = Value)))]
pub(super) async fn query(
    State(shared): State<Shared>,
    Segments((namespace, id, name)): Segments<(String, String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<MessageRequest>,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    Ok(reply(StatusCode::OK, &shared.api.query(&run, &name, request.args).await?))
}

/// Read a query or public state; arguments, if any, as a JSON object in `args`.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs/{id}/queries/{name}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("name" = String, Path, description = "Name of the query or public state"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("args" = Option<String>, Query, description = "Parameters by name, a JSON object"),
    ),
    responses((status = 200, description = "The value", body = Value)))]
pub(super) async fn read(
    State(shared): State<Shared>,
    Segments((namespace, id, name)): Segments<(String, String, String)>,
    params: Params,
) -> Answer {
    let params = params.only(&["run", "args"])?;
    let args = match params.text("args") {
        None => Value::Null,
        Some(given) => json::parse(given.as_bytes()).map_err(|e| {
            ApiError::new(400, "malformed_json", format!("parameter `args` is not JSON: {e}"))
                .at("args", "a JSON object")
        })?,
    };
    let run = params.run(namespace, id)?;
    Ok(reply(StatusCode::OK, &shared.api.query(&run, &name, args).await?))
}

/// Request cancellation: the run may clean up and decides how it ends. A second request changes nothing.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/cancel", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    request_body(content = Option<StopRequest>),
    responses(
        (status = 204, description = "The request is durable, or the run had ended before"),
    ))]
pub(super) async fn cancel(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<StopRequest>,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    shared.api.cancel(&run, request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// End a run now. None of its code runs any more.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/terminate", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    request_body(content = Option<StopRequest>),
    responses(
        (status = 204, description = "The run has ended"),
        (status = 409, description = "The run had ended before; nothing was logged"),
    ))]
pub(super) async fn terminate(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<StopRequest>,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    shared.api.terminate(&run, request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Let a run go on from an earlier point, as a new run of the same id. Its history is kept up to there, what it was told later it
/// is told again, and an open run is ended. The newest code must follow what is kept.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/runs/{id}/reset", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    request_body = ResetRequest,
    responses(
        (status = 201, description = "The new run has begun, durably", body = ResetReply),
        (status = 409, description = "The code does not follow what is kept, or another run of the id came later; nothing has changed"),
    ))]
pub(super) async fn reset(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
    JsonBody(request): JsonBody<ResetRequest>,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    Ok(reply(StatusCode::CREATED, &shared.api.reset(&run, request).await?))
}

/// Forget a workflow id: its open run, if there is one, is terminated, and then it is as if no run had ever had the id.
#[utoipa::path(delete, path = "/api/v1/namespaces/{namespace}/runs/{id}", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
    ),
    responses((status = 204, description = "No run has the id any more")))]
pub(super) async fn delete(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    shared.api.delete(&namespace, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
