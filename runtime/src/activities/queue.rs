//! Task queues: attempts of `queue:` activities wait here, in memory, until a worker polls for them. Nothing here is
//! durable and nothing needs to be: an attempt that a crash forgets is handed out again from the run's history.
//!
//! An attempt's way: `push` → ready → handed to a poll → `accept`ed by the node just before it answers. A poll that goes
//! away before that gives its attempts back to the front of the queue. After a restart the node `reserve`s attempts that
//! a worker may still be working on; the worker `claim`s its own by naming its token, the others become ready when the
//! grace is over.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use weft_protocol::{EventId, RunId};

use super::ActivityTask;

mod ready;
mod wire;

use ready::Ready;
pub use wire::{PollPlan, worker_task};

/// Names one attempt to its worker. Stateless: it is the attempt's address, written `RUN.EVENT.ATTEMPT`; workers treat
/// it as opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskToken {
    /// The run.
    pub run_id: RunId,
    /// Its `ActivityScheduled` event.
    pub scheduled: EventId,
    /// From 1.
    pub attempt: u32,
}

impl TaskToken {
    /// The token of an attempt.
    pub fn of(task: &ActivityTask) -> TaskToken {
        TaskToken { run_id: task.run.run_id, scheduled: task.scheduled, attempt: task.attempt }
    }
}

impl std::fmt::Display for TaskToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.run_id, self.scheduled.0, self.attempt)
    }
}

/// The text is no task token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a task token; use the one that the poll answered with, as it is")]
pub struct NotAToken;

impl FromStr for TaskToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<TaskToken, NotAToken> {
        let mut parts = text.split('.');
        let (Some(run), Some(event), Some(attempt), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAToken);
        };
        let token = TaskToken {
            run_id: run.parse().map_err(|_| NotAToken)?,
            scheduled: EventId(event.parse().map_err(|_| NotAToken)?),
            attempt: attempt.parse().map_err(|_| NotAToken)?,
        };
        // One spelling per attempt: what was not written by `Display` is not ours.
        if token.to_string() == text { Ok(token) } else { Err(NotAToken) }
    }
}

/// All task queues of a node, of all namespaces. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct TaskQueues(Arc<Mutex<Queues>>);

type QueueName = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<QueueName, Queue>,
    reserved: HashMap<TaskToken, Reserved>,
    /// When each reservation ends, and its number; those of claimed ones are skipped.
    grace: VecDeque<(Instant, TaskToken, u64)>,
    /// Number of the next reservation.
    reservations: u64,
    /// Whether a loop waits for the end of the next grace.
    sweeping: bool,
    next_waiter: u64,
}

#[derive(Debug, Default)]
struct Queue {
    ready: Ready,
    /// Polls that found nothing, the longest waiting first.
    waiting: VecDeque<Waiter>,
    /// Length at which attempts that were canceled meanwhile are swept out.
    sweep_at: usize,
}

/// An attempt kept back for the worker that may have it.
#[derive(Debug)]
pub struct Reserved {
    /// The queue it goes to if no worker comes.
    name: QueueName,
    task: ActivityTask,
    /// Tells this reservation from one of the same attempt before.
    number: u64,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    max: usize,
    give: oneshot::Sender<Handout>,
}

/// Bytes of arguments in one answer, beyond the first attempt's: a worker that asks for many large tasks gets them in
/// several polls.
const HANDOUT_BYTES_MAX: usize = 4 << 20;

/// Ready attempts below this are not worth sweeping.
const SWEEP_MIN: usize = 64;

impl TaskQueues {
    /// Queues without tasks.
    pub fn new() -> TaskQueues {
        TaskQueues::default()
    }

    /// Offers an attempt: the longest waiting poll gets it, else it stays until one comes.
    pub fn push(&self, queue: &str, task: ActivityTask) {
        let name = (Arc::clone(&task.namespace), Arc::from(queue));
        let mut queues = self.lock();
        let queue = queues.by_name.entry(name.clone()).or_default();
        queue.ready.push(task);
        queue.sweep();
        queue.serve(self, &name);
    }

