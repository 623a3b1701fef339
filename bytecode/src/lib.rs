//! The treaty between the compiler and the VM: what a compiled program is.
//!
//! A [`Program`] is data: types, constants, functions in register bytecode, and the declarations (workflows,
//! activities, signals, queries, updates) that the engine and the runtime read. Nothing here executes anything, and nothing
//! here knows of files, clocks or sockets. The instruction table ([`op`]) is the one place where an op is described.

pub mod calendar;
pub mod codec;
pub mod listing;
pub mod near;
pub mod op;
pub mod options;
pub mod patches;
pub mod pattern;
pub mod program;
pub mod schedule;
pub mod suite;
pub mod types;
pub mod verify;
pub mod wire;

pub use op::{Instr, Op, Reg};
pub use program::{
    ActivityDef, Constant, FuncId, Function, Handler, PatchDef, PatchMode, Program, ProgramHash, QueryDef, SignalDef,
    SourceFile, Span, StateDef, UpdateDef, WorkflowDef,
};
pub use types::{Field, Type, TypeId, Variant};
