//! What can be seen of the runs of a sandbox.

use std::sync::Arc;

use serde_json::Value;
use weft_engine::program_of;
use weft_protocol::api::{ApiError, ResultReply, RunDescription, RunRow};
use weft_protocol::event::RunRef;
use weft_protocol::{Event, PartitionId, WorkflowId};
use weft_vm::Loaded;

use super::{NAMESPACE, Sandbox, key, unexpected};
use crate::closed;
use crate::filter;
use crate::node::answer::{describe_closed, result_of};
use crate::node::listing::page_of;
use crate::node::open;
use crate::partition::ask::query_run;
use crate::partition::request::{Answer, OpenPage, Request};
use crate::refusal;
use crate::store::{ClosedPage, ClosedRun};

impl Sandbox {
    /// Reads a query or public state.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn query(&mut self, workflow_id: &str, name: &str, args: Value) -> Result<Value, ApiError> {
        let ask = Request::Query { key: key(workflow_id), name: name.into(), args: args.clone() };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::Value(value) => Ok(value.value()),
            Answer::NotOpen => {
                let (_, events) = self.closed(workflow_id).await?;
                let program = self.program_at(&events).await?;
                let limits = self.setup.limits.clone();
                let max = limits.payload_bytes_max;
                let run = weft_engine::Run::recover(program, events, Vec::new(), limits)
                    .map_err(|error| refusal::store_broken(&error.to_string()))?;
                query_run(&run, name, &args, max).map(|value| value.value())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The newest runs that a filter is true of.
    ///
    /// # Errors
    /// If the filter is wrong, or the journal does not answer.
    pub async fn list(&mut self, written: &str) -> Result<Vec<RunRow>, ApiError> {
        let schema = self.setup.programs.schema(NAMESPACE);
        let filter = filter::parse(written, &schema, self.now).map_err(|error| refusal::wrong_filter(&error))?;
        let limit = self.setup.limits.page_rows_max;
        let page = OpenPage { namespace: NAMESPACE.into(), filter: Arc::new(filter.clone()), after: None, limit };
        let mut open = Vec::new();
        for part in 0..self.setup.partitions {
            if let Answer::Rows(rows) = self.ask(PartitionId(part), Request::List(page.clone())).await? {
                open.extend(rows);
            }
        }
        let page = ClosedPage { namespace: NAMESPACE.into(), filter, after: None, limit };
        let closed = self.journal.list_closed(&page).await.map_err(|error| refusal::of_store(&error))?;
        Ok(page_of(open, &closed, limit).runs)
    }

    /// Everything known about a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn describe(&mut self, workflow_id: &str) -> Result<RunDescription, ApiError> {
        match self.ask(self.part(workflow_id), Request::Describe(key(workflow_id))).await? {
            Answer::Description(description) => Ok(*description),
            Answer::NotOpen => {
                let (row, events) = self.closed(workflow_id).await?;
                Ok(describe_closed(&row, &events))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// How a run ended; `None` while it is open.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn result(&mut self, workflow_id: &str) -> Result<Option<ResultReply>, ApiError> {
        match self.ask(self.part(workflow_id), Request::Code(key(workflow_id))).await? {
            Answer::NotOpen => {
                let (row, events) = self.closed(workflow_id).await?;
                let run = RunRef { workflow_id: row.workflow_id, run_id: row.run_id };
                Ok(events.last().map(|last| result_of(&run, last)))
            }
            _ => Ok(None),
        }
    }

    /// The whole history of the newest run of an id, and its code.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn history(&mut self, workflow_id: &str) -> Result<(Arc<Loaded>, Vec<Event>), ApiError> {
        let mut all: Vec<Event> = Vec::new();
        loop {
            let after = all.last().map_or(0, |event| event.id.0);
            let ask = Request::History { key: key(workflow_id), after, limit: usize::MAX, follow: false };
            match self.ask(self.part(workflow_id), ask).await? {
                Answer::Events { program, events, .. } if events.is_empty() => return Ok((program, all)),
                Answer::Events { events, .. } => all.extend(events),
                Answer::NotOpen => {
                    let (_, events) = self.closed(workflow_id).await?;
                    return Ok((self.program_at(&events).await?, events));
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    pub(super) async fn closed(&self, workflow_id: &str) -> Result<(ClosedRun, Vec<Event>), ApiError> {
        let id = WorkflowId::from(workflow_id);
        let found = closed::find(&*self.journal, self.part(workflow_id), NAMESPACE, &id, None).await;
        let row = found.map_err(|error| refusal::of_store(&error))?;
        let row = row.ok_or_else(|| refusal::run_not_found(workflow_id, None))?;
        let events = closed::history(&row).map_err(|error| refusal::of_store(&error))?;
        Ok((row, events))
    }

    pub(super) async fn program_at(&self, events: &[Event]) -> Result<Arc<Loaded>, ApiError> {
        let hash = program_of(events).ok_or_else(|| refusal::store_broken("a history does not begin"))?;
        open::program(&*self.journal, &self.setup.programs, hash).await.map_err(|error| refusal::of_store(&error))
    }
}
