//! How a command ends: the exit codes scripts rely on, and what is said when it could not do its work.

use std::ops::Deref;

use serde_json::Value;
use weft_protocol::api::ApiError;

/// Exit codes. Their numbers are a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The workflow ended otherwise than completed, or is stuck.
    EndedOtherwise = 1,
    /// The command was used wrongly.
    Usage = 2,
    /// The program has errors.
    Program = 3,
    /// The server cannot be reached.
    Unreachable = 4,
    /// Not found or refused.
    Refused = 5,
    /// The wait ended before the run did.
    WaitEnded = 6,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not do its work: what failed, why, and what to do next.
#[derive(Debug)]
pub(crate) struct Failed(Box<Words>);

/// The words of a [`Failed`].
#[derive(Debug)]
pub(crate) struct Words {
    /// The code to exit with.
    pub(crate) exit: Exit,
    /// Names the kind of failure for programs, snake_case.
    pub(crate) code: String,
    /// One line. Empty if all has been said already.
    pub(crate) what: String,
    /// The reason, where `what` does not hold it.
    pub(crate) why: Option<String>,
    /// What to do next.
    pub(crate) help: Option<String>,
    /// Path of the wrong field, for programs.
    pub(crate) path: Option<String>,
    /// What programs may want to know besides.
    pub(crate) details: Option<Box<Value>>,
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failed>;

impl Deref for Failed {
    type Target = Words;

    fn deref(&self) -> &Words {
        &self.0
    }
}

impl Failed {
    /// A failure with its code and one line.
    pub(crate) fn new(exit: Exit, code: &str, what: impl Into<String>) -> Failed {
        let (code, what) = (code.into(), what.into());
        let words = Words { exit, code, what, why: None, help: None, path: None, details: None };
        Failed(Box::new(words))
    }

    /// The command was used wrongly.
    pub(crate) fn usage(what: impl Into<String>) -> Failed {
        Failed::new(Exit::Usage, "usage", what)
    }

    /// A file or folder could not be read or written.
    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Failed {
        Failed::new(Exit::Refused, "io", what).why(error.to_string())
    }

    /// Ends the command with a code and no further word.
    pub(crate) fn silent(exit: Exit) -> Failed {
        Failed::new(exit, "silent", "")
    }

    /// With the reason.
    pub(crate) fn why(mut self, why: impl Into<String>) -> Failed {
        self.0.why = Some(why.into());
        self
    }

    /// With the path of the wrong field.
    pub(crate) fn at(mut self, path: impl Into<String>) -> Failed {
        self.0.path = Some(path.into());
        self
    }

    /// With what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Failed {
        self.0.help = Some(help.into());
        self
    }
}

/// The code of an [`ApiError`] that the client makes itself when nobody answers.
pub(crate) const UNREACHABLE: &str = "unreachable";

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Failed {
        let exit = match error.status {
            _ if error.code == UNREACHABLE => Exit::Unreachable,
            502..=504 => Exit::Unreachable,
            // What was typed has the wrong type, whoever found out.
            _ if matches!(error.code.as_str(), "wrong_input" | "wrong_parameter") => Exit::Usage,
            _ => Exit::Refused,
        };
        let why = match (&error.path, &error.expected) {
            (Some(path), Some(expected)) if !path.is_empty() => Some(format!("at `{path}`: expected {expected}")),
            (Some(path), None) if !path.is_empty() => Some(format!("at `{path}`")),
            (_, Some(expected)) => Some(format!("expected {expected}")),
            _ => None,
        };
        let (code, what, help, path, details) = (error.code, error.message, error.help, error.path, error.details);
        Failed(Box::new(Words { exit, code, what, why, help, path, details }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_promised_ones() {
        let codes = [
            Exit::Done,
            Exit::EndedOtherwise,
            Exit::Usage,
            Exit::Program,
            Exit::Unreachable,
            Exit::Refused,
            Exit::WaitEnded,
            Exit::Interrupted,
        ]
        .map(|e| e as u8);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn refusals_name_the_wrong_field() {
        let error = ApiError::new(422, "wrong_input", "the arguments do not fit").at("amount", "Decimal");
        let failed = Failed::from(error);
        assert_eq!(failed.exit, Exit::Usage, "a wrong argument is wrong usage, whoever found out");
        assert_eq!(failed.why.as_deref(), Some("at `amount`: expected Decimal"));
    }
}
