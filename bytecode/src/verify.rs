//! What running a program relies on, checked once. An untrusted program enters only through here.

use thiserror::Error;

use crate::op::{Native, Op, Operand};
use crate::program::{Function, Program};
use crate::types::builtin;

/// A rule that a program breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the program is not valid: {}{message}", place(function, *pc))]
pub struct VerifyError {
    /// The function, if the fault is in one.
    pub function: Option<String>,
    /// The instruction, if the fault is in one.
    pub pc: Option<u32>,
    /// What is wrong.
    pub message: String,
}

fn place(function: &Option<String>, pc: Option<u32>) -> String {
    match (function, pc) {
        (Some(function), Some(pc)) => format!("`{function}` at pc {pc}: "),
        (Some(function), None) => format!("`{function}`: "),
        _ => String::new(),
    }
}

/// Checks a program.
///
/// # Errors
/// The first rule that is broken.
pub fn verify(program: &Program) -> Result<(), VerifyError> {
    let types = builtin::all();
    if program.types.get(..types.len()) != Some(&types[..]) {
        return Err(VerifyError {
            function: None,
            pc: None,
            message: "the type table does not begin with the built-in types".into(),
        });
    }
    for function in &program.functions {
        let at = |pc: Option<u32>, message: String| VerifyError { function: Some(function.name.clone()), pc, message };
        let mut pc = 0;
        while (pc as usize) < function.code.len() {
            pc = instruction(program, function, pc).map_err(|message| at(Some(pc), message))?;
        }
    }
    Ok(())
}

fn instruction(program: &Program, function: &Function, pc: u32) -> Result<u32, String> {
    let instr = function.code[pc as usize];
    let op = instr.op().filter(|op| *op != Op::Arg).ok_or("no instruction")?;
    let slots = [instr.a(), instr.b(), instr.c()];
    let within = |what: &str, index: usize, length: usize| match index < length {
        true => Ok(()),
        false => Err(format!("{what} {index} does not exist")),
    };
    let mut next = pc + 1;
    for (slot, (_, kind)) in slots.into_iter().zip(op.operands()) {
        let index = usize::from(slot);
        match kind {
            Operand::Dst | Operand::Src | Operand::Var => within("register", index, function.regs.len())?,
            Operand::Const => within("constant", instr.imm() as usize, program.constants.len())?,
            Operand::Label => within("pc", instr.imm() as usize, function.code.len())?,
            Operand::Func => within("function", index, program.functions.len())?,
            Operand::Type => within("type", index, program.types.len())?,
            Operand::Native => within("native", index, Native::ALL.len())?,
            Operand::Activity => within("activity", index, program.activities.len())?,
            Operand::Workflow => within("workflow", index, program.workflows.len())?,
            Operand::Patch => within("patch", index, program.patches.len())?,
            Operand::Args => next += (u32::from(slot) & 0x7fff).div_ceil(3),
            Operand::Index | Operand::Imm | Operand::State | Operand::Mailbox => {}
        }
    }
    Ok(next)
}
