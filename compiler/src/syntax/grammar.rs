//! The generated parser for `grammar.pest`.

use pest::Parser;
use pest::iterators::Pairs;

#[derive(pest_derive::Parser)]
#[grammar = "syntax/grammar.pest"]
struct Grammar;

/// pest met the end of the stack.
pub(super) struct StackEnds;

/// Matches the text of one item. The grammar is total, so nothing else can go wrong.
pub(super) fn read(text: &str) -> Result<Pairs<'_, Rule>, StackEnds> {
    Grammar::parse(Rule::file, text).map_err(|_| StackEnds)
}
