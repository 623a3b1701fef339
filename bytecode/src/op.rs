//! The instruction table: each op once, with its operands and meaning. Encoder, decoder, listing, verifier and the
//! coverage checks of the tests derive from it.
//!
//! An instruction is eight bytes, `{op: u16, a: u16, b: u16, c: u16}`; an op with one 32-bit operand keeps it in
//! `b` (low half) and `c` (high half). An op whose last operand is `Args` is followed by `ceil(n / 3)` words of the
//! pseudo-op [`Op::Arg`], three registers each.
//!
//! Registers are typed: `Function::regs` gives each register one type for the whole function, so an op needs no type
//! operand to know what it works on, and a collector knows which slots are references at any pc.

/// A register of the current frame.
pub type Reg = u16;

/// What an operand of an instruction denotes. Drives the verifier and the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// Register that is written.
    Dst,
    /// Register that is read.
    Src,
    /// Register that is read and rebound: an update of a `var` in place or by copy.
    Var,
    /// A small number: field index, variant index, scope kind; the op's doc says which.
    Index,
    /// A 32-bit signed immediate.
    Imm,
    /// Index into `Program::constants`, 32 bits.
    Const,
    /// Index into `Program::functions`.
    Func,
    /// Index into `Program::types`.
    Type,
    /// Index into the native table ([`Native`]).
    Native,
    /// Index into `Program::activities`.
    Activity,
    /// Index into `Program::workflows`.
    Workflow,
    /// Index into `Program::patches`.
    Patch,
    /// Index into the state cells of the workflow.
    State,
    /// Index into the mailboxes of the workflow (`SignalDef::mailbox`).
    Mailbox,
    /// Absolute pc in the same function, 32 bits.
    Label,
    /// Number of argument registers that follow in `Arg` words.
    Args,
}

macro_rules! ops {
    ($( $(#[doc = $doc:expr])* $name:ident = $text:literal ( $($operand:ident : $kind:ident),* ); )*) => {
        /// Every instruction of the machine. The doc of each variant is its definition.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Op { $( $(#[doc = $doc])* $name, )* }

        impl Op {
            /// All ops in code order; `Op::ALL[code]` decodes.
            pub const ALL: &'static [Op] = &[ $(Op::$name),* ];

            /// The op's name in listings.
            pub fn name(self) -> &'static str { match self { $(Op::$name => $text),* } }

            /// Operand names and kinds, in the order a, b, c.
            pub fn operands(self) -> &'static [(&'static str, Operand)] {
                match self { $(Op::$name => &[ $((stringify!($operand), Operand::$kind)),* ]),* }
            }

            /// The definition of the op, as in the table.
            pub fn doc(self) -> &'static str { match self { $(Op::$name => concat!($($doc, "\n"),*)),* } }
        }
    };
}

/// What stands in a place of an [`Op::Arg`] word that carries no register.
pub const NO_ARG: u16 = 0xffff;

/// Set in the argument count of [`Op::StartChild`]: the parent will not ask for the result.
pub const DETACHED: u16 = 0x8000;

/// Arguments of one instruction at most: what the count holds beside [`DETACHED`].
pub const ARGS_MAX: usize = DETACHED as usize - 1;

