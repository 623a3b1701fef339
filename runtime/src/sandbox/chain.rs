//! The histories of a run that went on as new ones.

use std::sync::Arc;

use weft_engine::history::continued_from;
use weft_protocol::api::ApiError;
use weft_protocol::{Event, RunId, WorkflowId};
use weft_vm::Loaded;

use super::{NAMESPACE, Sandbox};
use crate::closed;
use crate::refusal;

impl Sandbox {
    /// The history of each run of the chain that the newest run of an id belongs to, oldest first, and its code.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn chain(&mut self, workflow_id: &str) -> Result<Vec<(Arc<Loaded>, Vec<Event>)>, ApiError> {
        let mut chain = vec![self.history(workflow_id).await?];
        while let Some(before) = chain.last().and_then(|(_, events)| continued_from(&events.first()?.kind)) {
            let run: RunId = before.parse().map_err(|_| refusal::store_broken("a run id is none"))?;
            let id = WorkflowId::from(workflow_id);
            let found = closed::find(&*self.journal, self.part(workflow_id), NAMESPACE, &id, Some(run)).await;
            let row = found.map_err(|error| refusal::of_store(&error))?;
            let row = row.ok_or_else(|| refusal::run_not_found(workflow_id, Some(&before)))?;
            let events = closed::history(&row).map_err(|error| refusal::of_store(&error))?;
            chain.push((self.program_at(&events).await?, events));
        }
        chain.reverse();
        Ok(chain)
    }
}
