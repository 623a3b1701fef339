//! How large types are that are known by their parts and not by a name. A program holds none that are larger than what
//! its verifier lets through; and what walks through a type of the compiler comes to an end.

use weft_bytecode::verify::{NESTING_MAX, PARTS_MAX};

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Parts and levels of a type. Whatever has a name counts as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    parts: usize,
    levels: usize,
}

impl Extent {
    pub(crate) const ONE: Extent = Extent { parts: 1, levels: 1 };

    /// Of a type that is written with others.
    pub(crate) fn around(parts: impl IntoIterator<Item = Extent>) -> Extent {
        parts.into_iter().fold(Extent::ONE, |whole, part| Extent {
            parts: whole.parts.saturating_add(part.parts),
            levels: whole.levels.max(part.levels.saturating_add(1)),
        })
    }

    pub(crate) fn is_too_large(self) -> bool {
        self.parts > PARTS_MAX || self.levels > NESTING_MAX
    }
}

/// WF1020 for a type.
pub(crate) fn too_large(span: Span) -> Diagnostic {
    let message = "a type without a name is too large";
    Diagnostic::error("WF1020", span, message)
        .label("this needs it")
        .why(format!(
            "it has at most {PARTS_MAX} parts and {NESTING_MAX} levels, each part counted as often as it occurs"
        ))
        .help("declare a `record` for a part of it: a name counts as one")
}
