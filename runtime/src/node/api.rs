//! The API, answered by this node: requests are checked and routed to their partition; what has closed is read from the
//! store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use weft_engine::reset::{Point, Without};
use weft_engine::signature;
use weft_engine::update::outcome_in;
use weft_protocol::api::{
    ApiError, BatchReply, BatchRequest, CountQuery, CountReply, DeployReply, FirstUpdate, HeartbeatReply, HistoryPage,
    ListQuery, MessageRequest, NamespaceChange, NamespaceInfo, NamespaceList, NamespaceRequest, PollReply, PollRequest,
    ResetPoint, ResetReply, ResetRequest, ResetWithout, ResultReply, RunDescription, RunPage, ScheduleDescription,
    ScheduleList, StartReply, StartRequest, StopRequest, UpdateReply, UpdateRequest, UpdateStage, WorkflowSignature,
};
use weft_protocol::moving::{Moving, PatchesReply};
use weft_protocol::{EventId, Failure, RunId, WorkflowId};

use super::answer;
use super::{Node, Shared, deploy, patches, schedules};
use crate::activities::queue::{PollPlan, Reserved, TaskToken, worker_task};
use crate::api::{ActivityAct, ActivityKey, Api, RunKey, ScheduleRequest};
use crate::loops::Delivery;
use crate::partition::ask::{checked_start, query_run};
use crate::partition::request::{Answer, AttemptRef, Key, Reply, Request, ResetOrder, StartOrder, WorkerOutcome};
use crate::partition::update::UpdateAsked;
use crate::refusal;

#[async_trait]
impl Api for Node {
    async fn deploy_moving(&self, namespace: &str, program: Vec<u8>, moving: Moving) -> Result<DeployReply, ApiError> {
        deploy::deploy(&self.shared, namespace, program, moving).await
    }

    async fn patches(&self, namespace: &str, program: Vec<u8>) -> Result<PatchesReply, ApiError> {
        patches::patches(&self.shared, namespace, program).await
    }

    async fn start(&self, namespace: &str, mut request: StartRequest) -> Result<StartReply, ApiError> {
        let core = self.shared.work()?;
        let asked = match &mut request.update {
            Some(update) if update.update_id.is_none() => {
                update.update_id = Some(request.request_id.clone().map_or_else(made_up_id, Ok)?);
                request.update.clone()
            }
            update => update.clone(),
        };
        let order = self.shared.order(namespace, request)?;
        let part = match (&order.workflow_id, &order.request_id) {
            (Some(id), _) => core.links.partition_of(namespace, id),
            // Without an id any partition will do; the same request must come to the same one.
            (None, Some(request)) => core.links.partition_of(namespace, &WorkflowId::from(request.as_str())),
            (None, None) => core.links.any_partition(),
        };
        let sent = {
            let _stays = self.shared.namespaces.enter(namespace)?;
            core.links.ask(part, Request::Start(Box::new(order)))
        };
        let mut reply = match sent.await? {
            Answer::Started { run, started, update } => {
                let (workflow_id, run_id) = (run.workflow_id.to_string(), run.run_id.to_string());
                StartReply { workflow_id, run_id, started, update }
            }
            other => return Err(unexpected(&other)),
        };
        // A start that is told again does not say what became of its update.
        if let (Some(FirstUpdate { name, args, update_id, wait_for }), None) = (asked, &reply.update) {
            let run = answer::key_of(namespace, &reply);
            let request = UpdateRequest { args, update_id, wait_for };
            reply.update = Some(Box::new(self.update(&run, &name, request, Duration::ZERO).await?));
        }
        Ok(reply)
    }

