//! What a server says about itself: structured lines on stderr, so that stdout stays data.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What a server logs unless something says otherwise: the news of this process, and of the database driver only trouble.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// The variable that says what is logged: `WEFT_LOG=debug`, `WEFT_LOG=info,weft_runtime::http=debug`.
pub const LOG_VARIABLE: &str = "WEFT_LOG";

/// What lines are called that programs write with `log`.
pub const WORKFLOW_LOG: &str = "weft::workflow";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people, in color on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter {0:?} cannot be read: {1}; an example is `info,weft_runtime::http=debug`")]
    Filter(String, ParseError),
    /// Something else took the process's only place for it.
    #[error("logging was set up twice")]
    Twice,
}

/// Sets logging up for the whole process. What is logged says `WEFT_LOG`, else `usual`.
///
/// # Errors
/// If the filter cannot be read, or logging has been set up before.
pub fn init(format: LogFormat, usual: &str) -> Result<(), TelemetryError> {
    let from_environment = std::env::var(LOG_VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = read_filter(from_environment.as_deref().unwrap_or(usual))?;
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    let set = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    set.map_err(|_| TelemetryError::Twice)
}

fn read_filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder().parse(text).map_err(|error| TelemetryError::Filter(text.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused_with_an_example() {
        for good in [DEFAULT_FILTER, "off", "weft_runtime::http=trace"] {
            assert!(read_filter(good).is_ok(), "{good}");
        }
        let error = read_filter("weft=loud").unwrap_err().to_string();
        assert!(error.contains("weft=loud") && error.contains("an example is"), "{error}");
    }
}
