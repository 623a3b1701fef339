//! The tree after names are bound, types are known and sugar is gone. `types` builds it from the syntax tree,
//! `effects` checks it, `codegen` walks it once.
//!
//! Every expression has its type. All locals of a declaration live in one table, also those of nested [`Frame`]s
//! (branches, conditions, lambdas), which become functions of their own and name what they capture.

use weft_bytecode::op::Native;

use crate::source::Span;
use crate::syntax::ast::BinaryOp;
use crate::types::{DefId, Ty};

pub(crate) mod annotations;
pub(crate) mod lower;
pub(crate) mod options;
pub(crate) mod program;
mod tasks;
pub(crate) mod testing;
pub(crate) mod value;

pub(crate) use value::Value;

/// Index into [`Function::locals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LocalId(pub u32);

/// A name with a value: parameter, `let`, `var`, pattern binding or a value the compiler keeps.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub name: String,
    pub ty: Ty,
    pub span: Span,
    /// Whether it may be assigned.
    pub var: bool,
    /// Nesting of frames where it is declared; 0 is the function itself.
    pub depth: u32,
}

/// What kind of function a body belongs to. It fixes the effect ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FnKind {
    Fn,
    Flow,
    Body,
    Init,
    Signal,
    Query,
    /// The body of an update.
    Update,
    /// The check of an update.
    Check,
    Test,
}

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: String,
    pub kind: FnKind,
    pub params: Vec<LocalId>,
    pub locals: Vec<Local>,
    pub result: Ty,
    /// Declared errors.
    pub throws: Vec<DefId>,
    pub body: Expr,
    pub span: Span,
}

/// A piece of code that runs as a function of its own: a branch, a condition or a lambda value.
#[derive(Debug)]
pub(crate) struct Frame {
    pub captures: Vec<LocalId>,
    pub params: Vec<LocalId>,
    pub result: Ty,
    pub body: Expr,
}

/// A typed expression.
#[derive(Debug)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub ty: Ty,
    pub span: Span,
}

/// A fact of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunFact {
    WorkflowId,
    RunId,
    StartTime,
    HistoryIsLarge,
    HistoryLength,
}

/// What a loop over a list makes of its elements: a std method with a lambda, inlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gather {
    Map,
    FlatMap,
    Filter,
    Find,
    Any,
    All,
    /// The elements before the first that fails, and from it on.
    TakeWhile,
    DropWhile,
    /// Keys by the body, then a native of the keys and the elements.
    Keyed(Native),
    /// A map with what the body makes of its values.
    Values,
}

impl Gather {
    /// Whether the result is one of the elements, which others hold too.
    pub(crate) fn gives_an_element(self) -> bool {
        matches!(self, Gather::Find | Gather::Keyed(Native::ListMinKeys | Native::ListMaxKeys))
    }
}

/// When a piece of cleanup runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// `defer`: whatever way the body is left.
    Always,
    /// `on cancel`: if a cancel leaves it.
    OnCancel,
    /// `undo`: if its saga fails, which is so many branches around this one.
    Undo { hops: u16 },
}

