//! Refusals and failures.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A refusal or failure, as problem+json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// snake_case.
    pub code: String,
    /// For people.
    pub message: String,
    /// Path of the wrong field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What was expected there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What programs may want to know besides, by `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
}

impl ApiError {
    /// An error with its status, code and message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            code: code.into(),
            message: message.into(),
            path: None,
            expected: None,
            help: None,
            details: None,
        }
    }

    /// With what programs may want to know besides.
    pub fn details(mut self, details: Value) -> ApiError {
        self.details = Some(Box::new(details));
        self
    }

    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> ApiError {
        self.help = Some(help.into());
        self
    }

    /// With the wrong field and what was expected there.
    pub fn at(mut self, path: impl Into<String>, expected: impl Into<String>) -> ApiError {
        self.path = Some(path.into());
        self.expected = Some(expected.into());
        self
    }
}
