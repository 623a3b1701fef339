//! What the words of an object mean, by its type: where references are, and how things are laid out.
//!
//! | type | payload |
//! |---|---|
//! | `String`, `Bytes` | bytes, zero padded |
//! | `Decimal` | two words |
//! | `T?` of a scalar | the scalar |
//! | record, error, tuple, `Run` | a word a field |
//! | enum with payloads, `Result` | variant, then a word a field |
//! | `List` | count, then elements; spare words behind |
//! | `Set`, `Map` | count, room, entries (key or key and value), index (see [`crate::table`]) |
//! | `Json` | tag, then by tag: scalar, text, elements, keys and values by turns |
//! | closure | function, then captures |

use weft_bytecode::Program;
use weft_bytecode::types::{Field, Type, TypeId, builtin};

/// Tags of `Json` objects.
pub(crate) mod json {
    pub(crate) const NULL: u64 = 0;
    pub(crate) const BOOL: u64 = 1;
    pub(crate) const INT: u64 = 2;
    pub(crate) const FLOAT: u64 = 3;
    pub(crate) const TEXT: u64 = 4;
    pub(crate) const ARRAY: u64 = 5;
    pub(crate) const OBJECT: u64 = 6;
}

/// How values of one type are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Layout {
    /// No object has this type: scalars, optionals of references, `Failure`.
    None,
    /// Bytes.
    Raw,
    /// Words without references.
    Words,
    Fields(Box<[u16]>),
    List {
        refs: bool,
    },
    Table {
        stride: usize,
        key: bool,
        value: bool,
    },
    Variants(Box<[Box<[u16]>]>),
    Json,
    Closure,
}

/// Where the references of an object are, as payload indexes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refs<'a> {
    Range { from: usize, to: usize, step: usize },
    At(&'a [u16]),
}

const NO_REFS: Refs<'static> = Refs::At(&[]);

/// The layouts of a program's types.
#[derive(Debug, Clone)]
pub(crate) struct Layouts {
    types: Vec<Layout>,
    references: Vec<bool>,
    /// Per function: payload places of references among a closure's captures.
    captures: Vec<Box<[u16]>>,
}

impl Layouts {
    pub(crate) fn new(program: &Program) -> Layouts {
        let references: Vec<bool> = program.types.iter().map(|ty| !ty.is_scalar()).collect();
        let is_ref = |id: TypeId| references[usize::from(id.0)];
        let places = |types: &mut dyn Iterator<Item = TypeId>, first: u16| -> Box<[u16]> {
            types.zip(first..).filter(|(ty, _)| is_ref(*ty)).map(|(_, place)| place).collect()
        };
        let fields = |fields: &[Field], first: u16| places(&mut fields.iter().map(|f| f.ty), first);
        let types = program
            .types
            .iter()
            .map(|ty| match ty {
                _ if ty.is_scalar() => Layout::None,
                Type::String | Type::Bytes => Layout::Raw,
                Type::Decimal => Layout::Words,
                Type::Json => Layout::Json,
                Type::Option(inner) if !is_ref(*inner) => Layout::Words,
                Type::List(item) => Layout::List { refs: is_ref(*item) },
                Type::Set(item) => Layout::Table { stride: 1, key: is_ref(*item), value: false },
                Type::Map(key, value) => Layout::Table { stride: 2, key: is_ref(*key), value: is_ref(*value) },
                Type::Tuple(items) => Layout::Fields(places(&mut items.iter().copied(), 0)),
                Type::Record { fields: own, .. } | Type::Error { fields: own, .. } => Layout::Fields(fields(own, 0)),
                Type::Run(_) => Layout::Fields([0, 1].into()),
                Type::Enum { variants, .. } => {
                    Layout::Variants(variants.iter().map(|v| fields(&v.fields, 1)).collect())
                }
                Type::Result(value) => {
                    let ok: Box<[u16]> = if is_ref(*value) { [1].into() } else { [].into() };
                    Layout::Variants([ok, [1].into()].into())
                }
                Type::Fn(..) => Layout::Closure,
                _ => Layout::None,
            })
            .collect();
        let captures = program.functions.iter().map(|f| places(&mut f.regs.iter().copied(), 1)).collect();
        Layouts { types, references, captures }
    }

    /// Whether a slot of the type is a reference.
    pub(crate) fn is_ref(&self, ty: TypeId) -> bool {
        self.references[usize::from(ty.0)]
    }

    /// Where the references of an object are.
    pub(crate) fn refs(&self, ty: TypeId, payload: &[u64]) -> Refs<'_> {
        match &self.types[usize::from(ty.0)] {
            Layout::None | Layout::Raw | Layout::Words => NO_REFS,
            Layout::Fields(places) => Refs::At(places),
            Layout::List { refs: false } => NO_REFS,
            Layout::List { refs: true } => Refs::Range { from: 1, to: 1 + payload[0] as usize, step: 1 },
            Layout::Table { stride, key, value } => {
                let to = 2 + payload[0] as usize * stride;
                match (*key, *value) {
                    (true, true) => Refs::Range { from: 2, to, step: 1 },
                    (true, false) => Refs::Range { from: 2, to, step: *stride },
                    (false, true) => Refs::Range { from: 3, to, step: 2 },
                    (false, false) => NO_REFS,
                }
            }
            Layout::Variants(variants) => Refs::At(&variants[payload[0] as usize]),
            Layout::Json => match payload[0] {
                json::TEXT => Refs::At(&[1]),
                json::ARRAY | json::OBJECT => Refs::Range { from: 1, to: payload.len(), step: 1 },
                _ => NO_REFS,
            },
            Layout::Closure => {
                let places = &self.captures[payload[0] as usize];
                let held = places.partition_point(|place| usize::from(*place) < payload.len());
                Refs::At(&places[..held])
            }
        }
    }
}

/// The type of an object behind a slot of this type, where it is one: `T?` of a reference is a `T`.
pub(crate) fn object_type(program: &Program, ty: TypeId) -> TypeId {
    match program.ty(ty) {
        Type::Option(inner) if !program.ty(*inner).is_scalar() => *inner,
        _ => ty,
    }
}

/// Whether an object of type `found` may stand behind a slot of type `expected`.
pub(crate) fn fits(program: &Program, expected: TypeId, found: TypeId) -> bool {
    let expected = object_type(program, expected);
    expected == found || (expected == builtin::FAILURE && matches!(program.ty(found), Type::Error { .. }))
}
