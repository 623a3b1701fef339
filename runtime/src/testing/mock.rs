//! A mock at work: its code runs in a machine of its own, which may sleep and then answers or throws.

use std::sync::Arc;

use serde_json::{Map, Value};
use weft_bytecode::suite::MockDef;
use weft_bytecode::{FuncId, Span};
use weft_protocol::command::CommandId;
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Failure, Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Outcome, Then, Vm};

use super::Problem;

/// A `mock` that the test has come by.
#[derive(Debug)]
pub(super) struct Mock {
    pub(super) def: MockDef,
    pub(super) span: Span,
    /// What its code captures, in order.
    pub(super) captures: Vec<Value>,
    /// How many calls it still answers; `None` for all.
    pub(super) left: Option<u32>,
}

/// One attempt in the hands of a mock.
#[derive(Debug)]
pub(super) struct Playing {
    vm: Vm,
    unit: bool,
    pub(super) state: State,
}

/// How far a mock is.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It sleeps.
    Until(Timestamp, CommandId),
    /// It answers.
    Answer(Value),
    Failed(Failure),
    /// Its patterns do not match.
    Other,
}

impl Mock {
    /// Lets the mock look at an attempt's arguments and begin.
    pub(super) fn begin(&self, loaded: &Arc<Loaded>, args: &Payload, now: Timestamp) -> Result<Playing, Problem> {
        let program = loaded.program();
        let workflow = &program.workflows[usize::from(self.def.workflow)];
        let activity = &program.activities[usize::from(self.def.activity)];
        let Value::Object(given) = args.value() else { return Err(Problem::new("no arguments", Some(self.span))) };
        let own = program.fields(activity.args).iter().map(|f| given.get(&f.name).cloned().unwrap_or(Value::Null));
        let values = self.captures.iter().cloned().chain(own);
        let names = program.fields(workflow.args).iter().map(|f| f.name.clone());
        let args = Payload::from(&Value::Object(names.zip(values).collect::<Map<_, _>>()));
        let vm = Vm::new(loaded.clone(), self.def.workflow, &args, [0; 16], &Limits::default());
        let mut playing = Playing { vm, unit: self.def.unit, state: State::Other };
        playing.go_on(Activation::Start, now)?;
        Ok(playing)
    }
}

impl Playing {
    /// Goes on after a sleep.
    pub(super) fn wake(&mut self, op: CommandId, now: Timestamp) -> Result<(), Problem> {
        self.go_on(Activation::Resolved { op, outcome: Outcome::Completed(Payload::null()) }, now)
    }

    fn go_on(&mut self, mut activation: Activation, now: Timestamp) -> Result<(), Problem> {
        loop {
            let step = self.vm.step(activation, &context(now));
            match step.then {
                Then::Slice => activation = Activation::Continue,
                Then::Completed(answer) => {
                    self.state = match answer.value() {
                        Value::Array(mut one) if !one.is_empty() => {
                            State::Answer(if self.unit { Value::Null } else { one.remove(0) })
                        }
                        _ => State::Other,
                    };
                    return Ok(());
                }
                Then::Failed(mut failure) => {
                    failure.retryable = failure.kind == "Fault";
                    self.state = State::Failed(failure);
                    return Ok(());
                }
                Then::Canceled => {
                    self.state = State::Failed(Failure::new("Canceled", "the mock was canceled"));
                    return Ok(());
                }
                Then::Continued { .. } => return Err(Problem::new("a mock cannot continue as new", None)),
                Then::Trapped(trap) => {
                    let program = self.vm.loaded().program().clone();
                    let span = trap.site.and_then(|site| program.site(FuncId(site.func), site.pc));
                    return Err(Problem::new("the mock cannot go on", span).label(trap.message));
                }
                Then::Waiting => {
                    let due = step.commands.iter().find_map(|issued| match &issued.command {
                        Command::StartTimer { due } => Some((*due, issued.id.clone())),
                        _ => None,
                    });
                    let Some((due, op)) = due else { return Err(Problem::new("a mock can only sleep", None)) };
                    if due > now {
                        self.state = State::Until(due, op);
                        return Ok(());
                    }
                    activation = Activation::Resolved { op, outcome: Outcome::Completed(Payload::null()) };
                }
            }
        }
    }
}

/// Where the code of a test stands: in no run.
pub(super) fn context(now: Timestamp) -> Context<'static> {
    static TEST: std::sync::LazyLock<WorkflowId> = std::sync::LazyLock::new(|| WorkflowId::from("test"));
    Context {
        now,
        workflow_id: &TEST,
        run_id: RunId(0),
        started_at: crate::sandbox::BEGINNING,
        history_events: 0,
        history_bytes: 0,
        recorded_patch: None,
    }
}
