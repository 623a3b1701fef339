//! Patterns that texts are searched for: regular expressions as the `regex` crate reads them, in time that grows with the
//! text and never with what is in it. The compiler needs them too, to check a pattern that is written in a program.
//!
//! The crate and its grammar are pinned exactly: what a pattern matches belongs to the edition.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Longest pattern in bytes.
pub const PATTERN_MAX: usize = 1_000;

/// How deep groups may stand in each other.
pub const NESTING_MAX: u32 = 50;

/// Largest pattern when compiled, in bytes: a repetition of a repetition is short to write and long to make.
pub const COMPILED_MAX: usize = 1 << 20;

/// What a search may keep of the states it has seen. It says how fast a search is, not what it finds.
const SEEN_MAX: usize = 256 << 10;

/// A pattern that is ready to search with.
#[derive(Debug)]
pub struct Prepared {
    /// What searches.
    pub regex: Regex,
    /// About how many states it was compiled to, whatever it took: short patterns may be large.
    pub states: usize,
}

/// Prepares a pattern; else why not. `whole` is one that only all of a text matches.
///
/// # Errors
/// If the pattern is none or larger than the limits.
pub fn compile(pattern: &str, whole: bool) -> Result<Prepared, String> {
    if pattern.len() > PATTERN_MAX {
        return Err(format!("the pattern has {} bytes, {PATTERN_MAX} are allowed", pattern.len()));
    }
    let found = build(pattern)?;
    let regex = match whole {
        // The pattern is sound by itself, so what is put around it is not taken for a part of it.
        true => build(&format!(r"\A(?:{pattern})\z"))?,
        false => found,
    };
    let parsed = ParserBuilder::new().nest_limit(NESTING_MAX).build().parse(pattern);
    Ok(Prepared { regex, states: parsed.map_or(PATTERN_MAX, |parsed| states(&parsed)) })
}

/// About how many states a pattern is compiled to: what is repeated counts each time.
fn states(parsed: &Hir) -> usize {
    match parsed.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(text) => text.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(again) => {
            let times = again.max.unwrap_or(again.min.saturating_add(1)).max(1);
            states(&again.sub).saturating_mul(times as usize).saturating_add(1)
        }
        HirKind::Capture(group) => states(&group.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(states).fold(1, usize::saturating_add),
    }
}

/// Why a pattern cannot be used.
pub fn wrong(pattern: &str) -> Option<String> {
    compile(pattern, true).err()
}

fn build(pattern: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.nest_limit(NESTING_MAX).size_limit(COMPILED_MAX).dfa_size_limit(SEEN_MAX);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes when compiled"),
        other => {
            // The last line says what is wrong, those before it show the pattern.
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_sound_and_small() {
        assert_eq!(wrong(r"[0-9]+"), None);
        assert_eq!(wrong("a("), Some("unclosed group".to_owned()));
        assert_eq!(wrong("a)|(b"), Some("unopened group".to_owned()));
        assert_eq!(wrong(r"(a)\1"), Some("backreferences are not supported".to_owned()));
        assert_eq!(
            wrong(&"a".repeat(PATTERN_MAX + 1)).as_deref(),
            Some("the pattern has 1001 bytes, 1000 are allowed")
        );
        assert_eq!(wrong("(a{100}){100}{100}").as_deref(), Some("it needs more than 1048576 bytes when compiled"));
        let deep = NESTING_MAX as usize + 1;
        let deep = format!("{}a{}", "(".repeat(deep), ")".repeat(deep));
        assert!(wrong(&deep).is_some_and(|why| why.contains("nested")), "{:?}", wrong(&deep));
    }

    #[test]
    fn a_whole_pattern_matches_all_of_a_text() {
        let whole = |pattern, text| compile(pattern, true).unwrap().regex.is_match(text);
        assert!(whole("a|ab", "ab"));
        assert!(!whole("a|ab", "abc"));
        assert!(!whole("a$", "a\n"));
    }

    #[test]
    fn what_is_repeated_counts_each_time() {
        let states = |pattern| compile(pattern, false).unwrap().states;
        assert_eq!(states("abc"), 3);
        assert_eq!(states("a{7}"), 8);
        assert!(states("((a{10}){10}){10}") > 1_000);
        assert!(states(r"\w{20}") > 10_000);
    }

    /// What belongs to the edition: another table of characters makes patterns match other texts.
    #[test]
    fn letters_and_digits_are_those_of_the_edition() {
        let class = |pattern: &str| match regex_syntax::parse(pattern).unwrap().into_kind() {
            regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
                class.iter().map(|r| u32::from(r.end()) - u32::from(r.start()) + 1).sum::<u32>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!([r"\w", r"\d", r"\s", r"\p{Lu}"].map(class), [144_667, 760, 25, 1_858]);
    }
}
