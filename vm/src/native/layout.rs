//! Text that is laid out: filled to a width, repeated, trimmed; numbers with fixed places.

use rust_decimal::RoundingStrategy;
use weft_bytecode::op::Native;

use super::Call;
use crate::limits::{Fault, fault};
use crate::step::TrapKind;
use crate::value::decimal;

/// Most places of a decimal.
const PLACES_MAX: i64 = 28;

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    let text = match native {
        Native::StringPadStart | Native::StringPadEnd => return pad(call, native == Native::StringPadStart),
        Native::StringRepeat => return repeat(call),
        Native::StringIsBlank => return Ok(u64::from(call.text(0).trim().is_empty())),
        Native::StringIndexOf => {
            let (text, part) = (call.text(0), call.text(1));
            let found = text.find(part).map(|at| text[..at].chars().count() as u64);
            return call.optional(found);
        }
        Native::StringTrimStart => call.text(0).trim_start().to_owned(),
        Native::StringTrimEnd => call.text(0).trim_end().to_owned(),
        Native::IntFormat => {
            let digits = call.int(0).to_string();
            return grouped(call, &digits, 1, None);
        }
        _ => {
            let places = call.int(1);
            if !(0..=PLACES_MAX).contains(&places) {
                let message = format!("a decimal cannot be written with {places} places, only with 0 to {PLACES_MAX}");
                return Err(fault(TrapKind::Index, message));
            }
            let value = decimal(call.heap, call.slot(0));
            let value = value.round_dp_with_strategy(places as u32, RoundingStrategy::MidpointNearestEven);
            // What was rounded to nothing has no sign.
            let value = if value.is_zero() { value.abs() } else { value };
            let digits = format!("{value:.*}", places as usize);
            return grouped(call, &digits, 2, Some(3));
        }
    };
    call.new_text(&text)
}

/// Digits with a text between thousands, and another for the point.
fn grouped(call: &mut Call<'_>, digits: &str, group: usize, point: Option<usize>) -> Result<u64, Fault> {
    let longest = call.text(group).len().max(point.map_or(0, |point| call.text(point).len()));
    expect(call, digits.len().saturating_mul(longest.saturating_add(1)))?;
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut made = sign.to_owned();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            made.push_str(call.text(group));
        }
        made.push(digit);
    }
    if let (Some(point), false) = (point, places.is_empty()) {
        made.push_str(call.text(point));
        made.push_str(places);
    }
    call.new_text(&made)
}

/// Room and fuel for a text, before it is made.
fn expect(call: &mut Call<'_>, bytes: usize) -> Result<(), Fault> {
    call.heap.expect_room(bytes)?;
    call.heap.charge(bytes);
    Ok(())
}

fn pad(call: &mut Call<'_>, front: bool) -> Result<u64, Fault> {
    let filler = call.text(2);
    if filler.is_empty() {
        return Err(fault(TrapKind::Index, "nothing cannot fill a text".to_owned()));
    }
    let missing = usize::try_from(call.int(1)).unwrap_or(0).saturating_sub(call.text(0).chars().count());
    // A character has at most four bytes.
    let most = filler.chars().map(char::len_utf8).max().unwrap_or(4);
    let bytes = call.text(0).len().saturating_add(missing.saturating_mul(most));
    expect(call, bytes)?;
    let fill: String = call.text(2).chars().cycle().take(missing).collect();
    let text = call.text(0);
    let made = if front { format!("{fill}{text}") } else { format!("{text}{fill}") };
    call.new_text(&made)
}

fn repeat(call: &mut Call<'_>) -> Result<u64, Fault> {
    let Ok(count) = usize::try_from(call.int(1)) else {
        return Err(fault(TrapKind::Index, format!("a text cannot be repeated {} times", call.int(1))));
    };
    let bytes = call.text(0).len().saturating_mul(count);
    if bytes == 0 {
        return call.new_text("");
    }
    expect(call, bytes)?;
    let made = call.text(0).repeat(count);
    call.new_text(&made)
}
