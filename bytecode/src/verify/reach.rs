//! What a workflow's functions can reach uses the workflow's own state cells, mailboxes and parameters, by their types.

use super::function::after;
use super::{Steps, VerifyError};
use crate::op::Op;
use crate::program::{FuncId, Program, WorkflowDef};
use crate::types::{Type, TypeId};

/// Signals that a search for a mailbox passes in the time of a step.
const SIGNALS_A_STEP: usize = 16;

pub(super) fn check(program: &Program, steps: &mut Steps) -> Result<(), VerifyError> {
    program.workflows.iter().try_for_each(|workflow| {
        let mut seen = vec![false; program.functions.len()];
        let handlers = workflow.signals.iter().filter_map(|signal| signal.handler);
        let queries = workflow.queries.iter().map(|query| query.func);
        let updates = workflow.updates.iter().flat_map(|update| update.check.into_iter().chain([update.body]));
        let own = [workflow.init, workflow.body];
        let mut work: Vec<FuncId> = handlers.chain(queries).chain(updates).chain(own).collect();
        while let Some(func) = work.pop() {
            if !std::mem::replace(&mut seen[usize::from(func.0)], true) {
                let size = program.functions[usize::from(func.0)].code.len();
                let taken = steps.take(size * (1 + workflow.signals.len() / SIGNALS_A_STEP));
                taken.map_err(|message| VerifyError { function: None, pc: None, message })?;
                function(program, workflow, func, &mut work)?;
            }
        }
        Ok(())
    })
}

/// Whether a type is what a signal with these parameters gives: their record, but a default has filled in what was left out.
fn is_message(program: &Program, args: TypeId, found: TypeId) -> bool {
    let (Type::Record { name: None, fields: args }, Type::Record { name: None, fields: found }) =
        (program.ty(args), program.ty(found))
    else {
        return args == found;
    };
    args.len() == found.len() && args.iter().zip(found).all(|(a, b)| (&a.name, a.ty) == (&b.name, b.ty))
}

fn function(
    program: &Program,
    workflow: &WorkflowDef,
    func: FuncId,
    work: &mut Vec<FuncId>,
) -> Result<(), VerifyError> {
    let function = &program.functions[usize::from(func.0)];
    let mut pc = 0;
    while let Some(instr) = function.code.get(pc as usize) {
        let Some(op) = instr.op() else { break };
        let reg = |reg: u16| function.regs[usize::from(reg)];
        let cell = |cell: u16| workflow.state.get(usize::from(cell)).map(|state| state.ty);
        let fine = match op {
            Op::Call | Op::Closure | Op::ScopeSpawn => {
                work.push(FuncId(instr.b()));
                true
            }
            Op::LoadState => cell(instr.b()) == Some(reg(instr.a())),
            Op::StoreState => cell(instr.a()) == Some(reg(instr.b())),
            Op::Receive | Op::ReceiveFor => {
                let its = |s: &&crate::program::SignalDef| s.handler.is_none() && s.mailbox == instr.b();
                let args = workflow.signals.iter().find(its).map(|s| s.args);
                matches!((args, program.ty(reg(instr.a()))), (Some(args), Type::Option(found)) if is_message(program, args, *found))
            }
            Op::SelectMailbox => workflow.signals.iter().any(|s| s.handler.is_none() && s.mailbox == instr.b()),
            Op::ContinueAsNew => workflow.args == reg(instr.a()),
            _ => true,
        };
        if !fine {
            return Err(VerifyError {
                function: Some(function.name.clone()),
                pc: Some(pc),
                message: format!(
                    "`{}` does not fit the state, mailboxes or parameters of workflow `{}`",
                    op.name(),
                    workflow.name
                ),
            });
        }
        pc = after(op, *instr, pc);
    }
    Ok(())
}
