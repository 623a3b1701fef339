//! Chains: a run that goes on as a new one hands over its name, and who knows an earlier run of the chain reaches the
//! newest.

use std::collections::VecDeque;
use std::sync::Arc;

use weft_bytecode::wire::{Strictness, normalize_args};
use weft_bytecode::{Program, WorkflowDef};
use weft_engine::{Handover, Succession, Successor, Transition};
use weft_protocol::event::RunRef;
use weft_protocol::{Payload, RunId};
use weft_vm::Loaded;

use super::Partition;
use super::request::OpenRun;

impl Partition {
    /// A run has said that it goes on as a new one. Its end and the beginning of the next run are decided in one go, so
    /// they are in one append.
    pub(super) fn succeed(&mut self, id: RunId, mut ends: Transition) {
        let Some(open) = self.runs.get(&id) else { return };
        let Some(handover) = open.run.handover() else { return };
        let current = self.setup.programs.current(&open.namespace, open.run.workflow());
        let taken = current.and_then(|(loaded, index)| Some((takes(&loaded, index, &handover)?, loaded, index)));
        let (args, loaded, workflow) =
            taken.unwrap_or_else(|| (handover.args.clone(), open.run.loaded().clone(), open.run.workflow_index()));
        let run_id = RunId::new(self.id, self.counter);
        let seed = self.seed(run_id);
        let Some(open) = self.runs.get_mut(&id) else { return };
        let successor = Successor { run_id, loaded, workflow, args, seed };
        let Some(Succession { run, transition: begins, moved }) = open.run.succeed(successor, &mut ends) else {
            return;
        };
        self.counter += 1;
        let next = inherit(open, run, ends.settled.len(), &moved, self.batch);
        let (namespace, parent) = (next.namespace.clone(), next.run.parent().cloned());
        let workflow_id = next.run.me().workflow_id.clone();
        self.absorb(id, ends);
        self.runs.insert(run_id, Box::new(next));
        self.names.insert((namespace, workflow_id), run_id);
        if let Some(parent) = parent {
            self.children.insert((parent.run.run_id, parent.scheduled), run_id);
        }
        self.absorb(run_id, begins);
    }

    /// The open run that has this name, or that the run of this name has become.
    pub(super) fn newest_of(&self, namespace: &Arc<str>, run: &RunRef) -> Option<RunId> {
        if self.runs.contains_key(&run.run_id) {
            return Some(run.run_id);
        }
        let newest = *self.names.get(&(namespace.clone(), run.workflow_id.clone()))?;
        let first = self.runs.get(&newest)?.run.first_of_chain();
        // A chain holds its name from its first run to its newest, so no run of another began in between.
        (first <= run.run_id && run.run_id < newest).then_some(newest)
    }
}

/// Who waits for the end of the old run waits for that of the new one, unless it asked for the old one by its run id.
fn inherit(old: &mut OpenRun, run: weft_engine::Run, settled: usize, moved: &[bool], batch: u64) -> OpenRun {
    let late = old.deferred.split_off(settled.min(old.deferred.len()));
    let mut deferred = VecDeque::new();
    for (then, moves) in late.into_iter().zip(moved) {
        if *moves { deferred.push_back(then) } else { old.deferred.push_back(then) }
    }
    let (waiters, stay) = std::mem::take(&mut old.waiters).into_iter().partition(|waiter| !waiter.this_run_only);
    old.waiters = stay;
    let watchers = std::mem::take(&mut old.watchers);
    OpenRun { waiters, watchers, deferred, ..OpenRun::new(run, old.namespace.clone(), batch) }
}

/// The arguments as a workflow takes them; `None` if it does not take them or a message that comes along.
fn takes(loaded: &Loaded, workflow: u16, handover: &Handover<'_>) -> Option<Payload> {
    let program: &Program = loaded.program();
    let def: &WorkflowDef = &program.workflows[usize::from(workflow)];
    // What they are kept as is what the code before made of them, so nothing may be left to fill in.
    let is_taken = |ty, args: &Payload| {
        normalize_args(program, ty, &args.value(), Strictness::Input).is_ok_and(|read| Payload::from(&read) == *args)
    };
    for (name, args) in &handover.signals {
        let signal = def.signals.iter().find(|signal| signal.name == *name)?;
        is_taken(signal.args, args).then_some(())?;
    }
    for (name, args) in &handover.updates {
        let update = def.updates.iter().find(|update| update.name == *name)?;
        is_taken(update.args, args).then_some(())?;
    }
    let args = normalize_args(program, def.args, &handover.args.value(), Strictness::Input).ok()?;
    Some(Payload::from(&args))
}
