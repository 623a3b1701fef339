//! What authors bring from other languages, recognized by name, with what it is called here.

use super::super::grammar::Rule;
use super::super::place::Places;
use super::sort::Marker;
use super::words;
use crate::diagnostic::{Diagnostic, Fix};

/// A recognized idiom: what to say, and edits on byte ranges of the file.
pub(super) struct Idiom {
    message: String,
    help: String,
    title: String,
    edits: Vec<(usize, usize, String)>,
    safe: bool,
}

impl Idiom {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Idiom {
        Idiom { message: message.into(), help: help.into(), title: String::new(), edits: Vec::new(), safe: true }
    }

    fn edit(mut self, title: impl Into<String>, start: usize, end: usize, text: impl Into<String>) -> Idiom {
        self.title = title.into();
        self.edits.push((start, end, text.into()));
        self
    }

    fn unsafe_if(mut self, doubt: bool) -> Idiom {
        self.safe &= !doubt;
        self
    }

    /// The diagnostic at a place.
    pub(super) fn at(self, places: &Places<'_>, start: usize, end: usize) -> Diagnostic {
        let diagnostic = Diagnostic::error("WF0006", places.span(start, end), self.message).help(self.help);
        if self.edits.is_empty() {
            return diagnostic;
        }
        let edits = self.edits.into_iter().map(|(s, e, text)| (places.span(s, e), text)).collect();
        diagnostic.fix(Fix { title: self.title, edits, safe: self.safe })
    }
}

/// One word replaced by another.
fn swap(word: &str, language: &str, here: &str, start: usize, end: usize) -> Idiom {
    Idiom::new(format!("`{word}` is {language}; here it is `{here}`"), format!("write `{here}`")).edit(
        format!("replace with `{here}`"),
        start,
        end,
        here,
    )
}

