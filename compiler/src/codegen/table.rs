//! The program's type table: the types that are used, each once, the built-in ones first.

use rustc_hash::FxHashMap;
use weft_bytecode::types::{Field, Type, TypeId, Variant, builtin};

use crate::types::extent::Extent;
use crate::types::world::World;
use crate::types::{DefId, DefKind, FieldDef, Kind, Ty, Wire};

/// Types of the compiler → types of the program.
pub(super) struct TypeTable {
    types: Vec<Type>,
    /// How large each is.
    extents: Vec<Extent>,
    /// One of them is larger than the verifier lets through.
    pub(super) too_large: bool,
    ids: FxHashMap<Ty, TypeId>,
    /// Types that are equal whatever they are called in the source have one number.
    by_value: FxHashMap<Type, TypeId>,
    /// Names of nominal types: with their module where two modules use the same one.
    names: FxHashMap<DefId, String>,
}

impl TypeTable {
    pub(super) fn new(world: &World<'_>) -> TypeTable {
        let types = builtin::all();
        let by_value = types.iter().enumerate().map(|(n, ty)| (ty.clone(), TypeId(n as u16))).collect();
        let mut table = TypeTable {
            extents: vec![Extent::ONE; types.len()],
            too_large: false,
            types,
            ids: FxHashMap::default(),
            by_value,
            names: names(world),
        };
        for number in 0..table.types.len() {
            table.extents[number] = table.measure(&table.types[number]);
        }
        let fixed = [
            (Ty::UNIT, builtin::UNIT),
            (Ty::NEVER, builtin::UNIT),
            (Ty::UNKNOWN, builtin::UNIT),
            (Ty::BOOL, builtin::BOOL),
            (Ty::INT, builtin::INT),
            (Ty::FLOAT, builtin::FLOAT),
            (Ty::DECIMAL, builtin::DECIMAL),
            (Ty::STRING, builtin::STRING),
            (Ty::BYTES, builtin::BYTES),
            (Ty::DURATION, builtin::DURATION),
            (Ty::TIME, builtin::TIME),
            (Ty::DATE, builtin::DATE),
            (Ty::JSON, builtin::JSON),
            (Ty::FAILURE, builtin::FAILURE),
        ];
        table.ids.extend(fixed);
        for (n, id) in (builtin::TIMEOUT.0..=builtin::FAULT.0).enumerate() {
            table.ids.insert(world.types.def_ty(DefId(n as u32)), TypeId(id));
        }
        table
    }

    pub(super) fn len(&self) -> usize {
        self.types.len()
    }

    pub(super) fn finish(self) -> Vec<Type> {
        self.types
    }

    fn push(&mut self, ty: Type) -> TypeId {
        if let Some(id) = self.by_value.get(&ty) {
            return *id;
        }
        let id = TypeId(self.types.len() as u16);
        self.by_value.insert(ty.clone(), id);
        let extent = self.measure(&ty);
        self.too_large |= extent.is_too_large();
        self.extents.push(extent);
        self.types.push(ty);
        id
    }

    fn measure(&self, ty: &Type) -> Extent {
        let of = |id: &TypeId| self.extents.get(usize::from(id.0)).copied().unwrap_or(Extent::ONE);
        match ty {
            Type::Option(inner) | Type::List(inner) | Type::Set(inner) | Type::Result(inner) => {
                Extent::around([of(inner)])
            }
            Type::Map(key, value) => Extent::around([of(key), of(value)]),
            Type::Tuple(items) => Extent::around(items.iter().map(of)),
            Type::Record { name: None, fields } => Extent::around(fields.iter().map(|field| of(&field.ty))),
            Type::Fn(params, result) => Extent::around(params.iter().chain([result]).map(of)),
            _ => Extent::ONE,
        }
    }

