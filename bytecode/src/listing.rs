//! A program as text for people: `weft build --listing` and the expectations of `tests/bytecode`.
//!
//! Everything is derived from the op table; nothing here knows an op by name except where its doc gives an index a
//! meaning (argument counts, packed places).

use std::fmt::Write;

use crate::op::{DETACHED, Instr, NO_ARG, Native, Op, Operand};
use crate::program::{Constant, Function, Program};
use crate::schedule::{self, ScheduleDef};
use crate::types::{Field, Type, TypeId};
use crate::wire::text;

impl Program {
    /// The whole program: declarations, then each function with its registers, source lines and instructions.
    pub fn listing(&self) -> String {
        let mut out = String::new();
        for activity in &self.activities {
            let _ = writeln!(
                out,
                "activity {}{} -> {}",
                activity.name,
                self.type_name(activity.args),
                self.type_name(activity.result)
            );
        }
        for workflow in &self.workflows {
            let (args, result) = (self.type_name(workflow.args), self.type_name(workflow.result));
            let _ = writeln!(out, "workflow {}{args} -> {result}", workflow.name);
            for (index, cell) in workflow.state.iter().enumerate() {
                let _ = writeln!(out, "  state {index} {}: {}", cell.name, self.type_name(cell.ty));
            }
            for signal in &workflow.signals {
                let _ = match signal.handler {
                    Some(func) => writeln!(out, "  signal {} -> f{}", signal.name, func.0),
                    None => writeln!(out, "  signal {} -> mailbox {}", signal.name, signal.mailbox),
                };
            }
            for query in &workflow.queries {
                let _ = writeln!(out, "  query {} -> f{}", query.name, query.func.0);
            }
            for update in &workflow.updates {
                let check = update.check.map(|check| format!(" check f{}", check.0)).unwrap_or_default();
                let concurrent = if update.concurrent { " concurrent" } else { "" };
                let _ = writeln!(out, "  update {}{concurrent}{check} -> f{}", update.name, update.body.0);
            }
        }
        for schedule in &self.schedules {
            list_schedule(&mut out, schedule);
        }
        for (index, function) in self.functions.iter().enumerate() {
            if !out.is_empty() {
                out.push('\n');
            }
            self.list_function(&mut out, index, function);
        }
        out
    }

    fn list_function(&self, out: &mut String, index: usize, function: &Function) {
        let _ = write!(out, "f{index} {}(", function.name);
        for (reg, ty) in function.regs.iter().enumerate() {
            if reg == usize::from(function.params) {
                let _ = write!(out, ") -> {} [", self.type_name(function.result));
            } else if reg > 0 {
                out.push_str(", ");
            }
            let _ = write!(out, "r{reg}: {}", self.type_name(*ty));
        }
        if function.regs.len() <= usize::from(function.params) {
            let _ = write!(out, ") -> {} [", self.type_name(function.result));
        }
        out.push_str("]\n");
        let (mut line, mut pc) = (String::new(), 0);
        while pc < function.code.len() {
            if let Some(site) = self.site(crate::FuncId(index as u16), pc as u32) {
                let here = self.line(site);
                if here != line {
                    let _ = writeln!(out, "  {here}");
                    line = here;
                }
            }
            let (text, words) = self.instruction(function, pc);
            let _ = writeln!(out, "  {pc:4} {text}");
            pc += words;
        }
        for handler in &function.handlers {
            let _ = writeln!(out, "  catch {}..{} -> {} in r{}", handler.from, handler.to, handler.target, handler.reg);
        }
    }

    /// One instruction with its argument words, and how many words these are.
    fn instruction(&self, function: &Function, pc: usize) -> (String, usize) {
        let instr = function.code[pc];
        let Some(op) = instr.op() else { return (format!("{instr:?}"), 1) };
        let (mut text, mut words) = (String::from(op.name()), 1);
        let operands = op.operands();
        for (place, (name, kind)) in operands.iter().enumerate() {
            if *name == "unused" {
                continue;
            }
            let narrow = [instr.a(), instr.b(), instr.c()][place.min(2)];
            text.push(' ');
            match kind {
                Operand::Dst | Operand::Src | Operand::Var if op == Op::Arg && narrow == NO_ARG => text.push('-'),
                Operand::Dst | Operand::Src | Operand::Var => text += &format!("r{narrow}"),
                Operand::Index => text.push_str(&index_text(op, narrow)),
                Operand::Imm => text += &format!("{}", instr.imm() as i32),
                Operand::Label => text += &format!("-> {}", instr.imm()),
                Operand::Const => text.push_str(&self.constant_text(instr.imm())),
                Operand::Func => {
                    let name = self.functions.get(usize::from(narrow)).map_or("?", |f| f.name.as_str());
                    text += &format!("f{narrow}:{name}");
                }
                Operand::Type => text.push_str(&self.type_name(TypeId(narrow))),
                Operand::Native => text.push_str(Native::from_code(narrow).map_or("?", Native::name)),
                Operand::Activity => {
                    text.push_str(self.activities.get(usize::from(narrow)).map_or("?", |a| a.name.as_str()));
                }
                Operand::Workflow => {
                    text.push_str(self.workflows.get(usize::from(narrow)).map_or("?", |w| w.name.as_str()));
                }
                Operand::Patch => {
                    let id = self.patches.get(usize::from(narrow)).map_or("?", |p| p.id.as_str());
                    text += &format!("{id:?}");
                }
                Operand::State => text += &format!("state{narrow}"),
                Operand::Mailbox => text += &format!("mailbox{narrow}"),
                Operand::Args => {
                    let (args, used) = arguments(function, pc + 1, instr.args_count());
                    text.push_str(&args);
                    words += used;
                    if narrow & DETACHED != 0 && op == Op::StartChild {
                        text.push_str(" detached");
                    }
                }
            }
        }
        (text, words)
    }

