//! The document that describes all routes, made from the routes and the types they read and write.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::problem::{PROBLEM_JSON, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Weft",
        description = "Durable workflows. Values are JSON as docs/api.md describes; numbers have up to 64 bits.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        super::health::healthz,
        super::health::readyz,
        document,
        super::namespaces::namespaces,
        super::namespaces::create_namespace,
        super::namespaces::namespace,
        super::namespaces::change_namespace,
        super::namespaces::delete_namespace,
        super::code::deploy,
        super::code::patches,
        super::code::workflow,
        super::code::run_workflow,
        super::runs::start,
        super::runs::list,
        super::runs::count,
        super::runs::batch,
        super::runs::describe,
        super::runs::result,
        super::runs::signal,
        super::runs::update,
        super::runs::query,
        super::runs::read,
        super::runs::cancel,
        super::runs::terminate,
        super::runs::reset,
        super::runs::delete,
        super::history::history,
        super::schedules::list,
        super::schedules::create,
        super::schedules::describe,
        super::schedules::replace,
        super::schedules::delete,
        super::schedules::pause,
        super::schedules::resume,
        super::schedules::trigger,
        super::schedules::backfill,
        super::activities::complete,
        super::activities::fail,
        super::activities::heartbeat,
        super::activities::pause,
        super::activities::unpause,
        super::activities::reset,
        super::tasks::poll,
        super::tasks::complete,
        super::tasks::fail,
        super::tasks::heartbeat,
    ),
    components(schemas(ProblemBody, weft_protocol::api::CountBy, weft_protocol::moving::Moving)),
    modifiers(&Refusals),
)]
struct Document;

static TEXT: LazyLock<String> = LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());

/// The document as it is served.
pub(super) fn text() -> &'static str {
    &TEXT
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub(super) async fn document() -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], text()).into_response()
}

/// What every route may answer besides its own, and that all refusals look alike.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut api.paths.paths {
            for operation in
                [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
            {
                describe(path, operation);
            }
        }
    }
}

fn describe(path: &str, operation: &mut Operation) {
    let mut common =
        vec![("400", "The path, a parameter or the JSON cannot be read"), ("500", "A bug, or a damaged store")];
    if path.starts_with("/api/") {
        common.push(("404", "There is no such namespace, workflow, run, signal, query, update, schedule or route"));
        common.push(("422", "The input does not have its type, or would go over a limit; nothing was logged"));
        common.push(("429", "Too much is waiting to be stored; nothing was logged"));
        common.push(("503", "The store is away, another node owns the run, or this one is shutting down"));
    }
    if operation.request_body.is_some() {
        common.push(("413", "The request is larger than its limit"));
        common.push(("415", "The body has another media type than the one expected"));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in common {
        let response = ResponseBuilder::new().description(description).build();
        responses.entry(status.into()).or_insert(RefOr::T(response));
    }
    for (status, response) in responses.iter_mut() {
        if let (true, RefOr::T(response)) = (status.starts_with(['4', '5']), response) {
            let schema = Ref::from_schema_name("Problem");
            response.content.insert(PROBLEM_JSON.into(), ContentBuilder::new().schema(Some(schema)).build());
        }
    }
}
