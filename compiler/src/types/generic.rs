//! Type parameters and what they stand for. A declaration with parameters is checked once, with each of them a type of
//! which nothing is known ([`Kind::Param`]); where it is used, the parameters are replaced by what they stand for there.
//! What is made that way is an ordinary record, enum or function: the VM knows no type parameters.
//!
//! An optional of an optional is the optional itself, so `T?` with an optional for `T` is what `T` stands for.

use std::rc::Rc;

use super::{Def, DefId, FieldDef, Kind, Ty, Types, VariantDef};
use crate::syntax::ast;
use crate::types::extent::Extent;

/// Which declaration a type parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner(u32);

/// Types that are written out in what one use of a declaration stands for. A declaration that needs itself with a larger
/// type, which needs itself with a larger one, ends here.
pub(crate) const TYPE_ARGUMENTS_MAX: usize = 64;

/// Types and functions made of declarations with parameters, of each kind.
pub(crate) const INSTANCES_MAX: usize = 10_000;

/// The type parameters of a declaration.
#[derive(Debug, Clone)]
pub(crate) struct Generics {
    pub owner: Owner,
    pub names: Rc<[Rc<str>]>,
}

/// A declaration, and what its parameters stand for.
pub(super) type Made = (DefId, Rc<[Ty]>);

/// What the names of type parameters mean where a type is written.
pub(crate) type Scope = [(Rc<str>, Ty)];

impl Generics {
    /// The parameters as types.
    pub(crate) fn types(&self, types: &Types) -> Vec<Ty> {
        let param = |(n, name): (usize, &Rc<str>)| {
            types.intern(Kind::Param { owner: self.owner, index: n as u16, name: name.clone() })
        };
        self.names.iter().enumerate().map(param).collect()
    }

    /// The names with what they stand for.
    pub(crate) fn scope(&self, args: &[Ty]) -> Vec<(Rc<str>, Ty)> {
        self.names.iter().cloned().zip(args.iter().copied()).collect()
    }
}

impl Types {
    /// Type parameters as declared; `None` if there are none.
    pub(crate) fn generics(&self, names: &[ast::Name]) -> Option<Generics> {
        if names.is_empty() {
            return None;
        }
        let owner = Owner(self.owners.get());
        self.owners.set(owner.0 + 1);
        Some(Generics { owner, names: names.iter().map(|n| n.text.as_str().into()).collect() })
    }

    /// Gives a declaration its type parameters.
    pub(crate) fn set_generics(&self, id: DefId, generics: Option<Generics>) {
        Rc::make_mut(&mut self.defs.borrow_mut()[id.0 as usize]).generics = generics;
    }

    /// What a declaration was made of: itself if it has no parameters.
    pub(crate) fn origin(&self, id: DefId) -> DefId {
        self.defs.borrow()[id.0 as usize].of.as_ref().map_or(id, |(of, _)| *of)
    }

    /// A declaration with types in place of its parameters. Unknown if one of them is, or if they are too large.
    pub(crate) fn instance(&self, template: DefId, args: &[Ty]) -> Ty {
        if args.contains(&Ty::UNKNOWN) {
            return Ty::UNKNOWN;
        }
        let key: Made = (template, args.into());
        if let Some(id) = self.instances.borrow().get(&key) {
            return self.def_ty(*id);
        }
        let large = self.size_of_all(args) > TYPE_ARGUMENTS_MAX || self.instances.borrow().len() >= INSTANCES_MAX;
        if large {
            self.endless.set(Some(self.endless.get().unwrap_or(template)));
            return Ty::UNKNOWN;
        }
        let base = self.defs.borrow()[template.0 as usize].clone();
        let id = self.declare(&self.applied(&base.name, args), base.kind, base.span);
        Rc::make_mut(&mut self.defs.borrow_mut()[id.0 as usize]).of = Some((template, args.into()));
        self.instances.borrow_mut().insert(key, id);
        self.def_ty(id)
    }

    /// `Pair<Int, String>`.
    pub(crate) fn applied(&self, name: &str, args: &[Ty]) -> String {
        let args: Vec<String> = args.iter().map(|ty| self.name(*ty)).collect();
        format!("{name}<{}>", args.join(", "))
    }

    /// A declaration that was used with ever larger types.
    pub(crate) fn endless(&self) -> Option<DefId> {
        // Fields are made when they are asked for: those that nobody asked for may be the endless ones.
        let mut id = 0;
        while id < self.def_count() && self.endless.get().is_none() {
            self.def(DefId(id as u32));
            id += 1;
        }
        self.endless.get()
    }

    /// The fields and variants of what was made of a declaration, if that is complete itself.
    pub(super) fn complete(&self, id: DefId, def: Rc<Def>) -> Rc<Def> {
        let Some((template, args)) = def.of.clone() else { return def };
        let base = self.defs.borrow()[template.0 as usize].clone();
        let (Some(generics), true) = (&base.generics, base.complete) else { return def };
        let field = |f: &FieldDef| FieldDef { ty: self.subst(f.ty, generics.owner, &args), ..f.clone() };
        let fields: Vec<FieldDef> = base.fields.iter().map(field).collect();
        let variant = |v: &VariantDef| VariantDef { fields: v.fields.iter().map(field).collect(), ..v.clone() };
        let variants: Vec<VariantDef> = base.variants.iter().map(variant).collect();
        let wire = base.wire.clone();
        self.define(id, |def| (def.fields, def.variants, def.wire) = (fields, variants, wire));
        self.defs.borrow()[id.0 as usize].clone()
    }

