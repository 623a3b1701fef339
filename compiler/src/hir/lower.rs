//! ast → hir: binds names, infers types in both directions, removes sugar.
//!
//! One [`Lower`] works on one declaration. It knows the signatures of the [`World`] and nothing of other bodies.
//! `Ty::UNKNOWN` as an expectation means "no expectation"; as a result it means that a mistake was reported.

use std::cell::Cell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::hir::program::Workflow;
use crate::hir::{Expr, ExprKind, FnKind, Frame, Function, Local, LocalId, Pattern, PatternKind, Root, Stmt, Value};
use crate::index::Notes;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::world::{ModuleId, PatchHome, Sig, World};
use crate::types::{DefId, FieldDef, Kind, Ty, Types};

pub(crate) use call::{unknown_option, unstable, unstable_id};
pub(crate) use cover::STEPS_MAX as COVER_STEPS_MAX;
pub(crate) use expr::secret_misused;
use facts::{Fact, Facts};

mod access;
mod arguments;
mod assign;
mod between;
mod call;
mod coerce;
mod collect;
pub(crate) mod constant;
mod control;
mod cover;
mod dropped;
mod expr;
mod facts;
mod foreign;
mod generic;
mod literal;
mod method;
mod operator;
mod patch;
mod pattern;
mod region;
mod task;
mod testing;
mod wait;

/// What a workflow declares inside, as its bodies see it.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub states: Vec<StateMember>,
    pub signals: Vec<SignalMember>,
    pub updates: Vec<UpdateMember>,
    pub params: Vec<ParamMember>,
    /// Whether something in the workflow was refused, so that what it changes and receives is not all known.
    pub refused: Cell<bool>,
    /// The places of states, signals and updates by name.
    pub index: FxHashMap<String, usize>,
}

impl Members {
    /// The cell of a state.
    pub(crate) fn cell(&self, name: &str) -> Option<u16> {
        let cell = *self.index.get(name)?;
        self.states.get(cell).filter(|state| state.name == name).map(|_| cell as u16)
    }

    pub(crate) fn signal(&self, name: &str) -> Option<&SignalMember> {
        self.signals.get(*self.index.get(name)?).filter(|signal| signal.name == name)
    }

    /// The name by which code knows a cell.
    fn name_of_cell(&self, cell: u16) -> Option<&str> {
        let state = self.states.get(usize::from(cell)).map(|s| s.name.as_str());
        let kept = || self.params.iter().find(|p| p.cell.get() == Some(cell)).map(|p| p.name.as_str());
        state.or_else(kept)
    }
}

/// A state cell.
#[derive(Debug)]
pub(crate) struct StateMember {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    /// Known once the initialiser is lowered.
    pub ty: Cell<Ty>,
    pub public: bool,
    pub indexed: bool,
    pub span: Span,
}

/// A parameter of the workflow as its handlers and queries see it: those that one of them reads are kept in a state
/// cell behind the declared ones, because the frame of the body is not theirs.
#[derive(Debug)]
pub(crate) struct ParamMember {
    pub name: String,
    pub ty: Ty,
    pub cell: Cell<Option<u16>>,
    pub span: Span,
}

/// A signal.
#[derive(Debug)]
pub(crate) struct SignalMember {
    pub name: String,
    /// Its name on the wire.
    pub wire: String,
    pub params: Vec<FieldDef>,
    /// Its number among the mailboxes; `None` if it has a handler.
    pub mailbox: Option<u16>,
    pub received: Cell<bool>,
    pub span: Span,
}

/// An update.
#[derive(Debug)]
pub(crate) struct UpdateMember {
    pub sig: Sig,
    pub span: Span,
}

/// Why code at some place cannot leave it by `return`, `break` or `continue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fence {
    Branch,
    /// A spawned task.
    Task,
    Condition,
    Lambda,
    /// `defer`, `on cancel`, `undo`.
    Cleanup,
}

impl Fence {
    fn words(self) -> &'static str {
        match self {
            Fence::Branch | Fence::Task => "a concurrent branch",
            Fence::Condition => "a condition",
            Fence::Lambda => "a lambda",
            Fence::Cleanup => "cleanup",
        }
    }
}

#[derive(Debug)]
struct FrameCx {
    captures: Vec<LocalId>,
    seen: FxHashSet<LocalId>,
    fence: Fence,
}

