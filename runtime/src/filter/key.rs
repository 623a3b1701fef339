//! Values in a form that compares the same everywhere: a whole number, or text compared byte by byte. What a database
//! cannot hold or would order otherwise (decimals, zero bytes, times with and without milliseconds) becomes text that it
//! orders right.

use serde_json::Value;
use weft_bytecode::wire::text;

use super::schema::Kind;

/// A value to compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Of a column of numbers.
    Int(i64),
    /// Of a column of text, or of a search document.
    Text(String),
}

/// Digits before and after the point of a decimal: 28 significant digits, at most 28 of them behind the point.
const DECIMAL_PLACES: usize = 29;

/// The keys of an attribute's value, as JSON of its kind; none if it has none or another kind's.
pub(super) fn keys(kind: Kind, value: &Value) -> Option<Vec<String>> {
    let one = |key: Option<String>| key.map(|key| vec![key]);
    match (kind, value) {
        (_, Value::Null) => None,
        (Kind::Texts, Value::Array(texts)) => texts.iter().map(|text| text.as_str().map(escaped)).collect(),
        (Kind::Texts, _) => None,
        (Kind::Bool, Value::Bool(value)) => Some(vec![value.to_string()]),
        (Kind::Int, Value::Number(number)) => one(number.as_i64().map(int)),
        (Kind::Float, Value::Number(number)) => one(number.as_f64().map(float)),
        (Kind::Decimal, Value::String(value)) => one(text::parse_decimal(value).map(|d| decimal(&text::decimal(d)))),
        (Kind::Duration, Value::String(value)) => one(text::parse_duration(value).map(int)),
        (Kind::Time, Value::String(value)) => one(text::parse_time(value).map(int)),
        (Kind::Date, Value::String(value)) => one(text::parse_date(value).map(int)),
        (Kind::Text | Kind::Enum, Value::String(value)) => Some(vec![escaped(value)]),
        _ => None,
    }
}

/// 16 hexadecimal digits in the order of the numbers.
pub(super) fn int(value: i64) -> String {
    format!("{:016x}", value as u64 ^ 1 << 63)
}

/// The same of doubles; both zeros are one.
pub(super) fn float(value: f64) -> String {
    let bits = (value + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    format!("{ordered:016x}")
}

/// Canonical text of a decimal as a sign and digits of a fixed length; those of negative ones complemented.
pub(super) fn decimal(text: &str) -> String {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole:0>DECIMAL_PLACES$}{fraction:0<DECIMAL_PLACES$}");
    if !negative {
        return format!("1{padded}");
    }
    let complement = padded.bytes().map(|digit| char::from(b'0' + (b'9' - digit)));
    std::iter::once('0').chain(complement).collect()
}

/// Text without zero bytes, which PostgreSQL does not take, in the same order and with the same beginnings.
pub(super) fn escaped(text: &str) -> String {
    if !text.contains(['\u{0}', '\u{1}']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\u{0}' => out.push_str("\u{1}\u{1}"),
            '\u{1}' => out.push_str("\u{1}\u{2}"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_values() {
        let ints = [i64::MIN, -2, -1, 0, 1, 10, i64::MAX].map(int);
        let floats = [f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE, 1.0, 1e300].map(float);
        let decimals = [
            "-79228162514264337593543950335",
            "-10",
            "-9.99",
            "-0.0000000000000000000000000001",
            "0",
            "0.5",
            "0.51",
            "9",
            "10",
            "79228162514264337593543950335",
        ]
        .map(decimal);
        let texts = ["", "\u{0}", "\u{0}a", "\u{1}", "\u{1}\u{1}", "\u{2}", "a", "a\u{0}", "b", "é"].map(escaped);
        for keys in [&ints[..], &floats, &decimals, &texts] {
            assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        }
        assert_eq!(float(-0.0), float(0.0));
    }
}