    /// A type with others in place of a declaration's parameters.
    pub(crate) fn subst(&self, ty: Ty, owner: Owner, args: &[Ty]) -> Ty {
        let all = |items: &[Ty]| items.iter().map(|ty| self.subst(*ty, owner, args)).collect::<Vec<_>>();
        let one = |ty: Ty| self.subst(ty, owner, args);
        match self.kind(ty) {
            Kind::Param { owner: of, index, .. } if of == owner => {
                args.get(usize::from(index)).copied().unwrap_or(Ty::UNKNOWN)
            }
            Kind::Option(inner) => self.option(one(inner)),
            Kind::List(item) => self.list(one(item)),
            Kind::Set(item) => self.intern(Kind::Set(one(item))),
            Kind::Result(item) => self.intern(Kind::Result(one(item))),
            Kind::Task(item) => self.intern(Kind::Task(one(item))),
            Kind::Map(key, value) => self.map(one(key), one(value)),
            Kind::Tuple(items) => self.tuple(&all(&items)),
            Kind::Fn(params, result) => self.intern(Kind::Fn(all(&params).into(), one(result))),
            Kind::Shape(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, ty)| (name.clone(), one(*ty))).collect();
                self.shape(&fields)
            }
            Kind::Record(id) | Kind::Enum(id) => match self.made_of(id) {
                Some((template, of)) => self.instance(template, &all(&of)),
                None => ty,
            },
            _ => ty,
        }
    }

    /// The declaration and the types that a nominal type was made of.
    pub(crate) fn made_of(&self, id: DefId) -> Option<(DefId, Rc<[Ty]>)> {
        self.defs.borrow()[id.0 as usize].of.clone()
    }

    /// The types that a type is written with.
    pub(crate) fn parts(&self, ty: Ty) -> Vec<Ty> {
        match self.kind(ty) {
            Kind::Option(t) | Kind::List(t) | Kind::Set(t) | Kind::Result(t) | Kind::Task(t) => vec![t],
            Kind::Map(key, value) => vec![key, value],
            Kind::Tuple(items) => items.to_vec(),
            Kind::Shape(fields) => fields.iter().map(|(_, ty)| *ty).collect(),
            Kind::Fn(params, result) => params.iter().copied().chain([result]).collect(),
            Kind::Record(id) | Kind::Enum(id) => self.made_of(id).map_or_else(Vec::new, |(_, args)| args.to_vec()),
            _ => Vec::new(),
        }
    }

    /// How large a type is that is written with others.
    pub(super) fn measure(&self, kind: &Kind) -> Extent {
        let extents = self.extents.borrow();
        let of = |ty: &Ty| extents[ty.0 as usize];
        match kind {
            Kind::Option(t) | Kind::List(t) | Kind::Set(t) | Kind::Result(t) | Kind::Task(t) => Extent::around([of(t)]),
            Kind::Map(key, value) => Extent::around([of(key), of(value)]),
            Kind::Tuple(items) => Extent::around(items.iter().map(of)),
            Kind::Shape(fields) => Extent::around(fields.iter().map(|(_, ty)| of(ty))),
            Kind::Fn(params, result) => Extent::around(params.iter().chain([result]).map(of)),
            _ => Extent::ONE,
        }
    }

    /// Whether it is larger than a program may hold.
    pub(crate) fn is_too_large(&self, ty: Ty) -> bool {
        self.extents.borrow()[ty.0 as usize].is_too_large()
    }

    /// Whether a type parameter is in it.
    pub(crate) fn has_params(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), Kind::Param { .. }) || self.parts(ty).into_iter().any(|part| self.has_params(part))
    }

    /// Whether some part of it is not known.
    pub(crate) fn has_unknown(&self, ty: Ty) -> bool {
        ty == Ty::UNKNOWN || self.parts(ty).into_iter().any(|part| self.has_unknown(part))
    }

    /// Whether it is the type of `none` or of something empty, of which it is not known what it would hold.
    pub(crate) fn is_unsettled(&self, ty: Ty) -> bool {
        ty == Ty::NEVER || self.parts(ty).into_iter().any(|part| self.is_unsettled(part))
    }

    /// How many types are written in these, as far as it is within [`TYPE_ARGUMENTS_MAX`].
    pub(crate) fn size_of_all(&self, tys: &[Ty]) -> usize {
        let (mut size, mut open) = (0, tys.to_vec());
        while let (Some(ty), true) = (open.pop(), size <= TYPE_ARGUMENTS_MAX) {
            size += 1;
            open.extend(self.parts(ty));
        }
        size
    }

    /// The type of a declaration with parameters, each standing for itself.
    pub(crate) fn template_ty(&self, id: DefId) -> Ty {
        match &self.def(id).generics {
            Some(generics) => self.instance(id, &generics.types(self)),
            None => self.def_ty(id),
        }
    }

    /// Whether a type is made of a declaration.
    pub(crate) fn is_made_of(&self, ty: Ty, template: DefId) -> Option<DefId> {
        match self.kind(ty) {
            Kind::Record(id) | Kind::Enum(id) if self.origin(id) == template => Some(id),
            _ => None,
        }
    }
}

/// How a declaration with parameters is written: `Pair<A, B>`.
pub(crate) fn written(def: &Def) -> String {
    match &def.generics {
        Some(generics) => format!("{}<{}>", def.name, generics.names.join(", ")),
        None => def.name.to_string(),
    }
}
