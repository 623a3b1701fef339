//! A compiled program: one per project, with its sources, identified by the hash of its bytes.

use serde::{Deserialize, Serialize};

use crate::op::Instr;
use crate::options::{ActivityOptions, Template, WorkflowOptions};
use crate::schedule::ScheduleDef;
use crate::types::{Field, Type, TypeId};

/// BLAKE3 of the encoded program: the same sources and compiler give the same hash everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProgramHash(pub [u8; 32]);

impl std::fmt::Display for ProgramHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for ProgramHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Index into `Program::functions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FuncId(pub u16);

/// A place in a source file: bytes `start..end` of `Program::sources[file]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Index into `Program::sources`.
    pub file: u16,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A source file as compiled, kept so that lines can be shown for code nobody has on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the project folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A value of the constant pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Constant {
    /// Any scalar by its slot (`Int`, `Float` bits, `Duration`, …).
    Scalar(u64),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A decimal in canonical text.
    Decimal(String),
    /// A `Json` value in canonical text.
    Json(String),
}

/// A range of pcs whose failures go to `target`, with the failure in `reg`. Earlier entries are inner ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// First pc covered.
    pub from: u32,
    /// One past the last pc covered.
    pub to: u32,
    /// Where execution goes on.
    pub target: u32,
    /// Register of type `Failure`.
    pub reg: u16,
}

/// A function in bytecode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// For listings and stack traces: `order`, `order.approve`, `order.parallel#1`.
    pub name: String,
    /// The first `params` registers are the parameters.
    pub params: u16,
    /// Type of what `Return` gives.
    pub result: TypeId,
    /// Type of each register.
    pub regs: Vec<TypeId>,
    /// Instructions.
    pub code: Vec<Instr>,
    /// Source map: from this pc on (until the next entry) the code belongs to this place. Sorted by pc.
    pub sites: Vec<(u32, Span)>,
    /// Exception table, inner ranges first.
    pub handlers: Vec<Handler>,
}

/// A declared activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityDef {
    /// Name on the wire.
    pub name: String,
    /// Record type of the parameters.
    pub args: TypeId,
    /// Result type.
    pub result: TypeId,
    /// Declared error types.
    pub throws: Vec<TypeId>,
    /// What heartbeats report; any JSON if it says nothing.
    pub progress: Option<TypeId>,
    /// Options with all defaults of the file and project applied.
    pub options: ActivityOptions,
    /// Folder of the declaring file relative to the project, where `exec` runs.
    pub folder: String,
    /// Where it is declared.
    pub span: Span,
    /// Doc comment.
    pub doc: String,
}

/// A state cell of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateDef {
    /// Name; the query's name if public, the search attribute's if indexed.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// Whether `pub`: then a query of the same name exists.
    pub public: bool,
    /// Whether `indexed`: a search attribute.
    pub indexed: bool,
}

/// A signal of a workflow: handled by a function, or kept in a mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalDef {
    /// Name on the wire.
    pub name: String,
    /// Record type of the parameters.
    pub args: TypeId,
    /// The handler, called with the parameters as arguments one by one; `None` for a mailbox.
    pub handler: Option<FuncId>,
    /// Mailbox index; meaningful if there is no handler. Dense from 0.
    pub mailbox: u16,
}

/// A query of a workflow, or the reader of a `pub state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryDef {
    /// Name on the wire.
    pub name: String,
    /// Record type of the parameters.
    pub args: TypeId,
    /// Result type.
    pub result: TypeId,
    /// Called with the parameters one by one.
    pub func: FuncId,
}

