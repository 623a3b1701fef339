//! What follows from what happened: [`Input`] → [`Transition`] for one run. Pure and synchronous: no clock, no store,
//! no random; time and ids arrive as arguments.

mod activity;
pub mod child;
pub mod history;
pub mod input;
pub mod options;
pub mod past;
pub mod replay;
pub mod reset;
mod retry;
pub mod run;
pub mod schedule;
pub mod signal;
pub mod signature;
pub mod snapshot;
pub mod successor;
mod timer;
pub mod transition;
pub mod trial;
pub mod update;
pub mod word;

pub use input::{AlarmKey, Input};
pub use past::Packed;
pub use replay::{RecoverError, program_of};
pub use run::{AttemptView, FirstSignal, QueryError, Run, Start};
pub use schedule::{Schedule, ScheduleEffect, ScheduleInput, ScheduleTransition};
pub use snapshot::Snapshot;
pub use successor::{Handover, Succession, Successor};
pub use transition::{Outgoing, Record, Refused, Steer, Transition, Word};
pub use trial::{Misfit, OldPlace, Patches, Trial};
