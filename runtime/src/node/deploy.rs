//! Deploying a program: verified, tried on the open runs where all of them are to move, stored by its hash, made current
//! for its project; then the open runs that move to it. Also what patches of a program runs still need.
//!
//! The trial comes before anything is written, and each run is tried again when it moves: it has gone on meanwhile. A run
//! moves with one event, so after a crash each run is on one code or the other, and the same deploy again moves the rest.

use std::sync::Arc;

use weft_bytecode::codec;
use weft_protocol::api::{ApiError, DeployReply};
use weft_protocol::moving::{Moving, Unmoved};
use weft_protocol::{PartitionId, Timestamp};
use weft_vm::Loaded;

use super::aside::aside;
use super::{Shared, WorkflowNames, schedules};
use crate::activities::exec;
use crate::filter::attributes_of;
use crate::loops::Links;
use crate::partition::request::{Answer, Request, Tried, Trying};
use crate::refusal;
use crate::store::{Claim, Journal};

/// Stores an encoded program and makes it current; answers when new starts use it and the runs that are to move have.
pub(super) async fn deploy(
    shared: &Shared,
    namespace: &str,
    bytes: Vec<u8>,
    moving: Moving,
) -> Result<DeployReply, ApiError> {
    let (core, by) = (shared.work()?, shared.claim()?);
    let (program, bytes) = received(shared, namespace, bytes).await?;
    let project = program.program().project.clone();

    let _one_at_a_time = shared.deploying.lock().await;
    // It may have been deleted meanwhile.
    shared.namespaces.get(namespace)?;
    let clash = shared.programs.clash(namespace, program.program());
    if let (WorkflowNames::First, Some((workflow, other))) = (shared.options.names, &clash) {
        return Err(ApiError::new(
            409,
            "workflow_taken",
            format!("project `{other}` of namespace `{namespace}` has a workflow `{workflow}` already"),
        )
        .help(format!(
            "if `{other}` is this project's former name, keep `name = \"{other}\"` in weft.toml; else rename the workflow, \
             give it another name on the wire with `@name`, or deploy to another namespace"
        )));
    }
    if let Some((attribute, how)) = shared.programs.disagreement(namespace, program.program()) {
        return Err(refusal::attribute_taken(namespace, &attribute, &how));
    }
    let current = shared.programs.project(namespace, &project);
    // Deployed before, but another project has taken one of its names meanwhile: deployed again, it is the newest.
    let newest = program.program().workflows.iter().all(|workflow| {
        shared.programs.current(namespace, &workflow.name).is_some_and(|(current, _)| current.hash() == program.hash())
    });
    let removed = current.as_ref().map_or_else(Vec::new, |current| removed(current, &program));
    if moving == Moving::All {
        all_would_move(&core.links, namespace, &program).await?;
    }
    let changed = !newest || current.is_none_or(|current| current.hash() != program.hash());
    if changed {
        publish(&*core.journal, by, namespace, &program, &bytes, shared.options.clock.now()).await?;
        // No partition would move its runs now; the same deploy again does.
        if !shared.lease.valid() {
            return Err(refusal::store_away("this node is not sure of its lease"));
        }
    }
    // Only what is accepted is kept: nothing ever removes it.
    let program = shared.programs.keep(program);
    if changed {
        shared.programs.make_current(namespace, program.clone());
    }
    let trying = if moving == Moving::Pin { Trying::Stuck } else { Trying::Move };
    let Tried { fit: moved, unmoved: Unmoved { total, named }, .. } =
        move_runs(&core.links, namespace, &program, trying).await;
    let mut warnings = exec::troubles(&shared.options.config.exec, program.program());
    warnings.extend(schedules::declare(shared, namespace, &program).await);
    Ok(DeployReply {
        project,
        program: program.hash().to_string(),
        changed,
        workflows: program.program().workflows.iter().map(|workflow| workflow.name.clone()).collect(),
        removed,
        moved,
        not_moved_total: total,
        not_moved: named,
        warnings,
    })
}

/// Stores a program and makes it current for its project.
pub(crate) async fn publish(
    journal: &dyn Journal,
    by: Claim,
    namespace: &str,
    program: &Loaded,
    bytes: &[u8],
    at: Timestamp,
) -> Result<(), ApiError> {
    let attributes: Vec<_> = attributes_of(program.program()).map(|(_, name, kind)| (name, kind)).collect();
    let published = async {
        journal.put_program(program.hash(), bytes).await?;
        journal.put_attributes(by, namespace, &attributes).await?;
        journal.deploy(by, namespace, &program.program().project, program.hash(), at).await
    };
    published.await.map_err(|error| refusal::of_store(&error))
}

