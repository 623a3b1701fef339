//! What people see: histories, tables, progress, diagnostics. Text only; writing it out is `output`'s.

pub(crate) mod diagnostics;
pub(crate) mod event;
pub(crate) mod live;
pub(crate) mod moving;
pub(crate) mod progress;
pub(crate) mod safe;
pub(crate) mod table;
pub(crate) mod time;

/// `1 file`, `2 files`.
pub(crate) fn counted(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}
