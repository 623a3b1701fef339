//! What the files of a project declare: names, and a checked signature for each item. Bodies are lowered against
//! signatures only, so a mistake inside one item never shows in another.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::Diagnostic;
use crate::hir::Value;
use crate::hir::testing::HostCall;
use crate::index::Notes;
use crate::source::{FileId, Source, Span};
use crate::syntax::ast;
use crate::types::generic::{Generics, Scope};
use crate::types::{Def, DefId, DefKind, DefaultId, FieldDef, Kind, Ty, Types, VariantDef, near};

mod elsewhere;
mod finite;
mod imports;
mod instances;
mod wire;

pub(crate) use elsewhere::Wanted;
pub(crate) use instances::Instance;
pub(crate) use wire::{deprecated, deprecation, text_of};

/// Index of a module, the same as of its file.
pub(crate) type ModuleId = usize;

/// What a name of a module stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Type(DefId),
    Alias(u32),
    Fn(u32),
    Activity(u32),
    Workflow(u32),
    Const(u32),
    /// A declaration of a construct that was refused: known, so that nothing follows from it.
    Refused,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Module<'a> {
    /// `shop.billing`.
    pub path: String,
    pub names: FxHashMap<&'a str, (Item, Span)>,
    /// What `import m as x` and `import a.m` bring in.
    pub modules: FxHashMap<String, ModuleId>,
    /// Variants by name, of all enums that the module can see.
    pub variants: FxHashMap<Rc<str>, Vec<(DefId, u16)>>,
    public: FxHashMap<&'a str, bool>,
    /// Names whose meaning is lost with a construct that was refused or a module that is not there.
    refused: FxHashSet<&'a str>,
}

/// A checked signature.
#[derive(Debug, Clone)]
pub(crate) struct Sig {
    pub params: Vec<FieldDef>,
    pub result: Ty,
    pub throws: Vec<DefId>,
}

/// A `fn` or `flow`.
#[derive(Debug)]
pub(crate) struct FnItem<'a> {
    pub module: ModuleId,
    pub flow: bool,
    pub decl: &'a ast::FnDecl,
    pub sig: Sig,
    pub generics: Option<Generics>,
}

/// An activity.
#[derive(Debug)]
pub(crate) struct ActivityItem<'a> {
    pub module: ModuleId,
    pub name: &'a ast::Name,
    /// Name on the wire.
    pub wire: String,
    pub sig: Sig,
    /// What `progress` says; known when the options are checked.
    pub progress: Cell<Option<Ty>>,
    pub with: Option<&'a ast::With>,
    pub item: &'a ast::Item,
}

/// A workflow.
#[derive(Debug)]
pub(crate) struct WorkflowItem<'a> {
    pub module: ModuleId,
    pub decl: &'a ast::WorkflowDecl,
    /// Name on the wire.
    pub wire: String,
    pub sig: Sig,
    pub item: &'a ast::Item,
}

/// A signal as other runs see it.
#[derive(Debug)]
pub(crate) struct SignalFace {
    pub name: String,
    pub params: Vec<FieldDef>,
}

/// A schedule.
#[derive(Debug)]
pub(crate) struct ScheduleItem<'a> {
    pub module: ModuleId,
    pub name: &'a ast::Name,
    pub runs: &'a ast::Name,
    pub args: &'a [ast::Arg],
    pub with: &'a ast::With,
    pub item: &'a ast::Item,
}

/// A `test`.
#[derive(Debug)]
pub(crate) struct TestItem<'a> {
    pub module: ModuleId,
    pub name: &'a ast::StringLit,
    pub body: &'a ast::Block,
}

/// A constant; lowered when first used.
#[derive(Debug)]
pub(crate) struct ConstItem<'a> {
    pub module: ModuleId,
    pub name: &'a ast::Name,
    pub ty: Option<&'a ast::TypeExpr>,
    pub value: &'a ast::Expr,
    pub cell: OnceCell<(Ty, Option<Value>)>,
    pub busy: Cell<bool>,
}

#[derive(Debug)]
struct AliasItem<'a> {
    module: ModuleId,
    name: &'a ast::Name,
    generics: Option<Generics>,
    ty: &'a ast::TypeExpr,
    cell: OnceCell<Ty>,
    busy: Cell<bool>,
}

