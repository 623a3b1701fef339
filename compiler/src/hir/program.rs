//! Lowers every declaration of a project: functions, activities with their options, workflows with their members.

use std::borrow::Cow;
use std::cell::Cell;

use rustc_hash::FxHashMap;
use weft_bytecode::options::{ActivityOptions, Template, WorkflowOptions};
use weft_bytecode::schedule::ScheduleDef;

use crate::diagnostic::{Diagnostic, Severity};
use crate::hir::lower::{Lower, Members, ParamMember, SignalMember, StateMember, UpdateMember};
use crate::hir::testing::Test;
use crate::hir::{Expr, ExprKind, FnKind, Function, Place, Root, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast::{self, MemberKind};
use crate::types::world::{Instance, PatchHome, SignalFace, WorkflowItem, World};
use crate::types::{FieldDef, Kind, Ty};

/// A lowered project; functions, activities and workflows are in the order of the [`World`], functions
/// made of declarations with type parameters last.
#[derive(Debug)]
pub(crate) struct Program {
    pub functions: Vec<Function>,
    /// `None` where the options have mistakes.
    pub activities: Vec<Option<ActivityOptions>>,
    pub workflows: Vec<Workflow>,
    pub tests: Vec<Test>,
    pub schedules: Vec<ScheduleDef>,
}

/// A workflow with its members.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub init: Function,
    pub body: Function,
    pub states: Vec<State>,
    pub signals: Vec<Signal>,
    pub queries: Vec<Query>,
    pub updates: Vec<Update>,
    pub id: Option<Template>,
    pub options: WorkflowOptions,
    /// As [`Members::refused`].
    pub refused: bool,
}

/// A state cell.
#[derive(Debug)]
pub(crate) struct State {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    pub ty: Ty,
    pub public: bool,
    pub indexed: bool,
}

/// A signal.
#[derive(Debug)]
pub(crate) struct Signal {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    pub params: Vec<FieldDef>,
    pub handler: Option<Function>,
    pub mailbox: Option<u16>,
    pub received: bool,
    pub span: Span,
}

/// A query, declared or of a public state.
#[derive(Debug)]
pub(crate) struct Query {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    pub params: Vec<FieldDef>,
    pub function: Function,
}

/// An update.
#[derive(Debug)]
pub(crate) struct Update {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    pub params: Vec<FieldDef>,
    pub check: Option<Function>,
    pub body: Function,
    pub concurrent: bool,
}

/// Lowers all bodies and options. Mistakes are in `world.sink`.
pub(crate) fn lower(world: &World<'_>) -> Program {
    let members: Vec<Members> = world.workflows.iter().map(|item| collect_members(world, item)).collect();
    let face = |s: &SignalMember| SignalFace { name: s.name.clone(), params: s.params.clone() };
    let faces = members.iter().map(|members| members.signals.iter().map(face).collect());
    world.signals.get_or_init(|| faces.collect());
    let mut functions: Vec<Function> =
        (0..world.functions.len()).map(|index| lower_function(world, index as u32, None)).collect();
    let activities = (0..world.activities.len()).map(|index| crate::hir::options::activity(world, index)).collect();
    let lowered = members.into_iter().enumerate().map(|(index, members)| lower_workflow(world, index, members));
    let workflows: Vec<Workflow> = lowered.collect();
    let tests = lower_tests(world, &workflows);
    let schedules = crate::hir::options::schedules(world);
    for index in 0..world.consts.len() {
        let (ty, _) = world.const_value(index as u32);
        if ty == Ty::SECRET {
            world.report(crate::hir::lower::secret_misused(world.consts[index].value.span));
        }
    }
    let defaults = world.defaults.borrow().len();
    for index in 0..defaults {
        world.default_value(crate::types::DefaultId(index as u32));
    }
    // Everything that is used is known now, but for what instances use themselves.
    let mut next = 0;
    while let Some(instance) = world.instance(next) {
        functions.push(lower_instance(world, &instance));
        next += 1;
    }
    world.refuse_endless_types();
    Program { functions, activities, workflows, tests, schedules }
}

