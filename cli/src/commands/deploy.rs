//! `weft deploy`: compiles here, sends the Program with its sources; new starts use it when the answer comes.

use serde_json::json;
use weft_bytecode::Program;
use weft_protocol::api::DeployReply;

use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Source;
use crate::output::{Output, style};
use crate::project;

use super::Context;

/// Compiles a project and sends it to the server.
pub(crate) async fn deploy(context: &Context, options: &Source) -> Outcome {
    let mut found = project::load(&options.path)?;
    // A name that many files have would make one project of many: each deploy would take the workflows of the others away.
    found.name_by_folder();
    let program = compile::compile(&context.out, &found, Stream::Talk)?;
    some_workflow(&program)?;
    let remote = context.remote_of(&found.config)?;
    let reply = remote.api.deploy(&remote.namespace, weft_bytecode::codec::encode(&program)).await?;
    if context.out.json {
        context.out.value(&json!(reply))?;
    } else {
        context.out.line(&reply.program)?;
        said(&context.out, &reply);
    }
    Ok(Exit::Done)
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
        out.say(&format!(
            "  {} with the new code",
            if reply.moved == 1 {
                "1 stuck run goes on".to_owned()
            } else {
                format!("{} stuck runs go on", reply.moved)
            }
        ));
    }
    for warning in &reply.warnings {
        out.say(&format!("  {} {warning}", out.paint("warning", style::WARN)));
    }
    for (id, why) in &reply.not_moved {
        out.say(&format!("  {} `{id}` stays stuck: {why}", out.paint("note", style::WARN)));
    }
}