/// A default value; evaluated when first used.
#[derive(Debug)]
pub(crate) struct DefaultSlot<'a> {
    pub module: ModuleId,
    pub expr: &'a ast::Expr,
    pub ty: Ty,
    pub cell: OnceCell<Option<Value>>,
    pub busy: Cell<bool>,
}

/// A patch id and where it is used.
#[derive(Debug)]
pub(crate) struct PatchSites {
    pub id: String,
    pub mode: Option<ast::PatchWord>,
    /// Nothing is decided any more: the new code runs everywhere.
    pub deprecated: bool,
    pub sites: Vec<PatchSite>,
}

/// One `patch` in the source.
#[derive(Debug)]
pub(crate) struct PatchSite {
    /// The id.
    pub span: Span,
    /// The word `patch`.
    pub keyword: Span,
    pub in_loop: bool,
    pub home: PatchHome,
}

/// The body that a patch is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchHome {
    /// By its index among the functions; decided at each call of it.
    Flow(u32),
    /// By its index among the workflows.
    Workflow(usize),
    /// By the index of its workflow; decided in each update.
    Update(usize),
    /// None in which patches may be: that is reported for itself.
    None,
}

/// Everything the project declares.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub sources: &'a [Source],
    pub files: &'a [ast::File],
    pub types: Types,
    pub modules: Vec<Module<'a>>,
    /// Functions as declared. Those with type parameters are checked and never run: [`World::instances`] are.
    pub functions: Vec<FnItem<'a>>,
    pub instances: RefCell<instances::Instances>,
    pub activities: Vec<ActivityItem<'a>>,
    pub workflows: Vec<WorkflowItem<'a>>,
    pub consts: Vec<ConstItem<'a>>,
    pub tests: Vec<TestItem<'a>>,
    pub schedules: Vec<ScheduleItem<'a>>,
    /// The signals of each workflow, in order; known before any body is lowered.
    pub signals: OnceCell<Vec<Vec<SignalFace>>>,
    signal_names: OnceCell<Vec<FxHashMap<String, u32>>>,
    wires: OnceCell<FxHashMap<String, u32>>,
    deprecated_members: OnceCell<Vec<FxHashMap<&'a str, Rc<str>>>>,
    /// What tests ask of their host, in the order of the source.
    pub host: RefCell<Vec<HostCall>>,
    aliases: Vec<AliasItem<'a>>,
    pub defaults: RefCell<Vec<Rc<DefaultSlot<'a>>>>,
    pub patches: RefCell<Vec<PatchSites>>,
    /// Places among the patches, by id.
    pub patch_ids: RefCell<FxHashMap<String, usize>>,
    pub sink: RefCell<Vec<Diagnostic>>,
    /// What an editor wants to know of the sources.
    pub notes: Notes,
    /// What is marked `@deprecated`: what it says, and the place of the declaration.
    deprecated: FxHashMap<Item, (Rc<str>, Span)>,
    /// How many names may still be compared with unknown ones.
    comparisons_left: Cell<usize>,
    /// Bytes that constants may still have where they are used; none once they were too many.
    pub constant_bytes_left: Cell<Option<usize>>,
    /// Steps that questions about what a `match` covers may still take.
    pub cover_steps_left: Cell<usize>,
}

/// Declared names that one compilation compares with unknown ones. Enough for the first mistakes in a large project;
/// where there are hundreds, guessing what each was meant to be would take longer than everything else.
pub(crate) const COMPARISONS_MAX: usize = 200_000;
/// Names that are looked at, to see whether they are of the right kind, in the time of one comparison.
const NAMES_LOOKED_AT: usize = 16;

