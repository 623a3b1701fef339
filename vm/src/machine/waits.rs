//! What a run waits for, for `describe` and the upgrade check.

use weft_protocol::command::{CommandId, FiberPath};

use crate::fiber::{Fiber, On, State};
use crate::interp::{SelectSource, sources, timers};
use crate::machine::Vm;
use crate::step::{Wait, WaitOn};

impl Vm {
    /// What each suspended fiber waits for, main first, then by path.
    pub fn waits(&self) -> Vec<Wait> {
        let mut waits: Vec<Wait> = self.fibers.iter().flatten().filter_map(|fiber| self.wait(fiber)).collect();
        waits.sort_by(|a, b| a.fiber.cmp(&b.fiber));
        waits
    }

    fn wait(&self, fiber: &Fiber) -> Option<Wait> {
        let State::Waiting { on, .. } = fiber.state else { return None };
        let id = |seq: u32| CommandId { fiber: fiber.path.clone(), seq };
        let limit = |timer: u32| (timer != 0).then(|| id(timer));
        let on = match on {
            On::Operation(seq) | On::Started(seq) => WaitOn::Operation(id(seq)),
            On::Condition { timer } => WaitOn::Condition { timer: limit(timer) },
            On::Message { mailbox, timer } => WaitOn::Message { signal: self.signal_of(mailbox)?, timer: limit(timer) },
            On::Branches { .. } => WaitOn::Branches,
            On::Turn => WaitOn::Turn,
            On::Task(_) => WaitOn::Task,
            On::Select => {
                let sources = sources(&self.loaded, fiber);
                let timers = timers(&sources, fiber.armed.unwrap_or(0)).map(|(_, seq)| id(seq)).collect();
                let signals = sources.iter().filter_map(|source| match source {
                    SelectSource::Message(mailbox) => self.signal_of(*mailbox),
                    _ => None,
                });
                let has = |test: fn(&SelectSource) -> bool| sources.iter().any(test);
                WaitOn::Select {
                    signals: signals.collect(),
                    task: has(|source| matches!(source, SelectSource::Task(_))),
                    condition: has(|source| matches!(source, SelectSource::When(_))),
                    timers,
                }
            }
        };
        Some(Wait { fiber: FiberPath::clone(&fiber.path), site: fiber.site()?, on })
    }

    /// The signal whose messages a mailbox keeps.
    fn signal_of(&self, mailbox: u16) -> Option<u16> {
        let signals = &self.def().signals;
        signals.iter().position(|s| s.handler.is_none() && s.mailbox == mailbox).map(|signal| signal as u16)
    }

    /// Messages that nobody has received: index into `WorkflowDef::signals`, and how many.
    pub fn unread(&self) -> Vec<(u16, u32)> {
        let boxes = self.mailboxes.iter().zip(0u16..).filter(|(messages, _)| !messages.is_empty());
        boxes.filter_map(|(messages, mailbox)| Some((self.signal_of(mailbox)?, messages.len() as u32))).collect()
    }
}
