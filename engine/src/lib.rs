//! What follows from what happened: [`Input`] → [`Transition`] for one run. Pure and synchronous: no clock, no store,
//! no random; time and ids arrive as arguments.

pub mod input;
pub mod transition;

pub use input::{AlarmKey, Input};
pub use transition::{Outgoing, Record, Refused, Transition};