/// Lowers one declaration.
pub(crate) struct Lower<'w, 'a> {
    world: &'w World<'a>,
    module: ModuleId,
    members: Option<&'w Members>,
    kind: FnKind,
    result: Ty,
    /// Where its type would stand, if it is not written.
    unsaid: Option<Span>,
    locals: Vec<Local>,
    names: FxHashMap<&'a str, Vec<LocalId>>,
    scopes: Vec<Vec<&'a str>>,
    frames: Vec<FrameCx>,
    /// Innermost last: a loop that `break` may leave, or a fence.
    fences: Vec<Option<Fence>>,
    /// For each loop around us that can be left, whether a `break` does.
    broken: Vec<bool>,
    /// For each saga around us, the number of frames around it.
    sagas: Vec<usize>,
    /// For the function and each frame around us, whether it defers something.
    defers: Vec<bool>,
    /// Assignments to locals so far.
    writes: Vec<LocalId>,
    /// Variables that cleanup reads: how many assignments came before, and where.
    read_later: Vec<(LocalId, usize, Span)>,
    /// How many loops are around us, those of concurrent branches included.
    loops: u32,
    /// Locals below this number may not be assigned: we are in a lambda.
    floor: u32,
    /// Whether nothing follows what is lowered in a function without a result.
    ends: bool,
    /// Whether the next block is one of several of which a statement takes one.
    one_of: bool,
    facts: Facts,
    /// Counts assignments and what suspends, so that callers see whether something in between changed a value.
    changes: u32,
    /// The body being lowered, for the sites of patches.
    home: PatchHome,
    /// What the names of type parameters mean.
    scope: Vec<(Rc<str>, Ty)>,
    /// Whether this is a declaration with types in place of its parameters: it was checked as it is declared.
    instance: bool,
    /// In a test, the workflows it may start and look at.
    tested: Option<&'w [Workflow]>,
}

