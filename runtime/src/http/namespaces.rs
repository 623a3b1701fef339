//! Namespaces: create, look at, change, delete.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use weft_protocol::api::{NamespaceChange, NamespaceInfo, NamespaceList, NamespaceRequest};

use super::request::{JsonBody, Params, Segments};
use super::{Answer, Shared, reply};

/// All namespaces.
#[utoipa::path(get, path = "/api/v1/namespaces", tag = "namespaces",
    responses((status = 200, body = NamespaceList)))]
pub(super) async fn namespaces(State(shared): State<Shared>, params: Params) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.namespaces().await?))
}

/// Create a namespace.
#[utoipa::path(post, path = "/api/v1/namespaces", tag = "namespaces",
    request_body = NamespaceRequest,
    responses(
        (status = 201, body = NamespaceInfo),
        (status = 409, description = "There is one of that name, or one is still being deleted"),
    ))]
pub(super) async fn create_namespace(
    State(shared): State<Shared>,
    params: Params,
    JsonBody(request): JsonBody<NamespaceRequest>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::CREATED, &shared.api.create_namespace(request).await?))
}

/// A namespace: how long it keeps closed runs, its workflows, its search attributes.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}", tag = "namespaces",
    params(("namespace" = String, Path, description = "Namespace")),
    responses((status = 200, body = NamespaceInfo)))]
pub(super) async fn namespace(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.namespace(&namespace).await?))
}

/// Change a namespace. A new retention holds for the runs that have closed already, too.
#[utoipa::path(patch, path = "/api/v1/namespaces/{namespace}", tag = "namespaces",
    params(("namespace" = String, Path, description = "Namespace")),
    request_body = NamespaceChange,
    responses((status = 200, body = NamespaceInfo)))]
pub(super) async fn change_namespace(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    JsonBody(to): JsonBody<NamespaceChange>,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.change_namespace(&namespace, to).await?))
}

/// Delete a namespace without open runs. Nothing can be asked of it any more; its closed runs go in the background.
#[utoipa::path(delete, path = "/api/v1/namespaces/{namespace}", tag = "namespaces",
    params(("namespace" = String, Path, description = "Namespace")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "Runs are open in it, or it is `default`"),
    ))]
pub(super) async fn delete_namespace(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    shared.api.delete_namespace(&namespace).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
