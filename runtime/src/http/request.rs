//! What a request says: path, parameters, body. Everything that is wrong with it is refused here or by the node, with
//! the place and what was expected; nothing is guessed and nothing unknown is ignored.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use weft_bytecode::wire::{self, json, text};
use weft_protocol::RunId;
use weft_protocol::api::ApiError;

use super::Shared;
use super::problem::Problem;
use crate::api::RunKey;

/// Bytes of a body that is too large which are read and dropped, so that a client which sends first and reads then
/// gets to see the refusal.
const DRAIN_BYTES_MAX: usize = 64 << 20;

/// The segments of the path, percent-decoded.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Segments<T>, Problem> {
        match Path::<T>::from_request_parts(parts, shared).await {
            Ok(Path(segments)) => Ok(Segments(segments)),
            Err(rejection) => {
                let message = format!("the path cannot be read: {}", rejection.body_text());
                Err(ApiError::new(400, "wrong_path", message)
                    .help("percent-encode each segment as UTF-8; `/` in an id is `%2F`")
                    .into())
            }
        }
    }
}

/// The query string's parameters.
pub(super) struct Params(Vec<(String, String)>);

impl FromRequestParts<Shared> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Params, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Params(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Params {
    /// Refuses what the route does not know, and what is given twice.
    pub(super) fn only(self, known: &[&str]) -> Result<Params, Problem> {
        for (i, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let expected = match known {
                    [] => String::from("no parameters"),
                    _ => format!("one of `{}`", known.join("`, `")),
                };
                let message = format!("there is no parameter `{name}` here");
                return Err(ApiError::new(400, "unknown_parameter", message).at(name, expected).into());
            }
            if self.0[..i].iter().any(|(other, _)| other == name) {
                return Err(wrong_parameter(name, "one value", "several"));
            }
        }
        Ok(self)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn read<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let read = |given: &str| given.parse().map_err(|_| wrong_parameter(name, expected, &format!("{given:?}")));
        self.text(name).map(read).transpose()
    }

    /// One of a set of names, as their JSON has them.
    pub(super) fn named<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let read = |given: &str| {
            let wrong = |_| wrong_parameter(name, expected, &format!("{given:?}"));
            serde_json::from_value(Value::from(given)).map_err(wrong)
        };
        self.text(name).map(read).transpose()
    }

    /// How long to wait: a duration, never longer than `long_poll_max`; without it not at all.
    pub(super) fn wait(&self, longest: Duration) -> Result<Duration, Problem> {
        let Some(given) = self.text("wait") else { return Ok(Duration::ZERO) };
        let ms = text::parse_duration(given).and_then(|ms| u64::try_from(ms).ok());
        let ms = ms.ok_or_else(|| wrong_parameter("wait", "a duration like `30s`", &format!("{given:?}")))?;
        Ok(Duration::from_millis(ms).min(longest))
    }

    /// Rows of a page, from 1 to the limit.
    /// Rows of a page: what is asked for, or `max`. Whoever asks for more cannot know what this server gives at most.
    pub(super) fn limit(&self, max: usize) -> Result<Option<usize>, Problem> {
        const EXPECTED: &str = "a number from 1 on";
        match self.read("limit", EXPECTED)? {
            Some(0) => Err(wrong_parameter("limit", EXPECTED, "0")),
            limit => Ok(limit.map(|limit: usize| limit.min(max))),
        }
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.text(name) {
            Some(given) if text::parse_time(given).is_none() => {
                Err(wrong_parameter(name, "a time like `2026-06-01T09:00:00Z`", &format!("{given:?}")))
            }
            given => Ok(given.map(str::to_owned)),
        }
    }

    /// The run of a path: the newest of its id, or the one `?run=` names.
    pub(super) fn run(&self, namespace: String, workflow_id: String) -> Result<RunKey, Problem> {
        let run_id = self.owned("run");
        let wrong = |given: &&String| given.parse::<RunId>().ok().is_none_or(|id| id.to_string() != **given);
        if let Some(given) = run_id.as_ref().filter(wrong) {
            return Err(wrong_parameter("run", "a run id of 16 hex digits", &format!("{given:?}")));
        }
        Ok(RunKey { namespace, workflow_id, run_id })
    }
}

