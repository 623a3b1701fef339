//! Patterns that texts are searched for: regular expressions as the `regex` crate reads them, in time that grows with the
//! text and never with what is in it. The compiler needs them too, to check a pattern that is written in a program.
//!
//! The crate and its grammar are pinned exactly: what a pattern matches belongs to the edition.

use regex::{Regex, RegexBuilder};

/// Longest pattern in bytes.
pub const PATTERN_MAX: usize = 1_000;

/// How deep groups may stand in each other.
pub const NESTING_MAX: u32 = 50;

/// Largest pattern when compiled, in bytes: a repetition of a repetition is short to write and long to make.
pub const COMPILED_MAX: usize = 1 << 20;

/// What a search may keep of the states it has seen. It says how fast a search is, not what it finds.
const SEEN_MAX: usize = 256 << 10;

/// Prepares a pattern; else why not. `whole` is one that only all of a text matches.
///
/// # Errors
/// If the pattern is none or larger than the limits.
pub fn compile(pattern: &str, whole: bool) -> Result<Regex, String> {
    if pattern.len() > PATTERN_MAX {
        return Err(format!("the pattern has {} bytes, {PATTERN_MAX} are allowed", pattern.len()));
    }
    let found = build(pattern)?;
    match whole {
        // The pattern is sound by itself, so what is put around it is not taken for a part of it.
        true => build(&format!(r"\A(?:{pattern})\z")),
        false => Ok(found),
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
        let whole = |pattern, text| compile(pattern, true).unwrap().is_match(text);
        assert!(whole("a|ab", "ab"));
        assert!(!whole("a|ab", "abc"));
        assert!(!whole("a$", "a\n"));
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