/// An update of a workflow: a check that only reads, and a body that may wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateDef {
    /// Name on the wire.
    pub name: String,
    /// Record type of the parameters.
    pub args: TypeId,
    /// Result type.
    pub result: TypeId,
    /// Declared error types.
    pub throws: Vec<TypeId>,
    /// Called with the parameters one by one before anything is logged, returns `Unit`; what it throws refuses the
    /// update.
    pub check: Option<FuncId>,
    /// Called with the parameters one by one on a fiber of its own.
    pub body: FuncId,
    /// Whether it runs beside others; else one runs at a time, in the order in which they came.
    pub concurrent: bool,
}

/// When a patch is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PatchMode {
    /// One site outside loops.
    Once,
    /// At every encounter.
    Each,
    /// The first decision holds for the run.
    Sticky,
    /// Always the new code. Nothing is recorded; a mark that an older version left at this place is passed.
    Deprecated,
}

/// A patch site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchDef {
    /// Its id.
    pub id: String,
    /// Its mode.
    pub mode: PatchMode,
}

/// A declared workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowDef {
    /// Name on the wire.
    pub name: String,
    /// Record type of the parameters.
    pub args: TypeId,
    /// Result type.
    pub result: TypeId,
    /// Declared error types.
    pub throws: Vec<TypeId>,
    /// Initialises the state cells; called with the parameters one by one before anything else, returns `Unit`.
    pub init: FuncId,
    /// The body; called with the parameters one by one on fiber `0`.
    pub body: FuncId,
    /// State cells.
    pub state: Vec<StateDef>,
    /// Signals.
    pub signals: Vec<SignalDef>,
    /// Queries and public states.
    pub queries: Vec<QueryDef>,
    /// Updates.
    pub updates: Vec<UpdateDef>,
    /// Template of the workflow id, over the parameters.
    pub id: Option<Template>,
    /// Other options.
    pub options: WorkflowOptions,
    /// Where it is declared.
    pub span: Span,
    /// Doc comment.
    pub doc: String,
}

/// One compiled project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Language edition.
    pub edition: String,
    /// Project name (`weft.toml`, else the file's stem or the folder).
    pub project: String,
    /// Types; the first are [`crate::types::builtin::all`].
    pub types: Vec<Type>,
    /// Constant pool.
    pub constants: Vec<Constant>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Activities.
    pub activities: Vec<ActivityDef>,
    /// Workflows.
    pub workflows: Vec<WorkflowDef>,
    /// Patch sites.
    pub patches: Vec<PatchDef>,
    /// Schedules.
    pub schedules: Vec<ScheduleDef>,
    /// Sources.
    pub sources: Vec<SourceFile>,
}

impl Program {
    /// The type behind an id.
    ///
    /// # Panics
    /// On an id that is not of this program; a verified program has none.
    pub fn ty(&self, id: TypeId) -> &Type {
        &self.types[usize::from(id.0)]
    }

    /// The fields of a record, error or run handle; empty for other types.
    pub fn fields(&self, id: TypeId) -> &[Field] {
        match self.ty(id) {
            Type::Record { fields, .. } | Type::Error { fields, .. } => fields,
            _ => &[],
        }
    }

    /// A workflow by its name on the wire.
    pub fn workflow(&self, name: &str) -> Option<(u16, &WorkflowDef)> {
        let index = self.workflows.iter().position(|w| w.name == name)?;
        Some((index as u16, &self.workflows[index]))
    }

    /// The place of a pc.
    pub fn site(&self, func: FuncId, pc: u32) -> Option<Span> {
        let sites = &self.functions.get(usize::from(func.0))?.sites;
        let after = sites.partition_point(|(from, _)| *from <= pc);
        Some(sites[after.checked_sub(1)?].1)
    }

    /// `file.wf:14` for a place: the form used in histories.
    pub fn line(&self, span: Span) -> String {
        match self.sources.get(usize::from(span.file)) {
            Some(source) => {
                let upto = &source.text.as_bytes()[..(span.start as usize).min(source.text.len())];
                let line = 1 + upto.iter().filter(|b| **b == b'\n').count();
                format!("{}:{line}", source.path)
            }
            None => String::from("?"),
        }
    }
}
