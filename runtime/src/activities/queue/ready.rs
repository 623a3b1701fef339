//! The attempts of a queue that are ready, and which of them is next: those of the first priority, of them the fairness
//! keys in turns by their weights, of a key those that came first.
//!
//! Turns: each key that has attempts stands at a point, and the key whose point is least is next; taking an attempt moves
//! it on by one over its weight. A key that comes new stands where the turns are now, so that nobody gains by waiting and
//! nobody loses by having had nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use weft_bytecode::options::PRIORITY_DEFAULT;

use crate::activities::ActivityTask;

/// One over a weight of 1, in the units that points are counted in.
const TURN: u64 = 1_000_000;
/// A weight of 1, in thousandths.
const WEIGHT_MILLI: u32 = 1_000;

/// Ready attempts.
#[derive(Debug, Default)]
pub(super) struct Ready {
    levels: BTreeMap<u8, Level>,
    len: usize,
    /// Number of the next arrival.
    arrivals: u64,
}

/// The attempts of one priority.
#[derive(Debug, Default)]
struct Level {
    keys: HashMap<Arc<str>, Key>,
    /// Keys by their points; of one point, by which came to it first.
    turns: BTreeMap<(u64, u64), Arc<str>>,
    /// The point of the turn that was last.
    now: u64,
}

/// The attempts of one fairness key.
#[derive(Debug)]
struct Key {
    tasks: VecDeque<ActivityTask>,
    /// Where it stands among the turns.
    turn: (u64, u64),
}

impl Ready {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An attempt behind those that are there.
    pub(super) fn push(&mut self, task: ActivityTask) {
        let arrival = self.arrival();
        let level = self.levels.entry(priority(&task)).or_default();
        level.key(&task, arrival).tasks.push_back(task);
        self.len += 1;
    }

    /// Attempts that were taken, in the order they were, back to where they stood.
    pub(super) fn give_back(&mut self, tasks: Vec<ActivityTask>) {
        for task in tasks.into_iter().rev() {
            let arrival = self.arrival();
            let level = self.levels.entry(priority(&task)).or_default();
            let back = turn(&task);
            level.key(&task, arrival);
            level.moved(&name(&task), |(at, arrival)| (at.saturating_sub(back), arrival));
            level.key(&task, arrival).tasks.push_front(task);
            self.len += 1;
        }
    }

    /// Takes the next attempt that was not canceled meanwhile.
    pub(super) fn next(&mut self) -> Option<ActivityTask> {
        loop {
            let mut level = self.levels.first_entry()?;
            let Some(task) = level.get_mut().next() else {
                level.remove();
                continue;
            };
            self.len -= 1;
            if !task.cancel.is_cancelled() {
                return Some(task);
            }
        }
    }

    /// Forgets those that were canceled.
    pub(super) fn drop_canceled(&mut self) {
        for level in self.levels.values_mut() {
            level.keys.values_mut().for_each(|key| key.tasks.retain(|task| !task.cancel.is_cancelled()));
            let Level { keys, turns, .. } = level;
            keys.retain(|_, key| !key.tasks.is_empty() || turns.remove(&key.turn).is_none());
        }
        self.levels.retain(|_, level| !level.keys.is_empty());
        self.len = self.levels.values().flat_map(|level| level.keys.values()).map(|key| key.tasks.len()).sum();
    }

    fn arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }
}

impl Level {
    /// The key of an attempt.
    fn key(&mut self, task: &ActivityTask, arrival: u64) -> &mut Key {
        let (turns, turn) = (&mut self.turns, (self.now, arrival));
        let name = name(task);
        self.keys.entry(name.clone()).or_insert_with(|| {
            turns.insert(turn, name);
            Key { tasks: VecDeque::new(), turn }
        })
    }

    fn moved(&mut self, name: &Arc<str>, to: impl Fn((u64, u64)) -> (u64, u64)) {
        let Some(key) = self.keys.get_mut(name) else { return };
        self.turns.remove(&key.turn);
        key.turn = to(key.turn);
        self.turns.insert(key.turn, name.clone());
    }

    fn next(&mut self) -> Option<ActivityTask> {
        loop {
            let (&(at, _), name) = self.turns.first_key_value()?;
            let name = name.clone();
            let key = self.keys.get_mut(&name)?;
            self.now = self.now.max(at);
            let Some(task) = key.tasks.pop_front() else {
                self.turns.remove(&key.turn);
                self.keys.remove(&name);
                continue;
            };
            let step = turn(&task);
            self.moved(&name, |(at, arrival)| (at.saturating_add(step), arrival));
            return Some(task);
        }
    }
}

