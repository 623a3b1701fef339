//! Functions made of declarations with type parameters, and types that would have no end.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{FnItem, World};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::Ty;
use crate::types::generic::{Generics, INSTANCES_MAX, TYPE_ARGUMENTS_MAX, written};

/// A function with types in place of its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// The declaration, by its index among the functions.
    pub of: u32,
    /// What its parameters stand for.
    pub args: Rc<[Ty]>,
    /// Where it was first used.
    pub used: Span,
}

/// All of a project, each once.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    list: Vec<Instance>,
    ids: FxHashMap<(u32, Rc<[Ty]>), u32>,
    full: bool,
}

impl<'a> World<'a> {
    /// The declaration of a function or of what an instance was made of.
    pub(crate) fn function(&self, index: u32) -> &FnItem<'a> {
        &self.functions[self.origin(index) as usize]
    }

    /// The index of the declaration that a function was made of.
    pub(crate) fn origin(&self, index: u32) -> u32 {
        match (index as usize).checked_sub(self.functions.len()) {
            None => index,
            Some(at) => self.instances.borrow().list[at].of,
        }
    }

    /// An instance, by its place among them.
    pub(crate) fn instance(&self, at: usize) -> Option<Instance> {
        self.instances.borrow().list.get(at).cloned()
    }

    /// The index of a function made of a declaration. Where nothing can be made, it is that of the declaration: in code
    /// whose own parameters are not known, and where a mistake was reported.
    pub(crate) fn function_of(&self, of: u32, args: &[Ty], used: Span) -> u32 {
        if args.iter().any(|ty| *ty == Ty::UNKNOWN || self.types.has_params(*ty)) {
            return of;
        }
        let name = &self.functions[of as usize].decl.name.text;
        let mut instances = self.instances.borrow_mut();
        let key: (u32, Rc<[Ty]>) = (of, args.into());
        if let Some(index) = instances.ids.get(&key) {
            return *index;
        }
        if instances.full {
            return of;
        }
        if self.types.size_of_all(args) > TYPE_ARGUMENTS_MAX || instances.list.len() >= INSTANCES_MAX {
            // One is enough: what calls itself with larger types does so in many ways.
            instances.full = true;
            self.report(
                Diagnostic::error("WF1021", used, format!("`{name}` is called with ever larger types"))
                    .label("makes another function each time")
                    .why("a function with type parameters is compiled once for each set of types it is called with")
                    .help("let it call itself with the same types, or with smaller ones"),
            );
            return of;
        }
        let index = (self.functions.len() + instances.list.len()) as u32;
        instances.list.push(Instance { of, args: key.1.clone(), used });
        instances.ids.insert(key, index);
        index
    }

    /// The type parameters of a declaration; reported where two have one name, or a built-in type has it.
    pub(super) fn generics(&self, names: &'a [ast::Name]) -> Option<Generics> {
        for (n, name) in names.iter().enumerate() {
            if let Some(first) = names[..n].iter().find(|other| other.text == name.text && !name.text.is_empty()) {
                self.report(super::declared_twice(name, first.span));
            } else if crate::types::resolve::is_builtin(&name.text) {
                let message = format!("`{}` is a built-in type", name.text);
                let d = Diagnostic::error("WF1006", name.span, message).label("taken");
                self.report(d.help("call the type parameter otherwise: `T`"));
            }
        }
        self.types.generics(names)
    }

    /// What the type parameters of a declaration mean in its own text.
    pub(crate) fn scope_of(&self, generics: Option<&Generics>) -> Vec<(Rc<str>, Ty)> {
        generics.map_or_else(Vec::new, |g| g.scope(&g.types(&self.types)))
    }

    /// WF1021 for types.
    pub(crate) fn refuse_endless_types(&self) {
        let Some(id) = self.types.endless() else { return };
        let def = self.types.def(id);
        if let Some(span) = def.span {
            self.report(
                Diagnostic::error("WF1021", span, format!("`{}` is used with ever larger types", written(&def)))
                    .label("no end to it")
                    .why("a type with parameters becomes one type for each set of types it is used with")
                    .help("let it contain itself with the same types"),
            );
        }
    }
}
