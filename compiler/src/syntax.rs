//! Text → tree. The only place that knows pest.
pub mod ast;
