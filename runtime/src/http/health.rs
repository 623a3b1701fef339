//! Whether the process lives, and whether it can serve.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::problem::ProblemBody;
use super::request::Params;
use super::{Answer, Shared, reply};

/// Says that it is well.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// The process lives. Asks nobody else: restart it if this does not answer.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
pub(super) async fn healthz(params: Params) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &Health { status: "ok" }))
}

/// Ready to serve: the store answers and this node owns its partitions. Send no requests while it is not.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, body = Health),
    (status = 503, description = "Not ready, and why", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(super) async fn readyz(State(shared): State<Shared>, params: Params) -> Answer {
    params.only(&[])?;
    shared.patiently(shared.api.ready()).await?;
    Ok(reply(StatusCode::OK, &Health { status: "ok" }))
}
