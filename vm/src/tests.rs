//! The machine from outside: hand-assembled programs, what they command, how they end.

mod asm;
mod fibers;
