//! Pending activities, by their runs: ended and kept alive without a token, paused, let go on, reset.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use weft_engine::Steer;
use weft_protocol::api::HeartbeatReply;

use super::problem::Problem;
use super::request::{JsonBody, OptionalBody, Params, Segments};
use super::tasks::{CompleteRequest, FailRequest, HeartbeatRequest};
use super::{Answer, Shared, reply};
use crate::api::{ActivityAct, ActivityKey};

/// Namespace, workflow id, name of the activity.
type Named = (String, String, String);

/// Why no attempt is to begin.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseRequest {
    /// For people.
    #[serde(default)]
    reason: String,
}

/// That attempts may begin again.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct UnpauseRequest {}

/// How to begin anew.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ResetRequest {
    /// Stay paused, if it is.
    keep_paused: bool,
    /// Forget what was reported as progress.
    clear_progress: bool,
}

/// Carries an act out.
async fn act(
    shared: &Shared,
    Segments((namespace, id, name)): Segments<Named>,
    params: Params,
    act: ActivityAct,
) -> Result<HeartbeatReply, Problem> {
    let params = params.only(&["run", "event"])?;
    let which = ActivityKey { name, event: params.read("event", "the number of its `ActivityScheduled`")? };
    let run = params.run(namespace, id)?;
    Ok(shared.api.activity(&run, &which, act).await?)
}

/// End a pending activity with its result, whether or not somebody works on it. Answered when the result is durable.
#[utoipa::path(post, operation_id = "activity_complete", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/complete",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body(content = Option<CompleteRequest>),
    responses(
        (status = 204, description = "The result is durable"),
        (status = 409, description = "The run has ended, or several activities have the name"),
    ))]
pub(super) async fn complete(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    OptionalBody(request): OptionalBody<CompleteRequest>,
) -> Answer {
    act(&shared, path, params, ActivityAct::Complete { result: request.result }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Fail the attempt of a pending activity, whether or not somebody works on it; repeated as its policy says.
#[utoipa::path(post, operation_id = "activity_fail", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/fail",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body = FailRequest,
    responses(
        (status = 204, description = "The failure is durable"),
        (status = 409, description = "The run has ended, or several activities have the name"),
    ))]
pub(super) async fn fail(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    JsonBody(request): JsonBody<FailRequest>,
) -> Answer {
    let (failure, retry_after) = request.read()?;
    let retry_after_ms = retry_after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
    act(&shared, path, params, ActivityAct::Fail { failure, retry_after_ms }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Say that the attempt of a pending activity lives, and what it has got done.
#[utoipa::path(post, operation_id = "activity_heartbeat", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/heartbeat",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body(content = Option<HeartbeatRequest>),
    responses(
        (status = 200, body = HeartbeatReply),
        (status = 409, description = "The run has ended, or several activities have the name"),
        (status = 410, description = "It waits for its next attempt: nothing of it lives"),
    ))]
pub(super) async fn heartbeat(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    OptionalBody(request): OptionalBody<HeartbeatRequest>,
) -> Answer {
    let told = act(&shared, path, params, ActivityAct::Heartbeat { progress: request.progress }).await?;
    Ok(reply(StatusCode::OK, &told))
}

/// Let no further attempt of an activity begin. One that runs goes on, and is told with the answer to its next heartbeat.
#[utoipa::path(post, operation_id = "activity_pause", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/pause",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body(content = Option<PauseRequest>),
    responses(
        (status = 200, description = "It is paused, durably", body = HeartbeatReply),
        (status = 409, description = "The run has ended, or several activities have the name"),
    ))]
pub(super) async fn pause(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    OptionalBody(request): OptionalBody<PauseRequest>,
) -> Answer {
    let steer = Steer::Pause { reason: request.reason };
    Ok(reply(StatusCode::OK, &act(&shared, path, params, ActivityAct::Steer(steer)).await?))
}

/// Let attempts of a paused activity begin again.
#[utoipa::path(post, operation_id = "activity_unpause", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/unpause",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body(content = Option<UnpauseRequest>),
    responses(
        (status = 200, description = "It is not paused, durably", body = HeartbeatReply),
        (status = 409, description = "The run has ended, or several activities have the name"),
    ))]
pub(super) async fn unpause(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    OptionalBody(UnpauseRequest {}): OptionalBody<UnpauseRequest>,
) -> Answer {
    Ok(reply(StatusCode::OK, &act(&shared, path, params, ActivityAct::Steer(Steer::Unpause)).await?))
}

/// Let an activity begin anew: its next attempt begins now, and its policy counts attempts from there.
#[utoipa::path(post, operation_id = "activity_reset", tag = "activities",
    path = "/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/reset",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("activity" = String, Path, description = "Name of the activity"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("event" = Option<u64>, Query, description = "Number of its `ActivityScheduled`, if several have the name"),
    ),
    request_body(content = Option<ResetRequest>),
    responses(
        (status = 200, description = "It is reset, durably", body = HeartbeatReply),
        (status = 409, description = "The run has ended, or several activities have the name"),
    ))]
pub(super) async fn reset(
    State(shared): State<Shared>,
    path: Segments<Named>,
    params: Params,
    OptionalBody(request): OptionalBody<ResetRequest>,
) -> Answer {
    let ResetRequest { keep_paused, clear_progress } = request;
    let steer = Steer::Reset { keep_paused, clear_progress };
    Ok(reply(StatusCode::OK, &act(&shared, path, params, ActivityAct::Steer(steer)).await?))
}
