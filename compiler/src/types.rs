//! The types of a project while it is checked: interned, so that equal types are equal numbers.
//!
//! Nominal types (records, enums, errors) are [`Def`]s; everything else is its shape. What a type means for the VM is
//! decided in `codegen`, where each type that is used gets its place in the program's own table.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use weft_bytecode::calendar::WEEKDAYS;
pub(crate) use weft_bytecode::near::near;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::extent::Extent;

pub(crate) mod extent;
pub(crate) mod generic;
pub(crate) mod resolve;
pub(crate) mod world;

/// A type. Equal types have equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ty(u32);

/// A declared record, enum or error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DefId(pub u32);

/// A default value of a field or parameter, evaluated on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DefaultId(pub u32);

/// What a type is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A mistake was reported already; agrees with everything.
    Unknown,
    /// The type of `return`, `throw`, `break`: no value comes out.
    Never,
    Unit,
    Bool,
    Int,
    Float,
    Decimal,
    String,
    Bytes,
    Duration,
    Time,
    Date,
    Json,
    Failure,
    /// A retry policy; options only.
    Retry,
    /// A secret; activity options only.
    Secret,
    Option(Ty),
    List(Ty),
    Set(Ty),
    Map(Ty, Ty),
    Tuple(Rc<[Ty]>),
    /// A structural record.
    Shape(Rc<[(Rc<str>, Ty)]>),
    Record(DefId),
    Enum(DefId),
    Error(DefId),
    Result(Ty),
    Run(Rc<str>),
    /// What `spawn` began; locals only.
    Task(Ty),
    Fn(Rc<[Ty]>, Ty),
    /// A type parameter while the declaration that has it is checked: it stands for any data.
    Param {
        owner: generic::Owner,
        index: u16,
        name: Rc<str>,
    },
}

macro_rules! fixed {
    ($($name:ident = $kind:ident),* $(,)?) => {
        impl Ty { fixed!(@ 0u32, $($name)*); }
        fn fixed() -> Vec<Kind> { vec![$(Kind::$kind),*] }
    };
    (@ $n:expr, $name:ident $($rest:ident)*) => {
        pub(crate) const $name: Ty = Ty($n);
        fixed!(@ $n + 1, $($rest)*);
    };
    (@ $n:expr,) => {};
}

fixed! {
    UNKNOWN = Unknown, NEVER = Never, UNIT = Unit, BOOL = Bool, INT = Int, FLOAT = Float, DECIMAL = Decimal,
    STRING = String, BYTES = Bytes, DURATION = Duration, TIME = Time, DATE = Date, JSON = Json, FAILURE = Failure,
    RETRY = Retry, SECRET = Secret,
}

/// What kind of declaration a [`Def`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefKind {
    Record,
    Enum,
    Error,
}

/// A field of a record, error, variant or parameter list.
#[derive(Debug, Clone)]
pub(crate) struct FieldDef {
    pub name: Rc<str>,
    pub ty: Ty,
    pub default: Option<DefaultId>,
    pub span: Span,
}

/// A variant of an enum.
#[derive(Debug, Clone)]
pub(crate) struct VariantDef {
    pub name: Rc<str>,
    pub fields: Vec<FieldDef>,
    pub wire: Wire,
    /// What its `@deprecated` says.
    pub deprecated: Option<Rc<str>>,
    /// Its name, where it is declared.
    pub span: Span,
}

/// The names that something with fields has on the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire {
    /// Its own; `None` if it is the one in the source.
    pub name: Option<Rc<str>>,
    /// Those of its fields, where one of them is not the one in the source.
    pub fields: Vec<Rc<str>>,
}

impl Wire {
    /// The name of a field, which has one in the source.
    pub(crate) fn field<'n>(&'n self, index: usize, name: &'n str) -> &'n str {
        self.fields.get(index).map_or(name, |wire| &**wire)
    }

    /// Its own name, if it has this one in the source.
    pub(crate) fn own<'n>(&'n self, name: &'n str) -> &'n str {
        self.name.as_deref().unwrap_or(name)
    }
}

