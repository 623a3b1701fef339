//! A deploy and the stuck runs it may free. Each is replayed from its beginning, which may take long, so they have their
//! turns as long computations have: one at a time, and others between them.

use std::sync::Arc;

use weft_protocol::{RunId, Timestamp};
use weft_vm::Loaded;

use super::Partition;
use super::request::{Answer, ReplyId};

/// A deploy that is being looked at.
#[derive(Debug)]
pub(super) struct Move {
    program: Arc<Loaded>,
    reply: ReplyId,
    /// Runs still to try, the next one last.
    left: Vec<RunId>,
    moved: u64,
    /// Workflow id and reason.
    not_moved: Vec<(String, String)>,
}

impl Partition {
    /// A deploy frees the stuck runs whose history its code follows.
    pub(super) fn move_stuck(&mut self, namespace: &str, program: Arc<Loaded>, reply: ReplyId) {
        let mut left: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, open)| *open.namespace == *namespace && open.run.is_stuck())
            .filter(|(_, open)| program.program().workflow(open.run.workflow()).is_some())
            .map(|(id, _)| *id)
            .collect();
        left.sort_unstable_by(|a, b| b.cmp(a)); // the log's order is the same wherever this runs
        self.moves.push_back(Move { program, reply, left, moved: 0, not_moved: Vec::new() });
        self.answer_moves();
    }

    /// Tries the next run of the oldest deploy.
    pub(super) fn move_next(&mut self, now: Timestamp) {
        let Some(deploy) = self.moves.front_mut() else { return };
        let next = deploy.left.pop();
        // It may have ended or gone on since.
        if let Some(id) = next
            && let Some(open) = self.runs.get_mut(&id).filter(|open| open.run.is_stuck())
        {
            match open.run.move_to(deploy.program.clone(), now) {
                Ok(transition) => {
                    deploy.moved += 1;
                    self.absorb(id, transition);
                }
                Err(why) => deploy.not_moved.push((open.run.me().workflow_id.to_string(), why)),
            }
        }
        self.answer_moves();
    }

    /// Answers deploys that have tried all their runs, once what that led to is durable.
    fn answer_moves(&mut self) {
        while self.moves.front().is_some_and(|deploy| deploy.left.is_empty())
            && let Some(Move { reply, moved, mut not_moved, .. }) = self.moves.pop_front()
        {
            not_moved.sort();
            self.reply(self.last_batch(), reply, Ok(Answer::Moved { moved, not_moved }));
        }
    }
}
