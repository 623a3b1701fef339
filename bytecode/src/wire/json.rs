//! JSON as it is received: every digit of every number, and no key twice. A key given twice is a mistake that a map
//! would hide, so it is refused here, where it can still be seen.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How `serde_json` hands over a number with all its digits: a map with this one key.
const NUMBER: &str = "$serde_json::private::Number";

/// Parses a document.
///
/// # Errors
/// Where and why it is no JSON, or has a key twice.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(None).deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// Reads a value, given the way to it.
struct Strict<'p>(Option<&'p Step<'p>>);

/// A step on the way to a value, and those before it.
struct Step<'p> {
    before: Option<&'p Step<'p>>,
    name: Name<'p>,
}

enum Name<'p> {
    Key(&'p str),
    Index(usize),
}

impl std::fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(before) = self.before {
            write!(f, "{before}")?;
        }
        match self.name {
            Name::Key(key) if self.before.is_some() => write!(f, ".{key}"),
            Name::Key(key) => f.write_str(key),
            Name::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let step = Step { before: self.0, name: Name::Index(items.len()) };
            match from.next_element_seed(Strict(Some(&step)))? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            if key == NUMBER && fields.is_empty() {
                let digits: String = from.next_value()?;
                return digits.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
            }
            if fields.contains_key(&key) {
                let of = self.0.map_or(String::new(), |way| format!(" of `{way}`"));
                return Err(A::Error::custom(format_args!("the key {}{of} is given twice", Value::from(key))));
            }
            let value = from.next_value_seed(Strict(Some(&Step { before: self.0, name: Name::Key(&key) })))?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        for text in [
            "null",
            "true",
            "[]",
            "-9223372036854775808",
            "123456789012345678901234567890.12345678901234567890",
            "1.0",
            r#"{"b":[1,{"a":"ä\n"}],"a":0.1}"#,
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, expected) in [
            (r#"{"a":1,"a":2}"#, "the key \"a\" is given twice at line 1 column"),
            (r#"{"a":1,"b":[0,{"c":1,"c":2}]}"#, "the key \"c\" of `b[1]` is given twice at line 1 column"),
            (r#"{"a":1"#, "EOF while parsing an object at line 1 column 6"),
            ("{} {}", "trailing characters at line 1 column 4"),
            ("", "EOF while parsing a value at line 1 column 0"),
            (r#"{"$serde_json::private::Number":"x"}"#, "invalid number"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text} gave {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit"));
    }
}
