//! The outer world of a generated run: attempts under way, alarms, children, and what comes next of all that, at random.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use weft_engine::{AlarmKey, Input, Outgoing, Run, Transition};
use weft_protocol::event::{EventKind, ParentRef, RunRef};
use weft_protocol::{EventId, Failure, Payload, RunId, Timestamp, WorkflowId};

pub(crate) struct World {
    random: ChaCha8Rng,
    now: Timestamp,
    attempts: Vec<Attempt>,
    alarms: Vec<(Timestamp, AlarmKey)>,
    children: Vec<Child>,
    /// What the run has sent and nobody has answered.
    sent: Vec<EventId>,
    updates: u32,
    canceled: bool,
}

struct Attempt {
    scheduled: EventId,
    number: u32,
    activity: String,
    /// Whether it was told that it is canceled.
    told: bool,
}

struct Child {
    scheduled: EventId,
    attached: bool,
    started: bool,
}

impl World {
    pub(crate) fn new(seed: u64, now: Timestamp) -> World {
        World {
            random: ChaCha8Rng::seed_from_u64(seed ^ 0x701d),
            now,
            attempts: Vec::new(),
            alarms: Vec::new(),
            children: Vec::new(),
            sent: Vec::new(),
            updates: 0,
            canceled: false,
        }
    }

    /// What a run wants done.
    pub(crate) fn take(&mut self, run: &Run, out: Transition) {
        for (scheduled, number) in out.dispatch {
            let activity = match &run.history()[scheduled.0 as usize - 1].kind {
                EventKind::ActivityScheduled { activity, .. } => activity.clone(),
                other => panic!("{} is dispatched", other.name()),
            };
            self.attempts.push(Attempt { scheduled, number, activity, told: false });
        }
        for attempt in self.attempts.iter_mut().filter(|attempt| out.cancel.contains(&attempt.scheduled)) {
            attempt.told = true;
        }
        self.alarms.extend(out.alarms);
        for word in out.outbox {
            match word {
                Outgoing::StartChild { parent, .. } => {
                    let ParentRef { scheduled, attached, .. } = parent;
                    self.children.push(Child { scheduled, attached, started: false });
                }
                Outgoing::Tell { sent, .. } => self.sent.push(sent),
                _ => {}
            }
        }
    }

    /// The run goes on as a new one: nothing of the old one is under way.
    pub(crate) fn begin_anew(&mut self) {
        self.attempts.clear();
        self.alarms.clear();
        self.children.clear();
        self.sent.clear();
        self.canceled = false;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether an alarm is still to come.
    pub(crate) fn will_be_due(&self, key: AlarmKey) -> bool {
        self.alarms.iter().any(|(_, known)| *known == key)
    }

    /// What happens next, and when.
    pub(crate) fn next(&mut self) -> (Input, Timestamp) {
        self.now = self.now.plus_ms(self.random.random_range(0..1_500));
        let input = match self.random.random_range(0..100) {
            0 if !self.canceled => {
                self.canceled = true;
                Input::Cancel { reason: "enough".into(), request_id: None, from: None, client: true }
            }
            1..=44 if !self.attempts.is_empty() => self.attempt(),
            45..=59 if !self.alarms.is_empty() => self.alarm(),
            60..=69 if !self.children.is_empty() => self.child(),
            70..=74 => self.update(),
            75..=79 if !self.sent.is_empty() => self.told(),
            75..=89 => self.signal(),
            _ if !self.attempts.is_empty() => self.attempt(),
            _ if !self.alarms.is_empty() => self.alarm(),
            _ if !self.children.is_empty() => self.child(),
            _ if !self.sent.is_empty() => self.told(),
            _ => self.signal(),
        };
        (input, self.now)
    }

    fn attempt(&mut self) -> Input {
        let at = self.random.random_range(0..self.attempts.len());
        let Attempt { scheduled, number: attempt, activity, told } = self.attempts.swap_remove(at);
        let roll = self.random.random_range(0..100);
        if told && roll < 60 {
            return Input::CanceledAttempt { scheduled, attempt };
        }
        let failed = |failure| Input::Failed { scheduled, attempt, failure, retry_after_ms: None };
        match roll {
            0..=9 => failed(Failure::fault("unavailable")),
            10..=17 if activity == "number" => {
                failed(Failure::new("Refused", "no").with_details(&json!({ "code": roll })))
            }
            _ => {
                let result = match activity.as_str() {
                    "number" => Payload::from(&json!(roll)),
                    _ => Payload::null(),
                };
                Input::Completed { scheduled, attempt, result }
            }
        }
    }

    /// The alarm that is due first; time passes until then.
    fn alarm(&mut self) -> Input {
        let first = (0..self.alarms.len()).min_by_key(|at| self.alarms[*at]).expect("there are some");
        let (due, key) = self.alarms.swap_remove(first);
        self.now = self.now.max(due);
        Input::Due(key)
    }

    fn child(&mut self) -> Input {
        let at = self.random.random_range(0..self.children.len());
        let child = &mut self.children[at];
        let scheduled = child.scheduled;
        let run = RunRef { workflow_id: WorkflowId::from(format!("child-{}", scheduled.0).as_str()), run_id: RunId(9) };
        let roll = self.random.random_range(0..100);
        if !child.started {
            child.started = true;
            if !child.attached || roll < 5 {
                self.children.swap_remove(at);
            }
            return Input::Child(match roll {
                0..5 => {
                    let failure = Failure::new("ChildFailed", "the id is taken")
                        .with_details(&json!({ "workflow_id": run.workflow_id.as_str(), "run_id": "9" }));
                    EventKind::ChildStartFailed { scheduled, failure }
                }
                _ => EventKind::ChildStarted { scheduled, run },
            });
        }
        self.children.swap_remove(at);
        let failure = || {
            Failure::new("ChildFailed", "it failed")
                .with_details(&json!({ "workflow_id": run.workflow_id.as_str(), "run_id": "9" }))
        };
        Input::Child(match roll {
            0..15 => EventKind::ChildFailed { scheduled, failure: failure() },
            15..20 => EventKind::ChildTerminated { scheduled, failure: failure() },
            _ => EventKind::ChildCompleted { scheduled, result: Payload::from(&json!(roll)) },
        })
    }

    /// What became of a message: now and then told twice.
    fn told(&mut self) -> Input {
        let at = self.random.random_range(0..self.sent.len());
        let sent = if self.random.random_bool(0.1) { self.sent[at] } else { self.sent.swap_remove(at) };
        let refused = self.random.random_bool(0.3).then(|| Failure::new("NotFound", "there is no such run"));
        Input::Told { sent, refused }
    }

    fn signal(&mut self) -> Input {
        let n = self.random.random_range(0..60);
        let (name, args) = match self.random.random_range(0..3) {
            0 => ("bump", json!({ "by": n })),
            1 => ("name", json!({ "text": format!("k{}", n % 9) })),
            _ => ("mail", json!({ "n": n })),
        };
        Input::Signal { name: name.into(), args: Payload::from(&args), request_id: None, from: None, with_start: false }
    }

    /// Refused by programs without one, and by its check.
    fn update(&mut self) -> Input {
        self.updates += 1;
        let n = self.random.random_range(0..60);
        let args = Payload::from(&json!({ "n": n }));
        Input::Update { name: "add".into(), args, update_id: format!("u{}", self.updates) }
    }
}
