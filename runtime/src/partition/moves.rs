//! A deploy and the open runs it may move; and the question which of them would move, or what patches they need. Each run
//! is read from its beginning by the new code, which may take long, so they have their turns as long computations have:
//! one at a time, in slices, and others between them. What is kept meanwhile is the one run that is being tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use weft_bytecode::ProgramHash;
use weft_engine::history::code_line;
use weft_engine::{Misfit, Patches, Trial};
use weft_protocol::moving::NotMoved;
use weft_protocol::{RunId, Timestamp};
use weft_vm::Loaded;

use super::Partition;
use super::request::{Answer, OpenRun, ReplyId, Tried, Trying};
use crate::programs::Programs;

/// Runs that are being tried on a program.
#[derive(Debug)]
pub(super) struct Move {
    program: Arc<Loaded>,
    trying: Trying,
    reply: ReplyId,
    /// Runs still to try, the next one last.
    left: Vec<RunId>,
    /// The run that is being tried.
    trial: Option<(RunId, Trial)>,
    tried: Tried,
}

impl Partition {
    /// Tries open runs on a program.
    pub(super) fn try_runs(&mut self, namespace: &str, program: Arc<Loaded>, trying: Trying, reply: ReplyId) {
        let all = self.runs.iter().filter(|(_, open)| *open.namespace == *namespace);
        let mut left: Vec<RunId> =
            all.filter(|(_, open)| concerns(open, &program, trying)).map(|(id, _)| *id).collect();
        left.sort_unstable_by(|a, b| b.cmp(a)); // the log's order is the same wherever this runs
        self.moves.push_back(Move { program, trying, reply, left, trial: None, tried: Tried::default() });
        self.answer_moves();
    }

    /// Goes on with the oldest deploy: one slice of the run it tries.
    pub(super) fn move_next(&mut self, now: Timestamp) {
        let Some(deploy) = self.moves.front_mut() else { return };
        let Some(id) = deploy.trial.as_ref().map(|(id, _)| *id).or_else(|| deploy.left.pop()) else { return };
        let trial = deploy.trial.take().map(|(_, trial)| trial);
        // It may have ended or gone on since.
        let open = self.runs.get_mut(&id).filter(|open| concerns(open, &deploy.program, deploy.trying));
        if let Some(open) = open {
            let later = |deploy: &Move| open.run.is_busy() && !deploy.left.is_empty();
            let tried = match trial {
                Some(trial) => Ok(trial),
                // The end of a computation is waited for, after all others.
                None if later(deploy) => return deploy.left.insert(0, id),
                None => Trial::new(&open.run, deploy.program.clone()),
            };
            match tried.and_then(|mut trial| Ok((trial.go_on(&open.run)?, trial))) {
                Ok((true, _)) if later(deploy) => deploy.left.insert(0, id),
                Ok((true, trial)) if !open.run.is_busy() => self.tried(id, trial, now),
                Ok((_, trial)) => deploy.trial = Some((id, trial)),
                Err(misfit) => deploy.misfit(open, misfit, &self.setup.programs),
            }
        }
        self.answer_moves();
    }

    /// The program has got to where the run is.
    fn tried(&mut self, id: RunId, trial: Trial, now: Timestamp) {
        let (Some(deploy), Some(open)) = (self.moves.front_mut(), self.runs.get_mut(&id)) else { return };
        match deploy.trying {
            Trying::Patches => {
                deploy.tried.note(open.run.workflow(), trial.patches());
            }
            Trying::Check => match trial.finish(&open.run, now) {
                Ok(_) => deploy.tried.fit += 1,
                Err(misfit) => deploy.misfit(open, misfit, &self.setup.programs),
            },
            Trying::Stuck | Trying::Move => match open.run.move_by(trial, now) {
                Ok(transition) => {
                    deploy.tried.fit += 1;
                    self.absorb(id, transition);
                }
                Err(misfit) => deploy.misfit(open, misfit, &self.setup.programs),
            },
        }
    }

    /// Answers deploys that have tried all their runs, once what that led to is durable.
    fn answer_moves(&mut self) {
        while self.moves.front().is_some_and(|deploy| deploy.left.is_empty() && deploy.trial.is_none())
            && let Some(Move { reply, tried, .. }) = self.moves.pop_front()
        {
            self.reply(self.last_batch(), reply, Ok(Answer::Tried(Box::new(tried))));
        }
    }
}

impl Move {
    fn misfit(&mut self, open: &OpenRun, misfit: Misfit, programs: &Programs) {
        let known = |hash: ProgramHash| match open.run.loaded() {
            loaded if loaded.hash() == hash => Some(loaded.clone()),
            _ => programs.get(hash),
        };
        let old = misfit.old.and_then(|old| Some(code_line(known(old.program)?.program(), old.site)));
        let me = open.run.me();
        self.tried.unmoved.push(NotMoved {
            workflow_id: me.workflow_id.to_string(),
            run_id: me.run_id.to_string(),
            workflow: open.run.workflow().to_owned(),
            stuck: open.run.is_stuck(),
            why: misfit.why,
            event: misfit.event.map(|event| event.0),
            new: misfit.new.map(|site| code_line(self.program.program(), site)),
            old,
        });
    }
}

impl Tried {
    /// One more run that follows the program.
    pub(crate) fn note(&mut self, workflow: &str, patches: Patches) {
        self.fit += 1;
        *self.runs.entry(workflow.to_owned()).or_default() += 1;
        let of = self.patches.entry(workflow.to_owned()).or_default();
        for (id, unmarked) in both(patches) {
            let runs: &mut (u64, u64) = of.entry(id).or_default();
            match unmarked {
                true => runs.1 += 1,
                false => runs.0 += 1,
            }
        }
    }

    /// What another partition has found as well.
    pub fn join(&mut self, other: Tried) {
        self.fit += other.fit;
        self.unmoved.join(other.unmoved);
        for (workflow, count) in other.runs {
            *self.runs.entry(workflow).or_default() += count;
        }
        for (workflow, patches) in other.patches {
            let of: &mut BTreeMap<String, (u64, u64)> = self.patches.entry(workflow).or_default();
            for (id, (marked, unmarked)) in patches {
                let runs = of.entry(id).or_default();
                runs.0 += marked;
                runs.1 += unmarked;
            }
        }
    }
}

/// Each patch of a run and whether it was passed without a mark. One that was passed both ways needs the old way.
fn both(patches: Patches) -> impl Iterator<Item = (String, bool)> {
    let Patches { marked, unmarked } = patches;
    let marked: Vec<String> = marked.difference(&unmarked).cloned().collect();
    marked.into_iter().map(|id| (id, false)).chain(unmarked.into_iter().map(|id| (id, true)))
}

/// Whether a run is to be tried on a program.
fn concerns(open: &OpenRun, program: &Loaded, trying: Trying) -> bool {
    let declared = program.program().workflow(open.run.workflow()).is_some();
    let ours = declared || open.run.loaded().program().project == program.program().project;
    match trying {
        Trying::Stuck => declared && open.run.is_stuck(),
        Trying::Check | Trying::Move => ours && (open.run.is_stuck() || open.run.loaded().hash() != program.hash()),
        Trying::Patches => ours,
    }
}