    /// The number of a type.
    pub(super) fn id(&mut self, world: &World<'_>, ty: Ty) -> TypeId {
        if let Some(id) = self.ids.get(&ty) {
            return *id;
        }
        let kind = world.types.kind(ty);
        if let Kind::Record(def) | Kind::Enum(def) | Kind::Error(def) = kind {
            return self.nominal(world, ty, def);
        }
        let id = match kind {
            Kind::Option(inner) => {
                let inner = self.id(world, inner);
                self.push(Type::Option(inner))
            }
            Kind::List(item) => {
                let item = self.id(world, item);
                self.push(Type::List(item))
            }
            Kind::Set(item) => {
                let item = self.id(world, item);
                self.push(Type::Set(item))
            }
            Kind::Map(key, value) => {
                let (key, value) = (self.id(world, key), self.id(world, value));
                self.push(Type::Map(key, value))
            }
            Kind::Tuple(items) => {
                let items = items.iter().map(|t| self.id(world, *t)).collect();
                self.push(Type::Tuple(items))
            }
            Kind::Result(item) => {
                let item = self.id(world, item);
                self.push(Type::Result(item))
            }
            Kind::Run(workflow) => self.push(Type::Run(workflow.to_string())),
            // Its handle.
            Kind::Task(_) => builtin::INT,
            Kind::Fn(params, result) => {
                let params = params.iter().map(|t| self.id(world, *t)).collect();
                let result = self.id(world, result);
                self.push(Type::Fn(params, result))
            }
            Kind::Shape(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, ty)| Field { name: name.to_string(), ty: self.id(world, *ty), default: None })
                    .collect();
                self.push(Type::Record { name: None, fields })
            }
            _ => builtin::UNIT,
        };
        self.ids.insert(ty, id);
        id
    }

    /// A nominal type gets its number before its fields are looked at: they may refer to it.
    fn nominal(&mut self, world: &World<'_>, ty: Ty, id: DefId) -> TypeId {
        let def = world.types.def(id);
        let name = self.name(world, id);
        let number = TypeId(self.types.len() as u16);
        self.types.push(Type::Unit);
        self.extents.push(Extent::ONE);
        self.ids.insert(ty, number);
        let complete = match def.kind {
            DefKind::Record => Type::Record { name: Some(name), fields: self.fields(world, &def.fields, &def.wire) },
            DefKind::Error => Type::Error { name, fields: self.fields(world, &def.fields, &def.wire) },
            DefKind::Enum => Type::Enum {
                name,
                variants: def
                    .variants
                    .iter()
                    .map(|v| Variant {
                        name: v.wire.own(&v.name).to_owned(),
                        fields: self.fields(world, &v.fields, &v.wire),
                    })
                    .collect(),
            },
        };
        self.by_value.insert(complete.clone(), number);
        self.types[usize::from(number.0)] = complete;
        number
    }

    /// `Pair<Int, shop.Order>`.
    fn name(&self, world: &World<'_>, id: DefId) -> String {
        let named = |id: DefId| {
            self.names.get(&id).cloned().unwrap_or_else(|| {
                let def = world.types.def(id);
                def.wire.own(&def.name).to_owned()
            })
        };
        match world.types.made_of(id) {
            None => named(id),
            Some((of, args)) => {
                let args: Vec<String> = args.iter().map(|ty| self.written(world, *ty)).collect();
                format!("{}<{}>", named(of), args.join(", "))
            }
        }
    }

    /// A type as it is written, with nominal types by their names in the program.
    fn written(&self, world: &World<'_>, ty: Ty) -> String {
        match world.types.kind(ty) {
            Kind::Record(id) | Kind::Enum(id) | Kind::Error(id) => self.name(world, id),
            _ => world.types.name_with(ty, &|ty| self.written(world, ty)),
        }
    }

    fn fields(&mut self, world: &World<'_>, fields: &[FieldDef], wire: &Wire) -> Vec<Field> {
        fields
            .iter()
            .enumerate()
            .map(|(n, field)| Field {
                name: wire.field(n, &field.name).to_owned(),
                ty: self.id(world, field.ty),
                default: field.default.and_then(|id| {
                    let (ty, value) = world.default_value(id);
                    value.map(|value| value.json(&world.types, ty))
                }),
            })
            .collect()
    }

    /// The record of a parameter list.
    pub(super) fn args(&mut self, world: &World<'_>, params: &[FieldDef]) -> TypeId {
        let fields = self.fields(world, params, &Wire::default());
        self.push(Type::Record { name: None, fields })
    }

    /// The optional of a type of the program.
    pub(super) fn option_of(&mut self, inner: TypeId) -> TypeId {
        self.push(Type::Option(inner))
    }

    /// A list of a type of the program.
    pub(super) fn list_of(&mut self, item: TypeId) -> TypeId {
        self.push(Type::List(item))
    }

    /// A function type of types of the program.
    pub(super) fn fn_of(&mut self, params: Vec<TypeId>, result: TypeId) -> TypeId {
        self.push(Type::Fn(params, result))
    }
}

/// Names that several modules give to nominal types are qualified by the module.
fn names(world: &World<'_>) -> FxHashMap<DefId, String> {
    let mut count: FxHashMap<String, u32> = FxHashMap::default();
    let defs = (0..world.types.def_count()).map(|n| (DefId(n as u32), world.types.def(DefId(n as u32))));
    let defs: Vec<_> = defs.filter(|(_, def)| def.of.is_none()).collect();
    // A declared `Weekday` keeps its name beside the library's.
    for (_, def) in defs.iter().filter(|(id, _)| *id != DefId::WEEKDAY) {
        *count.entry(def.wire.own(&def.name).to_owned()).or_default() += 1;
    }
    let mut out = FxHashMap::default();
    for (id, def) in defs {
        let Some(span) = def.span.filter(|_| count[def.wire.own(&def.name)] > 1 && def.kind != DefKind::Error) else {
            continue;
        };
        let module = &world.modules[world.module_of(span.file)].path;
        out.insert(id, format!("{module}.{}", def.wire.own(&def.name)));
    }
    out
}
