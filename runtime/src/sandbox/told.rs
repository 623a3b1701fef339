//! What runs and schedules of a sandbox are told.

use serde_json::Value;
use weft_engine::update::outcome_in;
use weft_protocol::api::{
    ApiError, ResetRequest, ScheduleDescription, StartReply, StartRequest, UpdateReply, UpdateStage,
};
use weft_protocol::{PartitionId, RunId};

use super::{NAMESPACE, Sandbox, key, unexpected};
use crate::api::ScheduleRequest;
use crate::node::answer::{RESET_READS_MAX, closed_chain, signal_of_closed};
use crate::node::api::reset_order;
use crate::node::schedules;
use crate::partition::ask::checked_start;
use crate::partition::partition_of;
use crate::partition::request::{Answer, Key, Request};
use crate::partition::update::UpdateAsked;
use crate::refusal;

impl Sandbox {
    /// Starts or joins a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn start(&mut self, request: StartRequest) -> Result<StartReply, ApiError> {
        let (program, workflow) = self.setup.programs.current(NAMESPACE, &request.workflow).ok_or_else(|| {
            let known = self.setup.programs.workflows(NAMESPACE);
            refusal::workflow_not_found(NAMESPACE, &request.workflow, &known)
        })?;
        let order = checked_start(program, workflow, request, NAMESPACE, &self.setup.limits)?;
        let part = match &order.workflow_id {
            Some(id) => partition_of(NAMESPACE, id.as_str(), self.setup.partitions),
            None => PartitionId(0),
        };
        match self.ask(part, Request::Start(Box::new(order))).await? {
            Answer::Started { run, started, update } => {
                let (workflow_id, run_id) = (run.workflow_id.to_string(), run.run_id.to_string());
                Ok(StartReply { workflow_id, run_id, started, update })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Signals a run.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn signal(
        &mut self,
        workflow_id: &str,
        name: &str,
        args: Value,
        request_id: Option<String>,
    ) -> Result<(), ApiError> {
        let key = key(workflow_id);
        let ask = Request::Signal { key, name: name.into(), args, request_id: request_id.clone() };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::NotOpen => {
                let (_, events) = self.closed(workflow_id).await?;
                signal_of_closed(&events, workflow_id, name, request_id.as_deref())
            }
            _ => Ok(()),
        }
    }

    /// Sends an update, or asks what became of the one that has the id; waits for nothing.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn update(
        &mut self,
        workflow_id: &str,
        name: &str,
        args: Value,
        update_id: &str,
    ) -> Result<UpdateReply, ApiError> {
        let (key, stage) = (key(workflow_id), UpdateStage::Accepted);
        let asked = UpdateAsked { key, name: name.into(), args, update_id: update_id.into(), stage };
        match self.ask(self.part(workflow_id), Request::Update(Box::new(asked))).await? {
            Answer::Update(reply) => Ok(*reply),
            Answer::NotOpen => {
                let (_, events) = self.closed(workflow_id).await?;
                let known = outcome_in(&events, update_id, name).map_err(|_| refusal::update_id_taken())?;
                known.ok_or_else(|| refusal::run_closed(workflow_id))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Requests cancellation.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn cancel(
        &mut self,
        workflow_id: &str,
        reason: &str,
        request_id: Option<String>,
    ) -> Result<(), ApiError> {
        let ask = Request::Cancel { key: key(workflow_id), reason: reason.into(), request_id };
        match self.ask(self.part(workflow_id), ask).await? {
            Answer::NotOpen => self.closed(workflow_id).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Ends a run now.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn terminate(&mut self, workflow_id: &str, reason: &str) -> Result<(), ApiError> {
        let ask = Request::Terminate { key: key(workflow_id), reason: reason.into() };
        self.on_open(workflow_id, ask).await
    }

    /// Lets the newest run of an id, or the one with this run id, go on from an earlier point.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn reset(
        &mut self,
        workflow_id: &str,
        run: Option<RunId>,
        request: ResetRequest,
    ) -> Result<(), ApiError> {
        let key = Key { run_id: run, ..key(workflow_id) };
        let mut order = reset_order(key.clone(), request)?;
        let part = self.part(workflow_id);
        let mut answer = self.ask(part, Request::Reset(Box::new(order.clone()))).await?;
        for _ in 0..RESET_READS_MAX {
            let Answer::Bring { deletes } = answer else { break };
            order.closed = Some(closed_chain(&*self.journal, &self.setup.programs, part, &key, deletes).await?);
            answer = self.ask(part, Request::Reset(Box::new(order.clone()))).await?;
        }
        match answer {
            Answer::Started { .. } => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Forgets an id.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn delete(&mut self, workflow_id: &str) -> Result<(), ApiError> {
        let part = self.part(workflow_id);
        if matches!(self.ask(part, Request::Code(key(workflow_id))).await?, Answer::NotOpen) {
            self.closed(workflow_id).await?;
        }
        self.ask(part, Request::Delete(key(workflow_id))).await.map(drop)
    }

    /// Asks a schedule; how it is then, or nothing if it is gone.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn schedule(
        &mut self,
        name: &str,
        request: ScheduleRequest,
    ) -> Result<Option<ScheduleDescription>, ApiError> {
        let ask = schedules::ask(name, request, &self.setup.limits)?;
        let request = Request::Schedule { namespace: NAMESPACE.into(), name: name.to_owned(), ask };
        match self.ask(self.part(name), request).await? {
            Answer::Schedule(description) => Ok(Some(*description)),
            Answer::Done => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn on_open(&mut self, workflow_id: &str, request: Request) -> Result<(), ApiError> {
        match self.ask(self.part(workflow_id), request).await? {
            Answer::NotOpen => {
                self.closed(workflow_id).await?;
                Err(refusal::run_closed(workflow_id))
            }
            _ => Ok(()),
        }
    }
}
