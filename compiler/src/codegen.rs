//! Last stage: hir → [`Program`]. Nothing is checked here; what arrives has no mistakes.
//!
//! # Sharing
//! Values are immutable, but the VM updates records and collections in place when nobody else can see them: an object
//! has a *shared* bit. `Share` is emitted where the value of an expression that already has an owner (a name, a field,
//! an element, state, a match binding) gets a second one: bound to a name, put into a constructor or collection,
//! stored, captured from a `var`, or returned. Fresh values (constructors, literals, results of calls) have no owner
//! yet. Parameters are borrowed from the caller, so passing one marks nothing, but for a `flow` that gets a piece of
//! state: a handler may change it while the flow waits. What is read out of a shared object is shared (the VM's part).
//!
//! # Order
//! Functions, types and constants get their numbers in the order of the source, so equal sources give equal bytes.

use rustc_hash::FxHashMap;
use weft_bytecode::program as bc;
use weft_bytecode::suite::Suite;
use weft_bytecode::{FuncId, Program, TypeId};

use crate::diagnostic::Diagnostic;
use crate::hir::program as lowered;
use crate::hir::{Frame, Function, Local};
use crate::source::{FileId, Span};
use crate::types::extent;
use crate::types::world::World;
use crate::types::{FieldDef, Ty};

mod assign;
mod between;
mod cleanup;
mod cond;
mod function;
mod gather;
mod matching;
mod ops;
mod ownership;
mod table;
mod task;
mod testing;
mod value;
mod wait;

use function::Emit;
use table::TypeTable;

/// What is shared by the functions of a program while they are emitted.
struct Emitter<'w, 'a> {
    world: &'w World<'a>,
    types: TypeTable,
    constants: Vec<bc::Constant>,
    constant_ids: FxHashMap<ConstantKey, u32>,
    functions: Vec<Option<bc::Function>>,
    /// The numbers of declared functions and instances. Declarations with type parameters have none.
    numbers: Vec<FuncId>,
    /// How many pieces of a kind a function has: `order.parallel#2`.
    pieces: FxHashMap<(String, &'static str), u32>,
    /// The code of the mocks of tests.
    mocks: Vec<testing::MockCode>,
    /// A table has more entries than an operand can say.
    overflow: bool,
    /// What first needed a type that is too large.
    large: Option<Span>,
}

#[derive(PartialEq, Eq, Hash)]
enum ConstantKey {
    Scalar(u64),
    String(String),
    Decimal(String),
}

/// Emits a program, with its tests if they are wanted. What is too large for one is refused.
pub(crate) fn emit(
    world: &World<'_>,
    program: &lowered::Program,
    name: &str,
    edition: &str,
    sources: usize,
    with_tests: bool,
) -> Result<Suite, Box<Diagnostic>> {
    let mut emitter = Emitter {
        world,
        types: TypeTable::new(world),
        constants: Vec::new(),
        constant_ids: FxHashMap::default(),
        functions: Vec::new(),
        numbers: Vec::new(),
        pieces: FxHashMap::default(),
        mocks: Vec::new(),
        overflow: false,
        large: None,
    };
    // Declared functions come first: they call each other whatever their order is.
    let runs = |index: usize| world.functions.get(index).is_none_or(|item| item.generics.is_none());
    for index in 0..program.functions.len() {
        let number = if runs(index) { emitter.reserve() } else { FuncId(u16::MAX) };
        emitter.numbers.push(number);
    }
    for (index, function) in program.functions.iter().enumerate().filter(|(index, _)| runs(*index)) {
        emitter.function(usize::from(emitter.numbers[index].0), function);
    }
    let mut activities = emitter.activities(program);
    let mut workflows: Vec<_> = program.workflows.iter().enumerate().map(|(n, w)| emitter.workflow(n, w)).collect();
    let first_call = emitter.number(activities.len());
    let first_function = emitter.number(emitter.functions.len());
    let (calls, tests) = match with_tests {
        true => emitter.tests(program, &mut activities, &mut workflows),
        false => (Vec::new(), Vec::new()),
    };
    let patches = world.patches.borrow();
    let patches = patches.iter().map(|p| bc::PatchDef {
        id: p.id.clone(),
        mode: match p.mode {
            _ if p.deprecated => bc::PatchMode::Deprecated,
            None => bc::PatchMode::Once,
            Some(crate::syntax::ast::PatchWord::Each) => bc::PatchMode::Each,
            Some(crate::syntax::ast::PatchWord::Sticky) => bc::PatchMode::Sticky,
        },
    });
    let patches = patches.collect();
    let full = [emitter.functions.len(), emitter.types.len(), activities.len(), workflows.len()]
        .into_iter()
        .any(|n| n > usize::from(u16::MAX));
    if let Some(span) = emitter.large {
        return Err(Box::new(extent::too_large(span)));
    }
    if full || emitter.overflow {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let d = Diagnostic::error("WF1020", span, "the program is too large").label("a table of it is full");
        return Err(Box::new(d.help("split the project, or the largest function of it")));
    }
    let program = Program {
        edition: edition.to_owned(),
        project: name.to_owned(),
        types: emitter.types.finish(),
        constants: emitter.constants,
        functions: emitter.functions.into_iter().flatten().collect(),
        activities,
        workflows,
        patches,
        schedules: program.schedules.clone(),
        sources: world.sources[..sources]
            .iter()
            .map(|s| bc::SourceFile { path: s.path.clone(), text: s.text.clone() })
            .collect(),
    };
    Ok(Suite { program, first_function, first_call, calls, tests })
}

/// A place as the program keeps it.
pub(crate) fn place(span: Span) -> bc::Span {
    bc::Span { file: span.file.0, start: span.start, end: span.end }
}

impl<'w, 'a> Emitter<'w, 'a> {
    /// Emits a function under a number it already has.
    fn function(&mut self, index: usize, function: &Function) {
        let emit = Emit::new(self, &function.name, &function.locals, function.result);
        let done = emit.function(&function.params, &function.body, function.span);
        self.functions[index] = Some(done);
        self.sized(function.span);
    }

