//! The way from a client or worker to a node and back: requests and answers take time, get lost and arrive twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use weft_protocol::Failure;
use weft_protocol::api::{
    ApiError, HistoryPage, ListQuery, MessageRequest, PollRequest, QueueTask, ResetReply, ResetRequest, ResultReply,
    RunDescription, RunPage, ScheduleDescription, Selection, StartReply, StartRequest, Status, StopRequest,
    UpdateReply, UpdateRequest,
};
use weft_runtime::api::{Api, RunKey, ScheduleRequest};
use weft_runtime::node::Node;
use weft_runtime::sandbox::NAMESPACE;

use crate::cluster::Cluster;
use crate::world::{Bad, World};

/// What a client or worker asks of a node.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Start(Box<StartRequest>),
    Signal(RunKey, String, MessageRequest),
    Update(RunKey, String, UpdateRequest),
    Query(RunKey, String),
    Cancel(RunKey, StopRequest),
    Terminate(RunKey, StopRequest),
    Reset(RunKey, Box<ResetRequest>),
    Schedule(String, Box<ScheduleRequest>),
    Result(RunKey),
    Describe(RunKey),
    History(RunKey),
    /// Open runs.
    Open,
    Poll(PollRequest),
    Complete(String, Value),
    Fail(String, Failure),
    Heartbeat(String, Value),
}

/// A good answer.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    Started(StartReply),
    Done,
    Updated(Box<UpdateReply>),
    Value(Value),
    Result(Box<ResultReply>),
    Description(Box<RunDescription>),
    Reset(ResetReply),
    /// Nothing if it is gone.
    Schedule(Option<Box<ScheduleDescription>>),
    History(HistoryPage),
    Runs(RunPage),
    Tasks(Vec<QueueTask>),
    /// Whether the attempt should stop.
    Alive(bool),
}

/// Why there is no good answer.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// None came: it may have been done.
    Lost,
    /// It was refused.
    Refused(ApiError),
}

/// Whether a refusal is not for good: the same may be asked again.
fn passes(error: &ApiError) -> bool {
    matches!(error.status, 503 | 429)
}

/// An answer as a number for the trace.
fn outcome(said: &Result<Said, Trouble>) -> u64 {
    match said {
        Ok(Said::Tasks(tasks)) => 1_000 + tasks.len() as u64,
        Ok(Said::History(page)) => 2_000 + page.events.len() as u64,
        Ok(_) => 1,
        Err(Trouble::Lost) => 2,
        Err(Trouble::Refused(error)) => u64::from(error.status),
    }
}

/// The queue of all activities.
pub(crate) const QUEUE: &str = "q";
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a node is asked to wait for what is not there yet.
const LONG_POLL: Duration = Duration::from_millis(1_500);

/// Names the newest run of an id.
pub(crate) fn key(id: &str) -> RunKey {
    RunKey { namespace: NAMESPACE.into(), workflow_id: id.into(), run_id: None }
}

/// The network of a world.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    pub(crate) world: Arc<World>,
    pub(crate) cluster: Arc<Cluster>,
}

impl Net {
    /// Asks some node once.
    pub(crate) async fn ask(&self, op: &Op) -> Result<Said, Trouble> {
        let world = &self.world;
        if may_repeat(op) && world.happens(Bad::Twice) {
            let (net, op) = (self.clone(), op.clone());
            let later = if world.percent(70) { world.below(60) } else { world.below(5_000) };
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(later)).await;
                let again = net.once(&op).await;
                net.world.mark("twice", outcome(&again), || format!("{op:?} {again:?}"));
            });
        }
        let said = tokio::time::timeout(PATIENCE, self.once(op)).await.unwrap_or(Err(Trouble::Lost));
        world.mark(name(op), outcome(&said), || format!("{op:?} {said:?}"));
        if let Err(Trouble::Refused(error)) = &said
            && error.status == 500
        {
            world.fail(format!("{op:?}: {error:?}"));
        }
        said
    }

    /// Asks until somebody says something for good.
    pub(crate) async fn insist(&self, op: &Op) -> Result<Said, ApiError> {
        let mut longest = 40;
        loop {
            match self.ask(op).await {
                Ok(said) => return Ok(said),
                Err(Trouble::Refused(error)) if !passes(&error) => return Err(error),
                Err(trouble) if self.world.is_silent() => {
                    self.world.fail(format!("nobody has answered {op:?} for good: {trouble:?}"));
                    return Err(ApiError::new(504, "late", "nobody has answered"));
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(self.world.between(10, longest))).await;
            longest = (longest * 2).min(1_000);
        }
    }

    async fn once(&self, op: &Op) -> Result<Said, Trouble> {
        let world = &self.world;
        self.pause().await;
        let known = self.cluster.serving().filter(|_| world.percent(75));
        let slot = known.unwrap_or_else(|| world.below(self.cluster.slots() as u64) as usize);
        let lost = world.happens(Bad::RequestLost);
        let Some((node, host)) = self.cluster.node(slot).filter(|_| !lost) else { return Err(Trouble::Lost) };
        let said = tokio::select! {
            biased;
            () = host.died() => return Err(Trouble::Lost),
            said = perform(&node, op) => said,
        };
        self.pause().await;
        if world.happens(Bad::AnswerGone) {
            return Err(Trouble::Lost);
        }
        said.map_err(Trouble::Refused)
    }

    async fn pause(&self) {
        let world = &self.world;
        let long = match world.happens(Bad::SlowNet) {
            true => world.between(10, 1_500),
            false => world.below(4),
        };
        if long > 0 {
            tokio::time::sleep(Duration::from_millis(long)).await;
        }
    }
}

