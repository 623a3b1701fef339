//! Diagnostics on their way to the terminal or, one object a line, to a program.

use serde_json::{Value, json};
use weft_compiler::{Diagnostic, Project, Severity, Span};

use crate::exit::Failed;
use crate::output::{Output, style};

/// Shows diagnostics: for people on stderr, with `--json` on stdout.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn show(out: &Output, project: &Project, diagnostics: &[Diagnostic]) -> Result<(), Failed> {
    for diagnostic in diagnostics {
        if out.json {
            out.value(&object(project, diagnostic))?;
        } else {
            out.say(&text(out, project, diagnostic));
        }
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    if errors > 0 && !out.json {
        let words = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
        out.say(&out.paint(&words, style::ERROR));
    }
    Ok(())
}

fn text(out: &Output, project: &Project, diagnostic: &Diagnostic) -> String {
    let (word, color) = match diagnostic.severity {
        Severity::Error => ("error", style::ERROR),
        Severity::Warning => ("warning", style::WARN),
    };
    let mut text = format!("{}: {}", out.paint(&format!("{word}[{}]", diagnostic.code), color), diagnostic.message);
    text.push_str(&format!("\n  --> {} {}", place(project, diagnostic.span), diagnostic.label));
    for (name, words) in [("why", &diagnostic.why), ("help", &diagnostic.help)] {
        if let Some(words) = words {
            text.push_str(&format!("\n  = {name}: {words}"));
        }
    }
    text
}

fn place(project: &Project, span: Span) -> String {
    let Some(source) = project.sources.get(usize::from(span.file.0)) else { return String::from("?") };
    let before = &source.text[..source.text.floor_char_boundary(span.start as usize)];
    let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |l| l.chars().count());
    format!("{}:{line}:{column}", source.path)
}

fn object(project: &Project, diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code, "severity": format!("{:?}", diagnostic.severity).to_lowercase(),
        "message": diagnostic.message, "place": place(project, diagnostic.span), "label": diagnostic.label,
        "why": diagnostic.why, "help": diagnostic.help,
    })
}