    /// Remembers what it was that needed a type that is too large.
    fn sized(&mut self, span: Span) {
        if self.types.too_large && self.large.is_none() {
            self.large = Some(span);
        }
    }

    /// Emits a function under the next number.
    fn add(&mut self, function: &Function) -> FuncId {
        let index = self.reserve();
        self.function(usize::from(index.0), function);
        index
    }

    /// An index as the program keeps it. That of a table that is full is refused in the end.
    fn number(&mut self, index: usize) -> u16 {
        u16::try_from(index).unwrap_or_else(|_| {
            self.overflow = true;
            0
        })
    }

    fn reserve(&mut self) -> FuncId {
        self.functions.push(None);
        FuncId(self.number(self.functions.len() - 1))
    }

    /// Emits a branch, condition or lambda of a function.
    fn frame(
        &mut self,
        root: &str,
        kind: &'static str,
        locals: &[Local],
        frame: &Frame,
        shape: function::Shape,
    ) -> FuncId {
        let index = self.reserve();
        let count = self.pieces.entry((root.to_owned(), kind)).or_insert(0);
        *count += 1;
        let name = format!("{root}.{kind}#{count}");
        let mut emit = Emit::new(self, &name, locals, shape.result());
        emit.root = root.to_owned();
        let params: Vec<_> = frame.captures.iter().chain(&frame.params).copied().collect();
        let done = match shape {
            function::Shape::Plain(_) => emit.function(&params, &frame.body, frame.body.span),
            function::Shape::Collected(_) => emit.collected(&params, &frame.body),
        };
        self.functions[usize::from(index.0)] = Some(done);
        index
    }

    fn ty(&mut self, ty: Ty) -> TypeId {
        self.types.id(self.world, ty)
    }

    /// A record of parameters.
    fn args(&mut self, params: &[FieldDef]) -> TypeId {
        self.types.args(self.world, params)
    }

    fn constant(&mut self, key: ConstantKey) -> u32 {
        if let Some(index) = self.constant_ids.get(&key) {
            return *index;
        }
        let index = self.constants.len() as u32;
        self.constants.push(match &key {
            ConstantKey::Scalar(slot) => bc::Constant::Scalar(*slot),
            ConstantKey::String(text) => bc::Constant::String(text.clone()),
            ConstantKey::Decimal(text) => bc::Constant::Decimal(text.clone()),
        });
        self.constant_ids.insert(key, index);
        index
    }

    fn activities(&mut self, program: &lowered::Program) -> Vec<bc::ActivityDef> {
        let world = self.world;
        let mut out = Vec::new();
        for (item, options) in world.activities.iter().zip(&program.activities) {
            let Some(options) = options else { continue };
            let path = &world.sources[item.module].path;
            out.push(bc::ActivityDef {
                name: item.wire.clone(),
                args: self.args(&item.sig.params),
                result: self.ty(item.sig.result),
                throws: item.sig.throws.iter().map(|id| self.ty(world.types.def_ty(*id))).collect(),
                progress: item.progress.get().map(|ty| self.ty(ty)),
                options: options.clone(),
                folder: path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()),
                span: place(item.name.span),
                doc: item.item.doc.clone(),
            });
            self.sized(item.name.span);
        }
        out
    }

    fn workflow(&mut self, index: usize, workflow: &lowered::Workflow) -> bc::WorkflowDef {
        let world = self.world;
        let item = &world.workflows[index];
        let init = self.add(&workflow.init);
        let body = self.add(&workflow.body);
        let state = workflow
            .states
            .iter()
            .map(|s| bc::StateDef { name: s.wire.clone(), ty: self.ty(s.ty), public: s.public, indexed: s.indexed })
            .collect();
        let signals = workflow
            .signals
            .iter()
            .map(|s| bc::SignalDef {
                name: s.wire.clone(),
                args: self.args(&s.params),
                handler: s.handler.as_ref().map(|function| self.add(function)),
                mailbox: s.mailbox.unwrap_or(0),
            })
            .collect();
        let queries = workflow
            .queries
            .iter()
            .map(|q| bc::QueryDef {
                name: q.wire.clone(),
                args: self.args(&q.params),
                result: self.ty(q.function.result),
                func: self.add(&q.function),
            })
            .collect();
        let updates = workflow
            .updates
            .iter()
            .map(|u| bc::UpdateDef {
                name: u.wire.clone(),
                args: self.args(&u.params),
                result: self.ty(u.body.result),
                throws: u.body.throws.iter().map(|id| self.ty(world.types.def_ty(*id))).collect(),
                check: u.check.as_ref().map(|check| self.add(check)),
                body: self.add(&u.body),
                concurrent: u.concurrent,
            })
            .collect();
        let done = bc::WorkflowDef {
            name: item.wire.clone(),
            args: self.args(&item.sig.params),
            result: self.ty(item.sig.result),
            throws: item.sig.throws.iter().map(|id| self.ty(world.types.def_ty(*id))).collect(),
            init,
            body,
            state,
            signals,
            queries,
            updates,
            id: workflow.id.clone(),
            options: workflow.options.clone(),
            span: place(item.decl.name.span),
            doc: item.item.doc.clone(),
        };
        self.sized(item.decl.name.span);
        done
    }
}