/// An idiom that the grammar has a rule for.
pub(super) fn idiom(rule: Rule, start: usize, end: usize, parent_start: usize, text: &str) -> Idiom {
    let word = &text[start..end];
    let blanks = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
    match rule {
        Rule::modifier => modifier(word, start, end + blanks, text),
        Rule::foreign_fn => {
            let language = match word {
                "function" => "JavaScript",
                "def" => "Python",
                "fun" => "Kotlin",
                _ => "Go",
            };
            swap(word, language, "fn", start, end)
        }
        Rule::foreign_record => {
            let language = if word == "struct" { "Rust and Go" } else { "TypeScript" };
            swap(word, language, "record", start, end).unsafe_if(word == "class")
        }
        Rule::foreign_result => Idiom::new("a result type stands after `->`", "write `-> Type`").edit(
            "replace with `->`",
            start,
            end,
            if blanks == 0 { " -> " } else { " ->" },
        ),
        Rule::foreign_arrow => swap(word, "another language's arrow", "=>", start, end),
        Rule::foreign_let => {
            let why = "`let` names a value, `var` a variable that changes";
            Idiom::new(format!("inside a block `{word}` is written `let`"), why).edit(
                "replace with `let`",
                start,
                end,
                "let",
            )
        }
        Rule::foreign_mut => Idiom::new("`let mut` is Rust; here it is `var`", "write `var`").edit(
            "replace with `var`",
            parent_start,
            end,
            "var",
        ),
        Rule::foreign_define => {
            Idiom::new("`:=` is Go; here a variable is declared with `let` or `var`", "write `var name = value`")
                .edit("declare with `var`", parent_start, parent_start, "var ")
                .edit("declare with `var`", start, end, "=")
        }
        Rule::foreign_step => {
            let here = if word == "++" { "+= 1" } else { "-= 1" };
            Idiom::new(format!("`{word}` is C; here it is `{here}`"), format!("write `{here}`")).edit(
                format!("replace with `{here}`"),
                start,
                end,
                format!(" {here}"),
            )
        }
        Rule::foreign_assign => Idiom::new("`=` assigns; values are compared with `==`", "write `==`").edit(
            "replace with `==`",
            start,
            end,
            "==",
        ),
        Rule::foreign_of => swap(word, "JavaScript", "in", start, end),
        Rule::foreign_for => Idiom::new(
            "a `for` goes through a list, without parentheses",
            "write `for item in items { .. }`, or `for i in range(0, n) { .. }` to count",
        ),
        Rule::foreign_array => Idiom::new("a list type is written `List<..>`", "write `List<T>`")
            .edit("write `List<..>`", parent_start, parent_start, "List<")
            .edit("write `List<..>`", start, end, ">"),
        Rule::foreign_angle => Idiom::new("type arguments stand in `<..>`", "write `List<Int>`, `Map<String, Int>`"),
        Rule::foreign_literal => Idiom::new(
            "a record is made by a call",
            "write `Line(sku: sku, quantity: 1)`; `{ sku, quantity: 1 }` alone does where its type is known",
        ),
        Rule::foreign_key => Idiom::new(
            "the keys of a record have no quotes",
            "a record is `{ name: value }`, a map is `[\"key\": value]`",
        ),
        Rule::foreign_comma => Idiom::new("the parts of a record are separated by `,`", "put a `,` before it").edit(
            "insert `,`",
            start,
            start,
            ", ",
        ),
        Rule::foreign_pair => {
            Idiom::new("two names for one element stand in parentheses", "write `for (k, v) in map { .. }`")
        }
        Rule::foreign_with => Idiom::new("options stand behind `with`", "write `with { timeout: 30s }`").edit(
            "insert `with`",
            start,
            start,
            "with ",
        ),
        Rule::foreign_bare_result => {
            Idiom::new("a result type stands after `->`", "write `-> Type`").edit("insert `->`", start, start, "-> ")
        }
        Rule::foreign_way => Idiom::new(
            "a branch is one expression, not statements",
            "put the statements into a `flow` and call it here: `race { ask(), patience() }`",
        ),
        Rule::foreign_block => Idiom::new(
            "a block is no value here",
            "a block stands behind `=>`, `else` and `undo`, and as a body; compute it before, or in a `fn` or `flow`",
        ),
        Rule::foreign_loop => swap(word, "Rust", "while true", start, end),
        Rule::foreign_elif => swap(word, if word == "elif" { "Python" } else { "Ruby" }, "else if", start, end),
        Rule::foreign_infix => infix(word, start, end),
        Rule::foreign_prefix if word == "new" => Idiom::new(
            "values are made without `new`",
            "call the record or error by its name",
        )
        .edit("remove `new`", start, end + blanks, ""),
        Rule::foreign_prefix => {
            let line = text[end..].lines().next().unwrap_or("");
            let wider = ["==", "!=", "<", ">", " in ", " and ", " or "].iter().any(|op| line.contains(op));
            Idiom::new("`not` is Python; here it is `!`", "write `!`, with parentheses around a comparison")
                .edit("replace with `!`", start, end + blanks, "!")
                .unsafe_if(wider)
        }
        Rule::foreign_named => {
            let from = text[..start].trim_end().len();
            Idiom::new("an argument is named with `:`", "write `name: value`; `=` assigns, which is a statement").edit(
                "replace with `:`",
                from,
                end + blanks,
                ": ",
            )
        }
        Rule::foreign_case => {
            Idiom::new("an arm of a `match` begins with its pattern", "remove `case`: `match value { Pattern => .. }`")
                .edit("remove `case`", start, end + blanks, "")
        }
        Rule::foreign_else => {
            Idiom::new("what is left of a `match` is `_`", "write `_ => ..`").edit("replace with `_`", start, end, "_")
        }
        Rule::foreign_then => Idiom::new("the value of an arm stands behind `=>`", "write `Pattern => value`").edit(
            "replace with `=>`",
            text[..start].trim_end().len(),
            end,
            " =>",
        ),
        Rule::foreign_body => Idiom::new(
            "an activity has no body: its work is done outside of the workflow",
            "a worker does it, in any language: `with { queue: \"q\", timeout: 30s }`; or `http` and `exec` say how. What only \
             computes is a `fn`, what calls activities a `flow`",
        ),
        Rule::foreign_string_prefix => {
            let help = "holes `{x}` work in every string; `{{` is a brace";
            Idiom::new(format!("strings need no `{word}` before them"), help)
                .edit(format!("remove `{word}`"), start, end, "")
                .unsafe_if(matches!(word, "r" | "b"))
        }
        Rule::foreign_quotes => {
            let inner = word[1..word.len() - 1].replace("\\'", "'");
            // `f'{x}'` means the hole.
            let holes = text[..start].ends_with(['f', 'F']);
            Idiom::new("strings stand between double quotes", "write `\"text\"`, or `\"\"\"` for several lines")
                .edit("use double quotes", start, end, format!("\"{inner}\""))
                .unsafe_if(inner.contains(['"', '\\', '\n']) || inner.contains('{') && !holes)
        }
        _ => comment(word, start, end, text),
    }
}

