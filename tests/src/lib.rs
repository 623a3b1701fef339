//! What the tests share: real databases, the built binary as a process, waiting for conditions.

pub mod binary;
pub mod cases;
pub mod determinism;
pub mod generate;
pub mod measure;
pub mod planted;
pub mod postgres;
pub mod project;
pub mod reference;
pub mod server;