    /// Keeps an attempt back for `grace`, because a worker may have it from before this node owned the run.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn reserve(&self, queue: &str, task: ActivityTask, grace: Duration) {
        let name = (Arc::clone(&task.namespace), Arc::from(queue));
        self.reserve_again(Reserved { name, task, number: 0 }, grace);
    }

    /// Keeps an attempt back once more whose worker claimed it and could not be given it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn reserve_again(&self, claimed: Reserved, grace: Duration) {
        let token = TaskToken::of(&claimed.task);
        let mut queues = self.lock();
        let number = queues.reservations;
        queues.reservations += 1;
        queues.reserved.insert(token, Reserved { number, ..claimed });
        let until = Instant::now() + grace;
        // All reservations of a node have the same grace, so this is in order but for a change of configuration.
        let place = queues.grace.partition_point(|(other, ..)| *other <= until);
        queues.grace.insert(place, (until, token, number));
        if !queues.sweeping {
            queues.sweeping = true;
            tokio::spawn(sweep_reserved(Arc::downgrade(&self.0)));
        }
    }

    /// A worker named this attempt: if it is reserved, it is that worker's again.
    pub fn claim(&self, namespace: &str, token: TaskToken) -> Option<Reserved> {
        let reserved = &mut self.lock().reserved;
        reserved.get(&token).filter(|reserved| *reserved.name.0 == *namespace)?;
        reserved.remove(&token)
    }

    /// Attempts for one worker, at most `max` and at least one unless `wait` ends first.
    pub async fn poll(&self, namespace: &str, queue: &str, max: usize, wait: Duration) -> Handout {
        let name: QueueName = (Arc::from(namespace), Arc::from(queue));
        let (mut handed, _place) = {
            let mut queues = self.lock();
            let id = queues.next_waiter;
            queues.next_waiter += 1;
            let (give, handed) = oneshot::channel();
            let queue = queues.by_name.entry(name.clone()).or_default();
            queue.waiting.push_back(Waiter { id, max: max.max(1), give });
            queue.serve(self, &name);
            (handed, Place { queues: self, name: &name, id })
        };
        match tokio::time::timeout(wait, &mut handed).await {
            Ok(Ok(handout)) => handout,
            Ok(Err(_)) | Err(_) => {
                // What arrived in the moment the wait ended is still ours.
                handed.close();
                handed.try_recv().unwrap_or_else(|_| Handout::empty(self, &name))
            }
        }
    }

    /// Attempts ready for the next poll of a queue, and polls waiting for an attempt.
    pub fn depth(&self, namespace: &str, queue: &str) -> (usize, usize) {
        let queues = self.lock();
        let found = queues.by_name.get(&(Arc::from(namespace), Arc::from(queue)));
        found.map_or((0, 0), |queue| (queue.ready.len(), queue.waiting.len()))
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts attempts back where they were taken from.
    fn give_back(&self, name: &QueueName, tasks: Vec<ActivityTask>) {
        let mut queues = self.lock();
        let queue = queues.by_name.entry(name.clone()).or_default();
        queue.ready.give_back(tasks);
        queue.serve(self, name);
        queues.tidy(name);
    }
}

impl Queues {
    /// Forgets a queue that nobody uses: names come from outside.
    fn tidy(&mut self, name: &QueueName) {
        if self.by_name.get(name).is_some_and(|queue| queue.ready.is_empty() && queue.waiting.is_empty()) {
            self.by_name.remove(name);
        }
    }

    /// Makes attempts ready whose grace is over; returns when the next one's is.
    fn end_grace(&mut self, shared: &TaskQueues, now: Instant) -> Option<Instant> {
        while let Some((until, token, number)) = self.grace.front().copied() {
            let waits = self.reserved.get(&token).is_some_and(|reserved| reserved.number == number);
            if until > now && waits {
                return Some(until);
            }
            self.grace.pop_front();
            if waits && let Some(Reserved { name, task, .. }) = self.reserved.remove(&token) {
                let queue = self.by_name.entry(name.clone()).or_default();
                queue.ready.push(task);
                queue.serve(shared, &name);
            }
        }
        self.sweeping = false;
        None
    }
}

