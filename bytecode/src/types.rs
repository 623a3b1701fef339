//! The types of a program: what a register may hold and what crosses the wire.

use serde::{Deserialize, Serialize};

/// Index into `Program::types`. Equal types have equal ids within a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypeId(pub u16);

/// A field of a record, tuple-like variant, error or parameter list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Name on the wire.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// The default as canonical JSON, where the declaration gives one.
    pub default: Option<String>,
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// Name on the wire.
    pub name: String,
    /// Payload fields; empty for a plain variant.
    pub fields: Vec<Field>,
}

/// A type. Slots hold scalars themselves (`is_scalar`) and everything else as a reference; 0 is `none`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// The type of one value. Scalar 0.
    Unit,
    /// Scalar 0 or 1.
    Bool,
    /// 64-bit signed, scalar.
    Int,
    /// Finite IEEE double, scalar by its bits.
    Float,
    /// 28 significant digits, an object.
    Decimal,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// Whole milliseconds, scalar.
    Duration,
    /// Milliseconds since 1970 UTC, scalar.
    Time,
    /// Days since 1970-01-01, scalar.
    Date,
    /// Any JSON.
    Json,
    /// `T?`. Never of an optional. A scalar is boxed, so that a slot of 0 is none.
    Option(TypeId),
    /// `List<T>`.
    List(TypeId),
    /// `Set<T>`, insertion order.
    Set(TypeId),
    /// `Map<K, V>`, insertion order.
    Map(TypeId, TypeId),
    /// `(A, B, ..)`, at least two.
    Tuple(Vec<TypeId>),
    /// A record; structural ones have no name.
    Record {
        /// Declared name.
        name: Option<String>,
        /// Fields in declaration order.
        fields: Vec<Field>,
    },
    /// An enum. Scalar (the variant's index) if no variant has fields.
    Enum {
        /// Declared name.
        name: String,
        /// Variants in declaration order.
        variants: Vec<Variant>,
    },
    /// An error type. The first two fields are always `message: String` and `cause: Failure?`.
    Error {
        /// Declared name.
        name: String,
        /// All fields, the two common ones included.
        fields: Vec<Field>,
    },
    /// Any error value; the object's own type says which.
    Failure,
    /// `Result<T>`, what `fail: collect` gives: `Ok(value: T)` is variant 0, `Failed(failure: Failure)` variant 1.
    Result(TypeId),
    /// `Run<W>`: a record of `workflow_id` and `run_id`, both `String`.
    Run(String),
    /// A closure; not data.
    Fn(Vec<TypeId>, TypeId),
}

/// The types every program starts with, at fixed ids.
pub mod builtin {
    use super::{Field, Type, TypeId};

    /// `Unit`.
    pub const UNIT: TypeId = TypeId(0);
    /// `Bool`.
    pub const BOOL: TypeId = TypeId(1);
    /// `Int`.
    pub const INT: TypeId = TypeId(2);
    /// `Float`.
    pub const FLOAT: TypeId = TypeId(3);
    /// `Decimal`.
    pub const DECIMAL: TypeId = TypeId(4);
    /// `String`.
    pub const STRING: TypeId = TypeId(5);
    /// `Bytes`.
    pub const BYTES: TypeId = TypeId(6);
    /// `Duration`.
    pub const DURATION: TypeId = TypeId(7);
    /// `Time`.
    pub const TIME: TypeId = TypeId(8);
    /// `Date`.
    pub const DATE: TypeId = TypeId(9);
    /// `Json`.
    pub const JSON: TypeId = TypeId(10);
    /// `Failure`.
    pub const FAILURE: TypeId = TypeId(11);
    /// `Failure?`.
    pub const OPTION_FAILURE: TypeId = TypeId(12);
    /// `Json?`.
    pub const OPTION_JSON: TypeId = TypeId(13);
    /// `error Timeout { kind: String }`.
    pub const TIMEOUT: TypeId = TypeId(14);
    /// `error Canceled {}`.
    pub const CANCELED: TypeId = TypeId(15);
    /// `error ActivityFailed { activity: String, attempts: Int }`.
    pub const ACTIVITY_FAILED: TypeId = TypeId(16);
    /// `error ChildFailed { workflow_id: String, run_id: String }`.
    pub const CHILD_FAILED: TypeId = TypeId(17);
    /// `error CompensationFailed { during: Failure? }`.
    pub const COMPENSATION_FAILED: TypeId = TypeId(18);
    /// `error Fault { type: String, details: Json? }`: what an activity reports without declaring it.
    pub const FAULT: TypeId = TypeId(19);

    fn error(name: &str, own: &[(&str, TypeId)]) -> Type {
        let common = [("message", STRING), ("cause", OPTION_FAILURE)];
        Type::Error {
            name: name.into(),
            fields: common
                .iter()
                .chain(own)
                .map(|(name, ty)| Field { name: (*name).into(), ty: *ty, default: None })
                .collect(),
        }
    }

    /// The table's beginning, in id order.
    pub fn all() -> Vec<Type> {
        vec![
            Type::Unit,
            Type::Bool,
            Type::Int,
            Type::Float,
            Type::Decimal,
            Type::String,
            Type::Bytes,
            Type::Duration,
            Type::Time,
            Type::Date,
            Type::Json,
            Type::Failure,
            Type::Option(FAILURE),
            Type::Option(JSON),
            error("Timeout", &[("kind", STRING)]),
            error("Canceled", &[]),
            error("ActivityFailed", &[("activity", STRING), ("attempts", INT)]),
            error("ChildFailed", &[("workflow_id", STRING), ("run_id", STRING)]),
            error("CompensationFailed", &[("during", OPTION_FAILURE)]),
            error("Fault", &[("type", STRING), ("details", OPTION_JSON)]),
        ]
    }
}

impl Type {
    /// Whether a slot holds the value itself; otherwise it holds a reference, 0 for none.
    pub fn is_scalar(&self) -> bool {
        match self {
            Type::Unit | Type::Bool | Type::Int | Type::Float | Type::Duration | Type::Time | Type::Date => true,
            Type::Enum { variants, .. } => variants.iter().all(|v| v.fields.is_empty()),
            _ => false,
        }
    }
}
