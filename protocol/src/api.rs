//! Requests and answers of the API: what HTTP, the CLI and the runtime's handle share.

mod deploy;
mod error;
mod message;
mod namespace;
mod queue;
mod reset;
mod run;
mod schedule;
mod select;
mod start;

pub use self::deploy::{DeployReply, MessageSignature, ParamSignature, TextForm, WorkflowSignature};
pub use self::error::ApiError;
pub use self::message::{MessageRequest, StopRequest, UpdateReply, UpdateRequest, UpdateStage, UpdateStatus};
pub use self::namespace::{NamespaceChange, NamespaceInfo, NamespaceList, NamespaceRequest};
pub use self::queue::{HeartbeatReply, PollReply, PollRequest, QueueTask};
pub use self::reset::{ResetPoint, ResetReply, ResetRequest, ResetWithout};
pub use self::run::{
    FiberWait, HistoryPage, PendingActivity, PendingChild, PendingUpdate, ResultReply, RunDescription, RunRow, Status,
    Stuck,
};
pub use self::schedule::{
    BackfillRequest, NoteRequest, ScheduleAction, ScheduleBody, ScheduleDescription, ScheduleList, ScheduleRow,
    TriggerAnswer, TriggerRequest,
};
pub use self::select::{
    BatchOperation, BatchOutcome, BatchReply, BatchRequest, BatchRun, CountBy, CountGroup, CountQuery, CountReply,
    ListQuery, RunPage, Selection,
};
pub use self::start::{FirstSignal, FirstUpdate, RetryRequest, StartReply, StartRequest};
