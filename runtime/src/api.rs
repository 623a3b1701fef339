//! What a caller can ask of Weft, wherever it is: [`Node`](crate::node) answers in process, the HTTP client of the cli
//! over the wire. The HTTP routes map one to one onto it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use weft_engine::Steer;
use weft_protocol::Failure;
use weft_protocol::api::{
    ApiError, BackfillRequest, BatchReply, BatchRequest, CountQuery, CountReply, DeployReply, HeartbeatReply,
    HistoryPage, ListQuery, MessageRequest, NamespaceChange, NamespaceInfo, NamespaceList, NamespaceRequest, PollReply,
    PollRequest, ResetReply, ResetRequest, ResultReply, RunDescription, RunPage, ScheduleDescription, ScheduleList,
    StartReply, StartRequest, StopRequest, TriggerRequest, UpdateReply, UpdateRequest, WorkflowSignature,
};
use weft_protocol::moving::{Moving, PatchesReply};

/// Names a run: by workflow id the newest run of that id, or one run of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKey {
    /// Namespace.
    pub namespace: String,
    /// Workflow id.
    pub workflow_id: String,
    /// Run id as 16 hex digits.
    pub run_id: Option<String>,
}

/// What a schedule is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleRequest {
    /// Make it: its definition.
    Create(Value),
    /// Give it another definition.
    Replace(Value),
    /// Everything known about it.
    Describe,
    /// Take no times any more, with a note.
    Pause(String),
    /// Take times again, with a note.
    Resume(String),
    /// Start one now.
    Trigger(TriggerRequest),
    /// Take all times of a range.
    Backfill(BackfillRequest),
    /// Be gone. Runs go on.
    Delete,
}

/// Names a pending activity of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityKey {
    /// Its name.
    pub name: String,
    /// Number of its `ActivityScheduled`, where several of the name are pending.
    pub event: Option<u64>,
}

/// What may be done to a pending activity from outside, by whoever knows its run.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityAct {
    /// It ends with a result.
    Complete {
        /// The result, not checked yet.
        result: Value,
    },
    /// Its attempt fails.
    Fail {
        /// The failure.
        failure: Failure,
        /// Replaces the policy's delay once, milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// Its attempt lives.
    Heartbeat {
        /// For the next attempt, not checked yet.
        progress: Option<Value>,
    },
    /// It is paused, goes on, or begins anew.
    Steer(Steer),
}

