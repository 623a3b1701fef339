//! A program made ready to run: verified, with everything the interpreter looks up decoded once.

use std::sync::{Arc, OnceLock};

use rust_decimal::Decimal;
use rustc_hash::FxHashMap;
use weft_bytecode::op::{DETACHED, Instr, Op};
use weft_bytecode::types::{Type, TypeId};
use weft_bytecode::verify::{self, VerifyError};
use weft_bytecode::wire::text;
use weft_bytecode::{Constant, FuncId, Handler, Program, ProgramHash, codec};

use crate::coverage::Executed;
use crate::layout::Layouts;
use crate::native::Patterns;

/// A verified program with derived tables. Shared by all runs of it.
#[derive(Debug)]
pub struct Loaded {
    program: Arc<Program>,
    hash: ProgramHash,
    pub(crate) layouts: Layouts,
    pub(crate) code: Vec<Code>,
    pub(crate) constants: Vec<Ready>,
    errors: FxHashMap<String, TypeId>,
    pub(crate) patterns: Patterns,
    /// Where it is measured which code runs.
    pub(crate) executed: Option<Executed>,
}

/// A decoded instruction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inst {
    pub(crate) op: Op,
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) c: u16,
}

impl Inst {
    pub(crate) fn imm(self) -> u32 {
        u32::from(self.b) | u32::from(self.c) << 16
    }

    /// How many argument registers follow; the flag bit of `StartChild` is not part of it.
    pub(crate) fn argc(self) -> usize {
        usize::from(self.c & !DETACHED)
    }

    /// The pc after this instruction and its argument words.
    pub(crate) fn after(self, pc: u32) -> u32 {
        pc + 1 + if self.op.has_args() { self.argc().div_ceil(3) as u32 } else { 0 }
    }
}

/// A function as the interpreter sees it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) insts: Box<[Inst]>,
    pub(crate) params: u16,
    pub(crate) regs: Box<[TypeId]>,
    /// Registers that hold references.
    pub(crate) refs: Box<[u16]>,
    pub(crate) result: TypeId,
    pub(crate) handlers: Box<[Handler]>,
    stops: OnceLock<FxHashMap<u32, Box<[u64]>>>,
}

impl Code {
    /// The argument registers of the instruction at a pc.
    pub(crate) fn args(&self, pc: u32) -> impl Iterator<Item = u16> + '_ {
        let (inst, words) = (self.insts[pc as usize], &self.insts[pc as usize + 1..]);
        (0..inst.argc()).map(|n| {
            let word = words[n / 3];
            [word.a, word.b, word.c][n % 3]
        })
    }

    /// Whether a frame can be met here from outside: at its beginning, behind a `Fuel`, at a call or a wait.
    fn can_stop(&self, pc: u32) -> bool {
        let behind_fuel = pc > 0 && self.insts[pc as usize - 1].op == Op::Fuel;
        let op = self.insts[pc as usize].op;
        pc == 0 || behind_fuel || op.suspends() || matches!(op, Op::Call | Op::CallClosure | Op::Leave)
    }
}

/// A constant in the form it is copied from.
#[derive(Debug)]
pub(crate) enum Ready {
    Scalar(u64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Decimal(Decimal),
    Json(Box<str>),
}

impl Loaded {
    /// Verifies a program and prepares it.
    ///
    /// # Errors
    /// If the program breaks a rule that running it relies on.
    pub fn new(program: Program) -> Result<Arc<Loaded>, VerifyError> {
        Loaded::build(program).map(Arc::new)
    }

    /// As [`Loaded::new`], and from here on it is kept which of its instructions were executed.
    ///
    /// # Errors
    /// As [`Loaded::new`].
    pub fn measured(program: Program) -> Result<Arc<Loaded>, VerifyError> {
        let mut loaded = Loaded::build(program)?;
        loaded.executed = Some(Executed::none(&loaded.program));
        Ok(Arc::new(loaded))
    }

    fn build(program: Program) -> Result<Loaded, VerifyError> {
        verify::verify(&program)?;
        let hash = codec::hash_program(&program);
        let layouts = Layouts::new(&program);
        let code = program
            .functions
            .iter()
            .map(|f| Code {
                insts: f.code.iter().map(|i| decoded(*i)).collect(),
                params: f.params,
                regs: f.regs.clone().into(),
                refs: (0..f.regs.len() as u16).filter(|r| layouts.is_ref(f.regs[usize::from(*r)])).collect(),
                result: f.result,
                handlers: f.handlers.clone().into(),
                stops: OnceLock::new(),
            })
            .collect();
        let constants = program.constants.iter().map(ready).collect();
        let errors = program.types.iter().zip(0u16..).filter_map(|(ty, id)| match ty {
            Type::Error { name, .. } => Some((name.clone(), TypeId(id))),
            _ => None,
        });
        // A name that occurs twice means its first type, as in `wire::error_named`.
        let mut by_name = FxHashMap::default();
        for (name, id) in errors {
            by_name.entry(name).or_insert(id);
        }
        let (errors, patterns, executed, program) = (by_name, Patterns::default(), None, Arc::new(program));
        Ok(Loaded { hash, layouts, code, constants, errors, patterns, executed, program })
    }

    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Of each instruction of a function whether it was executed; nothing if that is not measured.
    pub fn executed(&self, func: FuncId) -> impl Iterator<Item = bool> + '_ {
        self.executed.iter().flat_map(move |executed| executed.of(func))
    }

    /// Its hash.
    pub fn hash(&self) -> ProgramHash {
        self.hash
    }

    pub(crate) fn ty(&self, id: TypeId) -> &Type {
        self.program.ty(id)
    }

    pub(crate) fn is_ref(&self, id: TypeId) -> bool {
        self.layouts.is_ref(id)
    }

    pub(crate) fn result_of(&self, id: FuncId) -> TypeId {
        self.func(id).result
    }

    /// Whether a register certainly has a value in a frame that stands at `pc`; `None` if no frame can stand there.
    pub(crate) fn is_assigned(&self, func: FuncId, pc: u32, reg: u16) -> Option<bool> {
        let code = self.func(func);
        let stops = code.stops.get_or_init(|| {
            let states = verify::assigned(&self.program, &self.program.functions[usize::from(func.0)]);
            let at = (0u32..).zip(states).filter_map(|(pc, state)| Some((pc, state?)));
            at.filter(|(pc, _)| code.can_stop(*pc)).map(|(pc, state)| (pc, state.into())).collect()
        });
        let state = stops.get(&pc)?;
        Some(state[usize::from(reg) / 64] >> (reg % 64) & 1 == 1)
    }

    pub(crate) fn func(&self, id: FuncId) -> &Code {
        &self.code[usize::from(id.0)]
    }

    /// The error type of a name.
    pub(crate) fn error(&self, name: &str) -> Option<TypeId> {
        self.errors.get(name).copied()
    }
}

fn decoded(instr: Instr) -> Inst {
    // Verification refused unknown codes.
    let op = instr.op().unwrap_or(Op::Unreachable);
    Inst { op, a: instr.a(), b: instr.b(), c: instr.c() }
}

fn ready(constant: &Constant) -> Ready {
    match constant {
        Constant::Scalar(slot) => Ready::Scalar(*slot),
        Constant::String(text) => Ready::Text(text.as_str().into()),
        Constant::Bytes(bytes) => Ready::Bytes(bytes.as_slice().into()),
        // Verification read it already.
        Constant::Decimal(digits) => Ready::Decimal(text::parse_decimal(digits).unwrap_or_default()),
        Constant::Json(json) => Ready::Json(json.as_str().into()),
    }
}