    async fn signal(&self, run: &RunKey, name: &str, request: MessageRequest) -> Result<(), ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        let MessageRequest { args, request_id } = request;
        let wanted = request_id.clone();
        let ask = Request::Signal { key: key.clone(), name: name.into(), args, request_id };
        match self.shared.ask(&key, ask).await? {
            Answer::NotOpen => {
                let (_, events) = answer::closed_run(&self.shared, &key).await?;
                answer::signal_of_closed(&events, key.workflow_id.as_str(), name, wanted.as_deref())
            }
            _ => Ok(()),
        }
    }

    async fn update(
        &self,
        run: &RunKey,
        name: &str,
        request: UpdateRequest,
        wait: Duration,
    ) -> Result<UpdateReply, ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        let UpdateRequest { args, update_id, wait_for } = request;
        let update_id = update_id.map_or_else(made_up_id, Ok)?;
        let asked = UpdateAsked { key: key.clone(), name: name.into(), args, update_id, stage: wait_for };
        let ask = async |stage| {
            let asked = UpdateAsked { stage, ..asked.clone() };
            match self.shared.ask(&key, Request::Update(Box::new(asked.clone()))).await? {
                Answer::Update(reply) => Ok(*reply),
                Answer::NotOpen => {
                    let (_, events) = answer::closed_run(&self.shared, &key).await?;
                    let known = outcome_in(&events, &asked.update_id, name).map_err(|_| refusal::update_id_taken())?;
                    known.ok_or_else(|| refusal::run_closed(key.workflow_id.as_str()))
                }
                other => Err(unexpected(&other)),
            }
        };
        if wait_for == UpdateStage::Completed
            && !wait.is_zero()
            && let Ok(reply) = tokio::time::timeout(self.shared.longest(wait), ask(UpdateStage::Completed)).await
        {
            return reply;
        }
        ask(UpdateStage::Accepted).await
    }

    async fn query(&self, run: &RunKey, name: &str, args: Value) -> Result<Value, ApiError> {
        let key = self.shared.key(run)?;
        let ask = Request::Query { key: key.clone(), name: name.into(), args: args.clone() };
        match self.shared.ask(&key, ask).await? {
            Answer::Value(value) => Ok(value.value()),
            Answer::NotOpen => {
                let (_, events) = answer::closed_run(&self.shared, &key).await?;
                let run = answer::reopened(&self.shared, events).await?;
                let max = self.shared.limits.payload_bytes_max;
                query_run(&run, name, &args, max).map(|value| value.value())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn result(&self, run: &RunKey, wait: Duration) -> Result<ResultReply, ApiError> {
        let key = self.shared.key(run)?;
        let ended = async {
            match self.shared.ask(&key, Request::Ended(key.clone())).await? {
                Answer::Ended { run, last } => Ok(answer::result_of(&run, &last)),
                Answer::NotOpen => {
                    let (row, events) = answer::closed_run(&self.shared, &key).await?;
                    let run = weft_protocol::event::RunRef { workflow_id: row.workflow_id, run_id: row.run_id };
                    let last = events.last().ok_or_else(|| refusal::store_broken("a history is empty"))?;
                    Ok(answer::result_of(&run, last))
                }
                other => Err(unexpected(&other)),
            }
        };
        if !wait.is_zero()
            && let Ok(reply) = tokio::time::timeout(self.shared.longest(wait), ended).await
        {
            return reply;
        }
        let now = self.describe(run).await?;
        Ok(ResultReply {
            workflow_id: now.row.workflow_id,
            run_id: now.row.run_id,
            status: now.row.status,
            result: now.result,
            failure: now.failure,
            stuck: now.stuck,
            next_run: now.next_run,
        })
    }

    async fn describe(&self, run: &RunKey) -> Result<RunDescription, ApiError> {
        let key = self.shared.key(run)?;
        match self.shared.ask(&key, Request::Describe(key.clone())).await? {
            Answer::Description(description) => Ok(*description),
            Answer::NotOpen => {
                let (row, events) = answer::closed_run(&self.shared, &key).await?;
                Ok(answer::describe_closed(&row, &events))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn list(&self, namespace: &str, query: ListQuery) -> Result<RunPage, ApiError> {
        self.shared.list(namespace, query).await
    }

    async fn count(&self, namespace: &str, query: CountQuery) -> Result<CountReply, ApiError> {
        self.shared.count(namespace, query).await
    }

    async fn batch(&self, namespace: &str, request: BatchRequest) -> Result<BatchReply, ApiError> {
        self.batch_page(namespace, request).await
    }

    async fn namespaces(&self) -> Result<NamespaceList, ApiError> {
        Ok(NamespaceList { namespaces: self.shared.namespaces()? })
    }

    async fn namespace(&self, name: &str) -> Result<NamespaceInfo, ApiError> {
        self.shared.describe_namespace(name)
    }

    async fn create_namespace(&self, request: NamespaceRequest) -> Result<NamespaceInfo, ApiError> {
        self.shared.create_namespace(request).await
    }

    async fn change_namespace(&self, name: &str, to: NamespaceChange) -> Result<NamespaceInfo, ApiError> {
        self.shared.change_namespace(name, to).await
    }

    async fn delete_namespace(&self, name: &str) -> Result<(), ApiError> {
        self.shared.delete_namespace(name).await
    }

    async fn history(&self, run: &RunKey, after: u64, limit: usize, wait: Duration) -> Result<HistoryPage, ApiError> {
        let key = self.shared.key(run)?;
        let limit = limit.clamp(1, self.shared.limits.page_rows_max);
        let ask = |follow| self.shared.ask(&key, Request::History { key: key.clone(), after, limit, follow });
        let answer = match wait.is_zero() {
            true => ask(false).await?,
            false => match tokio::time::timeout(self.shared.longest(wait), ask(true)).await {
                Ok(answer) => answer?,
                // Nothing came, or this machine is too busy to say so in time: then what there is.
                Err(_) => ask(false).await?,
            },
        };
        match answer {
            Answer::Events { codes, events, complete, .. } => {
                Ok(HistoryPage { events: answer::events_json(&self.shared, &codes, &events).await?, complete })
            }
            Answer::NotOpen => {
                let (_, events) = answer::closed_run(&self.shared, &key).await?;
                answer::closed_history(&self.shared, &events, after, limit).await
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn cancel(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        let StopRequest { reason, request_id } = request;
        match self.shared.ask(&key, Request::Cancel { key: key.clone(), reason, request_id }).await? {
            // It wants nothing more than an end.
            Answer::NotOpen => answer::closed_run(&self.shared, &key).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn reset(&self, run: &RunKey, request: ResetRequest) -> Result<ResetReply, ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        let mut order = reset_order(key.clone(), request)?;
        let mut answer = self.shared.ask(&key, Request::Reset(Box::new(order.clone()))).await?;
        for _ in 0..answer::RESET_READS_MAX {
            let Answer::Bring { deletes } = answer else { break };
            let core = self.shared.core()?;
            let part = core.links.partition_of_key(&key);
            let chain = answer::closed_chain(&*core.journal, &self.shared.programs, part, &key, deletes).await?;
            order.closed = Some(chain);
            answer = self.shared.ask(&key, Request::Reset(Box::new(order.clone()))).await?;
        }
        match answer {
            Answer::Started { run, .. } => {
                Ok(ResetReply { workflow_id: run.workflow_id.to_string(), run_id: run.run_id.to_string() })
            }
            Answer::Bring { .. } => Err(refusal::reset_overtaken()),
            other => Err(unexpected(&other)),
        }
    }

    async fn delete(&self, namespace: &str, workflow_id: &str) -> Result<(), ApiError> {
        self.shared.forget(&RunKey { namespace: namespace.into(), workflow_id: workflow_id.into(), run_id: None }).await
    }

    async fn terminate(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        match self.shared.ask(&key, Request::Terminate { key: key.clone(), reason: request.reason }).await? {
            Answer::NotOpen => {
                answer::closed_run(&self.shared, &key).await?;
                Err(refusal::run_closed(key.workflow_id.as_str()))
            }
            _ => Ok(()),
        }
    }

    async fn workflow(&self, namespace: &str, name: &str) -> Result<WorkflowSignature, ApiError> {
        self.shared.core()?;
        let (program, index) = self.shared.current(namespace, name)?;
        Ok(signature::of(program.program(), &program.program().workflows[usize::from(index)]))
    }

    async fn run_workflow(&self, run: &RunKey) -> Result<WorkflowSignature, ApiError> {
        let key = self.shared.key(run)?;
        let (program, workflow) = match self.shared.ask(&key, Request::Code(key.clone())).await? {
            Answer::Code { program, workflow } => (program, workflow),
            Answer::NotOpen => {
                let (_, events) = answer::closed_run(&self.shared, &key).await?;
                let run = answer::reopened(&self.shared, events).await?;
                (run.loaded().clone(), run.workflow_index())
            }
            other => return Err(unexpected(&other)),
        };
        Ok(signature::of(program.program(), &program.program().workflows[usize::from(workflow)]))
    }

    async fn schedule(
        &self,
        namespace: &str,
        name: &str,
        request: ScheduleRequest,
    ) -> Result<Option<ScheduleDescription>, ApiError> {
        schedules::schedule(&self.shared, namespace, name, request).await
    }

    async fn schedules(&self, namespace: &str) -> Result<ScheduleList, ApiError> {
        schedules::all(&self.shared, namespace).await
    }

    async fn poll(&self, namespace: &str, queue: &str, request: PollRequest) -> Result<PollReply, ApiError> {
        let core = self.shared.work()?;
        self.shared.namespaces.get(namespace)?;
        let plan = PollPlan::read(&request, &self.shared.limits)?;
        for token in &plan.holding {
            // A worker from before a restart still has it.
            let Some(claimed) = self.shared.queues.claim(namespace, *token) else { continue };
            if core.links.deliver(attempt_of(*token)).await == Delivery::NotNow {
                // Its time does not run yet; and if this worker does not come again, another must get it.
                self.shared.queues.reserve_again(claimed, self.shared.reclaim_grace());
                return Err(unsure());
            }
        }
        let until = tokio::time::Instant::now() + plan.wait;
        loop {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let handout = self.shared.queues.poll(namespace, queue, plan.max, left).await;
            let attempts = handout.tasks().iter().map(|task| attempt_of(TaskToken::of(task)));
            let begins = futures::future::join_all(attempts.map(|attempt| core.links.deliver(attempt))).await;
            if begins.contains(&Delivery::NotNow) && !begins.contains(&Delivery::Begins) {
                // The handout goes back to its queue.
                return Err(unsure());
            }
            let now = self.shared.options.clock.now();
            // What has begun is this worker's: it may be that it never begins again. The rest goes back.
            let (theirs, _not_now) = handout.split(|n| begins.get(n) != Some(&Delivery::NotNow));
            let has_begun = begins.iter().filter(|begins| **begins != Delivery::NotNow);
            let tasks: Vec<_> = theirs
                .accept()
                .iter()
                .zip(has_begun)
                .filter(|(_, begins)| **begins == Delivery::Begins)
                .map(|(task, _)| worker_task(task, task.options.timeout_ms.map(|timeout| now.plus_ms(timeout))))
                .collect();
            // What was handed out and canceled in the same moment is nothing to answer with.
            if !tasks.is_empty() || tokio::time::Instant::now() >= until {
                return Ok(PollReply { tasks });
            }
        }
    }

    async fn complete(&self, namespace: &str, token: &str, result: Value) -> Result<(), ApiError> {
        self.shared.end_attempt(namespace, token, WorkerOutcome::Completed(result)).await
    }

    async fn fail(
        &self,
        namespace: &str,
        token: &str,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> Result<(), ApiError> {
        self.shared.fits(&failure)?;
        let retry_after_ms = retry_after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        self.shared.end_attempt(namespace, token, WorkerOutcome::Failed { failure, retry_after_ms }).await
    }

    async fn heartbeat(
        &self,
        namespace: &str,
        token: &str,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        let core = self.shared.work()?;
        let (attempt, claimed) = self.shared.claimed(namespace, token)?;
        let request = Request::Heartbeat { namespace: namespace.into(), attempt, progress };
        let answer = core.links.ask(attempt.run.partition(), request).await;
        match self.shared.unless_refused(claimed, answer)? {
            Answer::Alive(told) => Ok(told),
            other => Err(unexpected(&other)),
        }
    }

    async fn activity(&self, run: &RunKey, which: &ActivityKey, act: ActivityAct) -> Result<HeartbeatReply, ApiError> {
        self.shared.work()?;
        let key = self.shared.key(run)?;
        if let ActivityAct::Fail { failure, .. } = &act {
            self.shared.fits(failure)?;
        }
        let ask = Request::Activity { key: key.clone(), which: which.clone(), act };
        match self.shared.ask(&key, ask).await? {
            Answer::Alive(told) => Ok(told),
            Answer::Done => Ok(HeartbeatReply::default()),
            Answer::NotOpen => {
                answer::closed_run(&self.shared, &key).await?;
                Err(refusal::run_closed(key.workflow_id.as_str()))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn ready(&self) -> Result<(), ApiError> {
        let core = self.shared.core()?;
        if self.shared.away.load(Ordering::Relaxed) || !self.shared.lease.valid() {
            return Err(refusal::store_away("appends are not answered"));
        }
        core.journal.ping().await.map_err(|error| refusal::of_store(&error))
    }
}

impl Shared {
    async fn ask(&self, key: &Key, request: Request) -> Reply {
        let core = self.core()?;
        core.links.ask(core.links.partition_of_key(key), request).await
    }

    /// What names a run. Nothing that could not be written is looked for: no database has text with a zero byte.
    fn key(&self, run: &RunKey) -> Result<Key, ApiError> {
        self.core()?;
        self.namespaces.get(&run.namespace)?;
        if run.workflow_id.chars().any(char::is_control) {
            return Err(refusal::run_not_found(&run.workflow_id.escape_debug().to_string(), run.run_id.as_deref()));
        }
        let run_id = run.run_id.as_deref().map(str::parse::<RunId>).transpose().map_err(|_| {
            ApiError::new(400, "wrong_parameter", "a run id has 16 hexadecimal digits")
                .at("run", "16 hexadecimal digits")
        })?;
        Ok(Key {
            namespace: run.namespace.as_str().into(),
            workflow_id: WorkflowId::from(run.workflow_id.as_str()),
            run_id,
        })
    }

    /// Whether a reported failure has room in a history.
    fn fits(&self, failure: &Failure) -> Result<(), ApiError> {
        let (bytes, max) = (failure.to_json().to_string().len(), self.limits.payload_bytes_max);
        match bytes > max {
            true => Err(refusal::too_large("the failure", bytes, "payload_bytes_max", max)),
            false => Ok(()),
        }
    }

    fn longest(&self, wait: Duration) -> Duration {
        wait.min(Duration::from_millis(u64::try_from(self.limits.long_poll_max_ms).unwrap_or(0)))
    }

    fn reclaim_grace(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.limits.reclaim_grace_ms).unwrap_or(0))
    }

    fn current(&self, namespace: &str, workflow: &str) -> Result<(Arc<weft_vm::Loaded>, u16), ApiError> {
        self.namespaces.get(namespace)?;
        self.programs.current(namespace, workflow).ok_or_else(|| {
            let known = self.programs.workflows(namespace);
            refusal::workflow_not_found(namespace, workflow, &known)
        })
    }

    /// Deletes an id, if the run that is named is its newest.
    pub(super) async fn forget(&self, run: &RunKey) -> Result<(), ApiError> {
        self.work()?;
        let key = self.key(run)?;
        if matches!(self.ask(&key, Request::Code(key.clone())).await?, Answer::NotOpen) {
            answer::closed_run(self, &key).await?;
        }
        self.ask(&key, Request::Delete(key.clone())).await.map(drop)
    }

    /// A checked start.
    fn order(&self, namespace: &str, request: StartRequest) -> Result<StartOrder, ApiError> {
        let (program, workflow) = self.current(namespace, &request.workflow)?;
        checked_start(program, workflow, request, namespace, &self.limits)
    }

    /// The attempt of a token; a worker that names it has it, which was kept back for it until now.
    fn claimed(&self, namespace: &str, token: &str) -> Result<(AttemptRef, Option<Reserved>), ApiError> {
        let core = self.core()?;
        self.namespaces.get(namespace)?;
        let token: TaskToken = token.parse().map_err(|_| refusal::attempt_gone())?;
        if token.run_id.partition().0 >= core.links.partitions() {
            return Err(refusal::attempt_gone());
        }
        Ok((attempt_of(token), self.queues.claim(namespace, token)))
    }

    /// A worker whose word is refused does not have its attempt yet: if it does not come again, another must get it.
    fn unless_refused(&self, claimed: Option<Reserved>, answer: Reply) -> Reply {
        if let (Some(claimed), Err(error)) = (claimed, &answer)
            && error.code != refusal::attempt_gone().code
        {
            self.queues.reserve_again(claimed, self.reclaim_grace());
        }
        answer
    }

    async fn end_attempt(&self, namespace: &str, token: &str, outcome: WorkerOutcome) -> Result<(), ApiError> {
        let core = self.work()?;
        let (attempt, claimed) = self.claimed(namespace, token)?;
        let request = Request::EndAttempt { namespace: namespace.into(), attempt, outcome };
        let answer = core.links.ask(attempt.run.partition(), request).await;
        self.unless_refused(claimed, answer).map(drop)
    }
}

/// A checked reset.
pub(crate) fn reset_order(key: Key, request: ResetRequest) -> Result<ResetOrder, ApiError> {
    let point = match (request.event, request.to) {
        (Some(event), None) => Point::Event(EventId(event)),
        (None, Some(ResetPoint::First)) => Point::First,
        (None, Some(ResetPoint::Last)) => Point::Last,
        _ => {
            let wrong = ApiError::new(422, "wrong_input", "a reset goes to an event, to `first` or to `last`");
            return Err(wrong.at("event", "the number of an event, or `to` in its place"));
        }
    };
    let without = Without {
        signals: request.exclude.contains(&ResetWithout::Signals),
        updates: request.exclude.contains(&ResetWithout::Updates),
    };
    let ResetRequest { same_code, reason, request_id, .. } = request;
    Ok(ResetOrder { key, point, without, same_code, reason, request_id, closed: None })
}

/// An id for an update or a batch that came without one.
pub(super) fn made_up_id() -> Result<String, ApiError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| ApiError::new(500, "internal", format!("no randomness: {error}")))?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unsure() -> ApiError {
    refusal::store_away("this node is not sure of its lease")
}

fn attempt_of(token: TaskToken) -> AttemptRef {
    AttemptRef { run: token.run_id, scheduled: token.scheduled, attempt: token.attempt }
}

/// A partition answers each request with its own kind of answer; anything else is a mistake of ours.
pub(super) fn unexpected(answer: &Answer) -> ApiError {
    ApiError::new(500, "internal", format!("a partition gave an answer to something else: {answer:?}"))
        .help("please report this")
}
