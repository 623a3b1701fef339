//! The standard library as the compiler sees it. Its source is `stdlib/*.wf`: names, parameters, types, words and
//! examples. What the compiler looks up at every call is a table made from those files, `stdlib/table.rs`, which the
//! test `stdlib` compares with them, so that no program waits for the library to be read.
//!
//! A declaration there ends in one of two bodies that are not for users: `= native("string.upper")` is a function of
//! the VM (what it does is said in `bytecode::op`), and `= lowered()` is what `hir/lower` makes by itself: methods that
//! take lambdas become loops in `collect.rs`. A function whose first parameter is `self` is a method of that type, any
//! other is called by the name of its module: `Time.parse(text)`.

use weft_bytecode::op::Native;

use crate::hir::Value;
use crate::types::{DefId, Kind, Ty, Types};

#[rustfmt::skip]
mod table;

/// A type in a signature of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Of(Ty),
    /// The days of the week.
    Weekday,
    /// A type variable of the function, by its place.
    Var(u8),
    Option(&'static Shape),
    List(&'static Shape),
    Set(&'static Shape),
    Map(&'static Shape, &'static Shape),
    Tuple(&'static [Shape]),
    /// A function that is passed; only functions that are `lowered` take one.
    Fn(&'static [Shape], &'static Shape),
}

/// What a function asks of one of its type variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// `@ordered(T)`.
    Ordered(u8),
    /// `@summable(T)`.
    Summable(u8),
}

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// `= native("..")`.
    Native(Native),
    /// `= lowered()`.
    Lowered,
}

/// The value of a parameter that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Default {
    Int(i64),
    Text(&'static str),
    /// `[]`.
    Empty,
}

impl Default {
    pub(crate) fn value(self) -> Value {
        match self {
            Default::Int(value) => Value::Int(value),
            Default::Text(text) => Value::String(text.to_owned()),
            Default::Empty => Value::List(Vec::new()),
        }
    }
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Param {
    pub name: &'static str,
    pub shape: Shape,
    pub default: Option<Default>,
}

/// A function of the library.
#[derive(Debug)]
pub(crate) struct Row {
    pub name: &'static str,
    /// Its type variables.
    pub vars: &'static [&'static str],
    /// The type of `self`, for a method.
    pub me: Option<Shape>,
    /// What follows `self`.
    pub params: &'static [Param],
    pub result: Shape,
    pub need: Option<Need>,
    /// `@field`: read without parentheses.
    pub field: bool,
    pub body: Body,
}

/// The most type variables that a function has.
pub(crate) const VARS_MAX: usize = 4;

/// What the type variables of a function stand for in a call; unknown ones are [`Ty::UNKNOWN`].
pub(crate) type Bound = [Ty; VARS_MAX];

const BOOL: Shape = Shape::Of(Ty::BOOL);
const INT: Shape = Shape::Of(Ty::INT);
const FLOAT: Shape = Shape::Of(Ty::FLOAT);
const DECIMAL: Shape = Shape::Of(Ty::DECIMAL);
const STRING: Shape = Shape::Of(Ty::STRING);
const DURATION: Shape = Shape::Of(Ty::DURATION);
const TIME: Shape = Shape::Of(Ty::TIME);
const DATE: Shape = Shape::Of(Ty::DATE);
const JSON: Shape = Shape::Of(Ty::JSON);
const WEEKDAY: Shape = Shape::Weekday;

/// The functions that values of a kind of type have.
pub(crate) fn methods(kind: &Kind) -> impl Iterator<Item = &'static Row> {
    let module: &[Row] = match kind {
        Kind::Int => table::INT_ROWS,
        Kind::Float => table::FLOAT_ROWS,
        Kind::Decimal => table::DECIMAL_ROWS,
        Kind::String => table::STRING_ROWS,
        Kind::List(_) => table::LIST_ROWS,
        Kind::Map(..) => table::MAP_ROWS,
        Kind::Set(_) => table::SET_ROWS,
        Kind::Json => table::JSON_ROWS,
        Kind::Duration => table::DURATION_ROWS,
        Kind::Time => table::TIME_ROWS,
        Kind::Date => table::DATE_ROWS,
        Kind::Enum(DefId::WEEKDAY) => table::WEEKDAY_ROWS,
        _ => &[],
    };
    module.iter().filter(|row| row.me.is_some())
}

/// A method of a kind of type.
pub(crate) fn method(kind: &Kind, name: &str) -> Option<&'static Row> {
    methods(kind).find(|row| row.name == name)
}

/// A function that is called by its module's name: `Time.parse`.
pub(crate) fn function(module: &str, name: &str) -> Option<&'static Row> {
    let (_, rows) = table::MODULES.iter().find(|(known, _)| *known == module)?;
    rows.iter().find(|row| row.me.is_none() && row.name == name)
}

/// The functions of a module; `None` if there is no such module.
pub(crate) fn functions(module: &str) -> Option<impl Iterator<Item = &'static Row>> {
    let (_, rows) = table::MODULES.iter().find(|(known, _)| *known == module)?;
    Some(rows.iter().filter(|row| row.me.is_none()))
}

