//! Setting a run back: the new run and the end of the one it goes on for are decided in one go, so they are in one append.

use weft_engine::reset::{self, Order};
use weft_engine::{Input, Run};
use weft_protocol::event::RunRef;
use weft_protocol::{Event, RunId, Timestamp};

use super::request::{Answer, Key, OpenRun, ReplyId, ResetOrder, Then};
use super::{Partition, name_hash};
use crate::refusal;

impl Partition {
    /// Lets a run go on from an earlier point.
    pub(super) fn reset(&mut self, order: ResetOrder, reply: ReplyId, now: Timestamp) {
        let ResetOrder { key, point, without, same_code, reason, request_id, closed } = order;
        let name = (key.namespace.clone(), key.workflow_id.clone());
        let open = self.names.get(&name).copied();
        let open_run = open.and_then(|id| self.runs.get(&id)).map(|open| &open.run);
        let known = |events: &[Event]| request_id.as_deref().is_some_and(|id| reset::has_taken(events, id));
        if let (Some(id), Some(run)) = (open, open_run.filter(|run| known(run.history()))) {
            let (run, batch) = (run.me().clone(), self.runs.get(&id).map_or(0, |open| open.batch));
            return self.reply(batch, reply, Ok(Answer::Started { run, started: false, update: None }));
        }
        let mut histories: Vec<&[Event]> = Vec::new();
        let own = match (&closed, open_run) {
            (None, Some(run)) if key.run_id.is_none_or(|id| Some(id) == open) => {
                histories.push(run.history());
                run.loaded().clone()
            }
            // What the store has of it is needed.
            (None, _) => return self.bring(&key, reply),
            (Some(closed), open_run) => {
                let hash = name_hash(&key.namespace, key.workflow_id.as_str());
                // An id that was deleted meanwhile must not come back. The store says what is left of it.
                if self.deletes.perhaps_since(closed.deletes, hash) {
                    return self.bring(&key, reply);
                }
                histories.extend(closed.histories.iter().map(Vec::as_slice));
                let next = histories.last().and_then(|last| last.last()).and_then(|last| last.kind.next_run());
                let newest = self.closed_ids.get(&hash).copied();
                let fits = match (open, open_run) {
                    (Some(id), Some(run)) => {
                        histories.push(run.history());
                        next == Some(id)
                    }
                    _ => next.is_none() && newest == Some(closed.newest),
                };
                if !fits {
                    // The newer run may be in a batch that is not durable yet.
                    let refused = refusal::not_the_newest(key.workflow_id.as_str());
                    return self.reply(self.last_batch(), reply, Err(refused));
                }
                if let Some(last) = histories.last().filter(|last| known(last)) {
                    let run = name_of(last, &key);
                    return self.reply(0, reply, Ok(Answer::Started { run, started: false, update: None }));
                }
                closed.loaded.clone()
            }
        };
        let workflow = open_run.map_or_else(|| workflow_of(histories[0]), |run| run.workflow().to_owned());
        let newest = self.setup.programs.current(&key.namespace, &workflow).map(|(loaded, _)| loaded);
        let loaded = if same_code { own } else { newest.unwrap_or(own) };
        let run_id = RunId::new(self.id, self.counter);
        let cancels = open_run.map(Run::cancels).unwrap_or_default();
        let order = Order { run_id, loaded, seed: self.seed(run_id), point, without, reason, request_id, cancels };
        let reason = String::from("a new run goes on from an earlier point");
        let set_back = reset::reset(histories[0], &histories[1..], order, now, self.setup.limits.clone());
        let (run, transition) = match set_back {
            Ok(set_back) => set_back,
            Err(why) => {
                let batch = open.and_then(|id| self.runs.get(&id)).map_or(0, |open| open.batch);
                return self.reply(batch, reply, Err(refusal::reset_refused(&why)));
            }
        };
        self.counter += 1;
        let mut next = self.take_over(open, run, &key);
        if let Some(id) = open {
            let input = Input::Terminate { reason, from: None, next_run: Some(run_id) };
            self.apply(id, input, Then::Nothing, now);
        }
        next.batch = self.batch;
        let (me, parent) = (next.run.me().clone(), next.run.parent().cloned());
        self.runs.insert(run_id, Box::new(next));
        self.names.insert(name, run_id);
        if let Some(parent) = parent {
            self.children.insert((parent.run.run_id, parent.scheduled), run_id);
        }
        self.absorb(run_id, transition);
        self.ask_for_children(run_id);
        self.answer_updaters(run_id);
        let batch = self.last_batch();
        self.reply(batch, reply, Ok(Answer::Started { run: me, started: true, update: None }));
    }

    /// Asks for what the store has of a run that is not open.
    fn bring(&mut self, key: &Key, reply: ReplyId) {
        let bring = Answer::Bring { deletes: self.deletes.newest() };
        self.not_open_as(&Key { run_id: None, ..key.clone() }, bring, reply);
    }

    /// The new run, with whoever waits for the end of the one before or for an update that it has as well.
    fn take_over(&mut self, before: Option<RunId>, run: Run, key: &Key) -> OpenRun {
        let mut next = OpenRun::new(run, key.namespace.clone(), self.batch);
        let Some(before) = before.and_then(|id| self.runs.get_mut(&id)) else { return next };
        next.waiters = before.waiters.extract_if(.., |waiter| !waiter.this_run_only).collect();
        next.watchers = std::mem::take(&mut before.watchers);
        next.updaters = before.updaters.extract_if(.., |waiter| waiter.is_of(&next.run)).collect();
        next
    }
}

fn workflow_of(events: &[Event]) -> String {
    match events.first().map(|first| &first.kind) {
        Some(weft_protocol::event::EventKind::RunStarted { workflow, .. }) => workflow.clone(),
        _ => String::new(),
    }
}

fn name_of(events: &[Event], key: &Key) -> RunRef {
    let run_id = match events.first().map(|first| &first.kind) {
        Some(weft_protocol::event::EventKind::RunStarted { run_id, .. }) => *run_id,
        _ => RunId(0),
    };
    RunRef { workflow_id: key.workflow_id.clone(), run_id }
}
