//! The machine from outside: hand-assembled programs, what they command, how they end.

mod asm;
mod bounds;
mod calendar;
mod cancel;
mod codec;
mod control;
mod cost;
mod fibers;
mod forged;
mod keyed;
mod natives;
mod objects;
mod pattern;
mod regions;
mod scalars;
mod scopes;
mod size;
mod updates;
mod validation;
mod values;
