//! Reading: the shape of the bytes. Whether what they say makes sense is [`super::check`]'s question.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;
use weft_bytecode::FuncId;
use weft_bytecode::options::OnCancel;
use weft_protocol::command::{CommandId, FiberPath, Issued, Site};
use weft_protocol::event::RunRef;
use weft_protocol::limits::Limits;
use weft_protocol::{Command, Failure, Payload, RunId, Timestamp, WorkflowId};
use zerocopy::IntoBytes;

use crate::fiber::{Cancel, Fiber, FiberId, Kind, On, Operation, Resume, Role, State};
use crate::frame::Frame;
use crate::heap::{Counters, Heap};
use crate::interp::command_bytes;
use crate::limits::{Bounds, SNAPSHOT_CAUSES_MAX};
use crate::loaded::Loaded;
use crate::machine::{Ended, Life, MAIN, Progress, Vm};
use crate::region::{Cleanup, Piece, Region};
use crate::scope::{Branch, Scope, ScopeKind, TaskEnd};
use crate::step::Outcome;

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

type Read<T> = Result<T, String>;

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.rest.split_first().ok_or("it ends too early")?;
        self.rest = rest;
        Ok(*first)
    }

    fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(bytes)
    }

    fn num(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                // One number has one spelling.
                return if byte == 0 && shift > 0 { Err("a number is spelled too long".into()) } else { Ok(value) };
            }
        }
        Err("a number has more than 64 bits".into())
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        T::try_from(self.num()?).map_err(|_| "a number is too large for its place".into())
    }

    fn flag(&mut self) -> Read<bool> {
        match self.num()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err("a flag is neither 0 nor 1".into()),
        }
    }

    /// A length of things that take at least a byte each, so no length is believed before its bytes are there.
    fn len(&mut self) -> Read<usize> {
        let length: usize = self.small()?;
        if length > self.rest.len() { Err("it ends too early".into()) } else { Ok(length) }
    }

    fn blob(&mut self) -> Read<&'a [u8]> {
        let length = self.len()?;
        self.bytes(length)
    }

    fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.blob()?).map_err(|_| "a text is not UTF-8".into())
    }

    fn list<T, C: FromIterator<T>>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<C> {
        let length = self.len()?;
        (0..length).map(|_| item(self)).collect()
    }

    fn maybe<T>(&mut self, item: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.flag()? { item(self).map(Some) } else { Ok(None) }
    }

    fn payload(&mut self) -> Read<Payload> {
        let bytes = self.blob()?;
        if bytes.is_empty() { Err("a payload has no format".into()) } else { Ok(Payload::from_stored(bytes)) }
    }

    pub(super) fn vm(&mut self, loaded: Arc<Loaded>, limits: &Limits) -> Read<Vm> {
        let bounds = Bounds::from(limits);
        let workflow = self.small()?;
        let mut seed = [0; 16];
        seed.copy_from_slice(self.bytes(16)?);
        let life = match self.num()? {
            0 => Life::New(self.payload()?),
            1 => Life::Open,
            2 => Life::Closed,
            3 => Life::Ending(self.ended()?),
            _ => return Err("the run is neither new, open, ending nor closed".into()),
        };
        let counters = Counters { live: self.num()?, since: self.num()?, fuel_used: self.num()? };
        let (registered, atomic_draws) = (self.num()?, self.num()?);
        let cancel_requested = self.flag()?;
        let cells = self.list(Self::num)?;
        let sticky = self.list(|r| Ok((r.small()?, r.flag()?)))?;
        let mailboxes: Vec<VecDeque<Payload>> = self.list(|r| r.list(Self::payload))?;
        let fibers: Vec<Option<Box<Fiber>>> = self.list(|r| r.maybe(|r| r.fiber(&loaded).map(Box::new)))?;
        let free_fibers = self.ids()?;
        let ready = self.ids()?.into();
        let conditions = self.ids()?;
        let scopes: Vec<Option<Scope>> = self.list(|r| r.maybe(Self::scope))?;
        let free_scopes = self.ids()?;
        let cleanups = fibers.iter().flatten().map(|fiber| fiber.cleanups_kept()).sum();
        let branch_bytes = scopes.iter().flatten().fold(0u64, |sum, scope| sum.saturating_add(scope.bytes));
        let progress = self.maybe(Self::progress)?.unwrap_or_default();
        let words = self.words()?;
        if counters.live.checked_add(counters.since).is_none_or(|sum| sum > 1 << 40) {
            return Err("the heap's counters are beyond all memory".into());
        }
        let branches = (0..).zip(&fibers).filter_map(|(id, fiber): (FiberId, _)| Some((id, fiber.as_ref()?)));
        let branches = branches.filter(|(_, fiber)| matches!(fiber.role, Role::Branch { .. } | Role::Update { .. }));
        let paths: BTreeMap<FiberPath, FiberId> = branches.map(|(id, fiber)| (fiber.path.clone(), id)).collect();
        let open = fibers.iter().flatten().flat_map(|fiber| &fiber.ops).filter(|op| op.outcome.is_none()).count();
        Ok(Vm {
            workflow,
            seed,
            bounds,
            life,
            heap: Heap::from_parts(words, counters, bounds.heap_bytes_max),
            cells,
            fibers,
            free_fibers,
            paths,
            ready,
            conditions,
            scopes,
            free_scopes,
            branch_bytes,
            cleanups,
            mailboxes,
            sticky,
            registered,
            pending: open as u32,
            atomic_draws,
            cancel_requested,
            progress,
            slice_end: 0,
            loaded,
        })
    }

    /// The arena is what is left.
    fn words(&mut self) -> Read<Vec<u64>> {
        let count: usize = self.small()?;
        if count.checked_mul(8) != Some(self.rest.len()) {
            return Err("the arena is not as long as it says".into());
        }
        let mut words = vec![0; count];
        words.as_mut_bytes().copy_from_slice(self.rest);
        self.rest = &[];
        Ok(words)
    }

    fn ids(&mut self) -> Read<Vec<u32>> {
        self.list(Self::small)
    }

    fn path(&mut self) -> Read<FiberPath> {
        Ok(FiberPath(self.list(Self::small)?))
    }

    fn fiber(&mut self, loaded: &Loaded) -> Read<Fiber> {
        let path = self.path()?;
        let role = match self.num()? {
            0 => Role::Main,
            1 => Role::Branch { scope: self.small()?, position: self.small()? },
            2 => Role::Atomic,
            3 => Role::Update { update: self.small()? },
            _ => return Err("a fiber has no role".into()),
        };
        let mut base = 0u32;
        let frames: SmallVec<[Frame; 2]> = self.list(|r| {
            let frame = Frame { func: FuncId(r.small()?), pc: r.small()?, base };
            let code = loaded.code.get(usize::from(frame.func.0)).ok_or("a frame is of no function")?;
            base = base.checked_add(code.regs.len() as u32).ok_or("the frames are too large")?;
            Ok(frame)
        })?;
        let slots: Vec<u64> = self.list(Self::num)?;
        if slots.len() != base as usize {
            return Err("a fiber's slots do not match its frames".into());
        }
        let state = self.state()?;
        let cancel = self.cancel()?;
        let (seq, children, draws) = (self.small()?, self.small()?, self.num()?);
        let armed = self.maybe(Self::small)?;
        let ops = self.list(Self::operation)?;
        let (regions, cleanups) = (self.list(Self::region)?, self.list(Self::cleanup)?);
        Ok(Fiber { path, role, slots, frames, state, cancel, seq, children, draws, armed, ops, regions, cleanups })
    }

    fn cancel(&mut self) -> Read<Cancel> {
        match self.num()? {
            0 => Ok(Cancel::No),
            1 => Ok(Cancel::Pending),
            2 => Ok(Cancel::Delivered),
            3 => Ok(Cancel::Asked),
            _ => Err("a cancel is in no state".into()),
        }
    }

    fn region(&mut self) -> Read<Region> {
        let (depth, shield, timer) = (self.small()?, self.flag()?, self.small()?);
        Ok(Region { depth, shield, timer, cancel: self.cancel()?, overruled: self.flag()? })
    }

    fn cleanup(&mut self) -> Read<Cleanup> {
        let (depth, saga) = (self.small()?, self.flag()?);
        let pieces = self.list(|r| Ok(Piece { canceled: r.flag()?, closure: r.num()? }))?;
        Ok(Cleanup { depth, saga, pieces, failure: self.num()? })
    }

    fn state(&mut self) -> Read<State> {
        let code = self.num()?;
        if code <= 3 {
            return Ok(State::Ready(match code {
                0 => Resume::Enter,
                1 => Resume::Go,
                2 => Resume::TimedOut,
                _ => Resume::Throw(self.num()?),
            }));
        }
        let since = self.num()?;
        let on = match code {
            4 => On::Operation(self.small()?),
            5 => On::Started(self.small()?),
            6 => On::Condition { timer: self.small()? },
            7 => On::Message { mailbox: self.small()?, timer: self.small()? },
            8 => On::Branches { scope: self.small()? },
            9 => On::Turn,
            10 => On::Task(self.num()?),
            11 => On::Select,
            _ => return Err("a fiber is in no state".into()),
        };
        Ok(State::Waiting { on, since })
    }

    fn operation(&mut self) -> Read<Operation> {
        let seq = self.small()?;
        let kind = match self.num()? {
            0 => Kind::Timer,
            1 => Kind::Activity,
            2 => Kind::Child { attached: true },
            3 => Kind::Child { attached: false },
            _ => return Err("an operation is of no kind".into()),
        };
        let mode = match self.num()? {
            0 => OnCancel::Try,
            1 => OnCancel::Wait,
            2 => OnCancel::Abandon,
            _ => return Err("an operation has no cancel mode".into()),
        };
        let asked = self.flag()?;
        let started = self.maybe(|r| r.run().map(Box::new))?;
        let outcome = self.maybe(Self::outcome)?.map(|outcome| match outcome {
            Ok(result) => Outcome::Completed(result),
            Err(failure) => Outcome::Failed(failure),
        });
        Ok(Operation { seq, kind, mode, asked, started, outcome })
    }

    fn outcome(&mut self) -> Read<Result<Payload, Failure>> {
        match self.num()? {
            0 => Ok(Ok(self.payload()?)),
            1 => Ok(Err(self.failure(0)?)),
            _ => Err("an operation has no outcome".into()),
        }
    }

    fn ended(&mut self) -> Read<Ended> {
        match self.num()? {
            0 => Ok(Ended::Returned(self.num()?)),
            1 => Ok(Ended::Failed(self.num()?)),
            code @ (2 | 3) => Ok(Ended::Continued { args: self.num()?, canceling: code == 3 }),
            _ => Err("the body ended in no way".into()),
        }
    }

    fn failure(&mut self, depth: usize) -> Read<Failure> {
        if depth > SNAPSHOT_CAUSES_MAX {
            return Err("a failure has too many causes".into());
        }
        let (kind, message) = (self.text()?.to_owned(), self.text()?.to_owned());
        let details = self.maybe(Self::payload)?;
        let retryable = self.flag()?;
        let cause = self.maybe(|r| r.failure(depth + 1).map(Box::new))?;
        Ok(Failure { kind, message, details, retryable, cause })
    }

    fn scope(&mut self) -> Read<Scope> {
        Ok(Scope {
            owner: self.small()?,
            depth: self.small()?,
            pc: self.small()?,
            kind: match self.num()? {
                0 => ScopeKind::Parallel,
                1 => ScopeKind::Race,
                2 => ScopeKind::Tasks,
                _ => return Err("a scope is of no kind".into()),
            },
            limit: self.small()?,
            pending: self.list(|r| {
                let (path, position, func) = (r.path()?, r.small()?, FuncId(r.small()?));
                Ok(Branch { path, position, func, args: r.list(Self::num)? })
            })?,
            running: self.ids()?,
            results: self.list(|r| Ok((FuncId(r.small()?), r.num()?)))?,
            failure: self.num()?,
            winner: self.maybe(Self::small)?,
            tasks: self.list(|r| match r.num()? {
                0 => Ok(TaskEnd::Open),
                1 => Ok(TaskEnd::Returned),
                2 => Ok(TaskEnd::Failed(r.num()?)),
                _ => Err("a task has ended in no way".into()),
            })?,
            unseen: self.ids()?,
            left: self.flag()?,
            bytes: self.num()?,
        })
    }

    fn progress(&mut self) -> Read<Progress> {
        let commands: Vec<Issued> = self.list(Self::command)?;
        let command_bytes = commands.iter().map(|issued| command_bytes(&issued.command)).sum();
        Ok(Progress {
            commands,
            command_bytes,
            logs: self.list(|r| Ok((r.small()?, r.text()?.to_owned())))?,
            changed: self.list(Self::small)?,
            fuel_start: self.num()?,
            current: self.maybe(Self::small)?,
            tested: self.small()?,
            ended: self.maybe(Self::ended)?,
        })
    }

    fn run(&mut self) -> Read<RunRef> {
        Ok(RunRef { workflow_id: WorkflowId::from(self.text()?), run_id: RunId(self.num()?) })
    }

    fn command(&mut self) -> Read<Issued> {
        let id = CommandId { fiber: self.path()?, seq: self.small()? };
        let site = Site { func: self.small()?, pc: self.small()? };
        let command = match self.num()? {
            0 => Command::ScheduleActivity {
                activity: self.small()?,
                args: self.payload()?,
                options: self.maybe(Self::payload)?,
            },
            1 => Command::StartTimer { due: Timestamp(self.num()? as i64) },
            2 => Command::StartChild {
                workflow: self.small()?,
                args: self.payload()?,
                options: self.maybe(Self::payload)?,
                attached: self.flag()?,
            },
            3 => Command::RecordPatch { patch: self.small()? },
            4 => Command::Cancel,
            5 => Command::EndUpdate { outcome: self.outcome()? },
            6 => Command::SendSignal {
                to: self.run()?,
                workflow: self.small()?,
                signal: self.small()?,
                args: self.payload()?,
            },
            7 => Command::SendCancel { to: self.run()? },
            _ => return Err("a command is of no kind".into()),
        };
        Ok(Issued { id, site, command })
    }
}

/// Main is the fiber that everyone else came from.
pub(super) fn has_main(vm: &Vm) -> bool {
    vm.fibers.get(MAIN as usize).and_then(Option::as_ref).is_some_and(|fiber| fiber.role == Role::Main)
}
