//! The filter language of `weft list --filter`: text → a checked [`Filter`], and what it says of one run. Pure: no SQL, no
//! clock, no store. Owners of open runs ask [`matches()`]; the stores translate the same tree for closed runs, which they
//! have as columns and as a *search document* ([`search`]).
//!
//! # Missing values
//! Logic has two values. A test of something that a run does not have is false, `!=`, `not in` and `not between` included;
//! only `is null` is true of it. `not (…)` turns around what is inside, so `not (bags = 3)` is true of a run without bags.

mod key;
mod lex;
mod parse;
mod schema;
pub mod search;

use std::cmp::Ordering;

use weft_protocol::RunId;

pub use key::Key;
pub use parse::{FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TESTS_MAX, parse};
pub use schema::{Kind, Schema, attributes_of, disagreement, kind_of};

/// A checked filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them; of none, true.
    All(Vec<Filter>),
    /// One of them; of none, false.
    Any(Vec<Filter>),
    /// What the inner one is not true of.
    Not(Box<Filter>),
    /// One test.
    Test(Test),
}

/// Looks at one fact of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Which.
    pub field: Field,
    /// What must hold.
    pub is: Is,
}

/// A fact of a run that a filter may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Workflow name.
    Workflow,
    /// Workflow id.
    WorkflowId,
    /// Run id.
    RunId,
    /// Status, as its stored number.
    Status,
    /// Whether parked.
    Stuck,
    /// When it started.
    Started,
    /// When it closed.
    Closed,
    /// From its start to its end, milliseconds.
    Duration,
    /// Events of its history.
    Events,
    /// Workflow id of its parent.
    Parent,
    /// A search attribute of this name and kind.
    Attribute(String, Kind),
}

/// What must hold of a value. All but `Null` are false of a value that is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Is {
    /// It is missing.
    Null,
    /// It is there.
    NotNull,
    /// It compares like this; of a list, `Equal` if one element does and `Unequal` if none does.
    Compare(Op, Key),
    /// It is one of these; of a list, one element is.
    In(Vec<Key>),
    /// It is none of these; of a list, no element is.
    NotIn(Vec<Key>),
    /// It begins with this; of a list, one element does.
    StartsWith(String),
    /// It does not begin with this; of a list, no element does.
    NotStartsWith(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Op {
    /// Whether two values that stand like this pass.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Op::Equal => ordering.is_eq(),
            Op::Unequal => ordering.is_ne(),
            Op::Less => ordering.is_lt(),
            Op::LessOrEqual => ordering.is_le(),
            Op::Greater => ordering.is_gt(),
            Op::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// What a run has for a [`Field`].
#[derive(Debug, Clone, PartialEq)]
pub enum Has {
    /// Nothing.
    Missing,
    /// A value.
    One(Key),
    /// A list.
    Many(Vec<Key>),
}

/// A run that can be asked for its facts.
pub trait Facts {
    /// What it has for a field.
    fn fact(&self, field: &Field) -> Has;
}

impl Filter {
    /// True of every run.
    pub fn all() -> Filter {
        Filter::All(Vec::new())
    }

    /// Both filters together.
    pub fn and(self, other: Filter) -> Filter {
        match self {
            Filter::All(mut all) => {
                all.push(other);
                Filter::All(all)
            }
            first => Filter::All(vec![first, other]),
        }
    }

    /// A test of a status, as stored.
    pub fn status(op: Op, status: i16) -> Filter {
        Filter::Test(Test { field: Field::Status, is: Is::Compare(op, Key::Int(status.into())) })
    }

    /// Whether a run that is open, or one that is closed, can pass at all. What cannot is not asked for.
    pub fn can_pass(&self, open: bool) -> bool {
        match self {
            Filter::All(all) => all.iter().all(|filter| filter.can_pass(open)),
            Filter::Any(any) => any.iter().any(|filter| filter.can_pass(open)),
            Filter::Not(_) => true,
            Filter::Test(Test { field: Field::Status, is }) => match is {
                Is::Compare(Op::Equal, Key::Int(status)) => (*status == 0) == open,
                Is::In(statuses) => statuses.iter().any(|status| (*status == Key::Int(0)) == open),
                Is::Compare(Op::Unequal, Key::Int(0)) => !open,
                _ => true,
            },
            Filter::Test(Test { field: Field::Stuck, is: Is::Compare(op, Key::Int(stuck)) }) => {
                open || op.holds(0.cmp(stuck))
            }
            Filter::Test(Test { field: Field::Closed | Field::Duration, is }) => (*is == Is::Null) == open,
            Filter::Test(_) => true,
        }
    }
}

/// Whether a filter is true of a run.
pub fn matches(filter: &Filter, run: &impl Facts) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|filter| matches(filter, run)),
        Filter::Any(any) => any.iter().any(|filter| matches(filter, run)),
        Filter::Not(inner) => !matches(inner, run),
        Filter::Test(test) => match run.fact(&test.field) {
            Has::Missing => test.is == Is::Null,
            Has::One(key) => passes(&test.is, std::slice::from_ref(&key)),
            Has::Many(keys) => passes(&test.is, &keys),
        },
    }
}

fn passes(is: &Is, keys: &[Key]) -> bool {
    let begins = |prefix: &str| keys.iter().any(|key| matches!(key, Key::Text(text) if text.starts_with(prefix)));
    match is {
        Is::Null => false,
        Is::NotNull => true,
        // Of none it is true, as of a list without elements.
        Is::Compare(Op::Unequal, wanted) => keys.iter().all(|key| key != wanted),
        Is::Compare(op, wanted) => keys.iter().any(|key| op.holds(key.cmp(wanted))),
        Is::In(wanted) => keys.iter().any(|key| wanted.contains(key)),
        Is::NotIn(wanted) => keys.iter().all(|key| !wanted.contains(key)),
        Is::StartsWith(prefix) => begins(prefix),
        Is::NotStartsWith(prefix) => !begins(prefix),
    }
}

/// The id of a run as a key: ids of one partition in the order of their starts.
pub fn run_key(run: RunId) -> Key {
    Key::Int(run.0 as i64)
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

#[cfg(test)]
mod tests;
