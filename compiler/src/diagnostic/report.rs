//! A diagnostic with the sources it talks about: for miette's renderers, as plain text, as JSON. Nothing is printed
//! here; the cli and the editor do that.

use std::fmt::{self, Display, Write};
use std::ops::Range;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde_json::{Value, json};

use super::{Diagnostic, Severity};
use crate::source::{Lines, Source, Span};

/// The files of a project with the places of their lines, for telling diagnostics.
#[derive(Debug)]
pub struct Sources<'p> {
    files: Vec<File<'p>>,
}

#[derive(Debug)]
struct File<'p> {
    source: &'p Source,
    lines: Lines,
}

impl<'p> Sources<'p> {
    /// Indexes the lines of each file once.
    pub fn new(sources: &'p [Source]) -> Sources<'p> {
        Sources { files: sources.iter().map(|source| File { source, lines: Lines::new(&source.text) }).collect() }
    }

    /// The diagnostic as miette's renderers take it.
    pub fn report<'s>(&'s self, diagnostic: &'s Diagnostic) -> Report<'s> {
        let file = self.file(diagnostic.span);
        let elsewhere = diagnostic.related.iter().filter(|(span, _)| span.file != diagnostic.span.file);
        let elsewhere = elsewhere.map(|(span, words)| Note { file: self.file(*span), span: *span, words }).collect();
        Report { diagnostic, file, elsewhere }
    }

    /// `orders.wf:14:25`, columns counted in characters; `None` if the file is not one of these.
    pub fn place(&self, span: Span) -> Option<String> {
        let file = self.file(span)?;
        let (line, column) = file.lines.position(&file.source.text, span.start as usize);
        Some(format!("{}:{line}:{column}", file.source.path))
    }

    /// The diagnostic as text without color, in the form of the language's guide.
    pub fn plain(&self, diagnostic: &Diagnostic) -> String {
        let code = if diagnostic.code.is_empty() { String::new() } else { format!("[{}]", diagnostic.code) };
        let mut out = format!("{}{code}: {}\n", severity(diagnostic.severity), diagnostic.message);
        let width = self.number_width(diagnostic);
        self.snippet(diagnostic.span, &diagnostic.label, width, &mut out);
        for (span, words) in &diagnostic.related {
            self.snippet(*span, words, width, &mut out);
        }
        for (title, words) in [("why", &diagnostic.why), ("help", &diagnostic.help)] {
            if let Some(words) = words {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{:width$} = {title}: {}", "", words.replace('\n', "\n      "));
            }
        }
        if let Some(fix) = &diagnostic.fix {
            let doubt = if fix.safe { "" } else { " (check it first)" };
            let _ = writeln!(out, "{:width$} = fix: {}{doubt}", "", fix.title);
        }
        out
    }

    /// The diagnostic as an object for programs. Lines and columns count from 1, columns in characters.
    pub fn json(&self, diagnostic: &Diagnostic) -> Value {
        let mut object = self.range(diagnostic.span);
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        let code = Some(diagnostic.code).filter(|code| !code.is_empty());
        put("code", json!(code));
        put("severity", severity(diagnostic.severity).into());
        put("message", diagnostic.message.as_str().into());
        put("label", diagnostic.label.as_str().into());
        put("why", json!(diagnostic.why));
        put("help", json!(diagnostic.help));
        put("related", diagnostic.related.iter().map(|(span, words)| self.edit(*span, "message", words)).collect());
        let fix = diagnostic.fix.as_ref().map(|fix| {
            let edits: Vec<Value> = fix.edits.iter().map(|(span, text)| self.edit(*span, "text", text)).collect();
            json!({ "title": fix.title, "safe": fix.safe, "edits": edits })
        });
        put("fix", json!(fix));
        put("url", json!(code.map(url)));
        Value::Object(object)
    }

    fn edit(&self, span: Span, key: &str, text: &str) -> Value {
        let mut object = self.range(span);
        object.insert(key.to_owned(), text.into());
        Value::Object(object)
    }

    fn range(&self, span: Span) -> serde_json::Map<String, Value> {
        let mut object = serde_json::Map::new();
        let Some(file) = self.file(span) else { return object };
        let (line, column) = file.lines.position(&file.source.text, span.start as usize);
        let (end_line, end_column) = file.lines.position(&file.source.text, span.end as usize);
        object.insert("file".to_owned(), file.source.path.as_str().into());
        for (key, number) in [("line", line), ("column", column), ("end_line", end_line), ("end_column", end_column)] {
            object.insert(key.to_owned(), number.into());
        }
        object
    }

    fn file(&self, span: Span) -> Option<&File<'p>> {
        self.files.get(usize::from(span.file.0))
    }

