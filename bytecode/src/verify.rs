//! What running a program relies on, checked once. An untrusted program enters only through here.
//!
//! Checked: the type table, constants, what declarations refer to, each instruction's operands and types, jumps and
//! handlers, that references are written before they are read, that every loop charges fuel, and that what a workflow
//! can reach uses its state and mailboxes as declared. It ends soon whatever the program is. Not checked here, because handles are plain numbers: that an
//! awaited operation or joined scope is open and gives the type it is read as; the machine looks when it happens.

mod flow;
mod function;
mod natives;
mod reach;
mod types;

#[cfg(test)]
mod tests;

pub use flow::assigned;
pub(crate) use function::after;
pub use types::{NESTING_MAX, PARTS_MAX};

use thiserror::Error;

use crate::program::{FuncId, Program, WorkflowDef};
use crate::types::{Field, Type, TypeId, builtin};
use crate::wire;

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

/// A broken rule, before its place is known.
type Checked<T = ()> = Result<T, String>;

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Steps that checking one program may take, about a second of work. What a compiler makes takes a few for each
/// instruction.
const STEPS_MAX: usize = 1 << 27;

/// The steps that are left.
struct Steps(usize);

impl Steps {
    fn new() -> Steps {
        Steps(STEPS_MAX)
    }

    /// Takes what the next piece of work needs, before it is done.
    fn take(&mut self, steps: usize) -> Checked {
        self.0 = self.0.checked_sub(steps).ok_or_else(|| format!("checking it takes more than {STEPS_MAX} steps"))?;
        Ok(())
    }
}

/// Bytes of the name of a project or workflow.
pub const STORED_NAME_BYTES_MAX: usize = 1_000;

/// Checks a program.
///
/// # Errors
/// The first rule that is broken.
pub fn verify(program: &Program) -> Result<(), VerifyError> {
    let whole = |message| VerifyError { function: None, pc: None, message };
    types::check(program).map_err(whole)?;
    types::constants(program).map_err(whole)?;
    declarations(program).map_err(whole)?;
    let mut steps = Steps::new();
    for function in &program.functions {
        let inside = |(pc, message)| VerifyError { function: Some(function.name.clone()), pc, message };
        function::check(program, function).map_err(inside)?;
        flow::check(program, function, &mut steps).map_err(inside)?;
    }
    program.workflows.iter().try_for_each(|workflow| workflow_def(program, workflow).map_err(whole))?;
    schedules(program).map_err(whole)?;
    reach::check(program, &mut steps)
}

/// Schedules that one program may declare.
pub const SCHEDULES_MAX: usize = 1_000;

/// Schedules run what there is with arguments that it takes, at times that can be read.
fn schedules(program: &Program) -> Checked {
    let count = program.schedules.len();
    require(count <= SCHEDULES_MAX, || format!("it has {count} schedules, {SCHEDULES_MAX} are allowed"))?;
    unique("schedule", program.schedules.iter().map(|s| s.name.as_str()))?;
    program.schedules.iter().try_for_each(|schedule| {
        stored_name("schedule", &schedule.name)?;
        let of = |message: String| format!("schedule `{}`: {message}", schedule.name);
        let definition = &schedule.definition;
        let workflow = program.workflow(&definition.workflow).map(|(_, workflow)| workflow);
        let workflow = workflow.ok_or_else(|| of("its workflow does not exist".into()))?;
        let args = serde_json::from_str(&definition.args).map_err(|error| of(error.to_string()))?;
        let checked = wire::normalize_args(program, workflow.args, &args, wire::Strictness::Input);
        checked.map_err(|error| of(error.to_string()))?;
        definition.check().map(drop).map_err(|error| of(error.to_string()))
    })
}

fn known_type(program: &Program, ty: TypeId) -> Checked<&Type> {
    program.types.get(usize::from(ty.0)).ok_or_else(|| format!("type {} does not exist", ty.0))
}