impl<'a> World<'a> {
    /// Collects the declarations of all files and resolves their signatures.
    pub(crate) fn collect(sources: &'a [Source], files: &'a [ast::File], noted: bool) -> World<'a> {
        let mut world = World {
            sources,
            files,
            types: Types::new(),
            modules: sources.iter().map(|s| Module::new(&s.path)).collect(),
            functions: Vec::new(),
            instances: RefCell::default(),
            activities: Vec::new(),
            workflows: Vec::new(),
            consts: Vec::new(),
            tests: Vec::new(),
            schedules: Vec::new(),
            signals: OnceCell::new(),
            signal_names: OnceCell::new(),
            wires: OnceCell::new(),
            deprecated_members: OnceCell::new(),
            host: RefCell::default(),
            aliases: Vec::new(),
            defaults: RefCell::default(),
            patches: RefCell::default(),
            patch_ids: RefCell::default(),
            sink: RefCell::default(),
            notes: Notes::new(noted),
            deprecated: FxHashMap::default(),
            comparisons_left: Cell::new(COMPARISONS_MAX),
            constant_bytes_left: Cell::new(Some(crate::hir::lower::constant::CONSTANTS_BYTES_MAX)),
            cover_steps_left: Cell::new(crate::hir::lower::COVER_STEPS_MAX),
        };
        let mut nominal = Vec::new();
        for (module, file) in files.iter().enumerate() {
            for item in &file.items {
                world.declare(module, item, &mut nominal);
            }
        }
        for (module, file) in files.iter().enumerate() {
            world.note_deprecated(module, file);
        }
        let paths = first_of(world.modules.iter().map(|module| &module.path));
        for (module, file) in files.iter().enumerate() {
            world.import(module, file, &paths);
        }
        for (module, id, item) in nominal {
            world.define(module, id, item);
        }
        world.refuse_endless();
        for module in 0..files.len() {
            world.collect_variants(module);
        }
        world.resolve_signatures();
        world
    }

    /// The signals of a workflow.
    pub(crate) fn signals_of(&self, workflow: u32) -> &[SignalFace] {
        self.signals.get().and_then(|all| all.get(workflow as usize)).map_or(&[], Vec::as_slice)
    }

    /// The number of a workflow's signal.
    pub(crate) fn signal_named(&self, workflow: u32, name: &str) -> Option<u32> {
        let all = self.signals.get()?;
        let names = self.signal_names.get_or_init(|| all.iter().map(|s| first_of(s.iter().map(|s| &s.name))).collect());
        names.get(workflow as usize)?.get(name).copied()
    }

    /// The workflow with a name on the wire.
    pub(crate) fn workflow_of_wire(&self, wire: &str) -> Option<u32> {
        self.wires.get_or_init(|| first_of(self.workflows.iter().map(|w| &w.wire))).get(wire).copied()
    }

    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        self.sink.borrow_mut().push(diagnostic);
    }

    /// A name as declared; reported if the module has it already.
    fn add(&mut self, module: ModuleId, name: &'a ast::Name, item: Item, public: bool) {
        if name.text.is_empty() {
            return;
        }
        if let Some((_, first)) = self.modules[module].names.get(name.text.as_str()) {
            let first = *first;
            return self.report(declared_twice(name, first));
        }
        let target = &mut self.modules[module];
        target.names.insert(&name.text, (item, name.span));
        target.public.insert(&name.text, public);
    }

    fn declare(&mut self, module: ModuleId, item: &'a ast::Item, nominal: &mut Vec<(ModuleId, DefId, &'a ast::Item)>) {
        use ast::Decl;
        match &item.decl {
            Decl::Record { name, .. } | Decl::Enum { name, .. } | Decl::Error { name, .. } => {
                let kind = match &item.decl {
                    Decl::Record { .. } => DefKind::Record,
                    Decl::Enum { .. } => DefKind::Enum,
                    _ => DefKind::Error,
                };
                let id = self.types.declare(&name.text, kind, Some(name.span));
                if let Decl::Record { generics, .. } | Decl::Enum { generics, .. } = &item.decl {
                    let generics = self.generics(generics);
                    self.types.set_generics(id, generics);
                }
                nominal.push((module, id, item));
                self.add(module, name, Item::Type(id), item.public);
            }
            Decl::Alias { name, generics, ty } => {
                let (generics, cell, busy) = (self.generics(generics), OnceCell::new(), Cell::new(false));
                self.aliases.push(AliasItem { module, name, generics, ty, cell, busy });
                self.add(module, name, Item::Alias(self.aliases.len() as u32 - 1), item.public);
            }
            Decl::Const { name, ty, value } => {
                let (cell, busy) = (OnceCell::new(), Cell::new(false));
                self.consts.push(ConstItem { module, name, ty: ty.as_ref(), value, cell, busy });
                self.add(module, name, Item::Const(self.consts.len() as u32 - 1), item.public);
            }
            Decl::Fn(decl) | Decl::Flow(decl) => {
                let (flow, generics) = (matches!(item.decl, Decl::Flow(_)), self.generics(&decl.generics));
                self.functions.push(FnItem { module, flow, decl, sig: Sig::unknown(), generics });
                self.add(module, &decl.name, Item::Fn(self.functions.len() as u32 - 1), item.public);
            }
            Decl::Activity { name, with, .. } => {
                let (sig, progress, with) = (Sig::unknown(), Cell::new(None), with.as_ref());
                let wire = self.wire_name(&item.annotations, name);
                self.activities.push(ActivityItem { module, name, wire, sig, progress, with, item });
                self.add(module, name, Item::Activity(self.activities.len() as u32 - 1), true);
            }
            Decl::Workflow(decl) => {
                let wire = self.wire_name(&item.annotations, &decl.name);
                self.workflows.push(WorkflowItem { module, decl, wire, sig: Sig::unknown(), item });
                self.add(module, &decl.name, Item::Workflow(self.workflows.len() as u32 - 1), true);
            }
            Decl::Schedule { name, runs, args, with } => {
                self.schedules.push(ScheduleItem { module, name, runs, args, with, item });
            }
            Decl::Test { name, body } => self.tests.push(TestItem { module, name, body }),
            Decl::Import { .. } | Decl::Default { .. } | Decl::Missing => {}
        }
    }

    /// The one of many names that was probably meant, as long as [`COMPARISONS_MAX`] allows to look.
    pub(crate) fn near<'n>(&self, name: &str, known: impl FnOnce() -> Vec<&'n str>) -> Option<String> {
        let left = self.comparisons_left.get();
        if left == 0 {
            return None;
        }
        let known = known();
        self.comparisons_left.set(left.saturating_sub(known.len()));
        if known.len() > left { None } else { near(name, known).map(str::to_owned) }
    }

    fn define(&self, module: ModuleId, id: DefId, item: &'a ast::Item) {
        let scope = self.scope_of(self.types.def(id).generics.as_ref());
        match &item.decl {
            ast::Decl::Record { fields, .. } => {
                let wire = self.wire(&item.annotations, fields, &[]);
                let fields = self.data_fields(module, &scope, fields);
                self.types.define(id, |def| (def.fields, def.wire) = (fields, wire));
            }
            ast::Decl::Error { fields, name } => {
                let wire = self.wire(&item.annotations, fields, &["message", "cause"]);
                let own = self.data_fields(module, &scope, fields);
                for field in own.iter().filter(|f| matches!(&*f.name, "message" | "cause")) {
                    self.report(
                        Diagnostic::error("WF1006", field.span, format!("every error has `{}` already", field.name))
                            .label("declared twice")
                            .help("leave it out; a throw may give it by name: `E(.., message: \"..\")`"),
                    );
                }
                let head = self.types.error_head(name.span);
                self.types.define(id, |def| {
                    (def.fields, def.wire) = (head.into_iter().chain(own).collect(), wire);
                });
            }
            ast::Decl::Enum { variants, .. } => {
                let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
                let mut defs = Vec::new();
                for variant in variants.iter().filter(|v| !v.name.text.is_empty()) {
                    if let Some(first) = seen.insert(&variant.name.text, variant.name.span) {
                        self.report(declared_twice(&variant.name, first));
                        continue;
                    }
                    let wire = self.wire(&variant.annotations, &variant.fields, &[]);
                    let fields = self.data_fields(module, &scope, &variant.fields);
                    for field in fields.iter().filter(|f| &*f.name == "kind") {
                        self.report(
                            Diagnostic::error("WF1006", field.span, "a payload field cannot be called `kind`")
                                .label("taken by the wire form")
                                .why("on the wire a variant is `{\"kind\": \"Name\", ..fields}`"),
                        );
                    }
                    let deprecated = deprecation(&variant.annotations);
                    let span = variant.name.span;
                    defs.push(VariantDef { name: variant.name.text.as_str().into(), fields, wire, deprecated, span });
                }
                self.refuse_equal_variants(variants, &defs);
                let wire = self.wire(&item.annotations, &[], &[]);
                let open = item.annotations.iter().any(|annotation| annotation.name.text == "open");
                self.types.define(id, |def| (def.variants, def.wire, def.open) = (defs, wire, open));
            }
            _ => {}
        }
    }

    /// Fields of a nominal type, which are data.
    fn data_fields(&self, module: ModuleId, scope: &Scope, params: &'a [ast::Param]) -> Vec<FieldDef> {
        let fields = self.fields_in(module, scope, params);
        for field in &fields {
            self.require_data(field.ty, field.span, "a field");
        }
        fields
    }

    /// Fields or parameters with their types; defaults are evaluated later.
    pub(crate) fn fields(&self, module: ModuleId, params: &'a [ast::Param]) -> Vec<FieldDef> {
        self.fields_in(module, &[], params)
    }

    /// As [`World::fields`], where type parameters are in scope.
    fn fields_in(&self, module: ModuleId, scope: &Scope, params: &'a [ast::Param]) -> Vec<FieldDef> {
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        let mut out = Vec::new();
        for param in params.iter().filter(|p| !p.name.text.is_empty()) {
            let ty = self.resolve_in(module, scope, &param.ty);
            self.lint_money(&param.name, ty);
            if let Some(first) = seen.insert(&param.name.text, param.name.span) {
                self.report(declared_twice(&param.name, first));
                continue;
            }
            let default = param.default.as_ref().map(|expr| self.add_default(module, expr, ty));
            out.push(FieldDef { name: param.name.text.as_str().into(), ty, default, span: param.name.span });
        }
        out
    }

    /// WF1008.
    fn lint_money(&self, name: &ast::Name, ty: Ty) {
        const MONEY: [&str; 8] = ["amount", "price", "total", "cost", "balance", "fee", "salary", "tax"];
        if self.types.inner(ty).unwrap_or(ty) != Ty::FLOAT {
            return;
        }
        if name.text.split('_').any(|word| MONEY.contains(&word)) {
            let message = format!("Float used for `{}`", name.text);
            self.report(
                Diagnostic::warning("WF1008", name.span, message)
                    .label("looks like money")
                    .why("a Float cannot hold 0.1 exactly, so sums of money drift")
                    .help("use `Decimal`, or an `Int` of cents"),
            );
        }
    }

    fn add_default(&self, module: ModuleId, expr: &'a ast::Expr, ty: Ty) -> DefaultId {
        let mut defaults = self.defaults.borrow_mut();
        defaults.push(Rc::new(DefaultSlot { module, expr, ty, cell: OnceCell::new(), busy: Cell::new(false) }));
        DefaultId(defaults.len() as u32 - 1)
    }

    fn collect_variants(&mut self, module: ModuleId) {
        let mut enums: Vec<DefId> = self.modules[module]
            .names
            .values()
            .filter_map(|(item, _)| match item {
                Item::Type(id) => Some(*id),
                _ => None,
            })
            .collect();
        enums.sort();
        for id in enums {
            let def: Rc<Def> = self.types.def(id);
            for (index, variant) in def.variants.iter().enumerate() {
                let found = self.modules[module].variants.entry(variant.name.clone()).or_default();
                found.push((id, index as u16));
            }
        }
    }

    fn resolve_signatures(&mut self) {
        for index in 0..self.functions.len() {
            let (module, decl) = (self.functions[index].module, self.functions[index].decl);
            let scope = self.scope_of(self.functions[index].generics.as_ref());
            let sig = self.sig(module, &scope, &decl.sig);
            for param in &sig.params {
                // A lambda may be passed to a `fn`; a `flow` would keep it while it waits.
                if self.functions[index].flow || !matches!(self.types.kind(param.ty), Kind::Fn(..)) {
                    self.require_data(param.ty, param.span, "an argument");
                }
            }
            if let Some(result) = &decl.sig.result {
                self.require_data(sig.result, result.span, "a result");
            }
            self.functions[index].sig = sig;
        }
        for index in 0..self.activities.len() {
            let (module, item) = (self.activities[index].module, self.activities[index].item);
            let ast::Decl::Activity { sig, .. } = &item.decl else { continue };
            self.activities[index].sig = self.data_sig(module, sig);
        }
        for index in 0..self.workflows.len() {
            let (module, decl) = (self.workflows[index].module, self.workflows[index].decl);
            self.workflows[index].sig = self.data_sig(module, &decl.sig);
        }
        self.refuse_equal_wire_names();
        for index in 0..self.aliases.len() {
            self.alias(index);
        }
    }

    fn refuse_equal_wire_names(&self) {
        let activities = self.activities.iter().map(|a| (a.wire.as_str(), a.name, "activities", a.module));
        let workflows = self.workflows.iter().map(|w| (w.wire.as_str(), &w.decl.name, "workflows", w.module));
        let errors = (0..self.types.def_count()).filter_map(|n| {
            let def = self.types.def(DefId(n as u32));
            (def.kind == DefKind::Error).then_some(())?;
            let name = def.span.map(|span| ast::Name { text: def.name.to_string(), span })?;
            Some((def.wire.own(&def.name).to_owned(), name))
        });
        let errors: Vec<_> = errors.collect();
        let errors = errors.iter().map(|(wire, name)| (wire.as_str(), name, "errors", usize::from(name.span.file.0)));
        let mut seen: FxHashMap<(&str, &str), (&ast::Name, ModuleId)> = FxHashMap::default();
        for (name, own, kind, module) in activities.chain(workflows).chain(errors) {
            if name.is_empty() {
                continue;
            }
            match seen.get(&(kind, name)) {
                None => drop(seen.insert((kind, name), (own, module))),
                // The module has reported it as declared twice.
                Some((first, of)) if *of == module && first.text == own.text => {}
                Some((first, _)) => self.report(
                    Diagnostic::error("WF1006", own.span, format!("two {kind} of this project are called `{name}`"))
                        .label("second one")
                        .also(first.span, "first one")
                        .why("their names are what clients, workers and histories see")
                        .help("rename one, or give it another name on the wire with `@name(\"..\")`"),
                ),
            }
        }
    }

    /// A signature whose values cross the wire.
    pub(crate) fn data_sig(&self, module: ModuleId, sig: &'a ast::Sig) -> Sig {
        let out = self.sig(module, &[], sig);
        for param in &out.params {
            self.require_data(param.ty, param.span, "an argument");
        }
        if let Some(result) = &sig.result {
            self.require_data(out.result, result.span, "a result");
        }
        out
    }

    /// Reports a type that is not data where data is needed.
    pub(crate) fn require_data(&self, ty: Ty, span: Span, place: &str) {
        if let Some(what) = self.types.not_data(ty) {
            self.report(
                Diagnostic::error("WF1007", span, format!("{what} cannot be kept in {place}"))
                    .label("not data")
                    .why("what crosses the wire or outlives a wait must be data"),
            );
        }
    }

    pub(crate) fn sig(&self, module: ModuleId, scope: &Scope, sig: &'a ast::Sig) -> Sig {
        let params = self.fields_in(module, scope, &sig.params);
        let result = sig.result.as_ref().map_or(Ty::UNIT, |ty| self.resolve_in(module, scope, ty));
        let mut throws = Vec::new();
        for name in &sig.throws {
            match self.lookup_error(module, name) {
                Some(id) if !throws.contains(&id) => throws.push(id),
                _ => {}
            }
        }
        Sig { params, result, throws }
    }

    /// An error type by name; reported if there is none.
    pub(crate) fn lookup_error(&self, module: ModuleId, name: &ast::Name) -> Option<DefId> {
        if name.text.is_empty() {
            return None;
        }
        match self.lookup(module, &name.text) {
            Some(item @ Item::Type(id)) if self.types.def(id).kind == DefKind::Error => {
                self.used(item, name.span);
                Some(id)
            }
            Some(Item::Refused) => None,
            Some(_) => {
                self.report(
                    Diagnostic::error("WF1002", name.span, format!("`{}` is not an error type", name.text))
                        .label("expected an error")
                        .help(format!("declare it with `error {} {{ .. }}`", name.text)),
                );
                None
            }
            None => {
                if let Some(n) = crate::types::BUILTIN_ERRORS.iter().position(|b| *b == name.text) {
                    return Some(DefId(n as u32));
                }
                let error = |item| match item {
                    Item::Type(id) => self.types.def(id).kind == DefKind::Error,
                    _ => false,
                };
                let known =
                    || self.names(module, error).into_iter().chain(crate::types::BUILTIN_ERRORS).collect::<Vec<_>>();
                let mut d = Diagnostic::error("WF1001", name.span, format!("cannot find error `{}`", name.text))
                    .label("not declared");
                let there = self.not_in_module(module, &name.text, name.span);
                d = match there.or_else(|| self.elsewhere(module, &name.text, Wanted::Error, &d)) {
                    Some(d) => d,
                    None => match self.near(&name.text, known) {
                        Some(near) => d.help(format!("did you mean `{near}`?")),
                        None => d.help(format!("declare it: `error {} {{ .. }}`", name.text)),
                    },
                };
                self.report(d);
                None
            }
        }
    }

    /// What a name or path means in a module.
    pub(crate) fn lookup(&self, module: ModuleId, path: &str) -> Option<Item> {
        if let Some((item, _)) = self.modules[module].names.get(path) {
            return Some(*item);
        }
        let refused = &self.modules[module].refused;
        if refused.contains(path) {
            return Some(Item::Refused);
        }
        let (head, last) = path.rsplit_once('.')?;
        if refused.contains(head) {
            return Some(Item::Refused);
        }
        let target = *self.modules[module].modules.get(head)?;
        let (item, _) = *self.modules[target].names.get(last)?;
        (self.modules[target].public.get(last) == Some(&true)).then_some(item)
    }

    /// The names of a module that pass, in order.
    pub(crate) fn names(&self, module: ModuleId, mut pass: impl FnMut(Item) -> bool) -> Vec<&'a str> {
        // Going through them is work, too, though less than comparing.
        let looked = self.modules[module].names.len() / NAMES_LOOKED_AT;
        self.comparisons_left.set(self.comparisons_left.get().saturating_sub(looked));
        let mut names: Vec<_> =
            self.modules[module].names.iter().filter(|(_, (item, _))| pass(*item)).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }

    fn alias(&self, index: usize) -> Ty {
        let alias = &self.aliases[index];
        if let Some(ty) = alias.cell.get() {
            return *ty;
        }
        if alias.busy.replace(true) {
            self.report(
                Diagnostic::error(
                    "WF1013",
                    alias.name.span,
                    format!("type `{}` is an alias of itself", alias.name.text),
                )
                .label("goes in a circle")
                .help("a type that contains itself must be a `record` or `enum`"),
            );
            return Ty::UNKNOWN;
        }
        let scope = self.scope_of(alias.generics.as_ref());
        let ty = self.resolve_in(alias.module, &scope, alias.ty);
        let _ = alias.cell.set(ty);
        ty
    }

    pub(crate) fn alias_ty(&self, index: u32) -> Ty {
        self.alias(index as usize)
    }

    /// The type parameters of an alias.
    pub(crate) fn alias_generics(&self, index: u32) -> Option<&Generics> {
        self.aliases[index as usize].generics.as_ref()
    }

    /// The module of a file.
    pub(crate) fn module_of(&self, file: FileId) -> ModuleId {
        usize::from(file.0)
    }
}

impl Module<'_> {
    fn new(path: &str) -> Self {
        Module {
            path: path.strip_suffix(".wf").unwrap_or(path).replace('/', "."),
            names: FxHashMap::default(),
            modules: FxHashMap::default(),
            variants: FxHashMap::default(),
            public: FxHashMap::default(),
            refused: FxHashSet::default(),
        }
    }
}

impl Sig {
    fn unknown() -> Sig {
        Sig { params: Vec::new(), result: Ty::UNKNOWN, throws: Vec::new() }
    }
}

/// The first place of each name.
fn first_of<'n>(names: impl Iterator<Item = &'n String>) -> FxHashMap<String, u32> {
    let mut places = FxHashMap::default();
    for (n, name) in (0..).zip(names) {
        places.entry(name.clone()).or_insert(n);
    }
    places
}

/// `billing` of `shop.billing`.
fn last_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// WF1006.
pub(crate) fn declared_twice(name: &ast::Name, first: Span) -> Diagnostic {
    Diagnostic::error("WF1006", name.span, format!("`{}` is declared twice", name.text))
        .label("second declaration")
        .also(first, "first one")
        .help("rename one of them")
}