ops! {
    /// Carries up to three argument registers for the instruction before it. Never executed itself; an unused
    /// place is [`NO_ARG`].
    Arg = "arg" (x: Src, y: Src, z: Src);
    /// `dst = src`. Both have the same type.
    Move = "move" (dst: Dst, src: Src);
    /// `dst = constants[k]`.
    LoadConst = "const" (dst: Dst, k: Const);
    /// `dst = imm`, for `Int`, `Bool`, `Unit`, `Duration`, `Time`, `Date` and payload-free enums (the variant index).
    LoadInt = "int" (dst: Dst, imm: Imm);
    /// `dst = none`, for optionals.
    LoadNone = "none" (dst: Dst);
    /// Marks the object in `src` as shared: a later update through any name copies it first. Emitted where a value
    /// that already has a name gets a second owner (binding, field, element, state, capture, return). What is read out
    /// of a shared object is marked too, so updating a part of a part needs no further `Share`.
    Share = "share" (src: Src);

    /// `dst = lhs + rhs`, `Int` or `Duration`, or `Time + Duration`. Traps with `Overflow`.
    AddInt = "add" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs - rhs`, `Int` or `Duration`, `Time - Time`, `Time - Duration`. Traps with `Overflow`.
    SubInt = "sub" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs * rhs`, `Int * Int` or `Duration * Int` either way around. Traps with `Overflow`.
    MulInt = "mul" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs / rhs`, truncated toward zero; `Duration / Int` and `Duration / Duration -> Int` too. Traps with
    /// `DivisionByZero`, `Overflow`.
    DivInt = "div" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs % rhs`, with the sign of `lhs`. Traps with `DivisionByZero`.
    RemInt = "rem" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = -src`, `Int` or `Duration`. Traps with `Overflow`.
    NegInt = "neg" (dst: Dst, src: Src);
    /// `dst = lhs == rhs` on slots: every scalar type but `Float`.
    EqInt = "eq" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs != rhs` on slots.
    NeInt = "ne" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs < rhs` on slots as signed numbers.
    LtInt = "lt" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs <= rhs` on slots as signed numbers.
    LeInt = "le" (dst: Dst, lhs: Src, rhs: Src);

    /// `dst = lhs + rhs`. A result that is NaN or infinite traps with `FloatRange`, as in all float arithmetic.
    AddFloat = "fadd" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs - rhs`.
    SubFloat = "fsub" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs * rhs`.
    MulFloat = "fmul" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs / rhs`.
    DivFloat = "fdiv" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs % rhs` (`fmod`: sign of `lhs`).
    RemFloat = "frem" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = -src`.
    NegFloat = "fneg" (dst: Dst, src: Src);
    /// `dst = lhs < rhs`.
    LtFloat = "flt" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs <= rhs`.
    LeFloat = "fle" (dst: Dst, lhs: Src, rhs: Src);

    /// `dst = lhs + rhs`, exact or half-even at 28 digits. Traps with `Overflow`.
    AddDecimal = "dadd" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs - rhs`.
    SubDecimal = "dsub" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs * rhs`.
    MulDecimal = "dmul" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs / rhs`. Traps with `DivisionByZero`, `Overflow`.
    DivDecimal = "ddiv" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs % rhs`. Traps with `DivisionByZero`.
    RemDecimal = "drem" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = -src`.
    NegDecimal = "dneg" (dst: Dst, src: Src);
    /// `dst = src` widened exactly from `Int` to `Decimal`.
    IntToDecimal = "i2d" (dst: Dst, src: Src);

    /// `dst = lhs == rhs`, structural, for any data type. Fuel `1 + bytes / 64`.
    Equal = "equal" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs < rhs` for the ordered types that are no slots: `String` (by bytes), `Decimal`, tuples.
    Less = "less" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = lhs <= rhs`, as `Less`.
    LessEqual = "less_eq" (dst: Dst, lhs: Src, rhs: Src);
    /// `dst = !src`.
    Not = "not" (dst: Dst, src: Src);

    /// Charges `imm` fuel, at least 1: the number of instructions of the block it heads. At every function entry and
    /// where a jump or handler leads back. A slice may end behind it, and garbage may be collected.
    Fuel = "fuel" (unused: Index, amount: Imm);
    /// Continues at `target`.
    Jump = "jump" (unused: Index, target: Label);
    /// Continues at `target` if the `Bool` is true.
    JumpIf = "jump_if" (cond: Src, target: Label);
    /// Continues at `target` if the `Bool` is false.
    JumpIfNot = "jump_if_not" (cond: Src, target: Label);
    /// Continues at `target` if the optional is none.
    JumpIfNone = "jump_if_none" (value: Src, target: Label);
    /// Calls a function; the arguments become its first registers. Traps with `Depth` at `frames_max`.
    Call = "call" (dst: Dst, func: Func, n: Args);
    /// Calls a native of the table [`Native`].
    CallNative = "native" (dst: Dst, native: Native, n: Args);
    /// `dst =` a closure of `func` over the arguments, which become its first parameters.
    Closure = "closure" (dst: Dst, func: Func, n: Args);
    /// Calls a closure; the arguments follow the captured ones.
    CallClosure = "call_closure" (dst: Dst, closure: Src, n: Args);
    /// Leaves the function with `src`.
    Return = "return" (src: Src);
    /// Traps with `Unreachable`: the compiler proved this point is never reached.
    Unreachable = "unreachable" ();

    /// `dst =` a record, tuple or error of the type of `dst` with the arguments as fields.
    New = "new" (dst: Dst, unused: Index, n: Args);
    /// `dst =` the variant of an enum with payloads or of a `Result`; the arguments are its fields.
    NewVariant = "variant" (dst: Dst, variant: Index, n: Args);
    /// `dst =` a list or set of the arguments; a duplicate in a set is dropped.
    NewList = "list" (dst: Dst, unused: Index, n: Args);
    /// `dst =` a map of the arguments, key and value by turns; a later value of an equal key wins.
    NewMap = "map" (dst: Dst, unused: Index, n: Args);
    /// `dst = object.field` of a record, tuple, error or `Run`. Of a `Failure` only the two fields that every error begins with,
    /// `message` and `cause`; for others it is cast first.
    Field = "field" (dst: Dst, object: Src, field: Index);
    /// `object.field = src` on a `var`: in place if the object is not shared, else on a copy that `object` then names.
    SetField = "set_field" (object: Var, field: Index, src: Src);
    /// `dst: Int =` index of the variant of an enum value with payloads or of a `Result`.
    Tag = "tag" (dst: Dst, value: Src);
    /// `dst =` a field of an enum value; `place` is `variant << 8 | field`. Traps with `Corrupt` on another variant.
    VariantField = "variant_field" (dst: Dst, value: Src, place: Index);
    /// `dst: T? = src: T`.
    Some = "some" (dst: Dst, src: Src);
    /// `dst: T = src: T?`. Traps with `Unreachable` on none: emitted only where none is excluded.
    Unwrap = "unwrap" (dst: Dst, src: Src);
    /// `dst: Failure = src`, an error; or an error type from `Failure` after `IsError` said so (else `Corrupt`).
    Cast = "cast" (dst: Dst, src: Src);
    /// `dst = list[index]`. Traps with `Index`.
    Index = "index" (dst: Dst, list: Src, index: Src);
    /// `list[index] = src` on a `var`. Traps with `Index`.
    SetIndex = "set_index" (list: Var, index: Src, src: Src);
    /// Appends to a list `var`.
    Push = "push" (list: Var, src: Src);
    /// `map[key] = src` on a `var`; a new key goes last.
    SetKey = "set_key" (map: Var, key: Src, src: Src);
    /// `dst =` the arguments written one after the other as text: strings as they are, other values as in
    /// string holes (their JSON form without the quotes of scalars).
    Concat = "concat" (dst: Dst, unused: Index, n: Args);

    /// `dst = state[cell]`.
    LoadState = "load_state" (dst: Dst, cell: State);
    /// `state[cell] = src`.
    StoreState = "store_state" (cell: State, src: Src);
    /// `dst =` time of the event being processed.
    Now = "now" (dst: Dst);
    /// `dst =` the next version 4 UUID, as text, of this fiber's stream.
    Uuid = "uuid" (dst: Dst);
    /// `dst =` the next `Float` in `[0, 1)` of this fiber's stream.
    Random = "random" (dst: Dst);
    /// `dst =` a fact of the run: 0 workflow id, 1 run id, 2 start time, 3 `history.is_large`, 4 `history.length`.
    RunInfo = "run_info" (dst: Dst, which: Index);
    /// Writes a log line: 0 debug, 1 info, 2 warn, 3 error. Muted while replaying.
    Log = "log" (level: Index, text: Src);

    /// Schedules an activity. Arguments: the record of its parameters and, if `n` is 2, a record of call-site options.
    /// `dst: Int` is the operation's handle, its `CommandSeq` in this fiber.
    ScheduleActivity = "schedule" (dst: Dst, activity: Activity, n: Args);
    /// Starts a child workflow; arguments as `ScheduleActivity`. Bit 15 of `n` is set for `start`: the parent will not
    /// ask for the result.
    StartChild = "start_child" (dst: Dst, workflow: Workflow, n: Args);
    /// Starts a timer of a `Duration`. `dst` is its handle, or 0 where the duration is not positive: no timer.
    StartTimer = "timer" (dst: Dst, after: Src);
    /// Starts a timer for a `Time`; a time that is not in the future is no timer.
    StartTimerAt = "timer_at" (dst: Dst, at: Src);
    /// Suspends the fiber until operation `handle` resolves: `dst` gets the activity's or child's result (`Unit` for a
    /// timer), a failure is thrown. A handle of 0 does not suspend.
    Await = "await" (dst: Dst, handle: Src);
    /// Suspends until child `handle` has started: `dst: Run<W>`; a failed start is thrown.
    AwaitStarted = "await_started" (dst: Dst, handle: Src);
    /// Suspends until the closure (no arguments, read level, `Bool` or an optional) gives true or a value. `dst` is
    /// that value. Tested at once, then after every event. The closure must not reach a command or wait (`Corrupt`).
    WaitUntil = "wait_until" (dst: Dst, condition: Src);
    /// As `WaitUntil` for at most a `Duration`: afterwards `dst` is false or none. The timer starts only if the first
    /// test fails, and is canceled when the condition wins.
    WaitUntilFor = "wait_until_for" (dst: Dst, condition: Src, limit: Src);
    /// Suspends until the mailbox has a message and takes the oldest: `dst` is an optional of its record of arguments.
    Receive = "receive" (dst: Dst, mailbox: Mailbox);
    /// As `Receive` for at most a `Duration`: afterwards `dst` is none.
    ReceiveFor = "receive_for" (dst: Dst, mailbox: Mailbox, limit: Src);
    /// Opens a scope of fibers: kind 0 `parallel`, 1 `race`, 2 the tasks of a body. `limit: Int` is how many branches run at a time, 0 for all.
    /// `dst: Int` is the scope's handle.
    ScopeOpen = "scope" (dst: Dst, kind: Index, limit: Src);
    /// Adds a branch: a fiber that calls `func` with the arguments.
    ScopeSpawn = "spawn" (scope: Src, func: Func, n: Args);
    /// Suspends until all branches ended. `parallel`: `dst` is the list or tuple of their results by position; the first
    /// failure cancels the others and is thrown when they have ended. `race`: `dst` is the value of the first branch to
    /// end, or its failure is thrown; the others are canceled and awaited. A type that the branches do not give traps
    /// with `Corrupt`; `Unit` drops the results of `parallel`. Tasks: `dst` is `Unit`; a failure that nobody awaited
    /// cancels the others and is thrown when they have ended.
    ScopeJoin = "join" (dst: Dst, scope: Src);
    /// `dst = true` if the new code of the patch is to run: a run that passed here before the patch keeps the
    /// old code, and the answer is recorded. Always `true` for a deprecated one, which records nothing.
    Patch = "patch" (dst: Dst, patch: Patch);

    /// Throws a `Failure`: the innermost handler of the frame that covers the pc gets it, else the caller.
    Throw = "throw" (failure: Src);
    /// `dst =` whether the failure in `failure` is of an error type.
    IsError = "is_error" (dst: Dst, failure: Src, error: Type);

    /// `dst: Int =` the handle of the task that was added last to a scope of kind 2.
    TaskHandle = "task" (dst: Dst, scope: Src);
    /// Suspends until the task behind a handle has ended: `dst` is its value, or its failure is thrown. A second time
    /// gives the same. A value of another type than `dst` traps with `Corrupt`.
    AwaitTask = "await_task" (dst: Dst, task: Src);
    /// A failure leaves the body that opened a scope of tasks: those under way are canceled, and the scope's join waits
    /// for their end and throws nothing.
    ScopeLeave = "scope_leave" (scope: Src);
    /// `dst: Int =` what stands for a mailbox among the sources of `Select`.
    SelectMailbox = "mailbox" (dst: Dst, mailbox: Mailbox);
    /// Suspends until one of the sources is ready: `dst: Int` is the index of the first that is. A source is what its
    /// register holds: a `Duration` passes, a `Time` comes, a closure (no arguments, read level, `Bool`) gives true, and
    /// an `Int` is the handle of a task that has ended or stands for a mailbox that has a message. They are tested in
    /// order, at once and after every event; what is ready is left for the op that takes it. Timers start only if the
    /// first test finds nothing, and are canceled when another source is first.
    Select = "select" (dst: Dst, unused: Index, n: Args);

    /// Enters the body of a `within`: a region of this frame with a deadline, for which a timer starts. `dst` is false
    /// and there is no region where the duration is not positive. When the timer fires, what the fiber waits for inside
    /// is canceled.
    Within = "within" (dst: Dst, limit: Src);
    /// Leaves the innermost region of this frame; its timer is canceled.
    WithinEnd = "within_end" ();
    /// As `WithinEnd`, for a failure that left the body: `dst` is true if it is the `Canceled` of the region's deadline.
    WithinFailed = "within_failed" (dst: Dst, failure: Src);
    /// Begins a list of cleanup in this frame: kind 0 of a body, 1 of a `saga`.
    CleanupOpen = "cleanup" (kind: Index);
    /// Adds a closure (no arguments, `Unit`) to the innermost list of this frame: 0 and 1 to that of the body, for any
    /// way out or for a cancel only; 2 to that of a saga, `hops` branches around this one.
    CleanupAdd = "cleanup_add" (what: Index, closure: Src, hops: Index);
    /// Ends the innermost list of this frame without calling anything.
    CleanupDrop = "cleanup_drop" ();
    /// Calls the closures of the innermost list of this frame, newest first, and ends the list. No cancel from outside
    /// reaches a wait in them; each is canceled when it has waited for longer than the workflow's `cleanup_timeout`.
    /// `failure: Failure?` is what left the body. If one did, it is thrown again, or for a saga with a closure that
    /// failed `CompensationFailed`; if none did, the first failure of a closure is thrown. Others are logged.
    Leave = "leave" (failure: Src);

    /// Ends the run, which goes on as a new one with these arguments: a record of the workflow's parameters. On the fiber
    /// of the body only (else `Corrupt`).
    ContinueAsNew = "continue_as_new" (args: Src);

    /// Sends signal number `signal` of `workflow` to a run and goes on. Arguments: the run (`Run`) and the record of the
    /// signal's parameters.
    Send = "send" (signal: Index, workflow: Workflow, n: Args);
    /// Requests the cancellation of a run and goes on.
    SendCancel = "send_cancel" (to: Src);
}

impl Op {
    /// Decodes an op code.
    pub fn from_code(code: u16) -> Option<Op> {
        Op::ALL.get(usize::from(code)).copied()
    }

    /// Whether `Arg` words follow.
    pub fn has_args(self) -> bool {
        matches!(self.operands().last(), Some((_, Operand::Args)))
    }

    /// Whether a fiber can be suspended at this op, which makes its pc a safepoint.
    pub fn suspends(self) -> bool {
        use Op::*;
        matches!(
            self,
            Await | AwaitStarted | WaitUntil | WaitUntilFor | Receive | ReceiveFor | ScopeJoin | AwaitTask | Select
        )
    }
}

/// An encoded instruction: `op | a << 16 | b << 32 | c << 48`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Instr(pub u64);

impl Instr {
    /// An instruction of three 16-bit operands.
    pub fn abc(op: Op, a: u16, b: u16, c: u16) -> Instr {
        Instr(op as u64 | u64::from(a) << 16 | u64::from(b) << 32 | u64::from(c) << 48)
    }

    /// An instruction of a 16-bit and a 32-bit operand.
    pub fn wide(op: Op, a: u16, imm: u32) -> Instr {
        Instr(op as u64 | u64::from(a) << 16 | u64::from(imm) << 32)
    }

    /// The op; `None` if the code is not in the table.
    pub fn op(self) -> Option<Op> {
        Op::from_code(self.0 as u16)
    }

    /// First operand.
    pub fn a(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Second operand.
    pub fn b(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Number of argument registers of an op that [has them](Op::has_args).
    pub fn args_count(self) -> usize {
        usize::from(self.c() & !DETACHED)
    }

    /// Third operand.
    pub fn c(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The 32-bit operand.
    pub fn imm(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl std::fmt::Debug for Instr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.op() {
            Some(op) => write!(f, "{} {} {} {}", op.name(), self.a(), self.b(), self.c()),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

macro_rules! natives {
    ($( $name:ident = $text:literal $doc:literal ; )*) => {
        /// Functions written in Rust that bytecode may call: pure, total but for the traps they name, and metered by
        /// the size of what they work on. Generic ones read the types of their argument registers.
        #[allow(rustdoc::invalid_html_tags, rustdoc::broken_intra_doc_links, reason = "signatures of the language")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Native { $( #[doc = $doc] $name, )* }

        impl Native {
            /// All natives in code order.
            pub const ALL: &'static [Native] = &[ $(Native::$name),* ];
            /// The name in listings: `type.method`.
            pub fn name(self) -> &'static str { match self { $(Native::$name => $text),* } }
            /// What it does.
            pub fn doc(self) -> &'static str { match self { $(Native::$name => $doc),* } }
            /// Decodes a native's code.
            pub fn from_code(code: u16) -> Option<Native> { Native::ALL.get(usize::from(code)).copied() }
        }
    };
}

natives! {
    Range = "range" "(from: Int, to: Int, step: Int) -> List<Int>, end excluded; traps on step 0.";
    IntAbs = "int.abs" "(Int) -> Int; traps on overflow.";
    IntPow = "int.pow" "(Int, Int) -> Int; traps on a negative exponent and on overflow.";
    IntToFloat = "int.to_float" "(Int) -> Float, nearest.";
    ToText = "to_string" "(T) -> String, as in a string hole.";
    FloatAbs = "float.abs" "(Float) -> Float.";
    FloatFloor = "float.floor" "(Float) -> Float.";
    FloatCeil = "float.ceil" "(Float) -> Float.";
    FloatRound = "float.round" "(Float) -> Float, half away from zero.";
    FloatToInt = "float.to_int" "(Float) -> Int, toward zero; traps out of range.";
    FloatSqrt = "float.sqrt" "(Float) -> Float; traps below zero.";
    DecimalAbs = "decimal.abs" "(Decimal) -> Decimal.";
    DecimalRound = "decimal.round" "(Decimal, places: Int) -> Decimal, half-even.";
    DecimalToInt = "decimal.to_int" "(Decimal) -> Int, toward zero; traps out of range.";
    DecimalToFloat = "decimal.to_float" "(Decimal) -> Float.";
    StringLength = "string.length" "(String) -> Int, in scalar values.";
    StringIsEmpty = "string.is_empty" "(String) -> Bool.";
    StringUpper = "string.upper" "(String) -> String.";
    StringLower = "string.lower" "(String) -> String.";
    StringTrim = "string.trim" "(String) -> String.";
    StringSplit = "string.split" "(String, sep: String) -> List<String>; an empty separator splits into scalar values.";
    StringContains = "string.contains" "(String, String) -> Bool.";
    StringStartsWith = "string.starts_with" "(String, String) -> Bool.";
    StringEndsWith = "string.ends_with" "(String, String) -> Bool.";
    StringReplace = "string.replace" "(String, from: String, to: String) -> String, all of them.";
    StringSlice = "string.slice" "(String, from: Int, to: Int) -> String, by scalar values, clamped.";
    StringChars = "string.chars" "(String) -> List<String>.";
    StringLines = "string.lines" "(String) -> List<String>.";
    StringParseInt = "string.parse_int" "(String) -> Int?.";
    StringParseDecimal = "string.parse_decimal" "(String) -> Decimal?.";
    ListLength = "list.length" "(List<T> | Set<T> | Map<K, V>) -> Int.";
    ListFirst = "list.first" "(List<T>) -> T?.";
    ListLast = "list.last" "(List<T>) -> T?.";
    ListPush = "list.push" "(List<T>, T) -> List<T>, a new list.";
    ListConcat = "list.concat" "(List<T>, List<T>) -> List<T>.";
    ListSum = "list.sum" "(List<Int | Decimal | Float | Duration>) -> the element type; traps as addition does.";
    ListMin = "list.min" "(List<T>) -> T?, of an ordered type.";
    ListMax = "list.max" "(List<T>) -> T?.";
    ListSort = "list.sort" "(List<T>) -> List<T>, stable, of an ordered type.";
    ListSortKeys = "list.sort_keys" "(keys: List<K>, values: List<T>) -> List<T>: values in the stable order of their keys.";
    ListZip = "list.zip" "(List<A>, List<B>) -> List<(A, B)>, as long as the shorter.";
    ListTake = "list.take" "(List<T>, Int) -> List<T>, clamped.";
    ListDrop = "list.drop" "(List<T>, Int) -> List<T>, clamped.";
    ListReverse = "list.reverse" "(List<T>) -> List<T>.";
    ListContains = "list.contains" "(List<T> | Set<T>, T) -> Bool.";
    ListIndexOf = "list.index_of" "(List<T>, T) -> Int?.";
    ListSlice = "list.slice" "(List<T>, from: Int, to: Int) -> List<T>, clamped.";
    ListDistinct = "list.distinct" "(List<T>) -> List<T>, first of each.";
    ListChunk = "list.chunk" "(List<T>, Int) -> List<List<T>>; traps on a size below 1.";
    ListEnumerate = "list.enumerate" "(List<T>) -> List<(Int, T)>.";
    ListJoin = "list.join" "(List<String>, sep: String) -> String.";
    ListFlatten = "list.flatten" "(List<List<T>>) -> List<T>.";
    GroupKeys = "list.group_keys" "(keys: List<K>, values: List<T>) -> Map<K, List<T>>, keys in order of first sight.";
    MapGet = "map.get" "(Map<K, V>, K) -> V?.";
    MapIndex = "map.index" "(Map<K, V>, K) -> V; traps with `Index` if the key is missing.";
    MapHas = "map.has" "(Map<K, V>, K) -> Bool.";
    MapKeys = "map.keys" "(Map<K, V>) -> List<K>.";
    MapValues = "map.values" "(Map<K, V>) -> List<V>.";
    MapEntries = "map.entries" "(Map<K, V>) -> List<(K, V)>.";
    MapSet = "map.set" "(Map<K, V>, K, V) -> Map<K, V>, a new map.";
    MapRemove = "map.remove" "(Map<K, V>, K) -> Map<K, V>, a new map.";
    MapMerge = "map.merge" "(Map<K, V>, Map<K, V>) -> Map<K, V>; the second wins.";
    SetAdd = "set.add" "(Set<T>, T) -> Set<T>.";
    SetRemove = "set.remove" "(Set<T>, T) -> Set<T>.";
    SetUnion = "set.union" "(Set<T>, Set<T>) -> Set<T>.";
    SetIntersect = "set.intersect" "(Set<T>, Set<T>) -> Set<T>.";
    ListToSet = "list.to_set" "(List<T>) -> Set<T>.";
    SetToList = "set.to_list" "(Set<T>) -> List<T>.";
    JsonGet = "json.get" "(Json, path: String) -> Json?, `a.b.0`.";
    JsonAsInt = "json.as_int" "(Json) -> Int?.";
    JsonAsFloat = "json.as_float" "(Json) -> Float?.";
    JsonAsString = "json.as_string" "(Json) -> String?.";
    JsonAsBool = "json.as_bool" "(Json) -> Bool?.";
    JsonAsList = "json.as_list" "(Json) -> List<Json>?.";
    JsonAsMap = "json.as_map" "(Json) -> Map<String, Json>?.";
    JsonIsNull = "json.is_null" "(Json) -> Bool.";
    JsonParse = "json.parse" "(String) -> Json?.";
    JsonEncode = "json.encode" "(Json) -> String.";
    ToJson = "to_json" "(T) -> Json: the wire form of any data value.";
    DurationMillis = "duration.millis" "(Duration) -> Int.";
    TimeToDate = "time.date" "(Time) -> Date, in UTC.";
    DateToTime = "date.time" "(Date) -> Time, midnight UTC.";
    DateAddDays = "date.add_days" "(Date, Int) -> Date; traps out of range.";
    DateDaysUntil = "date.days_until" "(Date, Date) -> Int.";
    TimeParse = "time.parse" "(String) -> Time?, RFC 3339.";
    DateParse = "date.parse" "(String) -> Date?.";
    DateOf = "date.of" "(year: Int, month: Int, day: Int) -> Date; traps with `Index` if there is no such day.";
    DateYear = "date.year" "(Date) -> Int.";
    DateMonth = "date.month" "(Date) -> Int, 1 to 12.";
    DateDay = "date.day" "(Date) -> Int, 1 to 31.";
    DateDayOfWeek = "date.day_of_week" "(Date) -> Weekday.";
    DateNext = "date.next" "(Date, Weekday) -> Date, later than the first; traps out of range.";
    DatePrevious = "date.previous" "(Date, Weekday) -> Date, earlier than the first; traps out of range.";
    DateAddMonths = "date.add_months" "(Date, Int) -> Date, clamped to the last day of a month; traps out of range.";
    DateAddYears = "date.add_years" "(Date, Int) -> Date, as twelve months each.";
    DateStartOfWeek = "date.start_of_week" "(Date) -> Date, a Monday; traps out of range.";
    DateStartOfMonth = "date.start_of_month" "(Date) -> Date.";
    DateEndOfMonth = "date.end_of_month" "(Date) -> Date.";
    DateStartOfYear = "date.start_of_year" "(Date) -> Date.";
    DateDayOfYear = "date.day_of_year" "(Date) -> Int, from 1.";
    DateIsoWeek = "date.iso_week" "(Date) -> Int, 1 to 53.";
    DateIsoYear = "date.iso_year" "(Date) -> Int: the year that its ISO week belongs to.";
    DateFormat = "date.format" "(Date, pattern: String) -> String; traps on a pattern that is wrong.";
    DateParseAs = "date.parse_as" "(String, pattern: String) -> Date?.";
    DateAt = "date.at" "(Date, clock: Duration, zone: String) -> Time; traps on an unknown zone and out of range.";
    TimeDateIn = "time.date_in" "(Time, zone: String) -> Date; traps on an unknown zone.";
    TimeClock = "time.clock" "(Time, zone: String) -> Duration, what clocks show since midnight; traps on an unknown zone.";
    TimeOffset = "time.offset" "(Time, zone: String) -> Duration, ahead of UTC; traps on an unknown zone.";
    TimeFormat = "time.format" "(Time, pattern: String, zone: String) -> String; traps on a wrong pattern or zone.";
    TimeParseAs = "time.parse_as" "(String, pattern: String, zone: String) -> Time?; traps on an unknown zone.";
    TimeMillis = "time.millis" "(Time) -> Int, since 1970.";
    TimeOfMillis = "time.of_millis" "(Int) -> Time; traps out of range.";
    DurationParse = "duration.parse" "(String) -> Duration?.";
    DurationSeconds = "duration.seconds" "(Duration) -> Int, toward zero.";
    DurationMinutes = "duration.minutes" "(Duration) -> Int, toward zero.";
    DurationHours = "duration.hours" "(Duration) -> Int, toward zero.";
    DurationDays = "duration.days" "(Duration) -> Int, toward zero.";
    DurationAbs = "duration.abs" "(Duration) -> Duration; traps on overflow.";
    WeekdayNumber = "weekday.number" "(Weekday) -> Int, 1 Monday to 7 Sunday.";
    StringPadStart = "string.pad_start" "(String, width: Int, with: String) -> String; traps if `with` is empty.";
    StringPadEnd = "string.pad_end" "(String, width: Int, with: String) -> String; traps if `with` is empty.";
    StringRepeat = "string.repeat" "(String, Int) -> String; traps on a negative count.";
    StringIndexOf = "string.index_of" "(String, String) -> Int?, in scalar values.";
    StringTrimStart = "string.trim_start" "(String) -> String.";
    StringTrimEnd = "string.trim_end" "(String) -> String.";
    StringIsBlank = "string.is_blank" "(String) -> Bool: nothing but white space.";
    DecimalFormat = "decimal.format" "(Decimal, places: Int, group: String, point: String) -> String, half-even, `group` between thousands; traps outside of 0 to 28 places.";
    HashSha256 = "hash.sha256" "(String) -> String, hexadecimal.";
    HashSha512 = "hash.sha512" "(String) -> String, hexadecimal.";
    HashHmacSha256 = "hash.hmac_sha256" "(key: String, text: String) -> String, hexadecimal.";
    EncodeBase64 = "encode.base64" "(String) -> String.";
    EncodeBase64Url = "encode.base64_url" "(String) -> String, without padding.";
    EncodeHex = "encode.hex" "(String) -> String.";
    EncodeUrl = "encode.url" "(String) -> String: everything but letters, digits and `-._~` as `%XX`.";
    DecodeBase64 = "decode.base64" "(String) -> String?.";
    DecodeBase64Url = "decode.base64_url" "(String) -> String?.";
    DecodeHex = "decode.hex" "(String) -> String?.";
    DecodeUrl = "decode.url" "(String) -> String?.";
    IntClamp = "int.clamp" "(Int, low: Int, high: Int) -> Int; traps if `low` is above `high`.";
    IntSign = "int.sign" "(Int) -> Int: -1, 0 or 1.";
    IntFormat = "int.format" "(Int, group: String) -> String, `group` between thousands.";
    FloatClamp = "float.clamp" "(Float, low: Float, high: Float) -> Float; traps if `low` is above `high`.";
    FloatSign = "float.sign" "(Float) -> Int: -1, 0 or 1.";
    DecimalClamp = "decimal.clamp" "(Decimal, low: Decimal, high: Decimal) -> Decimal; traps if `low` is above `high`.";
    DecimalSign = "decimal.sign" "(Decimal) -> Int: -1, 0 or 1.";
    DecimalFloor = "decimal.floor" "(Decimal, places: Int) -> Decimal; traps on negative places.";
    DecimalCeil = "decimal.ceil" "(Decimal, places: Int) -> Decimal; traps on negative places.";
    DecimalRoundHalfUp = "decimal.round_half_up" "(Decimal, places: Int) -> Decimal, halves away from zero; traps on negative places.";
    StringParseFloat = "string.parse_float" "(String) -> Float?, as JSON writes numbers.";
    SetDifference = "set.difference" "(Set<T>, Set<T>) -> Set<T>.";
    ListWindow = "list.window" "(List<T>, size: Int) -> List<List<T>>; traps on a size below 1.";
    ListToMap = "list.to_map" "(List<(K, V)>) -> Map<K, V>; a later value of an equal key wins.";
    MapOfKeys = "map.of_keys" "(List<K>, List<V>) -> Map<K, V> of as many keys as values; a later value of an equal key wins.";
    MapWithValues = "map.with_values" "(Map<K, V>, List<W>) -> Map<K, W>: the values of its keys in their order.";
    ListMinKeys = "list.min_keys" "(List<K>, List<V>) -> V?: the value of the smallest key, the first of equal ones.";
    ListMaxKeys = "list.max_keys" "(List<K>, List<V>) -> V?: the value of the largest key, the first of equal ones.";
    ListDistinctKeys = "list.distinct_keys" "(List<K>, List<V>) -> List<V>: the values whose key was not met before.";
    ListPartition = "list.partition" "(List<Bool>, List<V>) -> (List<V>, List<V>): the values of true, those of false.";
    StringMatches = "string.matches" "(String, pattern: String) -> Bool: all of it; traps on a wrong pattern.";
    StringFind = "string.find" "(String, pattern: String) -> String?, the first match; traps on a wrong pattern.";
    StringFindAll = "string.find_all" "(String, pattern: String) -> List<String>; traps on a wrong pattern.";
    StringSplitPattern = "string.split_pattern" "(String, pattern: String) -> List<String>; traps on a wrong pattern.";
    StringReplacePattern = "string.replace_pattern" "(String, pattern: String, with: String) -> String, all matches, `$name` for groups; traps on a wrong pattern.";
    StringCaptures = "string.captures" "(String, pattern: String) -> Map<String, String>?: the groups of the first match by name or number; traps on a wrong pattern.";
    DateIsWeekend = "date.is_weekend" "(Date) -> Bool: Saturday or Sunday.";
    DateIsBusinessDay = "date.is_business_day" "(Date, holidays: List<Date>) -> Bool.";
    DateAddBusinessDays = "date.add_business_days" "(Date, Int, holidays: List<Date>) -> Date; traps out of range.";
    DateBusinessDaysUntil = "date.business_days_until" "(Date, Date, holidays: List<Date>) -> Int, the later day counted, the earlier not.";
    ValidEmail = "validation.email" "(String) -> Bool, as HTML defines it.";
    ValidUrl = "validation.url" "(String) -> Bool: http or https, a host, characters of RFC 3986.";
    ValidUuid = "validation.uuid" "(String) -> Bool: any version, in either case.";
    ValidPhone = "validation.phone" "(String) -> Bool, E.164.";
    ValidIban = "validation.iban" "(String) -> Bool: form and check digits, spaces left out.";
    ValidLuhn = "validation.luhn" "(String) -> Bool: digits with a Luhn check digit, spaces and hyphens left out.";
}