/// Lowers a function as it is declared, or with types in place of its parameters.
fn lower_function(world: &World<'_>, index: u32, instance: Option<&Instance>) -> Function {
    let item = &world.functions[index as usize];
    let kind = if item.flow { FnKind::Flow } else { FnKind::Fn };
    let (mut sig, mut scope) = (Cow::Borrowed(&item.sig), world.scope_of(item.generics.as_ref()));
    let mut name = item.decl.name.text.clone();
    if let (Some(generics), Some(Instance { args, .. })) = (&item.generics, instance) {
        let concrete = |ty| world.types.subst(ty, generics.owner, args);
        sig.to_mut().params.iter_mut().for_each(|p| p.ty = concrete(p.ty));
        sig.to_mut().result = concrete(item.sig.result);
        scope = generics.scope(args);
        name = world.types.applied(&name, args);
    }
    let mut lower = Lower::new(world, item.module, kind)
        .of_body(PatchHome::Flow(index))
        .with_types(scope, instance.is_some())
        .of_sig(&item.decl.sig);
    let params = lower.params(&item.decl.sig.params, &sig.params);
    let body = lower.body(&item.decl.body, sig.result);
    lower.finish(name, params, sig.throws.clone(), body, item.decl.name.span)
}

/// Lowers a function with types in place of its parameters. What there is to say was said where it is declared, but for
/// what only these types make wrong: an optional may be none where any other data is there.
fn lower_instance(world: &World<'_>, instance: &Instance) -> Function {
    let said = world.sink.borrow().len();
    let function = lower_function(world, instance.of, Some(instance));
    let found = world.sink.borrow_mut().split_off(said);
    let decl = world.functions[instance.of as usize].decl;
    let inside = |d: &Diagnostic| {
        let (at, body) = (d.span, decl.body.span);
        d.severity == Severity::Error && at.file == body.file && (body.start..=body.end).contains(&at.start)
    };
    let known = world.sink.borrow().iter().any(inside);
    // What it uses with larger types is a mistake of its own text, which shows only here.
    let (endless, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|d| d.code == "WF1021");
    if !endless.is_empty() {
        world.sink.borrow_mut().extend(endless);
        return function;
    }
    if let Some(first) = found.into_iter().find(|d| d.severity == Severity::Error && !known) {
        let message = format!("`{}` cannot be made: {}", function.name, first.message);
        world.report(
            Diagnostic::error("WF1002", instance.used, message)
                .label("used with these types here")
                .also(first.span, "this goes wrong")
                .help("use it with other types, or without an optional in them"),
        );
    }
    function
}

/// Tests come last: they look at what workflows declare inside.
fn lower_tests(world: &World<'_>, workflows: &[Workflow]) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    let mut named: FxHashMap<(crate::source::FileId, String), Span> = FxHashMap::default();
    for item in &world.tests {
        let mut lower = Lower::new(world, item.module, FnKind::Test).testing(workflows);
        let body = lower.body(item.body, Ty::UNIT);
        let name = match item.name.parts.as_slice() {
            [] => String::new(),
            [ast::StringPart::Text(text)] => text.clone(),
            _ => {
                let d = Diagnostic::error("WF1018", item.name.span, "the name of a test has no holes");
                world.report(d.label("not constant").help("write a brace as `{{`"));
                String::new()
            }
        };
        let path = &world.modules[item.module].path;
        let first = *named.entry((item.name.span.file, name.clone())).or_insert(item.name.span);
        if first != item.name.span {
            let d = Diagnostic::error("WF1006", item.name.span, format!("two tests of `{path}` are called \"{name}\""));
            world.report(d.label("again").also(first, "first here").help("say what is different about this one"));
        }
        let function =
            lower.finish(format!("test.{path}#{}", tests.len() + 1), Vec::new(), Vec::new(), body, item.name.span);
        tests.push(Test { name, function, span: item.name.span });
    }
    tests
}

