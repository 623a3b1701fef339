//! The generated parser for `grammar.pest`.

use pest::Parser;
use pest::iterators::Pairs;

#[derive(pest_derive::Parser)]
#[grammar = "syntax/grammar.pest"]
struct Grammar;

/// Matches the text of one item. The grammar is total: an error means that pest ran out of stack.
pub(super) fn read(text: &str) -> Result<Pairs<'_, Rule>, Box<pest::error::Error<Rule>>> {
    Grammar::parse(Rule::file, text).map_err(Box::new)
}