/// Forms of expressions.
#[derive(Debug)]
pub(crate) enum ExprKind {
    /// Nothing to emit: a mistake was reported.
    Error,
    Unit,
    /// A compile-time value: literals, constants, defaults.
    Const(Value),
    Local(LocalId),
    State(u16),
    Some(Box<Expr>),
    /// Never none here: narrowed or waited for.
    Unwrap(Box<Expr>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    /// Arithmetic and comparison of equal operand types (durations and times aside), `&&`, `||`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Whether an optional is none.
    IsNone(Box<Expr>),
    /// `left ?? right`.
    Coalesce(Box<Expr>, Box<Expr>),
    /// `Int` to `Decimal`.
    Widen(Box<Expr>),
    /// An error as `Failure`.
    Cast(Box<Expr>),
    /// A record, tuple, error or structural record; fields in order.
    New(Vec<Expr>),
    Variant(u16, Vec<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Field(Box<Expr>, u16),
    Index(Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    Native(Native, Vec<Expr>),
    /// Index into [`crate::types::world::World::functions`].
    Call(u32, Vec<Expr>),
    CallLocal(LocalId, Vec<Expr>),
    Closure(Box<Frame>),
    Now,
    Uuid,
    Random,
    Fact(RunFact),
    Log(u16, Box<Expr>),
    /// `args` is the record of the parameters, `options` a structural record.
    Activity {
        activity: u32,
        args: Vec<Expr>,
        options: Option<Box<Expr>>,
    },
    Child {
        workflow: u32,
        args: Vec<Expr>,
        options: Option<Box<Expr>>,
        detached: bool,
    },
    /// A test asks its host: index into [`crate::types::world::World::host`].
    Host {
        call: u32,
        args: Vec<Expr>,
    },
    /// A test tells its host of a mock: `args` are what its code captures.
    Mock {
        call: u32,
        args: Vec<Expr>,
        frame: Box<Frame>,
    },
    Sleep {
        until: bool,
        value: Box<Expr>,
    },
    WaitUntil {
        cond: Box<Frame>,
        timeout: Option<Box<Expr>>,
        otherwise: Option<Box<Expr>>,
    },
    Receive {
        mailbox: u16,
        message: LocalId,
        value: Box<Expr>,
        timeout: Option<Box<Expr>>,
        otherwise: Option<Box<Expr>>,
    },
    Parallel {
        limit: Option<Box<Expr>>,
        collect: bool,
        branches: Vec<Frame>,
    },
    ParallelFor {
        limit: Option<Box<Expr>>,
        collect: bool,
        items: Box<Expr>,
        branch: Box<Frame>,
    },
    Race(Vec<Frame>),
    /// Begins a task of the body around it.
    Spawn(Box<Frame>),
    Await(Box<Expr>),
    Select(Vec<SelectArm>),
    If {
        cond: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Match {
        value: Box<Expr>,
        arms: Vec<Arm>,
    },
    Block {
        stmts: Vec<Stmt>,
        value: Option<Box<Expr>>,
    },
    Try {
        body: Box<Expr>,
        failure: LocalId,
        catches: Vec<Catch>,
    },
    /// A body with a deadline. Without `otherwise`, missing it throws `Timeout`.
    Within {
        limit: Box<Expr>,
        body: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    /// A body that keeps cleanup until it is left: the undos of a `saga`, else what a function or branch defers. The
    /// latter is the whole of that body: nothing of it comes after its cleanup.
    Cleanup {
        saga: bool,
        body: Box<Expr>,
    },
    /// Adds to the cleanup of the body around.
    Defer {
        what: Deferred,
        frame: Box<Frame>,
    },
    /// Without an `otherwise` it is a deprecated one: there is nothing to decide.
    Patch {
        patch: u16,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    Gather {
        gather: Gather,
        items: Box<Expr>,
        item: Pattern,
        body: Box<Expr>,
    },
    /// `items.fold(init, (acc, x) => body)`.
    Fold {
        items: Box<Expr>,
        init: Box<Expr>,
        acc: LocalId,
        item: Pattern,
        body: Box<Expr>,
    },
    /// Evaluates, and with what is inside the optional goes on: `a?.b`.
    Chain {
        value: Box<Expr>,
        bind: LocalId,
        body: Box<Expr>,
    },
    Return(Option<Box<Expr>>),
    /// Tells another run something and goes on.
    Send {
        run: Box<Expr>,
        /// What the run is of.
        workflow: u32,
        /// Which of the signals of that workflow; a request to cancel if none.
        signal: Option<u32>,
        args: Vec<Expr>,
    },
    /// Goes on as a new run of the workflow, which is the one the body is of.
    ContinueAsNew {
        workflow: u32,
        args: Vec<Expr>,
    },
    Throw(Box<Expr>),
    Break,
    Continue,
}

/// An arm of a `select`. Its body begins with taking what the source gives.
#[derive(Debug)]
pub(crate) struct SelectArm {
    pub source: SelectSource,
    pub body: Expr,
    pub span: Span,
}

/// What an arm of a `select` waits for.
#[derive(Debug)]
pub(crate) enum SelectSource {
    Message(u16),
    Task(LocalId),
    After(Expr),
    At(Expr),
    When(Box<Frame>),
    /// A mistake was reported.
    Unknown,
}

/// An arm of a `match`.
#[derive(Debug)]
pub(crate) struct Arm {
    pub pattern: Pattern,
    pub guard: Option<Expr>,
    pub body: Expr,
}

/// A `catch`: which error, the name it gets, and what happens.
#[derive(Debug)]
pub(crate) struct Catch {
    /// `None` takes everything but `Canceled`.
    pub errors: Option<Vec<DefId>>,
    pub bind: Option<Pattern>,
    /// The type the pattern sees: the error's, or `Failure`.
    pub ty: Ty,
    pub body: Expr,
    pub span: Span,
}

/// A statement.
#[derive(Debug)]
pub(crate) enum Stmt {
    Let { pattern: Pattern, value: Expr },
    Assign { place: Place, value: Expr, span: Span },
    While { cond: Expr, body: Expr, span: Span },
    For { item: Pattern, items: Expr, body: Expr, span: Span },
    Expr(Expr),
}

/// Where an assignment goes: a `var` or a state cell, and a way into it.
#[derive(Debug)]
pub(crate) struct Place {
    pub root: Root,
    /// Type of the root.
    pub ty: Ty,
    pub steps: Vec<Step>,
}

/// The root of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Root {
    Local(LocalId),
    State(u16),
}

/// A step into a value, with the type found there.
#[derive(Debug)]
pub(crate) enum Step {
    Field(u16, Ty),
    Index(Expr, Ty),
    Key(Expr, Ty),
}

/// A typed pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub kind: PatternKind,
    pub ty: Ty,
    pub span: Span,
}

/// Forms of patterns.
#[derive(Debug)]
pub(crate) enum PatternKind {
    Wildcard,
    Bind(LocalId),
    /// Equal to a constant.
    Value(Value),
    None,
    Some(Box<Pattern>),
    Variant(u16, Vec<Pattern>),
    /// Fields of a tuple or record, by index.
    Fields(Vec<(u16, Pattern)>),
    Or(Vec<Pattern>),
    As(Box<Pattern>, LocalId),
}

impl Expr {
    /// Whether evaluating it twice or late is the same: it reads and does nothing else.
    pub(crate) fn is_simple(&self) -> bool {
        match &self.kind {
            ExprKind::Unit | ExprKind::Const(_) | ExprKind::Local(_) | ExprKind::State(_) | ExprKind::Now => true,
            ExprKind::Some(e)
            | ExprKind::Unwrap(e)
            | ExprKind::Not(e)
            | ExprKind::Neg(e)
            | ExprKind::IsNone(e)
            | ExprKind::Widen(e)
            | ExprKind::Cast(e)
            | ExprKind::Field(e, _) => e.is_simple(),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => a.is_simple() && b.is_simple(),
            ExprKind::New(es) | ExprKind::Variant(_, es) | ExprKind::List(es) | ExprKind::Concat(es) => {
                es.iter().all(Expr::is_simple)
            }
            ExprKind::Native(_, es) => es.iter().all(Expr::is_simple),
            _ => false,
        }
    }

    /// Calls `visit` with each direct part, frames included.
    pub(crate) fn parts<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        use ExprKind::*;
        match &self.kind {
            Error | Unit | Const(_) | Local(_) | State(_) | Now | Uuid | Random | Fact(_) | Break | Continue => {}
            Some(e)
            | Unwrap(e)
            | Not(e)
            | Neg(e)
            | IsNone(e)
            | Widen(e)
            | Cast(e)
            | Field(e, _)
            | Log(_, e)
            | Throw(e)
            | Await(e)
            | Sleep { value: e, .. } => visit(e),
            Binary(_, a, b) | Coalesce(a, b) | Index(a, b) => {
                visit(a);
                visit(b);
            }
            ContinueAsNew { args: es, .. }
            | New(es)
            | Variant(_, es)
            | List(es)
            | Concat(es)
            | Native(_, es)
            | Call(_, es)
            | CallLocal(_, es) => {
                es.iter().for_each(visit);
            }
            Map(pairs) => pairs.iter().for_each(|(k, v)| {
                visit(k);
                visit(v);
            }),
            Closure(frame) => visit(&frame.body),
            Host { args, .. } => args.iter().for_each(visit),
            Mock { args, frame, .. } => {
                args.iter().for_each(&mut *visit);
                visit(&frame.body);
            }
            Send { run, args, .. } => {
                visit(run);
                args.iter().for_each(visit);
            }
            Activity { args, options, .. } | Child { args, options, .. } => {
                args.iter().for_each(&mut *visit);
                options.iter().for_each(|e| visit(e));
            }
            WaitUntil { cond, timeout, otherwise } => {
                visit(&cond.body);
                timeout.iter().chain(otherwise).for_each(|e| visit(e));
            }
            Receive { value, timeout, otherwise, .. } => {
                visit(value);
                timeout.iter().chain(otherwise).for_each(|e| visit(e));
            }
            Parallel { limit, branches, .. } => {
                limit.iter().for_each(|e| visit(e));
                branches.iter().for_each(|f| visit(&f.body));
            }
            ParallelFor { limit, items, branch, .. } => {
                limit.iter().for_each(|e| visit(e));
                visit(items);
                visit(&branch.body);
            }
            Race(branches) => branches.iter().for_each(|f| visit(&f.body)),
            Spawn(task) => visit(&task.body),
            Select(arms) => {
                for arm in arms {
                    match &arm.source {
                        SelectSource::After(value) | SelectSource::At(value) => visit(value),
                        SelectSource::When(cond) => visit(&cond.body),
                        SelectSource::Message(_) | SelectSource::Task(_) | SelectSource::Unknown => {}
                    }
                }
                arms.iter().for_each(|arm| visit(&arm.body));
            }
            If { cond, then, otherwise } => {
                visit(cond);
                visit(then);
                visit(otherwise);
            }
            Match { value, arms } => {
                visit(value);
                for arm in arms {
                    arm.guard.iter().for_each(&mut *visit);
                    visit(&arm.body);
                }
            }
            Block { stmts, value } => {
                stmts.iter().for_each(|s| s.parts(visit));
                value.iter().for_each(|e| visit(e));
            }
            Within { limit, body, otherwise } => {
                visit(limit);
                visit(body);
                otherwise.iter().for_each(|e| visit(e));
            }
            Cleanup { body, .. } => visit(body),
            Defer { frame, .. } => visit(&frame.body),
            Try { body, catches, .. } => {
                visit(body);
                catches.iter().for_each(|c| visit(&c.body));
            }
            Patch { then, otherwise, .. } => {
                visit(then);
                otherwise.iter().for_each(|e| visit(e));
            }
            Gather { items, body, .. } => {
                visit(items);
                visit(body);
            }
            Fold { items, init, body, .. } => {
                visit(items);
                visit(init);
                visit(body);
            }
            Chain { value, body, .. } => {
                visit(value);
                visit(body);
            }
            Return(e) => e.iter().for_each(|e| visit(e)),
        }
    }
}

impl Stmt {
    /// As [`Expr::parts`].
    pub(crate) fn parts<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Stmt::Let { value, .. } => visit(value),
            Stmt::Assign { place, value, .. } => {
                for step in &place.steps {
                    if let Step::Index(e, _) | Step::Key(e, _) = step {
                        visit(e);
                    }
                }
                visit(value);
            }
            Stmt::While { cond, body, .. } => {
                visit(cond);
                visit(body);
            }
            Stmt::For { items, body, .. } => {
                visit(items);
                visit(body);
            }
            Stmt::Expr(e) => visit(e),
        }
    }
}
