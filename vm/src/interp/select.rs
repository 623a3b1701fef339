//! `select`: one fiber waits for the first of several sources.
//!
//! The op holds nothing between its tests but what is in its registers: the sources, and in `dst` the source whose
//! condition is under test. A fiber that waits at it is *armed*: the timers of its sources run, numbered one after the
//! other in the order of the sources.

use smallvec::SmallVec;
use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin;
use weft_protocol::{Command, Timestamp};

use super::control::holds;
use super::{At, Exit, Flow};
use crate::fiber::{Fiber, FiberId, Kind, On, Resume, State};
use crate::limits::{Fault, corrupt};
use crate::loaded::{Inst, Loaded};
use crate::machine::Vm;

/// What one arm waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectSource {
    Message(u16),
    Task(u64),
    After(i64),
    At(Timestamp),
    /// A closure.
    When(u64),
}

impl SelectSource {
    fn is_timer(self) -> bool {
        matches!(self, SelectSource::After(_) | SelectSource::At(_))
    }
}

type Sources = SmallVec<[SelectSource; 4]>;

/// What stands for a mailbox among the sources: negative, so that no task has it as its handle.
fn mailbox_handle(mailbox: u16) -> u64 {
    !u64::from(mailbox)
}

/// The sources of the `select` that a frame stands at; none if it stands elsewhere.
fn sources_at(loaded: &Loaded, fiber: &Fiber, place: usize) -> Sources {
    let Some(frame) = fiber.frames.get(place) else { return Sources::new() };
    let code = loaded.func(frame.func);
    if code.insts[frame.pc as usize].op != Op::Select {
        return Sources::new();
    }
    let sources = code.args(frame.pc).map(|reg| {
        let value = fiber.slots[frame.base as usize + usize::from(reg)];
        match code.regs[usize::from(reg)] {
            builtin::DURATION => SelectSource::After(value as i64),
            builtin::TIME => SelectSource::At(Timestamp(value as i64)),
            builtin::INT if (value as i64) < 0 => SelectSource::Message(!value as u16),
            builtin::INT => SelectSource::Task(value),
            _ => SelectSource::When(value),
        }
    });
    sources.collect()
}

/// The sources that a suspended fiber waits for.
pub(crate) fn sources(loaded: &Loaded, fiber: &Fiber) -> Sources {
    // A condition may be under test, on top.
    let at_select = |frame: &crate::frame::Frame| loaded.func(frame.func).insts[frame.pc as usize].op == Op::Select;
    match fiber.frames.iter().rposition(at_select) {
        Some(place) => sources_at(loaded, fiber, place),
        None => Sources::new(),
    }
}

/// The timers of an armed fiber's sources, with their places.
pub(crate) fn timers(sources: &[SelectSource], first: u32) -> impl Iterator<Item = (usize, u32)> + '_ {
    let places = sources.iter().enumerate().filter(|(_, source)| source.is_timer()).map(|(place, _)| place);
    places.zip(first..).filter(move |_| first != 0)
}

impl Vm {
    pub(super) fn select_op(&mut self, fiber: &mut Fiber, at: &At<'_>) -> Result<Flow, Fault> {
        if at.inst.op == Op::SelectMailbox {
            at.set(fiber, at.inst.a, mailbox_handle(at.inst.b));
            return Ok(Flow::Next);
        }
        self.test_sources(fiber, at, 0)
    }

    /// Tests the sources from a place on. A condition goes on top of the fiber and comes back to [`Vm::select_tested`].
    fn test_sources(&mut self, fiber: &mut Fiber, at: &At<'_>, from: usize) -> Result<Flow, Fault> {
        let sources = sources_at(at.loaded, fiber, fiber.frames.len() - 1);
        self.heap.charge(8 * sources.len());
        let timer_at = |place: usize| {
            let first = fiber.armed?;
            timers(&sources, first).find(|(of, _)| *of == place).map(|(_, seq)| seq)
        };
        for (place, source) in sources.iter().enumerate().skip(from) {
            let ready = match *source {
                SelectSource::Message(mailbox) => match self.mailboxes.get(usize::from(mailbox)) {
                    Some(messages) => !messages.is_empty(),
                    None => return Err(corrupt("the workflow has no such mailbox")),
                },
                SelectSource::Task(task) => {
                    self.task_has_ended(task).ok_or_else(|| corrupt("a task is awaited that is not open"))?
                }
                SelectSource::After(_) | SelectSource::At(_) if fiber.armed.is_some() => timer_at(place)
                    .and_then(|seq| fiber.ops.iter().find(|op| op.seq == seq))
                    .is_some_and(|op| op.outcome.is_some()),
                SelectSource::After(after) => after <= 0,
                SelectSource::At(due) => due <= at.ctx.now,
                SelectSource::When(closure) => {
                    at.set(fiber, at.inst.a, place as u64);
                    self.enter_closure(fiber, at.loaded, closure, &[])?;
                    return Ok(Flow::Frame);
                }
            };
            if ready {
                return self.select_source(fiber, at, place, &sources);
            }
        }
        if let State::Waiting { .. } = fiber.state {
            return Ok(Flow::Exit(Exit::Tested));
        }
        if fiber.armed.is_none() {
            let first = self.arm(fiber, at, &sources)?;
            fiber.armed = Some(first);
        }
        Ok(Flow::Wait(On::Select))
    }