    fn number_width(&self, diagnostic: &Diagnostic) -> usize {
        let spans = std::iter::once(diagnostic.span).chain(diagnostic.related.iter().map(|r| r.0));
        let lines = spans.filter_map(|s| {
            let file = self.file(s)?;
            Some(file.lines.position(&file.source.text, s.start as usize).0)
        });
        lines.max().unwrap_or(1).to_string().len()
    }

    /// The line of a place with what is to say about it below.
    fn snippet(&self, span: Span, words: &str, width: usize, out: &mut String) {
        let Some(file) = self.file(span) else { return };
        let text = &file.source.text;
        let (line, column) = file.lines.position(text, span.start as usize);
        let content = file.lines.line(text, line);
        let (end_line, end_column) = file.lines.position(text, span.end as usize);
        let last = if end_line == line { end_column } else { content.chars().count() + 1 };
        let carets = "^".repeat(last.saturating_sub(column).max(1));
        // Tabs stay tabs, so that the carets stand below what they mean.
        let lead: String = content.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let _ = writeln!(out, "{:width$}--> {}:{line}:{column}", "", file.source.path);
        // What would turn the line for a reader (WF0013) takes one column, as it does in the file.
        let hidden = |c: char| c != '\t' && c != '\r' && crate::syntax::is_hidden(c);
        let content: String =
            content.chars().map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
        let _ = writeln!(out, "{line:width$} | {content}");
        let _ = writeln!(out, "{:width$} | {}", "", format!("{lead}{carets} {words}").trim_end());
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Where the page of a code is.
fn url(code: &str) -> String {
    format!("docs/errors/{code}.md")
}

/// One diagnostic with its sources; what miette's handlers render.
#[derive(Debug)]
pub struct Report<'s> {
    diagnostic: &'s Diagnostic,
    file: Option<&'s File<'s>>,
    elsewhere: Vec<Note<'s>>,
}

impl Report<'_> {
    /// What belongs below the rest: why, where there is no help that it could stand behind.
    pub fn footer(&self) -> Option<String> {
        let why = self.diagnostic.why.as_ref().filter(|_| self.diagnostic.help.is_none())?;
        Some(format!("why: {why}"))
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(self.diagnostic.code).filter(|code| !code.is_empty()).map(|code| Box::new(code) as Box<dyn Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    /// What to do, then why: miette has one place for both. A why alone is no help: see [`Report::footer`].
    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        match (&self.diagnostic.why, &self.diagnostic.help) {
            (Some(why), Some(help)) => Some(Box::new(format!("{help}\nwhy: {why}"))),
            (None, Some(help)) => Some(Box::new(help)),
            (_, None) => None,
        }
    }

    fn url<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let code = Some(self.diagnostic.code).filter(|code| !code.is_empty())?;
        Some(Box::new(url(code)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.file.map(|file| file as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = &self.diagnostic.label;
        let first = LabeledSpan::new_primary_with_span(
            Some(here.clone()).filter(|l| !l.is_empty()),
            shown(self.file, self.diagnostic.span),
        );
        let others = self.diagnostic.related.iter().filter(|(span, _)| span.file == self.diagnostic.span.file);
        let others =
            others.map(|(span, words)| LabeledSpan::new_with_span(Some(words.clone()), shown(self.file, *span)));
        Some(Box::new(std::iter::once(first).chain(others)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.elsewhere.is_empty() {
            return None;
        }
        Some(Box::new(self.elsewhere.iter().map(|note| note as &dyn miette::Diagnostic)))
    }
}

/// Words about a place in another file.
#[derive(Debug)]
struct Note<'s> {
    file: Option<&'s File<'s>>,
    span: Span,
    words: &'s str,
}

impl Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

impl std::error::Error for Note<'_> {}

impl miette::Diagnostic for Note<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.file.map(|file| file as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, shown(self.file, self.span)))))
    }
}

