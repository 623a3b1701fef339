//! Diagnostics on their way to the terminal, through miette, or one object a line to a program.

use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::json;
use weft_compiler::diagnostic::Sources;
use weft_compiler::{Diagnostic, Project, Severity};

use crate::compile::Stream;
use crate::exit::Failed;
use crate::output::{Output, style};
use crate::view::counted;

/// Columns of a diagnostic where the terminal does not say how many there are.
const WIDTH: usize = 100;
/// Diagnostics that a person is shown at once.
const SHOWN_MAX: usize = 1_000;

/// Shows diagnostics: for people on stderr, with `--json` as data or as talk.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn show(out: &Output, project: &Project, diagnostics: &[Diagnostic], stream: Stream) -> Result<(), Failed> {
    if diagnostics.is_empty() {
        return Ok(());
    }
    let sources = Sources::new(&project.sources);
    if out.json {
        return diagnostics.iter().map(|diagnostic| sources.json(diagnostic)).try_for_each(|object| match stream {
            Stream::Data => out.value(&object),
            Stream::Talk => {
                out.tell("", || json!({ "diagnostic": object }));
                Ok(())
            }
        });
    }
    // Errors come first where not all can be shown: warnings hold nothing back.
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let (errors_shown, warnings_shown) = (errors.min(SHOWN_MAX), SHOWN_MAX.saturating_sub(errors));
    let mut left = [errors_shown, warnings_shown];
    for diagnostic in diagnostics {
        let left = &mut left[usize::from(diagnostic.severity == Severity::Warning)];
        if *left > 0 {
            *left -= 1;
            out.say(&rendered(out, &sources, diagnostic));
        }
    }
    if diagnostics.len() > SHOWN_MAX {
        let more = diagnostics.len() - SHOWN_MAX;
        out.say(&format!("… and {more} more; `--json` lists all"));
    }
    out.say(&summary(out, diagnostics));
    Ok(())
}

/// Shows one to a person, without a word about how many there are.
pub(crate) fn show_one(out: &Output, project: &Project, diagnostic: &Diagnostic) {
    out.say(&rendered(out, &Sources::new(&project.sources), diagnostic));
}

fn rendered(out: &Output, sources: &Sources<'_>, diagnostic: &Diagnostic) -> String {
    let theme = if out.color_err { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(WIDTH, |(w, _)| w.0.into());
    let report = sources.report(diagnostic);
    let mut handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    if let Some(footer) = report.footer() {
        handler = handler.with_footer(footer);
    }
    let mut text = String::new();
    match handler.render_report(&mut text, &report) {
        Ok(()) => text,
        // Its words matter more than its frame.
        Err(_) => sources.plain(diagnostic),
    }
}

fn summary(out: &Output, diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(out.paint(&counted(errors, "error"), style::ERROR));
    }
    if diagnostics.len() > errors {
        parts.push(out.paint(&counted(diagnostics.len() - errors, "warning"), style::WARN));
    }
    format!("{}; `weft explain {}` tells more", parts.join(", "), diagnostics[0].code)
}
