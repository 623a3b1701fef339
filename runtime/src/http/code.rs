//! Code: what is deployed, and what a client may send to it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use weft_protocol::api::{DeployReply, WorkflowSignature};
use weft_protocol::moving::PatchesReply;

use super::problem::Problem;
use super::request::{Params, Segments, content_type, read_body};
use super::{Answer, Shared, reply};

/// Deploy a compiled program: what `weft build` makes. Answers when new starts use it. The same program again changes
/// nothing. Stuck runs of its workflows that follow its code are moved to it; `move` says which others are.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/deployments", tag = "code",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("move" = Option<weft_protocol::moving::Moving>, Query,
            description = "Which open runs of the project move to the program; default `pin`"),
    ),
    request_body(content_type = "application/octet-stream", description = "The encoded program"),
    responses(
        (status = 200, description = "It is current now, or was already", body = DeployReply),
        (status = 409, description = "Another project of the namespace has a workflow or search attribute of that name; or, with `move=all`, there are open runs that do not follow the program (`runs_would_diverge`, `details` names them)"),
    ))]
pub(super) async fn deploy(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    request: Request,
) -> Answer {
    let params = params.only(&["move"])?;
    let moving = params.named("move", "`pin`, `safe` or `all`")?.unwrap_or_default();
    let program = read_program(&shared, request).await?;
    // Trying all runs may take long.
    let deployed = shared.patiently(shared.api.deploy_moving(&namespace, program, moving)).await?;
    Ok(reply(StatusCode::OK, &deployed))
}

/// What runs of its project have of the patches of a compiled program: with a mark, passed without one, not there yet;
/// and what may become of each patch. Nothing is deployed and nothing moves.
#[utoipa::path(post, path = "/api/v1/namespaces/{namespace}/patches", tag = "code",
    params(("namespace" = String, Path, description = "Namespace")),
    request_body(content_type = "application/octet-stream", description = "The encoded program"),
    responses((status = 200, body = PatchesReply)))]
pub(super) async fn patches(
    State(shared): State<Shared>,
    Segments(namespace): Segments<String>,
    params: Params,
    request: Request,
) -> Answer {
    params.only(&[])?;
    let program = read_program(&shared, request).await?;
    let found = shared.patiently(shared.api.patches(&namespace, program)).await?;
    Ok(reply(StatusCode::OK, &found))
}

async fn read_program(shared: &Shared, request: Request) -> Result<Vec<u8>, Problem> {
    let (parts, body) = request.into_parts();
    content_type(&parts.headers, "application/octet-stream")?;
    read_body(&parts.headers, body, "program_bytes_max", shared.limits.program_bytes_max).await
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
