//! The API over HTTP: routes one to one onto [`Api`](crate::api::Api), and nothing else. Decides nothing about runs; says what is wrong
//! with a request, and passes on what the node answers once it is durable.

mod activities;
mod code;
mod health;
mod history;
mod namespaces;
mod openapi;
mod problem;
mod request;
mod runs;
mod schedules;
mod tasks;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::serve::ListenerExt;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use weft_protocol::api::ApiError;
use weft_protocol::limits::Limits;

use crate::api::SharedApi;
use problem::Problem;

/// How long open connections may take to end once the server stops.
const GOODBYE: Duration = Duration::from_secs(10);

/// What every route needs.
#[derive(Clone)]
struct Shared {
    api: SharedApi,
    limits: Arc<Limits>,
    /// Ends long polls and streams when the server stops.
    stop: CancellationToken,
}

/// What a route answers.
type Answer = Result<Response, Problem>;

/// All routes over an API. `stop` ends long polls and streams, so that a server can shut down.
pub fn router(api: SharedApi, limits: &Limits, stop: CancellationToken) -> Router {
    let shared = Shared { api, limits: Arc::new(limits.clone()), stop };
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(answered).on_failure(()))
        .with_state(shared)
}

/// Serves until `stop`, then lets what is under way come to its end.
///
/// # Errors
/// If the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    api: SharedApi,
    limits: &Limits,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = router(api, limits, stop.clone());
    // Answers are small and awaited: none of them may wait for the one before to be acknowledged.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
    });
    let stopped = stop.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stopped.cancelled().await });
    let goodbye = async {
        stop.cancelled().await;
        tokio::time::sleep(GOODBYE).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = goodbye => {
            tracing::warn!("connections were still open {} s after the server was stopped", GOODBYE.as_secs());
            Ok(())
        }
    }
}

/// Every path with its methods. The document that describes them is checked against this table.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/openapi.json", get(openapi::document)),
        ("/api/v1/namespaces", get(namespaces::namespaces).post(namespaces::create_namespace)),
        (
            "/api/v1/namespaces/{namespace}",
            get(namespaces::namespace).patch(namespaces::change_namespace).delete(namespaces::delete_namespace),
        ),
        ("/api/v1/namespaces/{namespace}/deployments", post(code::deploy)),
        ("/api/v1/namespaces/{namespace}/patches", post(code::patches)),
        ("/api/v1/namespaces/{namespace}/workflows/{name}", get(code::workflow)),
        ("/api/v1/namespaces/{namespace}/runs", get(runs::list).post(runs::start)),
        ("/api/v1/namespaces/{namespace}/count", get(runs::count)),
        ("/api/v1/namespaces/{namespace}/batch", post(runs::batch)),
        ("/api/v1/namespaces/{namespace}/runs/{id}", get(runs::describe).delete(runs::delete)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/result", get(runs::result)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/signals/{name}", post(runs::signal)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/updates/{name}", post(runs::update)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/queries/{name}", get(runs::read).post(runs::query)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/cancel", post(runs::cancel)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/terminate", post(runs::terminate)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/reset", post(runs::reset)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/workflow", get(code::run_workflow)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/history", get(history::history)),
        ("/api/v1/namespaces/{namespace}/schedules", get(schedules::list).post(schedules::create)),
        (
            "/api/v1/namespaces/{namespace}/schedules/{name}",
            get(schedules::describe).put(schedules::replace).delete(schedules::delete),
        ),
        ("/api/v1/namespaces/{namespace}/schedules/{name}/pause", post(schedules::pause)),
        ("/api/v1/namespaces/{namespace}/schedules/{name}/resume", post(schedules::resume)),
        ("/api/v1/namespaces/{namespace}/schedules/{name}/trigger", post(schedules::trigger)),
        ("/api/v1/namespaces/{namespace}/schedules/{name}/backfill", post(schedules::backfill)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/complete", post(activities::complete)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/fail", post(activities::fail)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/heartbeat", post(activities::heartbeat)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/pause", post(activities::pause)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/unpause", post(activities::unpause)),
        ("/api/v1/namespaces/{namespace}/runs/{id}/activities/{activity}/reset", post(activities::reset)),
        ("/api/v1/namespaces/{namespace}/queues/{queue}/poll", post(tasks::poll)),
        ("/api/v1/namespaces/{namespace}/tasks/{token}/complete", post(tasks::complete)),
        ("/api/v1/namespaces/{namespace}/tasks/{token}/fail", post(tasks::fail)),
        ("/api/v1/namespaces/{namespace}/tasks/{token}/heartbeat", post(tasks::heartbeat)),
    ]
}

impl Shared {
    fn longest_wait(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.limits.long_poll_max_ms).unwrap_or(0))
    }

    /// What may take long, ended early if the server stops.
    async fn patiently<T>(&self, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, Problem> {
        tokio::select! {
            biased;
            answer = answer => answer.map_err(Problem),
            () = self.stop.cancelled() => Err(crate::refusal::shutting_down().into()),
        }
    }
}

fn reply(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = (status, bytes).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => {
            Problem(ApiError::new(500, "internal", format!("the answer cannot be written: {error}"))).into_response()
        }
    }
}

async fn unknown_route(uri: Uri) -> Problem {
    ApiError::new(404, "unknown_route", format!("there is nothing at {}", uri.path()))
        .help("GET /openapi.json lists all routes; percent-encode each segment, `/` in an id is `%2F`")
        .into()
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    ApiError::new(405, "unknown_method", format!("{} does not take {method}", uri.path()))
        .help("the `allow` header lists the methods it takes")
        .into()
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let cause = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(cause = cause.unwrap_or("unknown"), "a request panicked");
    Problem(ApiError::new(500, "internal", "this is a bug in weft; the server's log says where")).into_response()
}

fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    tracing::info_span!("http", method = %request.method(), route)
}

fn answered(response: &Response, latency: Duration, _: &Span) {
    let (status, ms) = (response.status().as_u16(), latency.as_millis() as u64);
    if response.status().is_server_error() {
        tracing::warn!(status, ms, "answered");
    } else {
        tracing::debug!(status, ms, "answered");
    }
}

#[cfg(test)]
mod tests;
