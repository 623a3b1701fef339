//! Program + state + [`Activation`] → [`Step`]: pure, resumable, with the whole state of a run as data.
//!
//! No clock, no random, no I/O: time, seed and what history recorded arrive as arguments.

pub mod step;

pub use step::{Activation, Context, Outcome, Step, Then, Trap, TrapKind, Wait, WaitOn};