/// A nominal type.
#[derive(Debug, Clone)]
pub(crate) struct Def {
    pub name: Rc<str>,
    pub kind: DefKind,
    /// Where its name is declared; `None` for what is built in.
    pub span: Option<Span>,
    /// Fields of a record or error. An error's first two are always `message` and `cause`.
    pub fields: Vec<FieldDef>,
    pub variants: Vec<VariantDef>,
    pub wire: Wire,
    /// Whether an enum may have other variants later, so that no `match` may rely on those there are.
    pub open: bool,
    /// Its type parameters, if it is declared with some.
    pub generics: Option<generic::Generics>,
    /// What it was made of: the declaration with parameters, and what they stand for here.
    pub of: Option<(DefId, Rc<[Ty]>)>,
    /// Whether fields and variants are there.
    complete: bool,
    /// The places of the variants by name.
    index: OnceCell<FxHashMap<Rc<str>, u16>>,
    plain: OnceCell<bool>,
}

impl Def {
    /// The place of a variant.
    pub(crate) fn variant(&self, name: &str) -> Option<usize> {
        let variants = self.variants.iter().zip(0..);
        let index = self.index.get_or_init(|| variants.map(|(variant, n)| (variant.name.clone(), n)).collect());
        index.get(name).map(|n| usize::from(*n))
    }

    /// Whether no variant has a payload.
    fn is_plain(&self) -> bool {
        *self.plain.get_or_init(|| self.variants.iter().all(|variant| variant.fields.is_empty()))
    }
}

/// The built-in errors, declared first and in the order of `bytecode::types::builtin`.
pub(crate) const BUILTIN_ERRORS: [&str; 6] =
    ["Timeout", "Canceled", "ActivityFailed", "ChildFailed", "CompensationFailed", "Fault"];

impl DefId {
    /// The days of the week, declared behind the built-in errors.
    pub(crate) const WEEKDAY: DefId = DefId(BUILTIN_ERRORS.len() as u32);

    /// Whether it is one of [`BUILTIN_ERRORS`].
    pub(crate) fn is_builtin(self) -> bool {
        (self.0 as usize) < BUILTIN_ERRORS.len()
    }
}

/// All types of a project.
#[derive(Debug)]
pub(crate) struct Types {
    kinds: RefCell<Vec<Kind>>,
    ids: RefCell<FxHashMap<Kind, Ty>>,
    /// How large each is.
    extents: RefCell<Vec<Extent>>,
    defs: RefCell<Vec<Rc<Def>>>,
    /// Types made of declarations with parameters.
    instances: RefCell<FxHashMap<generic::Made, DefId>>,
    /// A declaration that would be used with ever larger types.
    endless: Cell<Option<DefId>>,
    owners: Cell<u32>,
}

impl Types {
    pub(crate) fn new() -> Types {
        let kinds = fixed();
        let ids = kinds.iter().enumerate().map(|(n, kind)| (kind.clone(), Ty(n as u32))).collect();
        let extents = vec![Extent::ONE; kinds.len()];
        let types = Types {
            extents: RefCell::new(extents),
            kinds: RefCell::new(kinds),
            ids: RefCell::new(ids),
            defs: RefCell::new(Vec::new()),
            instances: RefCell::default(),
            endless: Cell::default(),
            owners: Cell::default(),
        };
        let (failure, json) = (types.option(Ty::FAILURE), types.option(Ty::JSON));
        let own: [&[(&str, Ty)]; 6] = [
            &[("kind", Ty::STRING)],
            &[],
            &[("activity", Ty::STRING), ("attempts", Ty::INT)],
            &[("workflow_id", Ty::STRING), ("run_id", Ty::STRING)],
            &[("during", failure)],
            &[("type", Ty::STRING), ("details", json)],
        ];
        let nowhere = Span { file: crate::source::FileId(0), start: 0, end: 0 };
        for (name, fields) in BUILTIN_ERRORS.iter().zip(own) {
            let field =
                |(name, ty): &(&str, Ty)| FieldDef { name: (*name).into(), ty: *ty, default: None, span: nowhere };
            let fields = types.error_head(nowhere).into_iter().chain(fields.iter().map(field)).collect();
            let id = types.declare(name, DefKind::Error, None);
            types.define(id, |def| def.fields = fields);
        }
        let weekday = types.declare("Weekday", DefKind::Enum, None);
        let variant = |name: &str| VariantDef {
            name: name.into(),
            fields: Vec::new(),
            wire: Wire::default(),
            deprecated: None,
            span: nowhere,
        };
        types.define(weekday, |def| def.variants = WEEKDAYS.iter().map(|name| variant(name)).collect());
        types
    }

