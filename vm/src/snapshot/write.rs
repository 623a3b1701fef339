//! Writing: numbers as varints, text and payloads behind their length, the arena's words at the end.

use weft_bytecode::options::OnCancel;
use weft_protocol::command::{FiberPath, Issued, Site};
use weft_protocol::event::RunRef;
use weft_protocol::{Command, Failure, Payload};
use zerocopy::IntoBytes;

use crate::fiber::{Cancel, Fiber, Kind, On, Operation, Resume, Role, State};
use crate::machine::{Ended, Life, Progress, Vm};
use crate::scope::{Scope, ScopeKind, TaskEnd};
use crate::step::Outcome;

pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn num(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn len(&mut self, length: usize) {
        self.num(length as u64);
    }

    fn blob(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        self.len(items.len());
        items.for_each(|one| item(self, one));
    }

    fn payload(&mut self, payload: &Payload) {
        self.blob(payload.stored());
    }

    fn maybe<T>(&mut self, value: Option<T>, item: impl FnOnce(&mut Self, T)) {
        self.num(u64::from(value.is_some()));
        if let Some(value) = value {
            item(self, value);
        }
    }

    pub(super) fn vm(&mut self, vm: &Vm, words: &[u64]) {
        self.num(u64::from(vm.workflow));
        self.out.extend_from_slice(&vm.seed);
        match &vm.life {
            Life::New(args) => {
                self.num(0);
                self.payload(args);
            }
            Life::Open => self.num(1),
            Life::Closed => self.num(2),
            Life::Ending(ended) => {
                self.num(3);
                self.ended(*ended);
            }
        }
        let counters = vm.heap.counters();
        for value in [counters.live, counters.since, counters.fuel_used, vm.registered, vm.atomic_draws] {
            self.num(value);
        }
        self.num(u64::from(vm.cancel_requested));
        self.list(vm.cells.iter(), |w, cell| w.num(*cell));
        self.list(vm.sticky.iter(), |w, (patch, decided)| {
            w.num(u64::from(*patch));
            w.num(u64::from(*decided));
        });
        self.list(vm.mailboxes.iter(), |w, messages| w.list(messages.iter(), |w, message| w.payload(message)));
        self.list(vm.fibers.iter(), |w, fiber| w.maybe(fiber.as_deref(), |w, fiber| w.fiber(fiber)));
        self.ids(&vm.free_fibers);
        self.list(vm.ready.iter(), |w, id| w.num(u64::from(*id)));
        self.ids(&vm.conditions);
        self.list(vm.scopes.iter(), |w, scope| w.maybe(scope.as_ref(), |w, scope| w.scope(scope)));
        self.ids(&vm.free_scopes);
        let under_way = (vm.progress != Progress::default()).then_some(&vm.progress);
        self.maybe(under_way, |w, progress| w.progress(progress));
        self.len(words.len());
        self.out.extend_from_slice(words.as_bytes());
    }

    fn ids(&mut self, ids: &[u32]) {
        self.list(ids.iter(), |w, id| w.num(u64::from(*id)));
    }

    fn path(&mut self, path: &FiberPath) {
        self.ids(&path.0);
    }

    fn fiber(&mut self, fiber: &Fiber) {
        self.path(&fiber.path);
        match fiber.role {
            Role::Main => self.num(0),
            Role::Branch { scope, position } => {
                self.num(1);
                self.num(u64::from(scope));
                self.num(u64::from(position));
            }
            Role::Atomic => self.num(2),
            Role::Update { update } => {
                self.num(3);
                self.num(u64::from(update));
            }
        }
        self.list(fiber.frames.iter(), |w, frame| {
            w.num(u64::from(frame.func.0));
            w.num(u64::from(frame.pc));
        });
        self.list(fiber.slots.iter(), |w, slot| w.num(*slot));
        self.state(fiber.state);
        self.cancel(fiber.cancel);
        for value in [u64::from(fiber.seq), u64::from(fiber.children), fiber.draws] {
            self.num(value);
        }
        self.maybe(fiber.armed, |w, first| w.num(u64::from(first)));
        self.list(fiber.ops.iter(), Self::operation);
        self.regions(fiber);
    }

    fn cancel(&mut self, cancel: Cancel) {
        self.num(match cancel {
            Cancel::No => 0,
            Cancel::Pending => 1,
            Cancel::Delivered => 2,
            Cancel::Asked => 3,
        });
    }

    fn regions(&mut self, fiber: &Fiber) {
        self.list(fiber.regions.iter(), |w, region| {
            w.num(u64::from(region.depth));
            w.num(u64::from(region.shield));
            w.num(u64::from(region.timer));
            w.cancel(region.cancel);
            w.num(u64::from(region.overruled));
        });
        self.list(fiber.cleanups.iter(), |w, list| {
            w.num(u64::from(list.depth));
            w.num(u64::from(list.saga));
            w.list(list.pieces.iter(), |w, piece| {
                w.num(u64::from(piece.canceled));
                w.num(piece.closure);
            });
            w.num(list.failure);
        });
    }

    fn state(&mut self, state: State) {
        let (code, extra): (u64, &[u64]) = match state {
            State::Ready(Resume::Enter) => (0, &[]),
            State::Ready(Resume::Go) => (1, &[]),
            State::Ready(Resume::TimedOut) => (2, &[]),
            State::Ready(Resume::Throw(failure)) => (3, &[failure]),
            State::Waiting { on: On::Operation(seq), since } => (4, &[since, u64::from(seq)]),
            State::Waiting { on: On::Started(seq), since } => (5, &[since, u64::from(seq)]),
            State::Waiting { on: On::Condition { timer }, since } => (6, &[since, u64::from(timer)]),
            State::Waiting { on: On::Message { mailbox, timer }, since } => {
                (7, &[since, u64::from(mailbox), u64::from(timer)])
            }
            State::Waiting { on: On::Branches { scope }, since } => (8, &[since, u64::from(scope)]),
            State::Waiting { on: On::Turn, since } => (9, &[since]),
            State::Waiting { on: On::Task(task), since } => (10, &[since, task]),
            State::Waiting { on: On::Select, since } => (11, &[since]),
        };
        self.num(code);
        extra.iter().for_each(|value| self.num(*value));
    }

    fn operation(&mut self, op: &Operation) {
        self.num(u64::from(op.seq));
        self.num(match op.kind {
            Kind::Timer => 0,
            Kind::Activity => 1,
            Kind::Child { attached: true } => 2,
            Kind::Child { attached: false } => 3,
        });
        self.num(match op.mode {
            OnCancel::Try => 0,
            OnCancel::Wait => 1,
            OnCancel::Abandon => 2,
        });
        self.num(u64::from(op.asked));
        self.maybe(op.started.as_deref(), Self::run);
        self.maybe(op.outcome.as_ref(), |w, outcome| match outcome {
            Outcome::Completed(result) => w.outcome(Ok(result)),
            Outcome::Failed(failure) => w.outcome(Err(failure)),
        });
    }

    fn outcome(&mut self, outcome: Result<&Payload, &Failure>) {
        match outcome {
            Ok(result) => {
                self.num(0);
                self.payload(result);
            }
            Err(failure) => {
                self.num(1);
                self.failure(failure);
            }
        }
    }

    fn ended(&mut self, ended: Ended) {
        let (code, slot) = match ended {
            Ended::Returned(value) => (0, value),
            Ended::Failed(failure) => (1, failure),
            Ended::Continued { args, canceling } => (2 + u64::from(canceling), args),
        };
        self.num(code);
        self.num(slot);
    }

    fn run(&mut self, run: &RunRef) {
        self.blob(run.workflow_id.as_str().as_bytes());
        self.num(run.run_id.0);
    }

    fn failure(&mut self, failure: &Failure) {
        self.blob(failure.kind.as_bytes());
        self.blob(failure.message.as_bytes());
        self.maybe(failure.details.as_ref(), Self::payload);
        self.num(u64::from(failure.retryable));
        self.maybe(failure.cause.as_deref(), Self::failure);
    }

    fn scope(&mut self, scope: &Scope) {
        let kind = match scope.kind {
            ScopeKind::Parallel => 0,
            ScopeKind::Race => 1,
            ScopeKind::Tasks => 2,
        };
        for value in [scope.owner, scope.depth, scope.pc, kind, scope.limit] {
            self.num(u64::from(value));
        }
        self.list(scope.pending.iter(), |w, branch| {
            w.path(&branch.path);
            w.num(u64::from(branch.position));
            w.num(u64::from(branch.func.0));
            w.list(branch.args.iter(), |w, arg| w.num(*arg));
        });
        self.ids(&scope.running);
        self.list(scope.results.iter(), |w, (func, value)| {
            w.num(u64::from(func.0));
            w.num(*value);
        });
        self.num(scope.failure);
        self.maybe(scope.winner, |w, winner| w.num(u64::from(winner)));
        self.list(scope.tasks.iter(), |w, task| match task {
            TaskEnd::Open => w.num(0),
            TaskEnd::Returned => w.num(1),
            TaskEnd::Failed(failure) => {
                w.num(2);
                w.num(*failure);
            }
        });
        self.ids(&scope.unseen);
        self.num(u64::from(scope.left));
        self.num(scope.bytes);
    }

    fn progress(&mut self, progress: &Progress) {
        self.list(progress.commands.iter(), Self::command);
        self.list(progress.logs.iter(), |w, (level, text)| {
            w.num(u64::from(*level));
            w.blob(text.as_bytes());
        });
        self.list(progress.changed.iter(), |w, cell| w.num(u64::from(*cell)));
        self.num(progress.fuel_start);
        self.maybe(progress.current, |w, id| w.num(u64::from(id)));
        self.num(u64::from(progress.tested));
        self.maybe(progress.ended, Self::ended);
    }

    fn site(&mut self, site: Site) {
        self.num(u64::from(site.func));
        self.num(u64::from(site.pc));
    }

    fn command(&mut self, issued: &Issued) {
        self.path(&issued.id.fiber);
        self.num(u64::from(issued.id.seq));
        self.site(issued.site);
        match &issued.command {
            Command::ScheduleActivity { activity, args, options } => {
                self.num(0);
                self.num(u64::from(*activity));
                self.payload(args);
                self.maybe(options.as_ref(), Self::payload);
            }
            Command::StartTimer { due } => {
                self.num(1);
                self.num(due.0 as u64);
            }
            Command::StartChild { workflow, args, options, attached } => {
                self.num(2);
                self.num(u64::from(*workflow));
                self.payload(args);
                self.maybe(options.as_ref(), Self::payload);
                self.num(u64::from(*attached));
            }
            Command::RecordPatch { patch } => {
                self.num(3);
                self.num(u64::from(*patch));
            }
            Command::Cancel => self.num(4),
            Command::SendSignal { to, workflow, signal, args } => {
                self.num(6);
                self.run(to);
                self.num(u64::from(*workflow));
                self.num(u64::from(*signal));
                self.payload(args);
            }
            Command::SendCancel { to } => {
                self.num(7);
                self.run(to);
            }
            Command::EndUpdate { outcome } => {
                self.num(5);
                self.outcome(outcome.as_ref());
            }
        }
    }
}
