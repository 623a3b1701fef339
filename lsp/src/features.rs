//! One file per question an editor asks. Pure: a document or a finding in, an answer out.

pub(crate) mod actions;
pub(crate) mod folding;
pub(crate) mod symbols;