/// The module of the library that has a function of this name, if only one has.
pub(crate) fn owner(name: &str) -> Option<&'static str> {
    let mut owners = table::MODULES
        .iter()
        .filter(|(module, rows)| !module.is_empty() && rows.iter().any(|row| row.me.is_none() && row.name == name));
    let (first, _) = owners.next()?;
    owners.next().is_none().then_some(*first)
}

impl Row {
    /// Whether it takes a lambda.
    pub(crate) fn takes_lambda(&self) -> bool {
        self.params.iter().any(|p| matches!(p.shape, Shape::Fn(..)))
    }

    /// What its type variables do not have and should; else `None`.
    pub(crate) fn lacks(&self, types: &Types, bound: &Bound) -> Option<(&'static str, Ty)> {
        match self.need? {
            Need::Ordered(var) => {
                let ty = bound[usize::from(var)];
                (!types.is_ordered(ty)).then_some(("ordered elements", ty))
            }
            Need::Summable(var) => {
                let ty = bound[usize::from(var)];
                (!types.is_summable(ty)).then_some(("elements that can be added", ty))
            }
        }
    }
}

impl Shape {
    /// Whether a type has this shape; finds what variables stand for.
    pub(crate) fn bind(self, types: &Types, ty: Ty, bound: &mut Bound) -> bool {
        if ty == Ty::UNKNOWN {
            return true;
        }
        match (self, types.kind(ty)) {
            (Shape::Var(var), _) => {
                let known = &mut bound[usize::from(var)];
                if *known == Ty::UNKNOWN {
                    *known = ty;
                }
                *known == ty
            }
            (Shape::Of(wanted), _) => wanted == ty,
            (Shape::Weekday, kind) => kind == Kind::Enum(DefId::WEEKDAY),
            (Shape::Option(inner), Kind::Option(ty))
            | (Shape::List(inner), Kind::List(ty))
            | (Shape::Set(inner), Kind::Set(ty)) => inner.bind(types, ty, bound),
            (Shape::Map(key, value), Kind::Map(k, v)) => key.bind(types, k, bound) && value.bind(types, v, bound),
            (Shape::Tuple(shapes), Kind::Tuple(tys)) => {
                shapes.len() == tys.len() && shapes.iter().zip(tys.iter()).all(|(s, t)| s.bind(types, *t, bound))
            }
            _ => false,
        }
    }

    /// Whether all its variables are known.
    pub(crate) fn is_known(self, bound: &Bound) -> bool {
        match self {
            Shape::Of(_) | Shape::Weekday => true,
            Shape::Var(var) => bound[usize::from(var)] != Ty::UNKNOWN,
            Shape::Option(inner) | Shape::List(inner) | Shape::Set(inner) => inner.is_known(bound),
            Shape::Map(key, value) => key.is_known(bound) && value.is_known(bound),
            Shape::Tuple(items) => items.iter().all(|item| item.is_known(bound)),
            Shape::Fn(params, result) => params.iter().all(|p| p.is_known(bound)) && result.is_known(bound),
        }
    }

    /// The type it is.
    pub(crate) fn ty(self, types: &Types, bound: &Bound) -> Ty {
        let all = |shapes: &[Shape]| -> Vec<Ty> { shapes.iter().map(|s| s.ty(types, bound)).collect() };
        match self {
            Shape::Of(ty) => ty,
            Shape::Weekday => types.def_ty(DefId::WEEKDAY),
            Shape::Var(var) => bound[usize::from(var)],
            Shape::Option(inner) => types.option(inner.ty(types, bound)),
            Shape::List(inner) => types.list(inner.ty(types, bound)),
            Shape::Set(inner) => types.intern(Kind::Set(inner.ty(types, bound))),
            Shape::Map(key, value) => types.map(key.ty(types, bound), value.ty(types, bound)),
            Shape::Tuple(items) => types.tuple(&all(items)),
            Shape::Fn(params, result) => {
                let params = all(params);
                types.intern(Kind::Fn(params.into(), result.ty(types, bound)))
            }
        }
    }

    /// As the language writes it, with the names of variables.
    pub(crate) fn name(self, types: &Types, vars: &[&str]) -> String {
        let all = |shapes: &[Shape]| shapes.iter().map(|s| s.name(types, vars)).collect::<Vec<_>>().join(", ");
        let name = |shape: &Shape| shape.name(types, vars);
        match self {
            Shape::Of(ty) => types.name(ty),
            Shape::Weekday => "Weekday".to_owned(),
            Shape::Var(var) => vars.get(usize::from(var)).copied().unwrap_or("?").to_owned(),
            Shape::Option(inner) => format!("{}?", name(inner)),
            Shape::List(inner) => format!("List<{}>", name(inner)),
            Shape::Set(inner) => format!("Set<{}>", name(inner)),
            Shape::Map(key, value) => format!("Map<{}, {}>", name(key), name(value)),
            Shape::Tuple(items) => format!("({})", all(items)),
            Shape::Fn(params, result) => format!("({}) => {}", all(params), name(result)),
        }
    }
}
