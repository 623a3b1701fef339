//! The world: stores, clocks, loops, workers, HTTP. Everything below this crate is pure; everything here only carries
//! Inputs to the engine and Transitions to the store, and lets nothing out before it is durable.

pub mod activities;
pub mod api;
mod carry;
pub mod clock;
pub mod closed;
pub mod commit;
pub mod config;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod frame;
pub mod http;
mod loops;
pub mod namespaces;
pub mod node;
pub mod ownership;
pub mod partition;
pub mod programs;
pub mod refusal;
pub mod sandbox;
pub mod store;
pub mod telemetry;
pub mod testing;
