//! One file per question an editor asks. Pure: a document or a finding in, an answer out.

pub(crate) mod actions;
pub(crate) mod completion;
pub(crate) mod folding;
pub(crate) mod hints;
pub(crate) mod names;
pub(crate) mod rename;
pub(crate) mod signature;
pub(crate) mod symbols;
pub(crate) mod tokens;
