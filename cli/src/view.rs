//! What people see: histories, tables, progress, diagnostics. Text only; writing it out is `output`'s.

pub(crate) mod diagnostics;
pub(crate) mod event;
pub(crate) mod live;
pub(crate) mod progress;
pub(crate) mod table;
pub(crate) mod time;
