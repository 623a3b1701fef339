//! Heap values as canonical JSON text, by type, and as the text of string holes.

use std::fmt::Write as _;

use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::wire::{self, text};
use weft_protocol::Payload;

use crate::heap::Heap;
use crate::layout::json;
use crate::limits::{Fault, NESTING_MAX, corrupt, fault, too_deep};
use crate::loaded::Loaded;
use crate::step::TrapKind;
use crate::table;
use crate::value::{compare, decimal, failure};

type Written = Result<(), Fault>;

/// How durations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durations {
    /// `"1h30m"`.
    Text,
    /// Whole milliseconds: in call-site options, which only the engine reads.
    Millis,
}

/// Bytes that text may still take. Values share their parts, so a small one may be long to write.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    full: Fault,
}

impl Room {
    /// For what leaves the run.
    pub(crate) fn payload(bytes_max: usize) -> Room {
        let message = format!("a value takes more than {bytes_max} bytes as JSON (limit `payload_bytes_max`)");
        Room { left: bytes_max, full: fault(TrapKind::Limit, message) }
    }

    /// For what becomes a value of the heap.
    pub(crate) fn heap(heap: &Heap) -> Room {
        Room { left: heap.room(), full: heap.out_of_memory() }
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Written {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Err(self.full.clone()),
        }
        Ok(())
    }
}

/// A value as a payload.
pub(crate) fn payload(
    heap: &Heap,
    loaded: &Loaded,
    ty: TypeId,
    value: u64,
    bytes_max: usize,
) -> Result<Payload, Fault> {
    let mut out = String::new();
    json_into(heap, loaded, ty, value, &mut out, &mut Room::payload(bytes_max), 0)?;
    Ok(Payload::json(&out))
}

/// Call-site options as a payload: none is left out, durations are milliseconds.
pub(crate) fn options(
    heap: &Heap,
    loaded: &Loaded,
    ty: TypeId,
    value: u64,
    bytes_max: usize,
) -> Result<Payload, Fault> {
    let (mut out, mut room) = (String::new(), Room::payload(bytes_max));
    Writer { heap, loaded, out: &mut out, room: &mut room, durations: Durations::Millis }.value(ty, value, 0)?;
    Ok(Payload::json(&out))
}

/// Appends the canonical JSON of a value that is already so many levels deep.
pub(crate) fn json_into(
    heap: &Heap,
    loaded: &Loaded,
    ty: TypeId,
    value: u64,
    out: &mut String,
    room: &mut Room,
    depth: usize,
) -> Written {
    Writer { heap, loaded, out, room, durations: Durations::Text }.value(ty, value, depth)
}

/// Appends a value as a string hole shows it: text as it is, the JSON form without the quotes of scalars otherwise.
pub(crate) fn hole_into(
    heap: &Heap,
    loaded: &Loaded,
    ty: TypeId,
    value: u64,
    out: &mut String,
    room: &mut Room,
) -> Written {
    match loaded.ty(ty) {
        Type::String => {
            room.take(heap.length(value))?;
            out.push_str(heap.text(value));
        }
        Type::Option(inner) if value != 0 => {
            let value = if loaded.is_ref(*inner) { value } else { heap.get(value, 0) };
            hole_into(heap, loaded, *inner, value, out, room)?;
        }
        // `none` is what the language calls it.
        Type::Option(_) => {
            room.take("none".len())?;
            out.push_str("none");
        }
        _ => {
            let start = out.len();
            json_into(heap, loaded, ty, value, out, room, 0)?;
            let quoted = out[start..].starts_with('"')
                && matches!(
                    loaded.ty(ty),
                    Type::Decimal | Type::Duration | Type::Time | Type::Date | Type::Bytes | Type::Enum { .. }
                );
            if quoted {
                // None of these has an escape in its text.
                out.pop();
                out.remove(start);
            }
        }
    }
    Ok(())
}

struct Writer<'a, 'o> {
    heap: &'a Heap,
    loaded: &'a Loaded,
    out: &'o mut String,
    room: &'o mut Room,
    durations: Durations,
}