    /// The two fields every error begins with.
    pub(crate) fn error_head(&self, span: Span) -> Vec<FieldDef> {
        let cause = self.option(Ty::FAILURE);
        vec![
            FieldDef { name: "message".into(), ty: Ty::STRING, default: None, span },
            FieldDef { name: "cause".into(), ty: cause, default: None, span },
        ]
    }

    /// Reserves a nominal type, so that others may refer to it before it is complete.
    pub(crate) fn declare(&self, name: &str, kind: DefKind, span: Option<Span>) -> DefId {
        let mut defs = self.defs.borrow_mut();
        defs.push(Rc::new(Def {
            name: name.into(),
            kind,
            span,
            fields: Vec::new(),
            variants: Vec::new(),
            wire: Wire::default(),
            open: false,
            generics: None,
            of: None,
            complete: false,
            index: OnceCell::new(),
            plain: OnceCell::new(),
        }));
        DefId(defs.len() as u32 - 1)
    }

    /// Completes a nominal type.
    pub(crate) fn define(&self, id: DefId, fill: impl FnOnce(&mut Def)) {
        let mut defs = self.defs.borrow_mut();
        let def = Rc::make_mut(&mut defs[id.0 as usize]);
        fill(def);
        (def.complete, def.index, def.plain) = (true, OnceCell::new(), OnceCell::new());
    }

    pub(crate) fn def(&self, id: DefId) -> Rc<Def> {
        let def = self.defs.borrow()[id.0 as usize].clone();
        if def.complete || def.of.is_none() { def } else { self.complete(id, def) }
    }

    /// How many nominal types there are.
    pub(crate) fn def_count(&self) -> usize {
        self.defs.borrow().len()
    }

    /// The type of a declaration.
    pub(crate) fn def_ty(&self, id: DefId) -> Ty {
        let kind = self.defs.borrow()[id.0 as usize].kind;
        self.intern(match kind {
            DefKind::Record => Kind::Record(id),
            DefKind::Enum => Kind::Enum(id),
            DefKind::Error => Kind::Error(id),
        })
    }

    pub(crate) fn intern(&self, kind: Kind) -> Ty {
        if let Some(id) = self.ids.borrow().get(&kind) {
            return *id;
        }
        let extent = self.measure(&kind);
        self.extents.borrow_mut().push(extent);
        let mut kinds = self.kinds.borrow_mut();
        let id = Ty(kinds.len() as u32);
        kinds.push(kind.clone());
        self.ids.borrow_mut().insert(kind, id);
        id
    }

    pub(crate) fn kind(&self, ty: Ty) -> Kind {
        self.kinds.borrow()[ty.0 as usize].clone()
    }

