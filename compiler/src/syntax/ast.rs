//! The syntax tree: what the author wrote, with places, nothing bound or checked. No grammar-tool type leaves `syntax`.
//!
//! Where the source has a hole (a marker of the grammar), the tree has `Missing`; a diagnostic was given already, so
//! later stages treat it as unknown and stay silent.

use crate::source::{FileId, Span};

/// A name with its place. Empty text where the name is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The identifier.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// One parsed file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Which.
    pub id: FileId,
    /// Top-level items in order.
    pub items: Vec<Item>,
    /// What could not be read well enough to say more about it.
    pub lost: Vec<Lost>,
}

/// A place whose meaning is lost: complaints about it, or about not finding what it declares, are consequences.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The place.
    pub span: Span,
    /// Words in it that may have been declared; empty if even the name is missing.
    pub names: Vec<String>,
    /// Where those names mean something; everywhere if `None`.
    pub scope: Option<Span>,
}

/// A top-level item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Doc comment lines, joined, without slashes.
    pub doc: String,
    /// Annotations.
    pub annotations: Vec<Annotation>,
    /// Whether `pub`.
    pub public: bool,
    /// What is declared.
    pub decl: Decl,
    /// The whole item without trailing trivia.
    pub span: Span,
}

impl Item {
    /// Makes a result that was not written an unknown one.
    pub(super) fn forget_result(&mut self) {
        let sig = match &mut self.decl {
            Decl::Fn(f) | Decl::Flow(f) => &mut f.sig,
            Decl::Activity { sig, .. } => sig,
            Decl::Workflow(w) => &mut w.sig,
            _ => return,
        };
        let span = sig.span;
        sig.result.get_or_insert(TypeExpr { kind: TypeKind::Missing, span });
    }
}

/// `@name("old")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Its name.
    pub name: Name,
    /// Arguments.
    pub args: Vec<Arg>,
    /// Place.
    pub span: Span,
}

/// A declaration.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum Decl {
    Import {
        path: Name,
        names: Vec<Name>,
        alias: Option<Name>,
    },
    Default {
        kind: DefaultKind,
        with: With,
    },
    Const {
        name: Name,
        ty: Option<TypeExpr>,
        value: Expr,
    },
    Alias {
        name: Name,
        generics: Vec<Name>,
        ty: TypeExpr,
    },
    Record {
        name: Name,
        generics: Vec<Name>,
        fields: Vec<Param>,
    },
    Error {
        name: Name,
        fields: Vec<Param>,
    },
    Enum {
        name: Name,
        generics: Vec<Name>,
        variants: Vec<VariantDecl>,
    },
    Fn(FnDecl),
    Flow(FnDecl),
    Activity {
        name: Name,
        sig: Sig,
        with: Option<With>,
    },
    Workflow(WorkflowDecl),
    Schedule {
        name: Name,
        runs: Name,
        args: Vec<Arg>,
        with: With,
    },
    Test {
        name: StringLit,
        body: Block,
    },
    /// A declaration whose beginning could not be read.
    Missing,
}

/// What `default` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DefaultKind {
    Activity,
    Workflow,
    Missing,
}

/// `Rejected(by: String)`.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantDecl {
    /// Doc comment.
    pub doc: String,
    /// Annotations.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Name,
    /// Payload.
    pub fields: Vec<Param>,
}

/// `fn` or `flow`.
#[derive(Debug, Clone, PartialEq)]
pub struct FnDecl {
    /// Its name.
    pub name: Name,
    /// Type parameters.
    pub generics: Vec<Name>,
    /// Signature.
    pub sig: Sig,
    /// Body: `= expr` is a block of that expression.
    pub body: Block,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowDecl {
    /// Its name.
    pub name: Name,
    /// Signature.
    pub sig: Sig,
    /// Options.
    pub with: Option<With>,
    /// State, signals, queries, updates, in order.
    pub members: Vec<Member>,
    /// The statements between and after them, in order.
    pub body: Block,
}

/// A member of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Doc comment.
    pub doc: String,
    /// Annotations.
    pub annotations: Vec<Annotation>,
    /// What it is.
    pub kind: MemberKind,
    /// Place.
    pub span: Span,
}