fn modifier(word: &str, start: usize, end: usize, text: &str) -> Idiom {
    let next = words::token(text, end);
    let public_anyway = matches!(next, "workflow" | "activity" | "schedule" | "async" | "error");
    match word {
        "async" => Idiom::new(
            "nothing is marked `async` here",
            "a call that waits just waits; what may wait is the kind of declaration",
        )
        .edit("remove `async`", start, end, ""),
        "export" | "public" if !public_anyway => swap(word, "JavaScript or Java", "pub", start, start + word.len()),
        "export" | "public" => Idiom::new(format!("`{next}` is public without `{word}`"), format!("remove `{word}`"))
            .edit(format!("remove `{word}`"), start, end, ""),
        _ => Idiom::new(format!("there is no `{word}` here"), "what is not `pub` is private to its file").edit(
            format!("remove `{word}`"),
            start,
            end,
            "",
        ),
    }
}

fn infix(word: &str, start: usize, end: usize) -> Idiom {
    match word {
        "===" => swap(word, "JavaScript", "==", start, end),
        "!==" => swap(word, "JavaScript", "!=", start, end),
        "and" => swap(word, "Python", "&&", start, end),
        "or" => swap(word, "Python", "||", start, end),
        "is" => swap(word, "Python", "==", start, end),
        _ => swap(word, "Python", "!=", start, end),
    }
}

fn comment(word: &str, start: usize, end: usize, text: &str) -> Idiom {
    let help = "a comment runs from `//` to the end of its line; `///` documents a declaration";
    if word.starts_with('#') {
        return Idiom::new("comments begin with `//`", help).edit("replace `#` with `//`", start, start + 1, "//");
    }
    let inner = word.strip_prefix("/*").unwrap_or(word);
    let inner = inner.strip_suffix("*/").unwrap_or(inner);
    let mut lines = Vec::new();
    for line in inner.lines() {
        let line = line.trim().trim_start_matches('*').trim();
        lines.push(if line.is_empty() { "//".to_owned() } else { format!("// {line}") });
    }
    let alone = text[end..].trim_start_matches([' ', '\t', '\r']);
    Idiom::new("comments begin with `//`", help)
        .edit("make every line a `//` comment", start, end, lines.join("\n"))
        .unsafe_if(!(alone.is_empty() || alone.starts_with('\n')))
}

/// What was written where something is missing, if it is a known idiom.
pub(super) fn instead_of(marker: Marker, parent: Rule, found_at: usize, text: &str) -> Option<Idiom> {
    let found = words::token(text, found_at);
    match (marker, found) {
        (Marker::Block | Marker::Body, ":") => {
            Some(Idiom::new("blocks stand in braces, not after `:`", "write `{`, the statements, and `}`"))
        }
        (Marker::Decl, "workflow" | "activity" | "schedule") if parent == Rule::item => {
            let from = text[..found_at].rfind("pub")?;
            Some(Idiom::new(format!("`{found}` is public without `pub`"), "remove `pub`").edit(
                "remove `pub`",
                from,
                found_at,
                "",
            ))
        }
        (Marker::Until, _) if words::is_digit(text, found_at) => Some(Idiom::new(
            "`wait` waits for a condition; time passes with `sleep`",
            "write `sleep 5s`, or `wait until ready timeout 5s`",
        )),
        (Marker::Operand, _) if text[..found_at].trim_end().ends_with("!") => Some(Idiom::new(
            "a value that may be none is not taken with `!`",
            "write `x ?? default`, or `if let y = x { .. }`",
        )),
        (Marker::Operand, "*") => Some(Idiom::new("`**` is Python; here it is `.pow(n)`", "write `x.pow(2)`")),
        _ => None,
    }
}

/// `-1` before what is left of an arm: it was read as a subtraction from the value of the arm before.
pub(super) fn arm_before(rule: Rule, start: usize, places: &mut Places<'_>) -> Option<Diagnostic> {
    let text = places.text;
    if rule != Rule::junk_case || !matches!(words::token(text, start), "=>" | "|" | "as") {
        return None;
    }
    let end = places.trim(start, 0);
    let number = text[..end].rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'))?;
    let digits = &text[number + 1..end];
    if !text[number..].starts_with('-') || !words::is_digit(text, number + 1) || !words::is_number(digits) {
        return None;
    }
    let before = places.trim(number, 0);
    Some(
        Diagnostic::error(
            "WF0001",
            places.span(number, end),
            format!("`-{digits}` is read as a part of the arm before"),
        )
        .label("subtracted from its value")
        .why("line breaks are free: what begins with `-` goes on with what stands before it")
        .help(format!("put a `,` before `-{digits}`"))
        .fix(Fix {
            title: "insert `,`".to_owned(),
            edits: vec![(places.span(before, before), ",".to_owned())],
            safe: true,
        }),
    )
}

