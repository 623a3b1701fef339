//! Text. Positions are in scalar values.

use weft_bytecode::op::Native;

use super::Call;
use crate::limits::Fault;
use crate::value::{encode, new_decimal};

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    match native {
        ToText => {
            let (mut out, mut room) = (String::new(), encode::Room::heap(call.heap));
            encode::hole_into(call.heap, call.loaded, call.args[0].ty, call.slot(0), &mut out, &mut room)?;
            call.heap.charge(out.len());
            call.new_text(&out)
        }
        StringLength => Ok(call.text(0).chars().count() as u64),
        StringIsEmpty => Ok(u64::from(call.heap.length(call.slot(0)) == 0)),
        StringUpper => {
            let text = call.text(0).to_uppercase();
            call.new_text(&text)
        }
        StringLower => {
            let text = call.text(0).to_lowercase();
            call.new_text(&text)
        }
        StringTrim => {
            let text = call.text(0).trim().to_owned();
            call.new_text(&text)
        }
        StringSplit => {
            let (text, separator) = (call.text(0).to_owned(), call.text(1).to_owned());
            match separator.is_empty() {
                true => texts(call, scalars(&text)),
                false => texts(call, text.split(&separator)),
            }
        }
        StringContains => Ok(u64::from(call.text(0).contains(call.text(1)))),
        StringStartsWith => Ok(u64::from(call.text(0).starts_with(call.text(1)))),
        StringEndsWith => Ok(u64::from(call.text(0).ends_with(call.text(1)))),
        StringReplace => replace(call),
        StringSlice => {
            let (from, to) = (call.int(1).max(0) as usize, call.int(2).max(0) as usize);
            let part: String = call.text(0).chars().take(to).skip(from).collect();
            call.new_text(&part)
        }
        StringChars => {
            let text = call.text(0).to_owned();
            texts(call, scalars(&text))
        }
        StringLines => {
            let text = call.text(0).to_owned();
            texts(call, text.lines())
        }
        StringParseInt => {
            let text = call.text(0);
            // Digits only: no `+`, which Rust would read.
            let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            let value = text.parse::<i64>().ok().filter(|_| plain);
            call.optional(value.map(|value| value as u64))
        }
        StringParseFloat => {
            let value = parse_float(call.text(0));
            call.optional(value.map(f64::to_bits))
        }
        StringParseDecimal => match weft_bytecode::wire::text::parse_decimal(call.text(0)) {
            Some(value) => {
                let value = new_decimal(call.heap, value)?;
                call.optional(Some(value))
            }
            None => Ok(0),
        },
        _ => join(call),
    }
}

/// A number as JSON writes it; one too large for a Float is none.
fn parse_float(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let sound = digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(places) && digits(exponent);
    sound.then(|| text.parse::<f64>().ok()).flatten().filter(|value| value.is_finite())
}

fn scalars(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.char_indices().map(|(at, char)| &text[at..at + char.len_utf8()])
}

/// A list of texts. Many small ones need more than the text they were cut from, so they are counted before.
pub(super) fn texts<'t>(call: &mut Call<'_>, parts: impl Iterator<Item = &'t str> + Clone) -> Result<u64, Fault> {
    // Each has a header and a place in the list.
    const BYTES_EACH: usize = 16;
    let count = parts.clone().count();
    call.heap.expect_room(count.saturating_mul(BYTES_EACH))?;
    call.heap.charge(count * BYTES_EACH);
    let items = parts.map(|part| call.new_text(part)).collect::<Result<Vec<u64>, Fault>>()?;
    call.fresh_list(call.dst, &items)
}

/// A small text may become a large one, so its size is known before it is made.
fn replace(call: &mut Call<'_>) -> Result<u64, Fault> {
    let (text, from, to) = (call.text(0), call.text(1), call.text(2));
    let found = text.matches(from).count();
    let size = (text.len() - found * from.len()).saturating_add(found.saturating_mul(to.len()));
    call.heap.expect_room(size)?;
    call.heap.charge(size);
    let (text, from, to) = (call.text(0), call.text(1), call.text(2));
    let replaced = text.replace(from, to);
    call.new_text(&replaced)
}

fn join(call: &mut Call<'_>) -> Result<u64, Fault> {
    let list = call.slot(0);
    let separator = call.heap.length(call.slot(1));
    let size = call.items(list).iter().map(|item| call.heap.length(*item) + separator).sum();
    call.heap.expect_room(size)?;
    call.heap.charge(size);
    let mut out = String::with_capacity(size);
    for (place, item) in call.items(list).iter().enumerate() {
        if place > 0 {
            out.push_str(call.text(1));
        }
        out.push_str(call.heap.text(*item));
    }
    call.new_text(&out)
}
