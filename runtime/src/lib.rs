//! The world: stores, clocks, loops, workers, HTTP. Everything below this crate is pure; everything here only carries
//! Inputs to the engine and Transitions to the store, and lets nothing out before it is durable.

pub mod activities;
pub mod api;
pub mod clock;
pub mod commit;
pub mod config;
pub mod frame;
pub mod http;
pub mod ownership;
pub mod store;
