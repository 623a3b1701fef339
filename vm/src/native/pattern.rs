//! Texts searched for patterns.

use std::sync::{Arc, Mutex, PoisonError};

use regex::{Captures, Regex};
use weft_bytecode::op::Native;
use weft_bytecode::pattern::{self, Prepared};
use weft_bytecode::types::Type;

use super::{Call, text};
use crate::limits::{Fault, corrupt, fault};
use crate::step::TrapKind;
use crate::table;
use crate::value::compare;

/// What a pattern costs besides the text, as if so many bytes had been looked at: in any case, and for each state that it
/// is compiled to. The same whether it was prepared before or not: what is kept from other runs must not be seen.
const PREPARE_COST: usize = 4_096;
const STATE_COST: usize = 256;

/// A search works so many times longer on a byte than a look at it takes.
const SEARCH_COST: usize = 16;

/// Bytes that the searches behind the first match may look at in one call. A pattern can make each of them look at the
/// whole rest of the text, so this stands between many matches in a long text and a search that does not end.
const SEARCHED_MAX: usize = 1 << 30;

/// Prepared patterns that a program keeps, and the states of all of them.
const KEPT_MAX: usize = 64;
const KEPT_STATES_MAX: usize = 1 << 18;

/// Prepared patterns, so that a loop does not prepare its own each time. They are no part of a run: what is here changes
/// neither results nor fuel.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    pattern: Box<str>,
    whole: bool,
    prepared: Arc<Prepared>,
}

impl Patterns {
    fn get(&self, pattern: &str, whole: bool) -> Result<Arc<Prepared>, String> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().iter().find(|kept| kept.whole == whole && *kept.pattern == *pattern) {
            return Ok(Arc::clone(&kept.prepared));
        }
        let prepared = Arc::new(pattern::compile(pattern, whole)?);
        let mut kept = lock();
        kept.push(Kept { pattern: pattern.into(), whole, prepared: Arc::clone(&prepared) });
        let states = |kept: &[Kept]| kept.iter().map(|kept| kept.prepared.states).fold(0, usize::saturating_add);
        while kept.len() > KEPT_MAX || states(&kept) > KEPT_STATES_MAX {
            // The oldest: programs have few patterns, and those that make them up as they go use each once.
            kept.remove(0);
        }
        Ok(prepared)
    }
}

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    let text = call.text(0).to_owned();
    call.heap.charge(PREPARE_COST);
    call.heap.charge(text.len().saturating_mul(SEARCH_COST));
    let prepared = call.loaded.patterns.get(call.text(1), native == Native::StringMatches);
    let prepared = prepared.map_err(|why| fault(TrapKind::Index, format!("the pattern cannot be used: {why}")))?;
    call.heap.charge(prepared.states.saturating_mul(STATE_COST));
    let regex = &prepared.regex;
    match native {
        Native::StringMatches => Ok(u64::from(regex.is_match(&text))),
        Native::StringFind => match regex.find(&text) {
            Some(found) => {
                let found = call.new_text(found.as_str())?;
                call.optional(Some(found))
            }
            None => Ok(0),
        },
        Native::StringFindAll => {
            let found = places(call, regex, &text)?;
            text::texts(call, found.iter().map(|(from, to)| &text[*from..*to]))
        }
        Native::StringSplitPattern => {
            let found = places(call, regex, &text)?;
            let starts = std::iter::once(0).chain(found.iter().map(|(_, to)| *to));
            let ends = found.iter().map(|(from, _)| *from).chain([text.len()]);
            text::texts(call, starts.zip(ends).map(|(from, to)| &text[from..to]))
        }
        Native::StringReplacePattern => replace(call, regex, &text),
        _ => match regex.captures(&text) {
            Some(found) => groups(call, regex, &found),
            None => Ok(0),
        },
    }
}

/// Counts what searches look at behind each match.
struct Meter {
    left: usize,
}

impl Meter {
    /// A search goes on with so many bytes.
    fn again(&mut self, call: &mut Call<'_>, bytes: usize) -> Result<(), Fault> {
        call.heap.charge(bytes);
        if call.heap.fuel_used > call.heap.fuel_end() {
            return Err(call.heap.out_of_fuel());
        }
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let message = format!(
                    "the text is too long for so many matches: one call searches {SEARCHED_MAX} bytes; \
                     split the text and search its parts"
                );
                Err(fault(TrapKind::Index, message))
            }
        }
    }
}

/// Where the matches are.
fn places(call: &mut Call<'_>, regex: &Regex, text: &str) -> Result<Vec<(usize, usize)>, Fault> {
    let (mut found, mut meter) = (Vec::new(), Meter { left: SEARCHED_MAX });
    for place in regex.find_iter(text) {
        found.push((place.start(), place.end()));
        meter.again(call, text.len() - place.end())?;
    }
    Ok(found)
}

fn replace(call: &mut Call<'_>, regex: &Regex, text: &str) -> Result<u64, Fault> {
    let with = call.text(2).to_owned();
    let groups = with.matches('$').count();
    let (mut out, mut behind, mut meter) = (String::new(), 0, Meter { left: SEARCHED_MAX });
    for found in regex.captures_iter(text) {
        let Some(all) = found.get(0) else { continue };
        // A group is as long as its match at most.
        let most = with.len().saturating_add(groups.saturating_mul(all.len()));
        call.heap.expect_room(out.len().saturating_add(all.start() - behind).saturating_add(most))?;
        out.push_str(&text[behind..all.start()]);
        found.expand(&with, &mut out);
        behind = all.end();
        meter.again(call, text.len() - behind)?;
    }
    out.push_str(&text[behind..]);
    call.heap.expect_room(out.len())?;
    call.heap.charge(out.len());
    call.new_text(&out)
}

/// The groups that took part, by name or by number.
fn groups(call: &mut Call<'_>, regex: &Regex, found: &Captures<'_>) -> Result<u64, Fault> {
    let Type::Option(map) = call.loaded.ty(call.dst) else {
        return Err(corrupt("captures give an optional"));
    };
    let shape = compare::shape(call.loaded, *map)?;
    let bytes = found.iter().flatten().map(|group| group.len()).sum();
    call.heap.expect_room(bytes)?;
    call.heap.charge(bytes);
    let mut made = table::create(call.heap, shape, 0)?;
    for ((number, name), group) in regex.capture_names().enumerate().zip(found.iter()) {
        let Some(group) = group else { continue };
        let key = match name {
            Some(name) => call.new_text(name)?,
            None => call.new_text(&number.to_string())?,
        };
        let value = call.new_text(group.as_str())?;
        made = table::put(call.heap, call.loaded, shape, made, key, value)?;
    }
    call.optional(Some(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_by_its_size() {
        let patterns = Patterns::default();
        let kept = || patterns.0.lock().unwrap().iter().map(|kept| kept.prepared.states).collect::<Vec<_>>();
        for n in 0..2 * KEPT_MAX {
            patterns.get(&format!("{n}"), false).unwrap();
        }
        assert_eq!(kept().len(), KEPT_MAX);
        for n in 0..40 {
            patterns.get(&format!("{n}(a{{100}}){{90}}"), false).unwrap();
        }
        let states = kept();
        assert!(states.iter().sum::<usize>() <= KEPT_STATES_MAX && states.len() < 40, "{states:?}");
    }
}
