//! Every refusal as `application/problem+json` (RFC 9457) with our own words beside the standard's.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use weft_protocol::api::ApiError;

/// Media type of a refusal.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Problem(pub(super) ApiError);

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Problem {
        Problem(error)
    }
}

/// What a refusal looks like on the wire.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// Always `about:blank`: `code` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Name of the HTTP status.
    title: &'a str,
    /// HTTP status.
    status: u16,
    /// Names the problem for programs, in snake_case. It does not change between versions.
    code: &'a str,
    /// What is wrong, for people.
    message: &'a str,
    /// Path of the wrong field or parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    /// What programs may want to know besides, by `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a serde_json::Value>,
}

impl ProblemBody<'_> {
    fn of(error: &ApiError, status: StatusCode) -> ProblemBody<'_> {
        ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code: &error.code,
            message: &error.message,
            path: error.path.as_deref(),
            expected: error.expected.as_deref(),
            help: error.help.as_deref(),
            details: error.details.as_deref(),
        }
    }

    /// As the data of an event in a stream that has begun already.
    pub(super) fn text(error: &ApiError) -> String {
        serde_json::to_string(&ProblemBody::of(error, status(error))).unwrap_or_default()
    }
}

fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        let body = serde_json::to_vec(&ProblemBody::of(&self.0, status)).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