/// Whether an expression goes on with what begins at `at`: an operator, a call, a field, a word that belongs to it.
pub(super) fn goes_on(text: &str, at: usize) -> bool {
    let token = words::token(text, at);
    let word = token.starts_with(|c: char| c.is_alphabetic());
    let belongs = ["in", "catch", "with", "undo", "else", "timeout", "as", "and", "or", "is"].contains(&token);
    if word {
        belongs
    } else {
        !(token.is_empty() || token == "//" || token.starts_with(['}', '"', '_']) || words::is_digit(text, at))
    }
}

/// Tokens that fit nowhere, if they are a known idiom.
pub(super) fn junk(rule: Rule, start: usize, text: &str) -> Option<Idiom> {
    let found = words::token(text, start);
    let end = start + found.len();
    if matches!(found, "&" | "|" | "^" | "~" | "<<" | ">>") {
        let help = "`&&` is and, `||` is or; sets have `union` and `intersect`";
        return Some(Idiom::new(format!("there is no `{found}`: numbers have no bits here"), help));
    }
    if rule == Rule::junk_item {
        return match found {
            "let" | "var" | "val" => Some(
                Idiom::new("outside of a block a value is declared with `const`", "write `const name = value`")
                    .edit("replace with `const`", start, end, "const")
                    .unsafe_if(true),
            ),
            ";" => Some(Idiom::new("a declaration needs no `;`", "remove it").edit("remove `;`", start, end, "")),
            "class" | "struct" | "interface" => Some(Idiom::new(
                format!("there is no `{found}` here"),
                "data is a `record Name { field: Type }`; what works on it is a `fn`",
            )),
            "from" | "use" | "require" | "include" | "using" => Some(Idiom::new(
                format!("`{found}` is not how a module is imported"),
                "write `import shop.billing { charge, refund }`",
            )),
            "package" | "module" | "namespace" | "mod" => Some(Idiom::new(
                "a file is a module without saying so",
                "remove the line; the path of the file is the name of the module",
            )),
            "trait" | "impl" | "protocol" => Some(Idiom::new(
                format!("there is no `{found}` here"),
                "data are `record`s and `enum`s; what works on them is a `fn`",
            )),
            "if" | "for" | "while" | "match" | "return" | "sleep" | "await" | "parallel" | "try" => Some(Idiom::new(
                "a statement cannot stand outside of a body",
                "put it into a `workflow`, `flow` or `fn`",
            )),
            _ => None,
        };
    }
    match found {
        "?" => Some(Idiom::new("there is no `? :` here", "write `if ready { a } else { b }`; it has a value")),
        "->" => Some(swap(found, "another language's arrow", "=>", start, end)),
        "::" => Some(swap(found, "Rust", ".", start, end)),
        ":" if rule == Rule::junk_stmt => Some(Idiom::new(
            "nothing stands after `:` here",
            "blocks stand in braces; a type stands after the name of a `let`",
        )),
        "<>" => Some(swap(found, "SQL", "!=", start, end)),
        "$" => Some(Idiom::new("names have no `$`", "write the name alone")),
        _ => None,
    }
}

/// A word that is a statement elsewhere, alone before something else on its line.
pub(in crate::syntax) fn word(found: &str) -> Option<&'static str> {
    Some(match found {
        "switch" | "case" | "when" => "write `match value { Pattern => .. }`",
        "raise" => "write `throw Error(..)`",
        "unless" => "write `if !condition { .. }`",
        "do" => "write `while condition { .. }`",
        "yield" => "return values from a `flow`, or assign to a `state`",
        "print" | "println" | "echo" | "puts" => "write `log.info(\"text\")`",
        "del" | "delete" => "collections are values: assign `map.remove(key)`",
        "function" | "func" | "def" | "fun" => "declare a `fn` at the top of the file",
        "const" | "mut" | "val" => "write `let name = value`",
        "state" | "indexed" | "pub" => "`state` stands directly in the body of a workflow",
        "foreach" | "loop" => "write `for item in list { .. }` or `while true { .. }`",
        "then" => "write `if condition { .. }`",
        "goto" | "jump" => "there are loops, `match` and functions",
        "export" | "import" | "type" | "error" => "declarations stand at the top of the file",
        "async" | "go" | "fork" => "write `parallel { a(), b() }`",
        "finally" => "write it behind the `try`, and in `catch e { .. throw e }` for failures that go on",
        _ => return None,
    })
}
