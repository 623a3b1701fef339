//! The grammar of Weft for [tree-sitter](https://tree-sitter.github.io), and the queries that editors use with it.
//!
//! `LANGUAGE.into()` is the language that a `tree_sitter::Parser` wants. Only the tests of this repository use this crate;
//! the compiler reads programs by its own grammar.

use tree_sitter_language::LanguageFn;

#[allow(
    unsafe_code,
    reason = "the parser is C that tree-sitter generates; its one function takes nothing and gives a table"
)]
mod c {
    use super::LanguageFn;

    unsafe extern "C" {
        fn tree_sitter_weft() -> *const ();
    }

    // SAFETY: the function is the one that tree-sitter generated for this language.
    pub(super) const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_weft) };
}

/// The language.
pub const LANGUAGE: LanguageFn = c::LANGUAGE;
/// What each node may hold.
pub const NODE_TYPES: &str = include_str!("../../src/node-types.json");
/// Which nodes are shown how.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// What can be folded.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
/// Where lines are indented.
pub const INDENTS_QUERY: &str = include_str!("../../queries/indents.scm");
/// Where text of another language stands.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
/// Scopes, and which names are bound and used in them.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");
/// Declarations, and what refers to them.
pub const TAGS_QUERY: &str = include_str!("../../queries/tags.scm");
