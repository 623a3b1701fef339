//! One function: its instructions, their operands and their types.

use super::{Checked, natives, require, types::scalar_fits};
use crate::op::{DETACHED, Instr, NO_ARG, Native, Op, Operand};
use crate::options::{ACTIVITY_CALL_OPTIONS, CHILD_CALL_OPTIONS};
use crate::program::{Constant, FuncId, Function, Program};
use crate::types::{Field, Type, TypeId, builtin};

/// A broken rule and its pc.
pub(super) type At<T = ()> = Result<T, (Option<u32>, String)>;

pub(super) fn check(program: &Program, function: &Function) -> At {
    frame(program, function).map_err(|message| (None, message))?;
    let starts = starts(function)?;
    let mut pc = 0;
    while let Some(instr) = function.code.get(pc as usize) {
        let inside = Inside { program, function, pc, instr: *instr };
        let here = |message| (Some(pc), message);
        let op = inside.op().map_err(here)?;
        inside.operands(op, &starts).map_err(here)?;
        inside.types(op).map_err(here)?;
        pc = after(op, *instr, pc);
    }
    handlers(function, &starts).map_err(|message| (None, message))
}

/// The pc behind an instruction and its argument words.
pub(crate) fn after(op: Op, instr: Instr, pc: u32) -> u32 {
    pc + 1 + if op.has_args() { instr.args_count().div_ceil(3) as u32 } else { 0 }
}

/// The argument registers of an instruction; their words exist.
pub(super) fn args(function: &Function, instr: Instr, pc: u32) -> impl Iterator<Item = u16> + '_ {
    let words = function.code[pc as usize + 1..].iter();
    words.flat_map(|word| [word.a(), word.b(), word.c()]).take(instr.args_count())
}

fn frame(program: &Program, function: &Function) -> Checked {
    let known = |ty: &TypeId| usize::from(ty.0) < program.types.len();
    require(function.regs.iter().all(known) && known(&function.result), || "a register's type does not exist".into())?;
    require(function.regs.len() < usize::from(u16::MAX), || "it has too many registers".into())?;
    require(usize::from(function.params) <= function.regs.len(), || "it has fewer registers than parameters".into())?;
    let begins = function.code.first().and_then(|instr| instr.op()) == Some(Op::Fuel);
    require(begins, || "it does not begin by charging fuel".into())?;
    let ends = u32::try_from(function.code.len()).is_ok_and(|length| length < u32::MAX / 2);
    require(ends, || "it has too many instructions".into())?;
    let sorted = function.sites.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    require(sorted, || "its source map is not sorted".into())
}

/// Where instructions begin. Argument words are whole and nothing runs off the end.
fn starts(function: &Function) -> At<Vec<bool>> {
    let code = &function.code;
    let mut starts = vec![false; code.len()];
    let mut pc = 0u32;
    while let Some(instr) = code.get(pc as usize) {
        let here = |message: &str| (Some(pc), String::from(message));
        let op = instr.op().filter(|op| *op != Op::Arg).ok_or_else(|| here("there is no such instruction"))?;
        starts[pc as usize] = true;
        let next = after(op, *instr, pc);
        if op.has_args() {
            if instr.c() & DETACHED != 0 && op != Op::StartChild {
                return Err(here("it has too many arguments"));
            }
            let words = code.get(pc as usize + 1..next as usize).ok_or_else(|| here("its arguments are cut off"))?;
            let places = words.iter().flat_map(|word| [word.a(), word.b(), word.c()]);
            let unused = places.skip(instr.args_count()).all(|place| place == NO_ARG);
            if !words.iter().all(|word| word.op() == Some(Op::Arg)) || !unused {
                return Err(here("its argument words are malformed"));
            }
        }
        if !ends_block(op) && next as usize >= code.len() {
            return Err(here("the function has no end"));
        }
        pc = next;
    }
    Ok(starts)
}

/// Whether execution never goes on behind the op.
pub(super) fn ends_block(op: Op) -> bool {
    matches!(op, Op::Jump | Op::Return | Op::Throw | Op::Unreachable | Op::ContinueAsNew)
}

fn handlers(function: &Function, starts: &[bool]) -> Checked {
    for handler in &function.handlers {
        let target = handler.target as usize;
        require(handler.from <= handler.to && handler.to as usize <= starts.len(), || {
            "a handler covers what does not exist".into()
        })?;
        require(starts.get(target) == Some(&true), || "a handler leads to no instruction".into())?;
        let reg = function.regs.get(usize::from(handler.reg));
        require(reg == Some(&builtin::FAILURE), || "a handler's register holds no failure".into())?;
        let back = handler.target < handler.to;
        require(!back || function.code[target].op() == Some(Op::Fuel), || {
            "a handler leads back to an instruction that charges no fuel".into()
        })?;
    }
    Ok(())
}