impl Writer<'_, '_> {
    fn value(&mut self, ty: TypeId, value: u64, depth: usize) -> Written {
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let (heap, loaded, below) = (self.heap, self.loaded, depth + 1);
        match loaded.ty(ty) {
            Type::Unit => self.push("null")?,
            Type::Bool => self.push(if value == 0 { "false" } else { "true" })?,
            Type::Int => self.int(value as i64)?,
            Type::Float => self.push(ryu::Buffer::new().format(f64::from_bits(value)))?,
            Type::Decimal => self.quoted(&text::decimal(decimal(heap, value)))?,
            Type::String => self.text(heap.text(value))?,
            Type::Bytes => {
                use base64::Engine as _;
                self.quoted(&base64::engine::general_purpose::STANDARD.encode(heap.bytes(value)))?;
            }
            Type::Duration if self.durations == Durations::Millis => self.int(value as i64)?,
            Type::Duration => self.quoted(&text::duration(value as i64))?,
            Type::Time => {
                let ms = within(value as i64, text::TIME_MIN..=text::TIME_MAX)?;
                self.quoted(&text::time(ms))?;
            }
            Type::Date => {
                let days = within(value as i64, text::DATE_MIN..=text::DATE_MAX)?;
                self.quoted(&text::date(days))?;
            }
            Type::Json => self.json(value, depth)?,
            Type::Option(_) if value == 0 => self.push("null")?,
            Type::Option(inner) if loaded.is_ref(*inner) => self.value(*inner, value, depth)?,
            Type::Option(inner) => self.value(*inner, heap.get(value, 0), depth)?,
            Type::List(item) => {
                let count = heap.get(value, 0) as usize;
                self.items((0..count).map(|i| (*item, heap.get(value, i + 1))), below)?;
            }
            Type::Set(item) => {
                let shape = compare::shape(loaded, ty)?;
                let keys = (0..table::count(heap, value)).map(|entry| table::key(heap, shape, value, entry));
                self.items(keys.map(|key| (*item, key)), below)?;
            }
            Type::Map(key, item) => self.map(ty, *key, *item, value, below)?,
            Type::Tuple(items) => {
                self.items(items.iter().zip(0..).map(|(ty, i)| (*ty, heap.get(value, i))), below)?;
            }
            Type::Record { fields, .. } => {
                self.push("{")?;
                self.fields(fields, value, 0, true, below)?;
                self.push("}")?;
            }
            Type::Run(_) => {
                self.push("{\"workflow_id\":")?;
                self.text(heap.text(heap.get(value, 0)))?;
                self.push(",\"run_id\":")?;
                self.text(heap.text(heap.get(value, 1)))?;
                self.push("}")?;
            }
            Type::Enum { variants, .. } => {
                let index = if loaded.is_ref(ty) { heap.get(value, 0) } else { value };
                let variant = variants.get(index as usize).ok_or_else(|| corrupt("an enum value has no variant"))?;
                if variant.fields.is_empty() {
                    self.text(&variant.name)?;
                } else {
                    self.push("{\"kind\":")?;
                    self.text(&variant.name)?;
                    self.fields(&variant.fields, value, 1, false, below)?;
                    self.push("}")?;
                }
            }
            Type::Error { .. } | Type::Failure => {
                // What its parts took is given back: they are counted again in the whole.
                let left = self.room.left;
                let failure = failure::from_heap(heap, loaded, value, below, self.room)?;
                self.room.left = left;
                self.push(&failure.to_json().to_string())?;
            }
            Type::Result(inner) => {
                let (name, ty) = if heap.get(value, 0) == 0 { ("ok", *inner) } else { ("failed", builtin::FAILURE) };
                self.push("{\"")?;
                self.push(name)?;
                self.push("\":")?;
                self.value(ty, heap.get(value, 1), below)?;
                self.push("}")?;
            }
            Type::Fn(..) => return Err(corrupt("a function cannot leave the program")),
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Written {
        self.room.take(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn int(&mut self, value: i64) -> Written {
        self.push(itoa::Buffer::new().format(value))
    }

    /// Text that needs no escapes.
    fn quoted(&mut self, text: &str) -> Written {
        self.room.take(text.len() + 2)?;
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
        Ok(())
    }

    fn text(&mut self, text: &str) -> Written {
        text_into(text, self.out, self.room)
    }

    fn items(&mut self, items: impl Iterator<Item = (TypeId, u64)>, depth: usize) -> Written {
        self.push("[")?;
        for (place, (ty, value)) in items.enumerate() {
            if place > 0 {
                self.push(",")?;
            }
            self.value(ty, value, depth)?;
        }
        self.push("]")?;
        Ok(())
    }

    fn fields(&mut self, fields: &[Field], object: u64, first: usize, alone: bool, depth: usize) -> Written {
        let mut comma = !alone;
        for (field, place) in fields.iter().zip(first..) {
            let value = self.heap.get(object, place);
            if self.durations == Durations::Millis && value == 0 && matches!(self.loaded.ty(field.ty), Type::Option(_))
            {
                continue;
            }
            if comma {
                self.push(",")?;
            }
            comma = true;
            self.text(&field.name)?;
            self.push(":")?;
            self.value(field.ty, value, depth)?;
        }
        Ok(())
    }

    fn map(&mut self, ty: TypeId, key: TypeId, item: TypeId, map: u64, depth: usize) -> Written {
        let (heap, loaded) = (self.heap, self.loaded);
        let shape = compare::shape(loaded, ty)?;
        let object = wire::is_object_key(loaded.program(), key);
        self.push(if object { "{" } else { "[" })?;
        for entry in 0..table::count(heap, map) {
            if entry > 0 {
                self.push(",")?;
            }
            let (k, v) = (table::key(heap, shape, map, entry), table::value(heap, map, entry));
            if object {
                self.value(key, k, depth)?;
                self.push(":")?;
                self.value(item, v, depth)?;
            } else {
                self.items([(key, k), (item, v)].into_iter(), depth)?;
            }
        }
        self.push(if object { "}" } else { "]" })?;
        Ok(())
    }

    fn json(&mut self, value: u64, depth: usize) -> Written {
        if depth > NESTING_MAX {
            return Err(too_deep());
        }
        let heap = self.heap;
        match heap.get(value, 0) {
            json::NULL => self.push("null")?,
            json::BOOL => self.push(if heap.get(value, 1) == 0 { "false" } else { "true" })?,
            json::INT => self.int(heap.get(value, 1) as i64)?,
            json::FLOAT => self.push(ryu::Buffer::new().format(f64::from_bits(heap.get(value, 1))))?,
            json::TEXT => self.text(heap.text(heap.get(value, 1)))?,
            json::ARRAY => {
                self.push("[")?;
                for i in 1..heap.length(value) {
                    if i > 1 {
                        self.push(",")?;
                    }
                    self.json(heap.get(value, i), depth + 1)?;
                }
                self.push("]")?;
            }
            _ => {
                self.push("{")?;
                for i in (1..heap.length(value)).step_by(2) {
                    if i > 1 {
                        self.push(",")?;
                    }
                    self.text(heap.text(heap.get(value, i)))?;
                    self.push(":")?;
                    self.json(heap.get(value, i + 1), depth + 1)?;
                }
                self.push("}")?;
            }
        }
        Ok(())
    }
}

/// Arithmetic may lead beyond the calendar; only text that nobody could read is refused.
fn within(value: i64, calendar: std::ops::RangeInclusive<i64>) -> Result<i64, Fault> {
    if calendar.contains(&value) {
        return Ok(value);
    }
    Err(fault(TrapKind::Overflow, "a time is outside the years 1 to 9999"))
}

/// Appends text as a JSON string, escaped as little as JSON allows.
pub(crate) fn text_into(text: &str, out: &mut String, room: &mut Room) -> Written {
    let escapes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..0x20 => 5,
        _ => 0,
    });
    room.take(text.len() + 2 + escapes.sum::<usize>())?;
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        if escape.is_empty() {
            write!(out, "\\u{byte:04x}").expect("writing to a String succeeds");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
    Ok(())
}
