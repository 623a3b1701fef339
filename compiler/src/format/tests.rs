//! What the formatter promises, on every program in the repository.

use std::path::{Path, PathBuf};

use super::format;
use crate::diagnostic::Severity;
use crate::source::FileId;
use crate::syntax;

/// Every program of the repository that parses: `.wf` files and the `wf` blocks of its pages.
fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["examples", "tests", "docs", "compiler"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str());
            let Some(ending @ ("wf" | "md")) = ending else { continue };
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let name = path.display().to_string();
            if ending == "wf" {
                found.push((name, text));
                continue;
            }
            for (number, block) in text.split("```wf").skip(1).enumerate() {
                let block = block.split_once('\n').map_or("", |(_, block)| block);
                let block = block.split("```").next().unwrap_or_default();
                found.push((format!("{name} block {number}"), block.to_owned()));
            }
        }
    }
    found.retain(|(_, text)| parses(text));
    assert!(found.len() > 200, "only {} programs were found", found.len());
    found.sort();
    found
}

fn parses(text: &str) -> bool {
    syntax::parse(FileId(0), text).1.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
}

/// The tree without its places.
fn tree(text: &str) -> String {
    let shown = format!("{:?}", syntax::parse(FileId(0), text).0.items);
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[rest.find('}').map_or(rest.len(), |end| end + 1)..];
    }
    out + rest
}

fn tokens(text: &str) -> Vec<&str> {
    let (tokens, errors) = syntax::tokens(FileId(0), text);
    assert_eq!(errors, [], "it parses");
    tokens.iter().map(|token| &text[token.start..token.end]).collect()
}

fn formatted(name: &str, text: &str) -> String {
    let formatted = format(FileId(0), text);
    assert_eq!(formatted.errors, [], "{name}");
    formatted.text
}

#[test]
fn the_same_program_in_the_one_layout() {
    for (name, text) in corpus() {
        let once = formatted(&name, &text);
        assert_eq!(tokens(&text), tokens(&once), "{name}: tokens and comments stay:\n{once}");
        assert_eq!(tree(&text), tree(&once), "{name}: the tree stays:\n{once}");
        assert_eq!(once, formatted(&name, &once), "{name}: twice is once");
        assert!(once.lines().all(|line| line.trim_end() == line || line.contains('"')), "{name}:\n{once}");
    }
}

/// Spaces of a line are not the author's: any other give the same text.
#[test]
fn spaces_and_indentation_do_not_matter() {
    for (name, text) in corpus() {
        let once = formatted(&name, &text);
        let mut wild = String::new();
        let mut seed = 7_u32;
        for token in syntax::tokens(FileId(0), &once).0 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let spaces = (seed >> 29) as usize;
            let apart = wild.ends_with(|c: char| !c.is_whitespace()) && once[..token.start].ends_with(' ');
            match token.lines_before {
                // A declaration begins in the first column.
                lines @ 1.. => {
                    let first_column = once[..token.start].ends_with('\n');
                    wild.extend(std::iter::repeat_n('\n', if lines > 1 { lines + spaces / 2 } else { 1 }));
                    wild.extend(std::iter::repeat_n(' ', if first_column { 0 } else { 1 + spaces }));
                }
                0 if apart => wild.extend(std::iter::repeat_n(' ', 1 + spaces)),
                _ => {}
            }
            wild.push_str(&once[token.start..token.end]);
        }
        assert_eq!(once, formatted(&name, &wild), "{name}, from:\n{wild}");
    }
}

#[test]
fn a_layout_for_everything() {
    let wild = "record  Line{id:String,n :Int?=none}\n\n\n\nactivity pack( lines:List< Line > ,fast:Bool=false )->String with{queue:\"q\",timeout:30s}\n// about it\nworkflow w (id:String)\n-> Int\n  with {id:\"w-{id}\"}{\n\n      var n=-1 // so far\n   let xs=[ 1,2 , 3 ].map( x=>x+ 1 )\n      .filter(x => x>2)\n if n<0&&!( n==3 ){n+=1}else{\n n=n - 1\n\n }\n\n\n let total = n +\n n\n match n{ 1|2=>0\n _ => 1 }\n for i in 0 .. 3{}\n return {\"a\":1}[\"a\"]??0\n}\n";
    let neat = "record Line { id: String, n: Int? = none }\n\nactivity pack(lines: List<Line>, fast: Bool = false) -> String with { queue: \"q\", timeout: 30s }\n// about it\nworkflow w(id: String)\n  -> Int\n  with { id: \"w-{id}\" } {\n\n  var n = -1  // so far\n  let xs = [1, 2, 3].map(x => x + 1)\n    .filter(x => x > 2)\n  if n < 0 && !(n == 3) { n += 1 } else {\n    n = n - 1\n  }\n\n  let total = n +\n    n\n  match n { 1 | 2 => 0\n    _ => 1 }\n  for i in 0..3 {}\n  return { \"a\": 1 }[\"a\"] ?? 0\n}\n";
    let wild = wild.replace("return {\"a\":1}[\"a\"]", "return [\"a\":1][\"a\"]");
    let neat = neat.replace("return { \"a\": 1 }[\"a\"]", "return [\"a\": 1][\"a\"]").replace("{\n\n  var", "{\n  var");
    assert_eq!(formatted("wild", &wild), neat);
}

#[test]
fn what_cannot_be_read_stays_and_the_rest_is_laid_out() {
    let wild = "// top\nfn  a( )->Int=1\n\n\n\nworkflow w() {\n     let x   =\n } // why\n  // after\n\n\nrecord R{a:Int}\nfn b(\n";
    let neat = "// top\nfn a() -> Int = 1\n\nworkflow w() {\n     let x   =\n } // why\n  // after\n\nrecord R { a: Int }\nfn b(\n";
    let formatted = format(FileId(0), wild);
    assert_eq!(formatted.text, neat);
    assert!(formatted.errors.len() >= 2 && formatted.errors.iter().all(|e| e.code.starts_with("WF0")));
    assert_eq!(format(FileId(0), neat).text, neat);
    assert_eq!(format(FileId(0), "").text, "");
}

/// Half-typed programs: declarations above the one that is typed are laid out, and twice is once.
#[test]
fn every_half_of_a_program_has_a_layout() {
    let mut halves = 0;
    for (name, text) in corpus() {
        if !name.contains("examples") && !name.contains("compiler/tests/programs") {
            continue;
        }
        for (end, _) in text.char_indices().filter(|(at, _)| at % 7 == 0) {
            let once = format(FileId(0), &text[..end]);
            let twice = format(FileId(0), &once.text);
            assert_eq!(once.text, twice.text, "{name} to {end}");
            assert_eq!(once.errors.len(), twice.errors.len(), "{name} to {end}");
            halves += 1;
        }
    }
    assert!(halves > 1_000, "only {halves}");
}