impl Member {
    /// Its name, if it could be read.
    pub fn name(&self) -> Option<&Name> {
        match &self.kind {
            MemberKind::State { name, .. }
            | MemberKind::Signal { name, .. }
            | MemberKind::Query { name, .. }
            | MemberKind::Update { name, .. } => Some(name),
            MemberKind::Missing => None,
        }
    }
}

/// Kinds of members.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum MemberKind {
    State { public: bool, indexed: bool, name: Name, ty: Option<TypeExpr>, value: Option<Expr> },
    Signal { name: Name, params: Vec<Param>, body: Option<Block> },
    Query { name: Name, params: Vec<Param>, result: TypeExpr, body: Block },
    Update { name: Name, sig: Sig, with: Option<With>, check: Option<Block>, body: Block },
    Missing,
}

/// `(params) -> result throws E, F`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sig {
    /// Parameters.
    pub params: Vec<Param>,
    /// Result; `None` is `Unit`.
    pub result: Option<TypeExpr>,
    /// Declared errors.
    pub throws: Vec<Name>,
    /// Place.
    pub span: Span,
}

/// `name: Type = default`; also a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Doc comment (fields).
    pub doc: String,
    /// Annotations (fields).
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// Its default.
    pub default: Option<Expr>,
}

/// `with { key: value, .. }`.
#[derive(Debug, Clone, PartialEq)]
pub struct With {
    /// Options in order.
    pub options: Vec<(Name, Expr)>,
    /// Place.
    pub span: Span,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    /// What.
    pub kind: TypeKind,
    /// Where.
    pub span: Span,
}

/// Forms of types.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum TypeKind {
    /// `a.b.Name<T>`; the path in one piece of text.
    Path {
        name: Name,
        args: Vec<TypeExpr>,
    },
    /// `(A, B)`; `()` is `Unit`.
    Tuple(Vec<TypeExpr>),
    /// `(A) => B`.
    Fn {
        params: Vec<TypeExpr>,
        result: Box<TypeExpr>,
    },
    /// `{ a: A }`.
    Record(Vec<Param>),
    /// `T?`.
    Option(Box<TypeExpr>),
    Missing,
}

/// `{ stmts }`. Its value is its last statement's, if that is an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Statements.
    pub stmts: Vec<Stmt>,
    /// Place, braces included.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// What.
    pub kind: StmtKind,
    /// Where.
    pub span: Span,
}

/// Forms of statements.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum StmtKind {
    Let {
        var: bool,
        pattern: Pattern,
        ty: Option<TypeExpr>,
        value: Expr,
        undo: Option<Expr>,
    },
    /// `place op= value`; `op` is `None` for plain `=`. The place is a name with fields and indexes.
    Assign {
        place: Expr,
        op: Option<BinaryOp>,
        value: Expr,
        undo: Option<Expr>,
    },
    While {
        cond: Expr,
        body: Block,
    },
    For {
        pattern: Pattern,
        items: Expr,
        body: Block,
    },
    Sleep {
        until: bool,
        value: Expr,
    },
    Defer(Block),
    OnCancel(Block),
    Expr {
        expr: Expr,
        undo: Option<Expr>,
    },
    /// A nested bare block.
    Block(Block),
    Assert(Expr),
    Advance {
        until: bool,
        value: Expr,
    },
    Crash,
    Mock {
        path: Name,
        patterns: Vec<Pattern>,
        rest: bool,
        times: Option<Expr>,
        arm: Box<Expr>,
    },
    /// Unreadable; a diagnostic was given.
    Junk,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// A call argument, perhaps named.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// `name:`.
    pub name: Option<Name>,
    /// Value.
    pub value: Expr,
}

/// A string in pieces.
#[derive(Debug, Clone, PartialEq)]
pub struct StringLit {
    /// Text (escapes resolved) and holes by turns, in order.
    pub parts: Vec<StringPart>,
    /// Place.
    pub span: Span,
}

/// A piece of a string.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum StringPart {
    Text(String),
    Hole(Expr),
}