pub(super) fn wrong_parameter(name: &str, expected: &str, found: &str) -> Problem {
    let message = format!("parameter `{name}`: expected {expected}, found {found}");
    ApiError::new(400, "wrong_parameter", message).at(name, expected).into()
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<JsonBody<T>, Problem> {
        let bytes = read_json(request, shared).await?;
        if bytes.is_empty() {
            let message = "the request has no body; a JSON object is expected";
            return Err(ApiError::new(400, "malformed_json", message).into());
        }
        decode(&bytes).map(JsonBody)
    }
}

/// A JSON body that may be left out.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Shared> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<OptionalBody<T>, Problem> {
        let bytes = read_json(request, shared).await?;
        if bytes.is_empty() { Ok(OptionalBody(T::default())) } else { decode(&bytes).map(OptionalBody) }
    }
}

async fn read_json(request: Request, shared: &Shared) -> Result<Vec<u8>, Problem> {
    let (parts, body) = request.into_parts();
    let max = shared.limits.request_bytes_max;
    let bytes = read_body(&parts.headers, body, "request_bytes_max", max).await?;
    if !bytes.is_empty() {
        content_type(&parts.headers, "application/json")?;
    }
    Ok(bytes)
}

/// Refuses a body of another media type than the one expected.
pub(super) fn content_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let found = if given.is_empty() { String::from("none") } else { format!("`{given}`") };
    let message = format!("content-type: expected `{expected}`, found {found}");
    Err(ApiError::new(415, "wrong_content_type", message).at("content-type", expected).into())
}

/// The whole body, at most `max` bytes.
pub(super) async fn read_body(headers: &HeaderMap, body: Body, limit: &str, max: usize) -> Result<Vec<u8>, Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut bytes = Vec::with_capacity(declared.unwrap_or(0).min(max));
    let mut chunks = body.into_data_stream();
    let mut dropped = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|e| ApiError::new(400, "broken_body", format!("the body could not be read to its end: {e}")))?;
        if dropped > 0 || bytes.len() + chunk.len() > max {
            dropped += chunk.len();
            if dropped > DRAIN_BYTES_MAX {
                break;
            }
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if dropped == 0 {
        return Ok(bytes);
    }
    let message = format!("the request is larger than {limit} = {max} bytes");
    let help = format!("send less, pass large data by reference, or raise `{limit}` in `[limits]`");
    Err(ApiError::new(413, "too_large", message).help(help).into())
}

/// The body as what the route takes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::parse(bytes)
        .map_err(|e| Problem(ApiError::new(400, "malformed_json", format!("the body is not JSON: {e}"))))?;
    if !value.is_object() {
        return Err(wrong_field("", &format!("{}, expected a JSON object", wire::describe(&value))));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.into_inner().to_string())
    })
}

/// `serde`'s words made ours: the path of the field, what was expected, what was found.
fn wrong_field(parent: &str, error: &str) -> Problem {
    let parent = if parent == "." { "" } else { parent };
    let below = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    // Of the errors of `serde_json`, those without an expectation are about numbers.
    let (problem, expected) = error.split_once(", expected ").unwrap_or((error, "a whole number"));
    let (path, expected) = if problem.starts_with("unknown field") {
        // The path may end with the unknown field already, depending on where it was noticed.
        let name = quoted(problem);
        let named = parent == name || parent.ends_with(&format!(".{name}"));
        (if named { parent.to_owned() } else { below(&name) }, expected)
    } else if problem.starts_with("missing field") {
        (below(&quoted(problem)), "a value")
    } else {
        (parent.to_owned(), expected)
    };
    let message = match path.as_str() {
        "" => format!("the body is wrong: {error}"),
        path => format!("`{path}` is wrong: {error}"),
    };
    ApiError::new(422, "wrong_input", message).at(path, expected).into()
}
