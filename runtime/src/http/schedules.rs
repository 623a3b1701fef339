//! Schedules: make, find, pause, trigger.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;
use weft_protocol::api::{
    ApiError, BackfillRequest, NoteRequest, ScheduleBody, ScheduleDescription, ScheduleList, TriggerRequest,
};

use super::request::{JsonBody, OptionalBody, Params, Segments};
use super::{Answer, Shared, reply};
use crate::api::ScheduleRequest;

/// All schedules of a namespace, by name.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/schedules", tag = "schedules",
    operation_id = "list_schedules",
    params(("namespace" = String, Path, description = "Namespace")),
    responses((status = 200, body = ScheduleList)))]
pub(super) async fn list(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedules(&namespace).await?))
}

/// Make a schedule: `name` and the words of the language (docs/schedules.md).
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/schedules", tag = "schedules",
    operation_id = "create_schedule",
    params(("namespace" = String, Path, description = "Namespace")),
    request_body = ScheduleBody,
    responses(
        (status = 201, description = "It is there, durably", body = ScheduleDescription),
        (status = 409, description = "A schedule of that name is there already"),
    ))]
pub(super) async fn create(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    JsonBody(mut body): JsonBody<ScheduleBody>,
) -> Answer {
    params.only(&[])?;
    let name = match body.0.as_object_mut().and_then(|fields| fields.shift_remove("name")) {
        Some(Value::String(name)) => name,
        _ => {
            let error = ApiError::new(422, "wrong_input", "a schedule needs a name");
            return Err(error.at("name", "a text").into());
        }
    };
    let made = shared.api.schedule(&namespace, &name, ScheduleRequest::Create(body.0)).await?;
    Ok(reply(StatusCode::CREATED, &made))
}

/// Everything known about a schedule: counters, open and recent runs, the next times.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/schedules/{name}", tag = "schedules",
    operation_id = "describe_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    responses((status = 200, body = ScheduleDescription)))]
pub(super) async fn describe(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedule(&namespace, &name, ScheduleRequest::Describe).await?))
}

/// Give a schedule another definition, whole. Whether it is paused, its note and its counters stay.
#[utoipa::path(put, path = "/api/v1/namespaces/{namespace}/schedules/{name}", tag = "schedules",
    operation_id = "replace_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    request_body = ScheduleBody,
    responses(
        (status = 200, body = ScheduleDescription),
        (status = 409, description = "A project declares it: change it there and deploy"),
    ))]
pub(super) async fn replace(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Answer {
    params.only(&[])?;
    let replaced = shared.api.schedule(&namespace, &name, ScheduleRequest::Replace(body.0)).await?;
    Ok(reply(StatusCode::OK, &replaced))
}

/// Delete a schedule. Runs that it started go on.
#[utoipa::path(delete, path = "/api/v1/namespaces/{namespace}/schedules/{name}", tag = "schedules",
    operation_id = "delete_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "A project declares it: remove it there and deploy"),
    ))]
pub(super) async fn delete(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    shared.api.schedule(&namespace, &name, ScheduleRequest::Delete).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Take no times any more. Times that pass meanwhile are not made up for; triggers and backfills work.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/schedules/{name}/pause", tag = "schedules",
    operation_id = "pause_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    request_body(content = Option<NoteRequest>),
    responses((status = 200, body = ScheduleDescription)))]
pub(super) async fn pause(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<NoteRequest>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedule(&namespace, &name, ScheduleRequest::Pause(request.note)).await?))
}

/// Take times again, from now on.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/schedules/{name}/resume", tag = "schedules",
    operation_id = "resume_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    request_body(content = Option<NoteRequest>),
    responses((status = 200, body = ScheduleDescription)))]
pub(super) async fn resume(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<NoteRequest>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedule(&namespace, &name, ScheduleRequest::Resume(request.note)).await?))
}

/// Start a run now, also of a paused schedule.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/schedules/{name}/trigger", tag = "schedules",
    operation_id = "trigger_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    request_body(content = Option<TriggerRequest>),
    responses((status = 200, body = ScheduleDescription)))]
pub(super) async fn trigger(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<TriggerRequest>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedule(&namespace, &name, ScheduleRequest::Trigger(request)).await?))
}

/// Take all times of a range, also if they were taken before.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/schedules/{name}/backfill", tag = "schedules",
    operation_id = "backfill_schedule",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the schedule"),
    ),
    request_body(content = BackfillRequest),
    responses((status = 200, body = ScheduleDescription)))]
pub(super) async fn backfill(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
    JsonBody(request): JsonBody<BackfillRequest>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.schedule(&namespace, &name, ScheduleRequest::Backfill(request)).await?))
}
