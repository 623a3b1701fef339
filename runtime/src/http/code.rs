//! Code: what is deployed, and what a client may send to it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use weft_protocol::api::{DeployReply, WorkflowSignature};

use super::request::{Params, Segments, content_type, read_body};
use super::{Answer, Shared, reply};

/// Deploy a compiled program: what `weft build` makes. Answers when new starts use it. The same program again changes
/// nothing. Stuck runs of its workflows that follow its code are moved to it.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/deployments", tag = "code",
    params(("namespace" = String, Path, description = "Namespace")),
    request_body(content_type = "application/octet-stream", description = "The encoded program"),
    responses(
        (status = 200, description = "It is current now, or was already", body = DeployReply),
        (status = 409, description = "Another project of the namespace has a workflow or search attribute of that name"),
    ))]
pub(super) async fn deploy(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    request: Request,
) -> Answer {
    params.only(&[])?;
    let (parts, body) = request.into_parts();
    content_type(&parts.headers, "application/octet-stream")?;
    let program = read_body(&parts.headers, body, "program_bytes_max", shared.limits.program_bytes_max).await?;
    let deployed = shared.api.deploy(&namespace, program).await?;
    Ok(reply(StatusCode::OK, &deployed))
}

/// What a client may send to the current code of a workflow.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/workflows/{name}", tag = "code",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Workflow name"),
    ),
    responses((status = 200, body = WorkflowSignature)))]
pub(super) async fn workflow(
    State(shared): State<Shared>,
    Segments((namespace, name)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    Ok(reply(StatusCode::OK, &shared.api.workflow(&namespace, &name).await?))
}

/// What a client may send to a run, by the code it is pinned to.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs/{id}/workflow", tag = "code",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
    ),
    responses((status = 200, body = WorkflowSignature)))]
pub(super) async fn run_workflow(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    params: Params,
) -> Answer {
    let run = params.only(&["run"])?.run(namespace, id)?;
    Ok(reply(StatusCode::OK, &shared.api.run_workflow(&run).await?))
}
