//! Task queues: what a worker asks, docs/workers.md.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use weft_bytecode::wire::text;
use weft_protocol::Failure;
use weft_protocol::api::{ApiError, HeartbeatReply, PollReply, PollRequest};
use weft_protocol::limits::RETRY_AFTER_MS_MAX;

use super::request::{JsonBody, OptionalBody, Params, Segments};
use super::{Answer, Shared, reply};

/// How an attempt succeeded.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteRequest {
    /// The result, in the activity's result type; `null` or left out for `Unit`.
    #[serde(default)]
    pub(super) result: Value,
}

/// How an attempt failed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FailRequest {
    /// What went wrong. A `type` that the activity throws is that error and is not repeated.
    #[schema(value_type = FailureBody)]
    error: Value,
    /// When to try again (`"3s"`), in place of the policy's delay.
    #[serde(default)]
    retry_after: Option<String>,
}

/// A failure as it is reported.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Failure)]
#[allow(dead_code, reason = "describes what `Failure::from_json` reads")]
pub(super) struct FailureBody {
    /// Name of a declared error, or any other name.
    #[serde(rename = "type")]
    kind: String,
    /// For people.
    message: Option<String>,
    /// The fields of a declared error; of others whatever helps.
    details: Option<Value>,
    /// Whether another attempt may succeed; default true. Declared errors are never repeated.
    retryable: Option<bool>,
    /// What caused it.
    #[schema(no_recursion)]
    cause: Option<Box<FailureBody>>,
}

/// A sign of life.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct HeartbeatRequest {
    /// What the next attempt gets if this one is lost.
    #[serde(default)]
    pub(super) progress: Option<Value>,
}

/// Take tasks of a queue, waiting for the first. No tasks if the wait ended: ask again.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/queues/{queue}/poll", tag = "workers",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("queue" = String, Path, description = "Queue name, percent-encoded"),
    ),
    request_body(content = Option<PollRequest>),
    responses((status = 200, body = PollReply)))]
pub(super) async fn poll(
    State(shared): State<Shared>,
    Segments((namespace, queue)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<PollRequest>,
) -> Answer {
    params.only(&[])?;
    let tasks = shared.patiently(shared.api.poll(&namespace, &queue, request)).await?;
    Ok(reply(StatusCode::OK, &tasks))
}

/// End an attempt with its result. Answered when the result is durable.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/tasks/{token}/complete", tag = "workers",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("token" = String, Path, description = "The task's token"),
    ),
    request_body(content = Option<CompleteRequest>),
    responses(
        (status = 204, description = "The result is durable"),
        (status = 410, description = "The attempt is over; drop it"),
    ))]
pub(super) async fn complete(
    State(shared): State<Shared>,
    Segments((namespace, token)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<CompleteRequest>,
) -> Answer {
    params.only(&[])?;
    shared.api.complete(&namespace, &token, request.result).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// End an attempt with a failure. It is repeated by the activity's policy unless it is a declared error or says that it
/// is not `retryable`.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/tasks/{token}/fail", tag = "workers",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("token" = String, Path, description = "The task's token"),
    ),
    request_body = FailRequest,
    responses(
        (status = 204, description = "The failure is durable"),
        (status = 410, description = "The attempt is over; drop it"),
    ))]
pub(super) async fn fail(
    State(shared): State<Shared>,
    Segments((namespace, token)): Segments<(String, String)>,
    params: Params,
    JsonBody(request): JsonBody<FailRequest>,
) -> Answer {
    params.only(&[])?;
    let (failure, retry_after) = request.read()?;
    shared.api.fail(&namespace, &token, failure, retry_after).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl FailRequest {
    /// The failure, and when to try again.
    pub(super) fn read(&self) -> Result<(Failure, Option<Duration>), ApiError> {
        let wrong = |path: &str, expected: &str, found: String| {
            ApiError::new(422, "wrong_input", format!("`{path}`: {found}")).at(path, expected)
        };
        let failure = Failure::from_json(&self.error)
            .map_err(|found| wrong("error", "a failure with `type` and `message`", found))?;
        let Some(given) = self.retry_after.as_deref() else { return Ok((failure, None)) };
        let ms = text::parse_duration(given).filter(|ms| (0..=RETRY_AFTER_MS_MAX).contains(ms));
        let ms = ms.and_then(|ms| u64::try_from(ms).ok()).ok_or_else(|| {
            let expected = format!("a duration like \"3s\", at most {}", text::duration(RETRY_AFTER_MS_MAX));
            wrong("retry_after", &expected, format!("expected a duration, found {given:?}"))
        })?;
        Ok((failure, Some(Duration::from_millis(ms))))
    }
}

/// Say that an attempt lives, and what it has got done.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/tasks/{token}/heartbeat", tag = "workers",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("token" = String, Path, description = "The task's token"),
    ),
    request_body(content = Option<HeartbeatRequest>),
    responses(
        (status = 200, body = HeartbeatReply),
        (status = 410, description = "The attempt is over; stop it"),
    ))]
pub(super) async fn heartbeat(
    State(shared): State<Shared>,
    Segments((namespace, token)): Segments<(String, String)>,
    params: Params,
    OptionalBody(request): OptionalBody<HeartbeatRequest>,
) -> Answer {
    params.only(&[])?;
    let told = shared.api.heartbeat(&namespace, &token, request.progress).await?;
    Ok(reply(StatusCode::OK, &told))
}
