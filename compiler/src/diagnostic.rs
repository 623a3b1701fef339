//! What the compiler tells the author: code, place, what, why and what to do.

mod explain;
mod report;

pub use explain::{explain, pages};
pub use report::{Report, Sources};

use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program cannot be compiled.
    Error,
    /// It can, but probably does not mean what it says.
    Warning,
}

/// A replacement that mends the mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for a menu: ``replace with `else if` ``.
    pub title: String,
    /// Replacements, not overlapping.
    pub edits: Vec<(Span, String)>,
    /// Whether it can be applied without a person looking.
    pub safe: bool,
}

/// One mistake. Rendered by the cli through miette, as JSON, and by editors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// `WF1001`; empty for what is no mistake of a kind, as the failure of a test.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One line, no full stop.
    pub message: String,
    /// The place.
    pub span: Span,
    /// What is said at the place; may be empty.
    pub label: String,
    /// Further places with their words.
    pub related: Vec<(Span, String)>,
    /// Why it is a mistake.
    pub why: Option<String>,
    /// What to do, with an example where one helps.
    pub help: Option<String>,
    /// Machine-applicable edits.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            why: None,
            help: None,
            fix: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
    }

    /// With words at the place.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.label = text.into();
        self
    }

    /// With a second place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.related.push((span, text.into()));
        self
    }

    /// With the reason.
    pub fn why(mut self, text: impl Into<String>) -> Diagnostic {
        self.why = Some(text.into());
        self
    }

    /// With what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// With an edit.
    pub fn fix(mut self, fix: Fix) -> Diagnostic {
        self.fix = Some(fix);
        self
    }
}
