//! Program + state + [`Activation`] → [`Step`]: pure, resumable, with the whole state of a run as data.
//!
//! No clock, no random, no I/O: time, seed and what history recorded arrive as arguments.

mod coverage;
mod fiber;
mod frame;
mod heap;
mod interp;
mod layout;
mod limits;
mod loaded;
mod machine;
mod native;
mod random;
mod region;
mod scope;
mod snapshot;
pub mod step;
mod table;
mod value;

pub use loaded::Loaded;
pub use machine::{QueryFailure, Vm};
pub use snapshot::SnapshotError;
pub use step::{Activation, Context, Outcome, Step, Then, Trap, TrapKind, Wait, WaitOn};

#[cfg(test)]
mod tests;