impl<'w, 'a> Lower<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>, module: ModuleId, kind: FnKind) -> Lower<'w, 'a> {
        Lower {
            world,
            module,
            members: None,
            kind,
            result: Ty::UNKNOWN,
            unsaid: None,
            locals: Vec::new(),
            names: FxHashMap::default(),
            scopes: vec![Vec::new()],
            frames: Vec::new(),
            fences: Vec::new(),
            broken: Vec::new(),
            sagas: Vec::new(),
            writes: Vec::new(),
            read_later: Vec::new(),
            defers: vec![false],
            loops: 0,
            floor: 0,
            ends: false,
            one_of: false,
            facts: Facts::default(),
            changes: 0,
            home: PatchHome::None,
            scope: Vec::new(),
            instance: false,
            tested: None,
        }
    }

    /// Where type parameters are in scope; as they are declared, or with types in their place.
    pub(crate) fn with_types(mut self, scope: Vec<(Rc<str>, Ty)>, instance: bool) -> Self {
        (self.scope, self.instance) = (scope, instance);
        self
    }

    /// As a test of these workflows, which are in the order of the world.
    pub(crate) fn testing(mut self, workflows: &'w [Workflow]) -> Self {
        self.tested = Some(workflows);
        self
    }

    /// With the state and signals of a workflow in scope.
    pub(crate) fn within(mut self, members: &'w Members) -> Self {
        self.members = Some(members);
        self
    }

    /// Where a result is declared, if it is not.
    pub(crate) fn of_sig(mut self, sig: &ast::Sig) -> Self {
        let open = sig.result.is_none() && sig.throws.is_empty();
        self.unsaid = open.then_some(Span { start: sig.span.end, ..sig.span });
        self
    }

    /// As a body in which patches are decided.
    pub(crate) fn of_body(mut self, home: PatchHome) -> Self {
        self.home = home;
        self
    }

    fn types(&self) -> &'w Types {
        &self.world.types
    }

    fn name_of(&self, ty: Ty) -> String {
        self.types().name(ty)
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.world.report(diagnostic);
    }

    /// Whether something was refused since so much had been said.
    fn refused_since(&self, said: usize) -> bool {
        self.world.sink.borrow()[said..].iter().any(|d| d.severity == Severity::Error)
    }

    /// Declares parameters; their names come from the syntax tree, their types from the signature.
    pub(crate) fn params(&mut self, params: &'a [ast::Param], fields: &[FieldDef]) -> Vec<LocalId> {
        let mut ids = Vec::new();
        for (n, field) in fields.iter().enumerate() {
            let at = crate::types::place_of(params, n, |p| *p.name.text == *field.name);
            let Some(param) = at.map(|at| &params[at]) else { continue };
            ids.push(self.declare(&param.name, field.ty, false));
        }
        ids
    }

    /// Lowers a body against a result type.
    pub(crate) fn body(&mut self, block: &'a ast::Block, result: Ty) -> Expr {
        self.result = result;
        self.ends = result == Ty::UNIT;
        let body = self.block(block, result);
        let body = self.with_cleanup(body, 0);
        if result == Ty::UNIT || body.ty == Ty::NEVER || body.ty == Ty::UNKNOWN {
            return body;
        }
        if body.ty == Ty::UNIT && result != Ty::UNKNOWN {
            let span = block.stmts.last().map_or(block.span, |s| s.span);
            self.report(
                Diagnostic::error(
                    "WF1002",
                    span,
                    format!("the body ends without a value of type {}", self.name_of(result)),
                )
                .label("nothing is returned after this")
                .why("a result is declared, so every way through must `return` one")
                .help("end with `return ..`, or leave out `-> ..` if there is no result"),
            );
            return body;
        }
        self.coerce(body, result)
    }

    /// The finished function.
    pub(crate) fn finish(
        self,
        name: String,
        params: Vec<LocalId>,
        throws: Vec<DefId>,
        body: Expr,
        span: Span,
    ) -> Function {
        self.changed_after_cleanup();
        Function { name, kind: self.kind, params, locals: self.locals, result: self.result, throws, body, span }
    }

    /// An expression that will be evaluated while compiling.
    pub(crate) fn constant_expr(&mut self, expr: &'a ast::Expr, want: Ty) -> Expr {
        if want == Ty::UNKNOWN { self.infer(expr) } else { self.check(expr, want) }
    }

    /// The initial value of a state.
    pub(crate) fn initial(&mut self, expr: &'a ast::Expr, want: Option<Ty>) -> Expr {
        self.result = Ty::UNIT;
        match want {
            Some(want) => self.check(expr, want),
            None => self.infer(expr),
        }
    }

    // ---- scopes and locals

    fn scoped<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(Vec::new());
        let out = inner(self);
        for name in self.scopes.pop().unwrap_or_default() {
            if let Some(ids) = self.names.get_mut(name) {
                ids.pop();
            }
        }
        out
    }

    /// Notes something for an editor: of what is written, not of what is made of it.
    fn noted(&self, note: impl FnOnce(&Notes)) {
        if self.world.notes.wanted() && !self.instance {
            note(&self.world.notes);
        }
    }

    /// Notes which local, state or parameter a name means.
    fn variable_used(&self, name: &str, span: Span) {
        self.noted(|notes| {
            let local = self.find_local(name).map(|id| self.locals[id.0 as usize].span);
            let state = || Some(self.members?.states[usize::from(self.find_state(name)?.0)].span);
            let home = local.or_else(state).or_else(|| Some(self.find_param(name)?.span));
            home.into_iter().for_each(|home| notes.mention(span, home));
        });
    }

    fn declare(&mut self, name: &'a ast::Name, ty: Ty, var: bool) -> LocalId {
        self.noted(|notes| notes.local(name.span, ty, var));
        let id = self.temp(&name.text, ty, name.span);
        self.locals[id.0 as usize].var = var;
        if !name.text.is_empty() {
            self.names.entry(&name.text).or_default().push(id);
            if let Some(scope) = self.scopes.last_mut() {
                scope.push(&name.text);
            }
        }
        id
    }

    /// A local without a name in scope.
    fn temp(&mut self, name: &str, ty: Ty, span: Span) -> LocalId {
        let depth = self.frames.len() as u32;
        self.locals.push(Local { name: name.to_owned(), ty, span, var: false, depth });
        LocalId(self.locals.len() as u32 - 1)
    }

    fn find_local(&self, name: &str) -> Option<LocalId> {
        self.names.get(name)?.last().copied()
    }

    fn find_state(&self, name: &str) -> Option<(u16, Ty)> {
        let members = self.members?;
        let cell = members.cell(name)?;
        Some((cell, members.states[usize::from(cell)].ty.get()))
    }

    /// A parameter of the workflow, seen from a handler or a query.
    fn find_param(&self, name: &str) -> Option<&'w ParamMember> {
        let outside = matches!(self.kind, FnKind::Signal | FnKind::Query | FnKind::Update | FnKind::Check);
        self.members?.params.iter().find(|p| outside && p.name == name)
    }

    /// The cell in which a parameter is kept for handlers and queries.
    fn kept(&self, param: &ParamMember, members: &Members) -> u16 {
        let next = || {
            let taken = members.params.iter().filter(|p| p.cell.get().is_some()).count();
            (members.states.len() + taken) as u16
        };
        let cell = param.cell.get().unwrap_or_else(next);
        param.cell.set(Some(cell));
        cell
    }

    /// Reads a local, which captures it in every frame in between.
    fn read_local(&mut self, id: LocalId, span: Span) -> Expr {
        let depth = self.locals[id.0 as usize].depth as usize;
        for frame in self.frames.iter_mut().skip(depth) {
            if frame.seen.insert(id) {
                frame.captures.push(id);
            }
        }
        Expr { kind: ExprKind::Local(id), ty: self.locals[id.0 as usize].ty, span }
    }

    // ---- frames

    /// Lowers code that becomes a function of its own.
    fn frame(&mut self, fence: Fence, inner: impl FnOnce(&mut Self) -> (Vec<LocalId>, Expr)) -> Frame {
        self.frames.push(FrameCx { captures: Vec::new(), seen: FxHashSet::default(), fence });
        self.fences.push(Some(fence));
        let facts = self.facts.clone();
        self.forget_state();
        self.defers.push(false);
        let (params, body) = self.scoped(inner);
        let body = self.with_cleanup(body, self.defers.len() - 1);
        self.defers.pop();
        self.facts = facts;
        self.fences.pop();
        let captures = self.frames.pop().map(|f| f.captures).unwrap_or_default();
        Frame { captures, params, result: body.ty, body }
    }

    // ---- facts

    /// Called for everything that may suspend: state may be another afterwards.
    fn waited(&mut self) {
        self.changes += 1;
        self.forget_state();
    }

    fn forget_state(&mut self) {
        self.facts.forget_state();
    }

    /// Before and after code that may run any number of times.
    fn forget_changeable(&mut self) {
        self.facts.forget_state();
        self.facts.forget_vars();
    }

    fn forget(&mut self, root: Root) {
        self.changes += 1;
        self.facts.forget(root);
    }

    fn know(&mut self, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            let var = matches!(fact.root, Root::Local(id) if self.locals[id.0 as usize].var);
            self.facts.learn(fact, var);
        }
    }

    /// What is known after two ways meet.
    fn meet(&mut self, ways: Vec<(bool, Facts)>) {
        let open = ways.into_iter().filter(|(never, _)| !never).map(|(_, facts)| facts);
        let common = open.reduce(|mut common, facts| {
            common.keep_common(&facts);
            common
        });
        self.facts = common.unwrap_or_else(|| std::mem::take(&mut self.facts));
    }

    /// The place an expression reads, if it is one.
    fn place(expr: &Expr) -> Option<Fact> {
        match &expr.kind {
            ExprKind::Local(id) => Some(Fact { root: Root::Local(*id), path: Vec::new() }),
            ExprKind::State(cell) => Some(Fact { root: Root::State(*cell), path: Vec::new() }),
            ExprKind::Unwrap(inner) => Self::place(inner),
            ExprKind::Field(object, index) => {
                let mut fact = Self::place(object)?;
                fact.path.push(*index);
                Some(fact)
            }
            _ => None,
        }
    }

    /// The value inside, where it is known to be there.
    fn narrow(&self, expr: Expr) -> Expr {
        let Some(inner) = self.types().inner(expr.ty) else { return expr };
        match Self::place(&expr) {
            Some(fact) if self.facts.holds(&fact) => unwrap(expr, inner),
            _ => expr,
        }
    }

    /// What an expression takes for granted although it is not known any more.
    fn stale<'e>(&self, expr: &'e Expr) -> Option<&'e Expr> {
        if let ExprKind::Unwrap(inner) = &expr.kind
            && let Some(fact) = Self::place(inner)
            && !self.facts.holds(&fact)
        {
            return Some(expr);
        }
        let mut found = None;
        expr.parts(&mut |part| found = found.or_else(|| self.stale(part)));
        found
    }

    // ---- small builders

    fn error(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::Error, ty: Ty::UNKNOWN, span }
    }

    fn unit(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span }
    }

    /// `{ let local = value; body }`.
    fn with_local(&self, local: LocalId, value: Expr, body: Expr) -> Expr {
        let (ty, span) = (body.ty, body.span);
        let pattern = Pattern { kind: PatternKind::Bind(local), ty: value.ty, span: value.span };
        let stmts = vec![Stmt::Let { pattern, value }];
        Expr { kind: ExprKind::Block { stmts, value: Some(Box::new(body)) }, ty, span }
    }

    fn constant(&self, value: Value, ty: Ty, span: Span) -> Expr {
        Expr { kind: ExprKind::Const(value), ty, span }
    }

    fn kind_of(&self, ty: Ty) -> Kind {
        self.types().kind(ty)
    }
}

/// `expr`, which is not none.
fn unwrap(expr: Expr, inner: Ty) -> Expr {
    let span = expr.span;
    Expr { kind: ExprKind::Unwrap(Box::new(expr)), ty: inner, span }
}
