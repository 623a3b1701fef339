//! `weft deploy`: compiles here, sends the Program with its sources; when the answer comes, new starts use it and the open
//! runs that are to move have moved.

use serde_json::json;
use weft_bytecode::Program;
use weft_protocol::api::{ApiError, DeployReply};
use weft_protocol::moving::{Moving, NotMoved};

use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::{Deploy, MoveRuns};
use crate::output::{Output, style};
use crate::project;
use crate::view::moving::not_followed;

use super::Context;

/// Compiles a project and sends it to the server.
pub(crate) async fn deploy(context: &Context, options: &Deploy) -> Outcome {
    let mut found = project::load(&options.path)?;
    // A name that many files have would make one project of many: each deploy would take the workflows of the others away.
    found.name_by_folder();
    let program = compile::compile(&context.out, &found, Stream::Talk)?;
    some_workflow(&program)?;
    let remote = context.remote_of(&found.config)?;
    let moving = match options.moving {
        None => Moving::Pin,
        Some(MoveRuns::Safe) => Moving::Safe,
        Some(MoveRuns::All) => Moving::All,
    };
    let sent = remote.api.deploy_moving(&remote.namespace, weft_bytecode::codec::encode(&program), moving).await;
    let reply = sent.map_err(|error| refused(&context.out, error))?;
    if context.out.json {
        context.out.value(&json!(reply))?;
    } else {
        context.out.line(&reply.program)?;
        said(&context.out, &reply);
    }
    Ok(Exit::Done)
}

/// A refusal, with the runs because of which it is one.
fn refused(out: &Output, error: ApiError) -> Failed {
    if error.code != "runs_would_diverge" || out.json {
        return error.into();
    }
    let details = error.details.as_deref().cloned().unwrap_or_default();
    let total = details["not_moved_total"].as_u64().unwrap_or(0);
    let named: Vec<NotMoved> = serde_json::from_value(details["not_moved"].clone()).unwrap_or_default();
    out.say(&format!(
        "{}\n{}",
        out.paint("these runs part from the new code:", style::WARN),
        not_followed(out, &named, total)
    ));
    error.into()
}

/// Refuses a program without workflows: nothing could be done with it, and every workflow of the project would be gone.
///
/// # Errors
/// If it has none.
pub(crate) fn some_workflow(program: &Program) -> Result<(), Failed> {
    if program.workflows.is_empty() {
        return Err(Failed::new(
            Exit::Refused,
            "no_workflow",
            "this program declares no workflow; nothing is deployed",
        )
        .help("`weft new hello` makes a project with one"));
    }
    Ok(())
}

/// Says what a deploy did.
pub(crate) fn said(out: &Output, reply: &DeployReply) {
    if out.json {
        return out.tell("", || json!({ "deployed": reply }));
    }
    let hash: String = reply.program.chars().take(12).collect();
    let workflows = reply.workflows.join(", ");
    match reply.changed {
        true => out.say(&format!("{} {} {hash}: {workflows}", out.paint("deployed", style::GOOD), reply.project)),
        false => {
            out.say(&format!("{} {} {hash} is current already", out.paint("unchanged", style::DIM), reply.project))
        }
    }
    if !reply.removed.is_empty() {
        let removed = reply.removed.join(", ");
        out.say(&format!(
            "  {} no longer has: {removed} (open runs keep their code, new ones cannot be started)",
            out.paint("note", style::WARN)
        ));
    }
    if reply.moved > 0 {
        let go = if reply.moved == 1 { "run goes" } else { "runs go" };
        out.say(&format!("  {} open {go} on with the new code", reply.moved));
    }
    for warning in &reply.warnings {
        out.say(&format!("  {} {warning}", out.paint("warning", style::WARN)));
    }
    if reply.not_moved_total > 0 {
        let stay = if reply.not_moved_total == 1 { "run stays" } else { "runs stay" };
        let count = reply.not_moved_total;
        out.say(&format!(
            "  {} {count} {stay} with the code before, which this does not follow:",
            out.paint("note", style::WARN)
        ));
        out.say(&not_followed(out, &reply.not_moved, reply.not_moved_total));
    }
}
