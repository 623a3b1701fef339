//! `secret("X")`: read from `WEFT_SECRET_X` where the activity runs, per attempt, and kept out of every message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use weft_protocol::Payload;

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

    /// The payload without the values of secrets, in whatever way they are written in it.
    pub(crate) fn redact_payload(&self, payload: Payload) -> Payload {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return payload;
        }
        let mut value = payload.value();
        self.redact_value(&mut value);
        Payload::from(&value)
    }

    fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(fields) => {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, mut value)| {
                        self.redact_value(&mut value);
                        (self.redact(name), value)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_found_however_deep_and_however_it_is_escaped() {
        let values = HashMap::from([(String::from("K"), String::from("a\"b\\c"))]);
        let used = Used::default();
        let secret = used.read(&Secrets::Given(Arc::new(values)), "K").expect("given");
        let told = json!({ "seen": [{ "key": format!("Bearer {secret}") }], (secret): 1 });
        assert_eq!(
            used.redact_payload(Payload::from(&told)).value(),
            json!({ "seen": [{ "key": "Bearer ***" }], "***": 1 })
        );
    }
}
