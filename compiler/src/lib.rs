//! Source text → [`weft_bytecode::Program`]. Pure: sources come as text, diagnostics go out as values.
//!
//! `syntax` (text → ast) → `hir` (names bound, sugar gone) → `types` → `effects` → `codegen`.
//! User mistakes are [`Diagnostic`]s; no stage fails because the source is wrong.

pub mod analysis;
pub mod diagnostic;
pub mod fix;
pub mod format;
pub mod graph;
pub mod index;
pub mod source;
pub mod syntax;

mod codegen;
mod effects;
mod hir;
mod parallel;
mod stdlib;
mod types;

pub use analysis::{Analysis, Defaults, Indexed, Project, TestAnalysis, compile, compile_indexed, compile_tests};
pub use diagnostic::{Diagnostic, Severity};
pub use source::{FileId, Source, Span};

#[cfg(test)]
mod tests;