fn lower_workflow(world: &World<'_>, index: usize, members: Members) -> Workflow {
    let item = &world.workflows[index];
    let decl = item.decl;
    let name = &decl.name.text;
    let mut init = lower_init(world, item, &members);
    let mut lower = Lower::new(world, item.module, FnKind::Body)
        .within(&members)
        .of_body(PatchHome::Workflow(index))
        .of_sig(&decl.sig);
    let params = lower.params(&decl.sig.params, &item.sig.params);
    let body = lower.body(&decl.body, item.sig.result);
    let body = lower.finish(name.clone(), params, item.sig.throws.clone(), body, decl.name.span);
    let updates = lower_updates(world, index, &members);
    let (signals, queries) = lower_members(world, item, &members);
    let (id, options) = crate::hir::options::workflow(world, item);
    let refused = members.refused.get();
    let kept = keep_params(&mut init, &members);
    let states = members
        .states
        .into_iter()
        .map(|s| State { name: s.name, wire: s.wire, ty: s.ty.get(), public: s.public, indexed: s.indexed })
        .chain(kept)
        .collect();
    Workflow { init, body, states, signals, queries, updates, id, options, refused }
}

/// The names a workflow declares inside. Types of state are known after its initialisers are lowered.
fn collect_members<'a>(world: &World<'a>, item: &WorkflowItem<'a>) -> Members {
    let param = |p: &FieldDef| ParamMember { name: p.name.to_string(), ty: p.ty, cell: Cell::default(), span: p.span };
    let mut members = Members { params: item.sig.params.iter().map(param).collect(), ..Members::default() };
    let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
    let mut mailboxes = 0;
    for member in &item.decl.members {
        let name = match &member.kind {
            MemberKind::State { name, .. }
            | MemberKind::Signal { name, .. }
            | MemberKind::Query { name, .. }
            | MemberKind::Update { name, .. } => name,
            MemberKind::Missing => continue,
        };
        if name.text.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(&name.text, name.span) {
            world.report(crate::types::world::declared_twice(name, first));
            continue;
        }
        match &member.kind {
            MemberKind::State { public, indexed, name, ty, .. } => {
                if let Some(param) = members.params.iter().find(|p| p.name == name.text) {
                    world.report(crate::types::world::declared_twice(name, param.span));
                }
                let ty = ty.as_ref().map_or(Ty::UNKNOWN, |ty| world.resolve(item.module, ty));
                members.index.insert(name.text.clone(), members.states.len());
                members.states.push(StateMember {
                    name: name.text.clone(),
                    wire: world.wire_name(&member.annotations, name),
                    ty: Cell::new(ty),
                    public: *public,
                    indexed: *indexed,
                    span: name.span,
                });
            }
            MemberKind::Signal { name, params, body } => {
                if name.text == "cancel" {
                    let d = Diagnostic::error("WF1006", name.span, "a signal cannot be called `cancel`");
                    world.report(d.label("taken").why("`send run.cancel()` requests cancellation").help("rename it"));
                }
                let mailbox = body.is_none().then(|| {
                    mailboxes += 1;
                    mailboxes - 1
                });
                let params = world.fields(item.module, params);
                for param in &params {
                    world.require_data(param.ty, param.span, "an argument");
                }
                members.index.insert(name.text.clone(), members.signals.len());
                members.signals.push(SignalMember {
                    name: name.text.clone(),
                    wire: world.wire_name(&member.annotations, name),
                    params,
                    mailbox,
                    received: Cell::new(false),
                    span: name.span,
                });
            }
            MemberKind::Update { name, sig, .. } => {
                let sig = world.data_sig(item.module, sig);
                members.index.insert(name.text.clone(), members.updates.len());
                members.updates.push(UpdateMember { sig, span: name.span });
            }
            MemberKind::Query { .. } | MemberKind::Missing => {}
        }
    }
    members
}