fn priority(task: &ActivityTask) -> u8 {
    task.options.priority.unwrap_or(PRIORITY_DEFAULT)
}

fn name(task: &ActivityTask) -> Arc<str> {
    task.options.fairness_key.as_deref().unwrap_or_default().into()
}

/// How far taking an attempt moves its key on.
fn turn(task: &ActivityTask) -> u64 {
    let weight = task.options.fairness_weight_milli.unwrap_or(WEIGHT_MILLI).max(1);
    TURN * u64::from(WEIGHT_MILLI) / u64::from(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activities::fixture::Fixture;
    use serde_json::json;
    use weft_bytecode::options::Target;

    fn task(attempt: u32, priority: Option<u8>, key: Option<&str>, weight: Option<u32>) -> ActivityTask {
        let mut task = Fixture::new(Target::Queue("q".into())).task(&json!({}));
        task.attempt = attempt;
        task.options.priority = priority;
        task.options.fairness_key = key.map(str::to_owned);
        task.options.fairness_weight_milli = weight;
        task
    }

    fn all(ready: &mut Ready) -> Vec<u32> {
        std::iter::from_fn(|| ready.next()).map(|task| task.attempt).collect()
    }

    #[test]
    fn the_first_priority_is_served_first_and_each_in_order() {
        let mut ready = Ready::default();
        for (n, priority) in [(1, None), (2, Some(5)), (3, Some(1)), (4, Some(3)), (5, Some(1)), (6, None)] {
            ready.push(task(n, priority, None, None));
        }
        assert_eq!((ready.len(), all(&mut ready), ready.len()), (6, vec![3, 5, 1, 4, 6, 2], 0));
    }

    #[test]
    fn keys_take_turns_by_their_weights() {
        let mut ready = Ready::default();
        (0..6).for_each(|n| ready.push(task(n, None, Some("many"), None)));
        ready.push(task(10, None, Some("one"), None));
        ready.push(task(20, None, None, None));
        assert_eq!(all(&mut ready), [0, 10, 20, 1, 2, 3, 4, 5]);
        (0..3).for_each(|n| ready.push(task(n, None, Some("light"), None)));
        (10..16).for_each(|n| ready.push(task(n, None, Some("heavy"), Some(2_000))));
        assert_eq!(all(&mut ready), [0, 10, 11, 1, 12, 13, 2, 14, 15]);
    }

    #[test]
    fn a_key_that_had_nothing_does_not_catch_up() {
        let mut ready = Ready::default();
        (0..4).for_each(|n| ready.push(task(n, None, Some("a"), None)));
        let first: Vec<_> = (0..3).filter_map(|_| ready.next()).map(|task| task.attempt).collect();
        assert_eq!(first, [0, 1, 2]);
        (10..13).for_each(|n| ready.push(task(n, None, Some("b"), None)));
        (4..6).for_each(|n| ready.push(task(n, None, Some("a"), None)));
        assert_eq!(all(&mut ready), [10, 3, 11, 4, 12, 5]);
    }

    #[test]
    fn what_is_given_back_is_next_again() {
        let mut ready = Ready::default();
        for (n, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            ready.push(task(n, None, Some(key), None));
        }
        let taken: Vec<_> = (0..2).filter_map(|_| ready.next()).collect();
        ready.give_back(taken);
        assert_eq!((ready.len(), all(&mut ready)), (4, vec![1, 2, 3, 4]));
    }

    #[test]
    fn canceled_attempts_are_passed_over_and_forgotten() {
        let mut ready = Ready::default();
        for n in 0..4 {
            let task = task(n, None, Some(if n % 2 == 0 { "even" } else { "odd" }), None);
            if n != 3 {
                task.cancel.cancel();
            }
            ready.push(task);
        }
        assert_eq!(ready.next().map(|task| task.attempt), Some(3));
        assert!(ready.next().is_none() && ready.is_empty());
        ready.push(task(5, None, None, None));
        let canceled = task(6, None, Some("gone"), None);
        canceled.cancel.cancel();
        ready.push(canceled);
        ready.drop_canceled();
        assert_eq!((ready.len(), all(&mut ready)), (1, vec![5]));
    }
}