impl Queue {
    /// Gives ready attempts to waiting polls, first to first.
    fn serve(&mut self, shared: &TaskQueues, name: &QueueName) {
        while !self.waiting.is_empty() {
            let max = self.waiting.front().map_or(1, |waiter| waiter.max);
            let tasks = self.take(max);
            let Some(waiter) = (if tasks.is_empty() { None } else { self.waiting.pop_front() }) else { return };
            let handout = Handout { tasks, queues: shared.clone(), name: name.clone() };
            if let Err(mut unwanted) = waiter.give.send(handout) {
                // That poll is gone. Emptied here, so that dropping it does not come back for the lock.
                self.ready.give_back(std::mem::take(&mut unwanted.tasks));
            }
        }
    }

    fn take(&mut self, max: usize) -> Vec<ActivityTask> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < max
            && let Some(task) = self.ready.next()
        {
            let size = task.args.len() + task.progress.as_ref().map_or(0, |p| p.len());
            if !taken.is_empty() && bytes + size > HANDOUT_BYTES_MAX {
                self.ready.give_back(vec![task]);
                break;
            }
            bytes += size;
            taken.push(task);
        }
        taken
    }

    /// Drops canceled attempts of a queue that nobody polls, at a cost of O(1) per push.
    fn sweep(&mut self) {
        if self.ready.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.ready.drop_canceled();
            self.sweep_at = self.ready.len() * 2;
        }
    }
}

/// Attempts taken from a queue for one poll. Dropped without [`accept`](Handout::accept) they go back to the front.
#[derive(Debug)]
pub struct Handout {
    tasks: Vec<ActivityTask>,
    queues: TaskQueues,
    name: QueueName,
}

impl Handout {
    fn empty(queues: &TaskQueues, name: &QueueName) -> Handout {
        Handout { tasks: Vec::new(), queues: queues.clone(), name: name.clone() }
    }

    /// The attempts.
    pub fn tasks(&self) -> &[ActivityTask] {
        &self.tasks
    }

    /// In two: the attempts whose place is `kept`, and the others.
    pub fn split(mut self, kept: impl Fn(usize) -> bool) -> (Handout, Handout) {
        let all = std::mem::take(&mut self.tasks).into_iter().enumerate();
        let (ours, others): (Vec<_>, Vec<_>) = all.partition(|(n, _)| kept(*n));
        let part = |tasks: Vec<(usize, ActivityTask)>| {
            let tasks = tasks.into_iter().map(|(_, task)| task).collect();
            Handout { tasks, queues: self.queues.clone(), name: self.name.clone() }
        };
        (part(ours), part(others))
    }

    /// They are the worker's now: the answer is on its way.
    pub fn accept(mut self) -> Vec<ActivityTask> {
        std::mem::take(&mut self.tasks)
    }
}

impl Drop for Handout {
    fn drop(&mut self) {
        if !self.tasks.is_empty() {
            let tasks = std::mem::take(&mut self.tasks);
            self.queues.give_back(&self.name, tasks);
        }
    }
}

/// A poll's place in the line, given up when the poll ends or goes away.
struct Place<'a> {
    queues: &'a TaskQueues,
    name: &'a QueueName,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.by_name.get_mut(self.name) {
            queue.waiting.retain(|waiter| waiter.id != self.id);
        }
        queues.tidy(self.name);
    }
}

/// Waits for the end of each grace until no attempt is reserved.
async fn sweep_reserved(queues: Weak<Mutex<Queues>>) {
    loop {
        let next = match queues.upgrade() {
            Some(shared) => {
                let shared = TaskQueues(shared);
                let mut queues = shared.lock();
                queues.end_grace(&shared, Instant::now())
            }
            None => return,
        };
        match next {
            Some(until) => tokio::time::sleep_until(until).await,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