/// The function that fills the state cells from the parameters.
fn lower_init<'a>(world: &World<'a>, item: &WorkflowItem<'a>, members: &Members) -> Function {
    let decl = item.decl;
    let mut lower = Lower::new(world, item.module, FnKind::Init).within(members);
    let params = lower.params(&decl.sig.params, &item.sig.params);
    let mut stmts = Vec::new();
    for member in &decl.members {
        let MemberKind::State { name, ty: written, value, indexed, .. } = &member.kind else { continue };
        let Some(cell) = members.cell(&name.text).map(usize::from) else { continue };
        let state = &members.states[cell];
        if state.span != name.span {
            continue;
        }
        let value = match (written, value) {
            (Some(_), Some(value)) => lower.initial(value, Some(state.ty.get())),
            (None, Some(value)) => lower.initial(value, None),
            (_, None) => match world.types.kind(state.ty.get()) {
                Kind::Option(_) => Expr { kind: ExprKind::Const(Value::None), ty: state.ty.get(), span: name.span },
                Kind::Unknown if written.is_some() => continue,
                _ => {
                    let message = format!("state `{}` has no initial value", name.text);
                    let d = Diagnostic::error("WF1004", name.span, message).label("what is it at the beginning?");
                    world.report(
                        d.why("all state is initialised before any handler runs")
                            .help(format!("`state {}: T = ..`, or an optional type, which begins as none", name.text)),
                    );
                    continue;
                }
            },
        };
        if written.is_none() {
            state.ty.set(value.ty);
        }
        world.require_data(state.ty.get(), name.span, "state");
        if *indexed {
            require_indexable(world, state);
        }
        let place = Place { root: Root::State(cell as u16), ty: state.ty.get(), steps: Vec::new() };
        stmts.push(Stmt::Assign { place, value, span: name.span });
    }
    let body = Expr { kind: ExprKind::Block { stmts, value: None }, ty: Ty::UNIT, span: decl.name.span };
    let mut init = lower.finish(format!("{}.init", decl.name.text), params, Vec::new(), body, decl.name.span);
    init.result = Ty::UNIT;
    init
}

/// Lets `init` fill the cells of the parameters that handlers and queries read.
fn keep_params(init: &mut Function, members: &Members) -> Vec<State> {
    let mut kept: Vec<_> = members.params.iter().enumerate().filter_map(|(n, p)| Some((p.cell.get()?, n, p))).collect();
    kept.sort_by_key(|(cell, ..)| *cell);
    let mut states = Vec::new();
    for (cell, index, param) in kept {
        let place = Place { root: Root::State(cell), ty: param.ty, steps: Vec::new() };
        let value = Expr { kind: ExprKind::Local(init.params[index]), ty: param.ty, span: param.span };
        if let ExprKind::Block { stmts, .. } = &mut init.body.kind {
            stmts.push(Stmt::Assign { place, value, span: param.span });
        }
        states.push(State {
            name: param.name.clone(),
            wire: param.name.clone(),
            ty: param.ty,
            public: false,
            indexed: false,
        });
    }
    states
}

fn require_indexable(world: &World<'_>, state: &StateMember) {
    let types = &world.types;
    let ty = types.inner(state.ty.get()).unwrap_or(state.ty.get());
    let fits = matches!(
        ty,
        Ty::BOOL | Ty::INT | Ty::FLOAT | Ty::DECIMAL | Ty::STRING | Ty::DURATION | Ty::TIME | Ty::DATE | Ty::UNKNOWN
    ) || types.is_plain_enum(ty)
        || types.kind(ty) == Kind::List(Ty::STRING);
    if !fits {
        let message = format!("{} cannot be a search attribute", types.name(ty));
        world.report(
            Diagnostic::error("WF1002", state.span, message)
                .label("`indexed` state")
                .help("use a scalar, an enum without payloads, or a `List<String>`"),
        );
    }
}

fn lower_members<'a>(world: &World<'a>, item: &WorkflowItem<'a>, members: &Members) -> (Vec<Signal>, Vec<Query>) {
    let (mut handlers, mut queries, mut wires) = (FxHashMap::default(), Vec::new(), Vec::new());
    let workflow = &item.decl.name.text;
    for member in &item.decl.members {
        match &member.kind {
            MemberKind::Signal { name, params, body: Some(body) } => {
                let Some(signal) = members.signal(&name.text).filter(|s| s.span == name.span) else { continue };
                let mut lower = Lower::new(world, item.module, FnKind::Signal).within(members);
                let locals = lower.params(params, &signal.params);
                let body = lower.body(body, Ty::UNIT);
                let function = lower.finish(format!("{workflow}.{}", name.text), locals, Vec::new(), body, name.span);
                handlers.insert(name.span, function);
            }
            MemberKind::Query { name, params, result, body } => {
                let wire = world.wire_name(&member.annotations, name);
                wires.push((wire.clone(), name.span));
                queries.push(lower_query(world, item, members, wire, (name, params, result, body)));
            }
            MemberKind::State { public: true, name, .. } => {
                let cell = members.cell(&name.text).map(usize::from);
                if let Some(cell) = cell.filter(|cell| members.states[*cell].span == name.span) {
                    wires.push((members.states[cell].wire.clone(), name.span));
                    queries.push(state_query(workflow, &members.states[cell], cell as u16));
                }
            }
            _ => {}
        }
    }
    let signals = members.signals.iter().map(|s| Signal {
        name: s.name.clone(),
        wire: s.wire.clone(),
        params: s.params.clone(),
        handler: handlers.remove(&s.span),
        mailbox: s.mailbox,
        received: s.received.get(),
        span: s.span,
    });
    let signals: Vec<Signal> = signals.collect();
    world.refuse_equal_members(&signals.iter().map(|s| (s.wire.clone(), s.span)).collect::<Vec<_>>(), "signals");
    world.refuse_equal_members(&wires, "queries");
    (signals, queries)
}

