//! What runs still need of the patches of a program: open ones where they are, closed ones from the store.

use std::sync::Arc;

use weft_bytecode::PatchMode;
use weft_bytecode::patches::PatchPlaces;
use weft_engine::trial;
use weft_protocol::PartitionId;
use weft_protocol::api::ApiError;
use weft_protocol::moving::{CodeLine, PatchNext, PatchRuns, PatchUse, PatchesReply};
use weft_vm::Loaded;

use super::aside::aside;
use super::{Core, Shared, deploy};
use crate::closed;
use crate::filter::{Field, Filter, Is, Key, Op, Test};
use crate::partition::request::{Tried, Trying};
use crate::refusal;
use crate::store::ClosedPage;

/// Closed runs of a project that are looked at, the newest of each workflow first.
const CLOSED_LOOKED_AT_MAX: usize = 1_000;

/// Tries all runs of a program's project on it and counts.
pub(super) async fn patches(shared: &Shared, namespace: &str, bytes: Vec<u8>) -> Result<PatchesReply, ApiError> {
    let core = shared.core()?;
    let (program, _) = deploy::received(shared, namespace, bytes).await?;
    let places = program.program().patch_places();
    let mut open = Tried::default();
    for tried in deploy::try_runs(&core.links, namespace, &program, Trying::Patches).await {
        open.join(tried?);
    }
    let (closed, more_closed) = closed_runs(shared, core, namespace, &program, &places).await?;
    let uses = places.into_iter().map(|place| use_of(&program, place, &open, &closed));
    Ok(PatchesReply {
        project: program.program().project.clone(),
        program: program.hash().to_string(),
        patches: uses.collect(),
        open_looked_at: open.fit + open.unmoved.total,
        closed_looked_at: closed.fit + closed.unmoved.total,
        more_closed,
        not_followed_total: open.unmoved.total,
        not_followed: open.unmoved.named,
    })
}

/// The closed runs of workflows that have patches, and whether there are more of them.
async fn closed_runs(
    shared: &Shared,
    core: &Core,
    namespace: &str,
    program: &Arc<Loaded>,
    places: &[PatchPlaces],
) -> Result<(Tried, bool), ApiError> {
    let (mut found, mut more) = (Tried::default(), false);
    let broken = |error| refusal::of_store(&error);
    for (workflow, index) in program.program().workflows.iter().zip(0u16..) {
        if !places.iter().any(|place| place.workflows.contains(&index)) {
            continue;
        }
        let left = CLOSED_LOOKED_AT_MAX.saturating_sub((found.fit + found.unmoved.total) as usize);
        let named = Is::Compare(Op::Equal, Key::Text(workflow.name.clone()));
        let filter = Filter::Test(Test { field: Field::Workflow, is: named });
        let page = ClosedPage { namespace: namespace.to_owned(), filter, after: None, limit: left + 1 };
        let mut rows = core.journal.list_closed(&page).await.map_err(broken)?;
        more |= rows.len() > left;
        rows.truncate(left);
        for row in rows {
            let part: PartitionId = row.run_id.partition();
            let whole = closed::find(&*core.journal, part, namespace, &row.workflow_id, Some(row.run_id)).await;
            // Its time to be kept may have ended meanwhile.
            let Some(whole) = whole.map_err(broken)? else { continue };
            let events = closed::history(&whole).map_err(broken)?;
            let (program, limits) = (program.clone(), shared.limits.clone());
            let tried = aside(move || trial::follows(&program, events, &limits)).await;
            match tried.map_err(|error| refusal::store_broken(&error.to_string()))? {
                Ok(patches) => found.note(&workflow.name, patches),
                Err(_) => found.unmoved.total += 1,
            }
        }
    }
    Ok((found, more))
}

fn use_of(program: &Loaded, place: PatchPlaces, open: &Tried, closed: &Tried) -> PatchUse {
    let program = program.program();
    let workflows: Vec<String> =
        place.workflows.iter().map(|index| program.workflows[usize::from(*index)].name.clone()).collect();
    let count = |of: &Tried| {
        let mut all = PatchRuns::default();
        for workflow in &workflows {
            let runs = of.runs.get(workflow).copied().unwrap_or(0);
            let (marked, unmarked) =
                of.patches.get(workflow).and_then(|patches| patches.get(&place.id)).copied().unwrap_or_default();
            all.join(PatchRuns { marked, unmarked, ahead: runs.saturating_sub(marked + unmarked) });
        }
        all
    };
    let (open, closed) = (count(open), count(closed));
    let next = match (place.mode, open) {
        (_, PatchRuns { marked: 0, unmarked: 0, .. }) => PatchNext::Remove,
        (PatchMode::Deprecated, _) => PatchNext::Keep,
        (_, PatchRuns { unmarked: 0, .. }) => PatchNext::Deprecate,
        _ => PatchNext::Keep,
    };
    let line = |span| CodeLine { source: program.line(span), text: program.line_text(span) };
    PatchUse {
        patch: place.id,
        mode: place.mode.name().to_owned(),
        sites: place.sites.into_iter().map(line).collect(),
        workflows,
        open,
        closed,
        next,
    }
}
