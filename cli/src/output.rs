//! Data on stdout, talk on stderr. A closed pipe ends the command with success: whoever read had enough.

use std::io::{ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::exit::{Exit, Failed};
use crate::view::safe::{guarded, safe, safe_line};

/// When to color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    // On a terminal, unless `NO_COLOR` is set.
    Auto,
    // Also into files and pipes.
    Always,
    // Nowhere.
    Never,
}

/// How to talk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Answers as JSON.
    pub(crate) json: bool,
    /// Color on stdout.
    pub(crate) color_out: bool,
    /// Color on stderr.
    pub(crate) color_err: bool,
    /// Whether stderr is a terminal that can be redrawn.
    pub(crate) live: bool,
}

/// Styles by meaning.
pub(crate) mod style {
    use super::*;

    pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default();
    pub(crate) const DIM: Style = Style::new().dimmed();
    pub(crate) const STRONG: Style = Style::new().bold();
}

impl Output {
    /// Settles color and redrawing once, by the flags and what the streams are.
    pub(crate) fn new(json: bool, color: Color) -> Output {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !set("NO_COLOR") && !dumb,
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Output { json, color_out: wanted(out), color_err: wanted(err), live: err && !dumb && !json }
    }

    /// Writes data for people to stdout.
    ///
    /// # Errors
    /// Ends the command quietly and well if the reader is gone; says so if stdout cannot be written.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failed> {
        self.write(&guarded(text, self.color_out))
    }

    fn write(&self, text: &str) -> Result<(), Failed> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failed::silent(Exit::Done),
            _ => Failed::io("cannot write to stdout", &error),
        })
    }

    /// Writes one line of data.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub(crate) fn line(&self, text: &str) -> Result<(), Failed> {
        self.data(&format!("{text}\n"))
    }

    /// Writes a JSON value on one line.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub(crate) fn value<T: serde::Serialize>(&self, value: &T) -> Result<(), Failed> {
        let text = serde_json::to_string(value)
            .map_err(|e| Failed::new(Exit::Refused, "output", "cannot write the answer as JSON").why(e.to_string()))?;
        self.write(&format!("{text}\n"))
    }

    /// Says something to the person at the terminal; nobody listening is no failure.
    pub(crate) fn say(&self, text: &str) {
        self.err(&guarded(text, self.color_err));
    }

    /// Says something to the person at the terminal, or the same to the program that asked for JSON: an object on one
    /// line of stderr.
    pub(crate) fn tell(&self, text: &str, object: impl FnOnce() -> Value) {
        match self.json {
            true => self.err(&object().to_string()),
            false => self.say(text),
        }
    }

    /// Says something that a person should know before going on; to programs as `{"note": {"code", "message", …}}`.
    pub(crate) fn note(&self, code: &str, text: &str, more: Value) {
        self.tell(&format!("{}: {}", self.paint("note", style::NOTE), safe_line(text)), || {
            let mut note = json!({ "code": code, "message": text });
            if let (Some(note), Value::Object(more)) = (note.as_object_mut(), more) {
                note.extend(more);
            }
            json!({ "note": note })
        });
    }

    fn err(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(format!("{text}\n").as_bytes());
    }

    /// Says what failed, why, and what to do next.
    pub(crate) fn failed(&self, failed: &Failed) {
        if failed.what.is_empty() {
            return;
        }
        if self.json {
            let mut error = json!({
                "code": failed.code, "message": failed.what, "why": failed.why, "path": failed.path,
                "help": failed.help, "exit": failed.exit as u8,
            });
            if let Some(details) = &failed.details {
                error["details"] = (**details).clone();
            }
            self.err(&json!({ "error": error }).to_string());
            return;
        }
        let mut text = format!("{}: {}", self.paint("error", style::ERROR), safe_line(&failed.what));
        for (name, words) in [("why", &failed.why), ("help", &failed.help)] {
            if let Some(words) = words {
                let indent = " ".repeat(name.len() + 4);
                let words = safe(words.trim_end()).replace('\n', &format!("\n{indent}"));
                text.push_str(&format!("\n  {}: {words}", self.paint(name, style::NOTE)));
            }
        }
        self.say(&text);
    }

    /// Colors a word for stderr.
    pub(crate) fn paint(&self, text: &str, style: Style) -> String {
        paint(text, style, self.color_err)
    }

    /// Colors a word for stdout.
    pub(crate) fn paint_out(&self, text: &str, style: Style) -> String {
        paint(text, style, self.color_out)
    }
}

fn paint(text: &str, style: Style, color: bool) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