/// Types of fields, looked at where they are: a record may have more of them than there is time to copy.
#[derive(Clone, Copy)]
enum Fields<'a> {
    Declared(&'a [Field]),
    Listed(&'a [TypeId]),
}

impl Fields<'_> {
    fn get(self, place: usize) -> Option<TypeId> {
        match self {
            Fields::Declared(fields) => fields.get(place).map(|field| field.ty),
            Fields::Listed(types) => types.get(place).copied(),
        }
    }

    fn are(self, types: &[TypeId]) -> bool {
        match self {
            Fields::Declared(fields) => fields.len() == types.len() && fields.iter().map(|field| &field.ty).eq(types),
            Fields::Listed(own) => own == types,
        }
    }
}

struct Inside<'a> {
    program: &'a Program,
    function: &'a Function,
    pc: u32,
    instr: Instr,
}

impl Inside<'_> {
    fn op(&self) -> Checked<Op> {
        self.instr.op().ok_or_else(|| "there is no such instruction".into())
    }

    /// Every operand names something that exists.
    fn operands(&self, op: Op, starts: &[bool]) -> Checked {
        let (program, instr) = (self.program, self.instr);
        let within = |what: &str, index: usize, length: usize| {
            require(index < length, || format!("`{}`: {what} {index} does not exist", op.name()))
        };
        for (slot, (_, kind)) in [instr.a(), instr.b(), instr.c()].into_iter().zip(op.operands()) {
            let index = usize::from(slot);
            match kind {
                Operand::Dst | Operand::Src | Operand::Var => within("register", index, self.function.regs.len())?,
                Operand::Const => within("constant", instr.imm() as usize, program.constants.len())?,
                Operand::Func => within("function", index, program.functions.len())?,
                Operand::Type => within("type", index, program.types.len())?,
                Operand::Native => within("native", index, Native::ALL.len())?,
                Operand::Activity => within("activity", index, program.activities.len())?,
                Operand::Workflow => within("workflow", index, program.workflows.len())?,
                Operand::Patch => within("patch", index, program.patches.len())?,
                Operand::Label => {
                    let target = instr.imm();
                    within("pc", target as usize, starts.len())?;
                    require(starts[target as usize], || "it jumps between instructions".into())?;
                    let back = target <= self.pc;
                    let fuel = self.function.code[target as usize].op() == Some(Op::Fuel);
                    require(!back || fuel, || "it jumps back to an instruction that charges no fuel".into())?;
                }
                Operand::Args => {
                    let mut regs = args(self.function, instr, self.pc);
                    regs.try_for_each(|reg| within("register", usize::from(reg), self.function.regs.len()))?;
                }
                // What they mean is checked with the types, or by what a workflow reaches.
                Operand::Index | Operand::Imm | Operand::State | Operand::Mailbox => {}
            }
        }
        Ok(())
    }

    fn id(&self, reg: u16) -> TypeId {
        self.function.regs[usize::from(reg)]
    }

    fn ty(&self, reg: u16) -> &Type {
        self.program.ty(self.id(reg))
    }

    fn arg_ids(&self) -> Vec<TypeId> {
        args(self.function, self.instr, self.pc).map(|reg| self.id(reg)).collect()
    }

    /// The registers have types that the op works on.
    fn types(&self, op: Op) -> Checked {
        let fits = self.fits(op)?;
        require(fits, || {
            let all = op.operands().iter().zip([self.instr.a(), self.instr.b(), self.instr.c()]);
            let regs = all.filter(|((_, kind), _)| matches!(kind, Operand::Dst | Operand::Src | Operand::Var));
            let names = regs.map(|((name, _), reg)| format!("{name}: {}", self.program.type_name(self.id(reg))));
            format!("`{}` does not work on these types ({})", op.name(), names.collect::<Vec<_>>().join(", "))
        })
    }

    /// The type rule of each op. Longer than a screen and one match all the same: it is a table beside the one in `op.rs`,
    /// and an op without a row does not compile.
    fn fits(&self, op: Op) -> Checked<bool> {
        use Op::*;
        let (a, b, c) = (self.instr.a(), self.instr.b(), self.instr.c());
        let is = |reg: u16, ty: TypeId| self.id(reg) == ty;
        let all = |ty: TypeId| is(a, ty) && is(b, ty) && is(c, ty);
        let scalar = |reg: u16| self.ty(reg).is_scalar() && !is(reg, builtin::FLOAT);
        Ok(match op {
            Arg => false,
            Move => self.id(a) == self.id(b),
            LoadConst => self.constant(a),
            LoadInt => scalar(a) && scalar_fits(self.ty(a), i64::from(self.instr.imm() as i32) as u64),
            LoadNone => matches!(self.ty(a), Type::Option(_)),
            Share => !self.ty(a).is_scalar(),
            AddInt | SubInt | MulInt | DivInt | RemInt => self.int_arithmetic(op),
            NegInt => self.id(a) == self.id(b) && (is(a, builtin::INT) || is(a, builtin::DURATION)),
            EqInt | NeInt | LtInt | LeInt => is(a, builtin::BOOL) && scalar(b) && self.id(b) == self.id(c),
            AddFloat | SubFloat | MulFloat | DivFloat | RemFloat => all(builtin::FLOAT),
            NegFloat => is(a, builtin::FLOAT) && is(b, builtin::FLOAT),
            LtFloat | LeFloat => is(a, builtin::BOOL) && is(b, builtin::FLOAT) && is(c, builtin::FLOAT),
            AddDecimal | SubDecimal | MulDecimal | DivDecimal | RemDecimal => all(builtin::DECIMAL),
            NegDecimal => is(a, builtin::DECIMAL) && is(b, builtin::DECIMAL),
            IntToDecimal => is(a, builtin::DECIMAL) && is(b, builtin::INT),
            Equal => is(a, builtin::BOOL) && self.id(b) == self.id(c) && !matches!(self.ty(b), Type::Fn(..)),
            Less | LessEqual => {
                is(a, builtin::BOOL) && self.id(b) == self.id(c) && natives::is_ordered(self.program, self.id(b))
            }
            Not => is(a, builtin::BOOL) && is(b, builtin::BOOL),
            Fuel => (1..=i32::MAX as u32).contains(&self.instr.imm()),
            Jump | Unreachable => true,
            JumpIf | JumpIfNot => is(a, builtin::BOOL),
            JumpIfNone => matches!(self.ty(a), Type::Option(_)),
            Call => self.takes(FuncId(b), &self.arg_ids()) && self.id(a) == self.result(FuncId(b)),
            CallNative => self.native(a, b).map(|()| true)?,
            Closure => self.closure(),
            CallClosure => match self.ty(b) {
                Type::Fn(params, result) => *params == self.arg_ids() && *result == self.id(a),
                _ => false,
            },
            Return => self.id(a) == self.function.result,
            New => self.aggregate(self.id(a)).is_some_and(|fields| fields.are(&self.arg_ids())),
            NewVariant => self.variant(self.id(a), usize::from(b)).is_some_and(|fields| fields.are(&self.arg_ids())),
            NewList => match self.ty(a) {
                Type::List(item) | Type::Set(item) => self.arg_ids().iter().all(|ty| ty == item),
                _ => false,
            },
            NewMap => match self.ty(a) {
                Type::Map(key, value) => {
                    let args = self.arg_ids();
                    args.len().is_multiple_of(2) && args.chunks_exact(2).all(|pair| pair == [*key, *value])
                }
                _ => false,
            },
            // What every error begins with can be read without knowing which one it is.
            Field if is(b, builtin::FAILURE) => match c {
                0 => is(a, builtin::STRING),
                1 => is(a, builtin::OPTION_FAILURE),
                _ => false,
            },
            Field => self.aggregate(self.id(b)).and_then(|f| f.get(usize::from(c))) == Option::Some(self.id(a)),
            SetField => self.aggregate(self.id(a)).and_then(|f| f.get(usize::from(b))) == Option::Some(self.id(c)),
            Tag => is(a, builtin::INT) && self.variant(self.id(b), 0).is_some(),
            VariantField => {
                let fields = self.variant(self.id(b), usize::from(c >> 8));
                fields.and_then(|fields| fields.get(usize::from(c & 0xff))) == Option::Some(self.id(a))
            }
            Some => *self.ty(a) == Type::Option(self.id(b)),
            Unwrap => *self.ty(b) == Type::Option(self.id(a)),
            Cast => {
                let error = |reg: u16| matches!(self.ty(reg), Type::Error { .. });
                (is(a, builtin::FAILURE) && error(b)) || (error(a) && is(b, builtin::FAILURE))
            }
            Index => *self.ty(b) == Type::List(self.id(a)) && is(c, builtin::INT),
            SetIndex => is(b, builtin::INT) && *self.ty(a) == Type::List(self.id(c)),
            Push => *self.ty(a) == Type::List(self.id(b)),
            SetKey => *self.ty(a) == Type::Map(self.id(b), self.id(c)),
            Concat => {
                let data = |ty: &TypeId| !matches!(self.program.ty(*ty), Type::Fn(..));
                is(a, builtin::STRING) && self.arg_ids().iter().all(data)
            }
            LoadState | StoreState | Receive | ContinueAsNew => true,
            Now => is(a, builtin::TIME),
            Uuid => is(a, builtin::STRING),
            Random => is(a, builtin::FLOAT),
            RunInfo => match b {
                0 | 1 => is(a, builtin::STRING),
                2 => is(a, builtin::TIME),
                3 => is(a, builtin::BOOL),
                4 => is(a, builtin::INT),
                _ => false,
            },
            Log => a <= 3 && is(b, builtin::STRING),
            ScheduleActivity => {
                let args = self.program.activities[usize::from(b)].args;
                is(a, builtin::INT) && self.command(args, ACTIVITY_CALL_OPTIONS)
            }
            StartChild => {
                let args = self.program.workflows[usize::from(b)].args;
                is(a, builtin::INT) && self.command(args, CHILD_CALL_OPTIONS)
            }
            StartTimer => is(a, builtin::INT) && is(b, builtin::DURATION),
            StartTimerAt => is(a, builtin::INT) && is(b, builtin::TIME),
            Await => is(b, builtin::INT) && !matches!(self.ty(a), Type::Fn(..)),
            AwaitStarted => is(b, builtin::INT) && matches!(self.ty(a), Type::Run(_)),
            WaitUntil => self.condition(),
            WaitUntilFor => self.condition() && is(c, builtin::DURATION),
            ReceiveFor => is(c, builtin::DURATION),
            ScopeOpen => is(a, builtin::INT) && b <= 2 && is(c, builtin::INT),
            ScopeSpawn => is(a, builtin::INT) && self.takes(FuncId(b), &self.arg_ids()),
            ScopeJoin => is(b, builtin::INT),
            Patch => is(a, builtin::BOOL),
            Send => {
                let signals = &self.program.workflows[usize::from(b)].signals;
                let signal = signals.get(usize::from(a));
                let sent = self.arg_ids();
                let run = sent.first().is_some_and(|ty| matches!(self.program.ty(*ty), Type::Run(_)));
                run && sent.len() == 2 && signal.is_some_and(|signal| signal.args == sent[1])
            }
            SendCancel => matches!(self.ty(a), Type::Run(_)),
            Within => is(a, builtin::BOOL) && is(b, builtin::DURATION),
            WithinEnd | CleanupDrop => true,
            WithinFailed => is(a, builtin::BOOL) && is(b, builtin::FAILURE),
            CleanupOpen => a <= 1,
            CleanupAdd => a <= 2 && (a == 2 || c == 0) && *self.ty(b) == Type::Fn(vec![], builtin::UNIT),
            Leave => is(a, builtin::OPTION_FAILURE),
            Throw => is(a, builtin::FAILURE) || matches!(self.ty(a), Type::Error { .. }),
            IsError => {
                let error = matches!(self.program.ty(TypeId(c)), Type::Error { .. });
                is(a, builtin::BOOL) && is(b, builtin::FAILURE) && error
            }
            TaskHandle => is(a, builtin::INT) && is(b, builtin::INT),
            AwaitTask => is(b, builtin::INT),
            ScopeLeave => is(a, builtin::INT),
            SelectMailbox => is(a, builtin::INT),
            Select => is(a, builtin::INT) && self.arg_ids().iter().all(|ty| self.source(*ty)),
        })
    }

    /// What `Select` can wait for.
    fn source(&self, ty: TypeId) -> bool {
        matches!(ty, builtin::INT | builtin::DURATION | builtin::TIME)
            || *self.program.ty(ty) == Type::Fn(vec![], builtin::BOOL)
    }

    fn native(&self, dst: u16, code: u16) -> Checked {
        let native = Native::from_code(code).ok_or("there is no such native")?;
        let args = self.arg_ids();
        require(natives::fits(self.program, native, &args, self.id(dst)), || {
            let names = args.iter().map(|ty| self.program.type_name(*ty));
            let names = names.collect::<Vec<_>>().join(", ");
            let result = self.program.type_name(self.id(dst));
            format!("the native `{}` is no ({names}) -> {result}", native.name())
        })
    }

    fn constant(&self, dst: u16) -> bool {
        let (id, ty) = (self.id(dst), self.ty(dst));
        match &self.program.constants[self.instr.imm() as usize] {
            Constant::Scalar(slot) => scalar_fits(ty, *slot),
            Constant::String(_) => id == builtin::STRING,
            Constant::Bytes(_) => id == builtin::BYTES,
            Constant::Decimal(_) => id == builtin::DECIMAL,
            Constant::Json(_) => id == builtin::JSON,
        }
    }

    fn int_arithmetic(&self, op: Op) -> bool {
        use builtin::{DURATION, INT, TIME};
        let types = [self.id(self.instr.b()), self.id(self.instr.c()), self.id(self.instr.a())];
        let rows: &[[TypeId; 3]] = match op {
            Op::AddInt => &[[INT; 3], [DURATION; 3], [TIME, DURATION, TIME], [DURATION, TIME, TIME]],
            Op::SubInt => &[[INT; 3], [DURATION; 3], [TIME, TIME, DURATION], [TIME, DURATION, TIME]],
            Op::MulInt => &[[INT; 3], [DURATION, INT, DURATION], [INT, DURATION, DURATION]],
            Op::DivInt => &[[INT; 3], [DURATION, INT, DURATION], [DURATION, DURATION, INT]],
            _ => &[[INT; 3], [DURATION; 3]],
        };
        rows.contains(&types)
    }

    fn params(&self, func: FuncId) -> &[TypeId] {
        let function = &self.program.functions[usize::from(func.0)];
        function.regs.get(..usize::from(function.params)).unwrap_or(&[])
    }

    fn takes(&self, func: FuncId, args: &[TypeId]) -> bool {
        let count = usize::from(self.program.functions[usize::from(func.0)].params);
        count == args.len() && self.params(func) == args
    }

    fn result(&self, func: FuncId) -> TypeId {
        self.program.functions[usize::from(func.0)].result
    }

    fn closure(&self) -> bool {
        let func = FuncId(self.instr.b());
        let Type::Fn(params, result) = self.ty(self.instr.a()) else { return false };
        let args = self.arg_ids();
        if args.len() + params.len() != self.params(func).len() {
            return false;
        }
        let all: Vec<TypeId> = args.into_iter().chain(params.iter().copied()).collect();
        self.takes(func, &all) && self.result(func) == *result
    }

    /// Field types of what has fields.
    fn aggregate(&self, ty: TypeId) -> Option<Fields<'_>> {
        match self.program.ty(ty) {
            Type::Record { fields, .. } | Type::Error { fields, .. } => Some(Fields::Declared(fields)),
            Type::Tuple(items) => Some(Fields::Listed(items)),
            Type::Run(_) => Some(Fields::Listed(&[builtin::STRING; 2])),
            _ => None,
        }
    }

    /// Field types of a variant of an enum with payloads.
    fn variant(&self, ty: TypeId, variant: usize) -> Option<Fields<'_>> {
        match self.program.ty(ty) {
            known @ Type::Enum { variants, .. } if !known.is_scalar() => {
                Some(Fields::Declared(&variants.get(variant)?.fields))
            }
            Type::Result(value) if variant == 0 => Some(Fields::Listed(std::slice::from_ref(value))),
            Type::Result(_) if variant == 1 => Some(Fields::Listed(&[builtin::FAILURE])),
            _ => None,
        }
    }

    /// The arguments of a command: the parameters, and perhaps a record of options with known names.
    fn command(&self, args: TypeId, known: &[&str]) -> bool {
        match self.arg_ids()[..] {
            [params] => params == args,
            [params, options] => {
                let fields = self.program.fields(options);
                let record = matches!(self.program.ty(options), Type::Record { .. });
                params == args && record && fields.iter().all(|field| known.contains(&field.name.as_str()))
            }
            _ => false,
        }
    }

    /// A closure without parameters that gives what the wait gives: `Bool` or an optional.
    fn condition(&self) -> bool {
        let dst = self.id(self.instr.a());
        let waited = dst == builtin::BOOL || matches!(self.program.ty(dst), Type::Option(_));
        waited && *self.ty(self.instr.b()) == Type::Fn(vec![], dst)
    }
}
