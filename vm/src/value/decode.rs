//! JSON text into heap values, by type. One pass over the text, no tree in between.

use weft_bytecode::types::{Field, Type, TypeId, builtin};
use weft_bytecode::wire::{self, text};
use weft_protocol::{Failure, Payload};

use crate::heap::Heap;
use crate::layout::json;
use crate::limits::{Fault, NESTING_MAX, fault};
use crate::loaded::Loaded;
use crate::step::TrapKind;
use crate::table;
use crate::value::{compare, failure, new_decimal, new_text};

/// A payload as a value of a type.
pub(crate) fn payload(heap: &mut Heap, loaded: &Loaded, ty: TypeId, payload: &Payload) -> Result<u64, Fault> {
    // What every activity without a result gives, without looking at it closer.
    if ty == builtin::UNIT {
        return Ok(0);
    }
    match payload.text() {
        Some(json) => text_of(heap, loaded, ty, json),
        None => Err(fault(TrapKind::Decode, "the recorded value is not JSON")),
    }
}

/// Canonical JSON text as a value of a type.
pub(crate) fn text_of(heap: &mut Heap, loaded: &Loaded, ty: TypeId, json: &str) -> Result<u64, Fault> {
    heap.charge(json.len());
    let mut reader = Reader { heap, loaded, json, at: 0, depth: 0 };
    let value = reader.value(ty)?;
    reader.end()?;
    Ok(value)
}

