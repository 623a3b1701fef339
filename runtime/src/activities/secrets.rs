//! `secret("X")`: read from `WEFT_SECRET_X` where the activity runs, per attempt, and kept out of every message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where secrets come from. `secret("X")` never reads a variable that does not begin with the prefix.
#[derive(Clone, Default)]
pub enum Secrets {
    /// Variables `WEFT_SECRET_<NAME>` of this process.
    #[default]
    Environment,
    /// Given by the embedder, by name.
    Given(Arc<HashMap<String, String>>),
}

// Values never reach a log, not even by accident.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Secrets::Environment => "Environment",
            Secrets::Given(_) => "Given(..)",
        })
    }
}

impl Secrets {
    fn read(&self, name: &str) -> Option<String> {
        match self {
            Secrets::Environment => std::env::var(variable(name)).ok(),
            Secrets::Given(values) => values.get(name).cloned(),
        }
    }
}

/// The variable a secret is read from.
pub(crate) fn variable(name: &str) -> String {
    format!("WEFT_SECRET_{name}")
}

/// The secrets that one attempt has read, to be blotted out of what it reports.
#[derive(Default)]
pub(crate) struct Used(Mutex<Vec<String>>);

impl Used {
    /// Reads a secret; `None` if its variable is not set.
    pub(crate) fn read(&self, secrets: &Secrets, name: &str) -> Option<String> {
        let value = secrets.read(name)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value.clone());
        Some(value)
    }

    /// The text without the values of secrets, as services like to echo what they refuse.
    pub(crate) fn redact(&self, text: String) -> String {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut redacted = text;
        for value in values.iter().filter(|value| !value.is_empty()) {
            if redacted.contains(value.as_str()) {
                redacted = redacted.replace(value.as_str(), "***");
            }
        }
        redacted
    }
}