    /// Starts the timers of the sources; gives the number of the first, 0 if there are none.
    fn arm(&mut self, fiber: &mut Fiber, at: &At<'_>, sources: &[SelectSource]) -> Result<u32, Fault> {
        let mut first = 0;
        // A cancel that is waiting for this wait makes them idle.
        let sources = if fiber.is_due() { &[] } else { sources };
        for source in sources {
            let due = match source {
                SelectSource::After(after) => at.ctx.now.plus_ms(*after),
                SelectSource::At(due) => *due,
                _ => continue,
            };
            let seq = self.begin(fiber, at, Kind::Timer, OnCancel::Try, Command::StartTimer { due })?;
            first = if first == 0 { seq } else { first };
        }
        Ok(first)
    }

    /// The source at a place is first.
    fn select_source(
        &mut self,
        fiber: &mut Fiber,
        at: &At<'_>,
        place: usize,
        sources: &[SelectSource],
    ) -> Result<Flow, Fault> {
        let armed = fiber.armed.is_some();
        self.disarm(at.id, fiber);
        fiber.state = State::Ready(Resume::Go);
        at.set(fiber, at.inst.a, place as u64);
        let frame = fiber.frame()?;
        frame.pc = at.inst.after(frame.pc);
        if armed {
            self.offer_others(sources, Some(place));
        }
        Ok(Flow::Frame)
    }

    /// It may have been woken for a message that it does not take: that is for the next who waits.
    fn offer_others(&mut self, sources: &[SelectSource], taken: Option<usize>) {
        for (place, source) in sources.iter().enumerate() {
            match *source {
                SelectSource::Message(mailbox) if taken != Some(place) => self.offer(mailbox),
                _ => {}
            }
        }
    }

    /// A failure left a condition of the `select` at the innermost frame's pc: none of its sources is first.
    pub(super) fn leave_select(&mut self, id: FiberId, fiber: &mut Fiber) {
        let armed = fiber.armed.is_some();
        self.disarm(id, fiber);
        fiber.state = State::Ready(Resume::Go);
        if armed {
            let sources = sources(&self.loaded, fiber);
            self.offer_others(&sources, None);
        }
    }

    /// The condition of the source under test has given its value to the `select` at the innermost frame's pc.
    pub(super) fn select_tested(
        &mut self,
        fiber: &mut Fiber,
        at: &At<'_>,
        inst: Inst,
        value: u64,
    ) -> Result<Flow, Fault> {
        let frame = *fiber.frame()?;
        let here = At { inst, site: frame.site(), base: frame.base as usize, ..*at };
        let place = here.reg(fiber, inst.a) as usize;
        if holds(value) {
            let sources = sources_at(at.loaded, fiber, fiber.frames.len() - 1);
            return self.select_source(fiber, &here, place, &sources);
        }
        self.test_sources(fiber, &here, place.saturating_add(1))
    }

    /// Ends the wait of a fiber at a `select`: its timers are canceled, its conditions not tested any more.
    pub(crate) fn disarm(&mut self, id: FiberId, fiber: &mut Fiber) {
        let Some(first) = fiber.armed.take() else { return };
        self.conditions.retain(|waiting| *waiting != id);
        let sources = sources(&self.loaded, fiber);
        for (_, seq) in timers(&sources, first) {
            self.cancel_timer(fiber, seq);
        }
    }

    /// Whether a fiber that waits at a `select` waits for a mailbox.
    pub(crate) fn selects_mailbox(&self, fiber: &Fiber, mailbox: u16) -> bool {
        sources(&self.loaded, fiber).contains(&SelectSource::Message(mailbox))
    }

    /// Whether a fiber that waits at a `select` waits for a task.
    pub(crate) fn selects_task(&self, fiber: &Fiber, task: u64) -> bool {
        sources(&self.loaded, fiber).contains(&SelectSource::Task(task))
    }

    /// Whether a fiber that waits at a `select` waits for a timer of this number.
    pub(crate) fn selects_timer(&self, fiber: &Fiber, timer: u32) -> bool {
        let Some(first) = fiber.armed else { return false };
        timers(&sources(&self.loaded, fiber), first).any(|(_, seq)| seq == timer)
    }

    /// Whether a fiber that waits at a `select` has a condition to test.
    pub(crate) fn selects_condition(&self, fiber: &Fiber) -> bool {
        sources(&self.loaded, fiber).iter().any(|source| matches!(source, SelectSource::When(_)))
    }
}