/// Bytes of a source line that are shown; of a longer one, what is around the place that is meant.
const LINE_BYTES_MAX: usize = 400;
/// Bytes shown to either side of a place in a longer line.
const LINE_BYTES_AROUND: usize = 60;
/// Lines between two places of one diagnostic that are shown with what is between them.
const JOINED_LINES_MAX: usize = 20;
/// Lines of a place that are shown; of a longer one, the first.
const PLACE_LINES_MAX: usize = 20;

impl SourceCode for File<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (text, start) = (self.source.text.as_str(), span.offset().min(self.source.text.len()));
        let end = (start + span.len()).min(text.len());
        // miette looks for lines from the beginning of what it is given: it gets no more than it needs.
        let (from, lines) = self.lines.above(text, start, before + 1);
        let alone = before == 0 && after == 0;
        let long = match alone {
            true => text[start..end].split('\n').any(|line| line.len() > LINE_BYTES_MAX),
            false => self.lines.longest(text, start, end, before, after) > LINE_BYTES_MAX,
        };
        let (part, count) = if long {
            let part = around(text, start, end, self.lines.around(text, start, end));
            (part.clone(), text[part].lines().count())
        } else if alone {
            (start..end, 1)
        } else {
            let inside = SourceSpan::new((span.offset() - from).into(), span.len());
            let inner = text[from..].read_span(&inside, before, after)?;
            let part = from + inner.span().offset()..from + inner.span().offset() + inner.span().len();
            // miette shows two places as one piece where the second begins before this count of lines is over.
            let shown = text[part.clone()].lines().count();
            (part, (lines + inner.line_count()).min(shown + JOINED_LINES_MAX))
        };
        let (line, column) = self.lines.position(text, part.start);
        let place = SourceSpan::new(part.start.into(), part.len());
        let data = &text.as_bytes()[part];
        let name = self.source.path.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, data, place, line - 1, column - 1, count)))
    }
}

/// The part of lines that is shown of a place in them, where they are too long to be shown.
fn around(text: &str, start: usize, end: usize, lines: Range<usize>) -> Range<usize> {
    // Both are between characters: going away from them, such a place is never more than three bytes off.
    let from = (lines.start.max(start.saturating_sub(LINE_BYTES_AROUND))..=start).find(|at| text.is_char_boundary(*at));
    let to = (end..=lines.end.min(end + LINE_BYTES_AROUND)).rev().find(|at| text.is_char_boundary(*at));
    from.unwrap_or(start)..to.unwrap_or(end)
}

/// What is shown of a place: all of it, or where it begins if it is too large.
fn shown(file: Option<&File<'_>>, span: Span) -> SourceSpan {
    let (start, mut end) = (span.start as usize, span.end.max(span.start) as usize);
    if let Some(file) = file {
        let text = file.source.text.as_str();
        end = file.lines.end_below(text, start, PLACE_LINES_MAX).min(end);
        if text.get(start..end).is_some_and(|place| place.split('\n').any(|line| line.len() > LINE_BYTES_MAX)) {
            end = (start..=start + LINE_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        }
    }
    SourceSpan::new(start.into(), end - start)
}