    /// `T?`; of an optional or an unknown type it is the type itself.
    pub(crate) fn option(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            Kind::Option(_) | Kind::Unknown => ty,
            _ => self.intern(Kind::Option(ty)),
        }
    }

    /// Whether values of a type have a sum.
    pub(crate) fn is_summable(&self, ty: Ty) -> bool {
        matches!(ty, Ty::INT | Ty::DECIMAL | Ty::FLOAT | Ty::DURATION | Ty::UNKNOWN)
    }

    pub(crate) fn list(&self, ty: Ty) -> Ty {
        self.intern(Kind::List(ty))
    }

    pub(crate) fn map(&self, key: Ty, value: Ty) -> Ty {
        self.intern(Kind::Map(key, value))
    }

    pub(crate) fn tuple(&self, items: &[Ty]) -> Ty {
        self.intern(Kind::Tuple(items.into()))
    }

    pub(crate) fn shape(&self, fields: &[(Rc<str>, Ty)]) -> Ty {
        self.intern(Kind::Shape(fields.into()))
    }

    /// `T` of `T?`.
    pub(crate) fn inner(&self, ty: Ty) -> Option<Ty> {
        match self.kind(ty) {
            Kind::Option(inner) => Some(inner),
            _ => None,
        }
    }

    /// The element type of a list, set or map (its entries).
    pub(crate) fn element(&self, ty: Ty) -> Option<Ty> {
        match self.kind(ty) {
            Kind::List(item) | Kind::Set(item) => Some(item),
            Kind::Map(key, value) => Some(self.tuple(&[key, value])),
            _ => None,
        }
    }

    /// The fields of anything with named fields, in order.
    pub(crate) fn fields(&self, ty: Ty) -> Option<Vec<(Rc<str>, Ty)>> {
        match self.kind(ty) {
            Kind::Shape(fields) => Some(fields.to_vec()),
            Kind::Record(id) | Kind::Error(id) => {
                Some(self.def(id).fields.iter().map(|f| (f.name.clone(), f.ty)).collect())
            }
            Kind::Run(_) => Some(vec![("workflow_id".into(), Ty::STRING), ("run_id".into(), Ty::STRING)]),
            _ => None,
        }
    }

    /// The names on the wire of anything with named fields, in order.
    pub(crate) fn wire_fields(&self, ty: Ty) -> Vec<Rc<str>> {
        let own = self.fields(ty).unwrap_or_default().into_iter().map(|(name, _)| name);
        match self.kind(ty) {
            Kind::Record(id) | Kind::Error(id) => {
                let wire = &self.def(id).wire;
                own.enumerate().map(|(n, name)| wire.field(n, &name).into()).collect()
            }
            _ => own.collect(),
        }
    }

    /// Index and type of a named field.
    pub(crate) fn field(&self, ty: Ty, name: &str) -> Option<(u16, Ty)> {
        let at = |index: usize, ty: Ty| (index as u16, ty);
        match self.kind(ty) {
            Kind::Shape(fields) => {
                fields.iter().position(|(n, _)| **n == *name).map(|index| at(index, fields[index].1))
            }
            Kind::Record(id) | Kind::Error(id) => {
                let def = self.def(id);
                def.fields.iter().position(|f| *f.name == *name).map(|index| at(index, def.fields[index].ty))
            }
            Kind::Run(_) => ["workflow_id", "run_id"].iter().position(|n| *n == name).map(|n| at(n, Ty::STRING)),
            _ => None,
        }
    }

    /// Whether it has variants with payloads; such an enum is an object, others are numbers.
    pub(crate) fn is_plain_enum(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), Kind::Enum(id) if self.def(id).is_plain())
    }

    /// Whether a register holds the value itself.
    pub(crate) fn is_scalar(&self, ty: Ty) -> bool {
        matches!(ty, Ty::UNIT | Ty::BOOL | Ty::INT | Ty::FLOAT | Ty::DURATION | Ty::TIME | Ty::DATE | Ty::NEVER)
            || matches!(self.kind(ty), Kind::Task(_))
            || self.is_plain_enum(ty)
    }

    /// Whether an update in place could be seen through a second name: records and collections, also inside others.
    pub(crate) fn is_updatable(&self, ty: Ty) -> bool {
        match self.kind(ty) {
            Kind::List(_) | Kind::Set(_) | Kind::Map(..) | Kind::Shape(_) | Kind::Record(_) | Kind::Tuple(_) => true,
            Kind::Option(inner) => self.is_updatable(inner),
            Kind::Enum(_) => !self.is_plain_enum(ty),
            Kind::Result(_) | Kind::Error(_) | Kind::Failure => true,
            _ => false,
        }
    }

    /// Whether `<` is defined.
    pub(crate) fn is_ordered(&self, ty: Ty) -> bool {
        match self.kind(ty) {
            Kind::Int | Kind::Float | Kind::Decimal | Kind::String | Kind::Duration | Kind::Time | Kind::Date => true,
            Kind::Tuple(items) => items.iter().all(|t| self.is_ordered(*t)),
            Kind::Unknown => true,
            _ => false,
        }
    }

    /// Whether it may cross the wire and live in state; else the name of the part that may not.
    pub(crate) fn not_data(&self, ty: Ty) -> Option<&'static str> {
        match self.kind(ty) {
            Kind::Fn(..) => Some("a lambda"),
            Kind::Task(_) => Some("a Task"),
            Kind::Secret => Some("a Secret"),
            Kind::Retry => Some("a Retry policy"),
            Kind::Option(t) | Kind::List(t) | Kind::Set(t) | Kind::Result(t) => self.not_data(t),
            Kind::Map(k, v) => self.not_data(k).or_else(|| self.not_data(v)),
            Kind::Tuple(items) => items.iter().find_map(|t| self.not_data(*t)),
            Kind::Shape(fields) => fields.iter().find_map(|(_, t)| self.not_data(*t)),
            _ => None,
        }
    }

    /// The type as the language writes it.
    pub(crate) fn name(&self, ty: Ty) -> String {
        self.name_with(ty, &|part| self.name(part))
    }

    /// As [`Types::name`], with `name` for the types it is written with.
    pub(crate) fn name_with(&self, ty: Ty, name: &dyn Fn(Ty) -> String) -> String {
        let list = |items: &[Ty]| listed(items.iter().map(|t| name(*t)));
        match self.kind(ty) {
            Kind::Unknown => "?".into(),
            Kind::Option(inner) if inner == Ty::NEVER => "none".into(),
            Kind::Option(inner) => format!("{}?", name(inner)),
            Kind::List(item) => format!("List<{}>", name(item)),
            Kind::Set(item) => format!("Set<{}>", name(item)),
            Kind::Map(key, value) => format!("Map<{}, {}>", name(key), name(value)),
            Kind::Result(item) => format!("Result<{}>", name(item)),
            Kind::Run(workflow) => format!("Run<{workflow}>"),
            Kind::Task(result) => format!("Task<{}>", name(result)),
            Kind::Tuple(items) => format!("({})", list(&items)),
            Kind::Fn(params, result) => format!("({}) => {}", list(&params), name(result)),
            Kind::Shape(fields) => {
                format!("{{ {} }}", listed(fields.iter().map(|(n, t)| format!("{n}: {}", name(*t)))))
            }
            // Not by `def`: what is only named need not be complete, and may be the one that is being completed.
            Kind::Record(id) | Kind::Enum(id) | Kind::Error(id) => self.defs.borrow()[id.0 as usize].name.to_string(),
            Kind::Param { name: own, .. } => own.to_string(),
            other => format!("{other:?}"),
        }
    }
}

/// Parts of a type, or names, that one message lists.
const LISTED_MAX: usize = 100;

/// Words with commas between them, as many as one likes to read.
pub(crate) fn listed(words: impl ExactSizeIterator<Item = String>) -> String {
    let more = words.len().saturating_sub(LISTED_MAX);
    let list = words.take(LISTED_MAX).collect::<Vec<_>>().join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

/// The place of something among others, looked for first where it is expected: most is written in the order in which it
/// is declared.
pub(crate) fn place_of<T>(all: &[T], expected: usize, is: impl Fn(&T) -> bool) -> Option<usize> {
    if all.get(expected).is_some_and(&is) { Some(expected) } else { all.iter().position(is) }
}

/// WF0009, of what the program does not need in order to run: it is compiled without it.
pub(crate) fn idle(construct: &str, span: Span) -> Diagnostic {
    Diagnostic::warning("WF0009", span, format!("{construct} does nothing yet"))
        .label("not built yet")
        .why("it is part of the language, but this version of the compiler passes it over")
}
