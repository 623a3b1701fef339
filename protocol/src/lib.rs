//! The words of run time: all that is durable or on the wire. Data only; what follows from what is `engine`'s.

pub mod api;
pub mod command;
pub mod event;
pub mod failure;
pub mod id;
pub mod limits;
pub mod moving;
pub mod payload;
pub mod policy;
pub mod schedule;

pub use command::{Command, CommandId, FiberPath};
pub use event::{Event, EventKind};
pub use failure::Failure;
pub use id::{EventId, LogSeq, PartitionId, RunId, Timestamp, WorkflowId};
pub use payload::Payload;
pub use schedule::{ScheduleEvent, ScheduleEventKind, ScheduleRef};