/// A program as it was sent, checked, and its bytes again.
pub(super) async fn received(
    shared: &Shared,
    namespace: &str,
    bytes: Vec<u8>,
) -> Result<(Arc<Loaded>, Vec<u8>), ApiError> {
    shared.namespaces.get(namespace)?;
    let max = shared.limits.program_bytes_max;
    if bytes.len() > max {
        return Err(refusal::too_large("the program", bytes.len(), "program_bytes_max", max));
    }
    verified(bytes).await
}

/// The program, checked, and its bytes again. Checking a large one takes a while that other requests need not wait.
async fn verified(bytes: Vec<u8>) -> Result<(Arc<Loaded>, Vec<u8>), ApiError> {
    let invalid = |why: String| {
        ApiError::new(422, "invalid_program", format!("this is no program that can run here: {why}"))
            .help("compile it again with this version of weft")
    };
    let checking = aside(move || {
        let program = codec::decode(&bytes).map_err(|error| invalid(error.to_string()))?;
        let program = Loaded::new(program).map_err(|error| invalid(error.to_string()))?;
        Ok((program, bytes))
    });
    checking.await.unwrap_or_else(|error| {
        Err(ApiError::new(500, "internal", format!("the program could not be checked: {error}"))
            .help("please report this"))
    })
}

/// Workflows of the program before that this one does not have.
fn removed(before: &Loaded, now: &Loaded) -> Vec<String> {
    let names = before.program().workflows.iter().map(|workflow| &workflow.name);
    names.filter(|name| now.program().workflow(name).is_none()).cloned().collect()
}

/// At start: says which deployed activities this server is not set up for.
pub(super) fn warn_of_exec(shared: &Shared) {
    for (namespace, program) in shared.programs.all_current() {
        for trouble in exec::troubles(&shared.options.config.exec, program.program()) {
            tracing::warn!(%namespace, project = %program.program().project, "{trouble}");
        }
    }
}

/// At start: a deploy may have ended before its schedules were made.
pub(super) async fn declare_schedules(shared: &Shared) {
    for (namespace, program) in shared.programs.all_current() {
        for trouble in schedules::declare(shared, &namespace, &program).await {
            tracing::warn!(%namespace, project = %program.program().project, "{trouble}");
        }
    }
}

/// At start: a newer weft may run what an older one could not.
pub(super) async fn retry_stuck(shared: &Shared) {
    let Ok(core) = shared.core() else { return };
    for (namespace, program) in shared.programs.all_current() {
        let moved = move_runs(&core.links, &namespace, &program, Trying::Stuck).await.fit;
        if moved > 0 {
            tracing::info!(moved, %namespace, "stuck runs go on");
        }
    }
}

/// Moves the runs that follow the program.
async fn move_runs(links: &Links, namespace: &str, program: &Arc<Loaded>, trying: Trying) -> Tried {
    let mut all = Tried::default();
    // A partition that is lost meanwhile has its stuck runs tried by its next owner, the others by the next deploy.
    try_runs(links, namespace, program, trying).await.into_iter().flatten().for_each(|tried| all.join(tried));
    all
}

/// Refuses a deploy that is to move all runs if there is one that does not follow it.
async fn all_would_move(links: &Links, namespace: &str, program: &Arc<Loaded>) -> Result<(), ApiError> {
    let mut all = Tried::default();
    for tried in try_runs(links, namespace, program, Trying::Check).await {
        all.join(tried?);
    }
    refusal::unless_all_follow(all)
}

/// Tries the open runs of all partitions on a program.
pub(super) async fn try_runs(
    links: &Links,
    namespace: &str,
    program: &Arc<Loaded>,
    trying: Trying,
) -> Vec<Result<Tried, ApiError>> {
    let ask = async |part| {
        let request = Request::Try { namespace: namespace.into(), program: program.clone(), trying };
        match links.ask(PartitionId(part), request).await? {
            Answer::Tried(tried) => Ok(*tried),
            other => Err(super::api::unexpected(&other)),
        }
    };
    futures::future::join_all((0..links.partitions()).map(ask)).await
}