/// A number literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// Whole, underscores removed; the text, as it may not fit.
    Int(String),
    /// With a point; the text.
    Dotted(String),
    /// `1h30m` in milliseconds; `None` if it overflows.
    Duration(Option<i64>),
    /// `64KiB` in bytes; `None` if it overflows.
    Size(Option<i64>),
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    /// `??`; the right side may be a `never` expression.
    Coalesce,
    Range,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Forms of expressions.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum ExprKind {
    Name(String),
    Number(Number),
    String(StringLit),
    Bool(bool),
    None,
    /// A type, where an option takes one: `progress: List<Int>`.
    Type(Box<TypeExpr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `[k: v]`, `[:]`.
    Map(Vec<(Expr, Expr)>),
    /// `(a, b)`; `()` is unit; one element is the element itself (never here).
    Tuple(Vec<Expr>),
    /// `{ ...r, a: 1, b }`.
    Record {
        spreads: Vec<Expr>,
        slots: Vec<(Name, Option<Expr>)>,
    },
    Call {
        callee: Box<Expr>,
        args: Vec<Arg>,
        with: Option<With>,
    },
    Index {
        object: Box<Expr>,
        index: Box<Expr>,
    },
    /// `a.b`, `a?.b`, `a.0`.
    Access {
        object: Box<Expr>,
        optional: bool,
        name: Name,
    },
    /// `expr catch pattern => handler`.
    Catch {
        body: Box<Expr>,
        pattern: Pattern,
        handler: Box<Expr>,
    },
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Lambda {
        params: Vec<Name>,
        body: Box<Expr>,
    },
    Block(Block),
    /// `sleep` as an arm.
    Sleep {
        until: bool,
        value: Box<Expr>,
    },
    If {
        let_pattern: Option<Pattern>,
        cond: Box<Expr>,
        then: Block,
        otherwise: Option<Box<Expr>>,
    },
    Match {
        value: Box<Expr>,
        arms: Vec<MatchArm>,
    },
    ParallelBlock {
        args: Vec<Arg>,
        branches: Vec<Expr>,
    },
    ParallelFor {
        args: Vec<Arg>,
        pattern: Pattern,
        items: Box<Expr>,
        body: Block,
    },
    Race(Vec<Expr>),
    Select(Vec<SelectBranch>),
    Try {
        body: Block,
        catches: Vec<(Pattern, Block)>,
    },
    Saga(Block),
    Within {
        limit: Box<Expr>,
        body: Block,
        otherwise: Option<Box<Expr>>,
    },
    Patch {
        deprecated: bool,
        id: StringLit,
        mode: Option<PatchWord>,
        body: Block,
        otherwise: Option<Block>,
    },
    WaitUntil {
        cond: Box<Expr>,
        timeout: Option<Box<Expr>>,
        otherwise: Option<Box<Expr>>,
    },
    Receive {
        signal: Name,
        timeout: Option<Box<Expr>>,
        otherwise: Option<Box<Expr>>,
    },
    SpawnBlock(Block),
    Spawn(Box<Expr>),
    Await(Box<Expr>),
    Start(Box<Expr>),
    Send(Box<Expr>),
    Return(Option<Box<Expr>>),
    Throw(Box<Expr>),
    Break,
    Continue,
    ContinueAsNew(Vec<Arg>),
    /// A hole in the source.
    Missing,
}

/// `each` or `sticky`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PatchWord {
    Each,
    Sticky,
}

/// `pattern if guard => body`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchArm {
    /// Pattern.
    pub pattern: Pattern,
    /// Guard.
    pub guard: Option<Expr>,
    /// Body.
    pub body: Expr,
}

/// `source => body`.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectBranch {
    /// What it waits for.
    pub source: SelectSource,
    /// Body.
    pub body: Expr,
    /// Place.
    pub span: Span,
}

/// Sources of `select`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum SelectSource {
    Receive { signal: Name, patterns: Option<Vec<Pattern>> },
    Await { task: Expr, pattern: Option<Pattern> },
    After(Expr),
    At(Expr),
    When(Expr),
}

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// What.
    pub kind: PatternKind,
    /// Where.
    pub span: Span,
}

/// Forms of patterns.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields are the grammar's words")]
pub enum PatternKind {
    Wildcard,
    Number(Number),
    String(StringLit),
    Bool(bool),
    None,
    /// A name or path: a binding, a variant or an error type, decided by what it means. `args` if called.
    Path {
        name: Name,
        args: Option<Vec<Pattern>>,
    },
    Tuple(Vec<Pattern>),
    /// `{ a, b, .. }`.
    Record {
        fields: Vec<Name>,
        rest: bool,
    },
    Or(Vec<Pattern>),
    As {
        pattern: Box<Pattern>,
        name: Name,
    },
    Missing,
}