    fn constant_text(&self, index: u32) -> String {
        match self.constants.get(index as usize) {
            None => String::from("?"),
            Some(Constant::Scalar(slot)) => format!("{slot:#x}"),
            Some(Constant::String(text)) => format!("{text:?}"),
            Some(Constant::Bytes(bytes)) => format!("{} bytes", bytes.len()),
            Some(Constant::Decimal(text)) => format!("{text}d"),
            Some(Constant::Json(text)) => format!("json {text}"),
        }
    }

    /// The name of a type as the language writes it. Declared types are only named.
    pub fn type_name(&self, id: TypeId) -> String {
        let Some(ty) = self.types.get(usize::from(id.0)) else { return String::from("?") };
        let list = |ids: &[TypeId]| ids.iter().map(|t| self.type_name(*t)).collect::<Vec<_>>().join(", ");
        match ty {
            Type::Option(inner) => format!("{}?", self.type_name(*inner)),
            Type::List(inner) => format!("List<{}>", self.type_name(*inner)),
            Type::Set(inner) => format!("Set<{}>", self.type_name(*inner)),
            Type::Map(key, value) => format!("Map<{}, {}>", self.type_name(*key), self.type_name(*value)),
            Type::Result(inner) => format!("Result<{}>", self.type_name(*inner)),
            Type::Run(workflow) => format!("Run<{workflow}>"),
            Type::Tuple(items) => format!("({})", list(items)),
            Type::Fn(params, result) => format!("({}) => {}", list(params), self.type_name(*result)),
            Type::Record { name: Some(name), .. } | Type::Enum { name, .. } | Type::Error { name, .. } => name.clone(),
            Type::Record { name: None, fields } => {
                if fields.is_empty() {
                    return String::from("{}");
                }
                format!("{{ {} }}", fields.iter().map(|f| self.field_text(f)).collect::<Vec<_>>().join(", "))
            }
            Type::Unit => "Unit".into(),
            Type::Bool => "Bool".into(),
            Type::Int => "Int".into(),
            Type::Float => "Float".into(),
            Type::Decimal => "Decimal".into(),
            Type::String => "String".into(),
            Type::Bytes => "Bytes".into(),
            Type::Duration => "Duration".into(),
            Type::Time => "Time".into(),
            Type::Date => "Date".into(),
            Type::Json => "Json".into(),
            Type::Failure => "Failure".into(),
        }
    }

    fn field_text(&self, field: &Field) -> String {
        match &field.default {
            None => format!("{}: {}", field.name, self.type_name(field.ty)),
            Some(default) => format!("{}: {} = {default}", field.name, self.type_name(field.ty)),
        }
    }
}

/// Times of a schedule that are shown.
const TIMES_SHOWN: usize = 5;

/// What a schedule runs, its options as JSON, and its first times in the year of the edition.
fn list_schedule(out: &mut String, schedule: &ScheduleDef) {
    let definition = &schedule.definition;
    let _ = writeln!(out, "schedule {} runs {}{}", schedule.name, definition.workflow, definition.args);
    let mut options = schedule::json::write(definition);
    if let Some(options) = options.as_object_mut() {
        options.retain(|name, _| name != "workflow" && name != "args");
    }
    let _ = writeln!(out, "  {options}");
    if let Ok(table) = definition.check() {
        let times: Vec<String> = table.times(schedule::REFERENCE_MS - 1).take(TIMES_SHOWN).map(text::time).collect();
        let _ = writeln!(out, "  from {}: {}", text::time(schedule::REFERENCE_MS), times.join(", "));
    }
}

/// An index operand: `VariantField` packs variant and field into one.
fn index_text(op: Op, value: u16) -> String {
    match op {
        Op::VariantField => format!("{}.{}", value >> 8, value & 0xff),
        _ => format!("#{value}"),
    }
}

/// The argument registers from word `at` on, and how many words they take.
fn arguments(function: &Function, at: usize, count: usize) -> (String, usize) {
    let words = count.div_ceil(3);
    let regs = (0..count).map(|n| match function.code.get(at + n / 3) {
        Some(word) => format!("r{}", [Instr::a, Instr::b, Instr::c][n % 3](*word)),
        None => String::from("?"),
    });
    (format!("({})", regs.collect::<Vec<_>>().join(", ")), words)
}
