//! The search attributes that filters of a namespace may name: what deployed workflows declare as `indexed state`.

use std::collections::BTreeMap;

use weft_bytecode::{Program, Type, TypeId};

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of the language's types")]
pub enum Kind {
    Bool,
    Int,
    Float,
    Decimal,
    Duration,
    Time,
    Date,
    /// `String`.
    Text,
    /// An enum without payloads.
    Enum,
    /// `List<String>`.
    Texts,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 10] = [
        Kind::Bool,
        Kind::Int,
        Kind::Float,
        Kind::Decimal,
        Kind::Duration,
        Kind::Time,
        Kind::Date,
        Kind::Text,
        Kind::Enum,
        Kind::Texts,
    ];

    /// As it is stored and shown. Pinned for ever: rows of closed runs have it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "Bool",
            Kind::Int => "Int",
            Kind::Float => "Float",
            Kind::Decimal => "Decimal",
            Kind::Duration => "Duration",
            Kind::Time => "Time",
            Kind::Date => "Date",
            Kind::Text => "String",
            Kind::Enum => "enum",
            Kind::Texts => "List<String>",
        }
    }

    /// The kind of a name that was stored.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its values have an order.
    pub fn is_ordered(self) -> bool {
        !matches!(self, Kind::Bool | Kind::Enum | Kind::Texts)
    }

    /// Whether its values are lists.
    pub fn is_list(self) -> bool {
        self == Kind::Texts
    }

    /// Whether its values are text.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Enum | Kind::Texts)
    }
}

/// Search attributes of a namespace by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// The kind of each.
    pub attributes: BTreeMap<String, Kind>,
}

/// The kind of a type that may be indexed; an optional one is like what it holds.
pub fn kind_of(program: &Program, ty: TypeId) -> Option<Kind> {
    let of = |ty: TypeId| program.types.get(usize::from(ty.0));
    Some(match of(ty)? {
        Type::Option(inner) => kind_of(program, *inner)?,
        Type::Bool => Kind::Bool,
        Type::Int => Kind::Int,
        Type::Float => Kind::Float,
        Type::Decimal => Kind::Decimal,
        Type::Duration => Kind::Duration,
        Type::Time => Kind::Time,
        Type::Date => Kind::Date,
        Type::String => Kind::Text,
        Type::Enum { variants, .. } if variants.iter().all(|variant| variant.fields.is_empty()) => Kind::Enum,
        Type::List(element) if matches!(of(*element), Some(Type::String)) => Kind::Texts,
        _ => return None,
    })
}

/// The search attributes of a program's workflows: workflow, attribute, kind.
pub fn attributes_of(program: &Program) -> impl Iterator<Item = (&str, &str, Kind)> {
    program.workflows.iter().flat_map(move |workflow| {
        let indexed = workflow.state.iter().filter(|state| state.indexed);
        indexed
            .filter_map(move |state| Some((workflow.name.as_str(), state.name.as_str(), kind_of(program, state.ty)?)))
    })
}

/// Two workflows of these programs that give an attribute of one name different kinds, in words.
pub fn disagreement<'a>(programs: impl Iterator<Item = &'a Program>) -> Option<(String, String)> {
    let mut seen: BTreeMap<&str, (&str, &str, Kind)> = BTreeMap::new();
    for program in programs {
        for (workflow, name, kind) in attributes_of(program) {
            let (project, other, before) = *seen.entry(name).or_insert((&program.project, workflow, kind));
            if before != kind {
                let words = format!(
                    "{} in workflow `{workflow}` of project `{}`, {} in workflow `{other}` of project `{project}`",
                    kind.name(),
                    program.project,
                    before.name()
                );
                return Some((name.to_owned(), words));
            }
        }
    }
    None
}
