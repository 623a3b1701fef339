//! One operation on many runs: a page of the list at a time, each run by the same way as alone. Nothing of a batch is kept
//! here: its id makes every step idempotent, its cursor says where to go on.

use futures::StreamExt;
use rustc_hash::FxHashSet;
use weft_protocol::api::{
    ApiError, BatchOperation, BatchOutcome, BatchReply, BatchRequest, BatchRun, ListQuery, MessageRequest, RunRow,
    Selection, Status, StopRequest,
};

use super::Node;
use crate::api::{Api, RunKey};
use crate::refusal;

/// Runs of a page, unless the caller says how many.
const RUNS: usize = 100;
/// Operations under way at a time: they share commits.
const AT_ONCE: usize = 32;
/// Bytes of the id of a batch.
const BATCH_ID_BYTES_MAX: usize = 200;

impl Node {
    pub(super) async fn batch_page(&self, namespace: &str, request: BatchRequest) -> Result<BatchReply, ApiError> {
        self.shared.work()?;
        if request.filter.trim().is_empty() {
            return Err(refusal::empty_filter());
        }
        let batch_id = match request.batch_id {
            Some(id) if id.is_empty() || id.len() > BATCH_ID_BYTES_MAX => {
                return Err(refusal::batch_id(BATCH_ID_BYTES_MAX));
            }
            Some(id) => id,
            None => super::api::made_up_id()?,
        };
        let status = (request.operation != BatchOperation::Delete {}).then_some(Status::Running);
        let select = Selection { filter: Some(request.filter), status, ..Selection::default() };
        let limit = Some(request.limit.unwrap_or(RUNS));
        let mut page = self.list(namespace, ListQuery { select, limit, cursor: request.cursor }).await?;
        if request.operation == (BatchOperation::Delete {}) {
            // An id goes with all its runs, so it is asked for once: by its newest run, which the list has first.
            let mut seen = FxHashSet::default();
            page.runs.retain(|row| seen.insert(row.workflow_id.clone()));
        }
        // Started at once and told in the order of the list.
        let runs = futures::stream::iter(page.runs)
            .map(|row| self.batch_run(namespace, row, &request.operation, &batch_id))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        // What keeps this node from doing anything is no matter of one run; what was done before is not done again.
        if let Some(error) = runs.iter().find_map(|run| run.as_ref().err()) {
            return Err(error.clone());
        }
        Ok(BatchReply { batch_id, runs: runs.into_iter().flatten().collect(), cursor: page.cursor })
    }

    async fn batch_run(
        &self,
        namespace: &str,
        row: RunRow,
        operation: &BatchOperation,
        batch_id: &str,
    ) -> Result<BatchRun, ApiError> {
        let RunRow { workflow_id, run_id, .. } = row;
        let run = RunKey { namespace: namespace.into(), workflow_id, run_id: Some(run_id) };
        let request_id = Some(format!("batch:{batch_id}"));
        let done = match operation {
            BatchOperation::Signal { name, args } => {
                self.signal(&run, name, MessageRequest { args: args.clone(), request_id }).await
            }
            BatchOperation::Cancel { reason } => {
                self.cancel(&run, StopRequest { reason: reason.clone(), request_id }).await
            }
            BatchOperation::Terminate { reason } => {
                self.terminate(&run, StopRequest { reason: reason.clone(), request_id }).await
            }
            BatchOperation::Delete {} => self.shared.forget(&run).await,
        };
        let (outcome, error) = match done {
            Ok(()) => (BatchOutcome::Done, None),
            Err(error) if matches!(error.code.as_str(), "run_closed" | "run_not_found") => (BatchOutcome::Ended, None),
            Err(error) if error.status >= 500 || error.status == 429 => return Err(error),
            Err(error) => (BatchOutcome::Refused, Some(format!("{}: {}", error.code, error.message))),
        };
        let run_id = run.run_id.unwrap_or_default();
        Ok(BatchRun { workflow_id: run.workflow_id, run_id, outcome, error })
    }
}