/// JSON text as a `Json` value, or `None` if it is no JSON.
pub(crate) fn foreign_json(heap: &mut Heap, loaded: &Loaded, json: &str) -> Result<Option<u64>, Fault> {
    let mut reader = Reader { heap, loaded, json, at: 0, depth: 0 };
    let parsed = reader.value(builtin::JSON).and_then(|value| reader.end().map(|()| value));
    match parsed {
        Ok(value) => Ok(Some(value)),
        Err(stop) if stop.kind == TrapKind::Decode => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// A failure in its JSON form, read from inside a value.
pub(crate) struct Reader<'a> {
    heap: &'a mut Heap,
    loaded: &'a Loaded,
    json: &'a str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, Fault>;

impl<'a> Reader<'a> {
    fn wrong<T>(&self, expected: &str) -> Read<T> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let found: String = rest.chars().take(40).collect();
        let found = if found.is_empty() { "the end" } else { found.as_str() };
        let message = format!("a recorded value does not have its type: expected {expected}, found {found}");
        Err(fault(TrapKind::Decode, message))
    }

    fn peek(&mut self) -> u8 {
        let bytes = self.json.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == byte;
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.eat(byte) { Ok(()) } else { self.wrong(&format!("`{}`", char::from(byte))) }
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let here = self.json[self.at..].starts_with(word);
        if here {
            self.at += word.len();
        }
        here
    }

    fn end(&mut self) -> Read<()> {
        self.peek();
        if self.at == self.json.len() { Ok(()) } else { self.wrong("nothing more") }
    }

    fn number(&mut self) -> Read<&'a str> {
        self.peek();
        let rest = &self.json.as_bytes()[self.at..];
        let length = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let digits = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(digits)..length];
        let zero_first = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
        if digits.first().is_none_or(|b| !b.is_ascii_digit()) || zero_first {
            return self.wrong("a number");
        }
        let text = &self.json[self.at..self.at + length];
        self.at += length;
        Ok(text)
    }

    /// A string: a slice of the text where it has no escapes.
    fn string(&mut self) -> Read<std::borrow::Cow<'a, str>> {
        if !self.eat(b'"') {
            return self.wrong("a text");
        }
        let start = self.at;
        let bytes = self.json.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(self.json[start..self.at - 1].into());
                }
                Some(b'\\') => return self.escaped(start).map(Into::into),
                Some(0..0x20) | None => return self.wrong("the end of the text"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Read<String> {
        let mut out = String::from(&self.json[start..self.at]);
        loop {
            let rest = &self.json[self.at..];
            let plain = rest.bytes().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            out.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes().get(plain) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    let escape = rest.as_bytes().get(plain + 1).copied().unwrap_or(0);
                    self.at += 2;
                    match escape {
                        b'"' | b'\\' | b'/' => out.push(char::from(escape)),
                        b'n' => out.push('\n'),
                        b't' => out.push('\t'),
                        b'r' => out.push('\r'),
                        b'b' => out.push('\u{8}'),
                        b'f' => out.push('\u{c}'),
                        b'u' => out.push(self.unicode()?),
                        _ => return self.wrong("an escape"),
                    }
                }
                _ => return self.wrong("the end of the text"),
            }
        }
    }

    fn unicode(&mut self) -> Read<char> {
        let first = self.hex()?;
        let scalar = if (0xd800..0xdc00).contains(&first) && self.json[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.hex()?;
            match second.checked_sub(0xdc00) {
                Some(low @ 0..0x400) => 0x10000 + ((first - 0xd800) << 10) + low,
                _ => return self.wrong("the second half of a surrogate pair"),
            }
        } else {
            first
        };
        match char::from_u32(scalar) {
            Some(char) => Ok(char),
            None => self.wrong("a scalar value"),
        }
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.json.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                self.at += 4;
                Ok(value)
            }
            None => self.wrong("four hex digits"),
        }
    }

    /// Reads what is between brackets, item by item.
    fn sequence(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > NESTING_MAX + 2 {
            return self.wrong("fewer levels of lists and objects");
        }
        if !self.eat(close) {
            loop {
                item(self)?;
                if self.eat(close) {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self, mut member: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.sequence(b'{', b'}', |r| {
            let name = r.string()?;
            r.expect(b':')?;
            member(r, &name)
        })
    }

    /// Reads past any value and gives its text.
    fn skip(&mut self) -> Read<&'a str> {
        self.peek();
        let start = self.at;
        match self.peek() {
            b'{' => self.members(|r, _| r.skip().map(|_| ()))?,
            b'[' => self.sequence(b'[', b']', |r| r.skip().map(|_| ()))?,
            b'"' => {
                self.string()?;
            }
            b't' if self.word("true") => {}
            b'f' if self.word("false") => {}
            b'n' if self.word("null") => {}
            _ => {
                self.number()?;
            }
        }
        Ok(&self.json[start..self.at])
    }

    fn parsed<T>(&mut self, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        let text = self.string()?;
        match parse(&text) {
            Some(value) => Ok(value),
            None => self.wrong(what),
        }
    }

    pub(crate) fn value(&mut self, ty: TypeId) -> Read<u64> {
        let loaded = self.loaded;
        match loaded.ty(ty) {
            Type::Unit if self.word("null") => Ok(0),
            Type::Unit => self.wrong("null"),
            Type::Bool if self.word("true") => Ok(1),
            Type::Bool if self.word("false") => Ok(0),
            Type::Bool => self.wrong("true or false"),
            Type::Int => match self.number()?.parse::<i64>() {
                Ok(value) => Ok(value as u64),
                Err(_) => self.wrong("a whole number of 64 bits"),
            },
            Type::Float => match self.number()?.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value.to_bits()),
                _ => self.wrong("a finite number"),
            },
            Type::Decimal => {
                let value = match self.peek() {
                    b'"' => self.parsed("a decimal", text::parse_decimal)?,
                    _ => match text::parse_decimal(self.number()?) {
                        Some(value) => value,
                        None => return self.wrong("a decimal of at most 28 digits"),
                    },
                };
                new_decimal(self.heap, value)
            }
            Type::String => {
                let text = self.string()?;
                self.heap.alloc_bytes(ty, text.as_bytes())
            }
            Type::Bytes => {
                use base64::Engine as _;
                let bytes =
                    self.parsed("base64", |text| base64::engine::general_purpose::STANDARD.decode(text).ok())?;
                self.heap.alloc_bytes(ty, &bytes)
            }
            Type::Duration => Ok(self.parsed("a duration", text::parse_duration)? as u64),
            Type::Time => Ok(self.parsed("a time", text::parse_time)? as u64),
            Type::Date => Ok(self.parsed("a date", text::parse_date)? as u64),
            Type::Json => self.json(),
            Type::Option(_) if self.word("null") => Ok(0),
            Type::Option(inner) => {
                let value = self.value(*inner)?;
                if loaded.is_ref(*inner) { Ok(value) } else { self.heap.alloc_words(ty, &[value]) }
            }
            Type::List(item) => self.list(ty, *item),
            Type::Set(item) => self.set(ty, *item),
            Type::Map(key, item) => self.map(ty, *key, *item),
            Type::Tuple(items) => self.tuple(ty, items),
            Type::Record { fields, .. } => {
                let values = self.fields(fields)?;
                self.heap.alloc_words(ty, &values)
            }
            Type::Run(_) => {
                let field = |name: &str| Field { name: name.into(), ty: builtin::STRING, default: None };
                let values = self.fields(&[field("workflow_id"), field("run_id")])?;
                self.heap.alloc_words(ty, &values)
            }
            Type::Enum { variants, .. } => self.variant(ty, variants),
            Type::Error { name, .. } => {
                let failure = self.failure()?;
                if failure.kind != *name {
                    return self.wrong(&format!("a failure of type {name}"));
                }
                failure::to_heap(self.heap, loaded, &failure)
            }
            Type::Failure => {
                let failure = self.failure()?;
                failure::to_heap(self.heap, loaded, &failure)
            }
            Type::Result(inner) => self.result(ty, *inner),
            Type::Fn(..) => self.wrong("data"),
        }
    }

    fn list(&mut self, ty: TypeId, item: TypeId) -> Read<u64> {
        let mut words = vec![0];
        self.sequence(b'[', b']', |r| {
            let value = r.value(item)?;
            words.push(value);
            Ok(())
        })?;
        words[0] = words.len() as u64 - 1;
        self.heap.alloc_words(ty, &words)
    }

    fn set(&mut self, ty: TypeId, item: TypeId) -> Read<u64> {
        let shape = compare::shape(self.loaded, ty)?;
        let mut set = table::create(self.heap, shape, 0)?;
        self.sequence(b'[', b']', |r| {
            let value = r.value(item)?;
            set = table::put(r.heap, r.loaded, shape, set, value, 0)?;
            Ok(())
        })?;
        Ok(set)
    }

    fn map(&mut self, ty: TypeId, key: TypeId, item: TypeId) -> Read<u64> {
        let shape = compare::shape(self.loaded, ty)?;
        let mut map = table::create(self.heap, shape, 0)?;
        if wire::is_object_key(self.loaded.program(), key) {
            self.members(|r, name| {
                let key = r.key(key, name)?;
                let value = r.value(item)?;
                map = table::put(r.heap, r.loaded, shape, map, key, value)?;
                Ok(())
            })?;
            return Ok(map);
        }
        self.sequence(b'[', b']', |r| {
            r.expect(b'[')?;
            let k = r.value(key)?;
            r.expect(b',')?;
            let v = r.value(item)?;
            r.expect(b']')?;
            map = table::put(r.heap, r.loaded, shape, map, k, v)?;
            Ok(())
        })?;
        Ok(map)
    }

    fn key(&mut self, ty: TypeId, name: &str) -> Read<u64> {
        match self.loaded.ty(ty) {
            Type::Enum { variants, .. } => match variants.iter().position(|v| v.name == name) {
                Some(variant) => Ok(variant as u64),
                None => self.wrong("a variant's name as key"),
            },
            _ => new_text(self.heap, name),
        }
    }

    fn tuple(&mut self, ty: TypeId, items: &[TypeId]) -> Read<u64> {
        let mut values = Vec::with_capacity(items.len());
        self.sequence(b'[', b']', |r| match items.get(values.len()) {
            Some(item) => {
                let value = r.value(*item)?;
                values.push(value);
                Ok(())
            }
            None => r.wrong("the end of the tuple"),
        })?;
        if values.len() < items.len() { self.wrong("all of the tuple") } else { self.heap.alloc_words(ty, &values) }
    }

    /// The fields of a record in declaration order, in whatever order they come.
    fn fields(&mut self, fields: &[Field]) -> Read<smallvec::SmallVec<[u64; 8]>> {
        let mut values = smallvec::smallvec![0; fields.len()];
        let mut seen: smallvec::SmallVec<[bool; 8]> = smallvec::smallvec![false; fields.len()];
        let mut next = 0;
        self.members(|r, name| {
            // Canonical text has them in order; searching is for what older code wrote.
            let place = match fields.get(next) {
                Some(field) if field.name == name => Some(next),
                _ => fields.iter().position(|f| f.name == name),
            };
            match place {
                Some(place) => {
                    values[place] = r.value(fields[place].ty)?;
                    seen[place] = true;
                    next = place + 1;
                    Ok(())
                }
                None => r.skip().map(|_| ()),
            }
        })?;
        for (place, field) in fields.iter().enumerate().filter(|(place, _)| !seen[*place]) {
            values[place] = self.missing(field)?;
        }
        Ok(values)
    }

    fn missing(&mut self, field: &Field) -> Read<u64> {
        match (&field.default, self.loaded.ty(field.ty)) {
            (Some(default), _) => {
                self.heap.charge(default.len());
                let (heap, loaded, depth) = (&mut *self.heap, self.loaded, self.depth);
                let mut reader = Reader { heap, loaded, json: default, at: 0, depth };
                let value = reader.value(field.ty)?;
                reader.end()?;
                Ok(value)
            }
            (None, Type::Option(_) | Type::Unit) => Ok(0),
            _ => self.wrong(&format!("the field `{}`", field.name)),
        }
    }

    fn variant(&mut self, ty: TypeId, variants: &[weft_bytecode::Variant]) -> Read<u64> {
        let by_name = |name: &str| variants.iter().position(|v| v.name == name);
        let (variant, values) = if self.peek() == b'"' {
            let variant = self.parsed("a variant", by_name)?;
            if !variants[variant].fields.is_empty() {
                return self.wrong("an object with the variant's fields");
            }
            (variant, smallvec::SmallVec::new())
        } else {
            let start = self.at;
            let mut found = None;
            self.members(|r, name| match name {
                "kind" => {
                    found = Some(r.parsed("a variant", by_name)?);
                    Ok(())
                }
                _ => r.skip().map(|_| ()),
            })?;
            let Some(variant) = found else { return self.wrong("`kind`") };
            self.at = start;
            (variant, self.fields(&variants[variant].fields)?)
        };
        if !self.loaded.is_ref(ty) {
            return Ok(variant as u64);
        }
        let mut words: smallvec::SmallVec<[u64; 8]> = smallvec::smallvec![variant as u64];
        words.extend(values);
        self.heap.alloc_words(ty, &words)
    }

    fn result(&mut self, ty: TypeId, inner: TypeId) -> Read<u64> {
        let mut words = None;
        self.members(|r, name| {
            words = Some(match name {
                "ok" => [0, r.value(inner)?],
                "failed" => [1, r.value(builtin::FAILURE)?],
                _ => return r.wrong("`ok` or `failed`"),
            });
            Ok(())
        })?;
        match words {
            Some(words) => self.heap.alloc_words(ty, &words),
            None => self.wrong("`ok` or `failed`"),
        }
    }

    fn failure(&mut self) -> Read<Failure> {
        let text = self.skip()?;
        match serde_json::from_str(text).map_err(|e| e.to_string()).and_then(|value| Failure::from_json(&value)) {
            Ok(failure) => Ok(failure),
            Err(error) => self.wrong(&format!("a failure ({error})")),
        }
    }

    fn json(&mut self) -> Read<u64> {
        let words: [u64; 2] = match self.peek() {
            b'n' if self.word("null") => return self.heap.alloc_words(builtin::JSON, &[json::NULL]),
            b't' if self.word("true") => [json::BOOL, 1],
            b'f' if self.word("false") => [json::BOOL, 0],
            b'"' => {
                let text = self.string()?;
                [json::TEXT, new_text(self.heap, &text)?]
            }
            b'[' => {
                let mut words = vec![json::ARRAY];
                self.sequence(b'[', b']', |r| {
                    let value = r.json()?;
                    words.push(value);
                    Ok(())
                })?;
                return self.heap.alloc_words(builtin::JSON, &words);
            }
            b'{' => return self.json_object(),
            _ => {
                let number = self.number()?;
                match (number.parse::<i64>(), number.parse::<f64>()) {
                    (Ok(whole), _) => [json::INT, whole as u64],
                    (_, Ok(float)) if float.is_finite() => [json::FLOAT, float.to_bits()],
                    _ => return self.wrong("a number within the range of Float"),
                }
            }
        };
        self.heap.alloc_words(builtin::JSON, &words)
    }

    /// A repeated name means its last value, in the first one's place.
    fn json_object(&mut self) -> Read<u64> {
        let mut words = vec![json::OBJECT];
        let mut names: rustc_hash::FxHashMap<String, usize> = rustc_hash::FxHashMap::default();
        self.members(|r, name| {
            let value = r.json()?;
            if let Some(place) = names.get(name) {
                words[*place] = value;
                return Ok(());
            }
            let key = new_text(r.heap, name)?;
            names.insert(name.to_owned(), words.len() + 1);
            words.extend([key, value]);
            Ok(())
        })?;
        self.heap.alloc_words(builtin::JSON, &words)
    }
}