/// The updates of a workflow, in order.
fn lower_updates<'a>(world: &World<'a>, index: usize, members: &Members) -> Vec<Update> {
    let item = &world.workflows[index];
    let (mut updates, mut wires) = (Vec::new(), Vec::new());
    for member in &item.decl.members {
        let MemberKind::Update { name, sig: written, with, check, body } = &member.kind else { continue };
        let update = members.index.get(&name.text).and_then(|at| members.updates.get(*at));
        let Some(update) = update.filter(|update| update.span == name.span) else { continue };
        let sig = &update.sig;
        let full = format!("{}.{}", item.decl.name.text, name.text);
        let check = check.as_ref().map(|check| {
            let mut lower = Lower::new(world, item.module, FnKind::Check).within(members);
            let params = lower.params(&written.params, &sig.params);
            let body = lower.body(check, Ty::UNIT);
            lower.finish(format!("{full}.check"), params, sig.throws.clone(), body, name.span)
        });
        let mut lower = Lower::new(world, item.module, FnKind::Update)
            .within(members)
            .of_body(PatchHome::Update(index))
            .of_sig(written);
        let params = lower.params(&written.params, &sig.params);
        let body = lower.body(body, sig.result);
        let body = lower.finish(full, params, sig.throws.clone(), body, name.span);
        let concurrent = crate::hir::options::update(world, item.module, with.as_ref(), sig, name);
        let wire = world.wire_name(&member.annotations, name);
        wires.push((wire.clone(), name.span));
        updates.push(Update { name: name.text.clone(), wire, params: sig.params.clone(), check, body, concurrent });
    }
    world.refuse_equal_members(&wires, "updates");
    updates
}

type QueryDecl<'a> = (&'a ast::Name, &'a [ast::Param], &'a ast::TypeExpr, &'a ast::Block);

fn lower_query<'a>(
    world: &World<'a>,
    item: &WorkflowItem<'a>,
    members: &Members,
    wire: String,
    (name, params, result, body): QueryDecl<'a>,
) -> Query {
    let fields = world.fields(item.module, params);
    let ty = world.resolve(item.module, result);
    for param in &fields {
        world.require_data(param.ty, param.span, "an argument");
    }
    world.require_data(ty, result.span, "a result");
    let mut lower = Lower::new(world, item.module, FnKind::Query).within(members);
    let locals = lower.params(params, &fields);
    let body = lower.body(body, ty);
    let full = format!("{}.{}", item.decl.name.text, name.text);
    Query {
        name: name.text.clone(),
        wire,
        params: fields,
        function: lower.finish(full, locals, Vec::new(), body, name.span),
    }
}

/// `pub state x: T` is the query `x() -> T`.
fn state_query(workflow: &str, state: &StateMember, cell: u16) -> Query {
    let ty = state.ty.get();
    let body = Expr { kind: ExprKind::State(cell), ty, span: state.span };
    let function = Function {
        name: format!("{workflow}.{}", state.name),
        kind: FnKind::Query,
        params: Vec::new(),
        locals: Vec::new(),
        result: ty,
        throws: Vec::new(),
        body,
        span: state.span,
    };
    Query { name: state.name.clone(), wire: state.wire.clone(), params: Vec::new(), function }
}