/// Names, types and indexes of activities, workflows and patches.
fn declarations(program: &Program) -> Checked {
    stored_name("project", &program.project)?;
    program.workflows.iter().try_for_each(|workflow| stored_name("workflow", &workflow.name))?;
    unique("activity", program.activities.iter().map(|a| a.name.as_str()))?;
    unique("workflow", program.workflows.iter().map(|w| w.name.as_str()))?;
    let max = usize::from(u16::MAX);
    let counts = [program.functions.len(), program.activities.len(), program.workflows.len(), program.patches.len()];
    require(counts.iter().all(|count| *count <= max), || "a table has more than 65,535 entries".into())?;
    for activity in &program.activities {
        let of = |message: String| format!("activity `{}`: {message}", activity.name);
        parameters(program, activity.args).map_err(of)?;
        known_type(program, activity.result).map_err(of)?;
        errors(program, &activity.throws).map_err(of)?;
        activity.progress.into_iter().try_for_each(|ty| known_type(program, ty).map(|_| ())).map_err(of)?;
    }
    for workflow in &program.workflows {
        let of = |message: String| format!("workflow `{}`: {message}", workflow.name);
        parameters(program, workflow.args).map_err(of)?;
        known_type(program, workflow.result).map_err(of)?;
        errors(program, &workflow.throws).map_err(of)?;
        workflow.state.iter().try_for_each(|state| known_type(program, state.ty).map(|_| ())).map_err(of)?;
    }
    Ok(())
}

/// A name that a database keeps as text, and looks for.
fn stored_name(what: &str, name: &str) -> Checked {
    let fits = name.len() <= STORED_NAME_BYTES_MAX && !name.chars().any(char::is_control);
    require(fits, || {
        let start: String = name.chars().take(40).collect();
        format!(
            "the name of the {what} {start:?} is longer than {STORED_NAME_BYTES_MAX} bytes or has control characters"
        )
    })
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        require(seen.insert(name), || format!("the {what} `{name}` is declared twice"))?;
    }
    Ok(())
}

/// A record of parameters.
fn parameters(program: &Program, args: TypeId) -> Checked<&[Field]> {
    match known_type(program, args)? {
        Type::Record { fields, .. } => Ok(fields),
        _ => Err("its parameters are no record".into()),
    }
}

fn errors(program: &Program, throws: &[TypeId]) -> Checked {
    throws.iter().try_for_each(|ty| match known_type(program, *ty)? {
        Type::Error { .. } => Ok(()),
        _ => Err("it throws what is no error".into()),
    })
}

/// The functions of a workflow take what they are given.
fn workflow_def(program: &Program, workflow: &WorkflowDef) -> Checked {
    let of = |message: String| format!("workflow `{}`: {message}", workflow.name);
    unique("signal", workflow.signals.iter().map(|s| s.name.as_str())).map_err(of)?;
    unique("query", workflow.queries.iter().map(|q| q.name.as_str())).map_err(of)?;
    unique("update", workflow.updates.iter().map(|u| u.name.as_str())).map_err(of)?;
    let takes = |what: &str, func: FuncId, args: TypeId, result: Option<TypeId>| {
        let params = parameters(program, args)?;
        let function = program.functions.get(usize::from(func.0)).ok_or(format!("the {what} does not exist"))?;
        let same = function
            .regs
            .get(..usize::from(function.params))
            .is_some_and(|own| own.len() == params.len() && own.iter().eq(params.iter().map(|field| &field.ty)));
        require(same, || format!("the {what} takes other parameters than declared"))?;
        let fits = result.is_none_or(|result| function.result == result);
        require(fits, || format!("the {what} returns another type than declared"))
    };
    takes("initialisation", workflow.init, workflow.args, Some(builtin::UNIT)).map_err(of)?;
    takes("body", workflow.body, workflow.args, Some(workflow.result)).map_err(of)?;
    let mut mailboxes = Vec::new();
    for signal in &workflow.signals {
        match signal.handler {
            Some(handler) => takes("signal handler", handler, signal.args, None).map_err(of)?,
            None => {
                parameters(program, signal.args).map_err(of)?;
                mailboxes.push(signal.mailbox);
            }
        }
    }
    mailboxes.sort_unstable();
    let dense = mailboxes.iter().zip(0u16..).all(|(mailbox, place)| *mailbox == place);
    require(dense, || of("its mailboxes are not numbered from 0 without gaps".into()))?;
    for query in &workflow.queries {
        takes("query", query.func, query.args, Some(query.result)).map_err(of)?;
    }
    for update in &workflow.updates {
        known_type(program, update.result).map_err(of)?;
        errors(program, &update.throws).map_err(of)?;
        takes("update", update.body, update.args, Some(update.result)).map_err(of)?;
        if let Some(check) = update.check {
            takes("check", check, update.args, Some(builtin::UNIT)).map_err(of)?;
        }
    }
    Ok(())
}