/// Whether the network may bring it twice: a poll is no request to do something, and a schedule that was deleted would be
/// made again.
fn may_repeat(op: &Op) -> bool {
    match op {
        Op::Poll(_) => false,
        Op::Schedule(_, request) => !matches!(**request, ScheduleRequest::Create(_)),
        _ => true,
    }
}

fn name(op: &Op) -> &'static str {
    match op {
        Op::Start(_) => "start",
        Op::Signal(..) => "signal",
        Op::Update(..) => "update",
        Op::Query(..) => "query",
        Op::Cancel(..) => "cancel",
        Op::Terminate(..) => "terminate",
        Op::Reset(..) => "reset",
        Op::Schedule(..) => "schedule",
        Op::Result(_) => "result",
        Op::Describe(_) => "describe",
        Op::History(_) => "history",
        Op::Open => "list",
        Op::Poll(_) => "poll",
        Op::Complete(..) => "complete",
        Op::Fail(..) => "fail",
        Op::Heartbeat(..) => "heartbeat",
    }
}

async fn perform(node: &Node, op: &Op) -> Result<Said, ApiError> {
    Ok(match op.clone() {
        Op::Start(request) => Said::Started(node.start(NAMESPACE, *request).await?),
        Op::Signal(run, name, request) => done(node.signal(&run, &name, request).await)?,
        Op::Update(run, name, request) => Said::Updated(Box::new(node.update(&run, &name, request, LONG_POLL).await?)),
        Op::Query(run, name) => Said::Value(node.query(&run, &name, Value::Object(Default::default())).await?),
        Op::Cancel(run, request) => done(node.cancel(&run, request).await)?,
        Op::Terminate(run, request) => done(node.terminate(&run, request).await)?,
        Op::Reset(run, request) => Said::Reset(node.reset(&run, *request).await?),
        Op::Schedule(name, request) => Said::Schedule(node.schedule(NAMESPACE, &name, *request).await?.map(Box::new)),
        Op::Result(run) => Said::Result(Box::new(node.result(&run, LONG_POLL).await?)),
        Op::Describe(run) => Said::Description(Box::new(node.describe(&run).await?)),
        Op::History(run) => Said::History(node.history(&run, 0, usize::MAX, Duration::ZERO).await?),
        Op::Open => {
            let select = Selection { status: Some(Status::Running), ..Selection::default() };
            let query = ListQuery { select, ..ListQuery::default() };
            Said::Runs(node.list(NAMESPACE, query).await?)
        }
        Op::Poll(request) => Said::Tasks(node.poll(NAMESPACE, QUEUE, request).await?.tasks),
        Op::Complete(token, result) => done(node.complete(NAMESPACE, &token, result).await)?,
        Op::Fail(token, failure) => done(node.fail(NAMESPACE, &token, failure, None).await)?,
        Op::Heartbeat(token, progress) => {
            Said::Alive(node.heartbeat(NAMESPACE, &token, Some(progress)).await?.cancel_requested)
        }
    })
}

fn done(answer: Result<(), ApiError>) -> Result<Said, ApiError> {
    answer.map(|()| Said::Done)
}
