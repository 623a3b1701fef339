//! Schedules, asked for at the node: read, routed to the partition that has the name, and declared by deploys.

use std::sync::Arc;

use serde_json::Value;
use weft_bytecode::schedule::{Definition, OVERLAPS, Overlap, json};
use weft_bytecode::wire::text;
use weft_engine::{ScheduleInput, child};
use weft_protocol::api::{ApiError, ScheduleDescription, ScheduleList};
use weft_protocol::limits::Limits;
use weft_protocol::{PartitionId, Timestamp};
use weft_vm::Loaded;

use super::{DeclaredSchedules, Shared};
use crate::api::ScheduleRequest;
use crate::partition::partition_of;
use crate::partition::request::{Answer, Request, ScheduleAsk};
use crate::refusal;

/// What the time of a start adds to the name of its schedule.
const TIME_BYTES: usize = "-2026-01-01T00:00:00Z".len();

/// Asks a schedule.
pub(super) async fn schedule(
    shared: &Shared,
    namespace: &str,
    name: &str,
    request: ScheduleRequest,
) -> Result<Option<ScheduleDescription>, ApiError> {
    let core = if request == ScheduleRequest::Describe { shared.core()? } else { shared.work()? };
    shared.namespaces.get(namespace)?;
    let ask = ask(name, request, &shared.limits)?;
    let part = partition_of(namespace, name, core.links.partitions());
    let request = Request::Schedule { namespace: namespace.into(), name: name.to_owned(), ask };
    match core.links.ask(part, request).await? {
        Answer::Schedule(description) => Ok(Some(*description)),
        Answer::Done => Ok(None),
        other => Err(super::api::unexpected(&other)),
    }
}

/// All schedules of a namespace.
pub(super) async fn all(shared: &Shared, namespace: &str) -> Result<ScheduleList, ApiError> {
    let core = shared.core()?;
    shared.namespaces.get(namespace)?;
    let asks = (0..core.links.partitions())
        .map(|part| core.links.ask(PartitionId(part), Request::Schedules(namespace.into())));
    let mut schedules = Vec::new();
    for answer in futures::future::join_all(asks).await {
        match answer? {
            Answer::Schedules(rows) => schedules.extend(rows),
            other => return Err(super::api::unexpected(&other)),
        }
    }
    schedules.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ScheduleList { schedules })
}

/// Makes the schedules of a deployed program what it says; says what is in the way.
pub(super) async fn declare(shared: &Shared, namespace: &str, program: &Arc<Loaded>) -> Vec<String> {
    let (DeclaredSchedules::Made, Ok(core)) = (shared.options.declared, shared.core()) else { return Vec::new() };
    let asks = (0..core.links.partitions()).map(|part| {
        let declare = Request::Declare { namespace: namespace.into(), program: program.clone() };
        core.links.ask(PartitionId(part), declare)
    });
    let mut clashes = Vec::new();
    for answer in futures::future::join_all(asks).await {
        match answer {
            Ok(Answer::Declared(more)) => clashes.extend(more),
            Ok(other) => clashes.push(super::api::unexpected(&other).message),
            // The next owner of the partition declares them again.
            Err(error) => clashes.push(format!("schedules are not made yet: {}", error.message)),
        }
    }
    clashes.sort();
    clashes
}

/// What is asked, read.
pub(crate) fn ask(name: &str, request: ScheduleRequest, limits: &Limits) -> Result<ScheduleAsk, ApiError> {
    Ok(match request {
        ScheduleRequest::Create(body) => {
            let room = limits.workflow_id_bytes_max.saturating_sub(TIME_BYTES);
            let wrong = child::workflow_id_error(name, limits);
            if wrong.is_some() || name.len() > room || name.contains('/') {
                let rule = format!("1 to {room} bytes without control characters and `/`");
                let message = format!("{name:?} cannot name a schedule");
                return Err(ApiError::new(422, "wrong_input", message).at("name", rule));
            }
            ScheduleAsk::Create(Box::new(definition(&body)?))
        }
        ScheduleRequest::Replace(body) => {
            let to = definition(&body)?;
            for (path, given) in [("paused", to.paused), ("note", !to.note.is_empty())] {
                if given {
                    let message = "a schedule that is replaced stays paused or not as it is, and keeps its note";
                    let error = ApiError::new(422, "wrong_input", message).at(path, "nothing");
                    return Err(error.help("pause or resume it with a note"));
                }
            }
            ScheduleAsk::Replace(Box::new(to))
        }
        ScheduleRequest::Describe => ScheduleAsk::Describe,
        ScheduleRequest::Pause(note) => ScheduleAsk::Give(ScheduleInput::Pause(noted(note)?)),
        ScheduleRequest::Resume(note) => ScheduleAsk::Give(ScheduleInput::Resume(noted(note)?)),
        ScheduleRequest::Trigger(trigger) => {
            let overlap = overlap(trigger.overlap.as_deref())?;
            ScheduleAsk::Give(ScheduleInput::Trigger { overlap, request_id: trigger.request_id })
        }
        ScheduleRequest::Backfill(backfill) => ScheduleAsk::Give(ScheduleInput::Backfill {
            from: time("from", &backfill.from)?,
            to: time("to", &backfill.to)?,
            overlap: overlap(backfill.overlap.as_deref())?,
            request_id: backfill.request_id,
        }),
        ScheduleRequest::Delete => ScheduleAsk::Give(ScheduleInput::Delete),
    })
}

fn definition(body: &Value) -> Result<Definition, ApiError> {
    json::read(body).map_err(|error| refusal::wrong_schedule(&error))
}

fn noted(note: String) -> Result<String, ApiError> {
    let max = weft_bytecode::schedule::TEXT_BYTES_MAX;
    if note.len() > max {
        return Err(
            ApiError::new(422, "wrong_input", "the note is too long").at("note", format!("at most {max} bytes"))
        );
    }
    Ok(note)
}

fn overlap(word: Option<&str>) -> Result<Option<Overlap>, ApiError> {
    word.map(|word| {
        Overlap::of(word).ok_or_else(|| {
            ApiError::new(422, "wrong_input", format!("`{word}` is no overlap policy"))
                .at("overlap", format!("one of {}", OVERLAPS.join(", ")))
        })
    })
    .transpose()
}

fn time(path: &str, given: &str) -> Result<Timestamp, ApiError> {
    let read = text::parse_time(given).map(Timestamp);
    read.ok_or_else(|| {
        ApiError::new(422, "wrong_input", format!("`{given}` is no time")).at(path, "a time as 2026-06-01T09:00:00Z")
    })
}