/// The operations of the API. Every answer is given only when what it says is durable. Inputs are checked against the
/// workflow's types first; what is wrong is refused with the path of the field and nothing is logged.
#[async_trait]
pub trait Api: Send + Sync {
    /// Stores an encoded Program and makes it current for its project; answers when new starts use it, and the open runs
    /// that are to move to it have.
    async fn deploy_moving(&self, namespace: &str, program: Vec<u8>, moving: Moving) -> Result<DeployReply, ApiError>;
    /// As [`Api::deploy_moving`], for new starts and stuck runs only.
    async fn deploy(&self, namespace: &str, program: Vec<u8>) -> Result<DeployReply, ApiError> {
        self.deploy_moving(namespace, program, Moving::Pin).await
    }
    /// What runs of its project have of the patches of an encoded Program. Nothing changes.
    async fn patches(&self, namespace: &str, program: Vec<u8>) -> Result<PatchesReply, ApiError>;
    /// Starts a run or joins one. An update that goes with it is not waited for: [`Api::update`] with its id does that.
    async fn start(&self, namespace: &str, request: StartRequest) -> Result<StartReply, ApiError>;
    /// Signals a run.
    async fn signal(&self, run: &RunKey, name: &str, request: MessageRequest) -> Result<(), ApiError>;
    /// Sends an update and waits, up to `wait`, until it has come as far as asked; sent again under its id it is waited
    /// for, not done twice.
    async fn update(
        &self,
        run: &RunKey,
        name: &str,
        request: UpdateRequest,
        wait: Duration,
    ) -> Result<UpdateReply, ApiError>;
    /// Reads a query or public state, of open and closed runs.
    async fn query(&self, run: &RunKey, name: &str, args: Value) -> Result<Value, ApiError>;
    /// The result, waiting up to `wait` for the end.
    async fn result(&self, run: &RunKey, wait: Duration) -> Result<ResultReply, ApiError>;
    /// Everything known about a run.
    async fn describe(&self, run: &RunKey) -> Result<RunDescription, ApiError>;
    /// Runs, open and closed, newest start first.
    async fn list(&self, namespace: &str, query: ListQuery) -> Result<RunPage, ApiError>;
    /// How many runs there are, open and closed.
    async fn count(&self, namespace: &str, query: CountQuery) -> Result<CountReply, ApiError>;
    /// Events after number `after`, at most `limit`; if there are none and the run is open, waits up to `wait`.
    async fn history(&self, run: &RunKey, after: u64, limit: usize, wait: Duration) -> Result<HistoryPage, ApiError>;
    /// Requests cancellation.
    async fn cancel(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError>;
    /// Lets a run go on from an earlier point of its history, as a new run of the same id.
    async fn reset(&self, run: &RunKey, request: ResetRequest) -> Result<ResetReply, ApiError>;
    /// Ends the open run of a workflow id, if there is one, and forgets all runs of it.
    async fn delete(&self, namespace: &str, workflow_id: &str) -> Result<(), ApiError>;
    /// Ends a run now.
    async fn terminate(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError>;
    /// What a client may send to the current code of a workflow.
    async fn workflow(&self, namespace: &str, name: &str) -> Result<WorkflowSignature, ApiError>;
    /// What a client may send to a run, by the code it is pinned to.
    async fn run_workflow(&self, run: &RunKey) -> Result<WorkflowSignature, ApiError>;
    /// One page of an operation on all open runs that a filter is true of.
    async fn batch(&self, namespace: &str, request: BatchRequest) -> Result<BatchReply, ApiError>;
    /// All namespaces.
    async fn namespaces(&self) -> Result<NamespaceList, ApiError>;
    /// A namespace.
    async fn namespace(&self, name: &str) -> Result<NamespaceInfo, ApiError>;
    /// Creates a namespace.
    async fn create_namespace(&self, request: NamespaceRequest) -> Result<NamespaceInfo, ApiError>;
    /// Changes a namespace.
    async fn change_namespace(&self, name: &str, to: NamespaceChange) -> Result<NamespaceInfo, ApiError>;
    /// Deletes a namespace without open runs.
    async fn delete_namespace(&self, name: &str) -> Result<(), ApiError>;
    /// Makes, shows or moves a schedule; answers with how it is then, or nothing if it is gone.
    async fn schedule(
        &self,
        namespace: &str,
        name: &str,
        request: ScheduleRequest,
    ) -> Result<Option<ScheduleDescription>, ApiError>;
    /// All schedules of a namespace, by name.
    async fn schedules(&self, namespace: &str) -> Result<ScheduleList, ApiError>;
    /// Tasks of a queue, waiting for the first.
    async fn poll(&self, namespace: &str, queue: &str, request: PollRequest) -> Result<PollReply, ApiError>;
    /// Ends an attempt with a result.
    async fn complete(&self, namespace: &str, token: &str, result: Value) -> Result<(), ApiError>;
    /// Ends an attempt with a failure.
    async fn fail(
        &self,
        namespace: &str,
        token: &str,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> Result<(), ApiError>;
    /// Says that an attempt lives, and is told what whoever works on it should know.
    async fn heartbeat(
        &self,
        namespace: &str,
        token: &str,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError>;
    /// Does something to a pending activity of a run.
    async fn activity(&self, run: &RunKey, which: &ActivityKey, act: ActivityAct) -> Result<HeartbeatReply, ApiError>;
    /// Ready to serve: the store answers and this node owns its partitions.
    async fn ready(&self) -> Result<(), ApiError>;
}

/// An [`Api`] shared by routes and commands.
pub type SharedApi = Arc<dyn Api>;
